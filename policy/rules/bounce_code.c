/* bounce_code.c - see bounce_code.h. */
#include "policy/rules/bounce_code.h"

#include "policy/rules/phrases.h"

bool bounce_stage_of_name(struct str name, enum bounce_stage *out)
{
	static const char *const names[BOUNCE_STAGES] = {
	    "unknown", "connect", "helo", "mail", "rcpt", "data"};

	for (int i = BOUNCE_STAGE_UNKNOWN; i < BOUNCE_STAGES; i++)
		if (str_eq(name, str_of(names[i]))) {
			*out = (enum bounce_stage)i;
			return true;
		}
	return false;
}

/* ---- codes ---- */

static bool is_edge(char c)
{
	return !ascii_is_alnum(c) && c != '.' && c != '-' && c != '_';
}

/* The code that begins at s; its length, or 0. */
static size_t read_status(struct str s, struct bounce_status *out)
{
	unsigned *const field[] = {&out->subject, &out->detail};
	size_t at = 1;

	if (s.n < 5 || (s.p[0] != '2' && s.p[0] != '4' && s.p[0] != '5'))
		return 0;
	*out = (struct bounce_status){.class = (unsigned)(s.p[0] - '0')};
	for (size_t i = 0; i < 2; i++) {
		size_t from = ++at;
		if (from > s.n || s.p[from - 1] != '.')
			return 0;
		for (; at < s.n && ascii_is_digit(s.p[at]); at++) {
			if (at - from == 3)
				return 0;
			*field[i] = *field[i] * 10 + (unsigned)(s.p[at] - '0');
		}
		if (at == from)
			return 0;
	}
	return at;
}

bool bounce_find_status(
    struct str text, struct bounce_status *out, struct str *code_out)
{
	struct str s = str_cut(text, 0, PHRASES_TEXT_MAX);

	for (size_t i = 0; i < s.n; i++) {
		struct bounce_status found;
		size_t n;

		/* "550-5.1.1" is the one place where it follows a dash */
		if (i > 0 && !is_edge(s.p[i - 1]) &&
		    (s.p[i - 1] != '-' || i < 4 || !ascii_is_digit(s.p[i - 2])))
			continue;
		n = read_status(str_from(s, i), &found);
		if (n == 0 || (i + n < s.n && ascii_is_alnum(s.p[i + n])) ||
		    (i + n + 1 < s.n && s.p[i + n] == '.' &&
			ascii_is_digit(s.p[i + n + 1])))
			continue; /* "5.1.1.7" is an address */
		*out = found;
		if (code_out != NULL)
			*code_out = str_cut(s, i, n);
		return true;
	}
	*out = (struct bounce_status){0};
	return false;
}

unsigned bounce_find_smtp(struct str text)
{
	struct str s = str_cut(text, 0, PHRASES_TEXT_MAX);

	for (size_t i = 0; i + 3 <= s.n; i++) {
		unsigned v = 0;
		size_t k = 0;

		if (s.p[i] != '4' && s.p[i] != '5')
			continue;
		if (i > 0 && (!is_edge(s.p[i - 1])))
			continue;
		for (; k < 3 && ascii_is_digit(s.p[i + k]); k++)
			v = v * 10 + (unsigned)(s.p[i + k] - '0');
		/* second digit 0 to 5: RFC 5321 section 4.2.1 */
		if (k < 3 || s.p[i + 1] > '5' ||
		    (i + 3 < s.n && !is_edge(s.p[i + 3]) && s.p[i + 3] != '-'))
			continue;
		return v;
	}
	return 0;
}

/* ---- host ---- */

static bool is_host_byte(char c)
{
	return ascii_is_alnum(c) || c == '.' || c == '-' || c == '_';
}

struct str bounce_find_host(struct str text)
{
	static const struct str word = STR("host ");
	struct str s = str_cut(text, 0, PHRASES_TEXT_MAX);

	for (size_t i = 0; i + word.n < s.n; i++) {
		size_t from = i + word.n, to = from;

		if ((i > 0 && !ascii_is_blank(s.p[i - 1])) ||
		    !str_istarts(str_from(s, i), word))
			continue;
		while (to < s.n && is_host_byte(s.p[to]))
			to++;
		if (to > from && to < s.n && s.p[to] == '[')
			return str_cut(s, from, to - from);
		i = to - 1;
	}
	return STR_NULL;
}

/* ---- stage ---- */

static enum bounce_stage stage_of_command(struct str line)
{
	static const struct {
		struct str verb;
		enum bounce_stage stage;
	} verbs[] = {
	    {STR("EHLO"), BOUNCE_STAGE_HELO},
	    {STR("HELO"), BOUNCE_STAGE_HELO},
	    {STR("LHLO"), BOUNCE_STAGE_HELO},
	    {STR("MAIL"), BOUNCE_STAGE_MAIL},
	    {STR("RCPT"), BOUNCE_STAGE_RCPT},
	    {STR("DATA"), BOUNCE_STAGE_DATA},
	    {STR("BDAT"), BOUNCE_STAGE_DATA},
	    {STR("."), BOUNCE_STAGE_DATA},
	};

	for (size_t i = 0; i < sizeof(verbs) / sizeof(*verbs); i++)
		if (str_istarts(line, verbs[i].verb))
			return verbs[i].stage;
	return BOUNCE_STAGE_UNKNOWN;
}

/* "550 no": the last line of a refusal; one goes on with "550-". */
static bool is_refusal(struct str reply)
{
	return reply.n >= 3 && (reply.p[0] == '4' || reply.p[0] == '5') &&
	       (reply.n == 3 || reply.p[3] != '-');
}

enum bounce_stage bounce_find_stage(struct str transcript)
{
	struct str rest = str_cut(transcript, 0, PHRASES_TEXT_MAX), line;
	enum bounce_stage stage = BOUNCE_STAGE_UNKNOWN;
	bool sent_data = false;
	size_t refusals = 0;

	while (str_next(&rest, '\n', &line)) {
		line = str_trim(line);
		if (str_starts(line, STR(">>>"))) {
			if (refusals > 0)
				break;
			line = str_trim(str_from(line, 3));
			stage = stage_of_command(line);
			sent_data = str_istarts(line, STR("DATA"));
		} else if (str_starts(line, STR("<<<"))) {
			line = str_trim(str_from(line, 3));
			refusals += is_refusal(line);
		}
	}
	if (refusals == 0)
		return BOUNCE_STAGE_UNKNOWN;
	return sent_data && refusals > 1 ? BOUNCE_STAGE_RCPT : stage;
}
