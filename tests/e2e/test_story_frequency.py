"""Three weeks of mail by three applications to four people in two companies and
two time zones, through a real Postfix: how often people are written to, as a
person would expect it who reads the policy.

The clock is libfaketime's (bed/faketime.py), also for Postfix. It is March 2027:
Good Friday is the 26th; Central Europe's clocks go forward on the 28th, New
York's went on the 14th. Ada and Ben work at North, in Berlin; Cleo and Dan at
South, in New York. Times below are Berlin's.

What the outside received is compared after each step, and between the steps
nothing may come: a message that is due at 8:00 must not be there at 7:59.
"""

import datetime
import json
import zoneinfo

import pytest

from bed import bed as beds
from bed import faketime, judge, mail, proc
from ledger import Ledger

BERLIN = zoneinfo.ZoneInfo("Europe/Berlin")
NEW_YORK = "America/New_York"
ADA, BEN = "ada@north.example", "ben@north.example"
CLEO, DAN = "cleo@south.example", "dan@south.example"
PEOPLE = (ADA, BEN, CLEO, DAN)
# The applications: the newsletter tool, the webinar tool, the CRM.
NEWS, EVENTS, CRM = "news@example.com", "events@example.com", "crm@example.com"
SENDERS = {"newsletter": NEWS, "webinar": EVENTS, "demo-followup": CRM}

POLICY = """\
time-zone = "Europe/Berlin"
order     = {{demo-followup, webinar, newsletter}}

person {{
  at-most = "{week} per week"
  apart   = 20h
}}

company {{ at-most-people = "1 per day" }}

holidays de {{ days = {{"2027-03-26 Good Friday", "2027-03-29 Easter Monday"}} }}

segment demo-followup {{
  purpose     = sales
  legal-basis = legitimate-interest
  when-full   = "hold 5d, then bounce"
}}

segment webinar {{
  purpose     = events
  legal-basis = legitimate-interest
  when-full   = "hold 1d, then bounce"
  yield       = "1d to {{demo-followup}}"
}}

segment newsletter {{
  purpose     = newsletter
  legal-basis = legitimate-interest
  send-on     = "mon-fri {opens}-18:00"
  holidays    = de
  when-full   = "hold 7d, then drop"
  when-closed = "hold 7d, then drop"
}}
"""
FIRST = POLICY.format(week=2, opens="08:00")
# From Good Friday on: one a week, which is less than some have had by then,
# and an hour later.
SECOND = POLICY.format(week=1, opens="09:00")


class Text:
    def text(self):
        return FIRST


def berlin(month, day, hour, minute=0, second=0):
    return datetime.datetime(2027, month, day, hour, minute, second,
                             tzinfo=BERLIN)


def utc(instant):
    return instant.astimezone(datetime.timezone.utc).strftime(
        "%Y-%m-%dT%H:%M:%S")


class Story:
    """The bed, its clock, and what must have arrived by now."""

    def __init__(self, bed, clock):
        self.bed = bed
        self.clock = clock
        self.expected = {person: [] for person in PEOPLE}
        self.ledger = Ledger(bed)
        self._serial = 0

    # --- what happens ---

    def at(self, *when):
        """It is now so late, and so far all is as it should be."""
        self.settle()
        self.clock.set(berlin(*when))

    def send(self, segment, person, subject):
        """An application hands in a message; the MTA's answer."""
        self._serial += 1
        data = mail.message(
            SENDERS[segment], person, subject,
            fields=[("X-Tendril-Segment", segment)],
            message_id=f"<{self._serial}@{segment}.example.com>")
        return mail.submit(self.bed.ports["apps"], SENDERS[segment], [person],
                           data)

    def accepted(self, segment, person, subject):
        sent = self.send(segment, person, subject)
        assert sent.final[0] == 250, sent

    def apply(self, text, *options):
        path = self.bed.root / "next.policy"
        path.write_text(text)
        return self.bed.tendril.cli("policy", "apply", str(path), "--reason",
                                    "story", *options).stdout

    # --- what must be seen ---

    def arrived(self):
        return {person: [judge.values(one.data, "Subject")[0]
                         for one in self.bed.sink.messages(person)]
                for person in PEOPLE}

    def comes(self, person, *subjects):
        """These come now, in this order, and nothing else does."""
        self.expected[person] += subjects
        try:
            self.bed.sink.wait(person, len(self.expected[person]))
        except proc.BedError as error:
            raise AssertionError(
                f"{error}\n{self.bed.tendril.cli('hold', 'list').stdout}\n"
                f"{self.bed.tendril.agent.log_tail(40)}") from None
        self.settle()

    def nothing_comes(self, seconds=2.5):
        """The agent looks every second."""
        assert proc.stays(lambda: self.arrived() == self.expected, seconds), \
            self.arrived()

    def settle(self):
        """The log has told of all that left, and nothing else left."""
        self.ledger.wait_settled()
        assert self.arrived() == self.expected

    def not_before(self, *when):
        """Nothing half a minute before; then it is that time."""
        self.settle()
        self.clock.set(berlin(*when) - datetime.timedelta(seconds=30))
        self.nothing_comes()
        self.clock.set(berlin(*when))

    def holds(self):
        """What waits: (person, subject's segment, due, reason)."""
        lines = self.bed.tendril.cli("hold", "list", "--json").stdout
        return [json.loads(line) for line in lines.splitlines()]

    def held(self, person, segment, reason, due=None):
        """Waits for that reason, and until then."""
        def found():
            return [one for one in self.holds()
                    if one["address"] == person and one["segment"] == segment
                    and one["reason"] == reason
                    and (due is None or one["due"][:16] == utc(due)[:16])]
        try:
            return proc.wait_until(found, 5, "a hold")[0]
        except proc.BedError:
            raise AssertionError(
                f"{person}, {segment}: not held for {reason} until "
                f"{due and utc(due)}:\n" + "\n".join(
                    map(str, self.holds()))) from None

    def shown(self, row):
        """What would be decided of a held message now."""
        return json.loads(self.bed.tendril.cli(
            "hold", "show", row["id"], "--json").stdout)["now"]

    def explain(self, person, segment):
        """What an application would be told now."""
        return json.loads(self.bed.tendril.cli(
            "explain", person, segment, "--json", check=False).stdout)


@pytest.fixture
def story(build, make_bed):
    root = beds.make_root()
    clock = faketime.Clock(root / "clock", berlin(3, 15, 8, 55))
    bed = make_bed(build, root=root, policy=Text(), main={
        "import_environment": clock.import_environment})
    bed.tendril.env.update(clock.env)
    bed.start_milter()
    bed.start_agent()
    bed.start_hub()
    for person in (CLEO, DAN):
        bed.tendril.cli("lead", "set", person, f"time-zone={NEW_YORK}")
    return Story(bed, clock)


def test_three_weeks(story):
    first_week(story)
    second_week(story)
    easter(story)
    third_week(story)
    assert story.holds() == []
    story.bed.hub.wait_empty()
    assert story.ledger.check() > 0
    story.bed.tendril.stop()
    story.ledger.rebuild()


def first_week(story):
    """Monday: a newsletter to all. One person of a company a day; and it is
    four in the morning in New York."""
    story.at(3, 15, 9)
    for person in PEOPLE:
        story.accepted("newsletter", person, "March")
    story.comes(ADA, "March")
    story.held(BEN, "newsletter", "company_cap", berlin(3, 16, 8))
    story.held(CLEO, "newsletter", "closed", berlin(3, 15, 13))
    story.not_before(3, 15, 13)
    story.comes(CLEO, "March")  # the older one; Dan is tomorrow's
    story.held(DAN, "newsletter", "company_cap", berlin(3, 16, 13))
    story.not_before(3, 16, 8)
    story.comes(BEN, "March")

    # Tuesday was Ben's day. What is for Ada waits; the follow-up of the demo
    # came last and goes first, and is her second of this week.
    story.at(3, 16, 10)
    story.accepted("newsletter", ADA, "Special")
    story.held(ADA, "newsletter", "company_cap", berlin(3, 17, 8))
    story.not_before(3, 16, 13)
    story.comes(DAN, "March")
    story.at(3, 16, 15)
    story.accepted("demo-followup", ADA, "Your demo")
    story.held(ADA, "demo-followup", "company_cap", berlin(3, 17, 0))
    story.not_before(3, 17, 0)
    story.comes(ADA, "Your demo")
    story.at(3, 17, 8, 30)
    story.nothing_comes()
    story.held(ADA, "newsletter", "person_cap", berlin(3, 22, 8))
    told = story.explain(ADA, "newsletter")
    assert told["verdict"] == "hold" and told["reason"] == "person_cap"
    assert told["rule"] == 'at-most = "2 per week"'
    story.not_before(3, 22, 8)
    story.comes(ADA, "Special")


def second_week(story):
    """A webinar keeps quiet for a day after a demo follow-up; a bounce makes
    room at once; what cannot go in time goes back to who sent it."""
    story.at(3, 23, 9)
    story.accepted("demo-followup", BEN, "Your demo")
    story.comes(BEN, "Your demo")
    story.at(3, 23, 10)
    story.accepted("webinar", BEN, "Webinar")
    waits = story.held(BEN, "webinar", "person_cap")
    assert waits["due"][:16] == utc(berlin(3, 24, 9))[:16], "apart, then yield"

    # Cleo's server puts a newsletter off: it counts, and so the follow-up of
    # Wednesday waits, until it is known that the newsletter never arrived.
    story.at(3, 23, 15)
    story.bed.sink.script(CLEO, "451 4.3.0 Later")
    story.accepted("newsletter", CLEO, "Late")
    proc.wait_until(lambda: story.bed.sink.attempts(CLEO) >= 3, 10, "a try")
    story.clock.set(berlin(3, 24, 8, 59, 30))
    story.nothing_comes()
    story.clock.set(berlin(3, 24, 9, 0, 30))
    story.bed.sink.wait(BEN, 3)
    story.expected[BEN] += ["Webinar"]
    story.clock.set(berlin(3, 24, 10))
    story.accepted("webinar", ADA, "Too late")
    story.held(ADA, "webinar", "company_cap", berlin(3, 25, 0))
    story.clock.set(berlin(3, 24, 15))
    story.accepted("demo-followup", CLEO, "Your demo")
    story.held(CLEO, "demo-followup", "person_cap")
    story.nothing_comes()
    story.bed.sink.unscript(CLEO)
    story.bed.sink.script(CLEO, "550 5.2.2 Mailbox full", times=1)
    story.bed.hub.flush()
    story.comes(CLEO, "Your demo")

    # Thursday is Ada's day, but the follow-up takes it; 20 hours after that
    # the invitation would be older than a day. It goes back at once.
    story.at(3, 24, 16)
    story.accepted("demo-followup", ADA, "One more demo")
    story.not_before(3, 25, 0)
    story.comes(ADA, "One more demo")
    report, = story.bed.sink.wait(EVENTS)
    text = report.data.decode()
    assert report.sender == "" and "Too late" in text
    assert f"Final-Recipient: rfc822;{ADA}" in text
    assert "Status: 5.4.7" in text


def easter(story):
    """The same minute: Berlin has closed, New York is at work. Good Friday,
    the week-end and Easter Monday are no days for a newsletter."""
    story.at(3, 25, 19)
    story.accepted("newsletter", ADA, "Easter")
    story.accepted("newsletter", DAN, "Easter")
    story.comes(DAN, "Easter")
    story.held(ADA, "newsletter", "person_cap", berlin(3, 30, 8))

    # Another policy while Ada's waits: fewer a week than she has had, and an
    # hour later.
    story.at(3, 26, 12)
    told = story.apply(SECOND)
    assert "each person may now get one instead of two a calendar week" in told
    assert "newsletter is now sent mon-fri 09:00-18:00 only" in told
    waits = story.held(ADA, "newsletter", "person_cap")
    assert story.shown(waits)["earliest"][:16] == utc(berlin(3, 30, 9))[:16]
    told = story.explain(ADA, "demo-followup")
    assert told["earliest"].startswith(utc(berlin(3, 29, 0)))

    # The night in which an hour is missing: Monday begins at 22:00 UTC.
    story.at(3, 28, 22)
    story.accepted("demo-followup", BEN, "After Easter")
    story.held(BEN, "demo-followup", "person_cap", berlin(3, 29, 0))
    assert utc(berlin(3, 29, 0)) == "2027-03-28T22:00:00"
    story.not_before(3, 29, 0)
    story.comes(BEN, "After Easter")


def third_week(story):
    """One a week now. A refusal is said at once where waiting is no use."""
    story.at(3, 29, 15)
    story.accepted("newsletter", CLEO, "Spring")
    story.held(CLEO, "newsletter", "closed", berlin(3, 30, 15))
    story.at(3, 30, 8, 1)  # when it would have gone by the first policy
    story.nothing_comes()
    story.held(ADA, "newsletter", "closed", berlin(3, 30, 9))
    story.not_before(3, 30, 9)
    story.comes(ADA, "Easter")
    story.not_before(3, 30, 15)  # nine in New York
    story.comes(CLEO, "Spring")
    story.at(3, 31, 10)
    story.accepted("webinar", DAN, "Webinar")
    story.comes(DAN, "Webinar")
    story.at(4, 1, 10)
    sent = story.send("webinar", DAN, "Another webinar")
    new_week = berlin(4, 5, 6)  # Monday begins in New York
    assert sent.final[0] == 550 and utc(new_week) in sent.final[1], sent
    story.at(4, 5, 6, 1)
    story.accepted("webinar", DAN, "Another webinar")
    story.comes(DAN, "Another webinar")
