/* SPDX-License-Identifier: BSD-2-Clause */
/* torc create: what its command line says, then create.c. */
#include "dom0-tools/cli/guest.h"

#include <getopt.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "dom0-tools/common/paths.h"

#define CONFIG_MAX_BYTES (1u << 20) /* a guest's file is a page or two */

int guest_config_read(const char *file, char **text, struct why *why)
{
	size_t len;
	int rc = path_read_file(file, CONFIG_MAX_BYTES, text, &len);

	if (rc)
		return why_set(why, TE_FILE, "config file %s: %s", file, strerror(-rc));
	if (strlen(*text) == len)
		return 0;
	rc = why_set(why, TE_CONFIG, "config file %s: byte %zu is a NUL: this is no text", file,
		     strlen(*text) + 1);
	free(*text);
	*text = NULL;
	return why_hint(why, rc, "the file may have been damaged by a crash of its host");
}

/* Overrides as lines, the last thing that the parser reads. */
static char *join(char *const words[], int count)
{
	char *text = NULL;
	size_t len = 0;
	FILE *m = open_memstream(&text, &len);

	if (!m)
		return NULL;
	for (int i = 0; i < count; i++)
		fprintf(m, "%s\n", words[i]);
	return fclose(m) ? NULL : text;
}

/*
 * The seed becomes a disk among the overrides, as if it had been given there, so that it is in the
 * record as well; and so does the uuid, which is on the seed.
 */
static int add_seed(struct cli *c, const char *dir, bool dry, const char *path, const char *text,
		    char **overrides)
{
	char file[PATH_MAX], vdev[8], uuid[37], *more;
	struct guest_config g;
	int rc;

	rc = config_load(&g, path, text, strlen(text), *overrides, NULL, NULL, c->why);
	if (rc)
		return rc;
	rc = guest_seed_vdev(&g, vdev, c->why);
	if (!rc && !dry)
		rc = guest_name_free(c, &g); /* that one's seed is not ours to replace */
	if (!rc)
		rc = guest_seed(dir, &g, dry, file, c->why);
	config_uuid_format(uuid, g.uuid);
	if (!rc && asprintf(&more, "%s\nuuid=\"%s\"\ndisk+=[\"vdev=%s,access=ro,target=%s\"]\n",
			    *overrides ? *overrides : "", uuid, vdev, file) < 0)
		rc = why_set(c->why, TE_NO_MEMORY, "no memory");
	if (!rc) {
		free(*overrides);
		*overrides = more;
	}
	config_free(&g);
	return rc;
}

int cmd_create(struct cli *c, int argc, char **argv)
{
	static const struct option options[] = { { "paused", no_argument, NULL, 'p' },
						 { "console", no_argument, NULL, 'c' },
						 { "dry-run", no_argument, NULL, 'n' },
						 { "dryrun", no_argument, NULL, 'n' },
						 { "quiet", no_argument, NULL, 'q' },
						 { "defconfig", required_argument, NULL, 'f' },
						 { "seed", required_argument, NULL, 'S' },
						 { 0 } };
	bool paused = false, console = false, dry = false;
	struct guest_source from = { 0 };
	const char *file = NULL, *seed = NULL;
	char *text = NULL, *overrides;
	struct json_object *o;
	uint32_t domid = 0;
	int opt, rc;

	while ((opt = getopt_long(argc, argv, "pcnqf:", options, NULL)) != -1) {
		if (opt == 'p')
			paused = true;
		else if (opt == 'c')
			console = true;
		else if (opt == 'n')
			dry = true;
		else if (opt == 'f')
			file = optarg;
		else if (opt == 'S')
			seed = optarg;
		else if (opt != 'q')
			return cli_bad_option(c, argv);
	}
	if (!file && optind < argc)
		file = argv[optind++];
	if (!file)
		return cli_usage(c, "which config file?");
	for (int i = optind; i < argc; i++)
		if (!strchr(argv[i], '='))
			return cli_usage(c, "\"%s\" is not KEY=VALUE", argv[i]);
	rc = guest_config_read(file, &text, c->why);
	if (rc)
		return rc;
	overrides = join(argv + optind, argc - optind);
	if (seed)
		rc = add_seed(c, seed, dry, file, text, &overrides);
	from = (struct guest_source){ .path = file, .text = text, .overrides = overrides };
	if (!rc)
		rc = guest_create(c, &from, paused, dry, &domid);
	free(overrides);
	free(text);
	if (rc || dry)
		return rc;
	supervisor_start();
	if (c->json) {
		o = json_object_new_object();
		fact_num(o, "domid", domid);
		out_facts(c, "created", o);
	}
	if (console)
		return console_attach(c, domid, true, false);
	return 0;
}
