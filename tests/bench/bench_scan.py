#!/usr/bin/python3
"""The price of a scan: colour A4 pages at 300 dpi from the feeder of SANE's `test` device, beside
`scanimage --batch --format=jpeg` followed by img2pdf, in turns; and the memory it takes.
usage: bench_scan.py BUILD"""
import os
import pathlib
import subprocess

import measure

RUNS = 5
PAGES = 10  # what the `test` device's feeder holds
STACKS = 10
MOST = 48  # MB together
GROWTH = 1  # MB; "the same", as well as it can be sampled
SLACK = 12  # pixels: the two programs may cut a millimetre of paper otherwise

TEST_DEVICE = """number_of_devices 1
geometry_min 0.0
geometry_max 300.0
geometry_quant 1.0
test-picture "Color pattern"
"""

SCANIMAGE = ("scanimage", "-d", "test:0", "--batch=%d.jpg", "--format=jpeg", "--mode", "Color",
             "--resolution", "300", "--source", "Automatic Document Feeder",
             "-x", "210", "-y", "297")
SCAN2MAIL = ("-d", "test:0", "-S", "adf", "-m", "color", "-r", "300", "-o")


def make_environment(folder):
    """SANE with the `test` device alone, large enough for A4."""
    (folder / "sane").mkdir()
    (folder / "sane/dll.conf").write_text("test\n")
    (folder / "sane/test.conf").write_text(TEST_DEVICE)
    return {"PATH": "/usr/bin:/bin", "HOME": str(folder), "LANG": "C.UTF-8",
            "SANE_CONFIG_DIR": str(folder / "sane"), "TMPDIR": str(folder)}


def images(pdf):
    """Width and height in pixels of each page's image."""
    table = subprocess.run(["pdfimages", "-list", pdf], check=True, capture_output=True, text=True)
    return [tuple(map(int, line.split()[3:5])) for line in table.stdout.splitlines()[2:]]


def check_equal(ours, theirs):
    """Both made the same work of it: as many pages, as many pixels, within a millimetre."""
    if len(ours) != PAGES or len(theirs) != PAGES:
        raise measure.Unmeasured(f"{len(ours)} pages, the peers {len(theirs)}, not {PAGES}")
    for (width, height), (their_width, their_height) in zip(ours, theirs):
        if abs(width - their_width) > SLACK or abs(height - their_height) > SLACK:
            raise measure.Unmeasured(f"a page of {width} x {height} pixels,"
                                     f" the peers' of {their_width} x {their_height}")


def scan_as_peers(folder, environment):
    """Scans to JPEGs and makes a PDF of them; gives wall and processor time."""
    for old in folder.glob("*.jpg"):
        old.unlink()
    scan = measure.Run(SCANIMAGE, environment, folder=folder)
    try:
        scan.wait()
    except measure.Unmeasured:
        if scan.process.returncode != 7:  # the feeder is empty: a batch's proper end
            raise
    pages = [f"{number}.jpg" for number in range(1, PAGES + 1)]
    join = measure.Run(["img2pdf", "-o", "peers.pdf", *pages], environment, folder=folder).wait()
    return scan.wall + join.wall, scan.cpu + join.cpu


def compare_times(report, command, folder, environment):
    """Both ways in turns; the least of each."""
    ours, theirs = [], []
    for _ in range(RUNS):
        run = measure.Run([*command, "ours.pdf"], environment, folder=folder).wait()
        ours.append((run.wall, run.cpu))
        theirs.append(scan_as_peers(folder, environment))
    check_equal(images(folder / "ours.pdf"), images(folder / "peers.pdf"))
    report.figure("scan2mail", min(ours)[0], "s")
    report.figure("scanimage + img2pdf", min(theirs)[0], "s")
    report.figure("scan2mail / scanimage + img2pdf", min(ours)[0] / min(theirs)[0], "", 0.6)
    report.figure("processor time, the same", min(cpu for _, cpu in ours)
                  / min(cpu for _, cpu in theirs))


def measure_memory(report, command, folder, environment):
    """The same for one stack and for ten."""
    reload = folder / "reload.so"
    source = pathlib.Path(__file__).with_name("reload.c")
    subprocess.run(["cc", "-D_GNU_SOURCE", "-O2", "-fPIC", "-shared", "-o", reload, source],
                   check=True)
    together = []
    for stacks in (1, STACKS):
        extra = {"LD_PRELOAD": str(reload), "BENCH_STACKS": str(stacks)}
        run = measure.Run([*command, "ours.pdf"], {**environment, **extra}, folder=folder)
        watch = measure.Watch(run.process.pid)
        try:
            run.wait()
        finally:
            watch.stop()
        pages = len(images(folder / "ours.pdf"))
        if pages != stacks * PAGES:
            raise measure.Unmeasured(f"{pages} pages instead of {stacks * PAGES}")
        together.append(watch.together / measure.MB)
        report.figure(f"memory, {pages} pages: all together", together[-1], "MB", MOST)
        report.figure(f"memory, {pages} pages: largest process",
                      max(watch.alone.values()) / measure.MB, "MB")
    report.figure("memory: 100 pages over 10", together[-1] - together[0], "MB", GROWTH)


def bench(build, folder):
    environment = make_environment(folder)
    # Settings that are not there: the machine's own have no say.
    environment["POSTROOM_CONFIG"] = os.fspath(folder / "none.conf")
    command = [measure.program(build, "scan2mail"), *SCAN2MAIL]
    report = measure.Report(f"scan: {PAGES} colour A4 pages at 300 dpi,"
                            f" least of {RUNS} runs in turns")
    compare_times(report, command, folder, environment)
    measure_memory(report, command, folder, environment)


if __name__ == "__main__":
    measure.main(bench)
