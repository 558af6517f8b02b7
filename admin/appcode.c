/* appcode: an application that shows who it is itself (flow.h). */
#include <stdint.h>
#include <string.h>

#include "admin/errand.h"
#include "admin/flow.h"
#include "lib/login/signin.h"

static enum status
request(const struct errand_side *side, void *context, void *result, struct error *e)
{
	const struct flow *flow = context;
	static struct signin signin;
	enum status status = signin_request(&signin, flow->account, flow->grant, -1, e);

	(void)side;
	if (status == STATUS_OK)
		flow_take(result, &signin.tokens);
	explicit_bzero(&signin, sizeof(signin));
	return status;
}

enum status
appcode_sign_in(struct flow_result *out, const struct flow *flow, struct error *e)
{
	enum status status = errand_run(&(struct errand){ .config = flow->config,
					    .run = request,
					    .context = (void *)(uintptr_t)flow,
					    .result = out,
					    .size = sizeof(*out),
					    .give = -1 },
	    e);

	return status == STATUS_OK ? flow_check(out, e) : status;
}
