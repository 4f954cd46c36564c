/* SPDX-License-Identifier: BSD-2-Clause */
/* What a frontend asks of its card besides packets: the control ring's requests, and multicast
 * lists. */
#include "tests/unit/vif_rig.h"

static struct xen_netif_ctrl_response ask(struct rig *r, uint16_t type, uint32_t a, uint32_t b,
					  uint32_t c)
{
	static uint16_t id;
	struct xen_netif_ctrl_response rsp;
	int notify;

	*RING_GET_REQUEST(&r->ctrl, r->ctrl.req_prod_pvt++) =
		(struct xen_netif_ctrl_request){ .id = ++id, .type = type, .data = { a, b, c } };
	RING_PUSH_REQUESTS_AND_CHECK_NOTIFY(&r->ctrl, notify);
	(void)notify;
	vif_from_guest(&r->vif, 0);
	assert_true(r->ctrl.sring->rsp_prod != r->ctrl.rsp_cons);
	rsp = *RING_GET_RESPONSE(&r->ctrl, r->ctrl.rsp_cons++);
	assert_int_equal(rsp.id, id);
	assert_int_equal(rsp.type, type);
	return rsp;
}

#define ASK(what, a, b, c) ask(r, XEN_NETIF_CTRL_TYPE_##what, a, b, c)
#define OKAY		   XEN_NETIF_CTRL_STATUS_SUCCESS
#define INVALID		   XEN_NETIF_CTRL_STATUS_INVALID_PARAMETER
#define OVERFLOW	   XEN_NETIF_CTRL_STATUS_BUFFER_OVERFLOW
#define UNSUPPORTED	   XEN_NETIF_CTRL_STATUS_NOT_SUPPORTED

/* The published example of this hash and its key: 66.9.149.187:2794 to 161.142.100.80:1766. */
static const uint8_t known_key[40] = { 0x6d, 0x5a, 0x56, 0xda, 0x25, 0x5b, 0x0e, 0xc2, 0x41, 0x67,
				       0x25, 0x3d, 0x43, 0xa3, 0x8f, 0xb0, 0xd0, 0xca, 0x2b, 0xcb,
				       0xae, 0x7b, 0x30, 0xb4, 0x77, 0xcb, 0x2d, 0xa3, 0x80, 0x30,
				       0xf2, 0x0c, 0x6a, 0x42, 0xb7, 0x3b, 0xbe, 0xac, 0x01, 0xfa };
#define KNOWN_TCP_HASH 0x51ccc178u
#define KNOWN_IP_HASH  0x323e8fc2u

static void known_frame(struct wire *w)
{
	tcp4_frame(w->wait);
	memcpy(w->wait + 26, (uint8_t[]){ 66, 9, 149, 187, 161, 142, 100, 80 }, 8);
	memcpy(w->wait + 34, (uint8_t[]){ 2794 >> 8, 2794 & 255, 1766 >> 8, 1766 & 255 }, 4);
	memset(&w->wait_hdr, 0, sizeof(w->wait_hdr));
	w->wait[0] = 2;
	w->wait_len = 60;
	w->nr_wait = 1;
}

static void rx2_offer(struct rig *r, unsigned int n)
{
	netif_rx_front_ring_t first = r->rx;

	r->rx = r->rx2;
	rx_offer(r, n);
	r->rx2 = r->rx;
	r->rx = first;
}

static void set_up_hash(struct rig *r)
{
	assert_int_equal(ASK(SET_HASH_ALGORITHM, XEN_NETIF_CTRL_HASH_ALGORITHM_TOEPLITZ, 0, 0).status,
			 OKAY);
	memcpy(r->peer->page[LIST_PAGE], known_key, sizeof(known_key));
	assert_int_equal(ASK(SET_HASH_KEY, LIST_PAGE, sizeof(known_key), 0).status, OKAY);
	assert_int_equal(ASK(SET_HASH_FLAGS,
			     XEN_NETIF_CTRL_HASH_TYPE_IPV4_TCP | XEN_NETIF_CTRL_HASH_TYPE_IPV4, 0, 0)
				 .status,
			 OKAY);
}

static void the_guest_chooses_the_hash(void **state)
{
	struct rig *r = *state;
	netif_extra_info_t e;
	uint32_t value;

	assert_int_equal(ASK(GET_HASH_FLAGS, 0, 0, 0).status, UNSUPPORTED); /* no algorithm yet */
	assert_int_equal(ASK(SET_HASH_FLAGS, 1, 0, 0).status, UNSUPPORTED);
	assert_int_equal(ASK(SET_HASH_ALGORITHM, 9, 0, 0).status, INVALID);
	set_up_hash(r);
	assert_int_equal(ASK(GET_HASH_FLAGS, 0, 0, 0).data, 15);
	assert_int_equal(ASK(SET_HASH_FLAGS, 16, 0, 0).status, INVALID);
	known_frame(&r->wire);
	rx_offer(r, 4);
	vif_to_guest(&r->vif);
	assert_int_equal(rx_answer(r).flags, NETRXF_extra_info);
	memcpy(&e, RING_GET_RESPONSE(&r->rx, r->rx.rsp_cons++), sizeof(e));
	memcpy(&value, e.u.hash.value, sizeof(value));
	assert_int_equal(e.type, XEN_NETIF_EXTRA_TYPE_HASH);
	assert_int_equal(e.u.hash.type, _XEN_NETIF_CTRL_HASH_TYPE_IPV4_TCP);
	assert_int_equal(value, KNOWN_TCP_HASH);
	known_frame(&r->wire);
	r->wire.wait[23] = 17; /* UDP: its addresses only */
	vif_to_guest(&r->vif);
	rx_answer(r);
	memcpy(&e, RING_GET_RESPONSE(&r->rx, r->rx.rsp_cons++), sizeof(e));
	memcpy(&value, e.u.hash.value, sizeof(value));
	assert_int_equal(value, KNOWN_IP_HASH);
}

static void the_guest_chooses_the_queue_of_a_hash(void **state)
{
	struct rig *r = *state;
	uint32_t *map = (uint32_t *)r->peer->page[LIST_PAGE], i;

	set_up_hash(r);
	rx_offer(r, 8);
	rx2_offer(r, 8);
	assert_int_equal(ASK(GET_HASH_MAPPING_SIZE, 0, 0, 0).data, HASH_MAPPING_MAX);
	assert_int_equal(ASK(SET_HASH_MAPPING_SIZE, HASH_MAPPING_MAX + 1, 0, 0).status, INVALID);
	assert_int_equal(ASK(SET_HASH_MAPPING_SIZE, 128, 0, 0).status, OKAY);
	for (i = 0; i < 128; i++)
		map[i] = i == KNOWN_TCP_HASH % 128;
	assert_int_equal(ASK(SET_HASH_MAPPING, LIST_PAGE, 128, 1).status, OVERFLOW);
	assert_int_equal(ASK(SET_HASH_MAPPING, LIST_PAGE, 0xffffffff, 2).status, OVERFLOW);
	assert_int_equal(ASK(SET_HASH_MAPPING, LIST_PAGE, 128, 0).status, OKAY);
	known_frame(&r->wire);
	vif_to_guest(&r->vif);
	assert_int_equal(r->rx2.sring->rsp_prod, 2);
	assert_int_equal(r->rx.sring->rsp_prod, 0);
	map[0] = 0;
	assert_int_equal(ASK(SET_HASH_MAPPING, LIST_PAGE, 1, KNOWN_TCP_HASH % 128).status, OKAY);
	known_frame(&r->wire);
	vif_to_guest(&r->vif);
	assert_int_equal(r->rx.sring->rsp_prod, 2);
	map[0] = 2; /* there are two: 0 and 1 */
	assert_int_equal(ASK(SET_HASH_MAPPING, LIST_PAGE, 1, 0).status, INVALID);
}

static void bad_keys_are_refused(void **state)
{
	struct rig *r = *state;

	assert_int_equal(ASK(SET_HASH_KEY, LIST_PAGE, HASH_KEY_MAX + 1, 0).status, OVERFLOW);
	assert_int_equal(ASK(SET_HASH_KEY, FAKE_PAGES, 40, 0).status, INVALID);
	/* clears it: no page is looked at */
	assert_int_equal(ASK(SET_HASH_KEY, FAKE_PAGES, 0, 0).status, OKAY);
	assert_int_equal(ASK(INVALID, 0, 0, 0).status, UNSUPPORTED);
	assert_int_equal(ask(r, 999, 0, 0, 0).status, UNSUPPORTED);
	assert_false(r->vif.broken);
}

static void the_frames_of_a_flow_stay_in_one_queue(void **state)
{
	struct rig *r = *state;
	unsigned int i, flow, used[2] = { 0 };

	rx_offer(r, 128);
	rx2_offer(r, 128);
	for (flow = 0; flow < 16; flow++) {
		uint32_t before[2] = { r->rx.sring->rsp_prod, r->rx2.sring->rsp_prod };

		for (i = 0; i < 4; i++) {
			known_frame(&r->wire);
			r->wire.wait[35] = (uint8_t)flow;
			vif_to_guest(&r->vif);
		}
		assert_true((r->rx.sring->rsp_prod - before[0] == 4) !=
			    (r->rx2.sring->rsp_prod - before[1] == 4));
		used[r->rx2.sring->rsp_prod != before[1]]++;
	}
	assert_true(used[0] && used[1]);
}

static void staged_grants_are_mapped_once_and_copied_without_a_call(void **state)
{
	struct rig *r = *state;
	struct xen_netif_gref *g = (struct xen_netif_gref *)r->peer->page[LIST_PAGE];
	unsigned int before = r->peer->mapped;

	g[0] = (struct xen_netif_gref){ .ref = DATA_PAGE, .flags = XEN_NETIF_CTRLF_GREF_readonly };
	g[1] = (struct xen_netif_gref){ .ref = DATA_PAGE + 1 };
	assert_int_equal(ASK(GET_GREF_MAPPING_SIZE, 1, 0, 0).data, STAGING_MAX);
	assert_int_equal(ASK(GET_GREF_MAPPING_SIZE, 2, 0, 0).status, INVALID);
	assert_int_equal(ASK(ADD_GREF_MAPPING, 0, LIST_PAGE, 2).status, OKAY);
	assert_int_equal(r->peer->mapped, before + 2);
	r->peer->revoked[DATA_PAGE] = r->peer->revoked[DATA_PAGE + 1] =
		1; /* so that a copy by grant would fail */
	memset(r->peer->page[DATA_PAGE], 0x5a, 60);
	tx(r, 1, DATA_PAGE, 60 + 30, NETTXF_more_data);
	tx(r, 2, DATA_PAGE + 2, 30, 0); /* not staged */
	tx_kick(r, 0);
	assert_int_equal(tx_answer(r).status, NETIF_RSP_OKAY);
	assert_int_equal(tx_answer(r).status, NETIF_RSP_OKAY);
	assert_int_equal(r->wire.sent[59], 0x5a);
	r->wire.wait_len = 60;
	r->wire.nr_wait = 2;
	memset(r->wire.wait, 8, 60);
	rx_offer(r, 2); /* these two pages */
	vif_to_guest(&r->vif);
	assert_int_equal(rx_answer(r).status, NETIF_RSP_ERROR); /* read only */
	assert_int_equal(rx_answer(r).status, 60);
	assert_int_equal(r->peer->page[DATA_PAGE + 1][59], 8);
	g[2].ref = 60;							  /* never added */
	assert_int_equal(ASK(DEL_GREF_MAPPING, 1, LIST_PAGE, 3).data, 0); /* another queue's */
	assert_int_equal(ASK(DEL_GREF_MAPPING, 0, LIST_PAGE, 3).data, 2);
	assert_int_equal(g[0].status, OKAY);
	assert_int_equal(g[2].status, INVALID);
	assert_int_equal(r->peer->mapped, before);
}

static void of_grants_that_cannot_all_be_staged_none_is(void **state)
{
	struct rig *r = *state;
	struct xen_netif_gref *g = (struct xen_netif_gref *)r->peer->page[LIST_PAGE];
	unsigned int before = r->peer->mapped;

	g[0] = g[2] = (struct xen_netif_gref){ .ref = DATA_PAGE };
	g[1] = (struct xen_netif_gref){ .ref = DATA_PAGE + 1 };
	/* twice the same */
	assert_int_equal(ASK(ADD_GREF_MAPPING, 0, LIST_PAGE, 3).status, INVALID);
	g[2].ref = FAKE_PAGES;
	assert_int_equal(ASK(ADD_GREF_MAPPING, 0, LIST_PAGE, 3).status, INVALID);
	assert_int_equal(ASK(ADD_GREF_MAPPING, 0, LIST_PAGE, STAGING_MAX + 1).status, INVALID);
	assert_int_equal(ASK(ADD_GREF_MAPPING, 2, LIST_PAGE, 1).status, INVALID);
	assert_int_equal(ASK(ADD_GREF_MAPPING, 0, FAKE_PAGES, 1).status, INVALID);
	assert_int_equal(r->peer->mapped, before);
}

static void a_control_ring_that_jumps_breaks_the_card(void **state)
{
	struct rig *r = *state;

	r->ctrl.sring->req_prod += 999;
	vif_from_guest(&r->vif, 0);
	assert_true(r->vif.broken);
}

static void mcast(struct rig *r, uint8_t type, uint8_t last)
{
	netif_extra_info_t *e;

	tx(r, 1, 0, 0, NETTXF_extra_info);
	e = (netif_extra_info_t *)tx(r, 0, 0, 0, 0);
	*e = (netif_extra_info_t){ .type = type, .u.mcast.addr = { 1, 0, 0x5e, 0, 0, last } };
	tx_kick(r, 0);
}

static bool arrives(struct rig *r, uint8_t first, uint8_t last)
{
	RING_IDX before = r->rx.sring->rsp_prod + r->rx2.sring->rsp_prod;

	memset(r->wire.wait, 0, 60);
	memcpy(r->wire.wait, (uint8_t[]){ first, 0, 0x5e, 0, 0, last }, 6);
	r->wire.wait_len = 60;
	r->wire.nr_wait = 1;
	vif_to_guest(&r->vif);
	return r->rx.sring->rsp_prod + r->rx2.sring->rsp_prod != before;
}

static void multicasts_come_to_those_on_the_list(void **state)
{
	struct rig *r = *state;
	unsigned int i;

	rx_offer(r, 32);
	rx2_offer(r, 32);
	assert_false(arrives(r, 1, 9));
	assert_true(arrives(r, 2, 9)); /* its own */
	mcast(r, XEN_NETIF_EXTRA_TYPE_MCAST_ADD, 9);
	assert_int_equal(tx_answer(r).status, NETIF_RSP_OKAY);
	assert_true(arrives(r, 1, 9));
	assert_false(arrives(r, 1, 8));
	mcast(r, XEN_NETIF_EXTRA_TYPE_MCAST_DEL, 9);
	assert_false(arrives(r, 1, 9));
	memset(r->wire.wait, 0xff, 6);
	assert_int_equal(r->vif.stats.rx_filtered, 3);
	r->tx.rsp_cons = r->tx.sring->rsp_prod;
	for (i = 0; i < NET_MAX_MCAST; i++) {
		mcast(r, XEN_NETIF_EXTRA_TYPE_MCAST_ADD, (uint8_t)i);
		assert_int_equal(tx_answer(r).status, NETIF_RSP_OKAY);
		assert_int_equal(tx_answer(r).status, NETIF_RSP_NULL);
	}
	mcast(r, XEN_NETIF_EXTRA_TYPE_MCAST_ADD, 200);
	assert_int_equal(tx_answer(r).status, NETIF_RSP_ERROR);
	assert_false(r->vif.broken);
}

/* What the frontend asked for holds for the next daemon, too. */
static void the_next_daemon_knows_what_was_asked(void **state)
{
	struct rig *r = *state;
	struct xen_netif_gref *g = (struct xen_netif_gref *)r->peer->page[LIST_PAGE];
	struct vif_choice c = { .queues = 2, .ctrl = true, .ctrl_ref = CTRL_PAGE, .ctrl_port = 7 };
	struct why why;

	memcpy(c.tx_ref, r->record.tx_ref, sizeof(c.tx_ref));
	memcpy(c.rx_ref, r->record.rx_ref, sizeof(c.rx_ref));
	memcpy(c.tx_port, r->record.tx_port, sizeof(c.tx_port));
	memcpy(c.rx_port, r->record.rx_port, sizeof(c.rx_port));
	set_up_hash(r);
	g[0] = (struct xen_netif_gref){ .ref = DATA_PAGE };
	assert_int_equal(ASK(ADD_GREF_MAPPING, 1, LIST_PAGE, 1).status, OKAY);
	staging_empty(&r->vif.staging); /* its memory goes with it */
	r->peer->mapped = r->peer->bound = 0;
	vif_init(&r->vif, r->peer, &r->wire.port, &r->record, r->buffer);
	assert_int_equal(vif_connect(&r->vif, &c, &why), 0);
	assert_int_equal(ASK(GET_HASH_FLAGS, 0, 0, 0).data, 15);
	g[0] = (struct xen_netif_gref){ .ref = DATA_PAGE };
	assert_int_equal(ASK(DEL_GREF_MAPPING, 1, LIST_PAGE, 1).data, 1);
}

int main(void)
{
#define CASE(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		CASE(the_guest_chooses_the_hash),
		CASE(the_guest_chooses_the_queue_of_a_hash),
		CASE(bad_keys_are_refused),
		CASE(the_frames_of_a_flow_stay_in_one_queue),
		CASE(staged_grants_are_mapped_once_and_copied_without_a_call),
		CASE(of_grants_that_cannot_all_be_staged_none_is),
		CASE(a_control_ring_that_jumps_breaks_the_card),
		CASE(multicasts_come_to_those_on_the_list),
		CASE(the_next_daemon_knows_what_was_asked),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
