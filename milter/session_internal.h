/* session_internal.h - the inside of a session, for session.c and what decides
 * on messages. Threads: the session's, one at a time. */
#ifndef MILTER_SESSION_INTERNAL_H
#define MILTER_SESSION_INTERNAL_H

#include "milter/gather.h"
#include "milter/session.h"
#include "policy/mail/dkim_body.h"
#include "policy/mail/dkim_sign.h"
#include "policy/rules/recognise.h"

enum session_state {
	SESSION_IDLE, /* between messages */
	SESSION_MAIL,
	SESSION_RCPT,
	SESSION_HEADER,
	SESSION_BODY,
	SESSION_DONE, /* accepted early: the rest is not looked at */
};
#define SESSION_STATES 6

enum {
	SESSION_FEEDBACK_MAX = 16, /* as many as the origin field names */
};

enum session_event {
	EVENT_MAIL,
	EVENT_RCPT,
	EVENT_HEADER,
	EVENT_EOH,
	EVENT_BODY,
	EVENT_EOM,
	EVENT_ABORT,
};
#define SESSION_EVENTS 7

struct session {
	struct shared *sh;
	const struct mta *mta;
	enum session_state state;
	/* of the connection */
	unsigned char client[16];
	bool has_client, local;
	char listener[64];
	char helo[256]; /* cut */
	/* of the message */
	bool in_message, disordered;
	bool late; /* came while draining: not looked at */
	char sasl_user[256];
	char queue_id[64];
	struct recognise_origin origin;
	const struct snapshot *snap;
	struct conf_milter limits;
	struct gather g;
	bool early_known;                 /* early is set */
	const struct conf_stream *early;  /* recipients are judged at RCPT */
	const struct conf_stream *stream; /* final from EOH on */
	bool verify;                      /* its signatures, before it leaves */
	struct dkim_body *body_hash;
	struct str feedback[SESSION_FEEDBACK_MAX]; /* our own addresses */
	size_t n_feedback;
	uint64_t answered;      /* the message of ours that it answers; or 0 */
	struct str answer_rcpt; /* of the copy that the agent gets */
};

#endif
