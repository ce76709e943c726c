/* A DTLS 1.2 echo client with connection IDs (RFC 9146) on Mbed TLS 3.6. client.h says the rest. */
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <mbedtls/ctr_drbg.h>
#include <mbedtls/entropy.h>
#include <mbedtls/error.h>
#include <mbedtls/net_sockets.h>
#include <mbedtls/ssl.h>
#include <mbedtls/ssl_ciphersuites.h>
#include <mbedtls/timing.h>
#include <psa/crypto.h>

#include "client.h"

static struct {
    int fd;
    mbedtls_ssl_context ssl;
    mbedtls_ssl_config config;
    mbedtls_entropy_context entropy;
    mbedtls_ctr_drbg_context random;
    mbedtls_x509_crt ca, cert;
    mbedtls_pk_context key;
    mbedtls_timing_delay_context timer;
    int suites[2];
    FILE *keylog;
} client;

static void say(const char *what, int error)
{
    char text[128];
    mbedtls_strerror(error, text, sizeof text);
    printf("%s: %s (-0x%04x)\n", what, text, (unsigned)-error);
}

static int fail(const char *what, int error)
{
    printf("HANDSHAKE FAILED: ");
    say(what, error);
    return -EPROTO;
}

static int bio_send(void *arg, const unsigned char *data, size_t len)
{
    (void)arg;
    ssize_t sent = send(client.fd, data, len, 0);
    if (sent >= 0)
        return (int)sent;
    /* An ICMP error says nothing that DTLS believes: as if it was lost on the way. */
    return errno == ECONNREFUSED ? (int)len : MBEDTLS_ERR_NET_SEND_FAILED;
}

static int bio_receive(void *arg, unsigned char *data, size_t len, uint32_t timeout_ms)
{
    (void)arg;
    struct pollfd readable = {.fd = client.fd, .events = POLLIN};
    if (poll(&readable, 1, timeout_ms ? (int)timeout_ms : -1) <= 0)
        return MBEDTLS_ERR_SSL_TIMEOUT;
    ssize_t got = recv(client.fd, data, len, 0);
    return got < 0 ? MBEDTLS_ERR_SSL_WANT_READ : (int)got;
}

static void write_keylog(void *arg, mbedtls_ssl_key_export_type type, const unsigned char *secret,
                         size_t secret_len, const unsigned char client_random[32],
                         const unsigned char server_random[32], mbedtls_tls_prf_types prf)
{
    (void)arg;
    (void)server_random;
    (void)prf;
    if (type != MBEDTLS_SSL_KEY_EXPORT_TLS12_MASTER_SECRET)
        return;
    fputs("CLIENT_RANDOM ", client.keylog);
    for (size_t i = 0; i < 32; i++)
        fprintf(client.keylog, "%02x", client_random[i]);
    fputc(' ', client.keylog);
    for (size_t i = 0; i < secret_len; i++)
        fprintf(client.keylog, "%02x", secret[i]);
    fputc('\n', client.keylog);
    fflush(client.keylog);
}

static int load_credentials(const struct client_options *options)
{
    int error = mbedtls_x509_crt_parse_file(&client.ca, options->ca);
    if (error)
        return fail(options->ca, error);
    mbedtls_ssl_conf_ca_chain(&client.config, &client.ca, NULL);
    if (!options->cert)
        return 0;
    error = mbedtls_x509_crt_parse_file(&client.cert, options->cert);
    if (error)
        return fail(options->cert, error);
    error = mbedtls_pk_parse_keyfile(&client.key, options->key, NULL, mbedtls_ctr_drbg_random,
                                     &client.random);
    if (error)
        return fail(options->key, error);
    return mbedtls_ssl_conf_own_cert(&client.config, &client.cert, &client.key);
}

static void init(void)
{
    psa_crypto_init();
    mbedtls_ssl_init(&client.ssl);
    mbedtls_ssl_config_init(&client.config);
    mbedtls_entropy_init(&client.entropy);
    mbedtls_ctr_drbg_init(&client.random);
    mbedtls_x509_crt_init(&client.ca);
    mbedtls_x509_crt_init(&client.cert);
    mbedtls_pk_init(&client.key);
}

static size_t parse_hex(const char *text, uint8_t *out, size_t max)
{
    size_t len = strlen(text) / 2;
    for (size_t i = 0; i < len && i < max; i++)
        sscanf(text + 2 * i, "%2hhx", out + i);
    return len < max ? len : max;
}

/** IDENTITY:KEY */
static int use_psk(const char *psk)
{
    const char *colon = psk != NULL ? strrchr(psk, ':') : NULL;
    uint8_t key[64];
    if (colon == NULL)
        return 0;
    size_t key_len = parse_hex(colon + 1, key, sizeof key);
    return mbedtls_ssl_conf_psk(&client.config, key, key_len, (const unsigned char *)psk,
                                (size_t)(colon - psk));
}

static int configure(const struct client_options *options)
{
    int error =
        mbedtls_ctr_drbg_seed(&client.random, mbedtls_entropy_func, &client.entropy, NULL, 0);
    if (error)
        return fail("random", error);
    mbedtls_ssl_config_defaults(&client.config, MBEDTLS_SSL_IS_CLIENT,
                                MBEDTLS_SSL_TRANSPORT_DATAGRAM, MBEDTLS_SSL_PRESET_DEFAULT);
    mbedtls_ssl_conf_rng(&client.config, mbedtls_ctr_drbg_random, &client.random);
    mbedtls_ssl_conf_authmode(&client.config, MBEDTLS_SSL_VERIFY_REQUIRED);
    mbedtls_ssl_conf_max_tls_version(&client.config, MBEDTLS_SSL_VERSION_TLS1_2);
    mbedtls_ssl_conf_handshake_timeout(&client.config, 250, 4000);
    if (options->suite) {
        client.suites[0] = mbedtls_ssl_get_ciphersuite_id(options->suite);
        mbedtls_ssl_conf_ciphersuites(&client.config, client.suites);
    }
    error = use_psk(options->psk);
    return error ? fail("psk", error) : load_credentials(options);
}

static int offer_cid(const char *cid)
{
    if (strcmp(cid, "off") == 0)
        return 0;
    uint8_t own[MBEDTLS_SSL_CID_IN_LEN_MAX];
    size_t len = parse_hex(cid, own, sizeof own);
    int error = mbedtls_ssl_conf_cid(&client.config, len, MBEDTLS_SSL_UNEXPECTED_CID_IGNORE);
    return error ? error : mbedtls_ssl_set_cid(&client.ssl, MBEDTLS_SSL_CID_ENABLED, own, len);
}

static int offer_session(const char *path)
{
    uint8_t bytes[8192];
    FILE *file = path ? fopen(path, "r") : NULL;
    if (!file)
        return 0;
    size_t len = fread(bytes, 1, sizeof bytes, file);
    fclose(file);
    mbedtls_ssl_session session;
    mbedtls_ssl_session_init(&session);
    int error = mbedtls_ssl_session_load(&session, bytes, len);
    if (!error)
        error = mbedtls_ssl_set_session(&client.ssl, &session);
    mbedtls_ssl_session_free(&session);
    return error;
}

static void keep_session(const char *path)
{
    uint8_t bytes[8192];
    size_t len = 0;
    mbedtls_ssl_session session;
    mbedtls_ssl_session_init(&session);
    FILE *file = path ? fopen(path, "w") : NULL;
    if (file && mbedtls_ssl_get_session(&client.ssl, &session) == 0 &&
        mbedtls_ssl_session_save(&session, bytes, sizeof bytes, &len) == 0)
        fwrite(bytes, 1, len, file);
    if (file)
        fclose(file);
    mbedtls_ssl_session_free(&session);
}

static void report(void)
{
    uint8_t cid[MBEDTLS_SSL_CID_OUT_LEN_MAX];
    size_t cid_len = 0;
    int enabled = 0;
    printf("HANDSHAKE %s %s, ", mbedtls_ssl_get_version(&client.ssl),
           mbedtls_ssl_get_ciphersuite(&client.ssl));
    mbedtls_ssl_get_peer_cid(&client.ssl, &enabled, cid, &cid_len);
    if (!enabled) {
        printf("no connection ID\n");
        return;
    }
    printf("server's connection ID ");
    for (size_t i = 0; i < cid_len; i++)
        printf("%02x", cid[i]);
    printf("\n");
}

static int mbed_connect(const struct client_options *options, int fd)
{
    client.fd = fd;
    init();
    int error = configure(options);
    if (error)
        return error;
    error = mbedtls_ssl_setup(&client.ssl, &client.config);
    if (!error)
        error = offer_cid(options->cid);
    if (!error)
        error = offer_session(options->session);
    if (error)
        return fail("setup", error);
    if (options->keylog && (client.keylog = fopen(options->keylog, "a")))
        mbedtls_ssl_set_export_keys_cb(&client.ssl, write_keylog, NULL);
    mbedtls_ssl_set_hostname(&client.ssl, options->name);
    mbedtls_ssl_set_timer_cb(&client.ssl, &client.timer, mbedtls_timing_set_delay,
                             mbedtls_timing_get_delay);
    mbedtls_ssl_set_bio(&client.ssl, NULL, bio_send, NULL, bio_receive);
    mbedtls_ssl_set_mtu(&client.ssl, (uint16_t)options->mtu);
    do
        error = mbedtls_ssl_handshake(&client.ssl);
    while (error == MBEDTLS_ERR_SSL_WANT_READ || error == MBEDTLS_ERR_SSL_WANT_WRITE);
    if (error)
        return fail("handshake", error);
    mbedtls_ssl_set_mtu(&client.ssl, 0); /* it was for the handshake's fragments only */
    keep_session(options->session);
    report();
    return 0;
}

static int mbed_send(void *arg, const void *data, size_t len)
{
    (void)arg;
    int sent = mbedtls_ssl_write(&client.ssl, data, len);
    if (sent == (int)len)
        return 0;
    say("WRITING FAILED", sent);
    return -EIO;
}

static int mbed_receive(void *arg, void *data, size_t len, int timeout_ms)
{
    (void)arg;
    mbedtls_ssl_conf_read_timeout(&client.config, (uint32_t)timeout_ms);
    int got = mbedtls_ssl_read(&client.ssl, data, len);
    if (got > 0)
        return got;
    if (got == MBEDTLS_ERR_SSL_TIMEOUT || got == MBEDTLS_ERR_SSL_WANT_READ)
        return 0;
    if (got == MBEDTLS_ERR_SSL_PEER_CLOSE_NOTIFY || got == 0)
        return -EPIPE;
    say("READING FAILED", got);
    return -EIO;
}

static void mbed_close_notify(void)
{
    mbedtls_ssl_close_notify(&client.ssl);
}

int main(int argc, char **argv)
{
    static const struct client_tls tls = {.connect = mbed_connect,
                                          .send = mbed_send,
                                          .receive = mbed_receive,
                                          .close_notify = mbed_close_notify};
    return client_main(argc, argv, &tls);
}
