/*
 * parts: the messages that carry a job (parts.h).
 *
 *	whole ──fits───────────────────────────────────────────► one message
 *	  │ shrink: all documents at each resolution; the first that fits ──►
 *	  │ split:  documents and pieces of documents ──► several messages
 *	  ▼
 *	refused
 *
 * Inside this file STATUS_INVALID says "still too large", with a reason for the refusal.
 */
#include "backend/parts.h"

#include <stdbool.h>
#include <stdlib.h>

#include "backend/pieces.h"
#include "backend/version.h"
#include "lib/base/text.h"
#include "lib/doc/pdfshrink.h"

/* Dots per inch, in the order they are tried: as good as may be. */
static const unsigned resolutions[] = { 200, 150, 100 };
enum {
	RESOLUTIONS = sizeof(resolutions) / sizeof(resolutions[0]),
};

struct parts {
	const struct parts_rule *rule; /* while they are made */
	struct letter whole;
	uint64_t size; /* of the whole, as sent */
	struct version original, smaller[RESOLUTIONS];
	bool may_split; /* a step that splits has come */
	const struct version *chosen;
	struct pieces *pieces; /* NULL: one message has all that was chosen */
};

/* -- the steps ------------------------------ */

/* Takes a version as one message, if it fits. */
static enum status
take_whole(struct parts *p, const struct version *v, struct error *e)
{
	struct letter letter = p->whole;
	enum status status;
	uint64_t size;

	letter.documents = &v->documents;
	status = compose_size(&size, &letter, e);
	if (status)
		return status;
	if (v == &p->original)
		p->size = size;
	if (size > p->rule->limit)
		return error_set(e, STATUS_INVALID, "it is too large for one message");
	p->chosen = v;
	return STATUS_OK;
}

/* Makes several messages of a version. */
static enum status
split(struct parts *p, struct version *v, struct error *e)
{
	enum status status = pieces_make(&p->pieces, v, &p->whole, p->rule->limit, e);

	if (status == STATUS_OK)
		p->chosen = v;
	return status;
}

/* Divides what shrinking left: of the highest resolution whose pages fit, since where
 * several messages are needed anyway, a few more cost the reader less than what he cannot
 * read. */
static enum status
step_split(struct parts *p, struct error *e)
{
	enum status status = STATUS_INVALID;
	bool shrunk = false;

	p->may_split = true;
	for (size_t i = 0; status == STATUS_INVALID && i < RESOLUTIONS; i++) {
		if (p->smaller[i].resolution == 0)
			continue;
		shrunk = true;
		status = split(p, &p->smaller[i], e);
	}
	return shrunk ? status : split(p, &p->original, e);
}

/* Tries one resolution: as one message, and in several where splitting alone was not
 * enough before. */
static enum status
try_resolution(struct parts *p, struct version *v, unsigned resolution, struct error *e)
{
	enum status status = version_shrink(v, &p->original, resolution, e);

	if (status)
		return status;
	if (v->resolution == 0)
		return error_set(e, STATUS_INVALID, "its images cannot be made smaller");
	status = take_whole(p, v, e);
	if (status == STATUS_INVALID && p->may_split)
		status = split(p, v, e);
	return status;
}

static enum status
step_shrink(struct parts *p, struct error *e)
{
	enum status status = STATUS_INVALID;

	if (!pdf_can_shrink())
		return error_set(e, STATUS_INVALID,
		    "its images cannot be made smaller without the package ghostscript");
	for (size_t i = 0; status == STATUS_INVALID && i < RESOLUTIONS; i++)
		status = try_resolution(p, &p->smaller[i], resolutions[i], e);
	return status;
}

/* The sentence for what cannot be sent, with the reason of the last step. */
static enum status
refuse(const struct parts *p, const struct error *why, struct error *e)
{
	const struct account *a = p->whole.route->account;
	bool own = p->rule->limit == a->max_message_size;
	char size[TEXT_SIZE_MAX], limit[TEXT_SIZE_MAX];

	text_size(size, p->size, TEXT_UP);
	text_size(limit, p->rule->limit, TEXT_DOWN);
	return error_set(e, STATUS_REFUSED,
	    "the message has %s as sent, and %s %s allows %s%s (%s); print fewer pages "
	    "at a time or scan with a lower resolution",
	    size, own ? "account" : "the server of account", a->name, limit,
	    own ? " by max_message_size" : "", why->text);
}

/* Takes the steps until one does it. */
static enum status
make(struct parts *p, struct error *e)
{
	const struct oversize *steps = p->rule->oversize;
	struct error why = { "" };
	enum status status = take_whole(p, &p->original, &why);

	for (size_t i = 0; status == STATUS_INVALID && i < steps->count; i++) {
		if (steps->step[i] == OVERSIZE_REFUSE)
			break;
		if (steps->step[i] == OVERSIZE_SHRINK)
			status = step_shrink(p, &why);
		else
			status = step_split(p, &why);
	}
	if (status == STATUS_INVALID)
		return refuse(p, &why, e);
	return status ? error_set(e, status, "%s", why.text) : STATUS_OK;
}

/* The sentence for a job of which some messages may have arrived already. */
static enum status
hold(const struct parts *p, struct error *e)
{
	const struct parts_rule *r = p->rule;

	if (r->resolution && !pdf_can_shrink())
		return error_set(e, STATUS_HOLD,
		    "an earlier attempt made the images of this job smaller, and the "
		    "package ghostscript is missing now; install it and release the job");
	return error_set(e, STATUS_HOLD,
	    "an earlier attempt began to send this job as %u message%s, and now it would "
	    "be divided otherwise; see in Sent Items or at the recipients what arrived, "
	    "cancel this job, and print what is missing",
	    r->parts, r->parts == 1 ? "" : "s");
}

/* Makes again what an earlier attempt chose, whatever the steps are now. */
static enum status
repeat(struct parts *p, struct error *e)
{
	const struct parts_rule *r = p->rule;
	struct version *v = &p->original;
	enum status status = STATUS_OK;

	if (r->resolution) {
		v = &p->smaller[0];
		status = version_shrink(v, &p->original, r->resolution, e);
		if (status == STATUS_OK && v->resolution == 0)
			return hold(p, e);
	}
	if (status == STATUS_OK)
		status = take_whole(p, v, e);
	if (status == STATUS_INVALID && r->parts > 1)
		status = split(p, v, e);
	if (status == STATUS_INVALID ||
	    (status == STATUS_OK && parts_count(p) != r->parts))
		return hold(p, e);
	return status;
}

enum status
parts_make(struct parts **out, const struct letter *whole, const struct parts_rule *rule,
    struct error *e)
{
	struct parts *p = calloc(1, sizeof(*p));
	enum status status;

	if (!p)
		return error_set(e, STATUS_RETRY, "out of memory");
	p->rule = rule;
	p->whole = *whole;
	p->whole.title = whole->documents->item[0].filename;
	p->whole.part = p->whole.parts = 1;
	version_init(&p->original, whole->documents, rule->tmpdir, rule->stop);
	status = rule->parts ? repeat(p, e) : make(p, e);
	if (status)
		parts_free(p);
	else
		*out = p;
	return status;
}

void
parts_free(struct parts *p)
{
	if (!p)
		return;
	pieces_free(p->pieces);
	for (size_t i = 0; i < RESOLUTIONS; i++)
		version_clear(&p->smaller[i]);
	version_clear(&p->original);
	free(p);
}

unsigned
parts_count(const struct parts *p)
{
	return p->pieces ? pieces_messages(p->pieces) : 1;
}

unsigned
parts_resolution(const struct parts *p)
{
	return p->chosen->resolution;
}

struct letter
parts_letter(const struct parts *p, unsigned part)
{
	struct letter letter = p->whole;

	letter.documents =
	    p->pieces ? pieces_documents(p->pieces, part) : &p->chosen->documents;
	letter.part = part;
	letter.parts = parts_count(p);
	return letter;
}
