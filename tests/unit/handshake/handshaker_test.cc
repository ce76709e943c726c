#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <fstream>
#include <sstream>

#include <gtest/gtest.h>

#include "handshake_lab.h"

using namespace sl_test;

namespace
{

const Bytes hello = {'h', 'e', 'l', 'l', 'o'};

/** Application data goes both ways under the keys that the worker was given. */
void expect_echo(HandshakeLab &lab, unsigned id)
{
    lab.client(id).send(hello);
    lab.run_for(50);
    ASSERT_EQ(lab.peer(id).data, std::vector<Bytes>{hello});
    lab.worker_of(id).send_data(id, hello);
    lab.run_for(50);
    EXPECT_EQ(lab.client(id).take_data(), std::vector<Bytes>{hello});
}

struct Suite {
    const char *name;
    const char *server;
    uint16_t number;
};

} // namespace

class EverySuite : public ::testing::TestWithParam<Suite>
{
};

TEST_P(EverySuite, CarriesDataBothWaysWithAndWithoutAConnectionId)
{
    LabOptions options;
    options.server_kinds = {"EC", "RSA"};
    HandshakeLab lab(options);
    for (unsigned id = 1; id <= 2; id++) {
        ClientOptions client;
        client.suites = GetParam().name;
        if (id == 2)
            client.cid = Bytes{1, 2, 3, 4};
        ASSERT_TRUE(lab.connect(id, client)) << lab.client(id).error();
        EXPECT_EQ(lab.peer(id).identity.suite, GetParam().number);
        EXPECT_EQ(lab.client(id).uses_cid(), id == 2);
        expect_echo(lab, id);
    }
    EXPECT_EQ(lab.counter(SL_HANDSHAKE_COMPLETED), 2u);
    EXPECT_EQ(lab.counter(SL_HANDSHAKE_CONNECTION_ID), 1u);
    EXPECT_EQ(sl_handshaker_in_progress(lab.handshaker), 0u);
    EXPECT_TRUE(lab.counters_add_up());
}

INSTANTIATE_TEST_SUITE_P(Suites, EverySuite,
                         ::testing::Values(Suite{"ECDHE-ECDSA-AES128-GCM-SHA256", "EC", 0xc02b},
                                           Suite{"ECDHE-ECDSA-AES256-GCM-SHA384", "EC", 0xc02c},
                                           Suite{"ECDHE-ECDSA-CHACHA20-POLY1305", "EC", 0xcca9},
                                           Suite{"ECDHE-RSA-AES128-GCM-SHA256", "RSA", 0xc02f},
                                           Suite{"ECDHE-RSA-AES256-GCM-SHA384", "RSA", 0xc030},
                                           Suite{"ECDHE-RSA-CHACHA20-POLY1305", "RSA", 0xcca8}),
                         [](const auto &info) {
                             std::string name = info.param.name;
                             name.erase(std::remove(name.begin(), name.end(), '-'), name.end());
                             return name;
                         });

TEST(Handshaker, TellsTheWorkerInOrderKeysFinishedEstablished)
{
    HandshakeLab lab;
    ASSERT_TRUE(lab.connect(1));
    const Peer &peer = lab.peer(1);
    ASSERT_GE(peer.messages.size(), 4u);
    std::vector<sl_message_kind> last(peer.messages.end() - 3, peer.messages.end());
    EXPECT_EQ(last, (std::vector<sl_message_kind>{SL_MESSAGE_KEYS, SL_MESSAGE_SEND,
                                                  SL_MESSAGE_ESTABLISHED}));
    for (size_t i = 0; i + 3 < peer.messages.size(); i++)
        EXPECT_EQ(peer.messages[i], SL_MESSAGE_SEND);
    const std::vector<Part> &finished = peer.sends.back();
    ASSERT_EQ(finished.size(), 2u);
    EXPECT_EQ(finished[0].type, SL_CONTENT_CHANGE_CIPHER_SPEC);
    EXPECT_EQ(finished[0].epoch, 0);
    EXPECT_EQ(finished[1].type, SL_CONTENT_HANDSHAKE);
    EXPECT_EQ(finished[1].epoch, 1);
    EXPECT_EQ(finished[1].bytes.at(0), SL_HANDSHAKE_FINISHED);
}

TEST(Handshaker, SaysWhoTheClientIsAndWhereItIs)
{
    HandshakeLab lab;
    ClientOptions options;
    options.cid = Bytes{7};
    ASSERT_TRUE(lab.connect(3, options));
    const sl_identity &identity = lab.peer(3).identity;
    EXPECT_EQ(identity.method, SL_IDENTITY_NONE);
    EXPECT_EQ(identity.cid_len, SL_OWN_CID_LEN);
    EXPECT_EQ(identity.remote_port, 10003);
    EXPECT_EQ(identity.local_port, 4433);
    EXPECT_EQ(identity.remote_ip.bytes[15], 1);
    EXPECT_EQ(identity.local_ip.bytes[15], 2);
}

// RFC 6066 4: libssl grants it, and the worker's records have to keep to it as well.
TEST(Handshaker, TellsTheWorkerTheFragmentLengthThatAClientAskedFor)
{
    HandshakeLab lab;
    SSL_set_tlsext_max_fragment_length(lab.add_client(1).ssl(), TLSEXT_max_fragment_length_512);
    lab.start(1);
    ASSERT_TRUE(lab.run_until([&] { return lab.is_connected(1); }));
    EXPECT_EQ(lab.peer(1).epoch->plain_max, 512);
    for (const auto &datagram : lab.peer(1).sends)
        for (const Part &part : datagram)
            EXPECT_LE(part.bytes.size(), 512u);
    ASSERT_TRUE(lab.connect(2));
    EXPECT_EQ(lab.peer(2).epoch->plain_max, SL_RECORD_PLAINTEXT_MAX);
}

TEST(Handshaker, ServesSeveralWorkersOverTheirOwnRings)
{
    LabOptions options;
    options.workers = 3;
    HandshakeLab lab(options);
    for (unsigned id = 0; id < 6; id++)
        ASSERT_TRUE(lab.connect(id)) << id;
    expect_echo(lab, 4);
    expect_echo(lab, 5);
}

TEST(Handshaker, PrefersItsOwnOrderOfSuites)
{
    LabOptions options;
    options.server_kinds = {"EC", "RSA"};
    HandshakeLab lab(options);
    ClientOptions client;
    client.suites = "ECDHE-RSA-CHACHA20-POLY1305:ECDHE-ECDSA-CHACHA20-POLY1305:"
                    "ECDHE-RSA-AES256-GCM-SHA384:ECDHE-ECDSA-AES256-GCM-SHA384:"
                    "ECDHE-RSA-AES128-GCM-SHA256:ECDHE-ECDSA-AES128-GCM-SHA256";
    ASSERT_TRUE(lab.connect(1, client));
    EXPECT_EQ(lab.peer(1).identity.suite, 0xc02b);
}

TEST(Handshaker, RefusesCbcSuitesRsaKeyExchangeAndDtls10)
{
    LabOptions options;
    options.server_kinds = {"EC", "RSA"};
    HandshakeLab lab(options);
    unsigned id = 1;
    for (const char *suites : {"ECDHE-ECDSA-AES128-SHA256", "ECDHE-RSA-AES128-SHA",
                               "AES128-GCM-SHA256", "DHE-RSA-AES128-GCM-SHA256"}) {
        ClientOptions client;
        client.suites = suites;
        EXPECT_FALSE(lab.connect(id, client)) << suites;
        EXPECT_TRUE(lab.peer(id).is_aborted);
        EXPECT_TRUE(lab.client(id).has_failed()) << "the alert came";
        id++;
    }
    ClientOptions old;
    old.max_version = DTLS1_VERSION;
    old.suites = "ALL:@SECLEVEL=0";
    EXPECT_FALSE(lab.connect(id, old));
    EXPECT_EQ(lab.counter(SL_HANDSHAKE_COMPLETED), 0u);
    EXPECT_TRUE(lab.counters_add_up());
}

TEST(Handshaker, WorksOverEachGroupAndWithoutExtendedMasterSecret)
{
    LabOptions options;
    options.server_kinds = {"RSA"};
    HandshakeLab lab(options);
    unsigned id = 1;
    for (const char *group : {"X25519", "P-256", "P-384"}) {
        ClientOptions client;
        client.groups = group;
        ASSERT_TRUE(lab.connect(id, client)) << group;
        EXPECT_EQ(SSL_get_extms_support(lab.client(id).ssl()), 1);
        id++;
    }
    ClientOptions old;
    old.extended_master_secret = false;
    ASSERT_TRUE(lab.connect(id, old));
    EXPECT_EQ(SSL_get_extms_support(lab.client(id).ssl()), 0);
    expect_echo(lab, id);
}

TEST(Handshaker, TakesP256BeforeX25519WhereTheClientDoesAndNoSlowerGroup)
{
    HandshakeLab lab;
    unsigned id = 1;
    for (const auto &[groups, expected] : std::initializer_list<std::pair<const char *, int>>{
             {"P-256:X25519", NID_X9_62_prime256v1},
             {"P-384:P-256:X25519", NID_X9_62_prime256v1},
             {"X25519:P-256", NID_X25519},
             {"P-521:X25519:P-256", NID_X25519}}) {
        ClientOptions client;
        client.groups = groups;
        ASSERT_TRUE(lab.connect(id, client)) << groups;
        EXPECT_EQ(SSL_get_negotiated_group(lab.client(id).ssl()), expected) << groups;
        id++;
    }
}

TEST(Handshaker, GivesNoTicketAndNoSessionToResume)
{
    HandshakeLab lab;
    ASSERT_TRUE(lab.connect(1));
    SSL_SESSION *session = SSL_get_session(lab.client(1).ssl());
    EXPECT_EQ(SSL_SESSION_has_ticket(session), 0);
    unsigned id_len = 0;
    (void)SSL_SESSION_get_id(session, &id_len);
    EXPECT_EQ(id_len, 0u);
}

TEST(Handshaker, KeepsDatagramsWithinThePathAndWithinWhatEveryPeerCanRead)
{
    LabOptions options;
    options.server_kinds = {"RSA"};
    options.server_chain = 3;
    for (unsigned limit : {320u, 576u, 1252u, 1452u, 9000u}) {
        HandshakeLab lab(options);
        lab.worker_of(1).path_payload_max = (uint16_t)limit;
        lab.judge = [&](bool to_server, unsigned, const Bytes &datagram) {
            EXPECT_TRUE(to_server || datagram.size() <= std::min(limit, 1200u)) << datagram.size();
            return Fate::Deliver;
        };
        ClientOptions client;
        client.cid = Bytes(32, 9);
        ASSERT_TRUE(lab.connect(1, client)) << limit;
    }
}

TEST(Handshaker, WritesTheKeyLogForItsOwnerOnly)
{
    TemporaryDirectory directory;
    std::string path = directory.write("keys", "# first line\n");
    ASSERT_EQ(chmod(path.c_str(), 0600), 0);
    LabOptions options;
    options.keylog_file = path.c_str();
    HandshakeLab lab(options);
    ASSERT_TRUE(lab.connect(1));
    struct stat info;
    ASSERT_EQ(stat(path.c_str(), &info), 0);
    EXPECT_EQ(info.st_mode & 0777, 0600u);
    std::ifstream file(path);
    std::string first, second;
    std::getline(file, first);
    std::getline(file, second);
    EXPECT_EQ(first, "# first line");
    std::ostringstream random;
    for (uint8_t byte : lab.client(1).client_random()) {
        char text[3];
        snprintf(text, sizeof text, "%02x", byte);
        random << text;
    }
    EXPECT_EQ(second.substr(0, 14 + 64), "CLIENT_RANDOM " + random.str());
    EXPECT_EQ(second.size(), 14u + 64 + 1 + 96);
}

TEST(Handshaker, MakesAKeyLogThatNobodyElseCanRead)
{
    TemporaryDirectory directory;
    std::string path = directory.write("keys", "");
    ASSERT_EQ(unlink(path.c_str()), 0);
    LabOptions options;
    options.keylog_file = path.c_str();
    mode_t before = umask(0);
    HandshakeLab lab(options);
    umask(before);
    struct stat info;
    ASSERT_EQ(stat(path.c_str(), &info), 0);
    EXPECT_EQ(info.st_mode & 0777, 0600u);
}

// What a handshaker says that is to write its key log there.
static std::string keylog_refusal(const std::string &path)
{
    LabOptions options;
    options.keylog_file = path.c_str();
    try {
        HandshakeLab lab(options);
    } catch (const std::runtime_error &error) {
        return error.what();
    }
    return "none";
}

TEST(Handshaker, WritesNoKeyLogWhereOthersCanReadIt)
{
    TemporaryDirectory directory;
    std::string path = directory.write("keys", "");
    for (mode_t mode : {0640, 0604, 0660, 0601}) {
        ASSERT_EQ(chmod(path.c_str(), mode), 0);
        EXPECT_EQ(keylog_refusal(path), "key log file " + path +
                                            " is open to other users; remove it, or `chmod 600` it "
                                            "if none of them has read it");
    }
    ASSERT_EQ(chmod(path.c_str(), 0600), 0);
    EXPECT_EQ(keylog_refusal(path), "none");
    if (geteuid() != 0)
        return; // only root can give it away
    ASSERT_EQ(chown(path.c_str(), 1234, -1), 0);
    EXPECT_EQ(keylog_refusal(path),
              "key log file " + path + " belongs to another user; name another, or remove it");
}

TEST(Handshaker, WritesNoKeyLogThroughALinkOrIntoAPipe)
{
    TemporaryDirectory directory;
    std::string file = directory.write("file", ""), link = directory.write("link", ""),
                pipe = directory.write("pipe", "");
    ASSERT_EQ(unlink(link.c_str()) + unlink(pipe.c_str()), 0);
    ASSERT_EQ(chmod(file.c_str(), 0600), 0);
    ASSERT_EQ(symlink(file.c_str(), link.c_str()), 0);
    EXPECT_EQ(keylog_refusal(link),
              "key log file " + link + " cannot be written: Too many levels of symbolic links");
    ASSERT_EQ(mkfifo(pipe.c_str(), 0600), 0);
    int reader = open(pipe.c_str(), O_RDONLY | O_NONBLOCK);
    EXPECT_EQ(keylog_refusal(pipe), "key log file " + pipe + " is no ordinary file; name another");
    close(reader);
}

TEST(Handshaker, SaysWhyItCannotStart)
{
    TemporaryDirectory directory;
    std::string path = directory.path("none/keys");
    LabOptions options;
    options.keylog_file = path.c_str();
    try {
        HandshakeLab lab(options);
        FAIL() << "it started";
    } catch (const std::runtime_error &error) {
        EXPECT_EQ(error.what(),
                  "key log file " + path + " cannot be written: No such file or directory");
    }
    LabOptions small_ring, no_handshakes, no_last_flights;
    small_ring.ring_size = 4096;
    EXPECT_THROW(HandshakeLab lab(small_ring), std::runtime_error);
    no_handshakes.handshakes_max = 0;
    EXPECT_THROW(HandshakeLab lab(no_handshakes), std::runtime_error);
    no_last_flights.last_flights_max = 0;
    EXPECT_THROW(HandshakeLab lab(no_last_flights), std::runtime_error);
}

TEST(Handshaker, NamesAndExplainsItsCounters)
{
    EXPECT_STREQ(sl_handshake_counter_name(SL_HANDSHAKE_STARTED), "STARTED");
    for (int i = 0; i < SL_HANDSHAKE_COUNTER_COUNT; i++)
        EXPECT_GT(strlen(sl_handshake_counter_text((sl_handshake_counter)i)), 10u);
}

TEST(Handshaker, ForgetsAHandshakeThatTheWorkerClosed)
{
    HandshakeLab lab;
    lab.add_client(1);
    lab.judge = [](bool to_server, unsigned, const Bytes &datagram) {
        /* The client's second flight does not come. */
        return to_server && datagram.at(13) != SL_HANDSHAKE_CLIENT_HELLO ? Fate::Lose
                                                                         : Fate::Deliver;
    };
    lab.start(1);
    lab.run_for(500);
    ASSERT_EQ(sl_handshaker_in_progress(lab.handshaker), 1u);
    lab.worker_of(1).close(1);
    lab.run_for(1);
    EXPECT_EQ(sl_handshaker_in_progress(lab.handshaker), 0u);
    EXPECT_EQ(lab.counter(SL_HANDSHAKE_FAILED), 1u);
    EXPECT_EQ(sl_handshaker_next_timer(lab.handshaker), UINT64_MAX);
}

TEST(Handshaker, GivesUpAfterItsTimeAndTellsTheWorker)
{
    LabOptions options;
    options.handshake_timeout_ms = 5000;
    HandshakeLab lab(options);
    lab.add_client(1);
    lab.judge = [](bool to_server, unsigned, const Bytes &datagram) {
        return to_server && datagram.at(13) != SL_HANDSHAKE_CLIENT_HELLO ? Fate::Lose
                                                                         : Fate::Deliver;
    };
    lab.start(1);
    lab.run_for(4900);
    EXPECT_FALSE(lab.peer(1).is_aborted);
    lab.run_for(200);
    EXPECT_TRUE(lab.peer(1).is_aborted);
    EXPECT_EQ(lab.counter(SL_HANDSHAKE_TIMED_OUT), 1u);
    EXPECT_EQ(lab.counter(SL_HANDSHAKE_RETRANSMITTED), 2u) << "after 1 s and after 3 s";
    EXPECT_EQ(sl_handshaker_in_progress(lab.handshaker), 0u);
    lab.run_for(10000);
    EXPECT_EQ(sl_handshaker_next_timer(lab.handshaker), UINT64_MAX);
}

TEST(Handshaker, BeginsNoMoreThanItMayAtOnce)
{
    LabOptions options;
    options.handshakes_max = 3;
    HandshakeLab lab(options);
    lab.judge = [](bool to_server, unsigned, const Bytes &datagram) {
        return to_server && datagram.at(13) != SL_HANDSHAKE_CLIENT_HELLO ? Fate::Lose
                                                                         : Fate::Deliver;
    };
    for (unsigned id = 1; id <= 5; id++) {
        lab.add_client(id);
        lab.start(id);
    }
    lab.run_for(300);
    EXPECT_EQ(sl_handshaker_in_progress(lab.handshaker), 3u);
    EXPECT_EQ(lab.counter(SL_HANDSHAKE_OVERFLOW), 2u);
    EXPECT_TRUE(lab.peer(4).is_aborted);
    EXPECT_TRUE(lab.peer(5).is_aborted);
    lab.worker_of(1).close(1);
    lab.judge = nullptr;
    EXPECT_TRUE(lab.connect(6));
    EXPECT_TRUE(lab.counters_add_up());
}

TEST(Handshaker, LosesNothingThatMattersWhenAWorkerDoesNotRead)
{
    LabOptions options;
    options.ring_size = 1 << 15;
    options.handshake_timeout_ms = 100000;
    HandshakeLab lab(options);
    lab.polls_workers = false;
    const unsigned clients = 60;
    for (unsigned id = 0; id < clients; id++) {
        lab.add_client(id);
        lab.start(id);
    }
    lab.run_for(3000);
    lab.polls_workers = true;
    EXPECT_TRUE(lab.run_until([&] {
        for (unsigned id = 0; id < clients; id++)
            if (!lab.is_connected(id))
                return false;
        return true;
    }));
    EXPECT_TRUE(lab.counters_add_up());
}

TEST(Handshaker, KeepsAFlightThatIsLargerThanTheRing)
{
    LabOptions options;
    options.ring_size = 1 << 15;
    options.server_chain = 150; /* a flight of more than 100 KB */
    options.handshake_timeout_ms = 100000;
    HandshakeLab lab(options);
    SSL_set_max_cert_list(lab.add_client(1).ssl(), 1 << 20);
    lab.polls_workers = false;
    lab.start(1);
    lab.run_for(1500);
    lab.polls_workers = true;
    EXPECT_TRUE(lab.run_until([&] { return lab.is_connected(1); }, 900))
        << "without a retransmission" << lab.client(1).error();
    EXPECT_EQ(lab.counter(SL_HANDSHAKE_WORKER_RING_FULL), 0u);
}

TEST(Handshaker, NumbersItsMessagesAsManyAsTheClientHasHeard)
{
    /* A client that was asked for a cookie twice is at message 2, and we are at 2 as well. */
    HandshakeLab lab;
    for (uint8_t seq : {1, 2, 4}) {
        lab.add_client(seq);
        lab.judge = [&](bool to_server, unsigned, const Bytes &datagram) {
            if (!to_server || datagram.at(18) == 0)
                return Fate::Deliver;
            Bytes changed = datagram;
            changed[18] = seq;
            lab.worker_of(seq).receive(seq, changed);
            return Fate::Lose;
        };
        lab.start(seq);
        lab.run_for(300);
        ASSERT_FALSE(lab.peer(seq).sends.empty()) << (unsigned)seq;
        const Part &first = lab.peer(seq).sends[0][0];
        EXPECT_EQ(first.bytes.at(0), SL_HANDSHAKE_SERVER_HELLO);
        EXPECT_EQ(first.bytes.at(5), seq);
        lab.worker_of(seq).close(seq);
    }
}
