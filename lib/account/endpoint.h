/*
 * endpoint: the web addresses that an account's sign-in and Microsoft Graph have, made
 * from its settings, and what it asks for there. Pure.
 *
 * What a setting (device_url, token_url, authorize_url, scope) says overrides what
 * authority and tenant give: AUTHORITY/TENANT/oauth2/v2.0/{devicecode,token,authorize}.
 */
#ifndef POSTROOM_ENDPOINT_H
#define POSTROOM_ENDPOINT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/account/config.h"

enum {
	ENDPOINT_URL_MAX = 2048, /* bytes of an address, with the NUL */
};

enum endpoint { ENDPOINT_DEVICE, ENDPOINT_TOKEN, ENDPOINT_AUTHORIZE };

/* False when it does not fit, or authority and tenant make none: no authority, or other
 * characters in the tenant than a domain or an id has. */
bool endpoint_url(
    char url[ENDPOINT_URL_MAX], const struct account *a, enum endpoint which);

/* The scope to ask for: the setting's; or for SMTP https://outlook.office.com/SMTP.Send
 * offline_access, for Graph https://graph.microsoft.com/Mail.Send
 * https://graph.microsoft.com/Mail.ReadWrite offline_access (with graph_url's own host),
 * and for oauth-app RESOURCE/.default. Static, or in `room`. */
const char *endpoint_scope(char room[ENDPOINT_URL_MAX], const struct account *a);

/* Stands for all that a token of the account belongs to: way of signing in, addresses,
 * client, scope, user, and the server that it is shown to. Never 0. A token that was
 * stored under another number must not be used. */
uint32_t endpoint_identity(const struct account *a);

/* Where the account sends to: its server, or Graph's host, in lower case. False when the
 * address names no host, or none that fits: letters, digits, '.', '-' and '_', with or
 * without a port. */
bool endpoint_server(char *host, size_t size, uint16_t *port, const struct account *a);

#endif
