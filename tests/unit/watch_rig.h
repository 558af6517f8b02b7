/* A driver of the tests in the place of libsane, with one button "scan" that is told what
 * to do while daemons look at it, and what the tests' log said. To be included once. */
#include <stdatomic.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <sane/sane.h>

#include "lib/base/clock.h"
#include "lib/base/file.h"
#include "lib/base/log.h"
#include "scan2mail/wire.h"

enum {
	RIG_RECORDS_FD = 3, /* of a child (child.c) */
	RIG_LIMIT = 60,     /* seconds until a test is given up */
	RIG_SAID_MAX = 64 * 1024,
};

enum rig_deed { RIG_ANSWER, RIG_HANG, RIG_FLOOD };

/* Shared with the children. */
static struct rig {
	atomic_int deed; /* enum rig_deed, at the next open */
	atomic_int value, opens, processes;
} * rig;

static FILE *rig_log;

SANE_Status
sane_init(SANE_Int *version, SANE_Auth_Callback authorize)
{
	(void)version;
	(void)authorize;
	atomic_fetch_add(&rig->processes, 1);
	return SANE_STATUS_GOOD;
}

/* Records that no look has given, one behind the other. */
static void
rig_flood(void)
{
	static const char values[] = "scan\0"
				     "0";
	unsigned char record[WIRE_HEAD_SIZE + sizeof(values)];

	wire_put_head(record, WIRE_SENSORS, sizeof(values));
	memcpy(record + WIRE_HEAD_SIZE, values, sizeof(values));
	while (file_write(RIG_RECORDS_FD, record, sizeof(record)))
		continue;
}

SANE_Status
sane_open(SANE_String_Const name, SANE_Handle *handle)
{
	(void)name;
	atomic_fetch_add(&rig->opens, 1);
	if (atomic_load(&rig->deed) == RIG_FLOOD)
		rig_flood();
	while (atomic_load(&rig->deed) == RIG_HANG)
		pause();
	*handle = rig;
	return SANE_STATUS_GOOD;
}

void
sane_close(SANE_Handle handle)
{
	(void)handle;
}

const SANE_Option_Descriptor *
sane_get_option_descriptor(SANE_Handle handle, SANE_Int n)
{
	static const SANE_Option_Descriptor scan = {
		.name = "scan",
		.title = "scan",
		.type = SANE_TYPE_BOOL,
		.cap = SANE_CAP_SOFT_DETECT | SANE_CAP_HARD_SELECT,
		.size = sizeof(SANE_Word),
	};

	(void)handle;
	return n == 1 ? &scan : NULL;
}

SANE_Status
sane_control_option(
    SANE_Handle handle, SANE_Int n, SANE_Action action, void *value, SANE_Int *info)
{
	(void)handle;
	(void)action;
	(void)info;
	*(SANE_Word *)value = n == 0 ? 2 : atomic_load(&rig->value);
	return SANE_STATUS_GOOD;
}

/* How often the log has said it. */
static size_t
rig_said(const char *words)
{
	static char said[RIG_SAID_MAX];
	ssize_t len = pread(fileno(rig_log), said, sizeof(said) - 1, 0);
	size_t times = 0;

	said[len > 0 ? len : 0] = '\0';
	for (const char *c = said; (c = strstr(c, words)) != NULL; c++)
		times++;
	return times;
}

static int rig_stderr = -1;

static int
rig_set_up(void **state)
{
	(void)state;
	if (!rig)
		rig = mmap(NULL, sizeof(*rig), PROT_READ | PROT_WRITE,
		    MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	memset(rig, 0, sizeof(*rig));
	rig_log = tmpfile();
	rig_stderr = dup(STDERR_FILENO);
	dup2(fileno(rig_log), STDERR_FILENO);
	log_open(LOG_PLAIN, "d", LEVEL_INFO);
	signal(SIGPIPE, SIG_IGN);
	alarm(RIG_LIMIT);
	return 0;
}

static int
rig_tear_down(void **state)
{
	(void)state;
	alarm(0);
	dup2(rig_stderr, STDERR_FILENO);
	close(rig_stderr);
	fclose(rig_log);
	return 0;
}
