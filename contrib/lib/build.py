"""Builds the checkout out of tree, in build/NAME, again only where needed."""

import contextlib
import fcntl
import os
import pathlib
import subprocess

SOURCE = pathlib.Path(__file__).resolve().parents[2]
BUILDS = SOURCE / "build"
LOGS = BUILDS / "logs"


class BuildError(Exception):
    """Building failed; `log` tells why."""

    def __init__(self, what, log=None):
        super().__init__(what)
        self.log = log


def jobs():
    return len(os.sched_getaffinity(0))


def tail(path, lines=40):
    """The last lines of a log, for a person."""
    text = pathlib.Path(path).read_text(encoding="utf-8", errors="replace")
    return "\n".join(f"    | {line}" for line in text.splitlines()[-lines:])


def command(argv, log, *, cwd, env=None):
    """Run with all output appended to `log`; BuildError on failure."""
    with open(log, "a", encoding="utf-8") as out:
        print("$", *argv, file=out, flush=True)
        done = subprocess.run([str(word) for word in argv], cwd=cwd,
                              stdin=subprocess.DEVNULL, stdout=out,
                              stderr=subprocess.STDOUT, check=False,
                              env={**os.environ, **(env or {})})
    if done.returncode != 0:
        raise BuildError(f"{argv[0]} ended with {done.returncode}", log)


@contextlib.contextmanager
def _one_at_a_time():
    """Two builds would both run autoreconf in the source folder."""
    BUILDS.mkdir(exist_ok=True)
    with open(BUILDS / ".lock", "w", encoding="utf-8") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _configure(folder, args, env, log):
    """configure, unless that was done with the same words."""
    if (SOURCE / "config.status").exists():
        raise BuildError(f"{SOURCE} was configured in place: "
                         "`make distclean` there first")
    if not (SOURCE / "configure").exists():
        command(["./autogen.sh"], log, cwd=SOURCE)
    words = [*(f"{key}={value}" for key, value in (env or {}).items()), *args]
    stamp = folder / ".configured"
    if stamp.exists() and stamp.read_text() == "\n".join(words):
        return
    stamp.unlink(missing_ok=True)
    command([SOURCE / "configure", *words], log, cwd=folder)
    stamp.write_text("\n".join(words))


def build(name, *args, env=None, targets=("all",)):
    """Make build/NAME and return it. args: for configure; env: its
    variables (CC, CFLAGS)."""
    folder = BUILDS / name
    with _one_at_a_time():
        folder.mkdir(exist_ok=True)
        LOGS.mkdir(exist_ok=True)
        log = LOGS / f"build-{name}.log"
        log.write_text("")
        _configure(folder, args, env, log)
        command(["make", f"-j{jobs()}", *targets], log, cwd=folder)
    return folder
