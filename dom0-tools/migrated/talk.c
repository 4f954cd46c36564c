/* SPDX-License-Identifier: BSD-2-Clause */
/* What hosts say to each other beside the image: JSON objects, each a message of the channel. */
#include "dom0-tools/migrated/migrated.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "migration/meet.h"

#define HANDSHAKE_MS 10000
#define MOST_DEPTH   8
#define MOST_LANES   4

struct only {
	const uint8_t *fingerprint;
};

static bool is_peer(void *arg, const uint8_t fingerprint[FINGERPRINT_SIZE])
{
	const struct only *o = arg;

	return memcmp(o->fingerprint, fingerprint, FINGERPRINT_SIZE) == 0;
}

int talk_tls(struct migrated *m, int fd, struct hostlink_tls *how, struct hostlink **l,
	     struct why *why)
{
	struct identity *id;
	int rc = identity_load(&id, m->own, why);

	if (rc) {
		close(fd);
		return rc;
	}
	how->id = id;
	rc = hostlink_open_tls(l, fd, how, why);
	identity_free(&id);
	return rc;
}

int talk_link(struct migrated *m, const struct pin *peer, struct hostlink **l, uint64_t deadline_ns,
	      struct why *why)
{
	struct only only = { peer->fingerprint };
	struct hostlink_tls how = { .pinned = is_peer, .arg = &only };
	int fd, rc = meet_reach(peer->address[0] ? peer->address : peer->name, m->port, deadline_ns,
				&fd, why);
	uint64_t now = mig_now_ns(), left = deadline_ns > now ? (deadline_ns - now) / 1000000 : 0;

	how.timeout_ms = left < HANDSHAKE_MS ? (unsigned int)left + 1 : HANDSHAKE_MS;
	rc = rc ? rc : talk_tls(m, fd, &how, l, why);
	return rc ? why_prefix(why, rc, "%s: ", peer->name) : 0;
}

int talk_dial(struct migrated *m, const struct pin *peer, const uint8_t *id, struct channel **c,
	      uint64_t deadline_ns, struct why *why)
{
	struct hostlink *l;
	int rc = channel_new(c, id, why);

	rc = rc ? rc : talk_link(m, peer, &l, deadline_ns, why);
	if (!rc) {
		rc = channel_dial(*c, l, deadline_ns, why);
		if (rc) {
			/* the client is through before the server has looked: here it is heard that
			 * it did not take us */
			why_prefix(why, rc, "%s: ", peer->name);
			why_hint(why, rc,
				 "is it paired with this host (torc host list there), and does torc-migrated run there?");
		}
	}
	if (rc)
		channel_free(c);
	return rc;
}

unsigned int talk_lanes(void)
{
	long n = sysconf(_SC_NPROCESSORS_ONLN);

	return n <= 1 ? 0 : n < MOST_LANES ? (unsigned int)n : MOST_LANES;
}

int talk_say(struct channel *c, struct json_object *o, struct why *why)
{
	const char *text = json_object_to_json_string_ext(o, JSON_C_TO_STRING_PLAIN);
	int rc = channel_say(c, text, strlen(text), mig_now_ns() + 10 * SECOND);

	json_object_put(o);
	return rc ? why_set(why, TE_CHANNEL, "the other host cannot be told: %s", strerror(-rc)) : 0;
}

int talk_hear(struct channel *c, struct json_object **o, uint64_t deadline_ns, struct why *why)
{
	struct json_tokener *t = json_tokener_new_ex(MOST_DEPTH);
	char *text = malloc(CHANNEL_MOST_MESSAGE);
	size_t len;
	int rc = t && text ? channel_hear(c, text, CHANNEL_MOST_MESSAGE, &len, deadline_ns) :
			     -ENOMEM;

	*o = NULL;
	if (rc == -ETIMEDOUT)
		rc = why_set(why, TE_TIMEOUT, "the other host does not answer");
	else if (rc)
		rc = why_set(why, TE_CHANNEL, "the other host: %s",
			     *channel_trouble(c) ? channel_trouble(c) : strerror(-rc));
	if (!rc) {
		*o = json_tokener_parse_ex(t, text, (int)len);
		if (!*o || !json_object_is_type(*o, json_type_object)) {
			json_object_put(*o);
			*o = NULL;
			rc = why_set(why, TE_CHANNEL, "the other host says what is no JSON object");
		}
	}
	free(text);
	json_tokener_free(t);
	return rc;
}

const char *talk_text(struct json_object *o, const char *key)
{
	struct json_object *v;

	return o && json_object_object_get_ex(o, key, &v) &&
			       json_object_is_type(v, json_type_string) ?
		       json_object_get_string(v) :
		       NULL;
}

void talk_id_write(const uint8_t *id, char text[2 * HANDOVER_ID_SIZE + 1])
{
	for (int i = 0; i < HANDOVER_ID_SIZE; i++)
		sprintf(text + 2 * i, "%02x", id[i]);
}

int talk_id_read(const char *text, uint8_t *id)
{
	unsigned int b;

	if (!text || strlen(text) != 2 * HANDOVER_ID_SIZE ||
	    strspn(text, "0123456789abcdef") != 2 * HANDOVER_ID_SIZE)
		return -EINVAL;
	for (int i = 0; i < HANDOVER_ID_SIZE; i++) {
		sscanf(text + 2 * i, "%2x", &b);
		id[i] = (uint8_t)b;
	}
	return 0;
}

struct json_object *talk_reason(const struct why *why)
{
	struct json_object *o = json_object_new_object();

	fact_str(o, "code", why_code(why->error));
	fact_str(o, "text", why->text);
	fact_str(o, "hint", why->hint);
	return o;
}

/* Printed on a terminal later, and another host's words: nothing that a terminal would obey. */
static void plain(char *s)
{
	for (; *s; s++)
		if ((unsigned char)*s < ' ' || *s == 0x7f)
			*s = '?';
}

void talk_reason_read(struct json_object *o, struct why *why)
{
	const char *code = talk_text(o, "code"), *text = talk_text(o, "text"),
		   *hint = talk_text(o, "hint");
	int e;

	for (e = TE_NONE + 1; e < TE_COUNT && !(code && strcmp(code, why_code(e)) == 0); e++)
		;
	why_set(why, e < TE_COUNT ? e : TE_CHANNEL, "%.900s", text ? text : "no reason given");
	if (hint && *hint)
		why_hint(why, 0, "%.300s", hint);
	plain(why->text);
	plain(why->hint);
}
