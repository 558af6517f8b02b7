#!/usr/bin/python3 -B
"""Kills a delivery at many of its system calls, and runs it again: tests/faults/kill.t does it
at all of them."""
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))
from rig import crash, tap  # noqa: E402


class House(crash.House):
    every = 24


test_once_or_said = crash.once_or_said
test_all_reached = crash.all_reached
test_worker_is_missed = crash.worker_is_missed
test_nothing_is_left = crash.nothing_is_left

if __name__ == "__main__":
    tap.run(globals(), House)
