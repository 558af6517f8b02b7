#!/usr/bin/python3 -B
"""scan2mail --list and --search: what is found, remembered, and out of order."""
import os
import pty
import signal
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))
from rig import scanner, tap  # noqa: E402
from rig.testdevice import Desk, LIMIT, STOP_LIMIT, read_terminal  # noqa: E402


def test_list(desk):
    """--list names each scanner with maker and model, and what it can when given twice"""
    desk.fresh()
    wanted = b"test:0\tNoname frontend-tester\ntest:1\tNoname frontend-tester\n"
    tap.same(desk.run("--list"), (0, wanted, ""), "the list of a search")
    tap.same(desk.run("--list"), (0, wanted, ""), "the list of those that are known")
    code, out, err = desk.run("-ll")
    tap.same((code, err), (0, ""), "the long list")
    tap.among(b"    sources: flatbed (Flatbed), adf (Automatic Document Feeder)\n", out,
              "the long list")
    tap.same([line for line in out.splitlines() if not line.startswith(b"    ")],
             wanted.splitlines(), "its heads")
    desk.fresh()
    code, out, err = desk.run("--list", sane=desk.no_sane())
    tap.same((code, out), (1, b""), "an empty list")
    tap.among("no scanner was found", err, "standard error")


def test_list_remembers(desk):
    """What a search found is known until the next one; what is gone says so in its line"""
    desk.fresh()
    desk.settings.write_text("[scan desk]\ndevice = test:5\n")
    one = b"test:0\tNoname frontend-tester\n"
    lost = b"test:5\t\tno such scanner\n"
    tap.same(desk.run("--list"), (0, lost, ""), "what the settings name")
    tap.same(desk.run("--search"), (0, one + one.replace(b"0", b"1") + lost, ""), "a search")
    single = desk.sane({"number_of_devices": "1"})
    tap.same(desk.run("--list", sane=single),
             (0, lost + one + b"test:1\tNoname frontend-tester\tno such scanner\n", ""),
             "a list when one is gone")
    tap.same(desk.run("--search", sane=single), (0, one + lost, ""), "the next search")
    tap.same(desk.run("--list", sane=single), (0, lost + one, ""), "a list behind it")
    found, = desk.state.rglob("found")
    tap.same(found.read_bytes(), one, "what is remembered")
    for damage in (b"\xff\tx\n", b"test:0", b"\t\n", b"x" * 100000):
        found.write_bytes(damage)
        tap.same(desk.run("--list", sane=single), (0, lost, ""), "with a damaged memory")
    found.write_bytes(one)
    found.parent.chmod(0o777)
    tap.same(desk.run("--list", sane=single), (0, lost, ""), "with a stranger's memory")


def test_list_searches_aloud(desk):
    """On a terminal the search that nobody asked for is announced"""
    desk.fresh()
    master, slave = pty.openpty()
    code, _, _ = desk.run("--list", stderr=slave)
    os.close(slave)
    shown = read_terminal(master, b"minute")
    os.close(master)
    tap.same(code, 0, "the exit code")
    tap.among("no scanner is known yet: searching", shown, "the terminal")


def two_drivers(desk, name, **scenario):
    """A scanner of the tests beside the `test` device."""
    device = scanner.Scanner(desk.folder / name, **scenario)
    (device.folder / "dll.conf").write_text("fault\ntest\n")
    (device.folder / "test.conf").write_text("number_of_devices 1\n")
    return device


def heads(out):
    """The scanners' lines: name → what stands behind each tab."""
    return {name: rest for name, *rest in (line.split("\t") for line in
                                           out.decode().splitlines() if line[0] != " ")}


def test_hang(desk):
    """A driver that hangs when it is opened says so in its line after ten seconds; none stays"""
    desk.fresh()
    device = two_drivers(desk, "hanging", hang="open", deaf="yes")
    begun = time.monotonic()
    code, out, err = desk.run("-ll", sane=device)
    took = time.monotonic() - begun
    tap.same((code, err), (0, ""), "the run")
    tap.same(sorted(heads(out)), ["fault:0", "test:0"], "the scanners")
    tap.same(heads(out)["fault:0"][1:], ["it has not answered within 10 seconds"], "one")
    tap.same(heads(out)["test:0"], ["Noname frontend-tester"], "the other")
    tap.among(b"\n    sources: ", out, "what it can")
    assert 10 <= took < 12, f"it took {took:.1f} s"
    tap.same(device.processes(), [], "processes that stay")


def test_faults(desk):
    """A scanner in use, and one that may not be used, say so"""
    for status, said in (("DEVICE_BUSY", "is in use"), ("ACCESS_DENIED", "group scanner"),
                         ("IO_ERROR", "cannot be reached")):
        desk.fresh()
        device = two_drivers(desk, status, fault_at="open", fault_status=status)
        code, out, err = desk.run("-ll", sane=device)
        tap.same((code, err), (0, ""), status)
        tap.among(said, heads(out)["fault:0"][1], status)


def test_crash(desk):
    """A driver that crashes takes nobody with it; one that hangs in the search is told"""
    desk.fresh()
    code, out, err = desk.run("-ll", sane=two_drivers(desk, "crashing", crash="open"))
    tap.same((code, err), (0, ""), "the run")
    tap.among("crashed", heads(out)["fault:0"][1], "what is wrong with it")
    tap.same(heads(out)["test:0"], ["Noname frontend-tester"], "the other")
    desk.fresh()
    code, out, err = desk.run("--list", sane=two_drivers(desk, "lost", crash="devices"))
    tap.same((code, out), (1, b""), "a search that crashes")
    tap.among("crashed", err, "standard error")
    tap.same(list(desk.state.rglob("found")), [], "what is remembered")


def test_interrupted(desk):
    """Ctrl-C ends it within two seconds, also before scanners that hang; no process stays"""
    desk.fresh()
    device = two_drivers(desk, "stuck", hang="open", deaf="yes")
    process = desk.start("-ll", sane=device)
    device.await_("hang open")
    begun = time.monotonic()
    process.send_signal(signal.SIGINT)
    tap.same(scanner.finish(process, LIMIT)[0], 130, "the exit code")
    assert time.monotonic() - begun < STOP_LIMIT, "it took too long"
    tap.same(device.processes(), [], "processes that stay")


if __name__ == "__main__":
    tap.run(globals(), Desk)
