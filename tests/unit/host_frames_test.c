/* SPDX-License-Identifier: BSD-2-Clause */
/* dom0-tools/host/frames.c: the machine's table of frames, in pieces and with holes. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include <cmocka.h>

#include "dom0-tools/host/priv.h"

#define PIECE	    (2u << 20)
#define FRAMES_EACH (PIECE / sizeof(uint64_t))
#define A_HOLE	    0

static xen_pfn_t machine[8]; /* where its pieces are, as the hypervisor tells */
static unsigned int nr_pieces, calls;
static long last_frame;

long xencall2L(xencall_handle *c, unsigned int op, uint64_t cmd, uint64_t arg)
{
	(void)c, (void)op, (void)arg;
	assert_int_equal(cmd, XENMEM_maximum_ram_page);
	return last_frame;
}

int xencall2(xencall_handle *c, unsigned int op, uint64_t cmd, uint64_t arg)
{
	struct xen_machphys_mfn_list *m = (void *)(uintptr_t)arg;

	(void)c, (void)op;
	assert_int_equal(cmd, XENMEM_machphys_mfn_list);
	m->nr_extents = m->max_extents < nr_pieces ? m->max_extents : nr_pieces;
	memcpy(m->extent_start.p, machine, m->nr_extents * sizeof(machine[0]));
	return 0;
}

void *xencall_alloc_buffer(xencall_handle *c, size_t size)
{
	(void)c;
	return calloc(1, size);
}

void xencall_free_buffer(xencall_handle *c, void *p)
{
	(void)c;
	free(p);
}

/* A frame's words say which it is. Frame 0 is not to be had, as on Torc. */
void *xenforeignmemory_map2(xenforeignmemory_handle *f, uint32_t dom, void *addr, int prot,
			    int flags, size_t pages, const xen_pfn_t *frames, int *err)
{
	uint64_t *at = mmap(addr, pages * HOST_PAGE_SIZE, PROT_READ | PROT_WRITE,
			    flags | MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	(void)f, (void)err;
	assert_int_equal(dom, DOMID_XEN);
	assert_int_equal(prot, PROT_READ);
	assert_true(at != MAP_FAILED);
	calls++;
	for (size_t i = 0; i < pages; i++) {
		if (frames[i] < 512)
			return NULL;
		at[i * 512] = frames[i];
	}
	return at;
}

struct xen_domctl *domctl_new(struct host *h, uint32_t cmd, uint32_t domid)
{
	(void)h, (void)cmd, (void)domid;
	return NULL;
}

int domctl_do(struct host *h, const char *what, struct why *why)
{
	(void)h, (void)what, (void)why;
	return -1;
}

int host_refused(struct why *why, int err, const char *fmt, ...)
{
	(void)why, (void)err, (void)fmt;
	return -1;
}

static void the_table_is_mapped(void)
{
	struct xen_machphys_mfn_list arg;
	struct host h = { .arg = &arg };
	struct why why = { 0 };
	const uint64_t *table;
	size_t entries;

	assert_int_equal(host_m2p_map(&h, &table, &entries, &why), 0);
	assert_int_equal(entries, last_frame + 1);
	for (unsigned int p = 0; p < nr_pieces; p++)
		for (unsigned int i = 0; i < 512; i++)
			assert_int_equal(table[p * FRAMES_EACH + i * 512],
					 machine[p] ? machine[p] + i : A_HOLE);
	host_m2p_unmap(&h, table, entries);
}

static void a_table_in_one(void **state)
{
	(void)state;
	memcpy(machine, (xen_pfn_t[]){ 1024, 4096, 512 }, 3 * sizeof(machine[0]));
	nr_pieces = 3;
	last_frame = 3 * FRAMES_EACH - 1;
	calls = 0;
	the_table_is_mapped();
	assert_int_equal(calls, 1);
	last_frame = 2 * FRAMES_EACH; /* the third piece is for one frame */
	the_table_is_mapped();
}

/* As on every machine of more than 3 GiB: nothing is between 3 and 4. */
static void a_table_with_holes(void **state)
{
	(void)state;
	memcpy(machine, (xen_pfn_t[]){ 1024, 0, 0, 512, 4096, 0, 2048 }, 7 * sizeof(machine[0]));
	nr_pieces = 7;
	last_frame = 7 * FRAMES_EACH - 5;
	calls = 0;
	the_table_is_mapped();
	assert_int_equal(calls, 3);
}

static void a_piece_that_is_refused(void **state)
{
	struct xen_machphys_mfn_list arg;
	struct host h = { .arg = &arg };
	struct why why = { 0 };
	const uint64_t *table;
	size_t entries;

	(void)state;
	memcpy(machine, (xen_pfn_t[]){ 1024, 0, 5 }, 3 * sizeof(machine[0]));
	nr_pieces = 3;
	last_frame = 3 * FRAMES_EACH - 1;
	assert_int_equal(host_m2p_map(&h, &table, &entries, &why), -1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_table_in_one),
		cmocka_unit_test(a_table_with_holes),
		cmocka_unit_test(a_piece_that_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
