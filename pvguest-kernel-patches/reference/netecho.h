/* SPDX-License-Identifier: BSD-2-Clause */
/* A host on the network that answers ARP, ping and UDP echo (port 7). */
#ifndef NETECHO_H
#define NETECHO_H

#include <stdbool.h>
#include <stdint.h>

/* The first network card, with this address ("10.9.0.2"). Says on the console how it went; false:
 * no card. */
bool netecho_start(const char *ip);
void netecho_run(void);
void netecho_resume(void); /* if it was started */
bool netecho_pending(void *unused);

#endif
