/** Protected records, damaged: opened by every back-end, against a model of the replay window.
 * lib/record */
#include "fuzz.h"

#include <algorithm>
#include <memory>
#include <set>

extern "C" {
#include "sl_record.h"
}

using fuzz::Bytes;
using fuzz::join;

namespace
{

const uint8_t kOwnCid[8] = {1, 2, 3, 4, 5, 6, 7, 8};

struct Epoch {
    std::unique_ptr<sl_epoch, void (*)(sl_epoch *)> held{
        static_cast<sl_epoch *>(aligned_alloc(64, sizeof(sl_epoch))),
        [](sl_epoch *epoch) { free(epoch); }};

    Epoch(const sl_aead *aead, sl_aead_alg alg, bool with_cid, bool is_gateway)
    {
        uint8_t key[2][32], iv[2][12];
        for (unsigned i = 0; i < 2; i++) {
            memset(key[i], 0x11 + (int)i, sizeof key[i]);
            memset(iv[i], 0x21 + (int)i, sizeof iv[i]);
        }
        sl_epoch_config config{};
        config.number = 1;
        config.alg = alg;
        config.open_key = key[!is_gateway];
        config.open_iv = iv[!is_gateway];
        config.seal_key = key[is_gateway];
        config.seal_iv = iv[is_gateway];
        config.own_cid_negotiated = with_cid && is_gateway;
        config.own_cid_len = is_gateway ? sizeof kOwnCid : 0;
        config.own_cid = kOwnCid;
        config.peer_cid_len = with_cid && !is_gateway ? sizeof kOwnCid : 0;
        config.peer_cid = kOwnCid;
        memset((void *)held.get(), 0, sizeof(sl_epoch));
        sl_epoch_init(held.get(), aead, &config);
    }
    sl_epoch *operator->() const
    {
        return held.get();
    }
};

struct Aead {
    sl_aead *aead;
    explicit Aead(sl_crypto_backend backend) : aead(sl_aead_create(backend)) {}
    ~Aead()
    {
        sl_aead_destroy(aead);
    }
};

Bytes seal(sl_aead *aead, Epoch &epoch, uint8_t type, const Bytes &plain)
{
    Bytes record(sl_record_sealed_len(epoch.held.get(), (uint32_t)plain.size()));
    sl_seal_job job{};
    job.epoch = epoch.held.get();
    job.plain = plain.data();
    job.plain_len = (uint32_t)plain.size();
    job.type = type;
    job.record = record.data();
    FUZZ_CHECK(sl_record_seal_burst(aead, &job, 1) == 1 && job.record_len == record.size());
    return record;
}

/** Which numbers may still come. RFC 6347 4.1.2.6 with a window of SL_REPLAY_WINDOW. */
struct Model {
    std::set<uint64_t> seen;
    enum sl_drop judge(uint64_t seq) const
    {
        if (seen.count(seq) > 0)
            return *seen.rbegin() - seq < SL_REPLAY_WINDOW ? SL_DROP_REPLAY : SL_DROP_REPLAY_OLD;
        return !seen.empty() && seq + SL_REPLAY_WINDOW <= *seen.rbegin() ? SL_DROP_REPLAY_OLD
                                                                         : SL_DROP_NONE;
    }
};

struct Opened {
    enum sl_drop drop;
    uint8_t type;
    Bytes plain;
};

/** Opens a copy that ends where its room does. What may not change did not. */
Opened open(sl_aead *aead, Epoch &epoch, const Bytes &record, bool elsewhere)
{
    std::unique_ptr<uint8_t[]> copy(new uint8_t[record.size()]);
    if (!record.empty())
        memcpy(copy.get(), record.data(), record.size());
    sl_reader r = sl_reader_of(copy.get(), record.size());
    sl_open_job job{};
    job.drop = sl_wire_parse_record(&r, sizeof kOwnCid, &job.header);
    if (job.drop != SL_DROP_NONE || job.header.epoch == 0)
        return {SL_DROP_RECORD_HEADER, 0, {}};
    std::unique_ptr<uint8_t[]> out(new uint8_t[job.header.body_len]);
    job.epoch = epoch.held.get();
    job.body = copy.get() + job.header.header_len;
    job.out = elsewhere ? out.get() : nullptr;
    const sl_replay before = epoch->replay;
    unsigned opened = sl_record_open_burst(aead, &job, 1);
    FUZZ_CHECK(opened == (job.drop == SL_DROP_NONE));
    if (job.drop != SL_DROP_NONE) {
        FUZZ_CHECK(memcmp(&before, &epoch->replay, sizeof before) == 0);
        return {job.drop, 0, {}};
    }
    FUZZ_CHECK(job.plain_len <= job.header.body_len);
    return {job.drop, job.type, Bytes(job.plain, job.plain + job.plain_len)};
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static Aead evp(SL_CRYPTO_OPENSSL), fast(SL_CRYPTO_AUTO);
    fuzz::Input input(data, size);
    const uint8_t mode = input.u8();
    const auto alg = (sl_aead_alg)(mode % SL_AEAD_ALG_COUNT);
    const bool with_cid = mode & 0x80;
    Epoch client(evp.aead, alg, with_cid, false);
    Epoch by_evp(evp.aead, alg, with_cid, true), by_fast(fast.aead, alg, with_cid, true);
    Model model;
    for (unsigned n = 0; n < 8 && !input.is_empty(); n++) {
        uint64_t seq = input.u16();
        if (seq & 0x8000) /* far away, or the last ones of all */
            seq = SL_SEQ_MAX - (seq & 0x7fff);
        client->write_next = seq;
        const uint8_t type = input.u8();
        const Bytes plain(input.u16() % 1500, type & 1 ? 0x77 : 0); /* zeros: looks like padding */
        const Bytes sound = seal(evp.aead, client, type, plain);
        Bytes record = sound;
        fuzz::damage(input, record);

        const Opened a = open(evp.aead, by_evp, record, false);
        const Opened b = open(fast.aead, by_fast, record, true);
        FUZZ_CHECK(a.drop == b.drop && a.type == b.type && a.plain == b.plain);
        if (record != sound) { /* bytes behind a record are not its own */
            FUZZ_CHECK(a.drop != SL_DROP_NONE ||
                       (record.size() > sound.size() && model.judge(seq) == SL_DROP_NONE &&
                        std::equal(sound.begin(), sound.end(), record.begin())));
        } else if (with_cid && type == 0 && (plain.empty() || plain[0] == 0)) {
            FUZZ_CHECK(a.drop == SL_DROP_INNER_TYPE); /* RFC 9146 3 */
        } else if (with_cid || type != SL_CONTENT_TLS12_CID) {
            FUZZ_CHECK(a.drop == model.judge(seq));
        }
        if (a.drop != SL_DROP_NONE)
            continue;
        model.seen.insert(seq);
        if (type != 0)
            FUZZ_CHECK(a.type == type && a.plain == plain);
    }
    return 0;
}

std::vector<Bytes> fuzz::seeds()
{
    std::vector<Bytes> seeds;
    for (uint8_t with_cid : {0, 0x80})
        for (uint8_t alg = 0; alg < SL_AEAD_ALG_COUNT; alg++) {
            Bytes seed = {(uint8_t)(alg | with_cid)};
            for (uint8_t seq : {5, 3, 5, 9}) /* seq, type, length, no damage */
                seed = join({seed, {0, seq, 23, 0, 100, 0}});
            seeds.push_back(join({seed, {0, 11, 23, 0, 10, 1, 1, 0, 20, 3}}));
            seeds.push_back(join({seed, {0x80, 0, 22, 5, 0, 0, 0x80, 1, 0, 0, 3, 0}}));
        }
    return seeds;
}
