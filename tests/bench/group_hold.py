"""Held messages: a hundred thousand wait, and a policy lets them go. How many a
second the agent hands in, several at a time, against an application that hands in
the same by the same road, one after the other; and what a decision of the milter
takes meanwhile, against before. All of one company, whose limit opens by two
hundred a second (beside that: against those two hundred); all of one company
whose limit is taken away; and each of another. On the disk of the temporary
folder."""

import subprocess

from benchlib import Unavailable, group, progress

HELD = 100000
COUNT = 1500  # of them that have a file, and are waited for
LIMIT = 200  # a second, of "company"


@group("hold", "release of held messages")
def run(bench):
    for kind in ("company", "opened", "people"):
        figures = {}
        for turn in range(bench.rounds):
            done = subprocess.run(
                [bench.program("tests/bench/bench_hold"), kind, str(HELD),
                 str(COUNT)],
                capture_output=True, timeout=300, check=False)
            if done.returncode != 0:
                raise Unavailable(done.stderr.decode("utf-8").strip())
            lines = done.stdout.decode("utf-8").splitlines()
            progress(f"  {kind}, round {turn + 1}/{bench.rounds} "
                     + " ".join(line.replace("\t", " ") for line in lines))
            for line in lines:
                name, value, _ = line.split("\t")
                figures.setdefault(name, []).append(float(value))
        bench.line(f"hold.{kind}.released", figures["released"], "msg/s",
                   "submitted plainly", figures["plain"])
        if kind == "company":
            bench.line("hold.company.of_limit", figures["released"], "msg/s",
                       "the limit", [LIMIT] * bench.rounds)
        bench.line(f"hold.{kind}.decision_p99", figures["during"], "us",
                   "before", figures["before"])
