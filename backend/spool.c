/* spool: a job's documents as cupsd keeps them (spool.h). */
#include "backend/spool.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum {
	SPOOL_PATH_MAX = 1024,
};

/* Opens a regular file that cupsd wrote; -1 and errno. */
static int
open_document(const char *path)
{
	int fd = open(path, O_RDONLY | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK);
	struct stat st;

	if (fd >= 0 && (fstat(fd, &st) < 0 || !S_ISREG(st.st_mode))) {
		close(fd);
		errno = EINVAL;
		return -1;
	}
	return fd;
}

static enum status
open_file(struct spool *s, const char *path, struct error *e)
{
	int fd = open_document(path);

	if (fd < 0)
		return error_errno(e, "cannot open the document %s", path);
	s->fd[s->count++] = fd;
	return STATUS_OK;
}

/* Opens dJJJJJ-001, -002 … until one is missing. */
static enum status
open_all(struct spool *s, const struct job *job, struct error *e)
{
	char path[SPOOL_PATH_MAX];

	for (;;) {
		unsigned long id = strtoul(job->id, NULL, 10);
		int fd;

		snprintf(path, sizeof(path), "%s/d%05lu-%03zu", job->request_root, id,
		    s->count + 1);
		fd = open_document(path);
		if (fd < 0 && (errno == ENOENT || errno == EACCES))
			return STATUS_OK;
		if (fd < 0)
			return error_errno(e, "cannot open the document %s", path);
		if (s->count == SPOOL_FILES_MAX) {
			close(fd);
			s->too_many = true;
			return STATUS_OK;
		}
		s->fd[s->count++] = fd;
	}
}

/* Whether a spooled file is one of cupsd's banner templates (bannertopdf, cups-filters).
 */
static bool
is_banner(int fd)
{
	static const char *const marks[] = { "#PDF-BANNER", "#CUPS-BANNER" };
	char head[16] = "";

	if (pread(fd, head, sizeof(head) - 1, 0) <= 0)
		return false;
	for (size_t i = 0; i < sizeof(marks) / sizeof(marks[0]); i++)
		if (strncmp(head, marks[i], strlen(marks[i])) == 0)
			return true;
	return false;
}

enum status
spool_open(struct spool *out, const struct job *job, struct error *e)
{
	struct spool s = { .banner_first = strcmp(job->sheet, "job-sheet") == 0 };
	enum status status = STATUS_OK;

	if (job->file)
		status = open_file(&s, job->file, e);
	else if (job->request_root[0] == '/')
		status = open_all(&s, job, e);
	if (status) {
		spool_close(&s);
		return status;
	}
	s.banner_last = s.count > 1 && is_banner(s.fd[s.count - 1]);
	*out = s;
	return STATUS_OK;
}

void
spool_close(struct spool *s)
{
	for (size_t i = 0; i < s->count; i++)
		close(s->fd[i]);
	s->count = 0;
}
