/* fuzz_csvrow.c - any bytes as comma-separated values: rows that follow each
 * other without gap, and cells that, written again, are read as the same. */
#include "tests/fuzz/fuzz.h"

#include "agent/csvrow.h"
#include "policy/base/buf.h"

enum {
	CELLS = 8
};

static void put_row(struct buf *out, const struct str *cells, size_t n, char by)
{
	for (size_t i = 0; i < n; i++) {
		if (i > 0)
			buf_addc(out, by);
		buf_addc(out, '"');
		for (size_t k = 0; k < cells[i].n; k++) {
			if (cells[i].p[k] == '"')
				buf_addc(out, '"');
			buf_addc(out, cells[i].p[k]);
		}
		buf_addc(out, '"');
	}
}

static void check_cells(
    struct arena *a, struct str row, const struct str *cells, size_t n, char by)
{
	struct str again[CELLS];
	size_t bytes = 0, m = 0;
	struct buf text;

	FUZZ_CHECK(n >= 1 && n <= CELLS);
	for (size_t i = 0; i < n; i++)
		bytes += cells[i].n;
	FUZZ_CHECK(bytes + n - 1 <= row.n);
	buf_init(&text, 1 << 22);
	put_row(&text, cells, n, by);
	FUZZ_CHECK(buf_error(&text) == 0);
	FUZZ_CHECK(csvrow_cells(buf_str(&text), by, a, again, CELLS, &m) == 0);
	FUZZ_CHECK(m == n);
	for (size_t i = 0; i < n; i++)
		FUZZ_CHECK(str_eq(again[i], cells[i]));
	buf_fini(&text);
}

static void check_row(struct arena *a, struct str row, char by)
{
	struct str cells[CELLS];
	size_t n = CELLS + 1;
	int rc = csvrow_cells(row, by, a, cells, CELLS, &n);

	FUZZ_CHECK(rc == 0 || rc == ERR_SYNTAX || rc == ERR_LIMIT);
	FUZZ_CHECK(n <= CELLS);
	if (rc == 0)
		check_cells(a, row, cells, n, by);
	arena_reset(a);
}

static size_t lines_of(struct str s)
{
	size_t n = 0;

	for (size_t i = 0; i < s.n; i++)
		n += s.p[i] == '\n';
	return n;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	struct str rest = {(const char *)data, n};
	struct arena *a = arena_new(16 << 20);
	const char by = csvrow_separator(rest);

	if (a == NULL)
		return 0;
	FUZZ_CHECK(by == ',' || by == ';' || by == '\t');
	while (rest.n > 0) {
		size_t lines = 0, length = csvrow_length(rest, &lines);
		struct str row = str_cut(rest, 0, length > 0 ? length : rest.n);

		FUZZ_CHECK(length <= rest.n);
		FUZZ_CHECK(length == 0 || (rest.p[length - 1] == '\n' &&
					      lines == lines_of(row)));
		rest = str_from(rest, row.n);
		check_row(a, str_trim(row), by);
	}
	arena_free(&a);
	return 0;
}
