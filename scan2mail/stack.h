/*
 * stack: which page is a front and which a back, in what order they belong, and what is
 * odd about their number. Pure.
 *
 * Pages are numbered from 0 as they are scanned. Without backs each stack follows the one
 * before. With backs, stacks come in pairs: the fronts of some sheets, then their backs.
 */
#ifndef POSTROOM_STACK_H
#define POSTROOM_STACK_H

#include <stdbool.h>

#include "lib/base/status.h"
#include "scan2mail/request.h"

enum {
	STACK_REMARK_MAX = 256, /* bytes */
};

struct stack {
	int backs;                     /* enum backs */
	bool duplex;                   /* the scanner takes both sides of a sheet */
	bool second;                   /* with backs: these are the backs */
	unsigned number;               /* of this stack, or pair of stacks; from 0 */
	unsigned start;                /* pages before it */
	unsigned fronts;               /* of it, when second is set */
	unsigned pages;                /* all so far */
	unsigned *order, room;         /* order[i]: the page that comes at place i */
	char remark[STACK_REMARK_MAX]; /* "" for none */
};

void stack_init(struct stack *s, int backs);
void stack_clear(struct stack *s);

/* Whether the next page is the back of a sheet. */
bool stack_is_back(const struct stack *s);
/* Makes room for one more page. STATUS_RETRY: no memory. */
enum status stack_reserve(struct stack *s, struct error *e);
/* Takes the page that there is room for. */
void stack_add(struct stack *s);
/* Whether this stack has a page. */
bool stack_begun(const struct stack *s);
/* The stack is done: whether its sheets are to be turned over next. */
bool stack_wants_backs(const struct stack *s);
/* Another stack comes: the backs of this one where they are wanted. */
void stack_next(struct stack *s);
/* No other comes, or this one broke off: puts the pages in order and adds to the remark
 * "7 pages from both sides of sheets: an odd number, one side may be missing" (not where
 * it broke off, which says more) or "12 fronts and 11 backs". */
void stack_end(struct stack *s, bool broken);

/* Fronts and backs of one pair of stacks, whose first page is number first, as they
 * belong: front, back, front, back. What has no partner keeps its place: a sheet whose
 * back is missing has its front alone; backs beyond the last front follow it as they were
 * scanned. Reversed, the first back is that of the last front. */
void stack_collate(
    unsigned *out, unsigned first, unsigned fronts, unsigned count, int backs);

/* "paper jam after page 7: 7 pages attached". */
void stack_fault(char *out, unsigned size, const char *words, unsigned pages);

#endif
