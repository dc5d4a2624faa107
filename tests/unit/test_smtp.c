/* test_smtp.c - the client against servers that are good, slow, wrong and
 * hostile. */
#include "tests/unit/smtpserver.h"

#include "agent/out/smtp.h"
#include "policy/base/clock.h"
#include "policy/base/fault.h"

#include <errno.h>

#define HELLO "220 mx ESMTP\r\n", "<"
#define PLAIN HELLO, "250 mx\r\n"
#define FULL                                                                   \
	HELLO, "250-mx\r\n250-SIZE 1000\r\n250-8BITMIME\r\n250-DSN\r\n"        \
	       "250 SMTPUTF8\r\n"
#define TAKE                                                                   \
	"<", "250 2.1.0 Ok\r\n", "<", "250 2.1.5 Ok\r\n", "<", "354 go\r\n",   \
	    "<DATA", "250 2.0.0 Ok: queued\r\n"
#define BYE "<", "221 bye\r\n"

static struct smtp_mail mail_of(const char *message)
{
	return (struct smtp_mail){.sender = STR("app@example.com"),
	    .rcpt = STR("ann@b.example"),
	    .top = STR("X-Top: 1\r\n"),
	    .message = str_of(message)};
}

static struct smtp *client(const struct smtpserver *s)
{
	struct smtp *c =
	    smtp_new(&(struct smtp_options){.server = str_of(s->address),
		.name = STR("me.example"),
		.command_ms = 20000,
		.end_ms = 20000});

	if (c == NULL)
		smtpserver_die("out of memory");
	return c;
}

static void test_plain(size_t split)
{
	static const char *const steps[] = {PLAIN, TAKE, BYE, NULL};
	struct smtp_mail m = mail_of("A: b\r\n\r\n.dot\nbare\r\n..two\r\nend");
	struct str want =
	    STR("EHLO me.example\r\nMAIL FROM:<app@example.com>\r\n"
		"RCPT TO:<ann@b.example>\r\nDATA\r\nX-Top: 1\r\nA: b\r\n\r\n"
		"..dot\r\nbare\r\n...two\r\nend\r\n.\r\nQUIT\r\n");
	static const struct str args[] = {{"RET=HDRS", 8}, {"SIZE=9", 6}};
	struct smtpserver s;
	struct smtp_reply r;
	struct error err = {0};
	struct smtp *c;

	m.sender_args = (struct strs){args, 2};
	m.rcpt_args = (struct strs){args, 2};
	smtpserver_start(&s, steps, split);
	c = client(&s);
	IS_INT(smtp_send(c, &m, &r, &err), 0, "sent: %s", err.text);
	OK(r.code == 250 && r.stage == SMTP_STAGE_END, "250 at the end");
	IS_STR(r.enhanced, "2.0.0", "status");
	IS_STR(r.text, "Ok: queued", "text");
	smtp_free(&c);
	IS_S(smtpserver_heard(&s), want, "pieces of %zu: what it heard", split);
	smtpserver_end(&s);
}

static void test_extensions(void)
{
	static const char *const steps[] = {FULL, TAKE, TAKE, BYE, NULL};
	static const struct str mail_args[] = {{"ret=HDRS", 8},
	    {"BODY=7BIT", 9}, {"ENVID=a+2Bb", 11}, {"ENVID=c", 7},
	    {"SMTPUTF8", 8}};
	static const struct str rcpt_args[] = {{"ORCPT=rfc822;a@b", 16},
	    {"NOTIFY=NEVER\r\nDATA", 18}, {"NOTIFY=FAILURE", 14}};
	struct smtp_mail m = mail_of("A: b\r\n\r\n\xc3\xa4\r\n");
	struct smtpserver s;
	struct smtp_reply r;
	struct error err = {0};
	struct smtp *c;

	m.sender_args = (struct strs){mail_args, 5};
	m.rcpt_args = (struct strs){rcpt_args, 3};
	smtpserver_start(&s, steps, 0);
	c = client(&s);
	IS_INT(smtp_send(c, &m, &r, &err), 0, "sent: %s", err.text);
	m = mail_of("B: b\r\n\r\n");
	m.sender = STR("");
	IS_INT(smtp_send(c, &m, &r, &err), 0, "second, same connection");
	smtp_free(&c);
	IS_S(smtpserver_heard(&s),
	    STR("EHLO me.example\r\n"
		"MAIL FROM:<app@example.com> SIZE=22 BODY=8BITMIME SMTPUTF8 "
		"ret=HDRS ENVID=a+2Bb\r\n"
		"RCPT TO:<ann@b.example> ORCPT=rfc822;a@b NOTIFY=FAILURE\r\n"
		"DATA\r\nX-Top: 1\r\nA: b\r\n\r\n\xc3\xa4\r\n.\r\n"
		"MAIL FROM:<> SIZE=18\r\nRCPT TO:<ann@b.example>\r\nDATA\r\n"
		"X-Top: 1\r\nB: b\r\n\r\n.\r\nQUIT\r\n"),
	    "parameters where offered");
	smtpserver_end(&s);
}

/* Quoted, anything may stand in an address. */
static void test_quoted(void)
{
	static const char *const steps[] = {PLAIN, TAKE, BYE, NULL};
	struct smtp_mail m = mail_of("A: b\r\n\r\n");
	struct smtpserver s;
	struct smtp_reply r;
	struct error err = {0};
	struct smtp *c;

	m.rcpt = STR("\"a> \\\" <b\"@c.example");
	smtpserver_start(&s, steps, 0);
	c = client(&s);
	IS_INT(smtp_send(c, &m, &r, &err), 0, "sent: %s", err.text);
	IS_INT(r.code, 250, "taken");
	smtp_free(&c);
	OK(str_contains(smtpserver_heard(&s),
	       STR("RCPT TO:<\"a> \\\" <b\"@c.example>\r\n")),
	    "as it is");
	smtpserver_end(&s);
}

static void test_refused(void)
{
	static const char *const steps[] = {PLAIN, "<", "452 4.3.1 No room\r\n",
	    "<", "250 reset\r\n", "<", "250 ok\r\n", "<",
	    "550-5.1.1 No such\r\n550 5.1.1 user \x01here\r\n", "<",
	    "250 reset\r\n", "<", "250 ok\r\n", "<", "250 ok\r\n", "<",
	    "354 go\r\n", "<DATA", "451 4.7.1 Not before 2027\r\n", BYE, NULL};
	static const struct {
		int code;
		enum smtp_stage stage;
		const char *enhanced, *text;
	} want[] = {
	    {452, SMTP_STAGE_MAIL, "4.3.1", "No room"},
	    {550, SMTP_STAGE_RCPT, "5.1.1", "No such user ?here"},
	    {451, SMTP_STAGE_END, "4.7.1", "Not before 2027"},
	};
	struct smtp_mail m = mail_of("A: b\r\n\r\n");
	struct smtpserver s;
	struct smtp_reply r;
	struct error err = {0};
	struct smtp *c;

	smtpserver_start(&s, steps, 0);
	c = client(&s);
	for (size_t i = 0; i < 3; i++) {
		IS_INT(smtp_send(c, &m, &r, &err), 0, "answered: %s", err.text);
		OK(r.code == want[i].code && r.stage == want[i].stage,
		    "code %d at stage %d", r.code, (int)r.stage);
		IS_STR(r.enhanced, want[i].enhanced, "status");
		IS_STR(r.text, want[i].text, "text");
	}
	smtp_free(&c);
	(void)smtpserver_heard(&s);
	smtpserver_end(&s);
}

static void test_unsafe(void)
{
	static const char *const steps[] = {PLAIN, "<", "250 ok\r\n", "<",
	    "250 ok\r\n", "<", "250 ok\r\n", "<", "250 ok\r\n", "<",
	    "250 ok\r\n", "<", "250 ok\r\n", "<", "250 ok\r\n", BYE, NULL};
	static const char *const bad[] = {"a@b> NOTIFY=NEVER", "<a@b",
	    "\"a@b> NOTIFY=NEVER", "\"a\\\"@b> NOTIFY=NEVER",
	    "a\\\"b@c> NOTIFY=NEVER"};
	struct smtp_mail m = mail_of("A: b\r\n\r\n");
	struct smtpserver s;
	struct smtp_reply r;
	struct error err = {0};
	struct smtp *c;

	smtpserver_start(&s, steps, 0);
	c = client(&s);
	m.rcpt = STR("a@b>\r\nDATA\r\n");
	IS_INT(smtp_send(c, &m, &r, &err), 0, "a line end in an address");
	OK(r.code == 553 && strcmp(r.enhanced, "5.1.3") == 0, "refused here");
	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
		m.rcpt = str_of(bad[i]);
		IS_INT(smtp_send(c, &m, &r, &err), 0, "%s", bad[i]);
		OK(r.code == 553 && strcmp(r.enhanced, "5.1.3") == 0,
		    "refused here");
	}
	m.rcpt = STR("j\xc3\xb6rg@b.example");
	IS_INT(smtp_send(c, &m, &r, &err), 0, "UTF-8, not offered");
	OK(r.code == 553 && strcmp(r.enhanced, "5.6.7") == 0, "refused here");
	smtp_free(&c);
	OK(!str_contains(smtpserver_heard(&s), STR("RCPT")), "none was named");
	smtpserver_end(&s);
}

/* One message against one script; the connection must be given up. */
static void fails(
    const char *const *steps, int want, const char *part, const char *what)
{
	struct smtp_mail m = mail_of("A: b\r\n\r\n");
	struct smtpserver s;
	struct smtp_reply r;
	struct error err = {0};
	struct smtp *c;

	smtpserver_start(&s, steps, 0);
	c = client(&s);
	IS_INT(smtp_send(c, &m, &r, &err), want, "%s: %s", what, err.text);
	OK(strstr(err.text, part) != NULL, "says so");
	smtp_free(&c);
	(void)smtpserver_heard(&s);
	smtpserver_end(&s);
}

static char long_line[3000], long_reply[20000];

static void test_hostile(void)
{
	static const char *const closed[] = {"|", NULL};
	static const char *const junk[] = {"HTTP/1.0 400\r\n", "~", NULL};
	static const char *const changing[] = {"220-a\r\n250 b\r\n", "~", NULL};
	static const char *const endless[] = {long_line, "~", NULL};
	static const char *const many[] = {long_reply, "~", NULL};
	static const char *const at_data[] = {
	    PLAIN, "<", "250 a\r\n", "<", "250 b\r\n", "<", "|", NULL};
	static const char *const at_end[] = {PLAIN, "<", "250 a\r\n", "<",
	    "250 b\r\n", "<", "354 c\r\n", "<DATA", "|", NULL};
	static const char *const odd[] = {PLAIN, "<", "354 go\r\n", "~", NULL};
	static const char *const nul[] = {PLAIN, "<", "2\r\n", "~", NULL};

	memset(long_line, '2', sizeof(long_line) - 1);
	for (size_t i = 0; i + 6 < sizeof(long_reply); i += 6)
		memcpy(long_reply + i, "220-\r\n", 7);
	fails(closed, ERR_UNAVAILABLE, "closed", "closed at once");
	fails(junk, ERR_SYNTAX, "not a reply", "another protocol");
	fails(changing, ERR_SYNTAX, "not a reply", "two codes in one reply");
	fails(endless, ERR_LIMIT, "too long", "a line without end");
	fails(many, ERR_LIMIT, "too long", "a reply without end");
	fails(at_data, ERR_UNAVAILABLE, "closed", "closed at DATA");
	fails(at_end, ERR_UNAVAILABLE, "closed", "closed after the dot");
	fails(odd, ERR_SYNTAX, "354", "354 where none belongs");
	fails(nul, ERR_SYNTAX, "not a reply", "a short line");
}

static void test_open_refused(void)
{
	static const char *const steps[] = {"554 5.3.2 No\r\n", "|", NULL};
	struct smtp_mail m = mail_of("A: b\r\n\r\n");
	struct smtpserver s;
	struct smtp_reply r;
	struct error err = {0};
	struct smtp *c;

	smtpserver_start(&s, steps, 0);
	c = client(&s);
	IS_INT(smtp_send(c, &m, &r, &err), 0, "greeted with 554");
	OK(r.code == 554 && r.stage == SMTP_STAGE_OPEN, "told as it is");
	(void)smtpserver_heard(&s);
	smtpserver_end(&s);
	IS_INT(smtp_send(c, &m, &r, &err), ERR_UNAVAILABLE, "nobody: %s",
	    err.text);
	smtp_free(&c);
}

static void test_reconnect(void)
{
	static const char *const steps[] = {
	    PLAIN, TAKE, "421 4.3.0 idle\r\n", ">", PLAIN, TAKE, BYE, NULL};
	struct smtp_mail m = mail_of("A: b\r\n\r\n");
	struct smtpserver s;
	struct smtp_reply r;
	struct error err = {0};
	struct smtp *c;

	smtpserver_start(&s, steps, 0);
	c = client(&s);
	IS_INT(smtp_send(c, &m, &r, &err), 0, "first");
	while (atomic_load(&s.closed) == 0)
		usleep(1000);
	IS_INT(
	    smtp_send(c, &m, &r, &err), 0, "closed while idle: %s", err.text);
	IS_INT(r.code, 250, "sent on a new connection");
	smtp_free(&c);
	(void)smtpserver_heard(&s);
	smtpserver_end(&s);
}

/* A reply has its time, however many lines it comes in. */
static void test_trickle(void)
{
	static char lines[1000];
	static const char *const steps[] = {lines, "<", "~", NULL};
	struct smtp_mail m = mail_of("A: b\r\n\r\n");
	struct smtpserver s;
	struct smtp_reply r;
	struct error err = {0};
	struct smtp_options o = {.name = STR("me"), .command_ms = 300};
	struct smtp *c;

	for (size_t i = 0; i < 90; i++)
		memcpy(lines + i * 10, "220-abcd\r\n", 11);
	memcpy(lines + 900, "220 end\r\n", 10);
	smtpserver_start(&s, steps, 1);
	o.server = str_of(s.address);
	c = smtp_new(&o);
	IS_INT(smtp_send(c, &m, &r, &err), ERR_UNAVAILABLE, "trickled: %s",
	    err.text);
	smtp_free(&c);
	IS_S(smtpserver_heard(&s), STR(""), "no word to such a one");
	smtpserver_end(&s);
}

static void test_time(void)
{
	static const char *const silent[] = {"~", NULL};
	struct smtp_mail m = mail_of("A: b\r\n\r\n");
	atomic_bool stop;
	struct smtpserver s;
	struct smtp_reply r;
	struct error err = {0};
	struct smtp_options o = {.name = STR("me"), .command_ms = 150};
	struct smtp *c;
	int64_t from = clock_mono_ms();

	smtpserver_start(&s, silent, 0);
	o.server = str_of(s.address);
	c = smtp_new(&o);
	IS_INT(smtp_send(c, &m, &r, &err), ERR_UNAVAILABLE, "silent: %s",
	    err.text);
	OK(clock_mono_ms() - from < TAP_ENDLESS_MS, "in time");
	smtp_free(&c);
	(void)smtpserver_heard(&s);
	smtpserver_end(&s);
	atomic_init(&stop, true);
	smtpserver_start(&s, silent, 0);
	o.server = str_of(s.address);
	o.stop = &stop;
	c = smtp_new(&o);
	IS_INT(smtp_send(c, &m, &r, &err), ERR_STOPPING, "told to stop");
	smtp_free(&c);
	(void)smtpserver_heard(&s);
	smtpserver_end(&s);
}

/* Lines longer than a chunk, and a CR right where a chunk ends. */
static void test_long(void)
{
	static const char *const steps[] = {PLAIN, TAKE, BYE, NULL};
	enum {
		N = 200000
	};
	char *text = malloc(N + 1);
	struct smtp_mail m;
	struct smtpserver s;
	struct smtp_reply r;
	struct error err = {0};
	struct smtp *c;
	struct str heard;

	if (text == NULL)
		exit(1);
	memset(text, 'x', N);
	memcpy(text + 32767, "\r\n.", 3);
	memcpy(text + 98305, "\n.\r", 3);
	text[N] = '\0';
	m = mail_of(text);
	smtpserver_start(&s, steps, 0);
	c = client(&s);
	IS_INT(smtp_send(c, &m, &r, &err), 0, "sent: %s", err.text);
	smtp_free(&c);
	heard = smtpserver_heard(&s);
	heard = str_from(heard, str_find(heard, 0, 'X'));
	IS_INT(heard.n, 10 + N + 2 + 1 + 5 + 6,
	    "two dots doubled, one LF made CRLF");
	OK(str_contains(heard, STR("x\r\n..x")) &&
		str_contains(heard, STR("x\r\n..\rx")),
	    "and nothing else");
	smtpserver_end(&s);
	free(text);
}

static void test_no_memory(void)
{
	static const char *const steps[] = {PLAIN, TAKE, BYE, NULL};
	struct smtp_mail m = mail_of("A: b\r\n\r\n");
	struct smtpserver s;
	struct smtp_reply r;
	struct error err = {0};
	struct smtp *c;
	int rc;

	smtpserver_start(&s, steps, 0);
	c = client(&s);
	fault_alloc_at(1);
	rc = smtp_send(c, &m, &r, &err);
	fault_alloc_at(0);
	IS_INT(rc, -ENOMEM, "no connection");
	IS_INT(smtp_send(c, &m, &r, &err), 0, "then it works");
	smtp_free(&c);
	(void)smtpserver_heard(&s);
	smtpserver_end(&s);
	fault_alloc_at(1);
	c = smtp_new(&(struct smtp_options){.name = STR("x")});
	fault_alloc_at(0);
	OK(c == NULL, "no client");
	IS_INT(smtp_send((c = smtp_new(
			      &(struct smtp_options){.server = STR("nohost")})),
		   &m, &r, &err),
	    ERR_SYNTAX, "not a host and a port");
	smtp_free(&c);
}

int main(void)
{
	test_plain(0);
	test_plain(1);
	test_extensions();
	test_quoted();
	test_refused();
	test_unsafe();
	test_hostile();
	test_open_refused();
	test_reconnect();
	test_time();
	test_trickle();
	test_long();
	test_no_memory();
	return tap_done();
}
