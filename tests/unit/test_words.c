/* test_words.c - which language a page speaks, and that each has all words. */
#include "agent/web/words.h"
#include "tests/unit/tap.h"

static void test_choice(void)
{
	static const struct {
		const char *field, *lang;
	} t[] = {
	    {NULL, "en"},
	    {"", "en"},
	    {"de", "de"},
	    {"DE-at", "de"},
	    {"fr-CA, fr;q=0.9", "fr"},
	    {"en-GB,en;q=0.9,de;q=0.8", "en"},
	    {"de;q=0.8,en;q=0.9", "en"},
	    {"pl,de;q=0.5,fr;q=0.7", "fr"},
	    {"pl, cs", "en"},
	    {"*", "en"},
	    {"*;q=0.5, de;q=0.1", "de"},
	    {"de;q=0", "en"},
	    {"de;q=0.000,fr;q=0.001", "fr"},
	    {"de ; q=0.3 , fr ; q=0.4", "fr"},
	    {"de;Q=0.3,fr;q=0.2", "de"},
	    {"de;q=1.000,fr", "de"},
	    {"de;q=2,fr;q=0.1", "fr"},
	    {"de;q=1.5,fr;q=0.1", "fr"},
	    {"de;q=,fr;q=0.1", "fr"},
	    {"de;q=0.12345,fr;q=0.1", "fr"},
	    {"de;level=1,fr;q=0.1", "fr"},
	    {"deutsch", "en"},
	    {"d", "en"},
	    {",,,,de", "de"},
	    {";;;q=", "en"},
	    {"\r\nde", "de"},
	};

	for (size_t i = 0; i < sizeof(t) / sizeof(*t); i++)
		IS_STR(words_for(str_of(t[i].field))->lang, t[i].lang, "%s",
		    t[i].field != NULL ? t[i].field : "no field");
}

/* Nobody's list is endless. */
static void test_bound(void)
{
	char many[1000] = "";

	for (int i = 0; i < 100; i++)
		memcpy(many + 3 * (size_t)i, "pl,", 3);
	memcpy(many + 300, "de", 2);
	IS_STR(words_for(str_of(many))->lang, "en", "behind a hundred others");
	IS_STR(words_for(str_of(many + 297))->lang, "de", "behind one");
}

static bool is_there(const char *z)
{
	bool plain = z != NULL && *z != '\0';

	for (; plain && *z != '\0'; z++)
		plain = (unsigned char)*z < 0x80 && *z != '<';
	return plain;
}

static void test_whole(const char *language)
{
	const struct words *w = words_for(str_of(language));

	IS_STR(w->lang, language, "%s is there", language);
	OK(is_there(w->ask) && is_there(w->stopped) && is_there(w->done) &&
		is_there(w->failed) && is_there(w->missing),
	    "titles");
	OK(is_there(w->receives.before) && is_there(w->receives.after) &&
		is_there(w->receives_no_more.before) &&
		is_there(w->receives_no_more.after) &&
		is_there(w->will_no_more.before) &&
		is_there(w->will_no_more.after) && is_there(w->stop.before) &&
		w->stop.after != NULL,
	    "about a purpose");
	OK(is_there(w->all_no_more) && is_there(w->all_will_no_more) &&
		is_there(w->all_stop) && is_there(w->still) &&
		is_there(w->try_again) && is_there(w->bad_link),
	    "sentences");
}

int main(void)
{
	test_choice();
	test_bound();
	test_whole("en");
	test_whole("de");
	test_whole("fr");
	return tap_done();
}
