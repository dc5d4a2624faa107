"""Applications under load: many connections, each message retried until the
MTA gives its final answer, as a good application does.

A job is one message, to one recipient as a rule. It is over with 250 or 5xx; 4xx, a lost
connection, a refused one and silence mean: again later, the same bytes. Some
connections are cut on purpose after the last dot, before the 250 can be read
(`lost_250`): the application cannot know and sends again.
"""

import asyncio
import collections
import concurrent.futures
import dataclasses
import random
import time

from bed import mail

SILENCE_S = 120
BACKOFF_S = (0.1, 0.2, 0.4, 0.8, 1.5)
PER_CONNECTION = 20


@dataclasses.dataclass(eq=False)
class Job:
    sender: str
    recipient: str
    message_id: str
    data: bytes
    attempts: int = 0
    replies: list = dataclasses.field(default_factory=list)
    final: tuple = None  # (code, text)
    not_before: float = 0.0
    others: tuple = ()  # further recipients

    @property
    def recipients(self):
        return (self.recipient, *self.others)

    @property
    def accepted(self):
        return self.final is not None and self.final[0] == 250


def newsletter(number, recipient, segment="newsletter", sender=None):
    """A job of the bed's nurture stream, with an application's Message-ID."""
    sender = sender or "news@example.com"
    message_id = f"<{number}.load@app.example.com>"
    return Job(sender, recipient, message_id, mail.message(
        sender, recipient, f"Letter {number}", message_id=message_id,
        fields=[("X-Tendril-Segment", segment)],
        body=f"Hello,\r\n.this is letter {number}.\r\n"))


def consents(api, addresses, purpose="newsletter"):
    """Consent of many; at the same time, since they share a disk flush."""
    def grant(address):
        api.call("POST", "/v1/consent", address=address, purpose=purpose,
                 state="granted", origin="test", evidence="test")
    with concurrent.futures.ThreadPoolExecutor(8) as pool:
        list(pool.map(grant, addresses))


class Lost(Exception):
    """The connection is gone or silent; what was sent may have arrived."""


class _Connection:
    def __init__(self, reader, writer):
        self._reader = reader
        self._writer = writer

    @classmethod
    async def open(cls, port):
        try:
            link = await asyncio.wait_for(
                asyncio.open_connection("127.0.0.1", port), SILENCE_S)
        except (OSError, asyncio.TimeoutError) as why:
            raise Lost(f"connect: {why}") from why
        made = cls(*link)
        await made.reply()
        await made.command(b"EHLO app.example.com")
        return made

    def close(self):
        self._writer.close()

    def send(self, data):
        self._writer.write(data)

    async def reply(self):
        """(code, text of the last line)."""
        while True:
            try:
                line = await asyncio.wait_for(self._reader.readline(),
                                              SILENCE_S)
            except (OSError, asyncio.TimeoutError, ValueError) as why:
                raise Lost(str(why)) from why
            if not line.endswith(b"\n"):
                raise Lost("closed")
            if line[3:4] != b"-":
                return int(line[:3]), line[4:].decode().strip()

    async def command(self, line):
        self.send(line + b"\r\n")
        return await self.reply()

    async def envelope(self, job):
        """The refusal, or None when data may follow."""
        for line in (f"MAIL FROM:<{job.sender}>",
                     *(f"RCPT TO:<{one}>" for one in job.recipients), "DATA"):
            reply = await self.command(line.encode())
            if reply[0] >= 400:
                if not line.startswith("MAIL"):
                    await self.command(b"RSET")
                return reply
        return None

    async def submit(self, job, cut=False):
        """The answer to one message; cut: hang up instead of reading it."""
        refusal = await self.envelope(job)
        if refusal is not None:
            return refusal
        stuffed = job.data.replace(b"\r\n.", b"\r\n..")
        self.send(stuffed + b".\r\n")
        if cut:
            await self._writer.drain()
            raise Lost("cut on purpose")
        return await self.reply()


class Load:
    """Runs jobs to their ends over `connections` connections."""

    def __init__(self, port, jobs, rng, *, connections=64, lost_250=0.0):
        self.port = port
        self.jobs = list(jobs)
        self.seconds = 0.0
        self.counts = collections.Counter()
        self._rng = random.Random(rng.random())
        self._todo = collections.deque(self.jobs)
        self._left = len(self.jobs)
        self._connections = connections
        self._lost_250 = lost_250

    @property
    def done(self):
        """The share of jobs that are over."""
        return 1 - self._left / max(1, len(self.jobs))

    def run(self, timeout_s):
        """Blocks until every job has its final answer."""
        begun = time.monotonic()
        asyncio.run(asyncio.wait_for(self._run(), timeout_s))
        self.seconds = time.monotonic() - begun

    async def _run(self):
        await asyncio.gather(*(self._worker()
                               for _ in range(self._connections)))

    def _take(self):
        """A job that is due, else None."""
        now = time.monotonic()
        for _ in range(len(self._todo)):
            job = self._todo.popleft()
            if job.not_before <= now:
                return job
            self._todo.append(job)
        return None

    async def _worker(self):
        link, used = None, 0
        while self._left > 0:
            job = self._take()
            if job is None:
                await asyncio.sleep(0.05)
                continue
            try:
                if link is None:
                    link, used = await _Connection.open(self.port), 0
                await self._try(link, job)
                used += 1
            except Lost as why:
                self._again(job, (0, str(why)))
                used = PER_CONNECTION
            if used >= PER_CONNECTION and link is not None:
                link.close()
                link = None
        if link is not None:
            link.close()

    async def _try(self, link, job):
        job.attempts += 1
        self.counts["attempts"] += 1
        cut = self._rng.random() < self._lost_250
        self.counts["cut"] += cut
        reply = await link.submit(job, cut)
        if reply[0] >= 500 or reply[0] == 250:
            job.replies.append(reply)
            job.final = reply
            self.counts[reply[0]] += 1
            self._left -= 1
        elif reply[0] == 421 or "Service unavailable" in reply[1]:
            # Postfix lost its filter: it stays so for this connection.
            self.counts[reply[0]] += 1
            raise Lost(reply[1])
        else:
            self._again(job, reply)

    def _again(self, job, reply):
        job.replies.append(reply)
        self.counts[reply[0]] += 1
        wait = BACKOFF_S[min(len(job.replies), len(BACKOFF_S)) - 1]
        job.not_before = time.monotonic() + wait * self._rng.uniform(0.7, 1.3)
        self._todo.append(job)


class LocalLoad:
    """The same by sendmail(1): done when it takes the message."""

    def __init__(self, postfix, jobs, *, processes=2):
        self.jobs = list(jobs)
        self.seconds = 0.0
        self._postfix = postfix
        self._processes = processes

    def run(self):
        begun = time.monotonic()
        with concurrent.futures.ThreadPoolExecutor(self._processes) as pool:
            list(pool.map(self._submit, self.jobs))
        self.seconds = time.monotonic() - begun

    def _submit(self, job):
        data = job.data.replace(b"\r\n", b"\n")
        while job.final is None:
            job.attempts += 1
            done = self._postfix.sendmail(data, job.sender, [job.recipient],
                                          check=False)
            if done.returncode == 0:
                job.final = (250, "taken by sendmail(1)")
            else:
                job.replies.append((0, done.stderr.decode()))
                time.sleep(0.2)
