/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Guests that are being saved. Who is killed meanwhile leaves one that stands still, or is about
 * to, so there is a mark on it (mark.c) with its uuid and, where it ends with the save, the file's
 * inode and name: if that inode has got that name the file is whole, and the guest is ended. Else
 * it goes on. Nobody else may save or move it meanwhile, as he would find it suspended, and take
 * that for his own doing.
 */
#include "dom0-tools/cli/image.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "dom0-tools/common/log.h"

#define SAVING "saving"

static int refuse(struct why *why, uint32_t domid)
{
	return why_set(why, TE_STATE, "domain %u is being saved", domid);
}

/* Whose file that is, or where, need not be known to let the guest go on. */
static void describe_file(int fd, const char *part, char *text, size_t room)
{
	char whole[PATH_MAX];
	struct stat st;

	if (fstat(fd, &st) == 0 && realpath(part, whole))
		snprintf(text, room, " %llx-%llx %.*s", (unsigned long long)st.st_dev,
			 (unsigned long long)st.st_ino, (int)(strlen(whole) - strlen(".part")),
			 whole);
}

/* The mark first, then the look at migrations, which do it the other way round: of two who begin at
 * once one at least finds the other. */
int saving_begin(struct cli *c, uint32_t domid, int fd, const char *part, int *mark)
{
	char text[MARK_MOST] = "", uuid[37];
	struct domain_info info;
	int rc = host_domain_info(c->host, domid, &info, c->why);

	*mark = -1;
	if (rc)
		return rc;
	config_uuid_format(uuid, info.uuid);
	memcpy(text, uuid, sizeof(uuid));
	if (part)
		describe_file(fd, part, text + 36, sizeof(text) - 36);
	*mark = mark_begin(SAVING, domid, text);
	if (*mark == -EEXIST)
		return refuse(c->why, domid);
	rc = guest_migrates(uuid, c->why);
	if (rc) {
		mark_end(SAVING, *mark, domid);
		*mark = -1;
	}
	return rc;
}

void saving_asked(int mark)
{
	if (mark >= 0)
		futimens(mark, NULL);
}

int saving_none(uint32_t domid, struct why *why)
{
	return mark_is_held(SAVING, domid) ? refuse(why, domid) : 0;
}

/* Has the file got its name? */
static bool is_kept(const char *text)
{
	unsigned long long dev, inode;
	struct stat st;
	int at = 0;

	return sscanf(text, " %llx-%llx %n", &dev, &inode, &at) == 2 && text[at] == '/' &&
	       lstat(text + at, &st) == 0 && st.st_dev == dev && st.st_ino == inode;
}

static int end_saved(struct cli *c, uint32_t domid)
{
	char *name = cli_read(c, "/local/domain/%u/name", domid);
	int rc;

	log_say(LOG_WARNING, &(struct log_about){ .guest = name, .domid = domid, .event = "swept" },
		"domain %u is saved, and torc save was killed: it is ended", domid);
	rc = guest_destroy(c, domid, "torc save");
	if (!rc && name)
		supervisor_forget(name);
	free(name);
	return rc;
}

static int let_go_on(struct cli *c, uint32_t domid)
{
	log_say(LOG_WARNING, &(struct log_about){ .domid = domid, .event = "swept" },
		"domain %u is suspended, and torc save was killed: it goes on", domid);
	return mig_resume(c->host, domid, c->why);
}

static void call_back(struct cli *c, uint32_t domid)
{
	struct why ignored = { 0 };

	host_log_dirty(c->host, domid, false, &ignored); /* it was to be saved live */
	guest_suspend_cancel(c, domid);
}

/* One that has heard the question may follow it any time yet. A file's clock may be a moment
 * ahead. */
static bool asked_lately(time_t when)
{
	return llabs((long long)time(NULL) - when) <= SUSPEND_S;
}

static bool see_to(struct cli *c, uint32_t domid, const char *text, time_t when)
{
	char id[37] = "";
	struct domain_info info;
	uint8_t uuid[16];
	int rc = 0;

	snprintf(id, sizeof(id), "%s", text);
	if (strlen(id) != 36 || config_uuid_parse(id, uuid) ||
	    host_domain_info(c->host, domid, &info, c->why) || info.dying ||
	    memcmp(info.uuid, uuid, sizeof(uuid)) != 0)
		return true;
	if (guest_migrates(id, c->why))
		return false; /* that has the say now */
	if (!info.shutdown) {
		call_back(c, domid);
		return !asked_lately(when);
	}
	if (info.reason == SHUT_SUSPEND)
		rc = is_kept(text + 36) ? end_saved(c, domid) : let_go_on(c, domid);
	if (rc)
		log_say(LOG_ERR, &(struct log_about){ .domid = domid, .event = "failed" },
			"domain %u: %s; it is tried again", domid, c->why->text);
	return rc == 0;
}

void saving_clean_up(struct cli *c)
{
	mark_each_left(c, SAVING, see_to);
}

void saving_end(struct cli *c, uint32_t domid, int mark, bool may_follow)
{
	struct domain_info info;
	struct why ignored = { 0 };

	if (mark < 0) /* it may not even have come to a host */
		return;
	if (host_domain_info(c->host, domid, &info, &ignored) == 0 && !info.dying &&
	    (info.shutdown ? info.reason == SHUT_SUSPEND : may_follow))
		mark_leave(mark); /* the supervisor sees to it */
	else
		mark_end(SAVING, mark, domid);
}
