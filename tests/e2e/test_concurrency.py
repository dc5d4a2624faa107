"""Many applications at once, programs killed in the middle: the cap holds to
the message, and nothing that was acknowledged is lost.

Each load prints its seed; TENDRIL_SEED repeats it. The long sizes run with
`-m long` (contrib/check --full).
"""

import collections
import dataclasses
import os
import random
import re
import signal
import threading
import time

import pytest

import load
from bed import conf, judge, proc, web
from ledger import Ledger

CAP = 2
POLICY = conf.PolicyText(person_cap=f"{CAP} per 7d", segment_cap="100 per 7d")
PLACES = ("north.example", "south.example", "east.example", "west.example")


@pytest.fixture
def rng():
    seed = int(os.environ.get("TENDRIL_SEED") or
               random.SystemRandom().randrange(10 ** 6))
    print(f"seed {seed} (TENDRIL_SEED={seed} repeats it)")
    return random.Random(seed)


def take_local_too(text):
    """A tweak of the conf: sendmail(1) is an origin of the newsletter."""
    plain = text.text

    def changed():
        old = 'class = "nurture"\n'
        assert old in plain()
        return plain().replace(old, old + "  local = yes\n")
    text.text = changed


@pytest.fixture
def system(build, make_bed):
    bed = make_bed(build, policy=POLICY, tweak=take_local_too)
    bed.start_milter()
    bed.start_agent()
    bed.start_hub()
    return bed


def make_leads(rng, count):
    people = rng.sample(range(10 ** 6), count)
    return [f"p{number}@{rng.choice(PLACES)}" for number in people]


def make_jobs(rng, leads, each):
    """`each` letters to each lead; half of the leads get theirs in a row,
    the others' are spread over the whole run."""
    number = iter(range(len(leads) * each))
    bursts = [[load.newsletter(next(number), lead) for _ in range(each)]
              for lead in leads]
    half = len(bursts) // 2
    parts = bursts[:half] + [[job] for jobs in bursts[half:] for job in jobs]
    rng.shuffle(parts)
    return [job for part in parts for job in part]


class Killer(threading.Thread):
    """kill -9, then a new start, at random points of the load's progress."""

    def __init__(self, bed, rng, work, count):
        super().__init__(daemon=True)
        self.kills = collections.Counter()
        self.failure = None
        self._bed = bed
        self._rng = random.Random(rng.random())
        self._load = work
        self._points = sorted(self._rng.uniform(0.01, 0.95)
                              for _ in range(count))
        self._over = threading.Event()

    def run(self):
        try:
            for point in self._points:
                while self._load.done < point:
                    if self._over.wait(self._rng.uniform(0, 0.01)):
                        return
                self._kill(self._rng.choice(("milter", "milter", "agent")))
        except Exception as why:  # told by stop()
            self.failure = why

    def _kill(self, victim):
        getattr(self._bed.tendril, victim).kill()
        self.kills[victim] += 1
        time.sleep(self._rng.uniform(0, 0.2))
        if victim == "milter":
            self._bed.start_milter()
        else:
            self._bed.start_agent()

    def stop(self):
        self._over.set()
        self.join(60)
        if self.failure is not None:
            raise self.failure


def message_id(data):
    return judge.values(data, "Message-ID")[0]


def adopt_held(bed, jobs):
    """Mail of sendmail(1) that came while the milter was down is in the hold
    queue. Hand it in again from the application's own copy, as `tendril hold
    adopt` does from the queue's: the held ones are deleted, and sent when the
    log has given back the slots they may have had."""
    by_id = {job.message_id: job for job in jobs}
    held = [q["queue_id"] for q in bed.hub.queue()
            if q["queue_name"] == "hold"]
    adopted = []
    for queue_id in held:
        text = bed.hub.postcat(queue_id)
        found = re.search(r"^Message-ID: (\S+)", text, re.M)
        adopted.append(by_id[found.group(1)])
        bed.hub.delete(queue_id, "hold")
    Ledger(bed).wait_settled()
    for job in adopted:
        bed.hub.sendmail(job.data.replace(b"\r\n", b"\n"), job.sender,
                         [job.recipient])
    return len(adopted)


def settle(bed, jobs):
    """Everything delivered or bounced, every slot decided."""
    adopted = 0
    proc.wait_until(lambda: not active(bed), 120, "empty queue")
    while bed.hub.queue():
        adopted += adopt_held(bed, jobs)
        proc.wait_until(lambda: not active(bed), 120, "empty queue")
    Ledger(bed).wait_settled()
    return adopted


def active(bed):
    return [q for q in bed.hub.queue() if q["queue_name"] != "hold"]


def delivered(bed, leads):
    """lead -> Message-IDs that the outside accepted, in order."""
    known = set(leads)
    found = {lead: [] for lead in leads}
    for message in bed.sink.messages():
        for recipient in message.recipients:
            if recipient in known:
                found[recipient].append(message_id(message.data))
    return found


@dataclasses.dataclass(frozen=True)
class Size:
    leads: int
    kills: int
    timeout_s: int
    each: int = 10
    local: float = 0.1  # share that goes by sendmail(1)


SIZES = [
    pytest.param(Size(100, 8, 100), id="100-leads"),
    pytest.param(Size(1000, 40, 400), id="1000-leads",
                 marks=pytest.mark.long),
]


@pytest.mark.parametrize("size", SIZES)
def test_cap_holds_under_kills(system, rng, size):
    leads = make_leads(rng, size.leads)
    load.consents(web.Api(system.conf.api), leads)
    jobs = make_jobs(rng, leads, size.each)
    local = set(rng.sample(range(len(jobs)), int(len(jobs) * size.local)))
    smtp = load.Load(
        system.ports["apps"],
        [job for at, job in enumerate(jobs) if at not in local], rng,
        lost_250=0.01)
    by_hand = load.LocalLoad(system.hub, [jobs[at] for at in local])
    killer = Killer(system, rng, smtp, size.kills)
    other = threading.Thread(target=by_hand.run, daemon=True)
    killer.start()
    other.start()
    try:
        smtp.run(size.timeout_s)
        other.join(size.timeout_s)
    finally:
        killer.stop()
    adopted = settle(system, jobs)
    print(f"{len(jobs)} messages to {size.leads} leads in "
          f"{smtp.seconds:.1f} s (sendmail(1): {len(local)} in "
          f"{by_hand.seconds:.1f} s, {adopted} adopted); "
          f"{smtp.counts['attempts'] / smtp.seconds:.0f} attempts/s; "
          f"answers {dict(smtp.counts)}; kills {dict(killer.kills)}")
    assert sum(killer.kills.values()) == size.kills
    judge_exactly(system, leads, smtp.jobs)


def judge_exactly(bed, leads, smtp_jobs):
    """CAP letters at each lead, all that were acknowledged, none twice; the
    ledger says the same and is whole."""
    arrived = delivered(bed, leads)
    counts = collections.Counter(len(ids) for ids in arrived.values())
    assert counts == {CAP: len(leads)}
    every = [one for ids in arrived.values() for one in ids]
    assert len(every) == len(set(every))
    lost = [job for job in smtp_jobs
            if job.accepted and job.message_id not in set(every)]
    assert lost == []
    book = Ledger(bed)
    assert book.states()["delivered"] == CAP * len(leads)
    history = book.history()
    assert {lead: history["delivered", lead] for lead in leads} == \
        dict.fromkeys(leads, CAP)
    bed.tendril.stop()
    assert book.check() > 0
    assert book.rebuild() > 0
