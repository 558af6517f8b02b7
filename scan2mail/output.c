/* output: the PDF into a file (output.h). */
#include "scan2mail/output.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/base/file.h"
#include "scan2mail/interrupt.h"
#include "scan2mail/room.h"

struct output {
	struct destination *owner;
	char *path;      /* the file's place, links resolved */
	char *temporary; /* NULL: written to as it stands */
	int fd;
	bool borrowed;    /* standard output */
	struct room room; /* of a file that is to be renamed */
};

static void
reserve(void *context, uint64_t bytes)
{
	struct output *o = context;

	o->room.reserve = (off_t)bytes;
}

static enum status
write_bytes(void *context, const void *bytes, size_t len, struct error *e)
{
	struct output *o = context;

	if (interrupt_signal())
		return interrupt_error(e);
	if (o->temporary ? !room_append(&o->room, o->fd, bytes, len)
			 : !file_write(o->fd, bytes, len))
		return error_errno(e, "%s cannot be written", o->path);
	return STATUS_OK;
}

static enum status
close_file(struct output *o, struct error *e)
{
	int fd = o->fd;

	o->fd = -1;
	if (!o->borrowed && fd >= 0 && close(fd) != 0)
		return error_errno(e, "%s cannot be written", o->path);
	return STATUS_OK;
}

static enum status
commit(void *context, struct error *e)
{
	struct output *o = context;
	enum status status;

	if (o->temporary && !room_end(&o->room, o->fd))
		return error_errno(e, "%s cannot be written", o->path);
	status = close_file(o, e);
	if (status != STATUS_OK)
		return status;
	if (o->temporary && rename(o->temporary, o->path) != 0)
		return error_errno(e, "%s cannot be put in its place", o->path);
	if (o->temporary) {
		interrupt_removes(NULL);
		free(o->temporary);
		o->temporary = NULL;
	}
	snprintf(o->owner->note, sizeof(o->owner->note), "file %s", o->path);
	return STATUS_OK;
}

static void
close_output(void *context)
{
	struct output *o = context;

	close_file(o, NULL);
	if (o->temporary) {
		unlink(o->temporary);
		interrupt_removes(NULL);
	}
	free(o->temporary);
	free(o->path);
	free(o);
}

/* The file to be renamed: beside its place, with the mode that the file shall have. */
static enum status
open_beside(struct output *o, const struct stat *old, struct error *e)
{
	mode_t mask = umask(0);
	mode_t mode = old ? old->st_mode & 0777 : 0666 & ~mask;

	umask(mask);
	if (asprintf(&o->temporary, "%s.XXXXXX", o->path) < 0) {
		o->temporary = NULL;
		return error_errno(e, "%s cannot be written", o->path);
	}
	o->fd = mkostemp(o->temporary, O_CLOEXEC);
	if (o->fd < 0 || fchmod(o->fd, mode) != 0) {
		error_errno(e, "no file can be made beside %s", o->path);
		return STATUS_SETTINGS;
	}
	interrupt_removes(o->temporary);
	return STATUS_OK;
}

static enum status
open_stdout(struct output *o, struct error *e)
{
	if (isatty(STDOUT_FILENO))
		return error_set(e, STATUS_SETTINGS,
		    "standard output is a terminal, which cannot show a PDF: name a file "
		    "with -o, or use a pipe");
	o->fd = STDOUT_FILENO;
	o->borrowed = true;
	o->path = strdup("standard output");
	return o->path ? STATUS_OK : error_errno(e, "standard output cannot be used");
}

static enum status
open_path(struct output *o, const char *path, struct error *e)
{
	struct stat st;
	bool exists = stat(path, &st) == 0;

	o->path = exists ? realpath(path, NULL) : strdup(path);
	if (!o->path || (!exists && errno != ENOENT)) {
		error_errno(e, "%s cannot be written", path);
		return STATUS_SETTINGS;
	}
	if (exists && S_ISDIR(st.st_mode))
		return error_set(
		    e, STATUS_SETTINGS, "%s is a folder: name a file in it", path);
	if (!exists || S_ISREG(st.st_mode))
		return open_beside(o, exists ? &st : NULL, e);
	o->fd = open(path, O_WRONLY | O_CLOEXEC | O_NOCTTY);
	if (o->fd < 0) {
		if (interrupt_signal())
			return interrupt_error(e);
		error_errno(e, "%s cannot be written", path);
		return STATUS_SETTINGS;
	}
	return STATUS_OK;
}

enum status
output_open(struct destination *out, const char *path, struct error *e)
{
	struct output *o = calloc(1, sizeof(*o));
	enum status status;

	if (!o)
		return error_errno(e, "%s cannot be written", path);
	o->fd = -1;
	o->owner = out;
	status = strcmp(path, "-") == 0 ? open_stdout(o, e) : open_path(o, path, e);
	if (status != STATUS_OK) {
		if (o->fd < 0) { /* mkostemp() has made nothing to be removed */
			free(o->temporary);
			o->temporary = NULL;
		}
		close_output(o);
		return status;
	}
	*out = (struct destination){
		.sink = { .write = write_bytes,
		    .reserve = o->temporary ? reserve : NULL,
		    .context = o },
		.commit = commit,
		.close = close_output,
	};
	return STATUS_OK;
}
