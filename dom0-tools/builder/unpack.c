/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Compressed kernels: gzip, xz, lzma, bzip2, zstd and Linux's legacy lz4, each by its own
 * library. Output is bounded, so that a small file cannot fill the control domain's memory.
 */
#include "dom0-tools/builder/image.h"

#include <bzlib.h>
#include <lz4.h>
#include <lzma.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>
#include <zstd.h>

struct sink {
	uint8_t *data;
	size_t size, room;
};

/* Make room for at least one more byte. false: over the limit or out of memory. */
static bool sink_grow(struct sink *s)
{
	size_t room = s->room ? s->room * 2 : 8u << 20;
	uint8_t *p;

	if (s->size < s->room)
		return true;
	if (s->room >= IMAGE_MAX_BYTES)
		return false;
	p = realloc(s->data, room);
	if (!p)
		return false;
	s->data = p;
	s->room = room;
	return true;
}

static const char too_big[] = "it unpacks to more than 1 GiB, or memory ran out";

static const char *unpack_gzip(const uint8_t *in, size_t n, struct sink *s)
{
	z_stream z = { .next_in = (Bytef *)in, .avail_in = (uInt)n };
	const char *why = NULL;
	int rc;

	if (inflateInit2(&z, 15 + 16) != Z_OK)
		return "zlib does not start";
	do {
		if (!sink_grow(s)) {
			why = too_big;
			break;
		}
		z.next_out = s->data + s->size;
		z.avail_out = (uInt)(s->room - s->size);
		rc = inflate(&z, Z_NO_FLUSH);
		s->size = s->room - z.avail_out;
		if (rc != Z_OK && rc != Z_STREAM_END)
			why = z.avail_in ? "the gzip stream is damaged" :
					   "the gzip stream is truncated";
	} while (!why && rc != Z_STREAM_END);
	inflateEnd(&z);
	return why;
}

static const char *unpack_lzma_any(const uint8_t *in, size_t n, struct sink *s)
{
	lzma_stream z = LZMA_STREAM_INIT;
	const char *why = NULL;
	lzma_ret rc;

	if (lzma_auto_decoder(&z, 1ull << 30, 0) != LZMA_OK)
		return "liblzma does not start";
	z.next_in = in;
	z.avail_in = n;
	do {
		if (!sink_grow(s)) {
			why = too_big;
			break;
		}
		z.next_out = s->data + s->size;
		z.avail_out = s->room - s->size;
		rc = lzma_code(&z, z.avail_in ? LZMA_RUN : LZMA_FINISH);
		s->size = s->room - z.avail_out;
		if (rc != LZMA_OK && rc != LZMA_STREAM_END)
			why = rc == LZMA_BUF_ERROR	? "the xz/lzma stream is truncated" :
			      rc == LZMA_MEMLIMIT_ERROR ? "the xz/lzma dictionary is over 1 GiB" :
							  "the xz/lzma stream is damaged";
	} while (!why && rc != LZMA_STREAM_END);
	lzma_end(&z);
	return why;
}

static const char *unpack_bzip2(const uint8_t *in, size_t n, struct sink *s)
{
	bz_stream z = { .next_in = (char *)in, .avail_in = (unsigned int)n };
	const char *why = NULL;
	int rc;

	if (BZ2_bzDecompressInit(&z, 0, 0) != BZ_OK)
		return "libbz2 does not start";
	do {
		unsigned int before = z.avail_in, room;

		if (!sink_grow(s)) {
			why = too_big;
			break;
		}
		z.next_out = (char *)s->data + s->size;
		z.avail_out = room = (unsigned int)(s->room - s->size);
		rc = BZ2_bzDecompress(&z);
		s->size = s->room - z.avail_out;
		if (rc != BZ_OK && rc != BZ_STREAM_END)
			why = "the bzip2 stream is damaged";
		else if (rc == BZ_OK && before == z.avail_in && room == z.avail_out)
			why = "the bzip2 stream is truncated";
	} while (!why && rc != BZ_STREAM_END);
	BZ2_bzDecompressEnd(&z);
	return why;
}

static const char *unpack_zstd(const uint8_t *in, size_t n, struct sink *s)
{
	ZSTD_DCtx *z = ZSTD_createDCtx();
	ZSTD_inBuffer from = { in, n, 0 };
	const char *why = NULL;
	size_t rc;

	if (!z)
		return too_big;
	ZSTD_DCtx_setParameter(z, ZSTD_d_windowLogMax, 30);
	do {
		ZSTD_outBuffer to;
		size_t before = from.pos;

		if (!sink_grow(s)) {
			why = too_big;
			break;
		}
		to = (ZSTD_outBuffer){ s->data, s->room, s->size };
		rc = ZSTD_decompressStream(z, &to, &from);
		if (ZSTD_isError(rc))
			why = "the zstd stream is damaged";
		else if (rc && from.pos == before && to.pos == s->size)
			why = "the zstd stream is truncated";
		s->size = to.pos;
	} while (!why && rc);
	ZSTD_freeDCtx(z);
	return why;
}

#define LZ4_LEGACY_BLOCK (8u << 20) /* what one block unpacks to at most */

/*
 * Linux packs with "lz4 -l": the magic, then blocks each behind a 32-bit length, until the
 * input ends or a length cannot be one (the trailing size of the unpacked kernel).
 */
static const char *unpack_lz4(const uint8_t *in, size_t n, struct sink *s)
{
	size_t at = 4;

	while (n - at > 4) {
		uint32_t len = in[at] | in[at + 1] << 8 | in[at + 2] << 16 |
			       (uint32_t)in[at + 3] << 24;
		int got;

		at += 4;
		if (len == 0x184c2102) /* a second archive behind the first */
			continue;
		if (len == 0 || len > n - at)
			return "an lz4 block runs past the end of the file";
		while (s->room - s->size < LZ4_LEGACY_BLOCK) {
			size_t keep = s->size;

			s->size = s->room; /* ask for more even though some is left */
			if (!sink_grow(s)) {
				s->size = keep;
				return too_big;
			}
			s->size = keep;
		}
		got = LZ4_decompress_safe((const char *)in + at, (char *)s->data + s->size,
					  (int)len, LZ4_LEGACY_BLOCK);
		if (got < 0)
			return "an lz4 block is damaged";
		s->size += (size_t)got;
		at += len;
	}
	return s->size ? NULL : "the lz4 stream is empty";
}

static const struct format {
	const char *name;
	uint8_t magic[6];
	uint8_t magic_len;
	const char *(*unpack)(const uint8_t *in, size_t n, struct sink *s);
} formats[] = {
	{ "gzip", { 0x1f, 0x8b }, 2, unpack_gzip },
	{ "xz", { 0xfd, '7', 'z', 'X', 'Z', 0 }, 6, unpack_lzma_any },
	{ "lzma", { 0x5d, 0, 0 }, 3, unpack_lzma_any },
	{ "bzip2", { 'B', 'Z', 'h' }, 3, unpack_bzip2 },
	{ "zstd", { 0x28, 0xb5, 0x2f, 0xfd }, 4, unpack_zstd },
	{ "lz4", { 0x02, 0x21, 0x4c, 0x18 }, 4, unpack_lz4 },
	{ "lzo", { 0x89, 'L', 'Z', 'O' }, 4, NULL },
};

int unpack(const char *name, const uint8_t *in, size_t in_size, uint8_t **out, size_t *out_size,
	   struct why *why)
{
	const struct format *f = NULL;
	struct sink s = { 0 };
	const char *bad;

	*out = NULL;
	*out_size = 0;
	for (size_t i = 0; i < sizeof(formats) / sizeof(formats[0]); i++)
		if (in_size >= formats[i].magic_len &&
		    memcmp(in, formats[i].magic, formats[i].magic_len) == 0)
			f = &formats[i];
	if (!f)
		return 0;
	if (!f->unpack)
		return why_hint(why,
				why_set(why, TE_KERNEL,
					"%s: compressed with %s, which is not supported", name,
					f->name),
				"gzip, xz, lzma, bzip2, lz4 and zstd are");
	if (in_size > UINT32_MAX / 2)
		return why_set(why, TE_KERNEL, "%s: %zu bytes is too large for a kernel", name,
			       in_size);
	bad = f->unpack(in, in_size, &s);
	if (bad) {
		free(s.data);
		return why_set(why, TE_KERNEL, "%s: %s", name, bad);
	}
	*out = s.data;
	*out_size = s.size;
	return 0;
}
