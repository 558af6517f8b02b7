/* flow: what a way to sign in brings home (flow.h). */
#include "admin/flow.h"

#include <string.h>

#include "lib/base/text.h"
#include "lib/login/answers.h"

void
flow_take(struct flow_result *out, const struct oauth_tokens *tokens)
{
	out->tokens = *tokens;
	if (!answers_who(out->who, sizeof(out->who), tokens->id) &&
	    !answers_who(out->who, sizeof(out->who), tokens->access))
		out->who[0] = '\0';
	explicit_bzero(out->tokens.id, sizeof(out->tokens.id)); /* it has served */
}

/* Whether the room holds a string of printable ASCII without blanks. */
static bool
is_token(const char *room, size_t size)
{
	size_t len = strnlen(room, size);

	for (size_t i = 0; i < len; i++)
		if (room[i] <= ' ' || room[i] > '~')
			return false;
	return len < size;
}

/* The same, with blanks. */
static bool
is_list(const char *room, size_t size)
{
	size_t len = strnlen(room, size);

	return len < size && text_is_ascii(room);
}

enum status
flow_check(struct flow_result *result, struct error *e)
{
	struct oauth_tokens *t = &result->tokens;

	result->who[sizeof(result->who) - 1] = '\0';
	explicit_bzero(t->id, sizeof(t->id));
	if (is_token(t->access, sizeof(t->access)) && *t->access &&
	    is_token(t->refresh, sizeof(t->refresh)) &&
	    is_list(t->missing, sizeof(t->missing)) && t->lifetime > 0 &&
	    t->lifetime <= OAUTH_LIFETIME_MAX)
		return STATUS_OK;
	explicit_bzero(result, sizeof(*result));
	return error_set(e, STATUS_RETRY, "what came are no tokens; try again");
}
