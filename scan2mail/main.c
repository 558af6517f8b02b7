/*
 * scan2mail: paper into the post: scans and hands a PDF to a queue (scan2mail(1)).
 *
 * Exit: 0 all pages delivered; 1 a failure, said on standard error; 2 the command line is
 * wrong; 128 + N ended by signal N, nothing delivered.
 */
#include <errno.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "lib/base/log.h"
#include "lib/account/config.h"
#include "scan2mail/interrupt.h"
#include "scan2mail/arguments.h"
#include "scan2mail/output.h"
#include "scan2mail/queue.h"
#include "scan2mail/request.h"
#include "scan2mail/scan.h"

enum {
	EXIT_USAGE = 2,
	TEXT_MAX = 256 * 1024, /* bytes that --help and --list print */
	HOST_MAX = 256,
};

/* Says why, and gives the exit code. */
static int
fail(enum status status, const struct error *e)
{
	log_message(LEVEL_ERROR, "%s", e->text);
	if (status == STATUS_CANCELLED)
		return 128 + interrupt_signal();
	return EXIT_FAILURE;
}

static int
print(struct buf *text)
{
	int failed =
	    text->over || fputs(buf_text(text), stdout) < 0 || fflush(stdout) != 0;

	buf_clear(text);
	if (failed)
		log_message(LEVEL_ERROR, "standard output cannot be written");
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}

static int
print_help(void)
{
	struct buf text;

	buf_init(&text, TEXT_MAX);
	arguments_help(&text);
	return print(&text);
}

static int
print_version(void)
{
	struct buf text;

	buf_init(&text, TEXT_MAX);
	buf_puts(&text, "scan2mail (Postroom) " POSTROOM_VERSION "\n");
	return print(&text);
}

static int
print_list(void)
{
	struct error e;
	struct buf text;
	enum status status;

	buf_init(&text, TEXT_MAX);
	status = scan_list(&text, &e);
	if (status == STATUS_OK)
		return print(&text);
	buf_clear(&text);
	return fail(status, &e);
}

/* The settings; NULL when there are none and nothing wants them. */
static enum status
load_config(struct config **out, const struct arguments *o, struct error *e)
{
	const char *path = config_path();

	if (!o->profile && access(path, F_OK) != 0 && errno == ENOENT)
		return STATUS_OK;
	return config_load(out, path, e);
}

static enum status
prepare(struct request *out, const struct arguments *o, time_t now, struct error *e)
{
	const struct passwd *user = getpwuid(getuid());
	struct config *config = NULL;
	char host[HOST_MAX] = "";
	enum status status = load_config(&config, o, e);
	struct tm when;

	if (status != STATUS_OK)
		return status;
	gethostname(host, sizeof(host) - 1);
	status = request_make(out, o, config,
	    &(struct template_values){
		.when = localtime_r(&now, &when),
		.user = user ? user->pw_name : "unknown",
		.host = host,
	    },
	    e);
	config_free(config);
	return status;
}

static int
report(enum status status, unsigned pages, const char *note, const struct error *e)
{
	if (pages > 0)
		log_message(status == STATUS_OK ? LEVEL_INFO : LEVEL_WARNING,
		    "%u page%s delivered: %s", pages, pages == 1 ? "" : "s", note);
	return status == STATUS_OK ? EXIT_SUCCESS : fail(status, e);
}

static int
scan(const struct arguments *o)
{
	struct destination destination = { 0 };
	const char *temporary = getenv("TMPDIR");
	struct scan_job job = {
		.destination = &destination,
		.scratch_dir = temporary && *temporary ? temporary : "/var/tmp",
		.now = time(NULL),
	};
	struct request request = { 0 };
	unsigned pages = 0;
	struct error e;
	enum status status = prepare(&request, o, job.now, &e);

	job.request = &request;
	if (status == STATUS_OK && o->output)
		status = output_open(&destination, o->output, &e);
	else if (status == STATUS_OK)
		status = queue_open(&destination, &request, &e);
	if (status == STATUS_OK)
		status = scan_run(&job, &pages, &e);
	if (destination.close)
		destination.close(destination.sink.context);
	request_clear(&request);
	return report(status, pages, destination.note, &e);
}

int
main(int argc, char **argv)
{
	struct arguments arguments;
	struct error e;
	int code;

	log_open(
	    LOG_PLAIN, "scan2mail", isatty(STDERR_FILENO) ? LEVEL_INFO : LEVEL_WARNING);
	if (arguments_parse(&arguments, argc, argv, &e) != STATUS_OK) {
		fail(STATUS_INVALID, &e);
		code = EXIT_USAGE;
	} else if (arguments.help) {
		code = print_help();
	} else if (arguments.version) {
		code = print_version();
	} else if (interrupt_catch(&e) != STATUS_OK) {
		code = fail(STATUS_RETRY, &e);
	} else {
		code = arguments.list ? print_list() : scan(&arguments);
	}
	arguments_clear(&arguments);
	return code;
}
