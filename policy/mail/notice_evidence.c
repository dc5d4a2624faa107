/* notice_evidence.c - see notice.h. Here: what the lines of one recipient say.
 *
 * Of Sendmail's "(reason: ...)" and of dialogues ("<<< 550 ...") only the
 * remote server's words count: the verdict below them ("550 5.1.1 ... User
 * unknown") is made up from the reply's class and says it of everything. */
#include "policy/mail/notice.h"

#include "policy/base/buf.h"
#include "policy/mail/multireport.h"
#include "policy/mail/notice_advice.h"

enum kind {
	OTHER,
	REASON,  /* "(reason: 550 5.1.1 no such user)" */
	REFUSAL, /* "<<< 550 5.1.1 no such user" */
	KINDS,
};

static bool is_code(struct str s)
{
	return s.n >= 3 && (s.p[0] == '4' || s.p[0] == '5') &&
	       ascii_is_digit(s.p[1]) && ascii_is_digit(s.p[2]) &&
	       (s.n == 3 || !ascii_is_alnum(s.p[3]));
}

/* 503 follows a refused RCPT of a pipeline and says nothing of why. */
static enum kind kind_of(struct str line)
{
	struct str s;

	if (str_istarts(line, STR("(reason:")))
		return REASON;
	if (!str_starts(line, STR("<<<")) && !str_starts(line, STR("<--")))
		return OTHER;
	s = str_trim(str_from(line, 3));
	return is_code(s) && !str_starts(s, STR("503")) ? REFUSAL : OTHER;
}

static size_t first_line(const struct notice *n)
{
	size_t first = n->n_lines;

	for (size_t i = 0; i < n->n; i++)
		if (n->rcpt[i].line < first)
			first = n->rcpt[i].line;
	return first;
}

static bool is_within(const struct notice *n, size_t line, size_t i,
    enum notice_reach reach, size_t first)
{
	int owner = n->line[line].owner;

	if (owner == (int)i)
		return true;
	return owner == NOTICE_COMMON &&
	       (reach == NOTICE_ALL || (reach == NOTICE_AFTER && line > first));
}

/* The lines within reach; an empty one where others stand between. */
static enum kind gather(
    const struct notice *n, size_t i, enum notice_reach reach, struct buf *b)
{
	size_t first = first_line(n), count[KINDS] = {0};
	enum kind best;

	for (size_t k = 0; k < n->n_lines; k++)
		if (is_within(n, k, i, reach, first))
			count[kind_of(n->line[k].text)]++;
	best = count[REASON] > 0    ? REASON
	       : count[REFUSAL] > 0 ? REFUSAL
				    : OTHER;
	for (size_t k = 0; k < n->n_lines && b->n < NOTICE_EVIDENCE_MAX; k++) {
		if (!is_within(n, k, i, reach, first)) {
			if (!str_ends(buf_str(b), STR("\n\n")))
				buf_addc(b, '\n');
			continue;
		}
		if (best != OTHER && kind_of(n->line[k].text) != best)
			continue;
		buf_add(b, n->line[k].text);
		buf_addc(b, '\n');
	}
	return best;
}

/* advice: with it. */
static int evidence(const struct notice *n, size_t i, enum notice_reach reach,
    bool advice, struct arena *a, struct str *out)
{
	struct buf b, told;
	enum kind kind;
	int rc;

	buf_init(&b, NOTICE_TEXT_MAX + 2 * NOTICE_LINES_MAX);
	buf_init(&told, NOTICE_TEXT_MAX + 2 * NOTICE_LINES_MAX);
	kind = gather(n, i, reach, &b);
	rc = buf_error(&b);
	if (rc == 0 && !advice && kind == OTHER) {
		notice_advice_drop(buf_str(&b), &told);
		rc = buf_error(&told);
	} else {
		advice = true;
	}
	if (rc == 0) {
		*out = multireport_text(a, buf_str(advice ? &b : &told));
		rc = out->p != NULL ? 0 : ERR_LIMIT;
	}
	buf_fini(&b);
	buf_fini(&told);
	return rc;
}

int notice_evidence(const struct notice *n, size_t i, enum notice_reach reach,
    struct arena *a, struct str *out)
{
	return evidence(n, i, reach, true, a, out);
}

int notice_evidence_told(const struct notice *n, size_t i,
    enum notice_reach reach, struct arena *a, struct str *out)
{
	return evidence(n, i, reach, false, a, out);
}

bool notice_says_after_data(struct str text)
{
	static const char *const words[] = {"in reply to end of data",
	    "in reply to data command", "after end of data",
	    "after pipelined end of data", "sending data block",
	    "in response to data", "other mail system problem 5"};

	for (size_t i = 0; i < sizeof(words) / sizeof(*words); i++)
		if (str_icontains(text, str_of(words[i])))
			return true;
	return false;
}

/* What servers say to DATA when a pipeline had no good RCPT: the refusal above
 * was the answer to that. */
static bool wants_rcpt(struct str line)
{
	return str_starts(line, STR("<<<")) &&
	       (str_icontains(line, STR("need RCPT")) ||
		   str_icontains(line, STR("RCPT first")) ||
		   str_icontains(line, STR("recipients")) ||
		   str_icontains(line, STR("<<< 503")));
}

bool notice_after_data(const struct notice *n, size_t i)
{
	bool data = false, refused = false;

	for (size_t k = 0; k < n->n_lines; k++) {
		struct str line = n->line[k].text;
		int owner = n->line[k].owner;

		if (owner != (int)i && (owner != NOTICE_COMMON || n->n > 1))
			continue;
		if (str_starts(line, STR(">>>")))
			data = str_icontains(line, STR("DATA")) ||
			       str_eq(str_trim(str_from(line, 3)), STR("."));
		else if (data && refused && wants_rcpt(line))
			return false;
		else if (data && kind_of(line) == REFUSAL)
			refused = true;
	}
	return refused;
}
