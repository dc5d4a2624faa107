"""The wire between an MTA and a filter, cut between two changes.

The MTA connects here, and what it says goes on to the filter and back. Where
the test wants it, the filter is lost: the MTA has so many of its changes at the
end of a message, and neither the next one nor the answer.
"""

import socket
import struct
import threading

import milterwire as wire
from filtersocket import FilterSocket


class CutWire(FilterSocket):
    """A pair of threads for each connection.

    after: how many changes come through before the cut; None: no cut. on_cut:
    called then, before the MTA can notice; may be set anew. cuts: how many
    there were.
    """

    def __init__(self, path, filter_path, on_cut, group=None):
        self.after = None
        self.cuts = 0
        self.on_cut = on_cut
        self._filter_path = str(filter_path)
        super().__init__(path, group)

    def take(self, conn):
        link = _Link(self, conn)
        for pump in (link.to_filter, link.to_mta):
            threading.Thread(target=pump, daemon=True).start()

    def dial(self):
        """A connection to the filter; OSError when it is not there."""
        sock = socket.socket(socket.AF_UNIX)
        try:
            sock.connect(self._filter_path)
        except OSError:
            sock.close()
            raise
        return sock

    def cut(self):
        self.cuts += 1
        self.on_cut()


class _Link:
    """One connection of the MTA, and ours to the filter."""

    def __init__(self, cutter, mta):
        self._cutter = cutter
        self._mta = mta
        self._at_end = False    # the MTA waits for changes and the answer
        self._changes = 0
        try:
            self._filter = cutter.dial()
        except OSError:
            self._filter = None
            self._hang_up()

    def _hang_up(self):
        for sock in (self._mta, self._filter):
            if sock is not None:
                try:
                    sock.shutdown(socket.SHUT_RDWR)
                except OSError:
                    pass    # the other side was faster

    def _pump(self, source, sink, sees):
        """Packets, each looked at before it goes on; then both hang up."""
        if self._filter is not None:
            try:
                with source.makefile("rb") as stream:
                    packet = _read(stream)
                    while packet and sees(packet[4:5]):
                        sink.sendall(packet)
                        packet = _read(stream)
            except OSError:
                pass
        self._hang_up()

    def to_filter(self):
        self._pump(self._mta, self._filter, self._from_mta)

    def to_mta(self):
        self._pump(self._filter, self._mta, self._from_filter)

    def _from_mta(self, code):
        if code == wire.COMMANDS["eom"]:
            self._changes, self._at_end = 0, True
        return True

    def _from_filter(self, code):
        """False: the wire is cut."""
        if not self._at_end:
            return True
        if self._cutter.after == self._changes:
            self._cutter.cut()
            return False
        self._changes += code in wire.CHANGES
        self._at_end = code not in wire.ANSWERS
        return True


def _read(stream):
    """A packet with its length; empty at the end."""
    head = stream.read(4)
    if len(head) < 4:
        return b""
    size = struct.unpack(">I", head)[0]
    body = stream.read(size)
    return head + body if len(body) == size else b""
