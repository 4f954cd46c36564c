/* SPDX-License-Identifier: BSD-2-Clause */
/* Memory, byte queues, and records made of numbers and strings. */
#include <stdlib.h>
#include <string.h>

#include "xenbus/store/util.h"

#define KEEP 16384u /* an empty queue larger than this gives its memory back */

void *mem_alloc(size_t size)
{
	void *p = calloc(1, size);

	if (!p)
		log_fatal("out of memory: no %zu bytes", size);
	return p;
}

void *mem_grow(void *p, size_t size)
{
	p = realloc(p, size);
	if (!p)
		log_fatal("out of memory: no %zu bytes", size);
	return p;
}

char *mem_dup(const char *s, size_t len)
{
	char *p = mem_alloc(len + 1);

	memcpy(p, s, len);
	return p;
}

char *bytes_room(struct bytes *b, size_t len)
{
	if (b->head && b->room - b->tail < len) {
		memmove(b->data, b->data + b->head, bytes_len(b));
		b->tail -= b->head;
		b->head = 0;
	}
	if (b->room - b->tail < len) {
		b->room = b->room * 2 > b->tail + len ? b->room * 2 : b->tail + len;
		if (b->room < 256)
			b->room = 256;
		b->data = mem_grow(b->data, b->room);
	}
	return b->data + b->tail;
}

void bytes_add(struct bytes *b, const void *p, size_t len)
{
	if (!len)
		return;
	memcpy(bytes_room(b, len), p, len);
	b->tail += len;
}

void bytes_drop(struct bytes *b, size_t len)
{
	b->head += len;
	if (b->head < b->tail)
		return;
	b->head = b->tail = 0;
	if (b->room > KEEP)
		bytes_free(b);
}

void bytes_free(struct bytes *b)
{
	free(b->data);
	*b = (struct bytes){ 0 };
}

void put_u32(struct bytes *b, uint32_t v)
{
	bytes_add(b, &v, sizeof(v));
}

void put_u64(struct bytes *b, uint64_t v)
{
	bytes_add(b, &v, sizeof(v));
}

void put_data(struct bytes *b, const void *p, size_t len)
{
	put_u32(b, len);
	bytes_add(b, p, len);
}

void put_text(struct bytes *b, const char *s)
{
	put_data(b, s, strlen(s) + 1);
}

static const char *cut(struct cut *c, size_t len)
{
	const char *p = c->p;

	if (c->bad || (size_t)(c->end - c->p) < len) {
		c->bad = true;
		return NULL;
	}
	c->p += len;
	return p;
}

uint32_t cut_u32(struct cut *c)
{
	const char *p = cut(c, sizeof(uint32_t));
	uint32_t v = 0;

	if (p)
		memcpy(&v, p, sizeof(v));
	return v;
}

uint64_t cut_u64(struct cut *c)
{
	const char *p = cut(c, sizeof(uint64_t));
	uint64_t v = 0;

	if (p)
		memcpy(&v, p, sizeof(v));
	return v;
}

const char *cut_data(struct cut *c, size_t *len)
{
	const char *p;

	*len = cut_u32(c);
	p = cut(c, *len);
	if (!p)
		*len = 0;
	return p ? p : "";
}

const char *cut_text(struct cut *c)
{
	size_t len;
	const char *p = cut_data(c, &len);

	if (!len || p[len - 1]) {
		c->bad = true;
		return "";
	}
	return p;
}
