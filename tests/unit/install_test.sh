#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
#
# What make install puts where: all that the units start, the hypervisor, and what else is asked for by name.
# install_test.sh BUILD MAKE...
build=$1
shift
make=("$@")
. tests/unit/result.sh
"$@" --no-print-directory B="$build" DESTDIR="$dir" PREFIX=/opt/torc install > "$dir/said" 2>&1
result $? "make install" "$(tail -3 "$dir/said")"
for u in "$dir"/opt/torc/lib/systemd/system/*.service; do
	program=$(sed -n 's/^Exec[A-Za-z]*=\([^ ]*\).*/\1/p' "$u")
	[ -n "$program" ] && [ -x "$dir$program" ]
	result $? "${u##*/} has its program" "no $program"
done
for program in torc torc-more torc-unpack torc-seed; do
	[ -x "$dir/opt/torc/sbin/$program" ]
	result $? "$program is there" "no sbin/$program"
done
cmp -s "$build/torc" "$dir/boot/torc"
result $? "the hypervisor is where GRUB finds it" "no /boot/torc"
for f in share/man/man1/torc.1 share/man/man5/torc.cfg.5 share/bash-completion/completions/torc lib/sysusers.d/torc.conf \
	lib/modprobe.d/torc.conf lib/systemd/system/proc-xen.mount; do
	[ -s "$dir/opt/torc/$f" ]
	result $? "$f is there" "missing or empty"
done

# GRUB's menu: a kernel that can be the control domain's, packed as Linux's boot protocol has it; one that cannot; what is left of one that is gone
little() { for ((i = 0; i < 4; i++)); do printf "\\x$(printf %02x $(($1 >> 8 * i & 255)))"; done; } # a number as four bytes
put() { dd of="$dir/boot/vmlinuz-$1" bs=1 seek="$2" conv=notrunc status=none; }
elf=$(ls "$build"/guests/teaching-*.elf | head -1)
gzip -c "$elf" > "$dir/packed"
for version in 6.1.0-1-amd64 6.1.0-2-cloud; do
	head -c 1024 /dev/zero > "$dir/boot/vmlinuz-$version"
	cat "$dir/packed" >> "$dir/boot/vmlinuz-$version"
	printf '\x01' | put $version 497
	little 0 | put $version 584
	little "$(stat -c %s "$dir/packed")" | put $version 588
done
echo CONFIG_XEN_PV_DOM0=y > "$dir/boot/config-6.1.0-1-amd64"
touch "$dir/boot/initrd.img-6.1.0-1-amd64" "$dir/boot/torc-vmlinux-5.10.0-gone"
mkdir "$dir/grub"
printf 'make_system_path_relative_to_its_root() { echo /boot; }\nprepare_grub_to_access_device() { echo "search --set=root $1"; }\n' > "$dir/grub/grub-mkconfig_lib"
menu() {
	pkgdatadir=$dir/grub TORC_BOOT=$dir/boot TORC_UNPACK=$dir/opt/torc/sbin/torc-unpack GRUB_DEVICE=/dev/sda1 GRUB_DEVICE_BOOT=/dev/sda1 \
		GRUB_DEVICE_UUID=1234 GRUB_CMDLINE_TORC=dom0_mem=1G GRUB_CMDLINE_LINUX=quiet "$dir/etc/grub.d/20_linux_torc" 2> "$dir/said"
}
menu > "$dir/menu"
result $? "GRUB's entries are made" "$(cat "$dir/said")"
[ "$(grep -c ^menuentry "$dir/menu")" = 1 ] && grep -q "Linux 6.1.0-1-amd64'" "$dir/menu"
result $? "of the kernel that can be the control domain's, and of no other" "$(cat "$dir/menu")"
cmp -s "$elf" "$dir/boot/torc-vmlinux-6.1.0-1-amd64"
result $? "it is unpacked" "$(ls -l "$dir/boot")"
grep -q -- "' --id torc --class" "$dir/menu"
result $? "it can be GRUB's default by a name that stays" "$(cat "$dir/menu")"
grep -q 'multiboot2 /boot/torc dom0_mem=1G$' "$dir/menu" && grep -q 'torc-vmlinux-6.1.0-1-amd64 root=UUID=1234 ro quiet' "$dir/menu" &&
	grep -q 'module2 --nounzip /boot/initrd.img-6.1.0-1-amd64$' "$dir/menu"
result $? "it is booted by Torc, with its words and its initramfs" "$(cat "$dir/menu")"
[ ! -e "$dir/boot/torc-vmlinux-5.10.0-gone" ] && [ -z "$(find "$dir/boot" -name '*.packed' -o -name '*.new')" ]
result $? "nothing is left of what is gone, or in between" "$(ls "$dir/boot")"
if command -v grub-script-check > /dev/null; then
	grub-script-check "$dir/menu"
	result $? "GRUB understands it" "$(cat "$dir/menu")"
fi
# a package's update: another kernel of the same name, built before the one that is there was unpacked
echo stale > "$dir/boot/torc-vmlinux-6.1.0-1-amd64"
touch -d yesterday "$dir/boot/vmlinuz-6.1.0-1-amd64"
menu > "$dir/menu"
cmp -s "$elf" "$dir/boot/torc-vmlinux-6.1.0-1-amd64"
result $? "a kernel that was updated is unpacked anew, whatever its date" "$(ls -l --time-style=full-iso "$dir/boot")"
inode=$(stat -c %i "$dir/boot/torc-vmlinux-6.1.0-1-amd64")
menu > "$dir/menu"
[ "$(stat -c %i "$dir/boot/torc-vmlinux-6.1.0-1-amd64")" = "$inode" ]
result $? "and one that was not, is not" "$(ls -l --time-style=full-iso "$dir/boot")"
printf 'xxxxxxxx' | put 6.1.0-1-amd64 1100
menu > "$dir/menu"
[ $? = 0 ] && ! grep -q ^menuentry "$dir/menu" && grep -q 'cannot be unpacked: no entry' "$dir/said"
result $? "a damaged one has none, and the others would" "$(cat "$dir/said" "$dir/menu")"

touch "$dir/boot/torc-vmlinux-6.1.0-1-amd64" "$dir/opt/torc/sbin/another"
"$@" --no-print-directory B="$build" DESTDIR="$dir" PREFIX=/opt/torc uninstall > "$dir/said" 2>&1
result $? "make uninstall" "$(tail -3 "$dir/said")"
said=$(cd "$dir" && find boot etc opt -name '*torc*' ! -path opt/torc; cd "$dir" && find opt/torc -type f)
[ "$said" = opt/torc/sbin/another ]
result $? "takes all of it away, and nothing else" "$said"

# a goal that wants more packages than one before it
goal() { "${make[@]}" --no-print-directory -s B="$dir/b" DEPS="$*" print-run 2>&1 > /dev/null; }
said=$(goal bash)
[ -z "$said" ] && [ -s "$dir/b/deps.ok" ] && said=$(goal bash no-such-package) && [[ $said == *"missing Debian packages: no-such-package"* ]]
result $? "a package that only one goal wants is missed" "$said"
said=$(goal bash)
[ -z "$said" ]
result $? "and by no other goal" "$said"
echo "1..$n"
exit $failed
