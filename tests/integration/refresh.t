#!/usr/bin/python3 -B
"""`postroom refresh`: what is renewed when, by whom it is asked, and what a person is told."""
import fcntl
import os
import pwd
import signal
import subprocess
import sys
import time
import zlib
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))
from rig import command, journal, oauth, settings, tap  # noqa: E402
from fakes import certificates  # noqa: E402 (rig has put it on the path)

OK, FAILED, USAGE = 0, 1, 2
DAY = 24 * 3600
NOBODY = pwd.getpwnam(settings.WORKER).pw_uid
LOGIN = "postroom login office365"


class House(oauth.TokenHouse):
    def refresh(self, server, *arguments, code=OK, **how):
        """Runs it to its end."""
        return self.ended(server, command.run(server.settings, "refresh", *arguments, **how), code)

    def ended(self, server, result, code):
        """No token may be in what it says."""
        tap.same(result.out, "", "the output")
        for token in [*server.entra.refresh, *server.entra.access]:
            tap.absent(token, result.said, "standard error")
        assert result.code == code, f"the exit code is {result.code}: {result.said}"
        return result


def aged(server, days):
    """Makes the refresh token so many days older."""
    path = server.store.path
    lines = [text.split(" ") for text in journal.texts(path.read_bytes())]
    lines[1][1] = str(int(lines[1][1]) - int(days * DAY))
    path.write_text("".join(f"{text} {zlib.crc32(text.encode()):08x}\n"
                            for text in map(" ".join, lines)))


def test_due(house):
    """A sign-in of a week ago is renewed, though its access token is fresh, and stored"""
    with house.signed_in() as server:
        aged(server, 7)
        result = house.refresh(server)
        tap.among("postroom: account office365: the sign-in is renewed\n", result.said)
        form, = (each.form for each in server.entra.asked("token"))
        tap.same(form, {"grant_type": "refresh_token", "refresh_token": server.before[0],
                        "client_id": server.application.id, "scope": oauth.SCOPE})
        known = server.store.read()
        assert known.refresh != server.before[0], "the old refresh token stayed"
        tap.among(known.refresh, server.entra.refresh, "the refresh tokens")
        tap.among(known.access, server.entra.access, "the access tokens")
        tap.same(known.login, 0x5eed, "the login")
        house.refresh(server)  # which is not due any more
        tap.same(server.entra.count("token"), 1, "the questions")


def test_not_due(house):
    """A younger one is left alone, unless it is forced; a clock that was ahead is no matter"""
    with house.signed_in() as server:
        aged(server, 6.9)
        tap.same(house.refresh(server).said, "", "what it says")
        tap.same(server.entra.requests, [], "the requests")
        house.refresh(server, "--force")
        tap.same(server.entra.count("token"), 1, "the questions")
        aged(server, -30)
        house.refresh(server)
        tap.same(server.entra.count("token"), 2, "the questions")


def test_no_new_token(house):
    """Where no new refresh token comes the old one stays"""
    with house.signed_in() as server:
        server.entra.rotation = "none"
        house.refresh(server, "--force")
        tap.same(server.store.read().refresh, server.before[0], "the refresh token")


def test_strict_rotation(house):
    """Where the old token ends with its use, three renewals in a row still work"""
    with house.signed_in() as server:
        server.entra.rotation = "strict"
        for _ in range(3):
            house.refresh(server, "--force")
        tap.same(server.entra.count("token"), 3, "the questions")


def test_refused(house):
    """A refusal that needs a person ends with 1, says what to run, and keeps the token"""
    with house.signed_in() as server:
        aged(server, 8)
        server.entra.fault("token", "AADSTS700082", "AADSTS700082")
        said = house.refresh(server, code=FAILED).said
        tap.among("account office365: the sign-in is not renewed: ", said)
        tap.among("postroom login", said)
        tap.same(server.store.read().refresh, server.before[0], "the refresh token")
        tap.among(server.store.read().failed[:60], said, "what is kept of it")
        house.refresh(server, code=FAILED)  # soon again: nobody is asked
        tap.same(server.entra.count("token"), 1, "the questions")


def test_trouble(house):
    """Trouble that passes is a warning, until the sign-in is in danger or a person waits"""
    for days, more, code in ((8, (), OK), (61, (), FAILED), (1, ("--force",), FAILED)):
        with house.signed_in() as server:
            aged(server, days)
            server.entra.fault("token", "temporarily_unavailable")
            tap.among("is not renewed", house.refresh(server, *more, code=code).said)
            tap.same(server.store.read().refresh, server.before[0], "the refresh token")


def test_hostile_answers(house):
    """Whatever is answered, the old token stays and nothing of the answer is believed"""
    answers = ({"raw": "nonsense\r\n\r\n"}, {"status": 200, "body": "{"}, {"status": 200},
               {"status": 200, "json": {"access_token": "a\nb", "token_type": "Bearer"}},
               {"status": 302, "fields": {"Location": "https://localhost:1/"}}, "reset",
               {"status": 200, "endless": "x" * 65536}, "close",
               {"status": 200, "json": {"access_token": "a" * 20000, "token_type": "Bearer"}})
    for answer in answers:
        with house.signed_in() as server:
            aged(server, 61)
            server.entra.fault("token", answer)
            house.refresh(server, code=FAILED)
            tap.same(server.store.read().refresh, server.before[0], "the refresh token")


def test_nobody_signed_in(house):
    """Where nobody has signed in it ends with 1 and asks nobody"""
    with house.office() as server:
        tap.among(LOGIN, house.refresh(server, code=FAILED).said)
        server.store.plant(refresh="old", number=server.store.identity ^ 1)
        tap.among(LOGIN, house.refresh(server, code=FAILED).said)
        server.store.path.write_text("nonsense\n")
        tap.among(LOGIN, house.refresh(server, code=FAILED).said)
        tap.same(server.entra.requests, [], "the requests")


def test_asker_is_not_root(house):
    """The process that asks has the worker's user, no capability, and no secret file open"""
    with house.signed_in() as server:
        server.entra.fault("token", "wait")
        process = command.start(server.settings, "refresh", "--force")
        assert server.entra.wait("token"), "nobody asked"
        child, = Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split()
        lines = dict(line.split(":\t") for line in
                     Path(f"/proc/{child}/status").read_text().splitlines() if ":\t" in line)
        links = [os.readlink(each) for each in Path(f"/proc/{child}/fd").iterdir()]
        arguments = [Path(f"/proc/{pid}/{name}").read_bytes()
                     for pid in (child, process.pid) for name in ("cmdline", "environ")]
        server.entra.release.set()
        house.ended(server, command.finish(process), OK)
        tap.same(lines["Uid"].split(), [str(NOBODY)] * 4, "the user")
        tap.same(int(lines["CapEff"], 16) | int(lines["CapPrm"], 16), 0, "the capabilities")
        tap.same(lines["NoNewPrivs"], "1", "NoNewPrivs")
        for link in links:
            tap.absent(str(settings.state_of(server.settings)), link, "an open file")
        for text in arguments:
            tap.absent(server.before[0].encode(), text, "arguments and environment")


def test_environment(house):
    """A proxy or a key log that the environment names is not used"""
    log = house.folder / "keys"
    with house.signed_in() as server:
        house.refresh(server, "--force", https_proxy="http://127.0.0.1:9",
                      ALL_PROXY="http://127.0.0.1:9", SSLKEYLOGFILE=str(log))
        tap.same(server.entra.count("token"), 1, "the questions")
    tap.same(log.exists(), False, "a log of keys")


def test_stopped(house):
    """SIGTERM ends it while it asks, once an answer had time; token and lock are as they were"""
    with house.signed_in() as server:
        server.entra.fault("token", "hang")
        process = command.start(server.settings, "refresh", "--force")
        assert server.entra.wait("token"), "nobody asked"
        before = time.monotonic()
        process.send_signal(signal.SIGTERM)
        house.ended(server, command.finish(process), FAILED)
        assert 9 < time.monotonic() - before < 15, "not ten seconds for an answer"
        tap.same(server.store.read().refresh, server.before[0], "the refresh token")
        house.refresh(server, "--force")
        assert server.store.read().refresh != server.before[0], "nothing was renewed"


def test_crowd(house):
    """Ten at once ask once"""
    with house.signed_in() as server:
        aged(server, 8)
        crowd = [command.start(server.settings, "refresh") for _ in range(10)]
        for each in crowd:
            house.ended(server, command.finish(each), OK)
        tap.same(server.entra.count("token"), 1, "the questions")


def test_lock(house):
    """It waits for whoever has the lock"""
    with house.signed_in() as server:
        aged(server, 8)
        lock = server.store.path.with_name("office365.lock")
        lock.touch(mode=0o600)
        with open(lock, "rb") as held:
            fcntl.flock(held, fcntl.LOCK_EX)
            process = command.start(server.settings, "refresh")
            try:
                process.wait(0.7)
                raise AssertionError(f"it did not wait: {process.communicate()}")
            except subprocess.TimeoutExpired:
                tap.same(server.entra.requests, [], "the requests")
        house.ended(server, command.finish(process), OK)
        tap.same(server.entra.count("token"), 1, "the questions")


def test_certificates(house):
    """Certificates that end within 30 days are warned of; one that has ended needs a person"""
    folder = house.folder / "certificates"
    authority = certificates.Authority(folder / "authority")
    over = authority.issue("over", dates=certificates.EXPIRED)
    for pair, code, words in ((oauth.certificate(folder, "far", 60), OK, ""),
                              (oauth.certificate(folder, "near", 20), OK, "ends soon, on 2"),
                              (over, FAILED, "ended on 2020-02-01"),
                              ((folder / "no", over[1]), FAILED, "does not exist")):
        with house.office(auth="oauth-app", application={"certificate": oauth.certificate(
                folder, "app")[0]}, account={"certificate_file": pair[0],
                                             "key_file": pair[1]}) as server:
            said = house.refresh(server, code=code).said
            tap.among(words, said)
            tap.same(bool(said), bool(words), "whether it says anything")
            tap.same(server.entra.requests, [], "the requests")


def test_command_line(house):
    """One account may be named; what has nothing to renew says so; nonsense ends with 2"""
    more = "[account b]\nserver = x\nauth = none\nfrom = b@example.com\n"
    with house.signed_in(more=more) as server:
        aged(server, 8)
        tap.among("account b: auth = none has nothing to renew",
                  house.refresh(server, "b").said)
        tap.same(server.entra.requests, [], "the requests")
        house.refresh(server, "OFFICE365")
        tap.same(server.entra.count("token"), 1, "the questions")
        tap.among("there is no account 'c'", house.refresh(server, "c", code=FAILED).said)
        for line in (("a", "b"), ("--what",), ("-f",)):
            tap.among("Usage: postroom refresh [--force] [ACCOUNT]",
                      house.refresh(server, *line, code=USAGE).said)


def test_settings(house):
    """Settings that cannot be read end with 1"""
    with house.signed_in() as server:
        with open(server.settings, "a") as file:
            file.write("nonsense\n")
        tap.among("neither [section] nor name = value",
                  house.refresh(server, code=FAILED).said)


if __name__ == "__main__":
    tap.run(globals(), House)
