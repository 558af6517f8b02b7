#!/usr/bin/python3 -B
"""`postroom check`: each fault of a settings file with its line, and each finding."""
import contextlib
import itertools
import os
import pwd
import random
import re
import shutil
import sys
import time
import types
import zlib
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))
from rig import command, journal, oauth, settings, tap  # noqa: E402
from fakes import certificates, entra  # noqa: E402 (rig has put it on the path)

OK, ERRORS, USAGE = 0, 1, 2
DAY = 24 * 3600
DATES = """\
[password here]
hosts = localhost
off_by_default = {off}
removed = {removed}
text = An administrator can switch them on again.
more = https://announced.example/
"""
CANARY = "canary5f1b7secret"
NOBODY = pwd.getpwnam(settings.WORKER).pw_uid


class House(oauth.TokenHouse):
    """Settings without servers: what is checked is on the disk."""

    def __init__(self):
        super().__init__()
        self.counter = itertools.count(1)

    def settings(self, **sections):
        """A postroom.conf for an account that has nothing wrong."""
        nowhere = types.SimpleNamespace(port=2525, ca_file=self.kit.ca_file)
        folder = self.folder / f"check-{next(self.counter)}"
        general = {"dates_file": self.dates(folder), **sections.pop("postroom", {})}
        return settings.write(folder, nowhere, postroom=general, **sections)

    def dates(self, folder, off="unknown", removed="2999-12-31", text=None):
        folder.mkdir(mode=0o755, exist_ok=True)
        path = folder / "dates"
        path.write_text(DATES.format(off=off, removed=removed) if text is None else text)
        path.chmod(0o644)
        return path

    def check(self, path, *arguments, code=OK, **how):
        """Runs it; the settings' password must never be shown."""
        result = command.run(path, "check", *arguments, **how)
        self.last = types.SimpleNamespace(log=result.out + result.said)
        tap.same(result.code, code, "the exit code")
        for secret in (settings.PASSWORD, CANARY):
            tap.absent(secret, result.out + result.said, "the output")
        return result

    def text(self, text, mode=0o644):
        """A settings file of these bytes."""
        path = self.folder / f"text-{next(self.counter)}"
        path.write_bytes(text if isinstance(text, bytes) else text.encode())
        path.chmod(mode)
        return path


def one(result, severity, *words):
    """The one line of this severity that has the words."""
    found = [line for line in result.lines(f"{severity}: ")
             if all(word in line for word in words)]
    tap.same(len(found), 1, f"the number of lines '{severity}: …{'…'.join(words)}…' in\n"
             f"{result.out}")
    return found[0]


def total(result):
    """Errors and warnings, as the last line counts them."""
    found = re.fullmatch(r"(\d+) errors?, (\d+) warnings?", result.out.splitlines()[-1])
    assert found, f"the last line is {result.out.splitlines()[-1]!r}"
    return int(found[1]), int(found[2])


# -- all well ----------------------------------------------------------------------------------

def test_nothing_wrong(house):
    """Settings without a fault end with 0, and each account shows how it signs in"""
    path = house.settings(more="[account relay]\nserver = [::1]\ntls = none\nauth = none\n"
                               "from = Relay <relay@example.com>\n")
    result = house.check(path)
    heads = result.lines("[")
    tap.same(heads[0], f"[postroom] user = nobody, state_dir = {settings.state_of(path)}")
    tap.same(heads[1:], [
        f"[account office365] localhost:2525 (tls = starttls), auth = password, "
        f"as {settings.USER}",
        "[account relay] [::1]:25 (tls = none), auth = none, as relay@example.com"])
    one(result, "ok", "user nobody is there")
    one(result, "ok", "state_dir")
    one(result, "ok", "password_file", str(settings.secret_of(path)))
    one(result, "ok", "ca_file", str(house.kit.ca_file))
    one(result, "warning", "backend", "not installed")
    tap.same(total(result), (0, 1), "errors and warnings")
    tap.same(result.said, "", "what it says on standard error")


def test_graph_shown(house):
    """An account that sends through Graph shows so"""
    path = house.settings(account={"server": "graph", "auth": "oauth-device", "client_id": "i",
                                   "password_file": None})
    head = house.check(path, code=ERRORS).lines("[account")[0]
    tap.among("Microsoft Graph (https://graph.microsoft.com/v1.0), auth = oauth-device", head)


def test_changes_nothing(house):
    """It makes no file, and touches none"""
    path = house.settings(account={"auth": "oauth-device", "client_id": "i"})
    before = {each: each.lstat() for each in path.parent.rglob("*")}
    house.check(path, code=ERRORS)
    tap.same(sorted(path.parent.rglob("*")), sorted(before), "the files")
    for each, stat in before.items():
        tap.same(each.lstat().st_mtime_ns, stat.st_mtime_ns, f"the time of {each}")


def test_talks_to_nobody(house):
    """No socket leads out of the machine's own files"""
    if not shutil.which("strace"):
        raise tap.Skip("strace")
    trace = house.folder / "trace"
    house.check(house.settings(),
                under=("strace", "-f", "-qq", "-e", "trace=socket,connect", "-o", trace))
    calls = trace.read_text()
    for family in ("AF_INET", "AF_NETLINK", "AF_PACKET"):
        tap.absent(family, calls, "the system calls")


# -- the settings file -------------------------------------------------------------------------

def test_all_faults(house):
    """Each fault is told as FILE:LINE, in order, and of a faulty account nothing else"""
    path = house.text(
        "[postroom]\nretry_after = soon\nstate_dir = here\n"      # 2, 3
        "[account a]\nserver = ?\nwhat = 3\n"                     # 5, 6
        "[account b]\nauth = oauth-app\n"                         # 7: four things missing
        "[acount c]\nserver = x\n"                                # 9
        "nonsense\n[policy]\nallow = everybody\n[policy\n"        # 11, 13, 14
        "user = said by the head\n")
    result = house.check(path, code=ERRORS)
    told = [line.removeprefix(f"{path}:") for line in result.lines(f"{path}:")]
    tap.same([int(line.split(":")[0]) for line in told],
             [2, 3, 5, 6, 9, 11, 13, 14, 7, 7, 7, 7], "the lines")
    for line in told:
        assert re.search(r"; (allowed|set)\b|; allowed with it", line), f"no remedy: {line}"
    tap.among("unknown key 'what' in [account]; allowed: server, tls", told[3])
    tap.same(len(result.lines("error: its settings have faults")), 2, "the faulty accounts")
    tap.same(result.lines("[account"), ["[account a]", "[account b]"], "the accounts")
    known = len(result.lines("error: there is no account 'postroom'"))
    tap.same(total(result)[0], len(told) + known, "the number of errors")


def test_many_faults(house):
    """Of very many faults a hundred are shown, and the rest is counted"""
    path = house.text("[postroom]\n" + "nonsense\n" * 5000)
    result = house.check(path, code=ERRORS)
    tap.same(len(result.lines(f"{path}:")), 100, "the faults shown")
    tap.among("… and 4900 more", result.out.splitlines())


def test_nonsense(house):
    """Whatever bytes the file has, it ends with 1, in time, with clean lines"""
    noise = random.Random(4)
    cases = [noise.randbytes(5000), b"\0" * 3000, b"[" * 8000, b"[account " * 900,
             b"[account a]\nserver = \x1b[2J\n", b"\xff\xfe[\0a\0]\0", b"\n" * 3000 + b"x",
             b"[account a]\r\nusername = \xe2\x80\xae\r\n", b"=" * 9000, b"[account a]\n" * 99,
             bytes(range(256)) * 40, b"[scan a]\nsubject = %\n"]
    good = Path(house.settings()).read_bytes()
    for _ in range(20):  # a good file with a few bytes changed
        case = bytearray(good)
        for _ in range(8):
            case[noise.randrange(len(case))] = noise.randrange(256)
        cases.append(bytes(case))
    for case in cases:
        result = command.run(house.text(case), "check")
        tap.among(result.code, (OK, ERRORS), f"the exit code for {case[:60]!r}")
        tap.absent("AddressSanitizer", result.said, "standard error")
        assert all(c.isprintable() or c == "\n" for c in result.out), "a control character"
        if case not in cases[12:]:
            tap.same(result.code, ERRORS, f"the exit code for {case[:60]!r}")


def test_file_unusable(house):
    """A file that is missing, too large, or open to others is told with its rule"""
    result = house.check(house.folder / "missing", code=ERRORS)
    tap.among("does not exist", result.said)
    result = house.check(house.text("", mode=0o666), code=ERRORS)
    tap.among("run: chmod go-w", result.said)
    result = house.check(house.text(b"#" * (1 << 20) + b"\n"), code=ERRORS)
    tap.among("bytes; allowed", result.said)
    tap.same(result.out, "", "the output")


def test_no_account(house):
    """Settings without an account are an error"""
    one(house.check(house.text("[postroom]\nuser = nobody\n"), code=ERRORS),
        "error", "there is no account", "[account NAME]")


def test_command_line(house):
    """One account may be named; what is no command line ends with 2"""
    path = house.settings(more="[account b]\nserver = x\nauth = none\nfrom = b@example.com\n")
    result = house.check(path, "b")
    tap.same([line.split("]")[0] for line in result.lines("[account")], ["[account b"])
    tap.same(house.check(path, "--", "B").out, result.out, "the output")
    for line in (("a", "b"), ("--what",), ("-v",)):
        tap.among("Usage: postroom check [ACCOUNT]", house.check(path, *line, code=USAGE).said)
    tap.among("there is no account 'nobody'", house.check(path, "nobody", code=ERRORS).said)


# -- files -------------------------------------------------------------------------------------

def test_password_file(house):
    """A password file that is missing, open, somebody's, empty or no password is an error"""
    def look(change, *words):
        path = house.settings()
        change(settings.secret_of(path))
        one(house.check(path, code=ERRORS), "error", "password_file: ", *words)
    look(lambda file: file.unlink(), "does not exist")
    look(lambda file: file.chmod(0o644), "open to other users (mode 0644)", "chmod 0600")
    look(lambda file: os.chown(file, NOBODY, -1), "belongs to user", "chown root")
    look(lambda file: file.write_text(""), "0 bytes")
    look(lambda file: file.write_text("\n"), "does not hold a password", "empty")
    look(lambda file: file.write_text(f"{CANARY}\n{CANARY}\n"), "several lines")
    look(lambda file: file.write_bytes(b"\0" * 20), "control characters")
    look(lambda file: file.write_text(CANARY * 1000), "allowed: 1 to 4096")
    look(lambda file: (file.rename(f"{file}.x"), file.symlink_to(f"{file}.x")),
         "symbolic link")


def test_client_secret(house):
    """So is a client secret's file"""
    path = house.settings(account={"auth": "oauth-app", "client_id": "i",
                                   "client_secret_file": house.folder / "no-such"})
    one(house.check(path, code=ERRORS), "error", "client_secret_file: ", "does not exist")
    secret = oauth.secret_file(house.folder / "secrets", CANARY)
    path = house.settings(account={"auth": "oauth-app", "client_id": "i",
                                   "client_secret_file": secret})
    one(house.check(path), "ok", f"client_secret_file {secret}")


def app(house, pem, key):
    return house.settings(account={"auth": "oauth-app", "client_id": "i",
                                   "certificate_file": pem, "key_file": key})


def test_certificate(house):
    """A certificate is told of when it ends within 30 days, has ended, or has not begun"""
    folder = house.folder / "certificates"
    pem, key = oauth.certificate(folder, "long", 400)
    result = house.check(app(house, pem, key))
    one(result, "ok", f"{pem} is good until 2")
    one(result, "ok", f"key_file {key} is its key")
    near = oauth.certificate(folder, "near", 30)  # which is 29 days, and a moment less
    one(house.check(app(house, *near)), "warning", "ends soon, on 2")
    far = oauth.certificate(folder, "far", 31)
    one(house.check(app(house, *far)), "ok", f"{far[0]} is good until")
    authority = certificates.Authority(folder / "authority")
    for name, dates, words in (("over", certificates.EXPIRED, "ended on 2020-02-01"),
                               ("early", certificates.NOT_YET_VALID,
                                "not valid before 2090-01-01")):
        pem, key = authority.issue(name, dates=dates)
        key.chmod(0o600)
        one(house.check(app(house, pem, key), code=ERRORS), "error", words)


def test_key(house):
    """A key that is another's, open to others, encrypted or none is an error"""
    folder = house.folder / "keys"
    pem, key = oauth.certificate(folder, "a", 300)
    other = oauth.certificate(folder, "b", 300)[1]
    one(house.check(app(house, pem, other), code=ERRORS), "error", "is not the key of")
    locked = folder / "locked"
    certificates.openssl("rsa", "-in", key, "-aes128", "-passout", f"pass:{CANARY}",
                         "-out", locked)
    locked.chmod(0o600)
    one(house.check(app(house, pem, locked), code=ERRORS), "error", "passphrase")
    one(house.check(app(house, pem, house.folder / "no"), code=ERRORS), "error", "key_file: ",
        "does not exist")
    one(house.check(app(house, house.folder / "no", key), code=ERRORS), "error",
        "certificate_file: ", "does not exist")
    one(house.check(app(house, key, key), code=ERRORS), "error", "holds no certificate")
    noise = house.text(random.Random(5).randbytes(3000), mode=0o600)
    one(house.check(app(house, pem, noise), code=ERRORS), "error", "holds no private key")
    one(house.check(app(house, noise, key), code=ERRORS), "error", "holds no certificate")
    key.chmod(0o640)
    one(house.check(app(house, pem, key), code=ERRORS), "error", "open to other users")


def test_authorities(house):
    """A ca_file has to be there, to be readable by the worker, and to hold a certificate"""
    hidden = house.text(house.kit.ca_file.read_bytes(), mode=0o600)
    for path, words in ((hidden, "Permission denied"), (house.folder / "no", "No such file"),
                        (house.text("nothing"), "holds no certificate")):
        result = house.check(house.settings(account={"ca_file": path}), code=ERRORS)
        one(result, "error", "ca_file cannot be used by user nobody", words)


# -- tokens ------------------------------------------------------------------------------------

DEVICE = {"auth": "oauth-device", "client_id": "i", "tenant": entra.TENANT,
          "password_file": None}


def aged(store, days):
    """Makes the refresh token so many days older."""
    lines = [text.split(" ") for text in journal.texts(store.path.read_bytes())]
    lines[1][1] = str(int(lines[1][1]) - days * DAY)
    store.path.write_text("".join(f"{text} {zlib.crc32(text.encode()):08x}\n"
                                  for text in map(" ".join, lines)))


def test_nobody_signed_in(house):
    """Where nobody has signed in it says who is to run what, and of damage the same"""
    path = house.settings(account=DEVICE)
    login = "run: postroom login office365"
    one(house.check(path, code=ERRORS), "error", "nobody has signed in yet", login)
    store = oauth.Store(path)
    store.plant(login=0, number=store.identity ^ 1, refresh=CANARY)
    one(house.check(path, code=ERRORS), "error", "nobody has signed in yet", login)
    store.path.write_bytes(store.path.read_bytes()[:-30])
    one(house.check(path, code=ERRORS), "error", "damaged", login)
    store.path.write_bytes(random.Random(6).randbytes(50000))
    one(house.check(path, code=ERRORS), "error", "damaged", login)
    store.path.chmod(0o644)
    one(house.check(path, code=ERRORS), "error", "remove it")


def test_signed_in_otherwise(house):
    """Where somebody has, under other settings, it says that, until those are back"""
    path = house.settings(account=DEVICE)
    oauth.Store(path).plant(refresh=CANARY, access=CANARY)
    one(house.check(path), "ok", "somebody has signed in")
    good = path.read_text()
    for old, new in (("client_id = i\n", "client_id = j\n"), (settings.USER, "b@example.com"),
                     ("oauth-device", "oauth-code")):
        path.write_text(good.replace(old, new))
        result = house.check(path, code=ERRORS)
        one(result, "error", "the settings have changed since", "put them back as they were",
            "run: postroom login office365")
        tap.absent("nobody has signed in", result.out, "the output")
        path.write_text(good)
        one(house.check(path), "ok", "somebody has signed in")


def test_age(house):
    """A sign-in that was not renewed for more than 60 days is warned of"""
    path = house.settings(account=DEVICE)
    store = oauth.Store(path)
    store.plant(refresh=CANARY, access=CANARY)
    one(house.check(path), "ok", "somebody has signed in; last renewed 0 days ago")
    aged(store, 60)
    one(house.check(path), "ok", "last renewed 60 days ago")
    aged(store, 1)
    one(house.check(path), "warning", "61 days ago", "postroom-refresh.timer",
        "postroom refresh office365")
    aged(store, -100)  # a clock that was ahead
    one(house.check(path), "ok", "0 days ago")


def test_failure(house):
    """The last failure is shown with its sentence; what passes by itself is a warning"""
    for word, severity, code in (("AADSTS700082", "error", ERRORS),
                                 ("temporarily_unavailable", "warning", OK)):
        with house.signed_in(left=-10) as server:
            server.entra.fault("token", word)
            house.print(server, under=("timeout", "-s", "TERM", "20")
                        if severity == "warning" else ())
            tap.same(server.entra.count("token"), 1, "the questions")
            result = house.check(server.settings, code=code)
            failed = "the last question for a token failed: "
            one(result, severity, failed, server.store.read().failed[:40])
            server.settings.write_text(server.settings.read_text().replace(
                "client_id = ", "client_id = other"))
            result = house.check(server.settings, code=ERRORS)
            tap.absent(failed, result.out, "what is said under other settings")


def test_application(house):
    """An application that has no token yet has nothing wrong"""
    secret = oauth.secret_file(house.folder / "secrets-2", CANARY)
    path = house.settings(account={"auth": "oauth-app", "client_id": "i",
                                   "client_secret_file": secret})
    tap.same(total(house.check(path)), (0, 1), "errors and warnings")
    store = oauth.Store(path)
    store.plant(access=CANARY, login=0)
    tap.same(total(house.check(path)), (0, 1), "errors and warnings")
    store.path.write_text("nonsense")
    one(house.check(path), "warning", "damaged", "asks for new ones")


def test_tokens_of_nobody(house):
    """Tokens of an account that is renamed, removed or back on a password are named, each with
    the command that removes it; files of accounts that have them are not"""
    path = house.settings(more="[account Graph]\nserver = graph\nauth = oauth-device\n"
                               f"client_id = i\nusername = {settings.USER}\n"
                               "[account half]\nauth = oauth-nonsense\n")
    folder = settings.state_of(path) / "tokens"
    folder.mkdir(mode=0o700)
    for name in ("graph", "graph.new-17", "graph.lock", "half", "old.lock", "old.reminded",
                 "office365.reminded", "odd name", "x" * 64):
        (folder / name).touch(mode=0o600)
    assert not house.check(path, code=ERRORS).lines("warning: " + str(folder))
    gone, back = "is not in these settings", "signs in otherwise now"
    strays = {"old": gone, "old.new-17": gone, "office365": back, "office365.new-1": back}
    for name in strays:
        (folder / name).touch(mode=0o600)
    result = house.check(path, code=ERRORS)
    tap.same(len(result.lines(f"warning: {folder}")), len(strays), "the warnings")
    for name, words in strays.items():
        one(result, "warning", f"{folder}/{name} is left", words, f"run: rm {folder}/{name}")
        (folder / name).unlink()
    for number in range(25):
        (folder / f"removed-{number}").touch(mode=0o600)
    result = house.check(path, code=ERRORS)
    tap.same(len(result.lines(f"warning: {folder}")), 20, "the warnings")
    one(result, "warning", f"5 more such files are in {folder}")


def test_name_of_another_file(house):
    """An account's name that could stand for another one's file is told with its line"""
    for name in ("x.lock", "Office365.reminded", "x.new-1", ".x"):
        path = house.settings(more=f"[account {name}]\nserver = [::1]\ntls = none\n"
                                   "auth = none\nfrom = relay@example.com\n")
        line = 1 + path.read_text().splitlines().index(f"[account {name}]")
        found = house.check(path, code=ERRORS).out
        tap.among(f"{path}:{line}: ", found, "the output")
        tap.among("as files beside another one's do", found, "the output")


# -- the machine -------------------------------------------------------------------------------

def test_user(house):
    """The worker's user has to be there, and not to be root"""
    for user, words in (("no-such-user", "there is no account 'no-such-user'"),
                        ("root", "is root")):
        result = house.check(house.settings(postroom={"user": user}), code=ERRORS)
        one(result, "error", words, "'user' in [postroom]")


def test_state_dir(house):
    """state_dir has to be a folder of root's, or one that can be made"""
    def look(path, code, severity, *words):
        where = house.settings(postroom={"state_dir": path})
        one(house.check(where, code=code), severity, f"state_dir {path}", *words)
    base = house.folder / "states"
    base.mkdir()
    look(base / "new", OK, "ok", "not there yet")
    look(base / "a" / "b", ERRORS, "error", "folder above it is missing")
    (base / "open").mkdir()
    (base / "open").chmod(0o777)
    look(base / "open", ERRORS, "error", "mode 0777", "chmod 0755")
    (base / "theirs").mkdir()
    os.chown(base / "theirs", NOBODY, -1)
    look(base / "theirs", ERRORS, "error", "chown root")
    (base / "link").symlink_to(base)
    look(base / "link", ERRORS, "error", "symbolic link")
    (base / "file").touch()
    look(base / "file", ERRORS, "error", "no folder")
    look(base / "file" / "below", ERRORS, "error", "cannot be used")


def test_state_dir_full(house):
    """A disk that is full, or cannot be written, is an error"""
    small = house.folder / "small"
    small.mkdir()
    if os.spawnlp(os.P_WAIT, "mount", "mount", "-t", "tmpfs", "-o", "size=4k,mode=755",
                  "postroom-test", str(small)):
        raise tap.Skip("the right to mount a tmpfs")
    try:
        path = house.settings(postroom={"state_dir": small})
        one(house.check(path), "ok", f"state_dir {small} is root's")
        with contextlib.suppress(OSError):
            (small / "filler").write_bytes(b"x" * 4096)
        one(house.check(path, code=ERRORS), "error", "full")
        os.spawnlp(os.P_WAIT, "mount", "mount", "-o", "remount,ro", str(small))
        one(house.check(path, code=ERRORS), "error", "read-only")
    finally:
        os.spawnlp(os.P_WAIT, "umount", "umount", str(small))


def test_backend(house):
    """The backend has to be root's alone, where CUPS's folder is known"""
    binaries = house.folder / "cups"
    (binaries / "backend").mkdir(parents=True)
    backend = binaries / "backend" / "mailto"
    path = house.settings()
    one(house.check(path, CUPS_SERVERBIN=str(binaries)), "warning", "not installed")
    backend.touch(mode=0o700)
    one(house.check(path, CUPS_SERVERBIN=str(binaries)), "ok", f"{backend} is root's alone")
    for change in (lambda: backend.chmod(0o755), lambda: backend.chmod(0o600),
                   lambda: os.chown(backend, NOBODY, -1)):
        change()
        result = house.check(path, code=ERRORS, CUPS_SERVERBIN=str(binaries))
        one(result, "error", str(backend), f"chown root:root {backend}; chmod 0700")
        backend.chmod(0o700)
    backend.unlink()
    backend.symlink_to("/bin/true")
    house.check(path, code=ERRORS, CUPS_SERVERBIN=str(binaries))


# -- the server --------------------------------------------------------------------------------

def day(ahead):
    return time.strftime("%Y-%m-%d", time.gmtime(time.time() + ahead * DAY))


def test_password_end(house):
    """An account with a password says until when that way works at its server"""
    def look(code, severity, *words, **dates):
        folder = house.folder / f"dates-{next(house.counter)}"
        path = house.settings(postroom={"dates_file": house.dates(folder, **dates)})
        line = one(house.check(path, code=code), severity, "localhost ",
                   "run: postroom login office365. An administrator", *words)
        tap.among("(https://announced.example/)", line)
    look(OK, "ok", "takes its last password at the end of December 2999")
    look(OK, "warning", "switches passwords off by default", off=day(100), removed="unknown")
    look(OK, "ok", "switches passwords off by default", off=day(200), removed="unknown")
    look(OK, "warning", "switched passwords off", off=day(-3), removed="unknown")
    look(OK, "warning", "not known yet", removed="unknown")
    look(ERRORS, "error", "took its last password", removed=day(-2))


def test_password_end_elsewhere(house):
    """Nothing is said of another server, or of an account without a password"""
    past = house.dates(house.folder / "past", removed="2020-01-01")
    for account in ({"server": "127.0.0.1:2525"}, {"auth": "none", "from": "a@example.com"}):
        path = house.settings(postroom={"dates_file": past}, account=account)
        tap.absent("password on", house.check(path).out, "the output")


def test_dates_file(house):
    """A dates_file that is missing or damaged is a warning; an empty setting wants none"""
    for number, text in enumerate(("[password]\n", "\0\0\0", "[password a]\nhosts = ?\n",
                                   "[password a]\nhosts = a\nremoved = tomorrow\n")):
        bad = house.dates(house.folder / f"bad-{number}", text=text)
        path = house.settings(postroom={"dates_file": bad})
        one(house.check(path), "warning", "dates_file", f"{bad}:")
    path = house.settings(postroom={"dates_file": house.folder / "no"})
    one(house.check(path), "warning", "dates_file", "does not exist")
    path = house.settings(postroom={"dates_file": ""})
    tap.absent("dates_file", house.check(path).out, "the output")
    path = house.settings(postroom={"dates_file": house.folder / "no"},
                          account={"auth": "none"})
    tap.absent("dates_file", house.check(path).out, "the output")


def test_direct_send(house):
    """Direct Send to an organisation's own server without a policy is warned of"""
    relay = {"auth": "none", "tls": "optional", "ca_file": None}
    for server in ("contoso-com.mail.protection.outlook.com", "contoso-com.a.MX.Microsoft:25"):
        path = house.settings(account={**relay, "server": server})
        one(house.check(path), "warning", "Direct Send", "allow = *@example.com")
        path = house.settings(account={**relay, "server": server},
                              policy={"allow": "*@contoso.com"})
        tap.absent("Direct Send", house.check(path).out, "the output")
    for account in ({**relay, "server": "mx.example.com"}, {**relay, "server": "mx.microsoft"},
                    {"server": "smtp.hve.mx.microsoft:587"}):
        path = house.settings(account=account)
        tap.absent("Direct Send", house.check(path).out, "the output")


# -- without root ------------------------------------------------------------------------------

def test_without_root(house):
    """Run by somebody else it checks what it can, and says what it could not read"""
    path = house.settings()
    result = house.check(path, user=NOBODY)
    for unseen in (settings.secret_of(path),):
        one(result, "warning", str(unseen), "could not be looked at", "as root")
    one(result, "ok", "user nobody is there")
    one(result, "ok", "ca_file", "by this user")
    path = house.settings(account=DEVICE)
    oauth.Store(path).plant(refresh=CANARY)
    result = house.check(path, user=NOBODY)
    one(result, "warning", "could not be looked at")
    path = house.settings(account={"password_file": house.folder / "no"})
    one(house.check(path, user=NOBODY, code=ERRORS), "error", "does not exist")


if __name__ == "__main__":
    tap.run(globals(), House)
