"""Messages that are taken over: several recipients, holds, local submission
in trouble; and how they come back, through a real Postfix."""

import re

import pytest

from bed import judge, mail, proc, web

NEWS = "news@example.com"

HOLD = """\
person { at-most = "%(cap)d per 7d" }
segment newsletter {
  purpose = "newsletter"
  legal-basis = "legitimate-interest"
  when-full = "hold 30d, then bounce"
}
"""


class Policy:
    """A policy that holds what is over the cap."""

    def __init__(self, cap=1):
        self.cap = cap

    def text(self):
        return HOLD % {"cap": self.cap}


def take_local_too(text):
    """A tweak of the conf: sendmail(1) is an origin of the newsletter, and
    of orders."""
    plain = text.text

    def changed():
        news = 'class = "nurture"\n'
        shop = 'class = "transactional"\n'
        assert news in plain() and shop in plain()
        return plain().replace(news, news + "  local = yes\n").replace(
            shop, shop + "  local = yes\n")
    text.text = changed


def letter(recipient, number=1, sender=NEWS, newline="\r\n"):
    data = mail.message(
        sender, recipient, f"Letter {number}",
        fields=[("X-Tendril-Segment", "newsletter")],
        message_id=f"<{number}.{recipient}>")
    return data.replace(b"\r\n", newline.encode())


def submit(bed, recipients, number=1, **options):
    return mail.submit(bed.ports["apps"], NEWS, recipients,
                       letter(recipients[0], number), **options)


def files(bed, folder="spool"):
    path = bed.root / "state" / folder
    return sorted(path.glob("*.eml")) if path.is_dir() else []


def wait_no_files(bed, timeout_s=20):
    proc.wait_until(
        lambda: not files(bed) and not files(bed, "spool/undecided"),
        timeout_s, "empty spool")


def waiting(bed):
    """Copies that are not done. (Where the agent is killed between a row's end
    and its file's, the file is there until the sweep.)"""
    return files(bed, "spool/undecided") or bed.tendril.cli(
        "hold", "list", "--json").stdout


def wait_no_copies(bed):
    proc.wait_until(lambda: not waiting(bed), 60, "no copies")


@pytest.fixture
def bed(build, make_bed):
    """Milter and Postfix; the agent is started by the test."""
    one = make_bed(build, policy=Policy(), tweak=take_local_too)
    one.start_milter()
    one.start_hub()
    return one


def test_three_recipients_each_get_their_own(bed):
    bed.start_agent()
    people = ["a@north.example", "b@south.example", "c@north.example"]
    sent = submit(bed, people, rcpt_options=["NOTIFY=FAILURE"])
    assert sent.final[0] == 250
    links = set()
    for person in people:
        (got,) = bed.sink.wait(person)
        assert got.recipients == (person,)
        assert not judge.judge_signed(got.data, bed.zone, "example.com",
                                      ["rsa-sha256", "ed25519-sha256"])
        assert len(judge.values(got.data, "X-Tendril-Id")) == 1
        trace = " ".join(judge.values(got.data, "Received"))
        assert "(Tendril)" in trace
        links.update(judge.unsubscribe_uris(got.data)[0])
    assert len(links) == len(people)
    wait_no_files(bed)
    ways = explained(bed, sent.final[1].split()[-1])
    gone = [one for one in ways if one["type"] == "copy_recipient"]
    assert ways[0]["type"] == "copy_added" and len(gone) == len(people)
    assert [one["address"] for one in ways
            if one["type"] == "slot_proposed"] == people, "the whole way"
    assert [explained(bed, one["queue_id"])[0]["address"]
            for one in gone] == people


def explained(bed, queue_id):
    """What is on record of a message, by the queue id that its sender has."""
    return web.Api(bed.conf.api).call(
        "GET", f"/v1/explain?queue_id={queue_id}")["events"]


def test_a_refused_one_is_reported_and_the_others_go(bed):
    bed.start_agent()
    bed.tendril.cli("suppress", "add", "b@south.example")
    sent = submit(bed, ["a@north.example", "b@south.example"],
                  mail_options=["RET=HDRS", "ENVID=order-1"])
    assert sent.final[0] == 250
    bed.sink.wait("a@north.example")
    (report,) = bed.sink.wait(NEWS)
    assert report.sender == ""
    text = report.data.decode()
    assert "Final-Recipient: rfc822;b@south.example" in text
    assert "Original-Envelope-Id: order-1" in text
    assert "Status: 5.7.1" in text and "suppressed" in text
    assert not judge.values(report.data, "X-Tendril-Id")
    assert not judge.judge_signed(report.data, bed.zone, "example.com",
                                  ["rsa-sha256", "ed25519-sha256"])
    wait_no_files(bed)


def test_what_waits_goes_when_the_policy_changes(bed):
    bed.start_agent()
    assert submit(bed, ["a@north.example"], 1).final[0] == 250
    bed.sink.wait("a@north.example")
    held = submit(bed, ["a@north.example"], 2)
    assert held.final[0] == 250
    assert len(files(bed)) == 1
    sent = submit(bed, ["a@north.example", "b@south.example"], 3)
    assert sent.final[0] == 250
    bed.sink.wait("b@south.example")
    proc.wait_until(lambda: len(files(bed)) == 2, 10, "two holds")
    policy = bed.root / "policy2"
    policy.write_text(Policy(cap=10).text())
    bed.tendril.cli("policy", "apply", str(policy), "--reason", "test")
    got = bed.sink.wait("a@north.example", count=3)
    assert [judge.values(one.data, "Subject") for one in got].count(
        ["Letter 1"]) == 1
    wait_no_files(bed)


def test_killed_in_the_middle_nobody_has_it_twice(bed):
    people = [f"p{number}@north.example" for number in range(30)]
    assert submit(bed, people).final[0] == 250
    for _ in range(4):
        bed.start_agent()
        before = len(bed.sink.messages())
        proc.wait_until(lambda: len(bed.sink.messages()) > before
                        or not waiting(bed), 20, "some progress")
        bed.tendril.agent.kill()
    bed.start_agent()
    for person in people:
        bed.sink.wait(person, timeout_s=60)
    wait_no_copies(bed)
    bed.hub.wait_empty()
    got = [recipient for one in bed.sink.messages()
           for recipient in one.recipients]
    assert sorted(got) == sorted(people)


def test_milter_down_while_copies_wait(bed):
    people = ["a@north.example", "b@south.example"]
    assert submit(bed, people).final[0] == 250
    bed.tendril.stop_milter()
    bed.start_agent()
    proc.wait_until(lambda: "release.trouble" in bed.tendril.agent.log_text(),
                    20, "the agent's trouble")
    assert not bed.sink.messages() and len(files(bed)) == 1
    bed.start_milter()
    for person in people:
        bed.sink.wait(person, timeout_s=90)
    wait_no_files(bed)


# --- segments that go away, and come ---

TWO = HOLD + """\
segment webinar {
  purpose = "webinar"
  legal-basis = "legitimate-interest"
  when-full = "hold 10d, then drop"
}
"""


def apply(bed, text, *options):
    path = bed.root / "next.policy"
    path.write_text(text)
    return bed.tendril.cli("policy", "apply", str(path), "--reason", "test",
                           *options)


def webinar(bed, recipient, number, sender=NEWS, **options):
    data = letter(recipient, number).replace(b": newsletter", b": webinar")
    sent = mail.submit(bed.ports["apps"], sender, [recipient], data, **options)
    assert sent.final[0] == 250, sent


def hold_webinars(bed, people):
    """One letter each that is sent, then one each that must wait."""
    apply(bed, TWO % {"cap": 1})
    for number in range(2):
        for person in people:
            webinar(bed, person, number)
    for person in people:
        bed.sink.wait(person)
    assert len(files(bed)) == len(people)


@pytest.mark.long
def test_orphans_hold(bed):
    bed.start_agent()
    people = [f"h{number}@north.example" for number in range(3)]
    hold_webinars(bed, people)
    told = apply(bed, HOLD % {"cap": 10}, "--orphans", "hold").stdout
    assert "3 messages held for it: they wait for their deadline" in told
    proc.wait_until(lambda: bed.tendril.cli("hold", "release", "--segment",
                                            "webinar").returncode == 0, 10, "")
    bed.hub.wait_empty()
    assert proc.stays(lambda: len(files(bed)) == 3 and
                      len(bed.sink.messages()) == 3, 4)
    apply(bed, TWO % {"cap": 10})
    for person in people:
        bed.sink.wait(person, 2)
    wait_no_files(bed)
    assert not bed.sink.messages(NEWS)


def test_orphans_bounce(bed):
    """Each goes back once, whenever the agent is killed; a later version
    takes nothing of that back."""
    people = [f"b{number}@north.example" for number in range(25)]
    bed.start_agent()
    hold_webinars(bed, people)
    bed.tendril.agent.stop()
    bed.start_agent()
    told = apply(bed, HOLD % {"cap": 1}, "--orphans", "bounce").stdout
    bed.tendril.agent.kill()
    assert "25 messages held for it: they go back to their senders" in told
    for round_ in range(6):
        bed.start_agent()
        if round_ == 0:
            apply(bed, HOLD % {"cap": 2})
        before = len(bed.sink.messages(NEWS))
        proc.wait_until(lambda: len(bed.sink.messages(NEWS)) > before
                        or not waiting(bed), 20, "some progress")
        bed.tendril.agent.kill()
    bed.start_agent()
    wait_no_copies(bed)
    bed.hub.wait_empty()
    reports = bed.sink.messages(NEWS)
    assert all(one.sender == "" for one in reports)
    about = [re.search(rb"^Final-Recipient: rfc822;(.*)\r$", one.data,
                       re.M)[1].decode() for one in reports]
    assert sorted(about) == sorted(people)
    assert b"no such kind of message any more" in reports[0].data
    assert len(bed.sink.messages()) == 2 * len(people)


@pytest.mark.long
def test_a_segment_that_was_not_known(build, make_bed):
    """unknown = hold: decided, not just sent, when a policy knows it."""
    def hold_unknown(text):
        plain = text.text
        text.text = lambda: plain().replace('unknown = "reject"',
                                            'unknown = "hold"')
    bed = make_bed(build, policy=Policy(), tweak=hold_unknown)
    bed.start_milter()
    bed.start_hub()
    bed.start_agent()
    people = [f"u{number}@north.example" for number in range(3)]
    for person in people:
        webinar(bed, person, 1)
    bed.tendril.cli("suppress", "add", people[2])
    apply(bed, HOLD % {"cap": 5})
    assert proc.stays(lambda: len(files(bed)) == 3, 4)
    apply(bed, TWO % {"cap": 5})
    for person in people[:2]:
        (got,) = bed.sink.wait(person)
        assert not judge.judge_signed(got.data, bed.zone, "example.com",
                                      ["rsa-sha256", "ed25519-sha256"])
    (report,) = bed.sink.wait(NEWS)
    assert people[2].encode() in report.data
    wait_no_files(bed)
    assert not bed.sink.messages(people[2])


# --- the same message again, without a Message-ID ---

def nameless(recipient, text="Hi.\r\n"):
    return mail.message(NEWS, recipient, "Nameless",
                        fields=[("X-Tendril-Segment", "newsletter")],
                        body=text, message_id=None)


def submit_nameless(bed, recipients, **options):
    """Again while the log is silent about the first, as applications do."""
    def is_taken():
        sent = mail.submit(bed.ports["apps"], NEWS, recipients,
                           nameless("all@example.com", **options))
        assert sent.final[0] == 250 or "(in_flight)" in sent.final[1], sent
        return sent.final[0] == 250
    proc.wait_until(is_taken, 20, "a 250")


def assert_each_once(bed, *people, texts=1, killed=False):
    for person in people:
        bed.sink.wait(person, count=texts, timeout_s=60)
    wait_no_copies(bed)
    if not killed:
        wait_no_files(bed, 60)
    bed.hub.wait_empty()
    got = [recipient for one in bed.sink.messages()
           for recipient in one.recipients]
    assert sorted(got) == sorted(list(people) * texts)


@pytest.mark.long
def test_nameless_again_while_it_is_held(bed):
    """Twice on hold, once to the person; another text is another message."""
    bed.start_agent()
    person = "a@north.example"
    assert submit(bed, [person], 1).final[0] == 250
    bed.sink.wait(person)
    for text in ("Hi.\r\n", "Hi.\r\n", "Ho.\r\n"):
        submit_nameless(bed, [person], text=text)
    assert len(files(bed)) == 3
    policy = bed.root / "policy2"
    policy.write_text(Policy(cap=10).text())
    bed.tendril.cli("policy", "apply", str(policy), "--reason", "test")
    assert_each_once(bed, person, texts=3)
    bodies = [one.data.rpartition(b"\r\n\r\n")[2]
              for one in bed.sink.messages(person)]
    assert bodies.count(b"Hi.\r\n") == bodies.count(b"Ho.\r\n") == 1


@pytest.mark.long
def test_nameless_again_while_it_is_taken_over(bed):
    """To several at once, to several again, and to one of them."""
    people = ["a@north.example", "b@south.example"]
    submit_nameless(bed, people)
    submit_nameless(bed, people)
    submit_nameless(bed, people[:1])
    assert len(files(bed)) == 2
    bed.start_agent()
    assert_each_once(bed, *people)


def test_nameless_after_a_copy_went(bed):
    bed.start_agent()
    people = ["a@north.example", "b@south.example"]
    submit_nameless(bed, people)
    assert_each_once(bed, *people)
    bed.hub.wait_log("removed")
    for person in people:
        submit_nameless(bed, [person])
    submit_nameless(bed, people)
    assert_each_once(bed, *people)


def test_nameless_killed_in_the_middle(bed):
    """The agent's own second try is no second message either."""
    people = [f"p{number}@north.example" for number in range(20)]
    submit_nameless(bed, people)
    for _ in range(4):
        bed.start_agent()
        before = len(bed.sink.messages())
        proc.wait_until(lambda: len(bed.sink.messages()) > before
                        or not waiting(bed), 20, "some progress")
        bed.tendril.agent.kill()
    bed.start_agent()
    assert_each_once(bed, *people, killed=True)


@pytest.fixture
def no_ledger(build, make_bed):
    """The milter starts while its ledger cannot be opened."""
    one = make_bed(build, policy=Policy(), tweak=take_local_too)
    (one.root / "state" / "ledger").write_text("not a folder")
    one.start_milter()
    one.start_hub()
    return one


def sendmail(bed, recipient, number, sender=NEWS):
    bed.hub.sendmail(letter(recipient, number, sender, "\n"), sender,
                     [recipient])


@pytest.mark.long
def test_no_ledger(no_ledger):
    bed = no_ledger
    refused = submit(bed, ["a@north.example"])
    assert refused.final[0] == 451, refused
    order = mail.submit(
        bed.ports["apps"], "orders@example.com", ["o@north.example"],
        mail.message("orders@example.com", "o@north.example", "Order"))
    assert order.final[0] == 250
    bed.sink.wait("o@north.example")
    for number in range(3):
        sendmail(bed, f"l{number}@south.example", number)
    proc.wait_until(lambda: len(files(bed, "spool/undecided")) == 3, 20,
                    "undecided copies")
    bed.hub.wait_empty()
    proc.wait_until(lambda: bed.hub.log_text().count("milter-discard") >= 3,
                    20, "lines of the log")
    assert len(re.findall("milter-discard", bed.hub.log_text())) == 3
    (bed.root / "state" / "ledger").unlink()
    proc.wait_until(lambda: bed.tendril.events("ledger.open"), 20,
                    "the milter opens the ledger")
    assert submit(bed, ["a@north.example"]).final[0] == 250
    bed.start_agent()
    for number in range(3):
        bed.sink.wait(f"l{number}@south.example", timeout_s=60)
    wait_no_files(bed)


@pytest.mark.long
def test_no_ledger_nameless(no_ledger):
    """sendmail(1)'s mail has the Message-ID that cleanup made, another one at
    each try."""
    bed = no_ledger
    data = nameless("a@south.example").replace(b"\r\n", b"\n")
    for _ in range(3):
        bed.hub.sendmail(data, NEWS, ["a@south.example"])
    proc.wait_until(lambda: len(files(bed, "spool/undecided")) == 3, 20,
                    "undecided copies")
    (bed.root / "state" / "ledger").unlink()
    proc.wait_until(lambda: bed.tendril.events("ledger.open"), 20,
                    "the milter opens the ledger")
    bed.start_agent()
    assert_each_once(bed, "a@south.example")


def test_no_ledger_and_no_spool(no_ledger):
    bed = no_ledger
    (bed.root / "state" / "spool").write_text("not a folder")
    sendmail(bed, "a@south.example", 1)
    proc.wait_until(
        lambda: [one["queue_name"] for one in bed.hub.queue()] == ["hold"],
        20, "a quarantined message")
    assert not bed.sink.messages()
