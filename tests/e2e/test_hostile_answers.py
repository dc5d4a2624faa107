"""Answers that mean harm, through the Maildir: far too large, with bytes that
belong in no mail, and words made for logs, JSON and terminals."""

import json
import os
import pwd
import re

import pytest

import apps
from bed import bed as beds
from bed import conf, mail, proc

NEWS = "news@example.com"
LARGE = 100 << 20
MEMORY_KB = 100_000  # the agent's, with one mail of 25 MB at work
HEAD = b"""\
Return-Path: <>
X-Original-To: %(to)s
From: MAILER-DAEMON@mx.far.example
To: %(to)s
Subject: Undelivered
MIME-Version: 1.0
Content-Type: multipart/report; report-type=delivery-status; boundary=b

"""
STATUS = b"""\
--b
Content-Type: message/delivery-status

Reporting-MTA: dns; mx.far.example

Final-Recipient: rfc822; %(person)s
Action: failed
Status: 5.1.1
Diagnostic-Code: smtp; %(words)s

"""
TEXT = b"--b\nContent-Type: text/plain; charset=\xff\xfe\"x\n\n"
UNKNOWN = b"550 5.1.1 no such user"
FORGED = (b"550 5.1.1 no such user \x00\x1b[2J\x1b]0;x\x07\r"
          b"<5>tendril: event=forged msg=1 \xe2\x80\xa8\xff\xfe\"}\\ "
          b"<script>alert(1)</script> \xe2\x80\xae txt.exe \xe2\x81\xa6"
          b"\xc2\x9b31m \xef\xbb\xbf")
# What moves the cursor, ends a line or turns text around.
UNFIT = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f"
                   "\u2028-\u202e\u2066-\u206f\ufeff]")


@pytest.fixture(scope="module")
def bed(build):
    policy = conf.PolicyText(basis="legitimate-interest")
    with beds.Bed(build, policy=policy) as made:
        made.start_milter()
        made.start_agent()
        made.start_hub()
        yield made
        made.stop_and_look()


def bounce_address(bed, person):
    data = mail.message(NEWS, person, "News", message_id=(
        f"<{os.urandom(8).hex()}@app.example.com>"), fields=(
            ("X-Tendril-Segment", "newsletter"),))
    assert mail.submit(bed.ports["apps"], NEWS, [person],
                       data).final[0] == 250
    return bed.sink.wait(person)[-1].sender


def deliver(bed, parts):
    """As the MTA does: written elsewhere, then moved."""
    name = os.urandom(8).hex()
    path = bed.maildir / "tmp" / name
    path.parent.mkdir(exist_ok=True)
    with open(path, "wb") as out:
        for part in parts:
            out.write(part)
    nobody = pwd.getpwnam("nobody")
    os.chown(path, nobody.pw_uid, nobody.pw_gid)
    (bed.maildir / "new").mkdir(exist_ok=True)
    path.rename(bed.maildir / "new" / name)
    proc.wait_until(lambda: not bed.feedback(), 60, "an empty Maildir")


def report(bed, person, words=UNKNOWN):
    to = bounce_address(bed, person).encode()
    return HEAD % {b"to": to}, STATUS % {b"person": person.encode(),
                                         b"words": words}


def suppressed(bed, person):
    return bed.tendril.cli("suppress", "check", person,
                           check=False).returncode == 0


def filler():
    line = b"x" * 75 + b"\n"
    block = line * 10000
    return [block] * (LARGE // len(block))


def test_hundred_megabytes(bed, build):
    """25 MB of it are read. What stands there counts; what stands behind is
    not seen, and the mail is kept for people, whole."""
    first, behind = "first@north.example", "behind@north.example"
    head, status = report(bed, first)
    deliver(bed, [head, status, TEXT, *filler(), b"--b--\n"])
    assert suppressed(bed, first)
    head, status = report(bed, behind)
    deliver(bed, [head, TEXT, *filler(), status, b"--b--\n"])
    assert not suppressed(bed, behind)
    kept, = bed.maildir.glob("unparsed/*.eml")
    assert kept.stat().st_size > 100_000_000
    used = apps.memory_kb(bed.tendril.agent.pid)
    print(f"the agent: {used} kB")
    assert used < apps.memory_bound_kb(build, MEMORY_KB), f"{used} kB"


def test_words_of_a_server(bed):
    """Into the log, JSON and what a terminal shows: as text, on one line."""
    person = "words@north.example"
    head, status = report(bed, person, FORGED)
    deliver(bed, [head, TEXT, b"\x00\xff\n", status, b"--b--\n"])
    assert suppressed(bed, person)
    for line in bed.tendril.agent.log_text().splitlines():
        assert not re.match(r"(<\d>)?(tendril: )?event=forged", line)
    for words in (["suppress", "show", person], ["lead", "timeline", person],
                  ["journal"]):
        text = bed.tendril.cli(*words).stdout
        assert "alert(1)" in text or words[0] == "journal"
        assert not UNFIT.search(text)
        text = bed.tendril.cli(*words, "--json").stdout
        assert not UNFIT.search(text)
        for line in text.split("\n"):
            assert line == "" or json.loads(line)


def test_the_same_again(bed):
    """A report that is delivered twice, and another one of the same."""
    person = "twice@north.example"
    head, status = report(bed, person)
    for more in (b"", b"", b"one more\n"):
        deliver(bed, [head, TEXT, more, status, b"--b--\n"])
    rows = [json.loads(line) for line in bed.tendril.cli(
        "lead", "timeline", person, "--json").stdout.splitlines()]
    assert [row["type"] for row in rows].count("bounce") == 1


def test_nobody_is_answered(bed):
    """All that was delivered here made no mail: bounces are not bounced."""
    bed.hub.wait_empty()
    assert not [one for one in bed.sink.messages()
                if not one.recipients[0].endswith("@north.example")
                and one.recipients[0] != NEWS]
