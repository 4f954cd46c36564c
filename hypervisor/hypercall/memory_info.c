/* SPDX-License-Identifier: BSD-2-Clause */
/* memory_op: what memory there is and where. The machine's map, a domain's counts, the
 * machine-to-phys tables, frames of resources. */
#include <torc/boot.h>
#include <torc/grant.h>
#include <torc/heap.h>
#include <torc/pv.h>
#include <torc/shared.h>
#include <torc/x86.h>
#include "memory.h"

#define MAP_MAX	 128 /* entries of a memory map */
#define BIG_PAGE (1ul << 21)

/* An entry as the BIOS gave it, which is the ABI's. */
struct e820 {
	uint64_t start, size;
	uint32_t type;
} __packed;

static unsigned long max_pfn(const struct domain *d, const void *shared)
{
	return d->is_32bit ? ((const struct shared_info_x86_32 *)shared)->arch.max_pfn :
			     ((const struct shared_info *)shared)->arch.max_pfn;
}

static long domain_number(struct vcpu *v, unsigned int cmd, gaddr_t arg)
{
	const void *shared;
	struct domain *d;
	domid_t id;
	long rc;

	if (guest_get(&id, arg))
		return refuse(v, -XEN_EFAULT, "domain id at %#lx is not readable", arg.n);
	rc = memory_domain_get(v, id, &d);
	if (rc)
		return rc;
	shared = READ_ONCE(d->shared); /* NULL: it is dead, and others hold frames of it */
	if (cmd == XENMEM_current_reservation)
		rc = d->nr_pages;
	else if (cmd == XENMEM_maximum_reservation)
		rc = d->max_pages;
	else if (!shared)
		rc = refuse(v, -XEN_ESRCH, "d%u is dead, and has no numbering", d->id);
	else /* as the guest itself says: the last of its own numbering; 0 before it speaks */
		rc = MAX((long)max_pfn(d, shared), 1) - 1;
	domain_put(&d);
	return rc;
}

/* --- memory maps ---------------------------------------------------------- */

/* struct xen_memory_map: the number and a pointer, padded to a word each. */
static int map_head_read(const struct vcpu *v, gaddr_t at, uint32_t *nr, gaddr_t *buffer)
{
	uint64_t p;

	if (guest_get(nr, at) || word_read(v, at, 1, &p))
		return -XEN_EFAULT;
	*buffer = GADDR(p);
	return 0;
}

static long map_write(struct vcpu *v, gaddr_t arg, unsigned int n,
		      bool (*entry)(const void *map, unsigned int i, struct e820 *e),
		      const void *map)
{
	struct e820 e;
	gaddr_t buffer;
	uint32_t room, i;

	if (map_head_read(v, arg, &room, &buffer))
		return refuse(v, -XEN_EFAULT, "memory map at %#lx is not readable", arg.n);
	n = MIN(n, room);
	for (i = 0; i < n && entry(map, i, &e); i++)
		if (guest_put(GADDR(buffer.n + i * sizeof(e)), &e))
			return refuse(v, -XEN_EFAULT, "memory map buffer at %#lx is not writable",
				      buffer.n);
	return guest_put(arg, &n);
}

static bool machine_entry(const void *map, unsigned int i, struct e820 *e)
{
	const struct boot_range *r = (const struct boot_range *)map + i;

	*e = (struct e820){ r->start, r->size, r->type };
	return true;
}

static bool own_entry(const void *map, unsigned int i, struct e820 *e)
{
	*e = ((const struct e820 *)map)[i];
	return true;
}

static long memory_map(struct vcpu *v, gaddr_t arg)
{
	struct domain *d = v->domain;
	struct e820 *copy = zalloc(MAP_MAX * sizeof(*copy));
	unsigned int n;
	long rc;

	if (!copy)
		return -XEN_ENOMEM;
	spin_lock(&d->pages_lock);
	n = d->nr_memory_map;
	if (n)
		memcpy(copy, d->memory_map, n * sizeof(*copy));
	spin_unlock(&d->pages_lock);
	/* Without one the guest makes its own from the number of its frames. */
	rc = n ? map_write(v, arg, n, own_entry, copy) : -XEN_ENOSYS;
	zfree(copy);
	return rc;
}

static long set_memory_map(struct vcpu *v, gaddr_t arg)
{
	struct e820 *map = NULL;
	void *old;
	struct domain *d;
	gaddr_t buffer;
	uint32_t n;
	domid_t id;
	long rc;

	/* struct xen_foreign_memory_map: the domain, padded to a word, and a map. */
	if (guest_get(&id, arg) || map_head_read(v, GADDR(arg.n + word_size(v)), &n, &buffer))
		return refuse(v, -XEN_EFAULT, "memory map at %#lx is not readable", arg.n);
	if (n > MAP_MAX)
		return refuse(v, -XEN_EINVAL, "memory map of %u entries: at most %u", n, MAP_MAX);
	rc = memory_domain_get(v, id, &d);
	if (rc)
		return rc;
	if (n) {
		map = zalloc(n * sizeof(*map));
		if (!map)
			rc = -XEN_ENOMEM;
		else if (guest_read(map, buffer, n * sizeof(*map)))
			rc = -XEN_EFAULT;
	}
	if (!rc) {
		spin_lock(&d->pages_lock);
		old = d->memory_map;
		d->memory_map = map;
		d->nr_memory_map = n;
		spin_unlock(&d->pages_lock);
		map = old;
	}
	zfree(map);
	domain_put(&d);
	return rc;
}

/* --- the machine-to-phys table -------------------------------------------- */

static long machphys_mapping(struct vcpu *v, gaddr_t arg)
{
	uint64_t start = M2P_BASE, end = M2P_BASE + MACH2PHYS_NR_ENTRIES * sizeof(uint64_t),
		 max = MACH2PHYS_NR_ENTRIES - 1;

	if (v->domain->is_32bit) {
		start = M2P32_BASE;
		end = M2P32_END;
		max = (end - start) / sizeof(uint32_t) - 1;
	}
	if (word_write(v, arg, 0, start) || word_write(v, arg, 1, end) || word_write(v, arg, 2, max))
		return refuse(v, -XEN_EFAULT, "mapping at %#lx is not writable", arg.n);
	return 0;
}

/* Where a 2 MiB piece of the 64-bit table lies: by the hypervisor's own page tables, which map it
 * in such pieces. */
static mfn_t m2p_piece(unsigned long va)
{
	const uint64_t *table = mfn_to_virt(idle_root);
	unsigned int level;
	uint64_t e;

	for (level = 4; level >= 2; level--) {
		e = table[va >> (PAGE_SHIFT + 9 * (level - 1)) & 511];
		if (!(e & PTE_P))
			return MFN_NONE;
		if (e & PTE_PSE) /* of 1 GiB, or 2 MiB */
			return MFN(((e & PTE_ADDR) >> PAGE_SHIFT & ~((1ull << 9 * (level - 1)) - 1)) +
				   ((va & ((1ul << (PAGE_SHIFT + 9 * (level - 1))) - 1)) >>
				    PAGE_SHIFT));
		table = mfn_to_virt(pte_mfn(e));
	}
	return MFN_NONE;
}

/* The tools map the table as frames of DOMID_XEN: they become frames to be shared the first time
 * somebody asks where they are. */
static void piece_share(mfn_t first, unsigned long n)
{
	static spinlock_t lock = SPINLOCK(RANK_DOMAIN);
	struct frame *f;
	unsigned long i;

	spin_lock(&lock);
	for (i = 0; i < n; i++) {
		f = mfn_frame(MFN(first.n + i));
		if (mfn_valid(MFN(first.n + i)) && !f->owner)
			frame_share(f, &hyp_domain, false);
	}
	spin_unlock(&lock);
}

/* Pieces of 2 MiB of one of the tables, by their first frames. */
static long machphys_list(struct vcpu *v, gaddr_t arg, bool compat)
{
	unsigned int nr_at =
		v->domain->is_32bit ? 8 : offsetof(struct xen_machphys_mfn_list, nr_extents);
	unsigned int n = 0, total;
	uint32_t max;
	uint64_t list;
	mfn_t m;

	if (guest_get(&max, arg) || word_read(v, arg, 1, &list))
		return refuse(v, -XEN_EFAULT, "list at %#lx is not readable", arg.n);
	compat |= v->domain->is_32bit;
	total = compat ? ARRAY_SIZE(m2p32_l2e) :
			 (max_mfn.n * sizeof(uint64_t) + BIG_PAGE - 1) / BIG_PAGE;
	for (n = 0; n < MIN(total, max); n++) {
		m = compat ? (m2p32_l2e[n] & PTE_P ? pte_mfn(m2p32_l2e[n]) : MFN_NONE) :
			     m2p_piece(M2P_BASE + n * BIG_PAGE);
		if (compat)
			m.n &= ~511ull; /* bit 12 of a large page's entry is no address */
		if (!mfn_eq(m, MFN_NONE) && mfn_valid(m) && v->domain->privileged)
			piece_share(m, BIG_PAGE / PAGE_SIZE);
		if (word_write(v, GADDR(list), n, mfn_valid(m) ? m.n : 0))
			return refuse(v, -XEN_EFAULT, "list at %#lx is not writable", list);
	}
	return guest_put(GADDR(arg.n + nr_at), &n);
}

/* --- frames of a domain that are not its memory --------------------------- */

static long acquire_resource(struct vcpu *v, gaddr_t arg)
{
	struct xen_mem_acquire_resource r;
	/* Up to the list's address both widths are alike. */
	const size_t head = offsetof(struct xen_mem_acquire_resource, frame_list);
	unsigned int frames, max, i;
	struct domain *d;
	uint64_t list = 0;
	mfn_t m;
	long rc;

	if (guest_read(&r, arg, head) || guest_read(&list, GADDR(arg.n + head), word_size(v)))
		return refuse(v, -XEN_EFAULT, "resource at %#lx is not readable", arg.n);
	if (!v->domain->privileged)
		return refuse(v, -XEN_EPERM, "resources of domains are for the control domain");
	if (r.pad || (!list && r.nr_frames))
		return refuse(v, -XEN_EINVAL, "resource: padding %#x, %u frames without a list",
			      r.pad, r.nr_frames);
	if (r.type != XENMEM_resource_grant_table)
		return refuse(v, -XEN_EOPNOTSUPP, "resource %u: only grant tables (%u) are offered",
			      r.type, XENMEM_resource_grant_table);
	if (r.id != XENMEM_resource_grant_table_id_shared)
		return refuse(v, -XEN_EINVAL,
			      "grant table resource %u: version 1 has no status frames", r.id);
	rc = memory_domain_get(v, r.domid, &d);
	if (rc)
		return rc;
	grant_size(d, &frames, &max);
	if (!list) {
		r.nr_frames = max;
		rc = guest_put(GADDR(arg.n + offsetof(struct xen_mem_acquire_resource, nr_frames)),
			       &r.nr_frames);
	} else if (r.frame >= max || r.nr_frames > max - r.frame) {
		rc = refuse(v, -XEN_EINVAL, "grant frames %lu to %lu of d%u: it may have %u",
			    r.frame, r.frame + r.nr_frames - 1, d->id, max);
	}
	for (i = 0; list && !rc && i < r.nr_frames; i++) {
		rc = grant_table_frame(d, r.frame + i, &m);
		if (!rc)
			rc = word_write(v, GADDR(list), i, m.n);
	}
	domain_put(&d);
	return rc;
}

long memory_info(struct vcpu *v, unsigned int cmd, gaddr_t arg)
{
	uint32_t none = 0;

	switch (cmd) {
	case XENMEM_maximum_ram_page: return max_mfn.n - 1;
	case XENMEM_current_reservation:
	case XENMEM_maximum_reservation:
	case XENMEM_maximum_gpfn: return domain_number(v, cmd, arg);
	case XENMEM_memory_map: return memory_map(v, arg);
	case XENMEM_machine_memory_map:
		if (!v->domain->privileged)
			return refuse(v, -XEN_EPERM,
				      "the machine's memory map is for the control domain");
		return map_write(v, arg, boot_info.nr_map, machine_entry, boot_info.map);
	case XENMEM_set_memory_map: return set_memory_map(v, arg);
	case XENMEM_machphys_mapping: return machphys_mapping(v, arg);
	case XENMEM_machphys_mfn_list: return machphys_list(v, arg, false);
	case XENMEM_machphys_compat_mfn_list: return machphys_list(v, arg, true);
	case XENMEM_acquire_resource: return acquire_resource(v, arg);
	case XENMEM_reserved_device_memory_map: /* without an IOMMU there is none: nr_entries is the
						   second field */
		return guest_put(GADDR(arg.n + 4), &none);
	case XENMEM_add_to_physmap:
	case XENMEM_add_to_physmap_batch:
	case XENMEM_remove_from_physmap:
		return refuse(v, -XEN_EACCES,
			      "command %u is for guests whose physical memory is translated", cmd);
	case XENMEM_get_sharing_freed_pages:
	case XENMEM_get_sharing_shared_pages:
		return 0; /* no two domains share a page behind their backs */
	case XENMEM_get_vnumainfo: return -XEN_EOPNOTSUPP;
	default: return refuse(v, -XEN_ENOSYS, "memory command %u is not offered", cmd);
	}
}
