"""HTTP as Tendril's users speak it: /v1 on the unix socket, and the public
pages that mails link to."""

import http.client
import json
import socket
import urllib.parse

from . import proc


class _UnixConnection(http.client.HTTPConnection):
    def __init__(self, path):
        super().__init__("localhost", timeout=20 * proc.PATIENCE)
        self._path = str(path)

    def connect(self):
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(self.timeout)
        self.sock.connect(self._path)


def _ask(connection, method, path, body, content_type):
    headers = {} if content_type is None else {"Content-Type": content_type}
    connection.request(method, path, body, headers)
    reply = connection.getresponse()
    text = reply.read().decode("utf-8", "replace")
    connection.close()
    return reply.status, text


class Api:
    """/v1 of one agent. Refusals of the agent are a proc.BedError."""

    def __init__(self, path):
        self._path = path

    def ask(self, method, path, /, **body):
        """(status, text) of any request."""
        data = json.dumps(body) if body else None
        return _ask(_UnixConnection(self._path), method, path, data,
                    "application/json" if body else None)

    def call(self, method, path, /, **body):
        """The answer's JSON object."""
        status, text = self.ask(method, path, **body)
        if status != 200:
            raise proc.BedError(f"{method} {path}: {status} {text}")
        return json.loads(text)

    def metrics(self):
        status, text = self.ask("GET", "/metrics")
        if status != 200:
            raise proc.BedError(f"/metrics: {status}")
        return text


def public(port, method, url, body=None,
           content_type="application/x-www-form-urlencoded"):
    """Ask for the URL as the TLS proxy would; (status, text)."""
    parts = urllib.parse.urlsplit(url)
    connection = http.client.HTTPConnection("127.0.0.1", port,
                                            timeout=20 * proc.PATIENCE)
    return _ask(connection, method, parts.path, body,
                content_type if body else None)
