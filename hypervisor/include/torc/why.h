/* SPDX-License-Identifier: BSD-2-Clause */
/* Refusals with a reason: kept per domain (the last 16, for 'torc why'), logged at guest_loglvl,
 * and returned as the error. */
#ifndef TORC_WHY_H
#define TORC_WHY_H

#include <torc/domain.h>

long refuse(struct vcpu *v, long err, const char *fmt, ...) __printf(3, 4); /* returns err */
struct why_entry {
	ns_t when;
	int32_t err;
	uint16_t vcpu;
	uint16_t nr;
	char text[100];
};
unsigned int why_read(struct domain *d, struct why_entry *out, unsigned int max); /* oldest first */
void why_last_words(struct domain *d, const char *fmt, ...) __printf(2, 3);	  /* of a crash */
int why_init(struct domain *d);
void why_free(struct domain *d);

#endif
