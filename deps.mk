# SPDX-License-Identifier: BSD-2-Clause
#
# Debian 12 packages that building and testing needs, one a line with what it is for. "make deps"
# installs those that are missing. Each folder adds what it needs.

# the build
DEPS += gcc # the compiler
DEPS += make # this
DEPS += libc6-dev # the host's headers
DEPS += pkg-config # where libraries are
DEPS += python3 # the test harness and the QEMU runner
DEPS += libxen-dev # the ABI: <xen/...>, and the stable libxen* driver libraries

# checking
DEPS += libcmocka-dev # unit tests
DEPS += clang # fuzz targets (libFuzzer)
DEPS += libclang-rt-dev # its sanitizers and libFuzzer
DEPS += llvm # symbolized sanitizer reports
DEPS += clang-format # make check-style
DEPS += clang-tidy # make check-lint
DEPS += cppcheck # make check-lint
DEPS += python3-pytest # system tests
DEPS += python3-pexpect # system tests that type

# booting
DEPS += qemu-system-x86 # the machine
DEPS += grub-common # grub-mkrescue
DEPS += grub-pc-bin # GRUB's BIOS images
DEPS += xorriso # ISO images
DEPS += mtools # grub-mkrescue's EFI part
DEPS += cpio # initramfs
DEPS += kmod # depmod, for the modules in the images
DEPS += xz-utils # Debian's kernel payload
DEPS += binutils # objdump, addr2line
DEPS += file # what a binary is
DEPS += gcc-multilib # the 32-bit guests
