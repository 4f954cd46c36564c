/* SPDX-License-Identifier: BSD-2-Clause */
/* Domains that the store was told of: their rings, their coming and going. */
#ifndef XENBUS_STORE_DOMAIN_H
#define XENBUS_STORE_DOMAIN_H

#include "xenbus/store/conn.h"

struct domain *domain_find(struct server *sv, unsigned domid);
/* the domain whose ring this is; NULL: a socket's connection */
struct domain *domain_of(const struct conn *c);
/* known, not yet attached to its ring */
struct domain *domain_add(struct server *sv, unsigned domid);

int domain_introduce(struct conn *by, unsigned domid, uint64_t gfn, uint32_t remote_port);
/* this domain's own kernel; -ENOENT where there is none */
int domain_introduce_own(struct server *sv);
/* it is no more, or released: ring, watches, transactions and nodes go, @releaseDomain is fired */
void domain_release(struct server *sv, struct domain *d);
/* the same while loading: the journal tells of the rest */
void domain_drop(struct server *sv, unsigned domid);
/* something happened to some domain: find out which have shut down or died */
void domain_check_all(struct server *sv);
/* after loading: map and bind what the records told of; release those that died meanwhile */
void domain_attach_all(struct server *sv, bool ports_bound);

void domain_record(const struct domain *d, struct bytes *out);
int domain_restore(struct server *sv, struct cut *in);

/* ring.c */
extern const struct transport ring_transport;
void ring_pump(struct domain *d);     /* requests in, as many as there are */
void ring_begin(struct domain *d);    /* a ring as its owner left it: take over the positions */
void ring_continue(struct domain *d); /* a ring as our predecessor left it */
void ring_event(struct server *sv, uint32_t port);

#endif
