/* What strangers and broken servers send to a client. */
#include <gtest/gtest.h>

#include <algorithm>

#include "half_open.h"

using namespace sl_test;

TEST_F(ClientHalfOpen, SurvivesMessagesThatNoServerSendsNow)
{
    begin();
    std::vector<Bytes> bodies;
    for (uint8_t type : {0, 1, 15, 16, 20, 21, 22, 99, 255}) /* that a server never sends so */
        for (uint16_t seq : {0, 1, 2, 3, 7, 9, 0xffff})
            bodies.push_back(message(type, seq, 40, 0, 40));
    for (uint8_t type : {2, 3, 4, 11, 12, 13, 14}) /* too far ahead */
        for (uint16_t seq : {9, 10, 0x7fff})
            bodies.push_back(message(type, seq, type == 14 ? 0 : 40, 0, type == 14 ? 0 : 40));
    for (uint8_t type : {3, 4, 11, 12, 13}) /* not in their turn */
        bodies.push_back(message(type, 1, 40, 0, 40));
    bodies.push_back(message(SL_HANDSHAKE_SERVER_HELLO_DONE, 1, 0, 0, 0));
    for (const Bytes &body : bodies)
        inject(record(SL_CONTENT_HANDSHAKE, 3, body));
    EXPECT_EQ(bad(), bodies.size());
    expect_completion();
}

TEST_F(ClientHalfOpen, SurvivesMessagesOfLengthsThatTheyCannotHave)
{
    begin();
    struct {
        uint8_t type;
        uint32_t len;
    } wrong[] = {{2, 37},    {2, 4097}, {3, 2},  {3, 259}, {11, 2},    {11, 0xffffff}, {12, 1},
                 {12, 4097}, {13, 4},   {14, 1}, {4, 5},   {4, 16384}, {13, 16384}};
    for (const auto &one : wrong)
        inject(record(SL_CONTENT_HANDSHAKE, 3, message(one.type, 1, one.len, 0, 1)));
    EXPECT_EQ(bad(), std::size(wrong));
    expect_completion();
}

TEST_F(ClientHalfOpen, SurvivesMalformedRecords)
{
    begin();
    const Bytes bodies[] = {
        {}, {2}, Bytes(11, 1), message(2, 1, 40, 40, 1), message(2, 1, 40, 0xffffff, 1)};
    for (const Bytes &body : bodies)
        inject(record(SL_CONTENT_HANDSHAKE, 3, body));
    inject({});
    inject({22, 0xfe});
    inject(Bytes(200, 22));
    inject(record(99, 3, {1, 2, 3}));
    inject(record(SL_CONTENT_APPLICATION_DATA, 3, {1, 2, 3}));
    inject(record(SL_CONTENT_HANDSHAKE, 3, {1, 2, 3}, 2));
    EXPECT_EQ(bad(), 11u);
    inject(record(SL_CONTENT_CHANGE_CIPHER_SPEC, SL_SEQ_MAX, {1}));
    inject(record(SL_CONTENT_ALERT, SL_SEQ_MAX, {1, 90}));
    inject(record(SL_CONTENT_ALERT, SL_SEQ_MAX, {2}));
    EXPECT_EQ(bad(), 11u);
    expect_completion();
}

TEST_F(ClientHalfOpen, LetsTheTrueMessageWinOverForgedFragments)
{
    begin();
    inject(record(SL_CONTENT_HANDSHAKE, 3, message(SL_HANDSHAKE_SERVER_HELLO, 1, 90, 3, 30)));
    inject(record(SL_CONTENT_HANDSHAKE, 3, message(SL_HANDSHAKE_CERTIFICATE, 2, 5000, 0, 100)));
    inject(record(SL_CONTENT_HANDSHAKE, 3, message(SL_HANDSHAKE_NEW_SESSION_TICKET, 3, 99, 9, 9)));
    expect_completion();
    EXPECT_EQ(bad(), 0u);
}

TEST_F(ClientHalfOpen, DropsProtectedRecordsThatDoNotVerify)
{
    begin();
    for (int i = 0; i < 10; i++)
        inject(record(SL_CONTENT_HANDSHAKE, 0, Bytes(60, 7), 1));
    EXPECT_EQ(bad(), 8u); /* two wait for the keys */
    expect_completion();
    EXPECT_EQ(bad(), 10u);
}

// RFC 5246 7.4.1.4: libssl refuses what was not offered.
TEST_F(ClientHalfOpen, RefusesAConnectionIdThatItHasNotOffered)
{
    begin();
    const Bytes &flight = held.at(0);
    Bytes hello(flight.begin() + 13, flight.begin() + 13 + sl_load_be16(&flight[11]));
    size_t session_id = SL_HANDSHAKE_HEADER_LEN + 34,
           extensions = session_id + 1 + hello.at(session_id) + 3;
    auto grow = [&](size_t at) {
        sl_store_be16(&hello[at], (uint16_t)(sl_load_be16(&hello[at]) + 5));
    };
    ASSERT_EQ(hello.at(0), SL_HANDSHAKE_SERVER_HELLO);
    grow(2);          /* length of the message */
    grow(10);         /* of the fragment */
    grow(extensions); /* of the extensions */
    hello.insert(hello.end(), {0, SL_EXTENSION_CONNECTION_ID, 0, 1, 0});
    inject(record(SL_CONTENT_HANDSHAKE, 3, hello));
    EXPECT_TRUE(lab->client(1).is_aborted);
    EXPECT_EQ(lab->reason(1), "the handshake with the server failed: bad extension");
}

TEST_F(ClientHalfOpen, DoesNotRepeatItsFlightForEveryStranger)
{
    begin();
    lab->judge = [](bool to_server, unsigned, const Bytes &) {
        return to_server ? Fate::Lose : Fate::Deliver; /* the server does not get the flight */
    };
    for (const Bytes &datagram : held)
        lab->worker.receive(1, datagram);
    lab->run_for(0);
    size_t sent = lab->client(1).sends.size();
    Bytes done =
        record(SL_CONTENT_HANDSHAKE, 7, message(SL_HANDSHAKE_SERVER_HELLO_DONE, 4, 0, 0, 0));
    for (int i = 0; i < 20; i++)
        inject(done);
    EXPECT_EQ(lab->client(1).sends.size(), sent);
    lab->run_for(600);
    for (int i = 0; i < 20; i++)
        inject(done);
    EXPECT_EQ(lab->client(1).sends.size(), sent + 1);
    EXPECT_EQ(lab->client(1).sends[sent][0].bytes, lab->client(1).sends[sent - 1][0].bytes);
    lab->judge = nullptr;
    EXPECT_TRUE(lab->run_until([this] { return lab->is_connected(1); }, 3000));
}

TEST(ClientHostile, ConnectsThatAreMalformedAreCounted)
{
    ClientLab lab;
    sl_message_connect connect = {};
    Bytes body((uint8_t *)&connect, (uint8_t *)(&connect + 1));
    lab.start(1);
    (void)lab.worker.post(SL_MESSAGE_CONNECT, lab.client(1).handle, body); /* a handle in use */
    (void)lab.worker.post(SL_MESSAGE_CONNECT, 99, Bytes(body.begin(), body.end() - 1));
    connect.own_cid_len = 21;
    body.assign((uint8_t *)&connect, (uint8_t *)(&connect + 1));
    (void)lab.worker.post(SL_MESSAGE_CONNECT, 98, body);
    connect.own_cid_len = 0;
    connect.client = 1; /* there is one client */
    body.assign((uint8_t *)&connect, (uint8_t *)(&connect + 1));
    (void)lab.worker.post(SL_MESSAGE_CONNECT, 97, body);
    lab.run_for(0);
    EXPECT_EQ(lab.counter(SL_HANDSHAKE_STALE), 4u);
    EXPECT_EQ(lab.counter(SL_HANDSHAKE_STARTED), 1u);
    EXPECT_TRUE(lab.run_until([&] { return lab.is_connected(1); }));
}

TEST(ClientHostile, AHandshakerThatIsNoServerTakesNoClientHello)
{
    ClientLab lab;
    Bytes hello;
    lab.judge = [&](bool to_server, unsigned, const Bytes &datagram) {
        if (to_server && hello.empty())
            hello = datagram;
        return Fate::Deliver;
    };
    ASSERT_TRUE(lab.connect(1));
    lab.client(5).handle = 12345;
    (void)lab.worker.post_record(5, hello);
    lab.run_for(0);
    EXPECT_EQ(lab.counter(SL_HANDSHAKE_STARTED), 1u);
    EXPECT_EQ(lab.counter(SL_HANDSHAKE_STALE), 1u);
}

class ClientWithKeys : public ::testing::Test
{
  protected:
    /** It has sent its Finished, and the server's does not come. */
    void SetUp() override
    {
        lab.judge = [](bool to_server, unsigned, const Bytes &datagram) {
            return !to_server && datagram.at(0) != SL_CONTENT_HANDSHAKE ? Fate::Lose
                                                                        : Fate::Deliver;
        };
        lab.start(1);
        ASSERT_TRUE(lab.run_until([this] { return lab.client(1).epoch != nullptr; }, 500));
        lab.run_for(50);
    }

    void inject(uint8_t type, const Bytes &bytes)
    {
        sl_message_plaintext message = {1, type, 0, (uint16_t)bytes.size()};
        Bytes body((uint8_t *)&message, (uint8_t *)(&message + 1));
        body.insert(body.end(), bytes.begin(), bytes.end());
        ASSERT_TRUE(lab.worker.post(SL_MESSAGE_PLAINTEXT, lab.client(1).handle, body));
        lab.run_for(0);
    }

    ClientLab lab;
};

TEST_F(ClientWithKeys, BelievesAnAuthenticAlertAtOnce)
{
    inject(SL_CONTENT_ALERT, {SL_ALERT_WARNING, 100});
    EXPECT_FALSE(lab.client(1).is_aborted);
    inject(SL_CONTENT_ALERT, {SL_ALERT_FATAL, 51});
    EXPECT_TRUE(lab.client(1).is_aborted);
    EXPECT_EQ(lab.reason(1), "the server answered alert 51 (decrypt error)");
}

TEST_F(ClientWithKeys, CountsDataThatComesTooEarlyAndGoesOn)
{
    inject(SL_CONTENT_APPLICATION_DATA, {1, 2, 3});
    inject(SL_CONTENT_HANDSHAKE, Bytes(20, 1));
    EXPECT_EQ(lab.counter(SL_HANDSHAKE_EARLY_DATA), 1u);
    EXPECT_EQ(lab.counter(SL_HANDSHAKE_BAD_RECORD), 1u);
    lab.judge = nullptr;
    EXPECT_TRUE(lab.run_until([this] { return lab.is_connected(1); }, 3000));
    EXPECT_TRUE(lab.echoes(1));
}

TEST_F(ClientWithKeys, IsNotEstablishedByAFinishedThatDoesNotVerify)
{
    inject(SL_CONTENT_HANDSHAKE, message(SL_HANDSHAKE_FINISHED, 5, 12, 0, 12));
    EXPECT_FALSE(lab.client(1).is_established);
    EXPECT_TRUE(lab.client(1).is_aborted);
    EXPECT_EQ(lab.reason(1), "the handshake with the server failed: digest check failed");
}

/** Each byte of what the server sends, changed in its first copy; retransmission may mend it. */
class ClientMutations : public ::testing::TestWithParam<bool>
{
};

TEST_P(ClientMutations, NeverCrashItNorEndWithKeysThatAreNotTheServers)
{
    bool resumes = GetParam();
    ClientLabOptions options;
    options.tickets = options.server.tickets = resumes;
    options.sessions_max = 1;
    options.believes_alerts = true;
    options.handshakes_max = 1;
    ClientLab lab(options);
    unsigned established = 0, bytes = 0, id = 1;
    for (size_t datagram_at = 0, at = 0, len = 1; len > 0;) {
        ConnectOptions connect;
        connect.resume = resumes ? 1 : 0;
        lab.judge = nullptr;
        if (resumes) { /* so that there is a session, whatever came of the last one */
            ASSERT_TRUE(lab.connect(id, connect)) << lab.reason(id);
            lab.leave(id++);
        }
        size_t from_server = 0;
        len = 0;
        lab.judge = [&](bool to_server, unsigned, const Bytes &datagram) {
            if (to_server || from_server++ != datagram_at)
                return Fate::Deliver;
            len = datagram.size();
            Bytes damaged = datagram;
            /* A signature may be shorter by a byte than the one before. */
            damaged[std::min(at, len - 1)] ^= (uint8_t)(1U << (id % 8));
            lab.worker.receive(id, damaged);
            return Fate::Lose;
        };
        lab.start(id, connect);
        (void)lab.run_until(
            [&] { return lab.client(id).is_established || lab.client(id).is_aborted; });
        ASSERT_TRUE(lab.client(id).is_established || lab.client(id).is_aborted) << at;
        if (lab.client(id).is_established) {
            lab.judge = nullptr;
            lab.run_for(resumes ? 3000 : 0); /* the server may want our last flight again */
            ASSERT_TRUE(lab.echoes(id)) << "datagram " << datagram_at << ", byte " << at;
            established++;
        }
        lab.leave(id++);
        at++;
        bytes += len > 0;
        if (at >= len) {
            datagram_at++;
            at = 0;
        }
    }
    EXPECT_GT(bytes, resumes ? 200u : 600u); /* of a HelloVerifyRequest and a flight or two */
    EXPECT_GT(established, 20u);
    EXPECT_GT(lab.counter(SL_HANDSHAKE_FAILED), 20u);
    EXPECT_TRUE(lab.counters_add_up());
    EXPECT_EQ(sl_handshaker_in_progress(lab.handshaker), 0u);
}

INSTANTIATE_TEST_SUITE_P(Handshakes, ClientMutations, ::testing::Bool(),
                         [](const auto &info) { return info.param ? "Abbreviated" : "Full"; });

TEST(ClientAbort, IsToldInWords)
{
    auto words = [](sl_message_abort abort) {
        char text[SL_REASON_LEN];
        sl_handshake_describe_abort(&abort, text);
        return std::string(text);
    };
    sl_message_abort abort = {};
    abort.cause = SL_ABORT_FAILED;
    EXPECT_EQ(words(abort), "the handshake with the server failed: OpenSSL gives no reason");
    abort.cause = SL_ABORT_TIMED_OUT;
    abort.age_ms = 250;
    EXPECT_EQ(words(abort), "no answer from the server in 0.3 s");
    abort.cause = SL_ABORT_ALERT;
    abort.alert = 255;
    EXPECT_EQ(words(abort), "the server answered alert 255 (unknown)");
    abort.alert = 0;
    EXPECT_EQ(words(abort), "the server answered alert 0 (close notify)");
}
