/* SPDX-License-Identifier: BSD-2-Clause */
/* What os.c keeps of event channels. */
#ifndef OS_EVENTS_H
#define OS_EVENTS_H

void os_events_forget(void); /* after a resume: there are none */

#endif
