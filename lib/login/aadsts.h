/*
 * aadsts: the numbers in Microsoft Entra's refusals, with what each means and what an
 * administrator does about it. Data; Microsoft's list is at
 * https://learn.microsoft.com/entra/identity-platform/reference-error-codes
 */
#ifndef POSTROOM_AADSTS_H
#define POSTROOM_AADSTS_H

#include <stddef.h>

#include "lib/login/oauth.h"

struct aadsts {
	unsigned long number;
	enum oauth_verdict verdict; /* what it would ask for by itself */
	const char *advice;         /* what happened and what to do; static */
};

/* The row of a number; NULL: it is not known. */
const struct aadsts *aadsts_find(unsigned long number);

/* The first number in a text ("AADSTS700082: The refresh token…"); 0: none. */
unsigned long aadsts_number(const char *text);

/* All rows, for documents and tests. */
const struct aadsts *aadsts_rows(size_t *count);

#endif
