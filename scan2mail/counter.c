/* counter: a number that grows with each scan of a profile (counter.h). */
#include "scan2mail/counter.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>

#include "lib/base/buf.h"
#include "scan2mail/interrupt.h"
#include "scan2mail/statedir.h"

enum {
	TEXT_MAX = 32, /* bytes of the file */
	DIGITS_MAX = 18,
};

/* Reads digits and a line feed. */
static bool
read_number(uint64_t *out, const struct buf *text)
{
	size_t digits = strspn(buf_text(text), "0123456789");

	if (digits == 0 || digits > DIGITS_MAX || text->len != digits + 1 ||
	    text->data[digits] != '\n')
		return false;
	*out = strtoull(text->data, NULL, 10);
	return true;
}

/* With the folder locked. */
static bool
count(uint64_t *out, bool *damaged, int folder, const char *profile)
{
	uint64_t last = 0;
	struct buf text;
	bool good;

	buf_init(&text, TEXT_MAX);
	if (statedir_read(&text, folder, profile)) {
		*damaged = !read_number(&last, &text);
		good = true;
	} else {
		*damaged = errno == EFBIG;
		good = *damaged || errno == ENOENT;
	}
	buf_clear(&text);
	buf_printf(&text, "%" PRIu64 "\n", last + 1);
	good = good && statedir_write(folder, profile, &text);
	buf_clear(&text);
	if (good)
		*out = last + 1;
	return good;
}

enum status
counter_take(
    uint64_t *out, bool *damaged, int folder, const char *profile, struct error *e)
{
	enum status status = STATUS_OK;

	while (flock(folder, LOCK_EX) != 0)
		if (interrupt_signal())
			return interrupt_error(e);
		else if (errno != EINTR)
			return error_errno(e, "the scan cannot be numbered");
	if (!count(out, damaged, folder, profile))
		status = interrupt_signal()
		    ? interrupt_error(e)
		    : error_errno(e, "the scan cannot be numbered");
	flock(folder, LOCK_UN);
	return status;
}
