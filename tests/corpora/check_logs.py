#!/usr/bin/env python3
"""The log lines of Postfix and Sendmail in $CORPORA/logs through agent/in/mtalog:
each queue id, recipient, delivery and expiry as those who collected the lines
read them; every line that looks like a message's fate is understood.

The lines of logs/grok lack the logger's prefix; one is put in front, with the
program that the pattern's name tells.
Needs tests/tools/logtool (built by `make check`) in $TENDRIL_BUILDDIR."""
import collections
import csv
import json
import os
import re
import subprocess
import sys
import tempfile

PREFIX = "Nov 22 10:05:32 mx postfix/%s[123]: %s\n"
LINE = ("file", "line", "kind", "status", "agent", "queue_id", "rcpt",
        "orig_rcpt", "relay", "dsn", "next_id", "text")
STATUS = {"sent": {"sent", "sunk", "forwarded"}, "deferred": {"deferred"},
          "bounced": {"bounced"}, "deliverable": {"probed"},
          "undeliverable": {"probed"},
          "Sent": {"sent"}, "Deferred": {"deferred"}}
FIELD = re.compile(r"(to|orig_to|relay|dsn)=<?([^>,]*)>?(?:, |,?$)")


def scalar(text):
    text = text.strip()
    return json.loads(text) if text.startswith('"') else text


def grok_cases(folder):
    """Yields name, agent, line and what is expected of it."""
    for name in sorted(os.listdir(folder)):
        with open(os.path.join(folder, name), encoding="utf-8") as f:
            text = f.read()
        agent = re.match(r"[a-z_]*[a-z]", name).group().replace("_", "-")
        if name.startswith(("tls_features", "command_counter")):
            agent = "smtp" if "to=<" in text else "smtpd"
        line = scalar(re.search(r"^data: (.*)$", text, re.M).group(1))
        results = {key: scalar(value) for key, value in
                   re.findall(r"^ +(\w+): (.*)$", text, re.M)}
        if "\n" not in line:
            yield name, agent, line, grok_expected(results, line)


def grok_expected(results, line):
    want = {}
    fields = dict(FIELD.findall(results.get("postfix_keyvalue_data", "")))
    status = results.get("postfix_status") or "".join(
        re.findall(r" status=(\w+) \(", line))
    if "postfix_queueid" in results:
        want["queue_id"] = results["postfix_queueid"].replace("NOQUEUE", "")
    if status in STATUS and "to" in fields:
        want.update(kind="delivery", status=STATUS[status], rcpt=fields["to"])
        want.update({key: fields[key] for key in ("relay", "dsn")
                     if key in fields})
        want["orig_rcpt"] = fields.get("orig_to", "")
    elif status == "expired":
        want["kind"] = "expired"
    return want


def log_cases(folder):
    """Whole logs; a line of Sendmail's may tell of several recipients."""
    expected = collections.defaultdict(list)
    with open(os.path.join(folder, "expected.tsv"), encoding="utf-8") as f:
        for row in csv.DictReader(f, delimiter="\t"):
            expected[row["file"], int(row["line"])].append(row)
    for name in sorted({name for name, _ in expected}):
        with open(os.path.join(folder, name), encoding="utf-8") as f:
            for number, line in enumerate(f, 1):
                rows = expected.pop((name, number), [])
                want = {} if not rows else dict(
                    kind="delivery", status=STATUS[rows[0]["result"]],
                    rcpts=[row["recipient"] for row in rows],
                    dsn=rows[0]["dsn"], relay=rows[0]["relay"],
                    queue_id=rows[0]["queue_id"])
                yield f"{name}:{number}", None, line.rstrip("\n"), want
    if expected:
        sys.exit(f"check_logs: no such lines: {sorted(expected)}")


def run_tool(cases):
    tool = os.path.join(os.environ.get("TENDRIL_BUILDDIR", "."),
                        "tests/tools/logtool")
    with tempfile.NamedTemporaryFile("w", encoding="utf-8") as f:
        for _, agent, line, _ in cases:
            f.write(PREFIX % (agent, line) if agent else line + "\n")
        f.flush()
        done = subprocess.run([tool, "lines", f.name], timeout=60,
                              stdout=subprocess.PIPE, check=True)
    found = {}
    for row in done.stdout.decode("utf-8").splitlines():
        got = dict(zip(LINE, row.split("\t")))
        got = found.setdefault(int(got["line"]), {**got, "rcpts": []})
        got["rcpts"].append(row.split("\t")[LINE.index("rcpt")])
    if sorted(found) != list(range(1, len(cases) + 1)):
        sys.exit(f"check_logs: {len(cases)} lines in, {len(found)} out")
    return [found[number] for number in sorted(found)]


def wrong(want, got):
    for key, value in want.items():
        fits = got[key] in value if isinstance(value, set) else (
            got[key] == value)
        if not fits:
            yield f"{key}: {got[key]!r}, not {value!r}"


def main():
    folder = os.path.join(os.environ.get("CORPORA", ""), "logs")
    if not os.path.isdir(folder):
        sys.exit("check_logs: set CORPORA to the folder of corpora")
    cases = list(grok_cases(os.path.join(folder, "grok")))
    cases += log_cases(folder)
    table = collections.defaultdict(collections.Counter)
    bad = deliveries = 0
    for (name, _, line, want), got in zip(cases, run_tool(cases)):
        table[got["agent"] or "(others)"][got["kind"]] += 1
        table["all"][got["kind"]] += 1
        faults = list(wrong(want, got))
        if got["kind"] == "unknown":
            faults.append("not understood")
        for fault in faults:
            print(f"{name}: {fault}: {line}")
        bad += bool(faults)
        deliveries += len(want.get("rcpts", "1")) * (
            want.get("kind") == "delivery")
    kinds = sorted(table["all"])
    print("program\t" + "\t".join(kinds))
    for agent in sorted(table, key=lambda name: (name == "all", name)):
        print(agent + "".join(f"\t{table[agent][kind]}" for kind in kinds))
    checked = sum(bool(want) for _, _, _, want in cases)
    print(f"{len(cases)} lines, {checked} with expected fields, {deliveries} "
          f"of them deliveries; {bad} wrong")
    if bad or not deliveries or not checked:
        sys.exit(1)


if __name__ == "__main__":
    main()
