#include <gtest/gtest.h>

#include <deque>
#include <random>
#include <set>

extern "C" {
#include "sets.h"
}

TEST(LoadQueue, GivesBackInTheOrderOfArrivalRoundItsEnd)
{
    load_queue queue;
    ASSERT_TRUE(load_init_queue(&queue, 5));
    std::deque<uint32_t> model;
    std::mt19937 random(1);
    for (uint32_t step = 0; step < 1000; step++) {
        if (model.size() < 5 && (model.empty() || random() % 2 == 0)) {
            load_push(&queue, step);
            model.push_back(step);
        } else {
            EXPECT_EQ(load_peek(&queue), model.front());
            EXPECT_EQ(load_pop(&queue), model.front());
            model.pop_front();
        }
        ASSERT_EQ(queue.count, model.size());
    }
    load_wipe_queue(&queue);
}

TEST(LoadSet, HoldsWhatWasPutAndNotWhatWasRemoved)
{
    load_set set;
    ASSERT_TRUE(load_init_set(&set, 50));
    std::set<uint32_t> model;
    std::mt19937 random(1);
    for (unsigned step = 0; step < 5000; step++) {
        uint32_t number = random() % 50;
        if (model.count(number)) {
            load_remove(&set, number);
            model.erase(number);
        } else {
            load_put(&set, number);
            model.insert(number);
        }
        ASSERT_EQ(std::set<uint32_t>(set.numbers, set.numbers + set.count), model);
        for (uint32_t each = 0; each < 50; each++)
            ASSERT_EQ(load_has(&set, each), model.count(each) == 1);
    }
    load_wipe_set(&set);
}

TEST(LoadSet, GivesEachItsTurn)
{
    load_set set;
    ASSERT_TRUE(load_init_set(&set, 10));
    for (uint32_t number : {3u, 7u, 1u})
        load_put(&set, number);
    uint32_t at = 0;
    std::multiset<uint32_t> turns;
    for (unsigned i = 0; i < 6; i++)
        turns.insert(load_next(&set, &at));
    EXPECT_EQ(turns, (std::multiset<uint32_t>{1, 1, 3, 3, 7, 7}));
    load_remove(&set, 3);
    load_remove(&set, 1);
    EXPECT_EQ(load_next(&set, &at), 7u) << "also when the turn had come further than there are";
    load_wipe_set(&set);
}

TEST(LoadSet, MayBeEmpty)
{
    load_set set;
    load_queue queue;
    ASSERT_TRUE(load_init_set(&set, 0));
    ASSERT_TRUE(load_init_queue(&queue, 0));
    EXPECT_EQ(set.count + queue.count, 0u);
    load_wipe_set(&set);
    load_wipe_queue(&queue);
}
