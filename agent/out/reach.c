/* reach.c - see reach.h. IPv6 is public in 2000::/3 only, less what is listed;
 * so whatever is added to the registry outside of it stays closed. */
#include "agent/out/reach.h"

#include <stddef.h>
#include <string.h>

struct prefix {
	unsigned char addr[16];
	unsigned bits;
};

static const unsigned char mapped[16] = {[10] = 0xff, [11] = 0xff};
static const unsigned char nat64[16] = {0x00, 0x64, 0xff, 0x9b};

static const struct prefix closed4[] = {
    {{0}, 8},            /* this network */
    {{10}, 8},           /* private */
    {{100, 64}, 10},     /* shared by carriers */
    {{127}, 8},          /* loopback */
    {{169, 254}, 16},    /* link-local; clouds' metadata */
    {{172, 16}, 12},     /* private */
    {{192, 0, 0}, 24},   /* protocol assignments */
    {{192, 0, 2}, 24},   /* documentation */
    {{192, 88, 99}, 24}, /* 6to4 relays, withdrawn */
    {{192, 168}, 16},    /* private */
    {{198, 18}, 15},     /* benchmarks */
    {{198, 51, 100}, 24}, {{203, 0, 113}, 24},
    {{224}, 3}, /* multicast, reserved, broadcast */
};

static const struct prefix closed6[] = {
    {{0x20, 0x01, 0x00}, 23},       /* Teredo, benchmarks, ORCHID */
    {{0x20, 0x01, 0x0d, 0xb8}, 32}, /* documentation */
    {{0x3f, 0xff, 0x00}, 20},       /* documentation */
};

static bool matches(
    const unsigned char *addr, const unsigned char *prefix, unsigned bits)
{
	size_t whole = bits / 8;
	unsigned rest = bits % 8;

	if (memcmp(addr, prefix, whole) != 0)
		return false;
	return rest == 0 || (addr[whole] ^ prefix[whole]) >> (8 - rest) == 0;
}

static bool is_public4(const unsigned char *addr)
{
	for (size_t i = 0; i < sizeof(closed4) / sizeof(*closed4); i++)
		if (matches(addr, closed4[i].addr, closed4[i].bits))
			return false;
	return true;
}

bool reach_is_public(const unsigned char addr[16])
{
	static const unsigned char global[1] = {0x20};
	static const unsigned char sixtofour[2] = {0x20, 0x02};

	if (matches(addr, mapped, 96) || matches(addr, nat64, 96))
		return is_public4(addr + 12);
	if (matches(addr, sixtofour, 16))
		return is_public4(addr + 2);
	if (!matches(addr, global, 3))
		return false;
	for (size_t i = 0; i < sizeof(closed6) / sizeof(*closed6); i++)
		if (matches(addr, closed6[i].addr, closed6[i].bits))
			return false;
	return true;
}

bool reach_is_loopback(const unsigned char addr[16])
{
	static const unsigned char one[16] = {[15] = 1};

	if (matches(addr, mapped, 96))
		return addr[12] == 127;
	return memcmp(addr, one, sizeof(one)) == 0;
}
