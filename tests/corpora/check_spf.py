#!/usr/bin/env python3
"""Each case of $CORPORA/spf/rfc7208-tests.yml through tendril-verify's SPF: the
cases that differ, how many are as the suite has them, and exit status 1 unless
all are. Needs tests/tools/spftool (built by `make check`) in $TENDRIL_BUILDDIR
and python3-yaml."""
import ipaddress
import os
import subprocess
import sys
import tempfile

import yaml

LEAST = 203  # a suite that lost cases must not pass


def text_bytes(value):
    parts = value if isinstance(value, list) else [value]
    return b"".join(part.encode("latin-1") if isinstance(part, str)
                    else bytes(part) for part in parts)


def canonical(name):
    return name.lower().rstrip(".")


def record_bytes(kind, value):
    if kind == "A":
        return ipaddress.IPv4Address(value).packed
    if kind == "AAAA":
        return ipaddress.IPv6Address(value).packed
    if kind == "MX":
        return value[1].rstrip(".").encode()
    if kind == "PTR":
        return value.rstrip(".").encode()
    return text_bytes(value)


class Zone:
    """The suite's zone data as lines of spftool."""

    def __init__(self, data):
        self.data = {canonical(name): entries
                     for name, entries in data.items()}

    def entries(self, name, kind, depth=0):
        """Values of a type; "timeout" ends the list."""
        found, copied, none = [], [], False
        for entry in self.data.get(name, ()):
            if entry == "TIMEOUT":
                if not found and (none or not copied):
                    found.append("timeout")
                continue
            (key, value), = entry.items()
            if key == "CNAME" and depth < 8:
                return self.entries(canonical(value), kind, depth + 1)
            if key == "SPF" and kind == "TXT" and value != "TIMEOUT":
                copied.append(value)
            if key != kind:
                continue
            if value == "NONE":
                none = True
            else:
                found.append("timeout" if value == "TIMEOUT" else value)
        # the suite's SPF type stands for TXT where it names none
        return found or ([] if none else copied)

    def lines(self):
        for name in self.data:
            yield f"{name}\tANY\t"
            for kind in ("A", "AAAA", "MX", "PTR", "TXT"):
                for value in self.entries(name, kind):
                    data = "timeout" if value == "timeout" else \
                        record_bytes(kind, value).hex()
                    yield f"{name}\t{kind}\t{data}"


def ask(zone, cases):
    tool = os.path.join(os.environ.get("TENDRIL_BUILDDIR", "."),
                        "tests/tools/spftool")
    questions = "".join(f"{case['host']}\t{case['helo']}\t{case['mailfrom']}\n"
                        for case in cases)
    with tempfile.NamedTemporaryFile("w", encoding="utf-8") as records:
        records.write("\n".join(zone.lines()) + "\n")
        records.flush()
        done = subprocess.run([tool, records.name], input=questions.encode(),
                              stdout=subprocess.PIPE, timeout=60, check=False)
    words = done.stdout.decode().split("\n")[:-1]
    if done.returncode != 0 or len(words) != len(cases):
        sys.exit(f"check_spf: spftool ended with {done.returncode}: {words}")
    return words


def main():
    if "CORPORA" not in os.environ:
        sys.exit("check_spf: name the folder of the corpora in $CORPORA")
    path = os.path.join(os.environ["CORPORA"], "spf/rfc7208-tests.yml")
    total = right = 0
    with open(path, encoding="utf-8") as suite:
        for part in yaml.safe_load_all(suite):
            names = list(part["tests"])
            got = ask(Zone(part["zonedata"]),
                      [part["tests"][name] for name in names])
            for name, word in zip(names, got):
                want = part["tests"][name]["result"]
                want = want if isinstance(want, list) else [want]
                total += 1
                right += word in want
                if word not in want:
                    print(f"{name}: {word} in place of {'/'.join(want)}"
                          f" ({part['description']})")
    print(f"{right} of {total} as in the suite of RFC 7208")
    if right < total or total < LEAST:
        sys.exit("check_spf: not all cases are right")


main()
