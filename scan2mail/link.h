/*
 * link: talking with CUPS, in a thread of its own.
 *
 * libcups waits as long as it likes, and connects anew when it is woken. So whatever is
 * said to CUPS is said in a thread, which takes no signals, and whose owner waits for its
 * end no longer than CUPS may take for one step, or until a signal comes (interrupt.h).
 * No password is asked for.
 */
#ifndef POSTROOM_LINK_H
#define POSTROOM_LINK_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include <cups/cups.h>

#include "lib/base/status.h"

enum {
	LINK_QUEUE_MAX = 256, /* bytes of a queue's name, with the NUL */
	LINK_URI_MAX = 1024,  /* bytes: RFC 8011 5.1.6 */
};

struct link {
	http_t *http;     /* the thread's, from link_open() on */
	atomic_bool late; /* CUPS has taken too long for a step */
	atomic_bool stop; /* nobody wants it any more */
	/* For what the thread and its owner share; news is signalled when stop is set. */
	pthread_mutex_t lock;
	pthread_cond_t news;

	/* link.c's own */
	int patience; /* seconds */
	_Atomic int64_t limit;
	void (*work)(void *context);
	void *context;
	pthread_t thread;
	bool running;
	int ended, cancel, socket;
};

/* patience: the seconds that CUPS may take for a step. False and errno. link_clear()
 * follows in either case. */
bool link_init(struct link *l, int patience);
/* Breaks off what runs. */
void link_clear(struct link *l);

/* Begins work(context) in the thread, after whose end the connection is closed; none may
 * be running. STATUS_RETRY: no thread can be had. */
enum status link_start(
    struct link *l, void (*work)(void *context), void *context, struct error *e);
/* Waits for the work's end, which is there when this returns: it has come by itself, by
 * its time (late), or by a signal (stop). */
void link_await(struct link *l);

/* Of the work itself: connects. STATUS_RETRY: CUPS does not answer. */
enum status link_open(struct link *l, struct error *e);
/* The next step has all its time before it. */
void link_step(struct link *l);
/* "ipp://localhost/printers/NAME". False: that makes no URI. */
bool link_queue_uri(char uri[LINK_URI_MAX], const char *queue);

#endif
