/* certificate: certificates that accounts show (certificate.h). */
#include "admin/certificate.h"

#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509.h>

#include "lib/base/file.h"

enum {
	DAY = 24 * 60 * 60, /* seconds */
	DATE_TEXT_MAX = 32,
};

/* Has no passphrase to give: OpenSSL would ask for one on the terminal. */
static int
no_passphrase(char *text, int size, int writing, void *context)
{
	(void)text;
	(void)size;
	(void)writing;
	(void)context;
	return -1;
}

/* The file's bytes for OpenSSL. */
static enum status
open_pem(BIO **out, char bytes[CERTIFICATE_FILE_MAX], const char *path,
    const struct file_rule *rule, struct error *e)
{
	size_t len = CERTIFICATE_FILE_MAX;
	enum status status;
	int fd;

	status = file_open(&fd, path, rule, e);
	if (status != STATUS_OK)
		return status;
	status = file_read(fd, bytes, &len, path, e);
	close(fd);
	if (status != STATUS_OK)
		return status;
	*out = BIO_new_mem_buf(bytes, (int)len);
	return *out ? STATUS_OK : error_set(e, STATUS_RETRY, "%s: out of memory", path);
}

/* X509_free() frees what it stores. */
static enum status
read_certificate(X509 **out, const char *path, struct error *e)
{
	const struct file_rule rule = {
		.owner = geteuid(), .min = 1, .max = CERTIFICATE_FILE_MAX
	};
	char bytes[CERTIFICATE_FILE_MAX];
	enum status status;
	BIO *bio = NULL;

	status = open_pem(&bio, bytes, path, &rule, e);
	if (status != STATUS_OK)
		return status;
	*out = PEM_read_bio_X509(bio, NULL, no_passphrase, NULL);
	BIO_free(bio);
	ERR_clear_error();
	if (!*out)
		return error_set(e, STATUS_SETTINGS,
		    "%s holds no certificate; write it there in PEM form (-----BEGIN "
		    "CERTIFICATE-----)",
		    path);
	return STATUS_OK;
}

/* EVP_PKEY_free() frees what it stores. */
static enum status
read_key(EVP_PKEY **out, const char *path, struct error *e)
{
	const struct file_rule rule = {
		.root_only = true, .min = 1, .max = CERTIFICATE_FILE_MAX
	};
	char bytes[CERTIFICATE_FILE_MAX];
	enum status status;
	BIO *bio = NULL;

	status = open_pem(&bio, bytes, path, &rule, e);
	if (status == STATUS_OK) {
		*out = PEM_read_bio_PrivateKey(bio, NULL, no_passphrase, NULL);
		BIO_free(bio);
		ERR_clear_error();
		if (!*out)
			status = error_set(e, STATUS_SETTINGS,
			    "%s holds no private key, or one with a passphrase; write it "
			    "there in PEM form, without a passphrase",
			    path);
	}
	explicit_bzero(bytes, sizeof(bytes));
	return status;
}

/* Seconds since 1970; 0 when it is no time. */
static int64_t
seconds_of(const ASN1_TIME *when)
{
	struct tm tm = { 0 };

	return ASN1_TIME_to_tm(when, &tm) == 1 ? timegm(&tm) : 0;
}

enum status
certificate_span(struct certificate_span *out, const char *path, struct error *e)
{
	X509 *x = NULL;
	enum status status = read_certificate(&x, path, e);

	if (status != STATUS_OK)
		return status;
	out->begins = seconds_of(X509_get0_notBefore(x));
	out->ends = seconds_of(X509_get0_notAfter(x));
	X509_free(x);
	return STATUS_OK;
}

enum status
certificate_has_key(const char *certificate_path, const char *key_path, struct error *e)
{
	EVP_PKEY *key = NULL;
	X509 *x = NULL;
	enum status status = read_certificate(&x, certificate_path, e);

	if (status == STATUS_OK)
		status = read_key(&key, key_path, e);
	if (status == STATUS_OK && X509_check_private_key(x, key) != 1)
		status = error_set(e, STATUS_SETTINGS,
		    "%s is not the key of the certificate in %s; name the two that belong "
		    "together",
		    key_path, certificate_path);
	ERR_clear_error();
	EVP_PKEY_free(key);
	X509_free(x);
	return status;
}

/* "2026-12-31" */
static const char *
show_date(char text[DATE_TEXT_MAX], int64_t seconds)
{
	time_t when = seconds;
	struct tm tm = { 0 };

	gmtime_r(&when, &tm);
	strftime(text, DATE_TEXT_MAX, "%Y-%m-%d", &tm);
	return text;
}

enum status
certificate_judge(
    const struct certificate_span *span, const char *path, int64_t now, struct error *e)
{
	char date[DATE_TEXT_MAX];

	if (now < span->begins)
		return error_set(e, STATUS_SETTINGS,
		    "the certificate in %s is not valid before %s; look at this machine's "
		    "clock, or use another one",
		    path, show_date(date, span->begins));
	show_date(date, span->ends);
	if (now > span->ends)
		return error_set(e, STATUS_SETTINGS,
		    "the certificate in %s ended on %s; make a new one, and name it where "
		    "the old one was named",
		    path, date);
	if (span->ends - now <= CERTIFICATE_NEAR * DAY)
		return error_set(e, STATUS_HOLD,
		    "the certificate in %s ends soon, on %s; make a new one, and name it "
		    "where the old one is named",
		    path, date);
	error_set(e, STATUS_OK, "the certificate in %s is good until %s", path, date);
	return STATUS_OK;
}

enum status
certificate_in(int fd, const char *path, struct error *e)
{
	BIO *bio = BIO_new_fd(fd, BIO_NOCLOSE);
	X509 *x;

	if (!bio)
		return error_set(e, STATUS_RETRY, "%s: out of memory", path);
	x = PEM_read_bio_X509_AUX(bio, NULL, no_passphrase, NULL);
	BIO_free(bio);
	ERR_clear_error();
	if (!x)
		return error_set(e, STATUS_SETTINGS,
		    "%s holds no certificate; write the authorities there in PEM form",
		    path);
	X509_free(x);
	return STATUS_OK;
}
