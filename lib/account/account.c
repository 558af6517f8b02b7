/* account: what no single key of an account can tell (account.h). */
#include "lib/account/account.h"

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <strings.h>

#include "lib/account/value.h"

const char *const account_auths[] = { "password", "oauth-device", "oauth-app",
	"oauth-code", "none", NULL };
const char *const account_tls_modes[] = { "starttls", "implicit", "optional", "none",
	NULL };

/* Texts that a way to log in cannot do without. */
static const struct need {
	int auth;
	const char *key;
	size_t offset;
} needs[] = {
	{ AUTH_PASSWORD, "username", offsetof(struct account, username) },
	{ AUTH_PASSWORD, "password_file", offsetof(struct account, password_file) },
	{ AUTH_OAUTH_DEVICE, "username", offsetof(struct account, username) },
	{ AUTH_OAUTH_DEVICE, "client_id", offsetof(struct account, client_id) },
	{ AUTH_OAUTH_APP, "username", offsetof(struct account, username) },
	{ AUTH_OAUTH_APP, "client_id", offsetof(struct account, client_id) },
	{ AUTH_OAUTH_CODE, "username", offsetof(struct account, username) },
	{ AUTH_OAUTH_CODE, "client_id", offsetof(struct account, client_id) },
};

/* An account that is looked at as a whole. */
struct look {
	const struct settings_text *file;
	struct account *account;
	enum status status;
	struct error *e;
};

/* Tells a fault; whether to look for another one. */
static bool fault(struct look *l, enum status status, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

static bool
fault(struct look *l, enum status status, const char *format, ...)
{
	const struct account *a = l->account;
	struct error sentence, whole;
	va_list args;

	va_start(args, format);
	vsnprintf(sentence.text, sizeof(sentence.text), format, args);
	va_end(args);
	if (status != STATUS_SETTINGS || !l->file->fault) {
		l->status = error_set(l->e, status, "%s: [account %s]: %s", l->file->path,
		    a->name, sentence.text);
		return false;
	}
	error_set(&whole, status, "%s:%u: [account %s]: %s", l->file->path, a->place.line,
	    a->name, sentence.text);
	l->account->place.faults++;
	l->file->fault(l->file->context, whole.text);
	return true;
}

static bool
look_at_server(struct look *l)
{
	const struct account *a = l->account;

	if (!a->server.host)
		return fault(l, STATUS_SETTINGS,
		    "server is missing; set it, for instance server = "
		    "smtp.office365.com:587");
	if (account_is_graph(a) && !account_is_oauth(a)) {
		fault(l, STATUS_SETTINGS,
		    "server = graph takes no password; allowed with it: auth = "
		    "oauth-device, oauth-app, oauth-code");
		return false; /* what such a login lacks is no matter */
	}
	return true;
}

static bool
look_at_tls(struct look *l)
{
	const struct account *a = l->account;

	if ((a->tls != TLS_NONE && a->tls != TLS_OPTIONAL) || a->auth == AUTH_NONE)
		return true;
	return fault(l, STATUS_SETTINGS,
	    "tls = %s %s show the login to anybody on the way; allowed with it: auth = "
	    "none",
	    account_tls(a), a->tls == TLS_NONE ? "would" : "could");
}

/* What the account's way to log in lacks. */
static bool
look_at_needs(struct look *l)
{
	const struct account *a = l->account;

	for (size_t i = 0; i < sizeof(needs) / sizeof(needs[0]); i++) {
		const char *base = (const char *)a;
		const char *const *text =
		    (const char *const *)(const void *)(base + needs[i].offset);

		if (needs[i].auth == a->auth && **text == '\0' &&
		    !fault(l, STATUS_SETTINGS,
			"auth = %s needs %s; set it, or another auth", account_auth(a),
			needs[i].key))
			return false;
	}
	return true;
}

/* oauth-app shows who it is by a secret or by a certificate with its key. */
static bool
has_one_proof(const struct account *a)
{
	bool secret = *a->client_secret_file != '\0';
	bool certificate = *a->certificate_file != '\0';
	bool key = *a->key_file != '\0';

	return certificate == key && secret != certificate;
}

static bool
look_at_proof(struct look *l)
{
	const struct account *a = l->account;

	if (a->auth == AUTH_OAUTH_APP && !has_one_proof(a))
		return fault(l, STATUS_SETTINGS,
		    "auth = oauth-app needs client_secret_file, or certificate_file with "
		    "key_file; set one of the two");
	if (a->auth == AUTH_NONE && !*a->certificate_file != !*a->key_file)
		return fault(l, STATUS_SETTINGS,
		    "certificate_file and key_file belong together; set both, or none");
	return true;
}

/* The sender is the user name where the file gives none. */
static bool
default_from(struct look *l)
{
	struct account *a = l->account;
	struct error sentence;
	enum status status;

	if (a->from.address || a->place.faults > 0)
		return true;
	status = value_mailbox(&a->from, "from", a->username, &sentence);
	if (status == STATUS_OK)
		return true;
	if (status == STATUS_INVALID)
		return fault(l, STATUS_SETTINGS,
		    "from is missing, and username is no address that could stand for "
		    "it; set from = scanner@example.com");
	return fault(l, status, "%s", sentence.text);
}

enum status
account_check(struct account *a, const struct settings_text *file, struct error *e)
{
	static bool (*const steps[])(struct look *) = {
		look_at_server,
		look_at_tls,
		look_at_needs,
		look_at_proof,
		default_from,
	};
	struct look l = { .file = file, .account = a, .status = STATUS_OK, .e = e };

	for (size_t i = 0; i < sizeof(steps) / sizeof(steps[0]); i++)
		if (!steps[i](&l))
			break;
	return l.status;
}

/* -- what follows ------------------------------------------------------------------- */

uint16_t
account_port(const struct account *a)
{
	static const uint16_t defaults[] = {
		[TLS_STARTTLS] = 587,
		[TLS_IMPLICIT] = 465,
		[TLS_OPTIONAL] = 25,
		[TLS_NONE] = 25,
	};

	return a->server.port ? a->server.port : defaults[a->tls];
}

bool
account_is_graph(const struct account *a)
{
	return strcasecmp(a->server.host, "graph") == 0;
}

bool
account_is_oauth(const struct account *a)
{
	return a->auth != AUTH_PASSWORD && a->auth != AUTH_NONE;
}

bool
account_is_delegated(const struct account *a)
{
	return a->auth == AUTH_OAUTH_DEVICE || a->auth == AUTH_OAUTH_CODE;
}

const char *
account_auth(const struct account *a)
{
	return account_auths[a->auth];
}

const char *
account_tls(const struct account *a)
{
	return account_tls_modes[a->tls];
}
