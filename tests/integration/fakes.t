#!/usr/bin/python3 -B
"""The fakes' own honesty: what a careless client does wrong, the fake servers refuse."""
import hashlib
import http.client
import json
import smtplib
import ssl
import sys
import threading
import time
import uuid
from base64 import b64decode, b64encode, urlsafe_b64encode
from pathlib import Path
from urllib.parse import parse_qs, urlencode, urlsplit

sys.path.insert(0, str(Path(__file__).parent))
from rig import client, oauth, tap  # noqa: E402
from fakes import bearer, entra, jwt, scripted, submission  # noqa: E402

from cryptography.hazmat.primitives.asymmetric import padding  # noqa: E402
from cryptography.hazmat.primitives.hashes import SHA256  # noqa: E402
from cryptography.hazmat.primitives.serialization import load_pem_private_key  # noqa: E402
from cryptography.x509 import load_pem_x509_certificate  # noqa: E402

USER = "scanner@example.com"
REDIRECT = "http://127.0.0.1:4711/"
GRAPH_SCOPE = "https://graph.microsoft.com/Mail.Send offline_access"


def refused(reply, error, number, status=400):
    """The reply is Microsoft's refusal of this error and number, in all its members."""
    got, answer = reply
    tap.same(answer.get("error"), error, "error")
    tap.same(got, status, "the status")
    tap.same(answer["error_codes"], [number] if number else [], "error_codes")
    text = answer["error_description"]
    assert not number or text.startswith(f"AADSTS{number}: "), text
    for name in ("Trace ID: " + answer["trace_id"], "Timestamp: " + answer["timestamp"],
                 "Correlation ID: " + answer["correlation_id"]):
        tap.among(name, text, "error_description")
    assert answer["error_uri"].endswith(f"/error?code={number}")


# -- the device flow ---------------------------------------------------------------------------

def begin(house, server, application, scope=oauth.SCOPE):
    status, answer = house.ask(server, "devicecode", client_id=application.id, scope=scope)
    tap.same(status, 200, "the status")
    return answer


def poll(house, server, application, code):
    return house.token(server, application, entra.DEVICE_GRANT, device_code=code)


def test_device_flow(house):
    """A device waits until a person approves, and gets the tokens once"""
    with house.entra() as server:
        server.interval = 0
        application = server.register()
        answer = begin(house, server, application)
        tap.same((answer["expires_in"], answer["interval"]), (900, 0), "the times")
        tap.among(answer["user_code"], answer["message"], "the message")
        code = answer["device_code"]
        refused(poll(house, server, application, code), "authorization_pending", 70016)
        assert not server.approve(USER, "WRONGCODE"), "a wrong user code was taken"
        refused(poll(house, server, application, code), "authorization_pending", 70016)
        assert server.approve(USER, answer["user_code"])
        status, tokens = poll(house, server, application, code)
        tap.same(status, 200, "the status")
        claims = jwt.claims(tokens["access_token"])
        tap.same((claims["upn"], claims["scp"], claims["aud"]),
                 (USER, "SMTP.Send", "https://outlook.office.com"), "the claims")
        assert 1500 <= len(tokens["access_token"]) <= 3000, len(tokens["access_token"])
        assert server.valid(tokens["access_token"], USER)
        tap.same(house.refresh(server, application, tokens["refresh_token"])[0], 200, "refresh")
        refused(poll(house, server, application, code), "bad_verification_code", 70018)


def test_device_refusals(house):
    """A device that is declined, too late, too fast, or somebody else's"""
    with house.entra() as server:
        application, other = server.register(), server.register()
        server.interval = 0
        code = begin(house, server, application)["device_code"]
        refused(poll(house, server, other, code), "bad_verification_code", 70018)
        server.decline()
        refused(poll(house, server, application, code), "authorization_declined", 65004)
        server.device_lifetime = 0
        code = begin(house, server, application)["device_code"]
        refused(poll(house, server, application, code), "expired_token", 70019)
        server.device_lifetime, server.interval = 900, 5
        code = begin(house, server, application)["device_code"]
        refused(poll(house, server, application, code), "authorization_pending", 70016)
        refused(poll(house, server, application, code), "slow_down", 0)
        tap.same(server.devices[code].interval, 10, "the interval that is kept now")


def test_device_scripted(house):
    """Each answer of the device flow can be had by its name"""
    with house.entra() as server:
        application = server.register()
        names = ("authorization_pending", "slow_down", "expired_token", "access_denied",
                 "authorization_declined", "bad_verification_code", "AADSTS7000218")
        server.fault("token", *names)
        got = [poll(house, server, application, "x")[1]["error"] for _ in names]
        tap.same(got, [*names[:-1], "invalid_client"], "the errors")
        tap.same(len(set(server.correlations)), len(names), "the correlation ids")
        tap.same(server.count("token"), len(names), "the requests counted")


def test_not_a_public_client(house):
    """A device flow without "Allow public client flows" is refused when it asks"""
    with house.entra() as server:
        application = server.register(public=False)
        code = begin(house, server, application)["device_code"]
        server.approve(USER)
        refused(poll(house, server, application, code), "invalid_client", 7000218, 401)


# -- the authorization code --------------------------------------------------------------------

def browse(house, server, application, **query):
    """What a browser is sent to: status, and the query of the address."""
    query = {"client_id": application.id, "response_type": "code", "state": "s&1",
             "redirect_uri": REDIRECT, "scope": oauth.SCOPE, "code_challenge_method": "S256",
             **query}
    path = f"/{server.tenant}/oauth2/v2.0/authorize?{urlencode(query)}"
    status, fields, _ = house.request(server, "GET", path)
    there = urlsplit(fields.get("Location", ""))
    return status, {name: values[0] for name, values in parse_qs(there.query).items()}


def challenge_of(verifier):
    return urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).rstrip(b"=").decode()


def redeem(house, server, application, code, verifier, redirect_uri=REDIRECT):
    return house.token(server, application, "authorization_code", code=code,
                       redirect_uri=redirect_uri, code_verifier=verifier)


def test_code_flow(house):
    """A code is redeemed by its verifier, once; a second time revokes what came of it"""
    with house.entra() as server:
        application, server.person = server.register(), USER
        verifier = "v" * 43
        code = [browse(house, server, application, code_challenge=challenge_of(verifier))
                for _ in range(2)]
        for status, query in code:
            tap.same((status, query["state"]), (302, "s&1"), "the redirect")
        codes = [query["code"] for _, query in code]
        refused(redeem(house, server, application, codes[0], "w" * 43), "invalid_grant", 501481)
        refused(redeem(house, server, application, codes[0], verifier,
                       "http://127.0.0.1:9/"), "invalid_request", 50011)
        status, tokens = redeem(house, server, application, codes[0], verifier)
        tap.same(status, 200, "the status")
        assert server.valid(tokens["access_token"], USER)
        refused(redeem(house, server, application, codes[0], verifier), "invalid_grant", 54005)
        assert not server.valid(tokens["access_token"], USER), "not revoked"
        tap.same(redeem(house, server, application, codes[1], verifier)[0], 200, "the other")


def test_authorize_refuses(house):
    """No code without S256, for a stranger's redirect, or when the person declines"""
    with house.entra() as server:
        application, server.person = server.register(), USER
        challenge = {"code_challenge": challenge_of("v" * 43)}
        for query in ({}, {**challenge, "code_challenge_method": "plain"}):
            _, answer = browse(house, server, application, **query)
            tap.same((answer["error"], answer["state"]), ("invalid_request", "s&1"), "answer")
        for uri in ("https://evil.example/", "http://evil.example:80/", ""):
            status, answer = browse(house, server, application, redirect_uri=uri, **challenge)
            tap.same((status, answer), (400, {}), f"for {uri!r}")
        server.person = None
        _, answer = browse(house, server, application, **challenge)
        tap.same(answer["error"], "access_denied", "error")


# -- refresh -----------------------------------------------------------------------------------

def test_refresh_rotates(house):
    """A new refresh token each time; the old one stays valid, or not, or none comes"""
    with house.entra() as server:
        application = server.register()
        first = server.grant(application, USER, oauth.SCOPE)
        _, tokens = house.refresh(server, application, first)
        assert tokens["refresh_token"] != first
        tap.same(house.refresh(server, application, first)[0], 200, "the old one's status")
        server.rotation = "strict"
        first = server.grant(application, USER, oauth.SCOPE)
        _, tokens = house.refresh(server, application, first)
        tap.same(house.refresh(server, application, tokens["refresh_token"])[0], 200, "new")
        refused(house.refresh(server, application, first), "invalid_grant", 50173)
        assert not server.valid(tokens["access_token"], USER), "the line lives on"
        server.rotation = "none"
        first = server.grant(application, USER, oauth.SCOPE)
        tap.absent("refresh_token", house.refresh(server, application, first)[1], "the answer")
        tap.same(house.refresh(server, application, first)[0], 200, "again")


def test_refresh_refusals(house):
    """Refresh without scope, with another one's, with a secret, a stranger's token"""
    with house.entra() as server:
        application, other = server.register(), server.register()
        token = server.grant(application, USER, oauth.SCOPE)
        form = {"refresh_token": token, "scope": oauth.SCOPE}
        refused(house.token(server, application, "refresh_token", refresh_token=token),
                "invalid_request", 900144)
        refused(house.token(server, application, "refresh_token", **form, client_secret=""),
                "invalid_client", 700025, 401)
        refused(house.refresh(server, application, token, GRAPH_SCOPE), "invalid_grant", 65001)
        refused(house.refresh(server, application, token, oauth.SCOPE + " " + GRAPH_SCOPE),
                "invalid_scope", 700022)
        refused(house.refresh(server, application, token, "SMTP.Send"), "invalid_scope", 70011)
        refused(house.refresh(server, other, token), "invalid_grant", 70000)
        refused(house.refresh(server, application, token[:-1]), "invalid_grant", 70000)
        server.refresh[token].end = time.time() - 1
        refused(house.refresh(server, application, token), "invalid_grant", 700082)
        server.revoke_grants()
        refused(house.refresh(server, application, token), "invalid_grant", 50173)


def test_malformed_requests(house):
    """What is no proper request: method, tenant, client, grant, a parameter that comes twice"""
    with house.entra() as server:
        application = server.register()
        path = f"/{server.tenant}/oauth2/v2.0/token"

        def ask(method, where, form=None):
            status, _, body = house.request(server, method, where, form)
            return status, json.loads(body)
        refused(ask("GET", path), "invalid_request", 900561)
        refused(ask("POST", path), "invalid_request", 9002313)
        refused(ask("POST", "/elsewhere/oauth2/v2.0/token", {"a": "b"}), "invalid_request",
                90002)
        refused(ask("POST", path, "client_id=a&client_id=b"), "invalid_request", 9000411)
        refused(ask("POST", path, {"client_id": "a"}), "unauthorized_client", 700016)
        refused(house.token(server, application, "password"), "unsupported_grant_type", 70003)
        tap.same(house.request(server, "GET", "/")[0], 404, "the status of another path")


# -- applications ------------------------------------------------------------------------------

def test_client_secret(house):
    """The right secret alone, and not the identifier, gives an application its token"""
    with house.entra() as server:
        application = server.register(secret="s3cret~value")
        ask = {"scope": oauth.APP_SCOPE}

        def token(**form):
            return house.token(server, application, "client_credentials", **ask, **form)
        refused(token(client_secret="other"), "invalid_client", 7000215, 401)
        refused(token(), "invalid_client", 7000218, 401)
        status, tokens = token(client_secret="s3cret~value")
        tap.same(status, 200, "the status")
        tap.absent("refresh_token", tokens, "the answer")
        claims = jwt.claims(tokens["access_token"])
        tap.same((claims["roles"], claims.get("upn")), (["SMTP.SendAsApp"], None), "the claims")
        assert not server.valid(tokens["access_token"], USER), "a mailbox without permission"
        server.mailboxes = {application.id: [USER]}
        assert server.valid(tokens["access_token"], USER)
        ask["scope"] = oauth.SCOPE
        refused(token(client_secret="s3cret~value"), "invalid_scope", 70011)
        refused(house.token(server, server.register(), "client_credentials",
                            scope=oauth.APP_SCOPE), "invalid_client", 7000218, 401)


class Signer:
    """Makes assertions, right ones and wrong ones."""

    def __init__(self, house, server, application):
        self.key = load_pem_private_key(house.key.read_bytes(), None)
        self.print = jwt.thumbprint(load_pem_x509_certificate(house.pem.read_bytes()))
        now = int(time.time())
        self.header = {"alg": "PS256", "typ": "JWT", "x5t#S256": self.print}
        self.claims = {"aud": f"{server.url}/{server.tenant}/oauth2/v2.0/token",
                       "iss": application.id, "sub": application.id,
                       "nbf": now - 60, "iat": now - 60, "exp": now + 240}

    def make(self, header=(), claims=(), salt=32, padded=False, other=None):
        parts = [{**self.header, **dict(header)},
                 {"jti": str(uuid.uuid4()), **self.claims, **dict(claims)}]
        parts = [{name: each for name, each in part.items() if each is not None}
                 for part in parts]
        text = ".".join(jwt.encode(json.dumps(each).encode()) for each in parts)
        scheme = padding.PKCS1v15() if parts[0].get("alg") == "RS256" else padding.PSS(
            mgf=padding.MGF1(SHA256()), salt_length=salt)
        signature = self.key.sign((other or text).encode(), scheme, SHA256())
        encoded = urlsafe_b64encode(signature).decode()
        return f"{text}.{encoded if padded else encoded.rstrip('=')}"


def test_assertion(house):
    """An assertion is really verified: a right one is taken, once, each wrong one is not"""
    with house.entra() as server:
        application = server.register(certificate=house.pem)
        server.mailboxes = {application.id: [USER]}
        signer, now = Signer(house, server, application), int(time.time())

        def ask(assertion, kind=entra.ASSERTION_TYPE):
            return house.token(server, application, "client_credentials",
                               scope=oauth.APP_SCOPE, client_assertion=assertion,
                               client_assertion_type=kind)
        for algorithm in ("PS256", "RS256"):
            good = signer.make({"alg": algorithm})
            status, tokens = ask(good)
            tap.same(status, 200, f"the status with {algorithm}: {tokens}")
            assert server.valid(tokens["access_token"], USER)
        refused(ask(good), "invalid_client", 50027, 401)  # its jti came before
        refused(ask(signer.make(), "jwt"), "invalid_request", 900144)
        sha1 = jwt.encode(hashlib.sha1(b"x").digest())
        wrong = [
            (50027, {"header": {"alg": "none"}}), (50027, {"header": {"alg": "RS512"}}),
            (50027, {"header": {"typ": None}}),
            (700027, {"header": {"x5t#S256": None, "x5t": sha1}}),
            (700027, {"header": {"x5t#S256": signer.print + "="}}),
            (700027, {"header": {"x5t#S256": "A" + signer.print[1:]}}),
            (700027, {"salt": 20}), (700027, {"other": "something.else"}),
            (50027, {"padded": True}),
            (700023, {"claims": {"aud": "https://login.microsoftonline.com/"}}),
            (700023, {"claims": {"aud": signer.claims["aud"] + "/"}}),
            (700021, {"claims": {"iss": "somebody"}}), (700021, {"claims": {"sub": None}}),
            (50027, {"claims": {"jti": None}}), (50027, {"claims": {"exp": None}}),
            (50027, {"claims": {"exp": str(now + 60)}}),
            (700024, {"claims": {"exp": now - 1}}),
            (700024, {"claims": {"nbf": now + 60, "iat": now + 60}}),
            (700024, {"claims": {"exp": now + 3600}}),
        ]
        for number, how in wrong:
            refused(ask(signer.make(**how)), "invalid_client", number, 401)
        alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
        good = signer.make()  # 256 bytes end with four bits that stand for nothing
        spare = good[:-1] + alphabet[alphabet.index(good[-1]) + 1]
        for text in (spare, "", "a.b", "a.b.c", "....", "e30.e30.e30", "\0.\0.\0", "W10.W10.AAAA"):
            refused(ask(text), "invalid_client", 50027, 401)


def test_assertion_algorithm(house):
    """An application may insist on PS256"""
    with house.entra() as server:
        application = server.register(certificate=house.pem, algorithms=("PS256",))
        signer = Signer(house, server, application)
        refused(house.token(server, application, "client_credentials",
                            scope=oauth.APP_SCOPE, client_assertion_type=entra.ASSERTION_TYPE,
                            client_assertion=signer.make({"alg": "RS256"})),
                "invalid_client", 50027, 401)


# -- judging tokens ----------------------------------------------------------------------------

def test_valid(house):
    """A token is good for its audience, its mailbox and its time"""
    with house.entra() as server:
        application = server.register()
        smtp = server.issue(application, USER, oauth.SCOPE)
        graph = server.issue(application, USER, GRAPH_SCOPE)
        assert server.valid(smtp, USER) and server.valid(smtp, USER.upper())
        assert server.valid(graph, USER, entra.GRAPH)
        other = "accounting@example.com"
        for token, mailbox, audiences in (
                (smtp, USER, entra.GRAPH), (graph, USER, entra.SMTP), (smtp, other, entra.SMTP),
                ("", USER, entra.SMTP), (smtp[:-1], USER, entra.SMTP),
                (server.issue(application, USER, oauth.SCOPE, 0), USER, entra.SMTP),
                (server.issue(application, USER, "https://outlook.office.com/IMAP.Other"), USER,
                 entra.SMTP)):
            assert not server.valid(token, mailbox, audiences), (mailbox, audiences)
        server.mailboxes = {USER: [other]}
        assert server.valid(smtp, other), "a shared mailbox"
        server.revoke_access()
        assert not server.valid(smtp, USER), "revoked"


# -- submission --------------------------------------------------------------------------------

def blob(mechanism, user, token):
    if mechanism == "XOAUTH2":
        return f"user={user}\1auth=Bearer {token}\1\1"
    return f"n,a={user},\1host=localhost\1port=587\1auth=Bearer {token}\1\1"


class Client(smtplib.SMTP):
    """A client that is inside TLS."""

    def __init__(self, house, server):
        super().__init__("localhost", server.port, timeout=10)
        self.starttls(context=house.context())
        self.ehlo()

    def show(self, mechanism, user, token):
        """The replies to AUTH in two steps, and to the answer to a challenge if one came."""
        replies = [self.docmd("AUTH", mechanism),
                   self.docmd(b64encode(blob(mechanism, user, token).encode()).decode())]
        if replies[-1][0] == 334:
            replies.append(self.docmd(bearer.ANSWERS[mechanism].decode()))
        return replies


def codes(replies):
    return [code for code, _ in replies]


def mail(client):
    return client.sendmail(USER, ["bob@example.com"], "From: a\r\nTo: b\r\n\r\nText\r\n")


def servers(house, server, **script):
    """Both submission servers, with the authorization server's word for what is good."""
    number = len(list(house.folder.iterdir()))
    yield scripted.Server(script, kit=house.kit, tokens=server.valid)
    yield submission.Server(house.folder / f"server-{number}", USER, "none", house.kit,
                            tokens=server.valid, **script)


def test_token_opens_mailbox(house):
    """Both submission servers take a good token by both mechanisms, and the mail after it"""
    both = ["LOGIN", "XOAUTH2", "OAUTHBEARER"]
    with house.entra() as authority:
        token = authority.issue(authority.register(), USER, oauth.SCOPE)
        for server in servers(house, authority, mechanisms=both):
            with server:
                for mechanism in both[1:]:
                    with Client(house, server) as client:
                        tap.among(mechanism, client.esmtp_features["auth"].split(), "AUTH")
                        replies = client.show(mechanism, USER, token)
                        tap.same(codes(replies), [334, 235], f"the replies to {mechanism}")
                        tap.same(mail(client), {}, "the refused recipients")
        tap.same([(mailbox, good) for _, mailbox, good in authority.judged], [(USER, True)] * 4,
                 "what was judged")


def test_token_refused(house):
    """A token that is not good is refused with 535 5.7.3, and no mail is taken then"""
    with house.entra() as authority:
        application = authority.register()
        good = authority.issue(application, USER, oauth.SCOPE)
        bad = authority.issue(application, USER, oauth.SCOPE, 0)
        for server in servers(house, authority):
            with server:
                for user, token in ((USER, bad), ("else@example.com", good), (USER, "x y"),
                                    (USER, ""), (USER, good + "\1")):
                    with Client(house, server) as client:
                        replies = client.show("XOAUTH2", user, token)
                        tap.same(codes(replies), [334, 535], "the replies")
                        assert replies[-1][1].startswith(b"5.7.3 "), replies[-1]
                        tap.same(client.docmd("MAIL", f"FROM:<{USER}>")[0], 530, "MAIL")
                with Client(house, server) as client:
                    tap.same(client.docmd("AUTH", "OAUTHBEARER")[0], 504, "another mechanism")


def test_forms_of_tokens(_):
    """What is not exactly a mechanism's form is no token"""
    for mechanism in bearer.FORMS:
        good = blob(mechanism, USER, "t0k.en").encode()
        tap.same(bearer.parse(mechanism, good), (USER, "t0k.en"), f"{good}")
        for bad in (good[:-1], good[1:], good + b"\1", good.replace(b"\1", b""),
                    good.replace(b"Bearer ", b"bearer "), good.replace(b",", b"", 1)
                    if b"," in good else b"", good.replace(b",\1", b"\1"),
                    good.replace(USER.encode(), b"")):
            if bad != good:
                tap.same(bearer.parse(mechanism, bad), None, f"{mechanism}: {bad}")


def test_token_challenged(house):
    """As Gmail does it: a challenge in JSON first, and 535 after the client's answer"""
    both = ["XOAUTH2", "OAUTHBEARER"]
    with house.entra() as authority:
        for server in servers(house, authority, mechanisms=both, challenge=True):
            with server:
                for mechanism in both:
                    with Client(house, server) as client:
                        replies = client.show(mechanism, USER, "bad")
                        tap.same(codes(replies), [334, 334, 535], "the replies")
                        tap.same(json.loads(b64decode(replies[1][1]))["status"], "400", "status")
                        tap.among(b"5.7.8", replies[2][1], "the refusal")
                if isinstance(server, scripted.Server):
                    tap.same(server.challenged, [list(each) for each in bearer.ANSWERS.items()],
                             "the answers")


def test_scripted_wins(house):
    """A scripted reply to AUTH stands before the judgement, and none judges without a judge"""
    with house.entra() as authority:
        token = authority.issue(authority.register(), USER, oauth.SCOPE)
        faults = {"auth": ["454 4.7.0 Later", None]}
        with scripted.Server({"faults": faults}, kit=house.kit, tokens=authority.valid) as server:
            for code in (454, 235):
                with Client(house, server) as client:
                    tap.same(client.show("XOAUTH2", USER, token)[-1][0], code, "the reply")
        with scripted.Server({}, kit=house.kit) as server, Client(house, server) as client:
            tap.same(client.show("XOAUTH2", USER, "any")[-1][0], 235, "the reply")
            mail(client)
        with submission.Server(house.folder / "none", USER, "x", house.kit) as server:
            with Client(house, server) as client:
                tap.same(client.show("XOAUTH2", USER, token)[-1][0], 535, "without a judge")


# -- what goes wrong with the service ----------------------------------------------------------

def test_faults(house):
    """Throttling, trouble, breaks, silence, nonsense and floods, as they are told"""
    with house.entra() as server:
        application = server.register()
        token = server.grant(application, USER, oauth.SCOPE)
        path = f"/{server.tenant}/oauth2/v2.0/token"
        form = {"client_id": application.id, "grant_type": "refresh_token",
                "refresh_token": token, "scope": oauth.SCOPE}

        def ask(*actions):
            server.fault("token", *actions)
            return house.request(server, "POST", path, form, limit=2)
        status, fields, _ = ask({"status": 429, "fields": {"Retry-After": "7"}})
        tap.same((status, fields["Retry-After"]), (429, "7"), "throttled")
        tap.same(ask({"status": 503, "body": "<html>"})[::2], (503, b"<html>"), "trouble")
        tap.same(ask({"status": 200, "body": "\udcff{"})[2], b"\xff{", "nonsense")
        for action in ("close", "reset", {"raw": "nonsense\r\n\r\n"}, "lost",
                       {"status": 200, "body": "long enough", "cut": 4}):
            try:
                got = ask(action)
            except (OSError, http.client.HTTPException):
                continue
            raise AssertionError(f"{action} gave {got}")
        for action in ("hang", "stall"):
            try:
                ask(action)
            except TimeoutError:
                continue
            raise AssertionError(f"{action} gave an answer")
        issued = len(server.access)
        tap.same(issued, 1, "the tokens that were lost on the way")
        tap.same(ask()[0], 200, "the status when all is well")
        count = server.count("token")
        server.fault("token", {"status": 200, "endless": "[", "body": "{"})
        link = http.client.HTTPSConnection("localhost", server.port, timeout=10,
                                           context=house.context())
        link.request("POST", path, urlencode(form))
        assert len(link.getresponse().read(4 << 20)) == 4 << 20
        link.close()
        tap.same(server.count("token"), count + 1, "the requests that were counted")


def test_wait(house):
    """An answer can wait for the test's word, with others served meanwhile"""
    with house.entra() as server:
        application = server.register()
        token = server.grant(application, USER, oauth.SCOPE)
        server.fault("token", "wait")
        got = []
        thread = threading.Thread(
            target=lambda: got.append(house.refresh(server, application, token)))
        thread.start()
        assert server.wait("token", limit=5)
        tap.same(house.refresh(server, application, token)[0], 200, "another's status")
        tap.same(got, [], "the answers before the word")
        server.release.set()
        thread.join(10)
        tap.same([status for status, _ in got], [200], "the status after it")


def test_certificate(house):
    """A wrong certificate is shown where that is wanted, and nothing is asked then"""
    with house.entra(certificate="wrong-host") as server:
        try:
            house.request(server, "GET", "/")
        except ssl.SSLCertVerificationError:
            tap.same(server.requests, [], "the requests")
            return
        raise AssertionError("the certificate was taken")


def test_unknown_faults(house):
    """A fault that does not exist is an error of the test's"""
    with house.entra() as server:
        for action in ("no-such", {"stauts": 1}, "AADSTS1"):
            try:
                server._action(action)
            except (ValueError, TypeError):
                continue
            raise AssertionError(f"{action} was taken")


if __name__ == "__main__":
    tap.run(globals(), client.House)
