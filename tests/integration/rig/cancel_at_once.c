/*
 * Preloaded into scan2mail: SIGTERM comes while sane_start() is under way, so that
 * sane_cancel() follows at once, before the first bytes were read. The file that
 * CANCEL_MARK names stands from the moment that the signal is waited for until
 * sane_cancel() has come back.
 */
#include <dlfcn.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <unistd.h>

int sane_start(void *handle);
void sane_cancel(void *handle);

/* Waits for SIGTERM, which cannot be missed: the mark is set when it is held. */
static void
await_term(const char *mark)
{
	sigset_t term, before;
	int fd;

	sigemptyset(&term);
	sigaddset(&term, SIGTERM);
	sigprocmask(SIG_BLOCK, &term, &before);
	fd = open(mark, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	if (fd < 0)
		abort();
	close(fd);
	sigdelset(&before, SIGTERM);
	sigsuspend(&before);
	sigprocmask(SIG_SETMASK, &before, NULL);
}

static void (*cancel)(void *);

int
sane_start(void *handle)
{
	int (*start)(void *);

	*(void **)&start = dlsym(RTLD_NEXT, "sane_start");
	*(void **)&cancel =
	    dlsym(RTLD_NEXT, "sane_cancel"); /* which is to be quick then */
	await_term(getenv("CANCEL_MARK"));
	return start(handle);
}

void
sane_cancel(void *handle)
{
	cancel(handle);
	unlink(getenv("CANCEL_MARK"));
}
