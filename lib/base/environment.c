/* environment: what libraries and other programs may learn from it (environment.h). */
#include "lib/base/environment.h"

#include <stdlib.h>

void
environment_reset(void)
{
	clearenv();
	setenv("PATH", "/usr/bin:/bin", 1);
	setenv("LC_ALL", "C.UTF-8", 1);
}
