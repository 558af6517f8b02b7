/* config: what postroom.conf says (config.h). */
#include "lib/account/config.h"

#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#include "lib/base/environment.h"
#include "lib/base/file.h"
#include "lib/account/account.h"
#include "lib/account/value.h"

/* -- sections ---------------------------------------------------------------------- */

/* Names the next member of one of config's arrays; from then on it counts, so that
 * config_free() finds what it holds. */
static bool
name_member(char **member, size_t *count, const char *name, struct error *e)
{
	if (value_check_name(name, e) != STATUS_OK)
		return false;
	*member = strdup(name);
	if (!*member) {
		error_set(e, STATUS_RETRY, "out of memory");
		return false;
	}
	(*count)++;
	return true;
}

static void *
open_account(void *target, const char *name, struct error *e)
{
	struct config *c = target;
	struct account *a = &c->account[c->account_count];

	if (c->account_count == CONFIG_ACCOUNTS_MAX) {
		error_set(e, STATUS_SETTINGS, "too many accounts; allowed: %d",
		    CONFIG_ACCOUNTS_MAX);
		return NULL;
	}
	if (!name_member(&a->name, &c->account_count, name, e) ||
	    settings_defaults(&config_schema, "account", a, e) != STATUS_OK)
		return NULL;
	return a;
}

static void *
open_profile(void *target, const char *name, struct error *e)
{
	struct config *c = target;
	struct scan_profile *p = &c->profile[c->profile_count];

	if (c->profile_count == CONFIG_PROFILES_MAX) {
		error_set(e, STATUS_SETTINGS, "too many scan profiles; allowed: %d",
		    CONFIG_PROFILES_MAX);
		return NULL;
	}
	if (!name_member(&p->name, &c->profile_count, name, e) ||
	    settings_defaults(&config_schema, "scan", p, e) != STATUS_OK)
		return NULL;
	return p;
}

/* A section that stands once: its rows' offsets count from the config. */
static void *
open_config(void *target, const char *name, struct error *e)
{
	(void)name;
	(void)e;
	return target;
}

static const struct section sections[] = {
	{ .kind = "postroom", .open = open_config },
	{ .kind = "account",
	    .named = true,
	    .open = open_account,
	    .place = offsetof(struct account, place) },
	{ .kind = "policy", .open = open_config },
	{ .kind = "users", .open = open_config },
	{ .kind = "addresses", .open = open_config },
	{ .kind = "scan", .named = true, .open = open_profile },
	{ .kind = NULL },
};

/* -- keys -------------------------------------------------------------------------- */

/* Each in the order of its enum in config.h. */
static const char *const signature_choices[] = { "ps256", "rs256", NULL };
static const char *const ambiguous_choices[] = { "resend", "hold", NULL };
static const char *const source_choices[] = { "auto", "flatbed", "adf", "adf-duplex",
	NULL };
static const char *const mode_choices[] = { "auto", "color", "gray", "bw", NULL };
static const char *const paper_choices[] = { "a4", "a5", "letter", "legal", "max", NULL };

enum {
	KB = 1024,
	MB = 1024 * KB,
	MINUTE = 60,
	DAY = 24 * 60 * MINUTE,
	NAME_MAX_BYTES = 255,
	USERNAME_MAX = 320,
	SCOPE_MAX = 1024,
	URL_MAX = 1024,
	SUBJECT_MAX = 998,
};

#define GENERAL(key, field)                                                              \
	.section = "postroom", .name = key, .offset = offsetof(struct config, field)
#define ACCOUNT(key, field)                                                              \
	.section = "account", .name = key, .offset = offsetof(struct account, field)
#define POLICY(key, field)                                                               \
	.section = "policy", .name = key, .offset = offsetof(struct config, policy.field)
#define SCAN(key, field)                                                                 \
	.section = "scan", .name = key, .offset = offsetof(struct scan_profile, field)
#define TEXT(least, most)   .type = SETTING_TEXT, .min = least, .max = most
#define URL                 .type = SETTING_TEXT, .max = URL_MAX, .check = value_check_url
#define PATH                .type = SETTING_PATH
#define NUMBER(least, most) .type = SETTING_NUMBER, .min = least, .max = most
#define SIZE(least, most)   .type = SETTING_SIZE, .min = least, .max = most
#define TIME(least, most)   .type = SETTING_TIME, .min = least, .max = most
#define CHOICE(list)        .type = SETTING_CHOICE, .choices = list
#define OWN(function)       .type = SETTING_OWN, .parse = function

static const struct setting settings[] = {
	{ GENERAL("state_dir", state_dir), PATH, .initial = "/var/lib/postroom",
	    .help = "where journal, limits and tokens are kept" },
	{ GENERAL("user", user), TEXT(1, NAME_MAX_BYTES), .initial = "postroom",
	    .help = "the account that the worker runs as" },
	{ GENERAL("retry_after", retry_after), TIME(1, 30 * MINUTE), .initial = "15s",
	    .help = "the first wait before a job is tried again; later ones grow" },
	{ GENERAL("give_up_after", give_up_after), TIME(MINUTE, 60 * DAY),
	    .initial = "5d", .help = "how long a job is tried before it is cancelled" },
	{ GENERAL("notice_after", notice_after), TIME(MINUTE, 60 * DAY), .initial = "4h",
	    .help = "how long a job waits before its owner is told" },
	{ GENERAL("auth_patience", auth_patience), TIME(0, 60 * DAY), .initial = "6h",
	    .help = "how long a refused login is waited out before the queue stops" },
	{ GENERAL("ambiguous", ambiguous), CHOICE(ambiguous_choices), .initial = "resend",
	    .help = "what is done with a message that may have arrived" },
	{ GENERAL("oversize", oversize), OWN(value_oversize),
	    .initial = "shrink, split, refuse",
	    .help = "what is done with a message that is too large" },
	{ GENERAL("notify", notify), OWN(value_notify), .initial = "owner",
	    .help = "who is told of a message that was not sent" },
	{ GENERAL("dates_file", dates_file), PATH,
	    .initial = "/etc/postroom/signin-dates.conf",
	    .help = "until when which way to sign in works, at which server" },
	{ GENERAL("log_file", log_file), PATH, .initial = "",
	    .help = "where a line is written for each message; default: syslog" },
	{ GENERAL("log_subjects", log_subjects), OWN(value_yes_no), .initial = "no",
	    .help = "whether those lines have the subject" },

	{ ACCOUNT("server", server), OWN(value_server),
	    .help = "the submission server, or graph for Microsoft Graph" },
	{ ACCOUNT("tls", tls), CHOICE(account_tls_modes), .initial = "starttls",
	    .help = "how the connection is encrypted; optional and none only without a "
		    "login" },
	{ ACCOUNT("ca_file", ca_file), PATH, .initial = "",
	    .help = "certificates to trust instead of the system's" },
	{ ACCOUNT("auth", auth), CHOICE(account_auths), .initial = "password",
	    .help = "how to log in" },
	{ ACCOUNT("username", username), TEXT(0, USERNAME_MAX), .initial = "",
	    .help = "the name to log in with" },
	{ ACCOUNT("password_file", password_file), PATH, .initial = "",
	    .help = "the file with the password; root's alone (0600)" },
	{ ACCOUNT("from", from), OWN(value_mailbox),
	    .help = "the sender of every mail; default: username" },
	{ ACCOUNT("max_message_size", max_message_size), SIZE(64 * KB, 150 * MB),
	    .initial = "35M", .help = "largest message, as it is sent" },
	{ ACCOUNT("max_connections", max_connections), NUMBER(1, 100), .initial = "2",
	    .help = "connections at one time, over all processes" },
	{ ACCOUNT("max_per_minute", max_per_minute), NUMBER(1, 10000), .initial = "25",
	    .help = "messages in a minute" },
	{ ACCOUNT("authority", authority), URL,
	    .initial = "https://login.microsoftonline.com",
	    .help = "OAuth: who gives the tokens" },
	{ ACCOUNT("tenant", tenant), TEXT(1, NAME_MAX_BYTES), .initial = "organizations",
	    .help = "OAuth: the organisation's domain or id" },
	{ ACCOUNT("client_id", client_id), TEXT(0, NAME_MAX_BYTES), .initial = "",
	    .help = "OAuth: the id of the registered application" },
	{ ACCOUNT("scope", scope), TEXT(0, SCOPE_MAX), .initial = "",
	    .help = "OAuth: what is asked for; default: sending mail" },
	{ ACCOUNT("client_secret_file", client_secret_file), PATH, .initial = "",
	    .help = "oauth-app: the file with the client secret; root's alone" },
	{ ACCOUNT("certificate_file", certificate_file), PATH, .initial = "",
	    .help = "oauth-app: the certificate, instead of a client secret; none: shown "
		    "to the server" },
	{ ACCOUNT("key_file", key_file), PATH, .initial = "",
	    .help = "the certificate's private key; root's alone" },
	{ ACCOUNT("signature", signature), CHOICE(signature_choices), .initial = "ps256",
	    .help = "oauth-app: how the certificate's key signs" },
	{ ACCOUNT("redirect_port", redirect_port), NUMBER(0, 65535), .initial = "0",
	    .help = "oauth-code: the port on loopback that the browser comes back to" },
	{ ACCOUNT("device_url", device_url), URL, .initial = "",
	    .help = "OAuth: overrides what authority and tenant give" },
	{ ACCOUNT("token_url", token_url), URL, .initial = "",
	    .help = "OAuth: overrides what authority and tenant give" },
	{ ACCOUNT("authorize_url", authorize_url), URL, .initial = "",
	    .help = "OAuth: overrides what authority and tenant give" },
	{ ACCOUNT("graph_url", graph_url), URL,
	    .initial = "https://graph.microsoft.com/v1.0",
	    .help = "where Microsoft Graph is, for server = graph" },

	{ POLICY("allow", allow), OWN(value_patterns),
	    .help = "who may receive mail; default: anyone" },
	{ POLICY("max_recipients", max_recipients), NUMBER(1, 500), .initial = "50",
	    .help = "most recipients of a job, To, Cc and Bcc together" },
	{ POLICY("reply_to", reply_to), OWN(value_reply_to), .initial = "user",
	    .help = "where answers go: the person who printed, nowhere, an address" },

	{ .section = "users",
	    .offset = offsetof(struct config, users),
	    OWN(value_user),
	    .help = "a CUPS user's own address; * for everybody else" },

	{ .section = "addresses",
	    .offset = offsetof(struct config, addresses),
	    OWN(value_book),
	    .help = "an entry of the address book" },

	{ SCAN("device", device), TEXT(0, NAME_MAX_BYTES), .initial = "",
	    .help = "the scanner; default: the first that is found" },
	{ SCAN("source", source), CHOICE(source_choices), .initial = "auto",
	    .help = "glass, feeder, or both sides from the feeder" },
	{ SCAN("mode", mode), CHOICE(mode_choices), .initial = "auto",
	    .help = "colours" },
	{ SCAN("resolution", resolution), NUMBER(75, 1200), .initial = "300",
	    .help = "dots per inch" },
	{ SCAN("paper", paper), CHOICE(paper_choices), .initial = "a4",
	    .help = "size of the page; max: all that the scanner can see" },
	{ SCAN("to", to), TEXT(0, 0), .initial = "",
	    .help = "recipients: addresses and names of the address book" },
	{ SCAN("subject", subject), TEXT(0, SUBJECT_MAX), .check = value_check_template,
	    .initial = "Scan %d %t", .help = "the subject; %d date, %t time" },
	{ SCAN("queue", queue), TEXT(0, NAME_MAX_BYTES), .initial = "",
	    .help = "the mail queue; default: the user's default printer" },
	{ .section = NULL },
};

const struct schema config_schema = { .sections = sections, .settings = settings };

/* What no single key can tell. */
static enum status
finish(struct config *c, const struct settings_text *file, struct error *e)
{
	enum status status = STATUS_OK;

	for (size_t i = 0; i < c->account_count && status == STATUS_OK; i++)
		if (c->account[i].place.faults == 0) /* else what it lacks was wrong */
			status = account_check(&c->account[i], file, e);
	return status;
}

/* -- loading ----------------------------------------------------------------------- */

const char *
config_path(void)
{
	const char *path = getenv(CONFIG_VARIABLE);

	return path && *path ? path : CONFIG_DEFAULT_PATH;
}

static enum status
read_text(struct config **out, const struct settings_text *file, struct error *e)
{
	struct config *c = calloc(1, sizeof(*c));
	enum status status = STATUS_OK;

	if (c)
		c->path = strdup(file->path);
	if (!c || !c->path) {
		status = error_set(e, STATUS_RETRY, "%s: out of memory", file->path);
		goto out;
	}
	status = settings_defaults(&config_schema, "postroom", c, e);
	if (status == STATUS_OK)
		status = settings_defaults(&config_schema, "policy", c, e);
	if (status == STATUS_OK)
		status = settings_parse(&config_schema, c, file, e);
	if (status == STATUS_OK)
		status = finish(c, file, e);
	if (status == STATUS_OK) {
		*out = c;
		return STATUS_OK;
	}
out:
	config_free(c);
	return status;
}

enum status
config_parse(
    struct config **out, const char *text, size_t len, const char *path, struct error *e)
{
	const struct settings_text file = { .path = path, .bytes = text, .len = len };

	return read_text(out, &file, e);
}

enum status
config_check(struct config **out, const char *path,
    void (*tell)(void *context, const char *fault), void *context, struct error *e)
{
	struct settings_text file = { .path = path, .fault = tell, .context = context };
	const struct file_rule rule = { .owner = geteuid(), .max = SETTINGS_FILE_MAX };
	enum status status;
	char *text = NULL;
	int fd;

	file.len = SETTINGS_FILE_MAX;
	status = file_open(&fd, path, &rule, e);
	if (status != STATUS_OK)
		return status;
	text = malloc(SETTINGS_FILE_MAX);
	if (text)
		status = file_read(fd, text, &file.len, path, e);
	else
		status = error_set(e, STATUS_RETRY, "%s: out of memory", path);
	close(fd);
	file.bytes = text;
	if (status == STATUS_OK)
		status = read_text(out, &file, e);
	free(text);
	return status;
}

enum status
config_load(struct config **out, const char *path, struct error *e)
{
	return config_check(out, path, NULL, NULL, e);
}

enum status
config_begin(struct config **out, struct error *e)
{
	enum status status = config_load(out, config_path(), e);

	environment_reset();
	return status;
}

static void
clear_account(struct account *a)
{
	free(a->name);
	free(a->server.host);
	mailbox_clear(&a->from);
	settings_clear(&config_schema, "account", a);
}

void
config_free(struct config *c)
{
	if (!c)
		return;
	for (size_t i = 0; i < c->account_count; i++)
		clear_account(&c->account[i]);
	for (size_t i = 0; i < c->profile_count; i++) {
		free(c->profile[i].name);
		settings_clear(&config_schema, "scan", &c->profile[i]);
	}
	settings_clear(&config_schema, "postroom", c);
	list_clear(&c->policy.allow);
	mailbox_clear(&c->policy.reply_to.mailbox);
	mailbox_list_clear(&c->notify.others);
	pairs_clear(&c->users);
	pairs_clear(&c->addresses);
	free(c->path);
	free(c);
}

/* -- looking up -------------------------------------------------------------------- */

const struct account *
config_account(const struct config *c, const char *name)
{
	if (!name || !*name)
		return c->account_count ? &c->account[0] : NULL;
	for (size_t i = 0; i < c->account_count; i++)
		if (strcasecmp(c->account[i].name, name) == 0)
			return &c->account[i];
	return NULL;
}

const struct scan_profile *
config_profile(const struct config *c, const char *name)
{
	for (size_t i = 0; i < c->profile_count; i++)
		if (strcasecmp(c->profile[i].name, name) == 0)
			return &c->profile[i];
	return NULL;
}
