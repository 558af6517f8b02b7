/* limits: what one account may do at a time (limits.h). */
#include "lib/send/limits.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <poll.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include <zlib.h>

enum {
	SECOND = 1000000000, /* ns */
	MILLISECOND = 1000000,
	FILE_NAME_MAX = LIMITS_NAME_MAX + 24,
	STATE_WAIT = 1,    /* second that the state's lock is waited for */
	LOOK_LEAST = 50,   /* ms between two looks for a lock that another has, */
	LOOK_CHANCE = 50,  /* and by chance up to so many more */
	BUSY_LEAST = 2000, /* the same for a whole try of a job */
	BUSY_CHANCE = 3000,
};

struct limits {
	int folder;
	char account[LIMITS_NAME_MAX]; /* in small letters */
	uint64_t connections, fingerprint;
	uint32_t server; /* the host's CRC-32 */
	struct standing_rate rate;
	int slot, login; /* descriptors of locked files, or -1 */
};

/* -- time -------------------------------------------------------------------------- */

static int64_t
boot_clock(void)
{
	struct timespec t;

	clock_gettime(CLOCK_BOOTTIME, &t);
	return t.tv_sec * (int64_t)SECOND + t.tv_nsec;
}

/* A span of `least` ms, and by chance up to `more` ms longer; in ns. */
static int64_t
by_chance(int64_t least, uint32_t more)
{
	return least * MILLISECOND + arc4random_uniform(more * MILLISECOND);
}

/* Waits, or until stop turns readable: STATUS_CANCELLED. */
static enum status
wait_for(int stop, int64_t ns)
{
	struct pollfd watched = { .fd = stop, .events = POLLIN };
	struct timespec t = { .tv_sec = ns / SECOND, .tv_nsec = ns % SECOND };

	return ppoll(&watched, 1, &t, NULL) > 0 ? STATUS_CANCELLED : STATUS_OK;
}

/* -- files and locks --------------------------------------------------------------- */

/* Opens ACCOUNT.part. With O_CREAT in `how` one that is missing is made; without it *out
 * is -1 then. */
static enum status
open_part(int *out, const struct limits *l, const char *part, int how, struct error *e)
{
	char name[FILE_NAME_MAX];
	struct stat st;
	int fd;

	snprintf(name, sizeof(name), "%s.%s", l->account, part);
	/* O_NONBLOCK: what is no file must not keep us waiting either */
	fd = openat(
	    l->folder, name, how | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC, 0600);
	if (fd < 0 && errno == ENOENT && !(how & O_CREAT)) {
		*out = -1;
		return STATUS_OK;
	}
	if (fd < 0)
		return error_errno(e, "the file %s cannot be opened", name);
	if (fstat(fd, &st) == 0 && S_ISREG(st.st_mode)) {
		*out = fd;
		return STATUS_OK;
	}
	close(fd);
	return error_set(e, STATUS_RETRY, "%s is no regular file; remove it", name);
}

static void
release(int *fd)
{
	if (*fd < 0)
		return;
	flock(*fd, LOCK_UN); /* close() alone would leave it to a forked child */
	close(*fd);
	*fd = -1;
}

/* Locks ACCOUNT.part, unless it is locked here already. *fd stays -1 when another process
 * has it. The file is opened anew each time: one that was removed counts no longer. */
static enum status
try_lock(const struct limits *l, const char *part, int *fd, struct error *e)
{
	enum status status;
	int file;

	if (*fd >= 0)
		return STATUS_OK;
	status = open_part(&file, l, part, O_RDWR | O_CREAT, e);
	if (status)
		return status;
	if (flock(file, LOCK_EX | LOCK_NB) == 0) {
		*fd = file;
		return STATUS_OK;
	}
	if (errno != EWOULDBLOCK && errno != EINTR)
		status = error_errno(e, "%s.%s cannot be locked", l->account, part);
	close(file);
	return status;
}

/* A connection's lock. A process that was started when more were allowed keeps the higher
 * one that it has until it leaves. */
static enum status
try_slot(struct limits *l, struct error *e)
{
	enum status status = STATUS_OK;
	char number[24];

	for (uint64_t n = 1; l->slot < 0 && n <= l->connections; n++) {
		snprintf(number, sizeof(number), "%" PRIu64, n);
		status = try_lock(l, number, &l->slot, e);
		if (status)
			break;
	}
	return status;
}

/* -- the state --------------------------------------------------------------------- */

/* The standing while its file is locked. */
struct session {
	int fd;
	struct standing standing;
	struct moment now;
};

/* The lock is held for some microseconds at a time: whoever has it for STATE_WAIT was
 * stopped, and must not stop everybody. */
static enum status
lock_state(const struct limits *l, int *fd, int stop, struct error *e)
{
	int64_t end = boot_clock() + STATE_WAIT * (int64_t)SECOND;
	enum status status;

	for (;;) {
		status = try_lock(l, "state", fd, e);
		if (status || *fd >= 0)
			return status;
		if (boot_clock() > end)
			return error_set(e, STATUS_RETRY,
			    "%s.state is locked by a process that does not go on",
			    l->account);
		status = wait_for(stop, by_chance(0, 1));
		if (status)
			return status;
	}
}

static enum status
read_state(struct standing *out, int fd, const struct limits *l, struct error *e)
{
	char bytes[STANDING_MAX];
	ssize_t n = pread(fd, bytes, sizeof(bytes), 0);

	if (n < 0)
		return error_errno(e, "%s.state cannot be read", l->account);
	standing_read(out, bytes, (size_t)n);
	return STATUS_OK;
}

static enum status
open_session(const struct limits *l, struct session *s, int stop, struct error *e)
{
	enum status status;

	s->fd = -1;
	status = lock_state(l, &s->fd, stop, e);
	if (status)
		return status;
	status = read_state(&s->standing, s->fd, l, e);
	if (status)
		release(&s->fd);
	s->now = moment_now();
	return status;
}

/* The same for what an attempt taught, which nothing can be done about. */
static bool
begin(const struct limits *l, struct session *s)
{
	return open_session(l, s, -1, NULL) == STATUS_OK;
}

/* Writes in one write from the start, then cuts off what was longer. No fsync: what a
 * power loss takes away is begun anew, and nobody was sending while the power was off. */
static enum status
store(const struct limits *l, const struct session *s, struct error *e)
{
	enum status status = STATUS_OK;
	struct buf text;
	ssize_t n;

	errno = ENOMEM;
	buf_init(&text, STANDING_MAX);
	if (standing_write(&text, &s->standing)) {
		n = pwrite(s->fd, text.data, text.len, 0);
		if (n == (ssize_t)text.len)
			n = ftruncate(s->fd, (off_t)text.len);
		else if (n >= 0)
			errno = ENOSPC;
		if (n == 0)
			goto out;
	}
	status = error_errno(e, "%s.state cannot be written", l->account);
out:
	buf_clear(&text);
	return status;
}

static void
finish(const struct limits *l, struct session *s, bool changed)
{
	if (changed)
		store(l, s, NULL);
	release(&s->fd);
}

/* -- opening ----------------------------------------------------------------------- */

static bool
is_name(const char *text)
{
	static const char allowed[] = "abcdefghijklmnopqrstuvwxyz"
				      "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-";

	return *text && strlen(text) < LIMITS_NAME_MAX &&
	    text[strspn(text, allowed)] == '\0';
}

static struct standing_rate
make_rate(uint64_t per_minute)
{
	uint64_t rate = per_minute ? per_minute : 1, burst = rate / 6;

	if (burst > LIMITS_BURST)
		burst = LIMITS_BURST;
	return (struct standing_rate){
		.interval = (int64_t)((60 * (uint64_t)SECOND + rate - 1) / rate),
		.burst = burst ? (int64_t)burst : 1,
	};
}

/* A number for a host's name. That two have the same one is as unlikely as harmless: the
 * next EHLO tells. */
static uint32_t
number_server(const char *host)
{
	if (!host)
		return 0;
	return (uint32_t)crc32(0, (const Bytef *)host, (uInt)strlen(host));
}

static enum status
set_account(struct limits *l, const char *name, struct error *e)
{
	if (!is_name(name))
		return error_set(e, STATUS_SETTINGS,
		    "'%.100s' is no name of an account; allowed: up to %d letters, "
		    "digits, '.', '_', '-'",
		    name, LIMITS_NAME_MAX - 1);
	for (size_t i = 0; name[i]; i++) {
		char c = name[i];

		l->account[i] = c >= 'A' && c <= 'Z' ? (char)(c + 'a' - 'A') : c;
	}
	return STATUS_OK;
}

static void
set_rule(struct limits *l, const struct limits_rule *rule)
{
	l->connections = rule->connections ? rule->connections : 1;
	l->fingerprint = rule->fingerprint;
	l->server = number_server(rule->server);
	l->rate = make_rate(rule->per_minute);
}

enum status
limits_open(
    struct limits **out, int folder, const struct limits_rule *rule, struct error *e)
{
	struct limits *l = calloc(1, sizeof(*l));
	enum status status;
	int fd;

	if (!l)
		return error_errno(e, "the limits of the account %s", rule->account);
	status = set_account(l, rule->account, e);
	if (status) {
		free(l);
		return status;
	}
	set_rule(l, rule);
	l->slot = l->login = -1;
	l->folder = fcntl(folder, F_DUPFD_CLOEXEC, 0);
	status = l->folder < 0 ? error_errno(e, "the folder of the limits")
			       : open_part(&fd, l, "state", O_RDWR | O_CREAT, e);
	if (status) {
		limits_close(l);
		return status;
	}
	close(fd);
	*out = l;
	return STATUS_OK;
}

void
limits_close(struct limits *l)
{
	if (!l)
		return;
	limits_leave(l);
	if (l->folder >= 0)
		close(l->folder);
	free(l);
}

/* -- entering ---------------------------------------------------------------------- */

/* What can be in the way, in the order in which it is looked for: a token is spent last,
 * by somebody who has all else. */
enum obstacle { NOTHING, PAUSE, REFUSED, SLOT, LOGIN, BUCKET, TROUBLE };

static const struct {
	int stay; /* seconds that it is waited out here; 0: not at all */
	const char *text;
} obstacles[] = {
	[NOTHING] = { 0, "" },
	[PAUSE] = { LIMITS_PAUSE_STAY, "the server asked for a pause" },
	[REFUSED] = { 0,
	    "its login was refused, and is tried once in 15 minutes, or when its "
	    "settings or secret change, or somebody signs in" },
	[SLOT] = { LIMITS_WAIT_MAX, "all its connections (max_connections) are in use" },
	[LOGIN] = { LIMITS_WAIT_MAX, "another job is trying its login" },
	[BUCKET] = { LIMITS_WAIT_MAX, "it has sent what max_per_minute allows" },
	[TROUBLE] = { 0, "its limits cannot be kept; see to the disk of state_dir" },
};

struct turn {
	enum obstacle obstacle;
	int64_t wait;      /* ns until it may be gone */
	struct error text; /* what else is known of it */
};

static void
meet(struct turn *t, enum obstacle obstacle, int64_t wait, const char *text)
{
	t->obstacle = obstacle;
	t->wait = wait;
	error_set(&t->text, STATUS_RETRY, "%s", text);
}

/* What the server has closed. */
static bool
meet_gate(const struct limits *l, const struct session *s, struct turn *t)
{
	const struct standing *standing = &s->standing;
	int64_t pause = standing_pause_left(standing, &s->now);
	int64_t refusal = standing_refusal_left(standing, l->fingerprint, &s->now);

	if (pause > 0)
		meet(t, PAUSE, pause * MILLISECOND, standing->pause.text);
	else if (refusal > 0)
		meet(t, REFUSED, refusal * MILLISECOND, standing->refused.text);
	return pause > 0 || refusal > 0;
}

/* One look at all that can be in the way; takes what is free of it. */
static enum status
look(struct limits *l, struct session *s, struct turn *t)
{
	bool known = standing_knows(&s->standing, l->fingerprint);
	enum status status;
	int64_t wait;

	if (meet_gate(l, s, t))
		return STATUS_OK;
	status = try_slot(l, &t->text);
	if (status == STATUS_OK && l->slot >= 0 && !known)
		status = try_lock(l, "login", &l->login, &t->text);
	if (status)
		return status;
	wait = by_chance(LOOK_LEAST, LOOK_CHANCE);
	if (l->slot < 0) {
		meet(t, SLOT, wait, "");
	} else if (!known && l->login < 0) {
		meet(t, LOGIN, wait, "");
	} else {
		wait = standing_take_token(&s->standing, &l->rate, boot_clock());
		meet(t, wait ? BUCKET : NOTHING, wait, "");
	}
	return STATUS_OK;
}

/* Looks once, and writes down what is granted before it is used. What cannot be written
 * down is not granted, as the next process would not know of it: on a disk that takes
 * nothing, a job that waits is safer than a mailbox that is locked for its logins. */
static void
take_turn(struct limits *l, int stop, struct turn *t)
{
	struct session s;
	enum status status = open_session(l, &s, stop, &t->text);

	if (status == STATUS_OK) {
		status = look(l, &s, t);
		if (status == STATUS_OK && t->obstacle == NOTHING) {
			standing_login_tried(&s.standing, l->fingerprint, &s.now);
			status = store(l, &s, &t->text);
		}
		release(&s.fd);
	}
	if (status == STATUS_CANCELLED) /* which the caller's next look at stop sees */
		meet(t, SLOT, 0, "");
	else if (status)
		t->obstacle = TROUBLE;
}

static bool
is_worth_waiting(const struct turn *t, int64_t end)
{
	int64_t stay = obstacles[t->obstacle].stay * (int64_t)SECOND;

	return stay > 0 && t->wait <= stay && boot_clock() + t->wait <= end;
}

/* The ms until another try is worth it. Of trouble nobody knows: 0, so that the job's own
 * schedule applies, whose waits grow. */
static int64_t
tell_wait(const struct turn *t)
{
	int64_t wait = t->wait;

	if (t->obstacle == TROUBLE)
		return 0;
	if (t->obstacle != PAUSE && t->obstacle != REFUSED)
		wait += by_chance(BUSY_LEAST, BUSY_CHANCE);
	return (wait + MILLISECOND - 1) / MILLISECOND;
}

static enum status
refuse(const struct limits *l, const struct turn *t, struct limits_closed *closed,
    struct error *e)
{
	const char *text = t->text.text;

	closed->wait = tell_wait(t);
	return error_set(e, STATUS_RETRY, "account %s: %s%s%s", l->account,
	    obstacles[t->obstacle].text, *text ? ": " : "", text);
}

enum status
limits_enter(struct limits *l, int stop, struct limits_closed *closed, struct error *e)
{
	int64_t end = boot_clock() + LIMITS_WAIT_MAX * (int64_t)SECOND;
	struct turn t = { .obstacle = NOTHING };
	enum status status;

	do {
		status = wait_for(stop, t.wait);
		if (status) {
			limits_leave(l);
			return error_set(e, status,
			    "the job was stopped while it waited for the account %s",
			    l->account);
		}
		take_turn(l, stop, &t);
	} while (is_worth_waiting(&t, end));
	if (t.obstacle == NOTHING)
		return STATUS_OK;
	limits_leave(l);
	return refuse(l, &t, closed, e);
}

void
limits_leave(struct limits *l)
{
	release(&l->slot);
	release(&l->login);
}

/* -- what an attempt taught -------------------------------------------------------- */

void
limits_login_good(struct limits *l)
{
	struct session s;

	if (l->fingerprint && begin(l, &s))
		finish(l, &s, standing_login_good(&s.standing, l->fingerprint));
	release(&l->login);
}

int64_t
limits_login_refused(struct limits *l, const char *text)
{
	struct session s;
	int64_t since = 0;

	if (l->fingerprint && begin(l, &s)) {
		since = standing_login_refused(&s.standing, l->fingerprint, &s.now, text);
		finish(l, &s, true);
	}
	release(&l->login);
	return since;
}

void
limits_pause(struct limits *l, int64_t ms, const char *text)
{
	struct session s;

	if (begin(l, &s))
		finish(l, &s, standing_pause(&s.standing, &s.now, ms, text));
}

void
limits_size_seen(struct limits *l, uint64_t size)
{
	struct session s;

	if (begin(l, &s))
		finish(l, &s, standing_size_seen(&s.standing, &s.now, l->server, size));
}

uint64_t
limits_size(struct limits *l)
{
	struct session s;
	uint64_t size = 0;

	if (begin(l, &s)) {
		size = standing_size(&s.standing, &s.now, l->server);
		finish(l, &s, false);
	}
	return size;
}

/* -- for onlookers ------------------------------------------------------------------- */

/* Without the lock: an onlooker that is stopped must not stop the account. What it meets
 * half written is damaged, and counts as nothing. */
enum status
limits_peek(struct limits_refusal *out, int folder, const char *account, struct error *e)
{
	const struct moment now = moment_now();
	struct limits l = { .folder = folder };
	struct standing s = { .bucket = 0 };
	enum status status;
	int fd = -1;

	status = set_account(&l, account, e);
	if (status == STATUS_OK)
		status = open_part(&fd, &l, "state", O_RDONLY, e);
	if (status == STATUS_OK && fd >= 0)
		status = read_state(&s, fd, &l, e);
	if (fd >= 0)
		close(fd);
	if (status)
		return status;
	out->left = standing_refusal_left(&s, s.refused.fingerprint, &now);
	out->since = out->left ? LIMITS_LOGIN_PAUSE * INT64_C(1000) - out->left : 0;
	memcpy(out->text, s.refused.text, sizeof(out->text));
	return STATUS_OK;
}
