/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Any bytes as what a debugger says, to a guest that runs, and whose page tables they are too.
 * Whatever it was: at the end nothing is mapped, nothing is debugged, and no frame has changed that
 * the guest does not own, nor any of its tables.
 */
#include <limits.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "dom0-tools/gdb/gdb.h"
#include "tests/unit/fake_debug.h"

#define LISTENS 64u /* bytes between two looks at the guest */

int LLVMFuzzerInitialize(int *argc, char ***argv);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static char dir[] = "/dev/shm/gdb-fuzz-XXXXXX";

static void clean(void)
{
	char path[PATH_MAX];

	snprintf(path, sizeof(path), "%s/gdb/%u", dir, FAKE_DOMAIN);
	unlink(path);
	snprintf(path, sizeof(path), "%s/gdb", dir);
	rmdir(path);
	rmdir(dir);
}

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	(void)argc, (void)argv;
	if (!mkdtemp(dir))
		abort();
	setenv("TORC_RUN_DIR", dir, 1);
	atexit(clean);
	return 0;
}

/* Half of the inputs: some entries of its tables. */
static size_t spoil(struct fake_guest *g, const uint8_t *data, size_t size)
{
	size_t n = 0;

	while (n + 10 <= size && n < 40) {
		memcpy(g->pages[1 + data[n] % 7] + (data[n + 1] % 16) * 8, data + n + 2, 8);
		n += 10;
	}
	return n;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static uint8_t before[FAKE_PAGES][HOST_PAGE_SIZE];
	struct fake_guest *g;
	struct why why = { 0 };
	struct target t;
	struct stub s;
	struct host *h;
	size_t at = 1;

	if (!size)
		return 0;
	h = fake_guest_new(data[0] & 1);
	g = fake_guest_of(h);
	g->pauses = data[0] >> 1 & 3;
	g->pages[8][0x40] = OP_HLT;
	g->pages[8][0x180] = data[0] & 16 ? OP_INT3 : OP_HLT;
	if (data[0] & 8)
		at += spoil(g, data + at, size - at);
	memcpy(before, g->pages, sizeof(before));
	if (target_attach(&t, h, FAKE_DOMAIN, &why) || stub_init(&s, &t))
		abort();
	s.no_ack = data[0] & 32;
	for (; at < size && !s.over; at += LISTENS) {
		stub_input(&s, data + at, size - at < LISTENS ? size - at : LISTENS);
		if (!s.over)
			stub_poll(&s);
		s.out_len = 0;
	}
	target_detach(&t);
	stub_free(&s);
	if (g->mapped || g->debugged || g->held[0] || g->held[1])
		abort();
	for (unsigned int i = 0; i < FAKE_PAGES; i++)
		if ((i < 8 || i >= FAKE_OWNED) && memcmp(before[i], g->pages[i], HOST_PAGE_SIZE))
			abort();
	fake_guest_free(h);
	return 0;
}
