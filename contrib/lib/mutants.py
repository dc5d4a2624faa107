"""Bugs seeded on purpose, one line each: the unit tests must notice each.

A mutant is applied to a copy of the tree, only the programs concerned are
built and run, and one of them must fail. A mutant that survives means that a
test is missing; one whose line is gone from the source is a failure too. As
many copies as there are processors work side by side.

    contrib/check mutants
"""

import dataclasses
import os
import shutil
import tempfile
import threading

import build
import mutant_tree
import mutants_policy

FOLDER = build.BUILDS / "mutants"


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
           "row->count >= l->count &&", "row->count >= 1 &&",
           ("test_giveup",)),
    Mutant("a queued slot is never released",
           "policy/state/ops_slot.c",
           "return r->state == SLOT_PROPOSED || r->state == SLOT_QUEUED;",
           "return r->state == SLOT_PROPOSED;",
           ("test_slots", "test_decide")),
    Mutant("a repeated delivery counts again",
           "policy/state/ops_slot.c",
           "return r->state != SLOT_DELIVERED || message_is_assumed(r);",
           "return true;",
           ("test_slots", "test_decide")),
    Mutant("what was assumed to be delivered is not released",
           "policy/state/ops_slot.c",
           "return is_told(c);", "return false;",
           ("test_outcomes",)),
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
    Mutant("a run of a group is never merged",
           "policy/state/reference_put.c",
           "run < first + FAN; run++)\n\t\trc = collect(",
           "run < first + FAN - 1; run++)\n\t\trc = collect(",
           ("test_reference",)),
    Mutant("what is merged is lost",
           "policy/state/reference_put.c",
           "put_rows(t, level + 1, s)", "0", ("test_reference",)),
    Mutant("young Message-IDs go with old ones",
           "policy/state/reference_put.c",
           "if (!reference_is_old(s->v[i].id, now_ms))",
           "if (i == 0 && !reference_is_old(s->v[i].id, now_ms))",
           ("test_reference",)),
    Mutant("an answer is to the oldest message",
           "policy/state/reference.c",
           "id > f->of_lead &&", "f->of_lead == 0 &&",
           ("test_reference",)),
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
    Mutant("who knows a Message-ID complains for whom it was sent to",
           "agent/in/sort.c",
           "if (sort_has_proof(s) ||\n\t    !sort_speaks_of_person(",
           "if (!sort_has_proof(s) ||\n\t    !sort_speaks_of_person(",
           ("test_sort",)),
    Mutant("a delivery of long ago starts no row anew",
           "policy/state/message.c",
           "VERSION_ENDS_ROWS = 4,", "VERSION_ENDS_ROWS = 5,",
           ("test_feedback_giveup",)),
    Mutant("what failed two days ago failed now",
           "policy/state/ops_feedback.c",
           "at_ms > 0 && at_ms < now_ms ?", "at_ms > now_ms ?",
           ("test_feedback_giveup",)),
    Mutant("what was set aside once never means anything",
           "agent/in/act.c",
           "(before != SEEN_UNPARSED ||", "(before == SEEN_UNPARSED ||",
           ("test_feedback",)),
    Mutant("one mail to two addresses is two answers",
           "agent/in/act.c",
           "*yes_out |= lead_id_eq(&mine, &other);", "*yes_out |= false;",
           ("test_answers",)),
    Mutant("a failure that is known is told again",
           "policy/state/ops_feedback.c",
           "giveup_rank(&x.g) > w.before.rank", "giveup_rank(&x.g) > 0",
           ("test_feedback",)),
    Mutant("whoever fails amid a spike is given up for ever",
           "policy/state/ops_feedback.c",
           "if (!x->amid || x->confirms)",
           "if (x->amid || x->confirms)",
           ("test_feedback_giveup",)),
    Mutant("who failed before a spike was seen stays given up for ever",
           "policy/state/ops_feedback.c",
           "return rc != 0 || !x->amid", "return rc != 0 || x->amid",
           ("test_feedback_giveup",)),
    Mutant("a spike makes provisional what another failure confirmed",
           "policy/state/ops_feedback.c",
           "x->until_ms == 0 && !x->confirms &&", "x->until_ms == 0 &&",
           ("test_feedback_giveup",)),
    Mutant("a spike takes back what people entered",
           "policy/state/spikeback.c",
           "r->since_ms == f->at_ms && suppression_is_of_failure(r);",
           "r->since_ms == f->at_ms;",
           ("test_feedback_giveup",)),
    Mutant("a spike's rest is forgotten at a restart",
           "policy/state/spikeback.c",
           "e.done = n < SPIKEBACK_AT_ONCE;", "e.done = true;",
           ("test_feedback_giveup",)),
    Mutant("a second failure confirms nothing",
           "policy/rules/spike.c",
           "p->failed_ms != 0 &&", "p->failed_ms == 0 &&",
           ("test_spike", "test_feedback_giveup")),
    Mutant("undo takes back what people entered",
           "policy/state/suppression.h",
           'return str_eq(r->origin, STR("bounce")) &&',
           'return str_eq(r->origin, STR("bounce")) ||',
           ("test_evidence",)),
    Mutant("a bounce takes the place of a complaint",
           "policy/rules/giveup.c",
           "weight(next->reason) > weight(now->reason)",
           "weight(next->reason) != weight(now->reason)",
           ("test_feedback",)),
    Mutant("a mail that comes twice is acted on twice",
           "agent/in/act.c",
           "if (rc != 0 || w->seen)", "if (rc != 0)",
           ("test_maildir",)),
    Mutant("an address with its local part in quotes stays in the log",
           "policy/base/mask.c",
           "s.p[at - 1] == '\"')", "s.p[at - 1] == '\\'')",
           ("test_base",)),
    Mutant("a wish waits from when the agent read of it",
           "agent/in/act.c",
           "w->review_ms -= waited_ms(w);", "(void)waited_ms;",
           ("test_answers",)),
    Mutant("what was waited is not bounded by now",
           "agent/in/act.c",
           "since_ms > 0 && since_ms < now_ms", "since_ms > 0",
           ("test_answers",)),
    Mutant("a message that kills the agent is given for ever",
           "agent/in/maildir.c",
           "if (c->tries > MAILDIR_TRIES) {", "if (c->tries == 0) {",
           ("test_maildir",)),
    Mutant("what strangers fill the disk with stays for an hour",
           "agent/in/maildir.c",
           "m->aside_bytes >= ASIDE_SWEEP", "m->aside_bytes < 0",
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
    Mutant("what comes to our people shows the token of an answer",
           "milter/inbound.c",
           "static const struct strs none = {NULL, 0};",
           "const struct strs none = {&s->answer_rcpt, 1};",
           ("test_inbound",)),
    Mutant("an answer that was found is of no message",
           "agent/in/sort.c",
           "	if (rc == 0 && o->answer != 0)", "	if (rc == 0 && o->answer == 1)",
           ("test_sort",)),
    Mutant("what a report returns may be too large to read the report",
           "policy/mail/multireport.c",
           "	if (p->encoding != MIME_IDENTITY)",
           "	if (p->encoding == MIME_IDENTITY)",
           ("test_sort",)),
    Mutant("an attachment hides the token beside it",
           "agent/in/sort_search.c",
           "	return !lower || !upper;", "	return lower || upper;",
           ("test_sort",)),
    Mutant("an address of ours too many is taken and forgotten",
           "milter/feedback_rcpt.c",
           "if (s->n_feedback == SESSION_FEEDBACK_MAX && !s->local)",
           "if (s->n_feedback == SESSION_FEEDBACK_MAX && s->local)",
           ("test_feedback_rcpt",)),
    Mutant("whose copy it is does not count beside the envelope",
           "agent/in/sort.h",
           "SORT_TOKENS_MAX = ORIGIN_RCPTS_MAX + 2,",
           "SORT_TOKENS_MAX = ORIGIN_RCPTS_MAX,",
           ("test_sort",)),
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
    Mutant("those in front may fill a batch",
           "policy/ledger/lanes.c",
           "n < l->batch_max - (b->n[LANE_BACK] == 0) &&",
           "n < l->batch_max &&",
           ("test_lanes",)),
    Mutant("those behind go on while somebody in front waits elsewhere",
           "policy/ledger/lanes.c",
           "b->n[LANE_FRONT] > 0 || q->elsewhere", "b->n[LANE_FRONT] > 0",
           ("test_lanes",)),
    Mutant("a decision waits behind an import",
           "policy/ledger/door.c",
           "return propose(d, LANE_FRONT, fn, arg, err);",
           "return propose(d, LANE_BACK, fn, arg, err);",
           ("test_lanes",)),
    Mutant("what a killed writer committed is nobody's",
           "policy/ledger/env.c",
           "info.me_last_txnid > mdb_txn_id(t->txn)",
           "info.me_last_txnid < mdb_txn_id(t->txn)",
           ("test_ledger_env",)),
    Mutant("who is behind gives way to nobody",
           "policy/ledger/turns.c",
           "let_go_first(t, LANE_FRONT, TURNS_WAY_US);", ";",
           ("test_lanes",)),
    Mutant("somebody's entry in the journal is the MTA's",
           "agent/in/mtalog_writers.c",
           "w->uid[i] == number", "w->uid[i] <= number",
           ("test_mtalog_journal",)),
    Mutant("a gap of the journal is not told",
           "agent/in/mtalog_journal.c",
           "j->missing = rc != 1;", "j->missing = false;",
           ("test_mtalog_journal",)),
    Mutant("a refused entry of the journal does not come again",
           "agent/in/mtalog_journal.c",
           "j->pending = rc != 0;", "j->pending = false;",
           ("test_mtalog_journal",)),
    Mutant("the journal's position moves with mail alone",
           "agent/in/mtalog_journal.c",
           "if (rc == 0 && j->passed &&", "if (rc == 1 && j->passed &&",
           ("test_mtalog_journal",)),
    Mutant("an entry that journald moved is another",
           "agent/in/mtalog_journal.c",
           "now.realtime_us == j->pos.realtime_us", "now.realtime_us == 1",
           ("test_mtalog_journal",)),
    Mutant("a journal that may not be read is an empty one",
           "agent/in/mtalog_journal_dirs.c",
           "errno == ENOENT ? 0 : refused(err, -errno, path);\n\tif",
           "0;\n\tif",
           ("test_mtalog_journal",)),
) + tuple(Mutant(*words) for words in mutants_policy.MUTANTS)


class Trouble(Exception):
    """The stage itself does not work; not a mutant that survived."""


def prepare(tmp, log):
    """Copies of the tree, built, whose tests pass: else nothing is shown."""
    tests = sorted({name for mutant in MUTANTS for name in mutant.tests})
    first = mutant_tree.Tree(FOLDER / "0", tmp)
    first.configure(log)
    built = first.make(tests, build.jobs())
    first.move_log(log)
    if not built:
        raise Trouble("the copy of the tree does not build")
    trees = [first, *(first.copy(FOLDER / str(number))
                      for number in range(1, build.jobs()))]
    passed = mutant_tree.side_by_side(
        lambda name, tree: tree.passes(name), tests, trees)
    for tree in trees:
        tree.move_log(log)
    if not all(passed):
        bad = [name for name, good in zip(tests, passed) if not good]
        raise Trouble(f"without any mutant: {', '.join(bad)} failed")
    return trees


def is_noticed(mutant, tree):
    """Apply, build, run, take back."""
    path = tree.src / mutant.path
    text = path.read_text(encoding="utf-8")
    if text.count(mutant.old) != 1:
        raise Trouble(f"{mutant.path} has {text.count(mutant.old)} times: "
                      f"{mutant.old}")
    path.write_text(text.replace(mutant.old, mutant.new), encoding="utf-8")
    try:
        if not tree.make(mutant.tests):
            raise Trouble(f"does not compile: {mutant.what}")
        return not all(tree.passes(name) for name in mutant.tests)
    finally:
        path.write_text(text, encoding="utf-8")


def sow(mutant, tree):
    """None if it is noticed, else what went wrong."""
    tree.say(f"\n=== {mutant.path}: {mutant.what}")
    try:
        noticed = is_noticed(mutant, tree)
        return None if noticed else f"survived: {mutant.what}"
    except Trouble as error:
        return str(error)


def run(log):
    """(noticed, list of what went wrong)."""
    shutil.rmtree(FOLDER, ignore_errors=True)
    tmp = tempfile.mkdtemp(prefix="tendril-mutants-", dir="/tmp")
    os.chmod(tmp, 0o711)  # tests that are other users pass through it
    writing = threading.Lock()

    def sow_and_tell(mutant, tree):
        wrong = sow(mutant, tree)
        with writing:
            tree.move_log(log)
        return wrong

    try:
        trees = prepare(tmp, log)
        results = mutant_tree.side_by_side(sow_and_tell, MUTANTS, trees)
    except Trouble as error:
        return 0, [str(error)]
    finally:
        shutil.rmtree(FOLDER, ignore_errors=True)
        shutil.rmtree(tmp, ignore_errors=True)
    wrong = [text for text in results if text is not None]
    return len(results) - len(wrong), wrong
