"""/v1/check: may these be written to, now? Asked of a running tendril-agent
over its socket, 10 000 people at once, on a ledger with full histories that is
in memory (see group decide for its options). Against the verdict on one person
after the other inside a program (bench_decide).

check.LEADS.rate        people answered a second, request and reply included
check.LEADS.cpu         the agent's CPU time for each
check.LEADS.request     ms for one request of 10 000"""

import http.client
import json
import os
import random
import shutil
import socket
import subprocess
import time

from benchlib import Unavailable, die_with_parent, group, progress
from group_decide import ledger

AT_ONCE = 10000
START_S = 20
CONF = """state-dir = "{state}"
authserv-id = "mail.example.com"
lead-key = "{state}/lead.key"
token-key = "{state}/token.key"
epoch-key = "{state}/epoch.key"
agent {{ api = "{socket}" }}
milter {{ socket = "unix:{socket}.milter" }}
stream rest {{ class = "pass" }}
"""


@group("check", "/v1/check: thousands of people at once")
def run(bench):
    name = f"check.{bench.leads // 1000}k"
    state = ledger(bench, bench.leads, bench.ledger)
    one_by_one = alone(bench, state)
    figures = {"rate": [], "cpu": [], "request": []}
    with Agent(bench, state) as agent:
        for numbers in bodies(everybody(bench.leads, 0)):
            agent.ask(numbers)  # from now on all of it is in memory
        for turn in range(bench.rounds):
            measure(bench, agent, everybody(bench.leads, turn), figures)
            progress(f"  round {turn + 1}/{bench.rounds}: "
                     f"{figures['rate'][-1]:.0f} people/s, "
                     f"{figures['cpu'][-1]:.1f} us")
    bench.line(f"{name}.rate", figures["rate"], "people/s", "explain.rate",
               [one_by_one] * bench.rounds)
    bench.line(f"{name}.cpu", figures["cpu"], "us")
    bench.line(f"{name}.request", figures["request"], "ms")


def everybody(leads, turn):
    numbers = list(range(1, leads + 1))
    random.Random(turn).shuffle(numbers)
    return numbers


def bodies(numbers):
    return [numbers[at:at + AT_ONCE]
            for at in range(0, len(numbers) - AT_ONCE + 1, AT_ONCE)]


def measure(bench, agent, numbers, figures):
    """Requests for so long, each about other people."""
    asked = bodies(numbers)
    cpu, took, n = -agent.cpu_s(), 0.0, 0
    while took < bench.seconds:
        took += agent.ask(asked[n % len(asked)])
        n += 1
    cpu += agent.cpu_s()
    figures["rate"].append(n * AT_ONCE / took)
    figures["cpu"].append(cpu / (n * AT_ONCE) * 1e6)
    figures["request"].append(took / n * 1000)


def alone(bench, state):
    done = subprocess.run(
        [bench.program("tests/bench/bench_decide"), state, str(bench.leads),
         "0", "0.2", "64"],
        capture_output=True, text=True, timeout=120, check=False)
    if done.returncode != 0:
        raise Unavailable(done.stderr.strip())
    told = dict(line.split("\t")[:2] for line in done.stdout.splitlines())
    return float(told["explain.rate"])


class Connection(http.client.HTTPConnection):
    """HTTP on a unix socket."""

    def __init__(self, path):
        super().__init__("agent")
        self._path = path

    def connect(self):
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.connect(str(self._path))


class Agent:
    """A tendril-agent that only answers its socket."""

    def __init__(self, bench, state):
        self._folder = bench.folder("agent")
        self._socket = self._folder / "api.sock"
        self.conf = conf = self._folder / "conf"
        conf.write_text(CONF.format(state=state, socket=self._socket))
        self._argv = [bench.program("tendril-agent"), "--conf", conf]

    def __enter__(self):
        log = self._folder / "log"
        with open(log, "wb") as out:
            self._child = subprocess.Popen(
                self._argv, stdin=subprocess.DEVNULL, stdout=out, stderr=out,
                preexec_fn=die_with_parent,
                env={**os.environ, "TENDRIL_LOG": "stderr"})
        end = time.monotonic() + START_S
        while not self._socket.exists():
            if self._child.poll() is not None or time.monotonic() > end:
                raise Unavailable(
                    f"tendril-agent: {log.read_text(errors='replace')[-300:]}")
            time.sleep(0.05)
        return self

    def __exit__(self, *_):
        self._child.terminate()
        self._child.wait(20)
        shutil.rmtree(self._folder)

    def cpu_s(self):
        fields = open(f"/proc/{self._child.pid}/stat",
                      encoding="ascii").read().rsplit(")", 1)[1].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def ask(self, numbers):
        """Seconds from the first byte sent to the last one read."""
        body = json.dumps({"segment": "bench", "recipients": [
            f"lead{number}@example.org" for number in numbers]})
        connection = Connection(self._socket)
        began = time.perf_counter()
        connection.request("POST", "/v1/check", body,
                           {"Content-Type": "application/json"})
        reply = connection.getresponse()
        answer = reply.read()
        took = time.perf_counter() - began
        connection.close()
        if (reply.status != 200
                or answer.count(b'"verdict":') != len(numbers)):
            raise Unavailable(f"/v1/check: {reply.status} {answer[:300]!r}")
        return took
