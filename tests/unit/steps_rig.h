/*
 * A child that does something system call by system call, so that a test can kill it, or
 * change the world, between any two.
 * To be included once, by a test.
 */
#ifndef POSTROOM_TESTS_STEPS_RIG_H
#define POSTROOM_TESTS_STEPS_RIG_H

#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

/* Starts a child that stands still until it is told to go on; what it does then: */
static inline pid_t
steps_start(bool (*deed)(void))
{
	pid_t child = fork();
	int status;

	assert_true(child >= 0);
	if (child == 0) {
		if (ptrace(PTRACE_TRACEME, 0, NULL, NULL) != 0)
			_exit(2);
		raise(SIGSTOP);
		_exit(!deed());
	}
	assert_int_equal(waitpid(child, &status, 0), child);
	if (WIFEXITED(status)) {
		print_message("# needs ptrace(2), which is forbidden here\n");
		skip();
	}
	assert_int_equal(
	    ptrace(PTRACE_SETOPTIONS, child, NULL,
		(void *)(uintptr_t)(PTRACE_O_TRACESYSGOOD | PTRACE_O_EXITKILL)),
	    0);
	return child;
}

/* Lets it go on to its next stop, one before and one after each system call; *number is
 * that of the call which it is about to make, or -1. False: it ended, and well. */
static inline bool
steps_next(pid_t child, long *number)
{
	struct __ptrace_syscall_info info = { .op = 0 };
	int status;

	assert_int_equal(ptrace(PTRACE_SYSCALL, child, NULL, NULL), 0);
	assert_int_equal(waitpid(child, &status, 0), child);
	if (!WIFSTOPPED(status)) {
		assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 0);
		return false;
	}
	assert_true(ptrace(PTRACE_GET_SYSCALL_INFO, child, sizeof(info), &info) > 0);
	*number = info.op == PTRACE_SYSCALL_INFO_ENTRY ? (long)info.entry.nr : -1;
	return true;
}

#endif
