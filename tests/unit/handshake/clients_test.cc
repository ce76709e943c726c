/* Clients that are replaced while the handshaker runs. */
#include <gtest/gtest.h>

#include "handshake_client_lab.h"

using namespace sl_test;

using Client = ClientLab::Client;

TEST(Clients, AreReplacedForHandshakesThatBeginThen)
{
    ClientLab lab;
    ASSERT_TRUE(lab.connect(1)) << lab.reason(1);
    lab.replace_clients({Client::Wary});
    EXPECT_FALSE(lab.connect(2));
    EXPECT_EQ(lab.client(2).abort.cause, SL_ABORT_REFUSED_PEER);
    lab.replace_clients({Client::Right});
    EXPECT_TRUE(lab.connect(3)) << lab.reason(3);
    EXPECT_TRUE(lab.echoes(1)) << "who is connected stays so";
}

TEST(Clients, StayAsTheyWereForAHandshakeThatHasBegun)
{
    ClientLab lab;
    lab.start(1);
    lab.run_for(5);
    for (unsigned i = 0; i < 2; i++) { /* also when they have been replaced twice */
        lab.replace_clients({Client::Wary});
        lab.run_for(1);
    }
    EXPECT_TRUE(lab.run_until([&] { return lab.is_connected(1); })) << lab.reason(1);
}

TEST(Clients, ThatAreNotThereAnyMoreBeginNothing)
{
    ClientLab lab;
    for (const auto &next : {std::vector<Client>{Client::None}, std::vector<Client>{}}) {
        const uint64_t stale = lab.counter(SL_HANDSHAKE_STALE);
        const unsigned id = 1 + (unsigned)next.size();
        lab.replace_clients(next);
        lab.start(id);
        lab.run_for(100);
        EXPECT_EQ(lab.counter(SL_HANDSHAKE_STALE), stale + 1);
        EXPECT_EQ(sl_handshaker_in_progress(lab.handshaker), 0u);
        EXPECT_TRUE(lab.client(id).sends.empty());
    }
}
