/*
 * errand: something that root does not do itself. A child that has given up root talks to
 * the network and parses what comes from there; root gets back a status, a sentence and a
 * result of a fixed size.
 *
 * The child has the user of the settings' `user` (root's caller, where that is not root),
 * no terminal, and no descriptor but its line home and one that it is given. What it
 * sends home is bounded, and is not to be trusted by the caller. What it needs of the
 * caller's secrets must not lie in hidden memory (hidden.h); what it does not need, must:
 * of finished calls nothing is left.
 */
#ifndef POSTROOM_ADMIN_ERRAND_H
#define POSTROOM_ADMIN_ERRAND_H

#include <stdbool.h>
#include <stddef.h>

#include "lib/base/status.h"
#include "lib/account/config.h"

enum {
	ERRAND_RESULT_MAX = 64 * 1024, /* bytes of a result */
	ERRAND_TYPED_MAX = 4096,       /* bytes of what is typed in one piece */
};

/* What the child has beside its copy of the memory. */
struct errand_side {
	int home;  /* for errand_say(); what is typed comes out of it (read(2), 0 at the
		      end, at least ERRAND_TYPED_MAX bytes of room) */
	int given; /* the descriptor `give`; -1: none */
};

struct errand {
	const struct config *config;
	/* What the child does. It fills the result, of zeros at first, in any case. */
	enum status (*run)(
	    const struct errand_side *side, void *context, void *result, struct error *e);
	void *context;
	void *result; /* of the caller; set in any case, zeros where the child died */
	size_t size;  /* of the result; 0: none */
	int give;     /* a descriptor that the child keeps; -1: none */
	bool typing;  /* hand on what is typed on standard input */
	/* Seconds in which a child may still end by itself once a signal came: what it
	 * was answered may be worth keeping. 0: none. */
	unsigned grace;
	bool *stopped; /* set when a signal came; NULL: the status tells enough */
};

/* Runs it to its end. The child's status and sentence; or STATUS_RETRY, STATUS_SETTINGS:
 * there was no child, or it died; STATUS_CANCELLED: SIGINT, SIGTERM or SIGHUP came, and
 * the child was killed. These signals are held back for as long; the child never sees
 * them. */
enum status errand_run(const struct errand *errand, struct error *e);

/* In the child: a sentence that the parent prints, cleaned, on standard error. */
void errand_say(const struct errand_side *side, const char *text);

#endif
