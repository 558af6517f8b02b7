#!/usr/bin/python3 -B
"""scanbd's action for Postroom: what the script makes of what scanbd tells it; and with the real
scanbd, on a message bus of its own, from a button of a scanner to the mail."""
import os
import re
import shutil
import signal
import subprocess
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))
import rig  # noqa: E402
from fakes import program  # noqa: E402
from rig import debian, house as rig_house, mail, scandesk, scanner, tap  # noqa: E402

SCRIPT = rig.ROOT / "conf/scanbd/postroom.script"
SNIPPET = rig.ROOT / "conf/scanbd/postroom.conf"
INSTALLED = "/etc/scanbd/scripts/postroom.script"  # where the snippet says that the script is
DEBIAN = "etc/scanbd/scanbd.conf"  # as the package has it
CUT = 254  # bytes of NAME=VALUE that scanbd passes on
USER = "saned"  # as whom scanbd runs, once it has its settings
BUTTONS = ["level bool scan", "level bool email", "cleared string message"]
BUS = """<!DOCTYPE busconfig PUBLIC "-//freedesktop//DTD D-Bus Bus Configuration 1.0//EN"
 "http://www.freedesktop.org/standards/dbus/1.0/busconfig.dtd">
<busconfig><type>system</type><listen>unix:path={}</listen><auth>EXTERNAL</auth>
<policy context="default"><allow user="*"/></policy>
<include>{}etc/dbus-1/system.d/scanbd_dbus.conf</include></busconfig>
"""


class House(rig_house.House):
    """The print server; a scanner with buttons; scanbd with a bus of its own."""

    sections = {**rig_house.House.sections, "more": """[scan default]
to = Accounting
subject = Button
source = adf
mode = gray
resolution = 75
queue = mail
"""}

    def __init__(self):
        super().__init__()
        self.processes = []
        self.bin = self.folder / "bin"
        self.calls = self.folder / "calls"  # of scan2mail
        self.scanner = scanner.Scanner(self.folder / "sane", pages=3, button=BUTTONS)
        (self.folder / "home").mkdir()

    def __enter__(self):
        super().__enter__()
        self.bin.mkdir()
        self.calls.mkdir()
        self.calls.chmod(0o777)
        (self.folder / "home").chmod(0o777)
        return self

    def __exit__(self, *_):
        for each in reversed(self.processes):
            program.end_session(each)
        super().__exit__()

    def program(self, name, text):
        """A program that the script finds in its PATH."""
        path = self.bin / name
        path.write_text("#!/bin/sh\n" + text)
        path.chmod(0o755)

    def record(self, then):
        """In the place of scan2mail: writes its arguments and environment down; the call counts
        once its arguments are there."""
        self.program("scan2mail", f"""
env -0 > {self.calls}/environment.$$
printf '%s\\0' "$@" > {self.calls}/new.$$
mv {self.calls}/new.$$ {self.calls}/arguments.$$
{then}
""")

    def called(self):
        """The calls so far, as (arguments, environment); they are forgotten then."""
        found = []
        for path in sorted(self.calls.glob("arguments.*"),
                           key=lambda each: each.stat().st_mtime_ns):
            other = path.with_name(path.name.replace("arguments", "environment"))
            found.append((path.read_text().split("\0")[:-1],
                          dict(each.split("=", 1) for each in other.read_text().split("\0")[:-1])))
            path.unlink()
            other.unlink()
        return found

    # -- the script alone --------------------------------------------------------------------

    def act(self, then="exit 0", **environment):
        """Runs the script as scanbd does: exit code, what was logged, calls of scan2mail."""
        self.record(then)
        log = self.folder / "logged"
        log.unlink(missing_ok=True)
        self.program("logger", f'printf "%s\\n" "$*" >> {log}\n')
        done = subprocess.run([SCRIPT], env={"PATH": f"{self.bin}:/usr/bin:/bin", **environment},
                              capture_output=True, text=True, timeout=scandesk.LIMIT)
        tap.same(done.stdout, "", "standard output")
        said = done.stderr + (log.read_text() if log.exists() else "")
        return done.returncode, said, self.called()

    # -- scanbd ------------------------------------------------------------------------------

    def daemon(self, *command, **environment):
        process = subprocess.Popen(
            [str(each) for each in command], env={"PATH": f"{self.bin}:/usr/sbin:/usr/bin",
                                                  **environment},
            stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
            stderr=open(self.folder / Path(command[0]).name, "w"), start_new_session=True)
        self.processes.append(process)
        return process

    def scanbd(self):
        """Starts it: Debian's settings, with our snippet as its comment says to add it."""
        if not shutil.which("dbus-daemon"):
            raise tap.Skip("the package dbus-daemon")
        if os.getuid() != 0:
            raise tap.Skip("root, who alone starts scanbd")
        root = debian.root_of("scanbd", "usr/sbin/scanbd")
        bus, script = self.folder / "bus", self.folder / "postroom.script"
        shutil.copy(SCRIPT, script)
        (self.folder / "postroom.conf").write_text(
            SNIPPET.read_text().replace(INSTALLED, str(script)))
        text = re.sub(r"^include\(.*\n", "", (root / DEBIAN).read_text(), flags=re.M)
        text = re.sub(r"pidfile\s*=.*", f'pidfile = "{self.folder}/pid"', text)
        text = re.sub(r"(?m)^(\s*)timeout\s*=.*", r"\1timeout = 100", text)
        (self.folder / "scanbd.conf").write_text(
            f"{text}\ninclude({self.folder}/postroom.conf)\n")
        (self.folder / "bus.conf").write_text(BUS.format(bus, f"{root}/".replace("//", "/")))
        self.daemon("dbus-daemon", "--nofork", f"--config-file={self.folder}/bus.conf")
        scanner.await_("the bus", bus.exists)
        environment = self.cupsd.environment(
            POSTROOM_CONFIG=str(self.folder / "etc/postroom.conf"), USER=USER,
            XDG_STATE_HOME=str(self.folder / "home"), **self.scanner.environment())
        words = " ".join(f"'{name}={value}'" for name, value in environment.items())
        self.record(f'exec env {words} {rig.built("scan2mail")} "$@"')
        scanning = self.scanner.environment()
        scanning["LD_LIBRARY_PATH"] += "".join(f":{each}" for each in debian.libraries(root))
        self.daemon(root / "usr/sbin/scanbd", "-f", "-c", self.folder / "scanbd.conf",
                    DBUS_SYSTEM_BUS_ADDRESS=f"unix:path={bus}", **scanning)
        self.scanner.await_("get scan")

    def running(self):
        """Whatever needs it is skipped where test_button() was."""
        if not self.processes:
            raise tap.Skip("scanbd, which is not there")

    def diagnose(self):
        log = self.folder / "scanbd"
        return log.read_text()[-4000:] if log.exists() else ""


DEVICE = {"SCANBD_DEVICE": "fault:0"}


def test_names(house):
    """Whatever the names of action and device are, they arrive as one argument each"""
    for name in ("default", "two words", "it's", '"x"', "$(touch /tmp/x) `id` ; & | > *", "-S",
                 "a\tb", "Büro"):
        code, said, calls = house.act(SCANBD_ACTION=name, SCANBD_DEVICE=f"net:host:{name}")
        tap.same((code, said), (0, ""), "the run")
        tap.same(calls[0][0], ["-p", name, "-d", f"net:host:{name}"], "the arguments")
        tap.same(calls[0][1]["SANE_CONFIG_DIR"], "/etc/scanbd", "SANE_CONFIG_DIR")


def test_cut(house):
    """A name that scanbd may have cut is refused with a line in the log"""
    for name in ("SCANBD_DEVICE", "SCANBD_ACTION"):
        room = CUT - len(name) - 1  # bytes of the longest value
        for value, whole in (("x" * (room - 1), True), ("x" * room, False),
                             ("x" * (room - 2) + "ü", False)):
            names = {"SCANBD_DEVICE": "fault:0", "SCANBD_ACTION": "default", name: value}
            code, said, calls = house.act(**names)
            tap.same((code == 0, bool(calls)), (whole, whole), f"{len(value)} bytes of {name}")
            if not whole:
                tap.among(name, said, "the log")
                tap.among("cut", said, "the log")


def test_nothing_told(house):
    """Without a device or an action nothing is scanned"""
    for given, missing in ((DEVICE, "SCANBD_ACTION"), ({"SCANBD_ACTION": "a"}, "SCANBD_DEVICE"),
                           ({**DEVICE, "SCANBD_ACTION": ""}, "SCANBD_ACTION")):
        code, said, calls = house.act(**given)
        tap.same((code, calls), (2, []), "exit code and calls")
        tap.among(missing, said, "the log")


def test_said(house):
    """What scan2mail says is logged with device and action, and its exit code is the script's"""
    code, said, calls = house.act("echo 'the feeder is empty' >&2; exit 1", **DEVICE,
                                  SCANBD_ACTION="default")
    tap.same((code, len(calls)), (1, 1), "exit code and number of calls")
    for word in ("the feeder is empty", "fault:0", "default"):
        tap.among(word, said, "the log")


def test_resend(house):
    """After a scan that was delivered, what was kept goes out too"""
    _, _, calls = house.act(**DEVICE, SCANBD_ACTION="default")
    tap.same([arguments for arguments, _ in calls][1:], [["--resend"]], "the second call")


def new_mails(house, count):
    """Waits for mails."""
    found = []
    scanner.await_("the mail", lambda: found.extend(house.new_mails()) or len(found) >= count)
    return found


def look_at(house, message):
    attachment, = message.attachments
    mail.pdf_check(attachment.content)
    folder = house.folder / "look"
    folder.mkdir(exist_ok=True)
    (folder / "mail.pdf").write_bytes(attachment.content)
    tap.same([page.number for page in scanner.read_pages(folder / "mail.pdf", folder)], [1, 2, 3],
             "the pages")


def test_button(house):
    """A button is pressed: the real scanbd runs the script, and the mail arrives"""
    house.scanbd()
    house.called()
    house.scanner.press("scan")
    message, = new_mails(house, 1)
    tap.same(message.envelope["rcpt_tos"], ["invoices@example.com"], "the envelope")
    tap.same(message["Subject"], "Button", "Subject")
    look_at(house, message)
    (arguments, environment), = [each for each in house.called() if "-p" in each[0]]
    tap.same(arguments, ["-p", "default", "-d", "fault:0"], "the arguments")
    tap.same(environment["SANE_CONFIG_DIR"], "/etc/scanbd", "SANE_CONFIG_DIR")
    tap.same(environment.get("USER"), USER, "who scans")


def test_button_again(house):
    """It is polled on, and works again; letting go and another's button start nothing of ours"""
    house.running()
    house.scanner.forget()
    house.scanner.await_("get scan")
    house.scanner.release("scan")
    seen = len(house.scanner.calls())
    scanner.await_("two more looks", lambda: house.scanner.calls()[seen:].count("get scan") > 2)
    tap.same(house.new_mails(), [], "mails when it is let go")
    house.scanner.press("email")
    message, = new_mails(house, 1)
    tap.same(message["Subject"], "Button", "Subject")
    house.scanner.release("email")


def test_jam(house):
    """A jam is logged by the script, and what was whole is sent"""
    house.running()
    house.scanner.set(pages=3, button=BUTTONS, fault_at="start", fault_page=3,
                      fault_status="JAMMED")
    house.scanner.forget()
    house.scanner.await_("get scan")
    house.scanner.press("scan")
    message, = new_mails(house, 1)
    tap.among("jam", message.text, "the body")


def test_end(house):
    """scanbd ends when it is told, and nothing stays"""
    house.running()
    for each in reversed(house.processes):
        each.send_signal(signal.SIGTERM)
        tap.same(each.wait(scandesk.LIMIT), 0, f"the exit code of {each.args[0]}")
        tap.same(scanner.session(each.pid), {}, "processes")


if __name__ == "__main__":
    tap.run(globals(), House)
