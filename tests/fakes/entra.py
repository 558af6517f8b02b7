"""An authorization server on loopback that behaves like Microsoft Entra ID.

Endpoints below /TENANT/oauth2/v2.0: devicecode (RFC 8628), token, authorize. The flows:
device code; authorization code with PKCE, where the authorize endpoint answers at once as if
`person` had signed in; refresh with rotation; client credentials with a secret, or with an
assertion that is really checked. Who may ask is what register() made.

What a test sets at any time:

    person      who signs in at the authorize endpoint; None: that person declines
    lifetime    seconds that access tokens live from now on
    interval    seconds between two questions of a device; who comes faster is slowed down
    device_lifetime
    rotation    "keep"    a new refresh token each time, and the old one stays valid
                "strict"  the old one is revoked; if it comes again, all of its line are
                "none"    no new one
    size        bytes of an access token, about
    mailboxes   {who: {mailboxes beside the own one}}; an application has these alone
    faults      as in web.py, for the stages devicecode, token, authorize; an action's word may
                also be one of refusals.py: "slow_down", "AADSTS700082"

Errors come in Microsoft's form; `correlations` has their correlation ids, in order.
"""
import hashlib
import secrets
import time
import uuid
from dataclasses import dataclass
from datetime import datetime, timezone
from urllib.parse import urlencode, urlsplit

from fakes import jwt, refusals, web

TENANT = "6f1c0a52-2d0a-4a57-9b55-0d2c8a6c7f10"
DOMAIN = "contoso.example"
DEVICE_GRANT = "urn:ietf:params:oauth:grant-type:device_code"
ASSERTION_TYPE = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
NATIVE_CLIENT = "https://login.microsoftonline.com/common/oauth2/nativeclient"
SIGN_IN = "https://microsoft.com/devicelogin"
REFRESH_LIFETIME = 90 * 24 * 3600  # seconds
CODE_LIFETIME = 600
SMTP = ("https://outlook.office.com", "https://outlook.office365.com")
GRAPH = ("https://graph.microsoft.com", "https://localhost")  # the latter: graph.py
RIGHTS = {**dict.fromkeys(SMTP, ("SMTP.Send", "SMTP.SendAsApp")),
          **dict.fromkeys(GRAPH, ("Mail.Send", "Mail.Send"))}
SAID = ("openid", "profile", "email", "offline_access")  # scopes of no resource


class Refusal(Exception):
    """A request that is refused, by an AADSTS number or a name (refusals.py), with better
    words where they help."""

    def __init__(self, word, text=""):
        super().__init__(word)
        self.row = refusals.find(f"AADSTS{word}" if isinstance(word, int) else word)
        self.text = text or self.row.text


@dataclass
class Application:
    """An app registration."""

    id: str
    public: bool              # "Allow public client flows"
    secret: str = ""
    verifier: object = None   # of assertions


@dataclass
class Grant:
    """What a person, or an administrator for an application, agreed to."""

    application: Application
    scopes: list
    who: str = ""             # "": the application itself
    revoked: bool = False     # with all tokens that came of it


@dataclass
class Token:
    grant: Grant
    end: float
    audience: str = ""        # of an access token
    rights: tuple = ()
    revoked: bool = False


@dataclass
class Device:
    grant: Grant
    user_code: str
    end: float
    interval: float
    asked: float              # when it asked last
    state: str = "authorization_pending"   # or "approved", or a refusal's name


@dataclass
class Code:
    grant: Grant
    redirect_uri: str
    challenge: str
    end: float
    nonce: str = ""           # OpenID Connect Core 3.1.2.1
    redeemed: bool = False


def resource_of(scopes):
    """The one resource that scopes ask for."""
    found = {scope.rpartition("/")[0] for scope in scopes if scope not in SAID}
    if len(found) > 1:
        raise Refusal(700022)
    if not found or not found <= set(RIGHTS):
        raise Refusal(70011, f"The scope {' '.join(scopes)} is not valid.")
    return found.pop()


class Server(web.Service):
    """The authorization server of one tenant."""

    def __init__(self, kit, tenant=TENANT, **how):
        super().__init__(kit, **how)
        self.tenant = tenant
        self.person = None
        self.lifetime, self.interval, self.device_lifetime = 3599, 5, 900
        self.rotation, self.size = "keep", 2000
        self.mailboxes = {}
        self.applications, self.devices, self.codes = {}, {}, {}
        self.access, self.refresh = {}, {}  # Token by its text
        self.correlations, self.judged = [], []

    # -- for tests -------------------------------------------------------------------------

    def register(self, *, public=True, secret="", certificate=None,
                 algorithms=tuple(jwt.PADDINGS)):
        """An app registration; `certificate` is the path of a PEM. Returns it."""
        application = Application(str(uuid.uuid4()), public and not (secret or certificate),
                                  secret)
        if certificate:
            with open(certificate, "rb") as file:
                application.verifier = jwt.Verifier(file.read(), application.id, algorithms)
        self.applications[application.id] = application
        return application

    def approve(self, user, user_code=None):
        """The person types the code in, signs in and consents; whether a code waited."""
        return self._decide("approved", user, user_code)

    def decline(self, word="authorization_declined", user_code=None):
        return self._decide(word, "", user_code)

    def _decide(self, state, who, user_code):
        with self.lock:
            waiting = [each for each in self.devices.values()
                       if each.state == "authorization_pending"
                       and user_code in (None, each.user_code)]
            for device in waiting:
                device.state, device.grant.who = state, who
            self.lock.notify_all()
            return bool(waiting)

    def grant(self, application, who, scope):
        """A refresh token as if `who` had signed in."""
        with self.lock:
            return self._new_refresh(Grant(application, scope.split(), who))

    def issue(self, application, who, scope, lifetime=None):
        """An access token as if somebody had asked for it."""
        with self.lock:
            grant = Grant(application, scope.split(), who)
            return self._new_access(grant, grant.scopes, lifetime)

    def revoke_access(self):
        """No access token that was issued so far is good any more, though it looks so."""
        with self.lock:
            for token in self.access.values():
                token.revoked = True

    def revoke_grants(self):
        """"Revoke sessions": no token of any kind is good any more."""
        with self.lock:
            for token in [*self.access.values(), *self.refresh.values()]:
                token.grant.revoked = True

    def valid(self, token, mailbox, audiences=SMTP):
        """Whether an access token opens a mailbox at a service. Each question is in `judged`
        with its answer."""
        with self.lock:
            good = self._judge(token, mailbox.lower(), audiences)
            self.judged.append((token, mailbox, good))
            return good

    def _judge(self, text, mailbox, audiences):
        token = self.access.get(text)
        if (token is None or token.revoked or token.grant.revoked or token.end <= time.time()
                or token.audience not in audiences
                or not set(token.rights) & set(RIGHTS[token.audience])):
            return False
        who = token.grant.who.lower()
        more = self.mailboxes.get(who or token.grant.application.id, ())
        return mailbox == who or mailbox in {each.lower() for each in more}

    # -- replies ---------------------------------------------------------------------------

    def stage(self, method, path):
        """devicecode, token or authorize; "unknown" for other paths."""
        parts = path.split("/")
        names = ("devicecode", "token", "authorize")
        return parts[4] if len(parts) == 5 and parts[4] in names else "unknown"

    def every_reply(self):
        return {"Pragma": "no-cache", "x-ms-request-id": str(uuid.uuid4())}

    def reply_named(self, word):
        return self._refuse(Refusal(word)) if refusals.find(word) else super().reply_named(word)

    def _refuse(self, refusal):
        """A refusal in Microsoft's JSON."""
        row, trace, correlation = refusal.row, str(uuid.uuid4()), str(uuid.uuid4())
        self.correlations.append(correlation)
        now = datetime.now(timezone.utc).strftime("%Y-%m-%d %H:%M:%SZ")
        answer = {
            "error": row.error,
            "error_description": (f"AADSTS{row.number}: " if row.number else "") +
            f"{refusal.text} Trace ID: {trace} Correlation ID: {correlation} Timestamp: {now}",
            "error_codes": [row.number] if row.number else [],
            "timestamp": now, "trace_id": trace, "correlation_id": correlation,
            "error_uri": f"{self.url}/error?code={row.number}"}
        if row.suberror:
            answer["suberror"] = row.suberror
        return web.reply_json(answer, row.status)

    def answer(self, request):
        handler = {"devicecode": self._devicecode, "token": self._token,
                   "authorize": self._authorize}.get(request.stage)
        if handler is None:
            return web.Reply(404, b"Not found")
        try:
            if request.path.split("/")[1:4] != [self.tenant, "oauth2", "v2.0"]:
                raise Refusal(90002)
            if request.stage != "authorize":
                self._check_post(request)
            return handler(request.query if request.stage == "authorize" else request.form)
        except Refusal as refusal:
            return self._refuse(refusal)
        except jwt.Refused as wrong:
            return self._refuse(Refusal(wrong.number, f"Client assertion: {wrong.text}."))

    @staticmethod
    def _check_post(request):
        if request.method != "POST":
            raise Refusal(900561)
        if not request.form:
            raise Refusal(9002313)
        if request.twice:
            raise Refusal(9000411)

    # -- tokens ----------------------------------------------------------------------------

    def _new_refresh(self, grant):
        text = "1." + secrets.token_urlsafe(700)
        self.refresh[text] = Token(grant, time.time() + REFRESH_LIFETIME)
        return text

    def _new_access(self, grant, scopes, lifetime=None):
        lifetime = self.lifetime if lifetime is None else lifetime
        now, audience = time.time(), resource_of(scopes)
        rights = tuple(scope.rpartition("/")[2] for scope in scopes if scope not in SAID)
        claims = {"aud": audience, "iss": f"https://sts.windows.net/{self.tenant}/",
                  "iat": int(now), "nbf": int(now), "exp": int(now + lifetime),
                  "appid": grant.application.id, "tid": self.tenant, "ver": "1.0"}
        if grant.who:
            claims.update(scp=" ".join(rights), upn=grant.who, unique_name=grant.who,
                          idtyp="user")
        else:
            rights = (RIGHTS[audience][1],) if rights == (".default",) else rights
            claims.update(roles=list(rights), idtyp="app")
        text = jwt.make(claims, self.size)
        self.access[text] = Token(grant, now + lifetime, audience, rights)
        return text

    def _tokens(self, grant, scopes, refresh, nonce=""):
        """The reply with new tokens. Without the scope offline_access no refresh token."""
        answer = {"token_type": "Bearer", "scope": " ".join(scopes),
                  "expires_in": self.lifetime, "ext_expires_in": self.lifetime,
                  "access_token": self._new_access(grant, scopes)}
        if refresh and "offline_access" in grant.scopes:
            answer["refresh_token"] = self._new_refresh(grant)
        if "openid" in scopes:
            claims = {"aud": grant.application.id, "preferred_username": grant.who}
            answer["id_token"] = jwt.make({**claims, **({"nonce": nonce} if nonce else {})}, 900)
        return web.reply_json(answer)

    # -- who asks --------------------------------------------------------------------------

    @staticmethod
    def _need(form, *names):
        for name in names:
            if not form.get(name):
                raise Refusal(900144, "The request body must contain the following "
                              f"parameter: '{name}'.")
        return [form[name] for name in names]

    def _application(self, form):
        name, = self._need(form, "client_id")
        if name not in self.applications:
            raise Refusal(700016, f"Application with identifier '{name}' was not found in "
                          "the directory.")
        return self.applications[name]

    def _authenticate(self, application, form):
        """The application shows who it is, where it is no public one."""
        secret, assertion = form.get("client_secret"), form.get("client_assertion")
        if application.public:
            if secret is not None or assertion is not None:
                raise Refusal(700025)
        elif assertion is not None and application.verifier:
            if form.get("client_assertion_type") != ASSERTION_TYPE:
                raise Refusal(900144)
            url = f"{self.url}/{self.tenant}/oauth2/v2.0/token"
            application.verifier.check(assertion, url)
        elif secret is None:
            raise Refusal(7000218)
        elif not application.secret or not secrets.compare_digest(
                secret.encode(), application.secret.encode()):
            raise Refusal(7000215)

    # -- the device flow -------------------------------------------------------------------

    def _devicecode(self, form):
        application = self._application(form)
        scope, = self._need(form, "scope")
        resource_of(scope.split())
        code = "D" + secrets.token_urlsafe(150)
        user_code = "".join(secrets.choice("ABCDEFGHJKLMNPQRSTUVWXYZ23456789")
                            for _ in range(9))
        now = time.time()
        self.devices[code] = Device(Grant(application, scope.split()), user_code,
                                    now + self.device_lifetime, self.interval, 0)
        return web.reply_json({
            "user_code": user_code, "device_code": code, "verification_uri": SIGN_IN,
            "expires_in": self.device_lifetime, "interval": self.interval,
            "message": f"To sign in, use a web browser to open the page {SIGN_IN} and enter "
                       f"the code {user_code} to authenticate."})

    def _by_device(self, application, form):
        code, = self._need(form, "device_code")
        device, now = self.devices.get(code), time.time()
        if device is None or device.grant.application is not application:
            raise Refusal("bad_verification_code")
        if now >= device.end:
            raise Refusal("expired_token")
        early = now < device.asked + device.interval - 0.2
        device.asked = now
        if device.state == "approved":
            del self.devices[code]
            return self._tokens(device.grant, device.grant.scopes, True)
        if early and device.state == "authorization_pending":
            device.interval += 5
            raise Refusal("slow_down")
        raise Refusal(device.state)

    # -- the authorization code ------------------------------------------------------------

    def _authorize(self, query):
        application = self._application(query)
        redirect_uri = query.get("redirect_uri", "")
        if not self._is_native(redirect_uri):
            page = f"<html><body>AADSTS50011: {Refusal(50011).text}</body></html>"
            return web.Reply(400, page.encode(), {"Content-Type": "text/html"})
        answer = {"state": query["state"]} if "state" in query else {}
        try:
            answer["code"] = self._new_code(application, query, redirect_uri)
        except Refusal as refusal:
            answer.update(error=refusal.row.error, error_description=refusal.text)
        mark = "&" if urlsplit(redirect_uri).query else "?"
        return web.Reply(302, fields={"Location": redirect_uri + mark + urlencode(answer)})

    @staticmethod
    def _is_native(uri):
        """What a desktop application may have: loopback on any port (RFC 8252 7.3)."""
        parts = urlsplit(uri)
        loopback = parts.scheme == "http" and parts.hostname in ("localhost", "127.0.0.1")
        return loopback or uri == NATIVE_CLIENT

    def _new_code(self, application, query, redirect_uri):
        scope, _ = self._need(query, "scope", "response_type")
        resource_of(scope.split())
        if query["response_type"] != "code":
            raise Refusal(9002313)
        if query.get("code_challenge_method") != "S256" or len(
                query.get("code_challenge", "")) != 43:
            raise Refusal(9002313, "Proof Key for Code Exchange is required: S256.")
        if self.person is None:
            raise Refusal("access_denied")
        code = "1." + secrets.token_urlsafe(500)
        self.codes[code] = Code(Grant(application, scope.split(), self.person), redirect_uri,
                                query["code_challenge"], time.time() + CODE_LIFETIME,
                                query.get("nonce", ""))
        return code

    def _by_code(self, application, form):
        text, redirect_uri, verifier = self._need(form, "code", "redirect_uri",
                                                  "code_verifier")
        code = self.codes.get(text)
        if code is None or code.grant.application is not application:
            raise Refusal(70000)
        if code.redeemed:
            code.grant.revoked = True  # somebody else may have it (RFC 6749 4.1.2)
            raise Refusal(54005)
        if time.time() >= code.end:
            raise Refusal(70008)
        if code.redirect_uri != redirect_uri:
            raise Refusal(50011)
        if not 43 <= len(verifier) <= 128 or code.challenge != jwt.encode(
                hashlib.sha256(verifier.encode()).digest()):
            raise Refusal(501481)
        code.redeemed = True
        return self._tokens(code.grant, code.grant.scopes, True, code.nonce)

    # -- the other grants ------------------------------------------------------------------

    def _by_refresh(self, application, form):
        text, scope = self._need(form, "refresh_token", "scope")
        token = self.refresh.get(text)
        if token is None or token.grant.application is not application:
            raise Refusal(70000)
        if token.revoked and self.rotation == "strict":
            token.grant.revoked = True
        if token.grant.revoked or token.revoked:
            raise Refusal(50173)
        if time.time() >= token.end:
            raise Refusal(700082)
        scopes = scope.split()
        resource_of(scopes)
        if not set(scopes) <= set(token.grant.scopes) | set(SAID):
            raise Refusal(65001)
        token.revoked = self.rotation == "strict"
        return self._tokens(token.grant, scopes, self.rotation != "none")

    def _by_application(self, application, form):
        scope, = self._need(form, "scope")
        if resource_of(scope.split()) + "/.default" != scope:
            raise Refusal(70011, f"The scope {scope} is not valid: client credentials want "
                          "/.default.")
        if application.public:
            raise Refusal(7000218)
        return self._tokens(Grant(application, [scope]), [scope], False)

    def _token(self, form):
        application = self._application(form)
        kind, = self._need(form, "grant_type")
        handler = {DEVICE_GRANT: self._by_device, "authorization_code": self._by_code,
                   "refresh_token": self._by_refresh,
                   "client_credentials": self._by_application}.get(kind)
        if handler is None:
            raise Refusal(70003)
        self._authenticate(application, form)
        return handler(application, form)
