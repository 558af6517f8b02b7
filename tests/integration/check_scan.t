#!/usr/bin/python3 -B
"""`postroom check` on scan profiles and buttons: what does not fit together is named."""
import sys
import tempfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))
from rig import command, tap  # noqa: E402

HOUSE = """[addresses]
Accounting = invoices@example.com
"""
GOOD = """[scan default]
to = Accounting, "Board, all" <board@example.com>
[scan letters]
[button fujitsu:fi-7160:1 function]
value = 1
[button fujitsu:fi-7160:1 function]
value = 2
profile = letters
[button "other one" function]
value = 1
[button fujitsu:fi-7160:1 scan]
value = 1
"""


class Desk:
    """A folder for a settings file without an account."""

    def __enter__(self):
        self.holder = tempfile.TemporaryDirectory(prefix="postroom-")
        self.settings = Path(self.holder.name) / "postroom.conf"
        return self

    def __exit__(self, *_):
        self.holder.cleanup()

    def said(self, text):
        """What check says of a place in the file: [(severity, line, what)]."""
        self.settings.write_text(HOUSE + text)
        result = command.run(self.settings, "check")
        found = [line.partition(f": {self.settings}:") for line in result.out.splitlines()]
        return [(severity, *rest.split(": ", 1)) for severity, colon, rest in found if colon]


def test_good(desk):
    """Where all fits together nothing is said"""
    tap.same(desk.said(GOOD), [], "what is said")
    tap.same(desk.said("[scan default]\n"), [], "of a profile without recipients")


def test_recipients(desk):
    """A recipient that is neither an address nor in the address book is named"""
    one, two, three = desk.said("[scan a]\n[scan b]\nto = Accounting, Bord\n[scan c]\n"
                                "to = bob@,\n")
    tap.same(one[:2], ("warning", "4"), "the place")
    tap.among("[scan b] to: 'Bord' is no address and not in [addresses]", one[2], "it")
    tap.same((two[:2], three[:2]), (("error", "6"),) * 2, "the places")
    tap.among("[scan c] to: ", two[2], "a broken address")
    tap.among("bob@", two[2], "a broken address")


def test_profiles(desk):
    """A button whose profile is missing is named, also when it is the default"""
    (severity, line, what), = desk.said("[button a b]\n")
    tap.same((severity, line), ("error", "3"), "the place")
    tap.among("[button a b] starts the profile 'default', which does not exist", what, "it")
    (severity, line, what), = desk.said("[scan default]\n[button a b]\nprofile = x\n")
    tap.same((severity, line), ("error", "4"), "the place")
    tap.among("add a section [scan x]", what, "it")


def test_same_button(desk):
    """Two buttons with the same device, option and value are named"""
    (severity, line, what), = desk.said(GOOD + "[button fujitsu:fi-7160:1 function]\n"
                                               "value = 2\n")
    tap.same((severity, line), ("error", "15"), "the place")
    tap.among("the same value as the one in line 8", what, "it")


def test_one_account(desk):
    """With an account's name they are not looked at"""
    desk.settings.write_text("[account a]\nserver = mail.example.com\nauth = none\n"
                             "tls = none\nfrom = a@example.com\n[button a b]\n")
    for arguments, wanted in (((), True), (("a",), False)):
        result = command.run(desk.settings, "check", *arguments)
        tap.same("[button a b]" in result.out, wanted, f"that check {arguments} says it")


if __name__ == "__main__":
    tap.run(globals(), Desk)
