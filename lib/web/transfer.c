/* transfer: a transfer of libcurl's, driven to its end (transfer.h). */
#include "lib/web/transfer.h"

#include <poll.h>
#include <stddef.h>
#include <time.h>

#include "lib/base/clock.h"

enum { TICK = 1000 }; /* milliseconds between looks at the clock */

void
transfer_look_at_stop(struct transfer *t)
{
	struct pollfd stop = { .fd = t->stop, .events = POLLIN };

	if (t->stopping || poll(&stop, 1, 0) <= 0)
		return;
	t->stopping = true;
	t->stopping_since = clock_seconds();
}

/* Whether it has ended, and how. */
static bool
ended(const struct transfer *t, CURLcode *code)
{
	CURLMsg *msg;
	int left;

	while ((msg = curl_multi_info_read(t->multi, &left)))
		if (msg->msg == CURLMSG_DONE) {
			*code = msg->data.result;
			return true;
		}
	return false;
}

static void
wait_for_news(struct transfer *t)
{
	struct curl_waitfd stop = { .fd = t->stop, .events = CURL_WAIT_POLLIN };
	bool watched = t->stop >= 0 && !t->stopping;

	curl_multi_poll(t->multi, watched ? &stop : NULL, watched ? 1 : 0, TICK, NULL);
	transfer_look_at_stop(t);
}

CURLcode
transfer_run(struct transfer *t, bool (*given_up)(void *context), void *context)
{
	CURLcode code = CURLE_FAILED_INIT;
	int running = 0;

	if (curl_multi_add_handle(t->multi, t->easy) != CURLM_OK)
		return code;
	transfer_look_at_stop(t);
	if (given_up(context))
		return CURLE_OPERATION_TIMEDOUT;
	for (;;) {
		/* what has come is read before anybody loses patience */
		if (curl_multi_perform(t->multi, &running) != CURLM_OK)
			return CURLE_FAILED_INIT;
		if (ended(t, &code))
			return code;
		if (given_up(context))
			return CURLE_OPERATION_TIMEDOUT;
		wait_for_news(t);
	}
}

bool
transfer_blames_clock(
    char sentence[DISTRUST_ROOM], const struct transfer *t, CURLcode code)
{
	long result = 0;

	return code == CURLE_PEER_FAILED_VERIFICATION &&
	    curl_easy_getinfo(t->easy, CURLINFO_SSL_VERIFYRESULT, &result) == CURLE_OK &&
	    distrust_is_clock(sentence, result, time(NULL));
}
