/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Domains and vcpus: their state, their life. The state of every part is here so that it can be
 * seen in one place; the verbs are in the parts' own headers. A domain lives: created -> (paused,
 * running) -> dying -> dead (a zombie while others hold its frames) -> gone.
 */
#ifndef TORC_DOMAIN_H
#define TORC_DOMAIN_H

#include <torc/abi.h>
#include <torc/cpu.h>
#include <torc/frame.h>
#include <torc/spinlock.h>
#include <torc/work.h>

struct evtchn_table; /* pv/evtchn.c */
struct grant_table;  /* pv/grant.c */
struct dirty_log;    /* pv/dirty.c */
struct io_rights;    /* pv/io.c: ports, irqs, memory of devices that a domain may use */
struct pirq_table;   /* pv/pirq.c */
struct cpuid_policy; /* pv/cpuid.c: features the tools took away */
struct why_log;	     /* core/why.c: last refusals and last words */

enum domain_state { DOM_BUILDING, DOM_ALIVE, DOM_DYING, DOM_DEAD };

struct domain {
	domid_t id;
	bool is_32bit;	 /* fixed once the first vcpu is set up or a frame is typed */
	bool privileged; /* the control domain */
	bool io_mem_all; /* may map any frame that is no RAM (control domain) */
	enum domain_state state;
	uint32_t refs;		    /* domain_get/put */
	xen_domain_handle_t handle; /* uuid */
	uint32_t create_flags;	    /* XEN_DOMCTL_CDF_* */
	spinlock_t lock;	    /* RANK_DOMAIN: life, vcpu set-up */

	/* shutdown */
	bool shutting_down, shut_down;
	uint8_t shutdown_code;
	uint32_t pause_count;	  /* of the whole domain, by the hypervisor and tools */
	uint32_t paused_by_tools; /* how often domctl paused it; each is in pause_count once */
	bool debugged;		  /* by a debugger in the control domain: debug.c */
	bool debug_paused;	  /* a breakpoint or step stopped it; in pause_count once */
	uint32_t nr_polling;	  /* vcpus in SCHEDOP_poll: they want to hear of masked ports too */
	bool in_domctl;		  /* a CPU is in a domctl on it */
	struct timer watchdog[2]; /* SCHEDOP_watchdog */
	bool watchdog_used[2];
	struct domain *next_hash, *next_dead; /* index.c, domain.c */

	/* memory; RANK_PAGES */
	spinlock_t pages_lock;
	struct frame_list pages; /* frames assigned */
	/* own: hypervisor frames given to it (shared_info, grant tables) */
	uint32_t nr_pages, max_pages, nr_own_pages;
	uint32_t kill_left; /* mmu_kill(): frames still to look at; 0 before it begins, ~0 when done */
	uint32_t claim;	    /* frames set aside for it, not yet taken: RANK_CLAIM */
	void *memory_map; /* set_memory_map: boot_e820-style entries as the ABI has them,
			     nr_memory_map of 20 bytes */
	unsigned int nr_memory_map;
	struct dirty_log *dirty;    /* NULL: log-dirty is off */
	unsigned long hv_start_low; /* 32-bit: where the guest's address space ends, from its note;
				       M2P32_BASE by default */

	struct shared_info *shared; /* the frame; its layout is shared_info_x86_32 for 32-bit
				       domains: use shared.h */
	uint32_t wc_version;

	struct vcpu **vcpus; /* max_vcpus of them; NULL until set up */
	unsigned int max_vcpus;

	struct evtchn_table *evtchn;
	struct grant_table *grant;
	struct io_rights *io;
	struct pirq_table *pirqs;
	struct why_log *why;
	struct cpuid_policy *cpuid; /* NULL: as offered; zfree() at the end */

	uint64_t vm_assist; /* bit a VMASST_TYPE_* */
	uint32_t ssidref;
	int64_t time_offset_s; /* XEN_DOMCTL_settimeoffset */
	/* scheduling: weight 256 is the default; cap in per cent of a CPU, 0 none */
	uint16_t weight, cap;
	cpumask_t tlb_cpus; /* CPUs whose TLB may hold its translations: set on switch to, cleared
			       on switch away */
	ns_t created_at;
};

/* What set_callbacks and callback_op install. */
struct pv_callback {
	unsigned long eip;
	uint16_t cs;
	bool mask_events;
};

struct vcpu {
	struct cpu_user_regs regs; /* while it is not on a CPU; its guest_regs() while it is */
	struct domain *domain;
	unsigned int id;
	unsigned int cpu; /* where it runs or ran last; RANK_SCHED of that CPU to change */
	struct fpu_state *fpu;

	/* privileged state of the virtual processor (pv/) */
	bool kernel_mode; /* 64-bit: in the guest kernel (which root is in use). 32-bit: CS.RPL
			     tells; kept in step */
	struct trap_info traps[256]; /* set_trap_table; 32-bit ones widened */
	struct pv_callback event_cb, failsafe_cb, syscall_cb, syscall32_cb, sysenter_cb;
	unsigned long kernel_sp;
	uint16_t kernel_ss;
	unsigned long ctrlreg[5]; /* cr0 (TS, and what it reads), cr2, -, cr4 as the guest reads
				     them; cr3 is by root */
	unsigned long debugreg[8];
	mfn_t root, user_root;	/* 64-bit: L4 of kernel, L4 of user or MFN_NONE. 32-bit: the guest's
				   L3. Typed references */
	uint64_t *root32;	/* 32-bit: our own L4, slot 0 leads to root */
	struct frame *half_put; /* a table whose last reference is being dropped, interrupted;
				   finished before anything else */
	struct frame *half_put_next[2]; /* others that wait for it */
	mfn_t cr3;			/* what the processor is given */
	/* while off the CPU; gs_base_user also while in kernel mode */
	unsigned long fs_base, gs_base_kernel, gs_base_user;
	uint16_t ds, es, fs, gs; /* while off the CPU */
	mfn_t gdt[14];
	unsigned int gdt_entries;
	unsigned long ldt_base; /* linear, in the guest */
	unsigned int ldt_entries;
	uint16_t ldt_mapped; /* bit a page of the window that is filled */
	mfn_t ldt_frame[16];
	uint64_t xcr0; /* as the guest set it, for CPUID; the processor's has all that is offered */
	uint8_t iopl;
	unsigned long iobitmap; /* PHYSDEVOP_set_iobitmap: guest address of a bit a port (1: none),
				   0: no bitmap */
	unsigned int iobitmap_ports;
	unsigned long nmi_entry; /* nmi_op callback, 0: none */
	uint8_t pending_traps;	 /* for the way out: */
#define PENDING_NMI  1u
#define PENDING_BP   2u /* the guest's own, which a debugger has looked at */
#define PENDING_DB   4u
#define PENDING_STEP 8u /* a debugger's: events wait until one instruction is done */
	bool in_nmi;
	bool debug_held;     /* by a debugger; in pause_count once */
	uint8_t debug_event; /* vector that stopped it and that no debugger has asked for yet; 0:
				none */

	/* events and time */
	struct vcpu_info *info; /* where it is registered, mapped; layout by the domain's width: use
				   shared.h */
	mfn_t info_mfn;		/* MFN_NONE: in shared_info */
	unsigned long time_area, runstate_area; /* registered guest addresses, 0: none */
	struct vcpu_runstate_info runstate;	/* RANK_SCHED of its cpu */
	uint32_t time_version;
	struct timer singleshot, periodic, poll_timer;
	ns_t period, period_last;
	uint64_t scale_seen; /* what time_info was last written from: tsc_base of the CPU's scale,
				and the CPU */
	unsigned int scale_cpu;
	unsigned int timer_cpu;	      /* where its timers are */
	uint16_t virq_port[NR_VIRQS]; /* 0: not bound */
	bool polling;		      /* in SCHEDOP_poll */
	evtchn_port_t poll_port;      /* the only one, or 0: several */

	/* scheduling; domain/sched.c, RANK_SCHED */
	bool initialised; /* has a context */
	bool down;	  /* VCPUOP_down or never up */
	bool blocked;	  /* waits for an event */
	bool running;	  /* on a CPU right now */
	uint32_t pause_count;
	cpumask_t hard_affinity, soft_affinity;
	struct list run_link;
	uint64_t vruntime; /* weighted ns */
	ns_t ran_since, cpu_time;
	int64_t cap_budget; /* ns left of this cap period */
	ns_t cap_until;	    /* when the period ends */
	bool cap_parked;    /* nothing left: waits for cap_timer */
	struct timer cap_timer;
	uint8_t told;	  /* enum told, while it is sent an event */
	uint8_t *told_on; /* of the event channel: 0, or such turns are brief; lives as long as we
			   */
	uint8_t *turn_of; /* the same, of the answer that its turn came of */

	/* the hypercall being done */
	struct {
		uint32_t mask;
		unsigned long arg[5];
	} restart; /* hypercall.h */
	bool in_multicall;
	uint64_t exits; /* ways out, a figure for tests */
};

/* DOMID_IO owns MMIO, DOMID_XEN the hypervisor's shared frames */
extern struct domain *dom0, idle_domain, io_domain, hyp_domain;
static inline bool vcpu_is_idle(const struct vcpu *v)
{
	return v->domain == &idle_domain;
}

void domains_init(void); /* before sched_init(): the domains that are no guests */
/* domain/domain.c. References: get by id fails (NULL) when unknown or going; put frees the struct
 * with the last one. */
struct domain *domain_get(domid_t id); /* DOMID_SELF: the current one */
bool domain_get_more(struct domain *d);
void domain_put(struct domain **d);
/* As above, and the current domain may act on it: itself or, for the control domain, any. */
struct domain *domain_get_for(struct vcpu *v, domid_t id);
/* domain/index.c. Walks, in the order of ids: first and from (that id, or the next above it) take a
 * reference, next moves it. */
struct domain *domain_first(void), *domain_from(unsigned int id), *domain_next(struct domain *d);
int index_claim(domid_t *id); /* DOMID_INVALID: any. -XEN_EEXIST, -XEN_ENOMEM: all are taken */
void index_release(domid_t id);
void index_add(struct domain *d), index_remove(struct domain *d);
struct domain *index_get(domid_t id);
/* max_vcpus slots; paused once */
int domain_create(domid_t id, const struct xen_domctl_createdomain *c, struct domain **out);
int domain_set_vcpus(struct domain *d, unsigned int n);
int vcpu_create(struct domain *d, unsigned int id);
/* From either width's structure, already copied and widened: pv/context.c fills it in. */
void domain_shutdown_settle(struct domain *d); /* sched: a vcpu of a domain that shuts down left its
						  CPU */
void domain_pause(struct domain *d);	       /* returns when no vcpu of it runs */
void domain_unpause(struct domain *d);
void domain_pause_nosync(struct domain *d);
int domain_pause_by_tools(struct domain *d);
int domain_unpause_by_tools(struct domain *d);
/* all vcpus stop; VIRQ_DOM_EXC to the control domain */
void domain_shutdown(struct domain *d, uint8_t reason);
int domain_resume(struct domain *d);
void domain_crash(struct domain *d, const char *fmt, ...)
	__printf(2, 3);		   /* dump, why, shutdown(crash); returns: callers unwind */
int domain_kill(struct domain *d); /* death.c: 0, or -XEN_ERESTART: call again */
/* death.c: what other domains still hold: frames by grants and foreign maps. For 'torc list' and
 * why. */
unsigned int domain_held_frames(struct domain *d);

void vcpu_free(struct vcpu *v);
void vcpu_unblock(struct vcpu *v); /* from anywhere, also with interrupts off */
void vcpu_pause(struct vcpu *v), vcpu_unpause(struct vcpu *v), vcpu_pause_nosync(struct vcpu *v);

/* domain/pages.c: frames of a domain. */
/* 0, -XEN_ENOMEM: over max_pages, -XEN_ESRCH: dying */
int domain_assign(struct domain *d, struct frame *f, unsigned int order);
/* heeding claims; not assigned */
struct frame *domain_alloc(struct domain *d, unsigned int order, unsigned int below_bits);
int domain_claim(struct domain *d, uint64_t pages);
uint64_t pages_claimed(void);	     /* by all: for physinfo */
void m2p_set(mfn_t m, uint64_t pfn); /* both widths; ~0: none */

/* Defined by pv/, called by domain/ at the points of life named. Bound at link time. */
/* evtchn, grant, io, shared_info */
int pv_domain_init(struct domain *d, const struct xen_domctl_createdomain *c);
void pv_domain_free(struct domain *d); /* the last reference is gone */
int pv_vcpu_init(struct vcpu *v);
void pv_vcpu_free(struct vcpu *v);
int pv_domain_kill(struct domain *d); /* ports closed, roots and pins dropped, grants let go, frames
					 freed; restartable */
void pv_switch_from(struct vcpu *v);  /* save segments, bases, debug registers; interrupts off */
void pv_switch_to(struct vcpu *v);    /* load them, the windows, the root */
void pv_switch_done(struct vcpu *v);  /* what may fault, with interrupts on: selectors, areas that
					 are written to */
bool pv_events_pending(struct vcpu *v); /* pending and not masked (or NMI) */
void pv_deliver_pending(struct vcpu *v, struct cpu_user_regs *regs); /* bounce frame for the event
									callback; on the way out */
void pv_vcpu_time_update(struct vcpu *v);			     /* pvclock fields */
void pv_runstate_update(struct vcpu *v);			     /* the registered area */
void pv_vcpu_kick(struct vcpu *v); /* an event became pending: wake or notify (evtchn -> sched) */

#endif
