"""A systemd journal: what the bed's Postfix writes into its log file goes into
files of a folder, as if Postfix had no file and logged to journald; also what
others write. Files() makes them by systemd-journal-remote, Systemd() runs the
real daemon in a mount namespace of its own."""

import os
import pathlib
import pwd
import re
import shutil
import signal
import socket
import struct
import subprocess
import threading
import time

from . import proc

FOLDERS = "/usr/lib/systemd:/lib/systemd"
REMOTE = shutil.which("systemd-journal-remote", path=FOLDERS)
DAEMON = shutil.which("systemd-journald", path=FOLDERS)
LINE = re.compile(r"\w{3} [ \d]\d \d\d:\d\d:\d\d \S+ ([^\[:]+)\[(\d+)\]: (.*)")
POLL_S = 0.1
# $1: the folder of the files, $2: of the sockets.
ALONE = r"""
mount -t tmpfs none /run && mount -t tmpfs none /etc/systemd &&
mkdir -p /run/log/journal /run/systemd/journal &&
mount --bind "$1" /run/log/journal &&
mount --bind "$2" /run/systemd/journal || exit 77
printf '[Journal]\nStorage=volatile\nRateLimitIntervalSec=0\nReadKMsg=no\nAudit=no\n' \
    >/etc/systemd/journald.conf
exec "$3"
"""


def can_be_alone():
    """May we have a mount namespace, and mount in it?"""
    done = subprocess.run(
        ["unshare", "-m", "mount", "-t", "tmpfs", "none", "/run"],
        stderr=subprocess.DEVNULL, check=False)
    return done.returncode == 0


class Journald:
    """Copies from start() until stop()."""

    def __init__(self, folder, maillog):
        self.folder = pathlib.Path(folder)
        self.folder.mkdir()
        self._maillog = pathlib.Path(maillog)
        self._uid = pwd.getpwnam("postfix").pw_uid
        self._read = 0
        self._lock = threading.Lock()
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)

    def start(self):
        self._thread.start()

    def stop(self):
        self._stopping.set()
        self._thread.join()

    def _run(self):
        while not self._stopping.wait(POLL_S):
            self.copy()

    def copy(self):
        """What Postfix has written since."""
        with self._lock:
            if not self._maillog.exists():
                return
            data = self._maillog.read_bytes()[self._read:]
            whole = data[:data.rfind(b"\n") + 1]
            self._read += len(whole)
            found = [LINE.match(line) for line in
                     whole.decode(errors="replace").splitlines()]
            self._write([(*one.groups(), self._uid) for one in found if one])

    def write(self, program, pid, text, uid):
        """An entry of somebody's."""
        with self._lock:
            self._write([(program, pid, text, uid)])

    def _archived(self):
        return list(self.folder.glob("**/system@*.journal"))

    def vacuum(self):
        """All but the live file go."""
        with self._lock:
            for path in self._archived():
                path.unlink()


class Files(Journald):
    """Each entry is durable when it was written."""

    @property
    def _live(self):
        return self.folder / "system.journal"

    def _write(self, entries):
        if not entries:
            return
        subprocess.run([REMOTE, "-o", self._live, "-"], check=True,
                       input="".join(_export(*one) for one in entries),
                       encoding="utf-8", stderr=subprocess.DEVNULL)

    def rotate(self):
        """As journald does: another name for the file, then a new one."""
        with self._lock:
            if self._live.exists():
                self._live.rename(
                    self.folder / f"system@{time.time_ns()}.journal")


class Systemd(Journald):
    """root (the test) writes in anybody's name, who journald then sees."""

    def __init__(self, folder, maillog):
        super().__init__(folder, maillog)
        self._run_folder = self.folder.parent / "journald"
        self._run_folder.mkdir()
        self._daemon = proc.Daemon(
            "systemd-journald",
            ["unshare", "-m", "sh", "-c", ALONE, "sh", self.folder,
             self._run_folder, DAEMON],
            self.folder.parent / "systemd-journald.log")
        listens = self._run_folder / "dev-log"
        self._daemon.wait_ready(listens.exists)
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._socket.connect(str(listens))

    def stop(self):
        super().stop()
        self._socket.close()
        self._daemon.stop()

    def _write(self, entries):
        for program, pid, text, uid in entries:
            who = struct.pack("3i", os.getpid(), uid, uid)
            line = f"<22>Nov 23 10:00:00 {program}[{pid}]: {text}"
            self._socket.sendmsg([line.encode()], [
                (socket.SOL_SOCKET, socket.SCM_CREDENTIALS, who)])

    def rotate(self):
        before = len(self._archived())
        self._daemon.signal(signal.SIGUSR2)
        proc.wait_until(lambda: len(self._archived()) > before, 10,
                        "a rotated journal")


def _export(program, pid, text, uid):
    return (f"__REALTIME_TIMESTAMP={time.time_ns() // 1000}\n"
            f"__MONOTONIC_TIMESTAMP={time.monotonic_ns() // 1000}\n"
            "_BOOT_ID=0123456789abcdef0123456789abcdef\n_TRANSPORT=syslog\n"
            f"SYSLOG_FACILITY=2\nSYSLOG_IDENTIFIER={program}\n"
            f"SYSLOG_PID={pid}\n_UID={uid}\n_HOSTNAME=mail\n"
            f"MESSAGE={text}\n\n")
