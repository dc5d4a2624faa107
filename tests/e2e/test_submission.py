"""How applications and people hand mail in: one-to-one mail, proof addresses,
the same message again, sendmail(1)."""

import random
import smtplib
import time

import pytest

import load
from bed import bed as beds
from bed import conf, judge, mail, proc
from ledger import Ledger

NEWS = "news@example.com"
SALES = "sam@example.com"
CAP = 3
POLICY = conf.PolicyText(person_cap=f"{CAP} per 7d",
                         segment_cap=f"{CAP} per 7d",
                         basis="legitimate-interest")
# Sales people log in or use sendmail(1); a second application logs in too,
# and one that says nothing of segments uses sendmail(1).
STREAMS = """\
stream sales {
  class = "one-to-one"
  sasl-user = {"crm"}
  local = yes
  sender = {"sam@example.com"}
  from-domains = {"example.com"}
}

stream second {
  class = "nurture"
  sasl-user = {"crm"}
  sender = {"second@example.com"}
  from-domains = {"example.com"}
  segment = "newsletter"
}

stream cron {
  class = "nurture"
  local = yes
  sender = {"cron@example.com"}
  from-domains = {"example.com"}
  segment = "newsletter"
}

"""
_serial = iter(range(10 ** 9))


def more_streams(text):
    plain = text.text
    text.text = lambda: plain().replace("stream news {",
                                        STREAMS + "stream news {")


@pytest.fixture(scope="module")
def bed(build):
    with beds.Bed(build, policy=POLICY, tweak=more_streams) as made:
        made.start_milter()
        made.start_agent()
        made.start_hub()
        yield made
        made.stop_and_look()


@pytest.fixture
def book(bed):
    return Ledger(bed)


def person():
    return f"s{next(_serial)}@north.example"


def letter(sender, recipient, *, message_id="new", segment=None, body="Hi.\r\n",
           subject="Letter"):
    if message_id == "new":
        message_id = f"<{next(_serial)}.submission@app.example.com>"
    fields = [] if segment is None else [("X-Tendril-Segment", segment)]
    return mail.message(sender, recipient, subject, fields=fields, body=body,
                        message_id=message_id)


def newsletter(recipient, **options):
    return letter(NEWS, recipient, segment="newsletter", **options)


def submit(bed, sender, recipients, data, **options):
    if isinstance(recipients, str):
        recipients = [recipients]
    return mail.submit(bed.ports["apps"], sender, recipients, data, **options)


def insist(bed, sender, recipient, data, timeout_s=20, **options):
    """Submit again until the answer is final, as an application does."""
    deadline = time.monotonic() + timeout_s * proc.PATIENCE
    while True:
        answer = submit(bed, sender, recipient, data, **options).final
        if answer[0] == 250 or answer[0] >= 500:
            return answer
        assert time.monotonic() < deadline, answer
        time.sleep(0.2)


def by_sales(bed, recipients, data=None):
    data = data or letter(SALES, recipients if isinstance(recipients, str)
                          else ", ".join(recipients))
    return submit(bed, SALES, recipients, data, login=beds.LOGIN)


def suppress(bed, address):
    bed.tendril.cli("suppress", "add", address)


def delivered_slots(book, recipient):
    return [slot.state for slot in book.slots() if slot.address == recipient
            and slot.state == "delivered"]


def wait_delivered(book, recipient, count=1):
    proc.wait_until(
        lambda: len(delivered_slots(book, recipient)) >= count, 20,
        f"{count} delivered slots of {recipient}")


def signed(bed, message):
    found = judge.signatures(message.data, bed.zone)
    return len(found) == 2 and all(s.valid for s in found)


# --- one-to-one ---

def test_one_to_one_is_counted_and_never_capped(bed, book):
    recipient = person()
    for count in range(1, CAP + 3):
        assert by_sales(bed, recipient).final[0] == 250
        message = bed.sink.wait(recipient, count)[-1]
        assert signed(bed, message)
        assert message.sender == SALES
        assert judge.values(message.data, "List-Unsubscribe") == []
    wait_delivered(book, recipient, CAP + 2)
    answer = submit(bed, NEWS, recipient, newsletter(recipient)).final
    assert answer[0] == 550 and "person_cap" in answer[1]


def test_one_to_one_is_never_split(bed, book):
    people = [person() for _ in range(3)]
    assert by_sales(bed, people).final[0] == 250
    messages = [bed.sink.wait(one)[0] for one in people]
    assert len({judge.strip_trace(m.data) for m in messages}) == 1
    assert signed(bed, messages[0])
    for one in people:
        wait_delivered(book, one)
    assert len({slot.queue_id for slot in book.slots()
                if slot.address in people}) == 1


def test_one_to_one_that_is_not_ours_to_sign(bed):
    """A From without a key goes out as it came, and the log says so."""
    recipient = person()
    data = letter("sam@other.example", recipient)
    assert by_sales(bed, recipient, data).final[0] == 250
    message, = bed.sink.wait(recipient)
    assert judge.judge_unsigned(message.data) == []
    told, = bed.tendril.events("unsigned")
    assert told["stream"] == "sales" and told["reason"] != ""


def states(book, people):
    """By recipient, of the first letter of the name."""
    by_address = {slot.address: slot.state for slot in book.slots()}
    return "".join(by_address.get(one, "-")[0] for one in people)


def test_one_to_one_to_several_is_dated_by_the_log(bed, book):
    """Each by his own server's answer: one has it, one refuses, one waits."""
    people = [person() for _ in range(3)]
    _, refuses, waits = people
    bed.sink.script(refuses, "554 5.7.1 Not today")
    bed.sink.script(waits, "450 4.2.1 Later")
    assert by_sales(bed, people).final[0] == 250
    proc.wait_until(lambda: states(book, people) == "drq", 20,
                    "delivered, released, queued")
    time.sleep(1.5)
    assert states(book, people) == "drq"
    bed.sink.clear()
    bed.hub.flush()
    bed.sink.wait(waits)
    proc.wait_until(lambda: states(book, people) == "drd", 20, "the last one")
    bed.hub.wait_empty()


def test_one_to_one_to_a_suppressed_person(bed, book):
    """550 at RCPT for that one; the others get the message."""
    friend, foe = person(), person()
    suppress(bed, foe)
    sent = by_sales(bed, [friend, foe])
    assert [code for code, _ in sent.replies] == [250, 550]
    assert sent.data[0] == 250
    bed.sink.wait(friend)
    assert by_sales(bed, foe).final[0] == 550
    assert bed.sink.messages(foe) == []
    wait_delivered(book, friend)
    assert delivered_slots(book, foe) == []


def test_one_to_one_by_sendmail_to_a_suppressed_person(bed):
    """No refusal at RCPT there: the whole message comes back, and says whom
    it could not be sent to."""
    friend, foe = person(), person()
    suppress(bed, foe)
    data = letter(SALES, f"{friend}, {foe}").replace(b"\r\n", b"\n")
    reports = len(bed.sink.messages(SALES))  # of other tests
    bed.hub.sendmail(data, SALES, [friend, foe])
    line = bed.hub.wait_log("milter-reject: END-OF-MESSAGE", SALES)
    assert foe in line.partition("from=<")[0]
    report = bed.sink.wait(SALES, reports + 1)[-1]
    assert foe.encode() in report.data
    assert bed.sink.messages(friend) == []
    assert_local_is_at_peace(bed)


# --- proof addresses ---

def test_seed_is_never_counted(bed, book):
    seed = "proof@example.com"
    before = len(bed.sink.messages(seed))
    for count in range(1, 2 * CAP):
        assert insist(bed, NEWS, seed, newsletter(seed))[0] == 250
        message = bed.sink.wait(seed, before + count)[-1]
        assert signed(bed, message)
        assert judge.values(message.data, "List-Unsubscribe")
    proc.wait_until(lambda: delivered_slots(book, seed), 20, "a slot")
    history = book.history()
    assert sum(count for (_, address), count in history.items()
               if address == seed) == 0


# --- the same message? ---

def test_same_message_id_from_two_applications(bed):
    """Two applications that happen to use one Message-ID send two messages."""
    recipient = person()
    same = "<1@localhost>"
    first = newsletter(recipient, message_id=same)
    second = letter("second@example.com", recipient, message_id=same)
    assert insist(bed, NEWS, recipient, first)[0] == 250
    assert insist(bed, "second@example.com", recipient, second,
                  login=beds.LOGIN)[0] == 250
    bed.sink.wait(recipient, 2)


@pytest.mark.parametrize("change", [
    {"body": "Another text.\r\n"}, {"subject": "Another subject"},
    {"message_id": "<another@app.example.com>"}], ids=str)
def test_what_makes_it_another_message(bed, change):
    recipient = person()
    common = {"message_id": "<fixed@app.example.com>", **change}
    first = newsletter(recipient, message_id="<fixed@app.example.com>")
    assert insist(bed, NEWS, recipient, first)[0] == 250
    assert insist(bed, NEWS, recipient,
                  newsletter(recipient, **common))[0] == 250
    bed.sink.wait(recipient, 2)


def test_same_message_to_two_people(bed):
    people = [person(), person()]
    data = newsletter("all@example.com")
    for one in people:
        assert insist(bed, NEWS, one, data)[0] == 250
        bed.sink.wait(one)


def lose_the_answer(bed, recipients, data):
    """Hang up after the last dot, before the answer can be read."""
    client = smtplib.SMTP("127.0.0.1", bed.ports["apps"], timeout=120)
    client.ehlo()
    client.mail(NEWS)
    for one in [recipients] if isinstance(recipients, str) else recipients:
        client.rcpt(one)
    client.docmd("DATA")
    client.send(data + b".\r\n")
    client.close()


@pytest.mark.parametrize("again", range(3))
def test_sent_again_after_a_lost_answer(bed, book, again):
    """The application cannot know that it was accepted. The person gets it
    once, the application its 250."""
    recipient = person()
    data = newsletter(recipient)
    for _ in range(1 + again):
        lose_the_answer(bed, recipient, data)
    assert insist(bed, NEWS, recipient, data)[0] == 250
    bed.sink.wait(recipient)
    wait_delivered(book, recipient)
    time.sleep(0.5)
    assert len(bed.sink.messages(recipient)) == 1
    assert len(delivered_slots(book, recipient)) == 1


@pytest.mark.parametrize("message_id", ["new", None], ids=str)
def test_sent_again_to_several_after_a_lost_answer(bed, book, message_id):
    """The milter has taken it over, the application cannot know."""
    people = [person() for _ in range(3)]
    data = newsletter("all@example.com", message_id=message_id)
    lose_the_answer(bed, people, data)
    lose_the_answer(bed, people[1:], data)
    assert insist(bed, NEWS, people, data)[0] == 250
    for one in people:
        bed.sink.wait(one)
        wait_delivered(book, one)
    proc.wait_until(
        lambda: not bed.tendril.cli("hold", "list", "--json").stdout, 60,
        "no copies")
    for one in people:
        assert len(bed.sink.messages(one)) == 1
        assert len(delivered_slots(book, one)) == 1


def test_again_after_delivery(bed, book):
    recipient = person()
    data = newsletter(recipient)
    assert submit(bed, NEWS, recipient, data).final[0] == 250
    wait_delivered(book, recipient)
    for _ in range(CAP + 2):
        assert submit(bed, NEWS, recipient, data).final[0] == 250
    time.sleep(1)
    assert len(bed.sink.messages(recipient)) == 1
    last = bed.tendril.events("decision")[-1]
    assert (last["verdict"], last["reason"]) == ("drop", "duplicate")
    assert len(delivered_slots(book, recipient)) == 1
    other = newsletter(recipient)
    assert insist(bed, NEWS, recipient, other)[0] == 250
    bed.sink.wait(recipient, 2)


def test_again_after_a_failure(bed, book):
    """What was not delivered may be sent again."""
    recipient = person()
    bed.sink.script(recipient, "554 5.7.1 Not today", stage="data", times=1)
    data = newsletter(recipient)
    assert submit(bed, NEWS, recipient, data).final[0] == 250
    proc.wait_until(lambda: [s for s in book.slots() if s.state == "released"
                             and s.address == recipient], 20, "a release")
    assert submit(bed, NEWS, recipient, data).final[0] == 250
    bed.sink.wait(recipient)


def test_again_without_message_id(bed):
    """What the MTA adds says nothing: within ten minutes the same text is the
    same message."""
    recipient = person()
    data = newsletter(recipient, message_id=None)
    for _ in range(3):
        assert insist(bed, NEWS, recipient, data)[0] == 250
    other = newsletter(recipient, message_id=None, body="Something new.\r\n")
    assert insist(bed, NEWS, recipient, other)[0] == 250
    bed.sink.wait(recipient, 2)
    time.sleep(0.5)
    assert len(bed.sink.messages(recipient)) == 2


def test_at_the_same_time(bed):
    """One message on ten connections at once arrives once."""
    recipient = person()
    data = newsletter(recipient)
    jobs = [load.Job(NEWS, recipient, "same", data) for _ in range(10)]
    work = load.Load(bed.ports["apps"], jobs, random.Random(11),
                     connections=10)
    work.run(120)
    assert work.counts[250] == 10
    bed.sink.wait(recipient)
    time.sleep(0.5)
    assert len(bed.sink.messages(recipient)) == 1


# --- sendmail(1) ---

def assert_local_is_at_peace(bed):
    """Nothing goes round in circles and nothing is stuck."""
    bed.hub.wait_empty()
    before = bed.hub.log_text().count("postfix/pickup")
    time.sleep(1.2)
    assert bed.hub.log_text().count("postfix/pickup") == before
    for line in bed.hub.log_text().splitlines():
        assert "milter-reject: RCPT from localhost" not in line
        assert "non_smtpd_milters" not in line


@pytest.mark.parametrize("why", ["suppressed", "capped", "malformed"])
def test_local_submission_is_never_refused_at_rcpt(bed, why):
    """Whatever the verdict, it falls at the end of the message."""
    recipient, sender = person(), "cron@example.com"
    if why == "suppressed":
        suppress(bed, recipient)
    elif why == "capped":
        for _ in range(CAP):
            assert insist(bed, NEWS, recipient,
                          newsletter(recipient))[0] == 250
        bed.sink.wait(recipient, CAP)
    else:
        recipient = f"{next(_serial)}@-north-.example"
    had = len(bed.sink.messages(recipient))
    reports = len(bed.sink.messages(sender))
    data = letter(sender, recipient).replace(b"\r\n", b"\n")
    bed.hub.sendmail(data, sender, [recipient])
    if why != "malformed":
        bed.sink.wait(sender, reports + 1)
        assert len(bed.sink.messages(recipient)) == had
    assert_local_is_at_peace(bed)


def test_local_submission_to_many(bed):
    """Each of them is decided; who may not get it is reported."""
    sender, foe = "cron@example.com", person()
    friends = [person() for _ in range(5)]
    suppress(bed, foe)
    data = letter(sender, "all@example.com").replace(b"\r\n", b"\n")
    reports = len(bed.sink.messages(sender))
    bed.hub.sendmail(data, sender, [*friends, foe])
    for one in friends:
        assert signed(bed, bed.sink.wait(one)[0])
    report = bed.sink.wait(sender, reports + 1)[-1]
    assert foe.encode() in report.data
    assert bed.sink.messages(foe) == []
    assert_local_is_at_peace(bed)


def test_local_submission_again(bed, book):
    """sendmail(1) twice with one Message-ID: once to the person."""
    sender, recipient = "cron@example.com", person()
    data = letter(sender, recipient).replace(b"\r\n", b"\n")
    bed.hub.sendmail(data, sender, [recipient])
    bed.hub.sendmail(data, sender, [recipient])
    bed.sink.wait(recipient)
    wait_delivered(book, recipient)
    bed.hub.sendmail(data, sender, [recipient])
    assert_local_is_at_peace(bed)
    time.sleep(3)
    assert len(bed.sink.messages(recipient)) == 1
