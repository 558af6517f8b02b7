/* Tests of lib/account/config.c. */
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
	TEXT_MAX = 256 * 1024,
};

#define ACCOUNT                                                                          \
	"[account a]\nserver = mail.example.com\nusername = u@example.com\n"             \
	"password_file = /p\n"
#define BARE "[account a]\nserver = mail.example.com\n"

static struct config *
parse(const char *text)
{
	struct config *c = NULL;
	struct error e = { "" };

	if (config_parse(&c, text, strlen(text), "FILE", &e) != STATUS_OK)
		fail_msg("%s", e.text);
	return c;
}

static void
assert_refused(const char *text, const char *sentence)
{
	struct config *c = NULL;
	struct error e = { "" };

	assert_int_equal(
	    config_parse(&c, text, strlen(text), "FILE", &e), STATUS_SETTINGS);
	assert_null(c);
	assert_string_equal(e.text, sentence);
}

static void
empty_file_has_defaults(void **state)
{
	struct config *c = parse("");

	(void)state;
	assert_string_equal(c->path, "FILE");
	assert_string_equal(c->state_dir, "/var/lib/postroom");
	assert_string_equal(c->user, "postroom");
	assert_int_equal(c->account_count, 0);
	assert_int_equal(c->profile_count, 0);
	assert_int_equal(c->policy.allow.count, 0);
	assert_int_equal(c->policy.max_recipients, 50);
	assert_int_equal(c->policy.reply_to.mode, REPLY_TO_USER);
	assert_int_equal(c->users.count, 0);
	assert_int_equal(c->addresses.count, 0);
	assert_null(config_account(c, NULL));
	assert_null(config_profile(c, "default"));
	config_free(c);
	config_free(NULL);
}

static void
waits_and_records_have_defaults(void **state)
{
	struct config *c = parse("");

	(void)state;
	assert_int_equal(c->retry_after, 15);
	assert_int_equal(c->give_up_after, 5 * 24 * 3600);
	assert_int_equal(c->notice_after, 4 * 3600);
	assert_int_equal(c->auth_patience, 6 * 3600);
	assert_int_equal(c->ambiguous, AMBIGUOUS_RESEND);
	assert_int_equal(c->oversize.count, 3);
	assert_int_equal(c->oversize.step[0], OVERSIZE_SHRINK);
	assert_int_equal(c->oversize.step[1], OVERSIZE_SPLIT);
	assert_int_equal(c->oversize.step[2], OVERSIZE_REFUSE);
	assert_true(c->notify.owner);
	assert_int_equal(c->notify.others.count, 0);
	assert_string_equal(c->log_file, "");
	assert_false(c->log_subjects);
	config_free(c);
}

static void
account_has_defaults(void **state)
{
	struct config *c = parse(ACCOUNT);
	const struct account *a = config_account(c, NULL);

	(void)state;
	assert_non_null(a);
	assert_string_equal(a->name, "a");
	assert_string_equal(a->server.host, "mail.example.com");
	assert_int_equal(a->server.port, 0);
	assert_int_equal(a->tls, TLS_STARTTLS);
	assert_string_equal(a->ca_file, "");
	assert_int_equal(a->auth, AUTH_PASSWORD);
	assert_string_equal(a->username, "u@example.com");
	assert_string_equal(a->password_file, "/p");
	assert_string_equal(a->from.name, "");
	assert_string_equal(a->from.address, "u@example.com");
	assert_int_equal(a->max_message_size, 35 * 1024 * 1024);
	assert_int_equal(a->max_connections, 2);
	assert_int_equal(a->max_per_minute, 25);
	assert_string_equal(a->authority, "https://login.microsoftonline.com");
	assert_string_equal(a->tenant, "organizations");
	assert_string_equal(a->client_id, "");
	assert_string_equal(a->scope, "");
	assert_string_equal(a->client_secret_file, "");
	assert_string_equal(a->certificate_file, "");
	assert_string_equal(a->key_file, "");
	assert_string_equal(a->device_url, "");
	assert_string_equal(a->token_url, "");
	assert_string_equal(a->authorize_url, "");
	assert_string_equal(a->graph_url, "https://graph.microsoft.com/v1.0");
	config_free(c);
}

static void
profile_has_defaults(void **state)
{
	struct config *c = parse("[scan default]\n");
	const struct scan_profile *p = config_profile(c, "Default");

	(void)state;
	assert_non_null(p);
	assert_string_equal(p->name, "default");
	assert_string_equal(p->device, "");
	assert_int_equal(p->source, SOURCE_AUTO);
	assert_int_equal(p->mode, MODE_AUTO);
	assert_int_equal(p->resolution, 300);
	assert_true(p->paper.width == 210 && p->paper.height == 297);
	assert_string_equal(p->to, "");
	assert_string_equal(p->subject, "Scan %d %t");
	assert_string_equal(p->queue, "");
	config_free(c);
}

/* A file with every key, none at its default. */
static const char full[] =
    "[postroom]\nstate_dir = /s\nuser = nobody\nretry_after = 30m\n"
    "give_up_after = 60d\nnotice_after = 1m\nauth_patience = 0\nambiguous = hold\n"
    "oversize = split\nnotify = Admin <admin@example.com>, b@example.com\n"
    "log_file = /log\nlog_subjects = yes\n"
    "[account one]\nserver = [::1]:2525\ntls = implicit\nca_file = /ca\nauth = "
    "oauth-app\n"
    "username = u\npassword_file = /p\nfrom = Scanner <s@example.com>\n"
    "max_message_size = 150M\nmax_connections = 100\nmax_per_minute = 10000\n"
    "authority = https://a\ntenant = t\nclient_id = c\nscope = s1 s2\n"
    "client_secret_file =\ncertificate_file = /cert\nkey_file = /key\n"
    "device_url = https://d\ntoken_url = https://t\nauthorize_url = https://z\n"
    "graph_url = https://g\n"
    "[account two]\nserver = relay\ntls = none\nauth = none\nfrom = r@example.com\n"
    "[account three]\nserver = graph\nauth = oauth-device\nusername = u@x\nclient_id = "
    "c\n"
    "[account four]\nserver = s:26\nauth = oauth-code\nusername = u@x\nclient_id = c\n"
    "[account five]\nserver = s\nauth = oauth-app\nusername = u@x\nclient_id = c\n"
    "client_secret_file = /secret\n"
    "[policy]\nallow = *@example.com, bob@example.org\nmax_recipients = 500\n"
    "reply_to = Office <o@example.com>\n"
    "[users]\n* = %u@example.com\nfrontdesk = office@example.com\n"
    "[addresses]\nAccounting = a@example.com\nBoard = b@example.com, c@example.com\n"
    "[scan x]\ndevice = test:0\nsource = adf-duplex\nmode = bw\nresolution = 1200\n"
    "paper = max\nto = Accounting\nsubject = %p\nqueue = mail\n"
    "[scan y]\nsource = flatbed\nmode = color\npaper = letter\n"
    "[scan z]\nsource = adf\nmode = gray\npaper = legal\n"
    "[scan w]\npaper = a5\n";

static void
every_account_key_is_stored(void **state)
{
	struct config *c = parse(full);
	const struct account *a = &c->account[0];

	(void)state;
	assert_int_equal(c->account_count, 5);
	assert_string_equal(a->server.host, "::1");
	assert_int_equal(a->server.port, 2525);
	assert_int_equal(a->tls, TLS_IMPLICIT);
	assert_string_equal(a->ca_file, "/ca");
	assert_int_equal(a->auth, AUTH_OAUTH_APP);
	assert_string_equal(a->username, "u");
	assert_string_equal(a->password_file, "/p");
	assert_string_equal(a->from.name, "Scanner");
	assert_string_equal(a->from.address, "s@example.com");
	assert_int_equal(a->max_message_size, 150 * 1024 * 1024);
	assert_int_equal(a->max_connections, 100);
	assert_int_equal(a->max_per_minute, 10000);
	assert_string_equal(a->authority, "https://a");
	assert_string_equal(a->tenant, "t");
	assert_string_equal(a->client_id, "c");
	assert_string_equal(a->scope, "s1 s2");
	assert_string_equal(a->client_secret_file, "");
	assert_string_equal(a->certificate_file, "/cert");
	assert_string_equal(a->key_file, "/key");
	assert_string_equal(a->device_url, "https://d");
	assert_string_equal(a->token_url, "https://t");
	assert_string_equal(a->authorize_url, "https://z");
	assert_string_equal(a->graph_url, "https://g");
	assert_int_equal(c->account[1].tls, TLS_NONE);
	assert_int_equal(c->account[1].auth, AUTH_NONE);
	assert_int_equal(c->account[2].auth, AUTH_OAUTH_DEVICE);
	assert_int_equal(c->account[3].auth, AUTH_OAUTH_CODE);
	assert_string_equal(c->account[4].client_secret_file, "/secret");
	config_free(c);
}

static void
every_other_key_is_stored(void **state)
{
	struct config *c = parse(full);
	const struct scan_profile *p = &c->profile[0];

	(void)state;
	assert_string_equal(c->state_dir, "/s");
	assert_string_equal(c->user, "nobody");
	assert_int_equal(c->policy.allow.count, 2);
	assert_string_equal(c->policy.allow.item[1], "bob@example.org");
	assert_int_equal(c->policy.max_recipients, 500);
	assert_int_equal(c->policy.reply_to.mode, REPLY_TO_ADDRESS);
	assert_string_equal(c->policy.reply_to.mailbox.address, "o@example.com");
	assert_string_equal(pairs_get(&c->users, "*"), "%u@example.com");
	assert_string_equal(pairs_get(&c->users, "FrontDesk"), "office@example.com");
	assert_string_equal(
	    pairs_get(&c->addresses, "board"), "b@example.com, c@example.com");
	assert_int_equal(c->profile_count, 4);
	assert_string_equal(p->device, "test:0");
	assert_int_equal(p->source, SOURCE_ADF_DUPLEX);
	assert_int_equal(p->mode, MODE_BW);
	assert_int_equal(p->resolution, 1200);
	assert_true(p->paper.width == 0 && p->paper.height == 0);
	assert_string_equal(p->to, "Accounting");
	assert_string_equal(p->subject, "%p");
	assert_string_equal(p->queue, "mail");
	assert_int_equal(p[1].source, SOURCE_FLATBED);
	assert_int_equal(p[1].mode, MODE_COLOR);
	assert_true(p[1].paper.height == 279.4);
	assert_int_equal(p[2].source, SOURCE_ADF);
	assert_int_equal(p[2].mode, MODE_GRAY);
	assert_true(p[2].paper.height == 355.6);
	assert_true(p[3].paper.height == 210);
	config_free(c);
}

static void
waits_and_records_are_stored(void **state)
{
	struct config *c = parse(full);

	(void)state;
	assert_int_equal(c->retry_after, 30 * 60);
	assert_int_equal(c->give_up_after, 60 * 24 * 3600);
	assert_int_equal(c->notice_after, 60);
	assert_int_equal(c->auth_patience, 0);
	assert_int_equal(c->ambiguous, AMBIGUOUS_HOLD);
	assert_int_equal(c->oversize.count, 2);
	assert_int_equal(c->oversize.step[0], OVERSIZE_SPLIT);
	assert_int_equal(c->oversize.step[1], OVERSIZE_REFUSE);
	assert_false(c->notify.owner);
	assert_int_equal(c->notify.others.count, 2);
	assert_string_equal(c->notify.others.item[0].name, "Admin");
	assert_string_equal(c->notify.others.item[1].address, "b@example.com");
	assert_string_equal(c->log_file, "/log");
	assert_true(c->log_subjects);
	config_free(c);
}

static void
accounts_are_found_by_name(void **state)
{
	struct config *c = parse(full);

	(void)state;
	assert_ptr_equal(config_account(c, NULL), &c->account[0]);
	assert_ptr_equal(config_account(c, ""), &c->account[0]);
	assert_ptr_equal(config_account(c, "two"), &c->account[1]);
	assert_ptr_equal(config_account(c, "THREE"), &c->account[2]);
	assert_null(config_account(c, "six"));
	assert_null(config_account(c, "on"));
	assert_ptr_equal(config_profile(c, "z"), &c->profile[2]);
	assert_null(config_profile(c, ""));
	config_free(c);
}

static void
ports_follow_tls(void **state)
{
	static const struct {
		int tls;
		unsigned given, port;
	} cases[] = {
		{ TLS_STARTTLS, 0, 587 },
		{ TLS_IMPLICIT, 0, 465 },
		{ TLS_NONE, 0, 25 },
		{ TLS_STARTTLS, 2525, 2525 },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct account a = { .tls = cases[i].tls,
			.server.port = (uint16_t)cases[i].given };

		assert_int_equal(account_port(&a), cases[i].port);
	}
}

/* In [account a]. */
static const struct {
	const char *text, *sentence;
} misfits[] = {
	{ "[account a]\n",
	    "server is missing; set it, for instance server = "
	    "smtp.office365.com:587" },
	{ BARE, "auth = password needs username; set it, or another auth" },
	{ BARE "username = u@x\n",
	    "auth = password needs password_file; set it, or another auth" },
	{ BARE "username = u@x\npassword_file =\n",
	    "auth = password needs password_file; set it, or another auth" },
	{ BARE "auth = oauth-device\nusername = u@x\n",
	    "auth = oauth-device needs client_id; set it, or another auth" },
	{ BARE "auth = oauth-code\nclient_id = c\n",
	    "auth = oauth-code needs username; set it, or another auth" },
	{ BARE "auth = oauth-app\nclient_id = c\n",
	    "auth = oauth-app needs username; set it, or another auth" },
	{ BARE "auth = oauth-app\nclient_id = c\nusername = u@x\n",
	    "auth = oauth-app needs client_secret_file, or certificate_file with "
	    "key_file; set one of the two" },
	{ BARE "auth = oauth-app\nclient_id = c\nusername = u@x\nkey_file = /k\n"
	       "client_secret_file = /s\n",
	    "auth = oauth-app needs client_secret_file, or certificate_file with "
	    "key_file; set one of the two" },
	{ BARE "auth = oauth-app\nclient_id = c\nusername = u@x\n"
	       "certificate_file = /c\n",
	    "auth = oauth-app needs client_secret_file, or certificate_file with "
	    "key_file; set one of the two" },
	{ BARE "auth = oauth-app\nclient_id = c\nusername = u@x\nkey_file = /k\n"
	       "certificate_file = /c\nclient_secret_file = /s\n",
	    "auth = oauth-app needs client_secret_file, or certificate_file with "
	    "key_file; set one of the two" },
	{ ACCOUNT "tls = none\n",
	    "tls = none would show the login to anybody on the "
	    "way; allowed with it: auth = none" },
	{ BARE "tls = none\nauth = oauth-code\nusername = u@x\nclient_id = c\n",
	    "tls = none would show the login to anybody on the way; allowed with "
	    "it: auth = none" },
	{ "[account a]\nserver = Graph\nusername = u@x\npassword_file = /p\n",
	    "server = graph takes no password; allowed with it: auth = "
	    "oauth-device, oauth-app, oauth-code" },
	{ "[account a]\nserver = graph\nauth = none\n",
	    "server = graph takes no password; allowed with it: auth = "
	    "oauth-device, oauth-app, oauth-code" },
	{ BARE "auth = none\n",
	    "from is missing, and username is no address that could stand for "
	    "it; "
	    "set from = scanner@example.com" },
	{ BARE "username = DOMAIN\\scanner\npassword_file = /p\n",
	    "from is missing, and username is no address that could stand for "
	    "it; "
	    "set from = scanner@example.com" },
};

static void
accounts_must_fit_together(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(misfits) / sizeof(misfits[0]); i++) {
		char sentence[512];

		snprintf(sentence, sizeof(sentence), "FILE: [account a]: %s",
		    misfits[i].sentence);
		assert_refused(misfits[i].text, sentence);
	}
	/* the second account is looked at as well */
	assert_refused(ACCOUNT "[account b]\n",
	    "FILE: [account b]: server is missing; set it, for instance server = "
	    "smtp.office365.com:587");
}

static const struct {
	const char *text, *start;
} bad_values[] = {
	{ "[postroom]\nstate_dir = var\n", "FILE:2: state_dir: " },
	{ "[postroom]\nuser =\n", "FILE:2: user: " },
	{ "[postroom]\nretry_after = 31m\n", "FILE:2: retry_after: " },
	{ "[postroom]\nretry_after = 0\n", "FILE:2: retry_after: " },
	{ "[postroom]\ngive_up_after = 59\n", "FILE:2: give_up_after: " },
	{ "[postroom]\ngive_up_after = 61d\n", "FILE:2: give_up_after: " },
	{ "[postroom]\nnotice_after = 0\n", "FILE:2: notice_after: " },
	{ "[postroom]\nnotice_after = 61d\n", "FILE:2: notice_after: " },
	{ "[postroom]\nauth_patience = -1\n", "FILE:2: auth_patience: " },
	{ "[postroom]\nauth_patience = 61d\n", "FILE:2: auth_patience: " },
	{ "[postroom]\nambiguous = ask\n", "FILE:2: ambiguous: none of its" },
	{ "[postroom]\noversize = zip\n", "FILE:2: oversize: not a list" },
	{ "[postroom]\noversize =\n", "FILE:2: oversize: not a list" },
	{ "[postroom]\nnotify = me\n", "FILE:2: notify: 'me' is no e-mail" },
	{ "[postroom]\nnotify =\n", "FILE:2: notify: '' is no e-mail" },
	{ "[postroom]\nlog_file = log\n", "FILE:2: log_file: not an absolute" },
	{ "[postroom]\nlog_subjects = 1\n", "FILE:2: log_subjects: neither" },
	{ BARE "server = x\n", "FILE:3: server comes twice" },
	{ "[account a]\nserver = a b\n", "FILE:2: server: not a server" },
	{ BARE "tls = ssl\n", "FILE:3: tls: none of its choices" },
	{ BARE "auth = login\n", "FILE:3: auth: none of its choices" },
	{ BARE "ca_file = x\n", "FILE:3: ca_file: not an absolute path" },
	{ BARE "username = a\tb\n", "FILE:3: an empty key, or control" },
	{ BARE "max_message_size = 63K\n", "FILE:3: max_message_size: " },
	{ BARE "max_message_size = 151M\n", "FILE:3: max_message_size: " },
	{ BARE "max_connections = 101\n", "FILE:3: max_connections: " },
	{ BARE "max_per_minute = 10001\n", "FILE:3: max_per_minute: " },
	{ BARE "authority = http://x\n", "FILE:3: authority: not a web address" },
	{ BARE "graph_url = x\n", "FILE:3: graph_url: not a web address" },
	{ BARE "password = x\n", "FILE:3: unknown key 'password' in [account]; " },
	{ "[policy]\nallow = everybody\n", "FILE:2: allow: " },
	{ "[policy]\nallow =\n", "FILE:2: allow: " },
	{ "[policy]\nmax_recipients = 501\n", "FILE:2: max_recipients: " },
	{ "[policy]\nreply_to = me\n", "FILE:2: reply_to: " },
	{ "[scan a]\nresolution = 74\n", "FILE:2: resolution: " },
	{ "[scan a]\nresolution = 1201\n", "FILE:2: resolution: " },
	{ "[scan a]\npaper = a7\n", "FILE:2: paper: not a size of paper" },
	{ "[scan a/b]\n", "FILE:1: [scan a/b]: not a name; " },
	{ "[account a b]\n", "FILE:1: [account a b]: not a name; " },
	{ "[account]\n", "FILE:1: [account]; " },
	{ "[policy x]\n", "FILE:1: [policy x]; " },
	{ "[mail]\n", "FILE:1: unknown section [mail]; " },
	{ ACCOUNT ACCOUNT, "FILE:5: [account a] comes twice (first in line 1); " },
	{ "[policy]\n[policy]\n", "FILE:2: [policy] comes twice" },
	{ "[users]\na = b@x\nA = c@x\n", "FILE:3: A comes twice" },
};

/* The sentence starts with file and line, and tells what is allowed. */
static void
bad_values_have_their_line(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(bad_values) / sizeof(bad_values[0]); i++) {
		const char *text = bad_values[i].text, *start = bad_values[i].start;
		struct config *c = NULL;
		struct error e = { "" };

		assert_int_equal(
		    config_parse(&c, text, strlen(text), "FILE", &e), STATUS_SETTINGS);
		assert_null(c);
		if (strncmp(e.text, start, strlen(start)) != 0)
			fail_msg("'%s' does not start with '%s'", e.text, start);
		assert_non_null(strstr(e.text, "allowed: "));
	}
}

/* What address.h and template.h say stands behind file, line and key. */
static void
other_modules_sentences_have_their_line(void **state)
{
	static const struct {
		const char *text, *start;
	} cases[] = {
		{ BARE "from = x\n", "FILE:3: from: " },
		{ "[users]\n* = %u\n", "FILE:2: *: " },
		{ "[addresses]\nBoard = x\n", "FILE:2: Board: " },
		{ "[scan a]\nsubject = 100%\n", "FILE:2: subject: " },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct config *c = NULL;
		struct error e = { "" };

		assert_int_equal(
		    config_parse(&c, cases[i].text, strlen(cases[i].text), "FILE", &e),
		    STATUS_SETTINGS);
		assert_memory_equal(e.text, cases[i].start, strlen(cases[i].start));
		assert_true(strlen(e.text) > strlen(cases[i].start) + 10);
	}
}

static void
sections_have_limits(void **state)
{
	struct buf text;

	(void)state;
	buf_init(&text, TEXT_MAX);
	for (int i = 0; i < CONFIG_PROFILES_MAX; i++)
		buf_printf(&text, "[scan s%d]\n", i);
	config_free(parse(buf_text(&text)));
	buf_puts(&text, "[scan more]\n");
	assert_refused(
	    buf_text(&text), "FILE:65: [scan more]: too many scan profiles; allowed: 64");
	buf_reset(&text);
	for (int i = 0; i < CONFIG_ACCOUNTS_MAX; i++)
		buf_printf(
		    &text, "[account a%d]\nserver = s\nauth = none\nfrom = a@b\n", i);
	config_free(parse(buf_text(&text)));
	buf_puts(&text, "[account more]\n");
	assert_refused(
	    buf_text(&text), "FILE:257: [account more]: too many accounts; allowed: 64");
	buf_clear(&text);
}

static void
path_is_the_variables(void **state)
{
	(void)state;
	unsetenv(CONFIG_VARIABLE);
	assert_string_equal(config_path(), "/etc/postroom/postroom.conf");
	setenv(CONFIG_VARIABLE, "/x/y", 1);
	assert_string_equal(config_path(), "/x/y");
	setenv(CONFIG_VARIABLE, "", 1);
	assert_string_equal(config_path(), "/etc/postroom/postroom.conf");
	unsetenv(CONFIG_VARIABLE);
}

static void
files_are_opened_with_care(void **state)
{
	char path[] = "/tmp/postroom-test-XXXXXX";
	int fd = mkostemp(path, O_CLOEXEC);
	struct config *c = NULL;
	struct error e = { "" };

	(void)state;
	assert_true(fd >= 0);
	assert_true(file_write(fd, ACCOUNT, strlen(ACCOUNT)));
	assert_int_equal(config_load(&c, path, &e), STATUS_OK);
	assert_string_equal(c->path, path);
	assert_int_equal(c->account_count, 1);
	config_free(c);
	c = NULL;
	fchmod(fd, 0664);
	assert_int_equal(config_load(&c, path, &e), STATUS_SETTINGS);
	assert_non_null(strstr(e.text, "mode 0664"));
	fchmod(fd, 0644);
	assert_true(file_write(fd, "x\n", 2));
	assert_int_equal(config_load(&c, path, &e), STATUS_SETTINGS);
	assert_non_null(strstr(e.text, ":5: neither [section] nor"));
	assert_int_equal(ftruncate(fd, SETTINGS_FILE_MAX + 1), 0);
	assert_int_equal(config_load(&c, path, &e), STATUS_SETTINGS);
	assert_non_null(strstr(e.text, "allowed: 0 to 1048576"));
	close(fd);
	unlink(path);
	assert_int_equal(config_load(&c, path, &e), STATUS_SETTINGS);
	assert_non_null(strstr(e.text, "does not exist"));
	assert_null(c);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(empty_file_has_defaults),
		cmocka_unit_test(waits_and_records_have_defaults),
		cmocka_unit_test(account_has_defaults),
		cmocka_unit_test(profile_has_defaults),
		cmocka_unit_test(every_account_key_is_stored),
		cmocka_unit_test(every_other_key_is_stored),
		cmocka_unit_test(waits_and_records_are_stored),
		cmocka_unit_test(accounts_are_found_by_name),
		cmocka_unit_test(ports_follow_tls),
		cmocka_unit_test(accounts_must_fit_together),
		cmocka_unit_test(bad_values_have_their_line),
		cmocka_unit_test(other_modules_sentences_have_their_line),
		cmocka_unit_test(sections_have_limits),
		cmocka_unit_test(path_is_the_variables),
		cmocka_unit_test(files_are_opened_with_care),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
