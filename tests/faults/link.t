#!/usr/bin/python3 -B
"""The fault matrix, row N6: the line is down, and comes back."""
import contextlib
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "integration"))
from rig import backend, faults, network, tap  # noqa: E402
from rig.backend import OK, RETRY  # noqa: E402

RUN_LIMIT = 300  # seconds
NOTICED = 90  # seconds from the line's return to the last job's next try
JOBS = {number: f"0f0e0d0c-4c3a-3f8e-4a86-0000000000{number}" for number in (21, 22, 23)}


@faults.row("N6", "the line is down while three jobs wait for half an hour, and comes back",
            "noticed within a minute; each is sent once", alone=True)
def test_N6(house):
    with house.server(postroom={"retry_after": "30m"}) as server, \
            contextlib.ExitStack() as stack:
        network.link("down")
        stack.callback(network.link, "up")
        runs = [stack.enter_context(house.start(server, number=number, uuid=uuid))
                for number, uuid in JOBS.items()]
        for run in runs:
            assert run.wait_said("next try", RUN_LIMIT), run.said()
        network.link("up")
        back = time.monotonic()
        results = [run.finish(RUN_LIMIT) for run in runs]
        seconds = time.monotonic() - back
        tap.same([each.code for each in results], [RETRY] * 3, "the exit codes")
        assert seconds < NOTICED, f"noticed after {seconds} s"
        again = [house.print(server, number=number, uuid=uuid)
                 for number, uuid in JOBS.items()]
        tap.same([each.code for each in again], [OK] * 3, "the exit codes then")
        tap.same(len(server.accepted), 3, "the number of messages")
        return faults.saw(server, *again, uuid=JOBS[21],
                          also=f"exit 7 each {seconds:.0f} s after the line's return before")


class House(backend.House):
    def __enter__(self):
        network.arrange()
        return super().__enter__()


if __name__ == "__main__":
    network.enter()
    tap.run(globals(), House)
