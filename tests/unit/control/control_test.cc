extern "C" {
#include "sl_control.h"
}

#include <gtest/gtest.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <atomic>
#include <string>
#include <thread>

namespace
{

// A target that prints a known text and stops when told, or does not.
struct Target {
    std::atomic<int> polls{0};
    std::atomic<bool> stopping{false};
    bool refuses_to_stop = false;
    size_t stats_len = 100;
};

class Control : public ::testing::Test
{
  protected:
    Control() : path(::testing::TempDir() + "sluice-control-" + std::to_string(getpid()) + ".sock")
    {
        sl_control_block_signals();
        config.socket_path = path.c_str();
        config.version = "9.9";
        config.stop_ms = 300;
        config.log = [](const char *) {};
        config.target.arg = &target;
        config.target.fd = -1;
        config.target.poll = [](void *arg, uint64_t) { static_cast<Target *>(arg)->polls++; };
        config.target.print_stats = [](void *arg, FILE *out, bool as_json) {
            std::string text(static_cast<Target *>(arg)->stats_len, as_json ? 'j' : 't');
            fputs(text.c_str(), out);
        };
        config.target.print_consumers = [](void *, FILE *out) { fputs("nobody\n", out); };
        config.target.stop = [](void *arg) { static_cast<Target *>(arg)->stopping = true; };
        config.target.is_stopped = [](void *arg) {
            auto *t = static_cast<Target *>(arg);
            return t->stopping && !t->refuses_to_stop;
        };
    }
    ~Control() override
    {
        sl_control_destroy(control);
    }
    void Start()
    {
        ASSERT_EQ(sl_control_create(&config, &control, reason), 0) << reason;
        runner = std::thread([this] { result = sl_control_run(control); });
    }
    void Stop()
    {
        kill(getpid(), SIGTERM);
        runner.join();
    }
    int Connect()
    {
        sockaddr_un address{};
        address.sun_family = AF_UNIX;
        strcpy(address.sun_path, path.c_str());
        int fd = socket(AF_UNIX, SOCK_STREAM, 0);
        timeval patience{5, 0};
        setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
        EXPECT_EQ(connect(fd, (sockaddr *)&address, sizeof address), 0);
        return fd;
    }
    std::string Ask(const std::string &command)
    {
        int fd = Connect();
        EXPECT_EQ(send(fd, command.data(), command.size(), MSG_NOSIGNAL), (ssize_t)command.size());
        std::string answer;
        char buffer[4096];
        ssize_t got;
        while ((got = read(fd, buffer, sizeof buffer)) > 0)
            answer.append(buffer, (size_t)got);
        close(fd);
        return answer;
    }
    std::string path;
    Target target;
    sl_control_config config{};
    sl_control *control = nullptr;
    char reason[256] = "";
    std::thread runner;
    int result = -1;
};

} // namespace

TEST_F(Control, AnswersItsCommandsAndRefusesOthers)
{
    Start();
    EXPECT_EQ(Ask("stats\n"), std::string(100, 't'));
    EXPECT_EQ(Ask("stats json\n"), std::string(100, 'j'));
    EXPECT_EQ(Ask("consumers\n"), "nobody\n");
    EXPECT_EQ(Ask("version\n"), "9.9\n");
    EXPECT_EQ(Ask("reboot\n"), "error: unknown command\n");
    EXPECT_EQ(Ask(std::string(200, 'x')), "") << "a line too long ends the connection";
    Stop();
    EXPECT_EQ(result, 0);
    EXPECT_GT(target.polls, 0);
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

TEST_F(Control, MoreClientsThanItServesAreTurnedAway)
{
    Start();
    int fds[40];
    for (int &fd : fds)
        fd = Connect();
    for (int fd : fds)
        close(fd);
    std::this_thread::sleep_for(std::chrono::milliseconds(100));
    EXPECT_EQ(Ask("version\n"), "9.9\n");
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
