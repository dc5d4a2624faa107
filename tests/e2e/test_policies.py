"""Every policy that people are shown, in README.md and in contrib/policies, is
one: tendril check has nothing to say about it."""

import pathlib
import re
import shutil

import pytest

from test_cli import Home

SOURCE = pathlib.Path(__file__).resolve().parents[2]
READY = SOURCE / "contrib" / "policies"
README = (SOURCE / "README.md").read_text(encoding="utf-8")
BLOCK = re.compile(r"^```policy\n(.*?)^```$", re.M | re.S)


def shown():
    """Blocks of README, and files; those of them that have a line to put in
    force by hand ("# send-on = ...") also with it."""
    texts = {f"README-line-{README.count(chr(10), 0, b.start()) + 1}": b[1]
             for b in BLOCK.finditer(README)}
    texts |= {path.stem: path.read_text(encoding="utf-8")
              for path in READY.glob("*.policy")}
    option = re.compile(r"^(\s*)# ([a-z-]+ +=)", re.M)
    texts |= {f"{name}-with-all": option.sub(r"\1\2", text)
              for name, text in texts.items() if option.search(text)}
    return texts


@pytest.fixture(name="home", scope="module")
def make_home(build, tmp_path_factory):
    """All that check looks for besides a policy; no stream that names
    segments, and no mail, so no DKIM keys."""
    one = Home(build, tmp_path_factory.mktemp("policies"))
    conf = one.conf_file.read_text()
    one.conf_file.write_text(conf[:conf.index("key r1 {")] +
                             "stream rest { class = \"pass\" }\n")
    for kind in ("lead", "token", "epoch"):
        one.ok("key", "new", kind, "--out", one.root / f"{kind}.key")
    shutil.copytree(READY / "holidays", one.root / "holidays")
    return one


@pytest.mark.parametrize("name, text", shown().items(), ids=shown())
def test_is_quiet(home, name, text):
    path = home.root / f"{name}.policy"
    path.write_text(text)
    assert home.ok("check", "--policy", path) == \
        f"{home.conf_file}: nothing to complain about\n"


def test_all_are_looked_at():
    """No policy stands in a block of another kind."""
    names = shown()
    assert sum(name.startswith("README") for name in names) >= 2
    assert {"minimal", "core", "b2b-newsletter", "saas-trial",
            "b2b-newsletter-with-all"} <= set(names)
    for kind, text in re.findall(r"^```(\w+)\n(.*?)^```$", README, re.M | re.S):
        assert kind in ("console", "text", "policy")
        assert kind != "text" or "segment " not in text
