/* channel: records between supervisor and worker (channel.h). */
#include "backend/channel.h"

#include <errno.h>
#include <stddef.h>
#include <string.h>
#include <sys/socket.h>

bool
channel_send(int fd, enum record_type type, uint32_t value, const char *text)
{
	struct record r = { .type = type, .value = value };
	size_t len = strlen(text);
	ssize_t n;

	if (len >= sizeof(r.text))
		len = sizeof(r.text) - 1;
	memcpy(r.text, text, len);
	do
		n = send(fd, &r, offsetof(struct record, text) + len, MSG_NOSIGNAL);
	while (n < 0 && errno == EINTR);
	explicit_bzero(&r, sizeof(r));
	return n >= 0;
}

bool
channel_receive(int fd, struct record *out)
{
	const size_t head = offsetof(struct record, text);
	const size_t most = head + sizeof(out->text) - 1; /* leaves room for the NUL */
	ssize_t n;

	do
		n = recv(fd, out, most, 0);
	while (n < 0 && errno == EINTR);
	if (n < (ssize_t)head)
		return false;
	out->text[(size_t)n - head] = '\0';
	return true;
}
