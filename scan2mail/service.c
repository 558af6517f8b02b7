/* service: what scan2maild does (service.h). */
#include "scan2mail/service.h"

#include <stdlib.h>
#include <string.h>

#include "lib/base/clock.h"
#include "lib/base/log.h"
#include "scan2mail/run.h"
#include "scan2mail/watch.h"

struct station {
	char *device;
	struct watch *watch; /* NULL: no longer in the settings */
	struct run *run;     /* NULL: none */
};

struct service {
	char *program;
	struct config *config; /* NULL: none yet */
	struct station station[SERVICE_SCANNERS_MAX];
	size_t count;
	struct run *resend; /* NULL: none */
	int64_t resend_due; /* WATCH_NEVER: nothing is kept */
	unsigned resends;   /* that did not bring all in */
};

struct service *
service_new(const char *program)
{
	struct service *s = calloc(1, sizeof(*s));

	if (!s)
		return NULL;
	s->resend_due = WATCH_NEVER;
	s->program = strdup(program);
	if (s->program)
		return s;
	free(s);
	return NULL;
}

/* -- settings -------------------------------------------------------------------------*/

/* What the settings alone can tell of a button that would never work. */
static enum status
check_buttons(const struct config *c, struct error *e)
{
	for (size_t i = 0; i < c->button_count; i++) {
		const struct button *b = &c->button[i];

		if (!config_profile(c, b->profile))
			return error_set(e, STATUS_SETTINGS,
			    "%s:%u: the button's profile %s is missing; allowed: the name "
			    "of a section [scan NAME]",
			    c->path, b->place.line, b->profile);
	}
	return STATUS_OK;
}

static struct station *
find_station(struct station *stations, size_t count, const char *device)
{
	for (size_t i = 0; i < count; i++)
		if (strcmp(stations[i].device, device) == 0)
			return &stations[i];
	return NULL;
}

static void
clear_station(struct station *t)
{
	watch_free(t->watch);
	free(t->device);
	*t = (struct station){ .device = NULL };
}

/* All at one time, so that many that hang are waited for together. */
static void
term_stations(struct station *stations, size_t count)
{
	for (size_t i = 0; i < count; i++)
		if (stations[i].watch)
			watch_term(stations[i].watch);
}

/* A station for each device with buttons. False: memory is short, and there is none. */
static bool
make_stations(struct station *out, size_t *count, const struct config *c)
{
	size_t made = 0;
	bool good = true;

	for (size_t i = 0; i < c->button_count && good; i++) {
		const char *device = c->button[i].device;

		if (find_station(out, made, device))
			continue;
		out[made].device = strdup(device);
		out[made].watch = watch_new(c, device);
		good = out[made].device && out[made].watch;
		made++;
	}
	*count = made;
	while (!good && made-- > 0)
		clear_station(&out[made]);
	return good;
}

/* Moves what is known of the buttons, and what scans at this moment, which goes on, to
 * the new stations. */
static void
move_runs(struct service *s, struct station *fresh, size_t *count)
{
	term_stations(s->station, s->count);
	for (size_t i = 0; i < s->count; i++) {
		struct station *old = &s->station[i];
		struct station *target = find_station(fresh, *count, old->device);

		if (old->watch && target && target->watch)
			watch_inherit(target->watch, old->watch);
		if (old->run && target) {
			target->run = old->run;
			watch_pause(target->watch);
		} else if (old->run && *count < SERVICE_SCANNERS_MAX) {
			fresh[(*count)++] =
			    (struct station){ .device = old->device, .run = old->run };
			old->device = NULL;
		} else if (old->run) {
			run_kill(old->run); /* reloaded again and again while it scans */
			run_finish(old->run);
		}
		clear_station(old);
	}
}

enum status
service_load(struct service *s, const char *path, struct error *e)
{
	struct station fresh[SERVICE_SCANNERS_MAX] = { 0 };
	struct config *config = NULL;
	size_t count = 0;
	enum status status = config_load(&config, path, e);

	if (status == STATUS_OK)
		status = check_buttons(config, e);
	if (status == STATUS_OK && !make_stations(fresh, &count, config))
		status = error_set(e, STATUS_RETRY, "out of memory");
	if (status != STATUS_OK) {
		config_free(config);
		return status;
	}
	if (config->button_count == 0)
		log_message(LEVEL_WARNING,
		    "%s has no section [button DEVICE OPTION]: nothing is watched", path);
	move_runs(s, fresh, &count);
	memcpy(s->station, fresh, sizeof(fresh));
	s->count = count;
	config_free(s->config);
	s->config = config;
	s->resends = 0;
	s->resend_due = clock_ms();
	return STATUS_OK;
}

/* -- runs -----------------------------------------------------------------------------*/

static void
start_run(struct service *s, struct station *t, const struct button *b, int64_t now)
{
	const char *argv[] = { s->program, "-p", b->profile, "-d", t->device, NULL };
	struct error e;

	log_message(LEVEL_INFO,
	    "%s: \"%s\" is pressed: a scan begins with the profile %s", t->device,
	    b->option, b->profile);
	watch_pause(t->watch);
	if (run_start(&t->run, &(struct run_command){ argv, b->profile, now }, &e) ==
	    STATUS_OK)
		return;
	log_message(LEVEL_ERROR, "%s", e.text);
	watch_resume(t->watch, now);
}

/* After a round that has left something. */
static void
resend_later(struct service *s, int64_t now)
{
	s->resends++;
	if (s->resends == SERVICE_RESENDS_MAX)
		log_message(LEVEL_WARNING,
		    "scans that were kept: %d times something was left, and it is not "
		    "tried again until a scan is delivered or this service is reloaded",
		    SERVICE_RESENDS_MAX);
	/* A scan may have been kept meanwhile: the nearer time counts. */
	if (s->resends < SERVICE_RESENDS_MAX && s->resend_due == WATCH_NEVER)
		s->resend_due = now +
		    watch_wait(s->resends, SERVICE_RESEND_MIN_MS, SERVICE_RESEND_MAX_MS);
}

static void
start_resend(struct service *s, int64_t now)
{
	const char *argv[] = { s->program, "--resend", NULL };
	struct error e;

	s->resend_due = WATCH_NEVER;
	if (run_start(&s->resend,
		&(struct run_command){ argv, "scans that were kept", now },
		&e) == STATUS_OK)
		return;
	log_message(LEVEL_ERROR, "%s", e.text);
	resend_later(s, now);
}

static void
end_resend(struct service *s, int64_t now)
{
	int code = run_finish(s->resend);

	s->resend = NULL;
	if (code == EXIT_SUCCESS)
		s->resends = 0;
	else
		resend_later(s, now);
}

static void
end_run(struct service *s, struct station *t, int64_t now)
{
	int code = run_finish(t->run);

	t->run = NULL;
	if (code == EXIT_SUCCESS)
		log_message(LEVEL_INFO, "%s: the scan is delivered", t->device);
	if (code == SERVICE_KEPT && s->resend_due == WATCH_NEVER &&
	    s->resends < SERVICE_RESENDS_MAX)
		s->resend_due = now + SERVICE_RESEND_MIN_MS;
	else if (code == EXIT_SUCCESS && (s->resend_due != WATCH_NEVER || s->resends))
		s->resend_due = now; /* there is a cupsd again */
	if (t->watch)
		watch_resume(t->watch, now);
}

static bool
has_ended(const struct run *r)
{
	struct pollfd fd = { .fd = run_end(r), .events = POLLIN };

	return poll(&fd, 1, 0) == 1;
}

/* -- the round ------------------------------------------------------------------------*/

static void
work_station(struct service *s, struct station *t, int64_t now)
{
	const struct button *pressed;

	if (t->run) {
		run_read(t->run);
		if (has_ended(t->run))
			end_run(s, t, now);
		else
			run_bound(t->run, now);
		return;
	}
	pressed = t->watch ? watch_work(t->watch, now) : NULL;
	if (pressed)
		start_run(s, t, pressed, now);
}

void
service_work(struct service *s, int64_t now)
{
	for (size_t i = 0; i < s->count; i++)
		work_station(s, &s->station[i], now);
	for (size_t i = s->count; i-- > 0;)
		if (!s->station[i].watch && !s->station[i].run) {
			clear_station(&s->station[i]);
			s->station[i] = s->station[--s->count];
		}
	if (s->resend)
		run_read(s->resend);
	if (s->resend && has_ended(s->resend))
		end_resend(s, now);
	else if (s->resend)
		run_bound(s->resend, now);
	else if (now >= s->resend_due)
		start_resend(s, now);
}

static size_t
add_run(struct pollfd *fds, const struct run *r)
{
	if (!r)
		return 0;
	fds[0] = (struct pollfd){ .fd = run_output(r), .events = POLLIN };
	fds[1] = (struct pollfd){ .fd = run_end(r), .events = POLLIN };
	return 2;
}

size_t
service_poll(const struct service *s, struct pollfd fds[SERVICE_FDS_MAX])
{
	size_t n = add_run(fds, s->resend);

	for (size_t i = 0; i < s->count; i++) {
		const struct station *t = &s->station[i];

		n += add_run(fds + n, t->run);
		if (t->watch)
			fds[n++] = (struct pollfd){
				.fd = watch_fd(t->watch),
				.events = POLLIN,
			};
	}
	return n;
}

int64_t
service_due(const struct service *s)
{
	int64_t due = s->resend ? run_due(s->resend) : s->resend_due;

	for (size_t i = 0; i < s->count; i++) {
		const struct station *t = &s->station[i];

		if (t->run && run_due(t->run) < due)
			due = run_due(t->run);
		if (t->watch && !t->run && watch_due(t->watch) < due)
			due = watch_due(t->watch);
	}
	return due;
}

/* -- the end --------------------------------------------------------------------------*/

/* Waits for a run until the deadline, then ends it. */
static void
await_end(struct run *r, int64_t deadline)
{
	struct pollfd fd = { .fd = run_end(r), .events = POLLIN };
	int64_t left = deadline - clock_ms();

	if (poll(&fd, 1, left > 0 ? (int)left : 0) != 1)
		run_kill(r);
}

void
service_end(struct service *s)
{
	int64_t deadline = clock_ms() + RUN_STOP_MS;

	if (!s)
		return;
	if (s->resend)
		run_stop(s->resend);
	for (size_t i = 0; i < s->count; i++)
		if (s->station[i].run)
			run_stop(s->station[i].run);
	term_stations(s->station, s->count);
	for (size_t i = 0; i < s->count; i++)
		if (s->station[i].run)
			await_end(s->station[i].run, deadline);
	if (s->resend)
		await_end(s->resend, deadline);
	for (size_t i = 0; i < s->count; i++) {
		if (s->station[i].run)
			run_finish(s->station[i].run);
		clear_station(&s->station[i]);
	}
	if (s->resend)
		run_finish(s->resend);
	config_free(s->config);
	free(s->program);
	free(s);
}
