"""What is known of people: set, imported, exported, merged, re-addressed; and
that none of it ever undoes an opt-out."""

import csv
import io
import json
import pathlib

import pytest

from test_cli import Home

POLICY = """\
attribute role { type = text }
attribute employees { type = number }
attribute customer { type = flag }
attribute renewal { type = date }
audience it { condition = "role in {cto, 'head of it'} and employees >= 200" }
person { at-most = "2 per 7d" }
segment newsletter { purpose = newsletter }
segment offers { purpose = offers legal-basis = legitimate-interest }
"""


@pytest.fixture(name="home")
def make_home(build, tmp_path):
    """A running agent with that policy; no mail, so no DKIM keys."""
    tmp_path.chmod(0o755)
    for parent in tmp_path.parents[:2]:
        parent.chmod(0o755)
    one = Home(build, tmp_path)
    conf = one.conf_file.read_text()
    one.conf_file.write_text(conf[:conf.index("key r1 {")] +
                             "stream rest { class = \"pass\" }\n")
    for kind in ("lead", "token", "epoch"):
        one.ok("key", "new", kind, "--out", one.root / f"{kind}.key")
    one.tendril.start_agent(one.root / "api")
    one.ok("policy", "apply", write(one, "policy", POLICY), "--reason", "test")
    yield one
    one.tendril.stop()


def attributes(home, address):
    shown, = home.json("lead", "show", address)
    return {a["name"]: a["value"] for a in shown.get("attributes", [])}


def lead_list(home, *words):
    return {row["address"]: row
            for row in home.json("lead", "export", *words)}


def write(home, name, text):
    path = home.root / name
    path.write_text(text)
    return path


def test_set_and_show(home):
    home.ok("lead", "set", "jane@a.example", "role=CTO", "employees=200",
            "customer=yes", "renewal=2027-01-31", "company=Acme")
    assert attributes(home, "jane@a.example") == {
        "role": "CTO", "employees": 200, "customer": True,
        "renewal": "2027-01-31", "company": "Acme"}
    text = home.ok("lead", "show", "jane@a.example")
    assert "employees" in text and "number" in text
    home.ok("lead", "set", "jane@a.example", "renewal=", "employees=300")
    assert attributes(home, "jane@a.example")["employees"] == 300
    assert "renewal" not in attributes(home, "jane@a.example")
    assert "known already" in home.ok(
        "lead", "set", "jane@a.example", "employees=300")
    assert "number" in home.refused(
        "lead", "set", "jane@a.example", "employees=many", status=1)
    assert 'did you mean "role"' in home.refused(
        "lead", "set", "jane@a.example", "rol=x", status=1)
    home.refused("lead", "set", "jane@a.example", "role")
    home.refused("lead", "set", "nobody", "role=x", status=1)
    events = home.json("lead", "timeline", "jane@a.example")
    assert [e["type"] for e in events] == [
        "lead_created", "lead_changed"]
    assert events[0]["origin"] == "cli" and events[0]["author"]


PEOPLE = '''\
\ufeffE-Mail;Job title;Employees;Notes
jane@a.example;CTO;250;"two
lines; and a ""quote"""
joe@b.example;"head of it";200;

ann@c.example;clerk;;x
not an address;cto;5;
bob@d.example;cto;many;
'''


def test_import(home):
    people = write(home, "people.csv", PEOPLE)
    words = ("lead", "import", people, "--map", "Job title=role")
    assert 'no attribute "notes"' in home.refused(*words)
    assert f"{people}:1: --map: no column is called \"Title\"" in \
        home.refused("lead", "import", people, "--ignore", "--map",
                     "Title=role")
    both = write(home, "both.csv", "E-Mail,Name,Address\na@x.example,A,B\n")
    assert f"{both}:1: columns 1 and 3 are both the address" in \
        home.refused("lead", "import", both, status=1)
    assert "1 new" in home.ok("lead", "import", both, "--ignore", "--dry-run",
                              "--map", "Address=street")
    done = home.cli(*words, "--ignore", "--dry-run")
    assert done.returncode == 1
    assert f"{people}:7: not an address: " in done.stderr
    assert f"{people}:8: bob@d.example: employees = \"many\": not a whole " \
        "number such as 200" in done.stderr
    assert f"{people}:2: jane@a.example: new\n" in done.stdout
    assert f"{people}:4: joe@b.example: new\n" in done.stdout
    assert "would be: 3 new, 0 changed, 0 unchanged, 2 refused" in done.stdout
    home.ok("lead", "show", "jane@a.example", status=1)
    done = home.cli(*words, "--ignore")
    assert "3 new, 0 changed, 0 unchanged, 2 refused" in done.stdout
    assert attributes(home, "jane@a.example") == {
        "role": "CTO", "employees": 250}
    assert attributes(home, "ann@c.example") == {"role": "clerk"}
    again, = home.json(*words, "--ignore", "--dry-run", status=1)
    assert (again["unchanged"], again["refused"]) == (3, 2)
    assert [row["outcome"] for row in again["first"]] == ["unchanged"] * 3
    timeline = home.json("lead", "timeline", "jane@a.example")
    assert timeline[0]["origin"] == "import people.csv"


def test_import_large(home):
    """A large file goes in the ledger's order; lines, and who comes last, are
    the file's."""
    rows = [f"p{n}@a{n % 300}.example,role {n % 7},{n},\"x, {n}\"\n"
            for n in range(40000)]
    rows[17] = "no address,x,1,y\n"
    rows[30000] = "p5@a5.example,last,5,z\n"
    rows[30001] = "\"p6@a6.example\",\"say \"\"x\"\"\",6,z\n"
    people = write(home, "large.csv", "address,role,employees,company\n" +
                   "".join(rows))
    assert people.stat().st_size > 1 << 20
    done = home.cli("lead", "import", people)
    # two are of people who stand in it before
    assert "39997 new, 2 changed, 0 unchanged, 1 refused" in done.stdout
    assert f"{people}:19: no address: " in done.stderr
    assert attributes(home, "p5@a5.example")["role"] == "last"
    assert attributes(home, "p6@a6.example")["role"] == 'say "x"'
    assert attributes(home, "p39999@a99.example") == {
        "role": "role 1", "employees": 39999, "company": "x, 39999"}
    done = home.cli("lead", "import", people)
    assert "0 new, 4 changed, 39995 unchanged, 1 refused" in done.stdout
    assert len(lead_list(home)) == 39997


def in_order(home):
    """Are people known in the order in which the ledger has them? The order of
    an export; of the first batch, which is all of a short list."""
    made = [e["address"] for e in home.json("journal", "--type",
                                            "lead_created")]
    return made == list(lead_list(home))


@pytest.mark.parametrize("form", ["json", "pipe", "json-pipe"])
def test_import_large_otherwise(home, form):
    """Objects, and what comes through a pipe, go in the ledger's order too."""
    people = [(f"p{n}@a{n % 300}.example", f"role {n % 7}", n)
              for n in range(15000)]
    people[17] = ("no address", "x", 1)
    people[14000] = ("p5@a5.example", "last", 5)
    if form == "pipe":
        text = "address;note;role;employees\n" + "".join(
            f"{a};{'-' * 60};{r};{n}\n" for a, r, n in people)
    else:
        text = "".join(json.dumps({"email": a, "role": r, "employees": n,
                                   "note": "-" * 60}) + "\n"
                       for a, r, n in people)
    assert len(text) > 1 << 20
    path = write(home, "large", text) if form == "json" else "-"
    done = home.cli("lead", "import", path, "--ignore", input=text)
    line = 19 if form == "pipe" else 18
    assert f"{path}:{line}: no address: " in done.stderr
    assert "14998 new, 1 changed, 0 unchanged, 1 refused" in done.stdout
    assert attributes(home, "p5@a5.example") == {
        "role": "last", "employees": 5}
    assert in_order(home)


def test_import_too_many_cells(home):
    """Such a row is refused alone, by its line."""
    people = write(home, "people.csv", "address,role\nann@a.example,cto\n"
                   "joe@b.example" + ",x" * 300 + "\njane@c.example,it\n")
    done = home.cli("lead", "import", people)
    assert done.returncode == 1
    assert "2 new, 0 changed, 0 unchanged, 1 refused" in done.stdout
    assert f"{people}:3: joe@b.example: the row has another number of cells " \
        in done.stderr
    # a row of a quote that does not end
    people = write(home, "quote.csv", "address,role\nann@a.example,x\n" +
                   "".join(f"p{n}@a.example,{'r' * 50}\n"
                           for n in range(40000)) +
                   "joe@b.example,\"no end\n" +
                   "".join(f"p{n}@a.example,{'s' * 50}\n"
                           for n in range(40000)))
    done = home.cli("lead", "import", people)
    assert f"{people}:40003: the row is too long: is there a quote " \
        in done.stderr
    assert attributes(home, "p39999@a.example") == {"role": "r" * 50}


def test_zones(home):
    """A zone that this host does not know is refused; one that it knew once is
    marked."""
    if not pathlib.Path("/usr/share/zoneinfo/Europe/Lisbon").exists():
        pytest.skip("no tzdata here")
    home.ok("lead", "set", "jane@a.example", "time-zone=Europe/Lisbon")
    assert "knows no such zone" in home.refused(
        "lead", "set", "jane@a.example", "time-zone=Nowhere/Town", status=1)
    assert attributes(home, "jane@a.example")["time-zone"] == "Europe/Lisbon"
    people = write(home, "people.csv", "address,time-zone\n"
                   "ann@a.example,Nowhere/Town\njoe@b.example,Asia/Tokyo\n"
                   "bob@d.example,europe/berlin\n")
    for words in ((), ("--dry-run",)):
        done = home.cli("lead", "import", people, *words)
        assert done.returncode == 1
        assert "1 new, 0 changed, 0 unchanged, 2 refused" in done.stdout
        assert f'{people}:2: ann@a.example: time-zone = "Nowhere/Town": ' \
            "this host knows no such zone\n" in done.stderr
        assert f"{people}:4: bob@d.example: " in done.stderr
        assert 'did you mean "Europe/Berlin"?' in done.stderr
        people.write_text(people.read_text().replace("joe@", "jim@"))
    assert "unknown" not in home.ok("lead", "show", "jane@a.example")
    home.tendril.stop()
    home.tendril.env["TZDIR"] = str(home.root)
    home.tendril.start_agent(home.root / "api")
    assert "Europe/Lisbon (unknown here: counted by the policy's zone)\n" \
        in home.ok("lead", "show", "jane@a.example")


def test_audience_binds(home):
    """Who an import says is meant is meant by the next decision."""
    policy = write(home, "second", POLICY + "limit it { for = it at-most = "
                   "\"0 per 7d\" }\n")
    home.ok("policy", "apply", policy, "--reason", "test")
    words = ("explain", "jane@a.example", "offers")
    assert home.json(*words)[0]["reason"] == "allowed"
    home.ok("lead", "set", "jane@a.example", "role=CTO", "employees=199")
    assert home.json(*words)[0]["reason"] == "allowed"
    home.ok("lead", "set", "jane@a.example", "employees=200")
    told, = home.json(*words, status=1)
    assert told["section"] == "limit it" and told["verdict"] == "reject"
    home.ok("lead", "set", "jane@a.example", "role=")
    assert home.json(*words)[0]["reason"] == "allowed"


def test_import_json_lines(home):
    lines = write(home, "people.jsonl", "".join(
        json.dumps(o) + "\n" for o in (
            {"email": "jane@a.example", "role": "cto", "employees": 250,
             "customer": True, "company": None},
            {"email": "joe@b.example", "Title": "it's \"x\"\u00fc"},
            {"role": "nobody"},
            {"email": "ann@c.example", "employees": 1.5})) + "{\n")
    done = home.cli("lead", "import", lines, "--map", "Title=role", "--json")
    assert json.loads(done.stdout)["new"] == 2
    assert f"{lines}:3: no address" in done.stderr
    assert f"{lines}:4: ann@c.example: employees: neither" in done.stderr
    assert f"{lines}:5: JSON, line 1" in done.stderr
    assert attributes(home, "jane@a.example") == {
        "role": "cto", "employees": 250, "customer": True}
    assert attributes(home, "joe@b.example") == {"role": "it's \"x\"\u00fc"}


def test_import_never_undoes_a_no(home):
    """Whoever is suppressed, has withdrawn or objected stays so, however often
    a list has them."""
    home.ok("suppress", "add", "out@a.example", "--reason", "opt_out")
    home.ok("suppress", "add", "@closed.example")
    home.ok("consent", "withdraw", "no@a.example", "newsletter",
            "--origin", "form")
    home.ok("consent", "object", "obj@a.example", "offers",
            "--origin", "form")
    people = write(home, "p.csv", "address,role,suppressed,consents\n" + "".join(
        f"{a},cto,,newsletter=granted\n" for a in (
            "out@a.example", "x@closed.example", "no@a.example",
            "obj@a.example", "fresh@a.example")))
    for _ in range(2):
        home.ok("lead", "import", people)
    verdicts = {}
    for address, segment in (
            ("out@a.example", "offers"), ("x@closed.example", "offers"),
            ("no@a.example", "newsletter"), ("obj@a.example", "offers"),
            ("fresh@a.example", "newsletter"), ("fresh@a.example", "offers")):
        done = home.cli("explain", address, segment, "--json")
        verdicts[address, segment] = json.loads(done.stdout)["reason"]
    assert verdicts == {
        ("out@a.example", "offers"): "suppressed",
        ("x@closed.example", "offers"): "suppressed",
        ("no@a.example", "newsletter"): "withdrawn",
        ("obj@a.example", "offers"): "objected",
        ("fresh@a.example", "newsletter"): "no_consent",
        ("fresh@a.example", "offers"): "allowed"}


def test_export_comes_back(home):
    home.ok("lead", "import", write(
        home, "p.csv", "address,role,employees,company\n"
        "jane@a.example,cto,250,\"Acme, Ltd.\"\n"
        "joe@b.example,head of it,100,\n"))
    home.ok("suppress", "add", "joe@b.example")
    home.ok("consent", "grant", "jane@a.example", "newsletter",
            "--origin", "form")
    text = home.ok("lead", "export")
    rows = {row["address"]: row for row in csv.DictReader(io.StringIO(text))}
    assert rows["jane@a.example"]["company"] == "Acme, Ltd."
    assert rows["jane@a.example"]["consents"] == "newsletter=granted"
    assert rows["joe@b.example"]["suppressed"] == "manual"
    again = home.ok("lead", "import", write(home, "again.csv", text))
    assert again == "0 new, 0 changed, 2 unchanged, 0 refused\n"
    assert list(lead_list(home, "--audience", "it")) == ["jane@a.example"]
    assert list(lead_list(home, "--audience", "employees < 200")) == [
        "joe@b.example"]
    assert "column 1" in home.refused(
        "lead", "export", "--audience", "rol = cto")
    assert "lead:" in home.ok("lead", "export", "--redact")
    assert "@" not in home.ok("lead", "export", "--redact")


def test_re_address(home):
    home.ok("lead", "set", "old@a.example", "role=cto")
    home.ok("consent", "grant", "old@a.example", "newsletter",
            "--origin", "form")
    home.ok("consent", "object", "old@a.example", "offers",
            "--origin", "form")
    home.ok("lead", "re-address", "old@a.example", "new@b.example")
    assert attributes(home, "new@b.example") == {"role": "cto"}
    said = lead_list(home)["new@b.example"]["consents"]
    assert said == {"newsletter": "granted", "offers": "objected"}
    old, = home.json("lead", "show", "old@a.example")
    assert old["moved_to"] == "new@b.example"
    assert "new@b.example" in home.ok("lead", "show", "old@a.example")
    assert home.json("explain", "old@a.example", "newsletter",
                     status=1)[0]["reason"] == "suppressed"
    assert home.json("explain", "new@b.example",
                     "newsletter")[0]["reason"] == "allowed"
    # a no by an old link, which is to the old address
    home.ok("consent", "withdraw", "old@a.example", "newsletter",
            "--origin", "form")
    assert home.json("explain", "new@b.example", "newsletter",
                     status=1)[0]["reason"] == "withdrawn"
    home.refused("lead", "re-address", "old@a.example", "c@c.example",
                 status=1)


def test_merge(home):
    home.ok("lead", "set", "one@a.example", "role=cto", "employees=7")
    home.ok("lead", "set", "two@b.example", "role=cio")
    home.ok("suppress", "add", "one@a.example", "--reason", "complaint")
    home.refused("lead", "merge", "one@a.example", "nobody@b.example",
                 status=1)
    home.ok("lead", "merge", "one@a.example", "two@b.example")
    assert attributes(home, "two@b.example") == {"role": "cio", "employees": 7}
    shown, = home.json("lead", "show", "two@b.example")
    assert [(s["reason"], s["origin"]) for s in shown["suppressions"]] == [
        ("complaint", "merge")]
    for address in ("one@a.example", "two@b.example"):
        events = home.json("lead", "timeline", address)
        merged, = [e for e in events if e["type"] == "lead_merged"]
        assert (merged["address"], merged["to"]) == (
            "one@a.example", "two@b.example")
        row = " ".join(home.ok("lead", "timeline", address).split())
        assert "goes on as - two@b.example; by way of merge;" in row
        assert "; before one@a.example" in row
