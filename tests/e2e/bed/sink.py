"""The outside world: an SMTP server that keeps what it gets.

For each message: envelope, the exact bytes (dot-unstuffed, line ends as they
came), when and from whom. Answers can be scripted per recipient. Threads:
one per connection; the methods of Sink may be called from any.
"""

import collections
import dataclasses
import fnmatch
import pathlib
import socketserver
import threading
import time

from . import proc

EXTENSIONS = ("PIPELINING", "SIZE 104857600", "8BITMIME", "SMTPUTF8", "DSN",
              "ENHANCEDSTATUSCODES")


@dataclasses.dataclass(frozen=True)
class Received:
    """A message the outside accepted (or, as a copy, refused at DATA)."""

    number: int
    sender: str
    recipients: tuple
    data: bytes
    time: float
    helo: str
    peer: str
    mail_params: tuple
    rcpt_params: tuple
    accepted: bool


@dataclasses.dataclass
class Rule:
    """A scripted reply: at `stage` (rcpt or data), for addresses that match
    the pattern, `times` times (None: always)."""

    pattern: str
    reply: str
    stage: str
    times: int | None


def _path(argument):
    """'<a@b> SIZE=1 BODY=7BIT' -> ('a@b', ('SIZE=1', 'BODY=7BIT'))."""
    address, _, rest = argument.strip().partition(">")
    return address.lstrip().lstrip("<"), tuple(rest.split())


class _Session(socketserver.StreamRequestHandler):
    def setup(self):
        super().setup()
        self.helo = ""
        self._reset()

    def _reset(self):
        self.sender = None
        self.mail_params = ()
        self.recipients = []

    def _say(self, text):
        self.wfile.write(text.encode() + b"\r\n")
        self.wfile.flush()

    def handle(self):
        try:
            self._say("220 outside.example ESMTP")
            for raw in self.rfile:
                line = raw.decode("utf-8", "surrogateescape").rstrip("\r\n")
                if self._command(line) == "quit":
                    return
        except (BrokenPipeError, ConnectionResetError):
            pass

    def _command(self, line):
        verb, _, argument = line.partition(" ")
        verb = verb.upper()
        if verb in ("EHLO", "HELO"):
            self._hello(verb, argument)
        elif verb == "MAIL":
            self._reset()
            self.sender, self.mail_params = _path(line.partition(":")[2])
            self._say("250 2.1.0 Ok")
        elif verb == "RCPT":
            self._rcpt(*_path(line.partition(":")[2]))
        elif verb == "DATA":
            self._data()
        elif verb == "RSET":
            self._reset()
            self._say("250 2.0.0 Ok")
        elif verb == "NOOP":
            self._say("250 2.0.0 Ok")
        elif verb == "QUIT":
            self._say("221 2.0.0 Bye")
            return "quit"
        else:
            self._say("502 5.5.2 Error: command not recognized")
        return None

    def _hello(self, verb, name):
        self.helo = name
        self._reset()
        lines = ["outside.example"]
        if verb == "EHLO":
            lines += self.server.sink.extensions
        for line in lines[:-1]:
            self._say(f"250-{line}")
        self._say(f"250 {lines[-1]}")

    def _rcpt(self, address, params):
        if self.sender is None:
            self._say("503 5.5.1 Error: need MAIL command")
            return
        reply = self.server.sink.scripted(address, "rcpt")
        if reply is None or reply.startswith("2"):
            self.recipients.append((address, params))
        self._say(reply or "250 2.1.5 Ok")

    def _data(self):
        if not self.recipients:
            self._say("554 5.5.1 Error: no valid recipients")
            return
        self._say("354 End data with <CR><LF>.<CR><LF>")
        data = self._read_data()
        reply = None
        for address, _ in self.recipients:
            reply = reply or self.server.sink.scripted(address, "data")
        reply = reply or "250 2.0.0 Ok"
        self.server.sink.keep(self, data, reply.startswith("2"))
        self._say(reply)
        self._reset()

    def _read_data(self):
        lines = []
        for line in self.rfile:
            if line == b".\r\n":
                return b"".join(lines)
            lines.append(line[1:] if line.startswith(b".") else line)
        raise ConnectionResetError("connection lost in DATA")


class _Server(socketserver.ThreadingTCPServer):
    allow_reuse_address = True
    daemon_threads = True
    request_queue_size = 256


class Sink:
    """Listens from the moment it is made. `folder`: also write each message
    there as NNNN.eml, for a person to look at."""

    def __init__(self, port=0, *, folder=None, extensions=EXTENSIONS):
        self.extensions = extensions
        self.folder = None if folder is None else pathlib.Path(folder)
        self._changed = threading.Condition()
        self._messages = []
        self._attempts = collections.Counter()
        self._rules = []
        self._server = _Server(("127.0.0.1", port), _Session)
        self._server.sink = self
        self.port = self._server.server_address[1]
        self._thread = threading.Thread(target=self._server.serve_forever,
                                        kwargs={"poll_interval": 0.05},
                                        daemon=True)
        self._thread.start()

    def stop(self):
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()

    def script(self, pattern, reply, *, stage="rcpt", times=None):
        """Answer `reply` ("550 5.1.1 No such user") to matching addresses."""
        with self._changed:
            self._rules.append(Rule(pattern.lower(), reply, stage, times))

    def unscript(self, pattern):
        """Forget the scripts of that pattern."""
        with self._changed:
            self._rules = [rule for rule in self._rules
                           if rule.pattern != pattern.lower()]

    def clear(self):
        """Forget messages and scripts."""
        with self._changed:
            self._messages.clear()
            self._attempts.clear()
            self._rules.clear()

    def scripted(self, address, stage):
        with self._changed:
            if stage == "rcpt":
                self._attempts[address.lower()] += 1
                self._changed.notify_all()
            for rule in self._rules:
                if rule.stage == stage and rule.times != 0 \
                        and fnmatch.fnmatchcase(address.lower(), rule.pattern):
                    if rule.times is not None:
                        rule.times -= 1
                    return rule.reply
        return None

    def keep(self, session, data, accepted):
        with self._changed:
            message = Received(
                number=len(self._messages) + 1, sender=session.sender,
                recipients=tuple(a for a, _ in session.recipients),
                data=data, time=time.time(), helo=session.helo,
                peer=session.client_address[0],
                mail_params=session.mail_params,
                rcpt_params=tuple(p for _, p in session.recipients),
                accepted=accepted)
            self._messages.append(message)
            self._changed.notify_all()
        if self.folder is not None:
            name = self.folder / f"{message.number:04d}.eml"
            name.write_bytes(data)

    def attempts(self, address):
        """How often RCPT named this address, whatever the answer."""
        with self._changed:
            return self._attempts[address.lower()]

    def messages(self, recipient=None):
        """Accepted messages, oldest first, all or those to `recipient`."""
        with self._changed:
            return [m for m in self._messages if m.accepted and (
                recipient is None or recipient.lower() in
                [address.lower() for address in m.recipients])]

    def wait(self, recipient=None, count=1, timeout_s=20):
        """Wait for at least `count` messages; returns them."""
        timeout_s *= proc.PATIENCE
        deadline = time.monotonic() + timeout_s
        with self._changed:
            while True:
                found = self.messages(recipient)
                if len(found) >= count:
                    return found
                left = deadline - time.monotonic()
                if left <= 0 or not self._changed.wait(left):
                    raise proc.BedError(
                        f"sink: {len(found)} of {count} messages to "
                        f"{recipient or 'anybody'} after {timeout_s:g} s")
