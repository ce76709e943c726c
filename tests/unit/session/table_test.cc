extern "C" {
#include "sl_session.h"
}

#include <gtest/gtest.h>

#include <algorithm>
#include <cerrno>
#include <list>
#include <map>
#include <random>
#include <vector>

namespace
{

class SessionTable : public ::testing::Test
{
  protected:
    static constexpr size_t epoch_len = sizeof(sl_epoch);

    void Create(uint32_t capacity, unsigned worker = 3, uint8_t secret = 0x5e)
    {
        size_t len = sl_session_table_memory_len(capacity, epoch_len);
        region_.reset(static_cast<uint8_t *>(aligned_alloc(64, len)));
        memset(region_.get(), 0, len);
        sl_arena arena;
        sl_arena_init(&arena, region_.get(), len);
        uint8_t seed[32];
        memset(seed, secret, sizeof seed);
        table = sl_session_table_create(&arena, capacity, epoch_len, worker, seed);
        ASSERT_NE(table, nullptr);
        EXPECT_EQ(arena.at, arena.end) << "memory_len is exact";
    }
    static sl_tuple Tuple(uint32_t client, uint16_t port)
    {
        sl_tuple tuple{};
        uint8_t ip[4] = {198, 18, (uint8_t)(client >> 8), (uint8_t)client};
        tuple.remote_ip = sl_ip_from_v4(ip);
        tuple.remote_port = port;
        tuple.local_port = 4433;
        return tuple;
    }
    struct Free {
        void operator()(uint8_t *p) const
        {
            free(p);
        }
    };
    std::unique_ptr<uint8_t, Free> region_;
    sl_session_table *table = nullptr;
};

} // namespace

TEST_F(SessionTable, OfTheNextGatewayKnowsNoHandleOfTheOneBefore)
{
    std::vector<uint64_t> old;
    Create(8, 0, 1);
    for (unsigned i = 0; i < 8; i++)
        old.push_back(sl_session_take(table, 0)->handle);
    Create(8, 0, 2);
    for (unsigned i = 0; i < 8; i++)
        EXPECT_NE(sl_session_take(table, 0)->handle, 0u);
    for (uint64_t handle : old)
        EXPECT_EQ(sl_session_of_handle(table, handle), nullptr);
}

TEST_F(SessionTable, GivesHandlesThatNameSlotAndWorker)
{
    Create(8, 5);
    sl_session *s = sl_session_take(table, 0x42);
    ASSERT_NE(s, nullptr);
    EXPECT_EQ(sl_handle_worker(s->handle), 5u);
    EXPECT_EQ(sl_session_at(table, sl_handle_slot(s->handle)), s);
    EXPECT_EQ(sl_session_of_handle(table, s->handle), s);
    EXPECT_EQ(s->state, SL_SESSION_HANDSHAKE);
}

TEST_F(SessionTable, AHandleDiesWithItsSessionAndIsNotReused)
{
    Create(1);
    sl_session *s = sl_session_take(table, 0);
    uint64_t first = s->handle;
    sl_session_give_back(table, s);
    EXPECT_EQ(sl_session_of_handle(table, first), nullptr);
    s = sl_session_take(table, 0);
    EXPECT_NE(s->handle, first);
    EXPECT_EQ(sl_session_of_handle(table, first), nullptr);
}

TEST_F(SessionTable, RefusesHandlesOutOfRange)
{
    Create(4);
    EXPECT_EQ(sl_session_of_handle(table, 0), nullptr);
    EXPECT_EQ(sl_session_of_handle(table, UINT64_MAX), nullptr);
    EXPECT_EQ(sl_session_of_handle(table, 4), nullptr);
}

TEST_F(SessionTable, ThePlaceOfAHandleIsItsSessionsUntilThatEnds)
{
    Create(2);
    const sl_session_places *places = sl_session_table_places(table);
    sl_session *s = sl_session_take(table, 0);
    uint64_t handle = s->handle;
    EXPECT_EQ(sl_session_place_of_handle(places, handle), s);
    EXPECT_TRUE(sl_session_has_handle(s, handle));
    EXPECT_FALSE(sl_session_has_handle(s, handle + (1ULL << 40))) << "another generation";
    sl_session *free_place = sl_session_place_of_handle(places, 1);
    EXPECT_FALSE(sl_session_has_handle(free_place, 1));
    EXPECT_FALSE(sl_session_has_handle(free_place, 0)) << "what a free one holds";
    sl_session_give_back(table, s);
    EXPECT_FALSE(sl_session_has_handle(sl_session_place_of_handle(places, handle), handle));
    for (uint64_t out_of_range : {(uint64_t)2, (uint64_t)4, UINT64_MAX})
        EXPECT_EQ(sl_session_place_of_handle(places, out_of_range), nullptr);
}

TEST_F(SessionTable, IsFullWhenAllSlotsAreTaken)
{
    Create(3);
    sl_session *last = nullptr;
    for (int i = 0; i < 3; i++)
        ASSERT_NE(last = sl_session_take(table, 0), nullptr);
    EXPECT_EQ(sl_session_take(table, 0), nullptr);
    sl_session_give_back(table, last);
    EXPECT_NE(sl_session_take(table, 0), nullptr);
}

TEST_F(SessionTable, ASlotRestsAsLongAsPossibleBeforeItIsUsedAgain)
{
    Create(4);
    sl_session *s = sl_session_take(table, 0);
    sl_session_give_back(table, s);
    for (int i = 0; i < 3; i++)
        EXPECT_NE(sl_session_take(table, 0), s);
    EXPECT_EQ(sl_session_take(table, 0), s);
}

TEST_F(SessionTable, TakesTheSlotThatAConnectionIdNames)
{
    Create(8, 5);
    const uint8_t cid[SL_OWN_CID_LEN] = {0x0a, 0x70, 0, 6, 0xd1, 0xc2, 0xb3, 0xa4};
    sl_session *s = nullptr;
    ASSERT_EQ(sl_session_take_cid(table, cid, &s), 0);
    EXPECT_EQ(s, sl_session_at(table, 6));
    EXPECT_EQ(sl_handle_worker(s->handle), 5u);
    EXPECT_EQ(sl_session_of_handle(table, s->handle), s);
    EXPECT_EQ(s->state, SL_SESSION_HANDSHAKE);
    EXPECT_EQ(sl_session_find_cid(sl_session_table_places(table), cid), s);
}

TEST_F(SessionTable, RefusesAConnectionIdThatItCanNotHaveGivenOut)
{
    Create(8);
    sl_session *s = nullptr;
    const uint8_t cid[SL_OWN_CID_LEN] = {0x0a, 0x70, 0, 7, 1, 2, 3, 4};
    const uint8_t same_slot[SL_OWN_CID_LEN] = {0x03, 0x30, 0, 7, 4, 3, 2, 1};
    const uint8_t beyond[SL_OWN_CID_LEN] = {0x0a, 0x70, 0, 8, 1, 2, 3, 4};
    const uint8_t layout_1[SL_OWN_CID_LEN] = {0x1a, 0x70, 0, 7, 1, 2, 3, 4};
    EXPECT_EQ(sl_session_take_cid(table, layout_1, &s), -EINVAL);
    EXPECT_EQ(sl_session_take_cid(table, beyond, &s), -ERANGE);
    EXPECT_EQ(s, nullptr);
    ASSERT_EQ(sl_session_take_cid(table, cid, &s), 0);
    sl_session *taken = s;
    EXPECT_EQ(sl_session_take_cid(table, cid, &s), -EEXIST);
    EXPECT_EQ(sl_session_take_cid(table, same_slot, &s), -EEXIST);
    EXPECT_EQ(s, taken);
    EXPECT_EQ(memcmp(taken->own_cid, cid, sizeof cid), 0);
}

TEST_F(SessionTable, GivesOutTheSameConnectionIdsWhateverWasTakenByOne)
{
    std::vector<uint32_t> tags[2];
    for (bool is_taken : {false, true}) {
        Create(8);
        const uint8_t cid[SL_OWN_CID_LEN] = {0, 0, 0, 3, 1, 2, 3, 4};
        sl_session *s;
        if (is_taken) {
            ASSERT_EQ(sl_session_take_cid(table, cid, &s), 0);
        }
        for (int i = 0; i < 7; i++)
            tags[is_taken].push_back((uint32_t)sl_load_be64(sl_session_take(table, 0)->own_cid));
    }
    EXPECT_EQ(tags[0], tags[1]);
}

TEST_F(SessionTable, FreeSlotsKeepTheirOrderWhereverOneIsTaken)
{
    Create(32);
    std::list<uint32_t> free_slots, taken;
    for (uint32_t slot = 0; slot < 32; slot++)
        free_slots.push_back(slot);
    std::mt19937 random(11);
    for (int step = 0; step < 20000; step++) {
        sl_session *s = nullptr;
        auto any = std::next(taken.begin(), taken.empty() ? 0 : random() % taken.size());
        switch (random() % 4) {
        case 0:
            s = sl_session_take(table, 0);
            ASSERT_EQ(s == nullptr, free_slots.empty());
            break;
        case 1: {
            uint8_t cid[SL_OWN_CID_LEN] = {0, 0, 0, (uint8_t)(random() % 32), 0, 0, 0, 1};
            bool is_free = std::count(free_slots.begin(), free_slots.end(), (uint32_t)cid[3]) == 1;
            ASSERT_EQ(sl_session_take_cid(table, cid, &s), is_free ? 0 : -EEXIST);
            if (is_free) {
                free_slots.remove(cid[3]);
                free_slots.push_front(cid[3]);
            }
            break;
        }
        default:
            if (taken.empty())
                break;
            sl_session_give_back(table, sl_session_at(table, *any));
            free_slots.push_back(*any);
            taken.erase(any);
        }
        if (s != nullptr) {
            ASSERT_EQ(sl_handle_slot(s->handle), free_slots.front());
            taken.push_back(free_slots.front());
            free_slots.pop_front();
        }
    }
}

TEST_F(SessionTable, FindsAConnectionIdOnlyWhenAllOfItMatches)
{
    Create(16);
    sl_session *s = sl_session_take(table, 0xa7);
    uint8_t cid[SL_OWN_CID_LEN];
    memcpy(cid, s->own_cid, sizeof cid);
    EXPECT_EQ(sl_session_find_cid(sl_session_table_places(table), cid), s);
    sl_cid_fields fields = sl_cid_parse(cid);
    EXPECT_EQ(fields.layout, 0);
    EXPECT_EQ(fields.shard, 0xa7);
    EXPECT_EQ(fields.slot, sl_handle_slot(s->handle));
    for (unsigned bit = 0; bit < 8 * sizeof cid; bit++) {
        cid[bit / 8] ^= (uint8_t)(1 << bit % 8);
        EXPECT_EQ(sl_session_find_cid(sl_session_table_places(table), cid), nullptr)
            << "bit " << bit;
        cid[bit / 8] ^= (uint8_t)(1 << bit % 8);
    }
    sl_session_give_back(table, s);
    EXPECT_EQ(sl_session_find_cid(sl_session_table_places(table), cid), nullptr)
        << "a stale one finds nothing";
}

TEST_F(SessionTable, AFreeSlotIsNotFoundByAZeroConnectionId)
{
    Create(4);
    const uint8_t zero[SL_OWN_CID_LEN] = {};
    EXPECT_EQ(sl_session_find_cid(sl_session_table_places(table), zero), nullptr);
}

TEST_F(SessionTable, NeverOverwritesAnIndexEntryOfAnotherSession)
{
    Create(4);
    sl_session *a = sl_session_take(table, 0);
    sl_session *b = sl_session_take(table, 0);
    a->path.tuple = b->path.tuple = Tuple(1, 1000);
    EXPECT_TRUE(sl_session_index(table, a));
    EXPECT_FALSE(sl_session_index(table, b));
    EXPECT_EQ(sl_session_find_tuple(table, &a->path.tuple), a);
    sl_session_give_back(table, b);
    EXPECT_EQ(sl_session_find_tuple(table, &a->path.tuple), a);
}

TEST_F(SessionTable, IndexAgreesWithAMapOverRandomInsertsAndRemovals)
{
    Create(512);
    std::mt19937 random(7);
    std::map<uint32_t, sl_session *> model;
    for (int step = 0; step < 100000; step++) {
        uint32_t key = random() % 700;
        sl_tuple tuple = Tuple(key, 1000);
        auto known = model.find(key);
        ASSERT_EQ(sl_session_find_tuple(table, &tuple),
                  known == model.end() ? nullptr : known->second);
        if (known != model.end()) {
            sl_session_give_back(table, known->second);
            model.erase(known);
        } else if (sl_session *s = sl_session_take(table, 0)) {
            s->path.tuple = tuple;
            ASSERT_TRUE(sl_session_index(table, s));
            model[key] = s;
        } else {
            ASSERT_EQ(model.size(), 512u);
        }
    }
    for (auto &[key, s] : model) {
        sl_tuple tuple = Tuple(key, 1000);
        EXPECT_EQ(sl_session_find_tuple(table, &tuple), s);
    }
}

TEST_F(SessionTable, EverySlotGetsAnEpochBlockOfItsOwn)
{
    Create(64);
    std::vector<sl_session *> sessions;
    std::map<sl_epoch *, int> seen;
    for (int i = 0; i < 64; i++) {
        sessions.push_back(sl_session_take(table, 0));
        sl_epoch *epoch = sl_session_take_epoch(table, sessions.back());
        EXPECT_EQ((uintptr_t)epoch % 64, 0u);
        EXPECT_EQ(seen[epoch]++, 0);
    }
    for (sl_session *s : sessions)
        sl_session_give_back(table, s);
    sl_session *again = sl_session_take(table, 0);
    EXPECT_NE(sl_session_take_epoch(table, again), nullptr);
}

TEST_F(SessionTable, ASuccessorIsUnlinkedWhenEitherEndGoes)
{
    Create(4);
    sl_session *a = sl_session_take(table, 0);
    sl_session *b = sl_session_take(table, 0);
    sl_session_link_successor(table, a, b);
    EXPECT_EQ(sl_session_successor(table, a), b);
    EXPECT_EQ(sl_session_predecessor(table, b), a);
    sl_session_give_back(table, b);
    EXPECT_EQ(sl_session_successor(table, a), nullptr);
    b = sl_session_take(table, 0);
    sl_session_link_successor(table, a, b);
    sl_session_give_back(table, a);
    EXPECT_EQ(sl_session_predecessor(table, b), nullptr);
}

TEST_F(SessionTable, ASessionTakesTwoKibibytesWithOurOwnKernelAndThreeWithAnyOther)
{
    for (sl_crypto_backend backend :
         {SL_CRYPTO_VAES512, SL_CRYPTO_VAES256, SL_CRYPTO_IPSECMB, SL_CRYPTO_OPENSSL}) {
        sl_aead *aead = sl_aead_create(backend);
        if (aead == nullptr)
            continue; /* the processor can't */
        size_t len = sl_epoch_len(aead);
        size_t a = sl_session_table_memory_len(1 << 16, len);
        size_t b = sl_session_table_memory_len(1 << 17, len);
        bool is_own = backend == SL_CRYPTO_VAES512 || backend == SL_CRYPTO_VAES256;
        EXPECT_LE((b - a) / (1 << 16) + 328 /* its identity, kept by the worker */,
                  is_own ? 2048u : 3072u)
            << sl_aead_name(aead);
        sl_aead_destroy(aead);
    }
}
