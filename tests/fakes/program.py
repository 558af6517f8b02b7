"""How a fake runs as a program, and how its own programs are ended.

It says `ready` and its address, and ends on SIGTERM, or when its standard input closes, so
that it never outlives a caller that was killed.
"""
import json
import os
import select
import signal
import subprocess
import sys
from pathlib import Path

END_LIMIT = 5  # seconds from SIGTERM to SIGKILL


class Served:
    """What serves from start() to stop(), as a context manager."""

    def __enter__(self):
        self.start()
        return self

    def __exit__(self, *_):
        self.stop()


def folder_and_script():
    """The arguments of a fake that does as a script tells it."""
    if len(sys.argv) != 3:
        sys.exit(f"usage: {Path(sys.argv[0]).name} FOLDER SCRIPT")
    folder, script = sys.argv[1:]
    text = script if script.lstrip().startswith("{") else Path(script).read_text()
    return Path(folder), json.loads(text)


def serve_until_told(server, address=lambda server: server.port):
    """Starts the server, announces its address and returns when it is time to end."""
    wake, told = os.pipe()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: os.write(told, b"x"))
    server.start()
    print(f"ready {address(server)}", flush=True)
    try:
        while True:
            ready, _, _ = select.select([wake, sys.stdin], [], [])
            if wake in ready or not os.read(sys.stdin.fileno(), 4096):
                return
    finally:
        server.stop()


def end_session(process, limit=END_LIMIT):
    """Ends a process that was started with start_new_session, and what it left behind."""
    process.terminate()
    try:
        process.wait(limit)
    except subprocess.TimeoutExpired:
        pass
    try:
        os.killpg(process.pid, signal.SIGKILL)
    except ProcessLookupError:
        pass
    process.wait()
