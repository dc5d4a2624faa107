"""Answers of people through a real Postfix: matched on their way in and left as
they are; what follows of them; what must not count. DNS from a name server of
this test."""

import json
import os
import re
import signal
import time

import dkim
import pytest

from bed import bed as beds
from bed import conf, keys, mail, nameserver, proc

NEWS = "news@example.com"
STAFF = "staff@example.com"
ORIGIN = b"X-Tendril-Origin:"


class World:
    """The company outside that signs its mail, the stranger that signs his, and
    the name server that has their keys."""

    def __init__(self, folder):
        self.key = keys.Key(folder, "north.example", "s1", "rsa-sha256")
        self.stranger = keys.Key(folder, "stranger.example", "s1",
                                 "rsa-sha256")
        self.names = nameserver.NameServer(folder / "zone", port=0)
        self.publish()

    def publish(self):
        records = {self.key.name: self.key.txt,
                   self.stranger.name: self.stranger.txt,
                   "spf.example": f"v=spf1 ip4:{beds.STRANGER} -all",
                   "closed.example": "v=spf1 -all"}
        self.names.publish(records)


def sign(key, data, fields=(b"from", b"to", b"subject", b"in-reply-to",
                            b"content-type"), **how):
    return dkim.sign(data, key.selector.encode(), key.domain.encode(),
                     key.file.read_bytes(), include_headers=list(fields),
                     **how) + data


def take_answers(text, port):
    """A tweak of the conf: mail from outside is looked through."""
    plain = text.text
    text.text = lambda: plain().replace(
        'stream rest {\n  class = "pass"', 'stream inbound {\n'
        '  class = "inbound"').replace("agent {\n", f"""agent {{
  nameserver = "127.0.0.1:{port}"
""")


@pytest.fixture(scope="module")
def world(tmp_path_factory):
    made = World(tmp_path_factory.mktemp("outside"))
    yield made
    made.names.stop()


@pytest.fixture(scope="module")
def whole(build, world):
    policy = conf.PolicyText(basis="legitimate-interest",
                             person_cap="100 per 7d",
                             segment_cap="100 per 7d",
                             webinar_purpose="events")
    with beds.Bed(build, policy=policy, tweak=lambda text: take_answers(
            text, world.names.port)) as bed:
        bed.start_milter()
        bed.start_agent()
        bed.start_hub()
        yield bed


@pytest.fixture
def bed(whole):
    whole.sink.clear()
    return whole


def new_id():
    return f"<{os.urandom(8).hex()}@app.example.com>"


def nurture(bed, person, message_id=None, segment="newsletter"):
    """Never twice the same message: that would be discarded."""
    message_id = message_id or new_id()
    data = mail.message(NEWS, person, "News", message_id=message_id, fields=(
        ("X-Tendril-Segment", segment),))
    return mail.submit(bed.ports["apps"], NEWS, [person], data).final


def sent(bed, person):
    """The Message-ID of a nurture message that went to a person."""
    message_id = new_id()
    assert nurture(bed, person, message_id)[0] == 250
    bed.sink.wait(person)
    return message_id


def answer(bed, person, references, body, *fields, sender=None,
           subject="Re: News", key=None, signed=None, done=True):
    """Somebody outside writes to our staff; as the staff got it. signed: how it
    is; done: wait for the agent, too."""
    before = len(bed.sink.messages(STAFF))
    data = mail.message(person, STAFF, subject, body=body, fields=(
        ("In-Reply-To", references), *fields))
    if key is not None:
        data = sign(key, data, **(signed or {}))
    said = mail.submit(bed.ports["smtp25"],
                       person if sender is None else sender, [STAFF], data,
                       source=beds.STRANGER)
    assert said.final[0] == 250, said.final
    proc.wait_until(lambda: len(bed.sink.messages(STAFF)) > before, 20,
                    "the answer at our staff")
    if done:
        proc.wait_until(lambda: not bed.feedback(), 20, "an empty Maildir")
    return bed.sink.messages(STAFF)[-1], data


def journal(bed, kind, person):
    """Events of that type of a person."""
    lines = bed.tendril.cli("lead", "timeline", person, "--json").stdout
    return [event for event in map(json.loads, lines.splitlines())
            if event["type"] == kind]


def wait_event(bed, kind, person):
    return proc.wait_until(lambda: journal(bed, kind, person), 20,
                           f"{kind} of {person}")[-1]


def test_a_human_answer_pauses(bed):
    person = "talks@north.example"
    message_id = sent(bed, person)
    got, data = answer(bed, person, message_id,
                       "Sounds good. Call me on Monday?\r\n")
    assert ORIGIN in got.data
    # what our people's mailbox may bounce to a stranger holds no token
    assert not re.search(rb"\b[bfu]-[a-z2-7]{31}", got.data, re.I)
    assert data.split(b"\r\n\r\n", 1)[1].strip() in got.data
    assert wait_event(bed, "reply", person)["kind"] == "human"
    code, text = nurture(bed, person)
    assert code == 550 and "(paused), not before" in text
    said = bed.tendril.cli("explain", person, "newsletter", check=False).stdout
    assert "paused" in said
    # one that was not answered by the person goes on
    assert nurture(bed, "other@north.example")[0] == 250


def test_what_answers_nothing_of_ours_is_untouched(bed):
    sent(bed, "x@north.example")
    got, _ = answer(bed, "x@north.example", "<nobodys@north.example>",
                    "Hello\r\n")
    assert ORIGIN not in got.data
    assert nurture(bed, "x@north.example")[0] == 250


REPORT = """\
--good\r
\r
spam\r
--good\r
Content-Type: message/feedback-report\r
\r
Feedback-Type: {kind}\r
\r
--good\r
Content-Type: text/rfc822-headers\r
\r
Subject: News\r
\r
--good--\r
"""


def set_aside(bed):
    return len(list(bed.maildir.glob("unparsed/*.eml")))


@pytest.mark.parametrize("kind", ("abuse", "opt-out"))
def test_who_knows_a_message_id_complains_for_nobody(bed, kind):
    """Of whatever a stranger says is a report, in answer to mail of ours."""
    person = f"{kind}@north.example"
    message_id = sent(bed, person)
    before = set_aside(bed)
    data = mail.message(f"mallory-{kind}@stranger.example", STAFF, "abuse",
                        body=REPORT.format(kind=kind), fields=(
                            ("In-Reply-To", message_id),))
    data = data.replace(b"text/plain; charset=utf-8", b"multipart/report; "
                        b"report-type=feedback-report; boundary=good")
    said = mail.submit(bed.ports["smtp25"], "mallory@stranger.example",
                       [STAFF], data, source=beds.STRANGER)
    assert said.final[0] == 250
    proc.wait_until(lambda: set_aside(bed) > before, 20,
                    "a report of nobody")
    assert not journal(bed, "complaint", person)
    assert not journal(bed, "suppressed", person)
    assert not journal(bed, "consent", person)
    assert nurture(bed, person)[0] == 250


def reviews(bed, *args):
    done = bed.tendril.cli("review", "list", "--json", *args, check=False)
    return done.returncode, [json.loads(line)
                             for line in done.stdout.splitlines()]


def review_of(bed, person):
    return proc.wait_until(
        lambda: [row for row in reviews(bed)[1] if row["address"] == person],
        20, f"a review of {person}")[0]


def test_a_wish_in_plain_words(bed):
    """Paused at once; a person decides; the next mail is refused for good."""
    person = "enough@north.example"
    message_id = sent(bed, person)
    got, _ = answer(bed, person, message_id,
                    "Bitte nehmen Sie mich aus dem Verteiler.\r\n\r\n"
                    "Am 1.6.26 schrieb News <news@example.com>:\r\n> News\r\n")
    assert ORIGIN in got.data
    row = review_of(bed, person)
    assert row["kind"] == "opt_out" and not row["overdue"]
    assert row["quote"] == "Bitte nehmen Sie mich aus dem Verteiler"
    assert "paused" in nurture(bed, person)[1]
    assert "paused" in nurture(bed, person, segment="webinar")[1]
    bed.tendril.cli("review", "unsubscribe", row["id"], "--reason",
                    "asks for it")
    assert "suppressed" in nurture(bed, person, segment="webinar")[1]
    assert reviews(bed)[1] == []
    done = bed.tendril.cli("review", "show", row["id"], "--json").stdout
    assert json.loads(done)["state"] == "unsubscribed"
    assert json.loads(done)["why"] == "asks for it"
    again = bed.tendril.cli("review", "resume", row["id"], "--reason", "x",
                            check=False)
    assert again.returncode == 1 and "decided already" in again.stderr


def test_no_wish_after_all(bed):
    person = "jokes@north.example"
    answer(bed, person, sent(bed, person), "stop\r\n")
    row = review_of(bed, person)
    bed.tendril.cli("review", "resume", row["id"], "--reason", "a joke")
    assert nurture(bed, person)[0] == 250
    # and by address, where only a reply pauses
    answer(bed, person, sent(bed, person), "Tell me more\r\n")
    proc.wait_until(lambda: len(journal(bed, "reply", person)) == 2, 20,
                    "the second reply")
    assert "paused" in nurture(bed, person)[1]
    bed.tendril.cli("review", "resume", person, "--reason", "call is done")
    assert nurture(bed, person)[0] == 250


@pytest.mark.parametrize("body, kind", [
    ("I am out of the office until Monday.", "vacation"),
    ("Your request has been received: ticket number 17.", "ticket"),
    ("Please remove me from your list.", "auto"),
])
def test_programs_pause_nobody(bed, body, kind):
    person = f"program-{kind}@north.example"
    answer(bed, person, sent(bed, person), body + "\r\n",
           ("Auto-Submitted", "auto-replied"), sender="")
    assert wait_event(bed, "reply", person)["kind"] == kind
    assert nurture(bed, person)[0] == 250


def test_who_has_left(bed, world):
    person = "bob.babbage@north.example"
    answer(bed, person, sent(bed, person),
           "Bob Babbage has left the company. Please write to "
           "eve@north.example.\r\n",
           ("Auto-Submitted", "auto-replied"), sender="", key=world.key)
    event = wait_event(bed, "reply", person)
    assert event["kind"] == "left"
    assert event["note"] == "names eve@north.example"
    assert "suppressed" in nurture(bed, person)[1]
    # one Message-ID for many: whoever has it can write in another's name
    forged = "dan.dewey@north.example"
    assert nurture(bed, "mallory@north.example", shared := new_id())[0] == 250
    assert nurture(bed, forged, shared)[0] == 250
    answer(bed, forged, shared, "I no longer work here.\r\n",
           ("Auto-Submitted", "auto-replied"), sender="", key=world.key)
    row = review_of(bed, forged)
    assert row["kind"] == "left" and "paused" in nurture(bed, forged)[1]
    bed.tendril.cli("review", "resume", row["id"], "--reason", "is there")
    assert nurture(bed, forged)[0] == 250
    # nobody is sure of this one: somebody looks
    other = "carol@north.example"
    answer(bed, other, sent(bed, other), "Bob no longer works here.\r\n",
           ("Auto-Submitted", "auto-replied"), sender="")
    row = review_of(bed, other)
    assert row["kind"] == "left"
    bed.tendril.cli("review", "resume", row["id"], "--reason", "of Bob")
    assert nurture(bed, other)[0] == 250
    assert not bed.sink.messages("eve@north.example")


def says_gone(bed, person, **how):
    """An answer by a Message-ID that is of one message."""
    answer(bed, person, sent(bed, person), "I no longer work here.\r\n",
           ("Auto-Submitted", "auto-replied"), **{"sender": "", **how})


def suppressed(bed, person):
    done = bed.tendril.cli("suppress", "check", person, check=False)
    return done.stdout if done.returncode == 0 else ""


def test_who_has_left_is_shown(bed, world):
    """The Message-ID is known to many, and From is anybody's."""
    says_gone(bed, "erin@mail.north.example", key=world.key)
    assert "left" in suppressed(bed, "erin@mail.north.example")
    shown = bed.tendril.cli("suppress", "show", "erin@mail.north.example",
                            "--json").stdout
    assert "dkim=pass header.d=north.example" in shown
    says_gone(bed, "frank@spf.example", sender="frank@spf.example")
    assert "left" in suppressed(bed, "frank@spf.example")


def test_log_without_addresses(bed, world):
    """With log-redact nobody is named, whoever wrote the words."""
    def reloaded(change):
        before = bed.tendril.agent.log_text().count("event=reloaded")
        bed.conf_file.write_text(change(bed.conf_file.read_text()))
        bed.tendril.agent.signal(signal.SIGUSR1)
        proc.wait_until(lambda: bed.tendril.agent.log_text().count(
            "event=reloaded") > before, 20, "the other configuration")

    option = "log-redact = yes\n"
    reloaded(lambda text: option + text)
    begin = len(bed.tendril.agent.log_text())
    says_gone(bed, "rosa@mail.north.example", key=world.key)
    assert "left" in suppressed(bed, "rosa@mail.north.example")
    said = bed.tendril.agent.log_text()[begin:]
    assert 'event=reply.verified believed=yes found="From: -; ' in said
    assert "dkim=pass header.d=north.example" in said
    assert "@" not in said
    reloaded(lambda text: text.removeprefix(option))


@pytest.mark.parametrize("person, signed", [
    ("leon@north.example", {"fields": [b"from", b"to"]}),
    ("mona@north.example", {"length": True}),
])
def test_who_has_left_is_signed_in_part(bed, world, person, signed):
    """Its Subject, or what is behind the end of its body, may be anybody's."""
    says_gone(bed, person, key=world.key, signed=signed)
    row = review_of(bed, person)
    assert row["kind"] == "left" and not suppressed(bed, person)


@pytest.mark.parametrize("person, sender, signer", [
    ("gail@north.example", "", None),
    ("hugo@north.example", "", "stranger"),
    ("ivan@closed.example", "ivan@closed.example", None),
    ("judy@nothing.example", "judy@nothing.example", None),
    ("karl@north.example", "karl@spf.example", None),
])
def test_who_has_left_is_forged(bed, world, person, sender, signer):
    """Not signed; by somebody else; SPF fails; nothing is published; SPF of
    another domain: paused, until somebody has looked."""
    says_gone(bed, person, sender=sender,
              key=world.stranger if signer else None)
    row = review_of(bed, person)
    assert row["kind"] == "left"
    assert "paused" in nurture(bed, person)[1]
    assert "left" not in suppressed(bed, person)
    bed.tendril.cli("review", "resume", row["id"], "--reason", "is there")
    assert nurture(bed, person)[0] == 250


def test_who_has_left_when_dns_is_away(bed, world):
    """Later, then; nothing is decided before."""
    person = "lena@north.example"
    world.names.fail()
    says_gone(bed, person, key=world.key, done=False)
    proc.wait_until(
        lambda: "event=reply.verified believed=later" in
        bed.tendril.agent.log_text(), 30, "an answer that is put off")
    assert nurture(bed, person)[0] == 250
    world.publish()
    bed.tendril.agent.stop()
    bed.start_agent()
    proc.wait_until(lambda: "left" in suppressed(bed, person), 30,
                    f"suppression of {person}")
    assert not bed.feedback()


def test_who_is_slow_is_slow_alone(bed, world):
    """DNS says nothing of one domain, of which there are many answers: those
    wait, and one of another domain does not, in the same minute."""
    slow = [f"slow{number}@closed.example" for number in range(6)]
    quick = "uma@north.example"
    ids = {person: sent(bed, person) for person in (*slow, quick)}
    world.names.stall(below="closed.example")
    try:
        for person in slow:
            answer(bed, person, ids[person], "I no longer work here.\r\n",
                   ("Auto-Submitted", "auto-replied"), sender=person,
                   done=False)
        proc.wait_until(lambda: world.names.unanswered > 0, 20, "a question")
        began = time.monotonic()
        answer(bed, quick, ids[quick], "I no longer work here.\r\n",
               ("Auto-Submitted", "auto-replied"), sender="", key=world.key,
               done=False)
        proc.wait_until(lambda: "left" in suppressed(bed, quick), 20,
                        "an answer behind those whose DNS is slow")
        assert time.monotonic() - began < 40  # the next minute is later
        assert len(bed.feedback()) == len(slow)
    finally:
        world.names.stall(False)
    bed.tendril.agent.stop()  # a start looks at once at what was put off
    bed.start_agent()
    for person in slow:
        assert review_of(bed, person)["kind"] == "left"
