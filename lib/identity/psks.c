#include <stdlib.h>

#include <openssl/crypto.h>
#include <openssl/rand.h>

#include "identity_priv.h"
#include "sl_crypto.h"

/*
 * Open addressing, at most half full, by a hash whose key is drawn at the start: where an identity
 * stands, and so how long it takes to be found or not, is nothing that clients can choose or learn.
 */
struct sl_psks {
    struct shares shares;
    struct sl_psk_list list;
    uint32_t *slots; /* index + 1 into the list; 0: free */
    size_t mask;
    uint8_t hash_key[16];
};

/** Where the identity [len] stands, or the free slot at which its search ends. */
static size_t slot_of(const struct sl_psks *psks, const uint8_t *identity, size_t len,
                      uint64_t hash)
{
    size_t at = (size_t)hash & psks->mask;
    while (psks->slots[at] != 0) {
        const struct sl_psk *psk = &psks->list.psks[psks->slots[at] - 1];
        if (strlen(psk->identity) == len && CRYPTO_memcmp(psk->identity, identity, len) == 0)
            break;
        at = (at + 1) & psks->mask;
    }
    return at;
}

static uint64_t hash_of(const struct sl_psks *psks, const uint8_t *identity, size_t len)
{
    return sl_siphash(psks->hash_key, identity, len);
}

static bool add(struct sl_psks *psks, unsigned i, char *reason)
{
    const char *identity = psks->list.psks[i].identity, *path = psks->list.file.path;
    const size_t len = strlen(identity);
    char text[SL_PSK_TEXT_SIZE];
    if (!sl_psk_write_identity(text, sizeof text, (const uint8_t *)identity, len))
        return sl_identity_refuse(
            reason,
            "PSK file %s: identity %u takes more than %zu characters when it is written down", path,
            i + 1, sizeof text - 1);
    size_t at = slot_of(psks, (const uint8_t *)identity, len,
                        hash_of(psks, (const uint8_t *)identity, len));
    if (psks->slots[at] != 0)
        return sl_identity_refuse(reason, "PSK file %s: identity '%s' is there twice", path, text);
    psks->slots[at] = i + 1;
    return true;
}

static bool index_all(struct sl_psks *psks, char *reason)
{
    size_t size = 16;
    while (size < 2UL * psks->list.count)
        size *= 2;
    psks->mask = size - 1;
    psks->slots = calloc(size, sizeof *psks->slots);
    if (psks->slots == NULL || RAND_bytes(psks->hash_key, sizeof psks->hash_key) != 1)
        return sl_identity_refuse(reason, "out of memory");
    for (unsigned i = 0; i < psks->list.count; i++)
        if (!add(psks, i, reason))
            return false;
    return true;
}

struct sl_psks *sl_psks_load(const char *path, char *reason)
{
    struct sl_psks *psks = calloc(1, sizeof *psks);
    if (psks == NULL) {
        sl_identity_refuse(reason, "out of memory");
        return NULL;
    }
    shares_init(&psks->shares);
    if (sl_psk_load(&psks->list, path, reason) && index_all(psks, reason)) {
        psks->list.file.path = NULL; /* borrowed for the call */
        return psks;
    }
    sl_psks_destroy(psks);
    return NULL;
}

struct sl_psks *sl_psks_share(struct sl_psks *psks)
{
    if (psks != NULL)
        shares_take(&psks->shares);
    return psks;
}

void sl_psks_destroy(struct sl_psks *psks)
{
    if (psks == NULL || !shares_give_back(&psks->shares))
        return;
    sl_psk_wipe(&psks->list);
    free(psks->slots);
    OPENSSL_cleanse(psks, sizeof *psks);
    free(psks);
}

bool sl_psk_invent(size_t key_len, struct sl_psk_secret *out)
{
    assert(key_len >= 1 && key_len <= sizeof out->key);
    *out = (struct sl_psk_secret){.key_len = (uint8_t)key_len};
    if (RAND_priv_bytes(out->key, (int)key_len) == 1)
        return true;
    out->key_len = 0;
    return false;
}

bool sl_psks_find(const struct sl_psks *psks, const uint8_t *identity, size_t len,
                  struct sl_psk_secret *out)
{
    const uint64_t hash = hash_of(psks, identity, len);
    const uint32_t found = psks->slots[slot_of(psks, identity, len, hash)];
    /* Whoever asks for one of nobody's twice meets a key of the same length, as with somebody's. */
    const struct sl_psk *like = &psks->list.psks[(hash >> 32) % psks->list.count];
    struct sl_psk_secret invented;
    bool ok = sl_psk_invent(like->key_len, &invented);
    const struct sl_psk nobodys = {.key = invented.key, .key_len = invented.key_len};
    const struct sl_psk *psk = found != 0 ? &psks->list.psks[found - 1] : &nobodys;
    *out = (struct sl_psk_secret){.is_known = found != 0, .key_len = (uint8_t)psk->key_len};
    memcpy(out->key, psk->key, psk->key_len);
    OPENSSL_cleanse(&invented, sizeof invented);
    return ok;
}

bool sl_psk_write_identity(char *out, size_t room, const uint8_t *identity, size_t len)
{
    static const char digits[] = "0123456789abcdef";
    struct sl_writer w = sl_writer_of((uint8_t *)out, room);
    for (size_t i = 0; i < len; i++) {
        const uint8_t byte = identity[i];
        const char escaped[] = {'\\', 'x', digits[byte >> 4], digits[byte & 15]};
        if (byte >= ' ' && byte <= '~' && byte != '\\')
            sl_write_u8(&w, byte);
        else
            sl_write_bytes(&w, escaped, sizeof escaped);
    }
    sl_write_u8(&w, 0);
    return !w.failed;
}
