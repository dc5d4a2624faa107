"""Postfix's side of the milter protocol, for tests.

Speaks to a filter as Postfix 3.7's smtpd(8) and cleanup(8) do: the same
packets with the same macros in the same order, changes applied to the message
by the same rules (mailmodel.py). Standard library only.

One message, start to end:

    from milterclient import Client, MilterSession

    with MilterSession("unix:/run/x.sock") as mta:
        sent = mta.send(b"Subject: hi\n\nbody\n", "app@example.com",
                        ["ann@example.org"])
        assert sent.outcome == "accept"
        assert sent.mail.get("List-Unsubscribe")
        verify(sent.mail.message)           # what the outside receives

From another origin, two messages in one connection, step by step:

    apps = Client(sasl=("PLAIN", "newsletter-app"), daemon_name="apps")
    with MilterSession(address, apps) as mta:
        mta.send(one, "a@example.com", ["x@example.org"])
        mta.mail("b@example.com", ["SIZE=1000"])
        assert mta.rcpt("x@example.org", ["NOTIFY=NEVER"]).code == 550
        mta.rset()

As sendmail(1) does (CONNECT localhost with port 0, no <>, no arguments):

    with MilterSession(address, Client.local()) as mta: ...

Hostile: raw_packet(), raw_bytes(), drop() at any moment; a filter that hangs
up or is silent for `timeout` seconds raises Disconnected, one that breaks the
protocol ProtocolError.

Not done here that Postfix does: address rewriting, header_checks, line and
header length limits. A session belongs to one thread.
"""

import itertools
import os
import socket
import struct
import time
from dataclasses import dataclass, field, replace

import milterwire as wire
from mailmodel import (Header, Mail, Recipient, address_of, lines_of,
                       split_message)
from milterwire import (Change, Disconnected, MilterError, ProtocolError,
                        Reply)

__all__ = ["Change", "Client", "Disconnected", "Header", "Mail",
           "MilterError", "MilterSession", "ProtocolError", "Recipient",
           "Reply", "Result", "Sent", "address_of", "lines_of",
           "split_message", "submit"]

# Which macros Postfix sends at which event (postconf -d, 3.7).
MACRO_LISTS = {
    "connect": ["j", "{daemon_name}", "{daemon_addr}", "v", "_"],
    "helo": ["{tls_version}", "{cipher}", "{cipher_bits}",
             "{cert_subject}", "{cert_issuer}"],
    "mail": ["i", "{auth_type}", "{auth_authen}", "{auth_author}",
             "{mail_addr}", "{mail_host}", "{mail_mailer}"],
    "rcpt": ["i", "{rcpt_addr}", "{rcpt_host}", "{rcpt_mailer}"],
    "data": ["i"], "eoh": ["i"], "eom": ["i"], "unknown": [],
}
# Headers come with the list of eoh, body chunks with that of eom.
_STAGE = {"header": "eoh", "body": "eom"}
_AT_CONNECTION = ("connect", "helo")
_SKIPPED = Reply("not-sent")
_UNANSWERED = Reply("none")
_serial = itertools.count(os.getpid() % 1000 * 1000)


@dataclass(frozen=True)
class Client:
    """Who talks to the MTA, and to which of its services."""

    host: str = "client.example.net"    # "unknown": shown as [address]
    address: str = "192.0.2.10"
    port: int = 40000
    helo: str = "client.example.net"
    sasl: tuple = None          # (mechanism, user)
    tls: tuple = None           # (version, cipher, bits)
    my_hostname: str = "mx.example.com"
    daemon_name: str = "mx.example.com"  # -o milter_macro_daemon_name
    daemon_addr: str = "127.0.0.1"
    daemon_port: str = "25"
    is_local: bool = False      # sendmail(1), not SMTP

    @classmethod
    def local(cls, **more):
        """Local submission, as cleanup(8) makes it up."""
        return cls(host="localhost", address="127.0.0.1", port=0,
                   helo="localhost", is_local=True, **more)

    @property
    def family(self):
        return b"6" if ":" in self.address else b"4"

    @property
    def shown_host(self):
        return f"[{self.address}]" if self.host == "unknown" else self.host

    def macros(self):
        out = {
            "j": self.my_hostname, "v": "Postfix 3.7.11",
            "{daemon_name}": self.daemon_name,
            "{daemon_addr}": self.daemon_addr,
            "{daemon_port}": self.daemon_port,
            "_": f"{self.host} [{self.address}]",
            "{client_addr}": self.address, "{client_name}": self.host,
            "{client_port}": str(self.port), "{client_ptr}": self.host,
            "{client_connections}": "0" if self.is_local else "1",
        }
        if self.sasl:
            out["{auth_type}"], out["{auth_authen}"] = self.sasl
        if self.tls:
            out["{tls_version}"], out["{cipher}"] = self.tls[:2]
            out["{cipher_bits}"] = str(self.tls[2])
        return out


@dataclass
class Result:
    """The end of one message."""

    reply: Reply
    changes: list           # [Change] in the order they came
    mail: Mail              # after the changes
    progress: int = 0       # how often the filter asked for more time

    @property
    def outcome(self):
        """accept, discard, quarantine, reject (5xx) or tempfail (4xx)."""
        if self.reply.refused:
            return "reject" if self.reply.code >= 500 else "tempfail"
        earlier = self.reply.earlier or self.reply
        if earlier.kind == "discard":
            return "discard"
        return "accept" if self.mail.quarantine is None else "quarantine"


@dataclass
class Sent(Result):
    """What send() returns: also where it ended, and each recipient's fate."""

    stage: str = "eom"      # where the last word fell: mail, rcpt, data...
    rcpt_replies: dict = field(default_factory=dict)    # address -> Reply
    queue_id: str = ""


class MilterSession:
    """One connection to a filter.

    address: "unix:/path" or "inet:host:port" (also "inet:port@host").
    actions, steps, version: what this MTA offers in the negotiation. After
    it, actions and steps hold what the filter asked for.
    """

    def __init__(self, address, client=None, *, actions=wire.ACTIONS,
                 steps=wire.STEPS, version=wire.VERSION, timeout=60.0,
                 negotiate=True):
        self.client = client or Client()
        self.offered = (version, actions, steps)
        self.timeout = timeout
        self.version, self.actions, self.steps = 0, 0, 0
        self.macro_lists = dict(MACRO_LISTS)
        self.macros = {}        # name -> value; change it at will
        self.queue_id = None
        self.mail_in_work = None
        self._last_word = None  # Reply that ended the message or connection
        self._connection_over = False
        self._skip = None       # the event that the filter is tired of
        self._connected = False
        self._sock = _dial(address, timeout)
        try:
            if negotiate:
                self.negotiate()
        except BaseException:
            self.drop()
            raise

    def __enter__(self):
        return self

    def __exit__(self, kind, _value, _trace):
        if kind is None and self._sock is not None:
            self.quit()
        self.drop()

    # --- bytes and packets -------------------------------------------------

    def raw_bytes(self, data):
        """Sends anything at all."""
        try:
            self._sock.settimeout(self.timeout)
            self._sock.sendall(data)
        except AttributeError:
            raise Disconnected("connection is closed") from None
        except OSError as why:
            raise Disconnected(f"cannot write: {why}") from why

    def raw_packet(self, command, data=b""):
        self.raw_bytes(wire.packet(command, data))

    def read_packet(self):
        """(code, data) of the next packet. Disconnected at its end."""
        end = time.monotonic() + self.timeout
        size = struct.unpack(">I", self._read(4, end))[0]
        if not 1 <= size <= wire.MAX_PACKET:
            raise ProtocolError(f"packet of {size} bytes")
        data = self._read(size, end)
        return data[:1], data[1:]

    def closed_by_filter(self):
        """Waits until the filter hangs up; False if it speaks or stays."""
        try:
            self.read_packet()
        except Disconnected as why:
            return "silent" not in str(why)
        return False

    def _read(self, size, end):
        out = b""
        while len(out) < size:
            try:
                self._sock.settimeout(max(end - time.monotonic(), 0.001))
                more = self._sock.recv(min(size - len(out), 1 << 16))
            except socket.timeout:
                raise Disconnected(
                    f"silent for {self.timeout} s") from None
            except AttributeError:
                raise Disconnected("connection is closed") from None
            except OSError as why:
                raise Disconnected(f"cannot read: {why}") from why
            if not more:
                raise Disconnected("closed by the filter")
            out += more
        return out

    # --- the connection ----------------------------------------------------

    def negotiate(self):
        version, actions, steps = self.offered
        self.raw_bytes(wire.options(version, actions, steps))
        code, data = self.read_packet()
        if code != b"O":
            raise ProtocolError(f"{code!r} instead of option negotiation")
        self.version, self.actions, self.steps, lists = (
            wire.split_options(data))
        if self.version > version:
            raise ProtocolError(f"filter wants version {self.version}")
        if self.actions & ~actions:
            raise ProtocolError(
                f"filter wants actions {self.actions & ~actions:#x}")
        self.macro_lists.update((k, v) for k, v in lists.items() if v)

    def connect(self):
        c = self.client
        self._connected = True
        self.macros = c.macros()
        data = wire.connect(c.shown_host.encode(), c.family, c.port,
                            c.address.encode())[5:]
        return self._event("connect", data)

    def helo(self, name=None):
        return self._event("helo", _z(name or self.client.helo))

    def hello(self):
        """connect() and helo(), unless done."""
        if not self._connected:
            reply = self.connect()
            return reply if reply.refused else self.helo()
        return self._last_word or Reply("continue")

    def unknown(self, line):
        return self._event("unknown", _z(line))

    def rset(self):
        """ABORT: the client's RSET, or a message's end."""
        self._forget_message()
        if not self._connection_over:
            self.raw_packet(b"A")

    abort = rset

    def quit(self):
        """The client's QUIT, as smtpd(8) or cleanup(8) does it."""
        if self._sock is None:
            return
        try:
            if not self._connection_over:
                if not self.client.is_local:
                    self.raw_packet(b"A")
                self.raw_packet(b"Q")
        except Disconnected:
            pass    # nobody waits for an answer
        self.drop()

    def quit_nc(self):
        """The end of this client's connection; the next follows on the same
        socket (Sendmail does this, Postfix does not)."""
        self._forget_message()
        self._last_word, self._connection_over = None, False
        self._connected = False
        self.raw_packet(b"K")

    def fileno(self):
        """Of the connection that is there."""
        return self._sock.fileno()

    def drop(self):
        """Closes without a word."""
        if self._sock is not None:
            self._sock.close()
            self._sock = None

    # --- one message, step by step -----------------------------------------

    def mail(self, sender, args=(), queue_id=None):
        """MAIL FROM. sender without <>; "" is the null sender."""
        self.hello()
        self._forget_message()
        self.queue_id = queue_id or _queue_id()
        self.mail_in_work = Mail([], b"", sender, tuple(args))
        self.macros.update(self._mail_macros(sender))
        return self._event("mail", self._address(sender, args))

    def rcpt(self, recipient, args=()):
        """RCPT TO. An accepted recipient is in mail_in_work.recipients."""
        self.macros["{rcpt_addr}"] = recipient
        if not self.client.is_local:
            self.macros["{rcpt_host}"] = recipient.rpartition("@")[2]
            self.macros["{rcpt_mailer}"] = "smtp"
        reply = self._event("rcpt", self._address(recipient, args))
        if not reply.refused:
            self.mail_in_work.recipients.append(
                Recipient(recipient, tuple(args)))
            self.macros["i"] = self.queue_id
        elif self.client.is_local:
            self.mail_in_work.complaints.append(
                f"refuses {recipient} of a local submission")
        return reply

    def data(self):
        self.macros["i"] = self.queue_id
        return self._event("data")

    def header(self, name, value):
        """value: all bytes after the colon, folded lines joined by LF. One
        leading blank is taken off unless HDR_LEADSPC was negotiated."""
        if not self.steps & wire.HDR_LEADSPC and value[:1] == b" ":
            value = value[1:]
        return self._event("header", name + b"\0" + value + b"\0")

    def eoh(self):
        return self._event("eoh")

    def body(self, data):
        """In chunks of 65535; the first answer that is not "continue"."""
        for at in range(0, len(data), wire.CHUNK):
            reply = self._event("body", data[at:at + wire.CHUNK])
            if reply.kind not in ("continue", "none", "skip", "not-sent"):
                return reply
        return Reply("continue")

    def eom(self, mail=None):
        """The end of the message: a Result. mail (default: mail_in_work) is
        changed as the filter wants; with headers, own ones included."""
        mail = mail or self.mail_in_work
        changes, progress = [], 0
        reply = self._send_event("eom")
        while reply is None:
            code, data = self.read_packet()
            if code == b"p" and not data:
                progress += 1
            elif code in wire.CHANGES:
                changes.append(self._change(mail, code, data))
            else:
                reply = self._answer("eom", wire.parse_reply(code, data))
        mail.finish()
        return Result(reply, changes, mail, progress)

    def _change(self, mail, code, data):
        change = wire.parse_change(code, data)
        if not self.actions & wire.NEEDS[code]:
            raise ProtocolError(f"{change.kind} was not negotiated")
        mail.apply(change, bool(self.steps & wire.HDR_LEADSPC))
        return change

    # --- one message, all at once ------------------------------------------

    def send(self, message, sender, recipients, *, mail_args=(),
             rcpt_args=(), queue_id=None, add_missing=None):
        """A whole message; a Sent.

        message: bytes with CRLF or LF. rcpt_args: for all recipients, or a
        dict from address to a list. add_missing: append Message-Id, Date and
        From where absent, as cleanup(8) does for local clients (default: for
        a local client). A refused recipient is left out; when none remains
        nothing more is sent.
        """
        if self.client.is_local:
            mail_args, rcpt_args = (), ()
        sent = self._envelope(sender, recipients, mail_args, rcpt_args,
                              queue_id)
        if sent is None:
            sent = self._content(message, add_missing)
        sent.queue_id = self.queue_id
        sent.rcpt_replies = self._rcpt_replies
        if self.client.is_local and self._sock is not None:
            self._forget_message()  # cleanup(8) sends no ABORT, only QUIT
        else:
            self.rset()
        return sent

    def _envelope(self, sender, recipients, mail_args, rcpt_args, queue_id):
        self._rcpt_replies = {}
        reply = self.hello()
        if not reply.refused:
            reply = self.mail(sender, mail_args, queue_id)
        else:
            self.mail_in_work = Mail([], b"", sender)
            return self._ended(reply, "connect")
        if reply.refused:
            return self._ended(reply, "mail")
        for one in recipients:
            args = (rcpt_args.get(one, ()) if isinstance(rcpt_args, dict)
                    else rcpt_args)
            self._rcpt_replies[one] = reply = self.rcpt(one, args)
        if not self.mail_in_work.recipients:
            return self._ended(reply, "rcpt")
        reply = self.data()
        return self._ended(reply, "data") if reply.refused else None

    def _content(self, message, add_missing):
        mail = self.mail_in_work
        headers, mail.body = split_message(message)
        if self.client.is_local if add_missing is None else add_missing:
            headers += self._missing(headers)
        mail.headers = [self._received()] + headers
        for header in headers:
            reply = self.header(header.name, header.value)
            if reply.refused:
                return self._ended(reply, "header")
        reply = self.eoh()
        if reply.refused:
            return self._ended(reply, "eoh")
        reply = self.body(mail.body)
        if reply.refused:
            return self._ended(reply, "body")
        return Sent(**vars(self.eom(mail)))

    def _ended(self, reply, stage):
        return Sent(reply, [], self.mail_in_work, stage=stage)

    def _received(self):
        c = self.client
        how = "ESMTPA" if c.sasl else "ESMTP"
        when = time.strftime("%a, %d %b %Y %H:%M:%S +0000", time.gmtime())
        text = (f" by {c.my_hostname} (Postfix, from userid 1000)\n"
                f"\tid {self.queue_id}; {when} (UTC)" if c.is_local else
                f" from {c.helo} ({c.host} [{c.address}])\n"
                f"\tby {c.my_hostname} (Postfix) with {how} id "
                f"{self.queue_id};\n\t{when} (UTC)")
        return Header(b"Received", text.encode(), own=True, hidden=True)

    def _missing(self, headers):
        have = {h.name.lower() for h in headers}
        stamp = time.strftime("%Y%m%d%H%M%S", time.gmtime())
        date = time.strftime("%a, %d %b %Y %H:%M:%S +0000 (UTC)",
                             time.gmtime())
        sender = self.mail_in_work.sender or "MAILER-DAEMON"
        new = [(b"Message-Id", f" <{stamp}.{self.queue_id}@"
                f"{self.client.my_hostname}>"),
               (b"Date", f" {date}"), (b"From", f" {sender}")]
        return [Header(name, value.encode(), own=True)
                for name, value in new if name.lower() not in have]

    # --- inside ------------------------------------------------------------

    def _forget_message(self):
        self.mail_in_work, self._skip = None, None
        if not self._connection_over:
            self._last_word = None
        for name in ("i", "{mail_addr}", "{mail_host}", "{mail_mailer}",
                     "{rcpt_addr}", "{rcpt_host}", "{rcpt_mailer}"):
            self.macros.pop(name, None)

    def _mail_macros(self, sender):
        out = {"{mail_addr}": sender}
        if self.client.is_local:
            out["i"] = self.queue_id
        else:
            out["{mail_host}"] = sender.rpartition("@")[2]
            out["{mail_mailer}"] = "smtp"
        return out

    def _address(self, address, args):
        text = address if self.client.is_local else f"<{address}>"
        return b"".join(_z(part) for part in (text, *args))

    def _event(self, name, data=b""):
        reply = self._send_event(name, data)
        while reply is None:
            code, more = self.read_packet()
            if code == b"p" and not more:
                continue
            if code in wire.CHANGES:
                raise ProtocolError(f"{wire.CHANGES[code]} after {name}")
            reply = self._answer(name, wire.parse_reply(code, more))
        return reply

    def _send_event(self, name, data=b""):
        """Macros and event; a Reply if none is to be waited for."""
        if self._last_word is not None:
            return replace(_SKIPPED, earlier=self._last_word)
        if self._skip == name:
            return _SKIPPED
        self._skip = None
        unwanted = self.steps & wire.NOT_SENT.get(name, 0)
        if unwanted and name in ("header", "eoh", "body"):
            return _SKIPPED
        code = wire.COMMANDS[name]
        out = wire.macros(code, self._macro_pairs(_STAGE.get(name, name)))
        if not unwanted:
            out += wire.packet(code, data)
        self.raw_bytes(out)
        if unwanted:
            return _SKIPPED
        if self.steps & wire.NOT_ANSWERED.get(name, 0):
            return _UNANSWERED
        return None

    def _macro_pairs(self, stage):
        for name in self.macro_lists.get(stage, ()):
            value = self.macros.get(name, self.macros.get(
                name[1:-1] if name.startswith("{") else "{" + name + "}"))
            if value is not None:
                yield name.encode(), value.encode()

    def _answer(self, event, reply):
        """Notes what the reply means for later events."""
        if reply.kind == "skip":
            if not self.steps & wire.SKIP:
                raise ProtocolError("skip was not negotiated")
            self._skip = event
        elif reply.kind in ("conn-fail", "shutdown") or (
                event in _AT_CONNECTION and reply.kind in
                ("accept", "reject", "tempfail", "code")):
            self._last_word, self._connection_over = reply, True
            self.drop()
        elif reply.kind == "discard" and event in _AT_CONNECTION:
            raise ProtocolError("discard at connection")
        elif reply.kind in ("accept", "discard"):
            self._last_word = reply
        return reply


def submit(address, message, sender, recipients, client=None, **options):
    """One message in a connection of its own; a Sent."""
    with MilterSession(address, client) as mta:
        return mta.send(message, sender, recipients, **options)


def _z(text):
    data = text if isinstance(text, bytes) else text.encode()
    return data + b"\0"


def _queue_id():
    return f"{time.time_ns() // 1000 % 0x100000:05X}{next(_serial):06X}"


def _dial(address, timeout):
    kind, _, where = address.partition(":")
    if kind in ("unix", "local"):
        sock, target = socket.socket(socket.AF_UNIX), where
    elif kind == "inet":
        if "@" in where:
            port, _, host = where.partition("@")
        else:
            host, _, port = where.rpartition(":")
        sock, target = socket.socket(), (host or "127.0.0.1", int(port))
    else:
        raise ValueError(f"not unix:PATH or inet:HOST:PORT: {address}")
    sock.settimeout(timeout)
    try:
        sock.connect(target)
    except OSError as why:
        sock.close()
        raise Disconnected(f"{address}: {why}") from why
    return sock
