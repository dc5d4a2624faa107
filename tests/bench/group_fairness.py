"""Fairness: the longest waits at 8, 64 and 256 persistent connections, against
a null filter and the ceiling that negotiate the same. Closed loop, which is
saturation, where libmilter's worker pool starves sessions; and 500 messages a
second, where it should not.

In the closed loop the ceiling is the fair anchor: it does the work of signing
in libmilter's pool. The null filter does none, so 64 connections do not saturate
it as they do the others, and its waits are those of another load; at 256, and
at 500 messages a second, they can be compared.

The index is Jain's: 1 when all connections got as many messages, 1/n when one
got all. p99 is over messages, so a few busy sessions hide the starved ones:
max and index show them."""

from benchlib import group
from group_sign import product_and_peers

RATE = 500


@group("fairness", "p99 at 64 and 256 persistent connections")
def run(bench):
    with product_and_peers(
            bench, ("rsa",), lambda steps: bench.null(steps=steps),
            lambda steps: bench.ceiling(steps=steps)) as up:
        for connections in (8, 64, 256):
            rounds = bench.rounds_of(up, "-c", connections)
            lines(bench, f"fairness.{connections}", rounds,
                  (("p99", "ms"), ("max", "ms"), ("fairness", "of 1")))
            rounds = bench.rounds_of(up, "-c", connections, "-r", RATE)
            lines(bench, f"fairness.{connections}.at{RATE}", rounds,
                  (("p50", "ms"), ("p99", "ms"), ("max", "ms")))


def lines(bench, prefix, rounds, figures):
    for name, values in rounds.items():
        for figure, unit in figures:
            bench.line(f"{prefix}.{name}.{figure}", values[figure], unit)
    for anchor in ("ceiling", "null"):
        for figure, unit in figures:
            if anchor in rounds and "tendril" in rounds:
                bench.line(f"{prefix}.tendril.{figure}",
                           rounds["tendril"][figure], unit,
                           f"{prefix}.{anchor}.{figure}",
                           rounds[anchor][figure])
