extern "C" {
#include "sl_rate.h"
}

#include <gtest/gtest.h>

#include <map>
#include <random>
#include <vector>

namespace
{

constexpr uint64_t kSecond = 1000000000;

unsigned Take(uint64_t &bucket, const sl_rate &rate, uint64_t now_ns, unsigned tries)
{
    unsigned taken = 0;
    for (unsigned i = 0; i < tries; i++)
        taken += sl_bucket_take(&bucket, &rate, now_ns);
    return taken;
}

sl_ip V4(uint8_t c, uint8_t d)
{
    const uint8_t bytes[4] = {198, 18, c, d};
    return sl_ip_from_v4(bytes);
}

sl_ip V6(uint8_t subnet, uint8_t host)
{
    return {{0x20, 1, 0xd, 0xb8, 0, 0, 0, subnet, 0, 0, 0, 0, 0, 0, 0, host}};
}

// An arena of its own for a thing of so many bytes, which have to be exact.
class Memory
{
  public:
    explicit Memory(size_t len) : bytes_(len + SL_CACHE_LINE)
    {
        auto at = (uintptr_t)bytes_.data();
        at = (at + SL_CACHE_LINE - 1) & ~(uintptr_t)(SL_CACHE_LINE - 1);
        sl_arena_init(&arena, (void *)at, len);
    }
    ~Memory()
    {
        EXPECT_EQ(arena.at, arena.end) << "memory_len is exact";
    }
    sl_arena arena;

  private:
    std::vector<uint8_t> bytes_;
};

} // namespace

TEST(Rate, AFullBucketHoldsItsBurstAndFillsAtItsRate)
{
    const sl_rate rate = sl_rate_of(10, 4);
    uint64_t bucket = 0, now = 1000 * kSecond;
    EXPECT_EQ(Take(bucket, rate, now, 10), 4u);
    EXPECT_EQ(Take(bucket, rate, now + kSecond / 10 - 1, 10), 0u);
    EXPECT_EQ(Take(bucket, rate, now + kSecond / 10, 10), 1u);
    EXPECT_EQ(Take(bucket, rate, now + kSecond, 10), 4u) << "no more than it holds";
}

// Whoever floods under somebody else's name keeps him out as long as the flood lasts, and no
// longer.
TEST(Rate, WhatIsRefusedCostsNothing)
{
    const sl_rate rate = sl_rate_of(10, 1);
    uint64_t bucket = 0, now = 1000 * kSecond;
    EXPECT_EQ(Take(bucket, rate, now, 1000000), 1u);
    EXPECT_EQ(Take(bucket, rate, now + kSecond / 10, 1), 1u);
}

TEST(Rate, AChargeMayLeaveADebt)
{
    const sl_rate rate = sl_rate_of(1000, 100);
    uint64_t bucket = 0, now = 1000 * kSecond;
    sl_bucket_charge(&bucket, &rate, 1100, now);
    EXPECT_FALSE(sl_bucket_allows(bucket, &rate, now + kSecond));
    EXPECT_TRUE(sl_bucket_allows(bucket, &rate, now + kSecond + kSecond / 1000));
}

TEST(Rate, NoRateIsNoLimitAndABurstIsOneAtLeast)
{
    const sl_rate none = sl_rate_of(0, 5), least = sl_rate_of(1, 0), most = sl_rate_of(~0ULL, 9);
    uint64_t bucket = 0, other = 0, now = kSecond;
    EXPECT_EQ(Take(bucket, none, now, 1000), 1000u);
    EXPECT_EQ(bucket, 0u);
    EXPECT_EQ(Take(other, least, now, 10), 1u);
    EXPECT_NE(most.event_ns, 0u);
}

TEST(PrefixHash, IsTheSameWithinAPrefixAndAnotherOneElsewhere)
{
    const sl_prefix_hasher hash = {{1, 2, 3}, 24, 64}, other_key = {{1, 2, 4}, 24, 64};
    auto of = [&](const sl_ip &ip) { return sl_prefix_hash(&hash, &ip); };
    EXPECT_EQ(of(V4(1, 2)), of(V4(1, 200)));
    EXPECT_NE(of(V4(1, 2)), of(V4(2, 2)));
    EXPECT_EQ(of(V6(1, 2)), of(V6(1, 200)));
    EXPECT_NE(of(V6(1, 2)), of(V6(2, 2)));
    const sl_ip ip = V4(1, 2);
    EXPECT_NE(of(ip), sl_prefix_hash(&other_key, &ip)) << "nobody can look for what shares a place";
    const sl_prefix_hasher all = {{1}, 0, 0};
    const sl_ip v6 = V6(1, 2);
    EXPECT_NE(sl_prefix_hash(&all, &ip), sl_prefix_hash(&all, &v6)) << "of two families";
}

TEST(Buckets, EachPrefixHasItsOwn)
{
    Memory memory(sl_buckets_memory_len(1024));
    sl_buckets *buckets = sl_buckets_create(&memory.arena, 1024);
    const sl_rate rate = sl_rate_of(1, 2);
    const uint64_t now = 1000 * kSecond;
    for (uint64_t prefix = 1; prefix <= 500; prefix++) {
        const uint64_t hash = prefix * 0x9e3779b97f4a7c15ULL;
        EXPECT_EQ(Take(*sl_buckets_find(buckets, hash, now), rate, now, 5), 2u) << prefix;
    }
    const uint64_t first = 0x9e3779b97f4a7c15ULL;
    EXPECT_EQ(Take(*sl_buckets_find(buckets, first, now), rate, now, 5), 0u);
    EXPECT_EQ(Take(*sl_buckets_find(buckets, first, now), rate, now + kSecond, 5), 1u);
}

TEST(Buckets, TheFullestOfASetMakesRoom)
{
    Memory memory(sl_buckets_memory_len(1));
    sl_buckets *buckets = sl_buckets_create(&memory.arena, 1);
    const sl_rate rate = sl_rate_of(1, 10);
    const uint64_t now = 1000 * kSecond;
    for (uint64_t hash = 1; hash <= SL_BUCKET_WAYS; hash++) /* the third has taken least */
        Take(*sl_buckets_find(buckets, hash, now), rate, now, hash == 3 ? 1 : 5);
    Take(*sl_buckets_find(buckets, 99, now), rate, now, 10);
    for (uint64_t hash : {1, 2, 4})
        EXPECT_EQ(Take(*sl_buckets_find(buckets, hash, now), rate, now, 10), 5u) << hash;
    EXPECT_EQ(Take(*sl_buckets_find(buckets, 3, now), rate, now, 10), 10u) << "as good as new";
}

TEST(PrefixCounts, AreExact)
{
    constexpr unsigned kMax = 200;
    Memory memory(sl_prefix_counts_memory_len(kMax));
    sl_prefix_counts *counts = sl_prefix_counts_create(&memory.arena, kMax);
    std::map<uint64_t, unsigned> right;
    std::vector<uint64_t> there;
    std::mt19937_64 random(3);
    auto crowded = [](uint64_t any) { return 1 + any % 4 + (any / 4 % 15 << 32); };
    for (unsigned step = 0; step < 20000; step++) {
        uint64_t hash = crowded(random()); /* searches run into each other */
        if (there.size() < kMax && random() % 2) {
            sl_prefix_count_add(counts, hash);
            right[hash]++;
            there.push_back(hash);
        } else if (!there.empty()) {
            size_t which = random() % there.size();
            sl_prefix_count_remove(counts, there[which]);
            right[there[which]]--;
            there.erase(there.begin() + (long)which);
        }
        hash = crowded(random());
        ASSERT_EQ(sl_prefix_count(counts, hash), right[hash]) << step;
    }
    for (uint64_t hash = 1; there.size() < kMax; hash++) { /* as many as there may be */
        sl_prefix_count_add(counts, hash << 40);
        there.push_back(hash << 40);
    }
    EXPECT_EQ(sl_prefix_count(counts, 7ULL << 60), 0u);
}
