/*
 * documents: what came out of the filters, or lies in the spool, as attachments of one
 * message.
 *
 * PDFs that the filters sent one after the other are told apart and named after their
 * documents; banners are left out; a document that is missing, damaged or dangerous stops
 * the job, so that nothing is dropped in silence. Runs without root.
 */
#ifndef POSTROOM_DOCUMENTS_H
#define POSTROOM_DOCUMENTS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "backend/job.h"
#include "backend/spool.h"
#include "lib/base/list.h"
#include "lib/base/status.h"
#include "lib/mail/message.h"

struct document {
	char *filename;
	char type[128];
	int fd; /* the scratch file or a spooled one; not owned */
	off_t start, size;
	unsigned pages; /* 0: not a PDF, or not to be counted */
	/* What a scan says of itself (pdfcheck.h). Any PDF can say so: it annotates and
	 * holds the job that it is printed with, and decides nothing else. */
	bool scanned;
	bool incomplete; /* pages are missing */
	bool hold;       /* before it is sent a person is to look */
	unsigned whole;  /* pages of the scan that this is, or of which it is a piece */
	char *remark;    /* one clean line; NULL: none. Copies of a document share it */
};

struct documents {
	struct document item[MESSAGE_ATTACHMENTS_MAX];
	size_t count;
	unsigned pages; /* of all */
};

/* Where the documents are. */
struct intake {
	const struct job *job;
	const struct spool *spool;
	int input;     /* the filters' stream */
	int scratch;   /* an empty file for what the stream brings */
	int stop;      /* readable when the job is to be stopped; or -1 */
	uint64_t most; /* bytes of the stream, above which no account could send it */
};

/* Reads everything that the stream brings into the scratch file; *size is 0 when a filter
 * failed. STATUS_RETRY: the disk is full or broken; STATUS_CANCELLED: `stop` turned
 * readable. */
enum status documents_spool(const struct intake *in, off_t *size, struct error *e);

/* Makes documents of size bytes in the scratch file, or of the spooled files of a raw
 * job. The names are set by documents_name(). STATUS_REFUSED: empty, executable, too
 * many; STATUS_HOLD: damaged or missing. */
enum status documents_sort(
    struct documents *out, const struct intake *in, off_t size, struct error *e);

/* Names them: wanted (mail-filename) or else the title for one document, the documents'
 * own names for several. */
enum status documents_name(struct documents *d, const struct job *job,
    const struct pairs *options, const char *wanted, struct error *e);

/* The first document that wants its job held; NULL: none does. */
const struct document *documents_held(const struct documents *d);
void documents_clear(struct documents *d);

#endif
