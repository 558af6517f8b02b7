/* room: room on the disk for what a file is to end with (room.h). */
#include "scan2mail/room.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#include "lib/base/file.h"

enum {
	STEP = 256 * 1024, /* bytes that are taken beyond what is needed */
};

/* Takes room for so many bytes and for what is to be left behind them. */
static bool
take(struct room *r, int fd, size_t count)
{
	off_t more = r->len + (off_t)count + r->reserve - r->taken;
	int failure;

	if (r->reserve == 0 || more <= 0)
		return true;
	failure = posix_fallocate(fd, r->taken, more + STEP);
	if (failure == 0)
		more += STEP;
	else
		failure = posix_fallocate(fd, r->taken, more);
	if (failure == 0)
		r->taken += more;
	errno = failure;
	return failure != ENOSPC && failure != EDQUOT && failure != EFBIG;
}

bool
room_append(struct room *r, int fd, const void *bytes, size_t count)
{
	if (!take(r, fd, count) || lseek(fd, r->len, SEEK_SET) != r->len ||
	    !file_write(fd, bytes, count))
		return false;
	r->len += (off_t)count;
	return true;
}

bool
room_end(struct room *r, int fd)
{
	r->taken = r->len;
	return ftruncate(fd, r->len) == 0;
}
