"""What a program shows on its terminal, read from the other side."""
import os
import select
import time

LIMIT = 60  # seconds for whatever is waited for
BLOCK = 4096


def read(master, until=None, limit=LIMIT):
    """What was shown up to a text (bytes), or to the end. Whether the text came is the caller's to
    see; neither of them within the limit is a failure."""
    shown = b""
    end = time.monotonic() + limit
    while until is None or until not in shown:
        ready, _, _ = select.select([master], [], [], max(0, end - time.monotonic()))
        assert ready, f"after {limit} s there was {shown!r}, and no {until or 'end'!r}"
        try:
            shown += os.read(master, BLOCK)
        except OSError:  # EIO: the other side is closed
            break
    return shown.decode()
