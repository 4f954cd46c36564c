/* SPDX-License-Identifier: BSD-2-Clause */
/* A command line on the console. */
#ifndef SHELL_H
#define SHELL_H

void shell(void); /* returns on "poweroff" */

#endif
