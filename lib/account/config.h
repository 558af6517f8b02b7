/*
 * config: what postroom.conf says, as plain data (postroom.conf(5)).
 *
 * One table in config.c holds every key with its type, range, default and help.
 * Links no libcurl and reads no secret: scan2mail uses it too.
 */
#ifndef POSTROOM_CONFIG_H
#define POSTROOM_CONFIG_H

#include <stdbool.h>
#include <stdint.h>

#include "lib/base/list.h"
#include "lib/base/settings.h"
#include "lib/base/status.h"
#include "lib/mail/address.h"

#define CONFIG_DEFAULT_PATH "/etc/postroom/postroom.conf"
#define CONFIG_VARIABLE     "POSTROOM_CONFIG" /* names another file */

enum {
	CONFIG_ACCOUNTS_MAX = 64,
	CONFIG_PROFILES_MAX = 64,
	CONFIG_BUTTONS_MAX = 64,
};

/* TLS_OPTIONAL: STARTTLS where it is offered, for a relay without a login. */
enum tls_mode { TLS_STARTTLS, TLS_IMPLICIT, TLS_OPTIONAL, TLS_NONE };

enum auth_mode {
	AUTH_PASSWORD,
	AUTH_OAUTH_DEVICE,
	AUTH_OAUTH_APP,
	AUTH_OAUTH_CODE,
	AUTH_NONE
};

/* How a client assertion is signed (RFC 7518 3.3, 3.5). */
enum signature { SIGNATURE_PS256, SIGNATURE_RS256 };

enum reply_to_mode { REPLY_TO_USER, REPLY_TO_NONE, REPLY_TO_ADDRESS };

enum scan_source { SOURCE_AUTO, SOURCE_FLATBED, SOURCE_ADF, SOURCE_ADF_DUPLEX };

enum scan_mode { MODE_AUTO, MODE_COLOR, MODE_GRAY, MODE_BW };

struct server {
	char *host;    /* A-labels or an address; "graph" for Microsoft Graph */
	uint16_t port; /* 0: the default of the account's tls */
};

struct account {
	char *name;
	struct settings_place place; /* in the file; `faults` also of the whole account */
	struct server server;
	int tls;       /* enum tls_mode */
	char *ca_file; /* "": the system's authorities */
	int auth;      /* enum auth_mode */
	char *username;
	char *password_file;
	struct mailbox from;       /* the user name when the file gives none */
	uint64_t max_message_size; /* bytes, as sent */
	uint64_t max_connections;
	uint64_t max_per_minute;
	char *authority, *tenant, *client_id, *scope;
	char *client_secret_file, *certificate_file, *key_file;
	int signature;          /* enum signature */
	uint64_t redirect_port; /* oauth-code, on loopback; 0: any that is free */
	char *device_url, *token_url, *authorize_url, *graph_url;
};

struct reply_to {
	int mode;               /* enum reply_to_mode */
	struct mailbox mailbox; /* with REPLY_TO_ADDRESS */
};

struct policy {
	struct list
	    allow; /* patterns: "*@example.com", "bob@example.com"; empty: anyone */
	uint64_t max_recipients;
	struct reply_to reply_to;
};

/* What is done with the pages of a stack that ended badly. */
enum scan_partial { PARTIAL_SEND, PARTIAL_HOLD, PARTIAL_DROP };

/* Which way up the backs of sheets come. */
enum scan_rotate_back { ROTATE_BACK_0, ROTATE_BACK_180 };

struct paper {
	double width, height; /* millimetres; 0: all that the scanner has */
};

/* How long a scanner may be silent, in seconds. */
struct scan_waits {
	uint64_t busy;     /* while somebody else uses it, or it warms up */
	uint64_t open;     /* until it is open and set */
	uint64_t start;    /* until a page's first bytes */
	uint64_t progress; /* between two pieces of a page */
	uint64_t close;    /* until it is closed */
};

struct scan_profile {
	char *name;
	struct settings_place place;
	char *device;        /* "": the first that SANE finds */
	int source;          /* enum scan_source */
	int mode;            /* enum scan_mode */
	uint64_t resolution; /* dots per inch */
	struct paper paper;
	char *to;         /* as mail-to: addresses and address-book names */
	char *subject;    /* a template (template.h) */
	char *filename;   /* a template; "": the subject decides */
	char *queue;      /* "": the user's default queue */
	uint64_t quality; /* of JPEG, as libjpeg counts */
	int partial;      /* enum scan_partial */
	int rotate_back;  /* enum scan_rotate_back */
	struct scan_waits waits;
	struct pairs option; /* the driver's own options and their values */
};

/* A button or a sensor of a scanner, and the profile that it starts. */
struct button {
	char *device; /* as SANE names it */
	char *option; /* as the driver names it */
	struct settings_place place;
	char *value; /* a pattern (fnmatch(3)) of what starts it; "": any but 0 and "" */
	char *profile;  /* the name of a struct scan_profile */
	uint64_t pause; /* seconds that the value must stand before it is started */
};

/* What is done with a message that may have arrived and was not answered. */
enum ambiguous_mode { AMBIGUOUS_RESEND, AMBIGUOUS_HOLD };

/* What is done with a message that is too large. */
enum oversize_step { OVERSIZE_SHRINK, OVERSIZE_SPLIT, OVERSIZE_REFUSE, OVERSIZE_STEPS };

struct oversize {
	int step[OVERSIZE_STEPS]; /* enum oversize_step, in the order they are tried */
	size_t count;
};

/* Who is told of what was not sent. */
struct notify {
	bool owner;
	struct mailbox_list others;
};

struct config {
	char *path;
	char *state_dir;
	char *user;             /* the worker's account */
	uint64_t retry_after;   /* seconds: the first wait before a job is tried again */
	uint64_t give_up_after; /* seconds after its first try */
	uint64_t notice_after;  /* seconds after which its owner is told that it waits */
	uint64_t auth_patience; /* seconds that a refused login is waited out */
	int ambiguous;          /* enum ambiguous_mode */
	struct oversize oversize;
	struct notify notify;
	char *dates_file; /* until when which way to sign in works */
	char *log_file;   /* "": syslog */
	bool log_subjects;
	struct account account[CONFIG_ACCOUNTS_MAX];
	size_t account_count;
	struct policy policy;
	struct pairs users; /* CUPS user (or "*") → address, %u stands for the user */
	struct pairs addresses; /* address book: name → mailbox list */
	struct scan_profile profile[CONFIG_PROFILES_MAX];
	size_t profile_count;
	uint64_t button_poll; /* milliseconds between two looks at a scanner's buttons */
	struct button button[CONFIG_BUTTONS_MAX];
	size_t button_count;
};

/* The table, for the man page's test and for `postroom check`. */
extern const struct schema config_schema;

/* The path to use: CONFIG_VARIABLE where it is set, else the default. */
const char *config_path(void);

/* Opens (owner root or the caller, not writable by others) and reads the file, and checks
 * what no single key can tell: an account without user name, tls = none with a password,
 * password_file missing. Addresses in [users] and [addresses] are checked here, with
 * their line where known. Stores a config that config_free() frees. STATUS_SETTINGS or
 * STATUS_RETRY. */
enum status config_load(struct config **out, const char *path, struct error *e);
/* The same on config_path(), and nothing of the environment is left to libraries
 * afterwards (environment.h): how a program begins that holds a secret. */
enum status config_begin(struct config **out, struct error *e);
/* The same on text in memory, for tests and fuzzing. */
enum status config_parse(
    struct config **out, const char *text, size_t len, const char *path, struct error *e);
/* As config_load(), and looks for all that is wrong: calls tell() with each fault, as
 * "PATH:LINE: what; remedy", and gives what is right. Values that were wrong have their
 * defaults; accounts whose place counts faults may lack what others have. Other statuses
 * than STATUS_OK: the file cannot be read. */
enum status config_check(struct config **out, const char *path,
    void (*tell)(void *context, const char *fault), void *context, struct error *e);
void config_free(struct config *c);

/* The account of this name, the first one for NULL or ""; NULL when there is none. */
const struct account *config_account(const struct config *c, const char *name);
const struct scan_profile *config_profile(const struct config *c, const char *name);

/* A size of paper as a profile would say it. STATUS_INVALID: the sentence says what is
 * allowed. */
enum status config_paper(struct paper *out, const char *text, struct error *e);

#endif
