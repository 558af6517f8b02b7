"""What an authorization server says where it refuses: Microsoft's words.

From the list of AADSTS error codes and the page on the device code flow. What follows from a
refusal is decided by `error`; the numbers are for people, and may change.
"""
from typing import NamedTuple

STATUS = {"invalid_client": 401, "server_error": 500, "temporarily_unavailable": 503}


class Row(NamedTuple):
    number: int  # AADSTS; 0: none
    error: str
    text: str
    suberror: str = ""

    @property
    def status(self):
        """HTTP's: that of RFC 6749 5.2, unless it stands in STATUS."""
        return STATUS.get(self.error, 400)


ROWS = (
    Row(70016, "authorization_pending",
        "OAuth 2.0 device flow error. Authorization is pending. Continue polling."),
    Row(0, "slow_down",
        "The device asks too often."),
    Row(70019, "expired_token",
        "Verification code expired."),
    Row(65004, "authorization_declined",
        "User declined to consent to access the app."),
    Row(65004, "access_denied",
        "User declined to consent to access the app."),
    Row(70018, "bad_verification_code",
        "Invalid verification code due to user typing in wrong user code for device "
        "code flow."),
    Row(90033, "temporarily_unavailable",
        "A transient error has occurred. Please try again."),
    Row(90014, "server_error",
        "The service has met an error."),
    Row(50011, "invalid_request",
        "The redirect URI specified in the request does not match the redirect URIs "
        "configured for the application."),
    Row(50020, "invalid_grant",
        "User account does not exist in tenant and cannot access the application in "
        "that tenant."),
    Row(50027, "invalid_client",
        "JWT token is invalid or malformed."),
    Row(50034, "invalid_grant",
        "The user account does not exist in the directory."),
    Row(50053, "invalid_grant",
        "You've tried to sign in too many times with an incorrect user ID or password."),
    Row(50057, "invalid_grant",
        "The user account is disabled."),
    Row(50076, "invalid_grant",
        "Due to a configuration change made by your administrator, or because you moved "
        "to a new location, you must use multi-factor authentication to access.", "basic_action"),
    Row(50105, "invalid_grant",
        "Your administrator has configured the application to block users unless they "
        "are specifically granted access."),
    Row(50173, "invalid_grant",
        "The provided grant has expired due to it being revoked, a fresh auth token is "
        "needed.", "bad_token"),
    Row(50196, "invalid_grant",
        "The server terminated an operation because it encountered a client request "
        "loop."),
    Row(53000, "invalid_grant",
        "Device is not in required device state.", "message_only"),
    Row(53003, "invalid_grant",
        "Access has been blocked by Conditional Access policies. The access policy does "
        "not allow token issuance.", "message_only"),
    Row(54005, "invalid_grant",
        "OAuth2 Authorization code was already redeemed."),
    Row(65001, "invalid_grant",
        "The user or administrator has not consented to use the application. Send an "
        "interactive authorization request for this user and resource.", "consent_required"),
    Row(70000, "invalid_grant",
        "Provided grant is invalid or malformed."),
    Row(70003, "unsupported_grant_type",
        "The app requested an unsupported grant type."),
    Row(70008, "invalid_grant",
        "The provided authorization code or refresh token has expired due to "
        "inactivity. Send a new interactive authorization request."),
    Row(70011, "invalid_scope",
        "The provided value for the input parameter 'scope' is not valid."),
    Row(70043, "invalid_grant",
        "The refresh token has expired or is invalid due to sign-in frequency checks by "
        "conditional access.", "token_expired"),
    Row(90002, "invalid_request",
        "Tenant not found. Check to make sure you have the correct tenant ID and are "
        "signing into the correct cloud."),
    Row(501481, "invalid_grant",
        "The Code_Verifier does not match the code_challenge supplied in the "
        "authorization request."),
    Row(700016, "unauthorized_client",
        "Application was not found in the directory."),
    Row(700021, "invalid_client",
        "Client assertion application identifier doesn't match."),
    Row(700022, "invalid_scope",
        "The provided value for the input parameter scope is not valid because it "
        "contains more than one resource."),
    Row(700023, "invalid_client",
        "Client assertion audience claim is wrong."),
    Row(700024, "invalid_client",
        "Client assertion is not within its valid time range."),
    Row(700025, "invalid_client",
        "Client is public so neither 'client_assertion' nor 'client_secret' should be "
        "presented."),
    Row(700027, "invalid_client",
        "The certificate with identifier used to sign the client assertion is not "
        "registered on application."),
    Row(700082, "invalid_grant",
        "The refresh token has expired due to inactivity. The token was issued on an "
        "earlier date and was inactive for 90.00:00:00."),
    Row(900144, "invalid_request",
        "The request body must contain the following parameter."),
    Row(900561, "invalid_request",
        "The endpoint only accepts POST requests."),
    Row(9000411, "invalid_request",
        "The request is not properly formatted. A parameter is duplicated."),
    Row(9002313, "invalid_request",
        "Invalid request. Request is malformed or invalid."),
    Row(7000112, "unauthorized_client",
        "Application is disabled."),
    Row(7000215, "invalid_client",
        "Invalid client secret provided. Ensure the secret being sent in the request is "
        "the client secret value, not the client secret ID, for a secret added to app."),
    Row(7000218, "invalid_client",
        "The request body must contain the following parameter: 'client_assertion' or "
        "'client_secret'."),
    Row(7000222, "invalid_client",
        "The provided client secret keys for app are expired."),
)

BY_NUMBER = {row.number: row for row in ROWS if row.number}
# Those of a device code are known by their names, as one number may stand for two.
BY_NAME = {row.error: row for row in ROWS[:8]}


def find(word):
    """The row of "AADSTS65001", or of a name in BY_NAME; None: there is none."""
    if word.startswith("AADSTS") and word[6:].isdigit():
        return BY_NUMBER.get(int(word[6:]))
    return BY_NAME.get(word)
