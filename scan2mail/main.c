/*
 * scan2mail: paper into the post: scans and hands a PDF to a queue (scan2mail(1)).
 *
 * Exit: 0 all pages delivered; 1 a failure, said on standard error; 2 the command line is
 * wrong; 3 scanned and kept, as the queue did not take it (--resend); 128 + N ended by
 * signal N, nothing delivered.
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
#include "scan2mail/ask.h"
#include "scan2mail/catalog.h"
#include "scan2mail/counter.h"
#include "scan2mail/kept.h"
#include "scan2mail/output.h"
#include "scan2mail/queue.h"
#include "scan2mail/request.h"
#include "scan2mail/scan.h"
#include "scan2mail/sensors.h"
#include "scan2mail/statedir.h"

enum {
	EXIT_USAGE = 2,
	EXIT_KEPT = 3,
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

/* The settings; NULL when there are none and nothing wants them. */
static enum status
load_config(struct config **out, const struct arguments *o, struct error *e)
{
	const char *path = config_path();

	if (!o->profile && access(path, F_OK) != 0 && errno == ENOENT)
		return STATUS_OK;
	return config_load(out, path, e);
}

/* -- looking ------------------------------------------------------------------------ */

static int
print_list(const struct arguments *o)
{
	struct config *config = NULL;
	struct error e;
	struct buf text;
	enum status status = load_config(&config, o, &e);
	const struct catalog_wish wish = {
		.config = config,
		.search = o->search,
		.able = o->list > 1 || isatty(STDOUT_FILENO),
	};

	buf_init(&text, TEXT_MAX);
	if (status == STATUS_OK)
		status = catalog_list(&text, &wish, &e);
	config_free(config);
	if (status == STATUS_OK)
		return print(&text);
	buf_clear(&text);
	return fail(status, &e);
}

/* The scanner that a scan with these arguments would use; "" where none is named. */
static enum status
find_device(const char **out, const struct arguments *o, const struct config *config,
    struct error *e)
{
	const char *name = o->profile ? o->profile : "default";
	const struct scan_profile *p = config ? config_profile(config, name) : NULL;

	if (o->profile && !p)
		return error_set(e, STATUS_SETTINGS,
		    "there is no profile \"%s\": postroom.conf wants a section [scan %s]",
		    name, name);
	*out = p ? p->device : "";
	if (o->device)
		*out = o->device;
	return STATUS_OK;
}

static int
show_buttons(const struct arguments *o)
{
	struct config *config = NULL;
	const char *device = "";
	struct error e;
	enum status status = load_config(&config, o, &e);

	if (status == STATUS_OK)
		status = find_device(&device, o, config, &e);
	if (status == STATUS_OK)
		status = sensors_show(
		    device, config ? (unsigned)config->button_poll : SENSORS_POLL_MS, &e);
	config_free(config);
	return status == STATUS_OK ? EXIT_SUCCESS : fail(status, &e);
}

/* -- what was kept ------------------------------------------------------------------ */

static void
say(void *context, enum log_level level, const char *sentence)
{
	(void)context;
	log_message(level, "%s", sentence);
}

static int
resend(void)
{
	struct kept_report report = { .say = say };
	struct error e;
	enum status status = kept_resend(&report, &e);

	if (status != STATUS_OK)
		return fail(status, &e);
	if (report.sent + report.stay + report.elsewhere == 0)
		log_message(LEVEL_INFO, "nothing is kept");
	return report.stay > 0 ? EXIT_KEPT : EXIT_SUCCESS;
}

/* -- scanning ----------------------------------------------------------------------- */

/* The next number of a profile. */
static enum status
take_number(uint64_t *out, const char *profile, struct error *e)
{
	bool damaged = false;
	int folder;
	enum status status = statedir_open(&folder, "numbers", e);

	if (status != STATUS_OK)
		return status;
	status = counter_take(out, &damaged, folder, profile, e);
	close(folder);
	if (status == STATUS_OK && damaged)
		log_message(LEVEL_WARNING,
		    "the file with the last number of the profile %s was damaged: "
		    "counting starts anew",
		    profile);
	return status;
}

static enum status
prepare(struct request *out, const struct arguments *o, time_t now, struct error *e)
{
	const struct passwd *user = getpwuid(getuid());
	struct config *config = NULL;
	char host[HOST_MAX] = "";
	struct tm when;
	struct template_values values = {
		.when = localtime_r(&now, &when),
		.user = user ? user->pw_name : "unknown",
		.host = host,
		.number = 1, /* whichever it will be */
	};
	enum status status = load_config(&config, o, e);
	const char *numbered;

	if (status != STATUS_OK)
		return status;
	gethostname(host, sizeof(host) - 1);
	status = request_make(out, o, config, &values, e);
	numbered = status == STATUS_OK ? request_numbered(o, config) : NULL;
	if (numbered) { /* what is refused spends no number */
		request_clear(out);
		status = take_number(&values.number, numbered, e);
		if (status == STATUS_OK)
			status = request_make(out, o, config, &values, e);
	}
	config_free(config);
	return status;
}

/* Says how it ended, and gives the exit code. */
static int
report(enum status status, const struct scan_result *result,
    const struct destination *destination, const struct error *e)
{
	if (result->pages > 0 && !destination->kept)
		log_message(status == STATUS_OK ? LEVEL_INFO : LEVEL_WARNING,
		    "%u page%s delivered: %s", result->pages,
		    result->pages == 1 ? "" : "s", destination->note);
	if (*result->remark)
		log_message(LEVEL_WARNING, "%s", result->remark);
	if (status == STATUS_OK)
		return EXIT_SUCCESS;
	return destination->kept ? (fail(status, e), EXIT_KEPT) : fail(status, e);
}

static enum status
open_destination(struct destination *out, const struct arguments *o,
    const struct request *request, struct error *e)
{
	if (o->output)
		return output_open(out, o->output, e);
	return queue_open(out, request, e);
}

static int
scan(const struct arguments *o)
{
	struct destination destination = { 0 };
	const char *temporary = getenv("TMPDIR");
	struct ask ask = { .in = STDIN_FILENO, .out = STDERR_FILENO };
	struct scan_job job = {
		.destination = &destination,
		.scratch_dir = temporary && *temporary ? temporary : "/var/tmp",
		.now = time(NULL),
		.ask = ask_person,
		.context = &ask,
	};
	struct request request = { 0 };
	struct scan_result result = { .remark = "" };
	struct error e;
	enum status status = prepare(&request, o, job.now, &e);

	job.request = &request;
	ask.source = request.source;
	if (status == STATUS_OK)
		status = open_destination(&destination, o, &request, &e);
	if (status == STATUS_OK)
		status = scan_run(&job, &result, &e);
	if (destination.close)
		destination.close(destination.sink.context);
	request_clear(&request);
	return report(status, &result, &destination, &e);
}

/* -- all of it ---------------------------------------------------------------------- */

/* What the command line asks for, once signals are caught. */
static int
act(const struct arguments *o)
{
	if (o->resend)
		return resend();
	if (o->list_buttons)
		return show_buttons(o);
	if (o->list || o->search)
		return print_list(o);
	if ((o->more || o->backs) && !isatty(STDIN_FILENO)) {
		log_message(LEVEL_ERROR,
		    "--%s asks at the terminal, and standard input is none",
		    o->more ? "more" : "backs");
		return EXIT_USAGE;
	}
	return scan(o);
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
		code = act(&arguments);
	}
	arguments_clear(&arguments);
	return code;
}
