/* job: what cupsd says about a job (job.h). */
#include "backend/job.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "backend/options.h"

enum {
	JOB_ID_DIGITS = 10,
};

/* The last second of the year 9999, the last that a Date can name. */
static const long long TIME_MAX = 253402300799;

static char *
copy_env(const char *name)
{
	const char *value = getenv(name);

	return strdup(value ? value : "");
}

enum status
job_init(struct job *j, int argc, char *const argv[], struct error *e)
{
	size_t digits = strspn(argv[1], "0123456789");

	if (digits == 0 || digits > JOB_ID_DIGITS || argv[1][digits])
		return error_set(
		    e, STATUS_INVALID, "\"%.20s\" is no job number", argv[1]);
	*j = (struct job){
		.id = strdup(argv[1]),
		.user = strdup(argv[2]),
		.title = strdup(argv[3]),
		.options = strdup(argv[5]),
		.file = argc > 6 ? strdup(argv[6]) : NULL,
		.device_uri = copy_env("DEVICE_URI"),
		.printer = copy_env("PRINTER"),
		.final_type = copy_env("FINAL_CONTENT_TYPE"),
		.sheet = copy_env("CUPS_FILETYPE"),
		.software = copy_env("SOFTWARE"),
		.server = copy_env("CUPS_SERVER"),
		.request_root = copy_env("CUPS_REQUESTROOT"),
		.tmpdir = copy_env("TMPDIR"),
	};
	if (!j->id || !j->user || !j->title || !j->options || (argc > 6 && !j->file) ||
	    !j->device_uri || !j->printer || !j->final_type || !j->sheet ||
	    !j->software || !j->server || !j->request_root || !j->tmpdir)
		return error_set(e, STATUS_RETRY, "out of memory");
	return STATUS_OK;
}

void
job_clear(struct job *j)
{
	char *texts[] = { j->id, j->user, j->title, j->options, j->file, j->device_uri,
		j->printer, j->final_type, j->sheet, j->software, j->server,
		j->request_root, j->tmpdir };

	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
		free(texts[i]);
	*j = (struct job){ 0 };
}

bool
job_is_filtered(const struct job *j)
{
	return !j->file &&
	    (strcmp(j->final_type, "application/vnd.cups-pdf") == 0 ||
		strcmp(j->final_type, "application/pdf") == 0);
}

/* Copies a UUID (RFC 4122) if that is what it is. */
static bool
copy_uuid(char *out, size_t size, const char *urn)
{
	static const char prefix[] = "urn:uuid:";

	if (!urn || strncmp(urn, prefix, sizeof(prefix) - 1) != 0)
		return false;
	urn += sizeof(prefix) - 1;
	if (strlen(urn) != 36 || strspn(urn, "0123456789abcdefABCDEF-") != 36)
		return false;
	snprintf(out, size, "%s", urn);
	return true;
}

static time_t
read_time(const char *text, time_t otherwise)
{
	char *end;
	long long seconds;

	if (!text)
		return otherwise;
	seconds = strtoll(text, &end, 10);
	return *end || seconds <= 0 || seconds > TIME_MAX ? otherwise : (time_t)seconds;
}

struct job_identity
job_identity(const struct job *j, const struct pairs *options, time_t now)
{
	struct job_identity id;
	char uuid[40];

	id.created = read_time(options_get(options, "time-at-creation"), now);
	if (copy_uuid(uuid, sizeof(uuid), options_get(options, "job-uuid")))
		snprintf(id.name, sizeof(id.name), "%.10s-%s", j->id, uuid);
	else
		snprintf(
		    id.name, sizeof(id.name), "%.10s-%lld", j->id, (long long)id.created);
	return id;
}
