/* The program's copies and their supervisor. */
extern "C" {
#include "sl_lookup.h"
}

#include <fcntl.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <fstream>
#include <memory>
#include <string>
#include <vector>

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
        ASSERT_EQ(chmod(path.c_str(), 0755), 0);
        file = path;
        programs = sl_lookup_start(file.c_str(), count, user, reason);
        ASSERT_NE(programs, nullptr) << reason;
    }
    void TearDown() override
    {
        sl_lookup_stop(programs);
        lines.clear();
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

    /** Watches until a line has been said that contains a text; return it, or "" when none comes.
     */
    std::string Said(const std::string &text)
    {
        for (int i = 0; i < 2000; i++, usleep(10000)) {
            sl_lookup_watch(programs, [](const char *line) { lines.push_back(line); });
            for (const std::string &line : lines)
                if (line.find(text) != std::string::npos)
                    return line;
        }
        return "";
    }

    const sl_hardening_user *user = nullptr;
    std::string file;
    inline static std::vector<std::string> lines;
};

bool is_there(pid_t pid)
{
    return kill(pid, 0) == 0;
}

/** The user to become, in a folder that he may enter. */
struct ProgramsAsNobody : Programs {
    void SetUp() override
    {
        if (geteuid() != 0)
            GTEST_SKIP() << "only root can become somebody else";
        ASSERT_EQ(sl_hardening_find_user("nobody", &nobody), 0);
        ASSERT_EQ(chmod(directory.path("").c_str(), 0755), 0);
        user = &nobody;
    }
    sl_hardening_user nobody{};
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
    int secret = open("/dev/null", O_RDONLY), other = fcntl(secret, F_DUPFD, 500);
    Start("ls /proc/self/fd | tr '\\n' ' '; echo; " + std::string(echo));
    std::string fds = Hear();
    EXPECT_EQ(fds, "0 1 2 3 ") << "3 is the folder that ls reads";
    close(secret);
    close(other);
}

/* Who reloads with `pkill -HUP sluice` means the gateway, and so does a terminal that hangs up. */
TEST_F(Programs, AreStartedAgainWhateverSignalsTheirSupervisorGets)
{
    Start("echo $PPID $$; " + std::string(echo));
    std::string pids = Hear();
    pid_t supervisor = std::stoi(pids), copy = std::stoi(pids.substr(pids.find(' ')));
    for (int signal :
         {SIGHUP, SIGUSR1, SIGUSR2, SIGINT, SIGQUIT, SIGALRM, SIGPIPE, SIGTSTP, SIGTERM, SIGRTMIN})
        ASSERT_EQ(kill(supervisor, signal), 0);
    ASSERT_EQ(kill(copy, SIGKILL), 0);
    EXPECT_EQ(Hear(), " died");
    pids = Hear();
    EXPECT_EQ(std::stoi(pids), supervisor);
    EXPECT_NE(std::stoi(pids.substr(pids.find(' '))), copy);
}

// Not even while the gateway closes its sessions, when a service manager has ended all at once.
TEST_F(Programs, AreNotStartedAgainAtOnceWhenEverythingIsToEnd)
{
    Start("echo $PPID $$; " + std::string(echo));
    std::string pids = Hear();
    ASSERT_EQ(kill(std::stoi(pids), SIGTERM), 0);
    ASSERT_EQ(kill(std::stoi(pids.substr(pids.find(' '))), SIGTERM), 0);
    pollfd from = {sl_lookup_from(programs, 0), POLLIN, 0};
    EXPECT_EQ(poll(&from, 1, 2000), 0);
    sl_lookup_watch(programs, [](const char *line) { lines.push_back(line); });
    EXPECT_TRUE(lines.empty()) << lines[0];
    EXPECT_EQ(Hear(), " died") << "the gateway goes on, so they do";
}

TEST_F(Programs, AreOutOfReachOfWhatTheGatewaysGroupAndTerminalGet)
{
    Start("echo $PPID $$; " + std::string(echo));
    std::string pids = Hear();
    pid_t supervisor = std::stoi(pids), copy = std::stoi(pids.substr(pids.find(' ')));
    EXPECT_EQ(getsid(supervisor), supervisor);
    EXPECT_EQ(getpgid(copy), supervisor);
}

TEST_F(Programs, HaveTheirEndsSaidAndCounted)
{
    Start("exit 3\n");
    EXPECT_EQ(Said("ended"), "lookup program " + file + " ended (status 3); started again in 1 s");
    EXPECT_EQ(sl_lookup_ends(programs), 1u);
    EXPECT_EQ(Said("in 2 s"), "lookup program " + file + " ended (status 3); started again in 2 s");
    EXPECT_EQ(sl_lookup_ends(programs), 2u);
    EXPECT_FALSE(sl_lookup_is_lost(programs));
}

TEST_F(Programs, GoOnWithoutTheirSupervisorWhichIsMissedLoudly)
{
    Start("echo $PPID; " + std::string(echo));
    ASSERT_EQ(kill(std::stoi(Hear()), SIGKILL), 0);
    EXPECT_NE(Said("restart the gateway"), "");
    EXPECT_TRUE(sl_lookup_is_lost(programs));
    EXPECT_EQ(lines.size(), 1u);
    sl_lookup_watch(programs, [](const char *line) { lines.push_back(line); });
    EXPECT_EQ(lines.size(), 1u) << "once";
    Say("one\n");
    std::string answer = Hear();
    EXPECT_EQ(answer.substr(answer.find(' ')), " one");
    pid_t copy = std::stoi(answer);
    sl_lookup_stop(programs);
    programs = nullptr;
    for (int i = 0; i < 200 && is_there(copy); i++)
        usleep(50000);
    EXPECT_FALSE(is_there(copy)) << "nobody writes to it any more";
}

// The keys of all who ask go through it, and every stranger's identity comes to it.
TEST_F(ProgramsAsNobody, HaveNoPrivilegesAndNoWayToThem)
{
    Start("sed -nE 's/^(Uid|Groups|NoNewPrivs|Cap(Prm|Eff|Bnd)):[[:space:]]*//p' /proc/$$/status | "
          "tr '\\n\\t' ' ,'; ulimit -c\n" +
          std::string(echo));
    const std::string uid = std::to_string(nobody.uid), none = "0000000000000000 ";
    EXPECT_EQ(Hear(), uid + "," + uid + "," + uid + "," + uid + " " + std::to_string(nobody.gid) +
                          "  " + none + none + none + "1 0");
}

TEST_F(ProgramsAsNobody, CannotLookIntoTheirSupervisor)
{
    Start("cat /proc/$PPID/maps >/dev/null 2>&1 && echo open || echo closed\n"
          "ls /proc/$PPID/fd >/dev/null 2>&1 && echo open || echo closed\n"
          "sed -nE 's/^(Uid|NoNewPrivs|CapEff):[[:space:]]*//p' /proc/$PPID/status | "
          "tr '\\n\\t' ' ,'; echo\n" +
          std::string(echo));
    const std::string uid = std::to_string(nobody.uid);
    EXPECT_EQ(Hear(), "closed");
    EXPECT_EQ(Hear(), "closed");
    EXPECT_EQ(Hear(), uid + "," + uid + "," + uid + "," + uid + " 0000000000000000 1 ");
}

TEST_F(ProgramsAsNobody, AreRefusedToWhoCannotBecomeTheUser)
{
    pid_t child = fork();
    if (child == 0) {
        bool is_refused = setgid(1234) == 0 && setuid(1234) == 0 &&
                          sl_lookup_start("/bin/true", 1, user, reason) == nullptr;
        const char expected[] = "the lookup program cannot be started: can't become user 'nobody'";
        _exit(is_refused && strncmp(reason, expected, sizeof expected - 1) == 0 ? 0 : 1);
    }
    int status = 1;
    ASSERT_EQ(waitpid(child, &status, 0), child);
    EXPECT_EQ(status, 0);
}

TEST_F(Programs, ThatCannotBeRunAreTriedAgain)
{
    file = directory.write("no-program", "");
    programs = sl_lookup_start(file.c_str(), 1, nullptr, reason);
    ASSERT_NE(programs, nullptr);
    EXPECT_EQ(Hear(), " died");
    EXPECT_EQ(Hear(), " died");
    EXPECT_EQ(Said("cannot"), "lookup program " + file + " cannot be run: Permission denied");
    EXPECT_NE(Said("ended (status 127)"), "");
}
