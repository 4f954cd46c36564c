# SPDX-License-Identifier: BSD-2-Clause
#
# Checks that read the sources: form, layers, headers, and what static analysis finds.

LINT := tests/lint
CHECKS += check-style check-format check-layers check-headers check-harness check-lint check-tidy
.PHONY: check-style check-format check-layers check-headers check-harness check-lint check-tidy check-width

check-style:
	@$(PYTHON) -B $(LINT)/style

# .clang-format decides; "make format" does it.
check-format:
	@$(LINT)/sources.py '*.c' '*.h' | xargs -P $(JOBS) -n 16 clang-format --dry-run --Werror && echo "ok format: as clang-format would have it"

check-width:
	@$(PYTHON) -B $(LINT)/style --width

check-layers:
	@$(PYTHON) -B $(LINT)/layers

HEADER_FLAGS := -I. -std=gnu11 -D_GNU_SOURCE -D__XEN_TOOLS__
check-headers: $(filter $(B)/obj/hv/asm-offsets.h,$(ALL))
	@$(PYTHON) -B $(LINT)/headers 'hypervisor/include/=$(filter-out -Werror,$(HV_CFLAGS))' 'hypervisor/=-' \
		'pvguest-kernel-patches/=-' 'tests/guest/=-' 'tests/unit/fake_=$(HEADER_FLAGS) -Ihypervisor/include' $(foreach d,dom0-tools xenbus drivers migration tests,'$(d)/=$(HEADER_FLAGS)')

# The harness counts what the project believes, so it is counted itself.
check-harness:
	@$(PYTHON) -B $(LINT)/harness_test

# cppcheck over everything that is built for the host; one analysis per file, as many at once as
# there are CPUs, kept between runs.
check-lint:
	@mkdir -p $(B)/cppcheck
	@cppcheck --quiet --std=c11 --platform=unix64 -j $(JOBS) --cppcheck-build-dir=$(B)/cppcheck \
		--enable=warning,portability --inline-suppr --error-exitcode=1 -I. \
		--suppressions-list=$(LINT)/cppcheck-suppressions $(CPPCHECK_FLAGS) \
		$$($(LINT)/sources.py 'dom0-tools/*.c' 'xenbus/*.c' 'drivers/*.c' 'migration/*.c' 'tests/rig/*.c' 'tests/bench/*.c' 'hypervisor/*.c') \
		&& echo "ok lint: cppcheck finds nothing"

DEPS += clang-tidy # what a reviewer should not have to look for

# clang-tidy over the same, by .clang-tidy: a file takes a fraction of a second.
TIDY = xargs -P $(JOBS) -n 8 sh -c 'clang-tidy --quiet "$$@" -- $(1) 2> /dev/null' sh
TIDY_HV := $(filter-out -W% -m% -f%,$(HV_CFLAGS)) -ffreestanding -mno-sse
check-tidy:
	@$(LINT)/sources.py 'dom0-tools/*.c' 'xenbus/*.c' 'drivers/*.c' 'migration/*.c' 'tests/rig/*.c' 'tests/bench/*.c' | \
		$(call TIDY,$(HEADER_FLAGS))
	@$(LINT)/sources.py 'hypervisor/*.c' | $(call TIDY,$(TIDY_HV))
	@echo "ok lint: clang-tidy finds nothing"
