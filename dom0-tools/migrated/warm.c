/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The kernel keeps address space for pages of other domains in a list, and fills it when the first
 * is wanted: 128 MiB of it at once, each page of them an entry in a table. That would fall into the
 * pause of the first guest that comes, when the store maps its ring. It is done at the daemon's
 * start instead, by asking for a mapping that is never made.
 */
#include "dom0-tools/migrated/migrated.h"

#include <fcntl.h>
#include <sys/ioctl.h>
#include <unistd.h>
#include <xen/grant_table.h>

#include <xen/gntdev.h> /* of the kernel: takes its types from the one above */

void warm_mappings(void)
{
	struct ioctl_gntdev_map_grant_ref map = { .count = 1 };
	struct ioctl_gntdev_unmap_grant_ref unmap = { .count = 1 };
	int fd = open("/dev/xen/gntdev", O_RDWR | O_CLOEXEC);

	if (fd < 0)
		return; /* what needs it will say so */
	if (ioctl(fd, IOCTL_GNTDEV_MAP_GRANT_REF, &map) == 0) {
		unmap.index = map.index;
		(void)ioctl(fd, IOCTL_GNTDEV_UNMAP_GRANT_REF, &unmap);
	}
	close(fd);
}
