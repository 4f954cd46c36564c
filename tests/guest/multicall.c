/* SPDX-License-Identifier: BSD-2-Clause */
/* multicall: several calls in one, each with its own result. */
#include "check.h"

void test_multicall(void);

static long list_at(void *p)
{
	return hc_multicall(p, 1);
}

void test_multicall(void)
{
	struct multicall_entry m[4];
	xen_feature_info_t f = { 0 };

	memset(m, 0, sizeof(m));
	m[0].op = __HYPERVISOR_xen_version;
	m[0].args[0] = XENVER_pagesize;
	m[1].op = 11;
	m[2].op = __HYPERVISOR_xen_version;
	m[2].args[0] = XENVER_get_features;
	m[2].args[1] = (unsigned long)&f;
	m[3].op = __HYPERVISOR_xen_version;
	m[3].args[0] = XENVER_get_features;
	m[3].args[1] = 0x10;
	expect(hc_multicall(m, 4), 0, "four calls");
	expect(m[0].result, PAGE_SIZE, "the first, pagesize");
	expect((long)m[1].result, -XEN_ENOSYS, "the second, a number not offered");
	expect((long)m[2].result, 0, "the third, after one that failed");
	expect((long)m[3].result, -XEN_EFAULT, "the fourth, with a bad address");
	expect(hc_multicall(m, 0), 0, "no calls");
	expect_bad_pointers(list_at, -XEN_EFAULT, "a list");
	m[0].op = __HYPERVISOR_multicall;
	m[0].args[0] = (unsigned long)&m[1];
	m[0].args[1] = 1;
	expect(hc_multicall(m, 1), 0, "one inside another");
	expect((long)m[0].result, -XEN_EINVAL, "its result");
	m[1].op = __HYPERVISOR_xen_version;
	m[1].args[0] = XENVER_pagesize;
	m[0].op = ~0ul;
	expect(hc_multicall(m, 1), 0, "the number ~0");
	expect((long)m[0].result, -XEN_ENOSYS, "its result");
}
