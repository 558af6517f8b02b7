/*
 * connection: the one TCP connection that libcurl speaks over.
 *
 * It is made by reach.c and then libcurl's: with it libcurl neither resolves a name nor
 * connects anywhere, while TLS still verifies the name of the URL. The descriptor stays
 * known here, to look at and to shut down.
 */
#ifndef POSTROOM_CONNECTION_H
#define POSTROOM_CONNECTION_H

#include <curl/curl.h>
#include <stdbool.h>
#include <stdint.h>

#include "lib/base/status.h"
#include "lib/send/reach.h"

struct connection {
	int fd;       /* -1: there is none */
	bool adopted; /* libcurl has it, and closes it */
	struct curl_slist *detour;
};

/* As reach_connect(). connection_close() is allowed after a failure too. */
enum status connection_open(
    struct connection *c, const struct reach *where, struct error *e);

/* Has the handle use this connection, which must outlive it. STATUS_RETRY: no memory. */
enum status connection_give(struct connection *c, CURL *easy, struct error *e);

/* shutdown(2). SHUT_RD lets libcurl say QUIT and takes the answer as read; SHUT_RDWR lets
 * nothing more leave. */
void connection_hang_up(const struct connection *c, int how);

/* Whether something waits to be read, or the other side hung up. */
bool connection_has_news(const struct connection *c);

/* Bytes that have come so far, those of TLS too; 0 where the kernel does not tell. */
uint64_t connection_heard(const struct connection *c);

/* After the handle is cleaned up. */
void connection_close(struct connection *c);

#endif
