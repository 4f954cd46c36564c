/* SPDX-License-Identifier: BSD-2-Clause */
/* grant_table_op: an array of requests, each with a status of its own. What is done stays done if
 * the array goes on later. */
#include <torc/grant.h>
#include <torc/pv.h>
#include <torc/sched.h>
#include "internal.h"

static long unreadable(struct vcpu *v, gaddr_t arg)
{
	return refuse(v, -XEN_EFAULT, "grants: request at %#lx is not accessible", arg.n);
}

static long again(struct vcpu *v, gaddr_t req, unsigned int left)
{
	hypercall_restart(v, 1, req.n);
	return hypercall_restart(v, 2, left);
}

static bool pause_here(unsigned int done)
{
	return done && done % GRANT_BATCH == 0 && must_yield();
}

static long map(struct vcpu *v, gaddr_t req, unsigned int count)
{
	struct gnttab_map_grant_ref op;
	unsigned int i;

	for (i = 0; i < count; i++, req.n += sizeof(op)) {
		if (pause_here(i))
			return again(v, req, count - i);
		if (guest_get(&op, req))
			return unreadable(v, req);
		op.status = grant_map(v, &op);
		if (guest_put(req, &op))
			return unreadable(v, req);
	}
	return 0;
}

/* Both kinds of it: alike but for what comes in the mapping's place. */
static long unmap(struct vcpu *v, gaddr_t req, unsigned int count, bool replace)
{
	unsigned int i, size = replace ? sizeof(struct gnttab_unmap_and_replace) :
					 sizeof(struct gnttab_unmap_grant_ref);
	struct grant_batch b = { .v = v };
	union {
		struct gnttab_unmap_grant_ref plain;
		struct gnttab_unmap_and_replace replace;
	} op;
	long rc = 0;

	for (i = 0; i < count && !rc; i++, req.n += size) {
		if (pause_here(i)) {
			rc = again(v, req, count - i);
			break;
		}
		if (guest_read(&op, req, size)) {
			rc = unreadable(v, req);
			break;
		}
		if (replace)
			op.replace.status = grant_unmap_and_replace(&b, &op.replace);
		else
			op.plain.status = grant_unmap(&b, &op.plain);
		if (guest_write(req, &op, size))
			rc = unreadable(v, req);
	}
	grant_batch_finish(&b);
	return rc;
}

static long copy(struct vcpu *v, gaddr_t req, unsigned int count)
{
	unsigned int i, size = sizeof_gnttab_copy(v);
	struct grant_copies c = { .v = v };
	struct gnttab_copy op;
	long rc = 0;

	for (i = 0; i < count && !rc; i++, req.n += size) {
		if (pause_here(i)) {
			rc = again(v, req, count - i);
			break;
		}
		if (read_gnttab_copy(v, req, &op) ||
		    write_gnttab_copy_status(v, req, grant_copy(&c, &op)))
			rc = unreadable(v, req);
	}
	grant_copies_finish(&c);
	return rc;
}

/* Giving frames away is refused: it would change both domains' balance behind the tools' backs, and
 * copy serves the same end. The status must be bad_page: after any other the caller would have lost
 * the frame. */
static long transfer(struct vcpu *v, gaddr_t req, unsigned int count)
{
	unsigned int i, size = sizeof_gnttab_transfer(v);

	for (i = 0; i < count; i++, req.n += size) {
		if (pause_here(i))
			return again(v, req, count - i);
		if (write_gnttab_transfer_status(v, req, GNTST_bad_page))
			return unreadable(v, req);
	}
	return 0;
}

static long setup_table(struct vcpu *v, gaddr_t req, unsigned int count)
{
	struct gnttab_setup_table op;
	struct domain *d;
	unsigned int i;
	gaddr_t list;
	mfn_t m;

	if (count != 1)
		return refuse(v, -XEN_EINVAL, "setup_table: %u requests; one at a time", count);
	if (read_gnttab_setup(v, req, &op, &list))
		return unreadable(v, req);
	d = domain_get_for(v, op.dom);
	if (!d) {
		op.status = v->domain->privileged ? GNTST_bad_domain : GNTST_permission_denied;
		refuse(v, -XEN_EPERM, "setup_table: d%u's table is not the caller's", op.dom);
	} else {
		op.status = grant_grow(d, op.nr_frames);
		if (op.status)
			refuse(v, -XEN_EINVAL, "setup_table: %u frames for d%u", op.nr_frames,
			       d->id);
		for (i = 0; i < op.nr_frames && !op.status; i++)
			if (!grant_frame(d, i, &m) || write_pfn(v, list, i, m))
				op.status = GNTST_bad_virt_addr;
		domain_put(&d);
	}
	return write_gnttab_setup_status(v, req, op.status) ? unreadable(v, req) : 0;
}

static long query_size(struct vcpu *v, gaddr_t req, unsigned int count)
{
	struct gnttab_query_size op;
	struct domain *d;

	if (count != 1)
		return refuse(v, -XEN_EINVAL, "query_size: %u requests; one at a time", count);
	if (guest_get(&op, req))
		return unreadable(v, req);
	d = domain_get_for(v, op.dom);
	if (!d) {
		op.status = v->domain->privileged ? GNTST_bad_domain : GNTST_permission_denied;
	} else {
		op.status = GNTST_okay;
		grant_size(d, &op.nr_frames, &op.max_nr_frames);
		domain_put(&d);
	}
	return guest_put(req, &op) ? unreadable(v, req) : 0;
}

static long swap(struct vcpu *v, gaddr_t req, unsigned int count)
{
	struct gnttab_swap_grant_ref op;
	unsigned int i;

	for (i = 0; i < count; i++, req.n += sizeof(op)) {
		if (pause_here(i))
			return again(v, req, count - i);
		if (guest_get(&op, req))
			return unreadable(v, req);
		op.status = grant_swap(v->domain, op.ref_a, op.ref_b);
		if (guest_put(req, &op))
			return unreadable(v, req);
	}
	return 0;
}

static long set_version(struct vcpu *v, gaddr_t req, unsigned int count)
{
	struct gnttab_set_version op;
	uint32_t asked;

	if (count != 1)
		return refuse(v, -XEN_EINVAL, "set_version: %u requests; one at a time", count);
	if (guest_get(&op, req))
		return unreadable(v, req);
	asked = op.version;
	op.version = 1; /* what is in effect, whatever was asked for */
	if (guest_put(req, &op))
		return unreadable(v, req);
	if (asked == 1)
		return 0;
	return asked == 2 ?
		       -XEN_ENOSYS :
		       refuse(v, -XEN_EINVAL, "set_version: no version %u; 1 is offered", asked);
}

static long get_version(struct vcpu *v, gaddr_t req, unsigned int count)
{
	struct gnttab_get_version op;
	struct domain *d;

	if (count != 1)
		return refuse(v, -XEN_EINVAL, "get_version: %u requests; one at a time", count);
	if (guest_get(&op, req))
		return unreadable(v, req);
	d = domain_get_for(v, op.dom);
	if (!d)
		return refuse(v, v->domain->privileged ? -XEN_ESRCH : -XEN_EPERM,
			      "get_version: d%u's table is not the caller's", op.dom);
	domain_put(&d);
	op.version = 1;
	return guest_put(req, &op) ? unreadable(v, req) : 0;
}

HC(hc_grant_table_op)
{
	gaddr_t req = GADDR(a2);
	unsigned int count = (unsigned int)a3;

	(void)a4, (void)a5;
	if ((int)count < 0)
		return refuse(v, -XEN_EINVAL, "grants: %u requests", count);
	switch ((uint32_t)a1) {
	case GNTTABOP_map_grant_ref: return map(v, req, count);
	case GNTTABOP_unmap_grant_ref: return unmap(v, req, count, false);
	case GNTTABOP_unmap_and_replace: return unmap(v, req, count, true);
	case GNTTABOP_copy: return copy(v, req, count);
	case GNTTABOP_setup_table: return setup_table(v, req, count);
	case GNTTABOP_query_size: return query_size(v, req, count);
	case GNTTABOP_swap_grant_ref: return swap(v, req, count);
	case GNTTABOP_set_version: return set_version(v, req, count);
	case GNTTABOP_get_version: return get_version(v, req, count);
	case GNTTABOP_transfer: return transfer(v, req, count);
	case GNTTABOP_get_status_frames: /* version 2 */
	case GNTTABOP_dump_table:
	case GNTTABOP_cache_flush:
	default: return refuse(v, -XEN_ENOSYS, "grants: command %lu is not offered", a1);
	}
}

HC(hc_grant_table_op_32)
{
	/* the structures that differ are read by width */
	return hc_grant_table_op(v, a1, a2, a3, a4, a5);
}
