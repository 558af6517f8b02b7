#!/usr/bin/python3 -B
"""A scanner on the network that speaks eSCL, the protocol of AirScan and of sane-airscan.

usage: escl.py SHEETS [FAULTS]

Its feeder holds the given number of sheets, which come as JPEG; a sheet that was sent is out of
it, also for the next job. FAULTS is JSON, {"PAGE": "FAULT"}. As a program it says `ready DEVICE`.

Instead of a page it may, the page's number (from 1) given:
  empty      say that there is none (404), with sheets still to come
  jam, open  refuse (409), and say in its status that paper is jammed, that the cover is open
  conflict   refuse (409), with a status that has nothing to tell
  busy       say twice that it is not ready (503), then give the page; busy-for-ever
  stall      never answer; stall-body: stop in the middle of the page
  cut        close the connection in the middle of the page; reset: before its first byte
  short      announce fewer bytes than the page has; long: more, and close
  garbage    send bytes that are no JPEG; error: say 500
"""
import functools
import json
import subprocess
import sys
import tempfile
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
from fakes import program  # noqa: E402

DPI = 75
WIDTH, HEIGHT = 2480, 3508  # of the glass, in 300ths of an inch
SIZE = (620, 877)  # of a page, pixels
BAND, BAR, CELL, CELLS = 8, 16, 8, 22  # as in tests/sane/picture.c
NOT_READY = 2  # times
# Seconds that a sheet takes. sane-airscan fetches ahead, and forgets what it has when a
# fault comes before its caller has seen that the scan runs.
SHEET_TIME = 0.1
LIMIT = 60  # seconds for any program

INPUT = f"""<scan:{{0}}InputCaps>
<scan:MinWidth>16</scan:MinWidth><scan:MaxWidth>{WIDTH}</scan:MaxWidth>
<scan:MinHeight>16</scan:MinHeight><scan:MaxHeight>{HEIGHT}</scan:MaxHeight>
<scan:MaxScanRegions>1</scan:MaxScanRegions>
<scan:SettingProfiles><scan:SettingProfile>
<scan:ColorModes><scan:ColorMode>RGB24</scan:ColorMode><scan:ColorMode>Grayscale8</scan:ColorMode>
</scan:ColorModes>
<scan:DocumentFormats><pwg:DocumentFormat>image/jpeg</pwg:DocumentFormat>
<scan:DocumentFormatExt>image/jpeg</scan:DocumentFormatExt></scan:DocumentFormats>
<scan:SupportedResolutions><scan:DiscreteResolutions>
<scan:DiscreteResolution><scan:XResolution>{DPI}</scan:XResolution>
<scan:YResolution>{DPI}</scan:YResolution></scan:DiscreteResolution>
</scan:DiscreteResolutions></scan:SupportedResolutions>
</scan:SettingProfile></scan:SettingProfiles>
</scan:{{0}}InputCaps>"""
SPACES = ('xmlns:scan="http://schemas.hp.com/imaging/escl/2011/05/03" '
          'xmlns:pwg="http://www.pwg.org/schemas/2010/12/sm"')
CAPABILITIES = f"""<?xml version="1.0" encoding="UTF-8"?>
<scan:ScannerCapabilities {SPACES}>
<pwg:Version>2.63</pwg:Version><pwg:MakeAndModel>Postroom Network</pwg:MakeAndModel>
<scan:Platen>{INPUT.format("Platen")}</scan:Platen>
<scan:Adf>{INPUT.format("AdfSimplex")}{INPUT.format("AdfDuplex")}
<scan:FeederCapacity>50</scan:FeederCapacity></scan:Adf>
</scan:ScannerCapabilities>"""
STATUS = f"""<?xml version="1.0" encoding="UTF-8"?>
<scan:ScannerStatus {SPACES}>
<pwg:Version>2.63</pwg:Version><pwg:State>{{state}}</pwg:State>
<scan:AdfState>{{feeder}}</scan:AdfState></scan:ScannerStatus>"""
STATES = {"jam": "ScannerAdfJam", "open": "ScannerAdfDoorOpen",
          "conflict": "ScannerAdfProcessing"}


@functools.lru_cache(maxsize=None)
def page(number):
    """The JPEG of a page, whose bands rig.scanner reads as those of the scanner of the tests."""
    width, height = SIZE
    boxes = [f"0.5 g {BAR} 0 {BAR} {height} re f 0 g {2 * BAR} 0 {BAR} {height} re f"]
    for band in range((height + BAND - 1) // BAND):
        code = (number & 0xFF) << 13 | band & 0xFFF
        code = code << 1 | code.bit_count() & 1
        boxes += [f"{3 * BAR + n * CELL} {height - (band + 1) * BAND} {CELL} {BAND} re f"
                  for n in range(CELLS) if not code >> (CELLS - 1 - n) & 1]
    with tempfile.TemporaryDirectory(prefix="postroom-") as folder:
        source = Path(folder) / "page.pdf"
        source.write_bytes(_pdf(width, height, "\n".join(boxes).encode()))
        subprocess.run(["pdftoppm", "-r", "72", "-jpeg", "-singlefile", source,
                        source.with_suffix("")], check=True, timeout=LIMIT)
        return source.with_suffix(".jpg").read_bytes()


def _pdf(width, height, content):
    """A page with this content, a pixel to a point."""
    bodies = [b"<< /Type /Catalog /Pages 2 0 R >>", b"<< /Type /Pages /Count 1 /Kids [3 0 R] >>",
              b"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 %d %d] /Contents 4 0 R "
              b"/Resources << >> >>" % (width, height),
              b"<< /Length %d >>\nstream\n%s\nendstream" % (len(content), content)]
    out, places = b"%PDF-1.4\n", []
    for number, body in enumerate(bodies, 1):
        places.append(len(out))
        out += b"%d 0 obj\n%s\nendobj\n" % (number, body)
    table = b"".join(b"%010d 00000 n \n" % place for place in places)
    return out + (b"xref\n0 5\n0000000000 65535 f \n%strailer\n<< /Size 5 /Root 1 0 R >>\n"
                  b"startxref\n%d\n%%%%EOF\n" % (table, len(out)))


class Server(program.Served):
    """The scanner. `faults` maps pages to what becomes of them."""

    def __init__(self, sheets, faults=None):
        self.sheets = sheets
        self.faults = {int(number): fault for number, fault in (faults or {}).items()}
        self.calls = []  # "GET ScannerStatus", "POST ScanJobs", "GET NextDocument 1", "DELETE"
        self.stopping = threading.Event()
        self.jobs, self.next, self.state, self.tries = 0, 1, "idle", 0
        self.http = ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(_Talk, self))
        self.http.daemon_threads = True
        self.port = self.http.server_address[1]
        self.device = f"airscan:escl:Postroom:http://127.0.0.1:{self.port}/eSCL"

    def start(self):
        threading.Thread(target=self.http.serve_forever, daemon=True).start()

    def stop(self):
        self.stopping.set()
        self.http.shutdown()
        self.http.server_close()

    @staticmethod
    def configure(folder):
        """A SANE_CONFIG_DIR with sane-airscan alone, which looks for no scanner by itself."""
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "dll.d").mkdir(exist_ok=True)
        (folder / "dll.conf").write_text("airscan\n")
        (folder / "airscan.conf").write_text("[options]\ndiscovery = disable\n")

    def status(self):
        feeder = STATES.get(self.state)
        if not feeder:
            feeder = "ScannerAdfLoaded" if self.next <= self.sheets else "ScannerAdfEmpty"
        return STATUS.format(state="Processing" if self.state == "scanning" else "Idle",
                             feeder=feeder)


class _Talk(BaseHTTPRequestHandler):
    """A connection."""

    protocol_version = "HTTP/1.1"

    def __init__(self, scanner, *arguments):
        self.scanner = scanner
        super().__init__(*arguments)

    def log_message(self, *_):
        """Says nothing."""

    def answer(self, code, body=b"", kind="text/xml", length=None, **fields):
        self.send_response(code)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body) if length is None else length))
        for name, value in fields.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    def note(self, what):
        self.scanner.calls.append(f"{self.command} {what}")

    def do_GET(self):
        last = self.path.rpartition("/")[2]
        if last == "NextDocument":
            self.note(f"{last} {self.scanner.next}")
            return self.next_document()
        self.note(last)
        if last == "ScannerCapabilities":
            return self.answer(200, CAPABILITIES.encode())
        if last == "ScannerStatus":
            return self.answer(200, self.scanner.status().encode())
        return self.answer(404)

    def do_POST(self):
        self.rfile.read(int(self.headers.get("Content-Length", 0)))
        self.note("ScanJobs")
        scanner = self.scanner
        scanner.jobs += 1
        scanner.state, scanner.tries = "scanning", 0
        self.answer(201, Location=f"http://127.0.0.1:{scanner.port}/eSCL/ScanJobs/{scanner.jobs}")

    def do_DELETE(self):
        self.note("job")
        if self.scanner.state == "scanning":
            self.scanner.state = "idle"
        self.answer(200)

    def wait(self):
        """Until the server ends: the client has gone by then."""
        self.scanner.stopping.wait()
        self.close_connection = True

    def next_document(self):
        scanner = self.scanner
        fault = scanner.faults.get(scanner.next)
        scanner.stopping.wait(SHEET_TIME)
        if scanner.next > scanner.sheets or fault == "empty":
            scanner.state = "idle"
            return self.answer(404)
        if fault in STATES:
            scanner.state = fault
            return self.answer(409)
        scanner.tries += 1
        if fault == "busy-for-ever" or fault == "busy" and scanner.tries <= NOT_READY:
            return self.answer(503, **{"Retry-After": "1"})
        if fault == "error":
            scanner.state = "idle"
            return self.answer(500)
        if fault == "stall":
            return self.wait()
        return self.send_page(fault)

    def send_page(self, fault):
        body = page(self.scanner.next)
        self.scanner.next += 1
        self.scanner.tries = 0
        half, whole = body[:len(body) // 2], len(body)
        self.close_connection = fault in ("cut", "stall-body", "reset", "short", "long")
        if fault == "reset":
            return None
        if fault == "garbage":
            return self.answer(200, b"\0" * whole, "image/jpeg")
        if fault == "short":
            return self.answer(200, body, "image/jpeg", whole // 2)
        if fault == "long":
            return self.answer(200, body, "image/jpeg", 2 * whole)
        if fault in ("cut", "stall-body"):
            self.answer(200, half, "image/jpeg", whole)
            self.wfile.flush()
            return self.wait() if fault == "stall-body" else None
        return self.answer(200, body, "image/jpeg")


def main():
    if len(sys.argv) not in (2, 3):
        sys.exit("usage: escl.py SHEETS [FAULTS]")
    server = Server(int(sys.argv[1]), json.loads(sys.argv[2]) if len(sys.argv) == 3 else None)
    program.serve_until_told(server, lambda served: served.device)


if __name__ == "__main__":
    main()
