/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A kernel's text, instruction by instruction, for those that a ring other than 0 changes.
 *
 * A linear sweep, begun anew at every function: a table or padding between two functions costs
 * at most the rest of the first. Bytes that are no instruction are counted and stepped over, so
 * data in text can make up an instruction that nobody executes; the places say where to look.
 */
#include "dom0-tools/builder/scan.h"

#include <capstone/capstone.h>
#include <string.h>

static const struct {
	unsigned int id;
	const char *mnemonic, *instead;
	enum sensitive kind;
} table[] = {
#define SILENT(ins, name, instead) { X86_INS_##ins, name, instead, SENSITIVE_SILENT },
#define TRAPS(ins, name, instead)  { X86_INS_##ins, name, instead, SENSITIVE_TRAPS },
#define GATE(ins, name, instead)   { X86_INS_##ins, name, instead, SENSITIVE_GATE },
#include "dom0-tools/builder/sensitive.tbl"
};
#define TABLE (sizeof(table) / sizeof(table[0]))

/* Rows behind the table's: what is sensitive for its operands. */
enum { ROW_STORE_CS = TABLE, ROW_PUSH_CS, ROW_MOV_SS, ROW_POP_SS, ROW_MOV_CR, ROW_MOV_DR, ROWS };
_Static_assert(ROWS <= SCAN_ROWS, "SCAN_ROWS is too small");

static const struct scan_row by_operand[] = {
	[ROW_STORE_CS - TABLE] = { "mov from cs, ss",
				   "the ring reads as 1 or 3; see what the frame says",
				   SENSITIVE_SILENT,
				   0,
				   { { 0 } } },
	[ROW_PUSH_CS - TABLE] = { "push cs, ss",
				  "the ring reads as 1 or 3; build frames from constants",
				  SENSITIVE_SILENT,
				  0,
				  { { 0 } } },
	[ROW_MOV_SS - TABLE] = { "mov to ss",
				 "#GP for a selector of ring 0; stack_switch",
				 SENSITIVE_TRAPS,
				 0,
				 { { 0 } } },
	[ROW_POP_SS - TABLE] = { "pop ss",
				 "#GP for a selector of ring 0; stack_switch",
				 SENSITIVE_TRAPS,
				 0,
				 { { 0 } } },
	[ROW_MOV_CR - TABLE] = { "mov cr",
				 "emulated in part; fpu_taskswitch, mmuext_op, vcpu_info.arch.cr2",
				 SENSITIVE_TRAPS,
				 0,
				 { { 0 } } },
	[ROW_MOV_DR - TABLE] = { "mov dr",
				 "emulated; set_debugreg, get_debugreg",
				 SENSITIVE_TRAPS,
				 0,
				 { { 0 } } },
};

static int row_of(const cs_insn *in)
{
	const cs_x86 *x = &in->detail->x86;

	for (unsigned int i = 0; i < x->op_count; i++) {
		unsigned int reg =
			x->operands[i].type == X86_OP_REG ? (unsigned int)x->operands[i].reg : 0;

		if (in->id == X86_INS_MOV && reg >= X86_REG_CR0 && reg <= X86_REG_CR15)
			return ROW_MOV_CR;
		if (in->id == X86_INS_MOV && reg >= X86_REG_DR0 && reg <= X86_REG_DR15)
			return ROW_MOV_DR;
		if (reg != X86_REG_CS && reg != X86_REG_SS)
			continue;
		if (in->id == X86_INS_MOV)
			return i ? ROW_STORE_CS : ROW_MOV_SS;
		if (in->id == X86_INS_PUSH)
			return ROW_PUSH_CS;
		if (in->id == X86_INS_POP)
			return ROW_POP_SS;
	}
	for (size_t i = 0; i < TABLE; i++)
		if (table[i].id == in->id)
			return (int)i;
	return -1;
}

struct sweep {
	csh cs;
	cs_insn *insn;
	const struct image *im;
	const struct scan_elf *elf;
	struct scan_code *out;
	struct scan_row rows[ROWS];
};

static void found(struct sweep *w, int row, uint64_t address)
{
	struct scan_row *r = &w->rows[row];
	const struct scan_symbol *s;

	w->out->silent += r->kind == SENSITIVE_SILENT;
	if (r->count++ >= SCAN_PLACES)
		return;
	r->first[r->count - 1].address = address;
	s = scan_elf_symbol(w->elf, address);
	if (!s)
		return;
	r->first[r->count - 1].offset = address - s->address;
	scan_elf_name(w->elf, w->im, s, r->first[r->count - 1].symbol, sizeof(r->first[0].symbol));
}

/* ud2; "xen" in front of cpuid makes it the hypervisor's: meant, so no finding. */
static const uint8_t forced[] = { 0x0f, 0x0b, 'x', 'e', 'n' };

static void sweep_piece(struct sweep *w, const uint8_t *code, size_t left, uint64_t address)
{
	while (left) {
		int row;

		if (left >= sizeof(forced) && memcmp(code, forced, sizeof(forced)) == 0) {
			size_t n = left >= 7 && code[5] == 0x0f && code[6] == 0xa2 ? 7 : 5;

			code += n;
			left -= n;
			address += n;
			continue;
		}
		if (!cs_disasm_iter(w->cs, &code, &left, &address, w->insn)) {
			w->out->unknown++;
			code++;
			left--;
			address++;
			continue;
		}
		row = row_of(w->insn);
		if (row >= 0)
			found(w, row, w->insn->address);
	}
}

/* From function to function. Symbols outside the range do not matter; they are in order. */
static void sweep_range(struct sweep *w, const struct scan_range *r, uint64_t size)
{
	const struct scan_elf *e = w->elf;
	const struct scan_symbol *s = scan_elf_symbol(e, r->address);
	size_t next = s ? (size_t)(s - e->symbols) + 1 : 0;
	uint64_t done = 0;

	while (done < size) {
		uint64_t end = size;

		for (; next < e->nr_symbols; next++) {
			uint64_t at = e->symbols[next].address - r->address;

			if (!e->symbols[next].function || at <= done)
				continue;
			if (at < size)
				end = at;
			break;
		}
		sweep_piece(w, w->im->data + r->offset + done, (size_t)(end - done),
			    r->address + done);
		done = end;
	}
}

int scan_code(struct scan_code *s, const struct image *im, struct why *why)
{
	struct sweep w = { .im = im, .out = s };
	struct scan_elf e;
	bool is_64 = false;
	int rc;

	*s = (struct scan_code){ 0 };
	rc = scan_elf_open(&e, im, why);
	if (rc)
		return rc;
	scan_elf_header(im, &is_64);
	if (cs_open(CS_ARCH_X86, is_64 ? CS_MODE_64 : CS_MODE_32, &w.cs) != CS_ERR_OK ||
	    cs_option(w.cs, CS_OPT_DETAIL, CS_OPT_ON) != CS_ERR_OK || !(w.insn = cs_malloc(w.cs))) {
		scan_elf_close(&e);
		return why_set(why, TE_NO_MEMORY, "%s: no memory for a disassembler", im->name);
	}
	w.elf = &e;
	s->symbols = e.nr_symbols > 0;
	s->sections = e.sections;
	for (size_t i = 0; i < ROWS; i++) {
		if (i >= TABLE)
			w.rows[i] = by_operand[i - TABLE];
		else
			w.rows[i] = (struct scan_row){ .mnemonic = table[i].mnemonic,
						       .instead = table[i].instead,
						       .kind = table[i].kind };
	}
	/* Sections may lie over each other; no honest file has more text than bytes. */
	for (size_t i = 0; i < e.nr_text && !s->cut; i++) {
		uint64_t size = e.text[i].size, room = im->size - s->bytes;

		s->cut = size > room;
		if (s->cut)
			size = room;
		sweep_range(&w, &e.text[i], size);
		s->bytes += size;
	}
	for (size_t i = 0; i < ROWS; i++)
		if (w.rows[i].count)
			s->rows[s->nr_rows++] = w.rows[i];
	cs_free(w.insn, 1);
	cs_close(&w.cs);
	scan_elf_close(&e);
	return 0;
}
