"""The MTA's side played by tests/mta/milterclient: messages handed straight to
the milter, and the log that a Postfix would have written of them."""

import fcntl
import pathlib
import struct
import sys
import termios
import threading
import time

from bed import proc

sys.path.insert(0, str(pathlib.Path(__file__).parent.parent / "mta"))

from cutwire import CutWire  # noqa: E402
from fakefilter import FakeFilter  # noqa: E402
from milterclient import (Client, Disconnected, MilterError,  # noqa: E402
                          MilterSession, split_message)

NEWS = "news@example.com"
APPS = Client(daemon_name="apps")


def address(bed):
    return f"unix:{bed.conf.milter_socket}"


def dial(bed, client=APPS, **options):
    """A connection to the bed's milter."""
    return MilterSession(address(bed), client, **options)


def wait_read(bed, link):
    """Until the milter has read and done all that was sent over the link.
    (Of a socket of this kind the kernel tells what its peer has not read.)"""
    tasks = pathlib.Path(f"/proc/{bed.tendril.milter.pid}/task")

    def is_done():
        if struct.unpack("i", fcntl.ioctl(
                link.fileno(), termios.TIOCOUTQ, b"\0" * 4))[0] > 0:
            return False
        try:
            states = [(task / "stat").read_bytes().rpartition(b")")[2].split()
                      for task in tasks.iterdir()]
        except (FileNotFoundError, ProcessLookupError):  # a thread has ended
            return False
        return all(state[0] == b"S" for state in states)
    proc.wait_until(is_done, 20, "the milter at rest")


class Steps:
    """One message, a step at a time, so that a test can stop anywhere."""

    PHASES = ("connect", "mail", "rcpt", "data", "header", "headers", "eoh",
              "body", "eom")

    def __init__(self, link, data, recipient, sender=NEWS):
        self.link = link
        self.recipient = recipient
        self.sender = sender
        self.headers, self.body = split_message(data)
        self._done = []
        self.result = None

    def upto(self, phase):
        """Go on until `phase` is done; the last reply (eom: the Result)."""
        reply = None
        for name in self.PHASES[:self.PHASES.index(phase) + 1]:
            if name not in self._done:
                self._done.append(name)
                reply = getattr(self, "_" + name)()
        return reply

    def _connect(self):
        return self.link.hello()

    def _mail(self):
        return self.link.mail(self.sender)

    def _rcpt(self):
        return self.link.rcpt(self.recipient)

    def _data(self):
        self.link.mail_in_work.headers = list(self.headers)
        return self.link.data()

    def _header(self):
        first = self.headers[0]
        return self.link.header(first.name, first.value)

    def _headers(self):
        for one in self.headers[1:]:
            reply = self.link.header(one.name, one.value)
        return reply

    def _eoh(self):
        return self.link.eoh()

    def _body(self):
        return self.link.body(self.body)

    def _eom(self):
        self.result = self.link.eom()
        return self.result


class PlayedLog:
    """The log of an MTA that only exists in the test. Threads: any."""

    def __init__(self, path):
        self._path = path
        self._lock = threading.Lock()
        self._path.parent.mkdir(parents=True, exist_ok=True)
        self._path.touch()

    def _write(self, *lines):
        stamp = time.strftime("%b %e %H:%M:%S")
        text = "".join(f"{stamp} mail postfix/{line}\n" for line in lines)
        with self._lock, open(self._path, "a", encoding="utf-8") as log:
            log.write(text)

    def delivered(self, queue_id, recipient):
        """A life without trouble."""
        self._write(
            f"qmgr[11]: {queue_id}: from=<x@example.com>, size=400, nrcpt=1 "
            "(queue active)",
            f"smtp[12]: {queue_id}: to=<{recipient}>, "
            "relay=127.0.0.1[127.0.0.1]:25, delay=0.1, "
            "delays=0.1/0/0/0, dsn=2.0.0, status=sent (250 2.0.0 Ok)",
            f"qmgr[11]: {queue_id}: removed")

    def filter_lost(self, queue_id, recipient):
        """The filter hung up at the end of the message."""
        self._write(
            f"cleanup[13]: {queue_id}: milter-reject: END-OF-MESSAGE from "
            "client.example.net[192.0.2.10]: 4.7.1 Service unavailable - try "
            f"again later; from=<{NEWS}> to=<{recipient}> proto=ESMTP "
            "helo=<client.example.net>")


def memory_kb(pid, what="VmHWM"):
    """A field of /proc/PID/status in kB."""
    for line in pathlib.Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith(f"{what}:"):
            return int(line.split()[1])
    raise ValueError(f"{what} of {pid}")


def memory_bound_kb(build, plain):
    """`plain`, or what a build with a sanitizer may take instead: freed
    memory is kept for a while there (bed.tendril.ASAN_OPTIONS), and the
    shadow of what was asked for, an eighth of it, is written at once."""
    data = (build / "tendril-milter").read_bytes()
    watched = b"__asan_init" in data or b"__tsan_init" in data
    return plain + (700_000 if watched else 0)


__all__ = ["APPS", "Client", "CutWire", "Disconnected", "FakeFilter",
           "MilterError", "MilterSession", "NEWS", "PlayedLog", "Steps",
           "address", "dial", "memory_bound_kb", "memory_kb", "wait_read"]
