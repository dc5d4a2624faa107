"""A content filter behind the milter: the MTA's log says "sent" of what only
went to the next listener. Two of them, one behind the other, are listeners of
the same Postfix, as a filter that hands back would be."""

import json

import pytest

from bed import conf, mail, postfix, proc
from ledger import Ledger

NEWS = "news@example.com"
MANY = 40


@pytest.fixture
def bed(build, make_bed):
    first, second = proc.free_ports(2)

    def tweak(text):
        plain = text.text()
        relays = f'"127.0.0.1:{first}", "127.0.0.1:{second}"'
        assert plain.count("mta-log {") == 1
        text.text = lambda: plain.replace(
            "mta-log {", f"mta-log {{\n  handoff-relays = {{{relays}}}")

    made = make_bed(build, policy=conf.PolicyText(
        basis="legitimate-interest", segment_cap="2 per 7d"), tweak=tweak)
    services = made.hub.services
    services["apps"].options["content_filter"] = f"smtp:[127.0.0.1]:{first}"
    services["first"] = postfix.Service(
        "first", first, content_filter=f"smtp:[127.0.0.1]:{second}")
    services["second"] = postfix.Service("second", second)
    made.start_milter()
    made.start_agent()
    made.start_hub()
    made.ledger = Ledger(made)
    return made


def send(bed, to, number=1):
    data = mail.message(NEWS, to, f"Letter {number}",
                        fields=[("X-Tendril-Segment", "newsletter")],
                        message_id=f"<{number}.{to}>")
    sent = mail.submit(bed.ports["apps"], NEWS, [to], data)
    assert sent.final[0] == 250
    return sent


def state(bed, to):
    return [slot.state for slot in bed.ledger.slots() if slot.address == to]


def wait_state(bed, to, *want):
    proc.wait_until(lambda: state(bed, to) == list(want), 20,
                    f"{to}: {want}, not {state(bed, to)}")


def journal(bed, kind):
    lines = bed.tendril.cli("journal", "--json", "--type", kind).stdout
    return [json.loads(line) for line in lines.splitlines()]


def test_the_last_server_decides(bed):
    """Also while the agent is killed between the hops."""
    late, gone = "late@north.example", "gone@north.example"
    bed.sink.script(late, "451 4.3.0 later")
    bed.sink.script(gone, "550 5.1.1 no such user")
    sent = send(bed, late)
    send(bed, gone)
    wait_state(bed, gone, "released")
    bed.hub.wait_log(f"to=<{late}>", "status=deferred")
    proc.wait_until(lambda: len(journal(bed, "slot_moved")) == 4, 20, "hops")
    assert state(bed, late) == ["queued"]
    hops = [one for one in journal(bed, "slot_moved")
            if one["message"] == hops_message(bed, sent)]
    assert hops[0]["from"] == sent.queue_id
    assert hops[1]["from"] == hops[0]["queue_id"]

    bed.tendril.agent.kill()
    bed.sink.unscript(late)
    bed.hub.flush()
    bed.sink.wait(late)
    bed.hub.wait_empty()
    bed.start_agent()
    wait_state(bed, late, "delivered")
    done = journal(bed, "slot_delivered")
    assert len(done) == 1
    assert done[0]["relay"].endswith(f":{bed.sink.port}")
    assert [one["class"] for one in journal(bed, "bounce")] == ["person"]
    bed.ledger.check()
    bed.tendril.stop()
    bed.ledger.rebuild()


def hops_message(bed, sent):
    first = [one for one in journal(bed, "slot_moved")
             if one["from"] == sent.queue_id]
    assert len(first) == 1
    return first[0]["message"]


def test_many(bed):
    """Whatever order the lines of many come in, and while the agent ends."""
    people = [f"p{number}@north.example" for number in range(MANY)]
    bed.sink.script("p7@*", "550 5.1.1 no such user")
    for number, to in enumerate(people):
        send(bed, to)
        if number == MANY // 2:
            bed.tendril.agent.kill()
            bed.start_agent()
    bed.hub.wait_empty()
    want = {to: "delivered" for to in people}
    want["p7@north.example"] = "released"
    proc.wait_until(lambda: {slot.address: slot.state
                             for slot in bed.ledger.slots()} == want,
                    30, "all decided")
    assert len(journal(bed, "slot_moved")) == 2 * MANY
    bed.ledger.check()


def test_older_logs(bed):
    """tendril mtalog import follows them, too."""
    bed.tendril.agent.kill()
    to = "old@north.example"
    send(bed, to)
    bed.sink.wait(to)
    bed.hub.wait_empty()
    old = bed.root / "old.log"
    old.write_text(bed.hub.log_text())
    bed.hub.maillog.write_text("")  # what the agent has yet to read is lost
    bed.start_agent()
    assert state(bed, to) == ["proposed"]
    bed.tendril.cli("mtalog", "import", old)
    assert state(bed, to) == ["delivered"]
    assert len(journal(bed, "slot_moved")) == 2
    bed.tendril.cli("mtalog", "import", old)
    assert len(journal(bed, "slot_moved")) == 2
