/* examine: what is looked at in one account (examine.h). */
#include "admin/examine.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "admin/certificate.h"
#include "admin/errand.h"
#include "admin/say.h"
#include "lib/base/priv.h"
#include "lib/account/account.h"
#include "lib/account/endpoint.h"
#include "lib/account/secret.h"
#include "lib/login/tokenfile.h"
#include "lib/send/limits.h"

enum {
	DAY = 24 * 60 * 60, /* seconds */
	NAME_MAX_BYTES = 300,
};

/* -- files --------------------------------------------------------------------------- */

/* A file that could not be used: whether that is its fault, or this user's rights. */
static void
tell_file(
    const struct examination *x, const char *key, const char *path, const struct error *e)
{
	if (geteuid() != 0 && access(path, R_OK) != 0 && errno == EACCES)
		finding_unseen(x->findings, path);
	else
		finding(x->findings, SEVERITY_ERROR, "%s: %s", key, e->text);
}

static void
examine_secret(const struct examination *x, const char *key, const char *path)
{
	struct secret secret;
	struct error e;

	if (secret_read(&secret, path, &e) == STATUS_OK)
		finding(x->findings, SEVERITY_OK, "%s %s is root's alone", key, path);
	else
		tell_file(x, key, path, &e);
	secret_wipe(&secret);
}

static void
examine_secrets(const struct examination *x)
{
	const struct account *a = x->account;

	if (a->auth == AUTH_PASSWORD)
		examine_secret(x, "password_file", a->password_file);
	if (account_is_oauth(a) && *a->client_secret_file)
		examine_secret(x, "client_secret_file", a->client_secret_file);
}

static void
examine_certificate(const struct examination *x)
{
	static const enum severity severities[] = {
		[STATUS_OK] = SEVERITY_OK,
		[STATUS_HOLD] = SEVERITY_WARNING,
		[STATUS_SETTINGS] = SEVERITY_ERROR,
	};
	const struct account *a = x->account;
	const char *path = a->certificate_file;
	struct certificate_span span;
	enum status status;
	struct error e;

	if (!*path || (a->auth != AUTH_OAUTH_APP && a->auth != AUTH_NONE))
		return;
	if (certificate_span(&span, path, &e) != STATUS_OK) {
		tell_file(x, "certificate_file", path, &e);
		return;
	}
	status = certificate_judge(&span, path, x->now, &e);
	finding(x->findings, severities[status], "%s", e.text);
	if (certificate_has_key(path, a->key_file, &e) == STATUS_OK)
		finding(x->findings, SEVERITY_OK,
		    "key_file %s is its key, and root's alone", a->key_file);
	else
		tell_file(x, "key_file", a->key_file, &e);
}

/* In a process with the worker's rights, which is who has to read it. */
static enum status
read_authorities(
    const struct errand_side *side, void *context, void *result, struct error *e)
{
	const char *path = context;
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);

	(void)side;
	(void)result;
	if (fd < 0)
		return error_set(e, STATUS_SETTINGS, "%s: %s", path, strerror(errno));
	return certificate_in(fd, path, e);
}

static void
examine_authorities(const struct examination *x)
{
	const struct account *a = x->account;
	const struct errand errand = {
		.config = x->config,
		.run = read_authorities,
		.context = a->ca_file,
		.give = -1,
	};
	char who[NAME_MAX_BYTES] = "this user";
	struct identity id;
	struct error e;

	if (!*a->ca_file)
		return;
	if (geteuid() == 0) {
		if (priv_lookup(&id, x->config->user, &e) != STATUS_OK)
			return; /* which is said elsewhere */
		snprintf(who, sizeof(who), "user %s", x->config->user);
	}
	if (errand_run(&errand, &e) == STATUS_OK)
		finding(x->findings, SEVERITY_OK, "ca_file %s can be read by %s",
		    a->ca_file, who);
	else
		finding(x->findings, SEVERITY_ERROR, "ca_file cannot be used by %s: %s",
		    who, e.text);
}

/* -- tokens -------------------------------------------------------------------------- */

/* A folder of state_dir; -1 and errno where it cannot be opened. */
static int
open_state(const struct config *config, const char *name)
{
	char path[PATH_MAX];

	snprintf(path, sizeof(path), "%s/%s", config->state_dir, name);
	return open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
}

/* All that is stored for an account, also under other settings, of which the vault itself
 * (vault.h) would say that there is nothing. */
static enum status
read_tokens(struct tokens *out, bool *damaged, int folder, const struct account *a,
    struct error *e)
{
	struct tokenfile file;
	enum status status = tokenfile_init(&file, folder, a->name, e);

	return status == STATUS_OK ? tokenfile_read(out, damaged, &file, e) : status;
}

static void
tell_failure(const struct examination *x, const struct tokens *t)
{
	bool passes =
	    t->failed.verdict == OAUTH_WAIT || t->failed.verdict == OAUTH_LOCKED;

	if (t->failed.until.name[0])
		finding(x->findings, passes ? SEVERITY_WARNING : SEVERITY_ERROR,
		    "the last question for a token failed: %s", t->failed.text);
}

/* Somebody has signed in: how long ago it was last renewed. */
static void
tell_age(const struct examination *x, const struct tokens *t)
{
	int64_t age = (x->now - t->refreshed.wall) / DAY;
	const char *name = x->account->name;

	if (age > EXAMINE_TOKEN_AGE)
		finding(x->findings, SEVERITY_WARNING,
		    "the sign-in was last renewed %jd days ago, and Microsoft's end after "
		    "90; enable postroom-refresh.timer, and run: postroom refresh %s",
		    (intmax_t)age, name);
	else
		finding(x->findings, SEVERITY_OK,
		    "somebody has signed in; last renewed %jd days ago",
		    (intmax_t)(age > 0 ? age : 0));
}

static void
tell_tokens(const struct examination *x, const struct tokens *t, bool damaged)
{
	bool ours = t->identity == endpoint_identity(x->account);
	const char *name = x->account->name;

	if (ours)
		tell_failure(x, t);
	if (!account_is_delegated(x->account)) {
		if (damaged)
			finding(x->findings, SEVERITY_WARNING,
			    "the stored tokens are damaged; the next job asks for new ones");
	} else if (damaged) {
		finding(x->findings, SEVERITY_ERROR,
		    "the stored tokens are damaged; run: postroom login %s", name);
	} else if (!ours && t->login) {
		finding(x->findings, SEVERITY_ERROR,
		    "somebody has signed in, but the settings have changed since (auth, "
		    "username, client_id, tenant, scope, server or an address); put them "
		    "back as they were, or run: postroom login %s",
		    name);
	} else if (!ours || !t->refresh[0]) {
		finding(x->findings, SEVERITY_ERROR,
		    "nobody has signed in yet; run: postroom login %s", name);
	} else {
		tell_age(x, t);
	}
}

static void
examine_tokens(const struct examination *x)
{
	struct tokens tokens = { .identity = 0 };
	bool damaged = false;
	struct error e;
	int folder;

	if (!account_is_oauth(x->account))
		return;
	folder = open_state(x->config, "tokens");
	if (folder < 0 && errno == EACCES && geteuid() != 0)
		finding_unseen(x->findings, x->config->state_dir);
	else if (folder < 0 && errno != ENOENT)
		finding(x->findings, SEVERITY_ERROR, "%s/tokens cannot be used: %s",
		    x->config->state_dir, strerror(errno));
	else if (folder >= 0 &&
	    read_tokens(&tokens, &damaged, folder, x->account, &e) != STATUS_OK)
		finding(x->findings, SEVERITY_ERROR, "%s", e.text);
	else
		tell_tokens(x, &tokens, damaged);
	tokens_wipe(&tokens);
	if (folder >= 0)
		close(folder);
}

/* -- a refused login ----------------------------------------------------------------- */

/* Whether a file was changed, or touched, in the last so many ms. */
static bool
has_changed(const char *path, int64_t ms)
{
	struct timespec now;
	struct stat st;
	int64_t age;

	if (!*path || stat(path, &st) != 0)
		return false;
	clock_gettime(CLOCK_REALTIME, &now);
	age = (now.tv_sec - st.st_ctim.tv_sec) * INT64_C(1000) +
	    (now.tv_nsec - st.st_ctim.tv_nsec) / 1000000;
	return age < ms;
}

/* Whether somebody signed in. Tokens that were only renewed look the same: before a login
 * is refused that is done, and hardly in the minutes after it. */
static bool
has_signed_in(const struct examination *x, int64_t ms)
{
	const struct moment now = moment_now();
	struct tokens tokens = { .identity = 0 };
	bool damaged, found = false;
	int folder;

	if (!account_is_delegated(x->account))
		return false;
	folder = open_state(x->config, "tokens");
	if (folder >= 0 &&
	    read_tokens(&tokens, &damaged, folder, x->account, NULL) == STATUS_OK)
		found = tokens.refreshed.name[0] &&
		    moment_since(&tokens.refreshed, &now) < ms;
	tokens_wipe(&tokens);
	if (folder >= 0)
		close(folder);
	return found;
}

/* Whether what opens an account before its time happened in the last so many ms. */
static bool
is_open_again(const struct examination *x, int64_t ms)
{
	const struct account *a = x->account;

	if (has_changed(x->config->path, ms))
		return true;
	if (a->auth == AUTH_PASSWORD)
		return has_changed(a->password_file, ms);
	return has_changed(a->client_secret_file, ms) ||
	    has_changed(a->certificate_file, ms) || has_changed(a->key_file, ms) ||
	    has_signed_in(x, ms);
}

static void
tell_refusal(const struct examination *x, const struct limits_refusal *r)
{
	time_t again = time(NULL) + (time_t)((r->left + 999) / 1000);
	struct tm tm;
	char when[8];

	if (r->left == 0 || is_open_again(x, r->since))
		return;
	localtime_r(&again, &tm);
	strftime(when, sizeof(when), "%H:%M", &tm);
	finding(x->findings, SEVERITY_WARNING,
	    "closed until %s after a refused login; when its cause is mended, this opens "
	    "it at once: touch %s (%s)",
	    when, x->config->path, r->text);
}

static void
examine_refusal(const struct examination *x)
{
	int folder = open_state(x->config, "limits");
	struct limits_refusal refusal;
	char path[PATH_MAX];
	struct error e;

	snprintf(path, sizeof(path), "%s/limits", x->config->state_dir);
	if (folder < 0 && errno == EACCES && geteuid() != 0)
		finding_unseen(x->findings, path);
	else if (folder < 0 && errno != ENOENT)
		finding(x->findings, SEVERITY_ERROR, "%s cannot be used: %s", path,
		    strerror(errno));
	else if (folder >= 0 &&
	    limits_peek(&refusal, folder, x->account->name, &e) != STATUS_OK)
		finding(x->findings, SEVERITY_ERROR, "%s", e.text);
	else if (folder >= 0)
		tell_refusal(x, &refusal);
	if (folder >= 0)
		close(folder);
}

/* -- the server --------------------------------------------------------------------- */

static void
examine_password_end(const struct examination *x)
{
	static const enum severity severities[] = {
		[DATES_FAR] = SEVERITY_OK,
		[DATES_SOON] = SEVERITY_WARNING,
		[DATES_OFF] = SEVERITY_WARNING,
		[DATES_OVER] = SEVERITY_ERROR,
	};
	const struct account *a = x->account;
	const struct dates_question question = {
		.host = a->server.host, .account = a->name, .now = x->now
	};
	const struct dates_row *row = dates_find(x->dates, a->server.host);
	struct buf sentence;

	if (!row || a->auth != AUTH_PASSWORD)
		return;
	buf_init(&sentence, DATES_SENTENCE_MAX);
	dates_sentence(&sentence, row, &question);
	finding(
	    x->findings, severities[dates_state(row, x->now)], "%s", buf_text(&sentence));
	buf_clear(&sentence);
}

/* A server that takes an organisation's own mail from anybody. */
static bool
is_exchange_mx(const char *host)
{
	static const char *const tails[] = { ".mail.protection.outlook.com",
		".mx.microsoft" };
	size_t len = strlen(host);

	for (size_t i = 0; i < sizeof(tails) / sizeof(tails[0]); i++) {
		size_t tail = strlen(tails[i]);

		if (len > tail && strcasecmp(host + len - tail, tails[i]) == 0)
			return true;
	}
	return false;
}

static void
examine_direct_send(const struct examination *x)
{
	const struct account *a = x->account;

	if (a->auth == AUTH_NONE && is_exchange_mx(a->server.host) &&
	    x->config->policy.allow.count == 0)
		finding(x->findings, SEVERITY_WARNING,
		    "%s takes mail for its own organisation only (Direct Send), unless a "
		    "connector there knows this machine; set allow in [policy], for "
		    "instance allow = *@example.com",
		    a->server.host);
}

/* -- scanning ------------------------------------------------------------------------ */

/* Each recipient of a profile is an address or stands in the address book. */
static void
examine_recipients(
    struct findings *f, const struct config *config, const struct scan_profile *p)
{
	const char *cursor = *p->to ? p->to : NULL;
	struct mailbox mailbox;
	struct buf element;
	struct error e;

	buf_init(&element, ADDRESS_LIST_TEXT_MAX);
	while (mailbox_text_next(&cursor, &element)) {
		const char *text = buf_text(&element);

		if (pairs_get(&config->addresses, text))
			;
		else if (mailbox_parse(&mailbox, text, &e) == STATUS_OK)
			mailbox_clear(&mailbox);
		else if (strchr(text, '@') || !*text)
			finding(f, SEVERITY_ERROR, "%s:%u: [scan %s] to: %s",
			    config->path, p->place.line, p->name, e.text);
		else
			finding(f, SEVERITY_WARNING,
			    "%s:%u: [scan %s] to: '%.60s' is no address and not in "
			    "[addresses]; add it there, unless the queue is another "
			    "machine's",
			    config->path, p->place.line, p->name, text);
		buf_reset(&element);
	}
	buf_clear(&element);
}

/* A button before this one that wants the same; NULL: none. */
static const struct button *
find_same_button(const struct config *config, const struct button *b)
{
	for (const struct button *other = config->button; other < b; other++)
		if (strcmp(other->device, b->device) == 0 &&
		    strcmp(other->option, b->option) == 0 &&
		    strcasecmp(other->value, b->value) == 0)
			return other;
	return NULL;
}

static void
examine_button(struct findings *f, const struct config *config, const struct button *b)
{
	const struct button *same = find_same_button(config, b);

	if (!config_profile(config, b->profile))
		finding(f, SEVERITY_ERROR,
		    "%s:%u: [button %s %s] starts the profile '%s', which does not exist; "
		    "add a section [scan %s]",
		    config->path, b->place.line, b->device, b->option, b->profile,
		    b->profile);
	if (same)
		finding(f, SEVERITY_ERROR,
		    "%s:%u: [button %s %s] has the same value as the one in line %u, which "
		    "alone counts; give it another value, or take it out",
		    config->path, b->place.line, b->device, b->option, same->place.line);
}

void
examine_scanning(struct findings *f, const struct config *config)
{
	for (size_t i = 0; i < config->profile_count; i++)
		examine_recipients(f, config, &config->profile[i]);
	for (size_t i = 0; i < config->button_count; i++)
		examine_button(f, config, &config->button[i]);
}

/* -- all of it ---------------------------------------------------------------------- */

static void
tell_head(const struct account *a)
{
	const char *host = a->server.host;
	bool v6 = strchr(host, ':') != NULL;
	char server[PATH_MAX];

	if (account_is_graph(a))
		snprintf(server, sizeof(server), "Microsoft Graph (%s)", a->graph_url);
	else
		snprintf(server, sizeof(server), "%s%s%s:%u (tls = %s)", v6 ? "[" : "",
		    host, v6 ? "]" : "", (unsigned)account_port(a), account_tls(a));
	say("[account %s] %s, auth = %s, as %s", a->name, server, account_auth(a),
	    a->auth == AUTH_NONE ? a->from.address : a->username);
}

void
examine_account(const struct examination *x)
{
	static void (*const steps[])(const struct examination *) = {
		examine_secrets,
		examine_certificate,
		examine_authorities,
		examine_tokens,
		examine_refusal,
		examine_password_end,
		examine_direct_send,
	};

	tell_head(x->account);
	for (size_t i = 0; i < sizeof(steps) / sizeof(steps[0]); i++)
		steps[i](x);
}
