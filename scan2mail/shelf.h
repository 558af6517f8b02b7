/*
 * shelf: where scans are kept that their queue did not take.
 *
 * It is the folder scans/ (0700) of the user's state folder (statedir.h). A scan is two
 * files in it: NAME.pdf, and NAME.job, its ticket (ticket.h). NAME is the local time and
 * a number, 2026-11-22T13-34-56-000. NAME.job is on the disk before the PDF gets a name,
 * which is the commit point.
 *
 * While CUPS may have a job of it, the PDF is called NAME.sending (or NAME.again), and
 * locked: one that is not locked is of a run that was killed meanwhile, and may be a job.
 * A PDF that cannot be renamed so could not be removed afterwards either, and is not
 * sent. NAME.part is a PDF that is being written, where the file system has no nameless
 * files. Names are given, and given up, under a lock on the folder.
 */
#ifndef POSTROOM_SHELF_H
#define POSTROOM_SHELF_H

#include <limits.h>
#include <stdbool.h>

#include "lib/base/status.h"
#include "scan2mail/ticket.h"

struct shelf {
	int folder;
	char path[PATH_MAX]; /* "": it is not open */
};

/* Opens it, made where it is missing; its user's own. shelf_close() closes. */
enum status shelf_open(struct shelf *out, struct error *e);
void shelf_close(struct shelf *s);

/* A PDF that may be kept. */
struct shelf_file {
	int fd;              /* the caller closes it */
	char part[PATH_MAX]; /* its path so far; "": it is nameless */
};

/* Makes a file for a PDF. It must stay where it is until shelf_keep() or shelf_discard():
 * a signal's timer may have to remove it (interrupt.h). STATUS_RETRY: the disk is full or
 * fails. */
enum status shelf_create(struct shelf_file *out, const struct shelf *s, struct error *e);
/* Removes it, unless it was kept. */
void shelf_discard(struct shelf_file *f);
/* Keeps it with its ticket, locked, as NAME.sending, which name gets. STATUS_RETRY: it is
 * not kept. */
enum status shelf_keep(struct shelf_file *f, const struct shelf *s,
    const struct ticket *ticket, char name[NAME_MAX + 1], struct error *e);

/* Whether there is a PDF of this NAME, of len bytes. */
bool shelf_has_pdf(const struct shelf *s, const char *stem, size_t len);
/* What a PDF is called that is just being sent. */
bool shelf_is_sending(const char *name);
/* The length of a PDF's NAME, whatever its ending; 0: it is no PDF by its name. */
size_t shelf_stem(const char *name);
/* Renames a PDF that is to be sent now, also one that was to be before; name gets the new
 * name. STATUS_RETRY: it cannot be, and must not be sent. */
enum status shelf_sending(
    const struct shelf *s, char name[NAME_MAX + 1], struct error *e);
/* Gives it back the name NAME.pdf: CUPS has no job of it, or its ticket says that it may
 * have. STATUS_RETRY: it keeps the other one. */
enum status shelf_stays(const struct shelf *s, char name[NAME_MAX + 1], struct error *e);
/* Removes a PDF that is a job now, and its ticket. STATUS_RETRY: it cannot be. */
enum status shelf_remove(const struct shelf *s, const char *name, struct error *e);

/* Replaces the ticket beside a PDF, whose name without ".pdf" has len bytes. The folder
 * is locked. */
enum status shelf_write_ticket(const struct shelf *s, const char *stem, size_t len,
    const struct ticket *ticket, struct error *e);
/* A name with another ending: len bytes of stem, and the ending. */
void shelf_name(char out[NAME_MAX + 1], const char *stem, size_t len, const char *ending);

#endif
