"""What the outside received, judged without the product's code.

Takes bytes from the sink and text from /metrics. Signatures are verified by
dkimpy. Each judge_* function returns a list of complaints; an empty list is a
pass.
"""

import re

import dkim

# Headers whose presence and signature a nurture message needs.
NURTURE_FIELDS = ("List-Unsubscribe", "List-Unsubscribe-Post", "List-Id",
                  "Feedback-ID", "CFBL-Address", "CFBL-Feedback-ID",
                  "X-Tendril-Id")
ALWAYS_SIGNED = ("From", "To", "Subject", "Date")
OVERSIGNED = ("From", *NURTURE_FIELDS)
ONE_CLICK = "List-Unsubscribe=One-Click"


def split(data):
    """(header bytes, body bytes); the empty line belongs to neither."""
    head, _, body = data.partition(b"\r\n\r\n")
    return head + b"\r\n", body


def fields(data):
    """Header fields in order as (name, unfolded value)."""
    head, _ = split(data)
    text = head.decode("utf-8", "surrogateescape")
    found = []
    for line in re.sub(r"\r\n(?=[ \t])", "", text).split("\r\n"):
        name, colon, value = line.partition(":")
        if colon:
            found.append((name.strip(), value.strip()))
    return found


def values(data, name):
    return [value for key, value in fields(data)
            if key.lower() == name.lower()]


class Signature:
    """One DKIM-Signature: its tags and dkimpy's opinion."""

    def __init__(self, data, index, header, zone):
        tags = dict(tag.split("=", 1) for tag in header.split(";")
                    if "=" in tag)
        self.tags = {key.strip(): re.sub(r"\s", "", value)
                     for key, value in tags.items()}
        self.domain = self.tags.get("d", "")
        self.algorithm = self.tags.get("a", "")
        self.signed = self.tags.get("h", "").lower().split(":")
        self.problem = ""
        try:
            self.valid = dkim.DKIM(data).verify(index, dnsfunc=zone.txt)
        except dkim.DKIMException as error:
            self.valid = False
            self.problem = str(error)


def signatures(data, zone):
    """All signatures, top first."""
    headers = values(data, "DKIM-Signature")
    return [Signature(data, index, header, zone)
            for index, header in enumerate(headers)]


def signature_summary(data, zone):
    """For a person: 'rsa+ed25519 ok', 'none', 'rsa BAD'."""
    found = signatures(data, zone)
    if not found:
        return "none"
    bad = [s.algorithm.split("-")[0] for s in found if not s.valid]
    if bad:
        return "+".join(bad) + " BAD"
    return "+".join(s.algorithm.split("-")[0] for s in found) + " ok"


def judge_signed(data, zone, domain, algorithms):
    """Signed by `domain` with each algorithm, all valid, and no header that
    matters could be added later (oversigned)."""
    found = signatures(data, zone)
    complaints = [f"{s.algorithm} signature of {s.domain}: invalid "
                  f"{s.problem}".rstrip() for s in found if not s.valid]
    for algorithm in algorithms:
        count = sum(s.algorithm == algorithm and s.domain == domain
                    for s in found)
        if count != 1:
            complaints.append(f"{count} signatures {algorithm} of {domain}")
    present = [name for name in (*ALWAYS_SIGNED, *NURTURE_FIELDS)
               if values(data, name)]
    for one in found:
        for name in present:
            count = one.signed.count(name.lower()) - len(values(data, name))
            if count < 0:
                complaints.append(f"{name} not signed ({one.algorithm})")
            elif count == 0 and name in OVERSIGNED:
                complaints.append(f"{name} not oversigned ({one.algorithm})")
    return complaints


def judge_unsigned(data):
    count = len(values(data, "DKIM-Signature"))
    return [f"{count} signatures where none belongs"] if count else []


def strip_trace(data):
    """The bytes below the Received fields that MTAs put on top."""
    while True:
        match = re.match(rb"Received:[^\r]*\r\n(?:[ \t][^\r]*\r\n)*", data)
        if match is None:
            return data
        data = data[match.end():]


def judge_untouched(data, original):
    """Byte for byte what was sent, but for MTAs' Received fields."""
    if strip_trace(data) == original:
        return []
    return ["bytes differ from what was sent"]


def judge_body(data, original):
    if split(data)[1] == split(original)[1]:
        return []
    return ["body differs from what was sent"]


def unsubscribe_uris(data):
    """(https URIs, mailto URIs) of List-Unsubscribe."""
    uris = re.findall(r"<([^<>]*)>", "".join(values(data, "List-Unsubscribe")))
    uris = [re.sub(r"\s", "", uri) for uri in uris]
    return ([uri for uri in uris if uri.startswith("https://")],
            [uri for uri in uris if uri.startswith("mailto:")])


def judge_one_click(data, base_url, feedback_domain):
    """RFC 8058: one https URI of ours, the fixed Post header, a mailto."""
    complaints = []
    https, mailto = unsubscribe_uris(data)
    if len(https) != 1 or not https[0].startswith(f"{base_url}/u/"):
        complaints.append(f"List-Unsubscribe has {https}")
    if len(mailto) != 1 or f"@{feedback_domain}" not in mailto[0]:
        complaints.append(f"List-Unsubscribe has {mailto}")
    if values(data, "List-Unsubscribe-Post") != [ONE_CLICK]:
        complaints.append("List-Unsubscribe-Post is "
                          f"{values(data, 'List-Unsubscribe-Post')}")
    return complaints


def judge_nurture_headers(data, feedback_id):
    complaints = [f"{len(values(data, name))} times {name}"
                  for name in NURTURE_FIELDS if len(values(data, name)) != 1]
    if values(data, "Feedback-ID") != [feedback_id]:
        complaints.append(f"Feedback-ID is {values(data, 'Feedback-ID')}")
    if not "".join(values(data, "CFBL-Address")).endswith("report=arf"):
        complaints.append("CFBL-Address names no report format")
    return complaints


def judge_envelope(message, recipient, bounce_domain):
    """One recipient, and a bounce address of our own."""
    complaints = []
    if [r.lower() for r in message.recipients] != [recipient.lower()]:
        complaints.append(f"recipients {message.recipients}")
    pattern = rf"b-[a-z2-7]+@{re.escape(bounce_domain)}"
    if not re.fullmatch(pattern, message.sender, re.IGNORECASE):
        complaints.append(f"envelope sender {message.sender}")
    return complaints


def metrics(text):
    """Prometheus text -> {'name{label="x"}': value}."""
    found = {}
    for line in text.splitlines():
        if line and not line.startswith("#"):
            key, _, value = line.rpartition(" ")
            found[key] = float(value)
    return found
