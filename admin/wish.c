/* wish: what `postroom login` was asked to do (wish.h). */
#include "admin/wish.h"

#include <getopt.h>
#include <stddef.h>

#include "lib/account/config.h"

const char wish_arguments[] =
    "[ACCOUNT] [--paste] [--shared] [--test ADDRESS | --no-test]\n"
    "       postroom login ACCOUNT [--device | --app | --code] [--client-id ID]\n"
    "           [--tenant T] [--secret-file FILE | --certificate FILE --key FILE]\n"
    "           [--graph]\n"
    "       postroom login ACCOUNT --forget-password";

enum option_code {
	CODE_DEVICE = 1,
	CODE_APP,
	CODE_CODE,
	CODE_CLIENT_ID,
	CODE_TENANT,
	CODE_SECRET_FILE,
	CODE_CERTIFICATE,
	CODE_KEY,
	CODE_TEST,
	CODE_GRAPH,
	CODE_PASTE,
	CODE_SHARED,
	CODE_NO_TEST,
	CODE_FORGET,
};

static const struct option options[] = {
	{ "device", no_argument, NULL, CODE_DEVICE },
	{ "app", no_argument, NULL, CODE_APP },
	{ "code", no_argument, NULL, CODE_CODE },
	{ "client-id", required_argument, NULL, CODE_CLIENT_ID },
	{ "tenant", required_argument, NULL, CODE_TENANT },
	{ "secret-file", required_argument, NULL, CODE_SECRET_FILE },
	{ "certificate", required_argument, NULL, CODE_CERTIFICATE },
	{ "key", required_argument, NULL, CODE_KEY },
	{ "test", required_argument, NULL, CODE_TEST },
	{ "graph", no_argument, NULL, CODE_GRAPH },
	{ "paste", no_argument, NULL, CODE_PASTE },
	{ "shared", no_argument, NULL, CODE_SHARED },
	{ "no-test", no_argument, NULL, CODE_NO_TEST },
	{ "forget-password", no_argument, NULL, CODE_FORGET },
	{ NULL, 0, NULL, 0 },
};

/* Where an option's text goes; NULL: it has none. */
static const char **
text_of(struct wish *w, int code)
{
	switch (code) {
	case CODE_CLIENT_ID: return &w->client_id;
	case CODE_TENANT: return &w->tenant;
	case CODE_SECRET_FILE: return &w->secret_file;
	case CODE_CERTIFICATE: return &w->certificate;
	case CODE_KEY: return &w->key;
	case CODE_TEST: return &w->test;
	default: return NULL;
	}
}

static bool *
flag_of(struct wish *w, int code)
{
	switch (code) {
	case CODE_GRAPH: return &w->graph;
	case CODE_PASTE: return &w->paste;
	case CODE_SHARED: return &w->shared;
	case CODE_NO_TEST: return &w->no_test;
	case CODE_FORGET: return &w->forget_password;
	default: return NULL;
	}
}

/* Takes one option in; false when it contradicts an earlier one, or is none. */
static bool
take_option(struct wish *w, int code)
{
	static const int ways[] = { [CODE_DEVICE] = AUTH_OAUTH_DEVICE,
		[CODE_APP] = AUTH_OAUTH_APP,
		[CODE_CODE] = AUTH_OAUTH_CODE };
	const char **text = text_of(w, code);
	bool *flag = flag_of(w, code), again;

	if (text) {
		again = *text || !*optarg;
		*text = optarg;
		return !again;
	}
	if (flag)
		return *flag = true;
	if (code < CODE_DEVICE || code > CODE_CODE)
		return false;
	again = w->way != WISH_NO_WAY && w->way != ways[code];
	w->way = ways[code];
	return !again;
}

/* The first thing that does not fit together; NULL: all does. */
static const char *
find_clash(const struct wish *w)
{
	const struct {
		bool is;
		const char *what;
	} clashes[] = {
		{ w->forget_password &&
			(wish_is_way_over(w) || w->paste || w->shared || w->test ||
			    w->no_test || !w->account),
		    "--forget-password stands alone, with the account's name" },
		{ w->test && w->no_test, "--test and --no-test exclude each other" },
		{ !w->certificate != !w->key, "--certificate and --key belong together" },
		{ w->secret_file && w->certificate,
		    "--secret-file and --certificate exclude each other" },
		{ w->certificate && w->way != AUTH_OAUTH_APP,
		    "--certificate goes with --app" },
		{ wish_is_way_over(w) && !w->account,
		    "the account's name is missing; it is wanted for a change" },
		{ w->paste && w->way != WISH_NO_WAY && w->way != AUTH_OAUTH_CODE,
		    "--paste goes with --code" },
		{ w->shared && w->way == AUTH_OAUTH_APP,
		    "--shared does not go with --app: nobody signs in" },
	};

	for (size_t i = 0; i < sizeof(clashes) / sizeof(clashes[0]); i++)
		if (clashes[i].is)
			return clashes[i].what;
	return NULL;
}

enum status
wish_read(struct wish *out, int argc, char **argv, struct error *e)
{
	struct wish w = { .way = WISH_NO_WAY };
	const char *clash;
	int code;

	optind = 0; /* begins anew (getopt(3), glibc) */
	opterr = 0;
	while ((code = getopt_long(argc, argv, "", options, NULL)) != -1)
		if (code == '?' || !take_option(&w, code))
			return error_set(e, STATUS_INVALID,
			    "'%.60s' is no option here, lacks its value, or comes twice",
			    argv[optind > 1 ? optind - 1 : 1]);
	if (argc - optind > 1)
		return error_set(e, STATUS_INVALID, "one account at a time");
	w.account = optind < argc ? argv[optind] : NULL;
	clash = find_clash(&w);
	if (clash)
		return error_set(e, STATUS_INVALID, "%s", clash);
	*out = w;
	return STATUS_OK;
}

bool
wish_is_way_over(const struct wish *w)
{
	return w->way != WISH_NO_WAY || w->client_id || w->tenant || w->secret_file ||
	    w->certificate || w->key || w->graph;
}
