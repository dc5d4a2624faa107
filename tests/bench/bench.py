#!/usr/bin/python3
"""make bench: the product against its peers and the machine's own limits.

    bench.py --build DIR [--groups sign,decide] [--rounds 3] [--seconds 1.5]
             [--leads 100000] [--ledger DIR] [--history 20:60]

Standard output: a line a figure, tab-separated: name, value, unit, anchor,
its value, ratio. What could not run: name, "skipped: reason". Standard error:
progress. Exit status: 0; 2 usage; 3 when a group that was named could not
run or not in full; 130 on Ctrl-C. Without --groups all groups run, and what
is skipped is no failure."""

import argparse
import importlib
import os
import signal
import sys

import benchlib


def load_groups():
    for path in sorted(benchlib.HERE.glob("group_*.py")):
        importlib.import_module(path.stem)
    return benchlib.GROUPS


def arguments(groups):
    parser = argparse.ArgumentParser(
        prog="bench.py", description="Groups: " + "; ".join(
            f"{name} ({what})" for name, (_, what) in groups.items()))
    parser.add_argument("--build", required=True, help="build folder")
    parser.add_argument("--groups", default="", help="names, by comma")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seconds", type=float, default=1.5,
                        help="of one load")
    parser.add_argument("--leads", type=int, default=100000,
                        help="people in the ledger of group decide")
    parser.add_argument("--ledger", default=None,
                        help="folder to keep that ledger in")
    parser.add_argument("--history", default="20:60",
                        help="messages each of them was sent: LEAST:MOST")
    args = parser.parse_args()
    args.named = [name for name in args.groups.split(",") if name]
    unknown = [name for name in args.named if name not in groups]
    if unknown:
        parser.error(f"no such group: {', '.join(unknown)}; there are "
                     f"{', '.join(groups)}")
    if args.rounds < 1 or not 0 < args.seconds <= 60 or args.leads < 10000:
        parser.error("--rounds from 1, --seconds up to 60, --leads from 10000")
    return args


def main():
    groups = load_groups()
    args = arguments(groups)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    load = os.getloadavg()[0]
    if load > 1:
        benchlib.progress(f"load average is {load:.1f}: figures will be low")
    with benchlib.Bench(args.build, rounds=args.rounds, seconds=args.seconds,
                        ledger=args.ledger, leads=args.leads,
                        history=args.history) as bench:
        for name in args.named or groups:
            benchlib.progress(f"{name}: {groups[name][1]}")
            try:
                groups[name][0](bench)
            except benchlib.Unavailable as why:
                bench.skip(name, str(why))
        return 3 if args.named and bench.skipped else 0


if __name__ == "__main__":
    try:
        sys.exit(main())
    except KeyboardInterrupt:
        sys.exit(130)
