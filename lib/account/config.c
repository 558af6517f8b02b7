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

/* "DEVICE OPTION", each in quotes where it has blanks. */
static void *
open_button(void *target, const char *name, struct error *e)
{
	struct config *c = target;
	struct button *b = &c->button[c->button_count];

	if (c->button_count == CONFIG_BUTTONS_MAX) {
		error_set(e, STATUS_SETTINGS, "too many buttons; allowed: %d",
		    CONFIG_BUTTONS_MAX);
		return NULL;
	}
	if (value_button(&b->device, &b->option, name, e) != STATUS_OK)
		return NULL;
	c->button_count++;
	if (settings_defaults(&config_schema, "button", b, e) != STATUS_OK)
		return NULL;
	return b;
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
	{ .kind = "scan",
	    .named = true,
	    .open = open_profile,
	    .place = offsetof(struct scan_profile, place) },
	{ .kind = "button",
	    .named = true,
	    .many = true, /* one option, several values */
	    .open = open_button,
	    .place = offsetof(struct button, place) },
	{ .kind = NULL },
};

/* -- keys -------------------------------------------------------------------------- */

/* Each in the order of its enum in config.h. */
static const char *const signature_choices[] = { "ps256", "rs256", NULL };
static const char *const ambiguous_choices[] = { "resend", "hold", NULL };
static const char *const source_choices[] = { "auto", "flatbed", "adf", "adf-duplex",
	NULL };
static const char *const mode_choices[] = { "auto", "color", "gray", "bw", NULL };
static const char *const partial_choices[] = { "send", "hold", "drop", NULL };
static const char *const rotate_back_choices[] = { "0", "180", NULL };

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
	BUTTON_VALUE_MAX = 255,
	HOUR = 60 * MINUTE,
};

#define GENERAL(key, field)                                                              \
	.section = "postroom", .name = key, .offset = offsetof(struct config, field)
#define ACCOUNT(key, field)                                                              \
	.section = "account", .name = key, .offset = offsetof(struct account, field)
#define POLICY(key, field)                                                               \
	.section = "policy", .name = key, .offset = offsetof(struct config, policy.field)
#define SCAN(key, field)                                                                 \
	.section = "scan", .name = key, .offset = offsetof(struct scan_profile, field)
#define BUTTON(key, field)                                                               \
	.section = "button", .name = key, .offset = offsetof(struct button, field)
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
	{ GENERAL("button_poll", button_poll), NUMBER(100, 60000), .initial = "500",
	    .help = "milliseconds between two looks at a scanner's buttons" },
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
	{ SCAN("paper", paper), OWN(value_paper), .initial = "a4",
	    .help = "size of the page: a name, WIDTHxHEIGHT in millimetres, or max" },
	{ SCAN("to", to), TEXT(0, 0), .initial = "",
	    .help = "recipients: addresses and names of the address book" },
	{ SCAN("subject", subject), TEXT(0, SUBJECT_MAX), .check = value_check_template,
	    .initial = "Scan %d %t",
	    .help = "the subject; %d date, %t time, %n a number that grows" },
	{ SCAN("filename", filename), TEXT(0, NAME_MAX_BYTES),
	    .check = value_check_template, .initial = "",
	    .help = "the PDF's name; %n is a number that grows; default: the subject" },
	{ SCAN("queue", queue), TEXT(0, NAME_MAX_BYTES), .initial = "",
	    .help = "the mail queue; default: the user's default printer" },
	{ SCAN("quality", quality), NUMBER(10, 95), .initial = "75",
	    .help = "of colour and grey pages, as JPEG counts it" },
	{ SCAN("partial", partial), CHOICE(partial_choices), .initial = "send",
	    .help = "what is done with the pages before a jam or another fault" },
	{ SCAN("rotate_back", rotate_back), CHOICE(rotate_back_choices), .initial = "0",
	    .help = "degrees by which the back of each sheet is turned" },
	{ SCAN("wait_busy", waits.busy), TIME(0, HOUR), .initial = "60s",
	    .help = "how long a scanner is waited for that is in use" },
	{ SCAN("wait_open", waits.open), TIME(1, HOUR), .initial = "60s",
	    .help = "how long it may take until the scanner is open" },
	{ SCAN("wait_start", waits.start), TIME(1, HOUR), .initial = "180s",
	    .help = "and until a page's first line" },
	{ SCAN("wait_progress", waits.progress), TIME(1, HOUR), .initial = "60s",
	    .help = "and between two pieces of a page" },
	{ SCAN("wait_close", waits.close), TIME(1, HOUR), .initial = "30s",
	    .help = "and until it is closed" },
	{ SCAN("option.", option), OWN(value_option),
	    .help = "the driver's own option NAME, set as it stands" },

	{ BUTTON("value", value), TEXT(0, BUTTON_VALUE_MAX), .initial = "",
	    .help = "the value that starts the scan; default: any but 0 and nothing" },
	{ BUTTON("profile", profile), TEXT(1, VALUE_NAME_MAX), .initial = "default",
	    .check = value_check_name, .help = "the scan profile that it starts" },
	{ BUTTON("pause", pause), TIME(0, HOUR), .initial = "0s",
	    .help = "how long the value must stand before the scan starts" },
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
		pairs_clear(&c->profile[i].option);
		settings_clear(&config_schema, "scan", &c->profile[i]);
	}
	settings_clear(&config_schema, "postroom", c);
	list_clear(&c->policy.allow);
	mailbox_clear(&c->policy.reply_to.mailbox);
	mailbox_list_clear(&c->notify.others);
	pairs_clear(&c->users);
	pairs_clear(&c->addresses);
	for (size_t i = 0; i < c->button_count; i++) {
		free(c->button[i].device);
		free(c->button[i].option);
		settings_clear(&config_schema, "button", &c->button[i]);
	}
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

enum status
config_paper(struct paper *out, const char *text, struct error *e)
{
	return value_paper(out, "paper", text, e);
}
