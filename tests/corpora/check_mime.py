#!/usr/bin/env python3
"""Scans the mails of the corpora with policy/mail/mime and compares the parts
with facts.tsv, which Python's own parsers counted: a second opinion, not a
truth, so the agreement is printed and only a low one fails.

  CORPORA=dir TENDRIL_BUILDDIR=dir tests/corpora/check_mime.py

Fails when the tool fails on a mail (a sanitizer's report is a failure), when a
range leaves its message or its parent, when a corpus is empty, and when less
than 85 % of the mails have the same leaf parts. tests/tools/mimetool is built
by `make check`."""
import csv
import os
import subprocess
import sys

LEAST_AGREEMENT = 0.85
COUNTED = ("mime", "html-mails")
OTHERS = ("bounceparser", "sisimai-slice", "reports")
MAIL = (".eml", ".msg", ".txt", ".html")


def mails(folder):
    for where, _, names in sorted(os.walk(folder)):
        for name in sorted(names):
            if os.path.splitext(name)[1] in MAIL or "hard-ham" in where:
                yield os.path.join(where, name)


def scan(tool, paths):
    """path -> list of figures, and whether all went well."""
    run = subprocess.run([tool] + paths, stdout=subprocess.PIPE, check=False)
    got = {}
    for line in run.stdout.decode("utf-8", "surrogateescape").splitlines():
        path, *figures = line.split("\t")
        got[path] = [int(f) for f in figures]
    ok = run.returncode == 0 and len(got) == len(paths)
    if not ok:
        print(f"FAIL: {tool}: status {run.returncode}, "
              f"{len(got)} results for {len(paths)} mails")
    return got, ok


def facts(folder):
    with open(os.path.join(folder, "facts.tsv"), encoding="utf-8") as f:
        rows = list(csv.DictReader(f, delimiter="\t"))
    # bodies that are no mails have nothing to agree on
    return [r for r in rows if not r["file"].endswith(".html")]


def compare(corpus, folder, got):
    rows = facts(folder)
    same_parts = same_html = 0
    for row in rows:
        have = got[os.path.join(folder, row["file"])]
        want = [int(row["parts"]), int(row["html_parts"])]
        same_parts += have[0] == want[0]
        same_html += have[1] == want[1]
        if have[:2] != want:
            print(f"  {corpus}/{row['file']}: parts, HTML parts: {have[:2]}, "
                  f"Python counts {want}")
    share = same_parts / len(rows) if rows else 0.0
    print(f"{corpus}: same leaf parts {same_parts}/{len(rows)} = {share:.1%}, "
          f"same HTML parts {same_html}/{len(rows)}")
    if share < LEAST_AGREEMENT:
        print(f"FAIL: {corpus}: below {LEAST_AGREEMENT:.0%}")
        return False
    return True


def check(corpus, tool, root):
    folder = os.path.join(root, corpus)
    paths = list(mails(folder))
    if not paths:
        print(f"FAIL: {corpus}: no mails")
        return False
    got, ok = scan(tool, paths)
    print(f"{corpus}: {len(got)} mails scanned")
    if ok and corpus in COUNTED:
        ok = compare(corpus, folder, got)
    return ok


def main():
    root = os.environ.get("CORPORA", "")
    build = os.environ.get("TENDRIL_BUILDDIR", "")
    tool = os.path.join(build, "tests", "tools", "mimetool")
    if not os.path.isdir(root) or not os.access(tool, os.X_OK):
        print("FAIL: set CORPORA and TENDRIL_BUILDDIR (make check there first)")
        return 1
    results = [check(corpus, tool, root) for corpus in COUNTED + OTHERS]
    return 0 if all(results) else 1


if __name__ == "__main__":
    sys.exit(main())
