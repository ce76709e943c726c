/**
 * A DTLS 1.2 server in memory: libssl alone, without connection IDs. Datagrams in, datagrams out;
 * the time is virtual_time's.
 */
#ifndef SL_TEST_DTLS_SERVER_H
#define SL_TEST_DTLS_SERVER_H

#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include <openssl/ssl.h>

#include "test_certificates.h"

namespace sl_test
{

using Bytes = std::vector<uint8_t>;

struct ServerOptions {
    std::vector<Identity> identities;
    std::optional<Certificate> client_authority; /* clients are asked for a certificate */
    std::map<std::string, Bytes> psks;           /* identity, key */
    std::string psk_hint;
    std::string suites = "ALL:@SECLEVEL=0";
    bool asks_cookie = true;
    bool tickets = false; /* else sessions are kept under their ID */
    bool extended_master_secret = true;
    unsigned mtu = 1400;
    std::optional<Bytes> cid_answer; /* what it answers an offer of a connection ID with, raw */
};

/** What its servers have in common: certificates, sessions, ticket keys. */
class DtlsServerContext
{
  public:
    explicit DtlsServerContext(const ServerOptions &options);
    ~DtlsServerContext();
    DtlsServerContext(const DtlsServerContext &) = delete;
    DtlsServerContext &operator=(const DtlsServerContext &) = delete;

    SSL_CTX *get() const
    {
        return ctx;
    }
    BIO_METHOD *bio_method() const
    {
        return method;
    }
    const ServerOptions &options() const
    {
        return chosen;
    }

  private:
    ServerOptions chosen;
    SSL_CTX *ctx;
    BIO_METHOD *method;
};

class DtlsServer
{
  public:
    explicit DtlsServer(const DtlsServerContext &context);
    ~DtlsServer();
    DtlsServer(const DtlsServer &) = delete;
    DtlsServer &operator=(const DtlsServer &) = delete;

    void receive(const Bytes &datagram);
    std::vector<Bytes> take_output();
    /** Nanoseconds until go_on is due; none without a timer. */
    std::optional<uint64_t> timeout_ns() const;
    void go_on();

    bool is_connected() const;
    bool has_failed() const
    {
        return failed;
    }
    const std::string &error() const
    {
        return failure;
    }
    void send(const Bytes &data);
    std::vector<Bytes> take_data();
    SSL *ssl()
    {
        return handle;
    }
    const ServerOptions &options() const
    {
        return context.options();
    }
    /** Called by the BIO and callbacks. */
    int read(uint8_t *out, int out_len);
    void write(const uint8_t *bytes, size_t len);
    bool was_offered_cid = false;

  private:
    void step();

    const DtlsServerContext &context;
    SSL *handle;
    std::deque<Bytes> input;
    std::vector<Bytes> output;
    std::vector<Bytes> data;
    bool failed = false;
    std::string failure;
};

} // namespace sl_test

#endif
