/*
 * jobs_rig: what CUPS answers to Get-Jobs (RFC 8011 4.2.6), for the peer of relay_rig.
 */
#ifndef POSTROOM_JOBS_RIG_H
#define POSTROOM_JOBS_RIG_H

#include <stddef.h>
#include <string.h>
#include <sys/types.h>

#include <cups/cups.h>

struct jobs {
	unsigned char bytes[4096];
	size_t len;
};

static inline ssize_t
jobs_put(void *context, ipp_uchar_t *bytes, size_t len)
{
	struct jobs *j = context;

	if (len > sizeof(j->bytes) - j->len)
		return -1;
	memcpy(j->bytes + j->len, bytes, len);
	j->len += len;
	return (ssize_t)len;
}

static inline ipp_t *
jobs_begin(void)
{
	ipp_t *request = ippNewRequest(IPP_OP_GET_JOBS), *answer;

	answer = ippNewResponse(request);
	ippDelete(request);
	ippSetStatusCode(answer, IPP_STATUS_OK);
	return answer;
}

/* One job; what is 0 or NULL is not told. */
static inline void
jobs_add(ipp_t *answer, int number, int kilobytes, const char *uri, const char *id)
{
	ippAddSeparator(answer);
	if (id)
		ippAddString(answer, IPP_TAG_JOB, IPP_TAG_TEXT, "mail-scan-id", NULL, id);
	if (number)
		ippAddInteger(answer, IPP_TAG_JOB, IPP_TAG_INTEGER, "job-id", number);
	if (kilobytes)
		ippAddInteger(
		    answer, IPP_TAG_JOB, IPP_TAG_INTEGER, "job-k-octets", kilobytes);
	if (uri)
		ippAddString(
		    answer, IPP_TAG_JOB, IPP_TAG_URI, "job-printer-uri", NULL, uri);
}

/* Takes the answer. 0: it is too long. */
static inline int
jobs_end(struct jobs *j, ipp_t *answer)
{
	ipp_state_t state;

	j->len = 0;
	do
		state = ippWriteIO(j, jobs_put, 1, NULL, answer);
	while (state != IPP_STATE_DATA && state != IPP_STATE_ERROR);
	ippDelete(answer);
	return state == IPP_STATE_DATA;
}

#endif
