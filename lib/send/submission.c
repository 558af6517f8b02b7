/* submission: one message handed to a submission server (submission.h). */
#include "lib/send/submission.h"

#include <curl/curl.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "lib/send/replies.h"
#include "lib/send/secret.h"

enum {
	OPENING_TIMEOUT = 90, /* seconds from the first packet to the end of the login */
	REPLY_TIMEOUT = 600,  /* libcurl's own; ours (submission_patience) are shorter */
	UPLOAD_BLOCK = 256 * 1024, /* bytes that libcurl asks for at a time */
	TICK = 1000,               /* milliseconds between looks at the clock */
	TAIL = 2,        /* bytes kept back until the commit point: the last CR LF */
	SOCKETS_MAX = 8, /* libcurl tries two addresses at a time */
	URL_MAX = 1024,
	NAME_MAX_EHLO = 255,
};

/* One run of submission_send(). */
struct run {
	const struct submission *job;
	struct dialogue dialogue;
	CURLM *multi;
	CURL *easy;
	struct curl_slist *recipients;
	int sockets[SOCKETS_MAX]; /* that libcurl has open */
	size_t socket_count;
	char detail[CURL_ERROR_SIZE]; /* libcurl's words for what broke */
	uint64_t sent;                /* message bytes handed to libcurl */
	bool committed;
	bool stopping; /* `stop` turned readable */
	time_t stopping_since;
	time_t moved;       /* when something last happened, CLOCK_MONOTONIC seconds */
	enum status broken; /* why a callback broke off; STATUS_OK: it did not */
	struct error why;
};

static time_t
now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec;
}

unsigned
submission_patience(enum stage stage, bool committed)
{
	static const unsigned seconds[] = {
		[STAGE_GREETING] = 60,
		[STAGE_EHLO] = 60,
		[STAGE_STARTTLS] = 60,
		[STAGE_AUTH] = 60,
		[STAGE_MAIL] = 300,
		[STAGE_RCPT] = 300,
		[STAGE_DATA] = 120,
		[STAGE_BODY] = 180,
		[STAGE_DONE] = 5,
	};

	/* RFC 5321 4.5.3.2.6: ten minutes for the answer to the end of the data */
	return committed && stage == STAGE_BODY ? 600 : seconds[stage];
}

static void
tell(struct run *r)
{
	r->moved = now();
	if (r->job->watch)
		r->job->watch(r->job->context, r->dialogue.stage, r->sent);
}

/* libcurl's OPENSOCKETFUNCTION and CLOSESOCKETFUNCTION: which sockets it has. */
static curl_socket_t
on_open(void *context, curlsocktype purpose, struct curl_sockaddr *address)
{
	struct run *r = context;
	int fd;

	(void)purpose;
	if (r->socket_count == SOCKETS_MAX)
		return CURL_SOCKET_BAD;
	fd = socket(address->family, address->socktype | SOCK_CLOEXEC, address->protocol);
	if (fd >= 0)
		r->sockets[r->socket_count++] = fd;
	return fd;
}

static int
on_close(void *context, curl_socket_t fd)
{
	struct run *r = context;

	for (size_t i = 0; i < r->socket_count; i++)
		if (r->sockets[i] == fd)
			r->sockets[i--] = r->sockets[--r->socket_count];
	return close(fd);
}

/* At its end libcurl says QUIT and would wait minutes for the answer. SHUT_RD lets it be
 * said and takes the answer as read; SHUT_RDWR lets nothing more leave. */
static void
hang_up(const struct run *r, int how)
{
	for (size_t i = 0; i < r->socket_count; i++)
		shutdown(r->sockets[i], how);
}

/* libcurl's HEADERFUNCTION: each line of each reply. */
static size_t
on_line(char *line, size_t size, size_t count, void *context)
{
	struct run *r = context;
	size_t len = size * count;

	r->broken = dialogue_line(&r->dialogue, line, len, &r->why);
	if (r->broken)
		return 0;
	if (dialogue_refused(&r->dialogue))
		hang_up(r, SHUT_RD);
	tell(r);
	return len;
}

/* Whether something waits to be read. Inside the message the server has nothing to say: a
 * reply that comes now is none to the end of the data. */
static bool
has_spoken(const struct run *r)
{
	for (size_t i = 0; i < r->socket_count; i++) {
		struct pollfd fd = { .fd = r->sockets[i], .events = POLLIN };

		if (poll(&fd, 1, 0) > 0)
			return true;
	}
	return false;
}

/* libcurl's READFUNCTION: the next bytes of the message. */
static size_t
on_read(char *bytes, size_t size, size_t count, void *context)
{
	struct run *r = context;
	uint64_t left = r->dialogue.plan.size - r->sent;
	size_t len = size * count;
	ssize_t n;

	if (left == 0)
		return 0;
	if (left > TAIL && len > left - TAIL)
		len = (size_t)left - TAIL;
	if (left <= TAIL && !r->committed) {
		if (has_spoken(r)) {
			r->broken = error_set(&r->why, STATUS_RETRY,
			    "the server spoke or hung up before it had the whole "
			    "message");
			return CURL_READFUNC_ABORT;
		}
		if (r->stopping || (r->job->commit && !r->job->commit(r->job->context)))
			return CURL_READFUNC_ABORT;
		r->committed = true; /* from here on it may arrive */
	}
	n = message_read(r->job->message, bytes, len);
	if (n <= 0) {
		r->broken = error_errno(&r->why, "cannot read the document to be sent");
		return CURL_READFUNC_ABORT;
	}
	r->sent += (uint64_t)n;
	tell(r);
	return (size_t)n;
}

static size_t
on_body(char *bytes, size_t size, size_t count, void *context)
{
	(void)bytes;
	(void)context;
	return size * count;
}

/* The name for EHLO: this host's, as far as it is one. */
static void
ehlo_name(char *name, size_t size)
{
	static const char allowed[] = "abcdefghijklmnopqrstuvwxyz"
				      "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.-";

	if (gethostname(name, size) < 0 || !memchr(name, '\0', size) || !name[0] ||
	    name[strspn(name, allowed)])
		snprintf(name, size, "localhost");
}

static void
make_url(char *url, size_t size, const struct account *a)
{
	const char *scheme = a->tls == TLS_IMPLICIT ? "smtps" : "smtp";
	bool v6 = strchr(a->server.host, ':');
	char name[NAME_MAX_EHLO + 1];

	ehlo_name(name, sizeof(name));
	snprintf(url, size, "%s://%s%s%s:%u/%s", scheme, v6 ? "[" : "", a->server.host,
	    v6 ? "]" : "", account_port(a), name);
}

static void
set_transport(struct run *r)
{
	const struct account *a = r->job->account;
	char url[URL_MAX];
	CURL *c = r->easy;

	make_url(url, sizeof(url), a);
	curl_easy_setopt(c, CURLOPT_URL, url);
	curl_easy_setopt(c, CURLOPT_PROTOCOLS_STR, "smtp,smtps");
	curl_easy_setopt(c, CURLOPT_PROXY, "");
	curl_easy_setopt(c, CURLOPT_NETRC, (long)CURL_NETRC_IGNORED);
	curl_easy_setopt(c, CURLOPT_NOSIGNAL, 1L);
	curl_easy_setopt(c, CURLOPT_QUICK_EXIT, 1L); /* do not wait for the resolver */
	curl_easy_setopt(c, CURLOPT_CONNECTTIMEOUT, (long)OPENING_TIMEOUT);
	curl_easy_setopt(c, CURLOPT_SERVER_RESPONSE_TIMEOUT, (long)REPLY_TIMEOUT);
	curl_easy_setopt(c, CURLOPT_TCP_KEEPALIVE, 1L);
	curl_easy_setopt(c, CURLOPT_OPENSOCKETFUNCTION, on_open);
	curl_easy_setopt(c, CURLOPT_OPENSOCKETDATA, r);
	curl_easy_setopt(c, CURLOPT_CLOSESOCKETFUNCTION, on_close);
	curl_easy_setopt(c, CURLOPT_CLOSESOCKETDATA, r);
	curl_easy_setopt(c, CURLOPT_ERRORBUFFER, r->detail);
	if (a->tls != TLS_NONE)
		curl_easy_setopt(c, CURLOPT_USE_SSL, (long)CURLUSESSL_ALL);
	curl_easy_setopt(c, CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2);
	curl_easy_setopt(c, CURLOPT_SSL_VERIFYPEER, 1L);
	curl_easy_setopt(c, CURLOPT_SSL_VERIFYHOST, 2L);
	if (a->ca_file && a->ca_file[0]) {
		curl_easy_setopt(c, CURLOPT_CAINFO, a->ca_file);
		curl_easy_setopt(c, CURLOPT_CAPATH, NULL);
	}
	if (r->dialogue.plan.auth) {
		curl_easy_setopt(c, CURLOPT_USERNAME, a->username);
		curl_easy_setopt(c, CURLOPT_PASSWORD, r->job->password);
		curl_easy_setopt(c, CURLOPT_LOGIN_OPTIONS, "AUTH=LOGIN;AUTH=PLAIN");
	}
}

static enum status
set_message(struct run *r, struct error *e)
{
	const struct mailbox_list *to = r->job->recipients;
	CURL *c = r->easy;

	for (size_t i = 0; i < to->count; i++) {
		struct curl_slist *more =
		    curl_slist_append(r->recipients, to->item[i].address);

		if (!more)
			return error_set(e, STATUS_RETRY, "out of memory");
		r->recipients = more;
	}
	curl_easy_setopt(c, CURLOPT_MAIL_FROM, r->job->account->from.address);
	curl_easy_setopt(c, CURLOPT_MAIL_RCPT, r->recipients);
	curl_easy_setopt(c, CURLOPT_UPLOAD, 1L);
	curl_easy_setopt(c, CURLOPT_UPLOAD_BUFFERSIZE, (long)UPLOAD_BLOCK);
	curl_easy_setopt(c, CURLOPT_INFILESIZE_LARGE, (curl_off_t)r->dialogue.plan.size);
	curl_easy_setopt(c, CURLOPT_READFUNCTION, on_read);
	curl_easy_setopt(c, CURLOPT_READDATA, r);
	curl_easy_setopt(c, CURLOPT_HEADERFUNCTION, on_line);
	curl_easy_setopt(c, CURLOPT_HEADERDATA, r);
	curl_easy_setopt(c, CURLOPT_WRITEFUNCTION, on_body);
	return STATUS_OK;
}

static enum status
run_open(struct run *r, struct error *e)
{
	r->moved = now();
	r->multi = curl_multi_init();
	r->easy = curl_easy_init();
	if (!r->multi || !r->easy)
		return error_set(e, STATUS_RETRY, "libcurl could not be started");
	set_transport(r);
	return set_message(r, e);
}

static void
run_close(struct run *r)
{
	hang_up(r, r->dialogue.stage == STAGE_DONE ? SHUT_RD : SHUT_RDWR);
	if (r->multi && r->easy)
		curl_multi_remove_handle(r->multi, r->easy);
	curl_easy_cleanup(r->easy);
	curl_multi_cleanup(r->multi);
	curl_slist_free_all(r->recipients);
}

/* Whether the transfer has ended, and how. */
static bool
ended(struct run *r, CURLcode *code)
{
	CURLMsg *msg;
	int left;

	while ((msg = curl_multi_info_read(r->multi, &left)))
		if (msg->msg == CURLMSG_DONE) {
			*code = msg->data.result;
			return true;
		}
	return false;
}

/* Whether the transfer must be given up now: stopped, or silent for too long. */
static bool
given_up(struct run *r)
{
	unsigned patience = submission_patience(r->dialogue.stage, r->committed);

	if (r->stopping && !r->committed)
		return true;
	if (r->stopping && now() - r->stopping_since >= SUBMISSION_STOP_WAIT)
		return true;
	return now() - r->moved >= (time_t)patience;
}

static void
wait_for_news(struct run *r)
{
	struct curl_waitfd stop = { .fd = r->job->stop, .events = CURL_WAIT_POLLIN };
	bool watched = r->job->stop >= 0 && !r->stopping;

	curl_multi_poll(r->multi, watched ? &stop : NULL, watched ? 1 : 0, TICK, NULL);
	if (watched && stop.revents) {
		r->stopping = true;
		r->stopping_since = now();
	}
}

/* Runs the transfer to its end; CURLE_OPERATION_TIMEDOUT when it was given up. */
static CURLcode
run_transfer(struct run *r)
{
	CURLcode code = CURLE_FAILED_INIT;
	int running = 0;

	if (curl_multi_add_handle(r->multi, r->easy) != CURLM_OK)
		return code;
	for (;;) {
		if (curl_multi_perform(r->multi, &running) != CURLM_OK)
			return CURLE_FAILED_INIT;
		if (ended(r, &code))
			return code;
		if (given_up(r))
			return CURLE_OPERATION_TIMEDOUT;
		wait_for_news(r);
	}
}

/* What broke where no reply tells: a sentence for each CURLcode that a person can act on.
 */
static enum status
explain_break(const struct run *r, CURLcode code, struct error *e)
{
	static const struct {
		CURLcode code;
		enum status status;
		const char *text;
	} breaks[] = {
		{ CURLE_COULDNT_RESOLVE_HOST, STATUS_RETRY,
		    "its name cannot be resolved" },
		{ CURLE_COULDNT_CONNECT, STATUS_RETRY, "it does not answer" },
		{ CURLE_OPERATION_TIMEDOUT, STATUS_RETRY, "it does not answer" },
		{ CURLE_USE_SSL_FAILED, STATUS_RETRY,
		    "it offers no STARTTLS, so nothing was sent" },
		{ CURLE_PEER_FAILED_VERIFICATION, STATUS_SETTINGS,
		    "its certificate cannot be trusted, so nothing was sent; check the "
		    "account's server and ca_file, and this machine's clock" },
		{ CURLE_SSL_CACERT_BADFILE, STATUS_SETTINGS,
		    "the certificate authorities cannot be read; check the account's "
		    "ca_file and the package ca-certificates" },
		{ CURLE_SSL_CONNECT_ERROR, STATUS_RETRY, "TLS could not be agreed on" },
		{ CURLE_LOGIN_DENIED, STATUS_SETTINGS,
		    "it offers no way to sign in that Postroom knows (AUTH LOGIN, "
		    "PLAIN)" },
		{ CURLE_OUT_OF_MEMORY, STATUS_RETRY, "out of memory" },
	};
	const struct account *a = r->job->account;
	const char *text = "the connection broke off";
	enum status status = STATUS_RETRY;

	for (size_t i = 0; i < sizeof(breaks) / sizeof(breaks[0]); i++)
		if (breaks[i].code == code) {
			text = breaks[i].text;
			status = breaks[i].status;
		}
	return error_set(e, status, "%s:%u: %s%s%s%s", a->server.host, account_port(a),
	    text, r->detail[0] ? " (" : "", r->detail, r->detail[0] ? ")" : "");
}

/* Some servers repeat in a refusal what they were sent; the queue's message and the log
 * are read by everybody. */
static void
hide_password(struct run *r)
{
	struct reply *reply = &r->dialogue.reply;

	if (r->job->password &&
	    secret_is_in(reply->text, r->job->account->username, r->job->password))
		snprintf(reply->text, sizeof(reply->text),
		    "(its text is left out, as it repeats the password)");
}

/* How it went, by what the server said last, or else by what broke. */
static enum status
judge(struct run *r, CURLcode code, struct error *e)
{
	if (r->dialogue.stage == STAGE_DONE)
		return STATUS_OK;
	if (r->broken)
		return error_set(e, r->broken, "%s", r->why.text);
	if (r->stopping && !r->committed)
		return error_set(
		    e, STATUS_CANCELLED, "stopped before the message was sent");
	if (dialogue_refused(&r->dialogue))
		return reply_explain(&r->dialogue.reply, e);
	return explain_break(r, code, e);
}

enum status
submission_send(const struct submission *s, struct receipt *receipt, struct error *e)
{
	struct run r = { .job = s };
	struct dialogue_plan plan = {
		.starttls = s->account->tls == TLS_STARTTLS,
		.auth = s->account->auth != AUTH_NONE,
		.recipients = s->recipients->count,
		.size = message_size(s->message),
	};
	enum status status;

	dialogue_init(&r.dialogue, &plan);
	message_rewind(s->message);
	status = run_open(&r, e);
	if (status == STATUS_OK) {
		CURLcode code = run_transfer(&r);

		hide_password(&r);
		status = judge(&r, code, e);
	}
	receipt->reply = r.dialogue.reply;
	receipt->uncertain =
	    r.committed && status != STATUS_OK && !dialogue_refused(&r.dialogue);
	run_close(&r);
	return status;
}
