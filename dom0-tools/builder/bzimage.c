/* SPDX-License-Identifier: BSD-2-Clause */
/* The Linux boot protocol's header, as far as it says where the packed kernel lies. */
#include "dom0-tools/builder/image.h"

#include <string.h>

/* Documentation/x86/boot.rst of Linux: offsets in the file's first sectors. */
#define HDR_SETUP_SECTS	   0x1f1
#define HDR_BOOT_FLAG	   0x1fe
#define HDR_MAGIC	   0x202
#define HDR_VERSION	   0x206
#define HDR_PAYLOAD_OFFSET 0x248
#define HDR_PAYLOAD_LENGTH 0x24c
#define HDR_END		   0x250

static uint32_t le32(const uint8_t *p)
{
	return p[0] | (uint32_t)p[1] << 8 | (uint32_t)p[2] << 16 | (uint32_t)p[3] << 24;
}

int bzimage_payload(const char *name, const uint8_t *in, size_t in_size, bool *found,
		    size_t *offset, size_t *length, struct why *why)
{
	unsigned int version, sects;
	uint64_t start, len;

	*found = false;
	if (in_size < HDR_END || memcmp(in + HDR_MAGIC, "HdrS", 4) != 0 ||
	    in[HDR_BOOT_FLAG] != 0x55 || in[HDR_BOOT_FLAG + 1] != 0xaa)
		return 0;

	version = in[HDR_VERSION] | (unsigned int)in[HDR_VERSION + 1] << 8;
	if (version < 0x208)
		return why_set(
			why, TE_KERNEL,
			"%s: bzImage of boot protocol %u.%02u; 2.08 is the first with an ELF payload",
			name, version >> 8, version & 0xff);
	sects = in[HDR_SETUP_SECTS] ? in[HDR_SETUP_SECTS] : 4;
	start = (sects + 1) * 512ull + le32(in + HDR_PAYLOAD_OFFSET);
	len = le32(in + HDR_PAYLOAD_LENGTH);
	if (len == 0 || start > in_size || len > in_size - start)
		return why_set(
			why, TE_KERNEL,
			"%s: bzImage is truncated: its payload of %llu bytes at %llu does not fit the file's %zu",
			name, (unsigned long long)len, (unsigned long long)start, in_size);
	*found = true;
	*offset = start;
	*length = len;
	return 0;
}
