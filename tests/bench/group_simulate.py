"""tendril simulate, without the agent: another policy for the last 30 days of a
ledger with full histories (see group decide for its options), on one thread.

Facts are streamed: messages and events by cursor from the ledger (read), sorted
by person in memory, then played with as-if history, each person's record read
once (decisions). Anchor: verdicts of one person after the other from tables
(bench_decide), each with its facts read for itself.

simulate.LEADS.decisions       verdicts a second while playing, one core
simulate.LEADS.decisions-core  the same, a second of the processor
simulate.LEADS.read            rows of the ledger read a second
simulate.LEADS.whole           verdicts a second of the whole run, reading
                               (from the disk, if it is cold) included
simulate.LEADS.whole-core      the same, a second of the processor
simulate.LEADS.took            seconds of the whole run
simulate.LEADS.cpu             seconds of the processor"""

import subprocess

from benchlib import Unavailable, group, progress
from group_check import alone
from group_decide import ledger

DAYS, MEMORY = 30, 1 << 30
UNITS = {"decisions": "/s", "decisions-core": "/s", "read": "rows/s",
         "whole": "/s", "whole-core": "/s", "took": "s", "cpu": "s"}


@group("simulate", "simulated decisions, facts streamed by cursor")
def run(bench):
    name = f"simulate.{bench.leads // 1000}k"
    state = ledger(bench, bench.leads, bench.ledger)
    one_by_one = alone(bench, state)
    figures = {figure: [] for figure in UNITS}
    for turn in range(bench.rounds):
        told = simulate(bench, state)
        for figure, values in figures.items():
            values.append(float(told[figure]))
        progress(f"  round {turn + 1}/{bench.rounds}: "
                 f"{told['messages']} messages, "
                 f"{told['decisions']} decisions/s")
    for figure, values in figures.items():
        if figure == "decisions":
            bench.line(f"{name}.{figure}", values, UNITS[figure],
                       "explain.rate", [one_by_one] * bench.rounds)
        else:
            bench.line(f"{name}.{figure}", values, UNITS[figure])


def simulate(bench, state):
    done = subprocess.run(
        [bench.program("tests/bench/bench_simulate"), state, str(DAYS),
         str(MEMORY)],
        capture_output=True, text=True, timeout=600, check=False)
    if done.returncode != 0:
        raise Unavailable(done.stderr.strip())
    return dict(line.split("\t")[:2] for line in done.stdout.splitlines())
