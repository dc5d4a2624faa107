"""When something fails: full and read-only disks, bad keys, bad policies,
programs that do not fit the ledger."""

import contextlib
import pathlib
import random
import shutil
import threading
import time

import pytest

import apps
import load
from bed import conf, judge, mail, proc, web
from ledger import Ledger

POLICY = conf.PolicyText(person_cap="200 per 7d", segment_cap="200 per 7d",
                         basis="legitimate-interest")
NEWS, ORDERS, STRANGER = apps.NEWS, "orders@example.com", "joe@south.example"
EXIT_CONFIG = 78
_serial = iter(range(10 ** 9))


def change(*pairs):
    """A tweak of the conf's text: (old, new)."""
    def tweak(text):
        plain = text.text

        def changed():
            out = plain()
            for old, new in pairs:
                assert old in out
                out = out.replace(old, new)
            return out
        text.text = changed
    return tweak


# sendmail(1) is an origin of the newsletter.
LOCAL = ('class = "nurture"\n', 'class = "nurture"\n  local = yes\n')


def person():
    return f"t{next(_serial)}@north.example"


def letter(recipient, sender=NEWS, segment="newsletter"):
    fields = [("X-Tendril-Segment", segment)] if sender == NEWS else []
    number = next(_serial)
    return mail.message(sender, recipient, f"Letter {number}", fields=fields,
                        message_id=f"<{number}.trouble@app.example.com>")


def submit(bed, sender=NEWS, recipient=None, service="apps"):
    """(recipient, final answer)."""
    recipient = recipient or person()
    sent = mail.submit(bed.ports[service], sender, [recipient],
                       letter(recipient, sender))
    return recipient, sent.final


def sendmail(bed, sender=NEWS):
    recipient = person()
    data = letter(recipient, sender).replace(b"\r\n", b"\n")
    bed.hub.sendmail(data, sender, [recipient])
    return recipient


def assert_signed(bed, recipient, timeout_s=20):
    message = bed.sink.wait(recipient, timeout_s=timeout_s)[0]
    found = judge.signatures(message.data, bed.zone)
    assert len(found) == 2 and all(s.valid for s in found)
    assert len(bed.sink.messages(recipient)) == 1


def assert_other_mail_flows(bed):
    """Receipts leave signed, strangers' mail as it came."""
    recipient, answer = submit(bed, ORDERS)
    assert answer[0] == 250, answer
    assert_signed(bed, recipient)
    recipient, answer = submit(bed, STRANGER, "anna@example.com", "smtp25")
    assert answer[0] == 250, answer
    message = bed.sink.wait(recipient)[-1]
    assert judge.signatures(message.data, bed.zone) == []


def assert_newsletters_wait(bed, count=20):
    """451 4.3.0, at once (the door's patience is 20 s), and one line in the
    log for all of them (which has one a minute)."""
    before = len(bed.tendril.events("message.trouble"))
    begun = time.monotonic()
    refused = [submit(bed) for _ in range(count)]
    assert time.monotonic() - begun < count * 2
    for recipient, answer in refused:
        assert answer[0] == 451 and answer[1].startswith("4.3.0"), answer
        assert bed.sink.messages(recipient) == []
    lines = len(bed.tendril.events("message.trouble")) - before
    assert lines <= 1


def assert_taken_once(bed, recipients):
    """sendmail(1)'s mail in trouble was looked at once each: no hot loop."""
    def discards():
        return bed.hub.log_text().count(
            "milter-discard: END-OF-MESSAGE from localhost")
    proc.wait_until(lambda: discards() >= len(recipients), 20, "discards")
    bed.hub.wait_empty()
    time.sleep(1.5)
    assert discards() == len(recipients)
    assert bed.hub.queue() == []


def start_whole(bed):
    bed.start_milter()
    bed.start_agent()
    bed.start_hub()


# --- the ledger's map is full ---

def fill_map(bed):
    """Policies with long comments, then shorter ones, until none fits."""
    api = web.Api(bed.conf.api)
    text = bed.conf.policy_file.read_text()
    for size in (12_000, 1000, 100, 10, 0):
        status = 200
        while status == 200:
            padding = f"# {next(_serial)}\n" + f"# {'x' * 70}\n" * size
            status, answer = api.ask("POST", "/v1/policy", path="p",
                                     reason="fill", text=text + padding)
        assert status == 503, answer


def test_map_full(build, make_bed):
    bed = make_bed(build, policy=POLICY, tweak=change(LOCAL, (
        'mode = "enforce"', 'mode = "enforce"\nmap-size = 16M')))
    start_whole(bed)
    fill_map(bed)
    assert_newsletters_wait(bed)
    assert_other_mail_flows(bed)
    local = [sendmail(bed) for _ in range(5)]
    receipt = sendmail(bed, ORDERS)
    bed.sink.wait(receipt)
    assert_taken_once(bed, local)
    assert bed.sink.messages(local[0]) == []
    bed.tendril.stop()
    text = bed.conf_file.read_text()
    bed.conf_file.write_text(text.replace("16M", "64M"))
    bed.start_milter()
    bed.start_agent()
    recipient, answer = submit(bed)
    assert answer[0] == 250
    for one in [recipient, *local]:
        assert_signed(bed, one)
    assert Ledger(bed).check() > 0


# --- disks of their own, in a mount namespace of their own ---

class Disks:
    """Daemons of the bed run where `script` was run by a root shell; what it
    mounts is seen by nobody else."""

    def __init__(self, bed, script):
        self._bed = bed
        self._ready = bed.root / "mounted"
        self._keeper = proc.Daemon(
            "mounts", ["unshare", "--mount", "sh", "-ec",
                       f"{script}\n: >{self._ready}\nexec sleep 3600"],
            bed.root / "mounts.log")
        try:
            self._keeper.wait_ready(self._ready.exists)
        except proc.BedError as why:
            pytest.skip(f"no mounts here: {why}")
        self.enter = ("nsenter", "--mount", "--target", str(self._keeper.pid))
        bed.tendril.prefix = self.enter

    def run(self, script):
        proc.run([*self.enter, "sh", "-ec", script])

    def path(self, path):
        """The path as the daemons see it."""
        return pathlib.Path(f"/proc/{self._keeper.pid}/root{path}")

    def close(self):
        self._bed.tendril.stop()
        self._keeper.kill()


@contextlib.contextmanager
def disks(bed, script):
    made = Disks(bed, script)
    try:
        yield made
    finally:
        made.close()


def fill_disk(folder):
    """No byte is left; returns the file to remove."""
    filler = folder / "filler"
    with open(filler, "wb", buffering=0) as out:
        for size in (1 << 16, 1 << 12):
            try:
                while True:
                    out.write(b"x" * size)
            except OSError:
                pass
    return filler


def test_disk_full_under_load(build, make_bed):
    """The ledger's disk fills up while mail flows, and is freed again: the
    applications see tempfails, all mail arrives once, nobody restarts."""
    bed = make_bed(build, policy=POLICY, tweak=change(LOCAL))
    ledger = bed.root / "state" / "ledger"
    with disks(bed, f"mkdir -m 770 {ledger}; "
               f"mount -t tmpfs -o size=12m none {ledger}") as made:
        start_whole(bed)
        pids = bed.tendril.milter.pid, bed.tendril.agent.pid
        rng = random.Random(1)
        work = load.Load(bed.ports["apps"], [
            load.newsletter(number, f"d{number}@north.example")
            for number in range(600)], rng, connections=16)
        runner = threading.Thread(target=work.run, args=(400,), daemon=True)
        runner.start()
        proc.wait_until(lambda: work.done > 0.2, 60, "a part of the load")
        filler = fill_disk(made.path(ledger))
        proc.wait_until(lambda: work.counts[451] > 20, 60, "tempfails")
        local = [sendmail(bed) for _ in range(5)]
        assert_other_mail_flows(bed)
        filler.unlink()
        freed = time.monotonic()
        runner.join(400)
        print(f"{work.seconds:.1f} s, {dict(work.counts)}, over "
              f"{time.monotonic() - freed:.1f} s after the disk was freed")
        assert work.done == 1
        assert {code for code in work.counts if isinstance(code, int)} == \
            {250, 451}
        for job in work.jobs:
            assert len(bed.sink.wait(job.recipient)) == 1
        for recipient in local:
            assert_signed(bed, recipient)
        assert pids == (bed.tendril.milter.pid, bed.tendril.agent.pid)
        assert bed.tendril.milter.is_running()
        assert bed.tendril.agent.is_running()


def held(bed):
    return bed.tendril.cli("hold", "list", "--json").stdout.splitlines()


def queues(bed):
    """In which queue each message is."""
    return [one["queue_name"] for one in bed.hub.queue()]


def test_every_disk_full(build, make_bed):
    """Ledger and spool on one full disk: sendmail(1)'s newsletters go to the
    hold queue, other mail flows."""
    bed = make_bed(build, policy=POLICY, tweak=change(LOCAL))
    state = bed.root / "state"
    with disks(bed, f"mount -t tmpfs -o size=12m none {state}") as made:
        start_whole(bed)
        filler = fill_disk(made.path(state))
        assert_newsletters_wait(bed)
        assert_other_mail_flows(bed)
        recipient = sendmail(bed)
        proc.wait_until(lambda: queues(bed) == ["hold"], 20, "a held message")
        time.sleep(1.5)
        assert queues(bed) == ["hold"]
        (held,) = bed.hub.queue()
        assert bed.hub.log_text().count(held["queue_id"] + ": uid=") == 1
        filler.unlink()
        other, answer = submit(bed)
        assert answer[0] == 250
        assert_signed(bed, other)
        assert bed.sink.messages(recipient) == []


def test_spool_disk_full(build, make_bed):
    """The spool alone is full: what would wait is not taken, what may go goes;
    then there is room, and what waited before is all there."""
    bed = make_bed(build, policy=conf.PolicyText(
        person_cap="1 per 7d", segment_cap="200 per 7d",
        basis="legitimate-interest"))
    bed.conf.policy_file.write_text(bed.conf.policy_file.read_text().replace(
        '"reject"', '"hold 30d, then bounce"'))
    spool = bed.root / "state" / "spool"
    with disks(bed, f"mkdir -m 770 {spool}; "
               f"mount -t tmpfs -o size=1m none {spool}") as made:
        start_whole(bed)
        who = person()
        for _ in range(2):
            assert submit(bed, recipient=who)[1][0] == 250
        filler = fill_disk(made.path(spool))
        for _ in range(3):
            assert submit(bed, recipient=who)[1][0] == 451
        other, answer = submit(bed)
        assert answer[0] == 250
        assert_signed(bed, other)
        assert len(held(bed)) == 1 and len(bed.sink.messages(who)) == 1
        filler.unlink()
        assert submit(bed, recipient=who)[1][0] == 250
        assert len(held(bed)) == 2
        free = bed.root / "free.policy"
        free.write_text(POLICY.text())
        bed.tendril.cli("policy", "apply", free, "--reason", "room")
        assert len(bed.sink.wait(who, count=3)) == 3
        proc.wait_until(lambda: not held(bed), 10, "nothing is held")
        Ledger(bed).check()


def test_read_only_at_start(build, make_bed):
    """The ledger's disk is read-only when the daemons start; then it is
    mended, and nobody restarts."""
    bed = make_bed(build, policy=POLICY, tweak=change(LOCAL))
    ledger = bed.root / "state" / "ledger"
    with disks(bed, f"mkdir -m 770 {ledger}; mount --bind {ledger} {ledger}; "
               f"mount -o remount,ro,bind {ledger}") as made:
        bed.start_milter()
        bed.start_hub()
        assert_newsletters_wait(bed)
        assert_other_mail_flows(bed)
        local = sendmail(bed)
        assert_taken_once(bed, [local])
        made.run(f"mount -o remount,rw,bind {ledger}")
        proc.wait_until(lambda: submit(bed)[1][0] == 250, 20, "a recovery")
        bed.start_agent()
        assert_signed(bed, local)


# --- no more threads ---

SHIM = pathlib.Path(__file__).with_name("data") / "no_thread.c"
# libmilter gives up, and ends the process, after sixteen failures in a row.
REFUSED = 40


def start_milter_without(bed, build):
    """The milter as it is when there are no threads, while the file that is
    returned is there."""
    data = (build / "tendril-milter").read_bytes()
    if b"__asan_init" in data or b"__tsan_init" in data:
        pytest.skip("a sanitizer makes its threads itself")
    if b"connection.no_thread" not in data:
        pytest.skip("this libmilter has no pool that we could stand in for")
    library, flag = bed.root / "no_thread.so", bed.root / "no-thread"
    proc.run(["cc", "-shared", "-fPIC", "-o", library, SHIM])
    words = {"LD_PRELOAD": str(library), "TENDRIL_TEST_NO_THREAD": str(flag)}
    bed.tendril.env.update(words)
    bed.start_milter()
    for word in words:
        del bed.tendril.env[word]
    return flag


def test_no_more_threads(build, make_bed):
    """A connection without a thread ends, alone: those that are there go on,
    and later ones come; the MTA tells the application to come again."""
    bed = make_bed(build, policy=POLICY)
    flag = start_milter_without(bed, build)
    bed.start_agent()
    bed.start_hub()
    begun = time.monotonic()
    with apps.dial(bed) as there:
        flag.touch()
        for _ in range(REFUSED):
            with pytest.raises(apps.Disconnected):
                apps.dial(bed).hello()
        assert submit(bed)[1][0] == 451
        one = person()
        assert there.send(letter(one), NEWS, [one]).outcome == "accept"
        flag.unlink()
        two = person()
        with apps.dial(bed) as later:
            assert later.send(letter(two), NEWS, [two]).outcome == "accept"
    assert time.monotonic() - begun < 60
    recipient, answer = submit(bed)
    assert answer[0] == 250, answer
    assert_signed(bed, recipient)
    assert bed.tendril.milter.is_running()
    (event, *_) = bed.tendril.events("connection.no_thread")
    assert "unavailable" in event["error"], event


# --- keys ---

def remove(path):
    path.unlink()


def open_to_group(path):
    path.chmod(0o640)


def open_to_all(path):
    path.chmod(0o644)


def own_by_another(path):
    shutil.chown(path, "nobody")


def garble(path):
    path.write_text("-----BEGIN PRIVATE KEY-----\nAAAA\n")


def empty(path):
    path.write_text("")


SPOILS = [remove, open_to_group, open_to_all, own_by_another, garble, empty]


def spoil_key(bed, spoil):
    """The words that the refusal must contain."""
    path = bed.keys[0].file
    spoil(path)
    return path.name


def swap_algorithms(bed):
    text = bed.conf_file.read_text()
    swapped = text.replace('"rsa-sha256"', '"?"').replace(
        '"ed25519-sha256"', '"rsa-sha256"').replace('"?"', '"ed25519-sha256"')
    bed.conf_file.write_text(swapped)
    return bed.keys[0].selector


def ways_to_spoil():
    for spoil in SPOILS:
        yield pytest.param(lambda bed, spoil=spoil: spoil_key(bed, spoil),
                           id=spoil.__name__)
    yield pytest.param(swap_algorithms, id="ed25519_declared_as_rsa")


def refused_start(bed, starter):
    with pytest.raises(proc.BedError) as why:
        starter()
    return str(why.value)


@pytest.mark.parametrize("spoil", ways_to_spoil())
def test_bad_key(build, make_bed, spoil):
    """At reload it is refused and the running keys stay; at start there is no
    start."""
    bed = make_bed(build, policy=POLICY)
    bed.start_milter()
    named = spoil(bed)
    bed.tendril.milter.signal(10)
    proc.wait_until(lambda: bed.tendril.events("reload.refused"), 10,
                    "a refused reload")
    assert named in bed.tendril.events("reload.refused")[0]["error"]
    job = load.newsletter(next(_serial), person())
    with apps.dial(bed) as link:
        sent = link.send(job.data, NEWS, [job.recipient])
    found = judge.signatures(sent.mail.message, bed.zone)
    assert len(found) == 2 and all(s.valid for s in found)
    bed.tendril.stop_milter()
    text = refused_start(bed, bed.start_milter)
    assert f"ended with {EXIT_CONFIG}" in text
    assert named in text


@pytest.mark.parametrize("name", ["lead.key", "token.key", "epoch.key"])
@pytest.mark.parametrize("spoil", [remove, open_to_all, own_by_another,
                                   empty])
def test_bad_shared_key(build, make_bed, name, spoil):
    """Neither daemon starts without the keys that both need."""
    bed = make_bed(build, policy=POLICY)
    spoil(bed.root / "secrets" / name)
    assert name in refused_start(bed, bed.start_milter)
    assert name in refused_start(bed, bed.start_agent)


def test_two_at_once(build, make_bed):
    """The second of each daemon is refused and the first goes on; what a
    killed one left behind is in nobody's way."""
    bed = make_bed(build, policy=POLICY)
    start_whole(bed)
    for name in ("tendril-milter", "tendril-agent"):
        second = proc.run([build / name, "--conf", bed.conf_file],
                          check=False)
        assert second.returncode == 1
        assert "another instance is listening here" in second.stderr
    recipient, answer = submit(bed)
    assert answer[0] == 250
    assert_signed(bed, recipient)
    bed.tendril.cli("policy", "log")
    for daemon in (bed.tendril.milter, bed.tendril.agent):
        daemon.kill()
    bed.start_milter()
    bed.start_agent()
    assert submit(bed)[1][0] == 250


def test_conf_that_does_not_parse(build, make_bed):
    bed = make_bed(build, policy=POLICY)
    bed.start_milter()
    bed.conf_file.write_text(bed.conf_file.read_text() + "\nfoo = 1\n")
    bed.tendril.milter.signal(10)
    proc.wait_until(lambda: bed.tendril.events("reload.refused"), 10,
                    "a refused reload")
    assert "foo" in bed.tendril.events("reload.refused")[0]["error"]
    bed.start_hub()
    bed.start_late()
    recipient, answer = submit(bed)
    assert answer[0] == 250
    assert_signed(bed, recipient)


# --- policies ---

GOOD = POLICY.text()
TRAPS = {
    "unknown key": (GOOD.replace("at-most     =", "at-mots     ="), "at-most"),
    "unknown section": (GOOD + "\nsegmnet x { }\n", "segment"),
    "wrong unit": (GOOD.replace('"200 per 7d"', '"200 per 7q"', 1), "7q"),
    "wrong type": (GOOD.replace('"newsletter"\n', "{1, 2}\n", 1), ""),
    "missing last brace": (GOOD.rstrip().removesuffix("}"), ""),
    "missing quote": (GOOD.replace('"reject"\n}', '"reject\n}', 1), ""),
    "duplicate section": (GOOD + GOOD[GOOD.index("segment webinar"):],
                          "webinar"),
    "repeated scalar": (GOOD.replace(
        "  when-full", '  when-full = "defer"\n  when-full', 1), "when-full"),
    "environment": (GOOD.replace('"Europe/Berlin"', '"${TZ}"'), "${"),
    "octal": (GOOD.replace("segment newsletter {",
                           "segment newsletter {\n keep-free = 010"), "010"),
    "append": (GOOD.replace("order     =", "order     +="), "+="),
    "backslash": (GOOD.replace("Europe/Berlin", "Europe\\Berlin"), "backslash"),
    "nothing": ("", ""),
    "negative": (GOOD.replace("200 per", "-1 per", 1), "-1"),
    "not text": (GOOD + "\x00\x01", ""),
}


@pytest.fixture(scope="module")
def ruled(build):
    from bed import bed as beds
    with beds.Bed(build, policy=POLICY) as bed:
        start_whole(bed)
        yield bed


@pytest.mark.parametrize("name", TRAPS)
def test_policy_trap(ruled, name):
    """Refused with file and line; the rules in force stay."""
    text, word = TRAPS[name]
    path = ruled.root / "next.policy"
    path.write_text(text)
    before = ruled.tendril.cli("policy", "show").stdout
    done = ruled.tendril.cli("policy", "apply", path, "--reason", "trap",
                             check=False)
    assert done.returncode == 1, done
    assert f"{path}:" in done.stderr or name == "nothing", done.stderr
    assert word in done.stderr
    assert ruled.tendril.cli("policy", "show").stdout == before
    recipient, answer = submit(ruled)
    assert answer[0] == 250
    assert_signed(ruled, recipient)


# --- versions ---

def test_ledger_of_another_schema(build, make_bed):
    """Refused, with both numbers; the ledger is not touched."""
    bed = make_bed(build, policy=POLICY)
    tool = build / "tests" / "tools" / "ledgertool"
    (bed.root / "state" / "ledger").mkdir(mode=0o770)
    proc.run([tool, bed.conf_file, "make", "4711"])
    data = bed.root / "state" / "ledger" / "data.mdb"
    before = data.read_bytes()
    for starter in (bed.start_milter, bed.start_agent):
        text = refused_start(bed, starter)
        assert "4711" in text, text
    done = bed.tendril.cli("ledger", "check", check=False)
    assert done.returncode != 0
    assert "4711" in done.stderr
    assert data.read_bytes() == before


def test_ledger_of_an_older_release(build, make_bed):
    """Refused, and the text tells what makes one of today's layout of it."""
    bed = make_bed(build, policy=POLICY)
    tool = build / "tests" / "tools" / "ledgertool"
    ledger = bed.root / "state" / "ledger"
    ledger.mkdir(mode=0o770)
    proc.run([tool, bed.conf_file, "make", "1"])
    for starter in (bed.start_milter, bed.start_agent):
        assert "tendril ledger rebuild --write DIR" in refused_start(
            bed, starter)
    for words in (["rebuild"], ["check"], ["stat"]):
        assert bed.tendril.cli("ledger", *words, check=False).returncode == 1
    bed.tendril.cli("ledger", "rebuild", "--write", bed.root / "today")
    ledger.rename(bed.root / "old")
    (bed.root / "today").rename(ledger)
    bed.start_milter()
    bed.start_agent()
    assert "whole" in bed.tendril.cli("ledger", "check").stdout
