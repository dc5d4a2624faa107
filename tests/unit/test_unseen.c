/* test_unseen.c - how well answers are told apart that the rules were not made
 * from. The two lists in tests/data/unseen were written in parts, each before the
 * rules were looked at or changed again; of the last 110 of them 52 of 65 replies
 * and 34 of 45 answers were right at first sight; of 40 more of who is gone or only
 * seems so ("Autumn") 35, and nobody who is there was taken for gone; of 83 made to
 * mislead about that ("Winter") 50, and six who are there were called gone for good;
 * of 50 after that ("Spring") 39, and three were. Of 60 replies after those
 * 54, five of 40 living addresses called dead; of 30 made to mislead 20, nine of 22
 * called dead. What is measured now is a share, with a floor. What must never be
 * wrong has no share: that a living address is called dead, and that a mail which
 * asks to go on is taken for one that asks to stop.
 *
 * Prints each miss. With a name as argument it reads that list instead: for
 * whoever has another one. */
#include "tests/unit/tap.h"

#include "policy/base/file.h"
#include "policy/mail/reply.h"

enum {
	MAX_LIST = 1 << 20,
	MAX_ARENA = 1 << 20,
	RIGHT_REPLIES = 980, /* of a thousand */
	RIGHT_ANSWERS = 980,
};

struct score {
	int all, right, grave;
};

static struct bounce_rules *bounces;
static struct reply_rules *rules;

static bool load(const char *name, struct buf *b)
{
	char path[4096];
	const char *top = getenv("TENDRIL_SRCDIR");
	struct error err = {0};

	if (strchr(name, '/') == NULL)
		(void)snprintf(path, sizeof(path), "%s/tests/data/unseen/%s",
		    top != NULL ? top : ".", name);
	else
		(void)snprintf(path, sizeof(path), "%s", name);
	buf_init(b, MAX_LIST);
	return OK(file_read(path, b, &err) == 0, "%s", err.text);
}

static int per_mille(const struct score *s)
{
	return s->all > 0 ? s->right * 1000 / s->all : 0;
}

static void judge(const struct score *s, int floor, const char *what)
{
	printf("# %s: %d of %d right\n", what, s->right, s->all);
	OK(s->all > 0, "%s: there are any", what);
	IS_INT(s->grave, 0, "%s: nothing is gravely wrong", what);
	OK(per_mille(s) >= floor, "%s: %d of a thousand right, at least %d",
	    what, per_mille(s), floor);
}

/* --- what servers say: "reason|reason<TAB>reply" --- */

/* "live": whatever does not blame the person. */
static bool is_wanted(struct str wants, const struct bounce_answer *a)
{
	struct str one;

	while (str_next(&wants, '|', &one))
		if (str_eq(one, str_of(bounce_reason_name(a->reason))) ||
		    (str_eq(one, STR("live")) &&
			a->class != BOUNCE_CLASS_PERSON))
			return true;
	return false;
}

static bool may_be_dead(struct str wants)
{
	static const char *const person[] = {"user_unknown", "host_unknown",
	    "mailbox_disabled", "mailbox_moved"};
	struct str one;

	while (str_next(&wants, '|', &one))
		for (size_t i = 0; i < 4; i++)
			if (str_eq(one, str_of(person[i])))
				return true;
	return false;
}

/* As Postfix makes a Status field of a reply. */
static const char *status_of(struct str text, char out[16])
{
	struct str code;
	struct bounce_status status;
	bool found = bounce_find_status(text, &status, &code);

	if (found)
		(void)snprintf(out, 16, "%.*s", STR_ARG(code));
	else
		(void)snprintf(
		    out, 16, "%c.0.0", str_starts(text, STR("4")) ? '4' : '5');
	return out;
}

static void classify_reply(struct str wants, struct str text, struct score *s)
{
	char status[16];
	struct bounce_answer a;
	struct bounce_evidence in = {.status = str_of(status_of(text, status)),
	    .diagnostic = text,
	    .rcpt = STR("someone@example.com")};
	bool right;

	bounce_classify(bounces, &in, &a);
	right = is_wanted(wants, &a);
	s->all++;
	s->right += right;
	if (right)
		return;
	if (a.class == BOUNCE_CLASS_PERSON && !may_be_dead(wants)) {
		s->grave++;
		printf("# GRAVE");
	} else {
		printf("# miss");
	}
	printf(": want %.*s, have %s by %u: %s: %.*s\n", STR_ARG(wants),
	    bounce_reason_name(a.reason), a.by.line,
	    a.by.text != NULL ? a.by.text : "", STR_ARG(text));
}

static void test_replies(const char *name)
{
	struct score s = {0};
	struct str rest, line;
	struct buf b;

	if (load(name, &b)) {
		rest = buf_str(&b);
		while (str_next(&rest, '\n', &line)) {
			size_t tab = str_find(line, 0, '\t');

			if (tab < line.n && line.p[0] != '#')
				classify_reply(str_cut(line, 0, tab),
				    str_from(line, tab + 1), &s);
		}
		judge(&s, RIGHT_REPLIES, name);
	}
	buf_fini(&b);
}

/* --- what people and their programs answer --- */

struct sample {
	struct str kind; /* "opt-out", "human!" */
	struct str language;
	struct str mail; /* fields and text */
};

/* Cuts the next sample off; false at the end. */
static bool next_sample(struct str *rest, struct sample *out)
{
	static const struct str mark = STR("%% ");
	struct str line;
	size_t at = 0;

	while (!str_starts(*rest, mark))
		if (!str_next(rest, '\n', &line))
			return false;
	if (!str_next(rest, '\n', &line))
		return false;
	line = str_from(line, mark.n);
	out->kind = str_cut(line, 0, str_find(line, 0, ' '));
	out->language = str_trim(str_from(line, out->kind.n));
	while (at < rest->n && !str_starts(str_from(*rest, at), mark)) {
		size_t end = str_find(*rest, at, '\n');

		at = end < rest->n ? end + 1 : rest->n;
	}
	out->mail = str_cut(*rest, 0, at);
	*rest = str_from(*rest, at);
	return true;
}

/* The kind as the list calls it; NULL: the arena was full. */
static const char *read_answer(const struct sample *s, struct arena *a)
{
	struct report report;
	struct reply reply;
	const char *text = arena_printf(a,
	    "From: Petra Muster <petra.muster@example.com>\n"
	    "To: Sales <sales@example.net>\n"
	    "Message-ID: <answer@example.com>\n"
	    "In-Reply-To: <offer@example.net>\n"
	    "MIME-Version: 1.0\n"
	    "Content-Type: text/plain; charset=utf-8\n"
	    "Content-Transfer-Encoding: 8bit\n"
	    "%.*s",
	    STR_ARG(s->mail));
	struct reply_in in = {&report, str_of(text != NULL ? text : ""), false};

	if (text == NULL ||
	    report_classify(bounces, in.message, a, &report) != 0)
		return NULL;
	if (report.kind != REPORT_NONE && report.kind != REPORT_AUTO_REPLY)
		return report_kind_name(report.kind);
	if (reply_read(rules, &in, a, &reply) != 0)
		return NULL;
	if (reply.kind == REPLY_OPT_OUT)
		return "opt-out";
	/* of somebody else, or told by somebody else: it stops nothing */
	if (reply.kind == REPLY_LEFT &&
	    !reply_says_left(&reply, STR("petra.muster@example.com")))
		return reply.automatic ? "auto" : "human";
	return reply_kind_name(reply.kind);
}

/* What stops mail to somebody who did not ask for that. */
static bool is_grave(struct str want, const char *have)
{
	bool stops = strcmp(have, "opt-out") == 0 ||
		     strcmp(have, "left") == 0 || strcmp(have, "hard") == 0;
	bool goes_on = str_eq(want, STR("human!")) ||
		       str_eq(want, STR("vacation")) ||
		       str_eq(want, STR("auto"));

	return stops && goes_on;
}

static void test_one_answer(const struct sample *sample, struct score *s)
{
	struct arena *a = arena_new(MAX_ARENA);
	const char *have = a != NULL ? read_answer(sample, a) : NULL;
	struct str want = sample->kind;

	if (have == NULL)
		have = "(no memory)";
	if (str_ends(want, STR("!")))
		want = str_cut(want, 0, want.n - 1);
	s->all++;
	if (str_eq(want, str_of(have))) {
		s->right++;
	} else {
		bool grave = is_grave(sample->kind, have);

		s->grave += grave;
		printf("# %s: want %.*s, have %s (%.*s)\n",
		    grave ? "GRAVE" : "miss", STR_ARG(want), have,
		    STR_ARG(sample->language));
		tap_show("mail", sample->mail);
	}
	arena_free(&a);
}

static void test_answers(const char *name)
{
	struct score s = {0};
	struct sample sample;
	struct str rest;
	struct buf b;

	if (load(name, &b)) {
		rest = buf_str(&b);
		while (next_sample(&rest, &sample))
			test_one_answer(&sample, &s);
		judge(&s, RIGHT_ANSWERS, name);
	}
	buf_fini(&b);
}

int main(int argc, char **argv)
{
	bool all = argc < 2;

	if (!OK(bounce_rules_new(&bounces) == 0 && reply_rules_new(&rules) == 0,
		"the rules"))
		return tap_done();
	if (all || strstr(argv[1], "replies") != NULL)
		test_replies(all ? "replies.tsv" : argv[1]);
	if (all || strstr(argv[1], "replies") == NULL)
		test_answers(all ? "answers.txt" : argv[1]);
	reply_rules_free(&rules);
	bounce_rules_free(&bounces);
	return tap_done();
}
