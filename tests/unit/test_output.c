/* Tests of scan2mail/output.c. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <dirent.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "lib/base/buf.h"
#include "scan2mail/output.h"

enum {
	PATH_SIZE = 512,
	RESERVE = 100000,
};

struct folder {
	char path[PATH_SIZE];
	char file[PATH_SIZE + 16]; /* path/out.pdf */
	char other[PATH_SIZE + 32];
	mode_t mask;
};

static int
set_up(void **state)
{
	static struct folder f;

	snprintf(f.path, sizeof(f.path), "/tmp/postroom-output-XXXXXX");
	assert_non_null(mkdtemp(f.path));
	snprintf(f.file, sizeof(f.file), "%s/out.pdf", f.path);
	snprintf(f.other, sizeof(f.other), "%s/other", f.path);
	f.mask = umask(027);
	*state = &f;
	return 0;
}

static int
tear_down(void **state)
{
	struct folder *f = *state;

	umask(f->mask);
	unlink(f->file);
	unlink(f->other);
	return rmdir(f->path); /* fails when anything else was left */
}

static void
put(const char *path, const char *text, mode_t mode)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_EXCL, mode);

	assert_true(fd >= 0);
	assert_int_equal(fchmod(fd, mode), 0);
	assert_int_equal(write(fd, text, strlen(text)), strlen(text));
	close(fd);
}

static void
assert_file(const char *path, const char *text, mode_t mode)
{
	char bytes[100] = "";
	struct stat st;
	int fd = open(path, O_RDONLY);

	assert_true(fd >= 0);
	assert_int_equal(fstat(fd, &st), 0);
	assert_int_equal(st.st_mode & 07777, mode);
	assert_int_equal(read(fd, bytes, sizeof(bytes)), strlen(text));
	assert_string_equal(bytes, text);
	close(fd);
}

/* How often a file has this byte. */
static int
count(const char *path, char byte)
{
	static char bytes[2 * RESERVE];
	int fd = open(path, O_RDONLY), found = 0;
	ssize_t n;

	assert_true(fd >= 0);
	n = read(fd, bytes, sizeof(bytes));
	close(fd);
	for (ssize_t i = 0; i < n; i++)
		found += bytes[i] == byte;
	return found;
}

static int
entries(const char *path)
{
	DIR *dir = opendir(path);
	int count = 0;

	assert_non_null(dir);
	while (readdir(dir))
		count++;
	closedir(dir);
	return count - 2; /* . and .. */
}

static void
send(struct destination *d, const char *text)
{
	struct error e;

	assert_int_equal(
	    d->sink.write(d->sink.context, text, strlen(text), &e), STATUS_OK);
}

static void
files_appear_whole(void **state)
{
	struct folder *f = *state;
	struct destination d;
	struct error e;

	assert_int_equal(output_open(&d, f->file, &e), STATUS_OK);
	send(&d, "one ");
	send(&d, "two");
	assert_int_equal(access(f->file, F_OK), -1);
	assert_int_equal(d.commit(d.sink.context, &e), STATUS_OK);
	assert_non_null(strstr(d.note, "out.pdf"));
	d.close(d.sink.context);
	assert_file(f->file, "one two", 0640);
	assert_int_equal(entries(f->path), 1);
}

static void
files_are_replaced_when_whole(void **state)
{
	struct folder *f = *state;
	struct destination d;
	struct error e;

	put(f->file, "old", 0604);
	assert_int_equal(output_open(&d, f->file, &e), STATUS_OK);
	send(&d, "new");
	assert_file(f->file, "old", 0604);
	assert_int_equal(d.commit(d.sink.context, &e), STATUS_OK);
	d.close(d.sink.context);
	assert_file(f->file, "new", 0604);
}

static void
nothing_is_left_without_commit(void **state)
{
	struct folder *f = *state;
	struct destination d;
	struct error e;

	assert_int_equal(output_open(&d, f->file, &e), STATUS_OK);
	send(&d, "half");
	assert_int_equal(entries(f->path), 1);
	d.close(d.sink.context);
	assert_int_equal(entries(f->path), 0);
	put(f->file, "old", 0600);
	assert_int_equal(output_open(&d, f->file, &e), STATUS_OK);
	send(&d, "half");
	d.close(d.sink.context);
	assert_file(f->file, "old", 0600);
	assert_int_equal(entries(f->path), 1);
}

static void
links_stay_links(void **state)
{
	struct folder *f = *state;
	struct destination d;
	struct stat st;
	struct error e;

	put(f->other, "old", 0600);
	assert_int_equal(symlink("other", f->file), 0);
	assert_int_equal(output_open(&d, f->file, &e), STATUS_OK);
	send(&d, "new");
	assert_int_equal(d.commit(d.sink.context, &e), STATUS_OK);
	d.close(d.sink.context);
	assert_int_equal(lstat(f->file, &st), 0);
	assert_true(S_ISLNK(st.st_mode));
	assert_file(f->other, "new", 0600);
}

static void
pipes_and_devices_are_written_to(void **state)
{
	struct folder *f = *state;
	struct destination d;
	char bytes[10] = "";
	struct stat st;
	struct error e;
	int fd;

	assert_int_equal(mkfifo(f->file, 0600), 0);
	fd = open(f->file, O_RDWR);
	assert_true(fd >= 0);
	assert_int_equal(output_open(&d, f->file, &e), STATUS_OK);
	send(&d, "through");
	assert_int_equal(read(fd, bytes, sizeof(bytes)), 7);
	assert_string_equal(bytes, "through");
	assert_int_equal(d.commit(d.sink.context, &e), STATUS_OK);
	d.close(d.sink.context);
	close(fd);
	assert_int_equal(lstat(f->file, &st), 0);
	assert_true(S_ISFIFO(st.st_mode));
	assert_int_equal(output_open(&d, "/dev/full", &e), STATUS_OK);
	assert_int_equal(d.sink.write(d.sink.context, "x", 1, &e), STATUS_RETRY);
	assert_non_null(strstr(e.text, "/dev/full"));
	d.close(d.sink.context);
}

/* A limit on the size of files stands for a full disk: it has room for 1000 bytes, and
 * for so many in reserve. */
static void
room_is_kept(void **state)
{
	const struct rlimit full = { 1000 + RESERVE, RLIM_INFINITY };
	struct folder *f = *state;
	static char half[500], more[501], end[RESERVE];
	struct rlimit before;
	struct destination d;
	struct stat st;
	struct error e;

	assert_int_equal(output_open(&d, f->file, &e), STATUS_OK);
	assert_int_equal(getrlimit(RLIMIT_FSIZE, &before), 0);
	signal(SIGXFSZ, SIG_IGN);
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &full), 0);
	d.sink.reserve(d.sink.context, RESERVE);
	memset(half, 'h', sizeof(half));
	memset(end, 'e', sizeof(end));
	assert_int_equal(d.sink.write(d.sink.context, half, 500, &e), STATUS_OK);
	assert_int_equal(d.sink.write(d.sink.context, more, 501, &e), STATUS_RETRY);
	assert_non_null(strstr(e.text, "out.pdf cannot be written: File too large"));
	assert_int_equal(d.sink.write(d.sink.context, half, 500, &e), STATUS_OK);
	assert_int_equal(d.sink.write(d.sink.context, half, 1, &e), STATUS_RETRY);
	d.sink.reserve(d.sink.context, 0);
	assert_int_equal(d.sink.write(d.sink.context, end, RESERVE - 1, &e), STATUS_OK);
	assert_int_equal(d.sink.write(d.sink.context, end, 2, &e), STATUS_RETRY);
	assert_int_equal(d.sink.write(d.sink.context, "E", 1, &e), STATUS_OK);
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &before), 0);
	assert_int_equal(d.commit(d.sink.context, &e), STATUS_OK);
	d.close(d.sink.context);
	assert_int_equal(stat(f->file, &st), 0);
	assert_int_equal(st.st_size, 1000 + RESERVE);
	assert_int_equal(count(f->file, 'h'), 1000);
	assert_int_equal(count(f->file, 'e'), RESERVE - 1);
}

/* What was taken and not used is given back; pipes keep no room. */
static void
files_end_where_their_bytes_do(void **state)
{
	struct folder *f = *state;
	struct destination d;
	struct stat st;
	struct error e;

	assert_int_equal(output_open(&d, f->file, &e), STATUS_OK);
	d.sink.reserve(d.sink.context, RESERVE);
	send(&d, "one ");
	send(&d, "two");
	d.sink.reserve(d.sink.context, 0);
	assert_int_equal(d.commit(d.sink.context, &e), STATUS_OK);
	d.close(d.sink.context);
	assert_file(f->file, "one two", 0640);
	assert_int_equal(stat(f->file, &st), 0);
	assert_true(st.st_blocks * 512 < RESERVE);
	assert_int_equal(output_open(&d, "/dev/null", &e), STATUS_OK);
	assert_null(d.sink.reserve);
	d.close(d.sink.context);
}

static void
places_that_cannot_be_written_are_said(void **state)
{
	struct folder *f = *state;
	struct destination d = { .note = "untouched" };
	struct error e;

	assert_int_equal(output_open(&d, f->path, &e), STATUS_SETTINGS);
	assert_non_null(strstr(e.text, "is a folder"));
	assert_int_equal(output_open(&d, "/nonexistent/out.pdf", &e), STATUS_SETTINGS);
	assert_non_null(strstr(e.text, "/nonexistent/out.pdf"));
	put(f->file, "a file", 0600);
	snprintf(f->other, sizeof(f->other), "%s/below", f->file);
	assert_int_equal(output_open(&d, f->other, &e), STATUS_SETTINGS);
	assert_string_equal(d.note, "untouched");
	assert_int_equal(entries(f->path), 1);
}

int
main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		T(files_appear_whole),
		T(files_are_replaced_when_whole),
		T(nothing_is_left_without_commit),
		T(links_stay_links),
		T(pipes_and_devices_are_written_to),
		T(room_is_kept),
		T(files_end_where_their_bytes_do),
		T(places_that_cannot_be_written_are_said),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
