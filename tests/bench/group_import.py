"""tendril lead import: rows a second through the command line and a running
agent, into a ledger that decisions are made on at the same time.

    make bench BENCH=import [BENCH_LEADS=1000000]

As many rows as BENCH_LEADS says, each a person with three attributes, in no
order. Decisions are paced (bench_paced): 200 a second by a second process, as
the milter is one, for people of a ledger with full histories.

import.ROWS.new.rate        people who are not known, decisions meanwhile
import.ROWS.alone.rate      other people who are not known, no decisions
import.ROWS.same.rate       the same list again: nothing changes
import.ROWS.changed.rate    the same people, one attribute differs
import.ROWS.new.cpu         the agent's CPU time a row
import.ROWS.bytes_a_lead    what one adds to the ledger on disk
import.ROWS.decision.p99    ms, while new people are imported, against before
import.ROWS.decision.p50
import.ROWS.disk.p99        ms for PROBE_PAGES scattered pages of a file of its
                            own and a flush, PROBES a second: what the disk made
                            of it while new people were imported, against before
"""

import os
import random
import shutil
import subprocess
import threading
import time

from benchlib import Unavailable, group, progress
from group_check import Agent
from group_decide import SMALL, ledger, ledger_file

RATE = 200
BEFORE_S = 4
PROBES, PROBE_PAGES, PROBE_SIZE, PAGE = 40, 16, 1 << 27, 4096


@group("import", "tendril lead import, and decisions meanwhile")
def run(bench):
    name = f"import.{bench.leads // 1000}k"
    kinds = {kind: [] for kind in ("new", "alone", "same", "changed")}
    cpu, size = [], []
    paced = {when: {"p50": [], "p99": [], "disk": []}
             for when in ("before", "during")}
    for turn in range(bench.rounds):
        state = ledger(bench, SMALL)
        folder = bench.folder("lists")
        first = write(folder / "first.csv", bench.leads, turn, "a")
        second = write(folder / "second.csv", bench.leads, turn, "b")
        other = write(folder / "other.csv", bench.leads, turn, "a", "q")
        with Agent(bench, state) as agent:
            keep(paced["before"], decisions(bench, state, BEFORE_S))
            blocks = used(state)
            cpu_s = -agent.cpu_s()
            kinds["new"].append(during(bench, agent, state, first,
                                       paced["during"]))
            cpu.append((cpu_s + agent.cpu_s()) / bench.leads * 1e6)
            size.append((used(state) - blocks) / bench.leads)
            kinds["alone"].append(rate(bench, agent, other))
            kinds["same"].append(rate(bench, agent, first))
            kinds["changed"].append(rate(bench, agent, second))
        shutil.rmtree(state)
        progress(f"  round {turn + 1}/{bench.rounds}: " + ", ".join(
            f"{kind} {rates[-1]:.0f}/s" for kind, rates in kinds.items()) +
            f", p99 {paced['during']['p99'][-1]:.1f} ms")
    for kind, rates in kinds.items():
        bench.line(f"{name}.{kind}.rate", rates, "rows/s")
    bench.line(f"{name}.new.cpu", cpu, "us")
    bench.line(f"{name}.bytes_a_lead", size, "bytes")
    for figure in ("p50", "p99"):
        bench.line(f"{name}.decision.{figure}", paced["during"][figure], "ms",
                   "before", paced["before"][figure])
    bench.line(f"{name}.disk.p99", paced["during"]["disk"], "ms",
               "before", paced["before"]["disk"])


def write(path, rows, turn, word, prefix="p"):
    numbers = list(range(rows))
    random.Random(turn).shuffle(numbers)
    with open(path, "w", encoding="ascii") as out:
        out.write("address,name,company,language\n")
        for n in numbers:
            out.write(f"{prefix}{n}@firm{n % 50000}.example,Person {n},"
                      f"Firm {n % 50000},{word}{n % 7}\n")
        out.flush()
        os.fsync(out.fileno())  # not while decisions are timed
    return path


def used(state):
    return ledger_file(state).stat().st_blocks * 512


def rate(bench, agent, path):
    began = time.perf_counter()
    done = subprocess.run(
        [bench.program("tendril"), "lead", "import", path, "--conf",
         agent.conf], capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise Unavailable(done.stderr.strip()[-300:])
    return bench.leads / (time.perf_counter() - began)


class Probe:
    """The disk that the ledger lies on, without the ledger."""

    def __init__(self, state):
        self._took, self._stop = [], threading.Event()
        self._file = open(state / "disk.tmp", "w+b", buffering=0)
        os.unlink(self._file.name)
        for _ in range(PROBE_SIZE >> 20):
            self._file.write(os.urandom(1 << 20))
        os.fsync(self._file.fileno())
        self._thread = threading.Thread(target=self._run)
        self._thread.start()

    def _run(self):
        while not self._stop.wait(1 / PROBES):
            places = sorted(random.sample(range(PROBE_SIZE // PAGE),
                                          PROBE_PAGES))
            data = os.urandom(PAGE)
            began = time.perf_counter()
            for at in places:
                os.pwrite(self._file.fileno(), data, at * PAGE)
            os.fdatasync(self._file.fileno())
            self._took.append((time.perf_counter() - began) * 1000)

    def p99(self):
        self._stop.set()
        self._thread.join()
        self._file.close()
        took = sorted(self._took)
        return took[len(took) * 99 // 100]


def decisions(bench, state, seconds):
    """{"p50": ms, "p99": ms, "max": ms, "disk": ms at the 99th percentile}"""
    probe = Probe(state)
    try:
        told = paced_decisions(bench, state, seconds)
    finally:
        disk = probe.p99()
    return {**told, "disk": disk}


def paced_decisions(bench, state, seconds):
    done = subprocess.run(
        [bench.program("tests/bench/bench_paced"), state, str(SMALL),
         str(RATE), str(seconds)],
        capture_output=True, text=True, check=False,
        env={**os.environ, "TENDRIL_LOG": "stderr"})
    if done.returncode != 0:
        raise Unavailable(done.stderr.strip()[-300:])
    return {line.split("\t")[0].removeprefix("paced."):
            float(line.split("\t")[1]) for line in done.stdout.splitlines()}


def keep(figures, told):
    for name, values in figures.items():
        values.append(told[name])


def during(bench, agent, state, path, figures):
    """The import's rate; decisions for as long as an import takes at the
    target, which is no longer than it takes."""
    told = []
    watcher = threading.Thread(target=lambda: told.append(
        decisions(bench, state, max(0.5, bench.leads / 150000))))
    watcher.start()
    found = rate(bench, agent, path)
    watcher.join()
    if not told:
        raise Unavailable("bench_paced did not end well")
    keep(figures, told[0])
    return found
