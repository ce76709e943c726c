/**
 * What is left of a session's secrets in the memory of the whole process, when it has ended and the
 * gateway goes on: nothing, wherever they passed.
 */
#include <fcntl.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include "clients.h"
#include "load_world.h"

extern "C" {
#include "sl_crypto.h"
}

using namespace sl_sim;

#if defined(__has_feature)
#if __has_feature(address_sanitizer)
#define HAS_SHADOW_MEMORY 1
#endif
#elif defined(__SANITIZE_ADDRESS__)
#define HAS_SHADOW_MEMORY 1
#endif

namespace
{

/** Kept as no copy of it looks. */
struct Secret {
    std::string name;
    Bytes masked;
};
constexpr uint8_t kMask = 0xa5;

Secret secret_of(const char *name, const uint8_t *bytes, size_t len)
{
    Secret secret{name, Bytes(len)};
    for (size_t i = 0; i < len; i++)
        secret.masked[i] = bytes[i] ^ kMask;
    return secret;
}

/** The master secret and both keys, from the client's libssl. */
std::vector<Secret> secrets_of(Client &client)
{
    SSL *ssl = client.dtls().ssl();
    uint8_t master[48], client_random[32], server_random[32];
    SSL_SESSION_get_master_key(SSL_get_session(ssl), master, sizeof master);
    SSL_get_client_random(ssl, client_random, sizeof client_random);
    SSL_get_server_random(ssl, server_random, sizeof server_random);
    const std::string suite = SSL_get_cipher_name(ssl);
    sl_aead_alg alg = suite.find("CHACHA") != std::string::npos   ? SL_AEAD_CHACHA20_POLY1305
                      : suite.find("AES256") != std::string::npos ? SL_AEAD_AES_256_GCM
                                                                  : SL_AEAD_AES_128_GCM;
    sl_key_material keys{};
    EXPECT_EQ(sl_crypto_derive_keys(alg, alg == SL_AEAD_AES_256_GCM ? SL_PRF_SHA384 : SL_PRF_SHA256,
                                    master, client_random, server_random, &keys),
              0);
    size_t len = alg == SL_AEAD_AES_128_GCM ? 16 : 32;
    std::vector<Secret> secrets{secret_of("master secret", master, sizeof master),
                                secret_of("client's key", keys.client_key, len),
                                secret_of("server's key", keys.server_key, len)};
    OPENSSL_cleanse(master, sizeof master);
    OPENSSL_cleanse(&keys, sizeof keys);
    return secrets;
}

unsigned count_in(const uint8_t *at, const uint8_t *end, const Bytes &masked)
{
    unsigned count = 0;
    const size_t len = masked.size();
    const uint8_t first = masked[0] ^ kMask;
    while (at + len <= end &&
           (at = (const uint8_t *)memchr(at, first, (size_t)(end - at) - len + 1)) != nullptr) {
        size_t same = 1;
        while (same < len && at[same] == (masked[same] ^ kMask))
            same++;
        count += same == len;
        at++;
    }
    return count;
}

/** Copies in all that this process can write: heaps, stacks, arenas, rings. */
unsigned copies_of(const Secret &secret)
{
    static char maps[1 << 20]; // no heap of its own: it is looked at
    size_t len = 0;
    int fd = open("/proc/self/maps", O_RDONLY);
    for (ssize_t got; (got = read(fd, maps + len, sizeof maps - 1 - len)) > 0;)
        len += (size_t)got;
    close(fd);
    maps[len] = '\0';
    unsigned count = 0;
    for (char *line = maps; line != nullptr && *line != '\0';) {
        unsigned long begin, end;
        char permissions[5];
        if (sscanf(line, "%lx-%lx %4s", &begin, &end, permissions) == 3 &&
            strncmp(permissions, "rw", 2) == 0)
            count += count_in((const uint8_t *)begin, (const uint8_t *)end, secret.masked);
        line = strchr(line, '\n');
        line = line != nullptr ? line + 1 : nullptr;
    }
    return count;
}

void expect_none(const std::vector<Secret> &secrets)
{
    for (const Secret &secret : secrets)
        EXPECT_EQ(copies_of(secret), 0u) << "of the " << secret.name;
}

struct Kind {
    const char *name, *suite;
    bool with_cid;
};

class Secrets : public testing::TestWithParam<Kind>
{
  public:
    Secrets() : client(world.add_client(setup())) {}
    static ClientSetup setup()
    {
        ClientSetup setup;
        setup.with_cid = GetParam().with_cid;
        setup.tls.suites = GetParam().suite;
        return setup;
    }
    void SetUp() override
    {
#ifdef HAS_SHADOW_MEMORY
        GTEST_SKIP() << "terabytes of shadow memory would be looked at";
#endif
    }
    /** The client's own copies go: what is found is the gateway's. */
    void forget_client()
    {
        client.restart();
    }
    void expect_ended()
    {
        EXPECT_EQ(world.gateway.totals().sessions, 0u);
        EXPECT_EQ(world.gateway.handshakes_in_progress(), 0u);
    }
    World world;
    Client &client;
};

INSTANTIATE_TEST_SUITE_P(Kinds, Secrets,
                         testing::Values(Kind{"Aes128Cid", "ECDHE-ECDSA-AES128-GCM-SHA256", true},
                                         Kind{"Aes128", "ECDHE-ECDSA-AES128-GCM-SHA256", false},
                                         Kind{"Aes256Cid", "ECDHE-ECDSA-AES256-GCM-SHA384", true},
                                         Kind{"ChaChaCid", "ECDHE-ECDSA-CHACHA20-POLY1305", true}),
                         [](const testing::TestParamInfo<Kind> &info) { return info.param.name; });

} // namespace

TEST_P(Secrets, AreThereWhileTheSessionLives)
{
    ASSERT_TRUE(world.connect(client));
    std::vector<Secret> secrets = secrets_of(client);
    EXPECT_GE(copies_of(secrets[0]), 1u) << "the client has its own: the search finds it";
    forget_client();
    EXPECT_EQ(copies_of(secrets[0]), 0u) << "the gateway has forgotten it with the handshake";
    EXPECT_EQ(copies_of(secrets[1]), 1u) << "one place in the session's epoch, and no other";
    EXPECT_EQ(copies_of(secrets[2]), 1u);
}

TEST_P(Secrets, AreGoneWhenThePeerHasClosed)
{
    ASSERT_TRUE(world.connect(client));
    std::vector<Secret> secrets = secrets_of(client);
    world.close(client);
    world.run_for(60000);
    expect_ended();
    forget_client();
    expect_none(secrets);
}

TEST_P(Secrets, AreGoneWhenAConsumerHasClosed)
{
    ASSERT_TRUE(world.connect(client));
    std::vector<Secret> secrets = secrets_of(client);
    world.ask(client, SL_RING_CLOSE_SESSION);
    world.run_for(60000);
    expect_ended();
    forget_client();
    expect_none(secrets);
}

TEST_P(Secrets, AreGoneWhenTheSessionWasIdle)
{
    ASSERT_TRUE(world.connect(client));
    std::vector<Secret> secrets = secrets_of(client);
    world.run_for(1300000);
    expect_ended();
    forget_client();
    expect_none(secrets);
}

TEST_P(Secrets, AreGoneWhenTheGatewayHasStopped)
{
    ASSERT_TRUE(world.connect(client));
    std::vector<Secret> secrets = secrets_of(client);
    world.gateway.stop();
    ASSERT_TRUE(world.run_until([&] { return world.gateway.is_stopped(); }, 10000));
    forget_client();
    expect_none(secrets);
}

TEST_P(Secrets, AreGoneWhenAHandshakeWasGivenUpAfterItsKeys)
{
    // What the client sends under the keys never arrives: the worker has them, and no session.
    world.loses = [&](bool to_gateway, const Bytes &frame) {
        size_t off, len;
        tuple_of(frame, &off, &len);
        size_t at = off, end = off + len;
        while (at < end && frame[at + 4] == 0) // the low byte of its epoch
            at += SL_RECORD_HEADER_LEN + (size_t)(frame[at + 11] << 8 | frame[at + 12]);
        if (!to_gateway || at >= end)
            return false;
        if (at > off) // the records before it do
            world.inject(
                client.frame_of(Bytes(frame.begin() + (long)off, frame.begin() + (long)at)), 0);
        return true;
    };
    world.start(client);
    ASSERT_TRUE(world.run_until(
        [&] {
            return SSL_get_session(client.dtls().ssl()) != nullptr &&
                   SSL_SESSION_get_master_key(SSL_get_session(client.dtls().ssl()), nullptr, 0) !=
                       0;
        },
        10000));
    world.run_for(100);
    std::vector<Secret> secrets = secrets_of(client);
    EXPECT_GE(copies_of(secrets[1]), 1u) << "the gateway has derived them";
    world.run_for(200000);
    expect_ended();
    forget_client();
    expect_none(secrets);
}

TEST_P(Secrets, AreGoneWhenTheSameClientHasBegunAnew)
{
    ASSERT_TRUE(world.connect(client));
    std::vector<Secret> secrets = secrets_of(client);
    world.restart(client);
    ASSERT_TRUE(world.run_until([&] { return client.is_connected(); }));
    ASSERT_TRUE(world.can_talk(client));
    world.run_for(GetParam().with_cid ? 1300000 : 60000);
    expect_none(secrets);
}

// The generator has a whole population's keys, and goes on without those of who has left.
TEST(LoadSecrets, AreGoneWithTheSession)
{
#ifdef HAS_SHADOW_MEMORY
    GTEST_SKIP() << "terabytes of shadow memory would be looked at";
#endif
    LoadOptions options;
    options.scenario.clients = 1;
    LoadWorld world(options);
    std::vector<Secret> secrets;
    world.on_session = [&](const sl_load_session &session) {
        secrets.push_back(secret_of("client's key", session.seal_key, 16));
    };
    world.order(SL_LOAD_CONNECT);
    ASSERT_TRUE(world.run_until_done());
    world.run_for(100);
    ASSERT_EQ(secrets.size(), 1u);
    EXPECT_EQ(copies_of(secrets[0]), 2u) << "the generator's, and the gateway's";
    world.order(SL_LOAD_CLOSE);
    ASSERT_TRUE(world.run_until_done());
    world.run_for(1000);
    EXPECT_EQ(world.gateway.totals().sessions, 0u);
    expect_none(secrets);
}
