"""A systemd journal: what the bed's Postfix writes into its log file goes into
files of a folder, as journald would have put it there; also what others write.
The files are made by systemd-journal-remote."""

import pathlib
import pwd
import re
import shutil
import subprocess
import threading
import time

PROGRAM = shutil.which(
    "systemd-journal-remote", path="/usr/lib/systemd:/lib/systemd")
LINE = re.compile(r"\w{3} [ \d]\d \d\d:\d\d:\d\d \S+ ([^\[:]+)\[(\d+)\]: (.*)")
POLL_S = 0.1


class Journald:
    """Copies from the moment it is made until stop()."""

    def __init__(self, folder, maillog):
        self.folder = pathlib.Path(folder)
        self.folder.mkdir()
        self._maillog = pathlib.Path(maillog)
        self._uid = pwd.getpwnam("postfix").pw_uid
        self._read = 0
        self._files = 1
        self._lock = threading.Lock()
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def stop(self):
        self._stopping.set()
        self._thread.join()

    def _run(self):
        while not self._stopping.wait(POLL_S):
            self.copy()

    @property
    def _live(self):
        return self.folder / "system.journal"

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

    def _write(self, entries):
        if not entries:
            return
        subprocess.run([PROGRAM, "-o", self._live, "-"], check=True,
                       input="".join(_export(*one) for one in entries),
                       encoding="utf-8", stderr=subprocess.DEVNULL)

    def rotate(self):
        """As journald does: another name for the file, then a new one."""
        with self._lock:
            if self._live.exists():
                self._live.rename(
                    self.folder / f"system@{self._files}.journal")
                self._files += 1

    def vacuum(self):
        """All but the live file go."""
        with self._lock:
            for path in self.folder.glob("system@*.journal"):
                path.unlink()


def _export(program, pid, text, uid):
    return (f"__REALTIME_TIMESTAMP={time.time_ns() // 1000}\n"
            f"__MONOTONIC_TIMESTAMP={time.monotonic_ns() // 1000}\n"
            "_BOOT_ID=0123456789abcdef0123456789abcdef\n_TRANSPORT=syslog\n"
            f"SYSLOG_FACILITY=2\nSYSLOG_IDENTIFIER={program}\n"
            f"SYSLOG_PID={pid}\n_UID={uid}\n_HOSTNAME=mail\n"
            f"MESSAGE={text}\n\n")
