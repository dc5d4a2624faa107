/* mtalog.c - see mtalog.h. */
#include "agent/in/mtalog.h"

#include "agent/in/mtalog_postfix.h"
#include "agent/in/mtalog_prefix.h"
#include "agent/in/mtalog_sendmail.h"

enum mtalog_kind mtalog_text(
    const struct mtalog_prefix *p, struct mtalog_line *out)
{
	*out = (struct mtalog_line){.kind = MTALOG_OTHER,
	    .time_ms = p->time_ms,
	    .host = p->host,
	    .pid = p->pid};
	if (mtalog_sendmail_is(p->program))
		return mtalog_sendmail_text(p->program, p->text, out);
	if (mtalog_prefix_is_loss(p))
		return out->kind = MTALOG_LOSS;
	return mtalog_postfix_text(p->program, p->text, out);
}

enum mtalog_kind mtalog_parse(
    struct str line, const struct mtalog_when *when, struct mtalog_line *out)
{
	struct mtalog_prefix p;

	*out = (struct mtalog_line){.kind = MTALOG_OTHER};
	if (mtalog_prefix_parse(line, when, &p) != 0)
		return MTALOG_OTHER;
	return mtalog_text(&p, out);
}

bool mtalog_next_rcpt(struct mtalog_line *line)
{
	return mtalog_sendmail_rcpt(&line->more, &line->rcpt);
}
