/* csvrow.c - see csvrow.h. */
#include "agent/csvrow.h"

#include <errno.h>
#include <string.h>

size_t csvrow_length(struct str s, size_t *lines_out)
{
	bool quoted = false;
	size_t at = 0, lines = 0;

	while (at < s.n) {
		const char *end = memchr(s.p + at, '\n', s.n - at);
		size_t to = end != NULL ? (size_t)(end - s.p) : s.n;
		const char *q = memchr(s.p + at, '"', to - at);

		while (q != NULL) {
			quoted = !quoted;
			at = (size_t)(q - s.p) + 1;
			q = memchr(s.p + at, '"', to - at);
		}
		lines++;
		at = to + 1;
		if (end != NULL && !quoted) {
			*lines_out = lines;
			return at;
		}
	}
	*lines_out = lines;
	return 0;
}

/* From behind the opening quote to the closing one; s.n: there is none. */
static size_t closing_quote(struct str s, size_t at)
{
	for (;;) {
		at = str_find(s, at, '"');
		if (at + 1 >= s.n || s.p[at + 1] != '"')
			return at;
		at += 2;
	}
}

static int undo_quotes(struct str in, struct arena *a, struct str *out)
{
	char *p;
	size_t n = 0;

	*out = in;
	if (str_find(in, 0, '"') == in.n)
		return 0;
	p = arena_alloc(a, in.n);
	if (p == NULL)
		return -ENOMEM;
	for (size_t i = 0; i < in.n; i++) {
		p[n++] = in.p[i];
		i += in.p[i] == '"';
	}
	*out = (struct str){p, n};
	return 0;
}

/* The quoted cell that begins at *at, which moves to its separator. */
static int quoted_cell(struct str row, char separator, size_t *at,
    struct arena *a, struct str *out)
{
	size_t from = *at + 1, to = closing_quote(row, from), next = to + 1;

	if (to == row.n)
		return ERR_SYNTAX;
	while (next < row.n && row.p[next] == ' ')
		next++;
	if (next < row.n && row.p[next] != separator)
		return ERR_SYNTAX;
	*at = next;
	return undo_quotes(str_cut(row, from, to - from), a, out);
}

int csvrow_cells(struct str row, char separator, struct arena *a,
    struct str *cells, size_t cap, size_t *n_out)
{
	size_t at = 0, n = 0;
	int rc = 0;

	do {
		size_t to = str_find(row, at, separator);

		if (n == cap) {
			rc = ERR_LIMIT;
			break;
		}
		while (at < to && row.p[at] == ' ')
			at++;
		if (at < row.n && row.p[at] == '"') {
			rc = quoted_cell(row, separator, &at, a, &cells[n]);
			if (rc != 0)
				break;
			to = at;
		} else {
			cells[n] = str_trim(str_cut(row, at, to - at));
		}
		n++;
		at = to + 1;
	} while (at <= row.n);
	*n_out = n;
	return rc;
}

char csvrow_separator(struct str heading)
{
	static const char separators[] = {',', ';', '\t'};
	size_t most = 0;
	char best = ',';

	for (size_t k = 0; k < sizeof(separators); k++) {
		bool quoted = false;
		size_t n = 0;

		for (size_t i = 0; i < heading.n; i++) {
			quoted = quoted != (heading.p[i] == '"');
			n += !quoted && heading.p[i] == separators[k];
		}
		if (n > most) {
			most = n;
			best = separators[k];
		}
	}
	return best;
}
