/* replies: what a server's reply means for the job (replies.h). */
#include "lib/send/replies.h"

#include <stdbool.h>
#include <string.h>

enum {
	ANY = 0, /* a row's stages or code: whatever they are */
};

#define AT(stage)  (1u << (stage))
#define AT_LOGIN   (AT(STAGE_AUTH) | AT(STAGE_MAIL)) /* repeats why AUTH failed */
#define AT_OPENING (AT(STAGE_GREETING) | AT(STAGE_EHLO) | AT(STAGE_STARTTLS))
#define AT_MESSAGE (AT(STAGE_DATA) | AT(STAGE_BODY))

/* A row fits when everything that it names fits. Texts are looked for only in replies
 * that do not repeat a recipient's address: anybody who prints chooses that. */
struct row {
	unsigned stages;      /* AT() bits, or ANY */
	int code;             /* 535; 5 for all of 5yz; or ANY */
	const char *enhanced; /* whole code, or NULL */
	const char *text;     /* stands in the reply's text, in either case; or NULL */
	struct reply_class result;
};

static const char TOO_LARGE[] =
    "the message is larger than the mailbox may send; print fewer pages at a time, scan "
    "with a lower resolution, or have the administrator raise the limit";
static const char SEND_AS[] = "the mailbox may not send with this From address; set from "
			      "to the mailbox's own address, or give it Send As "
			      "permission";
static const char SMTP_AUTH_OFF[] =
    "SMTP AUTH is switched off for this mailbox or the whole organisation; switch it on "
    "for the mailbox (it takes about 15 minutes), see docs/office365.md";
static const char PASSWORDS_OFF[] =
    "the server takes no passwords any more (basic authentication is off); the "
    "administrator has to switch it on again for this mailbox, see docs/office365.md";
static const char LOGIN[] =
    "the server refused user name and password; check username, the app password in "
    "password_file, and that SMTP AUTH is on for the mailbox";
static const char THROTTLED[] =
    "the server limits how much this mailbox may send at a time";
static const char QUOTA[] = "the mailbox has sent as much as it may in a day; the job "
			    "waits until the server takes more";
static const char BLOCKED[] = "the server has blocked this mailbox after repeated "
			      "errors; mend their cause before the queue is started "
			      "again";

static const struct row rows[] = {
	/* 2yz at the end of data is success, whatever its last digits (RFC 5321 4.2.1) */
	{ AT(STAGE_BODY), 2, NULL, NULL, { STATUS_OK, "sent" } },
	/* Microsoft 365, by text or enhanced code */
	{ AT_LOGIN, ANY, NULL, "SmtpClientAuthentication is disabled",
	    { STATUS_SETTINGS, SMTP_AUTH_OFF } },
	{ AT_LOGIN, ANY, NULL, "basic authentication is",
	    { STATUS_SETTINGS, PASSWORDS_OFF } },
	{ ANY, ANY, "5.7.30", NULL, { STATUS_SETTINGS, PASSWORDS_OFF } },
	{ AT_LOGIN, ANY, NULL, "security defaults",
	    { STATUS_SETTINGS,
		"the organisation's security defaults forbid this login; the "
		"administrator has to allow it, see docs/office365.md" } },
	{ ANY, ANY, "5.7.139", NULL, { STATUS_SETTINGS, LOGIN } },
	{ ANY, ANY, "5.7.57", NULL, { STATUS_SETTINGS, LOGIN } },
	{ AT_MESSAGE, ANY, NULL, "SendAsDenied", { STATUS_SETTINGS, SEND_AS } },
	{ ANY, ANY, "5.7.60", NULL, { STATUS_SETTINGS, SEND_AS } },
	{ AT_MESSAGE, ANY, NULL, "SubmissionQuotaExceeded", { STATUS_RETRY, QUOTA } },
	{ ANY, ANY, "5.1.90", NULL, { STATUS_RETRY, QUOTA } },
	{ ANY, ANY, "5.7.233", NULL, { STATUS_RETRY, QUOTA } },
	{ ANY, 550, "5.2.251", NULL, { STATUS_SETTINGS, BLOCKED } },
	{ ANY, 550, "5.2.252", NULL, { STATUS_SETTINGS, BLOCKED } },
	{ ANY, 550, "5.2.253", NULL, { STATUS_SETTINGS, BLOCKED } },
	{ ANY, 550, "5.2.254", NULL, { STATUS_SETTINGS, BLOCKED } },
	{ ANY, 550, "5.2.255", NULL, { STATUS_SETTINGS, BLOCKED } },
	{ ANY, ANY, "5.1.8", NULL, { STATUS_SETTINGS, BLOCKED } },
	{ AT_MESSAGE, 554, "5.2.2", NULL,
	    { STATUS_SETTINGS,
		"the mailbox is full (its Sent Items count too); make room" } },
	{ AT_MESSAGE, ANY, NULL, "SubmissionExceeded", { STATUS_REFUSED, TOO_LARGE } },
	{ ANY, 432, NULL, NULL, { STATUS_RETRY, THROTTLED } },
	/* sizes */
	{ AT(STAGE_MAIL) | AT_MESSAGE, 552, NULL, NULL, { STATUS_REFUSED, TOO_LARGE } },
	{ ANY, 5, "5.3.4", NULL, { STATUS_REFUSED, TOO_LARGE } },
	{ ANY, 5, "5.2.3", NULL, { STATUS_REFUSED, TOO_LARGE } },
	/* the plain rules, by stage */
	{ AT(STAGE_AUTH), 4, NULL, NULL,
	    { STATUS_RETRY, "the server cannot check logins at the moment" } },
	{ AT_LOGIN | AT(STAGE_RCPT), 530, NULL, NULL, { STATUS_SETTINGS, LOGIN } },
	{ AT(STAGE_AUTH), ANY, NULL, NULL, { STATUS_SETTINGS, LOGIN } },
	{ AT(STAGE_STARTTLS), ANY, NULL, NULL,
	    { STATUS_RETRY, "the server does not start TLS; nothing was sent" } },
	{ AT_OPENING, ANY, NULL, NULL,
	    { STATUS_RETRY, "the server takes no messages at the moment" } },
	{ ANY, 4, NULL, NULL, { STATUS_RETRY, "the server asks to try again later" } },
	{ AT(STAGE_MAIL), 5, NULL, NULL,
	    { STATUS_SETTINGS,
		"the server refuses this sender; check the account's from and "
		"username" } },
	{ AT(STAGE_RCPT), 5, NULL, NULL,
	    { STATUS_REFUSED,
		"the server refuses a recipient; check the address and print again" } },
	{ AT_MESSAGE, 5, NULL, NULL,
	    { STATUS_REFUSED, "the server refuses this message" } },
	{ ANY, ANY, NULL, NULL,
	    { STATUS_RETRY, "the server answered something that SMTP does not know" } },
};

static bool
fits_code(int want, int code)
{
	return want == ANY || want == code || (want < 10 && want == code / 100);
}

static bool
fits(const struct row *row, const struct reply *r)
{
	if (row->stages != ANY && !(row->stages & AT(r->stage)))
		return false;
	if (!fits_code(row->code, r->code))
		return false;
	if (row->enhanced && strcmp(row->enhanced, r->enhanced) != 0)
		return false;
	return !row->text || strcasestr(r->text, row->text);
}

struct reply_class
reply_classify(const struct reply *r)
{
	const struct row *row = rows;

	while (!fits(row, r)) /* the last row fits all */
		row++;
	return row->result;
}

enum status
reply_explain(const struct reply *r, struct error *e)
{
	struct reply_class class = reply_classify(r);

	return error_set(e, class.status, "%s (the server said to %s: %d %s%s%.300s)",
	    class.advice, stage_name(r->stage), r->code, r->enhanced,
	    r->enhanced[0] ? " " : "", r->text);
}
