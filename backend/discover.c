/* discover: the devices that cupsd lists (discover.h). */
#include "backend/discover.h"

#include <ctype.h>
#include <cups/backend.h>
#include <string.h>

#include "lib/base/buf.h"
#include "lib/base/log.h"
#include "lib/account/config.h"

enum {
	URI_MAX = 1024, /* what cupsd keeps of a device URI */
};

/* Percent-encodes a value of a mailto URI (RFC 6068 2). */
static void
add_encoded(struct buf *uri, const char *text)
{
	for (; *text; text++)
		if (isalnum((unsigned char)*text) || strchr("-._~", *text))
			buf_putc(uri, *text);
		else
			buf_printf(uri, "%%%02X", (unsigned char)*text);
}

static void
list_account(const struct account *a)
{
	struct buf uri, info;

	buf_init(&uri, URI_MAX);
	buf_init(&info, URI_MAX);
	buf_puts(&uri, "mailto:?account=");
	add_encoded(&uri, a->name);
	buf_printf(&info, "E-mail from %s", a->from.address);
	if (!uri.over && !info.over)
		cupsBackendReport(
		    "network", uri.data, "Postroom E-mail", info.data, "", NULL);
	buf_clear(&uri);
	buf_clear(&info);
}

void
discover_devices(void)
{
	struct config *config;
	struct error error;

	cupsBackendReport(
	    "network", "mailto", "Postroom E-mail", "E-mail (Postroom)", "", NULL);
	if (config_load(&config, config_path(), &error)) {
		log_message(LEVEL_DEBUG, "%s", error.text);
		return;
	}
	for (size_t i = 0; i < config->account_count; i++)
		list_account(&config->account[i]);
	config_free(config);
}
