/* reply: what a server answered (reply.h). */
#include "lib/send/reply.h"

const char *
stage_name(enum stage stage)
{
	static const char *const names[] = {
		[STAGE_GREETING] = "the connection",
		[STAGE_EHLO] = "EHLO",
		[STAGE_STARTTLS] = "STARTTLS",
		[STAGE_AUTH] = "the login",
		[STAGE_MAIL] = "the sender",
		[STAGE_RCPT] = "the recipient",
		[STAGE_DATA] = "DATA",
		[STAGE_BODY] = "the message",
		[STAGE_DONE] = "the message",
	};

	return names[stage];
}
