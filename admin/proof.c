/* proof: with what an application shows who it is (proof.h). */
#include "admin/proof.h"

#include <string.h>
#include <time.h>

#include "lib/send/assertion.h"
#include "lib/send/endpoint.h"
#include "lib/send/secret.h"

static enum status
add_secret(struct grant *out, const struct account *a, struct error *e)
{
	struct secret secret;
	enum status status = secret_read(&secret, a->client_secret_file, e);

	if (status == STATUS_OK)
		memcpy(out->client_secret, secret.text, sizeof(secret.text));
	secret_wipe(&secret);
	return status;
}

static enum status
add_assertion(struct grant *out, const struct account *a, struct error *e)
{
	char url[ENDPOINT_URL_MAX];
	const struct assertion assertion = {
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
		    "authority, tenant and token_url make no address to ask at");
	buf_init(&text, ASSERTION_MAX);
	status = assertion_make(&text, &assertion, e);
	if (status == STATUS_OK)
		memcpy(out->assertion, text.data, text.len + 1);
	if (text.data)
		explicit_bzero(text.data, text.size);
	buf_clear(&text);
	return status;
}

enum status
proof_make(struct grant *out, const struct account *a, struct error *e)
{
	grant_wipe(out);
	if (*a->client_secret_file)
		return add_secret(out, a, e);
	return a->auth == AUTH_OAUTH_APP ? add_assertion(out, a, e) : STATUS_OK;
}
