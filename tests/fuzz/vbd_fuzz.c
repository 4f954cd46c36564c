/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A hostile frontend: the input is a program of writes into the shared ring and data pages, kicks,
 * revoked grants and disk completions. Whatever it does, memory stays sound, no request goes beyond
 * the disk, and what was answered was asked.
 */
#include <stdlib.h>
#include <string.h>

#include "drivers/backend/blk/vbd.h"
#include "tests/unit/fake_disk.h"
#include "tests/unit/fake_peer.h"

static struct fake_disk disk;
static struct peer *peer;
static struct record_file record;

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static int connect_with(struct vbd *b, uint8_t how)
{
	struct vbd_choice c = { .abi = how & 1,
				.persistent = how & 0x80,
				.queues = 1 + (how >> 1 & 1),
				.pages = 1u << (how >> 2 & 3),
				.port = { 1, 2 } };
	struct why why;
	unsigned int q, p;

	for (q = 0; q < c.queues; q++) {
		for (p = 0; p < c.pages; p++)
			c.gref[q][p] = q * 8 + p;
	}
	return vbd_connect(b, &c, &why);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const uint8_t *end = data + size;
	struct vbd b;
	struct why why;

	if (size < 4)
		return 0;
	if (!peer && peer_open(&peer, 1, &why))
		abort();
	memset(peer, 0, sizeof(*peer));
	fake_disk_init(&disk);
	memset(&record, 0, sizeof(record));
	if (vbd_init(&b, peer, &disk.disk, &record, &why) || connect_with(&b, *data++))
		abort();
	while (end - data >= 4 && !b.broken) {
		uint8_t op = data[0], page = data[1] % FAKE_PAGES;
		uint16_t at = (uint16_t)(data[2] | data[3] << 8) % PEER_PAGE;
		size_t n;

		data += 4;
		switch (op % 8) {
		case 0:
		case 1:
		case 2: /* write a slot's worth anywhere */
			n = (size_t)(end - data);
			n = n > 112 ? 112 : n;
			n = n > PEER_PAGE - at ? PEER_PAGE - at : n;
			memcpy(peer->page[page] + at, data, n);
			data += n;
			break;
		case 3: /* a plausible producer, then a kick */
			memcpy(peer->page[page & 8],
			       &(uint32_t){ b.queue[0].ring.req_cons + (at & 63) }, 4);
			vbd_on_event(&b);
			break;
		case 4:
			disk.backwards = at & 1;
			disk.fast = at & 2;
			vbd_on_disk(&b);
			break;
		case 5: peer->revoked[page] ^= 1; break;
		case 6:
			disk.fail = at & 1 ? -5 : 0;
			disk.disk.read_only = at & 2;
			disk.disk.block = at & 4 ? 4096 : 512;
			disk.disk.size = at & 8 ? FAKE_DISK_BYTES / 2 : FAKE_DISK_BYTES;
			break;
		default: vbd_on_event(&b); break;
		}
	}
	vbd_disconnect(&b);
	if (peer->mapped || peer->bound)
		abort();
	vbd_free(&b);
	fake_disk_free(&disk);
	return 0;
}
