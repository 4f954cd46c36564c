# SPDX-License-Identifier: BSD-2-Clause
# From "nm -n" of the first link: the table that core/symbols.c searches. Functions only; offsets count from the text's start.
/ text_start$/ { base = $1 }
$2 ~ /^[tT]$/ && $3 !~ /^(\.|text_start$|text_end$|boot_entry)/ && !($1 in seen) { seen[$1] = 1; at[++n] = $1; name[n] = $3 }
END {
	print ".section .symbols, \"a\"\n.balign 4\n.globl symbol_table\nsymbol_table:"
	print ".long " n
	for (i = 1; i <= n; i++)
		print ".long 0x" at[i] " - 0x" base ", .Lname" i " - symbol_table"
	for (i = 1; i <= n; i++)
		print ".Lname" i ": .asciz \"" name[i] "\""
}
