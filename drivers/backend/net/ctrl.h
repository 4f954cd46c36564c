/* SPDX-License-Identifier: BSD-2-Clause */
/* The control ring: what a frontend asks of its card besides packets. ABI: struct
 * xen_netif_ctrl_request of <xen/io/netif.h>. */
#ifndef NET_CTRL_H
#define NET_CTRL_H

#include "drivers/backend/net/hash.h"
#include "drivers/backend/net/staging.h"

struct ctrl {
	struct peer *peer;
	struct staging *staging;
	struct net_hash *hash;
	unsigned int queues;
};

/* Does what is asked; everything in the request is the frontend's word. */
struct xen_netif_ctrl_response ctrl_do(struct ctrl *c, const struct xen_netif_ctrl_request *rq);

#endif
