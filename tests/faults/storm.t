#!/usr/bin/python3 -B
"""A thousand jobs of five users on four queues at once. Now and then somebody else takes all of
the mailbox's connections, so that the server says 432 and the account pauses."""
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1] / "integration"))
from rig import storm, tap  # noqa: E402


class House(storm.House):
    plan = storm.Plan(jobs=1000, per_minute=360, limit=600, strangers=(300, 700))


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
