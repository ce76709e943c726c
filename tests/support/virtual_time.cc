#include "virtual_time.h"

#include <sys/time.h>
#include <time.h>

#include <atomic>

namespace
{

std::atomic<uint64_t> current_ns{sl_test::ns_per_s}; /* libssl reads it on any thread */
/* 24 November 2026: certificates made by the tests are valid around it. */
constexpr time_t epoch_s = 1795478400;

} // namespace

uint64_t sl_test::now_ns()
{
    return current_ns;
}

void sl_test::set_now(uint64_t ns)
{
    current_ns = ns;
}

extern "C" __attribute__((visibility("default"))) int gettimeofday(struct timeval *__restrict tv,
                                                                   void *__restrict) noexcept
{
    tv->tv_sec = epoch_s + (time_t)(current_ns / sl_test::ns_per_s);
    tv->tv_usec = (suseconds_t)(current_ns % sl_test::ns_per_s / 1000);
    return 0;
}

extern "C" __attribute__((visibility("default"))) time_t time(time_t *out) noexcept
{
    time_t now = epoch_s + (time_t)(current_ns / sl_test::ns_per_s);
    if (out != nullptr)
        *out = now;
    return now;
}
