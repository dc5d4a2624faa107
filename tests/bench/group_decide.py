"""The whole path: decide, reserve durably, compose, sign. 64 connections,
distinct recipients of 1 M leads, against the ceiling.

The ledger with the leads is prepared beforehand:

    make bench BENCH=decide BENCH_LEDGER=DIR BENCH_PREPARE=COMMAND

DIR is the state-dir that tendril-milter gets. If it does not exist yet,
COMMAND is run with two arguments, DIR and the number of leads, and must fill
it (addresses lead1@example.org to leadN@example.org with their histories,
consent to the purpose of segment "bench", a policy that lets each have mail).
DIR/lead.key, token.key and epoch.key are the keys it was made with."""

import os
import pathlib
import shutil
import subprocess

from benchlib import Unavailable, group, progress
from group_sign import against_ceiling

LEADS = 1000000
LOAD = ("-c", 64, "-b", 4096, "--header", "X-Tendril-Segment: bench")
STREAM = 'segment-from = "X-Tendril-Segment"'


@group("decide", "decide, reserve durably, compose and sign, 1 M leads")
def run(bench):
    try:
        state = ledger(bench)
        product = bench.tendril(klass="nurture", state=state, stream=STREAM)
        for key in ("lead", "token", "epoch"):
            shutil.copy(state / f"{key}.key", bench.folder("tendril"))
    except (Unavailable, OSError) as why:
        bench.skip("decide", str(why))
        return
    with bench.running(product) as up:
        if up:
            with bench.running(bench.ceiling(steps=product.steps)) as others:
                measure(bench, others + up, state)


def ledger(bench):
    if bench.ledger is None:
        raise Unavailable("no prepared ledger: BENCH_LEDGER=DIR (and "
                          "BENCH_PREPARE=COMMAND to make one)")
    folder = pathlib.Path(bench.ledger)
    if folder.exists():
        return folder
    if bench.prepare is None:
        raise Unavailable(f"{folder} does not exist and no "
                          "BENCH_PREPARE=COMMAND makes it")
    progress(f"  preparing {LEADS} leads in {folder}")
    done = subprocess.run([bench.prepare, folder, str(LEADS)], check=False)
    if done.returncode != 0:
        raise Unavailable(f"{bench.prepare} ended with {done.returncode}")
    return folder


def flushes(folder):
    """Flush requests that the folder's disk has completed; None if unknown.
    (Fields after the device's name: /proc/diskstats, the 18th.)"""
    device = os.stat(folder).st_dev
    with open("/proc/diskstats", encoding="ascii") as lines:
        for line in lines:
            fields = line.split()
            if (int(fields[0]), int(fields[1])) == (
                    os.major(device), os.minor(device)):
                return int(fields[18]) if len(fields) > 18 else None
    return None


def measure(bench, up, state):
    """Each round its own part of the recipients, so that none is asked for
    twice."""
    rounds = {peer.name: {} for peer in up}
    per_second = []
    first = 0
    for turn in range(bench.rounds):
        for peer in up:
            before = flushes(state)
            try:
                figures = bench.load(
                    peer, *LOAD, "--rcpt-first", 1 + first, "--rcpt-count",
                    LEADS // bench.rounds)
            except Unavailable as why:
                bench.skip(f"decide.{peer.name}", str(why))
                return
            if peer.name == "tendril" and before is not None:
                per_second.append((flushes(state) - before)
                                  / figures["seconds"])
            progress(f"  round {turn + 1}/{bench.rounds} {peer.name}: "
                     f"{figures['rate']:.0f} msgs/s")
            for name, value in figures.items():
                rounds[peer.name].setdefault(name, []).append(value)
        first += LEADS // bench.rounds
    for name, figures in rounds.items():
        for figure, unit in (("rate", "msgs/s"), ("cpu_per_message", "us"),
                             ("p99", "ms")):
            bench.line(f"decide.64.{name}.{figure}", figures[figure], unit)
    against_ceiling(bench, "decide.64", rounds)
    if per_second:
        bench.line("decide.64.flushes", per_second, "flushes/s")
