/*
 * g4: bilevel as CCITT Group 4, one strip without a TIFF around it (libtiff, ITU-T T.6).
 */
#ifndef POSTROOM_G4_H
#define POSTROOM_G4_H

#include "lib/doc/encoder.h"

extern const struct encoder_type encoder_g4;

#endif
