/* Tests of lib/base/hidden.c. That nothing of a secret is left in the heap of a child is
 * seen from outside: tests/integration/memory.t. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "lib/base/hidden.h"

enum {
	SMALL = 40,
	LARGE = 3 * 4096 + 5,
	WORD = 24,
	LOOKED_AT = 64 * 1024, /* bytes of the stack */
	FREED_SIZES = 3,
	FREED_COUNT = 5,
};

static bool
is_all(const unsigned char *bytes, size_t size, unsigned char wanted)
{
	for (size_t i = 0; i < size; i++)
		if (bytes[i] != wanted)
			return false;
	return true;
}

static void
is_zeros_that_can_be_written(void **state)
{
	const size_t sizes[] = { 1, SMALL, LARGE };

	(void)state;
	for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		unsigned char *memory = hidden_new(sizes[i]);

		assert_non_null(memory);
		assert_true(is_all(memory, sizes[i], 0));
		memset(memory, 'x', sizes[i]);
		assert_true(is_all(memory, sizes[i], 'x'));
		hidden_free(memory, sizes[i]);
	}
}

static void
nothing_is_freed(void **state)
{
	(void)state;
	hidden_free(NULL, SMALL);
}

static void
too_much_is_refused(void **state)
{
	(void)state;
	assert_null(hidden_new(SIZE_MAX / 2));
	assert_null(hidden_new(0));
}

/* How a child ends that finds zeros, and whose own child does so too. */
static int
look_as_child(const unsigned char *memory, size_t size, int depth)
{
	pid_t child = fork();
	int state = -1;

	if (child == 0) {
		int code = is_all(memory, size, 0) ? 0 : 1;

		if (code == 0 && depth > 1)
			code = look_as_child(memory, size, depth - 1);
		_exit(code);
	}
	if (child < 0 || waitpid(child, &state, 0) != child || !WIFEXITED(state))
		return -1;
	return WEXITSTATUS(state);
}

static void
children_see_zeros(void **state)
{
	unsigned char *small = hidden_new(SMALL), *large = hidden_new(LARGE);

	(void)state;
	assert_non_null(small);
	assert_non_null(large);
	memset(small, 's', SMALL);
	memset(large, 'l', LARGE);
	assert_int_equal(look_as_child(small, SMALL, 2), 0);
	assert_int_equal(look_as_child(large, LARGE, 2), 0);
	/* and it is still the parent's */
	assert_true(is_all(small, SMALL, 's'));
	assert_true(is_all(large, LARGE, 'l'));
	hidden_free(small, SMALL);
	hidden_free(large, LARGE);
}

/* -- what is left behind ----------------------------------------------------------- */

/* A sanitizer's heap is another one, which does not heed mallopt(3), and its stack may be
 * there, too. */
#if defined(__has_feature)
#if __has_feature(address_sanitizer)
#define OTHER_MEMORY
#endif
#elif defined(__SANITIZE_ADDRESS__)
#define OTHER_MEMORY
#endif

#ifndef OTHER_MEMORY
/* The word is not in the program as it stands here. */
static void
make_word(char word[WORD])
{
	for (size_t i = 0; i < WORD; i++)
		word[i] = (char)('A' + (i * 7 + 3) % 26);
}

static void __attribute__((noinline)) leave_on_stack(void)
{
	char room[LOOKED_AT / 4];

	for (size_t at = 0; at + WORD <= sizeof(room); at += WORD)
		make_word(room + at);
	/* or the compiler leaves it out */
	__asm__ volatile("" : : "r"(room) : "memory");
}

/* How often the word stands in the part of the stack that is not in use. */
static size_t __attribute__((noinline)) count_on_stack(void)
{
	char here, word[WORD], *copy = malloc(LOOKED_AT);
	off_t start = (off_t)(uintptr_t)&here - LOOKED_AT - 1024;
	FILE *mem = fopen("/proc/self/mem", "rb");
	size_t count = 0;

	assert_non_null(copy);
	assert_non_null(mem);
	assert_int_equal(fseeko(mem, start, SEEK_SET), 0);
	assert_int_equal(fread(copy, 1, LOOKED_AT, mem), LOOKED_AT);
	fclose(mem);
	make_word(word);
	for (size_t i = 0; i + WORD <= LOOKED_AT; i++)
		count += memcmp(copy + i, word, WORD) == 0;
	free(copy);
	return count;
}

static void
dead_stack_is_swept(void **state)
{
	(void)state;
	leave_on_stack();
	assert_true(count_on_stack() > 0); /* or this test sees nothing */
	leave_on_stack();
	hidden_sweep();
	assert_int_equal(count_on_stack(), 0);
}

/* How many of the addresses hold what stood there when they were freed. */
static size_t
count_as_before(const uintptr_t *address, size_t count)
{
	FILE *mem = fopen("/proc/self/mem", "rb");
	char word[WORD], found[WORD];
	size_t same = 0;

	assert_non_null(mem);
	setvbuf(mem, NULL, _IONBF, 0);
	make_word(word);
	for (size_t i = 0; i < count; i++) {
		assert_int_equal(fseeko(mem, (off_t)address[i], SEEK_SET), 0);
		assert_int_equal(fread(found, 1, WORD, mem), WORD);
		same += memcmp(found, word, WORD) == 0;
	}
	fclose(mem);
	return same;
}

static void
freed_memory_is_overwritten(void **state)
{
	const size_t size[FREED_SIZES] = { 100, 1032, 5000 };
	uintptr_t address[FREED_SIZES * FREED_COUNT];
	size_t n = 0;

	(void)state;
	hidden_overwrite_freed();
	for (size_t i = 0; i < FREED_SIZES; i++) {
		char *piece[FREED_COUNT];

		for (size_t k = 0; k < FREED_COUNT; k++) {
			piece[k] = malloc(size[i]);
			assert_non_null(piece[k]);
			make_word(piece[k] + size[i] / 2);
			address[n++] = (uintptr_t)(piece[k] + size[i] / 2);
		}
		for (size_t k = 0; k < FREED_COUNT; k++)
			free(piece[k]);
	}
	hidden_sweep();
	assert_int_equal(count_as_before(address, n), 0);
}
#endif

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(is_zeros_that_can_be_written),
		cmocka_unit_test(nothing_is_freed),
		cmocka_unit_test(too_much_is_refused),
		cmocka_unit_test(children_see_zeros),
#ifndef OTHER_MEMORY
		cmocka_unit_test(dead_stack_is_swept),
		cmocka_unit_test(freed_memory_is_overwritten),
#endif
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
