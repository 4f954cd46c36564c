/* SPDX-License-Identifier: BSD-2-Clause */
/* Being saved, or moved to another host. */
#ifndef SUSPEND_H
#define SUSPEND_H

/* From now on the control domain may ask for it, and can find this domain's frames. */
void suspend_offer(void);
/* When it has been asked for: returns where the domain goes on. From the kernel's own context,
 * between two calls of a frontend's. */
void suspend_if_asked(void);

#endif
