"""contrib/check: the stages, their progress and the closing line."""

import argparse
import collections
import dataclasses
import os
import pathlib
import re
import signal
import subprocess
import sys
import threading
import time
import xml.etree.ElementTree

HERE = pathlib.Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parents[1] / "tests" / "e2e")]
sys.dont_write_bytecode = True

import build  # noqa: E402
import failures  # noqa: E402
import mutants  # noqa: E402
import sidebyside  # noqa: E402
from bed import sendmail  # noqa: E402

# What --break=PIECE must make go wrong: the title of that step begins so.
BREAKS = {"cap": "A second one", "consent": "Somebody who never",
          "opt-out": "One-click", "sign": "A receipt",
          "suppress": "A suppressed"}
HEARTBEAT_S = 20
STAGE_S = 900  # the longest takes a third; one that hangs fails
MODEL_CASES = 250000
WORLD_STEPS = 10000000
LEDGER_STEPS = 50000  # of which each is some commits
# The files of end-to-end tests that take longest; they begin first.
LONGEST = ("adopt", "breaker", "concurrency", "contrib", "copies", "holds",
           "hostile", "outside", "readme", "story_frequency", "submission",
           "trouble")
ALL = ("all", "check", "TESTS=")  # with the programs of tests, none run


@dataclasses.dataclass
class Outcome:
    """What a stage counted. A stage that breaks off counts one failure."""

    passed: int = 0
    failed: int = 0
    skipped: int = 0
    note: str = ""
    why: list = dataclasses.field(default_factory=list)  # which tests failed


@dataclasses.dataclass(frozen=True)
class Stage:
    name: str
    what: str
    run: object  # function(log) -> Outcome
    full: bool = False  # only with --full


def run_logged(argv, log, *, env=None):
    """Run with output into `log`; returns the exit status."""
    with open(log, "a", encoding="utf-8") as out:
        print("$", *argv, file=out, flush=True)
        return subprocess.run(
            [str(word) for word in argv], cwd=build.SOURCE, check=False,
            stdin=subprocess.DEVNULL, stdout=out, stderr=subprocess.STDOUT,
            env={**os.environ, **(env or {})}).returncode


def count_tap(text):
    """Sums automake's summary lines, e.g. `# PASS:  41`."""
    found = re.findall(r"^# (PASS|FAIL|XPASS|ERROR|SKIP): +(\d+)", text, re.M)
    sums = {}
    for key, number in found:
        sums[key] = sums.get(key, 0) + int(number)
    bad = sums.get("FAIL", 0) + sums.get("XPASS", 0) + sums.get("ERROR", 0)
    return Outcome(sums.get("PASS", 0), bad, sums.get("SKIP", 0))


def judged(outcome, status):
    """A bad exit status is a failure even where no test was counted, and so
    is a stage in which nothing ran."""
    if outcome.failed == 0 and (status != 0 or outcome.passed == 0):
        outcome.failed = 1
        outcome.note = f"exit status {status}, {outcome.passed} tests ran"
    return outcome


def make_check(folder, log, *, prefix=(), env=None):
    suite = folder / "test-suite.log"
    suite.unlink(missing_ok=True)
    status = run_logged([*prefix, "make", "-C", folder, f"-j{build.jobs()}",
                         "check"], log, env=env)
    outcome = judged(count_tap(log.read_text(errors="replace")), status)
    if outcome.failed:
        append_failures(log, suite)
        outcome.why = failures.of_suite(suite)
    return outcome


def append_failures(log, suite):
    """What automake keeps of the failed programs, without their passes."""
    if not suite.exists():
        return
    lines = suite.read_text(errors="replace").splitlines()
    with open(log, "a", encoding="utf-8") as out:
        for line in lines:
            if not line.startswith(("ok ", "PASS: ")):
                print(line, file=out)


def main_build():
    """What most stages use: gcc, with the programs that tests run."""
    return build.build("check", "--enable-werror", targets=ALL)


def stage_build(_log):
    main_build()
    return Outcome(passed=1)


def stage_unit(log):
    return make_check(main_build(), log)


def stage_models(log):
    """What make check does too, with more cases."""
    folder, outcome = main_build(), Outcome()
    for model in sorted((build.SOURCE / "tests/model").glob("*_model.py")):
        status = run_logged(
            [sys.executable, model, "--cases", MODEL_CASES], log,
            env={"TENDRIL_BUILDDIR": str(folder)})
        outcome.passed += status == 0
        outcome.failed += status != 0
    return judged(outcome, 0)


# The same worlds each time: a change is seen by them, not by luck. Without
# --seed the program makes new ones.
WORLD_SEED, WORLD_PROCESSES = 20261123, 2


def start_worlds(folder, seed, jobs):
    """One process of the worlds, its output to be read at the end."""
    return subprocess.Popen(
        [folder / "tests/model/worlds", f"--seed={seed}",
         f"--steps={WORLD_STEPS // jobs}",
         f"--ledger-steps={LEDGER_STEPS // jobs}"],
        cwd=folder, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT, text=True)


def show_histogram(texts):
    """Sums of what came up, over all processes; and the seeds."""
    sums = collections.Counter()
    for text in texts:
        print("       ", text.partition("\n")[0], flush=True)
        for number, what in re.findall(r"^# +(\d+) ([a-z].*)$", text, re.M):
            sums[what] += int(number)
    for what, number in sorted(sums.items()):
        if "steps" not in what:
            print(f"        {number:10} {what}", flush=True)
    return sum(n for what, n in sums.items() if what.startswith("step "))


def stage_worlds(log):
    """Random policies, histories and clocks: product and model side by side,
    in two processes."""
    folder, outcome = main_build(), Outcome()
    seed, jobs = WORLD_SEED, WORLD_PROCESSES
    running = [start_worlds(folder, seed + i * WORLD_STEPS, jobs)
               for i in range(jobs)]
    texts = [process.communicate()[0] for process in running]
    log.write_text("\n".join(texts))
    for process in running:
        outcome.passed += process.returncode == 0
        outcome.failed += process.returncode != 0
    outcome.note = f"{show_histogram(texts)} steps"
    return judged(outcome, 0)


def run_pytest(folder, log, files, *args):
    """Files of end-to-end tests, with their count read from the report."""
    report = sidebyside.run(
        files, args, log, jobs=build.jobs() + 1, cwd=build.SOURCE,
        env={**os.environ, "TENDRIL_BUILDDIR": str(folder),
             "PYTHONDONTWRITEBYTECODE": "1"})
    suite = xml.etree.ElementTree.parse(report).getroot().find("testsuite")
    total, *bad = (int(suite.get(key)) for key in sidebyside.COUNTS)
    return judged(Outcome(total - sum(bad), bad[0] + bad[1], bad[2],
                          why=failures.of_junit(report)), 0)


def test_files():
    """Of all end-to-end tests. What takes longest begins first."""
    files = sorted((build.SOURCE / "tests/e2e").glob("test_*.py"))
    return sorted(files, key=lambda path: path.stem[5:] not in LONGEST)


def stage_e2e(log):
    return run_pytest(main_build(), log, test_files(), "-m", "not long")


def stage_load(log):
    """Many applications, daemons killed and restarted: the long sizes."""
    folder = main_build()
    try:  # here, since the tests have no network
        sendmail.unpack(folder)
    except sendmail.Missing:
        pass  # its tests are skipped, and tell why
    return run_pytest(folder, log, test_files(), "-m", "long", "-s")


def stage_mutants(log):
    passed, wrong = mutants.run(log)
    return judged(Outcome(passed, len(wrong), note="; ".join(wrong)), 0)


def run_story(log, *args):
    folder = main_build()
    return run_logged([build.SOURCE / "contrib" / "run", "--once", *args],
                      log, env={"TENDRIL_BUILDDIR": str(folder)})


def stage_story(log):
    status = run_story(log)
    lines = log.read_text(errors="replace").splitlines() or [""]
    counted = re.fullmatch(r"(\d+) passed, (\d+) failed", lines[-1])
    numbers = (0, 0) if counted is None else map(int, counted.groups())
    return judged(Outcome(*numbers), status)


def stage_breaks(log):
    """The story must notice each piece that is switched off, and at the step
    that is about it. (Exit status 2 would be trouble of the bed.)"""
    outcome = Outcome()
    for piece, title in BREAKS.items():
        start = log.stat().st_size
        status = run_story(log, f"--break={piece}")
        output = log.read_bytes()[start:].decode(errors="replace")
        noticed = re.search(rf"\] {title}.*: NOT as expected", output)
        if status == 1 and noticed:
            outcome.passed += 1
        else:
            outcome.failed += 1
            outcome.note += f"--break={piece} went unnoticed "
    return outcome


def stage_clang(_log):
    build.build("clang", "--enable-werror", env={"CC": "clang"}, targets=ALL)
    return Outcome(passed=1)


def stage_asan(log):
    folder = build.build("asan", "--with-sanitizer=address,undefined")
    return make_check(folder, log)


def stage_tsan(log):
    """ThreadSanitizer wants its addresses free: no randomisation."""
    folder = build.build("tsan", "--with-sanitizer=thread")
    return make_check(folder, log, prefix=("setarch", os.uname().machine,
                                           "-R"))


def stage_hostile(log):
    """What is most likely to find a wild pointer: broken input, trouble and
    kills, against daemons that watch themselves."""
    folder = build.build("asan", "--with-sanitizer=address,undefined",
                         targets=ALL)
    files = [build.SOURCE / "tests/e2e" / f"test_{name}.py"
             for name in ("hostile", "trouble", "concurrency", "submission")]
    return run_pytest(folder, log, files, "-m", "not long")


def stage_races(log):
    folder = build.build("tsan", "--with-sanitizer=thread",
                         targets=("all", "tests/bench/milterload"))
    status = run_logged([sys.executable, "tests/e2e/tsan_load.py", folder,
                         "30"], log, env={"PYTHONDONTWRITEBYTECODE": "1"})
    return judged(Outcome(passed=int(status == 0)), status)


def stage_dist(log):
    folder = main_build()
    status = run_logged(["make", "-C", folder, f"-j{build.jobs()}",
                         "distcheck"], log)
    return judged(Outcome(passed=int(status == 0)), status)


STAGES = (
    Stage("build", "gcc, warnings are errors", stage_build),
    Stage("unit", "make check", stage_unit),
    Stage("models", "rules against slow models", stage_models),
    Stage("e2e", "end to end, real Postfix", stage_e2e),
    Stage("story", "contrib/run --once", stage_story),
    Stage("worlds", "the frequency policy beside its model, 10 million steps "
          "and some on a ledger", stage_worlds, full=True),
    Stage("breaks", "contrib/run --break=...", stage_breaks, full=True),
    Stage("load", "concurrency and kill -9, long", stage_load, full=True),
    Stage("mutants", "seeded bugs, each noticed", stage_mutants, full=True),
    Stage("clang", "clang, warnings are errors", stage_clang, full=True),
    Stage("asan", "make check, address and undefined", stage_asan, full=True),
    Stage("tsan", "make check, thread sanitizer", stage_tsan, full=True),
    Stage("hostile", "end to end, address and undefined", stage_hostile,
          full=True),
    Stage("races", "both daemons under load, thread sanitizer", stage_races,
          full=True),
    Stage("dist", "make distcheck", stage_dist, full=True),
)


def parents():
    """Of each process: {pid: its parent's}."""
    found = {}
    for stat in pathlib.Path("/proc").glob("[0-9]*/stat"):
        try:
            after_name = stat.read_bytes().rpartition(b")")[2].split()
        except OSError:  # it has ended
            continue
        found[int(stat.parent.name)] = int(after_name[1])
    return found


def descendants(pid):
    """Pids of what `pid` started, and of what that started."""
    above, found, layer = parents(), [], [pid]
    while layer:
        layer = [child for child, parent in above.items() if parent in layer]
        found += layer
    return found


def kill_descendants():
    for pid in descendants(os.getpid()):
        try:
            os.kill(pid, signal.SIGKILL)
        except ProcessLookupError:
            pass


class Heartbeat:
    """A line now and then, so that nobody takes a long stage for dead; and an
    end of one that is: what it runs is killed until it gives up."""

    def __init__(self, stage):
        self._name = stage.name
        self._end = threading.Event()
        self._thread = threading.Thread(target=self._beat, daemon=True)
        self.is_late = False

    def _beat(self):
        start = time.monotonic()
        while not self._end.wait(1 if self.is_late else HEARTBEAT_S):
            seconds = time.monotonic() - start
            if seconds > STAGE_S:
                self.is_late = True
                kill_descendants()
            else:
                print(f"        {self._name}: {seconds:.0f} s ...",
                      flush=True)

    def __enter__(self):
        self._thread.start()
        return self

    def __exit__(self, *exc):
        self._end.set()
        self._thread.join()


def run_stage(stage):
    log = build.LOGS / f"{stage.name}.log"
    log.write_text("")
    beat = Heartbeat(stage)
    try:
        with beat:
            outcome = stage.run(log)
    except build.BuildError as error:
        log = error.log or log
        outcome = Outcome(failed=1, note=str(error))
    if beat.is_late:
        outcome.failed = max(outcome.failed, 1)
        outcome.note += f" not ended in {STAGE_S} s, killed"
    if outcome.failed:
        print(build.tail(log), f"\n        whole log: {log}", flush=True)
        outcome.why = outcome.why or failures.of_log(log)
    return outcome


def text_of(outcome, seconds):
    parts = [f"{outcome.passed} passed", f"{outcome.failed} failed"]
    if outcome.skipped:
        parts.append(f"{outcome.skipped} skipped")
    if outcome.note:
        parts.append(outcome.note.strip())
    return f"{', '.join(parts)} ({seconds:.1f} s)"


def print_end(total, lines, why, seconds):
    """All of it in a few lines, the sums last: often no more is kept."""
    print("\n" + "\n".join(lines))
    print(f"  all of it: {seconds:.1f} s")
    if why:
        print("\n" + "\n".join(failures.table(why)))
    print(f"{total.passed} passed, {total.failed} failed", flush=True)


def run_all(stages):
    """Run each stage whatever became of the others; True if all is well."""
    build.LOGS.mkdir(parents=True, exist_ok=True)
    total = Outcome()
    lines, why = [], {}
    begun = time.monotonic()
    for number, stage in enumerate(stages, 1):
        print(f"[{number}/{len(stages)}] {stage.name}: {stage.what}",
              flush=True)
        start = time.monotonic()
        outcome = run_stage(stage)
        text = text_of(outcome, time.monotonic() - start)
        print(f"        {text}", flush=True)
        lines.append(f"  {'FAIL' if outcome.failed else 'ok  '} "
                     f"{stage.name:8} {text}")
        total.passed += outcome.passed
        total.failed += outcome.failed
        if outcome.failed:
            why[stage.name] = outcome.why
    print_end(total, lines, why, time.monotonic() - begun)
    return total.failed == 0


def chosen(args):
    known = {stage.name: stage for stage in STAGES}
    unknown = [name for name in args.stage if name not in known]
    if unknown:
        sys.exit(f"no such stage: {', '.join(unknown)}; see --list")
    if args.stage:
        return [known[name] for name in args.stage]
    return [stage for stage in STAGES if args.full or not stage.full]


def main():
    parser = argparse.ArgumentParser(prog="contrib/check")
    parser.add_argument("--full", action="store_true")
    parser.add_argument("--list", action="store_true")
    parser.add_argument("stage", nargs="*")
    args = parser.parse_args()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    os.umask(0o022)
    if args.list:
        for stage in STAGES:
            when = "--full" if stage.full else ""
            print(f"{stage.name:8} {when:7} {stage.what}")
        return
    try:
        sys.exit(0 if run_all(chosen(args)) else 1)
    except KeyboardInterrupt:
        sys.exit(130)


if __name__ == "__main__":
    main()
