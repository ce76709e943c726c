extern "C" {
#include "sl_access.h"
}

#include <gtest/gtest.h>

#include <string>

namespace
{

// "prefix", "error N", or "error N prefix".
std::string Read(const std::string &text)
{
    sl_prefix prefix{};
    sl_prefix_error error = sl_prefix_parse(text.c_str(), &prefix);
    char printed[SL_PREFIX_TEXT_LEN] = "";
    if (error == SL_PREFIX_SOUND || error == SL_PREFIX_HOST_BITS)
        sl_prefix_print(&prefix, printed);
    return error == SL_PREFIX_SOUND ? printed : "error " + std::to_string(error) + " " + printed;
}

} // namespace

TEST(Prefix, IsReadAsItIsPrinted)
{
    for (const char *text : {"198.18.0.0/15", "0.0.0.0/0", "203.0.113.7", "2001:db8::/32", "::/0",
                             "2001:db8::1", "fe80::/10", "255.255.255.254/31"})
        EXPECT_EQ(Read(text), text);
    EXPECT_EQ(Read("203.0.113.7/32"), "203.0.113.7");
    EXPECT_EQ(Read("::ffff:198.18.0.0/111"), "198.18.0.0/15") << "the same addresses";
}

TEST(Prefix, SaysWhatIsWrongWithOne)
{
    for (const char *text : {"", "/8", "a.b.c.d", "198.18.0/24", "198.18.0.1.2", "2001:db8:::1",
                             "0000:0000:0000:0000:0000:0000:0000:0000:0000:0000:0"})
        EXPECT_EQ(Read(text).substr(0, 7), "error 1") << text;
    for (const char *text : {"198.18.0.0/33", "198.18.0.0/", "198.18.0.0/-1", "::/129", "::/ 8",
                             "198.18.0.0/8/8", "198.18.0.0/0x8", "::/1000"})
        EXPECT_EQ(Read(text), "error 2 ") << text;
    EXPECT_EQ(Read("198.18.1.0/15"), "error 3 198.18.0.0/15");
    EXPECT_EQ(Read("2001:db8::1/64"), "error 3 2001:db8::/64");
}

TEST(Prefix, OfAnAddressHasTheLengthOfItsFamily)
{
    const uint8_t v4[4] = {198, 18, 7, 9};
    const sl_ip ip4 = sl_ip_from_v4(v4);
    const sl_ip ip6 = {{0x20, 1, 0xd, 0xb8, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12}};
    char text[SL_PREFIX_TEXT_LEN];
    const struct {
        const sl_ip *ip;
        unsigned v4_len, v6_len;
        const char *prefix;
    } cases[] = {
        {&ip4, 32, 64, "198.18.7.9"},        {&ip4, 24, 64, "198.18.7.0/24"},
        {&ip4, 0, 64, "0.0.0.0/0"},          {&ip6, 32, 64, "2001:db8:102:304::/64"},
        {&ip6, 32, 44, "2001:db8:100::/44"}, {&ip6, 32, 0, "::/0"},
    };
    for (const auto &it : cases) {
        sl_prefix prefix = sl_prefix_of(it.ip, it.v4_len, it.v6_len);
        sl_prefix_print(&prefix, text);
        EXPECT_STREQ(text, it.prefix);
    }
}
