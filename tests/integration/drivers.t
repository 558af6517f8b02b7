#!/usr/bin/python3 -B
"""scan2mail with the drivers that SANE has for tests: `pnm`, which serves a picture from a file,
and what `test` can do beside what scan2mail.t asks of it."""
import itertools
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))
from rig import scandesk, tap  # noqa: E402

FUZZY_RUNS = 6  # the device draws its lot from the clock
SIZE = (320, 400)  # of the picture, pixels
BITS = range(22)


class Driver:
    """What rig.scandesk.Run wants of a scanner."""

    def __init__(self, folder, name, **settings):
        self.folder = folder
        (folder / "dll.d").mkdir(parents=True)
        (folder / "dll.conf").write_text(f"{name}\n")
        (folder / f"{name}.conf").write_text(
            "".join(f"{key.replace('_', '-')} {value}\n" for key, value in settings.items()))

    def environment(self):
        return {"SANE_CONFIG_DIR": str(self.folder)}

    def processes(self):
        return []  # the session's are looked at besides

    def violations(self):
        return []


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
    tap.among("scanner", result.said, "standard error")


def test_three_pass(desk):
    """The device's three frames, in each of its orders, are its page in colour"""
    for order in map("".join, itertools.permutations("RGB")):
        result = scan(desk, "test:0", "-m", "color", "-S", "adf", "-r", "75", three_pass="true",
                      three_pass_order=order, mode="Color", test_picture='"Color pattern"')
        tap.same((result.code, result.said), (0, ""), order)
        tap.same(len(result.sizes()), 10, f"pages with {order}")


def test_fuzzy(desk):
    """A device that gives wrong estimates before it starts is taken at its word afterwards"""
    for _ in range(FUZZY_RUNS):
        result = scan(desk, "test:0", "--paper", "100x80", "-m", "gray", "-S", "adf", "-r", "75",
                      fuzzy_parameters="true")
        tap.same((result.code, result.said), (0, ""), "the run")
        tap.same(set(result.sizes()), {(100, 80)}, "the sizes")


if __name__ == "__main__":
    tap.run(globals(), scandesk.Desk)
