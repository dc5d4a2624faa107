"""Signing 4 KB mail: OpenSSL alone, OpenDKIM, the ceiling of libmilter, a null
filter, tendril-milter; with RSA-2048, then with RSA-2048 and Ed25519."""

import contextlib
import re
import subprocess

from benchlib import Unavailable, group, progress

BODY = ("-b", 4096)


@group("sign", "sign 4 KB mail at 8 and 64 connections, against OpenDKIM")
def run(bench):
    openssl(bench)
    bench_dkim(bench)
    rsa(bench)
    both(bench)


def openssl_speed(algorithm, processes):
    """Signatures a second, all processes together."""
    done = subprocess.run(
        ["openssl", "speed", "-seconds", "1", "-multi", str(processes),
         algorithm], capture_output=True, text=True, check=True)
    found = re.findall(
        r"(?:rsa 2048 bits|EdDSA \(Ed25519\)) +[\d.]+s +[\d.]+s +([\d.]+)",
        done.stdout)
    return float(found[-1])


def openssl(bench):
    for algorithm in ("rsa2048", "ed25519"):
        progress(f"  openssl speed {algorithm}")
        one, two = (openssl_speed(algorithm, n) for n in (1, 2))
        bench.line(f"openssl.{algorithm}.1", [one], "signs/s")
        bench.line(f"openssl.{algorithm}.2", [two], "signs/s",
                   f"openssl.{algorithm}.1", [one])


def bench_dkim(bench):
    """Lines of tests/bench/bench_dkim, which prints them in our form."""
    try:
        program = bench.program("tests/bench/bench_dkim")
    except Unavailable as why:
        bench.skip("dkim", str(why))
        return
    progress("  bench_dkim")
    done = subprocess.run([program], capture_output=True, text=True,
                          check=False)
    for line in done.stdout.splitlines():
        if "\t" in line:
            print(line, flush=True)
    if done.returncode != 0:
        bench.skip("dkim", f"bench_dkim ended with {done.returncode}")


@contextlib.contextmanager
def product_and_peers(bench, kinds, *makers):
    """All that runs of: the product, and what makers (of bench.*) give, called
    with the steps that the product negotiates, or None without it."""
    with contextlib.ExitStack() as stack:
        up, steps = [], None
        for maker in (lambda _: bench.tendril(kinds=kinds), *makers):
            try:
                up += stack.enter_context(bench.running(maker(steps)))
            except Unavailable as why:
                bench.skip("peer", str(why))
            if up and up[0].name == "tendril":
                steps = up[0].steps
        yield up


def rsa(bench):
    with product_and_peers(
            bench, ("rsa",), lambda _: bench.opendkim(),
            lambda steps: bench.ceiling(steps=steps),
            lambda steps: bench.null(steps=steps)) as up:
        for connections in (8, 64):
            rounds = bench.rounds_of(up, "-c", connections, *BODY)
            lines(bench, f"sign.{connections}", rounds)


def lines(bench, prefix, rounds):
    """Each against OpenDKIM; the product also against the ceiling."""
    opendkim = rounds.get("opendkim")
    for name, figures in rounds.items():
        against = opendkim if name != "opendkim" else None
        anchor = f"{prefix}.opendkim" if against else ""
        for figure, unit in (("rate", "msgs/s"), ("cpu_per_message", "us"),
                             ("p50", "ms"), ("p99", "ms"), ("max", "ms")):
            bench.line(f"{prefix}.{name}.{figure}", figures[figure], unit,
                       anchor and f"{anchor}.{figure}",
                       against and against[figure])
    against_ceiling(bench, prefix, rounds)


def against_ceiling(bench, prefix, rounds):
    if "tendril" in rounds and "ceiling" in rounds:
        for figure, unit in (("rate", "msgs/s"), ("cpu_per_message", "us")):
            bench.line(f"{prefix}.tendril.{figure}",
                       rounds["tendril"][figure], unit,
                       f"{prefix}.ceiling.{figure}",
                       rounds["ceiling"][figure])


def both(bench):
    with product_and_peers(
            bench, ("rsa", "ed25519"),
            lambda steps: bench.ceiling(steps=steps, ed25519=True)) as up:
        rounds = bench.rounds_of(up, "-c", 8, *BODY)
        for name, figures in rounds.items():
            bench.line(f"sign-both.8.{name}.rate", figures["rate"], "msgs/s")
        against_ceiling(bench, "sign-both.8", rounds)
