/*
 * pdfcheck: libqpdf in a child of its own (pdfcheck.h).
 *
 * The child maps the document, so nothing is copied, lowers its own limits and leaves one
 * struct in the pipe. What it does not say, its end says.
 */
#include "lib/doc/pdfcheck.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <qpdf/qpdf-c.h>

enum {
	MEMORY_MAX = 512 * 1024 * 1024, /* bytes beyond what is mapped already */
	SECONDS_MAX = 30,               /* of CPU */
	TEXT_MAX = 256,
};

struct result {
	enum status status;
	unsigned pages;
	char text[TEXT_MAX]; /* what libqpdf says; "" when it said nothing */
};

/* Bytes of address space in use: what the limit is counted from, since the caller's own
 * mappings came along. */
static rlim_t
mapped(void)
{
	uintmax_t pages = 0;
	FILE *statm = fopen("/proc/self/statm", "re");

	if (statm && fscanf(statm, "%ju", &pages) != 1)
		pages = 0;
	if (statm)
		fclose(statm);
	return (rlim_t)pages * (rlim_t)sysconf(_SC_PAGESIZE);
}

static bool
limit(void)
{
	rlim_t memory = mapped() + MEMORY_MAX;
	struct rlimit space = { memory, memory };
	struct rlimit time = { SECONDS_MAX, SECONDS_MAX + 1 };
	struct rlimit none = { 0, 0 };

	return setrlimit(RLIMIT_AS, &space) == 0 && setrlimit(RLIMIT_CPU, &time) == 0 &&
	    setrlimit(RLIMIT_FSIZE, &none) == 0 && setrlimit(RLIMIT_CORE, &none) == 0;
}

/* Maps the span; NULL and errno. */
static const char *
map(int fd, const struct span *span)
{
	off_t skip = span->start % sysconf(_SC_PAGESIZE);
	char *start = mmap(NULL, (size_t)(span->size + skip), PROT_READ, MAP_PRIVATE, fd,
	    span->start - skip);

	return start == MAP_FAILED ? NULL : start + skip;
}

/* The first complaint of libqpdf: its error, else (where damage matters) a warning. */
static bool
complaint(qpdf_data qpdf, bool warnings, struct result *r)
{
	qpdf_error error = NULL;

	if (qpdf_has_error(qpdf))
		error = qpdf_get_error(qpdf);
	else if (warnings && qpdf_more_warnings(qpdf))
		error = qpdf_next_warning(qpdf);
	if (!error)
		return false;
	r->status = STATUS_INVALID;
	snprintf(
	    r->text, sizeof(r->text), "%s", qpdf_get_error_message_detail(qpdf, error));
	return true;
}

static void
read_pdf(const char *bytes, size_t size, bool strict, struct result *r)
{
	qpdf_data qpdf = qpdf_init();
	QPDF_ERROR_CODE code;
	int pages = -1;

	qpdf_silence_errors(qpdf);
	qpdf_set_suppress_warnings(qpdf, QPDF_TRUE);
	qpdf_set_attempt_recovery(qpdf, strict ? QPDF_FALSE : QPDF_TRUE);
	code = qpdf_read_memory(qpdf, "document", bytes, size, NULL);
	if ((code & QPDF_ERRORS) && qpdf_has_error(qpdf) &&
	    qpdf_get_error_code(qpdf, qpdf_get_error(qpdf)) == qpdf_e_password)
		goto out; /* encrypted: whole as far as one can tell, 0 pages */
	if (!(code & QPDF_ERRORS))
		pages = qpdf_get_num_pages(qpdf);
	if (complaint(qpdf, strict, r))
		goto out;
	if (pages > 0) {
		r->pages = (unsigned)pages;
		goto out;
	}
	r->status = STATUS_INVALID;
	snprintf(r->text, sizeof(r->text), "it has no page");
out:
	qpdf_cleanup(&qpdf);
}

/* Whoever takes this child over through a document shall find nothing to talk to. */
static void
keep_only(int fd)
{
	if (fd > 0)
		close_range(0, (unsigned)fd - 1, 0);
	close_range((unsigned)fd + 1, ~0U, 0);
}

/* The child's whole life. */
static _Noreturn void
examine(int fd, const struct span *span, bool strict, int pipe_end)
{
	struct result r = { .status = STATUS_OK };
	const char *bytes = map(fd, span);
	ssize_t n;

	prctl(PR_SET_PDEATHSIG, SIGKILL); /* nobody is left to read the result */
	keep_only(pipe_end);
	if (!bytes || !limit())
		r.status = STATUS_RETRY;
	else
		read_pdf(bytes, (size_t)span->size, strict, &r);
	n = write(pipe_end, &r, sizeof(r)); /* less than PIPE_BUF: whole or not at all */
	_exit(n == (ssize_t)sizeof(r) ? 0 : 1);
}

/* Reads the child's result; false when it left none. */
static bool
receive(int pipe_end, struct result *r)
{
	ssize_t n;

	do
		n = read(pipe_end, r, sizeof(*r));
	while (n < 0 && errno == EINTR);
	r->text[TEXT_MAX - 1] = '\0';
	return n == (ssize_t)sizeof(*r) &&
	    (r->status == STATUS_OK || r->status == STATUS_INVALID);
}

/* The sentence for a child that left no result. */
static enum status
blame(int wait_status, struct error *e)
{
	int signal = WIFSIGNALED(wait_status) ? WTERMSIG(wait_status) : 0;

	if (signal == SIGXCPU)
		return error_set(e, STATUS_INVALID,
		    "the PDF takes more than %d seconds to read: it is damaged or made "
		    "to harm",
		    SECONDS_MAX);
	if (signal == SIGSEGV || signal == SIGBUS || signal == SIGABRT)
		return error_set(e, STATUS_INVALID,
		    "the PDF cannot be read: it is damaged or made to harm");
	return error_set(e, STATUS_RETRY,
	    "the PDF could not be checked: no memory, or the check was stopped");
}

enum status
pdf_pages(int fd, const struct span *span, enum pdf_strictness strictness,
    unsigned *pages, struct error *e)
{
	struct result r = { .status = STATUS_RETRY };
	int ends[2], wait_status = 0;
	bool received;
	pid_t child;

	if (span->size <= 0)
		return error_set(e, STATUS_INVALID, "the PDF is empty");
	if (pipe2(ends, O_CLOEXEC) != 0)
		return error_errno(e, "the PDF cannot be checked");
	child = fork();
	if (child == 0)
		examine(fd, span, strictness == PDF_STRICT, ends[1]);
	close(ends[1]);
	received = child > 0 && receive(ends[0], &r);
	close(ends[0]);
	if (child < 0)
		return error_errno(e, "the PDF cannot be checked");
	while (waitpid(child, &wait_status, 0) < 0 && errno == EINTR)
		continue;
	if (!received)
		return blame(wait_status, e);
	if (r.status != STATUS_OK)
		return error_set(
		    e, r.status, "the PDF is damaged or cut short: %s", r.text);
	*pages = r.pages;
	return STATUS_OK;
}
