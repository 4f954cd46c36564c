/* SPDX-License-Identifier: BSD-2-Clause */
/* The network backend against a frontend made of memory: packets each way. */
#include <arpa/inet.h>
#include "tests/unit/vif_rig.h"

static void a_packet_of_one_slot_reaches_the_wire(void **state)
{
	struct rig *r = *state;

	memset(r->peer->page[DATA_PAGE], 0x5a, 60);
	tx(r, 3, DATA_PAGE, 60, 0);
	tx_kick(r, 0);
	assert_int_equal(r->wire.sent_len, 60);
	assert_int_equal(r->wire.sent[59], 0x5a);
	assert_int_equal(tx_answer(r).status, NETIF_RSP_OKAY);
}

static void a_packet_of_several_slots_is_put_together(void **state)
{
	struct rig *r = *state;

	memset(r->peer->page[DATA_PAGE], 1, 4096);
	memset(r->peer->page[DATA_PAGE + 1], 2, 4096);
	memset(r->peer->page[DATA_PAGE + 2], 3, 4096);
	tx(r, 1, DATA_PAGE, 100 + 200 + 300, NETTXF_more_data);
	tx(r, 2, DATA_PAGE + 1, 200, NETTXF_more_data);
	tx(r, 3, DATA_PAGE + 2, 300, 0);
	tx_kick(r, 0);
	assert_int_equal(r->wire.sent_len, 600);
	assert_int_equal(r->wire.sent[99], 1);
	assert_int_equal(r->wire.sent[100], 2);
	assert_int_equal(r->wire.sent[300], 3);
	assert_int_equal(tx_answer(r).id, 1);
	assert_int_equal(tx_answer(r).id, 2);
	assert_int_equal(tx_answer(r).id, 3);
}

static void half_a_packet_waits_for_its_rest(void **state)
{
	struct rig *r = *state;

	tx(r, 1, DATA_PAGE, 600, NETTXF_more_data);
	tx_kick(r, 0);
	assert_int_equal(r->wire.nr_sent, 0);
	assert_int_equal(r->tx.sring->req_event, 2); /* told of the next one */
	tx(r, 2, DATA_PAGE + 1, 200, 0);
	tx_kick(r, 0);
	assert_int_equal(r->wire.nr_sent, 1);
}

static void segmentation_becomes_a_vnet_header(void **state)
{
	struct rig *r = *state;
	netif_extra_info_t *e;

	tcp4_frame(r->peer->page[DATA_PAGE]);
	tx(r, 1, DATA_PAGE, 3000, NETTXF_csum_blank | NETTXF_data_validated | NETTXF_extra_info);
	e = (netif_extra_info_t *)tx(r, 0, 0, 0, 0);
	*e = (netif_extra_info_t){ .type = XEN_NETIF_EXTRA_TYPE_GSO };
	e->u.gso.size = 1448;
	e->u.gso.type = XEN_NETIF_GSO_TYPE_TCPV4;
	tx_kick(r, 0);
	assert_int_equal(r->wire.nr_sent, 1);
	assert_int_equal(r->wire.sent_hdr.gso_type, VIRTIO_NET_HDR_GSO_TCPV4);
	assert_int_equal(r->wire.sent_hdr.gso_size, 1448);
	assert_int_equal(r->wire.sent_hdr.csum_start, 34);
	assert_int_equal(r->wire.sent_hdr.csum_offset, 16);
	assert_int_equal(r->wire.sent_hdr.hdr_len, 54);
	assert_int_equal(tx_answer(r).status, NETIF_RSP_OKAY);
	assert_int_equal(tx_answer(r).status, NETIF_RSP_NULL);
}

static void offloads_that_the_headers_deny_are_refused(void **state)
{
	struct rig *r = *state;

	memset(r->peer->page[DATA_PAGE], 0, 100); /* no IP at all */
	tx(r, 1, DATA_PAGE, 100, NETTXF_csum_blank);
	tx_kick(r, 0);
	assert_int_equal(r->wire.nr_sent, 0);
	assert_int_equal(tx_answer(r).status, NETIF_RSP_ERROR);
	assert_false(r->vif.broken);
}

static void bad_packets_are_answered_with_an_error_and_the_card_goes_on(void **state)
{
	struct rig *r = *state;

	tx(r, 1, DATA_PAGE, 13, 0);		    /* shorter than a header */
	tx(r, 2, DATA_PAGE, 100, 0)->offset = 4090; /* beyond the frame */
	tx(r, 3, FAKE_PAGES, 100, 0);		    /* no such grant */
	tx(r, 4, DATA_PAGE, 100, NETTXF_more_data); /* the rest is more than the whole */
	tx(r, 5, DATA_PAGE, 200, 0);
	tx(r, 6, DATA_PAGE, 60, 0);
	tx_kick(r, 0);
	assert_int_equal(tx_answer(r).status, NETIF_RSP_ERROR);
	assert_int_equal(tx_answer(r).status, NETIF_RSP_ERROR);
	assert_int_equal(tx_answer(r).status, NETIF_RSP_ERROR);
	assert_int_equal(tx_answer(r).status, NETIF_RSP_ERROR);
	assert_int_equal(tx_answer(r).status, NETIF_RSP_ERROR);
	assert_int_equal(tx_answer(r).status, NETIF_RSP_OKAY);
	assert_int_equal(r->wire.nr_sent, 1);
}

static void a_chain_without_end_breaks_the_card(void **state)
{
	struct rig *r = *state;
	unsigned int i;

	for (i = 0; i < NET_MAX_SLOTS + 1; i++)
		tx(r, (uint16_t)i, DATA_PAGE, i ? 1 : 1000, NETTXF_more_data);
	tx_kick(r, 0);
	assert_true(r->vif.broken);
	assert_int_equal(r->wire.nr_sent, 0);
}

static void an_index_that_jumps_breaks_the_card(void **state)
{
	struct rig *r = *state;

	r->tx.sring->req_prod += 300;
	vif_from_guest(&r->vif, 0);
	assert_true(r->vif.broken);
}

static void a_frame_goes_into_the_slots_the_guest_offers(void **state)
{
	struct rig *r = *state;
	netif_rx_response_t a, b;

	r->wire.wait_len = 5000;
	memset(r->wire.wait, 8, 5000);
	r->wire.nr_wait = 1;
	rx_offer(r, 4);
	vif_to_guest(&r->vif);
	a = rx_answer(r);
	b = rx_answer(r);
	assert_int_equal(a.status, 4096);
	assert_int_equal(a.flags, NETRXF_more_data);
	assert_int_equal(b.status, 904);
	assert_int_equal(b.flags, 0);
	assert_int_equal(r->peer->page[DATA_PAGE + 1][903], 8);
	assert_int_equal(r->peer->page[DATA_PAGE + 1][904], 0);
}

static void a_joined_segment_carries_its_size_in_an_extra(void **state)
{
	struct rig *r = *state;
	netif_rx_response_t a, c;
	netif_extra_info_t e;

	r->wire.wait_len = 5000;
	r->wire.wait_hdr = (struct virtio_net_hdr){ .flags = VIRTIO_NET_HDR_F_NEEDS_CSUM,
						    .gso_type = VIRTIO_NET_HDR_GSO_TCPV4,
						    .gso_size = 1448 };
	r->wire.nr_wait = 1;
	rx_offer(r, 4);
	vif_to_guest(&r->vif);
	a = rx_answer(r);
	memcpy(&e, RING_GET_RESPONSE(&r->rx, r->rx.rsp_cons++), sizeof(e));
	c = rx_answer(r);
	assert_int_equal(a.flags, NETRXF_csum_blank | NETRXF_data_validated | NETRXF_extra_info |
					  NETRXF_more_data);
	assert_int_equal(e.type, XEN_NETIF_EXTRA_TYPE_GSO);
	assert_int_equal(e.u.gso.size, 1448);
	assert_int_equal(c.status, 904);
}

static void a_frame_waits_while_the_guest_offers_no_room(void **state)
{
	struct rig *r = *state;

	r->wire.wait_len = 5000;
	r->wire.nr_wait = 1;
	rx_offer(r, 1);
	vif_to_guest(&r->vif);
	assert_int_equal(r->rx.sring->rsp_prod, 0);
	assert_int_equal(r->vif.held_len, 5000);
	rx_offer(r, 1);
	vif_to_guest(&r->vif);
	assert_int_equal(r->rx.sring->rsp_prod, 2);
}

static void a_revoked_buffer_loses_that_frame_only(void **state)
{
	struct rig *r = *state;

	r->wire.wait_len = 100;
	r->wire.nr_wait = 2;
	rx_offer(r, 2);
	r->peer->revoked[DATA_PAGE] = 1;
	vif_to_guest(&r->vif);
	assert_int_equal(rx_answer(r).status, NETIF_RSP_ERROR);
	assert_int_equal(rx_answer(r).status, 100);
}

static void the_rate_is_kept(void **state)
{
	struct rig *r = *state;
	unsigned int i;

	r->vif.rate = 1000;
	r->vif.burst = r->vif.credit = 2000;
	r->vif.filled_at = SECOND;
	for (i = 0; i < 5; i++)
		tx(r, (uint16_t)i, DATA_PAGE, 1000, 0);
	tx_kick(r, SECOND);
	assert_int_equal(r->wire.nr_sent, 2); /* the burst */
	assert_true(vif_throttled_for(&r->vif) > 0);
	vif_from_guest(&r->vif, 2 * SECOND);
	assert_int_equal(r->wire.nr_sent, 3); /* a thousand bytes a second */
}

static bool leaves(struct rig *r, const uint8_t *frame)
{
	unsigned int before = r->wire.nr_sent;

	memcpy(r->peer->page[DATA_PAGE], frame, 60);
	tx(r, 1, DATA_PAGE, 60, 0);
	tx_kick(r, 0);
	/* lost on the wire, as far as the guest can tell */
	assert_int_equal(tx_answer(r).status, NETIF_RSP_OKAY);
	return r->wire.nr_sent != before;
}

static void a_forged_source_does_not_leave(void **state)
{
	static const uint8_t mac[6] = { 2 };
	struct rig *r = *state;
	uint8_t p[60], arp[60] = { 0 };
	struct why why;

	r->vif.guard.on = true;
	memcpy(r->vif.guard.mac, mac, 6);
	tcp4_frame(p);		   /* from 10.0.0.0 */
	assert_true(leaves(r, p)); /* any address, under its MAC */
	assert_int_equal(guard_parse(&r->vif.guard, "10.0.0.0, 192.168.1.7", &why), 0);
	assert_true(leaves(r, p));
	p[26] = 11;
	assert_false(leaves(r, p)); /* another's address */
	p[26] = 10;
	p[6] = 4;
	assert_false(leaves(r, p)); /* another's MAC */
	p[6] = 2;
	p[12] = 0x81; /* a VLAN's frame would hide it */
	assert_false(leaves(r, p));
	memcpy(arp + 6, mac, 6);
	memcpy(arp + 12, (uint8_t[]){ 8, 6, 0, 1, 8, 0, 6, 4, 0, 2 }, 10);
	memcpy(arp + 22, mac, 6);
	memcpy(arp + 28, (uint8_t[]){ 192, 168, 1, 7 }, 4);
	assert_true(leaves(r, arp));
	arp[28] = 193;
	assert_false(leaves(r, arp)); /* says that another's address is here */
	memset(arp + 28, 0, 4);
	assert_true(leaves(r, arp)); /* asks whether an address is taken */
	arp[22] = 4;
	assert_false(leaves(r, arp)); /* speaks for another MAC */
	assert_int_equal(r->vif.stats.guarded, 5);
}

static void a_guest_without_an_address_may_ask_for_one(void **state)
{
	struct rig *r = *state;
	uint8_t p[60];
	struct why why;

	r->vif.guard.on = true;
	memcpy(r->vif.guard.mac, (uint8_t[6]){ 2 }, 6);
	assert_int_equal(guard_parse(&r->vif.guard, "10.0.0.1", &why), 0);
	tcp4_frame(p);
	memset(p + 26, 0, 4);
	assert_false(leaves(r, p));
	p[23] = 17;
	memcpy(p + 34, (uint8_t[]){ 0, 68, 0, 67 }, 4);
	assert_true(leaves(r, p));
}

static void guarded_ipv6_is_of_the_list_or_of_the_link(void **state)
{
	struct net_guard g = { .on = true, .mac = { 2 } };
	uint8_t p[60] = { 0 };
	struct why why;

	(void)state;
	p[6] = 2;
	p[12] = 0x86;
	p[13] = 0xdd;
	p[20] = 17;
	p[22] = 0xfe;
	p[23] = 0x80;
	assert_int_equal(guard_parse(&g, "10.0.0.1", &why), 0);
	assert_false(guard_passes(&g, p, sizeof(p))); /* has none at all */
	assert_int_equal(guard_parse(&g, "10.0.0.1 2001:db8::5", &why), 0);
	assert_true(guard_passes(&g, p, sizeof(p)));
	p[22] = 0x20;
	p[23] = 1;
	assert_false(guard_passes(&g, p, sizeof(p)));
	memcpy(p + 22, (uint8_t[]){ 0x20, 1, 0xd, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 5 }, 16);
	assert_true(guard_passes(&g, p, sizeof(p)));
	assert_false(guard_passes(&g, p, 53));
}

/* An advertisement from the guest's own address: type, whose address it is about, and a header of
 * eight bytes in front of it, or none. */
static bool advertises(const struct net_guard *g, uint8_t type, const char *target, uint8_t before)
{
	uint8_t p[100] = { 0 }, *icmp = p + 54;

	p[6] = 2;
	p[12] = 0x86;
	p[13] = 0xdd;
	p[20] = before ? before : 58;
	inet_pton(AF_INET6, "2001:db8::5", p + 22);
	if (before) {
		icmp[0] = 58;
		icmp += 8;
	}
	icmp[0] = type;
	inet_pton(AF_INET6, target, icmp + 8);
	return guard_passes(g, p, (size_t)(icmp - p) + 24);
}

static void a_guest_speaks_for_its_own_ipv6_addresses_alone(void **state)
{
	struct net_guard g = { .on = true, .mac = { 2 } };
	uint8_t cut[60] = { [6] = 2, [12] = 0x86, [13] = 0xdd, [20] = 58 };
	struct why why;

	(void)state;
	assert_int_equal(guard_parse(&g, "2001:db8::5", &why), 0);
	assert_true(advertises(&g, 136, "2001:db8::5", 0));
	assert_true(advertises(&g, 136, "fe80::5", 0));
	assert_false(advertises(&g, 136, "2001:db8::1", 0));
	assert_false(advertises(&g, 134, "2001:db8::5", 0)); /* it is no router */
	assert_false(advertises(&g, 137, "2001:db8::5", 0));
	assert_true(advertises(&g, 135, "2001:db8::1", 0)); /* it may ask for anybody */
	assert_true(advertises(&g, 128, "2001:db8::1", 0));
	assert_false(advertises(&g, 136, "2001:db8::1", 60)); /* behind another header */
	assert_false(advertises(&g, 136, "2001:db8::1", 0x2c));
	inet_pton(AF_INET6, "2001:db8::5", cut + 22);
	assert_false(guard_passes(&g, cut, sizeof(cut)));
	/* with an address of the link in the list, to that one */
	assert_int_equal(guard_parse(&g, "2001:db8::5 fe80::5", &why), 0);
	assert_true(advertises(&g, 136, "fe80::5", 0));
	assert_false(advertises(&g, 136, "fe80::1", 0));
}

static void a_list_that_cannot_be_read_is_no_open_guard(void **state)
{
	struct net_guard g = { .on = true };
	struct why why;

	(void)state;
	assert_int_not_equal(guard_parse(&g, "10.0.0.1/24", &why), 0);
	assert_non_null(strstr(why.text, "10.0.0.1/24"));
	assert_int_not_equal(
		guard_parse(&g,
			    "1.1.1.1 1.1.1.2 1.1.1.3 1.1.1.4 1.1.1.5 1.1.1.6 1.1.1.7 1.1.1.8 1.1.1.9",
			    &why),
		0);
}

/* Killed after it wrote answers over requests and before it showed them: the successor must not
 * take them for requests. */
static void answers_of_a_killed_daemon_are_shown_by_the_next(void **state)
{
	struct rig *r = *state;
	struct vif_choice c = { .queues = r->record.queues,
				.sg = true,
				.ctrl = true,
				.ctrl_ref = CTRL_PAGE,
				.ctrl_port = 7 };
	struct answers *a = &r->record.tx[0];
	netif_tx_response_t rsp = { .id = 9, .status = NETIF_RSP_OKAY };
	struct why why;
	int notify;

	memcpy(c.tx_ref, r->record.tx_ref, sizeof(c.tx_ref));
	memcpy(c.rx_ref, r->record.rx_ref, sizeof(c.rx_ref));
	memcpy(c.tx_port, r->record.tx_port, sizeof(c.tx_port));
	memcpy(c.rx_port, r->record.rx_port, sizeof(c.rx_port));
	tx(r, 9, 10, 60, 0);
	tx(r, 11, 10, 60, 0);
	RING_PUSH_REQUESTS_AND_CHECK_NOTIFY(&r->tx, notify);
	(void)notify;
	answers_put(a, &rsp, sizeof(rsp));
	a->first = 0;
	a->writing = 1;
	memcpy(RING_GET_REQUEST(&r->tx, 0), &rsp, sizeof(rsp));

	r->peer->mapped = r->peer->bound = 0; /* they went with it */
	vif_init(&r->vif, r->peer, &r->wire.port, &r->record, r->buffer);
	assert_int_equal(vif_connect(&r->vif, &c, &why), 0);
	assert_int_equal(tx_answer(r).id, 9);
	assert_int_equal(r->wire.nr_sent, 0);
	vif_from_guest(&r->vif, 0);
	assert_int_equal(tx_answer(r).id, 11);
	assert_int_equal(r->wire.nr_sent, 1);
}

static void small_packets_are_answered_at_once_and_told_of_later(void **state)
{
	struct rig *r = *state;

	tx(r, 1, DATA_PAGE, 60, 0);
	tx_kick(r, 0);
	assert_int_equal(r->tx.sring->rsp_prod, 1);
	assert_int_equal(r->peer->notified, 0);
	assert_true(vif_in_debt(&r->vif));
	vif_settle(&r->vif);
	assert_int_equal(r->peer->notified, 1);
	assert_false(vif_in_debt(&r->vif));
}

static void a_frontend_that_found_its_answers_is_not_told(void **state)
{
	struct rig *r = *state;

	tx(r, 1, DATA_PAGE, 60, 0);
	tx_kick(r, 0);
	tx_answer(r);
	r->tx.sring->rsp_event = r->tx.rsp_cons + 1;
	vif_settle(&r->vif);
	assert_int_equal(r->peer->notified, 0);
}

static void a_frame_for_the_guest_tells_of_answers_too(void **state)
{
	struct rig *r = *state;

	tx(r, 1, DATA_PAGE, 60, 0);
	tx_kick(r, 0);
	r->wire.wait_len = 60;
	r->wire.nr_wait = 1;
	rx_offer(r, 2);
	vif_to_guest(&r->vif);
	assert_int_equal(r->peer->notified, 1);
	assert_false(vif_in_debt(&r->vif));
}

static void many_answers_are_told_of_at_once(void **state)
{
	struct rig *r = *state;
	unsigned int i;

	for (i = 0; i < 64; i++)
		tx(r, (uint16_t)i, DATA_PAGE, 60, 0);
	tx_kick(r, 0);
	assert_int_equal(r->peer->notified, 1);
	for (i = 0; i < 8; i++)
		tx(r, (uint16_t)i, DATA_PAGE, 4096, 0);
	r->tx.sring->rsp_event = r->tx.sring->rsp_prod + 1;
	tx_kick(r, 0);
	assert_int_equal(r->peer->notified, 2); /* few, but of many bytes */
	assert_false(vif_in_debt(&r->vif));
}

static void the_host_is_held_for_a_round_of_several_packets(void **state)
{
	struct rig *r = *state;
	unsigned int i;

	tx(r, 0, DATA_PAGE, 60, 0);
	tx_kick(r, 0);
	assert_int_equal(r->wire.holds, 0);
	for (i = 0; i < 40; i++)
		tx(r, (uint16_t)i, DATA_PAGE, 60, 0);
	tx_kick(r, 0);
	assert_int_equal(r->wire.holds, 2); /* 32, and the rest */
	assert_int_equal(r->wire.held, 0);
	assert_int_equal(r->wire.nr_sent, 41);
}

static void packets_of_every_shape_stay_whole(void **state)
{
	struct rig *r = *state;
	uint8_t *p = r->peer->page[DATA_PAGE];
	unsigned int i, first, k;

	for (i = 0; i < PEER_PAGE; i++)
		p[i] = (uint8_t)(i * 7);
	for (first = 14; first < PEER_PAGE; first += 611) {
		tx(r, 1, DATA_PAGE, (uint16_t)(first + 4096 + 4096 + 33), NETTXF_more_data);
		tx(r, 2, DATA_PAGE, 4096, NETTXF_more_data);
		tx(r, 3, DATA_PAGE, 33, NETTXF_more_data)->offset = 4063;
		tx(r, 4, DATA_PAGE, 4096, 0);
		tx_kick(r, 0);
		assert_int_equal(r->wire.sent_len, first + 4096 + 33 + 4096);
		assert_memory_equal(r->wire.sent, p, first);
		assert_memory_equal(r->wire.sent + first, p, 4096);
		assert_memory_equal(r->wire.sent + first + 4096, p + 4063, 33);
		assert_memory_equal(r->wire.sent + first + 4129, p, 4096);
		for (k = 0; k < 4; k++)
			assert_int_equal(tx_answer(r).status, NETIF_RSP_OKAY);
	}
}

/* Data that goes on from page to page in the guest does so here, wherever in a page it begins. */
static void pages_are_copied_in_one_piece(void **state)
{
	struct rig *r = *state;
	uint16_t begin;

	for (begin = 0; begin < PEER_PAGE; begin += 409) {
		uint16_t len = (uint16_t)(PEER_PAGE - begin);

		tx(r, 1, DATA_PAGE, (uint16_t)(66 + len + 4096 + 100), NETTXF_more_data);
		tx(r, 2, DATA_PAGE, len, NETTXF_more_data)->offset = begin;
		tx(r, 3, DATA_PAGE, 4096, NETTXF_more_data);
		tx(r, 4, DATA_PAGE, 100, 0);
		r->peer->split = 0;
		tx_kick(r, 0);
		assert_int_equal(r->wire.sent_len, 66 + len + 4096 + 100);
		assert_in_range(r->peer->split, 0, 1); /* its header */
	}
}

/* Where frames come one by one, looking for another each time is a call in vain. One that is there
 * is seen all the same. */
/* Whoever asks it to go away, and frames for the guest, get their turn. */
static void a_guest_that_sends_without_end_does_not_stop_all_else(void **state)
{
	struct rig *r = *state;

	r->wire.refilling = r;
	tx(r, 3, DATA_PAGE, 60, 0);
	tx_kick(r, 0);
	assert_true(r->vif.more);
	r->wire.refilling = NULL;
	vif_from_guest(&r->vif, 0);
	assert_false(r->vif.more);
	assert_int_equal(r->tx.sring->rsp_prod, r->tx.sring->req_prod);
}

static void lonely_frames_are_not_looked_behind(void **state)
{
	struct rig *r = *state;
	unsigned int i;

	r->wire.wait_len = 60;
	rx_offer(r, 40);
	for (i = 0; i < 24; i++) {
		r->wire.nr_wait = 1;
		vif_to_guest(&r->vif);
	}
	assert_in_range(r->wire.looks, 24 + 4, 24 + 4 + 4);
	r->wire.nr_wait = 10;
	for (i = 0; i < 10 && r->wire.nr_wait; i++)
		vif_to_guest(&r->vif);
	assert_int_equal(r->wire.nr_wait, 0);
	assert_int_equal(r->rx.sring->rsp_prod, 34);
}

/* What the guest sends on a frame's account is looked for anyway. */
static void a_guest_need_not_kick_while_frames_come_to_it(void **state)
{
	struct rig *r = *state;

	tx(r, 1, DATA_PAGE, 60, 0);
	tx_kick(r, 0);
	assert_int_equal(r->tx.sring->req_event, 2);
	r->wire.answering = r;
	r->wire.wait_len = 60;
	r->wire.nr_wait = 1;
	rx_offer(r, 1);
	vif_to_guest_and_back(&r->vif, 0);
	assert_int_equal(r->wire.nr_sent, 2);
	assert_int_equal(r->tx.sring->req_event, 3); /* and told of the next */
}

int main(void)
{
#define CASE(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		CASE(a_packet_of_one_slot_reaches_the_wire),
		CASE(answers_of_a_killed_daemon_are_shown_by_the_next),
		CASE(a_packet_of_several_slots_is_put_together),
		CASE(half_a_packet_waits_for_its_rest),
		CASE(segmentation_becomes_a_vnet_header),
		CASE(offloads_that_the_headers_deny_are_refused),
		CASE(bad_packets_are_answered_with_an_error_and_the_card_goes_on),
		CASE(a_chain_without_end_breaks_the_card),
		CASE(an_index_that_jumps_breaks_the_card),
		CASE(a_frame_goes_into_the_slots_the_guest_offers),
		CASE(a_joined_segment_carries_its_size_in_an_extra),
		CASE(a_frame_waits_while_the_guest_offers_no_room),
		CASE(a_revoked_buffer_loses_that_frame_only),
		CASE(the_rate_is_kept),
		CASE(a_forged_source_does_not_leave),
		CASE(a_guest_without_an_address_may_ask_for_one),
		CASE(guarded_ipv6_is_of_the_list_or_of_the_link),
		CASE(a_guest_speaks_for_its_own_ipv6_addresses_alone),
		CASE(a_list_that_cannot_be_read_is_no_open_guard),
		CASE(small_packets_are_answered_at_once_and_told_of_later),
		CASE(a_frontend_that_found_its_answers_is_not_told),
		CASE(a_frame_for_the_guest_tells_of_answers_too),
		CASE(many_answers_are_told_of_at_once),
		CASE(the_host_is_held_for_a_round_of_several_packets),
		CASE(packets_of_every_shape_stay_whole),
		CASE(pages_are_copied_in_one_piece),
		CASE(a_guest_that_sends_without_end_does_not_stop_all_else),
		CASE(lonely_frames_are_not_looked_behind),
		CASE(a_guest_need_not_kick_while_frames_come_to_it),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
