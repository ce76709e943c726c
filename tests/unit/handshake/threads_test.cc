/* What another thread hands to a handshaker while it works. For the thread sanitizer. */
#include <gtest/gtest.h>

#include <atomic>
#include <thread>

#include "handshake_lab.h"
#include "let_others_run.h"

using namespace sl_test;

namespace
{

constexpr unsigned replacements = 40;

/** Makes roles of other certificates again and again, and hands them over. What is not taken yet
 * stays with who has made it. */
void replace_all(sl_handshaker *handshaker, sl_credentials *const (&credentials)[2],
                 sl_trust *trust)
{
    const sl_handshake_service service = {"service 0", trust, nullptr, false, false, false};
    for (unsigned i = 0; i < replacements; i++) {
        const sl_handshake_roles_config config = {credentials[i % 2], &service, 1, nullptr, 0};
        char reason[SL_REASON_LEN];
        sl_handshake_roles *made = sl_handshake_roles_create(handshaker, &config, reason);
        ASSERT_NE(made, nullptr) << reason;
        while (!sl_handshaker_replace_roles(handshaker, made))
            let_others_run();
    }
    while (!sl_handshaker_has_replaced_roles(handshaker))
        let_others_run();
}

/** A handshake that waits for its client, and so keeps the roles that it began with. */
void begin_and_wait(HandshakeLab &lab, unsigned id)
{
    lab.add_client(id);
    lab.judge = [](bool to_server, unsigned, const Bytes &datagram) {
        return to_server && datagram.at(13) != SL_HANDSHAKE_CLIENT_HELLO ? Fate::Lose
                                                                         : Fate::Deliver;
    };
    lab.start(id);
    lab.run_for(100);
}

} // namespace

TEST(HandshakeThreads, RolesAreReplacedByAnotherThreadWhileHandshakesRun)
{
    HandshakeLab lab;
    TemporaryDirectory directory;
    sl_credentials *credentials[2];
    for (unsigned i = 0; i < 2; i++) {
        const Identity server = make_identity("EC", "server " + std::to_string(i));
        const std::string certificate = directory.write("crt", to_pem(server.certificate)),
                          key = directory.write("key", to_pem(server.key));
        const sl_certificate_files files = {certificate.c_str(), key.c_str(), nullptr};
        sl_certificate_fault fault;
        char reason[SL_CREDENTIALS_REASON_LEN];
        credentials[i] = sl_credentials_load(&files, 1, &fault, reason);
        ASSERT_NE(credentials[i], nullptr) << reason;
    }
    TrustRules anybody;
    anybody.anonymous = true;
    const Trust trust = anybody.load();
    std::atomic<bool> is_done{false};
    std::thread control([&] {
        replace_all(lab.handshaker, credentials, trust.get());
        for (sl_credentials *one : credentials)
            sl_credentials_destroy(one);
        is_done = true;
    });
    unsigned id = 1;
    for (; !is_done || id < 5; id++) {
        EXPECT_TRUE(lab.connect(id)) << lab.client(id).error();
        lab.worker_of(id).close(id);
    }
    control.join();
    EXPECT_EQ(lab.counter(SL_HANDSHAKE_COMPLETED), id - 1);
    EXPECT_TRUE(lab.counters_add_up());
}

/**
 * libssl's locks order what two threads do by chance. Here the handshaker's thread takes none
 * between the swap and its first look at the new roles: nothing but the swap orders the two.
 */
TEST(HandshakeThreads, RolesAreThereWholeWhenTheyAreTaken)
{
    HandshakeLab lab;
    begin_and_wait(lab, 1);
    ASSERT_EQ(sl_handshaker_in_progress(lab.handshaker), 1u);
    TrustRules anybody;
    anybody.anonymous = true;
    const Trust trust = anybody.load();
    std::atomic<bool> is_given{false};
    std::thread control([&] {
        sl_handshake_service services[2] = {};
        for (sl_handshake_service &service : services)
            service = {"service", trust.get(), nullptr, false, false, true};
        const sl_handshake_roles_config config = {nullptr, services, 2, nullptr, 0};
        char reason[SL_REASON_LEN];
        sl_handshake_roles *made = sl_handshake_roles_create(lab.handshaker, &config, reason);
        ASSERT_NE(made, nullptr) << reason;
        EXPECT_TRUE(sl_handshaker_replace_roles(lab.handshaker, made));
        is_given.store(true, std::memory_order_relaxed);
    });
    while (!is_given.load(std::memory_order_relaxed) ||
           !sl_handshaker_has_replaced_roles(lab.handshaker)) {
        sl_handshaker_poll(lab.handshaker, now_ns(), 1);
        let_others_run();
    }
    sl_message_record record{};
    record.service = 1;
    const uint8_t *bytes = reinterpret_cast<const uint8_t *>(&record);
    ASSERT_TRUE(lab.worker_of(1).post(SL_MESSAGE_RECORD, 77, Bytes(bytes, bytes + sizeof record)));
    sl_handshaker_poll(lab.handshaker, now_ns(), 1);
    control.join();
    EXPECT_EQ(lab.counter(SL_HANDSHAKE_STALE), 1u) << "the record is none that begins anything";
}
