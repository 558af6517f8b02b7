/* arguments: the command line of scan2mail(1) (arguments.h). */
#include "scan2mail/arguments.h"

#include <getopt.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "lib/account/config.h"

enum {
	RESOLUTION_MIN = 1,
	RESOLUTION_MAX = 9600,
};

typedef enum status option_setter(
    struct arguments *o, const char *value, struct error *e);

static enum status
set_profile(struct arguments *o, const char *value, struct error *e)
{
	(void)e;
	o->profile = value;
	return STATUS_OK;
}

static enum status
set_device(struct arguments *o, const char *value, struct error *e)
{
	(void)e;
	o->device = value;
	return STATUS_OK;
}

static enum status
set_subject(struct arguments *o, const char *value, struct error *e)
{
	(void)e;
	o->subject = value;
	return STATUS_OK;
}

static enum status
set_output(struct arguments *o, const char *value, struct error *e)
{
	if (!*value)
		return error_set(e, STATUS_INVALID, "-o wants the name of a file");
	o->output = value;
	return STATUS_OK;
}

static enum status
add_to(struct arguments *o, const char *value, struct error *e)
{
	if (o->to.count >= ARGUMENTS_TO_MAX)
		return error_set(e, STATUS_INVALID,
		    "-t may stand %d times: join recipients by commas", ARGUMENTS_TO_MAX);
	return list_add(&o->to, value) ? STATUS_OK
				       : error_errno(e, "the recipient cannot be kept");
}

static enum status
set_resolution(struct arguments *o, const char *value, struct error *e)
{
	char *end;
	unsigned long number = strtoul(value, &end, 10);

	if (*value < '0' || *value > '9' || *end || number < RESOLUTION_MIN ||
	    number > RESOLUTION_MAX)
		return error_set(e, STATUS_INVALID,
		    "-r %s is no resolution: a number from %d to %d dots per inch", value,
		    RESOLUTION_MIN, RESOLUTION_MAX);
	o->resolution = (unsigned)number;
	return STATUS_OK;
}

struct word {
	const char *text;
	int value;
};

/* Finds value in words, which end with a NULL text. */
static enum status
set_word(
    int *out, const struct word *words, char letter, const char *value, struct error *e)
{
	struct buf allowed;

	for (const struct word *w = words; w->text; w++)
		if (strcmp(w->text, value) == 0) {
			*out = w->value;
			return STATUS_OK;
		}
	buf_init(&allowed, ERROR_TEXT_MAX);
	for (const struct word *w = words; w->text; w++)
		buf_printf(&allowed, "%s%s", w == words ? "" : ", ", w->text);
	error_set(e, STATUS_INVALID, "-%c %s is not known; allowed: %s", letter, value,
	    buf_text(&allowed));
	buf_clear(&allowed);
	return STATUS_INVALID;
}

static enum status
set_mode(struct arguments *o, const char *value, struct error *e)
{
	static const struct word words[] = {
		{ "auto", MODE_AUTO },
		{ "color", MODE_COLOR },
		{ "gray", MODE_GRAY },
		{ "bw", MODE_BW },
		{ NULL, 0 },
	};

	return set_word(&o->mode, words, 'm', value, e);
}

static enum status
set_source(struct arguments *o, const char *value, struct error *e)
{
	static const struct word words[] = {
		{ "auto", SOURCE_AUTO },
		{ "flatbed", SOURCE_FLATBED },
		{ "adf", SOURCE_ADF },
		{ "adf-duplex", SOURCE_ADF_DUPLEX },
		{ NULL, 0 },
	};

	return set_word(&o->source, words, 'S', value, e);
}

static enum status
set_list(struct arguments *o, const char *value, struct error *e)
{
	(void)value, (void)e;
	o->list = true;
	return STATUS_OK;
}

static enum status
set_help(struct arguments *o, const char *value, struct error *e)
{
	(void)value, (void)e;
	o->help = true;
	return STATUS_OK;
}

static enum status
set_version(struct arguments *o, const char *value, struct error *e)
{
	(void)value, (void)e;
	o->version = true;
	return STATUS_OK;
}

/* The one place that knows an option. Without a letter of its own, one gets a number. */
static const struct row {
	int letter;
	const char *name;
	const char *value; /* what stands behind it; NULL: nothing */
	option_setter *set;
	const char *help;
} rows[] = {
	{ 'p', "profile", "PROFILE", set_profile,
	    "section [scan PROFILE] of postroom.conf; else \"default\"" },
	{ 'd', "device", "DEVICE", set_device, "the scanner, as --list names it" },
	{ 't', "to", "TO", add_to, "recipients: addresses or names of the address book" },
	{ 's', "subject", "SUBJECT", set_subject,
	    "subject; %d is the date, %t the time" },
	{ 'r', "resolution", "DPI", set_resolution, "dots per inch" },
	{ 'm', "mode", "MODE", set_mode, "auto, color, gray, bw" },
	{ 'S', "source", "SOURCE", set_source, "auto, flatbed, adf, adf-duplex" },
	{ 'o', "output", "FILE", set_output,
	    "write the PDF to FILE (- for standard output), send nothing" },
	{ 'l', "list", NULL, set_list, "list the scanners" },
	{ 'h', "help", NULL, set_help, "this text" },
	{ 'V', "version", NULL, set_version, "the version" },
};

enum { ROWS = sizeof(rows) / sizeof(rows[0]) };

/* getopt's two descriptions of the rows. */
struct description {
	char letters[1 + 2 * ROWS + 1];
	struct option longs[ROWS + 1];
};

static void
describe(struct description *d)
{
	char *s = d->letters;

	*d = (struct description){ .letters = "" };
	*s++ = ':'; /* a missing value is told apart from an unknown option */
	for (size_t i = 0; i < ROWS; i++) {
		*s++ = (char)rows[i].letter;
		if (rows[i].value)
			*s++ = ':';
		d->longs[i] = (struct option){
			.name = rows[i].name,
			.has_arg = rows[i].value ? required_argument : no_argument,
			.val = rows[i].letter,
		};
	}
}

static const struct row *
find_row(int letter)
{
	for (size_t i = 0; i < ROWS; i++)
		if (rows[i].letter == letter)
			return &rows[i];
	return NULL;
}

enum status
arguments_parse(struct arguments *out, int argc, char *const *argv, struct error *e)
{
	struct description d;
	const struct row *row;
	enum status status = STATUS_OK;
	int letter;

	*out = (struct arguments){ .mode = ARGUMENTS_UNSET, .source = ARGUMENTS_UNSET };
	describe(&d);
	opterr = 0;
	optind = 0; /* GNU: start anew */
	while (status == STATUS_OK &&
	    (letter = getopt_long(argc, argv, d.letters, d.longs, NULL)) != -1) {
		row = find_row(letter);
		if (row)
			status = row->set(out, optarg, e);
		else if (letter == ':')
			status = error_set(e, STATUS_INVALID,
			    "%s wants a value; scan2mail --help says which",
			    argv[optind - 1]);
		else
			status = error_set(e, STATUS_INVALID,
			    "%s is no option; scan2mail --help lists them",
			    argv[optind - 1]);
	}
	if (status == STATUS_OK && optind < argc)
		status = error_set(e, STATUS_INVALID,
		    "\"%s\" stands alone: recipients are given with -t, files with -o",
		    argv[optind]);
	return status;
}

void
arguments_clear(struct arguments *o)
{
	list_clear(&o->to);
}

void
arguments_help(struct buf *out)
{
	buf_puts(out,
	    "usage: scan2mail [options]\n"
	    "Scans a stack of paper and sends it as an e-mail with a PDF.\n\n");
	for (size_t i = 0; i < ROWS; i++)
		buf_printf(out, "  -%c, --%-11s%-8s %s\n", rows[i].letter, rows[i].name,
		    rows[i].value ? rows[i].value : "", rows[i].help);
	buf_puts(out, "\nscan2mail(1) tells more.\n");
}
