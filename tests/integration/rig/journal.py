"""Reads a job's journal (lib/send/journal.h) as the tests' own witness: what the backend left
on the disk, read by other code than its own."""
import re
import zlib
from pathlib import Path

from rig import settings

NONE, INTENT, SENT, REFUSED = "nothing", "intent", "sent", "refused"


def texts(data):
    """The texts of the lines that are whole. A last line without its end was never written."""
    found = []
    for line in data.split(b"\n")[:-1]:
        seal = re.fullmatch(rb"(.*) ([0-9A-Fa-f]{8})", line)
        if not line:
            continue  # parts a damaged line from what was written after it
        assert seal and zlib.crc32(seal[1]) == int(seal[2], 16), f"a damaged line: {line!r}"
        found.append(seal[1].decode())
    return found


def lines(state, uuid):
    """The lines of a job in a state folder; none where it has no journal."""
    path = next(Path(state, "jobs").glob(f"*-{uuid}"), Path("missing"))
    return texts(path.read_bytes()) if path.exists() else []


def known(state, uuid, part=1):
    """What is known of a part's delivery: nothing, an intent, or the outcome."""
    found = NONE
    for kind, *words in (line.split() for line in lines(state, uuid)):
        if kind == "intent" and words[0] == str(part):
            found = INTENT
        elif kind == "outcome" and words[0] == str(part):
            found = SENT if words[1] == "sent" else REFUSED
    return found


def summary(server, uuid):
    """What the lines tell of a job of a server's settings, in few words: how often each kind
    of line stands there, the outcomes with their word."""
    found = {}
    for line in lines(settings.state_of(server.settings), uuid):
        kind, *rest = line.split()
        word = f"{kind} {rest[1]}" if kind == "outcome" and len(rest) > 1 else kind
        found[word] = found.get(word, 0) + 1
    return ", ".join(f"{word} × {count}" if count > 1 else word
                     for word, count in found.items()) or "none"
