#!/usr/bin/python3 -B
"""Signing in where it ends otherwise than it began: jobs that are stopped meanwhile, settings and
files that change below a job, sentences that the next one repeats; and what a queue says of the
end of passwords."""
import contextlib
import datetime
import os
import re
import socket
import stat
import subprocess
import sys
import threading
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))
import rig  # noqa: E402
from rig import backend, oauth, settings, tap  # noqa: E402
from rig.backend import OK, RETRY, STOP  # noqa: E402
from fakes import scripted  # noqa: E402 (rig has put it on the path)

NEXT = backend.UUID[:-1] + "f"  # another job
SECRET = "Qz8~canary-client-secret-77ac3"
SLOW = 3  # seconds: longer than a stopped job lives that waits for nothing
AT_ONCE = 5  # seconds; a stay that nothing ends lasts for LONG
LONG = "10m"
LOGIN = f"postroom login {oauth.ACCOUNT}"
REFUSED = "535 5.7.3 Authentication unsuccessful [FR3P281CA0123 2026-11-22T20:00:00.000Z 08DE]"
PASSWORDS_OFF = "550 5.7.30 Basic authentication is not supported for Client Submission."
UNSUCCESSFUL = "535 5.7.139 Authentication unsuccessful"


def nothing_sent(server):
    tap.same(server.commands, [], "what the submission server heard")


def sentence(result, level="ERROR"):
    """The queue's message: the one line of this level."""
    lines = re.findall(f"^{level}: (.*)$", result.log, re.MULTILINE)
    tap.same(len(lines), 1, f"the number of lines ({result.log})")
    return lines[0]


def keeps(server, refresh):
    """That refresh token is stored, and a job can still go by it."""
    known = server.store.read()
    tap.same(known.refresh == refresh, True, "whether the refresh token is that one")
    tap.same((known.failed, known.pause), ("", 0), "the last failure")


# -- a job that is stopped while it signs in -----------------------------------------------------

def test_stopped_while_answered(house):
    """A job that is stopped while the answer is under way keeps the rotated refresh token"""
    with house.signed_in(left=-10) as server:
        server.entra.rotation = "strict"
        server.entra.release.set()
        server.entra.fault("token", {"pause": SLOW, "then": "wait"})
        with house.start(server) as run:
            assert server.entra.wait("token"), "it was never asked"
            run.terminate()
            result = house.last = run.finish()
        tap.same(result.code, RETRY, "the exit code of the stopped one")
        assert SLOW - 1 < result.seconds < SLOW + 3, f"{result.seconds} s to the end"
        tap.same(run.left_behind(), [], "the processes left")
        nothing_sent(server)
        known = server.store.read()
        assert known.refresh != server.before[0], "the used refresh token is still there"
        keeps(server, known.refresh)
        tap.same(house.print(server, uuid=NEXT).code, OK, "the exit code of the next one")
        tap.same(oauth.shown(server), [("XOAUTH2", known.access)], "what was shown")
        server.store.plant(known.refresh)  # its access token is over
        tap.same(house.print(server, uuid=backend.UUID[:-1] + "e").code, OK,
                 "the exit code of one that asks anew")
        tap.same([form["refresh_token"] for form in oauth.asked(server)],
                 [server.before[0], known.refresh], "what was asked with")


class Door:
    """A port before another one. Who comes waits, until it is opened. A context manager."""

    def __init__(self, port):
        self.behind, self.opened = port, False
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        self.sockets = []

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.listener.close()
        for each in self.sockets:
            each.close()

    def open(self):
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self):
        with contextlib.suppress(OSError):
            while True:
                ours, _ = self.listener.accept()
                theirs = socket.create_connection(("127.0.0.1", self.behind))
                self.sockets += [ours, theirs]
                for pair in ((ours, theirs), (theirs, ours)):
                    threading.Thread(target=self._carry, args=pair, daemon=True).start()

    @staticmethod
    def _carry(source, target):
        with contextlib.suppress(OSError):
            while block := source.recv(65536):
                target.sendall(block)
        with contextlib.suppress(OSError):
            target.shutdown(socket.SHUT_WR)


def test_stopped_before_question(house):
    """A job that is stopped before its question left ends soon, and keeps nobody else away"""
    with house.office() as server, Door(server.entra.port) as door:
        url = f"https://localhost:{door.port}/{server.entra.tenant}/oauth2/v2.0/token"
        amend(server, ("auth =", f"token_url = {url}\nauth ="))
        server.store = oauth.Store(server.settings)
        refresh = server.entra.grant(server.application, settings.USER, oauth.SCOPE)
        server.store.plant(refresh)
        with house.start(server) as run:
            assert run.wait_said("Signing in"), run.said()
            run.terminate()
            result = house.last = run.finish()
        tap.same(result.code, RETRY, "the exit code of the stopped one")
        assert result.seconds < 3, f"{result.seconds} s to the end"
        tap.same(server.entra.requests, [], "the requests")
        keeps(server, refresh)
        door.open()
        tap.same(house.print(server, uuid=NEXT).code, OK, "the exit code of the next one")
        tap.same(len(oauth.asked(server)), 1, "the number of questions")


# -- settings that change below a job ------------------------------------------------------------

def amend(server, *changes):
    """Changes the settings: (what stands there, what will)."""
    text = server.settings.read_text()
    for old, new in changes:
        tap.among(old, text, "the settings")
        text = text.replace(old, new)
    server.settings.write_text(text)


def sign_in_anew(server):
    """Another registration takes the application's place, as auth = oauth-device, and somebody
    signs in for it; returns refresh and access token."""
    public = server.entra.register()
    text = re.sub("(client_secret_file|password_file) = .*\n", "", server.settings.read_text())
    server.settings.write_text(re.sub("auth = .*", "auth = oauth-device", text))
    amend(server, (server.application.id, public.id))
    server.application, server.store = public, oauth.Store(server.settings)
    tokens = (server.entra.grant(public, settings.USER, oauth.SCOPE),
              server.entra.issue(public, settings.USER, oauth.SCOPE, oauth.LIFETIME))
    server.store.plant(*tokens)
    return tokens


@contextlib.contextmanager
def streaming(house, server):
    """A job whose settings are loaded, and whose document is not all there yet: the rest comes at
    the end of the block, and house.last is how it ended."""
    ours, theirs = os.pipe()
    with os.fdopen(theirs, "wb", buffering=0) as end:
        with house.start(server, data=os.fdopen(ours, "rb")) as run:
            end.write(house.pdf[:100])
            assert run.wait(lambda: len(run.family()) > 1, 10), "there is no worker"
            yield
            end.write(house.pdf[100:])
            end.close()
            house.last = run.finish()


def goes_anew(house, server, access, asked=0):
    """The job that was begun before the change is put off, at once; its next run sends it."""
    tap.same(house.last.code, RETRY, "the exit code of the one before")
    assert house.last.seconds < AT_ONCE, f"{house.last.seconds} s to the end"
    tap.among("begun anew", house.last.log, "the log")
    tap.same(server.messages, [], "the messages")
    tap.same(house.print(server).code, OK, "the exit code of the next run")
    tap.same(oauth.shown(server)[-1:], [("XOAUTH2", access)], "what was shown")
    tap.same(len(server.accepted), 1, "the number of messages")
    tap.same(len(oauth.asked(server)), asked, "the number of questions")


def by_secret(house, **more):
    """An office whose application signs in with its secret."""
    path = oauth.secret_file(house.folder / "secrets", SECRET)
    more["account"] = {"client_secret_file": path, **more.get("account", {})}
    return house.office(auth="oauth-app", application={"secret": SECRET}, **more)


def test_login_below_application(house):
    """A job of an application leaves the login alone that came in its place, and goes by it"""
    with by_secret(house, postroom={"retry_after": LONG}) as server:
        with streaming(house, server):
            refresh, access = sign_in_anew(server)
        keeps(server, refresh)
        goes_anew(house, server, access)
        keeps(server, refresh)


def test_login_below_login(house):
    """A job that was begun before another login of another registration goes by that one"""
    with house.signed_in(postroom={"retry_after": LONG}) as server:
        with streaming(house, server):
            refresh, access = sign_in_anew(server)
        goes_anew(house, server, access)
        keeps(server, refresh)


def test_login_below_refused_token(house):
    """One whose token is refused while a login takes its place asks for no other one"""
    with by_secret(house, postroom={"retry_after": LONG}) as server:
        judge, tokens = server.tokens, []
        def change(_token, _mailbox):
            tokens.extend(sign_in_anew(server))
            server.tokens = judge
            return False
        server.tokens = change
        with house.start(server) as run:
            house.last = run.finish()
        keeps(server, tokens[0])
        goes_anew(house, server, tokens[1], asked=1)


def command(server, *arguments):
    done = subprocess.run(
        [rig.built("postroom"), *map(str, arguments)], stdin=subprocess.DEVNULL,
        env={"PATH": "/usr/bin:/bin", "POSTROOM_CONFIG": str(server.settings)},
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=60, check=False)
    tap.same(done.returncode, 0, f"the exit code ({done.stdout.decode()})")


@contextlib.contextmanager
def with_password(house, script=None, **sections):
    """An office whose account still has its password; `server.over` is the way over by its
    application."""
    path = oauth.secret_file(house.folder / "secrets", SECRET)
    with by_secret(house, script=script, **sections) as server:
        secret = settings.secret_of(server.settings)
        amend(server, ("auth = oauth-app", f"auth = password\npassword_file = {secret}"),
              (f"client_id = {server.application.id}\n", ""),
              (f"client_secret_file = {path}\n", ""))
        server.over = ("login", oauth.ACCOUNT, "--app", "--client-id", server.application.id,
                       "--secret-file", path, "--no-test")
        yield server


def test_way_over_below_job(house):
    """The way over while a job streams, also with --forget-password: it goes by the new way"""
    for forget in (False, True):
        with with_password(house, postroom={"retry_after": LONG}) as server:
            with streaming(house, server):
                command(server, *server.over)
                if forget:
                    command(server, "login", oauth.ACCOUNT, "--forget-password")
                there = settings.secret_of(server.settings).exists()
                tap.same(there, not forget, "whether there is a password")
            server.store = oauth.Store(server.settings)
            goes_anew(house, server, server.store.read().access, asked=1)


def test_way_over_below_refused_password(house):
    """A password that is refused when its account has just gone over stops no queue"""
    with with_password(house, postroom={"retry_after": LONG}) as server:
        reach, refusals = server.script.reach, [scripted.Action(PASSWORDS_OFF)]
        def change(stage):
            if stage == "auth" and refusals:
                command(server, *server.over)
                reach(stage)
                return refusals.pop()
            return reach(stage)
        server.script.reach = change
        with house.start(server) as run:
            house.last = run.finish()
        server.store = oauth.Store(server.settings)
        tap.among("5.7.30", house.last.log, "the log")
        goes_anew(house, server, server.store.read().access, asked=1)


def test_settings_as_they_were(house):
    """Where nothing has changed, the same refusal does stop the queue"""
    with with_password(house, {"faults": {"auth": PASSWORDS_OFF}}) as server:
        tap.same(house.print(server).code, STOP, "the exit code")


# -- files that change while a job waits ---------------------------------------------------------

@contextlib.contextmanager
def waiting(house, server):
    """A job that waits for LONG, until the sign-in service has no trouble any more."""
    server.entra.faults["token"] = {"status": 503}
    with house.start(server) as run:
        assert run.wait_said("next try"), run.said()
        tap.same(run.process.poll(), None, "the end")
        server.entra.faults.clear()
        yield
        house.last = run.finish(AT_ONCE)
    tap.same(house.last.code, RETRY, "the exit code")
    tap.same(house.print(server).code, OK, "the exit code of the next run")


def test_file_changed_elsewhere(house):
    """A wait ends at once when certificate, key or client secret change, wherever they lie"""
    pairs = [oauth.certificate(house.folder / name) for name in ("one", "two")]
    places = [house.folder / "here" / "a.pem", house.folder / "there" / "a.key"]
    for place, source in zip(places, pairs[0]):
        place.parent.mkdir(mode=0o700)
        place.touch(mode=0o600)
        place.write_bytes(source.read_bytes())
    for place in places:
        with house.office(auth="oauth-app", application={"certificate": pairs[0][0]},
                          account=dict(zip(("certificate_file", "key_file"), places)),
                          postroom={"retry_after": LONG}) as server:
            with waiting(house, server):
                other = place.with_name("new")
                other.touch(mode=0o600)
                other.write_bytes(place.read_bytes())
                other.rename(place)
    with by_secret(house, postroom={"retry_after": LONG}) as server:
        with waiting(house, server):
            oauth.secret_file(house.folder / "secrets", SECRET)


def test_login_while_waiting(house):
    """Nor is a login waited out: the tokens' folder is watched, too"""
    with house.signed_in(left=-10, postroom={"retry_after": LONG}) as server:
        with waiting(house, server):
            refresh = server.entra.grant(server.application, settings.USER, oauth.SCOPE)
            server.store.plant(refresh, login=0xf00d)


# -- what is said of a refusal -------------------------------------------------------------------

def test_second_job_repeats(house):
    """The next job after a refused token says the same, and nothing of passwords"""
    with house.signed_in(postroom={"retry_after": LONG}) as server:
        server.script.always["auth"] = scripted.Action(REFUSED)
        first = sentence(oauth.stopped(house, server, "access token", LOGIN, shown=2))
        with house.start(server, uuid=NEXT) as run:
            assert run.wait_said("next try"), run.said()
            said = re.findall("^WARNING: (.*); next try at", run.said(), re.MULTILINE)
            run.terminate()
            house.last = run.finish()
        tap.same([each.endswith(f": {first}") for each in said], [True],
                 f"whether that says it ({said})")
        for text in (first, house.last.log):
            for word in ("password_file", "app password", "wrong password"):
                tap.absent(word, text, "what is said")
        tap.same(len(server.credentials), 2, "the number of tokens shown")


# What is refused, how many tokens are shown, what the sentence must name.
TOKEN_REFUSALS = {
    "5.7.3": (REFUSED, 2, "takes no access token", "also not a new one",
              "username is the mailbox"),
    "5.7.30": (PASSWORDS_OFF, 1, "takes no access token", "username is the mailbox"),
    "5.7.139, basic authentication": (
        f"{UNSUCCESSFUL}, basic authentication is disabled.", 1, "takes no access token"),
    "5.7.139, tenant": (f"{UNSUCCESSFUL}, SmtpClientAuthentication is disabled for the Tenant.",
                        1, "SMTP AUTH is switched off"),
    "5.7.139, mailbox": (f"{UNSUCCESSFUL}, SmtpClientAuthentication is disabled for the "
                         "Mailbox.", 1, "SMTP AUTH is switched off"),
    "5.7.139, criteria": (f"{UNSUCCESSFUL}, the request did not meet the criteria to be "
                          "authenticated successfully. Contact your administrator.",
                          2, "Conditional Access"),
    "5.7.139, defaults": (f"{UNSUCCESSFUL}, user is locked by your organization's security "
                          "defaults policy. Contact your administrator.", 1, "security defaults"),
}


def token_refused(name, reply, shown, *words):
    def test(house):
        with house.signed_in(postroom={"retry_after": "1s"}) as server:
            server.script.always["auth"] = scripted.Action(reply)
            result = oauth.stopped(house, server, shown=shown)
            said = sentence(result)
            for word in (*words, re.match(r"\S+ \S+", reply).group()):
                tap.among(word, said, "the queue's message")
            for word in ("password_file", "app password", "takes no passwords", "to OAuth"):
                tap.absent(word, said, "the queue's message")
            if shown == 1:
                tap.absent("not a new one", said, "the queue's message")
            tap.same(len(oauth.asked(server)), shown - 1, "the number of questions")
    test.__doc__ = f"A token that is refused with {name}: the queue stops, in the right words"
    return test


def test_token_refused_late(house):
    """Passwords that are off, said at MAIL to a token account: the queue stops, in its words"""
    with house.signed_in(postroom={"retry_after": "1s"}) as server:
        server.script.always["mail"] = scripted.Action(PASSWORDS_OFF)
        said = sentence(oauth.stopped(house, server, shown=1))
        tap.among("takes no access token", said, "the queue's message")
        tap.absent("to OAuth", said, "the queue's message")


for _number, (_name, _row) in enumerate(TOKEN_REFUSALS.items()):
    globals()[f"test_token_refused_{_number}"] = token_refused(_name, *_row)


def way_over_named(name, reply, level):
    def test(house):
        script = {"faults": {"auth": reply}}
        with house.server(script, postroom={"retry_after": LONG}) as server:
            with house.start(server) as run:
                assert run.wait(lambda: f"{level}: " in run.said()), run.said()
                if level == "WARNING":
                    run.terminate()  # it would be tried again
                result = house.last = run.finish()
            tap.same(result.code, STOP if level == "ERROR" else RETRY, "the exit code")
            said = sentence(result, level)
            for word in (LOGIN, re.match(r"\S+ \S+", reply).group()):
                tap.among(word, said, "the queue's message")
            tap.same(said.count(LOGIN), 1, "how often it is named")
    test.__doc__ = f"A password that is refused with {name}: the queue names the way over"
    return test


test_way_over_named_0 = way_over_named("5.7.30", PASSWORDS_OFF, "ERROR")
test_way_over_named_1 = way_over_named(
    "5.7.139", f"{UNSUCCESSFUL}, basic authentication is disabled.", "ERROR")
test_way_over_named_2 = way_over_named(
    "5.7.139 and no reason", f"{UNSUCCESSFUL}.", "WARNING")


def test_way_over_not_named(house):
    """A password that is just wrong is no reason to name it"""
    with house.server({"faults": {"auth": REFUSED}},
                      postroom={"auth_patience": "0s"}) as server:
        result = house.print(server)
        tap.same(result.code, STOP, "the exit code")
        tap.absent(LOGIN, result.log, "the log")


# -- until when there are passwords --------------------------------------------------------------

def dates_file(house, days):
    """Passwords are off after so many days."""
    last = datetime.date.today() + datetime.timedelta(days)
    path = house.folder / f"dates-{days}"
    path.write_text(f"[password example]\nhosts = localhost\noff_by_default = {last}\n")
    path.chmod(0o644)
    return path


def test_reminder(house):
    """The end of passwords is told of once a day, and not with the next job"""
    path = dates_file(house, 30)
    with house.server(postroom={"dates_file": path}) as server:
        results = [house.print(server, uuid=f"{backend.UUID[:-1]}{n}") for n in range(3)]
        tap.same([each.code for each in results], [OK] * 3, "the exit codes")
        said = sentence(results[0], "WARNING")
        tap.same(said.startswith(f"account {oauth.ACCOUNT}: "), True, f"whose it is ({said})")
        tap.among(LOGIN, said, "what is said")
        for each in results[1:]:
            tap.absent(LOGIN, each.log, "the log of a later job")
        stamp = settings.state_of(server.settings) / "tokens" / f"{oauth.ACCOUNT}.reminded"
        tap.same((stamp.stat().st_uid, stat.S_IMODE(stamp.stat().st_mode)), (0, 0o600),
                 "the stamp's owner and mode")
        yesterday = stamp.stat().st_mtime - 24 * 3600
        os.utime(stamp, (yesterday, yesterday))
        result = house.print(server, uuid=NEXT)
        tap.same(sentence(result, "WARNING"), said, "what is said a day later")


def test_reminder_for_tokens(house):
    """Who has gone over to tokens is not told"""
    path = dates_file(house, 30)
    with house.signed_in(postroom={"dates_file": path}) as server:
        result = house.print(server)
        tap.same(result.code, OK, "the exit code")
        tap.absent(f"account {oauth.ACCOUNT}: ", result.log, "the log")


if __name__ == "__main__":
    tap.run(globals(), oauth.TokenHouse)
