extern "C" {
#include "sl_identity.h"
}

#include <sys/mman.h>

#include "consumer_fixture.h"

namespace
{

#define SAME_PLACE(field) (offsetof(sluice_peer, field) == offsetof(sl_opened, identity.field))
static_assert(sizeof(sluice_peer) == sizeof(sl_opened) &&
                  offsetof(sluice_peer, connection) == offsetof(sl_opened, connection) &&
                  offsetof(sluice_peer, replaces) == offsetof(sl_opened, replaces) &&
                  offsetof(sluice_peer, request) == offsetof(sl_opened, request) &&
                  SAME_PLACE(method) && SAME_PLACE(cid_len) && SAME_PLACE(suite) &&
                  SAME_PLACE(remote_port) && SAME_PLACE(local_port) && SAME_PLACE(remote_ip) &&
                  SAME_PLACE(local_ip) && SAME_PLACE(certificate_sha256) &&
                  SAME_PLACE(public_key_sha256) && SAME_PLACE(node_id) && SAME_PLACE(subject),
              "an open event's payload is the identity as it stands");
static_assert((int)SLUICE_DATA == SL_RING_DATA && (int)SLUICE_OPEN == SL_RING_OPEN &&
                  (int)SLUICE_MOVED == SL_RING_MOVED && (int)SLUICE_CLOSE == SL_RING_CLOSE &&
                  (int)SLUICE_REFUSED == SL_RING_REFUSED && (int)SLUICE_FAILED == SL_RING_FAILED,
              "kinds of entries are kinds of events");
static_assert((int)SLUICE_PEER_ANONYMOUS == SL_IDENTITY_NONE &&
                  (int)SLUICE_PEER_CERTIFICATE == SL_IDENTITY_CERTIFICATE &&
                  (int)SLUICE_PEER_FINGERPRINT == SL_IDENTITY_FINGERPRINT &&
                  (int)SLUICE_PEER_PSK == SL_IDENTITY_PSK &&
                  (int)SLUICE_PEER_NODE_ID == SL_IDENTITY_NODE_ID,
              "methods are the same on both sides");
static_assert((int)SLUICE_CLOSE_PEER == SL_CLOSE_PEER && (int)SLUICE_CLOSE_IDLE == SL_CLOSE_IDLE &&
                  (int)SLUICE_CLOSE_CONSUMER == SL_CLOSE_CONSUMER &&
                  (int)SLUICE_CLOSE_REPLACED == SL_CLOSE_REPLACED &&
                  (int)SLUICE_CLOSE_LIMIT == SL_CLOSE_LIMIT &&
                  (int)SLUICE_CLOSE_SHUTDOWN == SL_CLOSE_SHUTDOWN &&
                  (int)SLUICE_CLOSE_EXPIRED == SL_CLOSE_EXPIRED &&
                  (int)SLUICE_CLOSE_DENIED == SL_CLOSE_DENIED &&
                  (int)SLUICE_CLOSE_REMOVED == SL_CLOSE_REMOVED &&
                  (int)SLUICE_REFUSE_HANDLE == SL_REFUSE_HANDLE &&
                  (int)SLUICE_REFUSE_CLOSING == SL_REFUSE_CLOSING &&
                  (int)SLUICE_REFUSE_TOO_LARGE == SL_REFUSE_TOO_LARGE &&
                  (int)SLUICE_REFUSE_UNCONFIRMED == SL_REFUSE_UNCONFIRMED &&
                  (int)SLUICE_REFUSE_NO_BUFFER == SL_REFUSE_NO_BUFFER,
              "reasons are the same on both sides");

struct SluiceReceive : test::ConsumerTest {
    test::Sluice s;
    std::vector<sl_attachment *> attachments;
    sluice_event events[64];

    void connect_to(unsigned workers)
    {
        start_gateway(workers);
        s = connect();
        ASSERT_TRUE(gateway->has_attachments(workers));
        attachments = gateway->attachments();
    }
};

TEST_F(SluiceReceive, TellsEveryKindOfEventInOrder)
{
    connect_to(1);
    sl_opened opened{};
    sl_identity &identity = opened.identity;
    strcpy(opened.connection, "upstream");
    opened.replaces = 77;
    identity.method = SL_IDENTITY_CERTIFICATE;
    identity.suite = 0xc02b;
    identity.remote_port = 4711;
    strcpy(identity.subject, "CN=relay 7");
    sl_ring_moved moved{};
    moved.ip.bytes[15] = 9;
    moved.port = 5000;
    moved.confirmed = 1;
    test::put(attachments[0], SL_RING_OPEN, 1, &opened, sizeof opened);
    test::put(attachments[0], SL_RING_DATA, 1, "hello", 5);
    test::put(attachments[0], SL_RING_DATA, 1, "", 0);
    test::put(attachments[0], SL_RING_MOVED, 1, &moved, sizeof moved);
    test::put(attachments[0], SL_RING_REFUSED, 1, nullptr, 0, SL_REFUSE_HANDLE);
    test::put(attachments[0], SL_RING_CLOSE, 1, nullptr, 0, SL_CLOSE_PEER);
    test::show(attachments[0]);

    ASSERT_EQ(sluice_receive(s.get(), events, 64), 6);
    EXPECT_EQ(events[0].kind, SLUICE_OPEN);
    EXPECT_EQ(events[0].peer->method, SLUICE_PEER_CERTIFICATE);
    EXPECT_EQ(events[0].peer->suite, 0xc02b);
    EXPECT_EQ(events[0].peer->remote_port, 4711);
    EXPECT_STREQ(events[0].peer->subject, "CN=relay 7");
    EXPECT_STREQ(events[0].peer->connection, "upstream");
    EXPECT_EQ(events[0].peer->replaces, 77u);
    EXPECT_EQ(events[1].kind, SLUICE_DATA);
    EXPECT_EQ(events[1].session, 1u);
    EXPECT_EQ(events[1].time_ns, 12345u);
    ASSERT_EQ(events[1].data_len, 5u);
    EXPECT_EQ(memcmp(events[1].data, "hello", 5), 0);
    EXPECT_EQ(events[2].data_len, 0u);
    EXPECT_EQ(events[3].kind, SLUICE_MOVED);
    EXPECT_EQ(events[3].address[15], 9);
    EXPECT_EQ(events[3].port, 5000);
    EXPECT_EQ(events[3].confirmed, 1);
    EXPECT_EQ(events[4].kind, SLUICE_REFUSED);
    EXPECT_EQ(events[4].reason, SLUICE_REFUSE_HANDLE);
    EXPECT_EQ(events[5].kind, SLUICE_CLOSE);
    EXPECT_EQ(events[5].reason, SLUICE_CLOSE_PEER);
    EXPECT_EQ(sluice_receive(s.get(), events, 64), 0);
}

TEST_F(SluiceReceive, TellsThePeersCertificatesOneByOne)
{
    connect_to(1);
    sl_opened opened{};
    auto tell = [&](const std::string &chain) {
        std::string payload((const char *)&opened, sizeof opened);
        payload += chain;
        test::put(attachments[0], SL_RING_OPEN, 1, payload.data(), payload.size());
        test::show(attachments[0]);
        EXPECT_EQ(sluice_receive(s.get(), events, 64), 1);
        std::vector<std::string> certificates;
        const uint8_t *der;
        size_t offset = 0, len;
        while ((len = sluice_peer_certificate(&events[0], &offset, &der)) > 0)
            certificates.emplace_back((const char *)der, len);
        return certificates;
    };
    EXPECT_EQ(tell(""), (std::vector<std::string>{}));
    EXPECT_EQ(events[0].peer_chain_len, 0u);
    const std::string two("\0\0\3abc\0\0\1d", 10);
    EXPECT_EQ(tell(two), (std::vector<std::string>{"abc", "d"}));
    EXPECT_EQ(std::string((const char *)events[0].peer_chain, events[0].peer_chain_len), two);
    EXPECT_EQ(tell(two.substr(0, 9)), (std::vector<std::string>{"abc"})) << "one that is cut";
    EXPECT_EQ(tell(two.substr(0, 8)), (std::vector<std::string>{"abc"}));
}

TEST_F(SluiceReceive, LendsPayloadsUntilTheNextCall)
{
    connect_to(1);
    std::string payload(1024 - sizeof(sl_ring_entry), 'a');
    unsigned held = 0;
    while (test::put(attachments[0], SL_RING_DATA, held, payload.data(), payload.size()))
        held++;
    test::show(attachments[0]);
    ASSERT_EQ(sluice_receive(s.get(), events, 8), 8);
    EXPECT_FALSE(test::put(attachments[0], SL_RING_DATA, 1, "x", 1)) << "the room is still lent";
    for (unsigned i = 0; i < 8; i++)
        EXPECT_EQ(memcmp(events[i].data, payload.data(), payload.size()), 0);
    sluice_receive(s.get(), events, 8);
    EXPECT_TRUE(test::put(attachments[0], SL_RING_DATA, 1, "x", 1));
}

TEST_F(SluiceReceive, GivesPayloadsThatCantBeWritten)
{
    connect_to(1);
    test::put(attachments[0], SL_RING_DATA, 1, "x", 1);
    test::show(attachments[0]);
    ASSERT_EQ(sluice_receive(s.get(), events, 1), 1);
    auto page = reinterpret_cast<uintptr_t>(events[0].data) & ~(uintptr_t)4095;
    EXPECT_NE(mprotect(reinterpret_cast<void *>(page), 4096, PROT_READ | PROT_WRITE), 0);
}

TEST_F(SluiceReceive, IsFairToEveryWorkersRing)
{
    connect_to(4);
    for (unsigned w = 0; w < 4; w++)
        for (unsigned i = 0; i < 100; i++)
            test::put(attachments[w], SL_RING_DATA, test::handle_of(w, i), "x", 1);
    for (sl_attachment *attachment : attachments)
        test::show(attachment);
    unsigned seen[4] = {};
    ASSERT_EQ(sluice_receive(s.get(), events, 8), 8);
    for (unsigned i = 0; i < 8; i++)
        seen[sl_ring_session_worker(events[i].session)]++;
    for (unsigned w = 0; w < 4; w++)
        EXPECT_EQ(seen[w], 2u);

    memset(seen, 0, sizeof seen);
    for (unsigned i = 0; i < 40; i++) {
        ASSERT_EQ(sluice_receive(s.get(), events, 1), 1);
        seen[sl_ring_session_worker(events[0].session)]++;
    }
    for (unsigned w = 0; w < 4; w++)
        EXPECT_EQ(seen[w], 10u);
}

TEST_F(SluiceReceive, FillsTheBurstFromOneRingWhenTheOthersAreQuiet)
{
    connect_to(4);
    for (unsigned i = 0; i < 100; i++)
        test::put(attachments[2], SL_RING_DATA, test::handle_of(2, i), "x", 1);
    test::show(attachments[2]);
    uint64_t next = 0;
    for (int count; (count = sluice_receive(s.get(), events, 64)) > 0;) {
        for (int i = 0; i < count; i++)
            EXPECT_EQ(events[i].session, test::handle_of(2, next++)) << "in order";
        EXPECT_EQ(count, next == 64 ? 64 : 36);
    }
    EXPECT_EQ(next, 100u);
}

TEST_F(SluiceReceive, PassesOverKindsThatItDoesNotKnow)
{
    connect_to(1);
    test::put(attachments[0], 200, 1, "x", 1);
    test::put(attachments[0], SL_RING_OPEN, 1, "short", 5);
    test::put(attachments[0], SL_RING_MOVED, 1, "short", 5);
    test::put(attachments[0], SL_RING_DATA, 2, "y", 1);
    test::show(attachments[0]);
    ASSERT_EQ(sluice_receive(s.get(), events, 64), 1);
    EXPECT_EQ(events[0].session, 2u);
}

TEST_F(SluiceReceive, TakesNothingWhenNothingIsWanted)
{
    connect_to(1);
    test::put(attachments[0], SL_RING_DATA, 1, "x", 1);
    test::show(attachments[0]);
    EXPECT_EQ(sluice_receive(s.get(), events, 0), 0);
    EXPECT_EQ(sluice_receive(s.get(), events, 1), 1);
}

TEST(SluiceText, HasASentenceForEveryReason)
{
    for (uint16_t i = SLUICE_CLOSE_PEER; i <= SLUICE_CLOSE_REMOVED; i++)
        EXPECT_STRNE(sluice_reason_text(SLUICE_CLOSE, i), "unknown reason");
    for (uint16_t i = SLUICE_REFUSE_HANDLE; i <= SLUICE_REFUSE_NO_BUFFER; i++)
        EXPECT_STRNE(sluice_reason_text(SLUICE_REFUSED, i), "unknown reason");
    EXPECT_STREQ(sluice_reason_text(SLUICE_CLOSE, 0), "unknown reason");
    EXPECT_STREQ(sluice_reason_text(SLUICE_CLOSE, 60000), "unknown reason");
    EXPECT_STREQ(sluice_reason_text(SLUICE_REFUSED, 0), "unknown reason");
    EXPECT_STREQ(sluice_reason_text(SLUICE_REFUSED, 60000), "unknown reason");
    EXPECT_STREQ(sluice_reason_text(SLUICE_DATA, 1), "unknown reason");
    EXPECT_STRNE(sluice_version(), "");
}

} // namespace
