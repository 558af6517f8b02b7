/* pkce: random words, and the challenge of one (pkce.h). */
#include "admin/pkce.h"

#include <openssl/evp.h>
#include <stddef.h>
#include <string.h>
#include <sys/random.h>

#include "lib/mail/base64.h"

enum {
	BYTES = 32, /* of a random word, and of SHA-256 */
	PADDED = (BYTES + 2) / 3 * 4,
};

/* base64url without padding (RFC 7636 appendix A). */
static void
write_word(char out[PKCE_WORD_MAX], const unsigned char bytes[BYTES])
{
	char word[PADDED + 1];
	size_t len = base64_word(word, bytes, BYTES);

	while (len > 0 && word[len - 1] == '=')
		len--;
	for (size_t i = 0; i < len; i++)
		out[i] = word[i] == '+' ? '-' : word[i] == '/' ? '_' : word[i];
	out[len] = '\0';
	explicit_bzero(word, sizeof(word));
}

bool
pkce_random(char out[PKCE_WORD_MAX])
{
	unsigned char bytes[BYTES];

	if (getrandom(bytes, sizeof(bytes), 0) != (ssize_t)sizeof(bytes))
		return false;
	write_word(out, bytes);
	explicit_bzero(bytes, sizeof(bytes));
	return true;
}

bool
pkce_challenge(char out[PKCE_WORD_MAX], const char *verifier)
{
	unsigned char digest[EVP_MAX_MD_SIZE];
	unsigned len = 0;

	if (EVP_Digest(verifier, strlen(verifier), digest, &len, EVP_sha256(), NULL) !=
		1 ||
	    len != BYTES)
		return false;
	write_word(out, digest);
	return true;
}
