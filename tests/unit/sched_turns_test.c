/* SPDX-License-Identifier: BSD-2-Clause */
/* Whose turn it is where one serves the other on a CPU that they share (domain/sched.c). */
#include "fake_cpus.h"

static void tell_on(struct vcpu *v, enum told what, uint8_t *channel)
{
	bool waits = !v->running && !v->blocked;

	my_cpu = 0;
	v->told = what;
	v->told_on = channel;
	vcpu_unblock(v);
	if (waits && what == TOLD_ANSWER)
		sched_answered(v);
	v->told = TOLD_EVENT;
	settle();
}
static void tell(struct vcpu *v, enum told what) /* who runs on CPU 0 sends v an event */
{
	static uint8_t channel;

	tell_on(v, what, &channel);
}

/* The first sleeps; the second has run alone for some time. */
static void one_sleeps(struct vcpu *sleeper, struct vcpu *other)
{
	run_until(now + NS_PER_MS);
	while (!sleeper->running)
		run_until(now + NS_PER_MS);
	block(sleeper);
	run_until(now + 4 * NS_PER_MS);
	assert_true(other->running);
}

static void test_who_asks_may_ask_more(void **s)
{
	struct vcpu *client = guest(1, 256)->vcpus[0], *server = guest(1, 256)->vcpus[0];

	(void)s;
	one_sleeps(server, client);
	tell(server, TOLD_REQUEST);
	run_until(now + 90 * NS_PER_US);
	assert_true(client->running);
	run_until(now + 20 * NS_PER_US);
	assert_true(server->running); /* for a moment only */
}

static void test_who_is_answered_goes_first(void **s)
{
	struct vcpu *client = guest(1, 256)->vcpus[0], *server = guest(1, 256)->vcpus[0];

	(void)s;
	one_sleeps(server, client);
	tell(server, TOLD_REQUEST);
	block(client);
	assert_true(server->running);
	run_until(now + 50 * NS_PER_US);
	tell(client, TOLD_ANSWER);
	assert_true(client->running); /* although it has used more */
	run_until(now + 250 * NS_PER_US);
	assert_true(client->running);
	run_until(now + 100 * NS_PER_US);
	assert_true(server->running); /* but not for long */
	block(server);
	run_until(now + 20 * NS_PER_MS); /* one that is far ahead is told like anybody else */
	block(client);
	vcpu_unblock(server);
	settle();
	client->vruntime += 6 * NS_PER_MS;
	tell(client, TOLD_ANSWER);
	assert_true(server->running);
}

/* Whom answers give nothing to do but to note them gets those that follow together. */
static void test_who_only_notes_answers_waits_for_more(void **s)
{
	struct vcpu *client = guest(1, 256)->vcpus[0], *server = guest(1, 256)->vcpus[0];
	uint8_t notes = 0, work = 0;
	unsigned int i;

	(void)s;
	switch_takes = 2 * NS_PER_US;
	for (i = 0; i < 40; i++) { /* the machine learns what it takes */
		run_until(now + NS_PER_MS);
		block(cpus[0].vcpu);
		vcpu_unblock(client);
		vcpu_unblock(server);
		settle();
	}
	one_sleeps(client, server);
	tell_on(client, TOLD_ANSWER, &notes);
	assert_true(client->running);
	run_until(now + 3 * NS_PER_US);
	block(client);
	assert_int_not_equal(notes, 0);
	tell_on(client, TOLD_ANSWER, &notes);
	assert_true(server->running); /* as long as it goes on, for a moment */
	tell_on(client, TOLD_ANSWER, &notes);
	run_until(now + 90 * NS_PER_US);
	assert_true(server->running);
	run_until(now + 11 * NS_PER_US);
	assert_true(client->running);
	block(client);
	tell_on(client, TOLD_ANSWER, &notes);
	assert_true(server->running);
	tell_on(client, TOLD_ANSWER, &work); /* or until there is another kind of answer */
	assert_true(client->running);
	run_until(now + 30 * NS_PER_US);
	block(client);
	assert_int_equal(work, 0);
	for (i = 0; i < 10 && notes; i++) {
		tell_on(client, TOLD_ANSWER, &notes);
		assert_true(server->running);
		block(server); /* or it sleeps */
		assert_true(client->running);
		run_until(now + 50 * NS_PER_US); /* there was something to do */
		vcpu_unblock(server);
		block(client);
	}
	assert_in_range(i, 2, 9); /* after some such turns it is tried anew */
	tell_on(client, TOLD_ANSWER, &notes);
	assert_true(client->running);
}

/* Two that only wait for each other, and tell each other as often as they can, take from a third no
 * more than their shares. */
static void test_answers_take_no_shares(void **s)
{
	struct domain *hog = guest(1, 256);
	struct vcpu *client = guest(1, 256)->vcpus[0], *server = guest(1, 256)->vcpus[0], *v;
	ns_t end = now + 3 * NS_PER_SEC;
	bool asked = false;

	(void)s;
	settle();
	while (now < end) {
		v = cpus[0].vcpu;
		run_until(now + 40 * NS_PER_US);
		if (v != cpus[0].vcpu)
			continue;
		if (v == client) {
			asked = true;
			tell(server, TOLD_REQUEST);
			if (v->running)
				block(v);
		} else if (v == server && asked) {
			asked = false;
			tell(client, TOLD_ANSWER);
		} else if (v == server) {
			block(v);
		}
	}
	assert_true(ms_used(hog) > 960);
	assert_true(ms_used(client->domain) > 800);
}

/* Nor do two that never sleep, and send each other answers all the time: each has bound to a port
 * of the other's. */
static void test_answers_for_ever_starve_nobody(void **s)
{
	struct domain *hog = guest(1, 256);
	struct vcpu *pair[2] = { guest(1, 256)->vcpus[0], guest(1, 256)->vcpus[0] };
	ns_t end = now + NS_PER_SEC;
	unsigned int i;

	(void)s;
	settle();
	while (now < end) {
		run_until(now + 40 * NS_PER_US);
		for (i = 0; i < 2; i++)
			if (cpus[0].vcpu == pair[i]) {
				tell(pair[!i], TOLD_ANSWER);
				break;
			}
	}
	assert_true(ms_used(hog) > 300);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		ONE(test_who_asks_may_ask_more),
		ONE(test_who_is_answered_goes_first),
		ONE(test_who_only_notes_answers_waits_for_more),
		ONE(test_answers_take_no_shares),
		ONE(test_answers_for_ever_starve_nobody),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
