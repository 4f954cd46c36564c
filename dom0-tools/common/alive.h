/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Whether the machine at the other end of a TCP connection is still there: who waits for its answer
 * hears nothing of its death but from the kernel.
 */
#ifndef TORC_COMMON_ALIVE_H
#define TORC_COMMON_ALIVE_H

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stddef.h>
#include <sys/socket.h>

struct alive {
	int idle_s, every_s, times; /* it is asked after so long a silence, and so often */
	int answer_ms; /* what it was told is acknowledged by then; 0: as the kernel likes */
};

/* Not on UNIX sockets, where it does nothing. */
static inline void alive_watch(int fd, const struct alive *a)
{
	const struct {
		int level, option, value;
	} set[] = {
		{ SOL_SOCKET, SO_KEEPALIVE, 1 },
		{ IPPROTO_TCP, TCP_KEEPIDLE, a->idle_s },
		{ IPPROTO_TCP, TCP_KEEPINTVL, a->every_s },
		{ IPPROTO_TCP, TCP_KEEPCNT, a->times },
		{ IPPROTO_TCP, TCP_USER_TIMEOUT, a->answer_ms },
	};

	for (size_t i = 0; i < sizeof(set) / sizeof(set[0]); i++)
		(void)setsockopt(fd, set[i].level, set[i].option, &set[i].value,
				 sizeof(set[i].value));
}

#endif
