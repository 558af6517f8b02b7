/* Tests of lib/login/vault.c: asking, storing, and what the file may be. What a death in
 * between leaves is in test_tokenfile_death.c. */
#include <signal.h>
#include <sys/resource.h>
#include <sys/wait.h>

#include "tests/unit/vault_rig.h"

#include "tests/unit/steps_rig.h"

enum {
	CROWD = 20,    /* processes that ask at once */
	PATIENCE = 60, /* seconds after which a lock counts as never given back */
};

static const char LOGIN_WORDS[] =
    "nobody has signed in for account Office365 yet; run: postroom login Office365";

/* -- asking and storing -------------------------------------------------------------- */

static void
login_is_wanted_first(void **state)
{
	(void)state;
	assert_int_equal(ask_in_vain(vault, STATUS_SETTINGS, LOGIN_WORDS), 0);
	sign_in();
	assert_string_equal(ask(vault, VAULT_READY, 0).tokens->access, "access-1");
}

static void
old_token_is_renewed(void **state)
{
	struct vault_want want;
	uint32_t login;

	(void)state;
	sign_in();
	login = look(vault).login;
	make_old();
	ask(vault, VAULT_GRANT, 0);
	assert_string_equal(grant.refresh, "refresh-1");
	assert_string_equal(grant.client_secret, "");
	assert_string_equal(grant.assertion, "");
	ask(second, VAULT_BUSY, 0);
	snprintf(answer.access, sizeof(answer.access), "access-2");
	snprintf(answer.refresh, sizeof(answer.refresh), "refresh-2");
	good(vault_store(vault, &answer, &error));
	want = ask(second, VAULT_READY, 0);
	assert_string_equal(want.tokens->access, "access-2");
	assert_string_equal(want.tokens->refresh, "refresh-2");
	assert_int_equal(want.tokens->login, login); /* nobody signed in */
	make_old();
	ask(second, VAULT_GRANT, 0);
	answer.refresh[0] = '\0'; /* the server did not rotate it */
	good(vault_store(second, &answer, &error));
	assert_string_equal(look(vault).refresh, "refresh-2");
}

/* A token that the server did not take is old, whatever it says of itself. */
static void
refused_token_is_renewed(void **state)
{
	uint32_t serial = tokens_serial("access-1");

	(void)state;
	sign_in();
	ask(vault, VAULT_READY, serial + 1);
	ask(vault, VAULT_GRANT, serial);
	snprintf(answer.access, sizeof(answer.access), "access-2");
	good(vault_store(vault, &answer, &error));
	assert_string_equal(ask(second, VAULT_READY, serial).tokens->access, "access-2");
}

static void
nothing_is_stored_without_the_lock(void **state)
{
	(void)state;
	sign_in();
	snprintf(answer.access, sizeof(answer.access), "access-2");
	assert_int_equal(vault_store(vault, &answer, &error), STATUS_INVALID);
	refuse(OAUTH_WAIT, -1, "late");
	assert_string_equal(ask(vault, VAULT_READY, 0).tokens->access, "access-1");
	assert_int_equal(look(vault).failed.until.name[0], '\0');
}

/* What a process without root hands over is not believed to be tokens. */
static void
strange_answer_is_not_stored(void **state)
{
	(void)state;
	sign_in();
	make_old();
	ask(vault, VAULT_GRANT, 0);
	snprintf(answer.access, sizeof(answer.access), "a\nb");
	assert_int_equal(vault_store(vault, &answer, &error), STATUS_INVALID);
	assert_null(strstr(error.text, "a\nb"));
	ask(second, VAULT_GRANT, 0); /* the lock was given back */
	assert_string_equal(grant.refresh, "refresh-1");
	vault_unlock(second);
	for (int i = 0; i < 4; i++) { /* no end, and nothing at all */
		char *const room = i % 2 ? answer.access : answer.refresh;

		snprintf(answer.access, sizeof(answer.access), "access-2");
		snprintf(answer.refresh, sizeof(answer.refresh), "refresh-2");
		memset(room, 'x', sizeof(answer.access));
		if (i > 1)
			answer.access[0] = '\0';
		ask(vault, VAULT_GRANT, 0);
		assert_int_equal(vault_store(vault, &answer, &error), STATUS_INVALID);
		assert_int_equal(vault_sign_in(vault, &answer, &error), STATUS_INVALID);
		assert_non_null(strstr(error.text, "account Office365 are no tokens"));
		assert_string_equal(look(vault).refresh, "refresh-1");
	}
}

/* A grant is for who can keep what it brings: the service may take the old token back. */
static void
full_disk_asks_nobody(void **state)
{
	struct rlimit before, limit;

	(void)state;
	signal(SIGXFSZ, SIG_IGN);
	sign_in();
	make_old();
	assert_int_equal(getrlimit(RLIMIT_FSIZE, &before), 0);
	limit = before;
	limit.rlim_cur = TOKENS_MAX / 2;
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &limit), 0);
	ask_in_vain(vault, STATUS_RETRY, "No tokens are asked for");
	assert_int_equal(grant.refresh[0], '\0');
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &before), 0);
	assert_string_equal(look(vault).refresh, "refresh-1");
	ask(vault, VAULT_GRANT, 0);
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &limit), 0); /* it fills while asking */
	snprintf(answer.refresh, sizeof(answer.refresh), "refresh-2");
	good(vault_store(vault, &answer, &error));
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &before), 0);
	assert_string_equal(look(second).refresh, "refresh-2");
}

/* An account that was changed to an application by hand: it asks once, not for each job.
 */
static void
an_application_replaces_a_login(void **state)
{
	static char client[] = "an-application";

	(void)state;
	need_root();
	sign_in();
	write_file(secret_file, "secret", 6);
	account.auth = AUTH_OAUTH_APP;
	account.client_id = client;
	account.client_secret_file = secret_file;
	reopen();
	ask(vault, VAULT_GRANT, 0);
	snprintf(answer.access, sizeof(answer.access), "access-of-the-application");
	answer.refresh[0] = '\0';
	good(vault_store(vault, &answer, &error));
	assert_string_equal(
	    ask(vault, VAULT_READY, 0).tokens->access, "access-of-the-application");
	assert_string_equal(look(vault).refresh, "");
}

/* What a person does counts, under whatever settings. */
static void
login_replaces_what_is_there(void **state)
{
	static char client[] = "an-application";

	(void)state;
	need_root();
	sign_in();
	write_file(secret_file, "secret", 6);
	account.auth = AUTH_OAUTH_APP;
	account.client_id = client;
	account.client_secret_file = secret_file;
	reopen();
	snprintf(answer.access, sizeof(answer.access), "access-2");
	answer.refresh[0] = '\0';
	sign_in();
	assert_string_equal(ask(vault, VAULT_READY, 0).tokens->access, "access-2");
}

static void
lock_is_held_by_grant_alone(void **state)
{
	(void)state;
	sign_in();
	good(vault_lock(vault, 0, &error));
	good(vault_lock(vault, 0, &error));
	assert_int_equal(vault_lock(second, 0, &error), STATUS_RETRY);
	ask(vault, VAULT_READY, 0); /* gives it back */
	good(vault_lock(second, 0, &error));
	make_old();
	ask(vault, VAULT_BUSY, 0);
	ask(second, VAULT_GRANT, 0); /* with the lock that it had */
	assert_int_equal(vault_lock(vault, 0, &error), STATUS_RETRY);
	vault_close(second); /* gives it back */
	good(vault_open(&second, folder, &account, &error));
	good(vault_lock(vault, 0, &error));
	vault_unlock(vault);
	vault_close(NULL);
}

/* Each asks again and again; who may ask the server says 'G', who is told that another
 * one does says 'B', who got it 'R'. */
static void
stand_in_the_crowd(int say, int gate)
{
	enum vault_answer got = VAULT_BUSY;
	struct vault_want want = { .refused = 0 };
	bool said = false;
	struct vault *v;
	char byte;

	if (vault_open(&v, folder, &account, NULL) != STATUS_OK)
		_exit(1);
	for (;;) {
		if (vault_ask(&got, v, &want, &grant, NULL) != STATUS_OK)
			_exit(2);
		if (got != VAULT_BUSY)
			break;
		if (!said && write(say, "B", 1) != 1)
			_exit(3);
		said = true;
		if (vault_lock(v, PATIENCE, NULL) != STATUS_OK)
			_exit(4);
	}
	if (write(say, got == VAULT_GRANT ? "G" : "R", 1) != 1)
		_exit(5);
	if (got == VAULT_READY)
		_exit(strcmp(want.tokens->access, "access-2") != 0);
	if (read(gate, &byte, 1) != 0) /* until all the others wait */
		_exit(6);
	snprintf(answer.access, sizeof(answer.access), "access-2");
	_exit(vault_store(v, &answer, NULL) != STATUS_OK);
}

static void
crowd_asks_once(void **state)
{
	int say[2], gate[2], status, said[128] = { 0 };
	unsigned char byte;

	(void)state;
	sign_in();
	make_old();
	assert_int_equal(pipe(say), 0);
	assert_int_equal(pipe(gate), 0);
	for (int i = 0; i < CROWD; i++)
		if (fork() == 0) {
			close(gate[1]);
			alarm(2 * PATIENCE);
			stand_in_the_crowd(say[1], gate[0]);
		}
	close(say[1]);
	close(gate[0]);
	while (said['G'] + said['B'] < CROWD && read(say[0], &byte, 1) == 1)
		said[byte & 127]++;
	assert_int_equal(said['G'], 1);
	assert_int_equal(said['B'], CROWD - 1);
	assert_int_equal(said['R'], 0);
	close(gate[1]);
	while (read(say[0], &byte, 1) == 1)
		said[byte & 127]++;
	assert_int_equal(said['G'], 1);
	assert_int_equal(said['R'], CROWD - 1);
	for (int i = 0; i < CROWD; i++)
		assert_true(wait(&status) > 0 && status == 0);
	close(say[0]);
}

static bool
finds_access_2(void)
{
	struct vault_want want = { .refused = 0 };
	enum vault_answer got;

	return vault_ask(&got, second, &want, &grant, NULL) == STATUS_OK &&
	    got == VAULT_READY && strcmp(want.tokens->access, "access-2") == 0;
}

/* Between looking and locking somebody else brings the tokens: nobody asks again. */
static void
lock_that_came_late_asks_nobody(void **state)
{
	long number = -1;
	pid_t child;

	(void)state;
	sign_in();
	make_old();
	ask(vault, VAULT_GRANT, 0);
	child = steps_start(finds_access_2);
	while (number != SYS_flock) /* it has read the old ones by now */
		assert_true(steps_next(child, &number));
	snprintf(answer.access, sizeof(answer.access), "access-2");
	good(vault_store(vault, &answer, &error));
	while (steps_next(child, &number))
		continue;
	good(vault_lock(vault, 0, &error)); /* and it keeps no lock */
}

/* Who died with the lock leaves it, and the tokens as they were. */
static void
death_of_the_one_who_asks(void **state)
{
	int ready[2];
	pid_t child;

	(void)state;
	sign_in();
	make_old();
	assert_int_equal(pipe(ready), 0);
	child = fork();
	if (child == 0) {
		struct vault_want want = { .refused = 0 };
		enum vault_answer got;

		if (vault_ask(&got, vault, &want, &grant, NULL) != STATUS_OK ||
		    got != VAULT_GRANT || write(ready[1], "r", 1) != 1)
			_exit(1);
		for (;;)
			pause();
	}
	assert_int_equal(read(ready[0], &(char){ 0 }, 1), 1);
	ask(second, VAULT_BUSY, 0);
	kill(child, SIGKILL);
	waitpid(child, NULL, 0);
	ask(second, VAULT_GRANT, 0);
	assert_string_equal(grant.refresh, "refresh-1");
	close(ready[0]);
	close(ready[1]);
}

/* -- what the file may be ------------------------------------------------------------ */

static void
damage_is_told(void **state)
{
	const struct tokens *t = NULL;
	char name[PATH_ROOM];
	bool damaged = true;

	(void)state;
	good(vault_look(&t, vault, &damaged, &error));
	assert_false(damaged);
	sign_in();
	snprintf(name, sizeof(name), "%s/office365", path);
	assert_int_equal(truncate(name, 100), 0);
	good(vault_look(&t, vault, &damaged, &error));
	assert_true(damaged);
	assert_int_equal(t->refresh[0], '\0');
	ask_in_vain(vault, STATUS_SETTINGS,
	    "the stored tokens of account Office365 are damaged; run: postroom login "
	    "Office365");
	sign_in();
	good(vault_look(&t, vault, &damaged, &error));
	assert_false(damaged);
	assert_int_equal(chmod(name, 0640), 0);
	ask_in_vain(vault, STATUS_SETTINGS, "is no file of user");
	assert_int_equal(vault_look(&t, vault, &damaged, &error), STATUS_SETTINGS);
	sign_in(); /* replaces it */
	ask(vault, VAULT_READY, 0);
}

static void
unsafe_names_are_refused(void **state)
{
	static char name[] = "office365.lock";
	struct vault *v = NULL;

	(void)state;
	account.name = name;
	assert_int_equal(vault_open(&v, folder, &account, &error), STATUS_SETTINGS);
	assert_null(v);
}

/* Another name's case is no other account. */
static void
case_does_not_count(void **state)
{
	static char name[] = "oFFICE365";

	(void)state;
	sign_in();
	account.name = name;
	reopen();
	ask(vault, VAULT_READY, 0);
}

/* Tokens are for the settings that they were asked for with, and for no other. */
static void
changed_settings_make_it_empty(void **state)
{
	static char other[] = "another-client", *before;

	(void)state;
	sign_in();
	before = account.client_id;
	account.client_id = other;
	reopen();
	assert_int_equal(look(vault).access[0], '\0');
	assert_int_equal(look(vault).refresh[0], '\0');
	ask_in_vain(vault, STATUS_SETTINGS,
	    "the settings of account Office365 have changed since somebody signed in for "
	    "it; run: postroom login Office365");
	good(vault_lock(vault, 0, &error));
	refuse(OAUTH_SETTINGS, -1, "no such client"); /* does not touch what is there */
	account.client_id = before;
	reopen();
	assert_string_equal(ask(vault, VAULT_READY, 0).tokens->refresh, "refresh-1");
	account.client_id = other;
	reopen();
	snprintf(answer.refresh, sizeof(answer.refresh), "refresh-other");
	sign_in();
	assert_string_equal(look(vault).refresh, "refresh-other");
	account.client_id = before;
	reopen();
	assert_int_equal(look(vault).refresh[0], '\0');
}

/* Only the clock of this boot counts: after a start all is asked anew. */
static void
clock_of_another_boot_is_not_believed(void **state)
{
	struct tokens t;

	(void)state;
	sign_in();
	t = look(vault);
	t.born.wall = t.ends.wall = 0; /* somebody set the clock: it does not matter */
	put(&t);
	ask(vault, VAULT_READY, 0);
	t = look(vault);
	snprintf(t.born.name, MOMENT_BOOT_MAX, "another");
	snprintf(t.ends.name, MOMENT_BOOT_MAX, "another");
	put(&t);
	ask(vault, VAULT_GRANT, 0);
	refuse(OAUTH_LOCKED, 1000, "locked");
	assert_true(ask_in_vain(vault, STATUS_RETRY, "locked") > 0);
	t = look(vault);
	snprintf(t.failed.until.name, MOMENT_BOOT_MAX, "another");
	put(&t);
	ask(vault, VAULT_GRANT, 0);
	vault_unlock(vault);
	t.failed.until = moment_now(); /* one that was damaged, or is another program's */
	t.failed.until.boot += (int64_t)(TOKENS_PAUSE_MAX + 60) * SECOND;
	put(&t);
	ask(vault, VAULT_GRANT, 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		vault_test(login_is_wanted_first),
		vault_test(old_token_is_renewed),
		vault_test(refused_token_is_renewed),
		vault_test(nothing_is_stored_without_the_lock),
		vault_test(strange_answer_is_not_stored),
		vault_test(full_disk_asks_nobody),
		vault_test(an_application_replaces_a_login),
		vault_test(login_replaces_what_is_there),
		vault_test(lock_is_held_by_grant_alone),
		vault_test(crowd_asks_once),
		vault_test(lock_that_came_late_asks_nobody),
		vault_test(death_of_the_one_who_asks),
		vault_test(damage_is_told),
		vault_test(unsafe_names_are_refused),
		vault_test(case_does_not_count),
		vault_test(changed_settings_make_it_empty),
		vault_test(clock_of_another_boot_is_not_believed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
