/** An epoch: keys, numbers, and how much its keys have done. */
#include <openssl/crypto.h>

#include "record_priv.h"

size_t sl_epoch_len(const struct sl_aead *aead)
{
    return offsetof(struct sl_epoch, keys) + 2 * sl_aead_key_block_len(aead);
}

void sl_epoch_init(struct sl_epoch *epoch, const struct sl_aead *aead,
                   const struct sl_epoch_config *config)
{
    assert(config->number >= 1);
    assert(config->own_cid_len <= sizeof epoch->own_cid);
    assert(config->peer_cid_len <= sizeof epoch->peer_cid);
    memset(epoch, 0, sl_epoch_len(aead));
    epoch->key_len = (uint16_t)sl_aead_key_block_len(aead);
    epoch->write_next = config->write_next;
    epoch->forged = config->forged;
    epoch->number = epoch->seal_number = config->number;
    epoch->alg = epoch->seal_alg = (uint8_t)config->alg;
    epoch->nonce_len = epoch->seal_nonce_len = (uint8_t)sl_aead_explicit_nonce_len(config->alg);
    epoch->tag_len = epoch->seal_tag_len = (uint8_t)sl_aead_tag_len(config->alg);
    epoch->plain_max = config->plain_max > 0 ? config->plain_max : SL_RECORD_PLAINTEXT_MAX;
    /* A connection ID of no bytes means records without one: RFC 9146 3. */
    epoch->own_cid_len = config->own_cid_negotiated ? config->own_cid_len : 0;
    epoch->peer_cid_len = config->peer_cid_len;
    epoch->body_off = (uint8_t)(SL_RECORD_HEADER_LEN + config->peer_cid_len + epoch->nonce_len);
    const bool is_like_gcm =
        epoch->nonce_len == SL_GCM_EXPLICIT_NONCE_LEN && epoch->tag_len == SL_AEAD_TAG_LEN;
    epoch->seals_usual = is_like_gcm && config->peer_cid_len > 0 && config->peer_cid_len <= 8;
    epoch->is_usual = is_like_gcm && epoch->own_cid_len == SL_OWN_CID_LEN;
    if (epoch->own_cid_len > 0)
        memcpy(epoch->own_cid, config->own_cid, epoch->own_cid_len);
    if (epoch->peer_cid_len > 0)
        memcpy(epoch->peer_cid, config->peer_cid, epoch->peer_cid_len);
    memcpy(epoch->open_iv, config->open_iv, sl_aead_iv_len(config->alg));
    memcpy(epoch->seal_iv, config->seal_iv, sl_aead_iv_len(config->alg));
    sl_replay_init(&epoch->replay);
    sl_aead_key_init(aead, sl_epoch_open_key(epoch), config->alg, config->open_key);
    sl_aead_key_init(aead, sl_epoch_seal_key(epoch), config->alg, config->seal_key);
    epoch->has_keys = true;
}

void sl_epoch_wipe(struct sl_epoch *epoch, size_t len)
{
    OPENSSL_cleanse(epoch, len);
}

bool sl_epoch_is_forgery_limit_reached(const struct sl_epoch *epoch)
{
    return epoch->forged >= sl_aead_forgery_limit(epoch->alg);
}
