"""Every command of README.md, run as it stands there, in the order of the
text, on a scratch machine; what it shows must be what comes out.

A block of commands:

    ```console
    $ command
    what it prints
    $ longer \\
    > command
    ```

A line `…` stands for any number of lines, `…` in a line for any text; blanks
at the end of lines do not count. What shows nothing must print nothing. A command ends with status 0, or with the
one that its comment names: `# exit status 1`.

What the rest of the world does meanwhile stands in comments that readers do
not see: `<!-- machine: VERB WORDS -->`; the verbs are functions here.
"""

import pathlib
import re
import shlex

import pytest

from bed import machine as machines

README = pathlib.Path(__file__).resolve().parents[2] / "README.md"
# These two are run by contrib/check itself: they cannot be run by a test.
TWO_COMMANDS = ("contrib/run", "contrib/check")
BLOCK = re.compile(r"^```(\S*)\n(.*?)^```$|^<!-- machine: (.*?) -->$",
                   re.M | re.S)
STATUS = re.compile(r"# exit status (\d+)$")


def steps(text):
    """What README asks for, in order: ("run", line number, command, shown)
    and ("machine", line number, words)."""
    for found in BLOCK.finditer(text):
        line = text.count("\n", 0, found.start()) + 1
        if found[3] is not None:
            yield "machine", line, shlex.split(found[3])
        elif found[1] == "console":
            yield from commands(found[2], line)


def commands(block, line):
    """The commands of one block, each with the lines it is shown to print."""
    command, shown, at = None, [], line
    for number, text in enumerate(block.splitlines(), line + 1):
        if text.startswith("$ "):
            if command is not None:
                yield "run", at, command, shown
            command, shown, at = text[2:], [], number
        elif text.startswith("> ") and not shown:
            command += "\n" + text[2:]
        else:
            shown.append(text)
    assert command is not None, f"README.md:{line}: a block without command"
    yield "run", at, command, shown


def pattern(shown):
    """A regular expression for the lines shown."""
    text = ""
    for line in shown:
        text += r"(?:.*\n)*?" if line.strip() == "…" else \
            ".*?".join(map(re.escape, line.split("…"))) + "\n"
    return re.compile(text)


def check_run(machine, line, command, shown):
    found = STATUS.search(command)
    want = int(found[1]) if found else 0
    if machine.user != "root":
        command = f"runuser -l {machine.user} -c {shlex.quote(command)}"
    status, output = machine.run(command)
    where = f"README.md:{line}: {command}\n"
    assert status == want, f"{where}ends with {status}:\n{output}"
    text = "".join(line.rstrip() + "\n" for line in output.splitlines())
    assert pattern(shown).fullmatch(text), \
        f"{where}prints\n{text}and not\n" + "\n".join(shown)


# --- the rest of the world ---


def user(machine, name):
    """Whose commands come next. root has one shell for all of them, others
    one for each, in their home folder."""
    machine.user = name


def publish(machine):
    """The admin's records are in the DNS."""
    status, output = machine.run(
        "runuser -u tendril-milter -- tendril key dns > /etc/zone")
    assert status == 0, output


def sends(machine, recipient, segment, subject):
    """An application does."""
    status, output = machine.run(
        "/usr/local/share/tendril/examples/send.py "
        + shlex.join([recipient, segment, subject]))
    assert status == 0, output


def received(machine, recipient, *words):
    """The outside got a message for somebody; it has these words."""
    sender, data = machine.ask("received", recipient, 1, 20)
    for word in words:
        assert word in data or word in sender, data


def receives(machine, recipient, count, *words):
    """And so many in all; the last has these words."""
    _, data = machine.ask("received", recipient, int(count), 20)
    for word in words:
        assert word in data, data


def clicks(machine, recipient):
    """The person's mail provider uses the one-click address."""
    _, data = machine.ask("received", recipient, 1, 20)
    text = re.sub(r"\r\n[ \t]+", " ", data)
    url = re.search(r"^List-Unsubscribe: .*?<(https:[^>]*)>", text, re.M)[1]
    assert machine.ask("post", url, "List-Unsubscribe=One-Click",
                       8580) == 200


def replies(machine, person, words):
    """A person answers what they got last."""
    _, data = machine.ask("received", person, 1, 20)
    field = {name: re.search(rf"^{name}: *(.*?)\r$", data, re.M | re.I)[1]
             for name in ("From", "Message-ID", "Subject")}
    address = re.search(r"[^<> ]+@[^<> ]+", field["From"])[0]
    code, text = machine.ask("submit", person, address, (
        f"From: {person}\r\nTo: {address}\r\n"
        f"Subject: Re: {field['Subject']}\r\n"
        f"In-Reply-To: {field['Message-ID']}\r\n\r\n{words}\r\n"))
    assert code == 250, text


def settles(machine, command, *words):
    """A command's output has these words before long: what happens behind
    the scenes has happened."""
    for _ in range(400):
        _, output = machine.run(command)
        if " ".join(words) in output:
            return
        machine.ask("seconds_pass", 0.2)
    raise AssertionError(f"{command} prints\n{output}")


WORLD = {verb.__name__: verb
         for verb in (user, publish, sends, received, receives, clicks,
                      replies, settles)}


@pytest.fixture(scope="module")
def text():
    return README.read_text(encoding="utf-8")


@pytest.fixture
def machine(build):
    one = machines.Machine(build)
    one.user = "root"
    yield one
    one.close()


def test_readme(machine, text):
    ran = 0
    for kind, line, *step in steps(text):
        if kind == "run":
            check_run(machine, line, *step)
            ran += 1
        else:
            verb, *words = step[0]
            WORLD[verb](machine, *words)
    assert ran >= 30


def test_no_command_escapes(text):
    """Commands stand in blocks that are run, or are the two commands."""
    outside = BLOCK.sub("", text)
    for line in outside.splitlines():
        if line.startswith("    "):
            assert line.split()[0] in TWO_COMMANDS, line
        assert not line.lstrip().startswith(("$ ", "# sudo")), line
    for found in BLOCK.finditer(text):
        if found[1] not in (None, "console"):
            assert not re.search(r"^\$ ", found[2], re.M), found[0]


def test_two_commands_are_run_by_check(build):
    """contrib/check runs contrib/run, and this."""
    script = (README.parent / "contrib" / "lib" / "check.py").read_text()
    assert '"contrib" / "run", "--once"' in script
    assert '"tests/e2e"' in script


@pytest.mark.parametrize("shown, printed, good", [
    (["a"], "a\n", True),
    (["a"], "b\n", False),
    ([], "", True),
    ([], "a\n", False),
    (["…"], "", True),
    (["…"], "a\nb\n", True),
    (["a", "…", "b"], "a\nx\ny\nb\n", True),
    (["a", "…", "b"], "a\nx\n", False),
    (["a … c."], "a b c.\n", True),
    (["a … c."], "a b c!\n", False),
    (["a … c"], "a\nc\n", False),
])
def test_what_is_shown(shown, printed, good):
    assert (pattern(shown).fullmatch(printed) is not None) == good


def test_blocks_are_read():
    text = ("```console\n$ one\nout\n$ two \\\n> more # exit status 1\n```\n"
            "<!-- machine: clicks jane@north.example -->\n"
            "```conf\nx = 1\n```\n")
    assert list(steps(text)) == [
        ("run", 2, "one", ["out"]),
        ("run", 4, "two \\\nmore # exit status 1", []),
        ("machine", 7, ["clicks", "jane@north.example"])]
