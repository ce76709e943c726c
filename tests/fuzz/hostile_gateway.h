/** A gateway for consumers that answers and writes what it is told to. docs/ring-protocol.md */
#ifndef HOSTILE_GATEWAY_H
#define HOSTILE_GATEWAY_H

#include "fuzz.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <mutex>
#include <thread>

extern "C" {
#include "sl_ring.h"
}

namespace fuzz::hostile
{

constexpr unsigned kWorkers = 2;
constexpr uint64_t kRingSize = SL_RING_SIZE_MIN;
constexpr uint64_t kGeneration = 7;

/** As long as one lives, libFuzzer's alarm, every few seconds, interrupts no call of this thread.
 */
class Uninterrupted
{
  public:
    Uninterrupted()
    {
        sigset_t alarm;
        sigemptyset(&alarm);
        sigaddset(&alarm, SIGALRM);
        pthread_sigmask(SIG_BLOCK, &alarm, &before_);
    }
    ~Uninterrupted()
    {
        pthread_sigmask(SIG_SETMASK, &before_, nullptr);
    }
    Uninterrupted(const Uninterrupted &) = delete;

  private:
    sigset_t before_;
};

struct Memory {
    int fd = -1;
    uint8_t *at = nullptr;
    size_t len = 0;
    explicit Memory(size_t size) : fd(memfd_create("fuzz", MFD_CLOEXEC)), len(size)
    {
        FUZZ_CHECK(ftruncate(fd, (off_t)size) == 0);
        at = (uint8_t *)mmap(nullptr, size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
        FUZZ_CHECK(at != MAP_FAILED);
    }
};

/** A gateway for one consumer at a time: its memory, and a thread that answers registrations. */
class Gateway
{
  public:
    Gateway()
    {
        sockaddr_un address{};
        address.sun_family = AF_UNIX;
        strcpy(address.sun_path, path.c_str());
        unlink(path.c_str());
        listen_fd_ = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
        FUZZ_CHECK(bind(listen_fd_, (sockaddr *)&address, sizeof address) == 0);
        FUZZ_CHECK(listen(listen_fd_, 1) == 0);
        FUZZ_CHECK(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, wake) == 0);
        answerer_ = std::thread([this] { answer_all(); });
    }
    ~Gateway()
    {
        shutdown(listen_fd_, SHUT_RDWR);
        answerer_.join();
        unlink(path.c_str());
    }

    /** All memory as a new gateway has it. */
    void reset()
    {
        for (Memory *memory : {&info_, &receive[0], &receive[1], &send[0], &send[1]})
            memset(memory->at, 0, memory->len);
        *info() = {SL_RING_MAGIC, SL_RING_ABI_VERSION, kWorkers, kRingSize, 900, 0,
                   kGeneration,   UINT64_MAX / 2};
        for (unsigned i = 0; i < kWorkers; i++)
            sl_ring_producer_init(&producer[i], &gateway_words(i)->receive,
                                  &client_words(i)->receive, receive[i].at + SL_RING_DATA_OFF,
                                  kRingSize);
    }

    sl_ring_info *info()
    {
        return (sl_ring_info *)(void *)info_.at;
    }
    sl_ring_gateway_words *gateway_words(unsigned i)
    {
        return (sl_ring_gateway_words *)(void *)receive[i].at;
    }
    sl_ring_client_words *client_words(unsigned i)
    {
        return (sl_ring_client_words *)(void *)send[i].at;
    }
    std::vector<int> sound_fds() const
    {
        return {info_.fd, wake[1], receive[0].fd, send[0].fd, receive[1].fd, send[1].fd};
    }

    /** What the next one that registers is told; it hears nothing but the end when this is empty.
     */
    void set_reply(const Bytes &reply, const std::vector<int> &fds)
    {
        std::lock_guard<std::mutex> lock(mutex_);
        reply_ = reply;
        fds_ = fds;
    }
    void hang_up()
    {
        std::lock_guard<std::mutex> lock(mutex_);
        if (client_fd_ >= 0)
            shutdown(client_fd_, SHUT_RDWR);
    }

    void forget()
    {
        std::lock_guard<std::mutex> lock(mutex_);
        if (client_fd_ >= 0)
            close(client_fd_);
        client_fd_ = -1;
    }
    /** Descriptors of this process; the thread is between two of its own meanwhile. */
    unsigned count_fds()
    {
        std::lock_guard<std::mutex> lock(mutex_);
        unsigned count = 0;
        for (int fd = 0; fd < 256; fd++)
            count += fcntl(fd, F_GETFD) >= 0;
        return count;
    }

    void say(const Bytes &message)
    {
        std::lock_guard<std::mutex> lock(mutex_);
        (void)!::send(client_fd_, message.data(), message.size(), MSG_NOSIGNAL);
    }
    /** What has been asked for. */
    std::pair<std::string, uint32_t> hear_request()
    {
        std::lock_guard<std::mutex> lock(mutex_);
        sl_ring_request request{};
        const ssize_t len = recv(client_fd_, &request, sizeof request, MSG_DONTWAIT | MSG_TRUNC);
        if (len != sizeof request || request.magic != SL_RING_REQUEST_MAGIC)
            return {};
        FUZZ_CHECK(request.reserved == 0 &&
                   memchr(request.connection, 0, sizeof request.connection) != nullptr);
        return {request.connection, request.request};
    }

    const std::string path = "/tmp/sluice-fuzz-gateway-" + std::to_string(getpid());
    Memory receive[kWorkers] = {Memory(SL_RING_DATA_OFF + kRingSize),
                                Memory(SL_RING_DATA_OFF + kRingSize)};
    Memory send[kWorkers] = {Memory(SL_RING_DATA_OFF + kRingSize),
                             Memory(SL_RING_DATA_OFF + kRingSize)};
    sl_ring_producer producer[kWorkers];
    int wake[2];

  private:
    void answer_all()
    {
        const Uninterrupted calls;
        int fd;
        while ((fd = accept4(listen_fd_, nullptr, nullptr, SOCK_CLOEXEC)) >= 0) {
            sl_ring_hello hello;
            FUZZ_CHECK(recv(fd, &hello, sizeof hello, 0) == sizeof hello);
            FUZZ_CHECK(hello.magic == SL_RING_MAGIC && strcmp(hello.service, "echo") == 0);
            std::lock_guard<std::mutex> lock(mutex_);
            send_reply(fd);
            client_fd_ = fd; /* of one at a time */
        }
        if (client_fd_ >= 0)
            close(client_fd_);
    }

    void send_reply(int fd)
    {
        alignas(cmsghdr) char control[CMSG_SPACE(128 * sizeof(int))] = {};
        iovec iov = {reply_.data(), reply_.size()};
        msghdr message{};
        message.msg_iov = &iov;
        message.msg_iovlen = 1;
        if (!fds_.empty()) {
            message.msg_control = control;
            message.msg_controllen = CMSG_SPACE(fds_.size() * sizeof(int));
            cmsghdr *rights = CMSG_FIRSTHDR(&message);
            rights->cmsg_level = SOL_SOCKET;
            rights->cmsg_type = SCM_RIGHTS;
            rights->cmsg_len = CMSG_LEN(fds_.size() * sizeof(int));
            memcpy(CMSG_DATA(rights), fds_.data(), fds_.size() * sizeof(int));
        }
        if (reply_.empty())
            shutdown(fd, SHUT_RDWR);
        else
            FUZZ_CHECK(sendmsg(fd, &message, MSG_NOSIGNAL) == (ssize_t)reply_.size());
    }

    Memory info_{SL_RING_DATA_OFF};
    int listen_fd_ = -1, client_fd_ = -1;
    std::mutex mutex_;
    Bytes reply_;
    std::vector<int> fds_;
    std::thread answerer_;
};

} // namespace fuzz::hostile

#endif
