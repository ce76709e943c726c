/** A consumer without the library: says what it is told to say, keeps the bare descriptors. */
#ifndef RAW_CONSUMER_H
#define RAW_CONSUMER_H

extern "C" {
#include "sl_ring.h"
}

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <string>
#include <vector>

namespace test
{

inline sl_ring_hello hello_for(const char *service)
{
    sl_ring_hello hello{};
    hello.magic = SL_RING_MAGIC;
    hello.abi_version = SL_RING_ABI_VERSION;
    strncpy(hello.service, service, sizeof hello.service);
    return hello;
}

struct RawConsumer {
    int socket = -1;
    sl_ring_reply reply{};
    std::vector<int> fds; /* info page, wake-up socket, then receive and send for each worker */

    explicit RawConsumer(const std::string &path)
    {
        sockaddr_un address{};
        address.sun_family = AF_UNIX;
        strncpy(address.sun_path, path.c_str(), sizeof address.sun_path - 1);
        socket = ::socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
        if (connect(socket, reinterpret_cast<sockaddr *>(&address), sizeof address) != 0)
            abort();
    }
    RawConsumer(const RawConsumer &) = delete;
    ~RawConsumer()
    {
        leave();
    }

    void leave()
    {
        for (int fd : fds)
            close(fd);
        fds.clear();
        if (socket >= 0)
            close(socket);
        socket = -1;
    }

    void say(const void *bytes, size_t len)
    {
        (void)!send(socket, bytes, len, MSG_NOSIGNAL);
    }

    void say_hello(const char *service = "echo")
    {
        sl_ring_hello hello = hello_for(service);
        say(&hello, sizeof hello);
    }

    /** A hello, or anything, with a descriptor of which the gateway is to have the last copy. */
    void say_with(const void *bytes, size_t len, int descriptor)
    {
        alignas(cmsghdr) char control[CMSG_SPACE(sizeof(int))] = {};
        iovec iov = {const_cast<void *>(bytes), len};
        msghdr message{};
        message.msg_iov = &iov;
        message.msg_iovlen = 1;
        message.msg_control = control;
        message.msg_controllen = sizeof control;
        cmsghdr *rights = CMSG_FIRSTHDR(&message);
        rights->cmsg_level = SOL_SOCKET;
        rights->cmsg_type = SCM_RIGHTS;
        rights->cmsg_len = CMSG_LEN(sizeof(int));
        memcpy(CMSG_DATA(rights), &descriptor, sizeof(int));
        if (sendmsg(socket, &message, MSG_NOSIGNAL) != (ssize_t)len)
            abort();
        close(descriptor);
    }

    /** return bytes of the reply, 0 when the gateway has closed, -1 when it has said nothing. */
    ssize_t hear()
    {
        alignas(cmsghdr) char control[CMSG_SPACE(SL_RING_REPLY_FDS_MAX * sizeof(int))];
        iovec iov = {&reply, sizeof reply};
        msghdr message{};
        message.msg_iov = &iov;
        message.msg_iovlen = 1;
        message.msg_control = control;
        message.msg_controllen = sizeof control;
        ssize_t len = recvmsg(socket, &message, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
        cmsghdr *c = len > 0 ? CMSG_FIRSTHDR(&message) : nullptr;
        if (c != nullptr) {
            fds.resize((c->cmsg_len - CMSG_LEN(0)) / sizeof(int));
            memcpy(fds.data(), CMSG_DATA(c), fds.size() * sizeof(int));
        }
        return len;
    }

    int info_fd() const
    {
        return fds.at(0);
    }
    int wake_fd() const
    {
        return fds.at(1);
    }
    int receive_fd(unsigned worker = 0) const
    {
        return fds.at(2 + 2 * worker);
    }
    int send_fd(unsigned worker = 0) const
    {
        return fds.at(3 + 2 * worker);
    }
};

} // namespace test

#endif
