/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What viewers say to torc-consoled over RUN/console.sock. A viewer sends one request and from
 * then on both sides send plain bytes: keys to the guest, output to the viewer. The daemon
 * answers with CONSOLED_OK or with one line that says why not, and closes.
 */
#ifndef TORC_CONSOLED_PROTOCOL_H
#define TORC_CONSOLED_PROTOCOL_H

#include <stdint.h>

#define CONSOLED_SOCKET	   "console.sock"
#define CONSOLED_MAGIC	   0x746f7263u
#define CONSOLED_OK	   '+'
#define CONSOLED_REPLAY	   1u /* begin with what was printed lately */
#define CONSOLED_READ_ONLY 2u /* keys of this viewer are dropped */

/* Both ends are on one machine: native byte order. */
struct consoled_request {
	uint32_t magic;
	uint32_t domid;
	uint32_t flags;
};

#endif
