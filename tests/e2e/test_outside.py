"""What leaves through a real Postfix, seen by two verifiers that are not ours:
dkimpy and opendkim (keys from a file); by each way in, with either line end.
Also: what is not ours stays as it was."""

import itertools
import subprocess

import pytest

from bed import bed as beds
from bed import judge, mail
from test_copies import NEWS, Policy, take_local_too

ORDERS = "orders@example.com"
HEAD = ("From: Shop <orders@example.com>\r\nTo: {to}\r\nSubject: {subject}\r\n"
        "Date: Mon, 01 Jun 2026 10:00:00 +0000\r\n"
        "Message-ID: <{number}@app.example.com>\r\n")
NUMBERS = itertools.count(1)

# name -> (further header fields, body); CRLF.
SHAPES = {
    "plain": ("", "Hello\r\n"),
    "empty body": ("", ""),
    "only blank lines": ("", "\r\n\r\n\r\n"),
    "no final line end": ("", "Hello"),
    "blanks at line ends": ("", "Hello \t \r\n  two   blanks\r\n \r\n"),
    "dots": ("", ".\r\n..\r\n.three\r\n"),
    "long line": ("", "x" * 990 + "\r\n"),
    "lines of 2000": ("", ("y" * 2000 + "\r\n") * 3 + "end\r\n"),
    "a line of 9000, with blanks": ("", "word " * 1800 + "\r\nend\r\n"),
    "8-bit, a line of 2000": (
        "Content-Type: text/plain; charset=utf-8\r\n"
        "Content-Transfer-Encoding: 8bit\r\n", "ü" * 1000 + "\r\n"),
    "a field of 2000": ("X-Long: " + "z" * 2000 + "\r\n", "Hello\r\n"),
    "8-bit": ("Content-Type: text/plain; charset=utf-8\r\n"
              "Content-Transfer-Encoding: 8bit\r\n", "Grüße, žluťoučký\r\n"),
    "8-bit header": ("X-Name: Jürgen\r\n", "Hello\r\n"),
    "folded": ("X-Long: one\r\n two\r\n\tthree\r\n", "Hello\r\n"),
    "begins on the next line": ("Reply-To:\r\n help@example.com\r\n",
                                "Hello\r\n"),
    "empty field": ("X-Empty:\r\nX-Blank: \r\n", "Hello\r\n"),
    "no blank after the colon": ("Reply-To:help@example.com\r\n",
                                 "Hello\r\n"),
    "fields twice": ("Cc: a@west.example\r\nCc: b@west.example\r\n",
                     "Hello\r\n"),
    "large": ("", "All work and no play.\r\n" * 20000),
}


def letter(shape, number):
    more, body = SHAPES[shape]
    head = HEAD.format(to=f"p{number}@north.example", subject=shape,
                       number=number)
    return f"{head}{more}\r\n{body}".encode()


def received(system, sender, data, number, **options):
    recipient = f"p{number}@north.example"
    sent = mail.submit(system.ports["apps"], sender, [recipient], data,
                       **options)
    assert sent.final[0] == 250, sent
    return system.sink.wait(recipient)[0]


def opendkim_results(system, data):
    """'pass' or 'fail' of each signature, by opendkim in its test mode."""
    records = system.root / "opendkim.keys"
    records.write_text("".join(f"{name} {txt}\n" for name, txt in
                               system.zone.records.items()))
    conf = system.root / "opendkim.conf"
    conf.write_text(f"Mode v\nTestPublicKeys {records}\nSyslog no\n")
    message = system.root / "opendkim.mail"
    message.write_bytes(data)
    done = subprocess.run(
        ["/usr/sbin/opendkim", "-x", conf, "-vv", "-t", message], check=True,
        stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, timeout=240)
    lines = done.stdout.decode(errors="replace").splitlines()
    return ["pass" if "dkim=pass" in line else "fail"
            for line in lines if "header.a=" in line]


def verified(system, data):
    complaints = judge.judge_signed(data, system.zone, beds.OWN_DOMAIN,
                                    ["rsa-sha256", "ed25519-sha256"])
    assert complaints == []
    assert opendkim_results(system, data) == ["pass", "pass"]


def whole_lines(body):
    """The MTA ends the last line."""
    return body if body.endswith(b"\r\n") or not body else body + b"\r\n"


@pytest.mark.parametrize("shape", SHAPES)
def test_signatures_hold_outside(system, shape):
    number = next(NUMBERS)
    data = letter(shape, number)
    message = received(system, ORDERS, data, number,
                       mail_options=["BODY=8BITMIME"])
    verified(system, message.data)
    assert judge.split(message.data)[1] == whole_lines(judge.split(data)[1])


def bare_line_feeds(data):
    """As SMTP takes it: dots at the beginning of a line are doubled. The last
    line end belongs to the dot that ends DATA."""
    data = data.replace(b"\r\n", b"\n").replace(b"\n.", b"\n..")
    return data.removesuffix(b"\n")


@pytest.mark.parametrize("shape", SHAPES)
def test_bare_line_feeds(system, shape):
    """An application that sends LF: the MTA makes lines of it."""
    number = next(NUMBERS)
    data = letter(shape, number)
    message = received(system, ORDERS, bare_line_feeds(data), number,
                       mail_options=["BODY=8BITMIME"])
    verified(system, message.data)
    assert judge.split(message.data)[1] == whole_lines(judge.split(data)[1])


# --- newsletters: composed, and by each way in ---

WAYS = ("smtp, CRLF", "smtp, LF", "sendmail, LF", "sendmail, CRLF",
        "taken over")
INPUTS = ("plain", "long line", "lines of 2000", "8-bit", "8-bit header",
          "empty body", "folded")


@pytest.fixture(scope="module")
def newsroom(build):
    with beds.Bed(build, policy=Policy(200), tweak=take_local_too) as made:
        made.start_milter()
        made.start_agent()
        made.start_hub()
        yield made
        made.stop_and_look()


def hand_in(bed, way, data, recipient):
    if way.startswith("sendmail"):
        if way == "sendmail, LF":
            data = data.replace(b"\r\n", b"\n")
        bed.hub.sendmail(data, NEWS, [recipient])
        return
    others = [f"other.{recipient}"] if way == "taken over" else []
    if way == "smtp, LF":
        data = bare_line_feeds(data)
    sent = mail.submit(bed.ports["apps"], NEWS, [recipient, *others], data,
                       mail_options=["BODY=8BITMIME"])
    assert sent.final[0] == 250, sent


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("shape", INPUTS)
def test_newsletters_hold_outside(newsroom, way, shape):
    number = next(NUMBERS)
    data = letter(shape, number).replace(
        b"orders@example.com", b"news@example.com").replace(
            b"Subject:", b"X-Tendril-Segment: newsletter\r\nSubject:")
    recipient = f"p{number}@north.example"
    hand_in(newsroom, way, data, recipient)
    message, = newsroom.sink.wait(recipient)
    verified(newsroom, message.data)
    assert judge.split(message.data)[1] == whole_lines(judge.split(data)[1])
    assert len(judge.values(message.data, "List-Unsubscribe")) == 1


def test_a_carriage_return_alone(system):
    """Verifiers differ about it; the MTA lets none of them out."""
    number = next(NUMBERS)
    data = letter("plain", number).replace(b"Hello", b"Hel\rlo")
    message = received(system, ORDERS, data, number)
    verified(system, message.data)
    assert b"Hel lo" in message.data


def test_8_bit_for_a_server_without_8bitmime(make_bed, build):
    """Such a server gets it as it is, since it is signed as it is."""
    bed = make_bed(build, main={
        "smtp_discard_ehlo_keywords": "8bitmime, smtputf8"})
    bed.start_milter()
    bed.start_hub()
    number = next(NUMBERS)
    data = letter("8-bit", number)
    message = received(bed, ORDERS, data, number,
                       mail_options=["BODY=8BITMIME"])
    verified(bed, message.data)
    assert judge.split(message.data)[1] == judge.split(data)[1]


def test_long_lines_are_told(make_bed, build):
    """With Postfix's own limit the signatures break; the log says why."""
    bed = make_bed(build, main={"smtp_line_length_limit": "998"})
    bed.start_milter()
    bed.start_hub()
    number = next(NUMBERS)
    received(bed, ORDERS, letter("plain", number), number)
    assert bed.tendril.events("long_lines") == []
    number = next(NUMBERS)
    message = received(bed, ORDERS, letter("lines of 2000", number), number)
    assert opendkim_results(bed, message.data) == ["fail", "fail"]
    told, = bed.tendril.events("long_lines")
    assert told["stream"] == "shop"
    assert "smtp_line_length_limit = 0" in told["hint"]


def test_unsigned_is_not_called_signed(make_bed, build):
    """Transactional mail whose From is not ours to sign for."""
    bed = make_bed(build)
    bed.start_milter()
    bed.start_hub()
    number = next(NUMBERS)
    data = letter("plain", number).replace(b"From: Shop <orders@example.com>",
                                           b"From: shop@other.example")
    message = received(bed, ORDERS, data, number)
    assert judge.judge_unsigned(message.data) == []
    told, = bed.tendril.events("unsigned")
    assert told["stream"] == "shop"
    assert bed.tendril.events("signed") == []


def test_a_change_on_the_way_is_seen(system):
    number = next(NUMBERS)
    message = received(system, ORDERS, letter("plain", number), number)
    changed = message.data.replace(b"Hello", b"Hallo")
    assert opendkim_results(system, changed) == ["fail", "fail"]
    assert judge.signature_summary(changed, system.zone).endswith("BAD")


@pytest.mark.parametrize("shape", SHAPES)
def test_what_is_not_ours_passes_as_it_is(system, shape):
    number = next(NUMBERS)
    data = letter(shape, number).replace(b"orders@example.com",
                                         b"cron@example.com")
    message = received(system, "cron@example.com", data, number,
                       mail_options=["BODY=8BITMIME"])
    end = b"" if data.endswith(b"\r\n") else b"\r\n"
    assert judge.judge_untouched(message.data, data + end) == []


def test_milter_stops_and_starts_without_losing_mail(make_bed, build):
    """SIGTERM ends it cleanly; meanwhile applications are told to wait."""
    bed = make_bed(build)
    bed.start_milter()
    bed.start_hub()
    data = letter("plain", next(NUMBERS))
    assert bed.tendril.stop_milter() == 0
    refused = mail.submit(bed.ports["apps"], ORDERS, ["a@north.example"],
                          data)
    assert refused.final[0] == 451
    bed.start_milter()
    sent = mail.submit(bed.ports["apps"], ORDERS, ["a@north.example"], data)
    assert sent.final[0] == 250
    verified(bed, bed.sink.wait("a@north.example")[0].data)
