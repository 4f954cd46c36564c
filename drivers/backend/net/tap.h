/* SPDX-License-Identifier: BSD-2-Clause */
/* The host's end of a virtual network card: a TAP device with virtio-net headers, and its place on
 * a bridge. */
#ifndef NET_TAP_H
#define NET_TAP_H

#include <stdbool.h>
#include <stdint.h>

#include "dom0-tools/common/why.h"

#define TAP_NAME_MAX 16

struct tap {
	int fd;
	char name[TAP_NAME_MAX];
};

/* Makes (or takes over) the interface, down. The descriptor does not block; every frame has a
 * struct virtio_net_hdr in front. */
int tap_open(struct tap *t, const char *name, struct why *why);
void tap_close(struct tap *t); /* the interface goes */
/* What may be handed to the guest as it is: checksums to be finished, TCP segments joined. */
int tap_set_offloads(struct tap *t, bool csum, bool tso4, bool tso6, struct why *why);
int tap_set_mtu(struct tap *t, unsigned int mtu, struct why *why);
bool tap_is_up(struct tap *t);
int tap_set_up(struct tap *t, bool up, struct why *why);
int tap_set_mac(struct tap *t, const uint8_t mac[6], struct why *why);
/* A way to an address (network order) through it, and answers to those who look for others there. */
int tap_route(struct tap *t, uint32_t ip, struct why *why);
int tap_join_bridge(struct tap *t, const char *bridge, struct why *why);

#endif
