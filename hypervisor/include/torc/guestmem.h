/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The only way to a guest's virtual memory: of the current vcpu, in its kernel's address space,
 * through its own tables, where any access may fault. Copy in once, check, then use. 0 or
 * -XEN_EFAULT; nothing of dst is to be trusted after a failure.
 */
#ifndef TORC_GUESTMEM_H
#define TORC_GUESTMEM_H

#include <torc/domain.h>

/* outside the hypervisor, canonical, below 4 GiB for 32-bit */
bool guest_range_ok(const struct vcpu *v, gaddr_t a, size_t n);
int guest_read(void *dst, gaddr_t src, size_t n);
int guest_write(gaddr_t dst, const void *src, size_t n);
int guest_clear(gaddr_t dst, size_t n);
/* terminated within size, or -XEN_E2BIG */
int guest_read_string(char *dst, gaddr_t src, size_t size);
#define guest_get(dst, a) guest_read((dst), (a), sizeof(*(dst)))
#define guest_put(a, src) guest_write((a), (src), sizeof(*(src)))

/* Physical access to a frame that d owns, with a reference held while mapped (the direct map: no
 * work). NULL: not d's. */
/* write takes a writable type reference */
void *guest_frame_map(struct domain *d, mfn_t m, bool write);
void guest_frame_unmap(void *p, bool write);

#endif
