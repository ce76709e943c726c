#include "dtls_client.h"

#include <algorithm>
#include <cstdlib>
#include <cstring>

/** libssl 3.0 does not free what a client sets as its ticket. */
extern "C" const char *__lsan_default_suppressions(void);
extern "C" const char *__lsan_default_suppressions(void)
{
    return "leak:SSL_set_session_ticket_ext";
}

namespace sl_test
{
namespace
{

constexpr unsigned padding_extension = 65000;

DtlsClient *client_of(const SSL *ssl)
{
    return (DtlsClient *)SSL_get_app_data(ssl);
}

int offer_cid(SSL *ssl, unsigned, unsigned, const unsigned char **out, size_t *out_len, X509 *,
              size_t, int *, void *)
{
    const ClientOptions &options = client_of(ssl)->options();
    Bytes extension;
    if (options.raw_cid_extension) {
        extension = *options.raw_cid_extension;
    } else if (options.cid) {
        extension.push_back((uint8_t)options.cid->size());
        extension.insert(extension.end(), options.cid->begin(), options.cid->end());
    } else {
        return 0;
    }
    uint8_t *copy = (uint8_t *)malloc(extension.size() + 1);
    std::copy(extension.begin(), extension.end(), copy);
    *out = copy;
    *out_len = extension.size();
    return 1;
}

int pad_hello(SSL *ssl, unsigned, unsigned, const unsigned char **out, size_t *out_len, X509 *,
              size_t, int *, void *)
{
    *out_len = client_of(ssl)->options().hello_padding;
    if (*out_len == 0)
        return 0;
    *out = (uint8_t *)calloc(1, *out_len);
    return 1;
}

void free_extension(SSL *, unsigned, unsigned, const unsigned char *out, void *)
{
    free((void *)out);
}

int take_cid(SSL *ssl, unsigned, unsigned, const unsigned char *in, size_t len, X509 *, size_t,
             int *alert, void *)
{
    if (len < 1 || in[0] != len - 1) {
        *alert = SSL_AD_DECODE_ERROR;
        return 0;
    }
    client_of(ssl)->accept_cid(Bytes(in + 1, in + len));
    return 1;
}

int ignore_extension(SSL *, unsigned, unsigned, const unsigned char *, size_t, X509 *, size_t,
                     int *, void *)
{
    return 1;
}

unsigned double_timeout(SSL *ssl, unsigned timeout_us)
{
    return timeout_us == 0 ? client_of(ssl)->options().timeout_ms * 1000 : timeout_us * 2;
}

unsigned give_psk(SSL *ssl, const char *, char *identity, unsigned identity_room,
                  unsigned char *key, unsigned key_room)
{
    const ClientOptions &options = client_of(ssl)->options();
    must(options.psk_identity->size() < identity_room && options.psk.size() <= key_room, "PSK");
    strcpy(identity, options.psk_identity->c_str());
    std::copy(options.psk.begin(), options.psk.end(), key);
    return (unsigned)options.psk.size();
}

} // namespace

DtlsClient::DtlsClient(const ClientOptions &options) : chosen(options)
{
    ctx = SSL_CTX_new(DTLS_client_method());
    SSL_CTX_set_security_level(ctx, 0);
    must(SSL_CTX_set_min_proto_version(ctx, chosen.max_version), "version");
    must(SSL_CTX_set_max_proto_version(ctx, chosen.max_version), "version");
    must(SSL_CTX_set_cipher_list(ctx, chosen.suites.c_str()), "suites");
    must(SSL_CTX_set1_groups_list(ctx, chosen.groups.c_str()), "groups");
    if (!chosen.sigalgs.empty())
        must(SSL_CTX_set1_sigalgs_list(ctx, chosen.sigalgs.c_str()), "sigalgs");
    SSL_CTX_set_options(ctx, SSL_OP_NO_QUERY_MTU);
    if (!chosen.extended_master_secret)
        SSL_CTX_set_options(ctx, SSL_OP_NO_EXTENDED_MASTER_SECRET);
    if (!chosen.encrypt_then_mac)
        SSL_CTX_set_options(ctx, SSL_OP_NO_ENCRYPT_THEN_MAC);
    must(SSL_CTX_add_custom_ext(ctx, SL_EXTENSION_CONNECTION_ID,
                                SSL_EXT_CLIENT_HELLO | SSL_EXT_TLS1_2_SERVER_HELLO, offer_cid,
                                free_extension, nullptr, take_cid, nullptr),
         "extension");
    must(SSL_CTX_add_custom_ext(ctx, padding_extension,
                                SSL_EXT_CLIENT_HELLO | SSL_EXT_TLS1_2_SERVER_HELLO, pad_hello,
                                free_extension, nullptr, ignore_extension, nullptr),
         "extension");
    if (chosen.identity) {
        must(SSL_CTX_use_certificate(ctx, chosen.identity->certificate.get()), "certificate");
        must(SSL_CTX_use_PrivateKey(ctx, chosen.identity->key.get()), "key");
        for (const Certificate &certificate : chosen.chain)
            must(SSL_CTX_add1_chain_cert(ctx, certificate.get()), "chain");
    }
    if (chosen.psk_identity)
        SSL_CTX_set_psk_client_callback(ctx, give_psk);
    if (chosen.trusted) {
        SSL_CTX_set_verify(ctx, SSL_VERIFY_PEER, nullptr);
        must(X509_STORE_add_cert(SSL_CTX_get_cert_store(ctx), chosen.trusted->get()), "trust");
    }
    make_ssl(ctx, chosen.mtu);
    if (!chosen.server_name.empty())
        SSL_set_tlsext_host_name(handle, chosen.server_name.c_str());
    if (chosen.asks_status)
        SSL_set_tlsext_status_type(handle, TLSEXT_STATUSTYPE_ocsp);
    SSL_set_connect_state(handle);
    DTLS_set_timer_cb(handle, double_timeout);
    if (chosen.session)
        must(SSL_set_session(handle, chosen.session.get()), "session");
    if (chosen.raw_ticket)
        must(SSL_set_session_ticket_ext(handle, chosen.raw_ticket->data(),
                                        (int)chosen.raw_ticket->size()),
             "ticket");
}

DtlsClient::~DtlsClient()
{
    SSL_CTX_free(ctx);
    wipe_epochs();
}

std::shared_ptr<SSL_SESSION> DtlsClient::session() const
{
    return {SSL_SESSION_dup(SSL_get0_session(handle)), SSL_SESSION_free};
}

Bytes DtlsClient::ticket() const
{
    const unsigned char *bytes = nullptr;
    size_t len = 0;
    SSL_SESSION_get0_ticket(SSL_get0_session(handle), &bytes, &len);
    return Bytes(bytes, bytes + len);
}

void DtlsClient::close()
{
    SSL_shutdown(handle);
}

Bytes DtlsClient::client_random() const
{
    Bytes random(SL_RANDOM_LEN);
    SSL_get_client_random(handle, random.data(), random.size());
    return random;
}

} // namespace sl_test
