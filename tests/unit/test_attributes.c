/* test_attributes.c - a person's attributes as they are kept, and the company
 * that a person belongs to. */
#include "tests/unit/storetest.h"

#include "policy/base/codec.h"
#include "policy/base/fault.h"
#include "policy/mail/company_id.h"
#include "policy/state/attributes.h"

static struct storetest T;

static struct attribute_value text(uint32_t label, const char *z)
{
	return (struct attribute_value){
	    .label = label, .type = ATTRIBUTE_TEXT, .text = str_of(z)};
}

static struct attribute_value number(
    uint32_t label, enum attribute_type type, int64_t n)
{
	return (struct attribute_value){
	    .label = label, .type = type, .number = n};
}

static void test_map(void)
{
	struct attribute_value v[] = {
	    text(5, "cto"),
	    number(70000, ATTRIBUTE_NUMBER, -200),
	    number(70001, ATTRIBUTE_FLAG, 1),
	    number(UINT32_MAX, ATTRIBUTE_DATE, 20000),
	};
	struct attributes x = {v, 4}, back;
	char hex[200];
	struct buf map;

	buf_init(&map, 1000);
	IS_INT(attributes_encode(&x, &map), 0, "encoded");
	codec_hex(map.p, map.n, hex);
	IS_STR(hex,
	    "a4058201"
	    "6363746f1a00011170820238c71a000111718203f51affffffff8204194e20",
	    "its bytes, for ever");
	IS_INT(attributes_decode(buf_str(&map), T.arena, &back), 0, "decoded");
	OK(attributes_eq(&x, &back), "the same");
	OK(attributes_find(&back, 70001) == &back.v[2] &&
		attributes_find(&back, 6) == NULL,
	    "by label");
	back.v[1].number++;
	OK(!attributes_eq(&x, &back), "another number");
	back.n--;
	OK(!attributes_eq(&x, &back), "one less");
	buf_fini(&map);
}

/* What was never written. */
static void test_damage(void)
{
	static const char *const maps[] = {
	    "",
	    "a1",
	    "a105",
	    "a10501",
	    "a1058201",
	    "a105820141"
	    "41", /* bytes, not text */
	    "a10582016141"
	    "00",             /* one byte more */
	    "a1058301614100", /* three */
	    "a105818101",     /* one */
	    "a1058205"
	    "01", /* no such type */
	    "a1058200"
	    "01", /* type 0 */
	    "a1058203"
	    "01", /* a flag that is a number */
	    "a2058202"
	    "01"
	    "048202"
	    "01",                         /* labels fall */
	    "a11b0000000100000000820201", /* label above 32 bits */
	    "a1058202"
	    "1801", /* not the shortest form */
	    "8105",
	};
	struct attributes out;

	for (size_t i = 0; i < sizeof(maps) / sizeof(maps[0]); i++) {
		char bytes[64];
		size_t n = strlen(maps[i]) / 2;

		if (codec_unhex(str_of(maps[i]), n, bytes) != 0)
			bug("%s", maps[i]);
		IS_INT(attributes_decode((struct str){bytes, n}, T.arena, &out),
		    ERR_CORRUPT, "refused: %s", maps[i]);
	}
}

static void test_bounds(void)
{
	struct attribute_value v[ATTRIBUTES_MAX + 1];
	char longest[ATTRIBUTE_TEXT_MAX + 1];
	struct attributes x = {v, ATTRIBUTES_MAX}, out;
	struct buf map;

	memset(longest, 'x', ATTRIBUTE_TEXT_MAX);
	longest[ATTRIBUTE_TEXT_MAX] = '\0';
	for (uint32_t i = 0; i <= ATTRIBUTES_MAX; i++)
		v[i] = number(i + 1, ATTRIBUTE_NUMBER, i);
	buf_init(&map, 100000);
	IS_INT(attributes_encode(&x, &map), 0, "as many as may be");
	x.n++;
	IS_INT(attributes_encode(&x, &map), ERR_LIMIT, "one more");
	x.n = ATTRIBUTES_MAX;
	IS_INT(attributes_change(&x, &v[0], 1, T.arena, &out), 0,
	    "one that is there");
	IS_INT(attributes_change(&x, &v[ATTRIBUTES_MAX], 1, T.arena, &out),
	    ERR_LIMIT, "a new one");
	for (uint32_t i = 0; i < ATTRIBUTES_MAX; i++)
		v[i] = text(i + 1, longest);
	IS_INT(attributes_encode(&x, &map), ERR_LIMIT, "too many bytes");
	x.n = 20;
	IS_INT(attributes_change(&x, v, 0, T.arena, &out), ERR_LIMIT,
	    "a change makes no more of them");
	x.n = 19;
	IS_INT(attributes_change(&x, v, 0, T.arena, &out), 0, "19 of 200");
	buf_fini(&map);
}

static void test_change(void)
{
	struct attribute_value v[] = {text(5, "cto"), text(9, "x")};
	struct attribute_value changes[] = {text(9, "y"),
	    number(7, ATTRIBUTE_NUMBER, 1), {.label = 5}, {.label = 6},
	    number(1, ATTRIBUTE_FLAG, 0)};
	struct attribute_value want_v[] = {number(1, ATTRIBUTE_FLAG, 0),
	    number(7, ATTRIBUTE_NUMBER, 1), text(9, "y")};
	struct attributes there = {v, 2}, none = {0}, out, want = {want_v, 3};

	IS_INT(attributes_change(&there, changes, 5, T.arena, &out), 0,
	    "set, changed, taken away");
	OK(attributes_eq(&out, &want), "by label");
	OK(there.n == 2 && there.v[1].text.p[0] == 'x', "what was there stays");
	IS_INT(attributes_change(&none, &changes[2], 1, T.arena, &out), 0,
	    "nothing to take away");
	IS_INT(out.n, 0, "none");
}

static void test_sealed(void)
{
	struct attribute_value v[] = {text(5, "cto")};
	struct attributes x = {v, 1}, none = {0}, out;
	struct lead_record nobody = {0};
	struct lead_id id = {{1}};
	struct person p;
	struct str sealed;
	char *bytes;

	IS_INT(person_of(&p, T.store, &id, &nobody), 0, "a person");
	IS_INT(attributes_seal(&p, &x, T.arena, &sealed), 0, "sealed");
	OK(!str_contains(sealed, STR("cto")), "not in clear");
	IS_INT(attributes_open(&p, sealed, T.arena, &out), 0, "opened");
	OK(attributes_eq(&x, &out), "the same");
	bytes = arena_alloc(T.arena, sealed.n);
	memcpy(bytes, sealed.p, sealed.n);
	bytes[20] ^= 1;
	IS_INT(
	    attributes_open(&p, (struct str){bytes, sealed.n}, T.arena, &out),
	    ERR_CRYPTO, "altered");
	IS_INT(attributes_seal(&p, &none, T.arena, &sealed), 0, "none");
	IS_INT(sealed.n, 0, "are nothing");
	IS_INT(attributes_open(&p, sealed, T.arena, &out), 0, "nothing");
	IS_INT(out.n, 0, "are none");
	person_fini(&p);
}

static bool same_company(const char *name_a, const char *address_a,
    const char *name_b, const char *address_b)
{
	struct address a = storetest_address(&T, address_a);
	struct address b = storetest_address(&T, address_b);
	unsigned char x[COMPANY_ID_BYTES], y[COMPANY_ID_BYTES];

	if (company_id_of(T.store->lead_key, str_of(name_a), &a, x) != 0 ||
	    company_id_of(T.store->lead_key, str_of(name_b), &b, y) != 0)
		bug("company_id_of");
	return memcmp(x, y, sizeof(x)) == 0 && !company_id_is_none(x);
}

static bool no_company(const char *name, const char *address)
{
	struct address a = storetest_address(&T, address);
	unsigned char x[COMPANY_ID_BYTES];

	if (company_id_of(T.store->lead_key, str_of(name), &a, x) != 0)
		bug("company_id_of");
	return company_id_is_none(x);
}

static void test_company(void)
{
	struct address a = storetest_address(&T, "a@north.example");
	unsigned char x[COMPANY_ID_BYTES];
	char longer[COMPANY_NAME_MAX + 1];
	struct lead_id lead;

	OK(same_company("", "a@north.example", "", "b@mail.north.example"),
	    "one registrable domain");
	OK(same_company("", "a@x.co.uk", "", "b@y.x.co.uk"), "below co.uk");
	OK(!same_company("", "a@x.co.uk", "", "b@y.co.uk"), "of two");
	OK(!same_company("", "a@north.example", "", "b@south.example"),
	    "two domains");
	OK(no_company("", "a@gmail.com") && no_company("", "a@gmx.de"),
	    "mailboxes for everybody");
	OK(no_company("", "a@[192.0.2.1]"), "an address literal");
	OK(same_company("Acme", "a@gmail.com", " ACME ", "b@north.example"),
	    "by name, whatever the address");
	OK(!same_company("Acme", "a@north.example", "", "b@north.example"),
	    "the name wins");
	OK(same_company("north.example", "a@gmail.com", "", "b@north.example"),
	    "a name that is a domain");
	OK(same_company("  ", "a@north.example", "", "b@north.example"),
	    "a blank name is none");
	memset(longer, 'x', sizeof(longer));
	IS_INT(company_id_of(T.store->lead_key,
		   (struct str){longer, sizeof(longer)}, &a, x),
	    ERR_LIMIT, "too long a name");
	a.text = a.domain;
	OK(lead_id_of(T.store->lead_key, &a, &lead) == 0 &&
		company_id_of(T.store->lead_key, STR(""), &a, x) == 0 &&
		memcmp(lead.b, x, sizeof(x)) != 0,
	    "derived otherwise than a lead's id");
}

int main(void)
{
	storetest_open(&T);
	test_map();
	test_damage();
	test_bounds();
	test_change();
	test_sealed();
	test_company();
	storetest_close(&T);
	return tap_done();
}
