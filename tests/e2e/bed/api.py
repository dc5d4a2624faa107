"""A client of the agent's private interface, over its unix socket."""

import concurrent.futures
import http.client
import json
import socket


class _UnixConnection(http.client.HTTPConnection):
    def __init__(self, path, timeout):
        super().__init__("localhost", timeout=timeout)
        self._path = str(path)

    def connect(self):
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(self.timeout)
        self.sock.connect(self._path)


class Api:
    """One request a call; threads may share it."""

    def __init__(self, path, timeout_s=30):
        self.path = path
        self.timeout_s = timeout_s

    def request(self, method, target, body=None):
        """(status, JSON object or text)."""
        connection = _UnixConnection(self.path, self.timeout_s)
        try:
            data = None if body is None else json.dumps(body)
            connection.request(method, target, data,
                               {"Content-Type": "application/json"})
            reply = connection.getresponse()
            text = reply.read().decode()
        finally:
            connection.close()
        try:
            return reply.status, json.loads(text)
        except ValueError:
            return reply.status, text

    def consent(self, address, purpose="newsletter", state="granted"):
        status, reply = self.request("POST", "/v1/consent", {
            "address": address, "purpose": purpose, "state": state,
            "origin": "test", "evidence": "test"})
        assert status == 200, (status, reply)

    def consents(self, addresses, purpose="newsletter"):
        """Many at once: durable ones share a disk flush."""
        with concurrent.futures.ThreadPoolExecutor(8) as pool:
            list(pool.map(lambda one: self.consent(one, purpose), addresses))

    def metrics(self):
        return self.request("GET", "/metrics")[1]
