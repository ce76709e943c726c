#include "control_fixture.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/resource.h>

#include "let_others_run.h"

using Control = ControlTest;

TEST_F(Control, AnswersItsCommandsAndRefusesOthers)
{
    Start();
    EXPECT_EQ(Ask("stats\n"), std::string(100, 't'));
    EXPECT_EQ(Ask("stats json\n"), std::string(100, 'j'));
    EXPECT_EQ(Ask("consumers\n"), target.consumers);
    EXPECT_EQ(Ask("access\n"), "deny 192.0.2.1\n");
    EXPECT_EQ(Ask("certificates\n"), "a.crt\n");
    EXPECT_EQ(Ask("forged\n"), "session 1\n");
    EXPECT_EQ(Ask("reload\n"), target.reload_answer);
    EXPECT_EQ(Ask("version\n"), "9.9\n");
    EXPECT_EQ(Ask("reboot\n"), "error: unknown command\n");
    EXPECT_EQ(Ask(std::string(200, 'x')), "") << "a line too long ends the connection";
    Stop();
    EXPECT_EQ(result, 0);
    EXPECT_GT(target.polls, 0);
}

TEST_F(Control, ASignalReloadsAndEachLineOfTheAnswerIsLogged)
{
    static std::string logged; // of this thread's children, read when they have ended
    logged.clear();
    config.log = [](const char *line) { logged += std::string(line) + "|"; };
    Start();
    kill(getpid(), SIGHUP);
    auto patience = std::chrono::steady_clock::now() + std::chrono::seconds(10);
    while (target.reloads == 0 && std::chrono::steady_clock::now() < patience)
        let_others_run();
    Stop();
    EXPECT_EQ(target.reloads, 1);
    EXPECT_EQ(logged.substr(0, logged.find("stopping")), "reloaded|needs a restart: workers|");
}

TEST_F(Control, WarnsOfAReloadThatIsRefused)
{
    static std::string warned; // of this thread's children, read when they have ended
    warned.clear();
    config.warn = [](const char *line) { warned += std::string(line) + "|"; };
    Start();
    Ask("reload\n");
    target.reload_answer = "error: /etc/sluice.yaml:3: unknown key 'colour'\n";
    Ask("reload\n");
    Stop();
    EXPECT_EQ(warned, "reload refused: /etc/sluice.yaml:3: unknown key 'colour'|");
}

TEST_F(Control, ShowsConnectionsAndEndsTheWaitOfTheOneThatIsNamed)
{
    Start();
    EXPECT_EQ(Ask("connections\n"), "upstream up since 3 s\n");
    EXPECT_EQ(Ask("reconnect upstream\n"), "trying now\n");
    EXPECT_EQ(target.reconnected, "upstream");
    EXPECT_EQ(Ask("reconnect downstream\n"), "error: no such connection\n");
    EXPECT_EQ(target.reconnected, "downstream");
    EXPECT_EQ(Ask("reconnect\n"), "error: unknown command\n");
    Stop();
}

TEST_F(Control, ASlowClientKeepsNobodyWaiting)
{
    target.stats_len = 8 << 20;
    Start();
    int slow = Connect();
    ASSERT_EQ(send(slow, "stats\n", 6, 0), 6); // and never reads
    int silent = Connect();
    target.stats_len = 100;
    EXPECT_EQ(Ask("version\n"), "9.9\n");
    close(slow);
    close(silent);
    Stop();
}

TEST_F(Control, AnAnswerWithoutAByteIsNone)
{
    target.consumers = "";
    Start();
    EXPECT_EQ(Ask("consumers\n"), "none\n");
    Stop();
}

TEST_F(Control, TakesACommandInPieces)
{
    Start();
    int fd = Connect();
    char answer[16] = "";
    for (const char *c = "version\n"; *c != '\0'; c++, usleep(1000))
        ASSERT_EQ(send(fd, c, 1, MSG_NOSIGNAL), 1);
    EXPECT_EQ(recv(fd, answer, 4, MSG_WAITALL), 4);
    EXPECT_STREQ(answer, "9.9\n");
    close(fd);
    Stop();
}

TEST_F(Control, AnAnswerLargerThanTheSocketsBufferComesWhole)
{
    target.stats_len = 4 << 20;
    Start();
    EXPECT_EQ(Ask("stats\n").size(), target.stats_len);
    Stop();
}

TEST_F(Control, MoreClientsThanItServesAreTurnedAway)
{
    Start();
    int fds[40];
    for (int &fd : fds)
        fd = Connect();
    EXPECT_EQ(Ask("version\n"), "error: too many ask at once; try again\n");
    for (int fd : fds)
        close(fd);
    std::this_thread::sleep_for(std::chrono::milliseconds(100));
    EXPECT_EQ(Ask("version\n"), "9.9\n");
    Stop();
}

// Standard error as a pipe, full from the start, until the test is over.
class FullStandardError
{
  public:
    FullStandardError() : saved_(dup(STDERR_FILENO))
    {
        EXPECT_EQ(pipe(ends_), 0);
        fcntl(ends_[1], F_SETFL, O_NONBLOCK);
        char bytes[4096] = {};
        for (ssize_t got; (got = write(ends_[1], bytes, sizeof bytes)) > 0;)
            filled_ += (size_t)got;
        fcntl(ends_[1], F_SETFL, 0);
        dup2(ends_[1], STDERR_FILENO);
        close(ends_[1]);
    }
    ~FullStandardError()
    {
        dup2(saved_, STDERR_FILENO);
        close(saved_);
        close(ends_[0]);
    }
    // So much of what was written after it was full.
    std::string Read(size_t len)
    {
        std::string text;
        char bytes[4096];
        pollfd readable = {ends_[0], POLLIN, 0};
        while (text.size() < filled_ + len && poll(&readable, 1, 5000) == 1) {
            ssize_t got = read(ends_[0], bytes, sizeof bytes);
            text.append(bytes, got > 0 ? (size_t)got : 0);
        }
        return text.substr(filled_);
    }

  private:
    int saved_, ends_[2];
    size_t filled_ = 0;
};

TEST_F(Control, StatisticsThatNobodyReadsStopNothing)
{
    FullStandardError full;
    target.stats_len = 200000; // more than a pipe holds
    Start();
    kill(getpid(), SIGUSR1);
    auto patience = std::chrono::steady_clock::now() + std::chrono::seconds(10);
    while (target.prints == 0 && std::chrono::steady_clock::now() < patience)
        let_others_run();
    int polls = target.polls;
    while (target.polls < polls + 3 && std::chrono::steady_clock::now() < patience)
        let_others_run();
    EXPECT_GE(target.polls, polls + 3);
    EXPECT_EQ(full.Read(target.stats_len), std::string(target.stats_len, 't'));
    Stop();
    EXPECT_EQ(result, 0);
}

TEST_F(Control, WithoutDescriptorsItWaitsAndThenServesWhoWaited)
{
    Start();
    int fd = socket(AF_UNIX, SOCK_STREAM, 0), next = dup(fd);
    close(next);
    rlimit before, none{};
    ASSERT_EQ(getrlimit(RLIMIT_NOFILE, &before), 0);
    none = {(rlim_t)next, before.rlim_max};
    ASSERT_EQ(setrlimit(RLIMIT_NOFILE, &none), 0);
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    strcpy(address.sun_path, path.c_str());
    ASSERT_EQ(connect(fd, (sockaddr *)&address, sizeof address), 0);
    ASSERT_EQ(send(fd, "version\n", 8, MSG_NOSIGNAL), 8);
    // Each turn but a few finds nothing to do, and waits for 10 ms.
    auto begin = std::chrono::steady_clock::now();
    for (int polls = target.polls; target.polls < polls + 40;)
        let_others_run();
    EXPECT_GT(std::chrono::steady_clock::now() - begin, std::chrono::milliseconds(200));
    ASSERT_EQ(setrlimit(RLIMIT_NOFILE, &before), 0);
    char answer[16] = "";
    EXPECT_EQ(recv(fd, answer, 4, MSG_WAITALL), 4);
    EXPECT_STREQ(answer, "9.9\n");
    close(fd);
    Stop();
}

TEST_F(Control, GivesUpOnATargetThatDoesNotStop)
{
    target.refuses_to_stop = true;
    Start();
    Stop();
    EXPECT_EQ(result, 1);
}

TEST_F(Control, ItsSocketIsForItsOwnerOnlyAndGoesWithIt)
{
    Start();
    struct stat info;
    ASSERT_EQ(stat(path.c_str(), &info), 0);
    EXPECT_EQ(info.st_mode & 0777, 0600u);
    Stop();
    sl_control_destroy(control);
    control = nullptr;
    EXPECT_NE(stat(path.c_str(), &info), 0);
}

TEST_F(Control, RefusesALiveSocketAndReplacesAStaleOne)
{
    Start();
    sl_control *second = nullptr;
    EXPECT_EQ(sl_control_create(&config, &second, reason), -EADDRINUSE);
    EXPECT_NE(std::string(reason).find("another gateway"), std::string::npos);
    Stop();
    sl_control_destroy(control);
    control = nullptr;

    int stale = socket(AF_UNIX, SOCK_STREAM, 0);
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    strcpy(address.sun_path, path.c_str());
    ASSERT_EQ(bind(stale, (sockaddr *)&address, sizeof address), 0);
    close(stale);
    EXPECT_EQ(sl_control_create(&config, &control, reason), 0) << reason;
}

TEST_F(Control, SaysWhatIsWrongWithTheFolder)
{
    config.socket_path = "/nonexistent/folder/control.sock";
    EXPECT_EQ(sl_control_create(&config, &control, reason), -ENOENT);
    EXPECT_NE(std::string(reason).find("/nonexistent/folder/control.sock"), std::string::npos);
    control = nullptr;
}

TEST_F(Control, AGatewayThatHangsIsNotWaitedFor)
{
    int hung = socket(AF_UNIX, SOCK_STREAM, 0);
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    strcpy(address.sun_path, path.c_str());
    ASSERT_EQ(bind(hung, (sockaddr *)&address, sizeof address), 0);
    ASSERT_EQ(listen(hung, 0), 0);
    int waiting = Connect(); /* the queue is full, and nobody accepts */
    EXPECT_EQ(sl_control_create(&config, &control, reason), -EADDRINUSE);
    control = nullptr;
    close(waiting);
    close(hung);
    unlink(path.c_str());
}

TEST_F(Control, LeavesAFileThatIsNoSocketAlone)
{
    FILE *file = fopen(path.c_str(), "w");
    ASSERT_NE(file, nullptr);
    fclose(file);
    EXPECT_EQ(sl_control_create(&config, &control, reason), -EADDRINUSE);
    control = nullptr;
    EXPECT_EQ(access(path.c_str(), F_OK), 0);
    unlink(path.c_str());
}
