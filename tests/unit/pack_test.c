/* SPDX-License-Identifier: BSD-2-Clause */
/* Pieces of the stream, packed (migration/pack.h). */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "migration/channel.h"
#include "migration/pack.h"

/* What is packed comes out as it went in; what does not shrink is left; what is damaged is refused. */
static void packed(void **state)
{
	static uint8_t in[CHANNEL_MOST_DATA], out[CHANNEL_MOST_DATA], back[CHANNEL_MOST_DATA];
	struct pack p = { .plain = 0 };
	size_t n, len;

	(void)state;
	for (size_t i = 0; i < sizeof(in); i++)
		in[i] = i % 4096 < 3000 ? 0 : (uint8_t)random();
	assert_false(pack_worth(&p, 100));
	assert_true(pack_worth(&p, sizeof(in)));
	n = pack_do(&p, in, sizeof(in), out);
	assert_true(n > 0 && n < sizeof(in) / 2);
	assert_true(pack_undo(out, n, back, sizeof(back), &len));
	assert_int_equal(len, sizeof(in));
	assert_memory_equal(in, back, sizeof(in));
	assert_false(pack_undo(out, n, back, sizeof(back) - 1, &len));
	for (size_t cut = 0; cut < 2000; cut++)
		assert_false(pack_undo(out, cut, back, sizeof(back), &len));
	for (int i = 0; i < 2000; i++) {
		uint8_t *at = &out[(unsigned int)random() % n], was = *at;

		*at ^= (uint8_t)(1 << i % 8);
		(void)pack_undo(out, n, back, sizeof(back), &len);
		*at = was;
	}
	for (size_t i = 0; i < sizeof(in); i++)
		in[i] = (uint8_t)random();
	assert_int_equal(pack_do(&p, in, sizeof(in), out), 0);
}

/* A slow wire is worth some work, a fast one is not; and that may change. */
static void packed_where_it_pays(void **state)
{
	struct pack p = { .pack_ns = 2, .send_ns = 10, .ratio = 0.5 };

	(void)state;
	assert_true(pack_worth(&p, 4096));
	p.send_ns = 3;
	assert_false(pack_worth(&p, 4096));
	for (int i = 0; i < 15; i++)
		pack_sent(&p, 4096, 4096 * 3);
	assert_false(pack_worth(&p, 4096));
	pack_sent(&p, 4096, 4096 * 3);
	assert_true(pack_worth(&p, 4096)); /* tried again */
	for (int i = 0; i < 30; i++)
		pack_sent(&p, 4096, 4096 * 10);
	p.plain = 0;
	assert_true(pack_worth(&p, 4096));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(packed),
		cmocka_unit_test(packed_where_it_pays),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
