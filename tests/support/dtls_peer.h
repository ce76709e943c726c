/**
 * An end of a DTLS 1.2 connection in memory, as far as both roles are alike: libssl between a queue
 * of what comes in and a list of what goes out. The time is virtual_time's.
 */
#ifndef SL_TEST_DTLS_PEER_H
#define SL_TEST_DTLS_PEER_H

#include <cstdint>
#include <deque>
#include <optional>
#include <string>
#include <vector>

#include <openssl/ssl.h>

namespace sl_test
{

using Bytes = std::vector<uint8_t>;

/** Throws with libssl's reason, unless ok > 0. */
void must(long ok, const char *what);

class DtlsPeer
{
  public:
    DtlsPeer() = default;
    virtual ~DtlsPeer();
    DtlsPeer(const DtlsPeer &) = delete;
    DtlsPeer &operator=(const DtlsPeer &) = delete;

    /** Does what a timer makes due; a client's first ClientHello, too. */
    void go_on();
    virtual void receive(const Bytes &datagram);
    std::vector<Bytes> take_output();
    /** Nanoseconds until go_on is due; none without a timer. */
    std::optional<uint64_t> timeout_ns() const;

    bool is_connected() const;
    bool has_failed() const
    {
        return failed;
    }
    const std::string &error() const
    {
        return failure;
    }
    bool is_closed_by_peer() const
    {
        return closed;
    }

    void send(const Bytes &data);
    std::vector<Bytes> take_data();
    SSL *ssl()
    {
        return handle;
    }

    /** Called by the BIO. */
    int read(uint8_t *out, int out_len);
    virtual void write(const uint8_t *bytes, size_t len);

  protected:
    /** Makes the SSL; callbacks find the peer as its app data. */
    void make_ssl(SSL_CTX *ctx, unsigned mtu);
    /** What libssl sees of a datagram. */
    void feed(const Bytes &bytes);

    SSL *handle = nullptr;
    std::vector<Bytes> output;

  private:
    void step();

    std::deque<Bytes> input;
    std::vector<Bytes> data;
    bool failed = false;
    bool closed = false;
    std::string failure;
};

} // namespace sl_test

#endif
