/* stack: fronts and backs, their order, and what is odd about them (stack.h). */
#include "scan2mail/stack.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { ROOM_FIRST = 64 };

void
stack_init(struct stack *s, int backs)
{
	*s = (struct stack){ .backs = backs };
}

void
stack_clear(struct stack *s)
{
	free(s->order);
	stack_init(s, s->backs);
}

bool
stack_is_back(const struct stack *s)
{
	if (s->backs != BACKS_NONE)
		return s->second;
	return s->duplex && (s->pages - s->start) % 2 == 1;
}

enum status
stack_reserve(struct stack *s, struct error *e)
{
	unsigned room = s->room ? s->room * 2 : ROOM_FIRST, *order;

	if (s->pages == s->room) {
		order = realloc(s->order, room * sizeof(*order));
		if (!order)
			return error_errno(e, "no more pages can be counted");
		s->order = order;
		s->room = room;
	}
	return STATUS_OK;
}

void
stack_add(struct stack *s)
{
	s->order[s->pages] = s->pages;
	s->pages++;
}

bool
stack_begun(const struct stack *s)
{
	return s->pages - s->start > (s->second ? s->fronts : 0);
}

bool
stack_wants_backs(const struct stack *s)
{
	/* Once more when there was no sheet in the feeder. */
	return s->backs != BACKS_NONE && s->second != stack_begun(s);
}

void
stack_collate(unsigned *out, unsigned first, unsigned fronts, unsigned count, int backs)
{
	unsigned late = backs == BACKS_REVERSED && count < fronts ? fronts - count : 0;
	unsigned pairs = count < fronts ? count : fronts, next = first + fronts;

	for (unsigned sheet = 0; sheet < fronts; sheet++) {
		unsigned back = sheet - late; /* counted from the first that has one */

		*out++ = first + sheet;
		if (sheet < late || back >= pairs)
			continue;
		*out++ = backs == BACKS_REVERSED ? next + pairs - 1 - back : next + back;
	}
	for (unsigned back = pairs; back < count; back++)
		*out++ = next + back;
}

/* Appends to the remark, as far as there is room. */
static void __attribute__((format(printf, 2, 3)))
add_remark(struct stack *s, const char *format, ...)
{
	size_t len = strlen(s->remark), room = sizeof(s->remark) - len, lead;
	char *end = s->remark + len;
	va_list args;

	lead = len ? strlen("; ") : 0;
	if (lead >= room)
		return;
	memcpy(end, "; ", lead);
	va_start(args, format);
	if ((size_t)vsnprintf(end + lead, room - lead, format, args) >= room - lead)
		*end = '\0'; /* nothing of what does not fit */
	va_end(args);
}

static void
settle_backs(struct stack *s)
{
	unsigned count = s->pages - s->start - s->fronts;

	stack_collate(s->order + s->start, s->start, s->fronts, count, s->backs);
	if (count != s->fronts)
		add_remark(s, "%u front%s and %u back%s", s->fronts,
		    s->fronts == 1 ? "" : "s", count, count == 1 ? "" : "s");
}

static void
settle_duplex(struct stack *s)
{
	unsigned count = s->pages - s->start;
	char which[32] = "";

	if (s->number > 0)
		snprintf(which, sizeof(which), "stack %u: ", s->number + 1);
	if (count % 2 == 1)
		add_remark(s,
		    "%s%u page%s from both sides of sheets: an odd number, one side may "
		    "be missing",
		    which, count, count == 1 ? "" : "s");
}

void
stack_end(struct stack *s, bool broken)
{
	if (s->second)
		settle_backs(s);
	else if (s->duplex && s->backs == BACKS_NONE && !broken)
		settle_duplex(s);
	if (s->pages > s->start)
		s->number++;
	s->start = s->pages;
	s->fronts = 0;
	s->second = false;
}

void
stack_next(struct stack *s)
{
	if (!stack_wants_backs(s)) {
		stack_end(s, false);
	} else if (!s->second) {
		s->second = true;
		s->fronts = s->pages - s->start;
	}
}

void
stack_fault(char *out, unsigned size, const char *words, unsigned pages)
{
	snprintf(out, size, "%s after page %u: %u page%s attached", words, pages, pages,
	    pages == 1 ? "" : "s");
}
