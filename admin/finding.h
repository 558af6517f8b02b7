/*
 * finding: what `postroom check` found, one line each on standard output: "ok: …",
 * "warning: …", "error: …".
 */
#ifndef POSTROOM_ADMIN_FINDING_H
#define POSTROOM_ADMIN_FINDING_H

enum severity {
	SEVERITY_OK,
	SEVERITY_WARNING, /* mail leaves, or may leave; somebody should look */
	SEVERITY_ERROR,   /* no mail can leave this way */
};

enum {
	SEVERITIES = SEVERITY_ERROR + 1,
};

/* How many there were; all zero at first. */
struct findings {
	unsigned count[SEVERITIES];
};

__attribute__((format(printf, 3, 4))) void finding(
    struct findings *f, enum severity severity, const char *format, ...);

/* The last line: "1 error, 2 warnings". The number of errors. */
unsigned finding_total(const struct findings *f);

/* Of a file that could not be looked at by this user. */
void finding_unseen(struct findings *f, const char *path);

#endif
