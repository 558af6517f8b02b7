/* listener: waits for the browser, or a pasted address (listener.h). */
#include "admin/listener.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "lib/base/buf.h"

enum {
	BACKLOG = 16,
	PAGE_MAX = 1024,                /* bytes of an answer */
	LISTENER_SLOT = LISTENER_PEERS, /* behind the peers, in what is polled */
	TYPED_SLOT,
	SLOTS,
};

/* A browser's connection. */
struct peer {
	int fd;               /* -1: none */
	int64_t end;          /* when it is given up, in seconds */
	unsigned long number; /* in the order of their coming */
	size_t len;
	char bytes[REDIRECT_MAX];
};

/* One wait. */
struct wait {
	const struct errand_side *side;
	const char *state;
	struct redirect *out;
	unsigned long peers; /* that came so far */
	struct peer peer[LISTENER_PEERS];
	char line[REDIRECT_MAX + 1]; /* what is being pasted */
	size_t line_len;
	bool line_over; /* it is too long: dropped up to its end */
	bool typing;    /* more may be typed */
};

static const struct page {
	const char *status, *text;
} pages[REDIRECT_KINDS] = {
	[REDIRECT_CODE] = { "200 OK",
	    "Postroom has got what it needs. You can close this window." },
	[REDIRECT_ERROR] = { "200 OK",
	    "Signing in did not work; the terminal says why. You can close this "
	    "window." },
	[REDIRECT_METHOD] = { "405 Method Not Allowed", "Postroom does not take this." },
	[REDIRECT_PLACE] = { "404 Not Found", "There is nothing here." },
	[REDIRECT_BAD] = { "400 Bad Request",
	    "This does not come from the sign-in that Postroom began." },
};

static int64_t
now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_BOOTTIME, &t);
	return t.tv_sec;
}

enum status
listener_open(int *out, uint16_t *port, struct error *e)
{
	struct sockaddr_in place = { .sin_family = AF_INET,
		.sin_port = htons(*port),
		.sin_addr = { htonl(INADDR_LOOPBACK) } };
	socklen_t size = sizeof(place);
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0), on = 1;

	if (fd < 0)
		return error_errno(e, "cannot listen on loopback");
	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
	if (bind(fd, (const struct sockaddr *)&place, size) != 0 ||
	    listen(fd, BACKLOG) != 0 ||
	    getsockname(fd, (struct sockaddr *)&place, &size) != 0) {
		enum status status = errno == EADDRINUSE
		    ? error_set(e, STATUS_SETTINGS,
			  "port %u of loopback is in use; set redirect_port to another "
			  "one, or use --paste",
			  (unsigned)*port)
		    : error_errno(
			  e, "cannot listen on port %u of loopback", (unsigned)*port);

		close(fd);
		return status;
	}
	*port = ntohs(place.sin_port);
	*out = fd;
	return STATUS_OK;
}

/* -- browsers --------------------------------------------------------------------- */

static void
drop(struct peer *p)
{
	if (p->fd >= 0)
		close(p->fd);
	explicit_bzero(p->bytes, p->len);
	p->fd = -1;
	p->len = 0;
}

/* Answers in one piece, which the socket's own buffer takes; no answer is no harm. */
static void
answer(const struct peer *p, enum redirect_found found)
{
	const struct page *page = &pages[found];
	char bytes[PAGE_MAX], body[PAGE_MAX / 2];
	int len;

	snprintf(body, sizeof(body),
	    "<!DOCTYPE html><html lang=\"en\"><meta charset=\"utf-8\">"
	    "<title>Postroom</title><p>%s</p></html>\n",
	    page->text);
	len = snprintf(bytes, sizeof(bytes),
	    "HTTP/1.1 %s\r\nContent-Type: text/html; charset=utf-8\r\n"
	    "Content-Length: %zu\r\nCache-Control: no-store\r\n"
	    "Referrer-Policy: no-referrer\r\nConnection: close\r\n\r\n%s",
	    page->status, strlen(body), body);
	if (send(p->fd, bytes, (size_t)len, MSG_NOSIGNAL) == len)
		shutdown(p->fd, SHUT_WR);
}

/* Takes a new connection; the oldest makes room where there is none. */
static void
take_peer(struct wait *w)
{
	int fd = accept4(w->side->given, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
	struct peer *place = &w->peer[0];

	if (fd < 0)
		return;
	for (size_t i = 1; i < LISTENER_PEERS && place->fd >= 0; i++)
		if (w->peer[i].fd < 0 || w->peer[i].number < place->number)
			place = &w->peer[i];
	drop(place);
	place->fd = fd;
	place->number = w->peers++;
	place->end = now() + LISTENER_PATIENCE;
}

/* Reads on; true when the browser brought what is waited for. */
static bool
hear_peer(struct wait *w, struct peer *p)
{
	ssize_t n = recv(p->fd, p->bytes + p->len, sizeof(p->bytes) - p->len, 0);
	enum redirect_found found;

	if (n < 0 && (errno == EINTR || errno == EAGAIN))
		return false;
	if (n <= 0) {
		drop(p);
		return false;
	}
	p->len += (size_t)n;
	found = redirect_request(w->out, p->bytes, p->len, w->state);
	if (found == REDIRECT_MORE)
		return false;
	answer(p, found);
	drop(p);
	return found == REDIRECT_CODE || found == REDIRECT_ERROR;
}

/* -- the terminal ----------------------------------------------------------------- */

/* One line was pasted. */
static bool
take_line(struct wait *w)
{
	static const char advice[] =
	    "that is not the address at which signing in ended: paste all of it, from "
	    "the browser's address line; it has code= and state= in it";
	enum redirect_found found = REDIRECT_BAD;
	bool empty = w->line_len == 0 && !w->line_over;

	w->line[w->line_len] = '\0';
	if (!w->line_over && strlen(w->line) == w->line_len)
		found = redirect_pasted(w->out, w->line, w->state);
	explicit_bzero(w->line, sizeof(w->line));
	w->line_len = 0;
	w->line_over = false;
	if (found == REDIRECT_CODE || found == REDIRECT_ERROR)
		return true;
	if (!empty)
		errand_say(w->side, advice);
	return false;
}

/* Takes a piece of what is typed; its end ends a line too. */
static bool
hear_typed(struct wait *w)
{
	char bytes[ERRAND_TYPED_MAX];
	ssize_t n = read(w->side->home, bytes, sizeof(bytes));
	bool found = false;

	if (n < 0 && (errno == EINTR || errno == EAGAIN))
		return false;
	w->typing = n > 0;
	for (ssize_t i = 0; i < n && !found; i++) {
		if (bytes[i] == '\n')
			found = take_line(w);
		else if (w->line_len < REDIRECT_MAX)
			w->line[w->line_len++] = bytes[i];
		else
			w->line_over = true;
	}
	explicit_bzero(bytes, sizeof(bytes));
	return found || (n <= 0 && take_line(w));
}

/* -- both -------------------------------------------------------------------------- */

static void
watch(struct pollfd watched[SLOTS], const struct wait *w)
{
	for (size_t i = 0; i < LISTENER_PEERS; i++)
		watched[i] = (struct pollfd){ .fd = w->peer[i].fd, .events = POLLIN };
	watched[LISTENER_SLOT] =
	    (struct pollfd){ .fd = w->side->given, .events = POLLIN };
	watched[TYPED_SLOT] =
	    (struct pollfd){ .fd = w->typing ? w->side->home : -1, .events = POLLIN };
}

/* Waits for up to a second; true when something brought what is waited for. */
static bool
turn(struct wait *w)
{
	struct pollfd watched[SLOTS];
	bool found = false;

	watch(watched, w);
	if (poll(watched, SLOTS, 1000) < 0)
		return false;
	for (size_t i = 0; i < LISTENER_PEERS && !found; i++) {
		if (watched[i].revents)
			found = hear_peer(w, &w->peer[i]);
		else if (w->peer[i].fd >= 0 && now() > w->peer[i].end)
			drop(&w->peer[i]);
	}
	if (!found && watched[TYPED_SLOT].revents)
		found = hear_typed(w);
	if (!found && watched[LISTENER_SLOT].revents)
		take_peer(w);
	return found;
}

enum status
listener_wait(struct redirect *out, const struct errand_side *side, const char *state,
    struct error *e)
{
	static struct wait w;
	int64_t end = now() + LISTENER_LIMIT;
	bool found = false;

	w = (struct wait){ .side = side, .state = state, .out = out, .typing = true };
	for (size_t i = 0; i < LISTENER_PEERS; i++)
		w.peer[i].fd = -1;
	while (!found && now() < end && (w.typing || side->given >= 0))
		found = turn(&w);
	for (size_t i = 0; i < LISTENER_PEERS; i++)
		drop(&w.peer[i]);
	explicit_bzero(&w, sizeof(w));
	if (found)
		return STATUS_OK;
	return error_set(e, STATUS_SETTINGS,
	    now() < end ? "no address was pasted; run postroom login again"
			: "nobody signed in within %d minutes; run postroom login again",
	    LISTENER_LIMIT / 60);
}
