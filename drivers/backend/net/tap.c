/* SPDX-License-Identifier: BSD-2-Clause */
/* A TAP device with virtio-net headers (tap.h). */
#include "drivers/backend/net/tap.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/if_tun.h>
#include <linux/sockios.h>
#include <linux/virtio_net.h>
#include <net/if.h>
#include <net/if_arp.h>
#include <net/route.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

/* A request of the interface's, through any socket. */
static int request(struct tap *t, unsigned long what, struct ifreq *r)
{
	int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0), rc;

	if (fd < 0)
		return -errno;
	snprintf(r->ifr_name, sizeof(r->ifr_name), "%s", t->name);
	rc = ioctl(fd, what, r) ? -errno : 0;
	close(fd);
	return rc;
}

int tap_open(struct tap *t, const char *name, struct why *why)
{
	struct ifreq r = { .ifr_flags = IFF_TAP | IFF_NO_PI | IFF_VNET_HDR };
	int size = sizeof(struct virtio_net_hdr);

	if (strlen(name) >= sizeof(t->name))
		return why_set(why, TE_DEVICE, "interface name \"%s\" is longer than %zu characters",
			       name, sizeof(t->name) - 1);
	snprintf(t->name, sizeof(t->name), "%s", name);
	snprintf(r.ifr_name, sizeof(r.ifr_name), "%s", name);
	t->fd = open("/dev/net/tun", O_RDWR | O_NONBLOCK | O_CLOEXEC);
	if (t->fd < 0)
		return why_set(why, TE_DEVICE, "/dev/net/tun: %s (is the tun module loaded?)",
			       strerror(errno));
	if (ioctl(t->fd, TUNSETIFF, &r) || ioctl(t->fd, TUNSETVNETHDRSZ, &size)) {
		why_set(why, TE_DEVICE, "interface %s cannot be made: %s", name, strerror(errno));
		close(t->fd);
		t->fd = -1;
		return -EIO;
	}
	return 0;
}

void tap_close(struct tap *t)
{
	if (t->fd >= 0)
		close(t->fd);
	t->fd = -1;
}

int tap_set_offloads(struct tap *t, bool csum, bool tso4, bool tso6, struct why *why)
{
	unsigned int what =
		csum ? TUN_F_CSUM | (tso4 ? TUN_F_TSO4 : 0u) | (tso6 ? TUN_F_TSO6 : 0u) : 0u;

	if (ioctl(t->fd, TUNSETOFFLOAD, what))
		return why_set(why, TE_DEVICE, "%s: offloads %#x: %s", t->name, what,
			       strerror(errno));
	return 0;
}

static int done(struct tap *t, int rc, const char *what, struct why *why)
{
	return rc ? why_set(why, TE_DEVICE, "%s: %s: %s", t->name, what, strerror(-rc)) : 0;
}

int tap_set_mtu(struct tap *t, unsigned int mtu, struct why *why)
{
	struct ifreq r = { .ifr_mtu = (int)mtu };

	return done(t, request(t, SIOCSIFMTU, &r), "setting the MTU", why);
}

bool tap_is_up(struct tap *t)
{
	struct ifreq r = { 0 };

	return !request(t, SIOCGIFFLAGS, &r) && r.ifr_flags & IFF_UP;
}

int tap_set_up(struct tap *t, bool up, struct why *why)
{
	struct ifreq r = { 0 };
	int rc = request(t, SIOCGIFFLAGS, &r);

	if (!rc) {
		r.ifr_flags = (short)(up ? r.ifr_flags | IFF_UP : r.ifr_flags & ~IFF_UP);
		rc = request(t, SIOCSIFFLAGS, &r);
	}
	return done(t, rc, up ? "up" : "down", why);
}

int tap_set_mac(struct tap *t, const uint8_t mac[6], struct why *why)
{
	struct ifreq r = { 0 };

	r.ifr_hwaddr.sa_family = ARPHRD_ETHER;
	memcpy(r.ifr_hwaddr.sa_data, mac, 6);
	return done(t, request(t, SIOCSIFHWADDR, &r), "setting the MAC address", why);
}

int tap_join_bridge(struct tap *t, const char *bridge, struct why *why)
{
	int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0), rc = 0;
	struct ifreq r = { .ifr_ifindex = (int)if_nametoindex(t->name) };

	snprintf(r.ifr_name, sizeof(r.ifr_name), "%s", bridge);
	if (fd < 0 ||
	    (ioctl(fd, SIOCBRADDIF, &r) && errno != EBUSY)) /* busy: it is on a bridge already */
		rc = why_set(why, TE_DEVICE, "%s cannot join bridge %s: %s", t->name, bridge,
			     strerror(errno));
	if (fd >= 0)
		close(fd);
	return rc;
}

int tap_route(struct tap *t, uint32_t ip, struct why *why)
{
	struct rtentry r = { .rt_flags = RTF_UP | RTF_HOST, .rt_dev = t->name };
	struct sockaddr_in *to = (struct sockaddr_in *)&r.rt_dst,
			   *mask = (struct sockaddr_in *)&r.rt_genmask;
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0), rc = 0;
	char path[64];

	*to = (struct sockaddr_in){ .sin_family = AF_INET, .sin_addr.s_addr = ip };
	*mask = (struct sockaddr_in){ .sin_family = AF_INET, .sin_addr.s_addr = INADDR_BROADCAST };
	if (fd < 0 || (ioctl(fd, SIOCADDRT, &r) && errno != EEXIST))
		rc = -errno;
	if (fd >= 0)
		close(fd);
	if (rc)
		return done(t, rc, "a route to the guest", why);
	snprintf(path, sizeof(path), "/proc/sys/net/ipv4/conf/%s/proxy_arp", t->name);
	fd = open(path, O_WRONLY | O_CLOEXEC);
	if (fd < 0 || write(fd, "1", 1) != 1)
		rc = -errno;
	if (fd >= 0)
		close(fd);
	return done(t, rc, path, why);
}
