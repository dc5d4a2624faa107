/* test_textfind.c - a postal address is found where a reader sees it. */
#include "tests/unit/tap.h"

#include "policy/base/arena.h"
#include "policy/base/clock.h"
#include "policy/base/fault.h"
#include "policy/mail/textfind.h"

#include <errno.h>

#define WORDS "M\xc3\xbcller GmbH, Weg 1, 10115 Berlin"

static struct arena *arena;

struct sample {
	const char *name;
	const char *type, *encoding; /* NULL: no field */
	const char *body;
	bool found;
};

static const struct sample samples[] = {
    {"plain", NULL, NULL, "Hi,\r\nM\xc3\xbcller GmbH, Weg 1, 10115 Berlin\r\n",
	true},
    {"on several lines, other punctuation", " text/plain; charset=utf-8", NULL,
	"M\xc3\xbcLLER" /* capitals of ASCII only */, false},
    {"lines", " text/plain; charset=utf-8", NULL,
	"M\xc3\xbcller GmbH\r\nWeg 1\r\n\r\n10115 BERLIN\r\n", true},
    {"missing number", NULL, NULL, "M\xc3\xbcller GmbH, Weg, 10115 Berlin",
	false},
    {"latin-1", " text/plain; charset=ISO-8859-1", NULL,
	"M\xfcller GmbH, Weg 1, 10115 Berlin", true},
    {"latin-1 without saying so", " text/plain", NULL,
	"M\xfcller GmbH, Weg 1, 10115 Berlin", false},
    {"quoted-printable", " text/plain; charset=utf-8", " quoted-printable",
	"M=C3=BCller Gm=\r\nbH, Weg 1,=20\r\n10115 Berlin\r\n", true},
    {"base64", " text/html; charset=utf-8", " base64",
	"PHA+TcO8bGxlciBHbWJIPGJyPldlZyAxPGJyPjEwMTE1IEJlcmxpbjwvcD4=", true},
    {"HTML with references", " text/html", NULL,
	"<p>M&uuml;ller&nbsp;GmbH<br/>Weg&#32;1<br>10115 <b>Ber</b>lin", true},
    {"hexadecimal reference", " text/html", NULL,
	"M&#xFC;ller GmbH Weg 1 10115 Berlin", true},
    {"in a comment", " text/html", NULL,
	"<!-- M&uuml;ller GmbH, Weg 1, 10115 Berlin -->", false},
    {"in a style", " text/html", NULL,
	"<style>M&uuml;ller GmbH, Weg 1, 10115 Berlin</style>", false},
    {"in a script that never ends", " text/html", NULL,
	"<script>M&uuml;ller GmbH, Weg 1, 10115 Berlin", false},
    {"in an attribute", " text/html", NULL,
	"<img alt='M\xc3\xbcller GmbH, Weg 1, 10115 Berlin'>", false},
    {"second part", " multipart/alternative; boundary=x", NULL,
	"--x\r\n\r\nshort\r\n--x\r\nContent-Type: text/html\r\n\r\n"
	"<i>M&uuml;ller GmbH, Weg 1, 10115 Berlin</i>\r\n--x--\r\n",
	true},
    {"an attachment", " multipart/mixed; boundary=x", NULL,
	"--x\r\n\r\nshort\r\n--x\r\nContent-Type: text/plain\r\n"
	"Content-Disposition: attachment; filename=a.txt\r\n\r\n"
	"M\xc3\xbcller GmbH, Weg 1, 10115 Berlin\r\n--x--\r\n",
	false},
    {"a PDF", " application/pdf", NULL,
	"M\xc3\xbcller GmbH, Weg 1, 10115 Berlin", false},
    {"nothing", NULL, NULL, "", false},
    {"broken UTF-8", NULL, NULL, "\xc3\xff\xe2\x82 & &; &#; &#x; < <", false},
};

static int search(const struct sample *s, struct str words, bool *found_out)
{
	struct header_list l = {0};
	int rc = header_add(&l, arena, STR("Subject"), STR(" " WORDS));

	if (rc == 0 && s->type != NULL)
		rc =
		    header_add(&l, arena, STR("Content-Type"), str_of(s->type));
	if (rc == 0 && s->encoding != NULL)
		rc = header_add(&l, arena, STR("Content-Transfer-Encoding"),
		    str_of(s->encoding));
	if (rc != 0)
		exit(1);
	return textfind_in_message(&l, str_of(s->body), words, found_out);
}

static bool find(const struct sample *s, struct str words)
{
	bool found = false;

	return search(s, words, &found) == 0 && found;
}

/* "<" and "&" without end must not cost more than one pass. */
static void test_linear(void)
{
	enum {
		N = 1 << 20
	};
	static const char *const pieces[] = {"<", "&", "<!--", "&#", "\xc3"};
	char *body = malloc(N + 1);
	int64_t from = clock_mono_ms();

	if (body == NULL)
		exit(1);
	for (size_t i = 0; i < 5; i++) {
		struct sample s = {.type = " text/html", .body = body};
		size_t n = strlen(pieces[i]);

		for (size_t at = 0; at + n <= N; at += n)
			memcpy(body + at, pieces[i], n + 1);
		OK(!find(&s, STR(WORDS)), "1 MB of \"%s\"", pieces[i]);
	}
	OK(clock_mono_ms() - from < TAP_ENDLESS_MS, "in time");
	free(body);
}

/* Nobody is to be told that it lacks the words. */
static void test_no_memory(void)
{
	int failed = 0, told = 0, rc = -ENOMEM;
	bool found = false;

	for (size_t i = 0; i < sizeof(samples) / sizeof(samples[0]); i++) {
		if (!samples[i].found)
			continue;
		rc = -ENOMEM;
		for (long n = 1; n < 50 && rc != 0; n++) {
			fault_alloc_at(n);
			rc = search(&samples[i], STR(WORDS), &found);
			fault_alloc_at(0);
			failed += rc == -ENOMEM;
			told += rc == 0 && !found;
		}
	}
	OK(failed > 20, "without memory: nobody knows (%d times)", failed);
	IS_INT(told, 0, "and nobody is told that it lacks them");
	IS_INT(rc, 0, "until there is some");
}

int main(void)
{
	arena = arena_new(1 << 20);
	if (arena == NULL)
		return 1;
	for (size_t i = 0; i < sizeof(samples) / sizeof(samples[0]); i++)
		IS_INT(find(&samples[i], STR(WORDS)), samples[i].found, "%s",
		    samples[i].name);
	OK(!find(&samples[0], STR(" ,.-")), "no words: never found");
	test_linear();
	test_no_memory();
	arena_free(&arena);
	return tap_done();
}
