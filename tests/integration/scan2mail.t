#!/usr/bin/python3 -B
"""scan2mail with SANE's `test` device: into files, pipes and devices, alone and through saned."""
import os
import pty
import re
import signal
import stat
import subprocess
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))
from rig import tap  # noqa: E402
from rig.testdevice import Desk, LIMIT, STOP_LIMIT, await_, check_pdf  # noqa: E402
from rig.testdevice import read_terminal, tool  # noqa: E402
from fakes import feeder  # noqa: E402 (rig has put it on the path)

SHEETS = 10  # what the device's feeder holds
A4 = (595.0, 842.0)  # points
# A page of about ten seconds: one that can be interrupted.
SLOW = {"read-limit": "true", "read-limit-size": "1000", "read-delay": "true",
        "read-delay-duration": "200000"}


def near(got, wanted, most=3.0):
    """Sizes in points; the device cuts to whole millimetres."""
    assert all(abs(a - b) <= most for a, b in zip(got, wanted)), f"{got}, not {wanted}"


def children(pid):
    return [int(each) for each in
            Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


def test_help(desk):
    """--help and --version speak on standard output and touch no scanner"""
    code, out, err = desk.run("--help", sane=desk.folder)
    tap.same((code, err), (0, ""), "help")
    for option in (b"--profile", b"--device", b"--to", b"--subject", b"--resolution",
                   b"--mode", b"--source", b"--output", b"--list"):
        tap.among(option, out, "the help")
    code, out, err = desk.run("--version", sane=desk.folder)
    tap.same((code, err), (0, ""), "version")
    assert re.fullmatch(rb"scan2mail \(Postroom\) \d+\.\d+\.\d+\n", out), out


def test_arguments(desk):
    """What the command line gets wrong is named, exit 2"""
    for arguments, said in (
            (["-x"], "-x is no option"), (["-t"], "-t wants a value"),
            (["stack.pdf"], '"stack.pdf" stands alone'),
            (["-r", "0"], "1 to 9600"), (["-r", "fine"], "1 to 9600"),
            (["-m", "sepia"], "auto, color, gray, bw"),
            (["-S", "tray"], "auto, flatbed, adf, adf-duplex")):
        desk.refused(*arguments, said=said, code=2)


def test_recipients(desk):
    """A recipient or subject that breaks a rule is refused before paper moves"""
    broken = desk.folder / "no-sane"  # a scan would fail otherwise
    for arguments, said in (
            (["-t", "bob@"], "bob@"), (["-t", "a@example.com,"], "a@example.com"),
            (["-t", "eve@example.com\nBcc: bob@example.com"], "eve@example.com"),
            (["-s", "50 % off"], "%")):
        desk.refused(*arguments, said=said, sane=broken)


def test_list_buttons(desk):
    """--list-buttons asks the scanner of -d or of the profile, and says when it has none"""
    desk.fresh()
    desk.settings.write_text("[scan default]\ndevice = test:1\n[scan other]\n"
                             "device = test:7\n")
    for arguments, said in (((), "test:1"), (("-p", "other"), "test:7"),
                            (("-d", "test:0", "-p", "other"), "test:0"),
                            (("-p", "none"), "[scan none]")):
        code, out, err = desk.run("--list-buttons", *arguments)
        tap.same((code, out), (1, b""), "the run")
        tap.among(said, err, "standard error")


def test_options(desk):
    """--option goes to the driver, and before the profile's; what it has not is refused"""
    desk.fresh()
    profile = "[scan default]\nsource = flatbed\nresolution = 75\nmode = gray\n"
    desk.settings.write_text(profile + "option.test-picture = Solid black\n")
    for more, wanted in (((), 0), (("--option", "test-picture=Solid white"), 255)):
        tap.same(desk.run("-d", "test:0", "-o", desk.pdf, *more), (0, b"", ""), "the run")
        tool("pdfimages", str(desk.pdf), str(desk.out / "page"))
        page, = desk.out.glob("page-000.*")
        tap.same(pixels(page.read_bytes())[2][:3], bytes([wanted] * 3), "the first pixels")
        page.unlink()
    desk.refused("-d", "test:0", "--option", "swskip=1", said="swskip")


def test_unknown_device(desk):
    """A scanner that is not there is named"""
    desk.refused("-d", "test:7", said='there is no scanner "test:7"')
    desk.refused("-d", "nothing\x1b[31m", said='there is no scanner "nothing [31m"')
    desk.refused(said="no scanner was found", sane=desk.no_sane())


def test_feeder(desk):
    """The feeder is scanned until it is empty, as colour JPEGs of A4"""
    pages = desk.scan("-S", "adf", "-m", "color", "-r", "75")
    tap.same([page[:3] for page in pages], [("jpeg", 8, "rgb")] * SHEETS, "the pages")
    for page in pages:
        near(page[3], A4)


def test_auto(desk):
    """Left alone it takes the first scanner's feeder in colour"""
    desk.fresh()
    tap.same(desk.run("-o", desk.pdf, "-r", "30"), (0, b"", ""), "the run")
    tap.same([page[:3] for page in check_pdf(desk.pdf)], [("jpeg", 8, "rgb")] * SHEETS,
             "the pages")


def test_modes(desk):
    """Grey is a grey JPEG, black and white is CCITT G4, at 300 dpi"""
    for mode, image in (("gray", ("jpeg", 8, "gray")), ("bw", ("ccitt", 1, "gray")),
                        ("color", ("jpeg", 8, "rgb")), ("auto", ("jpeg", 8, "rgb"))):
        pages = desk.scan("-S", "flatbed", "-m", mode)
        tap.same([page[:3] for page in pages], [image], mode)
        near(pages[0][3], A4)


def scanimage(desk, sane, *options):
    """The same page as scanimage delivers it: the bytes of a PNM."""
    return subprocess.run(["scanimage", "-d", "test:0", "--format=pnm", "-x", "210", "-y",
                           "297", *options], env=desk.environment(sane), check=True,
                          capture_output=True, timeout=LIMIT).stdout


def pixels(pnm):
    """Width, height and bytes of a PNM, its comments left out."""
    head = re.match(rb"(P[456])\n(?:#.*\n)*(\d+) (\d+)\n(?:(?:255|1)\n)?", pnm)
    return head[2], head[3], pnm[head.end():]


def test_bilevel_pixels(desk):
    """What another program decodes from the G4 page is the device's own page, bit by bit"""
    for picture in ("Grid", "Color pattern", "Solid black", "Solid white"):
        sane = desk.sane({"test-picture": f'"{picture}"'})
        desk.scan("-S", "flatbed", "-m", "bw", "-r", "150", sane=sane)
        tool("pdfimages", str(desk.pdf), str(desk.out / "page"))
        got = (desk.out / "page-000.pbm").read_bytes()
        wanted = scanimage(desk, sane, "--mode", "Gray", "--depth", "1", "--resolution",
                           "150")
        assert pixels(got) == pixels(wanted), f"{picture} differs"


def test_colour_pixels(desk):
    """The colour page is the device's own, as near as JPEG keeps it"""
    sane = desk.sane({"test-picture": '"Grid"'})
    for mode, name, suffix in (("color", "Color", "ppm"), ("gray", "Gray", "pgm")):
        desk.scan("-S", "flatbed", "-m", mode, "-r", "100", sane=sane)
        tool("pdfimages", str(desk.pdf), str(desk.out / "page"))
        page = desk.out / "page-000.ppm"
        if not page.exists():
            page = desk.out / f"page-000.{suffix}"
        got = pixels(page.read_bytes())
        wanted = pixels(scanimage(desk, sane, "--mode", name, "--depth", "8",
                                  "--resolution", "100"))
        tap.same(got[:2], wanted[:2], "the size")
        if len(got[2]) == 3 * len(wanted[2]):  # poppler may write grey as colour
            got = (*got[:2], got[2][::3])
        tap.same(len(got[2]), len(wanted[2]), "the number of samples")
        off = sum(abs(a - b) > 40 for a, b in zip(got[2], wanted[2]))
        assert off < len(wanted[2]) / 1000, f"{off} of {len(wanted[2])} samples differ"


def test_papers(desk):
    """The profile's paper, mode and source count, and the command line goes before them"""
    for paper, size in (("a5", (419.5, 595.3)), ("letter", (612, 792)),
                        ("legal", (612, 1008)), ("max", (1133.9, 1133.9))):
        desk.fresh()
        desk.settings.write_text(f"[scan desk]\ndevice = test:1\npaper = {paper}\n"
                                 "mode = gray\nsource = flatbed\nresolution = 75\n")
        for more, colours in (([], "gray"), (["-m", "color"], "rgb")):
            tap.same(desk.run("-p", "desk", "-o", desk.pdf, *more), (0, b"", ""), "the run")
            page, = check_pdf(desk.pdf)
            tap.same(page[2], colours, "the colours")
            near(page[3], size)


def test_settings(desk):
    """Settings that are bad, or lack the profile, are named; without need of them all is well"""
    desk.refused("-p", "desk", said=str(desk.settings))
    desk.fresh()
    desk.settings.write_text("[scan default]\ndevise = test:0\n")
    code, _, err = desk.run("-o", desk.pdf)
    tap.same(code, 1, "the exit code")
    tap.among(f"{desk.settings}:2", err, "standard error")
    desk.settings.write_text("[scan default]\nsource = flatbed\nresolution = 75\n")
    code, _, err = desk.run("-p", "desk", "-o", desk.pdf)
    tap.same(code, 1, "the exit code")
    tap.among("[scan desk]", err, "standard error")
    tap.same(desk.run("-d", "test:0", "-o", desk.pdf), (0, b"", ""), "the default profile")
    tap.same(len(check_pdf(desk.pdf)), 1, "the number of pages")


def test_resolutions(desk):
    """The page's size follows from the resolution that the device really takes"""
    near(desk.scan("-S", "flatbed", "-r", "307")[0][3], A4)
    limited = desk.sane({"resolution_min": "50", "resolution_max": "100", "resolution_quant": "7"})
    near(desk.scan("-S", "flatbed", "-r", "600", sane=limited)[0][3], A4)
    near(desk.scan("-S", "flatbed", "-r", "10", sane=limited)[0][3], A4)


def test_small_glass(desk):
    """The paper is cut to what the scanner has"""
    pages = desk.scan("-S", "flatbed", "-r", "75", sane=desk.sane({"geometry_max": "200"}))
    near(pages[0][3], (566.9, 566.9))


def test_padding(desk):
    """Lines with padding lose it"""
    whole = desk.scan("-S", "flatbed", "-r", "75")[0][3]
    less = desk.scan("-S", "flatbed", "-r", "75", sane=desk.sane({"ppl-loss": "50"}))[0][3]
    near(less, (whole[0] - 50 / 75 * 72, whole[1]), 0.1)


def test_unknown_height(desk):
    """A hand scanner's page has the height that it turns out to have"""
    for mode in ("color", "bw"):
        pages = desk.scan("-S", "flatbed", "-m", mode, "-r", "100",
                          sane=desk.sane({"hand-scanner": "true"}))
        near(pages[0][3], (311.8, 481.9))
    tap.same(os.listdir(desk.tmp), [], "the scratch folder")


def test_three_pass(desk):
    """A scanner of three passes gives the same colours as one of one pass, and grey"""
    pictures = []
    for passes in ("false", "true"):
        sane = desk.sane({"three-pass": passes, "mode": "Color"})
        pages = desk.scan("-m", "color", "-S", "flatbed", "-r", "50", sane=sane)
        tap.same([page[:3] for page in pages], [("jpeg", 8, "rgb")], "the page")
        tool("pdfimages", str(desk.pdf), str(desk.out / "page"))
        pictures.append((desk.out / "page-000.ppm").read_bytes())
    assert pictures[0] == pictures[1], "the pages differ"
    tap.same(len(desk.scan("-m", "gray", "-S", "flatbed", "-r", "50",
                           sane=desk.sane({"three-pass": "true"}))), 1, "grey pages")


def test_device_faults(desk):
    """A scanner's own faults are said as a person needs them, and nothing is left"""
    for status, said in (("JAMMED", "jammed"), ("COVER_OPEN", "cover is open"),
                         ("IO_ERROR", "cable"), ("NO_MEM", "memory"),
                         ("ACCESS_DENIED", "group scanner"), ("DEVICE_BUSY", "in use"),
                         ("NO_DOCS", "feeder is empty"), ("EOF", "feeder is empty"),
                         ("CANCELLED", "cancelled"), ("UNSUPPORTED", "failed"),
                         ("INVAL", "failed")):
        sane = desk.sane({"read-status-code": f"SANE_STATUS_{status}"})
        desk.refused("-d", "test:0", "-S", "adf", "-r", "50", sane=sane, said=said)


def test_missing_source(desk):
    """Both sides of a sheet need a feeder that can turn it: the sources are listed"""
    desk.refused("-d", "test:0", "-S", "adf-duplex",
                 said="Flatbed, Automatic Document Feeder")


def test_saned(desk):
    """Through saned over loopback: a stack of three, and a jam behind two sheets"""
    place = desk.folder / "feeder"
    with feeder.Feeder(place, 3) as device:
        desk.fresh()
        tap.same(desk.run("-d", device.device, "-S", "adf", "-r", "50", "-o", desk.pdf,
                          sane=place / "client"), (0, b"", ""), "the run")
        tap.same(len(check_pdf(desk.pdf)), 3, "the number of pages")
    with feeder.Feeder(place, 2, "jammed") as device:
        desk.fresh()
        code, out, err = desk.run("-d", device.device, "-S", "adf", "-r", "50", "-o",
                                  desk.pdf, sane=place / "client")
        tap.same((code, out), (1, b""), "the run")
        tap.among("2 pages delivered", err, "standard error")
        tap.among("jammed", err, "standard error")
        tap.same(len(check_pdf(desk.pdf)), 2, "the number of pages")


def test_empty_feeder(desk):
    """An empty feeder is a failure; with the source auto the glass is tried too"""
    place = desk.folder / "feeder"
    with feeder.Feeder(place, 0) as device:
        desk.refused("-d", device.device, "-S", "adf", sane=place / "client",
                     said="feeder is empty")
        desk.refused("-d", device.device, "-S", "auto", sane=place / "client",
                     said="no page on the glass")  # this one's is as empty


def test_existing_file(desk):
    """A file is replaced when the PDF is whole, keeps its mode, and stays at a failure"""
    desk.fresh()
    desk.pdf.write_text("old")
    desk.pdf.chmod(0o604)
    jam = desk.sane({"read-status-code": "SANE_STATUS_JAMMED"})
    tap.same(desk.run("-d", "test:0", "-o", desk.pdf, sane=jam)[0], 1, "the exit code")
    tap.same(desk.pdf.read_text(), "old", "the file")
    run = desk.run("-d", "test:0", "-S", "flatbed", "-r", "50", "-o", desk.pdf)
    tap.same(run, (0, b"", ""), "the run")
    check_pdf(desk.pdf)
    tap.same(stat.S_IMODE(desk.pdf.stat().st_mode), 0o604, "the mode")
    tap.same(os.listdir(desk.out), ["scan.pdf"], "the folder")


def test_streams(desk):
    """Standard output, a pipe with a name and /dev/null are written to, never replaced"""
    desk.fresh()
    command = ("-d", "test:0", "-S", "flatbed", "-r", "100", "-o")
    code, out, err = desk.run(*command, "-")
    tap.same((code, err), (0, ""), "the run")
    desk.pdf.write_bytes(out)
    tap.same(len(check_pdf(desk.pdf)), 1, "pages on standard output")
    fifo = desk.out / "fifo"
    os.mkfifo(fifo)
    process = desk.start(*command, fifo)
    desk.pdf.write_bytes(fifo.read_bytes())
    tap.same(process.wait(LIMIT), 0, "the exit code")
    tap.same(len(check_pdf(desk.pdf)), 1, "pages in the pipe")
    assert stat.S_ISFIFO(fifo.lstat().st_mode), "the pipe was replaced"
    tap.same(desk.run(*command, "/dev/null"), (0, b"", ""), "/dev/null")
    assert stat.S_ISCHR(os.lstat("/dev/null").st_mode), "/dev/null was replaced"


def test_full_disk(desk):
    """A disk that is full, and a reader that goes away, end the scan with a reason"""
    command = ("-d", "test:0", "-S", "adf", "-r", "100", "-o")
    code, _, err = desk.run(*command, "/dev/full")
    tap.same(code, 1, "the exit code")
    tap.among("/dev/full cannot be written: No space left on device", err, "standard error")
    reader, writer = os.pipe()
    os.close(reader)
    code, _, err = desk.run(*command, "-", stdout=writer)
    os.close(writer)
    tap.same(code, 1, "the exit code")
    tap.among("standard output cannot be written: Broken pipe", err, "standard error")


def test_bad_places(desk):
    """A folder, a missing folder and a terminal take no PDF"""
    desk.fresh()
    for place, said in ((desk.out, "is a folder"), (desk.out / "no/scan.pdf", "No such file"),
                        ("/proc/scan.pdf", "/proc/scan.pdf")):
        code, _, err = desk.run("-d", "test:0", "-o", place)
        tap.same(code, 1, "the exit code")
        tap.among(said, err, "standard error")
    master, slave = pty.openpty()
    code, _, err = desk.run("-d", "test:0", "-o", "-", stdout=slave)
    os.close(slave)
    os.close(master)
    tap.same(code, 1, "the exit code")
    tap.among("is a terminal", err, "standard error")


def test_terminal(desk):
    """On a terminal it shows page by page what it does"""
    desk.fresh()
    master, slave = pty.openpty()
    process = desk.start("-d", "test:0", "-S", "adf", "-r", "50", "-o", desk.pdf,
                         stderr=slave)
    os.close(slave)
    shown = read_terminal(master, b"delivered")
    tap.same(process.wait(LIMIT), 0, "the exit code")
    os.close(master)
    pages = re.findall(r"page (\d+): 210 x 297 mm, 50 dpi, colour", shown)
    tap.same(pages, [str(n) for n in range(1, SHEETS + 1)], "the pages shown")
    tap.among("10 pages delivered", shown, "the terminal")


def stopped(desk, number, *arguments):
    """Sends a signal to a scan that is under way: (exit code, seconds, standard error)."""
    process = desk.start("-d", "test:0", "-r", "600", *arguments, sane=desk.sane(SLOW))
    await_("the child", lambda: children(process.pid))
    child = children(process.pid)[0]
    await_("the reader", lambda: len(os.listdir(f"/proc/{child}/task")) > 1)
    start = time.monotonic()
    process.send_signal(number)
    err = process.communicate(timeout=LIMIT)[1].decode()
    took = time.monotonic() - start
    assert not Path(f"/proc/{child}").exists(), "the child still runs"
    return process.returncode, took, err


def test_interrupted(desk):
    """Ctrl-C and SIGTERM end it within two seconds: no process, no file stays"""
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        desk.fresh()
        code, took, err = stopped(desk, number, "-o", desk.pdf)
        tap.same(code, 128 + number, "the exit code")
        assert took < STOP_LIMIT, f"it took {took:.1f} seconds"
        tap.among("nothing was sent", err, "standard error")
        tap.same(os.listdir(desk.out), [], "the folder")


def test_interrupted_while_blocked(desk):
    """The same when a pipe's reader has stopped reading"""
    desk.fresh()
    process = desk.start("-d", "test:0", "-S", "adf", "-r", "300", "-o", "-")
    await_("the child", lambda: children(process.pid))
    child = children(process.pid)[0]
    await_("the pipe", lambda: os.read(process.stdout.fileno(), 1))
    await_("the block", lambda: "pipe_write" in
           Path(f"/proc/{process.pid}/wchan").read_text())
    start = time.monotonic()
    process.send_signal(signal.SIGINT)
    tap.same(process.wait(LIMIT), 130, "the exit code")
    assert time.monotonic() - start < STOP_LIMIT, "it took too long"
    process.communicate()
    await_("the child's end", lambda: not Path(f"/proc/{child}").exists())


def test_crash_at_once(desk):
    """A driver that crashes before it says a word is survived"""
    crash = desk.sane({"number_of_devices": "0"})  # libsane 1.2.1 reads behind its list then
    for arguments in (("--list",), ("-o", desk.pdf)):
        desk.fresh()
        code, out, err = desk.run(*arguments, sane=crash)
        tap.same((code, out), (1, b""), "the run")
        assert "crashed" in err or "no scanner was found" in err, err


def test_crash(desk):
    """When the driver crashes, the pages that are whole are kept, and the crash is said"""
    desk.fresh()
    master, slave = pty.openpty()
    process = desk.start("-d", "test:0", "-S", "adf", "-r", "300", "-o", desk.pdf,
                         stderr=slave)
    os.close(slave)
    shown = read_terminal(master, b"page 2")
    child, = children(process.pid)
    os.kill(child, signal.SIGKILL)
    shown += read_terminal(master, b"crashed")
    tap.same(process.wait(LIMIT), 1, "the exit code")
    os.close(master)
    pages = len(check_pdf(desk.pdf))
    assert 2 <= pages < SHEETS, f"{pages} pages"
    tap.among(f"{pages} pages delivered", shown, "the terminal")


def test_parent_killed(desk):
    """When scan2mail itself is killed, its child does not stay"""
    desk.fresh()
    process = desk.start("-d", "test:0", "-r", "600", "-o", "/dev/null",
                         sane=desk.sane(SLOW))
    await_("the child", lambda: children(process.pid))
    child = children(process.pid)[0]
    process.kill()
    process.communicate(timeout=LIMIT)
    await_("the child's end", lambda: not Path(f"/proc/{child}").exists())


def test_no_queue(desk):
    """Without -o and without CUPS the scan is kept, and --resend says that it still is"""
    desk.fresh()
    command = ("-d", "test:0", "-S", "flatbed", "-r", "50", "-t", "bob@example.com")
    code, out, err = desk.run(*command)
    tap.same((code, out), (3, b""), "the run")
    kept, = (desk.state / "postroom" / "scans").glob("*.pdf")
    tap.among(f"kept as {kept}, and scan2mail --resend", err, "standard error")
    tap.absent("delivered", err, "standard error")
    tap.same(len(check_pdf(kept)), 1, "the number of pages")
    code, out, err = desk.run("--resend")
    tap.same((code, out), (3, b""), "the resending")
    assert kept.exists(), "it is gone"


if __name__ == "__main__":
    tap.run(globals(), Desk)
