/* SPDX-License-Identifier: BSD-2-Clause */
/* What goes in front of a guest's image: what is written can be read. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "dom0-tools/cli/guest.h"
#include "dom0-tools/cli/image.h"
#include "dom0-tools/cli/saved.h"

static struct json_object *kept; /* the guest's record */
static uint8_t *file;
static size_t size, at;

/* --- of others, of which nothing is wanted here */

struct json_object *record_load(const char *name)
{
	(void)name;
	return json_object_get(kept);
}

int guest_create(struct cli *c, const struct guest_source *from, bool paused, bool dry, uint32_t *id)
{
	(void)c, (void)from, (void)paused, (void)dry, (void)id;
	return -EIO;
}

int host_event_alloc(struct host *h, uint32_t domid, uint32_t remote, uint32_t *port,
		     struct why *why)
{
	(void)h, (void)domid, (void)remote, (void)port, (void)why;
	return -EIO;
}

int mig_receive_begin(struct mig_receiver **r, struct mig_io *io, struct mig_head *head,
		      struct why *why)
{
	(void)r, (void)io, (void)head, (void)why;
	return -EIO;
}

int mig_receive(struct mig_receiver *r, struct host *h, const struct mig_receive_opts *o,
		const struct mig_calls *calls, struct mig_received *got, struct why *why)
{
	(void)r, (void)h, (void)o, (void)calls, (void)got, (void)why;
	return -EIO;
}

void mig_receive_end(struct mig_receiver **r)
{
	(void)r;
}

/* --- a file in memory */

static int memory_read(struct mig_io *io, void *buf, size_t n)
{
	(void)io;
	if (n > size - at)
		return -EPIPE;
	memcpy(buf, file + at, n);
	at += n;
	return 0;
}

static int memory_writev(struct mig_io *io, struct iovec *v, int n)
{
	(void)io;
	for (int i = 0; i < n; i++) {
		file = realloc(file, size + v[i].iov_len + 1);
		if (v[i].iov_len)
			memcpy(file + size, v[i].iov_base, v[i].iov_len);
		size += v[i].iov_len;
	}
	return 0;
}

static const struct mig_io_ops ops = { .read = memory_read, .writev = memory_writev };

/* A config of so many quotes, and what becomes of it on the way. */
static int there_and_back(size_t quotes, struct why *why)
{
	struct mig_io io = { .ops = &ops };
	struct cli c = { .why = why };
	struct json_object *back;
	char *text = malloc(quotes + 1);
	int rc;

	memset(text, '"', quotes);
	text[quotes] = 0;
	kept = json_object_new_object();
	json_object_object_add(kept, "config_text", json_object_new_string(text));
	size = at = 0;
	rc = image_write_front(&c, &io, "web");
	if (!rc) {
		if (image_read_front(&c, &io, &back))
			fail_msg("what was written is refused: %s", why->text);
		assert_string_equal(json_object_get_string(
					    json_object_object_get(back, "config_text")),
				    text);
		assert_int_equal(at, size);
		json_object_put(back);
	}
	json_object_put(kept);
	free(text);
	free(file);
	file = NULL;
	return rc;
}

static void what_is_written_can_be_read(void **state)
{
	struct why why = { 0 };

	(void)state;
	assert_int_equal(there_and_back(0, &why), 0);
	assert_int_equal(there_and_back(7, &why), 0);
	assert_int_equal(there_and_back(1 << 20, &why), 0); /* the longest that create takes */
	assert_int_not_equal(there_and_back(SAVED_MAX, &why), 0);
	assert_non_null(strstr(why.text, "\"web\" has"));
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_written_can_be_read),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
