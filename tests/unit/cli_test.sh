#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
#
# cli_test.sh BUILD: what torc does without a hypervisor: usage, exit statuses, dry runs, help, and
# what is generated from its tables. One ok or not ok line each.
B=$1 T=$1/bin/torc
. tests/unit/result.sh
export TORC_CACHE_DIR=$dir/cache TORC_STATE_DIR=$dir/state TORC_RUN_DIR=$dir/run
# says NAME STATUS PATTERN COMMAND...: it ends with STATUS and says PATTERN
says() {
	local name=$1 status=$2 pattern=$3 out rc
	shift 3
	out=$("$@" 2>&1 < /dev/null)
	rc=$?
	[ $rc = "$status" ] && grep -q -- "$pattern" <<< "$out"
	result $? "$name" "exit $rc: $out"
}
fits_schema() { python3 tests/system/schema.py "$1" "$2"; } # FILE SCHEMA
GRUB=/usr/lib/grub-xen/grub-x86_64-xen.bin
cat > "$dir/ok.cfg" <<C
name = "ok"
kernel = "$GRUB"
memory = 64
disk = [ 'vdev=xvda,target=/srv/a.img' ]
C
says "no command" 2 "torc COMMAND" "$T"
says "an unknown command" 2 'did you mean "torc list"' "$T" lsit
says "a command's beginning" 2 'did you mean "torc list"' "$T" li
says "one of several" 2 'did you mean "torc block-list", "torc block-attach", "torc block-detach"' "$T" block
says "another tool's word" 2 'did you mean "torc create"' "$T" start
said=$(sed -n '/^} others\[\]/,/^};/s/.*, "\([a-z-]*\).*/\1/p' dom0-tools/cli/help.c | sort -u | while read -r c; do "$T" "$c" -h > /dev/null 2>&1 || echo "$c"; done)
[ -z "$said" ]
result $? "for other tools' words there are commands" "$said"
says "a name that is none" 4 "no dot or dash in front" "$T" rename web "$(printf 'a\rb')"
says "bytes that are no text, as JSON" 5 '"text":"config file /nowhere/?.cfg: No such' "$T" --json create "$(printf '/nowhere/\377.cfg')"
mkdir "$dir/shut"
sock=$dir/shut/socket
python3 -c 'import socket, sys; socket.socket(socket.AF_UNIX).bind(sys.argv[1])' "$sock"
says "a store that nobody serves" 1 "start torc-stored" env XENSTORED_PATH="$sock" "$T" store ls
if [ "$(id -u)" = 0 ] && command -v setpriv > /dev/null; then
	chmod 711 "$dir"; chmod 700 "$sock"
	cp "$T" "$dir/torc-of-all"
	says "a store that is root's alone" 8 "run it as root" setpriv --reuid=65534 --regid=65534 --clear-groups env XENSTORED_PATH="$sock" "$dir/torc-of-all" store ls
fi
esc="$dir/$(printf '\033[2J').cfg"
printf 'name="x"\nkernel="/nowhere"\nxyzzy=1\n' > "$esc"
said=$("$T" create -n "$esc" 2>&1)
grep -q 'xyzzy: no key' <<< "$said" && ! grep -q "$(printf '\033')" <<< "$said"
result $? "a remark does not move the cursor" "$(cat -v <<< "$said")"
says "gdb without a domain" 2 "which domain" "$T" gdb
says "gdb in two ways at once" 2 "exclude each other" "$T" gdb --stdio --listen :1234 5
says "create without a file" 2 "which config file" "$T" create
says "a missing config file" 5 "$dir/none.cfg" "$T" create "$dir/none.cfg"
says "an override that is none" 2 "is not KEY=VALUE" "$T" create "$dir/ok.cfg" memory
echo 'name = "x' > "$dir/bad.cfg"
says "a syntax error" 4 "bad.cfg:1:8" "$T" create "$dir/bad.cfg"
printf 'name="x"\nkernel="/k"\nmemroy=1\n' > "$dir/bad.cfg"
says "an unknown key" 4 'did you mean "memory"' "$T" create "$dir/bad.cfg"
printf 'name="x"\nkernel="/k"\nmemory=0\n' > "$dir/bad.cfg"
says "a value out of range" 4 "bad.cfg:3:8: memory: 0 is out of range" "$T" create "$dir/bad.cfg"
printf 'name="x"\nkernel="/k"\n\0\0\0\nmemory=64\n' > "$dir/bad.cfg"
says "a file that a crash has zeroed in part" 4 "bad.cfg: byte 22 is a NUL" "$T" create -n "$dir/bad.cfg"
says "a long option without its value" 2 "without its value: --seed" "$T" create --seed
says "a value that is none, by its option" 2 '"9" is no value for --lanes' "$T" migrate --lanes 9 web other
says "a port that is none" 2 '"99999" is no port' "$T" host --port 99999 list
printf 'name="x"\nkernel="/nowhere"\n' > "$dir/bad.cfg"
says "a missing kernel" 5 "/nowhere" "$T" create "$dir/bad.cfg"
printf 'name="x"\nkernel="/bin/sh"\n' > "$dir/bad.cfg"
says "no PV kernel" 5 "no PV kernel" "$T" create "$dir/bad.cfg"
says "an unknown command as JSON" 2 '"code":"usage"' "$T" --json lsit
says "an unknown option as JSON" 2 '"code":"usage"' "$T" --json --frobnicate
full() { "$T" "$@" > /dev/full; }
says "an output that nobody takes" 5 "its output cannot be written: No space left on device \[file\]" full help
"$T" help | true
result "${PIPESTATUS[0]}" "a reader that has read enough is no failure" "${PIPESTATUS[0]}"
says "a device of more words than can be" 2 "a device of more than" "$T" block-attach x "vdev=xvdb,target=/$(printf 'a%.0s' {1..5000})"
# a daemon that was killed leaves its directory, not its lock
daemon_seen() { "$T" check | grep '^network cards'; }
mkdir -p "$dir/run/netd"
: > "$dir/run/netd/daemon.lock"
if [ ! -e /sys/bus/xen-backend/drivers/vif ]; then
	says "torc check sees that torc-netd is gone" 0 "no .*start torc-netd" daemon_seen
	says "and that it is there" 0 "yes .*torc-netd" flock -s "$dir/run/netd/daemon.lock" bash -c '"$0" check | grep "^network cards"' "$T"
fi
if [ ! -e /dev/xen/privcmd ]; then
	for c in "list" "info" "dmesg" "vcpu-list" "destroy x" "why x" "save x $dir/x" "supervise"; do
		says "torc $c without a hypervisor" 8 "not a control domain" "$T" $c
	done
	says "an error as JSON" 8 '"code":"no-hypervisor"' "$T" list --json
fi
if [ -e $GRUB ]; then
	says "a dry run" 0 '"bits":64' "$T" create -n "$dir/ok.cfg"
	mkdir "$dir/seed"
	says "a seed without user-data" 5 "seed: $dir/seed/user-data: No such file" "$T" create -n --seed "$dir/seed" "$dir/ok.cfg"
	echo '#cloud-config' > "$dir/seed/user-data"
	says "a seed is a read-only disk" 0 "seeds/ok.iso" "$T" create -n --seed "$dir/seed" "$dir/ok.cfg"
	"$T" create -n --seed "$dir/seed" "$dir/ok.cfg" 2> /dev/null | grep -A6 '"vdev":"xvdz"' | grep -q '"writable":false'
	result $? "it is xvdz" "$("$T" create -n --seed "$dir/seed" "$dir/ok.cfg")"
	xorriso -osirrox on -indev "$dir/state/seeds/ok.iso" -extract / "$dir/out" > "$dir/said" 2>&1
	grep -q "Volume id    : 'CIDATA'" "$dir/said" && cmp -s "$dir/seed/user-data" "$dir/out/user-data" &&
		grep -q '^local-hostname: ok$' "$dir/out/meta-data" && [ "$(stat -c %a "$dir/state/seeds/ok.iso")" = 600 ]
	result $? "it is a volume CIDATA with both files, for root alone" "$(cat "$dir/said")"
	sum=$(sha256sum < "$dir/state/seeds/ok.iso")
	echo '#cloud-config other' > "$dir/seed/user-data"
	"$T" create -n --seed "$dir/seed" "$dir/ok.cfg" > "$dir/said" 2>&1
	[ "$(sha256sum < "$dir/state/seeds/ok.iso")" = "$sum" ] && [ "$(ls "$dir/state/seeds")" = ok.iso ]
	result $? "a dry run leaves a guest's seed as it is" "$(ls -l "$dir/state/seeds")"
	says "a dry run with an override" 0 '"memory_mib":96' "$T" create -n "$dir/ok.cfg" memory=96
	says "too little memory" 4 "too few" "$T" create -n "$dir/ok.cfg" memory=1
	gzip -c $GRUB > "$dir/grub.gz"
	head -c 20000 "$dir/grub.gz" > "$dir/short.gz"
	says "a compressed kernel that ends early" 5 "short.gz: the gzip stream is truncated \[kernel-image\]" "$T" create -n "$dir/ok.cfg" "kernel=$dir/short.gz"
	for z in "xz -c" "lzma -c" "bzip2 -c" "zstd -qc" "lz4 -lqc"; do
		command -v ${z% *} > /dev/null || continue
		$z $GRUB > "$dir/packed"
		TORC_CACHE_DIR=/dev/null/cache says "a kernel packed by ${z% *}" 0 '"bits":64' "$T" create -n "$dir/ok.cfg" "kernel=$dir/packed"
	done
	says "a compressed kernel" 0 '"bits":64' "$T" create -n "$dir/ok.cfg" "kernel=$dir/grub.gz"
	says "and again, from the cache" 0 '"bits":64' "$T" create -n "$dir/ok.cfg" "kernel=$dir/grub.gz"
	[ "$(ls "$dir"/cache/kernels | wc -l)" = 1 ]
	result $? "unpacked once" "$(ls "$dir"/cache/kernels)"
	cmp -s "$dir"/cache/kernels/* $GRUB
	result $? "the cache holds what the kernel unpacks to" differs
	"$T" create -n "$dir/ok.cfg" 2> /dev/null > "$dir/out.json"
	fits_schema "$dir/out.json" dom0-tools/schemas/torc-guest-1.json
	result $? "its JSON fits its schema" "see above"
fi
mkdir "$dir/packed-seed"
gzip -nc "$dir/ok.cfg" > "$dir/packed-seed/user-data"
: > "$dir/packed-seed/network-config"
"$B/bin/torc-seed" "$dir/packed-seed" web 0 > "$dir/packed.iso" 2> "$dir/said"
xorriso -osirrox on -indev "$dir/packed.iso" -extract / "$dir/packed-out" >> "$dir/said" 2>&1
cmp "$dir/packed-seed/user-data" "$dir/packed-out/user-data" >> "$dir/said" 2>&1 && [ -f "$dir/packed-out/network-config" ]
result $? "packed user-data and an empty file are whole in a seed" "$(cat "$dir/said")"
# torc-seed is ended by a signal; then one follows whose maker had been killed, too
(ulimit -f 8 && "$T" create -n --seed "$dir/packed-seed" "$dir/ok.cfg" name='"left"') > "$dir/said" 2>&1
ls "$dir/state/seeds" | grep left >> "$dir/said"
[ $? = 1 ] && : > "$dir/state/seeds/left.iso.part" && "$T" create -n --seed "$dir/packed-seed" "$dir/ok.cfg" name='"left"' >> "$dir/said" 2>&1
[ "$(ls "$dir/state/seeds" | grep left)" = left.iso ] && [ -s "$dir/state/seeds/left.iso" ]
result $? "nothing is left of a seed whose maker was killed" "$(cat "$dir/said"; ls "$dir/state/seeds")"
# two hosts on this one machine, at one port; and somebody who calls before the other host does
port=$((20000 + RANDOM % 10000))
pairs() { TORC_ETC_DIR=$dir/host$1 timeout 30 "$T" host --port $port --address 127.0.0.1 pair "$2" <<< yes; }
stray() { (exec 3<> /dev/tcp/127.0.0.1/$port && echo hello >&3) 2> /dev/null; }
pairs 1 two > "$dir/said" 2>&1 &
for _ in $(seq 200); do stray && break; sleep 0.05; done
says "a caller that is no host does not end a pairing" 0 "one is paired" pairs 2 one
wait $!
result $? "on either side" "$(cat "$dir/said")"
pairs 3 two > "$dir/said" 2>&1 &
says "a host is not paired with itself" 6 "this host's own" pairs 3 three
wait $!
grep -q "this host's own" "$dir/said" && ! ls "$dir"/host3/hosts/*.pem > /dev/null 2>&1
result $? "under either name" "$(cat "$dir/said")"
says "check-kernel without a file" 2 "which kernel" "$T" check-kernel
says "check-kernel of nothing" 5 "/nowhere" "$T" check-kernel /nowhere
says "check-kernel of no x86 ELF" 5 "neither an ELF file" "$T" check-kernel "$dir/ok.cfg"
says "check-kernel of a program" 5 "^/bin/sh: none" "$T" check-kernel /bin/sh
if [ -e $GRUB ]; then
	says "check-kernel of GRUB" 0 "PV64" "$T" check-kernel "$dir/grub.gz"
	says "strictly" 6 "do not trap" "$T" check-kernel --strict $GRUB
	"$T" check-kernel --json $GRUB > "$dir/out.json"
	fits_schema "$dir/out.json" dom0-tools/schemas/torc-kernel-1.json
	result $? "its JSON fits its schema" "see above"
fi
cp "$T" "$dir/torc"
says "torc without torc-more beside it" 5 "torc check-kernel is a part of torc-more" "$dir/torc" check-kernel x
if [ -e $GRUB ]; then
	TORC_CACHE_DIR=/dev/null/cache says "torc without torc-unpack beside it" 5 "torc-unpack cannot be run" "$dir/torc" create -n "$dir/ok.cfg" "kernel=$dir/grub.gz"
fi
! ldd "$T" 2>&1 | grep -q '=>'
result $? "torc loads no libraries" "$(ldd "$T")"
for c in $("$T" help --completion | sed -n 's/.*compgen -W "\([^"]*\)".*/\1/p' | head -1); do
	"$T" "$c" --help | grep -q "^torc $c" || result 1 "torc $c --help" "says nothing"
	grep -qx "\.B ${c//-/\\\\-} \\\\fR.*" "$B/man/torc.1" || result 1 "torc $c in torc(1)" "is not there"
	grep -q "compgen -W \"\(.* \)\?$c\( .*\)\?\"" "$B/completions/torc" || result 1 "completion of torc $c" "is not there"
done
result 0 "every command has --help, its part of the manual, and is completed"
commands=$("$T" help --completion | sed -n 's/.*compgen -W "\([^"]*\)".*/\1/p' | head -1)
bad=0
mkdir -p "$dir/state/migrations"
printf 'torc-handover 4\nid %s\nguest web\npeer other\nstate HANDED\naborted 0\ndied 0\nasked 0\ncaps 0 0 0\ndomain 3\nuuid %s\nboot x\nend\n' \
	00112233445566778899aabbccddeeff 01234567-89ab-cdef-0123-456789abcdef > "$dir/state/migrations/00112233445566778899aabbccddeeff.handover"
echo damaged > "$dir/state/migrations/ff112233445566778899aabbccddeeff.handover"
says "a damaged record of a migration is told" 5 "ff112233445566778899aabbccddeeff.handover" "$T" migrate --status
says "and hides no other" 5 "^web *other *HANDED" "$T" migrate --status
rm -r "$dir/state/migrations"
usage_error() { # WORDS: status 2, one reason in torc's words, and the same as JSON
	local out rc
	out=$("$T" $1 2>&1 < /dev/null)
	rc=$?
	if [ $rc != 2 ] || [ "$(grep -c '\[usage\]' <<< "$out")" != 1 ]; then result 1 "torc $1" "exit $rc: $out"; bad=1; fi
	out=$("$T" --json $1 2>&1 < /dev/null)
	printf '%s\0%s\0' "$1" "$out" >> "$dir/usage.json"
}
for c in $commands; do
	usage_error "$c --frobnicate"
	case $c in destroy | shutdown | reboot | pause | unpause | list | uptime | vcpu-list | gdb) continue ;; block-attach | network-attach) continue ;; esac
	usage_error "$c x x x x x x x x"
done
result $bad "every command refuses an option that it does not have, and words too many" "see above"
bad=0
for c in $commands; do
	case $c in
	list | vm-list | info | dmesg | uptime | top | claims | check | vcpu-list | cpupool-list | sched | supervise | help) ;;
	*) usage_error "$c" ;;
	esac
done
result $bad "every command that needs words asks for them" "see above"
said=$(python3 - "$dir/usage.json" <<'P' 2>&1
import json, sys
parts = open(sys.argv[1]).read().split("\0")
for words, said in zip(parts[::2], parts[1::2]):
    try:
        assert json.loads(said)["error"]["code"] == "usage"
    except Exception as e:
        print(f"torc --json {words}: {said} ({e!r})")
P
)
[ -z "$said" ] && [ -s "$dir/usage.json" ]
result $? "and says so as JSON" "$said"
# what has a name of its own in JSON has a schema that is installed
for k in $(grep -ohE 'out_(rows|facts)\(c, "[a-z-]+"' dom0-tools/cli/*.c | sed 's/.*"\(.*\)"/\1/' | sort -u); do
	grep -q "\"torc-$k/1\"" "dom0-tools/schemas/torc-$k-1.json" || result 1 "the schema torc-$k/1" "is not there"
done
result 0 "everything that is printed as JSON has a schema"
for p in torc.1 torc.cfg.5; do
	[ -s "$B/man/$p" ] && { ! command -v man > /dev/null || ! man --warnings -l "$B/man/$p" 2>&1 > /dev/null | grep -q .; }
	result $? "the manual page $p" "is empty or has errors"
done
bash -n "$B/completions/torc"
result $? "the completion is bash" "syntax"
# what it makes of guests' names, of which one holds orders to a shell
mkdir "$dir/fake"
printf '#!/bin/sh\necho Name ID\necho Domain-0 0\necho web 5\necho '\''we$(echo>%s/ran)"`echo>%s/ran`'\'' 6\n' "$dir" "$dir" > "$dir/fake/torc"
chmod +x "$dir/fake/torc"
cat > "$dir/complete" <<'C'
. "$1"
COMP_WORDS=(torc "$2" "$3") COMP_CWORD=2
_torc
printf '%s\n' "${COMPREPLY[@]}"
C
completes() { PATH="$dir/fake:$PATH" bash "$dir/complete" "$(realpath "$B")/completions/torc" "$1" "$2"; }
said=$(completes destroy we)
[ "$(head -1 <<< "$said")" = web ] && [ "$(eval "echo $(tail -1 <<< "$said")")" = "$("$dir/fake/torc" | awk 'END { print $1 }')" ] && [ ! -e "$dir/ran" ]
result $? "completion runs nothing that is in a guest's name" "$said; $(ls "$dir")"
said=$(completes save web)
[ "$said" = web ] && [ "$(completes create "$dir/ok")" = "$dir/ok.cfg" ]
result $? "it knows where a guest, and where a file belongs" "$said; $(completes create "$dir/ok")"
"$T" help --errors > "$dir/errors"
[ "$(grep -c '^| `' "$dir/errors")" = "$(grep -c '^| `' docs/errors.md)" ] && ! grep '^| `' "$dir/errors" | grep -vqxFf docs/errors.md
result $? "docs/errors.md lists every error" "regenerate its table: torc help --errors"
for s in dom0-tools/schemas/*.json; do python3 -m json.tool "$s" > /dev/null || result 1 "$s" "is no JSON"; done
result 0 "the schemas are JSON"
echo "1..$n"
exit $failed
