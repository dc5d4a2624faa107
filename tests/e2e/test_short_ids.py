"""Postfix's short queue ids, which it uses again as soon as it is done with a
message: followed as long ones are, and what is said of the next message of that
id is not taken for the first one's."""

import re
import time

import pytest

from bed import conf, mail, proc
from ledger import Ledger

NEWS = "news@example.com"
LATER_S = 5  # after the lines of before, whose stamps have seconds only


@pytest.fixture
def bed(build, make_bed):
    made = make_bed(build, policy=conf.PolicyText(basis="legitimate-interest"),
                    main={"enable_long_queue_ids": "no"})
    made.start_milter()
    made.start_agent()
    made.start_hub()
    made.ledger = Ledger(made)
    return made


def send(bed, person):
    """The queue id."""
    data = mail.message(NEWS, person, "News", message_id=f"<1.{person}>",
                        fields=[("X-Tendril-Segment", "newsletter")])
    sent = mail.submit(bed.ports["apps"], NEWS, [person], data)
    assert sent.final[0] == 250
    assert re.fullmatch("[0-9A-F]{6,}", sent.queue_id)
    return sent.queue_id


def states(bed):
    return {slot.address: slot.state for slot in bed.ledger.slots()}


def wait_states(bed, **want):
    wanted = {f"{who}@north.example": state for who, state in want.items()}
    proc.wait_until(lambda: states(bed) == wanted, 20,
                    f"{wanted}, not {states(bed)}")


def used_again(bed, queue_id, person, end):
    """Another message of that id, as Postfix logs it: not one of ours."""
    stamp = time.strftime("%b %e %H:%M:%S",
                          time.localtime(time.time() + LATER_S))
    relay = "relay=mx.north.example[192.0.2.1]:25, delay=1, delays=1/0/0/0"
    with open(bed.hub.maillog, "a", encoding="ascii") as log:
        for words in (f"cleanup[1]: {queue_id}: message-id=<2.{person}>",
                      f"qmgr[2]: {queue_id}: from=<x@example.com>, size=300, "
                      "nrcpt=1 (queue active)",
                      f"smtp[3]: {queue_id}: to=<{person}>, {relay}, {end}",
                      f"qmgr[2]: {queue_id}: removed"):
            log.write(f"{stamp} mail postfix/{words}\n")


def suppressed(bed, person):
    return bed.tendril.cli("suppress", "check", person,
                           check=False).returncode == 0


def test_short_ids(bed):
    bed.sink.script("gone@*", "552 5.2.2 mailbox is full")
    first = send(bed, "anna@north.example")
    second = send(bed, "gone@north.example")
    wait_states(bed, anna="delivered", gone="released")
    bed.hub.wait_empty()
    used_again(bed, first, "anna@north.example",
               "dsn=5.1.1, status=bounced (host mx.north.example[192.0.2.1] "
               "said: 550 5.1.1 no such user (in reply to RCPT TO command))")
    used_again(bed, second, "gone@north.example",
               "dsn=2.0.0, status=sent (250 2.0.0 Ok)")
    last = send(bed, "last@north.example")
    assert last not in (first, second)
    wait_states(bed, anna="delivered", gone="released", last="delivered")
    assert not suppressed(bed, "anna@north.example")
    bed.ledger.check()
    bed.tendril.stop()
    bed.ledger.rebuild()
