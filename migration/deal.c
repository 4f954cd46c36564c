/* SPDX-License-Identifier: BSD-2-Clause */
/* The handover's loop. */
#include "migration/deal.h"

#include <errno.h>

#define SAY_NS 5000000000ull

void deal_say(struct channel *c, const struct handover *h, enum handover_message m,
	      const struct deal_notes *notes)
{
	uint8_t raw[HANDOVER_WIRE_SIZE + DEAL_NOTES];
	size_t len = HANDOVER_WIRE_SIZE;

	handover_write(raw, m, h->record.id);
	if (notes && notes->tell)
		len += notes->tell(notes->arg, m, (char *)raw + len, DEAL_NOTES);
	(void)channel_say(c, raw, len, mig_now_ns() + SAY_NS);
}

static int hear(struct channel *c, struct handover *h, const struct deal_notes *notes,
		uint64_t until_ns)
{
	uint8_t raw[HANDOVER_WIRE_SIZE + DEAL_NOTES];
	enum handover_message m;
	size_t len;
	int rc = channel_hear(c, raw, sizeof(raw), &len, until_ns);

	if (rc == -EMSGSIZE || (!rc && len < HANDOVER_WIRE_SIZE))
		return -EBADMSG;
	rc = rc ? rc : handover_read(raw, HANDOVER_WIRE_SIZE, h->record.id, &m);
	if (!rc && notes && notes->heard)
		notes->heard(notes->arg, m, (char *)raw + HANDOVER_WIRE_SIZE,
			     len - HANDOVER_WIRE_SIZE);
	return rc ? rc : handover_hear(h, m);
}

int deal(struct channel *c, struct handover *h, const struct deal_notes *notes, uint64_t tick_ns,
	 uint64_t patience_ns, uint64_t deadline_ns)
{
	uint64_t now = mig_now_ns(), give_up = now + patience_ns, tick = now + tick_ns;
	int rc;

	for (;;) {
		if (h->done || (handover_over(h) && h->record.state != HANDOVER_RUNNING))
			return 0;
		rc = hear(c, h, notes, tick);
		/* the source has heard that it runs here, and hung up */
		if (rc == -ENOTCONN && h->record.state == HANDOVER_RUNNING)
			return 0;
		if (rc && rc != -ETIMEDOUT)
			return rc;
		now = mig_now_ns();
		if (h->record.state == HANDOVER_SUSPENDED && now >= give_up)
			rc = handover_abort(h);
		else if (rc)
			rc = handover_tick(h);
		if (rc)
			return rc;
		if (now >= deadline_ns)
			return -ETIMEDOUT;
		tick = now + tick_ns;
	}
}

void deal_part(struct channel *c, uint64_t deadline_ns)
{
	uint8_t raw[HANDOVER_WIRE_SIZE + DEAL_NOTES];
	size_t len;
	int rc = 0;

	channel_on_loss(c, NULL, NULL);
	while (!rc || rc == -EMSGSIZE)
		rc = channel_hear(c, raw, sizeof(raw), &len, deadline_ns);
}
