#!/usr/bin/python3 -B
"""Signing in with tokens when something is wrong with the sign-in service, with what it says, or
with what is on the disk. The tests of the tables are met side by side at the start."""
import os
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))
from rig import backend, oauth, tap  # noqa: E402
from rig.backend import OK, RETRY, STOP  # noqa: E402

LOGIN = "postroom login"  # what a sentence asks for


class House(tap.SideBySide, oauth.TokenHouse):
    """The tests of the tables are met at its start."""


# -- the authorization server in trouble -------------------------------------------------------

HTML = {"status": 200, "body": "<html>Sign in to the hotel</html>",
        "fields": {"Content-Type": "text/html"}}
TOKEN = {"token_type": "Bearer", "expires_in": 3599}
TROUBLE = {
    "closes without an answer": "close",
    "resets the connection": "reset",
    "talks no HTTP": {"raw": "220 mail.example ESMTP\r\n"},
    "has trouble (500)": {"status": 500, "body": "oops"},
    "has trouble (503) in HTML": {**HTML, "status": 503},
    "says temporarily_unavailable": "temporarily_unavailable",
    "answers with a page of the network's": HTML,
    "redirects": lambda server: {
        "status": 302, "fields": {"Location": f"{server.entra.url}/elsewhere"}},
    "answers with nonsense": {"status": 200, "body": "{\"access_token\": \udcff"},
    "answers with nothing": {"status": 200, "body": ""},
    "answers with an array": {"status": 200, "json": [TOKEN]},
    "gives no access token": {"status": 200, "json": TOKEN},
    "gives a token with a line end": {"status": 200, "json": {
        **TOKEN, "access_token": "abc\r\nMAIL FROM:<x@example.com>"}},
    "gives a token with a separator": {"status": 200, "json": {
        **TOKEN, "access_token": "abc\1host=evil.example"}},
    "gives a token that is too long": {"status": 200, "json": {
        **TOKEN, "access_token": "a" * 9000}},
    "breaks off in the answer": {"status": 200, "json": {**TOKEN, "access_token": "abc"},
                                 "cut": 20},
    "answers without end": {"status": 200, "body": "{\"a\":\"", "endless": "a"},
    "nests without end": {"status": 200, "body": "{\"a\":", "endless": "["},
}


def trouble(action):
    def meet(house):
        with house.signed_in(left=-10) as server:
            server.entra.faults["token"] = action(server) if callable(action) else action
            result = house.print(server)
            tap.same(result.code, RETRY, "the exit code")
            tap.same(server.commands, [], "what the submission server heard")
            tap.same(len(server.entra.heads), 1, "the number of requests")
            assert server.entra.endless < 1 << 25, f"{server.entra.endless} bytes were taken"
            known = server.store.read()
            tap.same(known.refresh, server.before[0], "the refresh token")
            assert 0 < known.pause <= 60 and known.failed, f"a pause of {known.pause} s"
            server.entra.faults.clear()
            server.store.plant(server.before[0])  # the pause is over
            tap.same(house.print(server).code, OK, "the exit code when all is well")
            tap.same(len(server.accepted), 1, "the number of messages")
    return meet


for _number, (_what, _action) in enumerate(TROUBLE.items()):
    globals()[f"test_trouble_{_number}"] = tap.side_by_side(
        f"A sign-in service that {_what}: the job waits, and goes when that is over",
        trouble(_action))


def test_service_down(house):
    """A sign-in service where nobody listens: the job waits"""
    with house.signed_in(left=-10) as server:
        server.entra.listener.socket.close()
        result = house.print(server)
        tap.same(result.code, RETRY, "the exit code")
        tap.among("localhost", result.log, "the log")
        tap.same(server.commands, [], "what the submission server heard")


def test_throttled(house):
    """A sign-in service that throttles names the wait; nobody asks meanwhile"""
    with house.signed_in(left=-10) as server:
        server.entra.faults["token"] = {"status": 429, "fields": {"Retry-After": "45"}}
        with house.start(server) as run:
            assert server.entra.wait("token"), "it was never asked"
            assert run.wait(lambda: server.store.read().pause > 0), run.said()
            pause = server.store.read().pause
            assert 40 < pause <= 45, f"a pause of {pause} s"
            with house.start(server, uuid=backend.UUID[:-1] + "f", number=18) as other:
                assert other.wait_said("next try"), other.said()
                for each in (run, other):
                    each.terminate()
                    each.finish()
        tap.same(len(oauth.asked(server)), 1, "the number of questions")
        tap.same(server.commands, [], "what the submission server heard")


def test_stop_while_asking(house):
    """A job that is cancelled while the sign-in service does not answer gives it ten seconds"""
    for silence in ("hang", "stall"):
        with house.signed_in(left=-10) as server:
            server.entra.faults["token"] = silence
            with house.start(server) as run:
                assert server.entra.wait("token"), "it was never asked"
                run.terminate()
                result = run.finish()
            assert 9 < result.seconds < 13, f"{result.seconds} s to the end"
            tap.same(run.left_behind(), [], "the processes left")
            tap.same(server.store.read().refresh, server.before[0], "the refresh token")


def test_wrong_certificate_of_service(house):
    """A sign-in service with a wrong certificate gets no refresh token: the queue stops"""
    with house.signed_in(left=-10) as server:
        server.entra.context = house.kit.context("unknown-ca")
        oauth.stopped(house, server, "localhost", "certificate")
        tap.same(server.entra.requests, [], "the requests")


# -- refusals that need a person ---------------------------------------------------------------

REFUSALS = [
    # Microsoft's number, what the sentence must name
    (700082, LOGIN), (50173, LOGIN), (70000, LOGIN), (70043, LOGIN),
    (65001, "consent"), (53003, "Conditional Access"), (50076, "multifactor"),
    (50105, "assigned"), (50057, "disabled"), (700016, "client_id"), (90002, "tenant"),
    (7000112, "disabled"), (7000218, "public client flows"), (70011, "scope"),
    (700025, "client_secret_file"), (53000, "Conditional Access"),
]


def refusal(number, word):
    def meet(house):
        with house.signed_in(left=-10) as server:
            server.entra.faults["token"] = f"AADSTS{number}"
            result = oauth.stopped(house, server, word, str(number))
            tap.among(server.entra.correlations[-1], result.log, "the log")
            tap.same(len(oauth.asked(server)), 1, "the number of questions")
            tap.same(server.store.read().refresh, server.before[0], "the refresh token")
    return meet


for _number, _word in REFUSALS:
    globals()[f"test_aadsts_{_number}"] = tap.side_by_side(
        f"AADSTS{_number}: the queue stops, with a word on '{_word}' and the correlation id",
        refusal(_number, _word))


def test_locked_account(house):
    """AADSTS50053, too many wrong tries: no queue stops, and nobody asks for a long while"""
    with house.signed_in(left=-10) as server:
        server.entra.faults["token"] = "AADSTS50053"
        with house.start(server) as run:
            assert run.wait(lambda: server.store.path.exists() and
                            server.store.read().pause > 0), run.said()
            assert server.store.read().pause > 10 * 60, f"{server.store.read().pause} s"
            run.terminate()
            run.finish()
        tap.same(server.commands, [], "what the submission server heard")


def test_hostile_refusal(house):
    """A refusal's words cannot command cupsd, and repeat no token to the log"""
    with house.signed_in(left=-10) as server:
        refresh, access = server.before
        server.entra.faults["token"] = {"status": 400, "json": {
            "error": "invalid_grant", "correlation_id": "x\nSTATE: +com.example.a",
            "error_description": f"AADSTS70000: no {access[:150]} {access}\r\nSTATE: "
                                 f"+com.example.b\nERROR: \x1b[31m{refresh} {'x' * 100000}"}}
        result = oauth.stopped(house, server, LOGIN, "invalid_grant")
        for line in result.log.splitlines():
            assert not line.startswith("STATE: +com."), f"injected: {line!r}"
        tap.absent("\x1b", result.log, "the log")
        oauth.search(result.log.encode(), oauth.canaries(server), "the log")


# -- what is on the disk -----------------------------------------------------------------------

def test_nobody_signed_in(house):
    """Where nobody has signed in the queue stops and names the command"""
    with house.office() as server:
        oauth.stopped(house, server, LOGIN)
        tap.same(server.entra.requests, [], "the requests")


def test_other_settings(house):
    """Tokens that belong to other settings are neither shown nor asked with"""
    changes = [("username", "other@example.com"), ("client_id", "other"),
               ("tenant", "elsewhere.example"), ("scope", "https://other.example/Send"),
               ("server", "127.0.0.1"), ("token_url", "https://localhost:1/token")]
    for key, value in changes:
        with house.signed_in() as server:
            if key == "server":
                value = f"{value}:{server.port}"
            text = server.settings.read_text()
            lines = [line for line in text.splitlines() if not line.startswith(f"{key} =")]
            head = lines.index("[account office365]") + 1
            lines.insert(head, f"{key} = {value}")
            server.settings.write_text("\n".join(lines) + "\n")
            oauth.stopped(house, server, LOGIN, "have changed")
            tap.same(server.entra.requests, [], f"the requests with another {key}")
            tap.same(server.store.read().access, server.before[1], "the store")


def _flip(path):
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(bytes(data))


def _link(path):
    other = path.with_name("other")
    path.rename(other)
    path.symlink_to(other)


def _fifo(path):
    path.unlink()
    os.mkfifo(path, 0o600)


WORKER = 65534  # nobody
STORES = {
    "has a flipped bit": _flip,
    "is cut off": lambda path: path.write_bytes(path.read_bytes()[:-10]),
    "is empty": lambda path: path.write_bytes(b""),
    "is too large": lambda path: path.write_bytes(b"x" * (1 << 20)),
    "holds nonsense": lambda path: path.write_bytes(bytes(range(256)) * 8),
    "can be read by others": lambda path: path.chmod(0o644),
    "is the worker's own": lambda path: os.chown(path, WORKER, 0),
    "is a symbolic link": _link,
    "has a second name": lambda path: os.link(path, path.with_name("other")),
    "is a FIFO": _fifo,
    "is a folder": lambda path: (path.unlink(), path.mkdir(0o700)),
    "lies in a folder of the worker's": lambda path: os.chown(path.parent, WORKER, 0),
}


def changed_store(change):
    def meet(house):
        with house.signed_in() as server:
            change(server.store.path)
            result = house.print(server)
            tap.same(result.code, STOP, "the exit code")
            assert "tokens" in result.log, result.log
            tap.same(server.credentials, [], "the credentials")
            tap.same(server.entra.requests, [], "the requests")
            for token in server.before:
                tap.absent(token[-32:], result.log, "the log")
    return meet


for _number, (_what, _change) in enumerate(STORES.items()):
    globals()[f"test_store_{_number}"] = tap.side_by_side(
        f"A store that {_what}: exit 4, no token is shown", changed_store(_change))


if __name__ == "__main__":
    tap.run(globals(), House)
