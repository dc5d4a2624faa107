/* test_mime.c - header blocks, parameters, the parts of a message, transfer
 * encodings; malformed and hostile input. */
#include "tests/unit/tap.h"

#include "policy/base/clock.h"
#include "policy/base/fault.h"
#include "policy/mail/encword.h"
#include "policy/mail/headblock.h"
#include "policy/mail/mime.h"
#include "policy/mail/mimedecode.h"
#include "policy/mail/mimeparam.h"

enum {
	ARENA = 64 << 20
};

static struct arena *arena;

static void fresh(void)
{
	arena_free(&arena);
	arena = arena_new(ARENA);
	if (arena == NULL)
		exit(2);
}

/* ---- header blocks ---- */

static const struct head_case {
	struct str in;
	const char *names; /* comma after each */
	const char *last;  /* value of the last field */
	struct str body;
} head_cases[] = {
    {STR("A: 1\r\nB:\t2\r\n 3\r\n\r\nbody"), "A,B,", "\t2\r\n 3", STR("body")},
    {STR("A: 1\nB: 2\n\nbody"), "A,B,", " 2", STR("body")},
    {STR("A:\r\n"), "A,", "", STR("")},
    {STR("A:"), "A,", "", STR("")},
    {STR("A: x"), "A,", " x", STR("")},
    {STR("A: x\r"), "A,", " x", STR("")},
    {STR("A \t: x\n\n"), "A,", " x", STR("")},
    {STR("A: \0x\n\nb"), "A,", NULL, STR("b")},
    {STR("A: one\rB: two\n\nb"), "A,", " one\rB: two", STR("b")},
    {STR("A: 1\nno field\nB: 2\n\nx"), "A,", " 1", STR("no field\nB: 2\n\nx")},
    {STR("A: 1\n \nB: 2\n\n"), "A,B,", " 2", STR("")},
    {STR(" folded first\nA: 1\n\n"), "", NULL, STR(" folded first\nA: 1\n\n")},
    {STR("\nA: 1\n"), "", NULL, STR("A: 1\n")},
    {STR("\r\nbody"), "", NULL, STR("body")},
    {STR(""), "", NULL, STR("")},
    {STR(": no name\n\n"), "", NULL, STR(": no name\n\n")},
    {STR("From a@example.com Thu Jul  7\nA: 1\n\nb"), "A,", " 1", STR("b")},
    {STR("\xef\xbb\xbf"
	 "A: 1\n\nb"),
	"A,", " 1", STR("b")},
    {STR("\xc3\xa9: 1\n\nb"), "", NULL, STR("\xc3\xa9: 1\n\nb")},
};

static void test_head(void)
{
	for (size_t i = 0; i < sizeof(head_cases) / sizeof(*head_cases); i++) {
		const struct head_case *c = &head_cases[i];
		struct header_list l = {0};
		struct buf names;
		size_t body = 0;

		fresh();
		buf_init(&names, 1000);
		IS_INT(headblock_parse(c->in, arena, &l, &body), 0,
		    "head %zu parses", i);
		for (size_t k = 0; k < l.n; k++) {
			buf_add(&names, l.v[k].name);
			buf_addc(&names, ',');
		}
		IS_S(buf_str(&names), str_of(c->names), "head %zu names", i);
		if (c->last != NULL && l.n > 0)
			IS_S(l.v[l.n - 1].value, str_of(c->last),
			    "head %zu value", i);
		IS_S(str_from(c->in, body), c->body, "head %zu body", i);
		buf_fini(&names);
	}
}

/* ---- parameters ---- */

static const struct param_case {
	const char *value, *name, *want; /* want NULL: not found */
} param_cases[] = {
    {"text/plain; charset=utf-8", "charset", "utf-8"},
    {"text/plain; CHARSET=utf-8", "charset", "utf-8"},
    {"text/plain;charset = \"utf-8\" ; x=y", "charset", "utf-8"},
    {"text/plain charset=utf-8", "charset", "utf-8"},
    {"text/plain; charset=us-ascii (Plain text)", "charset", "us-ascii"},
    {"text/plain; (a (nested; charset=no) b) charset=yes", "charset", "yes"},
    {"text/plain; (open charset=x", "charset", NULL},
    {"text/plain; charset=", "charset", ""},
    {"text/plain; charset", "charset", NULL},
    {"text/plain; ; ;; charset=x", "charset", "x"},
    {"text/plain; xcharset=no; charset=x", "charset", "x"},
    {"text/plain; charsetx=no", "charset", NULL},
    {"text/plain; charset=a; charset=b", "charset", "a"},
    {"text/plain; n=\"; charset=no\"; charset=x", "charset", "x"},
    {"multipart/mixed; boundary=----=_Part_1/2:3", "boundary",
	"----=_Part_1/2:3"},
    {"multipart/mixed; boundary=\"a\\\"b\\\\c\"", "boundary", "a\"b\\c"},
    {"multipart/mixed; boundary=\"a\r\n b\"", "boundary", "a b"},
    {"multipart/mixed;\r\n\tboundary=\"a b\" Message-Id: <x>", "boundary",
	"a b"},
    {"multipart/mixed; boundary=\"open end; x=y", "boundary", "open"},
    {"multipart/mixed; boundary*=us-ascii'en'a%20b", "boundary", "a b"},
    {"multipart/mixed; boundary*=''ab", "boundary", "ab"},
    {"multipart/mixed; boundary*0=ab; boundary*1=\"cd\"", "boundary", "abcd"},
    {"multipart/mixed; boundary*1=cd; boundary*0=ab", "boundary", "abcd"},
    {"multipart/mixed; boundary*0*=''a%2; boundary*1*=%42c%zz", "boundary",
	"a%2Bc%zz"},
    {"multipart/mixed; boundary*1=cd", "boundary", NULL},
    {"multipart/mixed; boundary*99=cd", "boundary", NULL},
    {"multipart/mixed; boundary*0*=x; boundary=plain", "boundary", "plain"},
    {"=;=\"\"(", "boundary", NULL},
    {"", "boundary", NULL},
};

static const struct type_case {
	const char *value, *type, *subtype; /* type NULL: none */
} type_cases[] = {
    {" text/HTML; x=y", "text", "HTML"},
    {"(hi) text / plain", "text", "plain"},
    {"text", NULL, NULL},
    {"text/", NULL, NULL},
    {"/plain", NULL, NULL},
    {"; charset=x", NULL, NULL},
    {"", NULL, NULL},
};

static void test_param(void)
{
	for (size_t i = 0; i < sizeof(param_cases) / sizeof(*param_cases);
	     i++) {
		const struct param_case *c = &param_cases[i];
		struct str got;
		int rc;

		fresh();
		rc = mimeparam_get(
		    str_of(c->value), str_of(c->name), arena, &got);
		IS_INT(rc, c->want != NULL ? 0 : ERR_NOT_FOUND, "%s", c->value);
		IS_S(got, str_of(c->want), "%s", c->value);
	}
	for (size_t i = 0; i < sizeof(type_cases) / sizeof(*type_cases); i++) {
		const struct type_case *c = &type_cases[i];
		struct str type, subtype;
		bool ok = mimeparam_type(str_of(c->value), &type, &subtype);

		IS_INT(ok, c->type != NULL, "type of '%s'", c->value);
		if (ok) {
			IS_S(type, str_of(c->type), "type");
			IS_S(subtype, str_of(c->subtype), "subtype");
		}
	}
	IS_S(mimeparam_token(STR(" Attachment ; filename=x")),
	    STR("Attachment"), "token");
}

/* ---- parts ---- */

/* One line a part: depth type/subtype[body] and the flags as letters. */
static void describe(const struct mime *m, struct buf *b)
{
	static const char letters[] = "UNDBTL"; /* bit 0, 1, ... */

	for (size_t i = 0; i < m->n; i++) {
		const struct mime_part *p = &m->part[i];
		buf_printf(b, "%u %.*s/%.*s", p->depth, STR_ARG(p->type),
		    STR_ARG(p->subtype));
		for (size_t bit = 0; letters[bit] != '\0'; bit++)
			if ((p->flags >> bit & 1) != 0)
				buf_printf(b, " %c", letters[bit]);
		if (p->kind == MIME_LEAF)
			buf_printf(b, " [%.*s]", STR_ARG(p->body));
		buf_addc(b, '\n');
	}
}

#define MIXED "Content-Type: multipart/mixed; boundary=\"b\"\n\n"

static const struct part_case {
	const char *what, *in, *want;
} part_cases[] = {
    {"plain", "Subject: x\n\nhello\n", "0 text/plain [hello\n]\n"},
    {"empty", "", "0 text/plain []\n"},
    {"CRLF",
	"Content-Type: multipart/mixed; boundary=b\r\n\r\npre\r\n"
	"--b\r\nContent-Type: text/html\r\n\r\none\r\n\r\n--b\r\n\r\ntwo"
	"\r\n--b--\r\nepilogue\r\n--b\r\nno part",
	"0 multipart/mixed\n1 text/html [one\r\n]\n1 text/plain [two]\n"},
    {"LF, blanks after the boundary", MIXED "--b \t\n\none\n--b-- \nepilogue",
	"0 multipart/mixed\n1 text/plain [one]\n"},
    {"no last boundary", MIXED "--b\n\none\n--b\n\ntwo\n",
	"0 multipart/mixed U\n1 text/plain [one]\n1 text/plain [two\n]\n"},
    {"no boundary line", MIXED "just text\n", "0 multipart/mixed U\n"},
    {"no boundary parameter", "Content-Type: multipart/mixed\n\n--b\n\nx",
	"0 multipart/mixed N [--b\n\nx]\n"},
    {"boundary line goes on", MIXED "--b\n\none\n--bc\n--b--",
	"0 multipart/mixed\n1 text/plain [one\n--bc]\n"},
    {"no empty line before a boundary",
	MIXED "--b\nContent-Type: text/html\n--b\n\ntwo\n--b--",
	"0 multipart/mixed\n1 text/html L []\n1 text/plain [two]\n"},
    {"a boundary that looks like a field",
	"Content-Type: multipart/mixed; boundary=\":x\"\n\n--:x\n"
	"Content-Type: text/html\n--:x\n\ntwo\n--:x--",
	"0 multipart/mixed\n1 text/html L []\n1 text/plain [two]\n"},
    {"empty parts", MIXED "--b\n--b\n\n--b--",
	"0 multipart/mixed\n1 text/plain L []\n1 text/plain []\n"},
    {"nested, inner one unclosed",
	MIXED "--b\nContent-Type: multipart/alternative; boundary=i\n\n"
	      "--i\n\none\n--b\n\ntwo\n--b--",
	"0 multipart/mixed\n1 multipart/alternative U\n"
	"2 text/plain [one]\n1 text/plain [two]\n"},
    {"nested, same boundary: the inner one wins",
	MIXED "--b\nContent-Type: multipart/mixed; boundary=b\n\n--b\n\n"
	      "one\n--b--\n--b\n\ntwo\n--b--",
	"0 multipart/mixed\n1 multipart/mixed\n2 text/plain [one]\n"
	"1 text/plain [two]\n"},
    {"boundaries that end in --",
	"Content-Type: multipart/mixed; boundary=\"a--\"\n\n--a--\n"
	"Content-Type: multipart/mixed; boundary=\"a----\"\n\n--a----\n\n"
	"one\n--a------\n--a----\n",
	"0 multipart/mixed\n1 multipart/mixed\n2 text/plain [one]\n"},
    {"digest",
	"Content-Type: multipart/digest; boundary=b\n\n--b\n\n"
	"Subject: in\n\nx\n--b--",
	"0 multipart/digest\n1 message/rfc822\n2 text/plain [x]\n"},
    {"message in message",
	"Content-Type: message/rfc822\n\nContent-Type: message/rfc822\n\n"
	"Content-Type: text/html\n\nx",
	"0 message/rfc822\n1 message/rfc822\n2 text/html [x]\n"},
    {"an encoded message stays closed",
	"Content-Type: message/rfc822\nContent-Transfer-Encoding: "
	"base64\n\nQTogMQo=",
	"0 message/rfc822 [QTogMQo=]\n"},
    {"two types: the first counts",
	"Content-Type: text/html\nContent-Type: multipart/mixed; "
	"boundary=b\n\n--b\n",
	"0 text/html D [--b\n]\n"},
    {"unreadable type", "Content-Type: html\n\nx", "0 text/plain B [x]\n"},
    {"headers only", "Content-Type: text/html", "0 text/html []\n"},
};

static void test_parts(void)
{
	struct buf b;

	buf_init(&b, 1 << 20);
	for (size_t i = 0; i < sizeof(part_cases) / sizeof(*part_cases); i++) {
		const struct part_case *c = &part_cases[i];
		struct mime m;

		fresh();
		buf_reset(&b);
		IS_INT(mime_scan(str_of(c->in), arena, &m), 0, "%s: scans",
		    c->what);
		describe(&m, &b);
		IS_S(buf_str(&b), str_of(c->want), "%s", c->what);
	}
	buf_fini(&b);
}

static void test_fields(void)
{
	static const char in[] =
	    "From: a@example.com\r\nContent-Type: text/plain;\r\n "
	    "charset=\"iso-8859-1\"\r\nContent-Transfer-Encoding: "
	    "Quoted-Printable\r\nContent-Disposition: attachment; "
	    "filename=x\r\n\r\na=\r\nb =\r\n=c3=A9";
	struct mime m;
	struct str text;

	fresh();
	IS_INT(mime_scan(STR(in), arena, &m), 0, "scans");
	IS_INT(m.head.n, 4, "all fields of the message");
	IS_S(m.head.v[0].value, STR(" a@example.com"), "as on the wire");
	IS_S(m.part[0].charset, STR("iso-8859-1"), "charset");
	IS_S(m.part[0].disposition, STR("attachment"), "disposition");
	IS_INT(m.part[0].head.n + m.part[0].body.n, sizeof(in) - 1,
	    "head and body are the whole message");
	IS_INT(mime_body(&m.part[0], 1000, arena, &text), 0, "decodes");
	IS_S(text, STR("ab \xc3\xa9"), "quoted-printable");
	IS_INT(mime_body(&m.part[0], 5, arena, &text), ERR_LIMIT, "bounded");
	m.part[0].encoding = MIME_UNKNOWN_ENCODING;
	IS_INT(mime_body(&m.part[0], 1000, arena, &text), ERR_SYNTAX,
	    "unknown encoding");
}

/* A part's header and body lie in its parent's body, also when a delimiter of
 * the parent's parent cuts the header short. */
static void test_ranges(void)
{
	struct mime m;
	const struct mime_part *in, *up;

	fresh();
	IS_INT(mime_scan(STR(MIXED "--b\nContent-Type: multipart/mixed; "
				   "boundary=i\n\n--i\nA: 1\n--b--"),
		   arena, &m),
	    0, "scans");
	IS_INT(m.n, 3, "three parts");
	in = &m.part[2];
	up = &m.part[1];
	IS_S(in->head, STR("A: 1"), "the last line end is the delimiter's");
	OK(in->head.p + in->head.n == up->body.p + up->body.n,
	    "so the header ends with its parent");
}

/* ---- transfer encodings ---- */

static const struct code_case {
	struct str in, want;
	int rc;
} base64_cases[] =
    {
	{STR(""), STR(""), 0},
	{STR("aGVsbG8="), STR("hello"), 0},
	{STR("aGVs\r\nbG8h\r\n"), STR("hello!"), 0},
	{STR("aA=="), STR("h"), 0},
	{STR("aA="), STR("h"), ERR_SYNTAX},
	{STR("aA"), STR("h"), ERR_SYNTAX},
	{STR("a"), STR(""), ERR_SYNTAX},
	{STR("aA==aGVs"), STR("hhel"), 0},
	{STR("a*G!Vs"), STR("hel"), ERR_SYNTAX},
	{STR("===="), STR(""), ERR_SYNTAX},
	{STR("aGVs\0bG8="), STR("hello"), ERR_SYNTAX},
},
  qp_cases[] = {
      {STR("plain"), STR("plain"), 0},
      {STR("a=20=\r\n b"), STR("a  b"), 0},
      {STR("a= \t\nb"), STR("ab"), 0},
      {STR("a  \r\nb \n"), STR("a\r\nb\n"), 0},
      {STR("a  b \t"), STR("a  b"), 0},
      {STR("=C3=a9"), STR("\xc3\xa9"), 0},
      {STR("=zz=4"), STR("=zz=4"), ERR_SYNTAX},
      {STR("a="), STR("a"), 0},
      {STR("a=  x"), STR("a=  x"), ERR_SYNTAX},
      {STR("\xc3\xa9"), STR("\xc3\xa9"), ERR_SYNTAX},
      {STR("a\rb"), STR("a\rb"), 0},
};

static void test_codes(int (*decode)(struct str, struct buf *),
    const struct code_case *c, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		struct buf b;

		buf_init(&b, 100);
		buf_addz(&b, ">");
		IS_INT(decode(c[i].in, &b), c[i].rc, "code %zu", i);
		IS_S(str_from(buf_str(&b), 1), c[i].want, "code %zu", i);
		buf_fini(&b);
		buf_init(&b, 0);
		IS_INT(decode(STR("aGVsbG8="), &b), ERR_LIMIT, "no room");
		buf_fini(&b);
	}
}

static void test_words(void)
{
	static const struct {
		const char *in, *want;
	} cases[] = {
	    {"plain", "plain"},
	    {"=?utf-8?Q?caf=C3=A9_x?=", "caf\303\251 x"},
	    {"=?UTF-8?b?aGVsbG8=?= there", "hello there"},
	    {"a =?x?q?b?= =?x?q?c?=\r\n =?x?q?d?= e", "a bcd e"},
	    {"=?x?q?b?= and =?x?q?c?=", "b and c"},
	    {"=?x?q?open", "=?x?q?open"},
	    {"=?x?z?a?=", "=?x?z?a?="},
	    {"=??q?a?=", "=??q?a?="},
	    {"=?=?x?q?a?=", "=?a"},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		struct str got;

		fresh();
		IS_INT(encword_decode(str_of(cases[i].in), arena, &got), 0,
		    "word '%s'", cases[i].in);
		IS_S(got, str_of(cases[i].want), "its meaning");
	}
}

/* ---- random trees ---- */

enum {
	TREES = 400,
	LEAVES = 200
};

struct tree {
	struct buf mail;
	const char *eol;
	uint32_t seed;
	unsigned boundaries;
	size_t n;                         /* leaves so far */
	size_t from[LEAVES], len[LEAVES]; /* their bodies in mail */
};

static unsigned roll(struct tree *t, unsigned sides)
{
	t->seed = t->seed * 1664525U + 1013904223U;
	return (t->seed >> 16) % sides;
}

/* Lines, some of which look like delimiters and are none. */
static void put_lines(struct tree *t)
{
	static const char *const lines[] = {"", "text", "--", "--x", "--b",
	    "--b0x", " --b0", "-", "--b0-", "Content-Type: text/html"};

	for (unsigned k = roll(t, 5); k > 0; k--)
		buf_printf(&t->mail, "%s%s",
		    lines[roll(t, sizeof(lines) / sizeof(*lines))], t->eol);
}

static void put_leaf(struct tree *t)
{
	buf_printf(&t->mail, "Content-Type: text/plain%s%s", t->eol, t->eol);
	t->from[t->n] = t->mail.n;
	put_lines(t);
	buf_addz(&t->mail, "end");
	t->len[t->n] = t->mail.n - t->from[t->n];
	t->n++;
}

static void put_part(struct tree *t, unsigned depth)
{
	unsigned b = t->boundaries++, children = 1 + roll(t, 4);

	if (depth > 5 || t->n > LEAVES / 2 || roll(t, 3) == 0) {
		put_leaf(t);
		return;
	}
	if (roll(t, 6) == 0) {
		buf_printf(&t->mail, "Content-Type: message/rfc822%s%s", t->eol,
		    t->eol);
		put_part(t, depth + 1);
		return;
	}
	buf_printf(&t->mail, "Content-Type: multipart/mixed; boundary=b%u%s%s",
	    b, t->eol, t->eol);
	put_lines(t);
	for (unsigned k = 0; k < children; k++) {
		buf_printf(&t->mail, "%s--b%u%s%s", k > 0 ? t->eol : "", b,
		    roll(t, 4) == 0 ? " \t" : "", t->eol);
		put_part(t, depth + 1);
	}
	buf_printf(&t->mail, "%s--b%u--%s", t->eol, b, t->eol);
	put_lines(t);
}

/* Each leaf is found with exactly its bytes. */
static bool same_leaves(const struct tree *t, const struct mime *m)
{
	size_t n = 0;

	for (size_t i = 0; i < m->n; i++) {
		struct str want;
		if (m->part[i].kind != MIME_LEAF)
			continue;
		if (n == t->n)
			return false;
		want = str_cut(buf_str(&t->mail), t->from[n], t->len[n]);
		n++;
		if (m->part[i].body.p != want.p || m->part[i].body.n != want.n)
			return false;
	}
	return n == t->n;
}

static void test_trees(void)
{
	unsigned wrong = 0;
	size_t leaves = 0;

	for (uint32_t seed = 1; seed <= TREES; seed++) {
		struct tree t = {.seed = seed * 7919U};
		struct mime m;

		t.eol = seed % 2 == 0 ? "\r\n" : "\n";
		buf_init(&t.mail, 1 << 20);
		put_part(&t, 0);
		fresh();
		if (mime_scan(buf_str(&t.mail), arena, &m) != 0 ||
		    !same_leaves(&t, &m)) {
			wrong++;
			printf("# seed %u\n", seed);
		}
		leaves += t.n;
		buf_fini(&t.mail);
	}
	OK(leaves > TREES, "%zu leaves in random trees", leaves);
	IS_INT(wrong, 0, "all found to the byte");
}

/* ---- hostile input ---- */

static int64_t scan_ms(struct str in, struct mime *m)
{
	int64_t t = clock_mono_ms();

	fresh();
	IS_INT(mime_scan(in, arena, m), 0, "hostile input scans");
	return clock_mono_ms() - t;
}

/* 31 open multiparts whose boundaries differ in the last byte only. */
static void open_many(struct buf *b)
{
	for (char c = 'A'; c < 'A' + 31; c++) {
		buf_printf(b, "Content-Type: multipart/mixed; boundary=");
		for (int i = 0; i < 40; i++)
			buf_addc(b, 'x');
		buf_printf(b, "%c\n\n--", c);
		for (int i = 0; i < 40; i++)
			buf_addc(b, 'x');
		buf_printf(b, "%c\n", c);
	}
}

static void test_depth(void)
{
	struct buf b;
	struct mime m;

	buf_init(&b, 4 << 20);
	for (int i = 0; i < 10000; i++)
		buf_printf(&b,
		    "Content-Type: multipart/mixed; boundary=b%d\n\n--b%d\n", i,
		    i);
	OK(scan_ms(buf_str(&b), &m) < TAP_ENDLESS_MS, "10000 levels in time");
	IS_INT(m.n, MIME_MAX_DEPTH, "as deep as allowed");
	OK((m.part[m.n - 1].flags & MIME_TOO_DEEP) != 0 &&
		m.part[m.n - 1].kind == MIME_LEAF,
	    "the rest is opaque");
	buf_reset(&b);
	for (int i = 0; i < 10000; i++)
		buf_addz(&b, "Content-Type: message/rfc822\n\n");
	OK(scan_ms(buf_str(&b), &m) < TAP_ENDLESS_MS, "10000 messages in time");
	IS_INT(m.n, MIME_MAX_DEPTH, "the same for messages");
	buf_fini(&b);
}

static void test_many(void)
{
	struct buf b;
	struct mime m;
	struct str end;

	buf_init(&b, 8 << 20);
	buf_addz(&b, MIXED);
	for (int i = 0; i < 100000; i++)
		buf_addz(&b, "--b\n\nx\n");
	OK(scan_ms(buf_str(&b), &m) < TAP_ENDLESS_MS, "100000 parts in time");
	IS_INT(m.n, MIME_MAX_PARTS, "as many as allowed");
	OK(m.cut, "and says so");
	end = m.part[m.n - 1].body;
	IS_S(end, STR("x"), "the last part ends where it ends");
	buf_fini(&b);
}

static void test_lines(void)
{
	static const char *const lines[] = {"\n", "-\n", "--\n", "--x\n",
	    "\n--", "--xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx!\n", "A:\n",
	    "Content-Type:(\n", "Content-Type: text/plain; x=\"\\\n"};

	for (size_t i = 0; i < sizeof(lines) / sizeof(*lines); i++) {
		struct buf b;
		struct mime m;

		buf_init(&b, 4 << 20);
		open_many(&b);
		while (b.n < 2000000)
			buf_addz(&b, lines[i]);
		OK(scan_ms(buf_str(&b), &m) < TAP_ENDLESS_MS, "lines %zu in time", i);
		buf_fini(&b);
	}
}

static void test_long(void)
{
	struct buf b;
	struct mime m;
	struct str text;

	buf_init(&b, 4 << 20);
	buf_addz(&b, "Content-Transfer-Encoding: quoted-printable\n\n");
	while (b.n < 2000000)
		buf_addc(&b, ' ');
	buf_addz(&b, "=x");
	OK(scan_ms(buf_str(&b), &m) < TAP_ENDLESS_MS, "one long line in time");
	IS_INT(mime_body(&m.part[0], 4 << 20, arena, &text), 0, "decodes");
	IS_INT(text.n, m.part[0].body.n, "blanks inside a line stay");
	buf_reset(&b);
	while (b.n < 1000000)
		buf_addz(&b, "A: 1\n");
	OK(scan_ms(buf_str(&b), &m) < TAP_ENDLESS_MS, "200000 fields in time");
	IS_INT(m.head.n, 200000, "all of them");
	arena_free(&arena);
	arena = arena_new(1000);
	IS_INT(mime_scan(buf_str(&b), arena, &m), ERR_LIMIT,
	    "a small arena refuses them");
	buf_fini(&b);
}

/* Every failing allocation is reported and leaks nothing. */
static void test_faults(void)
{
	static const char in[] =
	    "A: 1\n" MIXED "--b\nContent-Transfer-Encoding: base64\n\naA==\n"
	    "--b\n\n--b\n\n--b\n\n--b\n\n--b\n\n--b\n\n--b\n\n--b\n\n--b--";
	int rc = -1;
	long n;

	for (n = 1; rc != 0 && n < 100; n++) {
		struct arena *a;
		struct mime m;
		struct str text;

		fault_alloc_at(n);
		a = arena_new(ARENA);
		rc = a != NULL ? mime_scan(STR(in), a, &m) : ERR_LIMIT;
		if (rc == 0)
			rc = mime_body(&m.part[1], 100, a, &text);
		fault_alloc_at(0);
		arena_free(&a);
	}
	OK(rc == 0 && n > 3, "works after %ld failures", n - 2);
}

int main(void)
{
	test_head();
	test_param();
	test_parts();
	test_fields();
	test_codes(mimedecode_base64, base64_cases,
	    sizeof(base64_cases) / sizeof(*base64_cases));
	test_codes(
	    mimedecode_qp, qp_cases, sizeof(qp_cases) / sizeof(*qp_cases));
	test_ranges();
	test_words();
	test_trees();
	test_depth();
	test_many();
	test_lines();
	test_long();
	test_faults();
	arena_free(&arena);
	return tap_done();
}
