"""Everything is sent in the evening and waits for 08:00:00: three hundred people
with two letters each, a limit by the calendar, and a clock that is set."""

import collections
import datetime
import json
import random
import zoneinfo

import pytest

import load
from bed import bed as beds
from bed import conf, faketime, judge, proc
from ledger import Ledger

BERLIN = zoneinfo.ZoneInfo("Europe/Berlin")
PEOPLE = [f"p{number}@north.example" for number in range(300)]
POLICY = """\
time-zone = "Europe/Berlin"
person { at-most = "1 per day" }
segment newsletter {
  purpose     = newsletter
  legal-basis = legitimate-interest
  send-on     = "mon-fri 08:00-18:00"
  when-full   = "hold 7d, then drop"
  when-closed = "hold 7d, then drop"
}
"""


def berlin(day, hour, minute=0, second=0):
    return datetime.datetime(2027, 3, day, hour, minute, second, tzinfo=BERLIN)


@pytest.fixture
def evening(build, make_bed):
    """(bed, clock): Monday, ten in the evening."""
    root = beds.make_root()
    clock = faketime.Clock(root / "clock", berlin(15, 22))
    bed = make_bed(build, root=root, policy=conf.Fixed(POLICY), main={
        "import_environment": clock.import_environment})
    bed.tendril.env.update(clock.env)
    bed.start_milter()
    bed.start_agent()
    bed.start_hub()
    return bed, clock


def holds(bed):
    lines = bed.tendril.cli("hold", "list", "--json").stdout.splitlines()
    return [json.loads(line) for line in lines]


def morning(bed, clock, day, sent):
    """Three seconds before eight, and then it is eight: one for each."""
    clock.set(berlin(day, 7, 59, 57))
    ahead = clock.now() - datetime.datetime.now(datetime.timezone.utc)
    fresh = bed.sink.wait(count=sent + len(PEOPLE), timeout_s=90)[sent:]
    Ledger(bed).wait_settled(60)
    assert proc.stays(lambda: len(bed.sink.messages()) == sent + len(PEOPLE),
                      2)
    first = datetime.datetime.fromtimestamp(
        min(one.time for one in fresh), datetime.timezone.utc) + ahead
    assert first >= berlin(day, 8), f"at {first}"
    assert collections.Counter(one.recipients for one in fresh) == \
        {(who,): 1 for who in PEOPLE}


def test_not_a_second_early(evening):
    bed, clock = evening
    work = load.Load(bed.ports["apps"], [
        load.newsletter(number, who)
        for number, who in enumerate(PEOPLE + PEOPLE)], random.Random(8))
    work.run(150)
    assert work.counts[250] == 2 * len(PEOPLE)
    assert len(holds(bed)) == 2 * len(PEOPLE)
    assert bed.sink.messages() == []
    morning(bed, clock, 16, 0)
    left = holds(bed)
    assert len(left) == len(PEOPLE)
    assert {row["reason"] for row in left} == {"person_cap"}
    morning(bed, clock, 17, len(PEOPLE))
    assert holds(bed) == []
    bed.hub.wait_empty()
    got = collections.Counter(judge.values(one.data, "Message-ID")[0]
                              for one in bed.sink.messages())
    assert got == {job.message_id: 1 for job in work.jobs}
    Ledger(bed).check()
    bed.tendril.stop()
    Ledger(bed).rebuild()
