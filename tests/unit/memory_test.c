/* SPDX-License-Identifier: BSD-2-Clause */
/* hypercall/memory.c and memory_info.c: what a guest may give back, exchange and ask. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <torc/boot.h>
#include <torc/grant.h>
#include <torc/hypercall.h>
#include "fake_hv.h"

struct boot_info boot_info;
static struct domain *d, *tools;

static bool restarted;
static unsigned long lost_at_restart; /* the guest's page that another vcpu unmaps just then */

long hypercall_restart(struct vcpu *v, unsigned int n, unsigned long value)
{
	(void)v, (void)n, (void)value;
	restarted = true;
	fake_no_page = lost_at_restart;
	return -XEN_ERESTART;
}
struct domain *domain_get(domid_t id)
{
	struct domain *found = id == DOMID_SELF ? current->domain : id == d->id ? d : NULL;

	return found && domain_get_more(found) ? found : NULL;
}
void grant_size(struct domain *of, unsigned int *frames, unsigned int *max)
{
	(void)of;
	*frames = *max = 0;
}
int grant_table_frame(struct domain *of, unsigned long idx, mfn_t *out)
{
	(void)of, (void)idx, (void)out;
	return -XEN_EINVAL;
}

static int setup(void **s)
{
	(void)s;
	fake_reset(512);
	heap_add(16 * PAGE_SIZE, 512 * PAGE_SIZE);
	d = fake_domain(1, false, 100);
	tools = fake_domain(0, false, 100);
	tools->privileged = true;
	fake_vcpu(tools);
	fake_run_on(0, fake_vcpu(d));
	return 0;
}

static long memory_op(unsigned int cmd, void *arg)
{
	return hc_memory_op(current, cmd, (unsigned long)arg, 0, 0, 0);
}

static long exchange(uint64_t *in, unsigned int nr_in, uint64_t *out, unsigned int out_order)
{
	struct xen_memory_exchange x = {
		.in = { .nr_extents = nr_in, .domid = DOMID_SELF },
		.out = { .nr_extents = nr_in >> out_order,
			 .extent_order = out_order,
			 .domid = DOMID_SELF },
	};

	x.in.extent_start.p = in;
	x.out.extent_start.p = out;
	return memory_op(XENMEM_exchange, &x);
}

static void exchange_gives_others_for_them(void **s)
{
	uint64_t in[2] = { fake_page(d).n, fake_page(d).n }, out[1] = { 7 };

	(void)s;
	assert_int_equal(exchange(in, 2, out, 1), 0);
	assert_int_equal(d->nr_pages, 2);
	assert_int_equal(out[0] % 2, 0);
	assert_ptr_equal(fake_frame(MFN(out[0] + 1))->owner, d);
}

/* Registers that are kept for a call to go on with are of the next call that does, if this one ends
 * in another way. */
static void exchange_that_goes_on_later_has_not_failed(void **s)
{
	static uint8_t page[2 * PAGE_SIZE] __aligned(PAGE_SIZE);
	struct xen_memory_exchange *x = (void *)page;
	uint64_t in[2] = { fake_page(d).n, fake_page(d).n }, out[2] = { 7, 8 };

	(void)s;
	restarted = false;
	lost_at_restart = (unsigned long)page;
	x->in = (struct xen_memory_reservation){ .nr_extents = 2, .domid = DOMID_SELF };
	x->out = x->in;
	x->in.extent_start.p = in;
	x->out.extent_start.p = out;
	fake_yield_every = 1;
	assert_int_equal(memory_op(XENMEM_exchange, x), -XEN_ERESTART);
	assert_true(restarted);
	fake_no_page = 0;
	assert_int_equal(x->nr_exchanged, 1);
	fake_yield_every = 0;
	assert_int_equal(memory_op(XENMEM_exchange, x), 0);
	assert_int_equal(x->nr_exchanged, 2);
	lost_at_restart = 0;
}

/* It is the domain's again, and nothing says any more that it was writable; TLBs may know. */
static void frame_of_a_failed_exchange_is_in_no_tlb(void **s)
{
	mfn_t m = fake_page(d);
	uint64_t in[2] = { m.n, 1ull << 40 }, out[1] = { 7 }, before;

	(void)s;
	assert_int_equal(frame_get_typed(fake_frame(m), d, FT_WRITABLE), 0);
	frame_put_typed(fake_frame(m));
	before = fake_flushes;
	assert_int_equal(exchange(in, 2, out, 1), -XEN_EINVAL);
	assert_ptr_equal(fake_frame(m)->owner, d);
	assert_int_equal(frame_get_typed(fake_frame(m), d, FT_L1), 0);
	assert_true(fake_flushes > before);
	frame_put_typed(fake_frame(m));
	fake_audit(NULL, NULL);
}

/* The guest has them as before, and finds them by what the table says of them. */
static void frames_of_a_failed_exchange_keep_their_numbers(void **s)
{
	static uint64_t numbers[512];
	uint64_t in[2], out[1] = { 55 };

	(void)s;
	memset(numbers, 0xff, sizeof(numbers));
	m2p = numbers;
	for (unsigned int i = 0; i < 2; i++) {
		in[i] = fake_page(d).n;
		m2p_set(MFN(in[i]), 40 + i);
	}
	while (domain_alloc(tools, 1, 0)) /* no two are left together */
		;
	assert_int_equal(exchange(in, 2, out, 1), -XEN_ENOMEM);
	assert_ptr_equal(fake_frame(MFN(in[0]))->owner, d);
	assert_int_equal(m2p[in[0]], 40);
	assert_int_equal(m2p[in[1]], 41);
	assert_int_equal(exchange(in, 1, out, 0), 0);
	assert_int_equal(m2p[in[0]], ~0ull);
	assert_int_equal(m2p[out[0]], 55);
	assert_int_equal(m2p[in[1]], 41);
}

static void numbers_at_the_end_are_no_frames(void **s)
{
	uint64_t in[1] = { ~0ull }, out[1] = { 7 };

	(void)s;
	fake_page(d);
	assert_int_equal(exchange(in, 1, out, 0), -XEN_EINVAL);
	assert_int_equal(d->nr_pages, 1);
}

static void frames_that_are_lent_are_not_given_back(void **s)
{
	struct frame *f = frames_alloc(0, 0);
	struct xen_memory_reservation r = { .nr_extents = 2, .domid = DOMID_SELF };
	uint64_t list[2] = { fake_page(d).n, frame_mfn(f).n };

	(void)s;
	frame_share(f, d, true);
	r.extent_start.p = list;
	assert_int_equal(memory_op(XENMEM_decrease_reservation, &r), 1);
	assert_int_equal(d->nr_pages, 0);
	assert_true(frame_is_allocated(f));
	frame_unshare(f);
}

/* Of an extent several may be pinned, each with much below it: that is done in turns. */
static void trees_of_an_extent_come_down_in_turns(void **s)
{
	struct frame *f = frames_alloc(2, 0);
	struct xen_memory_reservation r = { .nr_extents = 1, .extent_order = 2, .domid = DOMID_SELF };
	uint64_t list[1] = { frame_mfn(f).n };
	unsigned int i, k, turns = 0;
	mfn_t t;
	long rc;

	(void)s;
	assert_int_equal(domain_assign(d, f, 2), 0);
	for (k = 0; k < 4; k++) {
		memset(fake_table(frame_mfn(f + k)), 0, PAGE_SIZE);
		for (i = 0; i < 10; i++) {
			t = fake_page(d);
			fake_table(frame_mfn(f + k))[i] = pte_make(t, PTE_P | PTE_RW);
		}
		assert_int_equal(mmu_pin(current, d, frame_mfn(f + k), FT_L2), 0);
	}
	r.extent_start.p = list;
	fake_yield_every = 3;
	while ((rc = memory_op(XENMEM_decrease_reservation, &r)) == -XEN_ERESTART)
		assert_true(++turns < 100);
	fake_yield_every = 0;
	assert_int_equal(rc, 1);
	assert_true(turns > 4);
	assert_int_equal(d->nr_pages, 40);
	fake_audit(NULL, NULL);
}

static struct frame *extent;
static unsigned int stamps_left;

static void a_tree_at(mfn_t top)
{
	mfn_t t;

	memset(fake_table(top), 0, PAGE_SIZE);
	for (unsigned int i = 0; i < 10; i++) {
		t = fake_page(d);
		fake_table(top)[i] = pte_make(t, PTE_P | PTE_RW);
	}
	assert_int_equal(mmu_pin(current, d, top, FT_L2), 0);
}

/* Another vcpu's doing, when the last tree has come down. From then on something waits for the CPU. */
static void pins_again(void)
{
	if (--stamps_left) {
		fake_after_stamp = pins_again;
		return;
	}
	for (unsigned int k = 0; k < 4; k++)
		assert_int_equal(mmu_pin(current, d, frame_mfn(extent + k), FT_L2), 0);
	fake_yield_every = 1;
}

static void trees_that_come_back_are_not_for_one_turn(void **s)
{
	struct xen_memory_reservation r = { .nr_extents = 1, .extent_order = 3, .domid = DOMID_SELF };
	uint64_t list[1];
	unsigned int k;

	(void)s;
	extent = frames_alloc(3, 0);
	list[0] = frame_mfn(extent).n;
	assert_int_equal(domain_assign(d, extent, 3), 0);
	for (k = 0; k < 5; k++)
		a_tree_at(frame_mfn(extent + k));
	r.extent_start.p = list;
	stamps_left = 5 * 11;
	fake_after_stamp = pins_again;
	assert_int_equal(memory_op(XENMEM_decrease_reservation, &r), 0);
	fake_yield_every = 0;
	assert_int_equal(stamps_left, 0);
	assert_int_equal(frame_type(extent), FT_L2); /* the first is coming down still */
	assert_int_equal(fake_refusals, 1);
	while (mmu_finish_put(current))
		;
	assert_int_equal(frame_type(extent), FT_NONE);
	assert_int_equal(frame_type(extent + 1), FT_L2);
	for (k = 1; k < 4; k++)
		assert_int_equal(mmu_unpin(current, d, frame_mfn(extent + k)), 0);
	fake_audit(NULL, NULL);
}

static void the_dead_have_no_numbering(void **s)
{
	domid_t id = 1;

	(void)s;
	fake_run_on(0, tools->vcpus[0]);
	d->state = DOM_DEAD;
	assert_null(d->shared);
	assert_int_equal(memory_op(XENMEM_maximum_gpfn, &id), -XEN_ESRCH);
	assert_int_equal(memory_op(XENMEM_current_reservation, &id), 0);
	assert_int_equal(d->refs, 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(exchange_gives_others_for_them, setup),
		cmocka_unit_test_setup(exchange_that_goes_on_later_has_not_failed, setup),
		cmocka_unit_test_setup(frame_of_a_failed_exchange_is_in_no_tlb, setup),
		cmocka_unit_test_setup(frames_of_a_failed_exchange_keep_their_numbers, setup),
		cmocka_unit_test_setup(numbers_at_the_end_are_no_frames, setup),
		cmocka_unit_test_setup(frames_that_are_lent_are_not_given_back, setup),
		cmocka_unit_test_setup(trees_of_an_extent_come_down_in_turns, setup),
		cmocka_unit_test_setup(trees_that_come_back_are_not_for_one_turn, setup),
		cmocka_unit_test_setup(the_dead_have_no_numbering, setup),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
