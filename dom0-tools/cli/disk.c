/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Disks, served by dom0's kernel (xen-blkback) or by torc-blkd. For the kernel a file is put
 * behind a loop device that goes away with its last user, so that no crash of any tool leaves
 * one over; torc-blkd opens files, devices and network disks by itself.
 */
#include "dom0-tools/cli/guest.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/fs.h>
#include <linux/loop.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "dom0-tools/common/paths.h"

#define LOOP_TRIES 64

static bool there(const char *path)
{
	return access(path, F_OK) == 0;
}

/* Who serves it: what the config says, or what can. */
static int choose_backend(const struct config_disk *d, struct disk_source *s, struct why *why)
{
	char blkd[PATH_MAX];
	bool kernel = there("/sys/bus/xen-backend/drivers/vbd"), daemon, network;

	snprintf(blkd, sizeof(blkd), "%s/blkd", path_run());
	daemon = there(blkd);
	network = strncmp(d->target, "nbd", 3) == 0 && strstr(d->target, "://");
	s->user = d->backendtype ? strcmp(d->backendtype, "torc") == 0 : network || !kernel;
	if (network && !s->user)
		return why_set(why, TE_CONFIG_VALUE, "disk %s: backendtype=phy cannot serve %s",
			       d->vdev, d->target);
	if (s->user && !daemon)
		return why_hint(
			why, why_set(why, TE_DEVICE, "disk %s: torc-blkd is not running", d->vdev),
			kernel ? "start torc-blkd" : "start torc-blkd, or modprobe xen-blkback");
	if (!s->user && !kernel)
		return why_hint(why,
				why_set(why, TE_DEVICE,
					"disk %s: dom0's kernel has no backend for disks", d->vdev),
				"modprobe xen-blkback");
	s->inode = network ? UINT64_MAX : 0;
	return 0;
}

/* Bind a file to a free loop device. Somebody else may take the free one first: try again. */
static int loop_bind(const struct config_disk *d, int file, struct disk_source *s, struct why *why)
{
	struct loop_config config = { .fd = (uint32_t)file };
	int control = open("/dev/loop-control", O_RDWR | O_CLOEXEC), err = 0;

	if (control < 0)
		return why_hint(why,
				why_set(why, TE_DEVICE, "disk %s: /dev/loop-control: %s", d->vdev,
					strerror(errno)),
				"modprobe loop");
	config.info.lo_flags = LO_FLAGS_AUTOCLEAR | (d->writable ? 0 : LO_FLAGS_READ_ONLY);
	strncpy((char *)config.info.lo_file_name, d->target, LO_NAME_SIZE - 1);
	for (int i = 0; i < LOOP_TRIES; i++) {
		int n = ioctl(control, LOOP_CTL_GET_FREE);

		if (n < 0) {
			err = errno;
			break;
		}
		snprintf(s->device, sizeof(s->device), "/dev/loop%d", n);
		s->loop_fd = open(s->device, (d->writable ? O_RDWR : O_RDONLY) | O_CLOEXEC);
		if (s->loop_fd < 0) {
			err = errno;
			continue;
		}
		if (ioctl(s->loop_fd, LOOP_CONFIGURE, &config) == 0) {
			err = 0;
			break;
		}
		err = errno;
		close(s->loop_fd);
		s->loop_fd = -1;
		if (err != EBUSY)
			break;
	}
	close(control);
	if (err || s->loop_fd < 0)
		return why_set(why, TE_DEVICE, "disk %s: no loop device for %s: %s", d->vdev,
			       d->target, strerror(err ? err : EBUSY));
	return 0;
}

/* Is it there, what is it, and can it be opened as it is to be used. file, if wanted: its
 * descriptor, -1 where it has none. */
static int look(const struct config_disk *d, struct disk_source *s, int *file, struct why *why)
{
	struct stat st;
	int fd, rc;

	*s = (struct disk_source){ .loop_fd = -1 };
	if (!d->target)
		return why_hint(why, why_set(why, TE_UNSUPPORTED, "drive %s has no medium", d->vdev),
				"name one: target=/path/of/the/image");
	rc = choose_backend(d, s, why);
	if (rc || s->inode == UINT64_MAX)
		return rc;
	fd = open(d->target, (d->writable ? O_RDWR : O_RDONLY) | O_CLOEXEC | O_NONBLOCK);
	if (fd < 0 || fstat(fd, &st) < 0) {
		rc = why_set(why, TE_FILE, "disk %s: %s: %s", d->vdev, d->target, strerror(errno));
		if (fd >= 0)
			close(fd);
		return rc;
	}
	s->dev = st.st_dev;
	s->inode = st.st_ino;
	if (S_ISBLK(st.st_mode)) {
		snprintf(s->device, sizeof(s->device), "%.63s", d->target);
		s->major = major(st.st_rdev);
		s->minor = minor(st.st_rdev);
		s->dev = st.st_rdev;
		s->inode = 0;
	} else if (!S_ISREG(st.st_mode)) {
		rc = why_set(why, TE_FILE, "disk %s: %s is neither a file nor a block device",
			     d->vdev, d->target);
	} else if (st.st_size < 512) {
		rc = why_set(why, TE_FILE, "disk %s: %s has %lld bytes, less than a sector",
			     d->vdev, d->target, (long long)st.st_size);
	} else if (s->user) {
		snprintf(s->device, sizeof(s->device), "%.63s", d->target);
	}
	if (file && !rc)
		*file = fd;
	else
		close(fd);
	return rc;
}

int disk_look(const struct config_disk *d, struct disk_source *s, struct why *why)
{
	return look(d, s, NULL, why);
}

int disk_open(const struct config_disk *d, struct disk_source *s, struct why *why)
{
	struct stat dev;
	int file = -1, rc = look(d, s, &file, why);

	if (!rc && file >= 0 && !s->device[0]) {
		rc = loop_bind(d, file, s, why);
		if (!rc && fstat(s->loop_fd, &dev) == 0) {
			s->major = major(dev.st_rdev);
			s->minor = minor(dev.st_rdev);
		}
	}
	if (file >= 0)
		close(file);
	return rc;
}

void disk_close(struct disk_source *s)
{
	if (s->loop_fd >= 0)
		close(s->loop_fd);
	s->loop_fd = -1;
}

int disk_release(struct cli *c, store_txn_t t, uint32_t domid, const struct config_disk *d,
		 const struct disk_source *s)
{
	char back[STORE_PATH_MAX];
	int rc = 0;

	store_path(back, "/local/domain/0/backend/%s/%u/%u", disk_backend(s), domid, d->number);
	if (s->device[0])
		rc = node_write(c, t, back, "node", "%s", s->device);
	if (!rc && !s->user)
		rc = node_write(c, t, back, "physical-device-path", "%s", s->device);
	if (!rc && !s->user)
		rc = node_write(c, t, back, "physical-device", "%x:%x", s->major, s->minor);
	if (!rc && !s->user) /* torc-blkd says so itself */
		rc = node_write(c, t, back, "hotplug-status", "connected");
	if (!rc)
		rc = node_write(c, t, back, "params", "%s", d->target);
	return rc;
}

int disk_write(struct cli *c, store_txn_t t, uint32_t domid, const struct config_disk *d,
	       const struct disk_source *s, bool hold)
{
	char front[STORE_PATH_MAX], back[STORE_PATH_MAX];
	int rc;

	store_path(front, "/local/domain/%u/device/vbd/%u", domid, d->number);
	store_path(back, "/local/domain/0/backend/%s/%u/%u", disk_backend(s), domid, d->number);
	rc = node_dir(c, t, back, 0, domid);
	if (!rc && s->inode != UINT64_MAX)
		rc = claim_disk(c, t, domid, d, s, back);
	if (!rc)
		rc = node_write(c, t, back, "frontend", "%s", front);
	if (!rc)
		rc = node_write(c, t, back, "frontend-id", "%u", domid);
	if (!rc)
		rc = node_write(c, t, back, "mode", "%s", d->writable ? "w" : "r");
	if (!rc)
		rc = node_write(c, t, back, "dev", "%s", d->vdev);
	if (!rc)
		rc = node_write(c, t, back, "type", "%s", s->user ? "torc" : "phy");
	if (!rc)
		rc = node_write(c, t, back, "device-type", "%s", d->cdrom ? "cdrom" : "disk");
	if (!rc)
		rc = node_write(c, t, back, "removable", "%d", d->cdrom);
	if (!rc)
		rc = node_write(c, t, back, "bootable", "1");
	if (!rc)
		rc = node_write(c, t, back, "discard-enable", "%d", !d->no_discard);
	if (!rc)
		rc = node_write(c, t, back, "online", "1");
	if (!rc)
		rc = node_write(c, t, back, "state", "1");
	if (!rc && !hold)
		rc = disk_release(c, t, domid, d, s);
	if (!rc)
		rc = node_dir(c, t, front, domid, 0);
	if (!rc)
		rc = node_write(c, t, front, "backend", "%s", back);
	if (!rc)
		rc = node_write(c, t, front, "backend-id", "0");
	if (!rc)
		rc = node_write(c, t, front, "virtual-device", "%u", d->number);
	if (!rc)
		rc = node_write(c, t, front, "device-type", "%s", d->cdrom ? "cdrom" : "disk");
	if (!rc && d->untrusted)
		rc = node_write(c, t, front, "trusted", "0");
	if (!rc)
		rc = node_write(c, t, front, "state", "1");
	return rc;
}

/*
 * The kernel's backend shows in sysfs that it has opened the device, torc-blkd in the store;
 * both complain in the store.
 */
static bool opened(struct cli *c, uint32_t domid, const struct config_disk *d,
		   const struct disk_source *s)
{
	char path[128], *status;
	bool yes;

	if (!s->user) {
		snprintf(path, sizeof(path),
			 "/sys/bus/xen-backend/devices/vbd-%u-%u/physical_device", domid, d->number);
		return there(path);
	}
	status = cli_read(c, "/local/domain/0/backend/qdisk/%u/%u/hotplug-status", domid, d->number);
	yes = status && strcmp(status, "connected") == 0;
	free(status);
	return yes;
}

int disk_wait(struct cli *c, uint32_t domid, const struct config_disk *d,
	      const struct disk_source *s)
{
	struct patience p;
	int rc;

	patience_start(&p, c, disk_backend(s), domid, d->number);
	while (!opened(c, domid, d, s)) {
		rc = patience_wait(&p);
		if (rc)
			return why_prefix(c->why, rc,
					  "disk %s: the backend does not open %s: ", d->vdev,
					  d->target);
	}
	return 0;
}
