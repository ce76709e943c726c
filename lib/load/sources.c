/* Sources: addresses and ports that this engine's clients send from, and who has which. */
#include <stdlib.h>

#include "load_priv.h"

/** Numbers of all engines run through each other: source 0 is the first engine's, 1 the next's. */
static uint64_t number_in_all(const struct sl_load *load, uint32_t source)
{
    return (uint64_t)source * load->config.count + load->config.index;
}

struct sl_ip load_add_to_ip(const struct sl_ip *first, uint64_t add)
{
    struct sl_ip ip = *first;
    sl_store_be64(ip.bytes + 8, sl_load_be64(first->bytes + 8) + add);
    return ip;
}

static struct sl_tuple tuple_of(const struct sl_load *load, uint32_t source)
{
    const struct sl_load_sources *sources = &load->scenario.sources;
    const uint64_t number = number_in_all(load, source);
    static const struct sl_ip any;
    const bool is_any = memcmp(&sources->first_ip, &any, sizeof any) == 0;
    return (struct sl_tuple){
        .remote_ip = load->scenario.server_ip,
        .remote_port = load->scenario.server_port,
        .local_ip = is_any ? any : load_add_to_ip(&sources->first_ip, number / sources->port_count),
        .local_port = sources->first_port == 0
                          ? 0
                          : (uint16_t)(sources->first_port + number % sources->port_count),
    };
}

static void make_path(struct sl_load *load, struct client *client, const struct sl_tuple *tuple)
{
    client->path = (struct sl_path){.tuple = *tuple, .hop = {.vlan_id = SL_VLAN_NONE}};
    if (!load->has_link)
        return;
    client->path.hop.vlan_id = load->link.vlan_id;
    memcpy(client->path.hop.mac, load->link.next_mac, SL_ETHER_ADDR_LEN);
}

static int open_source(struct sl_load *load, uint32_t source, struct sl_tuple *tuple)
{
    const struct sl_load_io *io = &load->config.io;
    *tuple = tuple_of(load, source);
    if (io->open_source == NULL)
        return 0;
    if (load->source_is_open[source])
        io->close_source(io->arg, source);
    load->source_is_open[source] = false;
    int error = io->open_source(io->arg, source, tuple);
    if (error == 0)
        load->source_is_open[source] = true;
    else
        load_count(load, SL_LOAD_SOURCES_FAILED, 1);
    return error;
}

int load_open_source(struct sl_load *load, struct client *client)
{
    struct sl_tuple tuple;
    int error = open_source(load, client->source, &tuple);
    if (error != 0)
        return error;
    load->source_client[client->source] = load_number_of(load, client);
    make_path(load, client, &tuple);
    return 0;
}

bool load_change_source(struct sl_load *load, struct client *client)
{
    if (load->free_sources.count == 0)
        return false;
    const uint32_t source = load_pop(&load->free_sources);
    struct sl_tuple tuple;
    if (open_source(load, source, &tuple) != 0) {
        load_push(&load->free_sources, source);
        return false;
    }
    /* What is on its way to where the client was finds it until somebody else moves in there. */
    load_push(&load->free_sources, client->source);
    client->source = source;
    load->source_client[source] = load_number_of(load, client);
    make_path(load, client, &tuple);
    return true;
}

/** The number, among all engines' sources, of the one that a frame came to. false: it is none. */
static bool find_source(const struct sl_load *load, const struct sl_tuple *tuple, uint64_t *number)
{
    const struct sl_load_sources *sources = &load->scenario.sources;
    const uint64_t ip =
        sl_load_be64(tuple->local_ip.bytes + 8) - sl_load_be64(sources->first_ip.bytes + 8);
    const uint32_t port = (uint32_t)tuple->local_port - sources->first_port;
    *number = ip * sources->port_count + port;
    return memcmp(tuple->local_ip.bytes, sources->first_ip.bytes, 8) == 0 &&
           ip < sources->ip_count && port < sources->port_count;
}

/** The same for a frame that has addresses. owner: out, the engine whose it is. */
static enum sl_drop source_of(const struct sl_load *load, const struct sl_tuple *tuple,
                              uint32_t *source, unsigned *owner)
{
    uint64_t number;
    if (tuple->remote_port != load->scenario.server_port ||
        memcmp(&tuple->remote_ip, &load->scenario.server_ip, sizeof tuple->remote_ip) != 0)
        return SL_DROP_UNKNOWN_PEER;
    if (!find_source(load, tuple, &number))
        return SL_DROP_NOT_OURS;
    *source = (uint32_t)(number / load->config.count);
    *owner = (unsigned)(number % load->config.count);
    return SL_DROP_NONE;
}

enum sl_drop load_find_client(struct sl_load *load, const struct sl_frame *frame, uint32_t *client,
                              unsigned *owner)
{
    uint32_t source = frame->tuple_hash;
    enum sl_drop drop = SL_DROP_NONE;
    *owner = load->config.index;
    if (load->has_link)
        drop = source_of(load, &frame->path.tuple, &source, owner);
    if (drop != SL_DROP_NONE || *owner != load->config.index)
        return drop;
    if (source >= load->source_count)
        return SL_DROP_NOT_OURS;
    *client = load->source_client[source];
    return *client != CLIENT_NONE ? SL_DROP_NONE : SL_DROP_UNKNOWN_PEER;
}

void load_close_sources(struct sl_load *load)
{
    for (uint32_t source = 0; load->source_is_open != NULL && source < load->source_count; source++)
        if (load->source_is_open[source])
            load->config.io.close_source(load->config.io.arg, source);
}
