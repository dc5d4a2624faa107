"""The mails of the corpora, and forms of them that nobody chose.

Bodies that are no mails (html-mails/html) get a header of ours."""
import hashlib
import os
import re

CORPORA = ("mime", "html-mails", "bounceparser", "sisimai-slice", "reports",
           "dkim")
MAIL = (".eml", ".msg", ".txt")
NO_MAIL = ("LICENSE", "COPYING", "SOURCES")
HTML_HEAD = (b"From: Letters <letters@example.com>\nTo: Ann <ann@a.example>\n"
             b"Subject: A body of the corpus\nMIME-Version: 1.0\n"
             b"Date: Mon, 01 Jun 2026 10:00:00 +0000\n"
             b"Content-Type: text/html\n\n")


def is_mail(folder, name):
    stem, end = os.path.splitext(name)
    return (end in MAIL or "hard-ham" in folder) and not stem.startswith(
        NO_MAIL)


def mails(corpora, corpus):
    """Yields (path, bytes)."""
    for folder, _, names in sorted(os.walk(os.path.join(corpora, corpus))):
        for name in sorted(names):
            path = os.path.join(folder, name)
            if is_mail(folder, name) or name.endswith(".html"):
                with open(path, "rb") as f:
                    data = f.read()
                yield path, HTML_HEAD + data if name.endswith(
                    ".html") else data


def other_ends(data):
    """LF where it had CRLF, CRLF where it had LF."""
    if b"\r\n" in data:
        return data.replace(b"\r\n", b"\n")
    return data.replace(b"\n", b"\r\n")


def torn(data):
    """Some bytes changed and the end cut off, where a digest says."""
    digest = hashlib.sha256(data).digest()
    cut = 1 + int.from_bytes(digest[:4], "big") % max(len(data), 1)
    mail = bytearray(data[:cut])
    for at in range(4, 28, 4):
        where = int.from_bytes(digest[at:at + 3], "big") % len(mail)
        mail[where] = digest[at + 3]
    return bytes(mail)


FORMS = {"as it is": lambda data: data, "other line ends": other_ends,
         "torn": torn}


def header_of(data):
    """(fields, where the body begins): the fields as (name, value) with the
    value's bytes after the colon, up to the first line that is none."""
    found, at = [], 0
    field = re.compile(
        rb"([!-9;-~]+)[ \t]*:([^\n]*(?:\n[ \t][^\n]*)*)(?:\n|$)")
    while (match := field.match(data, at)) is not None:
        found.append((match.group(1), match.group(2)))
        at = match.end()
    empty = re.compile(rb"\r?\n").match(data, at)
    return found, at if empty is None else empty.end()


def without_envelope(data):
    """Without a byte order mark and an mbox line."""
    return re.sub(rb"\A(?:\xef\xbb\xbf)?(?:>?From [^\n]*(?:\n|\Z))?",
                  b"", data)
