/* scenario: what the scanner of the tests does (scenario.h). */
#include "tests/sane/scenario.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void
scenario_read(struct scenario *s, const char *path)
{
	FILE *file = fopen(path, "re");

	s->lines = 0;
	while (file && s->lines < SCENARIO_MAX &&
	    fscanf(file, " %31s %255[^\n]", s->line[s->lines].key,
		s->line[s->lines].value) == 2)
		s->lines++;
	if (file)
		fclose(file);
}

const char *
scenario_text(const struct scenario *s, const char *key, const char *otherwise)
{
	for (size_t i = 0; i < s->lines; i++)
		if (strcmp(s->line[i].key, key) == 0)
			return s->line[i].value;
	return otherwise;
}

double
scenario_number(const struct scenario *s, const char *key, double otherwise)
{
	const char *text = scenario_text(s, key, NULL);

	return text ? strtod(text, NULL) : otherwise;
}

bool
scenario_is(const struct scenario *s, const char *key, const char *value)
{
	return strcmp(scenario_text(s, key, ""), value) == 0;
}

bool
scenario_item(const char *list, size_t n, char out[SCENARIO_VALUE])
{
	const char *end = strchr(list, '|');

	for (; n > 0 && end; n--) {
		list = end + 1;
		end = strchr(list, '|');
	}
	snprintf(out, SCENARIO_VALUE, "%.*s",
	    end ? (int)(end - list) : SCENARIO_VALUE - 1, list);
	return n == 0;
}

bool
scenario_has(const struct scenario *s, const char *key, const char *item)
{
	const char *list = scenario_text(s, key, NULL);
	char one[SCENARIO_VALUE];

	for (size_t n = 0; list && scenario_item(list, n, one); n++)
		if (strcmp(one, item) == 0)
			return true;
	return false;
}
