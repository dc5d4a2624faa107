"""A syslog daemon: what programs of facility mail say goes into one file, in
the form that Debian's rsyslogd writes."""

import datetime
import os
import pathlib
import re
import socket
import threading

FACILITY_MAIL = 2
# <22>Nov 22 10:05:32 postfix/smtpd[123]: text
MESSAGE = re.compile(rb"<(\d+)>(?:\w{3} [ \d]\d \d\d:\d\d:\d\d )?(.*)", re.S)


class Syslogd:
    """Listens from the moment it is made, for as long as the process lives.
    sockets: where programs look for it, also those in a chroot."""

    def __init__(self, sockets, path, *, group="adm"):
        self._path = path
        self._group = group
        self._lock = threading.Lock()
        self._open()
        for name in sockets:
            pathlib.Path(name).parent.mkdir(parents=True, exist_ok=True)
            listener = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
            listener.bind(str(name))
            os.chmod(name, 0o666)
            threading.Thread(target=self._serve, args=(listener,),
                             daemon=True).start()

    def _open(self):
        self._file = open(self._path, "ab", buffering=0)
        os.chmod(self._path, 0o640)
        os.chown(self._path, 0, _gid(self._group))

    def rotate(self, name):
        """As logrotate does: another name for the file, then a new one."""
        os.rename(self._path, name)
        with self._lock:
            self._file.close()
            self._open()

    def _serve(self, listener):
        while True:
            found = MESSAGE.match(listener.recv(65536).rstrip(b"\0\n"))
            if found is None or int(found[1]) >> 3 != FACILITY_MAIL:
                continue
            now = datetime.datetime.now().astimezone().isoformat()
            with self._lock:
                self._file.write(f"{now} mail ".encode() + found[2] + b"\n")


def _gid(group):
    import grp
    return grp.getgrnam(group).gr_gid
