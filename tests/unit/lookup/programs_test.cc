/* The program's copies and their supervisor. */
extern "C" {
#include "sl_lookup.h"
}

#include <fcntl.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <signal.h>
#include <sys/stat.h>
#include <unistd.h>

#include <fstream>
#include <memory>
#include <string>

#include "test_certificates.h"

using namespace sl_test;

namespace
{

struct Programs : testing::Test {
    TemporaryDirectory directory;
    char reason[SL_REASON_LEN] = "";
    sl_lookup_programs *programs = nullptr;
    std::string buffered;

    void Start(const std::string &script, unsigned count = 1)
    {
        std::string path = directory.write("program", "#!/bin/sh\n" + script);
        ASSERT_EQ(chmod(path.c_str(), 0700), 0);
        file = path;
        programs = sl_lookup_start(file.c_str(), count, reason);
        ASSERT_NE(programs, nullptr) << reason;
    }
    void TearDown() override
    {
        sl_lookup_stop(programs);
    }

    void Say(const std::string &line, unsigned copy = 0)
    {
        ASSERT_EQ(write(sl_lookup_to(programs, copy), line.data(), line.size()),
                  (ssize_t)line.size());
    }

    /** The next line, or "" when none comes in time. */
    std::string Hear(unsigned copy = 0)
    {
        size_t end;
        while ((end = buffered.find('\n')) == std::string::npos) {
            struct pollfd from = {};
            from.fd = sl_lookup_from(programs, copy);
            from.events = POLLIN;
            char text[256];
            if (poll(&from, 1, 20000) != 1)
                return "";
            ssize_t len = read(from.fd, text, sizeof text);
            if (len <= 0)
                return "";
            buffered.append(text, (size_t)len);
        }
        std::string line = buffered.substr(0, end);
        buffered.erase(0, end + 1);
        return line;
    }

    std::string file;
};

const char echo[] = "while read -r line; do echo \"$$ $line\"; done\n";

} // namespace

TEST_F(Programs, AnswerOnPipesOfTheirOwn)
{
    Start(echo, 2);
    Say("one\n", 0);
    Say("two\n", 1);
    std::string first = Hear(0), second = Hear(1);
    EXPECT_EQ(first.substr(first.find(' ')), " one");
    EXPECT_EQ(second.substr(second.find(' ')), " two");
    EXPECT_NE(first.substr(0, first.find(' ')), second.substr(0, second.find(' ')));
}

// What it left of a line is made one that is no answer; what it had not read is the next one's.
TEST_F(Programs, AreStartedAgainWhenTheyDie)
{
    Start("read -r line; printf 'half of %s' \"$line\"; exit 3\n");
    Say("one\ntwo\n");
    EXPECT_EQ(Hear(), "half of one died");
    EXPECT_EQ(Hear(), "half of two died");
}

TEST_F(Programs, EndWithTheGateway)
{
    Start("echo $$; " + std::string(echo));
    pid_t pid = std::stoi(Hear());
    EXPECT_EQ(kill(pid, 0), 0);
    sl_lookup_stop(programs);
    programs = nullptr;
    for (int i = 0; i < 200 && kill(pid, 0) == 0; i++)
        usleep(50000);
    EXPECT_NE(kill(pid, 0), 0);
}

TEST_F(Programs, HaveNothingThatTheGatewayHasOpen)
{
    int secret = open("/dev/null", O_RDONLY);
    Start("ls /proc/self/fd | tr '\\n' ' '; echo; " + std::string(echo));
    std::string fds = Hear();
    EXPECT_EQ(fds, "0 1 2 3 ") << "3 is the folder that ls reads";
    close(secret);
}

TEST_F(Programs, ThatCannotBeRunAreTriedAgain)
{
    file = directory.write("no-program", "");
    programs = sl_lookup_start(file.c_str(), 1, reason);
    ASSERT_NE(programs, nullptr);
    EXPECT_EQ(Hear(), " died");
    EXPECT_EQ(Hear(), " died");
}
