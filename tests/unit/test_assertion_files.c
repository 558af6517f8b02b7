/* Tests of lib/login/assertion.c: which keys and certificates it takes. */
#include "tests/unit/assertion_rig.h"

enum {
	STRANGER = 65534,
};

/* Refused with these words; nothing stored, nothing of the key told. */
static void
assert_fails(enum status status, const char *words)
{
	error.text[0] = '\0';
	buf_reset(&out);
	assert_int_equal(assertion_make(&out, &assertion, &error), status);
	assert_int_equal(out.len, 0);
	assert_false(out.over);
	if (!strstr(error.text, words))
		fail_msg("'%s' is not in '%s'", words, error.text);
	assert_null(strstr(error.text, "hunter"));
	assert_int_equal(ERR_peek_error(), 0);
}

static void
assert_refused(const char *words)
{
	assert_fails(STATUS_SETTINGS, words);
}

static void
too_much_is_refused(void **state)
{
	static char text[10000];

	(void)state;
	need_root();
	memset(text, 'x', sizeof(text) - 1);
	assertion.client_id = text;
	for (size_t len = sizeof(text) - 1; len > 3000; len -= 1000) {
		text[len] = '\0';
		assert_refused("too long");
	}
	assertion.client_id = "\xff";
	assert_refused("not UTF-8");
	assertion.client_id = CLIENT;
	buf_clear(&out);
	buf_init(&out, 10); /* the caller's buffer is too small */
	assert_int_equal(assertion_make(&out, &assertion, &error), STATUS_RETRY);
	assert_int_equal(out.len, 0);
}

static void
times_must_hold(void **state)
{
	(void)state;
	need_root();
	assertion.now = NOW + 365 * DAY;
	make();
	assertion.now++;
	assert_refused(
	    "app.pem: the certificate ended at 2028-01-15 08:00 UTC; make a new");
	assertion.now = NOW - DAY;
	make();
	assertion.now--;
	/* a clock that is wrong may be set in a moment */
	assert_fails(STATUS_RETRY,
	    "app.pem: the certificate counts from 2027-01-14 08:00 UTC only, and by this "
	    "machine's clock it is 2027-01-14 07:59 UTC now; check the clock");
}

static void
end_is_told(void **state)
{
	time_t ends = 1;

	(void)state;
	assert_int_equal(assertion_ends(&ends, certificate_file, &error), STATUS_OK);
	assert_int_equal(ends, NOW + 365 * DAY);
	write_certificate(key, 0, (time_t)253402300799); /* 9999-12-31 23:59:59 */
	assert_int_equal(assertion_ends(&ends, certificate_file, &error), STATUS_OK);
	assert_int_equal(ends, 253402300799);
	write_certificate(curve, 0, 1000); /* also of one that cannot be used */
	assert_int_equal(assertion_ends(&ends, certificate_file, &error), STATUS_OK);
	assert_int_equal(ends, 1000);
	ends = 77;
	assert_int_equal(assertion_ends(&ends, other, &error), STATUS_SETTINGS);
	write_bytes(certificate_file, "x", 1);
	assert_int_equal(
	    assertion_ends(&ends, certificate_file, &error), STATUS_SETTINGS);
	assert_int_equal(ends, 77);
}

static void
pair_must_match(void **state)
{
	(void)state;
	need_root();
	write_key(second, NULL, false);
	assert_refused("app.key is not the key of the certificate in ");
}

static void
kind_and_size_must_do(void **state)
{
	(void)state;
	need_root();
	write_key(curve, NULL, false);
	assert_refused(
	    "app.key is for another algorithm than RSA; make an RSA key of 2048");
	write_certificate(curve, NOW - DAY, NOW + DAY);
	assert_refused("app.key is for another");
	write_key(key, NULL, false);
	assert_refused("app.pem is for another algorithm than RSA");
	write_certificate(small, NOW - DAY, NOW + DAY);
	assert_refused("app.pem is of 1024 bits; allowed: 2048 to 8192");
	write_key(small, NULL, false);
	assert_refused("app.key is of 1024 bits; allowed: 2048 to 8192");
}

/* Nobody is asked: there may be a terminal, and nobody in front of it. */
static void
locked_keys_are_refused(void **state)
{
	(void)state;
	need_root();
	alarm(20); /* ends the test run, should somebody be asked */
	for (int traditional = 0; traditional < 2; traditional++) {
		write_key(key, "hunter2", traditional);
		assert_refused(
		    "app.key is locked with a passphrase, which nobody can type "
		    "here; unlock it: openssl pkey -in ");
	}
	alarm(0);
}

/* Bytes that are none of what is wanted. */
static void
assert_bytes_refused(const char *path, const void *bytes, size_t len)
{
	bool is_key = path == key_file;

	write_bytes(path, bytes, len);
	assert_refused(is_key ? "app.key holds no private key that can be read"
			      : "app.pem holds no certificate that can be read");
}

static void
nonsense_is_refused(void **state)
{
	static const char begun[] = "-----BEGIN CERTIFICATE-----\nMIIB\n";
	static const char empty[] =
	    "-----BEGIN CERTIFICATE-----\n-----END CERTIFICATE-----\n";
	static char zeros[ASSERTION_FILE_MAX];
	char *const paths[] = { certificate_file, key_file };

	(void)state;
	need_root();
	for (size_t i = 0; i < 2; i++) {
		make_files(NULL);
		assert_bytes_refused(paths[i], "x", 1);
		assert_bytes_refused(paths[i], "\n\n", 2);
		assert_bytes_refused(paths[i], zeros, sizeof(zeros));
		assert_bytes_refused(paths[i], begun, strlen(begun));
		assert_bytes_refused(paths[i], empty, strlen(empty));
	}
}

/* A file that was cut or changed is refused, or it is as good as before. */
static void
damaged_files_never_pass(void **state)
{
	static char pem[4096];
	char *const paths[] = { certificate_file, key_file };

	(void)state;
	need_root();
	for (size_t i = 0; i < 2; i++) {
		int fd = open(paths[i], O_RDONLY | O_CLOEXEC);
		ssize_t len = read(fd, pem, sizeof(pem));

		close(fd);
		assert_true(len > 0);
		for (ssize_t cut = 1; cut < len - 30; cut += 97) {
			write_bytes(paths[i], pem, (size_t)cut);
			assert_refused(i ? "app.key" : "app.pem");
		}
		for (ssize_t at = 40; at < len - 40; at += 89) {
			enum status status;

			pem[at] ^= 4;
			write_bytes(paths[i], pem, (size_t)len);
			buf_reset(&out);
			status = assertion_make(&out, &assertion, &error);
			pem[at] ^= 4;
			assert_true(status == STATUS_OK
				? verifies(out.data, key, RSA_PKCS1_PSS_PADDING)
				: status == STATUS_SETTINGS);
		}
		write_bytes(paths[i], pem, (size_t)len);
		make();
	}
}

static void
first_certificate_counts(void **state)
{
	X509 *one = make_certificate(key, NOW - DAY, NOW + 365 * DAY);
	X509 *two = make_certificate(second, NOW - DAY, NOW + DAY);
	BIO *bio;

	(void)state;
	need_root();
	unlink(certificate_file);
	bio = create(certificate_file, 0600);
	PEM_write_bio_PKCS8PrivateKey(bio, key, NULL, NULL, 0, NULL, NULL);
	BIO_puts(bio, "Some words, as openssl writes them\n");
	PEM_write_bio_X509(bio, one);
	PEM_write_bio_X509(bio, two);
	BIO_free(bio);
	assertion.key_file = certificate_file; /* both in one file */
	make();
	assert_true(verifies(out.data, key, RSA_PKCS1_PSS_PADDING));
	X509_free(one);
	X509_free(two);
}

static void
files_must_be_safe(void **state)
{
	static char large[ASSERTION_FILE_MAX + 1];

	(void)state;
	need_root();
	chmod(key_file, 0640);
	assert_refused("app.key is open to other users (mode 0640); run: chmod 0600 ");
	chmod(key_file, 0600);
	assert_int_equal(chown(key_file, STRANGER, 0), 0);
	assert_refused("app.key belongs to user 65534");
	assert_int_equal(chown(key_file, 0, 0), 0);
	chmod(certificate_file, 0666);
	assert_refused("app.pem is open to other users (mode 0666); run: chmod go-w ");
	chmod(certificate_file, 0644);
	make();
	assert_int_equal(symlink(key_file, other), 0);
	assertion.key_file = other;
	assert_refused("other is a symbolic link");
	unlink(other);
	assert_refused("other does not exist");
	write_bytes(other, large, sizeof(large));
	assert_refused("other has 65537 bytes; allowed: 1 to 65536");
	write_bytes(other, "", 0);
	assert_refused("other has 0 bytes");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		assertion_test(too_much_is_refused),
		assertion_test(times_must_hold),
		assertion_test(end_is_told),
		assertion_test(pair_must_match),
		assertion_test(kind_and_size_must_do),
		assertion_test(locked_keys_are_refused),
		assertion_test(nonsense_is_refused),
		assertion_test(damaged_files_never_pass),
		assertion_test(first_certificate_counts),
		assertion_test(files_must_be_safe),
	};

	return cmocka_run_group_tests(tests, make_all, free_all);
}
