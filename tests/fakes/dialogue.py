"""The words of smtp.office365.com, for both fake submission servers.

What a client sees of the service on port 587: the greeting, the extensions before and after
STARTTLS, and the replies of a submission that succeeds.
"""
import secrets
from datetime import datetime, timezone
from email.utils import format_datetime

HOST = "FR0P281CA0042.outlook.office365.com"
SIZE_LIMIT = 157286400  # the service's own limit; a mailbox's shows only after the data
MECHANISMS = ("LOGIN", "XOAUTH2")

READY_FOR_TLS = "220 2.0.0 SMTP server ready"
USERNAME_CHALLENGE = "Username:"
PASSWORD_CHALLENGE = "Password:"
AUTH_ACCEPTED = "235 2.7.0 Authentication successful"
SENDER_OK = "250 2.1.0 Sender OK"
RECIPIENT_OK = "250 2.1.5 Recipient OK"
START_INPUT = "354 Start mail input; end with <CRLF>.<CRLF>"
TOO_LARGE = "552 5.3.4 Message size exceeds fixed maximum message size"
RESET = "250 2.0.0 Resetting"
BYE = "221 2.0.0 Service closing transmission channel"
UNKNOWN = "500 5.3.3 Unrecognized command"
UNKNOWN_MECHANISM = "504 5.7.4 Unrecognized authentication type"
NOT_SIGNED_IN = "530 5.7.57 Client not authenticated to send mail"


def now():
    return format_datetime(datetime.now(timezone.utc))


def greeting():
    return (f"220 {HOST} Microsoft ESMTP MAIL Service ready at {now()} "
            f"[{secrets.token_hex(8).upper()}]")


def auth_refused():
    return f"535 5.7.3 Authentication unsuccessful [{HOST} {now()}]"


def queued():
    return (f"250 2.0.0 OK <{secrets.token_hex(12)}@{HOST.lower()}> "
            f"[Hostname={HOST.split('.')[0]}.EURP281.PROD.OUTLOOK.COM]")


def send_as_denied(user, sender):
    """The service tells only after the data that the sender is not the mailbox's own."""
    return (f"554 5.2.252 SendAsDenied; {user} not allowed to send as {sender}; "
            f"STOREDRV.Submission.Exception:SendAsDeniedException.MapiExceptionSendAsDenied")


def ehlo(peer, tls, *, size=SIZE_LIMIT, starttls=True, mechanisms=MECHANISMS):
    """The lines that answer EHLO. AUTH takes the place of STARTTLS once TLS is on."""
    lines = [f"{HOST} Hello [{peer}]"]
    if size:
        lines.append(f"SIZE {size}")
    lines += ["PIPELINING", "DSN", "ENHANCEDSTATUSCODES"]
    if not tls and starttls:
        lines.append("STARTTLS")
    elif mechanisms:
        lines.append("AUTH " + " ".join(mechanisms))
    lines += ["8BITMIME", "BINARYMIME", "CHUNKING", "SMTPUTF8"]
    return [f"250-{line}" for line in lines[:-1]] + [f"250 {lines[-1]}"]
