/* cfbl.c - see cfbl.h. */
#include "policy/mail/cfbl.h"

#include <string.h>

static bool is_white(char c)
{
	return ascii_is_blank(c) || c == '\r' || c == '\n';
}

/* RFC 5322 section 3.2.3, and ":". */
static bool is_of_id(char c)
{
	return ascii_is_alnum(c) ||
	       (c != '\0' && strchr("!#$%&'*+-/=?^_`{|}~:", c) != NULL);
}

/* Moves *at behind a comment (RFC 5322 section 3.2.2), which begins there. */
static bool skip_comment(struct str s, size_t *at)
{
	size_t depth = 0;

	for (; *at < s.n; (*at)++) {
		if (s.p[*at] == '\\') {
			(*at)++;
		} else if (s.p[*at] == '(') {
			if (++depth > CFBL_COMMENT_DEPTH)
				return false;
		} else if (s.p[*at] == ')' && --depth == 0) {
			(*at)++;
			return true;
		}
	}
	return false;
}

int cfbl_feedback_id(struct arena *a, struct str value, struct str *out)
{
	struct str copy = arena_str(a, value);
	char *to = (char *)(uintptr_t)copy.p;
	size_t at = 0, n = 0;

	*out = STR("");
	if (copy.p == NULL)
		return ERR_LIMIT;
	while (at < value.n) {
		char c = value.p[at];

		if (is_white(c)) {
			at++;
		} else if (c == '(') {
			if (!skip_comment(value, &at))
				return 0;
		} else if (is_of_id(c)) {
			to[n++] = c;
			at++;
		} else {
			return 0;
		}
	}
	*out = (struct str){to, n};
	return 0;
}
