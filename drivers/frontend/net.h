/* SPDX-License-Identifier: BSD-2-Clause */
/* The network frontend: whole Ethernet frames, one page each. */
#ifndef FRONTEND_NET_H
#define FRONTEND_NET_H

#include "device.h"

#include <xen/io/netif.h>

#define NET_BUFFERS   32 /* pages each way */
#define NET_FRAME_MAX 1514

struct net {
	struct device dev;
	netif_tx_front_ring_t tx;
	netif_rx_front_ring_t rx;
	void *tx_ring, *rx_ring;
	int tx_ring_grant, rx_ring_grant; /* 0: none, as of all grants here */
	evtchn_port_t port;
	xen_netif_ctrl_front_ring_t ctrl; /* the control ring, where the backend has one */
	void *ctrl_ring, *ctrl_list;
	int ctrl_ring_grant, ctrl_list_grant;
	evtchn_port_t ctrl_port; /* 0: it has none */
	bool staged;		 /* the backend keeps the buffers mapped */
	unsigned char mac[6];
	bool open, broken;
	void *tx_pages[NET_BUFFERS], *rx_pages[NET_BUFFERS];
	int tx_grants[NET_BUFFERS], rx_grants[NET_BUFFERS];
	bool tx_used[NET_BUFFERS];
	unsigned long received, sent, dropped;
	unsigned char frame[OS_PAGE_SIZE]; /* the one that net_poll() shows */
};

/* Device number id, from device_find("vif", n). 0 or a negative error, and then nothing is kept. */
int net_open(struct net *n, unsigned long id);
/* Copies the frame. -XEN_EBUSY if all buffers are under way, -XEN_E2BIG, -XEN_EIO. */
int net_send(struct net *n, const void *frame, size_t len);
/* fn(arg, frame, len) for each frame that has come; the frame is a copy, writable, of at most a
 * page, and lasts until fn returns. */
void net_poll(struct net *n, void (*fn)(void *arg, void *frame, size_t len), void *arg);
/* After a resume, once the store is there again (os.h): frames under way are lost, as on a wire. 0,
 * or a negative error, and then the card is gone until a resume that brings it back. */
int net_resume(struct net *n);
bool net_pending(void *n); /* has net_poll() work to do? fit for os_wait() */

#endif
