/* SPDX-License-Identifier: BSD-2-Clause */
/* A hostile host on a lane: any bytes as records, taken as the pieces that are due. */
#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "migration/io.h"
#include "migration/lanes.h"

#define MOST_RATIO 256 /* of LZ4 */

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static uint8_t *body;
	struct hello h = { .connection = 1, .lane = 1 };
	struct lanes_in *i;
	struct hostlink *l;
	struct why why;
	size_t len, wire, got = 0;
	uint64_t number = 0;
	unsigned int vain = 0;
	int fds[2], rc;

	if (size > 1 << 16)
		return 0;
	signal(SIGPIPE, SIG_IGN); /* a lane that is cut may be about to greet */
	i = lanes_in_new(h.id);
	body = body ? body : malloc(CHANNEL_MOST_DATA);
	if (!i || !body || socketpair(AF_UNIX, SOCK_STREAM, 0, fds))
		abort();
	if (write(fds[0], data, size) < 0)
		abort();
	shutdown(fds[0], SHUT_WR);
	if (hostlink_open_fd(&l, fds[1], fds[1], &why))
		abort();
	lanes_in_open(i, 1, NULL);
	if (lanes_in_join(i, l, &h, &why))
		abort();
	do {
		rc = lanes_in_take(i, number, &body, &len, &wire, &why);
		if (rc == 1) {
			number++;
			got += len;
			if (!len || len > CHANNEL_MOST_DATA || got > size * MOST_RATIO)
				abort();
		} else if (!rc && !lanes_in_more(i)) {
			break; /* it has ended in good order */
		} else if (!rc && ++vain > 5) {
			break; /* what is there comes after what other lanes would have */
		} else if (!rc) {
			(void)hostlink_wait_also(NULL, lanes_in_event(i), mig_now_ns() + 1000000);
		}
	} while (rc >= 0);
	if (rc < 0 && rc != -EBADMSG && rc != -EPIPE)
		abort();
	lanes_in_free(&i);
	close(fds[0]);
	return 0;
}
