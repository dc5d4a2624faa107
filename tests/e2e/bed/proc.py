"""Child processes that never outlive us, free ports, waiting.

A small shell, in a session of its own, holds the other end of a pipe. When we
are gone, even by `kill -9`, it reads the end of file, ends the daemons we had
and removes our folders. (A parent-death signal would not do: the kernel drops
it when a daemon changes its ids, as master(8) does.)
"""

import itertools
import os
import pathlib
import random
import shutil
import signal
import socket
import subprocess
import threading
import time

GUARD = """
pids= dirs=
while read -r verb what; do
    case $verb in
    start) pids="$pids $what" ;;
    end) next=; for p in $pids; do
             [ "$p" = "$what" ] || next="$next $p"; done; pids=$next ;;
    made) dirs="$dirs $what" ;;
    gone) next=; for d in $dirs; do
             [ "$d" = "$what" ] || next="$next $d"; done; dirs=$next ;;
    esac
done
for p in $pids; do kill -s TERM -- "-$p" 2>/dev/null; done
[ -z "$pids" ] || sleep 1
for p in $pids; do kill -s KILL -- "-$p" 2>/dev/null; done
for d in $dirs; do rm -rf -- "$d"; done
"""


# Times that are given here are a quiet machine's, with room; a busy one gets
# this many times as much. What goes well never waits so long.
PATIENCE = 4


class BedError(Exception):
    """The bed itself is broken (not: a judgement failed)."""


class _Guard:
    """Our end of the pipe. One per process, made when first needed."""

    def __init__(self):
        self._lock = threading.Lock()
        self._pipe = None

    def tell(self, verb, what):
        with self._lock:
            if self._pipe is None:
                shell = subprocess.Popen(
                    ["/bin/sh", "-c", GUARD], stdin=subprocess.PIPE,
                    stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
                    start_new_session=True, cwd="/")
                self._pipe = shell.stdin
            self._pipe.write(f"{verb} {what}\n".encode())
            self._pipe.flush()


_guard = _Guard()


def own_folder(path):
    """Take responsibility for a folder: it goes when we go."""
    _guard.tell("made", path)


def remove_folder(path):
    shutil.rmtree(path, ignore_errors=True)
    _guard.tell("gone", path)


def wait_until(condition, timeout_s, what):
    """Poll until condition() is true and return its value."""
    deadline = time.monotonic() + timeout_s * PATIENCE
    pause = 0.005
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > deadline:
            raise BedError(f"{what}: not within {timeout_s * PATIENCE:g} s")
        time.sleep(pause)
        pause = min(pause * 1.5, 0.1)


def stays(condition, seconds):
    """Whether condition() is true all this time, looked at now and then."""
    end = time.monotonic() + seconds
    while condition():
        if time.monotonic() > end:
            return True
        time.sleep(0.1)
    return False


def naming(path):
    """Pids of the processes whose command line names it."""
    found = []
    for entry in pathlib.Path("/proc").glob("[0-9]*"):
        try:
            if os.fsencode(path) in (entry / "cmdline").read_bytes():
                found.append(int(entry.name))
        except OSError:  # it has ended
            pass
    return found


# Linux gives clients ports from 32768 on: one of those might be taken again
# before somebody listens there. Beds of other processes begin elsewhere.
PORTS = list(range(20000, 32000))
_start = random.SystemRandom().randrange(len(PORTS))
_ports = itertools.cycle(PORTS[_start:] + PORTS[:_start])


def _is_free(port, host):
    with socket.socket() as probe:
        try:
            probe.bind((host, port))
        except OSError:
            return False
    return True


def free_ports(count, host="127.0.0.1"):
    """Ports nobody listens on; not one twice until all were given."""
    free = (port for port in itertools.islice(_ports, len(PORTS))
            if _is_free(port, host))
    found = list(itertools.islice(free, count))
    if len(found) < count:
        raise BedError(f"no {count} free ports")
    return found


def port_is_open(port, host="127.0.0.1"):
    try:
        with socket.create_connection((host, port), timeout=5):
            return True
    except OSError:
        return False


def unix_is_open(path):
    try:
        with socket.socket(socket.AF_UNIX) as sock:
            sock.settimeout(5)
            sock.connect(str(path))
            return True
    except OSError:
        return False


def is_alive(pid):
    """Whether a process runs; one that only waits to be reaped does not."""
    try:
        with open(f"/proc/{pid}/stat", "rb") as stat:
            return stat.read().rpartition(b")")[2].split()[0] != b"Z"
    except (FileNotFoundError, ProcessLookupError):
        return False


def run(argv, *, timeout_s=60, check=True, **options):
    """Run a short command; its output is text (pass text=False for bytes)."""
    options.setdefault("text", True)
    if "input" not in options:
        options.setdefault("stdin", subprocess.DEVNULL)
    done = subprocess.run([str(word) for word in argv], check=False,
                          timeout=timeout_s * PATIENCE, stdout=subprocess.PIPE,
                          stderr=subprocess.PIPE, **options)
    if check and done.returncode != 0:
        raise BedError(f"{argv[0]} ended with {done.returncode}: "
                       f"{done.stderr or done.stdout}")
    return done


class Daemon:
    """A child in the foreground, its output in a file.

    Once it is reaped and nobody of its group is left, its number may be
    anybody's: another bed's guard was killed by it.
    """

    def __init__(self, name, argv, log_path, *, env=None, user=None,
                 group=None, cwd="/"):
        self.name = name
        self.log_path = log_path
        with open(log_path, "ab") as log:
            self.popen = subprocess.Popen(
                [str(word) for word in argv], stdin=subprocess.DEVNULL,
                stdout=log, stderr=log, cwd=cwd, start_new_session=True,
                user=user, group=group, env={**os.environ, **(env or {})})
        self._is_ours = True
        _guard.tell("start", self.pid)

    @property
    def pid(self):
        return self.popen.pid

    def is_running(self):
        if self.popen.poll() is None:
            return True
        if self._is_ours and not self._group_lives():
            self._let_go()
        return False

    def wait(self, timeout_s):
        """Its exit status; subprocess.TimeoutExpired."""
        self.popen.wait(timeout_s)
        self.is_running()
        return self.popen.returncode

    def _group_lives(self):
        try:
            os.killpg(self.pid, 0)
        except ProcessLookupError:
            return False
        # a new process of the number of a reaped one is a stranger
        return not pathlib.Path(f"/proc/{self.pid}").exists()

    def _let_go(self):
        self._is_ours = False
        _guard.tell("end", self.pid)

    def wait_ready(self, condition, timeout_s=20):
        """Wait for condition(); an early end of the child is an error."""
        def ready_or_gone():
            return condition() or not self.is_running()
        try:
            wait_until(ready_or_gone, timeout_s, f"{self.name} starting")
        except BedError as error:
            raise BedError(f"{error}\n{self.log_tail()}") from None
        if not self.is_running():
            raise BedError(f"{self.name} ended with {self.popen.returncode}"
                           f" before it was ready\n{self.log_tail()}")

    def signal(self, signum):
        if self.is_running():
            self.popen.send_signal(signum)

    def stop(self, timeout_s=15):
        """SIGTERM, then SIGKILL; returns the exit status."""
        self.signal(signal.SIGTERM)
        try:
            self.wait(timeout_s * PATIENCE)
        except subprocess.TimeoutExpired:
            pass
        return self.kill()

    def kill(self):
        """kill -9 to the process group; returns the exit status."""
        if self.is_running() or (self._is_ours and self._group_lives()):
            try:
                os.killpg(self.pid, signal.SIGKILL)
            except ProcessLookupError:
                pass
        self.popen.wait(10 * PATIENCE)
        if self._is_ours:
            self._let_go()
        return self.popen.returncode

    def log_text(self):
        with open(self.log_path, encoding="utf-8", errors="replace") as log:
            return log.read()

    def log_tail(self, lines=20):
        tail = self.log_text().splitlines()[-lines:]
        return "\n".join(f"  | {line}" for line in tail)
