/* SPDX-License-Identifier: BSD-2-Clause */
/* The handover over a real channel, one thread a host, with the guest made up. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "migration/deal.h"
#include "migration/parts.h"

#define MS   1000000ull
#define SOON (mig_now_ns() + 60000 * MS)

static atomic_int running; /* on how many hosts */
static atomic_bool both_ran;

struct host {
	struct channel *c;
	struct hostlink *l;
	struct handover h;
	bool source, image, runs, mute;
	uint64_t patience_ns;
	char heard[DEAL_NOTES];
	int rc;
};

static int save(void *arg, const struct handover_record *r)
{
	(void)arg;
	(void)r;
	return 0;
}

static int run(void *arg)
{
	struct host *s = arg;

	s->runs = true;
	if (atomic_fetch_add(&running, 1))
		both_ran = true;
	return 0;
}

static int stop(void *arg)
{
	struct host *s = arg;

	s->runs = false;
	atomic_fetch_sub(&running, 1);
	return 0;
}

static int nothing(void *arg)
{
	(void)arg;
	return 0;
}

static int destroy(void *arg)
{
	((struct host *)arg)->image = false;
	return 0;
}

static bool runs(void *arg)
{
	return ((struct host *)arg)->runs;
}

static bool has_image(void *arg)
{
	return ((struct host *)arg)->image;
}

static size_t tell(void *arg, enum handover_message m, char *text, size_t room)
{
	const struct host *s = arg;

	if (m != HANDOVER_ACK || s->source)
		return 0;
	assert_true(room >= sizeof("run=7"));
	memcpy(text, "run=7", 5);
	return 5;
}

static void heard(void *arg, enum handover_message m, const char *text, size_t len)
{
	struct host *s = arg;

	if (m == HANDOVER_ACK)
		memcpy(s->heard, text, len);
	else
		assert_int_equal(len, 0);
}

static void say(void *arg, enum handover_message m)
{
	struct host *s = arg;
	const struct deal_notes notes = { s, tell, heard };

	if (!s->mute)
		deal_say(s->c, &s->h, m, &notes);
}

static void quiet(void *arg, const char *text)
{
	(void)arg;
	(void)text;
}

static void *plays(void *arg)
{
	static const uint8_t id[HANDOVER_ID_SIZE] = { 5 };
	struct host *s = arg;
	const struct handover_calls calls = { s,       save, stop,	nothing, run,  nothing,
					      destroy, runs, has_image, say,	 quiet };
	const struct deal_notes notes = { s, tell, heard };
	struct hello h;
	struct why why;

	if (s->source) {
		s->rc = channel_new(&s->c, id, &why);
		s->rc = s->rc ? s->rc : channel_dial(s->c, s->l, SOON, &why);
	} else {
		s->rc = hello_hear(s->l, &h, SOON, &why);
		s->rc = s->rc ? s->rc : channel_new(&s->c, h.id, &why);
		s->rc = s->rc ? s->rc : channel_answer(s->c, s->l, &h, SOON, &why);
	}
	s->rc = s->rc ? s->rc :
			handover_begin(&s->h, &calls, channel_id(s->c), "web", "other", s->source);
	if (!s->rc && s->source) {
		s->rc = handover_suspend(&s->h);
		s->rc = s->rc ? s->rc : handover_final(&s->h);
	}
	s->rc = s->rc ? s->rc : deal(s->c, &s->h, &notes, 10 * MS, s->patience_ns, SOON);
	if (s->source)
		deal_part(s->c, SOON);
	channel_free(&s->c);
	return NULL;
}

static void play(struct host *s, bool target_mute)
{
	struct why why;
	pthread_t t;
	int fds[2], i;

	memset(s, 0, 2 * sizeof(*s));
	s[0].source = s[0].image = s[0].runs = s[1].image = true;
	s[1].mute = target_mute;
	/* what comes is waited for, on a busy machine too; what does not is not */
	s[0].patience_ns = s[1].patience_ns = (target_mute ? 200 : 30000) * MS;
	running = 1;
	both_ran = false;
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, fds), 0);
	for (i = 0; i < 2; i++)
		assert_int_equal(hostlink_open_fd(&s[i].l, fds[i], fds[i], &why), 0);
	assert_int_equal(pthread_create(&t, NULL, plays, &s[0]), 0);
	plays(&s[1]);
	pthread_join(t, NULL);
	assert_false(both_ran);
	assert_int_equal(running, 1);
}

static void goes_over(void **state)
{
	struct host s[2];

	(void)state;
	play(s, false);
	assert_int_equal(s[0].rc, 0);
	assert_int_equal(s[1].rc, 0);
	assert_int_equal(s[0].h.record.state, HANDOVER_GONE);
	assert_int_equal(s[1].h.record.state, HANDOVER_RUNNING);
	assert_false(s[0].image);
	assert_true(s[1].runs);
	assert_true(s[1].h.done); /* the source has said that it knows */
	assert_string_equal(s[0].heard, "run=7");
}

/* What the other host says of times is its word: nothing of it is believed that cannot be. */
static void figures(void **state)
{
	static const char bad[] = " run run= =5 run=x pins=1x tables=99999999999999999999 ready=7=8 "
				  "map=5 what=3 lists=12 answered=40";
	struct mig_target_figures a = { .answered_ns = 5, .released_ns = 6 }, b;
	char text[DEAL_NOTES];
	size_t len;

	(void)state;
	for (enum mig_part p = 0; p < PARTS; p++)
		a.parts.ns[p] = mig_part_is_targets(p) ? 100 + p : 0;
	len = mig_target_figures_write(&a, text, sizeof(text));
	assert_true(len);
	mig_target_figures_read(&b, text, len);
	assert_memory_equal(&a, &b, sizeof(a));
	assert_int_equal(mig_target_figures_write(&a, text, 20), 0);
	for (size_t i = 0; i < sizeof(bad); i++)
		mig_target_figures_read(&b, bad, i);
	assert_int_equal(b.answered_ns, 40);
	assert_int_equal(b.parts.ns[PART_LISTS], 12);
	assert_int_equal(mig_parts_sum(&b.parts), 12);
}

/* The target does not say that it is ready: the guest goes on where it was, and the target is told. */
static void comes_back(void **state)
{
	struct host s[2];

	(void)state;
	play(s, true);
	assert_int_equal(s[0].rc, 0);
	assert_int_equal(s[0].h.record.state, HANDOVER_OWNER);
	assert_true(s[0].h.record.aborted && s[0].runs);
	assert_int_equal(s[1].rc, 0);
	assert_true(s[1].h.done);
	assert_int_equal(s[1].h.record.state, HANDOVER_NONE);
	assert_false(s[1].image);
}

static int count_losses(void *arg, struct channel *c, struct why *why)
{
	(void)c, (void)why;
	*(int *)arg += 1;
	return -ENOTCONN;
}

/* What breaks off in the middle of a record is mended like what was cut, whatever time there is. */
static void half_a_record(void **state)
{
	struct hello h = { .version = CHANNEL_VERSION, .connection = 1, .id = { 7 } };
	struct channel *c;
	struct hostlink *l;
	int fds[2], losses = 0;
	struct why why;
	char body[16];
	size_t len;

	(void)state;
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, fds), 0);
	assert_int_equal(channel_new(&c, h.id, &why), 0);
	assert_int_equal(hostlink_open_fd(&l, fds[0], fds[0], &why), 0);
	assert_int_equal(channel_answer(c, l, &h, SOON, &why), 0);
	channel_on_loss(c, count_losses, &losses);
	assert_int_equal(write(fds[1], "\0\0\0", 3), 3);
	assert_int_equal(channel_hear(c, body, sizeof(body), &len, SOON), -ENOTCONN);
	assert_int_equal(losses, 1);
	channel_free(&c);
	close(fds[1]);
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(goes_over),
					    cmocka_unit_test(comes_back),
					    cmocka_unit_test(half_a_record),
					    cmocka_unit_test(figures) };

	signal(SIGPIPE, SIG_IGN);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
