"""Tendril's conf and policy as text. The only place of the bed that writes
them: who changes an option's name changes it here."""

import dataclasses
import pathlib

POLICY = """\
time-zone = "Europe/Berlin"
order     = {"webinar", "newsletter"}

person { at-most = "%(person_cap)s" }

segment newsletter {
  purpose     = "newsletter"
  legal-basis = "%(basis)s"
  at-most     = "%(segment_cap)s"
  when-full   = "reject"
}

segment webinar {
  purpose     = "%(webinar_purpose)s"
  legal-basis = "%(basis)s"
  when-full   = "reject"
}
%(purposes)s"""


@dataclasses.dataclass(frozen=True)
class PolicyText:
    """The story's policy; the fields are what --break and tests change."""

    person_cap: str = "6 per 30d"
    segment_cap: str = "1 per 7d"
    basis: str = "consent"
    webinar_purpose: str = "newsletter"
    purposes: str = ""

    def text(self):
        return POLICY % dataclasses.asdict(self)


@dataclasses.dataclass
class Fixed:
    """A policy as it stands."""

    policy: str

    def text(self):
        return self.policy


CONF = """\
mode = "%(mode)s"
state-dir = "%(state)s"
authserv-id = "mail.example.com"
lead-key = "%(secrets)s/lead.key"
token-key = "%(secrets)s/token.key"
epoch-key = "%(secrets)s/epoch.key"
policy-file = "%(policy)s"
seeds = {"proof@example.com"}

milter {
  socket = "unix:%(milter_socket)s"
  socket-mode = "0660"
  dns-check = no
}

agent {
  api = "%(api)s"
  release = "127.0.0.1:%(release_port)d"
  maildir = "%(maildir)s"
}

web {
  listen = "127.0.0.1:%(web_port)d"
  base-url = "%(base_url)s"
}

mta-log {
  file = "%(maillog)s"
}

%(key_sections)s
domain %(domain)s {
  keys = {%(key_names)s}
  bounce-domain = "bounces.%(domain)s"
  sender-id = "examplecom"
}

stream release {
  class = "release"
  listener = {"release"}
}

stream news {
  class = "nurture"
  listener = {"apps"}
  from-domains = {"%(domain)s"}
  header = "X-Tendril-Segment"
  segment-from = "X-Tendril-Segment"
  campaign-from = "X-Tendril-Campaign"
  unknown = "reject"
}

stream shop {
  class = "transactional"
  listener = {"apps"}
  sender = {"*@shop.example.com", "orders@example.com"}
}

stream rest {
  class = "pass"
}
"""

KEY = """\
key %(selector)s {
  domain = "%(domain)s"
  selector = "%(selector)s"
  file = "%(file)s"
  algorithm = "%(algorithm)s"
}
"""


@dataclasses.dataclass
class ConfText:
    """Where everything is; made by bed.Bed."""

    root: pathlib.Path
    release_port: int
    web_port: int
    maillog: pathlib.Path
    maildir: pathlib.Path
    keys: list
    mode: str = "enforce"
    domain: str = "example.com"  # the one that is signed
    base_url: str = "https://t.example.com"
    extra: str = ""  # appended: further sections

    @property
    def milter_socket(self):
        return self.root / "run" / "milter.sock"

    @property
    def api(self):
        return self.root / "run" / "api.sock"

    @property
    def policy_file(self):
        return self.root / "policy"

    @property
    def secrets(self):
        return self.root / "secrets"

    def text(self):
        names = ", ".join(f'"{key.selector}"' for key in self.keys)
        return CONF % {
            "mode": self.mode, "state": self.root / "state",
            "secrets": self.secrets, "policy": self.policy_file,
            "milter_socket": self.milter_socket, "api": self.api,
            "release_port": self.release_port, "maildir": self.maildir,
            "web_port": self.web_port, "base_url": self.base_url,
            "maillog": self.maillog,
            "domain": self.domain, "key_names": names,
            "key_sections": "\n".join(
                KEY % {**vars(key), "domain": self.domain}
                for key in self.keys),
        } + self.extra
