/*
 * sink: where encoders and the PDF writer put their bytes.
 */
#ifndef POSTROOM_SINK_H
#define POSTROOM_SINK_H

#include <stddef.h>

#include "lib/base/status.h"

struct sink {
	/* Takes all len bytes or fails; what fails once is not called again. */
	enum status (*write)(
	    void *context, const void *bytes, size_t len, struct error *e);
	void *context;
};

#endif
