/** Clients of all kinds, as most scenarios have them. */
#ifndef SL_SIM_CLIENTS_H
#define SL_SIM_CLIENTS_H

#include <cstdlib>

#include "virtual_time.h"
#include "world.h"

namespace sl_sim
{

/** By their number: with a connection ID and without, IPv4 and IPv6, each suite, small datagrams.
 */
inline ClientSetup setup_of(unsigned id)
{
    ClientSetup setup;
    setup.with_cid = id % 2 == 0;
    setup.v6 = id % 3 == 0;
    setup.resumes = id % 4 < 2;
    if (id % 5 == 0)
        setup.tls.mtu = 300; /* a ClientHello in pieces, and Certificate and Finished too */
    if (id % 7 == 0)
        setup.tls.suites = "ECDHE-ECDSA-CHACHA20-POLY1305";
    else if (id % 7 == 1)
        setup.tls.suites = "ECDHE-ECDSA-AES256-GCM-SHA384";
    return setup;
}

inline ClientSetup with_cid()
{
    return {};
}

inline ClientSetup without_cid()
{
    ClientSetup setup;
    setup.with_cid = false;
    return setup;
}

inline bool all_connected(const World &world)
{
    for (auto &client : world.clients)
        if (!client->is_connected())
            return false;
    return true;
}

/** So many clients of all kinds, connected, each of them echoed. */
inline bool connect_all(World &world, unsigned count)
{
    for (unsigned id = 0; id < count; id++)
        world.start(world.add_client(setup_of(id)));
    bool all = world.run_until([&] { return all_connected(world); });
    for (auto &client : world.clients)
        all = all && world.can_talk(*client);
    return all;
}

/** Seeds 1..few, or with SLUICE_DEEP in the environment (tests/run.sh --deep) 1..many. */
inline uint64_t last_seed(uint64_t few, uint64_t many)
{
    return std::getenv("SLUICE_DEEP") != nullptr ? many : few;
}

} // namespace sl_sim

#endif
