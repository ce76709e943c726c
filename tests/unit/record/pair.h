/** Two ends of one epoch, and the few steps that every test of records makes with them. */
#ifndef SL_TEST_PAIR_H
#define SL_TEST_PAIR_H

extern "C" {
#include "sl_record.h"
}

#include <gtest/gtest.h>

#include <algorithm>
#include <memory>
#include <string>
#include <vector>

using Bytes = std::vector<uint8_t>;

struct AeadDeleter {
    void operator()(sl_aead *aead) const
    {
        sl_aead_destroy(aead);
    }
};

/** What differs between the epochs that the tests run through. */
struct PairKind {
    sl_aead_alg alg;
    unsigned cid_len; /* both directions; 0: none */
};

inline std::string pair_kind_name(const testing::TestParamInfo<PairKind> &info)
{
    static const char *const algs[SL_AEAD_ALG_COUNT] = {
        "Aes128Gcm", "Aes256Gcm",  "ChaCha20Poly1305", "Aes128Ccm",
        "Aes256Ccm", "Aes128Ccm8", "Aes256Ccm8"};
    return algs[info.param.alg] +
           (info.param.cid_len > 0 ? "Cid" + std::to_string(info.param.cid_len) : "");
}

/** A record on its way, and how it came out at the other end. */
struct Opened {
    Bytes record;
    sl_open_job job;

    explicit Opened(const Bytes &bytes) : record(bytes), job() {}

    Bytes plain() const
    {
        return Bytes(job.plain, job.plain + job.plain_len);
    }
};

struct Pair {
    static constexpr uint16_t epoch_number = 1;
    std::unique_ptr<sl_aead, AeadDeleter> aead{sl_aead_create(SL_CRYPTO_AUTO)};
    std::unique_ptr<sl_epoch> alice{new sl_epoch}, bob{new sl_epoch};
    Bytes alice_cid, bob_cid;

    explicit Pair(PairKind kind, uint64_t write_next = 0)
    {
        Bytes keys[2] = {Bytes(32, 0x11), Bytes(32, 0x22)}, ivs[2] = {Bytes(12, 3), Bytes(12, 4)};
        for (unsigned i = 0; i < kind.cid_len; i++) {
            alice_cid.push_back(static_cast<uint8_t>(0xa0 + i));
            bob_cid.push_back(static_cast<uint8_t>(0xb0 + i));
        }
        sl_epoch_config config = {};
        config.number = epoch_number;
        config.alg = kind.alg;
        config.write_next = write_next;
        config.own_cid_negotiated = kind.cid_len > 0;
        config.own_cid_len = config.peer_cid_len = static_cast<uint8_t>(kind.cid_len);
        config.open_key = keys[0].data(), config.open_iv = ivs[0].data();
        config.seal_key = keys[1].data(), config.seal_iv = ivs[1].data();
        config.own_cid = alice_cid.data(), config.peer_cid = bob_cid.data();
        sl_epoch_init(alice.get(), aead.get(), &config);
        std::swap(config.open_key, config.seal_key);
        std::swap(config.open_iv, config.seal_iv);
        std::swap(config.own_cid, config.peer_cid);
        sl_epoch_init(bob.get(), aead.get(), &config);
    }

    /** One record of Alice's. */
    Bytes seal(const Bytes &plain, uint8_t type = SL_CONTENT_APPLICATION_DATA)
    {
        Bytes record(sl_record_sealed_len(alice.get(), static_cast<uint32_t>(plain.size())));
        sl_seal_job job = {};
        job.epoch = alice.get();
        job.plain = plain.data();
        job.plain_len = static_cast<uint32_t>(plain.size());
        job.type = type;
        job.record = record.data();
        EXPECT_EQ(sl_record_seal_burst(aead.get(), &job, 1), 1u);
        EXPECT_EQ(job.record_len, record.size());
        return record;
    }

    /** Bob's job for one record at the start of `record`, which he may write to. */
    sl_open_job open_job(Bytes &record) const
    {
        sl_open_job job = {};
        sl_reader reader = sl_reader_of(record.data(), record.size());
        EXPECT_EQ(sl_wire_parse_record(&reader, bob->own_cid_len, &job.header), SL_DROP_NONE);
        job.epoch = bob.get();
        job.body = record.data() + job.header.header_len;
        return job;
    }

    /** Opens one record at Bob's, in place. */
    std::unique_ptr<Opened> open(const Bytes &record)
    {
        std::unique_ptr<Opened> opened(new Opened(record));
        opened->job = open_job(opened->record);
        unsigned count = sl_record_open_burst(aead.get(), &opened->job, 1);
        EXPECT_EQ(count, opened->job.drop == SL_DROP_NONE ? 1u : 0u);
        return opened;
    }
};

#endif
