/* SPDX-License-Identifier: BSD-2-Clause */
/* The end of the domain, or of its first life. */
#ifndef POWER_H
#define POWER_H

/* reason: SHUTDOWN_poweroff, _reboot, _crash. */
void power_off(unsigned int reason) __attribute__((noreturn));

#endif
