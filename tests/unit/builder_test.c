/* SPDX-License-Identifier: BSD-2-Clause */
/* The guest builder against a fake hypervisor: is what it leaves there what the ABI promises? */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include <xen/xen.h>
#include <xen/foreign/x86_32.h>

#include "dom0-tools/builder/builder.h"
#include "tests/unit/fake_host.h"
#include "tests/unit/fake_kernel.h"

#define PAGES	 (16u << 8) /* 16 MiB */
#define PRESENT	 1u
#define WRITABLE 2u
#define FRAME(e) (((e)&0x000ffffffffff000ull) >> 12)

static bool zeroed; /* the whole is done twice: frames come with anything in them, or with zeros */

struct built {
	struct host *h;
	struct build b;
	char kernel[64], ramdisk[64];
};

static void to_file(char path[64], const void *data, size_t size)
{
	int fd;

	strcpy(path, "/tmp/torc-builder-test.XXXXXX");
	fd = mkstemp(path);
	assert_true(fd >= 0);
	assert_int_equal(write(fd, data, size), (ssize_t)size);
	close(fd);
}

static uint64_t shown, shown_of;

static void show(void *arg, uint64_t done, uint64_t all)
{
	assert_ptr_equal(arg, &shown);
	assert_in_range(done, shown, all);
	shown = done;
	shown_of = all;
}

static void build(struct built *t, struct fake_kernel *k, size_t ramdisk_size, bool no_runs)
{
	struct build_spec spec = { .cmdline = "console=hvc0 x=1",
				   .nr_pages = PAGES,
				   .progress = show,
				   .progress_arg = &shown };
	struct why why = { 0 };
	uint8_t *rd = malloc(ramdisk_size + 1);

	memset(t, 0, sizeof(*t));
	for (size_t i = 0; i < ramdisk_size; i++)
		rd[i] = (uint8_t)(i * 13 + 5);
	to_file(t->kernel, k->data, k->size);
	to_file(t->ramdisk, rd, ramdisk_size);
	spec.kernel = t->kernel;
	spec.ramdisk = ramdisk_size ? t->ramdisk : NULL;
	t->h = fake_host_new();
	fake_host_of(t->h)->no_runs = no_runs;
	fake_host_of(t->h)->zeroed = zeroed;
	shown = 0;
	if (build_prepare(&t->b, &spec, &why) || build_domain(&t->b, t->h, 5, &why))
		fail_msg("%s", why.text);
	assert_true(shown > 0 && shown_of > 2 * ramdisk_size);
	free(rd);
	free(k->data);
}

static void end(struct built *t)
{
	assert_int_equal(fake_host_of(t->h)->mapped, 0);
	build_free(&t->b);
	fake_host_free(t->h);
	unlink(t->kernel);
	unlink(t->ramdisk);
}

/* The leaf entry of a virtual address, found as a processor finds it. 0: not mapped. */
static uint64_t walk(struct built *t, uint64_t vaddr)
{
	uint64_t frame = fake_host_of(t->h)->pinned, e = 0;

	for (unsigned int level = t->b.image.is_64 ? 4 : 3; level; level--) {
		const uint64_t *table = (const void *)fake_frame(t->h, frame);

		e = table[vaddr >> (12 + 9 * (level - 1)) & 511];
		if (!(e & PRESENT))
			return 0;
		frame = FRAME(e);
	}
	return e;
}

static const uint8_t *at_vaddr(struct built *t, uint64_t vaddr)
{
	uint64_t e = walk(t, vaddr);

	assert_int_not_equal(e, 0);
	return fake_frame(t->h, FRAME(e)) + (vaddr & 4095);
}

static bool is_table(const struct build *b, uint64_t pfn)
{
	return (pfn >= b->at.tables.pfn && pfn < b->at.tables.pfn + b->at.tables.count) ||
	       (pfn >= b->at.list_tables.pfn &&
		pfn < b->at.list_tables.pfn + b->at.list_tables.count);
}

/* Every frame of the initial mapping is mapped once, in order; tables read-only, all else writable. */
static void check_mapping(struct built *t)
{
	struct fake_host *f = fake_host_of(t->h);
	const struct layout *at = &t->b.at;
	uint64_t pages = (at->v_end - at->v_start) >> 12;

	assert_int_equal(at->v_end & ((4u << 20) - 1), 0);
	assert_true(at->v_end - (layout_vaddr(at, at->stack) + 4096) >= 512u << 10);
	for (uint64_t pfn = 0; pfn < pages; pfn++) {
		uint64_t e = walk(t, layout_vaddr(at, pfn));

		assert_int_not_equal(e, 0);
		assert_true(f->given[FRAME(e)]);
		assert_int_equal(f->pfn_of[FRAME(e)], pfn);
		assert_int_equal(t->b.p2m[pfn], FRAME(e));
		assert_int_equal((e & WRITABLE) != 0, !is_table(&t->b, pfn));
	}
	assert_int_equal(walk(t, at->v_end), 0);
	assert_int_equal(f->mapped_at_pin, 0);
	assert_int_equal(f->pinned_level, t->b.image.is_64 ? 4 : 3);
}

/* Every present entry at every level names a frame of the domain's, and tables are nowhere
 * writable. */
static void check_safe(struct built *t)
{
	struct fake_host *f = fake_host_of(t->h);
	const struct layout *at = &t->b.at;

	for (uint64_t i = 0; i < at->tables.count + at->list_tables.count; i++) {
		uint64_t pfn = i < at->tables.count ? at->tables.pfn + i :
						      at->list_tables.pfn + i - at->tables.count;
		const uint64_t *table = (const void *)fake_frame(t->h, t->b.p2m[pfn]);

		for (unsigned int j = 0; j < 512; j++)
			if (table[j] & PRESENT)
				assert_true(f->given[FRAME(table[j])]);
	}
}

static void check_contents(struct built *t)
{
	const uint8_t *text = at_vaddr(t, t->b.image.virt_start);

	assert_int_equal(text[0], 1);
	assert_int_equal(at_vaddr(t, t->b.image.virt_start + 4096)[3], (uint8_t)(4099 * 7 + 16 + 1));
	for (uint64_t i = FAKE_TEXT; i < 2 * FAKE_TEXT; i += 512) { /* bss */
		assert_int_equal(*at_vaddr(t, t->b.image.virt_start + i), 0);
		assert_int_equal(
			fake_host_of(t->h)->was_mapped[FRAME(walk(t, t->b.image.virt_start + i))],
			!zeroed);
	}
	assert_int_equal(*at_vaddr(t, layout_vaddr(&t->b.at, t->b.at.store)), 0);
	assert_int_equal(*at_vaddr(t, layout_vaddr(&t->b.at, t->b.at.console)), 0);
}

static void check_grants(struct built *t)
{
	struct fake_host *f = fake_host_of(t->h);

	assert_int_equal(f->grants, 2);
	assert_int_equal(f->grant_ref[0], 0);
	assert_int_equal(f->grant_mfn[0], t->b.console_frame);
	assert_int_equal(f->grant_ref[1], 1);
	assert_int_equal(f->grant_mfn[1], t->b.store_frame);
}

static void linux_like_64(void **state)
{
	struct fake_kernel k = fake_kernel_good(1);
	const struct vcpu_guest_context *c;
	const struct start_info *si;
	struct built t;

	(void)state;
	fake_note_number(&k, XEN_ELFNOTE_INIT_P2M, 0x8000000000ull);
	fake_note_number(&k, XEN_ELFNOTE_MOD_START_PFN, 1);
	build(&t, &k, 70000, false);
	check_mapping(&t);
	check_safe(&t);
	check_contents(&t);
	check_grants(&t);

	c = (const void *)fake_host_of(t.h)->context;
	assert_int_equal(fake_host_of(t.h)->context_size, sizeof(*c));
	assert_int_equal(c->user_regs.rip, t.b.image.entry);
	assert_int_equal(c->user_regs.cs & 3, 3);
	assert_int_equal(c->ctrlreg[3] >> 12, fake_host_of(t.h)->pinned);
	assert_int_equal(c->user_regs.rsp, layout_vaddr(&t.b.at, t.b.at.stack) + 4096);

	si = (const void *)at_vaddr(&t, c->user_regs.rsi);
	assert_string_equal(si->magic, "xen-3.0-x86_64");
	assert_int_equal(si->nr_pages, PAGES);
	assert_int_equal(si->shared_info, (uint64_t)FAKE_SHARED << 12);
	assert_int_equal(si->store_mfn, t.b.store_frame);
	assert_int_equal(si->console.domU.evtchn, t.b.console_port);
	assert_string_equal((const char *)si->cmd_line, "console=hvc0 x=1");
	assert_int_equal(si->pt_base, layout_vaddr(&t.b.at, t.b.at.tables.pfn));
	assert_int_equal(si->nr_pt_frames, t.b.at.tables.count);

	/* the ramdisk is outside the mapping and named by its frame */
	assert_true(si->flags & SIF_MOD_START_PFN);
	assert_int_equal(si->mod_len, 70000);
	assert_true(si->mod_start >= (t.b.at.v_end - t.b.at.v_start) >> 12);
	for (unsigned int i = 0; i < 70000; i += 911)
		assert_int_equal(fake_frame(t.h, t.b.p2m[si->mod_start + i / 4096])[i % 4096],
				 (uint8_t)(i * 13 + 5));

	/* the list is where INIT_P2M wants it, and right */
	assert_int_equal(si->mfn_list, 0x8000000000ull);
	for (uint64_t pfn = 0; pfn < PAGES; pfn++) {
		const uint8_t *p = at_vaddr(&t, si->mfn_list + pfn * 8);
		uint64_t mfn;

		memcpy(&mfn, p, 8);
		assert_int_equal(mfn, t.b.p2m[pfn]);
		assert_int_equal(fake_host_of(t.h)->pfn_of[mfn], pfn);
	}
	assert_int_equal(si->first_p2m_pfn, t.b.at.list_tables.pfn);
	assert_int_equal(si->nr_p2m_frames, t.b.at.list_tables.count + t.b.at.p2m.count);
	end(&t);
}

/* Without those notes everything lies inside the initial mapping. */
static void plain_64(void **state)
{
	struct fake_kernel k = fake_kernel_good(1);
	const struct vcpu_guest_context *c;
	const struct start_info *si;
	struct built t;

	(void)state;
	build(&t, &k, 5000, true);
	check_mapping(&t);
	check_safe(&t);
	check_contents(&t);
	c = (const void *)fake_host_of(t.h)->context;
	si = (const void *)at_vaddr(&t, c->user_regs.rsi);
	assert_false(si->flags & SIF_MOD_START_PFN);
	assert_int_equal(at_vaddr(&t, si->mod_start)[4000], (uint8_t)(4000 * 13 + 5));
	assert_int_equal(*at_vaddr(&t, si->mod_start + 5000), 0);
	assert_memory_equal(at_vaddr(&t, si->mfn_list), t.b.p2m, 4096);
	assert_int_equal(si->first_p2m_pfn, 0);
	end(&t);
}

static void ring_1_guest(void **state)
{
	struct fake_kernel k = fake_kernel_good(0);
	const struct vcpu_guest_context_x86_32 *c;
	const struct start_info_x86_32 *si;
	const uint64_t *root;
	struct built t;

	(void)state;
	build(&t, &k, 5000, false);
	check_mapping(&t);
	check_safe(&t);
	check_contents(&t);
	check_grants(&t);
	c = (const void *)fake_host_of(t.h)->context;
	assert_int_equal(fake_host_of(t.h)->context_size, sizeof(*c));
	assert_int_equal(c->user_regs.cs & 3, 1);
	assert_int_equal(c->user_regs.ss & 3, 1);
	assert_int_equal(c->kernel_ss & 3, 1);
	assert_int_equal(xen_cr3_to_pfn_x86_32(c->ctrlreg[3]), fake_host_of(t.h)->pinned);
	assert_true(c->vm_assist & 1u << VMASST_TYPE_pae_extended_cr3);

	/* PAE: four entries, each with the present bit and no other flag; none is left out */
	root = (const void *)fake_frame(t.h, fake_host_of(t.h)->pinned);
	for (unsigned int i = 0; i < 4; i++)
		assert_int_equal(root[i] & 0xfff, PRESENT);
	for (unsigned int i = 4; i < 512; i++)
		assert_int_equal(root[i], 0);

	si = (const void *)at_vaddr(&t, c->user_regs.esi);
	assert_string_equal(si->magic, "xen-3.0-x86_32p");
	assert_int_equal(si->nr_pages, PAGES);
	assert_int_equal(si->console.domU.mfn, t.b.console_frame);
	for (uint64_t pfn = 0; pfn < PAGES; pfn++) {
		uint32_t mfn;

		memcpy(&mfn, at_vaddr(&t, si->mfn_list + pfn * 4), 4);
		assert_int_equal(mfn, t.b.p2m[pfn]);
	}
	assert_int_equal(at_vaddr(&t, si->mod_start)[4999], (uint8_t)(4999 * 13 + 5));
	end(&t);
}

/* GRUB for ring 1, as Debian ships it. */
static void grub_in_ring_1(void **state)
{
	const char *path = "/usr/lib/grub-xen/grub-i386-xen.bin";
	struct build_spec spec = { .kernel = path, .cmdline = "", .nr_pages = 32u << 8 };
	struct built t = { .kernel = "", .ramdisk = "" };
	struct why why = { 0 };

	(void)state;
	if (access(path, R_OK))
		skip();
	t.h = fake_host_new();
	assert_int_equal(build_prepare(&t.b, &spec, &why), 0);
	assert_int_equal(build_domain(&t.b, t.h, 5, &why), 0);
	check_mapping(&t);
	check_safe(&t);
	build_free(&t.b);
	fake_host_free(t.h);
}

static void events_start_masked(void **state)
{
	struct fake_kernel k = fake_kernel_good(1);
	const struct shared_info *s;
	struct built t;

	(void)state;
	build(&t, &k, 0, false);
	s = (const void *)fake_frame(t.h, FAKE_SHARED);
	for (unsigned int i = 0; i < XEN_LEGACY_MAX_VCPUS; i++)
		assert_int_equal(s->vcpu_info[i].evtchn_upcall_mask, 1);
	end(&t);
}

static void hypercall_page(void **state)
{
	struct fake_kernel k = fake_kernel_good(1);
	struct built t;

	(void)state;
	fake_note_number(&k, XEN_ELFNOTE_HYPERCALL_PAGE, 0xffffffff80201000ull);
	build(&t, &k, 0, false);
	assert_int_equal(fake_host_of(t.h)->hypercall_page, t.b.p2m[0x201]);
	end(&t);
}

static void too_small(void **state)
{
	struct fake_kernel k = fake_kernel_good(1);
	struct build_spec spec = { .nr_pages = 2u << 8 };
	char path[64];
	struct build b;
	struct why why = { 0 };

	(void)state;
	to_file(path, k.data, k.size);
	spec.kernel = path;
	assert_int_not_equal(build_prepare(&b, &spec, &why), 0);
	assert_non_null(strstr(why.text, "too few"));
	unlink(path);
	free(k.data);
}

static void memory_runs_out(void **state)
{
	struct fake_kernel k = fake_kernel_good(1);
	struct build_spec spec = { .nr_pages = PAGES };
	struct host *h = fake_host_new();
	struct why why = { 0 };
	struct build b;
	char path[64];

	(void)state;
	to_file(path, k.data, k.size);
	spec.kernel = path;
	fake_host_of(h)->budget = PAGES - 3;
	assert_int_equal(build_prepare(&b, &spec, &why), 0);
	assert_int_not_equal(build_domain(&b, h, 5, &why), 0);
	assert_int_equal(why.error, TE_NO_MEMORY);
	assert_int_equal(fake_host_of(h)->mapped, 0);
	assert_int_equal(fake_host_of(h)->pinned, 0);
	build_free(&b);
	fake_host_free(h);
	unlink(path);
	free(k.data);
}

/* Who makes guests again for all must not wait for whoever holds its other end. */
static void a_pipe_is_no_ramdisk(void **state)
{
	struct fake_kernel k = fake_kernel_good(1);
	struct build_spec spec = { .nr_pages = PAGES };
	char path[64], pipe[64];
	struct why why = { 0 };
	struct build b;

	(void)state;
	to_file(path, k.data, k.size);
	to_file(pipe, "", 0);
	unlink(pipe);
	assert_int_equal(mkfifo(pipe, 0600), 0);
	spec.kernel = path;
	spec.ramdisk = pipe;
	alarm(20);
	assert_int_not_equal(build_prepare(&b, &spec, &why), 0);
	alarm(0);
	assert_non_null(strstr(why.text, "not a regular file"));
	unlink(path);
	unlink(pipe);
	free(k.data);
}

static void long_command_line(void **state)
{
	struct build_spec spec = { .kernel = "/nowhere", .nr_pages = PAGES };
	struct why why = { 0 };
	char line[1100];
	struct build b;

	(void)state;
	memset(line, 'a', sizeof(line) - 1);
	line[sizeof(line) - 1] = 0;
	spec.cmdline = line;
	assert_int_not_equal(build_prepare(&b, &spec, &why), 0);
	assert_non_null(strstr(why.text, "1023"));
}

/* Segments that begin and end anywhere, and gaps: what is between them is zeros, whether they have
 * to be written or not. */
static void scattered_segments(void **state)
{
	static const struct image_segment segments[] = {
		{ .vaddr = 0x10, .memsz = 0x20, .filesz = 0x20, .offset = 0 },
		{ .vaddr = 3 * 4096 + 100, .memsz = 9000, .filesz = 5000, .offset = 64 },
		{ .vaddr = 9 * 4096 + 4000, .memsz = 200, .filesz = 200, .offset = 7000 },
		{ .vaddr = 45 * 4096 + 4090, .memsz = 40, .filesz = 10, .offset = 8000 },
	};
	enum { COUNT = 60, SIZE = COUNT * 4096 };
	static uint8_t data[16384], want[SIZE];
	struct build b = { .zeroed = zeroed, .at.kernel = { 0, COUNT } };
	uint64_t frames[COUNT];
	struct why why = { 0 };
	struct host *h = fake_host_new();
	unsigned int mapped = 0;
	size_t done;

	(void)state;
	for (size_t i = 0; i < sizeof(data); i++)
		data[i] = (uint8_t)(i % 251 + 1);
	b.image = (struct image){ .name = "made up",
				  .data = data,
				  .size = sizeof(data),
				  .fd = -1,
				  .is_64 = true,
				  .nr_segments = 4 };
	memcpy(b.image.segments, segments, sizeof(segments));
	for (size_t i = 0; i < 4; i++)
		memcpy(want + segments[i].vaddr, data + segments[i].offset, segments[i].filesz);
	for (uint64_t i = 0; i < COUNT; i++)
		frames[i] = i;
	fake_host_of(h)->zeroed = zeroed;
	assert_int_equal(host_populate(h, 5, 0, frames, COUNT, &done, &why), 0);
	b.p2m = frames;
	assert_int_equal(fill_kernel(&b, h, 5, &why), 0);
	for (uint64_t i = 0; i < COUNT; i++) {
		assert_memory_equal(fake_frame(h, frames[i]), want + i * 4096, 4096);
		mapped += fake_host_of(h)->was_mapped[frames[i]];
	}
	assert_int_equal(mapped, zeroed ? 11 + 2 : COUNT); /* pages 0 to 10 and 45, 46 */
	assert_int_equal(fake_host_of(h)->mapped, 0);
	fake_host_free(h);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(linux_like_64),
		cmocka_unit_test(plain_64),
		cmocka_unit_test(ring_1_guest),
		cmocka_unit_test(grub_in_ring_1),
		cmocka_unit_test(events_start_masked),
		cmocka_unit_test(hypercall_page),
		cmocka_unit_test(too_small),
		cmocka_unit_test(memory_runs_out),
		cmocka_unit_test(long_command_line),
		cmocka_unit_test(scattered_segments),
		cmocka_unit_test(a_pipe_is_no_ramdisk),
	};
	int failed = cmocka_run_group_tests(tests, NULL, NULL);

	zeroed = true;
	return cmocka_run_group_tests_name("zeroed", tests, NULL, NULL) || failed;
}
