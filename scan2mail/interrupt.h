/*
 * interrupt: SIGINT, SIGTERM and SIGHUP turned into something that can be polled.
 *
 * The first signal asks the program to clean up. Should anything block meanwhile, a timer
 * ends the process all the same, after SIGTERM later, as whole pages may still have to be
 * put down: the children's process groups are killed, the unfinished
 * file removed. A signal that was ignored at the start stays so (nohup).
 */
#ifndef POSTROOM_INTERRUPT_H
#define POSTROOM_INTERRUPT_H

#include <stdbool.h>
#include <sys/types.h>

#include "lib/base/status.h"

enum {
	/* Seconds from the first signal until the timer; after SIGTERM, unless Ctrl-C
	 * follows. */
	INTERRUPT_BOUND = 1,
	INTERRUPT_TERM_BOUND = 10,
	INTERRUPT_GROUPS_MAX = 160,
};

/* Installs the handlers; SIGPIPE is ignored from now on, and SIGCHLD is not. */
enum status interrupt_catch(struct error *e);
/* Puts all signals back as they are in a new process, the blocked ones too, but for those
 * that are ignored, and forgets what is to be killed and removed: for the child. */
void interrupt_release(void);
/* The signal that came, or 0. */
int interrupt_signal(void);
/* From now on interrupt_signal() does not tell of SIGTERM, whenever it came, until it is
 * called with false: for what is to be done whole although the program ends, as a PDF's
 * last bytes. The timer runs meanwhile. */
void interrupt_defer(bool deferred);
/* Whether a signal that is deferred came so long ago that what takes long should be given
 * up: half of the timer's time is over. */
bool interrupt_urgent(void);
/* Readable from the first signal on; -1 before interrupt_catch(). */
int interrupt_fd(void);
/* Somebody is asked at the terminal: that this is closed is an answer then. SIGHUP is no
 * signal for interrupt_signal(), but makes interrupt_fd() readable as well, and
 * interrupt_hung_up() true. */
void interrupt_ask(void);
bool interrupt_hung_up(void);
/* The question is over. gone: it had no other answer than that the input has ended. Then,
 * or once hung up, SIGHUP ends nothing any more: a shell that ends sends one more. */
void interrupt_answered(bool gone);
/* Sets *e. */
enum status interrupt_error(struct error *e);

/* The process groups that the timer kills. False: there are INTERRUPT_GROUPS_MAX. A group
 * is to be spared before its leader is waited for, or its number could be another's. */
bool interrupt_kills(pid_t group);
void interrupt_spares(pid_t group);
/* The file that it removes; NULL: none. path must stay until then. */
void interrupt_removes(const char *path);

#endif
