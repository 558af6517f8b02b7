#!/usr/bin/python3 -B
"""scan2mail with the drivers that SANE has for tests: `pnm`, which serves a picture from a file,
and what `test` can do beside what scan2mail.t asks of it."""
import itertools
import subprocess
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))
from rig import scandesk, tap  # noqa: E402

FUZZY_RUNS = 6  # the device draws its lot from the clock
SIZE = (320, 400)  # of the picture, pixels
BITS = range(22)
FED = 10  # pages that the feeder of `test` holds
FIELD = 240  # pixels from the edge, within the first field of its picture of 16 bits
GROWTH = 100  # of a sample of 8 bits, within that field


class Driver(scandesk.Driver):
    """One of SANE's, with its settings."""

    def __init__(self, folder, name, **settings):
        super().__init__(folder)
        (folder / "dll.d").mkdir(parents=True)
        (folder / "dll.conf").write_text(f"{name}\n")
        (folder / f"{name}.conf").write_text(
            "".join(f"{key.replace('_', '-')} {value}\n" for key, value in settings.items()))


def scan(desk, device, *arguments, **settings):
    folder = desk.new_folder()
    run = scandesk.Run(folder, Driver(folder / "sane", device.partition(":")[0], **settings),
                       ["-d", device, *arguments])
    return run.finish(read=device.startswith("pnm"))


def picture(folder, color):
    """A PNM with the bands of page 5."""
    width, height = SIZE
    body = bytearray()
    for y in range(height):
        code = 5 << 13 | y // 8
        code = code << 1 | code.bit_count() & 1
        line = [240] * 16 + [128] * 16 + [16] * 16
        line += [240 if code >> (21 - bit) & 1 else 16 for bit in BITS for _ in range(8)]
        line += [240] * (width - len(line))
        body += bytes(each for each in line for _ in range(3 if color else 1))
    path = folder / f"picture-{color}"
    path.write_bytes(b"%s\n%d %d\n255\n" % (b"P6" if color else b"P5", width, height) + body)
    return path


def test_pnm(desk):
    """A picture from the driver `pnm` is the page, in grey and in colour"""
    for color, mode in ((False, "gray"), (True, "color"), (True, "gray")):
        result = scan(desk, "pnm:0", "--paper", "max", "-m", mode, "-S", "flatbed",
                      "--option", f"filename={picture(desk.folder, color)}")
        tap.same((result.code, result.said), (0, ""), "the run")
        scandesk.check_pages(result, [5])
        tap.same((result.pages[0].width, result.pages[0].height), SIZE, "the size")


def test_pnm_missing(desk):
    """Where the driver has no picture, its refusal is said"""
    result = scan(desk, "pnm:0", "-S", "flatbed", "--option", "filename=/nonexistent")
    tap.same((result.code, result.pdf.exists()), (1, False), "exit code and PDF")
    tap.among("it refuses the settings", result.said, "standard error")


def pictures(result):
    """Of each page, byte by byte."""
    subprocess.run(["pdfimages", result.pdf, result.pdf.parent / "page"], check=True,
                   timeout=scandesk.LIMIT)
    return [each.read_bytes() for each in sorted(result.pdf.parent.glob("page-*"))]


def pattern(desk, *arguments, **settings):
    """The pages of the device's own picture in colour."""
    result = scan(desk, "test:0", "-m", "color", "-S", "adf", "-r", "75", *arguments,
                  test_picture='"Color pattern"', **settings)
    tap.same((result.code, result.said), (0, ""), f"the run with {arguments} {settings}")
    found = pictures(result)
    tap.same(len(found), FED, "the pages")
    return found


def test_three_pass(desk):
    """The device's three frames, in each of its orders, are the page that it gives in one"""
    whole = pattern(desk, mode="Color")
    for order in map("".join, itertools.permutations("RGB")):
        passes = pattern(desk, mode="Color", three_pass="true", three_pass_order=order)
        assert passes == whole, f"with {order} the pages differ"


def test_sixteen_bits(desk):
    """Of samples of 16 bits the upper byte counts, by this machine's order"""
    for swapped in ("no", "yes"):
        picture = pattern(desk, "--option", "depth=16", "--option",
                          f"invert-endianess={swapped}")[0]
        _, size, _, body = picture.split(b"\n", 3)
        width = int(size.split()[0])
        # of the device's first field, whose upper byte grows to the right and the lower one down
        corner, right, below = (body[3 * (y * width + x)]
                                for x, y in ((20, 20), (FIELD, 20), (20, FIELD)))
        grows = (right > corner + GROWTH, below > corner + GROWTH)
        tap.same(grows, (swapped == "no", swapped == "yes"),
                 f"whether it grows to the right, and down, with bytes swapped: {swapped}")


def test_fuzzy(desk):
    """A device that gives wrong estimates before it starts is taken at its word afterwards"""
    for _ in range(FUZZY_RUNS):
        result = scan(desk, "test:0", "--paper", "100x80", "-m", "gray", "-S", "adf", "-r", "75",
                      fuzzy_parameters="true")
        tap.same((result.code, result.said), (0, ""), "the run")
        tap.same(set(result.sizes()), {(100, 80)}, "the sizes")


if __name__ == "__main__":
    tap.run(globals(), scandesk.Desk)
