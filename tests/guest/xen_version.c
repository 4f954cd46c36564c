/* SPDX-License-Identifier: BSD-2-Clause */
/* xen_version: what the hypervisor says it is and can do. */
#include "check.h"

#include <xen/features.h>

void test_xen_version(void);

static long extraversion(void *p)
{
	return hc_xen_version(XENVER_extraversion, p);
}

static long compile_info(void *p)
{
	return hc_xen_version(XENVER_compile_info, p);
}

static long capabilities(void *p)
{
	return hc_xen_version(XENVER_capabilities, p);
}

static long changeset(void *p)
{
	return hc_xen_version(XENVER_changeset, p);
}

static long platform_parameters(void *p)
{
	return hc_xen_version(XENVER_platform_parameters, p);
}

static long get_features(void *p)
{
	return hc_xen_version(XENVER_get_features, p);
}

static long guest_handle(void *p)
{
	return hc_xen_version(XENVER_guest_handle, p);
}

static long commandline(void *p)
{
	return hc_xen_version(XENVER_commandline, p);
}

static bool ends(const char *s, size_t n)
{
	return memcmp(s + n - 1, "", 1) == 0 || strlen(s) < n;
}

static bool contains(const char *s, const char *word)
{
	for (; *s; s++)
		if (!strncmp(s, word, strlen(word)))
			return true;
	return false;
}

void test_xen_version(void)
{
	static union {
		xen_extraversion_t extra;
		struct xen_compile_info compile;
		xen_capabilities_info_t caps;
		xen_changeset_info_t changeset;
		xen_commandline_t commandline;
	} u;
	xen_platform_parameters_t parameters;
	struct xen_feature_info features = { .submap_idx = 0 };
	xen_domain_handle_t handle;
	long v = hc_xen_version(XENVER_version, NULL);

	expect_true(v >> 16 == 4 && (v & 0xffff) >= 17, "the version is 4.17 or later");
	expect_true(hc_xen_version(XENVER_version, UNMAPPED) == v, "the version takes no argument");
	expect(extraversion(&u.extra), 0, "extraversion");
	expect_true(ends(u.extra, sizeof(u.extra)), "extraversion is a string");
	expect_bad_output(extraversion, -XEN_EFAULT, "extraversion");
	expect(compile_info(&u.compile), 0, "compile_info");
	expect_bad_output(compile_info, -XEN_EFAULT, "compile_info");
	expect(capabilities(&u.caps), 0, "capabilities");
	expect_true(contains(u.caps, sizeof(long) == 8 ? "xen-3.0-x86_64" : "xen-3.0-x86_32p"),
		    "capabilities name this guest's width");
	expect_bad_output(capabilities, -XEN_EFAULT, "capabilities");
	expect(changeset(&u.changeset), 0, "changeset");
	expect_bad_output(changeset, -XEN_EFAULT, "changeset");
	expect(platform_parameters(&parameters), 0, "platform_parameters");
	expect_true(parameters.virt_start == HYPERVISOR_VIRT_START,
		    "platform_parameters name the hole's start");
	expect_bad_output(platform_parameters, -XEN_EFAULT, "platform_parameters");
	expect(get_features(&features), 0, "get_features of submap 0");
	expect_true(features.submap & 1u << XENFEAT_mmu_pt_update_preserve_ad,
		    "it offers mmu_pt_update_preserve_ad");
	expect_true(features.submap & 1u << XENFEAT_gnttab_map_avail_bits,
		    "it offers gnttab_map_avail_bits");
	expect_true(features.submap & 1u << XENFEAT_highmem_assist, "it offers highmem_assist");
	expect_true(!(features.submap & 1u << XENFEAT_auto_translated_physmap),
		    "it does not translate frames");
	expect_true(!(features.submap & 1u << XENFEAT_supervisor_mode_kernel),
		    "the kernel is not in ring 0");
	expect_true(!(features.submap & 1u << XENFEAT_writable_descriptor_tables),
		    "descriptor tables are not writable");
	expect_true(!(features.submap & 1u << XENFEAT_hvm_callback_vector),
		    "none of the hvm features is offered");
	expect_true(!(features.submap & 1u << XENFEAT_dom0), "this is not dom0");
	features.submap_idx = 1;
	expect(get_features(&features), -XEN_EINVAL, "get_features of submap 1");
	expect_bad_output(get_features, -XEN_EFAULT, "get_features");
	expect(hc_xen_version(XENVER_pagesize, NULL), PAGE_SIZE, "pagesize");
	expect(guest_handle(handle), 0, "guest_handle");
	expect_bad_output(guest_handle, -XEN_EFAULT, "guest_handle");
	expect(commandline(&u.commandline), 0, "commandline");
	expect_true(!strcmp(u.commandline, "<denied>"), "the command line is not for guests");
	expect_bad_output(commandline, -XEN_EFAULT, "commandline");
	expect(hc_xen_version(XENVER_build_id, NULL), -XEN_EPERM, "build_id");
	expect(hc_xen_version(11, NULL), -XEN_ENOSYS, "command 11");
	expect(hc_xen_version(~0u, NULL), -XEN_ENOSYS, "command ~0");
}
