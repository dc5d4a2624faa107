/* smfi_packets.h - the milter protocol's packets through memory, in place of
 * libmilter's one by one.
 *
 * libmilter reads each packet with two times poll(2) and read(2), and writes
 * each with poll and writev: nearly all system calls of a message. The MTA sends many packets at once (a macro list before each
 * command, all header fields), and takes all changes with the one reply that
 * follows them. So here one recv(2) takes what has come, and changes wait for
 * their reply.
 *
 * libmilter calls its two functions for packets, mi_rd_cmd() and
 * mi_wr_cmd(), as exported symbols, and a program's own come first (see
 * smfi_threads.c). Between packets mi_engine() asks poll(2) whether there is
 * more, and knows nothing of memory; therefore the last packet that has come
 * always stays in the socket until those before it are read: while a packet is
 * in memory the socket is readable. `tests/unit/test_smfi_packets` holds that
 * for every division of a dialogue. And poll(2) is this program's own too, so
 * that the answer is at hand while there is a packet; for all else it is the
 * system's.
 *
 * Threads: a connection's own; _begin and _end bind it. */
#ifndef MILTER_SMFI_PACKETS_H
#define MILTER_SMFI_PACKETS_H

#include "policy/base/error.h"

#include <stddef.h>
#include <sys/time.h>

enum {
	/* libmilter hangs up on a longer packet, and a header field comes in
	 * one: Postfix's may have 100 KB, more if its admin says so, and mail
	 * that is none of ours must pass. Room is taken only as data comes. */
	SMFI_PACKET_MAX = 64 << 20,

	/* What mi_rd_cmd() says in *cmd with NULL, as libmilter's does. */
	SMFI_TIMEOUT = 1,
	SMFI_POLL_FAILED = 2,
	SMFI_NO_MEMORY = 3,
	SMFI_RECV_FAILED = 4,
	SMFI_EOF = 5,
	SMFI_TOO_BIG = 7,
};

struct smfi_packets;

/* NULL: out of memory. `fd` stays the caller's. */
struct smfi_packets *smfi_packets_new(int fd) MUST_CHECK;
void smfi_packets_free(struct smfi_packets **p);

/* Makes `p` what this thread's mi_rd_cmd() and mi_wr_cmd() work on. */
void smfi_packets_use(struct smfi_packets *p);

/* The next packet: its bytes behind the command, *n_out of them, for the
 * caller to free; NULL when it has none, or when *cmd < ' ' tells why there is
 * none. Sends what waits before it waits. */
char *mi_rd_cmd(
    int fd, struct timeval *timeout, char *cmd, size_t *n_out, char *name);

/* A change of the message (SMFIR_ADDHEADER and its like) waits for the reply
 * behind it, or until there is no room; anything else goes at once.
 * 0, or -1: the peer is gone, or takes nothing for `timeout`. */
int mi_wr_cmd(int fd, struct timeval *timeout, int cmd, char *data, size_t n);

#endif
