/* SPDX-License-Identifier: BSD-2-Clause */
/* torc config-update: what a guest is to be made from, and what to do when it stops, from now on. */
#include "dom0-tools/cli/guest.h"

#include <stdlib.h>
#include <string.h>

int cmd_config_update(struct cli *c, int argc, char **argv)
{
	struct guest_source from = { 0 };
	struct json_object *old, *new, *v;
	struct guest_config g;
	char *name, *text;
	uint32_t domid;
	int rc;

	if (argc != 3)
		return cli_usage(c, "a domain and a config file are expected");
	rc = cli_store(c);
	if (!rc)
		rc = cli_find_domain(c, argv[1], &domid);
	if (!rc && domid == 0)
		rc = why_set(c->why, TE_STATE, "domain 0 is not made from a config file");
	if (!rc)
		rc = cli_domain_name(c, domid, &name);
	if (rc)
		return rc;
	old = record_load(name);
	if (!old) {
		rc = why_set(c->why, TE_NO_DOMAIN,
			     "guest \"%s\" was not made by torc: there is no record of it", name);
		free(name);
		return rc;
	}
	rc = guest_config_read(argv[2], &text, c->why);
	if (!rc) {
		rc = config_load(&g, argv[2], text, strlen(text), NULL, NULL, NULL, c->why);
		if (!rc && strcmp(g.name, name) != 0) {
			rc = why_set(c->why, TE_CONFIG_VALUE,
				     "%s is for a guest named \"%s\", not \"%s\"", argv[2], g.name,
				     name);
			config_free(&g);
		} else if (!rc) {
			from.path = argv[2];
			from.text = text;
			/* the running guest's identity and history stay */
			new = record_new(&g, &from);
			if (json_object_object_get_ex(old, "uuid", &v))
				json_object_object_add(new, "uuid", json_object_get(v));
			if (json_object_object_get_ex(old, "domid", &v))
				json_object_object_add(new, "domid", json_object_get(v));
			record_event(new, "config updated", argv[2]);
			rc = record_save(name, new, c->why);
			json_object_put(new);
			config_free(&g);
		}
		free(text);
	}
	json_object_put(old);
	free(name);
	return rc;
}
