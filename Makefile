# SPDX-License-Identifier: GPL-2.0-or-later
# One Makefile. Every .c below src/ but the three mains goes into one archive;
# each program links its main against it, so it carries only what it refers to.
#   make [O=DIR] [SAN=1] [CC=clang]      all check gate bench install uninstall clean
VERSION  := 0.1.0
O        ?= build
prefix   ?= /usr/local
bindir   ?= $(prefix)/bin
libexecdir ?= $(prefix)/lib/carve
mandir   ?= $(prefix)/share/man
sysconfdir ?= /etc
unitdir  ?= $(prefix)/lib/systemd/system
sysusersdir ?= $(prefix)/lib/sysusers.d
tmpfilesdir ?= $(prefix)/lib/tmpfiles.d
datadir  ?= $(prefix)/share

PKGS := libpci libudev libnl-3.0 libnl-route-3.0 libnl-genl-3.0 jansson libfyaml sqlite3 libsystemd libseccomp libcap libkmod
PKG_CFLAGS := $(shell pkg-config --cflags $(PKGS))
PKG_LIBS   := $(shell pkg-config --libs $(PKGS))

CFLAGS   ?= -O2 -g
WARN     := -Wall -Wextra -Wshadow -Wformat=2 -Wstrict-prototypes -Wmissing-prototypes -Wvla -Wundef \
            -Wwrite-strings -Wnull-dereference -Wswitch-enum -Wimplicit-fallthrough
HARDEN   := -fstack-protector-strong -fPIE -ffunction-sections -fdata-sections
ifeq ($(SAN),1)
HARDEN   += -fsanitize=address,undefined -fno-omit-frame-pointer
LDSAN    := -fsanitize=address,undefined
else
HARDEN   += -D_FORTIFY_SOURCE=2
endif
override CFLAGS += -std=gnu17 $(WARN) $(WERROR) $(HARDEN)
override CPPFLAGS += -D_GNU_SOURCE -Isrc $(PKG_CFLAGS) -DCARVE_VERSION='"$(VERSION)"' \
            -DCARVE_LIBEXECDIR='"$(libexecdir)"' -DCARVE_SYSCONFDIR='"$(sysconfdir)/carve"'
override LDFLAGS += -pie -Wl,-z,relro,-z,now -Wl,--gc-sections -Wl,--as-needed $(LDSAN)

MAINS := src/cli/main.c src/daemon/main.c src/executor/main.c
LIBSRC := $(filter-out $(MAINS),$(wildcard src/*/*.c))
LIBOBJ := $(LIBSRC:%.c=$(O)/%.o)
LIB    := $(O)/libcarve.a
PROGS  := $(patsubst src/cli/main.c,$(O)/carve,$(patsubst src/daemon/main.c,$(O)/carved,$(patsubst src/executor/main.c,$(O)/carve-executor,$(wildcard $(MAINS)))))
UNIT   := $(patsubst tests/unit/%.c,$(O)/tests/unit/%,$(wildcard tests/unit/test-*.c))
ENGINE := $(patsubst tests/engine/%.c,$(O)/tests/engine/%,$(wildcard tests/engine/test-*.c))
BENCH  := $(patsubst tests/bench/%.c,$(O)/tests/bench/%,$(wildcard tests/bench/bench-*.c))

.PHONY: all check gate bench install uninstall clean tests
all: $(PROGS)
tests: $(UNIT) $(ENGINE)

$(O)/%.o: %.c
	@mkdir -p $(@D)
	$(CC) $(CPPFLAGS) $(CFLAGS) -MMD -MP -c -o $@ $<
$(LIB): $(LIBOBJ)
	@rm -f $@
	$(AR) rcs $@ $^
$(O)/carve: $(O)/src/cli/main.o $(LIB)
$(O)/carved: $(O)/src/daemon/main.o $(LIB)
$(O)/carve-executor: $(O)/src/executor/main.o $(LIB)
$(PROGS):
	$(CC) $(CFLAGS) $(LDFLAGS) -o $@ $^ $(PKG_LIBS)
$(O)/tests/%: tests/%.c $(LIB)
	@mkdir -p $(@D)
	$(CC) $(CPPFLAGS) $(CFLAGS) -Itests -MMD -MP -MF $@.d $(LDFLAGS) -o $@ $< $(LIB) -lcmocka $(PKG_LIBS)

check: all tests
	scripts/run-tests $(UNIT) $(ENGINE)
gate:
	scripts/gate
bench: all $(BENCH)
	scripts/bench $(BENCH)
clean:
	rm -rf $(O)

include $(wildcard Makefile.install)
-include $(LIBOBJ:.o=.d) $(MAINS:%.c=$(O)/%.d) $(UNIT:=.d) $(ENGINE:=.d) $(BENCH:=.d)
