#!/usr/bin/python3 -B
"""scan2maild: from a scanner's buttons, of each kind that drivers have, to the mail; and what must
not stop it: other programs, unplugging, drivers that hang and crash, faulty settings."""
import contextlib
import itertools
import re
import shutil
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path
from statistics import median

sys.path.insert(0, str(Path(__file__).parent))
import rig  # noqa: E402
from rig import house as rig_house, mail, scanner, tap, units, watching  # noqa: E402
from rig.watching import LIMIT, Daemon, Scanners, settings  # noqa: E402

STOP_LIMIT = 4.0  # seconds from SIGTERM to the end, also with a scan
PRESSES = 7  # that are measured
LOOKS = 9  # the same
SLOW = {"read_max": 4000, "read_delay": 30}  # a page of some four seconds


class House(rig_house.House):
    """The print server; daemons are started by each test."""

    def __init__(self):
        for name in ("scan2mail", "scan2maild", scanner.DRIVER):
            rig.built(name)
        super().__init__()
        self.last = None  # daemon

    def diagnose(self):
        return self.last.said() if self.last else ""

    @contextlib.contextmanager
    def daemon(self, buttons, *, poll=100, profiles=(), first="watching", environment=(),
               under=(), **scenario):
        """A daemon that has said `first`."""
        folder = self.folder / f"scanner-{next(watching.NUMBERS)}"
        daemon = Daemon(self, settings(buttons, poll, **dict(profiles)),
                        Scanners(folder, **scenario), environment, under)
        self.last = daemon
        daemon.start()
        try:
            if first:
                daemon.await_(first)
            yield daemon
            if daemon.process.poll() is None:
                daemon.stop()
        finally:
            daemon.kill()

    @contextlib.contextmanager
    def no_cupsd(self):
        """cupsd ends in order, so that it keeps its queues, and is back afterwards."""
        self.cupsd.process.terminate()
        self.cupsd.process.wait(LIMIT)
        try:
            yield
        finally:
            self.cupsd.launch()

    def mails(self, count):
        """Waits for so many mails that are new."""
        found = []

        def look():
            found.extend(self.new_mails())
            return len(found) >= count
        self.cupsd.poll(look, f"{count} mails did not come", LIMIT)
        tap.same(len(found), count, "the number of mails")
        return found

    def one_mail(self):
        message, = self.mails(1)
        attachment, = message.attachments
        mail.pdf_check(attachment.content)
        tap.same(attachment.pages, 1, "the pages")
        return message


def press_and_send(house, daemon, option, value="1", seen=True):
    """A press becomes one mail; `seen`: the driver keeps it until it was seen."""
    daemon.device.press(option, value)
    daemon.await_(f'"{option}" is pressed:')
    if not seen:
        daemon.device.release(option)
    message = house.one_mail()
    daemon.await_("the scan is delivered")
    return message


def press_again(daemon, option, value="1"):
    """Presses until it counts, as it does not before the debounce is over; gives when that was."""
    counts, bounces = (f'"{option}" is {what}' for what in
                       ("pressed: ", "ignored: it was pressed a moment ago"))
    presses = daemon.said().count(counts)
    while True:
        bounced = daemon.said().count(bounces)
        begun = time.monotonic()
        daemon.device.press(option, value)
        scanner.await_("the press", lambda: daemon.said().count(counts) > presses
                       or daemon.said().count(bounces) > bounced, LIMIT)
        if daemon.said().count(counts) > presses:
            return begun
        daemon.device.release(option)
        daemon.await_looks()


def test_arguments(house):
    """It takes --help and --version, and nothing else"""
    def run(*arguments):
        done = subprocess.run([rig.built("scan2maild"), *arguments], text=True, timeout=LIMIT,
                              capture_output=True, env=house.cupsd.environment())
        return done.returncode, done.stdout, done.stderr
    code, out, err = run("--help")
    tap.same((code, err), (0, ""), "--help")
    tap.among("scan2maild(8)", out, "--help")
    code, out, err = run("--version")
    tap.same((code, err), (0, ""), "--version")
    assert re.fullmatch(r"scan2maild \(Postroom\) \d+\.\d+\.\d+\n", out), out
    for arguments in (["-f"], ["file"], ["--help", "x"]):
        code, out, err = run(*arguments)
        tap.same((code, out, err.count("\n")), (2, "", 1), f"{arguments}")


def test_faulty_start(house):
    """It does not start with faulty settings, and says the line"""
    for text, words in ((settings({"scan": {"valu": "1"}}), "unknown key 'valu'"),
                        (settings({"scan": {"profile": "nowhere"}}), "nowhere")):
        daemon = Daemon(house, text)
        daemon.start()
        try:
            tap.same(daemon.process.wait(LIMIT), 78, "the exit code, which its unit knows")
        finally:
            daemon.kill()
        tap.among(words, daemon.said(), "what it said")
        assert re.search(r"postroom\.conf:\d+: ", daemon.said()), daemon.said()


def test_no_buttons(house):
    """Without buttons it says so and waits for settings"""
    with house.daemon({}, first="nothing is watched", button="level bool scan") as daemon:
        daemon.hup(settings({"scan": {}}))
        daemon.await_("fault:0: watching scan")


def test_notify(house):
    """Whoever started it is told that it is ready, and that it stops"""
    for name in (str(house.folder / "notify"), "\0postroom-" + house.folder.name):
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as listener:
            listener.bind(name)
            listener.settimeout(LIMIT)
            with house.daemon({"scan": {}}, button="level bool scan", environment={
                    "NOTIFY_SOCKET": name.replace("\0", "@")}):
                tap.same(listener.recv(100), b"READY=1", "the first word")
            tap.same(listener.recv(100), b"STOPPING=1", "the last word")


def test_level(house):
    """A button that is down as long as it is held: one mail, however long"""
    with house.daemon({"scan": {}}, button="level bool scan") as daemon:
        message = press_and_send(house, daemon, "scan")
        tap.same((message["To"], message["Subject"]), ("bob@example.com", "Scan by default"))
        daemon.await_('"scan" is ignored: it was pressed while the scanner was at work')
        daemon.device.release("scan")
        daemon.await_looks()
        press_again(daemon, "scan")
        house.one_mail()
        tap.same(daemon.said().count("is pressed:"), 2, "the presses")


def test_kinds(house):
    """Numbers latched until the scanner is closed, and what reading clears"""
    for button, option, value, pattern in (
            ("latched int button-1", "button-1", "1", ""),
            ("cleared string message", "message", "1:scan", "*scan"),
            ("cleared bool scan", "scan", "1", ""),
            ("level string button-pressed", "button-pressed", "email", "email"),
            ("level int target", "target", "3", "[34]")):
        with house.daemon({option: {"value": pattern}}, button=button) as daemon:
            press_and_send(house, daemon, option, value, seen=not button.startswith("level"))


def test_button_0_first(house):
    """A driver that samples all buttons with the first one (plustek)"""
    buttons = [f"sampled bool button {n}" for n in range(3)]
    with house.daemon({"button 2": {}}, button=buttons) as daemon:
        press_and_send(house, daemon, "button 2", seen=False)
        looks = [each for each in daemon.device.calls() if each.startswith("get ")]
        tap.same(looks[:4], ["get button 0", "get button 2"] * 2, "what is read in a look")


def test_other_values(house):
    """A value that does not match starts nothing; of two buttons each has its profile"""
    buttons = {"message": {"value": "1"}, "email": {"profile": "other"}}
    with house.daemon(buttons, profiles={"other": {"to": "carol@example.com"}},
                      button=["cleared string message", "level bool email"]) as daemon:
        daemon.device.press("message", "2")
        daemon.await_looks()
        tap.absent("is pressed:", daemon.said(), "a press")
        tap.same(press_and_send(house, daemon, "email")["To"], "carol@example.com", "To")


def test_together(house):
    """Of two buttons at one time the first in the settings counts; the other one is logged"""
    with house.daemon({"email": {"profile": "other"}, "scan": {}},
                      profiles={"other": {"to": "carol@example.com"}}, poll=1000,
                      button=["level bool scan", "level bool email"]) as daemon:
        daemon.device.press("scan")
        daemon.device.press("email")
        tap.same(house.one_mail()["To"], "carol@example.com", "To")
        tap.among('"scan" is ignored: another one was pressed with it', daemon.said(), "the log")


def test_paper(house):
    """Paper in the feeder starts a scan when it has lain there for the pause"""
    with house.daemon({"page-loaded": {"value": "1", "pause": "1s"}},
                      button="level bool page-loaded") as daemon:
        daemon.device.press("page-loaded")
        daemon.await_looks(3)
        daemon.device.release("page-loaded")
        daemon.await_looks(2 + 12)  # more than a second of them
        tap.absent("is pressed:", daemon.said(), "a press")
        begun = time.monotonic()
        daemon.device.press("page-loaded")
        house.one_mail()
        assert time.monotonic() - begun >= 1, "the pause was not waited for"


def test_stands_at_start(house):
    """What is pressed before it watches does not count, and is logged"""
    folder = house.folder / "early"
    Scanners(folder, button="level bool scan").press("scan")
    daemon = Daemon(house, settings({"scan": {}}), Scanners(folder, button="level bool scan"))
    daemon.start()
    try:
        daemon.await_('"scan" is ignored: it was pressed before it was watched')
        daemon.await_looks()
        daemon.stop()
    finally:
        daemon.kill()
    tap.absent("is pressed:", daemon.said(), "a press")


def test_during_run(house):
    """A press while the scanner works is ignored and logged, also when the driver kept it"""
    with house.daemon({"button-1": {}}, button="latched int button-1", **SLOW) as daemon:
        daemon.device.press("button-1")
        daemon.device.await_("middle 1", LIMIT)
        daemon.device.press("button-1")
        house.one_mail()
        daemon.await_('"button-1" is ignored: it was pressed while the scanner was at work')
        daemon.await_looks()
        tap.same(daemon.said().count("is pressed:"), 1, "the presses")
    tap.same(house.new_mails(), [], "more mails")


def test_lets_go(house):
    """Between two looks other programs can have the scanner"""
    with house.daemon({"scan": {}}, poll=200, button="level bool scan") as daemon:
        for _ in range(5):
            done = subprocess.run(
                [rig.built("scan2mail"), "-d", "fault:0", "-o", daemon.folder / "a.pdf"],
                env=daemon.environment, capture_output=True, text=True, timeout=LIMIT)
            tap.same((done.returncode, done.stderr), (0, ""), "a scan")
        press_and_send(house, daemon, "scan")


def test_busy(house):
    """While another program has the scanner it waits, and does not complain"""
    with house.daemon({"scan": {}}, button="level bool scan", **SLOW) as daemon:
        other = subprocess.Popen(
            [rig.built("scan2mail"), "-d", "fault:0", "-o", daemon.folder / "a.pdf", "-r", "75"],
            env=daemon.environment, stderr=subprocess.PIPE, start_new_session=True)
        daemon.device.await_("middle 1", LIMIT)
        daemon.await_looks(3)
        other.terminate()
        scanner.finish(other)
        daemon.device.set(button="level bool scan")
        press_and_send(house, daemon, "scan")
        tap.absent("cannot be opened", daemon.said(), "a complaint")


def test_unplugged(house):
    """A scanner that is unplugged is said once, and once more when it is back"""
    with house.daemon({"scan": {}}, button="level bool scan") as daemon:
        daemon.device.unplug()
        daemon.await_("cannot be opened")
        daemon.device.forget()
        daemon.await_looks(2)  # it was tried again
        daemon.device.plug()
        daemon.await_("the scanner answers again")
        press_and_send(house, daemon, "scan")
        tap.same(daemon.said().count("cannot be opened"), 1, "how often it was said")


def test_hang(house):
    """A driver that hangs in open is killed, and tried again"""
    profiles = {"default": {"wait_open": "1s"}}
    for phase in ("open", "control", "close"):
        with house.daemon({"scan": {}}, profiles=profiles, button="level bool scan") as daemon:
            daemon.device.set(button="level bool scan", hang=phase, deaf="yes")
            daemon.device.await_(f"hang {phase}", LIMIT)
            hung = daemon.device.entries()[-1][0]
            daemon.await_("does not answer")
            tap.absent(hung, daemon.device.processes(), "the process that hung")
            daemon.device.set(button="level bool scan")
            daemon.await_("the scanner answers again")
            press_and_send(house, daemon, "scan")


def test_crash(house):
    """A driver that crashes is started again"""
    with house.daemon({"scan": {}}, button="level bool scan") as daemon:
        daemon.device.set(button="level bool scan", crash="open")
        daemon.await_("has crashed")
        daemon.device.set(button="level bool scan")
        daemon.await_("the scanner answers again")
        press_and_send(house, daemon, "scan")
        tap.same(daemon.said().count("has crashed"), 1, "how often it was said")


def test_missing_button(house):
    """A button that the driver has not is said; the others work"""
    with house.daemon({"scan": {}, "nothing": {}}, button="level bool scan") as daemon:
        tap.among('there is no "nothing" to be read now', daemon.said(), "the log")
        press_and_send(house, daemon, "scan")


def test_run_fails(house):
    """A scan that fails is one line with its reason, and the next press counts"""
    with house.daemon({"button-1": {}}, button="latched int button-1", fault_at="start",
                      fault_status="COVER_OPEN") as daemon:
        daemon.device.press("button-1")
        daemon.await_("(exit code 1)")
        line, = [each for each in daemon.said().splitlines() if "exit code" in each]
        assert re.match(r"scan2maild: default: .*cover", line), line
        daemon.device.set(button="latched int button-1")
        daemon.await_looks()
        press_again(daemon, "button-1")
        house.one_mail()
        daemon.await_("the scan is delivered")


def test_reload(house):
    """SIGHUP: faulty settings are said and the old ones stay; good ones count"""
    with house.daemon({"scan": {}}, button=["level bool scan", "level bool email"]) as daemon:
        daemon.hup(settings({"scan": {"paws": "1s"}}))
        daemon.await_("the settings from before stay")
        tap.among("unknown key 'paws'", daemon.said(), "the log")
        daemon.hup(settings({"scan": {"profile": "nowhere"}}))
        daemon.await_("the settings from before stay", 2)
        press_and_send(house, daemon, "scan")
        daemon.hup(settings({"email": {}}))
        daemon.await_("watching email")
        daemon.await_("the settings are read anew")
        daemon.device.release("scan")
        daemon.await_looks()
        daemon.device.press("scan")
        daemon.await_looks()
        tap.same(daemon.said().count("is pressed:"), 1, "the presses")
        press_and_send(house, daemon, "email")


def test_reload_during_pause(house):
    """Paper that lies there when the settings are read anew still starts its scan"""
    buttons = {"page-loaded": {"value": "1", "pause": "3s"}}
    with house.daemon(buttons, button="level bool page-loaded") as daemon:
        daemon.device.press("page-loaded")
        daemon.await_looks(3)
        daemon.hup()
        daemon.await_("watching page-loaded", 2)
        house.one_mail()
        tap.absent("is ignored: it was pressed before", daemon.said(), "the log")


def test_reload_during_run(house):
    """A scan goes on over SIGHUP, also when its button has left the settings"""
    for after in ({"scan": {}}, {("fault:1", "scan"): {}}):
        with house.daemon({"scan": {}}, second={"button": "level bool scan"},
                          button="level bool scan", **SLOW) as daemon:
            daemon.device.press("scan")
            daemon.device.await_("middle 1", LIMIT)
            daemon.device.release("scan")
            daemon.hup(settings(after))
            daemon.await_("the settings are read anew")
            house.one_mail()
            daemon.await_("the scan is delivered")
            tap.same(daemon.said().count("is pressed:"), 1, "the presses")


def test_two_scanners(house):
    """Two scanners scan side by side"""
    with house.daemon({"scan": {}, ("fault:1", "scan"): {"profile": "other"}}, devices=2,
                      profiles={"other": {"to": "carol@example.com"}},
                      second={"button": "level bool scan"}, button="level bool scan",
                      **SLOW) as daemon:
        daemon.await_("fault:1: watching scan")
        daemon.await_("fault:0: watching scan")
        daemon.device.press("scan")
        daemon.device.await_("middle 1", LIMIT)
        daemon.device.press_second("scan")
        to = [each["To"] for each in house.mails(2)]
        tap.same(to, ["carol@example.com", "bob@example.com"], "who got a mail, in order")


def test_kept(house):
    """What is scanned while there is no cupsd is kept, and brought in later"""
    with house.daemon({"scan": {}}, button="level bool scan") as daemon:
        with house.no_cupsd():
            daemon.device.press("scan")
            daemon.await_("(exit code 3)")
        tap.same(house.new_mails(), [], "the mails")
        daemon.hup()
        house.one_mail()
        tap.same([each for each in (daemon.folder / "state").rglob("*.pdf")], [], "kept scans")


def test_kept_before_start(house):
    """What was kept before it started is brought in at once"""
    with house.daemon({"scan": {}}, button="level bool scan") as daemon:
        with house.no_cupsd():
            daemon.device.press("scan")
            daemon.await_("(exit code 3)")
            daemon.stop()
        daemon.start()
        house.one_mail()
        daemon.stop()


def test_term(house):
    """SIGTERM, in the middle of a scan or of a look that hangs, leaves no process"""
    with house.daemon({"scan": {}}, button="level bool scan", **SLOW) as daemon:
        daemon.device.press("scan")
        daemon.device.await_("middle 1", LIMIT)
        took = daemon.stop()
        assert took < STOP_LIMIT, f"it took {took:.1f} s"
    with house.daemon({"scan": {}}, button="level bool scan") as daemon:
        daemon.device.set(button="level bool scan", hang="open", deaf="yes")
        daemon.device.await_("hang open", LIMIT)
        took = daemon.stop()
        assert took < STOP_LIMIT, f"it took {took:.1f} s"
    tap.same(house.new_mails(), [], "the mails")


def test_killed(house):
    """When it is killed, what it has started ends too"""
    with house.daemon({"scan": {}, ("fault:1", "scan"): {}}, second={"button": "level bool scan"},
                      button="level bool scan", **SLOW) as daemon:
        daemon.await_("fault:0: watching scan")
        daemon.device.press("scan")
        daemon.device.await_("middle 1", LIMIT)
        daemon.process.kill()
        daemon.process.wait()
        scanner.await_("the end of all", lambda: not scanner.session(daemon.process.pid), LIMIT)
        daemon.look_for_remains()
        tap.absent("end 1", daemon.device.calls(), "the end of the page")


def test_list_buttons(house):
    """scan2mail --list-buttons shows them, and each change, until Ctrl-C"""
    device = Scanners(house.folder / "listed", button=["level bool scan", "level bool page-loaded"])
    out = house.folder / "listed.out"
    with out.open("wb") as stream:
        shown = subprocess.Popen(
            [rig.built("scan2mail"), "--list-buttons", "-d", "fault:0"], stdout=stream,
            stderr=subprocess.STDOUT, env=house.cupsd.environment(**device.environment()),
            start_new_session=True)
    scanner.await_("the list", lambda: "Ctrl-C" in out.read_text(), LIMIT)
    head = out.read_text()
    tap.among('[button "fault:0" "scan"]', head, "the list")
    tap.same(re.findall(r"^  (scan|page-loaded) +(\d)$", head, re.M),
             [("scan", "0"), ("page-loaded", "0")], "the buttons")
    tap.absent("resolution", head, "the list")
    device.press("page-loaded")
    scanner.await_("the change", lambda: 'page-loaded: "1" was "0"' in out.read_text(), LIMIT)
    shown.send_signal(signal.SIGINT)
    code, _, _ = scanner.finish(shown)
    tap.same(code, 0, "the exit code")
    tap.same(device.processes(), [], "processes with the driver")


def test_system_calls(house):
    """It makes no system call that its unit forbids, nor do the scans that it starts"""
    if not shutil.which("strace"):
        raise tap.Skip("strace")
    unit = units.Unit("scan2maild.service")
    allowed = unit.system_calls()
    trace = house.folder / "calls"
    with house.daemon({"scan": {}}, button="level bool scan",
                      under=("strace", "-f", "-qq", "-o", trace)) as daemon:
        with house.no_cupsd():  # for a scan that is kept and brought in later
            daemon.device.press("scan")
            daemon.await_("(exit code 3)")
        daemon.device.release("scan")
        daemon.hup()
        house.one_mail()
        daemon.await_looks()
        press_again(daemon, "scan")
        house.one_mail()
        daemon.await_("the scan is delivered")
    made = set(re.findall(r"^\d+ +(\w+)\(", trace.read_text(), re.M))
    tap.among("signalfd4", made, "the calls (is this the right place?)")
    tap.same(sorted(made - allowed - {"execve"}), [], "the calls that are forbidden")
    families = set(re.findall(r"socket(?:pair)?\((AF_\w+)", trace.read_text()))
    missing = families - set(unit.setting("RestrictAddressFamilies")[0].split())
    tap.same(sorted(missing), [], "the address families that are forbidden")


def scan_time(daemon):
    """Seconds that the device takes for a page, with a frontend of SANE's own."""
    begun = time.monotonic()
    subprocess.run(["scanimage", "-d", "fault:0", "--source", "Flatbed", "--mode", "Gray",
                    "--resolution", "150", "-o", daemon.folder / "own.pnm"], check=True,
                   env=daemon.environment, capture_output=True, timeout=LIMIT)
    return time.monotonic() - begun


def between_looks(daemon):
    """Seconds from one look to the next."""
    times = []
    for _ in range(LOOKS + 1):
        daemon.await_looks(1)
        times.append(time.monotonic())
    return median(after - before for before, after in itertools.pairwise(times))


def test_press_to_mail(house):
    """From the press to the mail in less than a second and the device's own time"""
    sample = (rig.ROOT / "conf" / "postroom.conf").read_text()
    poll = int(re.search(r"^;button_poll = (\d+)$", sample, re.M)[1]) / 1000
    with house.daemon({"button-1": {}}, poll=None, profiles={"default": {"resolution": "150"}},
                      button="latched int button-1") as daemon:
        own = median(scan_time(daemon) for _ in range(3))
        apart = between_looks(daemon)
        took = []
        for count in range(1, PRESSES + 1):
            pressed = press_again(daemon, "button-1")
            house.cupsd.poll(lambda: len(house.server.paths) > house.taken, "no mail")
            took.append(time.monotonic() - pressed)
            house.one_mail()
            daemon.await_("the scan is delivered", count)
            daemon.await_looks()
    print(f"# press to mail: {', '.join(f'{each:.2f}' for each in took)} s; the device's own time "
          f"{own:.2f} s; {apart:.2f} s between two looks")
    assert poll * 0.9 < apart < poll * 1.5, f"the looks are {apart:.2f} s apart, not {poll:.2f} s"
    assert median(took) < 1 + own, f"it takes {median(took):.2f} s, the device {own:.2f} s"


if __name__ == "__main__":
    tap.run(globals(), House)
