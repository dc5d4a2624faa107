/* test_slot_batch.c - what one batch of the MTA's log makes of slots: each
 * change sees those before it, though the ledger does not have them yet. */
#include "tests/unit/storetest.h"

#include "policy/base/clock.h"
#include "policy/state/message.h"

static struct storetest T;

/* One letter a change: p(roposed) is how every slot begins. */
struct test {
	const char *name;
	const char *steps; /* "Q1" queued, "D1a" delivered to a, "R1" released,
			    * "M12" queue id 1 goes on as 2, "E1" its end;
			    * apart by blanks */
	enum slot_state a, b;
};

static const struct test tests[] = {
    {"nothing", "", SLOT_PROPOSED, SLOT_PROPOSED},
    {"a whole life", "Q1 D1a D1b R1", SLOT_DELIVERED, SLOT_DELIVERED},
    {"a whole life, twice told", "Q1 D1a D1b R1 Q1 D1a D1b R1", SLOT_DELIVERED,
	SLOT_DELIVERED},
    {"one bounced", "Q1 D1a R1b R1", SLOT_DELIVERED, SLOT_RELEASED},
    {"one bounced, the other left", "Q1 R1b", SLOT_QUEUED, SLOT_RELEASED},
    {"removed undelivered", "Q1 R1", SLOT_RELEASED, SLOT_RELEASED},
    {"each by a line of its own", "Q1 D1a D1b E1", SLOT_DELIVERED,
	SLOT_DELIVERED},
    {"the end, one named", "Q1 D1a E1", SLOT_DELIVERED, SLOT_DELIVERED},
    {"the end, one bounced", "Q1 D1a R1b E1", SLOT_DELIVERED, SLOT_RELEASED},
    {"the end, nobody named", "Q1 E1", SLOT_RELEASED, SLOT_RELEASED},
    {"the end, all bounced", "Q1 R1a R1b E1", SLOT_RELEASED, SLOT_RELEASED},
    {"the end, twice told", "Q1 D1a E1 E1", SLOT_DELIVERED, SLOT_DELIVERED},
    {"ends of two, told in turn", "Q1 D1a Q9 E1 E9", SLOT_DELIVERED,
	SLOT_DELIVERED},
    {"queued after its end", "R1 Q1", SLOT_RELEASED, SLOT_RELEASED},
    {"delivered after all", "R1 D1a", SLOT_DELIVERED, SLOT_RELEASED},
    {"another's lines", "Q9 D9a R9", SLOT_PROPOSED, SLOT_PROPOSED},
    {"moved", "M12 Q2 D2a D2b R2", SLOT_DELIVERED, SLOT_DELIVERED},
    {"moved twice", "M12 M23 Q3 D3a R3", SLOT_DELIVERED, SLOT_RELEASED},
    {"moved, the old name's end", "M12 D2a R1", SLOT_DELIVERED, SLOT_RELEASED},
    {"another begins", "Q1 D1a R1b B1 D1b R1", SLOT_DELIVERED, SLOT_RELEASED},
    {"one begins", "B1 Q1 D1a R1b", SLOT_DELIVERED, SLOT_RELEASED},
    {"moved, another begins there", "Q1 M12 R1a B1 D1b D2b", SLOT_RELEASED,
	SLOT_DELIVERED},
    {"its own beginning, read again", "B1 Q1 D1a b1 R1b", SLOT_DELIVERED,
	SLOT_RELEASED},
    {"moved, its new name's beginning read again", "Q1 M12 B2 D2a R2b",
	SLOT_DELIVERED, SLOT_RELEASED},
    {"moved there and back", "M12 M21 Q1 D1a", SLOT_DELIVERED, SLOT_QUEUED},
};

static struct str queue_id(unsigned round, char digit)
{
	char *z = arena_printf(T.arena, "4q%uX%c", round, digit);

	if (z == NULL)
		bug("arena");
	return str_of(z);
}

static uint64_t propose(struct str queue, const char *to)
{
	struct decide_in in = {.mode = DECIDE_SEND,
	    .recipient = storetest_address(&T, to),
	    .segment = STR("news"),
	    .stream = STR("apps"),
	    .queue_id = queue,
	    .log_followed = true};
	struct decide_out out;
	struct error err;

	if (decide_propose(T.store, &in, &out, &err) != 0)
		printf("# %s\n", err.text);
	decide_fini(&out);
	return out.message_id;
}

static struct slot_change change_of(
    struct str word, unsigned round, const struct lead_id *a_and_b)
{
	struct slot_change c = {.at_ms = clock_now_ms(),
	    .queue_id = queue_id(round, word.p[1]),
	    .release = RELEASE_BOUNCED};
	char who = word.n > 2 ? word.p[2] : '\0';

	c.kind = word.p[0] == 'Q'          ? SLOT_CHANGE_QUEUED
		 : (word.p[0] | 32) == 'b' ? SLOT_CHANGE_BEGUN
		 : word.p[0] == 'D'        ? SLOT_CHANGE_DELIVERED
		 : word.p[0] == 'M'        ? SLOT_CHANGE_MOVED
					   : SLOT_CHANGE_RELEASED;
	if (c.kind == SLOT_CHANGE_BEGUN)
		c.at_ms += word.p[0] == 'B' ? 1000 : -1000;
	c.at_end = word.p[0] == 'E';
	if (c.kind == SLOT_CHANGE_MOVED) {
		c.next_id = queue_id(round, who);
	} else if (who != '\0') {
		c.has_lead = true;
		c.lead = a_and_b[who - 'a'];
	}
	return c;
}

struct batch {
	struct slot_change v[16];
	size_t n;
};

static int batch_fn(struct door_ctx *ctx, void *arg)
{
	const struct batch *b = arg;

	return ops_slot_changes(ctx, b->v, b->n);
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

static void lead_of(const char *to, struct lead_id *out)
{
	struct address a = storetest_address(&T, to);

	if (lead_id_of(T.store->lead_key, &a, out) != 0)
		bug("lead id");
}

/* apart: each change in a proposal of its own, which must give the same. */
static void run(const struct test *t, unsigned round, bool apart)
{
	static const char *const to[] = {"a@x.example", "b@x.example"};
	struct lead_id leads[2];
	uint64_t id[2];
	struct batch b = {.n = 0};
	struct str rest = str_of(t->steps), word;
	struct error err = {0};
	int rc = 0;

	for (int i = 0; i < 2; i++) {
		lead_of(to[i], &leads[i]);
		id[i] = propose(queue_id(round, '1'), to[i]);
	}
	while (rc == 0 && rest.n > 0 && str_next(&rest, ' ', &word)) {
		b.v[b.n++] = change_of(word, round, leads);
		if (apart) {
			rc = door_propose(T.store->door, batch_fn, &b, &err);
			b.n = 0;
		}
	}
	if (rc == 0)
		rc = door_propose(T.store->door, batch_fn, &b, &err);
	IS_INT(rc, 0, "%s%s", t->name, apart ? ", apart" : "");
	IS_INT(state_of(id[0]), t->a, "a: %s", slot_state_name(t->a));
	IS_INT(state_of(id[1]), t->b, "b: %s", slot_state_name(t->b));
}

int main(void)
{
	struct ops_policy policy = {.path = STR("p"),
	    .text = STR("segment news { purpose = news\n"
			"  legal-basis = legitimate-interest }\n"),
	    .author = STR("test"),
	    .reason = STR("why")};
	struct error err = {0};
	uint32_t version;

	storetest_open(&T);
	IS_INT(ops_policy_apply(T.store, &policy, &version, &err), 0, "%s",
	    err.text);
	for (unsigned i = 0; i < sizeof(tests) / sizeof(tests[0]); i++) {
		run(&tests[i], 2 * i, false);
		run(&tests[i], 2 * i + 1, true);
	}
	storetest_close(&T);
	return tap_done();
}
