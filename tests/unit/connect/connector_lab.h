// A connector whose workers the test plays, in virtual time.
#ifndef CONNECTOR_LAB_H
#define CONNECTOR_LAB_H

extern "C" {
#include "sl_connect.h"
#include "sl_wire.h"
}

#include <gtest/gtest.h>

#include <algorithm>
#include <cstring>
#include <set>
#include <string>
#include <utility>
#include <vector>

namespace sluice
{

inline constexpr uint64_t ms = 1000000, s = 1000 * ms;
inline constexpr uint8_t router[SL_ETHER_ADDR_LEN] = {2, 0, 0, 0, 0, 9};

inline sl_ip V4(uint8_t a, uint8_t b, uint8_t c, uint8_t d)
{
    const uint8_t bytes[4] = {a, b, c, d};
    return sl_ip_from_v4(bytes);
}

/** What a worker was told. */
struct Sent {
    unsigned worker;
    sl_message_kind kind;
    uint32_t attempt;
    sl_message_begin begin;
    sl_message_find_hop find_hop;
    sl_message_hang_up hang_up;
    sl_message_fail fail;
};

/** Connections on their way to servers 198.18.5.1, .2, ... port 4433. */
struct Lab {
    sl_connector_config config{};
    std::vector<sl_connection_config> connections;
    std::vector<std::string> names;
    uint8_t owners[256];
    sl_connector *connector = nullptr;
    std::vector<Sent> sent;
    std::vector<std::string> lines;
    uint64_t now = 1000 * s;
    bool rings_are_full = false;
    std::set<uint8_t> denied; /* last bytes of servers' addresses */

    explicit Lab(unsigned count = 1, unsigned workers = 1, uint64_t seed = 1)
    {
        for (unsigned i = 0; i < count; i++)
            names.push_back("peer" + std::to_string(i));
        for (unsigned i = 0; i < count; i++)
            connections.push_back(entry(names[i].c_str(), i));
        for (unsigned i = 0; i < 256; i++)
            owners[i] = (uint8_t)(i % workers);
        config.connection_count = count;
        config.connections = connections.data();
        config.first_port = 49152;
        config.last_port = 65535;
        config.worker_count = workers;
        config.shard_owner = owners;
        config.seed = seed;
        config.send = [](void *arg, unsigned worker, sl_message_kind kind, const void *body,
                         uint32_t len) {
            Lab *lab = (Lab *)arg;
            if (lab->rings_are_full)
                return false;
            Sent one{worker, kind, *(const uint32_t *)body, {}, {}, {}, {}};
            if (kind == SL_MESSAGE_BEGIN && len == sizeof one.begin)
                memcpy(&one.begin, body, len);
            if (kind == SL_MESSAGE_FIND_HOP)
                one.find_hop = *(const sl_message_find_hop *)body;
            if (kind == SL_MESSAGE_FAIL)
                one.fail = *(const sl_message_fail *)body;
            if (kind == SL_MESSAGE_HANG_UP)
                one.hang_up = *(const sl_message_hang_up *)body;
            lab->sent.push_back(one);
            return true;
        };
        config.allows = [](void *arg, const sl_ip *remote) {
            return ((Lab *)arg)->denied.count(remote->bytes[15]) == 0;
        };
        config.log = [](void *arg, const char *line) { ((Lab *)arg)->lines.push_back(line); };
        config.arg = this;
    }
    ~Lab()
    {
        sl_connector_destroy(connector);
    }
    static sl_connection_config entry(const char *name, unsigned i)
    {
        sl_connection_config c{};
        c.name = name;
        c.tuple.remote_ip = V4(198, 18, 5, (uint8_t)(1 + i));
        c.tuple.local_ip = V4(198, 18, 0, 1);
        c.tuple.remote_port = 4433;
        c.group = 2;
        c.vlan_id = 7;
        c.service = 3;
        c.next_hop = c.tuple.remote_ip;
        c.backoff_min_ns = 1 * s;
        c.backoff_max_ns = 30 * s;
        c.handshake_timeout_ms = 9000;
        return c;
    }
    /** Other entries, as a reload brings them. return what sl_connector_place does; places out. */
    int replace(const std::vector<sl_connection_config> &next, uint16_t *places)
    {
        const unsigned count = (unsigned)next.size();
        const int error = sl_connector_place(connector, next.data(), count, places);
        if (error == 0)
            sl_connector_replace(connector, next.data(), count, places, now);
        return error;
    }
    std::vector<uint16_t> replace(const std::vector<sl_connection_config> &next)
    {
        std::vector<uint16_t> places(next.size());
        EXPECT_EQ(0, replace(next, places.data()));
        poll();
        return places;
    }
    void start()
    {
        connector = sl_connector_create(&config);
        poll();
    }
    void poll(uint64_t later_ns = 0)
    {
        now += later_ns;
        sl_connector_poll(connector, now);
    }
    std::vector<Sent> take()
    {
        return std::exchange(sent, {});
    }
    template <typename Body> void say(sl_message_kind kind, const Body &body, uint64_t session = 0)
    {
        const sl_message message{kind, session, &body, sizeof body};
        sl_connector_receive(connector, &message, now);
    }
    void found(uint32_t attempt, bool is_known = true)
    {
        sl_message_hop hop{attempt, is_known, {}};
        memcpy(hop.mac, router, sizeof router);
        say(SL_MESSAGE_HOP, hop);
    }
    void up(uint32_t attempt, uint64_t session = 0x77)
    {
        say(SL_MESSAGE_UP, sl_message_up{attempt}, session);
    }
    void down(uint32_t attempt, sl_down_cause cause = SL_DOWN_CLOSED,
              uint8_t reason = SL_CLOSE_PEER, sl_message_abort abort = {})
    {
        say(SL_MESSAGE_DOWN, sl_message_down{attempt, (uint8_t)cause, reason, abort});
    }
    sl_connection_info info(unsigned i = 0)
    {
        sl_connection_info out[SL_CONNECTIONS_MAX];
        EXPECT_LT(i, sl_connector_list(connector, out));
        return out[i];
    }
    /** Up to the next attempt of the only entry, which is now to be found. */
    uint32_t next_attempt()
    {
        now = std::max(now, info().next_ns);
        poll();
        const std::vector<Sent> told = take();
        EXPECT_EQ(1U, told.size());
        EXPECT_EQ(SL_MESSAGE_FIND_HOP, told.at(0).kind);
        return told.at(0).attempt;
    }
    void usage(uint64_t session, sl_usage what = SL_USAGE_THREE_QUARTERS)
    {
        say(SL_MESSAGE_USAGE, sl_message_usage{(uint8_t)what, 0}, session);
    }
    /** Up to the attempt that is to replace a session, which is begun. */
    Sent replacement()
    {
        poll();
        std::vector<Sent> told = take();
        EXPECT_EQ(1U, told.size());
        EXPECT_EQ(SL_MESSAGE_FIND_HOP, told.at(0).kind);
        found(told.at(0).attempt);
        told = take();
        EXPECT_EQ(SL_MESSAGE_BEGIN, told.at(0).kind);
        return told.at(0);
    }
    /** A whole attempt. */
    uint32_t connect()
    {
        const uint32_t attempt = next_attempt();
        found(attempt);
        EXPECT_EQ(SL_MESSAGE_BEGIN, take().at(0).kind);
        return attempt;
    }
};

/** Two entries; the second is begun for who asks. */
struct Demand : Lab {
    uint32_t first; /* the attempt of the first */
    Demand() : Lab(2)
    {
        connections[1].on_demand = true;
        start();
        const std::vector<Sent> told = take();
        EXPECT_EQ(1U, told.size()) << "for the first one alone";
        first = told.at(0).attempt;
    }
    /** The consumer's user has its number. */
    int ask(uint32_t consumer, uint32_t number, const char *name = "peer1", uint16_t service = 3)
    {
        const sl_connection_asker asker = {consumer, consumer};
        return sl_connector_request(connector, name, service, &asker, number);
    }
    Sent begun()
    {
        found(take().at(0).attempt);
        return take().at(0);
    }
};

} // namespace sluice

#endif
