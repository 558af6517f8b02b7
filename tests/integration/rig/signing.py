"""What tests of `postroom login` have in common: signing in, and what must have come of it."""
import pwd
from email import message_from_bytes

from rig import settings, tap
from rig.admin import FAILED, MAILBOX

WORKER = pwd.getpwnam(settings.WORKER)
OTHER = "admin@example.com"
CODE = r"(?m)^Code: +(\S+)$"     # the code to type
ADDRESS = r"(?m)^(https://\S+)$"  # the address to open
PASSWORD = {"auth": "password"}


def approve(command, place, who=MAILBOX):
    place.entra.approve(who, command.wait_for(CODE)[1])


def by_device(place, *arguments, who=MAILBOX, **how):
    """Signs in with the code on another device; (exit code, what was printed)."""
    with place.start("login", *arguments, **how) as command:
        approve(command, place, who)
        return command.finish(), command.out


def arrived(place, count=1):
    """The test message as it arrived."""
    paths = place.mail.wait(count)
    tap.same(len(paths), count, "the number of messages")
    return message_from_bytes(paths[-1].read_bytes())


def nothing_done(place, before):
    tap.same(place.stored, "", "what is stored")
    tap.same(place.settings.read_bytes(), before, "the settings")


def refused(place, run, *words, code=FAILED, messages=0):
    before = place.settings.read_bytes()
    result, out = run()
    tap.same(result, code, "the exit code")
    for word in words:
        tap.among(word, out, "the output")
    nothing_done(place, before)
    tap.same(len(place.mail.paths), messages, "the number of messages")
    hidden(place, out)


def hidden(place, out):
    for token in place.secrets():
        tap.absent(token, out, "the output")
    tap.absent(settings.PASSWORD, out, "the output")


def now_works(place):
    """The stored tokens are the account's and root's alone."""
    tap.same(place.tokens.stat().st_mode & 0o7777, 0o600, "the mode of the tokens")
    tap.same(place.tokens.parent.stat().st_mode & 0o7777, 0o700, "the mode of the folder")
    tap.same(place.tokens.stat().st_uid, 0, "the owner of the tokens")
    assert any(token in place.stored for token in place.entra.access), "no token is stored"


def with_secret(place):
    """Registers an application with a secret; the path of its file."""
    path = place.secret.with_name("client")
    path.touch(mode=0o600)
    path.write_text("s3cret~value\n")
    place.application = place.entra.register(secret="s3cret~value")
    place.entra.mailboxes[place.application.id] = [MAILBOX]
    return path


def over_by_app(place, *more):
    return ("login", "office365", "--app", "--client-id", place.application.id,
            *more)
