/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Network frontend: two rings, buffers granted once and used over and over. The backend copies
 * received frames into them
 * ("request-rx-copy"); without offers of ours it sends none in pieces and none without a checksum.
 */
#include "net.h"

static void woken(void *arg)
{
	(void)arg;
}

/* A page that is there already stays, after a resume. */
static int grant_page(struct net *n, void **page, bool readonly)
{
	if (!*page)
		*page = os_page_alloc();
	return *page ? os_grant(n->dev.backend, *page, readonly) : -XEN_ENOMEM;
}

static int buffers(struct net *n)
{
	for (int i = 0; i < NET_BUFFERS; i++) {
		n->tx_grants[i] = grant_page(n, &n->tx_pages[i], true);
		n->rx_grants[i] = grant_page(n, &n->rx_pages[i], false);
		if (n->tx_grants[i] < 0 || n->rx_grants[i] < 0)
			return -XEN_ENOMEM;
	}
	return 0;
}

static void offer(struct net *n, uint16_t id)
{
	netif_rx_request_t *rq = RING_GET_REQUEST(&n->rx, n->rx.req_prod_pvt);

	rq->id = id;
	rq->pad = 0;
	rq->gref = n->rx_grants[id];
	n->rx.req_prod_pvt++;
}

static void push_offers(struct net *n)
{
	int notify;

	RING_PUSH_REQUESTS_AND_CHECK_NOTIFY(&n->rx, notify);
	if (notify)
		os_event_send(n->port);
}

static int read_mac(struct net *n)
{
	char path[XENBUS_PATH_MAX], text[24];
	int len, digit = 0;

	os_format(path, sizeof(path), "%s/mac", n->dev.front);
	len = store_read(0, path, text, sizeof(text));
	if (len < 0)
		return len;
	for (char *p = text; *p; p++) {
		unsigned int v = *p >= '0' && *p <= '9'		      ? *p - '0' :
				 (*p | 32) >= 'a' && (*p | 32) <= 'f' ? (*p | 32) - 'a' + 10 :
									16;

		if (v == 16 && *p == ':')
			continue;
		if (v == 16 || digit == 12)
			return -XEN_EINVAL;
		n->mac[digit / 2] = n->mac[digit / 2] << 4 | v;
		digit++;
	}
	return digit == 12 ? 0 : -XEN_EINVAL;
}

/* A control ring, if the backend knows it. Without one the card works as well, so that nothing here
 * is an error. */
static int open_control(struct net *n)
{
	int rc;

	n->staged = false;
	if (!device_get(&n->dev, "feature-ctrl-ring", 0))
		return 0;
	n->ctrl_ring_grant = grant_page(n, &n->ctrl_ring, false);
	n->ctrl_list_grant = grant_page(n, &n->ctrl_list, false);
	rc = n->ctrl_ring_grant < 0 || n->ctrl_list_grant < 0 ?
		     -XEN_ENOMEM :
		     os_event_open(n->dev.backend, woken, n);
	if (rc < 0)
		return rc;
	n->ctrl_port = rc;
	SHARED_RING_INIT((xen_netif_ctrl_sring_t *)n->ctrl_ring);
	FRONT_RING_INIT(&n->ctrl, (xen_netif_ctrl_sring_t *)n->ctrl_ring, OS_PAGE_SIZE);
	return 0;
}

/*
 * Asks the backend to keep our buffers mapped, which are the same ones for good: it copies without
 * a hypercall then. The answer is looked at when it comes; a backend that cannot goes on copying by
 * grants.
 */
static void stage_buffers(struct net *n)
{
	struct xen_netif_gref *g = n->ctrl_list;
	int notify;

	if (!n->ctrl_port)
		return;
	for (int i = 0; i < NET_BUFFERS; i++) {
		g[2 * i] = (struct xen_netif_gref){ .ref = n->tx_grants[i],
						    .flags = XEN_NETIF_CTRLF_GREF_readonly };
		g[2 * i + 1] = (struct xen_netif_gref){ .ref = n->rx_grants[i] };
	}
	*RING_GET_REQUEST(&n->ctrl, n->ctrl.req_prod_pvt) = (struct xen_netif_ctrl_request){
		.type = XEN_NETIF_CTRL_TYPE_ADD_GREF_MAPPING,
		.data = { 0, n->ctrl_list_grant, 2 * NET_BUFFERS }
	};
	n->ctrl.req_prod_pvt++;
	RING_PUSH_REQUESTS_AND_CHECK_NOTIFY(&n->ctrl, notify);
	if (notify)
		os_event_send(n->ctrl_port);
}

static void collect_control(struct net *n)
{
	struct xen_netif_ctrl_response rsp;

	if (!n->ctrl_port || n->staged || !RING_HAS_UNCONSUMED_RESPONSES(&n->ctrl))
		return;
	RING_COPY_RESPONSE(&n->ctrl, n->ctrl.rsp_cons, &rsp);
	n->ctrl.rsp_cons++;
	n->staged = rsp.type == XEN_NETIF_CTRL_TYPE_ADD_GREF_MAPPING &&
		    rsp.status == XEN_NETIF_CTRL_STATUS_SUCCESS;
}

static int publish_control(struct net *n, store_txn_t t)
{
	int rc;

	if (!n->ctrl_port)
		return 0;
	rc = device_put(&n->dev, t, "ctrl-ring-ref", "%d", n->ctrl_ring_grant);
	return rc ? rc : device_put(&n->dev, t, "event-channel-ctrl", "%u", n->ctrl_port);
}

static int publish(struct net *n)
{
	store_txn_t t;
	int rc;

	do {
		rc = store_begin(&t);
		if (rc)
			return rc;
		if ((rc = device_put(&n->dev, t, "tx-ring-ref", "%d", n->tx_ring_grant)) ||
		    (rc = device_put(&n->dev, t, "rx-ring-ref", "%d", n->rx_ring_grant)) ||
		    (rc = device_put(&n->dev, t, "event-channel", "%u", n->port)) ||
		    (rc = device_put(&n->dev, t, "request-rx-copy", "1")) ||
		    (rc = device_put(&n->dev, t, "feature-rx-notify", "1")) ||
		    (rc = device_put(&n->dev, t, "feature-no-csum-offload", "1")) ||
		    (rc = publish_control(n, t)) ||
		    (rc = device_state(&n->dev, t, XenbusStateConnected))) {
			store_end(t, false);
			return rc;
		}
		rc = store_end(t, true);
	} while (rc == -XEN_EAGAIN);
	return rc;
}

static int connect(struct net *n)
{
	int rc = device_await(&n->dev, STEP_PUBLISH, DEVICE_PATIENCE_MS);

	if (rc)
		return rc;
	n->tx_ring_grant = grant_page(n, &n->tx_ring, false);
	n->rx_ring_grant = grant_page(n, &n->rx_ring, false);
	if (n->tx_ring_grant < 0 || n->rx_ring_grant < 0 || buffers(n))
		return -XEN_ENOMEM;
	SHARED_RING_INIT((netif_tx_sring_t *)n->tx_ring);
	FRONT_RING_INIT(&n->tx, (netif_tx_sring_t *)n->tx_ring, OS_PAGE_SIZE);
	SHARED_RING_INIT((netif_rx_sring_t *)n->rx_ring);
	FRONT_RING_INIT(&n->rx, (netif_rx_sring_t *)n->rx_ring, OS_PAGE_SIZE);
	rc = os_event_open(n->dev.backend, woken, n);
	if (rc < 0)
		return rc;
	n->port = rc;
	if ((rc = open_control(n)) || (rc = publish(n)))
		return rc;
	stage_buffers(n);
	for (int i = 0; i < NET_BUFFERS; i++)
		offer(n, i);
	push_offers(n);
	return 0;
}

static void take_page_back(void **page, int *grant)
{
	if (*grant > 0 && os_grant_end(*grant))
		os_log("net: the backend keeps a page; it is given up");
	else if (*page)
		os_page_free(*page);
	*page = NULL;
	*grant = 0;
}

static void release(struct net *n)
{
	if (n->port)
		os_event_close(n->port);
	if (n->ctrl_port)
		os_event_close(n->ctrl_port);
	n->port = n->ctrl_port = 0;
	take_page_back(&n->tx_ring, &n->tx_ring_grant);
	take_page_back(&n->rx_ring, &n->rx_ring_grant);
	take_page_back(&n->ctrl_ring, &n->ctrl_ring_grant);
	take_page_back(&n->ctrl_list, &n->ctrl_list_grant);
	for (int i = 0; i < NET_BUFFERS; i++) {
		take_page_back(&n->tx_pages[i], &n->tx_grants[i]);
		take_page_back(&n->rx_pages[i], &n->rx_grants[i]);
	}
}

int net_open(struct net *n, unsigned long id)
{
	int rc;

	memset(n, 0, sizeof(*n));
	if (!(rc = device_open(&n->dev, "vif", id)) && !(rc = read_mac(n)))
		rc = connect(n);
	if (rc)
		release(n);
	n->open = rc == 0;
	return rc;
}

/* The ports and grants went with the old domain. */
static void forget(struct net *n)
{
	n->port = n->ctrl_port = 0;
	n->tx_ring_grant = n->rx_ring_grant = 0;
	n->ctrl_ring_grant = n->ctrl_list_grant = 0;
	memset(n->tx_grants, 0, sizeof(n->tx_grants));
	memset(n->rx_grants, 0, sizeof(n->rx_grants));
	memset(n->tx_used, 0, sizeof(n->tx_used));
}

int net_resume(struct net *n)
{
	int rc;

	if (!n->open)
		return 0;
	forget(n);
	rc = device_reopen(&n->dev);
	if (!rc)
		rc = connect(n);
	if (rc)
		release(n);
	n->broken = rc != 0;
	return rc;
}

static int broke(struct net *n, const char *why, unsigned int value)
{
	if (!n->broken)
		os_log("net: %s: %u; the card is given up", why, value);
	n->broken = true;
	return -XEN_EIO;
}

static int collect_sent(struct net *n)
{
	netif_tx_response_t rsp;
	RING_IDX prod;
	int more;

	do {
		prod = *(volatile RING_IDX *)&n->tx.sring->rsp_prod;
		xen_rmb();
		if (RING_RESPONSE_PROD_OVERFLOW(&n->tx, prod))
			return broke(n, "more frames sent than were given", prod);
		while (n->tx.rsp_cons != prod) {
			RING_COPY_RESPONSE(&n->tx, n->tx.rsp_cons, &rsp);
			n->tx.rsp_cons++;
			if (rsp.status == NETIF_RSP_NULL)
				continue;
			if (rsp.id >= NET_BUFFERS || !n->tx_used[rsp.id])
				return broke(n, "an answer for a frame that is not under way",
					     rsp.id);
			n->tx_used[rsp.id] = false;
		}
		RING_FINAL_CHECK_FOR_RESPONSES(&n->tx, more);
	} while (more);
	return 0;
}

int net_send(struct net *n, const void *frame, size_t len)
{
	netif_tx_request_t *rq;
	int i, notify;

	if (len > NET_FRAME_MAX)
		return -XEN_E2BIG;
	if (!n->port || n->broken || collect_sent(n))
		return -XEN_EIO;
	for (i = 0; i < NET_BUFFERS && n->tx_used[i]; i++)
		;
	if (i == NET_BUFFERS)
		return -XEN_EBUSY;
	n->tx_used[i] = true;
	memcpy(n->tx_pages[i], frame, len);
	rq = RING_GET_REQUEST(&n->tx, n->tx.req_prod_pvt);
	*rq = (netif_tx_request_t){ .gref = n->tx_grants[i], .id = i, .size = len };
	n->tx.req_prod_pvt++;
	RING_PUSH_REQUESTS_AND_CHECK_NOTIFY(&n->tx, notify);
	if (notify)
		os_event_send(n->port);
	n->sent++;
	return 0;
}

bool net_pending(void *arg)
{
	struct net *n = arg;

	return n->port && !n->broken &&
	       (RING_HAS_UNCONSUMED_RESPONSES(&n->rx) || RING_HAS_UNCONSUMED_RESPONSES(&n->tx));
}

void net_poll(struct net *n, void (*fn)(void *arg, void *frame, size_t len), void *arg)
{
	netif_rx_response_t rsp;
	RING_IDX prod;
	int more;

	if (!n->port || n->broken || collect_sent(n))
		return;
	collect_control(n);
	do {
		prod = *(volatile RING_IDX *)&n->rx.sring->rsp_prod;
		xen_rmb();
		if (RING_RESPONSE_PROD_OVERFLOW(&n->rx, prod)) {
			broke(n, "more frames received than there are buffers", prod);
			return;
		}
		while (n->rx.rsp_cons != prod) {
			RING_COPY_RESPONSE(&n->rx, n->rx.rsp_cons, &rsp);
			n->rx.rsp_cons++;
			if (rsp.id >= NET_BUFFERS) {
				broke(n, "a frame in a buffer that does not exist", rsp.id);
				return;
			}
			if (rsp.status <= 0 || rsp.offset >= OS_PAGE_SIZE ||
			    rsp.status > OS_PAGE_SIZE - rsp.offset ||
			    (rsp.flags & (NETRXF_more_data | NETRXF_extra_info))) {
				n->dropped++;
			} else {
				n->received++;
				/* The backend may write there all the time: fn sees one frame. */
				memcpy(n->frame, (char *)n->rx_pages[rsp.id] + rsp.offset,
				       rsp.status);
				fn(arg, n->frame, rsp.status);
			}
			offer(n, rsp.id);
		}
		push_offers(n);
		RING_FINAL_CHECK_FOR_RESPONSES(&n->rx, more);
	} while (more);
}
