/* hidden: secrets in memory that child processes do not get (hidden.h). */
#include "lib/base/hidden.h"

#include <errno.h>
#include <malloc.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

enum {
	FREED = 0xff,             /* each byte of what was freed; what is new is zeros */
	STACK_SWEPT = 256 * 1024, /* bytes: deeper than calls into a library reach */
	/* What glibc's cache of freed pieces holds: it does not heed M_PERTURB. */
	PIECE_LEAST = 24, /* bytes */
	PIECE_MOST = 1032,
	PIECE_STEP = 16,
	PIECES = 16, /* of each size; up to glibc 2.41 they are 7 */
};

void *
hidden_new(size_t size)
{
	void *memory =
	    mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	int reason;

	if (memory == MAP_FAILED)
		return NULL;
	if (madvise(memory, size, MADV_WIPEONFORK) != 0) {
		reason = errno;
		munmap(memory, size);
		errno = reason;
		return NULL;
	}
	madvise(memory, size, MADV_DONTDUMP);
	mlock(memory, size); /* an ordinary user may have no locked memory left */
	return memory;
}

void
hidden_free(void *memory, size_t size)
{
	if (!memory)
		return;
	explicit_bzero(memory, size);
	munmap(memory, size);
}

void
hidden_overwrite_freed(void)
{
	mallopt(M_PERTURB, FREED);
}

static void __attribute__((noinline)) sweep_stack(void)
{
	char room[STACK_SWEPT];

	explicit_bzero(room, sizeof(room));
}

/* Takes all pieces out of the cache, and puts them back clean. */
static void
sweep_pieces(void)
{
	void *piece[PIECES];

	for (size_t size = PIECE_LEAST; size <= PIECE_MOST; size += PIECE_STEP) {
		for (size_t i = 0; i < PIECES; i++) {
			piece[i] = malloc(size);
			if (piece[i])
				explicit_bzero(piece[i], size);
		}
		for (size_t i = 0; i < PIECES; i++)
			free(piece[i]);
	}
}

void
hidden_sweep(void)
{
	sweep_pieces();
	sweep_stack();
}
