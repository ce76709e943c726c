/**
 * Handshakes on a network that damages, doubles, drops and forges what a client sends, with a
 * cookie that is always valid, with a client that seals what it likes, or says what it likes under
 * a Finished of its own, and with pre-shared keys from whoever answers as he likes. Whatever comes:
 * each handshake ends in one counted way, no record number is used twice, nobody is established but
 * who holds the keys, and the next client gets its handshake. lib/handshake
 */
#include "fuzz.h"

#include "client_setting.h"
#include "hostile_network.h"
#include "own_transcript.h"
#include "seeded_random.h"
#include "wavering_lookup.h"

using namespace fuzz::setting;
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

/** libssl has the keys, at both ends: what one says the other hears, and that it is the end. */
void check_legacy(HandshakeLab &lab, const Bytes &data)
{
    if (!lab.client(1).is_connected())
        return;
    lab.judge = nullptr;
    lab.client(1).send(data);
    lab.run_for(50);
    FUZZ_CHECK(!lab.peer(1).data.empty() && lab.peer(1).data.back() == data);
    lab.worker_of(1).send_data(1, data);
    lab.run_for(50);
    FUZZ_CHECK(lab.client(1).take_data() == std::vector<Bytes>{data});
    Bytes forged(100, 7);
    const uint8_t header[] = {
        SL_CONTENT_APPLICATION_DATA, 0xfe, 0xfd, 0, 1, 0, 0, 0, 0, 0, 99, 0, 87};
    std::copy(header, header + sizeof header, forged.begin());
    lab.worker_of(1).receive(1, forged);
    lab.client(1).close();
    lab.run_for(50);
    FUZZ_CHECK(lab.peer(1).is_aborted);
}

/** Both hold the same keys: what one seals, the other opens. */
void check_established(HandshakeLab &lab)
{
    const Bytes data = {1, 2, 3};
    if (lab.peer(1).is_legacy)
        return check_legacy(lab, data);
    FUZZ_CHECK(lab.peer(1).epoch != nullptr);
    FUZZ_CHECK(lab.peer(1).identity.cid_len <= SL_OWN_CID_LEN);
    FUZZ_CHECK(lab.peer(1).epoch->peer_cid_len <= SL_PEER_CID_MAX);
    lab.worker_of(1).receive(1, lab.client(1).seal(SL_CONTENT_APPLICATION_DATA, data));
    FUZZ_CHECK(!lab.peer(1).data.empty() && lab.peer(1).data.back() == data);
}

/** The client has been there before. */
void resume(HandshakeLab &lab, const Setting &setting, ClientOptions &client)
{
    FUZZ_CHECK(lab.connect(3, setting.sound_client()));
    client.session = lab.client(3).session();
    lab.worker_of(3).close(3);
}

void run(HandshakeLab &lab)
{
    lab.start(1);
    lab.run_until([&] {
        return lab.is_connected(1) || lab.client(1).has_failed() || lab.peer(1).is_aborted;
    });
}

/** return whether the handshake may end in any way. */
bool run_hostile(HandshakeLab &lab, const Setting &setting, const ClientOptions &client,
                 fuzz::Input &input, const fuzz::WaveringLookup &lookup)
{
    Network network(lab, input);
    lab.add_client(1, client);
    if (!setting.is_legacy)
        lab.client(1).before_seal = [&network](uint8_t &type, Bytes &plain) {
            network.tamper(type, plain);
        };
    run(lab);
    const bool is_disturbed = network.has_meddled() || setting.is_odd(client);
    FUZZ_CHECK(is_disturbed || lookup.has_wavered() || !setting.may_enter() || lab.is_connected(1));
    if (!setting.is_legacy)
        lab.client(1).before_seal = [](uint8_t &, Bytes &) {};
    return is_disturbed;
}

/** Whom nobody disturbs but itself: its Finished is right, whatever it has said. */
bool run_sincere(HandshakeLab &lab, const Setting &setting, const ClientOptions &client,
                 fuzz::Input &input, const fuzz::WaveringLookup &lookup)
{
    lab.add_client(1, client);
    fuzz::OwnTranscript transcript(input, lab.client(1));
    lab.judge = [&transcript](bool to_server, unsigned id, const Bytes &datagram) {
        if (!to_server && id == 1)
            transcript.hear(datagram);
        return Fate::Deliver;
    };
    run(lab);
    const bool is_disturbed = transcript.has_changed() || setting.is_odd(client);
    FUZZ_CHECK(is_disturbed || lookup.has_wavered() || !setting.may_enter() || lab.is_connected(1));
    lab.judge = nullptr;
    return is_disturbed;
}

/** Who is established holds what the server takes for a proof. Who does not know a key hears that,
 * and nothing else, whether there is one or not. */
void check_who(HandshakeLab &lab, const Setting &setting, const fuzz::WaveringLookup &lookup,
               bool is_disturbed)
{
    const Peer &peer = lab.peer(1);
    if (!peer.is_established) {
        FUZZ_CHECK(!setting.has_psk || is_disturbed || setting.is_too_long() ||
                   setting.is_unheard() || lookup.has_wavered() ||
                   lab.counter(SL_HANDSHAKE_REFUSED_PSK) == 1);
        return;
    }
    const bool is_psk = peer.identity.method == SL_IDENTITY_PSK;
    if (setting.has_psk)
        FUZZ_CHECK(is_psk && (setting.means & IS_LOOKED_UP
                                  ? lookup.has_told(setting.key())
                                  : setting.may_enter() && !strcmp(peer.identity.subject, "anna")));
    else
        FUZZ_CHECK(!is_psk && setting.may_enter());
    if (setting.asks_clients()) {
        FUZZ_CHECK(node_id_of(setting.own.key) == peer.identity.node_id);
        const sl_identity_method method =
            setting.is_named_alone() && setting.means & BY_FINGERPRINT ? SL_IDENTITY_FINGERPRINT
            : setting.is_named_alone() || setting.is_expected_alone()  ? SL_IDENTITY_NODE_ID
                                                                       : SL_IDENTITY_CERTIFICATE;
        FUZZ_CHECK(peer.identity.method == method);
    }
    FUZZ_CHECK(!peer.is_resumed || setting.resumes());
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    fuzz::Input input(data, size);
    sl_sim::seed_libcrypto(1);
    set_now(ns_per_s);
    const Setting setting(input);
    HandshakeLab lab(setting.lab_options());
    fuzz::Input truth(nullptr, 0);
    ClientOptions client = setting.client(input);
    if (setting.resumes())
        resume(lab, setting, client);
    {
        fuzz::WaveringLookup lookup(input, lab, fuzz::of_text("anna"), kKey);
        lab.takes_questions = !setting.is_unheard();
        bool is_disturbed;
        if (setting.is_sincere())
            is_disturbed = run_sincere(lab, setting, client, input, lookup);
        else
            is_disturbed = run_hostile(lab, setting, client, input, lookup);
        lab.judge = [](bool, unsigned id, const Bytes &) {
            return id == 1 ? Fate::Lose : Fate::Deliver; /* it is heard no more */
        };
        lab.run_for(30); /* nor anything of it under way */
        check_who(lab, setting, lookup, is_disturbed);
    }
    if (lab.peer(1).is_established)
        check_established(lab);
    FUZZ_CHECK(lab.counters_add_up());
    if (lab.peer(1).has_handle)
        lab.worker_of(1).close(1);

    fuzz::WaveringLookup lookup(truth, lab, fuzz::of_text("anna"), kKey);
    ClientOptions next = setting.sound_client();
    if (setting.asks_clients())
        next.identity = setting.another;
    lab.takes_questions = true;
    FUZZ_CHECK(lab.connect(2, next));
    lab.worker_of(2).close(2);
    lab.run_for(0);
    FUZZ_CHECK(sl_handshaker_in_progress(lab.handshaker) == 0);
    FUZZ_CHECK(lab.counters_add_up());
    return 0;
}

namespace
{

/** What the network does to the ClientHello, to the flight that follows, to the Finished. */
void add_attacks(std::vector<Bytes> &seeds, const Bytes &start)
{
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

/** The messages of a client whose Finished is right: ClientHello, certificate or key, and on. */
void add_lies(std::vector<Bytes> &seeds, const Bytes &start)
{
    seeds.push_back(start);
    for (uint8_t at : {0, 2, 34, 36, 53, 55, 60, 70, 90, 100, 120}) {
        seeds.push_back(join({start, {1, 1, 1, 0, at, 3}}));
        seeds.push_back(join({start, {0, 1, 1, 1, 0, at, 3}}));
    }
    seeds.push_back(join({start, {1, 1, 4, 0, 36, 2, 0, 0}}));
    seeds.push_back(join({start, {0, 0, 1, 1, 1, 0, 3, 3}}));
    seeds.push_back(join({start, {0, 1, 1, 1, 1, 60, 3, 0, 2}}));
    seeds.push_back(join({start, {0, 1, 1, 3, 0, 0, 0, 0, 2}}));
    seeds.push_back(join({start, {0, 1, 1, 6, 0, 0, 6, 0, 2}}));
}

} // namespace

std::vector<Bytes> fuzz::seeds()
{
    std::vector<Bytes> seeds;
    const Bytes plain[] = {{0},
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
                           {1},
                           {0, 0, 2, 2},
                           {0x81},
                           {0x28, 1},
                           {0, 0, 0, 2},
                           {2, 5, 0, 1, 1},
                           {0x28, 0, 2},
                           {1, 0, 0, 2},
                           {1, 0, 0, 1, 1, 1},
                           {1, 0, 0, 5, 23, 1, 0, 9, 3, 1, 2, 3},
                           {1, 0, 0, 4, 1, 1, 0, 200, 3}};
    for (const Bytes &seed : plain) /* without a pre-shared key */
        seeds.push_back(join({{seed[0], 0}, Bytes(seed.begin() + 1, seed.end())}));
    for (uint8_t mode : {0, 2, 8, 0x48})
        add_attacks(seeds, mode & 2 ? Bytes{mode, 0, 8} : Bytes{mode, 0});
    add_attacks(seeds, {8, RESUMES});
    for (uint8_t named : {0, +BY_FINGERPRINT, +BY_NODE_ID})
        for (uint8_t whom : {0, +NAMES_ANOTHER, +EXPECTS_ANOTHER, EXPECTS_ANOTHER | IS_ONE_EXPECTED,
                             +IS_SINCERE, +RESUMES})
            for (uint8_t mode : {8, 0x10, 0x28, 0x48})
                seeds.push_back({mode, (uint8_t)(named | whom)});

    for (uint8_t means : {0, +IS_PLAIN, +TAKES_ONLY_PSK, IS_PLAIN | TAKES_ONLY_PSK, +IS_UNKNOWN,
                          IS_PLAIN | HAS_WRONG_KEY})
        for (uint8_t mode : {0, 8, 0x10, 0x80})
            seeds.push_back({mode, (uint8_t)(means | HAS_PSK)});
    add_attacks(seeds, {0, HAS_PSK | IS_PLAIN});
    for (uint8_t how : {0, +IS_PLAIN, +IS_UNKNOWN}) {
        const uint8_t means = how | HAS_PSK | IS_LOOKED_UP;
        for (uint8_t answer : {0, 1, 2, 0x12, 0x22, 3, 11, 4, 0x24, 5, 0x2d, 0xfd, 6, 7})
            seeds.push_back({0, means, 0, 0, 0, 0, answer, 0, 0x11, 0x22, 0x33});
        for (uint8_t mode : {+HAS_LONG_IDENTITY, +HAS_LONG_HELLO, +HAS_CERTIFICATE})
            seeds.push_back({mode, means});
    }
    for (uint8_t mode : {0, 8})
        add_lies(seeds, {mode, IS_SINCERE});
    add_lies(seeds, {0, IS_SINCERE | HAS_PSK | IS_PLAIN});
    return seeds;
}
