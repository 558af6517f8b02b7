/*
 * keeper: what the root half does for the worker when it is asked: opens one secret, the
 * job's journal, and writes the record; tokens are custodian.h's.
 */
#ifndef POSTROOM_KEEPER_H
#define POSTROOM_KEEPER_H

#include <stdbool.h>
#include <stdint.h>

#include "backend/channel.h"
#include "backend/custodian.h"
#include "backend/job.h"
#include "backend/state.h"
#include "lib/account/config.h"

struct keeper {
	const struct config *config;
	const struct job *job;
	struct state state;
	struct custodian custodian;
	int channel;
	int journal;       /* the job's, once it was asked for; else -1 */
	uint64_t settings; /* keeper_fingerprint() of the settings that were loaded */
	bool gave_secret;  /* each is given once */
	const struct account *account; /* whose secret it was */
	uint64_t fingerprint;          /* of settings and secret as they were then */
	size_t lines;                  /* of the record, in this run */
};

/* Answers a record of the worker, if it is one of RECORD_ASK_SECRET, RECORD_ASK_JOURNAL
 * and RECORD_HISTORY, or the custodian's; false for all others. */
bool keeper_hear(struct keeper *k, const struct record *r);

/* Notes in the job's journal that `rest` ms are still to be waited when it runs again, as
 * one run may not stay so long; nothing when there is no rest. */
void keeper_postpone(
    const struct keeper *k, int64_t rest, bool unreachable, const char *reason);

/* A number for the content of the settings file and the account's secret (NULL: none):
 * who changes one of them changes it, and so does who signs in for the account. */
uint64_t keeper_fingerprint(const struct config *config, const struct account *account);

/* Whether the settings are others now than those that were loaded: what they said of
 * secrets and tokens may be past. */
bool keeper_is_outdated(const struct keeper *k);

/* The n-th file whose content signs an account in, n from 0 on; false: there are no more,
 * or its path is longer than STATE_PATH_MAX. */
bool keeper_secret_path(char path[STATE_PATH_MAX], const struct config *config,
    const struct account *account, unsigned n);

/* Closes what was opened on the way. */
void keeper_close(struct keeper *k);

#endif
