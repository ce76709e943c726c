/** What mbedtls_server has been told, and what it makes of it for Mbed TLS. */
#ifndef MBEDTLS_SERVER_SETTINGS_H
#define MBEDTLS_SERVER_SETTINGS_H

#include <stdbool.h>
#include <stddef.h>

#include <mbedtls/ctr_drbg.h>
#include <mbedtls/ssl.h>

struct settings {
    const char *host, *port;
    mbedtls_ssl_config config;
    mbedtls_ctr_drbg_context random;
    bool wants_cid;
    size_t cid_len;
    unsigned long swallow, close_after, exit_after; /* messages; 0: never */
    unsigned life_s;
};

/** Ends the program with a sentence and status 2 when something is wrong. `note_resumed` is called
 * when a ClientHello resumes a session. */
void settings_make(struct settings *settings, int argc, char **argv, void (*note_resumed)(void));

/** Ends the program likewise unless error is 0. */
void need(const char *what, int error);

#endif
