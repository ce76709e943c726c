/**
 * A client's handshakes on a network that damages, doubles, drops and forges what the server sends,
 * and with a server that seals what it likes. Whatever comes: each handshake ends in one counted
 * way and says why in words, no record number is used twice, nobody is established but with the
 * server's keys, and the next client gets its handshake. lib/handshake
 */
#include "fuzz.h"

#include "handshake_client_lab.h"
#include "hostile_network.h"
#include "seeded_random.h"

using fuzz::Bytes;
using fuzz::join;
using namespace sl_test;
using Fate = Fate;

namespace
{

enum Mode : uint8_t {
    HAS_GATEWAY = 1, /* a server of ours, with connection IDs */
    RESUMES = 2,     /* a session that the same client has had */
    HAS_TICKETS = 4, /* alone: the client wants another server */
    HAS_PSK = 8, /* with HAS_GATEWAY: plain, and a server of libssl's; IS_MUTUAL: it gives a hint */
    IS_MUTUAL = 0x10,
    BELIEVES_ALERTS = 0x20,
    HAS_SMALL_DATAGRAMS = 0x40,
    OFFERS_CID = 0x80,
};

class Network : public fuzz::HostileNetwork
{
  public:
    Network(ClientLab &lab, fuzz::Input &input)
        : HostileNetwork(
              input, [&lab](const Bytes &bytes) { lab.worker.receive(1, bytes); },
              [&lab](uint8_t type, const Bytes &plain) { return seal(lab, type, plain); })
    {
        if (lab.gateways_worker() != nullptr)
            lab.gateways_worker()->before_seal = [this](unsigned id, uint8_t &type, Bytes &plain) {
                if (id == 1)
                    tamper(type, plain);
            };
        lab.judge = [this](bool to_server, unsigned id, const Bytes &datagram) {
            return !to_server && id == 1 && !pass(datagram) ? Fate::Lose : Fate::Deliver;
        };
    }

  private:
    /** By our own server alone: libssl's keeps its keys. */
    static Bytes seal(ClientLab &lab, uint8_t type, const Bytes &plain)
    {
        if (lab.gateways_worker() == nullptr || lab.gateway_peer(1).epoch == nullptr)
            return {};
        return lab.gateways_worker()->seal_for(1, type, plain);
    }
};

bool wants_another(uint8_t mode)
{
    return (mode & (RESUMES | HAS_TICKETS | HAS_PSK)) == HAS_TICKETS;
}

ClientLabOptions lab_options(uint8_t mode, fuzz::Input &input)
{
    ClientLabOptions options;
    options.has_gateway = mode & HAS_GATEWAY && !(mode & HAS_PSK);
    options.believes_alerts = mode & BELIEVES_ALERTS;
    options.asks_clients = mode & IS_MUTUAL && !(mode & HAS_PSK);
    if (options.asks_clients)
        options.client_kinds = {"EC"};
    if (mode & HAS_PSK) {
        options.check = Check::Psk;
        options.psk_lines = "anna:00112233\n";
        options.server.psks = {{"anna", {0x00, 0x11, 0x22, 0x33}}};
        options.plain_psk = mode & HAS_GATEWAY;
        if (options.plain_psk)
            options.server.suites = "PSK:@SECLEVEL=0";
        if (mode & IS_MUTUAL)
            options.server.psk_hint = "a hint";
    }
    options.tickets = options.server.tickets = mode & HAS_TICKETS;
    if (wants_another(mode) && mode & IS_MUTUAL) { /* by an authority, and yet another */
        options.trust.expected_fingerprints = {std::string(64, 'a')};
    } else if (wants_another(mode)) {
        options.check = Check::Fingerprint;
        options.fingerprints = {std::string(64, 'a')};
    }
    options.sessions_max = 2;
    options.cid_len = mode & OFFERS_CID ? 5 : 0;
    options.ring_size = 1 << 16;
    if (mode & OFFERS_CID && !options.has_gateway) /* libssl's server has none, but may say so */
        if (const uint8_t len = input.u8(); len > 0)
            options.server.cid_answer = input.bytes(len);
    if (mode & HAS_SMALL_DATAGRAMS)
        options.server.mtu = 300;
    return options;
}

ConnectOptions connect_options(uint8_t mode)
{
    ConnectOptions options;
    options.resume = mode & RESUMES ? 1 : 0;
    if (mode & OFFERS_CID)
        options.cid = Bytes(5, 0xcd);
    return options;
}

/** What an attacker cannot do: the server's keys are there, or nobody is established. */
void check_end(ClientLab &lab)
{
    const Peer &client = lab.client(1);
    FUZZ_CHECK(client.is_established || client.is_aborted);
    FUZZ_CHECK(!client.is_established || !client.is_aborted);
    if (client.is_aborted)
        FUZZ_CHECK(!lab.reason(1).empty());
    if (!client.is_established)
        return;
    FUZZ_CHECK(client.epoch != nullptr);
    FUZZ_CHECK(client.epoch->peer_cid_len <= SL_PEER_CID_MAX);
    /* The server may want our last flight again. */
    FUZZ_CHECK(lab.run_until([&] { return lab.is_connected(1); }, 70000));
    FUZZ_CHECK(lab.echoes(1));
}

/** Whatever a server answers to the offer of a connection ID, the client comes to an end. */
void check_cid_answer(const ClientLabOptions &options, const ConnectOptions &connect)
{
    ClientLab lab(options);
    lab.start(1, connect);
    lab.run_until([&] { return lab.client(1).is_established || lab.client(1).is_aborted; });
    FUZZ_CHECK(lab.client(1).is_aborted || lab.client(1).peer_cid_in_use ||
               *options.server.cid_answer == Bytes{0});
    lab.leave(1);
    FUZZ_CHECK(sl_handshaker_in_progress(lab.handshaker) == 0 && lab.counters_add_up());
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    fuzz::Input input(data, size);
    const uint8_t mode = input.u8();
    sl_sim::seed_libcrypto(1);
    set_now(ns_per_s);
    const ClientLabOptions options = lab_options(mode, input);
    if (options.server.cid_answer) {
        check_cid_answer(options, connect_options(mode));
        return 0;
    }
    ClientLab lab(options);
    if (mode & RESUMES) {
        FUZZ_CHECK(lab.connect(9, connect_options(mode)));
        lab.leave(9);
    }
    {
        Network network(lab, input);
        lab.start(1, connect_options(mode));
        lab.run_until([&] { return lab.client(1).is_established || lab.client(1).is_aborted; });
        FUZZ_CHECK(network.has_meddled() || lab.client(1).is_established || wants_another(mode));
        FUZZ_CHECK(!wants_another(mode) || !lab.client(1).is_established);
    }
    lab.judge = nullptr;
    if (lab.gateways_worker() != nullptr)
        lab.gateways_worker()->before_seal = nullptr;
    check_end(lab);
    lab.leave(1);
    FUZZ_CHECK(lab.connect(2, connect_options(mode)) == !wants_another(mode));
    lab.leave(2);
    FUZZ_CHECK(sl_handshaker_in_progress(lab.handshaker) == 0);
    FUZZ_CHECK(lab.counters_add_up());
    return 0;
}

std::vector<Bytes> fuzz::seeds()
{
    std::vector<Bytes> seeds;
    for (uint8_t mode :
         {0, 1, 0x81, 0x11, 0x10, 0x40, 2, 4, 5, 0x14, 6, 8, 9, 0x18, 0x19, 0x0e, 0x20, 0x80}) {
        const Bytes start = {mode};
        seeds.push_back(start);
        seeds.push_back(join({start, {0, 2, 2, 1, 1}}));
        seeds.push_back(join({start, {1, 1, 2, 0, 2, 1}}));
        /* Changes in the HelloVerifyRequest, and in the flight that follows. */
        for (uint8_t at : {14, 18, 24, 27, 30})
            seeds.push_back(join({start, {4, 1, 0, 0, at, 0x41}}));
        for (uint8_t at : {14, 20, 40, 60, 75, 90, 120, 200})
            seeds.push_back(join({start, {0, 4, 1, 1, 0, at, 0x41}}));
        seeds.push_back(join({start, {0, 7, 0, 60, 0, 30, 0, 0}}));
        seeds.push_back(join({start, {0, 5, 21, 0, 0xff, 0xff, 2, 2, 40}}));
        seeds.push_back(join({start, {0, 6, 14, 0, 3, 0, 0, 0, 0}}));
        seeds.push_back(join({start, {0, 6, 11, 0, 2, 0, 9, 0, 3, 1, 2, 3}}));
        seeds.push_back(join({start, {0, 6, 4, 0, 2, 0, 9, 0, 9}, Bytes(9, 0)}));
    }
    for (const Bytes &answer :
         {Bytes{1, 7}, Bytes{0}, Bytes{2, 7}, Bytes{0, 7}, Bytes(34, 33), Bytes(33, 32)})
        seeds.push_back(join({{0x80, (uint8_t)answer.size()}, answer}));
    /* The Finished of our own server, sealed when its last flight begins: other bytes, of another
       type, another message; more before and behind it. */
    for (uint8_t mode : {1, 0x81, 0x11}) {
        const Bytes start = {mode, 0, 0};
        seeds.push_back(join({start, {1, 1, 1, 0, 14, 3}}));
        seeds.push_back(join({start, {1, 1, 3, 0, 14, 0}}));
        for (uint8_t type : {0, 20, 21, 22, 23, 24, 99})
            seeds.push_back(join({start, {2, type}}));
        for (uint8_t message : {0, 1, 2, 4, 11, 14, 20})
            seeds.push_back(join({start, {4, message, 0, 0, 12, 0, 12}, Bytes(12, 7)}));
        seeds.push_back(join({start, {0, 8, 3, 21, 2, 2, 40}}));
        seeds.push_back(join({start, {0, 8, 7, 21, 2, 1, 0}}));
        seeds.push_back(join({start, {0, 8, 0, 20, 3, 0, 12, 0, 12}, Bytes(12, 7)}));
    }
    return seeds;
}
