/* Tests of lib/account/endpoint.c. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "lib/base/buf.h"
#include "lib/account/endpoint.h"

enum {
	TEXT_MAX = 8192,
};

#define DEVICE                                                                           \
	"auth = oauth-device\nserver = smtp.office365.com:587\nclient_id = app\n"        \
	"username = scanner@example.com\n"
#define GRAPH                                                                            \
	"auth = oauth-code\nserver = graph\nclient_id = app\n"                           \
	"username = scanner@example.com\n"
#define APP(server)                                                                      \
	"auth = oauth-app\nserver = " server "\nclient_id = app\n"                       \
	"username = scanner@example.com\nclient_secret_file = /secret\n"

/* Adds the lines of settings whose keys `more` does not set anew. */
static void
add_others(struct buf *text, const char *settings, const char *more)
{
	for (const char *line = settings, *end; *line; line = end + 1) {
		size_t key = strcspn(line, " ") + strlen(" =");
		const char *again = memmem(more, strlen(more), line, key);

		end = strchr(line, '\n');
		if (!again || (again > more && again[-1] != '\n'))
			buf_add(text, line, (size_t)(end - line) + 1);
	}
}

static struct config *
parse(const char *settings, const char *more)
{
	struct config *c = NULL;
	struct error e = { "" };
	struct buf text;

	buf_init(&text, TEXT_MAX);
	buf_puts(&text, "[account a]\n");
	add_others(&text, settings, more);
	buf_puts(&text, more);
	if (config_parse(&c, text.data, text.len, "FILE", &e) != STATUS_OK)
		fail_msg("%s", e.text);
	buf_clear(&text);
	return c;
}

static void
assert_url(const char *more, enum endpoint which, const char *expected)
{
	struct config *c = parse(DEVICE, more);
	char url[ENDPOINT_URL_MAX] = "as it was";

	assert_int_equal(endpoint_url(url, &c->account[0], which), expected != NULL);
	assert_string_equal(url, expected ? expected : "as it was");
	config_free(c);
}

static void
authority_and_tenant_make_addresses(void **state)
{
	(void)state;
	assert_url("", ENDPOINT_DEVICE,
	    "https://login.microsoftonline.com/organizations/oauth2/v2.0/devicecode");
	assert_url("", ENDPOINT_TOKEN,
	    "https://login.microsoftonline.com/organizations/oauth2/v2.0/token");
	assert_url("", ENDPOINT_AUTHORIZE,
	    "https://login.microsoftonline.com/organizations/oauth2/v2.0/authorize");
	assert_url("authority = https://login.microsoftonline.us//\n"
		   "tenant = 11111111-2222-3333-4444-555555555555\n",
	    ENDPOINT_TOKEN,
	    "https://login.microsoftonline.us/11111111-2222-3333-4444-555555555555/"
	    "oauth2/v2.0/token");
	assert_url(
	    "authority = https://sts.example.com:8443/base/\ntenant = a_b.example\n",
	    ENDPOINT_AUTHORIZE,
	    "https://sts.example.com:8443/base/a_b.example/oauth2/v2.0/authorize");
}

static void
settings_override_addresses(void **state)
{
	static const char own[] = "device_url = https://one.example/d?x=y\n"
				  "token_url = https://two.example/t\n"
				  "authorize_url = https://three.example/a\n";

	(void)state;
	assert_url(own, ENDPOINT_DEVICE, "https://one.example/d?x=y");
	assert_url(own, ENDPOINT_TOKEN, "https://two.example/t");
	assert_url(own, ENDPOINT_AUTHORIZE, "https://three.example/a");
	assert_url("authority =\ntoken_url = https://two.example/t\n", ENDPOINT_TOKEN,
	    "https://two.example/t");
}

static void
what_makes_no_address_is_refused(void **state)
{
	(void)state;
	assert_url("authority =\n", ENDPOINT_TOKEN, NULL);
	assert_url("tenant = a/../b\n", ENDPOINT_TOKEN, NULL);
	assert_url("tenant = a b\n", ENDPOINT_TOKEN, NULL);
	assert_url("tenant = a?b\n", ENDPOINT_TOKEN, NULL);
	assert_url("tenant = m\xc3\xbcller.example\n", ENDPOINT_TOKEN, NULL);
	assert_url("authority = https://a.example/?x=\n", ENDPOINT_TOKEN, NULL);
	assert_url("authority = https://a.example/#\n", ENDPOINT_TOKEN, NULL);
}

/* Settings end long before; other callers may have longer ones. */
static void
addresses_end_in_time(void **state)
{
	struct config *c = parse(DEVICE, "");
	struct account a = c->account[0];
	char url[ENDPOINT_URL_MAX], own[ENDPOINT_URL_MAX + 1];

	(void)state;
	memset(own, 'a', sizeof(own));
	own[ENDPOINT_URL_MAX] = '\0';
	a.token_url = own;
	assert_false(endpoint_url(url, &a, ENDPOINT_TOKEN));
	own[ENDPOINT_URL_MAX - 1] = '\0';
	assert_true(endpoint_url(url, &a, ENDPOINT_TOKEN));
	assert_string_equal(url, own);
	a.token_url = c->account[0].token_url;
	a.tenant = own;
	assert_false(endpoint_url(url, &a, ENDPOINT_TOKEN));
	config_free(c);
}

static void
assert_scope(const char *settings, const char *more, const char *expected)
{
	struct config *c = parse(settings, more);
	char room[ENDPOINT_URL_MAX];

	assert_string_equal(endpoint_scope(room, &c->account[0]), expected);
	config_free(c);
}

static void
scopes_fit_the_way_of_signing_in(void **state)
{
	(void)state;
	assert_scope(DEVICE, "", "https://outlook.office.com/SMTP.Send offline_access");
	assert_scope(
	    APP("smtp.office365.com:587"), "", "https://outlook.office365.com/.default");
	assert_scope(GRAPH, "",
	    "https://graph.microsoft.com/Mail.Send "
	    "https://graph.microsoft.com/Mail.ReadWrite offline_access");
	assert_scope(APP("graph"), "", "https://graph.microsoft.com/.default");
	assert_scope(GRAPH, "graph_url = https://Graph.Microsoft.US:8443/v1.0\n",
	    "https://graph.microsoft.us/Mail.Send "
	    "https://graph.microsoft.us/Mail.ReadWrite offline_access");
	assert_scope(APP("graph"),
	    "graph_url = https://microsoftgraph.chinacloudapi.cn/v1.0\n",
	    "https://microsoftgraph.chinacloudapi.cn/.default");
	assert_scope(
	    DEVICE, "scope = https://mail.google.com/\n", "https://mail.google.com/");
	assert_scope(APP("graph"), "scope = x y\n", "x y");
}

static void
assert_server(const char *settings, const char *more, const char *expected, uint16_t at)
{
	struct config *c = parse(settings, more);
	char host[64] = "as it was";
	uint16_t port = 7;

	if (endpoint_server(host, sizeof(host), &port, &c->account[0]) !=
	    (expected != NULL))
		fail_msg("%s: %s", more, host);
	assert_string_equal(host, expected ? expected : "as it was");
	assert_int_equal(port, expected ? at : 7);
	config_free(c);
}

static void
servers_are_named(void **state)
{
	(void)state;
	assert_server(DEVICE, "", "smtp.office365.com", 587);
	assert_server(DEVICE, "server = MAIL.example.com\ntls = implicit\n",
	    "mail.example.com", 465);
	assert_server(DEVICE, "server = [::1]:2525\n", "::1", 2525);
	assert_server(GRAPH, "", "graph.microsoft.com", 443);
	assert_server(GRAPH, "graph_url = https://G.example.com:8443/v1.0\n",
	    "g.example.com", 8443);
	assert_server(GRAPH, "graph_url = https://g.example\n", "g.example", 443);
	assert_server(GRAPH, "graph_url = https://g.example?x\n", "g.example", 443);
	assert_server(GRAPH, "graph_url = https://g.example:65535\n", "g.example", 65535);
	assert_server(GRAPH, "graph_url = https://g.example:1#x\n", "g.example", 1);
}

static void
hosts_that_two_could_read_differently_are_none(void **state)
{
	(void)state;
	assert_server(GRAPH, "graph_url =\n", NULL, 0);
	assert_server(GRAPH, "graph_url = https://g.example@evil.example/\n", NULL, 0);
	assert_server(
	    GRAPH, "graph_url = https://g.example:443@evil.example/\n", NULL, 0);
	assert_server(GRAPH, "graph_url = https://g.example%2eevil.example/\n", NULL, 0);
	assert_server(GRAPH, "graph_url = https://g.example:/\n", NULL, 0);
	assert_server(GRAPH, "graph_url = https://g.example:0/\n", NULL, 0);
	assert_server(GRAPH, "graph_url = https://g.example:65536/\n", NULL, 0);
	assert_server(GRAPH, "graph_url = https://g.example:4294967739/\n", NULL, 0);
	assert_server(
	    GRAPH, "graph_url = https://g.example:18446744073709552059/\n", NULL, 0);
	assert_server(GRAPH, "graph_url = https://g.example:44x/\n", NULL, 0);
	assert_server(GRAPH, "graph_url = https://g.example,h.example/\n", NULL, 0);
	assert_server(GRAPH,
	    "graph_url = https://a123456789a123456789a123456789a123456789"
	    "a123456789a123456789a123.example/\n",
	    NULL, 0);
}

static uint32_t
identity(const char *settings, const char *more)
{
	struct config *c = parse(settings, more);
	uint32_t id = endpoint_identity(&c->account[0]);

	config_free(c);
	assert_true(id != 0);
	return id;
}

static void
identities_tell_accounts_apart(void **state)
{
	static const struct {
		const char *settings, *more;
	} others[] = {
		{ DEVICE, "" },
		{ DEVICE, "auth = oauth-code\n" },
		{ DEVICE, "authority = https://login.microsoftonline.us\n" },
		{ DEVICE, "tenant = example.com\n" },
		{ DEVICE, "token_url = https://t.example/\n" },
		{ DEVICE, "device_url = https://t.example/\n" },
		{ DEVICE, "authorize_url = https://t.example/\n" },
		{ DEVICE, "client_id = apq\n" },
		{ DEVICE,
		    "client_id = appscanner\nusername = @example.com\n"
		    "from = a@example.com\n" },
		{ DEVICE, "scope = other\n" },
		{ DEVICE, "client_id = appo\nscope = ther\n" },
		{ DEVICE, "username = printer@example.com\n" },
		{ DEVICE, "server = smtp.office365.us:587\n" },
		{ DEVICE, "server = smtp.office365.com:58\n" },
		{ GRAPH, "" },
		{ GRAPH, "graph_url = https://graph.microsoft.us/v1.0\n" },
		{ APP("graph"), "" },
		{ APP("smtp.office365.com"), "" },
	};
	enum { OTHERS = sizeof(others) / sizeof(others[0]) };

	uint32_t id[OTHERS];

	(void)state;
	for (size_t i = 0; i < OTHERS; i++) {
		id[i] = identity(others[i].settings, others[i].more);
		for (size_t k = 0; k < i; k++)
			if (id[i] == id[k])
				fail_msg("%zu and %zu are the same", i, k);
	}
}

/* What a token does not belong to, and defaults that are written out. */
static void
identities_stay(void **state)
{
	uint32_t id = identity(DEVICE, "");

	(void)state;
	assert_int_equal(id, identity(DEVICE, "tenant = organizations\nscope =\n"));
	assert_int_equal(id,
	    identity(DEVICE,
		"scope = https://outlook.office.com/SMTP.Send "
		"offline_access\n"));
	assert_int_equal(id, identity(DEVICE, "server = SMTP.Office365.com\n"));
	assert_int_equal(
	    id, identity(DEVICE, "from = other@example.com\nmax_per_minute = 5\n"));
	assert_int_equal(id,
	    identity(DEVICE,
		"authority = https://login.microsoftonline.com/\n"
		"redirect_port = 8080\nca_file = /ca\n"));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(authority_and_tenant_make_addresses),
		cmocka_unit_test(settings_override_addresses),
		cmocka_unit_test(what_makes_no_address_is_refused),
		cmocka_unit_test(addresses_end_in_time),
		cmocka_unit_test(scopes_fit_the_way_of_signing_in),
		cmocka_unit_test(servers_are_named),
		cmocka_unit_test(hosts_that_two_could_read_differently_are_none),
		cmocka_unit_test(identities_tell_accounts_apart),
		cmocka_unit_test(identities_stay),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
