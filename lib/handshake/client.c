#include <openssl/err.h>
#include <openssl/x509v3.h>

#include "handshake_priv.h"

const struct role sl_handshake_client = {
    .is_client = true,
    .take_fragment = sl_handshake_take_server_fragment,
    .awaits_chain = sl_handshake_awaits_server_chain,
    .take_message = sl_handshake_take_server_message,
};

static bool use_certificate(SSL *ssl, const struct sl_client_credentials *credentials,
                            uint32_t credential)
{
    unsigned count = sl_client_certificate_count(credentials);
    if (count == 0)
        return true;
    unsigned i = credential % count;
    return SSL_use_cert_and_key(ssl, sl_client_certificate(credentials, i),
                                sl_client_key(credentials, i), sl_client_chain(credentials, i),
                                1) == 1;
}

/** RFC 6066 3: an address is no name that a server could be told. */
static bool name_server(SSL *ssl, const char *name)
{
    ASN1_OCTET_STRING *address = name != NULL ? a2i_IPADDRESS(name) : NULL;
    bool is_dns_name = name != NULL && address == NULL;
    ASN1_OCTET_STRING_free(address);
    ERR_clear_error();
    return !is_dns_name || SSL_set_tlsext_host_name(ssl, name) == 1;
}

/** From libssl's first ClientHello on. false: the handshake has failed. */
static bool greet(struct handshake *handshake)
{
    const struct client *self = handshake->client.self;
    const struct sl_client_credentials *credentials = self->config.credentials;
    ERR_clear_error();
    if (!sl_handshake_make_ssl(handshake, self->ctx))
        return false;
    SSL_set_connect_state(handshake->ssl);
    if (!use_certificate(handshake->ssl, credentials, handshake->client.credential) ||
        !name_server(handshake->ssl, sl_client_server_name(credentials)) ||
        !sl_handshake_offer_session(handshake))
        return false;
    int result = SSL_do_handshake(handshake->ssl);
    return SSL_get_error(handshake->ssl, result) == SSL_ERROR_WANT_READ;
}

void sl_handshake_connect(struct sl_handshaker *handshaker, unsigned worker, uint64_t handle,
                          const struct sl_message_connect *connect)
{
    struct handshake_start start = {.role = &sl_handshake_client,
                                    .worker = worker,
                                    .handle = handle,
                                    .path = &connect->path,
                                    .path_payload_max = connect->path_payload_max,
                                    .own_cid_len = connect->offers_cid ? connect->own_cid_len : 0,
                                    .own_cid = connect->own_cid};
    struct handshake *handshake = sl_handshake_begin(handshaker, &start);
    if (handshake == NULL)
        return;
    handshake->state = HANDSHAKE_RUNNING;
    sl_handshake_hasten(handshake, connect->timeout_ms);
    handshake->client = (struct client_side){.state = CLIENT_AWAITS_VERIFY_OR_HELLO,
                                             .offers_cid = connect->offers_cid,
                                             .credential = connect->credential,
                                             .resume = connect->resume};
    sl_handshake_use_client(handshake, connect->client);
    if (greet(handshake))
        sl_handshake_arm(handshake);
    else
        sl_handshake_fail(handshake, SL_HANDSHAKE_FAILED);
}
