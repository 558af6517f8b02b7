/* fault: a SANE backend for tests (fault.h): the calls, and what befalls them. */
/* Before sane.h, which so declares them as the dll backend looks them up. */
#define sane_init                  sane_fault_init
#define sane_exit                  sane_fault_exit
#define sane_get_devices           sane_fault_get_devices
#define sane_open                  sane_fault_open
#define sane_close                 sane_fault_close
#define sane_get_option_descriptor sane_fault_get_option_descriptor
#define sane_control_option        sane_fault_control_option
#define sane_get_parameters        sane_fault_get_parameters
#define sane_start                 sane_fault_start
#define sane_read                  sane_fault_read
#define sane_cancel                sane_fault_cancel
#define sane_set_io_mode           sane_fault_set_io_mode
#define sane_get_select_fd         sane_fault_get_select_fd

#include "tests/sane/fault.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <time.h>
#include <unistd.h>

enum {
	DEVICES_MAX = 8,
	LINE_SIZE = 512,
};

/* -- files ------------------------------------------------------------------------*/

void
fault_path(char out[PATH_SIZE], const char *name, const char *suffix)
{
	const char *folder = getenv("SANE_CONFIG_DIR");
	int len = folder ? (int)strcspn(folder, ":") : 0;

	if (strcmp(name, "0") == 0)
		snprintf(
		    out, PATH_SIZE, "%.*s/fault.%s", len, folder ? folder : "", suffix);
	else
		snprintf(out, PATH_SIZE, "%.*s/fault.%s.%s", len, folder ? folder : "",
		    name, suffix);
}

void
fault_log(const struct scanner *s, const char *format, ...)
{
	char line[LINE_SIZE], path[PATH_SIZE];
	int len = snprintf(line, sizeof(line), "%d ", (int)getpid());
	int saved = errno;
	int file;
	va_list list;

	va_start(list, format);
	len += vsnprintf(line + len, sizeof(line) - (size_t)len - 1, format, list);
	va_end(list);
	if (len > LINE_SIZE - 2)
		len = LINE_SIZE - 2;
	line[len] = '\n';
	fault_path(path, s ? s->name : "0", "log");
	file = open(path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0666);
	if (file >= 0) {
		if (write(file, line, (size_t)len + 1) < 0)
			abort();
		close(file);
	}
	errno = saved;
}

bool
fault_is_gone(const struct scanner *s)
{
	char path[PATH_SIZE];

	fault_path(path, s->name, "gone");
	return access(path, F_OK) == 0;
}

/* -- what befalls a call ----------------------------------------------------------*/

static const struct {
	const char *name;
	SANE_Status status;
} statuses[] = {
	{ "UNSUPPORTED", SANE_STATUS_UNSUPPORTED },
	{ "CANCELLED", SANE_STATUS_CANCELLED },
	{ "DEVICE_BUSY", SANE_STATUS_DEVICE_BUSY }, { "INVAL", SANE_STATUS_INVAL },
	{ "EOF", SANE_STATUS_EOF }, { "JAMMED", SANE_STATUS_JAMMED },
	{ "NO_DOCS", SANE_STATUS_NO_DOCS }, { "COVER_OPEN", SANE_STATUS_COVER_OPEN },
	{ "IO_ERROR", SANE_STATUS_IO_ERROR }, { "NO_MEM", SANE_STATUS_NO_MEM },
	{ "ACCESS_DENIED", SANE_STATUS_ACCESS_DENIED },
	{ "WARMING_UP", (SANE_Status)12 }, /* as some makers' drivers say */
};

static void
hang(const struct scanner *s, const char *phase)
{
	sigset_t all;

	fault_log(s, "hang %s", phase);
	sigfillset(&all);
	if (scenario_is(&s->scenario, "deaf", "yes"))
		sigprocmask(SIG_BLOCK, &all, NULL);
	for (;;)
		pause();
}

/* GOOD, unless the scenario wants something else of this phase; page 0 is any. */
static SANE_Status
meet(const struct scanner *s, const char *phase, int page)
{
	static int times;
	const struct scenario *c = &s->scenario;

	if (page && page != scenario_number(c, "fault-page", 1))
		return SANE_STATUS_GOOD;
	if (scenario_is(c, "hang", phase))
		hang(s, phase);
	if (scenario_is(c, "crash", phase)) {
		fault_log(s, "crash %s", phase);
		signal(SIGSEGV, SIG_DFL);
		raise(SIGSEGV);
	}
	if (scenario_is(c, "exit", phase)) {
		fault_log(s, "leave %s", phase);
		_exit(0);
	}
	if (!scenario_is(c, "fault-at", phase) ||
	    times++ >= scenario_number(c, "fault-times", 1e9))
		return SANE_STATUS_GOOD;
	for (size_t i = 0; i < sizeof(statuses) / sizeof(statuses[0]); i++)
		if (scenario_is(c, "fault-status", statuses[i].name))
			return statuses[i].status;
	return SANE_STATUS_IO_ERROR;
}

/* Of a call that is about no scanner. */
static SANE_Status
meet_all(const char *phase)
{
	static struct scanner none = { .name = "0" };
	char path[PATH_SIZE];

	fault_path(path, none.name, "conf");
	scenario_read(&none.scenario, path);
	return meet(&none, phase, 0);
}

static bool
is_busy(const struct scanner *s, const char *where)
{
	static int times;

	return strcmp(scenario_text(&s->scenario, "busy-at", "open"), where) == 0 &&
	    times++ < scenario_number(&s->scenario, "busy", 0);
}

/* -- opening ----------------------------------------------------------------------*/

SANE_Status
sane_init(SANE_Int *version, SANE_Auth_Callback authorize)
{
	(void)authorize;
	fault_log(NULL, "init");
	if (version)
		*version = SANE_VERSION_CODE(1, 0, 0);
	return meet_all("init");
}

void
sane_exit(void)
{
	fault_log(NULL, "exit");
	meet_all("exit");
}

SANE_Status
sane_get_devices(const SANE_Device ***list, SANE_Bool local)
{
	static const char *const names[] = { "0", "1", "2", "3", "4", "5", "6", "7" };
	static SANE_Device device[DEVICES_MAX];
	static const SANE_Device *devices[DEVICES_MAX + 1];
	struct scenario scenario;
	char path[PATH_SIZE];
	size_t count;

	(void)local;
	fault_log(NULL, "get_devices");
	fault_path(path, "0", "conf");
	scenario_read(&scenario, path);
	count = (size_t)scenario_number(&scenario, "devices", 1);
	for (size_t i = 0; i < count && i < DEVICES_MAX; i++) {
		device[i] =
		    (SANE_Device){ names[i], "Postroom", "Faulty", "sheetfed scanner" };
		devices[i] = &device[i];
		devices[i + 1] = NULL;
	}
	*list = devices;
	return meet_all("devices");
}

/* Real scanners let one in at a time. */
static bool
lock(struct scanner *s)
{
	char path[PATH_SIZE];

	fault_path(path, s->name, "lock");
	s->lock = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0666);
	return s->lock < 0 || scenario_is(&s->scenario, "shared", "yes") ||
	    flock(s->lock, LOCK_EX | LOCK_NB) == 0;
}

static void
drop(struct scanner *s)
{
	if (s->lock >= 0)
		close(s->lock);
	free(s->line);
	free(s);
}

SANE_Status
sane_open(SANE_String_Const name, SANE_Handle *handle)
{
	struct scanner *s = calloc(1, sizeof(*s));
	char path[PATH_SIZE];
	SANE_Status status;

	if (!s)
		return SANE_STATUS_NO_MEM;
	s->lock = -1;
	snprintf(s->name, sizeof(s->name), "%s", *name ? name : "0");
	fault_path(path, s->name, "conf");
	scenario_read(&s->scenario, path);
	fault_log(s, "open");
	status = meet(s, "open", 0);
	if (status == SANE_STATUS_GOOD && (strlen(name) > 1 || fault_is_gone(s)))
		status = SANE_STATUS_INVAL;
	if (status == SANE_STATUS_GOOD && (is_busy(s, "open") || !lock(s)))
		status = SANE_STATUS_DEVICE_BUSY;
	if (status != SANE_STATUS_GOOD) {
		fault_log(s, "open failed %d", (int)status);
		drop(s);
		return status;
	}
	knobs_make(s);
	*handle = s;
	return SANE_STATUS_GOOD;
}

void
sane_close(SANE_Handle handle)
{
	struct scanner *s = handle;

	fault_log(s, s->scanning ? "violation: close while it scans" : "close");
	meet(s, "close", 0);
	drop(s);
}

/* -- options ----------------------------------------------------------------------*/

const SANE_Option_Descriptor *
sane_get_option_descriptor(SANE_Handle handle, SANE_Int option)
{
	struct scanner *s = handle;

	if (option < 0 || (size_t)option >= s->knobs)
		return NULL;
	return &s->knob[option].about;
}

SANE_Status
sane_control_option(
    SANE_Handle handle, SANE_Int option, SANE_Action action, void *value, SANE_Int *info)
{
	struct scanner *s = handle;
	SANE_Status status = option > 0 ? meet(s, "control", 0) : SANE_STATUS_GOOD;

	if (status != SANE_STATUS_GOOD)
		return status;
	return knobs_control(s, option, action, value, info);
}

/* -- pages ------------------------------------------------------------------------*/

SANE_Status
sane_get_parameters(SANE_Handle handle, SANE_Parameters *parameters)
{
	struct scanner *s = handle;
	SANE_Status status = meet(s, "parameters", s->page);

	if (!s->scanning)
		picture_begin(s);
	*parameters = s->parameters;
	if (scenario_is(&s->scenario, "lines", "-1"))
		parameters->lines = -1;
	return status;
}

static bool
is_feeder(const struct scanner *s)
{
	return strstr(knobs_text(s, "source", "ADF"), "lat") == NULL; /* Flatbed */
}

/* The next sheet's side. NO_DOCS: there is none. */
static SANE_Status
feed(struct scanner *s)
{
	char pages[SCENARIO_VALUE];

	if (!is_feeder(s)) {
		s->page++;
		return SANE_STATUS_GOOD;
	}
	scenario_item(scenario_text(&s->scenario, "pages", "3"), s->stack, pages);
	if (s->fed >= strtol(pages, NULL, 10)) {
		s->ran_out = true;
		return SANE_STATUS_NO_DOCS;
	}
	s->fed++;
	s->page++;
	return SANE_STATUS_GOOD;
}

SANE_Status
sane_start(SANE_Handle handle)
{
	struct scanner *s = handle;
	SANE_Status status = SANE_STATUS_GOOD;
	bool more_planes = s->scanning && !s->parameters.last_frame;

	if (s->scanning && s->offset < s->total)
		fault_log(s, "violation: start in the middle of a frame");
	if (!more_planes) {
		fault_log(s, "start %d", s->page + 1);
		status = is_busy(s, "start") ? SANE_STATUS_DEVICE_BUSY
					     : meet(s, "start", s->page + 1);
		if (status == SANE_STATUS_GOOD)
			status = feed(s);
		s->plane = 0;
	} else {
		s->plane++;
		fault_log(s, "start %d plane %zu", s->page, s->plane + 1);
	}
	s->scanning = status == SANE_STATUS_GOOD;
	s->cancelled = false;
	if (s->scanning)
		picture_begin(s);
	else
		fault_log(s, "start failed %d", (int)status);
	return status;
}

/* How many bytes a read gives, up to the middle of the frame at first. */
static size_t
share(struct scanner *s, SANE_Int most)
{
	size_t middle = s->total / 2 + (s->total > 2); /* not at a line's end */
	size_t len = most > 0 ? (size_t)most : 0;
	size_t limit = (size_t)scenario_number(&s->scenario, "read-max", 1 << 30);
	size_t left = (s->met_middle ? s->total : middle) - s->offset;

	if (s->reads++ % 2 && scenario_is(&s->scenario, "read-zero", "yes"))
		return 0;
	len = len < limit ? len : limit;
	return len < left ? len : left;
}

/* The fault of this place in the frame. */
static SANE_Status
meet_in_frame(struct scanner *s)
{
	SANE_Status status = SANE_STATUS_GOOD;

	if (!s->met_start) {
		s->met_start = true;
		fault_log(s, "read %d", s->page);
		status = meet(s, "first-read", s->page);
	}
	if (status == SANE_STATUS_GOOD && !s->met_middle &&
	    s->offset == s->total / 2 + (s->total > 2)) {
		s->met_middle = true;
		fault_log(s, "middle %d", s->page);
		status = meet(s, "read", s->page);
	}
	if (status == SANE_STATUS_GOOD && s->offset == s->total) {
		status = meet(s, "end", s->page);
		if (status == SANE_STATUS_GOOD)
			status = SANE_STATUS_EOF;
		fault_log(s, "end %d", s->page);
	}
	return status;
}

SANE_Status
sane_read(SANE_Handle handle, SANE_Byte *data, SANE_Int most, SANE_Int *length)
{
	struct scanner *s = handle;
	int delay = (int)scenario_number(&s->scenario, "read-delay", 0);
	struct timespec wait = { delay / 1000, delay % 1000 * 1000000L };
	SANE_Status status;
	size_t len;

	if (!s->scanning) {
		fault_log(
		    s, s->cancelled ? "read cancelled" : "violation: read without start");
		return s->cancelled ? SANE_STATUS_CANCELLED : SANE_STATUS_INVAL;
	}
	if (delay)
		nanosleep(&wait, NULL);
	status = meet_in_frame(s);
	if (!s->scanning) /* a signal's sane_cancel() */
		status = SANE_STATUS_CANCELLED;
	if (status != SANE_STATUS_GOOD) {
		if (status != SANE_STATUS_EOF || s->parameters.last_frame)
			s->scanning = false;
		return status; /* *length as it was: some drivers forget it */
	}
	len = share(s, most);
	picture_copy(s, data, len);
	*length = (SANE_Int)len;
	return SANE_STATUS_GOOD;
}

/* Ejects what is in the feeder's path: of a sheet whose front is read, the back is lost.
 */
void
sane_cancel(SANE_Handle handle)
{
	struct scanner *s = handle;
	char pages[SCENARIO_VALUE];

	fault_log(s, "cancel");
	meet(s, "cancel", 0);
	s->scanning = false;
	s->cancelled = true;
	if (!s->ran_out && is_feeder(s) && s->page % 2 &&
	    strstr(knobs_text(s, "source", ""), "Duplex")) {
		s->page++;
		s->fed++;
	}
	if (s->ran_out &&
	    (scenario_item(
		 scenario_text(&s->scenario, "pages", "3"), s->stack + 1, pages) ||
		scenario_is(&s->scenario, "refill", "yes"))) {
		s->stack++;
		s->fed = 0;
		s->ran_out = false;
	}
}

SANE_Status
sane_set_io_mode(SANE_Handle handle, SANE_Bool non_blocking)
{
	(void)handle;
	return non_blocking ? SANE_STATUS_UNSUPPORTED : SANE_STATUS_GOOD;
}

SANE_Status
sane_get_select_fd(SANE_Handle handle, SANE_Int *fd)
{
	(void)handle;
	(void)fd;
	return SANE_STATUS_UNSUPPORTED;
}
