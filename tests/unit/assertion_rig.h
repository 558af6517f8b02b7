/*
 * What the tests of lib/login/assertion.c share: keys and certificates that are made on
 * the spot, in a folder of their own below /tmp.
 * To be included once, by a test.
 */
#ifndef POSTROOM_TESTS_ASSERTION_RIG_H
#define POSTROOM_TESTS_ASSERTION_RIG_H

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include <openssl/ec.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>
#include <openssl/x509.h>

#include "lib/base/file.h"
#include "lib/login/assertion.h"

enum {
	DAY = 24 * 60 * 60,
	PATH_ROOM = 80,
	SIGNATURE_MAX = 1024,
};

#define CLIENT   "11111111-2222-3333-4444-555555555555"
#define AUDIENCE "https://login.example/tenant/oauth2/v2.0/token"

static const time_t NOW = 1800000000; /* in 2027 */

static char folder[] = "/tmp/postroom-test-XXXXXX";
static char certificate_file[PATH_ROOM], key_file[PATH_ROOM], other[PATH_ROOM];
static EVP_PKEY *key, *second, *small, *curve; /* made once: it takes its time */
static struct assertion assertion;
static struct buf out;
static struct error error;

/* -- keys and certificates ----------------------------------------------------------- */

static inline X509 *
make_certificate(EVP_PKEY *owner, time_t begins, time_t ends)
{
	X509 *c = X509_new();

	assert_non_null(c);
	assert_int_equal(X509_set_version(c, X509_VERSION_3), 1);
	ASN1_INTEGER_set(X509_get_serialNumber(c), 1);
	ASN1_TIME_set(X509_getm_notBefore(c), begins);
	ASN1_TIME_set(X509_getm_notAfter(c), ends);
	assert_int_equal(X509_set_pubkey(c, owner), 1);
	assert_true(X509_sign(c, owner, EVP_sha256()) > 0);
	return c;
}

static inline BIO *
create(const char *path, mode_t mode)
{
	int fd = open(path, O_CREAT | O_TRUNC | O_WRONLY | O_CLOEXEC, mode);
	BIO *bio = BIO_new_fd(fd, BIO_CLOSE);

	assert_true(fd >= 0);
	assert_non_null(bio);
	return bio;
}

static inline void
write_certificate(EVP_PKEY *owner, time_t begins, time_t ends)
{
	X509 *c = make_certificate(owner, begins, ends);
	BIO *bio = create(certificate_file, 0644);

	assert_int_equal(PEM_write_bio_X509(bio, c), 1);
	BIO_free(bio);
	X509_free(c);
}

/* Writes a key, locked with a passphrase if there is one. */
static inline void
write_key(EVP_PKEY *k, const char *passphrase, bool traditional)
{
	const EVP_CIPHER *cipher = passphrase ? EVP_aes_256_cbc() : NULL;
	int len = passphrase ? (int)strlen(passphrase) : 0;
	const unsigned char *word = (const unsigned char *)passphrase;
	BIO *bio = create(key_file, 0600);
	int good = traditional
	    ? PEM_write_bio_PrivateKey_traditional(bio, k, cipher, word, len, NULL, NULL)
	    : PEM_write_bio_PKCS8PrivateKey(bio, k, cipher, passphrase, len, NULL, NULL);

	assert_int_equal(good, 1);
	BIO_free(bio);
}

static inline void
write_bytes(const char *path, const void *bytes, size_t len)
{
	int fd = open(path, O_CREAT | O_TRUNC | O_WRONLY | O_CLOEXEC, 0600);

	assert_true(fd >= 0);
	assert_true(file_write(fd, bytes, len));
	close(fd);
}

static inline int
make_all(void **state)
{
	(void)state;
	if (!mkdtemp(folder))
		return -1;
	snprintf(certificate_file, PATH_ROOM, "%s/app.pem", folder);
	snprintf(key_file, PATH_ROOM, "%s/app.key", folder);
	snprintf(other, PATH_ROOM, "%s/other", folder);
	key = EVP_RSA_gen(2048);
	second = EVP_RSA_gen(3072);
	small = EVP_RSA_gen(1024);
	curve = EVP_EC_gen("P-256");
	return !key || !second || !small || !curve;
}

static inline int
free_all(void **state)
{
	(void)state;
	EVP_PKEY_free(key);
	EVP_PKEY_free(second);
	EVP_PKEY_free(small);
	EVP_PKEY_free(curve);
	return rmdir(folder);
}

/* Each test finds a pair of files that can be used. */
static inline int
make_files(void **state)
{
	(void)state;
	umask(022);
	write_key(key, NULL, false);
	write_certificate(key, NOW - DAY, NOW + 365 * DAY);
	assertion = (struct assertion){
		.certificate_file = certificate_file,
		.key_file = key_file,
		.client_id = CLIENT,
		.audience = AUDIENCE,
		.now = NOW,
	};
	buf_init(&out, 2 * ASSERTION_MAX);
	error.text[0] = '\0';
	return 0;
}

static inline int
remove_files(void **state)
{
	(void)state;
	buf_clear(&out);
	unlink(certificate_file);
	unlink(key_file);
	unlink(other);
	return 0;
}

static inline void
need_root(void)
{
	if (geteuid() != 0) {
		print_message("# needs root: a key file that belongs to root\n");
		skip();
	}
}

/* -- reading what was made ----------------------------------------------------------- */

static inline const char *
make(void)
{
	buf_reset(&out);
	if (assertion_make(&out, &assertion, &error) != STATUS_OK)
		fail_msg("%s", error.text);
	assert_int_equal(strlen(out.data), out.len);
	return out.data;
}

/* Decodes the n-th part of the assertion; returns its length. */
static inline size_t
decode(unsigned char *bytes, size_t room, const char *text, int n)
{
	static char word[2 * ASSERTION_MAX];
	size_t len, padding;
	int size;

	while (n-- > 0) {
		text = strchr(text, '.');
		assert_non_null(text);
		text++;
	}
	len = strspn(
	    text, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_");
	assert_true(text[len] == '.' || text[len] == '\0');
	assert_int_not_equal(len % 4, 1);
	padding = (4 - len % 4) % 4;
	snprintf(word, sizeof(word), "%.*s%.*s", (int)len, text, (int)padding, "==");
	for (char *c = word; *c; c++)
		*c = *c == '-' ? '+' : *c == '_' ? '/' : *c;
	assert_true(len < room);
	size = EVP_DecodeBlock(bytes, (const unsigned char *)word, (int)(len + padding));
	assert_true(size > 0);
	bytes[(size_t)size - padding] = '\0';
	return (size_t)size - padding;
}

/* Whether the signature is this key's, checked with OpenSSL's other half. */
static inline bool
verifies(const char *text, EVP_PKEY *by, int padding)
{
	unsigned char signature[SIGNATURE_MAX];
	size_t len = decode(signature, sizeof(signature), text, 2);
	EVP_MD_CTX *c = EVP_MD_CTX_new();
	EVP_PKEY_CTX *k = NULL;
	bool good;

	assert_int_equal(EVP_DigestVerifyInit(c, &k, EVP_sha256(), NULL, by), 1);
	assert_int_equal(EVP_PKEY_CTX_set_rsa_padding(k, padding), 1);
	if (padding == RSA_PKCS1_PSS_PADDING)
		assert_int_equal(EVP_PKEY_CTX_set_rsa_pss_saltlen(k, 32), 1);
	good = EVP_DigestVerify(c, signature, len, (const unsigned char *)text,
		   (size_t)(strrchr(text, '.') - text)) == 1;
	EVP_MD_CTX_free(c);
	ERR_clear_error();
	return good;
}

#define assertion_test(f) cmocka_unit_test_setup_teardown(f, make_files, remove_files)

#endif
