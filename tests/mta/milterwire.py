"""The milter protocol, version 6, as bytes: packets, flags, replies, changes.

Pure: no sockets, no state. Standard library only; shares no code with the
product, so that a mistake in one is not hidden by the same mistake in the
other. The C twin is mtaproto.[ch].

A packet is four bytes of length (big endian, counting what follows), one
command or reply byte, and data. Text in data ends with NUL.
"""

import struct
from dataclasses import dataclass

VERSION = 6
CHUNK = 65535       # largest body chunk; also libmilter's default data limit
MAX_PACKET = 2 * CHUNK  # Postfix takes no longer reply than this

# What the filter may do to the message (SMFIF_*).
ADDHDRS, CHGBODY, ADDRCPT, DELRCPT = 0x001, 0x002, 0x004, 0x008
CHGHDRS, QUARANTINE, CHGFROM, ADDRCPT_PAR = 0x010, 0x020, 0x040, 0x080
SETSYMLIST = 0x100
ACTIONS = 0x1ff     # what Postfix 3.7 offers

# What is not sent, what is not answered (SMFIP_*).
NOCONNECT, NOHELO, NOMAIL, NORCPT = 0x01, 0x02, 0x04, 0x08
NOBODY, NOHDRS, NOEOH = 0x10, 0x20, 0x40
NR_HDR, NOUNKNOWN, NODATA, SKIP, RCPT_REJ = 0x80, 0x100, 0x200, 0x400, 0x800
NR_CONN, NR_HELO, NR_MAIL, NR_RCPT = 0x1000, 0x2000, 0x4000, 0x8000
NR_DATA, NR_UNKN, NR_EOH, NR_BODY = 0x10000, 0x20000, 0x40000, 0x80000
HDR_LEADSPC = 0x100000
STEPS = 0x1fffff    # what Postfix 3.7 offers

# Commands to the filter, by the name used in this package.
COMMANDS = {
    "abort": b"A", "body": b"B", "connect": b"C", "macro": b"D", "eom": b"E",
    "helo": b"H", "quit-nc": b"K", "header": b"L", "mail": b"M", "eoh": b"N",
    "options": b"O", "quit": b"Q", "rcpt": b"R", "data": b"T",
    "unknown": b"U",
}
NOT_SENT = {
    "connect": NOCONNECT, "helo": NOHELO, "mail": NOMAIL, "rcpt": NORCPT,
    "body": NOBODY, "header": NOHDRS, "eoh": NOEOH, "unknown": NOUNKNOWN,
    "data": NODATA,
}
NOT_ANSWERED = {
    "connect": NR_CONN, "helo": NR_HELO, "mail": NR_MAIL, "rcpt": NR_RCPT,
    "body": NR_BODY, "header": NR_HDR, "eoh": NR_EOH, "unknown": NR_UNKN,
    "data": NR_DATA,
}

# Answers that end the wait, and changes that may come before one at EOM.
ANSWERS = {
    b"c": "continue", b"a": "accept", b"d": "discard", b"r": "reject",
    b"t": "tempfail", b"y": "code", b"s": "skip", b"f": "conn-fail",
    b"4": "shutdown",
}
CHANGES = {
    b"h": "addheader", b"i": "insheader", b"m": "chgheader",
    b"e": "chgfrom", b"+": "addrcpt", b"2": "addrcpt", b"-": "delrcpt",
    b"b": "replbody", b"q": "quarantine",
}
# The action that must have been negotiated for each change.
NEEDS = {
    b"h": ADDHDRS, b"i": ADDHDRS, b"m": CHGHDRS, b"e": CHGFROM,
    b"+": ADDRCPT, b"2": ADDRCPT_PAR, b"-": DELRCPT, b"b": CHGBODY,
    b"q": QUARANTINE,
}
MACRO_STAGES = ("connect", "helo", "mail", "rcpt", "data", "eom", "eoh")


class MilterError(Exception):
    """Anything that goes wrong between this MTA and the filter."""


class ProtocolError(MilterError):
    """The filter sent what the protocol does not allow here."""


class Disconnected(MilterError):
    """The filter closed the connection, or did not answer in time."""


def packet(command, data=b""):
    return struct.pack(">I", len(data) + 1) + command + data


def zjoin(parts):
    """Each part with its NUL."""
    return b"".join(part + b"\0" for part in parts)


def options(version, actions, steps):
    return packet(b"O", struct.pack(">III", version, actions, steps))


def macros(command, pairs):
    flat = (text for pair in pairs for text in pair)
    return packet(b"D", command + zjoin(flat))


def connect(host, family, port, address):
    data = host + b"\0" + family
    if family != b"U":
        data += struct.pack(">H", port) + address + b"\0"
    return packet(b"C", data)


def split_options(data):
    """(version, actions, steps, {stage: [macro, ...]}) from the answer."""
    if len(data) < 12:
        raise ProtocolError(f"short option negotiation: {data!r}")
    version, actions, steps = struct.unpack(">III", data[:12])
    lists, rest = {}, data[12:]
    while rest:
        if len(rest) < 5 or b"\0" not in rest[4:]:
            raise ProtocolError(f"bad macro list: {rest!r}")
        stage = struct.unpack(">I", rest[:4])[0]
        names, _, rest = rest[4:].partition(b"\0")
        if stage >= len(MACRO_STAGES):
            raise ProtocolError(f"no such macro stage: {stage}")
        lists[MACRO_STAGES[stage]] = names.decode("ascii").split()
    return version, actions, steps, lists


@dataclass(frozen=True)
class Reply:
    """What the filter said to one event.

    kind: a value of ANSWERS, or "none" (negotiated not to be answered) or
    "not-sent" (negotiated not to be sent, or the filter had already given its
    last word on this message or connection).
    """

    kind: str
    text: str = ""  # of "code" only: "550 5.7.1 No", lines joined by CRLF
    # The last word given earlier, when kind is "not-sent".
    earlier: "Reply | None" = None

    @property
    def smtp(self):
        """What Postfix says to the SMTP client; None if not a refusal."""
        if self.earlier is not None:
            return self.earlier.smtp
        return {
            "reject": "550 5.7.1 Command rejected",
            "tempfail": "451 4.7.1 Service unavailable - try again later",
            "conn-fail": "451 4.7.1 Service unavailable - try again later",
            "shutdown": "421 4.3.2 Service shutting down",
            "code": self.text,
        }.get(self.kind)

    @property
    def code(self):
        """The three digits as a number; None if not a refusal."""
        return int(self.smtp[:3]) if self.smtp else None

    @property
    def refused(self):
        return self.smtp is not None


@dataclass(frozen=True)
class Change:
    """One change asked for at the end of the message, as it came."""

    kind: str           # a value of CHANGES
    index: int = 0      # insheader, chgheader
    name: bytes = b""   # header's name
    value: bytes = b""  # header's value, address, body bytes or reason
    args: bytes = b""   # ESMTP arguments of chgfrom and addrcpt
    code: bytes = b""   # the reply byte

    @property
    def deletes(self):
        return self.kind == "chgheader" and self.value == b""


def check_code(text):
    """The reply text as Postfix takes it: %% is %, digits are checked."""
    if (len(text) < 4 or text[0] not in "45" or not text[1:3].isdigit()
            or text[3] not in " -"
            or (text[4:5].isdigit() and text[4] != text[0])):
        raise ProtocolError(f"malformed reply text: {text!r}")
    out, at = "", 0
    while at < len(text):
        at += text[at] == "%"
        out += text[at:at + 1]
        at += 1
    return out


def parse_reply(code, data):
    """A Reply; ProtocolError if code is none or has data it must not have."""
    kind = ANSWERS.get(code)
    if kind is None:
        raise ProtocolError(f"unknown reply {code!r}")
    if kind != "code" and data:
        raise ProtocolError(f"reply {kind} with data {data!r}")
    if kind != "code":
        return Reply(kind)
    if not data.endswith(b"\0"):
        raise ProtocolError(f"reply text without its end: {data!r}")
    return Reply(kind, check_code(data[:-1].decode("utf-8", "replace")))


def parse_change(code, data):
    kind = CHANGES.get(code)
    if kind is None:
        raise ProtocolError(f"unknown change {code!r}")
    if kind == "replbody":
        return Change(kind, value=data, code=code)
    index = 0
    if kind in ("insheader", "chgheader"):
        if len(data) < 4:
            raise ProtocolError(f"{kind} without index: {data!r}")
        index, data = struct.unpack(">I", data[:4])[0], data[4:]
    if not data.endswith(b"\0"):
        raise ProtocolError(f"{kind} without its end: {data!r}")
    parts = data[:-1].split(b"\0")
    if kind.endswith("header"):
        if len(parts) != 2 or not parts[0]:
            raise ProtocolError(f"{kind} needs name and value: {data!r}")
        return Change(kind, index, parts[0], parts[1], code=code)
    most = 2 if code in (b"e", b"2") else 1
    if len(parts) > most:
        raise ProtocolError(f"{kind} with too many arguments: {data!r}")
    return Change(kind, value=parts[0], args=b" ".join(parts[1:]), code=code)
