# Postroom: the only makefile. `make help` lists the targets.
VERSION = 0.1.0

PREFIX     = /usr/local
SYSCONFDIR = /etc
STATEDIR   = /var/lib/postroom
CC         = gcc
CFLAGS     = -O2 -g
# Where objects and programs go; `make check` builds a second, sanitized set in build/san.
BUILD      = build
PKG_CONFIG = pkg-config
CUPS_CONFIG = cups-config

BINDIR  = $(PREFIX)/bin
MANDIR  = $(PREFIX)/share/man
DOCDIR  = $(PREFIX)/share/doc/postroom
PPDDIR  = $(PREFIX)/share/ppd/postroom
UNITDIR = $(PREFIX)/lib/systemd/system
CUPS_SERVERBIN = $(shell $(CUPS_CONFIG) --serverbin)

WARNINGS = -Wall -Wextra -Wshadow -Wconversion -Wformat=2 -Wvla -Wstrict-prototypes \
	-Wmissing-prototypes -Wwrite-strings $(WERROR)
HARDENING = -D_FORTIFY_SOURCE=2 -fstack-protector-strong -fPIE
ALL_CPPFLAGS = -D_GNU_SOURCE -DPOSTROOM_VERSION='"$(VERSION)"' -I. -MMD -MP $(CPPFLAGS)
ALL_CFLAGS = -std=c11 $(WARNINGS) $(HARDENING) $(CFLAGS) $(SANITIZE)
ALL_LDFLAGS = -pie -Wl,-z,relro,-z,now -Wl,--as-needed $(LDFLAGS) $(SANITIZE)

# Each library is a folder; what it needs from outside stands here once.
LIBS_base = $(shell $(PKG_CONFIG) --libs inih zlib)
LIBS_mail = $(shell $(PKG_CONFIG) --libs libidn2) -lmagic
LIBS_doc  = $(shell $(PKG_CONFIG) --libs libjpeg libtiff-4 libqpdf)
LIBS_login = $(shell $(PKG_CONFIG) --libs libcrypto)
LIBS_web  = $(shell $(PKG_CONFIG) --libs libcurl jansson)
LIBS_send = $(shell $(PKG_CONFIG) --libs libcurl)
LIBS_cups = $(shell $(CUPS_CONFIG) --libs)
LIBS_qr   = $(shell $(PKG_CONFIG) --libs libqrencode)
LIBS_sane = $(shell $(PKG_CONFIG) --libs sane-backends)

# Upper rooms first, as the linker wants them.
ROOMS = send login web account doc mail base
ARCHIVES = $(ROOMS:%=$(BUILD)/lib%.a)
LIBS_all = $(foreach r,$(ROOMS),$(LIBS_$r))

PROGRAMS = mailto scan2mail scan2maild postroom
SOURCES_mailto    = $(wildcard backend/*.c)
# Of scan2mail and scan2maild, whose main() is in daemon.c.
SOURCES_scan      = $(filter-out %/main.c %/daemon.c,$(wildcard scan2mail/*.c))
SOURCES_postroom  = $(wildcard admin/*.c)

UNIT_SOURCES = $(wildcard tests/unit/test_*.c)
UNITS = $(UNIT_SOURCES:tests/unit/%.c=$(BUILD)/tests/unit/%.t)

# `make V=1` shows whole commands.
Q = $(if $(V),,@)
say = @$(if $(V),:,echo '  $(1)	$(2)')

objects = $(patsubst %.c,$(BUILD)/obj/%.o,$(1))

all: $(PROGRAMS:%=$(BUILD)/%)

$(BUILD)/obj/%.o: %.c
	$(call say,CC,$<)
	@mkdir -p $(@D)
	$(Q)$(CC) $(ALL_CPPFLAGS) $(ALL_CFLAGS) -c -o $@ $<

define archive
$(BUILD)/lib$(1).a: $(call objects,$(wildcard lib/$(1)/*.c))
	@rm -f $$@
	$$(Q)$(AR) rcs $$@ $$^
endef
$(foreach r,$(ROOMS),$(eval $(call archive,$r)))

$(BUILD)/mailto: $(call objects,$(SOURCES_mailto)) $(ARCHIVES)
	$(call say,LD,$@)
	$(Q)$(CC) $(ALL_LDFLAGS) -o $@ $^ $(LIBS_all) $(LIBS_cups)

$(BUILD)/libscan.a: $(call objects,$(SOURCES_scan))
	@rm -f $@
	$(Q)$(AR) rcs $@ $^

# No libcurl here: what scans can reach no credential and no server but CUPS.
$(BUILD)/scan2mail: $(call objects,scan2mail/main.c) $(BUILD)/libscan.a $(ARCHIVES)
	$(call say,LD,$@)
	$(Q)$(CC) $(ALL_LDFLAGS) -o $@ $^ $(LIBS_doc) $(LIBS_mail) $(LIBS_base) $(LIBS_cups) $(LIBS_sane)

$(BUILD)/scan2maild: $(call objects,scan2mail/daemon.c) $(BUILD)/libscan.a $(ARCHIVES)
	$(call say,LD,$@)
	$(Q)$(CC) $(ALL_LDFLAGS) -o $@ $^ $(LIBS_doc) $(LIBS_mail) $(LIBS_base) $(LIBS_cups) $(LIBS_sane)

$(BUILD)/postroom: $(call objects,$(SOURCES_postroom)) $(ARCHIVES)
	$(call say,LD,$@)
	$(Q)$(CC) $(ALL_LDFLAGS) -o $@ $^ $(LIBS_all) $(LIBS_qr)

# A unit test may also reach the modules of the programs, all but their main().
PROGRAM_MODULES = $(filter-out %/main.o,$(call objects,$(SOURCES_mailto) $(SOURCES_scan) \
	$(SOURCES_postroom)))

$(BUILD)/tests/unit/%.t: $(BUILD)/obj/tests/unit/%.o $(BUILD)/obj/tests/unit/locale.o \
    $(BUILD)/libmodules.a $(ARCHIVES)
	$(call say,LD,$@)
	@mkdir -p $(@D)
	$(Q)$(CC) $(ALL_LDFLAGS) -o $@ $^ $(LIBS_all) $(LIBS_cups) $(LIBS_sane) $(LIBS_qr) \
	    $(shell $(PKG_CONFIG) --libs openssl) -lcmocka

$(BUILD)/libmodules.a: $(PROGRAM_MODULES)
	@rm -f $@
	$(Q)$(AR) rcs $@ $^

# A scanner that does what it is told, for the tests; libsane loads it (tests/sane/fault.h).
$(BUILD)/tests/sane/libsane-fault.so.1: $(wildcard tests/sane/*.[ch])
	$(call say,LD,$@)
	@mkdir -p $(@D)
	$(Q)$(CC) $(ALL_CPPFLAGS) -MF $(@:.so.1=.d) -std=c11 $(WARNINGS) $(CFLAGS) -fPIC -shared \
	    -o $@ $(filter %.c,$^)

scanner: $(BUILD)/tests/sane/libsane-fault.so.1

units: $(UNITS)

# -- tests ---------------------------------------------------------------------------------------

check: ## install what the tests need (as root) and run them all
	tools/packages build test
	@$(MAKE) --no-print-directory all scanner
	@$(MAKE) --no-print-directory units BUILD=build/san CFLAGS='-O1 -g' \
	    SANITIZE='-fsanitize=address,undefined -fno-sanitize-recover=all'
	tools/check build build/san

check-faults: ## the fault matrix, with what takes minutes; writes docs/faults.md
	tools/packages build test
	@$(MAKE) --no-print-directory all scanner
	tools/check build build/san 1200 $$(tools/faults files) && ok=1; \
	    tools/faults write build && [ "$$ok" ]

demo: ## install what is missing (as root), build, and show printed and scanned mails arrive
	tools/packages build demo
	@$(MAKE) --no-print-directory all scanner
	tools/demo build

# Where pages lie that scanners made; without them the benchmarks do with patterns.
SCANS = $(wildcard ../shared/scans)

bench: ## figures side by side with the peers, as ratios
	tools/packages build bench
	@$(MAKE) --no-print-directory all
	POSTROOM_SCANS=$(SCANS) tools/bench build

lint: ## the rules of the house: format, layers, sizes, banned calls, scripts, pages
	tools/packages build lint
	tools/lint
	@$(MAKE) --no-print-directory all units scanner BUILD=build/gcc CC=gcc WERROR=-Werror
	@$(MAKE) --no-print-directory all units scanner BUILD=build/clang CC=clang WERROR=-Werror

format: ## write the sources as .clang-format has them
	clang-format -i $(shell find . -name '*.[ch]' -not -path './build/*')

format-check: ## complain of sources that .clang-format would write otherwise
	clang-format --dry-run -Werror $(shell find . -name '*.[ch]' -not -path './build/*')

# -- installing ----------------------------------------------------------------------------------

# The backend is 0700 and root's: CUPS then starts it as root, which alone may open the secret.
install: all ## install below DESTDIR
	install -d $(DESTDIR)$(CUPS_SERVERBIN)/backend $(DESTDIR)$(BINDIR) $(DESTDIR)$(PPDDIR) \
	    $(DESTDIR)$(MANDIR)/man1 $(DESTDIR)$(MANDIR)/man5 $(DESTDIR)$(MANDIR)/man8 \
	    $(DESTDIR)$(DOCDIR) $(DESTDIR)$(PREFIX)/lib/sysusers.d $(DESTDIR)$(STATEDIR) \
	    $(DESTDIR)$(UNITDIR)
	install -d -m 0755 $(DESTDIR)$(SYSCONFDIR)/postroom
	install -d -m 0700 $(DESTDIR)$(SYSCONFDIR)/postroom/secrets
	install -m 0700 $(BUILD)/mailto $(DESTDIR)$(CUPS_SERVERBIN)/backend/mailto
	install -m 0755 $(BUILD)/scan2mail $(BUILD)/scan2maild $(BUILD)/postroom $(DESTDIR)$(BINDIR)/
	install -m 0644 ppd/postroom.ppd $(DESTDIR)$(PPDDIR)/postroom.ppd
	install -m 0644 conf/sysusers.conf $(DESTDIR)$(PREFIX)/lib/sysusers.d/postroom.conf
	install -m 0644 docs/man/scan2mail.1 $(DESTDIR)$(MANDIR)/man1/
	install -m 0644 docs/man/postroom.conf.5 $(DESTDIR)$(MANDIR)/man5/
	install -m 0644 docs/man/mailto.8 docs/man/postroom.8 docs/man/scan2maild.8 \
	    $(DESTDIR)$(MANDIR)/man8/
	install -m 0644 conf/signin-dates.conf $(DESTDIR)$(SYSCONFDIR)/postroom/
	install -m 0644 conf/postroom-refresh.timer $(DESTDIR)$(UNITDIR)/
	sed -e 's#/usr/bin/postroom#$(BINDIR)/postroom#' -e 's#/var/lib/postroom#$(STATEDIR)#' \
	    conf/postroom-refresh.service > $(DESTDIR)$(UNITDIR)/postroom-refresh.service
	sed -e 's#/usr/bin/scan2maild#$(BINDIR)/scan2maild#' \
	    conf/scan2maild.service > $(DESTDIR)$(UNITDIR)/scan2maild.service
	install -d $(DESTDIR)$(DOCDIR)/scanbd
	install -m 0644 conf/scanbd/postroom.conf $(DESTDIR)$(DOCDIR)/scanbd/
	install -m 0755 conf/scanbd/postroom.script $(DESTDIR)$(DOCDIR)/scanbd/
	install -m 0644 conf/postroom.conf conf/logrotate.conf README.md $(wildcard docs/*.md) \
	    $(DESTDIR)$(DOCDIR)/
	test -e $(DESTDIR)$(SYSCONFDIR)/postroom/postroom.conf || \
	    install -m 0644 conf/postroom.conf $(DESTDIR)$(SYSCONFDIR)/postroom/postroom.conf

uninstall: ## remove what install put there; settings, secrets and journals stay
	rm -f $(DESTDIR)$(CUPS_SERVERBIN)/backend/mailto $(DESTDIR)$(BINDIR)/scan2mail \
	    $(DESTDIR)$(BINDIR)/postroom $(DESTDIR)$(MANDIR)/man8/postroom.8 \
	    $(DESTDIR)$(BINDIR)/scan2maild $(DESTDIR)$(MANDIR)/man8/scan2maild.8 \
	    $(DESTDIR)$(UNITDIR)/scan2maild.service \
	    $(DESTDIR)$(UNITDIR)/postroom-refresh.service \
	    $(DESTDIR)$(UNITDIR)/postroom-refresh.timer \
	    $(DESTDIR)$(MANDIR)/man1/scan2mail.1 $(DESTDIR)$(MANDIR)/man5/postroom.conf.5 \
	    $(DESTDIR)$(MANDIR)/man8/mailto.8 $(DESTDIR)$(PREFIX)/lib/sysusers.d/postroom.conf
	rm -rf $(DESTDIR)$(PPDDIR) $(DESTDIR)$(DOCDIR)

clean: ## remove build/
	rm -rf build

help: ## this list
	@sed -n 's/^\([a-z-]*\):[^#]*## \(.*\)/  make \1\t\2/p' Makefile | expand -t 24

.DEFAULT_GOAL = all
.PHONY: all units scanner check check-faults demo bench lint format format-check install uninstall clean help
.SECONDARY:

-include $(shell find $(BUILD) -type f -name '*.d' 2>/dev/null)
