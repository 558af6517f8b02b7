#!/usr/bin/python3 -B
"""Tokens on a disk that is full or broken: nobody is asked for tokens that could not be kept, so
that no login is lost and the service is left in peace; and a token that came is used."""
import contextlib
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))
from rig import backend, disk, oauth, strace, tap  # noqa: E402
from rig.backend import OK, RETRY  # noqa: E402
from rig.disk import PAGE  # noqa: E402
from fakes import scripted  # noqa: E402 (rig has put it on the path)

SIZE = 100     # pages of the disk
PAGES = 20     # of room that are tried, from none on
JOBS = 8       # that wait side by side
ROUNDS = 3     # in which each of them tries while the disk is full
NO_ROOM = "No tokens are asked for, as those of account office365 could not be written"


class House(oauth.TokenHouse):
    def __enter__(self):
        super().__enter__()
        self.alone = disk.alone()
        return self

    @contextlib.contextmanager
    def on_small_disk(self, **how):
        """Somebody has signed in, the token has ended, and each refresh token is taken once."""
        with self.signed_in(left=-10, **how) as server:
            server.entra.rotation = "strict"
            with disk.small(server.store.folder.parent, f"size={SIZE * PAGE}", self.alone):
                server.store.plant(*server.before, left=-10)
                server.filler = server.store.folder.parent / "filler"
                yield server

    @contextlib.contextmanager
    def under(self, calls, error, when="1+", path=None):
        """A server where somebody has signed in, and a run that met a fault on the way."""
        with self.signed_in(left=-10) as server:
            server.entra.rotation = "strict"
            fault = strace.Fault(self.folder, calls, f"error={error}", when)
            at = ["-P", server.store.folder] if path is None else []
            with self.start(server, under=[*fault.command, *at]) as run:
                result = self.last = run.finish()
            server.wait_idle()
            assert fault.came, f"{fault.name} never came"
            yield server, result


def job(number):
    """What tells a job from the others."""
    return {"uuid": f"{backend.UUID[:-2]}1{number}", "number": 50 + number}


def test_jobs_on_a_full_disk(house):
    """Jobs side by side on a full disk ask nobody, however often they try; with room again one of
    them asks, and all are sent"""
    with house.on_small_disk(account={"max_connections": JOBS}) as server, \
            contextlib.ExitStack() as stack:
        server.script.always["mail"] = scripted.Action("451 4.3.0 later")
        for number in range(JOBS):  # each is put off once: it has its journal
            with house.start(server, **job(number)) as run:
                assert run.wait_said("next try"), run.said()
        server.script.always.clear()
        known = server.store.read()
        server.store.plant(known.refresh, known.access, left=-10)
        disk.fill(server.filler, 0)
        asked, shown = len(oauth.asked(server)), len(server.credentials)

        def start():
            stack.close()  # as when cupsd is restarted
            return [stack.enter_context(house.start(server, **job(number)))
                    for number in range(JOBS)]
        for _ in range(ROUNDS):
            for run in start():
                assert run.wait_said(NO_ROOM), run.said()
        tap.same(len(oauth.asked(server)), asked, "the questions, none on a full disk")
        tap.same(len(server.credentials), shown, "the tokens shown")
        tap.same(server.store.read().refresh, known.refresh, "the refresh token")
        server.filler.unlink()
        for run in start():
            result = run.finish()
            tap.same(result.code, OK, f"the exit code of: {result.log}")
        server.wait_idle()
        tap.same(len(oauth.asked(server)), asked + 1, "the questions, one with room")
        tap.same(len(server.accepted), JOBS, "the messages")
        tap.among(server.store.read().refresh, server.entra.refresh, "the refresh tokens")


def test_little_room(house):
    """However little room is left: tokens that are asked for are kept, and the login stays good"""
    with house.on_small_disk() as server:
        codes, said = set(), ""
        for pages in range(PAGES):
            before = server.store.read()
            disk.fill(server.filler, pages * PAGE)
            asked = len(oauth.asked(server))
            with house.start(server, **job(pages)) as run:
                run.wait(lambda run=run: "next try" in run.said())
                if run.process.poll() is None:
                    run.terminate()
                result = run.finish()
            known, name = server.store.read(), f"{pages} pages left"
            asked = len(oauth.asked(server)) - asked
            tap.same(known.refresh != before.refresh, asked == 1, f"{name}: kept what came")
            assert asked <= 1 and result.code != OK or asked == 1, f"{name}: {result.log}"
            assert not server.entra.refresh[known.refresh].revoked, f"{name}: the login is lost"
            codes.add(result.code)
            said += result.log
            server.filler.unlink()
            server.store.plant(known.refresh, known.access, left=-10)
        tap.among(OK, codes, "the exit codes")
        assert len(codes) > 1, f"only {codes}"
        tap.among(NO_ROOM, said, "the logs")
        tap.same(sorted(path.name for path in server.store.folder.iterdir()),
                 ["office365", "office365.lock"], "what is left")


def test_no_room(house):
    """Where no room can be reserved nobody is asked, and nothing is shown"""
    with house.under("fallocate", "ENOSPC", path=False) as (server, result):
        tap.same(result.code, RETRY, "the exit code")
        tap.among(NO_ROOM, result.log, "the log")
        tap.same(oauth.asked(server), [], "the questions")
        tap.same(server.credentials, [], "the tokens shown")
        tap.same(server.store.read().refresh, server.before[0], "the refresh token")


def test_room_by_writing(house):
    """A file system that reserves nothing (NFS) is written to instead"""
    with house.under("fallocate", "EOPNOTSUPP", path=False) as (server, result):
        tap.same(result.code, OK, "the exit code")
        tap.same(len(oauth.asked(server)), 1, "the number of questions")
        tap.same(server.store.read().access, oauth.shown(server)[-1][1], "the access token")


def test_storing_fails(house):
    """A token that came is used for the job, though the disk did not take it, and the log says so"""
    for calls, error, words in (
            ("renameat,renameat2,rename", "EIO", "The tokens of account office365 cannot be written"),
            ("fsync", "EIO", "a power failure may bring the old ones back")):
        with house.under(calls, error) as (server, result):
            tap.same(result.code, OK, f"the exit code with {calls}: {result.log}")
            tap.among(words, result.log, "the log")
            tap.among("this job uses its token even so", result.log, "the log")
            tap.same(len(oauth.asked(server)), 1, "the number of questions")
            tap.same(len(server.accepted), 1, "the messages")
            kept = server.store.read()
            tap.same(kept.refresh == server.before[0], calls != "fsync", "the old one is there")
            oauth.search(result.log.encode(), oauth.canaries(server), "the log")
            tap.same(sorted(path.name for path in server.store.folder.iterdir()),
                     ["office365", "office365.lock"], "what is left")


if __name__ == "__main__":
    tap.run(globals(), House)
