/* test_loglines.c - agent/cli/loglines.h: lines of a file, plain or packed. */
#include "agent/cli/loglines.h"
#include "policy/base/buf.h"
#include "policy/base/fault.h"
#include "policy/base/file.h"
#include "tests/unit/tap.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

static char path[64];

static void write_file(const char *end, struct str text)
{
	static const char name[] = "/tmp/test-loglines-XXXXXX";
	int fd;

	(void)snprintf(path, sizeof(path), "%s%s", name, end);
	fd = mkstemps(path, (int)strlen(end));
	if (fd < 0 || file_write_all(fd, text) != 0)
		bug("cannot write %s", path);
	(void)close(fd);
}

/* Lines as "|"-separated text, long ones as their length. */
static int read_all(struct buf *out)
{
	struct loglines *l = NULL;
	struct error err = {0};
	struct str line;
	int rc = loglines_open(&l, path, &err);

	while (rc == 0 && (rc = loglines_next(l, &line, &err)) == 1) {
		if (line.n > 100)
			buf_printf(out, "%zu|", line.n);
		else
			buf_printf(out, "%.*s|", STR_ARG(line));
		rc = 0;
	}
	loglines_close(&l);
	return rc;
}

static void check(const char *end, struct str text, int rc, const char *want)
{
	struct buf got;

	buf_init(&got, 1 << 20);
	write_file(end, text);
	IS_INT(read_all(&got), rc, "%s%s", want, end);
	if (rc == 0)
		IS_S(buf_str(&got), str_of(want), "its lines");
	buf_fini(&got);
	(void)unlink(path);
}

/* Longer than the buffer, and again a line of a usual length. */
static void test_long(void)
{
	enum {
		LONG = 200000
	};
	char *text = malloc(LONG + 10), want[40];

	if (text == NULL)
		bug("no memory");
	memset(text, 'x', LONG);
	memcpy(text + LONG, "\nnext\n", 7);
	(void)snprintf(want, sizeof(want), "%d|next|", LOGLINES_MAX);
	check("", str_of(text), 0, want);
	memcpy(text + 5000, "\n", 1);
	(void)snprintf(want, sizeof(want), "5000|%d|next|", LOGLINES_MAX);
	check("", str_of(text), 0, want);
	free(text);
}

/* "a\nb\n" */
static const char packed[] =
    "\x1f\x8b\x08\x00\x00\x00\x00\x00\x00\x03\x4b\xe4\x4a\xe2\x02"
    "\x00\x97\x2a\x57\x18\x04\x00\x00\x00";

static void test_failures(void)
{
	struct loglines *l;
	struct error err = {0};

	(void)snprintf(path, sizeof(path), "/nonexistent/log");
	OK(loglines_open(&l, path, &err) < 0 && l == NULL, "no such file");
	write_file("", STR("a\n"));
	fault_alloc_at(1);
	IS_INT(loglines_open(&l, path, &err), -ENOMEM, "no memory");
	fault_alloc_at(0);
	(void)unlink(path);
	write_file(".zst", STR("a\n"));
	(void)setenv("PATH", "/nonexistent", 1);
	IS_INT(loglines_open(&l, path, &err), ERR_NOT_FOUND, "no program: %s",
	    err.text);
	(void)unlink(path);
}

int main(void)
{
	check("", STR(""), 0, "");
	check("", STR("a\nb\n"), 0, "a|b|");
	check("", STR("a\n\nb"), 0, "a||b|");
	check("", STR("a\0b\nc\n"), 0, "a|c|");
	check(".gz", (struct str){packed, sizeof(packed) - 1}, 0, "a|b|");
	check(".gz", (struct str){packed, sizeof(packed) - 5}, ERR_CORRUPT,
	    "cut");
	check(".gz", STR("a\nb\n"), ERR_CORRUPT, "not packed");
	test_long();
	test_failures();
	return tap_done();
}
