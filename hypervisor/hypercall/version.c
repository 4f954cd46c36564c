/* SPDX-License-Identifier: BSD-2-Clause */
/* xen_version: what this is, as guests and tools of the ABI ask for it. */
#include <torc/boot.h>
#include <torc/hypercall.h>

#define VERSION_MAJOR 4
#define VERSION_MINOR 17

static uint32_t features(const struct vcpu *v)
{
	uint32_t f = 1u << XENFEAT_mmu_pt_update_preserve_ad | 1u << XENFEAT_highmem_assist |
		     1u << XENFEAT_gnttab_map_avail_bits | 1u << XENFEAT_not_direct_mapped;

	/* Frames of a 32-bit guest's L3 are found by their whole number: see xen_pfn_to_cr3. */
	if (v->domain->is_32bit || v->domain->vm_assist >> VMASST_TYPE_pae_extended_cr3 & 1)
		f |= 1u << XENFEAT_pae_pgdir_above_4gb;
	if (v->domain == dom0)
		f |= 1u << XENFEAT_dom0;
	return f;
}

static long put_features(struct vcpu *v, gaddr_t arg)
{
	struct xen_feature_info f;

	if (guest_get(&f, arg))
		return -XEN_EFAULT;
	if (f.submap_idx >= XENFEAT_NR_SUBMAPS)
		return refuse(v, -XEN_EINVAL, "version: feature map %u; there is %u", f.submap_idx,
			      XENFEAT_NR_SUBMAPS);
	f.submap = features(v);
	return guest_put(arg, &f);
}

static long put_compile_info(gaddr_t arg)
{
	struct xen_compile_info c = { 0 };

	/* Nothing that differs from build to build: images are compared. */
	str_copy(c.compiler, "gcc " __VERSION__, sizeof(c.compiler));
	str_copy(c.compile_by, "torc", sizeof(c.compile_by));
	str_copy(c.compile_domain, "", sizeof(c.compile_domain));
	str_copy(c.compile_date, "reproducible", sizeof(c.compile_date));
	return guest_put(arg, &c);
}

/* A string in a field of the ABI's size, zeroes behind it. In parts: the largest field is a KiB. */
static long put_text(gaddr_t arg, const char *s, size_t field)
{
	size_t n = strnlen(s, field - 1);

	if (guest_write(arg, s, n))
		return -XEN_EFAULT;
	return guest_clear(GADDR(arg.n + n), field - n);
}

/* Without the image's own name, which some loaders put in front. */
static const char *command_line(void)
{
	const char *s = boot_info.cmdline ? boot_info.cmdline : "";

	if (*s == '/')
		while (*s && *s != ' ')
			s++;
	while (*s == ' ')
		s++;
	return s;
}

static long version(struct vcpu *v, unsigned long cmd, gaddr_t arg, bool narrow)
{
	struct xen_platform_parameters p = { HYP_START };
	uint32_t start32;

	switch (cmd) {
	case XENVER_version: return VERSION_MAJOR << 16 | VERSION_MINOR;
	case XENVER_extraversion: return put_text(arg, ".torc", sizeof(xen_extraversion_t));
	case XENVER_compile_info: return put_compile_info(arg);
	case XENVER_capabilities:
		return put_text(arg, "xen-3.0-x86_64 xen-3.0-x86_32p ",
				sizeof(xen_capabilities_info_t));
	case XENVER_changeset: return put_text(arg, "", sizeof(xen_changeset_info_t));
	case XENVER_platform_parameters:
		if (!narrow)
			return guest_put(arg, &p);
		start32 = (uint32_t)v->domain->hv_start_low;
		return guest_put(arg, &start32);
	case XENVER_get_features: return put_features(v, arg);
	case XENVER_pagesize: return PAGE_SIZE;
	case XENVER_guest_handle:
		return guest_write(arg, v->domain->handle, sizeof(v->domain->handle));
	case XENVER_commandline:
		if (!v->domain->privileged) /* the host's business */
			return put_text(arg, "<denied>", sizeof(xen_commandline_t));
		return put_text(arg, command_line(), sizeof(xen_commandline_t));
	case XENVER_build_id: return v->domain->privileged ? -XEN_ENODATA : -XEN_EPERM;
	default: return refuse(v, -XEN_ENOSYS, "version: no command %lu", cmd);
	}
}

HC(hc_xen_version)
{
	(void)a3, (void)a4, (void)a5;
	return version(v, (uint32_t)a1, GADDR(a2), false);
}

HC(hc_xen_version_32)
{
	(void)a3, (void)a4, (void)a5;
	return version(v, (uint32_t)a1, GADDR(a2), true);
}
