/* domain: names of mail domains, as DNS and SMTP want them (domain.h). */
#include "lib/mail/domain.h"

#include <idn2.h>
#include <string.h>

#include "lib/base/text.h"

enum {
	INPUT_MAX = 4 * DOMAIN_MAX, /* bytes of a name in UTF-8 */
	LABEL_MAX = 63,
	SHOWN_MAX = 60, /* bytes of a name in a sentence */
};

/* Writes the sentence about a name: what is wrong with it. */
static enum status
bad(struct error *e, const char *domain, const char *reason)
{
	struct buf shown;

	buf_init(&shown, 4 * SHOWN_MAX); /* U+FFFD takes three bytes for one */
	text_show(&shown, domain, SHOWN_MAX);
	error_set(
	    e, STATUS_INVALID, "'%s' is no mail domain: %s.", buf_text(&shown), reason);
	buf_clear(&shown);
	return STATUS_INVALID;
}

/* What is wrong with a name in lower-case ASCII, or NULL. */
static const char *
label_fault(const char *domain)
{
	static const char letters[] = "abcdefghijklmnopqrstuvwxyz0123456789-";
	const char *label = domain;
	size_t n;

	for (;; label += n + 1) {
		n = strspn(label, letters);
		if (label[n] != '.' && label[n] != '\0')
			return "only letters, digits, '-' and '.' are taken";
		if (n == 0)
			return "a part between dots is empty, or a dot stands at an end";
		if (n > LABEL_MAX)
			return "a part of it is longer than 63 characters";
		if (label[0] == '-' || label[n - 1] == '-')
			return "a part of it starts or ends with '-'";
		if (label[n] == '\0')
			break;
	}
	if (strspn(label, "0123456789") == n)
		return "it ends in a number, as IP addresses do, which are not taken";
	if (strlen(domain) > DOMAIN_MAX)
		return "it is longer than 255 characters";
	return NULL;
}

static void
lower(char *s)
{
	for (; *s; s++)
		if (*s >= 'A' && *s <= 'Z')
			*s = (char)(*s - 'A' + 'a');
}

/* Appends an international domain as A-labels; IDN2_OK or libidn2's code. Not with
 * IDN2_USE_STD3_ASCII_RULES, by which libidn2 silently drops a full-width '>'; so it
 * becomes '>', which label_fault() refuses. */
static int
add_labels(struct buf *out, const char *domain)
{
	char *labels;
	int rc = idn2_to_ascii_8z(domain, &labels, IDN2_NONTRANSITIONAL | IDN2_NFC_INPUT);

	if (rc != IDN2_OK)
		return rc;
	buf_puts(out, labels);
	idn2_free(labels);
	return IDN2_OK;
}

enum status
domain_to_ascii(struct buf *out, const char *domain, struct error *e)
{
	enum status status = STATUS_OK;
	const char *fault = NULL;
	struct buf ascii;
	int rc = IDN2_OK;

	buf_init(&ascii, INPUT_MAX);
	if (domain[0] == '[')
		fault = "IP addresses in brackets are not taken; write the server's name";
	else if (strlen(domain) > INPUT_MAX)
		fault = "it is longer than 255 characters";
	else if (text_is_ascii(domain)) /* libidn2's sentences are hard to read */
		buf_puts(&ascii, domain);
	else if ((rc = add_labels(&ascii, domain)) != IDN2_OK)
		fault = idn2_strerror(rc);
	if (!fault && ascii.data) {
		lower(ascii.data);
		fault = label_fault(ascii.data);
	}
	if (rc == IDN2_MALLOC || ascii.over)
		status = error_set(e, STATUS_RETRY, "There is no memory for a domain.");
	else if (fault)
		status = bad(e, domain, fault);
	else if (!buf_puts(out, buf_text(&ascii)))
		status = error_set(e, STATUS_RETRY, "There is no memory for a domain.");
	buf_clear(&ascii);
	return status;
}
