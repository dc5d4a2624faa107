/* mtalog.h - what one line of a mail log says, whichever MTA wrote it.
 *
 * The name of the program says whose line it is: "postfix/smtp" is Postfix's
 * (mtalog_postfix.h), "sendmail" and "sm-mta" are Sendmail's
 * (mtalog_sendmail.h); so one file may have both. The state machine
 * (outcome.h) sees nothing but struct mtalog_line.
 *
 * All strs are borrowed from the line. Whoever can write the log can lie in
 * it; what is guarded against is a remote server, sender or recipient whose
 * text is quoted in a line: see the parsers. Pure. Threads: any. */
#ifndef AGENT_IN_MTALOG_H
#define AGENT_IN_MTALOG_H

#include "policy/base/str.h"

enum mtalog_kind {
	MTALOG_OTHER,      /* says nothing about a slot */
	MTALOG_UNKNOWN,    /* looks like a message's fate, in no known form */
	MTALOG_CONNECT,    /* server: a session begins */
	MTALOG_DISCONNECT, /* server: it ends; data, bdat */
	MTALOG_DIED,       /* process `pid` ended badly, its session too */
	MTALOG_STARTED,    /* the MTA started: all its sessions are gone */
	MTALOG_CLIENT,     /* server: the session's next queue id */
	MTALOG_PICKUP,     /* a message begins; next_id = its id until now */
	MTALOG_MESSAGE_ID, /* text = the Message-ID as logged */
	MTALOG_ACTIVE,     /* accepted, being delivered */
	MTALOG_DELIVERY,   /* status of one recipient */
	MTALOG_EXPIRED,    /* given up, returned to sender: all that are left */
	MTALOG_REMOVED,    /* the MTA is done with this queue id */
	MTALOG_DELETED,    /* deleted by the operator */
	MTALOG_DELETED_COUNT, /* the operator deleted `count` messages in all */
	MTALOG_REJECT,        /* the whole message was refused */
	MTALOG_DISCARD,       /* the whole message was accepted and thrown away;
			      no queue id: the session's next one will be */
	MTALOG_HOLD,   /* accepted, waits for the operator; no queue id: as
			      above */
	MTALOG_NOTICE, /* next_id = a notification about queue_id */
	MTALOG_LOSS,   /* the logger dropped lines */
	MTALOG_KINDS
};

enum mtalog_status {
	MTALOG_NO_STATUS,
	MTALOG_SENT,      /* the next hop or the mailbox has it */
	MTALOG_FORWARDED, /* went back into the queue as next_id */
	MTALOG_SUNK,      /* "sent" by a transport that throws mail away */
	MTALOG_DEFERRED,
	MTALOG_BOUNCED,
	MTALOG_PROBED,  /* an address check, no message */
	MTALOG_REFUSED, /* while it was handed in, for this recipient */
};

/* How many commands of one kind a session had, and how many got a 2xx. */
struct mtalog_count {
	uint32_t ok, all;
};

struct mtalog_line {
	enum mtalog_kind kind;
	enum mtalog_status status;
	int64_t time_ms;      /* UTC */
	struct str host;      /* as logged */
	struct str instance;  /* "postfix", "postfix-out": tells queues apart */
	struct str agent;     /* "smtpd", "qmgr" */
	uint32_t pid;         /* of the writer; MTALOG_DIED: of the dead */
	uint32_t count;       /* MTALOG_DELETED_COUNT; MTALOG_ACTIVE: to how
				 many recipients, 0: not told */
	struct str queue_id;  /* empty: the line names none */
	struct str next_id;   /* see the kinds; sent: "queued as", the word of
				 the next hop: believe it of your own relays */
	struct str sender;    /* without the <> */
	struct str rcpt;      /* without the <>, quoted as in SMTP */
	struct str more;      /* further recipients: mtalog_next_rcpt() */
	struct str orig_rcpt; /* before aliases; empty: as rcpt */
	struct str relay, dsn;
	struct str text; /* the reply or reason, without the parentheses */
	bool is_try;     /* MTALOG_DELIVERY, where no line counts recipients:
			    rcpt is one that the message goes to */
	bool has_counts; /* MTALOG_DISCONNECT: data and bdat are known */
	struct mtalog_count data, bdat;
};

/* What a time stamp without year and zone is measured against. */
struct mtalog_when {
	int64_t reference_ms; /* now; a stamp is at most a day after it */
	int32_t utc_offset_s; /* of the log's local time, east positive */
};

enum {
	MTALOG_RCPTS_MAX = 256 /* of one line, more are MTALOG_UNKNOWN */
};

/* Fills *out and returns its kind. Linear in the length of the line. */
enum mtalog_kind mtalog_parse(
    struct str line, const struct mtalog_when *when, struct mtalog_line *out);

/* Sendmail tells of several recipients in one line: rcpt becomes the next of
 * them; false after the last. */
bool mtalog_next_rcpt(struct mtalog_line *line);

#endif
