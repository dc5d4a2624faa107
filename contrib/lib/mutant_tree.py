"""A copy of the sources with the programs built of it, for one seeded bug at a
time. Several copies work side by side, each in a thread of its own."""

import concurrent.futures
import contextlib
import os
import queue
import shutil
import signal
import subprocess
import threading
import time

import build

TIMEOUT_S = 120
# Whether a program has failed is known with its first "not ok": what follows
# may wait long for what the bug took away. It gets the time to clean up.
LEAVE_S = 1
POLL_S = 0.05
NOT_COPIED = shutil.ignore_patterns("build", ".git", "autom4te.cache",
                                    "__pycache__")
# What a test program starts, and so wants built beside it.
STARTS = {"test_verify": ("tendril-verify",)}
# What a program is given, so that it does the same each time.
WORDS = {"model/worlds": ("--seed=1", "--steps=200000", "--ledger-steps=0")}


class Stopped(Exception):
    """All of it was interrupted."""


def path_of(name):
    """Of a test program, in the build folder."""
    return f"tests/{name}" if "/" in name else f"tests/unit/{name}"


class Tree:
    """src and obj in a folder, and a log of what its commands print. Programs
    make their folders in `tmp`, which is short, since sockets are there."""

    def __init__(self, folder, tmp):
        self.folder, self.tmp = folder, tmp
        self.src, self.obj = folder / "src", folder / "obj"
        self._log = folder / "log"
        self._lock = threading.Lock()
        self._process = None
        self._stopped = False

    def configure(self, log):
        """From the checkout. Nothing in obj may name the folder, since it is
        copied."""
        shutil.copytree(build.SOURCE, self.src, ignore=NOT_COPIED,
                        symlinks=True)
        self.obj.mkdir()
        if not (self.src / "configure").exists():
            build.command(["./autogen.sh"], log, cwd=self.src)
        build.command(["../src/configure", "-q", "CFLAGS=-O0"], log,
                      cwd=self.obj)

    def copy(self, folder):
        """Another one, as far as this one is built."""
        shutil.copytree(self.folder, folder, symlinks=True)
        return Tree(folder, self.tmp)

    def make(self, tests, jobs=1):
        """Build the programs; False if that fails."""
        beside = [name for test in tests for name in STARTS.get(test, ())]
        with self._command(["make", f"-j{jobs}", *map(path_of, tests),
                            *beside], cwd=self.obj) as process:
            return process.wait() == 0

    def passes(self, name):
        """Run one program. One that hangs does not pass."""
        start = self._log.stat().st_size
        with self._command([self.obj / path_of(name), *WORDS.get(name, ())],
                           cwd=self.obj, env=self._environment()) as process:
            with open(self._log, "rb") as printed:
                printed.seek(start)
                return ends_well(process, printed)

    def stop(self):
        """End what runs, let nothing begin. From any thread."""
        with self._lock:
            self._stopped = True
            if self._process is not None:
                kill(self._process)

    def say(self, text):
        with open(self._log, "a", encoding="utf-8") as out:
            print(text, file=out)

    def move_log(self, log):
        """To the end of another one."""
        with open(log, "ab") as out:
            out.write(self._log.read_bytes())
        self._log.write_bytes(b"")

    def _environment(self):
        return {**os.environ, "TENDRIL_SRCDIR": str(self.src),
                "TENDRIL_BUILDDIR": str(self.obj), "TMPDIR": str(self.tmp)}

    @contextlib.contextmanager
    def _command(self, argv, **options):
        """A process whose output goes to the log, and that has ended in the
        end."""
        with open(self._log, "ab") as out, self._lock:
            if self._stopped:
                raise Stopped
            self._process = subprocess.Popen(
                argv, stdin=subprocess.DEVNULL, stdout=out,
                stderr=subprocess.STDOUT, start_new_session=True, **options)
        try:
            yield self._process
        finally:
            with self._lock:
                kill(self._process)
                self._process = None
        if self._stopped:
            raise Stopped


def kill(process):
    """With what it started, unless it has ended."""
    if process.poll() is None:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()


def ends_well(process, printed):
    """Wait for a test program; False if it fails or would not end."""
    end = time.monotonic() + TIMEOUT_S
    failed = False
    while time.monotonic() < end:
        try:
            return process.wait(POLL_S) == 0
        except subprocess.TimeoutExpired:
            pass
        if not failed and b"\nnot ok" in b"\n" + printed.read():
            failed = True
            end = min(end, time.monotonic() + LEAVE_S)
    return False


def side_by_side(function, items, trees):
    """function(item, tree) of each, in threads; a list of what they return."""
    free = queue.SimpleQueue()
    for tree in trees:
        free.put(tree)

    def one(item):
        tree = free.get()
        try:
            return function(item, tree)
        finally:
            free.put(tree)

    with concurrent.futures.ThreadPoolExecutor(len(trees)) as pool:
        try:
            return list(pool.map(one, items))
        except BaseException:
            pool.shutdown(wait=False, cancel_futures=True)
            for tree in trees:
                tree.stop()
            raise
