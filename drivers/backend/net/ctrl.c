/* SPDX-License-Identifier: BSD-2-Clause */
/* Requests of the control ring (ctrl.h). */
#include "drivers/backend/net/ctrl.h"

#include <stdbool.h>
#include <string.h>

#define HASH_TYPES                                                           \
	(XEN_NETIF_CTRL_HASH_TYPE_IPV4 | XEN_NETIF_CTRL_HASH_TYPE_IPV4_TCP | \
	 XEN_NETIF_CTRL_HASH_TYPE_IPV6 | XEN_NETIF_CTRL_HASH_TYPE_IPV6_TCP)
#define OKAY	    XEN_NETIF_CTRL_STATUS_SUCCESS
#define INVALID	    XEN_NETIF_CTRL_STATUS_INVALID_PARAMETER
#define OVERFLOW    XEN_NETIF_CTRL_STATUS_BUFFER_OVERFLOW
#define UNSUPPORTED XEN_NETIF_CTRL_STATUS_NOT_SUPPORTED

/* From the start of a granted frame, or back to it. */
static bool move(struct ctrl *c, uint32_t gref, void *data, size_t len, int to_peer)
{
	struct peer_copy piece = { .gref = gref, .len = (uint16_t)len, .local = data };

	return !len || (peer_copy(c->peer, &piece, 1, to_peer) == 0 && piece.ok);
}

static uint32_t set_key(struct ctrl *c, uint32_t gref, uint32_t size)
{
	uint8_t key[HASH_KEY_MAX] = { 0 };

	if (size > sizeof(key))
		return OVERFLOW;
	if (!move(c, gref, key, size, 0))
		return INVALID;
	memcpy(c->hash->key, key, sizeof(key));
	return OKAY;
}

static uint32_t set_mapping_size(struct ctrl *c, uint32_t size)
{
	if (size > HASH_MAPPING_MAX)
		return INVALID;
	c->hash->mapping_size = size;
	memset(c->hash->mapping, 0, sizeof(c->hash->mapping));
	return OKAY;
}

static uint32_t set_mapping(struct ctrl *c, uint32_t gref, uint32_t size, uint32_t offset)
{
	uint32_t part[HASH_MAPPING_MAX], i;

	if (size > c->hash->mapping_size || offset > c->hash->mapping_size - size)
		return OVERFLOW;
	if (!move(c, gref, part, size * sizeof(part[0]), 0))
		return INVALID;
	for (i = 0; i < size; i++) {
		if (part[i] >= c->queues)
			return INVALID;
	}
	memcpy(c->hash->mapping + offset, part, size * sizeof(part[0]));
	return OKAY;
}

static uint32_t set_algorithm(struct ctrl *c, uint32_t algorithm)
{
	if (algorithm != XEN_NETIF_CTRL_HASH_ALGORITHM_NONE &&
	    algorithm != XEN_NETIF_CTRL_HASH_ALGORITHM_TOEPLITZ)
		return INVALID;
	c->hash->algorithm = algorithm;
	return OKAY;
}

static uint32_t set_flags(struct ctrl *c, uint32_t flags)
{
	if (c->hash->algorithm == XEN_NETIF_CTRL_HASH_ALGORITHM_NONE)
		return UNSUPPORTED;
	if (flags & ~(uint32_t)HASH_TYPES)
		return INVALID;
	c->hash->flags = flags;
	return OKAY;
}

static uint32_t change_grants(struct ctrl *c, const struct xen_netif_ctrl_request *rq,
			      uint32_t *gone)
{
	struct xen_netif_gref list[STAGING_MAX];
	uint32_t queue = rq->data[0], gref = rq->data[1], n = rq->data[2];

	if (queue >= c->queues || n > STAGING_MAX || !move(c, gref, list, n * sizeof(list[0]), 0))
		return INVALID;
	if (rq->type == XEN_NETIF_CTRL_TYPE_ADD_GREF_MAPPING)
		return staging_add(c->staging, queue, list, n) ? INVALID : OKAY;
	*gone = staging_remove(c->staging, queue, list, n);
	return move(c, gref, list, n * sizeof(list[0]), 1) ? OKAY : INVALID;
}

struct xen_netif_ctrl_response ctrl_do(struct ctrl *c, const struct xen_netif_ctrl_request *rq)
{
	struct xen_netif_ctrl_response rsp = { .id = rq->id, .type = rq->type, .status = OKAY };
	const uint32_t *d = rq->data;

	switch (rq->type) {
	case XEN_NETIF_CTRL_TYPE_GET_HASH_FLAGS:
		if (c->hash->algorithm == XEN_NETIF_CTRL_HASH_ALGORITHM_NONE)
			rsp.status = UNSUPPORTED;
		else
			rsp.data = HASH_TYPES;
		break;
	case XEN_NETIF_CTRL_TYPE_SET_HASH_FLAGS: rsp.status = set_flags(c, d[0]); break;
	case XEN_NETIF_CTRL_TYPE_SET_HASH_KEY: rsp.status = set_key(c, d[0], d[1]); break;
	case XEN_NETIF_CTRL_TYPE_GET_HASH_MAPPING_SIZE: rsp.data = HASH_MAPPING_MAX; break;
	case XEN_NETIF_CTRL_TYPE_SET_HASH_MAPPING_SIZE:
		rsp.status = set_mapping_size(c, d[0]);
		break;
	case XEN_NETIF_CTRL_TYPE_SET_HASH_MAPPING:
		rsp.status = set_mapping(c, d[0], d[1], d[2]);
		break;
	case XEN_NETIF_CTRL_TYPE_SET_HASH_ALGORITHM: rsp.status = set_algorithm(c, d[0]); break;
	case XEN_NETIF_CTRL_TYPE_GET_GREF_MAPPING_SIZE:
		if (d[0] < c->queues)
			rsp.data = STAGING_MAX;
		else
			rsp.status = INVALID;
		break;
	case XEN_NETIF_CTRL_TYPE_ADD_GREF_MAPPING:
	case XEN_NETIF_CTRL_TYPE_DEL_GREF_MAPPING:
		rsp.status = change_grants(c, rq, &rsp.data);
		break;
	default: rsp.status = UNSUPPORTED; break;
	}
	return rsp;
}
