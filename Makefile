# SPDX-License-Identifier: GPL-2.0-or-later
# One Makefile. Every .c below src/ but the three mains goes into one archive; each program links
# its main against it, so it carries only what it refers to.
#
#   make [V=1] [O=DIR] [SAN=1] [CC=clang] [prefix=DIR]   all tests check gate bench clean
#   make install uninstall [DESTDIR=DIR]           see Makefile.install
#
# Tests: tests/{unit,regress,engine}/test-*.c and tests/bench/bench-*.c are programs, tests/fuzz/fuzz-*.c
# are replayed over tests/fuzz/corpus/NAME/; any other .c of these directories and of
# tests/support/ is linked into those that refer to it.
VERSION  := 0.1.0
O        ?= build
prefix   ?= /usr/local
bindir   ?= $(prefix)/bin
libexecdir ?= $(prefix)/lib/carve
datadir  ?= $(prefix)/share
mandir   ?= $(datadir)/man
sysconfdir ?= /etc
unitdir  ?= $(prefix)/lib/systemd/system
sysusersdir ?= $(prefix)/lib/sysusers.d
tmpfilesdir ?= $(prefix)/lib/tmpfiles.d

# What needs no compiler needs no libraries either.
NOBUILD := clean uninstall install-data gate
ifneq ($(filter-out $(NOBUILD),$(or $(MAKECMDGOALS),all)),)
PKGS := libpci libudev libnl-3.0 libnl-route-3.0 libnl-genl-3.0 jansson libfyaml sqlite3 libsystemd libseccomp libcap libkmod
PKG_LIBS := $(shell pkg-config --libs $(PKGS))
ifeq ($(PKG_LIBS),)
$(error libraries are missing; scripts/deps build installs them)
endif
PKG_CFLAGS := $(shell pkg-config --cflags $(PKGS))
endif

# What is made is named; V=1 shows the commands.
say      = $(if $(V),,@echo "$(1)"; )
CFLAGS   ?= -O2 -g
WARN     := -Wall -Wextra -Wshadow -Wformat=2 -Wstrict-prototypes -Wmissing-prototypes -Wvla -Wundef \
            -Wwrite-strings -Wnull-dereference -Wswitch-enum -Wimplicit-fallthrough
HARDEN   := -fstack-protector-strong -fstack-clash-protection -fPIE -ffunction-sections -fdata-sections
ifeq ($(FUZZER),1)
HARDEN   += -fsanitize=fuzzer-no-link
endif
ifeq ($(SAN),1)
# Instrumented code confuses flow warnings; the plain builds show them.
WARN     :=
HARDEN   += -fsanitize=address,undefined -fno-sanitize-recover=all -fno-omit-frame-pointer
LDSAN    := -fsanitize=address,undefined
else
HARDEN   += -D_FORTIFY_SOURCE=2
endif
override CFLAGS += -std=gnu17 $(WARN) $(WERROR) $(HARDEN)
override CPPFLAGS += -D_GNU_SOURCE -iquote src $(PKG_CFLAGS) -DCARVE_VERSION='"$(VERSION)"' \
            -DCARVE_LIBEXECDIR='"$(libexecdir)"' -DCARVE_SYSCONFDIR='"$(sysconfdir)/carve"'
override LDFLAGS += -pie -Wl,-z,relro,-z,now -Wl,--gc-sections -Wl,--as-needed $(LDSAN)

MAINS  := src/cli/main.c src/daemon/main.c src/executor/main.c src/nvidia/main.c
# The simulated host is a program of its own; the services know nothing of it.
SIMSRC := $(filter-out sim/main.c sim/preload.c sim/nvml.c,$(wildcard sim/*.c))
SIMOBJ := $(SIMSRC:%.c=$(O)/%.o)
SIMLIB := $(O)/libsim.a
SIM_CPPFLAGS = -I. $(shell pkg-config --cflags fuse3) -DCARVE_SIM_HOSTDIR='"$(datadir)/carve/sim/hosts"'
SIM_LIBS = $(shell pkg-config --libs fuse3) -lpthread
# Loaded into all programs of a simulated host, built with a sanitizer or not; it defines functions
# that _FORTIFY_SOURCE would put others in the place of.
PRELOAD := $(O)/libcarve-sim.so
# Stands in for a vendor's library there.
SIM_NVML := $(O)/libcarve-sim-nvml.so
PRELOAD_CFLAGS = $(filter-out -fPIE -fsanitize% -fno-sanitize%,$(CFLAGS)) -U_FORTIFY_SOURCE -fPIC -fvisibility=hidden
LIBSRC := $(filter-out $(MAINS),$(wildcard src/*/*.c))
LIBOBJ := $(LIBSRC:%.c=$(O)/%.o)
LIB    := $(O)/libcarve.a
MAIN_cli := carve
MAIN_daemon := carved
MAIN_executor := carve-executor
MAIN_nvidia := carve-nvml
PROGS  := $(foreach main,$(wildcard $(MAINS)),$(O)/$(MAIN_$(notdir $(patsubst %/,%,$(dir $(main))))))

TESTDIRS := tests/unit tests/regress tests/engine tests/bench tests/fuzz tests/support
# Loaded by carve-nvml in the place of the vendor's library.
FAKE_NVML := $(addprefix $(O)/tests/support/fake-nvml,.so -old.so -empty.so)
TESTSRC := $(filter-out tests/support/fake-nvml.c,$(wildcard $(addsuffix /*.c,$(TESTDIRS))))
UNIT   := $(patsubst %.c,$(O)/%,$(wildcard tests/unit/test-*.c tests/regress/test-*.c))
ENGINE := $(patsubst %.c,$(O)/%,$(wildcard tests/engine/test-*.c))
BENCH  := $(patsubst %.c,$(O)/%,$(wildcard tests/bench/bench-*.c))
FUZZ   := $(patsubst %.c,$(O)/%,$(wildcard tests/fuzz/fuzz-*.c))
LAB    := $(patsubst %.c,$(O)/%,$(wildcard tests/lab/tools/*.c))
TESTPROGS := $(UNIT) $(ENGINE) $(BENCH) $(FUZZ)
TESTLIBOBJ := $(filter-out $(TESTPROGS:=.o),$(TESTSRC:%.c=$(O)/%.o))
TESTLIB := $(O)/libtests.a
# Allocations of our own objects can be made to fail, see tests/support/alloc-fail.h.
WRAPPED := malloc calloc realloc reallocarray strdup strndup asprintf vasprintf __asprintf_chk __vasprintf_chk \
           open_memstream
comma := ,
TESTLDFLAGS := $(addprefix -Wl$(comma)--wrap=,$(WRAPPED))

.PHONY: all tests lab-tools check gate bench fuzz clean tidy analyze headers FORCE
all: $(LIB) $(PROGS) $(O)/carve-sim $(PRELOAD) $(SIM_NVML)
tests: all $(UNIT) $(ENGINE) $(FUZZ) $(BENCH)

# Objects depend on how they are compiled: another prefix or compiler builds them again.
export FLAGS := $(CC) $(CPPFLAGS) $(CFLAGS) $(LDFLAGS)
$(O)/flags: FORCE
	@mkdir -p $(@D)
	@printf '%s\n' "$$FLAGS" | cmp -s - $@ || printf '%s\n' "$$FLAGS" >$@

$(O)/src/%.o: src/%.c $(O)/flags
	@mkdir -p $(@D)
	$(call say,  CC $<)$(CC) $(CPPFLAGS) $(CFLAGS) -MMD -MP -c -o $@ $<
$(O)/sim/%.o: sim/%.c $(O)/flags
	@mkdir -p $(@D)
	$(call say,  CC $<)$(CC) $(CPPFLAGS) $(SIM_CPPFLAGS) $(CFLAGS) -MMD -MP -c -o $@ $<
$(O)/tests/%.o: tests/%.c $(O)/flags
	@mkdir -p $(@D)
	$(call say,  CC $<)$(CC) $(CPPFLAGS) $(SIM_CPPFLAGS) -Itests $(CFLAGS) -MMD -MP -c -o $@ $<

# Carries the interface description as it is.
$(O)/src/api/interface.o: api/io.carve.varlink

# Mechanisms have files of the same name: append, never replace by name.
$(LIB): $(LIBOBJ)
$(TESTLIB): $(TESTLIBOBJ)
$(SIMLIB): $(SIMOBJ)
$(LIB) $(TESTLIB) $(SIMLIB):
	@rm -f $@
	$(call say,  AR $@)$(AR) qcs $@ $^

$(O)/carve: $(O)/src/cli/main.o $(LIB)
$(O)/carved: $(O)/src/daemon/main.o $(LIB)
$(O)/carve-executor: $(O)/src/executor/main.o $(LIB)
$(O)/carve-nvml: $(O)/src/nvidia/main.o $(LIB)
$(LAB): %: %.o $(LIB)
$(PROGS) $(LAB):
	$(call say,  LD $@)$(CC) $(CFLAGS) $(LDFLAGS) -o $@ $^ $(PKG_LIBS)
$(O)/carve-sim: $(O)/sim/main.o $(SIMLIB) $(LIB)
	$(call say,  LD $@)$(CC) $(CFLAGS) $(LDFLAGS) -o $@ $^ $(SIM_LIBS) $(PKG_LIBS)
$(PRELOAD): sim/preload.c $(O)/flags
$(SIM_NVML): sim/nvml.c $(O)/flags
$(PRELOAD) $(SIM_NVML):
	$(call say,  LD $@)$(CC) $(CPPFLAGS) -I. $(PRELOAD_CFLAGS) -MMD -MP -MF $@.d -shared -Wl,-z,relro,-z,now,-z,defs \
		-o $@ $< -ldl
$(O)/tests/support/fake-nvml-old.so: FAKE := -DFAKE_OLD
$(O)/tests/support/fake-nvml-empty.so: FAKE := -DFAKE_EMPTY
$(FAKE_NVML): tests/support/fake-nvml.c $(O)/flags
	@mkdir -p $(@D)
	$(call say,  LD $@)$(CC) -iquote src $(FAKE) $(filter-out -fvisibility=hidden,$(PRELOAD_CFLAGS)) -D_GNU_SOURCE \
		-MMD -MP -MF $@.d -shared -Wl,-z,relro,-z,now,-z,defs -o $@ $<
$(O)/tests/unit/test-nvml: | $(FAKE_NVML) $(O)/carve-nvml
# There are two machines: that of the engine's tests, and the simulated host. First come, first linked.
$(ENGINE) $(BENCH): %: %.o $(TESTLIB) $(SIMLIB) $(LIB)
$(UNIT) $(FUZZ): %: %.o $(SIMLIB) $(TESTLIB) $(LIB)
$(TESTPROGS):
	$(call say,  LD $@)$(CC) $(CFLAGS) $(LDFLAGS) $(TESTLDFLAGS) -o $@ -Wl,--start-group $^ -Wl,--end-group \
		-lcmocka $(SIM_LIBS) $(PKG_LIBS) -lm

# libFuzzer brings a main() of its own; see tests/fuzz/replay.c.
ifeq ($(FUZZER),1)
$(FUZZ): LDSAN += -fsanitize=fuzzer
endif
fuzz: $(FUZZ)

# For scripts/lab, which puts them into the guest.
lab-tools: $(LAB)

check: all $(UNIT) $(ENGINE) $(FUZZ)
	scripts/run-tests $(filter-out $(SKIP:%=$(O)/tests/unit/%),$(UNIT) $(ENGINE) $(FUZZ))
gate:
	scripts/gate
bench: all $(BENCH)
	BUILD=$(abspath $(O)) scripts/bench $(BENCH) $(wildcard tests/bench/bench-*.sh)
clean:
	rm -rf $(O)

# Steps of the gate, here for their dependencies. Each header must compile alone.
CLANG_TIDY ?= clang-tidy
HEADERS := $(wildcard src/*/*.h sim/*.h tests/support/*.h)
headers: $(HEADERS:%=$(O)/headers/%.ok)
$(O)/headers/%.ok: % $(O)/flags
	@mkdir -p $(@D)
	$(call say,  HEADER $<)printf '#include "%s"\n' $(<:src/%=%) | $(CC) $(CPPFLAGS) $(SIM_CPPFLAGS) -Itests $(CFLAGS) -MMD -MP -MT $@ -MF $@.d -fsyntax-only -x c -
	@touch $@
SHIPPED := $(LIBSRC) $(wildcard $(MAINS)) $(wildcard sim/*.c)
$(O)/analyze/sim/%.ok $(O)/tidy/sim/%.ok: override CPPFLAGS += $(SIM_CPPFLAGS)
# Not optimised: inlining hides from the analyzer what it looks for. Its leak check loses sight of
# what is kept in a grown array (gcc 12); leaks are found by running under ASan.
analyze: $(SHIPPED:%=$(O)/analyze/%.ok)
$(O)/analyze/%.ok: % $(O)/flags
	@mkdir -p $(@D)
	$(call say,  ANALYZE $<)$(CC) $(CPPFLAGS) -std=gnu17 $(WERROR) -fanalyzer -Wno-analyzer-malloc-leak \
		-MMD -MP -MT $@ -MF $@.d -S -o /dev/null $<
	@touch $@
# preload.c defines functions of the C library, whose parameters have other names there.
tidy: $(patsubst %,$(O)/tidy/%.ok,$(filter-out sim/preload.c sim/nvml.c,$(SHIPPED)))
$(O)/tidy/%.ok: % .clang-tidy $(O)/flags
	@mkdir -p $(@D)
	$(call say,  TIDY $<)$(CLANG_TIDY) --quiet $< -- $(CPPFLAGS) -std=gnu17
	@$(CC) $(CPPFLAGS) -MM -MP -MT $@ -MF $@.d $<
	@touch $@

include $(wildcard Makefile.install)
-include $(LIBOBJ:.o=.d) $(SIMOBJ:.o=.d) $(O)/sim/main.d $(PRELOAD).d $(SIM_NVML).d $(MAINS:%.c=$(O)/%.d) $(FAKE_NVML:=.d) \
         $(TESTSRC:%.c=$(O)/%.d) $(LAB:=.d) \
         $(HEADERS:%=$(O)/headers/%.ok.d) $(SHIPPED:%=$(O)/tidy/%.ok.d) $(SHIPPED:%=$(O)/analyze/%.ok.d)
