extern "C" {
#include "sl_identity.h"
}

#include <gtest/gtest.h>

#include <set>
#include <string>
#include <vector>

#include "test_certificates.h"

using namespace sl_test;

namespace
{

using Bytes = std::vector<uint8_t>;

struct Psks : testing::Test {
    TemporaryDirectory directory;
    char reason[SL_CREDENTIALS_REASON_LEN] = "";

    struct Deleter {
        void operator()(sl_psks *psks) const
        {
            sl_psks_destroy(psks);
        }
    };
    using Loaded = std::unique_ptr<sl_psks, Deleter>;

    Loaded Load(const std::string &lines)
    {
        return Loaded(sl_psks_load(directory.write("psk", lines).c_str(), reason));
    }

    /** Why it is refused, from behind the file's name. */
    std::string ReasonOf(const std::string &lines)
    {
        EXPECT_EQ(Load(lines), nullptr) << lines;
        std::string text = reason;
        size_t at = text.find("/psk");
        return at == std::string::npos ? text : text.substr(at + 4);
    }

    static sl_psk_secret Find(const Loaded &psks, const std::string &identity)
    {
        sl_psk_secret found;
        EXPECT_TRUE(sl_psks_find(psks.get(), reinterpret_cast<const uint8_t *>(identity.data()),
                                 identity.size(), &found));
        return found;
    }

    static Bytes KeyOf(const sl_psk_secret &secret)
    {
        return Bytes(secret.key, secret.key + secret.key_len);
    }

    static std::string Written(const std::string &identity, size_t room = SL_PSK_TEXT_SIZE)
    {
        std::string text(room, '#');
        bool fits = sl_psk_write_identity(
            text.data(), room, reinterpret_cast<const uint8_t *>(identity.data()), identity.size());
        return fits ? text.c_str() : "too long";
    }
};

} // namespace

TEST_F(Psks, AreFoundByTheirIdentityAndNoOther)
{
    Loaded psks = Load("anna:00112233\r\n# a comment\n\nb:e:rt:" + std::string(128, 'a') + "\n");
    ASSERT_NE(psks, nullptr) << reason;
    EXPECT_TRUE(Find(psks, "anna").is_known);
    EXPECT_EQ(KeyOf(Find(psks, "anna")), (Bytes{0x00, 0x11, 0x22, 0x33}));
    EXPECT_EQ(KeyOf(Find(psks, "b:e:rt")), Bytes(64, 0xaa));
    for (const std::string &stranger :
         {std::string(), std::string("ann"), std::string("anna "), std::string("Anna"),
          std::string("anna\0", 5), std::string("anna\0bert", 9), std::string(128, 'x')}) {
        EXPECT_FALSE(Find(psks, stranger).is_known) << stranger;
        EXPECT_NE(KeyOf(Find(psks, stranger)), KeyOf(Find(psks, "anna")));
    }
}

TEST_F(Psks, FindsEachOfManyInAnyOrder)
{
    std::string lines;
    for (unsigned i = 0; i < 5000; i++)
        lines += "device-" + std::to_string(i) + ":" + std::to_string(100000 + i) + "\n";
    Loaded psks = Load(lines);
    ASSERT_NE(psks, nullptr) << reason;
    for (unsigned i = 5000; i-- > 0;) {
        const unsigned digits = 100000 + i;
        const Bytes key = {(uint8_t)(digits / 100000 << 4 | digits / 10000 % 10),
                           (uint8_t)(digits / 1000 % 10 << 4 | digits / 100 % 10),
                           (uint8_t)(digits / 10 % 10 << 4 | digits % 10)};
        sl_psk_secret found = Find(psks, "device-" + std::to_string(i));
        ASSERT_TRUE(found.is_known) << i;
        ASSERT_EQ(KeyOf(found), key) << i;
    }
    EXPECT_FALSE(Find(psks, "device-5000").is_known);
}

// So that nobody can tell from the work that follows whether an identity exists.
TEST_F(Psks, InventsAFreshKeyForNobodyAsLongAsOneOfTheFiles)
{
    Loaded psks = Load("a:" + std::string(32, '1') + "\nb:" + std::string(64, '2') + "\n");
    std::set<Bytes> keys;
    std::set<size_t> lens;
    for (unsigned i = 0; i < 200; i++) {
        const std::string stranger = "stranger " + std::to_string(i);
        sl_psk_secret first = Find(psks, stranger), second = Find(psks, stranger);
        keys.insert(KeyOf(first));
        keys.insert(KeyOf(second));
        lens.insert(first.key_len);
        EXPECT_EQ(first.key_len, second.key_len) << "the same stranger, asked twice";
    }
    EXPECT_EQ(keys.size(), 400u);
    EXPECT_EQ(lens, (std::set<size_t>{16, 32}));
}

TEST_F(Psks, LivesAsLongAsSomebodyHasAShare)
{
    Loaded psks = Load("anna:00\n");
    Loaded share(sl_psks_share(psks.get()));
    psks.reset();
    EXPECT_TRUE(Find(share, "anna").is_known);
    sl_psks_destroy(nullptr);
}

TEST_F(Psks, RefusesFilesThatSayTwoThingsOrNone)
{
    EXPECT_EQ(ReasonOf("anna:00\nbert:11\nanna:22\n"), ": identity 'anna' is there twice");
    EXPECT_EQ(ReasonOf("\n# nothing\n"), " holds no key");
    EXPECT_EQ(ReasonOf("anna\n"), ", line 1: an identity, a colon and a key in hex are needed");
    EXPECT_EQ(ReasonOf("anna:0\n"), ", line 1: the key is not one of 1 to 64 bytes in hex");
    EXPECT_EQ(ReasonOf("anna:00\n" + std::string(120, '\x7f') + ":11\n"),
              ": identity 2 takes more than 143 characters when it is written down");
    EXPECT_EQ(sl_psks_load((directory.write("other", "") + "-is-not-there").c_str(), reason),
              nullptr);
}

TEST_F(Psks, WritesIdentitiesSoThatNoTwoLookAlike)
{
    EXPECT_EQ(Written("anna 7"), "anna 7");
    EXPECT_EQ(Written(""), "");
    EXPECT_EQ(Written(std::string("a\0\n\\\x7f\xff~", 7)), "a\\x00\\x0a\\x5c\\x7f\\xff~");
    EXPECT_EQ(Written("\\x00"), "\\x5cx00");
    EXPECT_EQ(Written(std::string(143, 'a')), std::string(143, 'a'));
    EXPECT_EQ(Written(std::string(144, 'a')), "too long");
    EXPECT_EQ(Written(std::string(36, '\n')), "too long");
    EXPECT_EQ(Written("a", 1), "too long");
}
