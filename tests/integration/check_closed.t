#!/usr/bin/python3 -B
"""`postroom check` on an account that is closed after a refused login: what it says, and that
jobs are kept away exactly as long as it says so."""
import os
import pwd
import re
import sys
import time
import zlib
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))
from rig import backend, command, journal, oauth, settings, tap  # noqa: E402
from rig.backend import STOP  # noqa: E402
from fakes import scripted  # noqa: E402 (rig has put it on the path)

REFUSED = "535 5.7.3 Authentication unsuccessful [FR3P281CA0123 2026-11-22T20:00:00.000Z 08DE]"
PAUSE = 15 * 60  # seconds from one try to the next
SECRET = "Qz8~canary-client-secret-77ac3"
# A job waits for long, and stops the queue at the first refusal.
PATIENCE = {"retry_after": "10m", "auth_patience": "0s"}


def check(server):
    """What it says of the account's being closed: the lines."""
    result = command.run(server.settings, "check")
    return [line for line in result.out.splitlines() if "closed until" in line]


def said(server):
    """The one line, without its time, which must be that of the next try."""
    before = time.time()
    line, = check(server)
    found = re.match(r"warning: closed until (\d\d:\d\d) after a refused login; ", line)
    assert found, f"not what is said of a closed account: {line!r}"
    tap.among(found[1], {time.strftime("%H:%M", time.localtime(before + PAUSE + ahead))
                         for ahead in range(-60, 3)}, "the time of the next try")
    return line[found.end():]


def state(server):
    return settings.state_of(server.settings) / "limits" / "office365.state"


def kept_away(house, server):
    """A job that comes now does not even connect."""
    logins = len(server.credentials)
    with house.start(server, uuid=backend.UUID[:-1] + "e") as run:
        assert run.wait_said("is tried once in 15 minutes"), run.said()
        run.terminate()
        house.last = run.finish()
    tap.same(len(server.credentials), logins, "the number of logins")


def closes(house, server):
    """A refused login closes the account, and check says so; it says nothing before."""
    logins = len(server.credentials)
    tap.same(house.print(server).code, STOP, "the exit code")
    assert len(server.credentials) > logins, "no login was tried"
    line = said(server)
    tap.among(f"this opens it at once: touch {server.settings} (", line, "the warning")
    tap.among("the server said", line, "the warning")
    tap.among("535 5.7.3 Authentication unsuccessful", line, "the warning")


def opens_by(house, server, *deeds):
    """After each of these it says nothing, and the next job tries the login; which is refused,
    and closes it again."""
    server.script.always["auth"] = scripted.Action(REFUSED)
    tap.same(check(server), [], "what it says before")
    closes(house, server)
    kept_away(house, server)
    for deed in deeds:
        said(server)
        deed()
        tap.same(check(server), [], "what it says after it was opened")
        closes(house, server)


def rewrite(path):
    return lambda: path.write_text(path.read_text())


def test_password(house):
    """An account with a password: the settings, touched, or the password file open it"""
    with house.server(postroom=PATIENCE) as server:
        opens_by(house, server, server.settings.touch,
                 rewrite(settings.secret_of(server.settings)))


def test_person(house):
    """One that somebody signs in for: the settings, or a new sign-in; not a password file"""
    secret = oauth.secret_file(house.folder / "secrets", SECRET, "left-behind")
    with house.signed_in(postroom=PATIENCE, account={"password_file": secret}) as server:
        def sign_in():
            refresh = server.entra.grant(server.application, settings.USER, oauth.SCOPE)
            server.store.plant(refresh, login=0xf00d)
        opens_by(house, server, server.settings.touch, sign_in)
        rewrite(secret)()
        kept_away(house, server)
        said(server)


def test_application(house):
    """An application's: the settings, or its secret's file"""
    path = oauth.secret_file(house.folder / "secrets", SECRET)
    with house.office(auth="oauth-app", application={"secret": SECRET}, postroom=PATIENCE,
                      account={"client_secret_file": path}) as server:
        opens_by(house, server, server.settings.touch, rewrite(path))


def test_over(house):
    """Nothing is said when the time is over, or the state is damaged"""
    with house.server(postroom=PATIENCE) as server:
        server.script.always["auth"] = scripted.Action(REFUSED)
        closes(house, server)
        lines = [text.split(" ") for text in journal.texts(state(server).read_bytes())]
        refused, = (line for line in lines if line[0] == "refused")
        good = state(server).read_bytes()
        refused[3] = str(int(refused[3]) - PAUSE * 1000)
        state(server).write_text("".join(f"{text} {zlib.crc32(text.encode()):08x}\n"
                                         for text in map(" ".join, lines)))
        tap.same(check(server), [], "what it says when it is over")
        state(server).write_bytes(good)
        said(server)
        state(server).write_bytes(good[:-9])
        tap.same(check(server), [], "what it says of a damaged state")


def test_unusable(house):
    """A state that no job could use is an error; without root it says that it saw nothing"""
    with house.server(postroom=PATIENCE) as server:
        house.print(server)
        result = command.run(server.settings, "check", user=pwd.getpwnam("daemon").pw_uid)
        folder = state(server).parent
        tap.same([line for line in result.lines("warning: ") if f"{folder} could not" in line],
                 [f"warning: {folder} could not be looked at by this user; run postroom check "
                  "as root"], "what it says to others")
        state(server).unlink()
        os.mkfifo(state(server))
        result = command.run(server.settings, "check")
        tap.same(result.lines("error: office365.state"),
                 ["error: office365.state is no regular file; remove it"], "the errors")
        tap.same(result.code, 1, "the exit code")
        folder.rename(folder.with_name("old"))
        folder.touch()
        tap.same(command.run(server.settings, "check").lines(f"error: {folder}"),
                 [f"error: {folder} cannot be used: Not a directory"], "the errors")


if __name__ == "__main__":
    tap.run(globals(), oauth.TokenHouse)
