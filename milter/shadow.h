/* shadow.h - mode = shadow, of the product or of the whole policy: every
 * recipient is decided and recorded, and the message goes as it came, counted
 * as what it is: a send (architecture section 6). Nothing that goes wrong here
 * reaches the mail. Threads: the session's. */
#ifndef MILTER_SHADOW_H
#define MILTER_SHADOW_H

#include "milter/eom_internal.h"

/* Nurture and one-to-one mail; its labels are known and m->shadow is set.
 * ACCEPT, always. */
enum answer shadow_run(struct message *m);

#endif
