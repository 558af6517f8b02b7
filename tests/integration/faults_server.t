#!/usr/bin/python3 -B
"""The fault matrix, rows S, A and R: what a submission server can do to a job."""
import resource
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))
from rig import backend, documents, faults, journal, mail, settings, tap  # noqa: E402
from rig.backend import CANCEL, HOLD, OK, RETRY, STOP  # noqa: E402

STOP_LIMIT = 2.0  # seconds from SIGTERM, or from the server's 250, to the end
BEFORE = "0f0e0d0c-4c3a-3f8e-4a86-000000000001"  # a job before the one in question
OTHER = "0f0e0d0c-4c3a-3f8e-4a86-000000000002"  # another job
THREE = backend.OPTIONS.replace("bob@example.com", "a@b.example,c@d.example,e@f.example")
ALICE = "alice@example.com"  # the job's owner
OWNER = {"users": {"alice": ALICE}}
AT_ONCE = {"postroom": {"auth_patience": "0s"}}  # a refused login is not waited out
REFUSE = {"postroom": {"oversize": "refuse"}}
MEMORY = 100 * 1024 * 1024  # bytes that a backend may use while a server talks without end
TAKEN_MAX = 64 * 1024 * 1024  # bytes of such talk that may be taken in


def at(stage, action):
    return {"faults": {stage: action}}


# ID, what goes wrong, the script for it, the exit code, what the log must name, settings.
faults.table(globals(), [
    ("S1a", "the greeting asks to come back later (421)",
     at("greeting", "421 4.3.2 Not now"), RETRY, "421"),
    ("S1b", "the greeting turns everyone away (554)",
     at("greeting", "554 5.3.2 No service"), RETRY, "554"),
    ("S1c", "the server closes before its greeting", at("greeting", "close"), RETRY,
     "localhost"),
    ("S1d", "the server resets before its greeting", at("greeting", "reset"), RETRY,
     "localhost"),
    ("S2a", "EHLO is refused (502)", at("ehlo", "502 5.5.1 What?"), RETRY, "EHLO"),
    ("S2b", "the server closes after EHLO", at("ehlo", "close"), RETRY, "localhost"),
    ("S4a", "the sender is put off (452)", at("mail", "452 4.3.1 No room"), RETRY, "452"),
    ("S4b", "the message is put off (452)", at("eod", "452 4.3.1 No room"), RETRY, "452"),
    ("S5a", "the size is refused at the sender (552)",
     at("mail", "552 5.3.4 Too big"), CANCEL, "552", REFUSE),
    ("S5b", "the size is refused after the message (552)",
     at("eod", "552 5.3.4 Too big"), CANCEL, "552", REFUSE),
    ("S9a", "DATA is put off (451)", at("data", "451 4.3.0 Later"), RETRY, "451"),
    ("S9b", "DATA is refused for good (554)", at("data", "554 5.6.0 Never"), CANCEL, "554"),
    ("S10a", "the message is put off (451)", at("eod", "451 4.3.0 Later"), RETRY, "451"),
    ("S10b", "the mailbox cannot be opened for the moment (430)",
     at("eod", "430 4.2.0 STOREDRV; mailbox logon failure"), RETRY, "430"),
    ("S11a", "the message is refused as junk (550 5.7.1)",
     at("eod", "550 5.7.1 Looks like junk"), CANCEL, "550"),
    ("S11b", "the message is refused for good (554 5.6.0)",
     at("eod", "554 5.6.0 Corrupt content"), CANCEL, "554"),
    ("S11c", "the sender's mailbox is full (554 5.2.2)",
     at("eod", "554 5.2.2 mailbox full; STOREDRV.Submission.Exception:"
        "QuotaExceededException.MapiExceptionShutoffQuotaExceeded"), STOP, "full"),
    ("S12a", "the message is taken with 251",
     at("eod", "251 2.1.5 User not local; will forward"), OK, "251"),
    ("S12b", "the message is taken with 252",
     at("eod", "252 2.0.0 Will try"), OK, "252"),
    ("S13a", "the last reply has several lines",
     at("eod", "250-2.0.0 One\n250 2.0.0 Two"), OK, "250"),
    ("S13b", "the last reply is a line of 2,000 bytes",
     at("eod", "250 2.0.0 " + "x" * 1988), OK, "250"),
    ("S13c", "the last reply has a NUL inside",
     at("eod", "250 2.0.0 O\0K"), OK, "250"),
    ("S13d", "the last reply is no UTF-8",
     at("eod", "250 2.0.0 \udcff\udcfe\udcc3 Queued"), OK, "250"),
    ("S13e", "the last reply tries to command cupsd",
     at("eod", "250 2.0.0 OK\rSTATE: +com.example.injected"), OK, "250"),
    ("A1a", "the password is refused (535 5.7.3), auth_patience = 0",
     at("auth", "535 5.7.3 Authentication unsuccessful [X]"), STOP, "password", AT_ONCE),
    ("A1b", "a refusal repeats the password",
     at("auth", f"535 5.7.3 {settings.PASSWORD} is wrong"), STOP, "left out", AT_ONCE),
    ("A2a", "SMTP AUTH is switched off for the mailbox (535 5.7.139)",
     at("auth", "535 5.7.139 Authentication unsuccessful, SmtpClientAuthentication is "
        "disabled for the Mailbox."), STOP, "SMTP AUTH"),
    ("A2b", "passwords are no longer taken (550 5.7.30)",
     at("auth", "550 5.7.30 Basic authentication is not supported for Client Submission."),
     STOP, "5.7.30"),
    ("A2c", "security defaults forbid passwords (535 5.7.139)",
     at("auth", "535 5.7.139 Authentication unsuccessful, user is locked by your "
        "organization's security defaults policy. Contact your administrator."), STOP,
     "ecurity defaults"),
    ("A3a", "logins cannot be checked for the moment (454)",
     at("auth", "454 4.7.0 Temporary authentication failure"), RETRY, "454"),
    ("A3b", "the server closes instead of judging the login", at("auth", "close"), RETRY,
     "localhost"),
    ("A7a", "no login is offered", {"mechanisms": []}, STOP, "sign-in"),
    ("A7b", "no login with a password is offered", {"mechanisms": ["XOAUTH2"]}, STOP,
     "sign-in"),
    ("A7c", "the login is answered with 250 and not 235", at("auth", "250 2.0.0 Fine"),
     STOP, "235"),
    ("A8a", "the sender may not send as this mailbox (550 5.7.60 at MAIL)",
     at("mail", "550 5.7.60 SMTP; Client does not have permissions to send as this sender"),
     STOP, "from"),
    ("A8b", "the sender is denied only after the message (554 5.2.252)",
     at("eod", "554 5.2.252 SendAsDenied; scanner@example.com not allowed to send as "
        "boss@example.com"), STOP, "from"),
])


def connections(server):
    return server.script.reached["greeting"]


def notices(server):
    """The messages to the owner alone."""
    return [mail.Mail(each.content) for each in server.accepted
            if each.recipients == [ALICE]]


# -- waits that a test does not sit out --------------------------------------------------------

CUT = "the test cut the waits short"


def waits(house, server, words, **how):
    """Runs the backend until it waits for more than a test can; the words stand in its
    message. It then ends at once when it is told to."""
    with house.start(server, **how) as run:
        assert run.wait_said("next try"), f"it does not wait: {run.said()}"
        run.terminate()
        house.last = run.finish()
    tap.same(house.last.code, RETRY, "the exit code")
    assert house.last.seconds < STOP_LIMIT, f"{house.last.seconds} s after SIGTERM"
    tap.among(words, house.last.log, "the log")
    return house.last


def pauses_all(house, script, words):
    """A refusal that concerns the account: another job does not even connect."""
    with house.server(script) as server:
        first = waits(house, server, words)
        tap.same(connections(server), 1, "the number of connections")
        second = waits(house, server, words, uuid=OTHER, number=18)
        tap.same(connections(server), 1, "the number of connections after another job")
        tap.same(server.accepted, [], "the accepted messages")
        return faults.saw(server, first, second, also=f"the second job did not connect; {CUT}")


@faults.row("S3a", "the mailbox has too many connections (432 at MAIL)",
            "the account pauses for a minute or two, and no other job connects")
def test_S3a(house):
    return pauses_all(house, at("mail", "432 4.3.2 Concurrent connections limit exceeded. "
                                "Visit https://aka.ms/concurrent_sending"), "432")


@faults.row("S3b", "the mailbox sends too fast (432 at the end of the data)",
            "the account pauses for a minute or two, and no other job connects")
def test_S3b(house):
    return pauses_all(house, at("eod", "432 4.3.2 STOREDRV.ClientSubmit; sender thread "
                                "limit exceeded"), "432")


@faults.row("R4", "the mailbox has sent enough for today (554 5.2.0)",
            "the account pauses for about an hour, and no other job connects")
def test_R4(house):
    return pauses_all(
        house, at("eod", "554 5.2.0 STOREDRV.Submission.Exception:"
                  "SubmissionQuotaExceededException; Failed to process message"), "554")


@faults.row("A1c", "the password is refused (535 5.7.3): two jobs",
            "one try in 15 minutes for all jobs; both wait, nothing sent")
def test_A1c(house):
    return pauses_all(house, at("auth", "535 5.7.3 Authentication unsuccessful [X]"), "535")


@faults.row("A1d", "a refused password is replaced while the job waits",
            "tried with the new password at once, sent once")
def test_A1d(house):
    with house.server(at("auth", ["535 5.7.3 Authentication unsuccessful", None])) as server:
        with house.start(server) as run:
            assert run.wait_said("next try"), run.said()
            settings.secret_of(server.settings).write_text("anotherpassword\n")
            first = run.finish(STOP_LIMIT)
        tap.same(first.code, RETRY, "the first exit code")
        second = house.print(server)
        tap.same(second.code, OK, "the second exit code")
        tap.same([each[2][1] for each in server.credentials],
                 [settings.PASSWORD.encode(), b"anotherpassword"], "the passwords")
        return faults.saw(server, first, second)


@faults.row("A1e", "a refused password, and the job is started again at once",
            "no second try within 15 minutes, and the queue says why")
def test_A1e(house):
    with house.server(at("auth", "535 5.7.3 Authentication unsuccessful [X]")) as server:
        results = [waits(house, server, "535") for _ in range(3)]
        tap.same(len(server.credentials), 1, "the number of logins")
        return faults.saw(server, *results, also=f"one login; {CUT}")


# -- sizes -------------------------------------------------------------------------------------

@faults.row("S5c", "the server's SIZE is lower than the message",
            "exit 5: cancelled before DATA; size and limit are told")
def test_S5c(house):
    with house.server({"size": 1000}) as server:
        result = house.print(server)
        tap.same(result.code, CANCEL, "the exit code")
        tap.among("1000", result.log, "the log")
        tap.absent("DATA", server.verbs, "the commands")
        return faults.saw(server, result)


@faults.row("S5d", "the message is larger than max_message_size",
            "exit 5: cancelled before anybody is asked; size and limit are told")
def test_S5d(house):
    with house.server(account={"max_message_size": "64K"}, **REFUSE) as server:
        result = house.print(server, data=documents.pdf("Big", padding=70_000))
        tap.same(result.code, CANCEL, "the exit code")
        tap.among("max_message_size", result.log, "the log")
        tap.same(connections(server), 0, "the number of connections")
        return faults.saw(server, result)


# -- recipients --------------------------------------------------------------------------------

@faults.row("S6a", "the one recipient does not exist (550)",
            "exit 5: cancelled, and its owner is told by mail")
def test_S6a(house):
    with house.server(at("rcpt", ["550 5.1.10 RESOLVER.ADR.RecipientNotFound"]),
                      **OWNER) as server:
        result = house.print(server)
        tap.same(result.code, CANCEL, "the exit code")
        tap.same([each.recipients for each in server.accepted], [[ALICE]], "the envelopes")
        notice, = notices(server)
        tap.among("Not sent", notice["Subject"], "the notice's subject")
        tap.among("bob@example.com", notice.text, "the notice")
        return faults.saw(server, result, also="notice to the owner")


@faults.row("S6b", "the one recipient does not exist, and the owner is not known",
            "exit 5: cancelled, the queue says why")
def test_S6b(house):
    with house.server(at("rcpt", "550 5.1.1 Unknown")) as server:
        result = house.print(server)
        tap.same(result.code, CANCEL, "the exit code")
        tap.among("recipient", result.log, "the log")
        tap.same(server.accepted, [], "the accepted messages")
        return faults.saw(server, result)


@faults.row("S7a", "one recipient of three does not exist (550)",
            "exit 0: the others get it once, the owner is told who did not")
def test_S7a(house):
    with house.server(at("rcpt", [None, "550 5.1.10 RecipientNotFound", None]),
                      **OWNER) as server:
        result = house.print(server, options=THREE)
        tap.same(result.code, OK, "the exit code")
        envelopes = [each.recipients for each in server.accepted]
        tap.same(envelopes, [["a@b.example", "e@f.example"], [ALICE]], "the envelopes")
        notice, = notices(server)
        tap.among("Not sent to everybody", notice["Subject"], "the notice's subject")
        tap.among("c@d.example", notice.text, "the notice")
        tap.absent("a@b.example", notice.text, "the notice")
        return faults.saw(server, result, also="notice to the owner")


@faults.row("S7b", "one recipient of three is put off (451)",
            "the others get it once; the next try asks for that one alone")
def test_S7b(house):
    with house.server(at("rcpt", [None, "451 4.7.1 Greylisted", None])) as server:
        first = house.print(server, options=THREE)
        tap.same(first.code, RETRY, "the first exit code")
        second = house.print(server, options=THREE)
        tap.same(second.code, OK, "the second exit code")
        envelopes = [each.recipients for each in server.accepted]
        tap.same(envelopes, [["a@b.example", "e@f.example"], ["c@d.example"]],
                 "the envelopes")
        return faults.saw(server, first, second)


@faults.row("S7c", "one recipient refused, one put off, one taken",
            "each that can get it does so once; the owner is told of the refused one")
def test_S7c(house):
    script = at("rcpt", ["550 5.1.1 Unknown", "451 4.7.1 Greylisted", None])
    with house.server(script, **OWNER) as server:
        first = house.print(server, options=THREE)
        tap.same(first.code, RETRY, "the first exit code")
        second = house.print(server, options=THREE)
        tap.same(second.code, OK, "the second exit code")
        envelopes = [each.recipients for each in server.accepted]
        tap.same(envelopes, [["e@f.example"], ["c@d.example"], [ALICE]], "the envelopes")
        tap.among("a@b.example", notices(server)[0].text, "the notice")
        return faults.saw(server, first, second, also="notice to the owner")


@faults.row("S8", "the recipient is greylisted (451), then taken",
            "exit 7 and then 0: sent once")
def test_S8(house):
    return sent_at_last(house, at("rcpt", ["451 4.7.1 Greylisted", None]))


@faults.row("S10c", "the message is put off (451), then taken",
            "exit 7 and then 0: sent once")
def test_S10c(house):
    return sent_at_last(house, at("eod", ["451 4.3.0 Later", None]))


def sent_at_last(house, script):
    with house.server(script) as server:
        first = house.print(server)
        tap.same(first.code, RETRY, "the first exit code")
        second = house.print(server)
        tap.same(second.code, OK, "the second exit code")
        tap.same(len(server.accepted), 1, "the number of messages")
        third = house.print(server)
        tap.same((third.code, len(server.accepted)), (OK, 1), "the exit code, the messages")
        return faults.saw(server, first, second, third)


# -- no answer to the end of the data ----------------------------------------------------------

def uncertain(house, action, **sections):
    """The first answer to the end of the data is lost; what the tries after it do."""
    with house.server(at("eod", [action, None]), **sections) as server:
        results = [house.print(server)]
        tap.same(results[0].code, RETRY, "the first exit code")
        tap.among("may have arrived", results[0].log, "the log")
        while results[-1].code not in (OK, STOP, CANCEL) and len(results) < 5:
            results.append(house.print(server))
        first, second = server.messages
        tap.same(first.content, second.content, "the second message")
        tap.among(backend.UUID, mail.Mail(second.content)["Message-ID"], "the Message-ID")
        tap.among(faults.DUPLICATE, results[-1].log, "the log")
        again = house.print(server)
        tap.same((again.code, len(server.messages)), (OK, 2), "the exit code, the messages")
        return [each.code for each in results], faults.saw(server, *results)


@faults.row("S14a", "the server closes after the final dot, without an answer",
            "sent again with the same bytes; the log says “possible duplicate”")
def test_S14a(house):
    codes, seen = uncertain(house, "close")
    tap.same(codes, [RETRY, OK], "the exit codes")
    return seen


@faults.row("S14b", "the server resets after the final dot, without an answer",
            "sent again with the same bytes; the log says “possible duplicate”")
def test_S14b(house):
    codes, seen = uncertain(house, "reset")
    tap.same(codes, [RETRY, OK], "the exit codes")
    return seen


@faults.row("S14c", "the same where the settings say ambiguous = hold",
            "held once; sent again only when it is released")
def test_S14c(house):
    codes, seen = uncertain(house, "close", postroom={"ambiguous": "hold"})
    tap.same(codes, [RETRY, HOLD, OK], "the exit codes")
    return seen


# -- after the server's yes --------------------------------------------------------------------

def after_250(house, script):
    with house.server(script) as server:
        result = house.print(server)
        tap.same(result.code, OK, "the exit code")
        tap.same(len(server.accepted), 1, "the number of messages")
        assert result.seconds < STOP_LIMIT, f"{result.seconds} s in all"
        return faults.saw(server, result)


for number, fault, script in (
        ("S17a", "QUIT is never answered, and the server reads on", at("quit", "hang")),
        ("S17b", "QUIT is never answered, and nothing is read", at("quit", "stall")),
        ("S17c", "QUIT is answered with a reset", at("quit", "reset")),
        ("S17d", "QUIT is refused (500)", at("quit", "500 5.5.1 What?")),
        ("S17e", "the connection is reset right after 250",
         at("eod", {"reply": "250 2.0.0 OK", "then": "reset"}))):
    globals()[f"test_{number}"] = faults.row(
        number, fault, "exit 0 within two seconds: sent once")(
            lambda house, script=script: after_250(house, script))


@faults.row("S19a", "the last reply comes byte by byte, 50 in a second",
            "exit 0: sent once")
def test_S19a(house):
    return after_250(house, at("eod", {"reply": "250 2.0.0 OK <1@x> queued", "slow": 0.02}))


# -- talk without end --------------------------------------------------------------------------

def endless(house, stage, text):
    """The most that any backend of this file used is the bound for this one too."""
    with house.server(at(stage, {"endless": text})) as server:
        result = house.print(server)
        tap.same(result.code, RETRY, "the exit code")
        tap.same(server.accepted, [], "the accepted messages")
        assert server.script.reached[stage], f"the stage {stage} was never reached"
        assert "no end" in result.log or "Too large" in result.log, result.log
        assert server.endless < TAKEN_MAX, f"{server.endless} bytes were taken in"
        used = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss * 1024
        assert used < MEMORY, f"{used} bytes of memory"
        return faults.saw(server, result)


for number, fault, stage, text in (
        ("S20a", "a greeting with lines without end", "greeting", "220-Welcome\r\n"),
        ("S20b", "an answer to EHLO with lines without end", "ehlo", "250-MORE\r\n"),
        ("S20c", "an answer to RCPT that is a line without end", "rcpt", "550 no "),
        ("S20d", "a last reply that is a line without end", "eod", "250 yes "),
        ("S20e", "a last reply with lines without end", "eod", "250-yes\r\n")):
    globals()[f"test_{number}"] = faults.row(
        number, fault, "given up within bounded memory, tried again")(
            lambda house, stage=stage, text=text: endless(house, stage, text))


# -- the account's limits ----------------------------------------------------------------------

def limits_folder(server):
    return settings.state_of(server.settings) / "limits"


def heals(house, damage):
    """A message, then the damage, then another message that must not have to wait."""
    with house.server() as server:
        tap.same(house.print(server).code, OK, "the first exit code")
        damage(limits_folder(server))
        result = house.print(server, uuid=OTHER, number=18)
        tap.same(result.code, OK, "the exit code after the damage")
        tap.same(len(server.accepted), 2, "the number of messages")
        assert result.seconds < STOP_LIMIT, f"{result.seconds} s"
        return faults.saw(server, result, uuid=OTHER)


def overwrite(content):
    def damage(folder):
        states = list(folder.glob("*.state"))
        assert states, f"no state in {folder}"
        for path in states:
            path.write_bytes(content(path.read_bytes()))
    return damage


for number, fault, damage in (
        ("R1a", "the account's state is zeros", overwrite(lambda was: bytes(len(was)))),
        ("R1b", "the account's state is cut off", overwrite(lambda was: was[:len(was) // 2])),
        ("R1c", "the account's state is a megabyte of noise",
         overwrite(lambda _: b"\xa5" * 1_000_000)),
        ("R1d", "the account's state is gone",
         lambda folder: [path.unlink() for path in folder.iterdir()])):
    globals()[f"test_{number}"] = faults.row(
        number, fault, "begun anew: the next message leaves at once")(
            lambda house, damage=damage: heals(house, damage))


ONE = {"account": {"max_connections": "1"}}


@faults.row("R2a", "the process that has the only connection is killed",
            "its place is free: the next job is sent at once")
def test_R2a(house):
    with house.server(at("rcpt", ["hang", None]), **ONE) as server:
        with house.start(server) as run:
            assert server.wait("rcpt")
            run.close()
        result = house.print(server, uuid=OTHER, number=18)
        tap.same(result.code, OK, "the exit code")
        tap.same(len(server.accepted), 1, "the number of messages")
        return faults.saw(server, result, uuid=OTHER)


@faults.row("R2b", "two jobs at once and one connection allowed",
            "the second waits for the first; both are sent once")
def test_R2b(house):
    with house.server(at("rcpt", [None, "wait", None]), **ONE) as server:
        tap.same(house.print(server, uuid=BEFORE, number=16).code, OK, "a job before")
        with house.start(server) as first, \
                house.start(server, uuid=OTHER, number=18) as second:
            for run, uuid in ((first, backend.UUID), (second, OTHER)):
                assert run.wait(lambda: "try" in journal.summary(server, uuid)), run.said()
            assert server.wait("rcpt", 2)
            server.release.set()
            results = [first.finish(), second.finish()]
        tap.same(server.peak, 1, "the most connections at a time")
        tap.same([each.code for each in results], [OK, OK], "the exit codes")
        tap.same(len(server.accepted), 3, "the number of messages")
        return faults.saw(server, *results)


class House(faults.SideBySide, backend.House):
    """All rows side by side."""


if __name__ == "__main__":
    tap.run(globals(), House)
