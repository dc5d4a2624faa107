"""What a person at the command line hears when the agent cannot do it now:
exit status 75, and nothing was done."""

import http.server
import json
import pathlib
import socketserver
import threading
import time

import pytest

from bed import conf, proc
from ledger import Ledger


class _Handler(http.server.BaseHTTPRequestHandler):
    def do_POST(self):
        self.rfile.read(int(self.headers.get("Content-Length", 0)))
        self.send_response(self.server.status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(self.server.body)))
        self.end_headers()
        self.wfile.write(self.server.body)

    def address_string(self):
        return "unix"

    def log_message(self, *_words):
        pass


class _Server(socketserver.ThreadingUnixStreamServer):
    daemon_threads = True


@pytest.fixture
def stand_in(build, make_bed):
    """Function: a command's exit status and complaint when an agent answers
    with this status and body."""
    bed = make_bed(build)
    server = _Server(str(bed.conf.api), _Handler)
    threading.Thread(target=server.serve_forever, daemon=True,
                     kwargs={"poll_interval": 0.05}).start()

    def ask(status, body):
        server.status, server.body = status, body
        done = bed.tendril.cli("consent", "grant", "a@north.example",
                               "newsletter", check=False)
        return done.returncode, done.stderr

    yield ask
    server.shutdown()
    server.server_close()


def test_exit_status_of_an_answer(stand_in):
    said = json.dumps({"error": "ledger: busy"}).encode()
    for status, code in ((400, 2), (403, 1), (404, 1), (409, 1), (413, 2),
                         (429, 75), (500, 75), (503, 75)):
        assert stand_in(status, said) == (code, "tendril: ledger: busy\n"), \
            status
    code, complaint = stand_in(503, b"{}")
    assert code == 75 and "503" in complaint
    code, complaint = stand_in(503, b"<html>")
    assert code == 75 and "not the agent's" in complaint
    code, complaint = stand_in(200, b"<html>")
    assert code == 75 and "not the agent's" in complaint


def calls(bed):
    """Connections to the agent's socket, in /proc/net/unix: state 3."""
    rows = [line.split() for line in
            pathlib.Path("/proc/net/unix").read_text().splitlines()]
    return sum(row[5] == "03" and row[7:] == [str(bed.conf.api)]
               for row in rows)


@pytest.mark.long
def test_ledger_is_busy(build, make_bed):
    """Somebody else writes: the first proposal is waited for, others are told
    after 20 s to come again."""
    bed = make_bed(build, policy=conf.PolicyText())
    bed.start_milter()
    bed.start_agent()

    def grant(person):
        return bed.tendril.cli("consent", "grant", person, "newsletter",
                               check=False)

    with Ledger(bed).held():
        first = proc.Daemon(
            "first", [bed.tendril.builddir / "tendril", "--conf",
                      bed.conf_file, "consent", "grant", "a@north.example",
                      "newsletter"], bed.root / "first.log")
        proc.wait_until(lambda: calls(bed) > 0, 20, "the first one's call")
        time.sleep(1)  # it is taken in
        second = grant("b@north.example")
        assert second.returncode == 75
        assert second.stderr == "tendril: ledger: busy\n"
    assert first.wait(120) in (0, 75)  # 75: the agent itself was first
    assert grant("b@north.example").returncode == 0
