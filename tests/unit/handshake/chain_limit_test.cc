/* How long a chain a peer may show: docs/decisions/limits-of-a-handshake.md. */
#include "half_open.h"
#include "many_names.h"

using namespace sl_test;

namespace
{

const std::string refusal = "the server's certificate chain is longer than certificate_chain_kib "
                            "allows, or has more than 16 certificates";

/** A client of the lab's authority, and authorities between it and that one. */
ClientOptions client_below(const Identity &authority, unsigned between)
{
    ClientOptions options;
    Identity issuer = authority;
    for (unsigned i = 0; i < between; i++) {
        issuer = make_identity("EC", "middle " + std::to_string(i), &issuer, true);
        options.chain.insert(options.chain.begin(), issuer.certificate);
    }
    options.identity = make_identity("EC", "client", &issuer);
    return options;
}

ClientOptions client_with_names(const Identity &authority, unsigned count)
{
    ClientOptions options;
    options.identity = make_identity("EC", "client", &authority, false, 86400,
                                     many_names("DNS:client.test", count));
    return options;
}

LabOptions mutual(uint32_t certificate_chain_max = 0)
{
    LabOptions options;
    options.asks_clients = true;
    options.certificate_chain_max = certificate_chain_max;
    return options;
}

void expect_refusal(HandshakeLab &lab)
{
    EXPECT_TRUE(lab.peer(1).is_aborted);
    EXPECT_FALSE(lab.peer(1).is_established);
    EXPECT_EQ(lab.peer(1).abort.cause, SL_ABORT_CHAIN_TOO_LONG);
    EXPECT_EQ(lab.counter(SL_HANDSHAKE_CHAIN_TOO_LONG), 1u);
    EXPECT_NE(lab.client(1).error().find("certificate unknown"), std::string::npos)
        << lab.client(1).error();
    EXPECT_TRUE(lab.counters_add_up());
}

void expect_refusal(ClientLab &lab)
{
    EXPECT_TRUE(lab.client(1).is_aborted);
    EXPECT_EQ(lab.reason(1), refusal);
    EXPECT_EQ(lab.counter(SL_HANDSHAKE_CHAIN_TOO_LONG), 1u);
    EXPECT_NE(lab.server(1).error().find("certificate unknown"), std::string::npos)
        << lab.server(1).error();
    EXPECT_TRUE(lab.counters_add_up());
}

/** Leaves of a datagram of the client's what is not behind its Certificate. */
void cut_behind_certificate(Bytes &datagram)
{
    size_t at = 0;
    while (at < datagram.size() && datagram[at] == SL_CONTENT_HANDSHAKE &&
           (datagram[at + 13] == SL_HANDSHAKE_CLIENT_HELLO ||
            datagram[at + 13] == SL_HANDSHAKE_CERTIFICATE))
        at += 13UL + sl_load_be16(&datagram[at + 11]);
    datagram.resize(at);
}

} // namespace

TEST(ClientsChain, ThatIsTooLongIsRefusedWhenTheHandshakesTimeIsOver)
{
    HandshakeLab lab(mutual(2048));
    const uint64_t begin = now_ns();
    EXPECT_FALSE(lab.connect(1, client_with_names(lab.authority, 40)));
    expect_refusal(lab);
    EXPECT_GE(now_ns() - begin, 30000 * ns_per_ms);
}

TEST(ClientsChain, ThatComesLateIsTakenThoughSomebodyHasForgedAnother)
{
    HandshakeLab lab(mutual());
    ClientOptions slow = client_below(lab.authority, 0);
    slow.timeout_ms = 9000; /* RFC 7925 11 */
    bool is_lost = false;
    const Bytes forged =
        record(SL_CONTENT_HANDSHAKE, 3, message(SL_HANDSHAKE_CERTIFICATE, 2, 20000, 0, 100));
    lab.judge = [&](bool to_server, unsigned, const Bytes &datagram) {
        if (!to_server || is_lost || datagram[13] != SL_HANDSHAKE_CERTIFICATE)
            return Fate::Deliver;
        is_lost = true;
        EXPECT_TRUE(lab.worker_of(1).post_record(1, forged));
        return Fate::Lose;
    };
    lab.add_client(1, slow);
    lab.start(1);
    EXPECT_TRUE(lab.run_until([&] { return lab.is_connected(1); }, 15000));
    EXPECT_TRUE(is_lost);
}

TEST(ClientsChain, ThatIsLongerThanAMessageCanBeIsRefused)
{
    HandshakeLab lab(mutual());
    EXPECT_FALSE(lab.connect(1, client_with_names(lab.authority, 400)));
    expect_refusal(lab);
}

TEST(ClientsChain, MayBeAsLongAsItMayBeAndNoByteLonger)
{
    for (uint32_t missing : {0u, 1u}) {
        Identity authority = make_identity("EC", "authority", nullptr, true);
        ClientOptions client = client_below(authority, 1);
        LabOptions options = mutual((uint32_t)(3 + der_len(client.identity->certificate) + 3 +
                                               der_len(client.chain[0]) - missing));
        options.authority = authority;
        HandshakeLab lab(options);
        EXPECT_EQ(lab.connect(1, client), missing == 0) << lab.client(1).error();
    }
}

TEST(ClientsChain, MayHaveSixteenCertificatesAndNoMore)
{
    for (unsigned between : {15u, 16u}) {
        HandshakeLab lab(mutual());
        EXPECT_EQ(lab.connect(1, client_below(lab.authority, between)), between == 15)
            << lab.client(1).error();
        if (between == 16)
            expect_refusal(lab);
    }
}

TEST_F(HalfOpen, SurvivesTheBeginningOfAChainThatIsTooLong)
{
    begin(mutual());
    inject(record(SL_CONTENT_HANDSHAKE, 3, message(SL_HANDSHAKE_CERTIFICATE, 2, 20000, 0, 100)));
    expect_completion();
    EXPECT_EQ(lab->counter(SL_HANDSHAKE_CHAIN_TOO_LONG), 0u);
}

TEST(ClientsChain, OnceItWasTakenIsNotRefusedOverAForgedOne)
{
    HandshakeLab lab(mutual());
    lab.add_client(1, client_below(lab.authority, 0));
    lab.alter = [](bool to_server, unsigned, Bytes &datagram) {
        if (to_server)
            cut_behind_certificate(datagram);
    };
    const Bytes forged =
        record(SL_CONTENT_HANDSHAKE, 3, message(SL_HANDSHAKE_CERTIFICATE, 2, 20000, 0, 100));
    lab.judge = [&](bool to_server, unsigned, const Bytes &datagram) {
        if (to_server && datagram[13] == SL_HANDSHAKE_CERTIFICATE) {
            EXPECT_TRUE(lab.worker_of(1).post_record(1, forged));
        }
        return Fate::Deliver;
    };
    lab.start(1);
    lab.run_for(2600); /* it has been sent twice, and the rest never came */
    EXPECT_FALSE(lab.peer(1).is_aborted);
    lab.alter = nullptr;
    EXPECT_TRUE(lab.run_until([&] { return lab.is_connected(1); }, 5000));
}

TEST(ServersChain, ThatIsTooLongIsRefusedAndTheReasonSaysSo)
{
    ClientLabOptions options;
    options.certificate_chain_max = 2048;
    options.server_names = many_names("DNS:server.test", 40);
    ClientLab lab(options);
    EXPECT_FALSE(lab.connect(1));
    expect_refusal(lab);
}

TEST(ServersChain, ThatIsLongerThanAMessageCanBeIsRefused)
{
    ClientLabOptions options;
    options.server_names = many_names("DNS:server.test", 400);
    ClientLab lab(options);
    EXPECT_FALSE(lab.connect(1));
    expect_refusal(lab);
}

TEST(ServersChain, MayHaveSixteenCertificatesAndNoMore)
{
    for (unsigned count : {16u, 17u}) {
        ClientLabOptions options;
        for (unsigned i = 1; i < count; i++)
            options.server.chain.push_back(
                make_identity("EC", "other " + std::to_string(i)).certificate);
        ClientLab lab(options);
        EXPECT_EQ(lab.connect(1), count == 16) << lab.reason(1);
        if (count == 17)
            expect_refusal(lab);
    }
}

TEST_F(ClientHalfOpen, SurvivesTheBeginningOfAChainThatIsTooLong)
{
    begin();
    inject(record(SL_CONTENT_HANDSHAKE, 3, message(SL_HANDSHAKE_CERTIFICATE, 2, 20000, 0, 100)));
    expect_completion();
    EXPECT_EQ(lab->counter(SL_HANDSHAKE_CHAIN_TOO_LONG), 0u);
}

TEST_F(ClientHalfOpen, BlamesNoChainThatAnybodyCanHaveSentBeforeTheServersHello)
{
    begin();
    inject(record(SL_CONTENT_HANDSHAKE, 3, message(SL_HANDSHAKE_CERTIFICATE, 2, 20000, 0, 100)));
    lab->run_for(40000); /* nothing of the server's comes meanwhile */
    EXPECT_EQ(lab->client(1).abort.cause, SL_ABORT_TIMED_OUT);
    EXPECT_EQ(lab->counter(SL_HANDSHAKE_CHAIN_TOO_LONG), 0u);
}
