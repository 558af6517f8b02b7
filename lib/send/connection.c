/* connection: the one TCP connection that libcurl speaks over (connection.h). */
#include "lib/send/connection.h"

#include <linux/tcp.h>
#include <netinet/in.h>
#include <poll.h>
#include <stddef.h>
#include <sys/socket.h>
#include <unistd.h>

/* libcurl's OPENSOCKETFUNCTION: the connection, once; there is no second one. */
static curl_socket_t
on_open(void *context, curlsocktype purpose, struct curl_sockaddr *address)
{
	struct connection *c = context;

	(void)purpose;
	(void)address;
	if (c->adopted)
		return CURL_SOCKET_BAD;
	c->adopted = true;
	return c->fd;
}

/* libcurl's SOCKOPTFUNCTION. libcurl 7.88 calls connect(2) all the same; Linux lets the
 * first such call succeed on a connection that was made without blocking. */
static int
on_options(void *context, curl_socket_t fd, curlsocktype purpose)
{
	(void)context;
	(void)fd;
	(void)purpose;
	return CURL_SOCKOPT_ALREADY_CONNECTED;
}

/* libcurl's CLOSESOCKETFUNCTION. */
static int
on_close(void *context, curl_socket_t fd)
{
	struct connection *c = context;

	c->fd = -1;
	return close(fd);
}

enum status
connection_open(struct connection *c, const struct reach *where, struct error *e)
{
	*c = (struct connection){ .fd = -1 };
	return reach_connect(&c->fd, where, e);
}

enum status
connection_give(struct connection *c, CURL *easy, struct error *e)
{
	/* any address does: nothing is sent there */
	c->detour = curl_slist_append(NULL, "::127.0.0.1:");
	if (!c->detour)
		return error_set(e, STATUS_RETRY, "out of memory");
	curl_easy_setopt(easy, CURLOPT_CONNECT_TO, c->detour);
	curl_easy_setopt(easy, CURLOPT_PROXY, "");
	curl_easy_setopt(easy, CURLOPT_OPENSOCKETFUNCTION, on_open);
	curl_easy_setopt(easy, CURLOPT_OPENSOCKETDATA, c);
	curl_easy_setopt(easy, CURLOPT_SOCKOPTFUNCTION, on_options);
	curl_easy_setopt(easy, CURLOPT_CLOSESOCKETFUNCTION, on_close);
	curl_easy_setopt(easy, CURLOPT_CLOSESOCKETDATA, c);
	return STATUS_OK;
}

void
connection_hang_up(const struct connection *c, int how)
{
	if (c->fd >= 0)
		shutdown(c->fd, how);
}

bool
connection_has_news(const struct connection *c)
{
	struct pollfd fd = { .fd = c->fd, .events = POLLIN };

	return poll(&fd, 1, 0) > 0;
}

uint64_t
connection_heard(const struct connection *c)
{
	struct tcp_info info = { .tcpi_bytes_received = 0 };
	socklen_t size = sizeof(info);
	const size_t least = offsetof(struct tcp_info, tcpi_bytes_received) +
	    sizeof(info.tcpi_bytes_received);

	if (getsockopt(c->fd, IPPROTO_TCP, TCP_INFO, &info, &size) < 0 || size < least)
		return 0;
	return info.tcpi_bytes_received;
}

void
connection_close(struct connection *c)
{
	if (c->fd >= 0)
		close(c->fd);
	c->fd = -1;
	curl_slist_free_all(c->detour);
	c->detour = NULL;
}
