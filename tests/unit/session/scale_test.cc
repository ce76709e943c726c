// Tables as large as they get. A million sessions take five seconds and two gigabytes.
extern "C" {
#include "sl_session.h"
}

#include <gtest/gtest.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cstdlib>
#include <cstring>
#include <vector>

namespace
{

// Of memory, everything counted: two kibibytes with our own AES-GCM.
size_t SessionLenMax(const sl_aead *aead)
{
    return sl_aead_key_block_len(aead) <= 576 ? 2048 : 3072;
}

sl_tuple TupleOf(uint32_t client)
{
    const uint8_t ip[4] = {198, (uint8_t)(18 + (client >> 16 & 1)), (uint8_t)(client >> 8),
                           (uint8_t)client};
    sl_tuple tuple{};
    tuple.remote_ip = sl_ip_from_v4(ip);
    tuple.remote_port = (uint16_t)(1024 + (client >> 17));
    tuple.local_port = 4433;
    return tuple;
}

struct Known {
    uint64_t handle;
    uint8_t cid[SL_OWN_CID_LEN];
};

class Table
{
  public:
    Table(uint32_t capacity, size_t epoch_len)
        : capacity_(capacity), len_(sl_session_table_memory_len(capacity, epoch_len)),
          memory_(mmap(nullptr, len_, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0))
    {
        const uint8_t seed[32] = {7};
        sl_arena arena;
        sl_arena_init(&arena, static_cast<uint8_t *>(memory_), len_);
        table_ = sl_session_table_create(&arena, capacity, epoch_len, 0, seed);
    }
    ~Table()
    {
        munmap(memory_, len_);
    }
    bool IsThere() const
    {
        return memory_ != MAP_FAILED && table_ != nullptr;
    }
    size_t len() const
    {
        return len_;
    }
    void Fill()
    {
        for (uint32_t i = 0; i < capacity_; i++) {
            sl_session *session = sl_session_take(table_, (uint8_t)i);
            ASSERT_NE(session, nullptr) << i;
            session->state = SL_SESSION_ESTABLISHED;
            session->path.tuple = TupleOf(i);
            session->last_active_ns = i;
            ASSERT_TRUE(sl_session_index(table_, session)) << i;
            memset(sl_session_take_epoch(table_, session), 0xee, 64);
            Known one{session->handle, {}};
            memcpy(one.cid, session->own_cid, SL_OWN_CID_LEN);
            known_.push_back(one);
        }
        EXPECT_EQ(sl_session_take(table_, 0), nullptr) << "it is full";
    }
    void FindAll()
    {
        for (uint32_t i = 0; i < capacity_; i++) {
            const sl_tuple tuple = TupleOf(i);
            sl_session *session = sl_session_of_handle(table_, known_[i].handle);
            ASSERT_NE(session, nullptr) << i;
            ASSERT_EQ(session->last_active_ns, i);
            ASSERT_EQ(sl_session_find_cid(sl_session_table_places(table_), known_[i].cid), session)
                << i;
            ASSERT_EQ(sl_session_find_tuple(table_, &tuple), session) << i;
        }
    }
    // Those of odd slots first: what is left must still be found past their places.
    void GiveBackAll()
    {
        for (uint32_t odd : {1u, 0u}) {
            for (uint32_t i = odd; i < capacity_; i += 2)
                sl_session_give_back(table_, sl_session_of_handle(table_, known_[i].handle));
            for (uint32_t i = 0; i < capacity_; i++) {
                const sl_tuple tuple = TupleOf(i);
                const bool is_left = odd == 1 && i % 2 == 0;
                ASSERT_EQ(sl_session_of_handle(table_, known_[i].handle) != nullptr, is_left);
                ASSERT_EQ(sl_session_find_cid(sl_session_table_places(table_), known_[i].cid) !=
                              nullptr,
                          is_left);
                ASSERT_EQ(sl_session_find_tuple(table_, &tuple) != nullptr, is_left) << i;
            }
        }
        known_.clear();
    }

  private:
    uint32_t capacity_;
    size_t len_;
    void *memory_;
    sl_session_table *table_ = nullptr;
    std::vector<Known> known_;
};

void FillFindAndEmpty(uint32_t capacity)
{
    sl_aead *aead = sl_aead_create(SL_CRYPTO_AUTO);
    ASSERT_NE(aead, nullptr);
    Table table(capacity, sl_epoch_len(aead));
    ASSERT_TRUE(table.IsThere());
    EXPECT_LE(table.len() / capacity, SessionLenMax(aead));
    sl_aead_destroy(aead);
    testing::Test::RecordProperty("bytes_a_session", std::to_string(table.len() / capacity));
    for (unsigned life = 0; life < 2 && !testing::Test::HasFatalFailure(); life++) {
        table.Fill();
        table.FindAll();
        table.GiveBackAll();
    }
}

// A sanitizer takes a multiple of time and memory.
bool HasRoomForAMillion()
{
#if defined(__has_feature)
#if __has_feature(address_sanitizer)
    return false;
#endif
#endif
    return (uint64_t)sysconf(_SC_AVPHYS_PAGES) * (uint64_t)sysconf(_SC_PAGESIZE) > 4UL << 30;
}

} // namespace

TEST(SessionScale, FindsEachOf65536ByHandleConnectionIdAndTuple)
{
    FillFindAndEmpty(65536);
}

TEST(SessionScale, FindsEachOfAMillionByHandleConnectionIdAndTupleInThreeGibibytes)
{
    if (getenv("SLUICE_DEEP") == nullptr && !HasRoomForAMillion())
        GTEST_SKIP() << "too little memory, or a sanitizer's; SLUICE_DEEP=1 runs it all the same";
    EXPECT_LE(sl_session_table_memory_len(1000000, sizeof(sl_epoch)), 3UL << 30);
    FillFindAndEmpty(1000000);
}
