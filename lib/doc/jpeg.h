/*
 * jpeg: colour and grey as baseline JPEG, 4:2:0 (libjpeg, ISO 10918-1).
 */
#ifndef POSTROOM_JPEG_H
#define POSTROOM_JPEG_H

#include "lib/doc/encoder.h"

extern const struct encoder_type encoder_jpeg;

#endif
