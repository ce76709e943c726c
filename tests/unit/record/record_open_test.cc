#include "pair.h"

namespace
{

const PairKind plain_kind = {SL_AEAD_AES_128_GCM, 0};
const PairKind cid_kind = {SL_AEAD_AES_128_GCM, 8};

struct RecordOpen : testing::TestWithParam<PairKind> {
    Pair pair{GetParam()};
};

INSTANTIATE_TEST_SUITE_P(
    , RecordOpen,
    testing::Values(PairKind{SL_AEAD_AES_128_GCM, 0}, PairKind{SL_AEAD_AES_128_GCM, 8},
                    PairKind{SL_AEAD_AES_256_GCM, 0}, PairKind{SL_AEAD_AES_256_GCM, 20},
                    PairKind{SL_AEAD_CHACHA20_POLY1305, 0}, PairKind{SL_AEAD_CHACHA20_POLY1305, 1},
                    PairKind{SL_AEAD_AES_256_CCM, 0}, PairKind{SL_AEAD_AES_128_CCM, 8},
                    PairKind{SL_AEAD_AES_128_CCM_8, 0}, PairKind{SL_AEAD_AES_128_CCM_8, 8},
                    PairKind{SL_AEAD_AES_256_CCM_8, 20}),
    pair_kind_name);

} // namespace

TEST_P(RecordOpen, GivesBackWhatWasSealed)
{
    for (size_t len = 0; len <= 1400; len += len < 80 ? 1 : 132) {
        Bytes plain(len, static_cast<uint8_t>(len + 1));
        std::unique_ptr<Opened> opened = pair.open(pair.seal(plain));
        ASSERT_EQ(opened->job.drop, SL_DROP_NONE) << len;
        EXPECT_EQ(opened->job.type, SL_CONTENT_APPLICATION_DATA);
        EXPECT_EQ(opened->plain(), plain);
        EXPECT_TRUE(opened->job.newer);
    }
    EXPECT_EQ(pair.bob->forged, 0u);
}

TEST_P(RecordOpen, KeepsZerosAtTheEndOfAPayload)
{
    Bytes plain = {1, 0, 0, 0};
    EXPECT_EQ(pair.open(pair.seal(plain))->plain(), plain);
}

TEST_P(RecordOpen, TakesTheLargestPlaintext)
{
    Bytes plain(SL_RECORD_PLAINTEXT_MAX, 7);
    std::unique_ptr<Opened> opened = pair.open(pair.seal(plain));
    ASSERT_EQ(opened->job.drop, SL_DROP_NONE);
    EXPECT_EQ(opened->plain(), plain);
}

TEST_P(RecordOpen, TellsTheTypeOfAlertsAndHandshakeMessages)
{
    EXPECT_EQ(pair.open(pair.seal({1, 0}, SL_CONTENT_ALERT))->job.type, SL_CONTENT_ALERT);
    EXPECT_EQ(pair.open(pair.seal({20}, SL_CONTENT_HANDSHAKE))->job.type, SL_CONTENT_HANDSHAKE);
}

TEST_P(RecordOpen, LeavesTheInputAloneWhenThereIsAnOutput)
{
    Bytes plain(100, 5), record = pair.seal(plain), copy = record, out(record.size());
    sl_open_job job = pair.open_job(copy);
    job.out = out.data();
    ASSERT_EQ(sl_record_open_burst(pair.aead.get(), &job, 1), 1u);
    EXPECT_EQ(copy, record);
    EXPECT_EQ(job.plain, out.data());
    EXPECT_EQ(Bytes(job.plain, job.plain + job.plain_len), plain);
}

TEST_P(RecordOpen, PutsThePlaintextBehindTheNonceWhenInPlace)
{
    Bytes record = pair.seal({1, 2, 3});
    sl_open_job job = pair.open_job(record);
    ASSERT_EQ(sl_record_open_burst(pair.aead.get(), &job, 1), 1u);
    EXPECT_EQ(job.plain, job.body + sl_aead_explicit_nonce_len(GetParam().alg));
}

TEST_P(RecordOpen, RefusesEveryFlippedBit)
{
    Bytes record = pair.seal({1, 2, 3, 4, 5}), forged;
    size_t header_len = SL_RECORD_HEADER_LEN + GetParam().cid_len;
    uint64_t expected_forged = 0;
    for (size_t bit = 0; bit < record.size() * 8; bit++) {
        forged = record;
        forged[bit / 8] ^= static_cast<uint8_t>(1u << (bit % 8));
        sl_open_job job = pair.open_job(record);
        if (bit / 8 < header_len) { /* only fields that reach the AEAD: record number */
            if (bit / 8 < 5 || bit / 8 > 10)
                continue;
            job.header.seq ^= 1ULL << (8 * (10 - bit / 8) + bit % 8);
        }
        job.body = forged.data() + header_len;
        ASSERT_EQ(sl_record_open_burst(pair.aead.get(), &job, 1), 0u) << "bit " << bit;
        ASSERT_EQ(job.drop, SL_DROP_AUTH) << "bit " << bit;
        ASSERT_EQ(job.plain, nullptr);
        ASSERT_EQ(pair.bob->forged, ++expected_forged);
    }
    EXPECT_EQ(pair.bob->replay.newest, 0u);
    EXPECT_EQ(pair.open(record)->job.drop, SL_DROP_NONE);
}

TEST_P(RecordOpen, RefusesRecordsTooShortForNonceAndTag)
{
    unsigned least = sl_aead_explicit_nonce_len(GetParam().alg) + sl_aead_tag_len(GetParam().alg);
    for (unsigned len = 0; len < least; len++) {
        Bytes record = pair.seal({});
        sl_open_job job = pair.open_job(record);
        job.header.body_len = static_cast<uint16_t>(len);
        EXPECT_EQ(sl_record_open_burst(pair.aead.get(), &job, 1), 0u);
        EXPECT_EQ(job.drop, SL_DROP_RECORD_TOO_SHORT) << len;
    }
    EXPECT_EQ(pair.bob->forged, 0u);
}

TEST_P(RecordOpen, DropsTheSecondCopyButSaysWhatItIs)
{
    Bytes record = pair.seal({20, 1, 2}, SL_CONTENT_HANDSHAKE);
    ASSERT_EQ(pair.open(record)->job.drop, SL_DROP_NONE);
    std::unique_ptr<Opened> copy = pair.open(record);
    EXPECT_EQ(copy->job.drop, SL_DROP_REPLAY);
    EXPECT_EQ(copy->job.type, SL_CONTENT_HANDSHAKE);
    EXPECT_EQ(copy->plain(), Bytes({20, 1, 2}));
    EXPECT_FALSE(copy->job.newer);
    EXPECT_EQ(pair.bob->forged, 0u);
}

TEST_P(RecordOpen, CallsAForgedCopyForgedAndNotReplayed)
{
    Bytes record = pair.seal({1});
    ASSERT_EQ(pair.open(record)->job.drop, SL_DROP_NONE);
    record.back() ^= 0x80;
    EXPECT_EQ(pair.open(record)->job.drop, SL_DROP_AUTH);
}

TEST_P(RecordOpen, DropsWhatTheWindowHasLeftBehind)
{
    Bytes first = pair.seal({1}), second = pair.seal({2});
    pair.alice->write_next = SL_REPLAY_WINDOW;
    ASSERT_EQ(pair.open(pair.seal({3}))->job.drop, SL_DROP_NONE);
    std::unique_ptr<Opened> late = pair.open(first);
    EXPECT_EQ(late->job.drop, SL_DROP_REPLAY_OLD);
    EXPECT_EQ(late->plain(), Bytes({1}));
    std::unique_ptr<Opened> in_time = pair.open(second);
    EXPECT_EQ(in_time->job.drop, SL_DROP_NONE);
    EXPECT_FALSE(in_time->job.newer);
}

TEST_P(RecordOpen, AdmitsOnlyTheFirstOfTwoCopiesInOneBurst)
{
    Bytes record = pair.seal({9}), copy = record;
    sl_open_job jobs[2] = {pair.open_job(record), pair.open_job(copy)};
    EXPECT_EQ(sl_record_open_burst(pair.aead.get(), jobs, 2), 1u);
    EXPECT_EQ(jobs[0].drop, SL_DROP_NONE);
    EXPECT_EQ(jobs[1].drop, SL_DROP_REPLAY);
}

TEST_P(RecordOpen, RefusesARecordOfAnotherEpoch)
{
    for (uint16_t number : {0, 2, 65535}) {
        Bytes record = pair.seal({1});
        sl_open_job job = pair.open_job(record);
        job.header.epoch = number;
        EXPECT_EQ(sl_record_open_burst(pair.aead.get(), &job, 1), 0u);
        EXPECT_EQ(job.drop, SL_DROP_EPOCH);
    }
    EXPECT_EQ(pair.bob->forged, 0u);
}

TEST(RecordOpenCid, ExpectsTheConnectionIdThatWasNegotiated)
{
    Pair with(cid_kind), without(plain_kind); /* of the same keys */
    EXPECT_EQ(with.open(without.seal({1}))->job.drop, SL_DROP_CID_EXPECTED);
}

TEST(RecordOpenCid, RefusesItsContentTypeWhenNoneWasNegotiated)
{
    Pair with(cid_kind), without(plain_kind);
    Bytes record = with.seal({1});
    sl_open_job job = with.open_job(record);
    job.epoch = without.bob.get();
    EXPECT_EQ(sl_record_open_burst(with.aead.get(), &job, 1), 0u);
    EXPECT_EQ(job.drop, SL_DROP_CONTENT_TYPE);
}

TEST(RecordOpenCid, RefusesAnotherConnectionId)
{
    Pair pair(cid_kind);
    for (size_t i = 0; i < 8; i++) {
        Bytes record = pair.seal({1});
        record[11 + i] ^= 1;
        EXPECT_EQ(pair.open(record)->job.drop, SL_DROP_UNKNOWN_CID);
    }
    Bytes record = pair.seal({1});
    sl_open_job job = pair.open_job(record);
    job.header.cid_len = 7;
    EXPECT_EQ(sl_record_open_burst(pair.aead.get(), &job, 1), 0u);
    EXPECT_EQ(job.drop, SL_DROP_UNKNOWN_CID);
}

TEST(RecordOpenCid, RefusesAnInnerPlaintextWithoutAType)
{
    Pair pair(cid_kind);
    /* The type stands last, so a type of zero makes padding of itself. */
    EXPECT_EQ(pair.open(pair.seal({}, 0))->job.drop, SL_DROP_INNER_TYPE);
    EXPECT_EQ(pair.open(pair.seal(Bytes(300, 0), 0))->job.drop, SL_DROP_INNER_TYPE);
    EXPECT_EQ(pair.bob->forged, 0u);
    EXPECT_EQ(pair.bob->replay.newest, 0u);
}

TEST(RecordOpenCid, SaysNothingOfTheRecordBeforeItWhenThereIsNoType)
{
    Pair pair(cid_kind);
    Bytes first = pair.seal({1, 2, 3}), second = pair.seal({}, 0);
    sl_open_job job = pair.open_job(first);
    ASSERT_EQ(sl_record_open_burst(pair.aead.get(), &job, 1), 1u);
    const sl_open_job next = pair.open_job(second);
    job.header = next.header;
    job.body = next.body;
    EXPECT_EQ(sl_record_open_burst(pair.aead.get(), &job, 1), 0u);
    EXPECT_EQ(job.drop, SL_DROP_INNER_TYPE);
    EXPECT_EQ(job.type, 0);
    EXPECT_FALSE(job.newer);
    EXPECT_EQ(job.plain_len, 0);
    EXPECT_EQ(job.plain, nullptr);
}

TEST(RecordOpenCid, RefusesAnInnerPlaintextWithoutBytes)
{
    /* A record without a connection ID authenticates its empty plaintext; made into one with, by
     * hand: the tag has to be right for the refusal to be about the type. */
    Pair pair(cid_kind);
    sl_aead_job seal = {};
    Bytes record = pair.seal({});
    record.resize(11 + 8 + 2 + SL_GCM_EXPLICIT_NONCE_LEN + SL_AEAD_TAG_LEN);
    sl_store_be16(&record[19], SL_GCM_EXPLICIT_NONCE_LEN + SL_AEAD_TAG_LEN);
    seal.key = sl_epoch_seal_key(pair.alice.get());
    seal.alg = SL_AEAD_AES_128_GCM;
    memcpy(seal.nonce, pair.alice->seal_iv, 4);
    memcpy(seal.nonce + 4, &record[21], SL_GCM_EXPLICIT_NONCE_LEN);
    Bytes aad(8, 0xff);
    aad.insert(aad.end(), {25, 8, 25, 0xfe, 0xfd});
    aad.insert(aad.end(), record.begin() + 3, record.begin() + 19);
    aad.insert(aad.end(), {0, 0});
    seal.aad_len = static_cast<uint16_t>(aad.size());
    std::copy(aad.begin(), aad.end(), seal.aad);
    seal.in = seal.out = seal.tag = &record[29];
    sl_aead_seal_burst(pair.aead.get(), &seal, 1);
    EXPECT_EQ(pair.open(record)->job.drop, SL_DROP_INNER_TYPE);
}

TEST(RecordOpenCid, StripsPaddingBehindTheType)
{
    Pair pair(cid_kind);
    for (size_t zeros : {1, 2, 255, 1000}) {
        Bytes inner = {1, 2, 0, SL_CONTENT_ALERT};
        inner.resize(inner.size() + zeros - 1); /* the type of zero is one more */
        std::unique_ptr<Opened> opened = pair.open(pair.seal(inner, 0));
        ASSERT_EQ(opened->job.drop, SL_DROP_NONE);
        EXPECT_EQ(opened->job.type, SL_CONTENT_ALERT);
        EXPECT_EQ(opened->plain(), Bytes({1, 2, 0}));
    }
}

TEST(RecordOpenCid, CountsPaddingNotAsPlaintext)
{
    Pair pair(cid_kind);
    Bytes inner(SL_RECORD_PLAINTEXT_MAX, 0);
    inner[10] = SL_CONTENT_APPLICATION_DATA;
    std::unique_ptr<Opened> opened = pair.open(pair.seal(inner, 0));
    EXPECT_EQ(opened->job.drop, SL_DROP_NONE);
    EXPECT_EQ(opened->job.plain_len, 10u);
}

TEST(RecordOpenLarge, RefusesAPlaintextLongerThanAllowed)
{
    Pair pair(plain_kind);
    Bytes body(8 + SL_RECORD_PLAINTEXT_MAX + 1 + 16);
    sl_open_job job = {};
    job.epoch = pair.bob.get();
    job.header.type = SL_CONTENT_APPLICATION_DATA;
    job.header.epoch = 1;
    job.header.body_len = static_cast<uint16_t>(body.size());
    job.body = body.data();
    EXPECT_EQ(sl_record_open_burst(pair.aead.get(), &job, 1), 0u);
    EXPECT_EQ(job.drop, SL_DROP_RECORD_TOO_LARGE);
    EXPECT_EQ(pair.bob->forged, 0u);
}

TEST(RecordOpenLarge, RefusesALongPlaintextInsideACidRecord)
{
    Pair pair(cid_kind);
    /* 2^14 + 1 bytes and a type, sealed by hand because seal_burst would not. */
    Bytes inner(SL_RECORD_PLAINTEXT_MAX + 2, SL_CONTENT_APPLICATION_DATA), tag(16), nonce(8, 0);
    sl_aead_job seal = {};
    seal.key = sl_epoch_seal_key(pair.alice.get());
    seal.alg = SL_AEAD_AES_128_GCM;
    memcpy(seal.nonce, pair.alice->seal_iv, 4);
    Bytes aad(8, 0xff);
    aad.insert(aad.end(), {25, 8, 25, 0xfe, 0xfd, 0, 1, 0, 0, 0, 0, 0, 0});
    aad.insert(aad.end(), pair.bob_cid.begin(), pair.bob_cid.end());
    aad.insert(aad.end(), {0x40, 0x02});
    std::copy(aad.begin(), aad.end(), seal.aad);
    seal.aad_len = static_cast<uint16_t>(aad.size());
    seal.in = seal.out = inner.data();
    seal.len = static_cast<uint32_t>(inner.size());
    seal.tag = tag.data();
    sl_aead_seal_burst(pair.aead.get(), &seal, 1);
    /* The header is the additional data's second half, but for the length. */
    Bytes record(aad.begin() + 10, aad.end());
    const size_t header_len = record.size();
    for (const Bytes *part : {&nonce, &inner, &tag})
        record.insert(record.end(), part->begin(), part->end());

    sl_open_job job = {};
    job.epoch = pair.bob.get();
    job.header.type = SL_CONTENT_TLS12_CID;
    job.header.epoch = 1;
    job.header.cid = pair.bob_cid.data();
    job.header.cid_len = 8;
    job.header.header_len = static_cast<uint16_t>(header_len);
    job.header.body_len = static_cast<uint16_t>(record.size() - header_len);
    job.body = record.data() + header_len;
    EXPECT_EQ(sl_record_open_burst(pair.aead.get(), &job, 1), 0u);
    EXPECT_EQ(job.drop, SL_DROP_RECORD_TOO_LARGE);
    EXPECT_EQ(pair.bob->replay.newest, 0u);
}

TEST(RecordOpenBurst, OpensManySessionsAndSetsTheBadOnesAside)
{
    std::vector<std::unique_ptr<Pair>> pairs;
    std::vector<Bytes> records;
    std::vector<sl_open_job> jobs;
    for (unsigned i = 0; i < SL_BURST; i++) {
        PairKind kind = {static_cast<sl_aead_alg>(i % SL_AEAD_ALG_COUNT), i % 2 * 8};
        pairs.push_back(std::make_unique<Pair>(kind));
        records.push_back(pairs[i]->seal(Bytes(i, static_cast<uint8_t>(i))));
    }
    for (unsigned i = 0; i < SL_BURST; i++) {
        jobs.push_back(pairs[i]->open_job(records[i]));
        if (i % 4 == 1)
            records[i].back() ^= 1;
        if (i % 4 == 2)
            jobs[i].header.epoch = 7;
    }
    EXPECT_EQ(sl_record_open_burst(pairs[0]->aead.get(), jobs.data(), SL_BURST), SL_BURST / 2u);
    for (unsigned i = 0; i < SL_BURST; i++) {
        sl_drop expected = i % 4 == 1 ? SL_DROP_AUTH : i % 4 == 2 ? SL_DROP_EPOCH : SL_DROP_NONE;
        ASSERT_EQ(jobs[i].drop, expected) << i;
        if (expected == SL_DROP_NONE) {
            EXPECT_EQ(Bytes(jobs[i].plain, jobs[i].plain + jobs[i].plain_len),
                      Bytes(i, static_cast<uint8_t>(i)));
        }
    }
}
