#!/usr/bin/env python3
"""All address fields of the mails in $CORPORA, returned mails inside included,
through policy/mail/addrlist: no crash, canonical of canonical unchanged, and
the same addresses as Python's email.utils where a field is plain.

A second opinion, not a truth: email.utils guesses where addrlist refuses to,
so a field counts as plain only where there is nothing to guess.
Needs tests/tools/addrtool (built by `make check`) in $TENDRIL_BUILDDIR."""
import email.utils
import os
import re
import subprocess
import sys

FOLDERS = ("mime", "bounceparser", "sisimai-slice", "html-mails", "reports")
NAMES = (b"From|To|Cc|Bcc|Reply-To|Sender|Return-Path|Errors-To|Delivered-To|"
         b"X-Original-To|X-Failed-Recipients|Return-Receipt-To|"
         b"Disposition-Notification-To|"
         b"Resent-From|Resent-To|Resent-Cc|Resent-Sender|Resent-Reply-To")
FIELD = re.compile(rb"^(" + NAMES + rb"):(.*(?:\r?\n[ \t].*)*)", re.I | re.M)
# Word characters, quoted strings without escapes, one address an entry.
WORD = r"(?:\"[^\"\\\r\n]*\"|[\w!#$%&'*+/=?^`{|}~.-]+)"
SPEC = r"[\w!#$%&'*+/=?^`{|}~-]+(?:\.[\w!#$%&'*+/=?^`{|}~-]+)*@[\w.-]*[a-z]"
ENTRY = rf"(?:{SPEC}|(?:{WORD}\s+)*<{SPEC}>)"
PLAIN = re.compile(rf"\s*{ENTRY}(?:\s*,\s*{ENTRY})*\s*", re.I | re.A)
LEAST_AGREEMENT = 0.999


def mails(corpora):
    for folder in FOLDERS:
        for where, _, names in os.walk(os.path.join(corpora, folder)):
            for name in sorted(names):
                if name.endswith((".eml", ".msg", ".txt", ".html")) or (
                        "." not in name or folder == "html-mails"):
                    yield os.path.join(where, name)


def fields(corpora):
    for path in mails(corpora):
        with open(path, "rb") as f:
            for match in FIELD.finditer(f.read()):
                if match.group(2).strip() == b"<>":
                    continue  # a Return-Path: no address list
                yield path, match.group(1).decode(), match.group(2)


def run_tool(values):
    tool = os.path.join(os.environ.get("TENDRIL_BUILDDIR", "."),
                        "tests/tools/addrtool")
    data = b"".join(b"%d\n%s" % (len(v), v) for v in values)
    done = subprocess.run([tool], input=data, stdout=subprocess.PIPE,
                          timeout=300)
    if done.returncode != 0:
        sys.exit(f"check_address: addrtool ended with {done.returncode}")
    lines = iter(done.stdout.decode("utf-8").split("\n"))
    for _ in values:
        count, bad = map(int, next(lines).split())
        yield [next(lines).split("\t") for _ in range(count)], bad


def is_plain(text):
    return PLAIN.fullmatch(re.sub(r"\r?\n", "", text)) is not None


def python_view(text):
    pairs = email.utils.getaddresses([re.sub(r"\r?\n", "", text)])
    return [spec for _, spec in pairs if spec]


def main():
    found = list(fields(os.environ.get("CORPORA", "../shared/corpora")))
    paths = {path for path, _, _ in found}
    total = refused = plain = agree = all_agree = 0
    for (path, name, value), (ours, bad) in zip(
            found, run_tool([value for _, _, value in found])):
        text = value.decode("latin-1")
        theirs = python_view(text)
        same = bad == 0 and [spec for spec, _ in ours] == theirs
        total += len(ours)
        refused += bad
        all_agree += same
        if is_plain(text):
            plain += 1
            agree += same
            if not same:
                print(f"differs: {path}: {name}: ours {ours} ({bad} bad),"
                      f" email.utils {theirs}")
        elif "-v" in sys.argv and not same:
            print(f"# {path}: {name}:{text!r}: ours"
                  f" {[s for s, _ in ours]} ({bad} bad),"
                  f" email.utils {theirs}")
    if plain < 100:
        sys.exit(f"check_address: only {plain} plain fields: no corpus?")
    print(f"address fields {len(found)} of {len(paths)} mails, addresses"
          f" {total}, entries refused {refused}")
    print(f"as email.utils: plain fields {agree} of {plain}"
          f" ({100 * agree / plain:.2f} %), all fields {all_agree}"
          f" ({100 * all_agree / len(found):.1f} %)")
    if agree < LEAST_AGREEMENT * plain:
        sys.exit("check_address: too many plain fields differ")


if __name__ == "__main__":
    main()
