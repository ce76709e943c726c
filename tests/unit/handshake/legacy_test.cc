/* Clients that know no AEAD: AES-CBC with encrypt-then-MAC, done by libssl. RFC 7366. */
#include <gtest/gtest.h>

#include <set>

#include "handshake_lab.h"

using namespace sl_test;

namespace
{

const char *const both_cbc = "ECDHE-ECDSA-AES128-SHA:ECDHE-ECDSA-AES256-SHA";
constexpr uint16_t aes128_sha = 0xc009, aes256_sha = 0xc00a;

LabOptions with_legacy(unsigned sessions_max = 8)
{
    LabOptions options;
    options.legacy_sessions_max = sessions_max;
    return options;
}

ClientOptions client_with(const char *suites)
{
    ClientOptions options;
    options.suites = suites;
    return options;
}

Bytes text(const char *string)
{
    return Bytes(string, string + strlen(string));
}

/** Data goes both ways once. */
void expect_echo(HandshakeLab &lab, unsigned id)
{
    lab.client(id).send(text("up"));
    lab.worker_of(id).send_data(id, text("down"));
    ASSERT_TRUE(lab.run_until([&] { return !lab.peer(id).data.empty(); }, 1000));
    lab.run_for(100);
    EXPECT_EQ(lab.peer(id).data, std::vector<Bytes>{text("up")});
    EXPECT_EQ(lab.client(id).take_data(), std::vector<Bytes>{text("down")});
    lab.peer(id).data.clear();
}

bool has(const Peer &peer, sl_message_kind kind)
{
    return std::count(peer.messages.begin(), peer.messages.end(), kind) > 0;
}

Fate lose_last_flights(bool to_server, unsigned, const Bytes &datagram)
{
    bool is_hello = datagram.at(0) == SL_CONTENT_HANDSHAKE &&
                    datagram.at(SL_RECORD_HEADER_LEN) == SL_HANDSHAKE_CLIENT_HELLO;
    return to_server && !is_hello ? Fate::Lose : Fate::By_chance;
}

/** A record of epoch 1 that nobody has sealed. */
Bytes forged(uint8_t type, uint64_t number, size_t len)
{
    Bytes out(SL_RECORD_HEADER_LEN + len, 0x5a);
    sl_wire_write_record_header(out.data(), type, 1, number, (uint16_t)len);
    return out;
}

} // namespace

TEST(Legacy, SessionIsKeptByLibsslAndCarriesData)
{
    const std::pair<const char *, uint16_t> suites[] = {{"ECDHE-ECDSA-AES128-SHA", aes128_sha},
                                                        {"ECDHE-ECDSA-AES256-SHA", aes256_sha}};
    for (auto [name, number] : suites) {
        HandshakeLab lab(with_legacy());
        ASSERT_TRUE(lab.connect(1, client_with(name))) << lab.client(1).error();
        EXPECT_TRUE(lab.peer(1).is_legacy);
        EXPECT_EQ(lab.peer(1).identity.suite, number);
        EXPECT_FALSE(has(lab.peer(1), SL_MESSAGE_KEYS));
        expect_echo(lab, 1);
        expect_echo(lab, 1);
        EXPECT_EQ(lab.counter(SL_HANDSHAKE_LEGACY), 1U);
        EXPECT_EQ(lab.counter(SL_HANDSHAKE_COMPLETED), 1U);
        EXPECT_EQ(sl_handshaker_in_progress(lab.handshaker), 0U);
        EXPECT_TRUE(lab.counters_add_up());
    }
}

TEST(Legacy, SuitesAreRefusedWithoutTheSwitch)
{
    HandshakeLab lab;
    EXPECT_FALSE(lab.connect(1, client_with(both_cbc)));
    EXPECT_TRUE(lab.client(1).has_failed());
    EXPECT_EQ(lab.counter(SL_HANDSHAKE_FAILED), 1U);
}

TEST(Legacy, SuitesAreRefusedWithoutEncryptThenMac)
{
    HandshakeLab lab(with_legacy());
    ClientOptions options = client_with(both_cbc);
    options.encrypt_then_mac = false;
    EXPECT_FALSE(lab.connect(1, options));
    EXPECT_TRUE(lab.client(1).has_failed());
    EXPECT_EQ(lab.counter(SL_HANDSHAKE_FAILED), 1U);
}

TEST(Legacy, SuitesComeAfterEveryAead)
{
    HandshakeLab lab(with_legacy());
    ASSERT_TRUE(
        lab.connect(1, client_with("ECDHE-ECDSA-AES128-SHA:ECDHE-ECDSA-CHACHA20-POLY1305")));
    EXPECT_FALSE(lab.peer(1).is_legacy);
    EXPECT_EQ(lab.peer(1).identity.suite, 0xcca9);
    EXPECT_EQ(lab.counter(SL_HANDSHAKE_LEGACY), 0U);
}

TEST(Legacy, SessionHasNoConnectionId)
{
    HandshakeLab lab(with_legacy());
    ClientOptions options = client_with(both_cbc);
    options.cid = Bytes{1, 2, 3};
    ASSERT_TRUE(lab.connect(1, options));
    EXPECT_FALSE(lab.client(1).uses_cid());
    EXPECT_EQ(lab.peer(1).identity.cid_len, 0);
    EXPECT_FALSE(lab.peer(1).peer_cid_in_use);
    expect_echo(lab, 1);
}

TEST(Legacy, ClientsCertificateIsVerified)
{
    LabOptions options = with_legacy();
    options.asks_clients = true;
    HandshakeLab lab(options);
    ClientOptions client = client_with(both_cbc);
    client.identity = make_identity("EC", "client", &lab.authority);
    ASSERT_TRUE(lab.connect(1, client));
    EXPECT_EQ(lab.peer(1).identity.method, SL_IDENTITY_CERTIFICATE);
    expect_echo(lab, 1);

    client.identity = make_identity("EC", "stranger", nullptr);
    EXPECT_FALSE(lab.connect(2, client));
    EXPECT_FALSE(lab.peer(2).is_established);
    EXPECT_EQ(lab.counter(SL_HANDSHAKE_REFUSED_PEER), 1U);
}

TEST(Legacy, SessionsAreLimitedInNumber)
{
    HandshakeLab lab(with_legacy(2));
    ASSERT_TRUE(lab.connect(1, client_with(both_cbc)));
    ASSERT_TRUE(lab.connect(2, client_with(both_cbc)));
    EXPECT_FALSE(lab.connect(3, client_with(both_cbc)));
    EXPECT_TRUE(lab.connect(4)); /* with an AEAD */
    lab.worker_of(1).close(1);
    lab.run_for(10);
    EXPECT_EQ(lab.counter(SL_HANDSHAKE_LEGACY_CLOSED), 1U);
    EXPECT_TRUE(lab.connect(5, client_with(both_cbc)));
    expect_echo(lab, 2);
    expect_echo(lab, 5);
}

TEST(Legacy, HandshakesAtOnceAreLimitedInNumberToo)
{
    HandshakeLab lab(with_legacy(2));
    unsigned refused = 0;
    lab.judge = lose_last_flights; /* none ends meanwhile */
    for (unsigned id = 1; id <= 5; id++) {
        lab.add_client(id, client_with(both_cbc));
        lab.start(id);
    }
    lab.run_for(500);
    lab.judge = nullptr;
    lab.run_for(5000);
    for (unsigned id = 1; id <= 5; id++)
        refused += !lab.is_connected(id);
    EXPECT_EQ(refused, 3U);
    EXPECT_EQ(lab.counter(SL_HANDSHAKE_LEGACY), 2U);
    EXPECT_FALSE(lab.connect(6, client_with(both_cbc)));
}

TEST(Legacy, HandshakesThatFailGiveTheirPlaceBack)
{
    HandshakeLab lab(with_legacy(1));
    lab.judge = lose_last_flights;
    lab.add_client(1, client_with(both_cbc));
    lab.start(1);
    lab.run_for(40000);
    lab.judge = nullptr;
    EXPECT_EQ(lab.counter(SL_HANDSHAKE_TIMED_OUT) + lab.counter(SL_HANDSHAKE_FAILED), 1U);
    EXPECT_TRUE(lab.connect(2, client_with(both_cbc)));
}

TEST(Legacy, HandshakesCompleteThroughABadNetwork)
{
    for (uint64_t seed = 1; seed <= 40; seed++) {
        LabOptions options = with_legacy();
        options.loss = 0.2;
        options.duplication = 0.1;
        options.reordering = 0.3;
        options.seed = seed;
        HandshakeLab lab(options);
        ASSERT_TRUE(lab.connect(1, client_with(both_cbc))) << "seed " << seed;
        lab.judge = [](bool, unsigned, const Bytes &) { return Fate::Deliver; };
        lab.run_for(1000);
        lab.peer(1).data.clear();
        expect_echo(lab, 1);
    }
}

TEST(Legacy, LastFlightIsSentAgainWhenItWasLost)
{
    HandshakeLab lab(with_legacy());
    lab.add_client(1, client_with(both_cbc));
    unsigned lost = 0;
    lab.judge = [&](bool to_server, unsigned, const Bytes &datagram) {
        bool is_last = !to_server && datagram[0] == SL_CONTENT_CHANGE_CIPHER_SPEC;
        return is_last && lost++ == 0 ? Fate::Lose : Fate::Deliver;
    };
    lab.start(1);
    ASSERT_TRUE(lab.run_until([&] { return lab.is_connected(1); }, 5000));
    EXPECT_GE(lost, 2U);
    expect_echo(lab, 1);
}

TEST(Legacy, FinishedThatOvertakesItsFlightIsHeld)
{
    HandshakeLab lab(with_legacy());
    ClientOptions options = client_with(both_cbc);
    options.mtu = 256; /* each message a datagram */
    lab.add_client(1, options);
    std::vector<Bytes> flight;
    lab.judge = [&](bool to_server, unsigned, const Bytes &datagram) {
        bool is_second = to_server && datagram.at(13) != SL_HANDSHAKE_CLIENT_HELLO;
        if (is_second)
            flight.push_back(datagram);
        return is_second ? Fate::Lose : Fate::Deliver;
    };
    lab.start(1);
    ASSERT_TRUE(lab.run_until([&] { return !flight.empty(); }, 500));
    std::vector<Bytes> records;
    for (const Bytes &datagram : flight) {
        sl_reader r = sl_reader_of(datagram.data(), datagram.size());
        sl_record_header header;
        while (sl_reader_left(&r) > 0) {
            const uint8_t *at = r.at;
            ASSERT_EQ(sl_wire_parse_record(&r, 0, &header), SL_DROP_NONE);
            records.push_back(Bytes(at, r.at));
        }
    }
    lab.judge = nullptr;
    for (auto record = records.rbegin(); record != records.rend(); ++record)
        lab.worker_of(1).receive(1, *record);
    EXPECT_TRUE(lab.run_until([&] { return lab.is_connected(1); }, 300));
    expect_echo(lab, 1);
}

TEST(Legacy, ForgedRecordsChangeNothing)
{
    HandshakeLab lab(with_legacy());
    lab.add_client(1, client_with(both_cbc));
    std::vector<Bytes> held;
    lab.judge = [&](bool to_server, unsigned, const Bytes &datagram) {
        bool is_second = to_server && datagram.at(13) != SL_HANDSHAKE_CLIENT_HELLO;
        if (is_second)
            held.push_back(datagram);
        return is_second ? Fate::Lose : Fate::Deliver;
    };
    lab.start(1);
    ASSERT_TRUE(lab.run_until([&] { return !held.empty(); }, 500));
    lab.judge = nullptr;
    for (uint8_t type : {20, 21, 22, 24, 99})
        for (size_t len : {1, 20, 52, 68, 85})
            ASSERT_TRUE(lab.worker_of(1).post_record(1, forged(type, 0xffffffffffff - len, len)));
    for (const Bytes &datagram : held)
        lab.worker_of(1).receive(1, datagram);
    ASSERT_TRUE(lab.run_until([&] { return lab.is_connected(1); }, 2000));
    for (uint8_t type : {20, 21, 22, 23, 24, 99})
        for (size_t len : {1, 20, 52, 68, 85, 1396})
            ASSERT_TRUE(lab.worker_of(1).post_record(1, forged(type, 0xffffffffffff - len, len)));
    lab.run_for(100);
    EXPECT_FALSE(lab.peer(1).is_aborted);
    EXPECT_TRUE(lab.peer(1).data.empty());
    expect_echo(lab, 1);
}

// RFC 9325 4.4
TEST(Legacy, SessionThatHasMetTooManyForgedRecordsIsClosed)
{
    LabOptions options = with_legacy();
    options.legacy_forged_max = 5;
    HandshakeLab lab(options);
    ASSERT_TRUE(lab.connect(1, client_with(both_cbc)));
    ASSERT_TRUE(lab.connect(2, client_with(both_cbc)));
    auto forge = [&](unsigned id) {
        ASSERT_TRUE(lab.worker_of(id).post_record(id, forged(23, 9, 68)));
        lab.run_for(20);
    };
    for (unsigned i = 0; i < 4; i++) {
        forge(1);
        forge(2);
    }
    EXPECT_EQ(lab.counter(SL_HANDSHAKE_LEGACY_FORGED), 8U);
    expect_echo(lab, 1);
    EXPECT_EQ(lab.peer(1).forged, 4U) << "the worker knows whose they were";
    EXPECT_EQ(lab.peer(2).forged, 4U);
    forge(1);
    EXPECT_TRUE(lab.peer(1).is_aborted);
    EXPECT_EQ(lab.peer(1).abort.cause, SL_ABORT_FORGERIES);
    EXPECT_TRUE(lab.client(1).is_closed_by_peer());
    expect_echo(lab, 2);
}

// RFC 6347 4.2.4
TEST(Legacy, LastFlightIsRepeatedAtMostOnceIn100Milliseconds)
{
    HandshakeLab lab(with_legacy());
    ClientOptions options = client_with(both_cbc);
    options.timeout_ms = 4; /* 8, 16, ... */
    lab.add_client(1, options);
    unsigned asked = 0, answered = 0;
    lab.judge = [&](bool to_server, unsigned, const Bytes &datagram) {
        asked += to_server && datagram.at(13) != SL_HANDSHAKE_CLIENT_HELLO;
        bool is_last = !to_server && datagram[0] == SL_CONTENT_CHANGE_CIPHER_SPEC;
        answered += is_last;
        return is_last ? Fate::Lose : Fate::Deliver;
    };
    lab.start(1);
    ASSERT_TRUE(lab.run_until([&] { return answered == 1; }, 1000));
    asked = 0;
    lab.run_for(300);
    EXPECT_GE(asked, 4U);
    EXPECT_LE(answered, 4U);
    EXPECT_GE(answered, 2U);
    EXPECT_GE(lab.counter(SL_HANDSHAKE_LEGACY_REPEATED), 1U);
    lab.judge = nullptr;
    ASSERT_TRUE(lab.run_until([&] { return lab.is_connected(1); }, 5000));
    lab.peer(1).data.clear();
    expect_echo(lab, 1);
}

TEST(Legacy, RenegotiationIsRefusedAtMostOnceIn100MillisecondsAndTheSessionGoesOn)
{
    HandshakeLab lab(with_legacy());
    ASSERT_TRUE(lab.connect(1, client_with(both_cbc)));
    unsigned alerts = 0;
    DTLS_set_timer_cb(lab.client(1).ssl(), [](SSL *, unsigned) { return 10000U; });
    lab.judge = [&](bool to_server, unsigned, const Bytes &datagram) {
        alerts += !to_server && datagram[0] == SL_CONTENT_ALERT;
        return to_server ? Fate::Deliver : Fate::Lose;
    };
    lab.run_for(100); /* behind the Finished */
    SSL_renegotiate(lab.client(1).ssl());
    SSL_do_handshake(lab.client(1).ssl());
    lab.run_for(95);
    EXPECT_EQ(alerts, 1U);
    EXPECT_GE(lab.counter(SL_HANDSHAKE_LEGACY_REPEATED), 2U);
    EXPECT_FALSE(lab.peer(1).is_aborted);
    lab.worker_of(1).send_data(1, text("down"));
    lab.run_for(20);
    EXPECT_FALSE(lab.peer(1).is_aborted);
}

TEST(Legacy, RecordsAreTakenOnce)
{
    HandshakeLab lab(with_legacy());
    ASSERT_TRUE(lab.connect(1, client_with(both_cbc)));
    Bytes sent;
    lab.judge = [&](bool to_server, unsigned, const Bytes &datagram) {
        if (to_server)
            sent = datagram;
        return Fate::Deliver;
    };
    lab.client(1).send(text("once"));
    lab.run_for(50);
    lab.worker_of(1).receive(1, sent);
    lab.run_for(50);
    EXPECT_EQ(lab.peer(1).data, std::vector<Bytes>{text("once")});
}

TEST(Legacy, SessionEndsWhenTheClientClosesIt)
{
    HandshakeLab lab(with_legacy());
    ASSERT_TRUE(lab.connect(1, client_with(both_cbc)));
    lab.client(1).close();
    ASSERT_TRUE(lab.run_until([&] { return lab.peer(1).is_aborted; }, 1000));
    EXPECT_EQ(lab.counter(SL_HANDSHAKE_LEGACY_CLOSED), 1U);
    EXPECT_EQ(lab.counter(SL_HANDSHAKE_FAILED), 0U);
    lab.worker_of(1).close(1);
    lab.run_for(10);
    EXPECT_TRUE(lab.counters_add_up());
}

TEST(Legacy, SessionThatTheGatewayClosesTellsTheClient)
{
    HandshakeLab lab(with_legacy());
    ASSERT_TRUE(lab.connect(1, client_with(both_cbc)));
    lab.worker_of(1).close_legacy(1);
    ASSERT_TRUE(lab.run_until([&] { return lab.client(1).is_closed_by_peer(); }, 1000));
    EXPECT_TRUE(lab.peer(1).is_aborted); /* after which the worker gives the handle up */
    EXPECT_EQ(lab.counter(SL_HANDSHAKE_LEGACY_CLOSED), 1U);
}

TEST(Legacy, WritesForSessionsThatAreNotKeptAreStale)
{
    HandshakeLab lab(with_legacy());
    ASSERT_TRUE(lab.connect(1));
    uint64_t stale = lab.counter(SL_HANDSHAKE_STALE);
    Bytes body(sizeof(sl_message_data) + 4);
    ASSERT_TRUE(lab.worker_of(1).post(SL_MESSAGE_WRITE, lab.peer(1).handle, body));
    ASSERT_TRUE(lab.connect(2, client_with(both_cbc)));
    body[offsetof(sl_message_data, bytes_len)] = 200; /* more than there are */
    ASSERT_TRUE(lab.worker_of(2).post(SL_MESSAGE_WRITE, lab.peer(2).handle, body));
    ASSERT_TRUE(lab.worker_of(2).post(SL_MESSAGE_WRITE, lab.peer(2).handle, {1}));
    lab.run_for(10);
    EXPECT_EQ(lab.counter(SL_HANDSHAKE_STALE), stale + 3);
    expect_echo(lab, 2);
}
