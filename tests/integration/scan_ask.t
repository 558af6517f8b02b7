#!/usr/bin/python3 -B
"""scan2mail with a person before it: the questions of --more and --backs, and the numbers of
scans."""
import fcntl
import os
import pty
import shutil
import signal
import stat
import sys
import termios
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))
from rig import scanner, tap  # noqa: E402
from rig.testdevice import Desk, LIMIT, STOP_LIMIT, Terminal  # noqa: E402
from rig.testdevice import check_pdf, read_terminal  # noqa: E402


def test_numbers(desk):
    """%n counts the scans of a profile, in the folder of the user who scans"""
    desk.fresh()
    desk.settings.write_text("[scan default]\nsource = flatbed\nresolution = 75\n"
                             "filename = %n\n[scan other]\nsource = flatbed\n"
                             "resolution = 75\n")
    command = ("-d", "test:0", "-o", desk.pdf)
    for _ in range(2):
        tap.same(desk.run(*command), (0, b"", ""), "the run")
    tap.same(desk.run(*command, "-p", "other"), (0, b"", ""), "a run without %n")
    numbers = desk.state / "postroom" / "numbers"
    tap.same({each.name: each.read_text() for each in numbers.iterdir()},
             {"default": "2\n"}, "the numbers")
    tap.same(stat.S_IMODE(numbers.stat().st_mode), 0o700, "the folder's mode")
    (numbers / "default").write_text("many")
    code, out, err = desk.run(*command)
    tap.same((code, out), (0, b""), "the run")
    tap.among("was damaged", err, "standard error")
    tap.same((numbers / "default").read_text(), "1\n", "the number")
    shutil.rmtree(desk.state)
    desk.state.write_text("in the way")
    code, _, err = desk.run(*command)
    desk.state.unlink()
    tap.same(code, 1, "the exit code without a folder")
    tap.among(str(desk.state), err, "standard error")


def test_more(desk):
    """--more asks for page after page on the glass, and Ctrl-D is as good as q"""
    for end in (b"q\n", b"\x04"):
        desk.fresh()
        run = Terminal(desk, "-d", "test:0", "-S", "flatbed", "-r", "50", "--more", "-o",
                       desk.pdf)
        shown = run.until(b"to end: ")
        tap.among("1 page. Lay the next page on the glass and press Enter", shown, "it")
        run.type(b"\n")
        tap.among("2 pages. Lay", run.until(b"to end: "), "the second question")
        tap.same(desk.pdf.exists(), False, "that there is a PDF yet")
        run.type(end)
        code, shown = run.end()
        tap.same(code, 0, "the exit code")
        tap.among("2 pages delivered", shown, "the terminal")
        tap.same(len(check_pdf(desk.pdf)), 2, "the number of pages")


def test_more_interrupted(desk):
    """Ctrl-C at the question sends nothing, and ends at once"""
    desk.fresh()
    run = Terminal(desk, "-d", "test:0", "-S", "flatbed", "-r", "50", "--more", "-o",
                   desk.pdf)
    run.until(b"to end: ")
    begun = time.monotonic()
    run.process.send_signal(signal.SIGINT)
    code, shown = run.end()
    tap.same(code, 130, "the exit code")
    assert time.monotonic() - begun < STOP_LIMIT, "it took too long"
    tap.among("nothing was sent", shown, "the terminal")
    tap.same(os.listdir(desk.out), [], "the folder")


def test_hung_up(desk):
    """A terminal that goes away at the question, by SIGHUP or by itself, ends the stack"""
    def hang_up(run):
        run.process.send_signal(signal.SIGHUP)
        return run.end()

    def close(run):
        os.close(run.master)
        return run.process.wait(LIMIT), ""

    for option, source in (("--more", "flatbed"), ("--backs", "adf")):
        for leave in (hang_up, close):
            desk.fresh()
            device = scanner.Scanner(desk.folder / "sane", source="Flatbed|ADF", pages="2|2")
            run = Terminal(desk, "-d", device.device, "-S", source, "-r", "50", option, "-o",
                           desk.pdf, sane=device)
            run.until(b" Enter")
            code, _ = leave(run)
            tap.same(code, 0, f"the exit code with {option}")
            tap.same(len(check_pdf(desk.pdf)), 1 if option == "--more" else 2, "the pages")
            tap.same(os.listdir(desk.out), ["scan.pdf"], "the folder")


def test_session_ends(desk):
    """A connection that breaks: the terminal is the session's, and SIGHUP and its end come both"""
    desk.fresh()
    master, slave = pty.openpty()
    process = desk.start("-d", "test:0", "-S", "flatbed", "-r", "50", "--more", "-o", desk.pdf,
                         stdin=slave, stdout=slave, stderr=slave,
                         preexec_fn=lambda: fcntl.ioctl(0, termios.TIOCSCTTY, 0))
    os.close(slave)
    tap.among("to end: ", read_terminal(master, b"to end: "), "the question")
    os.close(master)
    tap.same(scanner.finish(process, LIMIT)[0], 0, "the exit code")
    tap.same(len(check_pdf(desk.pdf)), 1, "the pages")


def test_stopped_at_the_question(desk):
    """SIGINT and SIGTERM still send nothing"""
    for number in (signal.SIGINT, signal.SIGTERM):
        desk.fresh()
        run = Terminal(desk, "-d", "test:0", "-S", "flatbed", "-r", "50", "--more", "-o",
                       desk.pdf)
        run.until(b"to end: ")
        run.process.send_signal(number)
        tap.same(run.end()[0], 128 + number, "the exit code")
        tap.same(os.listdir(desk.out), [], "the folder")


def test_questions_want_a_terminal(desk):
    """--more and --backs are refused where nobody can answer, and where they make no sense"""
    desk.refused("--more", said="--more asks at the terminal", code=2)
    desk.refused("--backs", said="--backs asks at the terminal", code=2)
    desk.refused("--backs", "-S", "flatbed", said="--backs wants a feeder", code=2)
    desk.refused("--resend", said="--resend stands alone", code=2)


def with_backs(desk, answer, name):
    """Three sheets, their fronts and then their backs: (exit code, what it showed, pages)."""
    desk.fresh()
    device = scanner.Scanner(desk.folder / name, source="Flatbed|ADF", pages="3|3")
    run = Terminal(desk, "-d", device.device, "-S", "adf", "-m", "gray", "-r", "75",
                   "--backs", "-o", desk.pdf, sane=device)
    shown = run.until(b"fronts alone: ")
    tap.among("3 pages. Turn the stack over, put it back into the feeder and press Enter",
              shown, "the question")
    run.type(answer)
    code, shown = run.end()
    pages = scanner.read_pages(desk.pdf, desk.tmp) if desk.pdf.exists() else []
    return code, shown, [page.number for page in pages]


def test_backs(desk):
    """--backs asks to turn the stack over, and puts the backs between the fronts"""
    code, shown, pages = with_backs(desk, b"\n", "turned")
    tap.same((code, pages), (0, [1, 6, 2, 5, 3, 4]), "the pages")
    tap.among("6 pages delivered", shown, "the terminal")


def test_fronts_alone(desk):
    """q at that question ends with the fronts"""
    code, shown, pages = with_backs(desk, b"q\n", "fronts")
    tap.same(pages, [1, 2, 3], "the pages")
    tap.among("3 pages delivered", shown, "the terminal")
    tap.same(code, 0, "the exit code")


if __name__ == "__main__":
    tap.run(globals(), Desk)
