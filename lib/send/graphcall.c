/* graphcall: one question to Microsoft Graph after another (graphcall.h). */
#include "lib/send/graphcall.h"

#include <ctype.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>

#include "lib/account/secret.h"
#include "lib/base/clock.h"

enum {
	FIELD_MAX = 128, /* bytes of a header field */
};

/* One exchange: what libcurl's callbacks are given. */
struct exchange {
	struct graphcall *g;
	const struct graphcall_question *q;
};

bool
graphcall_escape(struct buf *out, const char *text)
{
	for (; *text; text++)
		if (isascii((unsigned char)*text) &&
		    (isalnum((unsigned char)*text) || strchr("-._~", *text)))
			buf_putc(out, *text);
		else
			buf_printf(out, "%%%02X", (unsigned)(unsigned char)*text);
	return !out->over;
}

/* GRAPH_URL/me, or GRAPH_URL/users/NAME where nobody is signed in. */
static bool
write_base(char base[HTTP_URL_MAX], const struct account *a)
{
	size_t len = strlen(a->graph_url);
	struct buf out;
	bool fits;

	while (len > 0 && a->graph_url[len - 1] == '/')
		len--;
	buf_init(&out, HTTP_URL_MAX - 1);
	buf_add(&out, a->graph_url, len);
	buf_puts(&out, a->auth == AUTH_OAUTH_APP ? "/users/" : "/me");
	if (a->auth == AUTH_OAUTH_APP)
		graphcall_escape(&out, a->username);
	fits = !out.over;
	if (fits)
		memcpy(base, out.data, out.len + 1);
	buf_clear(&out);
	return fits;
}

enum status
graphcall_open(struct graphcall *g, const struct submission *s, struct receipt *receipt,
    struct error *e)
{
	const char *url = s->account->graph_url;
	char host[256];
	uint16_t port;
	enum status status;

	memset(g, 0, sizeof(*g));
	g->job = s;
	g->receipt = receipt;
	g->began = clock_seconds();
	http_answer_init(&g->answer);
	if (!http_host(host, sizeof(host), &port, url) || strpbrk(url, "?#") ||
	    !write_base(g->base, s->account)) {
		receipt->verdict = VERDICT_SETTINGS;
		return error_set(e, STATUS_SETTINGS,
		    "the account's graph_url is not the https address of a service: "
		    "%.200s",
		    url);
	}
	status = http_open(&g->http, s->account->ca_file, s->stop, e);
	if (status == STATUS_SETTINGS)
		receipt->verdict = VERDICT_SETTINGS;
	return status;
}

void
graphcall_close(struct graphcall *g)
{
	object_free(g->said);
	http_answer_clear(&g->answer);
	http_close(g->http);
}

enum status
graphcall_ignore_stop(struct graphcall *g, struct error *e)
{
	http_close(g->http);
	g->http = NULL;
	return http_open(&g->http, g->job->account->ca_file, -1, e);
}

/* -- the request --------------------------------------------------------------------- */

/* Before the token is accepted nothing counts as more than a login: what follows it is
 * taken for proof that it was good. */
static void
tell(struct graphcall *g, uint64_t more)
{
	const struct submission *s = g->job;
	double part = g->whole ? (double)(g->done + more) / (double)g->whole : 0;
	uint64_t size = message_size(s->message);
	uint64_t sent = part < 1 ? (uint64_t)((double)size * part) : size;

	if (s->watch && g->accepted)
		s->watch(s->context, STAGE_BODY, sent);
	else if (s->watch)
		s->watch(s->context, STAGE_AUTH, 0);
}

static void
on_watch(void *context, uint64_t sent)
{
	const struct exchange *x = context;
	const struct graphbody *b = x->q->body;

	if (b) /* base64 has four bytes for three */
		tell(x->g,
		    (uint64_t)((double)b->size *
			((double)sent / (double)graphbody_size(b))));
}

static ssize_t
on_read(void *context, char *bytes, size_t len)
{
	const struct exchange *x = context;

	return graphbody_read(x->q->body, bytes, len);
}

/* A message that is refused in one form and goes on in another has one commit point. */
static bool
on_commit(void *context)
{
	struct graphcall *g = ((const struct exchange *)context)->g;
	const struct submission *s = g->job;

	if (!g->committed)
		g->committed = !s->commit || s->commit(s->context);
	return g->committed;
}

static enum status
exchange(struct graphcall *g, const struct graphcall_question *q, struct error *e)
{
	struct exchange x = { .g = g, .q = q };
	char url[HTTP_URL_MAX], range[FIELD_MAX];
	const char *fields[] = { "Prefer: IdType=\"ImmutableId\"", NULL, NULL };
	bool upload = q->deed == GRAPH_UPLOADING;
	struct http_request request = {
		.method = q->method,
		.url = url,
		.bearer = upload ? NULL : g->job->token,
		.type = q->type,
		.fields = fields,
		.bytes = q->text,
		.size = q->body ? graphbody_size(q->body)
		    : q->text   ? strlen(q->text)
				: 0,
		.read = q->body ? on_read : NULL,
		.commit = q->commits ? on_commit : NULL,
		.watch = on_watch,
		.context = &x,
		.patience = submission_patience(STAGE_BODY, q->commits),
	};
	int len = snprintf(url, sizeof(url), "%s%s", upload ? "" : g->base, q->path);
	enum status status;

	if (len < 0 || (size_t)len >= sizeof(url))
		return error_set(e, STATUS_RETRY,
		    "Microsoft Graph gave an address of more than %d bytes",
		    HTTP_URL_MAX);
	if (upload)
		fields[0] = NULL;
	if (q->range) {
		snprintf(range, sizeof(range), "Content-Range: %s", q->range);
		fields[fields[0] ? 1 : 0] = range;
	}
	status = http_exchange(g->http, &request, &g->answer, e);
	if (upload)
		explicit_bzero(url, sizeof(url)); /* who has it may write there */
	return status;
}

/* -- the answer ---------------------------------------------------------------------- */

const char *
graphcall_error(const struct graphcall *g)
{
	const char *error = g->said ? object_text(g->said, "error.code") : NULL;

	return error ? error : "";
}

static bool
is_good(const struct graphcall *g, const struct graphcall_question *q)
{
	return g->answer.code &&
	    (g->answer.code == q->good[0] || g->answer.code == q->good[1]);
}

/* The service's words, unless they repeat what nobody may see. */
static const char *
words(const struct graphcall *g, const struct graphcall_question *q)
{
	const char *text = g->said ? object_text(g->said, "error.message") : NULL;
	const char *hidden = q->deed == GRAPH_UPLOADING ? q->path
	    : g->job->token                             ? g->job->token
							: "";

	if (text && secret_part_is_in(text, hidden))
		return "(its text is left out, as it repeats the token)";
	return text;
}

/* A gateway's answer says nothing of what the service behind it did. */
static bool
is_gateway(const struct graphcall *g)
{
	return g->answer.code == 502 || g->answer.code == 504 ||
	    (g->answer.code >= 500 && !*graphcall_error(g));
}

/* What an answer with another code than hoped for means. */
static enum status
refuse(struct graphcall *g, const struct graphcall_question *q, struct error *e)
{
	const char *request =
	    g->said ? object_text(g->said, "error.innerError.request-id") : NULL;
	const struct graph_refusal refusal = {
		.deed = q->deed,
		.code = g->answer.code,
		.error = graphcall_error(g),
		.message = words(g, q),
		.request = g->answer.request_id[0] ? g->answer.request_id : request,
	};

	graph_reply(&g->receipt->reply, &refusal);
	g->receipt->verdict = graph_classify(&refusal).verdict;
	g->receipt->retry_after = g->answer.retry_after;
	return graph_explain(&refusal, e);
}

/* Whether the answer shows that the token was looked at, and is good. */
static void
note_login(struct graphcall *g, const struct graphcall_question *q)
{
	const struct submission *s = g->job;
	int code = g->answer.code;

	if (g->accepted || q->deed == GRAPH_UPLOADING || code < 200 || code >= 500 ||
	    code == 401 || code == 407 || code == 429)
		return;
	g->accepted = true;
	if (s->watch)
		s->watch(s->context, STAGE_MAIL, 0);
}

/* Forgets the last question. */
static void
begin(struct graphcall *g)
{
	struct receipt *r = g->receipt;

	object_free(g->said);
	g->said = NULL;
	http_answer_clear(&g->answer);
	http_answer_init(&g->answer);
	r->reply = (struct reply){ .stage = STAGE_GREETING };
	r->verdict = VERDICT_WAIT;
	r->retry_after = -1;
	r->unreachable = false;
}

/* What it means that no answer came. */
static enum status
unanswered(struct graphcall *g, const struct graphcall_question *q, enum status status)
{
	bool committed = q->commits && g->answer.committed;

	g->answer.code = 0;
	g->uncertain = g->uncertain || committed;
	if (status == STATUS_SETTINGS)
		g->receipt->verdict = VERDICT_SETTINGS;
	return committed && status == STATUS_CANCELLED ? STATUS_RETRY : status;
}

enum status
graphcall_ask(struct graphcall *g, const struct graphcall_question *q, struct error *e)
{
	enum status status;

	begin(g);
	if (clock_seconds() - g->began >= SUBMISSION_LONGEST)
		return error_set(e, STATUS_RETRY,
		    "Microsoft Graph had not taken the message after two hours: the "
		    "connection is too slow for it");
	status = exchange(g, q, e);
	g->receipt->unreachable = g->answer.unreachable;
	/* a yes counts, also one whose empty rest got lost */
	if (status != STATUS_OK && !(q->commits && is_good(g, q)))
		return unanswered(g, q, status);
	g->said = object_read(buf_text(&g->answer.body), g->answer.body.len);
	note_login(g, q);
	if (q->commits && g->answer.committed && is_gateway(g))
		g->uncertain = true;
	if (!is_good(g, q))
		return refuse(g, q, e);
	if (q->list && g->answer.code == q->good[0] &&
	    (!g->said || !object_is_list(g->said, q->list))) {
		g->answer.code = 0;
		return error_set(e, STATUS_RETRY,
		    "what Microsoft Graph answered cannot be understood");
	}
	if (q->body)
		g->done += q->body->size;
	return STATUS_OK;
}

bool
graphcall_pause(const struct graphcall *g)
{
	struct pollfd stop = { .fd = g->job->stop, .events = POLLIN };
	int64_t seconds = g->answer.retry_after;

	if (seconds > GRAPH_PAUSE_MAX)
		return false;
	if (seconds > 0)
		poll(&stop, 1, (int)seconds * 1000);
	return true;
}
