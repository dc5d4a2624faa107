#!/usr/bin/env python3
"""Each mail of $CORPORA/dkim/expected.tsv through policy/mail/dkim_verify, its
keys from the DNS data beside it: a table, and exit status 1 unless each result
is the expected one or of a class named here where a verifier of today differs.
Of each signature that holds, it must not hold any more for a changed mail.
Needs tests/tools/dkimtool (built by `make check`) in $TENDRIL_BUILDDIR."""
import collections
import csv
import os
import re
import subprocess
import sys
import tempfile

# The keys of RFC 8463, appendix A.2.
RFC8463 = """\
brisbane._domainkey.football.example.com v=DKIM1; k=ed25519; \
p=11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo=
test._domainkey.football.example.com v=DKIM1; k=rsa; \
p=MIGfMA0GCSqGSIb3DQEBAQUAA4GNADCBiQKBgQDkHlOQoBTzWRiGs5V6NpP3idY6\
Wk08a5qhdR6wy5bdOKb2jLQiY/J16JYi0Qvx/byYzCNb3W91y3FutACDfzwQ/BC/e/8\
uBsCR+yz1Lxj+PL6lHvqMKrM3rG4hstT5QjvHO9PzoxZyVYLzBfO2EeC3Ip3G+2kryO\
TIKT+l/K4w3QIDAQAB
"""
GMAIL_NAME = "20120113._domainkey.gmail.com"

EXPECTED = "as expected"
WEAK = "holds, but RFC 8301 forbids rsa-sha1 and keys under 1024 bits"
DOMAINKEYS = "DomainKeys only: no DKIM signature"
PRE_STANDARD = "draft before RFC 4871: either way"
NO_VERSION = "no v=, so invalid before it could fail"
DIFFERS = "verifiers differ (column `second`)"
WRONG = "WRONG"
# A corpus that lost most of its files must not pass. At least so many each.
LEAST = {EXPECTED: 25, WEAK: 8, DOMAINKEYS: 10}
BEST_FIRST = ("pass", "weak", "fail", "temperror", "invalid")


def records(folder):
    with open(os.path.join(folder, "mail-dkim-FAKE_DNS.dat"),
              encoding="ascii") as f:
        lines = [re.sub(r"\s+", " ", line.strip(), count=1) for line in f
                 if line.strip() and not line.startswith("#")]
    with open(os.path.join(folder, "mimekit-gmail.pub"),
              encoding="ascii") as f:
        key = "".join(line.strip() for line in f if "-----" not in line)
    lines.append(f"{GMAIL_NAME} v=DKIM1; k=rsa; p={key}")
    return "\n".join(lines) + "\n" + RFC8463


def verify(dns, message):
    """Rows of result, d=, s=, a=, extent, reason."""
    tool = os.path.join(os.environ.get("TENDRIL_BUILDDIR", "."),
                        "tests/tools/dkimtool")
    done = subprocess.run([tool, "verify", dns], input=message,
                          stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                          timeout=60, check=False)
    if done.returncode != 0:
        sys.exit(f"check_dkim: dkimtool ended with {done.returncode}:"
                 f" {done.stderr.decode()}")
    return [line.split("\t")
            for line in done.stdout.decode("utf-8", "replace").splitlines()]


def best(rows):
    """The row that speaks for the mail: the best, as in Mail::DKIM."""
    known = [row for row in rows if row[0] in BEST_FIRST]
    return min(known, key=lambda row: BEST_FIRST.index(row[0]),
               default=["none", "", "", "", "", "not signed"])


def classify(want, got):
    result, reason = got[0], got[5]
    if want["kind"] == "domainkeys":
        return DOMAINKEYS if result == "none" else WRONG
    if want["kind"] == "pre-standard":
        return PRE_STANDARD if result != "pass" else EXPECTED
    # The corpus knows no temporary errors: they are `invalid` to it.
    if ("invalid" if result == "temperror" else result) == want["result"]:
        return EXPECTED
    if (want["second"] or "").startswith("differs"):
        return DIFFERS
    if want["result"] == "pass" and result == "weak":
        return WEAK
    if (want["result"], result, reason) == ("fail", "invalid",
                                            "version missing"):
        return NO_VERSION
    return WRONG


def changed(message):
    """The mail with another From, and with another body."""
    field = re.search(rb"(?im)^from:[ \t]*", message)
    yield "From", message[:field.end()] + b"x" + message[field.end():]
    end = re.search(rb"\r?\n\r?\n", message)
    where = end.end() if end else len(message)
    yield "body", message[:where] + b"x" + message[where:]


def still_holds(dns, message, got):
    """What was changed without that the signature noticed."""
    if got[0] not in ("pass", "weak"):
        return []
    return [what for what, other in changed(message)
            if best(verify(dns, other))[0] in ("pass", "weak")]


def main():
    if "CORPORA" not in os.environ:
        sys.exit("check_dkim: name the folder of the corpora in $CORPORA")
    folder = os.path.join(os.environ["CORPORA"], "dkim")
    counts = collections.Counter()
    wrong = []
    with tempfile.NamedTemporaryFile("w") as dns, open(
            os.path.join(folder, "expected.tsv"), encoding="utf-8") as f:
        dns.write(records(folder))
        dns.flush()
        for want in csv.DictReader(f, delimiter="\t",
                                   quoting=csv.QUOTE_NONE):
            with open(os.path.join(folder, want["file"]), "rb") as mail:
                message = mail.read()
            got = best(verify(dns.name, message))
            kind = classify(want, got)
            counts[kind] += 1
            print("\t".join((want["file"], want["result"], got[0], kind,
                             got[5], want["second"] or "")))
            if kind == WRONG:
                wrong.append(want["file"])
            wrong += [f"{want['file']}: holds with another {what}"
                      for what in still_holds(dns.name, message, got)]
    print()
    for kind, n in counts.most_common():
        print(f"{n}\t{kind}")
    wrong += [f"only {counts[kind]} files {kind}: is the corpus whole?"
              for kind, least in LEAST.items() if counts[kind] < least]
    if wrong:
        sys.exit("check_dkim: " + "; ".join(wrong))


main()
