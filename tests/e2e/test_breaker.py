"""The circuit breaker through a real Postfix: complaints over the line stop a
segment, its new mail is held, explain says why, resume lets it go; what people
pause; what only warns."""

import json
import re
import time

import pytest

from bed import bed as beds
from bed import mail, proc, web
from test_copies import files

NEWS = "news@example.com"
RULES = """\
segment newsletter { purpose = newsletter legal-basis = legitimate-interest
  when-full = reject }
segment webinar { purpose = events legal-basis = legitimate-interest }
breaker {
  window = 1d  min-sample = 4  min-count = 2
  complaints = {"10%%", "50%%"}  hard-bounces = {"10%%", "50%%"}
  unsubscribes = {"10%%", "50%%"}  our-faults = {"10%%", "50%%"}
  %s
}
"""


class Policy:
    """A breaker that a handful of messages can trip."""

    def __init__(self, more=""):
        self.more = more

    def text(self):
        return RULES % self.more


@pytest.fixture
def bed(build, make_bed):
    bed = make_bed(build, policy=Policy())
    bed.start_milter()
    bed.start_agent()
    bed.start_hub()
    return bed


def apply(bed, more):
    path = bed.root / "other.policy"
    path.write_text(RULES % more)
    bed.tendril.cli("policy", "apply", str(path), "--reason", "test")


def submit(bed, person, segment="newsletter", campaign="spring"):
    data = mail.message(NEWS, person, "News", fields=(
        ("X-Tendril-Segment", segment), ("X-Tendril-Campaign", campaign)),
        message_id=f"<{segment}.{campaign}.{person}>")
    reply = mail.submit(bed.ports["apps"], NEWS, [person], data).final
    assert reply[0] == 250, reply
    return person


def sent(bed, person, **options):
    return bed.sink.wait(submit(bed, person, **options))[-1]


def complain(bed, message):
    found = re.search(rb"\bf-[a-z2-7]+@bounces\.example\.com", message.data)
    address = found[0].decode()
    reply = mail.submit(bed.ports["smtp25"], "fbl@provider.example", [address],
                        mail.COMPLAINT.format(to=address).encode(),
                        source=beds.STRANGER)
    assert reply.final[0] == 250


def segments(bed, *options):
    """{(scope, name): row}, as tendril segment list has it."""
    text = bed.tendril.cli("segment", "list", "--json", *options).stdout
    rows = [json.loads(line) for line in text.splitlines()]
    return {(row["scope"], row["name"]): row for row in rows}


def state(bed, scope="segment", name="newsletter"):
    return segments(bed).get((scope, name), {}).get("state")


def explain(bed, *words):
    """(exit status, what it says)."""
    done = bed.tendril.cli("explain", *words, "--json", check=False)
    return done.returncode, json.loads(done.stdout)


def held(bed):
    return [json.loads(line) for line in bed.tendril.cli(
        "hold", "list", "--json").stdout.splitlines()]


def spoil(bed, campaign="spring", segment="newsletter", angry=3):
    """Five messages, some of whose readers complain."""
    letters = [sent(bed, f"{campaign}{n}@north.example", segment=segment,
                    campaign=campaign) for n in range(5)]
    for letter in letters[:angry]:
        complain(bed, letter)
    return letters


def wait_state(bed, wanted, scope="segment", name="newsletter"):
    proc.wait_until(lambda: state(bed, scope, name) == wanted, 30,
                    f"{scope} {name} to be {wanted}")


def test_complaints_stop_the_segment(bed):
    """And its mail waits, though its limits would refuse; explain tells which
    stop, since when, by whom and why; resume lets go what waits, and the old
    complaints do not count again."""
    spoil(bed)
    wait_state(bed, "stopped")
    row = segments(bed)["segment", "newsletter"]
    rates = {rate["rate"]: rate for rate in row["rates"]}
    assert (rates["complaints"]["count"], rates["complaints"]["of"]) == (3, 5)
    assert rates["complaints"]["stop"] == "50%"
    assert row["stop"]["by"] == "breaker"
    submit(bed, "late@north.example", campaign="summer")
    assert not bed.sink.messages("late@north.example")
    code, why = explain(bed, "late@north.example", "newsletter")
    assert (code, why["verdict"], why["reason"]) == (1, "hold", "stopped")
    assert why["stop"]["scope"] == "segment"
    assert why["stop"]["reason"].startswith("complaints: 3 of 5")
    assert why["stop"]["author"] == "tendril-agent"
    text = bed.tendril.cli("explain", "late@north.example", "newsletter",
                           check=False).stdout
    assert "segment newsletter, since" in text and "by tendril-agent" in text
    assert [copy["segment"] for copy in held(bed)] == ["newsletter"]
    assert segments(bed)["segment", "newsletter"]["held"] == 1
    for scope in ("newsletter",), ("--domain", "example.com"):
        bed.tendril.cli("segment", "resume", *scope, "--reason", "cleaned")
    assert bed.sink.wait("late@north.example")
    assert state(bed) == "running"
    rates = segments(bed)["segment", "newsletter"]["rates"]
    assert rates[0]["count"] == 0
    journal = bed.tendril.cli("journal", "--type", "stopped,resumed").stdout
    assert "stopped" in journal and "cleaned" in journal
    metrics = web.Api(bed.conf.api).metrics()
    assert ('tendril_stopped{scope="segment",name="newsletter"} 0'
            in metrics)


def test_a_campaign_stops_alone(bed):
    """One campaign's complaints, in a segment that is big enough to bear
    them."""
    for n in range(6):
        sent(bed, f"calm{n}@north.example", campaign="winter")
    spoil(bed, angry=3)
    wait_state(bed, "stopped", "campaign", "spring")
    assert state(bed) == "running"
    submit(bed, "one@north.example", campaign="spring")
    sent(bed, "two@north.example", campaign="winter")
    assert not bed.sink.messages("one@north.example")
    why = explain(bed, "one@north.example", "newsletter", "--campaign",
                  "spring")[1]
    assert why["stop"]["scope"] == "campaign"
    bed.tendril.cli("segment", "resume", "--campaign", "spring", "--reason",
                    "better list")
    assert bed.sink.wait("one@north.example")


def test_opt_outs_stop_the_segment(bed):
    """A spike of opt-outs: people are written to too often."""
    for n in range(4):
        letter = sent(bed, f"leaver{n}@north.example")
        if n == 3:
            continue
        found = re.search(rb"\bu-[a-z2-7]+@bounces\.example\.com",
                          letter.data)
        assert mail.submit(
            bed.ports["smtp25"], f"leaver{n}@north.example",
            [found[0].decode()], b"Subject: unsubscribe\r\n\r\n",
            source=beds.STRANGER).final[0] == 250
    wait_state(bed, "stopped")
    stop = segments(bed)["segment", "newsletter"]["stop"]
    assert stop["rate"] == "unsubscribes" and stop["count"] >= 2


def test_dead_addresses_stop_the_segment(bed):
    """Nothing is delivered at all: the bounces count."""
    for n in range(4):
        person = f"dead{n}@north.example"
        bed.sink.script(person, "550 5.1.1 No such user here")
        submit(bed, person)
    wait_state(bed, "stopped")
    stop = segments(bed)["segment", "newsletter"]["stop"]
    assert stop["rate"] == "hard-bounces" and stop["line"] == "50%"


def test_refusals_of_us_stop_the_segment(bed):
    """As listed everywhere; the people are not given up."""
    for n in range(4):
        person = f"far{n}@north.example"
        bed.sink.script(person, "550 5.7.1 [192.0.2.1] blocked: your server "
                        "has a poor reputation")
        submit(bed, person)
    wait_state(bed, "stopped")
    row = segments(bed)["segment", "newsletter"]
    assert row["stop"]["rate"] == "our-faults", row
    rates = {rate["rate"]: rate for rate in row["rates"]}
    assert rates["hard-bounces"]["count"] == 0
    assert rates["our-faults"]["count"] == rates["our-faults"]["of"] == 4
    assert "our faults" in bed.tendril.cli("segment", "list").stdout
    submit(bed, "late@north.example", campaign="summer")
    code, why = explain(bed, "late@north.example", "newsletter")
    assert (code, why["reason"]) == (1, "stopped")
    assert why["stop"]["reason"].startswith("our-faults: 4 of 4")
    assert explain(bed, "far0@north.example", "webinar")[1]["reason"] \
        != "suppressed"


def test_by_hand(bed):
    """Pause and resume, twice each; a list to several is held for each of
    them; a pause with an end ends."""
    pause = ("segment", "pause", "newsletter", "--reason", "wrong prices")
    assert "is held" in bed.tendril.cli(*pause).stdout
    assert "already" in bed.tendril.cli(*pause).stdout
    people = ["ann@north.example", "bob@north.example"]
    data = mail.message(NEWS, people[0], "News", fields=(
        ("X-Tendril-Segment", "newsletter"),), message_id="<both@app>")
    assert mail.submit(bed.ports["apps"], NEWS, people, data).final[0] == 250
    sent(bed, "cid@north.example", segment="webinar")
    proc.wait_until(lambda: len(held(bed)) == 2, 20, "two held messages")
    assert not any(bed.sink.messages(person) for person in people)
    why = explain(bed, people[0], "newsletter")[1]
    assert why["stop"]["by"] == "person"
    assert why["stop"]["reason"] == "wrong prices"
    assert explain(bed, people[0], "webinar")[0] == 0
    resume = ("segment", "resume", "newsletter", "--reason", "corrected")
    assert "goes on" in bed.tendril.cli(*resume).stdout
    assert "not stopped" in bed.tendril.cli(*resume).stdout
    for person in people:
        assert bed.sink.wait(person)
    bed.tendril.cli("segment", "pause", "--domain", "example.com", "--reason",
                    "check", "--until", "3s")
    submit(bed, "dan@north.example", segment="webinar")
    assert bed.sink.wait("dan@north.example")
    for words, code in ((("pause", "nwsletter", "--reason", "x"), 1),
                        (("pause", "newsletter"), 2),
                        (("pause", "--reason", "x"), 2),
                        (("resume", "nwsletter", "--reason", "x"), 1)):
        done = bed.tendril.cli("segment", *words, check=False)
        assert done.returncode == code, (words, done)


def test_agent_down(bed):
    """A stop that stands binds the milter alone; over its end nobody has to
    watch."""
    person, other, late = (f"{name}@north.example"
                           for name in ("ann", "bob", "cid"))
    bed.tendril.cli("segment", "pause", "newsletter", "--reason", "prices")
    bed.tendril.cli("segment", "pause", "--domain", "example.com", "--reason",
                    "check", "--until", "5s")
    bed.tendril.agent.stop()
    submit(bed, person)
    submit(bed, other, segment="webinar")
    proc.wait_until(lambda: len(files(bed)) == 2, 20, "two copies")
    time.sleep(6)
    sent(bed, late, segment="webinar")
    assert not bed.sink.messages(person)
    bed.start_agent()
    assert bed.sink.wait(other)
    assert [row["address"] for row in held(bed)] == [person]
    bed.tendril.cli("segment", "resume", "newsletter", "--reason", "corrected")
    assert bed.sink.wait(person)


def test_shadow_only_warns(bed):
    apply(bed, "mode = shadow")
    spoil(bed)

    def warned():
        log = (bed.root / "tendril-agent.log").read_text()
        return [line for line in log.splitlines()
                if "event=breaker.warn" in line and "scope=segment" in line
                and "level=stop" in line]
    proc.wait_until(warned, 30, "a warning")
    assert state(bed) == "running"
    sent(bed, "next@north.example")
    assert len(warned()) == 1
    apply(bed, "")
    wait_state(bed, "stopped")
    apply(bed, "mode = off")
    wait_state(bed, "running")
