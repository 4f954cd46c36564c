/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The guest as its debugger sees it: it stands, or some of its processors run.
 *
 * A breakpoint or a finished step pauses the whole domain (the hypervisor does that) and is told
 * once. We add a pause of our own, so that all processors are off theirs, ask until nothing more is
 * told, and decide: ours is reported, the guest's own goes back to the guest, which runs on.
 * Running means that nobody pauses it: a guest that somebody paused runs when the peer says so.
 *
 * A step is TF in the flags; the hypervisor lets events wait until the instruction is done. If it
 * faults, or is a system call, the flags go to the guest's stack and are cleared, so the step ends
 * when the guest comes back from that, as it should: maybe on another vCPU, if its kernel moved the
 * process there. If the peer loses interest meanwhile there is a TF left on a stack: a debug
 * exception is owed to us and not passed on.
 */
#include "dom0-tools/gdb/gdb.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <xen/xen.h>
#include <xen/foreign/x86_32.h>

#define FLAG_TF	     0x100u
#define DR6_STEP     0x4000u
#define DR6_WATCH    0xfu
#define VECTOR_DEBUG 1u
#define VECTOR_BREAK 3u
#define STEP_OVER_MS 2000u
#define DRAIN_MS     1000u
#define XSAVE_AT     16u /* of the legacy area in what the hypervisor gives: two words come first */
#define XSAVE_USED   (XSAVE_AT + 512u)

#define EACH(t, n) for (uint32_t n = 0; n < (t)->nr_vcpus; n++)

/* --- processors ----------------------------------------------------------- */

void *target_context(struct target *t, uint32_t vcpu)
{
	struct target_vcpu *v;
	struct why ignored = { 0 };
	void *room;

	if (vcpu >= t->nr_vcpus)
		return NULL;
	v = &t->vcpus[vcpu];
	if (v->context)
		return v->context;
	/* whole words, and never less than either width's: the checks of one know nothing of the
	 * other */
	room = calloc(1, sizeof(struct vcpu_guest_context));
	if (!room ||
	    host_vcpu_get_context(t->h, t->domid, vcpu, room, regs_context_size(t), &ignored)) {
		free(room);
		return NULL;
	}
	v->context = room;
	v->changed = false;
	return room;
}

void target_changed(struct target *t, uint32_t vcpu)
{
	t->vcpus[vcpu].changed = true;
}

/* Setting a context resets what FXSAVE does not know of: carry it over. */
static int put_context(struct target *t, uint32_t vcpu, struct why *why)
{
	struct target_vcpu *v = &t->vcpus[vcpu];
	uint8_t *area = NULL;
	size_t size = 0;
	int rc;

	if (!v->context || !v->changed)
		return 0;
	rc = host_vcpu_get_xsave(t->h, t->domid, vcpu, (void **)&area, &size, why);
	if (!rc)
		rc = host_vcpu_set_context(t->h, t->domid, vcpu, v->context, regs_context_size(t),
					   why);
	if (!rc && area && size > XSAVE_USED) {
		memcpy(area + XSAVE_AT, v->context, 512);
		area[XSAVE_USED] |= 3; /* x87 and SSE are there to be loaded */
		rc = host_vcpu_set_xsave(t->h, t->domid, vcpu, area, size, why);
	}
	free(area);
	if (!rc)
		v->changed = false;
	return rc;
}

static int put_contexts(struct target *t, struct why *why)
{
	int rc = 0;

	EACH(t, n)
	rc = rc ? rc : put_context(t, n, why);
	return rc;
}

static void forget(struct target *t)
{
	EACH(t, n)
	{
		free(t->vcpus[n].context);
		t->vcpus[n].context = NULL;
	}
	memory_forget(t);
}

static bool flag_step(struct target *t, uint32_t vcpu, bool on)
{
	void *c = target_context(t, vcpu);
	uint64_t flags;

	if (!c)
		return false;
	flags = regs_flags(t, c);
	if (!!(flags & FLAG_TF) != on) {
		regs_set_flags(t, c, flags ^ FLAG_TF);
		target_changed(t, vcpu);
	}
	return true;
}

/* --- going ---------------------------------------------------------------- */

static int set_held(struct target *t, uint32_t vcpu, bool held, struct why *why)
{
	struct target_vcpu *v = &t->vcpus[vcpu];
	int rc;

	if (v->held == held)
		return 0;
	rc = host_debug_hold(t->h, t->domid, vcpu, held, why);
	if (!rc)
		v->held = held;
	return rc;
}

/* Whoever paused it. */
static int unpause_all(struct target *t, struct why *why)
{
	struct domain_info info;
	int rc;

	for (;;) {
		rc = host_domain_info(t->h, t->domid, &info, why);
		if (rc || !info.paused)
			return rc;
		rc = host_domain_unpause(t->h, t->domid, why);
		if (rc)
			return rc;
	}
}

/*
 * It stood when we came, for we do not know how many reasons. None of them counts any more, but
 * ours. Meanwhile no processor may run: it could come to a breakpoint, and that pause must not be
 * taken for one of these.
 */
static int take_over(struct target *t, struct why *why)
{
	int rc = 0;

	EACH(t, n)
	if (!rc && target_context(t, n) && !t->vcpus[n].held)
		rc = host_debug_hold(t->h, t->domid, n, true, why);
	if (!rc)
		rc = unpause_all(t, why);
	if (!rc)
		rc = host_domain_pause(t->h, t->domid, why);
	EACH(t, n)
	if (!rc && target_context(t, n) && !t->vcpus[n].held)
		rc = host_debug_hold(t->h, t->domid, n, false, why);
	return rc;
}

/* One pause is there, ours. */
static int go(struct target *t, struct why *why)
{
	int rc = put_contexts(t, why);

	if (!rc && t->was_paused && !t->went_on)
		rc = take_over(t, why);
	if (rc)
		return rc;
	forget(t);
	t->running = t->went_on = true;
	return host_domain_unpause(t->h, t->domid, why);
}

static void begin_step(struct target *t, uint32_t vcpu)
{
	struct target_vcpu *v = &t->vcpus[vcpu];
	const void *c = target_context(t, vcpu);

	v->had_tf = regs_flags(t, c) & FLAG_TF;
	v->stepping = true;
	v->step.user = !regs_in_kernel(t, c);
	regs_roots(t, c, v->step.roots);
	flag_step(t, vcpu, true);
}

int target_resume(struct target *t, struct why *why)
{
	int rc = 0;

	EACH(t, n)
	{
		struct target_vcpu *v = &t->vcpus[n];
		void *c = target_context(t, n);

		if (!c && v->action == ACTION_STEP)
			return why_set(why, TE_STATE, "vCPU %u was never started", n);
		if (!rc && c) /* one that is not started yet may start */
			rc = set_held(t, n, v->action == ACTION_NONE, why);
		if (rc || v->action != ACTION_STEP)
			continue;
		begin_step(t, n);
		journal_step(t, n, true);
	}
	return rc ? rc : go(t, why);
}

/* --- standing ------------------------------------------------------------- */

/* Done, or nobody waits for it any more. */
static void end_step(struct target *t, uint32_t vcpu)
{
	void *c = target_context(t, vcpu);

	t->vcpus[vcpu].stepping = false;
	if (c && regs_flags(t, c) & FLAG_TF)
		flag_step(t, vcpu, t->vcpus[vcpu].had_tf);
	else if (c && t->nr_owed < OWED_MAX)
		t->owed[t->nr_owed++] = t->vcpus[vcpu].step;
}

static void settle(struct target *t)
{
	EACH(t, n)
	if (t->vcpus[n].stepping) {
		end_step(t, n);
		journal_step(t, n, false);
	}
}

static enum stop on_breakpoint(struct target *t, uint32_t vcpu, const struct point **over)
{
	struct why ignored = { 0 };
	unsigned int offset;
	struct point *p;
	uint64_t ip, mfn;
	void *c = target_context(t, vcpu);

	if (!c)
		return STOP_NONE;
	ip = regs_ip(t, c) - 1;
	p = memory_find(t, vcpu, ip, &mfn, &offset) ? point_at(t, mfn, offset) : NULL;
	if (!p) {
		host_debug_pass(t->h, t->domid, vcpu, VECTOR_BREAK, &ignored);
		return STOP_NONE;
	}
	regs_set_ip(t, c, ip);
	target_changed(t, vcpu);
	if (point_wanted(t, ip))
		return STOP_BREAKPOINT;
	*over = p; /* the frame is mapped elsewhere as well, and there nobody wants one */
	return STOP_NONE;
}

/* A kernel's stack may come back under any process's tables, a process comes back under its own. */
static bool same_place(const struct target *t, const struct step *s, const void *c)
{
	uint64_t roots[2];

	regs_roots(t, c, roots);
	return !s->user ||
	       (!regs_in_kernel(t, c) && roots[0] == s->roots[0] && roots[1] == s->roots[1]);
}

/* A step that began on another vCPU and is under way in the guest's kernel. */
static uint32_t whose_step(struct target *t, uint32_t vcpu, const void *c)
{
	EACH(t, n)
	{
		const void *its = n != vcpu && t->vcpus[n].stepping ? target_context(t, n) : NULL;

		if (its && !(regs_flags(t, its) & FLAG_TF) && same_place(t, &t->vcpus[n].step, c))
			return n;
	}
	return NO_VCPU;
}

static bool take_owed(struct target *t, const void *c)
{
	for (unsigned int i = 0; i < t->nr_owed; i++)
		if (same_place(t, &t->owed[i], c)) {
			t->owed[i] = t->owed[--t->nr_owed];
			return true;
		}
	return false;
}

/* *who: whose step it was, if it was one. */
static enum stop on_debug(struct target *t, uint32_t vcpu, uint32_t *who)
{
	struct target_vcpu *v = &t->vcpus[vcpu];
	void *c = target_context(t, vcpu);
	struct why ignored = { 0 };
	uint64_t dr6, ip;

	if (!c)
		return STOP_NONE;
	dr6 = regs_dr6(t, c);
	*who = !(dr6 & DR6_STEP) ? NO_VCPU : v->stepping ? vcpu : whose_step(t, vcpu, c);
	if (dr6 & DR6_STEP && (*who != NO_VCPU || take_owed(t, c))) {
		regs_clear_dr6(t, c, DR6_STEP);
		target_changed(t, vcpu);
		if (dr6 & DR6_WATCH) /* and what the guest itself watches */
			host_debug_pass(t->h, t->domid, vcpu, VECTOR_DEBUG, &ignored);
		if (*who != vcpu)
			flag_step(t, vcpu, false);
		if (*who == NO_VCPU)
			return STOP_NONE;
		if (*who != vcpu) {
			t->vcpus[*who].stepping = false;
			journal_step(t, *who, false);
			return STOP_STEP;
		}
		ip = regs_ip(t, c);
		return ip >= v->range_from && ip < v->range_to ? STOP_NONE : STOP_STEP;
	}
	host_debug_pass(t->h, t->domid, vcpu, VECTOR_DEBUG, &ignored);
	return STOP_NONE;
}

/* The domain is paused. All that happened, until nothing more is told; *vcpu: the first who did
 * what the peer wants to know. */
static enum stop collect(struct target *t, struct host_debug_event e, uint32_t *vcpu,
			 uint32_t *over_vcpu, const struct point **over)
{
	enum stop stop = STOP_NONE, one;
	struct why ignored = { 0 };
	bool any = e.any;

	for (unsigned int n = 0; n <= t->nr_vcpus; n++) {
		if (e.any && e.vcpu < t->nr_vcpus) {
			const struct point *p = NULL;
			uint32_t who = e.vcpu;

			one = e.vector == VECTOR_BREAK ? on_breakpoint(t, e.vcpu, &p) :
							 on_debug(t, e.vcpu, &who);
			if (p && !*over) {
				*over = p;
				*over_vcpu = e.vcpu;
			}
			if (one != STOP_NONE && stop == STOP_NONE) {
				stop = one;
				*vcpu = who;
			}
		}
		if (host_debug_event(t->h, t->domid, &e, &ignored) || !e.any)
			break;
		any = true;
	}
	if (any) /* their pause; ours stays */
		host_domain_unpause(t->h, t->domid, &ignored);
	return stop;
}

/* One instruction of one vCPU without the breakpoint that it ran into, while the others stand. */
static enum stop step_over(struct target *t, uint32_t vcpu, const struct point *over, uint32_t *who)
{
	const struct timespec nap = { .tv_nsec = 1000000 };
	const struct point *again = NULL;
	struct target_vcpu *v = &t->vcpus[vcpu];
	struct host_debug_event e = { 0 };
	struct why ignored = { 0 };
	enum stop stop = STOP_NONE;
	bool was_stepping = v->stepping;
	struct point p = *over;
	uint32_t ignored_vcpu;

	EACH(t, n)
	if (n != vcpu && target_context(t, n) && !t->vcpus[n].held)
		host_debug_hold(t->h, t->domid, n, true, &ignored);
	if (!was_stepping) {
		v->range_from = v->range_to = 0;
		begin_step(t, vcpu);
	}
	point_lift(t, &p);
	if (!go(t, &ignored))
		for (unsigned int ms = 0; ms < STEP_OVER_MS && !e.any; ms++) {
			if (host_debug_event(t->h, t->domid, &e, &ignored))
				break;
			nanosleep(&nap, NULL);
		}
	host_domain_pause(t->h, t->domid, &ignored);
	t->running = false;
	stop = collect(t, e, who, &ignored_vcpu, &again);
	if (!was_stepping) {
		if (stop == STOP_STEP)
			stop = STOP_NONE;
		end_step(t, vcpu);
	}
	if (point_at(t, p.mfn, p.offset))
		point_lower(t, &p);
	EACH(t, n)
	if (n != vcpu && target_context(t, n) && !t->vcpus[n].held)
		host_debug_hold(t->h, t->domid, n, false, &ignored);
	return stop;
}

/* Pause it, look what happened, and if the peer need not know let it run on. */
static enum stop stand(struct target *t, struct host_debug_event e, bool stay, uint32_t *vcpu)
{
	const struct point *over = NULL;
	struct why ignored = { 0 };
	uint32_t over_vcpu = 0;
	enum stop stop;

	if (host_domain_pause(t->h, t->domid, &ignored) && ignored.error == TE_NO_DOMAIN)
		return STOP_GONE;
	t->running = false;
	stop = collect(t, e, vcpu, &over_vcpu, &over);
	if (stop == STOP_NONE && over && !stay) /* else it runs into it again, later */
		stop = step_over(t, over_vcpu, over, vcpu);
	if (stop == STOP_NONE && !stay) {
		if (!go(t, &ignored))
			return STOP_NONE;
		stop = STOP_INTERRUPT; /* it does not run on: better seen than waited for */
		*vcpu = over_vcpu;
	}
	settle(t);
	return stop;
}

static uint32_t first_online(struct target *t)
{
	struct vcpu_info_row row;
	struct why ignored = { 0 };

	EACH(t, n)
	if (!host_vcpu_info(t->h, t->domid, n, &row, &ignored) && row.online)
		return n;
	return 0;
}

enum stop target_interrupt(struct target *t, uint32_t *vcpu)
{
	enum stop stop;

	if (!t->running)
		return STOP_NONE;
	stop = stand(t, (struct host_debug_event){ 0 }, true, vcpu);
	if (stop != STOP_NONE)
		return stop;
	*vcpu = first_online(t);
	return STOP_INTERRUPT;
}

static enum stop ended(struct target *t, const struct domain_info *info, uint32_t *vcpu)
{
	bool crashed = info->reason == SHUT_CRASH;

	*vcpu = first_online(t);
	t->exit_code = info->reason;
	stand(t, (struct host_debug_event){ 0 }, true, vcpu);
	if (!crashed || t->crash_told)
		return STOP_EXITED;
	t->crash_told = true;
	return STOP_CRASHED;
}

enum stop target_poll(struct target *t, uint32_t *vcpu)
{
	struct host_debug_event e;
	struct domain_info info;
	struct why why = { 0 };

	if (!t->running)
		return STOP_NONE;
	if (host_debug_event(t->h, t->domid, &e, &why))
		return why.error == TE_NO_DOMAIN ? STOP_GONE : STOP_NONE;
	if (e.any)
		return stand(t, e, false, vcpu);
	if (host_domain_info(t->h, t->domid, &info, &why))
		return why.error == TE_NO_DOMAIN ? STOP_GONE : STOP_NONE;
	if (info.dying)
		return STOP_GONE;
	return info.shutdown ? ended(t, &info, vcpu) : STOP_NONE;
}

/* --- coming and leaving --------------------------------------------------- */

static int find(struct target *t, struct host *h, uint32_t domid, struct domain_info *info,
		struct why *why)
{
	bool is_32bit = false;
	int rc;

	*t = (struct target){ .h = h, .domid = domid };
	if (domid == 0)
		return why_set(why, TE_STATE,
			       "domain 0 is the control domain: the debugger runs in it");
	rc = host_domain_info(h, domid, info, why);
	if (!rc && info->hvm)
		rc = why_set(why, TE_UNSUPPORTED, "domain %u is no paravirtual guest", domid);
	if (!rc && info->dying)
		rc = why_set(why, TE_STATE, "domain %u is being destroyed", domid);
	if (!rc && (!info->vcpus_max || info->vcpus_max > TARGET_VCPUS_MAX))
		rc = why_set(why, TE_STATE, "domain %u has %u vCPUs; 1 to %u can be debugged",
			     domid, info->vcpus_max, TARGET_VCPUS_MAX);
	if (!rc)
		rc = host_domain_is_32bit(h, domid, &is_32bit, why);
	if (rc)
		return rc;
	t->is_64 = !is_32bit;
	t->nr_vcpus = info->vcpus_max;
	t->vcpus = calloc(t->nr_vcpus, sizeof(*t->vcpus));
	return t->vcpus ? 0 : why_set(why, TE_NO_MEMORY, "no memory for %u vCPUs", t->nr_vcpus);
}

static void drop(struct target *t)
{
	forget(t);
	free(t->points);
	free(t->vcpus);
	t->points = NULL;
	t->vcpus = NULL;
	t->nr_vcpus = 0;
}

int target_attach(struct target *t, struct host *h, uint32_t domid, struct why *why)
{
	struct host_extras extras;
	struct domain_info info;
	int rc, healed;

	healed = gdb_recover(h, domid, why);
	rc = healed < 0 ? healed :
			  /* Torc: the guest's own exceptions are the guest's */
			  host_extras(h, &extras, why);
	if (!rc)
		rc = find(t, h, domid, &info, why);
	if (rc)
		return rc;
	t->was_paused = info.paused && !healed;
	rc = journal_open(t, info.uuid, why);
	if (!rc)
		rc = host_debug(h, domid, true, why);
	if (!rc) {
		t->attached = true;
		rc = host_domain_pause(h, domid, why);
	}
	if (rc) {
		if (t->attached)
			host_debug(h, domid, false, &(struct why){ 0 });
		t->attached = false;
		journal_close(t);
		drop(t);
	}
	return rc;
}

/* Let it run until it has taken our TFs off its stacks, or has had its time: then it gets debug
 * exceptions that mean nothing to it. */
static void drain(struct target *t)
{
	const struct timespec nap = { .tv_nsec = 1000000 };
	struct host_debug_event e = { 0 };
	struct why ignored = { 0 };
	uint32_t vcpu;

	EACH(t, n)
	set_held(t, n, false, &ignored);
	for (unsigned int ms = 0; ms < DRAIN_MS && t->nr_owed; ms++) {
		if (!t->running && go(t, &ignored))
			return;
		nanosleep(&nap, NULL);
		if (host_debug_event(t->h, t->domid, &e, &ignored))
			return;
		if (e.any)
			stand(t, e, true, &vcpu);
	}
	if (t->running)
		stand(t, (struct host_debug_event){ 0 }, true, &vcpu);
}

/* All that was done to the guest is undone; it stands. */
static void let_go(struct target *t)
{
	struct why ignored = { 0 };
	uint32_t vcpu;

	if (t->running)
		stand(t, (struct host_debug_event){ 0 }, true, &vcpu);
	settle(t);
	points_remove_all(t);
	if (t->nr_owed)
		drain(t);
	put_contexts(t, &ignored);
	host_debug(t->h, t->domid, false, &ignored); /* and lets go of the vCPUs that are held */
	t->attached = false;
}

void target_detach(struct target *t)
{
	struct why ignored = { 0 };

	if (t->attached) {
		let_go(t);
		if (t->was_paused && !t->went_on)
			host_domain_unpause(t->h, t->domid, &ignored);
		else
			unpause_all(t, &ignored);
		journal_close(t);
	}
	drop(t);
}

int gdb_recover(struct host *h, uint32_t domid, struct why *why)
{
	struct domain_info info;
	struct target t;
	int rc = find(&t, h, domid, &info, why);

	if (rc)
		return rc;
	rc = journal_load(&t, info.uuid, why);
	if (rc > 0) {
		t.attached = t.running = true; /* for all we know */
		let_go(&t);
		journal_close(&t);
	}
	drop(&t);
	return rc;
}
