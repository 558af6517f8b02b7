/* state: the folder of what outlives a run (state.h). */
#include "backend/state.h"

#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

#include "lib/base/folder.h"
#include "lib/base/priv.h"

/* Who owns what: root and the worker; or, in a run by hand, whoever runs it. */
static enum status
find_owners(struct identity *own, struct identity *worker, const struct config *config,
    struct error *e)
{
	*own = (struct identity){ .uid = geteuid(), .gid = getegid() };
	*worker = *own;
	return own->uid == 0 ? priv_lookup(worker, config->user, e) : STATUS_OK;
}

enum status
state_open(struct state *out, const struct config *config, struct error *e)
{
	struct identity own, worker;
	enum status status = find_owners(&own, &worker, config, e);
	char path[STATE_PATH_MAX / 2];
	const struct folder top = { config->state_dir, "", 0755, own.uid, own.gid, NULL };
	const struct folder jobs = { "jobs", path, 0700, own.uid, own.gid, NULL };
	const struct folder tokens = { "tokens", path, 0700, own.uid, own.gid, NULL };
	const struct folder limits = { "limits", path, 0700, worker.uid, worker.gid,
		NULL };
	const struct folder tmp = { "tmp", path, 0700, worker.uid, worker.gid, NULL };
	struct state s = { .jobs = -1, .limits = -1, .tokens = -1 };
	int fd = -1, unused = -1;

	if (snprintf(path, sizeof(path), "%s/", config->state_dir) >= (int)sizeof(path))
		return error_set(e, STATUS_SETTINGS, "state_dir has too long a path");
	snprintf(s.tmp, sizeof(s.tmp), "%stmp", path);
	if (status == STATUS_OK)
		status = folder_open(&fd, AT_FDCWD, &top, e);
	if (status == STATUS_OK)
		status = folder_open(&s.jobs, fd, &jobs, e);
	if (status == STATUS_OK)
		status = folder_open(&s.limits, fd, &limits, e);
	if (status == STATUS_OK)
		status = folder_open(&s.tokens, fd, &tokens, e);
	if (status == STATUS_OK)
		status = folder_open(&unused, fd, &tmp, e);
	if (unused >= 0)
		close(unused);
	if (fd >= 0)
		close(fd);
	if (status == STATUS_OK)
		*out = s;
	else
		state_close(&s);
	return status;
}

void
state_close(struct state *s)
{
	if (s->jobs >= 0)
		close(s->jobs);
	if (s->limits >= 0)
		close(s->limits);
	if (s->tokens >= 0)
		close(s->tokens);
	s->jobs = s->limits = s->tokens = -1;
}
