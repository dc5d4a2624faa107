/* words.c - see words.h. */
#include "agent/web/words.h"

enum {
	RANGES_MAX = 32, /* of one field; what is behind them does not count */
	Q_ONE = 1000,
};

/* Each language has its title of a purpose (policy/conf/section_purpose.c). */
static const struct words all[] = {
    {
	.lang = "en",
	.ask = "Unsubscribe",
	.stopped = "You are unsubscribed",
	.done = "Done",
	.failed = "Not done yet",
	.missing = "Not found",
	.receives = {"You receive our mail about ", "."},
	.receives_no_more = {"You receive no more mail about ", "."},
	.will_no_more = {"You will receive no more mail about ", "."},
	.stop = {"Stop mail about ", ""},
	.all_no_more = "You receive no more marketing mail from us.",
	.all_will_no_more = "You will receive no more marketing mail from us.",
	.all_stop = "Stop all marketing mail",
	.still = "Messages that you ask for, such as receipts, still reach "
		 "you.",
	.try_again = "Please try again in a few minutes.",
	.bad_link = "This link is not valid. Please use the whole link of the "
		    "message.",
    },
    {
	.lang = "de",
	.ask = "Abbestellen",
	.stopped = "Sie sind abgemeldet",
	.done = "Erledigt",
	.failed = "Noch nicht erledigt",
	.missing = "Nicht gefunden",
	.receives = {"Sie erhalten unsere Nachrichten zum Thema ", "."},
	.receives_no_more = {"Sie erhalten keine Nachrichten zum Thema ",
	    " mehr."},
	.will_no_more = {"Sie werden keine Nachrichten zum Thema ",
	    " mehr erhalten."},
	.stop = {"Nachrichten zum Thema ", " abbestellen"},
	.all_no_more = "Sie erhalten keine Werbung mehr von uns.",
	.all_will_no_more = "Sie werden keine Werbung mehr von uns erhalten.",
	.all_stop = "Alle Werbung abbestellen",
	.still = "Nachrichten, die Sie selbst anfordern, etwa Rechnungen, "
		 "erhalten Sie weiterhin.",
	.try_again = "Bitte versuchen Sie es in einigen Minuten noch einmal.",
	.bad_link = "Dieser Link ist nicht g&uuml;ltig. Bitte verwenden Sie "
		    "den ganzen Link aus der Nachricht.",
    },
    {
	.lang = "fr",
	.ask = "Se d&eacute;sabonner",
	.stopped = "Vous &ecirc;tes d&eacute;sabonn&eacute;",
	.done = "C&rsquo;est fait",
	.failed = "Pas encore fait",
	.missing = "Introuvable",
	.receives = {"Vous recevez nos messages au sujet de ", "."},
	.receives_no_more = {"Vous ne recevez plus de messages au sujet de ",
	    "."},
	.will_no_more = {"Vous ne recevrez plus de messages au sujet de ", "."},
	.stop = {"Ne plus recevoir de messages au sujet de ", ""},
	.all_no_more = "Vous ne recevez plus de publicit&eacute; de notre "
		       "part.",
	.all_will_no_more = "Vous ne recevrez plus de publicit&eacute; de "
			    "notre part.",
	.all_stop = "Ne plus recevoir aucune publicit&eacute;",
	.still = "Les messages que vous demandez, comme les factures, vous "
		 "parviennent toujours.",
	.try_again = "Veuillez r&eacute;essayer dans quelques minutes.",
	.bad_link = "Ce lien n&rsquo;est pas valable. Veuillez utiliser le "
		    "lien complet du message.",
    },
};

/* "0.8" as 800; what is no weight counts as none. */
static unsigned weight(struct str s)
{
	unsigned q = 0, unit = Q_ONE;

	if (s.n == 0 || s.n > 5 || (s.n > 1 && s.p[1] != '.'))
		return 0;
	for (size_t i = 0; i < s.n; i++) {
		if (i == 1)
			continue;
		if (!ascii_is_digit(s.p[i]))
			return 0;
		q += (unsigned)(s.p[i] - '0') * unit;
		unit /= 10;
	}
	return q <= Q_ONE ? q : 0;
}

/* "de-AT;q=0.8" */
static unsigned read_range(struct str range, struct str *language_out)
{
	size_t semi = str_find(range, 0, ';');
	struct str tag = str_trim(str_cut(range, 0, semi));
	struct str q = str_trim(str_from(range, semi + 1));

	*language_out = str_cut(tag, 0, str_find(tag, 0, '-'));
	if (semi == range.n)
		return Q_ONE;
	return str_istarts(q, STR("q=")) ? weight(str_from(q, 2)) : 0;
}

const struct words *words_for(struct str accept_language)
{
	const struct words *best = &all[0];
	unsigned best_q = 0;
	struct str range, language;

	for (int i = 0;
	     i < RANGES_MAX && str_next(&accept_language, ',', &range); i++) {
		unsigned q = read_range(range, &language);

		for (size_t k = 0; k < sizeof(all) / sizeof(*all); k++)
			if (q > best_q &&
			    str_ieq(language, str_of(all[k].lang))) {
				best = &all[k];
				best_q = q;
			}
	}
	return best;
}
