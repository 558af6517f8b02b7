/* arguments: the command line of scan2mail(1) (arguments.h). */
#include "scan2mail/arguments.h"

#include <getopt.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "lib/account/config.h"
#include "scan2mail/request.h"

enum {
	RESOLUTION_MIN = 1,
	RESOLUTION_MAX = 9600,
	QUALITY_MIN = 10,
	QUALITY_MAX = 95,
	LETTERS = 256, /* options without a letter have numbers from here on */
	COLUMN = 28,   /* of --help, where the explanations begin */
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

/* A number of digits alone. */
static bool
read_number(unsigned *out, const char *value, unsigned long min, unsigned long max)
{
	char *end;
	unsigned long number = strtoul(value, &end, 10);

	if (*value < '0' || *value > '9' || *end || number < min || number > max)
		return false;
	*out = (unsigned)number;
	return true;
}

static enum status
set_resolution(struct arguments *o, const char *value, struct error *e)
{
	if (!read_number(&o->resolution, value, RESOLUTION_MIN, RESOLUTION_MAX))
		return error_set(e, STATUS_INVALID,
		    "-r %s is no resolution: a number from %d to %d dots per inch", value,
		    RESOLUTION_MIN, RESOLUTION_MAX);
	return STATUS_OK;
}

static enum status
set_quality(struct arguments *o, const char *value, struct error *e)
{
	if (!read_number(&o->quality, value, QUALITY_MIN, QUALITY_MAX))
		return error_set(e, STATUS_INVALID,
		    "--quality %s is none: a number from %d to %d", value, QUALITY_MIN,
		    QUALITY_MAX);
	return STATUS_OK;
}

static enum status
set_paper(struct arguments *o, const char *value, struct error *e)
{
	struct error sentence;

	if (config_paper(&o->paper, value, &sentence) != STATUS_OK)
		return error_set(
		    e, STATUS_INVALID, "--paper %s: %s", value, sentence.text);
	o->has_paper = true;
	return STATUS_OK;
}

struct word {
	const char *text;
	int value;
};

/* Finds value in words, which end with a NULL text. */
static enum status
set_word(int *out, const struct word *words, const char *option, const char *value,
    struct error *e)
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
	error_set(e, STATUS_INVALID, "%s %s is not known; allowed: %s", option, value,
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

	return set_word(&o->mode, words, "-m", value, e);
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

	return set_word(&o->source, words, "-S", value, e);
}

static enum status
set_partial(struct arguments *o, const char *value, struct error *e)
{
	static const struct word words[] = {
		{ "send", PARTIAL_SEND },
		{ "hold", PARTIAL_HOLD },
		{ "drop", PARTIAL_DROP },
		{ NULL, 0 },
	};

	return set_word(&o->partial, words, "--partial", value, e);
}

static enum status
set_rotate_back(struct arguments *o, const char *value, struct error *e)
{
	static const struct word words[] = {
		{ "0", ROTATE_BACK_0 },
		{ "180", ROTATE_BACK_180 },
		{ NULL, 0 },
	};

	return set_word(&o->rotate_back, words, "--rotate-back", value, e);
}

static enum status
set_backs(struct arguments *o, const char *value, struct error *e)
{
	static const struct word words[] = {
		{ "reversed", BACKS_REVERSED },
		{ "same", BACKS_SAME },
		{ NULL, 0 },
	};

	return set_word(&o->backs, words, "--backs", value ? value : "reversed", e);
}

static enum status
add_option(struct arguments *o, const char *value, struct error *e)
{
	const char *equals = strchr(value, '=');
	char *name;
	bool good;

	if (!equals || equals == value)
		return error_set(e, STATUS_INVALID,
		    "--option %s: NAME=VALUE is wanted, with a name as scanimage -A shows "
		    "it",
		    value);
	if (o->option.count >= ARGUMENTS_OPTIONS_MAX)
		return error_set(e, STATUS_INVALID, "--option may stand %d times",
		    ARGUMENTS_OPTIONS_MAX);
	name = strndup(value, (size_t)(equals - value));
	good = name && pairs_add(&o->option, name, equals + 1);
	free(name);
	return good ? STATUS_OK : error_errno(e, "the option cannot be kept");
}

static enum status
set_more(struct arguments *o, const char *value, struct error *e)
{
	(void)value, (void)e;
	o->more = true;
	return STATUS_OK;
}

static enum status
set_list(struct arguments *o, const char *value, struct error *e)
{
	(void)value, (void)e;
	o->list++;
	return STATUS_OK;
}

static enum status
set_search(struct arguments *o, const char *value, struct error *e)
{
	(void)value, (void)e;
	o->search = true;
	return STATUS_OK;
}

static enum status
set_list_buttons(struct arguments *o, const char *value, struct error *e)
{
	(void)value, (void)e;
	o->list_buttons = true;
	return STATUS_OK;
}

static enum status
set_resend(struct arguments *o, const char *value, struct error *e)
{
	(void)value, (void)e;
	o->resend = true;
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

/* The one place that knows an option. One without a letter has a number. */
static const struct row {
	int letter;
	const char *name;
	const char *value; /* what stands behind it, "[…" if it may; NULL: nothing */
	option_setter *set;
	const char *help;
} rows[] = {
	{ 'p', "profile", "PROFILE", set_profile,
	    "section [scan PROFILE] of postroom.conf" },
	{ 'd', "device", "DEVICE", set_device, "the scanner, as --list names it" },
	{ 't', "to", "TO", add_to, "recipients: addresses, names of the address book" },
	{ 's', "subject", "SUBJECT", set_subject,
	    "subject; %d date, %t time, %n a number" },
	{ 'S', "source", "SOURCE", set_source, "auto, flatbed, adf, adf-duplex" },
	{ 'm', "mode", "MODE", set_mode, "auto, color, gray, bw" },
	{ 'r', "resolution", "DPI", set_resolution, "dots per inch" },
	{ LETTERS, "paper", "PAPER", set_paper,
	    "a4, letter, …, WIDTHxHEIGHT in mm, max" },
	{ LETTERS + 1, "quality", "N", set_quality, "of JPEG, 10 to 95" },
	{ LETTERS + 2, "option", "NAME=VALUE", add_option,
	    "the driver's own option, as it stands" },
	{ LETTERS + 3, "more", NULL, set_more, "ask for another page, or stack" },
	{ LETTERS + 4, "backs", "[=ORDER]", set_backs,
	    "then the backs of the stack: reversed, same" },
	{ LETTERS + 5, "rotate-back", "ANGLE", set_rotate_back,
	    "turn the back of each sheet by 0 or 180" },
	{ LETTERS + 6, "partial", "WHAT", set_partial,
	    "pages before a jam: send, hold, drop" },
	{ 'o', "output", "FILE", set_output,
	    "PDF into FILE (-: standard output), no mail" },
	{ LETTERS + 7, "resend", NULL, set_resend,
	    "hand over what was kept while CUPS was away" },
	{ 'l', "list", NULL, set_list, "list the scanners; twice: what they can" },
	{ LETTERS + 8, "search", NULL, set_search,
	    "the same, searching the network too" },
	{ LETTERS + 9, "list-buttons", NULL, set_list_buttons,
	    "show the scanner's buttons live" },
	{ 'h', "help", NULL, set_help, "this text" },
	{ 'V', "version", NULL, set_version, "the version" },
};

enum { ROWS = sizeof(rows) / sizeof(rows[0]) };

/* getopt's two descriptions of the rows. */
struct description {
	char letters[1 + 2 * ROWS + 1];
	struct option longs[ROWS + 1];
};

static int
find_has_arg(const struct row *row)
{
	if (!row->value)
		return no_argument;
	return *row->value == '[' ? optional_argument : required_argument;
}

static void
describe(struct description *d)
{
	char *s = d->letters;

	*d = (struct description){ .letters = "" };
	*s++ = ':'; /* a missing value is told apart from an unknown option */
	for (size_t i = 0; i < ROWS; i++) {
		if (rows[i].letter < LETTERS) {
			*s++ = (char)rows[i].letter;
			if (rows[i].value)
				*s++ = ':';
		}
		d->longs[i] = (struct option){
			.name = rows[i].name,
			.has_arg = find_has_arg(&rows[i]),
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

/* What no single option can tell. */
static enum status
check(const struct arguments *o, unsigned given, struct error *e)
{
	if (o->resend && given > 1 && !o->help && !o->version)
		return error_set(e, STATUS_INVALID,
		    "--resend stands alone: each scan is sent as it was to be sent then");
	if (o->backs && (o->source == SOURCE_FLATBED || o->source == SOURCE_ADF_DUPLEX))
		return error_set(e, STATUS_INVALID,
		    "--backs wants a feeder that scans one side, -S adf; %s",
		    o->source == SOURCE_FLATBED
			? "pages on the glass are asked for by --more"
			: "adf-duplex scans both sides by itself");
	if (o->backs && o->more)
		return error_set(e, STATUS_INVALID,
		    "--backs and --more exclude each other: sheets of several stacks "
		    "cannot be told apart");
	return STATUS_OK;
}

/* "--resolution, --resend": what the beginning of a long option may stand for. */
static size_t
find_meanings(struct buf *out, const char *name, size_t len)
{
	size_t count = 0;

	for (size_t i = 0; i < ROWS; i++)
		if (strncmp(rows[i].name, name, len) == 0)
			buf_printf(out, "%s--%s", count++ ? ", " : "", rows[i].name);
	return count;
}

/* A long option that getopt does not know; word is "--NAME" or "--NAME=VALUE". */
static enum status
refuse_long(const char *word, struct error *e)
{
	size_t len = strcspn(word, "=");
	struct buf meanings;

	buf_init(&meanings, ERROR_TEXT_MAX);
	if (find_meanings(&meanings, word + 2, len - 2) > 1)
		error_set(e, STATUS_INVALID, "%.*s is ambiguous: %s", (int)len, word,
		    buf_text(&meanings));
	else
		error_set(e, STATUS_INVALID,
		    "%.*s is no option; scan2mail --help lists them", (int)len, word);
	buf_clear(&meanings);
	return STATUS_INVALID;
}

/* What getopt has refused. Of a cluster of letters optopt alone tells which; word, the
 * last that it has left behind, may be another one then. */
static enum status
refuse(int result, const char *word, struct error *e)
{
	const struct row *row = find_row(optopt);

	if (optopt == 0)
		return refuse_long(word, e);
	if (!row && (optopt <= ' ' || optopt > '~'))
		return error_set(e, STATUS_INVALID,
		    "letters that are not ASCII are no options; scan2mail --help lists "
		    "them");
	if (!row)
		return error_set(e, STATUS_INVALID,
		    "-%c is no option; scan2mail --help lists them", optopt);
	if (result != ':')
		return error_set(e, STATUS_INVALID, "--%s takes no value", row->name);
	if (word[1] == '-')
		return error_set(e, STATUS_INVALID,
		    "--%s wants a value; scan2mail --help says which", row->name);
	return error_set(
	    e, STATUS_INVALID, "-%c wants a value; scan2mail --help says which", optopt);
}

enum status
arguments_parse(struct arguments *out, int argc, char *const *argv, struct error *e)
{
	struct description d;
	const struct row *row;
	enum status status = STATUS_OK;
	unsigned given = 0;
	int letter;

	*out = (struct arguments){
		.mode = ARGUMENTS_UNSET,
		.source = ARGUMENTS_UNSET,
		.partial = ARGUMENTS_UNSET,
		.rotate_back = ARGUMENTS_UNSET,
	};
	describe(&d);
	opterr = 0;
	optind = 0; /* GNU: start anew */
	while (status == STATUS_OK &&
	    (letter = getopt_long(argc, argv, d.letters, d.longs, NULL)) != -1) {
		row = find_row(letter);
		given++;
		if (row)
			status = row->set(out, optarg, e);
		else
			status = refuse(letter, argv[optind - 1], e);
	}
	if (status == STATUS_OK && optind < argc)
		status = error_set(e, STATUS_INVALID,
		    "\"%s\" stands alone: recipients are given with -t, files with -o",
		    argv[optind]);
	return status == STATUS_OK ? check(out, given, e) : status;
}

void
arguments_clear(struct arguments *o)
{
	list_clear(&o->to);
	pairs_clear(&o->option);
}

static void
help_row(struct buf *out, const struct row *row)
{
	size_t start = out->len;

	if (row->letter < LETTERS)
		buf_printf(out, "  -%c, --%s", row->letter, row->name);
	else
		buf_printf(out, "      --%s", row->name);
	if (row->value)
		buf_printf(out, "%s%s", *row->value == '[' ? "" : " ", row->value);
	while (out->len - start < COLUMN && buf_putc(out, ' '))
		continue;
	buf_printf(out, "%s\n", row->help);
}

void
arguments_help(struct buf *out)
{
	buf_puts(out,
	    "usage: scan2mail [options]\n"
	    "Scans a stack of paper and sends it as an e-mail with a PDF.\n\n");
	for (size_t i = 0; i < ROWS; i++)
		help_row(out, &rows[i]);
	buf_puts(out, "\nscan2mail(1) tells more.\n");
}
