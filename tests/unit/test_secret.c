/* Tests of lib/account/secret.c, on files of root in a folder of their own below /tmp. */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "lib/base/file.h"
#include "lib/account/secret.h"

enum {
	STRANGER = 65534,
};

#define CANARY "hunter2"

static char folder[] = "/tmp/postroom-test-XXXXXX";
static char inner[64], path[80], other[80];

static int
make_folder(void **state)
{
	(void)state;
	if (!mkdtemp(folder))
		return -1;
	snprintf(inner, sizeof(inner), "%s/secrets", folder);
	snprintf(path, sizeof(path), "%s/secrets/office365", folder);
	snprintf(other, sizeof(other), "%s/other", folder);
	return mkdir(inner, 0700);
}

static int
remove_folder(void **state)
{
	(void)state;
	rmdir(inner);
	return rmdir(folder);
}

static void
write_file(const void *bytes, size_t len)
{
	int fd = open(path, O_CREAT | O_TRUNC | O_WRONLY | O_CLOEXEC, 0600);

	assert_true(fd >= 0);
	assert_true(file_write(fd, bytes, len));
	close(fd);
}

/* Each test finds the canary as the password. */
static int
make_file(void **state)
{
	(void)state;
	if (geteuid() == 0)
		write_file(CANARY "\n", strlen(CANARY) + 1);
	return 0;
}

static int
remove_file(void **state)
{
	(void)state;
	unlink(other);
	unlink(path);
	return chmod(inner, 0700);
}

static void
need_root(void)
{
	if (geteuid() != 0) {
		print_message("# needs root: a file that belongs to root\n");
		skip();
	}
}

static void
assert_gives(const void *bytes, size_t len, const char *password)
{
	struct error e = { "" };
	struct secret s;

	write_file(bytes, len);
	memset(&s, 'z', sizeof(s));
	if (secret_read(&s, path, &e) != STATUS_OK)
		fail_msg("%s", e.text);
	assert_string_equal(s.text, password);
}

/* Refused with these words; nothing stored, nothing told. */
static void
assert_refused(const char *name, const char *words)
{
	struct error e = { "" };
	struct secret s, before;

	memset(&s, 'z', sizeof(s));
	before = s;
	assert_int_equal(secret_read(&s, name, &e), STATUS_SETTINGS);
	assert_memory_equal(&s, &before, sizeof(s));
	if (!strstr(e.text, words))
		fail_msg("'%s' is not in '%s'", words, e.text);
	assert_non_null(strstr(e.text, folder));
	assert_null(strstr(e.text, "hunter"));
}

static void
assert_bytes_refused(const void *bytes, size_t len, const char *words)
{
	write_file(bytes, len);
	assert_refused(path, words);
}

static void
one_line_end_is_taken_off(void **state)
{
	(void)state;
	need_root();
	assert_gives("x", 1, "x");
	assert_gives("hunter2", 7, "hunter2");
	assert_gives("hunter2\n", 8, "hunter2");
	assert_gives("hunter2\r\n", 9, "hunter2");
	assert_gives(" two words ", 11, " two words ");
	assert_gives("gr\xc3\xbc\xc3\x9f"
		     "e\n",
	    8,
	    "gr\xc3\xbc\xc3\x9f"
	    "e");
}

static void
microsofts_form_loses_its_blanks(void **state)
{
	(void)state;
	need_root();
	assert_gives("abcd efgh ijkl mnop\n", 20, "abcdefghijklmnop");
	assert_gives("abcd efgh ijkl mnop\r\n", 21, "abcdefghijklmnop");
	assert_gives("abcdefghijklmnop\n", 17, "abcdefghijklmnop");
}

/* A password may hold blanks of its own. */
static void
other_forms_keep_their_blanks(void **state)
{
	static const char *const texts[] = { "abcd efgh ijkl mno", "abcd efgh ijkl mnopq",
		"Abcd efgh ijkl mnop", "abcd efgh-ijkl mnop", "abcd efgh ijkl mn{p",
		"abcd efgh ijkl mno1", "abcd efgh ijklm nop", "abcdefgh ijkl mnop ",
		"abcd efgh ijkl", "abcd efgh ijkl mnop qrst", "    efgh ijkl mnop ",
		"abcd-efgh-ijkl-mnop", "abcd  efgh ijkl mnop" };

	(void)state;
	need_root();
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
		assert_gives(texts[i], strlen(texts[i]), texts[i]);
}

static void
control_bytes_are_refused(void **state)
{
	(void)state;
	need_root();
	for (int c = 0; c < 256; c++) {
		const char text[] = { 'h', 'u', 'n', 't', 'e', 'r', (char)c, 'x', '\n' };
		const char password[] = { 'h', 'u', 'n', 't', 'e', 'r', (char)c, 'x',
			'\0' };

		if (c < 0x20 || c == 0x7f)
			assert_bytes_refused(text, sizeof(text),
			    "there are control characters or several lines in it");
		else
			assert_gives(text, sizeof(text), password);
	}
	assert_bytes_refused("hunter2\0\n", 9, "control characters");
	assert_bytes_refused("hunter2\0", 8, "control characters");
	assert_bytes_refused("hunter2\n\n", 9, "control characters");
	assert_bytes_refused("hunter2\r", 8, "control characters");
	assert_bytes_refused("hunter2\r\r\n", 10, "control characters");
	assert_bytes_refused("hunter2\nhunter3\n", 16, "several lines");
}

static void
size_has_limits(void **state)
{
	char text[SECRET_MAX + 1];

	(void)state;
	need_root();
	assert_bytes_refused("", 0, "has 0 bytes; allowed: 1 to 4096");
	assert_bytes_refused("\n", 1, "its line is empty");
	assert_bytes_refused("\r\n", 2, "its line is empty");
	memset(text, 'p', sizeof(text));
	assert_bytes_refused(text, SECRET_MAX + 1, "has 4097 bytes; allowed: 1 to 4096");
	write_file(text, SECRET_MAX);
	text[SECRET_MAX] = '\0';
	assert_gives(text, SECRET_MAX, text);
}

static void
missing_file_is_named(void **state)
{
	(void)state;
	assert_refused(other, "other does not exist");
}

static void
mode_must_be_0600(void **state)
{
	(void)state;
	need_root();
	chmod(path, 0644);
	assert_refused(path, "(mode 0644); run: chmod 0600 ");
	chmod(path, 0640);
	assert_refused(path, "(mode 0640)");
}

static void
owner_must_be_root(void **state)
{
	(void)state;
	need_root();
	assert_int_equal(chown(path, STRANGER, 0), 0);
	assert_refused(path, "belongs to user 65534");
}

static void
links_are_refused(void **state)
{
	char through[128];

	(void)state;
	need_root();
	assert_int_equal(symlink(path, other), 0);
	assert_refused(other, "is a symbolic link");
	unlink(other);
	assert_int_equal(symlink(inner, other), 0);
	snprintf(through, sizeof(through), "%s/office365", other);
	assert_refused(through, "other is a symbolic link");
	unlink(other);
	assert_int_equal(link(path, other), 0);
	assert_refused(path, "hard link");
}

static void
folder_must_be_roots(void **state)
{
	(void)state;
	need_root();
	chmod(inner, 0770);
	assert_refused(path, "secrets is open to other users (mode 0770)");
	chmod(inner, 0700);
	assert_int_equal(chown(inner, STRANGER, 0), 0);
	assert_refused(path, "secrets belongs to user 65534");
	assert_int_equal(chown(inner, 0, 0), 0);
}

static void
only_a_file_will_do(void **state)
{
	(void)state;
	need_root();
	assert_refused(inner, "secrets is no regular file");
	assert_int_equal(mkfifo(other, 0600), 0);
	alarm(10); /* ends the test run, should the FIFO block */
	assert_refused(other, "other is no regular file");
	alarm(0);
}

static void
wipe_leaves_nothing(void **state)
{
	static const char zeros[sizeof(struct secret)];
	struct secret s;

	(void)state;
	memset(&s, 'z', sizeof(s));
	secret_wipe(&s);
	assert_memory_equal(&s, zeros, sizeof(s));
}

#define secret_test(f) cmocka_unit_test_setup_teardown(f, make_file, remove_file)

static void
repeated_passwords_are_found(void **state)
{
	static const struct {
		const char *text;
		bool found;
	} rows[] = {
		{ "", false }, { "user scanner@example.com", false },
		{ "wrong password abcdefgh!", true }, { "abcdefgh", false },
		{ "got YWJjZGVmZ2gh", true }, /* base64 of the password */
		{ "got YWJjZGVmZ2g=", false },
		{ "got AHNjYW5uZXJAZXhhbXBsZS5jb20AYWJjZGVmZ2gh", true }, /* AUTH PLAIN */
	};
	static char user[PATH_MAX];

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		if (secret_is_in(rows[i].text, "scanner@example.com", "abcdefgh!") !=
		    rows[i].found)
			fail_msg("'%s'", rows[i].text);
	assert_false(secret_is_in("anything", "scanner", ""));
	memset(user, 'u', sizeof(user) - 1); /* longer than what is looked at */
	assert_true(secret_is_in("it is abcdefgh!", user, "abcdefgh!"));
	assert_false(secret_is_in("it is not", user, "abcdefgh!"));
}

/* A token may be repeated in part, and inside a base64 word that begins elsewhere. */
static void
repeated_tokens_are_found(void **state)
{
	static const char token[] = "eyJ0eXAiOiJKV1QiLCJub25jZSI6InFaYUJjMTIzNDU2Nzg5In0";
	static const struct {
		const char *text;
		bool found;
	} rows[] = {
		{ "", false },
		{ "Authentication unsuccessful [AM0PR10CA0012.outlook.com]", false },
		{ "bad token eyJ0eXAiOiJKV1Q", false }, /* one byte too few */
		{ "bad token eyJ0eXAiOiJKV1Qi", true },
		{ "bad token nonjZSI6InFaYUJjMTIzNDU2", true }, /* its middle */
		/* base64 of "user=a@b.c\1auth=Bearer " and of "xn,a=" before the token */
		{ "5.5.4 dXNlcj1hQGIuYwFhdXRoPUJlYXJlciBleUowZVhBaU9pSktWMVFpTEM=",
		    true },
		{ "5.5.4 eG4sYT1leUowZVhBaU9pSktWMVFpTENKdWIyNWpa", true },
		{ "5.5.4 eHhuLGE9ZXlKMGVYQWlPaUpLVjFRaUxDSnViMjVq", true },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		if (secret_part_is_in(rows[i].text, token) != rows[i].found)
			fail_msg("'%s'", rows[i].text);
	assert_false(secret_part_is_in("anything at all, however long", ""));
	assert_false(secret_part_is_in("anything at all, however long", "short"));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		secret_test(one_line_end_is_taken_off),
		secret_test(microsofts_form_loses_its_blanks),
		secret_test(other_forms_keep_their_blanks),
		secret_test(control_bytes_are_refused),
		secret_test(size_has_limits),
		secret_test(missing_file_is_named),
		secret_test(mode_must_be_0600),
		secret_test(owner_must_be_root),
		secret_test(links_are_refused),
		secret_test(folder_must_be_roots),
		secret_test(only_a_file_will_do),
		cmocka_unit_test(repeated_passwords_are_found),
		cmocka_unit_test(repeated_tokens_are_found),
		cmocka_unit_test(wipe_leaves_nothing),
	};

	return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
