/* test_reply_text.c - what of an answer its writer wrote: our own newsletter, which
 * says how to unsubscribe, quoted as mail programs quote it, and above, between and
 * below it words that ask for no more mail or for more. */
#include "tests/unit/tap.h"

#include "policy/mail/reply.h"
#include "policy/mail/reply_text.h"

#include <stdio.h>
#include <string.h>

static struct reply_rules *rules;
static struct bounce_rules *bounces;
static struct arena *arena;

struct sample {
	const char *client, *body;
	bool wants;
};
#define COUNT(v) (sizeof(v) / sizeof((v)[0]))

static const char *kind_of(const char *type, const char *body)
{
	const char *mail = arena_printf(arena,
	    "From: Ada Lovelace <ada.lovelace@north.example>\n"
	    "Subject: Re: News\nMIME-Version: 1.0\n"
	    "Content-Type: %s; charset=utf-8\n\n%s\n",
	    type, body);
	struct report report;
	struct reply_in in = {&report, str_of(mail), false};
	struct reply r;

	if (report_classify(bounces, str_of(mail), arena, &report) != 0 ||
	    reply_read(rules, &in, arena, &r) != 0)
		return "(none)";
	return reply_kind_name(r.kind);
}

static void check(const char *type, const struct sample *v, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		IS_STR(kind_of(type, v[i].body),
		    v[i].wants ? "opt_out" : "human", "%s %zu: %s", type, i,
		    v[i].client);
		arena_reset(arena);
	}
}

/* --- HTML --- */

#define PAGE                                                                   \
	"<table><tr><td><h1>Spring news</h1><p>Our offers.</p>"                \
	"<a href='https://ours.example/u'>Unsubscribe</a></td></tr></table>"
#define WISH "<p>Please unsubscribe me.</p>"
#define FINE "<p>Sounds good, call me.</p>"

#define MOZ                                                                    \
	"<div class=\"moz-cite-prefix\">On 03.05.26 10:11, News wrote:<br>"    \
	"</div><blockquote type=\"cite\" cite=\"mid:1@ours.example\">" PAGE    \
	"<blockquote type=\"cite\">older</blockquote></blockquote>"
#define GMAIL_OPEN                                                             \
	"<div class=\"gmail_quote gmail_quote_container\"><div dir=\"ltr\" "   \
	"class=\"gmail_attr\">On Sun, May 3, 2026 at 10:11 AM News wrote:"     \
	"<br></div><blockquote class=\"gmail_quote\">" PAGE "</blockquote>"
#define APPLE                                                                  \
	"<div><br><blockquote type=\"cite\"><div>On 3 May 2026, at 10:11, "    \
	"News &lt;news@ours.example&gt; wrote:</div>" PAGE                     \
	"</blockquote></div>"
#define YAHOO                                                                  \
	"<div id=\"ydp1yahoo_quoted_2\" class=\"ydp1yahoo_quoted\"><div>On "   \
	"Sunday, May 3, News wrote:</div><div>" PAGE "</div></div>"
#define OWA                                                                    \
	"<div id=\"appendonsend\"></div><hr><div id=\"divRplyFwdMsg\"><b>"     \
	"From:</b> News<br><b>Sent:</b> Sunday</div><div>" PAGE "</div>"
#define OUTLOOK                                                                \
	"<div><div style='border:none;border-top:solid #E1E1E1 1.0pt'><p><b>"  \
	"From:</b> News<br><b>Sent:</b> Sunday</p></div></div>" PAGE
#define ZOHO                                                                   \
	"<div class=\"zmail_extra\"><div>---- On Sun, 03 May 2026 10:11:12 "   \
	"+0000 <b>News &lt;news@ours.example&gt;</b> wrote ---</div>"          \
	"<blockquote>" PAGE "</blockquote></div>"
#define GMX                                                                    \
	"<div name=\"quote\"><div><b>Gesendet:</b>&nbsp;Montag<br><b>Von:"     \
	"</b>&nbsp;News</div>" PAGE "</div>"
#define ROUNDCUBE                                                              \
	"<p id=\"reply-intro\">Am 2026-05-03 10:11, schrieb News:</p>"         \
	"<blockquote type=\"cite\"><div id=\"replybody1\">" PAGE               \
	"</div></blockquote><div><br></div>"
#define PROTON                                                                 \
	"<div class=\"protonmail_quote\">On Sunday, May 3rd, 2026 at 10:11, "  \
	"News &lt;news@ours.example&gt; wrote:<br><blockquote "                \
	"class=\"protonmail_quote\">" PAGE "</blockquote><br></div>"
#define INTRO_ONLY                                                             \
	"<div>On Sun, 3 May 2026 at 10:11, News &lt;news@ours.example&gt; "    \
	"wrote:</div><blockquote>" PAGE "</blockquote>"

static void test_html(void)
{
	static const struct sample v[] = {
	    {"Thunderbird above", WISH MOZ, true},
	    {"Thunderbird below", MOZ WISH, true},
	    {"Thunderbird between", MOZ WISH MOZ, true},
	    {"Gmail above", WISH GMAIL_OPEN "</div>", true},
	    {"Gmail below", GMAIL_OPEN "</div>" WISH, true},
	    {"Gmail below, in its own element", GMAIL_OPEN WISH "</div>", true},
	    {"Gmail between",
		GMAIL_OPEN WISH
		"<blockquote class=\"gmail_quote\">x</blockquote></div>",
		true},
	    {"Apple above", WISH APPLE, true},
	    {"Apple below", APPLE WISH, true},
	    {"Yahoo above", WISH YAHOO, true},
	    {"Yahoo below", YAHOO WISH, true},
	    {"OWA above", WISH OWA, true},
	    {"Outlook above", WISH OUTLOOK, true},
	    {"Zoho above", WISH ZOHO, true},
	    {"Zoho below", ZOHO WISH, true},
	    {"GMX below", GMX WISH, true},
	    {"words above a plain blockquote below", INTRO_ONLY WISH, true},
	    {"Roundcube below", ROUNDCUBE WISH, true},
	    {"Proton above", WISH PROTON, true},
	    {"Yandex below",
		"<div>03.05.2026, 10:11, \"News\" &lt;news@ours.example&gt;:"
		"</div><blockquote>" PAGE "</blockquote>" WISH,
		true},
	    {"Outlook within a bar, below",
		"<div style=\"border:none;border-left:solid blue "
		"1.5pt\">" OUTLOOK "</div>" WISH,
		true},
	    {"Apple, in two quotes, below",
		"<blockquote type=cite>On 3 May 2026, News "
		"wrote:<br></blockquote>"
		"<blockquote type=cite>" PAGE "</blockquote>" WISH,
		true},
	    {"a comment quotes nothing",
		"<!-- <blockquote> -->" WISH "<!-- </blockquote> -->", true},
	    {"nor does a style", "<style>a<blockquote>b</style>" WISH, true},
	    {"an indent is no quote",
		"<blockquote style=\"margin: 0 0 0 40px; border: none;\">" WISH
		"</blockquote>",
		true},
	    {"the quote of an Outlook mail",
		"<blockquote type=cite>" OUTLOOK "</blockquote>" WISH, true},

	    {"Thunderbird above", FINE MOZ, false},
	    {"Thunderbird below", MOZ FINE, false},
	    {"Thunderbird between", MOZ FINE MOZ, false},
	    {"Gmail above", FINE GMAIL_OPEN "</div>", false},
	    {"Gmail below", GMAIL_OPEN FINE "</div>", false},
	    {"Gmail, a page that is no quote",
		FINE "<div class=\"gmail_quote\">" PAGE "</div>", false},
	    {"Apple above", FINE APPLE, false},
	    {"Apple below", APPLE FINE, false},
	    {"Yahoo above", FINE YAHOO, false},
	    {"Yahoo below", YAHOO FINE, false},
	    {"OWA above", FINE OWA, false},
	    {"Outlook above", FINE OUTLOOK, false},
	    {"Zoho above", FINE ZOHO, false},
	    {"GMX above", FINE GMX, false},
	    {"words above a plain blockquote", FINE INTRO_ONLY, false},
	    {"Roundcube below", ROUNDCUBE FINE, false},
	    {"Proton above", FINE PROTON, false},
	    {"Outlook for mobiles",
		FINE "<div id=\"mail-editor-reference-message-container\"><hr>"
		     "<div id=\"divRplyFwdMsg\"><b>From:</b> News</div>" PAGE
		     "</div>",
		false},
	    {"Spark",
		FINE "<div name=\"messageReplySection\">On 3 May 2026, News "
		     "wrote:<br><blockquote>" PAGE "</blockquote></div>",
		false},
	    {"QQ",
		FINE "<div>------------------&nbsp;Original&nbsp;"
		     "------------------</div><div><b>From: "
		     "</b>&nbsp;News</div>" PAGE,
		false},
	    {"Samsung",
		FINE "<div>-------- Ursprüngliche Nachricht --------</div>"
		     "<div>Von: News</div><div>Datum: 03.05.26</div>" PAGE,
		false},
	    {"a quote that never ends",
		FINE "<blockquote type=cite><blockquote></blockquote>" PAGE,
		false},
	    {"an end that never began", FINE "</blockquote></div>" MOZ, false},
	};

	check("text/html", v, COUNT(v));
}

/* --- plain text --- */

#define QUOTED                                                                 \
	"> Spring news\n>\n> Our offers.\n> To get no more of these mails "    \
	"please\n> unsubscribe\n"
#define BARE "\nSpring news\n\nUnsubscribe\nAbmelden\n"
#define NEWS "News <news@ours.example>"

/* How mail programs introduce what they do not mark, by language. */
static const char *const bare_quotes[] = {
    /* Outlook */
    "From: " NEWS "\nSent: Sunday, May 3, 2026 10:11 AM\nTo: Ada\nSubject: x\n",
    "Von: " NEWS "\nGesendet: Sonntag, 3. Mai 2026 10:11\nAn: Ada\nBetreff: x",
    "De\u00a0: " NEWS "\nEnvoyé\u00a0: lundi 4 mai 2026 10:11\nÀ\u00a0: Ada\n",
    "De: " NEWS "\nEnviado el: lunes, 4 de mayo de 2026 10:11\nAsunto: x\n",
    "Da: " NEWS "\nInviato: lunedì 4 maggio 2026 10:11\nOggetto: x\n",
    "De: " NEWS "\nEnviada em: 4 de maio de 2026\nPara: Ada\nAssunto: x\n",
    "Van: " NEWS "\nVerzonden: maandag 4 mei 2026\nAan: Ada\nOnderwerp: x\n",
    "Från: " NEWS "\nSkickat: den 4 maj 2026\nTill: Ada\nÄmne: x\n",
    "Lähettäjä: " NEWS "\nLähetetty: maanantai\nAihe: x\n",
    "Od: " NEWS "\nWysłano: 4 maja 2026\nDo: Ada\nTemat: x\n",
    "Od: " NEWS "\nOdesláno: 4. května 2026\nKomu: Ada\nPředmět: x\n",
    "Feladó: " NEWS "\nElküldve: 2026. május 4.\nCímzett: Ada\nTárgy: x\n",
    "De la: " NEWS "\nTrimis: luni, 4 mai 2026\nCătre: Ada\nSubiect: x\n",
    "Από: " NEWS "\nΣτάλθηκε: Δευτέρα, 4 Μαΐου 2026\nΠρος: Ada\nΘέμα: x\n",
    "От: " NEWS "\nОтправлено: 4 мая 2026 г. 10:11\nКому: Ada\nТема: x\n",
    "Від: " NEWS "\nНадіслано: 4 травня 2026\nКому: Ada\nТема: x\n",
    "Kimden: " NEWS "\nGönderildi: 4 Mayıs 2026\nKime: Ada\nKonu: x\n",
    "差出人: " NEWS "\n送信日時: 2026年5月4日 10:11\n宛先: Ada\n件名: x\n",
    "发件人： " NEWS "\n发送时间： 2026年5月4日 10:11\n主题： x\n",
    "寄件者: " NEWS "\n寄件日期: 2026年5月4日\n收件者: Ada\n主旨: x\n",
    "보낸 사람: " NEWS "\n보낸 날짜: 2026년 5월 3일\n받는 사람: Ada\n제목: x\n",
    "Từ: " NEWS "\nĐã gửi: 4 Tháng Năm 2026\nTới: Ada\nChủ đề: x\n",
    "Dari: " NEWS "\nDikirim: 4 Mei 2026\nKepada: Ada\nSubjek: x\n",
    "จาก: " NEWS "\nส่ง: 4 พฤษภาคม 2569\nถึง: Ada\nเรื่อง: x\n",
    "من: " NEWS "\nتم الإرسال: 4 مايو 2026\nإلى: Ada\nالموضوع: x\n",
    "מאת: " NEWS "\nנשלח: 4 מאי 2026\nאל: Ada\nנושא: x\n",
    /* of none that is known: a name with an address, and a time below it */
    "Ozu: " NEWS "\nKuvu: 4 Zed 2026 10:11\nMa: Ada\n",
    /* GMX and Notes: in other orders */
    "Gesendet: Montag, 4. Mai 2026\nVon: " NEWS "\nAn: Ada\nBetreff: x\n",
    "An: Ada\nVon: " NEWS "\nDatum: 04.05.2026 10:11\nBetreff: x\n",
    "*De :* " NEWS "\n*Envoyé :* lundi 4 mai 2026 10:11\n",
    /* what wrote */
    "On Sun, May 3, 2026 at 10:11 AM " NEWS " wrote:\n",
    "Am So., 3. Mai 2026 um 10:11 Uhr schrieb " NEWS ":\n",
    "News <news@ours.example> schrieb am So., 3. Mai 2026, 10:11:\n",
    "Le dim. 3 mai 2026 à 10:11, " NEWS " a écrit :\n",
    "Le dim. 3 mai 2026 à 10:11, " NEWS " a écrit\u00a0:\n",
    "El dom, 3 may 2026 a las 10:11, News (<news@ours.example>) escribió:\n",
    "Il giorno dom 3 mag 2026 alle ore 10:11 " NEWS " ha scritto:\n",
    "Em dom., 3 de mai. de 2026 às 10:11, " NEWS " escreveu:\n",
    "Op zo 3 mei 2026 om 10:11 schreef " NEWS ":\n",
    "Den sön 3 maj 2026 kl 10:11 skrev " NEWS ":\n",
    "su 3. toukok. 2026 klo 10.11 News (news@ours.example) kirjoitti:\n",
    "niedz., 3 maj 2026 o 10:11 " NEWS " napisał(a):\n",
    "Dňa ne 3. 5. 2026 o 10:11 " NEWS " napísal(a):\n",
    "News <news@ours.example> ezt írta (2026. máj. 3., V, 10:11):\n",
    "Pe duminică, 3 mai 2026, 10:11:12 EEST, " NEWS " a scris:\n",
    "Στις Κυρ 3 Μαΐ 2026 στις 10:11, ο χρήστης " NEWS " έγραψε:\n",
    "вс, 3 мая 2026 г. в 10:11, " NEWS ":\n",
    "Воскресенье, 3 мая 2026, 10:11 +03:00 от " NEWS ":\n",
    "нд, 3 трав. 2026 р. о 10:11 " NEWS " пише:\n",
    NEWS ", 3 May 2026 Paz, 10:11 tarihinde şunu yazdı:\n",
    "2026年5月3日(日) 10:11 " NEWS ":\n",
    "在 2026年5月3日，10:11，" NEWS " 写道：\n",
    "2026년 5월 3일 (일) 오전 10:11, " NEWS "님이 작성:\n",
    "Vào CN, 3 thg 5, 2026 vào lúc 10:11 " NEWS " đã viết:\n",
    "Pada Min, 3 Mei 2026 pukul 10.11 " NEWS " menulis:\n",
    "ในวันที่ อา. 3 พ.ค. 2026 10:11 น. " NEWS " เขียนว่า:\n",
    "في الأحد، ٣ مايو ٢٠٢٦ 10:11 " NEWS " كتب:\n",
    "\u200fבתאריך יום א׳, 3 במאי 2026 ב-10:11 מאת " NEWS ":\u200f\n",
    "03.05.2026, 10:11, \"News\" <news@ours.example>:\n",
    "Zed, 3 Ozu 2026, " NEWS " kuvuze:\n",
    /* wrapped */
    "On Sun, May 3, 2026 at 10:11 AM News\n<news@ours.example> wrote:\n",
    "Am So., 3. Mai 2026 um 10:11 Uhr\nschrieb News\n<news@ours.example>:\n",
    /* between dashes */
    "---- On Sun, 03 May 2026 10:11:12 +0000 " NEWS " wrote ---\n",
    "-----Original Message-----\nFrom: News\n",
    "--- Original Message ---\n",
    "-----Ursprüngliche Nachricht-----\n",
    "---------- Forwarded message ---------\n",
    "----- Mensaje original -----\n",
    "-------- Исходное сообщение --------\n",
    "------------------ 原始邮件 ------------------\n",
    "----- Zed ozu kuvu -----\nVon: News\n",
    ">>> " NEWS " 03.05.2026 10:11 >>>\n",
    "________________________________\n",
};

static void test_bare(void)
{
	for (size_t i = 0; i < COUNT(bare_quotes); i++) {
		const char *q = bare_quotes[i];

		IS_STR(kind_of("text/plain",
			   arena_printf(
			       arena, "Sounds good, call me.\n\n%s" BARE, q)),
		    "human", "quoted by %zu: %.*s", i, (int)strcspn(q, "\n"),
		    q);
		IS_STR(
		    kind_of("text/plain",
			arena_printf(arena,
			    "Please unsubscribe me.\n\n%s\nSpring news\n", q)),
		    "opt_out", "above %zu", i);
		arena_reset(arena);
	}
}

static void test_plain(void)
{
	static const struct sample v[] = {
	    {"marks, above", "Please unsubscribe me\n\n" QUOTED, true},
	    {"marks, below", QUOTED "\nPlease unsubscribe me\n", true},
	    {"marks, between", QUOTED "Please unsubscribe me\n" QUOTED, true},
	    {"below an intro",
		"On Sun, 3 May 2026, " NEWS " wrote:\n" QUOTED
		"\nPlease unsubscribe me\n",
		true},
	    {"below a rule above marks",
		"-----Original Message-----\n" QUOTED
		"\nPlease unsubscribe me\n",
		true},
	    {"below a signature and a quote",
		"See below\n-- \nAda\n\nOn Sun, 3 May 2026, " NEWS
		" wrote:\n" QUOTED "\nPlease unsubscribe me\n",
		true},
	    {"a short answer in the middle of a quote",
		"> Would you like to hear more of what we do?\nunsubscribe me\n"
		"> Regards\n",
		true},
	    {"above dashes", "--- UNSUBSCRIBE ---\n\nThanks\n", true},
	    {"below a line of underscores",
		"____________________\nPlease unsubscribe me\n", true},
	    {"who tells what they wrote",
		"I wrote on 3 May 2026 to news@ours.example:\n"
		"please unsubscribe me\n",
		true},
	    {"addresses above a colon",
		"Please unsubscribe these 2, <a@north.example> and "
		"<b@north.example>:\nthey have left.\n",
		true},
	    {"what somebody wrote, without a day",
		"As a friend of 2 of us wrote:\nplease unsubscribe me\n", true},
	    {"one word above a program's line",
		"remove\n\nSent from Yahoo Mail on Android\n", true},
	    {"the same in French",
		"stop\n\nEnvoyé à partir de Outlook pour Android\n", true},
	    {"what begins as a program's line",
		"Get me off your list of Windows users\n", true},
	    {"beside a program's line",
		"Sent from my phone, please take me off your list\n", true},
	    {"below it, and its makers'",
		"stop\nSent from my Verizon, Samsung Galaxy smartphone\n",
		true},
	    {"a list with a colon",
		"Two things, as of 3 May:\nI am not amused.\nUnsubscribe me\n",
		true},
	    {"headers that are none", "From: here on\nplease unsubscribe me\n",
		true},

	    {"marks, above", "Sounds good\n\n" QUOTED, false},
	    {"marks, below", QUOTED "\nSounds good\n", false},
	    {"Japanese marks",
		"お電話ください。\n\n＞ ありがとう\n＞配信停止はこちら\n",
		false},
	    {"Chinese marks", "很好\n》退订\n", false},
	    {"wrapped marks",
		"Tell me more.\n\n> You get this because you are our customer. "
		"To stop getting these mails please\nunsubscribe here\n> Bye\n",
		false},
	    {"a signature",
		"Sounds good\n-- \nAda\nUnsubscribe from our news\n", false},
	};

	check("text/plain", v, COUNT(v));
}

/* Nothing of what introduces a quote is left. */
static void test_whole(void)
{
	static const char *const cases[] = {
	    "yes\nGesendet: Montag, 4. Mai 2026\nVon: " NEWS "\nBetreff: x\nno",
	    "yes\nAn: Ada\nVon: " NEWS "\nDatum: 04.05.2026\nno",
	    "yes\n\nOn Sun, May 3, 2026 at 10:11 AM News\n"
	    "<news@ours.example> wrote:\n\n> no",
	    "yes\n> no\n>>> " NEWS " 03.05.2026 10:11 >>>\nno",
	    "yes\n-- \nno\n\nno\n",
	};

	for (size_t i = 0; i < COUNT(cases); i++) {
		struct str out;

		IS_INT(reply_text_own(str_of(cases[i]), arena, 1000, &out), 0,
		    "cut");
		IS_S(out, STR("yes"), "whole %zu", i);
		arena_reset(arena);
	}
}

/* --- what stands below a name --- */

#define BEN "Sounds good, let's talk on Tuesday.\n\nBen Miller\nAcme Inc.\n"

static void test_footers(void)
{
	static const struct sample v[] = {
	    {"links", BEN "Manage preferences | Unsubscribe\n", false},
	    {"points", BEN "Privacy • Unsubscribe • View online\n", false},
	    {"an offer", BEN "Not interested? Reply with unsubscribe.\n",
		false},
	    {"by one", BEN "Don't want to hear from me? Unsubscribe here\n",
		false},
	    {"of ours", BEN "You can unsubscribe from our newsletter.\n",
		false},
	    {"wrapped",
		BEN "Is this not of interest for you or for anybody of your "
		    "team? Then please\nunsubscribe here.\n",
		false},
	    {"German",
		"Klingt gut.\n\nMit freundlichen Grüßen\nKarl Muster\n"
		"Sie möchten keine E-Mails mehr erhalten? Hier abmelden.\n",
		false},
	    {"French",
		"Ça va.\n\nCordialement\nVous ne souhaitez plus recevoir nos "
		"emails ? Répondez à ce message.\n",
		false},
	    {"Spanish",
		"Me interesa.\n\nJuan Pérez\nSi usted no desea recibir más "
		"información, comuníquelo.\n",
		false},
	    {"Portuguese",
		"Tenho interesse.\n\nJoão\nSe você não deseja mais receber "
		"nossos e-mails, responda.\n",
		false},
	    {"a button's words",
		"Świetnie.\n\nPozdrawiam\nAnna\nJeśli nie chcesz otrzymywać "
		"naszych wiadomości, kliknij tutaj: wypisz mnie\n",
		false},
	    {"a name with a stroke",
		"Fint.\n\n/Erik\nVill du inte ha våra nyhetsbrev längre? "
		"Klicka här för att avregistrera dig.\n",
		false},
	    {"how to", BEN "To stop receiving mails, unsubscribe here.\n",
		false},
	    {"a disclaimer",
		BEN "\nThis e-mail is confidential. Any unintended recipient "
		    "must delete it and remove it from your system.\n",
		false},

	    {"nothing above it", "Not interested? Unsubscribe here\n", true},
	    {"a greeting above it", "Hi,\nNot interested? Unsubscribe here\n",
		true},
	    {"below a greeting", "Hi, unsubscribe\n", true},
	    {"below a greeting line", "Hello Ben,\n\nunsubscribe\n\nAda\n",
		true},
	    {"below a name", BEN "\nPlease unsubscribe me\n", true},
	    {"one word below a name", BEN "\nUnsubscribe\n", true},
	    {"of one's own", BEN "Unsubscribe us from your newsletter\n", true},
	    {"of somebody else",
		BEN "P.S. Can you take Ada off your list? She will thank you\n",
		true},
	    {"a threat, in Danish",
		"Nej tak.\n\nHilsen\n\nJens Hansen\nHvis du ikke stopper, "
		"klager Ada. Afmeld hende.\n",
		true},
	    {"a question and a wish",
		BEN "Are you still there? Stop sending mails to Ada.\n", true},
	    {"a question and one's own wish",
		BEN "Still there? Then unsubscribe me here and now.\n", true},
	    {"a condition and a wish", BEN "If you can, unsubscribe me.\n",
		true},
	    {"one who was asked before",
		BEN "We asked for you to stop mailing Ada, so reply here and "
		    "unsubscribe her.\n",
		true},
	    {"of our office",
		BEN "Please stop sending mails to our mail address\n", true},
	    {"below a closing",
		"Kein Interesse.\n\nGruß\nKarl\n\nBitte abmelden\n", true},
	    {"below a quote",
		BEN QUOTED "Not interested. Unsubscribe here, please\n", true},
	};

	check("text/plain", v, COUNT(v));
}

static void test_parts(void)
{
	static const char *const form =
	    "--b\nContent-Type: text/plain; charset=utf-8\n\n%s\n"
	    "--b\nContent-Type: text/html; charset=utf-8\n\n%s\n--b--";
	static const struct {
		const char *plain, *html;
		bool wants;
	} v[] = {
	    {"Please unsubscribe me", FINE, true},
	    {"Sounds good", WISH, false}, /* one is as good as the other */
	    {"\n", WISH, true},
	    {"\n", FINE MOZ, false},
	    {"> Unsubscribe\n", MOZ WISH, true},
	};

	for (size_t i = 0; i < COUNT(v); i++) {
		const char *body =
		    arena_printf(arena, form, v[i].plain, v[i].html);

		IS_STR(kind_of("multipart/alternative; boundary=b", body),
		    v[i].wants ? "opt_out" : "human", "parts %zu", i);
		arena_reset(arena);
	}
}

/* Whatever is nested or never ends costs no more than its length. */
static void test_bounds(void)
{
	static const char *const units[] = {"<blockquote>",
	    "<p class=gmail_quote>", "<div class=gmail_quote></div>", "<!--",
	    "<style>", "<blockquote></blockquote>", "</div>", "<b"};

	for (size_t i = 0; i < COUNT(units); i++) {
		char *page = arena_alloc(arena, REPLY_RAW_MAX + 64);
		size_t n = 0;

		if (!OK(page != NULL, "memory"))
			return;
		while (n < REPLY_RAW_MAX)
			n += (size_t)snprintf(page + n, 64, "%s", units[i]);
		OK(kind_of("text/html", page)[0] != '(', "unit %zu", i);
		arena_reset(arena);
	}
}

int main(void)
{
	arena = arena_new(16 << 20);
	if (arena == NULL || reply_rules_new(&rules) != 0 ||
	    bounce_rules_new(&bounces) != 0)
		return 1;
	test_html();
	test_plain();
	test_bare();
	test_whole();
	test_footers();
	test_parts();
	test_bounds();
	reply_rules_free(&rules);
	bounce_rules_free(&bounces);
	arena_free(&arena);
	return tap_done();
}
