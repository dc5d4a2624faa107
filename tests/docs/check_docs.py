#!/usr/bin/python3
"""Do the documents say what the sources say? A TAP program of `make check`.

Compared are lists: events of the log with their levels and keys, reasons,
metrics, events and tables of the ledger, folders, packages, options of
configure, and the files and functions that documents and comments refer to. Whether the words beside them are true
is for people.
"""

import functools
import os
import pathlib
import re
import sys

ROOT = pathlib.Path(os.environ.get(
    "TENDRIL_SRCDIR", pathlib.Path(__file__).resolve().parents[2]))
PARTS = ("policy", "milter", "agent")
DOCUMENTS = ("README.md", "ARCHITECTURE.md", "CONTRIBUTING.md", "SECURITY.md",
             "INSTALL", "NEWS")


def read(name):
    return (ROOT / name).read_text(encoding="utf-8")


def sources(*parts):
    for part in parts:
        for path in sorted((ROOT / part).rglob("*.c")):
            yield path.relative_to(ROOT), path.read_text(encoding="utf-8")


def between(text, mark):
    """The part of a manual page that is compared."""
    begin = f'.\\" begin of {mark}\n'
    start = text.index(begin) + len(begin)
    return text[start:text.index('.\\" end of', start)]


# --- the log ---


def call_at(text, start):
    """The text of a call whose name begins at `start`."""
    at = text.index("(", start)
    depth = 0
    for end in range(at, len(text)):
        depth += {"(": 1, ")": -1}.get(text[end], 0)
        if depth == 0:
            return text[at + 1:end]
    raise ValueError("a call without end")


def log_calls(part):
    """(event, level, keys) of each call that writes to the log."""
    for path, text in sources(part):
        for found in re.finditer(r"\bLOG_EV(_LIMITED)?\(", text):
            call = call_at(text, found.start())
            levels = re.findall(r"LOG_LEVEL_([A-Z]+)", call)
            event = re.search(r'LOG_LEVEL_[A-Z]+,\s*"([a-z_.]+)"', call)
            keys = re.findall(r'KV_[A-Z0-9]+\(\s*"([a-z0-9_]+)"', call)
            if event is None:
                assert (path.name, "s->name") == (
                    "steps.c", re.search(r"s->name", call)[0]), path
                for name in step_names():
                    yield name, levels, keys
            else:
                yield event[1], levels, keys


def step_names():
    """Steps log their failures under their own names."""
    text = read("agent/parts.c")
    return re.findall(r'steps_add\([^"]*"([a-z]+)"', text)


LEVELS = {"err": "ERR", "warning": "WARNING", "notice": "NOTICE",
          "info": "INFO"}


def events_in_sources(*parts):
    """{event: (levels, keys)} over all its calls."""
    events = {}
    for part in parts:
        for event, levels, keys in log_calls(part):
            known = events.setdefault(event, (set(), set()))
            known[0].update(levels)
            known[1].update(keys)
    return events


def events_in_manual(programs):
    """The same of one list of tendril-log(5): an item has name and levels,
    then lines of keys, then `.Pp` and what it means."""
    events = {}
    text = between(read("policy/conf/tendril-log.5"), f"events: {programs}")
    for item in text.split("\n.It Ic ")[1:]:
        head, *lines = item.split("\n.Pp\n")[0].splitlines()
        name, levels = head.split(" Pq ")
        events[name] = ({LEVELS[word] for word in levels.split(" or ")},
                        {key for line in lines if line.startswith(".Cm ")
                         for key in line.split()[1:]})
    return events


def check_log(ok):
    manual, code = {}, {}
    for programs in ("milter agent", "milter", "agent"):
        manual[programs] = events_in_manual(programs)
    sides = {part: events_in_sources(part) for part in PARTS}
    shared = set(sides["policy"]) | (
        set(sides["milter"]) & set(sides["agent"]))
    for programs, parts in (("milter agent", PARTS), ("milter", ["milter"]),
                            ("agent", ["agent"])):
        code[programs] = {
            name: known for name, known in events_in_sources(*parts).items()
            if (name in shared) == (programs == "milter agent")}
        ok(set(manual[programs]) == set(code[programs]),
           f"tendril-log(5) has the events of {programs}",
           sorted(set(manual[programs]) ^ set(code[programs])))
        for name in sorted(set(manual[programs]) & set(code[programs])):
            ok(manual[programs][name] == code[programs][name],
               f"level and keys of {name}",
               (manual[programs][name], code[programs][name]))
        ok(list(manual[programs]) == sorted(manual[programs]),
           f"events of {programs} are sorted")


def check_reasons(ok):
    text = read("policy/rules/verdict.c")
    code = re.findall(r'\[REASON_\w+\] = "(\w+)"', text)
    manual = re.findall(r"^\.It Li (\w+)$",
                        between(read("policy/conf/tendril-log.5"), "reasons"),
                        re.M)
    ok(code == manual, "tendril-log(5) has the reasons, in order",
       set(code) ^ set(manual))


def check_metrics(ok):
    manual = set(re.findall(r"^\.It Ic (\w+)$", between(
        read("policy/conf/tendril-log.5"), "metrics"), re.M))
    text = read("agent/web/metrics.c")
    code = {f"tendril_{name}" for name in
            re.findall(r'add_(?:gauge|scope)\(\s*b,\s*"(\w+)"', text)}
    for _, text in sources("policy/state"):
        if "counter_add(" in text:
            code |= {f"tendril_{kind}_total" for kind in counter_kinds(text)}
    ok(manual == code, "tendril-log(5) has the metrics", manual ^ code)


def counter_kinds(text):
    """What stands before the first dot of the names of counters: literals
    with a dot, without one in the calls of count()."""
    found = re.findall(r'"([a-z_]+)\.[a-z_.%]+"', text)
    found += re.findall(r'\bcount\(t, ev, "([a-z_]+)"', text)
    if re.search(r'snprintf\(name, sizeof\(name\), "%s\.%s\.%s"', text):
        found += re.findall(r'\? "([a-z]+)" : "([a-z]+)"', text)[0]
    return {kind for kind in found if kind != "%s"}


# --- ARCHITECTURE.md ---


def table_rows(text, heading):
    """First cells of the table below a heading, without backquotes."""
    part = text[text.index(f"\n{heading}\n"):]
    rows = re.findall(r"^\| ([^|]*?) +\|", part[:part.index("\n#", 1)], re.M)
    return [row.strip("`") for row in rows
            if row not in ("", "---") and not set(row) <= set("- ")][1:]


def check_ledger(ok):
    text = read("ARCHITECTURE.md")
    code = re.findall(r"^EVENT\(\d+, (\w+),", read("policy/ledger/events.def"),
                      re.M)
    shown = table_rows(text, "### Events")
    ok(shown == code, "ARCHITECTURE.md has the events of events.def",
       set(shown) ^ set(code))
    code = [name.lower() for name in re.findall(
        r"^\tTABLE_(\w+),", read("policy/state/tables.h"), re.M)]
    shown = table_rows(text, "### Tables")
    ok(shown == code, "ARCHITECTURE.md has the tables of tables.h",
       set(shown) ^ set(code))


def check_writers(ok):
    """The file that events.def names for an event does emit it."""
    for name, writer in re.findall(r'^EVENT\(\d+, (\w+),.*"(.*)"\)$',
                                   read("policy/ledger/events.def"), re.M):
        ok((ROOT / writer).exists() and f"EV_{name}" in read(writer),
           f"{name} is written by {writer}")


def check_map(ok):
    """The source map names each folder of sources, and no other."""
    text = read("ARCHITECTURE.md")
    shown = {row.rstrip("/") for row in table_rows(text, "## Source map")}
    real = {str(path.relative_to(ROOT).parent) for part in PARTS
            for path in (ROOT / part).rglob("*.c")}
    missing = {folder for folder in real if folder not in shown}
    ok(not missing, "ARCHITECTURE.md's source map has all folders", missing)
    gone = {folder for folder in shown if not (ROOT / folder).exists()}
    ok(not gone, "the source map names what is there", gone)


# --- INSTALL ---


def check_install(ok):
    text = read("INSTALL")
    listed = re.search(r'^build_packages="([^"]*)"',
                       read("contrib/lib/packages.sh"), re.M)[1].split()
    block = text[text.index("apt-get install"):]
    shown = re.sub(r"\\\n", " ", block[:block.index("\n\n")]).split()[2:]
    shown = [word for word in shown if not word.startswith("-")]
    ok(shown == listed, "INSTALL has the packages of contrib/lib/packages.sh",
       set(shown) ^ set(listed))
    m4 = read("m4/tendril.m4") + read("configure.ac")
    options = set(re.findall(r"AS_HELP_STRING\(\[--([a-z-]+)", m4))
    shown = set(re.findall(r"^  --([a-z-]+)", text, re.M))
    ok(options <= shown, "INSTALL has the options of configure",
       options - shown)


# --- references ---


def check_links(ok):
    for name in DOCUMENTS:
        text = read(name)
        gone = [target for target in
                re.findall(r"\]\(([^)#:]+)(?:#[^)]*)?\)", text)
                if not (ROOT / target).exists()]
        ok(not gone, f"links of {name}", gone)
        words = re.findall(r"`([\w./-]+/[\w.-]+\.(?:[ch]|py|mk|sh|def|m4))`",
                           text)
        gone = [word for word in words if "NAME" not in word
                and not (ROOT / word).exists()]
        words = re.findall(r"`([\w.-]+\.(?:[ch]|py|def))`", text)
        gone = [word for word in words if word not in file_names()]
        ok(not gone, f"files that {name} names without their folder", gone)


# --- comments ---


def check_mutants(ok):
    """A seeded bug has its place in the sources."""
    sys.dont_write_bytecode = True  # the sources may be read-only
    sys.path.insert(0, str(ROOT / "contrib" / "lib"))
    import mutants  # pylint: disable=import-outside-toplevel
    gone = [one.what for one in mutants.MUTANTS
            if read(one.path).count(one.old) != 1]
    ok(not gone, "seeded bugs have their place", gone)


def check_headers(ok):
    """A header is a contract; it begins with its name and what it is."""
    headers = {path: text for path, text in c_files().items()
               if path.suffix == ".h" and path.parts[0] in PARTS}
    bad = [str(path) for path, text in headers.items()
           if not text.startswith(f"/* {path.name} - ")]
    ok(not bad, "headers begin with their name", bad)
    bad = [str(path) for path, text in headers.items()
           if "Threads:" not in text]
    ok(not bad, "headers say which threads may use what they have", bad)


# Of the kernel and of libopendkim.
FOREIGN = {"complete_signal", "dkim_ohdrs", "sysexits.h"}
C_FILES = ("*.c", "*.h", "*.def")


@functools.cache
def file_names():
    return {path.name for part in (*PARTS, "tests", "contrib")
            for path in (ROOT / part).rglob("*.*")}


@functools.cache
def c_files():
    """{path: text} of all sources."""
    return {path.relative_to(ROOT): path.read_text(encoding="utf-8")
            for part in (*PARTS, "tests") for pattern in C_FILES
            for path in sorted((ROOT / part).rglob(pattern))}


COMMENT = re.compile(r"/\*.*?\*/", re.S)


def identifiers():
    words = set()
    for text in c_files().values():
        words.update(re.findall(r"[A-Za-z_]\w*", COMMENT.sub("", text)))
    return words


def check_comments(ok):
    """What a comment calls by name is there."""
    words = identifiers() | FOREIGN
    gone = []
    for path, text in c_files().items():
        for comment in COMMENT.findall(text):
            named = re.findall(r"(?<![\w/.-])(?:[\w-]+/)*([\w-]+\.(?:[ch]|def))"
                               r"\b(?![\w(])", comment)
            gone += [(str(path), name) for name in named
                     if name not in file_names() | FOREIGN
                     and "NAME" not in name]
            gone += [(str(path), f"{name}()") for name in
                     re.findall(r"\b([a-z_]\w*)\(\)", comment)
                     if name not in words]
    ok(not gone, "files and functions that comments name", gone)


def check_languages(ok):
    """A page's language has a title of its own in the policy, and back."""
    spoken = set(re.findall(r'\.lang = "(\w+)"', read("agent/web/words.c")))
    source = read("policy/conf/section_purpose.c")
    options = set(re.findall(r'\.name = "title-(\w+)"', source))
    found = set(re.findall(r'str_eq\(language, STR\("(\w+)"\)', source))
    ok(spoken and spoken == options == found, "languages of pages and titles",
       (spoken, options, found))


def check_targets(ok):
    """What documents tell to make can be made."""
    names = ("README.md", "CONTRIBUTING.md", "ARCHITECTURE.md")
    told = {target for name in names for target in
            re.findall(r"`make ([a-z][\w-]*)", read(name))}
    rules = "".join(path.read_text(encoding="utf-8") for part in
                    (*PARTS, "tests", "contrib")
                    for path in (ROOT / part).rglob("local.mk"))
    made = set(re.findall(r"^([a-z][\w-]*):", rules, re.M))
    gone = told - made - {"check", "install", "distcheck"}
    ok({"check-corpora", "check-mutants"} <= told and not gone,
       "targets that documents name", gone or told)


def main():
    count = failed = 0

    def ok(good, what, why=None):
        nonlocal count, failed
        count += 1
        print(f"{'ok' if good else 'not ok'} {count} - {what}")
        if not good:
            failed += 1
            print(f"# {why}")

    for check in (check_log, check_reasons, check_metrics, check_ledger,
                  check_writers, check_map, check_install, check_links,
                  check_comments, check_headers, check_mutants,
                  check_languages, check_targets):
        check(ok)
    print(f"1..{count}")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
