/*
 * What the tests of scan2mail/device.c share: a scanner of ours behind the functions of
 * libsane, which these here take the place of. To be included once, by a test.
 */
#ifndef POSTROOM_TESTS_DEVICE_RIG_H
#define POSTROOM_TESTS_DEVICE_RIG_H

#include <semaphore.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cmocka.h>
#include <sane/sane.h>

#include "scan2mail/child.h"
#include "scan2mail/device.h"
#include "scan2mail/request.h"

enum {
	LIMIT_MS = 60 * 1000, /* never reached */
	CALLS_MAX = 256,
	TAKES_MAX = 16,
	WIDTH = 100,
	LINES = 50,
	PAGE = WIDTH * LINES, /* bytes of a grey page */
};

/* What reading does when the bytes are out. */
enum ending {
	ENDS,           /* gives the status */
	BLOCKS,         /* until a signal comes */
	BLOCKS_AGAIN,   /* until sane_cancel() */
	LENGTH_LIES,    /* a length beyond the buffer */
	FAILS_WITH_LEN, /* a status and a length that means nothing */
};

/* What a sane_start() brings. */
struct take {
	SANE_Status start;
	SANE_Parameters at, then; /* then: after the first bytes, where depth is set */
	int bytes;
	SANE_Status end; /* GOOD stands for EOF */
	enum ending ending;
	bool more; /* it is not the last frame */
	int piece; /* most bytes of a read; 0: all; every other read gives nothing */
};

/* A grey page; so many bytes of one; a page of another kind; one of three frames. */
#define GRAY            PART(PAGE, .piece = 0)
#define PART(size, ...) SORT(SANE_FRAME_GRAY, LINES, size, __VA_ARGS__)
#define PLANE(format)   SORT(format, LINES, PAGE, .more = true)
#define LAST(format)    SORT(format, LINES, PAGE, .piece = 0)
#define SORT(kind, height, size, ...)                                                    \
	{                                                                                \
		.at.format = (kind), .at.bytes_per_line = WIDTH,                         \
		.at.pixels_per_line = WIDTH, .at.lines = (height), .at.depth = 8,        \
		.bytes = (size), __VA_ARGS__                                             \
	}
/* The status of sane_start(). */
#define START(status)                                                                    \
	{                                                                                \
		.start = (SANE_Status)(status)                                           \
	}

/* The scanner of a test. The child has a copy, and shares the second one. */
static struct {
	SANE_Status init, open, devices;
	int open_busy; /* how often it is in use first */
	bool flatbed_only, hangs_in_cancel;
	struct take take[TAKES_MAX];
	size_t next;
	const char *source;
} scanner;

static struct {
	pid_t pid;
	sem_t blocks;          /* the driver is about to block */
	char calls[CALLS_MAX]; /* a letter each; only C and X twice in a row */
} * seen;

static struct request request;
static struct child *child;
static struct wire_record record;
static struct error failure;

/* -- libsane ------------------------------------------------------------------------ */

static const struct take *current; /* of this frame; NULL: none is under way */
static int given;
static int reads;
static volatile sig_atomic_t cancelled;
static char handle[] = "a handle";

static void
called(char letter)
{
	size_t len = strlen(seen->calls);

	if (len + 1 < CALLS_MAX &&
	    (len == 0 || seen->calls[len - 1] != letter || strchr("CX", letter)))
		seen->calls[len] = letter;
}

SANE_Status
sane_init(SANE_Int *version, SANE_Auth_Callback authorize)
{
	(void)version, (void)authorize;
	seen->pid = getpid();
	return scanner.init;
}

void
sane_exit(void)
{
	called('E');
}

SANE_Status
sane_get_devices(const SANE_Device ***list, SANE_Bool local)
{
	static const SANE_Device first = { "rig:0", "Maker", "Model", "sheetfed" };
	static const SANE_Device second = { "rig:1", NULL, "", "" };
	static const SANE_Device *all[] = { &first, &second, NULL };

	(void)local;
	*list = all;
	return scanner.devices;
}

SANE_Status
sane_open(SANE_String_Const name, SANE_Handle *out)
{
	called('O');
	if (strcmp(name, "rig:0") != 0)
		return SANE_STATUS_INVAL;
	*out = handle;
	return scanner.open_busy-- > 0 ? SANE_STATUS_DEVICE_BUSY : scanner.open;
}

void
sane_close(SANE_Handle h)
{
	(void)h;
	called('X');
}

static const SANE_String_Const both[] = { "Flatbed", "ADF", NULL };
static const SANE_String_Const one[] = { "Flatbed", NULL };

const SANE_Option_Descriptor *
sane_get_option_descriptor(SANE_Handle h, SANE_Int number)
{
	static const SANE_Option_Descriptor count = { .name = "",
		.type = SANE_TYPE_INT,
		.size = sizeof(SANE_Word),
		.cap = SANE_CAP_SOFT_DETECT };
	static SANE_Option_Descriptor source = { .name = "source",
		.title = "Source",
		.type = SANE_TYPE_STRING,
		.size = 32,
		.cap = SANE_CAP_SOFT_SELECT | SANE_CAP_SOFT_DETECT,
		.constraint_type = SANE_CONSTRAINT_STRING_LIST };

	(void)h;
	source.constraint.string_list = scanner.flatbed_only ? one : both;
	return number == 0 ? &count : number == 1 ? &source : NULL;
}

SANE_Status
sane_control_option(
    SANE_Handle h, SANE_Int number, SANE_Action action, void *value, SANE_Int *info)
{
	(void)h;
	if (info)
		*info = 0;
	if (number == 0 && action == SANE_ACTION_GET_VALUE)
		*(SANE_Word *)value = 2;
	else if (number == 1 && action == SANE_ACTION_GET_VALUE)
		snprintf(value, 32, "%s", scanner.source);
	else if (number == 1 && action == SANE_ACTION_SET_VALUE &&
	    strcmp(value, scanner.source) != 0) {
		scanner.source = strcmp(value, both[0]) == 0 ? both[0] : both[1];
		called(scanner.source == both[0] ? 'f' : 'a');
	}
	return number > 1 ? SANE_STATUS_INVAL : SANE_STATUS_GOOD;
}

SANE_Status
sane_start(SANE_Handle h)
{
	const struct take *take = &scanner.take[scanner.next];

	(void)h;
	called('S');
	if (scanner.next + 1 < TAKES_MAX)
		scanner.next++;
	current = take->start == SANE_STATUS_GOOD ? take : NULL;
	given = reads = 0;
	if (take->start == SANE_STATUS_INVAL) /* a driver that knows better */
		scanner.source = scanner.source == both[0] ? both[1] : both[0];
	return take->start;
}

SANE_Status
sane_get_parameters(SANE_Handle h, SANE_Parameters *out)
{
	(void)h;
	called(current ? 'P' : '?');
	if (!current)
		return SANE_STATUS_GOOD; /* with whatever was in *out */
	*out = given && current->then.depth ? current->then : current->at;
	out->last_frame = !current->more;
	return SANE_STATUS_GOOD;
}

static SANE_Status
end_reading(SANE_Int *len)
{
	switch (current->ending) {
	case BLOCKS:
		sem_post(&seen->blocks);
		pause();
		return SANE_STATUS_IO_ERROR;
	case BLOCKS_AGAIN:
		sem_post(&seen->blocks);
		while (!cancelled)
			pause();
		return SANE_STATUS_EOF; /* some drivers end such a page as if it were */
	case LENGTH_LIES: *len = CHILD_BLOCK_SIZE + 1; return SANE_STATUS_GOOD;
	case FAILS_WITH_LEN: *len = 1000; break;
	case ENDS: break;
	}
	return current->end ? current->end : SANE_STATUS_EOF;
}

SANE_Status
sane_read(SANE_Handle h, SANE_Byte *data, SANE_Int max, SANE_Int *len)
{
	int n;

	(void)h;
	if (!current)
		return SANE_STATUS_CANCELLED;
	if (given == 0)
		called('R');
	if (current->piece && reads++ % 2 == 0)
		return SANE_STATUS_GOOD; /* and nothing, not even a length */
	n = current->bytes - given;
	if (n == 0)
		return end_reading(len);
	if (current->piece && n > current->piece)
		n = current->piece;
	*len = n < max ? n : max;
	memset(data, 'a' + (int)scanner.next, (size_t)*len);
	given += *len;
	return SANE_STATUS_GOOD;
}

void
sane_cancel(SANE_Handle h)
{
	called(h == handle ? 'C' : '!');
	cancelled = 1;
	while (scanner.hangs_in_cancel)
		pause();
}

SANE_String_Const
sane_strstatus(SANE_Status status)
{
	(void)status;
	return "a status";
}

/* -- the tests' side ---------------------------------------------------------------- */

static inline int
set_up(void **state)
{
	(void)state;
	seen = mmap(NULL, sizeof(*seen), PROT_READ | PROT_WRITE,
	    MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	assert_true(seen != MAP_FAILED);
	assert_int_equal(sem_init(&seen->blocks, 1, 0), 0);
	memset(&scanner, 0, sizeof(scanner));
	scanner.source = both[0];
	request = (struct request){
		.device = (char *)"rig:0",
		.source = SOURCE_ADF,
		.mode = MODE_GRAY,
		.resolution = 300,
		.waits = { .busy = 60 },
	};
	child = NULL;
	return 0;
}

static inline int
tear_down(void **state)
{
	(void)state;
	child_end(child, LIMIT_MS);
	munmap(seen, sizeof(*seen));
	return 0;
}

/* Tells the scanner what its feeder holds, or what comes onto its glass, and scans. */
#define SCAN(...)                                                                        \
	do {                                                                             \
		const struct take takes_[] = { __VA_ARGS__ };                            \
                                                                                         \
		memcpy(scanner.take, takes_, sizeof(takes_));                            \
		scan();                                                                  \
	} while (0)

static inline void
scan(void)
{
	assert_int_equal(child_start(&child, device_scan, &request, &failure), STATUS_OK);
}

static inline void
next(void)
{
	if (child_next(child, &record, LIMIT_MS, &failure) != STATUS_OK)
		fail_msg("no record: %s (%s)", failure.text, seen->calls);
}

static inline void
expect(enum wire_kind kind)
{
	next();
	if (record.kind != kind)
		fail_msg("record %d in place of %d (%s): %.*s", record.kind, kind,
		    seen->calls, (int)record.len, record.payload);
}

static inline void
expect_ready(const char *sides)
{
	const char *text;

	expect(WIRE_READY);
	assert_true(wire_get_texts(&text, 1, &record));
	assert_string_equal(text, sides);
}

/* The lines of a frame: all of a byte, `bytes` of them; the record behind them is taken
 * too. */
static inline void
expect_rows(size_t bytes)
{
	size_t got = 0;

	for (next(); record.kind == WIRE_ROWS; next()) {
		for (size_t i = 1; i < record.len; i++)
			assert_int_equal(record.payload[i], record.payload[0]);
		got += record.len;
	}
	assert_int_equal(got, bytes);
}

static inline void
expect_page(void)
{
	expect(WIRE_PAGE);
	expect_rows(PAGE);
	assert_int_equal(record.kind, WIRE_PAGE_END);
}

static inline void
assert_fault(const char *words, const char *sentence)
{
	const char *texts[2], *said;

	assert_int_equal(record.kind, WIRE_FAULT);
	assert_true(wire_get_texts(texts, 2, &record));
	assert_string_equal(texts[0], words);
	said = texts[1] ? texts[1] : "nothing";
	if (!strstr(said, sentence))
		fail_msg("\"%s\" is not in: %s", sentence, said);
}

static inline void
expect_fault(const char *words, const char *sentence)
{
	expect(WIRE_FAULT);
	assert_fault(words, sentence);
}

/* Lets the child end by itself, and compares what it has called. */
static inline void
assert_calls(const char *calls)
{
	assert_int_equal(child_next(child, &record, LIMIT_MS, &failure), STATUS_INVALID);
	assert_non_null(strstr(failure.text, "crashed"));
	assert_null(strstr(failure.text, "signal"));
	child_end(child, LIMIT_MS);
	child = NULL;
	assert_string_equal(seen->calls, calls);
}

#endif
