/* dialogue: the client's view of an SMTP dialogue (dialogue.h). */
#include "lib/send/dialogue.h"

#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "lib/base/text.h"
#include "lib/send/replies.h"

enum {
	SERVICE_CLOSING =
	    421,         /* RFC 5321 4.2.3: it ends the connection, at any command */
	QUOTED_MAX = 80, /* bytes of a line that is no reply */
};

void
dialogue_init(struct dialogue *d, const struct dialogue_plan *plan)
{
	*d = (struct dialogue){ .plan = *plan, .stage = STAGE_GREETING };
}

/* The number of bytes of an enhanced status code (RFC 3463) at the start of text, or 0.
 */
static size_t
enhanced_length(const char *text, size_t len)
{
	size_t i = 0;

	if (len < 5 || !memchr("245", text[0], 3) || text[1] != '.')
		return 0;
	for (i = 2; i < len && isdigit((unsigned char)text[i]); i++)
		continue;
	if (i == 2 || i > 5 || i + 1 >= len || text[i] != '.' ||
	    !isdigit((unsigned char)text[i + 1]))
		return 0;
	for (i++; i < len && isdigit((unsigned char)text[i]); i++)
		continue;
	if (i < len && text[i] != ' ')
		return 0;
	return i < sizeof(((struct reply *)NULL)->enhanced) ? i : 0;
}

/* Joins one line's text to the reply; what has no room is left out. */
static void
add_text(struct reply *r, const char *text, size_t len)
{
	size_t used = strlen(r->text), code = enhanced_length(text, len);

	if (code) {
		memcpy(r->enhanced, text, code);
		r->enhanced[code] = '\0';
		text += code;
		len -= code;
	}
	while (len && *text == ' ') {
		text++;
		len--;
	}
	if (used && used + 1 < sizeof(r->text))
		r->text[used++] = ' ';
	if (len > sizeof(r->text) - 1 - used)
		len = sizeof(r->text) - 1 - used;
	for (size_t i = 0; i < len; i++)
		r->text[used + i] = text[i] ? text[i] : ' ';
	r->text[used + len] = '\0';
}

/* Whether len bytes of text are this word. */
static bool
is_word(const char *text, size_t len, const char *word)
{
	return len == strlen(word) && memcmp(text, word, len) == 0;
}

/* Whether a mechanism is one that the plan can use. */
static bool
is_usable(const struct dialogue *d, const char *text, size_t len)
{
	static const char *const usable[][2] = {
		{ "LOGIN", "PLAIN" },
		{ "XOAUTH2", "OAUTHBEARER" },
	};

	return is_word(text, len, usable[d->plan.token][0]) ||
	    is_word(text, len, usable[d->plan.token][1]);
}

static void
read_mechanisms(struct dialogue *d, const char *text, size_t len)
{
	size_t start = 0;

	while (start < len) {
		size_t end = start;

		while (end < len && text[end] != ' ')
			end++;
		if (is_usable(d, text + start, end - start))
			d->can_login = true;
		start = end + 1;
	}
}

static uint64_t
read_size(const char *text, size_t len)
{
	uint64_t size = 0;

	for (size_t i = 0; i < len && isdigit((unsigned char)text[i]); i++) {
		if (size > UINT64_MAX / 10 - 9)
			return 0;
		size = size * 10 + (uint64_t)(text[i] - '0');
	}
	return size;
}

/* One line of what EHLO offers. Keywords may come in either case (RFC 5321 2.4), yet
 * libcurl knows AUTH and its mechanisms in capitals alone: what it does not see it leaves
 * out, and goes on without signing in. */
static void
read_capability(struct dialogue *d, const char *text, size_t len)
{
	if (len > 5 && strncasecmp(text, "SIZE ", 5) == 0)
		d->size_limit = read_size(text + 5, len - 5);
	else if (len > 5 && memcmp(text, "AUTH ", 5) == 0)
		read_mechanisms(d, text + 5, len - 5);
	else if (len >= 8 && memcmp(text, "STARTTLS", 8) == 0)
		d->can_tls = true;
}

static enum status
over_size(const struct dialogue *d, struct error *e)
{
	char size[TEXT_SIZE_MAX], limit[TEXT_SIZE_MAX];

	text_size(size, d->plan.size, TEXT_UP);
	text_size(limit, d->size_limit, TEXT_DOWN);
	return error_set(e, STATUS_REFUSED,
	    "the message has %s as sent, and the server takes at most %s; print fewer "
	    "pages at a time or scan with a lower resolution",
	    size, limit);
}

/* After EHLO on the connection that will carry the message. */
static enum status
after_ehlo(struct dialogue *d, struct error *e)
{
	d->greeted = true;
	if (d->plan.auth && !d->can_login)
		return error_set(e, STATUS_SETTINGS,
		    "the server offers no sign-in with %s after TLS; check the account's "
		    "server and port, and its auth",
		    d->plan.token ? "an access token (AUTH XOAUTH2 or OAUTHBEARER)"
				  : "a password (AUTH LOGIN or PLAIN)");
	if (d->size_limit && d->plan.size > d->size_limit)
		return over_size(d, e);
	d->stage = d->plan.auth ? STAGE_AUTH : STAGE_MAIL;
	return STATUS_OK;
}

static enum status
on_ehlo(struct dialogue *d, struct error *e)
{
	bool clear =
	    d->plan.starttls && !d->encrypted && (d->can_tls || !d->plan.optional);

	if (d->reply.code / 100 == 2) {
		if (!clear)
			return after_ehlo(d, e);
		d->stage = STAGE_STARTTLS;
		return STATUS_OK;
	}
	/* libcurl would fall back to HELO and go on without signing in */
	return error_set(e, STATUS_RETRY, "the server refused EHLO: %d %s", d->reply.code,
	    d->reply.text);
}

static void
on_starttls(struct dialogue *d)
{
	if (d->reply.code != 220)
		return;
	/* what was said in clear text counts for nothing (RFC 3207 4.2) */
	d->encrypted = true;
	d->can_login = false;
	d->size_limit = 0;
	d->stage = STAGE_EHLO;
}

static enum status
on_auth(struct dialogue *d, struct error *e)
{
	if (d->reply.code == 235) {
		d->authenticated = true;
		d->stage = STAGE_MAIL;
		return STATUS_OK;
	}
	if (d->reply.code / 100 ==
	    2) /* the answer to another command: nobody signed in */
		return error_set(e, STATUS_SETTINGS,
		    "the server did not confirm the login (it said %d instead of 235)",
		    d->reply.code);
	if (d->reply.code == 334 && ++d->challenges > DIALOGUE_CHALLENGES_MAX)
		return error_set(
		    e, STATUS_RETRY, "the server asks without end while signing in");
	return STATUS_OK;
}

/* Keeps why a recipient is not taken. One that is put off says more than one that is
 * refused: the message is to be sent again. */
static void
keep_excuse(struct dialogue *d, enum verdict verdict)
{
	bool later = verdict == VERDICT_RECIPIENT_LATER;

	if (d->excuse.code && (d->put_off || !later))
		return;
	d->put_off = later;
	d->excuse = d->reply;
	d->excuse_of = d->recipients_answered;
}

/* What one recipient is told concerns it alone, or ends the dialogue. */
static void
on_rcpt(struct dialogue *d)
{
	enum verdict verdict = VERDICT_SENT;

	if (d->reply.code / 100 != 2)
		verdict = reply_classify(&d->reply).verdict;
	d->refused = verdict != VERDICT_SENT && verdict != VERDICT_RECIPIENT &&
	    verdict != VERDICT_RECIPIENT_LATER;
	if (d->refused)
		return;
	if (verdict == VERDICT_SENT)
		d->recipients_taken++;
	else
		keep_excuse(d, verdict);
	if (++d->recipients_answered < d->plan.recipients)
		return;
	d->refused = d->recipients_taken == 0;
	if (!d->refused)
		d->stage = STAGE_DATA;
}

/* Moves on after a whole reply. */
static enum status
on_reply(struct dialogue *d, struct error *e)
{
	bool yes = d->reply.code / 100 == 2;

	switch (d->stage) {
	case STAGE_GREETING:
		if (yes) /* libcurl says EHLO to any of them */
			d->stage = STAGE_EHLO;
		return STATUS_OK;
	case STAGE_EHLO: return on_ehlo(d, e);
	case STAGE_STARTTLS: on_starttls(d); return STATUS_OK;
	case STAGE_AUTH: return on_auth(d, e);
	case STAGE_MAIL:
		if (yes)
			d->stage = STAGE_RCPT;
		return STATUS_OK;
	case STAGE_RCPT: on_rcpt(d); return STATUS_OK;
	case STAGE_DATA:
		if (d->reply.code == 354)
			d->stage = STAGE_BODY;
		return STATUS_OK;
	case STAGE_BODY:
		if (yes)
			d->stage = STAGE_DONE;
		return STATUS_OK;
	case STAGE_DONE: return STATUS_OK;
	}
	return STATUS_OK;
}

/* Whether the dialogue can go on after this reply. */
static bool
goes_on(const struct reply *r)
{
	switch (r->stage) {
	case STAGE_STARTTLS: return r->code == 220;
	case STAGE_AUTH: return r->code == 235 || r->code == 334;
	case STAGE_DATA: return r->code == 354;
	default: return r->code / 100 == 2;
	}
}

static bool
is_reply_line(const char *line, size_t len)
{
	return len >= 3 && line[0] >= '2' && line[0] <= '5' &&
	    isdigit((unsigned char)line[1]) && isdigit((unsigned char)line[2]) &&
	    (len == 3 || line[3] == ' ' || line[3] == '-');
}

/* A line that is no reply. Once a password or token has been shown, a server may repeat
 * it in any form. */
static enum status
no_reply(const struct dialogue *d, const char *line, size_t len, struct error *e)
{
	if (d->plan.auth && d->stage >= STAGE_AUTH)
		return error_set(e, STATUS_RETRY,
		    "what the server answers to %s is no SMTP reply",
		    stage_name(d->stage));
	return error_set(e, STATUS_RETRY,
	    "what answers is not a submission server: it says \"%.*s\"",
	    len < QUOTED_MAX ? (int)len : QUOTED_MAX, line);
}

enum status
dialogue_line(struct dialogue *d, const char *line, size_t len, struct error *e)
{
	bool last;
	int code;

	if (d->stage == STAGE_DONE || d->refused)
		return STATUS_OK; /* the answer to QUIT */
	while (len && (line[len - 1] == '\n' || line[len - 1] == '\r'))
		len--;
	if (!is_reply_line(line, len))
		return no_reply(d, line, len, e);
	code = (line[0] - '0') * 100 + (line[1] - '0') * 10 + (line[2] - '0');
	last = len == 3 || line[3] == ' ';
	if (d->stage == STAGE_BODY && !d->committed)
		return error_set(e, STATUS_RETRY,
		    "the server answered the message before it had the whole of it");
	if (d->lines++ == 0)
		d->reply = (struct reply){ .stage = d->stage, .code = code };
	if (d->lines > REPLY_LINES_MAX)
		return error_set(e, STATUS_RETRY, "the server's answer to %s has no end",
		    stage_name(d->stage));
	d->reply.code = code;
	if (d->stage == STAGE_EHLO && code / 100 == 2 && len > 4)
		read_capability(d, line + 4, len - 4);
	else if (len > 4)
		add_text(&d->reply, line + 4, len - 4);
	if (!last)
		return STATUS_OK;
	d->lines = 0;
	d->refused = !goes_on(&d->reply);
	return on_reply(d, e);
}

bool
dialogue_refused(const struct dialogue *d)
{
	return d->refused;
}

const struct reply *
dialogue_last_word(const struct dialogue *d)
{
	bool none_taken = d->excuse.code && d->recipients_taken == 0 &&
	    d->recipients_answered == d->plan.recipients;

	return none_taken ? &d->excuse : &d->reply;
}
