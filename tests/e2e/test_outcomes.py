"""/v1/outcomes, where no log of an MTA is followed: a message counts as
delivered when it is accepted, until an application tells what became of it."""

import json
import os
import pathlib
import signal

import pytest

from bed import mail, proc, web
from ledger import Ledger

NEWS = "news@example.com"
POLICY = """\
segment newsletter {
  purpose     = newsletter
  legal-basis = legitimate-interest
  at-most     = "1 per 7d"
  when-full   = %s
}
"""


class Policy:
    def __init__(self, when_full):
        self.when_full = when_full

    def text(self):
        return POLICY % self.when_full


def without_log(conf):
    text = conf.text()
    start = text.index("mta-log {")
    end = text.index("}", start) + 1
    conf.text = lambda: text[:start] + text[end:]


@pytest.fixture
def make(build, make_bed):
    def start(when_full):
        bed = make_bed(build, policy=Policy(when_full), tweak=without_log)
        bed.start_milter()
        bed.start_agent()
        bed.start_hub()
        return bed
    return start


def send(bed, to, number):
    data = mail.message(NEWS, to, f"Letter {number}",
                        fields=[("X-Tendril-Segment", "newsletter")],
                        message_id=f"<{number}.{to}>")
    return mail.submit(bed.ports["apps"], NEWS, [to], data)


def tell(bed, sent, to, outcome, **more):
    reply = web.Api(bed.conf.api).call("POST", "/v1/outcomes", outcomes=[
        {"queue_id": sent.queue_id, "recipient": to, "outcome": outcome,
         **more}])
    return reply["results"][0]["result"]


def journal(bed, kind):
    lines = bed.tendril.cli("journal", "--json", "--type", kind).stdout
    return [json.loads(line) for line in lines.splitlines()]


def reason(bed, to):
    done = bed.tendril.cli("explain", to, "newsletter", "--json", check=False)
    return json.loads(done.stdout)["reason"]


def test_what_is_told_counts(make):
    bed = make("reject")
    full, gone = "full@north.example", "gone@north.example"
    first = send(bed, full, 1)
    assert first.final[0] == 250
    assert send(bed, full, 2).final[0] == 550
    assert tell(bed, first, full, "bounced", status="5.2.2",
                diagnostic="552 5.2.2 mailbox full") == "changed"
    assert tell(bed, first, full, "bounced", status="5.2.2",
                diagnostic="552 5.2.2 mailbox full") == "unchanged"
    third = send(bed, full, 3)
    assert third.final[0] == 250
    assert tell(bed, third, full, "delivered") == "changed"
    assert tell(bed, third, full, "removed") == "unchanged"
    assert send(bed, full, 4).final[0] == 550

    sent = send(bed, gone, 1)
    assert tell(bed, sent, gone, "bounced", status="5.1.1",
                diagnostic="550 5.1.1 no such user") == "changed"
    assert reason(bed, gone) == "suppressed"
    assert [(one["by"], one["class"]) for one in journal(bed, "bounce")] == [
        ("api", "mailbox"), ("api", "person")]
    Ledger(bed).check()
    bed.tendril.stop()
    Ledger(bed).rebuild()


def test_who_waits_is_woken(make):
    bed = make('"hold 10d, then bounce"')
    to = "ann@north.example"
    first = send(bed, to, 1)
    bed.sink.wait(to)
    assert send(bed, to, 2).final[0] == 250
    assert proc.stays(lambda: len(bed.sink.messages(to)) == 1, 2)
    assert tell(bed, first, to, "expired") == "changed"
    bed.sink.wait(to, count=2, timeout_s=10)


STORK = {"status": "5.0.0", "diagnostic": "550 the stork was here"}


def test_own_rules(build, make_bed):
    """What a bounce means, by a file that the agent reads at a reload."""
    rules = []

    def tweak(conf):
        without_log(conf)
        text = conf.text()
        rules.append(pathlib.Path(conf.api).parent / "own.rules")
        rules[0].write_text("# none yet\n")
        conf.text = lambda: text.replace(
            "agent {", f'agent {{ bounce-rules = "{rules[0]}"', 1)

    def reload(event):
        before = bed.tendril.agent.log_text().count(event)
        bed.tendril.agent.signal(signal.SIGUSR1)
        proc.wait_until(
            lambda: bed.tendril.agent.log_text().count(event) > before,
            10, event)

    bed = make_bed(build, policy=Policy("reject"), tweak=tweak)
    bed.start_milter()
    bed.start_agent()
    bed.start_hub()
    first, second, third = (f"{who}@north.example" for who in "abc")
    sent = send(bed, first, 1)
    assert tell(bed, sent, first, "bounced", **STORK) == "changed"
    rules[0].write_text("[mailbox_moved]\nthe stork\n")
    reload("event=reloaded")
    sent = send(bed, second, 1)
    assert tell(bed, sent, second, "bounced", **STORK) == "changed"
    assert reason(bed, second) == "suppressed"
    rules[0].write_text("[mailbox_movd]\nthe stork\n")
    reload("event=reload.refused")
    assert f"{rules[0]}:1: unknown reason" in bed.tendril.agent.log_text()
    sent = send(bed, third, 1)
    assert tell(bed, sent, third, "bounced", **STORK) == "changed"
    assert reason(bed, third) == "suppressed"
    assert [one["class"] for one in journal(bed, "bounce")] == [
        "other", "person", "person"]
    assert reason(bed, first) != "suppressed"


def test_more_recipients_than_decided(build, make_bed):
    """always_bcc adds one behind our back: the log tells, nothing else comes of
    it."""
    bed = make_bed(build, policy=Policy("reject"),
                   main={"always_bcc": "archive@north.example"})
    bed.start_milter()
    bed.start_agent()
    bed.start_hub()
    to = "one@north.example"
    sent = send(bed, to, 1)
    assert sent.final[0] == 250
    event = proc.wait_until(lambda: journal(bed, "more_recipients"), 20,
                            "the alarm")[-1]
    assert (event["queue_id"], event["decided"], event["recipients"]) == (
        sent.queue_id, 1, 2)
    assert "event=mtalog.more_recipients" in bed.tendril.agent.log_text()
    bed.sink.wait(to)
    bed.sink.wait("archive@north.example")
    assert 'tendril_queue_total{action="more_recipients",reason="",' \
        'segment="newsletter"} 1' in web.Api(bed.conf.api).metrics()
    assert len(proc.wait_until(lambda: journal(bed, "slot_delivered"), 20,
                               "a delivery")) == 1
    bed.hub.wait_empty()
    again = json.loads(bed.tendril.cli("mtalog", "import", "--json",
                                       bed.hub.maillog).stdout)
    assert again["more_recipients"] == again["changed"] == 0
    assert len(journal(bed, "more_recipients")) == 1


def with_end(text, first):
    """The log, its session's end before the queue manager's line, or behind all
    else."""
    lines = text.splitlines(keepends=True)
    ends = [line for line in lines
            if "disconnect from" in line and "data=1" in line]
    assert ends
    lines = [line for line in lines if line not in ends]
    at = next(at for at, line in enumerate(lines) if "(queue active)" in line)
    at = at if first else len(lines)
    return "".join(lines[:at] + ends + lines[at:])


@pytest.mark.parametrize("end_is_first", (False, True))
def test_more_recipients_in_an_import(build, make_bed, end_is_first):
    """The agent was away, and the log is gone when it comes back: the import
    raises the alarm, once."""
    bed = make_bed(build, policy=Policy("reject"),
                   main={"always_bcc": "archive@north.example"})
    bed.start_milter()
    bed.start_agent()
    bed.start_hub()
    bed.tendril.agent.stop()
    to = "two@north.example"
    assert send(bed, to, 1).final[0] == 250
    bed.sink.wait("archive@north.example")
    bed.hub.wait_empty()
    bed.hub.wait_log("removed")
    old = bed.root / "old.log"
    old.write_text(with_end(bed.hub.log_text(), end_is_first))
    os.truncate(bed.hub.maillog, 0)
    bed.start_agent()
    for words, want, there in ((["--dry-run"], 1, 0), ([], 1, 1), ([], 0, 1)):
        told = json.loads(bed.tendril.cli("mtalog", "import", "--json",
                                          *words, old).stdout)
        assert told["more_recipients"] == want
        assert len(journal(bed, "more_recipients")) == there
