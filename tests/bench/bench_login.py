#!/usr/bin/python3
"""The price of signing in with a token. First with one that is known (AUTH XOAUTH2) beside a
password (AUTH LOGIN): processor time of the backend for a small document, in turns, to one server.
Then with one that has expired beside one that is known: wall time, which has a question to the
authorization server in it, and the new tokens brought safely to the disk.
usage: bench_login.py BUILD"""
import pathlib
import statistics
import sys

import measure
import material
import sink

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "integration"))
from rig import oauth  # noqa: E402
from fakes import certificates, entra  # noqa: E402 (rig has put it on the path)

RUNS = 30
SIZE = 10 * 1000
ADDED = 5  # ms that a token may cost
MS = 1000
PASSWORD, TOKEN = "password (AUTH LOGIN)", "known token (AUTH XOAUTH2)"
EXPIRED, KNOWN = "expired token", "known token"


class Office:
    """A submission server and an authorization server, and two folders with settings that differ
    in the way of signing in alone."""

    def __init__(self, build, folder, authority):
        self.folder, self.authority = folder, authority
        self.server = sink.Sink(folder)
        self.server.mechanisms = b"LOGIN XOAUTH2"
        self.backend = measure.program(build, "mailto")
        self.pdf = folder / "bench.pdf"
        material.make_pdf(self.pdf, SIZE)
        # Both servers' authorities, for both accounts: reading them costs, too.
        bundle = folder / "bundle.pem"
        bundle.write_text(self.server.certificate.read_text() + authority.ca_file.read_text())
        self.server.certificate = bundle
        self.wanted = sink.file_digest(self.pdf)

    def job(self, name, **keys):
        """What prints in a folder of its own, with an account's keys set so."""
        folder = self.folder / name
        folder.mkdir()
        settings = material.write_settings(folder, self.server, **keys)
        return material.Job(self.backend, folder, settings, self.pdf)

    def account(self):
        """A job of an account that signs in with tokens, and the tokens of a login some time ago:
        their store, a refresh token and an access token."""
        application = self.authority.register()
        job = self.job("token", **oauth.keys(self.authority, application))
        store = oauth.Store(job.settings, material.ACCOUNT)
        return (job, store,
                self.authority.grant(application, material.USER, oauth.SCOPE),
                self.authority.issue(application, material.USER, oauth.SCOPE))

    def send(self, job, mechanism, questions):
        """Sends one job; it must sign in so, and ask the authorization server so often. Gives the
        run, and what was shown."""
        sent, asked = len(self.server.messages), len(self.authority.requests)
        run = measure.Run(*job.call(), job.folder).wait()
        asked = len(self.authority.requests) - asked
        if len(self.server.messages) != sent + 1 or len(self.server.logins) != sent + 1:
            raise measure.Unmeasured("the backend did not sign in once and send one message")
        if sink.attachment_digest(self.server.messages[-1]) != self.wanted:
            raise measure.Unmeasured("the backend sent another document")
        used, shown = self.server.logins[-1]
        if used != mechanism:
            raise measure.Unmeasured(f"the backend signed in with {used}, not {mechanism}")
        if asked != questions:
            raise measure.Unmeasured(f"the backend asked {asked} times for a token, not "
                                     f"{questions} times")
        return run, shown


def tell(report, times):
    """Least and median of each, in ms; gives the difference of the first two medians."""
    for name, seconds in times.items():
        report.figure(f"{name}: least", min(seconds) * MS, "ms")
        report.figure(f"{name}: median", statistics.median(seconds) * MS, "ms")
    first, second = (statistics.median(each) * MS for each in times.values())
    return second - first


def bench_known(office, job, access):
    """A token that is there already, beside a password."""
    beside = office.job("password")
    times = {PASSWORD: [], TOKEN: []}
    for _ in range(RUNS):
        run, shown = office.send(beside, b"LOGIN", questions=0)
        if shown.decode() != material.PASSWORD.replace(" ", ""):  # as app passwords are shown
            raise measure.Unmeasured("the backend showed another password")
        times[PASSWORD].append(run.cpu)
        run, shown = office.send(job, b"XOAUTH2", questions=0)
        if f"auth=Bearer {access}\1" not in shown.decode():
            raise measure.Unmeasured("the backend showed another token")
        times[TOKEN].append(run.cpu)
    report = measure.Report("signing in: one 10 kB PDF over STARTTLS, processor time of the"
                            f" backend, {RUNS} runs each in turns")
    report.figure("added by a known token (medians)", tell(report, times), "ms", ADDED)


def bench_expired(office, job, store, refresh, access):
    """A token that has expired, beside one that is there."""
    times = {KNOWN: [], EXPIRED: []}
    for _ in range(RUNS):
        store.plant(refresh, access, left=-10)
        times[EXPIRED].append(office.send(job, b"XOAUTH2", questions=1)[0].wall)
        times[KNOWN].append(office.send(job, b"XOAUTH2", questions=0)[0].wall)
    report = measure.Report("signing in: the same with a token that must be renewed first, wall"
                            f" time, {RUNS} runs each in turns")
    report.figure("added by one token request (medians)", tell(report, times), "ms")


def bench(build, folder):
    with entra.Server(certificates.Kit(folder / "tls")) as authority:
        office = Office(build, folder, authority)
        job, store, refresh, access = office.account()
        store.plant(refresh, access)
        bench_known(office, job, access)
        bench_expired(office, job, store, refresh, access)


if __name__ == "__main__":
    measure.main(bench)
