/* slotstest.h - log lines of a mail server, and what becomes of the slots of
 * the messages they speak of. */
#ifndef TESTS_UNIT_SLOTSTEST_H
#define TESTS_UNIT_SLOTSTEST_H

#include "tests/unit/storetest.h"

#include "agent/in/slots.h"
#include "agent/ruleset.h"
#include "policy/base/clock.h"
#include "policy/state/message.h"

#include <fcntl.h>
#include <time.h>

static struct storetest T;
static struct app A;
static struct slots *S;
static char log_path[128];
static int64_t now_ms;

static const char policy_text[] =
    "segment demo { purpose = demos legal-basis = legitimate-interest "
    "when-full = defer }\n";

static uint64_t send_to(const char *to, const char *queue_id)
{
	static uint64_t key = 100;
	struct decide_in in = {.mode = DECIDE_SEND,
	    .recipient = storetest_address(&T, to),
	    .segment = STR("demo"),
	    .stream = STR("apps"),
	    .queue_id = str_of(queue_id),
	    .same = {.key = ++key, .has_message_id = true},
	    .log_followed = true};
	struct decide_out out;
	struct error err = {0};
	uint64_t id;

	if (decide_propose(T.store, &in, &out, &err) != 0)
		printf("# %s\n", err.text);
	id = out.message_id;
	decide_fini(&out);
	return id;
}

static enum slot_state state_of(uint64_t id)
{
	struct message_record r = {0};
	struct ledger_txn *t;

	if (ledger_read_begin(T.store->ledger, &t) != 0)
		return 0;
	if (message_read(t, id, &r) != 0)
		r.state = 0;
	ledger_read_end(&t);
	return r.state;
}

/* One line at the test's instant. */
static void log_line(const char *rest)
{
	char stamp[32], line[600];
	time_t t = (time_t)(now_ms / 1000);
	struct tm tm;
	int fd = open(log_path, O_WRONLY | O_APPEND | O_CREAT, 0600);
	int n;

	(void)localtime_r(&t, &tm);
	(void)strftime(stamp, sizeof(stamp), "%b %e %H:%M:%S", &tm);
	n = snprintf(line, sizeof(line), "%s mx %s\n", stamp, rest);
	if (fd < 0 || write(fd, line, (size_t)n) != n)
		printf("# cannot write the log\n");
	(void)close(fd);
}

static void step(void)
{
	struct error err = {0};
	bool more = true;

	for (int i = 0; i < 20 && more; i++)
		if (slots_step(S, now_ms, &more, &err) != 0)
			printf("# step: %s\n", err.text);
}

static void reopen(void)
{
	struct error err = {0};

	slots_close(&S);
	IS_INT(slots_open(&S, &A, &err), 0, "open: %s", err.text);
}

static int suppressed(const char *who)
{
	struct address a = storetest_address(&T, who);
	struct suppression_record r = {0};
	struct ledger_txn *t;
	struct lead_id id;

	if (lead_id_of(T.store->lead_key, &a, &id) != 0 ||
	    ledger_read_begin(T.store->ledger, &t) != 0)
		return -1;
	if (suppression_read(t, SUPPRESS_LEAD,
		(struct str){(const char *)id.b, sizeof(id.b)}, 0, &r) != 0)
		r.reason = 0;
	ledger_read_end(&t);
	return (int)r.reason;
}

static void slotstest_open(void)
{
	static const struct str relays[] = {STR("127.0.0.1:10025")};
	static struct conf with_log;
	struct error err = {0};

	storetest_open(&T);
	(void)snprintf(log_path, sizeof(log_path), "%s/maillog", T.dir);
	with_log = *T.conf;
	with_log.mta_log.file = str_of(log_path);
	with_log.mta_log.handoff_relays = (struct strs){relays, 1};
	A.conf = &with_log;
	A.store = T.store;
	now_ms = clock_now_ms();
	IS_INT(storetest_policy(&T, policy_text), 0, "policy");
	IS_INT(ruleset_open(&A.rules, A.conf, &err), 0, "rules");
	IS_INT(slots_open(&S, &A, &err), 0, "open: %s", err.text);
}

static void slotstest_close(void)
{
	slots_close(&S);
	ruleset_close(&A.rules);
	storetest_close(&T);
}

#define ACTIVE(id)                                                             \
	log_line("postfix/qmgr[9]: " id ": from=<b@c.example>, size=9, "       \
		 "nrcpt=1 (queue active)")

#endif
