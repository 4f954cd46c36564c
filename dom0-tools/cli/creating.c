/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Guests that are being made or ended. Who is killed half-way there leaves a domain that nobody
 * would look after, so it holds a mark (mark.c) with the guest's uuid while it works. The domain of
 * one that nobody holds is destroyed.
 */
#include "dom0-tools/cli/guest.h"

#include <string.h>

#include "dom0-tools/common/log.h"

#define CREATING "creating"

int creating_begin(uint32_t domid, const uint8_t uuid[16])
{
	char text[37];

	config_uuid_format(text, uuid);
	return mark_begin(CREATING, domid, text);
}

void creating_end(int fd, uint32_t domid)
{
	mark_end(CREATING, fd, domid);
}

void creating_leave(int fd)
{
	mark_leave(fd);
}

static bool end_it(struct cli *c, uint32_t domid, const char *text, time_t when)
{
	struct domain_info info;
	uint8_t uuid[16];
	int rc;

	(void)when;
	/* the very domain that was being made, not a later one with its number */
	if (strlen(text) != 36 || config_uuid_parse(text, uuid) ||
	    host_domain_info(c->host, domid, &info, c->why) ||
	    memcmp(info.uuid, uuid, sizeof(uuid)) != 0)
		return true;
	log_say(LOG_WARNING, &(struct log_about){ .domid = domid, .event = "swept" },
		"domain %u was left half-made, or half-ended: it is destroyed", domid);
	rc = guest_destroy(c, domid, "who made or ended it was killed");
	if (rc)
		log_say(LOG_ERR, &(struct log_about){ .domid = domid, .event = "failed" },
			"domain %u: %s; it is tried again", domid, c->why->text);
	return rc == 0;
}

void creating_clean_up(struct cli *c)
{
	mark_each_left(c, CREATING, end_it);
}
