/* Session tickets in the server's role, RFC 5077. */
#include <gtest/gtest.h>

#include "ticket_lab.h"

using namespace sl_test;

namespace
{

constexpr uint64_t ms_per_s = 1000;

LabOptions mutual_with_tickets()
{
    LabOptions options = with_tickets();
    options.asks_clients = true;
    return options;
}

ClientOptions client_of(const HandshakeLab &lab, const char *kind = "EC")
{
    ClientOptions options;
    options.identity = make_identity(kind, std::string("client ") + kind, &lab.authority);
    return options;
}

Bytes key_name_of(const DtlsClient &client)
{
    Bytes ticket = client.ticket();
    return Bytes(ticket.begin(), ticket.begin() + 16);
}

} // namespace

class Ticket : public ::testing::TestWithParam<bool>
{
  protected:
    ClientOptions options() const
    {
        ClientOptions out;
        if (GetParam())
            out.cid = Bytes{1, 2, 3, 4};
        return out;
    }
};

TEST_P(Ticket, ResumesInOneFlightEachAndCarriesData)
{
    HandshakeLab lab(with_tickets());
    ASSERT_TRUE(lab.connect(1, options())) << lab.client(1).error();
    EXPECT_FALSE(lab.peer(1).is_resumed);
    EXPECT_FALSE(lab.client(1).ticket().empty());
    for (unsigned id = 2; id < 5; id++) {
        ASSERT_TRUE(lab.connect(id, resuming(lab.client(1)))) << lab.client(id).error();
        EXPECT_TRUE(lab.client(id).is_resumed());
        EXPECT_TRUE(lab.peer(id).is_resumed);
        EXPECT_EQ(lab.peer(id).messages,
                  (std::vector<sl_message_kind>{SL_MESSAGE_KEYS, SL_MESSAGE_SEND,
                                                SL_MESSAGE_ESTABLISHED}));
        EXPECT_TRUE(echoes(lab, id));
    }
    EXPECT_EQ(lab.counter(SL_HANDSHAKE_RESUMED), 3u);
    EXPECT_EQ(lab.counter(SL_HANDSHAKE_TICKET_ISSUED), 1u) << "under the same key one is enough";
    EXPECT_EQ(lab.counter(SL_HANDSHAKE_TICKET_DECLINED), 0u);
    EXPECT_EQ(lab.counter(SL_HANDSHAKE_COMPLETED), 4u);
    EXPECT_TRUE(lab.counters_add_up());
}

// RFC 9146 3: whoever resumes negotiates connection IDs again.
TEST_P(Ticket, LetsAnotherConnectionIdBeNegotiated)
{
    HandshakeLab lab(with_tickets());
    ASSERT_TRUE(lab.connect(1, options()));
    ClientOptions again = resuming(lab.client(1));
    again.cid = GetParam() ? std::nullopt : std::optional<Bytes>(Bytes{9, 8});
    ASSERT_TRUE(lab.connect(2, again)) << lab.client(2).error();
    EXPECT_TRUE(lab.peer(2).is_resumed);
    EXPECT_EQ(lab.client(2).uses_cid(), !GetParam());
    EXPECT_EQ(lab.peer(2).peer_cid_in_use, !GetParam());
    EXPECT_TRUE(echoes(lab, 2));
    again.cid = Bytes{5, 5, 5};
    ASSERT_TRUE(lab.connect(3, again)) << lab.client(3).error();
    EXPECT_NE(lab.client(3).peer_cid(),
              Bytes(lab.peer(1).own_cid.begin(), lab.peer(1).own_cid.begin() + SL_OWN_CID_LEN));
    EXPECT_TRUE(echoes(lab, 3));
}

TEST_P(Ticket, IsNoReasonToBelieveWhoHasNotTheSecret)
{
    HandshakeLab lab(with_tickets());
    ASSERT_TRUE(lab.connect(1, options()));
    ClientOptions thief = options();
    thief.raw_ticket = lab.client(1).ticket();
    lab.judge = [](bool to_server, unsigned, const Bytes &datagram) {
        /* which it can't open anyway */
        return !to_server && datagram.at(13) == SL_HANDSHAKE_SERVER_HELLO ? Fate::Lose
                                                                          : Fate::Deliver;
    };
    EXPECT_FALSE(lab.connect(2, thief));
    EXPECT_FALSE(lab.peer(2).is_established);
    EXPECT_NE(lab.peer(2).epoch, nullptr) << "it was a good ticket";
    EXPECT_EQ(lab.counter(SL_HANDSHAKE_RESUMED), 0u);
}

TEST_P(Ticket, IsNotEnoughBeforeTheFinishedHasVerified)
{
    HandshakeLab lab(with_tickets());
    ASSERT_TRUE(lab.connect(1, options()));
    lab.judge = [](bool to_server, unsigned, const Bytes &datagram) {
        return to_server && datagram.at(0) == SL_CONTENT_CHANGE_CIPHER_SPEC ? Fate::Lose
                                                                            : Fate::Deliver;
    };
    lab.add_client(2, resuming(lab.client(1)));
    lab.start(2);
    lab.run_for(500);
    EXPECT_NE(lab.peer(2).epoch, nullptr);
    EXPECT_FALSE(lab.peer(2).is_established);
    /* What an impostor can do without the keys: a Finished of zeros, a record of another epoch. */
    Bytes forged = {22, 0xfe, 0xfd, 0, 1, 0, 0, 0, 0, 0, 0, 0, 40};
    forged.resize(13 + 40);
    lab.worker_of(2).receive(2, forged);
    Bytes plain = {22, 0xfe, 0xfd, 0,  0, 0, 0, 0, 0, 0, 9, 0, 24,
                   20, 0,    0,    12, 0, 2, 0, 0, 0, 0, 0, 12};
    plain.resize(13 + 24);
    (void)lab.worker_of(2).post_record(2, plain);
    lab.run_for(100);
    EXPECT_FALSE(lab.peer(2).is_established);
    lab.judge = nullptr;
    EXPECT_TRUE(lab.run_until([&] { return lab.is_connected(2); }, 5000));
}

/* A client may speak right behind its Finished, before the worker knows that this has verified. */
TEST_P(Ticket, LosesNothingThatComesRightBehindTheFinished)
{
    HandshakeLab lab(with_tickets());
    ASSERT_TRUE(lab.connect(1, options()));
    lab.add_client(2, resuming(lab.client(1)));
    lab.start(2);
    ASSERT_TRUE(lab.run_until([&] { return lab.client(2).is_connected(); }));
    lab.client(2).send({1});
    lab.client(2).send({2});
    lab.run_for(50);
    EXPECT_EQ(lab.peer(2).early_data, 2u);
    EXPECT_EQ(lab.peer(2).data, (std::vector<Bytes>{{1}, {2}}));
    EXPECT_EQ(lab.peer(2).messages.back(), SL_MESSAGE_DELIVER) << "after it was established";
    EXPECT_EQ(lab.counter(SL_HANDSHAKE_EARLY_DATA), 0u);
    EXPECT_FALSE(lab.peer(2).is_closed);
    lab.add_client(3, resuming(lab.client(1)));
    lab.start(3);
    ASSERT_TRUE(lab.run_until([&] { return lab.client(3).is_connected(); }));
    lab.client(3).close();
    lab.run_for(50);
    EXPECT_TRUE(lab.peer(3).is_established);
    EXPECT_TRUE(lab.peer(3).is_closed);
}

INSTANTIATE_TEST_SUITE_P(Ways, Ticket, ::testing::Bool(),
                         [](const auto &info) { return info.param ? "WithCid" : "WithoutCid"; });

class TicketSuite : public ::testing::TestWithParam<const char *>
{
};

TEST_P(TicketSuite, ResumesUnderItsHash)
{
    HandshakeLab lab(with_tickets());
    ClientOptions client;
    client.suites = GetParam();
    client.cid = Bytes{7};
    ASSERT_TRUE(lab.connect(1, client));
    ASSERT_TRUE(lab.connect(2, resuming(lab.client(1)))) << lab.client(2).error();
    EXPECT_TRUE(lab.peer(2).is_resumed);
    EXPECT_EQ(lab.peer(2).identity.suite, lab.peer(1).identity.suite);
    EXPECT_TRUE(echoes(lab, 2));
}

INSTANTIATE_TEST_SUITE_P(Suites, TicketSuite,
                         ::testing::Values("ECDHE-ECDSA-AES128-GCM-SHA256",
                                           "ECDHE-ECDSA-AES256-GCM-SHA384",
                                           "ECDHE-ECDSA-CHACHA20-POLY1305"));

TEST(Tickets, AreNotGivenWhenTheyAreSwitchedOff)
{
    HandshakeLab on(with_tickets()), off;
    ASSERT_TRUE(on.connect(1));
    ASSERT_TRUE(off.connect(1));
    EXPECT_TRUE(off.client(1).ticket().empty());
    ASSERT_TRUE(off.connect(2, resuming(on.client(1))));
    EXPECT_FALSE(off.peer(2).is_resumed);
}

TEST(Tickets, TellClientsForHowLong)
{
    HandshakeLab lab(with_tickets());
    ASSERT_TRUE(lab.connect(1));
    EXPECT_EQ(SSL_SESSION_get_ticket_lifetime_hint(lab.client(1).session().get()),
              ticket_lifetime_s);
}

TEST(Tickets, AreSharedByHandshakersWithTheSameRoot)
{
    LabOptions other = with_tickets();
    other.ticket_root = 2;
    HandshakeLab one(with_tickets()), same(with_tickets()), foreign(other);
    ASSERT_TRUE(one.connect(1));
    ASSERT_TRUE(same.connect(2, resuming(one.client(1)))) << same.client(2).error();
    EXPECT_TRUE(same.peer(2).is_resumed);
    ASSERT_TRUE(foreign.connect(3, resuming(one.client(1)))) << foreign.client(3).error();
    EXPECT_FALSE(foreign.peer(3).is_resumed);
    EXPECT_EQ(foreign.counter(SL_HANDSHAKE_TICKET_DECLINED), 1u);
    EXPECT_EQ(foreign.counter(SL_HANDSHAKE_TICKET_ISSUED), 1u) << "one that is good there";
    ASSERT_TRUE(foreign.connect(4, resuming(foreign.client(3))));
    EXPECT_TRUE(foreign.peer(4).is_resumed);
}

/* Periods begin at time 0 and are as long as tickets live. */
TEST(Tickets, AreSealedWithANewKeyEachPeriodAndRenewedInTheNext)
{
    HandshakeLab lab(with_tickets());
    const uint64_t period_ms = ticket_lifetime_s * ms_per_s;
    lab.run_for(period_ms - now_ns() / ns_per_ms % period_ms - 60000);
    ASSERT_TRUE(lab.connect(1)); /* a minute before the period's end */
    ASSERT_TRUE(lab.connect(2));
    EXPECT_EQ(key_name_of(lab.client(1)), key_name_of(lab.client(2)));
    lab.run_for(60000);
    ASSERT_TRUE(lab.connect(3));
    EXPECT_NE(key_name_of(lab.client(1)), key_name_of(lab.client(3)));
    ASSERT_TRUE(lab.connect(4, resuming(lab.client(1)))) << lab.client(4).error();
    EXPECT_TRUE(lab.peer(4).is_resumed);
    EXPECT_EQ(key_name_of(lab.client(4)), key_name_of(lab.client(3)));
    EXPECT_EQ(lab.counter(SL_HANDSHAKE_TICKET_ISSUED), 4u);
    ASSERT_TRUE(lab.connect(5, resuming(lab.client(4)))) << lab.client(5).error();
    EXPECT_TRUE(lab.peer(5).is_resumed);
    EXPECT_EQ(lab.counter(SL_HANDSHAKE_TICKET_ISSUED), 4u);
    EXPECT_TRUE(echoes(lab, 5));
}

TEST(Tickets, EndWithTheirLifetimeAlsoWhenTheyWereRenewed)
{
    HandshakeLab lab(with_tickets());
    const uint64_t period_ms = ticket_lifetime_s * ms_per_s;
    lab.run_for(period_ms - now_ns() / ns_per_ms % period_ms - 60000);
    ASSERT_TRUE(lab.connect(1));
    lab.run_for(period_ms - 60000);
    ASSERT_TRUE(lab.connect(2, resuming(lab.client(1))));
    EXPECT_TRUE(lab.peer(2).is_resumed);
    EXPECT_NE(lab.client(2).ticket(), lab.client(1).ticket());
    lab.run_for(120000);
    unsigned id = 3;
    for (unsigned old : {1u, 2u}) {
        ASSERT_TRUE(lab.connect(id, resuming(lab.client(old)))) << lab.client(id).error();
        EXPECT_FALSE(lab.peer(id).is_resumed) << old;
        EXPECT_FALSE(lab.client(id).ticket().empty()) << "a new one";
        id++;
    }
    EXPECT_EQ(lab.counter(SL_HANDSHAKE_TICKET_DECLINED), 2u);
}

TEST(Tickets, AreForTheServiceThatGaveThem)
{
    LabOptions options = with_tickets();
    TrustRules anybody;
    anybody.anonymous = true;
    options.services = {anybody, anybody};
    HandshakeLab lab(options);
    ASSERT_TRUE(lab.connect(1));
    lab.worker_of(1).service = 1;
    ASSERT_TRUE(lab.connect(2, resuming(lab.client(1)))) << lab.client(2).error();
    EXPECT_FALSE(lab.peer(2).is_resumed);
    EXPECT_EQ(lab.counter(SL_HANDSHAKE_TICKET_DECLINED), 1u);
    ASSERT_TRUE(lab.connect(3, resuming(lab.client(2))));
    EXPECT_TRUE(lab.peer(3).is_resumed);
    lab.worker_of(1).service = 0;
    ASSERT_TRUE(lab.connect(4, resuming(lab.client(1))));
    EXPECT_TRUE(lab.peer(4).is_resumed);
}

TEST(Tickets, AreNotGivenForSessionsThatLibsslKeeps)
{
    LabOptions options = with_tickets();
    options.legacy_sessions_max = 4;
    HandshakeLab lab(options);
    ClientOptions client;
    client.suites = "ECDHE-ECDSA-AES128-SHA";
    ASSERT_TRUE(lab.connect(1, client)) << lab.client(1).error();
    EXPECT_TRUE(lab.client(1).ticket().empty());
    EXPECT_EQ(lab.counter(SL_HANDSHAKE_TICKET_ISSUED), 0u);
}

// RFC 7627 5.3 and 5.4.
TEST(Tickets, AreNotGivenWithoutExtendedMasterSecret)
{
    HandshakeLab lab(with_tickets());
    ClientOptions old;
    old.extended_master_secret = false;
    ASSERT_TRUE(lab.connect(1, old));
    EXPECT_TRUE(lab.client(1).ticket().empty());
    EXPECT_EQ(lab.counter(SL_HANDSHAKE_TICKET_ISSUED), 0u);
    old.raw_ticket = Bytes(200, 7); /* nor in place of one that can't be read */
    ASSERT_TRUE(lab.connect(2, old)) << lab.client(2).error();
    EXPECT_EQ(lab.client(2).ticket(), *old.raw_ticket);
    EXPECT_EQ(lab.counter(SL_HANDSHAKE_TICKET_ISSUED), 0u);
}

TEST(Tickets, OfASessionWithExtendedMasterSecretEndAHandshakeWithout)
{
    HandshakeLab lab(with_tickets());
    ASSERT_TRUE(lab.connect(1));
    ClientOptions without = resuming(lab.client(1));
    without.extended_master_secret = false;
    EXPECT_FALSE(lab.connect(2, without));
    EXPECT_TRUE(lab.peer(2).is_aborted);
    EXPECT_NE(lab.client(2).error().find("alert handshake failure"), std::string::npos)
        << lab.client(2).error();
    EXPECT_EQ(lab.counter(SL_HANDSHAKE_RESUMED), 0u);
    EXPECT_TRUE(lab.counters_add_up());
}

TEST(TicketsOwner, IsToldWholeWhenItComesBack)
{
    HandshakeLab lab(mutual_with_tickets());
    unsigned id = 1;
    for (const char *kind : {"EC", "RSA", "ED25519"}) {
        ASSERT_TRUE(lab.connect(id, client_of(lab, kind))) << lab.client(id).error();
        ASSERT_TRUE(lab.connect(id + 1, resuming(lab.client(id)))) << lab.client(id + 1).error();
        const Peer &first = lab.peer(id), &second = lab.peer(id + 1);
        EXPECT_TRUE(second.is_resumed);
        EXPECT_EQ(second.identity.method, SL_IDENTITY_CERTIFICATE);
        EXPECT_STREQ(second.identity.subject, first.identity.subject);
        EXPECT_EQ(memcmp(second.identity.certificate_sha256, first.identity.certificate_sha256, 32),
                  0);
        EXPECT_EQ(memcmp(second.identity.public_key_sha256, first.identity.public_key_sha256, 32),
                  0);
        EXPECT_STREQ(second.identity.node_id, first.identity.node_id);
        EXPECT_EQ(second.identity.remote_port, 10000 + id + 1);
        EXPECT_TRUE(echoes(lab, id + 1));
        id += 2;
    }
}

TEST(TicketsOwner, StaysNoLongerThanItsChain)
{
    const uint64_t hour_ms = 3600 * ms_per_s;
    HandshakeLab lab(mutual_with_tickets());
    Identity middle = make_identity("EC", "middle", &lab.authority, true, 3600);
    ClientOptions client;
    client.chain = {middle.certificate};
    client.identity = make_identity("EC", "client", &middle);
    ASSERT_TRUE(lab.connect(1, client)) << lab.client(1).error();
    EXPECT_LE(SSL_SESSION_get_ticket_lifetime_hint(lab.client(1).session().get()), 3600u);
    lab.run_for(hour_ms / 2);
    ASSERT_TRUE(lab.connect(2, resuming(lab.client(1)))) << lab.client(2).error();
    EXPECT_TRUE(lab.peer(2).is_resumed);
    EXPECT_GT(lab.peer(2).expires_ns, now_ns() + (hour_ms / 2 - 5000) * ns_per_ms);
    EXPECT_LE(lab.peer(2).expires_ns, now_ns() + hour_ms / 2 * ns_per_ms);
    lab.run_for(hour_ms / 2);
    EXPECT_FALSE(lab.connect(3, resuming(lab.client(1))));
    EXPECT_EQ(lab.counter(SL_HANDSHAKE_TICKET_DECLINED), 1u);
    EXPECT_EQ(lab.counter(SL_HANDSHAKE_REFUSED_PEER), 1u);
}

TEST(TicketsOwner, OfAnAnonymousServiceDoesNotEnterAMutualOne)
{
    HandshakeLab open(with_tickets()), mutual(mutual_with_tickets());
    ASSERT_TRUE(open.connect(1));
    EXPECT_FALSE(mutual.connect(2, resuming(open.client(1))));
    EXPECT_FALSE(mutual.peer(2).is_established);
    EXPECT_EQ(mutual.counter(SL_HANDSHAKE_TICKET_DECLINED), 1u);
    EXPECT_EQ(mutual.counter(SL_HANDSHAKE_REFUSED_PEER), 1u);
    ClientOptions with_certificate = resuming(open.client(1));
    with_certificate.identity = client_of(mutual).identity;
    ASSERT_TRUE(mutual.connect(3, with_certificate)) << mutual.client(3).error();
    EXPECT_FALSE(mutual.peer(3).is_resumed);
    EXPECT_STREQ(mutual.peer(3).identity.subject, "CN=client EC");
    ASSERT_TRUE(open.connect(4, resuming(mutual.client(3))));
    EXPECT_FALSE(open.peer(4).is_resumed);
    EXPECT_EQ(open.peer(4).identity.method, SL_IDENTITY_NONE);
    EXPECT_STREQ(open.peer(4).identity.subject, "");
    EXPECT_EQ(open.peer(4).expires_ns, 0u) << "what the ticket said is forgotten";
}

class TicketsOwnerOfAList : public ::testing::TestWithParam<bool>
{
  protected:
    LabOptions options(const std::vector<Identity> &peers) const
    {
        TrustRules rules;
        for (const Identity &peer : peers) {
            if (GetParam())
                rules.fingerprints.push_back(fingerprint_of(peer.certificate));
            else
                rules.node_ids.push_back(node_id_of(peer.key));
        }
        LabOptions out = with_tickets();
        out.services = {rules};
        return out;
    }
};

TEST_P(TicketsOwnerOfAList, ComesBackWhileItIsOnIt)
{
    ClientOptions first, second;
    first.identity = make_identity("EC", "signed by itself");
    second.identity = make_identity("EC", "another");
    HandshakeLab before(options({*first.identity, *second.identity}));
    ASSERT_TRUE(before.connect(1, first)) << before.client(1).error();
    ASSERT_TRUE(before.connect(2, resuming(before.client(1)))) << before.client(2).error();
    EXPECT_TRUE(before.peer(2).is_resumed);
    EXPECT_EQ(before.peer(2).identity.method,
              GetParam() ? SL_IDENTITY_FINGERPRINT : SL_IDENTITY_NODE_ID);
    EXPECT_STREQ(before.peer(2).identity.node_id, node_id_of(first.identity->key).c_str());
    EXPECT_GT(before.peer(2).expires_ns, now_ns());
    HandshakeLab after(options({*second.identity}));
    EXPECT_FALSE(after.connect(3, resuming(before.client(1))));
    EXPECT_FALSE(after.peer(3).is_established);
    EXPECT_EQ(after.counter(SL_HANDSHAKE_TICKET_DECLINED), 1u);
    EXPECT_EQ(after.counter(SL_HANDSHAKE_REFUSED_PEER), 1u);
}

INSTANTIATE_TEST_SUITE_P(Lists, TicketsOwnerOfAList, ::testing::Bool(), [](const auto &info) {
    return info.param ? "OfFingerprints" : "OfNodeIds";
});

TEST(TicketsOwner, OfAnAuthorityThatIsTrustedNoLongerGetsAFullHandshake)
{
    HandshakeLab before(mutual_with_tickets()), after(mutual_with_tickets());
    ASSERT_TRUE(before.connect(1, client_of(before)));
    EXPECT_FALSE(after.connect(2, resuming(before.client(1))));
    EXPECT_EQ(after.counter(SL_HANDSHAKE_TICKET_DECLINED), 1u);
    EXPECT_EQ(after.counter(SL_HANDSHAKE_REFUSED_PEER), 1u);
}

TEST(TicketsOwner, WhoseCertificateHasBeenRevokedSinceIsRefused)
{
    HandshakeLab before(mutual_with_tickets());
    ClientOptions good = client_of(before), bad = client_of(before);
    ASSERT_TRUE(before.connect(1, good));
    ASSERT_TRUE(before.connect(2, bad));
    LabOptions options = mutual_with_tickets();
    options.authority = before.authority;
    options.lists = make_crl_pem(before.authority, bad.identity->certificate);
    HandshakeLab after(options);
    ASSERT_TRUE(after.connect(3, resuming(before.client(1)))) << after.client(3).error();
    EXPECT_TRUE(after.peer(3).is_resumed);
    EXPECT_FALSE(after.connect(4, resuming(before.client(2))));
    EXPECT_FALSE(after.peer(4).is_established);
    EXPECT_EQ(after.counter(SL_HANDSHAKE_TICKET_DECLINED), 1u);
    EXPECT_EQ(after.counter(SL_HANDSHAKE_REFUSED_PEER), 1u);
}

// Tickets have keys of their own: that of a certificate is none of them.
TEST(TicketKeys, AreThereWhenTheFirstCertificateComesByAReload)
{
    LabOptions options = with_tickets();
    options.has_certificates = false;
    options.takes_only_psk = true;
    options.psk_lines = "anna:00112233445566778899aabbccddeeff\n";
    HandshakeLab lab(options);
    TrustRules anybody;
    anybody.anonymous = true;
    ASSERT_TRUE(lab.replace_services({anybody}, {{"EC", "server", ""}}));
    ASSERT_TRUE(lab.connect(1)) << lab.client(1).error();
    ASSERT_FALSE(lab.client(1).ticket().empty());
    EXPECT_TRUE(lab.connect(2, resuming(lab.client(1)))) << lab.client(2).error();
    EXPECT_TRUE(lab.peer(2).is_resumed);
}
