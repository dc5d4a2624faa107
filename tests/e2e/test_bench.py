"""tests/bench: the load generator against a filter that says what it is told,
and what `make bench` makes of figures and failures."""

import collections
import os
import pathlib
import re
import subprocess
import sys

import pytest

HERE = pathlib.Path(__file__).resolve().parent
BENCH = HERE.parent / "bench"
sys.path[:0] = [str(BENCH), str(HERE.parent / "mta")]

import benchlib  # noqa: E402
import milterwire as wire  # noqa: E402
from fakefilter import FakeFilter  # noqa: E402

INSERT = wire.packet(b"i", b"\0\0\0\0X\0 y\0")


@pytest.fixture(scope="module")
def folder():
    """The build folder, with the programs of the benches in it."""
    path = os.environ.get("TENDRIL_BUILDDIR")
    if not path:
        pytest.fail("TENDRIL_BUILDDIR does not name a build folder")
    subprocess.run(["make", "-C", path, "tests/bench/milterload",
                    "tests/bench/nullmilter", "tests/bench/ceilingmilter"],
                   check=True, stdout=subprocess.DEVNULL)
    return path


@pytest.fixture
def load(folder, tmp_path):
    """load(options..., script=..., steps=...): (figures, packets seen)"""
    def run(*options, **filter_options):
        one = FakeFilter(tmp_path / "f", **filter_options)
        done = subprocess.run(
            [f"{folder}/tests/bench/milterload", "-s", one.address, "-c", "1",
             "-p", str(os.getpid()), *options],
            capture_output=True, text=True, check=False, timeout=60)
        one.close()
        os.unlink(tmp_path / "f")
        figures = {}
        for line in done.stdout.splitlines():
            name, value, _unit = line.split("\t")
            figures[name] = float.fromhex(value) if name == "steps" else (
                float(value))
        return done, figures, one.seen
    return run


def kinds(seen):
    return b"".join(p[:1] for p in seen if p[:1] != b"D")


def test_what_is_sent(load):
    """The packets of one message, with --new-session and without."""
    steps = wire.NR_HDR | wire.NR_EOH | wire.NR_BODY | wire.HDR_LEADSPC
    _, figures, seen = load("-n", "2", "-H", "6", "-b", "70000", "-R", "2",
                            "--auth", "app1", "--daemon-name", "apps",
                            "--header", "X-Tendril-Segment: news",
                            steps=steps)
    message = b"MRRT" + b"L" * 7 + b"NBBEA"
    assert kinds(seen) == b"OCH" + message + message + b"Q"
    assert figures["messages"] == figures["accepted"] == 2
    assert figures["steps"] == steps
    macros = b"".join(p for p in seen if p[:1] == b"D")
    assert b"{daemon_name}\0apps\0" in macros
    assert b"{auth_type}\0PLAIN\0{auth_authen}\0app1\0" in macros
    assert b"LX-Tendril-Segment\0 news\0" in seen
    assert sum(len(p) - 1 for p in seen if p[:1] == b"B") == 140000
    ids = {p for p in seen if p.startswith(b"LMessage-ID\0")}
    assert len(ids) == 2, "each message its own Message-ID"
    queue_ids = set(re.findall(rb"DTi\0(\w+)\0", b"\n".join(seen)))
    assert len(queue_ids) == 2
    _, _, seen = load("-n", "2", "-H", "6", "-b", "10", "--new-session")
    assert kinds(seen).startswith(b"OCHMRTLLLLLLNBEAQOCHMR")


def test_recipients_are_distinct(load):
    _, _, seen = load("-n", "30", "-R", "3", "--rcpt-first", "100",
                      "--rcpt-count", "90", "--rcpt-domain", "x.example")
    counts = collections.Counter(p for p in seen if p[:1] == b"R")
    assert set(counts) == {b"R<lead%d@x.example>\0" % n
                           for n in range(100, 190)}
    assert set(counts.values()) == {1}


@pytest.mark.parametrize("event, packets, outcome", [
    ("eom", [wire.packet(b"c")], "accepted"),
    ("mail", [wire.packet(b"a")], "accepted"),
    ("eom", [wire.packet(b"p"), wire.packet(b"q", b"why\0"),
             wire.packet(b"a")], "quarantined"),
    ("eom", [wire.packet(b"d")], "discarded"),
    ("mail", [wire.packet(b"d")], "discarded"),
    ("rcpt", [wire.packet(b"r")], "rejected"),
    ("data", [wire.packet(b"y", b"550 5.7.1 no\0")], "rejected"),
    ("header", [wire.packet(b"t")], "tempfailed"),
    ("eom", [wire.packet(b"y", b"451 4.3.0 no\0")], "tempfailed"),
    ("eom", None, "lost"),
    ("mail", [wire.packet(b"?")], "lost"),
    ("mail", [INSERT], "lost"),
    ("eom", [wire.packet(b"i", b"short")], "lost"),
    ("rcpt", [b"\0\0\0\0"], "lost"),
    ("body", [wire.packet(b"s")], "accepted"),
], ids=lambda value: value if isinstance(value, str) else "")
def test_outcomes(load, event, packets, outcome):
    _, figures, _ = load("-n", "3", script={event: packets})
    assert figures[outcome] == figures["messages"] == 3
    assert figures["unfinished"] == 0


def test_skip_ends_the_body_only(load):
    _, _, seen = load("-n", "1", "-b", "200000",
                      script={"body": [wire.packet(b"s")]}, steps=wire.SKIP)
    assert kinds(seen).count(b"B") == 1 and b"BE" in kinds(seen)


def test_changes_are_counted(load):
    _, figures, _ = load("-n", "4", script={
        "eom": [INSERT, INSERT, wire.packet(b"c")]})
    assert figures["changes"] == 8


def test_silent_filter_shows_as_unfinished(load):
    done, figures, _ = load("-t", "0.2", "--drain", "0.3",
                            script={"eom": []})
    assert figures["unfinished"] == 1 and figures["messages"] == 0
    assert figures["max"] >= 400, "its wait counts"
    assert done.returncode == 1 and "no message was answered" in done.stderr


def test_open_loop(load):
    _, figures, _ = load("-t", "1", "-r", "100")
    assert 30 <= figures["messages"] <= 101  # fewer on a busy machine


def test_no_filter(folder, tmp_path):
    for options, status in ((["-s", f"unix:{tmp_path}/nobody", "-t", "0.1",
                              "-n", "1"], 1),
                            (["-s", "smtp:x"], 1), ([], 2),
                            (["-s", "unix:/x", "-b", "-1"], 2),
                            (["-s", "unix:/x", "--header", "nonsense"], 2)):
        done = subprocess.run(
            [f"{folder}/tests/bench/milterload", *options],
            capture_output=True, text=True, check=False, timeout=60)
        assert done.returncode == status, options


# --- bench.py --------------------------------------------------------------

@pytest.fixture
def bench(folder):
    with benchlib.Bench(folder, rounds=1, seconds=1) as one:
        yield one


def test_lines(bench, capsys):
    bench.line("a.rate", [10, 30, 20], "msgs/s", "b.rate", [1, 10, 4])
    bench.line("a.count", [1234567.0], "msgs")
    bench.line("a.none", [5], "ms", "b.none", [0])
    bench.skip("c", "no reason")
    assert capsys.readouterr().out.splitlines() == [
        "a.rate\t20\tmsgs/s\tb.rate\t4\t5",     # median of 10, 3, 5
        "a.count\t1234567\tmsgs\t\t\t",
        "a.none\t5\tms\tb.none\t0\t",
        "c\tskipped: no reason"]
    assert bench.skipped == ["c"]


def test_peers(bench, capsys):
    """The two filters run, sign as often as they should, and are gone."""
    peers = [bench.null(), bench.ceiling(ed25519=True, steps=0)]
    with bench.running(*peers) as up:
        assert [p.name for p in up] == ["null", "ceiling"]
        assert up[0].steps & wire.NR_BODY and not up[1].steps
        pids = [p.pid for p in up]
        rounds = bench.rounds_of(up, "-c", 2)
        assert rounds["null"]["changes"] >= rounds["null"]["accepted"]
        assert rounds["ceiling"]["changes"][0] == (
            2 * rounds["ceiling"]["accepted"][0])
    for pid in pids:
        with pytest.raises(ProcessLookupError):
            os.kill(pid, 0)
    assert capsys.readouterr().out == ""


def test_peer_that_does_not_sign_is_no_measure(bench, capsys):
    peer = bench.null()
    peer.signs = 2
    with bench.running(peer) as up:
        assert not bench.rounds_of(up, "-c", 2)
    assert "skipped: null: " in capsys.readouterr().out


def test_peer_that_does_not_start(bench, capsys):
    peer = bench.null()
    peer.argv = [peer.argv[0], "-s", "nonsense:/x"]
    with bench.running(peer) as up:
        assert up == []
    assert "null\tskipped: null: " in capsys.readouterr().out


def run_bench(folder, *args):
    return subprocess.run(
        ["/usr/bin/python3", BENCH / "bench.py", "--build", folder, *args],
        capture_output=True, text=True, check=False, timeout=120)


def test_exit_status(folder, tmp_path):
    done = run_bench(folder, "--groups", "nonsense")
    assert done.returncode == 2 and "there are" in done.stderr
    done = run_bench(folder, "--groups", "decide")
    assert done.returncode == 3
    assert "\tskipped: tests/bench/makeledger is not built" in done.stdout
    done = run_bench(tmp_path, "--groups", "memory")
    assert done.returncode == 3
    assert "tendril-milter is not built" in done.stdout
