#!/usr/bin/python3 -B
"""Sending through Microsoft Graph that is broken off: lost answers, broken uploads, nonsense,
kills. What was sent once is never sent twice, nothing is lost, and no draft is left behind."""
import json
import os
import signal
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))
from rig import backend, documents, graph, journal, tap  # noqa: E402
from rig.backend import OK, RETRY  # noqa: E402

MB = 1024 * 1024
STOP_LIMIT = 2  # seconds after SIGTERM
FOUND = "nothing is sent twice"
DUPLICATE = "possible duplicate"


class House(graph.GraphHouse):
    """With a document that takes an upload of two ranges."""

    def __enter__(self):
        super().__enter__()
        self.large = documents.pdf("Large", padding=5 * MB)
        return self

    def data(self, large):
        return self.large if large else self.pdf


def variant(name, text, function, *arguments):
    """Declares a test."""
    def test(house):
        function(house, *arguments)
    test.__doc__ = text
    globals()[f"test_{name}"] = test


def whole(server, data):
    """What was sent must be one message with all of the document, and nothing is left."""
    tap.same(len(server.accepted), 1, "the number of messages")
    message, = graph.arrived(server)
    tap.same(message.documents, [("Report.pdf", data)], "the documents")
    tap.same(message.recipients, ["bob@example.com"], "the recipients")
    tap.same(graph.drafts(server), [], "the drafts that are left")
    tap.same(graph.known(server), journal.SENT, "what the journal has")
    tap.same(len(graph.events(server, event="sent")), 1, "the messages of the record")


def again(house, server, data):
    """The run that follows, when all is well."""
    result = house.print(server, data=data)
    tap.same(result.code, OK, "the exit code of the next run")
    whole(server, data)
    return result


def once_more(house, server, data):
    """A third run, as after a restart of cupsd: nothing happens any more."""
    count = len(server.requests)
    tap.same(house.print(server, data=data).code, OK, "the exit code of a third run")
    tap.same(len(server.requests), count, "the requests")


# -- answers that are lost ---------------------------------------------------------------------

SMALL, LARGE = False, True
STEPS = [(SMALL, "sendmail"), *((LARGE, each) for each in (
    "search", "create", "session", "put", "send"))]
COMMITS = ("sendmail", "send")
BUSY = "503 ErrorServerBusy"
IN_PLACE = ("session", "put")  # an upload that broke goes on in the same run


def lost(house, large, step, action, had_effect):
    data = house.data(large)
    with house.signed_in({"faults": {step: [action]}}) as server:
        if step in IN_PLACE:
            tap.same(house.print(server, data=data).code, OK, "the exit code")
            whole(server, data)
            return
        first = graph.put_off(house, server, data=data)
        tap.same(len(server.accepted), had_effect and step in COMMITS, "the messages by then")
        doubt = step in COMMITS and action != BUSY
        tap.same(graph.known(server), journal.INTENT if doubt else journal.REFUSED
                 if step in COMMITS else journal.NONE, "what the journal has between")
        tap.same("may have arrived" in first.log, doubt, "whether the log says so")
        second = again(house, server, data)
        found = had_effect and step in COMMITS
        tap.same(FOUND in second.log, found, "whether the log says that it was found")
        line, = graph.events(server, event="sent")
        if found:
            tap.same(line.get("duplicate"), None, "the record's word of a duplicate")
        tap.same(server.steps.count("create"), int(large) + (
            step == "create" and not had_effect), "the drafts that were made")
        once_more(house, server, data)


for _large, _step in STEPS:
    for _name, _action, _effect in (
            ("close", "close", False), ("reset", "reset", False),
            ("lost", "effect-then-close", True)):
        variant(f"{_step}_{_name}", f"{_step}: " + {
            "close": "the connection ends without an answer, and nothing was done",
            "reset": "the connection is reset, and nothing was done",
            "lost": "it is done, and the answer does not come"}[_name] +
            ": sent once, whole", lost, _large, _step, _action, _effect)
for _large, _step in ((SMALL, "sendmail"), (LARGE, "send")):
    for _status in (500, 502, 504):
        variant(f"{_step}_{_status}", f"{_step}: it is done, and a gateway answers {_status}: "
                "sent once", lost, _large, _step,
                {"status": _status, "raw": "<html>effect</html>", "effect": True}, True)
    variant(f"{_step}_503", f"{_step}: refused for the moment (503): sent once, and no doubt is "
            "left", lost, _large, _step, BUSY, False)


def test_half(house):
    """A request that breaks off in the middle: sent once; log and journal agree on the doubt"""
    with house.signed_in({"faults": {"sendmail": ["half"]}}) as server:
        data = documents.pdf("Middling", padding=2 * MB)
        first = graph.put_off(house, server, data=data)
        tap.same("may have arrived" in first.log, graph.known(server) == journal.INTENT,
                 "whether the log says so")
        again(house, server, data)


def test_lost_without_right_to_look(house):
    """Where the mailbox may not be read a lost answer may make a duplicate: log and record say so"""
    with house.signed_in({"may": ["send"], "faults": {
            "sendmail": ["effect-then-close"]}}) as server:
        graph.put_off(house, server, "may have arrived")
        result = house.print(server)
        tap.same(result.code, OK, "the exit code")
        tap.among(DUPLICATE, result.log, "the log")
        tap.same(len(server.accepted), 2, "the number of messages")
        first, second = graph.arrived(server)
        tap.same(first.mail.content, second.mail.content, "the second message")
        line, = graph.events(server, event="sent")
        tap.same(line["duplicate"], "possible", "the record's word of a duplicate")


def test_lost_with_bcc(house):
    """A message with Cc and Bcc whose answer is lost is found by all of its recipients"""
    options = backend.OPTIONS.replace("mail-to=bob@example.com", (
        "mail-to=Bob@Example.com mail-cc=carol@example.com mail-bcc=dave@example.com"))
    for large, step in ((SMALL, "sendmail"), (LARGE, "send")):
        with house.signed_in({"faults": {step: ["effect-then-close"]}}) as server:
            graph.put_off(house, server, data=house.data(large), options=options)
            result = house.print(server, data=house.data(large), options=options)
            tap.same(result.code, OK, "the exit code")
            tap.same(len(server.accepted), 1, "the number of messages")
            tap.among(FOUND, result.log, "the log")


# -- uploads -----------------------------------------------------------------------------------

RANGES = {
    "breaks off in the middle of a range": {"put": ["half"]},
    "breaks off in the middle of the last range": {"put": [None, "half"]},
    "loses the answer to the last range": {"put": [None, "effect-then-close"]},
    "is busy at a range (503)": {"put": [None, "503 ErrorServerBusy"]},
    "does not take a range (416)": {"put": [None, "416 ErrorInvalidRange"]},
    "forgets the upload (404)": {"put": [None, "forget"]},
    "is throttled for a second (429)": {"put": [
        {"status": 429, "error": "ApplicationThrottled", "headers": {"Retry-After": "1"}}]},
    "breaks again and again": {"put": ["half", "reset", None, "reset", "half"]},
    "breaks, and forgets where it was": {"put": [None, "reset"],
                                         "where": ["404 ErrorItemNotFound"]},
    "tells of nothing (200, an empty body)": {"put": [{"raw": ""}]},
    "asks for the first range again": {"put": [{"raw": '{"nextExpectedRanges": ["0-"]}'}]},
    "asks for what is no range": {"put": [{"raw": '{"nextExpectedRanges": ["x", 5]}'}],
                                  "where": [{"raw": '{"nextExpectedRanges": ["-1"]}'}]},
    "asks for a range far beyond": {"put": [{"raw": json.dumps(
        {"nextExpectedRanges": ["99999999999999999999-"]})}]},
}


def broken_range(house, faults):
    with house.signed_in({"faults": faults}) as server:
        tap.same(house.print(server, data=house.large).code, OK, "the exit code")
        whole(server, house.large)
        assert len(server.steps) < 30, f"{len(server.steps)} requests"


for _number, (_what, _faults) in enumerate(RANGES.items()):
    variant(f"range_{_number}", f"An upload that {_what} is sent whole, in one run",
            broken_range, _faults)


def test_range_never(house):
    """An upload that breaks each time is given up for now, and goes when that is over"""
    for action in ("reset", "503 ErrorServerBusy", "404 ErrorItemNotFound"):
        with house.signed_in({"faults": {"put": action}}) as server:
            graph.put_off(house, server, data=house.large)
            assert server.steps.count("put") <= 6, server.steps
            tap.same(len(graph.drafts(server)), 1, "the drafts")
            server.script.faults.clear()
            again(house, server, house.large)
            tap.same(server.steps.count("create"), 1, "the drafts that were made")


# -- nonsense ----------------------------------------------------------------------------------

NONSENSE = {
    "HTML": {"raw": "<html><body>Sign in to the hotel's network</body></html>"},
    "a truncated object": {"raw": '{"value": [{"id": "AAMk", "name": "Rep'},
    "an empty body": {"raw": ""},
    "an empty object": {"raw": "{}"},
    "a list": {"raw": '[{"id": "x"}]'},
    "things of other kinds": {"raw": '{"id": 5, "value": "x", "isDraft": "no", "toRecipients": '
                                     '{"a": 1}, "uploadUrl": ["x"]}'},
    "NUL and bytes of no character set": {"raw": '{"id": "a\0\xff\xfe"}'},
    "an object without end": {"raw": '{"id": "', "endless": "a"},
    "lists in lists without end": {"endless": "["},
}
# The steps that are asked in a first run, and those that look for what it left.
FIRST = ("create", "session", "put", "send")
LATER = ("search", "get", "list")


def nonsense(house, action):
    for large, step in ((SMALL, "sendmail"), *((LARGE, each) for each in FIRST)):
        data = house.data(large)
        with house.signed_in({"faults": {step: [action]}}) as server:
            result = either(house, server, data, step)
            if result.code == RETRY:
                again(house, server, data)
            whole(server, data)
            assert server.endless < 1 << 25, f"{step}: {server.endless} bytes were taken"


def either(house, server, data, step):
    """Runs until it is sent or waits for its next try."""
    with house.start(server, data=data) as run:
        run.wait_said("next try")
        if run.process.poll() is None:
            run.terminate()
        house.last = run.finish()
    server.wait_idle(5)
    assert house.last.code in (OK, RETRY), f"{step}: exit code {house.last.code}"
    return house.last


def nonsense_later(house, action):
    """It was sent, or is ready to be sent; whoever cannot read what the mailbox has must not
    take it for empty."""
    for large, commit, steps in ((SMALL, "sendmail", LATER[:2]), (LARGE, "send", LATER)):
        for step in steps:
            first = "close" if step == "list" else "effect-then-close"
            with house.signed_in({"faults": {commit: [first]}}) as server:
                data = house.data(large)
                graph.put_off(house, server, data=data)
                server.script.faults[step] = [None] * server.script.reached[step] + [action]
                asked = server.script.reached[step]
                result = either(house, server, data, step)
                assert server.script.reached[step] > asked, f"{step} was not reached"
                tap.same(result.code, RETRY, f"the exit code at {step}")
                tap.same(len(server.accepted), int(step != "list"), "the messages by then")
                again(house, server, data)


for _number, (_what, _action) in enumerate(NONSENSE.items()):
    variant(f"nonsense_{_number}", f"{_what} for an answer, at each step: nothing is lost, and "
            "nothing is sent twice", nonsense, _action)
    variant(f"nonsense_later_{_number}", f"{_what} where the mailbox is looked at: it is not "
            "taken for empty", nonsense_later, _action)

IDS = ("AA'/../b?c=d#e%2F\"", "..", ".", "a/b", "'", '"', "\\", "%00", "é", "a b", "x" * 511,
       "x" * 600, "../../../v1.0/me/sendMail?")


def test_ids(house):
    """Ids with slashes, quotes and dots reach no other address, and lose nothing"""
    for text in IDS:
        made = {"raw": json.dumps({"id": text})}
        with house.signed_in({"faults": {"create": [made]}}) as server:
            result = either(house, server, house.large, text)
            tap.same(result.code, RETRY, f"the exit code with {text!r}")
            tap.same(server.accepted, [], "the messages")
            assert set(server.steps) <= {"search", "create", "session", "list"}, server.steps
            again(house, server, house.large)


def test_ids_found(house):
    """An id of a found message that cannot be used is no reason to send once more"""
    for value in ([{"id": "x" * 600}], [{"id": ""}], [{"no": "id"}], ["x"], [None]):
        found = {"raw": json.dumps({"value": value})}
        with house.signed_in({"faults": {"sendmail": ["effect-then-close"],
                                         "search": [found]}}) as server:
            graph.put_off(house, server)
            tap.same(either(house, server, house.pdf, str(value)[:9]).code, RETRY,
                     f"the exit code with {value}")
            again(house, server, house.pdf)


# -- killed ------------------------------------------------------------------------------------

IN_VAIN = {"then": "wait", "status": 503, "error": "ErrorServerBusy"}  # it does nothing
KILLS = [
    ("sendmail_before", SMALL, "sendmail", 1, False, "before the service takes the message"),
    ("sendmail_after", SMALL, "sendmail", 1, True, "after it took it, before the answer"),
    ("search", LARGE, "search", 1, True, "while it looks for a draft"),
    ("create", LARGE, "create", 1, True, "when the draft is made, before the answer"),
    ("session", LARGE, "session", 1, True, "between the draft and its upload"),
    ("put", LARGE, "put", 1, True, "in the middle of an upload"),
    ("put_lost", LARGE, "put", 1, False, "in the middle of an upload whose range is lost"),
    ("put_last", LARGE, "put", 2, True, "when the upload is over, before the answer"),
    ("send_before", LARGE, "send", 1, False, "between draft and send"),
    ("send_after", LARGE, "send", 1, True, "after send, before the answer"),
]


def killed(house, large, step, turn, effect):
    data = house.data(large)
    action = "wait" if effect else IN_VAIN
    with house.signed_in({"faults": {step: [None] * (turn - 1) + [action]}}) as server:
        with house.start(server, data=data) as run:
            assert server.wait(step, turn), run.said()
            assert server.wait_for(lambda: server.steps.count(step) == turn), "no request"
            os.killpg(run.process.pid, signal.SIGKILL)
            run.process.wait()
        server.release.set()
        assert server.wait_idle(), "the service is still at it"
        commits = step in COMMITS
        tap.same(len(server.accepted), int(commits and effect), "the messages by then")
        tap.same(graph.known(server), journal.INTENT if commits else journal.NONE,
                 "what the journal has between")
        second = again(house, server, data)
        tap.same(FOUND in second.log, commits and effect, "whether the log tells of it")
        tap.same(server.steps.count("create"), int(large), "the drafts that were made")
        line, = graph.events(server, event="sent")
        if commits and effect:
            tap.same(line.get("duplicate"), None, "the record's word of a duplicate")
        once_more(house, server, data)


for _name, _large, _step, _turn, _effect, _text in KILLS:
    variant(f"killed_{_name}", f"The backend is killed {_text}: the next run sends once, and "
            "leaves no draft", killed, _large, _step, _turn, _effect)


def test_killed_again_and_again(house):
    """Killed at each step, one run after the other: one draft, one message"""
    steps = ("create", "session", "put", "send")
    with house.signed_in({"faults": dict.fromkeys(steps, ["wait"])}) as server:
        for step in steps:
            server.release.clear()
            with house.start(server, data=house.large) as run:
                assert server.wait_for(lambda: step in server.steps), run.said()
                os.killpg(run.process.pid, signal.SIGKILL)
                run.process.wait()
            server.release.set()
            assert server.wait_idle(), "the service is still at it"
        tap.among(FOUND, again(house, server, house.large).log, "the log")
        tap.same(server.steps.count("create"), 1, "the drafts that were made")


# -- stopped -----------------------------------------------------------------------------------

def stopped(house, large, step, turn=1):
    """Stops it while a step is not answered; returns the server's steps of the clearing up."""
    data = house.data(large)
    with house.signed_in({"faults": {step: [None] * (turn - 1) + ["wait"]}}) as server:
        with house.start(server, data=data) as run:
            assert server.wait_for(lambda: server.steps.count(step) == turn), run.said()
            run.terminate()
            result = house.last = run.finish()
            tap.same(run.left_behind(), [], "the processes left behind")
        tap.same(result.code, RETRY, "the exit code: cupsd knows that it was cancelled")
        assert result.seconds < STOP_LIMIT, f"{result.seconds} s"
        left = len(graph.drafts(server))
        server.release.set()
        server.wait_idle(5)
        tap.same(server.accepted, [], "the messages")
        again(house, server, data)
        return left


def test_stopped(house):
    """A job that is cancelled while nothing was sent ends within two seconds, sent nowhere"""
    for step in ("search", "create"):
        stopped(house, LARGE, step)


def test_stopped_in_upload(house):
    """Cancelled in the middle of an upload: no draft is left behind"""
    for step, turn in (("session", 1), ("put", 1), ("put", 2)):
        tap.same(stopped(house, LARGE, step, turn), 0, f"the drafts left at {step} {turn}")


def test_stopped_and_silent(house):
    """The same where the service does not answer that either: within two seconds, too"""
    with house.signed_in({"faults": {"put": ["wait"], "delete": ["wait"]}}) as server:
        with house.start(server, data=house.large) as run:
            assert server.wait("put"), run.said()
            run.terminate()
            result = house.last = run.finish()
        assert result.seconds < STOP_LIMIT, f"{result.seconds} s"
        tap.same(result.code, RETRY, "the exit code")
        tap.among("delete", server.steps, "the steps")
        server.release.set()
        server.wait_idle(5)
        again(house, server, house.large)


def test_stopped_after_commit(house):
    """Cancelled when the message may be on its way: the answer is awaited"""
    for large, step in ((SMALL, "sendmail"), (LARGE, "send")):
        with house.signed_in({"faults": {step: ["wait"]}}) as server:
            with house.start(server, data=house.data(large)) as run:
                assert server.wait_for(lambda: step in server.steps), run.said()
                run.terminate()
                server.release.set()
                result = house.last = run.finish()
            tap.same(result.code, OK, "the exit code")
            whole(server, house.data(large))


# -- nobody there ------------------------------------------------------------------------------

def test_unreachable(house):
    """A service where nobody listens: the job waits, and goes when it is back"""
    with house.signed_in() as server:
        graph.move(server, graph.free_place()[1])
        result = graph.put_off(house, server, "localhost", "cannot be reached")
        tap.absent("may have arrived", result.log, "the log")
        tap.same(graph.known(server), journal.NONE, "what the journal has")
        graph.move(server, server.port)
        again(house, server, house.pdf)


if __name__ == "__main__":
    tap.run(globals(), House)
