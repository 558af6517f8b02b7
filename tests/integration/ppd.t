#!/usr/bin/python3 -B
"""ppd/postroom.ppd: what cupstestppd, libcups and a print server's clients make of it.

The rules are those in the head of the PPD. What its route does to a job stands in print.t.
"""
import ctypes
import os
import re
import subprocess

import rig
from rig import cupsd, tap

TEXT_MAX = 22  # characters that GTK's fields show
QUEUE = "mail"
CHOICES = {
    "MailTo": ["Auto", "Self", "Custom"],
    "MailSubject": ["Auto", "Custom"],
    "MailFilename": ["Auto", "Custom"],
}
ENGLISH = {
    "MailTo": ["Send to", "Automatic", "Myself", "Type an address"],
    "MailSubject": ["Subject", "Document title", "Type a subject"],
    "MailFilename": ["File name", "Document title", "Type a file name"],
}
GERMAN = {
    "MailTo": ["Senden an", "Automatisch", "Mich selbst", "Adresse eingeben"],
    "MailSubject": ["Betreff", "Titel des Dokuments", "Betreff eingeben"],
    "MailFilename": ["Dateiname", "Titel des Dokuments", "Dateinamen eingeben"],
}


class Option(ctypes.Structure):
    """ppd_option_t of <cups/ppd.h>, as far as its text."""
    _fields_ = [("conflicted", ctypes.c_char), ("keyword", ctypes.c_char * 41),
                ("default", ctypes.c_char * 41), ("text", ctypes.c_char * 81)]


class Choice(ctypes.Structure):
    """ppd_choice_t, as far as its text."""
    _fields_ = [("marked", ctypes.c_char), ("choice", ctypes.c_char * 41),
                ("text", ctypes.c_char * 81)]


def shown(locale):
    """What libcups gives a dialog: each option's text, then those of its choices."""
    cups = ctypes.CDLL("libcups.so.2")
    cups.ppdOpenFile.restype = ctypes.c_void_p
    cups.ppdFindOption.restype = ctypes.POINTER(Option)
    cups.ppdFindChoice.restype = ctypes.POINTER(Choice)
    os.environ["LC_ALL"] = locale  # libcups needs the name alone, not the locale's data
    ppd = ctypes.c_void_p(cups.ppdOpenFile(bytes(rig.PPD)))
    cups.ppdLocalize(ppd)
    found = {}
    for keyword, choices in CHOICES.items():
        option = cups.ppdFindOption(ppd, keyword.encode())
        rows = [cups.ppdFindChoice(option, choice.encode()) for choice in choices]
        found[keyword] = [row.contents.text.decode() if row else None
                          for row in (option, *rows)]
    cups.ppdClose(ppd)
    return found


def texts():
    """The keywords, plain text and German text (or None) of all that a dialog shows."""
    lines = rig.PPD.read_text(encoding="utf-8").splitlines()
    german = {}
    for line in lines:
        if match := re.match(r"\*de\.(?:Translation )?(\w+(?: \w+)?)/([^:]*):", line):
            german[match[1]] = match[2]
    for line in lines:
        opened = re.match(r"\*Open(?:UI \*|Group: )(\w+)/([^:]*)", line)
        if match := opened or re.match(r"\*(\w+ \w+)/([^:]*):", line):
            yield match[1], match[2], german.get(match[1])


def test_conforms(_):
    """cupstestppd finds no error and nothing to warn of"""
    done = subprocess.run(["cupstestppd", "-v", rig.PPD], capture_output=True, text=True,
                          check=False)
    tap.among("NO ERRORS FOUND", done.stdout, done.stdout)
    tap.absent("WARN", done.stdout, done.stdout)


def test_texts(_):
    """each text is ASCII, has a German one, and fits into a dialog's field"""
    rows = list(texts())
    assert len(rows) > 30, rows
    for keyword, plain, german in rows:
        assert plain.isascii(), f"{keyword}: {plain}"
        assert german, f"{keyword} has no German text"
        assert len(plain) <= TEXT_MAX, f"{keyword}: {plain}"
        assert len(german) <= TEXT_MAX, f"{keyword}: {german}"


def test_english(_):
    """libcups shows the e-mail options in English"""
    tap.same(shown("C"), ENGLISH)


def test_german(_):
    """libcups shows the e-mail options in German"""
    tap.same(shown("de_DE.UTF-8"), GERMAN)


def test_options(server):
    """a queue takes text for each e-mail option, and has none besides these and the paper"""
    server.add_queue(QUEUE, ppd=rig.PPD)
    # lpoptions finds a queue's driver through a port alone, not through cupsd's socket
    listing = server.run("lpoptions", "-p", QUEUE, "-l",
                         CUPS_SERVER=f"127.0.0.1:{server.port}").stdout
    tap.same(re.findall(r"^(\w+)/[^:]*: (.*)$", listing, re.M), [
        ("MailTo", "*Auto Self Custom.STRING"),
        ("MailSubject", "*Auto Custom.STRING"),
        ("MailFilename", "*Auto Custom.STRING"),
        ("PageSize", "*A4 A3 A5 ISOB5 Letter Legal Executive Tabloid Custom.WIDTHxHEIGHT"),
    ])


tap.run(globals(), lambda: cupsd.Cupsd("/nonexistent"))
