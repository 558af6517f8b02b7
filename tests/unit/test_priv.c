/* Tests of lib/base/priv.c. What changes the process is done in a child. */
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <pwd.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "lib/base/priv.h"

static void
need_root(void)
{
	if (geteuid() != 0) {
		print_message("# needs root: there is nothing to give up\n");
		skip();
	}
}

/* Runs work in a child; it returns 0, or the number of what went wrong. */
static int
in_child(int (*work)(void))
{
	pid_t child = fork();
	int status;

	if (child == 0)
		_exit(work());
	assert_true(child > 0);
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_true(WIFEXITED(status));
	return WEXITSTATUS(status);
}

static void
looks_accounts_up(void **state)
{
	const struct passwd *nobody = getpwnam("nobody");
	struct identity id = { 1, 2 };
	struct error e = { "" };

	(void)state;
	assert_non_null(nobody);
	assert_int_equal(priv_lookup(&id, "nobody", &e), STATUS_OK);
	assert_int_equal(id.uid, nobody->pw_uid);
	assert_int_equal(id.gid, nobody->pw_gid);
}

static void
lookup_refuses_strangers_and_root(void **state)
{
	static const struct {
		const char *user, *words;
	} cases[] = {
		{ "no-such-account", "there is no account 'no-such-account'" },
		{ "", "there is no account ''" },
		{ "nobody:x", "there is no account 'nobody:x'" },
		{ "root", "the account 'root' is root" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct identity id = { 1, 2 };
		struct error e = { "" };

		assert_int_equal(priv_lookup(&id, cases[i].user, &e), STATUS_SETTINGS);
		assert_non_null(strstr(e.text, cases[i].words));
		assert_int_equal(id.uid, 1);
		assert_int_equal(id.gid, 2);
	}
}

/* Each line is one way in which root could have stayed, or could come back. */
static int
drop_and_try(void)
{
	const gid_t groups[] = { 0, 4, 7 };
	uid_t r, f, s;
	gid_t gr, gf, gs;
	struct identity id;

	if (setgroups(3, groups) != 0 || priv_lookup(&id, "nobody", NULL) != STATUS_OK)
		return 1;
	if (priv_drop(&id, NULL) != STATUS_OK)
		return 2;
	if (getresuid(&r, &f, &s) != 0 || r != id.uid || f != id.uid || s != id.uid)
		return 3;
	if (getresgid(&gr, &gf, &gs) != 0 || gr != id.gid || gf != id.gid || gs != id.gid)
		return 4;
	if (getgroups(0, NULL) != 0)
		return 5;
	if (setuid(0) == 0 || seteuid(0) == 0 || setresuid(0, 0, 0) == 0)
		return 6;
	if (setgid(0) == 0 || setegid(0) == 0 || setgroups(1, groups) == 0)
		return 7;
	if (prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) != 1)
		return 8;
	if (open("/etc/shadow", O_RDONLY) >= 0)
		return 9;
	return priv_drop(&id, NULL) == STATUS_OK ? 0 : 10; /* nothing left to do */
}

static void
drop_is_for_good(void **state)
{
	(void)state;
	need_root();
	assert_int_equal(in_child(drop_and_try), 0);
}

static int
drop_to_root(void)
{
	const struct identity roots[] = { { 0, 0 }, { 0, 65534 }, { 65534, 0 } };

	for (int i = 0; i < 3; i++) {
		struct error e = { "" };

		if (priv_drop(&roots[i], &e) != STATUS_SETTINGS)
			return 1 + i;
		if (!strstr(e.text, "the worker's account is root"))
			return 4 + i;
	}
	return geteuid() == 0 && getegid() == 0 ? 0 : 7;
}

static void
drop_refuses_root(void **state)
{
	(void)state;
	need_root();
	assert_int_equal(in_child(drop_to_root), 0);
}

/* Root by its saved user alone is root still. */
static int
drop_saved_root(void)
{
	struct identity id;

	if (priv_lookup(&id, "nobody", NULL) != STATUS_OK ||
	    setresuid(id.uid, id.uid, 0) != 0)
		return 1;
	/* It cannot give up its groups: the caller is told. */
	if (priv_drop(&id, NULL) != STATUS_SETTINGS)
		return 2;
	return 0;
}

static void
drop_sees_a_saved_root(void **state)
{
	(void)state;
	need_root();
	assert_int_equal(in_child(drop_saved_root), 0);
}

static int
drop_as_user(void)
{
	const struct identity other = { 65533, 65533 };
	uid_t before;

	if (geteuid() == 0 && setresuid(65534, 65534, 65534) != 0)
		return 1;
	before = geteuid();
	if (priv_drop(&other, NULL) != STATUS_OK)
		return 2;
	return geteuid() == before ? 0 : 3;
}

static void
drop_leaves_users_alone(void **state)
{
	(void)state;
	assert_int_equal(in_child(drop_as_user), 0);
}

static int
hide(void)
{
	struct rlimit core = { 4096, 4096 };

	setrlimit(RLIMIT_CORE, &core);
	prctl(PR_SET_DUMPABLE, 1, 0, 0, 0);
	priv_hide();
	if (getrlimit(RLIMIT_CORE, &core) != 0 || core.rlim_cur != 0 ||
	    core.rlim_max != 0)
		return 1;
	return prctl(PR_GET_DUMPABLE, 0, 0, 0, 0) == 0 ? 0 : 2;
}

static void
hidden_from_core_and_ptrace(void **state)
{
	(void)state;
	assert_int_equal(in_child(hide), 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(looks_accounts_up),
		cmocka_unit_test(lookup_refuses_strangers_and_root),
		cmocka_unit_test(drop_is_for_good),
		cmocka_unit_test(drop_refuses_root),
		cmocka_unit_test(drop_sees_a_saved_root),
		cmocka_unit_test(drop_leaves_users_alone),
		cmocka_unit_test(hidden_from_core_and_ptrace),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
