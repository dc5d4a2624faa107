"""Tendril's own programs: the daemons and the command line."""

import os
import pathlib
import re
import shlex
import shutil

from . import proc

# Of a build that watches its memory: how much of what was freed it keeps. By
# default 256 MB; a test that bounds a daemon's memory would measure that.
ASAN_OPTIONS = os.environ.get("ASAN_OPTIONS", "quarantine_size_mb=64")


def program(builddir, name):
    """Path of a built program; BedError when it is not there."""
    path = pathlib.Path(builddir) / name
    if not os.access(path, os.X_OK):
        raise proc.BedError(f"{path} is not built")
    return path


class Tendril:
    """One installation: a conf file and the processes that use it."""

    def __init__(self, builddir, conf_file, root, env=None):
        self.builddir = pathlib.Path(builddir).resolve()
        self.conf_file = conf_file
        self.root = pathlib.Path(root)
        self.env = {"TENDRIL_LOG": "stderr", "ASAN_OPTIONS": ASAN_OPTIONS,
                    **(env or {})}
        self.prefix = ()  # words before each daemon's command line
        self.milter = None
        self.agent = None

    def start_milter(self, socket):
        self.milter = self._daemon("tendril-milter")
        self.milter.wait_ready(lambda: proc.unix_is_open(socket))

    def start_agent(self, api):
        self.agent = self._daemon("tendril-agent")
        self.agent.wait_ready(lambda: proc.unix_is_open(api))

    def _daemon(self, name):
        return proc.Daemon(
            name, [*self.prefix, program(self.builddir, name), "--conf",
                   self.conf_file],
            self.root / f"{name}.log", env=self.env)

    def cli(self, *words, check=True, **options):
        """Run `tendril WORDS`; the completed process, output as text."""
        path = program(self.builddir, "tendril")
        if "user" in options:
            path = self._copy_for_others(path)
        env = {**os.environ, **self.env, "TENDRIL_CONF": str(self.conf_file)}
        return proc.run([path, *words], check=check, env=env, **options)

    def _copy_for_others(self, path):
        """Another user may not enter the checkout (one below /root)."""
        copy = self.root / path.name
        if not copy.exists():
            shutil.copy(path, copy)
        return copy

    def stop_milter(self):
        """SIGTERM; returns the exit status."""
        return self.milter.stop()

    def stop(self):
        if self.agent is not None:
            self.agent.stop()
        if self.milter is not None:
            self.stop_milter()

    def events(self, name=None):
        """The milter's log as dicts, all or those of one event."""
        if self.milter is None:
            return []
        parsed = [parse_event(line)
                  for line in self.milter.log_text().splitlines()]
        return [event for event in parsed
                if event and name in (None, event["event"])]


def parse_event(line):
    """`<5>event=decision qid=... reason="a b"` -> dict; {} if it is none."""
    at = line.find("event=")
    if at < 0:
        return {}
    try:
        words = shlex.split(line[at:])
    except ValueError:
        words = re.split(r"\s+", line[at:])
    return dict(word.split("=", 1) for word in words if "=" in word)
