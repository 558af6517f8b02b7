/* Tests of lib/login/assertion.c: what it says, and that it is signed. What it is made
 * from is in test_assertion_files.c. */
#include <inttypes.h>
#include <sys/wait.h>

#include "tests/unit/assertion_rig.h"

#define OPENSSL "/usr/bin/openssl"

/* What the head is to say of the certificate on the disk. */
static void
expect_head(char *head, size_t room, const char *name)
{
	unsigned char hash[32];
	char word[48];
	BIO *bio = BIO_new_file(certificate_file, "r");
	X509 *c = PEM_read_bio_X509(bio, NULL, NULL, NULL);
	unsigned len = sizeof(hash);

	assert_int_equal(X509_digest(c, EVP_sha256(), hash, &len), 1);
	assert_int_equal(EVP_EncodeBlock((unsigned char *)word, hash, 32), 44);
	word[43] = '\0'; /* the '=' */
	for (char *p = word; *p; p++)
		*p = *p == '+' ? '-' : *p == '/' ? '_' : *p;
	snprintf(head, room, "{\"alg\":\"%s\",\"typ\":\"JWT\",\"x5t#S256\":\"%s\"}", name,
	    word);
	X509_free(c);
	BIO_free(bio);
}

static void
says_who_and_when(void **state)
{
	char head[200], expected[600], id[40] = "", *place;
	unsigned char part[1000];

	(void)state;
	need_root();
	make();
	decode(part, sizeof(part), out.data, 0);
	expect_head(head, sizeof(head), "PS256");
	assert_string_equal((char *)part, head);
	decode(part, sizeof(part), out.data, 1);
	place = strstr((char *)part, "\"jti\":\"");
	assert_non_null(place);
	snprintf(id, 37, "%s", place + 7);
	snprintf(expected, sizeof(expected),
	    "{\"aud\":\"" AUDIENCE "\",\"iss\":\"" CLIENT "\",\"sub\":\"" CLIENT
	    "\",\"jti\":\"%s\",\"nbf\":%" PRId64 ",\"iat\":%" PRId64 ",\"exp\":%" PRId64
	    "}",
	    id, (int64_t)NOW - 60, (int64_t)NOW - 60, (int64_t)NOW + 240);
	assert_string_equal((char *)part, expected);
	assert_int_equal(strspn(id, "0123456789abcdef-"), 36);
	assert_true(id[8] == '-' && id[13] == '-' && id[18] == '-' && id[23] == '-');
	assert_int_equal(id[14], '4');           /* the version */
	assert_non_null(strchr("89ab", id[19])); /* the variant */
}

static void
each_has_its_own_number(void **state)
{
	unsigned char one[1000], two[1000];

	(void)state;
	need_root();
	decode(one, sizeof(one), make(), 1);
	decode(two, sizeof(two), make(), 1);
	assert_string_not_equal((char *)one, (char *)two);
}

static void
signature_is_the_keys(void **state)
{
	EVP_PKEY *const keys[] = { key, second };

	(void)state;
	need_root();
	for (size_t i = 0; i < 2; i++) {
		write_key(keys[i], NULL, i == 1);
		write_certificate(keys[i], NOW - DAY, NOW + DAY);
		assertion.signature = SIGNATURE_PS256;
		make();
		assert_true(verifies(out.data, keys[i], RSA_PKCS1_PSS_PADDING));
		assert_false(verifies(out.data, keys[i], RSA_PKCS1_PADDING));
		assert_false(verifies(out.data, keys[1 - i], RSA_PKCS1_PSS_PADDING));
		assertion.signature = SIGNATURE_RS256;
		make();
		assert_true(verifies(out.data, keys[i], RSA_PKCS1_PADDING));
		assert_false(verifies(out.data, keys[i], RSA_PKCS1_PSS_PADDING));
	}
	out.data[0] = 'f'; /* was 'e', as of every "{\"…" */
	assert_false(verifies(out.data, second, RSA_PKCS1_PADDING));
}

static void
rs256_is_named(void **state)
{
	unsigned char part[1000];
	char head[200];

	(void)state;
	need_root();
	assertion.signature = SIGNATURE_RS256;
	make();
	decode(part, sizeof(part), out.data, 0);
	expect_head(head, sizeof(head), "RS256");
	assert_string_equal((char *)part, head);
}

/* Runs the openssl command on files of the folder; its exit code. */
static int
run_openssl(const char *const *arguments)
{
	int status, null = open("/dev/null", O_RDWR | O_CLOEXEC);
	pid_t child = fork();

	assert_true(child >= 0);
	if (child == 0) {
		dup2(null, STDOUT_FILENO);
		dup2(null, STDERR_FILENO);
		execv(OPENSSL, (char *const *)(uintptr_t)arguments);
		_exit(127);
	}
	close(null);
	assert_int_equal(waitpid(child, &status, 0), child);
	return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

static void
the_openssl_command_agrees(void **state)
{
	char signature_file[PATH_ROOM], public_file[PATH_ROOM];
	const char *const arguments[] = { "openssl", "dgst", "-sha256", "-sigopt",
		"rsa_padding_mode:pss", "-sigopt", "rsa_pss_saltlen:32", "-sigopt",
		"rsa_mgf1_md:sha256", "-verify", public_file, "-signature",
		signature_file, other, NULL };
	unsigned char signature[SIGNATURE_MAX];
	size_t len;
	BIO *bio;

	(void)state;
	need_root();
	if (access(OPENSSL, X_OK) != 0) {
		print_message("# needs " OPENSSL "\n");
		skip();
	}
	snprintf(signature_file, PATH_ROOM, "%s/signature", folder);
	snprintf(public_file, PATH_ROOM, "%s/public", folder);
	make();
	bio = create(public_file, 0600);
	assert_int_equal(PEM_write_bio_PUBKEY(bio, key), 1);
	BIO_free(bio);
	len = decode(signature, sizeof(signature), out.data, 2);
	write_bytes(signature_file, signature, len);
	write_bytes(other, out.data, (size_t)(strrchr(out.data, '.') - out.data));
	assert_int_equal(run_openssl(arguments), 0);
	signature[10] ^= 1;
	write_bytes(signature_file, signature, len);
	assert_int_equal(run_openssl(arguments), 1);
	unlink(signature_file);
	unlink(public_file);
}

/* A client id of any characters stays one string. */
static void
claims_are_quoted(void **state)
{
	unsigned char part[1000];

	(void)state;
	need_root();
	assertion.client_id = "a\",\"b\\c\n";
	make();
	decode(part, sizeof(part), out.data, 1);
	assert_non_null(strstr((char *)part, "\"iss\":\"a\\\",\\\"b\\\\c\\"));
	assert_non_null(strstr((char *)part, "\"sub\":\"a\\\",\\\"b\\\\c\\"));
	assertion.client_id = CLIENT;
	assertion.audience = "https://x/\"\\";
	make();
	decode(part, sizeof(part), out.data, 1);
	assert_non_null(strstr((char *)part, "\"aud\":\"https://x/\\\"\\\\\""));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		assertion_test(says_who_and_when),
		assertion_test(each_has_its_own_number),
		assertion_test(signature_is_the_keys),
		assertion_test(rs256_is_named),
		assertion_test(the_openssl_command_agrees),
		assertion_test(claims_are_quoted),
	};

	return cmocka_run_group_tests(tests, make_all, free_all);
}
