/** What is given up is gone for good: each test does it in a process of its own. */
#ifndef HARDENED_CHILD_H
#define HARDENED_CHILD_H

extern "C" {
#include "sl_hardening.h"
}

#include <errno.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <fstream>
#include <functional>
#include <string>

namespace test
{

/** How a process ended: "exit N" or "signal N", and what it wrote to standard error. */
struct Ending {
    std::string how, said;
};

inline Ending in_child(const std::function<int()> &body)
{
    int said[2];
    EXPECT_EQ(pipe(said), 0);
    pid_t child = fork();
    if (child == 0) {
        dup2(said[1], STDERR_FILENO);
        close(said[0]);
        close(said[1]);
        alarm(20);
        _exit(body());
    }
    close(said[1]);
    Ending ending;
    char buffer[4096];
    for (ssize_t got; (got = read(said[0], buffer, sizeof buffer)) > 0;)
        ending.said.append(buffer, (size_t)got);
    close(said[0]);
    int status = 0;
    EXPECT_EQ(waitpid(child, &status, 0), child);
    ending.how = WIFEXITED(status) ? "exit " + std::to_string(WEXITSTATUS(status))
                                   : "signal " + std::to_string(WTERMSIG(status));
    return ending;
}

/** What the kernel says of the calling thread. */
inline std::string status_of_thread(const std::string &name)
{
    std::ifstream file("/proc/thread-self/status");
    for (std::string line; std::getline(file, line);)
        if (line.rfind(name + ":", 0) == 0) {
            size_t at = line.find_first_not_of(" \t", name.size() + 1);
            return at == std::string::npos ? "" : line.substr(at);
        }
    return "no such line";
}

/** A sanitizer's runtime makes system calls of its own, and is on no list. */
#if defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
constexpr bool has_sanitizer = true;
#else
constexpr bool has_sanitizer = false;
#endif
#elif defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
constexpr bool has_sanitizer = true;
#else
constexpr bool has_sanitizer = false;
#endif

inline sl_hardening_config hardening_config()
{
    return {has_sanitizer ? SL_SECCOMP_OFF : SL_SECCOMP_ENFORCE, false, false, false};
}

/** Begins, and says why it can't. */
inline sl_hardening *begun(const sl_hardening_config &config = hardening_config())
{
    sl_hardening *hardening = nullptr;
    char reason[SL_HARDENING_REASON_LEN] = "";
    if (sl_hardening_begin(&config, &hardening, reason) != 0) {
        (void)!write(STDERR_FILENO, reason, strlen(reason));
        _exit(99);
    }
    return hardening;
}

} // namespace test

#endif
