#!/usr/bin/python3 -B
"""Microsoft Graph in place of a submission server: what the backend hands to it, by hand,
against a service whose tokens an authorization server gives."""
import contextlib
import json
import os
import random
import re
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))
from rig import backend, documents, graph, journal, mail, oauth, settings, tap  # noqa: E402
from rig.backend import CANCEL, OK, RETRY, STOP  # noqa: E402
from fakes import scripted, web  # noqa: E402 (rig has put it on the path)

MB = 1024 * 1024
SECRET = "Qz8~canary-client-secret-90b2d"
ALL = backend.OPTIONS.replace("mail-to=bob@example.com", (
    "mail-to=bob@example.com,sales@example.com mail-cc=carol@example.com "
    "mail-bcc=dave@example.com,erin@example.com"))
OTHER = "0f0e0d0c-4c3a-3f8e-4a86-000000000002"  # another job
LARGE_STEPS = ["search", "create", "session", "put", "put", "send"]
OWNER = {"users": {"alice": "alice@example.com"}}
NOT_MEANT = "postroom login"  # what does not mend a missing right


class House(graph.GraphHouse):
    """With a document that one request does not take."""

    def __enter__(self):
        super().__enter__()
        self.large = documents.pdf("Large", padding=5 * MB)
        return self


# -- one request -------------------------------------------------------------------------------

def by_smtp(house, **how):
    """The bytes of the same job as a submission server gets them."""
    with house.plain() as server:
        tap.same(house.print(server, **how).code, OK, "the exit code by SMTP")
        message, = server.accepted
        return message.content, sorted(message.recipients)


def test_small(house):
    """A small job goes in one request, byte for byte as a submission server would get it"""
    content, recipients = by_smtp(house, options=ALL)
    with house.signed_in() as server:
        message = graph.sent(house, server, options=ALL)
        request, = server.requests
        tap.same((request["path"], request["type"]), ("/v1.0/me/sendMail", "text/plain"),
                 "the request")
        tap.same(request["bearer"], server.before[1], "the token")
        tap.same(message.mail.content, content, "the message without Bcc")
        tap.same(message.recipients, recipients, "the recipients")
        tap.same(message.mail["Message-ID"], f"<17-{backend.UUID}@example.com>", "Message-ID")
        tap.same(message.documents, [("Report.pdf", house.pdf)], "the documents")
        tap.same(oauth.asked(server), [], "the questions for a token")
        line, = graph.events(server)
        tap.same((line["event"], line["code"]), ("sent", "202"), "the record")
        tap.among("request-1", house.last.log, "the log (for Microsoft's support)")


def test_kinds_of_recipients(house):
    """To, Cc and Bcc arrive as the envelope; who stands in Bcc stands nowhere else"""
    for data in (None, house.large):
        with house.signed_in() as server:
            message = graph.sent(house, server, options=ALL, data=data)
            tap.same(message.header, {
                "to": ["bob@example.com", "sales@example.com"], "cc": ["carol@example.com"],
                "bcc": ["dave@example.com", "erin@example.com"]}, "the recipients")
            for address in (b"dave", b"erin"):
                tap.absent(address, message.mail.content, "what all recipients see")


def test_recipients_left(house):
    """Those who have it from a submission server do not get it again when Graph takes over"""
    with house.signed_in() as server, scripted.Server(
            {"faults": {"rcpt": [None, None, "450 4.2.1 Later"]}}, kit=house.kit) as old:
        text = server.settings.read_text()
        old.settings = settings.write(server.settings.parent, old)
        tap.same(house.print(old, options=ALL).code, RETRY, "the exit code by SMTP")
        had = [each for each in old.accepted[0].recipients]
        server.settings.write_text(text)
        message = graph.sent(house, server, options=ALL)
        tap.same(message.recipients, ["carol@example.com"], "the recipients")
        tap.same(sorted(message.recipients + had), sorted([
            "bob@example.com", "sales@example.com", "carol@example.com", "dave@example.com",
            "erin@example.com"]), "all who got it")
        tap.same(message.mail["Message-ID"],
                 mail.Mail(old.accepted[0].content)["Message-ID"], "the Message-ID")


def test_application(house):
    """An application names the mailbox, in each request of small and large messages"""
    path = oauth.secret_file(house.folder / "secrets", SECRET)
    for data in (None, house.large):
        with house.office(auth="oauth-app", application={"secret": SECRET},
                          account={"client_secret_file": path}) as server:
            graph.sent(house, server, data=data)
            form, = oauth.asked(server)
            tap.same(form["scope"], "https://localhost/.default", "the scope")
            for each in server.requests:
                assert each["where"] == "upload" or each["path"].startswith(
                    "/v1.0/users/scanner%40example.com/"), each["path"]


# -- several requests --------------------------------------------------------------------------

def test_large(house):
    """Larger ones go as a draft and ranges in order, whole, with the same header"""
    small, recipients = by_smtp(house, options=ALL)
    header = mail.Mail(small)
    for size in (3, 20):
        content = documents.pdf("Large", padding=size * MB)
        with house.signed_in() as server:
            message = graph.sent(house, server, options=ALL, data=content)
            tap.same(message.documents, [("Report.pdf", content)], "the documents")
            tap.same(message.recipients, recipients, "the recipients")
            for name in ("From", "To", "Cc", "Subject", "Date", "Message-ID", "Reply-To"):
                tap.same(message.mail[name], header[name], name)
            tap.same(message.mail.text, header.text.replace("2 pages", "1 page"), "the text")
            tap.same(known_ranges(server), whole_ranges(len(content)), "the ranges")
            line, = graph.events(server)
            tap.same((line["event"], line.get("duplicate")), ("sent", None), "the record")


def known_ranges(server):
    return [each["range"] for each in server.requests if each["step"] == "put"]


def whole_ranges(size, most=3932160):
    """All of it in order, each part but the last of 12 times 320 KiB."""
    return [f"bytes {at}-{min(at + most, size) - 1}/{size}" for at in range(0, size, most)]


def test_refused_as_too_large_a_request(house):
    """A request that is too large for the service (413), or was taken for nothing (200), goes
    on as a draft, once"""
    content = documents.pdf("Middling", padding=5000)
    for oversize in (413, 200):
        with house.signed_in({"request_max": 9000, "oversize": oversize}) as server:
            message = graph.sent(house, server, data=content, options=ALL)
            tap.same(server.steps, ["sendmail", "search", "create", "attach", "send"], "steps")
            tap.same(message.documents, [("Report.pdf", content)], "the documents")
            tap.same(message.recipients[0], "bob@example.com", "the first recipient")
            tap.same(journal.summary(server, backend.UUID),
                     "job, try, plan, intent, taken × 5, outcome sent", "the journal")
            tap.same(len(graph.events(server, event="sent")), 1, "lines of the record")


def test_upload_address_sees_no_token(house):
    """The upload's own address is shown no token, and the token goes to one port alone"""
    with house.signed_in() as server:
        graph.sent(house, server, data=house.large)
        tap.same(set(graph.tokens_shown(server, "upload")), {""}, "the tokens of the upload")
        tap.same(set(graph.tokens_shown(server)), {server.before[1]}, "the tokens at Graph")
        assert len(graph.tokens_shown(server, "upload")) == 2, server.steps


class Elsewhere(web.Service):
    """Another host, which keeps what it is shown."""

    def stage(self, method, path):
        return method

    def answer(self, request):
        return web.reply_json({"nextExpectedRanges": ["0-"]})


def test_no_token_goes_elsewhere(house):
    """Redirects are not followed, and what Graph names as an upload's address gets no token"""
    with Elsewhere(house.kit) as other:
        for step, action in (
                ("sendmail", {"status": 307, "headers": {"Location": f"{other.url}/x"}}),
                ("create", {"status": 302, "headers": {"Location": f"{other.url}/x"}})):
            with house.signed_in({"faults": {step: action}}) as server:
                data = house.large if step == "create" else None
                graph.stopped(house, server, "graph_url", data=data)
                tap.same(other.requests, [], "what came to the other host")
        session = {"raw": json.dumps({"uploadUrl": f"{other.url}/up?key=abc"})}
        with house.signed_in({"faults": {"session": session}}) as server:
            graph.put_off(house, server, data=house.large)
            assert other.count("PUT"), "the upload never went there"
            for each in other.requests:
                tap.absent("authorization", each.fields, "the fields of the upload")
                tap.absent(server.before[1].encode(), each.body, "the upload")


def test_address_in_the_clear(house):
    """An upload's address without TLS is not used"""
    session = {"raw": '{"uploadUrl": "http://localhost:9/up"}'}
    with house.signed_in({"faults": {"session": [session] * 9}}) as server:
        result = house.print(server, data=house.large)
        assert result.code in (RETRY, STOP), result.code
        tap.same(server.accepted, [], "the messages")
        tap.absent("put", server.steps, "the steps")


# -- tokens ------------------------------------------------------------------------------------

def test_expired_token(house):
    """An expired token is renewed once, for Graph's scope, before anything is asked"""
    with house.signed_in(left=-10) as server:
        graph.sent(house, server)
        form, = oauth.asked(server)
        tap.same(form["scope"], graph.SCOPE, "the scope")
        tap.same(graph.tokens_shown(server), [server.store.read().access], "what was shown")


def test_refused_token(house):
    """A token that is refused (401) is renewed once and tried once more"""
    for data, steps in ((None, ["sendmail", "sendmail"]),
                        (house.large, ["search", *LARGE_STEPS])):
        with house.signed_in() as server:
            server.entra.revoke_access()
            graph.sent(house, server, data=data)
            tap.same(server.steps, steps, "the steps")
            tap.same(graph.renewals(server), 1, "the questions")
            tap.same(graph.tokens_shown(server)[:2],
                     [server.before[1], server.store.read().access], "what was shown")


def test_token_ends_on_the_way(house):
    """A token that ends between draft and send is renewed, and that draft is sent"""
    refused = "401 InvalidAuthenticationToken"
    for step in ("session", "send"):
        with house.signed_in({"faults": {step: [refused]}}) as server:
            graph.sent(house, server, data=house.large)
            tap.same(server.steps.count("create"), 1, "the drafts that were made")
            tap.same(graph.renewals(server), 1, "the questions")


def test_refused_twice(house):
    """Where the new token is refused too the queue stops with the reason, after one question"""
    for data, step in ((None, "sendmail"), (house.large, "search")):
        with house.signed_in() as server:
            server.tokens = lambda token, mailbox: False
            result = graph.stopped(house, server, "access token", "postroom login", "401",
                                   data=data)
            tap.same(server.steps, [step, step], "the steps")
            tap.same(graph.renewals(server), 1, "the questions")
            for token in graph.tokens_shown(server):
                tap.absent(token[-40:], result.log, "the log")


def test_service_repeats_token(house):
    """A service that repeats token or upload address in an error does not get it into the log"""
    with house.signed_in() as server:
        token = server.before[1]
        server.script.faults["sendmail"] = {"status": 403, "error": "ErrorAccessDenied",
                                            "message": f"{token} may not"}
        result = graph.stopped(house, server, "left out")
        tap.absent(token[-40:], result.log, "the log")


# -- refusals of the account -------------------------------------------------------------------

def refusal(script, words, large=False):
    def test(house):
        with house.signed_in(script) as server:
            result = graph.stopped(house, server, *words,
                                   data=house.large if large else None)
            tap.same(graph.renewals(server), 0, "the questions")
            tap.absent(NOT_MEANT, result.log, "the log")
            tap.absent("sent", [each["event"] for each in graph.events(server)], "the record")
            server.begin({})  # it is mended
            os.utime(server.settings)
            graph.sent(house, server, data=house.large if large else None)
    return test


REFUSALS = {
    "send_as": ("A mailbox that may not send as From (403): the queue stops and names from",
                {"faults": {"sendmail": "403 ErrorSendAsDenied"}},
                ("from", "Send As", "ErrorSendAsDenied")),
    "send_as_draft": ("The same at a draft",
                      {"faults": {"send": "403 ErrorSendAsDenied"}}, ("from", "Send As"), True),
    "no_send": ("An application without Mail.Send: the queue stops and names the permission",
                {"may": []}, ("Mail.Send", "docs/office365.md")),
    "no_drafts": ("One without Mail.ReadWrite: a large message stops the queue, and it is named",
                  {"may": ["send"]}, ("Mail.ReadWrite", "over 2 MB"), True),
    "no_mailbox": ("A mailbox that is not in Exchange Online, or has no licence (404)",
                   {"faults": {"sendmail": "404 MailboxNotEnabledForRESTAPI"}},
                   ("Exchange Online", "licence", "username")),
    "no_mailbox_large": ("The same before a draft",
                         {"faults": {"search": "404 MailboxNotEnabledForRESTAPI"}},
                         ("Exchange Online", "licence"), True),
    "blocked": ("A mailbox that Microsoft has blocked",
                {"faults": {"sendmail": "403 ErrorAccountSuspend"}}, ("Restricted entities",)),
    "full": ("A mailbox that is full", {"faults": {"create": "507 ErrorQuotaExceeded"}},
             ("full", "Sent Items"), True),
}
for _name, (_text, *_how) in REFUSALS.items():
    _test = refusal(*_how)
    _test.__doc__ = _text
    globals()[f"test_refusal_{_name}"] = _test


def test_small_without_drafts(house):
    """Without Mail.ReadWrite small messages go all the same, also at a second try"""
    with house.signed_in({"may": ["send"], "faults": {
            "sendmail": ["503 ErrorServerBusy"]}}) as server:
        graph.put_off(house, server, "503")
        graph.sent(house, server)
        tap.same(server.steps, ["sendmail", "search", "sendmail"], "the steps")


def test_wrong_certificate(house):
    """A service that is not graph_url's gets to see no token"""
    for kind in ("wrong-host", "unknown-ca"):
        with house.signed_in({"certificate": kind}) as server:
            graph.stopped(house, server, "certificate")
            tap.same(server.requests, [], "the requests")


# -- limits ------------------------------------------------------------------------------------

def minutes_of_day(moment):
    at = time.localtime(moment)
    return at.tm_hour * 60 + at.tm_min


def throttled(step, data, wait):
    def test(house):
        busy = {"status": 429, "error": "ApplicationThrottled",
                "headers": {"Retry-After": str(wait)}}
        content = house.large if data else None
        with house.signed_in({"faults": {step: [busy]}}) as server:
            before = time.time()
            result = graph.put_off(house, server, "429", data=content)
            announced = int.__add__(*(int(each) * unit for each, unit in zip(re.findall(
                r"next try at (?:[0-9-]{10} )?(\d\d):(\d\d)", result.log)[-1], (60, 1))))
            early = (announced - minutes_of_day(before + wait)) % (24 * 60)
            assert early < 12 * 60, f"announced {24 * 60 - early} minutes too early"
            left = graph.pause(server)
            assert wait - 5 < left <= max(wait, 120), f"a pause of {left} s"
            count = len(server.requests)
            graph.put_off(house, server, "takes no more", uuid=OTHER, number=18)
            tap.same(len(server.requests), count, "the requests after another job")
            graph.reopen(server)
            graph.sent(house, server, data=content)
            graph.sent(house, server, count=2, uuid=OTHER, number=18)
    return test


for _step, _data, _wait, _text in (
        ("sendmail", False, 600, "A small message that is throttled (429)"),
        ("search", True, 600, "A search that is throttled"),
        ("create", True, 600, "A draft that is throttled"),
        ("send", True, 600, "A draft's send that is throttled"),
        ("put", True, 600, "An upload that is throttled for ten minutes"),
        ("sendmail", False, 3, "A message that is throttled for seconds")):
    _test = throttled(_step, _data, _wait)
    _test.__doc__ = (f"{_text}: all jobs of the account wait at least as long as it asks "
                     f"({_wait} s)")
    globals()[f"test_throttled_{_step}_{_wait}"] = _test


def test_busy_for_a_moment(house):
    """503 with Retry-After: this job waits so long, others do not"""
    busy = {"status": 503, "error": "ErrorServerBusy", "headers": {"Retry-After": "1800"}}
    with house.signed_in({"faults": {"sendmail": [busy]}}) as server:
        before = time.time()
        log = graph.put_off(house, server, "503").log
        hour, minute = re.findall(r"next try at (?:[0-9-]{10} )?(\d\d):(\d\d)", log)[-1]
        late = (int(hour) * 60 + int(minute) - minutes_of_day(before + 1800)) % (24 * 60)
        assert late < 10, f"next try at {hour}:{minute}"
        graph.sent(house, server, uuid=OTHER, number=18)


def test_four_at_once(house):
    """No more than four requests at a time, whatever max_connections says, and none refused"""
    with house.signed_in(account={"max_connections": 20}) as server:
        graph.sent(house, server)  # a login that never worked would be tried by one alone
        server.script.faults["sendmail"] = "wait"
        with contextlib.ExitStack() as stack:
            runs = [stack.enter_context(house.start(
                server, number=100 + n, uuid=f"{backend.UUID[:-12]}{n:012d}"))
                for n in range(10)]
            for run in runs:
                assert run.wait(lambda: "Waiting for a connection" in run.said()), run.said()
            assert server.wait("sendmail", 1 + 4), "four never came"
            connected = sum("Connecting to" in run.said() for run in runs)
            tap.same(connected, 4, "the runs that connected")
            server.release.set()
            tap.same({run.finish().code for run in runs}, {OK}, "the exit codes")
        tap.same((server.peak, len(server.accepted)), (4, 11), "the most at once, the messages")


# -- size --------------------------------------------------------------------------------------

def test_too_large_is_shrunk(house):
    """A mailbox that may send less (ErrorMessageSizeExceeded): the document is shrunk"""
    picture = documents.photo(1200)
    with house.signed_in({"message_max": 1_000_000}) as server:
        message = graph.sent(house, server, data=picture)
        (_, content), = message.documents
        assert len(content) < len(picture) / 4, f"{len(content)} bytes"
        mail.pdf_check(content)


def pages(count, size):
    """A PDF of pages with about so many bytes each, of which a compressor makes half."""
    chance = random.Random(size)
    return documents.pdf(*(f"Page {n} of\n" + chance.randbytes(size // 2).hex()
                           for n in range(1, count + 1)))


def split(house, script, data, **sections):
    """Prints; returns the parts in order, which must have all pages once."""
    with house.signed_in(script, **sections) as server:
        result = house.print(server, data=data)
        tap.same(result.code, OK, "the exit code")
        tap.same(graph.drafts(server), [], "the drafts that are left")
        parts = graph.arrived(server)
        found = [text.split(" of")[0] for each in parts for _, content in each.documents
                 for text in mail.pdf_text(content)]
        tap.same(len({each.mail["Message-ID"] for each in parts}), len(parts), "Message-IDs")
        for number, each in enumerate(parts, 1):
            tap.among(f"({number} of {len(parts)})", each.mail["Subject"], "the subject")
        return parts, found, server.steps


def test_too_large_is_split(house):
    """What cannot be shrunk is split in parts, each a message of its own"""
    parts, found, _ = split(house, {"message_max": 200_000}, pages(4, 60_000),
                            postroom={"oversize": "split"})
    tap.same(found, [f"Page {n}" for n in range(1, 5)], "the pages")
    assert len(parts) >= 2, len(parts)


def test_split_beforehand(house):
    """max_message_size counts for Graph too: parts that are drafts of their own, at once"""
    parts, found, steps = split(house, {}, pages(4, 5 * MB), postroom={"oversize": "split"},
                                account={"max_message_size": "10M"})
    tap.same(found, [f"Page {n}" for n in range(1, 5)], "the pages")
    tap.same(steps.count("create"), len(parts), "the drafts")
    assert len(parts) >= 2, len(parts)


def test_too_large_for_good(house):
    """What no step makes small enough is cancelled, its owner told, no draft is left"""
    with house.signed_in({"message_max": 4000}, **OWNER) as server:
        result = house.print(server, data=house.large)
        tap.same(result.code, CANCEL, "the exit code")
        notice, = graph.arrived(server)
        tap.same(notice.recipients, ["alice@example.com"], "who was told")
        tap.same(graph.drafts(server), [], "the drafts that are left")


# -- notices -----------------------------------------------------------------------------------

def test_notice(house):
    """A message that is refused for good: its owner is told through Graph, once"""
    with house.signed_in({"faults": {"sendmail": ["400 ErrorInvalidRecipients"]}},
                         **OWNER) as server:
        for _ in range(2):
            result = house.print(server)
            tap.same(result.code, CANCEL, "the exit code")
        notice, = graph.arrived(server)
        assert notice.mail.is_notice, "it is no notice"
        tap.same(notice.header, {"to": ["alice@example.com"], "cc": [], "bcc": []},
                 "the recipients")
        tap.among("bob@example.com", notice.mail.text, "the notice")
        tap.among("refuses a recipient", notice.mail.text, "the notice")
        tap.same(server.steps, ["sendmail", "sendmail"], "the steps")
        tap.same([each["event"] for each in graph.events(server)], ["refused", "notice"],
                 "the record")


def test_notice_that_is_put_off(house):
    """A notice that the service does not take now is sent at the next try"""
    script = {"faults": {"sendmail": ["400 ErrorInvalidRecipients", "503 ErrorServerBusy"]}}
    with house.signed_in(script, **OWNER) as server:
        graph.put_off(house, server, "cannot be told now")
        tap.same(house.print(server).code, CANCEL, "the exit code")
        notice, = graph.arrived(server)
        tap.same(notice.recipients, ["alice@example.com"], "who was told")


# -- secrets -----------------------------------------------------------------------------------

def test_canaries(house):
    """No token, client secret or upload address is in a log, an argument, a file or a core"""
    path = oauth.secret_file(house.folder / "secrets", SECRET)
    with house.office({"faults": {"put": ["wait", "503 ErrorServerBusy"]}}, auth="oauth-app",
                      application={"secret": SECRET},
                      account={"client_secret_file": path}) as server:
        with house.start(server, data=house.large) as run:
            assert server.wait("put"), run.said()
            key, = server.sessions
            known = oauth.canaries(server, SECRET) | {key.encode()}
            oauth.search_processes(run.family(), known)
            server.release.set()
            result = house.last = run.finish()
        tap.same(result.code, OK, "the exit code")
        known = oauth.canaries(server, SECRET) | {key.encode()}
        oauth.search(result.log.encode(), known, "the log")
        files = oauth.search_files(server.settings.parent, known)
        assert files >= 3, f"only {files} files were looked at"
        oauth.search_files(house.tmp, known)


if __name__ == "__main__":
    tap.run(globals(), House)
