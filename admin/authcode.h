/*
 * authcode: the address at which a person signs in with a browser (RFC 6749 4.1.1, RFC
 * 7636 4.3, OpenID Connect Core 3.1.2.1). Pure.
 */
#ifndef POSTROOM_ADMIN_AUTHCODE_H
#define POSTROOM_ADMIN_AUTHCODE_H

#include <stdbool.h>

#include "lib/base/buf.h"
#include "lib/account/config.h"

struct authcode_address {
	const char *redirect_url, *state, *challenge;
	const char *nonce; /* NULL: none is sent */
};

/* Appends it. False when out is over, or the settings make no address. */
bool authcode_address(
    struct buf *out, const struct account *account, const struct authcode_address *a);

#endif
