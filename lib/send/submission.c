/* submission: one message handed to a submission server (submission.h). */
#include "lib/send/submission.h"

#include <curl/curl.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "lib/account/account.h"
#include "lib/account/secret.h"
#include "lib/base/clock.h"
#include "lib/send/connection.h"
#include "lib/send/replies.h"
#include "lib/web/transfer.h"

/* libcurl's own name for it was misspelt until 8.2. */
#if LIBCURL_VERSION_NUM < 0x080200
#define CURLOPT_MAIL_RCPT_ALLOWFAILS CURLOPT_MAIL_RCPT_ALLLOWFAILS
#endif

enum {
	CONNECT_TIMEOUT = 30, /* seconds until one of the server's addresses answers */
	OPENING_TIMEOUT = 90, /* seconds from then to the end of the login */
	REPLY_TIMEOUT = 600,  /* libcurl's own; ours (submission_patience) are shorter */
	UPLOAD_BLOCK = 256 * 1024, /* bytes that libcurl asks for at a time */
	TAIL = 2, /* bytes kept back until the commit point: the last CR LF */
	URL_MAX = 1024,
	NAME_MAX_EHLO = 255,
	LINE_TOO_LONG = 100, /* CURLE_TOO_LARGE, which libcurl has from 8.6 on */
};

/* One run of submission_send(). */
struct run {
	const struct submission *job;
	struct receipt *receipt;
	struct dialogue dialogue;
	struct transfer transfer;
	struct curl_slist *recipients;
	struct connection connection;
	char detail[CURL_ERROR_SIZE]; /* libcurl's words for what broke */
	uint64_t sent;                /* message bytes handed to libcurl */
	uint64_t heard;               /* bytes from the server before the commit point */
	bool settled;                 /* the end of the data was answered, and told so */
	int64_t began;                /* clock_seconds() */
	int64_t moved;                /* when something last happened, clock_seconds() */
	enum status broken; /* why a callback broke off; STATUS_OK: it did not */
	struct error why;
};

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
	r->moved = clock_seconds();
	if (r->job->watch)
		r->job->watch(r->job->context, r->dialogue.stage, r->sent);
}

/* An answer to the end of the data that came with the answer to DATA, and lay in a buffer
 * of libcurl's since. */
static bool
is_premature(const struct run *r)
{
	return r->dialogue.stage == STAGE_BODY && r->dialogue.committed && r->heard &&
	    connection_heard(&r->connection) == r->heard;
}

/* Some servers repeat in a refusal what they were sent; the queue's message and the log
 * are read by everybody. */
static void
hide_secret(const struct run *r, struct reply *reply)
{
	const struct submission *job = r->job;

	if ((job->password &&
		secret_is_in(reply->text, job->account->username, job->password)) ||
	    (job->token && secret_part_is_in(reply->text, job->token)))
		snprintf(reply->text, sizeof(reply->text),
		    "(its text is left out, as it repeats the %s)",
		    job->token ? "access token" : "password");
}

/* Tells the caller what came of the message, once. */
static void
settle(struct run *r)
{
	bool taken = r->dialogue.stage == STAGE_DONE;
	enum verdict refusal = reply_classify(&r->dialogue.reply).verdict;

	if (r->settled)
		return;
	r->settled = true;
	receipt_fill(
	    r->receipt, &r->dialogue, taken ? STATUS_OK : verdict_status(refusal));
	if (r->job->settled)
		r->job->settled(r->job->context, r->receipt);
}

/* What follows from a whole reply. False: break off, nothing more may be sent. */
static bool
on_reply(struct run *r, size_t answered_before)
{
	struct dialogue *d = &r->dialogue;
	bool refused = dialogue_refused(d);

	hide_secret(r, &d->reply);
	hide_secret(r, &d->excuse);
	if (d->recipients_answered > answered_before)
		receipt_note(r->receipt, answered_before, &d->reply);
	if (d->reply.stage == STAGE_BODY)
		settle(r);
	if (refused) /* libcurl would wait minutes for the answer to QUIT */
		connection_hang_up(&r->connection, SHUT_RD);
	/* libcurl would go on to the next recipient, or with those that are taken */
	return !(refused && d->reply.stage == STAGE_RCPT);
}

/* libcurl's HEADERFUNCTION: each line of each reply. */
static size_t
on_line(char *line, size_t size, size_t count, void *context)
{
	struct run *r = context;
	size_t len = size * count, answered = r->dialogue.recipients_answered;

	if (r->broken)
		return 0; /* libcurl reads on, for an answer to QUIT perhaps */
	if (is_premature(r))
		r->broken = error_set(&r->why, STATUS_RETRY,
		    "the server answered the message before it had the whole of it");
	else
		r->broken = dialogue_line(&r->dialogue, line, len, &r->why);
	if (r->broken || (r->dialogue.lines == 0 && !on_reply(r, answered)))
		return 0;
	tell(r);
	return len;
}

/* The commit point: false where the end of the message must not leave. */
static bool
commit(struct run *r)
{
	if (connection_has_news(&r->connection)) /* it is no answer to the end */
		r->broken = error_set(&r->why, STATUS_RETRY,
		    "the server spoke or hung up before it had the whole message");
	else if (!r->transfer.stopping && r->job->commit &&
	    !r->job->commit(r->job->context))
		r->broken = error_set(&r->why, STATUS_RETRY,
		    "the message was not sent: its end was held back");
	if (r->broken || r->transfer.stopping)
		return false;
	r->heard = connection_heard(&r->connection);
	r->dialogue.committed = true; /* from here on it may arrive */
	return true;
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
	if (left <= TAIL && !r->dialogue.committed && !commit(r))
		return CURL_READFUNC_ABORT;
	n = message_read(r->job->message, bytes, len);
	if (n <= 0) {
		r->broken = error_errno(&r->why, "cannot read the document to be sent");
		return CURL_READFUNC_ABORT;
	}
	r->sent += (uint64_t)n;
	tell(r);
	return (size_t)n;
}

/* Whether the transfer must be given up now: stopped, or silent for too long. */
static bool
given_up(void *context)
{
	struct run *r = context;
	const struct transfer *t = &r->transfer;
	unsigned patience = submission_patience(r->dialogue.stage, r->dialogue.committed);

	if (t->stopping && !r->dialogue.committed)
		return true;
	if (!r->dialogue.committed && clock_seconds() - r->began >= SUBMISSION_LONGEST) {
		r->broken = error_set(&r->why, STATUS_RETRY,
		    "%s had not taken the message after two hours: the connection is too "
		    "slow for it",
		    r->job->account->server.host);
		return true;
	}
	if (t->stopping && clock_seconds() - t->stopping_since >= SUBMISSION_STOP_WAIT)
		return true;
	return clock_seconds() - r->moved >= (int64_t)patience;
}

/* libcurl's XFERINFOFUNCTION: it waits for the answer to the end of the data by itself,
 * and calls this each second. */
static int
on_progress(void *context, curl_off_t down_total, curl_off_t down, curl_off_t up_total,
    curl_off_t up)
{
	struct run *r = context;

	(void)down_total;
	(void)down;
	(void)up_total;
	(void)up;
	transfer_look_at_stop(&r->transfer);
	return given_up(r);
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

/* What the server is shown: a password, a token, or a certificate. libcurl takes
 * OAUTHBEARER where a server offers it beside XOAUTH2. */
static void
set_login(struct run *r)
{
	const struct submission *job = r->job;
	CURL *c = r->transfer.easy;

	if (r->dialogue.plan.auth)
		curl_easy_setopt(c, CURLOPT_USERNAME, job->account->username);
	if (r->dialogue.plan.token) {
		curl_easy_setopt(c, CURLOPT_XOAUTH2_BEARER, job->token);
		curl_easy_setopt(
		    c, CURLOPT_LOGIN_OPTIONS, "AUTH=XOAUTH2;AUTH=OAUTHBEARER");
	} else if (r->dialogue.plan.auth) {
		curl_easy_setopt(c, CURLOPT_PASSWORD, job->password);
		curl_easy_setopt(c, CURLOPT_LOGIN_OPTIONS, "AUTH=LOGIN;AUTH=PLAIN");
	}
	if (job->pem) {
		struct curl_blob pem = {
			.data = (void *)(uintptr_t)job->pem, /* copied, not changed */
			.len = strlen(job->pem),
			.flags = CURL_BLOB_COPY,
		};

		curl_easy_setopt(c, CURLOPT_SSLCERT_BLOB, &pem);
		curl_easy_setopt(c, CURLOPT_SSLKEY_BLOB, &pem);
	}
}

static void
set_transport(struct run *r)
{
	const struct account *a = r->job->account;
	char url[URL_MAX];
	CURL *c = r->transfer.easy;

	make_url(url, sizeof(url), a);
	curl_easy_setopt(c, CURLOPT_URL, url);
	curl_easy_setopt(c, CURLOPT_PROTOCOLS_STR, "smtp,smtps");
	curl_easy_setopt(c, CURLOPT_NETRC, (long)CURL_NETRC_IGNORED);
	curl_easy_setopt(c, CURLOPT_NOSIGNAL, 1L);
	curl_easy_setopt(c, CURLOPT_CONNECTTIMEOUT, (long)OPENING_TIMEOUT);
	curl_easy_setopt(c, CURLOPT_SERVER_RESPONSE_TIMEOUT, (long)REPLY_TIMEOUT);
	curl_easy_setopt(c, CURLOPT_TCP_KEEPALIVE, 1L);
	curl_easy_setopt(c, CURLOPT_ERRORBUFFER, r->detail);
	if (a->tls != TLS_NONE)
		curl_easy_setopt(c, CURLOPT_USE_SSL,
		    (long)(a->tls == TLS_OPTIONAL ? CURLUSESSL_TRY : CURLUSESSL_ALL));
	curl_easy_setopt(c, CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2);
	curl_easy_setopt(c, CURLOPT_SSL_VERIFYPEER, 1L);
	curl_easy_setopt(c, CURLOPT_SSL_VERIFYHOST, 2L);
	if (a->ca_file && a->ca_file[0]) {
		curl_easy_setopt(c, CURLOPT_CAINFO, a->ca_file);
		curl_easy_setopt(c, CURLOPT_CAPATH, NULL);
	}
	set_login(r);
}

static enum status
set_message(struct run *r, struct error *e)
{
	const struct mailbox_list *to = r->job->recipients;
	CURL *c = r->transfer.easy;

	for (size_t i = 0; i < to->count; i++) {
		struct curl_slist *more =
		    curl_slist_append(r->recipients, to->item[i].address);

		if (!more)
			return error_set(e, STATUS_RETRY, "out of memory");
		r->recipients = more;
	}
	curl_easy_setopt(c, CURLOPT_MAIL_FROM, r->job->account->from.address);
	curl_easy_setopt(c, CURLOPT_MAIL_RCPT, r->recipients);
	curl_easy_setopt(c, CURLOPT_MAIL_RCPT_ALLOWFAILS, 1L);
	curl_easy_setopt(c, CURLOPT_UPLOAD, 1L);
	curl_easy_setopt(c, CURLOPT_UPLOAD_BUFFERSIZE, (long)UPLOAD_BLOCK);
	curl_easy_setopt(c, CURLOPT_INFILESIZE_LARGE, (curl_off_t)r->dialogue.plan.size);
	curl_easy_setopt(c, CURLOPT_READFUNCTION, on_read);
	curl_easy_setopt(c, CURLOPT_READDATA, r);
	curl_easy_setopt(c, CURLOPT_HEADERFUNCTION, on_line);
	curl_easy_setopt(c, CURLOPT_HEADERDATA, r);
	curl_easy_setopt(c, CURLOPT_WRITEFUNCTION, on_body);
	curl_easy_setopt(c, CURLOPT_NOPROGRESS, 0L);
	curl_easy_setopt(c, CURLOPT_XFERINFOFUNCTION, on_progress);
	curl_easy_setopt(c, CURLOPT_XFERINFODATA, r);
	return STATUS_OK;
}

static enum status
run_connect(struct run *r, struct error *e)
{
	const struct account *a = r->job->account;
	const struct reach where = { .host = a->server.host,
		.port = account_port(a),
		.limit = CONNECT_TIMEOUT,
		.stop = r->job->stop };
	enum status status = connection_open(&r->connection, &where, e);

	r->receipt->unreachable = status == STATUS_RETRY;
	r->began = r->moved = clock_seconds();
	return status;
}

static enum status
run_open(struct run *r, struct error *e)
{
	enum status status = run_connect(r, e);

	if (status)
		return status;
	r->transfer.multi = curl_multi_init();
	r->transfer.easy = curl_easy_init();
	if (!r->transfer.multi || !r->transfer.easy)
		return error_set(e, STATUS_RETRY, "libcurl could not be started");
	set_transport(r);
	status = connection_give(&r->connection, r->transfer.easy, e);
	return status ? status : set_message(r, e);
}

static void
run_close(struct run *r)
{
	connection_hang_up(
	    &r->connection, r->dialogue.stage == STAGE_DONE ? SHUT_RD : SHUT_RDWR);
	if (r->transfer.multi && r->transfer.easy)
		curl_multi_remove_handle(r->transfer.multi, r->transfer.easy);
	curl_easy_cleanup(r->transfer.easy);
	curl_multi_cleanup(r->transfer.multi);
	curl_slist_free_all(r->recipients);
	connection_close(&r->connection);
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
		{ CURLE_OPERATION_TIMEDOUT, STATUS_RETRY, "it does not answer" },
		{ CURLE_ABORTED_BY_CALLBACK, STATUS_RETRY, "it does not answer" },
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
		    "PLAIN, XOAUTH2, OAUTHBEARER)" },
		{ CURLE_SSL_CERTPROBLEM, STATUS_SETTINGS,
		    "the account's certificate_file and key_file cannot be used; they "
		    "have to be PEM, belong together, and have no passphrase" },
		{ CURLE_OUT_OF_MEMORY, STATUS_RETRY, "out of memory" },
		{ (CURLcode)LINE_TOO_LONG, STATUS_RETRY, "its answer has no end" },
	};
	const struct account *a = r->job->account;
	const char *text = "the connection broke off";
	enum status status = STATUS_RETRY;
	char clock[DISTRUST_ROOM];
	bool bare = transfer_blames_clock(clock, &r->transfer, code);

	for (size_t i = 0; i < sizeof(breaks) / sizeof(breaks[0]); i++)
		if (breaks[i].code == code) {
			text = breaks[i].text;
			status = breaks[i].status;
		}
	if (bare) {
		text = clock;
		status = STATUS_RETRY;
	}
	/* what libcurl says of our own watchdog tells nobody anything */
	if (bare || !r->detail[0] || code == CURLE_ABORTED_BY_CALLBACK)
		return error_set(
		    e, status, "%s:%u: %s", a->server.host, account_port(a), text);
	return error_set(e, status, "%s:%u: %s (%s)", a->server.host, account_port(a),
	    text, r->detail);
}

/* Why it was refused; with the recipient where it is about one. */
static enum status
explain_refusal(const struct run *r, struct error *e)
{
	const struct dialogue *d = &r->dialogue;
	const struct reply *last = dialogue_last_word(d);
	struct error why;
	enum status status = reply_explain(last, &why);
	bool one = last == &d->excuse;

	return error_set(e, status, "%s%s%s",
	    one ? r->job->recipients->item[d->excuse_of].address : "", one ? ": " : "",
	    why.text);
}

/* How it went, by what the server said last, or else by what broke. */
static enum status
judge(struct run *r, CURLcode code, struct error *e)
{
	if (r->dialogue.stage == STAGE_DONE)
		return STATUS_OK;
	if (r->broken)
		return error_set(e, r->broken, "%s", r->why.text);
	if (r->transfer.stopping && !r->dialogue.committed)
		return error_set(
		    e, STATUS_CANCELLED, "stopped before the message was sent");
	if (dialogue_refused(&r->dialogue))
		return explain_refusal(r, e);
	return explain_break(r, code, e);
}

enum status
submission_send(const struct submission *s, struct receipt *receipt, struct error *e)
{
	struct run r = { .job = s, .receipt = receipt, .transfer = { .stop = s->stop } };
	struct dialogue_plan plan = {
		.starttls =
		    s->account->tls == TLS_STARTTLS || s->account->tls == TLS_OPTIONAL,
		.optional = s->account->tls == TLS_OPTIONAL,
		.auth = s->account->auth != AUTH_NONE,
		.token = s->token,
		.recipients = s->recipients->count,
		.size = message_size(s->message),
	};
	enum status status;

	receipt_clear(receipt, plan.recipients);
	dialogue_init(&r.dialogue, &plan);
	message_rewind(s->message);
	status = run_open(&r, e);
	if (status == STATUS_OK) {
		CURLcode code = transfer_run(&r.transfer, given_up, &r);

		/* one more question in place of a yes: libcurl alone knows its turn */
		if (code == CURLE_LOGIN_DENIED && r.dialogue.reply.stage == STAGE_AUTH)
			r.dialogue.refused = true;
		status = judge(&r, code, e);
	}
	receipt_fill(receipt, &r.dialogue, status);
	run_close(&r);
	return status;
}
