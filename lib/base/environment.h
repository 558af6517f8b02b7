/*
 * environment: what libraries and other programs may learn from it (environ(7)).
 */
#ifndef POSTROOM_ENVIRONMENT_H
#define POSTROOM_ENVIRONMENT_H

/* Leaves PATH and LC_ALL, each with a value of ours: no proxy, no key log, no locale of a
 * stranger reaches a library. What getenv(3) gave before is gone. */
void environment_reset(void);

#endif
