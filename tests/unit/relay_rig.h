/*
 * relay_rig: a peer on loopback that stands for cupsd where it breaks off, is silent, or
 * refuses at a chosen byte, which no real one can be made to do. It knows as much of
 * HTTP and IPP as one Print-Job takes. How it answers well is known from the real cupsd
 * (tests/integration/resend.t).
 */
#ifndef POSTROOM_RELAY_RIG_H
#define POSTROOM_RELAY_RIG_H

#include <netinet/in.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum {
	PEER_TURNS = 8,
	PEER_BODY_MAX = 4 << 20,
	PEER_LINE = 1024,
	PEER_JOB = 77, /* its number */
	PEER_WAIT_MS = 60 * 1000,
};

/* What a connection meets. */
enum peer_turn {
	PEER_TAKES = 1,   /* all, and answers with the job's number */
	PEER_REFUSES,     /* all, and answers that it takes no jobs */
	PEER_FORBIDS,     /* all, and answers with HTTP 403 */
	PEER_SAYS,        /* all, and answers with peer.words */
	PEER_CLOSES,      /* at once */
	PEER_BREAKS,      /* after peer.limit bytes of the body */
	PEER_BREAKS_LAST, /* when it has all, without an answer */
	PEER_IS_MUTE,     /* does not even answer to the head of the request */
	PEER_DRIPS,       /* lines of a head without an end, ten a second */
	PEER_IS_SILENT,   /* reads all and says nothing until the other side closes */
};

struct peer {
	int listener, port;
	pthread_t thread;
	enum peer_turn turns[PEER_TURNS]; /* one after the other; then none is accepted */
	size_t limit;
	size_t met;  /* connections so far */
	size_t mark; /* bytes of the body that are told of; 0: when it is whole */
	int reached; /* pipe: a byte each time, and when it has broken off */
	int told;
	void (*look)(void *context); /* called before it answers, or NULL */
	void *context;
	const void *words; /* IPP */
	size_t words_len;
	unsigned char *body; /* of the last connection, without the chunks' heads */
	size_t len;
};

struct peer_stream {
	int fd;
	unsigned char bytes[4096];
	size_t start, end;
};

static inline int
peer_byte(struct peer_stream *s)
{
	if (s->start == s->end) {
		ssize_t n = recv(s->fd, s->bytes, sizeof(s->bytes), 0);

		if (n <= 0)
			return -1;
		s->start = 0;
		s->end = (size_t)n;
	}
	return s->bytes[s->start++];
}

/* A line without its end. */
static inline int
peer_line(struct peer_stream *s, char line[PEER_LINE])
{
	size_t len = 0;
	int c;

	while ((c = peer_byte(s)) >= 0 && c != '\n')
		if (c != '\r' && len + 1 < PEER_LINE)
			line[len++] = (char)c;
	line[len] = '\0';
	return c >= 0;
}

static inline void
peer_tell(struct peer *p)
{
	ssize_t n = write(p->told, "", 1);

	(void)n; /* nobody listens any more */
}

/* Takes bytes of the body. Whether all came; it ends early at its limit. */
static inline int
peer_take(struct peer *p, struct peer_stream *s, size_t len, size_t limit)
{
	for (; len > 0; len--) {
		int c = peer_byte(s);

		if (c < 0 || p->len >= limit)
			return 0;
		p->body[p->len++] = (unsigned char)c;
		if (p->len == p->mark)
			peer_tell(p);
	}
	return 1;
}

/* The same of a body in chunks. */
static inline int
peer_body(struct peer *p, struct peer_stream *s, size_t limit)
{
	char line[PEER_LINE];

	while (peer_line(s, line)) {
		size_t left = strtoul(line, NULL, 16);

		if (left == 0)
			return peer_line(s, line);
		if (!peer_take(p, s, left, limit))
			return 0;
		peer_line(s, line);
	}
	return 0;
}

static inline void
peer_say(int fd, const char *head, const void *body, size_t len)
{
	char text[PEER_LINE];
	int n = snprintf(text, sizeof(text), "%s", head);

	if (len)
		n = snprintf(text, sizeof(text),
		    "HTTP/1.1 200 OK\r\nContent-Type: application/ipp\r\n"
		    "Content-Length: %zu\r\n\r\n",
		    len);
	send(fd, text, (size_t)n, MSG_NOSIGNAL);
	send(fd, body, len, MSG_NOSIGNAL);
}

static inline void
peer_answer(const struct peer *p, int fd, enum peer_turn turn)
{
	static const char taken[] = "\2\0\0\0\0\0\0\1"
				    "\1\x47\0\x12"
				    "attributes-charset\0\5utf-8"
				    "\x48\0\x1b"
				    "attributes-natural-language\0\5en-us"
				    "\2\x21\0\6job-id\0\4\0\0\0\x4d\3";
	static const char refused[] = "\2\0\5\6\0\0\0\1"
				      "\1\x47\0\x12"
				      "attributes-charset\0\5utf-8"
				      "\x48\0\x1b"
				      "attributes-natural-language\0\5en-us\3";

	if (turn == PEER_TAKES)
		peer_say(fd, "", taken, sizeof(taken) - 1);
	else if (turn == PEER_REFUSES)
		peer_say(fd, "", refused, sizeof(refused) - 1);
	else if (turn == PEER_SAYS)
		peer_say(fd, "", p->words, p->words_len);
	else
		peer_say(
		    fd, "HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n", "", 0);
}

/* Until the other side has gone. */
static inline void
peer_drip(int fd)
{
	static const char line[] = "X-Drip: 1\r\n";
	struct pollfd gone = { .fd = fd, .events = POLLRDHUP };

	peer_say(fd, "HTTP/1.1 200 OK\r\n", "", 0);
	while (poll(&gone, 1, 100) == 0 &&
	    send(fd, line, sizeof(line) - 1, MSG_NOSIGNAL) > 0)
		continue;
}

static inline void
peer_meet(struct peer *p, int fd, enum peer_turn turn)
{
	struct peer_stream s = { .fd = fd };
	static const char length[] = "Content-Length: ";
	size_t limit = turn == PEER_BREAKS ? p->limit : PEER_BODY_MAX, len = 0;
	char line[PEER_LINE];
	int whole;

	p->len = 0;
	while (turn != PEER_CLOSES && peer_line(&s, line) && *line)
		if (strncmp(line, length, strlen(length)) == 0)
			len = strtoul(line + strlen(length), NULL, 10);
	if (turn == PEER_CLOSES)
		return;
	if (turn == PEER_DRIPS)
		peer_drip(fd);
	if (turn == PEER_IS_MUTE)
		while (peer_byte(&s) >= 0)
			continue;
	if (turn == PEER_IS_MUTE || turn == PEER_DRIPS)
		return;
	peer_say(fd, "HTTP/1.1 100 Continue\r\n\r\n", "", 0);
	whole = len ? peer_take(p, &s, len, limit) : peer_body(p, &s, limit);
	if (whole && !p->mark)
		peer_tell(p);
	if (whole && p->look)
		p->look(p->context);
	if (turn == PEER_IS_SILENT)
		while (peer_byte(&s) >= 0)
			continue;
	else if (whole && turn != PEER_BREAKS_LAST)
		peer_answer(p, fd, turn);
}

static inline void *
peer_runs(void *context)
{
	struct peer *p = context;

	for (size_t i = 0; i < PEER_TURNS && p->turns[i]; i++) {
		int fd = accept(p->listener, NULL, NULL);

		if (fd < 0)
			break;
		p->met++;
		peer_meet(p, fd, p->turns[i]);
		close(fd);
		if (p->turns[i] == PEER_CLOSES || p->turns[i] == PEER_BREAKS)
			peer_tell(p);
	}
	/* who comes now meets nobody */
	shutdown(p->listener, SHUT_RDWR);
	return NULL;
}

/* Listens, and makes itself the server that libcups finds. 0 and errno. */
static inline int
peer_start(struct peer *p)
{
	struct sockaddr_in address = { .sin_family = AF_INET,
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	socklen_t len = sizeof(address);
	char server[64];
	int ends[2];

	p->listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	p->body = malloc(PEER_BODY_MAX);
	if (p->listener < 0 || !p->body || pipe(ends) != 0 ||
	    bind(p->listener, (struct sockaddr *)&address, sizeof(address)) != 0 ||
	    listen(p->listener, PEER_TURNS) != 0 ||
	    getsockname(p->listener, (struct sockaddr *)&address, &len) != 0)
		return 0;
	p->reached = ends[0];
	p->told = ends[1];
	p->port = ntohs(address.sin_port);
	snprintf(server, sizeof(server), "127.0.0.1:%d", p->port);
	return setenv("CUPS_SERVER", server, 1) == 0 &&
	    pthread_create(&p->thread, NULL, peer_runs, p) == 0;
}

/* Waits until a body has come as far as the mark. */
static inline int
peer_reaches(struct peer *p)
{
	struct pollfd fd = { .fd = p->reached, .events = POLLIN };

	return poll(&fd, 1, PEER_WAIT_MS) == 1;
}

static inline void
peer_stop(struct peer *p)
{
	shutdown(p->listener, SHUT_RDWR);
	pthread_join(p->thread, NULL);
	close(p->listener);
	close(p->reached);
	close(p->told);
	free(p->body);
}

/* Where the document starts: behind the first attributes that end so. NULL: nowhere. */
static inline const unsigned char *
peer_find(const struct peer *p, const void *bytes, size_t len)
{
	return memmem(p->body, p->len, bytes, len);
}

#endif
