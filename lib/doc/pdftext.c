/* pdftext: text strings of a PDF (pdftext.h). */
#include "lib/doc/pdftext.h"

#include <inttypes.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/text.h"

enum status
pdftext_keep(char **out, const char *text, size_t max, struct error *e)
{
	struct buf clean;
	char *kept;

	buf_init(&clean, max * 3); /* an invalid byte becomes three */
	text_clean(&clean, text, text_cut(text, max), TEXT_LINE);
	kept = buf_take(&clean);
	if (!kept)
		return error_errno(e, "the PDF cannot keep what describes it");
	free(*out);
	*out = kept;
	return STATUS_OK;
}

void
pdftext_put(struct buf *b, const char *key, const char *text)
{
	size_t left = strlen(text);

	buf_printf(b, "/%s <FEFF", key);
	for (size_t n; left > 0; text += n, left -= n) {
		uint32_t c = (unsigned char)*text;

		n = utf8_length(text, left);
		if (n > 1)
			c &= 0x7fu >> n;
		for (size_t i = 1; i < n; i++)
			c = c << 6 | ((unsigned char)text[i] & 0x3f);
		if (c >= 0x10000) {
			buf_printf(b, "%04" PRIX32, 0xd800 + ((c - 0x10000) >> 10));
			c = 0xdc00 + ((c - 0x10000) & 0x3ff);
		}
		buf_printf(b, "%04" PRIX32, c);
	}
	buf_puts(b, ">\n");
}
