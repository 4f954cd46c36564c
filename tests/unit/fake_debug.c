/* SPDX-License-Identifier: BSD-2-Clause */
/* The guest that runs: see the header. */
#include "tests/unit/fake_debug.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <xen/xen.h>
#include <xen/foreign/x86_32.h>

#define TURN 200u /* instructions of a vCPU between two looks */
#define TF   0x100u
#define BS   0x4000u
#define PTE  7u

struct host {
	struct fake_guest g;
};

static struct vcpu_guest_context *c64(struct fake_guest *g, unsigned int v)
{
	return (void *)g->context[v];
}

static struct vcpu_guest_context_x86_32 *c32(struct fake_guest *g, unsigned int v)
{
	return (void *)g->context[v];
}

uint64_t fake_ip(const struct fake_guest *g, unsigned int v)
{
	return g->is_32bit ? c32((struct fake_guest *)(uintptr_t)g, v)->user_regs.eip :
			     c64((struct fake_guest *)(uintptr_t)g, v)->user_regs.rip;
}

uint64_t fake_flags(const struct fake_guest *g, unsigned int v)
{
	return g->is_32bit ? c32((struct fake_guest *)(uintptr_t)g, v)->user_regs.eflags :
			     c64((struct fake_guest *)(uintptr_t)g, v)->user_regs.rflags;
}

void fake_set(struct fake_guest *g, unsigned int v, uint64_t ip, uint64_t flags)
{
	if (g->is_32bit) {
		c32(g, v)->user_regs.eip = (uint32_t)ip;
		c32(g, v)->user_regs.eflags = (uint32_t)flags;
	} else {
		c64(g, v)->user_regs.rip = ip;
		c64(g, v)->user_regs.rflags = flags;
	}
}

static void entry(struct fake_guest *g, unsigned int table, unsigned int slot, uint64_t mfn)
{
	uint64_t e = mfn << 12 | PTE;

	memcpy(g->pages[table] + slot * 8, &e, 8);
}

struct host *fake_guest_new(bool is_32bit)
{
	struct host *h = calloc(1, sizeof(*h));
	struct fake_guest *g = &h->g;

	g->is_32bit = is_32bit;
	g->uuid = 7;
	if (!is_32bit) {
		entry(g, 1, 0, 2);
		entry(g, 5, 0, 6); /* the user's root */
		entry(g, 6, 0, 7);
		entry(g, 7, 2, 11);
		entry(g, 11, 5, 10);
	}
	entry(g, is_32bit ? 1 : 2, 0, 3);
	entry(g, 3, 2, 4);
	entry(g, 4, 1, 8);
	entry(g, 4, 2, 8);
	entry(g, 4, 3, 9);
	memset(g->pages[8], OP_NOP, HOST_PAGE_SIZE);
	memset(g->pages[10], OP_NOP, HOST_PAGE_SIZE);
	for (unsigned int v = 0; v < FAKE_VCPUS; v++) {
		if (is_32bit) {
			c32(g, v)->ctrlreg[3] = xen_pfn_to_cr3_x86_32(1);
			c32(g, v)->user_regs.cs = 0xe019; /* ring 1 */
		} else {
			c64(g, v)->ctrlreg[3] = xen_pfn_to_cr3(1);
			c64(g, v)->ctrlreg[1] = xen_pfn_to_cr3(5);
			c64(g, v)->flags = VGCF_in_kernel;
			c64(g, v)->user_regs.cs = FLAT_KERNEL_CS64;
		}
		fake_set(g, v, FAKE_CODE + v * 0x100, 0x202);
	}
	return h;
}

struct fake_guest *fake_guest_of(struct host *h)
{
	return &h->g;
}

void fake_guest_free(struct host *h)
{
	free(h);
}

bool fake_guest_runs(const struct fake_guest *g)
{
	return !g->pauses && !g->debug_paused && !g->shut_down && !g->gone;
}

/* --- its processors ------------------------------------------------------- */

static void happens(struct fake_guest *g, unsigned int v, unsigned int vector)
{
	if (!g->debugged) {
		g->passed[v][vector]++;
		return;
	}
	g->event[v] = vector;
	g->debug_paused = true;
}

static const uint8_t *code(const struct fake_guest *g, uint64_t ip)
{
	uint64_t page = ip & ~0xfffull;

	if (page == FAKE_CODE || page == FAKE_ALIAS)
		return &g->pages[8][ip & 0xfff];
	return page == FAKE_USER && !g->is_32bit ? &g->pages[10][ip & 0xfff] : NULL;
}

static void execute(struct fake_guest *g, unsigned int v)
{
	uint64_t ip = fake_ip(g, v), flags = fake_flags(g, v);
	const uint8_t *at = code(g, ip);
	uint8_t op = at ? *at : OP_HLT;

	if (op == OP_HLT)
		return;
	if (op == OP_CRASH) {
		g->shut_down = true;
		g->reason = SHUT_CRASH;
		return;
	}
	g->executed[v]++;
	fake_set(g, v, ip + 1, flags);
	if (op == OP_INT3) {
		happens(g, v, 3);
	} else if (flags & TF) {
		if (g->is_32bit)
			c32(g, v)->debugreg[6] |= BS;
		else
			c64(g, v)->debugreg[6] |= BS;
		happens(g, v, 1);
	}
}

static void run(struct fake_guest *g)
{
	for (unsigned int n = 0; n < TURN; n++)
		for (unsigned int v = 0; v + 1 < FAKE_VCPUS; v++)
			if (fake_guest_runs(g) && !g->held[v])
				execute(g, v);
}

/* --- host.h --------------------------------------------------------------- */

static int here(struct host *h, uint32_t domid, struct why *why)
{
	if (h->g.gone || domid != FAKE_DOMAIN)
		return why_set(why, TE_NO_DOMAIN, "there is no domain %u", domid);
	return h->g.no_rights ? why_set(why, TE_NO_RIGHTS, "no") : 0;
}

void *host_map(struct host *h, uint32_t domid, bool writable, const uint64_t *mfns, size_t count,
	       struct why *why)
{
	if (here(h, domid, why))
		return NULL;
	if (count != 1 || !mfns[0] || mfns[0] >= FAKE_OWNED || (writable && mfns[0] < 8)) {
		why_set(why, TE_HYPERVISOR, "frame %#llx", (unsigned long long)mfns[0]);
		return NULL;
	}
	h->g.mapped++;
	return h->g.pages[mfns[0]];
}

void host_unmap(struct host *h, void *at, size_t count)
{
	if (!at || count != 1 || !h->g.mapped)
		abort();
	h->g.mapped--;
}

int host_domain_info(struct host *h, uint32_t domid, struct domain_info *info, struct why *why)
{
	struct fake_guest *g = &h->g;
	int rc = here(h, domid, why);

	*info = (struct domain_info){ .domid = domid,
				      .vcpus_max = FAKE_VCPUS,
				      .shutdown = g->shut_down,
				      .reason = g->reason,
				      .paused = g->pauses || g->debug_paused,
				      .debugged = g->debugged };
	memset(info->uuid, g->uuid, sizeof(info->uuid));
	return rc;
}

int host_domain_is_32bit(struct host *h, uint32_t domid, bool *yes, struct why *why)
{
	*yes = h->g.is_32bit;
	return here(h, domid, why);
}

int host_domain_pause(struct host *h, uint32_t domid, struct why *why)
{
	int rc = here(h, domid, why);

	h->g.pauses += !rc;
	return rc;
}

/* A guest may come to its next breakpoint before this returns. */
int host_domain_unpause(struct host *h, uint32_t domid, struct why *why)
{
	struct fake_guest *g = &h->g;
	int rc = here(h, domid, why);

	if (rc)
		return rc;
	if (g->debug_paused)
		g->debug_paused = false;
	else if (g->pauses)
		g->pauses--;
	else
		return why_set(why, TE_HYPERVISOR, "it was not paused");
	run(g);
	return 0;
}

int host_extras(struct host *h, struct host_extras *x, struct why *why)
{
	(void)h, (void)why;
	*x = (struct host_extras){ 0 };
	return 0;
}

int host_debug(struct host *h, uint32_t domid, bool on, struct why *why)
{
	struct fake_guest *g = &h->g;
	int rc = here(h, domid, why);

	if (rc)
		return rc;
	g->debugged = on;
	if (!on) {
		g->debug_paused = false;
		memset(g->held, 0, sizeof(g->held));
		memset(g->event, 0, sizeof(g->event));
	}
	return 0;
}

int host_debug_hold(struct host *h, uint32_t domid, uint32_t vcpu, bool hold, struct why *why)
{
	int rc = here(h, domid, why);

	if (rc)
		return rc;
	if (vcpu >= FAKE_VCPUS || h->g.held[vcpu] == hold || !h->g.debugged)
		return why_set(why, TE_HYPERVISOR, "held already");
	h->g.held[vcpu] = hold;
	return 0;
}

int host_debug_event(struct host *h, uint32_t domid, struct host_debug_event *e, struct why *why)
{
	struct fake_guest *g = &h->g;
	int rc = here(h, domid, why);

	*e = (struct host_debug_event){ 0 };
	if (rc)
		return rc;
	run(g);
	e->paused = g->pauses || g->debug_paused;
	for (unsigned int v = 0; v < FAKE_VCPUS; v++)
		if (g->event[v]) {
			e->any = true;
			e->vcpu = v;
			e->vector = g->event[v];
			g->event[v] = 0;
			break;
		}
	return 0;
}

int host_debug_pass(struct host *h, uint32_t domid, uint32_t vcpu, unsigned int vector,
		    struct why *why)
{
	int rc = here(h, domid, why);

	if (rc)
		return rc;
	if (vcpu >= FAKE_VCPUS || (vector != 1 && vector != 3) || !h->g.debugged)
		abort();
	h->g.passed[vcpu][vector]++;
	return 0;
}

static size_t size_of(const struct fake_guest *g)
{
	return g->is_32bit ? sizeof(struct vcpu_guest_context_x86_32) :
			     sizeof(struct vcpu_guest_context);
}

int host_vcpu_get_context(struct host *h, uint32_t domid, uint32_t vcpu, void *context, size_t size,
			  struct why *why)
{
	int rc = here(h, domid, why);

	if (rc || vcpu + 1 >= FAKE_VCPUS)
		return why_set(why, TE_HYPERVISOR, "vCPU %u was never started", vcpu);
	if (size != size_of(&h->g))
		abort();
	memcpy(context, h->g.context[vcpu], size);
	return 0;
}

int host_vcpu_set_context(struct host *h, uint32_t domid, uint32_t vcpu, const void *context,
			  size_t size, struct why *why)
{
	int rc = here(h, domid, why);

	if (rc)
		return rc;
	if (vcpu + 1 >= FAKE_VCPUS || size != size_of(&h->g) || fake_guest_runs(&h->g))
		abort();
	memcpy(h->g.context[vcpu], context, size);
	return 0;
}

int host_vcpu_get_xsave(struct host *h, uint32_t domid, uint32_t vcpu, void **area, size_t *size,
			struct why *why)
{
	(void)vcpu;
	*area = NULL;
	*size = 0;
	return here(h, domid, why);
}

int host_vcpu_set_xsave(struct host *h, uint32_t domid, uint32_t vcpu, const void *area,
			size_t size, struct why *why)
{
	(void)vcpu, (void)area, (void)size;
	return here(h, domid, why);
}

int host_vcpu_info(struct host *h, uint32_t domid, uint32_t vcpu, struct vcpu_info_row *row,
		   struct why *why)
{
	*row = (struct vcpu_info_row){ .vcpu = vcpu, .online = vcpu + 1 < FAKE_VCPUS };
	return here(h, domid, why);
}

/* --- no alarm: another process has it */

struct host_alarm *host_alarm_open(struct host *h)
{
	(void)h;
	return NULL;
}

int host_alarm_fd(const struct host_alarm *a)
{
	(void)a;
	return -1;
}

void host_alarm_clear(struct host_alarm *a)
{
	(void)a;
}

void host_alarm_close(struct host_alarm *a)
{
	(void)a;
}

static char run_dir[] = "/tmp/gdb-test-XXXXXX";

int fake_run_dir(void **state)
{
	(void)state;
	return mkdtemp(run_dir) ? setenv("TORC_RUN_DIR", run_dir, 1) : -1;
}

int fake_run_dir_end(void **state)
{
	char command[64];

	(void)state;
	snprintf(command, sizeof(command), "rm -rf %s", run_dir);
	return system(command);
}
