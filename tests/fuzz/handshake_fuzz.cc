/**
 * Handshakes on a network that damages, doubles, drops and forges what a client sends, with a
 * cookie that is always valid, and with a client that seals what it likes. Whatever comes: each
 * handshake ends in one counted way, no record number is used twice, nobody is established but who
 * holds the keys, and the next client gets its handshake. lib/handshake
 */
#include "fuzz.h"

#include "handshake_lab.h"
#include "hostile_network.h"
#include "seeded_random.h"

using fuzz::Bytes;
using fuzz::join;
using namespace sl_test;

namespace
{

class Network : public fuzz::HostileNetwork
{
  public:
    Network(HandshakeLab &lab, fuzz::Input &input)
        : HostileNetwork(
              input, [&lab](const Bytes &bytes) { lab.worker_of(1).receive(1, bytes); },
              [&lab](uint8_t type, const Bytes &plain) {
                  return lab.client(1).has_keys() ? lab.client(1).seal(type, plain) : Bytes{};
              })
    {
        lab.judge = [this](bool to_server, unsigned id, const Bytes &datagram) {
            return to_server && id == 1 && !pass(datagram) ? Fate::Lose : Fate::Deliver;
        };
    }
};

ClientOptions client_options(fuzz::Input &input, uint8_t mode)
{
    ClientOptions options;
    if (mode & 2)
        options.cid = Bytes(input.u8(), 0xcd);
    if (mode & 4)
        options.raw_cid_extension = input.bytes(input.u8());
    if (mode & 0x20)
        options.hello_padding = 1500;
    if (mode & 0x40)
        options.mtu = 300;
    if (mode & 0x80)
        options.extended_master_secret = false;
    return options;
}

/** Both hold the same keys: what one seals, the other opens. */
void check_established(HandshakeLab &lab)
{
    const Bytes data = {1, 2, 3};
    if (lab.peer(1).is_legacy)
        return; /* libssl has the keys */
    FUZZ_CHECK(lab.peer(1).epoch != nullptr);
    FUZZ_CHECK(lab.peer(1).identity.cid_len <= SL_OWN_CID_LEN);
    FUZZ_CHECK(lab.peer(1).epoch->peer_cid_len <= SL_PEER_CID_MAX);
    if (!lab.client(1).is_connected())
        return; /* the last flight may not have found it */
    lab.client(1).send(data);
    for (const Bytes &datagram : lab.client(1).take_output())
        lab.worker_of(1).receive(1, datagram);
    FUZZ_CHECK(!lab.peer(1).data.empty() && lab.peer(1).data.back() == data);
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    fuzz::Input input(data, size);
    const uint8_t mode = input.u8();
    sl_sim::seed_libcrypto(1);
    set_now(ns_per_s);
    LabOptions options;
    const bool is_legacy = mode & 1; /* its records are libssl's: nobody here has the keys */
    options.legacy_sessions_max = is_legacy ? 4 : 0;
    options.asks_clients = mode & 0x18;
    options.ring_size = 1 << 16;
    HandshakeLab lab(options);
    ClientOptions client = client_options(input, mode);
    if (is_legacy)
        client.suites = "ECDHE-ECDSA-AES128-SHA:ECDHE-ECDSA-AES256-SHA";
    if (mode & 8)
        client.identity = make_identity("EC", "client", &lab.authority);
    {
        Network network(lab, input);
        lab.add_client(1, client);
        if (!is_legacy)
            lab.client(1).before_seal = [&network](uint8_t &type, Bytes &plain) {
                network.tamper(type, plain);
            };
        lab.start(1);
        lab.run_until([&] {
            return lab.is_connected(1) || lab.client(1).has_failed() || lab.peer(1).is_aborted;
        });
        const bool may_enter = !options.asks_clients || client.identity.has_value();
        FUZZ_CHECK(may_enter || !lab.peer(1).is_established);
        const bool is_odd = mode & 4 || (client.cid && client.cid->size() > 20);
        FUZZ_CHECK(network.has_meddled() || !may_enter || is_odd || lab.is_connected(1));
        if (!is_legacy)
            lab.client(1).before_seal = [](uint8_t &, Bytes &) {};
    }
    lab.judge = [](bool, unsigned id, const Bytes &) {
        return id == 1 ? Fate::Lose : Fate::Deliver; /* it is heard no more */
    };
    lab.run_for(30); /* nor anything of it under way */
    if (lab.peer(1).is_established)
        check_established(lab);
    FUZZ_CHECK(lab.counters_add_up());
    if (lab.peer(1).has_handle)
        lab.worker_of(1).close(1);

    ClientOptions next;
    if (options.asks_clients)
        next.identity = make_identity("EC", "next", &lab.authority);
    FUZZ_CHECK(lab.connect(2, next));
    lab.worker_of(2).close(2);
    lab.run_for(0);
    FUZZ_CHECK(sl_handshaker_in_progress(lab.handshaker) == 0);
    FUZZ_CHECK(lab.counters_add_up());
    return 0;
}

std::vector<Bytes> fuzz::seeds()
{
    std::vector<Bytes> seeds = {{0},
                                {2, 8},
                                {2, 0},
                                {2, 33},
                                {2, 255},
                                {4, 3, 9, 1, 2},
                                {4, 0},
                                {8},
                                {16},
                                {0x20},
                                {0x48},
                                {0x80},
                                {0, 1, 1, 1, 1},
                                {8, 2, 2},
                                {0, 0, 2, 2},
                                {0, 0, 0, 2},
                                {2, 5, 0, 1, 1},
                                {0x28, 1},
                                {0x28, 0, 2},
                                {1},
                                {1, 0, 0, 2},
                                {1, 0, 0, 1, 1, 1},
                                {1, 0, 0, 5, 23, 1, 0, 9, 3, 1, 2, 3},
                                {1, 0, 0, 4, 1, 1, 0, 200, 3},
                                {0x81}};
    /* Changes in the ClientHello with the cookie, then in the flight that follows. */
    for (uint8_t mode : {0, 2, 8, 0x48}) {
        const Bytes start = mode & 2 ? Bytes{mode, 8} : Bytes{mode};
        for (uint8_t at : {20, 30, 60, 95, 110, 130, 150})
            for (uint8_t how : {3, 4})
                seeds.push_back(join({start, {0, how, 1, 0, 0, at, 0x41}}));
        for (uint8_t at : {14, 18, 22, 40, 80})
            seeds.push_back(join({start, {0, 0, 3, 1, 0, 0, at, 0x41}}));
        seeds.push_back(join({start, {0, 7, 0, 100, 0, 60, 0, 0}}));
        seeds.push_back(join({start, {0, 7, 0, 100, 0, 60, 1, 1, 0, 0, 30, 9, 1}}));
        seeds.push_back(join({start, {0, 0, 7, 0, 9, 0, 4, 0, 0}}));
        seeds.push_back(join({start, {0, 0, 5, 21, 0, 0xff, 0xff, 2, 2, 40}}));
        seeds.push_back(join({start, {0, 0, 6, 16, 0, 2, 0, 33, 0, 33, 32}, Bytes(33, 9)}));
        seeds.push_back(join({start, {0, 0, 6, 11, 0x80, 0xff, 0xff, 0, 9, 0, 3, 1, 2, 3}}));
        /* The Finished: other bytes, of another type, another message; more behind it. The
           client seals it before the network has its flight. */
        seeds.push_back(join({start, {0, 0, 1, 1, 1, 0, 14, 3}}));
        seeds.push_back(join({start, {0, 0, 1, 1, 3, 0, 14, 0}}));
        seeds.push_back(join({start, {0, 0, 1, 1, 5, 0, 0, 12}}));
        for (uint8_t type : {0, 20, 21, 22, 23, 24, 99})
            seeds.push_back(join({start, {0, 0, 2, type}}));
        for (uint8_t message : {0, 1, 2, 11, 16, 20})
            seeds.push_back(join({start, {0, 0, 4, message, 0, 0, 12, 0, 12}, Bytes(12, 7)}));
        seeds.push_back(join({start, {0, 0, 0, 8, 3, 21, 2, 2, 40}}));
        seeds.push_back(join({start, {0, 0, 0, 8, 3, 21, 2, 1, 0}}));
        seeds.push_back(join({start, {0, 0, 0, 8, 7, 23, 3, 1, 2, 3}}));
        seeds.push_back(join({start, {0, 0, 0, 8, 0, 20, 3, 0, 12, 0, 12}, Bytes(12, 7)}));
    }
    return seeds;
}
