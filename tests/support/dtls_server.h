/**
 * A DTLS 1.2 server in memory: libssl alone, without connection IDs. Datagrams in, datagrams out;
 * the time is virtual_time's.
 */
#ifndef SL_TEST_DTLS_SERVER_H
#define SL_TEST_DTLS_SERVER_H

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "dtls_peer.h"
#include "test_certificates.h"

namespace sl_test
{

struct ServerOptions {
    std::vector<Identity> identities;
    std::vector<Certificate> chain;              /* shown behind the last of them */
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
    const ServerOptions &options() const
    {
        return chosen;
    }

  private:
    ServerOptions chosen;
    SSL_CTX *ctx;
};

class DtlsServer : public DtlsPeer
{
  public:
    explicit DtlsServer(const DtlsServerContext &context);

    const ServerOptions &options() const
    {
        return context.options();
    }
    /** Set by callbacks. */
    bool was_offered_cid = false;

  private:
    const DtlsServerContext &context;
};

} // namespace sl_test

#endif
