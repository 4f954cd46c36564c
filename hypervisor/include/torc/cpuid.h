/* SPDX-License-Identifier: BSD-2-Clause */
/* CPUID as guests see it, and the feature words that tools may narrow (pv/cpuid.c). */
#ifndef TORC_CPUID_H
#define TORC_CPUID_H

#include <torc/domain.h>

/* Feature words in the order of the ABI's cpufeatureset.h; those above are zero here. */
enum cpuid_word {
	CW_1D,
	CW_1C,
	CW_E1D,
	CW_E1C,
	CW_DA1,
	CW_7B0,
	CW_7C0,
	CW_E7D,
	CW_E8B,
	CW_7D0,
	CW_7A1,
	NR_CPUID_WORDS
};
#define FEATURESET_WORDS 19

/* What the tools have left of it for one domain. */
struct cpuid_policy {
	uint32_t word[NR_CPUID_WORDS];
};

enum cpuid_view { VIEW_RAW, VIEW_HOST, VIEW_GUEST };
/* One leaf for domain d's vcpu id (d NULL: any guest's default). cr4 and xcr0: for what mirrors
 * them. */
void cpuid_leaf(const struct domain *d, enum cpuid_view view, unsigned int vcpu, unsigned long cr4,
		uint64_t xcr0, uint32_t leaf, uint32_t sub, uint32_t r[4]);
uint64_t cpuid_states(const struct domain *d, enum cpuid_view view); /* bits that XCR0 may have */
/* All leaves, in order; returns how many there are, writes at most max. */
unsigned int cpuid_leaves(const struct domain *d, enum cpuid_view view, xen_cpuid_leaf_t *out,
			  unsigned int max);
#define CPUID_LEAVES_MAX 128
void cpuid_featureset(enum cpuid_view view, uint32_t out[FEATURESET_WORDS]);
/* Narrows what d sees by a leaf as a tool gave it; features that the host has not are left out. */
int cpuid_policy_set(struct domain *d, const xen_cpuid_leaf_t *l);

#endif
