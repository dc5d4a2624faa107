"""How contrib/check runs these files: what one does is counted once, and a
file that ends in the middle is a failure."""

import os
import pathlib
import sys
import time
import types
import xml.etree.ElementTree as etree

import pytest

from bed import proc

sys.path.insert(0, str(pathlib.Path(__file__).parents[2] / "contrib" / "lib"))
import sidebyside  # noqa: E402

LISTENS = """\
import socket, time
def test_port():
    with socket.create_server(("127.0.0.1", 20000)) as server:
        time.sleep(1)
        socket.create_connection(server.getsockname()).close()
"""


def run(folder, *texts, jobs=2, args=()):
    """Counts in the order of COUNTS, the log, the report."""
    files = [folder / f"test_{number}.py" for number in range(len(texts))]
    for path, text in zip(files, texts):
        path.write_text(text)
    log = folder / "stage.log"
    log.write_text("")
    report = sidebyside.run(
        files, args, log, jobs=jobs, cwd=folder,
        env={**os.environ, "PYTHONDONTWRITEBYTECODE": "1"})
    suite = etree.parse(report).getroot().find("testsuite")
    counts = tuple(int(suite.get(key)) for key in sidebyside.COUNTS)
    assert len(suite.findall("testcase")) == counts[0]
    return counts, log.read_text(), suite


GOOD = "def test_good():\n    pass\n"


@pytest.mark.parametrize("text, counts", [
    (GOOD, (1, 0, 0, 0)),
    (GOOD + "def test_bad():\n    assert False\n", (2, 1, 0, 0)),
    (GOOD + "import pytest\ndef test_not():\n    pytest.skip()\n",
     (2, 0, 0, 1)),
    ("x = 1\n", (0, 0, 0, 0)),
    ("not python\n", (1, 0, 1, 0)),
    (GOOD + "import os\ndef test_dies():\n    os.kill(os.getpid(), 9)\n",
     (1, 0, 1, 0)),
    (GOOD + "import os\ndef test_ends():\n    os._exit(0)\n", (1, 0, 1, 0)),
    (GOOD + "import atexit, os\natexit.register(os._exit, 7)\n",
     (2, 0, 1, 0)),
], ids=["good", "bad", "skipped", "none", "broken", "killed", "gone",
        "ends badly"])
def test_counted(tmp_path, text, counts):
    assert run(tmp_path, text)[0] == counts
    both, log, _ = run(tmp_path, text, GOOD)
    assert both == (counts[0] + 1, *counts[1:])
    assert log.count("test_1.py::test_good PASSED") == 1


def test_failed_files_end_the_log(tmp_path):
    _, log, suite = run(tmp_path, GOOD + "def test_bad():\n    assert 0\n",
                        GOOD, GOOD, jobs=1)
    titles = [line.split(":")[0] for line in log.splitlines()
              if line.startswith("=== test_")]
    assert titles == ["=== test_1.py", "=== test_2.py", "=== test_0.py"] * 2
    assert suite.find("testcase/failure/..").get("name") == "test_bad"


def test_words_for_pytest(tmp_path):
    assert run(tmp_path, GOOD, args=["-k", "nothing"])[0] == (0, 0, 0, 0)


def test_each_has_a_network(tmp_path):
    assert run(tmp_path, LISTENS, LISTENS)[0] == (2, 0, 0, 0)


def test_interrupted(tmp_path, monkeypatch):
    """None is left running."""
    sleeps = "import time\ndef test_long():\n    time.sleep(60)\n"

    def interrupt(_seconds):
        proc.wait_until(lambda: len(proc.naming(tmp_path)) == 2, 20, "both")
        raise KeyboardInterrupt
    monkeypatch.setattr(sidebyside, "time", types.SimpleNamespace(
        monotonic=time.monotonic, sleep=interrupt))
    with pytest.raises(KeyboardInterrupt):
        run(tmp_path, sleeps, sleeps)
    assert proc.naming(tmp_path) == []
