"""The story of contrib/run: a few mails, each with an outcome that the outside
must see.

A step sends, waits for what the world received and judges that (judge.py); at
the end the counters of /metrics must be those of the story. What the product
says about itself (verdict, reason, rule) is shown and never judged. Names and
order come from a seed.
"""

import collections
import dataclasses
import random
import re
import smtplib
import time

from . import bed as beds
from . import conf, judge, mail, proc, show, web

# What the product can do by now; a step runs when its needs are in here.
# agent: opt-outs and the API; release: messages to several recipients;
# feedback: bounces.
PRODUCT_HAS = frozenset({"milter", "agent", "release", "feedback"})

NEWS = "news@example.com"
CAMPAIGN = "june"
PURPOSE = "newsletter"
ALGORITHMS = ("rsa-sha256", "ed25519-sha256")
ONE_CLICK = "List-Unsubscribe=One-Click"
COUNTED = tuple(f"tendril_{name}_" for name in (
    "verdict", "consent", "suppression", "bounce"))
LABELS = {"consent": "purpose"}
FIRST = ("ada", "bruno", "carla", "dario", "elif", "femke", "greta", "hamid",
         "ines", "jonas", "kaja", "luca", "mila", "nils", "olga", "pavel")
LAST = ("adler", "berg", "costa", "dietz", "egger", "faber", "graf", "horn",
        "iversen", "jung", "koch", "lang", "moser", "novak", "ott", "petit")
PLACES = ("north.example", "south.example", "east.example", "west.example")


class Story:
    """The bed and the people of one run. piece: what is switched off."""

    def __init__(self, bed, rng, piece=None):
        self.bed = bed
        self.rng = rng
        self.piece = piece
        self.api = web.Api(bed.conf.api)
        self.purposes = {PURPOSE, policy(piece).webinar_purpose}
        self.verdicts = collections.Counter()  # what /metrics must count:
        self.others = collections.Counter()    # these and others
        self._names = [f"{first}.{last}" for first in FIRST for last in LAST]
        rng.shuffle(self._names)
        self._serial = 0
        self.reader = self.person()

    def person(self, domain=None):
        """An address nobody had before."""
        return f"{self._names.pop()}@{domain or self.rng.choice(PLACES)}"

    def subscriber(self, domain=None):
        person = self.person(domain)
        self.subscribe(person)
        return person

    def subscribe(self, person):
        for purpose in sorted(self.purposes):
            self.bed.tendril.cli("consent", "grant", person, purpose,
                                 "--origin", "form",
                                 "--evidence", "the form of the story")
            self.others["consent", "granted", "", purpose] += 1

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
        """A table row; what the milter logged last of it is filled in."""
        row = show.Row(recipient, reason="no decision: passed", **known)
        for event in self.bed.tendril.events():
            if event["event"] == "decision" and \
                    event.get("to", "").lower() == recipient.lower():
                row.segment = event.get("segment") or row.segment
                row.verdict = event.get("verdict", "-")
                row.reason = event.get("reason", "")
                row.rule = event.get("rule", "")
                row.line = event.get("line", "").removeprefix("0")
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

    def settle(self, queue_id):
        """Wait until the MTA is done with a message and Tendril, which reads
        its log five times a second, has had time to know."""
        self.bed.hub.wait_log(f"{queue_id}: removed")
        time.sleep(0.6)


def _signed(row, story, message):
    row.outside = f"{len(message.data)} bytes"
    row.signed = judge.signature_summary(message.data, story.bed.zone)
    return judge.judge_signed(message.data, story.bed.zone, beds.OWN_DOMAIN,
                              ALGORITHMS)


def sent_on(story, recipient, segment, data, sent, count=1):
    """A row for a nurture message that must have left: composed, signed, for
    this person alone. count: how many the person then has."""
    story.verdicts["allow", "allowed", segment] += 1
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


def refused(story, recipient, segment, reason, sent, had=0):
    """A row for a message that must have been refused with 550. had: what
    the person received before."""
    story.verdicts["reject", reason, segment] += 1
    row = story.row(recipient, segment=segment, reply=sent.final_text)
    if sent.final[0] != 550:
        row.complaints.append("not refused with 550")
        time.sleep(1)  # what must not arrive gets time to do so
    extra = len(story.bed.sink.messages(recipient)) - had
    if extra > 0:
        row.outside = f"{extra} too many"
        row.complaints.append(f"{extra} messages got out")
    elif extra < 0:
        row.complaints.append(f"{-extra} messages of before are missing")
    return row


def first_newsletter(story):
    person = story.reader
    story.subscribe(person)
    data, sent = story.nurture([person], "newsletter")
    row = sent_on(story, person, "newsletter", data, sent)
    if not row.complaints:
        story.settle(sent.queue_id)
    return [row]


def over_the_cap(story):
    person = story.reader
    _, sent = story.nurture([person], "newsletter", "More news of June")
    return [refused(story, person, "newsletter", "segment_cap", sent, had=1)]


def suppressed(story):
    person = story.subscriber()
    if story.piece != "suppress":
        story.bed.tendril.cli("suppress", "add", person)
    story.others["suppression", "added", "manual", ""] += 1
    _, sent = story.nurture([person], "newsletter")
    return [refused(story, person, "newsletter", "suppressed", sent)]


def no_consent(story):
    person = story.person()
    _, sent = story.nurture([person], "newsletter")
    return [refused(story, person, "newsletter", "no_consent", sent)]


def three_recipients(story):
    people = [story.subscriber() for _ in range(3)]
    data, sent = story.nurture(people, "newsletter")
    rows = [sent_on(story, person, "newsletter", data, sent)
            for person in people]
    links = {uri for person in people
             for message in story.bed.sink.messages(person)
             for uri in judge.unsubscribe_uris(message.data)[0]}
    if len(links) != len(people):
        rows[-1].complaints.append(f"{len(links)} different opt-out links")
    return rows


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


def hard_bounce(story):
    """Their MTA accepts and finds out later that there is no such user."""
    person = story.subscriber(beds.LATE_DOMAIN)
    _, sent = story.nurture([person], "newsletter")
    story.verdicts["allow", "allowed", "newsletter"] += 1
    row = story.row(person, outside="a bounce")
    if sent.final[0] != 250:
        row.complaints.append(sent.final_text)
        return [row]
    story.bed.late.wait_log(f"to=<{person}>", "status=bounced")
    try:
        proc.wait_until(lambda: story.bed.tendril.cli(
            "suppress", "check", person, check=False).returncode == 0,
            20, "suppression after the bounce")
    except proc.BedError as error:
        row.complaints.append(str(error))
    story.others["bounce", "hard", "user_unknown", "newsletter"] += 1
    story.others["suppression", "added", "user_unknown", ""] += 1
    _, sent = story.nurture([person], "webinar")
    return [row, refused(story, person, "webinar", "suppressed", sent)]


def one_click(story):
    """The link in a mail ends this purpose in every segment, by POST only:
    a mail gateway that fetches it first changes nothing."""
    person = story.subscriber()
    data, sent = story.nurture([person], "newsletter")
    rows = [sent_on(story, person, "newsletter", data, sent)]
    message = story.received(person)
    links = judge.unsubscribe_uris(message.data)[0] if message else []
    if not links:
        rows[0].complaints.append("no link to follow")
        return rows
    fetched, _ = web.public(story.bed.ports["web"], "GET", links[0])
    data, sent = story.nurture([person], "webinar")
    rows.append(sent_on(story, person, "webinar", data, sent, count=2))
    done, _ = web.public(story.bed.ports["web"], "POST", links[0], ONE_CLICK)
    story.others["consent", "withdrawn", "", PURPOSE] += 1
    if (fetched, done) != (200, 200):
        rows[-1].complaints.append(f"GET gave {fetched}, POST {done}")
    _, sent = story.nurture([person], "webinar")
    return rows + [refused(story, person, "webinar", "withdrawn", sent,
                           had=2)]


@dataclasses.dataclass(frozen=True)
class Step:
    title: str
    run: object           # function(Story) -> list of show.Row
    needs: frozenset = frozenset({"milter", "agent"})
    after: tuple = ()     # functions that must have run before


STEPS = (
    Step("A first newsletter", first_newsletter),
    Step("A second one, over the cap", over_the_cap,
         after=(first_newsletter,)),
    Step("A suppressed address", suppressed),
    Step("Somebody who never agreed", no_consent),
    Step("A message to three recipients", three_recipients,
         needs=frozenset({"milter", "agent", "release"})),
    Step("A receipt (transactional)", transactional),
    Step("Mail that is none of Tendril's business", none_of_our_business),
    Step("A stranger forges X-Tendril-Segment on port 25", forged_segment),
    Step("A hard bounce", hard_bounce,
         needs=frozenset({"milter", "agent", "feedback"})),
    Step("One-click unsubscribe, then the same purpose in another segment",
         one_click),
)

# piece -> what the policy says instead.
BREAKS = {
    "cap": {"segment_cap": "100 per 7d"},
    "consent": {"basis": "legitimate-interest"},
    "opt-out": {"webinar_purpose": "events"},
    "sign": {},      # make_bed() declares another domain than ours
    "suppress": {},  # the step forgets to tell the product
}


def policy(piece):
    return conf.PolicyText(**BREAKS.get(piece, {}))


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
    def tweak(text):
        if piece == "sign":
            text.domain = "other.example"
    return beds.Bed(builddir, policy=policy(piece), tweak=tweak, **options)


def start(bed):
    bed.start_milter()
    bed.start_hub()
    bed.start_late()
    bed.start_agent()


def wanted_metrics(story):
    wanted = collections.Counter(story.others)
    for (action, reason, segment), count in story.verdicts.items():
        wanted["verdict", action, reason, segment] += count
    return {f'tendril_{name}_total{{action="{action}",reason="{reason}",'
            f'{LABELS.get(name, "segment")}="{label}"}}': float(count)
            for (name, action, reason, label), count in wanted.items()}


def found_metrics(story):
    return {key: value for key, value in judge.metrics(
        story.api.metrics()).items() if key.startswith(COUNTED)}


def judge_metrics(story):
    """The counters must be those of the story, no more and no less. (Slots
    are not compared: a bounce may be read before the log that tells of the
    delivery, and is then no delivery.)"""
    wanted = wanted_metrics(story)
    row = show.Row("/metrics", reason=f"{sum(wanted.values()):.0f} counted")
    found = found_metrics(story)
    for key in sorted(wanted.keys() | found.keys()):
        if wanted.get(key, 0) != found.get(key, 0):
            row.complaints.append(f"{key}: {found.get(key, 0):.0f}, wanted "
                                  f"{wanted.get(key, 0):.0f}")
    return [row]


def tell(bed, seed, out, piece=None):
    """Run the story; (steps as expected, steps not)."""
    rng = random.Random(seed)
    story = Story(bed, rng, piece)
    steps = ordered(enabled_steps(), rng)
    steps.append(Step("What /metrics counted", judge_metrics))
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
    except (proc.BedError, OSError, smtplib.SMTPException) as error:
        text = re.sub(r"\s+", " ", str(error))
        return [show.Row("-", complaints=[f"the step broke off: {text}"])]
