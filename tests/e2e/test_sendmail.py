"""Tendril beside a real Sendmail, configured by contrib/sendmail/tendril.m4:
what tests with Postfix show in depth, shown once more where the MTA's part
differs. No log of Sendmail's is followed, so what is decided counts as
delivered at once."""

import itertools
import re
import shutil

import pytest

import test_outside
from bed import bed as beds
from bed import conf, judge, mail, proc, sendmail

pytestmark = pytest.mark.long

NEWS = "news@example.com"
ORDERS = test_outside.ORDERS
NUMBERS = itertools.count(1)
BOUNCE = """\
From: MAILER-DAEMON@mx.north.example\r
To: {to}\r
Subject: Undeliverable\r
Date: Mon, 01 Jun 2026 10:00:00 +0000\r
MIME-Version: 1.0\r
Content-Type: multipart/report; report-type=delivery-status; boundary="x"\r
\r
--x\r
\r
Nobody of that name here.\r
--x\r
Content-Type: message/delivery-status\r
\r
Reporting-MTA: dns; mx.north.example\r
\r
Final-Recipient: rfc822; {who}\r
Action: failed\r
Status: 5.1.1\r
Diagnostic-Code: smtp; 550 5.1.1 user unknown\r
--x--\r
"""


def no_log(text):
    """A tweak of the conf: no log is followed."""
    plain = text.text

    def changed():
        found, count = re.subn(r'mta-log \{[^}]*\}\n', "", plain())
        assert count == 1
        return found
    text.text = changed


@pytest.fixture(scope="module")
def bed(build):
    """Milter, agent and Sendmail. In /run: Sendmail wants the milter's socket
    in folders that not everybody may write to."""
    try:
        files = sendmail.unpack(build)
    except sendmail.Missing as why:
        pytest.skip(f"Sendmail's packages cannot be had: {why}")
    policy = conf.PolicyText(basis="legitimate-interest",
                             segment_cap="2 per 7d", person_cap="3 per 7d")
    with beds.Bed(build, root=beds.make_root("/run"), policy=policy,
                  tweak=no_log) as made:
        made.sendmail = sendmail.Sendmail(
            files, made.root / "sendmail", ports=made.ports,
            sink_port=made.sink.port, socket=made.conf.milter_socket,
            bounce_domain=beds.BOUNCE_DOMAIN,
            ingest=f"{made.root}/tendril ingest --conf {made.conf_file}")
        shutil.copy(build / "tendril", made.root)  # where nobody may enter
        made.start_milter()
        made.start_agent()
        made.sendmail.start()
        yield made
        made.sendmail.stop()
        made.stop_and_look()


def newcomer():
    return f"p{next(NUMBERS)}@north.example"


def news(recipient, shape="plain", number=None):
    data = test_outside.letter(shape, number or next(NUMBERS)).replace(
        b"orders@example.com", b"news@example.com").replace(
            b"Subject:", b"X-Tendril-Segment: newsletter\r\nSubject:")
    return re.sub(rb"To: [^\r]*", b"To: " + recipient.encode(), data, 1)


def submit(bed, people, data, sender=NEWS, port="apps"):
    return mail.submit(bed.ports[port], sender, people, data,
                       mail_options=["BODY=8BITMIME"])


@pytest.mark.parametrize("shape", test_outside.SHAPES)
def test_newsletters_hold_outside(bed, shape):
    person = newcomer()
    data = news(person, shape)
    sent = submit(bed, [person], data)
    assert sent.final[0] == 250, sent
    message, = bed.sink.wait(person)
    test_outside.verified(bed, message.data)
    assert judge.judge_envelope(message, person, beds.BOUNCE_DOMAIN) == []
    assert judge.judge_one_click(message.data, bed.conf.base_url,
                                 beds.BOUNCE_DOMAIN) == []
    assert judge.split(message.data)[1] == test_outside.whole_lines(
        judge.split(data)[1])


# What an address field may look like and leave as it is...
KEPT = ('"Shop, Team" <news@example.com>', "news@example.com (Shop)",
        '"Shop"<news@example.com>', "Shop <News@Example.COM>",
        "=?utf-8?q?J=C3=B6rg?= <news@example.com>",
        "J\u00f6rg <news@example.com>")
# ...and what Sendmail writes its own way after we signed: the guide says so.
REWRITTEN = ("Shop Inc. <news@example.com>",
             "Shop <@a.example:news@example.com>")


def with_from(person, value):
    return news(person).replace(b"Shop <news@example.com>", value.encode())


@pytest.mark.parametrize("value", KEPT)
def test_address_fields_that_hold(bed, value):
    person = newcomer()
    assert submit(bed, [person], with_from(person, value)).final[0] == 250
    message, = bed.sink.wait(person)
    test_outside.verified(bed, message.data)


@pytest.mark.parametrize("value", REWRITTEN)
def test_address_fields_that_sendmail_rewrites(bed, value):
    person = newcomer()
    assert submit(bed, [person], with_from(person, value)).final[0] == 250
    message, = bed.sink.wait(person)
    assert judge.values(message.data, "From") != [value]
    assert test_outside.opendkim_results(bed, message.data) == ["fail"] * 2


@pytest.mark.parametrize("name", ["Date", "Message-ID"])
def test_what_sendmail_adds(bed, name):
    person = newcomer()
    data = re.sub(rb"%s: [^\r]*\r\n" % name.encode(), b"", news(person))
    assert submit(bed, [person], data).final[0] == 250
    message, = bed.sink.wait(person)
    assert len(judge.values(message.data, name)) == 1
    assert judge.signature_summary(message.data, bed.zone).endswith(" ok")
    assert test_outside.opendkim_results(bed, message.data) == ["pass"] * 2


def test_transactional_mail(bed):
    number = next(NUMBERS)
    person = f"p{number}@north.example"
    data = test_outside.letter("plain", number)
    assert submit(bed, [person], data, ORDERS).final[0] == 250
    message, = bed.sink.wait(person)
    test_outside.verified(bed, message.data)
    assert message.sender == ORDERS
    assert judge.values(message.data, "List-Unsubscribe") == []


def test_limits_and_refusals(bed):
    """Counted at once, since no log tells; refused at RCPT where the envelope
    decides, at the end of the message where the header does."""
    person = newcomer()
    codes = [submit(bed, [person], news(person)).final for _ in range(3)]
    assert [code for code, _ in codes] == [250, 250, 550]
    assert "cap" in codes[2][1]
    bed.tendril.cli("suppress", "add", person)
    sent = submit(bed, [person], news(person))
    assert sent.final[0] == 550 and "suppressed" in sent.final_text
    assert len(bed.sink.wait(person, 2)) == 2


def test_several_recipients(bed):
    """Taken over whole, and handed in singly over the listener `release`."""
    people = [newcomer() for _ in range(3)]
    sent = submit(bed, people, news(people[0]))
    assert sent.final[0] == 250
    links = set()
    for person in people:
        message, = bed.sink.wait(person)
        assert message.recipients == (person,)
        test_outside.verified(bed, message.data)
        links.update(judge.unsubscribe_uris(message.data)[0])
    assert len(links) == len(people)
    proc.wait_until(lambda: not list((bed.root / "state/spool").glob("*.eml")),
                    20, "an empty spool")


@pytest.mark.parametrize("port", ["smtp25", "apps"])
@pytest.mark.parametrize("shape", sorted(
    set(test_outside.SHAPES) - {"begins on the next line"}))
def test_what_is_not_ours_passes_as_it_is(bed, shape, port):
    """Also with a header that would be ours on another listener. (Sendmail
    itself begins address fields on the first line.)"""
    person = newcomer()
    data = news(person, shape).replace(b"news@example.com",
                                       b"cron@other.example")
    if port == "apps":
        data = data.replace(b"X-Tendril-Segment: newsletter\r\n", b"")
    assert submit(bed, [person], data, "cron@other.example",
                  port).final[0] == 250
    message, = bed.sink.wait(person)
    assert judge.judge_unsigned(message.data) == []
    end = b"" if data.endswith(b"\r\n") else b"\r\n"
    assert judge.judge_untouched(message.data, data + end) == []


def test_a_bounce_comes_back(bed):
    """From outside, through `tendril ingest`, to a suppression."""
    person = newcomer()
    assert submit(bed, [person], news(person)).final[0] == 250
    sender = bed.sink.wait(person)[0].sender
    forged = sender[:6] + ("b" if sender[6] == "a" else "a") + sender[7:]
    text = BOUNCE.format(to=sender, who=person).encode()
    sent = mail.submit(bed.ports["smtp25"], "", [forged], text,
                       source=beds.STRANGER)
    assert sent.final[0] == 550
    sent = mail.submit(bed.ports["smtp25"], "", [sender], text,
                       source=beds.STRANGER)
    assert sent.final[0] == 250, sent
    proc.wait_until(
        lambda: bed.tendril.cli("suppress", "check", person,
                                check=False).returncode == 0,
        30, "a suppression")
    bed.sendmail.wait_empty()


@pytest.mark.parametrize("port", ["smtp25", "apps", "release"])
def test_strangers_cannot_relay(bed, port):
    sent = mail.submit(bed.ports[port], NEWS, [newcomer()], b"",
                       source=beds.STRANGER)
    # 450: no name server tells that the stranger has no name.
    assert sent.final[0] in (450, 550) and "Relaying" in sent.final[1]


def test_while_the_milter_is_away(bed):
    """Applications are told to wait, the world's mail comes in."""
    bed.tendril.stop_milter()
    try:
        person = newcomer()
        assert submit(bed, [person], news(person)).final[0] == 451
        data = mail.message("x@other.example", person, "Hello")
        assert submit(bed, [person], data, "x@other.example",
                      "smtp25").final[0] == 250
    finally:
        bed.start_milter()
    assert submit(bed, [person], news(person)).final[0] == 250


def test_check_says_that_no_log_is_followed(bed):
    done = bed.tendril.cli("check", check=False)
    assert "mta-log" in done.stdout + done.stderr
