"""Bugs seeded on purpose, one line each: the unit tests must notice each.

A mutant is applied to a copy of the tree, only the programs concerned are
built and run, and one of them must fail. A mutant that survives means that a
test is missing; one whose line is gone from the source is a failure too.

    contrib/check mutants
"""

import dataclasses
import os
import shutil
import subprocess

import build
import mutants_policy

FOLDER = build.BUILDS / "mutants"
TIMEOUT_S = 120
NOT_COPIED = shutil.ignore_patterns("build", ".git", "autom4te.cache",
                                    "__pycache__")


@dataclasses.dataclass(frozen=True)
class Mutant:
    what: str
    path: str    # of the source
    old: str     # occurs once in it
    new: str
    tests: tuple  # programs in tests/unit, or "model/worlds"; one must fail


MUTANTS = (
    Mutant("messages are too close at the very edge",
           "policy/rules/caps.c",
           "caps_add_ms(date, n->w->span_ms) > n->now_ms",
           "caps_add_ms(date, n->w->span_ms) >= n->now_ms",
           ("test_verdict",)),
    Mutant("a released slot counts",
           "policy/rules/caps.c",
           "if (!s->counts || s->state == SLOT_RELEASED)", "if (!s->counts)",
           ("test_verdict", "test_decide")),
    Mutant("one too many in a window",
           "policy/rules/caps.c",
           "if (used + ahead < room)", "if (used + ahead <= room)",
           ("test_verdict",)),
    Mutant("consent is asked before suppression",
           "policy/rules/verdict.c",
           "if (by_suppression(s, f, now_ms, out) || by_purpose(s, f, out))",
           "if (by_purpose(s, f, out) || by_suppression(s, f, now_ms, out))",
           ("test_verdict",)),
    Mutant("withdrawn consent is no consent",
           "policy/rules/verdict.c",
           "else if (f->consent == CONSENT_WITHDRAWN)",
           "else if (f->consent == CONSENT_NONE)",
           ("test_verdict",)),
    Mutant("a suppression lasts one instant longer",
           "policy/rules/verdict.c",
           "now_ms < s->until_ms))", "now_ms <= s->until_ms))",
           ("test_verdict",)),
    Mutant("a duplicate of a message that never left",
           "policy/rules/dup.c",
           "if (s->state == SLOT_RELEASED ||", "if (",
           ("test_verdict", "test_decide")),
    Mutant("a bounce is taken for nurture mail",
           "policy/rules/recognise.c",
           "return sender.n > 0 ||", "return true ||",
           ("test_recognise",)),
    Mutant("one failure of a host is enough",
           "policy/rules/giveup.c",
           "rank == GIVEUP_HOST && hosts->count >= GIVEUP_HOST_FAILURES",
           "rank == GIVEUP_HOST && hosts->count >= 1",
           ("test_giveup",)),
    Mutant("a queued slot is never released",
           "policy/state/ops_slot.c",
           "return from == SLOT_PROPOSED || from == SLOT_QUEUED;",
           "return from == SLOT_PROPOSED;",
           ("test_slots", "test_decide")),
    Mutant("a repeated delivery counts again",
           "policy/state/ops_slot.c",
           "return from != SLOT_DELIVERED;", "return true;",
           ("test_slots", "test_decide")),
    Mutant("a suppression is recorded and not stored",
           "policy/state/suppression.c",
           "rc = ledger_put(t, TABLE_SUPPRESSION, key_str(&k), buf_str(&b));",
           "rc = 0;",
           ("test_events", "test_decide", "test_api")),
    Mutant("a withdrawal is recorded and not stored",
           "policy/state/consent.c",
           "(uint8_t)e->state);", "(uint8_t)CONSENT_GRANTED);",
           ("test_events", "test_decide", "test_api")),
    Mutant("a withdrawal is shown and does not bind",
           "policy/state/consent.c",
           "p->consent = now->state;", "p->consent = CONSENT_GRANTED;",
           ("test_events", "test_decide", "test_api")),
    Mutant("a policy that is no longer in force decides",
           "policy/state/decide.c",
           "return out->policy->version == current ? 0 : ERR_STALE;",
           "return 0;",
           ("test_decide",)),
    Mutant("a token's MAC is not compared",
           "policy/mail/token.c",
           "if (!digest_equal(mac, raw + n, MAC))", "if (n == 0)",
           ("test_token",)),
    Mutant("a bounce token unsubscribes",
           "policy/mail/token.c",
           "(kinds & TOKEN_SET(kind)) == 0 ||", "kinds == 0 ||",
           ("test_token",)),
    Mutant("HEAD acts like POST",
           "agent/web/unsubscribe.c",
           "} else if (rq->method == SERVER_POST) {",
           "} else if (rq->method != SERVER_GET) {",
           ("test_web",)),
    Mutant("From is not signed once too often",
           "policy/mail/dkim_sign.c",
           "STR(\"From\"), true);\n\tif (rc == 0 && p->n < 2)",
           "STR(\"From\"), false);\n\tif (rc == 0 && p->n < 1)",
           ("test_dkim_sign",)),
    Mutant("an empty body has a line",
           "policy/mail/dkim_body.c",
           "if (b->content)\n\t\tend_line(b);", "end_line(b);",
           ("test_dkim_body",)),
    Mutant("a line of 999 bytes is short",
           "policy/mail/longline.c",
           "l->found = l->run > BEFORE_LF;",
           "l->found = l->run > BEFORE_LF + 1;",
           ("test_longline",)),
    Mutant("a file is not on the disk when it gets its name",
           "policy/base/file.c",
           "if (rc == 0 && fsync(fd) != 0)", "if (rc != 0 && fsync(fd) != 0)",
           ("test_sync",)),
    Mutant("a copy is not on the disk when it gets its name",
           "policy/spool/spool.c",
           "if (rc == 0 && fsync(fd) != 0)", "if (rc != 0 && fsync(fd) != 0)",
           ("test_sync",)),
    Mutant("a copy's name is not on the disk when the MTA hears of it",
           "policy/spool/spool.c",
           "\telse\n\t\trc = file_sync_dir(s->dir[place], err);",
           "\telse\n\t\trc = 0;",
           ("test_sync",)),
    Mutant("a report counts against whom it does not name",
           "policy/state/ops_feedback.c",
           "if (f->address[i].n > 0 && str_eq(f->address[i], address))",
           "if (f->address[i].n > 0)",
           ("test_feedback",)),
    Mutant("a failure that is known is told again",
           "policy/state/ops_feedback.c",
           "giveup_rank(&g) > w.before.rank", "giveup_rank(&g) > 0",
           ("test_feedback",)),
    Mutant("a bounce takes the place of a complaint",
           "policy/rules/giveup.c",
           "weight(next->reason) > weight(now->reason)",
           "weight(next->reason) != weight(now->reason)",
           ("test_feedback",)),
    Mutant("a mail that comes twice is acted on twice",
           "agent/in/act.c",
           "if (rc != 0 || w->seen)", "if (rc != 0)",
           ("test_maildir",)),
    Mutant("a message that kills the agent is given for ever",
           "agent/in/maildir.c",
           "if (c->tries > MAILDIR_TRIES) {", "if (c->tries == 0) {",
           ("test_maildir",)),
    Mutant("one that killed the agent takes others with it",
           "agent/in/maildir.c",
           "	    c->tries > 1)", "	    c->tries == 0)",
           ("test_maildir",)),
    Mutant("an old bounce is believed",
           "policy/mail/verp.c",
           "VERP_BOUNCE_DAYS * WHEN_DAY_MS;",
           "2 * VERP_BOUNCE_DAYS * WHEN_DAY_MS;",
           ("test_feedback", "test_feedback_rcpt")),
    Mutant("an origin field holds for any body",
           "policy/mail/origin.c",
           "if (rc == 0 && !digest_equal(out->body, body, "
           "sizeof(out->body)))",
           "if (rc == 0 && body == NULL)",
           ("test_origin",)),
    Mutant("a forged recipient is refused to local mail",
           "milter/feedback_rcpt.c",
           "	if (s->local)\n		return ANSWER_CONTINUE;",
           "	if (s->local && why == NULL)\n"
           "		return ANSWER_CONTINUE;",
           ("test_feedback_rcpt",)),
    Mutant("half of a private network is public",
           "agent/out/reach.c",
           "{{172, 16}, 12},", "{{172, 16}, 13},",
           ("test_relay",)),
    Mutant("redirects are followed",
           "agent/out/http.c",
           "CURLOPT_FOLLOWLOCATION, 0L", "CURLOPT_FOLLOWLOCATION, 1L",
           ("test_relay",)),
    Mutant("one closed address forbids a name",
           "agent/out/http.c",
           "if (h->denied && !h->tried)", "if (h->denied)",
           ("test_relay",)),
    Mutant("what cannot be recorded is sent again and again",
           "agent/out/relay.c",
           "if (clock_mono_ms() < r->rest_until_ms)",
           "if (r->rest_until_ms < 0)",
           ("test_relay",)),
    Mutant("an address ends its own brackets",
           "agent/out/smtp.c",
           "(!quoted && (c == '<' || c == '>')))", "false)",
           ("test_smtp",)),
    Mutant("what waits still goes with its message's age",
           "policy/state/outbox.c",
           "		if (r.state != OUTBOX_WAITS)\n			memcpy",
           "		if (r.state != 0)\n			memcpy",
           ("test_relay",)),
    Mutant("a request with two lengths is taken",
           "agent/web/server.c",
           "f.lengths + f.codings <= 1", "f.lengths + f.codings <= 2",
           ("test_server_wire",)),
    Mutant("an opt-out is passed on for ever",
           "policy/state/outbox.c",
           "e.due_ms > r.queued_ms + KEEP_MS", "e.due_ms == 0",
           ("test_relay",)),
    Mutant("a local time that does not exist is an hour early",
           "policy/base/zone.c",
           "return add(t > z->from[i] ? t : z->from[i], shift);",
           "return add(t, shift);",
           ("test_calendar",)),
    Mutant("summer time goes on for ever",
           "policy/base/zone.c",
           "f->rule.has_dst && year <= LAST_YEAR", "year < 0",
           ("test_zone",)),
    Mutant("midnight has the offset of the instant that asks",
           "policy/base/calendar.c",
           "return zone_instant_ms(z, local);",
           "return local - zone_offset_ms(z, local);",
           ("test_calendar",)),
    Mutant("a day that the clock shows again begins again",
           "policy/base/calendar.c",
           "} while (found[1] <= t_ms && found[1] != INT64_MAX);",
           "} while (false);",
           ("test_calendar",)),
    Mutant("a week begins on Sunday",
           "policy/base/calendar.c",
           "period[0] = day - d.weekday;",
           "period[0] = day - (d.weekday + 1) % 7;",
           ("test_calendar",)),
    Mutant("hours are open at the instant they close",
           "policy/base/hours.c",
           "ms >= r[i].to_min * MINUTE_MS", "ms > r[i].to_min * MINUTE_MS",
           ("test_hours",)),
    Mutant("hours look no further than the next change of the clock",
           "policy/base/hours.c",
           "t = until;", "t = limit;",
           ("test_hours",)),
    Mutant("a range over midnight ends on the day it began",
           "policy/base/hours_text.c",
           "(days << 1 | days >> 6)", "(days)",
           ("test_hours",)),
) + tuple(Mutant(*words) for words in mutants_policy.MUTANTS)


# What a program is given, so that it does the same each time.
WORDS = {"model/worlds": ("--seed=1", "--steps=200000", "--ledger-steps=0")}


def path_of(name):
    """Of a test program, in the build folder."""
    return f"tests/{name}" if "/" in name else f"tests/unit/{name}"


class Trouble(Exception):
    """The stage itself does not work; not a mutant that survived."""


def make(tests, log):
    """Build the programs; False if that fails."""
    with open(log, "a", encoding="utf-8") as out:
        return subprocess.run(
            ["make", f"-j{build.jobs()}", *map(path_of, tests)],
            cwd=FOLDER / "obj", check=False, stdin=subprocess.DEVNULL,
            stdout=out, stderr=subprocess.STDOUT).returncode == 0


def passes(name, log):
    """Run one program. One that hangs does not pass."""
    env = {**os.environ, "TENDRIL_SRCDIR": str(FOLDER / "src"),
           "TENDRIL_BUILDDIR": str(FOLDER / "obj")}
    with open(log, "a", encoding="utf-8") as out:
        try:
            return subprocess.run(
                [FOLDER / "obj" / path_of(name), *WORDS.get(name, ())],
                check=False, cwd=FOLDER / "obj", env=env,
                stdin=subprocess.DEVNULL, stdout=out,
                stderr=subprocess.STDOUT,
                timeout=TIMEOUT_S).returncode == 0
        except subprocess.TimeoutExpired:
            return False


def prepare(log):
    """A copy of the tree, built, whose tests pass: else nothing is shown."""
    shutil.rmtree(FOLDER, ignore_errors=True)
    shutil.copytree(build.SOURCE, FOLDER / "src", ignore=NOT_COPIED,
                    symlinks=True)
    (FOLDER / "obj").mkdir()
    if not (FOLDER / "src" / "configure").exists():
        build.command(["./autogen.sh"], log, cwd=FOLDER / "src")
    build.command([FOLDER / "src" / "configure", "-q", "CFLAGS=-O0"], log,
                  cwd=FOLDER / "obj")
    tests = sorted({name for mutant in MUTANTS for name in mutant.tests})
    if not make(tests, log):
        raise Trouble("the copy of the tree does not build")
    bad = [name for name in tests if not passes(name, log)]
    if bad:
        raise Trouble(f"without any mutant: {', '.join(bad)} failed")


def is_noticed(mutant, log):
    """Apply, build, run, take back."""
    path = FOLDER / "src" / mutant.path
    text = path.read_text(encoding="utf-8")
    if text.count(mutant.old) != 1:
        raise Trouble(f"{mutant.path} has {text.count(mutant.old)} times: "
                      f"{mutant.old}")
    path.write_text(text.replace(mutant.old, mutant.new), encoding="utf-8")
    try:
        if not make(mutant.tests, log):
            raise Trouble(f"does not compile: {mutant.what}")
        return not all(passes(name, log) for name in mutant.tests)
    finally:
        path.write_text(text, encoding="utf-8")


def run(log):
    """(noticed, list of what went wrong)."""
    noticed, wrong = 0, []
    try:
        prepare(log)
    except Trouble as error:
        return 0, [str(error)]
    for mutant in MUTANTS:
        with open(log, "a", encoding="utf-8") as out:
            print(f"\n=== {mutant.path}: {mutant.what}", file=out)
        try:
            if is_noticed(mutant, log):
                noticed += 1
            else:
                wrong.append(f"survived: {mutant.what}")
        except Trouble as error:
            wrong.append(str(error))
    shutil.rmtree(FOLDER, ignore_errors=True)
    return noticed, wrong
