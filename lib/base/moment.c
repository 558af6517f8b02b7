/* moment: points in time that a wall clock's jump does not move (moment.h). */
#include "lib/base/moment.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

static const char BOOT_ID[] = "/proc/sys/kernel/random/boot_id";
static const char NAME_BYTES[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
				 "0123456789-";

/* The sum, or the end of the range that it passed: moments also come from files. */
static int64_t
add(int64_t a, int64_t b)
{
	int64_t sum;

	if (__builtin_add_overflow(a, b, &sum))
		return b < 0 ? INT64_MIN : INT64_MAX;
	return sum;
}

static int64_t
subtract(int64_t a, int64_t b)
{
	int64_t difference;

	if (__builtin_sub_overflow(a, b, &difference))
		return b > 0 ? INT64_MIN : INT64_MAX;
	return difference;
}

static int64_t
between(int64_t value, int64_t least, int64_t most)
{
	return value < least ? least : value > most ? most : value;
}

/* How long the name is that s starts with; 0 when it is none. */
static size_t
name_length(const char *s)
{
	size_t len = strspn(s, NAME_BYTES);

	return len < MOMENT_BOOT_MAX ? len : 0;
}

static void
read_boot_name(char name[MOMENT_BOOT_MAX])
{
	char text[MOMENT_BOOT_MAX] = "";
	int fd = open(BOOT_ID, O_RDONLY | O_CLOEXEC);
	ssize_t n = fd < 0 ? -1 : read(fd, text, sizeof(text) - 1);

	if (fd >= 0)
		close(fd);
	text[n > 0 ? n : 0] = '\0';
	text[name_length(text)] = '\0'; /* its line feed, or all of it */
	snprintf(name, MOMENT_BOOT_MAX, "%s", text[0] ? text : "unknown");
}

struct moment
moment_now(void)
{
	struct moment m = { .wall = time(NULL) };
	struct timespec t;

	clock_gettime(CLOCK_BOOTTIME, &t);
	m.boot = (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
	read_boot_name(m.name);
	return m;
}

int64_t
moment_since(const struct moment *then, const struct moment *now)
{
	int64_t span, gap;

	if (strcmp(then->name, now->name) == 0) {
		span = subtract(now->boot, then->boot);
		return span > 0 ? span : 0;
	}
	/* This boot's own age is certain; the wall clock is asked only for the rest. */
	gap = subtract(subtract(now->wall, then->wall), now->boot / 1000);
	return add(now->boot, between(gap, 0, MOMENT_GAP_MAX) * 1000);
}

int64_t
moment_until(const struct moment *then, const struct moment *now)
{
	int64_t span = subtract(then->boot, now->boot);

	return strcmp(then->name, now->name) == 0 && span > 0 ? span : 0;
}

struct moment
moment_after(const struct moment *m, int64_t ms)
{
	struct moment later = *m;

	later.wall = add(m->wall, ms / 1000);
	later.boot = add(m->boot, ms);
	return later;
}

void
moment_write(char text[MOMENT_TEXT_MAX], const struct moment *m)
{
	snprintf(text, MOMENT_TEXT_MAX, "%" PRId64 " %" PRId64 " %s", m->wall, m->boot,
	    m->name);
}

/* Reads a whole number and the blank behind it. */
static bool
read_number(int64_t *out, const char **s)
{
	const char *digits = **s == '-' ? *s + 1 : *s;
	long long value;
	char *end;

	if (*digits < '0' || *digits > '9')
		return false;
	errno = 0;
	value = strtoll(*s, &end, 10);
	if (errno || *end != ' ')
		return false;
	*out = value;
	*s = end + 1;
	return true;
}

bool
moment_read(struct moment *out, const char *text, const char **rest)
{
	struct moment m = { 0 };
	size_t len;

	if (!read_number(&m.wall, &text) || !read_number(&m.boot, &text) || m.boot < 0)
		return false;
	len = name_length(text);
	if (len == 0 || (text[len] != ' ' && text[len] != '\0'))
		return false;
	memcpy(m.name, text, len);
	*out = m;
	*rest = text + len + (text[len] == ' ');
	return true;
}
