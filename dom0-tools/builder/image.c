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
#define MAX_LAYERS 4

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
		if (!data) { /* a bzImage with a payload stored as it is */
			data = malloc(len ? len : 1);
			if (!data)
				return why_set(why, TE_NO_MEMORY, "%s: no memory for %zu bytes",
					       im->name, len);
			memcpy(data, im->data + off, len);
			size = len;
		}
		free(im->data);
		im->data = data;
		im->size = size;
	}
	return why_set(why, TE_KERNEL, "%s: packed more than %d times over", im->name, MAX_LAYERS);
}

int image_unpack(struct image *im, const char *name, uint8_t *data, size_t size, struct why *why)
{
	int rc;

	*im = (struct image){ .name = name, .data = data, .size = size, .fd = -1 };
	rc = peel(im, why);
	if (rc)
		image_close(im);
	return rc;
}

int image_from_memory(struct image *im, const char *name, uint8_t *data, size_t size,
		      struct why *why)
{
	int rc = image_unpack(im, name, data, size, why);

	if (rc)
		return rc;
	rc = image_parse_elf(im, why);
	if (rc)
		image_close(im);
	return rc;
}

/*
 * An ELF file is read from its descriptor, also for its headers and notes: pages go from the page
 * cache to the guest without a stop in between. It is not mapped: whoever may write to it may cut
 * it short at any time, and reading a mapping would end us then.
 */
static int from_descriptor(struct image *im, const char *name, int fd, size_t size, struct why *why)
{
	int rc;

	*im = (struct image){ .name = name, .size = size, .fd = fd };
	rc = image_parse_elf(im, why);
	if (rc)
		image_close(im);
	return rc;
}

static int read_whole(int fd, const char *path, size_t size, uint8_t **out, struct why *why)
{
	uint8_t *data = malloc(size);
	size_t got = 0;

	if (!data)
		return why_set(why, TE_NO_MEMORY, "kernel %s: no memory for %zu bytes", path, size);
	while (got < size) {
		ssize_t n = read(fd, data + got, size - got);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0) {
			free(data);
			return why_set(why, TE_FILE, "kernel %s: %s after %zu of %zu bytes", path,
				       n < 0 ? strerror(errno) : "end of file", got, size);
		}
		got += (size_t)n;
	}
	*out = data;
	return 0;
}

static int from_packed(struct image *im, const char *path, int fd, const struct stat *st,
		       struct why *why)
{
	uint8_t *data = NULL;
	struct stat kept;
	int rc;

	rc = read_whole(fd, path, (size_t)st->st_size, &data, why);
	close(fd);
	if (rc)
		return rc;
	rc = image_from_memory(im, path, data, (size_t)st->st_size, why);
	if (rc)
		return rc;
	fd = cache_keep(st, im->data, im->size);
	if (fd >= 0 && (fstat(fd, &kept) || (size_t)kept.st_size != im->size)) {
		close(fd);
		fd = -1;
	}
	if (fd >= 0)
		close(fd); /* this time it is in memory already */
	return 0;
}

int image_open(struct image *im, const char *path, struct why *why)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK), kept;
	char magic[4] = "";
	struct stat st;

	*im = (struct image){ .name = path, .fd = -1 };
	if (fd < 0)
		return why_set(why, TE_FILE, "kernel %s: %s", path, strerror(errno));
	if (fstat(fd, &st) < 0 || !S_ISREG(st.st_mode)) {
		close(fd);
		return why_set(why, TE_FILE, "kernel %s: not a regular file", path);
	}
	if (st.st_size == 0 || (uint64_t)st.st_size > IMAGE_MAX_BYTES) {
		close(fd);
		return why_set(why, TE_KERNEL, "kernel %s: %lld bytes cannot be a kernel", path,
			       (long long)st.st_size);
	}
	if (pread(fd, magic, sizeof(magic), 0) == sizeof(magic) && memcmp(magic, "\177ELF", 4) == 0)
		return from_descriptor(im, path, fd, (size_t)st.st_size, why);
	kept = cache_find(&st);
	if (kept < 0)
		return from_packed(im, path, fd, &st, why);
	close(fd);
	if (fstat(kept, &st) < 0) {
		close(kept);
		return why_set(why, TE_FILE, "kernel %s: %s", path, strerror(errno));
	}
	return from_descriptor(im, path, kept, (size_t)st.st_size, why);
}

int image_read(const struct image *im, uint64_t offset, void *to, uint64_t size)
{
	uint8_t *at = to;

	if (offset > im->size || size > im->size - offset)
		return -EIO;
	if (im->fd < 0) {
		memcpy(to, im->data + offset, size);
		return 0;
	}
	while (size) {
		ssize_t n = pread(im->fd, at, size, (off_t)offset);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return -EIO;
		at += n;
		offset += (uint64_t)n;
		size -= (uint64_t)n;
	}
	return 0;
}

void image_close(struct image *im)
{
	if (im->size && im->fd >= 0)
		close(im->fd);
	free(im->data);
	im->data = NULL;
	im->size = 0;
	im->fd = -1;
}
