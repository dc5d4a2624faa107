"""SPF against a program that shares no code with ours or libspf2: pyspf answers
the same questions over the same records, which are made at random: right ones,
wrong ones, and such as are right at first sight.

Left out is what section 4.8 of RFC 7208 leaves open (names that are none), and
where pyspf 2.0.14 reads it otherwise: it takes modifiers' names by case (4.6.1
does not), finds a wrong macro only when it gets there (4.6: first of all; {d0}
it takes, 7.1 does not), asks for all hosts of an MX before it compares, ends at
trouble with an address of one of the client's names (5.5 goes on), and counts
an MX host without an address and a client without a name as void lookups (4.6.4
speaks of terms). See also OTHERWISE.

TENDRIL_TEST_SEED makes a run happen again, TENDRIL_SPF_WORLDS makes it longer.
Needs python3-spf of the Python that runs this."""

import ipaddress
import os
import pathlib
import random
import subprocess

import pytest

try:
    import spf
except ImportError as missing:
    spf, NO_PYSPF = None, str(missing)

BUILD = pathlib.Path(os.environ.get("TENDRIL_BUILDDIR", "."))
TOOL = BUILD / "tests/tools/spftool"
SEED = int(os.environ.get("TENDRIL_TEST_SEED", "7208"))
WORLDS = int(os.environ.get("TENDRIL_SPF_WORLDS", "150"))
QUESTIONS = 30

# pyspf finds these before it is their turn: an include of itself, and a redirect
# that something in front of it makes needless.
OTHERWISE = ("trivial recursion", "Too many DNS lookups")

NAMES = ["a.example", "b.example", "mail.a.example", "mx.b.example",
         "c.example", "_spf.a.example", "192.0.2.7.c.example",
         "ann.a.example", "long-name-of-a-host.d.example", "d.example",
         "e.example", "7.2.0.192.in-addr.e.example"]
IP4 = ["192.0.2.7", "192.0.2.130", "198.51.100.1", "203.0.113.255", "10.0.0.1"]
IP6 = ["2001:db8::7", "2001:db8:ffff::1"]
LOCALS = ["ann", "bob+x", "a-b-c", "", "o'hara", "Ann", "x%y", "strong.bad"]
PTR = {ip: ["mail.a.example", "d.example"] for ip in IP4 + IP6}
PTR["2001:db8::7"] = ["mx.b.example"]
PTR["10.0.0.1"] = ["a.example", "ann.a.example", "b.example"]
MACROS = ["%{i}", "%{s}", "%{l}", "%{o}", "%{d}", "%{h}", "%{d2}", "%{ir}",
          "%{l-}", "%{lr+-}", "%{d1r}", "%{v}", "%%", "%-", "%{D}",
          "%{o2}", "%{S}", "%{l1r-}", "%{i4.}"]
HOSTS = NAMES[:10]  # that have addresses
GOOD = ["a.example.", "nowhere.example", "%{i}.c.example", "%{l}.a.example",
        "%{ir}.in-addr.e.example", "A.EXAMPLE"]


class World:
    """Names with records, and what both sides are asked."""

    def __init__(self, seed):
        self.random = random.Random(seed)
        self.zone = {}
        for name in NAMES:
            if name in HOSTS or self.may(.5):
                self.zone[name] = self.records(name)
        for client, names in PTR.items():
            ip = ipaddress.ip_address(client)
            self.zone[ip.reverse_pointer] = {"PTR": list(names)}
        self.questions = [self.question() for _ in range(QUESTIONS)]

    def some(self, values):
        return self.random.choice(values)

    def may(self, share):
        return self.random.random() < share

    def records(self, name):
        r = {}
        if name in HOSTS:
            r["A"] = self.random.sample(IP4, self.random.randint(1, 3))
            r["AAAA"] = self.random.sample(IP6, 1)
        if self.may(.5):
            r["MX"] = self.random.sample(HOSTS, self.random.randint(1, 3))
        if self.may(.85):
            r["TXT"] = [self.record(name)]
            if self.may(.04):
                r["TXT"].append(self.record(name))
            if self.may(.1):
                r["TXT"].insert(0, self.some(
                    ["v=spf10 -all", "something", "v=spf1-all", "", "V=SPF2"]))
        if self.may(.03):
            r[self.some(["MX", "TXT"])] = ["TIMEOUT"]
        return {kind: values for kind, values in r.items() if values}

    def record(self, name):
        terms = [self.term(name) for _ in range(self.random.randint(0, 5))]
        if self.may(.6):
            terms.append(self.some(["-", "~", "?", "+", ""]) + "all")
        if self.may(.15):
            terms.insert(self.random.randint(0, len(terms)),
                         "redirect=" + self.target(name))
        blank = self.some([" ", " ", " ", "  "])
        head = self.some(["v=spf1"] * 12 + ["V=SPF1", "v=Spf1"])
        text = blank.join([head] + terms)
        return text + (" " if self.may(.05) else "")

    def target(self, name):
        if self.may(.75):
            return self.some(NAMES)
        if self.may(.6):
            return self.some(MACROS) + "." + self.some(NAMES)
        if self.may(.8):
            return self.some(GOOD)
        return self.some([
            self.some(MACROS), name, "x", "", "a_b.example",
            "a.example/24", "a.ex(ample",
            "%{d}%{o}", "a.example-", "a.123", "a.1x", "-a.example"])

    def cidr(self):
        if self.may(.7):
            return ""
        if self.may(.8):
            return self.some(["/24", "/32", "/0", "//64", "/8//0", "/25//128"])
        return self.some(["/24", "/32", "/0", "/25", "//64", "//128", "/24//64",
                          "/33", "//129", "/", "/024", "//", "/x", "/8//0",
                          "//0", "/24/64", "/00"])

    def term(self, name):
        sign = self.some(["", "", "", "+", "-", "~", "?"])
        kind = self.some(["a", "a", "mx", "mx", "ip4", "ip4", "ip6", "include",
                          "include", "exists", "exists", "ptr"] +
                         (["odd"] if self.may(.2) else []))
        if kind in ("a", "mx"):
            colon = ":" + self.target(name) if self.may(.6) else ""
            return sign + self.cased(kind) + colon + self.cidr()
        if kind in ("ip4", "ip6") and self.may(.75):
            return sign + kind + ":" + self.some(
                ["192.0.2.7", "192.0.2.0/24", "192.0.2.128/25", "10.0.0.0/8",
                 "198.51.100.1/32"] if kind == "ip4" else
                ["2001:db8::7", "2001:db8::/32", "2001:DB8:FFFF::/48"])
        if kind == "ip4":
            return sign + "ip4:" + self.some([
                "192.0.2.7", "192.0.2.0/24", "192.0.2.128/25", "10.0.0.0/8",
                "198.51.100.1/32", "0.0.0.0/0", "192.0.2.7/0", "192.0.2",
                "192.0.2.256", "192.0.2.7/33", "192.0.2.7/", "192.0.2.07",
                "2001:db8::7", "192.0.2.7/08", "192.0.2.7//24", ""])
        if kind == "ip6":
            return sign + "ip6:" + self.some([
                "2001:db8::7", "2001:db8::/32", "2001:db8::/129", "::/0",
                "2001:DB8:FFFF::/48", "::ffff:192.0.2.7", "2001:db8", "::1/",
                "192.0.2.7", "2001:db8::7//64", "2001:db8:0:0:0:0:0:7/128"])
        if kind in ("include", "exists"):
            target = self.target(name)
            if kind == "include" and target.lower().rstrip(".") == name:
                target = "nowhere.example"
            return sign + self.cased(kind) + ":" + target
        if kind == "ptr":
            return sign + "ptr" + (
                ":" + self.target(name) if self.may(.6) else "")
        return self.some([
            "x=y", "exp=" + self.target(name), "moo", "a:", "include", "all:x",
            "all/8", "=x", "x-1=%{d}", "redirect:a.example", "exists",
            "unknown-modifier=", "x_y.z=1", "1x=2", "ptr/24", "include:",
            "-", "++all", "ip4", "x=%{q}", "all=all", "a=x", "\tall"])

    def cased(self, word):
        return word.upper() if self.may(.08) else word

    def question(self):
        host = self.some(NAMES)
        sender = "" if self.may(.12) else \
            self.some(LOCALS) + "@" + self.some(NAMES)
        if sender.startswith("@"):
            sender = "postmaster" + sender
        return self.some(IP4 + IP6), host, sender

    # --- as spftool reads it ---

    def lines(self):
        for name, records in self.zone.items():
            yield f"{name}\tANY\t"
            for kind, values in records.items():
                for value in values:
                    yield f"{name}\t{kind}\t" + (
                        "timeout" if value == "TIMEOUT"
                        else wire(kind, value).hex())

    # --- as pyspf asks for it ---

    def lookup(self, name, qtype, *_, **__):
        records = self.zone.get(name.lower().rstrip("."), {})
        for value in records.get(qtype, ()):
            if value == "TIMEOUT":
                raise spf.TempError("DNS timeout")
            yield (name, qtype), native(qtype, value)


def wire(kind, value):
    if kind in ("A", "AAAA"):
        return ipaddress.ip_address(value).packed
    return value.encode()


def native(kind, value):
    if kind == "MX":
        return 10, value
    if kind == "TXT":
        return (value.encode(),)
    if kind == "AAAA":
        return ipaddress.ip_address(value).packed
    return value


def ours(world, folder):
    zone = folder / "zone"
    zone.write_text("\n".join(world.lines()) + "\n", encoding="utf-8")
    asked = "".join("\t".join(q) + "\n" for q in world.questions)
    done = subprocess.run([TOOL, zone], input=asked, text=True, timeout=60,
                          stdout=subprocess.PIPE, check=True)
    return done.stdout.split("\n")[:-1]


def theirs(world):
    spf.DNSLookup = world.lookup
    for ip, helo, sender in world.questions:
        query = spf.query(i=ip, s=sender or "postmaster@" + helo, h=helo,
                          strict=True)
        result, _, why = query.check()
        yield result, any(word in why for word in OTHERWISE)


def test_pyspf_agrees(tmp_path):
    if spf is None:
        pytest.fail("pyspf cannot be loaded (" + NO_PYSPF + "): install "
                    "python3-spf, run /usr/bin/python3")
    results, differ = {}, []
    for seed in range(SEED, SEED + WORLDS):
        world = World(seed)
        for asked, got, (want, otherwise) in zip(
                world.questions, ours(world, tmp_path), theirs(world)):
            results[got] = results.get(got, 0) + 1
            if got != want and not otherwise:
                differ.append((seed, asked, got, want))
    print(results)
    for seed, asked, got, want in differ[:20]:
        print(f"world {seed}: {asked}: {got}, pyspf {want}")
    assert not differ, f"{len(differ)} of {sum(results.values())} differ"
    assert {"pass", "fail", "softfail", "neutral", "none", "permerror",
            "temperror"} <= set(results), "questions of every kind"
