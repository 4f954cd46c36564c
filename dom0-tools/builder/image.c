/* SPDX-License-Identifier: BSD-2-Clause */
/* From a kernel file to an understood ELF image: reading, and peeling off what it is packed in. */
#include "dom0-tools/builder/image.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* A kernel may be an ELF in a bzImage in a .gz; more layers than this are somebody's joke. */
#define MAX_LAYERS	4

static int peel(struct image *im, struct why *why)
{
	for (int layer = 0; layer < MAX_LAYERS; layer++) {
		size_t off, len, size;
		uint8_t *data;
		bool found;
		int rc;

		rc = bzimage_payload(im->name, im->data, im->size, &found, &off, &len, why);
		if (rc)
			return rc;
		if (!found) {
			off = 0;
			len = im->size;
		}
		rc = unpack(im->name, im->data + off, len, &data, &size, why);
		if (rc)
			return rc;
		if (!data && !found)
			return 0;
		if (!data) {			/* a bzImage with a payload stored as it is */
			data = malloc(len ? len : 1);
			if (!data)
				return why_set(why, TE_NO_MEMORY, "%s: no memory for %zu bytes", im->name, len);
			memcpy(data, im->data + off, len);
			size = len;
		}
		free(im->data);
		im->data = data;
		im->size = size;
	}
	return why_set(why, TE_KERNEL, "%s: packed more than %d times over", im->name, MAX_LAYERS);
}

int image_from_memory(struct image *im, const char *name, uint8_t *data, size_t size,
		      struct why *why)
{
	int rc;

	*im = (struct image){ .name = name, .data = data, .size = size };
	rc = peel(im, why);
	if (!rc)
		rc = image_parse_elf(im, why);
	if (rc)
		image_close(im);
	return rc;
}

int image_open(struct image *im, const char *path, struct why *why)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	size_t size, got = 0;
	uint8_t *data = NULL;
	struct stat st;
	int rc;

	*im = (struct image){ .name = path };
	if (fd < 0)
		return why_set(why, TE_FILE, "kernel %s: %s", path, strerror(errno));
	if (fstat(fd, &st) < 0 || !S_ISREG(st.st_mode)) {
		rc = why_set(why, TE_FILE, "kernel %s: not a regular file", path);
		goto out;
	}
	if (st.st_size == 0 || (uint64_t)st.st_size > IMAGE_MAX_BYTES) {
		rc = why_set(why, TE_KERNEL, "kernel %s: %lld bytes cannot be a kernel", path,
			     (long long)st.st_size);
		goto out;
	}
	size = (size_t)st.st_size;
	data = malloc(size);
	if (!data) {
		rc = why_set(why, TE_NO_MEMORY, "kernel %s: no memory for %zu bytes", path, size);
		goto out;
	}
	while (got < size) {
		ssize_t n = read(fd, data + got, size - got);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0) {
			rc = why_set(why, TE_FILE, "kernel %s: %s after %zu of %zu bytes", path,
				     n < 0 ? strerror(errno) : "end of file", got, size);
			goto out;
		}
		got += (size_t)n;
	}
	close(fd);
	return image_from_memory(im, path, data, size, why);
out:
	free(data);
	close(fd);
	return rc;
}

void image_close(struct image *im)
{
	free(im->data);
	im->data = NULL;
	im->size = 0;
}
