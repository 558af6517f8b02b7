#!/usr/bin/python3 -B
"""postroom login on an account with a password: the way over to OAuth, and its password forgotten."""
import os
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))
from rig import admin, settings, tap  # noqa: E402
from fakes import entra, graph  # noqa: E402
from rig.admin import FAILED, MAILBOX, OK, USAGE  # noqa: E402
from rig.signing import (CODE, OTHER, PASSWORD, WORKER, approve, arrived, by_device,  # noqa: E402
                         now_works, over_by_app, refused, with_secret)


# -- to an application ----------------------------------------------------------------------------

def test_way_over_app(house):
    """From a password to an application with a secret, and once more"""
    with house.place(**PASSWORD) as place:
        secret = with_secret(place)
        code, out = place.run(*over_by_app(place, "--secret-file", secret))
        tap.same(code, OK, "the exit code")
        now_works(place)
        text = place.settings.read_text()
        for line in ("auth = oauth-app", f"client_id = {place.application.id}",
                     f"client_secret_file = {secret}"):
            tap.among(f"\n{line}\n", text, "the settings")
        tap.absent("s3cret", out, "the output")
        tap.same(place.run("login")[0], OK, "the exit code of a second one")
        arrived(place, 2)


def test_way_over_app_wrong_secret(house):
    """A secret that is none: nothing changes"""
    with house.place(**PASSWORD) as place:
        secret = with_secret(place)
        secret.write_text("another\n")
        refused(place, lambda: place.run(*over_by_app(place, "--secret-file", secret)),
                "7000215")


def test_way_over_certificate(house):
    """From a password to an application with a certificate"""
    with house.place(**PASSWORD) as place:
        certificate, key = (place.secret.with_name(name) for name in ("app.pem", "app.key"))
        admin.certificates.openssl(
            "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-keyout", key, "-out",
            certificate, "-days", 90, "-subj", "/CN=postroom")
        key.chmod(0o600)
        place.application = place.entra.register(certificate=certificate)
        place.entra.mailboxes[place.application.id] = [MAILBOX]
        code, _ = place.run(*over_by_app(
            place, "--certificate", certificate, "--key", key))
        tap.same(code, OK, "the exit code")
        now_works(place)
        tap.among(f"\nkey_file = {key}\n", place.settings.read_text(), "the settings")


# -- the way over ----------------------------------------------------------------------------

def test_way_over_device(house):
    """From a password, by device: the file changes in its place, owner and mode stay"""
    with house.place(**PASSWORD) as place:
        os.chown(place.settings, 0, WORKER.pw_gid)
        place.settings.chmod(0o640)
        before = place.settings.read_text()
        code, out = by_device(place, "office365", "--client-id", place.application.id)
        tap.same(code, OK, "the exit code")
        now_works(place)
        after = place.settings.read_text().splitlines()
        kept = [line for line in before.splitlines() if line != "auth = password"]
        tap.same([line for line in after if line in kept], kept, "the lines that stay")
        tap.same([line for line in after if line not in kept],
                 ["auth = oauth-device", f"client_id = {place.application.id}"],
                 "the lines that are new")
        st = place.settings.stat()
        tap.same((st.st_mode & 0o7777, st.st_uid, st.st_gid), (0o640, 0, WORKER.pw_gid),
                 "mode, owner and group")
        tap.same(place.secret.read_text().strip(), settings.PASSWORD, "the password")
        tap.among("--forget-password", out, "the output")


class Judge:
    """Graph's list of good tokens, which the authorization server has."""

    def __init__(self, service):
        self.service = service

    def __contains__(self, token):
        return self.service.valid(token, MAILBOX, entra.GRAPH)


def test_way_over_graph(house):
    """From a password over SMTP to Microsoft Graph: its refusal changes nothing, then it does"""
    scope = f"{entra.GRAPH[0]}/Mail.Send offline_access"
    with house.place(**PASSWORD, scope=scope) as place:
        with graph.Server({"faults": {"sendmail": ["403 ErrorSendAsDenied"]}},
                          kit=house.kit) as service:
            service.script.tokens = Judge(place.entra)
            text = place.settings.read_text().replace(
                "auth = password",
                f"auth = password\ngraph_url = https://localhost:{service.port}/v1.0")
            place.settings.write_text(text)
            arguments = ("office365", "--graph", "--client-id", place.application.id)
            refused(place, lambda: by_device(place, *arguments), "ErrorSendAsDenied")
            code, _ = by_device(place, *arguments)
            tap.same(code, OK, "the exit code")
            tap.same(len(service.accepted), 1, "the number of messages")
        now_works(place)
        tap.among("\nserver = graph\n", place.settings.read_text(), "the settings")
        tap.same(len(place.mail.paths), 0, "the number of messages over SMTP")


def test_way_over_asks(house):
    """What is missing is asked for on the terminal; without one it is named"""
    with house.place(**PASSWORD) as place:
        refused(place, lambda: place.run("login", "office365"), "--client-id", code=USAGE)
        with place.start("login", "office365", terminal=True) as command:
            command.wait_for("client.* ID")
            command.type(f"{place.application.id}\n")
            approve(command, place)
            tap.same(command.finish(), OK, "the exit code")
        now_works(place)


def test_way_over_refused(house):
    """The server refuses the test message: the account keeps its password"""
    with house.place(tokens=lambda *_: False, **PASSWORD) as place:
        secret = with_secret(place)
        refused(place, lambda: place.run(*over_by_app(place, "--secret-file", secret)), "hour")


def test_way_over_of_others(house):
    """An account that signs in otherwise already is not switched"""
    with house.place() as place:
        refused(place, lambda: place.run("login", "office365", "--app"), "no password",
                code=USAGE)


def test_settings_changed_meanwhile(house):
    """Settings that somebody edits meanwhile keep the edit; what was not tried is not switched"""
    with house.place(**PASSWORD) as place:
        with place.start("login", "office365", "--client-id", place.application.id) as command:
            code = command.wait_for(CODE)[1]
            place.settings.write_text(place.settings.read_text() + "; a note\n")
            place.entra.approve(MAILBOX, code)
            tap.same(command.finish(), OK, "the exit code")
        tap.among("; a note\n", place.settings.read_text(), "the settings")
        tap.among("\nauth = oauth-device\n", place.settings.read_text(), "the settings")
    with house.place(**PASSWORD) as place:
        with place.start("login", "office365", "--client-id", place.application.id) as command:
            code = command.wait_for(CODE)[1]
            text = place.settings.read_text().replace(f"username = {MAILBOX}",
                                                      f"username = {OTHER}")
            place.settings.write_text(text)
            place.entra.approve(MAILBOX, code)
            tap.same(command.finish(), FAILED, "the exit code")
        tap.same(place.settings.read_text(), text, "the settings")


KILL_AT = Path(__file__).parent / "rig" / "kill_at.py"
KILL_LAST = 130  # calls of the parent after the server took the message
KILL_STEPS = (29, 3)  # of how many calls one is tried, before these and among them


def kill_points(calls):
    last = calls - KILL_LAST
    return [*range(1, last, KILL_STEPS[0]), *range(last, calls + 1, KILL_STEPS[1])]


def test_killed_anywhere(house):
    """Killed at any of its system calls, the account has its old way or its new one, whole"""
    ways = {"old": 0, "new": 0}
    with house.place(**PASSWORD) as place:
        secret, counts = with_secret(place), place.folder / "counts"
        command = over_by_app(place, "--secret-file", secret)
        before = place.settings.read_bytes()

        def run(call):
            place.tokens.unlink(missing_ok=True)
            place.settings.write_bytes(before)
            code, out = place.run(*command, under=(KILL_AT, 0, call, "all", counts))
            if code == 126:
                raise tap.Skip("the right to trace processes (ptrace)")
            return code, out
        for _ in range(2):  # the first one makes folders that the second finds
            tap.same(run(0)[0], OK, "the exit code")
        after = place.settings.read_bytes()
        calls = int(counts.read_text().split()[0])
        for call in kill_points(calls):
            run(call)
            text = place.settings.read_bytes()
            tap.among(text, (before, after), f"the settings after a kill at call {call}")
            ways["new" if text == after else "old"] += "killed" in counts.read_text()
            if text == after:
                now_works(place)
            tap.same(place.secret.read_text().strip(), settings.PASSWORD, "the password")
        place.settings.write_bytes(before)  # what was left over is no hindrance
        tap.same(place.run(*command)[0], OK, "the exit code")
        tap.same(place.settings.read_bytes(), after, "the settings")
        tap.same(sorted(each.name for each in place.folder.glob("postroom.conf*")),
                 ["postroom.conf"], "the settings and what lies beside them")
    print(f"# of {calls} calls killed at {sum(ways.values())}: {ways}", flush=True)
    assert ways["old"] > 3 and ways["new"] > 1, f"the kills missed the switch: {ways}"


# -- forgetting the password -----------------------------------------------------------------

def brought_over(place):
    secret = with_secret(place)
    tap.same(place.run(*over_by_app(place, "--secret-file", secret))[0], OK, "the exit code")


def test_forget_password(house):
    """--forget-password removes file and line, and goes on where it was cut off"""
    with house.place(**PASSWORD) as place:
        brought_over(place)
        before = place.settings.read_text()
        for _ in range(2):  # the second time as if it was cut off behind the file
            code, out = place.run("login", "office365", "--forget-password")
            tap.same(code, OK, f"the exit code ({out})")
            assert not place.secret.exists(), "the password is still there"
            tap.same(place.settings.read_text(),
                     before.replace(f"password_file = {place.secret}\n", ""), "the settings")
            place.settings.write_text(before)


def test_forget_too_early(house):
    """The password that is still needed stays: of this account, of another one, without tokens"""
    with house.place(**PASSWORD) as place:
        def stays(*words):
            before = place.settings.read_text()
            code, out = place.run("login", "office365", "--forget-password")
            tap.same(code, FAILED, "the exit code")
            for word in words:
                tap.among(word, out, "the output")
            tap.same(place.settings.read_text(), before, "the settings")
            tap.same(place.secret.read_text().strip(), settings.PASSWORD, "the password")
        stays("still logs in")
        brought_over(place)
        done = place.settings.read_text()
        place.settings.write_text(done + f"[account second]\nserver = smtp.example.com\n"
                                  f"username = {OTHER}\npassword_file = {place.secret}\n")
        stays("second")
        place.settings.write_text(done)
        place.tokens.unlink()
        stays("nobody has signed in")


if __name__ == "__main__":
    tap.run(globals(), admin.House)
