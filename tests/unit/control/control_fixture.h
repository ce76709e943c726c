/** A control loop on a thread of its own, over a target that the test plays. */
#ifndef CONTROL_FIXTURE_H
#define CONTROL_FIXTURE_H

extern "C" {
#include "sl_control.h"
}

#include <gtest/gtest.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <string>
#include <thread>

// A target that prints a known text and stops when told, or does not.
struct Target {
    std::atomic<int> polls{0};
    std::atomic<int> prints{0};
    std::atomic<int> reloads{0};
    std::atomic<bool> stopping{false};
    bool refuses_to_stop = false;
    size_t stats_len = 100;
    const char *reload_answer = "reloaded\nneeds a restart: workers\n";
    std::string reconnected;
    const char *consumers = "7 service echo pid 1 uid 0\n";
};

class ControlTest : public ::testing::Test
{
  protected:
    ControlTest()
        : path(::testing::TempDir() + "sluice-control-" + std::to_string(getpid()) + ".sock")
    {
        sl_control_block_signals();
        config.socket_path = path.c_str();
        config.version = "9.9";
        config.stop_ms = 300;
        config.log = [](const char *) {};
        config.warn = [](const char *) {};
        config.target.arg = &target;
        config.target.fd = -1;
        config.target.poll = [](void *arg, uint64_t) { static_cast<Target *>(arg)->polls++; };
        config.target.print_stats = [](void *arg, FILE *out, bool as_json) {
            std::string text(static_cast<Target *>(arg)->stats_len, as_json ? 'j' : 't');
            static_cast<Target *>(arg)->prints++;
            fputs(text.c_str(), out);
        };
        config.target.print_consumers = [](void *arg, FILE *out) {
            fputs(static_cast<Target *>(arg)->consumers, out);
        };
        config.target.print_certificates = [](void *, FILE *out) { fputs("a.crt\n", out); };
        config.target.print_forged = [](void *, FILE *out) { fputs("session 1\n", out); };
        config.target.print_access = [](void *, FILE *out) { fputs("deny 192.0.2.1\n", out); };
        config.target.reload = [](void *arg, FILE *out) {
            static_cast<Target *>(arg)->reloads++;
            fputs(static_cast<Target *>(arg)->reload_answer, out);
        };
        config.target.print_connections = [](void *, FILE *out) {
            fputs("upstream up since 3 s\n", out);
        };
        config.target.reconnect = [](void *arg, const char *name) {
            static_cast<Target *>(arg)->reconnected = name;
            return std::string(name) == "upstream" ? "trying now" : "error: no such connection";
        };
        config.target.stop = [](void *arg) { static_cast<Target *>(arg)->stopping = true; };
        config.target.is_stopped = [](void *arg) {
            auto *t = static_cast<Target *>(arg);
            return t->stopping && !t->refuses_to_stop;
        };
    }
    ~ControlTest() override
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
        (void)send(fd, command.data(), command.size(), MSG_NOSIGNAL);
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

#endif
