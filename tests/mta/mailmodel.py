"""A message in Postfix's queue, and what a filter's changes make of it.

Pure: no sockets. The rules are Postfix's (tests/e2e/test_milterclient.py has
cases recorded from Postfix 3.7.11):

- Postfix's own Received is the first header and is not shown to the filter.
- insheader counts all headers, that own one included: 0 goes above it, 1
  right below it; past the end is appended.
- chgheader and delete count from 1 among the headers of that name that the
  filter can know: all but Postfix's own Received. A change of what is not
  there appends, a delete of it does nothing.
- A header ends at its first NUL.
- A line of a changed header that does not begin with a blank gets a tab.
- A recipient added twice is one; added beside an original one it is two.
- A new body is taken line by line; its last line gets its end.
"""

import re
from dataclasses import dataclass, field

from milterwire import Change, ProtocolError

# A field name as Postfix's cleanup sees one: then blanks, then a colon.
_HEADER = re.compile(rb"([!-9;-~]+)[ \t]*:")


@dataclass
class Header:
    name: bytes
    value: bytes        # all after the colon; folded lines joined by LF
    own: bool = False   # added by this MTA
    hidden: bool = False    # not shown to the filter

    @property
    def wire(self):
        text = self.name + b":" + self.value
        return text.replace(b"\n", b"\r\n") + b"\r\n"


@dataclass(frozen=True)
class Recipient:
    address: str    # without <>
    args: tuple = ()    # ESMTP arguments: "NOTIFY=NEVER", ...
    added: bool = False     # by the filter


def lines_of(data):
    """Lines without their ends: CRLF or LF, in any mixture."""
    lines = data.split(b"\n")
    if lines[-1] == b"":
        lines.pop()
    return [line[:-1] if line.endswith(b"\r") else line for line in lines]


def split_message(data):
    """([Header], body with CRLF) as Postfix's cleanup cuts it."""
    lines = lines_of(data)
    headers, at = [], 0
    while at < len(lines):
        line = lines[at]
        found = _HEADER.match(line)
        if found:
            headers.append(Header(found.group(1), line[found.end():]))
        elif headers and line[:1] in (b" ", b"\t"):
            headers[-1].value += b"\n" + line
        else:
            break
        at += 1
    for header in headers:
        header.value = header.value.split(b"\0")[0]
    if at < len(lines) and lines[at] == b"":
        at += 1
    return headers, b"".join(line + b"\r\n" for line in lines[at:])


def address_of(text):
    """Without <>, as text."""
    address = text.decode("utf-8", "surrogateescape").strip()
    if address.startswith("<") and address.endswith(">"):
        address = address[1:-1]
    return address


@dataclass
class Mail:
    headers: list
    body: bytes
    sender: str = ""
    sender_args: tuple = ()
    recipients: list = field(default_factory=list)
    quarantine: str = None  # the reason, or None
    # What Postfix would log a warning about.
    complaints: list = field(default_factory=list)
    _new_body: list = None
    _body_closed: bool = False

    @property
    def message(self):
        """As the outside receives it: CRLF, no dot-stuffing."""
        return b"".join(h.wire for h in self.headers) + b"\r\n" + self.body

    @property
    def payload(self):
        """The same without what this MTA itself put in."""
        kept = (h.wire for h in self.headers if not h.own)
        return b"".join(kept) + b"\r\n" + self.body

    @property
    def addresses(self):
        return [r.address for r in self.recipients]

    def get(self, name):
        """Values of all headers of that name, unfolded and trimmed."""
        want = name.lower().encode()
        return [re.sub(rb"\n(?=[ \t])", b"", h.value).strip().decode(
            "utf-8", "surrogateescape")
            for h in self.headers if h.name.lower() == want]

    def apply(self, change, leading_space):
        """Makes one change; leading_space: HDR_LEADSPC was negotiated."""
        if change.kind != "replbody" and self._new_body is not None:
            self._close_body()
        getattr(self, "_" + change.kind)(change, leading_space)

    def finish(self):
        """After the last change."""
        if self._new_body is not None:
            self._close_body()

    def _find(self, change):
        """Position of the change.index-th such header, or None."""
        count = 0
        for at, header in enumerate(self.headers):
            if header.hidden or header.name.lower() != change.name.lower():
                continue
            count += 1
            if count == max(change.index, 1):
                return at
        return None

    def _make(self, change, leading_space):
        value = change.value if leading_space else b" " + change.value
        if b"\r" in value:
            self.complaints.append(f"CR in header {change.name!r}")
        first, *rest = value.split(b"\n")
        rest = [x if x[:1] in (b" ", b"\t") else b"\t" + x for x in rest]
        return Header(change.name, b"\n".join([first] + rest))

    def _addheader(self, change, leading_space):
        self.headers.append(self._make(change, leading_space))

    def _insheader(self, change, leading_space):
        self.headers.insert(change.index, self._make(change, leading_space))

    def _chgheader(self, change, leading_space):
        at = self._find(change)
        if change.deletes:
            if at is None:
                self.complaints.append(
                    f"deletes {change.name!r} {change.index}: not there")
            else:
                del self.headers[at]
        elif at is None:
            self._addheader(change, leading_space)
        else:
            self.headers[at] = self._make(change, leading_space)

    def _chgfrom(self, change, _leading_space):
        self.sender = address_of(change.value)
        self.sender_args = tuple(change.args.decode("ascii").split())

    def _addrcpt(self, change, _leading_space):
        address = address_of(change.value)
        if not address:
            self.complaints.append("adds a null recipient")
            return
        args = tuple(change.args.decode("ascii").split())
        new = Recipient(address, args, added=True)
        if new not in self.recipients:
            self.recipients.append(new)

    def _delrcpt(self, change, _leading_space):
        address = address_of(change.value)
        kept = [r for r in self.recipients if r.address != address]
        if len(kept) == len(self.recipients):
            self.complaints.append(f"deletes recipient {address}: not there")
        self.recipients = kept

    def _quarantine(self, change, _leading_space):
        self.quarantine = change.value.decode("utf-8", "replace")

    def _replbody(self, change, _leading_space):
        if self._body_closed:
            raise ProtocolError(
                "body replacement mixed with other changes")
        if self._new_body is None:
            self._new_body = []
        self._new_body.append(change.value)

    def _close_body(self):
        lines = lines_of(b"".join(self._new_body))
        self.body = b"".join(line + b"\r\n" for line in lines)
        self._new_body, self._body_closed = None, True


__all__ = ["Change", "Header", "Mail", "Recipient", "address_of",
           "lines_of", "split_message"]
