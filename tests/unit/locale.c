/*
 * Linked into every unit test: takes the locale from the environment before main(), so
 * that tools/check can run the same tests where a decimal point is a comma.
 */
#include <locale.h>

__attribute__((constructor)) static void
take_locale(void)
{
	setlocale(LC_ALL, "");
}
