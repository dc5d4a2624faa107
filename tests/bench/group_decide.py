"""The whole path: decide, reserve durably, compose, sign. 64 connections, each
message to another person of a ledger with full histories, against the ceiling.

    make bench BENCH=decide [BENCH_LEADS=1000000] [BENCH_LEDGER=DIR]
                            [BENCH_HISTORY=2:4]

The ledger is made by makeledger (see there): 100 000 people unless BENCH_LEADS
says otherwise, about 20 KB and 0.3 ms each. With BENCH_LEDGER it stays in DIR
and is used again; without, it is in the temporary folder and goes with it.
BENCH_HISTORY: how many messages each was sent, from 20:60; 10 million people
with 2:4 take 30 GB.

tendril-milter is started afresh in each round, after the ledger has left the
page cache. Each round asks for people of its own.

decide.LEADS.64.PEER.*          as in group sign, LEADS in thousands
decide.LEADS.64.commits         batches made durable, and
decide.LEADS.64.fsyncs          the disk flushes of it, two each, a second
decide.LEADS.64.batch           proposals in one commit
decide.LEADS.64.batch_p99       a batch from its first decision to its commit,
                                against the disk alone: FLUSHED pages scattered
                                over a file, and one flush
decide.LEADS.bytes_a_lead       the ledger on disk, freshly made
decide.LEADS.propose.*          bench_decide, no mail: a proposal's CPU time
decide.LEADS.explain.*          and a verdict's alone, against 10 000 people"""

import os
import pathlib
import random
import re
import shutil
import subprocess
import time

from benchlib import Unavailable, group, progress
from group_sign import against_ceiling

SMALL = 10000
HUGE = 10000000
THREADS = 64
LOAD = ("-c", 64, "-b", 4096, "--header", "X-Tendril-Segment: bench")
STREAM = 'segment-from = "X-Tendril-Segment"'
FLUSHES_A_COMMIT = 2
FLUSHED = 100
APART_S = 2.1  # the policy of makeledger: two seconds between a person's two


@group("decide", "decide, reserve durably, compose and sign, full histories")
def run(bench):
    name = f"decide.{bench.leads // 1000}k"
    try:
        state = ledger(bench, bench.leads, bench.ledger)
        size = ledger_file(state).stat().st_blocks * 512
        bench.line(f"{name}.bytes_a_lead", [size / bench.leads], "bytes")
        whole_path(bench, name, state)
        alone(bench, name, state)
    except (Unavailable, OSError) as why:
        bench.skip(name, str(why))
    if bench.leads < HUGE:
        bench.line_skipped(f"decide.{HUGE // 1000}k",
                           f"BENCH_LEADS={HUGE} was not asked for")


def ledger(bench, leads, wanted=None):
    """Folder of a ledger with so many people: the one of an earlier run, or
    made now."""
    folder = pathlib.Path(wanted or bench.folder("ledgers") / str(leads))
    mark = folder / "leads"
    what = f"{leads} {bench.history}"
    if mark.exists():
        if mark.read_text().strip() != what:
            raise Unavailable(f"{folder} has {mark.read_text().strip()} leads")
        return folder
    if folder.exists():
        raise Unavailable(f"{folder} is no finished ledger of this bench")
    progress(f"  making {leads} leads in {folder}")
    subprocess.run([bench.program("tests/bench/makeledger"),
                    "-m", bench.history, folder, str(leads)], check=True)
    mark.write_text(f"{what}\n")
    return folder


def ledger_file(state):
    return state / "ledger" / "data.mdb"


def cool(state):
    """Takes the ledger out of the page cache; nobody has it open now."""
    fd = os.open(ledger_file(state), os.O_RDONLY)
    try:
        os.fdatasync(fd)
        os.posix_fadvise(fd, 0, 0, os.POSIX_FADV_DONTNEED)
    finally:
        os.close(fd)


# --- the whole path ----------------------------------------------------------

def whole_path(bench, name, state):
    product = bench.tendril(klass="nurture", state=state, stream=STREAM)
    for key in ("lead", "token", "epoch"):
        shutil.copy(state / f"{key}.key", bench.folder("tendril"))
    rounds = {"tendril": {}, "ceiling": {}}
    share = bench.leads // bench.rounds
    time.sleep(APART_S)  # an earlier run may just have ended
    for turn in range(bench.rounds):
        cool(state)
        with bench.running(product) as up:
            if not up:
                return
            steps = product.steps
            note(bench, rounds, product, turn, "--rcpt-first",
                 1 + turn * share, "--rcpt-count", share)
        note_door(rounds["tendril"], product)
        rounds["tendril"].setdefault("disk_p99", []).append(disk_p99(state))
        with bench.running(bench.ceiling(steps=steps)) as up:
            for peer in up:
                note(bench, rounds, peer, turn)
    lines(bench, f"{name}.{LOAD[1]}", rounds)


def note(bench, rounds, peer, turn, *options):
    figures = bench.load(peer, *LOAD, *options)
    progress(f"  round {turn + 1}/{bench.rounds} {peer.name}: "
             f"{figures['rate']:.0f} msgs/s, "
             f"{figures['cpu_per_message']:.0f} us")
    for figure, value in figures.items():
        rounds[peer.name].setdefault(figure, []).append(value)


def note_door(figures, product):
    """What the door told when the product stopped."""
    last = [line for line in product.log().splitlines()
            if "event=door.stats" in line][-1:]
    if not last:
        raise Unavailable("tendril-milter told nothing of its door")
    told = {key: int(value)
            for key, value in re.findall(r"(\w+)=(\d+)", last[0])}
    batch = told["proposals"] / told["commits"]
    commits = figures["rate"][-1] / batch
    for figure, value in (("commits", commits), ("batch", batch),
                          ("fsyncs", commits * FLUSHES_A_COMMIT),
                          ("batch_p99", told["batch_p99_us"] / 1000)):
        figures.setdefault(figure, []).append(value)


def disk_p99(folder, turns=200, size=1 << 29, page=4096):
    """ms for FLUSHED scattered pages and a flush, where the ledger lies."""
    took = []
    with open(folder / "disk.tmp", "w+b", buffering=0) as file:
        os.unlink(file.name)
        for _ in range(size >> 20):
            file.write(os.urandom(1 << 20))
        os.fsync(file.fileno())
        for _ in range(turns):
            places = sorted(random.sample(range(size // page), FLUSHED))
            data = os.urandom(page)
            began = time.perf_counter()
            for at in places:
                os.pwrite(file.fileno(), data, at * page)
            os.fdatasync(file.fileno())
            took.append((time.perf_counter() - began) * 1000)
    return sorted(took)[turns * 99 // 100]


def lines(bench, prefix, rounds):
    for peer, figures in rounds.items():
        for figure, unit in (("rate", "msgs/s"), ("cpu_per_message", "us"),
                             ("p99", "ms")):
            if figure in figures:
                bench.line(f"{prefix}.{peer}.{figure}", figures[figure], unit)
    if rounds["tendril"] and rounds["ceiling"]:
        against_ceiling(bench, prefix, rounds)
    for figure, unit in (("commits", "/s"), ("fsyncs", "/s"),
                         ("batch", "proposals")):
        bench.line(f"{prefix}.{figure}", rounds["tendril"][figure], unit)
    bench.line(f"{prefix}.batch_p99", rounds["tendril"]["batch_p99"], "ms",
               f"{prefix}.disk_p99", rounds["tendril"]["disk_p99"])


# --- without mail ------------------------------------------------------------

def alone(bench, name, state):
    """Large against small, in turn; each proposal needs another person, so the
    small ledger is made anew for each round."""
    large, small = {}, {}
    for turn in range(bench.rounds):
        little = ledger(bench, SMALL)
        decide_alone(bench, little, SMALL, 0, small)
        shutil.rmtree(little)
        first = bench.leads * turn // bench.rounds
        decide_alone(bench, state, bench.leads, first, large)
        progress(f"  round {turn + 1}/{bench.rounds} without mail: "
                 f"{large['propose.cpu'][-1]:.0f} us, of {SMALL} people "
                 f"{small['propose.cpu'][-1]:.0f} us")
    for figure in ("propose.rate", "propose.cpu", "propose.batch",
                   "explain.cpu"):
        unit = large[f"{figure} unit"]
        anchor = f"decide.{SMALL // 1000}k.{figure}"
        bench.line(f"{name}.{figure}", large[figure], unit, anchor,
                   small[figure])


def decide_alone(bench, state, leads, first, figures):
    cool(state)
    done = subprocess.run(
        [bench.program("tests/bench/bench_decide"), state, str(leads),
         str(first), str(bench.seconds), str(THREADS)],
        capture_output=True, text=True, timeout=120, check=False)
    if done.returncode != 0:
        raise Unavailable(done.stderr.strip())
    for line in done.stdout.splitlines():
        figure, value, unit = line.split("\t")
        figures.setdefault(figure, []).append(float(value))
        figures[f"{figure} unit"] = unit
