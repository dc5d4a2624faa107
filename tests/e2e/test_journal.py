"""The systemd journal as the MTA's log: a folder of journal files that grows, is
rotated and vacuumed while the agent reads it, is killed, and starts again."""

import json
import pathlib
import subprocess
import time

import pytest

from bed import conf, journald, mail, proc, tendril
from ledger import Ledger

NEWS = "news@example.com"
MANY = 40
NOBODY_OF_OURS = 4711

if journald.REMOTE is None:
    pytest.skip("systemd-journal-remote is not installed",
                allow_module_level=True)


def in_journal(text):
    plain = text.text()
    old = f'file = "{text.maillog}"'
    assert plain.count(old) == 1
    text.journal = pathlib.Path(text.root) / "journal"
    text.text = lambda: plain.replace(old, f'file = "journal:{text.journal}"')


def skip_unless_built(build):
    program = tendril.program(build, "tendril-agent").read_bytes()
    if b"built without libsystemd" in program:
        pytest.skip("built without libsystemd")


def kind_of(name):
    if name == "files":
        return journald.Files
    if journald.DAEMON is None or not journald.can_be_alone():
        pytest.skip("systemd-journald cannot run here")
    return journald.Systemd


both = pytest.mark.parametrize("bed", ["files", "systemd"], indirect=True)


@pytest.fixture
def bed(request, build, make_bed):
    skip_unless_built(build)
    kind = kind_of(getattr(request, "param", "files"))
    made = make_bed(build, policy=conf.PolicyText(
        basis="legitimate-interest", segment_cap="2 per 7d"),
        tweak=in_journal)
    made.journald = kind(made.conf.journal, made.hub.maillog)
    made.journald.start()
    try:
        made.start_milter()
        made.start_agent()
        made.start_hub()
        made.ledger = Ledger(made)
        yield made
    finally:
        made.journald.stop()


def send(bed, to, number=1):
    data = mail.message(NEWS, to, f"Letter {number}",
                        fields=[("X-Tendril-Segment", "newsletter")],
                        message_id=f"<{number}.{to}>")
    sent = mail.submit(bed.ports["apps"], NEWS, [to], data)
    assert sent.final[0] == 250
    return sent


def states(bed):
    return {slot.address: slot.state for slot in bed.ledger.slots()}


def events(bed, kind):
    lines = bed.tendril.cli("journal", "--json", "--type", kind).stdout
    return [json.loads(line) for line in lines.splitlines()]


def warnings(bed, name):
    parsed = [tendril.parse_event(line)
              for line in bed.tendril.agent.log_text().splitlines()]
    return [event for event in parsed if event.get("event") == name]


def restart_killed(bed):
    bed.tendril.agent.kill()
    bed.start_agent()


@both
def test_each_once(bed):
    """Over rotation, vacuum of what was read, and kill -9."""
    people = [f"p{number}@north.example" for number in range(MANY)]
    bed.sink.script("p7@*", "550 5.1.1 no such user")
    for number, to in enumerate(people):
        send(bed, to)
        if number % 8 == 3:
            bed.journald.rotate()
        if number % 16 == 5:
            restart_killed(bed)
    bed.hub.wait_empty()
    want = {to: "delivered" for to in people}
    want["p7@north.example"] = "released"
    proc.wait_until(lambda: states(bed) == want, 30, "all decided")
    restart_killed(bed)
    bed.journald.vacuum()
    late = "late@north.example"
    send(bed, late)
    proc.wait_until(lambda: states(bed).get(late) == "delivered", 20, "late")
    assert warnings(bed, "mtalog.gap") == []
    assert len(events(bed, "slot_delivered")) == MANY
    assert [one["class"] for one in events(bed, "bounce")] == ["person"]
    bed.ledger.check()
    bed.tendril.stop()
    bed.ledger.rebuild()


@both
def test_forged(bed):
    """What somebody else wrote in Postfix's name counts for nothing."""
    to, other = "anna@north.example", "otto@north.example"
    bed.sink.script(to, "451 4.3.0 later")
    sent = send(bed, to)
    bed.hub.wait_log(f"to=<{to}>", "status=deferred")
    for number in range(3):
        bed.journald.write(
            "postfix/smtp", 100 + number,
            f"{sent.queue_id}: to=<{to}>, relay=127.0.0.1[127.0.0.1]:25, "
            "delay=0.1, delays=0.1/0/0/0, dsn=5.1.1, status=bounced "
            "(host 127.0.0.1 said: 550 5.1.1 no such user)", NOBODY_OF_OURS)
    send(bed, other)
    proc.wait_until(lambda: states(bed).get(other) == "delivered", 20, other)
    assert states(bed)[to] == "queued"
    assert events(bed, "bounce") == []
    told = warnings(bed, "mtalog.foreign")
    assert told[0]["uid"] == str(NOBODY_OF_OURS)
    assert told[0]["qid"] == sent.queue_id
    bed.sink.unscript(to)
    bed.hub.flush()
    proc.wait_until(lambda: states(bed)[to] == "delivered", 20, to)


def test_gap(bed):
    """Vacuumed before it was read: told, and what is not known counts."""
    known, lost = "known@north.example", "lost@north.example"
    send(bed, known)
    proc.wait_until(lambda: states(bed).get(known) == "delivered", 20, known)
    bed.tendril.agent.kill()
    sent = send(bed, lost)
    bed.hub.wait_log(f"{sent.queue_id}: removed")
    bed.journald.copy()
    bed.journald.rotate()
    bed.journald.vacuum()
    bed.start_agent()
    send(bed, known, 2)
    proc.wait_until(lambda: len(events(bed, "slot_delivered")) == 2, 20, known)
    assert "entry read last is gone" in warnings(bed, "mtalog.gap")[0]["why"]
    assert states(bed)[lost] == "proposed"
    begun = time.monotonic()
    bed.tendril.stop()
    assert time.monotonic() - begun < 5 * proc.PATIENCE
    bed.ledger.rebuild()


def test_no_journal(build, make_bed):
    """A folder that is not there, or a writer: the agent says so and ends."""
    skip_unless_built(build)
    bed = make_bed(build, tweak=in_journal)
    agent = pathlib.Path(build) / "tendril-agent"

    def refused():
        done = subprocess.run([agent, "--conf", bed.conf_file], timeout=60,
                              env=bed.tendril.env, capture_output=True,
                              encoding="utf-8", check=False)
        assert done.returncode not in (0, -6, -11)
        return done.stderr

    assert f"{bed.conf.journal}: No such file or directory" in refused()
    bed.conf.journal.mkdir()
    text = bed.conf_file.read_text()
    bed.conf_file.write_text(text.replace(
        "mta-log {", "mta-log {\n  journal-writers = {nosuchuser}"))
    assert "there is no user nosuchuser" in refused()
    found = bed.tendril.cli("check", check=False)
    assert found.returncode == 1
    assert "there is no user nosuchuser" in found.stdout + found.stderr
