/* Tickets that are none, or somebody else's, or too large: a full handshake, RFC 5077 3.1. */
#include <gtest/gtest.h>

#include "ticket_forger.h"
#include "ticket_lab.h"

using namespace sl_test;

namespace
{

/** A client that offers these bytes gets a full handshake and a ticket of its own. */
void expect_full(HandshakeLab &lab, unsigned id, const Bytes &ticket)
{
    ClientOptions client;
    client.raw_ticket = ticket;
    ASSERT_TRUE(lab.connect(id, client)) << lab.client(id).error();
    EXPECT_FALSE(lab.peer(id).is_resumed);
    EXPECT_EQ(lab.peer(id).identity.method, SL_IDENTITY_NONE);
    EXPECT_NE(lab.client(id).ticket(), ticket);
}

} // namespace

TEST(HostileTicket, OfAnyLengthAndOfNoMeaningGetsAFullHandshake)
{
    HandshakeLab lab(with_tickets());
    std::mt19937 random(1);
    unsigned id = 1;
    for (size_t len :
         {1u, 15u, 16u, 17u, 31u, 32u, 33u, 63u, 64u, 65u, 200u, 1000u, 4000u, 12000u}) {
        Bytes ticket(len);
        for (uint8_t &byte : ticket)
            byte = (uint8_t)random();
        expect_full(lab, id++, ticket);
    }
    EXPECT_EQ(lab.counter(SL_HANDSHAKE_TICKET_DECLINED), id - 1);
    EXPECT_EQ(lab.counter(SL_HANDSHAKE_RESUMED), 0u);
    EXPECT_TRUE(lab.counters_add_up());
}

TEST(HostileTicket, CutAnywhereGetsAFullHandshake)
{
    HandshakeLab lab(with_tickets());
    ASSERT_TRUE(lab.connect(1));
    const Bytes ticket = lab.client(1).ticket();
    ASSERT_GT(ticket.size(), 64u);
    unsigned id = 2;
    for (size_t len = 1; len < ticket.size(); len += len < 64 ? 7 : 16)
        expect_full(lab, id++, Bytes(ticket.begin(), ticket.begin() + (long)len));
    Bytes longer = ticket;
    longer.push_back(0);
    expect_full(lab, id++, longer);
    EXPECT_EQ(lab.counter(SL_HANDSHAKE_RESUMED), 0u);
}

TEST(HostileTicket, ChangedAnywhereGetsAFullHandshake)
{
    HandshakeLab lab(with_tickets());
    ASSERT_TRUE(lab.connect(1));
    const Bytes ticket = lab.client(1).ticket();
    unsigned id = 2;
    for (size_t at = 0; at < ticket.size(); at += at < 48 ? 5 : 11) {
        Bytes changed = ticket;
        changed[at] ^= 0x40;
        ClientOptions client = resuming(lab.client(1));
        client.session = with_ticket(lab.client(1).session(), changed);
        ASSERT_TRUE(lab.connect(id, client)) << at << lab.client(id).error();
        EXPECT_FALSE(lab.peer(id).is_resumed) << at;
        id++;
    }
    ClientOptions unchanged = resuming(lab.client(1));
    unchanged.session = with_ticket(lab.client(1).session(), ticket);
    ASSERT_TRUE(lab.connect(id, unchanged));
    EXPECT_TRUE(lab.peer(id).is_resumed);
}

TEST(HostileTicket, WithoutDataOfOursGetsAFullHandshake)
{
    HandshakeLab lab(with_tickets());
    ASSERT_TRUE(lab.connect(1));
    const TicketForger forger;
    const Session inside = decode(forger.open(lab.client(1).ticket()));
    ClientOptions client = resuming(lab.client(1));
    client.session =
        with_ticket(lab.client(1).session(), forger.seal(encode(with_data(inside, {}))));
    ASSERT_TRUE(lab.connect(2, client)) << lab.client(2).error();
    EXPECT_FALSE(lab.peer(2).is_resumed);
}

// libssl's own limit, the lifetime, is far away.
TEST(HostileTicket, WhoseDataSayThatItsTimeHasPassedGetsAFullHandshake)
{
    HandshakeLab lab(with_tickets());
    ASSERT_TRUE(lab.connect(1));
    const Session session = lab.client(1).session();
    const TicketForger forger;
    const Session inside = decode(forger.open(lab.client(1).ticket()));
    unsigned id = 2;
    for (int left_s : {3600, -1}) {
        Bytes data = data_of(inside);
        sl_store_be64(&data.at(2), (uint64_t)(time(nullptr) + left_s));
        ClientOptions client = resuming(lab.client(1));
        client.session = with_ticket(session, forger.seal(encode(with_data(inside, data))));
        ASSERT_TRUE(lab.connect(id, client)) << lab.client(id).error();
        EXPECT_EQ(lab.peer(id).is_resumed, left_s > 0);
        id++;
    }
}

TEST(HostileTicket, OfAChainThatIsTooLongToBeNotedIsNotGiven)
{
    LabOptions options = with_tickets();
    options.asks_clients = true;
    HandshakeLab lab(options);
    ClientOptions client;
    Identity issuer = lab.authority;
    for (unsigned i = 0; i < 9; i++) { /* with the authority and the client eleven */
        issuer = make_identity("EC", "middle " + std::to_string(i), &issuer, true);
        client.chain.insert(client.chain.begin(), issuer.certificate);
    }
    client.identity = make_identity("EC", "client", &issuer);
    ASSERT_TRUE(lab.connect(1, client)) << lab.client(1).error();
    EXPECT_TRUE(lab.client(1).ticket().empty());
    EXPECT_EQ(lab.counter(SL_HANDSHAKE_TICKET_ISSUED), 0u);
    client.chain.erase(client.chain.begin());
    client.identity = make_identity("EC", "client", &lab.authority);
    ASSERT_TRUE(lab.connect(2, client)) << lab.client(2).error();
    EXPECT_FALSE(lab.client(2).ticket().empty());
}

TEST(HostileTicket, OfACertificateThatIsTooLargeIsNotGiven)
{
    LabOptions options = with_tickets();
    options.asks_clients = true;
    HandshakeLab lab(options);
    ClientOptions client;
    std::string names = "DNS:a.example";
    for (unsigned i = 0; i < 300; i++)
        names += ",DNS:name" + std::to_string(i) + ".example";
    client.identity = make_identity("EC", "client", &lab.authority, false, 86400, names);
    ASSERT_TRUE(lab.connect(1, client)) << lab.client(1).error();
    EXPECT_TRUE(lab.client(1).ticket().empty());
    EXPECT_EQ(lab.counter(SL_HANDSHAKE_TICKET_ISSUED), 0u);
    EXPECT_TRUE(echoes(lab, 1));
}

// A ticket holds the client's certificate, and a ClientHello the ticket: it comes in pieces.
TEST(HostileTicket, OfSeveralDatagramsResumes)
{
    LabOptions options = with_tickets();
    options.asks_clients = true;
    HandshakeLab lab(options);
    std::string names = "DNS:a.example";
    for (unsigned i = 0; i < 120; i++)
        names += ",DNS:name" + std::to_string(i) + ".example";
    ClientOptions client;
    client.cid = Bytes{1, 2};
    client.mtu = 512;
    client.identity = make_identity("RSA", "client", &lab.authority, false, 86400, names);
    lab.worker_of(1).path_payload_max = 512;
    unsigned largest = 0;
    lab.judge = [&](bool to_server, unsigned, const Bytes &datagram) {
        if (!to_server)
            largest = std::max(largest, (unsigned)datagram.size());
        return Fate::Deliver;
    };
    ASSERT_TRUE(lab.connect(1, client)) << lab.client(1).error();
    EXPECT_GT(lab.client(1).ticket().size(), 2500u);
    ASSERT_TRUE(lab.connect(2, resuming(lab.client(1)))) << lab.client(2).error();
    EXPECT_TRUE(lab.peer(2).is_resumed);
    EXPECT_STREQ(lab.peer(2).identity.subject, "CN=client");
    EXPECT_LE(largest, 512u) << "also where it is given";
    EXPECT_TRUE(echoes(lab, 2));
}
