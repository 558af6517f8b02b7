/* progress: what the lines of a job's journal mean (progress.h). */
#include "lib/send/progress.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/seal.h"
#include "lib/base/text.h"
#include "lib/send/roster.h"

enum {
	VERSION = 1, /* of the format */
};

struct part {
	bool sent;
	bool open;  /* there is an intent, and no outcome so far */
	bool doubt; /* an earlier intent never got one */
	char text[JOURNAL_TEXT_MAX];
	struct roster roster;
};

struct progress {
	bool begun;     /* the first line was read */
	bool doubt;     /* about every part */
	bool held;      /* for all doubt but that of intents still open */
	bool no_memory; /* something could not be kept */
	struct part *part[JOURNAL_PARTS_MAX];
	struct journal_summary summary;
};

/* -- what a line means --------------------------------------------------------------- */

/* Cuts the next word off *s. */
static bool
next_word(const char **s, char word[ROSTER_WORD_MAX])
{
	size_t len = strcspn(*s, " ");

	if (len == 0 || len >= ROSTER_WORD_MAX)
		return false;
	memcpy(word, *s, len);
	word[len] = '\0';
	*s += len + ((*s)[len] == ' ');
	return true;
}

static bool
next_number(const char **s, uint64_t most, uint64_t *out)
{
	char word[ROSTER_WORD_MAX];
	uint64_t value;

	if (!next_word(s, word) || word[strspn(word, "0123456789")])
		return false;
	errno = 0;
	value = strtoull(word, NULL, 10);
	if (errno || value > most)
		return false;
	*out = value;
	return true;
}

/* The part that stands next in *s; NULL when the plan has none such. */
static struct part *
next_part(struct progress *g, const char **s)
{
	struct part **p;
	uint64_t number;

	if (!next_number(s, g->summary.plan.parts, &number) || number == 0)
		return NULL;
	p = &g->part[number - 1];
	if (!*p)
		*p = calloc(1, sizeof(**p));
	if (!*p)
		g->no_memory = true;
	return *p;
}

static void
copy_text(char out[JOURNAL_TEXT_MAX], const char *text)
{
	size_t len = text_cut(text, JOURNAL_TEXT_MAX - 1);

	memcpy(out, text, len);
	out[len] = '\0';
}

static void
free_part(struct part *p)
{
	if (p)
		roster_clear(&p->roster);
	free(p);
}

/* Any part may have arrived; what no outcome settled may stand on either side. */
static void
doubt_all(struct progress *g)
{
	g->doubt = true;
	g->held = false;
	for (size_t i = 0; i < g->summary.plan.parts; i++)
		if (g->part[i])
			roster_drop(&g->part[i]->roster);
}

/* An intent that is open gets no outcome any more: its message may have arrived. */
static void
doubt_open(struct progress *g, struct part *p)
{
	if (!p->open)
		return;
	p->open = false;
	p->doubt = true;
	g->held = false;
}

/* The age at a moment behind the last one. A journal has too few lines for a sum that
 * leaves the range. */
static int64_t
age_at(const struct journal_summary *s, const struct moment *m)
{
	const int64_t most = (int64_t)JOURNAL_SPAN_MAX * 1000;
	int64_t span = s->last.name[0] ? moment_since(&s->last, m) : 0;

	return s->age + (span < most ? span : most);
}

static void
pass_time(struct journal_summary *s, const struct moment *m)
{
	s->age = age_at(s, m);
	s->last = *m;
}

bool
progress_birth(struct progress_birth *out, const char *line)
{
	struct progress_birth b = { 0 };
	char word[ROSTER_WORD_MAX];
	uint64_t version;

	if (!next_word(&line, word) || strcmp(word, "job") != 0 ||
	    !next_number(&line, UINT32_MAX, &version))
		return false;
	b.known = version == VERSION;
	if (b.known &&
	    (!next_word(&line, word) || strlen(word) >= sizeof(b.job) ||
		!moment_read(&b.moment, line, &line) || *line))
		return false;
	memcpy(b.job, word, b.known ? strlen(word) : 0);
	*out = b;
	return true;
}

static bool
take_birth(struct progress *g, const char *line)
{
	struct progress_birth b;

	if (!progress_birth(&b, line) || !b.known)
		return false;
	g->summary.first = b.moment;
	pass_time(&g->summary, &b.moment);
	return true;
}

static bool
take_doubt(struct progress *g, const char *s)
{
	if (*s)
		return false;
	doubt_all(g);
	return true;
}

static bool
take_try(struct progress *g, const char *s)
{
	struct journal_summary *sum = &g->summary;
	struct moment m;

	if (!moment_read(&m, s, &s) || *s)
		return false;
	pass_time(sum, &m);
	sum->attempts++;
	sum->wait = (struct moment){ 0 };
	sum->wait_number = 0;
	sum->wait_network = false;
	sum->wait_text[0] = '\0';
	for (size_t i = 0; i < sum->plan.parts; i++)
		if (g->part[i]) {
			doubt_open(g, g->part[i]);
			roster_drop(&g->part[i]->roster);
		}
	return true;
}

static bool
is_same_plan(const struct journal_plan *a, const struct journal_plan *b)
{
	return a->parts == b->parts && a->limit == b->limit &&
	    a->resolution == b->resolution;
}

static bool
take_plan(struct progress *g, const char *s)
{
	struct journal_plan *plan = &g->summary.plan, next;
	uint64_t parts, resolution;

	if (!next_number(&s, JOURNAL_PARTS_MAX, &parts) || parts == 0 ||
	    !next_number(&s, UINT64_MAX, &next.limit) ||
	    !next_number(&s, UINT32_MAX, &resolution) || *s)
		return false;
	next.parts = (unsigned)parts;
	next.resolution = (unsigned)resolution;
	if (is_same_plan(plan, &next))
		return true;
	for (size_t i = 0; i < plan->parts; i++) {
		struct part *p = g->part[i];

		if (p && (p->sent || p->open || p->doubt))
			doubt_all(g);
		free_part(p);
		g->part[i] = NULL;
	}
	*plan = next;
	return true;
}

static bool
take_intent(struct progress *g, const char *s)
{
	struct part *p = next_part(g, &s);

	if (!p || *s)
		return false;
	doubt_open(g, p);
	p->open = true;
	roster_drop(&p->roster);
	return true;
}

static bool
take_recipient(struct progress *g, const char *s, enum journal_recipient state)
{
	struct part *p = next_part(g, &s);
	char address[ROSTER_WORD_MAX];
	struct roster_entry entry = { .state = state, .address = address };

	if (!p || !next_word(&s, address) || !roster_decode(address))
		return false;
	if (state == RECIPIENT_HAS_IT && *s)
		return false;
	entry.text = (char *)s; /* only read */
	if (!roster_add(&p->roster, &entry))
		g->no_memory = true;
	return true;
}

static bool
take_refused(struct progress *g, const char *s)
{
	return take_recipient(g, s, RECIPIENT_WAS_REFUSED);
}

static bool
take_taken(struct progress *g, const char *s)
{
	return take_recipient(g, s, RECIPIENT_HAS_IT);
}

static bool
take_outcome(struct progress *g, const char *s)
{
	struct part *p = next_part(g, &s);
	char word[ROSTER_WORD_MAX];
	bool sent;

	if (!p || !next_word(&s, word))
		return false;
	sent = strcmp(word, "sent") == 0;
	if (!sent && strcmp(word, "no") != 0)
		return false;
	p->open = false;
	p->sent |= sent;
	copy_text(p->text, s);
	roster_settle(&p->roster, sent);
	return true;
}

static bool
take_wait(struct progress *g, const char *s)
{
	struct journal_summary *sum = &g->summary;
	struct moment until;
	uint64_t number;
	char word[ROSTER_WORD_MAX];
	bool network;

	if (!moment_read(&until, s, &s) || !next_number(&s, UINT64_MAX, &number) ||
	    !next_word(&s, word))
		return false;
	network = strcmp(word, "network") == 0;
	if (!network && strcmp(word, "time") != 0)
		return false;
	sum->wait = until;
	sum->wait_number = number;
	sum->wait_network = network;
	copy_text(sum->wait_text, s);
	return true;
}

static bool
take_held(struct progress *g, const char *s)
{
	if (*s)
		return false;
	for (size_t i = 0; i < g->summary.plan.parts; i++)
		if (g->part[i])
			doubt_open(g, g->part[i]);
	g->held = true;
	return true;
}

static bool
take_held_partial(struct progress *g, const char *s)
{
	if (*s)
		return false;
	g->summary.held_partial = true;
	return true;
}

const char *const progress_ends[] = {
	[JOURNAL_REFUSED] = "refused",
	[JOURNAL_GIVEN_UP] = "given-up",
};

static bool
take_verdict(struct progress *g, const char *s)
{
	char word[ROSTER_WORD_MAX];

	if (!next_word(&s, word))
		return false;
	for (unsigned end = JOURNAL_REFUSED; end <= JOURNAL_GIVEN_UP; end++)
		if (strcmp(word, progress_ends[end]) == 0) {
			g->summary.end = (enum journal_end)end;
			copy_text(g->summary.end_text, s);
			return true;
		}
	return false;
}

static bool *
find_notice(struct journal_summary *s, const char *kind)
{
	const struct {
		const char *kind;
		bool *noticed;
	} notices[] = {
		{ "delay", &s->noticed_delay },
		{ "end", &s->noticed_end },
		{ "held", &s->noticed_held },
	};

	for (size_t i = 0; i < sizeof(notices) / sizeof(notices[0]); i++)
		if (strcmp(kind, notices[i].kind) == 0)
			return notices[i].noticed;
	return NULL;
}

static bool
set_notice(struct progress *g, const char *kind, bool value)
{
	bool *noticed = find_notice(&g->summary, kind);

	if (noticed)
		*noticed = value;
	return noticed;
}

static bool
take_notice(struct progress *g, const char *s)
{
	return set_notice(g, s, true);
}

static bool
take_notice_back(struct progress *g, const char *s)
{
	return set_notice(g, s, false);
}

static bool
take_put_off(struct progress *g, const char *s)
{
	struct moment *since = &g->summary.put_off, m = { 0 };

	if (strcmp(s, "-") == 0) {
		*since = m;
		return true;
	}
	if (!moment_read(&m, s, &s) || *s)
		return false;
	if (!since->name[0])
		*since = m;
	return true;
}

/* Adds what a line says. False when it means nothing. */
static bool
understand(struct progress *g, const char *line)
{
	static const struct {
		const char *word;
		bool (*take)(struct progress *g, const char *rest);
	} kinds[] = {
		{ "doubt", take_doubt },
		{ "try", take_try },
		{ "plan", take_plan },
		{ "intent", take_intent },
		{ "refused", take_refused },
		{ "taken", take_taken },
		{ "outcome", take_outcome },
		{ "wait", take_wait },
		{ "held", take_held },
		{ "held-partial", take_held_partial },
		{ "verdict", take_verdict },
		{ "notice", take_notice },
		{ "notice-back", take_notice_back },
		{ "put-off", take_put_off },
	};
	char word[ROSTER_WORD_MAX];

	if (!g->begun) {
		g->begun = true;
		return take_birth(g, line);
	}
	if (!next_word(&line, word))
		return false;
	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++)
		if (strcmp(word, kinds[i].word) == 0)
			return kinds[i].take(g, line);
	return false;
}

/* Whether any part is in doubt, and was held for that. */
static void
conclude(struct progress *g)
{
	bool open = false, doubt = g->doubt;

	for (size_t i = 0; i < g->summary.plan.parts; i++) {
		const struct part *p = g->part[i];

		open |= p && p->open;
		doubt |= p && p->doubt;
	}
	g->summary.uncertain = open || doubt;
	g->summary.held = g->held && !open;
}

struct progress *
progress_new(void)
{
	return calloc(1, sizeof(struct progress));
}

void
progress_free(struct progress *g)
{
	if (!g)
		return;
	for (size_t i = 0; i < JOURNAL_PARTS_MAX; i++)
		free_part(g->part[i]);
	free(g);
}

bool
progress_read(struct progress *g, char *bytes, size_t len, struct progress_found *found)
{
	struct progress_found f = { 0 };
	char *cursor = bytes;
	const char *text;

	for (;;) {
		switch (seal_next(&cursor, bytes + len, &text)) {
		case SEAL_LINE:
			if (understand(g, text))
				break;
			/* fallthrough */
		case SEAL_DAMAGED:
			g->begun = true;
			f.damaged = true;
			doubt_all(g);
			break;
		case SEAL_TORN:
		case SEAL_END:
			conclude(g);
			*found = f;
			return !g->no_memory;
		}
		f.whole = (size_t)(cursor - bytes);
	}
}

/* -- what they tell ------------------------------------------------------------------ */

const struct journal_summary *
progress_summary(const struct progress *g)
{
	return &g->summary;
}

int64_t
progress_age(const struct progress *g, const struct moment *now)
{
	return age_at(&g->summary, now);
}

const bool *
progress_notice(struct progress *g, const char *kind)
{
	return find_notice(&g->summary, kind);
}

static const struct part *
find_part(const struct progress *g, unsigned part)
{
	return part > 0 && part <= g->summary.plan.parts ? g->part[part - 1] : NULL;
}

struct journal_part
progress_part(const struct progress *g, unsigned part)
{
	const struct part *p = find_part(g, part);
	struct journal_part known = { .uncertain = g->doubt };

	if (p) {
		known.sent = p->sent;
		known.uncertain |= p->open || p->doubt;
		copy_text(known.text, p->text);
	}
	return known;
}

enum journal_recipient
progress_recipient(
    const struct progress *g, unsigned part, const char *address, char *text)
{
	const struct part *p = find_part(g, part);
	const struct roster_entry *entry = p ? roster_find(&p->roster, address) : NULL;

	if (entry && text && entry->state == RECIPIENT_WAS_REFUSED)
		copy_text(text, entry->text);
	return entry ? entry->state : RECIPIENT_IS_OPEN;
}
