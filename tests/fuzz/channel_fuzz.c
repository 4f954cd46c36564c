/* SPDX-License-Identifier: BSD-2-Clause */
/* A hostile host on the other end of a channel: any bytes as records, read as messages or as a
 * stream. */
#include <errno.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "migration/channel.h"

#define MOST_RATIO 256 /* of LZ4 */

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static uint8_t body[CHANNEL_MOST_MESSAGE];
	struct channel *c;
	struct mig_io *io;
	struct hello h;
	struct hostlink *l;
	struct why why;
	size_t len, heard = 0;
	int fds[2], rc;
	bool stream = size && data[0] & 1;

	if (!size || size > 1 << 16 || socketpair(AF_UNIX, SOCK_STREAM, 0, fds))
		return 0;
	if (write(fds[0], data + 1, size - 1) < 0)
		abort();
	shutdown(fds[0], SHUT_WR);
	if (hostlink_open_fd(&l, fds[1], fds[1], &why))
		abort();
	if (hello_hear(l, &h, 0, &why)) {
		hostlink_close(&l);
	} else if (!channel_new(&c, h.id, &why)) {
		rc = channel_answer(c, l, &h, 0, &why);
		io = channel_io(c);
		while (!rc) {
			rc = stream ? mig_read(io, body, 100) :
				      channel_hear(c, body, sizeof(body), &len, 0);
			heard += stream ? 100 : len;
			/* more than was sent, and more than can be packed into that */
			if (!rc && heard > (stream ? size * MOST_RATIO : size))
				abort();
		}
		if (rc != -EBADMSG && rc != -ENOTCONN && rc != -EIO)
			abort();
		channel_free(&c);
	}
	close(fds[0]);
	return 0;
}
