#include <fstream>
#include <sys/stat.h>

#include <gtest/gtest.h>

#include "handshake_client_lab.h"

using namespace sl_test;

namespace
{

struct Suite {
    const char *name;
    uint16_t number;
};

std::string name_of(const Suite &suite)
{
    std::string name = suite.name;
    name.erase(std::remove(name.begin(), name.end(), '-'), name.end());
    return name;
}

} // namespace

class EveryClientSuite : public ::testing::TestWithParam<Suite>
{
};

TEST_P(EveryClientSuite, CarriesDataBothWays)
{
    ClientLabOptions options;
    options.server_kinds = {"EC", "RSA"};
    options.suites = GetParam().name;
    for (bool has_gateway : {false, true}) {
        options.has_gateway = has_gateway;
        ClientLab lab(options);
        if (has_gateway && strstr(GetParam().name, "CCM") != nullptr) {
            EXPECT_FALSE(lab.connect(1)) << "a server has to be told to take it";
            EXPECT_EQ(lab.reason(1), "the server answered alert 40 (handshake failure)");
            continue;
        }
        ASSERT_TRUE(lab.connect(1)) << lab.reason(1);
        EXPECT_EQ(lab.client(1).identity.suite, GetParam().number);
        EXPECT_TRUE(lab.echoes(1));
        EXPECT_EQ(lab.counter(SL_HANDSHAKE_COMPLETED), 1u);
        EXPECT_EQ(sl_handshaker_in_progress(lab.handshaker), 0u);
        EXPECT_TRUE(lab.counters_add_up());
    }
}

INSTANTIATE_TEST_SUITE_P(Suites, EveryClientSuite,
                         ::testing::Values(Suite{"ECDHE-ECDSA-AES128-GCM-SHA256", 0xc02b},
                                           Suite{"ECDHE-ECDSA-AES256-GCM-SHA384", 0xc02c},
                                           Suite{"ECDHE-ECDSA-AES128-CCM", 0xc0ac},
                                           Suite{"ECDHE-ECDSA-AES256-CCM", 0xc0ad},
                                           Suite{"ECDHE-ECDSA-AES128-CCM8", 0xc0ae},
                                           Suite{"ECDHE-ECDSA-AES256-CCM8", 0xc0af},
                                           Suite{"ECDHE-ECDSA-CHACHA20-POLY1305", 0xcca9},
                                           Suite{"ECDHE-RSA-AES128-GCM-SHA256", 0xc02f},
                                           Suite{"ECDHE-RSA-AES256-GCM-SHA384", 0xc030},
                                           Suite{"ECDHE-RSA-CHACHA20-POLY1305", 0xcca8}),
                         [](const auto &info) { return name_of(info.param); });

class ClientConnectionId : public ::testing::TestWithParam<std::tuple<unsigned, const char *>>
{
};

TEST_P(ClientConnectionId, IsUsedInBothDirectionsAgainstOurOwnServer)
{
    auto [len, suite] = GetParam();
    ClientLabOptions options;
    options.has_gateway = true;
    options.cid_len = len;
    options.suites = suite;
    ClientLab lab(options);
    ASSERT_TRUE(lab.connect(1, {Bytes(len, 0xc1)})) << lab.reason(1);
    const Peer &client = lab.client(1);
    EXPECT_EQ(client.own_cid_in_use, len > 0);
    EXPECT_TRUE(client.peer_cid_in_use);
    EXPECT_EQ(client.identity.cid_len, len);
    EXPECT_EQ(client.epoch->own_cid_len, len);
    EXPECT_EQ(client.epoch->peer_cid_len, SL_OWN_CID_LEN);
    EXPECT_EQ(memcmp(client.epoch->peer_cid, lab.gateway_peer(1).own_cid.data(), SL_OWN_CID_LEN),
              0);
    EXPECT_EQ(lab.gateway_peer(1).epoch->peer_cid_len, len);
    EXPECT_TRUE(lab.echoes(1));
    EXPECT_EQ(lab.counter(SL_HANDSHAKE_CONNECTION_ID), 1u);
}

INSTANTIATE_TEST_SUITE_P(Lengths, ClientConnectionId,
                         ::testing::Combine(::testing::Values(0u, 1u, 8u, 20u),
                                            ::testing::Values("ECDHE-ECDSA-AES128-GCM-SHA256",
                                                              "ECDHE-ECDSA-CHACHA20-POLY1305")),
                         [](const auto &info) {
                             bool is_gcm = info.index % 2 == 0;
                             return std::to_string(std::get<0>(info.param)) +
                                    (is_gcm ? "BytesGcm" : "BytesChacha");
                         });

TEST(Client, GoesWithoutConnectionIdsWhenItOffersNone)
{
    ClientLabOptions options;
    options.has_gateway = true;
    ClientLab lab(options);
    ASSERT_TRUE(lab.connect(1)) << lab.reason(1);
    EXPECT_FALSE(lab.client(1).own_cid_in_use);
    EXPECT_FALSE(lab.client(1).peer_cid_in_use);
    EXPECT_EQ(lab.client(1).epoch->own_cid_len, 0);
    EXPECT_EQ(lab.client(1).epoch->peer_cid_len, 0);
    EXPECT_TRUE(lab.echoes(1));
    EXPECT_EQ(lab.counter(SL_HANDSHAKE_CONNECTION_ID), 0u);
}

TEST(Client, GoesWithoutConnectionIdsWhenTheServerDeclines)
{
    ClientLabOptions options;
    options.cid_len = 8;
    ClientLab lab(options);
    ASSERT_TRUE(lab.connect(1)) << lab.reason(1);
    EXPECT_FALSE(lab.client(1).own_cid_in_use);
    EXPECT_TRUE(lab.echoes(1));
}

// RFC 9146 3: a server may want up to 255 bytes; a client that keeps 32 can only refuse.
TEST(Client, RefusesAConnectionIdThatIsTooLongOrMalformed)
{
    struct {
        Bytes answer;
        const char *error;
    } cases[] = {
        {Bytes(1 + SL_PEER_CID_MAX + 1, SL_PEER_CID_MAX + 1), "illegal parameter"},
        {{}, "decode error"},
        {{3, 1, 2}, "decode error"},
        {{1, 1, 2}, "decode error"},
    };
    for (const auto &wrong : cases) {
        ClientLabOptions options;
        options.cid_len = 8;
        options.server.cid_answer = wrong.answer;
        ClientLab lab(options);
        EXPECT_FALSE(lab.connect(1));
        EXPECT_TRUE(lab.client(1).is_aborted);
        EXPECT_EQ(lab.client(1).abort.cause, SL_ABORT_FAILED);
        EXPECT_NE(lab.server(1).error().find(wrong.error == std::string("illegal parameter")
                                                 ? "alert illegal parameter"
                                                 : "alert decode error"),
                  std::string::npos)
            << lab.server(1).error();
        EXPECT_TRUE(lab.server(1).was_offered_cid);
    }
}

TEST(Client, TellsTheWorkerInOrderKeysFinishedEstablished)
{
    ClientLab lab;
    ASSERT_TRUE(lab.connect(1)) << lab.reason(1);
    const Peer &client = lab.client(1);
    EXPECT_EQ(client.messages,
              (std::vector<sl_message_kind>{SL_MESSAGE_SEND, SL_MESSAGE_SEND, SL_MESSAGE_KEYS,
                                            SL_MESSAGE_SEND, SL_MESSAGE_ESTABLISHED}));
    const std::vector<Part> &flight = client.sends.back();
    ASSERT_EQ(flight.size(), 3u);
    EXPECT_EQ(flight[0].bytes.at(0), SL_HANDSHAKE_CLIENT_KEY_EXCHANGE);
    EXPECT_EQ(flight[1].type, SL_CONTENT_CHANGE_CIPHER_SPEC);
    EXPECT_EQ(flight[2].epoch, 1);
    EXPECT_EQ(flight[2].bytes.at(0), SL_HANDSHAKE_FINISHED);
}

TEST(Client, SaysWhoTheServerIsAndWhereItIs)
{
    ClientLab lab;
    ASSERT_TRUE(lab.connect(3));
    const sl_identity &identity = lab.client(3).identity;
    EXPECT_EQ(identity.method, SL_IDENTITY_CERTIFICATE);
    EXPECT_EQ(identity.cid_len, 0);
    EXPECT_EQ(identity.local_port, 10003);
    EXPECT_EQ(identity.remote_port, 4433);
    EXPECT_STREQ(identity.subject, "CN=server EC");
    EXPECT_FALSE(lab.client(3).is_resumed);
    EXPECT_GT(lab.client(3).expires_ns, now_ns());
}

TEST(Client, NeedsNoCookie)
{
    ClientLabOptions options;
    options.server.asks_cookie = false;
    ClientLab lab(options);
    ASSERT_TRUE(lab.connect(1)) << lab.reason(1);
    EXPECT_TRUE(lab.echoes(1));
}

TEST(Client, ShowsTheCertificateThatItsWorkerChooses)
{
    for (bool has_gateway : {false, true}) {
        ClientLabOptions options;
        options.has_gateway = has_gateway;
        options.asks_clients = true;
        options.client_kinds = {"EC", "RSA", "ED25519", "EC"};
        ClientLab lab(options);
        for (unsigned id = 0; id < 8; id++) {
            ConnectOptions connect;
            connect.credential = id;
            ASSERT_TRUE(lab.connect(id, connect)) << lab.reason(id);
            EXPECT_TRUE(lab.echoes(id));
            if (has_gateway) {
                EXPECT_EQ(lab.gateway_peer(id).identity.subject,
                          "CN=client " + std::to_string(id % 4));
            }
        }
    }
}

TEST(Client, SpeaksToServersWithEachKindOfKey)
{
    for (const char *kind : {"EC", "RSA", "P-384"}) {
        ClientLabOptions options;
        options.server_kinds = {kind};
        ClientLab lab(options);
        ASSERT_TRUE(lab.connect(1)) << kind << ": " << lab.reason(1);
        EXPECT_TRUE(lab.echoes(1));
    }
}

TEST(Client, SpeaksToAServerWithoutExtendedMasterSecret)
{
    ClientLabOptions options;
    options.server.extended_master_secret = false;
    ClientLab lab(options);
    ASSERT_TRUE(lab.connect(1)) << lab.reason(1);
    EXPECT_TRUE(lab.echoes(1));
}

TEST(Client, TakesACertificateInManyFragments)
{
    ClientLabOptions options;
    options.server.mtu = 300;
    options.server_kinds = {"RSA"};
    ClientLab lab(options);
    ASSERT_TRUE(lab.connect(1)) << lab.reason(1);
    EXPECT_TRUE(lab.echoes(1));
}

TEST(Client, KeepsItsDatagramsWithinThePath)
{
    ClientLabOptions options;
    options.asks_clients = true;
    options.client_kinds = {"RSA"};
    options.has_gateway = true;
    options.cid_len = 20;
    ClientLab lab(options);
    lab.worker.path_payload_max = 512;
    lab.judge = [](bool to_server, unsigned, const Bytes &datagram) {
        EXPECT_TRUE(!to_server || datagram.size() <= 512) << datagram.size();
        return Fate::Deliver;
    };
    ASSERT_TRUE(lab.connect(1)) << lab.reason(1);
    EXPECT_TRUE(lab.echoes(1));
}

TEST(Client, FreesItsMemoryOnceItIsEstablished)
{
    ClientLabOptions options;
    options.handshakes_max = 1;
    ClientLab lab(options);
    for (unsigned id = 0; id < 5; id++)
        ASSERT_TRUE(lab.connect(id)) << lab.reason(id);
    EXPECT_EQ(lab.counter(SL_HANDSHAKE_COMPLETED), 5u);
    EXPECT_EQ(sl_handshaker_next_timer(lab.handshaker), UINT64_MAX);
}

TEST(Client, IsToldWhenThereAreTooManyAtOnce)
{
    ClientLabOptions options;
    options.handshakes_max = 1;
    ClientLab lab(options);
    lab.start(1);
    lab.start(2);
    lab.run_for(0);
    EXPECT_TRUE(lab.client(2).is_aborted);
    EXPECT_EQ(lab.client(2).abort.cause, SL_ABORT_OVERFLOW);
    EXPECT_EQ(lab.reason(2), "too many handshakes at once");
    EXPECT_TRUE(lab.run_until([&] { return lab.is_connected(1); }));
}

TEST(Client, ThatClosesInTheMiddleIsForgotten)
{
    ClientLab lab;
    lab.start(1);
    lab.run_for(15);
    lab.worker.close(1);
    lab.run_for(1000);
    EXPECT_EQ(lab.counter(SL_HANDSHAKE_FAILED), 1u);
    EXPECT_EQ(sl_handshaker_in_progress(lab.handshaker), 0u);
    EXPECT_EQ(sl_handshaker_next_timer(lab.handshaker), UINT64_MAX);
}

TEST(Client, LosesNothingWhenItsWorkersRingIsFull)
{
    ClientLabOptions options;
    options.ring_size = 1 << 15;
    ClientLab lab(options);
    lab.polls_workers = false;
    for (unsigned id = 0; id < 60; id++)
        lab.start(id);
    lab.run_for(5000); /* the ClientHello is sent three times */
    EXPECT_LT(lab.counter(SL_HANDSHAKE_RETRANSMITTED), 2 * 60u); /* no room for all of them */
    lab.polls_workers = true;
    EXPECT_TRUE(lab.run_until([&] {
        bool all = true;
        for (unsigned id = 0; id < 60; id++)
            all = all && lab.is_connected(id);
        return all;
    }));
    EXPECT_EQ(lab.counter(SL_HANDSHAKE_WORKER_RING_FULL), 0u);
}

TEST(Client, WritesItsSecretsForWhomeverReadsTheCapture)
{
    TemporaryDirectory directory;
    std::string path = directory.write("keys", "");
    ASSERT_EQ(chmod(path.c_str(), 0600), 0);
    ClientLabOptions options;
    options.keylog_file = path.c_str();
    ClientLab lab(options);
    ASSERT_TRUE(lab.connect(1));
    std::string log(std::istreambuf_iterator<char>(std::ifstream(path).rdbuf()), {});
    EXPECT_EQ(log.find("CLIENT_RANDOM "), 0u);
    EXPECT_EQ(log.size(), sizeof "CLIENT_RANDOM" + 64 + 1 + 96 + 1);
}

TEST(Client, RefusesSuitesThatItsRecordsCannotHave)
{
    struct {
        const char *suites, *reason;
    } cases[] = {
        {"AES128-GCM-SHA256", "cipher suite AES128-GCM-SHA256 cannot be used"},
        {"ECDHE-ECDSA-AES128-SHA", "cipher suite ECDHE-ECDSA-AES128-SHA cannot be used"},
        {"ECDHE-ECDSA-AES128-GCM-SHA256:NONE", "NONE is no cipher suite that libssl knows"},
        {"PSK-AES128-GCM-SHA256", "cipher suite PSK-AES128-GCM-SHA256 needs a pre-shared key"},
        {"", "libssl refuses the cipher suites"},
    };
    for (const auto &wrong : cases) {
        ClientLabOptions options;
        options.suites = wrong.suites;
        try {
            ClientLab lab(options);
            ADD_FAILURE() << wrong.suites;
        } catch (const std::runtime_error &error) {
            EXPECT_EQ(std::string(error.what()).find(wrong.reason), 0u) << error.what();
        }
    }
}
