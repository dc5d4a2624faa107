"""CPU time that a filter adds to Postfix, a message, from smtpd(8) to the next
server: own Postfix instance (needs root), 8 clients, 4 KB mail, a connection
a message, smtp-sink(1) as the next server.

    cpu.PEER.total     Postfix (all its processes) and the filter
    cpu.PEER.filter    of that the filter's process
    cpu.PEER.added     total less that without a filter, in the same round

Peers: none; null, a filter that adds one header; opendkim; tendril signing
transactional mail; nurture, decided on and composed besides, for known people
with full histories. The cost of the clients and of smtp-sink is not in it."""

import os
import pathlib
import shutil
import smtplib
import sys
import threading
import time

from benchlib import HERE, LISTENER, Unavailable, group, progress
from group_decide import SMALL, STREAM, ledger

sys.path.insert(0, str(HERE.parent / "e2e"))

from bed import bed, postfix, proc  # noqa: E402

CLIENTS = 8
A_SECOND = 250      # messages for a second of --seconds: less than it can
WARM_UP = 5 * CLIENTS   # so that smtpd(8) processes need not start
DRAIN_S = 60
QUEUES = ("incoming", "active", "deferred", "maildrop", "hold")
TICK = os.sysconf("SC_CLK_TCK")
NANO = 1e9
TEXT = ("From: news@example.com\r\nTo: {to}\r\nSubject: What is new\r\n"
        "Date: Sun, 22 Nov 2026 10:00:00 +0000\r\n"
        "Message-ID: <{number}.{run}@example.com>\r\nMIME-Version: 1.0\r\n"
        "Content-Type: text/plain; charset=us-ascii\r\n"
        "Reply-To: team@example.com\r\nX-Tendril-Segment: demo\r\n\r\n"
        + ("We would like to tell you what is new, one line after the other. "
           "abcdefghijk\r\n" * 53))
MAIN = {
    "myhostname": "mail.example.com",
    "myorigin": "example.com",
    "mynetworks": "127.0.0.1/32",
    "smtpd_relay_restrictions": "permit_mynetworks, reject",
    "smtpd_recipient_restrictions": "",
}


@group("cpu", "CPU time added to Postfix a message, end to end")
def run(bench):
    if os.geteuid() != 0:
        raise Unavailable("Postfix needs root")
    if not (postfix.DAEMONS / "master").exists():
        raise Unavailable("Postfix is not installed")
    root = bed.make_root()
    proc.own_folder(root)
    try:
        measure(bench, root, list(peers(bench)))
    except (proc.BedError, smtplib.SMTPException) as why:
        raise Unavailable(str(why)) from None
    finally:
        proc.remove_folder(root)


def peers(bench):
    """Those that can be made here."""
    for make in (bench.null, bench.opendkim, bench.tendril, nurture):
        try:
            yield make(bench) if make is nurture else make()
        except Unavailable as why:
            bench.skip(f"cpu.{make.__name__}", str(why))


def nurture(bench):
    state = ledger(bench, SMALL)
    peer = bench.tendril(klass="nurture", state=state, stream=STREAM,
                         name="nurture")
    for key in ("lead", "token", "epoch"):
        shutil.copy(state / f"{key}.key", bench.folder("nurture"))
    peer.name = "nurture"
    return peer


def measure(bench, root, made):
    with bench.running(*made) as up:
        for peer in up:
            open_to_postfix(peer)
        mta = Mta(bench, root, up)
        try:
            mta.start()
            rounds = {peer.name if peer else "none": {}
                      for peer in (None, *up)}
            for turn in range(bench.rounds):
                for peer in (None, *up):
                    note(rounds, mta, turn, peer)
        finally:
            mta.stop()
    lines(bench, rounds)


def open_to_postfix(peer):
    """smtpd(8) is another user."""
    sock = pathlib.Path(peer.address.removeprefix("unix:"))
    sock.chmod(0o666)
    sock.parent.chmod(0o711)
    sock.parent.parent.chmod(0o711)


class Mta:
    """Postfix with a listener for each peer, and the server behind it."""

    def __init__(self, bench, root, up):
        names = ["none", *(peer.name for peer in up)]
        sink_port, *ports = proc.free_ports(1 + len(names))
        self.ports = dict(zip(names, ports))
        self.count = int(bench.seconds * A_SECOND) // CLIENTS * CLIENTS
        self.sent = 0
        self._sink = proc.Daemon(
            "smtp-sink", [bench.system_program("smtp-sink"), "-u", "nobody",
                          f"127.0.0.1:{sink_port}", "256"], root / "sink.log")
        self._sink.wait_ready(lambda: proc.port_is_open(sink_port))
        milters = {peer.name: f"{{ {peer.address}, default_action=tempfail }}"
                   for peer in up}
        self._postfix = postfix.Postfix(
            root, "bench", services=[
                postfix.Service(
                    name, port, milter_macro_daemon_name=LISTENER,
                    smtpd_milters=milters.get(name, ""))
                for name, port in self.ports.items()],
            main={**MAIN, "default_transport":
                  f"smtp:[127.0.0.1]:{sink_port}"})

    def start(self):
        self._postfix.start()
        for name in self.ports:
            self.load(name, WARM_UP)

    def stop(self):
        self._postfix.stop()
        self._sink.stop()

    def cpu_s(self):
        """Of all processes of Postfix, those that ended included."""
        master = self._postfix.daemon.pid
        stat = stat_of(master)
        total = ran_s(master) + (int(stat[13]) + int(stat[14])) / TICK
        for path in pathlib.Path("/proc").glob("[0-9]*"):
            try:
                if int(stat_of(path.name)[1]) == master:
                    total += ran_s(path.name)
            except (FileNotFoundError, ProcessLookupError):
                pass
        return total

    def load(self, name, count):
        """Sends so many, each to another person; returns when all are out."""
        first = self.sent
        self.sent += count
        failed = []
        senders = [threading.Thread(
            target=send, args=(self.ports[name], first + part,
                               first + count, failed))
                   for part in range(CLIENTS)]
        for sender in senders:
            sender.start()
        for sender in senders:
            sender.join()
        if failed:
            raise Unavailable(f"{name}: {failed[0]}")
        proc.wait_until(lambda: not self._queued(), DRAIN_S,
                        f"{name}: empty queue")

    def _queued(self):
        """A file in a queue; postqueue(1) would cost what is measured."""
        return any(files for queue in QUEUES for _, _, files in
                   os.walk(self._postfix.queue_dir / queue))


def send(port, first, end, failed):
    for number in range(first, end, CLIENTS):
        to = f"lead{number % SMALL + 1}@example.org"
        text = TEXT.format(to=to, number=number, run=os.getpid())
        try:
            with smtplib.SMTP("127.0.0.1", port, timeout=30) as smtp:
                smtp.sendmail("app@example.com", [to], text)
        except (OSError, smtplib.SMTPException) as why:
            failed.append(why)
            return


def stat_of(pid):
    """Words of /proc/PID/stat from the state on."""
    text = pathlib.Path(f"/proc/{pid}/stat").read_text()
    return text.rpartition(")")[2].split()


def ran_s(pid):
    """CPU time of a process with one thread, finer than stat's."""
    text = pathlib.Path(f"/proc/{pid}/schedstat").read_text()
    return int(text.split()[0]) / NANO


def filter_s(peer):
    if peer is None:
        return 0
    stat = stat_of(peer.pid)
    return (int(stat[11]) + int(stat[12])) / TICK


def note(rounds, mta, turn, peer):
    name = peer.name if peer else "none"
    mine, postfix_s, began = filter_s(peer), mta.cpu_s(), time.monotonic()
    mta.load(name, mta.count)
    took = time.monotonic() - began
    mine, postfix_s = filter_s(peer) - mine, mta.cpu_s() - postfix_s
    figures = rounds[name]
    for figure, seconds in (("total", postfix_s + mine), ("filter", mine)):
        figures.setdefault(figure, []).append(seconds / mta.count * 1000)
    progress(f"  round {turn + 1} {name}: {mta.count / took:.0f} msgs/s, "
             f"{figures['total'][-1]:.2f} ms, of it the filter "
             f"{figures['filter'][-1]:.2f}")


def lines(bench, rounds):
    bare = rounds.pop("none")["total"]
    bench.line("cpu.none.total", bare, "ms")
    added = {name: [with_it - without for with_it, without
                    in zip(figures["total"], bare)]
             for name, figures in rounds.items()}
    for name, figures in rounds.items():
        bench.line(f"cpu.{name}.total", figures["total"], "ms",
                   "cpu.none.total", bare)
        bench.line(f"cpu.{name}.filter", figures["filter"], "ms")
        against = added.get("null") if name != "null" else None
        bench.line(f"cpu.{name}.added", added[name], "ms",
                   "cpu.null.added" if against else "", against)
