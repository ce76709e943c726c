#include <strings.h>

#include <openssl/crypto.h>

#include "identity_priv.h"

static const EVP_MD *digest_of(unsigned len)
{
    switch (len) {
    case 32:
        return EVP_sha256();
    case 48:
        return EVP_sha384();
    case 64:
        return EVP_sha512();
    default:
        return NULL;
    }
}

/** The length that a hash's name before the bytes asks for, RFC 8122 5; 0: there is none. */
static unsigned read_hash_name(const char **text)
{
    static const struct {
        const char *name;
        unsigned len;
    } names[] = {{"sha-256 ", 32}, {"sha-384 ", 48}, {"sha-512 ", 64}};
    for (unsigned i = 0; i < sizeof names / sizeof names[0]; i++) {
        if (strncasecmp(*text, names[i].name, strlen(names[i].name)) != 0)
            continue;
        *text += strlen(names[i].name);
        return names[i].len;
    }
    return 0;
}

bool sl_fingerprint_parse(struct sl_fingerprint *out, const char *text, char *reason)
{
    const char *at = text;
    unsigned named_len = read_hash_name(&at);
    out->len = 0;
    for (int byte; out->len < sizeof out->bytes && (byte = sl_hex_byte(at)) >= 0;) {
        out->bytes[out->len++] = (uint8_t)byte;
        at += 2;
        if (at[0] == ':' && at[1] != 0)
            at++;
    }
    if (*at == 0 && digest_of(out->len) != NULL && (named_len == 0 || named_len == out->len))
        return true;
    return sl_identity_refuse(reason,
                              "%.200s is no fingerprint: 32, 48 or 64 bytes in hex are needed, for "
                              "SHA-256, SHA-384 or SHA-512 of the certificate",
                              text);
}

bool sl_fingerprint_matches(const struct sl_fingerprint *fingerprint, const X509 *certificate)
{
    uint8_t digest[EVP_MAX_MD_SIZE];
    unsigned len = 0;
    return X509_digest(certificate, digest_of(fingerprint->len), digest, &len) &&
           len == fingerprint->len && CRYPTO_memcmp(digest, fingerprint->bytes, len) == 0;
}
