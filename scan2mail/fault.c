/* fault: what a scanner's status means to a person (fault.h). */
#include "scan2mail/fault.h"

#include <stddef.h>

enum { ANYWHERE = FAULT_PLACES };

/* The first row that fits counts. */
static const struct row {
	int status;
	int place;
	struct fault fault;
} rows[] = {
	{ SANE_STATUS_INVAL, FAULT_OPENING,
	    { "no such scanner",
		"there is no such scanner: scan2mail --search names those that are "
		"there" } },
	{ SANE_STATUS_IO_ERROR, FAULT_OPENING,
	    { "scanner not reached",
		"the scanner cannot be reached: check cable, network and power" } },
	{ SANE_STATUS_NO_DOCS, FAULT_GLASS,
	    { "no page on the glass",
		"the scanner finds no page on the glass: lay one there, or put the sheets "
		"in the feeder and choose the source adf" } },
	{ SANE_STATUS_NO_DOCS, FAULT_MIDWAY,
	    { "page cut off",
		"the scanner stopped in the middle of a page: scan again from that page "
		"on" } },
	{ SANE_STATUS_NO_DOCS, ANYWHERE,
	    { "feeder empty",
		"the feeder is empty: put the sheets in, or lay one on the glass and "
		"choose the source flatbed" } },
	{ SANE_STATUS_CANCELLED, ANYWHERE,
	    { "scan cancelled at the scanner",
		"the scan was cancelled at the scanner: start it again if that was not "
		"meant" } },
	{ SANE_STATUS_DEVICE_BUSY, ANYWHERE,
	    { "scanner in use",
		"the scanner is in use: scan again when it has finished" } },
	{ SANE_STATUS_JAMMED, ANYWHERE,
	    { "paper jam",
		"paper is jammed in the feeder: take it out and scan the remaining "
		"sheets" } },
	{ SANE_STATUS_COVER_OPEN, ANYWHERE,
	    { "cover open",
		"the scanner's cover is open: close it and scan the remaining sheets" } },
	{ SANE_STATUS_IO_ERROR, ANYWHERE,
	    { "connection to the scanner lost",
		"the connection to the scanner failed: check cable, network and "
		"power" } },
	{ SANE_STATUS_NO_MEM, ANYWHERE,
	    { "scanner's driver out of memory",
		"the scanner's driver has no memory left: choose a lower resolution" } },
	{ SANE_STATUS_ACCESS_DENIED, ANYWHERE,
	    { "no access to the scanner",
		"access to the scanner is denied: the user must belong to the group "
		"scanner, or saned must let this machine in" } },
	{ SANE_STATUS_INVAL, ANYWHERE,
	    { "settings refused by the scanner",
		"the scanner failed: it refuses the settings; choose another resolution, "
		"mode or paper" } },
	{ SANE_STATUS_UNSUPPORTED, ANYWHERE,
	    { "not supported by the scanner",
		"the scanner failed: its driver does not support this; choose another "
		"source, mode or resolution" } },
	{ FAULT_WARMING_UP, ANYWHERE,
	    { "scanner not warm",
		"the scanner has not become warm in time: scan again in a minute" } },
	{ FAULT_HW_LOCKED, ANYWHERE,
	    { "scanner locked for transport",
		"the scanner is locked for transport: open its lock and scan again" } },
};

const struct fault *
fault_of(SANE_Status status, enum fault_place place)
{
	static const struct fault unknown = { "scanner fault",
		"the scanner failed for a reason that its driver does not tell: switch it "
		"off and on, and scan again" };

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		if (rows[i].status == (int)status &&
		    (rows[i].place == (int)place || rows[i].place == ANYWHERE))
			return &rows[i].fault;
	return &unknown;
}

/* Those that pass. */
static const struct {
	int status;
	const char *why;
} passing[] = {
	{ SANE_STATUS_DEVICE_BUSY,
	    "the scanner is in use by somebody else: it is waited for" },
	{ FAULT_WARMING_UP, "the scanner warms up: it is waited for" },
	{ FAULT_HW_LOCKED, "the scanner is locked for transport: open its lock" },
};

bool
fault_passes(SANE_Status status, const char **why)
{
	for (size_t i = 0; i < sizeof(passing) / sizeof(passing[0]); i++)
		if (passing[i].status == (int)status) {
			*why = passing[i].why;
			return true;
		}
	return false;
}
