extern "C" {
#include "sl_admission.h"
}

#include <gtest/gtest.h>

#include <vector>

namespace
{

class Cookie : public ::testing::Test
{
  protected:
    Cookie()
    {
        memset(root, 0x11, sizeof root);
        memset(random, 0x22, sizeof random);
        jar = sl_cookie_jar_create(root);
        tuple.remote_ip.bytes[15] = 7;
        tuple.remote_port = 40000;
        tuple.local_port = 4433;
        hello.client_version = SL_DTLS_VERSION_1_2;
        hello.random = random;
        hello.session_id = session_id;
        hello.session_id_len = 4;
        hello.suites = suites;
        hello.suites_len = 4;
        hello.whole = true;
    }
    ~Cookie() override
    {
        sl_cookie_jar_destroy(jar);
    }
    void Make()
    {
        sl_cookie_make(jar, &tuple, &hello, now, cookie);
    }
    bool Check(uint64_t at)
    {
        sl_client_hello second = hello;
        second.cookie = cookie;
        second.cookie_len = sizeof cookie;
        return sl_cookie_check(jar, &tuple, &second, at);
    }
    uint8_t root[32], random[32];
    uint8_t session_id[4] = {1, 2, 3, 4}, suites[4] = {0xc0, 0x2b, 0xc0, 0x2f};
    sl_cookie_jar *jar;
    sl_tuple tuple{};
    sl_client_hello hello{};
    uint8_t cookie[SL_COOKIE_LEN];
    uint64_t now = 100 * SL_COOKIE_ROTATE_NS + 5;
};

} // namespace

TEST_F(Cookie, IsGoodInItsPeriodAndTheNextOnly)
{
    Make();
    EXPECT_TRUE(Check(now));
    EXPECT_TRUE(Check(now + SL_COOKIE_ROTATE_NS));
    EXPECT_FALSE(Check(now + 2 * SL_COOKIE_ROTATE_NS));
    EXPECT_FALSE(Check(now + 128 * SL_COOKIE_ROTATE_NS)) << "the period's number repeats";
    EXPECT_FALSE(Check(now - SL_COOKIE_ROTATE_NS));
    EXPECT_TRUE(Check(now)) << "checking keeps nothing";
}

TEST_F(Cookie, EveryBitOfItCounts)
{
    Make();
    for (unsigned bit = 0; bit < 8 * sizeof cookie; bit++) {
        cookie[bit / 8] ^= (uint8_t)(1 << bit % 8);
        EXPECT_FALSE(Check(now)) << bit;
        cookie[bit / 8] ^= (uint8_t)(1 << bit % 8);
    }
}

TEST_F(Cookie, CoversAddressPortsVersionRandomSessionIdAndSuites)
{
    Make();
    tuple.remote_ip.bytes[0] ^= 1;
    EXPECT_FALSE(Check(now));
    tuple.remote_ip.bytes[0] ^= 1;
    tuple.remote_port++;
    EXPECT_FALSE(Check(now));
    tuple.remote_port--;
    tuple.local_ip.bytes[3] ^= 1;
    EXPECT_FALSE(Check(now));
    tuple.local_ip.bytes[3] ^= 1;
    hello.client_version--;
    EXPECT_FALSE(Check(now));
    hello.client_version++;
    random[31] ^= 1;
    EXPECT_FALSE(Check(now));
    random[31] ^= 1;
    session_id[0] ^= 1;
    EXPECT_FALSE(Check(now));
    session_id[0] ^= 1;
    suites[3] ^= 1;
    EXPECT_FALSE(Check(now));
    suites[3] ^= 1;
    EXPECT_TRUE(Check(now));
}

TEST_F(Cookie, SurvivesAClientThatCutsItsSecondHelloInTwo)
{
    Make();
    hello.whole = false;
    EXPECT_TRUE(Check(now)) << "what can be compared is";
    hello.session_id_len = 3;
    EXPECT_FALSE(Check(now));
}

TEST_F(Cookie, OfAFirstFragmentIsGoodForAWholeHello)
{
    hello.whole = false;
    Make();
    hello.whole = true;
    EXPECT_TRUE(Check(now));
}

TEST_F(Cookie, IsTheSameForAllWorkersAndForNobodyElse)
{
    Make();
    sl_cookie_jar *own = jar;
    jar = sl_cookie_jar_create(root);
    EXPECT_TRUE(Check(now));
    sl_cookie_jar_destroy(jar);
    root[0] ^= 1;
    jar = sl_cookie_jar_create(root);
    EXPECT_FALSE(Check(now));
    sl_cookie_jar_destroy(jar);
    jar = own;
}

TEST_F(Cookie, OfAnotherLengthIsWrong)
{
    Make();
    sl_client_hello second = hello;
    second.cookie = cookie;
    second.cookie_len = sizeof cookie - 1;
    EXPECT_FALSE(sl_cookie_check(jar, &tuple, &second, now));
}

TEST_F(Cookie, CoversEachSuiteHoweverManyThereAre)
{
    std::vector<uint8_t> many(2000);
    for (size_t i = 0; i < many.size(); i++)
        many[i] = (uint8_t)(7 * i);
    hello.suites = many.data();
    for (uint16_t len : {2, 254, 256, 258, 288, 2000}) {
        hello.suites_len = len;
        Make();
        EXPECT_TRUE(Check(now)) << len;
        for (size_t at : {0, len / 2, len - 1}) {
            many[at] ^= 1;
            EXPECT_FALSE(Check(now)) << at << " of " << len;
            many[at] ^= 1;
        }
        hello.suites_len = (uint16_t)(len - 2);
        EXPECT_FALSE(Check(now)) << "one less than " << len;
    }
}
