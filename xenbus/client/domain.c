/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The client's calls that only a toolstack makes: domains come, go, and are looked up; control
 * commands.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <json-c/json.h>
#include <xen/io/xs_wire.h>

#include "xenbus/client/link.h"

/* up to three numbers, each as text with its NUL */
static int call_domain(struct store *s, const char *verb, uint32_t type, const uint64_t *arg,
		       unsigned nr, struct answer *answer)
{
	char text[3][24];
	struct iovec parts[3];
	struct answer a;
	unsigned i;
	int rc;

	for (i = 0; i < nr; i++) {
		parts[i].iov_base = text[i];
		parts[i].iov_len = snprintf(text[i], sizeof(text[i]), "%" PRIu64, arg[i]) + 1;
	}
	rc = link_call(s, type, 0, parts, nr, &a, true);
	if (rc && rc != -ECONNRESET)
		link_why(s, rc, "store: %s domain %" PRIu64, verb, arg[0]);
	if (!rc && answer)
		*answer = a;
	else
		free(a.data);
	return rc;
}

int store_introduce(struct store *s, unsigned domid, uint64_t gfn, uint32_t evtchn)
{
	uint64_t arg[] = { domid, gfn, evtchn };

	return call_domain(s, "introduce", XS_INTRODUCE, arg, 3, NULL);
}

int store_release(struct store *s, unsigned domid)
{
	uint64_t arg[] = { domid };

	return call_domain(s, "release", XS_RELEASE, arg, 1, NULL);
}

int store_resume(struct store *s, unsigned domid)
{
	uint64_t arg[] = { domid };

	return call_domain(s, "resume", XS_RESUME, arg, 1, NULL);
}

int store_set_target(struct store *s, unsigned domid, unsigned target)
{
	uint64_t arg[] = { domid, target };

	return call_domain(s, "set the target of", XS_SET_TARGET, arg, 2, NULL);
}

int store_is_introduced(struct store *s, unsigned domid, bool *yes)
{
	uint64_t arg[] = { domid };
	struct answer a;
	int rc = call_domain(s, "look up", XS_IS_DOMAIN_INTRODUCED, arg, 1, &a);

	*yes = false;
	if (rc)
		return rc;
	*yes = a.data[0] == 'T';
	free(a.data);
	return 0;
}

int store_domain_path(struct store *s, unsigned domid, char **path)
{
	uint64_t arg[] = { domid };
	struct answer a;
	int rc = call_domain(s, "get the path of", XS_GET_DOMAIN_PATH, arg, 1, &a);

	*path = rc ? NULL : a.data;
	return rc;
}

int store_control(struct store *s, const char *command, const char *const *args, char **answer)
{
	struct iovec parts[LINK_MAX_PARTS] = { { (void *)command, strlen(command) + 1 } };
	unsigned nr = 1;
	struct answer a;
	int rc;

	*answer = NULL;
	for (; args && *args; args++) {
		if (nr == LINK_MAX_PARTS)
			return link_why(s, E2BIG, "store: control %s takes at most %d words",
					command, LINK_MAX_PARTS - 1);
		parts[nr++] = (struct iovec){ (void *)*args, strlen(*args) + 1 };
	}
	rc = link_call(s, XS_CONTROL, 0, parts, nr, &a, false);
	if (rc) {
		if (rc != -ECONNRESET)
			link_why(s, rc, "store: control %s", command);
		return rc;
	}
	*answer = a.data;
	return 0;
}

/* Pages look like {"items":[...],"next":N}; the last one's next is null. */
int store_control_list(struct store *s, const char *what, char **json)
{
	json_object *all = json_object_new_array(), *page, *items, *next;
	char from[24] = "0", *text;
	const char *args[] = { from, NULL };
	size_t i;
	int rc;

	*json = NULL;
	for (;;) {
		rc = store_control(s, what, args, &text);
		if (rc)
			break;
		page = json_tokener_parse(text);
		free(text);
		if (!page || !json_object_object_get_ex(page, "items", &items) ||
		    !json_object_is_type(items, json_type_array)) {
			json_object_put(page);
			rc = link_why(s, EPROTO, "store: control %s did not answer with a list",
				      what);
			break;
		}
		for (i = 0; i < json_object_array_length(items); i++)
			json_object_array_add(all,
					      json_object_get(json_object_array_get_idx(items, i)));
		if (!json_object_object_get_ex(page, "next", &next) || !next) {
			json_object_put(page);
			*json = strdup(json_object_to_json_string_ext(all, JSON_C_TO_STRING_PLAIN));
			rc = *json ? 0 : -ENOMEM;
			break;
		}
		snprintf(from, sizeof(from), "%" PRId64, json_object_get_int64(next));
		json_object_put(page);
	}
	json_object_put(all);
	return rc;
}
