/* SPDX-License-Identifier: BSD-2-Clause */
/* CPUID as guests see it, on whatever processor runs the test: never more than it has, never what a
 * paravirtual guest must not have. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include <xen/arch-x86/cpufeatureset.h>
#include <torc/cpuid.h>
#include <torc/heap.h>
#include <torc/x86.h>

struct cpu_features cpu_features;
uint64_t tsc_khz = 2000000;

void *zalloc(size_t n)
{
	return calloc(1, n);
}

#define HAS(words, name) ((words)[XEN_X86_FEATURE_##name / 32] >> (XEN_X86_FEATURE_##name % 32) & 1)

static int setup(void **state)
{
	(void)state;
	cpu_features = (struct cpu_features){
		.phys_bits = 40, .xsave = true, .xcr0_all = 0xe7, .xsave_size = 2696, .intel = true
	};
	return 0;
}

static void guests_get_a_part_of_what_is_there(void **state)
{
	uint32_t raw[FEATURESET_WORDS], host[FEATURESET_WORDS], guest[FEATURESET_WORDS];

	(void)state;
	cpuid_featureset(VIEW_RAW, raw);
	cpuid_featureset(VIEW_HOST, host);
	cpuid_featureset(VIEW_GUEST, guest);
	raw[1] |= 1u << 31; /* HYPERVISOR is true here, whatever is below */
	for (int i = 0; i < FEATURESET_WORDS; i++) {
		assert_int_equal(host[i] & ~raw[i], 0);
		assert_int_equal(guest[i] & ~host[i], 0);
	}
	assert_true(HAS(guest, HYPERVISOR));
	assert_true(HAS(guest, SSE2) && HAS(guest, LM));
}

static void what_needs_ring_0_is_not_there(void **state)
{
	uint32_t w[FEATURESET_WORDS];

	(void)state;
	cpuid_featureset(VIEW_GUEST, w);
	assert_false(HAS(w, VMX) || HAS(w, SVM) || HAS(w, PSE) || HAS(w, PGE) || HAS(w, PSE36) ||
		     HAS(w, MTRR) || HAS(w, PCID) || HAS(w, X2APIC) || HAS(w, TSC_DEADLINE) ||
		     HAS(w, SMEP) || HAS(w, SMAP) || HAS(w, INVPCID) || HAS(w, PKU) ||
		     HAS(w, UMIP) || HAS(w, XSAVES) || HAS(w, MONITOR) || HAS(w, RDTSCP) ||
		     HAS(w, ITSC) || HAS(w, VME));
}

static void without_xsave_nothing_that_needs_it(void **state)
{
	uint32_t w[FEATURESET_WORDS], r[4];

	(void)state;
	cpu_features.xsave = false;
	cpuid_featureset(VIEW_GUEST, w);
	assert_false(HAS(w, XSAVE) || HAS(w, AVX) || HAS(w, AVX2) || HAS(w, FMA) ||
		     HAS(w, AVX512F) || HAS(w, VAES));
	cpuid_leaf(NULL, VIEW_GUEST, 0, 0, 3, 0xd, 0, r);
	assert_int_equal(r[0] | r[1] | r[2] | r[3], 0);
}

static void xsave_sizes_follow_what_is_offered_and_set(void **state)
{
	uint32_t r[4], w[FEATURESET_WORDS];
	uint64_t states;

	(void)state;
	cpu_features.xcr0_all = 0x2e7; /* PKRU's state, without the feature */
	cpuid_featureset(VIEW_GUEST, w);
	states = cpuid_states(NULL, VIEW_GUEST);
	if (!HAS(w, XSAVE))
		skip();
	assert_int_equal(states & 0x200, 0);
	assert_int_equal(states >> 2 & 1, HAS(w, AVX));
	cpuid_leaf(NULL, VIEW_GUEST, 0, 0, 3, 0xd, 0, r);
	assert_int_equal(r[0], states);
	assert_int_equal(r[1], 576);
	if (HAS(w, AVX)) {
		cpuid_leaf(NULL, VIEW_GUEST, 0, 0, 7, 0xd, 0, r);
		assert_int_equal(r[1], 832);
		assert_true(r[2] >= 832);
	}
}

static void the_hypervisor_names_itself(void **state)
{
	uint32_t r[4];

	(void)state;
	cpuid_leaf(NULL, VIEW_GUEST, 0, 0, 3, 0x40000000, 0, r);
	assert_memory_equal(&r[1], "XenV", 4);
	assert_memory_equal(&r[2], "MMXe", 4);
	assert_memory_equal(&r[3], "nVMM", 4);
	assert_int_equal(r[0], 0x40000005);
	cpuid_leaf(NULL, VIEW_GUEST, 0, 0, 3, 0x40000001, 0, r);
	assert_int_equal(r[0], 4 << 16 | 17);
	cpuid_leaf(NULL, VIEW_GUEST, 0, 0, 3, 0x40000005, 0, r);
	assert_int_equal(r[1], 40);
	cpuid_leaf(NULL, VIEW_GUEST, 0, 0, 3, 0x40000100, 0, r); /* nobody else is there */
	assert_int_equal(r[0] | r[1] | r[2] | r[3], 0);
}

static void tools_can_take_away_but_not_add(void **state)
{
	struct domain d = { .id = 1 };
	xen_cpuid_leaf_t l = {
		.leaf = 1, .subleaf = XEN_CPUID_NO_SUBLEAF, .c = ~0u, .d = ~(1u << 26)
	};
	uint32_t before[4], after[4];

	(void)state;
	cpuid_leaf(&d, VIEW_GUEST, 0, 0, 3, 1, 0, before);
	assert_int_equal(cpuid_policy_set(&d, &l), 0);
	cpuid_leaf(&d, VIEW_GUEST, 0, 0, 3, 1, 0, after);
	assert_true(before[3] >> 26 & 1);
	assert_int_equal(after[3], before[3] & ~(1u << 26));
	assert_int_equal(after[2], before[2]);
	free(d.cpuid);
}

static void the_osxsave_bit_follows_the_guests_cr4(void **state)
{
	uint32_t r[4];

	(void)state;
	cpuid_leaf(NULL, VIEW_GUEST, 0, 0, 3, 1, 0, r);
	assert_int_equal(r[2] >> 27 & 1, 0);
	cpuid_leaf(NULL, VIEW_GUEST, 0, CR4_OSXSAVE, 3, 1, 0, r);
	assert_int_equal(r[2] >> 27 & 1, r[2] >> 26 & 1);
}

static void a_32_bit_guest_has_no_long_mode(void **state)
{
	struct domain d = { .id = 1, .is_32bit = true };
	uint32_t r[4];

	(void)state;
	cpuid_leaf(&d, VIEW_GUEST, 0, 0, 3, 0x80000001, 0, r);
	assert_int_equal(r[3] >> 29 & 1, 0);
	assert_int_equal(r[2] & 1, 0);
	d.is_32bit = false;
	cpuid_leaf(&d, VIEW_GUEST, 0, 0, 3, 0x80000001, 0, r);
	assert_int_equal(r[3] >> 29 & 1, 1);
}

static void the_control_domain_manages_memory_types(void **state)
{
	struct domain d = { .privileged = true };
	uint32_t r[4], raw[4];

	(void)state;
	cpuid_leaf(&d, VIEW_GUEST, 0, 0, 3, 1, 0, r);
	cpuid(1, 0, raw);
	assert_int_equal(r[3] >> 12 & 1, raw[3] >> 12 & 1);
}

/* It reads "all counters agree" into it. */
static void counters_that_disagree_are_not_invariant(void **state)
{
	struct domain d = { .privileged = true };
	uint32_t r[4], raw[4];

	(void)state;
	cpuid(0x80000007, 0, raw);
	cpu_features.tsc_invariant = true;
	cpuid_leaf(&d, VIEW_GUEST, 0, 0, 3, 0x80000007, 0, r);
	assert_int_equal(r[3], raw[3] & 1u << 8);
	cpu_features.tsc_invariant = false;
	cpuid_leaf(&d, VIEW_GUEST, 0, 0, 3, 0x80000007, 0, r);
	assert_int_equal(r[3], 0);
}

static void the_list_of_leaves_is_ordered_and_fits(void **state)
{
	xen_cpuid_leaf_t l[CPUID_LEAVES_MAX];
	unsigned int n = cpuid_leaves(NULL, VIEW_GUEST, l, CPUID_LEAVES_MAX);

	(void)state;
	assert_in_range(n, 16, CPUID_LEAVES_MAX);
	/* writes three, says how many there are */
	assert_int_equal(cpuid_leaves(NULL, VIEW_GUEST, l, 3), n);
	for (unsigned int i = 1; i < n; i++) {
		for (unsigned int j = 0; j < i; j++)
			assert_false(l[i].leaf == l[j].leaf && l[i].subleaf == l[j].subleaf);
	}
}

static void leaves_beyond_the_end_are_empty(void **state)
{
	static const uint32_t beyond[] = { 0xe,	       0x1f,	   0x8000001e, 0x80000009,
					   0x3fffffff, 0x40010000, 0xc0000000, 0xffffffff };

	(void)state;
	for (unsigned int i = 0; i < sizeof(beyond) / sizeof(beyond[0]); i++) {
		uint32_t r[4];

		cpuid_leaf(NULL, VIEW_GUEST, 0, 0, 3, beyond[i], 0, r);
		assert_int_equal(r[0] | r[1] | r[2] | r[3], 0);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(guests_get_a_part_of_what_is_there, setup),
		cmocka_unit_test_setup(what_needs_ring_0_is_not_there, setup),
		cmocka_unit_test_setup(without_xsave_nothing_that_needs_it, setup),
		cmocka_unit_test_setup(xsave_sizes_follow_what_is_offered_and_set, setup),
		cmocka_unit_test_setup(the_hypervisor_names_itself, setup),
		cmocka_unit_test_setup(tools_can_take_away_but_not_add, setup),
		cmocka_unit_test_setup(the_osxsave_bit_follows_the_guests_cr4, setup),
		cmocka_unit_test_setup(a_32_bit_guest_has_no_long_mode, setup),
		cmocka_unit_test_setup(the_control_domain_manages_memory_types, setup),
		cmocka_unit_test_setup(counters_that_disagree_are_not_invariant, setup),
		cmocka_unit_test_setup(the_list_of_leaves_is_ordered_and_fits, setup),
		cmocka_unit_test_setup(leaves_beyond_the_end_are_empty, setup),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
