/* Pre-shared keys that a program is asked for. */
#include "psk_lab.h"

using namespace sl_test;

TEST(PskLookup, LetsOtherHandshakesGoOnWhileItWaits)
{
    HandshakeLab lab(with_lookup());
    lab.add_client(1, client_of("anna", key_of_anna));
    lab.start(1);
    ASSERT_TRUE(lab.run_until([&] { return lab.questions.size() == 1; }));
    EXPECT_EQ(lab.questions[0].service, "service 0");
    EXPECT_EQ(lab.questions[0].identity, (Bytes{'a', 'n', 'n', 'a'}));
    ASSERT_TRUE(lab.connect(2)) << "with a certificate";
    lab.add_client(3, client_of("bert", Bytes(32, 0xaa)));
    lab.start(3);
    ASSERT_TRUE(lab.run_until([&] { return lab.questions.size() == 2; }));
    lab.answer(lab.questions[1].number, Bytes(32, 0xaa)); /* out of order */
    ASSERT_TRUE(lab.run_until([&] { return lab.is_connected(3); }, 2000));
    EXPECT_FALSE(lab.is_connected(1));
    lab.answer(lab.questions[0].number, key_of_anna);
    ASSERT_TRUE(lab.run_until([&] { return lab.is_connected(1); }, 2000));
    EXPECT_STREQ(lab.peer(1).identity.subject, "anna");
    expect_echo(lab, 1);
    EXPECT_EQ(lab.counter(SL_HANDSHAKE_PSK_LOOKUP), 2u);
    EXPECT_EQ(lab.counter(SL_HANDSHAKE_PSK_UNANSWERED), 0u);
}

TEST(PskLookup, IsAskedOnceHoweverOftenTheClientSendsItsFlight)
{
    LabOptions options = with_lookup();
    options.lookup_timeout_ms = 20000;
    HandshakeLab lab(options);
    unsigned flights = 0;
    lab.judge = [&](bool to_server, unsigned, const Bytes &datagram) {
        flights += to_server && datagram[0] == SL_CONTENT_HANDSHAKE && datagram[13] == 16;
        return Fate::By_chance;
    };
    lab.add_client(1, client_of("anna", key_of_anna));
    lab.start(1);
    lab.run_for(10000);
    EXPECT_GE(flights, 4u);
    EXPECT_EQ(lab.questions.size(), 1u);
    EXPECT_EQ(lab.counter(SL_HANDSHAKE_RETRANSMITTED), 0u) << "the client has our flight";
    lab.answer(lab.questions[0].number, key_of_anna);
    ASSERT_TRUE(lab.run_until([&] { return lab.is_connected(1); }, 20000));
    expect_echo(lab, 1);
}

TEST(PskLookup, TellsTheSameToAStrangerAndToAWrongKey)
{
    std::vector<std::vector<Bytes>> all;
    for (bool is_stranger : {false, true}) {
        HandshakeLab lab(with_lookup());
        lab.add_client(1, client_of("anna", wrong_key));
        lab.start(1);
        lab.run_until([&] { return !lab.questions.empty(); });
        lab.answer(lab.questions.at(0).number, is_stranger ? Bytes() : key_of_anna);
        ASSERT_TRUE(lab.run_until([&] { return lab.peer(1).is_aborted; }));
        lab.run_for(100);
        EXPECT_TRUE(lab.client(1).has_failed());
        EXPECT_EQ(lab.peer(1).sends.back().at(0).bytes, Bytes(decrypt_error, decrypt_error + 2));
        EXPECT_EQ(lab.counter(SL_HANDSHAKE_REFUSED_PSK), 1u);
        EXPECT_EQ(lab.counter(SL_HANDSHAKE_PSK_UNKNOWN), is_stranger);
        EXPECT_TRUE(lab.counters_add_up());
        all.push_back(told(lab, 1));
    }
    EXPECT_EQ(all[0], all[1]);
}

// A device that is told that its key is wrong may throw it away.
TEST(PskLookup, DoesNotCallAKeyWrongThatNobodyWasAskedAbout)
{
    for (bool takes_questions : {false, true}) {
        HandshakeLab lab(with_lookup());
        lab.takes_questions = takes_questions; /* and if so, there is no answer */
        EXPECT_FALSE(lab.connect(1, client_of("anna", key_of_anna)));
        const uint8_t internal_error[] = {SL_ALERT_FATAL, 80};
        EXPECT_EQ(lab.peer(1).sends.back().at(0).bytes, Bytes(internal_error, internal_error + 2));
        EXPECT_EQ(lab.counter(SL_HANDSHAKE_PSK_UNANSWERED), 1u);
        EXPECT_EQ(lab.counter(SL_HANDSHAKE_FAILED), 1u);
        EXPECT_EQ(lab.counter(SL_HANDSHAKE_REFUSED_PSK), 0u);
        EXPECT_TRUE(lab.counters_add_up());
    }
}

TEST(PskLookup, WaitsNoLongerThanItsTime)
{
    LabOptions options = with_lookup();
    options.lookup_timeout_ms = 700;
    HandshakeLab lab(options);
    lab.add_client(1, client_of("anna", key_of_anna));
    lab.start(1);
    ASSERT_TRUE(lab.run_until([&] { return !lab.questions.empty(); }));
    const uint64_t asked_ns = now_ns();
    ASSERT_TRUE(lab.run_until([&] { return lab.counter(SL_HANDSHAKE_PSK_UNANSWERED) > 0; }, 5000));
    EXPECT_EQ((now_ns() - asked_ns) / ns_per_ms, 700u);
    EXPECT_TRUE(lab.run_until([&] { return lab.peer(1).is_aborted; }));
    lab.answer(lab.questions[0].number, key_of_anna); /* too late: nothing comes of it */
    const uint64_t stale = lab.counter(SL_HANDSHAKE_STALE);
    lab.add_client(2, client_of("anna", key_of_anna));
    lab.start(2);
    ASSERT_TRUE(lab.run_until([&] { return lab.questions.size() == 2; }));
    lab.run_for(100);
    EXPECT_EQ(lab.counter(SL_HANDSHAKE_STALE), stale + 1);
    EXPECT_FALSE(lab.is_connected(2));
}

TEST(PskLookup, IgnoresAnswersToWhatWasNotAsked)
{
    HandshakeLab lab(with_lookup());
    lab.add_client(1, client_of("anna", key_of_anna));
    lab.start(1);
    ASSERT_TRUE(lab.run_until([&] { return !lab.questions.empty(); }));
    for (uint64_t number : {lab.questions[0].number + 1, lab.questions[0].number - 1, UINT64_MAX})
        lab.answer(number, wrong_key);
    lab.run_for(10);
    lab.answer(lab.questions[0].number, key_of_anna);
    ASSERT_TRUE(lab.run_until([&] { return lab.is_connected(1); }));
    EXPECT_EQ(lab.counter(SL_HANDSHAKE_STALE), 3u);
}

TEST(PskLookup, ForgetsTheQuestionsOfHandshakesThatEnd)
{
    LabOptions options = with_lookup();
    options.handshakes_max = 3000;
    options.lookup_timeout_ms = 60000;
    options.handshake_timeout_ms = 2000;
    HandshakeLab lab(options);
    const unsigned count = SL_HANDSHAKE_QUESTIONS_MAX + 20;
    for (unsigned round = 1; round <= 2; round++) {
        lab.questions.clear();
        for (unsigned i = 0; i < count; i++) {
            const unsigned id = round * 10000 + i % 3 * 1000 + i; /* three hosts */
            lab.add_client(id, client_of("anna", key_of_anna, "PSK-AES128-CCM8"));
            lab.start(id);
        }
        lab.run_for(1000);
        EXPECT_EQ(lab.questions.size(), SL_HANDSHAKE_QUESTIONS_MAX) << "and no more at once";
        EXPECT_EQ(lab.counter(SL_HANDSHAKE_PSK_UNANSWERED), 20 * round);
        lab.run_for(30000);
        EXPECT_EQ(lab.counter(SL_HANDSHAKE_TIMED_OUT), SL_HANDSHAKE_QUESTIONS_MAX * round);
    }
    EXPECT_TRUE(lab.counters_add_up());
}

TEST(PskLookup, IsAskedByOneHostForNoMoreThanHalf)
{
    LabOptions options = with_lookup();
    options.handshakes_max = 300;
    HandshakeLab lab(options);
    for (unsigned id = 0; id <= SL_HANDSHAKE_QUESTIONS_MAX / 2; id++) {
        lab.add_client(id, client_of("anna", key_of_anna, "PSK-AES128-CCM8"));
        lab.start(id);
    }
    lab.run_for(500);
    EXPECT_EQ(lab.questions.size(), SL_HANDSHAKE_QUESTIONS_MAX / 2);
    lab.add_client(1000, client_of("anna", key_of_anna)); /* of another host */
    lab.start(1000);
    lab.run_for(500);
    ASSERT_EQ(lab.questions.size(), SL_HANDSHAKE_QUESTIONS_MAX / 2 + 1);
    lab.answer(lab.questions.back().number, key_of_anna);
    EXPECT_TRUE(lab.run_until([&] { return lab.is_connected(1000); }, 1000));
}

// The slow timer of small devices: RFC 7925 11.
TEST(PskLookup, IsNotInVainForASlowClientBesideWhomSomebodyForges)
{
    for (bool comes_before : {true, false}) {
        HandshakeLab lab(with_lookup());
        auto forge = [&] {
            for (uint64_t number : {0, 1, 2}) {
                Bytes record(SL_RECORD_HEADER_LEN + 40, 0x5a);
                sl_wire_write_record_header(record.data(), SL_CONTENT_HANDSHAKE, 1, number, 40);
                lab.worker_of(1).receive(1, record);
            }
        };
        bool is_forged = false;
        lab.judge = [&](bool to_server, unsigned, const Bytes &datagram) {
            if (comes_before && to_server && !is_forged && datagram.at(13) == 16) {
                is_forged = true;
                forge();
            }
            return Fate::By_chance;
        };
        ClientOptions slow = client_of("anna", key_of_anna, "PSK-AES128-CCM8");
        slow.timeout_ms = 9000;
        lab.add_client(1, slow);
        lab.start(1);
        ASSERT_TRUE(lab.run_until([&] { return !lab.questions.empty(); }));
        lab.run_for(50);
        if (!comes_before)
            forge();
        lab.answer(lab.questions[0].number, key_of_anna);
        EXPECT_TRUE(lab.run_until([&] { return lab.is_connected(1); }, 10000)) << comes_before;
        EXPECT_EQ(lab.counter(SL_HANDSHAKE_REFUSED_PSK), 0u);
        EXPECT_GT(lab.counter(SL_HANDSHAKE_BAD_RECORD), 2u);
    }
}

TEST(PskLookup, IsAskedForNoIdentityThatCouldNotBeTold)
{
    HandshakeLab lab(with_lookup());
    EXPECT_FALSE(lab.connect(1, client_of(std::string(100, '\x01'), key_of_anna)));
    EXPECT_TRUE(lab.questions.empty());
    EXPECT_EQ(lab.counter(SL_HANDSHAKE_REFUSED_PSK), 1u);
}
