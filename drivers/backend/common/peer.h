/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The door to the other side of a device: its granted frames and its event channel. The daemons use
 * the real one (peer.c, over /dev/xen/gntdev and /dev/xen/evtchn); tests and fuzzers put a fake
 * behind it. One peer a device, one thread.
 */
#ifndef BACKEND_PEER_H
#define BACKEND_PEER_H

#include <stddef.h>
#include <stdint.h>

#include "dom0-tools/common/why.h"

#define PEER_PAGE 4096u

struct peer;

/* One piece of a batched copy between a granted frame and our memory: within one frame. ok is the
 * answer. */
struct peer_copy {
	uint32_t gref;
	uint16_t offset, len;
	void *local; /* may cross our own page ends */
	int ok;
};

int peer_open(struct peer **p, uint16_t domid, struct why *why);
void peer_close(struct peer *p); /* whatever is still mapped or bound goes with it */
uint16_t peer_domid(const struct peer *p);

/* Maps n frames in a row; NULL and errno if any of them cannot be. */
void *peer_map(struct peer *p, const uint32_t *grefs, unsigned int n, int writable);
void peer_unmap(struct peer *p, void *addr, unsigned int n);

/* Copies all pieces, as many as can be: each says for itself whether it worked. -errno if none was
 * tried. */
int peer_copy(struct peer *p, struct peer_copy *c, unsigned int n, int to_peer);

/*
 * Memory of ours that peer_copy() reaches by grants, as it does the frontend's: the kernel need not
 * look up and pin its pages for each piece. Ordinary memory where that is not to be had, which only
 * costs more. Once a peer; it goes with the peer. NULL: no memory.
 */
void *peer_buffer(struct peer *p, uint16_t own_domid, unsigned int pages);

/* Event channels: bind gives our port (>= 0) or -errno. */
int peer_bind(struct peer *p, uint32_t remote_port);
void peer_unbind(struct peer *p, int port);
void peer_notify(struct peer *p, int port);
int peer_event_fd(struct peer *p);
/* Takes note of ports that fired; look at the rings afterwards. They do not fire again until they
 * may: whoever looks at the rings anyway need not be told. */
void peer_take_events(struct peer *p);
void peer_allow_events(struct peer *p); /* one that would have fired meanwhile fires now */
/* Both at once. */
void peer_clear_events(struct peer *p);

#endif
