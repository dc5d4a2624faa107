"""One Sendmail of our own, beside the machine's MTA.

Debian's packages conflict with Postfix, so they are never installed: they are
fetched and unpacked into a folder, and run from there with a configuration
that m4 makes of contrib/sendmail/tendril.m4 and a few lines for a test bed:
loopback ports, own queue, no name server. sendmail runs in the foreground as
our child.
"""

import os
import pathlib
import re
import shutil
import stat
import subprocess

from . import proc, syslogd

SOURCE = pathlib.Path(__file__).resolve().parents[3]
PACKAGES = ("sendmail-bin", "sendmail-base", "sendmail-cf", "libwrap0")
PROGRAM = "usr/libexec/sendmail/sendmail"
CF = "usr/share/sendmail/cf"

# What an admin's own sendmail.mc has anyway, for a machine without DNS.
MC = """\
VERSIONID(`test bed')dnl
OSTYPE(`linux')dnl
define(`confDOMAIN_NAME', `mail.example.com')dnl
define(`confSERVICE_SWITCH_FILE', `{root}/switch')dnl
define(`confPID_FILE', `{root}/pid')dnl
define(`STATUS_FILE', `{root}/status')dnl
define(`HELP_FILE', `')dnl
define(`QUEUE_DIR', `{root}/queue')dnl
undefine(`ALIAS_FILE')dnl
define(`confCW_FILE', `-o {root}/none')dnl
define(`confDONT_BLAME_SENDMAIL', `GroupWritableDirPathSafe, \
GroupWritableAliasFile, ForwardFileInUnsafeDirPath')dnl
define(`confTO_IDENT', `0')dnl
define(`confMIN_QUEUE_AGE', `0')dnl
define(`confCONNECTION_RATE_THROTTLE', `0')dnl
define(`confREFUSE_LA', `1000')dnl
define(`confQUEUE_LA', `1000')dnl
define(`confDELAY_LA', `0')dnl
define(`SMART_HOST', `relay:[127.0.0.1]')dnl
define(`RELAY_MAILER_ARGS', `TCP $h {sink_port}')dnl
FEATURE(`accept_unresolvable_domains')dnl
FEATURE(`accept_unqualified_senders')dnl
FEATURE(`no_default_msa')dnl
LOCAL_DOMAIN(`localhost')dnl
define(`TENDRIL_BOUNCE_DOMAIN', `{bounce_domain}')dnl
define(`TENDRIL_SOCKET', `local:{socket}')dnl
define(`TENDRIL_APPS', `Addr=127.0.0.1, Port={apps}')dnl
define(`TENDRIL_RELEASE', `Addr=127.0.0.1, Port={release}')dnl
define(`TENDRIL_INGEST', `{root}/ingest')dnl
define(`TENDRIL_USER', `nobody:nogroup')dnl
{more}\
include(`{snippet}')dnl
DAEMON_OPTIONS(`Name=smtp25, Addr=127.0.0.1, Port={smtp25}')dnl
MAILER(`local')dnl
MAILER(`smtp')dnl
"""
# Domains that have a server of their own, which the smart host is not.
ROUTE = """\
LOCAL_RULE_0
R$+ < @ {domain} . >\t$#route{n} $@ [127.0.0.1] $: $1 < @ {domain} . >
R$+ < @ {domain} >\t$#route{n} $@ [127.0.0.1] $: $1 < @ {domain} >
MAILER_DEFINITIONS
Mroute{n},\tP=[IPC], F=mDFMuXa8, S=EnvFromSMTP/HdrFromSMTP, R=MasqSMTP, \
E=\\r\\n, T=DNS/RFC822/SMTP, A=TCP $h {port}
"""
# sendmail(1): a queue and a configuration of its own, which hands in by SMTP.
SUBMIT_MC = """\
VERSIONID(`test bed, submission')dnl
define(`confCF_VERSION', `Submit')dnl
define(`__OSTYPE__', `')dnl
define(`confTIME_ZONE', `USE_TZ')dnl
define(`confDONT_INIT_GROUPS', `True')dnl
define(`confDOMAIN_NAME', `mail.example.com')dnl
define(`confSERVICE_SWITCH_FILE', `{root}/switch')dnl
define(`confPID_FILE', `{root}/submit.pid')dnl
define(`STATUS_FILE', `{root}/submit.status')dnl
define(`confRUN_AS_USER', `nobody')dnl
define(`confTO_IDENT', `0')dnl
define(`MSP_QUEUE_DIR', `{root}/submit')dnl
define(`RELAY_MAILER_ARGS', `TCP $h {msa}')dnl
FEATURE(`msp', `[127.0.0.1]')dnl
"""
# syslog(3) knows one place only.
LOG_SCRIPT = """\
mount -t tmpfs tmpfs {root}/dev
mkdir {root}/dev/upper {root}/dev/work
mount -t overlay -o lowerdir=/dev,upperdir={root}/dev/upper,\
workdir={root}/dev/work overlay /dev
ln -s {root}/log /dev/log
"""


class Missing(Exception):
    """Sendmail cannot be had here."""


def unpack(builddir):
    """A folder with the packages' files; those there already stay. Only the
    first time needs a network."""
    folder = pathlib.Path(builddir, "sendmail-files")
    program = folder / PROGRAM
    if program.exists():
        return folder
    folder.mkdir(parents=True, exist_ok=True)
    done = subprocess.run(["apt-get", "-q", "download", *PACKAGES],
                          cwd=folder, stdin=subprocess.DEVNULL, check=False,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    if done.returncode != 0:
        raise Missing(done.stdout.decode(errors="replace")[-500:])
    for package in sorted(folder.glob("*.deb")):
        proc.run(["dpkg", "-x", package, folder])
    # A program with a group of its own would not read LD_LIBRARY_PATH.
    program.chmod(stat.S_IMODE(program.stat().st_mode) & 0o777)
    lost = re.findall(r"(\S+) => not found", proc.run(
        ["ldd", program], env=environment(folder)).stdout)
    if lost:
        raise Missing(f"libraries not installed: {lost}")
    return folder


def environment(folder):
    """For its own libraries, which are not installed either."""
    found = [str(path) for path in (folder / "usr/lib").glob("*-linux-gnu")]
    return {**os.environ, "LD_LIBRARY_PATH": ":".join(found)}


class Sendmail:
    def __init__(self, files, root, *, ports, sink_port, socket,
                 bounce_domain, ingest, more="", maillog=None, routes=None,
                 own_domains=()):
        """files: what unpack() gave. ingest: a shell command line for what
        comes to bounce_domain. more: further lines of sendmail.mc. maillog:
        file for what it says to syslog, which else nobody hears. routes maps
        a domain to a loopback port, all else goes to the sink, also what
        strangers send to own_domains. A port `msa` is for sendmail(1)."""
        self.files = pathlib.Path(files)
        self.root = pathlib.Path(root)
        self.maillog = maillog
        self.ports = ports
        self.env = environment(self.files)
        self.daemon = None
        self._ingest = ingest
        self._mc = MC.format(
            root=self.root, sink_port=sink_port, socket=socket,
            bounce_domain=bounce_domain,
            more=more + self._msa() + "".join(
                f"RELAY_DOMAIN(`{domain}')dnl\n" for domain in own_domains),
            snippet=SOURCE / "contrib/sendmail/tendril.m4", **ports)
        for n, (domain, port) in enumerate((routes or {}).items()):
            self._mc += ROUTE.format(n=n, domain=domain, port=port)

    def _msa(self):
        """As README says that it is to be."""
        if "msa" not in self.ports:
            return ""
        return f"DAEMON_OPTIONS(`Name=MSA, Addr=127.0.0.1, " \
            f"Port={self.ports['msa']}, M=E, InputMailFilters=tendril')dnl\n"

    def command(self, *words):
        """With a host name that has a domain: else it waits for one. /dev has
        a log where one is asked for, seen by this process alone."""
        script = "hostname mail.example.com\n"
        if self.maillog is not None:
            script += LOG_SCRIPT.format(root=self.root)
        return ["unshare", "--uts", "--mount", "sh", "-ec",
                script + 'exec "$@"', "sh",
                self.files / PROGRAM, *words]

    def write(self):
        (self.root / "queue").mkdir(parents=True)
        if self.maillog is not None:
            (self.root / "dev").mkdir()
            self.syslog = syslogd.Syslogd([self.root / "log"], self.maillog)
        (self.root / "queue").chmod(0o700)
        (self.root / "switch").write_text("hosts files\n")
        (self.root / "status").touch()
        script = self.root / "ingest"
        script.write_text(f"#!/bin/sh\nexec {self._ingest} \"$2\"\n")
        script.chmod(0o755)
        self._configure("sendmail", self._mc)
        if "msa" in self.ports:
            (self.root / "submit").mkdir(mode=0o770)
            shutil.chown(self.root / "submit", "nobody", "nogroup")
            self._configure("submit", SUBMIT_MC.format(root=self.root,
                                                       **self.ports))

    def _configure(self, name, text):
        source = self.root / f"{name}.mc"
        source.write_text(text)
        made = proc.run(["m4", f"-D_CF_DIR_={self.files / CF}/",
                         self.files / CF / "m4/cf.m4", source])
        if made.stderr:
            raise proc.BedError(f"m4: {made.stderr}")
        (self.root / f"{name}.cf").write_text(made.stdout)

    def start(self):
        self.write()
        if b"\nO AliasFile=" in (self.root / "sendmail.cf").read_bytes():
            proc.run(self.command(f"-C{self.root}/sendmail.cf", "-bi"),
                     env=self.env)
        self.daemon = proc.Daemon(
            "sendmail", self.command(f"-C{self.root}/sendmail.cf", "-bD",
                                     "-q2s", f"-X{self.root}/traffic"),
            self.root / "sendmail.log", env=self.env)
        self.daemon.wait_ready(lambda: all(
            proc.port_is_open(port) for name, port in self.ports.items()
            if name in ("apps", "release", "smtp25", "msa")))

    def stop(self):
        if self.daemon is not None:
            self.daemon.stop()

    def sendmail(self, message, sender, recipients, *options):
        """sendmail(1), which hands in at once and tells when it is refused.
        Lines of `message` end in LF."""
        done = proc.run(
            self.command(f"-C{self.root}/submit.cf", "-oi", "-f", sender,
                         *options, "--", *recipients),
            input=message, text=False, check=False, env=self.env)
        if done.returncode not in (os.EX_OK, os.EX_UNAVAILABLE):
            raise proc.BedError(f"sendmail(1): {done}")

    def flush(self):
        """Each queue run, of which there is one every 2 seconds, tries
        all."""

    def wait_log(self, *words, timeout_s=20):
        """Wait for a log line that has all words; returns it."""
        def found():
            text = pathlib.Path(self.maillog).read_text(errors="replace")
            for line in text.splitlines():
                if all(word in line for word in words):
                    return line
            return None
        return proc.wait_until(found, timeout_s,
                               f"sendmail: log line with {words}")

    def wait_refused(self, message_id):
        """Wait until the milter has refused the message that sendmail(1)
        handed in."""
        line = self.wait_log(f"msgid={message_id}", "daemon=MSA")
        queue_id = line.partition(": from=")[0].split()[-1]
        self.wait_log(queue_id, "Milter: data, reject=")

    def queue(self):
        """The queue files of messages that wait."""
        return sorted(path.name for path in
                      (self.root / "queue").glob("[qhdQ]f*"))

    def wait_empty(self, timeout_s=30):
        proc.wait_until(lambda: not self.queue(), timeout_s,
                        "sendmail: empty queue")
