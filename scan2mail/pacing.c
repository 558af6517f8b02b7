/* pacing: a rest before the last bytes of a frame (pacing.h). */
#include "scan2mail/pacing.h"

void
pacing_begin(struct pacing *p, const SANE_Parameters *at)
{
	size_t size = 0;

	if (at->lines > 0 && at->bytes_per_line > 0)
		size = (size_t)at->lines * (size_t)at->bytes_per_line;
	p->ahead = size > PACING_TAIL ? size - PACING_TAIL : 0;
}

size_t
pacing_room(const struct pacing *p, size_t room)
{
	return p->ahead && p->ahead < room ? p->ahead : room;
}

bool
pacing_took(struct pacing *p, size_t len)
{
	bool ahead = p->ahead > 0;

	p->ahead = len < p->ahead ? p->ahead - len : 0;
	return ahead && p->ahead == 0;
}
