extern "C" {
#include "payload.h"
}

#include <gtest/gtest.h>

#include <set>
#include <vector>

namespace
{

constexpr load_payload sent = {0x01020304, 0xfffefdfc, 0x1122334455667788};

std::vector<uint8_t> written(uint32_t len)
{
    std::vector<uint8_t> bytes(len);
    load_write_payload(bytes.data(), len, &sent);
    return bytes;
}

bool is_ours(const std::vector<uint8_t> &bytes)
{
    load_payload payload;
    return load_read_payload(bytes.data(), bytes.size(), &payload);
}

} // namespace

TEST(LoadPayload, BeginsWithClientAndLengthNumberAndTimeInNetworkOrder)
{
    EXPECT_EQ(written(16), (std::vector<uint8_t>{1, 2 ^ 16, 3, 4, 0xff, 0xfe, 0xfd, 0xfc, 0x11,
                                                 0x22, 0x33, 0x44, 0x55, 0x66, 0x77, 0x88}));
}

TEST(LoadPayload, ReadsWhatItWroteAtEveryLength)
{
    for (uint32_t len = LOAD_PAYLOAD_MIN; len <= SL_RECORD_PLAINTEXT_MAX;
         len += len < 2000 ? 1 : 7) {
        const std::vector<uint8_t> bytes = written(len);
        load_payload read;
        ASSERT_TRUE(load_read_payload(bytes.data(), len, &read)) << len;
        ASSERT_EQ(read.client, sent.client);
        ASSERT_EQ(read.number, sent.number);
        ASSERT_EQ(read.intended_ns, sent.intended_ns);
    }
    EXPECT_TRUE(is_ours(written(SL_RECORD_PLAINTEXT_MAX)));
}

TEST(LoadPayload, RefusesEachChangedByteOfThePattern)
{
    std::vector<uint8_t> bytes = written(700);
    for (size_t at = LOAD_PAYLOAD_MIN; at < bytes.size(); at++) {
        bytes[at] ^= 0x40;
        ASSERT_FALSE(is_ours(bytes)) << at;
        bytes[at] ^= 0x40;
    }
    EXPECT_TRUE(is_ours(bytes));
}

TEST(LoadPayload, RefusesWhatIsTooShortOrTooLong)
{
    for (uint32_t len = 0; len < LOAD_PAYLOAD_MIN; len++)
        EXPECT_FALSE(is_ours(std::vector<uint8_t>(len)));
    std::vector<uint8_t> longest = written(SL_RECORD_PLAINTEXT_MAX);
    longest.push_back(0);
    EXPECT_FALSE(is_ours(longest));
}

TEST(LoadPayload, IsAnotherClientsWhenItWasCut)
{
    const std::vector<uint8_t> bytes = written(SL_RECORD_PLAINTEXT_MAX);
    for (size_t len = LOAD_PAYLOAD_MIN; len < bytes.size(); len++) {
        load_payload read;
        ASSERT_TRUE(load_read_payload(bytes.data(), len, &read)) << len;
        ASSERT_NE(read.client, sent.client) << len;
    }
}

TEST(LoadPayload, RefusesBytesThatMoved)
{
    for (size_t by = 1; by <= 64; by++) {
        std::vector<uint8_t> bytes = written(256);
        bytes.erase(bytes.begin() + LOAD_PAYLOAD_MIN, bytes.begin() + LOAD_PAYLOAD_MIN + by);
        ASSERT_FALSE(is_ours(bytes)) << by;
    }
}

TEST(LoadPayload, PatternDoesNotRepeat)
{
    std::set<uint64_t> words(std::begin(load_pattern), std::end(load_pattern));
    EXPECT_EQ(words.size(), sizeof load_pattern / sizeof load_pattern[0]);
}
