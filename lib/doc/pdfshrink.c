/*
 * pdfshrink: Ghostscript in a child of its own (pdfshrink.h, confine.h).
 *
 * It reads "/dev/stdin", which it opens anew and can seek in: from "-" it copies byte by
 * byte. Its temporary files have names, and stay where it is killed: they get a folder of
 * their own, which is emptied afterwards.
 */
#include "lib/doc/pdfshrink.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/doc/confine.h"
#include "lib/doc/pdfcheck.h"

#define GHOSTSCRIPT "/usr/bin/gs"

enum {
	IMAGES_WORTH = 10, /* a tenth of a document is to be images */
	MEMORY_MAX = 1024 * 1024 * 1024,
	SECONDS_MAX = 120,          /* of CPU */
	PATIENCE = 5 * SECONDS_MAX, /* by the clock: a busy machine is slow */
	MAGIC_LEN = 5,
	OPTION_MAX = 64,
};

/* Quality 75 as libjpeg counts, which scan2mail writes too: colour at half the
 * resolution, grey at the whole. */
static const char PARAMETERS[] =
    "<< /ColorImageDict << /QFactor 0.5 /Blend 1 /HSamples [2 1 1 2]"
    " /VSamples [2 1 1 2] >>"
    " /GrayImageDict << /QFactor 0.5 /Blend 1 /HSamples [1 1 1 1]"
    " /VSamples [1 1 1 1] >> >> setdistillerparams";

/* What differs from run to run. */
struct options {
	char color[OPTION_MAX], gray[OPTION_MAX], mono[OPTION_MAX];
};

bool
pdf_can_shrink(void)
{
	return access(GHOSTSCRIPT, X_OK) == 0;
}

/* -- the folder of temporary files ------------------------------ */

static bool
make_folder(char *path, size_t size, const char *tmpdir)
{
	int len = snprintf(path, size, "%s/postroom-XXXXXX", tmpdir);

	if ((size_t)len >= size) {
		errno = ENAMETOOLONG;
		return false;
	}
	return mkdtemp(path) != NULL;
}

static void
remove_folder(const char *path)
{
	DIR *folder = opendir(path);
	struct dirent *entry;

	while (folder && (entry = readdir(folder)))
		if (entry->d_name[0] != '.')
			unlinkat(dirfd(folder), entry->d_name, 0);
	if (folder)
		closedir(folder);
	rmdir(path);
}

/* -- Ghostscript ------------------------------ */

static void
write_options(struct options *o, unsigned resolution)
{
	unsigned mono = resolution > PDFSHRINK_MONO_MIN ? resolution : PDFSHRINK_MONO_MIN;

	snprintf(o->color, sizeof(o->color), "-dColorImageResolution=%u", resolution);
	snprintf(o->gray, sizeof(o->gray), "-dGrayImageResolution=%u", resolution);
	snprintf(o->mono, sizeof(o->mono), "-dMonoImageResolution=%u", mono);
}

static enum status
run(const struct confinement *limits, unsigned resolution, struct error *e)
{
	struct options o;
	const char *const arguments[] = { GHOSTSCRIPT, "-q", "-dSAFER", "-dBATCH",
		"-dNOPAUSE",
		"-dPDFSTOPONERROR", /* rather than leave out what it cannot read */
		"-sDEVICE=pdfwrite", "-dAutoRotatePages=/None",
		/* nothing of the hour, so that every run gives the same */
		"-dOmitInfoDate=true", "-dOmitID=true", "-dOmitXMP=true",
		/* all that is above the resolution, not from its half again on */
		"-dDownsampleColorImages=true", "-dColorImageDownsampleType=/Bicubic",
		"-dColorImageDownsampleThreshold=1.0", o.color,
		"-dDownsampleGrayImages=true", "-dGrayImageDownsampleType=/Bicubic",
		"-dGrayImageDownsampleThreshold=1.0", o.gray,
		"-dDownsampleMonoImages=true", o.mono,
		/* left to choose, it keeps some images without loss, and larger */
		"-dAutoFilterColorImages=false", "-dColorImageFilter=/DCTEncode",
		"-dAutoFilterGrayImages=false", "-dGrayImageFilter=/DCTEncode",
		"-sOutputFile=%stdout", "-sstdout=%stderr", "-c", PARAMETERS, "-f",
		"/dev/stdin", NULL };

	write_options(&o, resolution);
	return confine_program(limits, GHOSTSCRIPT, arguments, e);
}

/* What does not start as a PDF would be run as a PostScript program. */
static bool
starts_as_pdf(int fd)
{
	char start[MAGIC_LEN];

	return pread(fd, start, sizeof(start), 0) == (ssize_t)sizeof(start) &&
	    memcmp(start, "%PDF-", sizeof(start)) == 0;
}

/* Whether Ghostscript may try; facts and the size of the document. */
static enum status
look(const struct shrinking *what, off_t *size, struct pdf_facts *facts, struct error *e)
{
	struct examining examining = { .fd = what->fd,
		.strictness = PDF_LENIENT,
		.stop = what->stop,
		.images = true };
	enum status status;
	struct stat st;

	if (fstat(what->fd, &st) != 0)
		return error_errno(e, "the PDF cannot be made smaller");
	*size = examining.span.size = st.st_size;
	status = pdf_examine(&examining, facts, e);
	if (status)
		return status;
	if (facts->encrypted)
		return error_set(
		    e, STATUS_INVALID, "the PDF is encrypted and stays as it is");
	if (facts->images < (uint64_t)st.st_size / IMAGES_WORTH)
		return error_set(e, STATUS_INVALID,
		    "the PDF has hardly any images that could be made smaller");
	if (!starts_as_pdf(what->fd))
		return error_set(e, STATUS_INVALID,
		    "the PDF does not start at its first byte and stays as it is");
	return STATUS_OK;
}

static enum status
shrink(int out, const struct shrinking *what, off_t most, struct error *e)
{
	char folder[PATH_MAX];
	const struct confinement limits = {
		.memory = MEMORY_MAX,
		.seconds = SECONDS_MAX,
		.patience = PATIENCE,
		.output = (uint64_t)most,
		.input = what->fd,
		.result = out,
		.stop = what->stop,
		.tmpdir = folder,
	};
	enum status status;

	if (!make_folder(folder, sizeof(folder), what->tmpdir))
		return error_errno(e, "cannot make a folder in %s", what->tmpdir);
	status = run(&limits, what->resolution, e);
	remove_folder(folder);
	return status;
}

enum status
pdf_shrink(int out, off_t *size, const struct shrinking *what, struct error *e)
{
	struct pdf_facts facts;
	enum status status;
	off_t before = 0;

	status = look(what, &before, &facts, e);
	if (status)
		return status;
	status = shrink(out, what, before, e);
	if (status == STATUS_OK)
		status = pdf_verify(out, size, facts.pages, what->stop, e);
	/* twice: what Ghostscript kept in its folder is gone again */
	if (status == STATUS_INVALID && !confine_has_room(out, 2 * before))
		return error_errno(e, "there is no room for a smaller PDF");
	return status;
}
