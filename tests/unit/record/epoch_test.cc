#include "pair.h"

namespace
{

const PairKind aes128 = {SL_AEAD_AES_128_GCM, 8};
const PairKind chacha = {SL_AEAD_CHACHA20_POLY1305, 0};
const PairKind ccm = {SL_AEAD_AES_256_CCM, 8};
const PairKind ccm_8 = {SL_AEAD_AES_128_CCM_8, 8};

} // namespace

TEST(Epoch, WarnsAtThreeQuartersOfWhatAesMaySeal)
{
    for (PairKind kind : {aes128, ccm, ccm_8}) {
        Pair pair(kind);
        uint64_t limit = sl_aead_seal_limit(kind.alg);
        EXPECT_EQ(sl_epoch_seal_usage(pair.alice.get()), SL_USAGE_FINE);
        pair.alice->write_next = limit / 4 * 3 - 1;
        EXPECT_EQ(sl_epoch_seal_usage(pair.alice.get()), SL_USAGE_FINE);
        pair.seal({1});
        EXPECT_EQ(sl_epoch_seal_usage(pair.alice.get()), SL_USAGE_THREE_QUARTERS);
        pair.alice->write_next = limit - 1;
        EXPECT_EQ(sl_epoch_seal_usage(pair.alice.get()), SL_USAGE_THREE_QUARTERS);
        pair.seal({1});
        EXPECT_EQ(sl_epoch_seal_usage(pair.alice.get()), SL_USAGE_LIMIT);
    }
}

TEST(Epoch, LetsChachaSealUntilTheRecordNumbersEnd)
{
    Pair pair(chacha);
    pair.alice->write_next = 1ULL << 40;
    EXPECT_EQ(sl_epoch_seal_usage(pair.alice.get()), SL_USAGE_FINE);
    pair.alice->write_next = SL_SEQ_MAX;
    EXPECT_EQ(sl_epoch_seal_usage(pair.alice.get()), SL_USAGE_LIMIT);
}

TEST(Epoch, CountsForgeriesUpToTheLimitOfItsAlgorithm)
{
    for (PairKind kind : {aes128, chacha, ccm, ccm_8}) {
        Pair pair(kind);
        Bytes record = pair.seal({1, 2, 3});
        record.back() ^= 1;
        pair.bob->forged = sl_aead_forgery_limit(kind.alg) - 1;
        EXPECT_FALSE(sl_epoch_is_forgery_limit_reached(pair.bob.get()));
        EXPECT_EQ(pair.open(record)->job.drop, SL_DROP_AUTH);
        EXPECT_TRUE(sl_epoch_is_forgery_limit_reached(pair.bob.get()));
    }
}

TEST(Epoch, HasNoConnectionIdOfItsOwnUnlessNegotiated)
{
    Pair pair(aes128);
    uint8_t key[32] = {}, iv[12] = {}, cid[4] = {1, 2, 3, 4};
    sl_epoch_config config = {};
    config.number = 1;
    config.open_key = config.seal_key = key;
    config.open_iv = config.seal_iv = iv;
    config.own_cid = cid;
    config.own_cid_len = sizeof cid;
    sl_epoch_init(pair.bob.get(), pair.aead.get(), &config);
    EXPECT_EQ(pair.bob->own_cid_len, 0);
    EXPECT_EQ(pair.bob->peer_cid_len, 0);
    EXPECT_TRUE(pair.bob->has_keys);
}

TEST(Epoch, WipesToZerosAndOpensNothingAfterwards)
{
    Pair pair(chacha);
    Bytes record = pair.seal({1, 2, 3});
    sl_epoch_wipe(pair.bob.get(), sizeof(sl_epoch));
    const uint8_t *bytes = reinterpret_cast<const uint8_t *>(pair.bob.get());
    EXPECT_TRUE(std::all_of(bytes, bytes + sizeof(sl_epoch), [](uint8_t b) { return b == 0; }));
    EXPECT_EQ(pair.open(record)->job.drop, SL_DROP_EPOCH);
}

TEST(RecordNumber, CountsUpAndNeverWraps)
{
    uint64_t next = SL_SEQ_MAX - 1, seq = 0;
    EXPECT_TRUE(sl_record_take_number(&next, &seq));
    EXPECT_EQ(seq, SL_SEQ_MAX - 1);
    EXPECT_TRUE(sl_record_take_number(&next, &seq));
    EXPECT_EQ(seq, SL_SEQ_MAX);
    for (unsigned i = 0; i < 3; i++)
        EXPECT_FALSE(sl_record_take_number(&next, &seq));
    EXPECT_EQ(seq, SL_SEQ_MAX);
}
