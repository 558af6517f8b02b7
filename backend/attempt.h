/*
 * attempt: one attempt to deliver a job whose message is known.
 *
 * The journal tells what earlier attempts did; the account's limits tell whether it may
 * be tried now; each part is submitted to those recipients that do not have it, and what
 * came of it is journaled before the connection ends. Who is not reached for good is told
 * to the owner.
 *
 *   journal ──► all settled ───────────────────────────────────┐
 *      │ ├────► refused or given up before ────────────────────┤
 *      │ ├────► may have arrived, ambiguous = hold ──► HOLD     │
 *      │ ├────► a scan that asks for it, once ───────► HOLD     │
 *      │ └────► not before … ────────────────────────► RETRY    ▼
 *      ▼                                                    (notice) ──► OK, REFUSED
 *   parts ──► limits ──► submission, part by part ─────────────┘ └─────► RETRY, HOLD …
 */
#ifndef POSTROOM_ATTEMPT_H
#define POSTROOM_ATTEMPT_H

#include "backend/compose.h"
#include "backend/worker.h"
#include "lib/base/status.h"

/* Delivers the letter (the whole job). STATUS_OK: at least one recipient has all of it;
 * the sentence says which, also on success. STATUS_RETRY: the supervisor knows for how
 * long. STATUS_REFUSED: the owner is told. */
enum status attempt_run(
    const struct worker *w, const struct letter *letter, struct error *e);

/* For a job that was refused before there was a message, e says why: its owner is told.
 * letter has the identity and no more. STATUS_REFUSED, or STATUS_RETRY when that is to be
 * tried again. */
enum status attempt_refuse(
    const struct worker *w, const struct letter *letter, struct error *e);

#endif
