"""Documents made on the spot: a PDF, an image, a text."""
import random
import struct
import zlib

A4 = (595, 842)  # points


def _escape(text):
    return text.replace("\\", r"\\").replace("(", r"\(").replace(")", r"\)")


def _page(text, size):
    """A heading and a coloured band, so that a picture of the page shows something."""
    lines = text.split("\n")
    width, height = size
    drawing = [f"0.16 0.38 0.60 rg 0 {height - 24} {width} 24 re f", "0 g BT",
               f"/F1 22 Tf 72 {height - 110} Td", f"({_escape(lines[0])}) Tj",
               "/F1 12 Tf 18 TL 0 -16 Td"]
    drawing += [f"T* ({_escape(line)}) Tj" for line in lines[1:]]
    return " ".join([*drawing, "ET"]).encode("cp1252", "replace")


def pdf(*texts, size=A4, padding=0):
    """A PDF with a page for each text; padding adds bytes that do not compress."""
    pages = [_page(text, size) for text in texts]
    first = 4  # number of the first page; each page is followed by its content
    kids = " ".join(f"{first + 2 * n} 0 R" for n in range(len(pages)))
    bodies = [
        b"<< /Type /Catalog /Pages 2 0 R >>",
        f"<< /Type /Pages /Count {len(pages)} /Kids [{kids}] >>".encode(),
        b"<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica "
        b"/Encoding /WinAnsiEncoding >>",
    ]
    for number, content in enumerate(pages):
        bodies.append(
            f"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 {size[0]} {size[1]}] "
            f"/Resources << /Font << /F1 3 0 R >> >> "
            f"/Contents {first + 2 * number + 1} 0 R >>".encode())
        bodies.append(b"<< /Length %d >>\nstream\n%s\nendstream" % (len(content), content))
    if padding:
        noise = _noise(padding)
        bodies.append(b"<< /Length %d >>\nstream\n%s\nendstream" % (padding, noise))
    return _assemble(bodies)


def photo(side=500):
    """A PDF with a grey picture of noise, side by side pixels on less than an inch."""
    content = b"60 0 0 60 72 700 cm /I Do"
    return _assemble([
        b"<< /Type /Catalog /Pages 2 0 R >>",
        b"<< /Type /Pages /Count 1 /Kids [3 0 R] >>",
        b"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 595 842] "
        b"/Resources << /XObject << /I 5 0 R >> >> /Contents 4 0 R >>",
        b"<< /Length %d >>\nstream\n%s\nendstream" % (len(content), content),
        b"<< /Type /XObject /Subtype /Image /Width %d /Height %d /ColorSpace /DeviceGray "
        b"/BitsPerComponent 8 /Length %d >>\nstream\n%s\nendstream"
        % (side, side, side * side, _noise(side * side))])


def _noise(size):
    """The same bytes each time, without a pattern that a compressor finds."""
    return random.Random(size).randbytes(size)


def _assemble(bodies):
    out, offsets = bytearray(b"%PDF-1.4\n%\xe2\xe3\xcf\xd3\n"), []
    for number, body in enumerate(bodies, 1):
        offsets.append(len(out))
        out += b"%d 0 obj\n%s\nendobj\n" % (number, body)
    start = len(out)
    out += b"xref\n0 %d\n0000000000 65535 f \n" % (len(bodies) + 1)
    out += b"".join(b"%010d 00000 n \n" % offset for offset in offsets)
    out += (b"trailer\n<< /Size %d /Root 1 0 R >>\nstartxref\n%d\n%%%%EOF\n"
            % (len(bodies) + 1, start))
    return bytes(out)


def _chunk(kind, data):
    return (struct.pack(">I", len(data)) + kind + data
            + struct.pack(">I", zlib.crc32(kind + data)))


def png(width=420, height=560):
    """A picture of a sunset over the sea, more or less."""
    rows = bytearray()
    horizon, sun = height * 3 // 5, (width // 2, height // 2, height // 7)
    for y in range(height):
        rows.append(0)  # no filter on this row
        for x in range(width):
            shade = y * 255 // height
            if y >= horizon:
                rows += bytes((20 + shade // 6, 60 + shade // 4, 110))
            elif (x - sun[0]) ** 2 + (y - sun[1]) ** 2 < sun[2] ** 2:
                rows += bytes((255, 214, 102))
            else:
                rows += bytes((60 + shade, 70 + shade // 2, 140))
    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return (b"\x89PNG\r\n\x1a\n" + _chunk(b"IHDR", header)
            + _chunk(b"IDAT", zlib.compress(bytes(rows), 6)) + _chunk(b"IEND", b""))


LETTER = """Dear Mr Weiß,

this page left a print queue as an e-mail. The queue's filters
made a PDF of it, the backend wrote the message around it and
handed it to the submission server over a connection whose
certificate it had checked.

Grüße aus der Poststelle
"""
