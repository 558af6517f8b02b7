/* exit: from status to CUPS exit code (exit.h). */
#include "backend/exit.h"

#include <cups/backend.h>

int
exit_code(enum status status)
{
	static const int codes[] = {
		[STATUS_OK] = CUPS_BACKEND_OK,
		[STATUS_INVALID] = CUPS_BACKEND_HOLD,
		[STATUS_HOLD] = CUPS_BACKEND_HOLD,
		[STATUS_SETTINGS] = CUPS_BACKEND_STOP,
		[STATUS_REFUSED] = CUPS_BACKEND_CANCEL,
		[STATUS_RETRY] = CUPS_BACKEND_RETRY_CURRENT,
		/* cupsd knows who stopped it; a stray signal must not count as sent */
		[STATUS_CANCELLED] = CUPS_BACKEND_RETRY_CURRENT,
	};

	return codes[status];
}
