/* replies: what a server's reply means for the job (replies.h). */
#include "lib/send/replies.h"

#include <ctype.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

enum {
	ANY = 0, /* a row's stages or code: whatever they are */
};

#define AT(stage)  (1u << (stage))
#define AT_LOGIN   (AT(STAGE_AUTH) | AT(STAGE_MAIL)) /* MAIL repeats why AUTH failed */
#define AT_OPENING (AT(STAGE_GREETING) | AT(STAGE_EHLO) | AT(STAGE_STARTTLS))
#define AT_OWN     (AT_OPENING | AT_LOGIN) /* nothing of the job is told yet */
#define AT_MESSAGE (AT(STAGE_DATA) | AT(STAGE_BODY))
#define AT_SENDER  (AT(STAGE_MAIL) | AT_MESSAGE)
#define AT_JOB     (AT_SENDER | AT(STAGE_RCPT))
#define AT_ACCOUNT (AT_OWN | AT_MESSAGE) /* all but RCPT */

/*
 * A row fits when everything that it names fits.
 *
 * What is looked for in a text must not be something that a person who prints can put
 * there, or a recipient called "SendAsDenied" would stop the queue. So it may stand
 *   - anywhere at the stages AT_OWN;
 *   - anywhere in a 554 5.2.x to the message, Exchange's wrapper around its exceptions:
 *     a filter that repeats a subject says 5.6.x or 5.7.x;
 *   - else only at the very beginning ("^..."), and with a blank, ':' or ';' in it, which
 *     an address without quotes cannot have: some servers begin with the address.
 * Codes are the server's alone, but for RCPT: a relay that verifies recipients passes on
 * what the recipient's server said, of itself or of anybody, and whoever chooses a
 * recipient could stop everybody's mail. So nothing at RCPT stops the queue, and what is
 * said there of sender, organisation, network or quota is believed of this recipient only
 * (direct delivery to an MX loses that one, and the job's owner is told). The account
 * itself is meant by the replies that are about this connection and its login alone: 421,
 * 432 and 530.
 */
struct row {
	unsigned stages;      /* AT() bits, or ANY */
	int code;             /* 535; 5 for all of 5yz; or ANY */
	const char *enhanced; /* "5.7.30", "5.7.606-649", "5.2.*"; or NULL */
	const char *text;     /* in the text, in either case; "^": begins it; or NULL */
	const struct reply_class *result;
};

static const struct reply_class SENT = { VERDICT_SENT, "sent" };

/* the login */
static const struct reply_class LOGIN = { VERDICT_LOGIN,
	"the server refused user name and password; check the account's username, and "
	"the app password in its password_file" };
static const struct reply_class LOGIN_FIRST = { VERDICT_LOGIN,
	"the server takes mail only after a login; check the account's auth, username "
	"and password_file" };
static const struct reply_class LOGIN_UNFINISHED = { VERDICT_LOGIN,
	"the server did not take the password, and asked for another one; check the "
	"account's username and password_file" };
static const struct reply_class LOGIN_LATER = { VERDICT_WAIT,
	"the server cannot check logins at the moment" };
static const struct reply_class ACCESS_RULES = { VERDICT_LOGIN,
	"the organisation's access rules (Conditional Access, multifactor "
	"authentication) or wrong credentials keep the mailbox out; look at its sign-ins "
	"in Entra, see docs/office365.md" };
static const struct reply_class FEDERATION_DOWN = { VERDICT_LOGIN,
	"the organisation's own sign-in service (federation) does not answer the mail "
	"server; have the administrator look at it if this goes on" };
static const struct reply_class FEDERATION_PLAIN = { VERDICT_SETTINGS,
	"the organisation's own sign-in service (federation) does not speak HTTPS; the "
	"administrator has to change its address" };
static const struct reply_class SMTP_AUTH_OFF = { VERDICT_SETTINGS,
	"SMTP AUTH is switched off for this mailbox or the whole organisation; switch "
	"it on for the mailbox (it takes about 15 minutes), see docs/office365.md" };
static const struct reply_class PASSWORDS_OFF = { VERDICT_SETTINGS,
	"the server takes no passwords any more (basic authentication is off); change "
	"the account to OAuth, or have the administrator switch basic authentication on "
	"again for this mailbox, see docs/office365.md" };
static const struct reply_class SECURITY_DEFAULTS = { VERDICT_SETTINGS,
	"the organisation's security defaults forbid this login; the administrator has "
	"to allow it, see docs/office365.md" };
static const struct reply_class APP_PASSWORD = { VERDICT_SETTINGS,
	"the server does not take the user's own password; make an app password and put "
	"it into password_file" };
static const struct reply_class TOKEN_USER = { VERDICT_SETTINGS,
	"the server cannot read who signs in with the access token; set username to the "
	"mailbox's address" };
static const struct reply_class TLS_MISSING = { VERDICT_SETTINGS,
	"the server wants an encrypted connection; set the account's tls to starttls" };
static const struct reply_class TLS_OLD = { VERDICT_SETTINGS,
	"something between this machine and the server speaks only TLS 1.0 or 1.1; look "
	"for a proxy or firewall that breaks up encrypted mail" };

/* the sender */
static const struct reply_class SENDER = { VERDICT_SETTINGS,
	"the server refuses this sender; check the account's from and username" };
static const struct reply_class SEND_AS = { VERDICT_SETTINGS,
	"the mailbox may not send with this From address; set from to the mailbox's own "
	"address, or give it Send As permission" };
static const struct reply_class UNVERIFIED = { VERDICT_SETTINGS,
	"the service does not know this From address; verify it or its domain (in a "
	"trial account, the sandbox, each recipient's too)" };
static const struct reply_class NO_RIGHT = { VERDICT_SETTINGS,
	"the account's user has no right to send; the service's administrator has to "
	"grant it (for Amazon SES ses:SendRawEmail)" };
static const struct reply_class MAILBOX_FULL = { VERDICT_SETTINGS,
	"the mailbox is full (its Sent Items count too); make room, and give that "
	"folder a retention policy" };
static const struct reply_class BLOCKED = { VERDICT_SETTINGS,
	"the server has blocked this mailbox after repeated errors; mend their cause, "
	"stop what else sends through it, and wait before the queue is started again, "
	"see docs/office365.md" };
static const struct reply_class RESTRICTED = { VERDICT_SETTINGS,
	"the server has blocked this mailbox for spam; change its password, then "
	"unblock it (Defender portal, Restricted entities)" };
static const struct reply_class TENANT_BLOCKED = { VERDICT_SETTINGS,
	"the server takes nothing from this organisation, or from its network, any "
	"more; the administrator has to ask Microsoft's support" };
static const struct reply_class BANNED = { VERDICT_SETTINGS,
	"the server has banned this sender or this network's address; have it taken off "
	"the list (https://sender.office.com)" };
static const struct reply_class DOMAIN_UNKNOWN = { VERDICT_SETTINGS,
	"the From address's domain is not registered with the organisation; add it as "
	"an accepted domain, or change the account's from" };
static const struct reply_class CONNECTOR = { VERDICT_SETTINGS,
	"the server takes mail without a login only from networks that it knows; set up "
	"a connector, or sign in with a mailbox on port 587" };
static const struct reply_class HELO = { VERDICT_SETTINGS,
	"the server refuses the name that this machine gives itself (EHLO); give it a "
	"full host name" };
static const struct reply_class ORIGIN = { VERDICT_SETTINGS,
	"the server cannot check where the mail comes from; mend SPF, DKIM and the "
	"reverse DNS of this network, or use IPv4" };

/* limits */
static const struct reply_class THROTTLED = { VERDICT_THROTTLED,
	"the server limits how much this mailbox may send at a time" };
static const struct reply_class BUSY = { VERDICT_THROTTLED,
	"the server puts off mail from this mailbox or network for a while" };
static const struct reply_class QUOTA = { VERDICT_QUOTA,
	"the mailbox has sent as much as it may in a day; the job waits until the "
	"server takes more" };
static const struct reply_class TENANT_QUOTA = { VERDICT_QUOTA,
	"the whole organisation has sent as much as it may in a day to others; the job "
	"waits until the server takes more" };
static const struct reply_class FLOODED = { VERDICT_QUOTA,
	"a recipient gets more mail than the server allows in an hour; the job waits" };
static const struct reply_class RECIPIENT_FLOODED = { VERDICT_RECIPIENT_LATER,
	"the recipient gets more mail than the server allows in an hour" };
static const struct reply_class TOO_MANY = { VERDICT_RECIPIENT_LATER,
	"the server takes no more recipients in one message; the rest get another" };

/* recipients */
static const struct reply_class RECIPIENT = { VERDICT_RECIPIENT,
	"the server refuses a recipient; check the address and print again" };
static const struct reply_class RECIPIENT_FULL = { VERDICT_RECIPIENT,
	"a recipient's mailbox is full; print again when there is room in it" };
static const struct reply_class RECIPIENT_CLOSED = { VERDICT_RECIPIENT,
	"a recipient takes mail only from senders of its own organisation or list; ask "
	"there to admit the mailbox" };
static const struct reply_class RECIPIENT_LATER = { VERDICT_RECIPIENT_LATER,
	"the server asks to try a recipient again later" };

/* the message */
static const struct reply_class TOO_LARGE = { VERDICT_TOO_LARGE,
	"the message is larger than the mailbox may send; print fewer pages at a time, "
	"scan with a lower resolution, or have the administrator raise the limit" };
static const struct reply_class CROWDED = { VERDICT_MESSAGE,
	"the message has more recipients than the server takes in one; name fewer, and "
	"have max_recipients lowered to that" };
static const struct reply_class A_MAILBOX_FULL = { VERDICT_MESSAGE,
	"a mailbox is full, a recipient's or the sender's own; print again when there "
	"is room in it" };
static const struct reply_class MALFORMED = { VERDICT_MESSAGE,
	"the server does not take the form of this message; check the account's from, "
	"and report it with the server's words" };
static const struct reply_class MESSAGE = { VERDICT_MESSAGE,
	"the server refuses this message" };

/* the rest */
static const struct reply_class NO_MAILBOX = { VERDICT_WAIT,
	"the server cannot open the mailbox at the moment; if this goes on, check that "
	"the account may use it, see docs/office365.md" };
static const struct reply_class NO_TLS = { VERDICT_WAIT,
	"the server does not start TLS; nothing was sent" };
static const struct reply_class NOT_OPEN = { VERDICT_WAIT,
	"the server takes no messages at the moment" };
static const struct reply_class LATER = { VERDICT_WAIT,
	"the server asks to try again later" };
static const struct reply_class UNKNOWN = { VERDICT_WAIT,
	"the server answered something that SMTP does not know" };

static const struct row rows[] = {
	/* 2yz at the end of data is success, whatever its last digits (RFC 5321 4.2.1) */
	{ AT(STAGE_BODY), 2, NULL, NULL, &SENT },

	/* Logins. What cannot pass by itself stops the queue: each further try may lock
	 * the mailbox. 5.7.139 alone, or with "did not meet the criteria", is waited out:
	 * the same words stand for Conditional Access, which may depend on the network in
	 * use, for policies, which take hours to arrive, and for a wrong password.
	 */
	{ AT_LOGIN, ANY, NULL, "SmtpClientAuthentication is disabled", &SMTP_AUTH_OFF },
	{ AT_SENDER | AT(STAGE_AUTH), ANY, "5.7.30", NULL, &PASSWORDS_OFF },
	{ AT_LOGIN, ANY, NULL, "basic authentication is", &PASSWORDS_OFF },
	{ AT_LOGIN, ANY, NULL, "security defaults", &SECURITY_DEFAULTS },
	{ AT_LOGIN, ANY, NULL, "STS service was unreachable", &FEDERATION_DOWN },
	{ AT_LOGIN, ANY, NULL, "does not support HTTPS", &FEDERATION_PLAIN },
	{ AT_LOGIN, ANY, NULL, "did not meet the criteria", &ACCESS_RULES },
	{ AT_LOGIN, ANY, "5.7.139", NULL, &ACCESS_RULES },
	{ AT_LOGIN, ANY, NULL, "STARTTLS", &TLS_MISSING },
	{ AT(STAGE_AUTH), 538, NULL, NULL, &TLS_MISSING },
	{ AT(STAGE_AUTH), 501, "5.5.124", NULL, &TOKEN_USER },
	{ AT(STAGE_AUTH), 534, "5.7.9", NULL, &APP_PASSWORD },
	{ AT_ACCOUNT, 421, "4.7.66", NULL, &TLS_OLD },

	/* Mailboxes that Exchange has blocked, or blocks when it sees the same error on
	 * and on: 550 5.2.252 is not 554 5.2.252. */
	{ AT_ACCOUNT, 550, "5.2.251-255", NULL, &BLOCKED },
	{ AT_SENDER, 5, "5.1.8", NULL, &RESTRICTED },
	{ AT_MESSAGE, 554, "5.2.252", NULL, &SEND_AS },
	{ AT_MESSAGE, 554, "5.2.*", "SendAsDenied", &SEND_AS },
	{ AT_MESSAGE, 5, NULL, "^SendAsDenied;", &SEND_AS },
	{ AT_SENDER, ANY, "5.7.60", NULL, &SEND_AS },
	{ AT_SENDER, 5, NULL, "^Client does not have permissions to send as", &SEND_AS },
	{ AT_MESSAGE, 554, "5.2.2", "Submission.Exception:QuotaExceeded", &MAILBOX_FULL },

	/* Quotas: 5yz that pass, at RCPT too. */
	{ AT_MESSAGE, 554, "5.2.*", "SubmissionQuotaExceeded", &QUOTA },
	{ AT_MESSAGE, 5, NULL, "^Submission quota exceeded", &QUOTA },
	{ AT_SENDER, 5, "5.1.90", NULL, &QUOTA },
	{ AT_SENDER, 5, "5.4.5", NULL, &QUOTA },
	{ AT_SENDER, 5, "5.7.232-233", NULL, &TENANT_QUOTA },
	{ AT(STAGE_RCPT), 5, "5.1.90", NULL, &RECIPIENT_LATER },
	{ AT(STAGE_RCPT), 5, "5.4.5", NULL, &RECIPIENT_LATER },
	{ AT(STAGE_RCPT), 5, "5.7.232-233", NULL, &RECIPIENT_LATER },
	{ AT(STAGE_RCPT), 5, "5.2.121-122", NULL, &RECIPIENT_FLOODED },
	{ AT_SENDER, 5, "5.2.121-122", NULL, &FLOODED },
	{ AT_ACCOUNT, 454, NULL, "^Throttling failure: Daily", &QUOTA },

	/* Sender, organisation or network refused, by Exchange and Amazon SES. */
	{ AT_ACCOUNT, 5, "5.7.501-503", NULL, &BANNED },
	{ AT_ACCOUNT, 5, "5.7.511", NULL, &BANNED },
	{ AT_ACCOUNT, 5, "5.7.506", NULL, &HELO },
	{ AT_ACCOUNT, 5, "5.7.606-649", NULL, &BANNED },
	{ AT_ACCOUNT, 5, "5.7.705", NULL, &TENANT_BLOCKED },
	{ AT_ACCOUNT, 5, "5.7.708", NULL, &TENANT_BLOCKED },
	{ AT_ACCOUNT, 5, "5.7.750", NULL, &DOMAIN_UNKNOWN },
	{ AT_ACCOUNT, 5, "5.7.64", NULL, &CONNECTOR },
	{ AT_ACCOUNT, 5, "5.7.68", NULL, &CONNECTOR },
	{ AT_ACCOUNT, 5, "5.7.25-26", NULL, &ORIGIN },
	{ AT_ACCOUNT, 4, "4.7.26", NULL, &ORIGIN },
	{ AT_SENDER, 554, NULL, "^Message rejected: Email address is not verified",
	    &UNVERIFIED },
	{ AT_SENDER, 554, NULL, "^Access denied: User", &NO_RIGHT },

	/* Sizes and forms of messages; 5.2.3 at RCPT is the recipient's own limit. */
	{ AT_SENDER, 552, NULL, NULL, &TOO_LARGE },
	{ AT_JOB, 5, "5.3.4", NULL, &TOO_LARGE },
	{ AT_SENDER, 5, "5.2.3", NULL, &TOO_LARGE },
	{ AT_MESSAGE, 554, "5.2.*", "SubmissionExceeded", &TOO_LARGE },
	{ AT_MESSAGE, 5, NULL, "^MapiExceptionMaxSubmissionExceeded;", &TOO_LARGE },
	{ AT_MESSAGE, 5, "5.5.3", NULL, &CROWDED },
	{ AT_MESSAGE, 5, "5.2.2", NULL, &A_MAILBOX_FULL },
	{ AT_MESSAGE, 5, "5.6.*", NULL, &MALFORMED },
	{ AT_MESSAGE, 5, "5.7.512", NULL, &MALFORMED },

	/* 4yz that hold for the whole account, or the whole server. */
	{ ANY, 432, NULL, NULL, &THROTTLED },
	{ ANY, 421, NULL, "^Message submission rate", &THROTTLED },
	{ AT_ACCOUNT, 454, NULL, "^Throttling failure", &THROTTLED },
	{ AT_OWN, 4, NULL, "too many", &THROTTLED },
	{ AT_OWN, 4, NULL, "concurrent connections", &THROTTLED },
	{ AT_ACCOUNT, 4, "4.7.500-699", NULL, &BUSY },
	{ AT_ACCOUNT, 4, NULL, "^Temporary server error", &LATER },
	{ AT(STAGE_AUTH), 4, NULL, NULL, &LOGIN_LATER },
	{ ANY, 421, "4.7.*", NULL, &BUSY },
	{ AT_OWN, 4, "4.7.*", "try again", &BUSY },
	{ AT_OWN, 4, "4.7.*", " rate", &BUSY },
	{ AT(STAGE_BODY), 430, NULL, NULL, &NO_MAILBOX },

	/* The plain rules, by stage. */
	{ AT_JOB, 530, NULL, NULL, &LOGIN_FIRST },
	{ AT_SENDER, ANY, "5.7.57", NULL, &LOGIN_FIRST },
	{ AT(STAGE_AUTH), 334, NULL, NULL, &LOGIN_UNFINISHED },
	{ AT(STAGE_AUTH), ANY, NULL, NULL, &LOGIN },
	{ AT(STAGE_STARTTLS), ANY, NULL, NULL, &NO_TLS },
	{ AT_OPENING, ANY, NULL, NULL, &NOT_OPEN },
	{ ANY, 421, NULL, NULL, &LATER },
	{ AT(STAGE_RCPT), 4, "4.5.3", NULL, &TOO_MANY },
	{ AT(STAGE_RCPT), 5, "5.5.3", NULL, &TOO_MANY },
	{ AT(STAGE_RCPT), 4, NULL, NULL, &RECIPIENT_LATER },
	{ AT(STAGE_RCPT), 5, "5.2.2", NULL, &RECIPIENT_FULL },
	{ AT(STAGE_RCPT), 5, "5.7.12", NULL, &RECIPIENT_CLOSED },
	{ AT(STAGE_RCPT), 5, "5.7.133-136", NULL, &RECIPIENT_CLOSED },
	{ AT(STAGE_RCPT), 5, NULL, NULL, &RECIPIENT },
	{ ANY, 4, NULL, NULL, &LATER },
	{ AT(STAGE_MAIL), 5, NULL, NULL, &SENDER },
	{ AT_MESSAGE, 5, NULL, NULL, &MESSAGE },
	{ ANY, ANY, NULL, NULL, &UNKNOWN },
};

static const struct {
	const char *name;
	enum status status;
} verdicts[] = {
	[VERDICT_SENT] = { "sent", STATUS_OK },
	[VERDICT_WAIT] = { "wait", STATUS_RETRY },
	[VERDICT_THROTTLED] = { "throttled", STATUS_RETRY },
	[VERDICT_QUOTA] = { "quota", STATUS_RETRY },
	[VERDICT_RECIPIENT_LATER] = { "recipient-later", STATUS_RETRY },
	[VERDICT_RECIPIENT] = { "recipient", STATUS_REFUSED },
	[VERDICT_TOO_LARGE] = { "too-large", STATUS_REFUSED },
	[VERDICT_MESSAGE] = { "message", STATUS_REFUSED },
	[VERDICT_LOGIN] = { "login", STATUS_RETRY },
	[VERDICT_SETTINGS] = { "settings", STATUS_SETTINGS },
};

enum status
verdict_status(enum verdict v)
{
	return verdicts[v].status;
}

const char *
verdict_name(enum verdict v)
{
	return verdicts[v].name;
}

static bool
fits_code(int want, int code)
{
	return want == ANY || want == code || (want < 10 && want == code / 100);
}

/* Whether the numbers before the last are the same, and the last is the row's, in its
 * range, or anything ('*'). */
static bool
fits_enhanced(const char *want, const char *code)
{
	size_t head = (size_t)(strrchr(want, '.') + 1 - want);
	const char *last = want + head;
	unsigned long number, from, to;
	char *end;

	if (strncmp(want, code, head) != 0 || !isdigit((unsigned char)code[head]))
		return false;
	number = strtoul(code + head, &end, 10);
	if (*end)
		return false;
	if (*last == '*')
		return true;
	from = strtoul(last, &end, 10);
	to = *end == '-' ? strtoul(end + 1, NULL, 10) : from;
	return from <= number && number <= to;
}

static bool
fits_text(const char *want, const char *text)
{
	if (want[0] == '^')
		return strncasecmp(text, want + 1, strlen(want + 1)) == 0;
	return strcasestr(text, want);
}

static bool
fits(const struct row *row, const struct reply *r)
{
	if (row->stages != ANY && !(row->stages & AT(r->stage)))
		return false;
	if (!fits_code(row->code, r->code))
		return false;
	if (row->enhanced && !fits_enhanced(row->enhanced, r->enhanced))
		return false;
	return !row->text || fits_text(row->text, r->text);
}

static const struct row *
find_row(const struct reply *r)
{
	const struct row *row = rows;

	while (!fits(row, r)) /* the last row fits all */
		row++;
	return row;
}

struct reply_class
reply_classify(const struct reply *r)
{
	return *find_row(r)->result;
}

bool
reply_is_of_passwords(const struct reply *r)
{
	static const struct reply_class *const of_passwords[] = { &LOGIN, &LOGIN_FIRST,
		&LOGIN_UNFINISHED, &PASSWORDS_OFF, &APP_PASSWORD };
	const struct reply_class *class = find_row(r)->result;

	for (size_t i = 0; i < sizeof(of_passwords) / sizeof(of_passwords[0]); i++)
		if (of_passwords[i] == class)
			return true;
	return false;
}

enum status
reply_explain(const struct reply *r, struct error *e)
{
	struct reply_class class = reply_classify(r);

	return error_set(e, verdict_status(class.verdict),
	    "%s (the server said to %s: %d %s%s%.300s)", class.advice,
	    stage_name(r->stage), r->code, r->enhanced, r->enhanced[0] ? " " : "",
	    r->text);
}
