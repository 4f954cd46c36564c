/* SPDX-License-Identifier: BSD-2-Clause */
/* See pack.h. LZ4: it is as fast as memory on one side and nearly so on the other. */
#include "migration/pack.h"

#include <lz4.h>

#include "migration/bytes.h"
#include "migration/io.h"

#define LEAST	  1024u /* bytes: less is not worth the while */
#define TRY_EVERY 16u	/* pieces, where it does not pay */

static double blend(double old, double new)
{
	return old > 0 ? (old * 3 + new) / 4 : new;
}

bool pack_worth(struct pack *p, size_t len)
{
	if (len < LEAST)
		return false;
	if (p->pack_ns <= 0 || p->pack_ns < (1 - p->ratio) * p->send_ns)
		return true;
	return p->plain >= TRY_EVERY;
}

size_t pack_do(struct pack *p, const void *in, size_t len, void *out)
{
	uint64_t start = mig_now_ns();
	int n = LZ4_compress_default(in, (char *)out + PACK_HEAD, (int)len, (int)(len - PACK_HEAD));
	size_t total = n > 0 ? PACK_HEAD + (size_t)n : len;

	p->plain = 0;
	p->pack_ns = blend(p->pack_ns, (double)(mig_now_ns() - start) / (double)len);
	p->ratio = blend(p->ratio, (double)total / (double)len);
	if (total >= len)
		return 0;
	put_u32(out, (uint32_t)len);
	return total;
}

void pack_sent(struct pack *p, size_t len, uint64_t took_ns)
{
	p->plain++;
	if (len >= LEAST)
		p->send_ns = blend(p->send_ns, (double)took_ns / (double)len);
}

bool pack_undo(const void *in, size_t len, void *out, size_t most, size_t *out_len)
{
	uint32_t want = len >= PACK_HEAD ? get_u32(in) : 0;
	int n;

	if (!want || want > most)
		return false;
	n = LZ4_decompress_safe((const char *)in + PACK_HEAD, out, (int)(len - PACK_HEAD),
				(int)want);
	*out_len = want;
	return n >= 0 && (uint32_t)n == want;
}
