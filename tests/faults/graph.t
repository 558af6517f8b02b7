#!/usr/bin/python3 -B
"""Microsoft Graph that never answers, or cannot be reached and comes back: what takes minutes.
All at once, in eleven of them."""
import copy
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "integration"))
from rig import documents, graph, journal, tap  # noqa: E402
from rig.backend import OK, RETRY  # noqa: E402
from fakes.line import Line  # noqa: E402

RUN_LIMIT = 900  # seconds; the longest one waits for ten minutes
NOTICED = 75     # seconds from the service's return to the next try
FOUND = "nothing is sent twice"
LARGE = documents.pdf("Large", padding=5 * 1024 * 1024)
MEETINGS = []


def side_by_side(function):
    """A test that is met at the start, beside the others."""
    def test(_):
        test.outcome.result()
    test.__doc__, test.meet = function.__doc__, function
    MEETINGS.append(test)
    return test


class House(graph.GraphHouse):
    def __enter__(self):
        super().__enter__()
        with ThreadPoolExecutor(len(MEETINGS)) as pool:
            for each in MEETINGS:
                each.outcome = pool.submit(each.meet, copy.copy(self))
        return self


def patient(house, server, data):
    with house.start(server, data=data) as run:
        return run.finish(RUN_LIMIT)


def sent_once(house, server, data, found):
    """The run that follows, and what is left then."""
    result = patient(house, server, data)
    tap.same(result.code, OK, "the exit code of the next run")
    tap.same(FOUND in result.log, found, "whether the log says that it was found")
    tap.same((len(server.accepted), graph.drafts(server)), (1, []), "messages and drafts")
    tap.same([name for name, _ in graph.arrived(server)[0].documents], ["Report.pdf"],
             "the documents")
    tap.same(graph.known(server), journal.SENT, "the journal")
    line, = graph.events(server, event="sent")
    if found:
        tap.same(line.get("duplicate"), None, "the record's word of a duplicate")


def never_answered(house, step, data):
    """It took effect, and nothing was heard for ten minutes."""
    with house.signed_in({"faults": {step: ["effect-then-hang"]}}) as server:
        first = patient(house, server, data)
        tap.same(first.code, RETRY, "the exit code")
        assert 580 < first.seconds < 640, f"{first.seconds} s"
        tap.among("may have arrived", first.log, "the log")
        tap.same((len(server.accepted), graph.known(server)), (1, journal.INTENT),
                 "the messages and the journal by then")
        sent_once(house, server, data, True)


@side_by_side
def test_sendmail(house):
    """A small message that was taken, and is never answered: found after ten minutes, sent once"""
    never_answered(house, "sendmail", None)


@side_by_side
def test_send(house):
    """A draft that was sent, and is never answered: found after ten minutes, sent once"""
    never_answered(house, "send", LARGE)


@side_by_side
def test_put(house):
    """A range that is never answered: the upload goes on after minutes, in the same run"""
    for action in ("hang", "effect-then-hang"):
        with house.signed_in({"faults": {"put": [action]}}) as server:
            result = patient(house, server, LARGE)
            tap.same(result.code, OK, "the exit code")
            assert 150 < result.seconds < 240, f"{result.seconds} s"
            tap.same((len(server.accepted), graph.drafts(server)), (1, []),
                     "messages and drafts")
            tap.same(graph.arrived(server)[0].documents, [("Report.pdf", LARGE)],
                     "the documents")


@side_by_side
def test_create(house):
    """A draft that is made, and never answered: it is found, filled and sent at the next try"""
    with house.signed_in({"faults": {"create": ["effect-then-hang"]}}) as server:
        first = patient(house, server, LARGE)
        tap.same(first.code, RETRY, "the exit code")
        tap.same((graph.known(server), len(graph.drafts(server))), (journal.NONE, 1),
                 "the journal and the drafts")
        sent_once(house, server, LARGE, False)
        tap.same(server.steps.count("create"), 1, "the drafts that were made")


@side_by_side
def test_unreachable(house):
    """Nobody listens at graph_url while a job waits for half an hour: its return is noticed"""
    with house.signed_in(postroom={"retry_after": "30m"}) as server:
        place = graph.free_place()
        graph.move(server, place[1])
        with house.start(server) as run:
            assert run.wait_said("next try"), run.said()
            tap.among("cannot be reached", run.said(), "the log")
            with Line(server.port, at=place):
                back = time.monotonic()
                result = run.finish(RUN_LIMIT)
                seconds = time.monotonic() - back
                tap.same(result.code, RETRY, "the exit code")
                assert seconds < NOTICED, f"noticed after {seconds} s"
                sent_once(house, server, None, False)


if __name__ == "__main__":
    tap.run(globals(), House)
