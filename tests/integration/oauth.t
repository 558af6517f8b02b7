#!/usr/bin/python3 -B
"""Signing in with tokens: what the backend asks, shows, keeps and says, by hand against an
authorization server and a submission server that asks it what is good."""
import contextlib
import os
import subprocess
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))
import rig  # noqa: E402
from rig import backend, oauth, settings, tap  # noqa: E402
from rig.backend import OK, RETRY, STOP  # noqa: E402
from fakes import entra, scripted  # noqa: E402 (rig has put it on the path)

CROWD = 50
LOGIN = "postroom login"  # what a sentence asks for
SECRET = "Qz8~canary-client-secret-5f1b7"
REFRESH = "refresh_token"


def codes(results):
    return sorted({each.code for each in results})


# -- a token that is there ---------------------------------------------------------------------

def test_cached_token(house):
    """A token that is known is shown in two steps inside TLS, and nobody is asked for one"""
    with house.signed_in() as server:
        tap.same(house.print(server).code, OK, "the exit code")
        tap.same(len(server.accepted), 1, "the number of messages")
        tap.same(oauth.shown(server), [("XOAUTH2", server.before[1])], "what was shown")
        lines = [each.line for each in server.commands if each.line.startswith(b"AUTH")]
        tap.same(lines, [b"AUTH XOAUTH2"], "the command")
        tap.same(server.entra.requests, [], "the requests")
        tap.same((server.store.read().refresh, server.store.read().access), server.before,
                 "the store")
        tap.absent(b"Bearer", bytes(server.bare), "the bytes outside TLS")


def test_expired_token(house):
    """An expired token is renewed once, the rotated refresh token kept, and used by the next"""
    with house.signed_in(left=-10) as server:
        tap.same(house.print(server).code, OK, "the exit code")
        form, = oauth.asked(server)
        tap.same(form, {"grant_type": REFRESH, REFRESH: server.before[0],
                        "client_id": server.application.id, "scope": oauth.SCOPE}, "the form")
        known = server.store.read()
        tap.same(oauth.shown(server), [("XOAUTH2", known.access)], "what was shown")
        tap.among(known.refresh, server.entra.refresh, "the refresh tokens that came")
        assert known.refresh != server.before[0], "the old refresh token is still there"
        assert 3580 < known.left <= 3599, f"it is believed to live for {known.left} s"
        other = backend.UUID[:-1] + "f"
        tap.same(house.print(server, uuid=other).code, OK, "the next job's exit code")
        tap.same(len(oauth.asked(server)), 1, "the number of questions")
        tap.same(len(server.accepted), 2, "the number of messages")


def test_margin(house):
    """A token that ends within five minutes is renewed before; one that lives longer is used"""
    for left, questions in ((290, 1), (330, 0)):
        with house.signed_in(left=left) as server:
            tap.same(house.print(server).code, OK, "the exit code")
            tap.same(len(oauth.asked(server)), questions, f"the questions with {left} s left")


def test_no_rotation(house):
    """A server that sends no new refresh token leaves the old one in force"""
    with house.signed_in(left=-10) as server:
        server.entra.rotation = "none"
        tap.same(house.print(server).code, OK, "the exit code")
        tap.same(server.store.read().refresh, server.before[0], "the refresh token")


def test_strict_rotation(house):
    """Where a refresh token is good once, one job after the other still has its turn"""
    with house.signed_in(left=-10) as server:
        server.entra.rotation, server.entra.lifetime = "strict", 1
        for number in range(3):
            uuid = backend.UUID[:-1] + str(number)
            tap.same(house.print(server, uuid=uuid).code, OK, f"exit code {number}")
            # The token of a second's life is over, or over half: it is renewed.
            server.store.plant(server.store.read().refresh)
        tap.same(len({form[REFRESH] for form in oauth.asked(server)}), 3, "the tokens asked with")


def test_code_flow_renews(house):
    """An account of the authorization code flow renews its tokens in the same way"""
    with house.signed_in(left=-10, auth="oauth-code") as server:
        tap.same(house.print(server).code, OK, "the exit code")
        tap.same([form["grant_type"] for form in oauth.asked(server)], [REFRESH], "the questions")


def test_login_command(house):
    """What postroom login stores is what the backend uses, and what these tests plant"""
    with house.office() as server:
        server.entra.interval = 1
        environment = {"PATH": "/usr/bin:/bin", "POSTROOM_CONFIG": str(server.settings)}
        with subprocess.Popen([rig.built("postroom"), "login", oauth.ACCOUNT],
                              env=environment, stdin=subprocess.DEVNULL,
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT) as login:
            assert server.entra.wait_for(lambda: server.entra.devices, 10), "no code was asked"
            server.entra.approve(settings.USER)
            said = login.communicate(timeout=30)[0].decode()
        tap.same(login.returncode, 0, f"the exit code; it said {said}")
        known = server.store.read()
        tap.same(known.identity, server.store.identity, "the number of the settings")
        tap.among(known.refresh, server.entra.refresh, "the refresh tokens")
        assert known.login != 0
        questions = len(oauth.asked(server))
        tap.same(house.print(server).code, OK, "the exit code of a job")
        tap.same(len(oauth.asked(server)), questions, "the questions after the login")
        oauth.search(said.encode(), oauth.canaries(server), "what the command said")


# -- a token that is refused -------------------------------------------------------------------

GMAIL = {"challenge": True}
BEARER = {"mechanisms": ["LOGIN", "XOAUTH2", "OAUTHBEARER"]}
SERVERS = {"": {}, "gmail": GMAIL, "oauthbearer": BEARER, "both": {**GMAIL, **BEARER}}


def mechanism(name):
    return "OAUTHBEARER" if "mechanisms" in SERVERS[name] else "XOAUTH2"


def refused_then_good(name):
    def test(house):
        with house.signed_in(SERVERS[name]) as server:
            server.entra.revoke_access()
            tap.same(house.print(server).code, OK, "the exit code")
            tap.same(len(oauth.asked(server)), 1, "the number of questions")
            tap.same(oauth.shown(server), [(mechanism(name), server.before[1]),
                                           (mechanism(name), server.store.read().access)],
                     "what was shown")
            tap.same(len(server.accepted), 1, "the number of messages")
            challenges = [each for each, _ in server.challenged]
            tap.same(challenges, [mechanism(name)] * bool(SERVERS[name].get("challenge")),
                     "the challenges")
    test.__doc__ = (f"A token that is refused ({name or '535'}) is renewed once, and the "
                    "message goes")
    return test


def refused_twice(name):
    def test(house):
        with house.signed_in(SERVERS[name]) as server:
            server.tokens = lambda token, mailbox: False
            result = oauth.stopped(house, server, "access token", LOGIN, "username", shown=2)
            tap.same(len(oauth.asked(server)), 1, "the number of questions")
            # libcurl answers the challenge of OAUTHBEARER alone, and hears the 535 after it.
            said = "334" if SERVERS[name] == GMAIL else "535"
            tap.among(said, result.log, "the log")
            for _, token in oauth.shown(server):
                tap.absent(token[-40:], result.log, "the log")
    test.__doc__ = (f"Where the new token is refused too ({name or '535'}) the queue stops "
                    "with the reason, after one question")
    return test


for _name in SERVERS:
    globals()[f"test_refused_{_name}"] = refused_then_good(_name)
    globals()[f"test_refused_twice_{_name}"] = refused_twice(_name)


def test_oauthbearer(house):
    """A server that offers OAUTHBEARER too gets a token by it, with the mailbox"""
    with house.signed_in(BEARER) as server:
        tap.same(house.print(server).code, OK, "the exit code")
        tap.same(oauth.shown(server), [("OAUTHBEARER", server.before[1])], "what was shown")
        tap.same(server.entra.judged, [(server.before[1], settings.USER, True)], "the mailbox")


def test_server_repeats_token(house):
    """A server that repeats the token in its refusal does not get it into the log"""
    with house.signed_in() as server:
        token = server.before[1]
        server.script.always["auth"] = scripted.Action(f"535 5.7.8 {token} is bad")
        result = oauth.stopped(house, server, "left out", shown=2)
        tap.absent(token[-40:], result.log, "the log")


def test_auth_is_put_off(house):
    """A server that cannot check tokens for the moment is tried again later; none is renewed"""
    with house.signed_in({"faults": {"auth": "454 4.7.0 Temporary failure"}}) as server:
        result = house.print(server)
        tap.same(result.code, RETRY, "the exit code")
        tap.same(oauth.asked(server), [], "the questions")


def test_no_bearer_offered(house):
    """A server that takes passwords alone: the queue stops, no token is shown or asked for"""
    with house.signed_in({"mechanisms": ["LOGIN", "PLAIN"]}) as server:
        oauth.stopped(house, server, "sign-in")
        tap.same(oauth.asked(server), [], "the questions")


def test_wrong_certificate_of_server(house):
    """A submission server that is not the account's gets to see no token"""
    for kind in ("wrong-host", "unknown-ca"):
        with house.signed_in({"certificate": kind}) as server:
            house.print(server)
            tap.same(server.verbs, ["EHLO", "STARTTLS"], f"the commands ({kind})")
            tap.same(server.credentials, [], "the credentials")


# -- many at once ------------------------------------------------------------------------------

@contextlib.contextmanager
def busy(house, **how):
    """An account with a crowd's connections that has sent before: a login that never worked
    would be tried by one at a time."""
    with house.signed_in(account={"max_connections": CROWD}, **how) as server:
        tap.same(house.print(server).code, OK, "the exit code of the job before")
        server.entra.fault("token", "wait")
        yield server


def crowd(house, server, count, ready):
    """Starts so many jobs at once, and lets the question be answered when all are ready."""
    with contextlib.ExitStack() as stack:
        runs = [stack.enter_context(house.start(
            server, number=100 + n, uuid=f"{backend.UUID[:-12]}{n:012d}"))
            for n in range(count)]
        for run in runs:
            assert run.wait(lambda: ready in run.said(), limit=20), run.said()
        server.entra.release.set()
        return [run.finish() for run in runs]


def test_many_with_expired_token(house):
    """50 processes at once with an expired token make one question of it"""
    with busy(house) as server:
        server.store.plant(*server.before, left=-10)
        results = crowd(house, server, CROWD, "Waiting for a connection")
        tap.same(codes(results), [OK], "the exit codes")
        tap.same(len(oauth.asked(server)), 1, "the number of questions")
        tap.same(len(server.accepted), 1 + CROWD, "the number of messages")
        tap.same(set(oauth.shown(server)[1:]), {("XOAUTH2", server.store.read().access)},
                 "what was shown")


def test_many_with_refused_token(house):
    """20 processes whose token is refused make one question of it"""
    with busy(house) as server:
        server.entra.revoke_access()
        results = crowd(house, server, 20, "Connecting to")
        tap.same(codes(results), [OK], "the exit codes")
        tap.same(len(oauth.asked(server)), 1, "the number of questions")
        tap.same(len(server.accepted), 21, "the number of messages")


def test_many_with_new_account(house):
    """20 processes of an account that never sent make one question of it, too"""
    with house.signed_in(left=-10, account={"max_connections": CROWD}) as server:
        results = crowd(house, server, 20, "Waiting for a connection")
        tap.same(codes(results), [OK], "the exit codes")
        tap.same(len(oauth.asked(server)), 1, "the number of questions")


def test_many_in_vain(house):
    """20 processes whose question is refused ask once, and all stop the queue"""
    with busy(house) as server:
        server.store.plant(*server.before, left=-10)
        server.entra.fault("token", {"status": 400, "json": {"error": "invalid_grant"},
                                     "hold": True})
        results = crowd(house, server, 20, "Waiting for a connection")
        tap.same(codes(results), [STOP], "the exit codes")
        tap.same(len(oauth.asked(server)), 1, "the number of questions")


# -- applications ------------------------------------------------------------------------------

def test_client_secret(house):
    """An application signs in with its secret; the token is kept, and no login is needed"""
    path = oauth.secret_file(house.folder / "secrets", SECRET)
    with house.office(auth="oauth-app", application={"secret": SECRET},
                      account={"client_secret_file": path}) as server:
        for number in range(2):
            uuid = backend.UUID[:-1] + str(number)
            tap.same(house.print(server, uuid=uuid).code, OK, f"exit code {number}")
        form, = oauth.asked(server)
        tap.same(form, {"grant_type": "client_credentials", "client_secret": SECRET,
                        "client_id": server.application.id, "scope": oauth.APP_SCOPE},
                 "the question")
        known = server.store.read()
        tap.same((known.refresh, known.login), ("", 0), "the refresh token and the login")
        tap.same(len(server.accepted), 2, "the number of messages")


def test_wrong_client_secret(house):
    """A wrong client secret stops the queue, and mending it mends that at once"""
    path = oauth.secret_file(house.folder / "secrets", "wrong")
    with house.office(auth="oauth-app", application={"secret": SECRET},
                      account={"client_secret_file": path}) as server:
        oauth.stopped(house, server, "7000215", "client_secret_file")
        oauth.secret_file(house.folder / "secrets", SECRET)
        tap.same(house.print(server).code, OK, "the exit code with the right one")


def certified(house, signature=None, pair=None, **application):
    """An office whose application has a certificate; `pair` is what the settings name."""
    pem, key = pair or house.pair
    return house.office(auth="oauth-app", application={"certificate": house.pair[0],
                                                       **application},
                        account={"certificate_file": pem, "key_file": key,
                                 "signature": signature})


def test_certificate(house):
    """An application signs in with an assertion by its certificate, which is verified"""
    for signature in ("PS256", "RS256"):
        how = None if signature == "PS256" else "rs256"
        with certified(house, how, algorithms=(signature,)) as server:
            tap.same(house.print(server).code, OK, f"the exit code with {signature}")
            form, = oauth.asked(server)
            tap.same(sorted(form), ["client_assertion", "client_assertion_type", "client_id",
                                    "grant_type", "scope"], "the form")
            tap.same(form["client_assertion_type"], entra.ASSERTION_TYPE, "the type")
            tap.same(len(server.accepted), 1, "the number of messages")


def test_certificate_refused(house):
    """A certificate that is not the registered one stops the queue, with the advice"""
    with certified(house, pair=house.other) as server:
        oauth.stopped(house, server, "700027", "certificate")


def test_certificate_unusable(house):
    """A key that others can read, of another certificate, or no key: exit 4, nobody is asked"""
    pem, key = house.pair
    loose = key.with_name("loose.key")
    loose.write_bytes(key.read_bytes())
    loose.chmod(0o644)
    nothing = oauth.secret_file(house.folder / "secrets", "nothing", "nothing.key")
    for pair in ((pem, loose), (pem, house.other[1]), (pem, nothing),
                 (pem, key.with_name("missing.key"))):
        with certified(house, pair=pair) as server:
            oauth.stopped(house, server, pair[1].name)
            tap.same(server.entra.requests, [], "the requests")
    loose.unlink()


def test_application_without_mailbox(house):
    """An application that has no right to the mailbox: one new token, then the queue stops"""
    with certified(house) as server:
        server.entra.mailboxes.clear()
        oauth.stopped(house, server, "the application", "535", shown=2)
        tap.same(len(oauth.asked(server)), 2, "the number of questions")


# -- who asks ----------------------------------------------------------------------------------

def test_root_does_not_ask(house):
    """The process that talks to the sign-in service is not root, and root has no socket"""
    with house.signed_in(left=-10) as server:
        server.entra.fault("token", "wait")
        with house.start(server) as run:
            assert server.entra.wait("token"), "it was never asked"
            supervisor, worker = sorted(run.family(), key=lambda entry: int(entry.name))
            for entry, most in ((supervisor, 0), (worker, 1)):
                table = (entry / "net" / "tcp").read_text()
                inodes = {line.split()[9] for line in table.splitlines()[1:]}
                links = [os.readlink(link) for link in (entry / "fd").iterdir()]
                count = sum(link.startswith("socket:") and link[8:-1] in inodes
                            for link in links)
                tap.same(count, most, f"the connections of {entry}")
            owner = next(line.split()[1] for line in (worker / "status").read_text()
                         .splitlines() if line.startswith("Uid"))
            assert owner != "0", "the worker is root"
            links = [os.readlink(link) for link in (worker / "fd").iterdir()]
            tap.absent("tokens", " ".join(links), "the worker's open files")
            server.entra.release.set()
            tap.same(run.finish().code, OK, "the exit code")


def test_killed_while_asking(house):
    """A process that is killed while it asks keeps nobody from asking again"""
    with house.signed_in(left=-10) as server:
        server.entra.fault("token", "wait")
        with house.start(server) as run:
            assert server.entra.wait("token"), "it was never asked"
            os.killpg(run.process.pid, 9)
            run.process.wait()
        started = time.monotonic()
        tap.same(house.print(server).code, OK, "the exit code")
        assert time.monotonic() - started < 5, "it waited for the dead"
        tap.same(len(oauth.asked(server)), 2, "the number of questions")


# -- secrets -----------------------------------------------------------------------------------

def watched(house, server, stage, *secrets, **how):
    """Prints, and looks at what others can see: while the sign-in service or the submission
    server keeps it waiting, and when it is over."""
    wait = (lambda: server.entra.wait(stage)) if stage == "token" else (
        lambda: server.wait(stage))
    with house.start(server, **how) as run:
        assert wait(), f"{stage} was never reached: {run.said()}"
        family = run.family()
        tap.same(len(family), 2, "the number of processes")
        known = oauth.canaries(server, *secrets)
        oauth.search_processes(family, known)
        server.entra.release.set()
        server.release.set()
        result = house.last = run.finish()
    known = oauth.canaries(server, *secrets)  # also those that came meanwhile
    oauth.search(result.log.encode(), known, "the log")
    oauth.search(bytes(server.bare), known, "the bytes outside TLS")
    files = oauth.search_files(server.settings.parent, known)
    assert files >= 3, f"only {files} files below {server.settings.parent} were looked at"
    oauth.search_files(house.tmp, known)
    oauth.search_files(house.folder / "secrets", known)  # what may be there is root's alone
    return result


def test_canary_login(house):
    """No token of a login is in a log, an argument, the environment, a core or an open file"""
    for stage in ("token", "rcpt"):
        with house.signed_in({"faults": {"rcpt": "wait"}}, left=-10) as server:
            if stage == "token":
                server.entra.fault("token", "wait")
                server.release.set()
            tap.same(watched(house, server, stage).code, OK, "the exit code")
            assert server.settings.with_name("log").read_text(), "no record was written"


def test_canary_refused(house):
    """Nor when server and service refuse, and repeat what they were shown"""
    with house.signed_in({"faults": {"auth": "wait"}}) as server:
        refresh, access = server.before
        server.entra.faults["token"] = {"status": 400, "hold": True, "json": {
            "error": "invalid_grant", "error_description": f"AADSTS70000: {access} {refresh}"}}
        server.script.always["auth"] = scripted.Action(f"535 5.7.3 {access} is no good")
        tap.same(watched(house, server, "token").code, STOP, "the exit code")


def test_canary_application(house):
    """Nor does the client secret of an application get out, nor its key"""
    path = oauth.secret_file(house.folder / "secrets", SECRET)
    with house.office({"faults": {"rcpt": "wait"}}, auth="oauth-app",
                      application={"secret": SECRET},
                      account={"client_secret_file": path}) as server:
        tap.same(watched(house, server, "rcpt", SECRET).code, OK, "the exit code")
    key = "".join(house.pair[1].read_text().splitlines()[1:-1])
    with certified(house) as server:
        server.entra.fault("token", "wait")
        tap.same(watched(house, server, "token", key).code, OK, "the exit code")


class House(oauth.TokenHouse):
    """With the certificates of two applications."""

    def __enter__(self):
        super().__enter__()
        self.pair = oauth.certificate(self.folder / "secrets")
        self.other = oauth.certificate(self.folder / "secrets", "other")
        return self


if __name__ == "__main__":
    tap.run(globals(), House)
