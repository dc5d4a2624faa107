"""A filter for tests of the MTA's side: it says what it is told to say."""

import struct

import milterwire as wire
from filtersocket import FilterSocket


class FakeFilter(FilterSocket):
    """Says what it is told to.

    script: event -> list of packets to answer it with (without entry:
    continue; None: hangs up); events by the names of milterwire.COMMANDS.
    steps, actions: what it negotiates (options: the whole answer to the
    negotiation, instead). seen: all packets that came, without their length.
    """

    def __init__(self, path, script=None, steps=0, actions=wire.ACTIONS,
                 options=None):
        self.script, self.steps, self.actions = script or {}, steps, actions
        self.options = options
        self.seen = []
        super().__init__(path)

    def take(self, conn):
        with conn, conn.makefile("rb") as stream:
            try:
                self._serve(conn, stream)
            except (OSError, EOFError):
                pass

    def _serve(self, conn, stream):
        names = {code: name for name, code in wire.COMMANDS.items()}
        while True:
            head = stream.read(4)
            if len(head) < 4:
                return
            data = stream.read(struct.unpack(">I", head)[0])
            self.seen.append(data)
            name = names[data[:1]]
            if name == "options":
                conn.sendall(self.options or wire.options(
                    6, self.actions, self.steps))
            elif name not in ("macro", "abort", "quit", "quit-nc"):
                answer = self.script.get(name, [wire.packet(b"c")])
                if answer is None:
                    return
                if not self.steps & wire.NOT_ANSWERED.get(name, 0):
                    conn.sendall(b"".join(answer))

    def events(self):
        """What was seen, without macros."""
        return [p for p in self.seen if p[:1] != b"D"]
