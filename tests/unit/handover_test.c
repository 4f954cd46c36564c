/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The handover under faults: two hosts, a link and a guest, all made up, and thousands of random
 * orders of events. At no instant do both hosts run the guest. In the end one does, unless its
 * memory was on a host that died. SCHEDULES and SEED in the environment choose how many and which.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "migration/handover.h"

#define QUEUE 32

enum { SOURCE, TARGET };

struct host {
	struct world *w;
	int which;
	struct handover h;
	struct handover_record disk;
	bool has_disk;
	bool alive;	  /* the engine */
	bool image, runs; /* the guest here */
	bool writes;	  /* what it does may reach its disks */
	int dies_in;	  /* this many calls; 0: not */
	bool forgotten;	  /* the record was removed */
	int after_death;  /* calls that a dead engine made: there may be none */
};

struct world {
	struct host host[2];
	enum handover_message queue[2][QUEUE]; /* to that host */
	int waiting[2];
	int cut; /* steps that the link stays dead */
	int faults, most_faults;
	bool forget;
	int patience; /* steps that the source waits when suspended */
	bool released, ever_wrong;
};

static unsigned long entered[HANDOVER_STATES];
static unsigned int rng;

static unsigned int pick(unsigned int n)
{
	rng = rng * 1664525u + 1013904223u;
	return (rng >> 8) % n;
}

/* Never both, never the old one after something of the new one was seen, and never without a record
 * that allows it. */
static void look(struct world *w)
{
	struct host *s = &w->host[SOURCE], *t = &w->host[TARGET];

	w->released |= t->writes;
	if ((s->runs && (w->released || t->runs)) || (s->runs && s->disk.state != HANDOVER_OWNER) ||
	    (s->writes && t->writes) ||
	    (t->runs && t->disk.state != HANDOVER_RUNNING && t->disk.state != HANDOVER_PREPARED) ||
	    (t->writes && t->disk.state != HANDOVER_RUNNING) ||
	    (s->writes && s->disk.state == HANDOVER_HANDED))
		w->ever_wrong = true;
}

/* An engine dies before or after what it is about to do. */
static bool dies(struct host *s, bool *done)
{
	*done = true;
	if (!s->alive) {
		s->after_death++;
		*done = false;
		return true;
	}
	if (!s->dies_in || --s->dies_in)
		return false;
	s->alive = false;
	*done = pick(2);
	return true;
}

static int call_save(void *arg, const struct handover_record *r)
{
	struct host *s = arg;
	bool done, dead = dies(s, &done);

	if (done) {
		s->disk = *r;
		s->has_disk = true;
		entered[r->state]++;
	}
	return dead ? -EINTR : 0;
}

static int call_stop(void *arg)
{
	struct host *s = arg;
	bool done, dead = dies(s, &done);

	if (done)
		s->runs = false;
	return dead ? -EINTR : 0;
}

/* The backends do not come to an end in time, now and then: then the guest stays. */
static int call_drain(void *arg)
{
	struct host *s = arg;

	if (pick(20) == 0)
		return -ETIMEDOUT;
	s->writes = false;
	return 0;
}

static int call_run(void *arg)
{
	struct host *s = arg;
	bool done, dead = dies(s, &done);

	if (done) {
		s->runs = s->image;
		if (s->which == SOURCE)
			s->writes = s->runs;
	}
	look(s->w);
	return dead ? -EINTR : 0;
}

static int call_release(void *arg)
{
	struct host *s = arg;
	bool done, dead = dies(s, &done);

	if (done)
		s->writes = s->image;
	look(s->w);
	return dead ? -EINTR : 0;
}

static int call_destroy(void *arg)
{
	struct host *s = arg;
	bool done, dead = dies(s, &done);

	if (done)
		s->runs = s->image = s->writes = false;
	return dead ? -EINTR : 0;
}

static bool call_runs(void *arg)
{
	return ((struct host *)arg)->runs;
}

static bool call_has_image(void *arg)
{
	return ((struct host *)arg)->image;
}

static void call_say(void *arg, enum handover_message m)
{
	struct host *s = arg;
	int to = !s->which;

	if (!s->alive || s->w->cut || s->w->waiting[to] == QUEUE)
		return;
	s->w->queue[to][s->w->waiting[to]++] = m;
}

static void call_log(void *arg, const char *text)
{
	(void)arg;
	(void)text;
}

static struct handover_calls calls_of(struct host *s)
{
	return (struct handover_calls){ s,
					call_save,
					call_stop,
					call_drain,
					call_run,
					call_release,
					call_destroy,
					call_runs,
					call_has_image,
					call_say,
					call_log };
}

static void drop(struct world *w, int to, int at)
{
	w->waiting[to]--;
	memmove(&w->queue[to][at], &w->queue[to][at + 1],
		(w->waiting[to] - at) * sizeof(w->queue[to][0]));
}

/* A record that may be removed is, at once or never: who has none answers all the same. */
static void deliver(struct world *w, int to)
{
	enum handover_message m = w->queue[to][0];
	struct host *s = &w->host[to];
	enum handover_state state = s->disk.state;

	if (!w->waiting[to] || !s->alive)
		return;
	drop(w, to, 0);
	if (!s->forgotten) {
		(void)handover_hear(&s->h, m);
		s->forgotten = w->forget && !s->h.failed && handover_over(&s->h) &&
			       s->disk.state == s->h.record.state &&
			       (state != HANDOVER_RUNNING || s->h.done) &&
			       s->disk.state != HANDOVER_RUNNING;
		s->forgotten |= w->forget && s->h.done;
		return;
	}
	m = handover_answer_unknown(m);
	if (m != HANDOVER_MESSAGES)
		call_say(s, m);
}

static void restart(struct host *s)
{
	struct handover_calls calls = calls_of(s);

	if (s->alive)
		return;
	s->alive = true;
	s->dies_in = 0;
	if (s->has_disk && !s->forgotten)
		(void)handover_recover(&s->h, &calls, &s->disk);
}

static void fault(struct world *w)
{
	struct host *s = &w->host[pick(2)];
	int to = pick(2), n = w->waiting[to], i;

	if (w->faults == w->most_faults)
		return;
	switch (pick(6)) {
	case 0: /* the engine is killed, in the middle of something that it does soon */
		if (!s->alive || s->dies_in)
			return;
		s->dies_in = 1 + pick(4);
		break;
	case 1: /* the engine is killed while it waits */
		if (!s->alive)
			return;
		s->alive = false;
		break;
	case 2: /* the host goes down; with a running guest it would be no matter of migration */
		if (!s->image || s->disk.state == HANDOVER_OWNER ||
		    s->disk.state == HANDOVER_RUNNING)
			return;
		s->alive = s->image = s->runs = s->writes = false;
		break;
	case 3: /* the link is cut: what is under way is lost */
		w->waiting[0] = w->waiting[1] = 0;
		w->cut = 1 + pick(40);
		break;
	case 4: /* a message is overtaken by all that wait behind it */
		if (n < 2)
			return;
		w->queue[to][n] = w->queue[to][0]; /* n < QUEUE, see below */
		w->waiting[to]++;
		drop(w, to, 0);
		break;
	case 5: /* a message comes twice, the second time at the end */
		if (!n)
			return;
		i = pick(n);
		w->queue[to][w->waiting[to]++] = w->queue[to][i];
		break;
	}
	w->faults++;
}

static void step(struct world *w, bool calm)
{
	struct host *src = &w->host[SOURCE], *s = &w->host[pick(2)];

	if (w->waiting[0] == QUEUE || w->waiting[1] == QUEUE)
		w->waiting[0] = w->waiting[1] = QUEUE /
						2; /* ticks only: what is repeated may be lost */
	switch (pick(calm ? 4 : 6)) {
	case 0:
	case 1: deliver(w, pick(2)); break;
	case 2:
		if (s->alive && !s->forgotten)
			(void)handover_tick(&s->h);
		break;
	case 3:
		if (pick(4) == 0 || calm)
			restart(s);
		break;
	case 4: /* what the source's engine does of itself */
		if (!src->alive || src->h.failed)
			break;
		if (src->h.record.state == HANDOVER_OWNER && !w->host[TARGET].alive)
			break; /* nobody to send an image to */
		if (handover_suspend(&src->h) == 0) {
			w->host[TARGET].image = w->host[TARGET].alive; /* the engine's work */
			w->patience = 60;
		} else if (src->h.record.state == HANDOVER_SUSPENDED && !src->h.final_sent) {
			(void)handover_final(&src->h);
		}
		break;
	case 5:
		if (pick(40) == 0 && src->alive)
			(void)handover_abort(&src->h);
		else
			fault(w);
		break;
	}
	if (w->cut)
		w->cut--;
	if (src->alive && src->h.record.state == HANDOVER_SUSPENDED && w->patience-- == 0) {
		(void)handover_abort(&src->h);
		w->patience = 60;
	}
	look(w);
}

static void begin(struct world *w, int most_faults)
{
	static const uint8_t id[HANDOVER_ID_SIZE] = { 1, 2, 3 };
	struct handover_calls calls;
	int i;

	memset(w, 0, sizeof(*w));
	w->most_faults = most_faults;
	for (i = 0; i < 2; i++) {
		w->host[i].w = w;
		w->host[i].which = i;
		w->host[i].alive = true;
		w->host[i].image = w->host[i].runs = w->host[i].writes = i == SOURCE;
		calls = calls_of(&w->host[i]);
		assert_int_equal(handover_begin(&w->host[i].h, &calls, id, "web", "other",
						i == SOURCE),
				 0);
	}
}

static void schedules(void **state)
{
	const char *n = getenv("SCHEDULES"), *first = getenv("SEED");
	unsigned long count = n ? strtoul(n, NULL, 0) : 30000, i,
		      seed0 = first ? strtoul(first, NULL, 0) : 1;
	unsigned long where[2] = { 0, 0 }, nowhere = 0, with[3] = { 0, 0, 0 };
	struct world w;
	struct host *s = &w.host[SOURCE], *t = &w.host[TARGET];
	int k;

	(void)state;
	for (i = 0; i < count; i++) {
		rng = (seed0 + i) * 2654435761u;
		begin(&w, i % 3);
		w.forget = i & 1;
		for (k = 0; k < 300; k++)
			step(&w, false);
		w.most_faults = w.faults;
		s->dies_in = t->dies_in = 0;
		for (k = 0; k < 600; k++)
			step(&w, true);
		if (w.ever_wrong || s->after_death || t->after_death || s->runs + t->runs > 1 ||
		    (s->runs + t->runs == 0 && !s->disk.died &&
		     !(s->disk.state == HANDOVER_OWNER && !s->image)))
			fail_msg("SEED=%lu: source %s image %d runs %d, target %s image %d runs %d, %d faults, %d calls of the dead",
				 seed0 + i, handover_state_name(s->disk.state), s->image, s->runs,
				 handover_state_name(t->disk.state), t->image, t->runs, w.faults,
				 s->after_death + t->after_death);
		/* what was handed over is not kept twice, and a target that was refused keeps
		 * nothing */
		if (t->runs && s->image)
			fail_msg("SEED=%lu: the source keeps a guest that runs elsewhere",
				 seed0 + i);
		if (s->runs && t->disk.state != HANDOVER_NONE)
			fail_msg("SEED=%lu: the target waits for a guest that stays", seed0 + i);
		with[w.faults]++;
		where[SOURCE] += s->runs;
		where[TARGET] += t->runs;
		nowhere += !s->runs && !t->runs;
	}
	print_message(
		"%lu schedules: %lu without a fault, %lu with one, %lu with two; in the end at the source %lu, at the target %lu, "
		"lost with its host %lu\n",
		count, with[0], with[1], with[2], where[SOURCE], where[TARGET], nowhere);
	assert_true(where[SOURCE] && where[TARGET] && with[1] && with[2]);
}

/* The names of a line "mtype = { A, B };" of the model, the nth of them. */
static int model_names(int nth, char names[16][16])
{
	FILE *f = fopen("migration/handover.pml", "r");
	char line[256], *p;
	int n = 0;

	assert_non_null(f);
	while (fgets(line, sizeof(line), f))
		if (!strncmp(line, "mtype = {", 9) && nth-- == 0)
			for (p = strtok(line + 9, " ,};\n"); p && n < 16; p = strtok(NULL, " ,};\n"))
				snprintf(names[n++], 16, "%s", p);
	fclose(f);
	return n;
}

/* After schedules(): the states that were entered are the model's, all of them. */
static void names(void **state)
{
	char model[16][16];
	int i, n;

	(void)state;
	n = model_names(0, model);
	assert_int_equal(n, HANDOVER_STATES);
	for (i = 0; i < n; i++) {
		assert_string_equal(model[i], handover_state_name(i));
		assert_true(entered[i] > 0);
	}
	n = model_names(1, model);
	assert_int_equal(n, HANDOVER_MESSAGES);
	for (i = 0; i < n; i++)
		assert_string_equal(model[i], handover_message_name(i));
}

static int count_records(void *arg, const struct handover_record *r)
{
	struct handover_record *want = arg;

	assert_memory_equal(r, want, sizeof(*r));
	want->died = !want->died; /* so that a second one would differ */
	return 0;
}

static void files(void **state)
{
	char dir[] = "/tmp/torc-handover-XXXXXX", file[128];
	struct handover_record r, back;
	struct why why;
	int i, len;
	FILE *f;

	(void)state;
	assert_non_null(mkdtemp(dir));
	memset(&r, 0, sizeof(r));
	r.id[0] = 0xab;
	strcpy(r.guest, "web server");
	strcpy(r.peer, "host2");
	snprintf(file, sizeof(file), "%s/ab%030d.handover", dir, 0);
	for (i = 0; i < HANDOVER_STATES; i++) {
		r.state = i;
		r.aborted = i & 1;
		r.asked = i & 2;
		r.caps = (struct throttle_caps){ i & 1 ? UINT16_MAX : 0, 200, i & 2 ? 100 : 0 };
		assert_int_equal(handover_save(dir, &r), 0);
		assert_int_equal(handover_load(file, &back, &why), 0);
		assert_memory_equal(&r, &back, sizeof(r));
	}
	assert_int_equal(handover_each(dir, count_records, &r, &why), 0);
	assert_true(r.died);
	/* cut anywhere, it is damaged, and said so with what to do */
	for (len = 0; len < 60; len++) {
		assert_int_equal(handover_save(dir, &back), 0);
		assert_int_equal(truncate(file, len), 0);
		assert_int_not_equal(handover_load(file, &r, &why), 0);
		assert_non_null(strstr(why.hint, "other host"));
	}
	/* one of before it was written down whether the guest had been asked: it may have been */
	f = fopen(file, "w");
	fprintf(f,
		"torc-handover 2\nid ab%030d\nguest a\npeer b\nstate OWNER\naborted 0\ndied 0\n"
		"domain 3\nuuid c\nboot d\nend\n",
		0);
	fclose(f);
	assert_int_equal(handover_load(file, &r, &why), 0);
	assert_true(r.asked);
	assert_int_equal(r.domid, 3);
	/* and of before caps were */
	f = fopen(file, "w");
	fprintf(f,
		"torc-handover 3\nid ab%030d\nguest a\npeer b\nstate OWNER\naborted 0\ndied 0\n"
		"asked 0\ndomain 3\nuuid c\nboot d\nend\n",
		0);
	fclose(f);
	assert_int_equal(handover_load(file, &r, &why), 0);
	assert_false(r.asked || r.caps.now);
	f = fopen(file, "w");
	fprintf(f,
		"torc-handover 1\nid ab%030d\nguest a\npeer b\nstate MINE\naborted 0\ndied 0\nend\n",
		0);
	fclose(f);
	assert_int_not_equal(handover_load(file, &r, &why), 0);
	unlink(file);
	/* a folder that is not there is an error, not a guest run twice */
	rmdir(dir);
	assert_int_not_equal(handover_save(dir, &back), 0);
}

/* Of a daemon that was killed in the midst of writing one: nobody comes back to its name. */
static void unfinished(void **state)
{
	char dir[] = "/tmp/torc-handover-XXXXXX", whole[128], half[128], other[128];
	struct handover_record r;

	(void)state;
	assert_non_null(mkdtemp(dir));
	memset(&r, 0, sizeof(r));
	snprintf(whole, sizeof(whole), "%s/%032d.handover", dir, 0);
	snprintf(half, sizeof(half), "%s/%032d.handover.new", dir, 1);
	snprintf(other, sizeof(other), "%s/costs", dir);
	assert_int_equal(handover_save(dir, &r), 0);
	fclose(fopen(half, "w"));
	fclose(fopen(other, "w"));
	handover_tidy(dir);
	assert_int_equal(access(half, F_OK), -1);
	assert_int_equal(unlink(whole), 0);
	assert_int_equal(unlink(other), 0);
	assert_int_equal(rmdir(dir), 0);
	handover_tidy(dir); /* a folder that is not there has none */
}

static void wire(void **state)
{
	uint8_t raw[HANDOVER_WIRE_SIZE], id[HANDOVER_ID_SIZE] = { 9 },
					 other[HANDOVER_ID_SIZE] = { 8 };
	enum handover_message m, got;

	(void)state;
	for (m = 0; m < HANDOVER_MESSAGES; m++) {
		handover_write(raw, m, id);
		assert_int_equal(handover_read(raw, sizeof(raw), id, &got), 0);
		assert_int_equal(got, m);
		assert_int_equal(handover_read(raw, sizeof(raw), other, &got), -EBADMSG);
		assert_int_equal(handover_read(raw, sizeof(raw) - 1, id, &got), -EBADMSG);
	}
	raw[0] = HANDOVER_MESSAGES;
	assert_int_equal(handover_read(raw, sizeof(raw), id, &got), -EBADMSG);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(schedules),  cmocka_unit_test(names), cmocka_unit_test(files),
		cmocka_unit_test(unfinished), cmocka_unit_test(wire),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
