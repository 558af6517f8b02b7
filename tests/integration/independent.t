#!/usr/bin/python3 -B
"""OAuth against an authorization server that nobody here wrote (glewlwyd).

First the server by itself, asked by Python as the RFCs say, so that what fails further down is
not its doing; with that, what it does otherwise than Microsoft's stands here in tests. Then
Postroom against it."""
import contextlib
import hashlib
import json
import queue
import re
import secrets
import subprocess
import sys
import threading
import time
from base64 import urlsafe_b64decode, urlsafe_b64encode
from pathlib import Path
from urllib.parse import urlencode

sys.path.insert(0, str(Path(__file__).parent))
import rig  # noqa: E402  (sets the path for the fakes)
from rig import backend, independent, oauth, settings, tap  # noqa: E402
from rig.independent import DELEGATED, NAMED, PUBLIC, USER, Person, query  # noqa: E402
from fakes import program, submission  # noqa: E402

from cryptography.hazmat.primitives import hashes, serialization  # noqa: E402
from cryptography.hazmat.primitives.asymmetric import padding, rsa  # noqa: E402

NOWHERE = "http://localhost:9/"  # where a browser is sent back to, and nobody goes
RUN_LIMIT = 30  # seconds
LOGIN = "postroom login"  # what a person is told who has to sign in again


class House(backend.House):
    """The server, and a folder with certificates. A tap fixture."""

    def __init__(self):
        super().__init__()
        self.stack = contextlib.ExitStack()

    def __enter__(self):
        self.server = self.stack.enter_context(
            independent.Server(self.kit, self.folder / "authorization"))
        return super().__enter__()

    def __exit__(self, *error):
        self.stack.close()
        super().__exit__(*error)

    def diagnose(self):
        return super().diagnose() + self.server.diagnose()


def encode(data):
    return urlsafe_b64encode(data).rstrip(b"=").decode()


def claims(token):
    return json.loads(urlsafe_b64decode(token.split(".")[1] + "=="))


def pem(key):
    return key.public_bytes(serialization.Encoding.PEM,
                            serialization.PublicFormat.SubjectPublicKeyInfo).decode()


class Application:
    """A client of the server that signs assertions (RFC 7523), with a library's code."""

    SIGNING = {"PS256": padding.PSS(padding.MGF1(hashes.SHA256()), 32),
               "RS256": padding.PKCS1v15()}

    def __init__(self, server, signature):
        self.server, self.signature = server, signature
        self.name = f"python-{signature.lower()}"
        self.key = rsa.generate_private_key(65537, 2048)
        server.add_certified_client(self.name, pem(self.key.public_key()), signature)

    def assertion(self, key=None, **claims):
        now = int(time.time())
        claims = {"aud": self.server.token_url, "iss": self.name, "sub": self.name,
                  "jti": secrets.token_hex(16), "nbf": now - 60, "iat": now - 60,
                  "exp": now + 240, **claims}
        parts = ({"alg": self.signature, "typ": "JWT"}, claims)
        text = ".".join(encode(json.dumps(each).encode()) for each in parts)
        signature = (key or self.key).sign(text.encode(), self.SIGNING[self.signature],
                                           hashes.SHA256())
        return f"{text}.{encode(signature)}"

    def ask(self, assertion):
        return self.server.app_token(self.name, client_assertion=assertion,
                                     client_assertion_type=independent.JWT_BEARER)


def begin_device(server, scope=DELEGATED):
    """Begins the device flow; returns what the server said, and what to ask for tokens."""
    begun = stranger(server).post("/oidc/device_authorization", client_id=PUBLIC,
                                     scope=scope)
    tap.same(begun.status, 200, "the answer to a device authorization request")
    question = {"grant_type": independent.DEVICE_GRANT, "client_id": PUBLIC,
                "device_code": begun.json["device_code"]}
    return begun.json, question


def stranger(server):
    """One who asks without anybody's session."""
    return independent.Browser(server.base, server.ca_file)


def signed_in(server):
    """A refresh token that a device flow gave."""
    begun, question = begin_device(server)
    Person(server).enter_code(begun["verification_uri"], begun["user_code"])
    return server.token(**question).json["refresh_token"]


# -- the server by itself --------------------------------------------------------------

def test_server_device(house):
    """The server's device flow: pending, slow_down, tokens, and the code only once"""
    server = house.server
    begun, question = begin_device(server)
    tap.same(begun["interval"], independent.INTERVAL, "the interval")
    tap.same([server.token(**question).error for _ in range(2)],
             ["authorization_pending", "slow_down"], "the answers to two questions at once")
    Person(server).enter_code(begun["verification_uri"], begun["user_code"])
    tokens = server.token(**question)
    tap.same(tokens.status, 200, "the answer after the person agreed")
    said = server.introspect(tokens.json["access_token"])
    tap.same((said["active"], said["username"], said["scope"]),
             (True, independent.USER, DELEGATED), "what the server says of the token")
    tap.same(server.token(**question).error, "access_denied", "the second answer")


def test_server_code(house):
    """The server's code flow wants the PKCE verifier and the exact redirect address"""
    server = house.server
    server.allow_redirects(NOWHERE)
    verifier = encode(secrets.token_bytes(32))
    challenge = encode(hashlib.sha256(verifier.encode()).digest())
    asked = {"response_type": "code", "client_id": PUBLIC, "redirect_uri": NOWHERE,
             "scope": NAMED, "state": "a state", "code_challenge": challenge,
             "code_challenge_method": "S256", "nonce": "a nonce"}
    back = query(Person(server).authorize(f"{server.authorize_url}?{urlencode(asked)}"))
    tap.same(back["state"], "a state", "the state")
    question = {"grant_type": "authorization_code", "client_id": PUBLIC,
                "code": back["code"], "redirect_uri": NOWHERE, "code_verifier": verifier}
    # RFC 6749 5.2 would have 400 and invalid_grant for both.
    wrong = server.token(**{**question, "code_verifier": "x" * 43})
    tap.same((wrong.status, wrong.error), (403, "invalid_code"), "for another verifier")
    wrong = server.token(**{**question, "redirect_uri": "http://localhost:10/"})
    tap.same((wrong.status, wrong.error), (403, "unauthorized_client"),
             "for another redirect address")
    tokens = server.token(**question)
    tap.same(tokens.status, 200, "the answer to the right question")
    tap.same(claims(tokens.json["id_token"])["email"], independent.USER, "the person")
    tap.same(server.token(**question).status, 403, "the status of the second answer")


def test_server_rotation(house):
    """The server's refresh tokens are good for one use, and using one twice ends all"""
    server = house.server
    first = signed_in(server)
    second = server.refresh(first, scope=DELEGATED).json["refresh_token"]
    third = server.refresh(second, scope=DELEGATED).json["refresh_token"]
    tap.same(len({first, second, third}), 3, "the number of different refresh tokens")
    # RFC 6749 5.2 would have an object with invalid_grant.
    again = server.refresh(second, scope=DELEGATED)
    tap.same((again.status, again.text), (400, ""), "the answer to an old token")
    tap.same(server.refresh(third, scope=DELEGATED).status, 400,
             "the status for the newest token after that")


def test_server_secret(house):
    """The server's client credentials with a secret, and not with a wrong one"""
    server = house.server
    right = server.app_token(client_secret=server.secret)
    tap.same((right.status, "refresh_token" in right.json), (200, False), "the answer")
    said = server.introspect(right.json["access_token"])
    tap.same((said["active"], said["scope"]), (True, independent.APP_SCOPE),
             "what it is for")
    # RFC 6749 5.2 would have 401 and invalid_client.
    wrong = server.app_token(client_secret=server.secret + "x")
    tap.same((wrong.status, wrong.text), (403, ""), "the answer to a wrong secret")


def test_server_assertion(house):
    """The server checks an assertion's signature, audience, end and its being new"""
    for signature in ("PS256", "RS256"):
        one = Application(house.server, signature)
        good = one.assertion()
        tap.same(one.ask(good).status, 200, f"the status for {signature}")
        wrong = {"shown again": good,
                 "of another key": one.assertion(rsa.generate_private_key(65537, 2048)),
                 "for another audience": one.assertion(aud=house.server.issuer),
                 "of another client": one.assertion(sub="somebody"),
                 "ended": one.assertion(exp=int(time.time()) - 10)}
        for name, assertion in wrong.items():
            tap.same(one.ask(assertion).status, 403, f"the status for one {name}")


# -- Postroom against it ---------------------------------------------------------------

class Office(submission.Server):
    """A submission server that asks the authorization server about every token, with an
    account there. Its `settings` lead Postroom to both."""

    def __init__(self, house, auth, **account):
        self.folder = house.folder / f"office-{next(house.numbers)}"
        super().__init__(self.folder, USER, secrets.token_hex(), house.kit,
                         tokens=self.judge)
        self.house, self.judged = house, []
        house.last = None  # what another office saw
        place = house.server
        self.settings = settings.write(self.folder / "etc", self, account={
            "auth": auth, "password_file": None, "token_url": place.token_url,
            "device_url": place.device_url, "authorize_url": place.authorize_url,
            "client_id": PUBLIC, "scope": NAMED, **account})
        self.wanted = independent.APP_SCOPE if auth == "oauth-app" else independent.SCOPE

    def judge(self, token, mailbox):
        """Whether a token opens the mailbox: an application's any, a person's the own."""
        said = self.house.server.introspect(token)
        self.judged.append((token, said["active"]))
        return (said["active"] and self.wanted in said["scope"].split()
                and said.get("username", mailbox) == mailbox == USER)

    def mechanisms(self):
        """How those signed in who sent something."""
        return [json.loads(path.with_suffix(".json").read_text())["mechanism"]
                for path in self.paths]


class Command:
    """A `postroom` that runs. A context manager, which ends it."""

    def __init__(self, office, *arguments):
        self.office, self.lines, self.said = office, queue.Queue(), []
        self.process = subprocess.Popen(
            [rig.built("postroom"), *arguments], text=True, start_new_session=True,
            env={"PATH": "/usr/bin:/bin", "LANG": "C.UTF-8",
                 "POSTROOM_CONFIG": str(office.settings)},
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        self.reader = threading.Thread(target=self._read, daemon=True)
        self.reader.start()

    def _read(self):
        with self.process.stdout as lines:
            for line in lines:
                self.lines.put(line.rstrip("\n"))
        self.lines.put(None)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        if self.process.poll() is None:
            program.end_session(self.process)
        self.reader.join()
        self.process.stdin.close()

    def wait(self, pattern):
        """The groups of the first line from here on that matches."""
        while (line := self._next()) is not None:
            if found := re.fullmatch(pattern, line):
                return found.groups()
        raise AssertionError(f"no line {pattern!r} in: {self.said}")

    def _next(self):
        try:
            line = self.lines.get(timeout=RUN_LIMIT)
        except queue.Empty:
            raise AssertionError(f"it says no more, after: {self.said}") from None
        if line is not None:
            self.said.append(line)
        return line

    def type(self, line):
        self.process.stdin.write(line + "\n")
        self.process.stdin.flush()

    def finish(self):
        """Its exit code and all that it said, in which no token may be."""
        while self._next() is not None:
            pass
        code = self.process.wait(RUN_LIMIT)
        text = "\n".join(self.said)
        for token, _ in self.office.judged:
            tap.absent(token, text, "what postroom said")
        return code, text


def run(office, *arguments):
    with Command(office, *arguments) as command:
        return command.finish()


def succeed(office, *arguments):
    code, text = run(office, *arguments)
    tap.same(code, 0, f"the exit code of postroom {' '.join(arguments)} ({text})")
    return text


def sign_in_by_device(house, office, name=USER, *arguments):
    """Runs `postroom login` with somebody who types the code; exit code and text."""
    with Command(office, "login", *arguments) as command:
        address, = command.wait(r"Address: +(https://\S+)")
        code, = command.wait(r"Code: +(\S+)")
        Person(house.server, name).enter_code(address, code)
        return command.finish()


@contextlib.contextmanager
def signed_in_office(house, **account):
    """An office whose account signed in by the device flow."""
    with Office(house, "oauth-device", **account) as office:
        code, text = sign_in_by_device(house, office, USER, "--no-test")
        tap.same(code, 0, f"the exit code ({text})")
        yield office


def print_one(house, office):
    """Prints a job; the backend's result."""
    number = next(house.numbers)
    uuid = f"{backend.UUID[:-4]}{number:04x}"
    with house.start(office, number=number, uuid=uuid) as job:
        house.last = job.finish()
    for token, _ in office.judged:
        tap.absent(token, house.last.log, "the log")
    return house.last


def stored(office):
    """The account's tokens as they lie on the disk: access token, refresh token."""
    text = (settings.state_of(office.settings) / "tokens" / "office365").read_text()
    longest = {line.split()[0]: max(line.split(), key=len) for line in text.splitlines()}
    return longest["access"], longest["refresh"]


def test_device(house):
    """postroom login by the device flow, a test message, a job: the same token for both"""
    with Office(house, "oauth-device") as office:
        code, text = sign_in_by_device(house, office)
        tap.same(code, 0, f"the exit code ({text})")
        tap.among(f"{USER} has signed in.", text.splitlines(), "what it said")
        tap.same(print_one(house, office).code, backend.OK, "the backend's exit code")
        tap.same(office.mechanisms(), ["XOAUTH2"] * 2, "the messages' mechanisms")
        tap.same(len({token for token, _ in office.judged}), 1, "the number of tokens")


def test_device_somebody_else(house):
    """Somebody else who signs in is told from the mailbox, and nothing is kept"""
    with Office(house, "oauth-device") as office:
        code, text = sign_in_by_device(house, office, independent.OTHER)
        tap.same(code, 1, f"the exit code ({text})")
        tap.among(f"{independent.OTHER} signed in, and not the mailbox {USER}", text,
                  "what it said")
        tap.same(office.paths, [], "the messages")
        tap.same(print_one(house, office).code, backend.STOP, "the backend's exit code")


def test_code(house):
    """postroom login by the code flow: a browser comes back to loopback"""
    port = independent.free_port()
    house.server.allow_redirects(f"http://localhost:{port}")
    with Office(house, "oauth-code", scope=DELEGATED, redirect_port=port) as office:
        with Command(office, "login") as command:
            address, = command.wait(r"(https://\S+)")
            person = Person(house.server)
            page = person.follow(person.authorize(address))
            tap.same(page.status, 200, "the status of the page that the browser ends at")
            code, text = command.finish()
        tap.same(code, 0, f"the exit code ({text})")
        tap.same(print_one(house, office).code, backend.OK, "the backend's exit code")
        tap.same(office.mechanisms(), ["XOAUTH2"] * 2, "the messages' mechanisms")


def test_code_pasted(house):
    """The same with the address pasted, on a machine that has no browser"""
    house.server.allow_redirects("http://localhost")
    with Office(house, "oauth-code", scope=DELEGATED) as office:
        with Command(office, "login", "--paste", "--no-test", "--shared") as command:
            address, = command.wait(r"(https://\S+)")
            command.wait(r".*Paste the address of that page here:")
            command.type(Person(house.server).authorize(address))
            code, text = command.finish()
        tap.same(code, 0, f"the exit code ({text})")
        tap.same(print_one(house, office).code, backend.OK, "the backend's exit code")


def test_app_secret(house):
    """oauth-app with a client secret; a wrong one stops the queue"""
    path = oauth.secret_file(house.folder / "secrets", house.server.secret)
    with Office(house, "oauth-app", client_id=independent.CONFIDENTIAL,
                scope=independent.APP_SCOPE, client_secret_file=path) as office:
        succeed(office, "login")
        tap.same(print_one(house, office).code, backend.OK, "the backend's exit code")
        tap.same(office.mechanisms(), ["XOAUTH2"] * 2, "the messages' mechanisms")
    wrong = oauth.secret_file(house.folder / "secrets", "a wrong one", "wrong")
    with Office(house, "oauth-app", client_id=independent.CONFIDENTIAL,
                scope=independent.APP_SCOPE, client_secret_file=wrong) as office:
        tap.same(run(office, "login")[0], 1, "the exit code with a wrong secret")
        tap.same(print_one(house, office).code, backend.STOP, "the backend's exit code")


def test_app_certificate(house):
    """oauth-app with a certificate, signed as PS256 and as RS256"""
    for signature in ("PS256", "RS256"):
        name = f"certified-{signature.lower()}"
        certificate, key = oauth.certificate(house.folder / "app", name)
        public = serialization.load_pem_private_key(key.read_bytes(), None).public_key()
        house.server.add_certified_client(name, pem(public), signature)
        with Office(house, "oauth-app", client_id=name, scope=independent.APP_SCOPE,
                    certificate_file=certificate, key_file=key,
                    signature=signature.lower()) as office:
            succeed(office, "login", "--no-test")
            tap.same(print_one(house, office).code, backend.OK, "the backend's exit code")


def test_renewal(house):
    """postroom refresh --force, again and again: each refresh token is used once"""
    with signed_in_office(house) as office:
        seen = [stored(office)]
        for _ in range(3):
            succeed(office, "refresh", "--force")
            seen.append(stored(office))
        tap.same(len(set(seen)), 4, "the number of different pairs of tokens")
        tap.same(print_one(house, office).code, backend.OK, "the backend's exit code")
        tap.same([seen.index((token, seen[-1][1])) for token, _ in office.judged], [3],
                 "which of the access tokens were shown")


def test_renewal_at_once(house):
    """Many renewals at once use no refresh token twice, or all would be lost"""
    with signed_in_office(house) as office, contextlib.ExitStack() as stack:
        commands = [stack.enter_context(Command(office, "refresh", "--force"))
                    for _ in range(8)]
        tap.same([each.finish()[0] for each in commands], [0] * 8, "the exit codes")
        succeed(office, "refresh", "--force")
        tap.same(print_one(house, office).code, backend.OK, "the backend's exit code")


def test_revoked_access(house):
    """An access token that was revoked is renewed by the backend, once, and the mail goes"""
    with signed_in_office(house) as office:
        house.server.revoke(stored(office)[0])
        tap.same(print_one(house, office).code, backend.OK, "the backend's exit code")
        tap.same([good for _, good in office.judged], [False, True],
                 "whether the tokens that were shown were good")


def test_revoked_refresh(house):
    """When the server has ended all, the queue stops and says what to do, and that helps"""
    with signed_in_office(house) as office:
        access, refresh = stored(office)
        house.server.refresh(refresh)  # a thief's: from now on the stored one is old
        house.server.revoke(access)
        result = print_one(house, office)
        tap.same(result.code, backend.STOP, "the backend's exit code")
        tap.among(LOGIN, result.log, "the log")
        code, text = sign_in_by_device(house, office, USER, "--no-test")
        tap.same(code, 0, f"the exit code of another login ({text})")
        tap.same(print_one(house, office).code, backend.OK, "the exit code after that")


def test_lost_answer(house):
    """An answer that is lost leaves the old tokens whole, and another login helps at once"""
    with (independent.Relay(house.server, house.kit) as relay,
          signed_in_office(house, token_url=relay.url) as office):
        before = stored(office)
        relay.mode = "lose"
        tap.same(run(office, "refresh", "--force")[0], 1, "the exit code")
        tap.same(stored(office) == before, True, "whether the tokens are as before")
        relay.mode = "pass"
        # Here the old refresh token is of no use any more; at Microsoft's it would be.
        tap.same(house.server.refresh(before[1]).status, 400, "the old one's status")
        code, text = sign_in_by_device(house, office, USER, "--no-test")
        tap.same(code, 0, f"the exit code of another login ({text})")
        succeed(office, "refresh", "--force")


def test_interrupted_renewal(house):
    """A renewal that is interrupted when the server has answered keeps the new token"""
    with (independent.Relay(house.server, house.kit) as relay,
          signed_in_office(house, token_url=relay.url) as office):
        relay.answered.clear()
        relay.mode = "hold"
        with Command(office, "refresh", "--force") as command:
            assert relay.answered.wait(RUN_LIMIT), "the server was not asked"
            command.process.terminate()
            relay.release.set()
            command.finish()
        relay.mode = "pass"
        succeed(office, "refresh", "--force")


def test_cancelled_job(house):
    """A job that is cancelled while the token is renewed keeps the new token"""
    with (independent.Relay(house.server, house.kit) as relay,
          signed_in_office(house, token_url=relay.url) as office):
        house.server.revoke(stored(office)[0])
        relay.answered.clear()
        relay.mode = "hold"
        with house.start(office, number=next(house.numbers)) as job:
            assert relay.answered.wait(RUN_LIMIT), "the server was not asked"
            job.terminate()
            relay.release.set()
            house.last = job.finish()
        relay.mode = "pass"
        succeed(office, "refresh", "--force")


if __name__ == "__main__":
    tap.run(globals(), House)
