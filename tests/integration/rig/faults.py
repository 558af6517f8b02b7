"""Rows of the fault matrix: a fault, what is expected, and what a run saw of it.

Each row is a test of its own, with an ID of the matrix and a letter behind it where a fault
comes in several shapes. Where the variable POSTROOM_FAULTS names a folder, it leaves what was
seen there, of which tools/faults makes docs/faults.md.
"""
import json
import os
import re
from base64 import b64encode
from dataclasses import dataclass
from pathlib import Path
from typing import Callable

from rig import backend, journal, settings, tap
from rig.backend import CANCEL, HOLD, OK, RETRY, STOP

SENTENCE_MAX = 200  # characters that are shown of the backend's last sentence
DUPLICATE = "possible duplicate"  # what a log says of a message that may arrive twice
EXPECTED = {
    OK: "sent once",
    HOLD: "held, nothing sent",
    STOP: "the queue stops, nothing sent",
    CANCEL: "cancelled, nothing sent",
    RETRY: "waits and is tried again, nothing sent",
}

# What differs from run to run, and says nothing of the fault.
PASSING = ((r"\b\d\d:\d\d\b", "HH:MM"), (r"(localhost|host\.test|127\.0\.0\.\d):\d+", r"\1:PORT"),
           (r"/tmp/postroom-[^/\s]+(/etc-\d+)?", "FOLDER"), (r"<[0-9a-f]{24}@\S+>", "<ID>"),
           (r"\[Hostname=\S+\]", ""))


@dataclass
class Row:
    id: str
    fault: str
    expected: str
    meet: Callable  # injects, judges, and tells what it saw
    alone: bool
    outcome = None  # a future, where rows are met side by side

    def run(self, house):
        """The row as a test; what came of it is left for tools/faults."""
        verdict, seen = "failed", ""
        try:
            seen = self.outcome.result() if self.outcome else self.meet(house)
            verdict = "seen"
        except tap.Skip as missing:
            verdict, seen = "skipped", str(missing)
            raise
        finally:
            record(self, verdict, seen)


ROWS = {}  # of this program, by ID


def record(row, verdict, seen):
    folder = os.environ.get("POSTROOM_FAULTS")
    if folder:
        Path(folder).mkdir(parents=True, exist_ok=True)
        (Path(folder) / f"{row.id}.json").write_text(json.dumps(
            {"id": row.id, "verdict": verdict, "seen": seen}) + "\n")


def row(number, fault, expected, alone=False):
    """Declares the function below as a row. It raises when not all is as expected, and
    returns what it saw, best by saw(). One that is `alone` is never met beside others."""
    def declare(function):
        if number in ROWS:
            raise ValueError(f"the row {number} is declared twice")
        ROWS[number] = entry = Row(number, fault, expected, function, alone)

        def test(house):
            entry.run(house)
        test.__doc__ = f"{number} {fault}: {expected}"
        return test
    return declare


def table(names, rows):
    """Declares rows of which the server's script is the whole fault, as tests in names, a
    module's globals(): (ID, fault, script, exit code, a word that the log has). A row may
    end with the sections of its settings."""
    for number, fault, script, code, words, *sections in rows:
        names[f"test_{number}"] = row(number, fault, f"exit {code}: {EXPECTED[code]}")(
            _scripted(script, code, words, *sections))


def _scripted(script, code, words, sections=None):
    def meet(house):
        with house.server(script, **(sections or {})) as server:
            result = house.print(server)
            tap.same(result.code, code, "the exit code")
            tap.same(len(server.accepted), int(code == OK), "the number of messages")
            tap.among(words, result.log, "the log")
            return saw(server, result)
    return meet


class SideBySide(tap.SideBySide):
    """The same for rows."""

    @property
    def meetings(self):
        return [each for each in ROWS.values() if not each.alone]


# -- what holds in every row, and what is told of it -------------------------------------------

def no_leak(server, log):
    """Nothing secret outside TLS, nor in anything that the backend says or keeps."""
    kept = [path.read_bytes() for path in
            (*settings.state_of(server.settings).rglob("*"), server.settings.parent / "log")
            if path.is_file()]
    for secret in (settings.PASSWORD, b64encode(settings.PASSWORD.encode()).decode()):
        tap.absent(secret.encode(), bytes(server.bare), "the bytes outside TLS")
        tap.absent(secret, log, "the log")
        for content in kept:
            tap.absent(secret.encode(), content, "the files that are kept")
    tap.absent(b"MAIL FROM", bytes(server.bare).upper(), "the bytes outside TLS")
    assert all(tls for tls, _, _ in server.credentials), "a credential outside TLS"


def sentence(log):
    """What the backend said last for people, without what differs from run to run."""
    said = re.findall(r"^(?:ERROR|WARNING|INFO): (.*)$", log, re.MULTILINE)
    text = said[-1] if said else "nothing was said"
    for pattern, word in PASSING:
        text = re.sub(pattern, word, text)
    text = text.strip()
    return text if len(text) <= SENTENCE_MAX else text[:SENTENCE_MAX - 1] + "…"


def saw(server, *results, also="", uuid=backend.UUID):
    """Tells of the runs of one job, after a look at what holds in every row: no secret got
    out, nothing was taken that was not whole, and the journal can be read."""
    for result in results:
        no_leak(server, result.log)
    assert all(each.whole for each in server.accepted), "a message that was cut off"
    codes = ", then ".join(f"{each.code}" for each in results)
    count, taken = len(server.messages), len(server.accepted)
    facts = [f"exit {codes} in {sum(each.seconds for each in results):.0f} s",
             f"{taken} of {count} messages taken" if count else "no message",
             f"journal: {journal.summary(server, uuid)}", also,
             DUPLICATE if DUPLICATE in results[-1].log else ""]
    return f"{'; '.join(filter(None, facts))}. “{sentence(results[0].log)}”"
