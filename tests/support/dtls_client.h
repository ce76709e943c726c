/**
 * A DTLS 1.2 client in memory: libssl, with a shim of ours around it for connection IDs
 * (RFC 9146), which libssl does not know. Datagrams in, datagrams out; the time is virtual_time's.
 */
#ifndef SL_TEST_DTLS_CLIENT_H
#define SL_TEST_DTLS_CLIENT_H

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "dtls_peer.h"
#include "test_certificates.h"

extern "C" {
#include "sl_record.h"
}

namespace sl_test
{

struct ClientOptions {
    std::string suites = "ECDHE-ECDSA-AES128-GCM-SHA256:ECDHE-RSA-AES128-GCM-SHA256";
    std::string groups = "X25519:P-256:P-384:P-521";
    std::string sigalgs;      /* empty: libssl's own */
    std::optional<Bytes> cid; /* offers this connection ID; an empty one says "send me none" */
    std::optional<Bytes> raw_cid_extension; /* offers these bytes, well-formed or not */
    std::optional<Identity> identity;       /* the client's certificate */
    std::vector<Certificate> chain;
    std::optional<Certificate> trusted; /* the server's certificate must be vouched for by it */
    std::optional<std::string> psk_identity; /* no NUL in it: libssl wants it as C has strings */
    Bytes psk;
    unsigned mtu = 1400;
    unsigned timeout_ms = 1000;
    bool extended_master_secret = true;
    bool encrypt_then_mac = true;
    std::string server_name;    /* that it asks for, RFC 6066 3; empty: none */
    bool asks_status = false;   /* of the server's certificate, RFC 6066 8 */
    unsigned hello_padding = 0; /* bytes of an extension that makes the ClientHello longer */
    int max_version = DTLS1_2_VERSION;
    std::shared_ptr<SSL_SESSION> session; /* to be resumed */
    std::optional<Bytes> raw_ticket;      /* these bytes as a ticket, without a session */
};

class DtlsClient : public DtlsPeer
{
  public:
    explicit DtlsClient(const ClientOptions &options);
    ~DtlsClient() override;

    void receive(const Bytes &datagram) override;
    void write(const uint8_t *bytes, size_t len) override;
    void close();

    bool uses_cid() const
    {
        return server_cid.has_value();
    }
    const Bytes &peer_cid() const
    {
        return *server_cid;
    }

    bool is_resumed() const
    {
        return SSL_session_reused(handle);
    }
    /** What it could resume from; a copy, as libssl spoils that of a client that ends without a
     * word. */
    std::shared_ptr<SSL_SESSION> session() const;
    /** Its ticket; empty: none. */
    Bytes ticket() const;

    /** A record of this epoch-1 type under the session's keys, as an attacker can't make it. */
    Bytes seal(uint8_t type, const Bytes &plain);
    /** Can it seal? From the first record on that libssl protects. */
    bool has_keys() const
    {
        return wire != nullptr;
    }
    /** Changes what libssl protects, before it is sealed for the wire. Set before the start. */
    std::function<void(uint8_t &type, Bytes &plain)> before_seal;
    /** Changes a handshake record of epoch 0 on its way out. */
    std::function<void(Bytes &record)> before_send;
    Bytes client_random() const;

    /** Called by the extension's callbacks. */
    void accept_cid(const Bytes &cid);
    const ClientOptions &options() const
    {
        return chosen;
    }

  private:
    void make_epochs();
    void wipe_epochs();
    void write_protected(Bytes &out, const Bytes &record);
    Bytes open_to_plain_record(const Bytes &record);
    bool open_cid_record(const Bytes &record, uint8_t &type, Bytes &plain);
    bool open_plain_record(const Bytes &record, uint8_t &type, Bytes &plain);
    size_t record_len(const Bytes &datagram, size_t at) const;
    size_t own_cid_len() const;

    ClientOptions chosen;
    SSL_CTX *ctx = nullptr;
    std::optional<Bytes> server_cid;
    sl_aead *aead = nullptr;
    sl_aead_alg alg = SL_AEAD_AES_128_GCM;
    struct Free {
        void operator()(sl_aead_key *key) const
        {
            free(key);
        }
    };
    std::unique_ptr<sl_aead_key, Free> open_key; /* of the server's records */
    uint8_t open_iv[12] = {};
    sl_epoch *wire = nullptr;  /* seals with the server's connection ID */
    sl_epoch *inner = nullptr; /* as libssl sees it; plays the server */
};

} // namespace sl_test

#endif
