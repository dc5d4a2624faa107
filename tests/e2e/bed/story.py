"""The story of contrib/run: a few mails, each with an outcome that the outside
must see.

A step sends, waits for what the world received and judges that (judge.py).
What the product says about itself (verdict, reason, rule) is shown and never
judged. Names and order come from a seed.
"""

import dataclasses
import random
import re
import time

from . import bed as beds
from . import conf, judge, mail, proc, show

# What the product can do by now; a step runs when its needs are in here.
PRODUCT_HAS = frozenset({"milter"})

NEWS = "news@example.com"
CAMPAIGN = "june"
ALGORITHMS = ("rsa-sha256", "ed25519-sha256")
FIRST = ("ada", "bruno", "carla", "dario", "elif", "femke", "greta", "hamid",
         "ines", "jonas", "kaja", "luca", "mila", "nils", "olga", "pavel")
LAST = ("adler", "berg", "costa", "dietz", "egger", "faber", "graf", "horn",
        "iversen", "jung", "koch", "lang", "moser", "novak", "ott", "petit")
PLACES = ("north.example", "south.example", "east.example", "west.example")


class Story:
    """The bed and the people of one run."""

    def __init__(self, bed, rng):
        self.bed = bed
        self.rng = rng
        self._names = [f"{first}.{last}" for first in FIRST for last in LAST]
        rng.shuffle(self._names)
        self._serial = 0
        self.subscriber = self.person()

    def person(self, domain=None):
        """An address nobody had before."""
        return f"{self._names.pop()}@{domain or self.rng.choice(PLACES)}"

    def letter(self, sender, recipient, subject, *fields):
        """A message of an application that gives it a Message-ID."""
        self._serial += 1
        number = self.rng.getrandbits(48)
        return mail.message(
            sender, recipient, subject, fields=fields,
            message_id=f"<{self._serial}.{number:x}@app.example.com>",
            body=f"Hello {recipient.partition('.')[0]},\r\n"
                 ".this line begins with a dot.\r\n")

    def nurture(self, recipients, segment, subject="News of June"):
        """Submit one message of a segment; (what was sent, MTA's answers)."""
        data = self.letter(NEWS, ", ".join(recipients), subject,
                           ("X-Tendril-Segment", segment),
                           ("X-Tendril-Campaign", CAMPAIGN))
        return data, mail.submit(self.bed.ports["apps"], NEWS, recipients,
                                 data)

    def row(self, recipient, queue_id=None, **known):
        """A table row; what the milter logged of it is filled in."""
        row = show.Row(recipient, reason="no decision: passed", **known)
        for event in self.bed.tendril.events():
            if event["event"] == "decision" and \
                    event.get("to", "").lower() == recipient.lower():
                row.segment = event.get("segment") or row.segment
                row.verdict = event.get("verdict", "-")
                row.reason = event.get("reason", "")
                row.rule = event.get("rule", "")
            elif event["event"] == "signed" and \
                    event.get("qid") == queue_id:
                row.verdict = "sign"
                row.reason = event.get("class", "")
        return row

    def received(self, recipient, count=1):
        """The count-th message to a person, None if it does not come."""
        try:
            return self.bed.sink.wait(recipient, count, timeout_s=15)[-1]
        except proc.BedError:
            return None


def _signed(row, story, message):
    row.outside = f"{len(message.data)} bytes"
    row.signed = judge.signature_summary(message.data, story.bed.zone)
    return judge.judge_signed(message.data, story.bed.zone, beds.OWN_DOMAIN,
                              ALGORITHMS)


def judge_nurture(story, recipient, segment, data, sent, count=1):
    """A row for a nurture message that must have left, composed and
    signed."""
    if sent.final[0] != 250:
        return story.row(recipient, segment=segment, reply=sent.final_text,
                         complaints=["refused"])
    message = story.received(recipient, count)
    row = story.row(recipient, segment=segment)
    if message is None:
        row.complaints = ["did not arrive"]
        return row
    row.complaints = [
        *_signed(row, story, message),
        *judge.judge_envelope(message, recipient, beds.BOUNCE_DOMAIN),
        *judge.judge_one_click(message.data, story.bed.conf.base_url,
                               beds.BOUNCE_DOMAIN),
        *judge.judge_nurture_headers(
            message.data, f"{CAMPAIGN}:{segment}:news:examplecom"),
        *judge.judge_body(message.data, data)]
    for name in ("X-Tendril-Segment", "X-Tendril-Campaign"):
        if judge.values(message.data, name):
            row.complaints.append(f"{name} left the house")
    return row


def judge_refused(story, recipient, segment, sent, arrived=0):
    """A row for a message that must have been refused with 550; `arrived`
    is what the person had before."""
    row = story.row(recipient, segment=segment,
                    reply=sent.final_text)
    if sent.final[0] != 550:
        row.complaints.append("not refused with 550")
        time.sleep(1)  # what must not arrive needs a moment to do so
    extra = len(story.bed.sink.messages(recipient)) - arrived
    if extra:
        row.outside = f"{extra} too many"
        row.complaints.append(f"{extra} messages got out")
    return row


def first_newsletter(story):
    person = story.subscriber
    data, sent = story.nurture([person], "newsletter")
    return [judge_nurture(story, person, "newsletter", data, sent)]


def transactional(story):
    person = story.person()
    sender = "orders@example.com"
    data = story.letter(sender, person, "Your order")
    sent = mail.submit(story.bed.ports["apps"], sender, [person], data)
    message = story.received(person) if sent.final[0] == 250 else None
    row = story.row(person, sent.queue_id)
    if message is None:
        row.complaints = ["did not arrive"]
        return [row]
    row.complaints = [*_signed(row, story, message),
                      *judge.judge_body(message.data, data)]
    if judge.values(message.data, "List-Unsubscribe"):
        row.complaints.append("a receipt has an unsubscribe link")
    return [row]


def none_of_our_business(story):
    """sendmail(1) and a plain mail through the submission service."""
    rows = []
    for way in ("sendmail(1)", "SMTP"):
        person = story.person()
        sender = "cron@example.com"
        data = story.letter(sender, person, f"Nightly report by {way}")
        if way == "SMTP":
            mail.submit(story.bed.ports["apps"], sender, [person], data)
        else:
            story.bed.hub.sendmail(data.replace(b"\r\n", b"\n"), sender,
                                   [person])
        rows.append(_untouched(story, person, data))
    return rows


def _untouched(story, recipient, data):
    message = story.received(recipient)
    row = story.row(recipient)
    if message is None:
        row.complaints = ["did not arrive"]
        return row
    row.outside = f"{len(message.data)} bytes"
    row.signed = judge.signature_summary(message.data, story.bed.zone)
    row.complaints = [*judge.judge_untouched(message.data, data),
                      *judge.judge_unsigned(message.data)]
    return row


def forged_segment(story):
    """A stranger on port 25 names a segment: no signature for strangers."""
    person = story.person(beds.OWN_DOMAIN)
    data = story.letter(NEWS, person, "Buy now",
                        ("X-Tendril-Segment", "newsletter"))
    mail.submit(story.bed.ports["smtp25"], "mallory@evil.example", [person],
                data, source=beds.STRANGER)
    return [_untouched(story, person, data)]


@dataclasses.dataclass(frozen=True)
class Step:
    title: str
    run: object           # function(Story) -> list of show.Row
    needs: frozenset = frozenset({"milter"})
    after: tuple = ()     # functions that must have run before


STEPS = (
    Step("A first newsletter", first_newsletter),
    Step("A receipt (transactional)", transactional),
    Step("Mail that is none of Tendril's business", none_of_our_business),
    Step("A stranger forges X-Tendril-Segment on port 25", forged_segment),
)

# piece -> what switches it off: (policy changes, function on the conf).
BREAKS = {
    "sign": ({}, lambda text: setattr(text, "domain", "other.example")),
}


def enabled_steps():
    return [step for step in STEPS if step.needs <= PRODUCT_HAS]


def ordered(steps, rng):
    """A random order that respects `after`."""
    left, done, order = list(steps), set(), []
    while left:
        ready = [step for step in left if done.issuperset(step.after)]
        step = rng.choice(ready)
        left.remove(step)
        done.add(step.run)
        order.append(step)
    return order


def make_bed(builddir, *, piece=None, **options):
    """A bed for the story, with one piece broken if asked."""
    changes, tweak = BREAKS[piece] if piece else ({}, None)
    if "ledger" not in PRODUCT_HAS:
        changes = {"basis": "legitimate-interest", **changes}
    return beds.Bed(builddir, policy=conf.PolicyText(**changes), tweak=tweak,
                    **options)


def start(bed):
    """Start what the enabled steps need."""
    bed.start_milter()
    bed.start_hub()


def tell(bed, seed, out):
    """Run the story; (steps as expected, steps not)."""
    rng = random.Random(seed)
    story = Story(bed, rng)
    steps = ordered(enabled_steps(), rng)
    chapters = []
    for number, step in enumerate(steps, 1):
        begun = time.monotonic()
        rows = run_step(step, story)
        chapters.append((step.title, rows))
        out.step(number, len(steps), step.title, rows,
                 time.monotonic() - begun)
    out.table(chapters)
    wrong = sum(any(row.complaints for row in rows) for _, rows in chapters)
    return len(chapters) - wrong, wrong


def run_step(step, story):
    """Trouble in one step is that step's failure."""
    try:
        return step.run(story)
    except (proc.BedError, OSError, mail.smtplib.SMTPException) as error:
        text = re.sub(r"\s+", " ", str(error))
        return [show.Row("-", complaints=[f"the step broke off: {text}"])]
