"""tendril simulate: other policies for what was really sent through Postfix,
beside what explain and SMTP said."""

import json

import pytest

from bed import mail, proc, web

NEWS = "news@example.com"

POLICY = """\
segment newsletter {
  purpose = "newsletter"
  legal-basis = "legitimate-interest"
}
segment webinar {
  purpose = "events"
  legal-basis = "legitimate-interest"
}
"""
STRICT = """\
order = {webinar, newsletter}
company { at-most = "3 per 7d" }
segment newsletter {
  purpose = "newsletter"
  legal-basis = "legitimate-interest"
  at-most = "1 per 7d"
  when-full = "%s"
}
segment webinar { purpose = "events" legal-basis = "consent" }
"""


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
    data = mail.message(
        NEWS, recipient, f"Letter {number}",
        fields=[("X-Tendril-Segment", segment)],
        message_id=f"<{number}.{segment}.{recipient}>")
    return mail.submit(bed.ports["apps"], NEWS, [recipient], data)


def simulate(bed, tmp_path, text, *words):
    file = tmp_path / "new.policy"
    file.write_text(text)
    done = bed.tendril.cli("simulate", "--policy", file, *words, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_what_was_sent(bed, tmp_path):
    for person in ("ann", "bob"):
        for number in (1, 2):
            assert send(bed, f"{person}@north.example", number).final[0] == 250
    assert send(bed, "ann@north.example", 1, "webinar").final[0] == 250
    bed.sink.wait("ann@north.example", 3)
    bed.sink.wait("bob@north.example", 2)

    same = json.loads(simulate(bed, tmp_path, POLICY, "--json"))
    assert same["messages"] == 5 and same["people"] == 2
    assert same["changed"] == 0
    assert same["simulated"] == same["recorded"] == {"sent": 5}

    told = json.loads(simulate(
        bed, tmp_path, STRICT % "drop", "--diff", "--json",
        "--by", "segment,company,hour"))
    assert told["compared"] == {"sent": 5}
    assert told["simulated"] == {"sent": 2, "dropped": 2, "refused": 1}
    assert told["changed"] == 3
    rows = {row["name"]: row for row in told["segments"]}
    assert rows["webinar"]["simulated"] == {"refused": 1}
    assert rows["newsletter"]["simulated"] == {"sent": 2, "dropped": 2}
    assert [row["name"] for row in told["companies"]] == ["north.example"]
    assert sum(row["messages"] for row in told["hours"]) == 5
    rules = {rule["reason"]: rule for rule in told["rules"]["simulated"]}
    assert rules["segment_cap"]["rule"] == 'at-most = "1 per 7d"'
    assert rules["segment_cap"]["dropped"] == 2

    page = simulate(bed, tmp_path, STRICT % "drop", "--diff")
    assert "It would have held 0 of 5 and not sent 3" in page
    assert "policy of today" in page and "newsletter" in page
    assert max(map(len, page.splitlines()[1:])) <= 110


def test_then_in_force_it_says_the_same(bed, tmp_path):
    """Simulated, then applied: the next message gets what was simulated."""
    for number in (1, 2):
        assert send(bed, "ann@north.example", number).final[0] == 250
    file = tmp_path / "strict.policy"
    file.write_text(STRICT % "reject")
    told = json.loads(simulate(bed, tmp_path, STRICT % "reject", "--json"))
    assert told["simulated"] == {"sent": 1, "bounced": 1}
    bed.tendril.cli("policy", "apply", file, "--reason", "test")
    done = bed.tendril.cli("explain", "ann@north.example", "newsletter",
                           "--json", check=False)
    reason = json.loads(done.stdout)["reason"]
    assert reason == told["rules"]["simulated"][0]["reason"] == "segment_cap"
    assert send(bed, "ann@north.example", 3).final[0] == 550
    # What was refused is a message that came, and the policy of now is fair.
    again = json.loads(simulate(bed, tmp_path, POLICY, "--json"))
    assert again["recorded"] == {"sent": 2, "bounced": 1}
    assert again["simulated"] == {"sent": 3}


def test_mistakes(bed, tmp_path):
    file = tmp_path / "bad.policy"
    file.write_text("segment newsletter { purpos = x }\n")
    done = bed.tendril.cli("simulate", "--policy", file, check=False)
    assert done.returncode == 1 and "bad.policy:1" in done.stderr
    file.write_text(POLICY)
    done = bed.tendril.cli("simulate", "--policy", file, "--by", "moon",
                           check=False)
    assert done.returncode != 0 and "moon" in done.stderr
    done = bed.tendril.cli("simulate", "--policy", file, "--memory", "3G",
                           check=False)
    assert done.returncode != 0 and "memory" in done.stderr
    api = web.Api(bed.conf.api)
    assert api.ask("GET", "/v1/simulate?id=77")[0] == 404
    begun = api.call("POST", "/v1/simulate", text=POLICY)
    proc.wait_until(lambda: api.call(
        "GET", f"/v1/simulate?id={begun['id']}")["state"] == "done", 10,
        "a simulation of nothing")
