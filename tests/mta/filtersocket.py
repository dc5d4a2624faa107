"""The socket that an MTA connects to: what fake filters and wires share."""

import os
import pathlib
import shutil
import socket
import threading


class FilterSocket(threading.Thread):
    """Listens at once; take(conn), of the heir, has each connection, one after
    the other. `group` may connect too."""

    def __init__(self, path, group=None):
        super().__init__(daemon=True)
        self.address = f"unix:{path}"
        self._listener = socket.socket(socket.AF_UNIX)
        self._listener.bind(str(path))
        if group is not None:
            os.chmod(path, 0o660)
            shutil.chown(pathlib.Path(path), group=group)
        self._listener.listen(8)
        self.start()

    def close(self):
        """Waits until take() has ended."""
        if self._listener.fileno() >= 0:
            self._listener.shutdown(socket.SHUT_RDWR)
            self.join(60)
            self._listener.close()

    def run(self):
        while True:
            try:
                conn, _ = self._listener.accept()
            except OSError:
                return
            self.take(conn)

    def take(self, conn):
        raise NotImplementedError
