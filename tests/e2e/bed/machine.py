"""A scratch machine to try an admin's commands on, word for word.

The commands run as root in name spaces of their own: mounts, processes and
network. /etc is a copy; /var, /run, /dev, /home, /root and /usr/local are fresh;
the only network is the loopback. So port 25 is free, the real machine's Postfix, users
and files stay as they are, and all of it ends with the first process. The
checkout is a copy too, and is where the shell begins.

There are a Postfix as Debian sets it up with a smarthost, which is the outside
world; a syslog daemon that writes /var/log/mail.log; and a name server that
has what /etc/zone says.

Run as a program, this file is the inside. Inside and outside speak JSON, one
list a line.
"""

import fcntl
import inspect
import json
import os
import pathlib
import pwd
import re
import select
import shutil
import socket
import struct
import subprocess
import sys
import tempfile
import time

if __name__ == "__main__":
    sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))

from bed import mail, nameserver, proc, sink, syslogd, web  # noqa: E402

SOURCE = pathlib.Path(__file__).resolve().parents[3]
BUILD = "build/local"
ANSWER_S = 600


class Machine:
    """The outside. close() ends the machine and removes its folder."""

    def __init__(self, builddir):
        self.root = pathlib.Path(tempfile.mkdtemp(
            prefix="tendril-machine-", dir="/tmp"))
        proc.own_folder(self.root)
        self.root.chmod(0o755)
        copy_checkout(self.root / "tendril")
        seed_build(builddir, self.root / "tendril" / BUILD)
        with open(self.root / "inside.log", "wb") as log:
            self._inside = subprocess.Popen(
                ["unshare", "--mount", "--pid", "--net", "--fork",
                 "--kill-child", "--propagation", "unchanged",
                 # The shell is the first process: it buries the orphans.
                 "sh", "-c", '"$@"; exit $?', "sh",
                 sys.executable, "-B", __file__, self.root],
                stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=log,
                start_new_session=True)
        self.ask("begin")

    def ask(self, verb, *words):
        """What the inside answers; BedError when it could not."""
        try:
            self._inside.stdin.write(json.dumps([verb, *words]).encode())
            self._inside.stdin.write(b"\n")
            self._inside.stdin.flush()
        except BrokenPipeError:
            pass
        if not select.select([self._inside.stdout], [], [], ANSWER_S)[0]:
            raise proc.BedError(f"{verb}: no answer after {ANSWER_S} s")
        answer = self._inside.stdout.readline()
        if not answer:
            raise proc.BedError("the scratch machine ended:\n" + (
                self.root / "inside.log").read_text(errors="replace"))
        good, value = json.loads(answer)
        if not good:
            raise proc.BedError(value)
        return value

    def run(self, command):
        """(exit status, output and complaints) of a command, in a shell that
        lives as long as the machine."""
        return tuple(self.ask("run", command))

    def close(self):
        self._inside.stdin.close()
        try:
            self._inside.wait(10 * proc.PATIENCE)
        except subprocess.TimeoutExpired:
            self._inside.kill()  # with all that is in there
            self._inside.wait(10 * proc.PATIENCE)
        self._inside.stdout.close()
        proc.remove_folder(self.root)


def copy_checkout(target):
    """The sources with their times, without what was made of them."""
    shutil.copytree(SOURCE, target, symlinks=True,
                    ignore=shutil.ignore_patterns(
                        ".git", "build*", "autom4te.cache", "__pycache__",
                        "*.o", "*.a", ".deps", "config.status"))


def seed_build(builddir, target):
    """Objects that building again would only make again: those that do not
    depend on where things are installed, of a build with the usual flags."""
    target.mkdir(parents=True)
    config = proc.run([pathlib.Path(builddir) / "config.status", "--config"])
    if "--with-" in config.stdout or "CC=" in config.stdout:
        return
    for part in ("policy", "milter", "agent"):
        for path in pathlib.Path(builddir, part).rglob("*"):
            name = path.relative_to(builddir)
            if path.name == ".dirstamp" or (
                    path.suffix == ".o" and not knows_folders(name)):
                (target / name).parent.mkdir(parents=True, exist_ok=True)
                shutil.copy2(path, target / name)


def knows_folders(name):
    source = SOURCE / name.with_suffix(".c")
    return not source.exists() or re.search(
        r"\b(SYSCONFDIR|LOCALSTATEDIR|PKGDATADIR|VERSION)\b",
        source.read_text()) is not None


# --- inside ---

DEVICES = ("null", "zero", "full", "random", "urandom", "tty")
FRESH = ("dev", "home", "root", "run", "usr/local", "var")
DEBIAN = pathlib.Path("/usr/share/postfix")
SMARTHOST_PORT = 2526
MAIN_CF = f"""\
myhostname = mail.example.com
mydestination = $myhostname, localhost
mynetworks = 127.0.0.0/8
relayhost = [127.0.0.1]:{SMARTHOST_PORT}
inet_interfaces = 127.0.0.1
inet_protocols = ipv4
alias_maps =
alias_database =
"""


def mount(*words):
    subprocess.run(["mount", *map(str, words)], check=True)


def keep_mounts_here(root):
    """What we mount must not reach the real machine."""
    subprocess.run(["mount", "--make-rprivate", "/"], check=False,
                   stderr=subprocess.DEVNULL)  # a chroot's / is no mount
    mount("--bind", root, root)
    for line in pathlib.Path("/proc/self/mountinfo").read_text().splitlines():
        if line.split()[4] == str(root) and "shared:" in line:
            subprocess.run(["umount", root], check=False)
            raise proc.BedError("mounts are shared with other name spaces")


def lay_out(root):
    """The machine's own folders, in place of the real ones."""
    shutil.copytree("/etc", root / "etc", symlinks=True)
    copy_owners("/etc", root / "etc")
    for name in (*FRESH, "outside"):
        (root / name).mkdir(parents=True)
    for path in ("backups", "lib/postfix", "log", "mail", "spool/postfix",
                 "tmp"):
        (root / "var" / path).mkdir(parents=True)
    (root / "var" / "tmp").chmod(0o1777)
    shutil.chown(root / "var" / "lib" / "postfix", "postfix", "postfix")
    for name in DEVICES:
        (root / "dev" / name).touch()
        mount("--bind", f"/dev/{name}", root / "dev" / name)
    os.symlink("/proc/self/fd", root / "dev" / "fd")
    (root / "dev" / "shm").mkdir(mode=0o1777)
    for name in ("etc", *FRESH):
        mount("--bind", root / name, f"/{name}")
    mount("-t", "proc", "proc", "/proc")


def copy_owners(source, target):
    """copytree() keeps modes and times; this keeps owners."""
    for folder, names, files in os.walk(source):
        here = pathlib.Path(target, os.path.relpath(folder, source))
        for name in (*names, *files, "."):
            stat = os.lstat(os.path.join(folder, name))
            os.lchown(here / name, stat.st_uid, stat.st_gid)


def raise_loopback():
    flags_up = struct.pack("16sh", b"lo", 0x1 | 0x40)  # IFF_UP, IFF_RUNNING
    with socket.socket() as any_socket:
        fcntl.ioctl(any_socket, 0x8914, flags_up)  # SIOCSIFFLAGS


def debian_postfix():
    """What the package asks and does at installation, without an init."""
    folder = pathlib.Path("/etc/postfix")
    text = (DEBIAN / "main.cf.debian").read_text()
    (folder / "main.cf").write_text(text + MAIN_CF)
    shutil.copy(DEBIAN / "master.cf.dist", folder / "master.cf")
    pathlib.Path("/etc/resolv.conf").unlink(missing_ok=True)
    pathlib.Path("/etc/resolv.conf").write_text("nameserver 127.0.0.1\n")
    pathlib.Path("/etc/hostname").write_text("mail\n")
    pathlib.Path("/etc/mailname").write_text("mail.example.com\n")
    proc.run(["/usr/lib/postfix/configure-instance.sh", "-"])
    proc.run(["postfix", "start"])


class Shell:
    """One shell for all commands: it keeps its folder and variables."""

    END = "end of command"

    def __init__(self, root):
        self._script = root / "command"
        self._shell = subprocess.Popen(
            ["bash", "--norc"], cwd=root / "tendril", stdin=subprocess.PIPE,
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
            env={"PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:"
                         "/sbin:/bin", "HOME": "/root",
                 "LC_ALL": "C.UTF-8", "USER": "root", "LOGNAME": "root"})

    def run(self, command):
        self._script.write_text(command + "\n")
        self._shell.stdin.write(
            f". {self._script} </dev/null; "
            f"printf '\\n{self.END} %d\\n' $?\n".encode())
        self._shell.stdin.flush()
        lines = []
        for raw in self._shell.stdout:
            line = raw.decode("utf-8", "replace").rstrip("\n")
            if line.startswith(self.END):
                text = "\n".join(lines)
                # One newline is ours.
                return int(line.split()[-1]), text.removesuffix("\n")
            lines.append(line)
        raise proc.BedError("the shell ended")


class Inside:
    """What the outside may ask for: the methods without underscore."""

    def __init__(self, root):
        self._root = root

    def begin(self):
        keep_mounts_here(self._root)
        lay_out(self._root)
        raise_loopback()
        self._log = syslogd.Syslogd(
            ["/dev/log", "/var/spool/postfix/dev/log"], "/var/log/mail.log")
        self._names = nameserver.NameServer("/etc/zone")
        self._sink = sink.Sink(SMARTHOST_PORT, folder=self._root / "outside")
        debian_postfix()
        self._shell = Shell(self._root)

    def run(self, command):
        return self._shell.run(command)

    def received(self, recipient, count, timeout_s):
        """The newest message that the outside got for somebody."""
        message = self._sink.wait(recipient, count, timeout_s)[-1]
        return [message.sender, message.data.decode("utf-8", "replace")]

    def refuse(self, recipient, reply):
        """The outside will not have mail for somebody."""
        self._sink.script(recipient, reply)

    def post(self, url, body, port):
        """What a mail provider does with a one-click address, through the
        TLS proxy; the status."""
        return web.public(port, "POST", url, body)[0]

    def submit(self, sender, recipient, data):
        """Somebody's mail to port 25; the answer."""
        return list(mail.submit(25, sender, [recipient],
                                data.encode()).final)

    def write(self, path, text):
        pathlib.Path(path).write_text(text)

    def seconds_pass(self, seconds):
        time.sleep(seconds)


def inside(root):
    verbs = Inside(root)
    known = dict(inspect.getmembers(verbs, inspect.ismethod))
    for line in sys.stdin:
        verb, *words = json.loads(line)
        try:
            answer = [True, known[verb](*words)]
        except (proc.BedError, OSError, subprocess.SubprocessError) as error:
            answer = [False, f"{verb}: {error}"]
        print(json.dumps(answer), flush=True)


if __name__ == "__main__":
    inside(pathlib.Path(sys.argv[1]))
