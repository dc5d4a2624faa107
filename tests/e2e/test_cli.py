"""The command line, verb by verb, with an agent of its own and no MTA."""

import base64
import hashlib
import json
import os
import pathlib
import pwd
import re
import shutil
import signal
import stat
import subprocess

import pytest

from bed import judge, proc, tendril

CONF = """\
state-dir = "{root}/state"
authserv-id = "mail.example.com"
lead-key = "{root}/lead.key"
token-key = "{root}/token.key"
epoch-key = "{root}/epoch.key"
map-size = "64M"
milter {{ socket = "unix:{root}/m" }}
agent {{
  api = "{root}/api"
  release = "127.0.0.1:1"
  maildir = "{root}/Maildir"
  auditors = {{"nobody"}}
}}
web {{ base-url = "https://t.example.com" }}
mta-log {{ file = "{root}/mail.log" }}
key r1 {{
  domain = "example.com" selector = "r1" file = "{root}/r1.pem"
  algorithm = "rsa-sha256"
}}
key e1 {{
  domain = "example.com" selector = "e1" file = "{root}/e1.pem"
  algorithm = "ed25519-sha256"
}}
domain example.com {{
  keys = {{"r1", "e1"}} bounce-domain = "bounces.example.com"
  sender-id = "examplecom"
}}
stream release {{ class = "release" listener = {{"release"}} }}
stream news {{
  class = "nurture" listener = {{"apps"}} from-domains = {{"example.com"}}
  segment-from = {{"X-Tendril-Segment"}} unknown = "reject"
}}
stream fixed {{
  class = "nurture" sasl-user = {{"crm"}} segment = "webinar"
}}
stream rest {{ class = "pass" }}
"""

POLICY = """\
person {{ at-most = {{"2 per 7d"}} }}
segment newsletter {{
  purpose = newsletter
  at-most = "{cap}"
}}
segment webinar {{ purpose = events }}
"""


class Home:
    """A conf, its keys, and the programs."""

    def __init__(self, build, root):
        self.root = pathlib.Path(root)
        self.conf_file = self.root / "tendril.conf"
        self.conf_file.write_text(CONF.format(root=root))
        self.tendril = tendril.Tendril(build, self.conf_file, root)
        (self.root / "Maildir").mkdir()
        (self.root / "mail.log").touch()

    def cli(self, *words, **options):
        return self.tendril.cli(*words, check=False, **options)

    def ok(self, *words, status=0, **options):
        """Standard output of a verb that ends with this status."""
        done = self.cli(*words, **options)
        assert done.returncode == status, \
            f"{words}: {done.returncode}\n{done.stdout}{done.stderr}"
        assert not re.search(r"[ \t]$", done.stdout, re.M), done.stdout
        return done.stdout

    def json(self, *words, status=0, **options):
        """The values of --json, one a line."""
        text = self.ok(*words, "--json", status=status, **options)
        return [json.loads(line) for line in text.splitlines()]

    def refused(self, *words, status=2, **options):
        """Standard error of a verb that ends with this status."""
        done = self.cli(*words, **options)
        assert done.returncode == status, \
            f"{words}: {done.returncode}\n{done.stdout}{done.stderr}"
        assert done.stderr.startswith("tendril: ")
        return done.stderr

    def policy(self, name, cap="1 per 7d"):
        path = self.root / name
        path.write_text(POLICY.format(cap=cap))
        return path

    def make_keys(self):
        for kind in ("lead", "token", "epoch"):
            self.ok("key", "new", kind, "--out", self.root / f"{kind}.key")
        for name in ("r1", "e1"):
            self.ok("key", "new", "dkim", "--out", self.root / f"{name}.pem",
                    "--algorithm", "rsa-sha256" if name == "r1" else
                    "ed25519-sha256")


@pytest.fixture(scope="module")
def made_keys(build, tmp_path_factory):
    """Every kind of key, made by the product: RSA takes its time."""
    one = Home(build, tmp_path_factory.mktemp("keys"))
    one.make_keys()
    return one


@pytest.fixture
def home(build, tmp_path, made_keys):
    """Keys, no agent."""
    tmp_path.chmod(0o755)
    for parent in tmp_path.parents[:2]:
        parent.chmod(0o755)
    for name in ("lead.key", "token.key", "epoch.key", "r1.pem", "e1.pem"):
        shutil.copy2(made_keys.root / name, tmp_path / name)
    return Home(build, tmp_path)


@pytest.fixture
def agent(home):
    """Keys and a running agent with a policy."""
    home.tendril.start_agent(home.root / "api")
    home.ok("policy", "apply", home.policy("first.policy"), "--reason",
            "first")
    yield home
    home.tendril.stop()


VERBS = re.compile(r"^  ([a-z-]+) +\S", re.MULTILINE)


def verbs_of(home):
    return VERBS.findall(home.ok("help"))


def test_help_and_usage(home):
    verbs = verbs_of(home)
    assert {"policy", "suppress", "consent", "explain", "check", "key",
            "ledger", "backup", "restore", "help", "version"} <= set(verbs)
    for verb in verbs:
        text = home.ok(verb, "--help")
        assert f"usage: tendril {verb}" in text
        assert "exit status:" in text
        assert max(map(len, text.splitlines())) <= 100, verb
        assert home.ok("help", verb) == text
    assert home.json("version")[0]["version"] in home.ok("version")
    assert home.ok("--version") == home.ok("version")
    assert home.ok("--help") == home.ok("help")


def manual_text(name):
    """A manual page as people read it, on one line."""
    page = pathlib.Path(__file__).parents[2] / name
    text = proc.run(["man", "-l", page], env={
        **os.environ, "MANWIDTH": "400", "LC_ALL": "C.UTF-8",
        "MANPAGER": "cat"}).stdout
    return re.sub(r"\s+", " ", re.sub(r".\x08", "", text)
                  .replace("\u2010", "-").replace("\u2212", "-"))


def test_manual(home):
    """Each verb, command and option of the tables is in tendril(1)."""
    text = manual_text("agent/cli/tendril.1")
    for verb in verbs_of(home):
        usage, _, rest = home.ok(verb, "--help").partition("\n\n")
        usage = re.sub(r"\n {10,}", " ", usage)
        for line in usage.splitlines():
            words = line.partition("tendril ")[2]
            assert " ".join(words.split()) in text, words
        options = re.findall(r"^  --([a-z-]+)", rest, re.MULTILINE)
        assert len(options) >= 4 and all(
            f"--{option}" in text for option in options)
        common = [one for one in options
                  if one in ("conf", "json", "local", "help")]
        assert len(common) == 4, f"{verb}: an option with a common name"


@pytest.mark.parametrize("page", [
    "agent/cli/tendril.1", "agent/tendril-agent.8",
    "milter/tendril-milter.8", "policy/conf/tendril-log.5",
    "policy/conf/tendril.conf.5", "policy/conf/tendril.policy.5",
    "policy/rules/tendril-bounces.5"])
def test_manual_is_clean(page):
    if shutil.which("mandoc") is None:
        pytest.skip("mandoc is not installed")
    done = proc.run(["mandoc", "-T", "lint",
                     pathlib.Path(__file__).parents[2] / page], check=False)
    complaints = [line for line in done.stdout.splitlines()
                  if "referenced manual not found" not in line]
    assert complaints == []


COMPLETE = """\
source {file}
PATH={path}:$PATH
COMP_WORDS=({words}); COMP_CWORD=$((${{#COMP_WORDS[@]}} - 1))
_tendril
printf '%s\\n' "${{COMPREPLY[@]}}"
"""


@pytest.mark.parametrize("words, wanted, unwanted", [
    ("tendril po", {"policy"}, {"suppress"}),
    ("tendril policy re", {"revert"}, {"apply"}),
    ("tendril policy apply --re", {"--reason"}, {"--base"}),
    ("tendril journal --f", {"--follow"}, set()),
    ("tendril check-stream --s", {"--sasl-user", "--sendmail", "--sender"},
     set()),
])
def test_completion(home, words, wanted, unwanted):
    file = pathlib.Path(__file__).parents[2] / "contrib/completion/tendril"
    out = proc.run(["bash", "-c", COMPLETE.format(
        file=file, path=home.tendril.builddir, words=words)]).stdout
    offered = set(out.split())
    assert wanted <= offered and not unwanted & offered


@pytest.mark.parametrize("words, hint", [
    (["nothing"], "no verb"),
    (["supress", "list"], 'no verb "supress", did you mean "suppress"?'),
    (["policy"], "needs a word more"),
    (["policy", "aply"], 'has no "aply"'),
    (["policy", "apply"], "wanted: tendril policy apply FILE"),
    (["policy", "apply", "a", "b"], '"b" is a word too many'),
    (["policy", "apply", "a"], "--reason TEXT is needed"),
    (["policy", "apply", "a", "--reson", "x"], "did you mean --reason?"),
    (["policy", "apply", "a", "--reason"], "--reason wants TEXT"),
    (["policy", "log", "--base", "1"], "no option --base"),
    (["policy", "log", "--json=1"], "--json takes no value"),
    (["policy", "log", "-x"], "no option -x"),
    (["--nothing"], "no option --nothing here: see tendril --help"),
    (["--version", "policy"], "a word too many"),
    (["--conf"], "--conf wants FILE"),
    (["-x"], "no option -x"),
    (["check", "--version"], "no option --version here"),
    (["help", "nothing"], "no verb"),
    (["key", "new", "brass", "--out", "/nonexistent"], "no kind of key"),
])
def test_usage_errors(home, words, hint):
    assert hint in home.refused(*words)


def test_nobody_listens(home):
    assert "is tendril-agent running?" in home.refused(
        "policy", "log", status=75)


@pytest.mark.skipif(os.geteuid() != 0, reason="needs root")
def test_socket_out_of_reach(agent):
    """Somebody listens, and not to this user."""
    (agent.root / "api").chmod(0o600)
    done = agent.cli("policy", "log", user="nobody", cwd="/")
    assert done.returncode == 75
    assert "ermission denied" in done.stderr


def test_bad_conf(home):
    home.conf_file.write_text("state-dirr = \"/x\"\n")
    err = home.refused("policy", "log", status=1)
    assert "tendril.conf:1:" in err and "state-dir" in err
    assert "tendril.conf:1:" in home.ok("check", status=1)


def test_check(home):
    policy = home.policy("p")
    assert "nothing to complain about" in home.ok("check", "--policy", policy)
    assert home.json("check", "--policy", policy) == []
    (home.root / "r1.pem").chmod(0o644)
    found = home.json("check", status=1)
    assert found[0]["level"] == "error" and "r1.pem" in found[0]["text"]
    (home.root / "r1.pem").chmod(0o600)
    policy.write_text("segment newsletter { purpose = newsletter\n")
    assert f"error: {policy}:1:" in home.ok("check", "--policy", policy,
                                            status=1)
    policy.write_text("segment newsletter { purpose = newsletter }\n")
    assert "webinar" in home.ok("check", "--policy", policy, status=1)
    # a pipe, as a shell's <(...), whose writer takes its time
    fifo = home.root / "fifo"
    os.mkfifo(fifo)
    with subprocess.Popen(["sh", "-c", 'exec >"$0"; sleep 0.3; cat "$1"',
                           fifo, policy]):
        assert "webinar" in home.ok("check", "--policy", fifo, status=1)
    printed = home.root / "printed"
    printed.write_text(home.ok("check", "--print"))
    assert home.ok("check", "--print", "--conf", printed) == \
        printed.read_text()
    shown, = home.json("check", "--print")
    assert shown == {"conf": str(home.conf_file),
                     "text": printed.read_text()}


def test_check_differences(home):
    """Differences are told and are no findings; trouble with OLD is one."""
    old, new = home.policy("old"), home.policy("new", "2 per 7d")
    told = home.ok("check", "--policy", new, "--diff", old)
    assert told.splitlines()[:3] == [
        f"against {old}:",
        "  newsletter: each person may now get two instead of one in any 7 "
        "days",
        "    segment newsletter: at-most was \"1 per 7d\", is now \"2 per 7d\""]
    found = home.json("check", "--policy", new, "--diff", old)
    assert [one["level"] for one in found] == ["effect", "change"]
    assert "the same rules" in home.ok("check", "--policy", new, "--diff", new)
    old.write_text("segment newsletter {\n")
    assert f"error: {old}:" in home.ok("check", "--policy", new, "--diff", old,
                                       status=1)
    assert "--policy FILE is missing" in home.refused("check", "--diff", old,
                                                      status=2)
    assert "no policy in force to compare with" in home.ok(
        "check", "--policy", new, "--in-force", status=1)


HOLIDAYS = """\
segment newsletter {{ purpose = newsletter holidays = de }}
segment webinar {{ purpose = newsletter }}
person {{ at-most = "9 per 7d" }}
holidays de {{
  days-file = "{name}"
}}
"""


def test_holidays_from_a_file(agent):
    """What is applied has the days, and says where they came from."""
    policy = agent.root / "holidays.policy"
    policy.write_text(HOLIDAYS.format(name="days/de.txt"))
    days = agent.root / "days" / "de.txt"
    days.parent.mkdir()
    assert f"{days}: No such file" in agent.ok("check", "--policy", policy,
                                               status=1)
    days.write_text("12-25 Christmas\n02-30 oops\n")
    assert "days/de.txt:2: there is no day" in agent.refused(
        "policy", "apply", policy, "--reason", "x", status=1)
    days.write_text("12-25 Christmas\n2027-03-26 Good Friday\n")
    assert "nothing to complain" in agent.ok("check", "--policy", policy)
    agent.ok("policy", "apply", policy, "--reason", "holidays")
    digest = hashlib.sha256(days.read_bytes()).hexdigest()[:12]
    shown = agent.ok("policy", "show").splitlines()
    assert shown[4] == (
        '  days = {"12-25 Christmas", "2027-03-26 Good Friday"} '
        f"/* days/de.txt, SHA-256 {digest} */")
    assert len(shown) == HOLIDAYS.count("\n")
    days.write_text("12-25 Christmas\n2027-03-29 Easter Monday\n")
    assert agent.ok("policy", "diff", policy).splitlines()[:2] == [
        "holidays de now has also 2027-03-29",
        "holidays de no longer has 2027-03-26"]
    calendar = agent.root / "days.ics"
    calendar.write_text(
        "BEGIN:VCALENDAR\r\nBEGIN:VEVENT\r\nSUMMARY:Good Friday\r\n"
        "DTSTART;VALUE=DATE:20270326\r\nEND:VEVENT\r\nEND:VCALENDAR\r\n")
    policy.write_text(HOLIDAYS.format(name=calendar))
    assert agent.ok("policy", "diff", policy).splitlines()[0] == \
        "holidays de no longer has 12-25"


KEYS = ("lead.key", "token.key", "epoch.key", "r1.pem", "e1.pem")


def test_check_as_a_daemon(home):
    """root may read all; whether a daemon may is another question."""
    nobody = pwd.getpwnam("nobody")
    as_nobody = ("check", "--user", "nobody")
    found = home.json(*as_nobody, status=1)
    assert len(found) == len(KEYS)
    for one, name in zip(found, KEYS):
        assert one["level"] == "error"
        assert one["text"].startswith("as user nobody: ")
        assert name in one["text"] and "Permission denied" in one["text"]
    for name in KEYS:
        os.chown(home.root / name, nobody.pw_uid, 0)
    assert home.json(*as_nobody) == []
    assert "must be root or uid 0" in home.ok("check", "--user", "root",
                                              status=1)
    home.root.chmod(0o700)  # a folder on the way
    assert len(home.json(*as_nobody, status=1)) == len(KEYS) + 1
    home.root.chmod(0o755)
    (home.root / "mail.log").chmod(0o600)  # of root: no adm may read it
    one, = home.json(*as_nobody, status=1)
    assert one == {"level": "error", "text": "as user nobody: "
                   f"{home.root}/mail.log: Permission denied"}
    (home.root / "mail.log").unlink()  # later, maybe
    one, = home.json(*as_nobody, status=1)
    assert one["level"] == "warning" and "is not there" in one["text"]
    (home.root / "mail.log").mkdir()
    assert "not a regular file" in home.ok("check", status=1)
    assert "no user nobody-at-all" in home.ok("check", "--user",
                                              "nobody-at-all", status=1)


def test_policy(agent):
    second = agent.policy("second.policy", "3 per 7d")
    assert "at-most was" in agent.ok("policy", "check", second)
    assert "at-most was" in agent.ok("policy", "diff", second)
    out = agent.json("policy", "apply", second, "--reason", "more",
                     "--base", "1")
    assert out[0]["version"] == 2
    assert "version 2 is in force already: nothing was changed" in agent.ok(
        "policy", "apply", second, "--reason", "again", "--base", "1")
    assert "version 2 is in force" in agent.refused(
        "policy", "apply", agent.policy("third.policy", "4 per 7d"),
        "--reason", "x", "--base", "1", status=1)
    fourth = agent.policy("fourth.policy", "4 per 7d")
    assert "against the policy in force:\n  newsletter: each person may now " \
        "get four instead of three" in agent.ok("check", "--policy", fourth,
                                                "--in-force")
    assert "four instead of three" in agent.ok("policy", "apply", fourth,
                                               "--dry-run")
    assert agent.ok("policy", "show") == second.read_text()
    assert agent.ok("policy", "show", "1") == POLICY.format(cap="1 per 7d")
    assert agent.ok("policy", "diff") == (
        "newsletter: each person may now get three instead of one in any 7 "
        "days\n"
        "  segment newsletter: at-most was \"1 per 7d\", is now \"3 per 7d\"\n")
    assert agent.json("policy", "diff")[0]["effects"] == [
        "newsletter: each person may now get three instead of one in any 7 "
        "days"]
    assert agent.ok("policy", "diff", "2", "2") == "the same rules\n"
    log = agent.json("policy", "log")
    assert [(one["version"], one["author"], one["reason"]) for one in log] \
        == [(2, "root", "more"), (1, "root", "first")]
    agent.ok("policy", "revert", "1", "--reason",
             "complaints " + 60 * "x  " + " ")
    assert "complaints" in agent.ok("policy", "log")
    assert agent.json("policy", "show")[0]["version"] == 3
    assert "no policy version 9" in agent.refused("policy", "show", "9",
                                                  status=1)


def test_policy_refused(agent):
    bad = agent.root / "bad.policy"
    bad.write_text("segment newsletter {\n  purpos = newsletter\n}\n")
    err = agent.refused("policy", "apply", bad, "--reason", "x", status=1)
    assert f"{bad}:2:" in err and "purpose" in err
    bad.write_text("segment newsletter { purpose = newsletter }\n")
    err = agent.refused("policy", "apply", bad, "--reason", "x", status=1)
    assert "orphans" in err
    assert agent.json("policy", "show")[0]["version"] == 1
    assert "--orphans is hold or bounce" in agent.refused(
        "policy", "apply", bad, "--reason", "x", "--orphans", "keep")
    agent.ok("policy", "apply", bad, "--reason", "x", "--orphans", "hold")
    assert agent.json("policy", "show")[0]["version"] == 2


def test_suppress(agent):
    agent.ok("suppress", "add", "Jane@A.example", "--note", "by phone",
             "--until", "30d")
    agent.ok("suppress", "add", "@b.example", "--reason", "complaint")
    agent.ok("suppress", "add", "joe@c.example", "--segment", "webinar")
    assert "already" in agent.ok("suppress", "add", "@b.example",
                                 "--reason", "complaint")
    rows = agent.json("suppress", "list")
    assert {row["target"] for row in rows} == {
        "jane@a.example", "@b.example", "joe@c.example"}
    text = agent.ok("suppress", "list", "--reason", "complaint")
    assert text.splitlines()[0].split()[:2] == ["target", "reason"]
    assert "@b.example" in text and "jane" not in text
    assert "jane" not in agent.ok("suppress", "list", "--redact")
    assert agent.json("suppress", "check", "jane@a.example")[0]["suppressed"]
    assert "@b.example" in agent.ok("suppress", "check", "x@sub.b.example")
    agent.ok("suppress", "check", "x@c.example", status=1)
    agent.ok("suppress", "remove", "jane@a.example")
    agent.ok("suppress", "check", "jane@a.example", status=1)
    agent.refused("suppress", "add", "no address")
    agent.refused("suppress", "add", "a@b.example", "--reason", "dislike")


def test_suppress_show_and_undo(agent):
    agent.ok("suppress", "add", "show@e.example", "--note", "by phone")
    text = agent.ok("suppress", "show", "show@e.example")
    assert "manual" in text and "by phone" in text and "suppressed" in text
    row = agent.json("suppress", "show", "show@e.example")[0]
    assert row["suppressions"][0]["note"] == "by phone"
    agent.ok("suppress", "remove", "show@e.example", "--note", "again")
    text = agent.ok("suppress", "show", "show@e.example", status=1)
    assert "not suppressed" in text and "again" in text
    agent.refused("suppress", "undo")
    agent.refused("suppress", "undo", "--reason", "user_unknown",
                  "--since", "1h")
    agent.refused("suppress", "undo", "--reason", "complaint",
                  "--since", "1h", "--note", "x")
    assert "0 would be undone" in agent.ok(
        "suppress", "undo", "--reason", "user_unknown", "--since", "1h",
        "--dry-run")
    assert agent.json("suppress", "undo", "--reason", "user_unknown",
                      "--since", "1h", "--note", "x") == [
                          {"found": 0, "undone": 0}]


def test_width_of_the_terminal(agent):
    """What people read is as wide as their terminal; a file's is the same
    everywhere."""
    agent.ok("suppress", "add", "wide@e.example", "--note", "word " * 60)

    def widest(columns):
        done = proc.run(
            ["script", "-qec", f"stty cols {columns}; "
             f"{tendril.program(agent.tendril.builddir, 'tendril')} "
             "suppress show wide@e.example", "/dev/null"],
            env={**os.environ, "TENDRIL_CONF": str(agent.conf_file)})
        return max(len(line.rstrip()) for line in done.stdout.splitlines())

    assert 60 < widest(80) <= 80
    assert 110 < widest(140) <= 140
    text = agent.ok("suppress", "show", "wide@e.example")
    assert 80 < max(map(len, text.splitlines())) <= 100


def test_suppressions_that_ended(agent):
    """They are told as such, and no import makes them anew."""
    agent.ok("suppress", "add", "short@e.example", "--until", "1s")
    agent.ok("suppress", "add", "long@e.example", "--until", "90d")
    proc.wait_until(lambda: "(ended)" in agent.cli(
        "suppress", "show", "short@e.example").stdout, 10, "its end")
    lines = {line.split("@")[0]: line
             for line in agent.ok("suppress", "list").splitlines()}
    assert " UTC, ended " in lines["short"]
    assert "ended" not in lines["long"] and " UTC " in lines["long"]
    assert {one["target"]: one["in_force"]
            for one in agent.json("suppress", "list")} == {
        "short@e.example": False, "long@e.example": True}
    saved = agent.root / "saved.csv"
    saved.write_text(agent.ok("suppress", "export"))
    before = len(agent.json("journal"))
    text = agent.ok("suppress", "import", saved)
    assert "0 added, 1 were suppressed like this already" in text
    assert "1 passed over: they had ended" in text
    assert len(agent.json("journal")) == before
    assert agent.json("suppress", "import", saved) == [
        {"added": 0, "unchanged": 1, "over": 1, "bad": 0}]


def test_suppress_show_states(agent):
    """Paused is another thing than not suppressed; so is an opt-out. And
    redacted is redacted, also where nothing stands against the person."""
    def first(*words):
        return agent.ok("suppress", *words, status=1).splitlines()[0]

    who = "pause@e.example"
    said = agent.ok("suppress", "add", who, "--reason", "replied")
    assert said == f"{who}: paused\n"
    paused = f"{who}: paused, not suppressed"
    assert first("show", who) == first("check", who) == paused
    shown, = agent.json("suppress", "show", who, status=1)
    assert shown["paused"] is True and shown["suppressed"] is False
    assert "review resume" in agent.ok("suppress", "remove", who)
    agent.ok("review", "resume", who, "--reason", "all is said")
    assert first("show", who) == f"{who}: not suppressed"
    agent.ok("consent", "grant", who, "events")
    agent.ok("consent", "withdraw", who, "newsletter")
    text = agent.ok("suppress", "show", who, status=1)
    assert re.search(f"^{who}: purpose newsletter: withdrawn since .* UTC",
                     text, re.M)
    assert "events" not in text
    agent.ok("suppress", "add", who)
    for status in (0, 1):
        text = agent.ok("suppress", "show", who, "--redact", status=status)
        assert text.startswith("lead:") and "e.example" not in text
        agent.cli("suppress", "remove", who)


@pytest.mark.parametrize("target", [
    "jo@note.example", "@note.example", f"sha256:{64 * 'a'}"])
def test_notes_of_suppressions(agent, target):
    """Whatever it is about, what was said for the record is on record."""
    agent.ok("suppress", "add", target, "--note", "letter of 3 May")
    agent.ok("suppress", "remove", target, "--note", "a mistake of ours")
    text = agent.ok("journal", "--type", "suppressed,unsuppressed")
    assert "letter of 3 May" in text and "a mistake of ours" in text


def test_consent_and_explain(agent):
    address = "jo@c.example"
    assert "no consent" in agent.ok("explain", address, "newsletter",
                                    status=1)
    agent.ok("consent", "show", address, status=1)
    agent.ok("consent", "grant", address, "newsletter", "--origin", "form",
             "--evidence", "192.0.2.1", "--said", "2026-01-31")
    assert "already" in agent.ok("consent", "grant", address, "newsletter")
    row = agent.json("consent", "show", address)[0]["purposes"][0]
    assert row["state"] == "granted" and row["origin"] == "form"
    assert row["since"] == "2026-01-31T00:00:00Z"
    assert agent.json("explain", address, "newsletter")[0]["verdict"] == \
        "allow"
    agent.ok("consent", "withdraw", address, "newsletter")
    verdict = agent.json("explain", address, "newsletter", status=1)[0]
    assert verdict["reason"] == "withdrawn" and verdict["policy"] == 1
    agent.ok("consent", "object", address, "events")
    text = agent.ok("explain", address, "webinar", status=1)
    assert "line 6 of policy 1" in text and "shadow" not in text
    agent.refused("explain", "no address", "webinar")
    assert "too long" in agent.refused("explain", 9000 * "x" + "@b.example",
                                       "webinar")


def test_shadow_is_told(agent):
    """What is tried only is shown as such."""
    policy = agent.policy("shadow.policy", cap="0 per 7d")
    text = policy.read_text()
    policy.write_text("mode = shadow\n" + text)
    agent.ok("policy", "apply", policy, "--reason", "all")
    nothing = "nothing is enforced: the policy has mode = shadow"
    assert nothing in agent.ok("explain", "sam@s.example", "newsletter",
                               status=1)
    assert nothing in agent.ok("lead", "show", "sam@s.example", status=1)
    policy.write_text(text.replace("purpose = newsletter", "purpose = "
                                   "newsletter mode = shadow"))
    agent.ok("policy", "apply", policy, "--reason", "one segment")
    agent.ok("consent", "grant", "sam@s.example", "newsletter")
    shown = agent.ok("explain", "sam@s.example", "newsletter")
    assert "the segment's limit is reached" in shown
    assert "this limit is not enforced" in shown
    assert "not enforced" in agent.ok("lead", "show", "sam@s.example")


@pytest.mark.parametrize("words, hints", [
    (["consent", "grant", "a@b.example", "newsleter"],
     ['the purpose "newsleter"', 'did you mean "newsletter"?']),
    (["consent", "withdraw", "a@b.example", "webinar"],
     ['the purpose "webinar"', 'purpose of segment webinar is "events"']),
    (["consent", "object", "a@b.example", "parties"],
     ['the purpose "parties"', "changes nothing today"]),
    (["suppress", "add", "a@b.example", "--segment", "webinars"],
     ['segment "webinars"', 'did you mean "webinar"?']),
    (["suppress", "add", "@com"], ['"com" has no dot', "nobody below it"]),
    (["suppress", "add", "@CO.UK"], ['"co.uk" is a public suffix']),
    (["suppress", "add", "@gmail.com"], ["binds all people there"]),
])
def test_words_that_the_policy_does_not_have(agent, words, hints):
    """They may be of a policy to come: recorded, and told."""
    before = len(agent.json("journal"))
    done = agent.cli(*words)
    assert done.returncode == 0
    assert all(hint in done.stderr for hint in hints), done.stderr
    assert len(agent.json("journal")) > before


def test_words_that_the_policy_has(agent):
    for words in (["consent", "grant", "a@b.example", "events"],
                  ["suppress", "add", "a@b.example", "--segment", "webinar"],
                  ["suppress", "add", "a@b.example"]):
        assert agent.cli(*words).stderr == ""


def test_explain_hints(agent):
    hint = agent.refused("explain", "a@b.example")
    assert "which segment?" in hint and "lead show a@b.example" in hint
    done = agent.cli("explain", "a@b.example", "newslettr")
    assert done.returncode == 1
    assert 'did you mean "newsletter"?' in done.stderr
    agent.ok("suppress", "add", "a@b.example")
    text = agent.ok("explain", "a@b.example", "newsletter", status=1)
    assert "because of an entry by hand" in text
    assert re.search(r"rule +line 2 of policy 1, segment newsletter$", text,
                     re.M), text


def test_consent_history(agent):
    address = "jo@c.example"
    agent.ok("consent", "grant", address, "newsletter", "--evidence",
             "form of 2026")
    agent.ok("consent", "withdraw", address, "newsletter")
    shown = agent.json("consent", "show", address)[0]
    assert [one["state"] for one in shown["history"]] == ["granted",
                                                          "withdrawn"]
    assert shown["history"][0]["evidence"] == "form of 2026"
    assert "form of 2026" in agent.ok("consent", "show", address)
    text = agent.ok("consent", "show", address, "--redact")
    assert "form of 2026" not in text and address not in text
    hidden = agent.json("consent", "show", address, "--redact")[0]
    assert hidden["address"].startswith("lead:")
    assert address not in json.dumps(hidden)


def test_lead(agent):
    address = "jo@c.example"
    agent.ok("lead", "show", address, status=1)
    agent.ok("lead", "timeline", address, status=1)
    agent.ok("consent", "grant", address, "newsletter")
    agent.ok("suppress", "add", "@c.example")
    shown = agent.json("lead", "show", address)[0]
    assert shown["consents"][0]["purpose"] == "newsletter"
    assert shown["suppressions"][0]["target"] == "@c.example"
    assert {one["segment"] for one in shown["segments"]} == {"newsletter",
                                                             "webinar"}
    text = agent.ok("lead", "show", address)
    assert "what would be decided now" in text
    assert max(map(len, text.splitlines())) <= 100
    assert agent.json("lead", "show", f"lead:{shown['lead']}")[0][
        "address"] == address
    assert address not in agent.ok("lead", "show", address, "--redact")
    events = agent.json("lead", "timeline", address)
    assert [one["type"] for one in events] == ["lead_created", "consent"]
    assert "first seen" in agent.ok("lead", "timeline", address)


def test_journal(agent):
    agent.ok("consent", "grant", "a@b.example", "newsletter")
    events = agent.json("journal")
    assert "mtalog" not in [one["type"] for one in events]
    passed = agent.json("journal", "--type", "mtalog")
    seqs = sorted(one["seq"] for one in events + passed)
    assert seqs == list(range(1, len(seqs) + 1))
    assert agent.json("journal", "--after", "1", "--limit", "1")[0][
        "seq"] == 2
    assert [one["type"] for one in agent.json("journal", "--type",
                                              "consent")] == ["consent"]
    assert "a@b.example" in agent.ok("journal")
    assert "a@b.example" not in agent.ok("journal", "--redact")
    agent.refused("journal", "--after", "x")
    assert "consnt" in agent.refused("journal", "--type", "consnt,decided")
    assert agent.json("journal", "--from", "1h") == events
    assert agent.json("journal", "--to", "1h") == []
    assert agent.json("journal", "--from", "2000-01-01", "--to",
                      "2000-01-02T00:00:00Z") == []
    agent.refused("journal", "--from", "soon")
    agent.ok("suppress", "add", "@c.example", "--segment", "webinar")
    last = agent.ok("journal").splitlines()[-1]
    assert re.search(r"suppressed +@c.example +webinar +manual", last), last


def test_import_of_no_log(agent):
    """What is no log of an MTA is told, beside one that is."""
    none, log = agent.root / "none", agent.root / "mail.log.1"
    none.write_text("a letter\n" * 3)
    log.write_text("2026-11-22T10:00:00.000000+00:00 mx postfix/qmgr[7]: "
                   "4ZqXw72mbkz1x: removed\n")
    done = agent.cli("mtalog", "import", none)
    assert done.returncode == 1 and "3 lines of 1 files" in done.stdout
    assert f"{none}: no line of Postfix or Sendmail" in done.stderr
    done = agent.cli("mtalog", "import", none, log)
    assert done.returncode == 0 and f"{none}: no line" in done.stderr
    done = agent.cli("mtalog", "import", log)
    assert done.returncode == 0 and done.stderr == ""


def test_log_that_is_missing(home):
    (home.root / "mail.log").unlink()
    home.tendril.start_agent(home.root / "api")
    said = home.tendril.agent.log_text()
    home.tendril.stop()
    assert f"event=mtalog.missing file={home.root}/mail.log" in said
    (home.root / "mail.log").touch()
    home.tendril.start_agent(home.root / "api")
    said = home.tendril.agent.log_text()
    home.tendril.stop()
    assert said.count("mtalog.missing") == 1  # the one above


def test_maildir_that_is_missing(home):
    """Told once, at the start and whenever it goes away."""
    def told(count):
        proc.wait_until(lambda: home.tendril.agent.log_text().count(
            f"event=maildir.missing maildir={home.root}/Maildir"
        ) == count, 20, f"{count} lines")

    folder, away = home.root / "Maildir", home.root / "away"
    folder.rename(away)
    home.tendril.start_agent(home.root / "api")
    told(1)
    away.rename(folder)
    home.ok("ingest", input="Subject: x\n\nwhat is this\n")
    proc.wait_until(lambda: (folder / "unparsed").exists(), 20, "it is read")
    folder.rename(away)
    told(2)
    away.rename(folder)
    home.tendril.stop()


def test_journal_follow(agent):
    """An event made meanwhile comes out; the end of the agent ends it."""
    out = agent.root / "journal"
    with open(out, "w", encoding="utf-8") as log:
        following = subprocess.Popen(
            [str(tendril.program(agent.tendril.builddir, "tendril")),
             "journal", "--follow", "--json"], stdout=log,
            stderr=subprocess.DEVNULL,
            env={**os.environ, "TENDRIL_CONF": str(agent.conf_file)})
    try:
        proc.wait_until(lambda: "policy_applied" in out.read_text(), 10,
                        "what was before")
        agent.ok("suppress", "add", "late@b.example")
        proc.wait_until(lambda: "late@b.example" in out.read_text(), 10,
                        "what is new")
        agent.tendril.agent.stop()
        assert following.wait(120) == 75
    finally:
        following.kill()
        following.wait()


def test_stats(agent):
    agent.ok("suppress", "add", "a@b.example")
    rows = agent.json("stats")
    assert {"name": "suppression.added.manual", "segment": "",
            "count": 1} in rows
    assert agent.json("stats", "--by", "day")[0]["at"].endswith("T00:00:00Z")
    assert "suppression.added.manual" in agent.ok("stats", "--from", "1h")
    assert "nothing was counted" in agent.ok("stats", "--segment", "webinar")
    agent.ok("consent", "grant", "a@b.example", "newsletter",
             "--origin", "form")
    assert "of a segment" in agent.refused(
        "stats", "--by", "provider", "--segment", "webinar")
    assert "of a purpose" in agent.refused(
        "stats", "--by", "reason", "--purpose", "newsletter")
    (row,) = agent.json("stats", "--purpose", "newsletter")
    assert row == {"name": "consent.granted", "segment": "",
                   "purpose": "newsletter", "count": 1}
    first, *rest = agent.ok("stats").splitlines()
    assert first.split() == ["segment", "purpose", "what", "count"]
    assert ["-", "newsletter", "consent.granted", "1"] in [
        line.split() for line in rest]
    assert "purpose" not in agent.ok("stats", "--name", "suppression")
    agent.refused("stats", "--by", "moon")
    for by in "provider", "reason", "segment":
        assert "nothing was counted" in agent.ok("stats", "--by", by)


def test_hold_of_a_segment_that_is_not(agent):
    done = agent.cli("hold", "release", "--segment", "newslettr")
    assert done.returncode == 0 and done.stdout.startswith("0 released")
    assert 'did you mean "newsletter"?' in done.stderr
    assert agent.cli("hold", "drop", "--segment", "newsletter").stderr == ""


def test_hold_of_nothing(agent):
    assert agent.ok("hold", "list") == "nothing waits\n"
    assert agent.json("hold", "list") == []
    agent.refused("hold", "show", "77", status=1)
    agent.refused("hold", "release", "77", status=1)
    agent.refused("hold", "drop")
    agent.refused("hold", "drop", "77", "--segment", "newsletter")
    assert agent.json("hold", "release", "--segment", "newsletter")[0][
        "changed"] == 0


def test_explain_unknown_queue_id(agent):
    assert "nothing is on record" in agent.refused("explain", "4ZqXw7",
                                                   status=1)


def test_import_and_export(agent):
    plain = agent.root / "plain.txt"
    plain.write_text("# from the old tool\n\njoe@b.example\r\n"
                     "no address\n@c.example\n")
    done = agent.cli("suppress", "import", plain, "--origin", "old tool")
    assert done.returncode == 1
    assert f"{plain}:4: no address: " in done.stderr
    assert done.stdout.startswith("2 added, ")
    table = agent.root / "table.csv"
    table.write_text("\ufeffName;E-Mail;Segment;Until\n"
                     '"Ann, ""A""";ann@b.example;webinar;2031-01-01\n'
                     "Bob;bob@b.example;;\n", encoding="utf-8")
    assert agent.json("suppress", "import", table, "--reason",
                      "complaint")[0] == {"added": 2, "unchanged": 0,
                                          "over": 0, "bad": 0}
    rows = {row["target"]: row for row in agent.json("suppress", "list")}
    assert rows["ann@b.example"]["segment"] == "webinar"
    assert rows["ann@b.example"]["until"] == "2031-01-01T00:00:00Z"
    assert rows["bob@b.example"]["reason"] == "complaint"
    assert rows["joe@b.example"]["origin"] == "old tool"
    export = agent.root / "export.csv"
    export.write_text(agent.ok("suppress", "export"))
    assert agent.json("suppress", "import", export)[0] == {
        "added": 0, "unchanged": 4, "over": 0, "bad": 0}
    for target in rows:
        agent.ok("suppress", "remove", target, *(
            ["--segment", "webinar"] if target.startswith("ann") else []))
    assert agent.json("suppress", "import", export)[0]["added"] == 4
    assert len(agent.json("suppress", "export")) == 4


def test_large_import(agent):
    """More than a call takes, in time that speaks of batches."""
    many = agent.root / "many"
    many.write_text("".join(f"u{n}@many.example\n" for n in range(12000)))
    assert agent.json("suppress", "import", many)[0]["added"] == 12000
    assert len(agent.ok("suppress", "export").splitlines()) == 12001


def test_roles(agent):
    """nobody is an auditor by conf; others have no role at all."""
    def as_user(name, *words):
        return agent.cli(*words, user=name, cwd="/")
    done = as_user("nobody", "suppress", "list")
    assert done.returncode == 0, done.stderr
    done = as_user("nobody", "suppress", "add", "a@b.example")
    assert done.returncode == 1
    assert "role auditor" in done.stderr and "marketer" in done.stderr
    done = as_user("games", "suppress", "list")
    assert done.returncode == 1 and "role nobody" in done.stderr
    # what is too long for such a one is not read, but the answer is the same
    large = agent.policy("large.policy")
    large.write_text(large.read_text() + "# long\n" * 20000)
    large.chmod(0o644)
    done = as_user("games", "policy", "check", large)
    assert done.returncode == 1 and "role nobody" in done.stderr, done.stderr
    assert as_user("nobody", "policy", "check", large).returncode == 0


def test_times_of_this_terminal(agent):
    agent.ok("consent", "grant", "a@b.example", "events", "--said",
             "2026-01-31")
    assert "2026-01-31 00:00:00 UTC" in agent.ok("consent", "show",
                                              "a@b.example")
    local = agent.tendril.env
    local["TZ"] = "CET-1"
    assert "2026-01-31 01:00:00 CET" in agent.ok("consent", "show",
                                              "a@b.example", "--local")
    del local["TZ"]


def test_key_files(home):
    for name, mode in (("lead.key", 0o640), ("token.key", 0o640),
                       ("epoch.key", 0o640), ("r1.pem", 0o600)):
        found = os.stat(home.root / name)
        assert stat.S_IMODE(found.st_mode) == mode, name
    before = (home.root / "lead.key").read_bytes()
    assert "never overwritten" in home.refused(
        "key", "new", "lead", "--out", home.root / "lead.key", status=1)
    assert (home.root / "lead.key").read_bytes() == before
    out = home.root / "other.pem"
    home.ok("key", "new", "dkim", "--out", out, "--user", "nobody")
    assert os.stat(out).st_uid == pwd.getpwnam("nobody").pw_uid
    home.refused("key", "new", "dkim", "--out", home.root / "x",
                 "--algorithm", "rsa-sha1")
    assert not (home.root / "x").exists()


def own(home, user, *names):
    for path in home.root.iterdir():
        if path.suffix in (".key", ".pem"):
            shutil.chown(path, user if path.name in names or not names
                         else "root")


def test_keys_of_a_daemon(home):
    """root sees them as the daemon's user does, who owns them."""
    home.root.chmod(0o755)
    for folder in home.root.parents:
        if folder.stat().st_mode & 0o001 == 0:
            pytest.skip(f"{folder} is closed to others")
    own(home, "nobody")
    home.ok("check")
    assert {row["usable"] for row in home.json("key", "list")} == {True}
    own(home, "nobody", "r1.pem", "e1.pem", "token.key", "epoch.key")
    (home.root / "lead.key").chmod(0o600)
    text = home.ok("check", status=1)
    assert "lead.key: Permission denied" in text
    assert "read as user nobody, who owns DKIM keys" in text
    own(home, "nobody")
    (home.root / "e1.pem").chmod(0o640)
    text = home.ok("check", status=1)
    assert "e1.pem: mode 0640" in text and "r1.pem" not in text


def test_check_of_places(home):
    good = home.conf_file.read_text()
    for old, word in ((f"{home.root}/mail.log", "mta-log file: /nowhere"),
                      (f"{home.root}/Maildir", "agent maildir: /nowhere"),
                      (f"{home.root}/api", "agent api: /nowhere"),
                      (f"{home.root}/state", "state-dir: /nowhere")):
        assert old in good
        home.conf_file.write_text(good.replace(f'"{old}"', '"/nowhere/x"'))
        text = home.ok("check", status=1)
        assert word in text and text.count("\n") == 1, text


def test_zone_that_is_none(home):
    policy = home.policy("zone.policy")
    text = policy.read_text()
    if not pathlib.Path("/usr/share/zoneinfo/UTC").exists():
        pytest.skip("no tzdata here")
    policy.write_text('time-zone = "Europe/Berlin"\n' + text)
    home.ok("check", "--policy", policy)
    policy.write_text('time-zone = "Europe/Brlin"\n' + text)
    assert 'knows no zone "Europe/Brlin"' in home.ok(
        "check", "--policy", policy, status=1)


def test_no_conf(home):
    missing = home.root / "nothing.conf"
    for words, status in ((["check"], 1), (["stats"], 75)):
        done = home.cli(*words, "--conf", missing)
        assert done.returncode == status
        text = done.stdout + done.stderr
        assert f"{missing}: No such file" in text and "examples" in text


def test_key_list(home):
    listed = home.json("key", "list")
    assert [one["kind"] for one in listed] == ["lead", "token", "epoch",
                                               "dkim", "dkim"]
    assert all(one["usable"] for one in listed)
    (home.root / "e1.pem").unlink()
    done = home.cli("key", "list")
    assert done.returncode == 1 and "e1.pem" in done.stderr
    assert "NOT usable" in done.stdout


MAIL = """\
From: News <news@example.com>
To: jane@a.example
Subject: Hello
Message-ID: <1@app.example.com>
Date: Sun, 22 Nov 2026 11:00:00 +0000
X-Tendril-Segment: newsletter
List-Unsubscribe: <https://app.example.com/u/1>
List-Unsubscribe-Post: List-Unsubscribe=One-Click

Hello Jane.
"""


class Records:
    """The keys as `tendril key dns` would have them published."""

    def __init__(self, home):
        self.records = {one["name"]: one["value"]
                        for one in home.json("key", "dns")}

    def txt(self, name, timeout=None):
        text = name.decode() if isinstance(name, bytes) else name
        record = self.records.get(text.rstrip("."))
        return None if record is None else record.encode()


def test_preview(home):
    policy = home.policy("p")
    policy.write_text("segment newsletter {\n  purpose = newsletter\n"
                      "  legal-basis = legitimate-interest\n}\n"
                      "segment webinar { purpose = events }\n")
    done = home.cli("preview", "--policy", policy, input=MAIL)
    assert done.returncode == 0, done.stderr
    assert "segment newsletter: allow" in done.stderr
    assert "envelope sender b-" in done.stderr
    assert "ledger cannot be read" in done.stderr
    assert "placeholders" in done.stderr
    data = done.stdout.encode().replace(b"\n", b"\r\n")
    assert judge.judge_signed(data, Records(home), "example.com",
                              ("rsa-sha256", "ed25519-sha256")) == []
    assert judge.values(data, "List-Unsubscribe")
    assert not judge.values(data, "X-Tendril-Segment")
    assert "app.example.com/u/1" not in done.stdout
    crlf = MAIL.replace("\n", "\r\n")
    done = home.cli("preview", "--policy", policy, input=crlf.encode(),
                    text=False)
    assert b"\n" not in done.stdout.replace(b"\r\n", b"")
    assert judge.judge_signed(done.stdout, Records(home), "example.com",
                              ("rsa-sha256", "ed25519-sha256")) == []


def test_preview_for_programs(agent):
    done = agent.cli("preview", "--to", "jo@c.example", "--json", input=MAIL)
    decision = json.loads(done.stderr)
    assert done.returncode == 1
    assert decision == decision | {
        "stream": "news", "class": "nurture", "segment": "newsletter",
        "verdict": "reject", "reason": "no_consent", "policy": 1, "line": 2,
        "signatures": 2, "by_ledger": True}
    assert decision["sender"].startswith("b-")
    assert done.stdout.startswith("DKIM-Signature:")
    done = agent.cli("preview", "--stream", "rest", "--json", input=MAIL)
    assert json.loads(done.stderr) == {"stream": "rest", "class": "pass"}
    assert done.stdout == MAIL


def test_preview_by_the_ledger(agent):
    done = agent.cli("preview", "--to", "jo@c.example", input=MAIL)
    assert done.returncode == 1 and "no consent" in done.stderr
    assert "line 2 of policy 1" in done.stderr
    assert "DKIM-Signature:" in done.stdout
    agent.ok("consent", "grant", "jo@c.example", "newsletter")
    done = agent.cli("preview", "--to", "jo@c.example", input=MAIL)
    assert done.returncode == 0 and ": allow" in done.stderr
    done = agent.cli("preview", "--to", "jo@c.example", "--segment",
                     "nothing", input=MAIL)
    assert done.returncode == 1 and "no such segment" in done.stderr


def test_preview_by_a_marketer(agent):
    """Who may read neither keys nor ledger sees the policy in force."""
    agent.ok("policy", "apply", agent.policy("two", "2 per 7d"), "--reason",
             "x")
    agent.root.chmod(0o755)
    for path in agent.root.iterdir():
        if path.suffix in (".key", ".pem"):
            path.chmod(0o600)
    (agent.root / "state" / "ledger").chmod(0o700)
    done = agent.cli("preview", "--segment", "newsletter", input=MAIL,
                     user="nobody", cwd="/")
    assert "segment newsletter: allow" in done.stderr, done.stderr
    assert done.returncode == 0
    stranger = MAIL.replace("news@example.com", "news@other.example")
    done = agent.cli("preview", "--segment", "newsletter", input=stranger,
                     user="nobody", cwd="/")
    assert "line 2 of policy 2" in done.stderr, done.stderr
    assert "may not sign for the From domain" in done.stderr
    assert done.returncode == 1
    assert done.stderr.count("Permission denied") == 2
    assert "5 keys cannot be used: " in done.stderr
    assert "tendril explain tells of" in done.stderr
    assert "List-Unsubscribe:" in done.stdout


def test_preview_of_other_classes(home):
    (home.root / "mail").write_text(MAIL)
    done = home.cli("preview", "--stream", "rest", home.root / "mail")
    assert done.returncode == 0 and done.stdout == MAIL
    done = home.cli("preview", "--listener", "other", home.root / "mail")
    assert done.returncode == 0 and done.stdout == MAIL
    assert "class pass" in done.stderr
    odd = "Subject : a blank before the colon\r\nTo:b@c.example\nno empty line"
    done = home.cli("preview", "--stream", "rest", input=odd.encode(),
                    text=False)
    assert done.returncode == 0 and done.stdout == odd.encode()
    home.refused("preview", "--stream", "nothing", home.root / "mail")
    assert "no header" in home.refused("preview", input="\nno header\n")


def test_check_stream(home):
    mail = home.root / "mail"
    mail.write_text(MAIL)
    found = home.json("check-stream", "--listener", "apps", mail)[0]
    assert found["stream"] == "news" and found["class"] == "nurture"
    assert found["segment"] == "newsletter"
    assert home.json("check-stream", "--listener", "apps", "--sender", "<>",
                     mail)[0]["stream"] == "rest"
    assert home.json("check-stream", "--sasl-user", "crm", "--sender",
                     "a@example.com")[0]["segment"] == "webinar"
    assert home.json("check-stream", "--listener", "apps", "--sender",
                     "a@example.com")[0]["no_segment"] == "reject"
    assert "class release" in home.ok("check-stream", "--listener",
                                      "release", mail)
    assert "class pass" in home.ok("check-stream", "--client", "192.0.2.1",
                                   mail)
    home.refused("check-stream", "--client", "nowhere", mail)
    assert "--sender" in home.refused("check-stream", "--listener", "apps")


BOUNCE = """\
From: MAILER-DAEMON@mx.b.example
To: b-x@bounces.example.com
Subject: Undelivered Mail Returned to Sender
MIME-Version: 1.0
Content-Type: multipart/report; report-type=delivery-status; boundary="x"

--x
Content-Type: text/plain

Sorry.
--x
Content-Type: message/delivery-status

Reporting-MTA: dns; mx.b.example

Final-Recipient: rfc822; {who}@b.example
Action: failed
Status: 5.1.1
Diagnostic-Code: smtp; 550 5.1.1 user unknown
--x--
"""


def test_classify(home):
    folder = home.root / "returned"
    (folder / "deeper").mkdir(parents=True)
    (folder / "one").write_text(BOUNCE.format(who="joe"))
    (folder / "deeper" / "two").write_text(MAIL)
    (folder / "mbox").write_text("".join(
        f"From MAILER-DAEMON Sun Nov 22 11:00:00 2026\n"
        f"{BOUNCE.format(who=who)}\n" for who in ("ann", "bob")))
    found = home.json("classify", folder)
    assert [one["kind"] for one in found] == ["none", "hard", "hard", "hard"]
    assert [one["recipients"][0]["address"] for one in found[1:]] == [
        "ann@b.example", "bob@b.example", "joe@b.example"]
    assert [one.get("message") for one in found] == [None, 1, 2, None]
    assert found[3]["recipients"][0]["reason"] == "user_unknown"
    assert found[3]["source"] == "dsn"
    text = home.ok("classify", "-", input=BOUNCE.format(who="joe"))
    assert text.startswith("-: hard (user_unknown)")
    assert "joe@b.example: user_unknown 5.1.1" in text
    done = home.cli("classify", folder / "nothing", folder / "one")
    assert done.returncode == 1 and "hard" in done.stdout


def test_classify_folder(home):
    """A pipe is not waited for; a link back is not followed."""
    folder = home.root / "returned"
    (folder / "new").mkdir(parents=True)
    (folder / "new" / "one").write_text(BOUNCE.format(who="joe"))
    (folder / "new" / "up").symlink_to("..")
    (folder / "new" / "two").symlink_to("one")
    os.mkfifo(folder / "new" / "pipe")
    found = home.json("classify", folder)
    assert [pathlib.Path(one["file"]).name for one in found] == ["one", "two"]
    (home.root / "there").symlink_to("returned")  # but where it was named
    assert len(home.json("classify", home.root / "there")) == 2


def test_classify_large(home):
    """An mbox of any size; of a large message only the head."""
    mbox = home.root / "mbox"
    large = BOUNCE.format(who="big") + "From here on\n" + (
        "x" * 70 + "\n") * 400000
    with open(mbox, "w") as out:
        for number in range(3):
            for who, text in (("ann", BOUNCE.format(who="ann")),
                              ("big", large)):
                out.write(f"From MAILER-DAEMON Sun Nov 22 {number} 2026\n"
                          f"{text}\r\n\r\n")
    assert mbox.stat().st_size > 64 << 20
    found = home.json("classify", mbox)
    assert [(one["message"], one["recipients"][0]["address"])
            for one in found] == [
        (number + 1, f"{('ann', 'big')[number % 2]}@b.example")
        for number in range(6)]
    one, = home.json("classify", "-", input=large)
    assert one["kind"] == "hard"


@pytest.mark.parametrize("end", ["\n\n", "\r\n\r\n"])
def test_classify_chunks(home, end):
    """Wherever what is read at once (1 MB) ends, an mbox's mails end where
    they do."""
    head = "From me Sun Nov 22 11:00:00 2026\nSubject: a"
    for cut in range(-1, 10):
        filled = (1 << 20) - len(head) - len(end) - cut
        text = f"{head}\n\n{'x' * (filled - 2)}{end}" + "From you\nSubject: b\n"
        found = home.json("classify", "-", input=text)
        assert [one["message"] for one in found] == [1, 2], cut


def test_reader_leaves(home):
    """As with | head: no word, and no 75, which says to try again."""
    mbox = home.root / "mbox"
    mbox.write_text("From MAILER-DAEMON Sun Nov 22 11:00:00 2026\n"
                    f"{BOUNCE.format(who='joe')}\n" * 2000)
    program = tendril.program(home.tendril.builddir, "tendril")
    for words in (("classify", mbox), ("classify", "--json", mbox), ("help",)):
        reader, writer = os.pipe()
        os.close(reader)
        done = subprocess.run(
            [program, *words], stdout=writer, stderr=subprocess.PIPE,
            check=False, timeout=60)
        os.close(writer)
        assert done.stderr == b""
        assert done.returncode == -signal.SIGPIPE
        with open("/dev/full", "wb") as full:
            done = subprocess.run(
                [program, *words], stdout=full, stderr=subprocess.PIPE,
                check=False, timeout=60)
        assert (done.returncode, done.stderr) == (
            75, b"tendril: standard output: cannot write\n")


ANSWER = """\
From: Joe <joe@west.example>
To: news@example.com
Subject: Re: May
{field}

{words}
"""


def test_classify_answers(home):
    """What people and their programs say, as the agent would understand it."""
    def found(field, words):
        mail = home.root / "answer"
        mail.write_text(ANSWER.format(field=field, words=words))
        one, = home.json("classify", mail)
        return one["kind"], one.get("answer"), home.ok("classify", mail)

    kind, answer, text = found("In-Reply-To: <1@app.example>",
                               "Please take me off this list.\x1b[2J")
    assert (kind, answer["kind"], answer["automatic"]) == (
        "none", "opt_out", False)
    assert "  answer: opt_out\n" in text and "take me off" in text
    assert "\x1b" not in text
    kind, answer, text = found(
        "Auto-Submitted: auto-replied",
        "Joe has left the company. Please write to ann@west.example.")
    assert (kind, answer["kind"], answer["successor"]) == (
        "auto-reply", "left", "ann@west.example")
    assert "answer: left, write to ann@west.example" in text
    assert found("References: <1@app.example>", "Nice, call me!")[1][
        "kind"] == "human"
    assert found("X-Any: thing", "a letter that answers nothing")[1] is None


def test_classify_rules(home):
    """Which rule decided, and rules of one's own."""
    mail = home.root / "returned"
    mail.write_text(BOUNCE.format(who="joe"))
    rule = home.json("classify", mail)[0]["recipients"][0]["rule"]
    assert rule["file"] == "bounce.rules" and rule["text"] == "user unknown"
    text = (pathlib.Path(__file__).parents[2] / "policy" / "rules" / "bounce.rules").read_text()
    assert text.splitlines()[rule["line"] - 1] == "user unknown"
    own = home.root / "own.rules"
    own.write_text("# ours\n[policy at=b.example]\nuser unknown\n")
    found = home.json("classify", "--rules", own, mail)[0]
    assert found["kind"] == "soft"
    assert found["recipients"][0]["reason"] == "policy"
    assert found["recipients"][0]["rule"] == {
        "file": str(own), "line": 3, "text": "user unknown"}
    assert f"by {own}:3: user unknown" in home.ok(
        "classify", "--rules", own, mail)
    own.write_text("[polcy]\nuser unknown\n")
    assert f"{own}:1: unknown reason \"polcy\"; did you mean \"policy\"?" in \
        home.refused("classify", "--rules", own, mail, status=1)
    assert "nowhere" in home.refused(
        "classify", "--rules", home.root / "nowhere", mail, status=1)


def test_check_rules(home):
    own = home.root / "own.rules"
    own.write_text("[policy]\nno way\n")
    assert home.json("check", "--rules", own) == []
    own.write_text("[policy\nno way\n[content]\n550 x\n")
    assert [one["text"].removeprefix(f"{own}:")[:2] for one in
            home.json("check", "--rules", own, status=1)] == ["1:", "4:"]
    own.write_text("[policy]\nno way\nsir no way\n")
    one, = home.json("check", "--rules", own, status=1)
    assert one["level"] == "warning"
    assert f"{own}:3: \"sir no way\" never decides" in one["text"]
    conf = home.conf_file.read_text()
    home.conf_file.write_text(conf.replace(
        "agent {", f'agent {{ bounce-rules = "{own}"', 1))
    assert home.json("check", status=1) == [one]
    own.unlink()
    assert "own.rules: " in home.json("check", status=1)[0]["text"]


def openssl_public(path):
    der = proc.run(["openssl", "pkey", "-in", path, "-pubout", "-outform",
                    "DER"], text=False).stdout
    return der


def test_key_dns(home):
    """A zone file that says what openssl says of the same keys."""
    text = home.ok("key", "dns")
    strings = re.findall(r'"([^"]*)"', text.partition("\n;")[0])
    assert all(len(one) <= 255 for one in strings)
    records = {one["name"]: one["value"] for one in home.json("key", "dns")}
    rsa = records["r1._domainkey.example.com"]
    assert base64.b64encode(openssl_public(home.root / "r1.pem")).decode() \
        in rsa
    ed25519 = records["e1._domainkey.example.com"]
    assert base64.b64encode(
        openssl_public(home.root / "e1.pem")[-32:]).decode() in ed25519
    assert "".join(strings) == rsa + ed25519
    assert "; bounces.example.com. IN MX" in text
    assert len(records) == 2


def test_key_test_without_dns(home):
    """A name server that does not answer is trouble that may pass."""
    port = proc.free_ports(1)[0]
    done = home.cli("key", "test", "--server", f"127.0.0.1:{port}")
    assert done.returncode == 75 and "tempfail" in done.stdout


def test_ledger(agent):
    agent.ok("consent", "grant", "a@b.example", "newsletter")
    assert "whole" in agent.ok("ledger", "check")
    assert agent.json("ledger", "check")[0]["damaged"] == 0
    assert "0 differ" in agent.ok("ledger", "rebuild")
    stat_of = agent.json("ledger", "stat")[0]
    assert stat_of["schema"] == 7 and stat_of["last_event"] >= 3
    rows = {one["table"]: one["rows"] for one in stat_of["tables"]}
    assert rows["lead"] == rows["consent"] == 1
    assert "lead" in agent.ok("ledger", "stat")


def test_ledger_check_without_rights(agent):
    """That it cannot be read says nothing of the ledger."""
    (agent.root / "state" / "ledger").chmod(0o700)
    for options in ([], ["--json"]):
        done = agent.cli("ledger", "check", *options, user="nobody", cwd="/")
        assert done.returncode == 75 and done.stdout == ""
        assert "Permission denied" in done.stderr
    done = agent.cli("ledger", "check", "--folder", agent.root / "none")
    assert done.stdout == "" and "none" in done.stderr
    assert "a word too many" in agent.refused("ledger", "check",
                                              agent.root / "backup")


def test_ledger_rebuild_write(agent):
    out = agent.root / "again"
    agent.ok("ledger", "rebuild", "--write", out)
    assert "whole" in agent.ok("ledger", "check", "--folder", out)
    agent.refused("ledger", "rebuild", "--write", out, status=1)


def test_damaged_ledger_is_found(agent):
    for number in range(50):
        agent.ok("suppress", "add", f"user{number}@b.example")
    backup = agent.root / "backup"
    agent.ok("backup", backup)
    data = bytearray((backup / "data.mdb").read_bytes())
    for place in range(len(data) // 2, len(data), 97):
        data[place] ^= 0x55
    (backup / "data.mdb").write_bytes(data)
    done = agent.cli("ledger", "check", "--folder", backup)
    assert done.returncode == 1, done.stdout + done.stderr


def test_backup_and_restore(agent):
    backup = agent.root / "backup"
    agent.ok("suppress", "add", "jane@a.example")
    assert "verified" in agent.ok("backup", backup)
    agent.refused("backup", backup, status=1)
    agent.ok("suppress", "add", "later@a.example")
    agent.refused("restore", backup, status=1)
    agent.tendril.agent.stop()
    (agent.root / "state" / "ledger").rename(agent.root / "old")
    assert "new epoch" in agent.ok("restore", backup)
    agent.tendril.start_agent(agent.root / "api")
    agent.ok("suppress", "check", "jane@a.example")
    agent.ok("suppress", "check", "later@a.example", status=1)
    assert agent.json("ledger", "stat")[0]["epoch"] == 2


def test_output_that_cannot_be_written(agent):
    with open("/dev/full", "w") as full:
        done = subprocess.run(
            [str(tendril.program(agent.tendril.builddir, "tendril")),
             "policy", "show"], stdout=full, stderr=subprocess.PIPE,
            env={**os.environ, "TENDRIL_CONF": str(agent.conf_file)},
            check=False, text=True)
    assert done.returncode == 75 and "cannot write" in done.stderr
