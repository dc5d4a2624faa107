"""What contrib/ gives to admins: files for Postfix and systemd."""

import configparser
import os
import pathlib
import re
import shutil
import subprocess

import pytest

from bed import proc

SOURCE = pathlib.Path(__file__).resolve().parents[2]
POSTFIX = SOURCE / "contrib" / "postfix"
SYSTEMD = SOURCE / "contrib" / "systemd"
DEBIAN = pathlib.Path("/usr/share/postfix")
BOUNCES = "bounces.example.com"


class Config:
    """A configuration folder as Debian makes it, never started."""

    def __init__(self, root):
        self.root = root
        self.dir = root / "postfix"
        self.dir.mkdir()
        shutil.copy(DEBIAN / "main.cf.debian", self.dir / "main.cf")
        shutil.copy(DEBIAN / "master.cf.dist", self.dir / "master.cf")
        self.postconf("-e", f"queue_directory={root}/queue")

    def postconf(self, *words):
        done = proc.run(["postconf", "-c", self.dir, *words])
        assert done.stderr == ""
        return done.stdout

    def setup(self, *words):
        done = proc.run([POSTFIX / "setup", "-c", self.dir, "--bounce-domain",
                         BOUNCES, "--maildir", self.root / "feedback",
                         "--milter-user", "nobody", "--agent-user", "nobody",
                         *words])
        assert done.stderr == ""
        return done.stdout

    def text(self):
        return [(self.dir / name).read_bytes()
                for name in ("main.cf", "master.cf")]

    def main(self):
        """Parameters that main.cf sets."""
        lines = self.postconf("-n").splitlines()
        return dict(line.split(" = ", 1) for line in lines if " = " in line)

    def service(self, name):
        """The options of a service, and its line without them."""
        first, *options = self.postconf("-M", name).strip().split(" -o ")
        return " ".join(first.split()), options


@pytest.fixture
def config(tmp_path):
    return Config(tmp_path)


def fragment(name, config):
    """A file of contrib/postfix with its capitals replaced."""
    text = (POSTFIX / name).read_text()
    words = {"MILTER": "unix:tendril/milter.sock", "BOUNCE_DOMAIN": BOUNCES,
             "APPS": "127.0.0.1:10587", "RELEASE": "127.0.0.1:10026",
             "MAILDIR": str(config.root / "feedback").lstrip("/"),
             "UID": "65534", "GID": "65534"}
    text = re.sub(r"^#.*\n", "", text, flags=re.M)
    return re.sub(r"\b(" + "|".join(words) + r")\b",
                  lambda found: words[found[0]], text)


def test_setup_does_what_main_cf_shows(config):
    before = config.main()
    config.setup()
    added = {name: value for name, value in config.main().items()
             if before.get(name) != value}
    shown = dict(line.split(" = ", 1) for line in
                 fragment("main.cf", config).splitlines() if line)
    assert added == shown


def test_setup_does_what_master_cf_shows(config):
    config.setup()
    text = re.sub(r"\n\s+-o ", " -o ", fragment("master.cf", config))
    services = [line for line in text.splitlines() if line]
    assert len(services) == 4
    for line in services:
        first, *options = line.split(" -o ")
        name = "/".join(first.split()[:2])
        real, real_options = config.service(name)
        assert real == " ".join(first.split())
        assert sorted(real_options) == sorted(options)


def test_setup_makes_the_folders(config):
    config.setup()
    for folder, mode in (("queue/tendril", 0o2750), ("feedback", 0o700)):
        stat = (config.root / folder).stat()
        assert stat.st_mode & 0o7777 == mode
        assert stat.st_uid == 65534


def test_setup_twice_changes_nothing(config):
    assert config.setup("--submission") != ""
    first = config.text()
    assert config.setup("--submission") == ""
    assert config.text() == first


def test_setup_keeps_what_is_there(config):
    config.postconf("-e", "smtpd_milters=inet:localhost:8891",
                    "transport_maps=hash:/etc/postfix/transport",
                    "relay_domains=a.example",
                    "relay_recipient_maps=hash:/etc/postfix/relay")
    config.postconf("-M", "submission/inet=submission inet n - y - - smtpd "
                    "-o smtpd_tls_security_level=encrypt")
    config.setup("--submission")
    ours = "{ unix:tendril/milter.sock, default_action=%s }"
    main = config.main()
    assert main["smtpd_milters"] == "inet:localhost:8891"
    assert main["tendril_world"] == \
        "inet:localhost:8891, " + ours % "accept"
    assert main["tendril_people"] == \
        "inet:localhost:8891, " + ours % "tempfail"
    assert main["tendril_release"] == ours % "tempfail"
    assert main["transport_maps"] == (
        "hash:/etc/postfix/transport, "
        f"inline:{{ {BOUNCES}=tendril-feedback: }}")
    assert main["relay_domains"] == f"a.example, {BOUNCES}"
    assert main["relay_recipient_maps"] == (
        f"hash:/etc/postfix/relay, inline:{{ @{BOUNCES}=ok }}")
    assert config.service("submission/inet")[1] == [
        "smtpd_tls_security_level=encrypt", "smtpd_milters=$tendril_people",
        "milter_macro_daemon_name=submission"]


@pytest.mark.parametrize("words, said", [
    ([], "--bounce-domain is needed"),
    (["--bounce-domain", BOUNCES, "--agent-user", "no-such-user"],
     "no user no-such-user"),
    (["--bounce-domain", BOUNCES, "--agent-user", "nobody", "--maildir",
      "feedback"], "not an absolute path"),
    (["--bounce", BOUNCES], "unknown option"),
    (["--dry-run"], "unknown option --dry-run"),
    (["--bounce-domain"], "--bounce-domain needs a value"),
])
def test_setup_refuses(config, words, said):
    before = config.text()
    done = proc.run([POSTFIX / "setup", "-c", config.dir, *words],
                    check=False)
    assert done.returncode == 2 and said in done.stderr
    assert config.text() == before


def test_nobody_to_send_to():
    """Told in one line, not by a traceback."""
    for server in ("127.0.0.1:1", "127.0.0.1", "127.0.0.1:smtp"):
        done = proc.run([POSTFIX.parent / "examples" / "send.py", "--server",
                         server, "jane@north.example", "newsletter", "Hello"],
                        check=False)
        assert done.returncode == 75
        assert len(done.stderr.splitlines()) == 1, done.stderr


# --- systemd ---


@pytest.fixture(scope="module")
def installed(build, tmp_path_factory):
    """`make install` into a folder."""
    root = tmp_path_factory.mktemp("installed")
    proc.run(["make", "-C", build, "install", f"DESTDIR={root}"],
             timeout_s=300)
    return root


def find(root, name):
    found = list(root.rglob(name))
    assert len(found) == 1, f"{name}: {found}"
    return found[0]


UNITS = ("tendril-agent.service", "tendril-agent@.service",
         "tendril-milter.service", "tendril-milter@.service")


def read_unit(path):
    parser = configparser.ConfigParser(strict=False, interpolation=None)
    parser.optionxform = str
    parser.read(path)
    return parser


@pytest.mark.parametrize("unit", UNITS)
def test_unit_names_what_is_installed(installed, unit):
    service = read_unit(find(installed, unit))["Service"]
    program, option, conf = service["ExecStart"].split()
    assert os.access(f"{installed}{program}", os.X_OK)
    assert option == "--conf"
    name = "%i" if "@" in unit else "tendril"
    assert conf.endswith(f"/tendril/{name}.conf")
    users = (SYSTEMD / "sysusers.d" / "tendril.conf").read_text()
    assert f"u {service['User']} " in re.sub(" +", " ", users)
    assert f"g {service['Group']} " in users


def test_instances_differ_in_the_conf_only():
    for name in ("tendril-agent", "tendril-milter"):
        one = (SYSTEMD / f"{name}.service.in").read_text().splitlines()
        many = (SYSTEMD / f"{name}@.service.in").read_text().splitlines()
        differing = [a.split("=")[0] for a, b in zip(one, many) if a != b]
        assert len(one) == len(many)
        assert differing == ["Description", "ExecStart"]


def test_folders_belong_to_users_that_are_made(installed):
    users = find(installed, "sysusers.d") / "tendril.conf"
    known = {line.split()[1] for line in users.read_text().splitlines()
             if line and not line.startswith("#")} | {"root"}
    folders = find(installed, "tmpfiles.d") / "tendril.conf"
    lines = [line.split() for line in folders.read_text().splitlines()
             if line and not line.startswith("#")]
    assert len(lines) == 5
    for kind, path, mode, user, group in lines:
        assert kind == "d" and path.startswith("/")
        assert int(mode, 8) & 0o007 in (0, 0o005)
        assert {user, group} <= known


@pytest.mark.skipif(shutil.which("systemd-analyze") is None,
                    reason="no systemd here")
@pytest.mark.parametrize("unit", UNITS)
def test_systemd_likes_the_unit(installed, tmp_path, unit):
    text = find(installed, unit).read_text()
    text = re.sub("(?<=ExecStart=)", str(installed), text)
    path = tmp_path / unit.replace("@", "@brand")
    path.write_text(text)
    done = subprocess.run(["systemd-analyze", "verify", "--man=no", path],
                          capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    done = subprocess.run(["systemd-analyze", "security", "--offline=yes",
                           "--threshold=20", path],
                          capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout


@pytest.mark.skipif(shutil.which("systemd-sysusers") is None,
                    reason="no systemd here")
def test_systemd_makes_users_and_folders(installed, tmp_path):
    for name in ("sysusers.d", "tmpfiles.d"):
        folder = tmp_path / "usr" / "lib" / name
        folder.mkdir(parents=True)
        shutil.copy(find(installed, name) / "tendril.conf", folder)
    (tmp_path / "etc").mkdir()
    proc.run(["systemd-sysusers", f"--root={tmp_path}"])
    proc.run(["systemd-tmpfiles", f"--root={tmp_path}", "--create"])
    passwd = (tmp_path / "etc" / "passwd").read_text()
    assert "tendril-milter:" in passwd and "tendril-agent:" in passwd
    state = (tmp_path / "var" / "lib" / "tendril").stat()
    assert state.st_mode & 0o7777 == 0o2770
