/* SPDX-License-Identifier: BSD-2-Clause */
/* vcpu_op: one vCPU here; its areas, its timers, and those that are not there. */
#include "check.h"
#include "timer.h"

void test_vcpu_op(void);

static int cmd;

static long op_at(void *p)
{
	return hc_vcpu_op(cmd, 0, p);
}

static void timers(void)
{
	struct vcpu_set_singleshot_timer one = { .timeout_abs_ns = now() + 2 * MS };
	struct vcpu_set_periodic_timer every = { .period_ns = 2 * MS };
	unsigned long before = timer_events;
	bool came = false;
	long rc;

	/* Nothing is printed while a timer runs: to wait for the console sets it too. */
	rc = hc_vcpu_op(VCPUOP_set_singleshot_timer, 0, &one);
	came = ticked_since(before);
	expect(rc, 0, "set_singleshot_timer");
	expect_true(came, "its event comes");
	one.flags = VCPU_SSHOTTMR_future;
	expect(hc_vcpu_op(VCPUOP_set_singleshot_timer, 0, &one), 0,
	       "one in the past that must lie in the future, which is let pass");
	expect(hc_vcpu_op(VCPUOP_stop_singleshot_timer, 0, NULL), 0, "stop_singleshot_timer");
	expect(hc_vcpu_op(VCPUOP_set_periodic_timer, 0, &every), 0, "set_periodic_timer");
	for (int i = 0; i < 3; i++) {
		before = timer_events;
		came = ticked_since(before);
	}
	expect_true(came, "its events come");
	expect(hc_vcpu_op(VCPUOP_stop_periodic_timer, 0, NULL), 0, "stop_periodic_timer");
	every.period_ns = 1000;
	expect(hc_vcpu_op(VCPUOP_set_periodic_timer, 0, &every), -XEN_EINVAL,
	       "set_periodic_timer of 1000 ns");
	expect(hc_vcpu_op(VCPUOP_set_singleshot_timer, 1, &one), -XEN_ENOENT,
	       "set_singleshot_timer of a vCPU that is not there");
}

static void areas(void)
{
	static struct vcpu_runstate_info state;
	static struct vcpu_time_info time;
	struct vcpu_register_runstate_memory_area area = { .addr.v = &state };
	struct vcpu_register_time_memory_area tarea;
	struct vcpu_register_vcpu_info info = { .mfn = 0xfffffff };
	void *page = page_alloc();

	expect(hc_vcpu_op(VCPUOP_get_runstate_info, 0, &state), 0, "get_runstate_info");
	expect(state.state, RUNSTATE_running, "the state: running");
	expect_true(state.time[RUNSTATE_running] > 0, "it has run before");
	state.state = 99;
	expect(hc_vcpu_op(VCPUOP_register_runstate_memory_area, 0, &area), 0,
	       "register_runstate_memory_area");
	expect(state.state, RUNSTATE_running, "it is filled in");
	area.addr.v = NULL;
	hc_vcpu_op(VCPUOP_register_runstate_memory_area, 0, &area);
	tarea.addr.v = &time;
	expect(hc_vcpu_op(VCPUOP_register_vcpu_time_memory_area, 0, &tarea), 0,
	       "register_vcpu_time_memory_area");
	expect_true(time.tsc_to_system_mul != 0, "it is filled in");
	tarea.addr.v = NULL;
	hc_vcpu_op(VCPUOP_register_vcpu_time_memory_area, 0, &tarea);
	expect(hc_vcpu_op(VCPUOP_register_vcpu_info, 0, &info), -XEN_EINVAL,
	       "register_vcpu_info in a frame that does not exist");
	info.mfn = foreign_frame();
	expect(hc_vcpu_op(VCPUOP_register_vcpu_info, 0, &info), -XEN_EINVAL,
	       "register_vcpu_info in another domain's frame");
	info.mfn = virt_to_mfn(kernel_root);
	expect(hc_vcpu_op(VCPUOP_register_vcpu_info, 0, &info), -XEN_EINVAL,
	       "register_vcpu_info in a page table");
	info.mfn = virt_to_mfn(page);
	info.offset = PAGE_SIZE - 8;
	expect(hc_vcpu_op(VCPUOP_register_vcpu_info, 0, &info), -XEN_ENXIO,
	       "register_vcpu_info over a page's end");
	info.offset = 0;
	expect(hc_vcpu_op(VCPUOP_register_vcpu_info, 999, &info), -XEN_ENOENT,
	       "register_vcpu_info of a vCPU that is not there");
	page_free(page);
}

void test_vcpu_op(void)
{
	static const struct {
		int cmd;
		const char *name;
	} ops[] = {
		{ VCPUOP_get_runstate_info, "get_runstate_info" },
		{ VCPUOP_register_runstate_memory_area, "register_runstate_memory_area" },
		{ VCPUOP_set_periodic_timer, "set_periodic_timer" },
		{ VCPUOP_set_singleshot_timer, "set_singleshot_timer" },
		{ VCPUOP_register_vcpu_info, "register_vcpu_info" },
		{ VCPUOP_register_vcpu_time_memory_area, "register_vcpu_time_memory_area" },
	};

	expect(hc_vcpu_op(VCPUOP_is_up, 0, NULL), 1, "is_up of vCPU 0");
	expect(hc_vcpu_op(VCPUOP_is_up, 1, NULL), -XEN_ENOENT, "is_up of vCPU 1");
	expect(hc_vcpu_op(VCPUOP_is_up, ~0u, NULL), -XEN_ENOENT, "is_up of vCPU ~0");
	expect(hc_vcpu_op(VCPUOP_up, 0, NULL), 0, "up of vCPU 0");
	expect(hc_vcpu_op(VCPUOP_up, 1, NULL), -XEN_ENOENT, "up of vCPU 1");
	expect(hc_vcpu_op(VCPUOP_down, 1, NULL), -XEN_ENOENT, "down of vCPU 1");
	expect(hc_vcpu_op(VCPUOP_initialise, 1, NULL), -XEN_ENOENT, "initialise of vCPU 1");
	expect(hc_vcpu_op(VCPUOP_get_physid, 0, NULL), -XEN_EINVAL,
	       "get_physid without a pinned vCPU");
	expect(hc_vcpu_op(99, 0, NULL), -XEN_ENOSYS, "command 99");
	timers();
	areas();
	for (size_t i = 0; i < ARRAY_SIZE(ops); i++) {
		cmd = ops[i].cmd;
		expect_bad_pointers(op_at, -XEN_EFAULT, ops[i].name);
	}
}
