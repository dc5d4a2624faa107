"""May these be written to? The same answer from explain, from `tendril may`,
and from the MTA when the message is really sent; and lists of any length."""

import json
import time

import pytest

from bed import conf, mail, web
from ledger import Ledger

NEWS = "news@example.com"

POLICY = """\
person { at-most = "2 per 7d" }
segment newsletter {
  purpose = "newsletter"
  legal-basis = "legitimate-interest"
  at-most = "1 per 7d"
  when-full = "reject"
}
segment webinar { purpose = "events" legal-basis = "consent" }
"""

# Who, and what the newsletter's answer is.
PEOPLE = {
    "new@north.example": "allowed",
    "twice@north.example": "segment_cap",
    "out@north.example": "objected",
    "never@north.example": "suppressed",
    "any@gone.example": "suppressed",
}


@pytest.fixture
def bed(build, make_bed):
    one = make_bed(build, policy=conf.Fixed(POLICY))
    one.start_milter()
    one.start_agent()
    one.start_hub()
    return one


def send(bed, recipient, number, segment="newsletter"):
    data = mail.message(NEWS, recipient, f"Letter {number}",
                        fields=[("X-Tendril-Segment", segment)],
                        message_id=f"<{number}.{recipient}>")
    return mail.submit(bed.ports["apps"], NEWS, [recipient], data)


def holds(bed):
    lines = bed.tendril.cli("hold", "list", "--json").stdout.splitlines()
    return [json.loads(line) for line in lines]


def may(bed, segment, *words):
    done = bed.tendril.cli("may", segment, *words, "--json", check=False)
    rows = [json.loads(line) for line in done.stdout.splitlines()]
    allowed = all(row.get("verdict") == "allow" for row in rows)
    assert done.returncode == (0 if allowed else 1), done.stderr
    return rows


def explained(bed, address, segment="newsletter"):
    done = bed.tendril.cli("explain", address, segment, "--json", check=False)
    return json.loads(done.stdout)


def test_the_same_from_everywhere(bed):
    assert send(bed, "twice@north.example", 1).final[0] == 250
    Ledger(bed).wait_settled()  # from then on it has its date
    bed.tendril.cli("consent", "object", "out@north.example", "newsletter")
    bed.tendril.cli("suppress", "add", "never@north.example")
    bed.tendril.cli("suppress", "add", "@gone.example")
    rows = may(bed, "newsletter", *PEOPLE)
    assert [row["address"] for row in rows] == list(PEOPLE)
    for row in rows:
        assert row["reason"] == PEOPLE[row["address"]]
        assert explained(bed, row["address"]) == row
        said = send(bed, row["address"], 2)
        assert said.final[0] == (250 if row["verdict"] == "allow" else 550)
        assert row["verdict"] == "allow" or said.final[1].startswith("5.7.1")
    assert may(bed, "webinar", "new@north.example")[0]["reason"] == \
        "no_consent"


WAITS = """\
order = {demo, newsletter}
time-zone = "UTC"
person { at-most = "%(person)s" }
segment demo {
  purpose = sales legal-basis = legitimate-interest
  when-full = "hold 30d, then bounce"
}
segment newsletter {
  purpose = newsletter legal-basis = legitimate-interest
  when-full = %(full)s
}
"""
HOLD = '"hold 30d, then bounce"'
# The limit, when-full, whether something of the order's first waits; the
# answer, the code, the simulation's name of it.
OTHERS = {
    "hold": ("1 per 7d", HOLD, False, "hold", 250, "held"),
    "defer": ("1 per 7d", "defer", False, "defer", 451, "deferred"),
    "drop": ("1 per 7d", "drop", False, "drop", 250, "dropped"),
    "order": ("1 per 7d", HOLD, True, "hold", 250, "held"),
    "calendar": ("1 per month", HOLD, False, "hold", 250, "held"),
}


@pytest.mark.parametrize("case", OTHERS)
def test_what_waits_is_the_same_everywhere(build, make_bed, tmp_path, case):
    limit, full, before, verdict, code, simulated = OTHERS[case]
    text = WAITS % {"person": limit, "full": full}
    bed = make_bed(build, policy=type("Text", (), {"text": lambda _: text})())
    bed.start_milter()
    bed.start_agent()
    bed.start_hub()
    who = "ann@north.example"
    assert send(bed, who, 1).final[0] == 250
    bed.sink.wait(who)
    Ledger(bed).wait_settled()
    if before:
        assert send(bed, who, 2, "demo").final[0] == 250
        waits, = holds(bed)

    row, = may(bed, "newsletter", who)
    asked = web.Api(bed.conf.api).call(
        "POST", "/v1/check", segment="newsletter", recipients=[who])
    assert asked["results"] == [row]
    assert (row["verdict"], row["reason"]) == (verdict, "person_cap")
    told = explained(bed, who)  # also what a message would wait for
    assert {key: told[key] for key in row} == row
    assert send(bed, who, 3).final[0] == code
    mine = [one for one in holds(bed) if one["segment"] == "newsletter"]
    assert len(mine) == (verdict == "hold")
    for one in mine:
        assert (one["reason"], one["due"]) == ("person_cap", row["earliest"])
    if before:
        assert row["earliest"] > waits["due"] and mine[0]["ahead"] == 1
    assert len(bed.sink.messages(who)) == 1

    file = tmp_path / "same.policy"
    file.write_text(text)
    told = json.loads(bed.tendril.cli(
        "simulate", "--policy", file, "--json").stdout)
    assert told["changed"] == 0 and told["simulated"] == told["recorded"]
    assert told["simulated"] == {
        "sent": 1, simulated: 2 if before else 1}


def test_to_ask_changes_nothing(bed):
    """Not for people who are known, nor for thousands who are not."""
    assert send(bed, "ann@north.example", 1).final[0] == 250
    bed.sink.wait("ann@north.example")
    ledger = Ledger(bed)
    ledger.wait_settled()
    bed.hub.wait_empty()
    time.sleep(1.5)  # the log's last lines
    file = bed.root / "state" / "ledger" / "data.mdb"

    def all_of_it():
        return (ledger.check(), file.stat().st_size,
                bed.tendril.cli("journal", "--json").stdout,
                bed.tendril.cli("hold", "list").stdout)
    before = all_of_it()
    api = web.Api(bed.conf.api)
    for segment in ("newsletter", "webinar"):
        reply = api.call(
            "POST", "/v1/check", segment=segment, campaign="spring",
            recipients=["ann@north.example"] + [
                f"new{number}@new.example" for number in range(5000)])
        assert len(reply["results"]) == 5001
    may(bed, "newsletter", "ann@north.example", "new@new.example")
    explained(bed, "new@new.example")
    assert all_of_it() == before


def test_lists(bed, tmp_path):
    file = tmp_path / "list"
    file.write_text("".join(
        f"p{number}@north.example\r\n" for number in range(25000))
        + "\nno address\n")
    rows = may(bed, "newsletter", "first@north.example", "--file", file)
    assert len(rows) == 25002
    assert [row["address"] for row in rows[:2]] == [
        "first@north.example", "p0@north.example"]
    assert rows[25000]["address"] == "p24999@north.example"
    assert "error" in rows[25001]
    text = bed.tendril.cli("may", "newsletter", "--file", file,
                           check=False).stdout
    assert text.splitlines()[-1] == "25000 of 25001 may be written to"
    later = may(bed, "newsletter", "p1@north.example", "--at", "30d")
    assert later[0]["verdict"] == "allow"


def test_applications_ask(bed):
    api = web.Api(bed.conf.api)
    reply = api.call("POST", "/v1/check", segment="newsletter",
                     campaign="spring", recipients=["a@north.example", "@"])
    good, bad = reply["results"]
    assert good["verdict"] == "allow" and good["policy"] == 1
    assert set(bad) == {"address", "error"}


def test_mistakes(bed):
    done = bed.tendril.cli("may", "newsletter", check=False)
    assert done.returncode == 2 and "--file" in done.stderr
    done = bed.tendril.cli("may", "newslettr", "a@north.example", check=False)
    assert done.returncode == 1
    assert 'did you mean "newsletter"' in done.stderr
