/* distrust: what follows from a certificate that was not accepted (distrust.h). */
#include "lib/web/distrust.h"

#include <stdio.h>

#include <openssl/x509_vfy.h>

enum {
	DAY_ROOM = 32, /* bytes of a date, with the NUL */
};

bool
distrust_is_clock(char sentence[DISTRUST_ROOM], long result, time_t now)
{
	bool early = result == X509_V_ERR_CERT_NOT_YET_VALID;
	bool late =
	    result == X509_V_ERR_CERT_HAS_EXPIRED && now < (time_t)DISTRUST_CLOCK_MIN;
	char today[DAY_ROOM];
	struct tm tm;

	if (!early && !late)
		return false;
	if (!gmtime_r(&now, &tm) ||
	    !strftime(today, sizeof(today), "%Y-%m-%d %H:%M UTC", &tm))
		snprintf(today, sizeof(today), "an unknown time");
	snprintf(sentence, DISTRUST_ROOM,
	    "its certificate is %s by this machine's clock (%s), so nothing was sent; "
	    "check the clock with timedatectl",
	    early ? "not valid yet" : "not valid any more", today);
	return true;
}
