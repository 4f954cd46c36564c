/* SPDX-License-Identifier: BSD-2-Clause */
/* Grant table, version 1: offering own pages, mapping others'. */
#ifndef GRANT_H
#define GRANT_H

#include "hypercall.h"

void grant_init(void);
/* Around a suspend: the table is not the domain's own memory. Forget: the domain has an empty one
 * now. */
void grant_unmap_table(void);
void grant_map_table(void);
void grant_forget(void);
/* A reference that lets a domain map or copy the page, or a negative error when the table is full. */
int grant_access(domid_t dom, const void *page, bool readonly);
/* Takes it back. -XEN_EBUSY while the other side still maps it. */
int grant_end(grant_ref_t ref);
struct grant_entry_v1 *grant_entry(grant_ref_t ref);
unsigned int grants_free(void);

#endif
