/* graphreplies: what Microsoft Graph's refusals mean for the job (graphreplies.h). */
#include "lib/send/graphreplies.h"

#include <stdbool.h>
#include <stdio.h>
#include <strings.h>

enum {
	ANY = 0,           /* a row's deeds or code: whatever they are */
	MESSAGE_MAX = 300, /* bytes of the service's words in a sentence */
	ERROR_MAX = 80,
	REQUEST_MAX = 64,
};

#define AT(deed) (1u << (deed))

/* A row fits when everything that it names fits. */
struct row {
	unsigned deeds;    /* AT() bits, or ANY */
	int code;          /* 403; 5 for all of 5yz; or ANY */
	const char *error; /* in either case; or NULL */
	const struct reply_class *result;
};

/* the account */
static const struct reply_class LOGIN = { VERDICT_LOGIN,
	"Microsoft Graph refused the access token; sign the account in again if this "
	"goes on (postroom login)" };
static const struct reply_class SEND_AS = { VERDICT_SETTINGS,
	"the mailbox may not send with this From address; set from to the mailbox's own "
	"address, or give it Send As permission" };
static const struct reply_class NO_READ_WRITE = { VERDICT_SETTINGS,
	"the application may not make drafts, which messages over 2 MB need; give it "
	"Mail.ReadWrite, or messages over 2 MB cannot be sent, see docs/office365.md" };
static const struct reply_class NO_SEND = {
	VERDICT_SETTINGS,
	"the application may not send from this mailbox; give it Mail.Send, and with "
	"auth = oauth-app let its access policy cover the mailbox, see docs/office365.md"
};
static const struct reply_class NO_REST = { VERDICT_SETTINGS,
	"the mailbox is not in Exchange Online, or has no licence, so Microsoft Graph "
	"cannot send from it; check the account's username" };
static const struct reply_class NO_MAILBOX = { VERDICT_SETTINGS,
	"Microsoft Graph knows no such mailbox; check the account's username, tenant and "
	"graph_url" };
static const struct reply_class WRONG_PLACE = {
	VERDICT_SETTINGS,
	"what answers at graph_url is not Microsoft Graph; check the account's graph_url"
};
static const struct reply_class BLOCKED = { VERDICT_SETTINGS,
	"Microsoft has blocked sending from this mailbox; sign in to it and follow the "
	"instructions in its inbox, or have the administrator unblock it (Defender "
	"portal, Restricted entities)" };
static const struct reply_class MAILBOX_FULL = { VERDICT_SETTINGS,
	"the mailbox is full (its Sent Items count too); make room, and give that "
	"folder a retention policy" };

/* limits */
static const struct reply_class THROTTLED = { VERDICT_THROTTLED,
	"Microsoft Graph takes no more from this account at the moment" };
static const struct reply_class QUOTA = { VERDICT_QUOTA,
	"the mailbox has sent as much as it may for today" };

/* the message */
static const struct reply_class TOO_LARGE = { VERDICT_TOO_LARGE,
	"the message is larger than the mailbox may send" };
static const struct reply_class RECIPIENTS = { VERDICT_MESSAGE,
	"Microsoft Graph refuses a recipient of the message; check the addresses" };
static const struct reply_class CROWDED = { VERDICT_MESSAGE,
	"the message has more recipients than the mailbox may send to at once" };
static const struct reply_class MALFORMED = { VERDICT_MESSAGE,
	"Microsoft Graph cannot read the message; please report this" };
static const struct reply_class REFUSED = { VERDICT_MESSAGE,
	"Microsoft Graph refuses this message" };

/* the service */
static const struct reply_class LATER = { VERDICT_WAIT,
	"Microsoft Graph has a problem of its own" };
static const struct reply_class DRAFT_GONE = { VERDICT_WAIT,
	"the draft is gone from the mailbox; it is made again" };
static const struct reply_class UPLOAD_GONE = { VERDICT_WAIT,
	"Microsoft Graph broke the upload off; it is begun again" };
static const struct reply_class NOT_SENT = { VERDICT_WAIT,
	"Microsoft Graph did not say that it takes the message" };

static const struct row rows[] = {
	/* An upload's own address: the account is not meant. */
	{ AT(GRAPH_UPLOADING), 413, NULL, &TOO_LARGE },
	{ AT(GRAPH_UPLOADING), 429, NULL, &THROTTLED },
	{ AT(GRAPH_UPLOADING), ANY, "ErrorMessageSizeExceeded", &TOO_LARGE },
	{ AT(GRAPH_UPLOADING), ANY, "ErrorQuotaExceeded", &MAILBOX_FULL },
	{ AT(GRAPH_UPLOADING), 5, NULL, &LATER },
	{ AT(GRAPH_UPLOADING), ANY, NULL, &UPLOAD_GONE },

	{ ANY, 401, NULL, &LOGIN },
	{ ANY, ANY, "ApplicationThrottled", &THROTTLED },
	{ ANY, ANY, "ErrorExceededConnectionCount", &THROTTLED },

	/* The account, whatever the status. */
	{ ANY, ANY, "ErrorSendAsDenied", &SEND_AS },
	{ AT(GRAPH_DRAFTING), ANY, "ErrorAccessDenied", &NO_READ_WRITE },
	{ AT(GRAPH_SENDING), ANY, "ErrorAccessDenied", &NO_SEND },
	{ ANY, ANY, "MailboxNotEnabledForRESTAPI", &NO_REST },
	{ ANY, ANY, "MailboxNotSupportedForRESTAPI", &NO_REST },
	{ ANY, ANY, "ErrorInvalidUser", &NO_MAILBOX },
	{ ANY, ANY, "ErrorNonExistentMailbox", &NO_MAILBOX },
	{ ANY, ANY, "Request_ResourceNotFound", &NO_MAILBOX },
	{ ANY, ANY, "ResourceNotFound", &NO_MAILBOX },
	{ ANY, ANY, "ErrorAccountSuspend", &BLOCKED },
	{ ANY, ANY, "ErrorMessageSubmissionBlocked", &BLOCKED },
	{ ANY, ANY, "ErrorQuotaExceeded", &MAILBOX_FULL },
	{ ANY, ANY, "ErrorExceededMessageLimit", &QUOTA },
	{ ANY, ANY, "ErrorSubmissionQuotaExceeded", &QUOTA },

	{ ANY, 429, NULL, &THROTTLED },

	/* The message. */
	{ ANY, ANY, "ErrorMessageSizeExceeded", &TOO_LARGE },
	{ ANY, ANY, "RequestEntityTooLarge", &TOO_LARGE },
	{ ANY, 413, NULL, &TOO_LARGE },
	{ ANY, ANY, "ErrorInvalidRecipients", &RECIPIENTS },
	{ ANY, ANY, "ErrorExceededMaxRecipientLimit", &CROWDED },
	{ ANY, ANY, "ErrorTooManyRecipients", &CROWDED },
	{ ANY, ANY, "ErrorMimeContentInvalid", &MALFORMED },
	{ ANY, ANY, "ErrorMimeContentInvalidBase64String", &MALFORMED },

	/* What passes by itself. */
	{ ANY, ANY, "ErrorItemNotFound", &DRAFT_GONE },
	{ ANY, ANY, "ErrorServerBusy", &LATER },
	{ ANY, ANY, "ErrorMailboxStoreUnavailable", &LATER },
	{ ANY, ANY, "ErrorMailboxMoveInProgress", &LATER },
	{ ANY, ANY, "ErrorInternalServerTransientError", &LATER },
	{ ANY, ANY, "ErrorIrresolvableConflict", &LATER },
	{ ANY, 408, NULL, &LATER },
	{ ANY, 409, NULL, &LATER },
	{ ANY, 412, NULL, &LATER },
	{ ANY, 423, NULL, &LATER },
	{ ANY, 507, NULL, &MAILBOX_FULL },
	{ ANY, 5, NULL, &LATER },

	/* The plain rules. */
	{ AT(GRAPH_DRAFTING), 403, NULL, &NO_READ_WRITE },
	{ AT(GRAPH_SENDING), 403, NULL, &NO_SEND },
	{ ANY, 404, NULL, &WRONG_PLACE },
	{ ANY, 405, NULL, &WRONG_PLACE },
	{ ANY, 407, NULL, &WRONG_PLACE },
	{ ANY, 410, NULL, &WRONG_PLACE },
	{ ANY, 3, NULL, &WRONG_PLACE },
	{ ANY, 4, NULL, &REFUSED },
	{ ANY, ANY, NULL, &NOT_SENT },
};

static bool
fits(const struct row *row, const struct graph_refusal *r)
{
	if (row->deeds != ANY && !(row->deeds & AT(r->deed)))
		return false;
	if (row->code != ANY && row->code != r->code && row->code != r->code / 100)
		return false;
	return !row->error || (r->error && strcasecmp(row->error, r->error) == 0);
}

struct reply_class
graph_classify(const struct graph_refusal *r)
{
	const struct row *row = rows;

	while (!fits(row, r)) /* the last row fits all */
		row++;
	return *row->result;
}

/* "ERROR: message [request-id]", each where there is one. */
static void
write_words(char *out, size_t size, const struct graph_refusal *r)
{
	const char *error = r->error ? r->error : "";
	const char *message = r->message ? r->message : "";
	const char *request = r->request ? r->request : "";

	snprintf(out, size, "%.*s%s%.*s%s%.*s%s", ERROR_MAX, error,
	    *error && *message ? ": " : "", MESSAGE_MAX, message,
	    *request ? *error || *message ? " [" : "[" : "", REQUEST_MAX, request,
	    *request ? "]" : "");
}

void
graph_reply(struct reply *out, const struct graph_refusal *r)
{
	bool login = r->code == 401 && r->deed != GRAPH_UPLOADING;

	*out =
	    (struct reply){ .stage = login ? STAGE_AUTH : STAGE_BODY, .code = r->code };
	write_words(out->text, sizeof(out->text), r);
}

enum status
graph_explain(const struct graph_refusal *r, struct error *e)
{
	struct reply_class class = graph_classify(r);
	char words[REPLY_TEXT_MAX];

	write_words(words, sizeof(words), r);
	return error_set(e, verdict_status(class.verdict),
	    "%s (Microsoft Graph said: %d%s%s)", class.advice, r->code,
	    words[0] ? " " : "", words);
}
