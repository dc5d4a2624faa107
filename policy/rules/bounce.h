/* bounce.h - why was a message not delivered, and who is to blame? Pure.
 *
 * Evidence is what a DSN (RFC 3464) or an MTA's log line says of one
 * recipient: what the MTA did, the enhanced status code (RFC 3463), and the
 * diagnostic text. The text is worth more than the codes, which many servers
 * set at random ("550 5.1.1 mailbox full"). The rules are data, in a form for
 * people (tendril-bounces(5)): those that are built in are bounce.rules, and an
 * administrator may put a file of his own before them.
 *
 * The class says what may follow. Only `person` may ever count against the
 * lead, and it is never given on evidence of a temporary failure: every code
 * in sight must be permanent and the MTA must have given up. Where a text
 * names both the person and spam, reputation or policy, the person is spared.
 * Threads: a compiled struct bounce_rules is immutable, its count atomic. */
#ifndef POLICY_RULES_BOUNCE_H
#define POLICY_RULES_BOUNCE_H

#include "policy/base/buf.h"

/* Numbers are stored, names are API: see bounce_reason_name(). */
enum bounce_reason {
	BOUNCE_OTHER = 0,
	/* person */
	BOUNCE_USER_UNKNOWN = 1,
	BOUNCE_HOST_UNKNOWN = 2,
	BOUNCE_MAILBOX_DISABLED = 3,
	BOUNCE_MAILBOX_MOVED = 4,
	/* mailbox */
	BOUNCE_MAILBOX_FULL = 5,
	/* message */
	BOUNCE_TOO_BIG = 6,
	BOUNCE_CONTENT = 7,
	BOUNCE_SPAM_CONTENT = 8,
	BOUNCE_POLICY = 9,
	/* us */
	BOUNCE_REPUTATION = 10,
	BOUNCE_AUTH_FAILURE = 11,
	BOUNCE_THROTTLED = 12,
	BOUNCE_RELAY_DENIED = 13,
	/* path */
	BOUNCE_NETWORK = 14,
	BOUNCE_EXPIRED = 15,
	BOUNCE_SYSTEM = 16,
	BOUNCE_PROTOCOL = 17,
	/* complaint: reports of the mailbox owner's own act */
	BOUNCE_ABUSE = 18,
	BOUNCE_OPT_OUT = 19,
	/* none: not a failure */
	BOUNCE_AUTO_REPLY = 20,
	BOUNCE_DELIVERED = 21,
	BOUNCE_NOT_A_BOUNCE = 22,
	BOUNCE_AUTH_REPORT = 23,
	BOUNCE_OTHER_REPORT = 24,
};

enum bounce_class {
	BOUNCE_CLASS_OTHER,
	BOUNCE_CLASS_PERSON,
	BOUNCE_CLASS_MAILBOX,
	BOUNCE_CLASS_MESSAGE,
	BOUNCE_CLASS_US,
	BOUNCE_CLASS_PATH,
	BOUNCE_CLASS_COMPLAINT,
	BOUNCE_CLASS_NONE,
};

/* What the reporting MTA did. */
enum bounce_outcome {
	BOUNCE_FAILED,  /* gave up */
	BOUNCE_DELAYED, /* still trying */
	BOUNCE_SENT,    /* delivered, relayed or expanded */
};

/* What is empty was not given; any length, any bytes. */
struct bounce_evidence {
	enum bounce_outcome outcome;
	struct str status;     /* "5.1.1" */
	struct str diagnostic; /* the words that are classified */
	struct str notice;     /* more about the same failure, such as the part
	                          for people: only where in the session it came
	                          is read off it */
	struct str mta;        /* who said it: "dns; mx.example.com" */
	struct str rcpt;       /* the recipient: its domain */
};

/* Where a rule is. */
struct bounce_by {
	const char *file; /* NULL: it is in no file */
	unsigned line;
	const char *text; /* phrase or code, or what else decided */
};

struct bounce_answer {
	enum bounce_reason reason;
	enum bounce_class class;
	unsigned smtp_code;  /* 550, found in the diagnostic; 0: none */
	struct bounce_by by; /* lives as the rules */
};

struct bounce_rules;

/* The rules that are built in, compiled. -ENOMEM. */
int bounce_rules_new(struct bounce_rules **out) MUST_CHECK;

#define BOUNCE_RULES_BUILTIN "bounce.rules" /* as it is called in messages */

enum {
	BOUNCE_RULES_MAX_BYTES = 256 << 10, /* of an own file */
};

/* Told of each finding in an own file, "file:line: what". */
typedef void bounce_tell_fn(void *arg, bool is_error, const char *line);

/* The same with the text of an own file before them; name is for messages.
 * Findings go to tell (may be NULL), the first error also to err: ERR_SYNTAX;
 * ERR_LIMIT for more than fits; -ENOMEM. */
int bounce_rules_read(const char *name, struct str text, bounce_tell_fn *tell,
    void *arg, struct bounce_rules **out, struct error *err) MUST_CHECK;
struct bounce_rules *bounce_rules_ref(struct bounce_rules *r);
void bounce_rules_free(struct bounce_rules **r); /* NULL is fine; drops one
						    reference, sets NULL */

void bounce_classify(const struct bounce_rules *r,
    const struct bounce_evidence *in, struct bounce_answer *out);

enum bounce_class bounce_class_of(enum bounce_reason reason);
/* "user_unknown", "person"; never NULL. */
const char *bounce_reason_name(enum bounce_reason reason);
const char *bounce_class_name(enum bounce_class class);
/* "bounce.rules:12: user unknown", in out; by->text alone without a file. */
void bounce_by_print(const struct bounce_by *by, struct buf *out);

/* An enhanced status code (RFC 3463 section 2). */
struct bounce_status {
	unsigned class, subject, detail; /* class 2, 4 or 5; all 0: none */
};

/* The first code in the text, as a word of its own ("#5.1.1" and "(5.1.1)"
 * count); false when there is none. code_out (may be NULL) is its text. */
bool bounce_find_status(
    struct str text, struct bounce_status *out, struct str *code_out);

#endif
