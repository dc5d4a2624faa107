"""The MTA's log, Postfix's and Sendmail's: lines a second on one core, parsed,
turned into outcomes, and read from a file, against finding the ends of the same
lines and doing nothing with them."""

import subprocess

from benchlib import Unavailable, group


@group("mtalog", "lines of the MTA's log, one core")
def run(bench):
    done = subprocess.run([bench.program("tests/bench/bench_mtalog")],
                          stdout=subprocess.PIPE, timeout=60, check=False)
    if done.returncode != 0:
        raise Unavailable(f"bench_mtalog ended with {done.returncode}")
    for line in done.stdout.decode("utf-8").splitlines():
        name, value, unit, anchor, against, _ = line.split("\t")
        bench.line(name, [float(value)], unit, anchor, [float(against)])
