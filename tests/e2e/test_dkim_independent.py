"""DKIM against programs that share no code with ours: dkimpy and Debian's
opendkim verify what tests/tools/dkimtool signs, and dkimtool verifies what
dkimpy and opendkim-testmsg sign. (opendkim-testmsg verifies with the keys of
the real DNS only; opendkim's test mode is the same library with keys from a
file.) Needs python3-dkim and python3-nacl of the Python that runs this,
opendkim and opendkim-tools."""

import base64
import os
import pathlib
import shutil
import subprocess
import time

import pytest

try:
    import dkim
    import nacl  # noqa: F401  dkimpy's Ed25519
except ImportError as missing:
    dkim, NO_DKIMPY = None, str(missing)

BUILD = pathlib.Path(os.environ.get("TENDRIL_BUILDDIR", "."))
TOOL = BUILD / "tests/tools/dkimtool"
DOMAIN = "example.com"
ALGORITHMS = {"rsa": "rsa-sha256", "ed": "ed25519-sha256"}
CHUNKS = (0, 1, 7, 4096)

FROM = b"From: Ann <ann@example.com>\n"
MAILS = {
    "plain": FROM + b"To: bob@example.net\nSubject: hello\n\nHello.\n",
    "empty-body": FROM + b"Subject: nothing\n\n",
    "no-final-newline": FROM + b"Subject: x\n\nHello\nworld",
    "trailing-blank-lines": FROM + b"\nHello \t\n\n \n\t\n\n\n",
    "only-blank-lines": FROM + b"\n\n \n\n",
    "white-space": FROM + b"Subject:   a \t b  \n\n \tx  y\t\n\n  z\n",
    "folded": (b"From: Ann\n <ann@example.com>\nSubject: a\n\tb\n   c\n"
               b"List-Unsubscribe: <https://example.com/u/1>,\n"
               b" <mailto:u-1@example.com>\n"
               b"References: <1@a>\n <2@a>\n\t<3@a>\n\nHello.\n"),
    "starts-on-next-line": (FROM + b"Subject:\n hello\nList-Unsubscribe:\n\t"
                            b"<https://example.com/u/1>\n\nHello.\n"),
    "empty-values": FROM + b"Subject:\nTo: \nCc:  \t\n\nHello.\n",
    "long-lines": FROM + b"Subject: x\n\n" + b"0123456789" * 300 + b"\n"
                  + b"word " * 500 + b"\n",
    "long-header": FROM + b"References: " + b"<x@y.example> " * 60 + b"\n"
                   + b" " + b"<z@y.example> " * 60 + b"\n\nHello.\n",
    "8-bit-body": FROM + b"\n" + bytes(range(128, 256)) + b"\ncaf\xc3\xa9\n",
    "8-bit-header": ("From: Änn <ann@example.com>\nSubject: žluťoučký\n kůň "
                     "\n\nHello.\n").encode() + b"latin \xe9\n",
    "repeated": (b"To: one@example.net\n" + FROM + b"To: two@example.net\n"
                 b"to: three@example.net\nComments: x\n\nHello.\n"),
    "one-click": (FROM + b"List-Unsubscribe-Post: List-Unsubscribe=One-Click\n"
                  b"List-Id: News <news.example.com>\nFeedback-ID: a:b:c:d\n"
                  b"CFBL-Address: f@example.com; report=arf\n"
                  b"X-Tendril-Id: abc\n\nHello.\n"),
    "html": FROM + b"Content-Type: text/html; charset=utf-8\n"
            b"MIME-Version: 1.0\n\n<html>\n  <body>\n\t<p>A  b</p>\n"
            b"  </body>\n</html>\n\n",
}


def crlf(message):
    return message.replace(b"\r\n", b"\n").replace(b"\n", b"\r\n")


ENDS = {"lf": lambda message: message, "crlf": crlf}


def sent(message):
    """SMTP ends the last line."""
    return message if message.endswith(b"\n") else message + b"\r\n"


def run(command, **more):
    done = subprocess.run([str(part) for part in command],
                          stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                          timeout=60, check=False, **more)
    assert done.returncode == 0, (command, done.returncode, done.stderr)
    return done.stdout


@pytest.fixture(scope="module")
def keys(tmp_path_factory):
    """Private keys by selector, records by name, and the file of records."""
    if dkim is None:
        pytest.fail("dkimpy cannot be loaded (" + NO_DKIMPY + "): install "
                    "python3-dkim and python3-nacl, run /usr/bin/python3")
    if not TOOL.exists():
        pytest.fail(f"{TOOL} is not there: run make check in TENDRIL_BUILDDIR")
    folder = tmp_path_factory.mktemp("keys")
    paths, args = {}, []
    for selector, algorithm in ALGORITHMS.items():
        paths[selector] = folder / f"{selector}.pem"
        paths[selector].touch(0o600)
        paths[selector].write_bytes(run([TOOL, "key", algorithm]))
        args.append(f"{DOMAIN}:{selector}:{algorithm}:{paths[selector]}")
    lines = run([TOOL, "record", *args])
    records = dict(line.split(b" ", 1) for line in lines.splitlines())
    file = folder / "records"
    file.write_bytes(lines)
    return {"paths": paths, "args": args, "records": records, "file": file,
            "folder": folder}


def tool_path(name, package):
    path = shutil.which(name, path=os.environ["PATH"] + ":/usr/sbin")
    if path is None:
        pytest.fail(f"{name} is not installed: install {package}")
    return path


def sign(keys, message, chunk=0):
    return run([TOOL, "sign", int(time.time()), chunk, *keys["args"]],
               input=message)


def ours(keys, message):
    """(result, selector) of each signature, as dkimtool sees it."""
    out = run([TOOL, "verify", keys["file"]], input=message).decode()
    rows = [line.split("\t") for line in out.splitlines()]
    return [(row[0], row[2]) for row in rows]


def dkimpy_verifies(keys, message):
    """What dkimpy says of the first and of the second signature."""
    def record(name, timeout=5):
        return keys["records"].get(name.rstrip(b"."))

    def holds(index):
        try:
            return dkim.DKIM(message).verify(idx=index, dnsfunc=record)
        except dkim.ValidationError:  # another body hash
            return False

    return [holds(i) for i in range(len(ALGORITHMS))]


def opendkim_verifies(keys, message):
    """The same of opendkim, in its test mode, from its header field."""
    conf = keys["folder"] / "opendkim.conf"
    conf.write_text(f"Mode v\nTestPublicKeys {keys['file']}\nSyslog no\n")
    mail = keys["folder"] / "mail"
    mail.write_bytes(message)
    out = run([tool_path("opendkim", "opendkim"), "-x", conf, "-vv", "-t",
               mail]).decode("utf-8", "replace")
    results = [line for line in out.splitlines() if "header.a=" in line]
    return ["dkim=pass" in line for line in results]


@pytest.mark.parametrize("end", ENDS)
@pytest.mark.parametrize("name", MAILS)
def test_others_verify_ours(keys, name, end):
    message = ENDS[end](MAILS[name])
    first = sign(keys, message)
    for chunk in CHUNKS[1:]:
        again = sign(keys, message, chunk)
        assert bh(again) == bh(first), f"chunks of {chunk}"
    assert first.endswith(message)
    assert dkimpy_verifies(keys, sent(first)) == [True, True]
    assert opendkim_verifies(keys, sent(first)) == [True, True]
    assert ours(keys, first) == [("pass", "rsa"), ("pass", "ed")]


def bh(message):
    return [part.strip() for part in message.split(b";")
            if part.strip().startswith(b"bh=")]


@pytest.mark.parametrize("name", MAILS)
def test_line_ends_changed_on_the_way(keys, name):
    """Signed as a milter sees it, verified as SMTP carries it."""
    message = sent(crlf(sign(keys, MAILS[name])))
    assert dkimpy_verifies(keys, message) == [True, True]
    assert opendkim_verifies(keys, message) == [True, True]


@pytest.mark.parametrize("change", [
    (b"\n\nHello.", b"\n\nHallo."),
    (b"Subject: hello", b"Subject: hallo"),
    (b"To: bob", b"Cc: eve@example.org\nTo: bob"),
    (b"To: bob", b"List-Unsubscribe: <https://evil.example>\nTo: bob"),
    (b"From: Ann", b"From: Eve <eve@example.com>\nFrom: Ann"),
    (b"Hello.\n", b"Hello.\nMore.\n"),
])
def test_changes_are_seen_by_all(keys, change):
    message = sign(keys, MAILS["plain"])
    assert message.count(change[0]) == 1
    changed = message.replace(*change)
    assert dkimpy_verifies(keys, changed) == [False, False]
    assert opendkim_verifies(keys, changed) == [False, False]
    assert [result for result, _ in ours(keys, changed)] == ["fail", "fail"]


def seed_of(path):
    """What dkimpy wants of an Ed25519 key: the end of the PKCS#8 frame."""
    der = base64.b64decode(b"".join(path.read_bytes().splitlines()[1:-1]))
    return base64.b64encode(der[-32:])


@pytest.mark.parametrize("end", ENDS)
@pytest.mark.parametrize("name", MAILS)
@pytest.mark.parametrize("selector", ALGORITHMS)
def test_ours_verifies_dkimpy(keys, selector, name, end):
    message = sent(ENDS[end](MAILS[name]))
    path = keys["paths"][selector]
    private = seed_of(path) if selector == "ed" else path.read_bytes()
    for canonical in (b"relaxed", b"simple"):
        field = dkim.sign(
            message, selector.encode(), DOMAIN.encode(), private,
            canonicalize=(canonical, canonical),
            signature_algorithm=ALGORITHMS[selector].encode(), linesep=b"\n")
        signed = ENDS[end](field) + message
        assert ours(keys, signed) == [("pass", selector)], canonical


# opendkim-testmsg wants a Date and one To at most.
@pytest.mark.parametrize("name", sorted(set(MAILS) - {"repeated"}))
def test_ours_verifies_opendkim(keys, name):
    """Its one algorithm is rsa-sha1, its canonicalisation relaxed/simple: the
    signature holds, and is no longer to be believed."""
    tool = tool_path("opendkim-testmsg", "opendkim-tools")
    message = b"Date: Fri, 11 Jul 2003 21:00:37 -0700\n" + sent(MAILS[name])
    signed = run([tool, "-d", DOMAIN, "-s", "rsa", "-k",
                  keys["paths"]["rsa"]], input=message)
    assert ours(keys, signed) == [("weak", "rsa")]
    changed = signed.replace(b"-0700", b"-0800")
    assert ours(keys, changed) == [("fail", "rsa")]
