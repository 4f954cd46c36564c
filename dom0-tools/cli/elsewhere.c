/* SPDX-License-Identifier: BSD-2-Clause */
/* A guest whose migration is open must not be made from its config: the other host may have it. */
#include "dom0-tools/cli/guest.h"

#include <limits.h>
#include <string.h>

#include "dom0-tools/common/paths.h"
#include "dom0-tools/migrated/protocol.h"
#include "migration/handover.h"

struct looking {
	const char *name, *uuid;
	struct why *why;
};

static int is_it(void *arg, const struct handover_record *r)
{
	struct looking *l = arg;
	char text[512];

	if (r->state != HANDOVER_SUSPENDED && r->state != HANDOVER_HANDED &&
	    r->state != HANDOVER_PREPARED)
		return 0;
	if (strcmp(r->guest, l->name) != 0 && strcmp(r->uuid, l->uuid) != 0)
		return 0;
	handover_explain(r, text, sizeof(text));
	return why_hint(l->why, why_set(l->why, TE_STATE, "it may run on another host: %s", text),
			"torc migrate --status, here and there");
}

static int is_pending(void *arg, const struct handover_record *r)
{
	struct looking *l = arg;
	char text[512];

	if (strcmp(r->uuid, l->uuid) != 0 || r->state == HANDOVER_RUNNING ||
	    r->state == HANDOVER_GONE || (r->state == HANDOVER_OWNER && r->aborted))
		return 0;
	handover_explain(r, text, sizeof(text));
	return why_set(l->why, TE_STATE, "an earlier migration has not come to its end: %s", text);
}

static int look(int (*fn)(void *, const struct handover_record *), struct looking *l)
{
	char dir[PATH_MAX];

	snprintf(dir, sizeof(dir), "%s/%s", path_state(), MIGRATED_RECORDS);
	return handover_each(dir, fn, l, l->why);
}

int guest_elsewhere(const char *name, const uint8_t uuid[16], struct why *why)
{
	char text[37];
	struct looking l = { name, text, why };

	config_uuid_format(text, uuid);
	return look(is_it, &l);
}

int guest_migrates(const char *uuid, struct why *why)
{
	return look(is_pending, &(struct looking){ NULL, uuid, why });
}
