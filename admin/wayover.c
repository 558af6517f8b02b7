/* wayover: how an account gets from its password to OAuth (wayover.h). */
#include "admin/wayover.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "admin/switching.h"
#include "lib/account/account.h"

static const char any_tenant[] = "organizations"; /* the default of `tenant` */

enum status
wayover_is_wanted(
    bool *is, const struct account *a, const struct wish *wish, struct error *e)
{
	bool more = wish->client_id || wish->tenant || wish->secret_file ||
	    wish->certificate || wish->graph;

	*is = a->auth == AUTH_PASSWORD;
	if (*is || (!more && (wish->way == WISH_NO_WAY || wish->way == a->auth)))
		return STATUS_OK;
	return error_set(e, STATUS_INVALID,
	    "the account '%s' has no password to come from (auth = %s); change its "
	    "settings in the file, then run: postroom login %s",
	    a->name, account_auth(a), a->name);
}

static void
add(struct wayover *w, const char *key, const char *value)
{
	size_t i = 0;

	if (!value)
		return;
	while (w->changes[i].key)
		i++;
	w->changes[i] = (struct amendment){ key, value };
}

/* Finds a text: the wish's, else the settings', else what is answered. */
static enum status
settle(char out[ASK_MAX], const char *wish, const char *question, const char *initial,
    struct error *e)
{
	enum status status;
	struct error why;

	if (wish && strlen(wish) >= ASK_MAX)
		return error_set(e, STATUS_INVALID, "%s: it is too long", question);
	if (wish) {
		snprintf(out, ASK_MAX, "%s", wish);
		return STATUS_OK;
	}
	status = ask(out, question, initial, &why);
	if (status != STATUS_OK)
		error_set(e, status, "%s is missing: %s", question, why.text);
	return status;
}

/* The client id, which every way needs. */
static enum status
settle_client(
    struct wayover *w, const struct account *a, const struct wish *wish, struct error *e)
{
	enum status status;

	if (!wish->client_id && *a->client_id)
		return STATUS_OK;
	status = settle(w->client_id, wish->client_id,
	    "Application (client) ID (--client-id)", NULL, e);
	if (status == STATUS_OK)
		add(w, "client_id", w->client_id);
	return status;
}

/* The tenant, unless the file has one, or addresses that need none. An application has to
 * name it; for people `organizations` does where the application is of several tenants.
 */
static enum status
settle_tenant(
    struct wayover *w, const struct account *a, const struct wish *wish, struct error *e)
{
	bool app = wish->way == AUTH_OAUTH_APP;
	enum status status;
	struct error why;

	if (!wish->tenant && (strcmp(a->tenant, any_tenant) != 0 || *a->token_url))
		return STATUS_OK;
	status = settle(w->tenant, wish->tenant,
	    app ? "Directory (tenant) ID (--tenant)"
		: "Directory (tenant) ID (--tenant), or nothing for any organization",
	    app ? NULL : any_tenant, &why);
	if (status != STATUS_OK && (app || wish->tenant || isatty(STDIN_FILENO)))
		return error_set(e, status, "%s", why.text);
	if (status == STATUS_OK && strcmp(w->tenant, any_tenant) != 0)
		add(w, "tenant", w->tenant);
	return STATUS_OK;
}

enum status
wayover_plan(struct wayover *out, const struct config *config, const struct account *a,
    const struct wish *wish, struct error *e)
{
	struct switching plan = { .path = config->path, .account = a->name };
	struct wish full = *wish;
	enum status status;

	*out = (struct wayover){ .config = NULL };
	if (full.way == WISH_NO_WAY)
		full.way = AUTH_OAUTH_DEVICE;
	add(out, "auth", account_auths[full.way]);
	if (full.graph)
		add(out, "server", "graph");
	status = settle_client(out, a, &full, e);
	if (status == STATUS_OK)
		status = settle_tenant(out, a, &full, e);
	if (status != STATUS_OK)
		return status;
	add(out, "client_secret_file", full.secret_file);
	add(out, "certificate_file", full.certificate);
	add(out, "key_file", full.key);
	plan.changes = out->changes;
	status = switching_plan(&out->config, &plan, e);
	if (status == STATUS_OK)
		out->account = config_account(out->config, a->name);
	return status;
}

void
wayover_clear(struct wayover *w)
{
	config_free(w->config);
	w->config = NULL;
	w->account = NULL;
}
