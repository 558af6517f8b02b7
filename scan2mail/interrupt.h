/*
 * interrupt: SIGINT, SIGTERM and SIGHUP turned into something that can be polled.
 *
 * The first signal asks the program to clean up. Should anything block meanwhile, a timer
 * ends the process all the same: the child's process group is killed, the unfinished file
 * removed. A signal that was ignored at the start stays so (nohup).
 */
#ifndef POSTROOM_INTERRUPT_H
#define POSTROOM_INTERRUPT_H

#include <stdbool.h>
#include <sys/types.h>

#include "lib/base/status.h"

enum {
	INTERRUPT_BOUND = 1, /* seconds from the first signal to the end at the latest */
};

/* Installs the handlers; SIGPIPE is ignored from now on. */
enum status interrupt_catch(struct error *e);
/* Puts all back as it is in a new process: for the child. */
void interrupt_release(void);
/* The signal that came, or 0. */
int interrupt_signal(void);
/* Readable from the first signal on; -1 before interrupt_catch(). */
int interrupt_fd(void);
/* Sets *e. */
enum status interrupt_error(struct error *e);

/* What the timer kills and removes; 0 and NULL: nothing. path must stay until then. */
void interrupt_kills(pid_t group);
void interrupt_removes(const char *path);

#endif
