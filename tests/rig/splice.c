/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * splice XL-FILE OTHER-FILE: the file of xl save, with the image of the other in the place of its
 * own, on standard output. An image is the published stream, from its marker to its record END.
 */
#include <endian.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define HEADS 40u /* of the image and of the domain */

struct file {
	uint8_t *at;
	size_t len, image, end; /* where the image begins and ends */
};

static uint32_t get32(const uint8_t *p)
{
	uint32_t v;

	memcpy(&v, p, sizeof(v));
	return le32toh(v);
}

static int find_image(struct file *f)
{
	static const uint8_t marker[] = {
		255, 255, 255, 255, 255, 255, 255, 255, 'X', 'E', 'N', 'F'
	};
	const uint8_t *p = memmem(f->at, f->len, marker, sizeof(marker));
	size_t at;

	if (!p)
		return -1;
	f->image = (size_t)(p - f->at);
	for (at = f->image + HEADS; at + 8 <= f->len;) {
		uint32_t type = get32(f->at + at), len = get32(f->at + at + 4);

		at += 8 + (((size_t)len + 7) & ~(size_t)7);
		if (!type) {
			f->end = at;
			return at <= f->len ? 0 : -1;
		}
	}
	return -1;
}

static int load(struct file *f, const char *name)
{
	FILE *in = fopen(name, "r");
	long len = -1;

	if (in && fseek(in, 0, SEEK_END) == 0)
		len = ftell(in);
	f->at = len > 0 ? malloc((size_t)len) : NULL;
	f->len = len > 0 ? (size_t)len : 0;
	if (f->at) {
		rewind(in);
		f->len = fread(f->at, 1, f->len, in);
	}
	if (in)
		fclose(in);
	if (f->at && find_image(f) == 0)
		return 0;
	fprintf(stderr, "%s: no image in it\n", name);
	return -1;
}

int main(int argc, char **argv)
{
	struct file xl, other;

	if (argc != 3 || load(&xl, argv[1]) || load(&other, argv[2])) {
		fprintf(stderr, "usage: splice XL-FILE OTHER-FILE\n");
		return 1;
	}
	fwrite(xl.at, 1, xl.image, stdout);
	fwrite(other.at + other.image, 1, other.end - other.image, stdout);
	fwrite(xl.at + xl.end, 1, xl.len - xl.end, stdout);
	return fflush(stdout) ? 1 : 0;
}
