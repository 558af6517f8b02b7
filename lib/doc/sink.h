/*
 * sink: where encoders and the PDF writer put their bytes.
 */
#ifndef POSTROOM_SINK_H
#define POSTROOM_SINK_H

#include <stddef.h>
#include <stdint.h>

#include "lib/base/status.h"

struct sink {
	/* Takes all len bytes or fails; what fails once is not called again, but see
	 * reserve. */
	enum status (*write)(
	    void *context, const void *bytes, size_t len, struct error *e);
	void *context;
	/* NULL: what is full is full. Else each write() leaves room for so many bytes
	 * behind its own, until this is called again, with 0 for what that room is for.
	 * One that returns STATUS_RETRY has taken nothing, and the room that was left
	 * before is still there. */
	void (*reserve)(void *context, uint64_t bytes);
};

#endif
