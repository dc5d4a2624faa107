"""The ledger: durable proposals a second through the door, by 1, 8 and 64
threads, against LMDB by hand with one transaction for each put; events that
nobody waits for; reads. On the disk of the temporary folder."""

import subprocess

from benchlib import Unavailable, group, progress


@group("ledger", "durable proposals, events, reads")
def run(bench):
    lines = {}
    for turn in range(bench.rounds):
        done = subprocess.run(
            [bench.program("tests/bench/bench_ledger"),
             bench.folder("ledger"), str(bench.seconds)],
            capture_output=True, timeout=120, check=False)
        if done.returncode != 0:
            raise Unavailable(done.stderr.decode("utf-8").strip())
        progress(f"  round {turn + 1}/{bench.rounds} "
                 f"{done.stderr.decode('utf-8').strip()}")
        for line in done.stdout.decode("utf-8").splitlines():
            name, value, unit, anchor, against, _ = line.split("\t")
            figure = lines.setdefault(name, (unit, anchor, [], []))
            figure[2].append(float(value))
            figure[3].append(float(against))
    for name, (unit, anchor, values, against) in lines.items():
        bench.line(name, values, unit, anchor, against)
