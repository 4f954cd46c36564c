/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Network cards served by dom0's kernel (xen-netback). The kernel makes the interface when it
 * sees the nodes; plugging it into the bridge is four ioctls, not a script.
 */
#include "dom0-tools/cli/guest.h"

#include <errno.h>
#include <limits.h>
#include <linux/sockios.h>
#include <net/if.h>
#include <net/if_arp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "dom0-tools/common/paths.h"

static void usual_name(const struct config_vif *v, uint32_t domid, char out[IFNAMSIZ])
{
	snprintf(out, IFNAMSIZ, "vif%u.%d", domid, v->devid);
}

/* Where dom0's kernel has no backend, torc-netd serves, which plugs in by itself. */
bool nic_kernel_serves(void)
{
	return access("/sys/bus/xen-backend/drivers/vif", F_OK) == 0;
}

int nic_check(const struct config_vif *v, struct why *why)
{
	char path[64], netd[PATH_MAX];

	snprintf(netd, sizeof(netd), "%s/netd", path_run());
	if (!nic_kernel_serves() && access(netd, F_OK) < 0)
		return why_hint(
			why,
			why_set(why, TE_DEVICE,
				"nothing serves network cards: dom0's kernel has no backend, and torc-netd is not running"),
			"modprobe xen-netback, or start torc-netd");
	if (nic_kernel_serves() && (v->guard || v->routed))
		return why_hint(why,
				why_set(why, TE_UNSUPPORTED,
					"vif: dom0's kernel serves it, and has no %s",
					v->guard ? "guard" : "routed cards"),
				"torc-netd has: rmmod xen-netback, and start it");
	if (!v->bridge)
		return 0;
	snprintf(path, sizeof(path), "/sys/class/net/%s/bridge", v->bridge);
	if (access(path, F_OK) < 0)
		return why_hint(why,
				why_set(why, TE_DEVICE, "vif: there is no bridge \"%s\"", v->bridge),
				"ip link add %s type bridge && ip link set %s up", v->bridge,
				v->bridge);
	return 0;
}

/* torc-netd begins when it finds the address; dom0's kernel tells the guest that it is connected
 * when a script has said so. */
int nic_release(struct cli *c, store_txn_t t, uint32_t domid, const struct config_vif *v)
{
	char back[STORE_PATH_MAX];

	store_path(back, "/local/domain/0/backend/vif/%u/%d", domid, v->devid);
	if (nic_kernel_serves())
		return node_write(c, t, back, "hotplug-status", "connected");
	return node_write(c, t, back, "mac", "%02x:%02x:%02x:%02x:%02x:%02x", v->mac[0], v->mac[1],
			  v->mac[2], v->mac[3], v->mac[4], v->mac[5]);
}

int nic_write(struct cli *c, store_txn_t t, uint32_t domid, const struct config_vif *v, bool hold)
{
	char front[STORE_PATH_MAX], back[STORE_PATH_MAX];
	bool kernel = nic_kernel_serves();
	int rc;

	store_path(front, "/local/domain/%u/device/vif/%d", domid, v->devid);
	store_path(back, "/local/domain/0/backend/vif/%u/%d", domid, v->devid);
	rc = node_dir(c, t, back, 0, domid);
	if (!rc)
		rc = node_write(c, t, back, "frontend", "%s", front);
	if (!rc)
		rc = node_write(c, t, back, "frontend-id", "%u", domid);
	if (!rc && kernel)
		rc = node_write(c, t, back, "mac", "%02x:%02x:%02x:%02x:%02x:%02x", v->mac[0],
				v->mac[1], v->mac[2], v->mac[3], v->mac[4], v->mac[5]);
	if (!rc && v->bridge)
		rc = node_write(c, t, back, "bridge", "%s", v->bridge);
	if (!rc && v->vifname)
		rc = node_write(c, t, back, "vifname", "%s", v->vifname);
	if (!rc && v->ip)
		rc = node_write(c, t, back, "ip", "%s", v->ip);
	if (!rc && v->guard)
		rc = node_write(c, t, back, "guard", "1");
	if (!rc && v->routed)
		rc = node_write(c, t, back, "mode", "route");
	if (!rc && v->mtu)
		rc = node_write(c, t, back, "mtu", "%u", v->mtu);
	if (!rc && v->rate_bytes)
		rc = node_write(c, t, back, "rate", "%u,%u", v->rate_bytes, v->rate_us);
	if (!rc)
		rc = node_write(c, t, back, "handle", "%d", v->devid);
	if (!rc)
		rc = node_write(c, t, back, "type", "vif");
	/* netback insists on the name of a script, and hands it to udev; ours has nothing to do */
	if (!rc && kernel)
		rc = node_write(c, t, back, "script", "/bin/true");
	if (!rc)
		rc = node_write(c, t, back, "online", "1");
	if (!rc)
		rc = node_write(c, t, back, "state", "1");
	/* netback need not wait for a script to say that the interface is plugged in */
	if (!rc && !hold)
		rc = nic_release(c, t, domid, v);
	if (!rc)
		rc = node_dir(c, t, front, domid, 0);
	if (!rc)
		rc = node_write(c, t, front, "backend", "%s", back);
	if (!rc)
		rc = node_write(c, t, front, "backend-id", "0");
	if (!rc)
		rc = node_write(c, t, front, "handle", "%d", v->devid);
	if (!rc)
		rc = node_write(c, t, front, "mac", "%02x:%02x:%02x:%02x:%02x:%02x", v->mac[0],
				v->mac[1], v->mac[2], v->mac[3], v->mac[4], v->mac[5]);
	if (!rc && v->mtu)
		rc = node_write(c, t, front, "mtu", "%u", v->mtu);
	if (!rc && v->untrusted)
		rc = node_write(c, t, front, "trusted", "0");
	if (!rc)
		rc = node_write(c, t, front, "state", "1");
	return rc;
}

static int set(int s, unsigned long request, struct ifreq *r, const char *what, const char *name,
	       struct why *why)
{
	if (ioctl(s, request, r) == 0)
		return 0;
	return why_set(why, TE_DEVICE, "interface %s: cannot %s: %s", name, what, strerror(errno));
}

static int configure(int s, const char *name, const struct config_vif *v, struct why *why)
{
	struct ifreq r;
	const char *now = name;
	int rc;

	memset(&r, 0, sizeof(r));
	snprintf(r.ifr_name, IFNAMSIZ, "%s", now);
	/* the highest address there is, so that the bridge never takes it for its own */
	r.ifr_hwaddr.sa_family = ARPHRD_ETHER;
	memcpy(r.ifr_hwaddr.sa_data, "\xfe\xff\xff\xff\xff\xff", 6);
	rc = set(s, SIOCSIFHWADDR, &r, "set its address", now, why);
	if (!rc && v->mtu) {
		r.ifr_mtu = (int)v->mtu;
		rc = set(s, SIOCSIFMTU, &r, "set its MTU", now, why);
	}
	if (!rc && v->vifname) {
		snprintf(r.ifr_newname, IFNAMSIZ, "%s", v->vifname);
		rc = set(s, SIOCSIFNAME, &r, "name it", now, why);
		now = v->vifname;
	}
	if (!rc && v->bridge) {
		memset(&r, 0, sizeof(r));
		snprintf(r.ifr_name, IFNAMSIZ, "%s", v->bridge);
		r.ifr_ifindex = (int)if_nametoindex(now);
		rc = set(s, SIOCBRADDIF, &r, "put it on its bridge", now, why);
	}
	memset(&r, 0, sizeof(r));
	snprintf(r.ifr_name, IFNAMSIZ, "%s", now);
	if (!rc)
		rc = set(s, SIOCGIFFLAGS, &r, "ask its flags", now, why);
	if (!rc) {
		r.ifr_flags |= IFF_UP;
		rc = set(s, SIOCSIFFLAGS, &r, "bring it up", now, why);
	}
	return rc;
}

static bool plugged(struct cli *c, uint32_t domid, const struct config_vif *v)
{
	char *status =
		cli_read(c, "/local/domain/0/backend/vif/%u/%d/hotplug-status", domid, v->devid);
	bool yes = status && strcmp(status, "connected") == 0;

	free(status);
	return yes;
}

int nic_plug(struct cli *c, uint32_t domid, const struct config_vif *v)
{
	struct patience p;
	char name[IFNAMSIZ];
	int s, rc;

	usual_name(v, domid, name);
	patience_start(&p, c, "vif", domid, (unsigned int)v->devid);
	while (nic_kernel_serves() ? !if_nametoindex(name) : !plugged(c, domid, v)) {
		rc = patience_wait(&p);
		if (rc)
			return why_prefix(c->why, rc,
					  "vif %d: the backend made no interface %s: ", v->devid,
					  name);
	}
	if (!nic_kernel_serves())
		return 0;
	s = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (s < 0)
		return why_set(c->why, TE_DEVICE, "no socket: %s", strerror(errno));
	rc = configure(s, name, v, c->why);
	close(s);
	return rc;
}
