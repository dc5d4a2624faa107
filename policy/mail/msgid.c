/* msgid.c - see msgid.h. */
#include "policy/mail/msgid.h"

#define EPOCH_MS INT64_C(1577836800000) /* 2020-01-01T00:00:00Z */
#define RANDOM_BITS 22
#define RANDOM_MASK ((UINT32_C(1) << RANDOM_BITS) - 1)
#define LAST_MS ((INT64_C(1) << (64 - RANDOM_BITS)) - 1)

uint64_t msgid_floor(int64_t ms)
{
	if (ms < EPOCH_MS)
		return 0;
	ms -= EPOCH_MS;
	return (uint64_t)(ms < LAST_MS ? ms : LAST_MS) << RANDOM_BITS;
}

uint64_t msgid_make(int64_t now_ms, uint32_t random)
{
	uint64_t id = msgid_floor(now_ms) | (random & RANDOM_MASK);

	return id != 0 ? id : 1;
}

int64_t msgid_time_ms(uint64_t id)
{
	return EPOCH_MS + (int64_t)(id >> RANDOM_BITS);
}
