/* reply_quote.c - see reply_quote.h. What is taken for an introduction costs its
 * writer all that stands below, so a line must have its form and its words: a wish
 * between dashes, or above a colon, is a wish still. */
#include "policy/mail/reply_quote.h"

#include "policy/mail/nfc.h"

#include <string.h>

enum {
	LINE_MAX_LOOK = 400,
	LABEL_MAX = 48, /* bytes before the colon of a header */
	LOWER_MAX = 4 * LABEL_MAX,
	BLOCK_LINES = 6,
	BLOCK_LINES_NEAR = 3,
	DASHES_MIN = 3,
	RULE_WORDS = 6,
};

#define COUNT(v) (sizeof(v) / sizeof((v)[0]))

/* --- marks --- */

bool reply_quote_is_mark(struct str line)
{
	return str_starts(line, STR(">")) || str_starts(line, STR("＞")) ||
	       str_starts(line, STR("》"));
}

/* Blanks that are none of ASCII, directions of writing, and bold in plain text. */
static size_t odd_blank(struct str s, bool at_end)
{
	static const char *const odd[] = {"\302\240", "\342\200\257",
	    "\342\200\216", "\342\200\217", "\342\200\254", "\343\200\200", " ",
	    "\t", "\r", "*", "_"};

	for (size_t i = 0; i < COUNT(odd); i++)
		if (at_end ? str_ends(s, str_of(odd[i]))
			   : str_starts(s, str_of(odd[i])))
			return strlen(odd[i]);
	return 0;
}

static struct str trim_odd(struct str s)
{
	size_t n;

	while ((n = odd_blank(s, false)) > 0)
		s = str_from(s, n);
	while ((n = odd_blank(s, true)) > 0)
		s.n -= n;
	return s;
}

static bool has_digit(struct str s)
{
	for (size_t i = 0; i < s.n; i++)
		if (ascii_is_digit(s.p[i]))
			return true;
	return false;
}

/* "<ben@example.com>" */
static bool has_angle_address(struct str s)
{
	size_t open = str_find(s, 0, '<'), at = str_find(s, open, '@'),
	       close = str_find(s, at, '>');

	return close < s.n &&
	       str_find(str_cut(s, open, at - open), 0, ' ') == at - open;
}

/* "10:11" */
static bool has_time(struct str s)
{
	for (size_t i = 1; i + 2 < s.n; i++)
		if (s.p[i] == ':' && ascii_is_digit(s.p[i - 1]) &&
		    ascii_is_digit(s.p[i + 1]) && ascii_is_digit(s.p[i + 2]))
			return true;
	return false;
}

/* "2026", also of Thailand's years; "3.5.", "5/3", "3-5", "3日" */
static bool has_date(struct str s)
{
	for (size_t i = 0, n = 0; i < s.n; i += n + 1) {
		struct str rest;

		for (n = 0; i + n < s.n && ascii_is_digit(s.p[i + n]);)
			n++;
		rest = str_from(s, i + n);
		if (n == 4 && (s.p[i] == '1' || s.p[i] == '2'))
			return true;
		if (n > 0 && n <= 2 && rest.n > 1 &&
		    memchr("./-", rest.p[0], 3) != NULL &&
		    ascii_is_digit(rest.p[1]))
			return true;
		if (n > 0 && (str_starts(rest, STR("月")) ||
				 str_starts(rest, STR("日"))))
			return true;
	}
	return has_time(s);
}

/* --- introductions --- */

static bool has_verb(struct str s)
{
	static const char *const verbs[] = {"wrote", "writes", "schrieb",
	    "geschrieben", "écrit", "escribió", "escribiu", "va escriure",
	    "scritto", "escreveu", "schreef", "geschreven", "geskryf", "skrev",
	    "skriver", "skrifaði", "kirjoitti", "kirjutas", "pisze", "napisa",
	    "napísal", "napsal", "napisal", "írta", "a scris", "rašė",
	    "rakstīja", "пишет", "написа", "пише", "напісаў", "έγραψε", "yazd",
	    "idatzi", "menulis", "đã viết", "sumulat", "כתב", "كتب", "نوشت",
	    "เขียน", "लिखा", "書きました", "のメール", "写道", "寫道", "작성",
	    "님이 쓴"};

	for (size_t i = 0; i < COUNT(verbs); i++)
		if (str_icontains(s, str_of(verbs[i])))
			return true;
	return false;
}

/* Who tells when they wrote themselves goes on to say what they want. */
static bool is_of_writer(struct str s)
{
	static const char *const words[] = {"i wrote", "i have", "i already",
	    "ich schrieb", "ich habe", "habe ich", "j'ai", "je vous",
	    "ho scritto", "he escrito", "ik schreef", "heb ik", "ik heb",
	    "jag skrev", "skrev jag", "jeg skrev", "skrev jeg", "я писал",
	    "я написал", "я вже", "yazdım", "am scris"};

	for (size_t i = 0; i < COUNT(words); i++)
		if (str_icontains(s, str_of(words[i])))
			return true;
	return false;
}

/* "03.05.2026", "2026年" */
static bool begins_date(struct str s)
{
	size_t n = 0;

	while (n < s.n && ascii_is_digit(s.p[n]))
		n++;
	return n > 0 && n < s.n &&
	       (memchr("./-", s.p[n], 3) != NULL ||
		   str_starts(str_from(s, n), STR("年")));
}

bool reply_quote_begins_intro(struct str line)
{
	static const char *const starts[] = {"on ", "am ", "le ", "el ", "il ",
	    "em ", "op ", "den ", "på ", "w dniu ", "dnia ", "dne ", "dňa ",
	    "a(z) ", "pada ", "vào ", "lúc ", "pe ", "în ", "la ", "στις ",
	    "dana ", "ב", "في ", "เมื่อ", "ngày "};

	if (!has_digit(line))
		return false;
	if (begins_date(line))
		return true;
	for (size_t i = 0; i < COUNT(starts); i++)
		if (str_istarts(line, str_of(starts[i])))
			return true;
	return false;
}

bool reply_quote_ends_intro(struct str line)
{
	line = trim_odd(line);
	return str_ends(line, STR(":")) || str_ends(line, STR("："));
}

/* What says when and who, without its colon. */
static bool is_when_and_who(struct str s)
{
	bool dated = has_date(s);

	if (is_of_writer(s))
		return false;
	if (has_angle_address(s) && dated)
		return true;
	return (dated || str_find(s, 0, '@') < s.n ||
		   reply_quote_begins_intro(s)) &&
	       has_verb(s);
}

bool reply_quote_is_intro(struct str s)
{
	return reply_quote_ends_intro(s) && is_when_and_who(s);
}

/* ">>> Ben <ben@example.com> 03.05.2026 10:11 >>>" is no quoted line. */
bool reply_quote_is_between_marks(struct str line)
{
	struct str mark = STR(">>>");

	return line.n > 2 * mark.n && line.n < LINE_MAX_LOOK &&
	       str_starts(line, mark) && str_ends(line, mark) && has_time(line);
}

/* --- headers --- */

enum label {
	LABEL_NONE = 0,
	LABEL_FROM = 1,
	LABEL_DATE = 2,
	LABEL_TO = 4,
	LABEL_SUBJECT = 8,
	LABEL_OTHER = 16,
};

/* en de fr es it pt nl sv da no fi pl cs sk hu ro hr, ru uk bg el tr, ja zh ko,
 * vi id th ar he and others */
static const char *const from_labels[] = {"from", "von", "absender", "de",
    "expéditeur", "desde", "remitente", "da", "mittente", "remetente", "van",
    "afzender", "från", "avsändare", "fra", "afsender", "avsender", "frá",
    "lähettäjä", "saatja", "od", "nadawca", "odesílatel", "odesielateľ",
    "feladó", "de la", "expeditor", "pošiljatelj", "šalje", "nuo", "от",
    "от кого", "отправитель", "від", "від кого", "від кого", "од", "από",
    "kimden", "gönderen", "差出人", "送信者", "送信元", "发件人", "发信人",
    "寄件者", "寄件人", "發件人", "보낸 사람", "보낸사람", "보낸이", "발신자",
    "từ", "người gửi", "dari", "pengirim", "daripada", "จาก", "من", "מאת", "از",
    "mula kay"};

static const char *const date_labels[] = {"date", "sent", "sent on", "datum",
    "gesendet", "gesendet am", "date d'envoi", "envoyé", "envoyé le", "fecha",
    "enviado", "enviado el", "data", "inviato", "data d'invio", "enviada",
    "enviado em", "enviada em", "verzonden", "skickat", "dato", "sendt", "sent",
    "lähetetty", "päivämäärä", "päiväys", "saadetud", "wysłano",
    "data wysłania", "odesláno", "odoslané", "dátum", "elküldve", "küldve",
    "küldés ideje", "trimis", "dată", "poslano", "išsiųsta", "nosūtīts", "дата",
    "отправлено", "надіслано", "дата", "изпратено", "послато", "ημερομηνία",
    "στάλθηκε", "tarih", "gönderildi", "gönderilme", "gönderme tarihi", "日時",
    "日付", "送信日時", "送信日", "日期", "时间", "時間", "发送时间",
    "发送日期", "發送時間", "傳送時間", "寄件日期", "날짜", "보낸 날짜",
    "보낸날짜", "일시", "đã gửi", "ngày", "tanggal", "dikirim", "terkirim",
    "tarikh", "dihantar", "วันที่", "ส่ง", "ส่งเมื่อ", "التاريخ", "تاريخ",
    "تم الإرسال", "تاريخ الإرسال", "נשלח", "תאריך", "בתאריך", "تاریخ"};

static const char *const subject_labels[] = {"subject", "betreff", "objet",
    "asunto", "assumpte", "oggetto", "assunto", "onderwerp", "ämne", "emne",
    "efni", "aihe", "teema", "temat", "předmět", "predmet", "tárgy", "subiect",
    "naslov", "tema", "тема", "тэма", "относно", "предмет", "θέμα", "konu",
    "件名", "主题", "主旨", "主題", "제목", "chủ đề", "tiêu đề", "subjek",
    "perihal", "judul", "เรื่อง", "หัวเรื่อง", "الموضوع", "נושא", "موضوع"};

static const char *const to_labels[] = {"to", "an", "à", "para", "a", "aan",
    "till", "til", "vastaanottaja", "do", "komu", "címzett", "către", "catre",
    "prima", "кому", "до", "προς", "kime", "alıcı", "宛先", "收件人", "收件者",
    "받는 사람", "받는사람", "đến", "tới", "người nhận", "kepada", "untuk",
    "ถึง", "إلى", "אל", "cc", "kopie"};

static bool is_one_of(struct str s, const char *const *v, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (str_eq(s, str_of(v[i])))
			return true;
	return false;
}

/* What stands before the first colon, and behind it. */
static bool cut_label(struct str line, struct str *label, struct str *value)
{
	struct str head = str_cut(line, 0, LABEL_MAX);
	size_t n;

	for (n = 0; n < head.n; n++) {
		size_t colon = head.p[n] == ':' ? 1
			       : str_starts(str_from(head, n), STR("："))
				   ? sizeof("：") - 1
				   : 0;

		if (colon == 0)
			continue;
		*label = trim_odd(str_cut(head, 0, n));
		*value = trim_odd(str_from(line, n + colon));
		return label->n > 0;
	}
	return false;
}

static unsigned label_of(struct str line, struct str *value)
{
	char text[LOWER_MAX];
	struct str label, s = {text, 0};

	if (!cut_label(line, &label, value) ||
	    nfc_lower(label, text, sizeof(text), &s.n) != 0)
		return LABEL_NONE;
	if (is_one_of(s, from_labels, COUNT(from_labels)))
		return LABEL_FROM;
	if (is_one_of(s, date_labels, COUNT(date_labels)))
		return LABEL_DATE;
	if (is_one_of(s, subject_labels, COUNT(subject_labels)))
		return LABEL_SUBJECT;
	if (is_one_of(s, to_labels, COUNT(to_labels)))
		return LABEL_TO;
	return LABEL_OTHER;
}

/* The labels of the next lines; *timed_out: one of them has a year and a time. */
static unsigned labels_below(struct str rest, int lines, bool *timed_out)
{
	unsigned found = LABEL_NONE;
	struct str line, value;

	*timed_out = false;
	for (int i = 0; i < lines && str_next(&rest, '\n', &line); i++) {
		unsigned label = label_of(line, &value);

		found |= label;
		if (label != LABEL_NONE && has_time(value) &&
		    str_contains(value, STR("20")))
			*timed_out = true;
	}
	return found;
}

bool reply_quote_is_block(struct str line, struct str rest)
{
	struct str value;
	unsigned first = label_of(line, &value), near;
	bool timed;

	if (first == LABEL_NONE)
		return false;
	near = labels_below(rest, BLOCK_LINES_NEAR, &timed);
	switch (first) {
	case LABEL_FROM:
		if ((labels_below(rest, BLOCK_LINES, &timed) &
			(LABEL_DATE | LABEL_SUBJECT)) != 0)
			return true;
		break;
	case LABEL_DATE:
		return (near & LABEL_FROM) != 0;
	case LABEL_SUBJECT:
	case LABEL_TO:
		return (near & LABEL_FROM) != 0 && (near & LABEL_DATE) != 0;
	default:
		break;
	}
	/* of a language that is not known here */
	return has_angle_address(value) && timed;
}

/* --- rules --- */

/* The length of the dashes that s begins with; *n_out: how many. */
static size_t dashes(struct str s, size_t *n_out)
{
	size_t at = 0;

	for (*n_out = 0; at < s.n; ++*n_out) {
		struct str rest = str_from(s, at);

		if (rest.p[0] == '-' || rest.p[0] == '=')
			at++;
		else if (str_starts(rest, STR("–")) ||
			 str_starts(rest, STR("—")))
			at += sizeof("—") - 1;
		else
			break;
	}
	return at;
}

/* "Original", "forwarded". */
static bool names_original(struct str s)
{
	static const char *const words[] = {"original", "origin", "forward",
	    "ursprüng", "ursprung", "weitergeleit", "transf", "réexp", "reenv",
	    "rinvi", "inoltr", "encaminh", "oorspr", "doorgest", "vidarebef",
	    "videresend", "oprind", "opprin", "alkuper", "välitet", "orygin",
	    "przekaz", "původ", "přepos", "pôvod", "prepos", "eredeti",
	    "tovább", "iniția", "redirec", "izvorn", "исходн", "пересыл",
	    "пересл", "оригин", "початков", "αρχικ", "προωθ", "orijinal",
	    "özgün", "iletil", "原始", "原邮件", "原郵件", "元の", "元メール",
	    "転送", "转发", "轉寄", "원본", "전달", "gốc", "chuyển tiếp",
	    "asli", "diterus", "ต้นฉบับ", "الأصلية", "המקורית"};

	char text[4 * LINE_MAX_LOOK];
	struct str low = {text, 0};

	if (nfc_lower(s, text, sizeof(text), &low.n) != 0)
		return false;
	for (size_t i = 0; i < COUNT(words); i++)
		if (str_contains(low, str_of(words[i])))
			return true;
	return false;
}

/* Is the next line that is not empty one of a quoted mail? */
static bool mail_follows(struct str rest)
{
	struct str line, value;

	while (str_next(&rest, '\n', &line)) {
		line = str_trim(line);
		if (line.n == 0)
			continue;
		line = str_cut(line, 0, LINE_MAX_LOOK);
		return reply_quote_is_mark(line) ||
		       reply_quote_is_intro(line) ||
		       (label_of(line, &value) & ~(unsigned)LABEL_OTHER) != 0;
	}
	return false;
}

bool reply_quote_is_rule(struct str line, struct str rest)
{
	size_t before, after = 0, from = dashes(line, &before), end = line.n;
	struct str text;

	if (before < DASHES_MIN || from == line.n)
		return false;
	while (end > from && (line.p[end - 1] == '-' || line.p[end - 1] == '='))
		end--, after++;
	text = str_cut(
	    str_trim(str_cut(line, from, end - from)), 0, LINE_MAX_LOOK);
	if (after < DASHES_MIN || text.n == 0)
		return false;
	return (str_words(text) <= RULE_WORDS && names_original(text)) ||
	       is_when_and_who(text) || mail_follows(rest);
}
