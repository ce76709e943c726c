/** Who may ask: the kernel's word counts, not the socket's permissions. */
#include "control_fixture.h"

#include <grp.h>
#include <mutex>
#include <sys/wait.h>
#include <vector>

namespace
{

std::mutex said_mutex;
std::vector<std::string> said;

class ControlPeers : public ControlTest
{
  protected:
    static constexpr uid_t kStranger = 12345;
    static constexpr gid_t kGroup = 23456;

    void SetUp() override
    {
        if (geteuid() != 0)
            GTEST_SKIP() << "only root can be somebody else";
        said.clear();
        config.log = [](const char *line) {
            std::lock_guard<std::mutex> lock(said_mutex);
            said.push_back(line);
        };
    }
    // What `stats` answers a process of that user and those groups.
    std::string AskAs(uid_t uid, gid_t gid, std::vector<gid_t> groups)
    {
        chmod(path.c_str(), 0666); // as an operator who found it in the way
        int out[2];
        EXPECT_EQ(pipe(out), 0);
        pid_t child = fork();
        if (child == 0) {
            std::string answer = "cannot be that user";
            if (setgroups(groups.size(), groups.data()) == 0 && setgid(gid) == 0 &&
                setuid(uid) == 0)
                answer = Ask("stats\n");
            (void)!write(out[1], answer.data(), answer.size());
            _exit(0);
        }
        close(out[1]);
        std::string answer;
        char buffer[4096];
        for (ssize_t got; (got = read(out[0], buffer, sizeof buffer)) > 0;)
            answer.append(buffer, (size_t)got);
        close(out[0]);
        waitpid(child, nullptr, 0);
        return answer;
    }
    size_t Refusals()
    {
        std::lock_guard<std::mutex> lock(said_mutex);
        size_t count = 0;
        for (const std::string &line : said)
            count += line.find("refused pid") != std::string::npos;
        return count;
    }
    std::string stats = std::string(100, 't');
};

} // namespace

TEST_F(ControlPeers, AnotherUserGetsNothingWhateverTheSocketsModeIs)
{
    Start();
    EXPECT_EQ(AskAs(kStranger, kStranger, {}), "");
    EXPECT_EQ(AskAs(0, 0, {}), stats);
    EXPECT_EQ(Ask("stats\n"), stats);
    Stop();
}

TEST_F(ControlPeers, TheLogHearsOfRefusalsOnceInAWhile)
{
    Start();
    for (int i = 0; i < 5; i++)
        EXPECT_EQ(AskAs(kStranger, kStranger, {}), "");
    Stop();
    ASSERT_EQ(Refusals(), 1u);
    for (const std::string &line : said)
        if (line.find("refused pid") != std::string::npos) {
            EXPECT_NE(line.find("of uid 12345"), std::string::npos) << line;
        }
}

TEST_F(ControlPeers, MembersOfTheGroupMayAsk)
{
    config.has_group = true;
    config.group = kGroup;
    Start();
    struct stat info;
    ASSERT_EQ(stat(path.c_str(), &info), 0);
    EXPECT_EQ(info.st_mode & 0777, 0660u);
    EXPECT_EQ(info.st_gid, kGroup);
    EXPECT_EQ(AskAs(kStranger, kGroup, {}), stats) << "by its own group";
    EXPECT_EQ(AskAs(kStranger, kStranger, {7, kGroup}), stats) << "by a further one";
    EXPECT_EQ(AskAs(kStranger, kStranger, {7}), "") << "not without";
    Stop();
}

TEST_F(ControlPeers, WithoutAGroupNoGroupMayAsk)
{
    config.group = kGroup;
    Start();
    EXPECT_EQ(AskAs(kStranger, kGroup, {kGroup, 0}), "");
    Stop();
}
