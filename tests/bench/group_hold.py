"""Held messages: a hundred thousand wait, and a policy lets them go. How many a
second the agent hands in, against an application that hands in the same by the
same road; and what a decision of the milter takes meanwhile, against before. All
of one company, whose limit opens by two hundred a second, and each of another.
On the disk of the temporary folder."""

import subprocess

from benchlib import Unavailable, group, progress

HELD = 100000
COUNT = 1500  # of them that have a file, and are waited for


@group("hold", "release of held messages")
def run(bench):
    for kind in ("company", "people"):
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
        bench.line(f"hold.{kind}.decision_p99", figures["during"], "us",
                   "before", figures["before"])
