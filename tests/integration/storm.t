#!/usr/bin/python3 -B
"""Sixty jobs of five users on four queues at once: tests/faults/storm.t has a thousand."""
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))
from rig import storm, tap  # noqa: E402


class House(storm.House):
    plan = storm.Plan(jobs=60, per_minute=240, limit=120, reset_every=11,
                      refuse_every=17)


test_at_rest = storm.at_rest
test_once = storm.once
test_same_message = storm.same_message
test_recorded = storm.recorded
test_owners_told = storm.owners_told
test_connections_kept = storm.connections_kept
test_rate_kept = storm.rate_kept
test_faults_happened = storm.faults_happened

if __name__ == "__main__":
    tap.run(globals(), House)
