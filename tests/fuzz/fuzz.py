#!/usr/bin/python3
"""Runs libFuzzer targets until each has had so much processor time.

    fuzz.py [--seconds N] [--jobs N] [--work DIR] [--corpus DIR]
            [--seeds DIR]... PROGRAM...

Processor time is counted, not the clock's, so that an hour is an hour on a
busy machine, too. Targets take turns of a minute, the one that had least goes
first; what was found and counted stays in DIR/NAME and DIR/NAME.json, so a
run that is ended goes on where it was. --seeds: files to start from besides
the corpus (of any mails at hand; they are read, never changed).

Prints a line a target: name, processor seconds, runs, inputs kept, findings;
exits with 1 if there was a finding (its input: DIR/NAME-*)."""

import argparse
import concurrent.futures
import json
import os
import re
import subprocess
import sys
import threading
import time

TURN_S = 60
LONGEST_INPUT = 1 << 14  # bytes; with seeds, which may be long


def name_of(program):
    return os.path.basename(program).removeprefix("fuzz_")


class Target:
    def __init__(self, program, work):
        self.program, self.name = os.path.abspath(program), name_of(program)
        self.folder = os.path.join(work, self.name)
        self.book = self.folder + ".json"
        self.busy = False
        os.makedirs(self.folder, exist_ok=True)
        self.seconds, self.runs, self.findings = 0.0, 0, 0
        if os.path.exists(self.book):
            with open(self.book, encoding="ascii") as f:
                vars(self).update(json.load(f))

    def keep(self):
        with open(self.book + ".new", "w", encoding="ascii") as f:
            json.dump({"seconds": self.seconds, "runs": self.runs,
                       "findings": self.findings}, f)
        os.replace(self.book + ".new", self.book)

    def line(self):
        return (f"{self.name:12} {self.seconds:8.0f} s {self.runs:12} runs "
                f"{len(os.listdir(self.folder)):7} inputs "
                f"{self.findings:3} findings")


def turn(target, args):
    """One minute; a turn that ends otherwise than in peace is a finding."""
    folders = [os.path.join(args.corpus, target.name)]
    command = [target.program, f"-max_total_time={TURN_S}",
               "-print_final_stats=1", "-rss_limit_mb=4096", "-timeout=25",
               f"-artifact_prefix={target.folder}-", target.folder]
    if args.seeds:
        command.append(f"-max_len={LONGEST_INPUT}")
        folders += args.seeds
    command += [f for f in folders if os.path.isdir(f)]
    log = target.folder + ".log"
    with open(log, "w", encoding="utf-8") as out:
        child = subprocess.Popen(command, stdout=out, stderr=out)
        _, status, used = os.wait4(child.pid, 0)
        child.returncode = os.waitstatus_to_exitcode(status)
    with open(log, encoding="utf-8", errors="replace") as f:
        done = re.search(r"number_of_executed_units: (\d+)", f.read())
    target.seconds += used.ru_utime + used.ru_stime
    target.runs += int(done[1]) if done else 0
    if child.returncode != 0:
        target.findings += 1
        os.rename(log, f"{target.folder}-finding.{int(time.time())}.log")
        print(f"{target.name}: ended with {child.returncode}; see "
              f"{target.folder}-*", file=sys.stderr, flush=True)
    target.keep()


def work_off(targets, args, lock):
    while True:
        with lock:
            waiting = [t for t in targets if not t.busy and t.findings == 0 and
                       t.seconds < args.seconds]
            if not waiting:
                return
            target = min(waiting, key=lambda t: t.seconds)
            target.busy = True
        turn(target, args)
        target.busy = False


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--seconds", type=float, default=60)
    parser.add_argument("--jobs", type=int, default=os.cpu_count())
    parser.add_argument("--work", default="fuzz-work")
    parser.add_argument("--corpus", default=os.path.join(
        os.path.dirname(os.path.abspath(__file__)), "corpus"))
    parser.add_argument("--seeds", action="append", default=[])
    parser.add_argument("programs", nargs="+", metavar="PROGRAM")
    args = parser.parse_args()
    targets = [Target(p, args.work) for p in args.programs]
    lock = threading.Lock()
    with concurrent.futures.ThreadPoolExecutor(args.jobs) as pool:
        jobs = [pool.submit(work_off, targets, args, lock)
                for _ in range(args.jobs)]
    for job in jobs:
        job.result()
    for target in targets:
        print(target.line())
    return 1 if any(t.findings for t in targets) else 0


if __name__ == "__main__":
    sys.exit(main())
