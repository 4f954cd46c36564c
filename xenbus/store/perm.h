/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Permissions of nodes.
 *
 * A list of permissions is an object that many nodes share: equal lists are one object. That makes
 * inheriting free, comparing a comparison of pointers, and it lets a dead domain's rights be taken
 * out of every node at once, in every snapshot too, so that a later domain with the same number
 * inherits nothing.
 */
#ifndef XENBUS_STORE_PERM_H
#define XENBUS_STORE_PERM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "xenbus/client/client.h"

#define NO_DOMAIN  0xffffu /* no domain: a connection without a target */
#define PERMS_MAX  1024	   /* entries in a list: more do not fit into an answer */
#define PERM_OWNER 4	   /* beside STORE_READ and STORE_WRITE */

struct perms;

/* n from 1 to PERMS_MAX */
struct perms *perms_get(const struct store_perm *list, size_t n);
struct perms *perms_share(struct perms *p);
void perms_put(struct perms *p);
/* what the domain, acting for target too, may do: STORE_READ | STORE_WRITE | PERM_OWNER */
unsigned perms_of(const struct perms *p, unsigned domid, unsigned target);
unsigned perms_owner(const struct perms *p);
size_t perms_count(const struct perms *p);
const struct store_perm *perms_list(const struct perms *p);
/* the same list with another owner; consumes p */
struct perms *perms_with_owner(struct perms *p, unsigned owner);
/* the domain is no more: what it was granted, others do not get by having its number */
void perms_forget(unsigned domid);

#endif
