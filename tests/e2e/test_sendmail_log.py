"""What becomes of messages by the log of a real Sendmail, which the agent
follows: delivered, bounced, deferred, expired, refused; also while the agent is
killed and the log is rotated, and whatever the world's servers say."""

import datetime
import json
import re
import shutil

import pytest

from bed import bed as beds
from bed import conf, mail, proc, sendmail
from ledger import Ledger

pytestmark = pytest.mark.long

NEWS = "news@example.com"
SHORT = """\
define(`confTO_QUEUERETURN', `6s')dnl
define(`confTO_QUEUEWARN', `3s')dnl
"""
ALIASES = """\
define(`ALIAS_FILE', `hash:%s/aliases')dnl
LOCAL_DOMAIN(`lists.example.com')dnl
"""


def follow_sendmail(root):
    def tweak(text):
        plain = text.text

        def changed():
            found, count = re.subn(r'(mta-log \{\s*file = ")[^"]*',
                                   rf"\g<1>{root}/maillog", plain())
            assert count == 1
            return found
        text.text = changed
    return tweak


@pytest.fixture(scope="module")
def bed(build):
    try:
        files = sendmail.unpack(build)
    except sendmail.Missing as why:
        pytest.skip(f"Sendmail's packages cannot be had: {why}")
    root = beds.make_root("/run")
    policy = conf.PolicyText(basis="legitimate-interest",
                             segment_cap="2 per 7d", person_cap="3 per 7d")
    with beds.Bed(build, root=root, policy=policy,
                  tweak=follow_sendmail(root)) as made:
        made.sendmail = sendmail.Sendmail(
            files, root / "sendmail", ports=made.ports,
            sink_port=made.sink.port, socket=made.conf.milter_socket,
            bounce_domain=beds.BOUNCE_DOMAIN, more=SHORT + ALIASES % root,
            maillog=root / "maillog",
            ingest=f"{root}/tendril ingest --conf {made.conf_file}")
        shutil.copy(build / "tendril", root)  # where nobody may enter
        made.start_milter()
        made.start_agent()
        (root / "aliases").write_text(
            "one: carl@north.example\n"
            "two: dora@north.example, erik@south.example\n"
            "old: finn@north.example, gina@north.example\n")
        made.sendmail.start()
        made.ledger = Ledger(made)
        yield made
        made.sendmail.stop()
        made.stop_and_look()


def news(bed, person, number=0):
    data = mail.message(NEWS, person, f"Letter {number}",
                        fields=[("X-Tendril-Segment", "newsletter")],
                        message_id=f"<{number}.{person}>")
    return mail.submit(bed.ports["apps"], NEWS, [person], data)


def state(bed, person):
    return [slot.state for slot in bed.ledger.slots()
            if slot.address == person]


def wait_state(bed, person, *want, timeout_s=20):
    proc.wait_until(lambda: state(bed, person) == list(want), timeout_s,
                    f"{person}: {want}, not {state(bed, person)}")


def journal(bed, kind):
    lines = bed.tendril.cli("journal", "--json", "--type",
                            kind).stdout.splitlines()
    return [json.loads(line) for line in lines]


def deliveries(bed):
    return journal(bed, "slot_delivered")


def test_delivered(bed):
    sent = news(bed, "anna@north.example")
    assert sent.final[0] == 250, sent
    wait_state(bed, "anna@north.example", "delivered")
    received, = bed.sink.wait("anna@north.example")
    event, = deliveries(bed)
    assert event["status"] == "2.0.0" and "127.0.0.1" in event["relay"]
    # The moment of the server's answer, not of the hand-over or the reading.
    told = datetime.datetime.fromisoformat(event["at"])
    assert abs(told.timestamp() - received.time) < 1.5


def test_bounced(bed):
    bed.sink.script("gone@*", "550 5.1.1 no such user, stat=Sent (ok)")
    assert news(bed, "gone@north.example").final[0] == 250
    wait_state(bed, "gone@north.example", "released")
    proc.wait_until(
        lambda: bed.tendril.cli("suppress", "check", "gone@north.example",
                                check=False).returncode == 0,
        20, "a suppression")


def test_forged_by_a_server(bed):
    """The enhanced code, and what looks like a further field, are the
    server's own words: the first digits count."""
    bed.sink.script("liar@*", "550 2.0.0 fine, dsn=2.0.0, stat=Sent (ok)")
    bed.sink.script("weird@*", "451 4.2.0 x, dsn=5.1.1, stat=User unknown",
                    times=1)
    assert news(bed, "liar@north.example").final[0] == 250
    assert news(bed, "weird@north.example").final[0] == 250
    wait_state(bed, "liar@north.example", "released")
    wait_state(bed, "weird@north.example", "delivered")
    assert bed.tendril.cli("suppress", "check", "weird@north.example",
                           check=False).returncode == 1


def test_deferred_then_expired(bed):
    bed.sink.script("never@*", "451 4.2.1 not now")
    assert news(bed, "never@north.example").final[0] == 250
    wait_state(bed, "never@north.example", "queued")
    wait_state(bed, "never@north.example", "released", timeout_s=40)
    assert bed.tendril.cli("suppress", "check", "never@north.example",
                           check=False).returncode == 1


def test_the_same_again(bed):
    """Known to be in the queue: a duplicate, and discarded."""
    person = "twice@north.example"
    assert news(bed, person, 1).final[0] == 250
    wait_state(bed, person, "delivered")
    assert news(bed, person, 1).final[0] == 250
    wait_state(bed, person, "delivered")
    bed.sendmail.wait_empty()
    assert len(bed.sink.wait(person)) == 1


def test_limit_by_the_log(bed):
    """A bounce gives its slot back, a delivery does not."""
    bed.sink.script("full@*", "552 5.2.2 mailbox full", times=1)
    for number, states in enumerate((["released"], ["released", "delivered"])):
        assert news(bed, "full@north.example", number).final[0] == 250
        wait_state(bed, "full@north.example", *states)
    assert news(bed, "full@north.example", 2).final[0] == 250
    assert news(bed, "full@north.example", 3).final[0] == 550


def test_several_recipients(bed):
    people = [f"team{i}@north.example" for i in range(3)]
    data = mail.message(NEWS, people[0], "All of you",
                        fields=[("X-Tendril-Segment", "newsletter")])
    assert mail.submit(bed.ports["apps"], NEWS, people,
                       data).final[0] == 250
    for person in people:
        wait_state(bed, person, "delivered")


def test_more_recipients_than_decided(bed):
    """An alias of two: told. One of one is none of those."""
    for person in ("one", "two"):
        assert news(bed, f"{person}@lists.example.com").final[0] == 250
        wait_state(bed, f"{person}@lists.example.com", "delivered")
    for person in ("carl@north", "dora@north", "erik@south"):
        bed.sink.wait(f"{person}.example")
    event, = proc.wait_until(lambda: journal(bed, "more_recipients"), 20,
                             "the alarm")
    assert (event["address"], event["decided"], event["recipients"]) == (
        "two@lists.example.com", 1, 2)
    assert "event=mtalog.more_recipients" in bed.tendril.agent.log_text()


def test_killed_and_rotated(bed):
    """Nothing is lost, nothing counts twice."""
    bed.sink.script("crash?1@*", "550 5.1.1 no such user")
    people = [f"crash{a}{b}@north.example" for a in range(4)
              for b in range(5)]
    for number, person in enumerate(people):
        assert news(bed, person).final[0] == 250
        if number in (4, 12):
            bed.tendril.agent.kill()
            bed.sendmail.syslog.rotate(bed.root / f"maillog.{number}")
        if number in (8, 16):
            bed.start_agent()
    for person in people:
        wait_state(bed, person,
                   "released" if person[6] == "1" else "delivered")
    assert len(deliveries(bed)) == bed.ledger.states()["delivered"]
    assert "mtalog.gap" not in bed.tendril.agent.log_text()


def imported(bed, *words):
    done = bed.tendril.cli("mtalog", "import", "--json", *words)
    return json.loads(done.stdout)


def test_import(bed):
    """The log was compressed before the agent had read it: a hole, which the
    import fills. It counts nothing twice and leaves the agent's place alone."""
    people = ["old1@north.example", "old2@north.example"]
    bed.sendmail.wait_empty()
    alarms = len(journal(bed, "more_recipients"))
    bed.tendril.agent.kill()
    for person in people:
        assert news(bed, person).final[0] == 250
        bed.sink.wait(person)
    assert news(bed, "old@lists.example.com").final[0] == 250
    bed.sink.wait("gina@north.example")
    bed.sendmail.wait_empty()
    old = bed.root / "maillog.old"
    bed.sendmail.syslog.rotate(old)
    proc.run(["gzip", "-n", old])
    bed.start_agent()
    assert news(bed, "new1@north.example").final[0] == 250
    wait_state(bed, "new1@north.example", "delivered")
    assert "mtalog.gap" in bed.tendril.agent.log_text()
    assert [state(bed, person) for person in people] == [["proposed"]] * 2
    packed = f"{old}.gz"
    told = imported(bed, "--dry-run", packed)
    assert told["changed"] >= 2 and told["dry_run"]
    assert told["more_recipients"] == 1
    assert len(journal(bed, "more_recipients")) == alarms
    assert [state(bed, person) for person in people] == [["proposed"]] * 2
    assert imported(bed, packed)["more_recipients"] == 1
    assert len(journal(bed, "more_recipients")) == alarms + 1
    assert [state(bed, person) for person in people] == [["delivered"]] * 2
    again = imported(bed, packed)
    assert again["changed"] == 0 and again["not_understood"] == 0
    assert again["more_recipients"] == 0
    assert news(bed, "new2@north.example").final[0] == 250
    wait_state(bed, "new2@north.example", "delivered")
    assert len(deliveries(bed)) == bed.ledger.states()["delivered"]


def test_import_what_is_none(bed, tmp_path):
    bad = tmp_path / "mail.log.gz"
    bad.write_bytes(b"no gzip")
    done = bed.tendril.cli("mtalog", "import", bad, check=False)
    assert done.returncode != 0 and "could not unpack" in done.stderr
    done = bed.tendril.cli("mtalog", "import", tmp_path / "none",
                           check=False)
    assert done.returncode == 2


def test_all_is_settled(bed):
    bed.sendmail.wait_empty()
    bed.ledger.wait_settled()
    assert bed.ledger.check() > 0
