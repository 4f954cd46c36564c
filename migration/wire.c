/* SPDX-License-Identifier: BSD-2-Clause */
/* Records and greetings: how they look, and what is none. */
#include "migration/wire.h"

#include <errno.h>
#include <string.h>

#include "migration/bytes.h"
#include "migration/io.h"
#include "migration/lanes.h"

int record_head_read(const uint8_t raw[CHANNEL_HEAD_SIZE], struct record_head *h, struct why *why)
{
	static const uint32_t most[RECORD_TYPES] = {
		[RECORD_HELLO] = HELLO_SIZE,	     [RECORD_LANE] = HELLO_SIZE,
		[RECORD_DATA] = CHANNEL_MOST_DATA,   [RECORD_MESSAGE] = CHANNEL_MOST_MESSAGE,
		[RECORD_PACKED] = CHANNEL_MOST_DATA, [RECORD_ACK] = 0,
	};

	h->len = get_u32(raw);
	h->type = raw[4];
	h->number = get_u64(raw + 8);
	if (h->type < RECORD_HELLO || h->type >= RECORD_TYPES || raw[5] | raw[6] | raw[7])
		why_set(why, TE_CHANNEL, "a record of type %u is none of this protocol", h->type);
	else if (h->len > most[h->type])
		why_set(why, TE_CHANNEL, "a record of type %u with %u bytes: at most %u", h->type,
			h->len, most[h->type]);
	else
		return 0;
	return -EBADMSG;
}

void record_head_write(uint8_t raw[CHANNEL_HEAD_SIZE], uint32_t len, uint8_t type, uint64_t number)
{
	put_u32(raw, len);
	put_u32(raw + 4, (uint32_t)type << 24);
	put_u64(raw + 8, number);
}

int record_rest(struct hostlink *l, void *buf, size_t len)
{
	int rc = hostlink_read(l, buf, len, mig_now_ns() + RECORD_STALL_NS);

	return rc == -ETIMEDOUT ? -EPIPE : rc;
}

int hello_read(const uint8_t *raw, size_t len, struct hello *h, struct why *why)
{
	if (len != HELLO_SIZE) {
		why_set(why, TE_CHANNEL, "a greeting of %zu bytes, not %u", len, HELLO_SIZE);
		return -EBADMSG;
	}
	h->version = get_u32(raw);
	h->connection = get_u32(raw + 4);
	memcpy(h->id, raw + 8, CHANNEL_ID_SIZE);
	h->expected = get_u64(raw + 24);
	h->lane = 0;
	if (h->version == CHANNEL_VERSION)
		return 0;
	why_set(why, TE_CHANNEL, "the other host speaks version %u of the channel, this one %u",
		h->version, CHANNEL_VERSION);
	return -EBADMSG;
}

/* A lane has its number where the connection itself says what it expects. */
int hello_say(struct hostlink *l, const struct hello *h, uint64_t deadline_ns)
{
	uint8_t raw[CHANNEL_HEAD_SIZE + HELLO_SIZE];

	record_head_write(raw, HELLO_SIZE, h->lane ? RECORD_LANE : RECORD_HELLO, 0);
	put_u32(raw + 16, CHANNEL_VERSION);
	put_u32(raw + 20, h->connection);
	memcpy(raw + 24, h->id, CHANNEL_ID_SIZE);
	put_u64(raw + 40, h->lane ? h->lane : h->expected);
	return hostlink_write(l, raw, sizeof(raw), deadline_ns);
}

static int hear(struct hostlink *l, struct hello *h, uint64_t deadline_ns, struct why *why)
{
	uint8_t raw[CHANNEL_HEAD_SIZE], body[HELLO_SIZE];
	struct record_head head;
	int rc = hostlink_read(l, raw, sizeof(raw), deadline_ns);

	if (rc)
		return rc;
	rc = record_head_read(raw, &head, why);
	if (rc)
		return rc;
	if ((head.type != RECORD_HELLO && head.type != RECORD_LANE) || head.number) {
		why_set(why, TE_CHANNEL, "a connection begins with record type %u, not a greeting",
			head.type);
		return -EBADMSG;
	}
	rc = hostlink_read(l, body, head.len, deadline_ns);
	rc = rc ? rc : hello_read(body, head.len, h, why);
	if (rc || head.type == RECORD_HELLO)
		return rc;
	if (!h->expected || h->expected > LANES_MOST) {
		why_set(why, TE_CHANNEL, "there is no lane %llu: 1 to %u may be",
			(unsigned long long)h->expected, LANES_MOST);
		return -EBADMSG;
	}
	h->lane = (unsigned int)h->expected;
	return 0;
}

int hello_hear(struct hostlink *l, struct hello *h, uint64_t deadline_ns, struct why *why)
{
	int rc = hear(l, h, deadline_ns, why);

	return !rc || rc == -EBADMSG ? rc : hostlink_failed(rc, why);
}
