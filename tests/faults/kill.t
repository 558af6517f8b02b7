#!/usr/bin/python3 -B
"""Kills a delivery at every system call of each of its processes, in three ways, and runs it
again."""
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1] / "integration"))
from rig import crash, tap  # noqa: E402

test_once_or_said = crash.once_or_said
test_all_reached = crash.all_reached
test_worker_is_missed = crash.worker_is_missed
test_nothing_is_left = crash.nothing_is_left

if __name__ == "__main__":
    tap.run(globals(), crash.House)
