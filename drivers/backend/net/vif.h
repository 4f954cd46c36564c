/* SPDX-License-Identifier: BSD-2-Clause */
/* A virtual network card: the frontend's rings on one side, a TAP device on the other. One process
 * has one. */
#ifndef NET_VIF_H
#define NET_VIF_H

#include "drivers/backend/common/peer.h"
#include "drivers/backend/common/ring.h"
#include "drivers/backend/net/answers.h"
#include "drivers/backend/net/ctrl.h"
#include "drivers/backend/net/guard.h"
#include "drivers/backend/net/packet.h"

#define NET_MAX_QUEUES 4
#define NET_MAX_MCAST  64
/* Frames lie in memory that peer_buffer() gave: those of a round from the guest, and two rounds to
 * the guest by turns. */
#define VIF_ROUND_PAGES	 48u
#define VIF_BUFFER_PAGES (3 * VIF_ROUND_PAGES)
#define VIF_DEBT_NS \
	1000000u /* so long, up to twice, a frontend waits to be told of small packets' answers */

/* What the host's end does with frames: the TAP device, or a test. */
struct frame_port {
	/* len bytes: a struct virtio_net_hdr and the frame behind it. 0, or -errno; -EAGAIN never:
	 * a frame that does not fit is lost, as on a wire. */
	int (*send)(struct frame_port *p, const uint8_t *data, size_t len);
	/* The same to read, up to size bytes. 0: none waits. */
	size_t (*receive)(struct frame_port *p, uint8_t *data, size_t size);
	/* Several frames are about to be sent, or were: those they wake had better wait. May be
	 * NULL. */
	void (*hold)(struct frame_port *p, bool on);
};

struct vif_queue {
	struct ring tx, rx;
	struct answers *tx_answers, *rx_answers;
	void *tx_mapped, *rx_mapped;
	int tx_port, rx_port; /* the same one unless the frontend split them */
	/* Are there answers that the frontend wants to be told of and was not yet, and how many
	 * slots and bytes are they? */
	bool wanted, rx_wanted;
	uint32_t debt_slots, debt_bytes;
};

struct vif_stats {
	uint64_t tx_packets, tx_bytes, rx_packets, rx_bytes, tx_errors, rx_dropped, rx_filtered,
		guarded;
};

/* What outlives the process: one mapped file a card. */
struct vif_record {
	uint32_t queues; /* of the connection that these belong to; 0: none */
	uint32_t tx_ref[NET_MAX_QUEUES], rx_ref[NET_MAX_QUEUES], tx_port[NET_MAX_QUEUES],
		rx_port[NET_MAX_QUEUES];
	struct answers tx[NET_MAX_QUEUES], rx[NET_MAX_QUEUES];
	/* what the frontend asked of it */
	uint32_t ctrl_ref, ctrl_port;
	struct answers ctrl;
	struct net_hash hash;
	uint32_t nr_mcast;
	uint8_t mcast[NET_MAX_MCAST][6];
	uint32_t nr_staged[NET_MAX_QUEUES];
	struct xen_netif_gref staged[NET_MAX_QUEUES][STAGING_MAX];
};

struct vif {
	struct vif_record *record;
	struct peer *peer;
	struct frame_port *port;
	struct vif_queue queue[NET_MAX_QUEUES];
	unsigned int queues;
	struct ring ctrl_ring;
	void *ctrl_mapped; /* NULL: the frontend has none */
	int ctrl_port;
	struct staging staging;
	bool mcast_control;	    /* multicasts only to those on the list */
	bool connected, broken, sg; /* sg: the frontend takes frames of several slots */
	bool more; /* there was no end of frames from it: call vif_from_guest() again without an
		      event */
	struct net_guard guard;
	/* rate limit: a bucket of bytes, filled evenly; 0 rate: none */
	uint64_t rate, burst, credit; /* bytes a second, bytes, bytes */
	uint64_t filled_at;	      /* ns */
	bool throttled;
	struct vif_stats stats;
	struct why why;
	uint8_t *held; /* a frame from the host that waits for room in the ring; its header lies in
			  front of it */
	size_t held_len;		   /* 0: none does */
	uint8_t *tx_buffer, *rx_buffer[2]; /* the held frame is in the first */
	uint32_t debts;			   /* how often it fell into debt */
	unsigned int alone;		   /* looks in a row that found one frame from the host */
};

struct vif_choice {
	unsigned int queues;
	uint32_t tx_ref[NET_MAX_QUEUES], rx_ref[NET_MAX_QUEUES], tx_port[NET_MAX_QUEUES],
		rx_port[NET_MAX_QUEUES];
	bool sg, mcast_control;
	bool ctrl;
	uint32_t ctrl_ref, ctrl_port;
};

/* buffer: VIF_BUFFER_PAGES pages. */
void vif_init(struct vif *v, struct peer *peer, struct frame_port *port, struct vif_record *record,
	      void *buffer);
int vif_connect(struct vif *v, const struct vif_choice *c, struct why *why);
void vif_disconnect(struct vif *v);
/* The frontend kicked, the host has frames, or the bucket filled up: now is monotonic time in ns.
 * Look at v->broken after each. */
void vif_from_guest(struct vif *v, uint64_t now);
void vif_to_guest(struct vif *v);
/* The host has frames; what the guest answers to them at once is found without its kick. */
void vif_to_guest_and_back(struct vif *v, uint64_t now);
/* ns until a throttled vif may send again, 0: it is not. */
uint64_t vif_throttled_for(const struct vif *v);
/* Is a frontend to be told of answers sooner or later? vif_settle() tells it, unless it saw them
 * meanwhile. */
bool vif_in_debt(const struct vif *v);
void vif_settle(struct vif *v);

unsigned int vif_staged(const struct vif *v); /* grants that the frontend left to us for good */

#endif
