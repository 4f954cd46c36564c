# SPDX-License-Identifier: BSD-2-Clause
#
# Unit tests and fuzz targets of the tools. Test binaries are built under ASan and UBSan.

comma := ,
TOOLS_TEST_OBJS = $(patsubst %,$(B)/obj/san/%.o,$(1))

define tools_test
$(B)/tests/$(1)_test: $(call TOOLS_TEST_OBJS,tests/unit/$(1)_test $(2))
	@mkdir -p $$(@D)
	$$(call say,LD-SAN,$$@)
	$$(Q)$$(HOST_CC) $(SAN_FLAGS) -o $$@ $$^ -lcmocka $(3)

.PHONY: unit-$(1)
unit-$(1): $(B)/tests/$(1)_test
	@TORC_CACHE_DIR=/dev/null/cache $(B)/tests/$(1)_test
CHECKS += unit-$(1)
endef
$(eval $(call tools_test,config,$(TOOLS_COMMON) $(TOOLS_CONFIG),))
$(eval $(call tools_test,image,$(TOOLS_COMMON) $(TOOLS_IMAGE),$(TOOLS_UNPACK_LIBS) -Wl$(comma)--wrap=fstat))
$(eval $(call tools_test,scan,$(TOOLS_COMMON) $(TOOLS_IMAGE) $(TOOLS_SCAN),$(TOOLS_UNPACK_LIBS) -lcapstone))
$(eval $(call tools_test,builder,$(TOOLS_COMMON) $(TOOLS_BUILDER) tests/unit/fake_host,$(TOOLS_UNPACK_LIBS)))
$(eval $(call tools_test,dump,$(TOOLS_COMMON) $(TOOLS_DUMP) tests/unit/fake_host,))

GDB_TESTED := $(addprefix dom0-tools/gdb/,packet stub query) $(TOOLS_GDB) $(TOOLS_COMMON) tests/unit/fake_debug
$(eval $(call tools_test,gdb,$(GDB_TESTED),-Wl$(comma)--wrap=flock))
$(eval $(call tools_test,host_frames,dom0-tools/host/frames dom0-tools/common/why,))
$(eval $(call tools_test,gdb_serve,$(GDB_TESTED) dom0-tools/gdb/serve,))
$(eval $(call tools_test,log,dom0-tools/common/log,))
$(eval $(call tools_test,ready,dom0-tools/common/ready,))
$(eval $(call tools_test,part,dom0-tools/common/part dom0-tools/common/paths,-Wl$(comma)--wrap=fsync))
$(eval $(call tools_test,cache,dom0-tools/builder/cache dom0-tools/common/paths,-Wl$(comma)--wrap=fdatasync$(comma)--wrap=renameat))
$(eval $(call tools_test,view,$(addprefix dom0-tools/,$(addprefix cli/,console terminal) $(addprefix common/,paths why)) tests/unit/fake_cli,-lutil))
$(eval $(call tools_test,terminal,dom0-tools/cli/terminal,-lutil))
$(eval $(call tools_test,claim,$(addprefix dom0-tools/cli/,claim name nodes) $(TOOLS_CONFIG) dom0-tools/common/why tests/unit/fake_store_path,))
$(eval $(call tools_test,attach,dom0-tools/cli/attach dom0-tools/common/why $(TOOLS_CONFIG) tests/unit/fake_store_path,))
$(eval $(call tools_test,save,$(addprefix dom0-tools/,$(addprefix cli/,save saving mark suspend interrupt out) $(addprefix common/,part paths why)) $(TOOLS_CONFIG) $(addprefix tests/unit/,fake_store_path fake_cli),-ljson-c))
$(eval $(call tools_test,dump_core,$(addprefix dom0-tools/,$(addprefix cli/,dump_core interrupt mark out) $(addprefix common/,part paths why)) $(TOOLS_CONFIG) tests/unit/fake_cli,-ljson-c))
$(eval $(call tools_test,why,$(addprefix dom0-tools/cli/,why backend out) $(addprefix dom0-tools/common/,why paths) tests/unit/fake_store_path,-ljson-c))
$(eval $(call tools_test,creating,$(addprefix dom0-tools/,cli/creating cli/mark migrated/sandbox $(addprefix common/,paths why)) $(TOOLS_CONFIG),-lseccomp -Wl$(comma)--wrap=flock))
$(eval $(call tools_test,supervise,$(addprefix dom0-tools/,$(addprefix cli/,supervise supervisor record out) $(addprefix common/,paths ready why)) $(TOOLS_CONFIG),-ljson-c -Wl$(comma)--wrap=rename))
$(eval $(call tools_test,starter,$(addprefix dom0-tools/,cli/supervisor migrated/starter migrated/sandbox $(addprefix common/,paths ready why)),-lseccomp))
$(eval $(call tools_test,check,$(addprefix dom0-tools/,$(addprefix cli/,check supervisor) $(addprefix common/,paths ready why)),-ljson-c))
$(eval $(call tools_test,burst,dom0-tools/cli/burst xenbus/client/errors,))
$(eval $(call tools_test,consoled,$(addprefix dom0-tools/consoled/,console viewer ring logfile) tests/unit/fake_store_path,-lev -lutil))
$(eval $(call tools_test,door,dom0-tools/consoled/door $(addprefix dom0-tools/common/,drop sandbox log),-lseccomp -Wl$(comma)--wrap=connect))

FUZZERS += config elf ring scan gdb
gdb_FUZZ_OBJS := $(patsubst %,$(B)/obj/fuzz/%.o,tests/fuzz/gdb_fuzz $(GDB_TESTED))
scan_FUZZ_OBJS := $(patsubst %,$(B)/obj/fuzz/%.o,tests/fuzz/scan_fuzz $(TOOLS_COMMON) $(TOOLS_IMAGE) $(TOOLS_SCAN))
scan_FUZZ_LIBS := $(TOOLS_UNPACK_LIBS) -lcapstone
config_FUZZ_OBJS := $(patsubst %,$(B)/obj/fuzz/%.o,tests/fuzz/config_fuzz $(TOOLS_COMMON) $(TOOLS_CONFIG))
elf_FUZZ_OBJS := $(patsubst %,$(B)/obj/fuzz/%.o,tests/fuzz/elf_fuzz $(TOOLS_COMMON) $(TOOLS_IMAGE) \
	dom0-tools/builder/layout)
elf_FUZZ_LIBS := $(TOOLS_UNPACK_LIBS)
ring_FUZZ_OBJS := $(patsubst %,$(B)/obj/fuzz/%.o,tests/fuzz/ring_fuzz dom0-tools/consoled/ring)

.PHONY: unit-cli
unit-cli: $(B)/bin/torc $(B)/bin/torc-more $(B)/bin/torc-unpack $(B)/bin/torc-seed $(B)/man/torc.1 $(B)/man/torc.cfg.5 $(B)/completions/torc
	@tests/unit/cli_test.sh $(B)
CHECKS += unit-cli

.PHONY: unit-install
unit-install: all
	+@tests/unit/install_test.sh $(B) $(MAKE)
CHECKS += unit-install

DEPS += systemd # reads the units
.PHONY: unit-units
unit-units: $(B)/tests/door_test
	@tests/unit/units_test.sh $(B)/tests/door_test
CHECKS += unit-units
