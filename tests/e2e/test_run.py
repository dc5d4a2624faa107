"""contrib/run as a person uses it: it ends cleanly however it is ended."""

import os
import pathlib
import re
import signal
import subprocess
import tempfile

import pytest

from bed import bed as beds
from bed import proc

SOURCE = pathlib.Path(__file__).resolve().parents[2]


def start(build, *args, base=beds.BASE):
    return subprocess.Popen(
        [SOURCE / "contrib" / "run", "--build", build, *args],
        stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True,
        env={**os.environ, "TENDRIL_BED_BASE": str(base)},
        start_new_session=True)


def once(build, *args, **options):
    """(exit status, output) of contrib/run --once."""
    with start(build, "--once", *args, **options) as child:
        return (child.communicate(timeout=480)[0], child.returncode)


def recipients(output):
    return re.findall(r"^(\S+@\S+)", output, re.M)


@pytest.fixture
def base():
    """A folder that no other run uses."""
    with tempfile.TemporaryDirectory(prefix="t", dir="/tmp") as folder:
        path = pathlib.Path(folder)
        path.chmod(0o755)
        yield path


@pytest.mark.long
def test_once_is_repeatable_and_leaves_nothing(build, base):
    output, status = once(build, "--seed", "7", base=base)
    assert status == 0, output
    assert re.search(r"^[1-9]\d* passed, 0 failed$", output, re.M)
    assert max(map(len, output.splitlines())) <= 100
    assert "\x1b" not in output
    again, _ = once(build, "--seed", "7", base=base)
    assert recipients(again) == recipients(output) != []
    other, _ = once(build, "--seed", "8", base=base)
    assert recipients(other) != recipients(output)
    assert list(base.iterdir()) == []


def test_unbuilt_is_trouble_and_not_a_verdict(tmp_path):
    output, status = once(tmp_path)
    assert status == 2
    assert "is not built" in output


def until_running(child):
    """Read the output up to the point where it stays up."""
    lines = []
    for line in child.stdout:
        lines.append(line)
        if line.startswith("Running."):
            return "".join(lines)
    raise proc.BedError("contrib/run ended: " + "".join(lines))


@pytest.mark.parametrize("signum", [
    signal.SIGINT,
    *(pytest.param(other, marks=pytest.mark.long) for other in (
        signal.SIGTERM, signal.SIGHUP, signal.SIGKILL))])
def test_everything_goes_away(build, signum):
    with start(build, "--seed", "3") as child:
        output = until_running(child)
        root = pathlib.Path(re.search(
            rf"{beds.BASE}/{beds.PREFIX}\w+", output)[0])
        assert len(proc.naming(root)) > 3
        child.send_signal(signum)
        child.wait(120)
    proc.wait_until(lambda: not root.exists(), 10, "removal of the folder")
    proc.wait_until(lambda: not proc.naming(root), 10, "end of the daemons")


def test_sending_by_hand(build):
    with start(build, "--seed", "4") as child:
        output = until_running(child)
        send = re.search(rf"{beds.BASE}/{beds.PREFIX}\w+/send", output)[0]
        answer = proc.run([send, "you@north.example", "newsletter"]).stdout
        assert answer.startswith("250 ")
        again = proc.run([send, "you@north.example", "newsletter"]).stdout
        assert again.startswith("550 ")
        refused = proc.run([send, "you@north.example", "nonsense"]).stdout
        assert refused.startswith("550 ")
        for line in child.stdout:
            if "you@north.example" in line:
                assert "rsa" in line and " ok" in line
                break
        os.kill(child.pid, signal.SIGTERM)
