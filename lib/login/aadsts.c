/* aadsts: the numbers in Microsoft Entra's refusals (aadsts.h). */
#include "lib/login/aadsts.h"

#include <stdlib.h>
#include <string.h>

enum {
	NUMBER_DIGITS = 9, /* most that a number has */
};

static const char MARK[] = "AADSTS";
static const char DIGITS[] = "0123456789";

/* the application's proof of who it is */
static const char SECRET_WRONG[] =
    "the client secret is not the application's; paste the secret's Value, not its ID, "
    "into client_secret_file, or make a new secret in Entra";
static const char SECRET_EXPIRED[] =
    "the client secret has expired; make a new one in Entra, or better a certificate, "
    "and put it into client_secret_file";
static const char SECRET_MISSING[] =
    "Entra wants a secret from this application; switch 'Allow public client flows' on "
    "in its registration, or use auth = oauth-app with client_secret_file or a "
    "certificate";
static const char SECRET_UNWANTED[] =
    "the application is a public client, which must not show a secret; take "
    "client_secret_file out, or switch 'Allow public client flows' off";
static const char CERTIFICATE[] =
    "Entra does not accept the application's certificate; upload the one in "
    "certificate_file to the app registration, and check that key_file belongs to it";
static const char ASSERTION_TIME[] =
    "Entra finds the application's signed proof out of date: this machine's clock is "
    "wrong; check it with timedatectl and switch time synchronization on";

/* application and tenant */
static const char NO_APP[] =
    "the organisation has no such application; check client_id (the Application ID of "
    "the app registration) and tenant";
static const char APP_DISABLED[] =
    "the application is disabled; enable it in Entra under Enterprise applications";
static const char NO_TENANT[] =
    "Entra does not find the organisation; check tenant (its domain or id), and "
    "authority if it is in another cloud (GCC High, China)";
static const char OTHER_CLOUD[] =
    "the organisation is in another cloud; set authority, scope and server to that "
    "cloud's, and register the application there, see docs/office365.md";
static const char OWN_TENANT[] =
    "the application belongs to one organisation alone; set tenant to its domain or id";

/* consent, scopes, rights */
static const char NO_CONSENT[] =
    "nobody has consented to the application's permissions; have the administrator "
    "grant consent in Entra (API permissions), then sign in again (postroom login)";
static const char CONSENT_DECLINED[] =
    "whoever signed in declined the application's permissions; sign in again and "
    "accept, or have the administrator grant consent in Entra (API permissions)";
static const char ADMIN_CONSENT[] =
    "only an administrator may consent to the application's permissions; have consent "
    "granted in Entra (API permissions), then sign in again (postroom login)";
static const char SCOPE[] =
    "the scope asks for something that the application may not have, or that does not "
    "exist; take scope out of the settings, and check the application's API permissions";
static const char TWO_RESOURCES[] =
    "the scope names two services at once; name one, for SMTP or for Graph";
static const char UNASSIGNED[] =
    "the mailbox's user is not assigned to the application; assign it in Entra under "
    "Enterprise applications, Users and groups";

/* the user */
static const char MFA[] =
    "Entra wants multifactor authentication; sign in again (postroom login), or use "
    "auth = oauth-app, or exempt the mailbox in Conditional Access";
static const char CONDITIONAL_ACCESS[] =
    "Conditional Access blocks this sign-in; look it up by the correlation id in "
    "Entra's sign-in log, and exempt the mailbox or this network from the policy";
static const char SECURITY_DEFAULTS[] =
    "the organisation's security defaults block this sign-in; use auth = oauth-code or "
    "oauth-app, or have Conditional Access take their place";
static const char DEVICE_RULES[] =
    "Conditional Access wants a managed device or sees a risk, and the device flow can "
    "show none; exempt the mailbox, or use auth = oauth-code or oauth-app";
static const char PASSWORD[] =
    "the user's password is wrong, missing or expired; mend it at "
    "https://portal.office.com, then sign in again (postroom login)";
static const char NO_USER[] =
    "the organisation does not know this user; check username and tenant, and sign in "
    "with the mailbox's own user";
static const char USER_DISABLED[] =
    "the mailbox's user is disabled; enable its sign-in in Entra or Active Directory";
static const char ACCOUNT_LOCKED[] =
    "the user is locked after wrong passwords, or this network's address has a bad "
    "name; see the failure reason in Entra's sign-in log; asked again after a long "
    "pause";

/* the stored sign-in */
static const char UNUSED[] =
    "nobody has used the sign-in for too long (90 days), so it has ended; sign in again "
    "(postroom login), and keep postroom-refresh.timer running";
static const char FREQUENCY[] =
    "Conditional Access lets a sign-in live only for some time; sign in again (postroom "
    "login), and exempt the mailbox from the sign-in frequency, or use auth = oauth-app";
static const char REVOKED[] =
    "the sign-in was revoked, for instance by a new password or an administrator; sign "
    "in again (postroom login)";
static const char TOKEN_INVALID[] =
    "the stored sign-in is not valid; sign in again (postroom login)";

/* signing in */
static const char PENDING[] = "nobody has signed in with the code yet";
static const char BAD_CODE[] =
    "the code was not the one that was shown; begin anew (postroom login)";
static const char CODE_EXPIRED[] =
    "the code has expired or was used before; begin anew (postroom login)";
static const char CODE_OTHERS[] =
    "the code belongs to another sign-in than the one that was begun; begin anew "
    "(postroom login)";
static const char DATACENTRE[] =
    "the sign-in was confirmed at another data centre than it began at; begin anew "
    "(postroom login), with tenant set to the organisation's id";
static const char REDIRECT[] =
    "the application does not know the address that the browser comes back to; add "
    "http://localhost to its registration (Authentication, mobile and desktop)";
static const char REQUEST[] =
    "Entra finds the request incomplete or wrong; check client_id, scope and token_url";

/* passing trouble */
static const char LOOP[] =
    "Entra was asked too often for the same token; asked again after a long pause; if "
    "it goes on, look for another program that uses this application";
static const char TROUBLE[] =
    "the sign-in service has trouble or is busy at the moment; nothing has to be done";

static const struct aadsts rows[] = {
	{ 7000215, OAUTH_SETTINGS, SECRET_WRONG },
	{ 70002, OAUTH_SETTINGS, SECRET_WRONG },
	{ 7000222, OAUTH_SETTINGS, SECRET_EXPIRED },
	{ 7000218, OAUTH_SETTINGS, SECRET_MISSING },
	{ 700025, OAUTH_SETTINGS, SECRET_UNWANTED },
	{ 700027, OAUTH_SETTINGS, CERTIFICATE },
	{ 50012, OAUTH_SETTINGS, CERTIFICATE },
	{ 700030, OAUTH_SETTINGS, CERTIFICATE },
	{ 700021, OAUTH_SETTINGS, CERTIFICATE },
	{ 50027, OAUTH_SETTINGS, CERTIFICATE },
	/* a clock that was wrong when the machine started is soon set */
	{ 500133, OAUTH_WAIT, ASSERTION_TIME },
	{ 700024, OAUTH_WAIT, ASSERTION_TIME },

	{ 700016, OAUTH_SETTINGS, NO_APP },
	{ 700011, OAUTH_SETTINGS, NO_APP },
	{ 7000112, OAUTH_SETTINGS, APP_DISABLED },
	{ 70001, OAUTH_SETTINGS, APP_DISABLED },
	{ 90002, OAUTH_SETTINGS, NO_TENANT },
	{ 50059, OAUTH_SETTINGS, NO_TENANT },
	{ 50128, OAUTH_SETTINGS, NO_TENANT },
	{ 90038, OAUTH_SETTINGS, OTHER_CLOUD },
	{ 900382, OAUTH_SETTINGS, OTHER_CLOUD },
	{ 50194, OAUTH_SETTINGS, OWN_TENANT },
	{ 9001023, OAUTH_SETTINGS, OWN_TENANT },
	{ 90124, OAUTH_SETTINGS, OWN_TENANT },
	{ 90130, OAUTH_SETTINGS, OWN_TENANT },

	{ 65001, OAUTH_SIGN_IN, NO_CONSENT },
	{ 65004, OAUTH_SIGN_IN, CONSENT_DECLINED },
	{ 90094, OAUTH_SIGN_IN, ADMIN_CONSENT },
	{ 90095, OAUTH_SIGN_IN, ADMIN_CONSENT },
	{ 650057, OAUTH_SETTINGS, SCOPE },
	{ 65005, OAUTH_SETTINGS, SCOPE },
	{ 500011, OAUTH_SETTINGS, SCOPE },
	{ 70011, OAUTH_SETTINGS, SCOPE },
	{ 28002, OAUTH_SETTINGS, SCOPE },
	{ 28003, OAUTH_SETTINGS, SCOPE },
	{ 700022, OAUTH_SETTINGS, TWO_RESOURCES },
	{ 50105, OAUTH_SETTINGS, UNASSIGNED },

	{ 50076, OAUTH_SIGN_IN, MFA },
	{ 50079, OAUTH_SIGN_IN, MFA },
	{ 50074, OAUTH_SIGN_IN, MFA },
	{ 50072, OAUTH_SIGN_IN, MFA },
	{ 50078, OAUTH_SIGN_IN, MFA },
	{ 50158, OAUTH_SIGN_IN, MFA },
	{ 53003, OAUTH_SETTINGS, CONDITIONAL_ACCESS },
	{ 530032, OAUTH_SETTINGS, CONDITIONAL_ACCESS },
	{ 530035, OAUTH_SETTINGS, SECURITY_DEFAULTS },
	{ 53000, OAUTH_SETTINGS, DEVICE_RULES },
	{ 53001, OAUTH_SETTINGS, DEVICE_RULES },
	{ 50097, OAUTH_SETTINGS, DEVICE_RULES },
	{ 50131, OAUTH_SETTINGS, DEVICE_RULES },
	{ 50126, OAUTH_SIGN_IN, PASSWORD },
	{ 50056, OAUTH_SIGN_IN, PASSWORD },
	{ 50055, OAUTH_SIGN_IN, PASSWORD },
	{ 50144, OAUTH_SIGN_IN, PASSWORD },
	{ 50034, OAUTH_SETTINGS, NO_USER },
	{ 51004, OAUTH_SETTINGS, NO_USER },
	{ 50020, OAUTH_SETTINGS, NO_USER },
	{ 50057, OAUTH_SETTINGS, USER_DISABLED },
	{ 50053, OAUTH_LOCKED, ACCOUNT_LOCKED },

	{ 700082, OAUTH_SIGN_IN, UNUSED },
	{ 70008, OAUTH_SIGN_IN, UNUSED },
	{ 70043, OAUTH_SIGN_IN, FREQUENCY },
	{ 50173, OAUTH_SIGN_IN, REVOKED },
	{ 70000, OAUTH_SIGN_IN, TOKEN_INVALID },

	{ 70016, OAUTH_PENDING, PENDING },
	{ 70018, OAUTH_EXPIRED, BAD_CODE },
	{ 70019, OAUTH_EXPIRED, CODE_EXPIRED },
	{ 54005, OAUTH_EXPIRED, CODE_EXPIRED },
	{ 501481, OAUTH_EXPIRED, CODE_OTHERS },
	{ 50134, OAUTH_EXPIRED, DATACENTRE },
	{ 50011, OAUTH_SETTINGS, REDIRECT },
	{ 900144, OAUTH_SETTINGS, REQUEST },
	{ 90014, OAUTH_SETTINGS, REQUEST },
	{ 9002313, OAUTH_SETTINGS, REQUEST },

	{ 50196, OAUTH_LOCKED, LOOP },
	{ 90006, OAUTH_WAIT, TROUBLE },
	{ 90012, OAUTH_WAIT, TROUBLE },
	{ 90024, OAUTH_WAIT, TROUBLE },
	{ 90033, OAUTH_WAIT, TROUBLE },
	{ 90090, OAUTH_WAIT, TROUBLE },
	{ 50033, OAUTH_WAIT, TROUBLE },
	{ 50087, OAUTH_WAIT, TROUBLE },
	{ 90055, OAUTH_WAIT, TROUBLE },
};

enum {
	ROWS = sizeof(rows) / sizeof(rows[0]),
};

const struct aadsts *
aadsts_find(unsigned long number)
{
	for (size_t i = 0; i < ROWS; i++)
		if (rows[i].number == number)
			return &rows[i];
	return NULL;
}

unsigned long
aadsts_number(const char *text)
{
	while ((text = strstr(text, MARK))) {
		size_t len;

		text += strlen(MARK);
		len = strspn(text, DIGITS);
		if (len > 0 && len <= NUMBER_DIGITS)
			return strtoul(text, NULL, 10);
	}
	return 0;
}

const struct aadsts *
aadsts_rows(size_t *count)
{
	*count = ROWS;
	return rows;
}
