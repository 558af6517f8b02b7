/* Tests of lib/base/file.c: reading at a place. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <errno.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cmocka.h>

#include "lib/base/file.h"

static void
reading_at_a_place_is_whole_or_fails(void **state)
{
	int fd = memfd_create("file", MFD_CLOEXEC);
	char bytes[8] = "";

	(void)state;
	assert_true(fd >= 0 && file_write(fd, "abcdef", 6));
	assert_true(file_read_at(fd, bytes, 4, 2));
	assert_memory_equal(bytes, "cdef", 5);
	assert_true(file_read_at(fd, bytes, 0, 99));
	errno = 0;
	assert_false(file_read_at(fd, bytes, 5, 2));
	assert_int_equal(errno, EIO);
	close(fd);
	assert_false(file_read_at(fd, bytes, 1, 0));
	assert_int_equal(errno, EBADF);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(reading_at_a_place_is_whole_or_fails),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
