#include "pair.h"

#include <numeric>
#include <set>

namespace
{

const PairKind gcm = {SL_AEAD_AES_256_GCM, 0};
const PairKind gcm_cid = {SL_AEAD_AES_256_GCM, 8};
const PairKind chacha = {SL_AEAD_CHACHA20_POLY1305, 0};

} // namespace

TEST(RecordSeal, WritesTheHeaderOfRfc6347)
{
    Pair pair(gcm, 0x010203040506);
    Bytes record = pair.seal({1, 2, 3}, SL_CONTENT_ALERT);
    Bytes expected = {21, 0xfe, 0xfd, 0, 1, 1, 2, 3, 4, 5, 6, 0, 8 + 3 + 16};
    EXPECT_EQ(Bytes(record.begin(), record.begin() + 13), expected);
    EXPECT_EQ(record.size(), 13u + 8 + 3 + 16);
    EXPECT_EQ(sl_record_body_off(pair.alice.get()), 21u);
}

TEST(RecordSeal, WritesTheHeaderOfRfc9146WithThePeersConnectionId)
{
    Pair pair(gcm_cid, 5);
    Bytes record = pair.seal({1, 2, 3}, SL_CONTENT_ALERT);
    Bytes expected = {25, 0xfe, 0xfd, 0, 1, 0, 0, 0, 0, 0, 5};
    expected.insert(expected.end(), pair.bob_cid.begin(), pair.bob_cid.end());
    expected.insert(expected.end(), {0, 8 + 3 + 1 + 16});
    EXPECT_EQ(Bytes(record.begin(), record.begin() + 21), expected);
    EXPECT_EQ(record.size(), 21u + 8 + 3 + 1 + 16);
}

TEST(RecordSeal, MakesTheExplicitNonceOfEpochAndNumber)
{
    Pair pair(gcm, 0x010203040506);
    Bytes record = pair.seal({1});
    EXPECT_EQ(Bytes(record.begin() + 13, record.begin() + 21), Bytes({0, 1, 1, 2, 3, 4, 5, 6}));
}

TEST(RecordSeal, PutsNoNonceIntoChachaRecords)
{
    Pair pair(chacha);
    EXPECT_EQ(sl_record_body_off(pair.alice.get()), 13u);
    EXPECT_EQ(pair.seal({1, 2}).size(), 13u + 2 + 16);
}

TEST(RecordSeal, NumbersABurstInOrderAcrossSessions)
{
    Pair one(gcm, 10), two(chacha, 20);
    Bytes plain = {7}, records[4] = {Bytes(64), Bytes(64), Bytes(64), Bytes(64)};
    sl_seal_job jobs[4] = {};
    for (unsigned i = 0; i < 4; i++) {
        jobs[i].epoch = i % 2 == 0 ? one.alice.get() : two.alice.get();
        jobs[i].plain = plain.data();
        jobs[i].plain_len = 1;
        jobs[i].type = SL_CONTENT_APPLICATION_DATA;
        jobs[i].record = records[i].data();
    }
    ASSERT_EQ(sl_record_seal_burst(one.aead.get(), jobs, 4), 4u);
    uint64_t expected[] = {10, 20, 11, 21};
    for (unsigned i = 0; i < 4; i++) {
        EXPECT_EQ(jobs[i].seq, expected[i]);
        records[i].resize(jobs[i].record_len);
        EXPECT_EQ((i % 2 == 0 ? one : two).open(records[i])->job.drop, SL_DROP_NONE);
    }
    EXPECT_EQ(one.alice->write_next, 12u);
}

TEST(RecordSeal, NeverRepeatsANonce)
{
    Pair pair(gcm);
    std::set<Bytes> nonces;
    for (unsigned i = 0; i < 5000; i++) {
        Bytes record = pair.seal({1});
        nonces.insert(Bytes(record.begin() + 13, record.begin() + 21));
    }
    EXPECT_EQ(nonces.size(), 5000u);
}

TEST(RecordSeal, SealsInPlace)
{
    for (unsigned alg = 0; alg < SL_AEAD_ALG_COUNT; alg++) {
        for (unsigned cid_len = 0; cid_len <= 20; cid_len++) {
            Pair pair(PairKind{static_cast<sl_aead_alg>(alg), cid_len});
            Bytes plain(50), record(sl_record_sealed_len(pair.alice.get(), 50));
            std::iota(plain.begin(), plain.end(), 1);
            uint8_t *body = record.data() + sl_record_body_off(pair.alice.get());
            std::copy(plain.begin(), plain.end(), body);
            sl_seal_job job = {};
            job.epoch = pair.alice.get();
            job.plain = body;
            job.plain_len = 50;
            job.type = SL_CONTENT_APPLICATION_DATA;
            job.record = record.data();
            ASSERT_EQ(sl_record_seal_burst(pair.aead.get(), &job, 1), 1u);
            EXPECT_EQ(pair.open(record)->plain(), plain) << "connection ID of " << cid_len;
            EXPECT_TRUE(std::equal(pair.bob_cid.begin(), pair.bob_cid.end(), record.begin() + 11));
        }
    }
}

// RFC 6655 4, RFC 9146 5: header, explicit nonce, type behind the content, tag.
TEST(RecordSeal, MakesRecordsWithAShortTagEightBytesShorter)
{
    for (unsigned cid_len : {0, 8, 20}) {
        Pair whole(PairKind{SL_AEAD_AES_128_CCM, cid_len});
        Pair shorter(PairKind{SL_AEAD_AES_128_CCM_8, cid_len});
        const unsigned inner = 50 + (cid_len > 0);
        EXPECT_EQ(whole.seal(Bytes(50)).size(), 13 + cid_len + 8 + inner + 16);
        Bytes record = shorter.seal(Bytes(50));
        EXPECT_EQ(record.size(), 13 + cid_len + 8 + inner + 8);
        EXPECT_EQ(sl_load_be16(&record[11 + cid_len]), 8 + inner + 8);
        EXPECT_EQ(shorter.open(record)->plain(), Bytes(50));
    }
}

TEST(RecordSeal, StopsAtTheLastRecordNumber)
{
    Pair pair(gcm_cid, SL_SEQ_MAX);
    Bytes record = pair.seal({1});
    EXPECT_EQ(pair.open(record)->job.drop, SL_DROP_NONE);
    Bytes room(128, 0xcc), plain = {1};
    sl_seal_job job = {};
    job.epoch = pair.alice.get();
    job.plain = plain.data();
    job.plain_len = 1;
    job.type = SL_CONTENT_APPLICATION_DATA;
    job.record = room.data();
    for (unsigned i = 0; i < 3; i++) {
        EXPECT_EQ(sl_record_seal_burst(pair.aead.get(), &job, 1), 0u);
        EXPECT_EQ(job.drop, SL_DROP_SEND_SEQ_LIMIT);
        EXPECT_EQ(job.record_len, 0u);
    }
    EXPECT_EQ(room, Bytes(128, 0xcc));
    EXPECT_EQ(pair.alice->write_next, SL_SEQ_MAX + 1);
}

TEST(RecordSeal, UsesAConnectionIdOfTheGreatestLength)
{
    Pair pair(gcm);
    Bytes cid(SL_PEER_CID_MAX, 0xee), key(32), iv(12);
    sl_epoch_config config = {};
    config.number = Pair::epoch_number;
    config.alg = gcm.alg;
    config.open_key = config.seal_key = key.data();
    config.open_iv = config.seal_iv = iv.data();
    config.peer_cid = cid.data();
    config.peer_cid_len = SL_PEER_CID_MAX;
    sl_epoch_init(pair.alice.get(), pair.aead.get(), &config);
    Bytes record = pair.seal({1, 2});
    EXPECT_EQ(record.size(), 2u + SL_RECORD_OVERHEAD_MAX);
    EXPECT_EQ(Bytes(record.begin() + 11, record.begin() + 43), cid);
}
