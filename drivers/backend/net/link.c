/* SPDX-License-Identifier: BSD-2-Clause */
/* The state of the card's interface (link.h), as the kernel tells whoever listens. */
#include "drivers/backend/net/link.h"

#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <sys/socket.h>
#include <unistd.h>

int link_watch(void)
{
	struct sockaddr_nl a = { .nl_family = AF_NETLINK, .nl_groups = RTMGRP_LINK };
	int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, NETLINK_ROUTE);

	if (fd >= 0 && bind(fd, (struct sockaddr *)&a, sizeof(a))) {
		close(fd);
		fd = -1;
	}
	return fd;
}

int link_changed(int fd, unsigned int ifindex)
{
	char buf[8192] __attribute__((aligned(8)));
	const struct ifinfomsg *info;
	const struct nlmsghdr *h;
	int up = -1;
	ssize_t n;

	while ((n = recv(fd, buf, sizeof(buf), 0)) > 0) {
		for (h = (void *)buf; NLMSG_OK(h, (size_t)n); h = NLMSG_NEXT(h, n)) {
			info = NLMSG_DATA(h);
			if (h->nlmsg_type == RTM_NEWLINK && (unsigned int)info->ifi_index == ifindex)
				up = (info->ifi_flags & IFF_UP) != 0;
		}
	}
	return up;
}
