/** Sockets to be tested, and a peer: an ordinary UDP socket on loopback. */
#ifndef SOCKETS_FIXTURE_H
#define SOCKETS_FIXTURE_H

extern "C" {
#include "sl_sockets.h"
}

#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <netinet/udp.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <string>
#include <vector>

namespace test
{

inline sl_ip loopback(bool v6)
{
    static const uint8_t v4[4] = {127, 0, 0, 1};
    return v6 ? sl_ip{{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1}} : sl_ip_from_v4(v4);
}

/** A datagram of this length whose bytes say which it is. */
inline std::string text(size_t len, unsigned number)
{
    std::string out(len, '\0');
    for (size_t i = 0; i < len; i++)
        out[i] = (char)(number * 31 + i * 7 + (i >> 8));
    return out;
}

/** The other side: a socket of the kernel's, bound to a port of its choice. */
class Peer
{
  public:
    explicit Peer(bool v6 = false, int receive_buffer_len = 8 << 20)
        : v6_(v6), fd_(socket(v6 ? AF_INET6 : AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0))
    {
        sockaddr_storage address = address_of(0);
        socklen_t len = sizeof address;
        EXPECT_EQ(0, bind(fd_, (sockaddr *)&address, address_len()));
        EXPECT_EQ(0, getsockname(fd_, (sockaddr *)&address, &len));
        port_ =
            ntohs(v6 ? ((sockaddr_in6 *)&address)->sin6_port : ((sockaddr_in *)&address)->sin_port);
        setsockopt(fd_, SOL_SOCKET, SO_RCVBUF, &receive_buffer_len, sizeof receive_buffer_len);
    }
    ~Peer()
    {
        hang_up();
    }
    Peer(const Peer &) = delete;
    void hang_up()
    {
        if (fd_ >= 0)
            close(fd_);
        fd_ = -1;
    }
    /** Where a source is to be connected to. */
    sl_tuple tuple() const
    {
        sl_tuple tuple{};
        tuple.remote_ip = loopback(v6_);
        tuple.local_ip = loopback(v6_);
        tuple.remote_port = port_;
        return tuple;
    }
    void send(const std::string &bytes, uint16_t port)
    {
        sockaddr_storage address = address_of(port);
        ASSERT_EQ((ssize_t)bytes.size(),
                  sendto(fd_, bytes.data(), bytes.size(), 0, (sockaddr *)&address, address_len()));
    }
    /** One piece that the kernel cuts into datagrams. */
    void send_cut(const std::string &bytes, uint16_t segment_len, uint16_t port)
    {
        int len = segment_len, none = 0;
        ASSERT_EQ(0, setsockopt(fd_, IPPROTO_UDP, UDP_SEGMENT, &len, sizeof len));
        send(bytes, port);
        ASSERT_EQ(0, setsockopt(fd_, IPPROTO_UDP, UDP_SEGMENT, &none, sizeof none));
    }
    struct Datagram {
        std::string bytes;
        uint16_t port;
    };
    /** What has come within a moment, `count` at most. */
    std::vector<Datagram> receive(size_t count)
    {
        std::vector<Datagram> out;
        std::string buffer(65536, '\0');
        pollfd wait{fd_, POLLIN, 0};
        while (out.size() < count && poll(&wait, 1, 1000) == 1) {
            sockaddr_storage from;
            socklen_t len = sizeof from;
            ssize_t got = recvfrom(fd_, &buffer[0], buffer.size(), 0, (sockaddr *)&from, &len);
            EXPECT_LE(0, got);
            out.push_back(
                {buffer.substr(0, (size_t)got), ntohs(v6_ ? ((sockaddr_in6 *)&from)->sin6_port
                                                          : ((sockaddr_in *)&from)->sin_port)});
        }
        return out;
    }
    bool is_quiet()
    {
        pollfd wait{fd_, POLLIN, 0};
        return poll(&wait, 1, 0) == 0;
    }
    int fd() const
    {
        return fd_;
    }

  private:
    socklen_t address_len() const
    {
        return v6_ ? sizeof(sockaddr_in6) : sizeof(sockaddr_in);
    }
    sockaddr_storage address_of(uint16_t port) const
    {
        sockaddr_storage out{};
        if (v6_) {
            auto *address = (sockaddr_in6 *)&out;
            address->sin6_family = AF_INET6;
            address->sin6_port = htons(port);
            address->sin6_addr = in6addr_loopback;
        } else {
            auto *address = (sockaddr_in *)&out;
            address->sin_family = AF_INET;
            address->sin_port = htons(port);
            address->sin_addr.s_addr = htonl(INADDR_LOOPBACK);
        }
        return out;
    }

    bool v6_;
    int fd_;
    uint16_t port_;
};

class Sockets
{
  public:
    explicit Sockets(unsigned sources = 4, unsigned frames = 256, unsigned room = 2048)
    {
        config.sources_max = sources;
        config.frame_count = frames;
        config.frame_room = room;
    }
    ~Sockets()
    {
        sl_sockets_destroy(sockets);
    }
    Sockets(const Sockets &) = delete;
    void create()
    {
        ASSERT_EQ(0, sl_sockets_create(&config, &sockets, reason)) << reason;
    }
    void open(unsigned source, const sl_tuple &tuple)
    {
        ASSERT_EQ(0, sl_sockets_open(sockets, source, &tuple));
    }
    uint16_t port(unsigned source)
    {
        return sl_sockets_tuple(sockets, source)->local_port;
    }
    sl_frame *frame(const std::string &bytes, unsigned source)
    {
        sl_frame *frame = nullptr;
        EXPECT_EQ(1U, sl_sockets_take(sockets, &frame, 1));
        EXPECT_GE(frame->tailroom, bytes.size());
        if (!bytes.empty())
            memcpy(frame->data, bytes.data(), bytes.size());
        frame->len = (uint16_t)bytes.size();
        frame->tailroom = (uint16_t)(frame->tailroom - bytes.size());
        frame->tuple_hash = source;
        return frame;
    }
    struct Datagram {
        std::string bytes;
        unsigned source;
        bool operator==(const Datagram &other) const
        {
            return bytes == other.bytes && source == other.source;
        }
    };
    /** Sends all, or what is taken. */
    unsigned send(const std::vector<Datagram> &datagrams)
    {
        std::vector<sl_frame *> frames;
        for (const Datagram &datagram : datagrams)
            frames.push_back(frame(datagram.bytes, datagram.source));
        unsigned taken = sl_sockets_transmit(sockets, frames.data(), (unsigned)frames.size());
        sl_sockets_free(sockets, frames.data() + taken, (unsigned)frames.size() - taken);
        return taken;
    }
    /** What comes within a moment, `count` at most, in calls for `burst`. */
    std::vector<Datagram> receive(size_t count, unsigned burst = SL_BURST)
    {
        std::vector<Datagram> out;
        std::vector<sl_frame *> frames(burst);
        for (unsigned turn = 0; turn < 10000 && out.size() < count; turn++) {
            unsigned n = sl_sockets_receive(sockets, frames.data(), burst);
            EXPECT_LE(n, burst);
            for (unsigned i = 0; i < n; i++)
                out.push_back(datagram_of(frames[i]));
            sl_sockets_free(sockets, frames.data(), n);
            if (n == 0 && !sl_sockets_wait(sockets, 1000000000))
                break;
        }
        return out;
    }
    uint64_t count(sl_socket_counter counter) const
    {
        return sl_sockets_counter(sockets, counter);
    }
    bool is_pool_whole() const
    {
        return sl_sockets_free_count(sockets) == config.frame_count;
    }

    sl_sockets_config config{};
    sl_sockets *sockets = nullptr;
    char reason[256] = "";

  private:
    Datagram datagram_of(const sl_frame *frame)
    {
        const sl_tuple *tuple = sl_sockets_tuple(sockets, frame->tuple_hash);
        EXPECT_EQ(SL_PACKET_UDP, frame->kind);
        EXPECT_EQ(1, frame->segs);
        EXPECT_EQ(0, frame->payload_off);
        EXPECT_EQ(frame->len, frame->payload_len);
        EXPECT_EQ(SL_SOCKETS_HEADROOM, frame->headroom);
        EXPECT_EQ(config.frame_room, (unsigned)frame->len + frame->tailroom);
        EXPECT_EQ(0U, (uintptr_t)frame->data % SL_CACHE_LINE);
        EXPECT_TRUE(tuple != nullptr && sl_tuple_equal(tuple, &frame->path.tuple));
        return {std::string((const char *)frame->data, frame->len), frame->tuple_hash};
    }
};

} // namespace test

#endif
