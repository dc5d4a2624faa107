/* test_smfi_packets.c - packets come and go as libmilter's own functions would
 * have them, however the bytes are divided; and while one waits in memory the
 * socket is readable, because that is all that mi_engine() asks. */
#include "milter/smfi_packets.h"
#include "tests/unit/tap.h"

#include "policy/base/codec.h"
#include "policy/base/fault.h"

#include <errno.h>
#include <fcntl.h>
#include <libmilter/mfdef.h>
#include <poll.h>
#include <pthread.h>
#include <sys/socket.h>

enum {
	LARGE = 20000, /* more than is kept in memory */
	ROUNDS = 150,
	PACKETS = 24,
	/* each part takes some of what a socket may hold */
	PART_MIN = 200,
	PART_MAX = 30000,
};

static struct timeval soon = {.tv_usec = 20000}, patient = {.tv_sec = 30};

static struct {
	int mta, ours;
	struct smfi_packets *packets;
} link_;

static void open_link(void)
{
	int fd[2];

	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fd) != 0)
		bug("socketpair");
	link_.mta = fd[0];
	link_.ours = fd[1];
	link_.packets = smfi_packets_new(link_.ours);
	if (link_.packets == NULL)
		bug("memory");
	smfi_packets_use(link_.packets);
}

static void close_link(void)
{
	smfi_packets_free(&link_.packets);
	if (link_.mta >= 0)
		(void)close(link_.mta);
	(void)close(link_.ours);
}

/* By the system's word: poll() is what is tested. */
static bool is_readable(int fd)
{
	char c;

	return recv(fd, &c, 1, MSG_PEEK | MSG_DONTWAIT) >= 0;
}

static void hang_up(void)
{
	(void)close(link_.mta);
	link_.mta = -1;
}

/* --- packets --- */

struct dialogue {
	char *bytes;
	size_t n, room;
	size_t ends[PACKETS];
	size_t packets;
};

static void say(struct dialogue *d, char cmd, size_t n, char fill)
{
	size_t need = d->n + 5 + n;

	if (need > d->room) {
		d->room = need * 2;
		d->bytes = realloc(d->bytes, d->room);
		if (d->bytes == NULL)
			bug("memory");
	}
	codec_put_u32(d->bytes + d->n, (uint32_t)n + 1);
	d->bytes[d->n + 4] = cmd;
	memset(d->bytes + d->n + 5, fill, n);
	d->n = need;
	d->ends[d->packets++] = need;
}

static size_t put(const char *p, size_t n)
{
	ssize_t done = send(link_.mta, p, n, MSG_DONTWAIT | MSG_NOSIGNAL);

	return done > 0 ? (size_t)done : 0;
}

/* The packet that ends at d->ends[i], as the engine would get it. */
static bool hear(const struct dialogue *d, size_t i)
{
	size_t at = i > 0 ? d->ends[i - 1] : 0;
	size_t want = d->ends[i] - at - 5, n;
	bool ready = is_readable(link_.ours);
	char cmd, *data = mi_rd_cmd(link_.ours, &soon, &cmd, &n, NULL);
	bool right = ready && cmd == d->bytes[at + 4] && n == want &&
		     (data != NULL) == (want > 0) &&
		     (n == 0 || memcmp(data, d->bytes + at + 5, n) == 0);

	free(data);
	return right;
}

struct talk {
	const struct dialogue *d;
	size_t said, heard;
	bool right;
};

/* Says a part, then hears all that is whole. */
static void go_on(struct talk *t, size_t until)
{
	const struct dialogue *d = t->d;

	while (t->right && t->said < until) {
		size_t n = put(d->bytes + t->said, until - t->said);

		t->right = n > 0;
		t->said += n;
		while (t->right && t->heard < d->packets &&
		       d->ends[t->heard] <= t->said)
			t->right = hear(d, t->heard++);
	}
}

/* Macro lists and commands as they come for one message. */
static void letter(struct dialogue *d)
{
	say(d, SMFIC_MACRO, 9, 'm');
	say(d, SMFIC_MAIL, 3, 'f');
	say(d, SMFIC_HEADER, 7, 'h');
	say(d, SMFIC_HEADER, 1, 'h');
	say(d, SMFIC_EOH, 0, 0);
	say(d, SMFIC_BODY, 12, 'b');
	say(d, SMFIC_BODYEOB, 0, 0);
}

static void test_every_division(void)
{
	struct dialogue d = {0};
	int wrong = 0, tried = 0;

	letter(&d);
	for (size_t i = 0; i <= d.n; i++)
		for (size_t k = i; k <= d.n; k++) {
			struct talk t = {.d = &d, .right = true};

			open_link();
			go_on(&t, i);
			go_on(&t, k);
			go_on(&t, d.n);
			wrong += !t.right || t.heard != d.packets ||
				 is_readable(link_.ours);
			tried++;
			close_link();
		}
	free(d.bytes);
	OK(wrong == 0 && tried > 2000, "%d of %d divisions of a letter", wrong,
	    tried);
}

static uint64_t draw(uint64_t *seed)
{
	*seed = *seed * 6364136223846793005u + 1442695040888963407u;
	return *seed >> 33;
}

static void random_dialogue(struct dialogue *d, uint64_t *seed)
{
	static const size_t sizes[] = {2, 60, 700, 9000, LARGE};

	d->n = d->packets = 0;
	while (d->packets < PACKETS) {
		size_t n = draw(seed) % sizes[draw(seed) % 5];
		say(d, (char)('A' + draw(seed) % 26), n, (char)draw(seed));
	}
}

static void test_any_division(void)
{
	struct dialogue d = {0};
	uint64_t seed = 20261122;
	int wrong = 0;

	for (int i = 0; i < ROUNDS; i++) {
		struct talk t = {.d = &d, .right = true};
		size_t part = 1 + draw(&seed) % PART_MAX;

		random_dialogue(&d, &seed);
		open_link();
		for (size_t at = 0; at < d.n;
		     at += PART_MIN + draw(&seed) % part)
			go_on(&t, at);
		go_on(&t, d.n);
		wrong += !t.right || t.heard != PACKETS;
		close_link();
	}
	free(d.bytes);
	OK(wrong == 0, "%d of %d dialogues with large packets", wrong, ROUNDS);
}

/* --- the rest comes later, or never --- */

static void *say_the_rest(void *arg)
{
	const struct dialogue *d = arg;

	(void)poll(NULL, 0, 20);
	for (size_t at = 7; at < d->n;)
		at += put(d->bytes + at, d->n - at);
	return NULL;
}

static void test_waits(size_t n)
{
	struct dialogue d = {0};
	pthread_t thread;
	size_t got;
	char cmd, *data;

	say(&d, SMFIC_BODY, n, 'b');
	open_link();
	OK(put(d.bytes, 7) == 7, "a part of %zu bytes came", d.n);
	if (pthread_create(&thread, NULL, say_the_rest, &d) != 0)
		bug("pthread_create");
	data = mi_rd_cmd(link_.ours, &patient, &cmd, &got, NULL);
	(void)pthread_join(thread, NULL);
	OK(data != NULL && cmd == SMFIC_BODY && got == n &&
		memcmp(data, d.bytes + 5, n) == 0,
	    "and the rest was waited for");
	free(data);
	close_link();
	free(d.bytes);
}

struct broken {
	const char *what;
	const char *bytes;
	size_t n;
	bool ends; /* the MTA hangs up behind it */
	int want;
};

#define BYTES(s) s, sizeof(s) - 1

static const struct broken brokens[] = {
    {"nothing, and silence", BYTES(""), false, SMFI_TIMEOUT},
    {"half a head, and silence", BYTES("\0\0"), false, SMFI_TIMEOUT},
    {"half a packet, and silence", BYTES("\0\0\0\4Lab"), false, SMFI_TIMEOUT},
    {"an end", BYTES(""), true, SMFI_EOF},
    {"an end in a head", BYTES("\0\0\0\4"), true, SMFI_EOF},
    {"an end in a packet", BYTES("\0\0\0\4Lab"), true, SMFI_EOF},
    {"a packet without a command", BYTES("\0\0\0\0L"), true, SMFI_RECV_FAILED},
    {"a packet of 4 GB", BYTES("\377\377\377\377Lab"), true, SMFI_TOO_BIG},
    {"a packet of 64 MB and a byte", BYTES("\4\0\0\2L"), true, SMFI_TOO_BIG},
};

/* Alone, and behind packets that are right. */
static void test_broken(const struct broken *b, bool behind)
{
	struct dialogue d = {0};
	struct talk t = {.d = &d, .right = true};
	size_t n;
	char cmd;

	open_link();
	if (behind)
		letter(&d);
	/* at once: what is broken is there when the letter is read */
	OK(put(d.bytes, d.n) == d.n && put(b->bytes, b->n) == b->n, "%s%s",
	    b->what, behind ? ", behind a letter" : "");
	while (t.right && t.heard < d.packets)
		t.right = hear(&d, t.heard++);
	if (b->ends)
		hang_up();
	OK(t.right, "what stands before it is read");
	OK(mi_rd_cmd(link_.ours, &soon, &cmd, &n, NULL) == NULL &&
		cmd == b->want && n == 0,
	    "and it is told as %d: %d", b->want, cmd);
	close_link();
	free(d.bytes);
}

/* One packet, one after the other, without memory for more. */
static void test_little_memory(size_t size)
{
	struct dialogue d = {0};
	size_t n;
	char cmd;

	say(&d, SMFIC_BODY, size, 'b');
	open_link();
	OK(put(d.bytes, d.n) == d.n && put(d.bytes, d.n) == d.n,
	    "two packets of %zu bytes", d.n);
	fault_alloc_at(1);
	OK(hear(&d, 0), "are read without memory for both");
	fault_alloc_at(2);
	OK(mi_rd_cmd(link_.ours, &soon, &cmd, &n, NULL) == NULL &&
		cmd == SMFI_NO_MEMORY,
	    "but not without memory for one");
	fault_alloc_at(1);
	OK(smfi_packets_new(0) == NULL, "nor is there a connection");
	fault_alloc_at(0);
	close_link();
	free(d.bytes);
}

static int ask(int fd, short events, int ms, short *revents_out)
{
	struct pollfd p = {.fd = fd, .events = events};
	int n = poll(&p, 1, ms);

	*revents_out = p.revents;
	return n;
}

static void test_poll(void)
{
	struct pollfd both[2];
	struct dialogue d = {0};
	short revents;

	letter(&d);
	open_link();
	OK(ask(link_.ours, POLLIN, 10, &revents) == 0 && revents == 0,
	    "poll: nothing has come");
	OK(put(d.bytes, d.n) == d.n &&
		ask(link_.ours, POLLIN, -1, &revents) == 1 && revents == POLLIN,
	    "poll: something is in the socket");
	OK(hear(&d, 0) && ask(link_.ours, POLLIN, -1, &revents) == 1 &&
		revents == POLLIN,
	    "poll: something is in memory");
	OK(ask(link_.ours, POLLOUT, 0, &revents) == 1 && revents == POLLOUT,
	    "poll: another question");
	OK(ask(link_.mta, POLLIN, 0, &revents) == 0, "poll: another socket");
	both[0] = (struct pollfd){.fd = link_.ours, .events = POLLIN};
	both[1] = (struct pollfd){.fd = link_.mta, .events = POLLOUT};
	OK(poll(both, 2, 0) == 2 && both[1].revents == POLLOUT,
	    "poll: two at once");
	close_link();
	free(d.bytes);
}

/* --- packets out --- */

static int answer(struct dialogue *d, char cmd, size_t n)
{
	size_t at = d->n;

	say(d, cmd, n, (char)('a' + d->packets));
	return mi_wr_cmd(
	    link_.ours, &patient, cmd, n > 0 ? d->bytes + at + 5 : NULL, n);
}

static bool arrives(const struct dialogue *d)
{
	char *got = malloc(d->n + 1);
	size_t n = 0;
	ssize_t more = 1;
	bool same;

	if (got == NULL)
		bug("memory");
	while (more > 0 && n <= d->n) {
		more = recv(link_.mta, got + n, d->n + 1 - n, MSG_DONTWAIT);
		n += more > 0 ? (size_t)more : 0;
	}
	same = n == d->n && memcmp(got, d->bytes, n) == 0;
	free(got);
	return same;
}

static void test_changes_wait(void)
{
	static const char changes[] = {SMFIR_ADDHEADER, SMFIR_CHGHEADER,
	    SMFIR_INSHEADER, SMFIR_CHGFROM, SMFIR_ADDRCPT, SMFIR_ADDRCPT_PAR,
	    SMFIR_DELRCPT, SMFIR_REPLBODY, SMFIR_QUARANTINE};
	static const char replies[] = {SMFIR_CONTINUE, SMFIR_ACCEPT,
	    SMFIR_REJECT, SMFIR_TEMPFAIL, SMFIR_DISCARD, SMFIR_REPLYCODE,
	    SMFIR_PROGRESS, SMFIR_SKIP, SMFIC_OPTNEG};

	for (size_t i = 0; i < sizeof(replies); i++) {
		struct dialogue d = {0};
		int rc = 0;

		open_link();
		for (size_t k = 0; k < sizeof(changes); k++)
			rc |= answer(&d, changes[k], 40 + k);
		OK(rc == 0 && !is_readable(link_.mta), "changes wait");
		OK(answer(&d, replies[i], i % 3) == 0 && arrives(&d),
		    "until '%c' goes with them", replies[i]);
		close_link();
		free(d.bytes);
	}
}

static void test_large_out(size_t n, const char *what)
{
	struct dialogue d = {0};
	int rc = 0;

	open_link();
	for (int i = 0; i < 6; i++)
		rc |= answer(&d, SMFIR_ADDHEADER, 900);
	rc |= answer(&d, SMFIR_REPLBODY, n);
	rc |= answer(&d, SMFIR_ADDHEADER, 3);
	rc |= answer(&d, SMFIR_ACCEPT, 0);
	OK(rc == 0 && arrives(&d), "%s", what);
	close_link();
	free(d.bytes);
}

static void test_no_memory_out(void)
{
	struct dialogue d = {0};

	open_link();
	fault_alloc_at(1);
	OK(answer(&d, SMFIR_ADDHEADER, 30) == 0, "a change without memory");
	fault_alloc_at(1);
	OK(answer(&d, SMFIR_ACCEPT, 0) == 0 && arrives(&d), "goes at once");
	fault_alloc_at(0);
	close_link();
	free(d.bytes);
}

static void test_reading_sends(void)
{
	struct dialogue d = {0};
	size_t n;
	char cmd;

	open_link();
	OK(answer(&d, SMFIR_ADDHEADER, 9) == 0 && !is_readable(link_.mta),
	    "a change waits");
	OK(mi_rd_cmd(link_.ours, &soon, &cmd, &n, NULL) == NULL &&
		cmd == SMFI_TIMEOUT && arrives(&d),
	    "and goes before the MTA is waited for");
	close_link();
	free(d.bytes);
}

static void test_peer_gone(void)
{
	struct dialogue d = {0};
	size_t n;
	char cmd;

	open_link();
	hang_up();
	OK(answer(&d, SMFIR_ADDHEADER, 9) == 0, "a change waits");
	OK(answer(&d, SMFIR_ACCEPT, 0) == -1, "its reply finds nobody");
	close_link();
	open_link();
	hang_up();
	OK(answer(&d, SMFIR_ADDHEADER, 9) == 0 &&
		mi_rd_cmd(link_.ours, &soon, &cmd, &n, NULL) == NULL &&
		cmd == SMFI_RECV_FAILED,
	    "neither does who reads");
	close_link();
	free(d.bytes);
}

static void test_peer_stuck(void)
{
	static char much[1 << 20];
	int rc = 0;

	open_link();
	for (int i = 0; i < 64 && rc == 0; i++)
		rc = mi_wr_cmd(
		    link_.ours, &soon, SMFIR_REPLBODY, much, sizeof(much));
	OK(rc == -1, "who takes nothing is given up after the time");
	OK(mi_wr_cmd(link_.ours, &soon, SMFIR_REPLBODY, much,
	       (size_t)SMFI_PACKET_MAX + 1) == -1 &&
		mi_wr_cmd(link_.ours, &soon, SMFIR_REPLBODY, NULL, 1) == -1,
	    "nonsense is refused");
	close_link();
}

int main(void)
{
	test_every_division();
	test_any_division();
	test_waits(100);
	test_waits(LARGE);
	for (size_t i = 0; i < sizeof(brokens) / sizeof(brokens[0]); i++) {
		test_broken(&brokens[i], false);
		test_broken(&brokens[i], true);
	}
	test_poll();
	test_little_memory(10);
	test_little_memory(LARGE);
	test_changes_wait();
	test_large_out(5000, "more than waits in memory");
	test_large_out(65535, "a whole chunk of a body");
	test_no_memory_out();
	test_reading_sends();
	test_peer_gone();
	test_peer_stuck();
	return tap_done();
}
