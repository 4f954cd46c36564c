/* SPDX-License-Identifier: BSD-2-Clause */
/* Connections between hosts: who is let in by TLS, what is refused, and bytes that come in order. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <netinet/in.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "migration/identity.h"
#include "migration/io.h"
#include "tests/unit/count_fds.h"

#define SOON (mig_now_ns() + 60000000000ull) /* for a machine that has other things to do */
#define DAY  86400

static struct identity *alice, *bob, *eve, *stale, *early;

/* --- TLS */

static bool only(void *arg, const uint8_t fp[FINGERPRINT_SIZE])
{
	return !memcmp(fp, identity_fingerprint(arg), FINGERPRINT_SIZE);
}

struct end {
	int fd;
	struct hostlink_tls how;
	struct hostlink *link;
	struct why why;
	int rc;
};

static void *open_end(void *arg)
{
	struct end *e = arg;

	e->rc = hostlink_open_tls(&e->link, e->fd, &e->how, &e->why);
	return NULL;
}

static void ends(struct end e[2], struct identity *client, struct identity *server,
		 struct identity *client_wants, struct identity *server_wants)
{
	int fds[2];

	memset(e, 0, 2 * sizeof(*e));
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, fds), 0);
	e[0].fd = fds[0];
	e[0].how = (struct hostlink_tls){ client, only, client_wants, false, 60000 };
	e[1].fd = fds[1];
	e[1].how = (struct hostlink_tls){ server, only, server_wants, true, 60000 };
}

static void shake(struct end e[2])
{
	pthread_t t;

	assert_int_equal(pthread_create(&t, NULL, open_end, &e[1]), 0);
	open_end(&e[0]);
	pthread_join(t, NULL);
}

static void right_pins(void **state)
{
	struct end e[2];
	char got[6] = "";

	(void)state;
	ends(e, alice, bob, bob, alice);
	shake(e);
	assert_int_equal(e[0].rc, 0);
	assert_int_equal(e[1].rc, 0);
	assert_memory_equal(hostlink_peer(e[0].link), identity_fingerprint(bob), FINGERPRINT_SIZE);
	assert_string_equal(hostlink_peer_pem(e[1].link), identity_pem(alice));
	assert_int_equal(hostlink_write(e[0].link, "hello", 6, SOON), 0);
	assert_int_equal(hostlink_read(e[1].link, got, 6, SOON), 0);
	assert_string_equal(got, "hello");
	assert_int_equal(hostlink_read(e[1].link, got, 1, mig_now_ns() + 20000000), -ETIMEDOUT);
	hostlink_close(&e[0].link);
	assert_int_equal(hostlink_read(e[1].link, got, 1, SOON), -EPIPE);
	hostlink_close(&e[1].link);
}

/* Records that came together are read together: each is there without a look at the socket, one of
 * which the rest is missing is not, and one that is damaged is found out at once. */
static void read_ahead(void **state)
{
	static const uint8_t wrong[] = { 23, 3, 3, 0, 20, 1, 2, 3, 4, 5, 6, 7, 8,
					 9,  1, 2, 3, 4,  5, 6, 7, 8, 9, 1, 2 };
	struct end e[2];
	char got[6] = "";
	int raw;

	(void)state;
	ends(e, alice, bob, bob, alice);
	raw = dup(e[0].fd);
	shake(e);
	for (int i = 0; i < 3; i++)
		assert_int_equal(hostlink_write(e[0].link, "hello", 6, SOON), 0);
	assert_int_equal(write(raw, wrong, 10), 10);
	for (int i = 0; i < 3; i++) {
		assert_true(hostlink_readable(e[1].link));
		assert_int_equal(hostlink_wait(e[1].link, SOON), 0);
		assert_int_equal(hostlink_read(e[1].link, got, 6, SOON), 0);
		assert_string_equal(got, "hello");
	}
	assert_false(hostlink_readable(e[1].link));
	assert_int_equal(hostlink_wait(e[1].link, mig_now_ns() + 5000000), -ETIMEDOUT);
	assert_int_equal(write(raw, wrong + 10, 15), 15);
	assert_int_equal(hostlink_wait(e[1].link, SOON), 0);
	assert_int_not_equal(hostlink_read(e[1].link, got, 1, SOON), 0);
	hostlink_close(&e[0].link);
	hostlink_close(&e[1].link);
	close(raw);

	/* the same, read ahead as a whole */
	ends(e, alice, bob, bob, alice);
	raw = dup(e[0].fd);
	shake(e);
	assert_int_equal(hostlink_write(e[0].link, "hello", 6, SOON), 0);
	assert_int_equal(write(raw, wrong, 25), 25);
	assert_int_equal(hostlink_read(e[1].link, got, 6, SOON), 0);
	assert_int_equal(hostlink_wait(e[1].link, SOON), 0);
	assert_int_not_equal(hostlink_read(e[1].link, got, 1, SOON), 0);
	hostlink_close(&e[0].link);
	hostlink_close(&e[1].link);
	close(raw);
}

/* More than a socket takes at once, to one who begins to read later: all of it comes. */
static void *reads_late(void *arg)
{
	struct end *e = arg;
	uint8_t *got = malloc(3 << 20);

	usleep(50000);
	e->rc = hostlink_read(e->link, got, 3 << 20, SOON);
	for (size_t i = 0; !e->rc && i < 3 << 20; i++)
		if (got[i] != (uint8_t)(i * 7 >> 3))
			e->rc = -EILSEQ;
	free(got);
	return NULL;
}

static void much_at_once(void **state)
{
	uint8_t *sent = malloc(3 << 20);
	struct end e[2];
	pthread_t t;

	(void)state;
	for (size_t i = 0; i < 3 << 20; i++)
		sent[i] = (uint8_t)(i * 7 >> 3);
	ends(e, alice, bob, bob, alice);
	shake(e);
	pthread_create(&t, NULL, reads_late, &e[1]);
	assert_int_equal(hostlink_write(e[0].link, sent, 3 << 20, SOON), 0);
	pthread_join(t, NULL);
	assert_int_equal(e[1].rc, 0);
	/* nobody reads: the time is over, and what is half out is the end of it */
	assert_int_equal(hostlink_write(e[0].link, sent, 3 << 20, mig_now_ns() + 20000000),
			 -ETIMEDOUT);
	assert_int_equal(hostlink_write(e[0].link, sent, 1, SOON), -EPIPE);
	hostlink_close(&e[0].link);
	hostlink_close(&e[1].link);
	free(sent);
}

/* --- a peer that says much, and nothing of it is bytes */

#define NEW_KEYS 40000 /* some 27 bytes each: far more than a socket holds */

struct flood {
	struct end *end; /* whose handshake this does */
	int fd;
	char *bytes;
	long len;
	atomic_bool over;
};

/* All of it is made before the first of it goes: it comes faster than it can be taken. */
static void *floods(void *arg)
{
	struct flood *f = arg;
	SSL_CTX *ctx = SSL_CTX_new(TLS_client_method());
	BIO *all = BIO_new(BIO_s_mem());
	SSL *ssl;

	identity_use(f->end->how.id, ctx);
	ssl = SSL_new(ctx);
	SSL_set_fd(ssl, f->fd);
	f->end->rc = SSL_connect(ssl);
	SSL_set0_wbio(ssl, all);
	for (int i = 0; f->end->rc == 1 && i < NEW_KEYS; i++)
		if (SSL_key_update(ssl, SSL_KEY_UPDATE_NOT_REQUESTED) != 1 ||
		    SSL_do_handshake(ssl) != 1)
			f->end->rc = 0;
	f->len = BIO_get_mem_data(all, &f->bytes);
	for (long at = 0, n = 1; n > 0 && at < f->len; at += n)
		n = write(f->fd, f->bytes + at, (size_t)(f->len - at));
	f->over = true;
	SSL_free(ssl);
	SSL_CTX_free(ctx);
	return NULL;
}

static void new_keys_without_end(void **state)
{
	struct end e[2];
	struct flood f = { .end = &e[0] };
	pthread_t t;
	char got;

	(void)state;
	ends(e, alice, bob, bob, alice);
	f.fd = e[0].fd;
	pthread_create(&t, NULL, floods, &f);
	open_end(&e[1]);
	assert_int_equal(e[1].rc, 0);
	/* until it begins */
	assert_int_equal(hostlink_wait(e[1].link, SOON), 0);
	assert_int_equal(hostlink_read(e[1].link, &got, 1, mig_now_ns() + 20000000), -ETIMEDOUT);
	assert_false(f.over); /* or else all of it was waited for */
	hostlink_close(&e[1].link);
	pthread_join(t, NULL);
	assert_int_equal(e[0].rc, 1);
	close(f.fd);
}

/* Refused by the server, by the client; expired, not yet valid. Whoever was let in alone hears it
 * at once. */
static void wrong_certificates(void **state)
{
	struct {
		struct identity *client, *server;
		int refuses;
		const char *says;
	} row[] = {
		{ eve, bob, 1, "not one that was pinned" },
		{ alice, eve, 0, "not one that was pinned" },
		{ stale, bob, 1, "expired" },
		{ alice, stale, 0, "expired" },
		{ early, bob, 1, "not yet valid" },
	};
	struct end e[2];
	char c;
	int before = count_fds();
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(row) / sizeof(row[0]); i++) {
		/* the pin itself is right for those that are out of their time */
		ends(e, row[i].client, row[i].server, row[i].server == eve ? bob : row[i].server,
		     row[i].client == eve ? alice : row[i].client);
		shake(e);
		assert_int_not_equal(e[row[i].refuses].rc, 0);
		assert_null(e[row[i].refuses].link);
		assert_non_null(strstr(e[row[i].refuses].why.text, row[i].says));
		if (e[!row[i].refuses].link)
			assert_int_not_equal(hostlink_read(e[!row[i].refuses].link, &c, 1, SOON), 0);
		hostlink_close(&e[0].link);
		hostlink_close(&e[1].link);
		assert_int_equal(count_fds(), before);
	}
}

static void *old_client(void *arg)
{
	struct end *e = arg;
	SSL_CTX *ctx = SSL_CTX_new(TLS_client_method());
	SSL *ssl;

	identity_use(e->how.id, ctx);
	SSL_CTX_set_max_proto_version(ctx, TLS1_2_VERSION);
	ssl = SSL_new(ctx);
	SSL_set_fd(ssl, e->fd);
	e->rc = SSL_connect(ssl);
	SSL_free(ssl);
	SSL_CTX_free(ctx);
	close(e->fd);
	return NULL;
}

static void downgraded(void **state)
{
	int before = count_fds();
	struct end e[2];
	pthread_t t;

	(void)state;
	ends(e, alice, bob, bob, alice);
	assert_int_equal(pthread_create(&t, NULL, old_client, &e[0]), 0);
	open_end(&e[1]);
	pthread_join(t, NULL);
	assert_int_not_equal(e[0].rc, 1);
	assert_int_equal(e[1].rc, -EIO);
	assert_null(e[1].link);
	assert_non_null(strstr(e[1].why.text, "unsupported protocol"));
	assert_int_equal(count_fds(), before);
}

static void no_certificate_or_no_tls(void **state)
{
	int before = count_fds(), tcp;
	struct why why;
	struct hostlink *l;
	struct end e[2];

	(void)state;
	ends(e, alice, bob, bob, alice);
	assert_int_equal(write(e[0].fd, "GET / HTTP/1.0\r\n\r\n", 18), 18);
	open_end(&e[1]);
	assert_int_equal(e[1].rc, -EIO);
	close(e[0].fd);
	/* a silent one is not waited for for ever */
	ends(e, alice, bob, bob, alice);
	e[1].how.timeout_ms = 50;
	open_end(&e[1]);
	assert_int_equal(e[1].rc, -ETIMEDOUT);
	close(e[0].fd);
	/* and there is no way around TLS on a network */
	tcp = socket(AF_INET, SOCK_STREAM, 0);
	assert_int_not_equal(hostlink_open_fd(&l, tcp, tcp, &why), 0);
	assert_null(l);
	close(tcp);
	assert_int_equal(count_fds(), before);
}

static void key_files(void **state)
{
	char dir[] = "/tmp/torc-identity-XXXXXX", file[64];
	struct identity *a, *b;
	struct why why;
	struct stat st;

	(void)state;
	assert_non_null(mkdtemp(dir));
	assert_int_equal(identity_load(&a, dir, &why), 0);
	assert_int_equal(identity_load(&b, dir, &why), 0);
	assert_string_equal(identity_pem(a), identity_pem(b));
	identity_free(&a);
	identity_free(&b);
	snprintf(file, sizeof(file), "%s/key.pem", dir);
	assert_int_equal(stat(file, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0600);
	assert_int_equal(chmod(file, 0644), 0);
	assert_int_equal(identity_load(&a, dir, &why), -EPERM);
	assert_int_equal(chmod(file, 0600), 0);
	assert_int_equal(truncate(file, 40), 0);
	assert_int_not_equal(identity_load(&a, dir, &why), 0);
	assert_null(a);
	assert_non_null(strstr(why.hint, "remove both"));
	unlink(file);
	assert_int_not_equal(identity_load(&a, dir, &why), 0);
	assert_non_null(strstr(why.hint, "remove both"));
	/* what only we cannot read is not to be removed, with which all pairings would go */
	assert_int_equal(symlink("key.pem", file), 0);
	assert_int_not_equal(identity_load(&a, dir, &why), 0);
	assert_null(a);
	assert_string_equal(why.hint, "");
	unlink(file);
	snprintf(file, sizeof(file), "%s/cert.pem", dir);
	unlink(file);
	rmdir(dir);
}

/* Made when the clock was wrong: the other host refuses it, so this one has to say what to do. */
static void own_certificate(void **state)
{
	struct why why = { 0 };

	(void)state;
	assert_int_equal(identity_check(alice, "/etc/torc/host", &why), 0);
	assert_int_not_equal(identity_check(stale, "/etc/torc/host", &why), 0);
	assert_non_null(strstr(why.text, "this host's own certificate holds from "));
	assert_non_null(strstr(why.hint, "remove /etc/torc/host/key.pem and cert.pem"));
	assert_int_not_equal(identity_check(early, "/etc/torc/host", &why), 0);
}

#define AT_ONCE 6

/* The daemon and torc host pair are started at once on a host that has no key yet. */
static void keys_are_made_once(void **state)
{
	uint8_t seen[AT_ONCE][FINGERPRINT_SIZE];
	char dir[32], file[64];
	struct identity *id;
	struct why why;
	int start[2], told[2];

	(void)state;
	for (int round = 0; round < 8; round++) {
		strcpy(dir, "/tmp/torc-identity-XXXXXX");
		assert_non_null(mkdtemp(dir));
		assert_int_equal(pipe(start) | pipe(told), 0);
		for (int i = 0; i < AT_ONCE; i++)
			if (fork() == 0) {
				close(start[1]);
				if (read(start[0], file, 1) || identity_load(&id, dir, &why))
					_exit(1);
				_exit(write(told[1], identity_fingerprint(id), FINGERPRINT_SIZE) !=
				      FINGERPRINT_SIZE);
			}
		close(start[0]);
		close(start[1]); /* now */
		close(told[1]);
		for (int i = 0; i < AT_ONCE; i++) {
			assert_int_equal(read(told[0], seen[i], FINGERPRINT_SIZE), FINGERPRINT_SIZE);
			assert_memory_equal(seen[i], seen[0], FINGERPRINT_SIZE);
		}
		close(told[0]);
		while (wait(NULL) > 0)
			;
		assert_int_equal(identity_load(&id, dir, &why), 0);
		assert_memory_equal(identity_fingerprint(id), seen[0], FINGERPRINT_SIZE);
		identity_free(&id);
		snprintf(file, sizeof(file), "%s/key.pem", dir);
		unlink(file);
		snprintf(file, sizeof(file), "%s/cert.pem", dir);
		unlink(file);
		rmdir(dir);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(right_pins),	      cmocka_unit_test(read_ahead),
		cmocka_unit_test(much_at_once),	      cmocka_unit_test(wrong_certificates),
		cmocka_unit_test(downgraded),	      cmocka_unit_test(no_certificate_or_no_tls),
		cmocka_unit_test(key_files),	      cmocka_unit_test(new_keys_without_end),
		cmocka_unit_test(keys_are_made_once), cmocka_unit_test(own_certificate),
	};
	struct why why;
	int failed;

	signal(SIGPIPE, SIG_IGN);
	if (identity_make(&alice, -DAY, DAY, &why) || identity_make(&bob, -DAY, DAY, &why) ||
	    identity_make(&eve, -DAY, DAY, &why) || identity_make(&stale, -2 * DAY, -DAY, &why) ||
	    identity_make(&early, DAY, 2 * DAY, &why))
		return 1;
	failed = cmocka_run_group_tests(tests, NULL, NULL);
	identity_free(&alice);
	identity_free(&bob);
	identity_free(&eve);
	identity_free(&stale);
	identity_free(&early);
	return failed;
}
