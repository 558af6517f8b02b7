#!/usr/bin/python3 -B
"""Root reads the secret and the settings, a nobody reads the job: what /proc says of it."""
import os
import pwd
import subprocess
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))
import rig  # noqa: E402
from rig import backend, settings, tap  # noqa: E402
from rig.backend import OK, STOP  # noqa: E402

WORKER = pwd.getpwnam(settings.WORKER)
ATTEMPTS = {"faults": {"rcpt": "wait"}}  # signed in, and the message not yet read


def status(entry):
    """/proc/PID/status as a dictionary."""
    lines = (entry / "status").read_text().splitlines()
    return {name: value.strip() for name, _, value in (line.partition(":") for line in lines)}


def stalled(house, look, **how):
    """Calls look(supervisor, worker) while the server keeps the backend waiting."""
    with house.server(ATTEMPTS) as server:
        with house.start(server, **how) as run:
            assert server.wait("rcpt"), "the recipient was never named"
            supervisor, worker = sorted(run.family(), key=lambda entry: int(entry.name))
            look(supervisor, worker)
            server.release.set()
            house.last = run.finish()
        tap.same(house.last.code, OK, "the exit code")


def test_worker_is_nobody(house):
    """The worker has the account's user and group, no other group, and cannot go back"""
    def look(supervisor, worker):
        tap.same(status(supervisor)["Uid"].split()[0], "0", "the supervisor's user")
        state = status(worker)
        tap.same(state["Uid"].split(), [str(WORKER.pw_uid)] * 4, "the users")
        tap.same(state["Gid"].split(), [str(WORKER.pw_gid)] * 4, "the groups")
        tap.among(state["Groups"], ("", str(WORKER.pw_gid)), "the other groups")
        for name in ("CapInh", "CapPrm", "CapEff", "CapAmb"):
            tap.same(int(state[name], 16), 0, name)
        tap.same(state["NoNewPrivs"], "1", "NoNewPrivs")
    stalled(house, look)


def test_no_core_no_ptrace(house):
    """Neither leaves a core file, nor lets its equals look into its memory"""
    def look(supervisor, worker):
        for entry in (supervisor, worker):
            limits = (entry / "limits").read_text()
            core = next(line for line in limits.splitlines() if "core file" in line)
            tap.same(core.split()[4:6], ["0", "0"], "the limit of core files")
            # The kernel gives these files to root where a process is not dumpable.
            tap.same((entry / "mem").stat().st_uid, 0, f"the owner of {entry / 'mem'}")
    stalled(house, look)


def test_secret_stays_hidden(house):
    """The password is in no argument, no environment, no log and no file"""
    def look(supervisor, worker):
        for entry in (supervisor, worker):
            for name in ("cmdline", "environ", "comm"):
                tap.absent(settings.PASSWORD.encode(), (entry / name).read_bytes(),
                           f"{entry / name}")
            for link in (entry / "fd").iterdir():
                tap.absent("secrets", os.readlink(link), "the open files")
    stalled(house, look)
    tap.absent(settings.PASSWORD, house.last.log, "the log")
    for path in house.tmp.rglob("*"):
        tap.absent(settings.PASSWORD.encode(), path.read_bytes(), str(path))


def writable_memory(entry):
    """All that a process could have kept anything in."""
    found = bytearray()
    with open(entry / "mem", "rb", buffering=0) as memory:
        for line in (entry / "maps").read_text().splitlines():
            span, mode = line.split()[:2]
            if mode.startswith("rw"):
                start, end = (int(each, 16) for each in span.split("-"))
                memory.seek(start)
                found += memory.read(end - start)
    return bytes(found)


def test_supervisor_forgets(house):
    """The supervisor's memory does not hold the password while the worker sends"""
    def look(supervisor, worker):
        memory = writable_memory(supervisor)
        tap.among(settings.USER.encode(), memory, "the memory (is this the right place?)")
        tap.absent(settings.PASSWORD.encode(), memory, "the memory")
    stalled(house, look)


def test_descriptors(house):
    """The worker holds its sockets and files, and nothing that cupsd had open"""
    def look(_, worker):
        names = [os.readlink(link) for link in (worker / "fd").iterdir()]
        for name in names:
            tap.absent("postroom.conf", name, "the worker's open files")
        tap.absent("/dev/full", names, "the worker's open files")
    full = os.open("/dev/full", os.O_WRONLY)
    os.set_inheritable(full, True)
    try:
        stalled(house, look)
    finally:
        os.close(full)


def refused(house, change):
    """Prints with a secret that was changed; it must stop the queue and send nothing."""
    with house.server() as server:
        secret = settings.secret_of(server.settings)
        change(secret)
        try:
            result = house.print(server)
        finally:
            subprocess.run(["rm", "-rf", str(secret.parent)], check=True)
        tap.same(result.code, STOP, "the exit code")
        tap.among("secrets", result.log, "the log")
        tap.absent(settings.PASSWORD, result.log, "the log")
        tap.same(server.credentials, [], "the credentials")
        tap.same(server.accepted, [], "the accepted messages")


def _link(make):
    def change(secret):
        other = secret.with_name("other")
        secret.rename(other)
        make(other, secret)
    return change


def _fifo(secret):
    secret.unlink()
    os.mkfifo(secret, 0o600)


SECRETS = [
    ("is missing", lambda path: path.unlink()),
    ("can be read by others", lambda path: path.chmod(0o644)),
    ("can be read by the group", lambda path: path.chmod(0o640)),
    ("is the worker's own", lambda path: os.chown(path, WORKER.pw_uid, 0)),
    ("is a symbolic link", _link(lambda other, path: path.symlink_to(other))),
    ("has a second name", _link(lambda other, path: os.link(other, path))),
    ("is a FIFO", _fifo),
    ("is empty", lambda path: path.write_text("")),
    ("is too long", lambda path: path.write_text("x" * 4097)),
    ("lies in a folder that the group may write", lambda path: path.parent.chmod(0o770)),
]


def secret_test(title, change):
    def test(house):
        refused(house, change)
    test.__doc__ = f"A secret that {title}: exit 4, nothing sent, its content in no log"
    return test


for number, row in enumerate(SECRETS):
    globals()[f"test_secret_{number}"] = secret_test(*row)


def test_settings_writable_by_others(house):
    """Settings that others may write are refused: exit 4"""
    with house.server() as server:
        server.settings.chmod(0o666)
        result = house.print(server)
        tap.same(result.code, STOP, "the exit code")
        tap.among("postroom.conf", result.log, "the log")
        tap.same(server.script.reached["greeting"], 0, "the number of connections")


def test_settings_of_a_stranger(house):
    """Settings that belong to another user are refused: exit 4"""
    with house.server() as server:
        os.chown(server.settings, WORKER.pw_uid, WORKER.pw_gid)
        tap.same(house.print(server).code, STOP, "the exit code")
        tap.same(server.script.reached["greeting"], 0, "the number of connections")


def test_bad_settings(house):
    """An unknown key stops the queue and names file, line and key"""
    with house.server(account={"pasword": "x"}) as server:
        result = house.print(server)
        tap.same(result.code, STOP, "the exit code")
        tap.among("pasword", result.log, "the log")
        lines = server.settings.read_text().splitlines()
        line = next(n for n, text in enumerate(lines, 1) if text.startswith("pasword"))
        tap.among(f"postroom.conf:{line}:", result.log, "the log")


def test_no_worker_account(house):
    """An account for the worker that does not exist, or is root: exit 4, nothing sent"""
    for user in ("no-such-user", "root"):
        with house.server(postroom={"user": user}) as server:
            result = house.print(server)
            tap.same(result.code, STOP, f"the exit code with user = {user}")
            tap.same(server.script.reached["greeting"], 0, "the number of connections")


def discover(house, server, **more):
    done = subprocess.run([rig.BUILD / "mailto"], env=house.environment(server.settings),
                          stdin=subprocess.DEVNULL, capture_output=True, text=True,
                          timeout=backend.RUN_LIMIT, **more)
    tap.same(done.returncode, OK, "the exit code")
    return done.stdout.splitlines()


def test_discovery(house):
    """Without arguments it lists itself and its accounts, and opens no secret"""
    with house.server() as server:
        settings.secret_of(server.settings).unlink()
        lines = discover(house, server)
        assert lines and all(line.startswith("network mailto") for line in lines), lines
        assert any("account=office365" in line for line in lines), lines
        tap.same(server.script.reached["greeting"], 0, "the number of connections")


def test_discovery_without_root(house):
    """Discovery works for a user who may read nothing"""
    with house.server() as server:
        program = house.folder / "mailto"
        program.write_bytes((rig.BUILD / "mailto").read_bytes())
        program.chmod(0o755)
        done = subprocess.run(
            ["setpriv", f"--reuid={WORKER.pw_uid}", f"--regid={WORKER.pw_gid}",
             "--clear-groups", program], env=house.environment("/nowhere/postroom.conf"),
            stdin=subprocess.DEVNULL, capture_output=True, text=True,
            timeout=backend.RUN_LIMIT)
        program.unlink()
        tap.same(done.returncode, OK, "the exit code")
        assert done.stdout.startswith("network mailto"), done.stdout


if __name__ == "__main__":
    tap.run(globals(), backend.House)
