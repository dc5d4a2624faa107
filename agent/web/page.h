/* page.h - the pages that people see: plain HTML, no scripts, no pictures,
 * nothing from elsewhere; readable on a phone, in the dark, by a screen reader
 * and with a keyboard alone. Threads: any. */
#ifndef AGENT_WEB_PAGE_H
#define AGENT_WEB_PAGE_H

#include "agent/web/server.h"
#include "agent/web/words.h"

/* Status 200; title: words of w, shown as the heading too. */
void page_begin(
    struct server_reply *rp, const struct words *w, const char *title);
void page_end(struct server_reply *rp);
/* Paragraphs of words, with a purpose in their midst, or small ones. What it
 * is about is text from outside: escaped, no longer than a title may be. */
void page_say(struct server_reply *rp, const char *words);
void page_say_about(
    struct server_reply *rp, const struct words_about *words, struct str about);
void page_say_small(struct server_reply *rp, const char *words);
/* A form of one button that posts one field back to this page. */
struct page_field {
	const char *name, *value;
};
void page_button(struct server_reply *rp, const struct page_field *field,
    const struct words_about *label, struct str about);
/* One that is not the first choice. */
void page_button_second(
    struct server_reply *rp, const struct page_field *field, const char *label);

/* Status 404 and nothing that tells why. */
void page_not_found(struct server_reply *rp, const struct words *w);

#endif
