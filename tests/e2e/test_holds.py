"""Held messages, through a real Postfix: their order, limits of companies, what
wakes them, what ends them, an operator's word; and both daemons killed at any
moment on the way."""

import collections
import json
import os
import random
import threading
import time

import pytest

import load
from bed import judge, mail, proc
from ledger import Ledger

NEWS = "news@example.com"

KINDS = """\
order = {newsletter, webinar}
%s
segment newsletter {
  purpose = "newsletter"
  legal-basis = "legitimate-interest"
  when-full = "%s"
}
segment webinar {
  purpose = "webinar"
  legal-basis = "legitimate-interest"
  when-full = "hold 90d, then drop"
}
"""


class Policy:
    """The bed's two kinds of message, with these limits."""

    def __init__(self, limits, when_full="hold 90d, then bounce"):
        self.limits = limits
        self.when_full = when_full

    def text(self):
        return KINDS % (self.limits, self.when_full)


PERSON = Policy('person { at-most = "1 per 7d" }')
FREE = Policy('person { at-most = "200 per 7d" }')
NEVER = Policy('person { at-most = "0 per 7d" }')
COMPANY = Policy("company { at-most = \"3 per 7d\"  at-most-people = "
                 "\"2 per 7d\" }")


@pytest.fixture
def rng():
    seed = int(os.environ.get("TENDRIL_SEED") or
               random.SystemRandom().randrange(10 ** 6))
    print(f"seed {seed} (TENDRIL_SEED={seed} repeats it)")
    return random.Random(seed)


@pytest.fixture
def start(build, make_bed):
    """A bed with that policy, all of it running."""
    def make(policy):
        bed = make_bed(build, policy=policy)
        bed.start_milter()
        bed.start_agent()
        bed.start_hub()
        return bed
    return make


def letter(recipient, number, segment="newsletter"):
    return mail.message(
        NEWS, recipient, f"{segment} {number}",
        fields=[("X-Tendril-Segment", segment)],
        message_id=f"<{segment}.{number}.{recipient}>")


def send(bed, recipient, number, segment="newsletter"):
    sent = mail.submit(bed.ports["apps"], NEWS, [recipient],
                       letter(recipient, number, segment))
    assert sent.final[0] == 250, sent


def apply(bed, policy):
    path = bed.root / "next.policy"
    path.write_text(policy.text())
    bed.tendril.cli("policy", "apply", str(path), "--reason", "test")


def holds(bed, *words):
    lines = bed.tendril.cli("hold", "list", "--json", *words).stdout
    return [json.loads(line) for line in lines.splitlines()]


def wait_holds(bed, count, *words):
    return proc.wait_until(
        lambda: holds(bed, *words) if len(holds(bed, *words)) == count
        else None, 20, f"{count} holds") if count else proc.wait_until(
            lambda: not holds(bed, *words), 20, "no holds")


def subjects(bed, recipient, count):
    got = bed.sink.wait(recipient, count=count)
    return [judge.values(one.data, "Subject")[0] for one in got]


def bounce(bed, recipient):
    """The outside refuses that person's next message for good."""
    bed.sink.script(recipient, "550 5.2.2 Mailbox full", times=1)


def test_order_is_kept_and_a_bounce_makes_room(start):
    """The first bounces later than two others came: the earlier kind goes,
    though it came last; the other when there is room again."""
    bed = start(PERSON)
    who = "ann@north.example"
    bed.sink.script(who, "451 4.2.0 Later", times=1)
    send(bed, who, 1)
    send(bed, who, 2, "webinar")
    send(bed, who, 3, "newsletter")
    rows = wait_holds(bed, 2)
    assert {row["reason"] for row in rows} == {"person_cap"}
    assert [row["then"] for row in rows] == ["drop", "bounce"]
    assert [row["ahead"] for row in rows] == [1, 0], "by order, not by age"
    shown = json.loads(bed.tendril.cli(
        "hold", "show", rows[0]["id"], "--json").stdout)
    assert [one["id"] for one in shown["ahead"]] == [rows[1]["id"]]
    bounce(bed, who)
    bed.hub.flush()
    assert subjects(bed, who, 1) == ["newsletter 3"]
    left, = wait_holds(bed, 1)
    assert left["segment"] == "webinar" and left["ahead"] == 0
    apply(bed, FREE)
    assert subjects(bed, who, 2)[1] == "webinar 2"
    wait_holds(bed, 0)


def test_a_company_and_two_of_its_people(start):
    bed = start(COMPANY)
    people = [f"p{n}@acme.north.example" for n in range(5)]
    for number, who in enumerate(people[:2]):
        bed.sink.script(who, "451 4.2.0 Later", times=1)
        send(bed, who, number)
    for number, who in enumerate(people[2:], 2):
        send(bed, who, number)
    rows = wait_holds(bed, 3, "--company", "north.example")
    assert rows[0]["reason"] == "company_cap"
    assert {row["reason"] for row in rows} <= {"company_cap", "order"}
    assert [row["ahead"] for row in rows] == [0, 1, 2]
    assert holds(bed, "--company", "south.example") == []
    assert [row["address"] for row in holds(bed, "--lead", people[3])] == \
        [people[3]]
    bounce(bed, people[0])
    bed.hub.flush()
    bed.sink.wait(people[2])
    wait_holds(bed, 2)
    time.sleep(3)
    got = {one for message in bed.sink.messages() for one in message.recipients}
    assert got - {NEWS} == {people[1], people[2]}, "two people, not three"


def test_never_is_decided_at_once(start):
    """A policy by which it can never go: its sender is told, or it is
    dropped."""
    bed = start(PERSON)
    who = "ann@north.example"
    send(bed, who, 1)
    send(bed, who, 2, "newsletter")
    send(bed, who, 3, "webinar")
    wait_holds(bed, 2)
    apply(bed, NEVER)
    report, = bed.sink.wait(NEWS)
    assert report.sender == "" and b"Status: 5.4.7" in report.data
    assert b"newsletter 2" in report.data
    wait_holds(bed, 0)
    assert subjects(bed, who, 1) == ["newsletter 1"]


def test_cap_lowered_below_what_was_sent(start):
    """What went stays; what waits, waits as long as the new limit wants."""
    bed = start(Policy('person { at-most = "3 per 7d" }'))
    who = "ann@north.example"
    for number in range(4):
        send(bed, who, number)
    row, = wait_holds(bed, 1)
    apply(bed, Policy('person { at-most = "1 per 30d" }'))
    time.sleep(3)
    shown = json.loads(bed.tendril.cli(
        "hold", "show", row["id"], "--json").stdout)
    assert shown["now"]["verdict"] == "hold"
    assert "1 per 30d" in shown["now"]["rule"]
    assert shown["now"]["earliest"] > row["due"]
    assert len(subjects(bed, who, 3)) == 3


def test_operator_lets_it_go(start):
    bed = start(PERSON)
    who = "ann@north.example"
    send(bed, who, 1)
    send(bed, who, 2)
    row, = wait_holds(bed, 1)
    bed.tendril.cli("hold", "release", row["id"])
    time.sleep(2)
    assert len(holds(bed)) == 1, "decided again: it waits"
    bed.tendril.cli("suppress", "add", who)
    bed.tendril.cli("hold", "release", row["id"], "--force", "--reason", "vip")
    report, = bed.sink.wait(NEWS)
    assert b"suppressed" in report.data, "no word stands against that"
    bed.tendril.cli("suppress", "remove", who)
    send(bed, who, 3)
    row, = wait_holds(bed, 1)
    bed.tendril.cli("hold", "release", row["id"], "--force", "--reason", "vip")
    assert subjects(bed, who, 2)[1] == "newsletter 3"
    journal = bed.tendril.cli("journal", "--json").stdout
    forced = [one for one in map(json.loads, journal.splitlines())
              if one["type"] == "copy_forced"]
    assert len(forced) == 2 and forced[0]["why"] == "vip"


def test_spool_full_defers(start):
    """A message that cannot be kept is not taken."""
    bed = start(PERSON)
    who = "ann@north.example"
    send(bed, who, 1)
    spool = bed.root / "state" / "spool"
    assert not spool.exists(), "nothing was kept yet"
    spool.write_text("")  # so that it cannot be a folder: root may write to any
    sent = mail.submit(bed.ports["apps"], NEWS, [who], letter(who, 2))
    assert sent.final[0] == 451, sent
    spool.unlink()
    send(bed, who, 2)
    wait_holds(bed, 1)


def test_the_envelope_waits_along(start):
    """What the application asked of the delivery (RFC 3461), and that the mail
    is not ASCII (RFC 6531), is asked of the outside when it goes."""
    bed = start(PERSON)
    who = "ann@north.example"
    send(bed, who, 1)
    sent = mail.submit(
        bed.ports["apps"], NEWS, [who],
        letter(who, 2).replace(b"newsletter 2", "Gr\u00fc\u00dfe".encode()),
        mail_options=["RET=HDRS", "ENVID=order-7", "SMTPUTF8",
                      "BODY=8BITMIME"],
        rcpt_options=["NOTIFY=FAILURE,DELAY",
                      "ORCPT=rfc822;orig@north.example"])
    assert sent.final[0] == 250, sent
    wait_holds(bed, 1)
    apply(bed, FREE)
    got = bed.sink.wait(who, count=2)[1]
    assert got.recipients == (who,)
    assert {"RET=HDRS", "ENVID=order-7", "SMTPUTF8",
            "BODY=8BITMIME"} <= set(got.mail_params)
    assert set(got.rcpt_params[0]) == {"NOTIFY=FAILURE,DELAY",
                                       "ORCPT=rfc822;orig@north.example"}
    assert judge.values(got.data, "Subject") == ["Gr\u00fc\u00dfe"]


def test_all_at_eight(start, rng):
    """An application that sends everything at 08:00:00: of a company's two
    hundred people as many as may, the others wait, in the order they came."""
    limit = 40
    bed = start(Policy(f'company {{ at-most = "{limit} per 7d" }}'))
    people = [f"p{n}@big.north.example" for n in range(200)]
    work = load.Load(bed.ports["apps"], [
        load.newsletter(number, who) for number, who in enumerate(people)],
        rng)
    work.run(200)
    assert work.counts[250] == len(people)
    waiting = wait_holds(bed, len(people) - limit)
    bed.sink.wait(count=limit, timeout_s=60)
    bed.hub.wait_empty(60)
    assert len(bed.sink.messages()) == limit
    assert [row["ahead"] for row in waiting] == list(range(len(waiting)))
    apply(bed, Policy(f'company {{ at-most = "{limit + 10} per 7d" }}'))
    bed.sink.wait(count=limit + 10, timeout_s=60)
    left = wait_holds(bed, len(people) - limit - 10)
    assert [row["id"] for row in left] == [row["id"] for row in waiting[10:]]
    assert len(bed.sink.messages()) == limit + 10


# --- kill -9 ---


def arrived(bed):
    return collections.Counter(
        (judge.values(one.data, "Message-ID")[0], recipient)
        for one in bed.sink.messages() for recipient in one.recipients)


class Killer:
    """kill -9 and a new start, again and again while something is done."""

    def __init__(self, bed, rng, victims):
        self.kills = collections.Counter()
        self._bed = bed
        self._rng = rng
        self._victims = victims
        self._over = threading.Event()
        self._failures = []
        self._thread = threading.Thread(target=self._run, daemon=True)

    def __enter__(self):
        self._thread.start()
        return self

    def __exit__(self, *exc):
        self._over.set()
        self._thread.join(120)
        assert not self._thread.is_alive() and not self._failures, \
            self._failures

    def _run(self):
        try:
            while not self._over.wait(self._rng.uniform(0, 0.25)):
                self._kill(self._rng.choice(self._victims))
        except Exception as why:
            self._failures.append(why)

    def _kill(self, victim):
        getattr(self._bed.tendril, victim).kill()
        self.kills[victim] += 1
        getattr(self._bed, f"start_{victim}")()


@pytest.mark.parametrize("rounds, kills", [
    pytest.param(1, 16, id="16-kills"),
    pytest.param(8, 200, id="200-kills", marks=pytest.mark.long)])
def test_killed_on_the_way(start, rng, rounds, kills):
    """Between copying and replying, releasing and submitting again: each
    message that was taken reaches its person exactly once."""
    bed = start(PERSON)
    total, number = collections.Counter(), 0
    people = [f"p{n}@{place}.example" for n in range(6)
              for place in ("north", "south")]
    while rounds > 0 or sum(total.values()) < kills:
        rounds -= 1
        jobs = [load.newsletter(number + n, who)
                for n, who in enumerate(people * 2)]
        number += len(jobs)
        work = load.Load(bed.ports["apps"], jobs, rng, connections=4,
                         lost_250=0.1)
        with Killer(bed, rng, ("milter", "agent")) as killer:
            work.run(200)
        total += killer.kills
        assert all(job.accepted for job in jobs)
        with Killer(bed, rng, ("milter", "agent", "agent")) as killer:
            apply_when_up(bed, FREE)
            killed_until(bed, killer, kills // 8)
        total += killer.kills
        proc.wait_until(lambda: not holds(bed), 120, "no holds")
        bed.hub.wait_empty(60)
        apply(bed, Policy(PERSON.limits + f"  # {number}"))
    Ledger(bed).wait_settled(120)
    got = arrived(bed)
    print(f"{number} messages, kills {dict(total)}")
    assert len(got) == number and set(got.values()) == {1}
    bed.tendril.stop()
    assert Ledger(bed).check() > 0
    assert Ledger(bed).rebuild() > 0


def apply_when_up(bed, policy):
    """The command line needs an agent, which is being killed."""
    path = bed.root / "next.policy"
    path.write_text(policy.text() + f"# {time.time()}\n")
    proc.wait_until(lambda: bed.tendril.cli(
        "policy", "apply", str(path), "--reason", "test",
        check=False).returncode == 0, 60, "a policy applied")


def killed_until(bed, killer, count):
    """So many kills, or nothing left to be killed over."""
    def over():
        if sum(killer.kills.values()) >= count:
            return True
        done = bed.tendril.cli("hold", "list", "--json", check=False)
        return done.returncode == 0 and not done.stdout
    proc.wait_until(over, 120, "kills")
