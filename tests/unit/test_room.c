/* Tests of scan2mail/room.c. A limit on the size of files stands for a full disk. */
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "scan2mail/room.h"

enum { PIECE = 1000, RESERVE = 300 }; /* bytes */

static int
set_up(void **state)
{
	static int fd;

	signal(SIGXFSZ, SIG_IGN);
	fd = memfd_create("room", MFD_CLOEXEC);
	*state = &fd;
	return fd < 0;
}

static int
tear_down(void **state)
{
	const struct rlimit none = { RLIM_INFINITY, RLIM_INFINITY };

	setrlimit(RLIMIT_FSIZE, &none);
	return close(*(int *)*state);
}

static void
has_room_for(rlim_t bytes)
{
	const struct rlimit full = { bytes, RLIM_INFINITY };

	assert_int_equal(setrlimit(RLIMIT_FSIZE, &full), 0);
}

static off_t
size_of(int fd)
{
	struct stat st;

	assert_int_equal(fstat(fd, &st), 0);
	return st.st_size;
}

static void
end_finds_its_room(void **state)
{
	struct room room = { .reserve = RESERVE };
	char piece[PIECE], bytes[PIECE + RESERVE];
	int fd = *(int *)*state;

	memset(piece, 'p', sizeof(piece));
	has_room_for(PIECE + RESERVE);
	assert_true(room_append(&room, fd, piece, PIECE));
	errno = 0;
	assert_false(room_append(&room, fd, piece, 1));
	assert_int_equal(errno, EFBIG);
	assert_int_equal(room.len, PIECE);
	room.reserve = 0;
	assert_true(room_append(&room, fd, "e", 1));
	assert_true(room_append(&room, fd, piece, RESERVE - 1));
	assert_false(room_append(&room, fd, piece, 1));
	assert_true(room_end(&room, fd));
	assert_int_equal(size_of(fd), PIECE + RESERVE);
	assert_int_equal(pread(fd, bytes, sizeof(bytes), 0), sizeof(bytes));
	assert_int_equal(bytes[PIECE - 1], 'p');
	assert_int_equal(bytes[PIECE], 'e');
	assert_int_equal(bytes[PIECE + RESERVE - 1], 'p');
}

static void
without_reserve_none_is_taken(void **state)
{
	struct room room = { 0 };
	int fd = *(int *)*state;

	assert_true(room_append(&room, fd, "abc", 3));
	assert_int_equal(size_of(fd), 3);
	assert_int_equal(room.taken, 0);
}

/* What a piece that failed has left is written over, and what was taken is given back. */
static void
file_ends_where_its_bytes_do(void **state)
{
	struct room room = { 0 };
	char piece[PIECE] = "", bytes[8];
	int fd = *(int *)*state;

	has_room_for(PIECE / 2);
	assert_false(room_append(&room, fd, piece, PIECE)); /* a half of it is there */
	assert_true(size_of(fd) > 0);
	assert_int_equal(room.len, 0);
	has_room_for(RLIM_INFINITY);
	room.reserve = RESERVE;
	assert_true(room_append(&room, fd, "one", 3));
	assert_true(size_of(fd) >= 3 + RESERVE);
	assert_true(room_append(&room, fd, "two", 3));
	assert_true(room_end(&room, fd));
	assert_int_equal(size_of(fd), 6);
	assert_int_equal(pread(fd, bytes, sizeof(bytes), 0), 6);
	assert_memory_equal(bytes, "onetwo", 6);
	assert_true(room_append(&room, fd, "!", 1));
	assert_true(size_of(fd) >= 7 + RESERVE);
}

/* A pipe has no room to be taken. */
static void
what_takes_no_room_is_written(void **state)
{
	struct room room = { .reserve = RESERVE };
	int ends[2];

	(void)state;
	assert_int_equal(pipe(ends), 0);
	assert_false(room_append(&room, ends[1], "x", 1)); /* nor a place in it */
	assert_int_equal(errno, ESPIPE);
	close(ends[0]);
	close(ends[1]);
}

int
main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		T(end_finds_its_room),
		T(without_reserve_none_is_taken),
		T(file_ends_where_its_bytes_do),
		T(what_takes_no_room_is_written),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
