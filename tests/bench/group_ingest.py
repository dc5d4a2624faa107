"""Answers: so many DSNs stand in a Maildir, each of a message that was sent to
somebody else; mails a second that the agent's own step makes durable events of,
suppressions among them, against claiming the very same files (rename, open, read,
unlink) with as many flushes. Of many companies and for four reasons; and in a
spike, where one provider says of all people that there is no such user. On the
disk of the temporary folder.

ingest.KIND.rate     mails/s, against claiming alone
ingest.KIND.cpu      CPU time for a mail
ingest.KIND.batch    mails for a commit (two flushes)
"""

import os
import subprocess

from benchlib import Unavailable, group, progress

COUNT = 5000


@group("ingest", "bounces in a Maildir, to durable events")
def run(bench):
    for kind in ("plain", "spike"):
        figures = {}
        for turn in range(bench.rounds):
            for name, value in once(bench, kind).items():
                figures.setdefault(name, []).append(value)
            progress(f"  {kind}, round {turn + 1}/{bench.rounds} " + " ".join(
                f"{name} {values[-1]:.0f}"
                for name, values in figures.items()))
        bench.line(f"ingest.{kind}.rate", figures["mails"], "mails/s",
                   "claimed alone", figures["claimed"])
        bench.line(f"ingest.{kind}.cpu", figures["cpu"], "us")
        bench.line(f"ingest.{kind}.batch",
                   [COUNT / n for n in figures["commits"]], "mails")


def once(bench, kind):
    """Its figures; the agent's log goes to a file, as it would to journald."""
    log = bench.folder("ingest") / "log"
    with open(log, "wb") as err:
        done = subprocess.run(
            [bench.program("tests/bench/bench_ingest"), kind, str(COUNT)],
            stdout=subprocess.PIPE, stderr=err, timeout=300, check=False,
            env={**os.environ, "TENDRIL_LOG": "stderr",
                 "TMPDIR": str(log.parent)})
    text = log.read_text(errors="replace")
    if done.returncode != 0:
        raise Unavailable((text.splitlines() or ["ended at once"])[-1])
    if ("event=feedback.spike" in text) != (kind == "spike"):
        raise Unavailable(f"{kind}: a spike was seen or not seen wrongly")
    return {name: float(value) for name, value, _ in (
        line.split("\t") for line in done.stdout.decode("utf-8").splitlines())}
