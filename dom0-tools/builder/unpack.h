/* SPDX-License-Identifier: BSD-2-Clause */
/* How torc-unpack ends. */
#ifndef TORC_BUILDER_UNPACK_H
#define TORC_BUILDER_UNPACK_H

enum {
	UNPACK_DONE,	       /* the unpacked bytes are in its output */
	UNPACK_REFUSED,	       /* it said why */
	UNPACK_NO_MEMORY,      /* likewise */
	UNPACK_NOT_PACKED = 9, /* by none of the packers that it knows */
};

#endif
