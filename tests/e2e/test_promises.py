"""What people are promised: nobody's address is readable in the ledger, no
Bcc reaches others, an opt-out that was confirmed is kept, and in shadow mode
nothing is touched."""

import http.client
import urllib.parse

import pytest

from bed import conf, judge, mail, proc, web

NEWS = "news@example.com"
ONE_CLICK = "List-Unsubscribe=One-Click"
FREE = conf.PolicyText(person_cap="100 per 7d", segment_cap="100 per 7d")
_serial = iter(range(10 ** 9))


def letter(recipients, *fields):
    number = next(_serial)
    return mail.message(
        NEWS, ", ".join(recipients), f"Letter {number}",
        message_id=f"<{number}.promise@app.example.com>",
        fields=[("X-Tendril-Segment", "newsletter"), *fields])


def submit(bed, recipients, data=None):
    return mail.submit(bed.ports["apps"], NEWS, recipients,
                       data or letter(recipients)).final


def subscribe(bed, person, *words):
    bed.tendril.cli("consent", "grant", person, "newsletter", *words)


def start_whole(bed):
    bed.start_milter()
    bed.start_agent()
    bed.start_hub()
    return bed


def link_of(message):
    (link,), _ = judge.unsubscribe_uris(message.data)
    return link


def click_from(bed, source, link):
    """One click by a provider at another address of this host."""
    connection = http.client.HTTPConnection(
        "127.0.0.1", bed.ports["web"], timeout=80, source_address=(source, 0))
    connection.request("POST", urllib.parse.urlsplit(link).path, ONE_CLICK, {
        "Content-Type": "application/x-www-form-urlencoded"})
    status = connection.getresponse().status
    connection.close()
    return status


def test_nobody_can_be_read_in_the_ledger(build, make_bed):
    """Whoever has the ledger without its keys learns nothing of a person;
    with them the command line shows all of it."""
    bed = start_whole(make_bed(build, policy=FREE))
    person, source = "rosa.klein7@north.example", "127.0.0.77"
    words = {"evidence": "signed-7391", "note": "noted-7391",
             "why": "back-7391"}
    subscribe(bed, person, "--evidence", words["evidence"])
    theirs = "https://app.example.com/out?person=7391"
    data = letter([person], ("List-Unsubscribe", f"<{theirs}>"),
                  ("List-Unsubscribe-Post", ONE_CLICK))
    assert submit(bed, [person], data)[0] == 250
    message = bed.sink.wait(person)[0]
    assert click_from(bed, source, link_of(message)) == 200
    assert submit(bed, [person])[0] == 550
    bed.tendril.cli("suppress", "add", person, "--note", words["note"])
    bed.tendril.cli("suppress", "remove", person, "--note", words["why"])
    known = bed.tendril.cli("journal").stdout
    for text in (person, source, *words.values()):
        assert text in known
    bed.tendril.stop()
    stored = b"".join(path.read_bytes() for path in sorted(
        (bed.root / "state").rglob("*")) if path.is_file())
    assert b"newsletter" in stored  # this is the file that it must not be in
    for text in (person, "rosa", source, "person=7391", *words.values()):
        assert text.encode() not in stored, text


def test_bcc_reaches_nobody_else(build, make_bed):
    bed = start_whole(make_bed(build, policy=FREE))
    seen, hidden = ["a@north.example", "b@south.example"], "c@west.example"
    for person in (*seen, hidden):
        subscribe(bed, person)
    data = letter(seen, ("Bcc", hidden))
    assert submit(bed, [*seen, hidden], data)[0] == 250
    for person in (*seen, hidden):
        message, = bed.sink.wait(person)
        assert message.recipients == (person,)
        assert judge.values(message.data, "Bcc") == []
        assert judge.values(message.data, "To") == [", ".join(seen)]
        assert (hidden.encode() in message.data) == (person == hidden)
        found = judge.signatures(message.data, bed.zone)
        assert len(found) == 2 and all(one.valid for one in found)


def test_confirmed_opt_out_is_kept(build, make_bed):
    """kill -9 of the agent as soon as the page says so."""
    bed = start_whole(make_bed(build, policy=FREE))
    people = [f"p{number}@north.example" for number in range(12)]
    links = {}
    for person in people:
        subscribe(bed, person)
        assert submit(bed, [person])[0] == 250
        links[person] = link_of(bed.sink.wait(person)[0])
    for person in people:
        assert web.public(bed.ports["web"], "POST", links[person],
                          ONE_CLICK)[0] == 200
        bed.tendril.agent.kill()
        bed.start_agent()
        proc.wait_until(lambda: proc.port_is_open(bed.ports["web"]), 10,
                        "the pages")
    for person in people:
        assert submit(bed, [person])[0] == 550
        assert len(bed.sink.messages(person)) == 1
        shown = bed.tendril.cli("consent", "show", person).stdout
        assert "withdrawn" in shown.splitlines()[1]


@pytest.fixture
def shadow(build, make_bed):
    """The whole product in shadow mode, with a cap of one."""
    def tweak(text):
        plain = text.text
        text.text = lambda: plain().replace('mode = "enforce"',
                                            'mode = "shadow"')
    return start_whole(make_bed(build, tweak=tweak, policy=conf.PolicyText(
        person_cap="1 per 7d", segment_cap="1 per 7d")))


def test_shadow_touches_nothing(shadow):
    """Over the cap, suppressed, without consent, to several: all leave as they
    came. What would have been is on record, and is called what it is."""
    bed = shadow
    reader, foe, stranger = "r@north.example", "f@north.example", \
        "s@north.example"
    subscribe(bed, reader)
    bed.tendril.cli("suppress", "add", foe)
    for people in ([reader], [reader], [foe], [stranger], [reader, foe]):
        data = letter(people)
        assert submit(bed, people, data)[0] == 250
        for person in people:
            proc.wait_until(lambda who=person, sent=data: any(
                judge.judge_untouched(one.data, sent) == []
                for one in bed.sink.messages(who)), 20, f"mail to {person}")
    assert len(bed.sink.messages(reader)) == 3
    journal = bed.tendril.cli("journal").stdout
    told = [line for line in journal.splitlines() if " decided " in line]
    assert len(told) == 6
    assert all(" (in shadow: not acted on)" in line for line in told)
    assert sum("reject" in line for line in told) >= 5
    assert any("limit is reached" in line for line in told)
    timeline = bed.tendril.cli("lead", "timeline", foe).stdout
    assert "in shadow" in timeline
