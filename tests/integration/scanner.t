#!/usr/bin/python3 -B
"""scan2mail with a scanner that can do everything, through the real libsane: no page is lost,
doubled or turned into another, whatever the driver calls its options and delivers its lines."""
import itertools
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))
from rig import scandesk, tap  # noqa: E402

A4 = (210, 297)
GOOD_ENDS = ["start failed 7", "cancel", "close", "exit"]  # of a feeder that is empty
COLORS = ((240, 16, 16), (16, 240, 16), (16, 16, 240))
GREYS = (240, 128, 16)
SETS_MAX = 60  # far more than a scan needs


def near_colors(page, wanted):
    def flat(colors):
        return [sample for each in colors
                for sample in (each if isinstance(each, tuple) else (each,) * 3)]
    pairs = list(zip(flat(page.colors), flat(wanted)))
    assert all(abs(got - due) < 30 for got, due in pairs), f"page {page.number}: {page.colors}"


def test_flatbed(desk):
    """From the glass comes one page, with one start and one cancel"""
    result = desk.good("-S", "flatbed", whole=[1])
    calls = [each for each in result.scanner.calls() if not each.startswith("set ")]
    tap.same(calls, ["init", "open", "start 1", "read 1", "middle 1", "end 1", "cancel",
                     "close", "exit"], "the calls")
    tap.same(result.scanner.sets()["source"], "Flatbed", "the source")
    tap.same(result.sizes(), [A4], "the size")


def test_feeder(desk):
    """The feeder is scanned until it is empty; sane_cancel() comes once, at the end"""
    result = desk.good(pages=7, whole=range(1, 8))
    calls = result.scanner.calls()
    tap.same(calls[-4:], GOOD_ENDS, "the last calls")
    tap.same([calls.count(each) for each in ("init", "open", "cancel", "close", "exit")],
             [1] * 5, "the numbers of calls")
    tap.same([page.back for page in result.pages], [False] * 7, "backs")


def test_auto(desk):
    """Left alone it takes the feeder, and the glass where the feeder is empty"""
    desk.good("-S", "auto", pages=2, whole=[1, 2])
    result = desk.good("-S", "auto", pages=0, whole=[1])
    tap.same(result.scanner.sets()["source"], "Flatbed", "the source")


def test_duplex(desk):
    """Both sides of each sheet come in their order"""
    result = desk.good("-S", "adf-duplex", pages=6, whole=range(1, 7))
    tap.same([page.back for page in result.pages], [False, True] * 3, "backs")


def test_duplex_odd(desk):
    """An odd number of sides from both sides of sheets is pointed out, and delivered"""
    talk = scandesk.Talk(desk, "-S", "adf-duplex", pages=5)
    result = talk.finish()
    scandesk.check_pages(result, range(1, 6))
    tap.among("odd", talk.shown, "the terminal")
    remark, hold = result.remark()
    tap.among("odd", remark, "the remark")
    tap.same(hold, False, "whether it is held")


def test_duplex_switch(desk):
    """Where a switch makes the feeder do both sides, it is set"""
    result = desk.good("-S", "adf-duplex", pages=4, duplex="yes", source="Flatbed|ADF",
                       whole=range(1, 5))
    tap.same(result.scanner.sets()["duplex"], "1", "the switch")
    tap.same([page.back for page in result.pages], [False, True] * 2, "backs")


def test_rotate_back(desk):
    """Backs are turned where the profile or the command line says so"""
    both = ("-S", "adf-duplex")
    turned = {"settings": {"rotate_back": 180}}
    tap.same(desk.scan(*both, pages=4, **turned).turns(), [0, 180, 0, 180], "the turns")
    tap.same(desk.scan(*both, "--rotate-back", "180", pages=2).turns(), [0, 180],
             "the turns by the command line")
    tap.same(desk.scan(pages=2, **turned).turns(), [0, 0], "the turns without backs")


def test_modes(desk):
    """Colour, grey, black and white; 8 bits and 16; with padding, without a height, in pieces"""
    shapes = ({}, {"padding": 13}, {"lines": -1}, {"lines": -1, "padding": 5},
              {"read_max": 997}, {"read_zero": "yes"})
    modes = (("color", COLORS), ("gray", GREYS), ("bw", (255, 255, 255)))
    for (mode, colors), shape, depth in itertools.product(modes, shapes, (8, 16)):
        result = desk.good("-m", mode, pages=2, depth=depth, whole=[1, 2], **shape)
        for page in result.pages:
            near_colors(page, colors)


def test_short_reads(desk):
    """A driver that gives one byte at a time loses none"""
    desk.good("--paper", "105x148", "-m", "bw", pages=2, read_max=1, whole=[1, 2])


def test_three_pass(desk):
    """Colours that come one after the other, in any order, become one page"""
    shapes = ({}, {"lines": -1}, {"depth": 16}, {"padding": 3})
    for order, shape in itertools.product(map("".join, itertools.permutations("RGB")), shapes):
        result = desk.good("-m", "color", pages=2, three_pass=order, whole=[1, 2], **shape)
        for page in result.pages:
            near_colors(page, COLORS)
    desk.good("-m", "gray", pages=2, three_pass="RGB", whole=[1, 2])


def test_three_pass_broken(desk):
    """A page with a colour too few, twice the same, or one that ends early, is not whole"""
    for broken in ({"three_pass": "RG"}, {"three_pass": "B"}, {"three_pass": "RRG"},
                   {"three_pass": "RGB", "short_plane": "G"}):
        desk.bad("-m", "color", pages=2, said="page", **broken)


def test_sizes(desk):
    """Pages of a stack may differ in size"""
    sheets = ["210x297", "148x210", "100x60", "210x99"]
    wanted = [tuple(map(int, each.split("x"))) for each in sheets]
    for shape in ({}, {"lines": -1}):
        result = desk.good(pages=6, sizes="|".join(sheets), whole=range(1, 7), **shape)
        tap.same(result.sizes(), [*wanted, *wanted[:2]], "the sizes")


def test_area(desk):
    """The paper is chosen in millimetres and in pixels, with a sheet's size beside it"""
    for how in ({}, {"unit": "pixel"}, {"page_size": "yes"}, {"split_resolution": "yes"},
                {"resolution": "60|75|150|300"}, {"width": 216, "height": 356},
                {"unit": "pixel", "width": 216, "height": 356}):
        result = desk.good("--paper", "a5", pages=1, whole=[1], **how)
        tap.same(result.sizes(), [(148, 210)], f"the size with {how}")
    sizes = desk.scan("--paper", "120x80", pages=1).sizes()
    tap.same(sizes, [(120, 80)], "a size in millimetres")
    sizes = desk.scan("--paper", "max", pages=1, width=200, height=400).sizes()
    tap.same(sizes, [(200, 400)], "all of the glass")
    sets = desk.scan("--paper", "a5", pages=1, page_size="yes").scanner.sets()
    tap.same((sets["page-width"], sets["page-height"]), ("148", "210"), "the sheet's size")


def test_missing(desk):
    """A scanner may lack any option, or have it switched off"""
    names = ("mode", "resolution", "tl-x|tl-y|br-x|br-y", "br-x|br-y",
             "mode|depth|resolution|tl-x|tl-y|br-x|br-y")
    for how, name in itertools.product(("missing", "inactive"), names):
        desk.good("-m", "auto", pages=2, depth="8|16", whole=[1, 2], **{how: name})


def test_resolution_missing(desk):
    """Where no option tells the resolution, the size of the page follows from its area"""
    for how in ("missing", "inactive"):
        result = desk.good(pages=1, whole=[1], **{how: "resolution"})
        tap.same(result.sizes(), [A4], f"the page with the resolution {how}")


def test_source_missing(desk):
    """Without a choice of sources it is one page, and nobody says that it is from a feeder"""
    desk.bad("-S", "adf", pages=2, missing="source", said=["no feeder", "no sources"])
    desk.good("-S", "auto", pages=2, missing="source", whole=[1])
    # a source that is not active stands as it is: on the glass
    desk.good("-S", "auto", pages=2, inactive="source", whole=[1])


def test_inexact(desk):
    """The size of the page follows from what the scanner makes of a resolution"""
    result = desk.good(pages=1, inexact=50, whole=[1])
    tap.same((result.pages[0].width, result.sizes()), (413, [A4]), "the page")


def test_reload_loop(desk):
    """A driver that changes whatever is set, and wants all reloaded, is not followed for ever"""
    result = desk.good(pages=2, reload_loop="yes", whole=[1, 2])
    sets = [each for each in result.scanner.calls() if each.startswith("set ")]
    assert len(sets) < SETS_MAX, f"{len(sets)} options were set"


def test_options(desk):
    """The driver's own options are set as the profile and the command line say"""
    result = desk.good("--option", "brightness=10", "--option", "film=Ektachrome 64", pages=1,
                       settings={"option.ald": "yes", "option.gamma": "1.5",
                                 "option.brightness": "-3"}, whole=[1])
    sets = result.scanner.sets()
    tap.same([sets.get(each) for each in ("brightness", "film", "ald", "gamma")],
             ["10", "Ektachrome 64", "1", "1.5"], "what was set")


def test_options_refused(desk):
    """An option that is not there, not active, or refuses its value, is named before paper moves"""
    for option, how in (("nonsense=1", {}), ("brightness=1", {"inactive": "brightness"}),
                        ("brightness=much", {}), ("mode=Sepia", {}), ("ald=perhaps", {})):
        result = desk.bad("--option", option, pages=1, said=option.partition("=")[0], **how)
        tap.absent("start 1", result.scanner.calls(), "the calls")


def test_cannot(desk):
    """What the scanner cannot do is refused with what it can"""
    result = desk.bad("-S", "flatbed", source="ADF Front|ADF Back",
                      said=["flatbed", "ADF Front"])
    tap.absent("start 1", result.scanner.calls(), "the calls")
    desk.bad("-S", "adf", source="Flatbed", said=["feeder", "Flatbed"])
    desk.bad("-S", "adf-duplex", source="Flatbed|ADF", said=["Flatbed", "ADF"])
    desk.bad("-m", "color", mode="Lineart|Gray", said=["colour", "Lineart", "Gray"])


def test_more(desk):
    """--more asks for another page of the glass, and another stack, until there is none"""
    for arguments, how, each in ((["-S", "flatbed"], {}, [1]), ([], {"pages": "2|3|1"}, None)):
        talk = scandesk.Talk(desk, "--more", *arguments, **how)
        for answer in "\n", "\n", "q\n":
            talk.answer("Enter to end", answer)
        result = talk.finish()
        scandesk.check_pages(result, range(1, 4) if each else range(1, 7))
        calls = result.scanner.calls()
        tap.same((calls.count("open"), calls.count("cancel")), (1, 3), "opens and cancels")


def test_more_of_either(desk):
    """With the source auto each answer may have put sheets into the feeder, or a page on the glass
    """
    talk = scandesk.Talk(desk, "--more", "-S", "auto", pages="0|3|0|2")
    for answer in "\n", "\n", "\n", "q\n":
        talk.answer("Enter to end", answer)
    result = talk.finish()
    starts = [each for each in result.scanner.calls() if each.startswith("set source=")]
    tap.same(len(result.pages), 1 + 3 + 1 + 2, f"the pages ({starts})")


def test_backs(desk):
    """--backs puts the backs of a second pass behind their fronts, the last one first or not"""
    for option, order in (("--backs", [1, 6, 2, 5, 3, 4]), ("--backs=reversed", [1, 6, 2, 5, 3, 4]),
                          ("--backs=same", [1, 4, 2, 5, 3, 6])):
        talk = scandesk.Talk(desk, option, pages="3|3")
        talk.answer("Enter to end", "\n")
        scandesk.check_pages(talk.finish(), order)


def test_backs_turned(desk):
    """With --rotate-back the pages of the second pass are turned"""
    talk = scandesk.Talk(desk, "--backs", "--rotate-back", "180", pages="2|2")
    talk.answer("Enter to end", "\n")
    tap.same(talk.finish().turns(), [0, 180, 0, 180], "the turns")


def test_backs_uneven(desk):
    """Fewer backs than fronts are pointed out, and no page is lost"""
    talk = scandesk.Talk(desk, "--backs=same", pages="3|2")
    talk.answer("Enter to end", "\n")
    result = talk.finish()
    tap.same(sorted(result.numbers), [1, 2, 3, 4, 5], "the pages")
    assert result.remark()[0], f"there is no remark; the terminal has {talk.shown!r}"


if __name__ == "__main__":
    tap.run(globals(), scandesk.Desk)
