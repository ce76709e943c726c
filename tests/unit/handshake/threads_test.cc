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
