"""A provider whose directory is down says "no such user" of everybody: people
are given up for the time being, those too who failed before it was noticed, and
it stays so through kill -9."""

import json
import time

import pytest

from bed import mail, proc

NEWS = "news@example.com"
RULES = """\
segment newsletter { purpose = newsletter legal-basis = legitimate-interest }
segment patient { purpose = patience legal-basis = legitimate-interest
  user-unknown = "2 over 2s" }
breaker { mode = off }
"""
BEFORE = 19  # failures that are none yet; one more is a spike


class Policy:
    def text(self):
        return RULES


@pytest.fixture
def bed(build, make_bed):
    bed = make_bed(build, policy=Policy())
    bed.start_milter()
    bed.start_agent()
    bed.start_hub()
    return bed


def fail(bed, person, segment="newsletter", number=1):
    bed.sink.script(person, "550 5.1.1 No such user here")
    data = mail.message(NEWS, person, "News", fields=(
        ("X-Tendril-Segment", segment),), message_id=f"<{number}.{person}>")
    assert mail.submit(bed.ports["apps"], NEWS, [person], data).final[0] == 250


def shown(bed, person):
    done = bed.tendril.cli("suppress", "show", person, "--json", check=False)
    return json.loads(done.stdout)


def row(bed, person):
    rows = shown(bed, person)["suppressions"]
    return rows[0] if rows else None


def journal(bed, kind):
    text = bed.tendril.cli("journal", "--json", "--type", kind).stdout
    return [json.loads(line) for line in text.splitlines()]


def test_who_failed_before_it_was_seen(bed):
    people = [f"p{n}@north.example" for n in range(BEFORE + 2)]
    for person in people[:BEFORE]:
        fail(bed, person)
    for person in people[:BEFORE]:
        proc.wait_until(lambda: row(bed, person), 30, f"{person} given up")
    assert all(row(bed, person)["until"] is None for person in people[:BEFORE])
    bed.tendril.cli("suppress", "remove", people[1], "--note", "known to me")
    bed.tendril.cli("suppress", "add", people[1], "--note", "no more")
    bed.tendril.agent.kill()
    fail(bed, people[BEFORE])
    bed.start_agent()
    last = proc.wait_until(lambda: row(bed, people[BEFORE]), 30, "a spike")
    assert last["provisional"]
    for person in people[:BEFORE]:
        now = row(bed, person)
        if person == people[1]:
            assert now["until"] is None and now["reason"] == "manual", now
            continue
        assert now["provisional"], (person, now)
        assert now["since"] <= last["since"]
        assert now["until"][11:] == now["since"][11:]  # counted from there
        assert now["evidence"]["status"] == "5.1.1"
        assert now["sent"]["segment"] == "newsletter"
    told = bed.tendril.agent.log_text()
    assert f"earlier={BEFORE - 1}" in told
    assert f"event=feedback.spike_earlier provider=north.example " \
        f"count={BEFORE - 1}" in told
    spike, = journal(bed, "spike")
    assert spike["provider"] == "north.example"
    assert spike["provisional"] == BEFORE - 1
    history = [event for event in shown(bed, people[0])["events"]
               if event["type"] == "suppressed"]
    assert [bool(event.get("until")) for event in history] in (
        [False, True], [True, False])
    text = bed.tendril.cli("suppress", "show", people[0]).stdout
    assert "provisional, another failure decides" in text
    assert "No such user" in text
    bed.tendril.agent.kill()
    bed.start_agent()
    assert row(bed, people[0])["provisional"]
    fail(bed, people[BEFORE + 1])
    proc.wait_until(lambda: row(bed, people[BEFORE + 1]), 30, "another")
    assert len(journal(bed, "spike")) == 1
    undo = bed.tendril.cli(
        "suppress", "undo", "--reason", "user_unknown", "--provider",
        "north.example", "--since", "1h", "--note", "their outage").stdout
    assert undo.startswith(f"{BEFORE + 1} undone"), undo


def test_a_patient_segment(bed):
    """Two failures in a row give up, where the policy's segment says so."""
    person, other = "slow@south.example", "fast@south.example"
    fail(bed, other)
    proc.wait_until(lambda: row(bed, other), 30, "at once by default")
    fail(bed, person, "patient")
    proc.wait_until(lambda: len(journal(bed, "bounce")) == 2, 30, "a bounce")
    assert row(bed, person) is None
    time.sleep(3.1)  # more than 2 s, of a log in whole seconds
    fail(bed, person, "patient", 2)
    proc.wait_until(lambda: row(bed, person), 30, "given up")
    path = bed.root / "other.policy"
    path.write_text(RULES.replace("2 over 2s", "never"))
    told = bed.tendril.cli("policy", "diff", str(path)).stdout
    assert "people whose mailbox does not exist are now given up never; " \
        "before, after two failures in a row" in " ".join(told.split()), told
    path.write_text(RULES.replace("2 over 2s", "twice"))
    done = bed.tendril.cli("policy", "check", str(path), check=False)
    assert done.returncode != 0
    assert f'{path}:3: user-unknown = "twice"' in done.stdout + done.stderr
