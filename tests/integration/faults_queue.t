#!/usr/bin/python3 -B
"""The fault matrix, rows C: what cupsd and people can do to a job that is on its way."""
import subprocess
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))
import rig  # noqa: E402
from rig import backend, cupsd, documents, faults, settings, tap  # noqa: E402
from fakes import scripted  # noqa: E402

LARGE = documents.pdf("Large", padding=4 * 1024 * 1024)  # more than the sockets buffer
STOP_LIMIT = 2.0  # seconds from the cancelling to the end of the last process
INSIDE = {"faults": {"body": [{"then": "stall", "after": 100_000}, None]}}


def on_its_way(house, act):
    """Lets a job come into its message, acts on it, and gives what the server has then."""
    with scripted.Server(INSIDE, kit=house.kit) as server:
        settings.write(house.settings.parent, server)
        job = house.cupsd.lp("mail", house.document, options=["mail-to=bob@example.com"])
        assert server.wait("body"), house.cupsd.diagnose()
        state = act(job)
        assert server.wait_for(lambda: server.connections.keys() <= {1}), "connections"
        house.cupsd.poll(lambda: not house.backends(), "a backend is left", STOP_LIMIT)
        return state, server


@faults.row("C4a", "a job is cancelled inside its message", "stopped, nothing sent, no process"
            " left", alone=True)
def test_C4a(house):
    def act(job):
        house.cupsd.run("cancel", f"mail-{job}")
        return house.cupsd.wait(job)["state"]
    state, server = on_its_way(house, act)
    tap.same(state, "canceled", "the state of the job")
    tap.same([each for each in server.messages if each.whole], [], "the whole messages")
    return f"job {state}; {len(server.accepted)} of {len(server.messages)} messages taken"


@faults.row("C4b", "a job is cancelled and purged (cancel -x) inside its message",
            "stopped, nothing sent, no process left", alone=True)
def test_C4b(house):
    def act(job):
        house.cupsd.run("cancel", "-x", f"mail-{job}")
        house.cupsd.poll(lambda: not house.backends(), "the backend goes on")
        return "gone"
    state, server = on_its_way(house, act)
    tap.same([each for each in server.messages if each.whole], [], "the whole messages")
    return f"job {state}; {len(server.accepted)} of {len(server.messages)} messages taken"


@faults.row("C4c", "the queue is paused (cupsdisable) inside a message, then resumed",
            "the job waits in the queue, then it is sent once", alone=True)
def test_C4c(house):
    def act(job):
        house.cupsd.run("cupsdisable", "mail")
        house.cupsd.poll(lambda: not house.backends(), "the backend goes on")
        states.append(house.cupsd.client.job(job)["state"])
        house.cupsd.run("cupsenable", "mail")
        return house.cupsd.wait(job)["state"]
    states = []
    state, server = on_its_way(house, act)
    tap.same(state, "completed", "the state of the job")
    tap.same(len(server.accepted), 1, "the number of messages")
    return (f"job {states[0]}, then {state}; "
            f"{len(server.accepted)} of {len(server.messages)} messages taken")


# -- discovery ---------------------------------------------------------------------------------

@faults.row("C8a", "lpinfo -v asks for devices", "listed; no secret is opened, nobody is asked",
            alone=True)
def test_C8a(house):
    with scripted.Server({}, kit=house.kit) as server:
        settings.write(house.settings.parent, server)
        settings.secret_of(house.settings).unlink()
        lines = [line for line in house.cupsd.run("lpinfo", "-v").stdout.splitlines()
                 if "mailto" in line]
        tap.among("network mailto", lines, "the devices")
        tap.same(server.script.reached["greeting"], 0, "the number of connections")
        return "listed; no connection"


@faults.row("C8b", "a user who may read nothing starts it without arguments",
            "listed; exit 0", alone=True)
def test_C8b(house):
    program = house.folder / "mailto"
    program.write_bytes(rig.built("mailto").read_bytes())
    program.chmod(0o755)
    done = subprocess.run(
        ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", program],
        env={"POSTROOM_CONFIG": "/nowhere/postroom.conf"}, stdin=subprocess.DEVNULL,
        capture_output=True, text=True, timeout=backend.RUN_LIMIT)
    tap.same(done.returncode, 0, "the exit code")
    assert done.stdout.startswith("network mailto"), done.stdout
    return f"exit {done.returncode}; {len(done.stdout.splitlines())} device listed"


class House(backend.House):
    """A cupsd with a raw queue; each row has a server of its own."""

    def __init__(self):
        super().__init__()
        self.settings = self.folder / "etc" / "postroom.conf"
        self.document = self.folder / "large.pdf"
        self.document.write_bytes(LARGE)
        self.cupsd = cupsd.Cupsd(self.settings)

    def __enter__(self):
        super().__enter__()
        self.cupsd.start()
        self.cupsd.add_queue("mail")
        return self

    def __exit__(self, *error):
        self.cupsd.stop()
        super().__exit__(*error)

    def backends(self):
        """The processes of this cupsd's backend."""
        found = []
        for entry in Path("/proc").glob("[0-9]*"):
            try:
                if str((entry / "exe").readlink()).startswith(f"{self.cupsd.folder}/bin/"):
                    found.append(int(entry.name))
            except OSError:
                continue
        return found

    def diagnose(self):
        return self.cupsd.diagnose()


if __name__ == "__main__":
    tap.run(globals(), House)
