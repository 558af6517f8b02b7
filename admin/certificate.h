/*
 * certificate: what an administrator wants to know of the certificates that accounts
 * show: when they end, and whether the key beside them is theirs. Reads PEM files with
 * OpenSSL's library; nothing of a key is ever shown.
 */
#ifndef POSTROOM_ADMIN_CERTIFICATE_H
#define POSTROOM_ADMIN_CERTIFICATE_H

#include <stdint.h>

#include "lib/base/status.h"

enum {
	CERTIFICATE_FILE_MAX = 64 * 1024, /* bytes */
	CERTIFICATE_NEAR = 30,            /* days before its end from which to warn */
};

/* When the first certificate of a file begins and ends, in seconds since 1970. The file
 * is root's or the caller's, and not writable by others. STATUS_SETTINGS: it cannot be
 * used; STATUS_RETRY: memory, the disk. */
struct certificate_span {
	int64_t begins, ends;
};
enum status certificate_span(
    struct certificate_span *out, const char *path, struct error *e);

/* Whether the key, in a file that is root's alone and has no passphrase, is the
 * certificate's. Statuses as above; the sentence says what to do. */
enum status certificate_has_key(
    const char *certificate_path, const char *key_path, struct error *e);

/* Says of a certificate that has begun whether its end is near or past: STATUS_OK: it is
 * far; STATUS_HOLD: near; STATUS_SETTINGS: past, or not begun. e has the sentence in any
 * case. */
enum status certificate_judge(
    const struct certificate_span *span, const char *path, int64_t now, struct error *e);

/* Whether a file holds a certificate; fd is read from where it stands. */
enum status certificate_in(int fd, const char *path, struct error *e);

#endif
