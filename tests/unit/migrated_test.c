/* SPDX-License-Identifier: BSD-2-Clause */
/* torc-migrated without hosts: who works on a migration, what other hosts' words are turned into,
 * and which guests may not be made. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <netdb.h>
#include <netinet/in.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "dom0-tools/migrated/migrated.h"
#include "migration/identity.h"
#include "migration/meet.h"

#define MS 1000000ull

static struct migrated daemon_;
static const uint8_t id[HANDOVER_ID_SIZE] = { 7, 1 }, other_id[HANDOVER_ID_SIZE] = { 7, 2 };

static int setup(void **state)
{
	pthread_condattr_t monotonic;

	(void)state;
	pthread_mutex_init(&daemon_.lock, NULL);
	pthread_condattr_init(&monotonic);
	pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
	return pthread_cond_init(&daemon_.changed, &monotonic);
}

static void *lets_go(void *arg)
{
	struct job *j = arg;

	while (!job_hurried(&daemon_, j))
		usleep(1000);
	usleep(20000);
	job_end(&daemon_, j);
	return NULL;
}

static void one_works(void **state)
{
	struct job *first = job_begin(&daemon_, id, 0), *second, *third;
	pthread_t t;

	(void)state;
	assert_non_null(first);
	/* who asks without patience does not get it, but another migration is another's */
	second = job_begin(&daemon_, id, 0);
	assert_null(second);
	third = job_begin(&daemon_, other_id, 0);
	assert_non_null(third);
	assert_false(job_hurried(&daemon_, third));
	/* who waits gets it as soon as the first lets go */
	assert_int_equal(pthread_create(&t, NULL, lets_go, first), 0);
	second = job_begin(&daemon_, id, 60000 * MS);
	assert_non_null(second);
	assert_false(job_hurried(&daemon_, second));
	pthread_join(t, NULL);
	job_end(&daemon_, second);
	job_end(&daemon_, third);
	assert_null(daemon_.jobs);
}

static void *works(void *arg)
{
	job_thread_done(arg);
	return NULL;
}

/* Whoever reaches the port and says nothing holds a thread for as long as a handshake may take. */
static void strangers_leave_room_for_open_migrations(void **state)
{
	unsigned int all;

	(void)state;
	for (all = 0; all <= MOST_THREADS && job_stranger(&daemon_); all++)
		daemon_.threads++;
	assert_true(all < MOST_THREADS);
	assert_int_equal(job_thread(&daemon_, works, &daemon_), 0);
	job_stranger_done(&daemon_);
	assert_true(job_stranger(&daemon_)); /* another one's turn */
	while (all--)
		job_stranger_done(&daemon_);
	for (int i = 0; i < 1000 && daemon_.threads > MOST_STRANGERS; i++)
		usleep(1000);
	assert_int_equal(daemon_.threads, MOST_STRANGERS);
	daemon_.threads = 0;
	assert_int_equal(daemon_.strangers, 0);
}

/* A connection goes to who has its channel, the newest one; what nobody wants is refused, not kept. */
static void delivered(void **state)
{
	struct job *j = job_begin(&daemon_, id, 0);
	struct hello h = { .connection = 2 };
	struct hostlink *l;
	struct why why;
	int fds[2];

	(void)state;
	for (int i = 0; i < 2; i++) {
		assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, fds), 0);
		assert_int_equal(hostlink_open_fd(&l, fds[0], fds[0], &why), 0);
		memcpy(h.id, id, sizeof(id));
		assert_true(job_deliver(&daemon_, l, &h));
		assert_ptr_equal(j->link, l);
		close(fds[1]);
	}
	memcpy(h.id, other_id, sizeof(other_id));
	assert_false(job_deliver(&daemon_, l, &h));
	job_end(&daemon_, j);
}

/* A lane goes to the migration that it names, if that takes any, and never in the place of its
 * connection. */
static void lanes_delivered(void **state)
{
	struct job *j = job_begin(&daemon_, id, 0);
	struct hello h = { .connection = 1, .lane = 1 };
	struct lanes_in *lanes = lanes_in_new(id);
	uint8_t echo[CHANNEL_HEAD_SIZE + HELLO_SIZE];
	struct hostlink *l;
	struct why why;
	int fds[2];

	(void)state;
	lanes_in_open(lanes, 1, NULL);
	memcpy(h.id, id, sizeof(id));
	for (int takes = 0; takes < 2; takes++) {
		assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, fds), 0);
		assert_int_equal(hostlink_open_fd(&l, fds[0], fds[0], &why), 0);
		if (takes)
			job_take_lanes(&daemon_, j, lanes);
		assert_true(job_deliver(&daemon_, l, &h));
		assert_null(j->link);
		assert_int_equal(read(fds[1], echo, sizeof(echo)), takes ? sizeof(echo) : 0);
		close(fds[1]);
	}
	job_end(&daemon_, j);
	lanes_in_free(&lanes);
}

static void words(void **state)
{
	struct why said = { 0 }, heard = { 0 };
	struct json_object *o;
	uint8_t back[HANDOVER_ID_SIZE];
	char text[2 * HANDOVER_ID_SIZE + 1];

	(void)state;
	talk_id_write(id, text);
	assert_int_equal(talk_id_read(text, back), 0);
	assert_memory_equal(id, back, sizeof(id));
	text[3] = 'G';
	assert_int_not_equal(talk_id_read(text, back), 0);
	assert_int_not_equal(talk_id_read("0701", back), 0);
	assert_int_not_equal(talk_id_read(NULL, back), 0);
	why_hint(&said, why_set(&said, TE_NO_MEMORY, "too \033[31mlittle"), "more\nof it");
	o = talk_reason(&said);
	talk_reason_read(o, &heard);
	json_object_put(o);
	assert_int_equal(heard.error, TE_NO_MEMORY);
	assert_string_equal(heard.text, "too ?[31mlittle");
	assert_string_equal(heard.hint, "more?of it");
	/* a code that is not known here, and none at all, are errors all the same */
	o = json_tokener_parse("{\"code\":\"from-the-future\",\"text\":5}");
	talk_reason_read(o, &heard);
	json_object_put(o);
	assert_int_not_equal(heard.error, TE_NONE);
	assert_string_equal(heard.text, "no reason given");
}

static void elsewhere(void **state)
{
	static const bool refused[HANDOVER_STATES] = {
		[HANDOVER_SUSPENDED] = true, [HANDOVER_HANDED] = true, [HANDOVER_PREPARED] = true
	};
	struct handover_record r = { .guest = "web",
				     .peer = "host2",
				     .uuid = "00000000-0000-0000-0000-00000000002a" };
	char dir[] = "/tmp/torc-migrated-XXXXXX", records[64], file[160];
	const uint8_t uuid[16] = { [15] = 42 }, strange[16] = { [15] = 43 };
	struct why why = { 0 };

	(void)state;
	assert_non_null(mkdtemp(dir));
	setenv("TORC_STATE_DIR", dir, 1);
	assert_int_equal(guest_elsewhere("web", uuid, &why), 0); /* no folder: no migration ever */
	snprintf(records, sizeof(records), "%s/migrations", dir);
	assert_int_equal(mkdir(records, 0700), 0);
	for (int s = 0; s < HANDOVER_STATES; s++) {
		r.state = s;
		assert_int_equal(handover_save(records, &r), 0);
		assert_int_equal(guest_elsewhere("web", strange, &why) != 0, refused[s]);
		assert_int_equal(guest_elsewhere("renamed", uuid, &why) != 0, refused[s]);
		assert_int_equal(guest_elsewhere("another", strange, &why), 0);
	}
	/* what cannot be read may be it */
	snprintf(file, sizeof(file), "%s/%032d.handover", records, 0);
	assert_int_equal(truncate(file, 10), 0);
	assert_int_not_equal(guest_elsewhere("another", strange, &why), 0);
	assert_int_equal(handover_remove(records, r.id), 0);
	rmdir(records);
	rmdir(dir);
}

/* A host's address may say another port than ours. */
static void reached(void **state)
{
	struct sockaddr_in a = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	socklen_t len = sizeof(a);
	int l = socket(AF_INET, SOCK_STREAM, 0), fd;
	struct why why = { 0 };
	char text[64];

	(void)state;
	assert_int_equal(bind(l, (struct sockaddr *)&a, sizeof(a)), 0);
	assert_int_equal(listen(l, 4), 0);
	assert_int_equal(getsockname(l, (struct sockaddr *)&a, &len), 0);
	snprintf(text, sizeof(text), "127.0.0.1:%u", ntohs(a.sin_port));
	assert_int_equal(meet_reach(text, 1, mig_now_ns(), &fd, &why), 0);
	close(fd);
	assert_int_equal(meet_reach("127.0.0.1", ntohs(a.sin_port), mig_now_ns(), &fd, &why), 0);
	close(fd);
	assert_int_not_equal(meet_reach("[::1]:1", 1, mig_now_ns(), &fd, &why), 0);
	assert_int_not_equal(meet_reach("127.0.0.1:x", 1, mig_now_ns(), &fd, &why), 0);
	close(l);
}

/* Of two that are paired at once the wrong one may come. */
static void known_by_its_address(void **state)
{
	struct sockaddr_in a = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	socklen_t len = sizeof(a);
	int l = socket(AF_INET, SOCK_STREAM, 0), to = socket(AF_INET, SOCK_STREAM, 0), fd;
	char who[MEET_WHO];

	(void)state;
	assert_int_equal(bind(l, (struct sockaddr *)&a, sizeof(a)), 0);
	assert_int_equal(listen(l, 4), 0);
	assert_int_equal(getsockname(l, (struct sockaddr *)&a, &len), 0);
	assert_int_equal(connect(to, (struct sockaddr *)&a, sizeof(a)), 0);
	fd = accept(l, NULL, NULL);
	assert_true(meet_is_from("127.0.0.1", fd, who));
	assert_true(meet_is_from("two.test:8103", fd, who)); /* by its second address */
	assert_false(meet_is_from("127.0.0.2", fd, who));
	assert_string_equal(who, "127.0.0.1");
	close(fd);
	close(to);
	close(l);
}

/* --- keys: the peer notes whose certificate it is shown */

struct peer {
	int listening;
	struct identity *id;
	uint8_t shown[FINGERPRINT_SIZE];
};

static void *is_shown(void *arg)
{
	struct peer *p = arg;
	const struct hostlink_tls how = { .id = p->id, .server = true, .timeout_ms = 60000 };
	struct hostlink *l;
	struct why why;

	assert_int_equal(hostlink_open_tls(&l, accept(p->listening, NULL, NULL), &how, &why), 0);
	memcpy(p->shown, hostlink_peer(l), FINGERPRINT_SIZE);
	hostlink_close(&l);
	return NULL;
}

static void remove_keys(void)
{
	char file[PATH_MAX + 16];

	snprintf(file, sizeof(file), "%s/key.pem", daemon_.own);
	assert_int_equal(unlink(file), 0);
	snprintf(file, sizeof(file), "%s/cert.pem", daemon_.own);
	assert_int_equal(unlink(file), 0);
}

/* As torc host pair makes them anew while the daemon runs. */
static void new_keys_are_used_at_once(void **state)
{
	struct sockaddr_in a = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	socklen_t len = sizeof(a);
	struct peer p = { .listening = socket(AF_INET, SOCK_STREAM, 0) };
	struct pin pin = { .name = "peer" };
	uint8_t first[FINGERPRINT_SIZE] = { 0 };
	struct hostlink *l;
	struct identity *own;
	struct why why = { 0 };
	pthread_t t;

	(void)state;
	assert_int_equal(identity_make(&p.id, -60, 3600, &why), 0);
	memcpy(pin.fingerprint, identity_fingerprint(p.id), FINGERPRINT_SIZE);
	assert_int_equal(bind(p.listening, (struct sockaddr *)&a, sizeof(a)), 0);
	assert_int_equal(listen(p.listening, 4), 0);
	assert_int_equal(getsockname(p.listening, (struct sockaddr *)&a, &len), 0);
	snprintf(pin.address, sizeof(pin.address), "127.0.0.1:%u", ntohs(a.sin_port));
	strcpy(daemon_.own, "/tmp/torc-migrated.XXXXXX");
	assert_non_null(mkdtemp(daemon_.own));
	for (int i = 0; i < 2; i++) {
		assert_int_equal(identity_load(&own, daemon_.own, &why), 0);
		assert_int_equal(pthread_create(&t, NULL, is_shown, &p), 0);
		assert_int_equal(talk_link(&daemon_, &pin, &l, mig_now_ns() + 60 * SECOND, &why), 0);
		pthread_join(t, NULL);
		hostlink_close(&l);
		assert_memory_equal(p.shown, identity_fingerprint(own), FINGERPRINT_SIZE);
		assert_memory_not_equal(p.shown, first, FINGERPRINT_SIZE);
		memcpy(first, p.shown, FINGERPRINT_SIZE);
		identity_free(&own);
		remove_keys();
	}
	rmdir(daemon_.own);
	identity_free(&p.id);
	close(p.listening);
}

/* A host's name may have an address that is not reached from here, and first of all. */
#define TWO "two.test"

int __real_getaddrinfo(const char *node, const char *service, const struct addrinfo *hints,
		       struct addrinfo **list);
int __wrap_getaddrinfo(const char *node, const char *service, const struct addrinfo *hints,
		       struct addrinfo **list);
int __wrap_getaddrinfo(const char *node, const char *service, const struct addrinfo *hints,
		       struct addrinfo **list)
{
	if (!node || strcmp(node, TWO) != 0)
		return __real_getaddrinfo(node, service, hints, list);
	return __real_getaddrinfo("127.0.0.3", service, hints, list) ||
	       __real_getaddrinfo("127.0.0.1", service, hints, &(*list)->ai_next);
}

/* What somebody else passes on, as ssh does, is reached at a path. */
static void reached_at_a_path(void **state)
{
	struct sockaddr_un a = { .sun_family = AF_UNIX };
	int l = socket(AF_UNIX, SOCK_STREAM, 0), fd;
	char text[128], too_long[160] = MEET_UNIX;
	struct why why = { 0 };

	(void)state;
	snprintf(a.sun_path, sizeof(a.sun_path), "/tmp/torc-reached-%d", (int)getpid());
	assert_int_equal(bind(l, (struct sockaddr *)&a, sizeof(a)), 0);
	assert_int_equal(listen(l, 4), 0);
	snprintf(text, sizeof(text), MEET_UNIX "%s", a.sun_path);
	assert_int_equal(meet_reach(text, 1, mig_now_ns(), &fd, &why), 0);
	close(fd);
	close(l);
	assert_int_not_equal(meet_reach(text, 1, mig_now_ns(), &fd, &why), 0);
	assert_non_null(strstr(why.text, "Connection refused"));
	unlink(a.sun_path);
	memset(too_long + strlen(too_long), '/', sizeof(too_long) - strlen(too_long) - 1);
	assert_int_not_equal(meet_reach(too_long, 1, mig_now_ns(), &fd, &why), 0);
	assert_non_null(strstr(why.text, "File name too long"));
}

static void met_at_the_second_address(void **state)
{
	struct sockaddr_in a = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(0x7f000001) };
	int fd, l = socket(AF_INET, SOCK_STREAM, 0);
	socklen_t len = sizeof(a);
	bool dialled = false;
	struct why why;

	(void)state;
	assert_int_equal(bind(l, (struct sockaddr *)&a, sizeof(a)), 0);
	assert_int_equal(listen(l, 2), 0);
	assert_int_equal(getsockname(l, (struct sockaddr *)&a, &len), 0);
	assert_int_equal(meet_reach(TWO, ntohs(a.sin_port), mig_now_ns(), &fd, &why), 0);
	close(fd);
	assert_int_equal(meet(TWO, ntohs(a.sin_port), mig_now_ns(), &fd, &dialled, &why), 0);
	assert_true(dialled);
	close(fd);
	close(l);
}

struct meeting {
	uint16_t port;
	int fd, rc;
	bool dialled;
	struct why why;
};

static void *go_to_meet(void *arg)
{
	struct meeting *m = arg;

	m->rc = meet("127.0.0.2", m->port, mig_now_ns() + 10 * SECOND, &m->fd, &m->dialled, &m->why);
	return NULL;
}

/* Two pairings of one host listen by turns at the same port. */
static void met_at_a_port_that_was_taken(void **state)
{
	struct sockaddr_in a = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(0x7f000001) };
	socklen_t len = sizeof(a);
	struct meeting m = { .fd = -1 };
	int one = 1, l = socket(AF_INET, SOCK_STREAM, 0), fd = -1;
	pthread_t t;

	(void)state;
	setsockopt(l, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
	assert_int_equal(bind(l, (struct sockaddr *)&a, sizeof(a)), 0);
	assert_int_equal(listen(l, 1), 0);
	assert_int_equal(getsockname(l, (struct sockaddr *)&a, &len), 0);
	m.port = ntohs(a.sin_port);
	assert_int_equal(pthread_create(&t, NULL, go_to_meet, &m), 0);
	usleep(200000);
	close(l);
	for (int i = 0; i < 1000 && fd < 0; i++) {
		fd = socket(AF_INET, SOCK_STREAM, 0);
		if (connect(fd, (struct sockaddr *)&a, sizeof(a))) {
			close(fd);
			fd = -1;
			usleep(5000);
		}
	}
	pthread_join(t, NULL);
	assert_int_equal(m.rc, 0);
	assert_false(m.dialled);
	assert_true(fd >= 0);
	close(m.fd);
	close(fd);
}

/* What was seen is what is expected; a file that says nonsense says nothing. */
static void costs(void **state)
{
	char dir[] = "/tmp/torc-costs-XXXXXX", file[64], uuid[40];
	struct costs k;
	FILE *f;

	(void)state;
	assert_non_null(mkdtemp(dir));
	snprintf(daemon_.records, sizeof(daemon_.records), "%s", dir);
	costs_load(&daemon_, "a", &k);
	assert_memory_equal(&k, &(struct costs){ 0 }, sizeof(k));
	costs_learn(&daemon_, NULL, &(struct costs){ .table_ns = 100, .arrive_ns = 7 });
	costs_learn(&daemon_, "a",
		    &(struct costs){ .leave_ns = 50,
				     .last_page_ns = 900,
				     .of_page_ns = 950,
				     .extra_pages = 400 });
	costs_learn(&daemon_, "b", &(struct costs){ .leave_ns = 70, .extra_pages = 200 });
	costs_load(&daemon_, "a", &k);
	assert_int_equal(k.table_ns, 100);
	assert_int_equal(k.arrive_ns, 7);
	assert_int_equal(k.leave_ns, 50); /* its own; one that nobody knows gets the host's */
	assert_int_equal(k.last_page_ns, 900);
	assert_int_equal(k.of_page_ns, 950);
	assert_int_equal(k.extra_pages, 400);
	assert_true(k.of_guest);
	costs_load(&daemon_, "c", &k);
	assert_int_equal(k.extra_pages, 333);
	assert_int_equal(k.leave_ns, 53);
	assert_false(k.of_guest);
	costs_learn(&daemon_, "b",
		    &(struct costs){
			    .left_pages = 90, .left_of = 500, .last_page_ns = 700, .of_page_ns = 1 });
	costs_load(&daemon_, "b", &k);
	assert_int_equal(k.left_pages, 90);
	assert_int_equal(k.left_of, 500);
	assert_int_equal(k.last_page_ns, 700);
	costs_load(&daemon_, "a", &k); /* each its own */
	assert_int_equal(k.left_pages, 0);
	assert_int_equal(k.last_page_ns, 900);
	costs_learn(&daemon_, NULL, &(struct costs){ .table_ns = 100000, .arrive_ns = 1 });
	costs_load(&daemon_, NULL, &k);
	assert_int_equal(k.table_ns, 106); /* something was in the way */
	assert_int_equal(k.arrive_ns, 1);
	costs_learn(&daemon_, NULL, &(struct costs){ .table_ns = 300 });
	costs_load(&daemon_, NULL, &k);
	assert_int_equal(k.table_ns, 300); /* twice in a row: so it is now */
	for (int i = 0; i < 100; i++) {
		snprintf(uuid, sizeof(uuid), "%036d", i);
		costs_learn(&daemon_, uuid, &(struct costs){ .extra_pages = 1 });
	}
	costs_load(&daemon_, "a", &k); /* forgotten, for others that came later */
	assert_true(k.extra_pages < 10);
	snprintf(file, sizeof(file), "%s/costs", dir);
	/* a last round in which the network stood still takes nothing else along */
	unlink(file);
	costs_learn(&daemon_, "a",
		    &(struct costs){ .leave_ns = 3600000000000,
				     .last_page_ns = 5000000000000,
				     .of_page_ns = 1 });
	costs_learn(&daemon_, "a", &(struct costs){ .table_ns = 100, .extra_pages = 400 });
	costs_load(&daemon_, "a", &k);
	assert_in_range(k.leave_ns, COSTS_MOST_NS / 2, COSTS_MOST_NS);
	assert_in_range(k.last_page_ns, COSTS_MOST_NS / 2, COSTS_MOST_NS);
	assert_int_equal(k.table_ns, 100);
	assert_int_equal(k.extra_pages, 400);
	f = fopen(file, "w");
	fputs("host table 99999999999999999 arrive 1 leave 1 page 1 of 1 extra 1 left 1 of 1\n"
	      "guest x page 1 of 1 extra -1 left 1 of 1 leave 1 1\nhost\n\n"
	      "guest z last 900 extra 2 left 3 of 4 leave 5 6\n" /* an earlier version's */
	      "guest y page 1 of 1 extra 2 left 3 of 4 leave 5 6\n",
	      f);
	fclose(f);
	costs_load(&daemon_, "x", &k);
	assert_memory_equal(&k, &(struct costs){ 0 }, sizeof(k));
	costs_load(&daemon_, "z", &k);
	assert_memory_equal(&k, &(struct costs){ 0 }, sizeof(k));
	costs_load(&daemon_, "y", &k);
	assert_int_equal(k.left_of, 4);
	assert_int_equal(k.leave_ns, 5);
	unlink(file);
	rmdir(dir);
}

struct hurry {
	bool allowed;
	int before, on, after;
};

static void *hurries(void *arg)
{
	struct ends e = { .urgent = false };
	struct hurry *h = arg;

	h->before = getpriority(PRIO_PROCESS, 0);
	h->allowed = setpriority(PRIO_PROCESS, 0, h->before - 1) == 0 &&
		     setpriority(PRIO_PROCESS, 0, h->before) == 0;
	urgent(&e, true);
	h->on = getpriority(PRIO_PROCESS, 0);
	urgent(&e, false);
	h->after = getpriority(PRIO_PROCESS, 0);
	return NULL;
}

/* Of all of the daemon's threads the one that moves a guest, and only until that runs. Where it may
 * not, nothing comes of it. */
static void a_thread_goes_before_others(void **state)
{
	const int was = getpriority(PRIO_PROCESS, 0);
	struct hurry h;
	pthread_t t;

	(void)state;
	urgent_allow();
	assert_int_equal(pthread_create(&t, NULL, hurries, &h), 0);
	pthread_join(t, NULL);
	assert_int_equal(h.before, was);
	assert_int_equal(h.on, h.allowed ? -15 : was);
	assert_int_equal(h.after, h.allowed ? 0 : was);
	assert_int_equal(getpriority(PRIO_PROCESS, 0), was);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(one_works),
		cmocka_unit_test(delivered),
		cmocka_unit_test(lanes_delivered),
		cmocka_unit_test(words),
		cmocka_unit_test(strangers_leave_room_for_open_migrations),
		cmocka_unit_test(elsewhere),
		cmocka_unit_test(reached),
		cmocka_unit_test(reached_at_a_path),
		cmocka_unit_test(new_keys_are_used_at_once),
		cmocka_unit_test(known_by_its_address),
		cmocka_unit_test(met_at_a_port_that_was_taken),
		cmocka_unit_test(met_at_the_second_address),
		cmocka_unit_test(costs),
		cmocka_unit_test(a_thread_goes_before_others),
	};

	return cmocka_run_group_tests(tests, setup, NULL);
}
