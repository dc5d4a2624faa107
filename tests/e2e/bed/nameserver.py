"""A name server on the loopback that has the TXT records of one file, which
is read again for each question.

The file is a master file as far as this goes: `NAME. IN TXT ( "a" "b" )`, over
several lines, with comments. Any other name does not exist; a name that does
has no other type. No file: SERVFAIL. What it says is for one question, unless
`ttl_s` says for how long: tests change their zone.
"""

import pathlib
import re
import socketserver
import struct
import threading

RECORD = re.compile(r"^(\S+)\.\s+IN\s+TXT\s+\(([^)]*)\)", re.M)
TXT = 16
NOERROR, SERVFAIL, NXDOMAIN = 0, 2, 3


def read_zone(path):
    text = re.sub(r"^\s*;.*\n", "", path.read_text(), flags=re.M)
    return {name.lower(): [part.encode() for part in
                           re.findall(r'"([^"]*)"', value)]
            for name, value in RECORD.findall(text)}


def _quoted(text):
    return " ".join(f'"{text[at:at + 200]}"'
                    for at in range(0, len(text), 200))


def parse_question(packet):
    """(name, type, end of the question)."""
    labels, at = [], 12
    while packet[at]:
        labels.append(packet[at + 1:at + 1 + packet[at]].decode("latin-1"))
        at += 1 + packet[at]
    kind, = struct.unpack_from(">H", packet, at + 1)
    return ".".join(labels).lower(), kind, at + 5


def answer(packet, zone, ttl_s):
    name, kind, end = parse_question(packet)
    data = b""
    if zone is None:
        code = SERVFAIL
    elif name not in zone:
        code = NXDOMAIN
    else:
        code = NOERROR
        if kind == TXT:
            value = b"".join(bytes([len(part)]) + part
                             for part in zone[name])
            data = struct.pack(">HHHIH", 0xc00c, TXT, 1, ttl_s,
                               len(value))
            data += value
    head = packet[:2] + struct.pack(">HHHHH", 0x8580 | code, 1,
                                    1 if data else 0, 0, 0)
    return head + packet[12:end] + data


class _Handler(socketserver.BaseRequestHandler):
    def handle(self):
        packet, sock = self.request
        self.server.questions += 1
        asked = parse_question(packet)[0]
        if self.server.is_stalled and asked.endswith(self.server.stalled):
            self.server.unanswered += 1
            return
        path = self.server.zone
        zone = read_zone(path) if path.exists() else None
        sock.sendto(answer(packet, zone, self.server.ttl_s),
                    self.client_address)


class NameServer:
    """Listens from the moment it is made; UDP only, as records are small."""

    def __init__(self, zone, port=53):
        self._server = socketserver.ThreadingUDPServer(("127.0.0.1", port),
                                                       _Handler)
        self._server.daemon_threads = True
        self._server.zone = pathlib.Path(zone)
        self._server.is_stalled = False
        self._server.stalled = ""
        self._server.unanswered = 0
        self._server.questions = 0
        self._server.ttl_s = 0
        self.port = self._server.server_address[1]
        threading.Thread(target=self._server.serve_forever,
                         daemon=True).start()

    def publish(self, records):
        """TXT records, {name: text}: these and no others from now on."""
        self._server.zone.write_text("".join(
            f"{name}. IN TXT ( {_quoted(text)} )\n"
            for name, text in records.items()))

    def fail(self):
        """SERVFAIL to everything, until publish()."""
        self._server.zone.unlink()

    def stall(self, yes=True, below=""):
        """Hear questions and answer none, until stall(False); below: those of
        names that end so."""
        self._server.stalled = below
        self._server.is_stalled = yes

    def set_ttl(self, seconds):
        """Of all records, from now on."""
        self._server.ttl_s = seconds

    @property
    def questions(self):
        """How many were heard so far."""
        return self._server.questions

    @property
    def unanswered(self):
        """How many questions a stall has swallowed so far."""
        return self._server.unanswered

    def stop(self):
        self._server.shutdown()
        self._server.server_close()
