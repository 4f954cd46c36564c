/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * torc-unpack NAME: unpacks the compressed file that is its input (a regular or a memory file) into
 * its output, for torc. Before it looks at a byte it gives up everything but memory, writing and
 * its end; NAME is for messages.
 */
#include <errno.h>
#include <seccomp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "dom0-tools/builder/image.h"
#include "dom0-tools/builder/unpack.h"

static int give_up(void)
{
	static const int allowed[] = {
		SCMP_SYS(write),
		SCMP_SYS(munmap),
		SCMP_SYS(mremap),
		SCMP_SYS(madvise),
		SCMP_SYS(brk),
		SCMP_SYS(futex),
		SCMP_SYS(getrandom),
		SCMP_SYS(sysinfo),
		SCMP_SYS(sched_getaffinity),
		SCMP_SYS(exit_group),
		SCMP_SYS(rt_sigprocmask),
		SCMP_SYS(gettid),
		SCMP_SYS(getpid),
		SCMP_SYS(tgkill),
	};
	scmp_filter_ctx f = seccomp_init(SCMP_ACT_KILL_PROCESS);
	int rc = f ? 0 : -ENOMEM;

	for (size_t i = 0; !rc && i < sizeof(allowed) / sizeof(allowed[0]); i++)
		rc = seccomp_rule_add(f, SCMP_ACT_ALLOW, allowed[i], 0);
	if (!rc)
		rc = seccomp_rule_add(f, SCMP_ACT_ALLOW, SCMP_SYS(mmap), 2,
				      SCMP_A2(SCMP_CMP_MASKED_EQ, PROT_EXEC, 0),
				      SCMP_A3(SCMP_CMP_MASKED_EQ, MAP_ANONYMOUS, MAP_ANONYMOUS));
	if (!rc)
		rc = seccomp_rule_add(f, SCMP_ACT_ALLOW, SCMP_SYS(mprotect), 1,
				      SCMP_A2(SCMP_CMP_MASKED_EQ, PROT_EXEC, 0));
	if (!rc)
		rc = seccomp_load(f);
	seccomp_release(f);
	return rc;
}

/* stdio is not used: it would ask what kind of file it writes to. */
static void say(const char *text)
{
	if (write(STDERR_FILENO, text, strlen(text)) < 0)
		_exit(UNPACK_REFUSED);
}

static int fail(const char *name, const char *what)
{
	say(name);
	say(": ");
	say(what);
	return UNPACK_REFUSED;
}

int main(int argc, char **argv)
{
	struct why why = { 0 };
	struct stat st;
	uint8_t *data;
	size_t size;
	void *in;

	if (argc != 2) {
		say("torc-unpack is a part of torc, which runs it with the name of a file that is its input\n");
		return 2;
	}
	if (fstat(STDIN_FILENO, &st) < 0 || !S_ISREG(st.st_mode) || st.st_size <= 0)
		return fail(argv[1], "the input is no file with contents");
	in = mmap(NULL, (size_t)st.st_size, PROT_READ, MAP_PRIVATE, STDIN_FILENO, 0);
	if (in == MAP_FAILED)
		return fail(argv[1], "the input cannot be mapped");
	if (give_up())
		return fail(argv[1], "the kernel has no seccomp, without which nothing is unpacked");
	if (unpack(argv[1], in, (size_t)st.st_size, &data, &size, &why)) {
		say(why.text);
		say("\n");
		say(why.hint);
		return why.error == TE_NO_MEMORY ? UNPACK_NO_MEMORY : UNPACK_REFUSED;
	}
	if (!data)
		return UNPACK_NOT_PACKED;
	for (size_t at = 0; at < size;) {
		ssize_t n = write(STDOUT_FILENO, data + at, size - at);

		if (n < 0 && errno != EINTR)
			return fail(argv[1], "the output takes no more");
		at += n > 0 ? (size_t)n : 0;
	}
	return UNPACK_DONE;
}
