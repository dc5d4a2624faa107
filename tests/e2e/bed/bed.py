"""All of it, wired: the company's MTA, Tendril beside it, the world."""

import os
import pathlib
import pwd
import tempfile

from . import conf, keys, postfix, proc, sasl, sink, tendril

# Short, because unix socket paths are, and open to the user postfix.
# The variable gives a run a place of its own, so that a test sees what is left.
BASE = os.environ.get("TENDRIL_BED_BASE", "/tmp")
PREFIX = "tendril-bed-"
OWN_DOMAIN = "example.com"
BOUNCE_DOMAIN = "bounces.example.com"
LATE_DOMAIN = "outside2.example"
STRANGER = "127.0.0.9"
LOGIN = ("crm", "correct horse")


def make_root(base=BASE):
    root = pathlib.Path(tempfile.mkdtemp(prefix=PREFIX, dir=base))
    root.chmod(0o755)
    return root


class Bed:
    """Start what you need, in any order that makes sense; close() stops all.

    builddir: None where only the MTAs and the world are wanted; then
    the MTA has no milter.
    """

    def __init__(self, builddir=None, *, root=None, keep=False, policy=None,
                 tweak=None, milter=None, main=None):
        """policy: a conf.PolicyText. tweak(ConfText): change the conf before
        it is written. milter: socket of another milter than ours. main:
        further main.cf settings of the hub."""
        self.keep = keep
        self.root = make_root() if root is None else pathlib.Path(root)
        if not keep:
            proc.own_folder(self.root)
        self._stops = []
        if milter is None and builddir is not None:
            milter = f"unix:{self.root}/run/milter.sock"
        try:
            self._lay_out(milter, main)
            if builddir is not None:
                self._configure(builddir, policy or conf.PolicyText(), tweak)
        except BaseException:
            self.close()
            raise

    def _lay_out(self, milter, main):
        self._folders()
        names = ("apps", "smtp25", "release", "late", "web")
        self.ports = dict(zip(names, proc.free_ports(len(names))))
        self.sink = sink.Sink(folder=self.root / "outside")
        self._stops.append(self.sink.stop)
        self.sasl = sasl.SaslServer(self.root / "sasl.sock", [LOGIN])
        self._stops.append(self.sasl.stop)
        self.keys = [
            keys.Key(self.root / "secrets", OWN_DOMAIN, "r1", "rsa-sha256"),
            keys.Key(self.root / "secrets", OWN_DOMAIN, "e1",
                     "ed25519-sha256")]
        self.zone = keys.Zone(self.keys)
        self.hub = self._make_hub(milter, main)
        self.late = postfix.late_bouncer(
            self.root, port=self.ports["late"], domain=LATE_DOMAIN,
            known=("anna",), maildir=self.root / "late-maildir",
            dsn_port=self.ports["smtp25"])
        self.tendril = None

    def _folders(self):
        for name, mode in (("outside", 0o755), ("secrets", 0o700),
                           ("state", 0o700), ("Maildir", 0o700),
                           ("late-maildir", 0o700)):
            (self.root / name).mkdir(mode=mode)
        nobody = pwd.getpwnam("nobody")
        for name in ("Maildir", "late-maildir"):
            os.chown(self.root / name, nobody.pw_uid, nobody.pw_gid)
        # Sockets made here belong to group postfix, which connects to them.
        run = self.root / "run"
        run.mkdir()
        os.chown(run, 0, pwd.getpwnam("postfix").pw_gid)
        run.chmod(0o2750)

    @property
    def maildir(self):
        return self.root / "Maildir"

    def _make_hub(self, milter, main):
        return postfix.hub(
            self.root, ports=self.ports, sink_port=self.sink.port,
            milter=milter, own_domains=[OWN_DOMAIN, "shop.example.com"],
            maildir_domains=[BOUNCE_DOMAIN], maildir=self.maildir,
            routes={LATE_DOMAIN: self.ports["late"]},
            sasl=self.root / "sasl.sock", main=main)

    def _configure(self, builddir, policy, tweak):
        for name, number in (("lead", None), ("token", 1), ("epoch", 1)):
            keys.secret(self.root / "secrets" / f"{name}.key", number)
        self.conf = conf.ConfText(
            root=self.root, release_port=self.ports["release"],
            web_port=self.ports["web"], maillog=self.hub.maillog,
            maildir=self.maildir, keys=self.keys)
        if tweak is not None:
            tweak(self.conf)
        self.conf_file = self.root / "tendril.conf"
        self.conf.policy_file.write_text(policy.text())
        self.conf_file.write_text(self.conf.text())
        self.tendril = tendril.Tendril(builddir, self.conf_file, self.root)
        self._stops.append(self.tendril.stop)

    def start_hub(self):
        self._stops.append(self.hub.stop)
        self.hub.start()

    def start_late(self):
        self._stops.append(self.late.stop)
        self.late.start()

    def start_milter(self):
        self.tendril.start_milter(self.conf.milter_socket)

    def start_agent(self):
        self.tendril.start_agent(self.conf.api)

    def feedback(self):
        """What the MTA delivered to our bounce domain and nobody consumed:
        paths, oldest first."""
        found = []
        for name in ("new", "cur"):
            for path in (self.maildir / name).glob("*"):
                try:
                    found.append((path.stat().st_mtime, path))
                except FileNotFoundError:  # the agent was faster
                    pass
        return [path for _, path in sorted(found)]

    def reset(self):
        """Let the mail of the test before end, then forget it."""
        self.sink.clear()
        self.hub.delete("ALL", "hold")
        self.hub.flush()
        self.hub.wait_empty()
        self.sink.clear()
        for path in self.feedback():
            path.unlink(missing_ok=True)

    def stop_and_look(self):
        """Stop the daemons; a sanitizer's report of theirs is an error."""
        if self.tendril is None:
            return
        self.tendril.stop()
        for log in self.root.glob("tendril-*.log"):
            text = log.read_text(errors="replace")
            for mark in ("Sanitizer: ", "runtime error: "):
                if mark in text:
                    at = text.index(mark)
                    raise proc.BedError(f"{log.name}: {text[at:at + 3000]}")

    def close(self):
        """Stop everything, newest first, and remove the folder."""
        try:
            while self._stops:
                self._stops.pop()()
        finally:
            if self._stops:
                self.close()
            elif not self.keep:
                proc.remove_folder(self.root)

    def __enter__(self):
        return self

    def __exit__(self, *exc):
        self.close()
