/* channel: records between supervisor and worker (channel.h). */
#include "backend/channel.h"

#include <errno.h>
#include <stddef.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum {
	HEAD = offsetof(struct record, text),
};

/* Room for one descriptor beside a packet (unix(7), SCM_RIGHTS). */
union ancillary {
	char bytes[CMSG_SPACE(sizeof(int))];
	struct cmsghdr align;
};

static void
attach_descriptor(struct msghdr *packet, union ancillary *beside, int fd)
{
	struct cmsghdr *c;

	memset(beside, 0, sizeof(*beside));
	packet->msg_control = beside->bytes;
	packet->msg_controllen = sizeof(beside->bytes);
	c = CMSG_FIRSTHDR(packet);
	c->cmsg_level = SOL_SOCKET;
	c->cmsg_type = SCM_RIGHTS;
	c->cmsg_len = CMSG_LEN(sizeof(int));
	memcpy(CMSG_DATA(c), &fd, sizeof(fd));
}

/* The descriptor that came along, or -1. Of several, which are nonsense, the last one is
 * taken and the others are closed. */
static int
take_descriptor(struct msghdr *packet)
{
	struct cmsghdr *c = CMSG_FIRSTHDR(packet);
	size_t count = 0;
	int fd = -1;

	if (c && c->cmsg_level == SOL_SOCKET && c->cmsg_type == SCM_RIGHTS)
		count = (c->cmsg_len - CMSG_LEN(0)) / sizeof(int);
	for (size_t i = 0; i < count; i++) {
		if (fd >= 0)
			close(fd);
		memcpy(&fd, CMSG_DATA(c) + i * sizeof(int), sizeof(fd));
	}
	return fd;
}

bool
channel_send(int channel, const struct words *words)
{
	static struct record r;
	size_t len = words->text ? strlen(words->text) : 0;
	struct iovec body = { .iov_base = &r };
	struct msghdr packet = { .msg_iov = &body, .msg_iovlen = 1 };
	union ancillary beside;
	ssize_t n;

	if (len > CHANNEL_TEXT_MAX)
		len = CHANNEL_TEXT_MAX;
	r.type = words->type;
	r.value = words->value;
	r.number = words->number;
	if (len)
		memcpy(r.text, words->text, len);
	body.iov_len = HEAD + len;
	if (words->fd > 0)
		attach_descriptor(&packet, &beside, words->fd);
	do
		n = sendmsg(channel, &packet, MSG_NOSIGNAL);
	while (n < 0 && errno == EINTR);
	explicit_bzero(&r, HEAD + len);
	return n >= 0;
}

bool
channel_receive(int channel, struct record *out, int *fd)
{
	struct iovec body = { .iov_base = out, .iov_len = HEAD + CHANNEL_TEXT_MAX };
	union ancillary beside;
	struct msghdr packet = { .msg_iov = &body,
		.msg_iovlen = 1,
		.msg_control = beside.bytes,
		.msg_controllen = sizeof(beside.bytes) };
	int came;
	ssize_t n;

	do
		n = recvmsg(channel, &packet, MSG_CMSG_CLOEXEC);
	while (n < 0 && errno == EINTR);
	if (n < 0)
		return false;
	came = take_descriptor(&packet);
	if (n < HEAD || (came >= 0 && !fd)) {
		if (came >= 0)
			close(came);
		return false;
	}
	if (fd)
		*fd = came;
	out->text[n - HEAD] = '\0';
	return true;
}
