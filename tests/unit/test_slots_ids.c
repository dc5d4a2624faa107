/* test_slots_ids.c - a message under several queue ids, a queue id of several
 * messages, and more recipients of one than ours. */
#include "tests/unit/slotstest.h"

#include "policy/state/counter.h"

#define SENT(id, to, relay, text)                                              \
	log_line(                                                              \
	    "postfix/smtp[8]: " id ": to=<" to ">, relay=" relay               \
	    ", delay=1, delays=1/0/0/0, dsn=2.0.0, status=sent (" text ")")
#define REFUSED(id, to)                                                        \
	log_line("postfix/smtp[8]: " id ": to=<" to                            \
		 ">, relay=x[192.0.2.2]:25, delay=1, delays=1/0/0/0, "         \
		 "dsn=5.1.1, status=bounced (host x[192.0.2.2] said: 550 "     \
		 "5.1.1 no such user (in reply to RCPT TO command))")
#define REMOVED(id) log_line("postfix/qmgr[9]: " id ": removed")
#define FILTER "127.0.0.1[127.0.0.1]:10025"
#define MX "x[192.0.2.2]:25"

/* An alias: the message goes on under another queue id, and the first one is
 * done with. */
static void test_forwarded(void)
{
	uint64_t id = send_to("fw@b.example", "4jXQLJ4D61z1bXx");

	log_line("postfix/qmgr[9]: 4jXQLJ4D61z1bXx: from=<b@c.example>, "
		 "size=9, nrcpt=1 (queue active)");
	log_line("postfix/local[8]: 4jXQLJ4D61z1bXx: to=<fw@b.example>, "
		 "relay=local, delay=1, delays=1/0/0/0, dsn=2.0.0, "
		 "status=sent (forwarded as 4jXQLJ4D62z1bXx)");
	log_line("postfix/qmgr[9]: 4jXQLJ4D61z1bXx: removed");
	step();
	IS_INT(state_of(id), SLOT_QUEUED, "it goes on under another id");
	log_line("postfix/smtp[8]: 4jXQLJ4D62z1bXx: to=<x@y.example>, "
		 "orig_to=<fw@b.example>, relay=x[192.0.2.2]:25, delay=1, "
		 "delays=1/0/0/0, dsn=2.0.0, status=sent (250 2.0.0 Ok)");
	log_line("postfix/qmgr[9]: 4jXQLJ4D62z1bXx: removed");
	step();
	IS_INT(state_of(id), SLOT_DELIVERED, "and is delivered there");
}

/* A content filter that only hands on, twice; the agent ends in between. */
static void test_handoff(void)
{
	uint64_t id = send_to("ho@b.example", "4jXQLJ4Df1z1bXx");

	ACTIVE("4jXQLJ4Df1z1bXx");
	SENT("4jXQLJ4Df1z1bXx", "ho@b.example", FILTER,
	    "250 2.0.0 Ok: queued as 4jXQLJ4Dg1z1bXx");
	REMOVED("4jXQLJ4Df1z1bXx");
	step();
	IS_INT(state_of(id), SLOT_QUEUED, "the filter has it: not delivered");
	reopen();
	SENT("4jXQLJ4Dg1z1bXx", "ho@b.example", FILTER,
	    "250 2.0.0 Ok: queued as 4jXQLJ4Dh1z1bXx");
	REMOVED("4jXQLJ4Dg1z1bXx");
	step();
	IS_INT(state_of(id), SLOT_QUEUED, "nor after the second");
	reopen();
	SENT("4jXQLJ4Dh1z1bXx", "ho@b.example", MX, "250 2.0.0 Ok");
	REMOVED("4jXQLJ4Dh1z1bXx");
	step();
	IS_INT(state_of(id), SLOT_DELIVERED, "but by its last server");
}

/* All lines are there at once, those of the filter's side even before. */
static void test_handoff_at_once(void)
{
	uint64_t early = send_to("he@b.example", "4jXQLJ4Df2z1bXx");
	uint64_t gone = send_to("hg@b.example", "4jXQLJ4Df3z1bXx");
	uint64_t late = send_to("hl@b.example", "4jXQLJ4Df4z1bXx");
	uint64_t both = send_to("hb@b.example", "4jXQLJ4Df5z1bXx");
	uint64_t stays = send_to("hs@b.example", "4jXQLJ4Df5z1bXx");

	ACTIVE("4jXQLJ4Df2z1bXx");
	ACTIVE("4jXQLJ4Df5z1bXx");
	SENT("4jXQLJ4Dh2z1bXx", "he@b.example", MX, "250 2.0.0 Ok");
	SENT("4jXQLJ4Dg2z1bXx", "he@b.example", FILTER,
	    "250 2.0.0 Ok: queued as 4jXQLJ4Dh2z1bXx");
	SENT("4jXQLJ4Df2z1bXx", "he@b.example", FILTER,
	    "250 2.0.0 Ok: queued as 4jXQLJ4Dg2z1bXx");
	REMOVED("4jXQLJ4Df2z1bXx");
	REFUSED("4jXQLJ4Dg3z1bXx", "hg@b.example");
	REMOVED("4jXQLJ4Dg3z1bXx");
	SENT("4jXQLJ4Df3z1bXx", "hg@b.example", FILTER,
	    "250 2.0.0 Ok: queued as 4jXQLJ4Dg3z1bXx");
	REMOVED("4jXQLJ4Df3z1bXx");
	SENT("4jXQLJ4Df4z1bXx", "hl@b.example", FILTER,
	    "250 2.0.0 Ok: queued as 4jXQLJ4Dg4z1bXx");
	REMOVED("4jXQLJ4Df4z1bXx");
	REFUSED("4jXQLJ4Dg4z1bXx", "hl@b.example");
	REMOVED("4jXQLJ4Dg4z1bXx");
	SENT("4jXQLJ4Df5z1bXx", "hb@b.example", FILTER,
	    "250 2.0.0 Ok: queued as 4jXQLJ4Dg5z1bXx");
	REFUSED("4jXQLJ4Dg5z1bXx", "hb@b.example");
	REMOVED("4jXQLJ4Dg5z1bXx");
	step();
	IS_INT(state_of(early), SLOT_DELIVERED, "delivered two hops on");
	IS_INT(state_of(gone), SLOT_RELEASED, "refused before it was told");
	IS_INT(state_of(late), SLOT_RELEASED, "refused behind it");
	IS_INT(suppressed("hg@b.example"), SUPPRESSION_USER_UNKNOWN,
	    "which speaks of the person");
	IS_INT(suppressed("hl@b.example"), SUPPRESSION_USER_UNKNOWN,
	    "in both orders");
	IS_INT(state_of(both), SLOT_RELEASED, "one of two was handed on");
	IS_INT(state_of(stays), SLOT_QUEUED, "the other is where it was");
}

/* The filter tells no id: what became of it stands nowhere. */
static void test_handoff_unknown(void)
{
	uint64_t id = send_to("hu@b.example", "4jXQLJ4Df6z1bXx");

	ACTIVE("4jXQLJ4Df6z1bXx");
	SENT("4jXQLJ4Df6z1bXx", "hu@b.example", FILTER, "250 2.0.0 Ok");
	REMOVED("4jXQLJ4Df6z1bXx");
	step();
	IS_INT(state_of(id), SLOT_QUEUED, "stays committed");
	reopen();
	SENT("4jXQLJ4Df6z1bXx", "hu@b.example", FILTER, "250 2.0.0 Ok");
	REMOVED("4jXQLJ4Df6z1bXx");
	step();
	IS_INT(state_of(id), SLOT_QUEUED, "also when it is read again");
}

#define BEGINS(id) log_line("postfix/cleanup[6]: " id ": message-id=<x@y>")

/* postsuper -r: cleanup writes of the new queue id after the message is there.
 */
static void test_requeued(void)
{
	uint64_t id = send_to("rq@b.example", "F53053D8");

	BEGINS("F53053D8");
	ACTIVE("F53053D8");
	step();
	now_ms += 2000;
	log_line("postfix/pickup[6]: F53053D9: uid=103 from=<b@c.example> "
		 "orig_id=F53053D8");
	step();
	reopen();
	BEGINS("F53053D9");
	ACTIVE("F53053D9");
	SENT("F53053D9", "rq@b.example", MX, "250 2.0.0 Ok");
	REMOVED("F53053D9");
	step();
	IS_INT(state_of(id), SLOT_DELIVERED, "queued anew, and delivered");
}

/* Short queue ids are used again as soon as they are free. */
static void test_reused(void)
{
	uint64_t stuck = send_to("ra@b.example", "F53053D1");
	uint64_t gone = send_to("rb@b.example", "F53053D2");
	uint64_t again, third;

	BEGINS("F53053D1");
	BEGINS("F53053D2");
	ACTIVE("F53053D1");
	ACTIVE("F53053D2");
	SENT("F53053D1", "ra@b.example", FILTER, "250 2.0.0 Ok");
	REMOVED("F53053D1");
	log_line("postfix/smtp[8]: F53053D2: to=<rb@b.example>, relay=" MX
		 ", delay=1, delays=1/0/0/0, dsn=5.2.2, status=bounced (host "
		 "x[192.0.2.2] said: 552 5.2.2 mailbox full)");
	REMOVED("F53053D2");
	step();
	IS_INT(state_of(stuck), SLOT_QUEUED, "nobody knows where it went");
	IS_INT(state_of(gone), SLOT_RELEASED, "bounced");
	reopen();
	now_ms += 1000;
	BEGINS("F53053D1");
	ACTIVE("F53053D1");
	REFUSED("F53053D1", "stranger@b.example");
	REMOVED("F53053D1");
	BEGINS("F53053D2");
	ACTIVE("F53053D2");
	SENT("F53053D2", "stranger@b.example", MX, "250 2.0.0 Ok");
	REMOVED("F53053D2");
	step();
	IS_INT(state_of(stuck), SLOT_QUEUED, "another's bounce is not its own");
	IS_INT(suppressed("ra@b.example"), 0, "and says nothing of the person");
	IS_INT(state_of(gone), SLOT_RELEASED, "another was delivered");
	reopen();
	now_ms += 1000;
	BEGINS("F53053D2");
	again = send_to("rc@b.example", "F53053D2");
	ACTIVE("F53053D2");
	SENT("F53053D2", "rewritten@b.example", MX, "250 2.0.0 Ok");
	REMOVED("F53053D2");
	step();
	IS_INT(state_of(again), SLOT_DELIVERED, "one of ours, rewritten");
	IS_INT(state_of(gone), SLOT_RELEASED, "the first one is what it was");
	now_ms += 1000;
	BEGINS("F53053D2");
	third = send_to("rd@b.example", "F53053D2");
	ACTIVE("F53053D2");
	REFUSED("F53053D2", "rewritten@b.example");
	REMOVED("F53053D2");
	step();
	IS_INT(state_of(third), SLOT_RELEASED, "the next one is refused");
	IS_INT(state_of(again), SLOT_DELIVERED, "the one before was not");
	IS_INT(suppressed("rc@b.example"), 0, "whose mailbox is there");
	now_ms += 1000;
	BEGINS("F53053D1");
	ACTIVE("F53053D1");
	REFUSED("F53053D1", "ra@b.example");
	REMOVED("F53053D1");
	BEGINS("F53053D2");
	ACTIVE("F53053D2");
	REFUSED("F53053D2", "rc@b.example");
	REMOVED("F53053D2");
	step();
	IS_INT(suppressed("ra@b.example"), 0,
	    "another's message to her is not the one that had its queue id");
	IS_INT(suppressed("rc@b.example"), 0, "nor one of several that had it");
	IS_INT(state_of(stuck), SLOT_QUEUED, "nothing became of hers");
}

static int told_of_more(void)
{
	struct ledger_txn *t;
	uint64_t n = 0;

	if (ledger_read_begin(T.store->ledger, &t) == 0) {
		if (counter_read(
			t, 0, "queue.more_recipients", STR("demo"), &n) != 0)
			n = 999;
		ledger_read_end(&t);
	}
	return (int)n;
}

/* "rest of the line" of the queue manager. */
static void active(const char *id, int recipients)
{
	char line[200];

	(void)snprintf(line, sizeof(line),
	    "postfix/qmgr[9]: %s: from=<b@c.example>, size=9, nrcpt=%d "
	    "(queue active)",
	    id, recipients);
	log_line(line);
}

/* A hop's queue id that was another message's: what is said of it before the move
 * is still kept for who comes there. What is true of these: the log is read then. */
static void reuse_by_hop(const char *name, bool after_end, bool before_move)
{
	uint64_t first = send_to("h1@b.example", "F53053B1");
	uint64_t next = send_to("h2@b.example", "F53053B2");

	BEGINS("F53053B1");
	ACTIVE("F53053B1");
	SENT("F53053B1", "h1@b.example", MX, "250 2.0.0 Ok");
	REMOVED("F53053B1");
	if (after_end)
		step();
	now_ms += 1000;
	BEGINS("F53053B2");
	ACTIVE("F53053B2");
	BEGINS("F53053B1");
	if (before_move)
		step();
	ACTIVE("F53053B1");
	SENT("F53053B1", "h2@b.example", MX, "250 2.0.0 Ok");
	REMOVED("F53053B1");
	if (before_move)
		step();
	SENT("F53053B2", "h2@b.example", FILTER,
	    "250 2.0.0 Ok: queued as F53053B1");
	REMOVED("F53053B2");
	step();
	IS_INT(state_of(first), SLOT_DELIVERED, "%s: whose it was", name);
	IS_INT(state_of(next), SLOT_DELIVERED, "%s: who came there", name);
	now_ms += 20000; /* what was kept is too old by then */
}

static void test_reused_by_hop(void)
{
	reuse_by_hop("all at once", false, false);
	reuse_by_hop("the end was read before", true, false);
	reuse_by_hop("the beginning was read before", false, true);
	reuse_by_hop("both were", true, true);
}

/* An alias, or always_bcc: it is told, and changes nothing. */
static void test_more_recipients(void)
{
	int before = told_of_more();
	uint64_t id = send_to("ma@b.example", "F53053E1");

	(void)send_to("mb@b.example", "F53053E2");
	(void)send_to("mc@b.example", "F53053E3");
	(void)send_to("md@b.example", "F53053E3");
	BEGINS("F53053E1");
	active("F53053E1", 3);
	active("F53053E2", 1);
	active("F53053E3", 2);
	active("F53053EF", 9); /* none of ours */
	step();
	IS_INT(told_of_more() - before, 1, "three for one: told");
	IS_INT(state_of(id), SLOT_QUEUED, "queued, as ever");
	reopen();
	now_ms += 10 * 60000;
	active("F53053E1", 3);
	step();
	IS_INT(told_of_more() - before, 1, "tried again: not told again");
	SENT("F53053E1", "ma@b.example", MX, "250 2.0.0 Ok");
	SENT("F53053E1", "other@b.example", MX, "250 2.0.0 Ok");
	REMOVED("F53053E1");
	step();
	IS_INT(state_of(id), SLOT_DELIVERED, "delivered");
	active("F53053E3", 3);
	step();
	IS_INT(told_of_more() - before, 1, "later, and of two: not now");
}

/* "recipients" of a delivery as Sendmail logs it. */
static void sm_try(const char *id, const char *rcpts, const char *end)
{
	char line[400];

	(void)snprintf(line, sizeof(line),
	    "sm-mta[7]: %s: to=%s, delay=0, xdelay=0, mailer=esmtp, pri=1, "
	    "relay=mx. [192.0.2.1], dsn=%s",
	    id, rcpts, end);
	log_line(line);
}

#define SM_SENT "2.0.0, stat=Sent (Ok)"
#define SM_LATER "4.2.0, reply=451 x, stat=Deferred: 451 x"

/* An alias at Sendmail's: who else gets it is told by deliveries alone, maybe
 * after ours. */
static void test_more_of_sendmail(void)
{
	int before = told_of_more();
	uint64_t id = send_to("na@b.example", "6AN6n0XH018701");

	(void)send_to("nb@b.example", "6AN6n0XH018702");
	(void)send_to("nc@b.example", "6AN6n0XH018703");
	sm_try("6AN6n0XH018701", "na@b.example", SM_SENT);
	step();
	IS_INT(state_of(id), SLOT_DELIVERED, "one: delivered");
	sm_try("6AN6n0XH018701", "x@c.example", SM_LATER);
	sm_try("6AN6n0XH018701", "X@C.Example", SM_SENT);
	sm_try("6AN6n0XH018701", "y@d.example", SM_SENT);
	step();
	IS_INT(told_of_more() - before, 1, "a second one: told, and once");
	IS_INT(state_of(id), SLOT_DELIVERED, "delivered, as ever");
	sm_try("6AN6n0XH018702", "<nb@b.example>", SM_LATER);
	sm_try("6AN6n0XH018702", "<NB@b.example>", SM_SENT);
	log_line("sm-mta[7]: 6AN6n0XH018703: to=<alias@b.example>, delay=0, "
		 "mailer=local, pri=1, stat=queued");
	sm_try("6AN6n0XH018703", "nc@b.example", SM_SENT);
	step();
	IS_INT(told_of_more() - before, 1, "one, by one address or two: not");
	(void)send_to("nd@b.example", "6AN6n0XH018704");
	sm_try("6AN6n0XH018704", "<nd@b.example>,<z@e.example>", SM_SENT);
	step();
	IS_INT(told_of_more() - before, 2, "two in one line");
}

/* Old Sendmail uses a queue id again, a day later at the earliest. */
static void test_reused_by_sendmail(void)
{
	uint64_t gone = send_to("oa@b.example", "MAA12345"), again;

	sm_try("MAA12345", "<oa@b.example>",
	    "5.2.2, reply=552 mailbox full, stat=Service unavailable");
	step();
	IS_INT(state_of(gone), SLOT_RELEASED, "bounced");
	reopen();
	now_ms += 86400000;
	log_line("sm-mta[7]: MAA12345: from=<b@c.example>, size=9, class=0, "
		 "pri=30009, nrcpts=1, msgid=<a@b>, proto=SMTP, relay=x");
	again = send_to("ob@b.example", "MAA12345");
	sm_try("MAA12345", "<stranger@b.example>", SM_SENT);
	step();
	IS_INT(state_of(gone), SLOT_RELEASED, "another was delivered");
	IS_INT(state_of(again), SLOT_DELIVERED, "one of ours");
}

int main(void)
{
	slotstest_open();
	test_forwarded();
	test_handoff();
	test_handoff_at_once();
	test_handoff_unknown();
	test_requeued();
	test_reused();
	test_reused_by_hop();
	test_more_recipients();
	test_more_of_sendmail();
	test_reused_by_sendmail();
	slotstest_close();
	return tap_done();
}
