/* SPDX-License-Identifier: BSD-2-Clause */
/* torc gdb's stub: what a peer says and what becomes of the guest, which runs (fake_debug.c). */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <xen/xen.h>
#include <xen/foreign/x86_32.h>

#include "dom0-tools/gdb/gdb.h"
#include "tests/unit/fake_debug.h"

#define TF 0x100u

static struct host *h;
static struct fake_guest *g;
static struct target target;
static struct stub stub;
static char answer[2 * PACKET_MAX + 64];

static void attach(bool is_32bit)
{
	struct why why = { 0 };

	h = fake_guest_new(is_32bit);
	g = fake_guest_of(h);
	if (target_attach(&target, h, FAKE_DOMAIN, &why))
		fail_msg("%s", why.text);
	assert_int_equal(stub_init(&stub, &target), 0);
	stub.no_ack = true;
	stub.swbreak = true;
}

static void leave(void)
{
	target_detach(&target);
	stub_free(&stub);
	assert_int_equal(g->mapped, 0);
	assert_false(g->debugged);
	fake_guest_free(h);
}

/* What it said since it was asked last, without the envelope of a single packet. */
static const char *said(void)
{
	size_t n = stub.out_len;

	memcpy(answer, stub.out ? stub.out : (const uint8_t *)"", n);
	answer[n] = 0;
	stub.out_len = 0;
	if (n >= 4 && answer[0] == '$' && answer[n - 3] == '#') {
		answer[n - 3] = 0;
		return answer + 1;
	}
	return answer;
}

static void put(const char *data, size_t len)
{
	char *packet = malloc(2 * len + 4);
	size_t n = packet_make(packet, data, len);

	stub_input(&stub, (const uint8_t *)packet, n);
	free(packet);
}

static const char *ask(const char *text)
{
	put(text, strlen(text));
	return said();
}

/* Until it stops. */
static const char *go(const char *text)
{
	const char *s = ask(text);

	for (int i = 0; !*s && i < 100; i++) {
		stub_poll(&stub);
		s = said();
	}
	return s;
}

/* A vCPU is elsewhere than the stub has seen it. */
static void place(unsigned int vcpu, uint64_t ip, uint64_t flags)
{
	fake_set(g, vcpu, ip, flags);
	free(target.vcpus[vcpu].context);
	target.vcpus[vcpu].context = NULL;
}

/* --- packets -------------------------------------------------------------- */

static enum packet_kind take(struct packet *p, const char *text, size_t len)
{
	enum packet_kind k = PACKET_MORE;

	for (size_t i = 0; i < len && k == PACKET_MORE; i++)
		k = packet_take(p, (uint8_t)text[i]);
	return k;
}

static void test_packets(void **state)
{
	static struct packet p;
	static char out[2 * PACKET_MAX + 4], big[PACKET_MAX + 8];
	size_t n;

	(void)state;
	assert_int_equal(take(&p, "+++$g#67", 8), PACKET_WHOLE);
	assert_string_equal(p.data, "g");
	assert_int_equal(take(&p, "$g#68", 5), PACKET_DAMAGED);
	assert_int_equal(take(&p, "$g#6x", 5), PACKET_DAMAGED);
	assert_int_equal(take(&p, "$g#x7", 5), PACKET_DAMAGED);
	assert_int_equal(take(&p, "\3", 1), PACKET_INTERRUPT);
	assert_int_equal(take(&p, "-", 1), PACKET_AGAIN);
	assert_int_equal(take(&p, "$given up$g#67", 14), PACKET_WHOLE);
	assert_string_equal(p.data, "g");
	assert_int_equal(take(&p, "$#00", 4), PACKET_WHOLE);
	assert_int_equal(p.len, 0);
	n = packet_make(out, "a}b#c$d*e\0f", 11);
	assert_int_equal(take(&p, out, n), PACKET_WHOLE);
	assert_int_equal(p.len, 11);
	assert_memory_equal(p.data, "a}b#c$d*e\0f", 11);
	memset(big, 'a', sizeof(big));
	n = packet_make(out, big, PACKET_MAX);
	assert_int_equal(take(&p, out, n), PACKET_WHOLE);
	assert_int_equal(p.len, PACKET_MAX);
	assert_int_equal(take(&p, "$", 1), PACKET_MORE);
	assert_int_equal(take(&p, big, PACKET_MAX + 8), PACKET_MORE);
	assert_int_equal(take(&p, "#08", 3), PACKET_DAMAGED);
	assert_int_equal(take(&p, "$g#67", 5), PACKET_WHOLE);
}

static void test_acknowledgements(void **state)
{
	(void)state;
	attach(false);
	stub.no_ack = false;
	put("qC", 2);
	assert_string_equal(said(), "+$QC1#c5");
	stub_input(&stub, (const uint8_t *)"-", 1);
	assert_string_equal(said(), "QC1"); /* once more */
	stub_input(&stub, (const uint8_t *)"$qC#00", 6);
	assert_string_equal(said(), "-");
	put("QStartNoAckMode", 15);
	assert_string_equal(said(), "+$OK#9a");
	assert_string_equal(ask("qC"), "QC1");
	leave();
}

/* --- registers ------------------------------------------------------------ */

static void describe(bool is_32bit)
{
	size_t digits = 0, at = 0;
	uint8_t value[16];
	char all[8192] = "", part[64];
	const char *s;

	attach(is_32bit);
	do {
		snprintf(part, sizeof(part), "qXfer:features:read:target.xml:%zx,1ff", at);
		s = ask(part);
		assert_true(*s == 'm' || *s == 'l');
		assert_true(strlen(s) - 1 <= 0x1ff * 2);
		for (const char *c = s + 1; *c; c++) {
			if (*c == '}')
				all[at] = (char)(*++c ^ 0x20);
			else
				all[at] = *c;
			at++;
		}
	} while (*s == 'm');
	assert_non_null(strstr(all, is_32bit ? ">i386<" : ">i386:x86-64<"));
	assert_non_null(strstr(all, is_32bit ? "\"eip\"" : "\"rip\""));
	assert_string_equal(all + strlen(all) - 9, "</target>");
	for (unsigned int n = 0; n < regs_count(&target); n++)
		digits += 2 * regs_get(&target, target_context(&target, 0), n, value);
	assert_int_equal(strlen(ask("g")), digits);
	assert_string_equal(ask("qXfer:features:read:target.xml:ffff,10"), "E16");
	assert_string_equal(ask("qXfer:features:read:other.xml:0,10"), "");
	leave();
}

static void test_description(void **state)
{
	(void)state;
	describe(false);
	describe(true);
}

static void test_registers(void **state)
{
	char all[4096], packet[4100];

	(void)state;
	attach(false);
	assert_string_equal(ask("p10"), "0010400000000000"); /* rip */
	assert_string_equal(ask("P0=8877665544332211"), "OK");
	assert_string_equal(ask("p0"), "8877665544332211");
	assert_string_equal(ask("p12"), "33e00000"); /* cs, 16 bits of it */
	assert_string_equal(ask("P12=ffffffff"), "OK");
	assert_string_equal(ask("p12"), "ffff0000");
	assert_string_equal(ask("Pffff=00"), "E16");
	assert_string_equal(ask("p"), "E16");
	assert_string_equal(ask("P0=88"), "E16");
	assert_string_equal(ask("P0"), "E16");
	snprintf(all, sizeof(all), "%s", ask("g"));
	memcpy(all, "0102030405060708", 16);
	snprintf(packet, sizeof(packet), "G%s", all);
	assert_string_equal(ask(packet), "OK");
	assert_string_equal(ask("g"), all);
	packet[strlen(packet) - 1] = 0;
	assert_string_equal(ask(packet), "E16");
	/* they reach the guest when it goes on */
	assert_int_equal(((struct vcpu_guest_context *)(void *)g->context[0])->user_regs.rax, 0);
	ask("c");
	assert_int_equal(((struct vcpu_guest_context *)(void *)g->context[0])->user_regs.rax,
			 0x0807060504030201);
	leave();
	attach(true);
	assert_string_equal(ask("p8"), "00104000"); /* eip */
	assert_string_equal(ask("Hg2"), "OK");
	assert_string_equal(ask("p8"), "00114000"); /* the other vCPU's */
	assert_string_equal(ask("Hg3"), "E03");	    /* was never started */
	assert_string_equal(ask("Hg99"), "E03");
	leave();
}

/* --- memory --------------------------------------------------------------- */

static void test_memory(void **state)
{
	static char big[PACKET_MAX + 64];

	(void)state;
	attach(false);
	g->pages[9][0] = 0xab;
	g->pages[9][4095] = 0xcd;
	assert_string_equal(ask("m403000,2"), "ab00");
	assert_string_equal(ask("m403fff,8"), "cd"); /* up to where there is none */
	assert_string_equal(ask("m404000,1"), "E0e");
	assert_string_equal(ask("m800000000000,1"), "E0e"); /* not canonical */
	assert_string_equal(ask("m403000,0"), "");
	assert_string_equal(ask("M403000,2:1234"), "OK");
	assert_int_equal(g->pages[9][1], 0x34);
	assert_string_equal(ask("M403000,2:12"), "E16");
	assert_string_equal(ask("M403000,2:1x34"), "E16");
	assert_string_equal(ask("M403fff,2:1234"), "E0e");
	assert_string_equal(ask("M403000,ffffffffffffffff:12"), "E16");
	assert_string_equal(ask("m403000,fffffffffffffffff"), "E16");
	assert_string_equal(ask("m403000"), "E16");
	put("X403010,3:\x01\x00$", 13);
	assert_string_equal(said(), "OK");
	assert_memory_equal(g->pages[9] + 0x10, "\x01\x00$", 3);
	assert_int_equal(strlen(ask("m401000,ffffffff")), PACKET_MAX); /* less than asked for */
	snprintf(big, sizeof(big), "m405000,1"); /* the user's alone: by the other root */
	assert_string_equal(ask(big), "90");
	leave();
}

/* Tables that lead to themselves, to frames of others, to none. */
static void test_hostile_tables(void **state)
{
	uint64_t e;

	(void)state;
	for (unsigned int what = 0; what < 4; what++) {
		attach(what & 1);
		e = what < 2 ? 1ull << 12 | 7 : what == 2 ? ~0ull : 30ull << 12 | 7;
		for (unsigned int i = 0; i < 512; i++)
			memcpy(g->pages[1] + i * 8, &e, 8);
		if (what < 2)
			assert_int_equal(strlen(ask("m401000,2")), 4); /* the table itself, read */
		else
			assert_string_equal(ask("m401000,2"), "E0e");
		assert_string_equal(ask("Z0,401000,1"), "E0e"); /* and never written */
		assert_string_equal(ask("M401000,1:00"), "E0e");
		leave();
	}
}

/* --- breakpoints ---------------------------------------------------------- */

static void breaks(bool is_32bit)
{
	attach(is_32bit);
	assert_false(fake_guest_runs(g));
	g->held[1] = true; /* one at a time */
	target.vcpus[1].held = true;
	assert_string_equal(ask("Z0,401010,1"), "OK");
	assert_string_equal(ask("Z0,401010,1"), "OK");
	assert_int_equal(g->pages[8][0x10], OP_INT3);
	assert_string_equal(ask("m401010,1"), "90"); /* is not seen */
	assert_string_equal(go("vCont;c:1"), "T05thread:1;swbreak:;");
	assert_int_equal(fake_ip(g, 0), 0x401011); /* what the processor says */
	assert_string_equal(ask(is_32bit ? "p8" : "p10"),
			    is_32bit ? "10104000" : "1010400000000000");
	assert_string_equal(ask("M40100f,3:a1a2a3"), "OK"); /* written below it */
	assert_int_equal(g->pages[8][0x10], OP_INT3);
	assert_string_equal(ask("z0,401010,1"), "OK");
	assert_int_equal(g->pages[8][0x10], 0xa2);
	assert_string_equal(ask("z0,401010,1"), "OK"); /* gone already */
	assert_string_equal(ask("Z0,404000,1"), "E0e");
	assert_string_equal(ask("Z0,401010,2"), "E16");
	assert_string_equal(ask("Z1,401010,1"), ""); /* not offered */
	assert_string_equal(ask("Z0,401020,1;X1,0"), "");
	assert_int_equal(g->passed[0][3], 0);
	leave();
}

static void test_breakpoint(void **state)
{
	(void)state;
	breaks(false);
	breaks(true);
}

static void test_guests_own_int3(void **state)
{
	(void)state;
	attach(false);
	g->pages[8][0x20] = OP_INT3;
	g->pages[8][0x40] = OP_HLT;
	assert_string_equal(ask("Z0,401030,1"), "OK");
	assert_string_equal(go("vCont;c:1"), "T05thread:1;swbreak:;");
	assert_int_equal(g->passed[0][3], 1); /* went to the guest, and it went on */
	assert_int_equal(fake_ip(g, 0), 0x401031);
	leave();
}

/* The frame is mapped at two addresses, the breakpoint is at one. */
static void test_alias(void **state)
{
	(void)state;
	attach(false);
	g->pages[8][0x18] = OP_HLT;
	place(0, FAKE_ALIAS + 8, 0x202);
	assert_string_equal(ask("Z0,401010,1"), "OK");
	assert_string_equal(go("vCont;c:1"), ""); /* nobody wants to know */
	assert_int_equal(fake_ip(g, 0), FAKE_ALIAS + 0x18);
	assert_int_equal(fake_flags(g, 0) & TF, 0);
	assert_int_equal(g->pages[8][0x10], OP_INT3);
	assert_int_equal(g->passed[0][3] + g->passed[0][1], 0);
	leave();
}

static void test_many_breakpoints(void **state)
{
	char packet[64];

	(void)state;
	attach(false);
	for (unsigned int i = 0; i < POINTS_MAX; i++) {
		snprintf(packet, sizeof(packet), "Z0,%x,1", FAKE_CODE + i);
		assert_string_equal(ask(packet), "OK");
	}
	assert_string_equal(ask("Z0,401800,1"), "E1c");
	assert_string_equal(ask("D"), "OK");
	for (unsigned int i = 0; i < HOST_PAGE_SIZE; i++)
		assert_int_equal(g->pages[8][i], OP_NOP);
	leave();
}

/* --- steps ---------------------------------------------------------------- */

static void test_step(void **state)
{
	(void)state;
	attach(false);
	assert_string_equal(go("vCont;s:1"), "T05thread:1;");
	assert_int_equal(fake_ip(g, 0), 0x401001);
	assert_int_equal(g->executed[0], 1);
	assert_int_equal(g->executed[1], 0); /* had no action */
	assert_string_equal(go("vCont;r401001,401010:1"), "T05thread:1;");
	assert_int_equal(fake_ip(g, 0), 0x401010); /* the range's end */
	assert_string_equal(go("vCont;s:2"), "T05thread:2;");
	assert_int_equal(fake_ip(g, 1), 0x401101);
	assert_int_equal(fake_ip(g, 0), 0x401010);
	assert_string_equal(ask("D"), "OK");
	assert_int_equal((fake_flags(g, 0) | fake_flags(g, 1)) & TF, 0);
	assert_int_equal(g->passed[0][1] + g->passed[1][1], 0);
	assert_int_equal(((struct vcpu_guest_context *)(void *)g->context[0])->debugreg[6], 0);
	leave();
}

/* The guest steps one of its own users: that is none of ours, and it keeps its flag. */
static void test_guests_own_step(void **state)
{
	(void)state;
	attach(true);
	place(0, FAKE_CODE, 0x202 | TF);
	g->pages[8][0x08] = OP_HLT;
	assert_string_equal(go("vCont;c:1"), "");
	assert_int_equal(g->passed[0][1], 8);
	leave();
	attach(true);
	place(0, FAKE_CODE, 0x202 | TF);
	assert_string_equal(go("vCont;s:1"), "T05thread:1;");
	ask("D");
	assert_int_equal(fake_flags(g, 0) & TF, TF);
	leave();
}

/* A step leads into the guest's kernel, which moves the process to another vCPU. */
static void test_step_that_moves(void **state)
{
	struct vcpu_guest_context *c;

	(void)state;
	for (unsigned int user = 0; user < 3; user++) {
		attach(false);
		g->pages[8][0] = OP_HLT;
		for (unsigned int v = 0; v < 2 && user; v++) {
			c = (void *)g->context[v];
			c->flags &= ~(unsigned long)VGCF_in_kernel;
			if (v && user == 2)
				c->ctrlreg[1] =
					xen_pfn_to_cr3(6); /* another process: its own affair */
		}
		place(0, FAKE_CODE, 0x202);
		place(1, FAKE_CODE, 0x202);
		assert_string_equal(go("vCont;s:1;c:2"), "");
		assert_int_equal(fake_flags(g, 0) & TF, TF);
		c = (void *)g->context[0];
		if (user)
			c->flags |= VGCF_in_kernel;
		fake_set(g, 0, FAKE_CODE, 0x202);
		fake_set(g, 1, FAKE_CODE + 0x200, 0x202 | TF);
		g->pages[8][0x202] = OP_HLT;
		stub_poll(&stub);
		assert_string_equal(said(), user == 2 ? "" : "T05thread:1;");
		assert_int_equal(regs_flags(&target, user == 2 ? g->context[1] :
								 target_context(&target, 1)) &
					 TF,
				 user == 2 ? TF : 0);
		assert_int_equal(g->passed[1][1] != 0, user == 2);
		leave();
	}
}

/* The peer does not wait for the end of the step; it must not become the guest's when the peer has
 * left either. */
static void test_step_that_is_owed(void **state)
{
	(void)state;
	for (unsigned int detach = 0; detach < 2; detach++) {
		attach(false);
		g->pages[8][0] = g->pages[8][0x300] = OP_HLT;
		place(1, FAKE_CODE, 0x202);
		assert_string_equal(go("vCont;s:1"), "");
		fake_set(g, 0, FAKE_CODE, 0x202);
		stub_input(&stub, (const uint8_t *)"\3", 1);
		assert_string_equal(said(), "T02thread:1;");
		place(0, FAKE_CODE + 0x200, 0x202 | TF);
		assert_string_equal(detach ? ask("D") : go("c"), detach ? "OK" : "");
		assert_int_equal(g->passed[0][1], 0);
		assert_int_equal(fake_flags(g, 0) & TF, 0);
		assert_true(fake_ip(g, 0) > FAKE_CODE + 0x200);
		assert_true(fake_guest_runs(g));
		leave();
	}
}

static void test_threads(void **state)
{
	(void)state;
	attach(false);
	assert_string_equal(ask("qfThreadInfo"), "m1,2");
	assert_string_equal(ask("qsThreadInfo"), "l");
	assert_string_equal(ask("qC"), "QC1");
	assert_string_equal(ask("T2"), "OK");
	assert_string_equal(ask("T3"), "E03");
	assert_string_equal(ask("qThreadExtraInfo,2"), "7643505520312c206b65726e656c");
	assert_string_equal(ask("qThreadExtraInfo,9"), "E03");
	assert_string_equal(ask("Hc-1"), "OK");
	assert_string_equal(ask("vCont?"), "vCont;c;C;s;S;t;r");
	assert_string_equal(ask("vCont;x:1"), "E16");
	assert_string_equal(ask("vCont;s:7"), "E16");
	assert_string_equal(ask("vCont;"), "E16");
	assert_string_equal(ask("vCont;c:1;"), "E16");
	assert_string_equal(ask("vCont;C:1"), "E16");
	assert_string_equal(ask("vMustReplyEmpty"), "");
	assert_false(fake_guest_runs(g));
	/* both come to it: one is told, the other runs into it again */
	assert_string_equal(ask("Z0,401110,1"), "OK");
	place(0, 0x401108, 0x202);
	place(1, 0x401108, 0x202);
	assert_string_equal(go("c"), "T05thread:1;swbreak:;");
	assert_string_equal(ask("z0,401110,1"), "OK");
	assert_string_equal(go("vCont;s:1"), "T05thread:1;");
	assert_string_equal(ask("Z0,401110,1"), "OK");
	assert_string_equal(go("vCont;c"), "T05thread:2;swbreak:;");
	assert_int_equal(g->passed[0][3] + g->passed[1][3], 0);
	leave();
}

/* --- coming and leaving --------------------------------------------------- */

static void test_interrupt(void **state)
{
	(void)state;
	attach(false);
	g->pages[8][0x10] = g->pages[8][0x110] = OP_HLT;
	assert_string_equal(go("c"), "");
	assert_true(fake_guest_runs(g));
	stub_input(&stub, (const uint8_t *)"\3", 1);
	assert_string_equal(said(), "T02thread:1;");
	assert_false(fake_guest_runs(g));
	stub_input(&stub, (const uint8_t *)"\3", 1);
	assert_string_equal(said(), ""); /* it stands already */
	leave();
}

static void test_detach(void **state)
{
	static const char *const words[] = { "D", "k", "vKill;1" };

	(void)state;
	for (unsigned int i = 0; i < 3; i++) {
		attach(false);
		g->pages[8][0x10] = g->pages[8][0x110] = OP_HLT;
		ask("Z0,401008,1");
		ask(words[i]);
		assert_true(stub.over);
		assert_true(fake_guest_runs(g));
		assert_int_equal(g->pages[8][8], OP_NOP);
		leave();
	}
	/* it runs, and the peer dies */
	attach(false);
	g->pages[8][0x10] = g->pages[8][0x110] = OP_HLT;
	ask("Z0,401060,1");
	ask("c");
	target_detach(&target);
	assert_true(fake_guest_runs(g));
	assert_int_equal(g->pages[8][0x60], OP_NOP);
	leave();
}

static void test_was_paused(void **state)
{
	struct why why = { 0 };

	(void)state;
	for (unsigned int run = 0; run < 2; run++) {
		h = fake_guest_new(false);
		g = fake_guest_of(h);
		g->pauses = 2;
		g->pages[8][0x20] = g->pages[8][0x110] = OP_HLT;
		assert_int_equal(target_attach(&target, h, FAKE_DOMAIN, &why), 0);
		assert_int_equal(stub_init(&stub, &target), 0);
		stub.no_ack = true;
		ask("Z0,401008,1");
		if (run)
			assert_string_equal(go("c"), "T05thread:1;");
		ask("D");
		assert_int_equal(g->pauses, run ? 0 : 2);
		leave();
	}
}

static void test_ends(void **state)
{
	(void)state;
	attach(false);
	g->pages[8][0x10] = OP_CRASH;
	assert_string_equal(go("c"), "T06thread:1;"); /* to be looked at */
	assert_string_equal(ask("p10"), "1010400000000000");
	assert_string_equal(go("c"), "W03");
	assert_true(stub.over);
	leave();
	attach(false);
	g->pages[8][0x10] = g->pages[8][0x110] = OP_HLT;
	ask("c");
	g->shut_down = true;
	stub_poll(&stub);
	assert_string_equal(said(), "W00");
	leave();
	attach(false);
	ask("c");
	g->gone = true;
	stub_poll(&stub);
	assert_string_equal(said(), "X09");
	g->debugged = false;
	leave();
}

static void test_refused(void **state)
{
	struct why why = { 0 };
	struct target t;

	(void)state;
	h = fake_guest_new(false);
	g = fake_guest_of(h);
	assert_true(target_attach(&t, h, 0, &why) < 0);
	assert_int_equal(why.error, TE_STATE);
	assert_true(target_attach(&t, h, 99, &why) < 0);
	assert_int_equal(why.error, TE_NO_DOMAIN);
	g->no_rights = true;
	assert_true(target_attach(&t, h, FAKE_DOMAIN, &why) < 0);
	assert_int_equal(why.error, TE_NO_RIGHTS);
	fake_guest_free(h);
}

/* The stub is killed: nobody detaches, and its lock goes with it. */
static void killed(void)
{
	struct why why = { 0 };
	struct target other;
	char from[64], to[64];

	assert_int_equal(gdb_recover(h, FAKE_DOMAIN, &why), -EBUSY);
	assert_int_equal(why.error, TE_STATE);
	assert_true(target_attach(&other, h, FAKE_DOMAIN, &why) < 0);
	snprintf(from, sizeof(from), "%s/gdb/%u", getenv("TORC_RUN_DIR"), FAKE_DOMAIN);
	snprintf(to, sizeof(to), "%s/kept", getenv("TORC_RUN_DIR"));
	assert_int_equal(link(from, to), 0);
	journal_close(&target);
	assert_int_equal(rename(to, from), 0);
}

static void test_killed(void **state)
{
	struct why why = { 0 };

	(void)state;
	/* while it runs into a breakpoint, and steps */
	attach(false);
	ask("Z0,401008,1");
	ask("Z0,401108,1");
	ask("vCont;s:1;c:2");
	killed();
	assert_int_equal(gdb_recover(h, FAKE_DOMAIN, &why), 1);
	assert_int_equal(gdb_recover(h, FAKE_DOMAIN, &why), 0);
	assert_int_equal(g->pages[8][8], OP_NOP);
	assert_int_equal(g->pages[8][0x108], OP_NOP);
	assert_int_equal(fake_flags(g, 0) & TF, 0);
	assert_true(fake_ip(g, 1) <=
		    0x401108); /* in front of the instruction, not behind the int3 */
	assert_int_equal(g->passed[0][1] + g->passed[0][3] + g->passed[1][3], 0);
	assert_false(g->debugged);
	assert_false(fake_guest_runs(g));
	target.attached = false;
	target_detach(&target);
	leave();
	/* of a domain whose number another has now */
	attach(false);
	ask("Z0,401008,1");
	killed();
	g->uuid++;
	assert_int_equal(gdb_recover(h, FAKE_DOMAIN, &why), 0);
	assert_int_equal(g->pages[8][8], OP_INT3);
	g->uuid--;
	leave();
}

static const char *taken_away; /* between the opening of a journal and its lock */

int __real_flock(int fd, int how);
int __wrap_flock(int fd, int how);
int __wrap_flock(int fd, int how)
{
	if (taken_away)
		unlink(taken_away);
	taken_away = NULL;
	return __real_flock(fd, how);
}

/* One stub ends while the next one begins. */
static void test_journal_has_a_name(void **state)
{
	struct why why = { 0 };
	char file[64];

	(void)state;
	snprintf(file, sizeof(file), "%s/gdb/%u", getenv("TORC_RUN_DIR"), FAKE_DOMAIN);
	h = fake_guest_new(false);
	g = fake_guest_of(h);
	target = (struct target){ .h = h, .domid = FAKE_DOMAIN };
	fclose(fopen(file, "w"));
	taken_away = file;
	assert_int_equal(journal_open(&target, (const uint8_t[16]){ 1 }, &why), 0);
	assert_int_equal(access(file, F_OK), 0);
	journal_close(&target);
	fake_guest_free(h);
}

static void test_silly_peer(void **state)
{
	static const char *const all[] = {
		"",
		"G",
		"M",
		"X",
		"Z",
		"z",
		"H",
		"T",
		"v",
		"q",
		"Q",
		"m,",
		"m1,",
		"Z0",
		"Z0,",
		"Z0,1",
		"vCont;r:1",
		"vCont;r1,:1",
		"Hg",
		"Hx",
		"Hgzz",
		"qXfer:features:read:target.xml:",
		"qXfer:features:read:target.xml:0,",
		"qThreadExtraInfo,",
		"vFile:open:",
		"qRcmd,00",
		"!",
		"R00",
		"b",
		"vRun;x",
		"\377\376",
	};

	(void)state;
	attach(true);
	for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++) {
		const char *s = ask(all[i]);

		assert_true(!*s || *s == 'E');
		assert_false(fake_guest_runs(g));
	}
	/* asks without end and does not listen */
	for (unsigned int i = 0; i < 1u << 14 && !stub.over; i++)
		put("m401000,1000", 12);
	assert_true(stub.over);
	leave();
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_packets),
		cmocka_unit_test(test_acknowledgements),
		cmocka_unit_test(test_description),
		cmocka_unit_test(test_registers),
		cmocka_unit_test(test_memory),
		cmocka_unit_test(test_hostile_tables),
		cmocka_unit_test(test_breakpoint),
		cmocka_unit_test(test_guests_own_int3),
		cmocka_unit_test(test_alias),
		cmocka_unit_test(test_many_breakpoints),
		cmocka_unit_test(test_step),
		cmocka_unit_test(test_guests_own_step),
		cmocka_unit_test(test_step_that_moves),
		cmocka_unit_test(test_step_that_is_owed),
		cmocka_unit_test(test_threads),
		cmocka_unit_test(test_interrupt),
		cmocka_unit_test(test_detach),
		cmocka_unit_test(test_was_paused),
		cmocka_unit_test(test_ends),
		cmocka_unit_test(test_refused),
		cmocka_unit_test(test_killed),
		cmocka_unit_test(test_journal_has_a_name),
		cmocka_unit_test(test_silly_peer),
	};

	return cmocka_run_group_tests(tests, fake_run_dir, fake_run_dir_end);
}
