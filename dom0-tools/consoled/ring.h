/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The console ring, from the daemon's side. The guest owns half of the indices and may write
 * anything at any time: each is read once, checked, and then used. No pointers into the ring
 * leave these functions, so they are all that a hostile guest can reach.
 */
#ifndef TORC_CONSOLED_RING_H
#define TORC_CONSOLED_RING_H

#include <stddef.h>
#include <stdint.h>

#include <xen/io/console.h>

#define RING_OUT_SIZE sizeof(((struct xencons_interface *)0)->out)
#define RING_IN_SIZE  sizeof(((struct xencons_interface *)0)->in)

/*
 * What the guest has written, up to RING_OUT_SIZE bytes. Its place is given back by ring_done()
 * with *upto, once the bytes are safe: a daemon that is killed in between finds them there again.
 * An impossible index is caught up with, what it covers is lost, and *broken is counted up.
 */
size_t ring_look(volatile struct xencons_interface *r, char out[RING_OUT_SIZE],
		 XENCONS_RING_IDX *upto, unsigned int *broken);
void ring_done(volatile struct xencons_interface *r, XENCONS_RING_IDX upto);

/* Give the guest keys; returns how many fitted. */
size_t ring_give(volatile struct xencons_interface *r, const char *in, size_t n);

#endif
