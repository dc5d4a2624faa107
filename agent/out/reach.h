/* reach.h - which addresses are the public Internet: where a URL that somebody
 * else wrote may lead us. By the special-purpose registries of RFC 6890 and
 * their later entries; addresses that carry another one inside (mapped,
 * 6to4, NAT64) are judged by that. Pure. Threads: any. */
#ifndef AGENT_OUT_REACH_H
#define AGENT_OUT_REACH_H

#include <stdbool.h>

/* IPv4 as ::ffff:a.b.c.d. */
bool reach_is_public(const unsigned char addr[16]);
bool reach_is_loopback(const unsigned char addr[16]);

#endif
