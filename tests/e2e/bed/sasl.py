"""The server behind AUTH of the submission service.

Speaks as much of Dovecot's authentication protocol (version 1.1) as smtpd(8)
uses, PLAIN only, so that mail has a real {auth_authen} without a
Dovecot or a SASL database.
"""

import base64
import os
import socketserver
import threading

HELLO = ("VERSION\t1\t1\nMECH\tPLAIN\tplaintext\nSPID\t{pid}\nCUID\t{cuid}\n"
         "COOKIE\t00000000000000000000000000000000\nDONE\n")


class _Handler(socketserver.StreamRequestHandler):
    def handle(self):
        hello = HELLO.format(pid=os.getpid(), cuid=self.server.next_cuid())
        self.wfile.write(hello.encode())
        for raw in self.rfile:
            words = raw.decode(errors="replace").rstrip("\n").split("\t")
            if words[0] == "AUTH":
                self.wfile.write(self._answer(words).encode())

    def _answer(self, words):
        request, response = words[1], ""
        for word in words:
            if word.startswith("resp="):
                response = word[len("resp="):]
        parts = base64.b64decode(response).decode(errors="replace")
        _, user, password = (parts.split("\0") + ["", "", ""])[:3]
        if user and self.server.users.get(user) == password:
            return f"OK\t{request}\tuser={user}\n"
        return f"FAIL\t{request}\tuser={user}\n"


class SaslServer(socketserver.ThreadingUnixStreamServer):
    daemon_threads = True
    request_queue_size = 256  # each starting smtpd asks once

    def __init__(self, path, users):
        self.users = dict(users)
        self._cuid = 0
        super().__init__(str(path), _Handler)
        os.chmod(path, 0o666)
        self._thread = threading.Thread(target=self.serve_forever,
                                        kwargs={"poll_interval": 0.05},
                                        daemon=True)
        self._thread.start()

    def next_cuid(self):
        self._cuid += 1
        return self._cuid

    def stop(self):
        self.shutdown()
        self._thread.join()
        self.server_close()
