/* SPDX-License-Identifier: BSD-2-Clause */
/* Whether the administrator has the card's interface up: the guest's cable. */
#ifndef NET_LINK_H
#define NET_LINK_H

#include <stdbool.h>

/* A descriptor that becomes readable when an interface of the host changes, or -1. */
int link_watch(void);
/* Reads all that came. 1: the interface is up, 0: it is down, -1: nothing of it. */
int link_changed(int fd, unsigned int ifindex);

#endif
