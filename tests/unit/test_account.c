/* Tests of lib/account/account.c, through config_check(), which tells all its faults. */
#include <fcntl.h>
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

#include "lib/base/buf.h"
#include "lib/base/file.h"
#include "lib/account/account.h"
#include "lib/account/config.h"

enum {
	TOLD_MAX = 64 * 1024,
};

static char folder[] = "/tmp/postroom-test-XXXXXX";
static char path[sizeof(folder) + sizeof("/conf")];
static struct config *config;
static struct buf told;
static struct error error;

static int
make_folder(void **state)
{
	(void)state;
	if (!mkdtemp(folder))
		return 1;
	snprintf(path, sizeof(path), "%s/conf", folder);
	return 0;
}

static int
remove_folder(void **state)
{
	(void)state;
	unlink(path);
	return rmdir(folder);
}

static int
forget(void **state)
{
	(void)state;
	config_free(config);
	config = NULL;
	buf_clear(&told);
	return 0;
}

/* A fault, without the folder that the file stands in. */
static void
tell(void *context, const char *fault)
{
	assert_memory_equal(fault, path, strlen(path));
	buf_printf(context, "%s\n", fault + strlen(path) + 1);
}

static void
check(const char *text, const char *faults)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

	assert_true(fd >= 0 && file_write(fd, text, strlen(text)));
	close(fd);
	forget(NULL);
	buf_init(&told, TOLD_MAX);
	assert_int_equal(config_check(&config, path, tell, &told, &error), STATUS_OK);
	assert_string_equal(buf_text(&told), faults);
}

#define GOOD                                                                             \
	"[account good]\nserver = mail.example.com\nusername = u@example.com\n"          \
	"password_file = /p\n"

static void
good_accounts_have_no_faults(void **state)
{
	(void)state;
	check(
	    GOOD "[account relay]\nserver = mx\nauth = none\nfrom = a@example.com\n", "");
	assert_int_equal(config->account_count, 2);
	assert_int_equal(config->account[0].place.line, 1);
	assert_int_equal(config->account[0].place.faults, 0);
	assert_int_equal(config->account[1].place.line, 5);
	assert_string_equal(config->account[0].from.address, "u@example.com");
}

static void
all_that_is_missing_is_told(void **state)
{
	(void)state;
	check("[account a]\nauth = oauth-app\ntls = none\n\n[account b]\n",
	    "1: [account a]: server is missing; set it, for instance server = "
	    "smtp.office365.com:587\n"
	    "1: [account a]: tls = none would show the login to anybody on the way; "
	    "allowed with it: auth = none\n"
	    "1: [account a]: auth = oauth-app needs username; set it, or another auth\n"
	    "1: [account a]: auth = oauth-app needs client_id; set it, or another auth\n"
	    "1: [account a]: auth = oauth-app needs client_secret_file, or "
	    "certificate_file with key_file; set one of the two\n"
	    "5: [account b]: server is missing; set it, for instance server = "
	    "smtp.office365.com:587\n"
	    "5: [account b]: auth = password needs username; set it, or another auth\n"
	    "5: [account b]: auth = password needs password_file; set it, or another "
	    "auth\n");
	assert_int_equal(config->account[0].place.faults, 5);
	assert_int_equal(config->account[1].place.faults, 3);
}

/* One that has a fault in a line may lack what that line was to say. */
static void
faults_of_lines_hide_what_follows_from_them(void **state)
{
	(void)state;
	check("[account a]\nserver = ?\nauth = pasword\n" GOOD "; [account good]\n",
	    "2: server: not a server; allowed: host, host:port, address:port, [IPv6 "
	    "address]:port, with a port from 1 to 65535\n"
	    "3: auth: none of its choices; allowed: password, oauth-device, oauth-app, "
	    "oauth-code, none\n");
	assert_int_equal(config->account[0].place.faults, 2);
	assert_int_equal(config->account[1].place.faults, 0);
}

static void
single_faults_have_one_sentence(void **state)
{
	static const struct {
		const char *lines, *sentence;
	} cases[] = {
		{ "server = graph\n",
		    "server = graph takes no password; allowed with it: auth = "
		    "oauth-device, oauth-app, oauth-code\n" },
		{ "server = x\ntls = optional\nusername = u@x\npassword_file = /p\n",
		    "tls = optional could show the login to anybody on the way; allowed "
		    "with it: auth = none\n" },
		{ "server = x\nauth = oauth-device\nusername = u@x\n",
		    "auth = oauth-device needs client_id; set it, or another auth\n" },
		{ "server = x\nauth = oauth-app\nusername = u@x\nclient_id = i\n"
		  "client_secret_file = /s\ncertificate_file = /c\nkey_file = /k\n",
		    "auth = oauth-app needs client_secret_file, or certificate_file with "
		    "key_file; set one of the two\n" },
		{ "server = x\nauth = none\nfrom = u@x\ncertificate_file = /c\n",
		    "certificate_file and key_file belong together; set both, or none\n" },
		{ "server = x\nauth = none\n",
		    "from is missing, and username is no address that could stand for "
		    "it; set from = scanner@example.com\n" },
	};
	char text[400], wanted[400];

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		snprintf(text, sizeof(text), "\n[account a]\n%s", cases[i].lines);
		snprintf(wanted, sizeof(wanted), "2: [account a]: %s", cases[i].sentence);
		check(text, wanted);
	}
}

/* config_load() ends at the first one, and has no line for it. */
static void
loading_tells_the_first(void **state)
{
	static const char text[] = "[account a]\nauth = oauth-app\n[account b]\n";

	(void)state;
	forget(NULL);
	assert_int_equal(
	    config_parse(&config, text, strlen(text), "F", &error), STATUS_SETTINGS);
	assert_null(config);
	assert_string_equal(error.text,
	    "F: [account a]: server is missing; set it, for instance server = "
	    "smtp.office365.com:587");
}

static void
file_that_cannot_be_read_is_no_fault_of_a_line(void **state)
{
	(void)state;
	forget(NULL);
	unlink(path);
	assert_int_equal(
	    config_check(&config, path, tell, &told, &error), STATUS_SETTINGS);
	assert_null(config);
	assert_non_null(strstr(error.text, "does not exist"));
	check(GOOD, "");
	chmod(path, 0622);
	forget(NULL);
	assert_int_equal(
	    config_check(&config, path, tell, &told, &error), STATUS_SETTINGS);
	assert_non_null(strstr(error.text, "open to other users"));
}

static void
names_are_as_in_the_file(void **state)
{
	(void)state;
	assert_string_equal(account_tls_modes[TLS_STARTTLS], "starttls");
	assert_string_equal(account_tls_modes[TLS_IMPLICIT], "implicit");
	assert_string_equal(account_tls_modes[TLS_OPTIONAL], "optional");
	assert_string_equal(account_tls_modes[TLS_NONE], "none");
	assert_string_equal(account_auths[AUTH_OAUTH_CODE], "oauth-code");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(good_accounts_have_no_faults),
		cmocka_unit_test(all_that_is_missing_is_told),
		cmocka_unit_test(faults_of_lines_hide_what_follows_from_them),
		cmocka_unit_test(single_faults_have_one_sentence),
		cmocka_unit_test(loading_tells_the_first),
		cmocka_unit_test(file_that_cannot_be_read_is_no_fault_of_a_line),
		cmocka_unit_test(names_are_as_in_the_file),
	};
	int failed = cmocka_run_group_tests(tests, make_folder, remove_folder);

	forget(NULL);
	return failed;
}
