/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Builds the control domain from the loader's first two modules: a paravirtual kernel (plain ELF:
 * decompressing is not ring 0's business) and its initramfs. The layout follows the ABI's order:
 * kernel, module, list of frames, start_info, page tables, stack; what the kernel's notes let us
 * place elsewhere goes above the initial region. Whatever is wrong ends in a panic that says what:
 * without dom0 there is nothing.
 */
#include <torc/boot.h>
#include <torc/console.h>
#include <torc/dom0.h>
#include <torc/heap.h>
#include <torc/hypercall.h>
#include <torc/pv.h>
#include <torc/sched.h>
#include <torc/x86.h>

#define REGION_ALIGN MB(4)
#define REGION_SLACK KB(512) /* the ABI's padding after the last element */
#define CHUNK_ORDER  9

/* --- how much memory ------------------------------------------------------ */

static unsigned long choose_pages(void)
{
	uint64_t avail = heap_free_frames(), want = cmdline_dom0_pages(avail);

	if (want > DOM0_PAGES_MAX)
		panic("dom0: %lu MiB of memory are wanted (dom0_mem=), %lu MiB are the most",
		      (unsigned long)(want >> 8), (unsigned long)(DOM0_PAGES_MAX >> 8));
	/* The type counts and page tables of the hypervisor are accounted for already: only what
	 * vcpus and rings take comes on top. */
	if (avail < (MB(16) >> PAGE_SHIFT) || want > avail - (MB(8) >> PAGE_SHIFT))
		panic("dom0: %lu MiB of memory are wanted (dom0_mem=), %lu MiB are free",
		      (unsigned long)(want >> 8), (unsigned long)(avail >> 8));
	return want;
}

/* --- where everything goes ------------------------------------------------ */

static unsigned long take(unsigned long *va, unsigned long bytes)
{
	unsigned long at = *va;

	*va += ROUND_UP(bytes, PAGE_SIZE);
	return at;
}

static void lay_out(struct dom0_build *b)
{
	const struct pv_kernel *k = &b->kernel;
	unsigned long va, pfn;

	b->v_start = ROUND_DOWN(k->virt_base, PAGE_SIZE);
	va = ROUND_UP(k->end, PAGE_SIZE);
	if (b->module && !k->mod_start_pfn) {
		b->module_va = take(&va, b->module_size);
		b->module_pfn = (b->module_va - b->v_start) >> PAGE_SHIFT;
	}
	b->p2m_pages = ROUND_UP(b->nr_pages * sizeof(uint64_t), PAGE_SIZE) >> PAGE_SHIFT;
	if (!k->has_init_p2m) {
		b->p2m_va = take(&va, b->p2m_pages << PAGE_SHIFT);
		b->p2m_pfn = (b->p2m_va - b->v_start) >> PAGE_SHIFT;
	}
	b->start_info_va = take(&va, PAGE_SIZE);
	b->tables_va = va;
	/* The tables map themselves: more of them may need yet more. */
	for (b->nr_tables = 4;;) {
		unsigned long need;

		b->stack_va = b->tables_va + (b->nr_tables << PAGE_SHIFT);
		b->v_end = ROUND_UP(b->stack_va + PAGE_SIZE + REGION_SLACK, REGION_ALIGN);
		need = dom0_tables_needed(b->v_start, (b->v_end - b->v_start) >> PAGE_SHIFT);
		if (need <= b->nr_tables)
			break;
		b->nr_tables = need;
	}
	if (b->v_end <= b->v_start || (b->v_start < HYP_END && b->v_end > 0x0000800000000000ul))
		panic("dom0: the kernel's region, %#lx to %#lx, is not free for a guest; it is linked at a wrong VIRT_BASE",
		      b->v_start, b->v_end);

	pfn = (b->v_end - b->v_start) >> PAGE_SHIFT;
	if (b->module && k->mod_start_pfn) {
		b->module_pfn = pfn;
		pfn += ROUND_UP(b->module_size, PAGE_SIZE) >> PAGE_SHIFT;
	}
	if (k->has_init_p2m) {
		unsigned long start = k->init_p2m, end = start + (b->p2m_pages << PAGE_SHIFT);

		if (start & ~PAGE_MASK || end <= start ||
		    (start < HYP_END && end > 0x0000800000000000ul) ||
		    (start < b->v_end && end > b->v_start))
			panic("dom0: INIT_P2M %#lx to %#lx is not free for the list of frames",
			      start, end);
		b->p2m_pfn = pfn;
		pfn += b->p2m_pages;
		b->p2m_tables_pfn = pfn;
		b->nr_p2m_tables = dom0_tables_needed(start, b->p2m_pages) - 1;
		pfn += b->nr_p2m_tables;
	}
	b->first_free_pfn = pfn;
	if (pfn + (MB(16) >> PAGE_SHIFT) > b->nr_pages)
		panic("dom0: %lu MiB (dom0_mem=) are too little: kernel, module and tables take %lu MiB, and it needs 16 more to start",
		      b->nr_pages >> 8, pfn >> 8);
}

/* --- its memory ----------------------------------------------------------- */

static void give_frame(struct dom0_build *b, struct frame *f, unsigned long pfn)
{
	mfn_t m = frame_mfn(f);

	if (domain_assign(b->d, f, 0))
		panic("dom0: frame %lu of %lu is not accepted", pfn, b->nr_pages);
	b->p2m[pfn] = m.n;
	m2p_set(m, pfn);
}

static void give_frames(struct dom0_build *b, unsigned long pfn, unsigned long end)
{
	unsigned int order = CHUNK_ORDER;

	while (pfn < end) {
		struct frame *f;

		while ((1ul << order) > end - pfn)
			order--;
		f = frames_alloc(order, 0);
		if (!f && !order)
			panic("dom0: out of memory at frame %lu of %lu", pfn, b->nr_pages);
		if (!f) {
			order--;
			continue;
		}
		for (unsigned long i = 0; i < 1ul << order; i++)
			give_frame(b, f + i, pfn++);
	}
}

/* The list of frames lies in the domain's own memory, in one piece so that it can be written as an
 * array from the start. */
static void populate(struct dom0_build *b)
{
	unsigned int order = 0;
	struct frame *f;

	while ((1ul << order) < b->p2m_pages)
		order++;
	f = frames_alloc(order, 0);
	if (!f)
		panic("dom0: no %lu KiB in one piece for the list of its frames", b->p2m_pages << 2);
	b->p2m = mfn_to_virt(frame_mfn(f));
	memset(b->p2m, 0xff, b->p2m_pages << PAGE_SHIFT);
	for (unsigned long i = 0; i < 1ul << order; i++) {
		if (i < b->p2m_pages)
			give_frame(b, f + i, b->p2m_pfn + i);
		else
			frames_free(f + i, 0);
	}
	give_frames(b, 0, b->p2m_pfn);
	give_frames(b, b->p2m_pfn + b->p2m_pages, b->nr_pages);
}

/* n bytes at src (NULL: zeroes) to consecutive frames from byte offset at of pseudo-physical memory
 * on. */
static void copy_to(struct dom0_build *b, unsigned long at, const void *src, unsigned long n)
{
	while (n) {
		unsigned long off = at & ~PAGE_MASK, part = MIN(n, PAGE_SIZE - off);
		char *dst = (char *)dom0_page(b, at >> PAGE_SHIFT) + off;

		if (src) {
			memcpy(dst, src, part);
			src = (const char *)src + part;
		} else {
			memset(dst, 0, part);
		}
		at += part;
		n -= part;
	}
}

static void load(struct dom0_build *b)
{
	struct pv_segment s;

	for (unsigned int n = 0; pv_kernel_segment(&b->kernel, n, &s); n++) {
		unsigned long at = s.vaddr - b->v_start;

		copy_to(b, at, s.data, s.file_size);
		copy_to(b, at + s.file_size, NULL, s.mem_size - s.file_size);
	}
	if (b->kernel.has_hypercall_page)
		hypercall_page_fill(b->d, dom0_page(b, dom0_pfn(b, b->kernel.hypercall_page)));
	if (b->module)
		copy_to(b, b->module_pfn << PAGE_SHIFT, b->module, b->module_size);
}

/* --- what it is told ------------------------------------------------------ */

/* Some loaders put the file's name in front of its command line; no argument of a kernel begins
 * with a slash. */
static const char *kernel_cmdline(void)
{
	const char *s = boot_info.module[0].cmdline;
	bool named = boot_info.loader && !strncmp(boot_info.loader, "qemu", 4);

	if (!s)
		return "";
	while (*s == ' ')
		s++;
	if (*s == '/' || named) {
		while (*s && *s != ' ')
			s++;
		while (*s == ' ')
			s++;
	}
	return s;
}

static void fill_console(struct dom0_vga_console_info *c)
{
	if (boot_info.fb.type != 1 || !boot_info.fb.addr) {
		c->video_type = XEN_VGATYPE_TEXT_MODE_3;
		c->u.text_mode_3.font_height = 16;
		c->u.text_mode_3.rows = 25;
		c->u.text_mode_3.columns = 80;
		c->u.text_mode_3.cursor_y = 24;
		return;
	}
	c->video_type = boot_info.efi ? XEN_VGATYPE_EFI_LFB : XEN_VGATYPE_VESA_LFB;
	c->u.vesa_lfb.width = boot_info.fb.width;
	c->u.vesa_lfb.height = boot_info.fb.height;
	c->u.vesa_lfb.bytes_per_line = boot_info.fb.pitch;
	c->u.vesa_lfb.bits_per_pixel = boot_info.fb.bpp;
	c->u.vesa_lfb.lfb_base = (uint32_t)boot_info.fb.addr;
	c->u.vesa_lfb.ext_lfb_base = boot_info.fb.addr >> 32;
	c->u.vesa_lfb.lfb_size = (boot_info.fb.pitch * boot_info.fb.height + 0xffff) >> 16;
	/* what linear framebuffers of 32 and 24 bits use; 16 bits are 5:6:5 */
	if (boot_info.fb.bpp >= 24) {
		c->u.vesa_lfb.red_pos = 16;
		c->u.vesa_lfb.green_pos = 8;
		c->u.vesa_lfb.red_size = c->u.vesa_lfb.green_size = c->u.vesa_lfb.blue_size = 8;
	} else {
		c->u.vesa_lfb.red_pos = 11;
		c->u.vesa_lfb.green_pos = 5;
		c->u.vesa_lfb.red_size = c->u.vesa_lfb.blue_size = 5;
		c->u.vesa_lfb.green_size = 6;
	}
}

static void fill_start_info(struct dom0_build *b)
{
	struct start_info *si = dom0_page(b, dom0_pfn(b, b->start_info_va));

	memset(si, 0, PAGE_SIZE);
	str_copy(si->magic, "xen-3.0-x86_64", sizeof(si->magic));
	si->nr_pages = b->nr_pages;
	si->shared_info = virt_to_maddr(b->d->shared);
	si->flags = SIF_PRIVILEGED | SIF_INITDOMAIN;
	si->pt_base = b->tables_va;
	si->nr_pt_frames = b->nr_tables;
	if (b->p2m_va) {
		si->mfn_list = b->p2m_va;
	} else {
		si->mfn_list = b->kernel.init_p2m;
		si->first_p2m_pfn = b->p2m_pfn;
		si->nr_p2m_frames = b->p2m_pages + b->nr_p2m_tables;
	}
	if (b->module) {
		si->mod_start = b->module_va ? b->module_va : b->module_pfn;
		si->mod_len = b->module_size;
		if (!b->module_va)
			si->flags |= SIF_MOD_START_PFN;
	}
	str_copy((char *)si->cmd_line, kernel_cmdline(), sizeof(si->cmd_line));
	si->console.dom0.info_off = sizeof(*si);
	si->console.dom0.info_size = sizeof(struct dom0_vga_console_info);
	fill_console((struct dom0_vga_console_info *)(si + 1));
}

static void start_state(struct dom0_build *b)
{
	mfn_t root = MFN(b->p2m[dom0_pfn(b, b->tables_va)]);
	struct vcpu *v = b->d->vcpus[0];
	union vcpu_context *c = zalloc(sizeof(*c));
	int rc;

	BUG_ON(!c);
	/* Kernels unpin the root they were started with. */
	while ((rc = frame_get_typed(mfn_frame(root), b->d, FT_L4)) == -XEN_ERESTART)
		;
	if (rc || !frame_pin(mfn_frame(root)))
		panic("dom0: its first page tables are refused (%d)", rc);

	c->c64.flags = VGCF_in_kernel | VGCF_online;
	c->c64.user_regs.rip = b->kernel.entry;
	c->c64.user_regs.rsp = b->stack_va + PAGE_SIZE;
	c->c64.user_regs.rsi = b->start_info_va;
	c->c64.user_regs.rflags = 0x202;
	c->c64.user_regs.cs = FLAT_KERNEL_CS;
	c->c64.user_regs.ss = FLAT_KERNEL_SS;
	c->c64.user_regs.ds = c->c64.user_regs.es = FLAT_KERNEL_DS;
	c->c64.kernel_ss = FLAT_KERNEL_SS;
	c->c64.kernel_sp = b->stack_va + PAGE_SIZE;
	c->c64.ctrlreg[3] = xen_pfn_to_cr3(root.n);
	if ((rc = vcpu_context_set(v, c)))
		panic("dom0: its first registers are refused (%d)", rc);
	zfree(c);
}

static void create(struct dom0_build *b)
{
	struct xen_domctl_createdomain c = {
		.max_evtchn_port = ~0u,
		.max_grant_frames = -1,
		.max_maptrack_frames = -1,
		.grant_opts = XEN_DOMCTL_GRANT_version(1),
	};
	int rc;

	c.max_vcpus = options.dom0_max_vcpus ? options.dom0_max_vcpus : nr_cpus;
	rc = domain_create(0, &c, &b->d);
	if (rc)
		panic("dom0: not created (%d)", rc);
	dom0 = b->d;
	dom0->privileged = true;
	dom0->io_mem_all = true;
	if (io_init(dom0, true))
		panic("dom0: no memory for its rights");
	for (unsigned int i = 0; i < c.max_vcpus; i++) {
		rc = vcpu_create(dom0, i);
		if (rc)
			panic("dom0: vcpu %u of %u not created (%d)", i, c.max_vcpus, rc);
	}
}

/* The modules are copied and serve no more. */
static void release_modules(void)
{
	for (unsigned int i = 0; i < boot_info.nr_modules; i++) {
		const struct boot_module *m = &boot_info.module[i];

		heap_add(ROUND_UP(m->start, PAGE_SIZE), ROUND_DOWN(m->start + m->size, PAGE_SIZE));
	}
	boot_info.nr_modules = 0;
}

/* What is typed on the serial line is for dom0's kernel, which asks for it with console_io. */
static void input_arrived(void)
{
	evtchn_virq_global(VIRQ_CONSOLE);
}

void dom0_build(void)
{
	static struct dom0_build build;
	struct dom0_build *b = &build;
	char why[160];

	if (!boot_info.nr_modules)
		panic("dom0: the loader gave no modules; the first must be a kernel");
	if (pv_kernel_parse(&b->kernel, maddr_to_virt(boot_info.module[0].start),
			    boot_info.module[0].size, why, sizeof(why)))
		panic("dom0: the first module is not a kernel for it: %s", why);
	if (!b->kernel.is_64bit)
		panic("dom0: the kernel is a 32-bit one; dom0 can be 64-bit only, guests may be either");
	if (b->kernel.features && !(b->kernel.features >> XENFEAT_dom0 & 1))
		panic("dom0: the kernel (%s) can be a guest but not the control domain",
		      b->kernel.guest_os);
	if (boot_info.nr_modules > 1) {
		b->module = maddr_to_virt(boot_info.module[1].start);
		b->module_size = boot_info.module[1].size;
	}
	create(b);
	b->nr_pages = choose_pages();
	b->d->max_pages =
		options.dom0_mem_max ? MAX(options.dom0_mem_max >> PAGE_SHIFT, b->nr_pages) : ~0u;
	lay_out(b);
	populate(b);
	load(b);
	dom0_tables_build(b);
	fill_start_info(b);
	start_state(b);
	time_update_wallclock(b->d);
	log_info("dom0: %s kernel at %#lx to %#lx, entry %#lx; %lu MiB, %u vcpus, module of %lu KiB",
		 b->kernel.guest_os, (unsigned long)b->kernel.start, (unsigned long)b->kernel.end,
		 (unsigned long)b->kernel.entry, b->nr_pages >> 8, b->d->max_vcpus,
		 b->module_size >> 10);
	release_modules();
	console_input_notify = input_arrived;
	domain_unpause_by_tools(b->d);
}
