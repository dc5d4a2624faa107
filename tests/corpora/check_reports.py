#!/usr/bin/env python3
"""Sorts the labelled mails of the corpora and compares with expected.tsv.

  CORPORA=dir TENDRIL_BUILDDIR=dir tests/corpora/check_reports.py

Prints for each corpus, and for all together, how many rows are right, two
tables of confusion, and each miss. Fails below these floors, in a corpus or
together:

  recipient  99 %  where the corpus names one (of the mails' own words; those
                   guessed from To of the returned message count together)
  kind       98 %  on firm rows
  status     98 %  where there is one; where nobody labelled it, and it was
                   read off a field, another code of its class that says more
                   is right as well

and when any live address is called dead, or what is no bounce is called one,
or the tool fails on a file. Rows that the source marks "filtered" (its word for
"no such user" said at a stage it does not know) say nothing of being alive:
they are listed, and do not fail."""

import collections
import csv
import json
import os
import subprocess
import sys

FLOORS = {"recipient": 0.99, "kind": 0.98, "status": 0.98}
CORPORA = ("reports", "bounceparser", "sisimai-slice")
HARD = ("user_unknown", "host_unknown", "mailbox_disabled", "mailbox_moved")
# Words of expected.tsv for what classify calls otherwise.
KINDS = {
    "hard": ("hard",),
    "soft": ("soft", "delayed"),
    "complaint": ("complaint",),
    "unsub": ("unsubscribe",),
    "none": ("none", "auto-reply", "delivered"),
}


def read_expected(folder):
    rows = collections.OrderedDict()
    with open(os.path.join(folder, "expected.tsv"), encoding="utf-8") as f:
        for row in csv.DictReader(f, delimiter="\t", quoting=csv.QUOTE_NONE):
            rows.setdefault(row["file"], []).append(row)
    return rows


def classify(tool, folder, names):
    paths = [os.path.join(folder, name) for name in names]
    run = subprocess.run([tool] + paths, stdout=subprocess.PIPE, check=False)
    got = {}
    for line in run.stdout.decode("utf-8").splitlines():
        report = json.loads(line)
        got[os.path.basename(report["file"])] = report
    if run.returncode != 0:
        print(f"FAIL: {tool} ended with {run.returncode}")
    return got, run.returncode == 0


def wanted_addresses(row):
    names = (row["recipient"], row["recipient_alt"])
    return {n.lower() for n in names if n}


def kind_of(rcpt, report):
    if rcpt and report["kind"] in ("hard", "soft"):
        return "hard" if rcpt["class"] == "person" else "soft"
    return report["kind"]


def named(row, report):
    """The recipient of the report that the row names, or None."""
    wanted = wanted_addresses(row)
    for rcpt in report["recipients"]:
        if {rcpt["address"].lower(), rcpt["original"].lower()} & wanted:
            return rcpt
    return None


def likeness(row, rcpt, report):
    return ((rcpt["reason"] == row["reason"]) + (rcpt["status"] == row["status"])
            + (kind_of(rcpt, report) in KINDS.get(row["kind"], ())))


def pair(rows, report):
    """[(row, its recipient or None)]: several rows of a file are a set, so
    those that name nobody get the likeliest of the others."""
    pairs = [(row, named(row, report)) for row in rows]
    taken = [id(rcpt) for _, rcpt in pairs if rcpt]
    free = [r for r in report["recipients"] if id(r) not in taken]
    result = []
    for row, rcpt in pairs:
        if rcpt is None and not wanted_addresses(row) and free:
            rcpt = max(free, key=lambda r: likeness(row, r, report))
            free.remove(rcpt)
        result.append((row, rcpt))
    return result


def status_is_right(row, rcpt):
    if rcpt is None:
        return False
    have, want = rcpt["status"], row["status"]
    generic = want.endswith(".0.0") and row["grade"] == "derived"
    return have == want or (generic and have[:1] == want[:1])


def judge(row, rcpt, report):
    """What is right: recipient, status, kind, reason; None: not asked."""
    reason = rcpt["reason"] if rcpt else report["reason"]
    kind = kind_of(rcpt, report)
    result = {"recipient": None, "status": None, "kind": None, "reason": None}
    if wanted_addresses(row):
        result["recipient"] = rcpt is not None
    if row["status"]:
        result["status"] = status_is_right(row, rcpt)
    if row["kind"] in KINDS:
        result["kind"] = kind in KINDS[row["kind"]]
    if row["reason"]:
        result["reason"] = reason == row["reason"]
    return result, reason, kind


def is_firm(row):
    return row["grade"] not in ("loose", "")


class Count:
    def __init__(self):
        self.right = collections.Counter()
        self.asked = collections.Counter()
        self.reasons = collections.Counter()
        self.kinds = collections.Counter()
        self.misses = []
        self.dead = []      # live ones
        self.filtered = []  # maybe
        self.untrue = []    # no bounces

    def add(self, name, row, rcpt, report):
        result, reason, kind = judge(row, rcpt, report)
        groups = ["all"] + (["firm"] if is_firm(row) else [])
        if row["recipient_source"] != "orig-to":
            groups.append("told")
        if report["source"] != "nothing":
            groups.append("understood")
        for what, ok in result.items():
            for group in groups if ok is not None else ():
                self.asked[group, what] += 1
                self.right[group, what] += ok
        if is_firm(row):
            if row["reason"]:
                self.reasons[row["reason"], reason] += 1
            if row["kind"] in KINDS:
                self.kinds[row["kind"], kind] += 1
        have = f"{kind} {reason} by {report['source']}"
        line = (f"{name} [{row['grade']}] want {row['recipient'] or '-'} "
                f"{row['kind']} {row['status'] or '-'} {row['reason'] or '-'}; "
                f"have {have}")
        wrong = [w for w, ok in result.items() if ok is False]
        if wrong:
            self.misses.append(",".join(wrong) + ": " + line)
        if row["kind"] == "none" and kind in ("hard", "soft", "delayed"):
            self.untrue.append(line)
        elif row["kind"] == "soft" and reason in HARD:
            guess = row["src_reason"] == "filtered" and not is_firm(row)
            (self.filtered if guess else self.dead).append(line)

    def merge(self, other):
        for name, value in vars(self).items():
            if isinstance(value, collections.Counter):
                value.update(getattr(other, name))
            else:
                value.extend(getattr(other, name))

    def share(self, what, group):
        asked = self.asked[group, what]
        return self.right[group, what] / asked if asked else 1.0


def print_table(title, table):
    print(title)
    for (want, have), n in sorted(table.items()):
        mark = "" if have in KINDS.get(want, (want,)) else "  <-"
        print(f"  {n:4} {want} -> {have}{mark}")


def print_count(title, count):
    print(f"\n{title}")
    print("rows\trecipient\tstatus\tkind\treason")
    for group in ("all", "firm", "told", "understood"):
        cells = []
        for what in ("recipient", "status", "kind", "reason"):
            n = count.asked[group, what]
            cells.append(f"{count.right[group, what]}/{n}" if n else "-")
        print(group + "\t" + "\t".join(cells))
    print_table("kinds of firm rows, wanted -> given:", count.kinds)
    print_table("reasons of firm rows, wanted -> given:", count.reasons)
    for what, lines in (("misses", count.misses),
                        ("live addresses called dead", count.dead),
                        ("\"filtered\" addresses called dead", count.filtered),
                        ("no bounces called bounces", count.untrue)):
        print(f"{what}: {len(lines)}")
        for line in lines:
            print("  " + line)


def above_floors(title, count, together):
    ok = not count.dead and not count.untrue
    if not ok:
        print(f"FAIL: {title}: live addresses called dead, or no bounces bounces")
    groups = {"recipient": "all" if together else "told", "kind": "firm",
              "status": "all"}
    for what, floor in FLOORS.items():
        share = count.share(what, groups[what])
        if share < floor:
            print(f"FAIL: {title}: {what} {share:.2%}, below {floor:.0%}")
            ok = False
    return ok


def check(corpus, tool, root, together):
    folder = os.path.join(root, corpus)
    expected = read_expected(folder)
    if not expected:
        print(f"FAIL: {corpus}: expected.tsv is empty")
        return False
    got, ok = classify(tool, folder, expected)
    count = Count()
    for name, rows in expected.items():
        if name not in got:
            print(f"FAIL: {corpus}: no result for {name}")
            ok = False
            continue
        for row, rcpt in pair(rows, got[name]):
            count.add(name, row, rcpt, got[name])
    print_count(corpus, count)
    together.merge(count)
    return above_floors(corpus, count, False) and ok


def main():
    root = os.environ.get("CORPORA", "")
    build = os.environ.get("TENDRIL_BUILDDIR", "")
    tool = os.path.join(build, "tests", "tools", "classifytool")
    if not os.path.isdir(root) or not os.access(tool, os.X_OK):
        print("FAIL: set CORPORA and TENDRIL_BUILDDIR (make check there first)")
        return 1
    together = Count()
    results = [check(corpus, tool, root, together) for corpus in CORPORA]
    print_count("together", together)
    results.append(above_floors("together", together, True))
    return 0 if all(results) else 1


if __name__ == "__main__":
    sys.exit(main())
