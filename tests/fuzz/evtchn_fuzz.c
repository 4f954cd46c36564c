/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Event-channel operations of two domains, any order, any argument. After each: no bit outside the
 * bitmaps is written, and the two ends of a channel name each other.
 */
#include <stdlib.h>
#include <torc/evtchn.h>
#include <torc/shared.h>
#include "fake_life.h"

#define GUARD 0xa5

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct domain *d[2];

static void check(void)
{
	struct evtchn_status st, other;
	unsigned int i, n, p;

	for (i = 0; i < 2; i++) {
		for (n = sizeof(struct shared_info); n < PAGE_SIZE; n++)
			if (((uint8_t *)d[i]->shared)[n] != GUARD)
				abort();
		for (p = 1; p < 70; p++) {
			st.port = p;
			if (evtchn_get_status(d[i], &st) || st.status != EVTCHNSTAT_interdomain)
				continue;
			other.port = st.u.interdomain.port;
			if (evtchn_get_status(d[st.u.interdomain.dom - 1], &other) ||
			    other.status != EVTCHNSTAT_interdomain ||
			    other.u.interdomain.port != p || other.u.interdomain.dom != d[i]->id)
				abort();
		}
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	unsigned int i, at;
	evtchn_port_t p;

	if (!size)
		return 0;
	fake_reset(256);
	heap_add(16 * PAGE_SIZE, 256 * PAGE_SIZE);
	fake_life_reset();
	for (i = 0; i < 2; i++) {
		d[i] = fake_domain((domid_t)(i + 1), data[0] >> i & 1, 10);
		fake_enlist(d[i]);
		memset((char *)d[i]->shared + sizeof(struct shared_info), GUARD,
		       PAGE_SIZE - sizeof(struct shared_info));
		for (at = 0; at < 2; at++) {
			struct vcpu *v = fake_vcpu(d[i]);

			v->info = &d[i]->shared->vcpu_info[v->id];
		}
		d[i]->privileged = data[0] >> 2 & 1;
	}
	for (at = 1; at + 4 <= size; at += 4) {
		struct domain *me = d[data[at] & 1], *you = d[data[at] >> 1 & 1];
		struct vcpu *v = me->vcpus[data[at] >> 2 & 1];
		uint32_t a = data[at + 2] < 0xf0 ?
				     data[at + 2] % 72 :
				     ((uint32_t)data[at + 2] << 8 | data[at + 3]) * 0x10001u;
		uint32_t b = data[at + 3];

		fake_run_on(0, v);
		switch (data[at + 1] % 12) {
		case 0: evtchn_alloc_unbound(me, me, (domid_t)(b % 4), &p); break;
		case 1: evtchn_bind_interdomain(me, you, a, &p); break;
		case 2: evtchn_bind_virq(me, a, b % 4, &p); break;
		case 3: evtchn_bind_ipi(me, b % 4, &p); break;
		case 4: evtchn_bind_pirq(v, a, b & 1, &p); break;
		case 5: evtchn_bind_vcpu(me, a, b % 4); break;
		case 6: evtchn_close(me, a); break;
		case 7: evtchn_unmask(me, a); break;
		case 8: evtchn_send(v, a); break;
		case 9: evtchn_virq(v, b % NR_VIRQS); break;
		case 10:
			evtchn_set_virq_handler(me, a);
			evtchn_virq_global(VIRQ_DOM_EXC);
			break;
		default:
			if (b == 0)
				evtchn_close_all(me);
			else
				/* the guest writes what it likes */
				memset(d[b & 1]->shared->evtchn_mask, (int)a, 64);
		}
		check();
	}
	for (i = 0; i < 2; i++) {
		d[i]->state = DOM_DYING;
		evtchn_close_all(d[i]);
		if (d[i]->refs != 1)
			abort();
		evtchn_free(d[i]);
	}
	return 0;
}
