"""One day of answers, as steps: our MTA sends to somebody else's Postfix, which
refuses, greylists, defers, is full, or takes mail and bounces it later; its
people complain, reply, are away and unsubscribe, through our port 25, with and
without SPF and DKIM (DNS from a name server of this module). What follows is
what `tendril` says, and what that Postfix is sent next. Told with Postfix by
test_story_answers, with Sendmail by test_sendmail_answers."""

import collections
import email
import json
import os
import re
import socketserver
import threading

import dkim

from bed import bed as beds
from bed import conf, keys, mail, nameserver, postfix, proc
from ledger import Ledger

NEWS = "news@example.com"
JOBS = "jobs@example.com"  # by sendmail(1)
STAFF = "staff@example.com"
FBL = "fbl@bounces.example.com"
PROVIDER = "feedback.provider.example"
AWAY = "I am out of the office until Monday.\r\n"
WISH = "Please remove me from your list.\r\n"
POLICY = conf.Fixed("""\
segment newsletter { purpose = newsletter legal-basis = legitimate-interest
  at-most = "1 per 7d"  when-full = reject }
segment webinar { purpose = events legal-basis = legitimate-interest
  at-most = "9 per 7d"  when-full = reject }
breaker {
  window = 1d  min-sample = 4  min-count = 3
  complaints = {"40%", "55%"}  hard-bounces = {"40%", "55%"}
  unsubscribes = {"40%", "55%"}
}
""")
JOB_STREAM = """\
stream jobs {
  class = "nurture"
  %s
  sender = {"jobs@example.com"}
  from-domains = {"example.com"}
  header = "X-Tendril-Segment"
  segment-from = "X-Tendril-Segment"
  unknown = "reject"
}

"""
# What their Postfix answers at RCPT, and how often; then it takes the mail.
ANSWERS = {
    "gone": ("550 5.1.1 no such user here", None),
    "grey": ("450 4.2.0 greylisted, come back", 1),
    "slow": ("451 4.3.2 not now", None),
    "full": ("552 4.2.2 mailbox is full", 1),
}


def name(who):
    return f"{who}@{beds.LATE_DOMAIN}"


class Verdicts(socketserver.StreamRequestHandler):
    """Postfix's policy delegation (SMTPD_POLICY_README)."""

    def handle(self):
        attributes = {}
        for line in self.rfile:
            key, found, value = line.decode().rstrip("\n").partition("=")
            if found:
                attributes[key] = value
                continue
            said = self.server.world.verdict(attributes["recipient"])
            self.wfile.write(f"action={said}\n\n".encode())
            attributes = {}


class World:
    """Who answers for the outside: its Postfix's verdicts, and how often that
    was asked; the provider's key; the name server that has it."""

    def __init__(self, folder):
        self.asked = collections.Counter()
        self._answers = {name(who): list(what)
                         for who, what in ANSWERS.items()}
        self._lock = threading.Lock()
        self._server = socketserver.ThreadingTCPServer(("127.0.0.1", 0),
                                                       Verdicts)
        self._server.daemon_threads = True
        self._server.world = self
        self.port = self._server.server_address[1]
        threading.Thread(target=self._server.serve_forever,
                         daemon=True).start()
        self._key = keys.Key(folder, PROVIDER, "s1", "rsa-sha256")
        self.names = nameserver.NameServer(folder / "zone", port=0)
        self.names.publish({self._key.name: self._key.txt,
                            PROVIDER: "v=spf1 -all"})

    def verdict(self, recipient):
        with self._lock:
            self.asked[recipient] += 1
            text, times = self._answers.get(recipient, ("DUNNO", None))
            if times == 0:
                return "DUNNO"
            if times is not None:
                self._answers[recipient][1] -= 1
            return text

    def sign(self, data):
        return dkim.sign(data, self._key.selector.encode(),
                         self._key.domain.encode(),
                         self._key.file.read_bytes(),
                         include_headers=[b"from", b"to", b"subject",
                                          b"message-id",
                                          b"content-type"]) + data

    def stop(self):
        self.names.stop()
        self._server.shutdown()
        self._server.server_close()


class Story:
    """A bed, and mail through it in one of two ways. mta: bed.postfix.Postfix
    or bed.sendmail.Sendmail."""

    def __init__(self, bed, mta, world, way):
        self.bed, self.mta, self.world, self.way = bed, mta, world, way
        self.ledger = Ledger(bed)
        self.ids = {}  # of the last letter to each

    def send(self, who, segment="newsletter"):
        """None where sendmail(1) took it, who never refuses."""
        sender = NEWS if self.way == "smtp" else JOBS
        self.ids[who] = f"<{os.urandom(8).hex()}@app.example.com>"
        data = mail.message(sender, name(who), "News",
                            message_id=self.ids[who],
                            fields=(("X-Tendril-Segment", segment),))
        if self.way == "smtp":
            return mail.submit(self.bed.ports["apps"], sender, [name(who)],
                               data).final
        self.mta.sendmail(data.replace(b"\r\n", b"\n"), sender, [name(who)])
        return None

    def sent(self, who, segment="newsletter"):
        """A letter that leaves: their Postfix is asked about it."""
        before = self.world.asked[name(who)]
        said = self.send(who, segment)
        assert said is None or said[0] == 250, said
        proc.wait_until(lambda: self.world.asked[name(who)] > before, 20,
                        f"mail to {who} outside")

    def refused(self, who, segment="newsletter"):
        """A letter that does not leave; their Postfix hears nothing."""
        before = self.world.asked[name(who)]
        said = self.send(who, segment)
        assert said is None or said[0] == 550, said
        if said is None:
            self.mta.wait_refused(self.ids[who])
        assert self.world.asked[name(who)] == before

    def letters(self, who):
        """What lies in their mailboxes, to a person."""
        found = []
        for path in (self.bed.root / "late-maildir" / "new").glob("*"):
            data = path.read_bytes()
            if email.message_from_bytes(data)["Delivered-To"] == name(who):
                found.append(data)
        return found

    def wait_letter(self, who, count=1):
        proc.wait_until(lambda: len(self.letters(who)) >= count, 20,
                        f"mail in the box of {who}")
        return self.letters(who)[-1]

    def outside(self, sender, recipient, data):
        """Somebody's mail to our port 25."""
        said = mail.submit(self.bed.ports["smtp25"], sender, [recipient],
                           data, source=beds.STRANGER)
        assert said.final[0] == 250, said

    def replies(self, who, body, *fields, sender=None):
        data = mail.message(name(who), STAFF, "Re: News", body=body, fields=(
            ("In-Reply-To", self.ids[who]), *fields))
        self.outside(name(who) if sender is None else sender, STAFF, data)

    def ours(self, who, letter):
        """Our address of that kind in a letter that came."""
        found = re.search(rb"\b%s-[a-z2-7]+@bounces\.example\.com" %
                          letter.encode(), self.wait_letter(who))
        return found[0].decode()

    def complains(self, who):
        address = self.ours(who, "f")
        data = mail.COMPLAINT.format(to=address).encode()
        for _ in range(2):  # the second one is the same complaint
            self.outside("fbl@provider.example", address, data)

    # what the user sees

    def rows(self, *words):
        text = self.bed.tendril.cli(*words, "--json", check=False).stdout
        return [json.loads(line) for line in text.splitlines()]

    def suppression(self, who):
        """Reason and origin of what is in force, or None."""
        shown, = self.rows("suppress", "show", name(who))
        return [(row["reason"], row["origin"])
                for row in shown["suppressions"]]

    def wait_suppression(self, who, *want):
        proc.wait_until(lambda: self.suppression(who) == [want], 30,
                        f"{who}: {want}, not {self.suppression(who)}")

    def reason(self, who, segment="newsletter"):
        row, = self.rows("explain", name(who), segment)
        return row["reason"]

    def slot(self, who):
        return [slot.state for slot in self.ledger.slots()
                if slot.address == name(who)]

    def wait_slot(self, who, *want):
        proc.wait_until(lambda: self.slot(who) == list(want), 30,
                        f"slots of {who}: {want}, not {self.slot(who)}")

    def stats(self, by):
        return {(row["name"], row.get(by)): row["count"]
                for row in self.rows("stats", "--by", by)}

    def stopped(self):
        return sorted(row["name"] for row in self.rows("segment", "list")
                      if row["state"] == "stopped")


def tweak(world, local="local = yes"):
    """local: what in conf tells mail that came by sendmail(1)."""
    def change(text):
        plain = text.text

        def changed():
            return plain().replace("agent {\n", f"""agent {{
  complaint-from = {{"provider.example"}}
  complaint-to = {{"{FBL}"}}
  nameserver = "127.0.0.1:{world.names.port}"
""").replace('stream rest {\n  class = "pass"', JOB_STREAM % local +
             'stream inbound {\n  class = "inbound"')
        text.text = changed
    return change


PEOPLE = ("anna", "grey", "slow", "full", "vera", "ursula", "carl", "dina",
          "frank", "wanda", "w0", "w1", "w2", "w3", "w4", "next")


def outside(bed, world):
    """Their Postfix, as the bed's late one."""
    return postfix.late_bouncer(
        bed.root, port=bed.ports["late"], domain=beds.LATE_DOMAIN,
        known=PEOPLE, maildir=bed.root / "late-maildir",
        dsn_port=bed.ports["smtp25"], main={
            "smtpd_recipient_restrictions": "check_policy_service "
            f"inet:127.0.0.1:{world.port}"})


def tell(story):
    delivery(story)
    complaints(story)
    answers(story)
    numbers(story)
    breaker(story)
    log(story)
    story.ledger.check()
    story.bed.tendril.stop()
    story.ledger.rebuild()


def delivery(story):
    """Slots and suppressions follow what their server says."""
    for who in ("gone", "grey", "slow", "full", "nobody"):
        story.sent(who)
    story.wait_suppression("gone", "user_unknown", "bounce")
    story.wait_slot("gone", "released")
    story.refused("gone")
    assert story.reason("gone") == "suppressed"
    # text overrides the code: full, which is nobody's fault
    story.wait_slot("full", "released")
    assert story.suppression("full") == []
    story.sent("full")
    story.wait_letter("full")
    story.wait_slot("full", "released", "delivered")
    # it was taken, and came back by DSN
    story.wait_suppression("nobody", "user_unknown", "bounce")
    story.wait_slot("nobody", "delivered")
    story.refused("nobody")
    # deferred: it counts, and waits
    story.wait_slot("slow", "queued")
    story.refused("slow")
    assert story.suppression("slow") == []
    story.mta.flush()
    story.wait_letter("grey")
    story.wait_slot("grey", "delivered")
    story.refused("grey")
    assert len(story.letters("grey")) == 1
    assert story.world.asked[name("grey")] == 2


def complaints(story):
    """By our token; by DKIM of who is declared; of anybody: not."""
    for who in ("frank", "carl", "dina"):
        story.sent(who)
    story.complains("frank")
    story.wait_suppression("frank", "complaint", "complaint")
    signed = story.world.sign(mail.NAMED_COMPLAINT.format(
        author=PROVIDER, person=name("carl"), number=1).encode())
    forged = mail.NAMED_COMPLAINT.format(author=PROVIDER, person=name("dina"),
                        number=2).encode()
    for data in (forged, signed.replace(name("carl").encode(),
                                        name("dina").encode()), signed):
        story.outside(f"bounce@{PROVIDER}", FBL, data)
    story.wait_suppression("carl", "complaint", "complaint")
    proc.wait_until(lambda: len(list(story.bed.maildir.glob(
        "unparsed/*.eml"))) == 2, 30, "two that nobody believes")
    assert story.suppression("dina") == []
    story.refused("carl", "webinar")
    story.refused("frank", "webinar")
    story.sent("dina", "webinar")


def answers(story):
    """Of people and of programs, and by mail to our u- address."""
    for who in ("anna", "vera", "ursula", "wanda"):
        story.sent(who)
        story.wait_letter(who)
    story.replies("anna", "Good, call me on Monday?\r\n")
    story.replies("vera", AWAY, ("Auto-Submitted", "auto-replied"), sender="")
    story.replies("wanda", WISH)
    story.outside(name("ursula"), story.ours("ursula", "u"),
                  b"Subject: out\r\n\r\n")
    proc.wait_until(lambda: story.reason("anna", "webinar") == "paused", 20,
                    "a pause")
    proc.wait_until(lambda: story.reason("ursula") == "withdrawn", 20,
                    "an opt-out")
    row, = proc.wait_until(lambda: story.rows("review", "list"), 20,
                           "a review")
    assert (row["address"], row["kind"]) == (name("wanda"), "opt_out")
    for who in ("anna", "wanda"):
        story.refused(who, "webinar")
    story.refused("ursula")
    story.sent("ursula", "webinar")
    story.sent("vera", "webinar")
    story.bed.tendril.cli("review", "unsubscribe", row["id"], "--reason",
                          "asks for it")
    story.wait_suppression("wanda", "opt_out", "review")


def numbers(story):
    """Each failure and each complaint is there once."""
    proc.wait_until(lambda: not story.bed.feedback(), 20, "an empty Maildir")
    by_reason = story.stats("reason")
    by_segment = story.stats("segment")
    by_provider = story.stats("provider")
    assert by_reason == {("bounce.hard", "user_unknown"): 2,
                         ("bounce.soft", "mailbox_full"): 1,
                         ("complaint", "abuse"): 1}  # carl's names no letter
    for what, count in (("bounce.hard.user_unknown", 2),
                        ("bounce.soft.mailbox_full", 1),
                        ("complaint.abuse", 1)):
        assert by_segment[what, "newsletter"] == count
    for what, count in (("user_unknown", 2), ("mailbox_full", 1),
                        ("abuse", 1)):
        assert by_provider[f"provider.{what}", beds.LATE_DOMAIN] == count
    # whether the log or our own MTA's DSN told of it first
    assert by_provider["provider.released.bounced", beds.LATE_DOMAIN] == \
        by_segment["slot.released.bounced", "newsletter"]


def breaker(story):
    """Its mail waits; the other segment's goes on."""
    assert story.stopped() == []
    for number in range(5):
        story.sent(f"w{number}", "webinar")
    for number in range(5):
        story.complains(f"w{number}")
    proc.wait_until(lambda: story.stopped() == ["webinar"], 30, "a stop")
    said = story.send("next", "webinar")
    assert said is None or said[0] == 250, said
    held, = proc.wait_until(lambda: story.rows("hold", "list"), 20,
                            "a message that waits")
    assert held["address"] == name("next")
    assert story.reason("next", "webinar") == "stopped"
    story.sent("next")
    assert story.world.asked[name("next")] == 1


def log(story):
    """All of it is understood; read again as an old one it changes nothing."""
    def told():
        done = story.bed.tendril.cli("mtalog", "import", "--json",
                                     "--dry-run", story.mta.maillog)
        return json.loads(done.stdout)

    assert told()["not_understood"] == 0
    assert told()["outcomes"] > 0
    proc.wait_until(lambda: told()["changed"] == 0, 20,
                    "the log to be read to its end")
