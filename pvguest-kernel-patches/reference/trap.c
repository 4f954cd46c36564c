/* SPDX-License-Identifier: BSD-2-Clause */
/* The trap table, the callbacks, and one handler for everything that enters the kernel. */
#include "event.h"
#include "lib.h"
#include "mm.h"
#include "print.h"
#include "trap.h"

#ifdef __x86_64__
#define ip_of(r)    ((r)->rip)
#define sp_of(r)    ((r)->rsp)
#define flags_of(r) ((r)->rflags)
#define ax_of(r)    ((r)->rax)
#else
#define ip_of(r)    ((r)->eip)
#define sp_of(r)    ((r)->esp)
#define flags_of(r) ((r)->eflags)
#define ax_of(r)    ((r)->eax)
#endif

extern const unsigned long trap_stubs[32];
extern char trap_int80[], trap_event[], trap_failsafe[], trap_syscall64[];
extern char trap_stack[STACK_SIZE];
void trap_handler(struct cpu_user_regs *r);

void (*trap_user)(struct cpu_user_regs *r);

static struct trap_info table[34];
static struct context guard;
static bool guarded;
static struct caught seen;

static void register_callback(uint16_t type, void *entry)
{
#ifdef __x86_64__
	struct callback_register cb = { .type = type, .address = (unsigned long)entry };
#else
	struct callback_register cb = { .type = type,
					.address = { FLAT_KERNEL_CS, (unsigned long)entry } };
#endif
	if (type == CALLBACKTYPE_syscall)
		cb.flags = CALLBACKF_mask_events;
	if (hc_callback_op(CALLBACKOP_register, &cb))
		panic("callback %u cannot be registered", type);
}

void trap_table_load(void)
{
	if (hc_set_trap_table(table))
		panic("the trap table was refused");
}

void trap_init(void)
{
	unsigned int n = 0;

	for (unsigned int v = 0; v < 32; v++) {
		if (v == 2 || v == 15 || v > 19)
			continue;
		table[n++] = (struct trap_info){ .vector = v,
						 .cs = FLAT_KERNEL_CS,
						 .address = trap_stubs[v] };
		if (v == 3 || v == 4)
			table[n - 1].flags = 3; /* int3 and into are for everybody */
		TI_SET_IF(&table[n - 1], 1);
	}
	table[n] = (struct trap_info){ .vector = VEC_SYSCALL,
				       .flags = 3,
				       .cs = FLAT_KERNEL_CS,
				       .address = (unsigned long)trap_int80 };
	TI_SET_IF(&table[n], 1);
	trap_table_load();
	register_callback(CALLBACKTYPE_event, trap_event);
	register_callback(CALLBACKTYPE_failsafe, trap_failsafe);
#ifdef __x86_64__
	register_callback(CALLBACKTYPE_syscall, trap_syscall64);
#endif
	/* Traps from ring 3 start here; those from the kernel stay on the stack that it was on. */
	if (hc_stack_switch(FLAT_KERNEL_SS, (unsigned long)trap_stack + STACK_SIZE))
		panic("the trap stack was refused");
}

const char *trap_name(int vector)
{
	static const char *const names[] = {
		"#DE", "#DB", "NMI", "#BP", "#OF", "#BR", "#UD", "#NM", "#DF", "#CSO",
		"#TS", "#NP", "#SS", "#GP", "#PF", "#15", "#MF", "#AC", "#MC", "#XM",
	};

	if (vector >= 0 && vector < (int)ARRAY_SIZE(names))
		return names[vector];
	if (vector == VEC_FAILSAFE)
		return "failsafe";
	return vector < 0 ? "no trap" : "other";
}

const char *caught_text(const struct caught *c)
{
	static char text[40];
	static const uint32_t with_code = 0x27d00;

	if (c->vector >= 0 && c->vector < 32 && (with_code >> c->vector & 1))
		format_to(text, sizeof(text), "%s(%x)", trap_name(c->vector), c->error);
	else
		format_to(text, sizeof(text), "%s", trap_name(c->vector));
	return text;
}

static void dump(struct cpu_user_regs *r, bool user)
{
	print("trap %s (%u), error %x, ip %lx, cs %x, flags %lx, ax %lx, cr2 %lx\n",
	      trap_name(r->entry_vector), (unsigned int)r->entry_vector, (unsigned int)r->error_code,
	      (unsigned long)ip_of(r), r->cs, (unsigned long)flags_of(r), (unsigned long)ax_of(r),
	      shared_info->vcpu_info[0].arch.cr2);
	if (user)
		print("from user mode, sp %lx, ss %x\n", (unsigned long)sp_of(r), r->ss);
}

void trap_handler(struct cpu_user_regs *r)
{
	bool user = (r->cs & 3) == 3; /* PV64 kernel frames have RPL 0, PV32's 1 */

	if (r->entry_vector == VEC_EVENT) {
		event_upcall();
		if (user && trap_user)
			trap_user(r);
		return;
	}
	if (user && trap_user) {
		trap_user(r);
		return;
	}
	if (guarded) {
		guarded = false;
		seen = (struct caught){ .vector = r->entry_vector,
					.error = r->error_code,
					.ip = ip_of(r),
					.cr2 = r->entry_vector == 14 ?
						       shared_info->vcpu_info[0].arch.cr2 :
						       0,
					.from_user = user };
		context_load(&guard, 1);
	}
	dump(r, user);
	panic("unexpected trap");
}

bool trap_guard(void (*fn)(void *), void *arg, struct caught *out)
{
	struct caught nothing = { .vector = -1 };
	bool masked = events_mask(); /* a trap leaves them masked: put it back as it was */

	events_restore(masked);
	seen = nothing;
	if (!context_save(&guard)) {
		guarded = true;
		fn(arg);
		guarded = false;
		if (out)
			*out = nothing;
		return true;
	}
	events_restore(masked);
	if (out)
		*out = seen;
	return false;
}
