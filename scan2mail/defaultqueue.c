/* defaultqueue: the user's default queue (defaultqueue.h). */
#include "scan2mail/defaultqueue.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

enum {
	LINE_SIZE = 1024, /* bytes: of lpoptions */
};

bool
default_name(char queue[LINK_QUEUE_MAX], const char *text)
{
	size_t len = strcspn(text, "/ \t\r\n");

	if (len == 0 || len >= LINK_QUEUE_MAX)
		return false;
	memcpy(queue, text, len);
	queue[len] = '\0';
	return true;
}

/* The default of a file of lpoptions(1). */
static bool
read_default(char queue[LINK_QUEUE_MAX], const char *folder, const char *name)
{
	static const char word[] = "Default";
	char path[PATH_MAX], line[LINE_SIZE];
	bool found = false;
	FILE *file;

	if (!folder || *folder != '/')
		return false;
	snprintf(path, sizeof(path), "%s/%s", folder, name);
	file = fopen(path, "re");
	if (!file)
		return false;
	while (!found && fgets(line, sizeof(line), file)) {
		const char *value = line + strcspn(line, " \t");

		if ((size_t)(value - line) == strlen(word) &&
		    strncasecmp(line, word, strlen(word)) == 0)
			found = default_name(queue, value + strspn(value, " \t"));
	}
	fclose(file);
	return found;
}

bool
default_queue(char queue[LINK_QUEUE_MAX], http_t *http)
{
	const char *printer = getenv("PRINTER"), *root = getenv("CUPS_SERVERROOT");
	const char *name;

	if (!getenv("LPDEST") && (!printer || strcmp(printer, "lp") == 0) &&
	    (read_default(queue, getenv("HOME"), ".cups/lpoptions") ||
		read_default(queue, root ? root : "/etc/cups", "lpoptions")))
		return true;
	name = cupsGetDefault2(http);
	return name && default_name(queue, name);
}
