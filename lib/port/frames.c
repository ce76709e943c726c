/* Bursts of mbufs to frame descriptors and back: the only code of the port that every packet
 * passes. The descriptor is the mbuf's private area, so nothing is looked up. */
#include "port_priv.h"

static_assert(PORT_BURST <= SL_BURST, "a burst of the port is one of the worker's at most");

static inline struct sl_frame *frame_of(struct rte_mbuf *mbuf)
{
    return rte_mbuf_to_priv(mbuf);
}

static inline uint16_t rx_flags(uint64_t ol_flags)
{
    uint64_t ip = ol_flags & RTE_MBUF_F_RX_IP_CKSUM_MASK;
    uint64_t l4 = ol_flags & RTE_MBUF_F_RX_L4_CKSUM_MASK;
    unsigned flags = 0;
    flags |= ip == RTE_MBUF_F_RX_IP_CKSUM_GOOD ? SL_FRAME_RX_IP_CHECKSUM_GOOD : 0;
    flags |= ip == RTE_MBUF_F_RX_IP_CKSUM_BAD ? SL_FRAME_RX_IP_CHECKSUM_BAD : 0;
    flags |= l4 == RTE_MBUF_F_RX_L4_CKSUM_GOOD ? SL_FRAME_RX_L4_CHECKSUM_GOOD : 0;
    flags |= l4 == RTE_MBUF_F_RX_L4_CKSUM_BAD ? SL_FRAME_RX_L4_CHECKSUM_BAD : 0;
    flags |= ol_flags & RTE_MBUF_F_RX_VLAN_STRIPPED ? SL_FRAME_RX_VLAN_STRIPPED : 0;
    return (uint16_t)flags;
}

static inline struct sl_frame *describe(struct rte_mbuf *mbuf, const struct port_queue *queue)
{
    struct sl_frame *frame = frame_of(mbuf);
    frame->data = rte_pktmbuf_mtod(mbuf, uint8_t *);
    frame->len = mbuf->data_len;
    frame->headroom = mbuf->data_off;
    frame->tailroom = (uint16_t)(mbuf->buf_len - mbuf->data_off - mbuf->data_len);
    frame->segs = mbuf->nb_segs;
    frame->flags = mbuf->ol_flags == 0 ? 0 : rx_flags(mbuf->ol_flags);
    frame->vlan_tci = mbuf->vlan_tci;
    frame->group = queue->group;
    frame->queue = queue->index;
    frame->handle = mbuf;
    return frame;
}

/**
 * What the first stages touch of a burst: the buffers' own lines and descriptors, then the headers
 * and the record behind them. A card has just written them, so they are in no near cache.
 */
static inline void prefetch_burst(struct rte_mbuf **mbufs, unsigned n)
{
    for (unsigned i = 0; i < n; i++) {
        rte_prefetch0(mbufs[i]);
        rte_mbuf_prefetch_part2(mbufs[i]);
        for (size_t at = 0; at < sizeof(struct sl_frame); at += RTE_CACHE_LINE_SIZE)
            rte_prefetch0((uint8_t *)rte_mbuf_to_priv(mbufs[i]) + at);
    }
    for (unsigned i = 0; i < n; i++) {
        const uint8_t *data = rte_pktmbuf_mtod(mbufs[i], uint8_t *);
        rte_prefetch0(data);
        rte_prefetch0(data + RTE_CACHE_LINE_SIZE);
        rte_prefetch0(data + 2 * RTE_CACHE_LINE_SIZE);
    }
}

/** The mbuf as the frame says it is now. */
static inline struct rte_mbuf *mbuf_of(const struct sl_frame *frame)
{
    struct rte_mbuf *mbuf = frame->handle;
    mbuf->data_off = (uint16_t)(frame->data - (uint8_t *)mbuf->buf_addr);
    mbuf->data_len = frame->len;
    mbuf->pkt_len = frame->len;
    mbuf->ol_flags = 0;
    if ((frame->flags & (SL_FRAME_TX_IP_CHECKSUM | SL_FRAME_TX_UDP_CHECKSUM)) == 0)
        return mbuf;
    bool is_v4 = frame->data[frame->l3_off] >> 4 == 4;
    uint64_t l3_len = is_v4 ? SL_IPV4_HEADER_LEN : SL_IPV6_HEADER_LEN;
    mbuf->tx_offload = frame->l3_off | l3_len << RTE_MBUF_L2_LEN_BITS;
    mbuf->ol_flags = is_v4 ? RTE_MBUF_F_TX_IPV4 : RTE_MBUF_F_TX_IPV6;
    if (is_v4 && (frame->flags & SL_FRAME_TX_IP_CHECKSUM))
        mbuf->ol_flags |= RTE_MBUF_F_TX_IP_CKSUM;
    if (frame->flags & SL_FRAME_TX_UDP_CHECKSUM)
        mbuf->ol_flags |= RTE_MBUF_F_TX_UDP_CKSUM;
    return mbuf;
}

/** Sends what workers without a transmit queue of their own have left here. */
static void relay_burst(struct port_queue *queue)
{
    if (queue->held_count == 0)
        queue->held_count =
            rte_ring_sc_dequeue_burst(queue->relay, (void **)queue->held, PORT_BURST, NULL);
    if (queue->held_count == 0)
        return;
    unsigned sent = rte_eth_tx_burst(queue->tx.port_id, queue->tx.queue_id, queue->held,
                                     (uint16_t)queue->held_count);
    queue->held_count -= sent;
    memmove(queue->held, queue->held + sent, queue->held_count * sizeof queue->held[0]);
}

void port_flush_relays(struct sl_port *port)
{
    for (unsigned q = 0; q < port->config.queue_count; q++) {
        struct port_queue *queue = &port->queues[q];
        if (queue->relay == NULL)
            continue;
        for (unsigned turn = 0; turn <= PORT_RELAY_LEN; turn++)
            relay_burst(queue);
    }
}

unsigned sl_port_receive(struct sl_port *port, unsigned q, struct sl_frame **frames, unsigned n)
{
    struct port_queue *queue = &port->queues[q];
    struct rte_mbuf *mbufs[PORT_BURST];
    if (queue->relay != NULL)
        relay_burst(queue);
    n = RTE_MIN(n, (unsigned)PORT_BURST);
    unsigned count = 0;
    for (unsigned tried = 0; tried < queue->rx_count && count == 0; tried++) {
        const struct port_lane *lane = &queue->rx[queue->rx_next];
        queue->rx_next = (uint16_t)(queue->rx_next + 1U < queue->rx_count ? queue->rx_next + 1 : 0);
        count = rte_eth_rx_burst(lane->port_id, lane->queue_id, mbufs, (uint16_t)n);
    }
    prefetch_burst(mbufs, count);
    for (unsigned i = 0; i < count; i++)
        frames[i] = describe(mbufs[i], queue);
    return count;
}

unsigned sl_port_transmit(struct sl_port *port, unsigned q, struct sl_frame **frames, unsigned n)
{
    struct port_queue *queue = &port->queues[q];
    struct rte_mbuf *mbufs[PORT_BURST];
    unsigned done = 0;
    while (done < n) {
        unsigned count = RTE_MIN(n - done, (unsigned)PORT_BURST), sent;
        for (unsigned i = 0; i < count; i++)
            mbufs[i] = mbuf_of(frames[done + i]);
        if (queue->has_tx)
            sent = rte_eth_tx_burst(queue->tx.port_id, queue->tx.queue_id, mbufs, (uint16_t)count);
        else
            sent = rte_ring_enqueue_burst(queue->sender->relay, (void **)mbufs, count, NULL);
        done += sent;
        if (sent < count)
            break;
    }
    return done;
}

unsigned sl_port_take(struct sl_port *port, unsigned q, struct sl_frame **frames, unsigned n)
{
    const struct port_queue *queue = &port->queues[q];
    struct rte_mbuf *mbufs[PORT_BURST];
    n = RTE_MIN(n, (unsigned)PORT_BURST);
    if (rte_pktmbuf_alloc_bulk(queue->pool, mbufs, n) != 0)
        return 0;
    for (unsigned i = 0; i < n; i++)
        frames[i] = describe(mbufs[i], queue);
    return n;
}

void sl_port_free(struct sl_frame **frames, unsigned n)
{
    struct rte_mbuf *mbufs[PORT_BURST];
    for (unsigned done = 0; done < n;) {
        unsigned count = RTE_MIN(n - done, (unsigned)PORT_BURST);
        for (unsigned i = 0; i < count; i++)
            mbufs[i] = frames[done + i]->handle;
        rte_pktmbuf_free_bulk(mbufs, count);
        done += count;
    }
}
