/*
 * httprequest: the request of an exchange (http.h) as libcurl is told it: its address,
 * method and fields, and all that libcurl must not add by itself. http_host() is here
 * too.
 */
#ifndef POSTROOM_HTTPREQUEST_H
#define POSTROOM_HTTPREQUEST_H

#include <curl/curl.h>

#include "lib/base/status.h"
#include "lib/web/http.h"

enum {
	HTTPREQUEST_FIELD_MAX = 10 * 1024, /* bytes of one field, with the NUL */
};

/* Sets the handle, and stores the fields, which stay in use until the handle is reset;
 * httprequest_wipe() them then, also after a failure. STATUS_SETTINGS: the method is none
 * of http.h's, or has no body; a field, or the bearer, holds what is not printable ASCII,
 * or is too long. STATUS_RETRY: no memory. The sentences name nothing of the request. */
enum status httprequest_set(CURL *easy, struct curl_slist **fields,
    const struct http_request *q, struct error *e);

/* Overwrites and frees them; fields may be NULL. */
void httprequest_wipe(struct curl_slist *fields);

#endif
