/*
 * assertion: a signed statement by which an application shows who it is, in place of a
 * client secret (RFC 7523, RFC 7515), made with OpenSSL's library from a certificate and
 * its key.
 *
 * Header alg PS256 (or RS256), typ JWT, x5t#S256; claims aud, iss, sub, jti, nbf, iat,
 * exp. base64url without padding. Runs as root, in the process that may read the key; a
 * stranger's bytes never come here.
 */
#ifndef POSTROOM_ASSERTION_H
#define POSTROOM_ASSERTION_H

#include <stdint.h>
#include <time.h>

#include "lib/base/buf.h"
#include "lib/base/status.h"
#include "lib/account/config.h"

enum {
	ASSERTION_MAX = 8191,     /* bytes of one */
	ASSERTION_LIFETIME = 300, /* seconds; it counts from a minute before now, for
				     clocks that differ */
	ASSERTION_FILE_MAX = 64 * 1024, /* bytes of a PEM file */
	ASSERTION_KEY_MIN = 2048,       /* bits of an RSA key (RFC 7518 3.3) */
	ASSERTION_KEY_MAX = 8192,
};

struct assertion {
	const char *certificate_file; /* PEM; the first certificate counts */
	const char *key_file;         /* PEM, RSA, root's alone, no passphrase */
	int signature;                /* enum signature */
	const char *client_id;
	const char *audience; /* the token endpoint's address */
	time_t now;
};

/* Appends the assertion; nothing on failure. STATUS_SETTINGS: a file cannot be used, the
 * key is not the certificate's, the certificate is not valid any more, or what it would
 * say is too long; STATUS_RETRY: memory, the random generator, or the certificate is not
 * valid yet by this machine's clock, which may be set in a moment. e names file and
 * remedy, never content of the key. */
enum status assertion_make(struct buf *out, const struct assertion *a, struct error *e);

/* When the certificate in this file ends. Errors as above. */
enum status assertion_ends(time_t *out, const char *certificate_file, struct error *e);

#endif
