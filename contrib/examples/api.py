#!/usr/bin/env python3
"""Ask the agent as an application does, over its unix socket, and print what it
answers. Exit status 1 if it refused.

    api.py /v1/check '{"segment": "newsletter", "recipients": ["a@b.example"]}'
    api.py --get /v1/segments

What there is to ask for: tendril-agent(8). What you may ask for depends on the
user who runs this.
"""

import argparse
import http.client
import json
import socket
import sys


class Agent(http.client.HTTPConnection):
    """HTTP over a unix socket."""

    def __init__(self, path):
        super().__init__("agent", timeout=60)
        self.path = path

    def connect(self):
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.connect(self.path)


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("path")
    parser.add_argument("body", nargs="?", default="{}")
    parser.add_argument("--get", action="store_true")
    parser.add_argument("--socket", default="/run/tendril/api.sock")
    options = parser.parse_args()

    agent = Agent(options.socket)
    if options.get:
        agent.request("GET", options.path)
    else:
        agent.request("POST", options.path, options.body,
                      {"Content-Type": "application/json"})
    answer = agent.getresponse()
    print(json.dumps(json.loads(answer.read()), indent=1))
    sys.exit(0 if answer.status == 200 else 1)


if __name__ == "__main__":
    main()
