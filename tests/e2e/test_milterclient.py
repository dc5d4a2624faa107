"""tests/mta/milterclient.py, the MTA that other tests trust: its packets
against bytes recorded from Postfix 3.7.11, its changes against messages that
Postfix delivered, its sessions against libmilter (tests/bench/nullmilter) and
against a filter that says whatever a test wants."""

import json
import os
import pathlib
import signal
import struct
import subprocess
import sys

import pytest

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "mta"))

import milterwire as wire  # noqa: E402
from fakefilter import FakeFilter  # noqa: E402
from mailmodel import Header, Mail, Recipient, split_message  # noqa: E402
from milterclient import (Client, Disconnected, MilterSession,  # noqa: E402
                          ProtocolError, submit)

from bed import proc  # noqa: E402

NR = wire.NR_HDR | wire.NR_EOH | wire.NR_BODY | wire.HDR_LEADSPC
MESSAGE = b"From: app@example.com\r\nSubject:  two\r\n\r\nbody\r\n"


# --- a filter that does as it is told --------------------------------------

@pytest.fixture
def make_filter(tmp_path):
    made = []

    def make(*args, **options):
        made.append(FakeFilter(tmp_path / f"f{len(made)}", *args, **options))
        return made[-1]

    yield make
    for one in made:
        one.close()


answer = wire.packet


def text(code):
    return answer(b"y", code.encode() + b"\0")


# --- libmilter itself ------------------------------------------------------

@pytest.fixture(scope="module")
def nullmilter_program():
    folder = os.environ.get("TENDRIL_BUILDDIR")
    if not folder:
        pytest.fail("TENDRIL_BUILDDIR does not name a build folder")
    subprocess.run(["make", "-C", folder, "tests/bench/nullmilter"],
                   check=True, stdout=subprocess.DEVNULL)
    return f"{folder}/tests/bench/nullmilter"


def is_there(address):
    try:
        MilterSession(address).quit()
    except Disconnected:
        return False
    return True


@pytest.fixture(params=["all replies", "no replies", "inet"])
def nullmilter(request, nullmilter_program, tmp_path):
    """(address, does it negotiate no replies)"""
    address = f"unix:{tmp_path}/n"
    if request.param == "inet":
        address = f"inet:{proc.free_ports(1)[0]}@127.0.0.1"
    quiet = request.param == "no replies"
    with subprocess.Popen(
            [nullmilter_program, "-s", address] + ["--nr"] * quiet) as child:
        proc.wait_until(lambda: is_there(address), 20, "the filter")
        yield address, quiet
        assert child.poll() is None, "libmilter died"
        child.send_signal(signal.SIGKILL)


def test_libmilter_one_message(nullmilter):
    address, quiet = nullmilter
    sent = submit(address, MESSAGE, "app@example.com", ["ann@example.org"])
    assert (sent.outcome, sent.stage) == ("accept", "eom")
    assert [c.kind for c in sent.changes] == ["insheader"]
    headers = sent.mail.message.split(b"\r\n")
    assert headers[0] == (b"X-Null-Milter: nothing was done" if quiet
                          else b"X-Null-Milter:  nothing was done")
    assert headers[1].startswith(b"Received: from client.example.net")
    assert sent.mail.message.endswith(MESSAGE)
    assert sent.mail.addresses == ["ann@example.org"]


def test_libmilter_flags(nullmilter):
    address, quiet = nullmilter
    with MilterSession(address) as mta:
        assert bool(mta.steps & wire.NR_HDR) == quiet
        assert mta.steps & (wire.RCPT_REJ | wire.NOBODY) == 0
        assert mta.actions == wire.ADDHDRS


def test_libmilter_many_in_one_connection(nullmilter):
    body = b"x" * 78 + b"\r\n"
    with MilterSession(nullmilter[0]) as mta:
        for size in (0, 1, 1000, 5000):
            sent = mta.send(b"Subject: s\r\n\r\n" + body * size,
                            "a@example.com", ["b@example.org"])
            assert sent.outcome == "accept"
            assert sent.mail.body == body * size


@pytest.mark.parametrize("stage", [
    "connect", "helo", "mail", "rcpt", "data", "header", "eoh", "body"])
def test_libmilter_connection_lost_or_reset(nullmilter, stage):
    """In each phase; another connection is not harmed."""
    calls = [("connect",), ("helo",), ("mail", "a@example.com"),
             ("rcpt", "b@example.org"), ("data",), ("header", b"A", b" b"),
             ("eoh",), ("body", b"x\r\n")]
    for lost in (True, False):
        mta = MilterSession(nullmilter[0])
        for name, *args in calls:
            getattr(mta, name)(*args)
            if name == stage:
                break
        if lost:
            mta.drop()
            mta = MilterSession(nullmilter[0])
        else:
            mta.rset()
        with mta:
            assert mta.send(MESSAGE, "", ["b@example.org"]).outcome == "accept"


def test_libmilter_hangs_up_on_nonsense(nullmilter):
    """An impossible length, an unknown command, an old version. (It takes the
    length 0xffffffff for something else, and waits.) Nobody else is harmed."""
    for nonsense in (struct.pack(">I", 0x7fffffff) + b"L",
                     wire.packet(b"Z", b"what"), wire.options(1, 0, 0)):
        mta = MilterSession(nullmilter[0], negotiate=False)
        mta.raw_bytes(nonsense)
        assert mta.closed_by_filter()
        mta.drop()
    assert submit(nullmilter[0], MESSAGE, "a@example.com",
                  ["b@example.org"]).outcome == "accept"


# --- the bytes of Postfix --------------------------------------------------

# Recorded from Postfix 3.7.11: filter negotiated NR and SKIP; transport's
# name as {..._mailer} and next hop as {..._host} are left out.
SMTP = [
    b"O\0\0\0\6\0\0\1\xff\0\x1f\xff\xff",
    b"DCj\0mx.example.com\0{daemon_name}\0mx.example.com\0{daemon_addr}\0"
    b"127.0.0.1\0v\0Postfix 3.7.11\0_\0localhost [127.0.0.1]\0",
    b"Clocalhost\0004\xea\xce127.0.0.1\0", b"DH", b"Hclient.example.net\0",
    b"DM{mail_addr}\0app@example.com\0",
    b"M<app@example.com>\0SIZE=500\0BODY=8BITMIME\0",
    b"DR{rcpt_addr}\0a@example.org\0",
    b"R<a@example.org>\0NOTIFY=NEVER\0ORCPT=rfc822;a@example.org\0",
    b"DRi\0005074AA723C7\0{rcpt_addr}\0b@example.org\0",
    b"R<b@example.org>\0",
    b"DTi\0005074AA723C7\0", b"T",
    b"DLi\0005074AA723C7\0", b"LSubject\0  two\0",
    b"DLi\0005074AA723C7\0", b"LX-Tab\0\ttab\0",
    b"DLi\0005074AA723C7\0", b"LX-None\0none\0",
    b"DLi\0005074AA723C7\0", b"LX-Fold\0 a\n\tb\n c\0",
    b"DLi\0005074AA723C7\0", b"LX-Empty\0\0",
    b"DNi\0005074AA723C7\0", b"N",
    b"DBi\0005074AA723C7\0", b"Bbody\r\n.dot\r\nbare\r\nlf\r\n",
    b"DEi\0005074AA723C7\0", b"E",
    b"A", b"A", b"Q",
]
LOCAL = [
    b"DCj\0mx.example.com\0{daemon_name}\0mx.example.com\0{daemon_addr}\0"
    b"127.0.0.1\0v\0Postfix 3.7.11\0_\0localhost [127.0.0.1]\0",
    b"Clocalhost\0004\0\000127.0.0.1\0", b"DH", b"Hlocalhost\0",
    b"DMi\00058A04A723C8\0{mail_addr}\0me@example.com\0",
    b"Mme@example.com\0",
    b"DRi\00058A04A723C8\0{rcpt_addr}\0l@example.org\0",
    b"Rl@example.org\0",
    b"DTi\00058A04A723C8\0", b"T",
    b"DLi\00058A04A723C8\0", b"LSubject\0 local\0",
]


def without_transport(packet):
    parts = packet.split(b"\0")
    keep = []
    while parts:
        if parts[0].endswith((b"_host}", b"_mailer}")):
            parts = parts[2:]
        else:
            keep.append(parts.pop(0))
    return b"\0".join(keep)


def test_packets_of_smtp(make_filter):
    one = make_filter(steps=0x1c0480)
    client = Client(host="localhost", address="127.0.0.1", port=60110)
    with MilterSession(one.address, client) as mta:
        mta.send(b"Subject:  two\r\nX-Tab:\ttab\r\nX-None:none\r\n"
                 b"X-Fold: a\r\n\tb\r\n c\r\nX-Empty:\r\n\r\n"
                 b"body\r\n.dot\r\nbare\nlf\r\n",
                 "app@example.com", ["a@example.org", "b@example.org"],
                 mail_args=["SIZE=500", "BODY=8BITMIME"],
                 rcpt_args={"a@example.org": [
                     "NOTIFY=NEVER", "ORCPT=rfc822;a@example.org"]},
                 queue_id="5074AA723C7")
    one.close()
    assert [without_transport(p) for p in one.seen] == SMTP


def test_packets_of_local_submission(make_filter):
    one = make_filter(steps=0x1c0480)
    with MilterSession(one.address, Client.local()) as mta:
        mta.send(b"Subject: local\n\nhi\n", "me@example.com",
                 ["l@example.org"], mail_args=["SIZE=9"],
                 queue_id="58A04A723C8")
    one.close()
    assert one.seen[1:len(LOCAL) + 1] == LOCAL
    names = [p[1:].split(b"\0")[0] for p in one.seen if p[:1] == b"L"]
    assert names == [b"Subject", b"Message-Id", b"Date", b"From"]
    assert one.seen[-2:] == [b"E", b"Q"], "no ABORT"


@pytest.mark.parametrize("case", json.loads(
    (HERE / "data" / "postfix_changes.json").read_text()),
    ids=lambda case: "".join(code for code, _ in case["changes"]))
def test_changes_as_postfix_makes_them(case):
    """Message in, changes, message that Postfix 3.7.11 delivered."""
    headers, body = split_message(case["message"].encode("latin1"))
    own = Header(b"Received", b" own", own=True, hidden=True)
    mail = Mail([own] + headers, body, "app@example.com", (), [
        Recipient("a@example.org"), Recipient("b@example.org")])
    for code, data in case["changes"]:
        mail.apply(wire.parse_change(code.encode(), data.encode("latin1")),
                   bool(case["steps"] & wire.HDR_LEADSPC))
    mail.finish()
    assert mail.message == case["got"].encode("latin1")
    assert mail.sender == case["sender"]
    assert sorted(mail.addresses) == case["recipients"]


# --- replies ---------------------------------------------------------------

@pytest.mark.parametrize("stage", ["mail", "rcpt", "data", "header", "eoh",
                                   "body", "eom"])
@pytest.mark.parametrize("reply, outcome, code", [
    (answer(b"r"), "reject", 550), (answer(b"t"), "tempfail", 451),
    (answer(b"d"), "discard", None), (answer(b"a"), "accept", None),
    (text("550 5.1.1 No 100%% user"), "reject", 550),
    (text("451-4.3.0 one\r\n451 4.3.0 two"), "tempfail", 451),
], ids=["reject", "tempfail", "discard", "accept", "550", "451"])
def test_reply_at_each_stage(make_filter, stage, reply, outcome, code):
    one = make_filter({stage: [reply]})
    sent = submit(one.address, MESSAGE, "a@example.com", ["b@example.org"])
    assert sent.outcome == outcome
    assert sent.reply.code == code
    assert sent.stage == (stage if code else "eom")
    if "%%" in repr(reply):
        assert sent.reply.smtp == "550 5.1.1 No 100% user"
    one.close()
    last = wire.COMMANDS[stage]
    assert [p for p in one.events() if p != b"A"][-2][:1] == last, (
        "nothing after the last word")


@pytest.mark.parametrize("stage", ["connect", "helo"])
@pytest.mark.parametrize("reply, code", [
    (answer(b"r"), 550), (answer(b"t"), 451), (text("421 4.7.0 no"), 421),
    (answer(b"a"), None)], ids=["reject", "tempfail", "421", "accept"])
def test_reply_to_connection(make_filter, stage, reply, code):
    one = make_filter({stage: [reply]})
    with MilterSession(one.address) as mta:
        for _ in range(2):
            sent = mta.send(MESSAGE, "a@example.com", ["b@example.org"])
            assert sent.reply.code == code
            assert sent.outcome == {None: "accept", 550: "reject"}.get(
                code, "tempfail")
    one.close()
    assert one.events()[-1][:1] == wire.COMMANDS[stage]


def test_one_of_two_recipients_refused(make_filter):
    one = make_filter({"rcpt": [text("550 5.7.1 No")]})
    with MilterSession(one.address) as mta:
        mta.mail("a@example.com")
        assert mta.rcpt("b@example.org").code == 550
        one.script.clear()
        assert not mta.rcpt("c@example.org").refused
        assert mta.mail_in_work.addresses == ["c@example.org"]


def test_refusal_of_local_recipient_is_complained_about(make_filter):
    one = make_filter({"rcpt": [answer(b"r")]})
    with MilterSession(one.address, Client.local()) as mta:
        sent = mta.send(MESSAGE, "a@example.com", ["b@example.org"])
        assert sent.mail.complaints == [
            "refuses b@example.org of a local submission"]


def test_quarantine_progress_and_skip(make_filter):
    one = make_filter({
        "body": [answer(b"s")],
        "eom": [answer(b"p"), answer(b"q", b"why not\0"), answer(b"p"),
                answer(b"c")]}, steps=wire.SKIP)
    sent = submit(one.address, b"A: b\n\n" + b"x" * 200000, "", ["b@c"])
    assert (sent.outcome, sent.mail.quarantine) == ("quarantine", "why not")
    assert sent.progress == 2
    assert sum(p[:1] == b"B" for p in one.seen) == 1


def test_body_chunks(make_filter):
    one = make_filter()
    submit(one.address, b"A: b\n\n" + (b"x" * 78 + b"\n") * 2000, "", ["b@c"])
    assert [len(p) - 1 for p in one.seen if p[:1] == b"B"] == [
        65535, 65535, 28930]


def test_state_ends_with_the_message(make_filter):
    """Discard of one message says nothing about the next."""
    one = make_filter({"mail": [answer(b"d")]})
    with MilterSession(one.address) as mta:
        assert mta.send(MESSAGE, "a@b", ["c@d"]).outcome == "discard"
        one.script.clear()
        assert mta.send(MESSAGE, "a@b", ["c@d"]).outcome == "accept"
        mta.mail("a@b")
        mta.rset()
        assert "{mail_addr}" not in mta.macros and mta.mail_in_work is None


def test_macros_follow_origin_and_filter(make_filter):
    lists = (struct.pack(">I", 0) + b"{client_addr} {client_port}\0"
             + struct.pack(">I", 5) + b"{auth_authen} i\0")
    one = make_filter(options=answer(b"O", struct.pack(
        ">III", 6, wire.ACTIONS, 0) + lists))
    client = Client(sasl=("PLAIN", "app1"), tls=("TLSv1.3", "X", 256),
                    host="unknown", address="2001:db8::1", port=5)
    with MilterSession(one.address, client) as mta:
        mta.send(MESSAGE, "a@b", ["c@d"], queue_id="Q")
    one.close()
    assert (b"DC{client_addr}\x002001:db8::1\0{client_port}\0005\0"
            in one.seen)
    assert b"C[2001:db8::1]\0006\0\0052001:db8::1\0" in one.seen
    assert b"DH{tls_version}\0TLSv1.3\0{cipher}\0X\0{cipher_bits}\000256\0" \
        in one.seen
    assert (b"DM{auth_type}\0PLAIN\0{auth_authen}\0app1\0{mail_addr}\0a@b\0"
            b"{mail_host}\0b\0{mail_mailer}\0smtp\0" in one.seen)
    assert b"DE{auth_authen}\0app1\0i\0Q\0" in one.seen


def test_events_not_wanted(make_filter):
    one = make_filter(steps=wire.NOHELO | wire.NODATA | wire.NOHDRS
                      | wire.NOEOH | wire.NOBODY)
    assert submit(one.address, MESSAGE, "a@b", ["c@d"]).outcome == "accept"
    one.close()
    kinds = b"".join(p[:1] for p in one.events())
    assert kinds == b"OCMREAAQ"
    assert b"DH" in one.seen, "Postfix sends the macros all the same"


def test_leading_space(make_filter):
    for steps, value in ((0, b" two"), (wire.HDR_LEADSPC, b"  two")):
        one = make_filter(
            {"eom": [answer(b"h", b"A\0 v\0"), answer(b"c")]}, steps=steps)
        sent = submit(one.address, MESSAGE, "a@b", ["c@d"])
        assert b"LSubject\0" + value + b"\0" in one.seen
        assert sent.mail.headers[-1].value == (b" v" if steps else b"  v")
        assert sent.mail.get("subject") == ["two"]
        assert sent.mail.payload == MESSAGE.replace(
            b"\r\n\r\n", b"\r\n" + sent.mail.headers[-1].wire + b"\r\n")


def test_all_changes_at_once(make_filter):
    one = make_filter({"eom": [
        answer(b"i", struct.pack(">I", 0) + b"List-Id\0 <x>\0"),
        answer(b"m", struct.pack(">I", 1) + b"Subject\0 new\0"),
        answer(b"m", struct.pack(">I", 1) + b"From\0\0"),
        answer(b"e", b"<b-1@example.com>\0RET=HDRS\0"),
        answer(b"2", b"<copy@example.com>\0NOTIFY=NEVER\0"),
        answer(b"-", b"<c@d>\0"), answer(b"-", b"<no@d>\0"),
        answer(b"b", b"new\r\nbo"), answer(b"b", b"dy\n"),
        answer(b"c")]}, steps=NR)
    sent = submit(one.address, MESSAGE, "a@b", ["c@d"])
    mail = sent.mail
    assert [h.name for h in mail.headers] == [
        b"List-Id", b"Received", b"Subject"]
    assert mail.get("Subject") == ["new"]
    assert (mail.sender, mail.sender_args) == (
        "b-1@example.com", ("RET=HDRS",))
    assert mail.recipients == [
        Recipient("copy@example.com", ("NOTIFY=NEVER",), added=True)]
    assert mail.body == b"new\r\nbody\r\n"
    assert mail.complaints == ["deletes recipient no@d: not there"]
    assert len(sent.changes) == 9


# --- filters that break the protocol ---------------------------------------

@pytest.mark.parametrize("stage, reply", [
    ("mail", answer(b"h", b"A\0b\0")),              # change before the end
    ("mail", answer(b"Z")),
    ("mail", answer(b"c", b"data")),
    ("mail", text("200 fine")),
    ("mail", text("550 4.7.1 contradiction")),
    ("mail", answer(b"y", b"550 no end")),
    ("mail", struct.pack(">I", 0)),
    ("mail", struct.pack(">I", 1 << 20)),
    ("mail", answer(b"s")),                         # not negotiated
    ("connect", answer(b"d")),
    ("eom", answer(b"i", b"\0\0")),
    ("eom", answer(b"h", b"A\0b")),
    ("eom", answer(b"h", b"\0b\0")),
    ("eom", answer(b"+", b"a@b\0x\0")),
    ("eom", answer(b"b", b"x") + answer(b"h", b"A\0b\0") + answer(b"b")),
], ids=lambda value: value if isinstance(value, str) else "")
def test_broken_protocol_is_noticed(make_filter, stage, reply):
    one = make_filter({stage: [reply]})
    with pytest.raises(ProtocolError):
        submit(one.address, MESSAGE, "a@b", ["c@d"])


def test_change_that_was_not_negotiated(make_filter):
    one = make_filter({"eom": [answer(b"b", b"x")]}, actions=wire.ADDHDRS)
    with pytest.raises(ProtocolError, match="replbody was not negotiated"):
        submit(one.address, MESSAGE, "a@b", ["c@d"])


@pytest.mark.parametrize("options", [
    wire.options(7, 0, 0), wire.options(6, 0x200, 0), answer(b"O", b"short"),
    answer(b"c"), answer(b"O", b"\0" * 12 + b"\0\0\0\x09i\0"),
    answer(b"O", b"\0" * 12 + b"\0\0\0\0no end")],
    ids=["version", "actions", "short", "continue", "stage", "list"])
def test_bad_negotiation(make_filter, options):
    with pytest.raises(ProtocolError):
        MilterSession(make_filter(options=options).address)


@pytest.mark.parametrize("stage", ["connect", "rcpt", "eom"])
def test_filter_hangs_up(make_filter, stage):
    one = make_filter({stage: None})
    with pytest.raises(Disconnected, match="closed|cannot"):
        submit(one.address, MESSAGE, "a@b", ["c@d"])


def test_silent_filter(make_filter):
    one = make_filter({"mail": []})
    mta = MilterSession(one.address)
    mta.hello()
    mta.timeout = 0.2
    with pytest.raises(Disconnected, match="silent"):
        mta.mail("a@b")
    assert not mta.closed_by_filter()
    mta.drop()
    mta.drop()
    with pytest.raises(Disconnected, match="closed"):
        mta.raw_packet(b"A")


def test_no_filter(tmp_path):
    with pytest.raises(Disconnected):
        MilterSession(f"unix:{tmp_path}/nobody")
    with pytest.raises(ValueError):
        MilterSession("tcp:1")


def test_quit_nc(make_filter):
    one = make_filter()
    mta = MilterSession(one.address)
    mta.send(MESSAGE, "a@b", ["c@d"])
    mta.quit_nc()
    mta.client = Client.local()
    assert mta.send(MESSAGE, "a@b", ["c@d"]).outcome == "accept"
    mta.quit()
    one.close()
    assert b"".join(p[:1] for p in one.events()) == (
        b"OCHMRTLLNBEA" b"KCHMRTLLLLNBEQ")
