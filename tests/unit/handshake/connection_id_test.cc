#include <gtest/gtest.h>

#include "handshake_lab.h"

using namespace sl_test;

TEST(ConnectionId, IsTakenInAnyLengthThatWeKeep)
{
    HandshakeLab lab;
    for (unsigned len : {0u, 1u, 8u, 20u, 32u}) {
        ClientOptions client;
        client.cid = Bytes(len, (uint8_t)len);
        ASSERT_TRUE(lab.connect(len, client)) << len << lab.client(len).error();
        ASSERT_TRUE(lab.client(len).uses_cid());
        EXPECT_EQ(
            lab.client(len).peer_cid(),
            Bytes(lab.peer(len).own_cid.begin(), lab.peer(len).own_cid.begin() + SL_OWN_CID_LEN));
        EXPECT_EQ(lab.peer(len).identity.cid_len, SL_OWN_CID_LEN);
        EXPECT_EQ(lab.peer(len).epoch->peer_cid_len, len);
        lab.client(len).send({1, 2, 3});
        lab.worker_of(len).send_data(len, {4, 5});
        lab.run_for(50);
        EXPECT_EQ(lab.peer(len).data.size(), 1u);
        EXPECT_EQ(lab.client(len).take_data().size(), 1u);
    }
    EXPECT_EQ(lab.counter(SL_HANDSHAKE_CONNECTION_ID), 5u);
}

TEST(ConnectionId, IsDeclinedWhenItIsLongerThanWeKeep)
{
    HandshakeLab lab;
    for (unsigned len : {33u, 255u}) {
        ClientOptions client;
        client.cid = Bytes(len, 1);
        ASSERT_TRUE(lab.connect(len, client)) << len << lab.client(len).error();
        EXPECT_FALSE(lab.client(len).uses_cid());
        EXPECT_EQ(lab.peer(len).identity.cid_len, 0);
        lab.client(len).send({1});
        lab.run_for(50);
        EXPECT_EQ(lab.peer(len).data.size(), 1u);
    }
    EXPECT_EQ(lab.counter(SL_HANDSHAKE_CONNECTION_ID), 0u);
}

TEST(ConnectionId, IsDeclinedWhenItIsSwitchedOffOrTheWorkerHasNone)
{
    ClientOptions client;
    client.cid = Bytes{1, 2};
    LabOptions off;
    off.connection_ids = false;
    HandshakeLab lab_off(off);
    ASSERT_TRUE(lab_off.connect(1, client));
    EXPECT_FALSE(lab_off.client(1).uses_cid());

    HandshakeLab lab;
    lab.worker_of(1).gives_cids = false;
    ASSERT_TRUE(lab.connect(1, client));
    EXPECT_FALSE(lab.client(1).uses_cid());
}

TEST(ConnectionId, EndsTheHandshakeWithDecodeErrorWhenItIsMalformed)
{
    HandshakeLab lab;
    unsigned id = 1;
    for (const Bytes &extension : {Bytes{}, Bytes{2, 1}, Bytes{1, 1, 1}, Bytes{0, 9}}) {
        ClientOptions client;
        client.raw_cid_extension = extension;
        EXPECT_FALSE(lab.connect(id, client));
        EXPECT_TRUE(lab.peer(id).is_aborted);
        EXPECT_NE(lab.client(id).error().find("alert decode error"), std::string::npos)
            << lab.client(id).error();
        id++;
    }
    EXPECT_TRUE(lab.counters_add_up());
}

TEST(ConnectionId, OfTheClientsFinishedIsCheckedByTheWorkersKeys)
{
    /* The Finished is the first record under the connection ID: epoch 1, number 0. */
    HandshakeLab lab;
    Bytes finished;
    lab.judge = [&](bool to_server, unsigned, const Bytes &datagram) {
        for (size_t at = 0; to_server && at + 13 < datagram.size();) {
            size_t cid = datagram[at] == SL_CONTENT_TLS12_CID ? SL_OWN_CID_LEN : 0;
            size_t len = 13 + cid + (datagram[at + 11 + cid] << 8 | datagram[at + 12 + cid]);
            if (cid > 0 && finished.empty())
                finished.assign(datagram.begin() + (long)at, datagram.begin() + (long)(at + len));
            at += len;
        }
        return Fate::Deliver;
    };
    ClientOptions client;
    client.cid = Bytes{1};
    ASSERT_TRUE(lab.connect(1, client));
    ASSERT_FALSE(finished.empty());
    EXPECT_EQ(Bytes(finished.begin() + 3, finished.begin() + 11), (Bytes{0, 1, 0, 0, 0, 0, 0, 0}));
    EXPECT_EQ(lab.peer(1).early_data, 0u);
}
