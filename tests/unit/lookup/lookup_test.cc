/* One conversation, with the test as the program. */
extern "C" {
#include "sl_lookup.h"
}

#include <fcntl.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <unistd.h>

#include <optional>
#include <string>
#include <vector>

namespace
{

using Bytes = std::vector<uint8_t>;

struct Lookup : testing::Test {
    int questions[2], answers[2];
    sl_lookup *lookup = nullptr;
    sl_handshake_lookup io;

    void SetUp() override
    {
        ASSERT_EQ(pipe2(questions, O_NONBLOCK), 0);
        ASSERT_EQ(pipe2(answers, O_NONBLOCK), 0);
        lookup = sl_lookup_create(questions[1], answers[0]);
        io = sl_lookup_of(lookup);
    }
    void TearDown() override
    {
        sl_lookup_destroy(lookup);
        for (int end : {questions[0], questions[1], answers[0], answers[1]})
            close(end);
    }

    bool Ask(uint64_t number, const std::string &identity, const char *service = "sensors")
    {
        sl_handshake_question question = {};
        question.number = number;
        question.service = service;
        question.identity = reinterpret_cast<const uint8_t *>(identity.data());
        question.identity_len = identity.size();
        return io.ask(io.arg, &question);
    }

    std::string Asked()
    {
        char text[65536];
        ssize_t len = read(questions[0], text, sizeof text);
        return std::string(text, len > 0 ? (size_t)len : 0);
    }

    void Answer(const std::string &text)
    {
        ASSERT_EQ(write(answers[1], text.data(), text.size()), (ssize_t)text.size());
    }

    struct Told {
        uint64_t number;
        Bytes key;
        bool operator==(const Told &other) const
        {
            return number == other.number && key == other.key;
        }
    };
    std::optional<Told> Next()
    {
        sl_handshake_answer answer;
        if (!io.next_answer(io.arg, &answer))
            return std::nullopt;
        return Told{answer.number, Bytes(answer.key, answer.key + answer.key_len)};
    }
};

} // namespace

TEST_F(Lookup, AsksInALineEach)
{
    EXPECT_TRUE(Ask(0xa7, "anna"));
    EXPECT_TRUE(Ask(UINT64_MAX, std::string("\0\n", 2), "default"));
    EXPECT_TRUE(Ask(1, ""));
    EXPECT_EQ(Asked(), "q00000000000000a7 616e6e61 sensors\n"
                       "qffffffffffffffff 000a default\n"
                       "q0000000000000001 - sensors\n");
}

TEST_F(Lookup, AsksWholeLinesOrNone)
{
    const std::string longest(SL_PSK_IDENTITY_MAX, 'x');
    unsigned asked = 0;
    while (Ask(asked, longest))
        asked++;
    ASSERT_GT(asked, 100u);
    std::string all;
    for (std::string some; !(some = Asked()).empty();)
        all += some;
    EXPECT_EQ(all.size() % asked, 0u);
    EXPECT_EQ(all.back(), '\n');
    EXPECT_TRUE(Ask(1, longest)) << "there is room again";
}

TEST_F(Lookup, TakesAnswersInAnyOrderAndInPieces)
{
    EXPECT_EQ(Next(), std::nullopt);
    Answer("q00000000000000a8 -\nq00000000000000a7 0011");
    EXPECT_EQ(Next(), (Told{0xa8, {}}));
    EXPECT_EQ(Next(), std::nullopt);
    Answer("fF");
    EXPECT_EQ(Next(), std::nullopt);
    Answer("\n");
    EXPECT_EQ(Next(), (Told{0xa7, {0x00, 0x11, 0xff}}));
    Answer("q0000000000000001 " + std::string(2 * SL_PSK_KEY_MAX, '5') + "\n");
    EXPECT_EQ(Next(), (Told{1, Bytes(SL_PSK_KEY_MAX, 0x55)}));
    EXPECT_EQ(sl_lookup_garbage(lookup), 0u);
}

TEST_F(Lookup, IgnoresAndCountsWhatIsNoAnswer)
{
    const std::string good = "q0000000000000007 00\n";
    const std::vector<std::string> lines = {
        "\n",
        "hello\n",
        "q0000000000000007\n",
        "q0000000000000007 \n",
        "q0000000000000007 0\n",
        "q0000000000000007 0g\n",
        "q0000000000000007  00\n",
        "q0000000000000007 00 \n",
        "q0000000000000007 00\r\n",
        "q0000000000000007 --\n",
        "q0000000000000007:00\n",
        "q000000000000000g 00\n",
        "00000000000000007 00\n",
        "0000000000000007 00\n", /* cut at its front */
        "7 00\n",
        "q7 00\n",
        "q0000000000000007 0011 died\n", /* the program's end, in the middle of a line */
        std::string("q0000000000000007 00\0\n", 22),
        "q0000000000000007 " + std::string(2 * SL_PSK_KEY_MAX + 2, '5') + "\n",
        std::string(100000, 'x') + "\n",
        std::string(1000, 'x') + "q0000000000000007 00\n",
    };
    uint64_t garbage = 0;
    for (const std::string &line : lines) {
        for (size_t at = 0; at < line.size(); at += 4000) {
            Answer(line.substr(at, 4000));
            for (int i = 0; i < 64; i++)
                EXPECT_EQ(Next(), std::nullopt) << line.substr(0, 60);
        }
        EXPECT_EQ(sl_lookup_garbage(lookup), ++garbage) << line.substr(0, 60);
        Answer(good);
        EXPECT_EQ(Next(), (Told{7, {0}})) << line.substr(0, 60);
    }
}

TEST_F(Lookup, DoesNotCountThatACopyHasEndedBetweenLines)
{
    Answer(" died\nq0000000000000007 00\n died\n");
    EXPECT_EQ(Next(), (Told{7, {0}}));
    EXPECT_EQ(Next(), std::nullopt);
    EXPECT_EQ(sl_lookup_garbage(lookup), 0u);
    Answer(" died \nx died\n");
    EXPECT_EQ(Next(), std::nullopt);
    EXPECT_EQ(sl_lookup_garbage(lookup), 2u);
}

TEST_F(Lookup, IsNotKeptByAProgramThatTalksWithoutEnd)
{
    for (int i = 0; i < 200; i++)
        Answer("nonsense\n");
    Answer("q0000000000000007 00\n");
    EXPECT_EQ(Next(), std::nullopt) << "others have their turn";
    EXPECT_EQ(Next(), std::nullopt);
    EXPECT_EQ(Next(), std::nullopt);
    EXPECT_EQ(Next(), (Told{7, {0}}));
}

TEST_F(Lookup, CannotAskAProgramThatIsGoneAndHearsNothing)
{
    signal(SIGPIPE, SIG_IGN); /* as the gateway has it */
    close(questions[0]);
    close(answers[1]);
    EXPECT_FALSE(Ask(1, "anna"));
    EXPECT_EQ(Next(), std::nullopt);
    questions[0] = answers[1] = -1;
}
