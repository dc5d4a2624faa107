"""tendril hold adopt: sendmail(1)'s mail that the MTA put on hold because
nothing of ours could look at it, through a real Postfix; killed in between."""

import json
import os
import re
import signal
import stat

import pytest

import apps
from bed import bed as beds
from bed import judge, mail, proc
from ledger import Ledger
from test_copies import NEWS, Policy, files, letter, sendmail, take_local_too
from test_trouble import change

SIGNED = ("example.com", ["rsa-sha256", "ed25519-sha256"])
ORDERS = "orders@example.com"
SECOND = "late@north.example"
ROOT = "root@elsewhere.example"
NOT_OURS = change(("stream news {", """stream cron {
  class = "pass"
  local = yes
  sender = {"root@elsewhere.example"}
}

stream news {"""))


def local_streams(text):
    take_local_too(text)
    NOT_OURS(text)


@pytest.fixture
def bed(build, make_bed):
    """Postfix without a milter, which is away; agent and ledger are there."""
    one = make_bed(build, policy=Policy(), tweak=local_streams)
    one.start_milter()
    one.start_agent()
    proc.wait_until(lambda: "policy" in one.tendril.cli("policy", "log").stdout,
                    20, "the first policy")
    one.tendril.stop_milter()
    one.start_hub()
    return one


def held(bed, count=1):
    """Queue ids on hold, once there are so many."""
    def look():
        queue = bed.hub.queue()
        on_hold = [q["queue_id"] for q in queue if q["queue_name"] == "hold"]
        return on_hold if len(on_hold) == len(queue) == count else None
    return proc.wait_until(look, 20, f"{count} messages on hold")


def adopt(bed, *words, check=True, programs=None):
    """The completed process; `programs`: a folder that stands first in PATH."""
    env = dict(bed.tendril.env)
    if programs is not None:
        bed.tendril.env["PATH"] = f"{programs}:{os.environ['PATH']}"
    try:
        return bed.tendril.cli("hold", "adopt", *words, "--postfix",
                               bed.hub.config_dir, check=check)
    finally:
        bed.tendril.env.clear()
        bed.tendril.env.update(env)


def assert_arrived_once(bed, recipient):
    message = bed.sink.wait(recipient, timeout_s=60)[0]
    assert not judge.judge_signed(message.data, bed.zone, *SIGNED)
    proc.wait_until(lambda: not files(bed) and not files(bed, "spool/undecided")
                    and not files(bed, "spool/adopting"), 30, "an empty spool")
    bed.hub.wait_empty()
    assert len(bed.sink.messages(recipient)) == 1
    return message


def test_adopted_it_is_decided_signed_and_counted(bed):
    person = "a@north.example"
    sendmail(bed, person, 1)
    (queue_id,) = held(bed)
    bed.start_milter()
    done = adopt(bed, queue_id)
    assert done.stdout.startswith(f"{queue_id}: adopted as copy "), done
    message = assert_arrived_once(bed, person)
    assert judge.unsubscribe_uris(message.data)[0]
    assert judge.values(message.data, "Subject") == ["Letter 1"]
    trace = judge.values(message.data, "Received")
    assert queue_id in trace[-1] and "(Tendril)" in trace[-1]
    sent = mail.submit(bed.ports["apps"], NEWS, [person], letter(person, 2))
    assert sent.final[0] == 250
    proc.wait_until(lambda: len(files(bed)) == 1, 20, "one over the limit")
    again = adopt(bed, queue_id, check=False)
    assert again.returncode == 1
    assert "is not in the hold queue" in again.stderr
    assert len(bed.sink.messages(person)) == 1


def test_its_domain_is_known(bed):
    """A stop of the From domain binds an adopted message, and what becomes of
    it counts for that domain."""
    person = "a@north.example"
    sendmail(bed, person, 1)
    (queue_id,) = held(bed)
    words = ("--domain", "example.com", "--reason", "test")
    bed.tendril.cli("segment", "pause", *words)
    bed.start_milter()
    adopt(bed, queue_id)

    def copies():
        return [json.loads(line) for line in bed.tendril.cli(
            "hold", "list", "--json").stdout.splitlines()]

    def domain():
        rows = [json.loads(line) for line in bed.tendril.cli(
            "segment", "list", "--json").stdout.splitlines()]
        return [row for row in rows if (row["scope"], row["name"]) == (
            "domain", "example.com")][0]
    proc.wait_until(lambda: [c.get("reason") for c in copies()] == ["stopped"],
                    20, "a held copy")
    assert domain()["held"] == 1
    bed.tendril.cli("segment", "resume", *words)
    assert_arrived_once(bed, person)
    proc.wait_until(lambda: domain()["rates"][0]["of"] == 1, 20,
                    "a message of the domain")


def test_body_and_recipients_come_as_they_were(bed):
    people = ["b1@north.example", '"b 2"@north.example', "b3@north.example"]
    body = "one\n.\n.dot\n\ttab\nk\u00e4se " + "x" * 3000 + "\n\n\nlast"
    text = letter(people[0], 1, NEWS, "\n").partition(b"\n\n")[0]
    bed.hub.sendmail(text + b"\n\n" + body.encode(), NEWS, people)
    (queue_id,) = held(bed)
    bed.start_milter()
    told = json.loads(adopt(bed, queue_id, "--json").stdout)
    assert told["queue_id"] == queue_id and told["result"] == "adopted"
    assert told["recipients"] == 3 and told["segment"] == "newsletter"
    for person in people:
        message = assert_arrived_once(bed, person)
        got = message.data.replace(b"\r\n", b"\n").partition(b"\n\n")[2]
        assert got == body.encode() + b"\n"
        assert message.recipients == (person,)


def test_a_suppressed_person_gets_nothing(bed):
    bed.tendril.cli("suppress", "add", "foe@north.example")
    sendmail(bed, "foe@north.example", 1)
    (queue_id,) = held(bed)
    bed.start_milter()
    adopt(bed, queue_id)
    (report,) = bed.sink.wait(NEWS)
    assert b"Final-Recipient: rfc822;foe@north.example" in report.data
    bed.hub.wait_empty()
    assert not bed.sink.messages("foe@north.example")


@pytest.mark.long
def test_neither_ledger_nor_spool(build, make_bed):
    """The other way into the hold queue: the milter is there, and can do
    nothing. Adopted before both are mended: told, nothing changes."""
    bed = make_bed(build, policy=Policy(), tweak=take_local_too)
    ledger, spool = (bed.root / "state" / name for name in ("ledger", "spool"))
    ledger.write_text("not a folder")
    spool.write_text("not a folder")
    bed.start_milter()
    bed.start_hub()
    sendmail(bed, "a@south.example", 1)
    (queue_id,) = held(bed)
    assert adopt(bed, queue_id, check=False).returncode != 0
    ledger.unlink()
    proc.wait_until(lambda: bed.tendril.events("ledger.open"), 20,
                    "the milter opens the ledger")
    refused = adopt(bed, queue_id, check=False)
    assert refused.returncode == 75 and "spool" in refused.stderr
    assert held(bed) == [queue_id]
    spool.unlink()
    bed.start_agent()
    adopt(bed, queue_id)
    assert_arrived_once(bed, "a@south.example")


# --- what is none of it ---

def refusal(bed, queue_id):
    done = adopt(bed, queue_id, check=False)
    assert done.returncode == 1 and done.stdout == "", done
    assert held(bed) == [queue_id]
    assert not files(bed, "spool/adopting")
    return done.stderr


def test_no_stream_takes_it(bed):
    sendmail(bed, "x@north.example", 1, ROOT)
    (queue_id,) = held(bed)
    assert "none of Tendril's mail" in refusal(bed, queue_id)


def deferred(bed, recipient):
    """The queue id of what the outside would not have yet."""
    line = bed.hub.wait_log("status=deferred", recipient)
    return re.search(r": (\w+): to=<", line)[1]


def test_it_was_decided_and_an_operator_put_it_on_hold(bed):
    """Local or by SMTP: it is signed and counts, adopting would undo that."""
    bed.start_milter()
    person = "p1@north.example"
    bed.sink.script(person, "450 4.2.1 Not now", stage="rcpt")
    sendmail(bed, person, 1)
    queue_id = deferred(bed, person)
    bed.hub._command("postsuper", "-h", queue_id)
    assert "it was decided and signed" in refusal(bed, queue_id)
    bed.hub.delete("ALL")
    bed.sink.script(SECOND, "450 4.2.1 Not now", stage="rcpt")
    assert mail.submit(bed.ports["apps"], NEWS, [SECOND],
                       letter(SECOND)).final[0] == 250
    queue_id = deferred(bed, SECOND)
    # The MTA tries it again every few seconds.
    assert re.search("the queue (deferred|active) has it", adopt(
        bed, queue_id, check=False).stderr)
    bed.hub._command("postsuper", "-h", queue_id)
    assert "it came by SMTP" in refusal(bed, queue_id)


@pytest.mark.parametrize("queue_id", ["4NoSuchMessage", "../../etc/passwd",
                                      "-d", ""])
def test_no_such_queue_id(bed, queue_id):
    done = adopt(bed, "--", queue_id, check=False) if queue_id == "-d" \
        else adopt(bed, queue_id, check=False)
    assert done.returncode in (1, 2) and done.stdout == "", done


def decide_like_it_died(bed, queue_id, data, recipient):
    """The milter decides that message and is gone before Postfix has its
    answer: nothing was changed, and there is a slot."""
    with apps.dial(bed, apps.Client.local()) as link:
        link.send(data, NEWS, [recipient], queue_id=queue_id)
        link.drop()
    # Queued: the agent was slow to read that it is on hold.
    assert slot_states(bed, queue_id) in (["proposed"], ["queued"])


def slot_states(bed, queue_id):
    return [one.state for one in Ledger(bed).slots()
            if one.queue_id == queue_id]


def test_decided_and_never_signed(bed):
    """The slot is given back before the copy is decided: neither is it sent
    without signature, nor dropped as a second one of itself."""
    person = "d@north.example"
    sendmail(bed, person, 1)
    (queue_id,) = held(bed)
    bed.start_milter()
    decide_like_it_died(bed, queue_id, letter(person), person)
    adopt(bed, queue_id)
    assert slot_states(bed, queue_id) == ["released"]
    assert_arrived_once(bed, person)


@pytest.mark.long
def test_decided_and_never_signed_agent_down(bed):
    """Nobody reads the log: the message waits with us until somebody does."""
    person = "d@north.example"
    sendmail(bed, person, 1)
    (queue_id,) = held(bed)
    bed.start_milter()
    decide_like_it_died(bed, queue_id, letter(person), person)
    bed.tendril.agent.kill()
    waits = adopt(bed, queue_id, check=False)
    assert waits.returncode == 75 and "adopt it again" in waits.stderr
    assert not bed.hub.queue() and len(files(bed, "spool/adopting")) == 1
    bed.start_agent()
    adopt(bed, "--all")
    assert_arrived_once(bed, person)


def test_decided_and_no_stream_takes_it(bed):
    """What the ledger knows and nobody signed is never for postsuper -H."""
    sendmail(bed, "x@north.example", 1, ROOT)
    (queue_id,) = held(bed)
    bed.start_milter()
    decide_like_it_died(bed, queue_id, letter("x@north.example"),
                        "x@north.example")
    why = refusal(bed, queue_id)
    assert "never signed" in why and "postsuper -H" not in why


# --- the milter ends between two changes ---

# Streams that know their mail by a field that does not leave.
BY_FIELD = {"nurture": "X-Tendril-Segment", "transactional": "X-Tendril-Order",
            "one-to-one": "X-Tendril-Person"}
OTHERS = "".join(f"""stream {name} {{
  class = "{name}"
  local = yes
  header = "{BY_FIELD[name]}"
  from-domains = {{"example.com"}}
}}

""" for name in ("transactional", "one-to-one"))


def by_field(text):
    take_local_too(text)
    change(("stream news {", OTHERS + "stream news {"))(text)


@pytest.fixture
def wired(build, make_bed):
    """Postfix, and a milter that it loses wherever a test wants it to."""
    root = beds.make_root()
    one = make_bed(build, policy=Policy(), tweak=by_field, root=root,
                   milter=f"unix:{root}/run/wire.sock")
    one.wire = apps.CutWire(
        root / "run" / "wire.sock", one.conf.milter_socket,
        lambda: one.tendril.milter.kill(), group="postfix")
    one.start_milter()
    one.start_agent()
    one.start_hub()
    yield one
    one.wire.close()


def lose_milter(bed, kind, changes):
    """A message of which Postfix has so many changes and no answer: its queue
    id and recipient. None: it has fewer changes, and left."""
    person = f"{kind}{changes}@north.example"
    before = {one["queue_id"] for one in bed.hub.queue()}
    bed.wire.after, cuts = changes, bed.wire.cuts
    bed.hub.sendmail(
        mail.message(NEWS, person, "Letter", message_id=f"<1.{person}>",
                     fields=[(BY_FIELD[kind], "newsletter")]).replace(
                         b"\r\n", b"\n"), NEWS, [person])
    proc.wait_until(lambda: bed.wire.cuts > cuts or bed.sink.messages(person),
                    20, "a cut or a message")
    bed.wire.after = None
    if bed.wire.cuts == cuts:
        return None
    on_hold = held(bed, len(before) + 1)
    bed.start_milter()
    (queue_id,) = set(on_hold) - before
    return queue_id, person


def what_is_left(bed):
    """Queue id -> why, of what `adopt --all` leaves."""
    told = [json.loads(line) for line in
            adopt(bed, "--all", "--json").stdout.splitlines()]
    return {one["queue_id"]: one["why"] for one in told
            if one["result"] == "left"}


@pytest.mark.parametrize("kind, least", [
    ("nurture", 11), ("transactional", 3), ("one-to-one", 3)])
def test_milter_ends_between_changes(wired, kind, least):
    """Wherever it ends, what is adopted arrives signed, and so does what is
    left for postsuper -H; the rest is to be deleted."""
    lost = []
    while (one := lose_milter(wired, kind, len(lost))) is not None:
        lost.append(one)
    assert len(lost) > least
    left = what_is_left(wired)
    assert lost[0][0] not in left
    for queue_id, person in lost:
        why = left.get(queue_id, "adopted")
        if "while it changed it" in why:
            assert "postsuper -H" not in why and "postsuper -d" in why
            wired.hub.delete(queue_id, "hold")
            continue
        if why != "adopted":
            assert "postsuper -H" in why
            wired.hub.release(queue_id)
        message = wired.sink.wait(person, timeout_s=60)[0]
        found = judge.signatures(message.data, wired.zone)
        assert found and all(one.valid for one in found)
        assert not judge.values(message.data, BY_FIELD[kind])
    assert "postsuper -H" in left[lost[-1][0]]
    wired.hub.wait_empty()
    people = [one for message in wired.sink.messages()
              for one in message.recipients]
    assert len(people) == len(set(people))


def test_milter_ended_and_the_slot_was_given_back(wired):
    """A line of the log: that changes nothing of what the message is."""
    queue_id, person = lose_milter(wired, "nurture", 4)
    apps.PlayedLog(wired.hub.maillog).filter_lost(queue_id, person)
    proc.wait_until(lambda: slot_states(wired, queue_id) == ["released"], 20,
                    "a slot given back")
    assert "while it changed it" in refusal(wired, queue_id)


def test_answer_lost_of_what_we_took(wired):
    """To several: we have a copy, which goes its way, and the MTA was not told.
    What is on hold must not go as well."""
    people = ["two1@north.example", "two2@north.example"]
    wired.wire.on_cut, wired.wire.after = lambda: None, 0
    wired.hub.sendmail(
        mail.message(NEWS, people[0], "Letter", message_id="<1.two@x>",
                     fields=[("X-Tendril-Segment", "newsletter")]).replace(
                         b"\r\n", b"\n"), NEWS, people)
    proc.wait_until(lambda: wired.wire.cuts, 20, "a cut")
    wired.wire.after = None
    for person in people:
        wired.sink.wait(person, timeout_s=60)
    proc.wait_until(lambda: not files(wired), 30, "an empty spool")
    (queue_id,) = held(wired)
    why = refusal(wired, queue_id)
    assert "took it over as copy" in why and "sent again" not in why
    assert "postsuper -d" in why and "postsuper -H" not in why
    left = what_is_left(wired)
    assert list(left) == [queue_id] and left[queue_id] in why
    assert len(wired.sink.messages()) == len(people)


def test_it_waits_undecided(bed):
    """Two copies are files and nothing else; what is on hold is the second."""
    sendmail(bed, "u1@north.example", 1)
    sendmail(bed, "u2@north.example", 2)
    _, second = held(bed, 2)
    bed.start_milter()
    bed.tendril.agent.kill()
    (path,) = (bed.hub.queue_dir / "hold").rglob(second)
    kept = bed.hub.queue_dir / "kept"
    os.link(path, kept)
    adopt(bed, "--all")
    assert len(files(bed, "spool/undecided")) == 2
    kept.rename(path)
    assert "took it over as copy" in refusal(bed, second)


# --- all ---

def test_all(bed):
    """Newsletters and orders; what is none of ours stays, and is named."""
    for number in range(3):
        sendmail(bed, f"n{number}@north.example", number)
    bed.hub.sendmail(mail.message(ORDERS, "o@north.example", "Order").replace(
        b"\r\n", b"\n"), ORDERS, ["o@north.example", "o2@north.example"])
    sendmail(bed, "x@north.example", 1, ROOT)
    held(bed, 5)
    bed.start_milter()
    done = adopt(bed, "--all", "--json")
    told = [json.loads(line) for line in done.stdout.splitlines()]
    assert sorted(one["result"] for one in told) == ["adopted"] * 4 + ["left"]
    (left,) = [one for one in told if one["result"] == "left"]
    assert held(bed) == [left["queue_id"]]
    for person in ["n0", "n1", "n2", "o", "o2"]:
        message = bed.sink.wait(f"{person}@north.example", timeout_s=60)[0]
        assert not judge.judge_signed(message.data, bed.zone, *SIGNED)
    assert adopt(bed, "--all", "--json").stdout.count("left") == 1
    assert len(bed.sink.messages()) == 5


# --- killed ---

# Stand-ins for Postfix's programs: "$REAL" is the program, "$PPID" the caller.
KILLS = {
    "after the envelope was read": ("postcat", """
        [ "$3" = -eq ] && exec "$REAL" "$@"
        kill -KILL $PPID"""),
    "before it is deleted": ("postsuper", "kill -KILL $PPID"),
    "while it is deleted": ("postsuper", """
        kill -KILL $PPID
        sleep 1
        exec "$REAL" "$@" """),
    "after it was deleted": ("postsuper", """
        "$REAL" "$@"
        kill -KILL $PPID"""),
}


def stand_in(bed, name, script):
    """A folder with a program of that name."""
    folder = bed.root / "programs"
    folder.mkdir()
    path = folder / name
    path.write_text(f"#!/bin/sh\nREAL=/usr/sbin/{name}\n{script}\n")
    path.chmod(path.stat().st_mode | stat.S_IXUSR)
    return folder


@pytest.mark.parametrize("when, again", [
    ("after it was deleted", "all"), ("while it is deleted", "at once"),
    *(pytest.param(when, again, marks=pytest.mark.long) for when in KILLS
      for again in ("at once", "later"))])
def test_killed(bed, when, again):
    """Another call brings it to its end; the person has it once."""
    person = "k@north.example"
    sendmail(bed, person, 1)
    (queue_id,) = held(bed)
    bed.start_milter()
    killed = adopt(bed, queue_id, check=False,
                   programs=stand_in(bed, *KILLS[when]))
    assert killed.returncode == -signal.SIGKILL
    assert not bed.sink.messages()
    if again != "at once":
        proc.wait_until(lambda: not proc.naming(f"{bed.root}/programs"), 20,
                        "the end of what was left running")
    done = adopt(bed, "--all" if again == "all" else queue_id)
    assert f"{queue_id}: adopted" in done.stdout
    assert_arrived_once(bed, person)
    assert adopt(bed, queue_id, check=False).returncode == 1
    assert adopt(bed, "--all").stdout == ""


def test_released_by_hand_after_a_kill(bed):
    """postsuper -H by an operator: then the MTA has it, and we have not."""
    person = "h@north.example"
    sendmail(bed, person, 1)
    (queue_id,) = held(bed)
    adopt(bed, queue_id, check=False,
          programs=stand_in(bed, *KILLS["before it is deleted"]))
    assert len(files(bed, "spool/adopting")) == 1
    bed.sink.script(person, "450 4.2.1 Not now", stage="rcpt")
    bed.hub._command("postsuper", "-H", queue_id)
    bed.hub.wait_log("status=deferred", person)
    done = adopt(bed, queue_id, check=False)
    assert done.returncode == 1 and "another hand" in done.stderr
    assert not files(bed, "spool/adopting")
    bed.sink.clear()
    bed.hub.flush()
    bed.hub.wait_empty()
    assert len(bed.sink.messages(person)) == 1


def test_released_by_hand_and_gone(bed):
    """The same, and nothing is left in the queue: the MTA's log tells that we
    did not delete it there."""
    person = "g@north.example"
    sendmail(bed, person, 1)
    (queue_id,) = held(bed)
    adopt(bed, queue_id, check=False,
          programs=stand_in(bed, *KILLS["before it is deleted"]))
    bed.hub.release(queue_id)
    bed.sink.wait(person)
    bed.hub.wait_empty()
    bed.start_milter()
    done = adopt(bed, queue_id, check=False)
    assert done.returncode == 1 and "another hand" in done.stderr
    assert not files(bed, "spool/adopting")
    assert adopt(bed, "--all").stdout == ""
    assert len(bed.sink.messages(person)) == 1


@pytest.mark.long
def test_two_at_a_time(bed):
    """The second is told to come again."""
    sendmail(bed, "t@north.example", 1)
    (queue_id,) = held(bed)
    bed.start_milter()
    go = bed.root / "go"
    folder = stand_in(bed, "postsuper", f"""
        while [ ! -e {go} ]; do sleep 0.1; done
        exec "$REAL" "$@" """)
    script = (f"PATH={folder}:$PATH {bed.tendril.builddir}/tendril --conf "
              f"{bed.conf_file} hold adopt {queue_id} --postfix "
              f"{bed.hub.config_dir}")
    first = proc.Daemon("adopt", ["sh", "-c", script], bed.root / "adopt.log")
    proc.wait_until(lambda: files(bed, "spool/adopting"), 20, "a copy")
    second = adopt(bed, queue_id, check=False)
    assert second.returncode == 75 and "another process" in second.stderr
    go.touch()
    assert_arrived_once(bed, "t@north.example")
    first.stop()
