/* mtaproto.h - the milter protocol, version 6, as the MTA writes and reads it.
 *
 * A packet is four bytes of length (big endian, counting what follows), one
 * command or reply byte, and data; text in data ends with NUL. Functions that
 * write append to a struct buf, whose max is the bound and whose error is
 * sticky: check buf_error() once. Functions that read borrow from the bytes
 * they are given and trust none of them.
 *
 * Own constants, not libmilter's: this is the other side, and it must not
 * share libmilter's mistakes. The Python twin is milterwire.py.
 * Pure. Threads: any. */
#ifndef TESTS_MTA_MTAPROTO_H
#define TESTS_MTA_MTAPROTO_H

#include "policy/base/buf.h"

enum {
	MTA_VERSION = 6,
	MTA_CHUNK = 65535,         /* largest body chunk */
	MTA_MAX_PACKET = 2 * 65535 /* Postfix takes no longer reply */
};

/* What the filter may do (SMFIF_*). */
enum {
	MTA_ADDHDRS = 0x001,
	MTA_CHGBODY = 0x002,
	MTA_ADDRCPT = 0x004,
	MTA_DELRCPT = 0x008,
	MTA_CHGHDRS = 0x010,
	MTA_QUARANTINE = 0x020,
	MTA_CHGFROM = 0x040,
	MTA_ADDRCPT_PAR = 0x080,
	MTA_SETSYMLIST = 0x100,
	MTA_ACTIONS = 0x1ff /* what Postfix 3.7 offers */
};

/* What is not sent, and what is not answered (SMFIP_*). */
enum {
	MTA_NOCONNECT = 0x01,
	MTA_NOHELO = 0x02,
	MTA_NOMAIL = 0x04,
	MTA_NORCPT = 0x08,
	MTA_NOBODY = 0x10,
	MTA_NOHDRS = 0x20,
	MTA_NOEOH = 0x40,
	MTA_NR_HDR = 0x80,
	MTA_NOUNKNOWN = 0x100,
	MTA_NODATA = 0x200,
	MTA_SKIP = 0x400,
	MTA_RCPT_REJ = 0x800,
	MTA_NR_CONN = 0x1000,
	MTA_NR_HELO = 0x2000,
	MTA_NR_MAIL = 0x4000,
	MTA_NR_RCPT = 0x8000,
	MTA_NR_DATA = 0x10000,
	MTA_NR_UNKN = 0x20000,
	MTA_NR_EOH = 0x40000,
	MTA_NR_BODY = 0x80000,
	MTA_HDR_LEADSPC = 0x100000,
	MTA_STEPS = 0x1fffff /* what Postfix 3.7 offers */
};

enum mta_command {
	MTA_C_ABORT = 'A',
	MTA_C_BODY = 'B',
	MTA_C_CONNECT = 'C',
	MTA_C_MACRO = 'D',
	MTA_C_EOM = 'E',
	MTA_C_HELO = 'H',
	MTA_C_QUIT_NC = 'K', /* quit, a new connection follows on this socket */
	MTA_C_HEADER = 'L',
	MTA_C_MAIL = 'M',
	MTA_C_EOH = 'N',
	MTA_C_OPTIONS = 'O',
	MTA_C_QUIT = 'Q',
	MTA_C_RCPT = 'R',
	MTA_C_DATA = 'T',
	MTA_C_UNKNOWN = 'U'
};

enum mta_reply {
	/* Answers: they end the wait. */
	MTA_R_CONTINUE = 'c',
	MTA_R_ACCEPT = 'a',
	MTA_R_DISCARD = 'd',
	MTA_R_REJECT = 'r',
	MTA_R_TEMPFAIL = 't',
	MTA_R_CODE = 'y',
	MTA_R_SKIP = 's',
	MTA_R_CONN_FAIL = 'f',
	MTA_R_SHUTDOWN = '4',
	/* The filter asks for more time. */
	MTA_R_PROGRESS = 'p',
	/* Changes: at end of message, before the answer. */
	MTA_R_ADDHEADER = 'h',
	MTA_R_INSHEADER = 'i',
	MTA_R_CHGHEADER = 'm', /* empty value: delete */
	MTA_R_CHGFROM = 'e',
	MTA_R_ADDRCPT = '+',
	MTA_R_ADDRCPT_PAR = '2',
	MTA_R_DELRCPT = '-',
	MTA_R_REPLBODY = 'b',
	MTA_R_QUARANTINE = 'q'
};

struct mta_options {
	uint32_t version, actions, steps;
};

struct mta_macro {
	struct str name, value;
};

struct mta_packet {
	char code; /* enum mta_command or mta_reply */
	struct str data;
};

/* One change; fields that the kind does not have are empty. value: header's
 * value, address, body bytes or quarantine reason. args: ESMTP arguments. */
struct mta_change {
	enum mta_reply kind;
	uint32_t index;
	struct str name, value, args;
};

/* --- writing --- */

void mta_packet(struct buf *out, char code, struct str data);
void mta_options(struct buf *out, const struct mta_options *o);
void mta_macros(
    struct buf *out, char command, const struct mta_macro *m, size_t n);
/* family: '4', '6', 'L' or 'U' (port and address are not sent then). */
void mta_connect(struct buf *out, struct str host, char family, uint16_t port,
    struct str address);
void mta_helo(struct buf *out, struct str name);
/* MAIL and RCPT: address as the MTA shows it ("<a@b>", or without <> for a
 * local submission), then the ESMTP arguments. */
void mta_envelope(struct buf *out, enum mta_command command, struct str address,
    const struct str *args, size_t n);
void mta_header(struct buf *out, struct str name, struct str value);

/* --- reading --- */

/* Takes the first packet off *in. 1: done; 0: not all bytes are there yet,
 * *in is as it was; ERR_SYNTAX: length 0; ERR_LIMIT: above MTA_MAX_PACKET. */
int mta_next(struct str *in, struct mta_packet *out) MUST_CHECK;
int mta_parse_options(
    const struct mta_packet *p, struct mta_options *out) MUST_CHECK;
/* ERR_SYNTAX: not a change, or not well-formed. */
int mta_parse_change(
    const struct mta_packet *p, struct mta_change *out) MUST_CHECK;

bool mta_is_answer(char code);
bool mta_is_change(char code);
/* Is this event sent, is it answered, under the negotiated steps? (The option
 * negotiation itself is always both.) */
bool mta_is_sent(uint32_t steps, enum mta_command command);
bool mta_is_answered(uint32_t steps, enum mta_command command);
/* The action that a change needs; 0 if it is none. */
uint32_t mta_action_of(char code);
/* "insheader", "tempfail"...; never NULL. */
const char *mta_reply_name(char code);

#endif
