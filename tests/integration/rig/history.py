"""Reads the record of outcomes (lib/send/history.h), a line each."""
import re
from pathlib import Path

FIELD = re.compile(r'([a-z_-]+)=("(?:[^"\\]|\\.)*"|\S*)(?: |$)')


def fields(line):
    """A line as a dictionary. What is left over when all fields are read is an error."""
    found, position = {}, 0
    while position < len(line):
        field = FIELD.match(line, position)
        assert field, f"no KEY=VALUE at {position} of {line!r}"
        value = field[2]
        if value.startswith('"'):
            value = re.sub(r"\\(.)", r"\1", value[1:-1])
        assert field[1] not in found, f"{field[1]} comes twice in {line!r}"
        found[field[1]] = value
        position = field.end()
    return found


def read(path, torn=False):
    """The lines of a file. Where a disk was full some may be torn: they are left out."""
    path = Path(path)
    if not path.exists():
        return []
    found = []
    for line in path.read_text(errors="replace").splitlines():
        try:
            found.append(fields(line))
        except AssertionError:
            if not torn:
                raise
    return found
