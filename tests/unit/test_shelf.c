/* Tests of scan2mail/shelf.c. Where the folder is found: test_statedir.c. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <dirent.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/file.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "scan2mail/shelf.h"
#include "tests/unit/shelf_rig.h"

enum {
	MANY = 1000, /* scans that one second can name */
};

static const struct ticket ticket = { .job = { "mail", "bob@example.com", "s", "",
					  "0123abcd" } };

struct scene {
	struct rack rack;
	struct shelf shelf;
	struct shelf_file file;
	char name[NAME_MAX + 1];
	char path[PATH_MAX];
};

static int
set_up(void **state)
{
	static struct scene s;
	struct error e;

	memset(&s, 0, sizeof(s));
	*state = &s;
	return !rack_make(&s.rack) || shelf_open(&s.shelf, &e) != STATUS_OK;
}

static int
tear_down(void **state)
{
	struct scene *s = *state;

	shelf_close(&s->shelf);
	shelf_close(&s->shelf);
	return !rack_remove(&s->rack);
}

static int
entries(const struct scene *s)
{
	DIR *dir = opendir(s->rack.scans);
	int count = 0;

	assert_non_null(dir);
	while (readdir(dir))
		count++;
	closedir(dir);
	return count - 2; /* . and .. */
}

static void
create(struct scene *s, const char *text)
{
	struct error e;

	assert_int_equal(shelf_create(&s->file, &s->shelf, &e), STATUS_OK);
	assert_int_equal(write(s->file.fd, text, strlen(text)), strlen(text));
}

static mode_t
mode_of(const char *path)
{
	struct stat st;

	assert_int_equal(stat(path, &st), 0);
	return st.st_mode & 07777;
}

static void
names_are_given_at_the_end(void **state)
{
	struct scene *s = *state;
	struct error e;
	char *name;

	create(s, "%PDF-");
	assert_int_equal(entries(s), 0);
	assert_int_equal(
	    shelf_keep(&s->file, &s->shelf, &ticket, s->name, &e), STATUS_OK);
	shelf_discard(&s->file);
	close(s->file.fd);
	assert_int_equal(entries(s), 2);
	assert_true(shelf_is_sending(s->name));
	assert_int_equal(shelf_stays(&s->shelf, s->name, &e), STATUS_OK);
	assert_int_equal(strlen(s->name), strlen("2026-11-22T13-34-56-000.pdf"));
	snprintf(s->path, sizeof(s->path), "%s/%s", s->rack.scans, s->name);
	name = s->path + strlen(s->rack.scans) + 1;
	assert_string_equal(rack_get(&s->rack, name), "%PDF-");
	assert_int_equal(mode_of(s->path), 0600);
	assert_int_equal(mode_of(s->rack.scans), 0700);
	memcpy(name + strlen(name) - 4, ".job", 4);
	assert_string_equal(rack_get(&s->rack, name),
	    "queue: mail\nto: bob@example.com\nsubject: s\nfilename: \nid: 0123abcd\n");
	assert_int_equal(mode_of(s->path), 0600);
}

static void
nothing_stays_without_a_name(void **state)
{
	struct scene *s = *state;

	create(s, "%PDF-");
	shelf_discard(&s->file);
	close(s->file.fd);
	assert_int_equal(entries(s), 0);
}

/* As on a file system without nameless files. */
static void
named_files_do_as_well(void **state)
{
	struct scene *s = *state;
	struct error e;

	for (int keep = 0; keep < 2; keep++) {
		snprintf(s->file.part, sizeof(s->file.part), "%s/a.part", s->rack.scans);
		s->file.fd = open(s->file.part, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
		assert_true(s->file.fd >= 0);
		assert_int_equal(entries(s), 1);
		if (keep)
			assert_int_equal(
			    shelf_keep(&s->file, &s->shelf, &ticket, s->name, &e),
			    STATUS_OK);
		shelf_discard(&s->file);
		close(s->file.fd);
		assert_int_equal(entries(s), keep ? 2 : 0);
	}
	assert_string_equal(rack_get(&s->rack, s->name), "");
	snprintf(s->path, sizeof(s->path), "%s/%s", s->rack.scans, s->name);
	assert_int_equal(access(s->path, F_OK), 0);
}

static void
names_never_meet(void **state)
{
	struct scene *s = *state;
	struct error e;

	for (int i = 0; i < 20; i++) {
		create(s, "%PDF-");
		assert_int_equal(
		    shelf_keep(&s->file, &s->shelf, &ticket, s->name, &e), STATUS_OK);
		close(s->file.fd);
		/* one whose PDF was sent still has its name */
		if (i % 2)
			assert_int_equal(unlinkat(s->shelf.folder, s->name, 0), 0);
	}
	assert_int_equal(entries(s), 30);
}

/* What is called that it is sent is locked, and can be called so once more. */
static void
sending_is_seen(void **state)
{
	struct scene *s = *state;
	char first[NAME_MAX + 1];
	struct error e;
	int fd;

	create(s, "%PDF-");
	assert_int_equal(
	    shelf_keep(&s->file, &s->shelf, &ticket, s->name, &e), STATUS_OK);
	fd = openat(s->shelf.folder, s->name, O_RDONLY | O_CLOEXEC);
	assert_true(fd >= 0);
	assert_int_equal(flock(fd, LOCK_EX | LOCK_NB), -1);
	close(fd);
	close(s->file.fd);
	memcpy(first, s->name, sizeof(first));
	assert_int_equal(shelf_sending(&s->shelf, s->name, &e), STATUS_OK);
	assert_string_not_equal(s->name, first);
	assert_true(shelf_is_sending(s->name));
	assert_int_equal(shelf_sending(&s->shelf, s->name, &e), STATUS_OK);
	assert_string_equal(s->name, first);
	assert_int_equal(shelf_stays(&s->shelf, s->name, &e), STATUS_OK);
	assert_false(shelf_is_sending(s->name));
	assert_true(rack_put(&s->rack, first, "in the way"));
	assert_int_equal(shelf_sending(&s->shelf, s->name, &e), STATUS_RETRY);
	assert_string_equal(rack_get(&s->rack, s->name), "%PDF-");
	assert_int_equal(shelf_remove(&s->shelf, s->name, &e), STATUS_OK);
	assert_int_equal(shelf_remove(&s->shelf, s->name, &e), STATUS_RETRY);
	assert_int_equal(entries(s), 1);
}

/* The ticket cannot be written: then the PDF has no name either. */
static void
failures_leave_nothing(void **state)
{
	struct rlimit all, none = { 0 };
	struct scene *s = *state;
	struct error e;

	create(s, "%PDF-");
	assert_int_equal(getrlimit(RLIMIT_FSIZE, &all), 0);
	none.rlim_max = all.rlim_max;
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &none), 0);
	assert_int_equal(
	    shelf_keep(&s->file, &s->shelf, &ticket, s->name, &e), STATUS_RETRY);
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &all), 0);
	assert_non_null(strstr(e.text, "cannot be written"));
	shelf_discard(&s->file);
	close(s->file.fd);
	assert_int_equal(entries(s), 0);
}

int
main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		T(names_are_given_at_the_end),
		T(nothing_stays_without_a_name),
		T(named_files_do_as_well),
		T(names_never_meet),
		T(sending_is_seen),
		T(failures_leave_nothing),
	};

	signal(SIGXFSZ, SIG_IGN);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
