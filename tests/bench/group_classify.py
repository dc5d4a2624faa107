"""Returned mails sorted a second on one core, and the MIME scan under it,
against finding the line ends of the same mails."""

import subprocess

from benchlib import Unavailable, group


@group("classify", "bounces classified, one core")
def run(bench):
    done = subprocess.run([bench.program("tests/bench/bench_classify")],
                          stdout=subprocess.PIPE, timeout=60, check=False)
    if done.returncode != 0:
        raise Unavailable(f"bench_classify ended with {done.returncode}")
    for line in done.stdout.decode("utf-8").splitlines():
        name, value, unit, anchor, against, _ = line.split("\t")
        bench.line(name, [float(value)], unit, anchor, [float(against)])
