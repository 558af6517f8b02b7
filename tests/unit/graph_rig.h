/*
 * What the tests of lib/send/graph*.c share: the service (tests/fakes/graph.py), and one
 * submission to it. To be included once, by a test.
 */
#ifndef POSTROOM_TESTS_GRAPH_RIG_H
#define POSTROOM_TESTS_GRAPH_RIG_H

#include <fcntl.h>
#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>
#include <openssl/evp.h>

#include "lib/send/graph.h"
#include "lib/web/object.h"

enum {
	KB = 1024,
	MB = 1024 * KB,
	DOCUMENTS_MAX = 3,
	RECIPIENTS_MAX = 3,
	RECORD_MAX = 4 * MB,
	PATH_MAX_TEST = 200,
	DIGEST_MAX = 65,
	CONTENT_MAX = 60 * KB,
};

/* By its path also to itself: it looks for its modules beside it. */
#define PYTHON "/usr/bin/python3"
#define USER   "scanner@example.com"
#define TOKEN  "token-7f3a9c0d15e24b68-abcdefghijklmnop"
#define ID     "o'brien+1@example.com"
/* The steps of large(). */
#define DRAFT "search create attach session put put send"

/* The service: one process for all tests, that begins anew with each script. */
static struct {
	char folder[PATH_MAX_TEST];
	pid_t pid;
	FILE *to, *from;
	unsigned port;
} fake;

/* One submission, and what the callbacks saw of it. */
struct scene {
	struct account account;
	char graph_url[PATH_MAX_TEST], ca_file[2 * PATH_MAX_TEST];
	struct mailbox recipients[RECIPIENTS_MAX];
	struct mailbox_list to, bcc, envelope;
	struct attachment document[DOCUMENTS_MAX];
	size_t documents;
	const char *token;
	bool find, hold_back;
	bool bare_is_sent; /* although it is small */
	struct delivery delivery[RECIPIENTS_MAX];
	struct receipt receipt, settled;
	struct error e;
	int stop[2];
	enum stage stop_at; /* where `stop` turns readable; 0: nowhere */
	int commits, settlements;
	enum stage stage; /* the last one */
	bool logged_in;
	uint64_t sent, size;
	bool goes_back; /* progress did */
	char mime[CONTENT_MAX];
};

/* -- the service --------------------------------------------------------------------- */

static inline void
run_fake(int in, int out)
{
	dup2(in, STDIN_FILENO);
	dup2(out, STDOUT_FILENO);
	execl(PYTHON, PYTHON, "-B", "tests/fakes/graph.py", fake.folder, "{}",
	    (char *)NULL);
	_exit(127);
}

static inline void
read_port(void)
{
	char line[KB];

	assert_non_null(fgets(line, sizeof(line), fake.from));
	assert_int_equal(sscanf(line, "ready %u", &fake.port), 1);
}

static inline int
start_fake(void **state)
{
	int in[2], out[2];

	(void)state;
	snprintf(fake.folder, sizeof(fake.folder), "/tmp/postroom-test-XXXXXX");
	assert_non_null(mkdtemp(fake.folder));
	assert_int_equal(pipe2(in, O_CLOEXEC), 0);
	assert_int_equal(pipe2(out, O_CLOEXEC), 0);
	fake.pid = fork();
	assert_true(fake.pid >= 0);
	if (fake.pid == 0)
		run_fake(in[0], out[1]);
	close(in[0]);
	close(out[1]);
	fake.to = fdopen(in[1], "w");
	fake.from = fdopen(out[0], "r");
	read_port();
	return 0;
}

static inline int
end_fake(void **state)
{
	const char *const command[] = { "rm", "-rf", fake.folder, NULL };
	pid_t pid;

	(void)state;
	fclose(fake.to);
	fclose(fake.from);
	waitpid(fake.pid, NULL, 0);
	pid = fork();
	if (pid == 0) {
		execv("/bin/rm", (char *const *)command);
		_exit(127);
	}
	waitpid(pid, NULL, 0);
	return 0;
}

/* Begins anew; what stands between the braces of a script is given, "" for no fault. */
static inline void
script(const char *more)
{
	fprintf(fake.to, "{\"tokens\": [\"%s\"]%s%s}\n", TOKEN, *more ? ", " : "", more);
	fflush(fake.to);
	read_port();
}

/* What the service saw. The caller frees it. */
static inline struct object *
record(void)
{
	char *line = malloc(RECORD_MAX);
	struct object *o;

	assert_non_null(line);
	fputs("record\n", fake.to);
	fflush(fake.to);
	assert_non_null(fgets(line, RECORD_MAX, fake.from));
	o = object_read(line, strlen(line));
	assert_non_null(o);
	free(line);
	return o;
}

/* -- the client ---------------------------------------------------------------------- */

static inline void
on_watch(void *context, enum stage stage, uint64_t sent)
{
	struct scene *s = context;

	if (s->stop_at && stage == s->stop_at && sent > 0)
		assert_int_equal(write(s->stop[1], "x", 1), 1);
	s->logged_in = s->logged_in || stage >= STAGE_MAIL;
	s->goes_back = s->goes_back || (stage == STAGE_BODY && sent < s->sent);
	if (stage == STAGE_BODY)
		s->sent = sent;
	s->stage = stage;
}

static inline bool
on_commit(void *context)
{
	struct scene *s = context;

	s->commits++;
	return !s->hold_back;
}

static inline void
on_settled(void *context, const struct receipt *receipt)
{
	struct scene *s = context;

	s->settlements++;
	s->settled = *receipt;
}

/* A scene of a message to two recipients, one of them in Bcc. */
static inline struct scene
scene(void)
{
	static char user[] = USER, none[] = "", name[] = "office365", graph[] = "graph";
	static char a[] = "a@example.com", b[] = "B@example.com";

	return (struct scene){
		.account = { .name = name,
		    .server = { .host = graph },
		    .auth = AUTH_OAUTH_DEVICE,
		    .username = user,
		    .from = { .name = none, .address = user } },
		.recipients = { { none, a }, { none, b } },
		.token = TOKEN,
	};
}

/* Adds a document of so many bytes, no two of them alike. */
static inline void
add_document(struct scene *s, const char *name, size_t size)
{
	struct attachment *a = &s->document[s->documents++];
	uint32_t block[KB], number = (uint32_t)(size + s->documents);

	*a = (struct attachment){
		.filename = name, .type = "application/pdf", .start = 5
	};
	a->fd = memfd_create("document", MFD_CLOEXEC);
	a->size = (off_t)size;
	assert_int_equal(ftruncate(a->fd, a->start), 0);
	for (size_t at = 0; at < size; at += sizeof(block)) {
		size_t len = size - at < sizeof(block) ? size - at : sizeof(block);

		for (size_t i = 0; i < KB; i++)
			block[i] = number = number * 1664525 + 1013904223;
		assert_int_equal(
		    pwrite(a->fd, block, len, a->start + (off_t)at), (ssize_t)len);
	}
}

static inline struct message
message_of(struct scene *s)
{
	s->to = (struct mailbox_list){ .item = s->recipients, .count = 1 };
	s->bcc = (struct mailbox_list){ .item = s->recipients + 1, .count = 1 };
	s->envelope = (struct mailbox_list){ .item = s->recipients, .count = 2 };
	return (struct message){ .from = &s->account.from,
		.to = &s->to,
		.bcc = &s->bcc,
		.subject = "A test",
		.body = "Some text\n",
		.id = ID,
		.boundary = "=_b" };
}

/* Keeps what a stream gives, where it is short. */
static inline void
keep_mime(struct scene *s, struct message_stream *m)
{
	ssize_t n;

	message_rewind(m);
	n = message_read(m, s->mime, sizeof(s->mime) - 1);
	assert_true(n >= 0);
	s->mime[n] = '\0';
}

/* Sends to the service as it was scripted. */
static inline enum status
play(struct scene *s)
{
	struct message message = message_of(s);
	struct submission job = { .account = &s->account,
		.token = s->token,
		.recipients = &s->envelope,
		.find = s->find,
		.watch = on_watch,
		.commit = on_commit,
		.settled = on_settled,
		.context = s };
	enum status status;

	snprintf(s->ca_file, sizeof(s->ca_file), "%s/tls/authority/ca.pem", fake.folder);
	if (!s->graph_url[0])
		snprintf(s->graph_url, sizeof(s->graph_url), "https://127.0.0.1:%u/v1.0/",
		    fake.port);
	s->account.graph_url = s->graph_url;
	s->account.ca_file = s->ca_file;
	s->receipt.delivery = s->delivery;
	s->commits = s->settlements = 0;
	s->sent = 0;
	s->goes_back = s->logged_in = false;
	assert_int_equal(message_open(&job.bare, &message, &s->e), STATUS_OK);
	message.attachment = s->document;
	message.attachment_count = s->documents;
	assert_int_equal(message_open(&job.message, &message, &s->e), STATUS_OK);
	s->size = message_size(job.message);
	keep_mime(
	    s, s->size <= GRAPH_MIME_MAX && !s->bare_is_sent ? job.message : job.bare);
	assert_int_equal(pipe2(s->stop, O_CLOEXEC), 0);
	job.stop = s->stop[0];
	memset(&s->e, 0, sizeof(s->e));
	status = graph_send(&job, &s->receipt, &s->e);
	message_close(job.message);
	message_close(job.bare);
	close(s->stop[0]);
	close(s->stop[1]);
	assert_null(strstr(s->e.text, s->token ? s->token : TOKEN));
	assert_null(strstr(s->receipt.reply.text, s->token ? s->token : TOKEN));
	return status;
}

static inline void
end(struct scene *s)
{
	for (size_t i = 0; i < s->documents; i++)
		close(s->document[i].fd);
}

static inline struct scene
large(void)
{
	struct scene s = scene();

	add_document(&s, "Klein & \"fein\".pdf", 50 * KB + 2);
	add_document(&s, "Groß.pdf", 5 * MB + 7);
	return s;
}

/* -- what is asserted ---------------------------------------------------------------- */

static inline void
digest(char out[DIGEST_MAX], const struct attachment *a)
{
	unsigned char md[EVP_MAX_MD_SIZE];
	char *bytes = malloc((size_t)a->size + 1);
	unsigned len = 0;

	assert_non_null(bytes);
	assert_int_equal(pread(a->fd, bytes, (size_t)a->size, a->start), a->size);
	EVP_Digest(bytes, (size_t)a->size, md, &len, EVP_sha256(), NULL);
	for (unsigned i = 0; i < len; i++)
		snprintf(out + 2 * i, 3, "%02x", md[i]);
	free(bytes);
}

/* That one message was sent, once, with all its documents in their order. */
static inline void
assert_arrived(const struct scene *s, const struct object *seen)
{
	char want[DOCUMENTS_MAX * PATH_MAX_TEST] = "", sha[DIGEST_MAX];
	const char *content;

	assert_int_equal(object_count(seen, "accepted"), 1);
	for (size_t i = 0; i < s->documents; i++) {
		size_t used = strlen(want);

		digest(sha, &s->document[i]);
		snprintf(want + used, sizeof(want) - used, "%s%s:%jd:%s", i ? " " : "",
		    s->document[i].filename, (intmax_t)s->document[i].size, sha);
	}
	assert_string_equal(object_item(seen, "accepted", 0, "attachments"), want);
	content = object_item(seen, "accepted", 0, "content");
	if (*content)
		assert_string_equal(content, s->mime);
	assert_non_null(strstr(s->mime, "Bcc: "));
}

/* Sends, and it is sent, by these steps. */
static inline void
assert_sent(struct scene *s, const char *steps)
{
	struct object *seen;

	if (play(s) != STATUS_OK)
		fail_msg("%s", s->e.text);
	seen = record();
	assert_string_equal(object_text(seen, "steps"), steps);
	assert_arrived(s, seen);
	object_free(seen);
	assert_int_equal(s->receipt.verdict, VERDICT_SENT);
	for (size_t i = 0; i < s->envelope.count; i++)
		assert_int_equal(s->delivery[i].verdict, VERDICT_SENT);
	assert_int_equal(s->settlements, 1);
	assert_int_equal(s->settled.verdict, VERDICT_SENT);
	assert_false(s->receipt.uncertain);
	assert_true(s->logged_in);
}

/* Sends, and it ends so, with these steps, and nothing is sent. */
static inline void
assert_ends(struct scene *s, enum status status, enum verdict verdict, const char *steps)
{
	enum status got = play(s);
	struct object *seen = record();

	if (got != status)
		fail_msg("status %d: %s", got, s->e.text);
	assert_int_equal(s->receipt.verdict, verdict);
	assert_string_equal(object_text(seen, "steps"), steps);
	assert_int_equal(object_count(seen, "accepted"), 0);
	assert_true(s->e.text[0]);
	for (size_t i = 0; i < s->envelope.count; i++)
		assert_int_equal(s->delivery[i].verdict, VERDICT_WAIT);
	object_free(seen);
}

static inline int64_t
drafts(void)
{
	struct object *seen = record();
	int64_t count = -1;

	assert_true(object_number(&count, seen, "drafts"));
	object_free(seen);
	return count;
}

/* Whether what was asked at this step has it in this field. */
static inline bool
asked(const char *step, const char *field, const char *want)
{
	struct object *seen = record();
	bool found = false;

	for (size_t i = 0; i < object_count(seen, "requests"); i++)
		if (strcmp(object_item(seen, "requests", i, "step"), step) == 0)
			found = found ||
			    strstr(object_item(seen, "requests", i, field), want);
	object_free(seen);
	return found;
}

#endif
