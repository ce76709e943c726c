// The thread's processor time: charged after the work, to the prefix it was done for and to all.
#include <gtest/gtest.h>

#include "handshake_lab.h"

using namespace sl_test;

namespace
{

// Between two looks at it 20 ms go by: so much costs each record. Ids live a thousand a host.
uint64_t clock_ns = 0, record_ms = 20;
uint64_t slow_clock()
{
    return clock_ns += record_ms * ns_per_ms;
}

LabOptions with_limits(unsigned all, unsigned per_prefix)
{
    LabOptions options;
    options.cpu_ns = slow_clock;
    options.cpu_percent = all;
    options.cpu_percent_per_prefix = per_prefix;
    return options;
}

} // namespace

TEST(HandshakeCpu, APrefixThatHasSpentItsShareBeginsNoHandshakeUntilItHasMore)
{
    HandshakeLab lab(with_limits(0, 10)); /* 50 ms at once, 100 ms a second */
    ASSERT_TRUE(lab.connect(1)) << "one goes on into debt";
    EXPECT_FALSE(lab.connect(2));
    EXPECT_TRUE(lab.peer(2).is_aborted);
    EXPECT_EQ(lab.peer(2).abort.cause, SL_ABORT_CPU_SPENT);
    EXPECT_EQ(lab.counter(SL_HANDSHAKE_CPU_SPENT), 1u);
    EXPECT_EQ(lab.counter(SL_HANDSHAKE_STARTED), 1u);
    EXPECT_TRUE(lab.connect(1001)) << "another host has its own share";
    lab.run_for(3000);
    EXPECT_TRUE(lab.connect(3));
    EXPECT_TRUE(lab.counters_add_up());
}

TEST(HandshakeCpu, AllTogetherHaveAShareToo)
{
    HandshakeLab lab(with_limits(10, 0));
    ASSERT_TRUE(lab.connect(1));
    EXPECT_FALSE(lab.connect(1001));
    EXPECT_EQ(lab.peer(1001).abort.cause, SL_ABORT_CPU_SPENT);
    lab.run_for(3000);
    EXPECT_TRUE(lab.connect(1002));
}

TEST(HandshakeCpu, WithoutALimitNobodyLooksAtTheClock)
{
    HandshakeLab lab(with_limits(0, 0));
    const uint64_t before = clock_ns;
    for (unsigned id = 1; id < 5; id++)
        EXPECT_TRUE(lab.connect(id));
    EXPECT_EQ(clock_ns, before);
}

TEST(HandshakeCpu, NoDebtLastsLongerThanTenSeconds)
{
    HandshakeLab lab(with_limits(0, 1));
    record_ms = 1000; /* a record is the share of a hundred seconds */
    ASSERT_TRUE(lab.connect(1));
    record_ms = 20;
    EXPECT_FALSE(lab.connect(2));
    lab.run_for(10100);
    EXPECT_TRUE(lab.connect(3));
}
