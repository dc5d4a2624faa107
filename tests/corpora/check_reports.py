#!/usr/bin/env python3
"""Sorts the labelled reports of the corpora and compares with expected.tsv.

  CORPORA=dir TENDRIL_BUILDDIR=dir tests/corpora/check_reports.py

Fails when fewer than 95 % of the labelled DSNs of corpora/reports have the
right recipient and status, when a live address is called dead on a row that is
not a matter of taste (in any corpus), when the tool fails on a file, or when a
corpus is empty. The other figures are information."""

import collections
import csv
import json
import os
import subprocess
import sys

MINIMUM = 0.95
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


def pick(row, report):
    """The recipient of the report that the row is about, or None."""
    wanted = wanted_addresses(row)
    for rcpt in report["recipients"]:
        if {rcpt["address"].lower(), rcpt["original"].lower()} & wanted:
            return rcpt
    if not wanted and len(report["recipients"]) == 1:
        return report["recipients"][0]
    return None


def judge(row, report):
    """What is right: recipient, status, kind, reason; None: not asked."""
    rcpt = pick(row, report)
    reason = rcpt["reason"] if rcpt else report["reason"]
    kind = report["kind"]
    if rcpt and kind in ("hard", "soft"):
        kind = "hard" if rcpt["class"] == "person" else "soft"
    result = {"recipient": None, "status": None, "kind": None, "reason": None}
    if wanted_addresses(row):
        result["recipient"] = rcpt is not None
    if row["status"]:
        result["status"] = rcpt is not None and rcpt["status"] == row["status"]
    if row["kind"] in KINDS:
        result["kind"] = kind in KINDS[row["kind"]]
    if row["reason"]:
        result["reason"] = reason == row["reason"]
    dead = row["kind"] in ("soft", "none") and reason in HARD
    return result, reason, kind, dead


class Count:
    def __init__(self):
        self.right = collections.Counter()
        self.asked = collections.Counter()
        self.confusion = collections.Counter()
        self.misses = []
        self.dead = []
        self.labelled = self.good = 0

    def add(self, name, row, report):
        result, reason, kind, dead = judge(row, report)
        groups = ["all"]
        if row["grade"] not in ("loose", ""):
            groups.append("firm")
        if report["source"] != "nothing":
            groups.append("standard")
        for what, ok in result.items():
            for group in groups if ok is not None else ():
                self.asked[group, what] += 1
                self.right[group, what] += ok
        if row["reason"] and row["grade"] != "loose":
            self.confusion[row["reason"], reason] += 1
        if row["dsn_status"]:
            self.labelled += 1
            ok = result["recipient"] is not False and result["status"] is not False
            self.good += ok
        wrong = [w for w, ok in result.items() if ok is False]
        if wrong:
            want = f"{row['kind']} {row['status'] or '-'} {row['reason'] or '-'}"
            have = f"{kind} {reason} by {report['source']}"
            self.misses.append(
                f"{name} [{row['grade']}] {','.join(wrong)}: want "
                f"{row['recipient'] or '-'} {want}; have {have}")
        if dead:
            self.dead.append((row["grade"], f"{name} [{row['grade']}] "
                              f"want {row['kind']} {row['reason']}, have {reason}"))


def print_count(corpus, count):
    print(f"\n{corpus}")
    print("rows\trecipient\tstatus\tkind\treason")
    for group in ("all", "firm", "standard"):
        cells = []
        for what in ("recipient", "status", "kind", "reason"):
            n = count.asked[group, what]
            cells.append(f"{count.right[group, what]}/{n}" if n else "-")
        print(group + "\t" + "\t".join(cells))
    print("confusion of reasons (not the loose rows), wanted -> given:")
    for (want, have), n in sorted(count.confusion.items()):
        mark = "" if want == have else "  <-"
        print(f"  {n:4} {want} -> {have}{mark}")
    print("misses:")
    for line in count.misses:
        print("  " + line)
    print(f"live addresses called dead: {len(count.dead)}")
    for _, line in count.dead:
        print("  " + line)


def check(corpus, tool, root):
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
        for row in rows:
            count.add(name, row, got[name])
    print_count(corpus, count)
    if any(grade not in ("loose", "") for grade, _ in count.dead):
        print(f"FAIL: {corpus}: live addresses called dead")
        ok = False
    if corpus == "reports":
        share = count.good / count.labelled if count.labelled else 0.0
        print(f"labelled DSNs with right recipient and status: "
              f"{count.good}/{count.labelled} = {share:.1%}")
        if share < MINIMUM:
            print(f"FAIL: below {MINIMUM:.0%}")
            ok = False
    return ok


def main():
    root = os.environ.get("CORPORA", "")
    build = os.environ.get("TENDRIL_BUILDDIR", "")
    tool = os.path.join(build, "tests", "tools", "classifytool")
    if not os.path.isdir(root) or not os.access(tool, os.X_OK):
        print("FAIL: set CORPORA and TENDRIL_BUILDDIR (make check there first)")
        return 1
    results = [check(corpus, tool, root) for corpus in CORPORA]
    return 0 if all(results) else 1


if __name__ == "__main__":
    sys.exit(main())
