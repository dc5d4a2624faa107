/* addrtool.c - reads address lists from standard input, each as its length in
 * decimal, a line end, and so many bytes; prints for each what addrlist_add()
 * makes of it: a line "COUNT BAD", then COUNT lines with the address as
 * written, a tab, the canonical address. For tests/corpora/check_address.py.
 * Exit status 1 if a list cannot be read, or if an address in it changes when
 * its canonical form is made canonical again. */
#include "policy/base/file.h"
#include "policy/mail/addrlist.h"

#include <stdio.h>
#include <unistd.h>

enum {
	MAX_INPUT = 256 << 20,
	MAX_ARENA = 1 << 20
};

static bool is_stable(struct arena *a, const struct address *addr)
{
	struct address again;

	return address_parse_sender(a, addr->text, &again, NULL) == 0 &&
	       str_eq(addr->text, again.text);
}

static int print_list(struct str value, struct arena *a)
{
	struct addrlist l = {0};
	int rc;

	arena_reset(a);
	rc = addrlist_add(&l, a, value);
	if (rc != 0)
		return rc;
	printf("%zu %zu\n", l.n, l.bad);
	for (size_t i = 0; i < l.n; i++) {
		printf("%.*s\t%.*s\n", STR_ARG(l.v[i].spec),
		    STR_ARG(l.v[i].addr.text));
		if (!is_stable(a, &l.v[i].addr))
			return ERR_CORRUPT;
	}
	return 0;
}

static int print_all(struct str in, struct arena *a)
{
	int rc = 0;

	while (rc == 0 && in.n > 0) {
		size_t end = str_find(in, 0, '\n');
		uint64_t n;
		rc = str_u64(str_cut(in, 0, end), in.n - end, &n);
		if (rc != 0)
			break;
		in = str_from(in, end + 1);
		rc = print_list(str_cut(in, 0, n), a);
		in = str_from(in, n);
	}
	return rc;
}

int main(void)
{
	struct arena *a = arena_new(MAX_ARENA);
	struct error err = {0, ""};
	struct buf b;
	int rc = a != NULL ? 0 : -1;

	buf_init(&b, MAX_INPUT);
	if (rc == 0)
		rc = file_read_fd(STDIN_FILENO, &b, &err);
	if (rc == 0)
		rc = print_all(buf_str(&b), a);
	if (rc != 0)
		(void)fprintf(
		    stderr, "addrtool: %s %s\n", error_text(rc), err.text);
	buf_fini(&b);
	arena_free(&a);
	return rc != 0;
}
