/* test_reply.c - who answers, and what they say: own samples, one for each thing
 * that must be told apart. */
#include "tests/unit/tap.h"

#include "policy/base/buf.h"
#include "policy/base/fault.h"
#include "policy/mail/reply.h"
#include "policy/mail/reply_text.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

static struct reply_rules *rules;
static struct bounce_rules *bounces;
static struct arena *arena;

static int read_mail(const char *text, bool null_sender, struct reply *out)
{
	struct report report;
	struct reply_in in = {&report, str_of(text), null_sender};
	int rc = report_classify(bounces, str_of(text), arena, &report);

	return rc != 0 ? rc : reply_read(rules, &in, arena, out);
}

static const char *plain(const char *fields, const char *body)
{
	return arena_printf(arena,
	    "From: Ada Lovelace <ada.lovelace@north.example>\r\n"
	    "%sMIME-Version: 1.0\r\n"
	    "Content-Type: text/plain; charset=utf-8\r\n\r\n%s",
	    fields, body);
}

/* --- a person's words --- */

static void test_wishes(void)
{
	static const struct {
		const char *body;
		bool wants;
	} cases[] = {
	    {"Please remove me from your list.", true},
	    {"stop", true},
	    {"STOP!", true},
	    {"Remove", true},
	    {"Remove please", true},
	    {"Hi,\n\nplease unsubscribe me.\n\nThanks\nAda\n", true},
	    {"I don\xe2\x80\x99t want to receive these mails any more.", true},
	    {"Do not contact me again", true},
	    {"Take me off your list, I am not interested", true},
	    {"How do I unsubscribe?", true},
	    {"Bitte nehmen Sie mich aus dem Verteiler.", true},
	    {"ABMELDEN", true},
	    {"Ich m\xc3\xb6"
	     "chte keine E-Mails mehr",
		true},
	    {"Merci de me d\xc3\xa9sinscrire", true},
	    {"D\xc3\x89SINSCRIRE", true},
	    {"Je ne souhaite plus recevoir vos messages", true},
	    {"Quiero darme de baja", true},
	    {"baja", true},
	    {"Cancellatemi dalla vostra lista, grazie", true},
	    {"N\xc3\xa3o quero receber mais e-mails", true},
	    {"Graag uitschrijven", true},
	    {"Jag vill inte ha fler utskick", true},
	    {"Venligst afmeld", true},
	    {"Fjern meg fra listen", true},
	    {"Poistakaa minut listalta", true},
	    {"Prosz\xc4\x99 wypisa\xc4\x87 mnie", true},
	    {"Pros\xc3\xadm odhl\xc3\xa1sit", true},
	    {"K\xc3\xa9rem, ne k\xc3\xbcldjenek t\xc3\xb6"
	     "bbet",
		true},
	    {"\xd0\x9e\xd1\x82\xd0\xbf\xd0\xb8\xd1\x88\xd0\xb8\xd1\x82\xd0\xb5"
	     " \xd0\xbc\xd0\xb5\xd0\xbd\xd1\x8f",
		true},
	    {"\xe9\x85\x8d\xe4\xbf\xa1\xe5\x81\x9c\xe6\xad\xa2\xe3\x82\x92"
	     "\xe3\x81\x8a\xe9\xa1\x98\xe3\x81\x84\xe3\x81\x97\xe3\x81\xbe"
	     "\xe3\x81\x99",
		true},
	    {"\xe8\xaf\xb7\xe9\x80\x80\xe8\xae\xa2", true},
	    {"L\xc3\xbctfen beni listeden \xc3\xa7\xc4\xb1kar\xc4\xb1n", true},
	    {"We no longer want to receive your offers", true},
	    {"Could you delete the data you hold about me", true},
	    {"Wilt u mij van uw mailinglijst verwijderen?", true},
	    {"En halua en\303\244\303\244 viestej\303\244 teilt\303\244", true},
	    {"\354\210\230\354\213\240\352\261\260\353\266\200", true},
	    {"Could you strike us off? I mean, remove us from any list", true},
	    {"Please stop sending mails", true},
	    {"I would like to unsubscribe", true},
	    {"Bitte keine Zusendungen mehr", true},
	    {"Vennligst ikke send meg flere e-poster", true},
	    {"Cessez d'envoyer des messages", true},
	    /* not a wish */
	    {"Please remove item three from the list", false},
	    {"There are no mails in the archive", false},
	    {"To unsubscribe write to us", false},
	    {"I have not received any more emails", false},
	    {"Delete the old offer and send the new one to my address", false},
	    {"What of people who do not want to receive mails?", false},
	    {"We had to stop the project", false},
	    {"I do not want to be removed from your newsletter emails", false},
	    {"Our name on your mailing list is misspelt", false},
	    {"How do your customers unsubscribe?", false},
	    {"En halua maksaa enemp\303\244\303\244", false},
	    {"Jeg \303\270nsker ikke at vente til mandag", false},
	    {"\346\210\221\344\270\215\346\203\263\351\200\200\350\256"
	     "\242",
		false},
	    {"Sounds good, call me on Monday.", false},
	    {"Please don't remove me, I like it", false},
	    {"I did not unsubscribe", false},
	    {"Please do not unsubscribe me!", false},
	    {"Bitte nicht abmelden", false},
	    {"If you want to unsubscribe, click the link", false},
	    {"We never stop learning. Great article!", false},
	    {"Can you stop by on Tuesday?", false},
	    {"The bus stop is round the corner, we meet there at noon then",
		false},
	    {"Tell me more.\n\n-- \nAda\nTo unsubscribe from our mails write "
	     "to us\n",
		false},
	    {"Yes please!\n\nOn 3 May 2026, News <news@example.com> wrote:\n"
	     "> Reply with STOP to unsubscribe me\n",
		false},
	    {"Yes please!\n\n-----Original Message-----\nFrom: News\n"
	     "Please remove me\n",
		false},
	    {"Ja, gern.\n\nVon: News <news@example.com>\nGesendet: Montag\n"
	     "Betreff: News\n\nHier abmelden\n",
		false},
	    {"Yes.\n\nSent from my iPhone", false},
	    {"", false},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct reply r;

		IS_INT(read_mail(plain("Subject: Re: News\r\n", cases[i].body),
			   false, &r),
		    0, "read");
		IS_STR(reply_kind_name(r.kind),
		    cases[i].wants ? "opt_out" : "human", "wish %zu", i);
		arena_reset(arena);
	}
}

/* What decides between a wish and what sounds like one. */
static void test_bounds_of_a_wish(void)
{
	static const struct {
		const char *subject, *body;
		bool wants;
	} cases[] = {
	    {"Re: News",
		"Please remove me from your list as I am no longer interested",
		true},
	    {"Re: News", "Not interested please remove me from your list",
		true},
	    {"Re: News",
		"Kein Interesse bitte aus dem Verteiler l\303\266schen", true},
	    {"Re: News", "No estoy interesado por favor darme de baja", true},
	    {"Re: News", "Ne dezabona\310\233i v\304\203 rog", true},
	    {"Re: News",
		"\346\262\241\346\234\211\345\205\264\350\266\243\350\257\267"
		"\345\217\226\346\266\210\350\256\242\351\230\205",
		true},
	    {"Re: News", "I do not want to be removed", false},
	    {"Re: News", "Nu vreau s\304\203 m\304\203 dezabonez", false},
	    {"Re: News", "Fjern mig ikke fra listen", false},
	    {"Re: News", "I would appreciate it if you would remove me", true},
	    {"Re: News",
		"Ich w\303\244re dankbar, wenn Sie mich aus dem Verteiler "
		"nehmen",
		true},
	    {"Re: News", "Remove me and my colleagues from your mailing list",
		true},
	    {"Re: News", "Please remove me, or I will click the spam button",
		true},
	    {"Re: News", "Click here to remove me", false},
	    {"Re: News", "The unsubscribe link does not work", true},
	    {"Re: News", "The unsubscribe link is a nice touch", false},
	    {"Re: News",
		"If you are not interested, please reply with unsubscribe",
		false},
	    {"Re: News",
		"If you are not the intended recipient, please notify the "
		"sender and remove it from your mailing system",
		false},
	    {"Re: News",
		"This mail is confidential. Any reader should remove it from "
		"your list. Unsubscribe.",
		false},
	    {"Re: News", "This mail is confidential.\n\nUnsubscribe", true},
	    {"Re: News", "You got my address in error. Please remove me", true},
	    {"Re: News", "Please stop.", true},
	    {"Re: News", "Pls remove", true},
	    {"Re: News", "stop now", true},
	    {"Re: News", "Bitte l\303\266schen", true},
	    {"Re: News", "Bitte loeschen", true},
	    {"Re: News", "\357\274\263\357\274\264\357\274\257\357\274\260",
		true},
	    {"Re: News", "\304\260PTAL", true},
	    {"Re: News",
		"\316\224\316\231\316\221\316\223\316\241\316\221\316\250\316"
		"\244\316\225 \316\234\316\225",
		true},
	    {"Re: News",
		"\350\277\267\346\203\221\343\201\247\343\201\231\343\200\202"
		"\343\202\204\343\202\201\343\201\246\343\201\217\343\201\240"
		"\343\201\225\343\201\204\343\200\202",
		true},
	    {"Re: News",
		"\354\210\230\354\213\240\352\261\260\353\266\200\355\225\251"
		"\353\213\210\353\213\244",
		true},
	    {"Re: News", "Stop by soon", false},
	    {"UNSUBSCRIBE", "Regards,\nJohn Smith", true},
	    {"Abmelden", "Mit freundlichen Gr\303\274\303\237en\nKarl", true},
	    {"Re: Unsubscribe", "Regards,\nJohn Smith", false},
	    {"[Ext] AW: Unsubscribe", "Regards,\nJohn Smith", false},
	    {"Re: News", "Don't hesitate to send more emails", false},
	    {"Re: News", "Don't send me anything yet", false},
	    {"Re: News", "Since May I get no more emails", false},
	    {"Re: News",
		"Please stop by on Tuesday or write me one of your emails",
		false},
	    {"Re: News", "Please remove the invoice from your list", false},
	    {"Re: News", "I have to unsubscribe from the seminar", false},
	    {"Re: News", "I want to unsubscribe from the emails of the seminar",
		true},
	    {"Re: News", "Would you stop your emails", true},
	    {"Re: News", "Bitte melden Sie mich vom Newsletter ab", true},
	    {"Re: News", "Ich will nicht mehr warten, wo bleiben Ihre Mails?",
		false},
	    {"Re: News", "Please unsubcribe me", true},
	    {"Re: News", "Why not send your newsletter more often?", false},
	    {"=?iso-2022-jp?B?GyRCR1s/LkRkO18bKEI=?=", "Taro Yamada", true},
	    {"Re: News", "Please remove the old logo from the list", false},
	    {"Re: News", "If you are bored, unsubscribe.", false},
	    {"Re: News", "Kindly purge my address", true},
	    {"Re: News", "Delete that and send the new one to my address",
		false},
	    {"Re: News",
		"I never asked any of you people there for that unsubscribe me",
		true},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		const char *field =
		    arena_printf(arena, "Subject: %s\r\n", cases[i].subject);
		struct reply r;

		IS_INT(read_mail(plain(field, cases[i].body), false, &r), 0,
		    "read");
		IS_STR(reply_kind_name(r.kind),
		    cases[i].wants ? "opt_out" : "human", "bound %zu: %s", i,
		    cases[i].body);
		arena_reset(arena);
	}
}

/* --- who it is --- */

#define AUTO "Auto-Submitted: auto-replied\r\n"

static void test_kinds(void)
{
	static const struct {
		const char *fields, *body, *kind;
	} cases[] = {
	    {"Subject: Re: News\r\n", "Fine with me", "human"},
	    {AUTO "Subject: x\r\n", "I am out of the office until Monday.",
		"vacation"},
	    {AUTO "Subject: x\r\n", "Ich bin im Urlaub.", "vacation"},
	    {AUTO "Subject: x\r\n", "Je suis en cong\xc3\xa9 maternit\xc3\xa9.",
		"vacation"},
	    {AUTO "Subject: x\r\n", "Estar\xc3\xa9 de vacaciones", "vacation"},
	    {AUTO "Subject: x\r\n", "Sono in ferie", "vacation"},
	    {AUTO "Subject: x\r\n", "Estou de f\xc3\xa9rias", "vacation"},
	    {AUTO "Subject: x\r\n", "Ik ben op vakantie", "vacation"},
	    {AUTO "Subject: x\r\n", "Jag \xc3\xa4r p\xc3\xa5 semester",
		"vacation"},
	    {AUTO "Subject: x\r\n", "Jeg holder ferie", "vacation"},
	    {AUTO "Subject: x\r\n", "Jeg er ikke p\xc3\xa5 kontoret",
		"vacation"},
	    {AUTO "Subject: x\r\n", "Olen lomalla", "vacation"},
	    {AUTO "Subject: x\r\n", "Jestem na urlopie", "vacation"},
	    {AUTO "Subject: x\r\n", "Jsem na dovolen\xc3\xa9", "vacation"},
	    {AUTO "Subject: x\r\n", "Szabads\xc3\xa1gon vagyok", "vacation"},
	    {AUTO "Subject: x\r\n",
		"\xd0\xaf \xd0\xb2 \xd0\xbe\xd1\x82\xd0\xbf\xd1\x83\xd1\x81\xd0"
		"\xba\xd0\xb5",
		"vacation"},
	    {AUTO "Subject: x\r\n",
		"\xe4\xbc\x91\xe6\x9a\x87\xe3\x82\x92\xe3\x81\x84\xe3\x81\x9f"
		"\xe3\x81\xa0\xe3\x81\x84\xe3\x81\xa6\xe3\x81\x8a\xe3\x82\x8a",
		"vacation"},
	    {AUTO "Subject: x\r\n",
		"\xe6\x88\x91\xe6\xad\xa3\xe5\x9c\xa8\xe4"
		"\xbc\x91\xe5\x81\x87",
		"vacation"},
	    {AUTO "Subject: x\r\n", "\xc5\x9eu anda tatildeyim", "vacation"},
	    {AUTO "Subject: Out of office\r\n", "", "vacation"},
	    {AUTO "Subject: x\r\n", "We received your mail.", "auto"},
	    /* an answering program's words are no wish */
	    {AUTO "Subject: x\r\n", "Please remove me from your list", "auto"},
	    {"X-Boxbe-Request: 1\r\nSubject: Re: News\r\n", "Are you there?",
		"challenge"},
	    {AUTO "Subject: Please confirm (conf#8f5e)\r\n", "Hello",
		"challenge"},
	    {AUTO "Subject: [Ticket#2026112310000012] News\r\n", "Hello",
		"ticket"},
	    {AUTO "X-JIRA-FingerPrint: abc\r\nSubject: x\r\n", "Hello",
		"ticket"},
	    {"X-Zendesk-Ticket-ID: 12\r\nSubject: x\r\n",
		"Your request has been received", "ticket"},
	    {AUTO "Subject: x\r\n", "Ada has left the company.", "left"},
	    {AUTO "Subject: x\r\n", "Ada ist nicht mehr bei uns", "left"},
	    {AUTO "Subject: x\r\n", "Ada ne travaille plus ici", "left"},
	    {AUTO "Subject: x\r\n",
		"Bob has left the company. I am out of the office myself and "
		"will be back on Monday.",
		"vacation"},
	    {AUTO "Subject: x\r\n",
		"Bob has left the company. Eve has his work. She knows it. I "
		"am on vacation.",
		"vacation"},
	    {"Subject: Re: News\r\n", "Ada no longer works here.", "left"},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct reply r;

		IS_INT(
		    read_mail(plain(cases[i].fields, cases[i].body), false, &r),
		    0, "read");
		IS_STR(reply_kind_name(r.kind), cases[i].kind, "kind %zu", i);
		arena_reset(arena);
	}
}

static void test_left(void)
{
	static const struct {
		const char *body, *person, *successor;
		bool certain;
	} cases[] = {
	    {"Ada has left the company. Please write to "
	     "bob.babbage@north.example.",
		"ada.lovelace@north.example", "bob.babbage@north.example",
		true},
	    {"I no longer work here. Write to ada.lovelace@north.example or "
	     "c@north.example",
		"x@north.example", "c@north.example", true},
	    {"This employee has left", "x@north.example", "", true},
	    {"Bob has left the company, write to me instead",
		"ada.lovelace@north.example", "", false},
	    {"Our info manager has left the company", "info@north.example", "",
		false},
	    {"Adam has left the company", "ada@north.example", "", false},
	    {"Ada King has left the company", "ada.lovelace@north.example", "",
		false},
	    {"Ada Lovelace has left the company", "ada.lovelace@north.example",
		"", true},
	    {"Ada's deputy has left the company", "ada@north.example", "",
		false},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct reply r;

		IS_INT(read_mail(plain(AUTO "Subject: x\r\n", cases[i].body),
			   false, &r),
		    0, "read");
		IS_INT(r.kind, REPLY_LEFT, "left %zu", i);
		IS_INT(reply_says_left(&r, str_of(cases[i].person)),
		    cases[i].certain, "of %s", cases[i].person);
		IS_S(r.successor, str_of(cases[i].successor), "successor");
		arena_reset(arena);
	}
}

/* Who is there tomorrow, or has left a task, is not gone. */
static void test_stays(void)
{
	static const char *const bodies[] = {
	    "I no longer work on Fridays. I no longer work for us on Fridays.",
	    "I have left the company for today.",
	    "Ada has left the company for the day.",
	    "I have left the company. See you tomorrow.",
	    "See you tomorrow. I have left the company.",
	    "I am no longer with the support desk of Example Ltd",
	    "I have left instructions with the company receptionist",
	    "Our intern Bob has left the company",
	    "If I have left the company when you read this, write to Jane",
	    "No he dejado la empresa",
	    "Ada informs you that Bob has left the company",
	    "I no longer work with paper forms as they do at the company",
	    "I have retired my old phone",
	    "I have left the company car at the garage",
	    "I no longer work with the company directly",
	    "Ich bin nicht mehr im B\303\274ro",
	    "J'ai quitt\303\251 le bureau",
	};

	for (size_t i = 0; i < sizeof(bodies) / sizeof(bodies[0]); i++) {
		struct reply r;

		IS_INT(read_mail(
			   plain(AUTO "Subject: x\r\n", bodies[i]), false, &r),
		    0, "read");
		IS_STR(reply_kind_name(r.kind), "auto", "stays %zu", i);
		arena_reset(arena);
	}
}

/* The employer is beside the verb, or nobody is sure of it. */
static void test_sure(void)
{
	static const struct {
		const char *body;
		bool certain;
	} cases[] = {
	    {"I no longer work for Example Ltd", true},
	    {"I no longer work for North", true},
	    {"I am no longer with the company", true},
	    {"Ich arbeite nicht mehr bei der Beispiel GmbH", true},
	    {"This person no longer works for the company", true},
	    {"I no longer work for Bob", false},
	    {"I am no longer with the North plans", false},
	    {"I no longer work for Example Ltd.\r\n\r\nThey know more.\r\n"
	     "\r\nThe shop is open on Monday",
		false},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct reply r;

		IS_INT(read_mail(plain(AUTO "Subject: x\r\n", cases[i].body),
			   false, &r),
		    0, "read");
		IS_STR(reply_kind_name(r.kind), "left", "sure %zu", i);
		IS_INT(r.certain, cases[i].certain, "certain %zu", i);
		IS_INT(reply_says_left(&r, STR("x@north.example")),
		    cases[i].certain, "says so %zu", i);
		arena_reset(arena);
	}
}

/* Who wrote it: what their subject and their fields say, against a wish. */
static void test_marks(void)
{
	static const struct {
		const char *fields, *body, *kind;
	} cases[] = {
	    {"Subject: Vacation deals\r\n", "stop", "opt_out"},
	    {"Subject: Out of office\r\n", "On vacation. Unsubscribe here",
		"vacation"},
	    {"Subject: Out of office\r\n", "Please unsubscribe me", "opt_out"},
	    {"Subject: Thank you for your message\r\n",
		"We will write soon, have patience.\r\nUnsubscribe", "auto"},
	    {"Subject: Thank you for your message\r\n",
		"Please remove me from your list.", "opt_out"},
	    {"Subject: Re: News\r\nX-Auto-Response-Suppress: All\r\n",
		"I am on vacation.\r\nUnsubscribe", "vacation"},
	    {"Subject: Re: News\r\nX-Auto-Response-Suppress: All\r\n",
		"I am on vacation. Please remove me from your list.",
		"opt_out"},
	    {"Subject: Re: News\r\nX-Mailer: Some Autoresponder 1\r\n",
		"Unsubscribe", "auto"},
	    {"Subject: Automatic reply: News\r\n", "Unsubscribe here", "auto"},
	    {"Subject: [EXTERNAL] Re: News\r\nList-Unsubscribe: <x:y>\r\n",
		"Please unsubscribe me", "opt_out"},
	    {"Subject: News\r\nList-Unsubscribe: <x:y>\r\n",
		"Please unsubscribe me", "auto"},
	    {"Subject: News\r\nFeedback-ID: a:b:c:d\r\n",
		"Please unsubscribe me", "auto"},
	    {"Subject: News\r\nFeedback-ID: 123:user:provider\r\n",
		"Please unsubscribe me", "opt_out"},
	    {"Subject: News\r\nPrecedence: junk\r\n", "Unsubscribe", "auto"},
	    {"Subject: News\r\n", "This is an automated message. Unsubscribe",
		"auto"},
	    {AUTO "Subject: Re: News\r\n", "Please unsubscribe me", "auto"},
	    {"Subject: Re: News\r\nRT-Ticket: x #12\r\n",
		"Your ticket came to me. Please remove us from your list.",
		"opt_out"},
	    {"Subject: Re: News\r\nRT-Ticket: x #12\r\n",
		"Your ticket number is 12. Please remove us from your list.",
		"opt_out"},
	    {"Subject: Re: News\r\nRT-Ticket: x #12\r\n",
		"A ticket has been created.\r\nUnsubscribe", "ticket"},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct reply r;

		IS_INT(
		    read_mail(plain(cases[i].fields, cases[i].body), false, &r),
		    0, "read");
		IS_STR(reply_kind_name(r.kind), cases[i].kind, "mark %zu", i);
		arena_reset(arena);
	}
}

/* --- the writer's own text --- */

static void test_own(void)
{
	static const struct {
		const char *text, *want;
	} cases[] = {
	    {"a\r\nb\r\n", "a\nb"},
	    {"> no\nyes\n> no\nagain\n", "yes\nagain"},
	    {"yes\nOn 1 May A <a@b.example> wrote:\nno\n", "yes"},
	    {"yes\nOn 1 May A\n<a@b.example>\nwrote:\nno\n", "yes"},
	    {"Am 1.5.26 schrieb A:\n> no\nyes\n", "yes"},
	    {"yes\nLe 1 mai 2026, A a \303\251crit :\nno\n", "yes"},
	    {"yes\n________________________________\nno\n", "yes"},
	    {"yes\n---- Urspr\303\274ngliche Nachricht ----\nno\n", "yes"},
	    {"yes\n*De:* A\n*Envoy\303\251:* lundi\nno\n", "yes"},
	    {"From: here to there\nfar\n", "From: here to there\nfar"},
	    {"yes\n-- \nno\n", "yes"},
	    {"It is simple:\nyes\n", "It is simple:\nyes"},
	    {"yes\nSent from my iPhone\n", "yes"},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct str out;

		IS_INT(reply_text_own(str_of(cases[i].text), arena, 1000, &out),
		    0, "cut");
		IS_S(out, str_of(cases[i].want), "own %zu", i);
	}
	arena_reset(arena);
}

static void test_forms(void)
{
	static const struct {
		const char *type, *body, *kind;
	} cases[] = {
	    {"text/html", "<style>stop</style><p>Please <b>remove</b> me</p>",
		"opt_out"},
	    {"text/html; charset=iso-8859-1", "<div>d\xe9sinscrire</div>",
		"opt_out"},
	    {"text/html", "<p>a &lt; b &amp; fine<br>1 < 2", "human"},
	    {"text/html", "Yes<blockquote>Please remove me</blockquote>",
		"human"},
	    {"text/html",
		"Yes<div class=\"gmail_quote\">Please remove me</div>",
		"human"},
	    {"text/html", "Yes<!-- remove me --> &#252;&#xfc;", "human"},
	    {"text/plain; charset=koi8-r", "\xcf\xd4\xd0\xc9\xdb\xc9\xd4\xc5",
		"opt_out"},
	    {"text/plain; charset=iso-2022-jp", "\x1b$BG[?.Dd;_\x1b(B",
		"opt_out"},
	    {"text/plain; charset=windows-1255",
		"\xe4\xf1\xe9\xf8\xe5 \xe0\xe5\xfa\xe9", "opt_out"},
	    {"text/plain; charset=windows-1256",
		"\xc5\xe1\xdb\xc7\xc1 \xc7\xe1\xc7\xd4\xca\xd1\xc7\xdf",
		"opt_out"},
	    {"text/plain; charset=x-sjis", "\x94z\x90M\x92\xe2\x8e~",
		"opt_out"},
	    {"text/plain; charset=made-up", "remove me \xff\xfe", "opt_out"},
	    {"text/plain; charset=ISO-2022-CN-EXT", "remove me", "opt_out"},
	    {"image/png", "remove me", "human"},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		const char *mail = arena_printf(arena,
		    "From: a@north.example\r\nMIME-Version: 1.0\r\n"
		    "Content-Type: %s\r\n\r\n%s",
		    cases[i].type, cases[i].body);
		struct reply r;

		IS_INT(read_mail(mail, false, &r), 0, "read");
		IS_STR(reply_kind_name(r.kind), cases[i].kind, "form %zu", i);
		arena_reset(arena);
	}
}

/* Ten megabytes of what looks worst take no time worth speaking of. */
static void test_bounds(void)
{
	static const char *const units[] = {"On 1 a@b wrote:\n", "From: a\n",
	    "stop, ", "<", "&", "remove me ", "\xe9\x85\x8d", "@", "-----"};
	struct buf b;

	for (size_t i = 0; i < sizeof(units) / sizeof(units[0]); i++) {
		struct reply r;

		buf_init(&b, 16 << 20);
		buf_addz(&b, i % 2 == 0 ? "Content-Type: text/html\r\n\r\n"
					: "Subject: x\r\n\r\n");
		while (b.n < (4 << 20))
			buf_addz(&b, units[i]);
		buf_addc(&b, '\0');
		IS_INT(read_mail(b.p, false, &r), 0, "unit %zu", i);
		OK(r.text.n <= REPLY_TEXT_MAX && r.quote.n <= REPLY_QUOTE_MAX,
		    "bounded");
		buf_fini(&b);
		arena_reset(arena);
	}
}

static void test_memory(void)
{
	int rc = -ENOMEM;

	for (int n = 1; rc != 0 && n < 5000; n += n < 20 ? 1 : 37) {
		struct reply_rules *r = NULL;

		fault_alloc_at(n);
		rc = reply_rules_new(&r);
		fault_alloc_at(0);
		OK(rc == 0 || (rc == -ENOMEM && r == NULL), "allocation %d", n);
		reply_rules_free(&r);
	}
	IS_INT(rc, 0, "at last");
}

int main(void)
{
	arena = arena_new(64 << 20);
	if (arena == NULL || reply_rules_new(&rules) != 0 ||
	    bounce_rules_new(&bounces) != 0)
		return 1;
	test_wishes();
	test_bounds_of_a_wish();
	test_kinds();
	test_left();
	test_stays();
	test_sure();
	test_marks();
	test_own();
	test_forms();
	test_bounds();
	test_memory();
	reply_rules_free(&rules);
	bounce_rules_free(&bounces);
	arena_free(&arena);
	return tap_done();
}
