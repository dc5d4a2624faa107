"""One Postfix instance of our own.

Own configuration, queue and data folders below `root`, loopback ports, own
log file written by postlogd(8): the machine's Postfix, its queue and its
syslog are never touched, and no init system is needed. master(8) runs in the
foreground as our child, so it cannot be left behind.

Nothing here asks a name server: routes are bracketed loopback addresses.
"""

import json
import os
import pathlib
import pwd
import shutil
import time

from . import proc

COMMANDS = pathlib.Path("/usr/sbin")
DAEMONS = pathlib.Path("/usr/lib/postfix/sbin")

# What every instance needs; the rest is given by the roles below.
MAIN = {
    "compatibility_level": "3.6",
    "mail_owner": "postfix",
    "setgid_group": "postdrop",
    "inet_interfaces": "127.0.0.1",
    "inet_protocols": "ipv4",
    "mydestination": "",
    "local_recipient_maps": "",
    "local_transport": "error:no local delivery here",
    "alias_maps": "",
    "alias_database": "",
    "parent_domain_matches_subdomains": "",
    "enable_long_queue_ids": "yes",
    "notify_classes": "",
    # No name server, ever.
    "smtp_dns_support_level": "disabled",
    "smtp_host_lookup": "native",
    "smtpd_peername_lookup": "no",
    # A test does not wait for a queue run.
    "queue_run_delay": "2s",
    "minimal_backoff_time": "2s",
    "maximal_backoff_time": "4s",
    # All clients are one machine here.
    "smtpd_client_connection_count_limit": "0",
    "smtpd_error_sleep_time": "0",
    "smtpd_soft_error_limit": "1000",
    "smtpd_hard_error_limit": "1000",
}

# name, type, private, unprivileged, chroot, wakeup, limit, command
MASTER = """\
pickup    unix  n - n 60    1 pickup
cleanup   unix  n - n -     0 cleanup
qmgr      unix  n - n 300   1 qmgr
tlsmgr    unix  - - n 1000? 1 tlsmgr
rewrite   unix  - - n -     - trivial-rewrite
bounce    unix  - - n -     0 bounce
defer     unix  - - n -     0 bounce
trace     unix  - - n -     0 bounce
verify    unix  - - n -     1 verify
flush     unix  n - n 1000? 0 flush
proxymap  unix  - - n -     - proxymap
smtp      unix  - - n -     - smtp
relay     unix  - - n -     - smtp
showq     unix  n - n -     - showq
error     unix  - - n -     - error
retry     unix  - - n -     - error
discard   unix  - - n -     - discard
virtual   unix  - n n -     - virtual
anvil     unix  - - n -     1 anvil
scache    unix  - - n -     1 scache
postlog   unix-dgram n - n - 1 postlogd
"""


class Service:
    """An smtpd(8) listener: a name, a port and its own settings."""

    def __init__(self, name, port, **options):
        self.name = name
        self.port = port
        self.options = {"syslog_name": f"postfix/{name}",
                        "milter_macro_daemon_name": name, **options}

    def lines(self):
        first = f"127.0.0.1:{self.port} inet n - n - - smtpd"
        rest = [f"  -o {{ {key} = {value} }}"
                for key, value in self.options.items()]
        return "\n".join([first, *rest]) + "\n"


class Postfix:
    """An instance: write its files, start, use, stop."""

    def __init__(self, root, name, *, main, services, tables=None):
        """tables: text of each lookup table by name; main refers to one as
        `{table:NAME}`."""
        self.name = name
        self.root = pathlib.Path(root) / name
        self.config_dir = self.root / "etc"
        self.queue_dir = self.root / "queue"
        self.maillog = self.root / "maillog"
        self.services = {service.name: service for service in services}
        self.tables = dict(tables or {})
        self.main = {
            **MAIN,
            "queue_directory": self.queue_dir,
            "data_directory": self.root / "data",
            "daemon_directory": DAEMONS,
            "command_directory": COMMANDS,
            "maillog_file": self.maillog,
            "maillog_file_prefixes": self.root,
            **main,
        }
        self.daemon = None

    def port(self, service):
        return self.services[service].port

    def write(self):
        """Write main.cf, master.cf and the tables."""
        self.config_dir.mkdir(parents=True, exist_ok=True)
        for name, text in self.tables.items():
            self._write_file(name, text)
        lines = [f"{key} = {self._expand(value)}"
                 for key, value in self.main.items()]
        self._write_file("main.cf", "\n".join(lines) + "\n")
        listeners = "".join(s.lines() for s in self.services.values())
        self._write_file("master.cf", MASTER + listeners)

    def _write_file(self, name, text):
        path = self.config_dir / name
        path.write_text(text)
        # Postfix waits with a file that looks as if it is being written.
        past = time.time() - 60
        os.utime(path, (past, past))

    def _expand(self, value):
        text = str(value)
        for name in self.tables:
            text = text.replace(f"{{table:{name}}}",
                                str(self.config_dir / name))
        return text

    def start(self):
        self.queue_dir.mkdir(parents=True, exist_ok=True)
        data = self.root / "data"
        data.mkdir(exist_ok=True)
        shutil.chown(data, "postfix", "postfix")
        self.write()
        self._command("postfix", "check")
        self.daemon = proc.Daemon(
            f"postfix {self.name}",
            [DAEMONS / "master", "-c", self.config_dir, "-s"],
            self.root / "master.out", cwd=self.queue_dir)
        try:
            self.daemon.wait_ready(self._listens)
        except proc.BedError as error:
            raise proc.BedError(f"{error}\n{self._log_tail()}") from None

    def _log_tail(self, lines=20):
        text = self.log_text() if self.maillog.exists() else ""
        return "\n".join(text.splitlines()[-lines:])

    def _listens(self):
        return self.maillog.exists() and all(
            proc.port_is_open(service.port)
            for service in self.services.values())

    def stop(self):
        if self.daemon is not None:
            self.daemon.stop()

    def reload(self):
        """Take a changed main, services or tables into use."""
        self.write()
        self._command("postfix", "reload")

    def _command(self, name, *words, **options):
        return proc.run([COMMANDS / name, "-c", self.config_dir, *words],
                        **options)

    def sendmail(self, message, sender, recipients, *options, check=True):
        """sendmail(1) into this instance. Lines of `message` end in LF."""
        return proc.run([COMMANDS / "sendmail", "-C", self.config_dir, "-oi",
                         "-f", sender, *options, "--", *recipients],
                        input=message, text=False, check=check)

    def queue(self):
        """The queue as postqueue(1) shows it: a list of dicts."""
        out = self._command("postqueue", "-j").stdout
        return [json.loads(line) for line in out.splitlines()]

    def flush(self):
        self._command("postqueue", "-f")

    def delete(self, queue_id, *queues):
        """postsuper -d: one message, or "ALL" of the queues."""
        self._command("postsuper", "-d", queue_id, *queues)

    def release(self, queue_id):
        """postsuper -H: out of the hold queue."""
        self._command("postsuper", "-H", queue_id)

    def postcat(self, queue_id):
        """Headers and body of a queued message, as text."""
        return self._command("postcat", "-hbq", queue_id).stdout

    def log_text(self):
        with open(self.maillog, encoding="utf-8", errors="replace") as log:
            return log.read()

    def wait_log(self, *words, timeout_s=20):
        """Wait for a log line that has all words; returns it."""
        def found():
            for line in self.log_text().splitlines():
                if all(word in line for word in words):
                    return line
            return None
        return proc.wait_until(found, timeout_s,
                               f"{self.name}: log line with {words}")

    def wait_refused(self, message_id):
        """Wait until the milter has refused the message, which nobody hears
        who handed it in by sendmail(1)."""
        line = self.wait_log(f"message-id={message_id}")
        queue_id = line.partition(": message-id=")[0].split()[-1]
        self.wait_log(queue_id, "milter-reject")

    def is_empty(self):
        """Nothing is queued (held mail counts as queued). Looked at twice:
        showq(8) reads one folder after the other, and does not see what
        moves from one that it has yet to read to one that it has read."""
        return not self.queue() and not self.queue()

    def wait_empty(self, timeout_s=20):
        """Wait until nothing is queued."""
        proc.wait_until(self.is_empty, timeout_s,
                        f"{self.name}: empty queue")


def _milter(socket, action):
    if socket is None:
        return ""
    return f"{{ {socket}, default_action={action}, protocol=6 }}"


CONNECT_MACROS = ("j {daemon_name} {daemon_addr} {daemon_port} v _ "
                  "{client_addr} {client_name} {client_port} {client_ptr}")


def hub(root, *, ports, sink_port, milter=None, own_domains=(),
        maildir_domains=(), maildir=None, maildir_user="nobody", routes=None,
        sasl=None, main=None):
    """The company's MTA, the one Tendril stands beside.

    ports: of the services apps (submission for applications), smtp25 (the
    world's mail) and release (the agent's). milter: socket as Postfix writes
    it (`unix:/path`), None for none. own_domains are relayed to the sink,
    maildir_domains end in `maildir`, `routes` maps a domain to a loopback
    port, all else goes to the sink. sasl: path of an auth socket.
    """
    to_sink = f"smtp:[127.0.0.1]:{sink_port}"
    user = pwd.getpwnam(maildir_user)
    ours = {
        "smtpd_milters": "",
        "smtpd_relay_restrictions": "permit_mynetworks, "
                                    "permit_sasl_authenticated, reject",
        "smtpd_recipient_restrictions": "",
    }
    strict = {**ours, "smtpd_milters": _milter(milter, "tempfail")}
    login = {} if sasl is None else {
        "smtpd_sasl_auth_enable": "yes", "smtpd_sasl_type": "dovecot",
        "smtpd_sasl_path": sasl, "smtpd_sasl_security_options": "noanonymous"}
    services = [
        Service("apps", ports["apps"], **strict, **login),
        Service("release", ports["release"], **strict),
        Service("smtp25", ports["smtp25"],
                smtpd_milters=_milter(milter, "accept"),
                smtpd_relay_restrictions="reject_unauth_destination"),
    ]
    table = "".join(f"{domain} smtp:[127.0.0.1]:{port}\n"
                    for domain, port in (routes or {}).items())
    settings = {
        "myhostname": "mail.example.com",
        "mydomain": "example.com",
        "myorigin": "example.com",
        # Applications call from here; strangers use another loopback address.
        "mynetworks": "127.0.0.1/32",
        "relay_domains": ", ".join(own_domains),
        "relay_transport": to_sink,
        "default_transport": to_sink,
        "transport_maps": "texthash:{table:transport}",
        "virtual_mailbox_domains": ", ".join(maildir_domains),
        "virtual_mailbox_base": "/",
        "virtual_mailbox_maps":
            f"static:{str(maildir).lstrip('/')}/" if maildir else "",
        "virtual_minimum_uid": "1",
        "virtual_uid_maps": f"static:{user.pw_uid}",
        "virtual_gid_maps": f"static:{user.pw_gid}",
        "non_smtpd_milters": _milter(milter, "quarantine"),
        "milter_connect_macros": CONNECT_MACROS,
        # What is signed must not be changed afterwards.
        "smtp_line_length_limit": "0",
        "disable_mime_output_conversion": "yes",
        **(main or {}),
    }
    return Postfix(root, "hub", main=settings, services=services,
                   tables={"transport": table})


def late_bouncer(root, *, port, domain, known, maildir, dsn_port,
                 main=None):
    """Somebody else's MTA that takes all mail for `domain` and finds out
    later: known users get it, for others it writes a bounce message and
    sends that to `dsn_port`, from an address that is a stranger there. main:
    further settings."""
    user = pwd.getpwnam("nobody")
    users = "".join(f"{name}@{domain} {str(maildir).lstrip('/')}/\n"
                    for name in known)
    settings = {
        "myhostname": f"mx.{domain}",
        "mydomain": domain,
        "myorigin": domain,
        "mynetworks": "127.0.0.0/8",
        "smtpd_reject_unlisted_recipient": "no",
        "smtpd_relay_restrictions": "reject_unauth_destination",
        "smtp_bind_address": "127.0.0.25",
        "default_transport": f"smtp:[127.0.0.1]:{dsn_port}",
        "virtual_mailbox_domains": domain,
        "virtual_mailbox_base": "/",
        "virtual_mailbox_maps": "texthash:{table:users}",
        "virtual_minimum_uid": "1",
        "virtual_uid_maps": f"static:{user.pw_uid}",
        "virtual_gid_maps": f"static:{user.pw_gid}",
        **(main or {}),
    }
    return Postfix(root, "outside2", main=settings,
                   services=[Service("smtp25", port)],
                   tables={"users": users})
