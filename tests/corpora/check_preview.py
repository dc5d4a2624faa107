#!/usr/bin/env python3
"""All mails of the corpora, as they are, with other line ends and torn, and
all their address fields through the real `tendril preview`: a table, and exit
status 1 unless each run

  - ends by itself with a status that tendril(1) names, within the limits below
    and without a leak (LeakSanitizer, or AddressSanitizer's own in a build
    with it, where only these cases run; a program that leaks on purpose must
    be noticed);
  - writes nothing and says why, or writes a whole message: the fields of the
    original in their order but for those we replace, then its body, byte for
    byte; all of it where the stream is `pass`;
  - is signed where its From can be, and verifies by dkimpy and by libopendkim
    (by dkimpy alone where the two differ: see ODD).

  CORPORA=dir TENDRIL_BUILDDIR=dir tests/corpora/check_preview.py

Needs python3-dkim and python3-nacl (Debian's, so Debian's Python), the
programs in tests/tools (built by `make check`) and gcc's liblsan."""
import collections
import concurrent.futures
import dataclasses
import os
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile
import threading
import time

SYSTEM_PYTHON = "/usr/bin/python3"
HERE = pathlib.Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parent / "e2e")]
try:
    import dkim  # noqa: F401
    from bed import judge, keys
except ImportError as missing:
    if sys.executable == SYSTEM_PYTHON:
        sys.exit(f"check_preview: {missing}: install python3-dkim and "
                 "python3-nacl")
    os.execv(SYSTEM_PYTHON, [SYSTEM_PYTHON, *sys.argv])

import check_address  # noqa: E402
import mails  # noqa: E402

BUILD = pathlib.Path(os.environ.get("TENDRIL_BUILDDIR", "."))
LIMITS = ("--as=268435456", "--cpu=5", "--core=0")  # 256 MiB, seconds
TIMEOUT_S = 30
STATUSES = (0, 1, 2)  # 75, try again, has no place here
LEAK_STATUS = 99
LEAK_OPTIONS = f"exitcode={LEAK_STATUS}:detect_leaks=1"
# So many at least are to be seen: a corpus that lost its files must not pass.
LEAST_MAILS = 20
LEAST_ADDRESSES = 1000
LEAST_SHARE = {"composed": 0.9, "signed": 0.7}  # of the mails as they are
LEAK_EVERY = {"as it is": 1, "other line ends": 4, "torn": 2, "address": 8}

HEAD = """\
state-dir = "{root}/state"
authserv-id = "mail.example.com"
lead-key = "{root}/lead.key"
token-key = "{root}/token.key"
epoch-key = "{root}/epoch.key"
milter {{ socket = "unix:{root}/m" }}
agent {{ api = "{root}/api" release = "127.0.0.1:1" maildir = "{root}" }}
web {{ base-url = "https://t.example.com" }}
mta-log {{ file = "{root}/mail.log" }}
stream release {{ class = "release" listener = {{"release"}} }}
stream news {{
  class = "nurture" listener = {{"apps"}} segment-from = "X-Tendril-Segment"
  unknown = "reject"
}}
stream shop {{ class = "transactional" listener = {{"apps"}} }}
stream rest {{ class = "pass" }}
"""
DOMAIN = """\
key r{n} {{
  domain = "{domain}" selector = "rsa" file = "{rsa}" algorithm = "rsa-sha256"
}}
key e{n} {{
  domain = "{domain}" selector = "ed" file = "{ed}"
  algorithm = "ed25519-sha256"
}}
domain {domain} {{
  keys = {{"r{n}", "e{n}"}} bounce-domain = "bounces.{domain}"
  sender-id = "sender"
}}
"""
POLICY = """\
segment newsletter { purpose = newsletter legal-basis = legitimate-interest }
"""
# Fields of the application that a nurture message loses.
REPLACED = re.compile(rb"list-unsubscribe(-post)?$|list-id$|feedback-id$|"
                      rb"cfbl-(address|feedback-id)$|x-tendril-.*$", re.I)
PLAIN_REPLACED = re.compile(rb"x-tendril-.*$", re.I)
# What RFC 5322 forbids, or wants to be rare, and libopendkim reads its own
# way: it ends a line at a CR alone, ends a field at a NUL, and takes VT and FF
# for blanks. RFC 6376 (2.8: WSP is SP and HTAB) is dkimpy's reading and ours.
ODD = re.compile(rb"\r(?!\n)|\0|[\v\f]")
HOST = re.compile(rb"@((?:[a-z0-9](?:[a-z0-9-]*[a-z0-9])?\.)+[a-z]{2,})", re.I)


class Bed:
    """Conf, policy and keys in a folder of their own."""

    def __init__(self, root):
        self.root = pathlib.Path(root)
        self.keys = {
            kind: keys.Key(root, "any", kind, algorithm)
            for kind, algorithm in (("rsa", "rsa-sha256"),
                                    ("ed", "ed25519-sha256"))}
        keys.secret(self.root / "lead.key")
        keys.secret(self.root / "token.key", 0)
        keys.secret(self.root / "epoch.key", 0)
        (self.root / "policy").write_text(POLICY)
        self._confs = {}
        self._writing = threading.Lock()

    def conf(self, domains):
        """A conf that signs for these; from any thread."""
        name = "-".join(domains) or "none"
        with self._writing:  # two at once would take one number
            if name not in self._confs:
                path = self.root / f"{len(self._confs)}.conf"
                path.write_text(HEAD.format(root=self.root) + "".join(
                    DOMAIN.format(domain=domain, n=n, **{
                        kind: key.file for kind, key in self.keys.items()})
                    for n, domain in enumerate(domains)))
                self._confs[name] = path
            return self._confs[name]

    def records(self, domains):
        return {f"{kind}._domainkey.{domain}": key.txt
                for domain in domains for kind, key in self.keys.items()}


def leak_watch():
    """What to add to the environment so that a leak ends with LEAK_STATUS."""
    config = subprocess.run([BUILD / "config.status", "--config"],
                            stdout=subprocess.PIPE, check=True).stdout.decode()
    found = re.search(r"--with-sanitizer=([\w,]+)", config)
    if found and "address" in found.group(1):
        return {"ASAN_OPTIONS": LEAK_OPTIONS}, True
    if found:
        sys.exit("check_preview: a build with this sanitizer cannot look for "
                 "leaks; use one without, or with address")
    where = subprocess.run(["gcc", "-print-file-name=liblsan.so"],
                           stdout=subprocess.PIPE, check=True)
    library = where.stdout.decode().strip()
    if not os.path.isabs(library):
        sys.exit("check_preview: gcc's liblsan.so is not installed")
    return {"LD_PRELOAD": library, "LSAN_OPTIONS": LEAK_OPTIONS}, False


@dataclasses.dataclass
class Run:
    """One run of the command line."""

    status: int
    out: bytes
    told: str
    seconds: float


class Runner:
    def __init__(self, bed):
        self.bed = bed
        self._leaks, self.instrumented = leak_watch()

    def leak_is_noticed(self):
        done = subprocess.run([BUILD / "tests/tools/leaktool"],
                              env={**os.environ, **self._leaks}, check=False,
                              stderr=subprocess.DEVNULL)
        return done.returncode == LEAK_STATUS

    def preview(self, conf, words, data, leaks):
        """leaks: look for them; without the limit on the address space, of
        which a sanitizer takes its own share. A build with one always does."""
        leaks = leaks or self.instrumented
        env = {**os.environ, **(self._leaks if leaks else {})}
        limits = [] if leaks else ["prlimit", *LIMITS]
        command = [*limits, BUILD / "tendril", "preview", "--conf", conf,
                   "--policy", self.bed.root / "policy", *words]
        start = time.monotonic()
        try:
            done = subprocess.run(command, input=data, env=env, check=False,
                                  stdout=subprocess.PIPE, timeout=TIMEOUT_S,
                                  stderr=subprocess.PIPE)
        except subprocess.TimeoutExpired:
            return Run(-1, b"", f"no end after {TIMEOUT_S} s", TIMEOUT_S)
        return Run(done.returncode, done.stdout,
                   done.stderr.decode("utf-8", "replace"),
                   time.monotonic() - start)


# --- what is right ---


def complaints_of_end(run):
    if run.status not in STATUSES:
        yield f"status {run.status}: {run.told[-400:]}"
    elif run.status == 2 and (run.out or "tendril: " not in run.told):
        yield "refused, but not as tendril(1) says"
    elif run.status != 2 and not run.out:
        yield "empty output"


def bare(fields):
    """To compare by: names without case, values without the line ends."""
    return [(name.lower(), re.sub(rb"\r?\n", b"\n", value).rstrip(b"\r"))
            for name, value in fields]


def complaints_of_message(original, out, replaced):
    want, body_at = mails.header_of(original)
    got, got_body_at = mails.header_of(out)
    if out[got_body_at:] != original[body_at:]:
        yield "the body is another"
    kept = [field for field in bare(want) if not replaced.match(field[0])]
    left = bare(got)
    at = 0
    for field in kept:
        if field not in left[at:]:
            yield f"lost, or out of order: {field[0].decode('latin-1')}"
            return
        at = left.index(field, at) + 1
    ours = [name for name, _ in left]
    for name in (b"list-unsubscribe", b"list-id", b"x-tendril-id"):
        if replaced is REPLACED and ours.count(name) != 1:
            yield f"{ours.count(name)} fields {name.decode()}"


def told_signatures(run):
    found = re.search(r"preview: (\d+) signatures", run.told)
    return int(found.group(1)) if found else 0


def libopendkim(bed, records, message):
    """The results of the uppermost signatures, by tests/tools/dkimtool."""
    with tempfile.NamedTemporaryFile("w", dir=bed.root) as file:
        file.write("".join(f"{name} {text}\n"
                           for name, text in records.items()))
        file.flush()
        done = subprocess.run(
            [BUILD / "tests/tools/dkimtool", "verify", file.name],
            input=message, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
            check=False, timeout=TIMEOUT_S)
    if done.returncode != 0:
        return [done.stderr.decode("utf-8", "replace").strip()]
    return [line.split("\t")[0]
            for line in done.stdout.decode("utf-8", "replace").splitlines()]


def as_sent(message):
    """As SMTP carries it."""
    message = re.sub(rb"\r?\n", b"\r\n", message)
    return message if message.endswith(b"\r\n") else message + b"\r\n"


def is_odd(message):
    _, body_at = mails.header_of(message)
    return (ODD.search(message[:body_at]) is not None or
            re.search(rb"\r(?!\n)", message) is not None)


def complaints_of_signatures(bed, domains, run):
    told = told_signatures(run)
    if told == 0:
        return
    message = as_sent(run.out)
    records = bed.records(domains)
    zone = keys.Zone([])
    zone.records = records
    ours = judge.signatures(message, zone)[:told]
    for one in ours:
        if not one.valid:
            yield f"dkimpy: {one.algorithm} invalid {one.problem}"
    if len(ours) != told:
        yield f"{len(ours)} signatures, {told} told"
    if is_odd(message):
        return
    results = libopendkim(bed, records, message)[:told]
    if results != ["pass"] * told:
        yield f"libopendkim: {results}"


# --- the corpora ---


@dataclasses.dataclass
class Case:
    corpus: str
    form: str
    path: str
    data: bytes
    words: tuple
    leaks: bool = False


def first_domains(data):
    """Of its From: those a conf can sign for, as anybody would guess them."""
    fields, _ = mails.header_of(mails.without_envelope(data))
    values = [value for name, value in fields if name.lower() == b"from"]
    found = HOST.findall(values[0]) if len(values) == 1 else []
    return sorted({name.decode().lower() for name in found})[:4]


def mail_cases(corpora):
    nurture = ("--segment", "newsletter", "--to", "lead@a.example")
    for corpus in mails.CORPORA:
        for number, (path, data) in enumerate(mails.mails(corpora, corpus)):
            for form, change in mails.FORMS.items():
                yield Case(corpus, form, path, change(data), nurture,
                           number % LEAK_EVERY[form] == 0)
            yield Case(corpus, "transactional", path, data,
                       ("--stream", "shop"))
            yield Case(corpus, "pass", path, data, ("--stream", "rest"))


def address_cases(corpora):
    """A message for each address field of the corpora, with it in From and
    To; and each plain address of theirs as --to."""
    values = {value.strip() for _, _, value in check_address.fields(corpora)}
    for number, value in enumerate(sorted(values)):
        data = (b"From: " + value + b"\nTo: " + value + b"\nSubject: x\n"
                b"Date: Mon, 01 Jun 2026 10:00:00 +0000\n\nHello.\n")
        yield Case("addresses", "From and To", str(value), data,
                   ("--segment", "newsletter"),
                   number % LEAK_EVERY["address"] == 0)
    specs = {spec for value in values for spec in re.findall(
        rb"[^\s<>,;:\"()]+@[^\s<>,;:\"()]+", value)}
    for number, spec in enumerate(sorted(specs)):
        data = mails.HTML_HEAD + b"Hello.\n"
        yield Case("addresses", "--to", str(spec), data,
                   ("--segment", "newsletter", "--to", spec),
                   number % LEAK_EVERY["address"] == 0)


def complaints_of(runner, case):
    """(run, complaints) of one case."""
    domains = first_domains(case.data)
    conf = runner.bed.conf(domains)
    run = runner.preview(conf, case.words, case.data, False)
    found = list(complaints_of_end(run))
    original = mails.without_envelope(case.data)
    if found or run.status == 2:
        pass
    elif case.form == "pass":
        found += [] if run.out == original else ["not as it came"]
    else:
        found += complaints_of_message(
            original, run.out,
            PLAIN_REPLACED if case.form == "transactional" else REPLACED)
        found += complaints_of_signatures(runner.bed, domains, run)
    if case.leaks and not runner.instrumented:
        again = runner.preview(conf, case.words, case.data, True)
        if again.status != run.status:
            found.append(f"with sanitizer: status {again.status}: "
                         f"{again.told[:1500]}")
    return run, found


class Table:
    COLUMNS = ("corpus", "form", "runs", "composed", "signed", "odd",
               "refused", "leak runs", "slowest ms", "wrong")

    def __init__(self):
        self.rows = collections.defaultdict(collections.Counter)
        self.slowest = collections.Counter()
        self.refusals = collections.Counter()

    def add(self, case, run, found):
        key = case.corpus, case.form
        row = self.rows[key]
        row.update({"runs": 1, "composed": bool(run.out),
                    "signed": told_signatures(run) > 0,
                    "odd": told_signatures(run) > 0 and is_odd(
                        as_sent(run.out)),
                    "refused": run.status == 2, "leak runs": case.leaks,
                    "wrong": bool(found)})
        self.slowest[key] = max(self.slowest[key], run.seconds)
        if run.status == 2:
            self.refusals[case.form, run.told.strip().splitlines()[-1]] += 1

    def print(self):
        print("\t".join(self.COLUMNS))
        for key, row in self.rows.items():
            cells = {**row, "slowest ms": round(1000 * self.slowest[key])}
            print("\t".join([*key, *(str(cells[name])
                                     for name in self.COLUMNS[2:])]))
        print("refusals:")
        for (form, text), n in self.refusals.most_common(20):
            print(f"  {n}\t{form}\t{text[:140]}")

    def sums(self, form):
        total = collections.Counter()
        for (_, name), row in self.rows.items():
            if name == form:
                total.update(row)
        return total

    def shortfalls(self, least_addresses):
        """What is too little to have shown anything."""
        for corpus in mails.CORPORA:
            runs = self.rows[corpus, "as it is"]["runs"]
            if runs < LEAST_MAILS:
                yield f"{corpus}: only {runs} mails"
        total = self.sums("as it is")
        for what, share in LEAST_SHARE.items():
            if total[what] < share * total["runs"]:
                yield f"only {total[what]} of {total['runs']} mails {what}"
        runs = self.sums("From and To")["runs"]
        if runs < least_addresses:
            yield f"only {runs} address fields"


def run_all(runner, cases):
    """True if all is as it should be."""
    table, good = Table(), True
    with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
        results = pool.map(lambda case: (case, complaints_of(runner, case)),
                           cases)
        for case, (run, found) in results:
            table.add(case, run, found)
            for text in found:
                print(f"FAIL: {case.path} ({case.form}): {text}")
                good = False
    table.print()
    for text in table.shortfalls(LEAST_ADDRESSES // (
            LEAK_EVERY["address"] if runner.instrumented else 1)):
        print(f"FAIL: {text}")
        good = False
    return good


def main():
    corpora = os.environ.get("CORPORA", "")
    if not os.path.isdir(corpora) or not (BUILD / "tendril").exists():
        sys.exit("check_preview: set CORPORA and TENDRIL_BUILDDIR (make check "
                 "there first)")
    root = tempfile.mkdtemp(prefix="tendril-preview-")
    try:
        runner = Runner(Bed(root))
        if not runner.leak_is_noticed():
            sys.exit("check_preview: a leak on purpose goes unnoticed")
        cases = [case for case in (*mail_cases(corpora),
                                   *address_cases(corpora))
                 if case.leaks or not runner.instrumented]
        sys.exit(0 if run_all(runner, cases) else 1)
    finally:
        shutil.rmtree(root)


main()
