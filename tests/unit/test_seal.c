/* test_seal.c - sealing of personal fields: what opens, and all that must
 * not. The AES-GCM itself is checked against a ciphertext made elsewhere. */
#include "tests/unit/tap.h"

#include "policy/base/codec.h"
#include "policy/base/fault.h"
#include "policy/base/file.h"
#include "policy/ledger/seal.h"

#include <errno.h>
#include <pthread.h>
#include <sys/stat.h>

static const unsigned char lead_a[SEAL_LEAD] = "0123456789abcde";
static const unsigned char lead_b[SEAL_LEAD] = "0123456789abcdf";

static void in_dir(char *out, size_t size, const char *dir, const char *name)
{
	(void)snprintf(out, size, "%s/%s", dir, name);
}

static void put_file(const char *path, const char *text, unsigned mode)
{
	if (file_write_atomic(path, str_of(text), mode, NULL) != 0 ||
	    chmod(path, mode) != 0)
		bug("%s", path);
}

#define KEY_A "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f"
#define KEY_B "f00102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f"

static void test_file(const char *dir)
{
	static const struct {
		const char *text;
		int rc;
		const char *what;
	} t[] = {
	    {"7 " KEY_A "\n", 0, "one epoch"},
	    {"7 " KEY_A, 0, "no line end"},
	    {"7 " KEY_A "\n9 " KEY_B "\n", 0, "two"},
	    {"", ERR_KEY, "empty"},
	    {"\n", ERR_KEY, "empty line"},
	    {"0 " KEY_A "\n", ERR_KEY, "epoch 0"},
	    {"7 " KEY_A "\n7 " KEY_B "\n", ERR_KEY, "twice"},
	    {"9 " KEY_A "\n7 " KEY_B "\n", ERR_KEY, "falling"},
	    {"7 " KEY_A "00\n", ERR_KEY, "key too long"},
	    {"7 0011\n", ERR_KEY, "key too short"},
	    {"7" KEY_A "\n", ERR_KEY, "no blank"},
	    {"4294967296 " KEY_A "\n", ERR_KEY, "number too large"},
	};
	char path[300];
	struct error err = {0};
	struct stat st;
	struct seal *s;
	mode_t old;

	in_dir(path, sizeof(path), dir, "epoch.key");
	old = umask(077);
	IS_INT(seal_create(path, &err), 0, "create");
	(void)umask(old);
	OK(stat(path, &st) == 0 && (st.st_mode & 07777) == 0640,
	    "mode 0640 in spite of the umask");
	IS_INT(seal_create(path, &err), ERR_EXISTS, "never overwritten");
	IS_INT(seal_load(&s, path, &err), 0, "load");
	IS_INT(seal_epoch(s), 1, "epoch 1");
	seal_free(&s);
	OK(s == NULL, "freed");
	OK(chmod(path, 0644) == 0 && seal_load(&s, path, &err) == ERR_KEY,
	    "readable by others: %s", err.text);
	OK(s == NULL, "nothing loaded");
	IS_INT(seal_load(&s, "/nonexistent/k", &err), -ENOENT, "absent");
	for (size_t i = 0; i < sizeof(t) / sizeof(t[0]); i++) {
		put_file(path, t[i].text, 0600);
		IS_INT(seal_load(&s, path, &err), t[i].rc, "%s", t[i].what);
		seal_free(&s);
	}
}

static struct seal *load_text(const char *dir, const char *text)
{
	char path[300];
	struct seal *s;

	in_dir(path, sizeof(path), dir, "k");
	put_file(path, text, 0600);
	if (seal_load(&s, path, NULL) != 0)
		bug("seal_load");
	return s;
}

static void test_wrap(const char *dir)
{
	struct seal *s1 = load_text(dir, "1 " KEY_A "\n");
	struct seal *s12 = load_text(dir, "1 " KEY_A "\n2 " KEY_B "\n");
	struct seal *s2 = load_text(dir, "2 " KEY_B "\n");
	struct seal *other = load_text(dir, "1 " KEY_B "\n");
	struct seal_key k, got;
	struct buf w1, w2;
	unsigned bad = 0;

	buf_init(&w1, 200);
	buf_init(&w2, 200);
	IS_INT(seal_key_init(&k), 0, "a random key");
	IS_INT(seal_wrap(s1, lead_a, &k, &w1), 0, "wrap");
	IS_INT(w1.n, SEAL_WRAPPED, "its length");
	IS_INT(seal_epoch_of(buf_str(&w1)), 1, "its epoch");
	OK(seal_unwrap(s1, lead_a, buf_str(&w1), &got) == 0 &&
		memcmp(&got, &k, sizeof(k)) == 0,
	    "unwrap");
	OK(seal_unwrap(s12, lead_a, buf_str(&w1), &got) == 0 &&
		memcmp(&got, &k, sizeof(k)) == 0,
	    "an older epoch still unwraps");
	OK(seal_wrap(s12, lead_a, &k, &w2) == 0 &&
		seal_epoch_of(buf_str(&w2)) == 2,
	    "the newest one wraps");
	IS_INT(seal_unwrap(s2, lead_a, buf_str(&w1), &got), ERR_KEY,
	    "epoch key destroyed");
	IS_INT(seal_unwrap(other, lead_a, buf_str(&w1), &got), ERR_CRYPTO,
	    "another key of the same number");
	IS_INT(seal_unwrap(s1, lead_b, buf_str(&w1), &got), ERR_CRYPTO,
	    "another lead");
	OK(got.bytes[0] == 0 && got.bytes[31] == 0, "no key on failure");
	IS_INT(seal_unwrap(s1, lead_a, str_cut(buf_str(&w1), 0, 64), &got),
	    ERR_CORRUPT, "too short");
	for (size_t i = 0; i < w1.n; i++) {
		w1.p[i] ^= 1;
		bad += seal_unwrap(s12, lead_a, buf_str(&w1), &got) != 0;
		w1.p[i] ^= 1;
	}
	IS_INT(bad, SEAL_WRAPPED, "no byte of it can change");
	seal_key_fini(&k);
	OK(k.bytes[0] == 0 && k.bytes[31] == 0, "cleansed");
	buf_fini(&w1);
	buf_fini(&w2);
	seal_free(&s1);
	seal_free(&s12);
	seal_free(&s2);
	seal_free(&other);
}

static void test_field(const char *dir)
{
	static const size_t sizes[] = {0, 1, 15, 16, 17, 1000, 70000};
	struct seal *s = load_text(dir, "1 " KEY_A "\n");
	struct seal_key k, k2;
	struct seal_place at = {lead_a, 3};
	static char text[70000];
	struct buf sealed, again, plain;
	unsigned bad = 0;

	buf_init(&sealed, 100000);
	buf_init(&again, 100000);
	buf_init(&plain, 100000);
	memset(text, 'x', sizeof(text));
	if (seal_key_init(&k) != 0 || seal_key_init(&k2) != 0)
		bug("random");
	for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		struct str in = {text, sizes[i]};

		buf_reset(&sealed);
		buf_reset(&plain);
		OK(seal_encrypt(s, &k, at, in, &sealed) == 0 &&
			sealed.n == in.n + SEAL_OVERHEAD &&
			seal_decrypt(s, &k, at, buf_str(&sealed), &plain) ==
			    0 &&
			str_eq(buf_str(&plain), in),
		    "%zu bytes there and back", in.n);
	}
	buf_reset(&sealed);
	buf_reset(&plain);
	OK(seal_encrypt(s, &k, at, STR("a@b.example"), &sealed) == 0 &&
		seal_encrypt(s, &k, at, STR("a@b.example"), &again) == 0 &&
		!str_eq(buf_str(&sealed), buf_str(&again)),
	    "never the same bytes twice");
	IS_INT(seal_decrypt(s, &k2, at, buf_str(&sealed), &plain), ERR_CRYPTO,
	    "another lead's key");
	at.lead = lead_b;
	IS_INT(seal_decrypt(s, &k, at, buf_str(&sealed), &plain), ERR_CRYPTO,
	    "another lead");
	at = (struct seal_place){lead_a, 4};
	IS_INT(seal_decrypt(s, &k, at, buf_str(&sealed), &plain), ERR_CRYPTO,
	    "another field");
	at.field = 3;
	for (size_t i = 0; i < sealed.n; i++) {
		sealed.p[i] ^= 0x40;
		bad += seal_decrypt(s, &k, at, buf_str(&sealed), &plain) != 0;
		sealed.p[i] ^= 0x40;
	}
	IS_INT(bad, sealed.n, "no byte of it can change");
	for (size_t n = 0; n < sealed.n; n++)
		bad -= seal_decrypt(s, &k, at, str_cut(buf_str(&sealed), 0, n),
			   &plain) != 0;
	IS_INT(bad, 0, "nor be missing");
	IS_INT(plain.n, 0, "no failure left plain text");
	sealed.p[0] = 2;
	IS_INT(seal_decrypt(s, &k, at, buf_str(&sealed), &plain), ERR_VERSION,
	    "a form of the future");
	buf_fini(&sealed);
	buf_fini(&again);
	buf_fini(&plain);
	seal_free(&s);
}

/* Made with Python's cryptography package: AESGCM(key).encrypt(nonce, plain,
 * aad), key 00..1f, nonce 20..2b, lead a0..af, field 5, plain "grace@x". */
static void test_golden(const char *dir)
{
	static const char field[] =
	    "01202122232425262728292a2b"
	    "b548c71309d8628343b8d00d4a182ac0e48eeb245ec9c4";
	static const char wrapped[] =
	    "0100000001202122232425262728292a2b"
	    "d23ba473689d1c09127548c5cd15faf6c058fe8f939575f974ef760955974016"
	    "b85c7866d8926dfc5e5f8623a8c05d59";
	unsigned char raw[SEAL_WRAPPED], lead[SEAL_LEAD];
	struct seal *s = load_text(dir, "1 " KEY_A "\n");
	size_t n = strlen(field) / 2;
	struct seal_key k, got;
	struct buf plain;

	buf_init(&plain, 100);
	for (size_t i = 0; i < SEAL_LEAD; i++)
		lead[i] = (unsigned char)(0xa0 + i);
	for (size_t i = 0; i < SEAL_KEY; i++)
		k.bytes[i] = (unsigned char)i;
	IS_INT(codec_unhex(str_of(field), n, raw), 0, "hex");
	IS_INT(seal_decrypt(s, &k, (struct seal_place){lead, 5},
		   (struct str){(char *)raw, n}, &plain),
	    0, "opens what another program sealed");
	IS_S(buf_str(&plain), STR("grace@x"), "the same text");
	IS_INT(codec_unhex(str_of(wrapped), SEAL_WRAPPED, raw), 0, "hex");
	IS_INT(
	    seal_unwrap(s, lead, (struct str){(char *)raw, SEAL_WRAPPED}, &got),
	    0, "unwraps what another program wrapped");
	OK(memcmp(&got, &k, sizeof(k)) == 0, "the same key");
	buf_fini(&plain);
	seal_free(&s);
}

static void test_failures(const char *dir)
{
	struct seal *s = load_text(dir, "1 " KEY_A "\n"), *s2;
	struct seal_place at = {lead_a, 3};
	struct seal_key k;
	struct buf b, small;
	char path[300];
	int rc = -1;
	long n;

	in_dir(path, sizeof(path), dir, "k");
	buf_init(&b, 1000);
	buf_init(&small, 30);
	if (seal_key_init(&k) != 0)
		bug("random");
	IS_INT(seal_encrypt(s, &k, at, STR("too long"), &small), ERR_LIMIT,
	    "the buffer's bound");
	IS_INT(small.n, 0, "nothing half written");
	for (n = 1; rc != 0 && n < 20; n++) {
		buf_fini(&b);
		fault_alloc_at(n);
		rc = seal_encrypt(s, &k, at, STR("x"), &b);
		OK(rc == 0 || (rc == -ENOMEM && b.n == 0), "allocation %ld", n);
	}
	for (rc = -1, n = 1; rc != 0 && n < 20; n++) {
		fault_alloc_at(n);
		rc = seal_load(&s2, path, NULL);
		OK(rc == 0 ? s2 != NULL : rc == -ENOMEM && s2 == NULL,
		    "load, allocation %ld", n);
	}
	fault_alloc_at(0);
	seal_free(&s2);
	buf_fini(&b);
	buf_fini(&small);
	seal_free(&s);
}

struct worker {
	const struct seal *s;
	unsigned good;
};

static void *worker_main(void *arg)
{
	struct worker *w = arg;
	struct seal_place at = {lead_b, 9};

	for (int i = 0; i < 200; i++) {
		struct seal_key k, back;
		struct buf b, p;

		buf_init(&b, 200);
		buf_init(&p, 200);
		if (seal_key_init(&k) == 0 &&
		    seal_wrap(w->s, lead_b, &k, &b) == 0 &&
		    seal_unwrap(w->s, lead_b, buf_str(&b), &back) == 0) {
			buf_reset(&b);
			w->good +=
			    seal_encrypt(w->s, &back, at, STR("hello"), &b) ==
				0 &&
			    seal_decrypt(w->s, &k, at, buf_str(&b), &p) == 0 &&
			    str_eq(buf_str(&p), STR("hello"));
		}
		buf_fini(&b);
		buf_fini(&p);
	}
	return NULL;
}

static void test_threads(const char *dir)
{
	struct seal *s = load_text(dir, "1 " KEY_A "\n");
	struct worker w[4];
	pthread_t t[4];
	unsigned good = 0;

	for (int i = 0; i < 4; i++) {
		w[i] = (struct worker){s, 0};
		if (pthread_create(&t[i], NULL, worker_main, &w[i]) != 0)
			bug("pthread_create");
	}
	for (int i = 0; i < 4; i++) {
		(void)pthread_join(t[i], NULL);
		good += w[i].good;
	}
	IS_INT(good, 800, "four threads with one struct seal");
	seal_free(&s);
}

int main(void)
{
	char dir[] = "/tmp/tendril-seal-XXXXXX", path[300];

	OK(mkdtemp(dir) != NULL, "temporary folder");
	test_file(dir);
	test_wrap(dir);
	test_field(dir);
	test_golden(dir);
	test_failures(dir);
	test_threads(dir);
	in_dir(path, sizeof(path), dir, "k");
	(void)unlink(path);
	in_dir(path, sizeof(path), dir, "epoch.key");
	(void)unlink(path);
	(void)rmdir(dir);
	return tap_done();
}
