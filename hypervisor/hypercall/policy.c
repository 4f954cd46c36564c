/* SPDX-License-Identifier: BSD-2-Clause */
/* CPUID as tools exchange it: whole policies as lists of leaves, for the host and for domains, and
 * feature words. */
#include <torc/control.h>
#include <torc/cpuid.h>
#include <torc/heap.h>

#define MSR_PLATFORM_INFO 0xce
#define MSR_ARCH_CAPS	  0x10a
/* PLATFORM_INFO says that CPUID does not fault, ARCH_CAPS that it promises nothing; the tools' own
 * lists are of both. */
#define POLICY_MSRS 2

/* Writes leaves and MSRs; a NULL list asks for its length only. */
static long policy_put(const struct domain *d, enum cpuid_view view, xen_cpuid_leaf_t *leaves,
		       uint32_t *nr_leaves, xen_msr_entry_t *msrs, uint32_t *nr_msrs)
{
	const xen_msr_entry_t list_of_msrs[POLICY_MSRS] = { { .idx = MSR_PLATFORM_INFO },
							    { .idx = MSR_ARCH_CAPS } };
	xen_cpuid_leaf_t *list;
	unsigned int n;
	long rc = 0;

	list = zalloc(CPUID_LEAVES_MAX * sizeof(*list));
	if (!list)
		return -XEN_ENOMEM;
	n = cpuid_leaves(d, view, list, CPUID_LEAVES_MAX);
	n = MIN(n, (unsigned int)CPUID_LEAVES_MAX);
	if (leaves) {
		rc = *nr_leaves < n ? -XEN_ENOBUFS :
				      guest_write(GADDR(leaves), list, n * sizeof(*list));
		*nr_leaves = n;
	} else {
		*nr_leaves = CPUID_LEAVES_MAX;
	}
	zfree(list);
	if (!rc && msrs)
		rc = *nr_msrs < POLICY_MSRS ? -XEN_ENOBUFS : guest_put(GADDR(msrs), &list_of_msrs);
	*nr_msrs = POLICY_MSRS;
	return rc;
}

long sysctl_policy(struct vcpu *v, struct xen_sysctl_cpu_policy *p)
{
	enum cpuid_view view;

	switch (p->index) {
	case XEN_SYSCTL_cpu_policy_raw: view = VIEW_RAW; break;
	case XEN_SYSCTL_cpu_policy_host: view = VIEW_HOST; break;
	case XEN_SYSCTL_cpu_policy_pv_max:
	case XEN_SYSCTL_cpu_policy_pv_default: view = VIEW_GUEST; break;
	default:
		return p->index <= XEN_SYSCTL_cpu_policy_hvm_default ?
			       -XEN_EOPNOTSUPP :
			       refuse(v, -XEN_ENOENT, "CPU policy %u is not known", p->index);
	}
	return policy_put(NULL, view, p->leaves.p, &p->nr_leaves, p->msrs.p, &p->nr_msrs);
}

DOMCTL(domctl_get_policy)
{
	struct xen_domctl_cpu_policy *a = &op->u.cpu_policy;

	(void)v, (void)back;
	return policy_put(d, VIEW_GUEST, a->leaves.p, &a->nr_leaves, a->msrs.p, &a->nr_msrs);
}

static long set_leaves(struct domain *d, struct xen_domctl_cpu_policy *a)
{
	long rc = 0;

	for (uint32_t i = 0; i < a->nr_leaves && !rc; i++) {
		xen_cpuid_leaf_t l;

		if (guest_get(&l, GADDR((unsigned long)a->leaves.p + i * sizeof(l))))
			return -XEN_EFAULT;
		rc = cpuid_policy_set(d, &l);
	}
	return rc;
}

static long check_msrs(struct vcpu *v, struct xen_domctl_cpu_policy *a)
{
	for (uint32_t i = 0; i < a->nr_msrs; i++) {
		xen_msr_entry_t m;

		if (guest_get(&m, GADDR((unsigned long)a->msrs.p + i * sizeof(m))))
			return -XEN_EFAULT;
		if ((m.idx != MSR_PLATFORM_INFO && m.idx != MSR_ARCH_CAPS) || m.flags || m.val) {
			a->err_msr = m.idx;
			return refuse(v, -XEN_EINVAL, "CPU policy: MSR %#x as %#lx is not offered",
				      m.idx, (unsigned long)m.val);
		}
	}
	return 0;
}

DOMCTL(domctl_set_policy)
{
	struct xen_domctl_cpu_policy *a = &op->u.cpu_policy;
	long rc;

	(void)back;
	a->err_leaf = a->err_subleaf = a->err_msr = ~0u;
	if (d == v->domain)
		return refuse(v, -XEN_EINVAL, "CPU policy: of the calling domain itself");
	if (a->nr_leaves > CPUID_LEAVES_MAX || a->nr_msrs > 16)
		return refuse(v, -XEN_E2BIG, "CPU policy: %u leaves and %u MSRs; at most %u and 16",
			      a->nr_leaves, a->nr_msrs, CPUID_LEAVES_MAX);
	/* What runs already has looked. */
	for (unsigned int i = 0; i < d->max_vcpus; i++)
		if (d->vcpus[i] && d->vcpus[i]->initialised)
			return refuse(v, -XEN_EEXIST, "CPU policy: d%u has been started", d->id);
	rc = check_msrs(v, a);
	return rc ? rc : set_leaves(d, a);
}

long sysctl_featureset(struct vcpu *v, struct xen_sysctl_cpu_featureset *f)
{
	uint32_t words[FEATURESET_WORDS], n = FEATURESET_WORDS;

	switch (f->index) {
	case XEN_SYSCTL_cpu_featureset_raw: cpuid_featureset(VIEW_RAW, words); break;
	case XEN_SYSCTL_cpu_featureset_host: cpuid_featureset(VIEW_HOST, words); break;
	case XEN_SYSCTL_cpu_featureset_pv:
	case XEN_SYSCTL_cpu_featureset_pv_max: cpuid_featureset(VIEW_GUEST, words); break;
	case XEN_SYSCTL_cpu_featureset_hvm:
	case XEN_SYSCTL_cpu_featureset_hvm_max: return -XEN_EOPNOTSUPP;
	default: return refuse(v, -XEN_EINVAL, "feature set %u is not known", f->index);
	}
	if (f->features.p) {
		n = MIN(f->nr_features, n);
		if (guest_write(GADDR(f->features.p), words, n * sizeof(*words)))
			return -XEN_EFAULT;
		if (n < FEATURESET_WORDS) {
			f->nr_features = n;
			return -XEN_ENOBUFS;
		}
	}
	f->nr_features = n;
	return 0;
}
