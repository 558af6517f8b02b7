/* retryafter: how long a web service asks to be left alone (retryafter.h). */
#include "lib/web/retryafter.h"

#include <curl/curl.h>
#include <stdlib.h>
#include <string.h>

int64_t
retryafter_read(const char *text, const char *date, time_t now)
{
	uint64_t number;
	int64_t left;
	time_t then, from;

	if (!text || !text[0])
		return -1;
	if (!text[strspn(text, "0123456789")]) {
		number = strtoull(text, NULL, 10); /* the largest where it is beyond */
		return number < RETRYAFTER_MAX ? (int64_t)number : RETRYAFTER_MAX;
	}
	then = curl_getdate(text, NULL);
	if (then == -1)
		return -1;
	from = date ? curl_getdate(date, NULL) : -1;
	left = then - (from == -1 ? now : from);
	if (left < 0)
		return 0;
	return left < RETRYAFTER_MAX ? left : RETRYAFTER_MAX;
}
