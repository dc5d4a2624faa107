"""Complaints without a token of ours: believed when the reporter is declared and
DKIM or SPF show that it is him; DNS from a name server of this test."""

import json
import os
import pathlib
import re
import signal
import time

import dkim
import pytest

from bed import bed as beds
from bed import conf, keys, mail, nameserver, proc, web

NEWS = "news@example.com"
FBL = "fbl@bounces.example.com"
PROVIDER = "feedback.provider.example"


class World:
    """The provider: its key, its records, the name server that has them."""

    def __init__(self, folder):
        self.key = keys.Key(folder, PROVIDER, "s1", "rsa-sha256")
        self.stranger = keys.Key(folder, "stranger.example", "s1",
                                 "rsa-sha256")
        self.names = nameserver.NameServer(folder / "zone", port=0)
        self.publish()

    def publish(self, spf="v=spf1 -all"):
        records = {self.key.name: self.key.txt,
                   self.stranger.name: self.stranger.txt, PROVIDER: spf}
        self.names.publish(records)

    def sign(self, key, data, but=b""):
        fields = [b"from", b"to", b"subject", b"message-id", b"content-type"]
        return dkim.sign(data, key.selector.encode(), key.domain.encode(),
                         key.file.read_bytes(), include_headers=[
                             name for name in fields if name != but]) + data


@pytest.fixture(scope="module")
def world(tmp_path_factory):
    made = World(tmp_path_factory.mktemp("provider"))
    yield made
    made.names.stop()


@pytest.fixture(scope="module")
def bed(build, world):
    policy = conf.PolicyText(basis="legitimate-interest",
                             person_cap="100 per 7d",
                             segment_cap="100 per 7d",
                             webinar_purpose="events")

    def tweak(text):
        plain = text.text

        def changed():
            return plain().replace("agent {\n", f"""agent {{
  complaint-from = {{"provider.example"}}
  complaint-to = {{"{FBL}"}}
  nameserver = "127.0.0.1:{world.names.port}"
""")
        text.text = changed

    with beds.Bed(build, policy=policy, tweak=tweak) as made:
        made.start_milter()
        made.start_agent()
        made.start_hub()
        yield made


@pytest.fixture(autouse=True)
def plain_zone(world):
    world.publish()


def lead(bed, person):
    """Somebody who was written to."""
    data = mail.message(NEWS, person, "News", message_id=(
        f"<{os.urandom(8).hex()}@app.example.com>"), fields=(
            ("X-Tendril-Segment", "newsletter"),))
    reply = mail.submit(bed.ports["apps"], NEWS, [person], data)
    if reply.final[0] == 250:
        bed.sink.wait(person)
    return reply.final[0]


def complain(bed, data, sender=""):
    reply = mail.submit(bed.ports["smtp25"], sender, [FBL], data,
                        source=beds.STRANGER)
    assert reply.final[0] == 250


def report(person, author=PROVIDER):
    return mail.NAMED_COMPLAINT.format(person=person, author=author,
                      number=os.urandom(6).hex()).encode()


def suppressed(bed, person):
    return bed.tendril.cli("suppress", "check", person,
                           check=False).returncode == 0


def wait_suppressed(bed, person):
    proc.wait_until(lambda: suppressed(bed, person), 30,
                    f"suppression of {person}")


def reason(bed, person):
    done = bed.tendril.cli("explain", person, "newsletter", "--json",
                           check=False)
    return json.loads(done.stdout)["reason"]


def set_aside(bed):
    """Reasons of the mails that nobody believed."""
    return [path.read_text() for path in
            (bed.maildir / "unparsed").glob("*.reason")]


def wait_aside(bed, number):
    proc.wait_until(lambda: len(set_aside(bed)) >= number, 30,
                    "a mail that is set aside")


def verifiers(bed):
    """Process ids of the agent's tendril-verify."""
    found = []
    for path in pathlib.Path("/proc").glob("[0-9]*/stat"):
        try:
            stat = path.read_text()
        except OSError:
            continue
        name, rest = stat[stat.index("(") + 1:].rsplit(")", 1)
        if name == "tendril-verify" and \
                int(rest.split()[1]) == bed.tendril.agent.pid:
            found.append(int(path.parent.name))
    return found


def test_signed_by_the_declared(bed, world):
    """DKIM of the provider: the person is not written to any more."""
    assert lead(bed, "anna@north.example") == 250
    complain(bed, world.sign(world.key, report("anna@north.example")))
    wait_suppressed(bed, "anna@north.example")
    shown = bed.tendril.cli("suppress", "check", "anna@north.example").stdout
    assert "complaint" in shown
    assert lead(bed, "anna@north.example") == 550


def test_sent_on(bed, world):
    """What the provider reported to others is signed as well, and its message
    may name anybody: not believed of whoever sends it on."""
    victim = "sent.on@north.example"
    assert lead(bed, victim) == 250
    before = len(set_aside(bed))
    other = report(victim).replace(FBL.encode(), b"fbl@spammer.example")
    complain(bed, world.sign(world.key, other))
    wait_aside(bed, before + 1)
    complain(bed, world.sign(world.key, report(victim), but=b"to"))
    wait_aside(bed, before + 2)
    assert not suppressed(bed, victim)
    world.publish(f"v=spf1 ip4:{beds.STRANGER} -all")
    complain(bed, other, f"bounce@{PROVIDER}")
    wait_suppressed(bed, victim)


CUT = """From: me@spammer.example
To: someone@provider.example
Subject: x

--evil

x
--evil
Content-Type: message/feedback-report

Feedback-Type: abuse
User-Agent: x
Version: 1
Original-Rcpt-To: {victim}

--evil--
"""


def test_cut_anew(bed, world):
    """Of the same signed bytes another boundary makes other parts: a report in
    the text of the message that a genuine one returns."""
    victim = "cut@north.example"
    assert lead(bed, victim) == 250
    before = len(set_aside(bed))
    inside = CUT.format(victim=victim).replace("\n", "\r\n")
    genuine = (f"From: Feedback <x@{PROVIDER}>\r\nTo: {FBL}\r\n"
               "Subject: Report\r\nMessage-ID: <cut@provider.example>\r\n"
               "MIME-Version: 1.0\r\nContent-Type: multipart/report; "
               "report-type=feedback-report; boundary=good\r\n\r\n"
               "--good\r\n\r\nA report.\r\n--good\r\n"
               "Content-Type: message/feedback-report\r\n\r\n"
               "Feedback-Type: abuse\r\nUser-Agent: x\r\nVersion: 1\r\n\r\n"
               "--good\r\nContent-Type: message/rfc822\r\n\r\n"
               f"{inside}\r\n--good--\r\n").encode()
    signed = world.sign(world.key, genuine, but=b"content-type")
    complain(bed, signed.replace(b"boundary=good", b"boundary=evil", 1))
    wait_aside(bed, before + 1)
    assert not suppressed(bed, victim)


def test_by_spf(bed, world):
    """No signature, but its own server sent it."""
    world.publish(f"v=spf1 ip4:{beds.STRANGER} -all")
    assert lead(bed, "bert@north.example") == 250
    complain(bed, report("bert@north.example"), f"bounce@{PROVIDER}")
    wait_suppressed(bed, "bert@north.example")


def test_asked_once(bed, world):
    """Complaints of one provider behind each other ask DNS once."""
    people = [f"many{number}@north.example" for number in range(12)]
    for person in people:
        assert lead(bed, person) == 250
    world.names.set_ttl(60)
    before = world.names.questions
    for person in people:
        complain(bed, world.sign(world.key, report(person)))
    for person in people:
        wait_suppressed(bed, person)
    world.names.set_ttl(0)
    asked = world.names.questions - before
    bed.tendril.agent.stop()  # and it is forgotten
    bed.start_agent()
    assert 0 < asked < len(people)


def test_not_believed(bed, world):
    """Unsigned; signed by somebody else; changed after it was signed; somebody
    else altogether, though signed well: nobody is suppressed."""
    victim = "victim@north.example"
    assert lead(bed, victim) == 250
    before = len(set_aside(bed))
    signed = world.sign(world.key, report(victim))
    complain(bed, report(victim), f"bounce@{PROVIDER}")
    complain(bed, world.sign(world.stranger, report(victim)))
    complain(bed, signed.replace(b"a complaint\r\n", b"A Complaint\r\n"))
    complain(bed, world.sign(
        world.stranger, report(victim, "stranger.example")))
    wait_aside(bed, before + 4)
    assert not suppressed(bed, victim)
    assert lead(bed, victim) == 250


def test_origin_of_a_stranger(bed, world):
    """An origin field of the sender's own makes no SPF pass."""
    world.publish("v=spf1 ip4:192.0.2.1 -all")
    victim = "victor@north.example"
    assert lead(bed, victim) == 250
    before = len(set_aside(bed))
    forged = (b"X-Tendril-Origin: v=1; key=1; client=192.0.2.1; helo=x; "
              b"from=bounce@" + PROVIDER.encode() + b"; rcpt=" +
              FBL.encode() + b"; body=" + b"0" * 64 + b"; mac=" + b"0" * 64 +
              b"\r\n")
    complain(bed, forged + report(victim), f"bounce@{PROVIDER}")
    wait_aside(bed, before + 1)
    assert not suppressed(bed, victim)


def test_dns_is_away(bed, world):
    """Later, then: the mail stays, also over a restart; other answers go on."""
    assert lead(bed, "dora@north.example") == 250
    world.names.fail()
    complain(bed, world.sign(world.key, report("dora@north.example")))
    proc.wait_until(
        lambda: "believed=later" in bed.tendril.agent.log_text(), 30,
        "a mail that is put off")
    assert len(bed.feedback()) == 1
    world.publish()
    bed.tendril.agent.stop()
    bed.start_agent()
    wait_suppressed(bed, "dora@north.example")


def opts_out(bed, person):
    """By mail to the address in a letter that came; how long that took."""
    letter = bed.sink.wait(person)[-1].data.decode()
    address = re.search(r"\bu-[a-z2-7]+@bounces\.example\.com", letter)[0]
    began = time.monotonic()
    reply = mail.submit(bed.ports["smtp25"], person, [address],
                        b"Subject: out\r\n\r\n", source=beds.STRANGER)
    assert reply.final[0] == 250
    proc.wait_until(lambda: reason(bed, person) == "withdrawn", 30,
                    f"an opt-out of {person}")
    return time.monotonic() - began


def test_dns_stalls(bed, world):
    """Questions are heard and never answered: such complaints wait, nothing else
    does; once there are answers, they are acted on."""
    people = [f"stall{n}@north.example" for n in range(6)]
    others = [f"other{n}@north.example" for n in range(3)]
    for person in people + others:
        assert lead(bed, person) == 250
        bed.sink.wait(person)
    world.names.stall()
    try:
        for person in people:
            complain(bed, world.sign(world.key, report(person)))
        proc.wait_until(lambda: world.names.unanswered > 0, 20, "a question")
        took = [opts_out(bed, person) for person in others]
        assert lead(bed, "new@north.example") == 250
        assert not any(suppressed(bed, person) for person in people)
    finally:
        world.names.stall(False)
    assert max(took) < 8, took  # a question alone may take 5
    bed.tendril.agent.stop()  # a start looks at once at what was put off
    bed.start_agent()
    for person in people:
        wait_suppressed(bed, person)


def test_verifier(bed, world):
    """It is shut in; killed, it is replaced."""
    assert lead(bed, "emil@north.example") == 250
    complain(bed, world.sign(world.key, report("emil@north.example")))
    wait_suppressed(bed, "emil@north.example")
    found = verifiers(bed)
    assert found
    program = (bed.tendril.builddir / "tendril-verify").read_bytes()
    filtered = b"__asan_init" not in program and \
        b"__tsan_init" not in program  # whose runtime needs more calls
    for pid in found:
        status = pathlib.Path(f"/proc/{pid}/status").read_text()
        assert "NoNewPrivs:\t1" in status
        assert ("Seccomp:\t2" in status) == filtered
        assert pathlib.Path(f"/proc/{pid}/environ").read_bytes() == b""
        descriptors = os.listdir(f"/proc/{pid}/fd")
        assert sorted(descriptors) == ["0", "1", "2"]
        os.kill(pid, signal.SIGKILL)
    assert lead(bed, "fritz@north.example") == 250
    complain(bed, world.sign(world.key, report("fritz@north.example")))
    wait_suppressed(bed, "fritz@north.example")


def test_redacted(bed, world):
    """No address is left; the reporter is believed, the Message-ID names the
    message. Unsigned it names nothing."""
    person, name = "greta@north.example", f"<{os.urandom(8).hex()}@app>"
    data = mail.message(NEWS, person, "News", message_id=name, fields=(
        ("X-Tendril-Segment", "newsletter"),))
    assert mail.submit(bed.ports["apps"], NEWS, [person],
                       data).final[0] == 250
    bed.sink.wait(person)
    told = report("redacted").replace(
        b"Subject: News", b"Message-ID: " + name.encode())
    before = len(set_aside(bed))
    complain(bed, told, f"bounce@{PROVIDER}")
    wait_aside(bed, before + 1)
    assert not suppressed(bed, person)
    complain(bed, world.sign(world.key, told))
    wait_suppressed(bed, person)


def test_link_in_what_is_left(bed):
    """Anybody's report, with a token of ours in what it returns: no fields of
    ours, no address; of a virus, so there is a warning."""
    person = "hanna@north.example"
    assert lead(bed, person) == 250
    got = bed.sink.wait(person)[-1].data.decode()
    token = re.search(r"(?i)[bf]-([a-z2-7]{31})@", got).group(1)
    told = report("redacted").replace(b": abuse", b": virus").replace(
        b"Subject: News", f"X-Was: {token}".encode())
    complain(bed, told)
    wait_suppressed(bed, person)
    assert "event=complaint.alert kind=virus" in bed.tendril.agent.log_text()


def own_address(bed, person, letter="f"):
    """Our address of that kind in the letter that came."""
    text = bed.sink.wait(person)[-1].data.decode()
    return re.search(rf"\b{letter}-[a-z2-7]+@bounces\.example\.com", text)[0]


def counted(bed):
    """Kinds of feedback, as the metrics have them."""
    return {kind: int(number) for kind, number in re.findall(
        r'^tendril_feedback_total\{action="(\w+)",[^}]*\} (\d+)$',
        web.Api(bed.conf.api).metrics(), re.M)}


def test_fraud_and_not_spam(bed):
    """Reports to our address in the letter: of fraud is a complaint and warns;
    that it was no spam is counted, and changes nothing for anybody."""
    fooled, glad = "ida@north.example", "jan@north.example"
    for person in (fooled, glad):
        assert lead(bed, person) == 250
    before = counted(bed)
    for person, kind in ((fooled, "fraud"), (glad, "not-spam")):
        address = own_address(bed, person)
        told = mail.COMPLAINT.format(to=address).replace(
            "Feedback-Type: abuse", f"Feedback-Type: {kind}")
        reply = mail.submit(bed.ports["smtp25"], "fbl@provider.example",
                            [address], told.encode(), source=beds.STRANGER)
        assert reply.final[0] == 250
    wait_suppressed(bed, fooled)
    proc.wait_until(
        lambda: counted(bed).get("not_spam") != before.get("not_spam"), 20,
        "the other report")
    assert "event=complaint.alert kind=fraud" in bed.tendril.agent.log_text()
    assert {kind: count - before.get(kind, 0)
            for kind, count in counted(bed).items()
            if count != before.get(kind)} == {"fraud": 1, "not_spam": 1}
    assert not suppressed(bed, glad)
    assert lead(bed, glad) == 250
    assert lead(bed, fooled) == 550


def sent_on(letter, author):
    """As Microsoft's JMRP sends it: the message, and no report."""
    return mail.message(author, FBL, "complaint about message", message_id=(
        f"<{os.urandom(8).hex()}@{PROVIDER}>")).replace(
            b"Content-Type: text/plain; charset=utf-8",
            b"Content-Type: message/rfc822").replace(b"Hello.\r\n", letter)


def without_tokens(letter):
    """What is left where the reporter takes all addresses out."""
    kept = re.findall(rb"^(?:From|Subject|Message-ID): .*\r\n", letter, re.M)
    assert len(kept) == 3
    return b"".join(kept) + b"\r\nHello.\r\n"


def test_sent_on_without_a_report(bed, world):
    """By the declared reporter it is a complaint, also of a letter without our
    tokens. It is none by the person's hand, or somebody else's; nor, without
    tokens, where only the name is the reporter's."""
    people = ["kim@north.example", "leo@north.example", "mia@north.example"]
    letters = {}
    for person in people:
        assert lead(bed, person) == 250
        letters[person] = bed.sink.wait(person)[-1].data
    kim, leo, mia = people
    reporter = f"staff@{PROVIDER}"
    before = len(set_aside(bed))
    for data, sender in (
            (sent_on(letters[leo], leo), leo),
            (world.sign(world.stranger, sent_on(
                letters[leo], "staff@stranger.example")), ""),
            (sent_on(without_tokens(letters[mia]), reporter),
             f"bounce@{PROVIDER}")):
        complain(bed, data, sender)
    wait_aside(bed, before + 3)
    assert not any(suppressed(bed, person) for person in people)
    complain(bed, world.sign(world.key, sent_on(letters[kim], reporter)))
    complain(bed, world.sign(world.key, sent_on(
        without_tokens(letters[mia]), reporter)))
    wait_suppressed(bed, kim)
    wait_suppressed(bed, mia)
    assert not suppressed(bed, leo)
