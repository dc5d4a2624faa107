"""May these be written to? The same answer from explain, from `tendril may`,
and from the MTA when the message is really sent; and lists of any length."""

import json

import pytest

from bed import mail, web

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


class Policy:
    def text(self):
        return POLICY


@pytest.fixture
def bed(build, make_bed):
    one = make_bed(build, policy=Policy())
    one.start_milter()
    one.start_agent()
    one.start_hub()
    return one


def send(bed, recipient, number, segment="newsletter"):
    data = mail.message(NEWS, recipient, f"Letter {number}",
                        fields=[("X-Tendril-Segment", segment)],
                        message_id=f"<{number}.{recipient}>")
    return mail.submit(bed.ports["apps"], NEWS, [recipient], data)


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
