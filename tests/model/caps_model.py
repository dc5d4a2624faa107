#!/usr/bin/env python3
"""Caps by a model that is slow and plain: random histories, rules and clocks
are given to tests/tools/capstool and decided here by trying instants one by
one. Prints TAP; --seed repeats a run, --cases says how many.

What caps.h promises, in the words of the model:
- A slot counts if it is not released, is marked as counting and, where the
  scope is a segment, is that segment's.
- It counts from its date on. Delivered: that instant. Before: now, but once it
  is older than six days, the instant at which those were over.
- A date in the future (the clock went back) counts at once.
- A window "max per span" is free at an instant if fewer than max - reserve
  slots have their date less than span before it.
- apart is kept at an instant if every slot's date is at least that far back.
- The scope's earliest instant is the first at which all its rules are free,
  and the rule that is told is the one that is free last.
"""
import argparse
import collections
import os
import pathlib
import random
import subprocess
import sys

SIX_DAYS = 518400000
LAST = 2**63 - 1
FIRST = -2**63
PROPOSED, QUEUED, DELIVERED, RELEASED = 1, 2, 3, 4

Case = collections.namedtuple(
    "Case", "now label reserve apart windows slots")
Slot = collections.namedtuple("Slot", "at label state counts")


# --- the model ---

def dates(case):
    for s in case.slots:
        if not s.counts or s.state == RELEASED:
            continue
        if case.label and s.label != case.label:
            continue
        if s.state == DELIVERED:
            yield s.at
        elif s.at + SIX_DAYS < case.now:
            yield s.at + SIX_DAYS
        else:
            yield case.now


def first_free(instants, is_free):
    for t in instants:
        if is_free(t):
            return t
    return None


def rules(case):
    """(name, first instant at which it is free or None) in order."""
    past = sorted(dates(case))
    for i, (most, span) in enumerate(case.windows):
        room = most - case.reserve
        ends = sorted({case.now} | {d + span for d in past
                                    if d + span > case.now})
        yield str(i), first_free(ends, lambda t, span=span, room=room:
                                 sum(t < d + span for d in past) < room)
    if case.apart > 0:
        ends = sorted({case.now} | {d + case.apart for d in past
                                    if d + case.apart > case.now})
        yield "apart", first_free(
            ends, lambda t: all(t >= d + case.apart for d in past))


def model(case):
    worst = None
    for name, at in rules(case):
        if at is not None and at >= LAST:
            at = None  # no clock shows it
        if at == case.now:
            continue
        if worst is None or (worst[1] is not None and
                             (at is None or at > worst[1])):
            worst = (name, at)
    if worst is None:
        return "free"
    return f"{worst[0]} {'never' if worst[1] is None else worst[1]}"


# --- random cases ---

def near(rng, centre, width):
    return max(FIRST, min(LAST - 1, centre + rng.randint(-width, width)))


def pick_slot(rng, now, width):
    state = rng.choice([DELIVERED] * 6 + [PROPOSED, QUEUED, RELEASED])
    centre = now - width // 2
    if state in (PROPOSED, QUEUED) and rng.random() < 0.5:
        centre = now - SIX_DAYS
    return Slot(near(rng, centre, width), rng.choice([1, 1, 2, 3]), state,
                rng.random() > 0.1)


def pick_windows(rng, width):
    spans = rng.sample(range(1, 2 * width + 2), k=rng.choice([0, 1, 1, 2, 3]))
    return [(rng.choice([0, 1, 1, 2, 2, 2, 3, 3, 4, 5, 200]), s)
            for s in spans]


def pick_now(rng):
    kind = rng.random()
    if kind < 0.9:
        return rng.randint(0, 4 * 10**12)
    if kind < 0.93:
        return near(rng, FIRST, 10**9) if kind < 0.915 else near(
            rng, LAST, 10**9)
    return near(rng, 0, 10**9)


def pick(rng):
    """A small width makes coincidences, where the mistakes are."""
    width = rng.choice([3, 10, 100, 10**6, 10**9])
    now = pick_now(rng)
    slots = [pick_slot(rng, now, width)
             for _ in range(rng.choice([0, 1, 2, 3, 4, 6, 9, 20]))]
    return Case(now, rng.choice([0, 1]), rng.choice([0, 0, 0, 0, 1]),
                rng.choice([0, 0, rng.randint(1, width)]),
                pick_windows(rng, width), slots)


def line_of(case):
    numbers = [case.now, case.label, case.reserve, case.apart,
               len(case.windows)]
    for window in case.windows:
        numbers += window
    numbers.append(len(case.slots))
    for s in case.slots:
        numbers += [s.at, s.label, s.state, int(s.counts)]
    return " ".join(map(str, numbers))


# --- compare ---

def ask(tool, lines):
    done = subprocess.run([tool], input="\n".join(lines) + "\n", text=True,
                          stdout=subprocess.PIPE, check=True, timeout=600)
    return done.stdout.splitlines()


def kind_of(answer):
    if answer == "free":
        return answer
    rule, at = answer.split()
    rule = rule if rule == "apart" else "window"
    return f"{rule}, never" if at == "never" else f"{rule}, later"


def compare(tool, seed, n):
    rng = random.Random(seed)
    cases = [pick(rng) for _ in range(n)]
    got = ask(tool, map(line_of, cases))
    seen, wrong = collections.Counter(), []
    for case, answer in zip(cases, got):
        want = model(case)
        seen[kind_of(want)] += 1
        if answer != want:
            wrong.append((case, want, answer))
    return len(got), seen, wrong


def report(n, count, seen, wrong):
    for name, times in sorted(seen.items()):
        print(f"# {times:8} {name}")
    for case, want, answer in wrong[:5]:
        print(f"# {line_of(case)}\n#   model: {want}\n#   caps:  {answer}")
    checks = [(count == n, f"{n} answers"),
              (not wrong, f"{len(wrong)} of them are not the model's"),
              (len(seen) == 5, "every kind of answer came up")]
    for number, (good, what) in enumerate(checks, 1):
        print(f"{'ok' if good else 'not ok'} {number} - {what}")
    print(f"1..{len(checks)}")
    return all(good for good, _ in checks)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--cases", type=int, default=30000)
    parser.add_argument("--seed", type=int,
                        default=int.from_bytes(os.urandom(4), "big"))
    args = parser.parse_args()
    build = pathlib.Path(os.environ.get("TENDRIL_BUILDDIR", "."))
    print(f"# --seed {args.seed} --cases {args.cases}")
    good = report(args.cases, *compare(
        build / "tests/tools/capstool", args.seed, args.cases))
    sys.exit(0 if good else 1)


if __name__ == "__main__":
    main()
