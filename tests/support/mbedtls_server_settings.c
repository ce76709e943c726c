#include "mbedtls_server_settings.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <mbedtls/entropy.h>
#include <mbedtls/error.h>
#include <mbedtls/ssl_cache.h>
#include <mbedtls/ssl_ciphersuites.h>
#include <mbedtls/ssl_cookie.h>
#include <mbedtls/ssl_ticket.h>
#include <psa/crypto.h>

enum option {
    HOST,
    PORT,
    CERT,
    KEY,
    PSK,
    CLIENT_CA,
    CID,
    SUITE,
    RESUME,
    SWALLOW,
    CLOSE_AFTER,
    EXIT_AFTER,
    LIFE,
    OPTION_COUNT,
};

static struct {
    const char *name, *value, *help;
} options[OPTION_COUNT] = {
    [HOST] = {"host", "127.0.0.1", "to listen at: an IPv4 or IPv6 address"},
    [PORT] = {"port", "4433", "UDP"},
    [CERT] = {"cert", NULL, "own certificate, PEM"},
    [KEY] = {"key", NULL, "its key, PEM"},
    [PSK] = {"psk", NULL, "the pre-shared key, IDENTITY:HEXKEY"},
    [CLIENT_CA] = {"client_ca", NULL, "who must have signed the clients' certificates, PEM"},
    [CID] = {"cid", "8", "length of the connection IDs that clients are to send, 0..32; off: none"},
    [SUITE] = {"suite", NULL, "the only cipher suite to accept, in the library's spelling"},
    [RESUME] = {"resume", "off", "how sessions are resumed: id, ticket, or off"},
    [SWALLOW] = {"swallow", "0", "each so many-th message is not echoed; 0: all are"},
    [CLOSE_AFTER] = {"close_after", "0", "messages of a client, and then close_notify; 0: never"},
    [EXIT_AFTER] = {"exit_after", "0", "messages of all, and then an end without a word; 0: never"},
    [LIFE] = {"life", "60", "seconds"},
};

/** What the configuration points to. */
static struct {
    mbedtls_entropy_context entropy;
    mbedtls_x509_crt cert, client_ca;
    mbedtls_pk_context key;
    mbedtls_ssl_cookie_ctx cookies;
    mbedtls_ssl_cache_context cache;
    mbedtls_ssl_ticket_context tickets;
    int suites[2];
    void (*note_resumed)(void);
} kept;

void need(const char *what, int error)
{
    char text[128];
    if (error == 0)
        return;
    mbedtls_strerror(error, text, sizeof text);
    fprintf(stderr, "%s: %s (-0x%04x)\n", what, text, (unsigned)-error);
    exit(2);
}

static void usage(void)
{
    fputs("options, all NAME=VALUE:\n", stderr);
    for (size_t i = 0; i < OPTION_COUNT; i++)
        fprintf(stderr, "  %-12s %s (%s)\n", options[i].name, options[i].help,
                options[i].value ? options[i].value : "none");
    exit(2);
}

static void parse_option(const char *argument)
{
    const char *value = strchr(argument, '=');
    for (size_t i = 0; value && i < OPTION_COUNT; i++) {
        size_t len = (size_t)(value - argument);
        if (strlen(options[i].name) == len && memcmp(options[i].name, argument, len) == 0) {
            options[i].value = value + 1;
            return;
        }
    }
    usage();
}

static unsigned long number(enum option option)
{
    return strtoul(options[option].value, NULL, 10);
}

static int find_in_cache(void *cache, const unsigned char *id, size_t id_len,
                         mbedtls_ssl_session *session)
{
    int error = mbedtls_ssl_cache_get(cache, id, id_len, session);
    if (error == 0)
        kept.note_resumed();
    return error;
}

static int open_ticket(void *tickets, mbedtls_ssl_session *session, unsigned char *ticket,
                       size_t len)
{
    int error = mbedtls_ssl_ticket_parse(tickets, session, ticket, len);
    if (error == 0)
        kept.note_resumed();
    return error;
}

static void load_certificates(struct settings *settings)
{
    const char *cert = options[CERT].value, *key = options[KEY].value;
    const char *client_ca = options[CLIENT_CA].value;
    if (!cert != !key)
        usage();
    if (cert) {
        need(cert, mbedtls_x509_crt_parse_file(&kept.cert, cert));
        need(key, mbedtls_pk_parse_keyfile(&kept.key, key, NULL, mbedtls_ctr_drbg_random,
                                           &settings->random));
        need(cert, mbedtls_ssl_conf_own_cert(&settings->config, &kept.cert, &kept.key));
    }
    if (client_ca) {
        need(client_ca, mbedtls_x509_crt_parse_file(&kept.client_ca, client_ca));
        mbedtls_ssl_conf_ca_chain(&settings->config, &kept.client_ca, NULL);
    }
    mbedtls_ssl_conf_authmode(&settings->config,
                              client_ca ? MBEDTLS_SSL_VERIFY_REQUIRED : MBEDTLS_SSL_VERIFY_NONE);
}

static void load_psk(struct settings *settings)
{
    const char *psk = options[PSK].value, *hex = psk ? strchr(psk, ':') : NULL;
    uint8_t key[MBEDTLS_PSK_MAX_LEN];
    size_t len = 0;
    if (!psk)
        return;
    while (hex && len < sizeof key && sscanf(hex + 1 + 2 * len, "%2hhx", &key[len]) == 1)
        len++;
    if (len == 0)
        usage();
    need("psk", mbedtls_ssl_conf_psk(&settings->config, key, len, (const unsigned char *)psk,
                                     (size_t)(hex - psk)));
}

static void configure_resumption(struct settings *settings)
{
    const char *how = options[RESUME].value;
    if (strcmp(how, "id") == 0) {
        mbedtls_ssl_conf_session_cache(&settings->config, &kept.cache, find_in_cache,
                                       mbedtls_ssl_cache_set);
    } else if (strcmp(how, "ticket") == 0) {
        need("tickets",
             mbedtls_ssl_ticket_setup(&kept.tickets, mbedtls_ctr_drbg_random, &settings->random,
                                      MBEDTLS_CIPHER_AES_256_GCM, 3600));
        mbedtls_ssl_conf_session_tickets_cb(&settings->config, mbedtls_ssl_ticket_write,
                                            open_ticket, &kept.tickets);
    } else if (strcmp(how, "off") != 0) {
        usage();
    }
}

static void configure_cid(struct settings *settings)
{
    settings->wants_cid = strcmp(options[CID].value, "off") != 0;
    settings->cid_len = number(CID);
    if (settings->wants_cid)
        need("cid", mbedtls_ssl_conf_cid(&settings->config, settings->cid_len,
                                         MBEDTLS_SSL_UNEXPECTED_CID_IGNORE));
}

static void init(struct settings *settings)
{
    psa_crypto_init();
    mbedtls_ssl_config_init(&settings->config);
    mbedtls_ctr_drbg_init(&settings->random);
    mbedtls_entropy_init(&kept.entropy);
    mbedtls_x509_crt_init(&kept.cert);
    mbedtls_x509_crt_init(&kept.client_ca);
    mbedtls_pk_init(&kept.key);
    mbedtls_ssl_cookie_init(&kept.cookies);
    mbedtls_ssl_cache_init(&kept.cache);
    mbedtls_ssl_ticket_init(&kept.tickets);
}

static void configure(struct settings *settings)
{
    mbedtls_ssl_config *config = &settings->config;
    init(settings);
    need("random",
         mbedtls_ctr_drbg_seed(&settings->random, mbedtls_entropy_func, &kept.entropy, NULL, 0));
    need("defaults",
         mbedtls_ssl_config_defaults(config, MBEDTLS_SSL_IS_SERVER, MBEDTLS_SSL_TRANSPORT_DATAGRAM,
                                     MBEDTLS_SSL_PRESET_DEFAULT));
    mbedtls_ssl_conf_rng(config, mbedtls_ctr_drbg_random, &settings->random);
    mbedtls_ssl_conf_max_tls_version(config, MBEDTLS_SSL_VERSION_TLS1_2);
    need("cookies",
         mbedtls_ssl_cookie_setup(&kept.cookies, mbedtls_ctr_drbg_random, &settings->random));
    mbedtls_ssl_conf_dtls_cookies(config, mbedtls_ssl_cookie_write, mbedtls_ssl_cookie_check,
                                  &kept.cookies);
    if (options[SUITE].value) {
        kept.suites[0] = mbedtls_ssl_get_ciphersuite_id(options[SUITE].value);
        mbedtls_ssl_conf_ciphersuites(config, kept.suites);
    }
    configure_cid(settings);
    load_certificates(settings);
    load_psk(settings);
    configure_resumption(settings);
}

void settings_make(struct settings *settings, int argc, char **argv, void (*note_resumed)(void))
{
    for (int i = 1; i < argc; i++)
        parse_option(argv[i]);
    kept.note_resumed = note_resumed;
    settings->host = options[HOST].value;
    settings->port = options[PORT].value;
    settings->swallow = number(SWALLOW);
    settings->close_after = number(CLOSE_AFTER);
    settings->exit_after = number(EXIT_AFTER);
    settings->life_s = (unsigned)number(LIFE);
    configure(settings);
}
