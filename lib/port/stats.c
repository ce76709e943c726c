/* What the ports counted themselves, for telemetry. */
#include "port_priv.h"

unsigned sl_port_stats(const struct sl_port *port, struct sl_port_stat *out, unsigned max)
{
    struct rte_eth_stats sum = {0};
    for (unsigned i = 0; i < port->device_count; i++) {
        struct rte_eth_stats one;
        if (rte_eth_stats_get(port->devices[i].port_id, &one) != 0)
            continue;
        sum.ipackets += one.ipackets;
        sum.ibytes += one.ibytes;
        sum.imissed += one.imissed;
        sum.ierrors += one.ierrors;
        sum.rx_nombuf += one.rx_nombuf;
        sum.opackets += one.opackets;
        sum.obytes += one.obytes;
        sum.oerrors += one.oerrors;
    }
    const struct sl_port_stat stats[] = {
        {"rx_packets", "packets that the port received", sum.ipackets},
        {"rx_bytes", "bytes that the port received", sum.ibytes},
        {"rx_missed", "packets lost because the worker was too slow", sum.imissed},
        {"rx_errors", "packets received with errors", sum.ierrors},
        {"rx_no_buffer", "times that no buffer was free to receive into", sum.rx_nombuf},
        {"tx_packets", "packets that the port sent", sum.opackets},
        {"tx_bytes", "bytes that the port sent", sum.obytes},
        {"tx_errors", "packets that the port failed to send", sum.oerrors},
    };
    unsigned count = RTE_MIN((unsigned)RTE_DIM(stats), max);
    memcpy(out, stats, count * sizeof *out);
    return count;
}
