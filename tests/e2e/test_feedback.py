"""Answers through a real Postfix: bounces, refusals, opt-outs by mail and by
click, complaints; what comes back to the application; what must not count."""

import http.server
import json
import os
import re
import signal
import threading
import time

import pytest

from bed import bed as beds
from bed import conf, judge, mail, proc, web

NEWS = "news@example.com"
ROUNDS, AT_ONCE_S = 8, 0.4
DSN = """\
From: MAILER-DAEMON@mx.far.example\r
To: {to}\r
Subject: Undelivered {number}\r
MIME-Version: 1.0\r
Content-Type: multipart/report; report-type=delivery-status; boundary=b\r
\r
--b\r
Content-Type: text/plain\r
\r
sorry\r
--b\r
Content-Type: message/delivery-status\r
\r
Reporting-MTA: dns; mx.far.example\r
\r
Final-Recipient: rfc822; {person}\r
Action: failed\r
Status: 5.1.1\r
Diagnostic-Code: smtp; 550 5.1.1 no such user\r
\r
--b--\r
"""


def relay_to_this_host(text):
    """A tweak of the conf: the application's address may be a loopback."""
    plain = text.text

    def changed():
        old = "agent {\n"
        assert old in plain()
        return plain().replace(old, old + "  relay-private = yes\n")
    text.text = changed


@pytest.fixture(scope="module")
def whole(build):
    """MTA, milter, agent and somebody else's MTA."""
    policy = conf.PolicyText(basis="legitimate-interest",
                             person_cap="100 per 7d",
                             segment_cap="100 per 7d",
                             webinar_purpose="events")
    with beds.Bed(build, policy=policy, tweak=relay_to_this_host) as bed:
        bed.start_milter()
        bed.start_agent()
        bed.start_hub()
        bed.start_late()
        yield bed


@pytest.fixture
def bed(whole):
    whole.sink.clear()
    return whole


def nurture(bed, person, segment="newsletter", *fields, sender=NEWS):
    data = mail.message(NEWS, person, "News", message_id=(
        f"<{os.urandom(8).hex()}@app.example.com>"), fields=(
            ("X-Tendril-Segment", segment), *fields))
    return mail.submit(bed.ports["apps"], sender, [person], data)


def sent(bed, person, **options):
    """A nurture message to a person, as the outside received it."""
    assert nurture(bed, person, **options).final[0] == 250
    return bed.sink.wait(person)[-1]


def address_of(message, letter):
    """Our u- or f- address in a message that left."""
    found = re.search(rb"\b%s-[a-z2-7]+@bounces\.example\.com" %
                      letter.encode(), message.data)
    assert found, message.data
    return found[0].decode()


def suppressed(bed, person):
    return bed.tendril.cli("suppress", "check", person,
                           check=False).returncode == 0


def wait_suppressed(bed, person):
    proc.wait_until(lambda: suppressed(bed, person), 20,
                    f"suppression of {person}")


def metric(bed, name, **labels):
    """Sum over all series of that name with these labels."""
    text = web.Api(bed.conf.api).metrics()
    total = 0
    for line in text.splitlines():
        if line.startswith(f"tendril_{name}_total{{") and all(
                f'{key}="{value}"' in line for key, value in labels.items()):
            total += int(line.rsplit(" ", 1)[1])
    return total


def outside(bed, sender, recipient, data):
    """A stranger's mail to port 25."""
    return mail.submit(bed.ports["smtp25"], sender, [recipient],
                       data.encode() if isinstance(data, str) else data,
                       source=beds.STRANGER)


def consumed(bed):
    proc.wait_until(lambda: not bed.feedback(), 20, "an empty Maildir")


def test_late_bounce(bed):
    """Their MTA accepts, and finds out later: the DSN suppresses, the slot
    stays counted, and the application gets a report."""
    person = f"nobody@{beds.LATE_DOMAIN}"
    before = metric(bed, "bounce", action="hard", reason="user_unknown")
    accepted = nurture(bed, person)
    assert accepted.final[0] == 250
    wait_suppressed(bed, person)
    consumed(bed)
    reply = nurture(bed, person).final
    assert reply[0] == 550 and "suppressed" in reply[1]
    assert metric(bed, "bounce", action="hard",
                  reason="user_unknown") == before + 1
    report = bed.sink.wait(NEWS)[-1]
    assert report.sender == ""
    assert f"Final-Recipient: rfc822;{person}".encode() in report.data
    assert b"Status: 5.1.1" in report.data
    # by which the application knows its message, and why
    assert f"\r\nX-Tendril-Queue-ID: {accepted.queue_id}\r\n".encode() in \
        report.data
    assert b"\r\nDiagnostic-Code: X-Tendril; unknown user" in report.data


def test_refused_at_once(bed):
    """Their MTA refuses: the log line suppresses; the DSN that our own MTA
    writes about it (it passes no milter) adds nothing."""
    person = "refused@north.example"
    bed.sink.script(person, "550 5.1.1 No such user here")
    before = metric(bed, "bounce")
    mails = metric(bed, "feedback", action="bounce")
    assert nurture(bed, person).final[0] == 250
    wait_suppressed(bed, person)
    proc.wait_until(lambda: metric(bed, "feedback", action="bounce") >
                    mails, 20, "our own MTA's DSN")
    consumed(bed)
    assert metric(bed, "bounce") == before + 1
    proc.wait_until(
        lambda: metric(bed, "relay", action="bounce", reason="queued") ==
        metric(bed, "relay", action="bounce", reason="done"), 20,
        "the application's report")
    report = bed.sink.wait(NEWS)[-1].data
    assert f"Final-Recipient: rfc822;{person}".encode() in report
    assert b"\r\nDiagnostic-Code: smtp; 550 5.1.1 " in report


def test_full_mailbox_is_nobodys_fault(bed):
    person = "full@north.example"
    bed.sink.script(person, "552 5.2.2 Mailbox full")
    before = metric(bed, "bounce", action="soft", reason="mailbox_full")
    assert nurture(bed, person).final[0] == 250
    proc.wait_until(lambda: metric(
        bed, "bounce", action="soft", reason="mailbox_full") > before, 20,
        "the bounce")
    assert not suppressed(bed, person)


def test_unsubscribe_by_mail(bed):
    person = "leaving@north.example"
    address = address_of(sent(bed, person), "u")
    assert outside(bed, person, address, "Subject: unsubscribe\r\n\r\n"
                   ).final[0] == 250
    proc.wait_until(lambda: nurture(bed, person).final[0] == 550, 20,
                    "the refusal")
    assert not suppressed(bed, person)
    assert nurture(bed, person, "webinar").final[0] == 250


def test_complaint(bed):
    person = "angry@north.example"
    address = address_of(sent(bed, person), "f")
    assert outside(bed, "fbl@provider.example", address,
                   mail.COMPLAINT.format(to=address)).final[0] == 250
    wait_suppressed(bed, person)
    assert nurture(bed, person, "webinar").final[0] == 550
    # who said so, and from where
    text = bed.tendril.cli("suppress", "show", person, "--json").stdout
    note = json.loads(text)["suppressions"][0]["note"]
    assert "From: fbl@provider.example" in note
    assert f"client={beds.STRANGER};" in note


def test_evidence_has_the_time(bed):
    """An opt-out that came while the agent was down: for the record, when it
    came, not when it was read."""
    person = "early@north.example"
    address = address_of(sent(bed, person), "u")
    bed.tendril.agent.stop()
    assert outside(bed, person, address,
                   f"From: {person}\r\nSubject: out\r\n"
                   "Message-ID: <9@north.example>\r\n\r\n").final[0] == 250
    path, = proc.wait_until(bed.feedback, 20, "mail that waits")
    os.utime(path, (1795400000, 1795400000))
    bed.start_agent()
    proc.wait_until(lambda: nurture(bed, person).final[0] == 550, 20,
                    "the refusal")
    shown = json.loads(bed.tendril.cli("consent", "show", person,
                                       "--json").stdout)
    assert shown["history"][-1]["evidence"].startswith(
        "received 2026-11-23T02:13:20Z; From: early@north.example; "
        "Message-ID: <9@north.example>; v=1; key=1; client=127.0.0.9;")


def test_forged(bed):
    """A stranger cannot make up addresses of ours, nor have mail counted
    against somebody else with his own."""
    message = sent(bed, "mallory@north.example")
    victim = "victim@north.example"
    sent(bed, victim)
    for address in ("b-" + "a" * 31 + "@bounces.example.com",
                    "b-@bounces.example.com",
                    "u-" + "a" * 44 + "@bounces.example.com",
                    message.sender.replace("b-", "f-")):
        reply = outside(bed, "", address, DSN.format(
            to=address, person=victim, number=1)).replies[0]
        assert (reply[0], reply[1][:5]) == (550, "5.1.1"), address
    before = metric(bed, "bounce", action="other_person")
    assert outside(bed, "", message.sender, DSN.format(
        to=message.sender, person=victim, number=2)).final[0] == 250
    proc.wait_until(lambda: metric(bed, "bounce", action="other_person") ==
                    before + 1, 20, "the record")
    assert not suppressed(bed, victim)
    assert not suppressed(bed, "mallory@north.example")


def test_local_submission_is_not_refused(bed):
    bed.hub.sendmail(b"Subject: x\n\nx\n", "cron@example.com",
                     ["b-forged@bounces.example.com"])
    proc.wait_until(lambda: list(bed.maildir.glob("unparsed/*.eml")), 20,
                    "the mail set aside")
    reasons = [path.read_text()
               for path in bed.maildir.glob("unparsed/*.reason")]
    assert any("of ours" in reason for reason in reasons)


def test_origin_field(build, make_bed):
    """Mail for us gets one field on top, forged ones go, the rest stays;
    without the agent it waits in the Maildir."""
    bed = make_bed(build, policy=conf.PolicyText(basis="legitimate-interest"))
    bed.start_milter()
    bed.start_hub()
    address = sent(bed, "anna@north.example").sender
    assert bed.maildir.exists()
    data = ("X-Tendril-Origin: forged\r\nSubject: x\r\n"
            "x-tendril-origin: twice\r\nTo: <" + address +
            ">\r\nFrom: a@b.example\r\nDate: Mon, 01 Jun 2026 10:00:00 "
            "+0000\r\nMessage-ID: <1@b.example>\r\n\r\nGr\u00fc\u00dfe\r\n")
    assert outside(bed, "", address, data).final[0] == 250
    proc.wait_until(bed.feedback, 20, "the delivery")
    kept = bed.feedback()[0].read_bytes().replace(b"\n", b"\r\n")
    origin, = judge.values(kept, "X-Tendril-Origin")
    assert origin.strip().startswith("v=1; key=")
    assert f"client={beds.STRANGER};" in origin
    assert f"rcpt={address};" in origin
    top = [name for name, _ in judge.fields(kept)].index("X-Tendril-Origin")
    names = [name for name, _ in judge.fields(kept)]
    assert names.index("Subject") > top
    assert kept.endswith(
        data.partition("x-tendril-origin: twice\r\n")[2].encode())
    other = mail.message("a@b.example", "x@example.com", "Hello", fields=(
        ("X-Tendril-Origin", "left alone"),))
    outside(bed, "a@b.example", "x@example.com", other)
    message, = bed.sink.wait("x@example.com")
    assert judge.judge_untouched(message.data, other) == []


def test_at_once(bed):
    """Mail is acted on as it is delivered. Each comes shortly after the Maildir
    was seen to be empty: who looks once a second would let each wait for most
    of one."""
    took = []
    for number in range(ROUNDS):
        person = f"quick{number}@north.example"
        address = sent(bed, person).sender
        proc.wait_until(lambda: not bed.feedback(), 20, "an empty Maildir")
        time.sleep(0.15)
        for name in ("tmp", "new"):
            (bed.maildir / name).mkdir(exist_ok=True)
        before = time.monotonic()
        put(bed, f"quick{number}", DSN.format(
            to=address, person=person, number=number).replace(
                "\r\n", "\n").encode())
        while bed.feedback() and time.monotonic() < before + 20:
            time.sleep(0.002)
        took.append(time.monotonic() - before)
        assert suppressed(bed, person)
    took.sort()
    print("seconds:", *(f"{one:.3f}" for one in took))
    assert took[ROUNDS * 3 // 4] < AT_ONCE_S


def test_pipe(bed):
    """`tendril ingest` in the place of the Maildir delivery."""
    person = "piped@north.example"
    address = sent(bed, person).sender
    dsn = DSN.format(to=address, person=person, number=7)
    bed.tendril.cli("ingest", input=f"X-Original-To: {address}\n{dsn}")
    wait_suppressed(bed, person)
    person = "piped.too@north.example"  # the MTA tells it as an argument
    address = sent(bed, person).sender
    dsn = DSN.format(to="somebody@example.com", person=person, number=8)
    bed.tendril.cli("ingest", address, input=dsn)
    wait_suppressed(bed, person)
    for wrong in ("a@b.example\nTo: c@d.example", "a b@c.example",
                  "a" * 600):
        refused = bed.tendril.cli("ingest", wrong, input=dsn, check=False)
        assert refused.returncode == 75 and "recipient" in refused.stderr
    refused = bed.tendril.cli("ingest", input="", check=False)
    assert refused.returncode == 75 and "no message" in refused.stderr
    lost = bed.tendril.cli("ingest", "--conf", "/nonexistent", input=dsn,
                           check=False)
    assert lost.returncode == 75


class _Application(http.server.BaseHTTPRequestHandler):
    def do_POST(self):
        size = int(self.headers["Content-Length"])
        self.server.asked.append((self.path, self.rfile.read(size)))
        self.send_response(self.server.answers.pop(0)
                           if self.server.answers else 200)
        self.end_headers()

    def log_message(self, *args):
        pass


@pytest.fixture
def application():
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), _Application)
    server.asked, server.answers = [], []
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield server
    server.shutdown()
    thread.join()
    server.server_close()


def test_opt_out_reaches_the_application(bed, application):
    """One click on our link is passed on to the application's own."""
    person = "clicks@north.example"
    theirs = f"http://127.0.0.1:{application.server_address[1]}/out?u=1"
    assert nurture(
        bed, person, "newsletter",
        ("List-Unsubscribe", f"<{theirs}>"),
        ("List-Unsubscribe-Post", "List-Unsubscribe=One-Click")
    ).final[0] == 250
    message = bed.sink.wait(person)[-1]
    assert theirs.encode() not in message.data
    (link,), _ = judge.unsubscribe_uris(message.data)
    for _ in range(2):
        status, _ = web.public(bed.ports["web"], "POST", link,
                               "List-Unsubscribe=One-Click")
        assert status == 200
    proc.wait_until(lambda: application.asked, 20, "the POST")
    proc.wait_until(lambda: metric(bed, "relay", action="opt_out",
                                   reason="done") == 1, 20, "its record")
    assert application.asked == [
        ("/out?u=1", b"List-Unsubscribe=One-Click")]


def put(bed, number, data):
    """Into the Maildir, as an MTA does."""
    name = f"1.{number}.test"
    tmp = bed.maildir / "tmp" / name
    tmp.write_bytes(data)
    tmp.rename(bed.maildir / "new" / name)


@pytest.mark.long
def test_killed(build, make_bed):
    """kill -9 of the agent again and again: each bounce counts once."""
    count = 60
    bed = make_bed(build, policy=conf.PolicyText(
        basis="legitimate-interest", person_cap="100 per 7d",
        segment_cap="100 per 7d"))
    bed.start_milter()
    bed.start_agent()
    bed.start_hub()
    people = [f"p{number}@north.example" for number in range(count)]
    addresses = [sent(bed, person).sender for person in people]
    for name in ("tmp", "new", "cur"):
        (bed.maildir / name).mkdir(exist_ok=True)
    stop = threading.Event()

    def deliver():
        for number in range(2 * count):
            who = number % count
            put(bed, number, DSN.format(
                to=addresses[who], person=people[who],
                number=number).replace("\r\n", "\n").encode())
            stop.wait(0.01)

    thread = threading.Thread(target=deliver)
    thread.start()
    for _ in range(6):
        stop.wait(0.3)
        bed.tendril.agent.signal(signal.SIGKILL)
        bed.tendril.agent.stop()
        bed.start_agent()
    thread.join()
    proc.wait_until(lambda: not bed.feedback(), 60, "an empty Maildir")
    assert not list(bed.maildir.glob("unparsed/*"))
    assert metric(bed, "bounce", action="hard", reason="user_unknown") == count
    assert metric(bed, "feedback", action="bounce") == 2 * count
    assert metric(bed, "suppression", action="added",
                  reason="user_unknown") == count
