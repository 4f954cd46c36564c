/* SPDX-License-Identifier: BSD-2-Clause */
/* grant_table_op, version 1: grants to oneself stand for grants between domains, with the same
 * checks. */
#include "check.h"
#include "drivers/frontend/store.h"
#include "grant.h"

void test_grant_table_op(void);

static domid_t me;
static char *page;
static const unsigned long va = SPARE_VA;

static int op_cmd;

static long ops_at(void *p)
{
	return hc_grant_table_op(op_cmd, p, 1);
}

static int map(grant_ref_t ref, domid_t dom, uint32_t flags, uint64_t where, grant_handle_t *handle)
{
	struct gnttab_map_grant_ref m = {
		.host_addr = where, .flags = flags, .ref = ref, .dom = dom, .status = 99
	};

	if (hc_grant_table_op(GNTTABOP_map_grant_ref, &m, 1))
		return 99;
	if (handle)
		*handle = m.handle;
	return m.status;
}

static int unmap(uint64_t where, grant_handle_t handle)
{
	struct gnttab_unmap_grant_ref u = { .host_addr = where, .handle = handle, .status = 99 };

	return hc_grant_table_op(GNTTABOP_unmap_grant_ref, &u, 1) ? 99 : u.status;
}

static void mapping(void)
{
	int ref = grant_access(me, page, false), ro = grant_access(me, page, true),
	    other = grant_access(0, page, false);
	grant_handle_t h = 0, h2 = 0;

	expect_status(map(ref, me, GNTMAP_host_map, va, &h), GNTST_okay, "map");
	*(volatile int *)va = 31337;
	expect_true(*(volatile int *)page == 31337, "it is that page");
	expect_true(grant_entry(ref)->flags & GTF_writing, "the entry says it is written to");
	expect_status(map(ref, me, GNTMAP_host_map | GNTMAP_readonly, va + 0x1000, &h2), GNTST_okay,
		      "map it again, read-only");
	expect_trap(touch_write, (void *)(va + 0x1000), 14, 3, "a write there");
	expect_status(unmap(va + 0x1000, h2), GNTST_okay, "unmap that");
	expect_status(unmap(va + 0x1000, h), GNTST_general_error, "unmap where it is not");
	expect_status(unmap(va, h), GNTST_okay, "unmap");
	expect_status(unmap(va, h), GNTST_bad_handle, "unmap it again");
	expect_status(unmap(va, 0xffffff), GNTST_bad_handle, "unmap a handle that never was");
	expect_true(!(grant_entry(ref)->flags & (GTF_reading | GTF_writing)), "the entry is idle");

	expect_status(map(ro, me, GNTMAP_host_map, va, NULL), GNTST_general_error,
		      "map a read-only grant for writing");
	expect_status(map(ro, me, GNTMAP_host_map | GNTMAP_readonly, va, &h), GNTST_okay,
		      "map it read-only");
	expect_status(unmap(va, h), GNTST_okay, "unmap");
	expect_status(map(other, me, GNTMAP_host_map, va, NULL), GNTST_general_error,
		      "map a grant that is for dom0");
	expect_status(map(500, me, GNTMAP_host_map, va, NULL), GNTST_general_error,
		      "map a reference that is not granted");
	expect_status(map(0x7fffffff, me, GNTMAP_host_map, va, NULL), GNTST_bad_gntref,
		      "map a reference past the end");
	expect_status(map(ref, 0x7abc, GNTMAP_host_map, va, NULL), GNTST_bad_domain,
		      "map from nobody");
	expect_status(map(ref, DOMID_SELF, GNTMAP_host_map, va, NULL), GNTST_bad_domain,
		      "map from DOMID_SELF");
	expect_status(map(ref, me, 0, va, NULL), GNTST_bad_gntref, "map without a kind of mapping");
	expect_status(map(ref, me, GNTMAP_host_map, (unsigned long)hypervisor_address, NULL),
		      GNTST_general_error, "map at the hypervisor's");
	expect_status(map(ref, me, GNTMAP_host_map, 0x20000000, NULL), GNTST_general_error,
		      "map at an address without a table");
	expect_status(map(ref, me, GNTMAP_host_map | GNTMAP_contains_pte,
			  pte_maddr(kernel_root, va, 1), &h),
		      GNTST_okay, "map by the entry's address");
	expect_true(*(volatile int *)va == 31337, "it is that page");
	expect_status(unmap(pte_maddr(kernel_root, va, 1), h), GNTST_okay, "unmap so");
	expect_status(map(ref, me, GNTMAP_host_map | GNTMAP_contains_pte,
			  (uint64_t)foreign_frame() * PAGE_SIZE, NULL),
		      GNTST_general_error, "map by an entry of another domain's");
	grant_entry(ref)->frame = foreign_frame();
	expect_status(map(ref, me, GNTMAP_host_map, va, NULL), GNTST_bad_page,
		      "map a granted frame that is another domain's");
	grant_entry(ref)->frame = virt_to_mfn(kernel_root);
	expect_status(map(ref, me, GNTMAP_host_map, va, NULL), GNTST_general_error,
		      "map a granted page table for writing");
	expect(grant_end(ref), 0, "(end of the grant)");
	expect(grant_end(ro), 0, "(end of the grant)");
	expect(grant_end(other), 0, "(end of the grant)");
	expect_trap(touch_read, (void *)va, 14, 0, "nothing is mapped");
}

static int copy(struct gnttab_copy c)
{
	c.status = 99;
	return hc_grant_table_op(GNTTABOP_copy, &c, 1) ? 99 : c.status;
}

static void copying(void)
{
	char *to = page_alloc();
	int from_ref = grant_access(me, page, true), to_ref = grant_access(me, to, false);
	struct gnttab_copy c = { .flags = GNTCOPY_source_gref | GNTCOPY_dest_gref, .len = 16 }, bad;

	memcpy(page, "0123456789abcdef", 16);
	c.source.u.ref = from_ref;
	c.source.domid = me;
	c.dest.u.ref = to_ref;
	c.dest.domid = me;
	c.dest.offset = 100;
	expect_status(copy(c), GNTST_okay, "copy from grant to grant");
	expect_true(!memcmp(to + 100, "0123456789abcdef", 16), "it arrived");
	bad = c;
	bad.dest.u.ref = from_ref;
	expect_status(copy(bad), GNTST_general_error, "copy to a read-only grant");
	bad = c;
	bad.len = 4090;
	expect_status(copy(bad), GNTST_bad_copy_arg, "copy over a page's end");
	bad = c;
	bad.source.offset = 4097;
	bad.len = 0;
	expect_status(copy(bad), GNTST_bad_copy_arg, "copy from an offset of 4097");
	bad = c;
	bad.source.domid = 0x7abc;
	expect_status(copy(bad), GNTST_bad_domain, "copy from nobody");
	bad = c;
	bad.source.u.ref = 0x7fffffff;
	expect_status(copy(bad), GNTST_bad_gntref, "copy from a reference past the end");
	bad = c;
	bad.flags = 0;
	bad.source.domid = bad.dest.domid = DOMID_SELF;
	bad.source.u.gmfn = virt_to_mfn(page);
	bad.dest.u.gmfn = virt_to_mfn(to);
	expect_status(copy(bad), GNTST_okay, "copy from frame to frame of our own");
	bad.source.u.gmfn = foreign_frame();
	expect_status(copy(bad), GNTST_bad_page, "copy from a frame of another domain");
	bad.source.u.gmfn = virt_to_mfn(page);
	bad.source.domid = 0;
	expect_status(copy(bad), GNTST_permission_denied, "copy from a frame of dom0, by number");
	bad.source.domid = DOMID_SELF;
	bad.dest.u.gmfn = virt_to_mfn(kernel_root);
	expect_status(copy(bad), GNTST_general_error, "copy over a page table");
	expect(grant_end(from_ref), 0, "(end of the grant)");
	expect(grant_end(to_ref), 0, "(end of the grant)");
	page_free(to);
}

static void tables(void)
{
	struct gnttab_query_size q = { .dom = DOMID_SELF };
	struct gnttab_setup_table s = { .dom = DOMID_SELF, .nr_frames = 1000 };
	struct gnttab_get_version v = { .dom = DOMID_SELF };
	struct gnttab_dump_table d = { .dom = DOMID_SELF };
	struct gnttab_transfer t = { .mfn = 0xfffffff, .domid = 0, .ref = 0 };
	xen_pfn_t frames[4];

	expect(hc_grant_table_op(GNTTABOP_query_size, &q, 1), 0, "query_size");
	expect_true(q.status == GNTST_okay && q.nr_frames >= 2 && q.max_nr_frames >= q.nr_frames,
		    "it tells");
	q.dom = 0;
	hc_grant_table_op(GNTTABOP_query_size, &q, 1);
	expect_status(q.status, GNTST_permission_denied, "query_size of dom0");
	set_xen_guest_handle(s.frame_list, frames);
	hc_grant_table_op(GNTTABOP_setup_table, &s, 1);
	expect_status(s.status, GNTST_general_error, "setup_table of 1000 frames");
	s.nr_frames = 1;
	s.dom = 0;
	hc_grant_table_op(GNTTABOP_setup_table, &s, 1);
	expect_status(s.status, GNTST_permission_denied, "setup_table of dom0's");
	s.dom = DOMID_SELF;
	set_xen_guest_handle(s.frame_list, UNMAPPED);
	expect(hc_grant_table_op(GNTTABOP_setup_table, &s, 1), 0,
	       "setup_table with its list at a bad address");
	expect_status(s.status, GNTST_bad_virt_addr, "its status");
	expect(hc_grant_table_op(GNTTABOP_get_version, &v, 1), 0, "get_version");
	expect(v.version, 1, "the version");
	hc_grant_table_op(GNTTABOP_dump_table, &d, 1);
	expect_true(d.status != 99, "dump_table is answered");
	expect(hc_grant_table_op(GNTTABOP_transfer, &t, 1), 0,
	       "transfer of a frame that does not exist");
	expect_status(t.status, GNTST_bad_page, "its status");
}

static void pointers(void)
{
	static const struct {
		int cmd;
		const char *name;
	} ops[] = {
		{ GNTTABOP_map_grant_ref, "map_grant_ref" },
		{ GNTTABOP_unmap_grant_ref, "unmap_grant_ref" },
		{ GNTTABOP_setup_table, "setup_table" },
		{ GNTTABOP_transfer, "transfer" },
		{ GNTTABOP_copy, "copy" },
		{ GNTTABOP_query_size, "query_size" },
		{ GNTTABOP_unmap_and_replace, "unmap_and_replace" },
		{ GNTTABOP_get_version, "get_version" },
		{ GNTTABOP_swap_grant_ref, "swap_grant_ref" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(ops); i++) {
		op_cmd = ops[i].cmd;
		expect_bad_pointers(ops_at, -XEN_EFAULT, ops[i].name);
	}
	expect(hc_grant_table_op(GNTTABOP_copy, UNMAPPED, 0), 0, "no operations");
	expect(hc_grant_table_op(GNTTABOP_copy, UNMAPPED, ~0u), -XEN_EINVAL, "~0 operations");
	expect(hc_grant_table_op(99, page, 1), -XEN_ENOSYS, "command 99");
}

void test_grant_table_op(void)
{
	uint64_t n = 0;

	if (store_read_number(0, "domid", &n)) {
		not_here("the store does not tell our number", "mapping and copying");
		return;
	}
	me = n;
	page = page_alloc();
	mapping();
	copying();
	tables();
	pointers();
	page_free(page);
}
