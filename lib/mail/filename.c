/* filename: names of attachments (filename.h). */
#include "lib/mail/filename.h"

#include <ctype.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "lib/base/buf.h"
#include "lib/base/text.h"

static const char FORBIDDEN[] = "\\/:*?\"<>|";

/* Extensions that name what a document was before it became what it is. */
static const char *const types[] = { "bmp", "csv", "doc", "docm", "docx", "dot", "dotx",
	"eml", "eps", "epub", "gif", "heic", "htm", "html", "jpeg", "jpg", "key", "log",
	"md", "msg", "numbers", "odg", "odp", "ods", "odt", "ott", "pages", "pdf", "png",
	"pps", "ppsx", "ppt", "pptm", "pptx", "ps", "pub", "rtf", "svg", "tex", "tif",
	"tiff", "txt", "vsd", "vsdx", "webp", "xls", "xlsm", "xlsx", "xml", "xps" };

/* Names that Windows takes for devices, also before a dot. */
static const char *const devices[] = { "AUX", "CON", "NUL", "PRN", "COM1", "COM2", "COM3",
	"COM4", "COM5", "COM6", "COM7", "COM8", "COM9", "LPT1", "LPT2", "LPT3", "LPT4",
	"LPT5", "LPT6", "LPT7", "LPT8", "LPT9" };

/* Whether the len bytes at s stand in a table, in either case. */
static bool
listed(const char *const *table, size_t count, const char *s, size_t len)
{
	for (size_t i = 0; i < count; i++)
		if (strlen(table[i]) == len && strncasecmp(table[i], s, len) == 0)
			return true;
	return false;
}
#define LISTED(table, s, len) listed(table, sizeof(table) / sizeof(table[0]), s, len)

/* Whether a title is a path or a URL, of which only the last part names the document. In
 * any other title ("Invoice 12/2026") a slash is a part of the name. */
static bool
is_path(const char *s)
{
	size_t dots = strspn(s, ".~");

	if (s[dots] == '/' || s[dots] == '\\')
		return true;
	if (isalpha((unsigned char)s[0]) && s[1] == ':' && (s[2] == '\\' || s[2] == '/'))
		return true;
	return strstr(s, "://") && strcspn(s, " ") > strcspn(s, ":");
}

/* The last part of a path that is not empty. */
static void
cut_path(char *s)
{
	size_t len = strlen(s);
	char *start;

	while (len > 0 && strchr("/\\", s[len - 1]))
		s[--len] = '\0';
	for (start = s + len; start > s && !strchr("/\\", start[-1]); start--)
		continue;
	memmove(s, start, strlen(start) + 1);
}

/* Blanks for what no file system takes; runs of blanks joined; none at either end, nor a
 * dot. */
static void
tidy(char *s)
{
	char *to = s;

	for (const char *from = s; *from; from++) {
		char c = strchr(FORBIDDEN, *from) ? ' ' : *from;

		if (to == s && (c == ' ' || c == '.'))
			continue;
		if (c == ' ' && to > s && to[-1] == ' ')
			continue;
		*to++ = c;
	}
	while (to > s && (to[-1] == ' ' || to[-1] == '.'))
		to--;
	*to = '\0';
}

/* Cuts off what names a type: the new extension stands for what the document is now. */
static void
cut_type(char *s, const char *extension)
{
	const char *now[] = { extension };
	char *dot = strrchr(s, '.');
	size_t len = dot ? strlen(dot + 1) : 0;

	if (dot && (LISTED(types, dot + 1, len) || LISTED(now, dot + 1, len)))
		*dot = '\0';
	tidy(s);
}

/* Whether a tidy name is a device's: what stands before its first dot counts. */
static bool
is_device(const char *s)
{
	size_t len = strcspn(s, ".");

	while (len > 0 && s[len - 1] == ' ')
		len--;
	return LISTED(devices, s, len);
}

char *
filename_clean(const char *text, const char *extension)
{
	size_t extra = text_cut(extension, FILENAME_EXTENSION_MAX);
	size_t room = FILENAME_MAX_BYTES - 1 - extra;
	const char *mark;
	struct buf name, result;

	buf_init(&name, 3 * strlen(text) + 1); /* U+FFFD takes three bytes for one */
	buf_init(&result, FILENAME_MAX_BYTES);
	text_clean(&name, text, strlen(text), TEXT_LINE);
	if (!buf_puts(&name, "")) {
		buf_clear(&name);
		return NULL;
	}
	if (is_path(name.data))
		cut_path(name.data);
	tidy(name.data);
	cut_type(name.data, extension);
	mark = is_device(name.data) ? "_" : "";
	name.data[text_cut(name.data, room - strlen(mark))] = '\0';
	tidy(name.data);
	buf_printf(&result, "%s%s.%.*s", mark, name.data[0] ? name.data : "document",
	    (int)extra, extension);
	buf_clear(&name);
	return buf_take(&result);
}

/* U+00C0 to U+017F: letters with accents, and the letters they become. */
static const char *const latin[] = {
	/* clang-format off */
	"A", "A", "A", "A", "Ae", "A", "Ae", "C", "E", "E", "E", "E", "I", "I", "I", "I",
	"D", "N", "O", "O", "O", "O", "Oe", "x", "Oe", "U", "U", "U", "Ue", "Y", "Th", "ss",
	"a", "a", "a", "a", "ae", "a", "ae", "c", "e", "e", "e", "e", "i", "i", "i", "i",
	"d", "n", "o", "o", "o", "o", "oe", "_", "oe", "u", "u", "u", "ue", "y", "th", "y",
	"A", "a", "A", "a", "A", "a", "C", "c", "C", "c", "C", "c", "C", "c", "D", "d",
	"D", "d", "E", "e", "E", "e", "E", "e", "E", "e", "E", "e", "G", "g", "G", "g",
	"G", "g", "G", "g", "H", "h", "H", "h", "I", "i", "I", "i", "I", "i", "I", "i",
	"I", "i", "Ij", "ij", "J", "j", "K", "k", "k", "L", "l", "L", "l", "L", "l", "L",
	"l", "L", "l", "N", "n", "N", "n", "N", "n", "n", "N", "n", "O", "o", "O", "o",
	"O", "o", "Oe", "oe", "R", "r", "R", "r", "R", "r", "S", "s", "S", "s", "S", "s",
	"S", "s", "T", "t", "T", "t", "T", "t", "U", "u", "U", "u", "U", "u", "U", "u",
	"U", "u", "U", "u", "W", "w", "Y", "y", "Y", "Z", "z", "Z", "z", "Z", "z", "s",
	/* clang-format on */
};
_Static_assert(sizeof(latin) / sizeof(latin[0]) == 0x180 - 0xc0, "one for each letter");

/* Appends what a character of two bytes becomes. Combining marks (U+0300 to U+036F), as
 * macOS writes them, fall away; a diaeresis makes an umlaut of the letter before it. */
static void
spell(struct buf *out, const char *s)
{
	unsigned c = ((unsigned)s[0] & 0x1f) << 6 | ((unsigned)s[1] & 0x3f);

	if (c >= 0xc0 && c < 0x180)
		buf_puts(out, latin[c - 0xc0]);
	else if (c == 0x308 && out->len > 0 && strchr("aouAOU", out->data[out->len - 1]))
		buf_putc(out, 'e');
	else if (c < 0x300 || c > 0x36f)
		buf_putc(out, '_');
}

char *
filename_with(const char *name, const char *suffix)
{
	size_t len = strnlen(suffix, FILENAME_SUFFIX_MAX);
	size_t most = FILENAME_MAX_BYTES - FILENAME_EXTENSION_MAX - 1 - len;
	char stem[FILENAME_MAX_BYTES + 1];
	char text[FILENAME_MAX_BYTES + FILENAME_SUFFIX_MAX + 1];
	char *dot;

	snprintf(stem, sizeof(stem), "%s", name);
	dot = strrchr(stem, '.');
	if (dot)
		*dot = '\0';
	stem[text_cut(stem, most)] = '\0';
	snprintf(text, sizeof(text), "%s%.*s", stem, (int)len, suffix);
	return filename_clean(text, dot ? dot + 1 : "pdf");
}

char *
filename_ascii(const char *name)
{
	size_t left = strlen(name), n;
	struct buf result;

	buf_init(&result, left);
	for (; left > 0; name += n, left -= n) {
		n = utf8_length(name, left);
		if (n == 2)
			spell(&result, name);
		else if (n == 1 && *name >= 0x20 && *name < 0x7f &&
		    !strchr(FORBIDDEN, *name))
			buf_putc(&result, *name);
		else
			buf_putc(&result, '_');
		n = n ? n : 1;
	}
	return buf_take(&result);
}
