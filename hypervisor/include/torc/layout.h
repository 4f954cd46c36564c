/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The address space. The ABI gives the hypervisor root slots 256 to 271 (0xffff800000000000 to
 * 0xffff87ffffffffff) of every 64-bit guest, and everything above 4 GiB of a 32-bit one. Included
 * by C, assembly and the linker script.
 *
 *   0xffff800000000000  slot 256  machine-to-phys table, read-only to 64-bit guests (ABI)
 *   0xffff820000000000  slot 260  fixed maps of devices (APIC, IO-APICs, HPET, MMCFG, framebuffer)
 *   0xffff82a000000000  slot 261  writable view of the machine-to-phys table
 *   0xffff82b000000000  slot 261  the same of 32-bit guests' table, once there is one
 *   0xffff82d080000000  slot 261  Torc itself: text, rodata, data; below 1 GiB
 *   0xffff82d0c0000000  slot 261  a window for each physical CPU (below)
 *   0xffff82e000000000  slot 261  frame table
 *   0xffff830000000000  slots 262..271  direct map of all RAM (5 TiB)
 *
 * A CPU's window holds all that the processor itself looks for by linear address, at addresses that
 * never change for that CPU, so that GDTR, IDTR, TR and the system-call entry are loaded once at
 * boot:
 *
 *   +0x00000  GDT, 16 pages: 0..13 the running vcpu's frames, 14 ours, 15 (and unused ones) a
 *             page of zeroes
 *   +0x10000  LDT, 16 pages: the running vcpu's, filled on demand
 *   +0x20000  system-call stub: one frame, the same for all CPUs, reaches this CPU's stack
 *             relative to rip
 *   +0x21000  IST stacks, a page each with a hole (or the stub) below: #DB +0x21000, NMI +0x23000,
 *             #DF +0x25000, #MC +0x27000. At +0x28000 - sizeof(struct cpu_info) is what cpu_info()
 *             finds on any of them: a copy, see x86/trap.c
 *   +0x28000  TSS with the I/O bitmap, 3 pages
 *   +0x40000  stack, 32 KiB, aligned to its size; struct cpu_info at its end; a hole below
 */
#ifndef TORC_LAYOUT_H
#define TORC_LAYOUT_H

#ifdef __ASSEMBLER__
#define LAYOUT(x) x
#else
#define LAYOUT(x) x##ul
#endif

#define HYP_SLOT_FIRST 256
#define HYP_SLOT_LAST  271
#define HYP_START      LAYOUT(0xffff800000000000)
#define HYP_END	       LAYOUT(0xffff880000000000)
#define M2P_BASE       LAYOUT(0xffff800000000000)
#define FIXMAP_BASE    LAYOUT(0xffff820000000000)
#define M2P_RW_BASE    LAYOUT(0xffff82a000000000)
#define M2P32_RW_BASE  LAYOUT(0xffff82b000000000)
#define IMAGE_BASE     LAYOUT(0xffff82d080000000)
#define CPU_WINDOWS    LAYOUT(0xffff82d0c0000000)
#define FRAME_TABLE    LAYOUT(0xffff82e000000000)
#define DIRECTMAP_BASE LAYOUT(0xffff830000000000)
#define DIRECTMAP_END  LAYOUT(0xffff880000000000)

#define CPU_WINDOW_SHIFT 19
#define CPU_WINDOW(cpu)	 (CPU_WINDOWS + ((unsigned long)(cpu) << CPU_WINDOW_SHIFT))
#define WINDOW_GDT	 0x00000
#define WINDOW_LDT	 0x10000
#define WINDOW_STUB	 0x20000
#define WINDOW_DB_STACK	 0x21000
#define WINDOW_NMI_STACK 0x23000
#define WINDOW_DF_STACK	 0x25000
#define WINDOW_MC_STACK	 0x27000
#define WINDOW_TSS	 0x28000
#define WINDOW_STACK	 0x40000
#define STACK_SIZE	 0x8000

/* Selectors: our page of the GDT is the 14th (ABI: FIRST_RESERVED_GDT_PAGE). Two versions of it, as
 * the ABI's flat selectors mean different things to 64-bit guests (RING3 CS32, DS, CS64 at
 * 0xe020..) and 32-bit ones (RING1 CS, DS, RING3 CS, DS at 0xe018..). */
#define GDT_RESERVED_PAGE  14
#define GDT_RESERVED_ENTRY (GDT_RESERVED_PAGE * 512)
#define HYP_CS		   0xe008
#define HYP_DS		   0xe010
#define HYP_TSS		   0xe040
#define HYP_LDT		   0xe050

/* 32-bit guests: the hole at the top of their 4 GiB, with the 32-bit machine-to-phys table (ABI). */
#define M2P32_BASE LAYOUT(0xf5800000)
#define M2P32_END  LAYOUT(0xf6800000)

#endif
