/* SPDX-License-Identifier: BSD-2-Clause */
/* Connections between hosts: TLS 1.3 with pins, or a transport that was given. */
#include "migration/link.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "dom0-tools/common/alive.h"
#include "migration/identity.h"
#include "migration/io.h"

#define AT_ONCE (128u << 10) /* bytes, between TLS and the socket */
#define RATION	2u	     /* times that the socket is read in one call of TLS */

struct hostlink {
	int in, out;
	SSL *ssl;    /* NULL: given */
	bool broken; /* an SSL that failed once must not be used again */
	bool unflushed;
	unsigned int ration; /* that is left of it */
	uint8_t peer[FINGERPRINT_SIZE];
	char *peer_pem;
};

/* One of n (fd -1: not that one) is ready. */
static int wait_for_any(struct pollfd *p, nfds_t n, uint64_t deadline_ns)
{
	uint64_t now;
	int ms, rc;

	for (;;) {
		now = mig_now_ns();
		if (deadline_ns && now >= deadline_ns)
			return -ETIMEDOUT;
		ms = -1;
		if (deadline_ns)
			ms = deadline_ns - now > 60000000000ull ? 60000 :
								  (deadline_ns - now) / 1000000 + 1;
		rc = poll(p, n, ms);
		if (rc > 0)
			return 0;
		if (rc < 0 && errno != EINTR)
			return -errno;
	}
}

static int wait_for(int fd, short events, uint64_t deadline_ns)
{
	struct pollfd p = { .fd = fd, .events = events };

	return wait_for_any(&p, 1, deadline_ns);
}

/* After an SSL call that did not succeed: 0 to try again, or what is wrong. */
static int tls_wait(struct hostlink *l, int rc, uint64_t deadline_ns)
{
	switch (SSL_get_error(l->ssl, rc)) {
	case SSL_ERROR_WANT_READ: return wait_for(l->in, POLLIN, deadline_ns);
	case SSL_ERROR_WANT_WRITE: return wait_for(l->out, POLLOUT, deadline_ns);
	case SSL_ERROR_ZERO_RETURN: l->broken = true; return -EPIPE;
	case SSL_ERROR_SYSCALL: l->broken = true; return -EPIPE;
	default:
		l->broken = true;
		/* a connection that ends without a goodbye is one that was cut */
		return ERR_GET_REASON(ERR_peek_error()) == SSL_R_UNEXPECTED_EOF_WHILE_READING ?
			       -EPIPE :
			       -EPROTO;
	}
}

/*
 * TLS has records without bytes for us (new keys), and reads on after each: who sends nothing else,
 * fast enough, would keep us in one call for ever, whatever the deadline. So a call ends at times
 * as if there were nothing more to read, and the next one goes on.
 */
static long rationed(BIO *b, int what, const char *to, size_t len, int i, long l, int rc,
		     size_t *done)
{
	struct hostlink *link = (void *)BIO_get_callback_arg(b);

	(void)to, (void)len, (void)i, (void)l, (void)done;
	if (what != BIO_CB_READ)
		return rc;
	if (link->ration) {
		link->ration--;
		return rc;
	}
	BIO_clear_retry_flags(b);
	BIO_set_retry_read(b);
	return -1;
}

static void begin_call(struct hostlink *l)
{
	l->ration = RATION;
	ERR_clear_error();
}

static int fd_errno(void)
{
	return errno == ECONNRESET ? -EPIPE : -errno;
}

/* What SSL_write() made goes to the socket when there is much of it, and here. */
static int tls_flush(struct hostlink *l, uint64_t deadline_ns)
{
	BIO *b = SSL_get_wbio(l->ssl);

	if (BIO_flush(b) == 1) {
		l->unflushed = false;
		return 0;
	}
	if (BIO_should_retry(b))
		return wait_for(l->out, POLLOUT, deadline_ns);
	l->broken = true;
	return -EPIPE;
}

int hostlink_read(struct hostlink *l, void *buf, size_t len, uint64_t deadline_ns)
{
	uint8_t *p = buf;
	ssize_t n;
	int rc;

	while (len) {
		if (l->broken)
			return -EPIPE;
		if (l->ssl) {
			begin_call(l);
			n = SSL_read(l->ssl, p, len > 1 << 20 ? 1 << 20 : len);
			rc = n > 0 ? 0 : tls_wait(l, n, deadline_ns);
		} else {
			n = read(l->in, p, len);
			if (!n)
				return -EPIPE;
			rc = 0;
			if (n < 0 && errno != EINTR)
				rc = errno == EAGAIN ? wait_for(l->in, POLLIN, deadline_ns) :
						       fd_errno();
		}
		if (rc)
			return rc;
		if (n > 0) {
			p += n;
			len -= n;
		}
	}
	return 0;
}

int hostlink_write(struct hostlink *l, const void *buf, size_t len, uint64_t deadline_ns)
{
	const uint8_t *p = buf;
	ssize_t n;
	int rc;

	while (len || l->unflushed) {
		if (l->broken)
			return -EPIPE;
		if (l->ssl && !len) {
			ERR_clear_error();
			n = 0;
			rc = tls_flush(l, deadline_ns);
		} else if (l->ssl) {
			l->unflushed = true;
			begin_call(l);
			n = SSL_write(l->ssl, p, len > 1 << 20 ? 1 << 20 : len);
			rc = n > 0 ? 0 : tls_wait(l, n, deadline_ns);
		} else {
			n = write(l->out, p, len);
			rc = 0;
			if (n < 0 && errno != EINTR)
				rc = errno == EAGAIN ? wait_for(l->out, POLLOUT, deadline_ns) :
						       fd_errno();
		}
		if (rc) {
			l->broken = true; /* half a record may be out */
			return rc;
		}
		if (n > 0) {
			p += n;
			len -= n;
		}
	}
	return 0;
}

bool hostlink_readable(struct hostlink *l)
{
	struct pollfd p = { .fd = l->in, .events = POLLIN };

	if (l->ssl && !l->broken && SSL_has_pending(l->ssl)) {
		uint8_t first;
		int n;

		begin_call(l);
		n = SSL_peek(l->ssl, &first, 1);
		/* what was read ahead may be a part of a TLS record; what is none is to be found
		 * out */
		if (n > 0 || SSL_get_error(l->ssl, n) != SSL_ERROR_WANT_READ)
			return true;
	}
	return poll(&p, 1, 0) > 0;
}

int hostlink_wait(struct hostlink *l, uint64_t deadline_ns)
{
	return hostlink_readable(l) ? 0 : wait_for(l->in, POLLIN, deadline_ns);
}

int hostlink_wait_also(struct hostlink *l, int fd, uint64_t deadline_ns)
{
	struct pollfd p[] = { { .fd = l ? l->in : -1, .events = POLLIN },
			      { .fd = fd, .events = POLLIN } };
	int rc;

	if (l && hostlink_readable(l))
		return 0;
	rc = wait_for_any(p, 2, deadline_ns);
	return rc ? rc : !p[0].revents;
}

int hostlink_failed(int rc, struct why *why)
{
	if (rc == -ETIMEDOUT)
		return why_set(why, TE_TIMEOUT, "the other host does not answer");
	return why_set(why, TE_CHANNEL, "the connection is lost: %s", strerror(-rc));
}

/*
 * In place of a chain of authorities: exactly the certificates that were pinned, each while it is
 * valid. Which means that only the leaf counts, whatever else the other side sends along.
 */
static int verify(X509_STORE_CTX *ctx, void *arg)
{
	const struct hostlink_tls *how = arg;
	X509 *cert = X509_STORE_CTX_get0_cert(ctx);
	uint8_t fp[FINGERPRINT_SIZE];
	int bad = 0;

	if (!cert || certificate_fingerprint(cert, fp))
		bad = X509_V_ERR_APPLICATION_VERIFICATION;
	else if (X509_cmp_current_time(X509_get0_notAfter(cert)) <= 0)
		bad = X509_V_ERR_CERT_HAS_EXPIRED;
	else if (X509_cmp_current_time(X509_get0_notBefore(cert)) >= 0)
		bad = X509_V_ERR_CERT_NOT_YET_VALID;
	else if (how->pinned && !how->pinned(how->arg, fp))
		bad = X509_V_ERR_CERT_REJECTED;
	X509_STORE_CTX_set_error(ctx, bad ? bad : X509_V_OK);
	return !bad;
}

static int handshake_failed(SSL *ssl, int rc, struct why *why)
{
	long v = SSL_get_verify_result(ssl);
	unsigned long e = ERR_peek_error();

	if (rc == -ETIMEDOUT)
		return why_set(why, TE_TIMEOUT, "the other host does not finish the TLS handshake");
	if (v == X509_V_ERR_CERT_REJECTED) {
		rc = why_set(why, TE_NO_RIGHTS,
			     "the other host's certificate is not one that was pinned here");
		return why_hint(why, rc, "run \"torc host pair\" on both hosts");
	}
	if (v != X509_V_OK) {
		rc = why_set(why, TE_NO_RIGHTS, "the other host's certificate: %s",
			     X509_verify_cert_error_string(v));
		return why_hint(why, rc, "look at the clocks of both hosts, then pair them anew");
	}
	return why_set(why, TE_CHANNEL, "TLS handshake: %s",
		       e ? ERR_reason_error_string(e) : "the connection was closed");
}

/*
 * AES where the processor does it, or else ChaCha20, which is four times as fast in plain
 * instructions. A side without it has its way on either end; all three are as good.
 */
static int choose_cipher(SSL_CTX *ctx, bool server)
{
	const bool aes = __builtin_cpu_supports("aes") && __builtin_cpu_supports("pclmul");

	if (!aes && server)
		SSL_CTX_set_options(ctx, SSL_OP_CIPHER_SERVER_PREFERENCE);
	return SSL_CTX_set_ciphersuites(
		ctx,
		aes ? "TLS_AES_128_GCM_SHA256:TLS_CHACHA20_POLY1305_SHA256:TLS_AES_256_GCM_SHA384" :
		      "TLS_CHACHA20_POLY1305_SHA256:TLS_AES_128_GCM_SHA256:TLS_AES_256_GCM_SHA384");
}

/*
 * A TLS record has 16 KiB at most, and would cost a system call or two: many of them go to the
 * socket at once, and many are read at once.
 */
static bool set_socket(SSL *ssl, int fd)
{
	BIO *in = BIO_new_socket(fd, BIO_NOCLOSE), *out = BIO_new_socket(fd, BIO_NOCLOSE),
	    *gather = BIO_new(BIO_f_buffer());

	if (!in || !out || !gather || BIO_set_write_buffer_size(gather, AT_ONCE) != 1) {
		BIO_free(in);
		BIO_free(out);
		BIO_free(gather);
		return false;
	}
	SSL_set_bio(ssl, in, BIO_push(gather, out));
	SSL_set_read_ahead(ssl, 1);
	SSL_set_default_read_buffer_len(ssl, AT_ONCE);
	return true;
}

/* One context a connection: there are few of them, and nothing is shared that way. */
static SSL *tls_new(int fd, const struct hostlink_tls *how, struct why *why)
{
	SSL_CTX *ctx = SSL_CTX_new(how->server ? TLS_server_method() : TLS_client_method());
	SSL *ssl = NULL;

	if (ctx && SSL_CTX_set_min_proto_version(ctx, TLS1_3_VERSION) == 1 &&
	    SSL_CTX_set_num_tickets(ctx, 0) == 1 && choose_cipher(ctx, how->server) == 1 &&
	    identity_use(how->id, ctx) == 0) {
		SSL_CTX_set_session_cache_mode(ctx, SSL_SESS_CACHE_OFF);
		SSL_CTX_set_options(ctx, SSL_OP_NO_TICKET | SSL_OP_NO_COMPRESSION |
						 SSL_OP_NO_RENEGOTIATION);
		SSL_CTX_set_mode(ctx, SSL_MODE_ENABLE_PARTIAL_WRITE |
					      SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
		SSL_CTX_set_verify(ctx, SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, NULL);
		SSL_CTX_set_cert_verify_callback(ctx, verify, (void *)how);
		ssl = SSL_new(ctx);
	}
	SSL_CTX_free(ctx);
	if (ssl && !set_socket(ssl, fd)) {
		SSL_free(ssl);
		ssl = NULL;
	}
	if (!ssl)
		why_set(why, TE_NO_MEMORY, "cannot set up TLS: %s",
			ERR_reason_error_string(ERR_peek_error()));
	return ssl;
}

static int nonblocking(int fd)
{
	int flags = fcntl(fd, F_GETFL);

	return flags < 0 || fcntl(fd, F_SETFL, flags | O_NONBLOCK) ? -errno : 0;
}

/*
 * A host that has gone away says nothing: the kernel breaks the connection when nothing of ours has
 * been acknowledged for so long, or when nothing comes and it does not answer. A link that is cut
 * for a few seconds is none of that.
 */
static void notice_silence(int fd)
{
	static const struct alive host = { 3, 1, 5, 8000 };
	const int one = 1;

	(void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one)); /* nor on UNIX sockets */
	alive_watch(fd, &host);
}

int hostlink_open_tls(struct hostlink **lp, int fd, const struct hostlink_tls *how, struct why *why)
{
	uint64_t deadline = mig_now_ns() + how->timeout_ms * 1000000ull;
	struct hostlink *l = calloc(1, sizeof(*l));
	X509 *cert;
	int n, rc = -ENOMEM;

	*lp = NULL;
	ERR_clear_error();
	if (!l || nonblocking(fd)) {
		free(l);
		close(fd);
		return why_set(why, TE_NO_MEMORY, "no memory for a connection");
	}
	notice_silence(fd);
	l->in = l->out = fd;
	l->ssl = tls_new(fd, how, why);
	if (!l->ssl) {
		hostlink_close(&l);
		return rc;
	}
	BIO_set_callback_arg(SSL_get_rbio(l->ssl), (char *)l);
	BIO_set_callback_ex(SSL_get_rbio(l->ssl), rationed);
	do {
		begin_call(l);
		n = how->server ? SSL_accept(l->ssl) : SSL_connect(l->ssl);
		rc = n == 1 ? 0 : tls_wait(l, n, deadline);
	} while (!rc && n != 1);
	if (rc) {
		rc = handshake_failed(l->ssl, rc, why);
		hostlink_close(&l);
		return rc;
	}
	cert = SSL_get1_peer_certificate(l->ssl);
	rc = cert ? certificate_fingerprint(cert, l->peer) : -EPROTO;
	if (!rc)
		l->peer_pem = certificate_pem(cert);
	X509_free(cert);
	if (rc || !l->peer_pem) {
		hostlink_close(&l);
		return why_set(why, TE_CHANNEL, "the other host's certificate cannot be read");
	}
	*lp = l;
	return 0;
}

static bool is_tcp(int fd)
{
	int family;
	socklen_t len = sizeof(family);

	return !getsockopt(fd, SOL_SOCKET, SO_DOMAIN, &family, &len) && family != AF_UNIX;
}

int hostlink_open_fd(struct hostlink **lp, int in, int out, struct why *why)
{
	struct hostlink *l;

	*lp = NULL;
	if (is_tcp(in) || is_tcp(out))
		return why_set(why, TE_CHANNEL, "a network socket is not spoken to without TLS");
	l = calloc(1, sizeof(*l));
	if (!l || nonblocking(in) || nonblocking(out)) {
		free(l);
		return why_set(why, TE_NO_MEMORY, "no memory for a connection");
	}
	l->in = in;
	l->out = out;
	*lp = l;
	return 0;
}

void hostlink_close(struct hostlink **lp)
{
	struct hostlink *l = *lp;

	*lp = NULL;
	if (!l)
		return;
	if (l->ssl && !l->broken && SSL_is_init_finished(l->ssl))
		SSL_shutdown(l->ssl);
	SSL_free(l->ssl);
	ERR_clear_error();
	close(l->in);
	if (l->out != l->in)
		close(l->out);
	free(l->peer_pem);
	free(l);
}

/* Pipes cannot be: they have no lanes, and nobody else waits on them. */
void hostlink_cut(struct hostlink *l)
{
	(void)shutdown(l->in, SHUT_RDWR);
	if (l->out != l->in)
		(void)shutdown(l->out, SHUT_RDWR);
}

const uint8_t *hostlink_peer(const struct hostlink *l)
{
	return l->ssl ? l->peer : NULL;
}

const char *hostlink_peer_pem(const struct hostlink *l)
{
	return l->peer_pem;
}
