/*
 * output: the PDF into a file.
 *
 * A regular file appears whole or not at all: it is written beside its place and renamed
 * (an existing one keeps its permissions); room for the end is kept on the disk (sink.h).
 * What is no regular file, and "-", standard
 * output, is written to as it stands and never replaced.
 */
#ifndef POSTROOM_OUTPUT_H
#define POSTROOM_OUTPUT_H

#include "scan2mail/destination.h"

/* STATUS_SETTINGS: path cannot be written, the sentence says why. out->close() frees. */
enum status output_open(struct destination *out, const char *path, struct error *e);

#endif
