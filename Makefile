# SPDX-License-Identifier: BSD-2-Clause
#
# The one Makefile. It holds what every folder shares and includes their rules.mk, which append to
#
#   ALL       files that "make" builds
#   CHECKS    phony targets, one per quick check (seconds each); "make check"
#   TESTS     phony targets that "make test" runs after the checks: whole systems in QEMU
#   FUZZERS   names NAME: the folder says NAME_FUZZ_OBJS (objects under build/obj/fuzz/) and, if
#             needed, NAME_FUZZ_LIBS; the binary is build/fuzz/NAME, its corpus
#             tests/fuzz/corpus/NAME/. "make check" runs each for some seconds
#   SOAKS     phony targets that run for hours; "make soak"
#   BENCHES   phony targets that print a table; "make bench"
#   BUILT     what checks run, besides ALL, unit tests and fuzz targets: built at once, before them
#   INSTALLS  phony targets of "make install", which heed DESTDIR and PREFIX
#
# Object patterns: build/obj/host/%.o (tools), build/obj/san/%.o (the same under ASan and UBSan,
# for unit tests), build/obj/tsan/%.o, build/obj/fuzz/%.o. A folder's own flags are
# target-specific variables:  $(B)/obj/%/xenbus/store/wire.o: HOST_CFLAGS += -DX  (or the like).

.DEFAULT_GOAL := all
.DELETE_ON_ERROR:
.SUFFIXES:
MAKEFLAGS += --no-builtin-rules
SHELL := /bin/bash

B	:= build
PREFIX	?= /usr/local
HOST_CC	?= gcc
CLANG	?= clang
# Debian's own, which is where the packages of deps.mk land
PYTHON	?= /usr/bin/python3
JOBS	?= $(shell nproc)

WARNINGS := -Wall -Wextra -Werror -Wstrict-prototypes -Wmissing-prototypes -Wpointer-arith -Wvla
HOST_CFLAGS := -O2 -g -std=gnu11 $(WARNINGS) -D_GNU_SOURCE -I.
SAN_FLAGS := -fsanitize=address,undefined -fno-sanitize-recover=all -fno-omit-frame-pointer
TSAN_FLAGS := -fsanitize=thread -fno-omit-frame-pointer
FUZZ_FLAGS := -fsanitize=fuzzer-no-link,address,undefined -fno-sanitize-recover=all \
	      -fno-omit-frame-pointer -Wno-unknown-warning-option
FUZZ_SECONDS ?= 2

# "make V=1" shows the commands
ifeq ($(V),1)
Q :=
say = @:
else
Q := @
say = @printf '  %-7s %s\n' $(1) $(2)
endif

ALL :=
CHECKS :=
TESTS :=
FUZZERS :=
SOAKS :=
BENCHES :=
INSTALLS :=
BUILT :=
DEPS :=

include deps.mk

FRAGMENTS := $(wildcard $(addsuffix /rules.mk, \
	hypervisor dom0-tools dom0-tools/image xenbus drivers/* drivers/backend/* \
	pvguest-kernel-patches migration tests tests/*) tests/unit/*.mk tests/fuzz/*.mk)
include $(FRAGMENTS)

# Packages first: goals that promise to set the machine up install what is missing, others name it.
# The stamp is an included file, so that make starts over with the packages there. It lists them: some goals want more.
DEPS_INSTALL := $(if $(filter deps run run-pair test bench soak,$(MAKECMDGOALS)),--install)
ifneq ($(filter-out clean help,$(or $(MAKECMDGOALS),all)),)
-include $(B)/deps.ok
endif
.PHONY: deps-again
$(B)/deps.ok: deps.mk $(FRAGMENTS) tests/deps $(if $(filter-out $(file < $(B)/deps.ok),$(DEPS)),deps-again)
	@mkdir -p $(B)
	@tests/deps $(DEPS_INSTALL) $@ $(strip $(DEPS))

# --- compiling

$(B)/obj/host/%.o: %.c
	@mkdir -p $(@D)
	$(call say,CC,$<)
	$(Q)$(HOST_CC) $(HOST_CFLAGS) -MMD -MP -c -o $@ $<

$(B)/obj/san/%.o: %.c
	@mkdir -p $(@D)
	$(call say,CC-SAN,$<)
	$(Q)$(HOST_CC) $(HOST_CFLAGS) $(SAN_FLAGS) -MMD -MP -c -o $@ $<

$(B)/obj/tsan/%.o: %.c
	@mkdir -p $(@D)
	$(call say,CC-TSAN,$<)
	$(Q)$(HOST_CC) $(HOST_CFLAGS) $(TSAN_FLAGS) -MMD -MP -c -o $@ $<

$(B)/obj/fuzz/%.o: %.c
	@mkdir -p $(@D)
	$(call say,CC-FUZZ,$<)
	$(Q)$(CLANG) $(HOST_CFLAGS) $(FUZZ_FLAGS) -MMD -MP -c -o $@ $<

-include $(shell [ -d $(B)/obj ] && find $(B)/obj -name '*.d')

# --- fuzz targets

define fuzz_rules
$(B)/fuzz/$(1): $$($(1)_FUZZ_OBJS)
	@mkdir -p $$(@D)
	$$(call say,LD-FUZZ,$$@)
	$$(Q)$$(CLANG) $(FUZZ_FLAGS) -fsanitize=fuzzer -o $$@ $$($(1)_FUZZ_OBJS) $$($(1)_FUZZ_LIBS)

.PHONY: fuzz-$(1)
fuzz-$(1): $(B)/fuzz/$(1)
	@mkdir -p $(B)/fuzz/found-$(1) $(B)/fuzz/crash-$(1)
	@d=tests/fuzz/corpus/$(1); [ -d $$$$d ] || d=; \
	$(B)/fuzz/$(1) -max_total_time=$(FUZZ_SECONDS) -timeout=10 -rss_limit_mb=1024 -print_final_stats=1 \
		-verbosity=0 -artifact_prefix=$(B)/fuzz/crash-$(1)/ $(B)/fuzz/found-$(1) $$$$d && \
	echo "ok fuzz-$(1)"
endef
$(foreach f,$(FUZZERS),$(eval $(call fuzz_rules,$(f))))

# One goal for all, so that they run side by side.
.PHONY: fuzz-all
fuzz-all: $(addprefix fuzz-,$(FUZZERS))
CHECKS += fuzz-all@300

# --- goals

.PHONY: all iso run run-pair check test bench soak fuzz install uninstall deps clean help format

all: $(ALL)

run: $(RUN_DEPS)
	$(or $(RUN_COMMAND),@echo "make run: tests/rig/rules.mk is missing from this tree" >&2; exit 1)

# The harness runs each target by itself, keeps its output in build/logs/ and counts.
RUNNER = +@$(PYTHON) tests/run --make "$(MAKE)" $(if $(MAKEOVERRIDES),--set $(MAKEOVERRIDES)) --jobs $(JOBS) --logs $(B)/logs

# All processors compile, where a check by itself has a file or two to compile.
.PHONY: built
built: all $(BUILT) $(patsubst tests/unit/%.c,$(B)/tests/%,$(wildcard tests/unit/*_test.c)) $(addprefix $(B)/fuzz/,$(FUZZERS))

# A folder that does not build is one failure; the others' checks run all the same.
check:
	$(RUNNER) --timeout 110 built@1800 $(CHECKS)

test:
	$(RUNNER) --timeout 240 built@1800 $(CHECKS) $(addsuffix @3600,$(TESTS))

bench: all
	@+for b in $(BENCHES); do $(MAKE) --no-print-directory $$b || exit 1; done

soak:
	$(RUNNER) --timeout 90000 all $(SOAKS)

fuzz: FUZZ_SECONDS := 60
fuzz: fuzz-all

install: all $(INSTALLS)

# What install would put there, and the kernels that the script for GRUB unpacked; what was kept of guests stays.
uninstall: all
	@d=$$(mktemp -d) && trap 'rm -rf "$$d"' EXIT && $(MAKE) --no-print-directory install DESTDIR="$$d" > /dev/null && \
	(cd "$$d" && find . -type f) | while read -r f; do rm -f "$(DESTDIR)/$$f"; done
	rm -f $(DESTDIR)/boot/torc-vmlinux-*
	-@cd $(DESTDIR)$(PREFIX)/share 2> /dev/null && rmdir torc/schemas torc

deps:
	@tests/deps --install $(B)/deps.ok $(strip $(DEPS))

clean:
	rm -rf $(B)

help:
	@printf '%s\n' \
	'make          build everything into build/' \
	'make run      install what is missing, build, boot Torc in QEMU to a dom0 shell with a guest running' \
	'make run-pair two such hosts in two QEMUs, and a guest at work that moves to the other and back' \
	'make test     install what is missing, build, run every test; the last line is the verdict' \
	'make check    the quick tests only, under two minutes' \
	'make iso      build/torc.iso, which GRUB boots' \
	'make bench    instruction counts beside stock Xen, from the same run' \
	'make fuzz     every fuzz target for a minute (FUZZ_SECONDS=60)' \
	'make soak     what runs for hours' \
	'make format   clang-format over the C files (FILES=...)' \
	'make install  into DESTDIR and PREFIX (/usr/local); make uninstall takes it away again' \
	'make deps     install the Debian packages that are missing' \
	'make clean    remove build/' \
	'Quick checks: $(CHECKS)' \
	'Whole-system tests: $(TESTS)' | fold -s -w 100

FILES ?= $(shell git ls-files '*.c' '*.h')
format:
	clang-format -i $(FILES)
