/* SPDX-License-Identifier: BSD-2-Clause */
/* pv/evtchn.c: ports, both ends of a channel, virqs, masks and selectors in both widths, two
 * domains that close on each other. */
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <unistd.h>
#include <torc/evtchn.h>
#include <torc/shared.h>
#include "fake_life.h"

static struct domain *a, *b;
static struct vcpu *av, *bv, *bv1;

static struct vcpu *vcpu_with_info(struct domain *d)
{
	struct vcpu *v = fake_vcpu(d);

	v->info = &d->shared->vcpu_info[v->id];
	return v;
}

static int setup_width(bool b_is_32bit)
{
	fake_reset(512);
	heap_add(16 * PAGE_SIZE, 512 * PAGE_SIZE);
	fake_life_reset();
	a = fake_domain(1, false, 10);
	b = fake_domain(2, b_is_32bit, 10);
	fake_enlist(a);
	fake_enlist(b);
	av = vcpu_with_info(a);
	bv = vcpu_with_info(b);
	bv1 = vcpu_with_info(b);
	fake_run_on(0, av);
	return 0;
}

static int setup(void **s)
{
	(void)s;
	return setup_width(false);
}
static int setup_32(void **s)
{
	(void)s;
	return setup_width(true);
}

static bool pending(struct domain *d, evtchn_port_t port)
{
	return bit_test(port, shared_pending(d));
}
static bool selected(struct vcpu *v, evtchn_port_t port)
{
	return bit_test(port / shared_word_bits(v->domain), vcpu_pending_sel(v));
}

static void quiet(struct domain *d, evtchn_port_t port) /* what a guest's upcall does */
{
	unsigned int i;

	bit_test_and_clear(port, shared_pending(d));
	for (i = 0; i < d->max_vcpus; i++) {
		*vcpu_upcall_pending(d->vcpus[i]) = 0;
		bit_test_and_clear(port / shared_word_bits(d), vcpu_pending_sel(d->vcpus[i]));
		fake_kicks[i] = 0;
	}
}

static void connect(evtchn_port_t *pa, evtchn_port_t *pb)
{
	assert_int_equal(evtchn_alloc_unbound(a, a, 2, pa), 0);
	assert_int_equal(evtchn_bind_interdomain(b, a, *pa, pb), 0);
	assert_true(pending(b, *pb)); /* ABI: bound ports start pending */
	quiet(b, *pb);
}

static void test_send_reaches_the_peer(void **s)
{
	evtchn_port_t pa, pb;

	(void)s;
	connect(&pa, &pb);
	assert_int_equal(evtchn_send(av, pa), 0);
	assert_true(pending(b, pb));
	assert_true(selected(bv, pb));
	assert_int_equal(*vcpu_upcall_pending(bv), 1);
	assert_int_equal(fake_kicks[0], 1);
	assert_int_equal(evtchn_send(av, pa), 0); /* already pending: nobody is told twice */
	assert_int_equal(fake_kicks[0], 1);
	assert_false(pending(a, pa));
}

/* One that waits for its turn may have it sooner when who serves it answers, also if it has been
 * told of something before. */
/* Who set the flag tells; until the guest has cleared it, it will look once more. */
static void test_a_set_flag_is_told_once(void **s)
{
	evtchn_port_t pa, pb;

	(void)s;
	connect(&pa, &pb);
	quiet(b, pb);
	assert_int_equal(evtchn_send(av, pa), 0);
	assert_int_equal(fake_kicks[0], 1);
	bit_test_and_clear(pb, shared_pending(b));
	bit_test_and_clear(pb / shared_word_bits(b), vcpu_pending_sel(bv));
	assert_int_equal(evtchn_send(av, pa), 0);
	assert_true(pending(b, pb) && selected(bv, pb));
	assert_int_equal(fake_kicks[0], 1);
	quiet(b, pb);
	assert_int_equal(evtchn_send(av, pa), 0);
	assert_int_equal(fake_kicks[0], 1);
}

static void test_who_waits_is_answered(void **s)
{
	evtchn_port_t pa, pb;

	(void)s;
	connect(&pa, &pb); /* b bound to a's port: it serves */
	evtchn_send(bv, pb);
	evtchn_send(bv, pb);
	assert_int_equal(fake_answers, 2);
	assert_ptr_not_equal(av->told_on, NULL);
	assert_int_equal(*av->told_on, 0);
	evtchn_send(av, pa);
	assert_int_equal(fake_answers, 2); /* a request is none */
	av->blocked = true;
	evtchn_send(bv, pb);
	av->blocked = false;
	av->running = true;
	evtchn_send(bv, pb);
	av->running = false;
	assert_int_equal(fake_answers, 2); /* who sleeps is woken, who runs needs no turn */
}

static void test_bind_vcpu_moves_the_upcall(void **s)
{
	evtchn_port_t pa, pb;

	(void)s;
	connect(&pa, &pb);
	assert_int_equal(evtchn_bind_vcpu(b, pb, 1), 0);
	assert_int_equal(evtchn_bind_vcpu(b, pb, 2), -XEN_ENOENT);
	assert_int_equal(evtchn_bind_vcpu(b, pb + 1, 1), -XEN_EINVAL);
	evtchn_send(av, pa);
	assert_true(selected(bv1, pb));
	assert_false(selected(bv, pb));
}

static void test_mask_holds_back_and_unmask_tells(void **s)
{
	evtchn_port_t pa, pb;

	(void)s;
	connect(&pa, &pb);
	bit_test_and_set(pb, shared_mask(b));
	evtchn_send(av, pa);
	assert_true(pending(b, pb));
	assert_false(selected(bv, pb));
	assert_int_equal(fake_kicks[0], 0);
	assert_int_equal(evtchn_unmask(b, pb), 0);
	assert_true(selected(bv, pb));
	assert_int_equal(fake_kicks[0], 1);
	assert_int_equal(evtchn_unmask(b, 4096), -XEN_EINVAL);
}

static void test_only_who_was_named_may_bind(void **s)
{
	evtchn_port_t pa, pb;

	(void)s;
	assert_int_equal(evtchn_alloc_unbound(a, a, 7, &pa), 0);
	assert_int_equal(evtchn_bind_interdomain(b, a, pa, &pb), -XEN_EINVAL);
	assert_int_equal(evtchn_bind_interdomain(b, a, pa + 1, &pb), -XEN_EINVAL);
	assert_int_equal(evtchn_bind_interdomain(b, a, 99999, &pb), -XEN_EINVAL);
	assert_int_equal(evtchn_alloc_unbound(a, a, 2, &pa), 0);
	assert_int_equal(evtchn_bind_interdomain(b, a, pa, &pb), 0);
	assert_int_equal(pb, 1); /* the failed ones took no port */
	assert_int_equal(evtchn_bind_interdomain(b, a, pa, &pb), -XEN_EINVAL); /* taken */
}

static void test_loopback(void **s)
{
	evtchn_port_t p, q;

	(void)s;
	assert_int_equal(evtchn_alloc_unbound(a, a, DOMID_SELF, &p), 0);
	assert_int_equal(evtchn_bind_interdomain(a, a, p, &q), 0);
	assert_int_not_equal(p, q);
	quiet(a, q);
	assert_int_equal(evtchn_send(av, p), 0);
	assert_true(pending(a, q));
	assert_int_equal(evtchn_close(a, p), 0);
	assert_int_equal(evtchn_send(av, q), 0); /* a peer yet to come */
	assert_int_equal(evtchn_close(a, q), 0);
}

/* Found by fuzzing: the remote port is the one that the call itself gives out. */
static void test_bind_to_the_port_it_gets(void **s)
{
	evtchn_port_t p, q;

	(void)s;
	assert_int_equal(evtchn_bind_ipi(a, 0, &p), 0);
	assert_int_equal(evtchn_bind_interdomain(a, a, p + 1, &q), -XEN_EINVAL);
	assert_int_equal(evtchn_bind_ipi(a, 0, &q), 0);
	assert_int_equal(q, p + 1);
}

static void test_close_leaves_the_peer_unbound(void **s)
{
	struct evtchn_status st = { 0 };
	evtchn_port_t pa, pb, again;

	(void)s;
	connect(&pa, &pb);
	st.port = pa;
	assert_int_equal(evtchn_get_status(a, &st), 0);
	assert_int_equal(st.status, EVTCHNSTAT_interdomain);
	assert_int_equal(st.u.interdomain.dom, 2);
	assert_int_equal(st.u.interdomain.port, pb);
	assert_int_equal(evtchn_close(b, pb), 0);
	assert_int_equal(evtchn_close(b, pb), -XEN_EINVAL);
	assert_int_equal(evtchn_get_status(a, &st), 0);
	assert_int_equal(st.status, EVTCHNSTAT_unbound);
	assert_int_equal(st.u.unbound.dom, 2);
	assert_int_equal(evtchn_send(av, pa), 0);
	assert_int_equal(evtchn_bind_interdomain(b, a, pa, &again), 0);
}

static void test_virqs(void **s)
{
	evtchn_port_t t0, t1, g;

	(void)s;
	assert_int_equal(evtchn_bind_virq(b, VIRQ_TIMER, 0, &t0), 0);
	assert_int_equal(evtchn_bind_virq(b, VIRQ_TIMER, 0, &t0), -XEN_EEXIST);
	assert_int_equal(evtchn_bind_virq(b, VIRQ_TIMER, 1, &t1), 0);
	assert_int_equal(evtchn_bind_virq(b, VIRQ_TIMER, 2, &g), -XEN_ENOENT);
	/* global ones start on vcpu 0 */
	assert_int_equal(evtchn_bind_virq(b, VIRQ_DOM_EXC, 1, &g), -XEN_EINVAL);
	assert_int_equal(evtchn_bind_virq(b, NR_VIRQS, 0, &g), -XEN_EINVAL);
	assert_int_equal(evtchn_bind_virq(b, VIRQ_DOM_EXC, 0, &g), 0);
	evtchn_virq(bv1, VIRQ_TIMER);
	assert_true(pending(b, t1) && !pending(b, t0));
	assert_int_equal(evtchn_bind_vcpu(b, t1, 0), -XEN_EINVAL); /* per-vcpu ones stay */
	assert_int_equal(evtchn_bind_vcpu(b, g, 1), 0);
	evtchn_virq_global(VIRQ_DOM_EXC); /* there is no control domain: nobody gets it */
	assert_false(pending(b, g));
	assert_int_equal(evtchn_set_virq_handler(b, VIRQ_TIMER), -XEN_EINVAL);
	assert_int_equal(evtchn_set_virq_handler(b, VIRQ_DOM_EXC), 0);
	assert_int_equal(b->refs, 2);
	quiet(b, t1);
	evtchn_virq_global(VIRQ_DOM_EXC);
	assert_true(pending(b, g) && selected(bv1, g));
	/* who ends the handler waits for those who have interrupts off, and for nobody else */
	assert_true(fake_kicked_with_irqs_off);
	b->state = DOM_DYING;
	evtchn_close_all(b);
	assert_int_equal(b->refs, 1);
	assert_int_equal(bv1->virq_port[VIRQ_TIMER], 0);
	quiet(b, g);
	evtchn_virq_global(VIRQ_DOM_EXC);
	assert_false(pending(b, g));
}

static void test_pirqs(void **s)
{
	evtchn_port_t p, q;

	(void)s;
	assert_int_equal(evtchn_bind_pirq(av, 9, 0, &p), -XEN_EPERM);
	a->privileged = true;
	assert_int_equal(evtchn_bind_pirq(av, 9, 2, &p), -XEN_EINVAL);
	assert_int_equal(evtchn_bind_pirq(av, 9, 0, &p), 0);
	assert_int_equal(fake_pirq_port[9], p);
	assert_int_equal(evtchn_bind_pirq(av, 9, 0, &q), -XEN_EEXIST);
	evtchn_pirq(a, p);
	assert_true(pending(a, p));
	assert_int_equal(evtchn_send(av, p), -XEN_EINVAL);
	assert_int_equal(evtchn_close(a, p), 0);
	assert_int_equal(fake_pirq_port[9], 0);
}

static void test_ports_end_where_the_width_says(void **s)
{
	unsigned int n = 0, limit = b->is_32bit ? 1024 : 4096;
	evtchn_port_t p;

	(void)s;
	while (evtchn_bind_ipi(b, 0, &p) == 0) {
		assert_int_equal(p, ++n);
		assert_in_range(p, 1, limit - 1);
	}
	assert_int_equal(n, limit - 1);
	assert_int_equal(evtchn_bind_ipi(b, 0, &p), -XEN_ENOSPC);
	assert_int_equal(evtchn_close(b, 17), 0);
	assert_int_equal(evtchn_bind_ipi(b, 1, &p), 0);
	assert_int_equal(p, 17);
	assert_int_equal(evtchn_send(bv, 17), 0);
	assert_true(selected(bv1, 17));
	assert_int_equal(evtchn_send(bv, limit), -XEN_EINVAL);
}

static void test_last_port_stays_inside_shared_info(void **s)
{
	evtchn_port_t p;

	(void)s;
	while (evtchn_bind_ipi(b, 0, &p) == 0)
		;
	memset(b->shared, 0, PAGE_SIZE);
	p = (b->is_32bit ? 1024 : 4096) - 1;
	assert_int_equal(evtchn_send(bv, p), 0);
	if (b->is_32bit)
		assert_int_equal(shared32(b)->evtchn_pending[31], 0x80000000u);
	else
		assert_true(b->shared->evtchn_pending[63] == 1ul << 63);
	assert_true(selected(bv, p));
}

static void test_poller_hears_of_masked_ports(void **s)
{
	evtchn_port_t pa, pb;

	(void)s;
	connect(&pa, &pb);
	bit_test_and_set(pb, shared_mask(b));
	bv1->polling = bv1->blocked = true;
	bv1->poll_port = pb;
	bv->polling = bv->blocked = true;
	bv->poll_port = pb + 1;
	b->nr_polling = 2;
	evtchn_send(av, pa);
	assert_false(bv1->blocked);
	assert_true(bv->blocked);
}

static void test_moved_info_shows_everything(void **s)
{
	(void)s;
	evtchn_vcpu_info_moved(bv);
	assert_int_equal(*vcpu_upcall_pending(bv), 1);
	assert_true(selected(bv, 0) &&
		    selected(bv, shared_word_bits(b) * (shared_word_bits(b) - 1)));
}

/* Ends close and connect against each other from two threads, while a third sends. Nothing hangs,
 * and both ends agree at the end. */
static volatile bool stop;

static void *closer(void *arg)
{
	struct domain *d = arg, *o = d == a ? b : a;
	evtchn_port_t p, q;
	unsigned int i;

	fake_run_on(d == a ? 1 : 2, d == a ? av : bv);
	for (i = 0; i < 20000; i++) {
		if (!evtchn_alloc_unbound(d, d, o->id, &p) && p > 40)
			evtchn_close(d, p);
		evtchn_bind_interdomain(d, o, i % 40, &q);
		evtchn_close(d, i * 7 % 64);
	}
	return NULL;
}

static void *sender(void *arg)
{
	unsigned int i;

	(void)arg;
	fake_run_on(3, av);
	for (i = 0; !stop; i++)
		evtchn_send(av, i % 64);
	return NULL;
}

static void test_two_domains_close_on_each_other(void **s)
{
	struct evtchn_status st, other;
	pthread_t t[3];
	unsigned int i, ends = 0;

	(void)s;
	stop = false;
	pthread_create(&t[0], NULL, closer, a);
	pthread_create(&t[1], NULL, closer, b);
	pthread_create(&t[2], NULL, sender, NULL);
	pthread_join(t[0], NULL);
	pthread_join(t[1], NULL);
	stop = true;
	pthread_join(t[2], NULL);
	for (i = 1; i < 4096; i++) {
		st.port = i;
		assert_int_equal(evtchn_get_status(a, &st), 0);
		if (st.status != EVTCHNSTAT_interdomain)
			continue;
		other.port = st.u.interdomain.port;
		assert_int_equal(st.u.interdomain.dom, 2);
		assert_int_equal(evtchn_get_status(b, &other), 0);
		assert_int_equal(other.status, EVTCHNSTAT_interdomain);
		assert_int_equal(other.u.interdomain.port, i);
		ends++;
	}
	evtchn_close_all(a);
	evtchn_close_all(b);
	for (i = 1; i < (b->is_32bit ? 1024 : 4096); i++) {
		st.port = i;
		assert_int_equal(evtchn_get_status(b, &st), 0);
		assert_int_equal(st.status, EVTCHNSTAT_closed);
	}
	print_message("channels between the two at the end: %u\n", ends);
}

static pthread_t killer;
static bool killed;

static void *kill_b(void *arg)
{
	(void)arg;
	fake_run_on(2, NULL);
	evtchn_close_all(b);
	__atomic_store_n(&killed, true, __ATOMIC_SEQ_CST);
	return NULL;
}

static void b_dies(void)
{
	b->state = DOM_DYING;
	pthread_create(&killer, NULL, kill_b, NULL);
	for (unsigned int i = 0; i < 100 && !__atomic_load_n(&killed, __ATOMIC_SEQ_CST); i++)
		usleep(1000);
}

static void b_dies_at_the_next_lock(void)
{
	fake_at_lock = b_dies;
}

/* Who bound to it would send to memory that is somebody else's by then. */
static void test_port_for_the_dying_is_closed(void **s)
{
	struct evtchn_status st;

	(void)s;
	killed = false;
	fake_at_lock = b_dies_at_the_next_lock; /* the ports', then the one of memory for them */
	assert_int_equal(evtchn_alloc_unbound(b, b, 1, &st.port), 0);
	pthread_join(killer, NULL);
	assert_int_equal(evtchn_get_status(b, &st), 0);
	assert_int_equal(st.status, EVTCHNSTAT_closed);
}

#define BOTH(f) cmocka_unit_test_setup(f, setup), cmocka_unit_test_setup(f, setup_32)

int main(void)
{
	const struct CMUnitTest tests[] = {
		BOTH(test_send_reaches_the_peer),
		BOTH(test_a_set_flag_is_told_once),
		BOTH(test_who_waits_is_answered),
		BOTH(test_bind_vcpu_moves_the_upcall),
		BOTH(test_mask_holds_back_and_unmask_tells),
		BOTH(test_only_who_was_named_may_bind),
		BOTH(test_loopback),
		BOTH(test_bind_to_the_port_it_gets),
		BOTH(test_close_leaves_the_peer_unbound),
		BOTH(test_virqs),
		BOTH(test_pirqs),
		BOTH(test_ports_end_where_the_width_says),
		BOTH(test_last_port_stays_inside_shared_info),
		BOTH(test_poller_hears_of_masked_ports),
		BOTH(test_moved_info_shows_everything),
		BOTH(test_two_domains_close_on_each_other),
		BOTH(test_port_for_the_dying_is_closed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
