#!/usr/bin/python3 -B
"""What servers say where tokens are asked for and shown: no secret of ours is repeated to log,
record or queue, and what passes by itself stops no queue. All are met side by side."""
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))
from rig import oauth, tap  # noqa: E402
from rig.backend import OK, RETRY  # noqa: E402

SECRET = "GOCSPX-a1B2c3D4e5F6g7H8i9J0k1L2m3N"  # of Google's form: 34 characters
PIECE = 12  # characters in a row that give it away


class House(tap.SideBySide, oauth.TokenHouse):
    """All tests are met at its start."""


def untold(server, result, secret):
    """No piece of the secret is in the log, nor in what is kept of the job."""
    texts = {"the log": result.log.encode()}
    for path in server.settings.parent.rglob("*"):
        if path.is_file() and path.parent.name not in oauth.KEPT:
            texts[str(path)] = path.read_bytes()
    for place in range(0, len(secret) - PIECE, 4):
        for name, text in texts.items():
            tap.absent(secret[place:place + PIECE].encode(), text, name)


# -- secrets that come back --------------------------------------------------------------------

def refusal(words):
    return {"status": 401, "json": {"error": "invalid_client", "error_description": words}}


SHAPES = ("The secret {} is wrong.", "First. Then '{}'", "client_secret={}&x=1")


def repeats_client_secret(shape):
    def meet(house):
        path = oauth.secret_file(house.folder / f"secret-{SHAPES.index(shape)}", SECRET)
        with house.office(auth="oauth-app", application={"secret": SECRET},
                          account={"client_secret_file": path}) as server:
            server.entra.faults["token"] = refusal(shape.format(SECRET))
            untold(server, oauth.stopped(house, server, "invalid_client"), SECRET)
    return meet


def repeats_refresh_token(shape):
    def meet(house):
        slashed = "1//0gAbC/dEfGhI/jKlMnO/pQrStU/vWxYz0/AbCdEfG/HiJkLmN"
        with house.signed_in(left=-10) as server:
            server.store.plant(slashed)
            server.entra.faults["token"] = refusal(shape.format(slashed))
            untold(server, oauth.stopped(house, server, "invalid_client"), slashed)
    return meet


for _number, _shape in enumerate(SHAPES):
    globals()[f"test_client_secret_{_number}"] = tap.side_by_side(
        f"A client secret that a refusal repeats is left out: {_shape}",
        repeats_client_secret(_shape))
    globals()[f"test_refresh_token_{_number}"] = tap.side_by_side(
        f"A refresh token with slashes that a refusal repeats is left out: {_shape}",
        repeats_refresh_token(_shape))


def nonsense_at_auth(house):
    answers = []
    with house.signed_in({"faults": {"auth": answers}}) as server:
        access = server.before[1]
        answers += [{"raw": f"token {access[:73]} is bad\r\n"}, None]
        result = house.print(server)
        tap.same(result.code, RETRY, "the exit code")
        tap.among("is no SMTP reply", result.log, "the log")
        untold(server, result, access[:73])
        tap.same(house.print(server).code, OK, "the exit code when all is well")


test_nonsense_at_auth = tap.side_by_side(
    "A submission server that repeats the token in a line that is no reply: it is not quoted, "
    "and the job waits", nonsense_at_auth)


# -- what passes -------------------------------------------------------------------------------

PAGE = "<!DOCTYPE html><html><title>Sign in to the hotel</title></html>"
PASSING = {
    "403 and a page": ({"status": 403, "body": PAGE}, "no sign-in service"),
    "404 and a page": ({"status": 404, "body": PAGE}, "no sign-in service"),
    "407 and a page": ({"status": 407, "body": PAGE}, "no sign-in service"),
    "403 and text/html": ({"status": 403, "body": "Blocked",
                           "fields": {"Content-Type": "text/html"}}, "no sign-in service"),
}


def passes(action, *words):
    def meet(house):
        with house.signed_in(left=-10) as server:
            server.entra.faults["token"] = action
            result = house.print(server)
            tap.same(result.code, RETRY, "the exit code")
            for word in words:
                tap.among(word, result.log, "the log")
            tap.same(server.commands, [], "what the submission server heard")
            server.entra.faults.clear()
            server.store.plant(server.before[0])  # the pause is over
            result = house.print(server)
            assert result.code == OK, f"the exit code is {result.code}: {result.log}"
    return meet


for _number, (_what, _row) in enumerate(PASSING.items()):
    globals()[f"test_passing_{_number}"] = tap.side_by_side(
        f"A proxy's or portal's answer passes: {_what}", passes(*_row))


def bare_refusal(house):
    for status in (400, 403):
        with house.signed_in(left=-10) as server:
            server.entra.faults["token"] = {"status": status, "body": "",
                                            "fields": {"Content-Type": "text/plain"}}
            oauth.stopped(house, server, "without saying why", str(status))


test_bare_refusal = tap.side_by_side("A bare refusal is one: the queue stops", bare_refusal)


def clock_and_service(house):
    with house.signed_in(left=-10) as server:
        good = server.entra.context
        server.entra.context = house.kit.context("not-yet-valid")
        result = house.print(server)
        tap.same(result.code, RETRY, "the exit code")
        tap.among("this machine's clock", result.log, "the log")
        tap.same(server.entra.requests, [], "the requests")
        server.entra.context = good
        server.store.plant(server.before[0])  # the pause is over
        tap.same(house.print(server).code, OK, "the exit code when all is well")


test_clock_and_service = tap.side_by_side(
    "A sign-in service whose certificate is not valid yet: the job waits, and the clock is named",
    clock_and_service)


def misspelt(key):
    def meet(house):
        url = "https://login.postroom.invalid" + ("/token" if key == "token_url" else "")
        with house.signed_in(left=-10, account={key: url}) as server:
            server.store = oauth.Store(server.settings)
            server.store.plant(server.before[0])
            result = house.print(server)
            tap.same(result.code, RETRY, "the exit code")
            for word in ("login.postroom.invalid", f" {key} of account office365"):
                tap.among(word, result.log, "the log")
    return meet


for _key in ("authority", "token_url"):
    globals()[f"test_misspelt_{_key}"] = tap.side_by_side(
        f"A {_key} that leads nowhere: the sentence names it", misspelt(_key))


if __name__ == "__main__":
    tap.run(globals(), House)
