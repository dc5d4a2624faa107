/* page.h - the pages that people see: plain HTML, no scripts, no pictures,
 * nothing from elsewhere; readable on a phone, in the dark, by a screen reader
 * and with a keyboard alone. Threads: any. */
#ifndef AGENT_WEB_PAGE_H
#define AGENT_WEB_PAGE_H

#include "agent/web/server.h"

/* Status 200; title is a literal, shown as the heading too. */
void page_begin(struct server_reply *rp, const char *title);
void page_end(struct server_reply *rp);
/* Text from outside: escaped, cut at 200 bytes. */
void page_text(struct server_reply *rp, struct str text);
/* A form of one button that posts one field back to this page. label is
 * HTML. */
enum page_button {
	PAGE_BUTTON_FIRST,
	PAGE_BUTTON_SECOND,
};
void page_button(struct server_reply *rp, enum page_button kind,
    const char *field, const char *value, const char *label);
/* The same with a text from outside behind the label. */
void page_button_about(struct server_reply *rp, const char *field,
    const char *value, const char *label, struct str about);

#endif
