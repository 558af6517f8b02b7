/* assertion: a signed statement of who an application is (assertion.h). */
#include "lib/login/assertion.h"

#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>
#include <openssl/x509.h>

#include "lib/base/file.h"
#include "lib/mail/base64.h"
#include "lib/web/object.h"

enum {
	SKEW = 60,       /* seconds that another clock may be behind */
	SALT = 32,       /* bytes, as the hash (RFC 7518 3.5) */
	ID_BYTES = 16,   /* of a UUID */
	ID_ROOM = 37,    /* its 36 characters, and the NUL */
	THUMB_ROOM = 64, /* characters of a certificate's hash, with the NUL */
	DAY_ROOM = 32,   /* characters of a date, with the NUL */
	PART_MAX = 6144, /* bytes of the claims: base64 makes 8,192 of them */
	SIGNATURE_MAX = ASSERTION_KEY_MAX / 8, /* bytes */
};

static const struct {
	const char *name;
	int padding;
} signatures[] = {
	[SIGNATURE_PS256] = { "PS256", RSA_PKCS1_PSS_PADDING },
	[SIGNATURE_RS256] = { "RS256", RSA_PKCS1_PADDING },
};

/* -- files ------------------------------------------------------------------------- */

/* What OpenSSL could not do that is nobody's fault. */
static enum status
no_library(struct error *e, const char *what)
{
	return error_set(e, STATUS_RETRY, "OpenSSL could not %s; is memory short?", what);
}

/* Nobody is here to type a passphrase; OpenSSL would ask on the terminal. */
static int
refuse(char *out, int size, int writing, void *asked)
{
	(void)out;
	(void)size;
	(void)writing;
	*(bool *)asked = true;
	return -1;
}

/* Opens a PEM file's content; free_content() frees and wipes it. */
struct content {
	char *bytes;
	BIO *bio;
};

static void
free_content(struct content *c)
{
	BIO_free(c->bio);
	if (c->bytes)
		explicit_bzero(c->bytes, ASSERTION_FILE_MAX);
	free(c->bytes);
}

static enum status
read_content(struct content *out, const char *path, bool root_only, struct error *e)
{
	const struct file_rule rule = {
		.root_only = root_only,
		.owner = geteuid(),
		.min = 1,
		.max = ASSERTION_FILE_MAX,
	};
	struct content c = { .bytes = NULL };
	size_t len = ASSERTION_FILE_MAX;
	enum status status;
	int fd;

	status = file_open(&fd, path, &rule, e);
	if (status != STATUS_OK)
		return status;
	c.bytes = malloc(ASSERTION_FILE_MAX);
	status = c.bytes ? file_read(fd, c.bytes, &len, path, e)
			 : error_set(e, STATUS_RETRY, "out of memory");
	close(fd);
	if (status == STATUS_OK && !(c.bio = BIO_new_mem_buf(c.bytes, (int)len)))
		status = no_library(e, "read a file");
	if (status == STATUS_OK)
		*out = c;
	else
		free_content(&c);
	return status;
}

/* Whether a certificate's or key's algorithm is one that we sign with. */
static enum status
check_kind(const EVP_PKEY *key, const char *path, struct error *e)
{
	int bits = EVP_PKEY_get_bits(key);

	if (!EVP_PKEY_is_a(key, "RSA"))
		return error_set(e, STATUS_SETTINGS,
		    "%s is for another algorithm than RSA; make an RSA key of %d bits or "
		    "more, and a certificate for it",
		    path, ASSERTION_KEY_MIN);
	if (bits < ASSERTION_KEY_MIN || bits > ASSERTION_KEY_MAX)
		return error_set(e, STATUS_SETTINGS,
		    "%s is of %d bits; allowed: %d to %d; make another RSA key, and a "
		    "certificate for it",
		    path, bits, ASSERTION_KEY_MIN, ASSERTION_KEY_MAX);
	return STATUS_OK;
}

static enum status
read_key(EVP_PKEY **out, const char *path, struct error *e)
{
	struct content c;
	enum status status = read_content(&c, path, true, e);
	bool asked = false;
	EVP_PKEY *key;

	if (status != STATUS_OK)
		return status;
	key = PEM_read_bio_PrivateKey(c.bio, NULL, refuse, &asked);
	free_content(&c);
	if (asked)
		status = error_set(e, STATUS_SETTINGS,
		    "%s is locked with a passphrase, which nobody can type here; unlock "
		    "it: openssl pkey -in %s -out NEW-FILE",
		    path, path);
	else if (!key)
		status = error_set(e, STATUS_SETTINGS,
		    "%s holds no private key that can be read; key_file wants one in PEM "
		    "form (its first line says BEGIN PRIVATE KEY)",
		    path);
	else
		status = check_kind(key, path, e);
	if (status == STATUS_OK)
		*out = key;
	else
		EVP_PKEY_free(key);
	return status;
}

static enum status
read_certificate(X509 **out, const char *path, struct error *e)
{
	struct content c;
	enum status status = read_content(&c, path, false, e);
	bool asked = false;
	X509 *certificate;

	if (status != STATUS_OK)
		return status;
	certificate = PEM_read_bio_X509(c.bio, NULL, refuse, &asked);
	free_content(&c);
	if (!certificate)
		return error_set(e, STATUS_SETTINGS,
		    "%s holds no certificate that can be read; certificate_file wants one "
		    "in PEM form (its first line says BEGIN CERTIFICATE)",
		    path);
	*out = certificate;
	return STATUS_OK;
}

/* -- checks ------------------------------------------------------------------------ */

static enum status
read_time(time_t *out, const ASN1_TIME *t, const char *path, struct error *e)
{
	struct tm tm;

	if (!t || ASN1_TIME_to_tm(t, &tm) != 1)
		return error_set(e, STATUS_SETTINGS,
		    "%s: the certificate does not say from when until when it counts; "
		    "make another one",
		    path);
	*out = timegm(&tm);
	return STATUS_OK;
}

/* "2027-01-31 12:00 UTC" */
static const char *
show_time(char room[DAY_ROOM], time_t t)
{
	struct tm tm;

	if (!gmtime_r(&t, &tm) || !strftime(room, DAY_ROOM, "%Y-%m-%d %H:%M UTC", &tm))
		snprintf(room, DAY_ROOM, "an unknown time");
	return room;
}

static enum status
check_times(const X509 *certificate, const struct assertion *a, struct error *e)
{
	const char *path = a->certificate_file;
	time_t begins = 0, ends = 0;
	char when[DAY_ROOM], today[DAY_ROOM];
	enum status status;

	status = read_time(&begins, X509_get0_notBefore(certificate), path, e);
	if (status == STATUS_OK)
		status = read_time(&ends, X509_get0_notAfter(certificate), path, e);
	if (status != STATUS_OK)
		return status;
	if (a->now > ends)
		return error_set(e, STATUS_SETTINGS,
		    "%s: the certificate ended at %s; make a new one, and upload it to "
		    "the app registration",
		    path, show_time(when, ends));
	if (a->now < begins)
		return error_set(e, STATUS_RETRY,
		    "%s: the certificate counts from %s only, and by this machine's clock "
		    "it is %s now; check the clock with timedatectl, or make another one",
		    path, show_time(when, begins), show_time(today, a->now));
	return STATUS_OK;
}

static enum status
check_pair(X509 *certificate, EVP_PKEY *key, const struct assertion *a, struct error *e)
{
	const EVP_PKEY *public = X509_get0_pubkey(certificate);
	enum status status;

	if (!public)
		return error_set(e, STATUS_SETTINGS,
		    "%s: the certificate's key cannot be read; make another one with an "
		    "RSA key",
		    a->certificate_file);
	status = check_kind(public, a->certificate_file, e);
	if (status != STATUS_OK)
		return status;
	if (X509_check_private_key(certificate, key) != 1)
		return error_set(e, STATUS_SETTINGS,
		    "%s is not the key of the certificate in %s; set key_file and "
		    "certificate_file to a pair",
		    a->key_file, a->certificate_file);
	return STATUS_OK;
}

/* -- text -------------------------------------------------------------------------- */

/* Appends bytes in base64url without padding (RFC 7515 2). */
static bool
add_base64url(struct buf *out, const unsigned char *bytes, size_t len)
{
	char word[(PART_MAX + 2) / 3 * 4];
	size_t n;

	if (len > PART_MAX) {
		out->over = true;
		return false;
	}
	n = base64_word(word, bytes, len);
	while (n > 0 && word[n - 1] == '=')
		n--;
	for (size_t i = 0; i < n; i++)
		word[i] = word[i] == '+' ? '-' : word[i] == '/' ? '_' : word[i];
	return buf_add(out, word, n);
}

/* Appends a JSON text as a part. */
static bool
add_part(struct buf *out, struct buf *json)
{
	if (json->over)
		out->over = true;
	return add_base64url(out, (const unsigned char *)buf_text(json), json->len);
}

static bool
add_head(struct buf *out, X509 *certificate, const char *name)
{
	unsigned char hash[EVP_MAX_MD_SIZE];
	unsigned len = 0;
	struct buf json;

	if (X509_digest(certificate, EVP_sha256(), hash, &len) != 1)
		return false;
	buf_init(&json, PART_MAX);
	buf_printf(&json, "{\"alg\":\"%s\",\"typ\":\"JWT\",\"x5t#S256\":\"", name);
	add_base64url(&json, hash, len);
	buf_puts(&json, "\"}");
	add_part(out, &json);
	buf_clear(&json);
	return true;
}

/* A random UUID (RFC 9562 5.4). */
static bool
make_id(char id[ID_ROOM])
{
	unsigned char b[ID_BYTES];
	size_t len = 0;

	if (getentropy(b, sizeof(b)) != 0)
		return false;
	b[6] = (unsigned char)((b[6] & 0x0f) | 0x40);
	b[8] = (unsigned char)((b[8] & 0x3f) | 0x80);
	for (size_t i = 0; i < ID_BYTES; i++) {
		if (i == 4 || i == 6 || i == 8 || i == 10)
			id[len++] = '-';
		snprintf(id + len, ID_ROOM - len, "%02x", b[i]);
		len += 2;
	}
	return true;
}

static void
add_claims(struct buf *out, const struct assertion *a, const char *id)
{
	int64_t from = (int64_t)a->now - SKEW;
	struct buf json;

	buf_init(&json, PART_MAX);
	buf_puts(&json, "{\"aud\":");
	if (!object_quote(&json, a->audience))
		json.over = true;
	buf_puts(&json, ",\"iss\":");
	if (!object_quote(&json, a->client_id))
		json.over = true;
	buf_puts(&json, ",\"sub\":");
	if (!object_quote(&json, a->client_id))
		json.over = true;
	buf_printf(&json,
	    ",\"jti\":\"%s\",\"nbf\":%" PRId64 ",\"iat\":%" PRId64 ",\"exp\":%" PRId64
	    "}",
	    id, from, from, from + ASSERTION_LIFETIME);
	add_part(out, &json);
	buf_clear(&json);
}

/* Appends the signature of what stands in out. */
static bool
add_signature(struct buf *out, EVP_PKEY *key, int signature)
{
	const int padding = signatures[signature].padding;
	unsigned char bytes[SIGNATURE_MAX];
	size_t len = sizeof(bytes);
	EVP_MD_CTX *c = EVP_MD_CTX_new();
	EVP_PKEY_CTX *k = NULL; /* owned by c */
	bool good;

	good = c && EVP_DigestSignInit(c, &k, EVP_sha256(), NULL, key) == 1 &&
	    EVP_PKEY_CTX_set_rsa_padding(k, padding) == 1;
	if (good && padding == RSA_PKCS1_PSS_PADDING)
		good = EVP_PKEY_CTX_set_rsa_mgf1_md(k, EVP_sha256()) == 1 &&
		    EVP_PKEY_CTX_set_rsa_pss_saltlen(k, SALT) == 1;
	good = good &&
	    EVP_DigestSign(c, bytes, &len, (const unsigned char *)out->data, out->len) ==
		1;
	EVP_MD_CTX_free(c);
	if (good && buf_putc(out, '.'))
		add_base64url(out, bytes, len);
	return good;
}

static enum status
compose(struct buf *text, const struct assertion *a, X509 *certificate, EVP_PKEY *key,
    struct error *e)
{
	char id[ID_ROOM];

	if (!make_id(id))
		return error_errno(e, "No random number can be had");
	if (!add_head(text, certificate, signatures[a->signature].name))
		return no_library(e, "hash the certificate");
	buf_putc(text, '.');
	add_claims(text, a, id);
	if (!text->over && !add_signature(text, key, a->signature))
		return error_set(e, STATUS_SETTINGS,
		    "%s cannot be signed with: it is damaged, or OpenSSL does not allow "
		    "%s on this machine; make another key and certificate",
		    a->key_file, signatures[a->signature].name);
	if (text->over)
		return error_set(e, STATUS_SETTINGS,
		    "client_id and the token endpoint's address are too long for a signed "
		    "statement, or not UTF-8; correct client_id, authority, tenant or "
		    "token_url");
	return STATUS_OK;
}

enum status
assertion_make(struct buf *out, const struct assertion *a, struct error *e)
{
	X509 *certificate = NULL;
	EVP_PKEY *key = NULL;
	struct buf text;
	enum status status;

	buf_init(&text, ASSERTION_MAX);
	status = read_certificate(&certificate, a->certificate_file, e);
	if (status == STATUS_OK)
		status = check_times(certificate, a, e);
	if (status == STATUS_OK)
		status = read_key(&key, a->key_file, e);
	if (status == STATUS_OK)
		status = check_pair(certificate, key, a, e);
	if (status == STATUS_OK)
		status = compose(&text, a, certificate, key, e);
	if (status == STATUS_OK && !buf_add(out, text.data, text.len))
		status = error_set(e, STATUS_RETRY, "out of memory");
	X509_free(certificate);
	EVP_PKEY_free(key);
	if (text.data)
		explicit_bzero(text.data, text.size);
	buf_clear(&text);
	ERR_clear_error();
	return status;
}

enum status
assertion_ends(time_t *out, const char *certificate_file, struct error *e)
{
	X509 *certificate = NULL;
	time_t ends = 0;
	enum status status = read_certificate(&certificate, certificate_file, e);

	if (status == STATUS_OK)
		status = read_time(
		    &ends, X509_get0_notAfter(certificate), certificate_file, e);
	if (status == STATUS_OK)
		*out = ends;
	X509_free(certificate);
	ERR_clear_error();
	return status;
}
