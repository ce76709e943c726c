#include <gtest/gtest.h>

#include "half_open.h"

using namespace sl_test;

TEST_F(HalfOpen, SurvivesARecordWithTheHighestNumber)
{
    /* libssl alone takes the number at its word and refuses all that follow. */
    begin();
    inject(record(SL_CONTENT_HANDSHAKE, SL_SEQ_MAX,
                  message(SL_HANDSHAKE_CLIENT_KEY_EXCHANGE, 9, 33, 0, 33)));
    inject(record(SL_CONTENT_ALERT, SL_SEQ_MAX, {1, 0}));
    inject(record(SL_CONTENT_CHANGE_CIPHER_SPEC, SL_SEQ_MAX, {1}));
    expect_completion();
}

TEST_F(HalfOpen, SurvivesAlertsThatAnybodyCanWrite)
{
    begin();
    for (uint8_t level : {1, 2})
        for (unsigned description : {0u, 10u, 20u, 40u, 48u, 80u, 90u, 100u})
            inject(record(SL_CONTENT_ALERT, 5, {level, (uint8_t)description}));
    inject(record(SL_CONTENT_ALERT, 5, {2}));
    expect_completion();
    EXPECT_EQ(bad(), 0u);
}

TEST_F(HalfOpen, SurvivesMessagesThatNoClientSendsNow)
{
    begin();
    std::vector<Bytes> bodies;
    for (uint8_t type : {0, 1, 2, 3, 4, 11, 12, 13, 14, 15, 16, 20, 21, 22, 99, 255})
        for (uint16_t seq : {0, 2, 3, 4, 7, 0xffff})
            if (!(type == SL_HANDSHAKE_CLIENT_KEY_EXCHANGE && seq == 2))
                bodies.push_back(message(type, seq, 40, 0, 40));
    for (const Bytes &body : bodies)
        inject(record(SL_CONTENT_HANDSHAKE, 3, body));
    EXPECT_EQ(bad(), bodies.size());
    expect_completion();
}

TEST_F(HalfOpen, SurvivesAKeyExchangeOfTheWrongLength)
{
    begin();
    for (uint32_t len : {0u, 1u, 2u, 32u, 34u, 66u, 98u, 255u})
        inject(record(SL_CONTENT_HANDSHAKE, 3,
                      message(SL_HANDSHAKE_CLIENT_KEY_EXCHANGE, 2, len, 0, len)));
    inject(record(SL_CONTENT_HANDSHAKE, 3,
                  message(SL_HANDSHAKE_CLIENT_KEY_EXCHANGE, 2, 0xffffff, 0, 10)));
    EXPECT_EQ(bad(), 9u);
    expect_completion();
}

TEST_F(HalfOpen, SurvivesMalformedRecordsAndFragments)
{
    begin();
    const Bytes bodies[] = {
        {},
        {16},
        Bytes(11, 1),
        /* fragments that pass the end of their message */
        message(SL_HANDSHAKE_CLIENT_KEY_EXCHANGE, 2, 33, 33, 1),
        message(SL_HANDSHAKE_CLIENT_KEY_EXCHANGE, 2, 33, 0xffffff, 1),
    };
    for (const Bytes &body : bodies)
        inject(record(SL_CONTENT_HANDSHAKE, 3, body));
    Bytes cut = message(SL_HANDSHAKE_CLIENT_KEY_EXCHANGE, 2, 33, 0, 33);
    cut.resize(20);
    inject(record(SL_CONTENT_HANDSHAKE, 3, cut));
    Bytes garbage_behind = message(SL_HANDSHAKE_CERTIFICATE_VERIFY, 3, 12, 0, 12);
    garbage_behind.push_back(1);
    inject(record(SL_CONTENT_HANDSHAKE, 3, garbage_behind));
    EXPECT_EQ(bad(), 7u);
    inject({});
    inject({22, 0xfe});
    inject(Bytes(200, 22));
    inject(record(99, 3, {1, 2, 3}));
    inject(record(SL_CONTENT_APPLICATION_DATA, 3, {1, 2, 3}));
    inject(record(SL_CONTENT_HANDSHAKE, 3, {1, 2, 3}, 2));
    inject(record(SL_CONTENT_HANDSHAKE, 3, {1, 2, 3}, 0xffff));
    Bytes longer = record(SL_CONTENT_ALERT, 3, {1, 0});
    longer.push_back(0);
    inject(longer);
    EXPECT_EQ(bad(), 15u);
    expect_completion();
}

TEST_F(HalfOpen, LetsTheTrueMessageWinOverAForgedFragment)
{
    LabOptions options;
    options.asks_clients = true;
    begin(options);
    /* A forged beginning of the Certificate, of a length that it does not have. */
    inject(record(SL_CONTENT_HANDSHAKE, 3, message(SL_HANDSHAKE_CERTIFICATE, 2, 5000, 0, 100)));
    inject(record(SL_CONTENT_HANDSHAKE, 3, message(SL_HANDSHAKE_CERTIFICATE_VERIFY, 4, 9, 3, 3)));
    expect_completion();
}

TEST_F(HalfOpen, LetsTheTrueMessageWinOverForgedBytesOfItsOwnLength)
{
    begin();
    inject(record(SL_CONTENT_HANDSHAKE, 3,
                  message(SL_HANDSHAKE_CLIENT_KEY_EXCHANGE, 2, 33, 5, 1, 0x5a)));
    inject(record(SL_CONTENT_HANDSHAKE, 3,
                  message(SL_HANDSHAKE_CLIENT_KEY_EXCHANGE, 2, 33, 20, 13, 0x5a)));
    expect_completion();
    EXPECT_EQ(lab->counter(SL_HANDSHAKE_FAILED), 0u);
}

TEST_F(HalfOpen, DropsProtectedRecordsThatDoNotVerify)
{
    for (bool with_cid : {false, true}) {
        held.clear();
        begin({}, with_cid);
        /* One fills a place among those that wait for the keys; the other is left for the true
         * Finished. */
        inject(record(SL_CONTENT_HANDSHAKE, 0, Bytes(60, 7), 1));
        expect_completion();
        EXPECT_EQ(bad(), 1u);
        EXPECT_EQ(lab->counter(SL_HANDSHAKE_FAILED), 0u);
    }
}

TEST_F(HalfOpen, KeepsOnlyTwoRecordsThatCameBeforeTheKeys)
{
    begin();
    for (int i = 0; i < 10; i++)
        inject(record(SL_CONTENT_HANDSHAKE, 0, Bytes(60, 7), 1));
    EXPECT_EQ(bad(), 8u);
    expect_completion();
    EXPECT_EQ(bad(), 10u);
}

TEST_F(HalfOpen, AnswersNothingToBadRecords)
{
    begin();
    size_t sent = lab->peer(1).sends.size();
    inject(record(SL_CONTENT_HANDSHAKE, 3, Bytes(50, 0xff)));
    inject(record(SL_CONTENT_HANDSHAKE, 3, message(SL_HANDSHAKE_FINISHED, 3, 12, 0, 12)));
    inject(record(SL_CONTENT_HANDSHAKE, 0, Bytes(60, 7), 1));
    inject(record(SL_CONTENT_ALERT, 3, {2, 40}));
    EXPECT_EQ(lab->peer(1).sends.size(), sent);
    expect_completion();
}

TEST_F(HalfOpen, EndsWhenTheKeyExchangeItselfIsForged)
{
    /* Well-formed and in its turn: no one could know. The client's Finished then does not verify,
     * nothing is established, and time ends it. */
    LabOptions options;
    options.handshake_timeout_ms = 5000;
    begin(options);
    Bytes forged = message(SL_HANDSHAKE_CLIENT_KEY_EXCHANGE, 2, 33, 0, 33, 9);
    forged[SL_HANDSHAKE_HEADER_LEN] = 32;
    inject(record(SL_CONTENT_HANDSHAKE, 3, forged));
    lab->judge = nullptr;
    for (const Bytes &datagram : held)
        lab->worker_of(1).receive(1, datagram);
    lab->run_for(6000);
    EXPECT_FALSE(lab->peer(1).is_established);
    EXPECT_TRUE(lab->peer(1).is_aborted);
    EXPECT_EQ(lab->counter(SL_HANDSHAKE_TIMED_OUT), 1u);
}

TEST_F(HalfOpen, AnswersTheClientHelloAgainButNotAtOnce)
{
    begin();
    Bytes again = message(SL_HANDSHAKE_CLIENT_HELLO, 1, 120, 0, 120);
    size_t sent = lab->peer(1).sends.size();
    for (int i = 0; i < 20; i++)
        inject(record(SL_CONTENT_HANDSHAKE, 7, again));
    EXPECT_EQ(lab->peer(1).sends.size(), sent);
    lab->run_for(600);
    for (int i = 0; i < 20; i++)
        inject(record(SL_CONTENT_HANDSHAKE, 7, again));
    EXPECT_EQ(lab->peer(1).sends.size(), 2 * sent);
    EXPECT_EQ(lab->peer(1).sends[sent][0].bytes, lab->peer(1).sends[0][0].bytes);
    EXPECT_EQ(lab->counter(SL_HANDSHAKE_STARTED), 1u);
    EXPECT_EQ(lab->counter(SL_HANDSHAKE_RETRANSMITTED), 1u);
    EXPECT_EQ(bad(), 0u);
    expect_completion();
}

TEST_F(HalfOpen, SendsItsFlightAgainInTimeWhateverComesMeanwhile)
{
    begin();
    for (int i = 0; i < 11000; i++) { /* for 1.1 s; the timer says 1 s */
        set_now(now_ns() + ns_per_ms / 10);
        inject(record(SL_CONTENT_HANDSHAKE, SL_SEQ_MAX, {1}));
    }
    EXPECT_EQ(lab->counter(SL_HANDSHAKE_RETRANSMITTED), 1u);
    expect_completion();
}

TEST_F(HalfOpen, DoesNotAnswerAClientHelloWhoseCookieNobodyHasChecked)
{
    /* The worker looks at the first message of a record only. */
    begin();
    size_t sent = lab->peer(1).sends.size();
    lab->run_for(600);
    Bytes hidden = message(SL_HANDSHAKE_CLIENT_KEY_EXCHANGE, 2, 33, 0, 0);
    Bytes again = message(SL_HANDSHAKE_CLIENT_HELLO, 1, 120, 0, 120);
    hidden.insert(hidden.end(), again.begin(), again.end());
    inject(record(SL_CONTENT_HANDSHAKE, 7, hidden));
    EXPECT_EQ(lab->peer(1).sends.size(), sent);
    EXPECT_EQ(bad(), 1u);
    expect_completion();
}

TEST(EarlyData, IsDroppedAndCountedAndDoesNotDisturb)
{
    HandshakeLab lab;
    lab.add_client(1);
    bool sent = false;
    /* Application data before the Finished: sealed with true keys, and sent first. */
    lab.judge = [&](bool to_server, unsigned, const Bytes &datagram) {
        bool is_second_flight = to_server && datagram.at(13) != SL_HANDSHAKE_CLIENT_HELLO;
        if (is_second_flight && !sent) {
            sent = true;
            EXPECT_TRUE(lab.worker_of(1).post_record(
                1, lab.client(1).seal(SL_CONTENT_APPLICATION_DATA, {1, 2, 3})));
        }
        return Fate::Deliver;
    };
    lab.start(1);
    /* Its number is the Finished's as well: the client's libssl and the test both begin at 0. The
     * first to come is admitted, and the client's retransmission has a new number. */
    EXPECT_TRUE(lab.run_until([&] { return lab.is_connected(1); }, 10000));
    EXPECT_TRUE(sent);
    EXPECT_EQ(lab.counter(SL_HANDSHAKE_EARLY_DATA), 1u);
    EXPECT_TRUE(lab.peer(1).data.empty());
}

TEST(Alert, UnderTheKeysEndsTheHandshake)
{
    LabOptions options;
    options.asks_clients = true;
    for (const Bytes &alert : {Bytes{2, 42}, Bytes{1, 0}}) {
        HandshakeLab lab(options);
        ClientOptions client;
        client.identity = make_identity("EC", "client", &lab.authority);
        client.mtu = 256;
        lab.add_client(1, client);
        lab.judge = [&](bool to_server, unsigned, const Bytes &datagram) {
            /* All but the CertificateVerify and what follows arrives. */
            bool is_late = to_server && (datagram.at(13) == SL_HANDSHAKE_CERTIFICATE_VERIFY ||
                                         datagram.at(4) == 1);
            return is_late ? Fate::Lose : Fate::Deliver;
        };
        lab.start(1);
        ASSERT_TRUE(lab.run_until([&] { return lab.peer(1).epoch != nullptr; }, 3000));
        lab.worker_of(1).receive(1, lab.client(1).seal(SL_CONTENT_ALERT, alert));
        lab.run_for(1);
        EXPECT_TRUE(lab.peer(1).is_aborted);
        EXPECT_EQ(lab.counter(SL_HANDSHAKE_FAILED), 1u);
    }
}

TEST(Message, ForNoHandshakeIsStale)
{
    HandshakeLab lab;
    HandshakeWorker &worker = lab.worker_of(1);
    Bytes plaintext(sizeof(sl_message_plaintext));
    plaintext[0] = 1;
    ASSERT_TRUE(worker.post(SL_MESSAGE_PLAINTEXT, 77, plaintext));
    ASSERT_TRUE(worker.post(SL_MESSAGE_REPEAT, 77, {}));
    ASSERT_TRUE(worker.post(SL_MESSAGE_ATTACH, 77, {}));
    ASSERT_TRUE(worker.post_record(
        7, record(SL_CONTENT_HANDSHAKE, 0, message(SL_HANDSHAKE_CLIENT_KEY_EXCHANGE, 2, 9, 0, 9))));
    ASSERT_TRUE(worker.post_record(
        7, record(SL_CONTENT_HANDSHAKE, 0, message(SL_HANDSHAKE_CLIENT_HELLO, 1, 90, 40, 50))));
    lab.run_for(0);
    EXPECT_EQ(lab.counter(SL_HANDSHAKE_STALE), 5u);
    ASSERT_TRUE(worker.post(SL_MESSAGE_CLOSED, 77, {}));
    lab.run_for(0);
    EXPECT_EQ(lab.counter(SL_HANDSHAKE_STALE), 5u) << "closing twice is nobody's fault";
}

TEST(Message, ThatIsTooShortIsABadRecord)
{
    HandshakeLab lab;
    HandshakeWorker &worker = lab.worker_of(1);
    ASSERT_TRUE(worker.post(SL_MESSAGE_RECORD, 77, {1, 2, 3}));
    Bytes lies(sizeof(sl_message_record), 0xff);
    ASSERT_TRUE(worker.post(SL_MESSAGE_RECORD, 77, lies));
    ASSERT_TRUE(worker.post(SL_MESSAGE_PLAINTEXT, 77, {1}));
    ASSERT_TRUE(worker.post(SL_MESSAGE_PLAINTEXT, 77, Bytes(sizeof(sl_message_plaintext), 0xff)));
    lab.run_for(0);
    EXPECT_EQ(lab.counter(SL_HANDSHAKE_BAD_RECORD), 4u);
}

TEST_F(HalfOpen, SurvivesARecordLongerThanAMessageMayCarry)
{
    /* A whole record of RFC 6347 4.1 is longer than what it would be opened in. */
    begin();
    for (uint16_t epoch : {0, 1})
        inject(record(SL_CONTENT_HANDSHAKE, 0, Bytes(16384 + (epoch > 0 ? 2048 : 0)), epoch));
    EXPECT_EQ(bad(), 2u);
    expect_completion();
}

TEST(Hello, ThatLibsslRefusesEndsTheHandshakeAndIsRememberedUntilItIsClosed)
{
    HandshakeLab lab;
    Peer &peer = lab.peer(1);
    peer.handle = 99;
    /* Length fields that fit, nothing sensible inside. */
    for (uint32_t len : {40u, 41u, 80u, 500u, 1400u}) {
        Bytes body = message(SL_HANDSHAKE_CLIENT_HELLO, 1, len, 0, len, 0x01);
        ASSERT_TRUE(lab.worker_of(1).post_record(1, record(SL_CONTENT_HANDSHAKE, 1, body)));
    }
    lab.run_for(0);
    EXPECT_EQ(lab.counter(SL_HANDSHAKE_STARTED), 1u);
    EXPECT_EQ(lab.counter(SL_HANDSHAKE_FAILED), 1u);
    EXPECT_EQ(lab.counter(SL_HANDSHAKE_STALE), 4u);
    EXPECT_EQ(sl_handshaker_in_progress(lab.handshaker), 0u);
    lab.worker_of(1).post(SL_MESSAGE_CLOSED, 99, {});
    lab.run_for(0);
    EXPECT_EQ(sl_handshaker_next_timer(lab.handshaker), UINT64_MAX);
}

TEST(Hello, OfRandomBytesNeverHarms)
{
    HandshakeLab lab;
    std::mt19937_64 random(7);
    for (unsigned i = 0; i < 3000; i++) {
        uint32_t len = 40 + (uint32_t)(random() % 300);
        Bytes body = message(SL_HANDSHAKE_CLIENT_HELLO, (uint16_t)(random() % 6), len, 0, len);
        for (size_t at = SL_HANDSHAKE_HEADER_LEN; at < body.size(); at++)
            body[at] = (uint8_t)random();
        /* The first fields are sound now and then, so that libssl gets to see the rest. */
        uint8_t *hello = body.data() + SL_HANDSHAKE_HEADER_LEN;
        hello[0] = 0xfe;
        hello[1] = 0xfd;
        hello[34] = 0;
        hello[35] = (uint8_t)(random() % 4);
        Peer &peer = lab.peer(1);
        peer.handle = 1000 + i;
        ASSERT_TRUE(lab.worker_of(1).post_record(1, record(SL_CONTENT_HANDSHAKE, 1, body)));
        lab.run_for(0);
        ASSERT_TRUE(lab.worker_of(1).post(SL_MESSAGE_CLOSED, peer.handle, {}));
        lab.run_for(0);
    }
    EXPECT_EQ(lab.counter(SL_HANDSHAKE_STARTED), 3000u);
    EXPECT_EQ(lab.counter(SL_HANDSHAKE_COMPLETED), 0u);
    EXPECT_EQ(sl_handshaker_in_progress(lab.handshaker), 0u);
    EXPECT_TRUE(lab.counters_add_up());
}
