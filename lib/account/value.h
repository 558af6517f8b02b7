/*
 * value: the values of postroom.conf(5) that are more than texts, numbers and choices.
 *
 * Pure functions on one value, for the rows of config's table (settings.h, `parse` and
 * `check`). STATUS_INVALID or STATUS_RETRY; the sentence says what is allowed.
 */
#ifndef POSTROOM_VALUE_H
#define POSTROOM_VALUE_H

#include "lib/base/status.h"

enum {
	VALUE_NAME_MAX = 63, /* bytes of the name of an account or a scan profile */
};

/* struct server: host[:port]. The host is a name (letters, digits, '-', '.'; others
 * become A-labels), an IPv4 address, or an IPv6 address in brackets, which are taken off.
 */
enum status value_server(void *field, const char *key, const char *text, struct error *e);
/* struct mailbox. */
enum status value_mailbox(
    void *field, const char *key, const char *text, struct error *e);
/* struct reply_to: user, none, or a mailbox. */
enum status value_reply_to(
    void *field, const char *key, const char *text, struct error *e);
/* struct list: patterns separated by commas: LOCAL@DOMAIN, *@DOMAIN, *@*.DOMAIN; the
 * domain is stored in A-labels and lower case. */
enum status value_patterns(
    void *field, const char *key, const char *text, struct error *e);
/* struct pairs: one mailbox, in which %u may stand for the user. */
enum status value_user(void *field, const char *key, const char *text, struct error *e);
/* struct pairs: a name of the address book, which can stand in a list of recipients (no
 * '@', comma, semicolon, quote or bracket; not Auto, Self or Custom), and its mailboxes.
 */
enum status value_book(void *field, const char *key, const char *text, struct error *e);
/* struct oversize: shrink, split, refuse, in the order wanted, each at most once; refuse
 * is always the last, whether it stands there or not. */
enum status value_oversize(
    void *field, const char *key, const char *text, struct error *e);
/* struct notify: none; or owner and mailboxes, separated by commas. */
enum status value_notify(void *field, const char *key, const char *text, struct error *e);
/* struct paper: a3, a4, a5, b5, letter, legal, max (all that the scanner has), or
 * WIDTHxHEIGHT in millimetres, each 10 to 2000. */
enum status value_paper(void *field, const char *key, const char *text, struct error *e);
/* struct pairs: the key without "option." in front, and the value as it stands. */
enum status value_option(void *field, const char *key, const char *text, struct error *e);
/* bool: yes or no. */
enum status value_yes_no(void *field, const char *key, const char *text, struct error *e);

/* An https URL, or nothing. */
enum status value_check_url(const char *text, struct error *e);
/* A template (template.h). */
enum status value_check_template(const char *text, struct error *e);
/* The two names behind [button …]: the device's and the option's, which is the last word
 * unless it stands in quotes. Stores strings that the caller frees, NULL on failure. */
enum status value_button(char **device, char **option, const char *text, struct error *e);
/* The name of an account or a scan profile: letters, digits, '.', '_', '-'; and none that
 * could be taken for a file beside another one's, as "x.lock" is for account x's tokens.
 */
enum status value_check_name(const char *text, struct error *e);

#endif
