/* SPDX-License-Identifier: BSD-2-Clause */
/* A daemon that starts finds the record of one that was killed: what the guest is left with. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "dom0-tools/cli/burst.h"
#include "dom0-tools/migrated/migrated.h"
#include "migration/throttle.h"

#define GUEST "00000000-0000-4000-8000-000000000007"
#define OTHER "00000000-0000-4000-8000-000000000008"
#define DOMID 7

static struct migrated daemon_;
static char records[] = "/tmp/torc-recover-XXXXXX";
static unsigned int cap, caps_set; /* of the domain */
static const char *uuid;	   /* its, that has the number now */
static bool is_paired;		   /* host2, whose certificate is 9 */
static bool shutdown_, refuses;	   /* it stands still; the hypervisor sets no cap */

/* --- the guest's host */

int cli_host(struct cli *c)
{
	(void)c;
	return 0;
}

int cli_store(struct cli *c)
{
	(void)c;
	return 0;
}

int host_domain_info(struct host *h, uint32_t domid, struct domain_info *info, struct why *why)
{
	(void)h, (void)why;
	*info = (struct domain_info){ .domid = domid, .shutdown = shutdown_, .reason = SHUT_SUSPEND };
	config_uuid_parse(uuid, info->uuid);
	return domid == DOMID ? 0 : -ESRCH;
}

int host_domain_sched_get(struct host *h, uint32_t domid, unsigned int *weight, unsigned int *now,
			  struct why *why)
{
	(void)h, (void)why;
	assert_int_equal(domid, DOMID);
	*weight = 256;
	*now = cap;
	return 0;
}

int host_domain_sched_set(struct host *h, uint32_t domid, unsigned int weight, unsigned int to,
			  struct why *why)
{
	(void)h;
	assert_int_equal(domid, DOMID);
	assert_int_equal(weight, 0xffff);
	if (refuses)
		return why_set(why, TE_HYPERVISOR, "no");
	cap = to;
	caps_set++;
	return 0;
}

int mig_resume(struct host *h, uint32_t domid, struct why *why)
{
	(void)h, (void)domid, (void)why;
	shutdown_ = false;
	return 0;
}

int host_log_dirty(struct host *h, uint32_t domid, bool on, struct why *why)
{
	(void)h, (void)domid, (void)on, (void)why;
	return 0;
}

bool guest_suspend_cancel(struct cli *c, uint32_t domid)
{
	(void)c, (void)domid;
	return true;
}

int guest_destroy(struct cli *c, uint32_t domid, const char *reason)
{
	(void)c, (void)domid;
	fail_msg("destroyed: %s", reason);
	return 0;
}

/* --- the daemon, of which one thread is enough; the other host is never reached */

int job_thread(struct migrated *m, void *(*fn)(void *arg), void *arg)
{
	(void)m;
	fn(arg);
	return 0;
}

void job_thread_done(struct migrated *m)
{
	(void)m;
}

struct job *job_begin(struct migrated *m, const uint8_t *id, uint64_t patience_ns)
{
	static struct job one;

	(void)m, (void)id, (void)patience_ns;
	return &one;
}

void job_end(struct migrated *m, struct job *j)
{
	(void)m, (void)j;
}

/* so that nothing is waited for */
bool job_hurried(struct migrated *m, struct job *j)
{
	(void)m, (void)j;
	return true;
}

int pin_get(const char *dir, const char *name, struct pin *p, struct why *why)
{
	(void)dir;
	if (!is_paired)
		return why_set(why, TE_FILE, "%s is not paired", name);
	*p = (struct pin){ .fingerprint = { 9 } };
	return 0;
}

/* --- called at most to no effect */

void viewer_tell(struct viewer *v, const char *event, struct json_object *facts)
{
	(void)v, (void)event;
	json_object_put(facts);
}

void starter_guest_came(const char *name)
{
	(void)name;
}

void host_close(struct host **h)
{
	*h = NULL;
}

void store_close(struct store **s)
{
	*s = NULL;
}

void burst_close(struct burst **b)
{
	*b = NULL;
}

bool supervisor_forget(const char *name)
{
	(void)name;
	return false;
}

int guest_suspend_ask(struct cli *c, uint32_t domid, struct why *why)
{
	(void)c, (void)domid, (void)why;
	return -EIO;
}

int guest_suspend_wait(struct cli *c, uint32_t domid, struct why *why)
{
	(void)c, (void)domid, (void)why;
	return -EIO;
}

int guest_release(struct cli *c, const char *name, uint32_t domid)
{
	(void)c, (void)name, (void)domid;
	return -EIO;
}

int drain_disks(struct cli *c, uint32_t domid, uint64_t deadline_ns)
{
	(void)c, (void)domid, (void)deadline_ns;
	return -EIO;
}

int host_domain_unpause(struct host *h, uint32_t domid, struct why *why)
{
	(void)h, (void)domid, (void)why;
	return -EIO;
}

int host_vcpu_info(struct host *h, uint32_t domid, uint32_t vcpu, struct vcpu_info_row *row,
		   struct why *why)
{
	(void)h, (void)domid, (void)vcpu, (void)row, (void)why;
	return -EIO;
}

/* --- */

static int count(void *arg, const struct handover_record *r)
{
	(void)r;
	++*(unsigned int *)arg;
	return 0;
}

static const struct handover_record suspended = { .id = { 1 },
						  .guest = "web",
						  .peer = "host2",
						  .state = HANDOVER_SUSPENDED,
						  .domid = DOMID,
						  .uuid = GUEST };

/* The daemon was killed in this state, with these caps written down, and is started again when the
 * guest has this one. What it has then. */
static unsigned int started_again(enum handover_state s, struct throttle_caps caps,
				  unsigned int cap_now)
{
	struct handover_record r = suspended;
	struct why why = { 0 };
	unsigned int left = 0;

	cap = cap_now;
	caps_set = 0;
	shutdown_ = s == HANDOVER_SUSPENDED;
	r.state = s;
	r.caps = caps;
	assert_int_equal(handover_save(records, &r), 0);
	recover_all(&daemon_);
	assert_false(shutdown_);
	assert_int_equal(handover_each(records, count, &left, &why), 0);
	assert_int_equal(left, 0);
	return cap;
}

static int setup(void **state)
{
	(void)state;
	uuid = GUEST;
	refuses = false;
	return 0;
}

static void slowed_down(void **state)
{
	const struct throttle_caps first = { 0, 0, 50 }, third = { 80, 40, 20 };

	(void)state;
	for (enum handover_state s = HANDOVER_OWNER; s <= HANDOVER_SUSPENDED; s++) {
		assert_int_equal(started_again(s, first, 50), 0);
		assert_int_equal(started_again(s, third, 20), 80);
		/* killed between what it wrote down and the cap */
		assert_int_equal(started_again(s, third, 40), 80);
		assert_int_equal(caps_set, 1);
		assert_int_equal(started_again(s, first, 0), 0);
		assert_int_equal(caps_set, 0);
	}
}

static void set_by_hand(void **state)
{
	(void)state;
	assert_int_equal(started_again(HANDOVER_OWNER, (struct throttle_caps){ 80, 40, 20 }, 30),
			 30);
	assert_int_equal(started_again(HANDOVER_OWNER, (struct throttle_caps){ 80, 40, 20 }, 0), 0);
	/* of a migration that slowed nothing down */
	assert_int_equal(started_again(HANDOVER_OWNER, (struct throttle_caps){ 0 }, 20), 20);
	assert_int_equal(caps_set, 0);
}

/* The number is another guest's by now. */
static void another_guest(void **state)
{
	(void)state;
	uuid = OTHER;
	assert_int_equal(started_again(HANDOVER_OWNER, (struct throttle_caps){ 0, 0, 50 }, 50), 50);
}

static void refused(void **state)
{
	(void)state;
	refuses = true;
	assert_int_equal(started_again(HANDOVER_OWNER, (struct throttle_caps){ 0, 0, 50 }, 50), 50);
}

/* What cannot be read stays, and stands in nobody's way. */
static void beside_damaged_ones(void **state)
{
	struct why why = { 0 };
	unsigned int left = 0;
	char file[128];

	(void)state;
	for (int i = 0; i < 40; i++) {
		snprintf(file, sizeof(file), "%s/%032d.handover", records, i);
		fclose(fopen(file, "w"));
	}
	shutdown_ = true;
	assert_int_equal(handover_save(records, &suspended), 0);
	recover_all(&daemon_);
	assert_false(shutdown_);
	assert_int_not_equal(handover_each(records, count, &left, &why), 0);
	assert_non_null(strstr(why.text, "is damaged"));
	assert_int_equal(left, 0);
	for (int i = 0; i < 40; i++) {
		snprintf(file, sizeof(file), "%s/%032d.handover", records, i);
		assert_int_equal(unlink(file), 0);
	}
}

/* Asked by a host of this certificate: is the record's migration taken up? */
static bool asked_by(uint8_t fingerprint)
{
	const struct pin peer = { .name = "host2.lan", .fingerprint = { fingerprint } };
	struct json_object *request = json_object_new_object();
	struct channel *c = NULL;
	struct why why = { 0 };
	char id[2 * HANDOVER_ID_SIZE + 1];

	talk_id_write(suspended.id, id);
	json_object_object_add(request, "id", json_object_new_string(id));
	shutdown_ = true;
	assert_int_equal(handover_save(records, &suspended), 0);
	assert_int_equal(channel_new(&c, NULL, &why), 0);
	recover_heard(&daemon_, c, &peer, request);
	channel_free(&c);
	json_object_put(request);
	assert_int_equal(handover_remove(records, suspended.id), 0);
	return !shutdown_;
}

static void by_another_name(void **state)
{
	(void)state;
	assert_false(asked_by(9));
	is_paired = true;
	assert_true(asked_by(9));
	assert_false(asked_by(8));
	is_paired = false;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(slowed_down, setup),
		cmocka_unit_test_setup(set_by_hand, setup),
		cmocka_unit_test_setup(beside_damaged_ones, setup),
		cmocka_unit_test_setup(by_another_name, setup),
		cmocka_unit_test_setup(another_guest, setup),
		cmocka_unit_test_setup(refused, setup),
	};
	int rc;

	if (!mkdtemp(records))
		return 1;
	snprintf(daemon_.records, sizeof(daemon_.records), "%s", records);
	rc = cmocka_run_group_tests_name("recover", tests, NULL, NULL);
	rmdir(records);
	return rc;
}
