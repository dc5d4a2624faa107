"""Hostile and broken input: first straight to the milter, then through a real
Postfix.

After every test the milter must be the same process, within its bound of
memory, and do its work: a newsletter leaves signed, mail of others unchanged.
A nurture message is never let go unsigned, whatever came before.
"""

import contextlib
import os
import random
import re
import signal
import socket
import struct
import time
from concurrent import futures

import pytest

import apps
from apps import APPS, Client, Disconnected, FakeFilter, NEWS, Steps
from bed import bed as beds
from bed import conf, judge, mail
from ledger import Ledger

POLICY = conf.PolicyText(person_cap="200 per 7d", segment_cap="200 per 7d",
                         basis="legitimate-interest")
OTHERS = Client(daemon_name="others")  # a listener of no stream but the last
IDLE, IDLE_KB = 300, 80  # connections, and what one may take
MEMORY_KB = 64_000
AT_ONCE_S = 10  # a message in work would be waited for 30 s
FORGED = "AAAA"
SEGMENT = b"X-Tendril-Segment: newsletter\r\n"
_serial = iter(range(10 ** 9))


@pytest.fixture(scope="module")
def running(build):
    keep = bool(os.environ.get("TENDRIL_KEEP"))
    with beds.Bed(build, policy=POLICY, keep=keep) as bed:
        bed.start_milter()
        yield bed
        bed.stop_and_look()


@pytest.fixture
def bed(running, build):
    pid = running.tendril.milter.pid
    yield running
    assert running.tendril.milter.pid == pid
    assert_at_work(running)
    used = apps.memory_kb(pid)
    assert used < apps.memory_bound_kb(build, MEMORY_KB), f"{used} kB"


def head(*lines, segment=True, sender=NEWS):
    """A header block with the usual fields, then `lines` (bytes)."""
    number = next(_serial)
    usual = (f"From: {sender}\r\nTo: ann@north.example\r\nSubject: {number}"
             f"\r\nDate: Mon, 01 Jun 2026 10:00:00 +0000\r\n"
             f"Message-ID: <{number}.hostile@app.example.com>\r\n").encode()
    return (usual + (SEGMENT if segment else b"")
            + b"".join(line + b"\r\n" for line in lines))


def person():
    return f"h{next(_serial)}@north.example"


def send(bed, data, recipients=None, *, sender=NEWS, client=APPS, **options):
    with apps.dial(bed, client) as link:
        return link.send(data, sender, recipients or [person()], **options)


def assert_signed(bed, sent):
    assert sent.outcome == "accept", sent.reply
    found = [s for s in judge.signatures(sent.mail.message, bed.zone)
             if s.tags.get("b") != FORGED]
    assert len(found) == 2
    assert all(s.valid for s in found), [s.problem for s in found]
    assert judge.values(sent.mail.message, "X-Tendril-Segment") == []


def assert_untouched(sent):
    assert sent.outcome == "accept", sent.reply
    assert sent.changes == []


def assert_refused_or_signed(bed, sent):
    if sent.outcome == "accept":
        assert_signed(bed, sent)
    else:
        assert sent.reply.code in (451, 452, 550, 552, 553, 554)


def assert_at_work(bed):
    assert_signed(bed, send(bed, head() + b"\r\nstill here\r\n"))
    assert_untouched(send(bed, head(segment=False) + b"\r\nstill here\r\n",
                          client=OTHERS))


# --- header fields ---

@pytest.mark.parametrize("field", [
    b"X-Long: " + b"y" * 66_000,
    b"X-Long: " + b"y" * 1_000_000,
    b"X-Folded: a" + b"\r\n\tb" * 20_000,
    b"X-Bare: one\ntwo\rthree",
    b"X-8bit: \xff\xfe\x80",
    b"X-Empty:",
    b"Bcc: secret@north.example",
    b"X-Tab:\t\tvalue\t",
    b"From : second@example.com",
    b"Subject: =?utf-8?Q?=00=0D=0A?=",
    b"X-Tendril-Segment: newsletter",
    b"X-Tendril-Campaign: a\r\n b\r\n c",
    b"X-Tendril-Campaign: " + b"c" * 5000,
    b"X-Tendril-Campaign: a:b:c;d<e>\"f\\",
    b"X-Tendril-Id: AEAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA",
    b"List-Unsubscribe: " + b"<https://a.example/" + b"x" * 60_000 + b">",
    b"List-Unsubscribe: <https://a.example/ \r\n\r",
    b"DKIM-Signature: v=1; a=rsa-sha256; d=example.com; b=" + FORGED.encode(),
    b"Message-ID: second@north.example",
    b"To: " + b"a@b.example, " * 5000 + b"c@d.example",
], ids=lambda field: field[:24].decode("ascii", "replace").strip())
def test_strange_field(bed, field):
    """With it a newsletter is refused or leaves signed; other mail passes."""
    sent = send(bed, head(field) + b"\r\nbody\r\n")
    assert_refused_or_signed(bed, sent)
    if sent.outcome == "accept":
        feedback = judge.values(sent.mail.message, "Feedback-ID")
        assert len(feedback) == 1 and feedback[0].isprintable()
        for name in judge.NURTURE_FIELDS:
            assert len(judge.values(sent.mail.message, name)) == 1
    other = send(bed, head(field, segment=False) + b"\r\nbody\r\n",
                 client=OTHERS)
    assert other.outcome == "accept"
    assert {change.name for change in other.changes} <= {b"X-Tendril-Id"}


def test_many_fields(bed):
    lines = [b"X-%d: y" % number for number in range(100_000)]
    sent = send(bed, head(*lines) + b"\r\nbody\r\n")
    assert sent.reply.code == 552
    assert_untouched(send(bed, head(*lines, segment=False) + b"\r\nbody\r\n",
                          client=OTHERS))


def test_header_larger_than_the_limit(bed):
    lines = [b"X-%d: " % number + b"y" * 100_000 for number in range(30)]
    assert send(bed, head(*lines) + b"\r\nbody\r\n").reply.code == 552
    assert_untouched(send(bed, head(*lines, segment=False) + b"\r\nbody\r\n",
                          client=OTHERS))


@pytest.mark.parametrize("data", [
    b"Subject\0 a\0b\0", b"\0\0", b"Subject\0", b"Subject", b"",
    b"X-\0Y\0z\0", b"\0value\0", b"a b\0value\0", b"a:b\0value\0",
    b"X\r\nFrom\0evil@example.com\0", b"Subject\0a\r\nBcc: x@y\0"])
def test_header_packet_with_nul_or_without_end(bed, data):
    """NUL ends a field on the wire. A packet that is none may cost the
    connection, never more; what goes on is signed as it came."""
    recipient = person()
    with apps.dial(bed) as link:
        steps = Steps(link, head() + b"\r\nbody\r\n", recipient)
        steps.upto("headers")
        try:
            link.raw_packet(b"L", data)
            steps.upto("eom")
        except Disconnected:
            return
    if steps.result.outcome == "accept":
        assert steps.result.mail.get("DKIM-Signature")


# --- bodies ---

@pytest.mark.parametrize("body", [
    b"", b"\r\n", b"\r\n" * 1000, b"a\nb\nc", b"a\rb\r", b"\0" * 1000,
    b"x" * 70_000, b"no end", b".\r\n..\r\n", b"\xff" * 5000 + b"\r\n",
    b" \t\r\n" * 500, b"x\r\n" * 700_000],
    ids=lambda body: f"{body[:6]!r}x{len(body)}")
def test_strange_body(bed, body):
    """Bodies as Postfix would hand them over, straight to the filter: the
    hash is over the very bytes."""
    recipient = person()
    with apps.dial(bed) as link:
        steps = Steps(link, head() + b"\r\n", recipient)
        steps.upto("eoh")
        for at in range(0, len(body), 65535):
            link.raw_packet(b"B", body[at:at + 65535])
        result = steps.upto("eom")
        result.mail.body = body
        link.rset()
    assert result.outcome == "accept"
    if not body.replace(b"\r\n", b"").count(b"\n"):
        for one in judge.signatures(result.mail.message, bed.zone):
            assert one.valid, one.problem


def test_body_over_the_limit(build, make_bed):
    def small(text):
        plain = text.text
        text.text = lambda: plain().replace(
            "milter {", "milter {\n  max-message = 64K")
    own = make_bed(build, policy=POLICY, tweak=small)
    own.start_milter()
    large = b"x" * 70 + b"\r\n"
    sent = send(own, head() + b"\r\n" + large * 2000)
    assert sent.reply.code == 552
    assert_untouched(send(own, head(segment=False) + b"\r\n" + large * 2000,
                          client=OTHERS))
    assert_at_work(own)


# --- envelopes ---

def test_ten_thousand_recipients(bed):
    many = [f"r{number}@north.example" for number in range(10_000)]
    sent = send(bed, head() + b"\r\nbody\r\n", many)
    assert sent.reply.code == 552
    assert_untouched(send(bed, head(segment=False) + b"\r\nbody\r\n", many,
                          client=OTHERS))


@pytest.mark.parametrize("recipient", [
    "j\u00fcrgen@b\u00fccher.example", "\u7528\u6237@\u4f8b\u5b50.example",
    '"quoted @ local"@north.example', "x" * 64 + "@north.example",
    "u@" + ".".join(["a" * 60] * 4) + ".example"])
def test_strange_recipient(bed, recipient):
    sent = send(bed, head() + b"\r\nbody\r\n", [recipient],
                mail_args=["SMTPUTF8"])
    assert_refused_or_signed(bed, sent)


@pytest.mark.parametrize("recipient", [
    "", "@", "a@", "@b", "a b@c", "a@b@c", "no-domain", "x" * 5000 + "@b.c",
    "a@" + "b" * 5000, "a@b..c", "a@[127.0.0.1]", "<a@b.c", "\x01@b.c",
    "a@\xff.example", "%s%n@b.c"])
def test_impossible_recipient(bed, recipient):
    """Refused with a final code, or decided as an address."""
    sent = send(bed, head() + b"\r\nbody\r\n", [recipient])
    assert_refused_or_signed(bed, sent)
    assert sent.outcome != "tempfail", sent.reply


@pytest.mark.parametrize("sender", [
    "j\u00fcrgen@b\u00fccher.example", "x" * 5000 + "@example.com",
    "no-domain", "a b@c", "%s%n@b.c"])
def test_strange_sender(bed, sender):
    sent = send(bed, head() + b"\r\nbody\r\n", sender=sender)
    assert_refused_or_signed(bed, sent)


def test_null_sender_is_never_nurture(bed):
    """A report that quotes the header of a newsletter is none."""
    sent = send(bed, head() + b"\r\nbody\r\n", sender="")
    assert_untouched(sent)


@pytest.mark.parametrize("values", [
    [], ["a@example.com, b@example.com"], ["stranger@evil.example"], ["@"],
    ["a@example.com", "b@example.com"], ["undisclosed:;"],
    ["group: a@example.com;"], ["\0"], ["<" * 3000],
    ["a@example.com" + " (" * 500 + ")" * 500],
    ['"' + "\\" * 999 + '" <a@example.com>'], ["=?utf-8?q?a=40b?= <>"]])
def test_from_that_nobody_may_sign(bed, values):
    """No From, several, or one that is not ours: never signed as ours, and
    so never let go as a newsletter."""
    lines = b"".join(b"From: " + value.encode() + b"\r\n" for value in values)
    data = lines + head().partition(b"\r\n")[2] + b"\r\nbody\r\n"
    sent = send(bed, data)
    if sent.outcome == "accept":
        assert_signed(bed, sent)
        assert "example.com" in sent.mail.get("From")[0]
        assert len(values) == 1
    else:
        assert sent.reply.code == 550, sent.reply


# --- the order of things ---

def test_streams_of_one_connection_do_not_mix(bed):
    """Segment, SASL user, sender, recipients and body of a message are
    forgotten before the next one of the same connection."""
    rng = random.Random(7)
    with apps.dial(bed) as link:
        for _ in range(60):
            kind = rng.choice(("news", "pass", "order", "refused", "many"))
            data = head(segment=kind in ("news", "refused", "many"))
            data += b"\r\n" + kind.encode() * rng.randrange(1, 50) + b"\r\n"
            sender = "orders@example.com" if kind == "order" else NEWS
            people = [person() for _ in range(3 if kind == "many" else 1)]
            if kind == "refused":
                data = data.replace(b"newsletter", b"unheard-of")
            sent = link.send(data, sender, people)
            if kind == "news":
                assert_signed(bed, sent)
                assert len(sent.mail.get("List-Unsubscribe")) == 1
            elif kind == "pass":
                assert_untouched(sent)
            elif kind == "order":
                assert sent.outcome == "accept"
                assert all(s.valid for s in judge.signatures(
                    sent.mail.message, bed.zone))
                assert sent.mail.get("DKIM-Signature")
                assert not sent.mail.get("List-Unsubscribe")
            elif kind == "many":
                assert sent.outcome == "discard"
            else:
                assert sent.reply.code == 550


def half_sent(bed, stack, count, *, segment, sender=NEWS):
    """Messages that only lack their end, each on its connection."""
    links = [stack.enter_context(apps.dial(bed))
             for _ in range(count)]
    made = [Steps(link, head(segment=segment, sender=sender) + b"\r\nx\r\n",
                  person(), sender) for link in links]
    for steps in made:
        steps.upto("body")
    return made


def test_each_connection_has_a_thread(bed):
    """Not libmilter's pool, which starves some when many are busy."""
    with contextlib.ExitStack() as stack:
        links = [stack.enter_context(apps.dial(bed)) for _ in range(30)]
        for link in links:
            link.hello()
        tasks = os.listdir(f"/proc/{bed.tendril.milter.pid}/task")
        assert len(tasks) >= len(links)


def test_who_waits_for_the_disk_keeps_nobody(bed):
    """Newsletters and orders end at the same instant, and no newsletter can
    be made durable: the orders are answered meanwhile."""
    pid = bed.tendril.milter.pid
    with contextlib.ExitStack() as stack:
        news = half_sent(bed, stack, 20, segment=True)
        orders = half_sent(bed, stack, 20, segment=False,
                           sender="orders@example.com")
        pool = stack.enter_context(futures.ThreadPoolExecutor(40))
        with Ledger(bed).held():
            os.kill(pid, signal.SIGSTOP)
            waiting, served = ([pool.submit(steps.upto, "eom")
                                for steps in some] for some in (news, orders))
            time.sleep(0.3)  # so that all have sent their last packet
            os.kill(pid, signal.SIGCONT)
            for one in served:
                assert one.result().outcome == "accept"
            assert not any(one.done() for one in waiting)
        for one in waiting:
            assert one.result().outcome == "accept"
            assert len(one.result().mail.get("DKIM-Signature")) == 2


@pytest.mark.parametrize("phase", Steps.PHASES)
@pytest.mark.parametrize("end", ["rset", "drop", "mail", "quit"])
def test_broken_off(bed, phase, end):
    """RSET, a lost connection, a new MAIL or QUIT in every phase; what
    follows is not touched by what went before."""
    link = apps.dial(bed)
    try:
        Steps(link, head() + b"\r\nfirst\r\n", person()).upto(phase)
        if end == "rset":
            link.rset()
        elif end == "quit":
            link.quit()
        elif end == "drop":
            link.drop()
        if end in ("drop", "quit"):
            link = apps.dial(bed)
        for _ in range(2):
            assert_signed(bed, link.send(head() + b"\r\nsecond\r\n", NEWS,
                                         [person()]))
        assert_untouched(link.send(head(segment=False) + b"\r\nthird\r\n",
                                   NEWS, [person()]))
    finally:
        link.drop()


def commands(rng):
    """A command with data, right or wrong. Macros only right: libmilter reads
    beyond a list of them whose last has no value. (Its peer is the MTA.)"""
    macros = b"Mi\0" + b"queueid\0"
    data = {
        b"M": b"<news@example.com>\0SIZE=10\0", b"R": b"<a@north.example>\0",
        b"L": b"X-Tendril-Segment\0newsletter\0", b"N": b"", b"E": b"",
        b"B": b"text\r\n", b"A": b"", b"H": b"helo\0", b"T": b"", b"K": b"",
        b"C": b"localhost\x004\0\0" + b"127.0.0.1\0", b"U": b"FOO\0",
        b"D": macros, b"Q": b""}
    name = rng.choice(list(data))
    right = data[name]
    if name == b"D":
        return name, right
    return name, rng.choice((
        right, right, right, right[:-1], right * 2, b"",
        rng.randbytes(rng.randrange(1, 300))))


@pytest.mark.parametrize("seed", range(20))
def test_random_commands(bed, seed):
    """Commands in random order, some with broken data. Nothing that might be
    a newsletter is continued at its end without changes."""
    rng = random.Random(seed)
    for _ in range(30):
        link = apps.dial(bed)
        if rng.random() < 0.7:
            link.hello()
        try:
            for _ in range(rng.randrange(1, 25)):
                link.raw_packet(*commands(rng))
        except Disconnected:
            pass
        link.drop()
    assert bed.tendril.milter.is_running()


def test_end_of_message_out_of_order_is_not_let_go(bed):
    for before in ([], ["mail"], ["mail", "rcpt"],
                   ["mail", "rcpt", "header"]):
        with apps.dial(bed) as link:
            link.hello()
            if "mail" in before:
                link.mail(NEWS)
            if "rcpt" in before:
                link.rcpt("ann@north.example")
            if "header" in before:
                link.header(b"X-Tendril-Segment", b" newsletter")
            link.raw_packet(b"E")
            link.timeout = 1
            try:
                code, _ = link.read_packet()
            except Disconnected:
                continue
            finally:
                link.drop()
            assert code in (b"t", b"y"), (before, code)


# --- packets ---

@pytest.mark.parametrize("data", [
    b"\0" * 100, b"\xff" * 100, struct.pack(">I", 0), b"\x7f\xff\xff\xff",
    struct.pack(">IB", 0xffffffff, 0x4f), struct.pack(">I", 1 << 26) + b"L",
    b"GET / HTTP/1.0\r\n\r\n", b"EHLO x\r\n", b"\0\0\0\x0dO" + b"\0" * 12,
    b"\0\0\0\x05Oabcd", struct.pack(">I", 5) + b"O"], ids=repr)
def test_garbage_instead_of_negotiation(bed, data):
    link = apps.dial(bed, negotiate=False, timeout=2)
    try:
        link.raw_bytes(data)
        link.read_packet()
    except apps.MilterError:
        pass
    link.drop()


@pytest.mark.parametrize("seed", range(10))
def test_random_bytes(bed, seed):
    rng = random.Random(seed)
    for _ in range(20):
        link = apps.dial(bed, negotiate=rng.random() < 0.5)
        try:
            for _ in range(rng.randrange(1, 5)):
                link.raw_bytes(rng.randbytes(rng.randrange(1, 5000)))
        except Disconnected:
            pass
        link.drop()


def test_absurd_lengths_take_no_memory(bed, build):
    """A length without the bytes costs nothing, also on many connections.
    (Each holds a thread of libmilter's until it ends, and its pool may let
    others wait for one: no MTA stops in the middle of a packet.)"""
    links = []
    for _ in range(50):
        link = apps.dial(bed, negotiate=False)
        link.raw_bytes(struct.pack(">I", 60 << 20) + b"O" + b"x" * 1000)
        links.append(link)
    time.sleep(0.5)
    used = apps.memory_kb(bed.tendril.milter.pid)
    assert used < apps.memory_bound_kb(build, MEMORY_KB)
    for link in links:
        link.drop()


ALL = 0x1ff


@pytest.mark.parametrize("actions", [
    0, ALL & ~0x001, ALL & ~0x010, ALL & ~0x020, ALL & ~0x040])
def test_negotiation_without_a_needed_action(bed, actions):
    """An MTA that would not let us change what we must is refused; better no
    mail than mail half done."""
    link = apps.dial(bed, negotiate=False)
    link.raw_packet(b"O", struct.pack(">III", 6, actions, 0x1fffff))
    try:
        code, data = link.read_packet()
        assert (code, data) != (b"O", b"")
        link.hello()
        link.mail(NEWS)
        assert link.rcpt("a@north.example").refused
    except (apps.MilterError, AssertionError):
        pass
    else:
        pytest.fail("negotiated without what it needs")
    finally:
        link.drop()


def test_negotiation_without_leading_space(bed):
    with pytest.raises(apps.MilterError):
        apps.dial(bed, steps=0x1fffff & ~0x100000)


@pytest.mark.parametrize("version", [0, 1])
def test_negotiation_with_an_old_protocol(bed, version):
    link = apps.dial(bed, negotiate=False)
    link.raw_packet(b"O", struct.pack(">III", version, ALL, 0x1fffff))
    assert link.closed_by_filter()
    link.drop()


# --- time ---

def test_slow_peers_hold_up_nobody(bed):
    """Connections in the middle of a message, a field now and then: others
    are served at once."""
    links = []
    for _ in range(200):
        link = apps.dial(bed)
        Steps(link, head() + b"\r\nslow\r\n", person()).upto("rcpt")
        links.append(link)
    for _ in range(5):
        for link in links:
            link.header(b"X-Slow", b" y")
        begun = time.monotonic()
        assert_signed(bed, send(bed, head() + b"\r\nquick\r\n"))
        assert time.monotonic() - begun < AT_ONCE_S
    for link in links:
        link.drop()


def test_idle_connections_cost_little(bed, build):
    """A thread's stack, no more: what a message needed is given back."""
    pid = bed.tendril.milter.pid
    before = apps.memory_kb(pid, "VmRSS")
    links = [apps.dial(bed) for _ in range(IDLE)]
    for link in links:
        link.send(head() + b"\r\n" + b"x" * 60_000 + b"\r\n", NEWS, [person()])
    grown = apps.memory_kb(pid, "VmRSS") - before
    for link in links:
        link.drop()
    assert grown < apps.memory_bound_kb(build, IDLE * IDLE_KB)


def test_nothing_is_left_in_work(running):
    """After all of this no message is counted as in work: a stop is quick."""
    bed = running
    begun = time.monotonic()
    assert bed.tendril.stop_milter() == 0
    assert time.monotonic() - begun < AT_ONCE_S
    stopped = bed.tendril.events("stopped")[-1]
    assert stopped["left"] == "0"
    bed.start_milter()


# --- through a real Postfix ---

def raw_submit(port, data, recipients, sender=NEWS, options=""):
    """SMTP by hand, data as it is; the replies' codes."""
    with socket.create_connection(("127.0.0.1", port), timeout=60) as sock:
        read = sock.makefile("rb")

        def reply():
            while True:
                line = read.readline()
                if line[3:4] != b"-":
                    return int(line[:3] or b"0")

        def command(text):
            sock.sendall(text.encode() + b"\r\n")
            return reply()
        reply()
        command("EHLO app.example.com")
        codes = [command(f"MAIL FROM:<{sender}>{options}")]
        codes += [command(f"RCPT TO:<{one}>") for one in recipients]
        codes.append(command("DATA"))
        if codes[-1] == 354:
            sock.sendall(data + b"\r\n.\r\n")
            codes[-1] = reply()
        command("QUIT")
        return codes


MAIN = {"smtpd_recipient_limit": "20000", "header_size_limit": "2000000"}


@pytest.fixture(scope="module")
def whole(build):
    with beds.Bed(build, policy=POLICY, main=MAIN) as bed:
        bed.start_milter()
        bed.start_agent()
        bed.start_hub()
        yield bed
        bed.stop_and_look()


@pytest.fixture(scope="module")
def bare(build):
    """The same MTA with a filter that does nothing. (With none at all it
    would not cut header fields at 60000 bytes.)"""
    root = beds.make_root()
    idle = FakeFilter(root / "idle.sock")
    (root / "idle.sock").chmod(0o666)
    with beds.Bed(root=root, milter=idle.address, main=MAIN) as bed:
        bed.start_hub()
        yield bed
    idle.close()


# What Postfix adds where it is missing, each time another.
_ADDED = re.compile(rb"^(?:Message-Id|Date): [^\n]*\n", re.M)
MANY = b"".join(b"X-%d: y\r\n" % number for number in range(100_000))
POSTFIX_CASES = {
    "NUL in header": (b"X-Nul: a\0b\r\n", b"body"),
    "NUL in body": (b"", b"bo\0dy"),
    "bare LF": (b"", b"one\ntwo\r\nthree"),
    "bare LF in header": (b"X-A: b\nX-C: d\r\n", b"body"),
    "bare CR": (b"X-A: b\rc\r\n", b"one\rtwo\r\nthree"),
    "1 MB header": (b"X-Long: " + b"y " * 500_000 + b"\r\n", b"body"),
    "70 KB header": (b"X-Long: " + b"y " * 35_000 + b"\r\n", b"body"),
    "100k headers": (MANY, b"body"),
    "long line": (b"", b"z" * 100_000),
    "Bcc": (b"Bcc: secret@north.example\r\n", b"body"),
    "no body": (b"", b""),
    "no header": (None, b"just text\r\nand more"),
    "8bit": (b"X-8: \xc3\xa4\xff\r\n", b"\xc3\xa4\xff\r\n"),
}


@pytest.mark.parametrize("name", POSTFIX_CASES)
def test_newsletter_through_postfix(whole, name):
    """Refused, or delivered with valid signatures."""
    fields, body = POSTFIX_CASES[name]
    data = body if fields is None else head() + fields + b"\r\n" + body
    recipient = person()
    code = raw_submit(whole.ports["apps"], data, [recipient])[-1]
    if code == 250:
        message = whole.sink.wait(recipient)[0]
        found = judge.signatures(message.data, whole.zone)
        # Postfix folds lines of more than smtp_line_length_limit (998) bytes
        # after us: RFC 5322 forbids them, and who sends them breaks his
        # signature.
        if name not in ("no header", "long line"):
            assert [s.problem for s in found if not s.valid] == []
            assert len(found) == 2
    else:
        assert code == 552
        assert not whole.sink.messages(recipient)
    assert_whole_at_work(whole)


@pytest.mark.parametrize("name", POSTFIX_CASES)
def test_mail_of_others_through_postfix(whole, bare, name):
    """It comes out as from a filter that does nothing, byte for byte."""
    fields, body = POSTFIX_CASES[name]
    data = body
    if fields is not None:
        data = head(segment=False) + fields + b"\r\n" + body
    recipient, arrived = f"o{next(_serial)}@example.com", []
    for bed in (bare, whole):
        code = raw_submit(bed.ports["smtp25"], data, [recipient],
                          sender="stranger@south.example")[-1]
        assert code == 250
        message = judge.strip_trace(bed.sink.wait(recipient)[0].data)
        arrived.append(_ADDED.sub(b"", message))
    assert arrived[0] == arrived[1]


def assert_whole_at_work(bed):
    recipient = person()
    data = mail.message(NEWS, recipient, "still here", fields=[
        ("X-Tendril-Segment", "newsletter")])
    assert mail.submit(bed.ports["apps"], NEWS, [recipient],
                       data).final[0] == 250
    message = bed.sink.wait(recipient)[0]
    found = judge.signatures(message.data, bed.zone)
    assert len(found) == 2 and all(s.valid for s in found)


def test_smtputf8_through_postfix(whole):
    recipient = "j\u00fcrgen@north.example"
    codes = raw_submit(whole.ports["apps"], head() + b"\r\nbody",
                       [recipient], options=" SMTPUTF8")
    assert codes[-1] == 250, codes
    message = whole.sink.wait(recipient)[0]
    assert "SMTPUTF8" in message.mail_params
    found = judge.signatures(message.data, whole.zone)
    assert len(found) == 2 and all(s.valid for s in found)


def test_ten_thousand_recipients_through_postfix(whole):
    many = [f"w{number}@north.example" for number in range(10_000)]
    codes = raw_submit(whole.ports["apps"], head() + b"\r\nbody", many)
    assert codes[-1] == 552
    assert_whole_at_work(whole)
