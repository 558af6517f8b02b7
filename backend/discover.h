/*
 * discover: what cupsd lists as places to print to (backend(7): without arguments a
 * backend names its devices on standard output).
 */
#ifndef POSTROOM_DISCOVER_H
#define POSTROOM_DISCOVER_H

/* One line for the scheme and one for each account. Opens no secret; bad settings leave
 * the first line only and a word on standard error. Never fails. */
void discover_devices(void);

#endif
