/* For threads of tests that wait for one another. */
#ifndef TEST_LET_OTHERS_RUN_H
#define TEST_LET_OTHERS_RUN_H

#include <chrono>
#include <thread>

/** A turn without anything to do. Threads that do no more than yield may keep each other, and all
 * others, from their cores for many seconds on a busy machine: docs/decisions/idle-naps.md. */
inline void let_others_run()
{
    static thread_local unsigned turns;
    if (++turns % 64 == 0)
        std::this_thread::sleep_for(std::chrono::microseconds(50));
    else
        std::this_thread::yield();
}

#endif
