#!/usr/bin/python3
"""The price of a scan: A4 pages at 300 dpi in colour, grey and black and white from the feeder of
a device, beside `scanimage --batch` followed by img2pdf, in turns; and the memory of a large stack
beside that of a small one.
usage: bench_scan.py BUILD

The device is SANE's `test`, whose pattern is like no real page but the same for both; and, where
POSTROOM_SCANS names a folder with scanned pages, `pnm`, which serves some of them."""
import dataclasses
import os
import pathlib
import subprocess

import measure

RUNS = 5
PAGES = 10  # what the `test` device's feeder holds
STACK = 500
MOST = 48  # MB together
GROWTH = 1.1  # times
SHEET = ("-r", "300", "--paper", "A4")
SLACK = 12  # pixels: the two programs may cut a millimetre of paper otherwise

# Of each mode: what scan2mail calls it, what the `test` device calls it, the files that scanimage
# then makes for img2pdf, and how much of the peers' time scan2mail may take.
MODES = (("colour", "color", ("--mode", "Color", "--depth", "8"), "jpeg", 0.6),
         ("grey", "gray", ("--mode", "Gray", "--depth", "8"), "jpeg", 0.6),
         ("black and white", "bw", ("--mode", "Gray", "--depth", "1"), "tiff", 0.6))
# Of each real page: its file, what it is, what scan2mail calls its mode, the file for img2pdf.
REAL = (("feyn.tif", "text in black and white", "bw", "tiff"),
        ("map1.jpg", "a map in colour", "color", "jpeg"))
REAL_LIMIT = 0.6


class TestDevice:
    """SANE's `test`. Its feeder holds ten pages and is full again whenever it was empty."""

    name = "test:0"
    settings = {"dll.conf": "test\n", "test.conf": """number_of_devices 1
geometry_min 0.0
geometry_max 300.0
geometry_quant 1.0
test-picture "Color pattern"
"""}

    def __init__(self, folder):
        self.reload = folder / "reload.so"

    def stack(self, pages):
        """What the environment needs for so many pages."""
        if pages == PAGES:
            return {}
        source = pathlib.Path(__file__).with_name("reload.c")
        subprocess.run(["cc", "-D_GNU_SOURCE", "-O2", "-fPIC", "-shared", "-o", self.reload,
                        source], check=True)
        return {"LD_PRELOAD": str(self.reload), "BENCH_STACKS": str(pages // PAGES)}


class PictureDevice:
    """SANE's `pnm`, which serves a picture from a file."""

    name = "pnm:0"
    settings = {"dll.conf": "pnm\n", "pnm.conf": ""}


@dataclasses.dataclass
class Work:
    """What both are to do."""

    title: str
    ours: list  # scan2mail's command, which makes ours.pdf
    theirs: list  # scanimage's, which makes 1.KIND, 2.KIND…
    kind: str
    pages: int
    limit: float  # how much of the peers' time scan2mail may take


def make_environment(device, folder):
    """SANE with this device alone. Settings of scan2mail's that are not there: the machine's own
    have no say."""
    sane = folder / device.name.partition(":")[0]
    (sane / "dll.d").mkdir(parents=True)
    for name, text in device.settings.items():
        (sane / name).write_text(text)
    return {"PATH": "/usr/bin:/bin", "HOME": str(folder), "LANG": "C.UTF-8",
            "SANE_CONFIG_DIR": str(sane), "TMPDIR": str(folder),
            "POSTROOM_CONFIG": os.fspath(folder / "none.conf")}


def images(pdf):
    """Width, height and bits a pixel of each page's image."""
    table = subprocess.run(["pdfimages", "-list", pdf], check=True, capture_output=True, text=True)
    rows = [line.split() for line in table.stdout.splitlines()[2:]]
    return [(int(row[3]), int(row[4]), int(row[6]) * int(row[7])) for row in rows]


def check_equal(ours, theirs, pages):
    """Both made the same work of it: as many pages, as many pixels, within a millimetre, and as
    many bits of each."""
    if len(ours) != pages or len(theirs) != pages:
        raise measure.Unmeasured(f"{len(ours)} pages, the peers {len(theirs)}, not {pages}")
    for (width, height, bits), (their_width, their_height, their_bits) in zip(ours, theirs):
        if (abs(width - their_width) > SLACK or abs(height - their_height) > SLACK
                or bits != their_bits):
            raise measure.Unmeasured(
                f"a page of {width} x {height} pixels of {bits} bits,"
                f" the peers' of {their_width} x {their_height} of {their_bits}")


def scan2mail(build, device, source, mode, *more):
    return [measure.program(build, "scan2mail"), "-d", device.name, "-S", source, "-m", mode,
            "-o", "ours.pdf", *more]


def stack(build, mode):
    """A stack from the `test` device's feeder."""
    title, name, options, kind, limit = mode
    theirs = ["scanimage", "-d", TestDevice.name, f"--batch=%d.{kind}", f"--format={kind}",
              *options, "--resolution", "300", "--source", "Automatic Document Feeder",
              "-x", "210", "-y", "297"]
    return Work(f"{PAGES} pages in {title}, A4 at 300 dpi",
                scan2mail(build, TestDevice, "adf", name, *SHEET), theirs, kind, PAGES, limit)


def real_page(build, folder, scan, real):
    """A page that a scanner made, from the glass."""
    file, title, mode, kind = real
    subprocess.run(["img2pdf", "-o", folder / "real.pdf", scan / file], check=True)
    subprocess.run(["pdfimages", folder / "real.pdf", folder / file], check=True)
    picture, = folder.glob(f"{file}-*")
    theirs = ["scanimage", "-d", PictureDevice.name, f"--filename={picture}",
              f"--format={kind}", "-o", f"1.{kind}"]
    ours = scan2mail(build, PictureDevice, "flatbed", mode, "--paper", "max", "--option",
                     f"filename={picture}")
    return Work(f"a real page, {title}", ours, theirs, kind, 1, REAL_LIMIT)


def scan_as_peers(folder, environment, work):
    """Scans to files and makes a PDF of them; gives wall and processor time."""
    for old in folder.glob(f"*.{work.kind}"):
        old.unlink()
    scan = measure.Run(work.theirs, environment, folder=folder)
    try:
        scan.wait()
    except measure.Unmeasured:
        if scan.process.returncode != 7:  # the feeder is empty: a batch's proper end
            raise
    pages = [f"{number}.{work.kind}" for number in range(1, work.pages + 1)]
    join = measure.Run(["img2pdf", "-o", "peers.pdf", *pages], environment, folder=folder).wait()
    return scan.wall + join.wall, scan.cpu + join.cpu


def compare_times(folder, environment, work):
    """Both ways in turns; the least of each."""
    report = measure.Report(f"scan: {work.title}, least of {RUNS} runs in turns")
    ours, theirs = [], []
    for _ in range(RUNS):
        run = measure.Run(work.ours, environment, folder=folder).wait()
        ours.append((run.wall, run.cpu))
        theirs.append(scan_as_peers(folder, environment, work))
    check_equal(images(folder / "ours.pdf"), images(folder / "peers.pdf"), work.pages)
    report.figure("scan2mail, pages a second", work.pages / min(ours)[0])
    report.figure("scanimage + img2pdf, pages a second", work.pages / min(theirs)[0])
    report.figure("scan2mail / scanimage + img2pdf", min(ours)[0] / min(theirs)[0], "", work.limit)
    report.figure("processor time, the same", min(cpu for _, cpu in ours)
                  / min(cpu for _, cpu in theirs))
    report.figure("size of the PDF, the same", (folder / "ours.pdf").stat().st_size
                  / (folder / "peers.pdf").stat().st_size)


def measure_memory(build, folder, environment):
    """The same for a feeder of ten pages and for a large stack."""
    report = measure.Report("scan: memory of a stack in colour, A4 at 300 dpi")
    device = TestDevice(folder)
    together = []
    for pages in (PAGES, STACK):
        run = measure.Run(scan2mail(build, device, "adf", "color", *SHEET),
                          {**environment, **device.stack(pages)}, folder=folder)
        watch = measure.Watch(run.process.pid)
        try:
            run.wait()
        finally:
            watch.stop()
        found = len(images(folder / "ours.pdf"))
        if found != pages:
            raise measure.Unmeasured(f"{found} pages instead of {pages}")
        together.append(watch.together / measure.MB)
        report.figure(f"{pages} pages: all together", together[-1], "MB", MOST)
        report.figure(f"{pages} pages: largest process",
                      max(watch.alone.values()) / measure.MB, "MB")
    report.figure(f"{STACK} pages / {PAGES}: all together", together[-1] / together[0], "", GROWTH)


def bench(build, folder):
    environment = make_environment(TestDevice, folder)
    for mode in MODES:
        compare_times(folder, environment, stack(build, mode))
    scans = os.environ.get("POSTROOM_SCANS")
    if scans:
        pictures = make_environment(PictureDevice, folder)
        for real in REAL:
            compare_times(folder, pictures, real_page(build, folder, pathlib.Path(scans), real))
    measure_memory(build, folder, environment)


if __name__ == "__main__":
    measure.main(bench)
