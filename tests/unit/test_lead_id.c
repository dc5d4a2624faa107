/* test_lead_id.c - base/digest, mail/lead_id, mail/address_digest. The
 * expected values were made with Python's hashlib and hmac. */
#include "tests/unit/tap.h"

#include "policy/base/codec.h"
#include "policy/base/digest.h"
#include "policy/base/fault.h"
#include "policy/base/file.h"
#include "policy/mail/address_digest.h"
#include "policy/mail/lead_id.h"

#include <errno.h>
#include <sys/stat.h>

/* Bytes 0 to 31. */
#define HEX_KEY                                                                \
	"000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f"

/* Keys around the block of 64 bytes; RFC 4231 vectors 6 and 7 have 131. */
static void test_hmac_keys(void)
{
	static const struct {
		size_t n;
		const char *text, *want;
	} cases[] = {
	    {63, "x",
		"4f17645dd45ee57c684ba39da29e8e1cbb2ff4e027c4585a2e1dccee69d157"
		"d0"},
	    {64, "x",
		"ce3c639dcb9d8baae5d44c3b8b5e233faab4d1860e07489af5c84f213998bd"
		"79"},
	    {65, "x",
		"c2b9a0a013df029c7d812c5ac18388feef0194ee64fcc5f321d149c06137ca"
		"a3"},
	    {131, "Test Using Larger Than Block-Size Key - Hash Key First",
		"60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f"
		"54"},
	    {131,
		"This is a test using a larger than block-size key and a "
		"larger "
		"than block-size data. The key needs to be hashed before being "
		"used by the HMAC algorithm.",
		"9b09ffa71b942fcb27635fbcd5b0e944bfdc63644f0713938a7f51535c3a35"
		"e2"},
	};
	unsigned char out[DIGEST_SHA256];
	char key[131], hex[2 * DIGEST_SHA256 + 1];

	memset(key, 0xaa, sizeof(key));
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		IS_INT(digest_hmac_sha256((struct str){key, cases[i].n},
			   str_of(cases[i].text), out),
		    0, "key of %zu bytes", cases[i].n);
		codec_hex(out, DIGEST_SHA256, hex);
		IS_STR(hex, cases[i].want, "key of %zu bytes", cases[i].n);
	}
}

static void test_digest(void)
{
	unsigned char out[DIGEST_SHA256];
	char hex[2 * DIGEST_SHA256 + 1];

	IS_INT(digest_sha256(STR("abc"), out), 0, "SHA-256");
	codec_hex(out, DIGEST_SHA256, hex);
	IS_STR(hex,
	    "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad",
	    "FIPS 180 vector");
	IS_INT(digest_md5(STR_NULL, out), 0, "MD5 of nothing");
	codec_hex(out, DIGEST_MD5, hex);
	IS_STR(hex, "d41d8cd98f00b204e9800998ecf8427e", "RFC 1321 vector");
	IS_INT(digest_hmac_sha256(
		   STR("Jefe"), STR("what do ya want for nothing?"), out),
	    0, "HMAC");
	codec_hex(out, DIGEST_SHA256, hex);
	IS_STR(hex,
	    "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843",
	    "RFC 4231 vector 2");
	IS_INT(digest_hmac_sha256(STR_NULL, STR_NULL, out), 0,
	    "empty key and text");
	codec_hex(out, DIGEST_SHA256, hex);
	IS_STR(hex,
	    "b613679a0814d9ec772f95d778c35fc5ff1697c493715653c6c712144292c5ad",
	    "empty key and text");
	test_hmac_keys();
	OK(digest_equal("abc", "abc", 3) && !digest_equal("abc", "abd", 3) &&
		digest_equal("abc", "abd", 2) && digest_equal("a", "b", 0),
	    "compare");
	fault_alloc_at(1);
	IS_INT(digest_sha256(STR("abc"), out), ERR_CRYPTO, "hash fails");
	fault_alloc_at(1);
	IS_INT(digest_hmac_sha256(STR("k"), STR("abc"), out), ERR_CRYPTO,
	    "HMAC fails");
	fault_alloc_at(0);
}

struct id {
	const char *address, *id;
};

static const struct id ids[] = {
    {"jane.doe@example.com", "720270129456a53d1a00a7e75d9d7c95"},
    {"<\"Jane.Doe\"@EXAMPLE.com.>", "720270129456a53d1a00a7e75d9d7c95"},
    {"a@xn--bcher-kva.example", "929bed8132cdefaf99f40770047d8fcb"},
    {"A@B\xc3\x9c"
     "CHER.example",
	"929bed8132cdefaf99f40770047d8fcb"},
};

static void test_ids(struct arena *a)
{
	struct lead_key *k = NULL;
	struct lead_id id, back;
	struct address addr;
	struct error err;
	char text[LEAD_ID_TEXT];

	IS_INT(lead_key_parse(&k, "key", STR(HEX_KEY "\n"), &err), 0, "key");
	for (size_t i = 0; i < sizeof(ids) / sizeof(ids[0]); i++) {
		IS_INT(address_parse(a, str_of(ids[i].address), &addr, &err), 0,
		    "address %zu", i);
		IS_INT(lead_id_of(k, &addr, &id), 0, "its id");
		lead_id_text(&id, text);
		IS_STR(text, ids[i].id, "is the one expected");
	}
	OK(lead_id_parse(STR("929BED8132cdefaf99f40770047d8fcb"), &back) == 0 &&
		lead_id_eq(&id, &back),
	    "back from text, any case");
	back.b[LEAD_ID_BYTES - 1] ^= 1;
	OK(!lead_id_eq(&id, &back), "one bit off");
	IS_INT(lead_id_parse(STR("929bed8132cdefaf99f40770047d8fc"), &back),
	    ERR_SYNTAX, "too short");
	IS_INT(lead_id_parse(STR("929bed8132cdefaf99f40770047d8fcg"), &back),
	    ERR_SYNTAX, "no digit");
	OK(address_parse_sender(a, STR("<>"), &addr, &err) == 0 &&
		lead_id_of(k, &addr, &id) == ERR_SYNTAX,
	    "the null sender is no lead");
	lead_key_free(&k);
	OK(k == NULL, "free clears the pointer");
	lead_key_free(&k);
}

static void test_other_key(struct arena *a)
{
	struct lead_key *k = NULL;
	struct lead_id id;
	struct address addr;
	char text[LEAD_ID_TEXT];

	OK(lead_key_parse(
	       &k, "key", STR("another key, of 32 bytes as such"), NULL) == 0 &&
		address_parse(a, str_of(ids[0].address), &addr, NULL) == 0 &&
		lead_id_of(k, &addr, &id) == 0,
	    "32 bytes as they are");
	lead_id_text(&id, text);
	OK(strcmp(text, ids[0].id) != 0, "another key, another id");
	lead_key_free(&k);
}

static const struct bad_key {
	const char *name;
	struct str bytes;
} bad_keys[] = {
    {"empty", {"", 0}},
    {"33 bytes", {"another key, of 32 bytes as such.", 33}},
    {"63 digits", {HEX_KEY, 63}},
    {"65 digits", {HEX_KEY "0", 65}},
    {"64 bytes, not hex", {"x" HEX_KEY, 64}},
    {"two lines", {HEX_KEY "\n" HEX_KEY "\n", 130}},
    {"zeros",
	{"\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0",
	    32}},
};

static void test_key_files(void)
{
	char dir[] = "/tmp/tendril-test.XXXXXX", path[100];
	struct lead_key *k = NULL;
	struct error err;

	for (size_t i = 0; i < sizeof(bad_keys) / sizeof(bad_keys[0]); i++) {
		IS_INT(lead_key_parse(&k, "the-file", bad_keys[i].bytes, &err),
		    ERR_KEY, "key: %s", bad_keys[i].name);
		OK(k == NULL && strstr(err.text, "the-file") == err.text &&
			strstr(err.text, "000102") == NULL,
		    "says where and not what: %s", err.text);
	}
	if (!OK(mkdtemp(dir) != NULL, "temporary folder"))
		return;
	(void)snprintf(path, sizeof(path), "%s/key", dir);
	IS_INT(file_write_atomic(path, STR(HEX_KEY), 0640, &err), 0, "write");
	IS_INT(lead_key_load(&k, path, &err), 0, "the group may read");
	lead_key_free(&k);
	(void)chmod(path, 0644);
	IS_INT(lead_key_load(&k, path, &err), ERR_KEY, "others may not");
	(void)unlink(path);
	IS_INT(lead_key_load(&k, path, &err), -ENOENT, "no such file");
	(void)rmdir(dir);
	fault_alloc_at(1);
	IS_INT(lead_key_parse(&k, "key", STR(HEX_KEY), &err), -ENOMEM,
	    "out of memory");
	fault_alloc_at(0);
	OK(k == NULL, "no key then");
}

static void test_digests(struct arena *a)
{
	struct address_digest want, got;
	struct address addr;

	OK(address_parse(a, STR("<Jane.Doe@Example.com>"), &addr, NULL) == 0,
	    "address");
	OK(address_digest_parse(
	       STR("86e0b9e56c17cc4d12387e1949b85053fbe73bc3ce5a1188713a9d"
		   "300cc6133d"),
	       &want) == 0 &&
		want.kind == ADDRESS_DIGEST_SHA256,
	    "entry of a SHA-256 list");
	OK(address_digest(&addr, want.kind, &got) == 0 &&
		memcmp(got.b, want.b, sizeof(got.b)) == 0,
	    "is that person");
	OK(address_digest_parse(
	       STR("0CBA00CA3DA1B283A57287BCCEB17E35"), &want) == 0 &&
		want.kind == ADDRESS_DIGEST_MD5,
	    "entry of an MD5 list");
	OK(address_digest(&addr, want.kind, &got) == 0 &&
		memcmp(got.b, want.b, sizeof(got.b)) == 0,
	    "is that person too");
	IS_INT(address_digest_size(ADDRESS_DIGEST_SHA256), 32, "32 bytes");
	IS_INT(address_digest_size(ADDRESS_DIGEST_MD5), 16, "16 bytes");
	IS_INT(address_digest_parse(STR("0cba"), &want), ERR_SYNTAX,
	    "neither length");
	IS_INT(address_digest_parse(
		   STR("gcba00ca3da1b283a57287bcceb17e35"), &want),
	    ERR_SYNTAX, "no digit");
	OK(address_parse_sender(a, STR(""), &addr, NULL) == 0 &&
		address_digest(&addr, ADDRESS_DIGEST_MD5, &got) == ERR_SYNTAX,
	    "the null sender has none");
}

int main(void)
{
	struct arena *a = arena_new(1 << 16);

	if (a == NULL)
		return 1;
	test_digest();
	test_ids(a);
	test_other_key(a);
	test_key_files();
	test_digests(a);
	arena_free(&a);
	return tap_done();
}
