/* vault: where root keeps the accounts' tokens (vault.h). */
#include "lib/login/vault.h"
#include "lib/account/account.h"

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>
#include <zlib.h>

#include "lib/account/endpoint.h"
#include "lib/account/secret.h"
#include "lib/login/tokenfile.h"

struct vault {
	const struct account *account;
	uint32_t identity; /* of what the account's settings say now */
	uint32_t asker;    /* what the grant under way asks with; 0: none is */
	struct tokenfile file;
	bool damaged;
	struct tokens stored; /* what the file holds, whoever's they are */
	struct tokens tokens; /* the same, or nothing where they are not this account's */
};

enum status
vault_open(struct vault **out, int folder, const struct account *account, struct error *e)
{
	struct vault *v = calloc(1, sizeof(*v));
	enum status status;

	if (!v)
		return error_set(e, STATUS_RETRY, "out of memory");
	status = tokenfile_init(&v->file, folder, account->name, e);
	if (status != STATUS_OK) {
		free(v);
		return status;
	}
	v->account = account;
	v->identity = endpoint_identity(account);
	*out = v;
	return STATUS_OK;
}

void
vault_close(struct vault *v)
{
	if (!v)
		return;
	vault_unlock(v);
	explicit_bzero(v, sizeof(*v));
	free(v);
}

/* Reads what is on the disk into v->stored and v->tokens. */
static enum status
load(struct vault *v, struct error *e)
{
	enum status status = tokenfile_read(&v->stored, &v->damaged, &v->file, e);

	if (v->stored.identity == v->identity)
		v->tokens = v->stored;
	else
		tokens_wipe(&v->tokens);
	return status;
}

enum status
vault_lock(struct vault *v, unsigned seconds, struct error *e)
{
	return tokenfile_lock(&v->file, seconds, e);
}

void
vault_unlock(struct vault *v)
{
	tokenfile_unlock(&v->file);
	v->asker = 0;
}

/* -- what is asked with ------------------------------------------------------------ */

/* CRC-32 of what changes when a file does. */
static uint32_t
describe(uint32_t sum, const char *path)
{
	uint64_t facts[7] = { 0 };
	struct stat st;

	if (path && *path && stat(path, &st) == 0) {
		facts[0] = st.st_dev;
		facts[1] = st.st_ino;
		facts[2] = (uint64_t)st.st_size;
		facts[3] = (uint64_t)st.st_mtim.tv_sec;
		facts[4] = (uint64_t)st.st_mtim.tv_nsec;
		facts[5] = (uint64_t)st.st_ctim.tv_sec;
		facts[6] = (uint64_t)st.st_ctim.tv_nsec;
	}
	return (uint32_t)crc32(sum, (const Bytef *)facts, sizeof(facts));
}

/* Login and files, as they are known now. */
static uint64_t
describe_all(const struct vault *v)
{
	const struct account *a = v->account;
	uint32_t files = describe(0, a->client_secret_file);

	files = describe(describe(files, a->certificate_file), a->key_file);
	return (uint64_t)v->tokens.login << 32 | files;
}

/* A number for what is asked with: login, files, settings. */
static uint32_t
describe_asker(const struct vault *v)
{
	const uint64_t facts[] = { describe_all(v), v->identity };

	return (uint32_t)crc32(0, (const Bytef *)facts, sizeof(facts));
}

uint64_t
vault_fingerprint(struct vault *v)
{
	load(v, NULL); /* nothing is known of what cannot be read */
	return describe_all(v);
}

static enum status
add_secret(struct grant *g, const struct account *a, struct error *e)
{
	struct secret secret;
	enum status status = secret_read(&secret, a->client_secret_file, e);

	if (status == STATUS_OK)
		memcpy(g->client_secret, secret.text, sizeof(secret.text));
	secret_wipe(&secret);
	return status;
}

static enum status
add_assertion(struct grant *g, const struct account *a, struct error *e)
{
	char url[ENDPOINT_URL_MAX];
	struct assertion assertion = {
		.certificate_file = a->certificate_file,
		.key_file = a->key_file,
		.signature = a->signature,
		.client_id = a->client_id,
		.audience = url,
		.now = time(NULL),
	};
	struct buf text;
	enum status status;

	if (!endpoint_url(url, a, ENDPOINT_TOKEN))
		return error_set(e, STATUS_SETTINGS,
		    "the token endpoint's address of account %s is too long; correct "
		    "authority, tenant or token_url",
		    a->name);
	buf_init(&text, ASSERTION_MAX);
	status = assertion_make(&text, &assertion, e);
	if (status == STATUS_OK)
		memcpy(g->assertion, text.data, text.len + 1);
	if (text.data)
		explicit_bzero(text.data, text.size);
	buf_clear(&text);
	return status;
}

enum status
vault_proof(struct grant *out, const struct account *a, struct error *e)
{
	grant_wipe(out);
	if (*a->client_secret_file)
		return add_secret(out, a, e);
	return a->auth == AUTH_OAUTH_APP ? add_assertion(out, a, e) : STATUS_OK;
}

/* Why there is no refresh token. */
static enum status
nobody(const struct vault *v, struct error *e)
{
	const char *name = v->account->name;

	if (v->damaged)
		return error_set(e, STATUS_SETTINGS,
		    "the stored tokens of account %s are damaged; run: postroom login %s",
		    name, name);
	if (v->stored.login && v->stored.identity != v->identity)
		return error_set(e, STATUS_SETTINGS,
		    "the settings of account %s have changed since somebody signed in for "
		    "it; run: postroom login %s",
		    name, name);
	return error_set(e, STATUS_SETTINGS,
	    "nobody has signed in for account %s yet; run: postroom login %s", name,
	    name);
}

static enum status
fill(struct grant *g, const struct vault *v, struct error *e)
{
	bool delegated = account_is_delegated(v->account);
	enum status status;

	if (delegated && !v->tokens.refresh[0])
		return nobody(v, e);
	status = vault_proof(g, v->account, e);
	if (status == STATUS_OK && delegated)
		memcpy(g->refresh, v->tokens.refresh, sizeof(g->refresh));
	return status;
}

/* -- asking ------------------------------------------------------------------------ */

enum status
vault_look(const struct tokens **out, struct vault *v, bool *damaged, struct error *e)
{
	enum status status = load(v, e);

	if (status != STATUS_OK)
		return status;
	*out = &v->tokens;
	if (damaged)
		*damaged = v->damaged;
	return STATUS_OK;
}

/* Whether a token can be handed out as it is. */
static bool
is_ready(const struct vault *v, uint32_t refused)
{
	const struct moment now = moment_now();

	return tokens_fresh(&v->tokens, &now) &&
	    (refused == 0 || tokens_serial(v->tokens.access) != refused);
}

/* Whether the last failure keeps this one away; its sentence then, as the error. */
static enum status
check_failure(const struct vault *v, struct vault_want *want, struct error *e)
{
	const struct moment now = moment_now();
	int64_t left = tokens_failed_left(&v->stored, &now);
	int verdict = v->stored.failed.verdict;

	if (left == 0 || v->stored.failed.asker != v->asker)
		return STATUS_OK;
	want->wait = left;
	return error_set(e,
	    verdict == OAUTH_WAIT || verdict == OAUTH_LOCKED ? STATUS_RETRY
							     : STATUS_SETTINGS,
	    "%s", v->stored.failed.text);
}

/* The lock is held now: what did the one find who had it before? */
static enum status
ask_locked(enum vault_answer *answer, struct vault *v, struct vault_want *want,
    struct grant *grant, struct error *e)
{
	enum status status = load(v, e);

	if (status == STATUS_OK && is_ready(v, want->refused)) {
		*answer = VAULT_READY;
		return STATUS_OK;
	}
	v->asker = describe_asker(v);
	if (status == STATUS_OK)
		status = check_failure(v, want, e);
	if (status == STATUS_OK)
		status = fill(grant, v, e);
	if (status == STATUS_OK)
		status = tokenfile_reserve(&v->file, e);
	if (status == STATUS_OK)
		*answer = VAULT_GRANT;
	else
		grant_wipe(grant);
	return status;
}

enum status
vault_ask(enum vault_answer *answer, struct vault *v, struct vault_want *want,
    struct grant *grant, struct error *e)
{
	enum vault_answer found = VAULT_BUSY;
	enum status status = load(v, e);

	want->tokens = NULL;
	want->wait = 0;
	if (status == STATUS_OK && is_ready(v, want->refused))
		found = VAULT_READY;
	else if (status == STATUS_OK)
		status = tokenfile_try(&v->file, e);
	if (status == STATUS_OK && found == VAULT_BUSY && v->file.lock >= 0)
		status = ask_locked(&found, v, want, grant, e);
	if (status != STATUS_OK || found != VAULT_GRANT)
		vault_unlock(v);
	if (status != STATUS_OK)
		return status;
	if (found == VAULT_READY)
		want->tokens = &v->tokens;
	*answer = found;
	return STATUS_OK;
}

/* -- answers ----------------------------------------------------------------------- */

static enum status
no_tokens(const struct vault *v, struct error *e)
{
	return error_set(e, STATUS_INVALID, "What came for account %s are no tokens",
	    v->account->name);
}

enum status
vault_store(struct vault *v, const struct oauth_tokens *answer, struct error *e)
{
	const struct moment now = moment_now();
	enum status status;

	if (v->file.lock < 0)
		return error_set(e, STATUS_INVALID,
		    "tokens came for account %s that nobody asked for", v->account->name);
	status = tokens_are_whole(answer) ? load(v, e) : no_tokens(v, e);
	if (status == STATUS_OK) {
		v->stored = v->tokens; /* what belongs to other settings goes */
		v->stored.identity = v->identity;
		tokens_take(&v->stored, answer, &now);
		status = tokenfile_write(&v->file, &v->stored, e);
	}
	vault_unlock(v);
	return status;
}

/* A number that the login before did not have. */
static uint32_t
draw_login(uint32_t before)
{
	uint32_t login;

	do
		login = arc4random();
	while (login == 0 || login == before);
	return login;
}

enum status
vault_sign_in(struct vault *v, const struct oauth_tokens *answer, struct error *e)
{
	const struct moment now = moment_now();
	enum status status;
	uint32_t before;

	if (!tokens_are_whole(answer))
		return no_tokens(v, e);
	status = vault_lock(v, VAULT_PATIENCE, e);
	if (status != STATUS_OK)
		return status;
	load(v, NULL); /* whatever was there, it is replaced */
	before = v->stored.login;
	tokens_wipe(&v->stored);
	v->stored.identity = v->identity;
	v->stored.login = draw_login(before);
	tokens_take(&v->stored, answer, &now);
	status = tokenfile_write(&v->file, &v->stored, e);
	vault_unlock(v);
	return status;
}

/* For how many seconds a failure keeps others away. */
static int64_t
pause_of(enum oauth_verdict verdict, int64_t after)
{
	const int64_t least = verdict == OAUTH_WAIT ? VAULT_PAUSE_WAIT
	    : verdict == OAUTH_LOCKED               ? VAULT_PAUSE_LOCKED
						    : VAULT_PAUSE;

	if (verdict != OAUTH_WAIT && verdict != OAUTH_LOCKED)
		return least;
	return after > least ? after : least;
}

void
vault_fail(
    struct vault *v, const struct oauth_refusal *why, int64_t after, const char *text)
{
	const struct moment now = moment_now();
	struct oauth_refusal noted = *why;
	uint32_t asker = v->asker;

	/* As an int: it may come from a process that is not believed. */
	if ((int)noted.verdict <= OAUTH_GRANTED || (int)noted.verdict > OAUTH_SETTINGS)
		noted.verdict = OAUTH_WAIT;
	if (v->file.lock >= 0 && load(v, NULL) == STATUS_OK) {
		/* Tokens of other settings stay: they may be wanted again. */
		if (!v->stored.identity)
			v->stored.identity = v->identity;
		tokens_fail(
		    &v->stored, &noted, pause_of(noted.verdict, after), text, &now);
		v->stored.failed.asker = asker ? asker : describe_asker(v);
		tokenfile_write(&v->file, &v->stored, NULL);
	}
	vault_unlock(v);
}
