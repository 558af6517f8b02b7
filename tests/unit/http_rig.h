/*
 * What the tests of lib/web/http.c and signin.c share: a web server over TLS on
 * loopback, run by a thread, with certificates made on the spot. To be included once, by
 * a test.
 */
#ifndef POSTROOM_TESTS_HTTP_RIG_H
#define POSTROOM_TESTS_HTTP_RIG_H

#include <arpa/inet.h>
#include <netinet/tcp.h>
#include <pthread.h>
#include <semaphore.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>

#include "lib/web/http.h"

enum {
	SERVER_PATIENCE = 60, /* seconds after which the server ends by itself */
	REQUESTS_MAX = 8,
	HEAD_BYTES = 20000,
	BODY_BYTES = 4096, /* of a body that are kept */
	DAY = 24 * 60 * 60,
};

/* -- certificates ---------------------------------------------------------------- */

enum kind { GOOD, OTHER_NAME, EXPIRED, UNKNOWN, NOT_YET, KINDS };

static EVP_PKEY *server_key;
static X509 *authority, *certificate[KINDS];
static char ca_file[] = "/tmp/postroom-http-XXXXXX"; /* the authority's */

static void
add_extension(X509 *to, int nid, const char *value)
{
	X509V3_CTX context;
	X509_EXTENSION *extension;

	X509V3_set_ctx_nodb(&context);
	X509V3_set_ctx(&context, to, to, NULL, NULL, 0);
	extension = X509V3_EXT_conf_nid(NULL, &context, nid, value);
	assert_non_null(extension);
	assert_int_equal(X509_add_ext(to, extension, -1), 1);
	X509_EXTENSION_free(extension);
}

/* A certificate for names ("": an authority's), that ends that many seconds from now; one
 * that lasts for longer than a day begins after one. */
static X509 *
issue(const char *name, const char *names, long ends, X509 *issuer, EVP_PKEY *by)
{
	static long serial;
	X509 *x = X509_new();
	X509_NAME *subject = X509_get_subject_name(x);

	X509_set_version(x, X509_VERSION_3);
	ASN1_INTEGER_set(X509_get_serialNumber(x), ++serial);
	X509_gmtime_adj(X509_getm_notBefore(x), ends > DAY ? DAY : -2 * DAY);
	X509_gmtime_adj(X509_getm_notAfter(x), ends);
	X509_NAME_add_entry_by_txt(
	    subject, "CN", MBSTRING_ASC, (const unsigned char *)name, -1, -1, 0);
	X509_set_issuer_name(x, X509_get_subject_name(issuer ? issuer : x));
	X509_set_pubkey(x, server_key);
	if (*names)
		add_extension(x, NID_subject_alt_name, names);
	else
		add_extension(x, NID_basic_constraints, "critical,CA:TRUE");
	assert_int_not_equal(X509_sign(x, by, EVP_sha256()), 0);
	return x;
}

/* A cmocka group's setup. The key is the same for all. */
static int
rig_setup(void **state)
{
	static const char here[] = "DNS:localhost,IP:127.0.0.1";
	int fd = mkstemp(ca_file);
	FILE *f = fdopen(fd, "w");
	X509 *stranger;

	(void)state;
	signal(SIGPIPE, SIG_IGN);
	/* what must be without effect */
	setenv("https_proxy", "http://127.0.0.1:9", 1);
	setenv("ALL_PROXY", "http://127.0.0.1:9", 1);
	server_key = EVP_EC_gen("P-256");
	authority = issue("A test authority", "", DAY, NULL, server_key);
	stranger = issue("A stranger", "", DAY, NULL, server_key);
	certificate[GOOD] = issue("good", here, DAY, authority, server_key);
	certificate[OTHER_NAME] =
	    issue("other", "DNS:other.example", DAY, authority, server_key);
	certificate[EXPIRED] = issue("expired", here, -DAY, authority, server_key);
	certificate[UNKNOWN] = issue("unknown", here, DAY, stranger, server_key);
	certificate[NOT_YET] = issue("not yet", here, 2 * DAY, authority, server_key);
	X509_free(stranger);
	assert_non_null(f);
	assert_int_equal(PEM_write_X509(f, authority), 1);
	fclose(f);
	return 0;
}

static int
rig_teardown(void **state)
{
	(void)state;
	unlink(ca_file);
	for (int i = 0; i < KINDS; i++)
		X509_free(certificate[i]);
	X509_free(authority);
	EVP_PKEY_free(server_key);
	return 0;
}

/* -- the server ------------------------------------------------------------------ */

/* What came may be looked at after server_end(). */
struct peer {
	int listener, fd;
	uint16_t port;
	SSL_CTX *tls;
	SSL *ssl;
	pthread_t thread;
	sem_t gate;                    /* opened by server_end() */
	void (*serve)(struct peer *s); /* what the thread does */
	const char *const *replies;    /* of serve_list() */
	int stop;                      /* for serve(): to write to; or -1 */
	int connections, requests;
	char head[REQUESTS_MAX][HEAD_BYTES];
	char body[REQUESTS_MAX][BODY_BYTES]; /* its start */
	uint64_t size;                       /* of the last body */
	uint32_t sum;                        /* of the last body's bytes */
};

static uint32_t
sum_add(uint32_t sum, const char *bytes, size_t len)
{
	for (size_t i = 0; i < len; i++)
		sum = (sum ^ (unsigned char)bytes[i]) * 16777619;
	return sum;
}

static void
server_hang_up(struct peer *s)
{
	SSL_free(s->ssl);
	s->ssl = NULL;
	if (s->fd >= 0)
		close(s->fd);
	s->fd = -1;
}

/* The next connection; with its handshake where `tls`. False: the test is over, or the
 * client did not want to. */
static bool
server_accepts(struct peer *s, bool tls)
{
	const struct timeval patience = { .tv_sec = SERVER_PATIENCE };

	server_hang_up(s);
	s->fd = accept(s->listener, NULL, NULL);
	if (s->fd < 0)
		return false;
	s->connections++;
	setsockopt(s->fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
	setsockopt(s->fd, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof(patience));
	setsockopt(s->fd, IPPROTO_TCP, TCP_NODELAY, &(int){ 1 }, sizeof(int));
	if (!tls)
		return true;
	s->ssl = SSL_new(s->tls);
	SSL_set_fd(s->ssl, s->fd);
	return SSL_accept(s->ssl) == 1;
}

/* False: the client is gone. */
static bool
server_reads_head(struct peer *s)
{
	char *head = s->head[s->requests];
	size_t used = 0;

	assert_true(s->requests < REQUESTS_MAX);
	head[0] = '\0';
	while (!strstr(head, "\r\n\r\n")) {
		if (used == HEAD_BYTES - 1 || SSL_read(s->ssl, head + used, 1) != 1)
			return false;
		head[++used] = '\0';
	}
	s->requests++;
	return true;
}

static bool
server_reads(struct peer *s)
{
	char block[16 * 1024], *kept;
	const char *length;
	uint64_t left;

	if (!server_reads_head(s))
		return false;
	length = strstr(s->head[s->requests - 1], "Content-Length: ");
	left = length ? strtoull(length + strlen("Content-Length: "), NULL, 10) : 0;
	kept = s->body[s->requests - 1];
	s->size = 0;
	s->sum = 0;
	while (left > 0) {
		int most = left < sizeof(block) ? (int)left : (int)sizeof(block);
		int n = SSL_read(s->ssl, block, most);

		if (n <= 0)
			return false;
		if (s->size + (size_t)n < BODY_BYTES)
			memcpy(kept + s->size, block, (size_t)n);
		s->sum = sum_add(s->sum, block, (size_t)n);
		s->size += (size_t)n;
		left -= (size_t)n;
	}
	return true;
}

static bool
server_says(struct peer *s, const char *text)
{
	int len = (int)strlen(text);

	return SSL_write(s->ssl, text, len) == len;
}

/* Waits until the test has seen enough. */
static void
server_waits(struct peer *s)
{
	struct timespec end;

	clock_gettime(CLOCK_REALTIME, &end);
	end.tv_sec += SERVER_PATIENCE;
	sem_timedwait(&s->gate, &end);
}

/* Reads a request and answers it, for each of a list; "": it hangs up instead. */
static void
serve_list(struct peer *s)
{
	for (const char *const *reply = s->replies; *reply; reply++) {
		while (!s->ssl || !server_reads(s))
			if (!server_accepts(s, true))
				return;
		if (**reply)
			server_says(s, *reply);
		else
			server_hang_up(s);
	}
	server_waits(s);
}

static void *
server_runs(void *context)
{
	struct peer *s = context;

	s->serve(s);
	server_hang_up(s);
	return NULL;
}

static void
server_start(struct peer *s, enum kind kind)
{
	struct sockaddr_in address = { .sin_family = AF_INET };
	socklen_t size = sizeof(address);

	address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	s->fd = -1;
	s->tls = SSL_CTX_new(TLS_server_method());
	SSL_CTX_use_certificate(s->tls, certificate[kind]);
	SSL_CTX_use_PrivateKey(s->tls, server_key);
	sem_init(&s->gate, 0, 0);
	s->listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	/* a client that is not read soon has to wait */
	setsockopt(s->listener, SOL_SOCKET, SO_RCVBUF, &(int){ 65536 }, sizeof(int));
	assert_int_equal(bind(s->listener, (struct sockaddr *)&address, size), 0);
	assert_int_equal(listen(s->listener, REQUESTS_MAX), 0);
	assert_int_equal(getsockname(s->listener, (struct sockaddr *)&address, &size), 0);
	s->port = ntohs(address.sin_port);
	assert_int_equal(pthread_create(&s->thread, NULL, server_runs, s), 0);
}

static void
server_end(struct peer *s)
{
	sem_post(&s->gate);
	shutdown(s->listener, SHUT_RDWR); /* where nobody came, accept(2) ends */
	pthread_join(s->thread, NULL);
	close(s->listener);
	sem_destroy(&s->gate);
	SSL_CTX_free(s->tls);
}

#endif
