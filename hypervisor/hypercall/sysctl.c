/* SPDX-License-Identifier: BSD-2-Clause */
/* sysctl: control of the host, as far as there is something to control; the rest is refused by
 * name. */
#include <torc/boot.h>
#include <torc/console.h>
#include <torc/control.h>
#include <torc/cpuid.h>
#include <torc/heap.h>
#include <torc/sched.h>
#include <torc/x86.h>

typedef long sysctl_fn(struct vcpu *v, struct xen_sysctl *op);
#define SYSCTL(name) static long name(struct vcpu *v, struct xen_sysctl *op)

int cpumap_put(const struct xenctl_bitmap *b, cpumask_t mask)
{
	uint32_t bytes = (MIN(b->nr_bits, 65536u) + 7) / 8, n = MIN(bytes, (uint32_t)sizeof(mask));

	if (b->nr_bits < 64)
		mask &= (1ull << b->nr_bits) - 1;
	if (guest_write(GADDR(b->bitmap.p), &mask, n) ||
	    (bytes > n && guest_clear(GADDR((unsigned long)b->bitmap.p + n), bytes - n)))
		return -XEN_EFAULT;
	return 0;
}

int cpumap_get(const struct xenctl_bitmap *b, cpumask_t *mask)
{
	uint32_t n = MIN((MIN(b->nr_bits, 65536u) + 7) / 8, (uint32_t)sizeof(*mask));

	*mask = 0;
	if (guest_read(mask, GADDR(b->bitmap.p), n))
		return -XEN_EFAULT;
	if (b->nr_bits < 64)
		*mask &= (1ull << b->nr_bits) - 1;
	return 0;
}

SYSCTL(read_console)
{
	struct xen_sysctl_readconsole *r = &op->u.readconsole;
	uint32_t at = r->incremental ? r->index : 0, done = 0;
	char part[256];

	(void)v;
	while (done < r->count) {
		uint32_t want = MIN(r->count - done, (uint32_t)sizeof(part));
		size_t n = console_ring_read(part, want, &at, r->clear);

		if (guest_write(GADDR((unsigned long)r->buffer.p + done), part, n))
			return -XEN_EFAULT;
		done += (uint32_t)n;
		if (n < want)
			break;
	}
	r->index = at;
	r->count = done;
	return 0;
}

SYSCTL(phys_info)
{
	struct xen_sysctl_physinfo *p = &op->u.physinfo;
	uint32_t words[FEATURESET_WORDS];

	(void)v;
	memset(p, 0, sizeof(*p));
	p->threads_per_core = 1;
	p->cores_per_socket = nr_cpus;
	p->nr_cpus = nr_cpus;
	p->max_cpu_id = nr_cpus - 1;
	p->nr_nodes = 1;
	p->cpu_khz = (uint32_t)tsc_khz;
	/* "shadow" is how tools ask whether a running paravirtual guest can move: by log-dirty,
	 * here. */
	p->capabilities = XEN_SYSCTL_PHYSCAP_pv | XEN_SYSCTL_PHYSCAP_shadow |
			  XEN_SYSCTL_PHYSCAP_gnttab_v1;
	for (unsigned int i = 0; i < boot_info.nr_map; i++)
		if (boot_info.map[i].type == 1)
			p->total_pages += boot_info.map[i].size >> PAGE_SHIFT;
	p->free_pages = heap_free_frames();
	p->outstanding_pages = pages_claimed();
	p->max_mfn = max_mfn.n - 1;
	cpuid_featureset(VIEW_HOST, words);
	memcpy(p->hw_cap, words, sizeof(p->hw_cap));
	return 0;
}

/* Every processor is a core of one socket: no more is known to matter here. */
SYSCTL(cpu_topology)
{
	struct xen_sysctl_cputopoinfo *c = &op->u.cputopoinfo;
	uint32_t n = c->cputopo.p ? MIN(c->num_cpus, nr_cpus) : 0;

	(void)v;
	for (uint32_t i = 0; i < n; i++) {
		struct xen_sysctl_cputopo t = { .core = i };

		if (guest_put(GADDR((unsigned long)c->cputopo.p + i * sizeof(t)), &t))
			return -XEN_EFAULT;
	}
	c->num_cpus = nr_cpus;
	return 0;
}

SYSCTL(numa_info)
{
	struct xen_sysctl_numainfo *n = &op->u.numainfo;
	struct xen_sysctl_meminfo m = { heap_total_frames() << PAGE_SHIFT, heap_free_frames()
										   << PAGE_SHIFT };
	uint32_t distance = 10;

	(void)v;
	if (n->num_nodes && ((n->meminfo.p && guest_put(GADDR(n->meminfo.p), &m)) ||
			     (n->distance.p && guest_put(GADDR(n->distance.p), &distance))))
		return -XEN_EFAULT;
	n->num_nodes = 1;
	return 0;
}

/* Where devices are: there is one node. */
SYSCTL(pci_topology)
{
	struct xen_sysctl_pcitopoinfo *p = &op->u.pcitopoinfo;
	uint32_t node = 0, n = MIN(p->num_devs, 65536u);

	(void)v;
	for (uint32_t i = 0; i < n; i++) {
		struct physdev_pci_device dev;

		if (guest_get(&dev, GADDR((unsigned long)p->devs.p + i * sizeof(dev))) ||
		    guest_put(GADDR((unsigned long)p->nodes.p + i * sizeof(node)), &node))
			return -XEN_EFAULT;
	}
	p->num_devs = n;
	return 0;
}

SYSCTL(domain_list)
{
	struct xen_sysctl_getdomaininfolist *l = &op->u.getdomaininfolist;
	struct xen_domctl_getdomaininfo info;
	struct domain *d;
	uint32_t n = 0;
	long rc = 0;

	(void)v;
	for (d = domain_from(l->first_domain); d; d = domain_next(d)) {
		if (n < l->max_domains) {
			domain_info_fill(d, &info);
			if (guest_put(GADDR((unsigned long)l->buffer.p + n * sizeof(info)), &info))
				rc = -XEN_EFAULT;
			else
				n++;
		}
		if (rc || n == l->max_domains) {
			domain_put(&d);
			break;
		}
	}
	l->num_domains = n;
	return rc;
}

SYSCTL(cpu_idle)
{
	struct xen_sysctl_getcpuinfo *c = &op->u.getcpuinfo;
	uint32_t n = MIN(c->max_cpus, nr_cpus);

	(void)v;
	for (uint32_t i = 0; i < n; i++) {
		struct xen_sysctl_cpuinfo info = { .idletime = (uint64_t)cpu_idle_time(i) };

		if (guest_put(GADDR((unsigned long)c->info.p + i * sizeof(info)), &info))
			return -XEN_EFAULT;
	}
	c->nr_cpus = n;
	return 0;
}

SYSCTL(avail_heap)
{
	struct xen_sysctl_availheap *a = &op->u.availheap;
	uint64_t n = a->max_bitwidth ? heap_free_frames_below(a->max_bitwidth) : heap_free_frames();

	if (a->node > 0)
		return refuse(v, -XEN_EINVAL, "available memory of node %d; there is node 0",
			      a->node);
	if (a->min_bitwidth)
		n -= MIN(n, heap_free_frames_below(a->min_bitwidth));
	a->avail_bytes = n << PAGE_SHIFT;
	return 0;
}

SYSCTL(sched_id)
{
	(void)v;
	op->u.sched_id.sched_id = SCHEDULER_ID;
	return 0;
}

/* One pool, with every CPU and every domain in it. */
SYSCTL(cpu_pool)
{
	struct xen_sysctl_cpupool_op *p = &op->u.cpupool_op;
	struct domain *d;

	switch (p->op) {
	case XEN_SYSCTL_CPUPOOL_OP_INFO: /* the first from this id on */
		if (p->cpupool_id)
			return -XEN_ENOENT;
		p->sched_id = SCHEDULER_ID;
		p->n_dom = 0;
		for (d = domain_first(); d; d = domain_next(d))
			p->n_dom++;
		return cpumap_put(&p->cpumap, cpus_online);
	case XEN_SYSCTL_CPUPOOL_OP_FREEINFO: return cpumap_put(&p->cpumap, 0);
	case XEN_SYSCTL_CPUPOOL_OP_MOVEDOMAIN:
		return p->cpupool_id ? refuse(v, -XEN_ENOENT, "CPU pool %u; there is pool 0 only",
					      p->cpupool_id) :
				       0;
	default:
		return refuse(v, -XEN_EOPNOTSUPP, "CPU pool operation %u: the one pool is fixed",
			      p->op);
	}
}

SYSCTL(scheduler)
{
	struct xen_sysctl_scheduler_op *s = &op->u.scheduler_op;

	if (s->cpupool_id || s->sched_id != SCHEDULER_ID)
		return refuse(v, -XEN_EINVAL, "scheduler %u of pool %u; there is %u of pool 0",
			      s->sched_id, s->cpupool_id, SCHEDULER_ID);
	if (s->cmd == XEN_SYSCTL_SCHEDOP_getinfo) {
		s->u.sched_credit2.ratelimit_us = 0;
		return 0;
	}
	return s->u.sched_credit2.ratelimit_us ?
		       refuse(v, -XEN_EOPNOTSUPP, "scheduler: rate limit %u us; there is none",
			      s->u.sched_credit2.ratelimit_us) :
		       0;
}

static void show_domains(void)
{
	struct domain *d;

	for (d = domain_first(); d; d = domain_next(d)) {
		log_info("d%u: state %u, refs %u, pages %u of at most %u, %u own, %u held by others, paused %u, shutdown %u/%u",
			 d->id, d->state, d->refs, d->nr_pages, d->max_pages, d->nr_own_pages,
			 domain_held_frames(d), d->pause_count, d->shut_down, d->shutdown_code);
		for (unsigned int i = 0; i < d->max_vcpus; i++) {
			struct vcpu *t = d->vcpus[i];

			if (t)
				log_info("  v%u: cpu %u, %s%s%s%s, ran %ld ms, rip %#lx, exits %lu",
					 i, t->cpu, t->running ? "running " : "",
					 t->blocked ? "blocked " : "", t->down ? "down " : "",
					 t->initialised ? "" : "not set up ",
					 (long)(vcpu_cpu_time(t) / NS_PER_MS),
					 (unsigned long)t->regs.rip, (unsigned long)t->exits);
		}
	}
}

SYSCTL(debug_keys)
{
	struct xen_sysctl_debug_keys *k = &op->u.debug_keys;
	char c;

	for (uint32_t i = 0; i < MIN(k->nr_keys, 64u); i++) {
		if (guest_get(&c, GADDR((unsigned long)k->keys.p + i)))
			return -XEN_EFAULT;
		switch (c) {
		case 'h': log_info("keys: h this; m memory; q domains"); break;
		case 'm':
			log_info("memory: %lu frames of the heap's %lu free, %lu claimed",
				 (unsigned long)heap_free_frames(),
				 (unsigned long)heap_total_frames(), (unsigned long)pages_claimed());
			break;
		case 'q': show_domains(); break;
		default:
			return refuse(v, -XEN_EINVAL, "debug key '%c': there are h, m, q",
				      c >= ' ' && c < 0x7f ? c : '?');
		}
	}
	return 0;
}

SYSCTL(levelling)
{
	(void)v;
	op->u.cpu_levelling_caps.caps = 0; /* nothing of CPUID is masked in hardware */
	return 0;
}

SYSCTL(policy)
{
	return sysctl_policy(v, &op->u.cpu_policy);
}

SYSCTL(featureset)
{
	return sysctl_featureset(v, &op->u.cpu_featureset);
}

static const struct {
	sysctl_fn *fn;
	int err;
	const char *name;
} ops[] = {
#define OP(n, f)   [XEN_SYSCTL_##n] = { f, 0, #n }
#define NONE(n, e) [XEN_SYSCTL_##n] = { NULL, -(e), #n }
	OP(readconsole, read_console),
	OP(physinfo, phys_info),
	OP(cputopoinfo, cpu_topology),
	OP(numainfo, numa_info),
	OP(pcitopoinfo, pci_topology),
	OP(getdomaininfolist, domain_list),
	OP(getcpuinfo, cpu_idle),
	OP(availheap, avail_heap),
	OP(sched_id, sched_id),
	OP(cpupool_op, cpu_pool),
	OP(scheduler_op, scheduler),
	OP(debug_keys, debug_keys),
	OP(get_cpu_levelling_caps, levelling),
	OP(get_cpu_policy, policy),
	OP(get_cpu_featureset, featureset),
	NONE(tbuf_op, XEN_EOPNOTSUPP),
	NONE(perfc_op, XEN_ENOSYS),
	NONE(lockprof_op, XEN_ENOSYS),
	NONE(get_pmstat, XEN_ENODEV),
	NONE(pm_op, XEN_ENODEV),
	NONE(cpu_hotplug, XEN_EOPNOTSUPP),
	NONE(page_offline_op, XEN_EOPNOTSUPP),
	NONE(psr_cmt_op, XEN_ENODEV),
	NONE(psr_alloc, XEN_ENODEV),
	NONE(coverage_op, XEN_ENOSYS),
	NONE(livepatch_op, XEN_ENOSYS),
#undef OP
#undef NONE
};

HC(hc_sysctl)
{
	struct xen_sysctl op;
	unsigned long i;
	long rc;

	(void)a2, (void)a3, (void)a4, (void)a5;
	if (guest_get(&op, GADDR(a1)))
		return -XEN_EFAULT;
	if (op.interface_version != XEN_SYSCTL_INTERFACE_VERSION)
		return refuse(v, -XEN_EACCES, "sysctl of interface %#x; offered is %#x",
			      op.interface_version, XEN_SYSCTL_INTERFACE_VERSION);
	i = index_nospec(op.cmd, ARRAY_SIZE(ops));
	if (op.cmd >= ARRAY_SIZE(ops) || !ops[i].name)
		return refuse(v, -XEN_EOPNOTSUPP, "sysctl %u is not known", op.cmd);
	if (!ops[i].fn)
		return refuse(v, ops[i].err, "sysctl %s is not offered", ops[i].name);
	rc = ops[i].fn(v, &op);
	if ((!rc || rc == -XEN_ENOBUFS) && guest_put(GADDR(a1), &op))
		return -XEN_EFAULT;
	return rc;
}
