#!/usr/bin/python3
"""The price of a scan: A4 pages at 300 dpi in colour, grey and black and white from the feeder of
a device, beside `scanimage --batch` followed by img2pdf, in turns; and the memory of a large stack
beside that of a small one.
usage: bench_scan.py BUILD [test|fault]

The device is SANE's `test`, whose pattern is like no real page but the same for both, or the one
of our tests (BUILD/tests/sane), which is measured for memory alone."""
import os
import pathlib
import subprocess
import sys

import measure

RUNS = 5
PAGES = 10  # what the `test` device's feeder holds
STACK = 500
MOST = 48  # MB together
GROWTH = 1.1  # times
SLACK = 12  # pixels: the two programs may cut a millimetre of paper otherwise

# Of each mode: what scan2mail calls it, what the `test` device calls it, the files that scanimage
# then makes for img2pdf, and how much of the peers' time scan2mail may take.
MODES = (("colour", "color", ("--mode", "Color", "--depth", "8"), "jpeg", 0.6),
         ("grey", "gray", ("--mode", "Gray", "--depth", "8"), "jpeg", 0.6),
         ("black and white", "bw", ("--mode", "Gray", "--depth", "1"), "tiff", 0.6))


class TestDevice:
    """SANE's own. Its feeder holds ten pages and is full again whenever it was empty."""

    name = "test:0"
    settings = {"dll.conf": "test\n", "test.conf": """number_of_devices 1
geometry_min 0.0
geometry_max 300.0
geometry_quant 1.0
test-picture "Color pattern"
"""}

    def __init__(self, _, folder):
        self.folder = folder
        self.reload = folder / "reload.so"

    def stack(self, pages):
        """What the environment needs for so many pages."""
        if pages == PAGES:
            return {}
        source = pathlib.Path(__file__).with_name("reload.c")
        subprocess.run(["cc", "-D_GNU_SOURCE", "-O2", "-fPIC", "-shared", "-o", self.reload,
                        source], check=True)
        return {"LD_PRELOAD": str(self.reload), "BENCH_STACKS": str(pages // PAGES)}


class FaultDevice:
    """The one of our tests: its feeder holds what its scenario says."""

    name = "fault:0"
    settings = {"dll.conf": "fault\n"}

    def __init__(self, build, folder):
        self.folder = folder
        self.driver = pathlib.Path(build).resolve() / "tests/sane"
        if not (self.driver / "libsane-fault.so.1").is_file():
            raise measure.Unmeasured(f"{self.driver}/libsane-fault.so.1 is missing")

    def stack(self, pages):
        (self.folder / "sane/fault.conf").write_text(f"pages {pages}\nwidth 210\nheight 297\n")
        return {"LD_LIBRARY_PATH": str(self.driver)}


DEVICES = {"test": TestDevice, "fault": FaultDevice}


def make_environment(device, folder):
    """SANE with this device alone. Settings of scan2mail's that are not there: the machine's own
    have no say."""
    (folder / "sane/dll.d").mkdir(parents=True)
    for name, text in device.settings.items():
        (folder / "sane" / name).write_text(text)
    return {"PATH": "/usr/bin:/bin", "HOME": str(folder), "LANG": "C.UTF-8",
            "SANE_CONFIG_DIR": str(folder / "sane"), "TMPDIR": str(folder),
            "POSTROOM_CONFIG": os.fspath(folder / "none.conf")}


def images(pdf):
    """Width, height and bits a pixel of each page's image."""
    table = subprocess.run(["pdfimages", "-list", pdf], check=True, capture_output=True, text=True)
    rows = [line.split() for line in table.stdout.splitlines()[2:]]
    return [(int(row[3]), int(row[4]), int(row[6]) * int(row[7])) for row in rows]


def check_equal(ours, theirs):
    """Both made the same work of it: as many pages, as many pixels, within a millimetre, and as
    many bits of each."""
    if len(ours) != PAGES or len(theirs) != PAGES:
        raise measure.Unmeasured(f"{len(ours)} pages, the peers {len(theirs)}, not {PAGES}")
    for (width, height, bits), (their_width, their_height, their_bits) in zip(ours, theirs):
        if (abs(width - their_width) > SLACK or abs(height - their_height) > SLACK
                or bits != their_bits):
            raise measure.Unmeasured(
                f"a page of {width} x {height} pixels of {bits} bits,"
                f" the peers' of {their_width} x {their_height} of {their_bits}")


def scan2mail(build, device, mode):
    return [measure.program(build, "scan2mail"), "-d", device.name, "-S", "adf", "-m", mode,
            "-r", "300", "--paper", "A4", "-o", "ours.pdf"]


def scan_as_peers(folder, environment, options, kind):
    """Scans to files and makes a PDF of them; gives wall and processor time."""
    for old in folder.glob(f"*.{kind}"):
        old.unlink()
    scan = measure.Run(["scanimage", "-d", TestDevice.name, f"--batch=%d.{kind}",
                        f"--format={kind}", *options, "--resolution", "300", "--source",
                        "Automatic Document Feeder", "-x", "210", "-y", "297"],
                       environment, folder=folder)
    try:
        scan.wait()
    except measure.Unmeasured:
        if scan.process.returncode != 7:  # the feeder is empty: a batch's proper end
            raise
    pages = [f"{number}.{kind}" for number in range(1, PAGES + 1)]
    join = measure.Run(["img2pdf", "-o", "peers.pdf", *pages], environment, folder=folder).wait()
    return scan.wall + join.wall, scan.cpu + join.cpu


def compare_times(build, device, environment, mode):
    """Both ways in turns; the least of each."""
    folder = device.folder
    title, name, options, kind, limit = mode
    report = measure.Report(f"scan: {PAGES} pages in {title}, A4 at 300 dpi,"
                            f" least of {RUNS} runs in turns")
    ours, theirs = [], []
    for _ in range(RUNS):
        run = measure.Run(scan2mail(build, device, name), environment, folder=folder).wait()
        ours.append((run.wall, run.cpu))
        theirs.append(scan_as_peers(folder, environment, options, kind))
    check_equal(images(folder / "ours.pdf"), images(folder / "peers.pdf"))
    report.figure("scan2mail, pages a second", PAGES / min(ours)[0])
    report.figure("scanimage + img2pdf, pages a second", PAGES / min(theirs)[0])
    report.figure("scan2mail / scanimage + img2pdf", min(ours)[0] / min(theirs)[0], "", limit)
    report.figure("processor time, the same", min(cpu for _, cpu in ours)
                  / min(cpu for _, cpu in theirs))
    report.figure("size of the PDF, the same", (folder / "ours.pdf").stat().st_size
                  / (folder / "peers.pdf").stat().st_size)


def measure_memory(build, device, environment):
    """The same for a feeder of ten pages and for a large stack."""
    report = measure.Report("scan: memory of a stack in colour, A4 at 300 dpi")
    together = []
    for pages in (PAGES, STACK):
        run = measure.Run(scan2mail(build, device, "color"),
                          {**environment, **device.stack(pages)}, folder=device.folder)
        watch = measure.Watch(run.process.pid)
        try:
            run.wait()
        finally:
            watch.stop()
        found = len(images(device.folder / "ours.pdf"))
        if found != pages:
            raise measure.Unmeasured(f"{found} pages instead of {pages}")
        together.append(watch.together / measure.MB)
        report.figure(f"{pages} pages: all together", together[-1], "MB", MOST)
        report.figure(f"{pages} pages: largest process",
                      max(watch.alone.values()) / measure.MB, "MB")
    report.figure(f"{STACK} pages / {PAGES}: all together", together[-1] / together[0], "", GROWTH)


def bench(build, folder):
    device = DEVICES[sys.argv[2] if len(sys.argv) > 2 else "test"](build, folder)
    environment = make_environment(device, folder)
    if isinstance(device, TestDevice):
        for mode in MODES:
            compare_times(build, device, environment, mode)
    measure_memory(build, device, environment)


if __name__ == "__main__":
    measure.main(bench)
