"""Many applications at once, programs killed in the middle: the cap holds to
the message, and nothing that was acknowledged is lost.

Each load prints its seed; TENDRIL_SEED repeats it. The long sizes run with
`-m long` (contrib/check --full).
"""

import collections
import dataclasses
import json
import os
import random
import re
import signal
import threading
import time

import pytest

import apps
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

    def __init__(self, bed, rng, work, count,
                 victims=("milter", "milter", "agent")):
        super().__init__(daemon=True)
        self.kills = collections.Counter()
        self.failure = None
        self._bed = bed
        self._rng = random.Random(rng.random())
        self._load = work
        self._points = sorted(self._rng.uniform(0.01, 0.95)
                              for _ in range(count))
        self._victims = victims
        self._over = threading.Event()

    def run(self):
        try:
            for point in self._points:
                while self._load.done < point:
                    if self._over.wait(self._rng.uniform(0, 0.01)):
                        return
                self._kill(self._rng.choice(self._victims))
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
        self.join(300)
        assert not self.is_alive()
        if self.failure is not None:
            raise self.failure


def message_id(data):
    return judge.values(data, "Message-ID")[0]


def adopt_held(bed, jobs):
    """Mail of sendmail(1) that came while the milter was down, or was killed
    over it, is in the hold queue. What it was killed over while it changed it
    is handed in again from the application's own copy; what was changed and
    waited for its answer alone may go. How many there were."""
    done = bed.tendril.cli("hold", "adopt", "--all", "--json", "--postfix",
                           bed.hub.config_dir)
    told = [json.loads(line) for line in done.stdout.splitlines()]
    left = [one for one in told if one["result"] == "left"]
    again = []
    for one in left:
        print(f"left {one['queue_id']}: {one['why']}")
        if "signed, and counts (" in one["why"]:
            bed.hub.release(one["queue_id"])
            continue
        assert "while it changed it" in one["why"], one
        text = bed.hub.postcat(one["queue_id"])
        again.append(re.search(r"^Message-ID: (\S+)", text, re.M)[1])
        bed.hub.delete(one["queue_id"], "hold")
    if again:
        Ledger(bed).wait_settled(120)
    for job in jobs:
        if job.message_id in again:
            bed.hub.sendmail(job.data.replace(b"\r\n", b"\n"), job.sender,
                             [job.recipient])
    return len(told)


def no_copies(bed):
    """What is adopted, or came while the ledger could not be used, is a file
    first; it has its row before it leaves that folder. (The files of others
    may be left by a kill: they are swept after an hour.)"""
    spool = bed.root / "state" / "spool"
    first = [path for name in ("adopting", "undecided")
             for path in (spool / name).glob("*.eml")]
    return not first and not bed.tendril.cli("hold", "list", "--json").stdout


def at_rest(bed):
    """Nothing on its way from the queue to us, or from us to the queue."""
    return bed.hub.is_empty() and no_copies(bed) and bed.hub.is_empty()


def settle(bed, jobs):
    """Everything delivered or bounced, every slot decided."""
    proc.wait_until(lambda: not active(bed) and not active(bed), 120,
                    "empty queue")
    adopted = adopt_held(bed, jobs)
    assert adopt_held(bed, jobs) == 0
    proc.wait_until(lambda: at_rest(bed), 120, "nothing on its way")
    Ledger(bed).wait_settled(120)
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
    pytest.param(Size(100, 8, 400), id="100-leads"),
    pytest.param(Size(1000, 40, 1600), id="1000-leads",
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
    judge_exactly(system, leads, jobs, smtp.jobs)


def story(bed, lead, jobs):
    """What is known of one lead, for whoever looks for the fault."""
    log = bed.hub.log_text().splitlines()
    slots = [slot for slot in Ledger(bed).slots() if slot.address == lead]
    ids = [slot.queue_id for slot in slots]
    lines = [str(slot) for slot in slots]
    lines += [f"{job.message_id} {job.attempts} attempts: {job.final}, after "
              f"{job.replies[:-1]}" for job in jobs if job.recipient == lead]
    lines += [str(event) for event in bed.tendril.events("decision")
              if event.get("to") == lead]
    lines += [line for line in log if any(one in line for one in ids)]
    return "\n".join([f"--- {lead}", *lines])


def judge_exactly(bed, leads, jobs, smtp_jobs):
    """CAP letters at each lead, all that were acknowledged, none twice; the
    ledger says the same and is whole."""
    arrived = delivered(bed, leads)
    wrong = {lead: ids for lead, ids in arrived.items() if len(ids) != CAP}
    for lead in list(wrong)[:3]:
        print(story(bed, lead, jobs))
    assert wrong == {}
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


# --- holds and messages to several ---

class HoldPolicy:
    def __init__(self, cap):
        self.cap = cap

    def text(self):
        return f"""\
person {{ at-most = "{self.cap} per 7d" }}
segment newsletter {{
  purpose = "newsletter"
  legal-basis = "legitimate-interest"
  when-full = "hold 90d, then bounce"
}}
"""


def to_several(rng, leads, count):
    """Messages to one to four of them."""
    jobs = []
    for number in range(count):
        first, *others = rng.sample(leads, rng.randint(1, 4))
        jobs.append(load.newsletter(number, first))
        jobs[-1].others = tuple(others)
    return jobs


def rests(bed):
    """No copy is due: what there is waits for its turn."""
    soon = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(time.time() + 3600))
    lines = bed.tendril.cli("hold", "list", "--json").stdout.splitlines()
    return all(json.loads(line)["due"] > soon for line in lines)


@pytest.mark.parametrize("letters, kills", [
    pytest.param(40, 5, id="40-letters"),
    pytest.param(300, 20, id="300-letters", marks=pytest.mark.long)])
def test_holds_and_copies_under_kills(build, make_bed, rng, letters, kills):
    """Taken over, split, held, released while both daemons are killed: never
    over the cap, and in the end each has each message once."""
    bed = make_bed(build, policy=HoldPolicy(CAP))
    bed.start_milter()
    bed.start_agent()
    bed.start_hub()
    leads = make_leads(rng, letters // 3)
    jobs = to_several(rng, leads, letters)
    work = load.Load(bed.ports["apps"], jobs, rng, connections=16,
                     lost_250=0.05)
    killer = Killer(bed, rng, work, kills, victims=("milter", "agent"))
    killer.start()
    try:
        work.run(400)
    finally:
        killer.stop()
    wanted = collections.Counter(
        (job.message_id, one) for job in jobs for one in job.recipients)
    each = collections.Counter(one for _, one in wanted)
    proc.wait_until(lambda: rests(bed), 120, "copies that rest")
    bed.hub.wait_empty(60)
    arrived = delivered(bed, leads)
    print(f"{dict(work.counts)}, kills {dict(killer.kills)}, "
          f"{sum(map(len, arrived.values()))} of {len(wanted)} arrived")
    assert {one: len(ids) for one, ids in arrived.items()} == \
        {one: min(CAP, each[one]) for one in leads}
    path = bed.root / "open.policy"
    path.write_text(HoldPolicy(200).text())
    bed.tendril.cli("policy", "apply", str(path), "--reason", "test")
    proc.wait_until(lambda: no_copies(bed), 120, "no copies")
    bed.hub.wait_empty(60)
    got = collections.Counter(
        (one_id, one) for one, ids in delivered(bed, leads).items()
        for one_id in ids)
    assert got == wanted
    assert bed.sink.messages("news@example.com") == []


# --- reload and stop ---

# A message in work is waited for, for 30 s at most; a stop that waits for nothing
# takes a tenth of a second, on a busy machine a little longer.
STOP_S = 10
NO_CAP = conf.PolicyText(person_cap="200 per 7d", segment_cap="200 per 7d",
                         basis="legitimate-interest")


def one_each(rng, count):
    return [load.newsletter(number, lead)
            for number, lead in enumerate(make_leads(rng, count))]


def test_reload_storm_fails_no_message(build, make_bed, rng):
    """SIGUSR1 without end while mail flows: not even a tempfail."""
    bed = make_bed(build, policy=NO_CAP)
    bed.start_milter()
    bed.start_agent()
    bed.start_hub()
    work = load.Load(bed.ports["apps"], one_each(rng, 1000), rng)
    over = threading.Event()

    def storm():
        while not over.wait(rng.uniform(0, 0.02)):
            bed.tendril.milter.signal(signal.SIGUSR1)
    other = threading.Thread(target=storm, daemon=True)
    other.start()
    try:
        work.run(400)
    finally:
        over.set()
        other.join(60)
    reloads = len(bed.tendril.events("reloaded"))
    print(f"{reloads} reloads, {work.counts['attempts'] / work.seconds:.0f} "
          "messages/s")
    assert reloads > 20
    assert [job.replies for job in work.jobs if job.attempts > 1] == []
    assert work.counts == {"attempts": 1000, "cut": 0, 250: 1000}
    assert bed.sink.wait(count=1000, timeout_s=60)
    memory = apps.memory_kb(bed.tendril.milter.pid)
    assert memory < apps.memory_bound_kb(build, 40_000), f"{memory} kB after {reloads} reloads"


@pytest.mark.parametrize("name", ["agent", "milter"])
def test_stop_is_heard_amid_reloads(build, make_bed, name):
    """SIGUSR1 faster than one reload, without end: SIGTERM still stops."""
    bed = make_bed(build, policy=NO_CAP)
    bed.start_milter()
    bed.start_agent()
    daemon = getattr(bed.tendril, name)

    def is_over():
        for _ in range(200):
            daemon.signal(signal.SIGUSR1)
        return not daemon.is_running()
    assert not is_over()
    daemon.signal(signal.SIGTERM)
    proc.wait_until(is_over, 10, f"{name} stopping")
    assert daemon.stop() == 0


@pytest.mark.long
def test_restarts_cost_only_tempfails(build, make_bed, rng):
    """SIGTERM and a new start, again and again: no message is refused, none
    is lost, none comes twice, and no stop waits."""
    bed = make_bed(build, policy=NO_CAP)
    bed.start_milter()
    bed.start_agent()
    bed.start_hub()
    jobs, counts, sent = one_each(rng, 6000), collections.Counter(), 0
    over, stops = threading.Event(), []

    def restart():
        while not over.wait(rng.uniform(0.1, 0.6)):
            begun = time.monotonic()
            assert bed.tendril.stop_milter() == 0
            stops.append(time.monotonic() - begun)
            bed.start_milter()
    other = threading.Thread(target=restart, daemon=True)
    other.start()
    try:
        while len(stops) <= 5 and sent < len(jobs):
            work = load.Load(bed.ports["apps"], jobs[sent:sent + 300], rng)
            work.run(400)
            counts += work.counts
            sent += 300
    finally:
        over.set()
        other.join(60)
    del jobs[sent:]
    print(f"{len(stops)} stops, the longest {max(stops):.2f} s; "
          f"{dict(counts)}")
    assert len(stops) > 5
    assert max(stops) < STOP_S
    assert counts[250] == sent
    assert {code for code in counts if isinstance(code, int)} <= \
        {0, 250, 451}
    settle(bed, jobs)
    arrived = delivered(bed, [job.recipient for job in jobs])
    assert {len(ids) for ids in arrived.values()} == {1}
    left = [event for event in bed.tendril.events("stopped")
            if event["left"] != "0"]
    assert left == []
    assert Ledger(bed).states() == {"delivered": sent}


def wait_closed(bed):
    """Until the milter has seen a signal to stop: nobody new may come."""
    proc.wait_until(lambda: not proc.unix_is_open(bed.conf.milter_socket),
                    20, "socket closed")


@pytest.mark.parametrize("phase", apps.Steps.PHASES[:-1])
def test_stop_waits_for_the_message_in_work(build, make_bed, phase):
    """After SIGTERM a message that has begun is brought to its end; then the
    milter is gone at once."""
    bed = make_bed(build, policy=NO_CAP)
    bed.start_milter()
    job = load.newsletter(1, "anna@north.example")
    with apps.dial(bed) as link:
        steps = apps.Steps(link, job.data, job.recipient)
        steps.upto(phase)
        apps.wait_read(bed, link)  # MAIL and header fields get no answer
        bed.tendril.milter.signal(signal.SIGTERM)
        wait_closed(bed)
        if phase == "connect":
            link.mail(apps.NEWS)
            assert link.rcpt(job.recipient).code == 451
            link.rset()
        else:
            time.sleep(0.3)
            assert steps.upto("eom").outcome == "accept"
            assert steps.result.mail.get("DKIM-Signature")
            link.rset()
        begun = time.monotonic()
        assert bed.tendril.milter.wait(60) == 0
        assert time.monotonic() - begun < STOP_S


def test_second_stop_signal_does_not_wait(build, make_bed):
    bed = make_bed(build, policy=NO_CAP)
    bed.start_milter()
    job = load.newsletter(1, "anna@north.example")
    with apps.dial(bed) as link:
        apps.Steps(link, job.data, job.recipient).upto("rcpt")
        milter = bed.tendril.milter
        milter.signal(signal.SIGTERM)
        wait_closed(bed)
        time.sleep(0.3)
        assert milter.is_running()
        milter.signal(signal.SIGTERM)
        begun = time.monotonic()
        assert milter.wait(60) == 0
        assert time.monotonic() - begun < STOP_S


# --- the milter alone, killed in a loop ---

class Direct:
    """Threads that hand messages straight to the milter, with the log that a
    Postfix would have written, which the agent follows."""

    def __init__(self, bed, jobs, threads=12):
        self.bed = bed
        self.jobs = jobs
        self.log = apps.PlayedLog(bed.hub.maillog)
        self.accepted = {}  # queue id -> job
        self.counts = collections.Counter()
        self._todo = collections.deque(jobs)
        self._left = len(jobs)
        self._lock = threading.Lock()
        self._threads = [threading.Thread(target=self._work, daemon=True)
                         for _ in range(threads)]

    @property
    def done(self):
        return 1 - self._left / len(self.jobs)

    def run(self, timeout_s):
        begun = time.monotonic()
        for thread in self._threads:
            thread.start()
        for thread in self._threads:
            thread.join(timeout_s)
        assert self._left == 0, f"{self._left} messages without an answer"
        return time.monotonic() - begun

    def _work(self):
        link = None
        while self._left > 0:
            try:
                job = self._todo.popleft()
            except IndexError:
                time.sleep(0.02)
                continue
            try:
                link = link or apps.dial(self.bed)
                self._send(link, job)
            except apps.Disconnected:
                self._lost(link, job)
                link = None
        if link is not None:
            link.drop()

    def _send(self, link, job):
        sent = link.send(job.data, job.sender, [job.recipient])
        with self._lock:
            self.counts[sent.outcome] += 1
        if sent.outcome == "tempfail":
            time.sleep(0.02)
            self._todo.append(job)
            return
        job.final = (sent.reply.code or 250, sent.outcome)
        if sent.outcome == "accept":
            self.accepted[sent.queue_id] = job
            self.log.delivered(sent.queue_id, job.recipient)
        with self._lock:
            self._left -= 1

    def _lost(self, link, job):
        self.counts["lost"] += 1
        if link is not None:
            if link.queue_id is not None:
                self.log.filter_lost(link.queue_id, job.recipient)
            link.drop()
        time.sleep(0.02)
        self._todo.append(job)


@pytest.mark.parametrize("leads, kills", [
    pytest.param(150, 10, id="150-leads"),
    pytest.param(2000, 60, id="2000-leads", marks=pytest.mark.long)])
def test_nothing_acknowledged_is_lost(build, make_bed, rng, leads, kills):
    """Every message that the milter let go has its slot in the ledger, however
    often it is killed; a retry never counts twice."""
    bed = make_bed(build, policy=POLICY)
    bed.start_milter()
    people = make_leads(rng, leads)
    direct = Direct(bed, make_jobs(rng, people, 10))
    bed.start_agent()
    load.consents(web.Api(bed.conf.api), people)
    killer = Killer(bed, rng, direct, kills, victims=("milter",))
    killer.start()
    try:
        seconds = direct.run(800)
    finally:
        killer.stop()
    print(f"{len(direct.jobs)} messages in {seconds:.1f} s, {kills} kills, "
          f"{dict(direct.counts)}")
    assert killer.kills == {"milter": kills}
    book = Ledger(bed)
    book.wait_settled(120)
    slots = {slot.queue_id: slot for slot in book.slots()}
    for queue_id, job in direct.accepted.items():
        assert slots[queue_id].state == "delivered"
        assert slots[queue_id].address == job.recipient
    per_lead = collections.Counter(
        job.recipient for job in direct.accepted.values())
    assert per_lead == dict.fromkeys(people, CAP)
    assert book.states()["delivered"] == CAP * leads
    bed.tendril.stop()
    assert book.check() > 0
    assert book.rebuild() > 0
