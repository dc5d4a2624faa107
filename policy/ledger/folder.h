/* folder.h - the folder that a ledger lives in: made with the right mode, and
 * used once by a process. Threads: internally locked. */
#ifndef POLICY_LEDGER_FOLDER_H
#define POLICY_LEDGER_FOLDER_H

#include "policy/base/str.h"

struct folder;

/* Claims the folder: ERR_EXISTS while this process holds it already, by
 * whatever path. With create != 0 the folder is made where it is absent (its
 * parent must be there), and gets mode `create` with x where it has r, and the
 * set-group-id bit, so that files in it belong to its group. Other processes
 * that would make it wait until folder_made() or folder_release(). -errno, and
 * ERR_FULL where nothing can be made. */
int folder_claim(struct folder **out, const char *dir, unsigned create,
    struct error *err) MUST_CHECK;
void folder_release(struct folder **f); /* NULL is fine; sets *f = NULL */

const char *folder_path(const struct folder *f);
/* Was data.mdb absent when the folder was claimed? */
bool folder_is_new(const struct folder *f);
/* Gives the files that were absent at the claim the very mode, whatever the
 * umask was. */
int folder_made(struct folder *f, unsigned mode, struct error *err) MUST_CHECK;

/* --- folders that a ledger is written into --- */

/* Makes the folder as folder_claim() does, or takes an empty one: ERR_EXISTS
 * when there is anything in it. */
int folder_make_empty(
    const char *dir, unsigned mode, struct error *err) MUST_CHECK;
/* After ledger_copy(): data.mdb gets the mode; it and the folder are synced. */
int folder_finish(const char *dir, unsigned mode, struct error *err) MUST_CHECK;
/* Removes a ledger's files; _remove also the folder, when that leaves it
 * empty. */
void folder_clear(const char *dir);
void folder_remove(const char *dir);

#endif
