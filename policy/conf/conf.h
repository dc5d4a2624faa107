/* conf.h - the admin's file: sockets, keys, paths, streams. Immutable once
 * loaded and counted: a session takes a reference at MAIL and drops it at the
 * end of the message, so a reload never changes a message half way.
 *
 * Everything here is borrowed from the conf's own arena and lives as long as
 * the reference. Threads: immutable; the count is atomic. */
#ifndef POLICY_CONF_CONF_H
#define POLICY_CONF_CONF_H

#include "policy/base/str.h"

enum conf_class {
	CONF_CLASS_NURTURE,       /* decided, composed, signed, counted */
	CONF_CLASS_TRANSACTIONAL, /* signed, never capped */
	CONF_CLASS_ONE_TO_ONE,    /* signed, counted, never capped nor split */
	CONF_CLASS_INBOUND,       /* never signed */
	CONF_CLASS_PASS,          /* untouched */
	CONF_CLASS_RELEASE,       /* stream 0: our own release listener */
};
#define CONF_CLASS_COUNT 6

enum conf_mode {
	CONF_MODE_ENFORCE,
	CONF_MODE_SHADOW, /* changes, signs, refuses and adds nothing */
};

/* What a nurture message with no or an unknown segment gets. */
enum conf_unknown {
	CONF_UNKNOWN_REJECT,
	CONF_UNKNOWN_HOLD,
	CONF_UNKNOWN_SEGMENT, /* takes unknown_segment */
};

struct conf_net {
	unsigned char addr[16]; /* IPv4 as ::ffff:a.b.c.d */
	unsigned bits;          /* 0..128 of the above */
};

struct conf_nets {
	const struct conf_net *v;
	size_t n;
};

/* How a message came. A stream matches if any declared origin matches; a
 * stream that declares none matches every origin. */
struct conf_origin {
	struct strs sasl_users;   /* exact, or "*" = any authenticated */
	struct conf_nets clients; /* declared client networks */
	struct strs listeners;    /* {daemon_name} */
	bool local;               /* sendmail(1): CONNECT localhost, port 0 */
};

struct conf_pair {
	struct str from, to;
};

struct conf_stream {
	struct str name;
	int line;
	enum conf_class class;
	struct conf_origin origin;
	struct strs senders;      /* envelope sender globs: "*@a.example" */
	struct strs headers;      /* names; any one present is a match */
	struct strs from_domains; /* From domains this origin may sign for;
	                           * empty: every declared domain */
	struct str segment;       /* fixed segment; empty: from the header */
	struct strs segment_from; /* header names, first present one counts */
	const struct conf_pair *segment_map; /* header value -> segment */
	size_t n_segment_map;
	struct strs campaign_from; /* header names */
	enum conf_unknown unknown;
	struct str unknown_segment;
};

enum conf_algorithm {
	CONF_RSA_SHA256,
	CONF_ED25519_SHA256,
};

struct conf_key {
	struct str name;
	int line;
	struct str domain, selector, file;
	enum conf_algorithm algorithm;
};

struct conf_domain {
	struct str name; /* A-labels, lower case */
	int line;
	struct strs keys;         /* names of key sections */
	struct str bounce_domain; /* empty: no VERP */
	struct str sender_id;     /* Feedback-ID's last field, 5..15 chars */
};

struct conf_milter {
	struct str socket; /* "unix:/path", "inet:port@host", "fd:3" */
	unsigned socket_mode;
	size_t max_message_bytes;
	size_t max_header_bytes; /* all header fields of one message */
	size_t max_headers;
	size_t max_recipients;
	uint32_t self_verify_every; /* 1 = each message, 0 = at load only */
	bool dns_check; /* of the keys' records, at load and reload */
};

struct conf_agent {
	struct str api;          /* unix socket of /v1 */
	struct str release;      /* "host:port" of the MTA's release listener */
	struct str maildir;      /* feedback mail is delivered here */
	struct str bounce_rules; /* own rules, before ours; empty: none */
	/* Whose complaints count without a token of ours: addresses, and
	 * domains with all below them. */
	struct strs complaint_from;
	struct strs complaint_to; /* addresses that mailbox providers have */
	struct str nameserver;    /* "host:port"; empty: the system's */
	bool relay_bounces;       /* failures go to the application's sender */
	bool relay_private;       /* opt-outs may go to private addresses */
	struct strs admins, marketers, auditors; /* user names, or "@group" */
};

struct conf_web {
	int line;                 /* of the section; 1: the file has none */
	struct str listen;        /* "127.0.0.1:8580"; empty: no web server */
	struct str base_url;      /* "https://t.example.com", no final slash */
	struct conf_nets proxies; /* whose X-Forwarded-For is believed */
	size_t max_request_bytes;
};

struct conf_mta_log {
	struct str file;     /* empty: no log is followed; see
	                      * conf_log_is_journal() */
	struct strs writers; /* of the journal, beside root: users' names or
	                      * numbers; none: postfix */
	struct strs handoff_relays; /* relay hosts that only hand on */
};

struct conf {
	struct str path;
	enum conf_mode mode;
	struct str state_dir;   /* ledger/ and spool/ are beneath */
	struct str authserv_id; /* RFC 8601 */
	struct str lead_key, token_key, epoch_key; /* files */
	struct str group;       /* shared by both daemons; empty: none */
	struct str policy_file; /* read at start while the ledger holds no
	                         * policy; empty: none */
	struct strs seeds;      /* canonical addresses, never counted */
	struct conf_nets re_inject;
	int log_level;    /* enum log_level */
	bool log_redact;  /* addresses are left out of the log */
	size_t map_bytes; /* LMDB map size */
	struct conf_milter milter;
	struct conf_agent agent;
	struct conf_web web;
	struct conf_mta_log mta_log;
	const struct conf_key *keys;
	size_t n_keys;
	const struct conf_domain *domains;
	size_t n_domains;
	const struct conf_stream *streams;
	size_t n_streams;
};

/* Is mta-log file the systemd journal? *dir_out: its folder, ends with a NUL;
 * empty: this machine's own. */
bool conf_log_is_journal(struct str file, struct str *dir_out);

/* $TENDRIL_CONF unless empty, else the one that was configured at build. */
const char *conf_default_path(void);
/* Reads and checks the file. On failure *out = NULL and err says
 * "file:line: what, did you mean ...". */
int conf_load(
    const struct conf **out, const char *path, struct error *err) MUST_CHECK;
/* The same on bytes in memory; path is used in messages only. */
int conf_parse(const struct conf **out, const char *path, struct str text,
    struct error *err) MUST_CHECK;
const struct conf *conf_ref(const struct conf *c);
void conf_unref(const struct conf **c); /* NULL is fine; sets *c = NULL */

/* NULL if there is none. A domain's case does not count, a key's does. */
const struct conf_domain *conf_domain_find(
    const struct conf *c, struct str name);
/* The declared domain that signs for a From domain: itself, or the nearest
 * parent. */
const struct conf_domain *conf_signer_find(
    const struct conf *c, struct str from_domain);
const struct conf_key *conf_key_find(const struct conf *c, struct str name);
const struct conf_stream *conf_stream_find(
    const struct conf *c, struct str name);
bool conf_net_contains(
    const struct conf_net *net, const unsigned char addr[16]);
const char *conf_class_name(enum conf_class class);

/* The first option that differs and that a running process cannot take from a
 * new file, since what it names was opened at its start; NULL: none. What one
 * daemon relies on the other for is fixed in both: at one signal to both
 * neither writes links with a token key that the other does not have, nor
 * leaves copies or slots to a part that the other does not run. */
enum conf_fixed_of {
	CONF_FIXED_MILTER,
	CONF_FIXED_AGENT
};
const char *conf_fixed(
    const struct conf *a, const struct conf *b, enum conf_fixed_of of);

/* Findings that are not errors but that `tendril check` tells; each is one
 * line "file:line: text". Calls emit once for each. */
void conf_warnings(
    const struct conf *c, void (*emit)(void *arg, const char *line), void *arg);

/* Prints every option with its effective value: `tendril check --print`. */
struct buf;
void conf_print(const struct conf *c, struct buf *out);
/* Short digest of what conf_print() prints, in hex, for the log: two daemons
 * that say the same run with the same. "?" when there is no memory. */
enum {
	CONF_DIGEST = 13
};
void conf_digest(const struct conf *c, char out[CONF_DIGEST]);
void conf_describe(struct buf *out); /* the tables as mdoc, for the manual */

#endif
