/* version: the documents of a job, perhaps smaller (version.h). */
#include "backend/version.h"

#include <stdbool.h>
#include <sys/sendfile.h>
#include <unistd.h>

#include "lib/base/file.h"
#include "lib/doc/pdfshrink.h"

enum {
	GAIN_MIN = 10, /* percent: for less, a document is not written anew */
};

void
version_init(struct version *v, const struct documents *d, const char *tmpdir, int stop)
{
	*v = (struct version){ .documents = *d, .tmpdir = tmpdir, .stop = stop };
	for (size_t i = 0; i < MESSAGE_ATTACHMENTS_MAX; i++)
		v->alone[i] = -1;
}

void
version_clear(struct version *v)
{
	for (size_t i = 0; i < v->documents.count; i++)
		if (v->alone[i] >= 0)
			close(v->alone[i]);
	*v = (struct version){ 0 };
}

static enum status
no_file(const struct version *v, struct error *e)
{
	return error_errno(e, "cannot make a file in %s", v->tmpdir);
}

static bool
copy(int out, const struct document *d)
{
	off_t at = d->start, end = d->start + d->size;
	ssize_t n = 1;

	while (at < end && n > 0)
		n = sendfile(out, d->fd, &at, (size_t)(end - at));
	return at == end;
}

enum status
version_isolate(int *out, struct version *v, size_t i, struct error *e)
{
	const struct document *d = &v->documents.item[i];
	enum status status;
	int fd;

	if (v->alone[i] < 0 && v->original)
		return version_isolate(out, v->original, i, e);
	if (v->alone[i] < 0) {
		fd = file_scratch(v->tmpdir);
		if (fd < 0)
			return no_file(v, e);
		if (!copy(fd, d)) {
			status = error_errno(
			    e, "cannot copy %s to %s", d->filename, v->tmpdir);
			close(fd);
			return status;
		}
		v->alone[i] = fd;
	}
	*out = v->alone[i];
	return STATUS_OK;
}

/* Makes document i smaller, where it becomes so; where not, it stays. */
static enum status
shrink_document(struct version *v, size_t i, struct error *e)
{
	struct shrinking what = {
		.resolution = v->resolution, .stop = v->stop, .tmpdir = v->tmpdir
	};
	struct document *d = &v->documents.item[i];
	enum status status;
	off_t size;
	int fd;

	status = version_isolate(&what.fd, v->original, i, e);
	if (status)
		return status;
	fd = file_scratch(v->tmpdir);
	if (fd < 0)
		return no_file(v, e);
	status = pdf_shrink(fd, &size, &what, e);
	if (status == STATUS_OK && size <= d->size / 100 * (100 - GAIN_MIN)) {
		v->alone[i] = d->fd = fd;
		d->start = 0;
		d->size = size;
		return STATUS_OK;
	}
	close(fd);
	return status == STATUS_RETRY || status == STATUS_CANCELLED ? status : STATUS_OK;
}

enum status
version_shrink(
    struct version *v, struct version *original, unsigned resolution, struct error *e)
{
	enum status status = STATUS_OK;
	bool smaller = false;

	version_init(v, &original->documents, original->tmpdir, original->stop);
	v->original = original;
	v->resolution = resolution;
	for (size_t i = 0; status == STATUS_OK && i < v->documents.count; i++) {
		if (v->documents.item[i].pages > 0)
			status = shrink_document(v, i, e);
		smaller |= v->alone[i] >= 0;
	}
	if (!smaller)
		v->resolution = 0;
	return status;
}
