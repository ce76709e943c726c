#include <stdlib.h>

#include <openssl/crypto.h>

#include "ticket_priv.h"

/* Each period's secret is made from the one before, which is forgotten then: who reads our memory
 * learns the keys of two periods, and none that came before them. */

static bool derive(struct ticket_keys *keys, const char *label, uint8_t *out, size_t out_len)
{
    uint8_t digest[32];
    bool ok = sl_mac_compute(keys->mac, keys->secret, label, strlen(label), digest) == 0;
    memcpy(out, digest, out_len);
    OPENSSL_cleanse(digest, sizeof digest);
    return ok;
}

/** The next period begins. false: libcrypto failed. */
static bool turn(struct ticket_keys *keys)
{
    struct ticket_key *key = &keys->kept[keys->period_count & 1];
    key->is_valid = false; /* the key of two periods ago, which is written over */
    bool ok = derive(keys, "name", key->name, sizeof key->name) &&
              derive(keys, "cipher", key->cipher, sizeof key->cipher) &&
              derive(keys, "mac", key->mac, sizeof key->mac) &&
              derive(keys, "next", keys->secret, sizeof keys->secret);
    key->is_valid = ok;
    keys->period_count++;
    return ok;
}

bool sl_handshake_init_ticket_keys(struct ticket_keys *keys, const uint8_t root[32],
                                   uint64_t begin_ns, uint64_t period_ns)
{
    *keys = (struct ticket_keys){.next_ns = begin_ns, .period_ns = period_ns};
    keys->mac = sl_mac_create();
    memcpy(keys->secret, root, sizeof keys->secret);
    return keys->mac != NULL;
}

void sl_handshake_wipe_ticket_keys(struct ticket_keys *keys)
{
    sl_mac_destroy(keys->mac);
    OPENSSL_cleanse(keys, sizeof *keys);
}

void sl_handshake_turn_ticket_keys(struct ticket_keys *keys, uint64_t now_ns)
{
    while (keys->mac != NULL && now_ns >= keys->next_ns && turn(keys))
        keys->next_ns += keys->period_ns;
}

const struct ticket_key *sl_handshake_newest_ticket_key(const struct ticket_keys *keys)
{
    const struct ticket_key *newest = &keys->kept[(keys->period_count - 1) & 1];
    return newest->is_valid ? newest : NULL;
}

const struct ticket_key *sl_handshake_find_ticket_key(const struct ticket_keys *keys,
                                                      const uint8_t name[TICKET_KEY_NAME_LEN])
{
    for (unsigned i = 0; i < 2; i++)
        if (keys->kept[i].is_valid && memcmp(keys->kept[i].name, name, TICKET_KEY_NAME_LEN) == 0)
            return &keys->kept[i];
    return NULL;
}
