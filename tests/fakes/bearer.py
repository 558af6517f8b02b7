"""The SASL mechanisms that show an access token: XOAUTH2 and OAUTHBEARER (RFC 7628)."""
import json
import re
from base64 import b64encode

from fakes import dialogue

TOKEN = rb"([A-Za-z0-9._~+/-]+=*)"  # RFC 6750 2.1
FORMS = {
    "XOAUTH2": re.compile(rb"user=([^\x00-\x1f]+)\x01auth=Bearer " + TOKEN + rb"\x01\x01"),
    "OAUTHBEARER": re.compile(
        rb"n,a=([^\x00-\x1f,]+),\x01(?:host=[^\x00-\x1f]+\x01)?(?:port=[0-9]+\x01)?"
        rb"auth=Bearer " + TOKEN + rb"\x01\x01"),
}
# How Gmail refuses a token: a challenge first, to be answered with nothing (XOAUTH2) or with
# one byte (OAUTHBEARER), and then the refusal.
CHALLENGE = b64encode(json.dumps({
    "status": "400", "schemes": "Bearer",
    "scope": "https://mail.google.com/"}).encode()).decode()
ANSWERS = {"XOAUTH2": b"", "OAUTHBEARER": b"AQ=="}
GMAIL_REFUSED = (
    "535-5.7.8 Username and Password not accepted. For more information, go to",
    "535 5.7.8  https://support.google.com/mail/?p=BadCredentials 5b1f17b1804b1-gsmtp")


def parse(mechanism, answer):
    """The mailbox and the token of a client's answer, or None where it is none."""
    found = FORMS[mechanism].fullmatch(answer)
    return found and (found[1].decode("utf-8", "replace"), found[2].decode())


def refused(challenged):
    """The lines that refuse a token."""
    return GMAIL_REFUSED if challenged else (dialogue.auth_refused(),)
