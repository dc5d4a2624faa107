"""The end of contrib/check: the names of the tests that failed are in it, in
few lines, since often no more of a run is kept than that."""

import pathlib
import subprocess
import sys

import pytest

SOURCE = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(SOURCE / "contrib" / "lib"))

import build  # noqa: E402
import check  # noqa: E402
import failures  # noqa: E402
from bed import proc  # noqa: E402

DRIVER = SOURCE / "build-aux" / "tap-driver.sh"
RACE = "SUMMARY: ThreadSanitizer: data race agent/x.c:7 in close_it"


def suite_of(folder, **programs):
    """automake's test-suite.log after these shell scripts failed."""
    text = ".. contents:: :depth: 2\n\n"
    for name, script in programs.items():
        log = folder / f"{name}.log"
        subprocess.run(
            ["sh", DRIVER, "--test-name", name, "--log-file", log,
             "--trs-file", folder / f"{name}.trs", "--color-tests", "no",
             "--", "sh", "-c", script], check=True, capture_output=True)
        title = f"ERROR: {name}"
        text += f"{title}\n{'=' * len(title)}\n\n{log.read_text()}\n"
    suite = folder / "test-suite.log"
    suite.write_text(text)
    return suite


@pytest.mark.parametrize("script, lines", [
    ("echo ok 1 - good; echo not ok 2 - bad; echo '# at t.c:9'; echo 1..2; "
     "exit 1", ["t 2 - bad (at t.c:9)"]),
    (f"echo ok 1; echo 1..1; echo '{RACE}' >&2; exit 66",
     [f"t: {RACE}", "t - exited with status 66"]),
    ("echo ok 1; kill -SEGV $$", [
        "t - missing test plan",
        "t - exited with status 139 (terminated by signal 11?)"]),
    ("echo ok 1; echo 1..2", ["t - too few tests run (expected 2, got 1)"]),
    ("echo 'ERROR: other 1 - said by the test itself'; echo not ok 1; "
     "echo 1..1; exit 1", ["t 1"]),
])
def test_of_make_check(tmp_path, script, lines):
    assert sorted(failures.of_suite(suite_of(tmp_path, t=script))) == \
        sorted(lines)


def test_of_pytest(tmp_path):
    (tmp_path / "test_it.py").write_text("""
import pytest

@pytest.mark.parametrize("n", [1, 2])
def test_sum(n):
    assert n == 1, "two\\nlines"

@pytest.fixture
def broken():
    raise OSError("no bed")

def test_never_runs(broken):
    pass
""")
    report = tmp_path / "report.xml"
    subprocess.run([sys.executable, "-m", "pytest", "-p", "no:cacheprovider",
                    f"--junitxml={report}", tmp_path], check=False,
                   cwd=tmp_path, capture_output=True)
    assert failures.of_junit(report) == [
        "test_it.py::test_sum[2]: AssertionError: two",
        'test_it.py::test_never_runs: failed on setup with "OSError: no bed"']


def test_reports_that_are_not_there_or_broken(tmp_path):
    none = tmp_path / "none"
    for read in (failures.of_junit, failures.of_suite, failures.of_log):
        assert read(none) == []
    none.write_bytes(b"\xff<testsuite")
    assert len(failures.of_junit(none)) == 1
    assert failures.of_suite(none) == []


def test_many_are_few_lines():
    lines = failures.table({"unit": [f"t {n}" for n in range(100)],
                            "e2e": ["x" * 1000], "dist": []})
    assert len(lines) <= failures.MOST
    assert max(map(len, lines)) <= failures.WIDTH
    assert lines[0] == "  unit: t 0" and "and 95 more" in lines[5]
    assert lines[-1].startswith("  dist: ")


def test_end_of_a_run(tmp_path, monkeypatch, capsys):
    """Names stand between the table and the sums, which are last."""
    suite = suite_of(tmp_path, t="echo not ok 1 - it; echo 1..1; exit 1")

    def unit(_log):
        return check.Outcome(8, 1, why=failures.of_suite(suite))

    def story(log):
        log.write_text("step 1\n] A receipt: NOT as expected\nthe end\n")
        return check.Outcome(3, 1)
    monkeypatch.setattr(build, "LOGS", tmp_path / "logs")
    assert not check.run_all([check.Stage("unit", "", unit),
                              check.Stage("good", "", lambda _: check.Outcome(
                                  5)), check.Stage("story", "", story)])
    end = capsys.readouterr().out.splitlines()[-4:]
    assert end == ["", "  unit: t 1 - it",
                   "  story: ] A receipt: NOT as expected",
                   "16 passed, 2 failed"]


def test_stage_that_hangs(tmp_path, monkeypatch, capsys):
    """It fails, what it ran is ended, and the next one runs."""
    pids = []

    def hangs(log):
        with subprocess.Popen(["sh", "-c", "sleep 1000 & echo $!; wait"],
                              stdout=subprocess.PIPE) as shell:
            pids.append(int(shell.stdout.readline()))
            shell.wait()
        return check.Outcome(1)
    monkeypatch.setattr(build, "LOGS", tmp_path / "logs")
    monkeypatch.setattr(check, "HEARTBEAT_S", 0.1)
    monkeypatch.setattr(check, "STAGE_S", 0.3)
    assert not check.run_all([check.Stage("hangs", "", hangs), check.Stage(
        "good", "", lambda _: check.Outcome(5))])
    end = capsys.readouterr().out.splitlines()
    assert end[-1] == "6 passed, 1 failed"
    assert any("FAIL hangs" in line and "killed" in line for line in end)
    proc.wait_until(lambda: not proc.is_alive(pids[0]), 5, "its end")
