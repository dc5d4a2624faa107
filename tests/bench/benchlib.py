"""What the groups of `make bench` share: peers, loads, rounds, lines.

A figure is a list of values, one for each round. Rounds run the peers one
after the other, so that what disturbs the machine for a while disturbs them
all alike; a line shows medians, and as ratio the median of the rounds' ratios
(not the ratio of the medians).

A group is one file, group_NAME.py, with a function

    @group("NAME", "what it measures, in a line")
    def run(bench): ...

that calls bench.line() and, for what cannot run here, bench.skip().
"""

import contextlib
import ctypes
import os
import pathlib
import secrets
import shutil
import signal
import statistics
import subprocess
import sys
import tempfile
import time

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "mta"))

from milterclient import MilterError, MilterSession  # noqa: E402

START_S, STOP_S = 15, 8     # libmilter takes up to 5 s to stop
LISTENER = "apps"   # {daemon_name} of all benches, see tendril.conf.in
# The product's key files, with 32 random bytes as hex.
SECRETS = {"lead": "%s\n", "token": "0 %s\n", "epoch": "1 %s\n"}
PR_SET_PDEATHSIG = 1

GROUPS = {}


def group(name, what):
    """Registers a function as a group."""
    def add(function):
        GROUPS[name] = (function, what)
        return function
    return add


class Unavailable(Exception):
    """A peer or program is not there; the reason is for the reader."""


def progress(text):
    print(text, file=sys.stderr, flush=True)


def median(values):
    return statistics.median(values)


def die_with_parent():
    """In the child: no peer outlives a bench that is killed."""
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)


class Peer:
    """A filter that is measured: started, asked for its options, stopped."""

    def __init__(self, name, argv, folder, *, signs, gentle=False):
        self.name, self.argv = name, argv
        self.address = f"unix:{folder}/sock"
        self.signs = signs      # headers that it inserts into each message
        self.steps = None       # what it negotiates, once it runs
        self._gentle = gentle   # may be killed only when it does not stop
        self._log = folder / "log"
        self._child = None

    @property
    def pid(self):
        return self._child.pid

    def start(self):
        """Unless it runs. Unavailable if it does not start."""
        if self._child is not None:
            return
        with open(self._log, "wb") as log:
            self._child = subprocess.Popen(
                [str(a) for a in self.argv], stdin=subprocess.DEVNULL,
                stdout=log, stderr=log, preexec_fn=die_with_parent,
                env={**os.environ, "TENDRIL_LOG": "stderr"})
        end = time.monotonic() + START_S
        while self.steps is None:
            if self._child.poll() is not None:
                raise Unavailable(f"{self.name}: {self._last_words()}")
            try:
                with MilterSession(self.address, timeout=2) as mta:
                    self.steps = mta.steps
            except MilterError:
                if time.monotonic() > end:
                    raise Unavailable(f"{self.name}: does not listen"
                                      ) from None
                time.sleep(0.05)

    def log(self):
        """What it wrote since it was started last."""
        return self._log.read_text(errors="replace")

    def _last_words(self):
        text = self.log().strip()
        return (text.splitlines() or ["ended at once"])[-1]

    def stop(self):
        if self._child is None:
            return
        self._child.terminate()
        try:
            self._child.wait(STOP_S if self._gentle else 0.2)
        except subprocess.TimeoutExpired:
            self._child.kill()
            self._child.wait()
        self._child = None
        self.steps = None


class Bench:
    """One run of `make bench`."""

    def __init__(self, build, *, rounds, seconds, ledger=None, leads=100000,
                 history="20:60"):
        self.build = pathlib.Path(build).resolve()
        self.rounds, self.seconds = rounds, seconds
        self.ledger, self.leads, self.history = ledger, leads, history
        self.skipped = []
        self._folder = None
        self._keys = {}

    def __enter__(self):
        self._folder = pathlib.Path(tempfile.mkdtemp(prefix="tendril-bench-"))
        return self

    def __exit__(self, *_):
        shutil.rmtree(self._folder, ignore_errors=True)

    # --- output ------------------------------------------------------------

    def line(self, name, values, unit, anchor="", against=None):
        """One line: name, value, unit, anchor, its value, ratio."""
        shown, ratio = "", ""
        if against is not None:
            shown = _number(median(against))
            pairs = [v / a for v, a in zip(values, against) if a]
            ratio = _number(median(pairs)) if pairs else ""
        print(name, _number(median(values)), unit, anchor, shown, ratio,
              sep="\t", flush=True)

    def skip(self, name, reason):
        """What should have run and could not."""
        self.skipped.append(name)
        self.line_skipped(name, reason)

    def line_skipped(self, name, reason):
        """What nobody asked for."""
        print(name, f"skipped: {reason}", sep="\t", flush=True)

    # --- programs and files ------------------------------------------------

    def folder(self, name):
        path = self._folder / name
        path.mkdir(exist_ok=True)
        return path

    def program(self, name):
        """Path in the build folder; Unavailable if it was not built."""
        path = self.build / name
        if not os.access(path, os.X_OK):
            raise Unavailable(f"{name} is not built")
        return path

    def system_program(self, name):
        path = shutil.which(
            name, path=os.environ.get("PATH", "") + ":/usr/sbin:/sbin")
        if path is None:
            raise Unavailable(f"{name} is not installed")
        return path

    def dkim_key(self, kind):
        """A PEM file: "rsa" (2048 bits) or "ed25519"."""
        if kind not in self._keys:
            path = self._folder / f"{kind}.pem"
            options = (["-algorithm", "RSA", "-pkeyopt",
                        "rsa_keygen_bits:2048"] if kind == "rsa"
                       else ["-algorithm", "ED25519"])
            with _private():
                subprocess.run(["openssl", "genpkey", *options, "-out", path],
                               check=True, stderr=subprocess.DEVNULL)
            self._keys[kind] = path
        return self._keys[kind]

    def template(self, name, target, **values):
        """NAME.in with each @WORD@ replaced; all must be."""
        text = (HERE / f"{name}.in").read_text()
        for word, value in values.items():
            text = text.replace(f"@{word}@", str(value))
        target.write_text(text)
        return target

    # --- peers -------------------------------------------------------------

    def null(self, *, steps=None, name="null"):
        path = self.folder(name)
        return Peer(name, [self.program("tests/bench/nullmilter"),
                           "-s", f"unix:{path}/sock", *_steps(steps)],
                    path, signs=1)

    def ceiling(self, *, steps=None, ed25519=False, name="ceiling"):
        path = self.folder(name)
        return Peer(name, [self.program("tests/bench/ceilingmilter"),
                           *["--ed25519"] * ed25519,
                           "-s", f"unix:{path}/sock", *_steps(steps)],
                    path, signs=1 + ed25519)

    def opendkim(self, *, kind="rsa", name="opendkim"):
        path = self.folder(name)
        conf = self.template(
            "opendkim.conf", path / "conf", DIR=path, SELECTOR="r1",
            KEY=self.dkim_key(kind), ALGORITHM=f"{kind}-sha256")
        return Peer(name, [self.system_program("opendkim"), "-f", "-x", conf],
                    path, signs=1)

    def tendril(self, *, kinds=("rsa",), klass="transactional", state=None,
                stream="", top="", name="tendril"):
        path = self.folder(name)
        for key, text in SECRETS.items():
            with _private(), contextlib.suppress(FileExistsError):
                with open(path / f"{key}.key", "x", encoding="ascii") as out:
                    out.write(text % secrets.token_hex(32))
        conf = self.template(
            "tendril.conf", path / "conf", DIR=path, CLASS=klass,
            STATE=state or self.folder(f"{name}-state"), TOP=top,
            STREAM=stream, KEY_NAMES=", ".join(f'"{k}"' for k in kinds),
            KEYS="\n".join(
                f'key {k} {{\n  domain = "example.com"\n  selector = "{k}"\n'
                f'  file = "{self.dkim_key(k)}"\n'
                f'  algorithm = "{k}-sha256"\n}}' for k in kinds))
        return Peer(name, [self.program("tendril-milter"), "--conf", conf],
                    path, signs=len(kinds), gentle=True)

    @contextlib.contextmanager
    def running(self, *peers):
        """Started, and stopped whatever happens: the list of those that run.
        For one that does not start there is a line that says why."""
        up = []
        try:
            for peer in peers:
                progress(f"  starting {peer.name}")
                try:
                    peer.start()
                    up.append(peer)
                except Unavailable as why:
                    self.skip(peer.name, str(why))
            yield up
        finally:
            for peer in peers:
                peer.stop()

    # --- loads -------------------------------------------------------------

    def load(self, peer, *options):
        """One run of milterload against a running peer: {figure: value}."""
        argv = [self.program("tests/bench/milterload"), "-s", peer.address,
                "-p", str(peer.pid), "-t", str(self.seconds),
                "--warmup", "0.2", "--daemon-name", LISTENER,
                *map(str, options)]
        done = subprocess.run(argv, capture_output=True, text=True,
                              check=False, preexec_fn=die_with_parent)
        if done.returncode != 0:
            raise Unavailable(f"{peer.name}: {done.stderr.strip()}")
        figures = {name: float(value) for name, value, unit in (
            line.split("\t") for line in done.stdout.splitlines())
            if unit != "flags"}
        self._check(peer, figures)
        return figures

    def _check(self, peer, figures):
        """A peer that refuses or does not sign is fast, but no measure."""
        bad = {name: figures[name] for name in (
            "rejected", "tempfailed", "discarded", "quarantined", "lost",
            "unfinished") if figures[name]}
        if bad:
            raise Unavailable(f"{peer.name}: not accepted: {bad}")
        if figures["changes"] < peer.signs * figures["accepted"]:
            raise Unavailable(f"{peer.name}: {figures['changes']:.0f} changes "
                              f"to {figures['accepted']:.0f} messages")

    def rounds_of(self, peers, *options):
        """{peer's name: {figure: [value of each round]}}; a peer that fails
        is told of and left out."""
        out = {peer.name: {} for peer in peers}
        for turn in range(self.rounds):
            for peer in peers:
                if peer.name not in out:
                    continue
                try:
                    figures = self.load(peer, *options)
                except Unavailable as why:
                    self.skip(peer.name, str(why))
                    del out[peer.name]
                    continue
                progress(f"  round {turn + 1}/{self.rounds} "
                         f"{' '.join(map(str, options))} {peer.name}: "
                         f"{figures['rate']:.0f} msgs/s")
                for name, value in figures.items():
                    out[peer.name].setdefault(name, []).append(value)
        return out


@contextlib.contextmanager
def _private():
    old = os.umask(0o077)
    try:
        yield
    finally:
        os.umask(old)


def _steps(steps):
    return ["--nr"] if steps is None else ["--steps", f"{steps:x}"]


def _number(value):
    """Three digits that mean something, no exponent."""
    if value == int(value) and abs(value) < 1e15:
        return str(int(value))
    return f"{value:.0f}" if abs(value) >= 1000 else f"{value:.3g}"
