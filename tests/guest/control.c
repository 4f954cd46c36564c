/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Calls of the control domain's, made by a guest that is none. Which error it gets is nobody's
 * business; that it gets one, and lives, is what counts.
 */
#include "check.h"

void test_control_ops(void);

void test_control_ops(void)
{
	static const struct {
		unsigned int nr;
		const char *name;
	} calls[] = {
		{ __HYPERVISOR_platform_op, "platform_op" },
		{ __HYPERVISOR_sysctl, "sysctl" },
		{ __HYPERVISOR_domctl, "domctl" },
		{ __HYPERVISOR_kexec_op, "kexec_op" },
		{ __HYPERVISOR_xenoprof_op, "xenoprof_op" },
		{ __HYPERVISOR_hvm_op, "hvm_op" },
		{ __HYPERVISOR_argo_op, "argo_op" },
		{ __HYPERVISOR_xenpmu_op, "xenpmu_op" },
		{ __HYPERVISOR_dm_op, "dm_op" },
		{ __HYPERVISOR_hypfs_op, "hypfs_op" },
		{ __HYPERVISOR_arch_0, "mca" },
		{ __HYPERVISOR_xsm_op, "xsm_op" },
		{ __HYPERVISOR_tmem_op, "tmem_op" },
		{ __HYPERVISOR_physdev_op_compat, "physdev_op_compat" },
	};
	static uint64_t zeros[256];

	for (size_t i = 0; i < ARRAY_SIZE(calls); i++) {
		expect_true(HC2(calls[i].nr, 0x10, 0x10) < 0, "%s with a bad address is refused",
			    calls[i].name);
		expect_true(HC2(calls[i].nr, hypervisor_address, hypervisor_address) < 0,
			    "%s with the hypervisor's address is refused", calls[i].name);
		expect_true(HC2(calls[i].nr, zeros, zeros) < 0, "%s with zeros is refused",
			    calls[i].name);
	}
}
