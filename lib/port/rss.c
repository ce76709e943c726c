/* Receive side scaling. The owner of a session is computed in software all the same: when the NIC
 * computes the same function, most packets arrive where they belong and no handoff is needed. */
#include "port_priv.h"

#define RSS_UDP                                                                                    \
    (RTE_ETH_RSS_NONFRAG_IPV4_UDP | RTE_ETH_RSS_NONFRAG_IPV6_UDP | RTE_ETH_RSS_IPV6_UDP_EX)

/**
 * A card with a longer key hashes longer tuples than ours: of UDP's, its first bytes alone decide.
 */
static bool takes_our_key(const struct sl_port *port, const struct rte_eth_dev_info *dev)
{
    return port->config.rss_key != NULL && dev->hash_key_size >= PORT_RSS_KEY_LEN &&
           dev->hash_key_size <= PORT_RSS_KEY_MAX;
}

void port_rss_configure(const struct sl_port *port, struct port_device *device,
                        const struct rte_eth_dev_info *dev, struct rte_eth_conf *conf)
{
    uint64_t hash = dev->flow_type_rss_offloads;
    if (device->rx_count < 2 || hash == 0)
        return;
    conf->rxmode.mq_mode = RTE_ETH_MQ_RX_RSS;
    conf->rx_adv_conf.rss_conf.rss_hf = (hash & RSS_UDP) != 0 ? hash & RSS_UDP : hash;
    if (!takes_our_key(port, dev))
        return; /* a key of its own */
    memset(device->rss_key, 0, sizeof device->rss_key);
    memcpy(device->rss_key, port->config.rss_key, PORT_RSS_KEY_LEN);
    conf->rx_adv_conf.rss_conf.rss_key = device->rss_key;
    conf->rx_adv_conf.rss_conf.rss_key_len = dev->hash_key_size;
    if (dev->rx_offload_capa & RTE_ETH_RX_OFFLOAD_RSS_HASH)
        conf->rxmode.offloads |= RTE_ETH_RX_OFFLOAD_RSS_HASH;
}

/** The device's queue that belongs to a worker, or the next best. */
static uint16_t queue_of(const struct port_device *device, unsigned worker)
{
    if (worker >= device->first && (worker - device->first) % device->stride == 0) {
        unsigned queue = (worker - device->first) / device->stride;
        if (queue < device->rx_count)
            return (uint16_t)queue;
    }
    return (uint16_t)(worker % device->rx_count);
}

static void fill_table(const struct sl_port *port, const struct port_device *device,
                       struct rte_eth_rss_reta_entry64 *table, unsigned len)
{
    for (unsigned i = 0; i < len; i++) {
        unsigned owner = port->config.shard_owner[i % 256];
        struct rte_eth_rss_reta_entry64 *entry = &table[i / RTE_ETH_RETA_GROUP_SIZE];
        entry->mask |= 1ULL << (i % RTE_ETH_RETA_GROUP_SIZE);
        entry->reta[i % RTE_ETH_RETA_GROUP_SIZE] = queue_of(device, owner);
    }
}

/** A port may accept a table and ignore it: what it says it has is compared. */
static bool set_table(const struct sl_port *port, const struct port_device *device,
                      const struct rte_eth_dev_info *dev)
{
    enum { GROUPS = RTE_ETH_RSS_RETA_SIZE_512 / RTE_ETH_RETA_GROUP_SIZE };
    struct rte_eth_rss_reta_entry64 wanted[GROUPS] = {0}, got[GROUPS] = {0};
    uint16_t len = dev->reta_size;
    if (len == 0 || len > RTE_ETH_RSS_RETA_SIZE_512 || len % RTE_ETH_RETA_GROUP_SIZE != 0)
        return false;
    fill_table(port, device, wanted, len);
    if (rte_eth_dev_rss_reta_update(device->port_id, wanted, len) != 0)
        return false;
    for (unsigned i = 0; i < GROUPS; i++)
        got[i].mask = wanted[i].mask;
    return rte_eth_dev_rss_reta_query(device->port_id, got, len) == 0 &&
           memcmp(wanted, got, sizeof wanted) == 0;
}

bool port_rss_check(const struct sl_port *port, const struct port_device *device,
                    const struct rte_eth_dev_info *dev)
{
    if (device->rx_count < 2 || !takes_our_key(port, dev) || port->config.shard_owner == NULL)
        return false;
    uint8_t key[PORT_RSS_KEY_MAX] = {0};
    struct rte_eth_rss_conf got = {.rss_key = key, .rss_key_len = dev->hash_key_size};
    bool same_table = set_table(port, device, dev);
    return rte_eth_dev_rss_hash_conf_get(device->port_id, &got) == 0 && same_table &&
           (got.rss_hf & RTE_ETH_RSS_NONFRAG_IPV4_UDP) != 0 &&
           memcmp(key, device->rss_key, dev->hash_key_size) == 0;
}
