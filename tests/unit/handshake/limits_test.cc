/* What one handshake may cost: docs/decisions/limits-of-a-handshake.md. */
#include <malloc.h>

#include <openssl/x509v3.h>

#include "half_open.h"
#include "many_names.h"

using namespace sl_test;

namespace
{

constexpr uint32_t body_max = SL_RECORD_PLAINTEXT_MAX - SL_HANDSHAKE_HEADER_LEN;
/** The shortest datagrams that libssl makes; ours become longer when they are sealed. */
constexpr unsigned narrow = 256;
constexpr unsigned our_narrow = narrow + SL_RECORD_OVERHEAD_MAX - SL_RECORD_HEADER_LEN;

/** What takes most memory once it is parsed. */
void add_tiny_extensions(const Identity &identity, const Identity &issuer, unsigned count)
{
    std::unique_ptr<ASN1_OCTET_STRING, decltype(&ASN1_OCTET_STRING_free)> nothing(
        ASN1_OCTET_STRING_new(), ASN1_OCTET_STRING_free);
    for (unsigned i = 0; i < count; i++) {
        ASN1_OBJECT *name = OBJ_txt2obj(("1.2." + std::to_string(i)).c_str(), 1);
        X509_EXTENSION *extension = X509_EXTENSION_create_by_OBJ(nullptr, name, 0, nothing.get());
        X509_add_ext(identity.certificate.get(), extension, -1);
        X509_EXTENSION_free(extension);
        ASN1_OBJECT_free(name);
    }
    X509_sign(identity.certificate.get(), issuer.key.get(), EVP_sha256());
}

/** The first of a message's fragments; datagrams of a narrow path have one record each. */
bool begins(const Bytes &datagram, uint8_t type)
{
    return datagram.size() > SL_RECORD_HEADER_LEN + SL_HANDSHAKE_HEADER_LEN && datagram[0] == 22 &&
           datagram[4] == 0 && datagram[13] == type && datagram[19] == 0 && datagram[20] == 0 &&
           datagram[21] == 0;
}

/** Empty pieces of one message, as many in a record. */
Bytes pieces(uint8_t type, uint16_t seq, uint32_t len, unsigned count)
{
    Bytes body;
    for (unsigned i = 0; i < count; i++) {
        const Bytes piece = message(type, seq, len, 0, 0);
        body.insert(body.end(), piece.begin(), piece.end());
    }
    return record(SL_CONTENT_HANDSHAKE, 3, body);
}

/** Bytes that the program has from malloc; 0: a sanitizer's malloc does not say. */
size_t memory()
{
    return mallinfo2().uordblks;
}

class ServerLimits : public HalfOpen
{
  protected:
    void begin_mutual()
    {
        LabOptions options;
        options.asks_clients = true;
        begin(options);
    }
    void inject_pieces(unsigned count)
    {
        inject(pieces(SL_HANDSHAKE_CLIENT_KEY_EXCHANGE, 2, 33, count));
    }
    uint64_t cut() const
    {
        return lab->counter(SL_HANDSHAKE_FRAGMENT_LIMIT);
    }
};

class ClientLimits : public ClientHalfOpen
{
  protected:
    void inject_begun(uint16_t seq, uint32_t len)
    {
        inject(record(SL_CONTENT_HANDSHAKE, 3, message(SL_HANDSHAKE_CERTIFICATE, seq, len, 9, 1)));
    }
    uint64_t dropped() const
    {
        return lab->counter(SL_HANDSHAKE_AHEAD_LIMIT);
    }
};

} // namespace

TEST_F(ServerLimits, SixteenFragmentsOfARecordAreLookedAt)
{
    begin();
    inject_pieces(16);
    EXPECT_EQ(cut(), 0u);
    inject_pieces(17);
    inject_pieces(700);
    EXPECT_EQ(cut(), 2u);
    EXPECT_EQ(bad(), 0u);
    expect_completion();
}

TEST_F(ServerLimits, FragmentsBeyondItsShareAreDroppedUntilTimeHasGoneBy)
{
    begin();
    for (unsigned i = 0; i < 1024 / 16; i++)
        inject_pieces(16);
    EXPECT_EQ(cut(), 0u);
    inject_pieces(1);
    EXPECT_EQ(cut(), 1u);
    lab->run_for(500);
    for (unsigned i = 0; i < 256 / 16; i++)
        inject_pieces(16);
    EXPECT_EQ(cut(), 1u);
    inject_pieces(1);
    EXPECT_EQ(cut(), 2u);
    lab->run_for(100);
    expect_completion();
}

TEST_F(ServerLimits, BytesBeyondItsShareAreDroppedUntilTimeHasGoneBy)
{
    begin_mutual();
    uint8_t fill = 0;
    auto inject_bytes = [&] {
        inject(record(SL_CONTENT_HANDSHAKE, 3,
                      message(SL_HANDSHAKE_CERTIFICATE, 2, 16000, 0, 8192, fill++)));
    };
    for (unsigned i = 0; i < 128 / 8; i++)
        inject_bytes();
    EXPECT_EQ(cut(), 0u);
    inject_bytes();
    EXPECT_EQ(cut(), 1u);
    lab->run_for(500);
    for (unsigned i = 0; i < 32 / 8 + 1; i++) /* the last one on credit */
        inject_bytes();
    EXPECT_EQ(cut(), 1u);
    inject_bytes();
    EXPECT_EQ(cut(), 2u);
    lab->run_for(300);
    expect_completion();
}

TEST_F(ServerLimits, AHandshakeHoldsNoMoreMemoryThanItMay)
{
    begin_mutual();
    const size_t before = memory();
    for (uint32_t len = 4; len <= body_max; len += 97) /* each begins the message afresh */
        inject(record(SL_CONTENT_HANDSHAKE, 3, message(SL_HANDSHAKE_CERTIFICATE, 2, len, 0, 3)));
    for (uint32_t len = 4; len <= 4096; len += 97)
        inject(record(SL_CONTENT_HANDSHAKE, 3,
                      message(SL_HANDSHAKE_CERTIFICATE_VERIFY, 4, len, 0, 3)));
    for (unsigned i = 0; i < 10; i++)
        inject(record(SL_CONTENT_HANDSHAKE, 0, Bytes(9000, 7), 1));
    EXPECT_LE(memory(), before + 18446 + 4622 + 2 * 9013 + 1024);
    lab->run_for(100);
    expect_completion();
}

/* libssl's part of it included. Strangers cost less: where nobody vouches for the chain, all is
 * gone as soon as it was looked at. */
TEST(HandshakeMemory, IsAtMostHalfAMebibyteWhateverIsInTheChain)
{
    LabOptions options;
    options.asks_clients = true;
    HandshakeLab lab(options);
    ClientOptions client;
    client.identity = make_identity("EC", "client", &lab.authority);
    add_tiny_extensions(*client.identity, lab.authority, 1780);
    ASSERT_GT(der_len(client.identity->certificate), 16000u);
    lab.add_client(1, client);
    lab.alter = [](bool to_server, unsigned, Bytes &datagram) {
        size_t at = 0;
        while (to_server && at < datagram.size() && datagram[at] == SL_CONTENT_HANDSHAKE &&
               (datagram[at + 13] == SL_HANDSHAKE_CLIENT_HELLO ||
                datagram[at + 13] == SL_HANDSHAKE_CERTIFICATE))
            at += 13UL + sl_load_be16(&datagram[at + 11]);
        if (to_server)
            datagram.resize(at); /* what comes behind the Certificate is lost */
    };
    lab.start(1);
    lab.run_for(500);
    const Bytes verify = message(SL_HANDSHAKE_CERTIFICATE_VERIFY, 4, 4096, 0, 3);
    ASSERT_TRUE(lab.worker_of(1).post_record(1, record(SL_CONTENT_HANDSHAKE, 3, verify)));
    for (unsigned i = 0; i < 2; i++)
        ASSERT_TRUE(
            lab.worker_of(1).post_record(1, record(SL_CONTENT_HANDSHAKE, 0, Bytes(9000, 7), 1)));
    lab.run_for(0);
    ASSERT_EQ(sl_handshaker_in_progress(lab.handshaker), 1u);
    const size_t before = memory();
    lab.worker_of(1).close(1);
    lab.run_for(0);
    ASSERT_EQ(sl_handshaker_in_progress(lab.handshaker), 0u);
    EXPECT_LE(before - memory(), 512u * 1024);
}

TEST_F(ClientLimits, MessagesBeforeTheirTurnHaveNoMoreMemoryThanTheyMay)
{
    begin();
    const size_t before = memory();
    for (uint16_t seq : {2, 3}) /* 1 is the next */
        inject_begun(seq, body_max);
    EXPECT_EQ(dropped(), 0u);
    for (uint16_t seq : {4, 5, 6, 7, 8})
        inject_begun(seq, body_max);
    EXPECT_EQ(dropped(), 5u);
    inject_begun(4, 2000); /* there is room for a little more */
    EXPECT_EQ(dropped(), 5u);
    EXPECT_LE(memory(), before + 48 * 1024 + 1024);
    EXPECT_EQ(bad(), 0u);
    expect_completion(); /* the next message has room in any case */
}

TEST_F(ClientLimits, TheNextMessageHasRoomWhateverIsHeldAlready)
{
    ClientLabOptions options;
    options.server_names = many_names("DNS:server.test", 260);
    begin(options);
    for (uint16_t seq : {3, 4})
        inject_begun(seq, body_max);
    EXPECT_EQ(dropped(), 0u);
    expect_completion();
}

/* RFC 6347 4.2.3, 4.2.4: every flight comes three times, and the first two times its first piece
 * does not, so that all others are kept and met again. */
TEST(HonestWorstCase, OfAClientWithALongChainOnANarrowPathComesThrough)
{
    LabOptions options;
    options.asks_clients = true;
    HandshakeLab lab(options);
    lab.worker_of(1).path_payload_max = our_narrow;
    ClientOptions client;
    client.identity = make_identity("RSA", "client", &lab.authority, false, 86400,
                                    many_names("DNS:client.test", 260));
    client.mtu = narrow;
    ASSERT_GT(der_len(client.identity->certificate), 16000u);
    ASSERT_LT(der_len(client.identity->certificate), body_max - 6);
    std::map<uint8_t, unsigned> lost;
    size_t largest = 0;
    lab.judge = [&](bool, unsigned, const Bytes &datagram) {
        largest = std::max(largest, datagram.size());
        for (uint8_t type : {SL_HANDSHAKE_SERVER_HELLO, SL_HANDSHAKE_CERTIFICATE})
            if (begins(datagram, type) && lost[type] < 2) {
                lost[type]++;
                return Fate::Lose;
            }
        return Fate::Deliver;
    };
    EXPECT_TRUE(lab.connect(1, client)) << lab.client(1).error();
    EXPECT_LE(largest, our_narrow);
    EXPECT_EQ(lost.at(SL_HANDSHAKE_CERTIFICATE), 2u);
    EXPECT_EQ(lab.counter(SL_HANDSHAKE_FRAGMENT_LIMIT), 0u);
    EXPECT_EQ(lab.counter(SL_HANDSHAKE_AHEAD_LIMIT), 0u);
    EXPECT_EQ(lab.counter(SL_HANDSHAKE_BAD_RECORD), 0u);
}

TEST(HonestWorstCase, OfAServerWithALongChainOnANarrowPathComesThrough)
{
    ClientLabOptions options;
    options.server_kinds = {"RSA"};
    options.server_names = many_names("DNS:server.test", 260);
    options.server.mtu = narrow;
    options.asks_clients = true;
    options.client_kinds = {"RSA"};
    ClientLab lab(options);
    lab.worker.path_payload_max = our_narrow;
    ASSERT_GT(der_len(lab.server_identities[0].certificate), 16000u);
    std::map<uint8_t, unsigned> lost;
    lab.judge = [&](bool, unsigned, const Bytes &datagram) {
        for (uint8_t type : {SL_HANDSHAKE_SERVER_HELLO, SL_HANDSHAKE_CERTIFICATE})
            if (begins(datagram, type) && lost[type] < 2) {
                lost[type]++;
                return Fate::Lose;
            }
        return Fate::Deliver;
    };
    EXPECT_TRUE(lab.connect(1)) << lab.reason(1);
    EXPECT_EQ(lost.at(SL_HANDSHAKE_SERVER_HELLO), 2u);
    EXPECT_EQ(lab.counter(SL_HANDSHAKE_FRAGMENT_LIMIT), 0u);
    EXPECT_EQ(lab.counter(SL_HANDSHAKE_AHEAD_LIMIT), 0u);
    EXPECT_EQ(lab.counter(SL_HANDSHAKE_BAD_RECORD), 0u);
}
