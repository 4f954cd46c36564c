/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The door to the hypervisor. Behind it are the stable Xen libraries and the control ABI;
 * in front of it there are no ABI structures, so that tests can put a fake in its place
 * (tests/unit/fake_host.c) and nothing else depends on libxen*.
 *
 * Calls return 0 or a negative errno and say why. Frame numbers are machine frames unless a
 * name says otherwise.
 */
#ifndef TORC_HOST_HOST_H
#define TORC_HOST_HOST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "dom0-tools/common/why.h"

struct host;

#define HOST_PAGE_SHIFT	    12
#define HOST_PAGE_SIZE	    4096u
#define HOST_FIRST_RESERVED 0x7ff0u /* DOMID_FIRST_RESERVED: no domain is at or above it */

/* Why a domain stopped: the ABI's SHUTDOWN_* numbers. */
enum shutdown_reason {
	SHUT_POWEROFF = 0,
	SHUT_REBOOT = 1,
	SHUT_SUSPEND = 2,
	SHUT_CRASH = 3,
	SHUT_WATCHDOG = 4,
	SHUT_SOFT_RESET = 5,
};

struct domain_info {
	uint32_t domid;
	bool dying, hvm, shutdown, paused, blocked, running, debugged;
	unsigned int reason; /* enum shutdown_reason, if shutdown */
	uint64_t pages, max_pages, outstanding_pages;
	uint64_t shared_info_frame;
	uint64_t cpu_time_ns;
	uint32_t vcpus_online;
	uint32_t vcpus_max;
	uint32_t cpupool;
	uint8_t uuid[16];
};

struct vcpu_info_row {
	uint32_t vcpu, cpu;
	bool online, blocked, running;
	uint64_t cpu_time_ns;
};

struct host_info {
	uint32_t cpus, threads_per_core, cores_per_socket, nodes, max_cpu_id;
	uint32_t cpu_khz;
	uint32_t hw_caps[8];
	bool cap_hvm, cap_pv, cap_shadow, cap_gnttab_v2;
	uint64_t total_pages, free_pages, scrub_pages, outstanding_pages;
	unsigned int version_major, version_minor;
	char version_extra[32];
	char capabilities[1024];
	char changeset[64];
	char command_line[1024];
	char compiler[64], compile_by[16], compile_domain[32], compile_date[32];
	uint64_t virt_start;
	uint32_t scheduler; /* XEN_SCHEDULER_* */
};

struct domain_create {
	uint8_t uuid[16];
	uint32_t max_vcpus;
	uint32_t max_evtchn_port;
	int32_t max_grant_frames; /* below 0: the hypervisor's default */
	int32_t max_maptrack_frames;
	uint32_t cpupool;
	bool grant_v2;
};

int host_open(struct host **h, struct why *why);
void host_close(struct host **h);
int host_info(struct host *h, struct host_info *info, struct why *why);

/* --- domains (domctl.c) */
int host_domain_create(struct host *h, const struct domain_create *c, uint32_t *domid,
		       struct why *why);
int host_domain_destroy(struct host *h, uint32_t domid, struct why *why); /* until it is gone */
int host_domain_pause(struct host *h, uint32_t domid, struct why *why);
int host_domain_unpause(struct host *h, uint32_t domid, struct why *why);
int host_domain_info(struct host *h, uint32_t domid, struct domain_info *info, struct why *why);
/* *list is malloced, in order of domid. */
int host_domain_list(struct host *h, struct domain_info **list, size_t *count, struct why *why);
int host_domain_max_mem(struct host *h, uint32_t domid, uint64_t kib, struct why *why);
int host_domain_max_vcpus(struct host *h, uint32_t domid, uint32_t count, struct why *why);
int host_domain_address_size(struct host *h, uint32_t domid, unsigned int bits, struct why *why);
int host_domain_is_32bit(struct host *h, uint32_t domid, bool *yes, struct why *why);
int host_domain_set_uuid(struct host *h, uint32_t domid, const uint8_t uuid[16], struct why *why);
int host_domain_hypercall_page(struct host *h, uint32_t domid, uint64_t mfn, struct why *why);
int host_domain_time_offset(struct host *h, uint32_t domid, int64_t seconds, struct why *why);
int host_domain_trigger(struct host *h, uint32_t domid, uint32_t trigger, uint32_t vcpu,
			struct why *why);
/* Scheduler weight and cap; 0xffff leaves one as it is. */
int host_domain_sched_get(struct host *h, uint32_t domid, unsigned int *weight, unsigned int *cap,
			  struct why *why);
int host_domain_sched_set(struct host *h, uint32_t domid, unsigned int weight, unsigned int cap,
			  struct why *why);
int host_domain_remote_shutdown(struct host *h, uint32_t domid, enum shutdown_reason reason,
				struct why *why);

/* --- their processors (vcpu.c). The context is the ABI's, of the guest's own width. */
int host_vcpu_set_context(struct host *h, uint32_t domid, uint32_t vcpu, const void *context,
			  size_t size, struct why *why);
int host_vcpu_get_context(struct host *h, uint32_t domid, uint32_t vcpu, void *context, size_t size,
			  struct why *why);
int host_vcpu_info(struct host *h, uint32_t domid, uint32_t vcpu, struct vcpu_info_row *row,
		   struct why *why);
/* cpus: one bit a processor, least significant first. soft: the soft affinity. */
int host_vcpu_get_affinity(struct host *h, uint32_t domid, uint32_t vcpu, bool soft, uint8_t *cpus,
			   size_t bytes, struct why *why);
int host_vcpu_set_affinity(struct host *h, uint32_t domid, uint32_t vcpu, bool soft,
			   const uint8_t *cpus, size_t bytes, struct why *why);

/* --- memory (memory.c) */
/*
 * Give the domain frames: extents of 2^order pages at the pseudo-physical frames in frames[],
 * which become machine frames. *done says how many extents there are, also after a failure.
 */
int host_populate(struct host *h, uint32_t domid, unsigned int order, uint64_t *frames,
		  size_t count, size_t *done, struct why *why);
/* What the guest reads as its memory map: RAM from 0 to kib. Without it a guest cannot grow beyond
 * what it starts with. */
int host_domain_memory_map(struct host *h, uint32_t domid, uint64_t kib, struct why *why);
void *host_map(struct host *h, uint32_t domid, bool writable, const uint64_t *mfns, size_t count,
	       struct why *why);
void host_unmap(struct host *h, void *at, size_t count);
/* Pin a page-table root: level 4 for 64-bit guests, 3 for 32-bit ones. */
int host_pin_root(struct host *h, uint32_t domid, unsigned int level, uint64_t mfn, struct why *why);

/* --- frames of the machine (frames.c) */
#define HOST_FRAMES_BATCH 1024u
/* What kind each frame is to the domain, in place: the ABI's XEN_DOMCTL_PFINFO_* words, or
 * HOST_NOT_ITS. */
#define HOST_NOT_ITS (0xfu << 28)
int host_frame_types(struct host *h, uint32_t domid, uint64_t *frames, size_t count,
		     struct why *why);
/* The machine's table from machine frames to guests' frames, read-only. What it says is to be
 * checked: of a hole in the machine's addresses that is 0. */
int host_m2p_map(struct host *h, const uint64_t **table, size_t *entries, struct why *why);
void host_m2p_unmap(struct host *h, const uint64_t *table, size_t entries);

/* --- for migration (migrate.c) */
/* Note which pages are written; off forgets. */
int host_log_dirty(struct host *h, uint32_t domid, bool on, struct why *why);
/* A bit for each pfn below `pages` written since the last clear. bitmap: whole words of 8 bytes. */
int host_dirty_read(struct host *h, uint32_t domid, bool clear, uint8_t *bitmap, uint64_t pages,
		    uint64_t *count, struct why *why);
/* Frames that the domain has no more. */
int host_release(struct host *h, uint32_t domid, const uint64_t *mfns, size_t count,
		 struct why *why);
/* A suspended domain goes on; what it reads as the outcome is in its context. */
int host_domain_resume(struct host *h, uint32_t domid, struct why *why);
struct host_tsc {
	uint32_t mode, khz;
	uint64_t nsec;
	uint32_t incarnation;
};
int host_tsc_get(struct host *h, uint32_t domid, struct host_tsc *t, struct why *why);
int host_tsc_set(struct host *h, uint32_t domid, const struct host_tsc *t, struct why *why);
/* *size: the room, then what was read. */
int host_vcpu_get_extended(struct host *h, uint32_t domid, uint32_t vcpu, void *context,
			   size_t *size, struct why *why);
int host_vcpu_set_extended(struct host *h, uint32_t domid, uint32_t vcpu, const void *context,
			   size_t size, struct why *why);
/* *area is malloced, also after a failure; NULL without XSAVE. */
int host_vcpu_get_xsave(struct host *h, uint32_t domid, uint32_t vcpu, void **area, size_t *size,
			struct why *why);
int host_vcpu_set_xsave(struct host *h, uint32_t domid, uint32_t vcpu, const void *area,
			size_t size, struct why *why);
/* The processor's features that this host's PV guests may have: the ABI's feature words. *count:
 * the room, then how many there are. */
int host_guest_features(struct host *h, uint32_t *words, uint32_t *count, struct why *why);
#define HOST_PINS 128u
struct host_pin {
	unsigned int level;
	uint64_t mfn;
};
int host_pin_tables(struct host *h, uint32_t domid, const struct host_pin *pins, unsigned int count,
		    struct why *why);

/* --- grants and events (grant.c, event.c) */
/* Entry ref of the domain's grant table gives domain `to` the frame. Before the domain runs. */
int host_grant_seed(struct host *h, uint32_t domid, const uint32_t *refs, const uint32_t *to,
		    const uint64_t *mfns, size_t count, struct why *why);
/* A port of the domain's that waits for domain `remote` to bind it. */
int host_event_alloc(struct host *h, uint32_t domid, uint32_t remote, uint32_t *port,
		     struct why *why);

/* --- the whole machine (sysctl.c) */
/* Hypervisor console: text from *index on (0: from the start); *index moves on. *text is malloced. */
int host_console_read(struct host *h, uint32_t *index, bool clear, char **text, size_t *len,
		      struct why *why);
struct host_cpupool {
	uint32_t id, scheduler, domains, cpus;
	uint8_t map[128]; /* of its processors */
};
/* The pool with this number or the next above it; TE_NO_DEVICE if there is none. */
int host_cpupool(struct host *h, uint32_t from, struct host_cpupool *pool, struct why *why);
int host_debug_keys(struct host *h, const char *keys, struct why *why);

/* --- debugging (debug.c) */
int host_debug(struct host *h, uint32_t domid, bool on, struct why *why);
int host_debug_hold(struct host *h, uint32_t domid, uint32_t vcpu, bool hold, struct why *why);
struct host_debug_event {
	bool paused; /* the domain */
	bool any;
	uint32_t vcpu;
	unsigned int vector; /* 1: a step, 3: a breakpoint; told once */
};
int host_debug_event(struct host *h, uint32_t domid, struct host_debug_event *e, struct why *why);
/* It was the guest's own: it gets the exception when the processor runs. In torcop.c: Torc's alone. */
int host_debug_pass(struct host *h, uint32_t domid, uint32_t vcpu, unsigned int vector,
		    struct why *why);
/* alarm.c: something stopped for a debugger, in whatever domain. NULL: cannot be had, or another
 * has it. */
struct host_alarm *host_alarm_open(struct host *h);
int host_alarm_fd(const struct host_alarm *a); /* to be polled for reading; -1 for NULL */
void host_alarm_clear(struct host_alarm *a);
void host_alarm_close(struct host_alarm *a);

/* --- what only Torc offers (torcop.c); TE_NOT_OFFERED elsewhere */
struct host_refusal {
	uint64_t when_ns; /* system time */
	int err;	  /* errno the guest got; 0: last words */
	int hypercall;	  /* -1: none */
	unsigned int vcpu;
	char text[104];
};
/* *list is malloced, oldest first. */
int host_domain_refusals(struct host *h, uint32_t domid, struct host_refusal **list, size_t *count,
			 struct why *why);
struct host_extras {
	uint64_t image_bytes;
	uint64_t ram_pages, heap_pages;
	uint32_t domains, domains_32bit;
};
int host_extras(struct host *h, struct host_extras *x, struct why *why);
/* Does the memory that host_populate() gives hold zeros? Of other hypervisors it is not known. */
bool host_gives_zeros(struct host *h);
/* Frames of a dead domain that others hold. */
int host_domain_held(struct host *h, uint32_t domid, uint64_t *pages, struct why *why);

#endif
