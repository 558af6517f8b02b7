/* Tests of lib/login/vault.c: what failures keep away, and what is handed out to ask
 * with.
 */
#include <limits.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>
#include <openssl/x509.h>

#include "tests/unit/vault_rig.h"

/* -- failures ------------------------------------------------------------------------ */

static void
failure_keeps_others_away(void **state)
{
	static const struct {
		enum oauth_verdict verdict;
		int64_t after, pause; /* s */
		enum status status;
	} rows[] = {
		{ OAUTH_WAIT, -1, 30, STATUS_RETRY },
		{ OAUTH_WAIT, 29, 30, STATUS_RETRY },
		{ OAUTH_WAIT, 600, 600, STATUS_RETRY },
		{ OAUTH_WAIT, INT64_MAX, TOKENS_PAUSE_MAX, STATUS_RETRY },
		{ OAUTH_WAIT, INT64_MIN, 30, STATUS_RETRY },
		{ OAUTH_LOCKED, -1, 15 * 60, STATUS_RETRY },
		{ OAUTH_LOCKED, 60, 15 * 60, STATUS_RETRY },
		{ OAUTH_LOCKED, 20 * 60, 20 * 60, STATUS_RETRY },
		{ OAUTH_SIGN_IN, -1, 60, STATUS_SETTINGS },
		{ OAUTH_SIGN_IN, 600, 60, STATUS_SETTINGS },
		{ OAUTH_SETTINGS, -1, 60, STATUS_SETTINGS },
		{ OAUTH_DECLINED, -1, 60, STATUS_SETTINGS },
		{ OAUTH_EXPIRED, -1, 60, STATUS_SETTINGS },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		int64_t wait;

		sign_in();
		make_old();
		ask(vault, VAULT_GRANT, 0);
		refuse(rows[i].verdict, rows[i].after, "AADSTS1: no");
		wait = ask_in_vain(second, rows[i].status, "AADSTS1: no");
		if (wait > rows[i].pause * SECOND || wait < (rows[i].pause - 20) * SECOND)
			fail_msg("row %zu: %lld ms", i, (long long)wait);
		assert_string_equal(error.text, "AADSTS1: no");
		assert_string_equal(look(vault).refresh, "refresh-1");
	}
}

/* One that no refusal has: it is noted as what passes, and the store stays whole. */
static void
strange_verdict_is_noted(void **state)
{
	static const int strange[] = { -1, INT_MIN, OAUTH_GRANTED, OAUTH_SETTINGS + 1, 99,
		INT_MAX };

	(void)state;
	for (size_t i = 0; i < sizeof(strange) / sizeof(strange[0]); i++) {
		struct oauth_refusal why = { .number = 0 };

		memcpy(&why.verdict, &strange[i], sizeof(why.verdict));
		sign_in();
		make_old();
		ask(vault, VAULT_GRANT, 0);
		vault_fail(vault, &why, -1, "no");
		assert_true(ask_in_vain(second, STATUS_RETRY, "no") <= 30 * SECOND);
		assert_int_equal(look(vault).failed.verdict, OAUTH_WAIT);
		assert_string_equal(look(vault).refresh, "refresh-1");
	}
}

static void
success_ends_a_failure(void **state)
{
	struct tokens t;

	(void)state;
	sign_in();
	make_old();
	ask(vault, VAULT_GRANT, 0);
	refuse(OAUTH_WAIT, 600, "later");
	ask_in_vain(vault, STATUS_RETRY, "later");
	t = look(vault);
	t.failed.until = moment_now(); /* the time has come */
	put(&t);
	ask(vault, VAULT_GRANT, 0);
	good(vault_store(vault, &answer, &error));
	assert_int_equal(look(vault).failed.until.name[0], '\0');
}

/* One that is fresh is handed out, though the last question failed. */
static void
failure_spares_a_fresh_token(void **state)
{
	(void)state;
	sign_in();
	ask(vault, VAULT_GRANT, tokens_serial("access-1"));
	refuse(OAUTH_WAIT, 600, "later");
	ask(vault, VAULT_READY, 0);
}

static void
new_login_is_not_kept_away(void **state)
{
	uint32_t before;

	(void)state;
	sign_in();
	before = look(vault).login;
	assert_int_not_equal(before, 0);
	make_old();
	ask(vault, VAULT_GRANT, 0);
	refuse(OAUTH_LOCKED, -1, "revoked");
	sign_in();
	assert_int_not_equal(look(vault).login, before);
	make_old();
	ask(vault, VAULT_GRANT, 0);
}

static void
changed_files_are_not_kept_away(void **state)
{
	(void)state;
	need_root();
	write_file(secret_file, "wrong", 5);
	account.client_secret_file = secret_file;
	account.auth = AUTH_OAUTH_APP;
	reopen();
	ask(vault, VAULT_GRANT, 0);
	assert_string_equal(grant.client_secret, "wrong");
	refuse(OAUTH_SETTINGS, -1, "invalid_client");
	ask_in_vain(vault, STATUS_SETTINGS, "invalid_client");
	write_file(secret_file, "right one", 9);
	ask(vault, VAULT_GRANT, 0);
	assert_string_equal(grant.client_secret, "right one");
}

/* The secret was changed while the old one was being refused. */
static void
failure_is_of_what_was_asked_with(void **state)
{
	(void)state;
	need_root();
	write_file(secret_file, "wrong", 5);
	account.client_secret_file = secret_file;
	account.auth = AUTH_OAUTH_APP;
	reopen();
	ask(vault, VAULT_GRANT, 0);
	write_file(secret_file, "right one", 9);
	refuse(OAUTH_SETTINGS, -1, "invalid_client");
	ask(vault, VAULT_GRANT, 0);
}

static void
changed_settings_are_not_kept_away(void **state)
{
	static char other[] = "another-client";

	(void)state;
	need_root();
	write_file(secret_file, "secret", 6);
	account.client_secret_file = secret_file;
	account.auth = AUTH_OAUTH_APP;
	reopen();
	ask(vault, VAULT_GRANT, 0);
	refuse(OAUTH_SETTINGS, -1, "no such client");
	ask_in_vain(vault, STATUS_SETTINGS, "no such client");
	account.client_id = other;
	reopen();
	ask(vault, VAULT_GRANT, 0);
	refuse(OAUTH_SETTINGS, -1, "neither");
	ask_in_vain(vault, STATUS_SETTINGS, "neither");
}

static void
text_of_a_failure_is_cleaned(void **state)
{
	char text[3000];

	(void)state;
	sign_in();
	make_old();
	ask(vault, VAULT_GRANT, 0);
	memset(text, '\n', sizeof(text));
	memcpy(text, "a\x1b[31m", 6);
	memset(text + 100, 'x', sizeof(text) - 101);
	text[sizeof(text) - 1] = '\0';
	refuse(OAUTH_WAIT, -1, text);
	ask_in_vain(vault, STATUS_RETRY, "a [31m  ");
	assert_int_equal(strlen(error.text), TOKENS_TEXT_MAX - 1);
	assert_null(strchr(error.text, '\n'));
}

/* -- grants -------------------------------------------------------------------------- */

static void
delegated_client_may_have_a_secret(void **state)
{
	(void)state;
	need_root();
	sign_in();
	write_file(secret_file, "secret\n", 7);
	account.client_secret_file = secret_file;
	reopen();
	make_old();
	ask(vault, VAULT_GRANT, 0);
	assert_string_equal(grant.refresh, "refresh-1");
	assert_string_equal(grant.client_secret, "secret");
	vault_unlock(vault);
	unlink(secret_file);
	ask_in_vain(vault, STATUS_SETTINGS, "secret.txt does not exist");
	assert_int_equal(grant.refresh[0], '\0'); /* nothing is left of it */
}

static void
write_pair(void)
{
	EVP_PKEY *key = EVP_RSA_gen(2048);
	X509 *c = X509_new();
	FILE *out = fopen(key_file, "w");

	assert_true(key && c && out);
	assert_int_equal(chmod(key_file, 0600), 0);
	assert_int_equal(PEM_write_PrivateKey(out, key, NULL, NULL, 0, NULL, NULL), 1);
	fclose(out);
	X509_gmtime_adj(X509_getm_notBefore(c), -HOUR);
	X509_gmtime_adj(X509_getm_notAfter(c), HOUR);
	X509_set_pubkey(c, key);
	assert_true(X509_sign(c, key, EVP_sha256()) > 0);
	out = fopen(certificate_file, "w");
	assert_non_null(out);
	assert_int_equal(PEM_write_X509(out, c), 1);
	fclose(out);
	X509_free(c);
	EVP_PKEY_free(key);
}

/* What an application shows is made anew each time, for its own token endpoint. */
static void
application_shows_an_assertion(void **state)
{
	char first[ASSERTION_MAX + 1];
	unsigned char claims[3000];
	char *start;
	size_t len;

	(void)state;
	need_root();
	write_pair();
	account.auth = AUTH_OAUTH_APP;
	account.certificate_file = certificate_file;
	account.key_file = key_file;
	reopen();
	ask(vault, VAULT_GRANT, 0);
	assert_string_equal(grant.refresh, "");
	assert_string_equal(grant.client_secret, "");
	memcpy(first, grant.assertion, sizeof(first));
	vault_unlock(vault);
	ask(vault, VAULT_GRANT, 0);
	assert_string_not_equal(grant.assertion, first);
	start = strchr(first, '.') + 1;
	len = strcspn(start, ".") / 4 * 4; /* whole groups: the rest does not matter */
	for (size_t i = 0; i < len; i++)
		start[i] = start[i] == '-' ? '+' : start[i] == '_' ? '/' : start[i];
	assert_true(EVP_DecodeBlock(claims, (unsigned char *)start, (int)len) > 0);
	claims[len / 4 * 3] = '\0';
	assert_non_null(
	    strstr((char *)claims, "{\"aud\":\"https://login.example/token\","));
	assert_non_null(strstr((char *)claims, "\"iss\":\"client\","));
	answer.refresh[0] = '\0';
	good(vault_store(vault, &answer, &error));
	assert_int_equal(ask(second, VAULT_READY, 0).tokens->login, 0);
	unlink(key_file);
	ask(vault, VAULT_READY, 0); /* the key is not looked at as long as it lasts */
	make_old();
	ask_in_vain(vault, STATUS_SETTINGS, "app.key does not exist");
}

/* As the administrator's command has it, which has no tokens yet. */
static void
proof_is_what_the_application_shows(void **state)
{
	(void)state;
	need_root();
	snprintf(grant.refresh, sizeof(grant.refresh), "left over");
	good(vault_proof(&grant, &account, &error)); /* a public client */
	assert_string_equal(grant.refresh, "");
	assert_string_equal(grant.client_secret, "");
	assert_string_equal(grant.assertion, "");
	write_file(secret_file, "secret", 6);
	account.client_secret_file = secret_file;
	good(vault_proof(&grant, &account, &error));
	assert_string_equal(grant.client_secret, "secret");
	account.client_secret_file = empty;
	account.auth = AUTH_OAUTH_APP;
	account.certificate_file = certificate_file;
	account.key_file = key_file;
	assert_int_equal(vault_proof(&grant, &account, &error), STATUS_SETTINGS);
	assert_string_equal(grant.client_secret, "");
	write_pair();
	good(vault_proof(&grant, &account, &error));
	assert_string_equal(grant.client_secret, "");
	assert_true(strlen(grant.assertion) > 100);
}

/* -- fingerprint --------------------------------------------------------------------- */

static void
fingerprint_changes_with_login_and_files(void **state)
{
	char *const files[] = { secret_file, certificate_file, key_file };
	uint64_t before = vault_fingerprint(vault), now;

	(void)state;
	sign_in();
	now = vault_fingerprint(vault);
	assert_true(now != before);
	before = now;
	make_old();
	ask(vault, VAULT_GRANT, 0);
	good(vault_store(vault, &answer, &error));
	ask(vault, VAULT_GRANT, tokens_serial(answer.access));
	refuse(OAUTH_WAIT, -1, "later");
	assert_true(vault_fingerprint(vault) == before); /* renewing is no news */
	assert_true(vault_fingerprint(second) == before);
	account.client_secret_file = secret_file;
	account.certificate_file = certificate_file;
	account.key_file = key_file;
	before = vault_fingerprint(vault);
	for (size_t i = 0; i < 3; i++) {
		write_file(files[i], "x", 1);
		now = vault_fingerprint(vault);
		assert_true(now != before);
		before = now;
		write_file(files[i], "xx", 2);
		now = vault_fingerprint(vault);
		assert_true(now != before);
		before = now;
	}
	sign_in();
	now = vault_fingerprint(vault);
	assert_true(now != before);
	assert_true(vault_fingerprint(vault) == now);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		vault_test(failure_keeps_others_away),
		vault_test(strange_verdict_is_noted),
		vault_test(success_ends_a_failure),
		vault_test(failure_spares_a_fresh_token),
		vault_test(new_login_is_not_kept_away),
		vault_test(changed_files_are_not_kept_away),
		vault_test(failure_is_of_what_was_asked_with),
		vault_test(changed_settings_are_not_kept_away),
		vault_test(text_of_a_failure_is_cleaned),
		vault_test(delegated_client_may_have_a_secret),
		vault_test(application_shows_an_assertion),
		vault_test(proof_is_what_the_application_shows),
		vault_test(fingerprint_changes_with_login_and_files),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
