/* domain: A-labels, and everything that is none. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "lib/mail/domain.h"

#define L63 "aaaaaaaaabbbbbbbbbcccccccccdddddddddeeeeeeeeefffffffffggggggggg"

static void
names_become_labels(void **state)
{
	static const struct {
		const char *in, *out;
	} rows[] = {
		{ "example.com", "example.com" },
		{ "Mail.EXAMPLE.com", "mail.example.com" },
		{ "localhost", "localhost" },
		{ "1and1.com", "1and1.com" },
		{ "a-b.x2", "a-b.x2" },
		{ "xn--bcher-kva.example", "xn--bcher-kva.example" },
		{ "bücher.example", "xn--bcher-kva.example" },
		{ "BÜCHER.example", "xn--bcher-kva.example" },
		{ "straße.example", "xn--strae-oqa.example" },
		{ "例え。テスト", "xn--r8jz45g.xn--zckzah" },
		{ "bu\xcc\x88"
		  "cher.example",
		    "xn--bcher-kva.example" },
		{ L63 ".com", L63 ".com" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct error e = { "" };
		struct buf out;

		buf_init(&out, 1024);
		buf_puts(&out, "@");
		assert_int_equal(domain_to_ascii(&out, rows[i].in, &e), STATUS_OK);
		assert_string_equal(buf_text(&out) + 1, rows[i].out);
		buf_clear(&out);
	}
}

static void
refused(const char *domain)
{
	struct error e = { "" };
	struct buf out;

	buf_init(&out, 1024);
	if (domain_to_ascii(&out, domain, &e) != STATUS_INVALID)
		fail_msg("'%s' was taken as '%s'", domain, buf_text(&out));
	assert_int_equal(out.len, 0);
	assert_non_null(strstr(e.text, "is no mail domain: "));
	for (const char *s = e.text; *s; s++)
		assert_true((unsigned char)*s >= 0x20 && *s != 0x7f);
	buf_clear(&out);
}

static void
other_texts_are_refused(void **state)
{
	static const char *const rows[] = { "", ".", "a.", ".a", "a..b", "a b", "a_b.com",
		"-a.com", "a-.com", "a.-b", "[127.0.0.1]", "[IPv6:::1]", "127.0.0.1",
		"a.1", "a@b", "a>b.com", "a<b.com", "a,b", "a;b", "a:25", "a/b", "a%00b",
		"a\r\nRCPT", "a\nb", "a\tb", "a\x7f", "bücher\r\n.com", "\xff.com",
		"b\xc3.com", "\xed\xa0\x80.com",
		/* full-width '>' '/' and blank, which compatibility mapping makes ASCII
		 */
		"a＞b.com", "a／b.com", "bü　b.com", "ü_b.com", "ü..com", "ü.com.",
		"-ü.com", L63 "h.com", L63 "ü.com", L63 "." L63 "." L63 "." L63 ".com" };

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		refused(rows[i]);
}

static void
length_ends_at_255(void **state)
{
	char domain[2 * DOMAIN_MAX];
	struct buf out;

	(void)state;
	buf_init(&out, 2 * DOMAIN_MAX);
	snprintf(domain, sizeof(domain), L63 "." L63 "." L63 "." L63);
	assert_int_equal(strlen(domain), DOMAIN_MAX);
	assert_int_equal(domain_to_ascii(&out, domain, NULL), STATUS_OK);
	buf_clear(&out);
	snprintf(domain, sizeof(domain), L63 "." L63 "." L63 ".%.61s.bb", L63);
	assert_int_equal(strlen(domain), DOMAIN_MAX + 1);
	refused(domain);
}

static void
a_huge_name_is_refused_at_once(void **state)
{
	size_t len = 1 << 20;
	char *domain = malloc(len + 1);

	(void)state;
	memset(domain, 'a', len);
	domain[len] = '\0';
	refused(domain);
	memcpy(domain, "ü", 2);
	refused(domain);
	free(domain);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(names_become_labels),
		cmocka_unit_test(other_texts_are_refused),
		cmocka_unit_test(length_ends_at_255),
		cmocka_unit_test(a_huge_name_is_refused_at_once),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
