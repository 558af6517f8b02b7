/* Tests of lib/send/submission.c: its limits, and its dialogues with a server on loopback
 * that answers line by line from a list. What needs TLS is in tests/integration/server.t.
 */
#include <arpa/inet.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "lib/send/submission.h"

enum {
	TERMINATION_WAIT = 600, /* RFC 5321 4.5.3.2.6: for the answer to the message */
	KILL_DELAY = 30,        /* after which cupsd kills a stopped job's backend */
	JOB_TIME = 3 * 60 * 60, /* after which it ends any job */
	SOON = SUBMISSION_STOP_WAIT / 2, /* seconds */
	SERVER_PATIENCE = 60, /* seconds after which the server ends by itself */
	RECIPIENTS_MAX = 3,
	SAID_MAX = 200,
	LINE_MAX = 4000, /* bytes of a line, or of the message */
};

#define USER     "scanner@example.com"
#define PASSWORD "hunter2hunter2"
#define SILENCE  "" /* a reply that never comes */
#define TO_MAIL  "220 hello", "250 hello", "250 sender"
#define TO_DATA  TO_MAIL, "250 fine", "354 go"
#define TO_LOGIN "220 hello", "250-hello\r\n250 AUTH LOGIN", "334 VXNl", "334 UGFz"

/* Answers its first client from a list, then NULL: it hangs up. */
struct peer {
	int listener;
	uint16_t port;
	const char *const *replies;
	pthread_t thread;
	pthread_mutex_t lock;
	char said[SAID_MAX]; /* "EHLO MAIL RCPT DATA . QUIT" */
};

/* One submission, and what the callbacks saw of it. */
struct scene {
	struct peer server;
	struct account account;
	struct mailbox recipients[RECIPIENTS_MAX];
	struct mailbox_list list;
	struct delivery delivery[RECIPIENTS_MAX];
	struct receipt receipt;
	struct error e;
	int stop[2];
	enum stage stop_at; /* where `stop` turns readable; 0: nowhere */
	bool hold_back;
	int commits, settlements;
	struct receipt settled; /* as it was then */
	struct delivery settled_for[RECIPIENTS_MAX];
	char said_at_settlement[SAID_MAX];
};

/* -- the server ------------------------------------------------------------------ */

/* Reads a line or, with data, up to the lone dot; false at the end. */
static bool
server_reads(int fd, bool data, char *line)
{
	const char *end = data ? "\r\n.\r\n" : "\r\n";
	size_t used = 0;

	line[0] = '\0';
	while (!strstr(line, end)) {
		if (used == LINE_MAX - 1 || recv(fd, line + used, 1, 0) != 1)
			return false;
		line[++used] = '\0';
	}
	return true;
}

static void
server_notes(struct peer *s, const char *word)
{
	size_t used;

	pthread_mutex_lock(&s->lock);
	used = strlen(s->said);
	snprintf(s->said + used, sizeof(s->said) - used, "%s%.4s", used ? " " : "", word);
	pthread_mutex_unlock(&s->lock);
}

static void *
server_runs(void *context)
{
	const struct timeval patience = { .tv_sec = SERVER_PATIENCE };
	struct peer *s = context;
	char line[LINE_MAX], reply[LINE_MAX];
	int fd = accept(s->listener, NULL, NULL);
	bool data = false;

	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
	for (const char *const *next = s->replies; *next; next++) {
		snprintf(reply, sizeof(reply), "%s\r\n", *next);
		if (**next)
			send(fd, reply, strlen(reply), MSG_NOSIGNAL);
		data = strncmp(*next, "354", 3) == 0;
		if (!server_reads(fd, data, line))
			break;
		server_notes(s, data ? "." : line);
	}
	close(fd);
	return NULL;
}

static void
server_start(struct peer *s, const char *const *replies)
{
	struct sockaddr_in address = { .sin_family = AF_INET };
	socklen_t size = sizeof(address);

	address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	s->replies = replies;
	pthread_mutex_init(&s->lock, NULL);
	s->listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	assert_int_equal(bind(s->listener, (struct sockaddr *)&address, size), 0);
	assert_int_equal(listen(s->listener, 1), 0);
	assert_int_equal(getsockname(s->listener, (struct sockaddr *)&address, &size), 0);
	s->port = ntohs(address.sin_port);
	assert_int_equal(pthread_create(&s->thread, NULL, server_runs, s), 0);
}

/* After this `said` is complete. */
static void
server_end(struct peer *s)
{
	shutdown(s->listener, SHUT_RDWR); /* where nobody came, accept(2) ends */
	pthread_join(s->thread, NULL);
	close(s->listener);
}

/* -- the client ------------------------------------------------------------------ */

static void
on_watch(void *context, enum stage stage, uint64_t sent)
{
	struct scene *s = context;

	(void)sent;
	if (s->stop_at && stage == s->stop_at)
		assert_int_equal(write(s->stop[1], "x", 1), 1);
}

static bool
on_commit(void *context)
{
	struct scene *s = context;

	s->commits++;
	return !s->hold_back;
}

static void
on_settled(void *context, const struct receipt *receipt)
{
	struct scene *s = context;

	s->settlements++;
	s->settled = *receipt;
	memcpy(s->settled_for, receipt->delivery, sizeof(s->settled_for));
	pthread_mutex_lock(&s->server.lock);
	memcpy(s->said_at_settlement, s->server.said, sizeof(s->server.said));
	pthread_mutex_unlock(&s->server.lock);
}

/* A scene for one to three recipients. */
static struct scene
scene_for(size_t recipients)
{
	static char host[] = "127.0.0.1", user[] = USER, none[] = "";
	static char a[] = "a@example.com", b[] = "b@example.com", c[] = "c@example.com";

	return (struct scene){
		.account = { .server = { .host = host },
		    .tls = TLS_NONE,
		    .auth = AUTH_NONE,
		    .ca_file = none,
		    .username = user,
		    .from = { .name = none, .address = user } },
		.recipients = { { none, a }, { none, b }, { none, c } },
		.list = { .count = recipients },
	};
}

/* Sends to a server with these replies, or to none. */
static enum status
play(struct scene *s, const char *const *replies)
{
	const struct message message = { .from = &s->account.from,
		.to = &s->list,
		.subject = "A test",
		.body = "Some text\n",
		.id = "1@example.com",
		.boundary = "=_b" };
	struct submission job = { .account = &s->account,
		.password = s->account.auth == AUTH_NONE ? NULL : PASSWORD,
		.recipients = &s->list,
		.watch = on_watch,
		.commit = on_commit,
		.settled = on_settled,
		.context = s };
	enum status status;

	s->list.item = s->recipients;
	s->receipt.delivery = s->delivery;
	assert_int_equal(pipe(s->stop), 0);
	job.stop = s->stop[0];
	server_start(&s->server, replies ? replies : (const char *const[]){ NULL });
	if (!replies)
		server_end(&s->server);
	s->account.server.port = s->server.port;
	assert_int_equal(message_open(&job.message, &message, &s->e), STATUS_OK);
	s->e.text[0] = '\0';
	status = submission_send(&job, &s->receipt, &s->e);
	message_close(job.message);
	if (replies)
		server_end(&s->server);
	close(s->stop[0]);
	close(s->stop[1]);
	return status;
}

/* -- the tests ------------------------------------------------------------------- */

/* The outcome is noted down before the server hears QUIT. */
static void
settles_once_before_quit(void **state)
{
	static const struct {
		const char *answer;
		enum status status;
		enum verdict verdict;
	} rows[] = {
		{ "250-2.0.0 one\r\n250 2.0.0 two\r\n554 more", STATUS_OK, VERDICT_SENT },
		{ "252 somehow", STATUS_OK, VERDICT_SENT },
		{ "554 5.6.0 no", STATUS_REFUSED, VERDICT_MESSAGE },
		{ "552 5.3.4 large", STATUS_REFUSED, VERDICT_TOO_LARGE },
		{ "432 4.3.2 busy", STATUS_RETRY, VERDICT_THROTTLED },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		const char *const replies[] = { TO_MAIL, "550 5.1.1 no", "250 b",
			"354 go", rows[i].answer, "221 bye", NULL };
		struct scene s = scene_for(2);

		if (play(&s, replies) != rows[i].status)
			fail_msg("%s: %s", rows[i].answer, s.e.text);
		assert_int_equal(s.settlements, 1);
		assert_string_equal(s.said_at_settlement, "EHLO MAIL RCPT RCPT DATA .");
		assert_int_equal(s.settled.verdict, rows[i].verdict);
		assert_int_equal(
		    s.settled.reply.code, (int)strtol(rows[i].answer, NULL, 10));
		assert_false(s.settled.uncertain);
		assert_true(s.settled.greeted);
		assert_int_equal(s.settled_for[0].verdict, VERDICT_RECIPIENT);
		assert_int_equal(s.settled_for[1].verdict, VERDICT_SENT);
		assert_int_equal(s.receipt.verdict, rows[i].verdict);
		assert_false(s.receipt.uncertain);
	}
}

static void
sends_to_those_who_are_taken(void **state)
{
	static const char *const replies[] = { TO_MAIL, "550 5.1.1 unknown",
		"251 2.1.5 fine", "451 4.7.1 greylisted", "354 go", "250 2.0.0 taken",
		"221 bye", NULL };
	struct scene s = scene_for(3);

	(void)state;
	assert_int_equal(play(&s, replies), STATUS_OK);
	assert_string_equal(s.e.text, "");
	assert_string_equal(s.server.said, "EHLO MAIL RCPT RCPT RCPT DATA . QUIT");
	assert_int_equal(s.receipt.verdict, VERDICT_SENT);
	assert_string_equal(s.receipt.reply.text, "taken");
	assert_false(s.receipt.uncertain || s.receipt.unreachable);
	assert_int_equal(s.delivery[0].verdict, VERDICT_RECIPIENT);
	assert_string_equal(s.delivery[0].text, "550 5.1.1 unknown");
	assert_int_equal(s.delivery[1].verdict, VERDICT_SENT);
	assert_string_equal(s.delivery[1].text, "251 2.1.5 fine");
	assert_int_equal(s.delivery[2].verdict, VERDICT_RECIPIENT_LATER);
	assert_string_equal(s.delivery[2].text, "451 4.7.1 greylisted");
	assert_int_equal(s.commits, 1);
}

/* Nobody is taken: what happens to the job, and of whom the sentence speaks. */
static void
sends_nothing_without_recipients(void **state)
{
	static const struct {
		const char *a, *b;
		enum status status;
		enum verdict verdict;
		const char *sentence, *words;
	} rows[] = {
		{ "550 5.1.1 one", "551 5.1.6 two", STATUS_REFUSED, VERDICT_RECIPIENT,
		    "a@example.com: the server refuses a recipient", "550 5.1.1 one" },
		{ "550 5.1.1 one", "451 4.7.1 two", STATUS_RETRY, VERDICT_RECIPIENT_LATER,
		    "b@example.com: ", "451 4.7.1 two" },
		{ "450 4.7.1 one", "451 4.7.1 two", STATUS_RETRY, VERDICT_RECIPIENT_LATER,
		    "a@example.com: ", "450 4.7.1 one" },
		{ "550 5.7.705 one", "550 5.1.90 two", STATUS_RETRY,
		    VERDICT_RECIPIENT_LATER, "b@example.com: ", "550 5.1.90 two" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		const char *const replies[] = { TO_MAIL, rows[i].a, rows[i].b, SILENCE,
			NULL };
		struct scene s = scene_for(2);

		assert_int_equal(play(&s, replies), rows[i].status);
		assert_int_equal(s.receipt.verdict, rows[i].verdict);
		if (strstr(s.e.text, rows[i].sentence) != s.e.text ||
		    !strstr(s.e.text, rows[i].words))
			fail_msg("%s", s.e.text);
		assert_null(strstr(s.server.said, "DATA"));
		assert_string_equal(s.delivery[0].text, rows[i].a);
		assert_string_equal(s.delivery[1].text, rows[i].b);
		assert_int_equal(s.commits + s.settlements, 0);
	}
}

/* A word to one recipient that means the account or the server ends it, even where
 * libcurl would send to those who were taken. */
static void
sends_nothing_when_all_are_meant(void **state)
{
	static const struct {
		const char *reply;
		enum status status;
		enum verdict verdict;
	} rows[] = {
		{ "421 4.3.2 closing", STATUS_RETRY, VERDICT_WAIT },
		{ "432 4.3.2 busy", STATUS_RETRY, VERDICT_THROTTLED },
		{ "530 5.7.57 who are you?", STATUS_RETRY, VERDICT_LOGIN },
		{ "354 what", STATUS_RETRY, VERDICT_WAIT },
	};

	(void)state;
	for (size_t i = 0; i < 2 * sizeof(rows) / sizeof(rows[0]); i++) {
		const size_t row = i / 2;
		/* in the middle, and as the last word */
		const char *const replies[] = { TO_MAIL, "250 fine", rows[row].reply,
			"354 go", "250 taken", NULL };
		struct scene s = scene_for(i % 2 ? 2 : 3);

		if (play(&s, replies) != rows[row].status)
			fail_msg("%s: %s", rows[row].reply, s.e.text);
		assert_int_equal(s.receipt.verdict, rows[row].verdict);
		assert_null(strstr(s.server.said, "DATA"));
		assert_null(strstr(s.server.said, "RCPT RCPT RCPT"));
		assert_int_equal(s.delivery[0].verdict, VERDICT_SENT);
		assert_int_equal(s.delivery[1].verdict, VERDICT_WAIT);
		assert_string_equal(s.delivery[1].text, "");
		assert_int_equal(s.commits + s.settlements, 0);
	}
}

/* A yes that came in one piece with the answer to DATA is none to the message. */
static void
believes_no_answer_before_the_end(void **state)
{
	static const char *const replies[] = { TO_MAIL, "250 fine",
		"354 go\r\n250 2.0.0 taken", SILENCE, NULL };
	struct scene s = scene_for(1);

	(void)state;
	assert_int_equal(play(&s, replies), STATUS_RETRY);
	assert_non_null(strstr(s.e.text, "before it had the whole of it"));
	assert_int_equal(s.settlements, 0);
	assert_true(s.receipt.uncertain);
	assert_int_equal(s.receipt.verdict, VERDICT_WAIT);
	assert_int_equal(s.receipt.reply.code, 354);
}

static void
is_uncertain_without_an_answer(void **state)
{
	static const char *const cut[] = { TO_DATA, NULL };
	static const char *const nonsense[] = { TO_DATA, "what?", SILENCE, NULL };
	static const char *const *const scripts[] = { cut, nonsense };

	(void)state;
	for (size_t i = 0; i < 2; i++) {
		struct scene s = scene_for(1);

		assert_int_equal(play(&s, scripts[i]), STATUS_RETRY);
		assert_true(s.receipt.uncertain);
		assert_int_equal(s.receipt.verdict, VERDICT_WAIT);
		assert_int_equal(s.commits, 1);
		assert_int_equal(s.settlements, 0);
		assert_int_equal(s.delivery[0].verdict, VERDICT_SENT);
	}
}

static void
holds_the_end_back(void **state)
{
	static const char *const replies[] = { TO_DATA, "250 taken", "221 bye", NULL };
	struct scene s = scene_for(1);

	(void)state;
	s.hold_back = true;
	assert_int_equal(play(&s, replies), STATUS_RETRY);
	assert_string_equal(s.e.text, "the message was not sent: its end was held back");
	assert_string_equal(s.server.said, "EHLO MAIL RCPT DATA");
	assert_false(s.receipt.uncertain);
	assert_int_equal(s.settlements, 0);
}

/* While the server is silent. */
static void
stops(void **state)
{
	static const char *const replies[] = { TO_MAIL, "250 fine", SILENCE, NULL };
	time_t start = time(NULL);
	struct scene s = scene_for(1);

	(void)state;
	s.stop_at = STAGE_DATA;
	assert_int_equal(play(&s, replies), STATUS_CANCELLED);
	assert_in_range(time(NULL) - start, 0, SOON);
	assert_string_equal(s.server.said, "EHLO MAIL RCPT DATA");
	assert_int_equal(s.receipt.verdict, VERDICT_WAIT);
	assert_false(s.receipt.uncertain || s.receipt.unreachable);
}

static void
knows_whom_it_reached(void **state)
{
	static const char *const silent[] = { NULL };
	struct scene s = scene_for(1);

	(void)state;
	assert_int_equal(play(&s, NULL), STATUS_RETRY);
	assert_true(s.receipt.unreachable);
	assert_int_equal(s.receipt.verdict, VERDICT_WAIT);
	assert_int_equal(s.delivery[0].verdict, VERDICT_WAIT);
	assert_non_null(strstr(s.e.text, "it does not answer (Connection refused)"));
	s = scene_for(1); /* it hangs up instead of a greeting */
	assert_int_equal(play(&s, silent), STATUS_RETRY);
	assert_false(s.receipt.unreachable);
	assert_false(s.receipt.greeted);
	assert_non_null(strstr(s.e.text, "the connection broke off"));
}

static void
sees_limits_before_mail(void **state)
{
	static const char *const small[] = { "220 hello", "250 SIZE 10", NULL };
	static const char *const open[] = { "220 hello", "250 hello", SILENCE, NULL };
	struct scene s = scene_for(1);

	(void)state;
	assert_int_equal(play(&s, small), STATUS_REFUSED);
	assert_int_equal(s.receipt.verdict, VERDICT_TOO_LARGE);
	assert_true(s.receipt.greeted);
	assert_int_equal(s.receipt.size_limit, 10);
	assert_null(strstr(s.server.said, "MAIL"));
	s = scene_for(1); /* no sign-in offered */
	s.account.auth = AUTH_PASSWORD;
	assert_int_equal(play(&s, open), STATUS_SETTINGS);
	assert_int_equal(s.receipt.verdict, VERDICT_SETTINGS);
	assert_null(strstr(s.server.said, "MAIL"));
	assert_null(strstr(s.server.said, "AUTH"));
}

static void
signs_in(void **state)
{
	static const struct {
		const char *replies[9];
		enum status status;
		enum verdict verdict;
		bool mail;
	} rows[] = {
		{ { TO_LOGIN, "235 in", "250 sender", "250 fine", "421 4.3.2 closing" },
		    STATUS_RETRY, VERDICT_WAIT, true },
		{ { TO_LOGIN, "535 5.7.3 no", SILENCE }, STATUS_RETRY, VERDICT_LOGIN,
		    false },
		/* one question too many */
		{ { TO_LOGIN, "334 bW9yZQ==", SILENCE, SILENCE }, STATUS_RETRY,
		    VERDICT_LOGIN, false },
		{ { TO_LOGIN, "454 4.7.0 later", SILENCE }, STATUS_RETRY, VERDICT_WAIT,
		    false },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct scene s = scene_for(1);

		s.account.auth = AUTH_PASSWORD;
		assert_int_equal(play(&s, rows[i].replies), rows[i].status);
		assert_int_equal(s.receipt.verdict, rows[i].verdict);
		assert_int_equal(!!strstr(s.server.said, "MAIL"), rows[i].mail);
	}
}

/* Wherever the server repeats it, to whomever. */
static void
never_repeats_the_password(void **state)
{
	static const char *const some[] = { TO_LOGIN, "235 in", "250 sender",
		"550 5.1.1 " PASSWORD " has no such friend", "250 fine", "354 go",
		"550 5.7.1 not from " PASSWORD, "221 bye", NULL };
	static const char *const none[] = { TO_LOGIN, "235 in", "250 sender",
		"550 5.1.1 " PASSWORD " has no such friend", "550 5.1.1 nor such",
		SILENCE, NULL };
	static const char *const *const scripts[] = { some, none };

	(void)state;
	for (size_t i = 0; i < 2; i++) {
		struct scene s = scene_for(2);

		s.account.auth = AUTH_PASSWORD;
		assert_int_equal(play(&s, scripts[i]), STATUS_REFUSED);
		assert_null(strstr(s.e.text, PASSWORD));
		assert_non_null(strstr(s.e.text, "left out"));
		assert_null(strstr(s.delivery[0].text, PASSWORD));
		assert_non_null(strstr(s.delivery[0].text, "550 5.1.1 (its text"));
		assert_null(strstr(s.receipt.reply.text, PASSWORD));
		assert_null(strstr(s.settled.reply.text, PASSWORD));
		assert_null(strstr(s.settled_for[0].text, PASSWORD));
		assert_int_equal(s.settlements, i == 0);
	}
}

static void
every_stage_has_an_end(void **state)
{
	(void)state;
	for (int stage = STAGE_GREETING; stage <= STAGE_DONE; stage++) {
		assert_in_range(
		    submission_patience((enum stage)stage, false), 1, JOB_TIME);
		assert_in_range(
		    submission_patience((enum stage)stage, true), 1, JOB_TIME);
	}
}

/* Given up too early, a message that arrived is sent twice. */
static void
waits_longest_for_the_last_answer(void **state)
{
	(void)state;
	assert_int_equal(submission_patience(STAGE_BODY, true), TERMINATION_WAIT);
	for (int stage = STAGE_GREETING; stage <= STAGE_DONE; stage++)
		assert_true(
		    submission_patience((enum stage)stage, false) < TERMINATION_WAIT);
	for (int stage = STAGE_GREETING; stage < STAGE_BODY; stage++)
		assert_int_equal(submission_patience((enum stage)stage, true),
		    submission_patience((enum stage)stage, false));
}

static void
does_not_wait_for_goodbye(void **state)
{
	(void)state;
	assert_true(submission_patience(STAGE_DONE, true) < KILL_DELAY);
	assert_in_range(SUBMISSION_STOP_WAIT, 1, KILL_DELAY - 1);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_stage_has_an_end),
		cmocka_unit_test(waits_longest_for_the_last_answer),
		cmocka_unit_test(does_not_wait_for_goodbye),
		cmocka_unit_test(settles_once_before_quit),
		cmocka_unit_test(sends_to_those_who_are_taken),
		cmocka_unit_test(sends_nothing_without_recipients),
		cmocka_unit_test(sends_nothing_when_all_are_meant),
		cmocka_unit_test(believes_no_answer_before_the_end),
		cmocka_unit_test(is_uncertain_without_an_answer),
		cmocka_unit_test(holds_the_end_back),
		cmocka_unit_test(stops),
		cmocka_unit_test(knows_whom_it_reached),
		cmocka_unit_test(sees_limits_before_mail),
		cmocka_unit_test(signs_in),
		cmocka_unit_test(never_repeats_the_password),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
