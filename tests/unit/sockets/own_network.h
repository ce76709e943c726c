/** Networks of a test's own: nothing in them reaches anything. */
#ifndef OWN_NETWORK_H
#define OWN_NETWORK_H

#include <arpa/inet.h>
#include <fcntl.h>
#include <gtest/gtest.h>
#include <linux/if_tun.h>
#include <net/if.h>
#include <sched.h>
#include <sys/ioctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <functional>

extern "C" {
#include "sl_base.h"
}

namespace test
{

/** Runs it in a process of its own, in a new network. */
inline void in_own_network(const std::function<void()> &body)
{
    const int user = geteuid() == 0 ? 0 : CLONE_NEWUSER; // others may, as root of a new namespace
    pid_t child = fork();
    if (child == 0) {
        EXPECT_EQ(0, unshare(CLONE_NEWNET | user)) << strerror(errno);
        if (!::testing::Test::HasFailure())
            body();
        fflush(stdout);
        _exit(::testing::Test::HasFailure());
    }
    int status = -1;
    ASSERT_EQ(child, waitpid(child, &status, 0));
    EXPECT_TRUE(WIFEXITED(status) && WEXITSTATUS(status) == 0) << "see above";
}

inline void control(unsigned long request, ifreq *argument)
{
    int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    ASSERT_EQ(0, ioctl(fd, request, argument)) << strerror(errno);
    close(fd);
}

inline void bring_up(ifreq request)
{
    request.ifr_flags = IFF_UP | IFF_RUNNING;
    control(SIOCSIFFLAGS, &request);
}

inline void set_loopback(int mtu)
{
    ifreq request{};
    strcpy(request.ifr_name, "lo");
    request.ifr_mtu = mtu;
    control(SIOCSIFMTU, &request);
    bring_up(request);
}

/** A tap device with 198.18.0.1/24 whose other end is silent. */
class Tap
{
  public:
    Tap() : fd_(open("/dev/net/tun", O_RDWR | O_CLOEXEC))
    {
        ifreq request{};
        request.ifr_flags = IFF_TAP | IFF_NO_PI;
        strcpy(request.ifr_name, "silent");
        EXPECT_EQ(0, ioctl(fd_, TUNSETIFF, &request)) << strerror(errno);
        auto *address = (sockaddr_in *)&request.ifr_addr;
        address->sin_family = AF_INET;
        inet_pton(AF_INET, "198.18.0.1", &address->sin_addr);
        control(SIOCSIFADDR, &request);
        inet_pton(AF_INET, "255.255.255.0", &address->sin_addr);
        control(SIOCSIFNETMASK, &request);
        bring_up(request);
    }
    ~Tap()
    {
        close(fd_);
    }
    Tap(const Tap &) = delete;
    /** From any port to port 4433 of a host that there is not. */
    static sl_tuple tuple()
    {
        const uint8_t remote[4] = {198, 18, 0, 2};
        sl_tuple tuple{};
        tuple.remote_ip = sl_ip_from_v4(remote);
        tuple.remote_port = 4433;
        return tuple;
    }

  private:
    int fd_;
};

} // namespace test

#endif
