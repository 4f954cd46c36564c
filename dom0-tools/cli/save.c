/* SPDX-License-Identifier: BSD-2-Clause */
/* torc save: a guest suspends itself and becomes a file. Until the file is whole and on the disk,
 * the guest can go on. */
#include "dom0-tools/cli/image.h"

#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "dom0-tools/common/part.h"

struct saving {
	struct cli *c;
	uint32_t domid;
	bool live, stays; /* it is saved while it runs; it is not to end afterwards */
	bool asked;	  /* to suspend itself */
	bool stood;	  /* it did */
	int mark;	  /* by saving_begin() */
	struct mig_outcome out;
	int percent; /* shown last; -1: nothing is shown */
	unsigned int round;
};

static int suspend_ask(void *arg, struct why *why)
{
	struct saving *s = arg;
	int rc;

	saving_asked(s->mark);
	rc = guest_suspend_ask(s->c, s->domid, why);
	s->asked = !rc;
	return rc;
}

static int suspend(void *arg, struct why *why)
{
	struct saving *s = arg;
	int rc = s->asked ? 0 : suspend_ask(s, why);

	rc = rc ? rc : guest_suspend_wait(s->c, s->domid, why);
	s->stood = !rc;
	return rc;
}

static int resume(void *arg, struct why *why)
{
	struct saving *s = arg;

	return mig_resume(s->c->host, s->domid, why);
}

static int progress(void *arg, const struct mig_progress *p)
{
	struct saving *s = arg;
	int percent = (int)(p->pages_sent * 100 / (p->pages_all ? p->pages_all : 1));

	if (s->percent >= 0 && (percent != s->percent || p->round != s->round)) {
		s->percent = percent;
		s->round = p->round;
		if (!s->live)
			fprintf(stderr, "\rsaved %3d %%", percent);
		else
			fprintf(stderr, "\rround %u: %3d %%, %llu MiB in all ", p->round, percent,
				(unsigned long long)p->bytes >> 20);
	}
	return *s->c->given_up;
}

/* All was sent when the user wanted no more of it: the engine is through, and the guest stands
 * still. */
static int take_back(struct saving *s)
{
	struct why later = { 0 };
	int rc = why_set(s->c->why, TE_STATE, "given up by the user");

	if (mig_resume(s->c->host, s->domid, &later))
		why_hint(s->c->why, rc, "and the guest cannot go on: %s", later.text);
	return rc;
}

/* The file is whole; is it sure? A guest that stays is not kept waiting for that. */
static int keep_file(struct saving *s, int fd, const char *part, const char *file)
{
	struct why *why = s->c->why, later = { 0 };
	int rc = s->stays ? mig_resume(s->c->host, s->domid, why) : 0;

	if (rc)
		return rc;
	rc = part_keep(fd, part, file);
	if (!rc)
		return 0;
	rc = why_set(why, TE_FILE, "%s: %s", file, strerror(-rc));
	if (!s->stays && mig_resume(s->c->host, s->domid, &later))
		why_hint(why, rc, "and the guest cannot go on: %s", later.text);
	return rc;
}

static int write_file(struct saving *s, const char *name, const char *file, bool paused)
{
	const struct mig_calls calls = { .arg = s,
					 .suspend_ask = suspend_ask,
					 .suspend = suspend,
					 .resume = resume,
					 .progress = progress };
	/* a file has no time to keep: it is as short a pause as can be had */
	const struct mig_send_opts opts = { .live = s->live, .on_deadline = MIG_FORCE };
	struct mig_io_fd io;
	char part[PATH_MAX];
	int fd, rc;

	if (snprintf(part, sizeof(part), "%s.part", file) >= (int)sizeof(part))
		return why_set(s->c->why, TE_FILE, "%s: the name is too long", file);
	fd = part_open(part);
	if (fd < 0)
		return why_set(s->c->why, TE_FILE, "%s: %s", part, part_why(fd));
	mig_io_fd(&io, -1, fd);
	rc = saving_begin(s->c, s->domid, fd, s->stays ? NULL : part, &s->mark);
	if (!rc)
		rc = image_write_front(s->c, &io.io, name);
	if (!rc)
		rc = mig_send(s->c->host, s->domid, &opts, &io.io, &calls, &s->out, s->c->why);
	if (s->percent >= 0)
		fputs("\r                                        \r", stderr);
	if (!rc && *s->c->given_up)
		rc = take_back(s);
	if (!rc && paused)
		rc = host_domain_pause(s->c->host, s->domid, s->c->why);
	if (!rc)
		rc = keep_file(s, fd, part, file);
	if (rc && s->c->why->error == TE_STREAM)
		why_prefix(s->c->why, rc, "%s: ", part);
	if (rc)
		unlink(part);
	close(fd); /* which lets go of the name */
	return rc;
}

/* In thousandths of a second, but not 0. */
static unsigned long long ms(uint64_t ns)
{
	return (ns + 999999) / 1000000;
}

static void tell(const struct saving *s, const char *name)
{
	const struct mig_outcome *o = &s->out;

	printf("%s: %llu pages, %llu MiB, in %llu ms", name, (unsigned long long)o->pages,
	       (unsigned long long)o->bytes >> 20, ms(o->total_ns));
	if (s->live)
		printf("; %u rounds, %llu pages in the last, stood still for %llu ms, %llu expected",
		       o->rounds, (unsigned long long)o->last_round_pages, ms(o->pause_ns),
		       ms(o->predicted_pause_ns));
	putchar('\n');
}

static void tell_json(const struct saving *s, const char *name, const char *file)
{
	const struct mig_outcome *o = &s->out;
	struct json_object *f = json_object_new_object();
	struct cli *c = s->c;

	fact_num(f, "domid", s->domid);
	fact_str(f, "name", name);
	fact_str(f, "file", file);
	fact_num(f, "pages", (int64_t)o->pages);
	fact_num(f, "bytes", (int64_t)o->bytes);
	fact_seconds(f, "total_seconds", o->total_ns);
	if (s->live) {
		fact_num(f, "rounds", o->rounds);
		fact_seconds(f, "pause_seconds", o->pause_ns);
	}
	out_facts(c, "saved", f);
}

int cmd_save(struct cli *c, int argc, char **argv)
{
	static const struct option options[] = { { "checkpoint", no_argument, NULL, 'c' },
						 { "pause", no_argument, NULL, 'p' },
						 { "live", no_argument, NULL, 'l' },
						 { 0 } };
	struct saving s = { .c = c, .mark = -1, .percent = isatty(STDERR_FILENO) ? 0 : -1 };
	bool paused = false;
	char *name = NULL;
	int o, rc;

	while ((o = getopt_long(argc, argv, "cpl", options, NULL)) != -1) {
		if (o != 'c' && o != 'p' && o != 'l')
			return cli_bad_option(c, argv);
		s.stays |= o != 'l';
		paused |= o == 'p';
		s.live |= o == 'l';
	}
	if (argc - optind != 2)
		return cli_usage(c, "a domain and a file are expected");
	rc = cli_host(c);
	if (!rc)
		rc = cli_store(c);
	if (!rc)
		rc = cli_find_domain(c, argv[optind], &s.domid);
	if (!rc && s.domid == 0)
		return why_set(c->why, TE_STATE,
			       "domain 0 cannot be saved: it would have to do that itself");
	if (!rc)
		rc = cli_domain_name(c, s.domid, &name);
	if (!rc) {
		/* one that is suspended does not go on by itself; once the file has its name it is
		 * too late */
		cli_hear_signals(c);
		rc = write_file(&s, name, argv[optind + 1], paused);
	}
	if (!rc && !s.stays)
		rc = guest_destroy(c, s.domid, "torc save");
	saving_end(c, s.domid, s.mark, s.asked && !s.stood);
	if (!rc && !s.stays)
		supervisor_forget(name);
	if (!rc && c->json)
		tell_json(&s, name, argv[optind + 1]);
	else if (!rc)
		tell(&s, name);
	free(name);
	return rc;
}
