#include "packets.h"

#include <gtest/gtest.h>

#include <random>

namespace
{

// A ClientHello message (no record header), whole, with one extension.
Bytes Hello(const Bytes &cookie)
{
    Bytes body = {0xfe, 0xfd};
    body.insert(body.end(), 32, 0x77);
    body.insert(body.end(), {2, 5, 6, (uint8_t)cookie.size()});
    body.insert(body.end(), cookie.begin(), cookie.end());
    body.insert(body.end(), {0, 4, 0xc0, 0x2b, 0xc0, 0x2f, 1, 0, 0, 5, 0, 54, 0, 1, 0});
    Bytes message = {1, 0, 0, (uint8_t)body.size(), 0, 0, 0, 0, 0, 0, 0, (uint8_t)body.size()};
    message.insert(message.end(), body.begin(), body.end());
    return message;
}

sl_drop Parse(const Bytes &body, sl_client_hello *hello)
{
    sl_record_header record{};
    record.type = 22;
    record.seq = 7;
    record.body_len = (uint16_t)body.size();
    return sl_wire_parse_client_hello(&record, body.data(), hello);
}

} // namespace

TEST(WireClientHello, ReadsAWholeOne)
{
    sl_client_hello hello;
    Bytes bytes = Hello({9, 9, 9});
    ASSERT_EQ(Parse(bytes, &hello), SL_DROP_NONE);
    EXPECT_TRUE(hello.whole);
    EXPECT_EQ(hello.record_seq, 7u);
    EXPECT_EQ(hello.session_id_len, 2);
    EXPECT_EQ(hello.cookie_len, 3);
    EXPECT_EQ(hello.cookie[0], 9);
    EXPECT_EQ(hello.suites_len, 4);
    EXPECT_EQ(hello.random[0], 0x77);
}

TEST(WireClientHello, ReadsAFirstFragmentThatReachesPastTheCookie)
{
    Bytes bytes = Hello({9, 9, 9});
    size_t past_cookie = 12 + 2 + 32 + 3 + 1 + 3;
    bytes.resize(past_cookie);
    bytes[11] = (uint8_t)(past_cookie - 12);
    sl_client_hello hello;
    ASSERT_EQ(Parse(bytes, &hello), SL_DROP_NONE);
    EXPECT_FALSE(hello.whole);
    EXPECT_EQ(hello.cookie_len, 3);
    EXPECT_EQ(hello.suites_len, 0);
    bytes.resize(past_cookie - 1);
    bytes[11]--;
    EXPECT_EQ(Parse(bytes, &hello), SL_DROP_CLIENT_HELLO);
}

TEST(WireClientHello, ALaterFragmentHasNoFields)
{
    Bytes bytes = Hello({});
    bytes.resize(12 + 10);
    bytes[8] = 20;
    bytes[11] = 10;
    sl_client_hello hello;
    ASSERT_EQ(Parse(bytes, &hello), SL_DROP_NONE);
    EXPECT_EQ(hello.frag_off, 20u);
    EXPECT_EQ(hello.random, nullptr);
}

TEST(WireClientHello, RefusesEveryCutAndEveryWrongLength)
{
    const Bytes good = Hello({9, 9, 9});
    sl_client_hello hello;
    for (size_t len = 1; len < good.size(); len++)
        EXPECT_EQ(Parse(Bytes(good.begin(), good.begin() + (long)len), &hello),
                  SL_DROP_CLIENT_HELLO);
    for (size_t at : {8, 11, 46, 49, 54, 59, 62, 66}) {
        Bytes bad = good;
        bad[at] = (uint8_t)(bad[at] + 1);
        EXPECT_EQ(Parse(bad, &hello), SL_DROP_CLIENT_HELLO) << "byte " << at;
    }
    Bytes extra = good;
    extra.push_back(0);
    EXPECT_EQ(Parse(extra, &hello), SL_DROP_CLIENT_HELLO);
}

TEST(WireClientHello, AnotherMessageIsNotOne)
{
    Bytes bytes = Hello({});
    bytes[0] = 16;
    sl_client_hello hello;
    EXPECT_EQ(Parse(bytes, &hello), SL_DROP_CONTENT_TYPE);
}

TEST(WireClientHello, StaysWithinRandomBytes)
{
    std::mt19937 random(2);
    for (int i = 0; i < 100000; i++) {
        Bytes bytes = Hello({1, 2});
        for (int n = 0; n < 3; n++)
            bytes[random() % bytes.size()] = (uint8_t)random();
        bytes.resize(1 + random() % bytes.size());
        bytes.shrink_to_fit();
        sl_client_hello hello;
        if (Parse(bytes, &hello) == SL_DROP_NONE && hello.cookie_len > 0) {
            EXPECT_LE(hello.cookie + hello.cookie_len, bytes.data() + bytes.size());
        }
    }
}

TEST(WireClientHello, TheAnswerIsAHelloVerifyRequestOfDtls10)
{
    uint8_t cookie[33];
    memset(cookie, 0xcc, sizeof cookie);
    uint8_t out[SL_HELLO_VERIFY_LEN(sizeof cookie)];
    sl_wire_write_hello_verify(out, 0x0102, 0x0304, cookie, sizeof cookie);
    const uint8_t start[] = {22, 0xfe, 0xff, 0, 0, 0, 0, 0, 0, 1,  2,    0,    48, 3,   0,
                             0,  36,   3,    4, 0, 0, 0, 0, 0, 36, 0xfe, 0xff, 33, 0xcc};
    EXPECT_EQ(memcmp(out, start, sizeof start), 0);
}
