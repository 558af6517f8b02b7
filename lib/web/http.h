/*
 * http: exchanges with a web service over HTTPS (RFC 9110), through libcurl.
 *
 * HTTP/1.1 inside TLS 1.2 or newer, certificates verified, no redirect followed, no
 * cookie, no proxy, no user name in a URL. A bearer token goes into the request that
 * names it and into no other. One session keeps its connection from one exchange to the
 * next.
 */
#ifndef POSTROOM_HTTP_H
#define POSTROOM_HTTP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "lib/base/buf.h"
#include "lib/base/status.h"

enum {
	HTTP_ANSWER_MAX = 256 * 1024, /* bytes of an answer's body */
	HTTP_URL_MAX = 8192,
	HTTP_CONNECT_LIMIT = 30,    /* seconds until TCP and TLS stand */
	HTTP_SILENCE_LIMIT = 60,    /* seconds in which no byte moves, where a request
				       names no other */
	HTTP_LONGEST = 2 * 60 * 60, /* seconds of one exchange, however it moves, where a
				       request names no other */
	HTTP_STOP_WAIT = 25, /* seconds that a committed request's answer is waited for
				after `stop` */
};

struct http;

/* Opens a session. ca_file: "" or NULL for the system's authorities; stop: a descriptor
 * that turns readable when the work is to be stopped, or -1. STATUS_RETRY. */
enum status http_open(struct http **out, const char *ca_file, int stop, struct error *e);
void http_close(struct http *h); /* h may be NULL */

struct http_request {
	const char *method;        /* "GET", "POST", "PUT", "DELETE" */
	const char *url;           /* https:// alone */
	const char *bearer;        /* NULL: no Authorization field */
	const char *type;          /* Content-Type; NULL: none */
	const char *const *fields; /* further "Name: value", ends with NULL; or NULL */
	/* The body: bytes, or read() where bytes is NULL; size 0: none. read() as
	 * message_read(): -1 with errno on failure. */
	const char *bytes;
	uint64_t size;
	ssize_t (*read)(void *context, char *bytes, size_t len);
	/* Called once, before the last bytes of the request leave (its head, where it has
	 * no body): false breaks off. May be NULL. */
	bool (*commit)(void *context);
	/* Called with the bytes of the body handed over so far; may be NULL. */
	void (*watch)(void *context, uint64_t sent);
	void *context;     /* of all three */
	unsigned silence;  /* seconds; 0: HTTP_SILENCE_LIMIT */
	unsigned patience; /* seconds for the answer, once the whole request has left;
			      0: as silence */
	unsigned longest;  /* seconds of all of it; 0: HTTP_LONGEST */
};

struct http_answer {
	int code; /* 0: none came; stands also where its body then broke off, which is
		     STATUS_RETRY unless it is 400 or more */
	int64_t retry_after; /* seconds, of the Retry-After field, at most a day; -1:
				none */
	char location[HTTP_URL_MAX]; /* of a Location field; "" */
	char request_id[64]; /* of request-id or x-ms-request-id, for support; "" */
	bool html;           /* Content-Type says text/html */
	struct buf body;     /* empty where there is none; http_answer_clear() */
	bool unreachable;    /* no connection was made */
	bool committed; /* commit was called and said yes: the request may have arrived
			 */
};

void http_answer_init(struct http_answer *a);
void http_answer_clear(struct http_answer *a); /* wipes the body */

/* One exchange; the answer is emptied first. STATUS_OK: an answer came, whatever its
 * code. STATUS_RETRY: the network or the service broke, or this machine's clock is wrong
 * (distrust.h); STATUS_SETTINGS: its certificate
 * cannot be trusted, or the authorities cannot be read, or the URL is none;
 * STATUS_CANCELLED: `stop`. After the commit the answer is still waited for when `stop`
 * turns readable, at most HTTP_STOP_WAIT. What was not committed and carries a body is
 * never sent twice either, so a kept connection that died is STATUS_RETRY then. The
 * sentence names the URL's host and nothing else of the request. Ends within the limits,
 * but for the resolver's. */
enum status http_exchange(
    struct http *h, const struct http_request *r, struct http_answer *a, struct error *e);

/* The host and the port of an https URL; false when it is none. */
bool http_host(char *host, size_t size, uint16_t *port, const char *url);

#endif
