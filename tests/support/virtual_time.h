/**
 * Time under the test's command, for libssl too: gettimeofday and time are interposed in a test
 * program that links this (and in no other), so that retransmission timers run without waiting.
 */
#ifndef SL_TEST_VIRTUAL_TIME_H
#define SL_TEST_VIRTUAL_TIME_H

#include <cstdint>

namespace sl_test
{

constexpr uint64_t ns_per_ms = 1000000;
constexpr uint64_t ns_per_s = 1000000000;

/** Monotonic nanoseconds since the program began; only set_now moves it. */
uint64_t now_ns();
void set_now(uint64_t ns);

} // namespace sl_test

#endif
