/* A driver of the tests in the place of libsane, with one button "scan" that is told what
 * to do while daemons look at it, and what the tests' log said. To be included once. */
#include <stdatomic.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
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

enum rig_deed { RIG_ANSWER, RIG_HANG, RIG_FLOOD, RIG_CRASH, RIG_BUSY, RIG_HELD };

/* Shared with the children. */
static struct rig {
	atomic_int deed; /* enum rig_deed, at the next open */
	atomic_int value, opens, processes;
	atomic_int held, tracer; /* processes; 0: not yet, -1: there is no tracing here */
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

/* Is traced by a process that does not look after it: killed, it stays until that one
 * ends. */
static void
rig_be_held(void)
{
	pid_t held = getpid();

	prctl(PR_SET_DUMPABLE, 1);
	prctl(PR_SET_PTRACER, PR_SET_PTRACER_ANY);
	atomic_store(&rig->held, held);
	if (fork() == 0) {
		setsid();
		alarm(RIG_LIMIT);
		atomic_store(&rig->tracer,
		    ptrace(PTRACE_SEIZE, held, NULL, NULL) == 0 ? getpid() : -1);
		while (atomic_load(&rig->tracer) > 0)
			pause();
		_exit(0);
	}
	for (;;)
		pause();
}

SANE_Status
sane_open(SANE_String_Const name, SANE_Handle *handle)
{
	(void)name;
	atomic_fetch_add(&rig->opens, 1);
	switch (atomic_load(&rig->deed)) {
	case RIG_BUSY: return SANE_STATUS_DEVICE_BUSY;
	case RIG_FLOOD: rig_flood(); break;
	case RIG_CRASH: raise(SIGKILL); break;
	case RIG_HELD: rig_be_held(); break;
	case RIG_HANG:
		while (atomic_load(&rig->deed) == RIG_HANG)
			pause();
		break;
	default: break;
	}
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
