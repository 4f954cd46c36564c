/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * One connection between two hosts: bytes, no guarantees beyond TCP's. Either TLS 1.3 on a socket,
 * with the certificates of both sides held against pins, or a transport that somebody else has made
 * safe: a UNIX socket, the pipes of an ssh. There is no third: a TCP socket is never spoken to in
 * the clear.
 *
 * Who uses links ignores SIGPIPE. A link is one thread's, but for hostlink_cut().
 */
#ifndef TORC_MIGRATION_LINK_H
#define TORC_MIGRATION_LINK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "dom0-tools/common/why.h"

#define FINGERPRINT_SIZE 32 /* SHA-256 of the certificate's DER form */

struct hostlink;
struct identity;

/* A host's key and certificate, self-signed, made in dir (key.pem 0600, cert.pem) if there is none
 * yet. */
int identity_load(struct identity **id, const char *dir, struct why *why);
/* Is the certificate valid now? Else no other host takes it, and pairing anew does not help. */
int identity_check(const struct identity *id, const char *dir, struct why *why);
void identity_free(struct identity **id);
const uint8_t *identity_fingerprint(const struct identity *id);
const char *identity_pem(const struct identity *id); /* the certificate: what others pin */

/* Is this certificate one of those that were pinned? */
typedef bool hostlink_pinned(void *arg, const uint8_t fingerprint[FINGERPRINT_SIZE]);

struct hostlink_tls {
	const struct identity *id;
	hostlink_pinned *pinned; /* NULL: whoever it is, for pairing alone, which compares codes
				    afterwards */
	void *arg;
	bool server;
	unsigned int timeout_ms; /* for the handshake */
};

/*
 * The handshake on a connected socket, which the link then owns; it is closed if that fails. A
 * client is through before the server has looked at its certificate: only what the server says next
 * proves that it was taken.
 */
int hostlink_open_tls(struct hostlink **l, int fd, const struct hostlink_tls *how, struct why *why);

/* What was given; TCP sockets are refused. in and out may be the same. The link owns them. */
int hostlink_open_fd(struct hostlink **l, int in, int out, struct why *why);

void hostlink_close(struct hostlink **l);

/* From any thread, while the link is there: whoever waits on it, here or there, waits no more. */
void hostlink_cut(struct hostlink *l);

/* Of the other side, by TLS; NULL on a link that was given. */
const uint8_t *hostlink_peer(const struct hostlink *l);
const char *hostlink_peer_pem(const struct hostlink *l);

/* All of it or an error: -EPIPE (closed by the other side or broken), -ETIMEDOUT, -EPROTO (not TLS
 * any more). */
int hostlink_read(struct hostlink *l, void *buf, size_t len, uint64_t deadline_ns);
int hostlink_write(struct hostlink *l, const void *buf, size_t len, uint64_t deadline_ns);
/* Is there something to read at once? */
bool hostlink_readable(struct hostlink *l);
/* Until there is: 0, or -ETIMEDOUT with nothing taken and the link as it was. */
int hostlink_wait(struct hostlink *l, uint64_t deadline_ns);
/* The same, or until something else can be read (fd, -1: nothing): 1. l may be NULL. */
int hostlink_wait_also(struct hostlink *l, int fd, uint64_t deadline_ns);

/* In words, for one that lost the connection by that error: -EIO or -ETIMEDOUT. */
int hostlink_failed(int rc, struct why *why);

#endif
