/* SPDX-License-Identifier: BSD-2-Clause */
/* What pv/ offers to the layers left of it, file by file. */
#ifndef TORC_PV_H
#define TORC_PV_H

#include <torc/domain.h>

/* --- trap.c: bounces to the guest kernel; its frames, callbacks, iret ----- */
/* Queue an exception for the guest: builds its frame on the kernel stack now (guest regs point to
 * the handler when it returns). A guest without a handler for it, or whose stack faults, is crashed
 * with a dump. */
void guest_inject(struct vcpu *v, struct cpu_user_regs *regs, unsigned int vector,
		  int error_code /* -1: none */);
void guest_inject_page_fault(struct vcpu *v, struct cpu_user_regs *regs, unsigned long addr,
			     uint32_t error_code);
/* an entry of the trap table */
long trap_set(struct vcpu *v, unsigned int vector, unsigned int flags, uint16_t cs,
	      unsigned long address);
long trap_callback_register(struct vcpu *v, unsigned int type, unsigned int flags, unsigned long cs,
			    unsigned long eip);
long trap_callback_unregister(struct vcpu *v, unsigned int type);
long trap_iret(struct vcpu *v); /* the iret hypercall: returns the guest's new rax */
/* 64-bit: switch root and gs bases; no-op if already so */
void guest_mode_set(struct vcpu *v, bool kernel);
bool guest_in_kernel(const struct vcpu *v, const struct cpu_user_regs *r);
/* 0, -XEN_EINVAL, -XEN_EPERM: checked, kept, loaded */
int debugreg_set(struct vcpu *v, unsigned int n, unsigned long val);
/* Selectors a guest may be given: RPL fixed up to at least its kernel's ring (3 or 1); never a
 * hypervisor one. */
uint16_t guest_fixup_selector(const struct domain *d, uint16_t sel);

/* --- debug.c: a debugger in the control domain ---------------------------- */
/* in the guest: true if the debugger has it now */
bool debug_event(struct vcpu *v, unsigned int vector);
int debug_set(struct domain *d, bool on);
bool debug_next(struct domain *d, unsigned int *vcpu, unsigned int *vector);
int debug_vcpu_hold(struct vcpu *v, bool hold);
void debug_context_set(struct vcpu *v);		     /* its registers are new */
int debug_pass(struct vcpu *v, unsigned int vector); /* 1 or 3: it was the guest's own */

/* --- switch.c, life.c ----------------------------------------------------- */
void pv_load_debugregs(struct vcpu *v);				    /* after a change, v current */
void pv_load_cr4(const struct vcpu *v);				    /* likewise */
void pv_in_kernel_root(struct vcpu *v, void (*fn)(struct vcpu *v)); /* v current: fn may write to
								       the guest kernel's memory */
int pv_register_info(struct vcpu *v, mfn_t m, unsigned int offset); /* VCPUOP_register_vcpu_info */
bool pv_vcpu_has_info(const struct vcpu *v);

/* --- context.c: a vcpu's whole state, to and from the ABI's structure (64-bit form; width32
 * converts) ---------------- */
union vcpu_context {
	struct vcpu_guest_context c64;
	struct vcpu_guest_context_x86_32 c32;
};
int vcpu_context_set(struct vcpu *v, const union vcpu_context *c); /* the vcpu is paused; everything
								      is checked first */
void vcpu_context_get(struct vcpu *v, union vcpu_context *c);
int vcpu_reset(struct vcpu *v);
/* the kernel's, for entries from user mode */
void stack_set(struct vcpu *v, unsigned long ss, unsigned long sp);
uint64_t vm_assists_offered(const struct domain *d); /* bit a VMASST_TYPE_* that a guest of its
							width may turn on */

/* --- mmu.c, validate.c, dirty.c: direct paging ---------------------------- */
/* One update; what is ptr's low bits is mode. pt: whose tables, pg: whose frames they may name
 * (references held by the caller). */
struct mmu_who {
	struct domain *pt, *pg;
};
int mmu_update_entry(struct vcpu *v, const struct mmu_who *w, uint64_t ptr, uint64_t val);
/* The same for n of a list, n > 0, most of which are in one table: the reference to it is kept
 * until another table's turn, or the end. It does as many as take no time worth a look at who waits
 * for the CPU, and says how many; *rc: 0, or why the next was not done. */
struct mmu_held {
	struct frame *f;
	enum frame_type t;
};
unsigned int mmu_update_some(struct vcpu *v, const struct mmu_who *w, struct mmu_held *h,
			     const struct mmu_update *u, unsigned int n, int *rc);
void mmu_let_go(struct vcpu *v, struct mmu_held *h);
/* flushing is the caller's */
int mmu_update_va(struct vcpu *v, struct domain *pg, unsigned long va, uint64_t pte);
int mmu_pin(struct vcpu *v, struct domain *owner, mfn_t m, enum frame_type t);
int mmu_unpin(struct vcpu *v, struct domain *owner, mfn_t m);
int mmu_finish_put(struct vcpu *v);	      /* v->half_put: 0, or -XEN_ERESTART */
int mmu_new_root(struct vcpu *v, mfn_t root); /* takes typed references, loads it if v is current */
int mmu_new_user_root(struct vcpu *v, mfn_t root);
void mmu_drop_roots(struct vcpu *v);
int mmu_set_32bit(struct domain *d); /* XEN_DOMCTL_set_address_size, before any table is validated */
int mmu_kill(struct domain *d);	     /* unpins and frees all; restartable */
/* a write to a page table (emulated), log-dirty, spurious */
bool mmu_fix_fault(struct vcpu *v, struct cpu_user_regs *regs, unsigned long cr2);
/* for grant.c: puts an entry the caller has referenced */
int mmu_map_foreign_pte(struct vcpu *v, uint64_t pte_addr_or_va, uint64_t pte, bool by_va,
			uint64_t *old);
/* Frame and RW of the entry must be expect's; then replace is put, and the old entry's references
 * are the caller's, who flushes and puts them. old (may be NULL): all of that entry. */
int mmu_clear_pte(struct vcpu *v, uint64_t pte_addr_or_va, bool by_va, uint64_t expect,
		  uint64_t replace, uint64_t *old);
void mmu_root_changed(struct vcpu *v); /* v->cr3 by its roots and kernel_mode; loaded if v is
					  current */
uint64_t guest_walk(struct vcpu *v, unsigned long va); /* the L1 entry that maps va, 0: none */
int dirty_enable(struct domain *d), dirty_disable(struct domain *d);
/* the hypervisor wrote to it; no-op while log-dirty is off */
void dirty_mark(struct domain *d, mfn_t m);
/* one that the guest's own tables do not explain: mended */
bool dirty_fault(struct vcpu *v, unsigned long va, uint32_t code);
void dirty_table_gone(struct domain *d, struct frame *f); /* it is no table any more */
void dirty_free(struct domain *d);			  /* with the domain */
/* and a table's entry */
void dirty_table_changed(struct domain *d, struct frame *f, enum frame_type t, unsigned int slot);
long dirty_read(struct domain *d, bool clear, gaddr_t bitmap, uint64_t pages,
		struct xen_domctl_shadow_op_stats *stats);

/* --- segment.c: descriptor tables ----------------------------------------- */
/* takes segdesc references; entries 0 clears */
int segment_set_gdt(struct vcpu *v, const mfn_t *frames, unsigned int entries);
int segment_set_ldt(struct vcpu *v, unsigned long base, unsigned int entries);
/* true if a guest may have it (may lower: DPL, accessed bit); S=0 only as ABI allows */
bool segment_check(const struct domain *d, uint64_t *desc);
long segment_update_descriptor(struct vcpu *v, uint64_t maddr, uint64_t desc);
bool segment_ldt_fault(struct vcpu *v, unsigned long window_offset); /* fill a page of the window */
void segment_load(struct vcpu *v); /* on switch: fill the window's pages 0..13, LDT */
void segment_drop(struct vcpu *v); /* references of both */
long segment_set_base(struct vcpu *v, unsigned int which, unsigned long base);

/* --- evtchn.c, grant.c ---------------------------------------------------- */
int evtchn_init(struct domain *d, unsigned int max_port);
void evtchn_close_all(struct domain *d);
void evtchn_free(struct domain *d);
int evtchn_send(struct vcpu *v, evtchn_port_t port);
void evtchn_virq(struct vcpu *v, unsigned int virq); /* raise a per-vcpu one */
void evtchn_virq_global(unsigned int virq); /* to whoever handles it: dom0, or set_virq_handler's */
int evtchn_set_virq_handler(struct domain *d, unsigned int virq);
/* raise the port a physical interrupt is bound to */
void evtchn_pirq(struct domain *d, evtchn_port_t port);
void evtchn_vcpu_info_moved(struct vcpu *v); /* after registration: everything looks pending again */

int grant_init(struct domain *d, unsigned int max_frames, unsigned int max_maptrack,
	       unsigned int max_version);
int grant_release_all(struct domain *d); /* mappings it holds; restartable */
void grant_free(struct domain *d);
/* for map space, acquire_resource; grows the table */
int grant_table_frame(struct domain *d, unsigned long idx, mfn_t *out);

/* --- io.c, emulate.c: privileged instructions ----------------------------- */
int io_init(struct domain *d, bool all);
void io_free(struct domain *d);
bool io_ports_allowed(const struct domain *d, unsigned int port, unsigned int n);
int io_ports_set(struct domain *d, unsigned int first, unsigned int n, bool allow);
/* frames that are no RAM and not the hypervisor's devices */
bool io_mem_allowed(const struct domain *d, mfn_t first, uint64_t n);
int io_mem_set(struct domain *d, mfn_t first, uint64_t n, bool allow);
bool io_irq_allowed(const struct domain *d, unsigned int pirq);
int io_irq_set(struct domain *d, unsigned int pirq, bool allow);
/* #GP in the guest kernel (or user with IOPL): true if emulated and regs advanced; false: reflect
 * it. #UD: the forced-emulation prefix (ud2 "xen" cpuid). */
bool emulate_privileged(struct vcpu *v, struct cpu_user_regs *regs);
bool emulate_forced(struct vcpu *v, struct cpu_user_regs *regs);
/* as that guest sees it */
void guest_cpuid(const struct vcpu *v, uint32_t leaf, uint32_t sub, uint32_t r[4]);

/* --- pirq.c: physical interrupts and the domain they go to ---------------- */
int pirq_init(struct domain *d);
void pirq_free(struct domain *d);
int pirq_map_gsi(struct domain *d, int gsi, int *pirq); /* physdev map_pirq, setup_gsi */
int pirq_setup_gsi(unsigned int gsi, bool level, bool active_low);
struct msi_target {
	uint16_t seg;
	uint8_t bus, devfn;
	bool msix;
	unsigned int entry, count;
	uint64_t table_base;
};
int pirq_map_msi(struct domain *d, const struct msi_target *t, int *pirq);
int pirq_restore_msi(uint16_t seg, uint8_t bus, uint8_t devfn); /* after a device's reset */
int pirq_unmap(struct domain *d, int pirq);
/* evtchn_op bind_pirq */
int pirq_bind(struct vcpu *v, int pirq, bool shareable, evtchn_port_t port);
void pirq_unbind(struct domain *d, int pirq);
int pirq_eoi(struct domain *d, int pirq);
bool pirq_needs_eoi(struct domain *d, int pirq);
int pirq_set_eoi_map(struct domain *d, void *map); /* PHYSDEVOP_pirq_eoi_gmfn: a page of bits from
						      guest_frame_map(); -XEN_EBUSY: it has one */
int pirq_reserve(struct domain *d);		   /* a number for the future, or -XEN_ENOSPC */
bool pirq_is_shared(struct domain *d, int pirq);
/* follow the vcpu the port is bound to */
void pirq_move(struct domain *d, int pirq, unsigned int cpu);

/* --- time.c: also the switch's part, and a vcpu's timers ------------------ */
void pv_time_switch_from(struct vcpu *v), pv_time_switch_to(struct vcpu *v);
void pv_time_init(struct vcpu *v), pv_time_kill(struct vcpu *v);
/* --- time.c --------------------------------------------------------------- */
void time_update_wallclock(struct domain *d);	    /* shared_info wc_* */
long time_set_timer(struct vcpu *v, ns_t deadline); /* set_timer_op */
/* set_singleshot, periodic and stops */
long time_vcpu_op(struct vcpu *v, unsigned int cmd, unsigned int vcpuid, gaddr_t arg);

#endif
