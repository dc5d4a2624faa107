#!/usr/bin/python3
"""Both daemons, built with ThreadSanitizer, under load on 64 connections while
configurations are reloaded, policies applied, people consent, opt out and are
suppressed, and the log tells what became of the mail.

    tests/e2e/tsan_load.py BUILDDIR [SECONDS]

Prints what was done and how many reports there were; they are printed whole.
Exit status 0 only when there was none and all parts of the load did happen.
"""

import collections
import os
import pathlib
import random
import re
import shutil
import signal
import subprocess
import sys
import threading
import time

import apps
import load
from bed import bed as beds
from bed import conf, mail, proc, web

SUPPRESSIONS = pathlib.Path(__file__).resolve().parents[1] / "tsan.supp"
POLICY = conf.PolicyText(person_cap="3 per 7d", segment_cap="100 per 7d",
                         basis="legitimate-interest")
STOP_S = 60


class Storm:
    """Threads that each repeat one thing until told to stop."""

    def __init__(self):
        self.counts = collections.Counter()
        self.failures = []
        self._over = threading.Event()
        self._threads = []

    def add(self, name, what, pause_s=0.0):
        def repeat():
            while not self._over.wait(pause_s):
                try:
                    what()
                    self.counts[name] += 1
                except Exception as why:
                    self.failures.append(f"{name}: {why!r}")
                    return
        self._threads.append(threading.Thread(target=repeat, daemon=True))
        self._threads[-1].start()

    def stop(self):
        self._over.set()
        for thread in self._threads:
            thread.join(60)


class Work:
    """What a Storm repeats."""

    def __init__(self, bed):
        self.bed = bed
        self.api = web.Api(bed.conf.api)
        self.log = apps.PlayedLog(bed.hub.maillog)
        self._number = iter(range(10 ** 9))
        self._rng = random.Random(1)
        self._link = threading.local()

    def person(self):
        return f"s{self._rng.randrange(300)}@north.example"

    def letter(self, client=apps.APPS, people=1):
        """A newsletter handed to the milter, told in the log."""
        if getattr(self._link, "it", None) is None:
            self._link.it = apps.dial(self.bed, client, timeout=60)
        job = load.newsletter(next(self._number), self.person())
        to = [job.recipient] + [self.person() for _ in range(people - 1)]
        sent = self._link.it.send(job.data, job.sender, to)
        if sent.outcome == "accept" and people == 1:
            self.log.delivered(sent.queue_id, job.recipient)

    def several(self):
        self.letter(people=3)

    def local(self):
        """sendmail(1), a connection each."""
        job = load.newsletter(next(self._number), self.person())
        with apps.dial(self.bed, apps.Client.local(), timeout=60) as link:
            link.send(job.data, job.sender, [job.recipient])

    def transactional(self):
        data = mail.message("orders@example.com", "a@b.example", "Receipt")
        with apps.dial(self.bed, timeout=60) as link:
            assert link.send(data, "orders@example.com",
                             ["a@b.example"]).outcome == "accept"

    def reload(self):
        self.bed.tendril.milter.signal(signal.SIGUSR1)
        self.bed.tendril.agent.signal(signal.SIGUSR1)

    def policy(self):
        text = POLICY.text() + f"# {next(self._number)}\n"
        self.api.call("POST", "/v1/policy", text=text, reason="storm",
                      path="storm")

    def consent(self):
        state = self._rng.choice(("granted", "withdrawn"))
        self.api.call("POST", "/v1/consent", address=self.person(),
                      purpose="newsletter", state=state, origin="storm",
                      evidence="storm")

    def suppress(self):
        target = f"x{next(self._number)}@north.example"
        self.api.call("POST", "/v1/suppressions", target=target,
                      reason="manual")

    def look(self):
        self.api.metrics()
        self.api.ask("GET", "/healthz")
        self.api.ask("GET", f"/v1/explain?address={self.person()}"
                            "&segment=newsletter")
        web.public(self.bed.ports["web"], "GET", "/u/nothing")

    def feedback(self):
        """A mail that no token explains, into the Maildir."""
        name = f"{time.time_ns()}.storm"
        new = self.bed.maildir / "new"
        new.mkdir(parents=True, exist_ok=True)
        (self.bed.maildir / "tmp").mkdir(exist_ok=True)
        (self.bed.maildir / "cur").mkdir(exist_ok=True)
        path = self.bed.maildir / "tmp" / name
        path.write_bytes(mail.message("postmaster@outside2.example",
                                      "b-x@bounces.example.com", "Failed"))
        shutil.chown(path, "nobody")
        path.rename(new / name)


def milterload(builddir, bed, seconds):
    """64 connections without a pause, by the generator of tests/bench."""
    tool = builddir / "tests" / "bench" / "milterload"
    if not tool.exists():
        proc.run(["make", "-C", builddir, "tests/bench/milterload"],
                 timeout_s=300)
    return subprocess.Popen(
        [tool, "-s", f"unix:{bed.conf.milter_socket}", "-c", "64", "-t",
         str(seconds), "--daemon-name", "apps", "--header",
         "X-Tendril-Segment: newsletter", "--rcpt-domain", "load.example"],
        stdout=subprocess.PIPE, text=True)


def storm_over(builddir, bed, seconds):
    """(what was done, failures)."""
    work, storm = Work(bed), Storm()
    for _ in range(4):
        storm.add("letters", work.letter)
    storm.add("messages to several", work.several, 0.05)
    storm.add("sendmail(1)", work.local, 0.05)
    storm.add("receipts", work.transactional, 0.02)
    storm.add("reloads", work.reload, 0.3)
    storm.add("policies", work.policy, 0.2)
    storm.add("consents", work.consent, 0.02)
    storm.add("suppressions", work.suppress, 0.05)
    storm.add("looks", work.look, 0.05)
    storm.add("feedback mails", work.feedback, 0.2)
    generator = milterload(builddir, bed, seconds)
    output, _ = generator.communicate(timeout=seconds + 120)
    storm.stop()
    counts = dict(storm.counts)
    if generator.returncode != 0:
        storm.failures.append(f"milterload: {generator.returncode}")
    print(output.strip())
    return counts, storm.failures


def stop_in_reload(daemon):
    """Its end, on which it may not touch what other threads are using; the
    exit status."""
    daemon.signal(signal.SIGTERM)
    end = time.monotonic() + STOP_S
    while daemon.is_running() and time.monotonic() < end:
        daemon.signal(signal.SIGUSR1)
        time.sleep(0.003)
    if daemon.is_running():
        return f"{daemon.kill()}, killed: it did not stop in {STOP_S} s"
    return daemon.stop()


def run(builddir, seconds):
    with beds.Bed(builddir, policy=POLICY) as bed:
        logs = bed.root / "tsan"
        bed.tendril.prefix = ("setarch", "--addr-no-randomize")
        bed.tendril.env["TSAN_OPTIONS"] = (
            f"suppressions={SUPPRESSIONS} log_path={logs} exitcode=66 "
            "history_size=4")
        bed.start_milter()
        bed.start_agent()
        counts, failures = storm_over(builddir, bed, seconds)
        for daemon in (bed.tendril.milter, bed.tendril.agent):
            status = stop_in_reload(daemon)
            if status != 0:
                failures.append(f"{daemon.name} ended with {status}")
        text = "".join(path.read_text(errors="replace")
                       for path in sorted(bed.root.glob("tsan*")))
    return counts, failures, text


def main():
    os.umask(0o022)
    builddir = pathlib.Path(sys.argv[1]).resolve()
    seconds = int(sys.argv[2]) if len(sys.argv) > 2 else 20
    if b"__tsan_init" not in (builddir / "tendril-milter").read_bytes():
        sys.exit(f"{builddir} is not built with --with-sanitizer=thread")
    counts, failures, text = run(builddir, seconds)
    reports = len(re.findall(r"^WARNING: ThreadSanitizer", text, re.M))
    print(text)
    for name, count in counts.items():
        print(f"{count:7} {name}")
    for failure in failures:
        print("FAILED:", failure)
    print(f"{reports} reports, {len(failures)} failures, "
          f"{len(counts)} kinds of load in {seconds} s")
    sys.exit(0 if reports == 0 and not failures and len(counts) == 10 else 1)


if __name__ == "__main__":
    main()
