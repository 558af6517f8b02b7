/* secret: an app password read from a file (secret.h). */
#include "lib/account/secret.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lib/base/file.h"
#include "lib/mail/base64.h"

enum {
	GROUP = 4,  /* letters of a group in Microsoft's form of an app password */
	GROUPS = 4, /* its groups, one blank between two */
	GROUPED_LENGTH = GROUPS * GROUP + GROUPS - 1,
	PLAIN_MAX = 600, /* bytes of AUTH PLAIN that are looked for in a reply */
};

static void
cut_line_end(char *text, size_t *len)
{
	if (*len > 0 && text[*len - 1] == '\n')
		(*len)--;
	else
		return;
	if (*len > 0 && text[*len - 1] == '\r')
		(*len)--;
}

static bool
has_control(const char *text, size_t len)
{
	for (size_t i = 0; i < len; i++)
		if ((unsigned char)text[i] < 0x20 || text[i] == 0x7f)
			return true;
	return false;
}

/* "abcd efgh ijkl mnop", as Microsoft's page shows an app password to be typed. */
static bool
is_grouped(const char *text, size_t len)
{
	if (len != GROUPED_LENGTH)
		return false;
	for (size_t i = 0; i < len; i++)
		if (i % (GROUP + 1) == GROUP ? text[i] != ' '
					     : text[i] < 'a' || text[i] > 'z')
			return false;
	return true;
}

static size_t
join_groups(char *text, size_t len)
{
	size_t kept = 0;

	for (size_t i = 0; i < len; i++)
		if (text[i] != ' ')
			text[kept++] = text[i];
	return kept;
}

enum status
secret_read(struct secret *out, const char *path, struct error *e)
{
	const struct file_rule rule = { .root_only = true, .min = 1, .max = SECRET_MAX };
	struct secret s;
	enum status status;
	size_t len = SECRET_MAX;
	int fd;

	status = file_open(&fd, path, &rule, e);
	if (status != STATUS_OK)
		return status;
	status = file_read(fd, s.text, &len, path, e);
	close(fd);
	if (status != STATUS_OK)
		goto out;
	cut_line_end(s.text, &len);
	if (len == 0 || has_control(s.text, len)) {
		status = error_set(e, STATUS_SETTINGS,
		    "%s does not hold a password: %s; write the password alone into it, "
		    "in one line",
		    path,
		    len == 0 ? "its line is empty"
			     : "there are control characters or several lines in it");
		goto out;
	}
	if (is_grouped(s.text, len))
		len = join_groups(s.text, len);
	memcpy(out->text, s.text, len);
	out->text[len] = '\0';
out:
	secret_wipe(&s);
	return status;
}

/* Whether text holds the base64 of len bytes. */
static bool
holds_word(const char *text, const char *bytes, size_t len)
{
	char word[(PLAIN_MAX + 2) / 3 * 4 + 1];
	bool found;

	word[base64_word(word, (const unsigned char *)bytes, len)] = '\0';
	found = strstr(text, word);
	explicit_bzero(word, sizeof(word));
	return found;
}

bool
secret_is_in(const char *text, const char *user, const char *password)
{
	char plain[PLAIN_MAX]; /* RFC 4616: NUL, user, NUL, password */
	size_t user_len = strlen(user), len = strlen(password);
	bool found;

	if (len == 0)
		return false;
	if (user_len + len + 2 > sizeof(plain)) /* longer than any reply that is kept */
		return strstr(text, password);
	plain[0] = '\0';
	memcpy(plain + 1, user, user_len + 1);
	memcpy(plain + user_len + 2, password, len);
	found = strstr(text, password) || holds_word(text, password, len) ||
	    holds_word(text, plain, user_len + len + 2);
	explicit_bzero(plain, sizeof(plain));
	return found;
}

/* Whether text has SECRET_PART bytes in a row of these. */
static bool
shares_part(const char *text, const char *bytes)
{
	char part[SECRET_PART + 1] = "";
	size_t len = strlen(text);
	bool found = false;

	for (size_t i = 0; !found && i + SECRET_PART <= len; i++) {
		memcpy(part, text + i, SECRET_PART);
		found = strstr(bytes, part);
	}
	explicit_bzero(part, sizeof(part));
	return found;
}

/* In base64 a byte's letters depend on where it stands among three: all three ways are
 * looked for, with the letters left out that its neighbours have a share in. */
bool
secret_part_is_in(const char *text, const char *token)
{
	size_t len = strlen(token), size = (len + 2 + 2) / 3 * 4 + 1;
	unsigned char *shifted = calloc(1, len + 2);
	char *word = malloc(size);
	bool found = shares_part(text, token);

	for (size_t shift = 0; shifted && word && !found && shift < 3; shift++) {
		size_t whole = (shift + len) / 3 * 3, end;

		memcpy(shifted + shift, token, len);
		end = base64_word(word, shifted, whole);
		word[end] = '\0';
		found = end > 4 && shares_part(text, word + (shift ? 4 : 0));
	}
	if (shifted)
		explicit_bzero(shifted, len + 2);
	if (word)
		explicit_bzero(word, size);
	free(shifted);
	free(word);
	return found;
}

void
secret_wipe(struct secret *s)
{
	explicit_bzero(s, sizeof(*s));
}
