/* http: exchanges with a web service over HTTPS (http.h). */
#include "lib/web/http.h"

#include <curl/curl.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <time.h>

#include "lib/base/clock.h"
#include "lib/base/text.h"
#include "lib/web/httprequest.h"
#include "lib/web/retryafter.h"
#include "lib/web/transfer.h"

enum {
	BLOCK_DOWN = 16 * 1024,  /* bytes that libcurl reads at a time */
	BLOCK_UP = 64 * 1024,    /* bytes that it asks for at a time */
	UNSENT_MAX = 128 * 1024, /* bytes that wait in the kernel to be sent */
	HEAD_MAX = 64 * 1024,    /* bytes of an answer's header, trailers included */
	NAME_MAX_HOST = 256,
	TAIL = 2,       /* bytes kept back until the commit point */
	REFUSALS = 400, /* the first HTTP code that says no */
	REDIRECTS = 300,
};

static const char HTML[] = "text/html";

struct http {
	struct transfer transfer; /* keeps the connections and the TLS sessions */
	char *ca_file;
};

/* One run of http_exchange(). */
struct run {
	struct http *http;
	const struct http_request *request;
	struct http_answer *answer;
	struct curl_slist *fields;
	char host[NAME_MAX_HOST];
	uint16_t port;
	char detail[CURL_ERROR_SIZE]; /* libcurl's words for what broke */
	uint64_t sent;                /* bytes of the body handed to libcurl */
	size_t heard;                 /* bytes of the answer's header */
	bool started;                 /* a connection stands, the request leaves */
	bool answered;                /* the whole header of the answer is here */
	int64_t began;                /* clock_seconds() */
	int64_t moved;                /* when a byte last moved, clock_seconds() */
	curl_off_t up, down;          /* libcurl's counts of bytes at that time */
	enum status broken; /* why a callback broke off; STATUS_OK: it did not */
	struct error why;
};

/* -- the answer -------------------------------------------------------------------- */

void
http_answer_init(struct http_answer *a)
{
	*a = (struct http_answer){ .retry_after = -1 };
	buf_init(&a->body, HTTP_ANSWER_MAX);
}

void
http_answer_clear(struct http_answer *a)
{
	if (a->body.data)
		explicit_bzero(a->body.data, a->body.size);
	buf_clear(&a->body);
	explicit_bzero(a, sizeof(*a)); /* an upload's address is a secret too */
	http_answer_init(a);
}

/* All the room at once: a buffer that grows would leave copies of a token behind. */
static bool
reserve(struct buf *b)
{
	if (!b->data) {
		b->data = calloc(1, b->max + 1);
		b->size = b->data ? b->max + 1 : 0;
	}
	return b->data;
}

static const char *
field(CURL *easy, const char *name)
{
	struct curl_header *found;

	return curl_easy_header(easy, name, 0, CURLH_HEADER, -1, &found) == CURLHE_OK
	    ? found->value
	    : NULL;
}

/* Takes what the header says. What is no plain text there is as if it was not there. */
static void
take_header(struct http_answer *a, CURL *easy)
{
	const char *where, *id, *type;
	long code = 0;

	curl_easy_getinfo(easy, CURLINFO_RESPONSE_CODE, &code);
	a->code = (int)code;
	a->retry_after =
	    retryafter_read(field(easy, "Retry-After"), field(easy, "Date"), time(NULL));
	where = field(easy, "Location");
	if (where && text_is_ascii(where) && strlen(where) < sizeof(a->location))
		snprintf(a->location, sizeof(a->location), "%s", where);
	type = field(easy, "Content-Type");
	a->html = type && strncasecmp(type, HTML, strlen(HTML)) == 0;
	id = field(easy, "request-id");
	if (!id)
		id = field(easy, "x-ms-request-id");
	if (id && text_is_ascii(id))
		snprintf(a->request_id, sizeof(a->request_id), "%s", id);
}

/* -- what libcurl calls ------------------------------------------------------------ */

/* Breaks off, with a sentence that names the host. */
static void
complain(struct run *r, const char *text)
{
	r->broken = error_set(&r->why, STATUS_RETRY, "%s:%u: %s", r->host, r->port, text);
}

/* The commit point: false where the end of the request must not leave. */
static bool
commit(struct run *r)
{
	if (!r->request->commit || r->answer->committed)
		return true;
	transfer_look_at_stop(&r->http->transfer);
	if (r->http->transfer.stopping)
		return false;
	if (!r->request->commit(r->request->context)) {
		complain(r, "the request was not sent: its end was held back");
		return false;
	}
	r->answer->committed = true; /* from here on it may arrive */
	return true;
}

/* libcurl's PREREQFUNCTION: a connection stands. libcurl comes here once more where one
 * that it had kept turns out dead; what has begun to leave must not begin again. */
static int
on_start(void *context, char *their_ip, char *our_ip, int their_port, int our_port)
{
	struct run *r = context;

	(void)their_ip;
	(void)our_ip;
	(void)their_port;
	(void)our_port;
	if (r->sent > 0 || r->answer->committed) {
		complain(r, "it hung up before it answered");
		return CURL_PREREQFUNC_ABORT;
	}
	r->started = true;
	r->moved = clock_seconds();
	return r->request->size > 0 || commit(r) ? CURL_PREREQFUNC_OK
						 : CURL_PREREQFUNC_ABORT;
}

static ssize_t
next_bytes(struct run *r, char *bytes, size_t len)
{
	const struct http_request *q = r->request;

	if (!q->bytes)
		return q->read(q->context, bytes, len);
	memcpy(bytes, q->bytes + r->sent, len);
	return (ssize_t)len;
}

/* libcurl's READFUNCTION: the next bytes of the body. */
static size_t
on_read(char *bytes, size_t size, size_t count, void *context)
{
	struct run *r = context;
	const struct http_request *q = r->request;
	uint64_t left = q->size - r->sent, may = left;
	size_t len = size * count;
	ssize_t n;

	if (left == 0)
		return 0;
	if (r->answered)
		complain(r, "it answered before it had the whole request");
	if (r->broken || (left <= TAIL && !commit(r)))
		return CURL_READFUNC_ABORT;
	if (q->commit && left > TAIL)
		may = left - TAIL;
	n = next_bytes(r, bytes, len < may ? len : (size_t)may);
	if (n <= 0) {
		if (n == 0) /* it ends too early */
			errno = ENODATA;
		r->broken = error_errno(&r->why, "cannot read the document to be sent");
		return CURL_READFUNC_ABORT;
	}
	r->sent += (uint64_t)n;
	if (q->watch)
		q->watch(q->context, r->sent);
	return (size_t)n;
}

/* libcurl's HEADERFUNCTION: each line of each header, those of 1xx answers too. */
static size_t
on_line(char *line, size_t size, size_t count, void *context)
{
	struct run *r = context;
	size_t len = size * count;
	long code = 0;

	r->heard += len;
	if (r->heard > HEAD_MAX) {
		complain(r, "its answer's header is too large");
		return 0;
	}
	if (line[0] != '\r' && line[0] != '\n')
		return len;
	curl_easy_getinfo(r->http->transfer.easy, CURLINFO_RESPONSE_CODE, &code);
	r->answered = code >= 200;
	return len;
}

/* libcurl's WRITEFUNCTION: the next bytes of the answer's body. */
static size_t
on_body(char *bytes, size_t size, size_t count, void *context)
{
	struct run *r = context;
	struct buf *body = &r->answer->body;

	if (!reserve(body))
		complain(r, "out of memory");
	else if (!buf_add(body, bytes, size * count))
		complain(r, "its answer is too large");
	return r->broken ? 0 : size * count;
}

/* libcurl's XFERINFOFUNCTION. */
static int
on_progress(void *context, curl_off_t down_total, curl_off_t down, curl_off_t up_total,
    curl_off_t up)
{
	struct run *r = context;

	(void)down_total;
	(void)up_total;
	if (up == r->up && down == r->down)
		return 0;
	r->up = up;
	r->down = down;
	r->moved = clock_seconds();
	return 0;
}

/* libcurl's SOCKOPTFUNCTION. Megabytes in the kernel's buffer would all count as sent,
 * and the time that a slow line takes for them as silence. */
static int
on_socket(void *context, curl_socket_t fd, curlsocktype purpose)
{
	const int most = UNSENT_MAX;

	(void)context;
	(void)purpose;
	setsockopt(fd, IPPROTO_TCP, TCP_NOTSENT_LOWAT, &most, sizeof(most));
	return CURL_SOCKOPT_OK;
}

/* -- settings ---------------------------------------------------------------------- */

static void
set_transport(struct run *r)
{
	CURL *c = r->http->transfer.easy;

	curl_easy_setopt(c, CURLOPT_NOSIGNAL, 1L);
	curl_easy_setopt(c, CURLOPT_CONNECTTIMEOUT, (long)HTTP_CONNECT_LIMIT);
	curl_easy_setopt(c, CURLOPT_TCP_KEEPALIVE, 1L);
	curl_easy_setopt(c, CURLOPT_SOCKOPTFUNCTION, on_socket);
	curl_easy_setopt(c, CURLOPT_ERRORBUFFER, r->detail);
	curl_easy_setopt(c, CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2);
	curl_easy_setopt(c, CURLOPT_SSL_VERIFYPEER, 1L);
	curl_easy_setopt(c, CURLOPT_SSL_VERIFYHOST, 2L);
	if (r->http->ca_file[0]) {
		curl_easy_setopt(c, CURLOPT_CAINFO, r->http->ca_file);
		curl_easy_setopt(c, CURLOPT_CAPATH, NULL);
	}
}

static void
set_callbacks(struct run *r)
{
	CURL *c = r->http->transfer.easy;

	curl_easy_setopt(c, CURLOPT_BUFFERSIZE, (long)BLOCK_DOWN);
	curl_easy_setopt(c, CURLOPT_MAXFILESIZE_LARGE, (curl_off_t)HTTP_ANSWER_MAX);
	curl_easy_setopt(c, CURLOPT_UPLOAD_BUFFERSIZE, (long)BLOCK_UP);
	curl_easy_setopt(c, CURLOPT_PREREQFUNCTION, on_start);
	curl_easy_setopt(c, CURLOPT_PREREQDATA, r);
	/* no SEEKFUNCTION: what has left cannot be sent again */
	curl_easy_setopt(c, CURLOPT_READFUNCTION, on_read);
	curl_easy_setopt(c, CURLOPT_READDATA, r);
	curl_easy_setopt(c, CURLOPT_HEADERFUNCTION, on_line);
	curl_easy_setopt(c, CURLOPT_HEADERDATA, r);
	curl_easy_setopt(c, CURLOPT_WRITEFUNCTION, on_body);
	curl_easy_setopt(c, CURLOPT_WRITEDATA, r);
	curl_easy_setopt(c, CURLOPT_NOPROGRESS, 0L);
	curl_easy_setopt(c, CURLOPT_XFERINFOFUNCTION, on_progress);
	curl_easy_setopt(c, CURLOPT_XFERINFODATA, r);
}

/* -- the exchange ------------------------------------------------------------------ */

/* Seconds of silence that are borne now. Until a connection stands libcurl has a limit of
 * its own. */
static int64_t
patience(const struct run *r)
{
	const struct http_request *q = r->request;

	if (!r->started)
		return HTTP_LONGEST;
	if (r->sent == q->size && q->patience)
		return q->patience;
	return q->silence ? q->silence : HTTP_SILENCE_LIMIT;
}

/* Whether the exchange must be given up now: stopped, or silent or under way for too
 * long. */
static bool
given_up(void *context)
{
	struct run *r = context;
	const struct transfer *transfer = &r->http->transfer;
	int64_t t = clock_seconds(), longest = r->request->longest;

	if (transfer->stopping &&
	    (!r->answer->committed || t - transfer->stopping_since >= HTTP_STOP_WAIT))
		return true;
	if (t - r->moved >= patience(r))
		return true;
	if (t - r->began < (longest ? longest : HTTP_LONGEST))
		return false;
	if (r->started)
		complain(r, "it takes too long over its answer");
	return true;
}

/* Whether nobody answered at all, where no connection stands. */
static bool
is_unreachable(CURLcode code)
{
	return code == CURLE_COULDNT_RESOLVE_HOST || code == CURLE_COULDNT_CONNECT ||
	    code == CURLE_OPERATION_TIMEDOUT;
}

/* What broke: a sentence for each CURLcode that a person can act on. */
static enum status
explain_break(const struct run *r, CURLcode code, struct error *e)
{
	static const struct {
		CURLcode code;
		enum status status;
		const char *text;
	} breaks[] = {
		{ CURLE_OPERATION_TIMEDOUT, STATUS_RETRY, "it does not answer" },
		{ CURLE_COULDNT_RESOLVE_HOST, STATUS_RETRY,
		    "its name cannot be resolved" },
		{ CURLE_COULDNT_CONNECT, STATUS_RETRY, "it cannot be reached" },
		{ CURLE_PEER_FAILED_VERIFICATION, STATUS_SETTINGS,
		    "its certificate cannot be trusted, so nothing was sent; check the "
		    "account's addresses and ca_file, and this machine's clock" },
		{ CURLE_SSL_CACERT_BADFILE, STATUS_SETTINGS,
		    "the certificate authorities cannot be read; check the account's "
		    "ca_file and the package ca-certificates" },
		{ CURLE_SSL_CONNECT_ERROR, STATUS_RETRY, "TLS could not be agreed on" },
		{ CURLE_GOT_NOTHING, STATUS_RETRY, "it hung up before it answered" },
		{ CURLE_PARTIAL_FILE, STATUS_RETRY, "its answer broke off" },
		{ CURLE_FILESIZE_EXCEEDED, STATUS_RETRY, "its answer is too large" },
		{ CURLE_UNSUPPORTED_PROTOCOL, STATUS_RETRY,
		    "what it answered is no HTTP" },
		{ CURLE_WEIRD_SERVER_REPLY, STATUS_RETRY, "what it answered is no HTTP" },
		{ CURLE_OK, STATUS_RETRY, "what it answered is no HTTP" },
		{ CURLE_OUT_OF_MEMORY, STATUS_RETRY, "out of memory" },
	};
	const char *text = "the connection broke off";
	enum status status = STATUS_RETRY;
	char clock[DISTRUST_ROOM];

	for (size_t i = 0; i < sizeof(breaks) / sizeof(breaks[0]); i++)
		if (breaks[i].code == code) {
			text = breaks[i].text;
			status = breaks[i].status;
		}
	if (transfer_blames_clock(clock, &r->http->transfer, code))
		return error_set(e, STATUS_RETRY, "%s:%u: %s", r->host, r->port, clock);
	if (!r->detail[0])
		return error_set(e, status, "%s:%u: %s", r->host, r->port, text);
	return error_set(e, status, "%s:%u: %s (%s)", r->host, r->port, text, r->detail);
}

/* How it went. A refusal counts also where the connection broke while the rest of the
 * request was leaving, or while its words came; not where it would not end. */
static enum status
judge(struct run *r, CURLcode code, struct error *e)
{
	const struct http_answer *a = r->answer;
	bool refused = a->code >= REFUSALS && code != CURLE_FILESIZE_EXCEEDED;

	if (r->broken)
		return error_set(e, r->broken, "%s", r->why.text);
	if (r->answered && (code == CURLE_OK || refused)) {
		if (r->sent == r->request->size || a->code >= REDIRECTS)
			return STATUS_OK;
		complain(r, "it answered before it had the whole request");
		return error_set(e, r->broken, "%s", r->why.text);
	}
	if (r->http->transfer.stopping && !a->committed)
		return error_set(e, STATUS_CANCELLED, "stopped before %s:%u had answered",
		    r->host, r->port);
	return explain_break(r, code, e);
}

/* Leaves nothing of the request in the handle, which is kept with its connection. Where
 * it broke there is nothing to keep: libcurl 8 would go on wanting to rewind the body,
 * and fail the next request for it. */
static void
run_close(struct run *r, bool broke)
{
	CURL *other = broke ? curl_easy_init() : NULL;

	curl_multi_remove_handle(r->http->transfer.multi, r->http->transfer.easy);
	if (other) {
		curl_easy_cleanup(r->http->transfer.easy);
		r->http->transfer.easy = other;
	} else {
		curl_easy_reset(r->http->transfer.easy);
	}
	httprequest_wipe(r->fields);
}

enum status
http_exchange(
    struct http *h, const struct http_request *q, struct http_answer *a, struct error *e)
{
	struct run r = { .http = h, .request = q, .answer = a };
	CURLcode code = CURLE_OK;
	enum status status;

	http_answer_clear(a);
	if (!http_host(r.host, sizeof(r.host), &r.port, q->url))
		return error_set(e, STATUS_SETTINGS,
		    "the address of a web service cannot be used: it must begin with "
		    "https:// and name no user");
	status = httprequest_set(h->transfer.easy, &r.fields, q, e);
	if (status != STATUS_OK)
		goto out;
	set_transport(&r);
	set_callbacks(&r);
	h->transfer.stopping = false;
	r.began = r.moved = clock_seconds();
	code = transfer_run(&h->transfer, given_up, &r);
	if (r.answered)
		take_header(a, h->transfer.easy);
	status = judge(&r, code, e);
	a->unreachable = status == STATUS_RETRY && !r.started && is_unreachable(code);
out:
	run_close(&r, code != CURLE_OK);
	return status;
}

enum status
http_open(struct http **out, const char *ca_file, int stop, struct error *e)
{
	struct http *h = calloc(1, sizeof(*h));

	if (!h)
		return error_set(e, STATUS_RETRY, "out of memory");
	h->transfer.stop = stop;
	h->ca_file = strdup(ca_file ? ca_file : "");
	h->transfer.easy = curl_easy_init();
	h->transfer.multi = curl_multi_init();
	if (!h->ca_file || !h->transfer.easy || !h->transfer.multi) {
		http_close(h);
		return error_set(e, STATUS_RETRY, "libcurl could not be started");
	}
	*out = h;
	return STATUS_OK;
}

void
http_close(struct http *h)
{
	if (!h)
		return;
	curl_easy_cleanup(h->transfer.easy);
	curl_multi_cleanup(h->transfer.multi);
	free(h->ca_file);
	free(h);
}
