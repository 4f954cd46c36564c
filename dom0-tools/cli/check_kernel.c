/* SPDX-License-Identifier: BSD-2-Clause */
/* torc check-kernel: what kind of guest an image is, what its notes lack, what its text must not
 * have. */
#include "dom0-tools/cli/cli.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "dom0-tools/builder/scan.h"

static const char *const state_words[] = {
	[NOTE_PRESENT] = "present",
	[NOTE_MISSING] = "missing",
	[NOTE_WRONG] = "wrong",
	[NOTE_ABSENT] = "absent",
};
static const char *const kind_words[] = {
	[SENSITIVE_SILENT] = "silent",
	[SENSITIVE_TRAPS] = "traps",
	[SENSITIVE_GATE] = "gate",
};

struct report {
	const char *file, *kind;
	bool builds;	    /* the builder takes it */
	struct why verdict; /* if not */
	struct scan_notes notes;
	struct scan_code code;
	char remark[sizeof(((struct image *)0)->note)];
};

static const char *kind_of(const struct scan_notes *n)
{
	if (!n->is_elf)
		return "none";
	if (n->pv)
		return n->is_64 ? "PV64" : "PV32 PAE";
	return n->pvh ? "PVH" : "none";
}

static int examine(struct report *r, struct image *im, struct why *why)
{
	scan_notes(&r->notes, im);
	r->kind = kind_of(&r->notes);
	r->builds = image_parse_elf(im, &r->verdict) == 0;
	memcpy(r->remark, im->note, sizeof(r->remark));
	if (!r->notes.is_elf) {
		*why = r->verdict; /* nothing can be said of it */
		return -ENOEXEC;
	}
	return scan_code(&r->code, im, why);
}

static struct json_object *places_json(const struct scan_row *row)
{
	struct json_object *places = json_object_new_array();

	for (uint64_t i = 0; i < row->count && i < SCAN_PLACES; i++) {
		struct json_object *p = json_object_new_object();
		char address[24];

		snprintf(address, sizeof(address), "%#" PRIx64, row->first[i].address);
		fact_str(p, "address", address);
		fact_str(p, "symbol", row->first[i].symbol[0] ? row->first[i].symbol : NULL);
		fact_num(p, "offset", (int64_t)row->first[i].offset);
		json_object_array_add(places, p);
	}
	return places;
}

static void print_json(struct cli *c, const struct report *r)
{
	struct json_object *o = json_object_new_object(), *notes = json_object_new_array(),
			   *rows = json_object_new_array();

	fact_str(o, "file", r->file);
	fact_str(o, "kind", r->kind);
	fact_num(o, "bits", r->notes.is_64 ? 64 : 32);
	fact_bool(o, "builds", r->builds);
	fact_str(o, "verdict", r->builds ? (r->remark[0] ? r->remark : NULL) : r->verdict.text);
	for (size_t i = 0; i < NOTE_ROWS; i++) {
		struct json_object *n = json_object_new_object();

		fact_str(n, "note", r->notes.rows[i].name);
		fact_str(n, "state", state_words[r->notes.rows[i].state]);
		fact_str(n, "value", r->notes.rows[i].value[0] ? r->notes.rows[i].value : NULL);
		fact_str(n, "purpose", r->notes.rows[i].purpose);
		json_object_array_add(notes, n);
	}
	json_object_object_add(o, "notes", notes);
	fact_num(o, "text_bytes", (int64_t)r->code.bytes);
	fact_num(o, "unknown_bytes", (int64_t)r->code.unknown);
	fact_bool(o, "sections", r->code.sections);
	fact_bool(o, "symbols", r->code.symbols);
	fact_bool(o, "cut", r->code.cut);
	fact_num(o, "silent", (int64_t)r->code.silent);
	for (unsigned int i = 0; i < r->code.nr_rows; i++) {
		struct json_object *n = json_object_new_object();

		fact_str(n, "instruction", r->code.rows[i].mnemonic);
		fact_str(n, "kind", kind_words[r->code.rows[i].kind]);
		fact_num(n, "count", (int64_t)r->code.rows[i].count);
		fact_str(n, "instead", r->code.rows[i].instead);
		json_object_object_add(n, "places", places_json(&r->code.rows[i]));
		json_object_array_add(rows, n);
	}
	json_object_object_add(o, "instructions", rows);
	out_facts(c, "kernel", o);
}

static void print_rows(const struct scan_code *s, enum sensitive kind, const char *title)
{
	bool first = true;

	for (unsigned int i = 0; i < s->nr_rows; i++) {
		const struct scan_row *row = &s->rows[i];

		if (row->kind != kind)
			continue;
		if (first)
			printf("\n%s\n", title);
		first = false;
		printf("  %-16s %6" PRIu64 "  %s\n", row->mnemonic, row->count, row->instead);
		for (uint64_t k = 0; k < row->count && k < SCAN_PLACES; k++) {
			const struct scan_place *p = &row->first[k];

			if (p->symbol[0])
				printf("    %#" PRIx64 " %s+%#" PRIx64 "\n", p->address, p->symbol,
				       p->offset);
			else
				printf("    %#" PRIx64 "\n", p->address);
		}
		if (row->count > SCAN_PLACES)
			printf("    ... and %" PRIu64 " more\n", row->count - SCAN_PLACES);
	}
}

static void print_text(const struct report *r)
{
	printf("%s: %s\n", r->file, r->kind);
	if (!r->builds)
		printf("refused: %s\n", r->verdict.text);
	else
		printf("the builder takes it%s%s\n", r->remark[0] ? "; " : "", r->remark);
	puts("\nXen notes");
	for (size_t i = 0; i < NOTE_ROWS; i++) {
		const struct note_row *n = &r->notes.rows[i];

		printf("  %-18s %-7s  %s%s%s\n", n->name, state_words[n->state], n->value,
		       n->value[0] ? "  " : "", n->state == NOTE_PRESENT ? "" : n->purpose);
	}
	printf("\n%" PRIu64 " bytes of text looked at%s, %" PRIu64
	       " of them in no instruction%s%s\n",
	       r->code.bytes,
	       r->code.sections ? "" : " (whole segments, their data too: the file has no sections)",
	       r->code.unknown, r->code.symbols ? "" : "; no symbols",
	       r->code.cut ? "; sections overlap: not all was looked at" : "");
	print_rows(&r->code, SENSITIVE_SILENT, "Do not trap, and do something else than in ring 0:");
	print_rows(&r->code, SENSITIVE_GATE,
		   "Enter a handler or the hypervisor; fine if that is meant:");
	print_rows(&r->code, SENSITIVE_TRAPS, "Trap; emulated or #GP:");
	if (!r->code.nr_rows)
		puts("No sensitive instruction.");
}

static int read_kernel(const char *path, uint8_t **data, size_t *size, struct why *why)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	struct stat st;
	size_t got = 0;
	ssize_t n = 1;

	if (fd < 0)
		return why_set(why, TE_FILE, "kernel %s: %s", path, strerror(errno));
	if (fstat(fd, &st) < 0 || !S_ISREG(st.st_mode)) {
		close(fd);
		return why_set(why, TE_FILE, "kernel %s: not a regular file", path);
	}
	if (st.st_size == 0 || (uint64_t)st.st_size > IMAGE_MAX_BYTES) {
		close(fd);
		return why_set(why, TE_KERNEL, "kernel %s: %lld bytes cannot be a kernel", path,
			       (long long)st.st_size);
	}
	*size = (size_t)st.st_size;
	*data = malloc(*size);
	if (!*data) {
		close(fd);
		return why_set(why, TE_NO_MEMORY, "kernel %s: no memory for %zu bytes", path, *size);
	}
	while (got < *size && n > 0) {
		n = read(fd, *data + got, *size - got);
		if (n < 0 && errno == EINTR)
			n = 1;
		else if (n > 0)
			got += (size_t)n;
	}
	close(fd);
	if (got == *size)
		return 0;
	free(*data);
	return why_set(why, TE_FILE, "kernel %s: %s after %zu of %zu bytes", path,
		       n < 0 ? strerror(errno) : "end of file", got, *size);
}

int cmd_check_kernel(struct cli *c, int argc, char **argv)
{
	struct report *r;
	struct image im;
	bool strict = false;
	uint8_t *data = NULL;
	size_t size = 0;
	int rc;

	if (argc > 1 && strcmp(argv[1], "--strict") == 0) {
		strict = true;
		argc--;
		argv++;
	}
	if (argc != 2 || argv[1][0] == '-')
		return cli_usage(c, argc < 2 ? "which kernel?" : "\"%s\" is too much",
				 argv[argc - 1]);
	rc = read_kernel(argv[1], &data, &size, c->why);
	if (!rc)
		rc = image_unpack(&im, argv[1], data, size, c->why);
	if (rc)
		return rc;
	r = calloc(1, sizeof(*r));
	if (!r) {
		image_close(&im);
		return why_set(c->why, TE_NO_MEMORY, "no memory for a report");
	}
	r->file = argv[1];
	rc = examine(r, &im, c->why);
	if (!rc && c->json)
		print_json(c, r);
	else if (!rc)
		print_text(r);
	if (!rc && !r->builds) {
		*c->why = r->verdict;
		rc = -ENOEXEC;
	} else if (!rc && r->notes.wrong) {
		rc = why_set(c->why, TE_KERNEL, "%s: %u of its notes are wrong", argv[1],
			     r->notes.wrong);
	} else if (!rc && strict && r->code.silent) {
		rc = why_hint(
			c->why,
			why_set(c->why, TE_STATE,
				"%s: %" PRIu64
				" instructions do not trap and do not do what they do in ring 0",
				argv[1], r->code.silent),
			"a kernel that patches itself when it finds itself on a hypervisor has them in its file all the same");
	}
	image_close(&im);
	free(r);
	return rc;
}
