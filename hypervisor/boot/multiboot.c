/* SPDX-License-Identifier: BSD-2-Clause */
/* What loaders hand over, multiboot 1 and 2, copied out of their memory into boot_info. */
#include <torc/boot.h>
#include <torc/boot_early.h>
#include <torc/x86.h>

#define MB1_LOADED 0x2badb002
#define MB2_LOADED 0x36d76289
#define TEXT_SIZE  8192
#define RAM	   1

struct mb1 {
	uint32_t flags, mem_lower, mem_upper, boot_device, cmdline, mods_count, mods, syms[4],
		mmap_length, mmap, drives_length, drives, config, loader, apm, vbe[4];
	uint64_t fb_addr;
	uint32_t fb_pitch, fb_width, fb_height;
	uint8_t fb_bpp, fb_type;
} __packed;
#define MB1_CMDLINE 0x004u
#define MB1_MODULES 0x008u
#define MB1_MMAP    0x040u
#define MB1_LOADER  0x200u
#define MB1_FB	    0x1000u

struct mb2_tag {
	uint32_t type, size;
};
enum {
	MB2_END,
	MB2_CMDLINE,
	MB2_LOADER,
	MB2_MODULE,
	MB2_MMAP = 6,
	MB2_FB = 8,
	MB2_EFI64 = 12,
	MB2_ACPI_OLD = 14,
	MB2_ACPI_NEW
};

struct boot_info boot_info;
static char text[TEXT_SIZE];
static size_t text_used;
static uint8_t rsdp_copy[36] __aligned(16);

static const char *keep_text(const char *s)
{
	char *to = text + text_used;
	size_t left = TEXT_SIZE - text_used;

	if (left < 2)
		return "";
	text_used += MIN(str_copy(to, s, left) + 1, left);
	return to;
}

static void add_range(maddr_t start, uint64_t size, uint32_t type)
{
	if (size && boot_info.nr_map < ARRAY_SIZE(boot_info.map))
		boot_info.map[boot_info.nr_map++] = (struct boot_range){ start, size, type };
}

static void add_module(maddr_t start, maddr_t end, const char *cmdline)
{
	if (boot_info.nr_modules == ARRAY_SIZE(boot_info.module) || end < start)
		return;
	boot_info.module[boot_info.nr_modules++] =
		(struct boot_module){ start, end - start, keep_text(cmdline) };
}

static void parse_mb1(const struct mb1 *m)
{
	const struct {
		uint32_t start, end, cmdline, reserved;
	} * mod;
	const struct {
		uint32_t size;
		uint64_t start, length;
		uint32_t type;
	} __packed *e;
	uint32_t i;

	if (m->flags & MB1_LOADER)
		boot_info.loader = keep_text(maddr_to_virt(m->loader));
	if (m->flags & MB1_CMDLINE)
		boot_info.cmdline = keep_text(maddr_to_virt(m->cmdline));
	if (m->flags & MB1_MODULES)
		for (mod = maddr_to_virt(m->mods), i = 0; i < m->mods_count; i++, mod++)
			add_module(mod->start, mod->end,
				   mod->cmdline ? maddr_to_virt(mod->cmdline) : "");
	if (m->flags & MB1_MMAP)
		for (i = 0; i + sizeof(*e) <= m->mmap_length; i += e->size + 4) {
			e = maddr_to_virt(m->mmap + i);
			add_range(e->start, e->length, e->type);
		}
	if (m->flags & MB1_FB) {
		boot_info.fb.addr = m->fb_addr;
		boot_info.fb.pitch = m->fb_pitch;
		boot_info.fb.width = m->fb_width;
		boot_info.fb.height = m->fb_height;
		boot_info.fb.bpp = m->fb_bpp;
		boot_info.fb.type = m->fb_type;
	}
}

static void parse_mb2_mmap(const uint8_t *p, const uint8_t *end)
{
	uint32_t entry = *(const uint32_t *)p;

	for (p += 8; entry >= 20 && p + entry <= end; p += entry)
		add_range(*(const uint64_t *)p, *(const uint64_t *)(p + 8),
			  *(const uint32_t *)(p + 16));
}

static void parse_mb2(const uint8_t *info)
{
	const uint8_t *p = info + 8, *end = info + *(const uint32_t *)info, *body;
	const struct mb2_tag *t;

	for (; p + sizeof(*t) <= end; p += ROUND_UP(t->size, 8u)) {
		t = (const struct mb2_tag *)p;
		body = p + sizeof(*t);
		if (t->type == MB2_END || t->size < sizeof(*t))
			break;
		switch (t->type) {
		case MB2_CMDLINE: boot_info.cmdline = keep_text((const char *)body); break;
		case MB2_LOADER: boot_info.loader = keep_text((const char *)body); break;
		case MB2_MODULE:
			add_module(*(const uint32_t *)body, *(const uint32_t *)(body + 4),
				   (const char *)body + 8);
			break;
		case MB2_MMAP: parse_mb2_mmap(body, p + t->size); break;
		case MB2_FB:
			boot_info.fb.addr = *(const uint64_t *)body;
			boot_info.fb.pitch = *(const uint32_t *)(body + 8);
			boot_info.fb.width = *(const uint32_t *)(body + 12);
			boot_info.fb.height = *(const uint32_t *)(body + 16);
			boot_info.fb.bpp = body[20];
			boot_info.fb.type = body[21];
			break;
		case MB2_EFI64: boot_info.efi = true; break;
		case MB2_ACPI_OLD:
		case MB2_ACPI_NEW:
			memcpy(rsdp_copy, body, MIN(t->size - sizeof(*t), sizeof(rsdp_copy)));
			boot_info.rsdp = virt_to_maddr(rsdp_copy);
			break;
		}
	}
}

static void sort_map(void)
{
	struct boot_range *m = boot_info.map, t;
	unsigned int i, j;

	for (i = 1; i < boot_info.nr_map; i++)
		for (j = i; j && m[j].start < m[j - 1].start; j--) {
			t = m[j];
			m[j] = m[j - 1];
			m[j - 1] = t;
		}
}

/* Two neighbours that overlap (firmware has been seen to): RAM gives way. What is left of the first
 * behind the second becomes a range of its own. */
static void part(struct boot_range *a, struct boot_range *b)
{
	uint64_t end = a->start + a->size, b_end = b->start + b->size, cut;

	if (a->type == RAM || b->type != RAM) {
		a->size = b->start - a->start;
		if (b_end < end)
			add_range(b_end, end - b_end, a->type);
	} else {
		cut = MIN(end - b->start, b->size);
		b->start += cut;
		b->size -= cut;
	}
}

static void drop_empty(void)
{
	struct boot_range *m = boot_info.map;
	unsigned int i, n;

	for (i = n = 0; i < boot_info.nr_map; i++)
		if (m[i].size)
			m[n++] = m[i];
	boot_info.nr_map = n;
}

static void tidy_map(void)
{
	struct boot_range *m = boot_info.map;
	unsigned int i;

	sort_map();
	for (i = 0; i + 1 < boot_info.nr_map;) {
		if (m[i].start + m[i].size <= m[i + 1].start) {
			i++;
			continue;
		}
		part(&m[i], &m[i + 1]);
		drop_empty(); /* inside another it would not get shorter, nor stand aside */
		sort_map();
		i = 0; /* each part() shortens or splits: there are few ranges, and an end to it */
	}
}

void multiboot_parse(uint32_t magic, maddr_t info)
{
	boot_info.loader = boot_info.cmdline = "";
	if (magic == MB1_LOADED)
		parse_mb1(maddr_to_virt(info));
	else if (magic == MB2_LOADED)
		parse_mb2(maddr_to_virt(info));
	else
		panic("loaded by something that speaks neither multiboot 1 nor 2 (eax %#x)", magic);
	if (!boot_info.nr_map)
		panic("the loader (%s) gives no memory map", boot_info.loader);
	tidy_map();
}
