// The path of a packet makes no system call (so it writes no log line either), takes no memory and
// no lock: both ways, all stages, whole bursts, a million packets.
extern "C" {
#include "rig.h"
}

#include <gtest/gtest.h>

#include <dlfcn.h>
#include <errno.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <pthread.h>
#include <stddef.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

extern "C" {
void *__libc_malloc(size_t len);
void *__libc_calloc(size_t count, size_t len);
void *__libc_realloc(void *memory, size_t len);
void __libc_free(void *memory);
}

namespace
{
unsigned long allocations, locks;

constexpr unsigned kPackets = 1000000; // each way

template <typename Lock> int count_and_call(const char *name, Lock *lock)
{
    locks++;
    return reinterpret_cast<int (*)(Lock *)>(dlsym(RTLD_NEXT, name))(lock);
}
} // namespace

// In place of libc's, for the whole test program.
extern "C" void *malloc(size_t len)
{
    allocations++;
    return __libc_malloc(len);
}
extern "C" void *calloc(size_t count, size_t len)
{
    allocations++;
    return __libc_calloc(count, len);
}
extern "C" void *realloc(void *memory, size_t len)
{
    allocations++;
    return __libc_realloc(memory, len);
}
extern "C" void free(void *memory)
{
    allocations += memory != nullptr;
    __libc_free(memory);
}
extern "C" int pthread_mutex_lock(pthread_mutex_t *lock) noexcept
{
    return count_and_call("pthread_mutex_lock", lock);
}
extern "C" int pthread_mutex_trylock(pthread_mutex_t *lock) noexcept
{
    return count_and_call("pthread_mutex_trylock", lock);
}
extern "C" int pthread_spin_lock(pthread_spinlock_t *lock) noexcept
{
    return count_and_call("pthread_spin_lock", lock);
}
extern "C" int pthread_rwlock_rdlock(pthread_rwlock_t *lock) noexcept
{
    return count_and_call("pthread_rwlock_rdlock", lock);
}
extern "C" int pthread_rwlock_wrlock(pthread_rwlock_t *lock) noexcept
{
    return count_and_call("pthread_rwlock_wrlock", lock);
}

namespace
{

/** From here on the kernel ends the process at any system call but its end; and at the clock's,
 * which some machines have no page for. */
bool forbid_system_calls()
{
    sock_filter filter[] = {
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(seccomp_data, nr)),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, __NR_exit_group, 1, 0),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, __NR_clock_gettime, 0, 1),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_KILL_PROCESS),
    };
    sock_fprog program = {sizeof filter / sizeof filter[0], filter};
    return prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0 &&
           prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) == 0;
}

[[noreturn]] void run_quietly()
{
    struct rig *rig = rig_create(64);
    if (!forbid_system_calls())
        _exit(2);
    unsigned long allocations_before = allocations, locks_before = locks;
    const uint32_t lengths[] = {64, 1, 64, 1400, 256};
    for (unsigned pass = 0; pass * RIG_FEED_MAX < kPackets; pass++) {
        rig_feed(rig, lengths[pass % 5]);
        rig_run_in(rig, RIG_FEED_MAX);
        rig_send(rig, lengths[pass % 5]);
        rig_run_out(rig, RIG_FEED_MAX);
    }
    _exit(allocations != allocations_before ? 3 : locks != locks_before ? 4 : 0);
}

} // namespace

TEST(WorkerQuiet, NoSystemCallAllocationOrLockForAMillionPackets)
{
    EXPECT_EXIT(run_quietly(), ::testing::ExitedWithCode(0), "");
}

TEST(WorkerQuiet, TheTestWouldNoticeASystemCall)
{
    EXPECT_EXIT(
        {
            if (forbid_system_calls())
                getppid();
            _exit(0);
        },
        ::testing::KilledBySignal(SIGSYS), "");
}

TEST(WorkerQuiet, TheTestWouldNoticeAnAllocation)
{
    unsigned long before = allocations;
    void *volatile memory = malloc(1);
    free(memory);
    EXPECT_EQ(before + 2, allocations);
}

TEST(WorkerQuiet, TheTestWouldNoticeALock)
{
    static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
    unsigned long before = locks;
    pthread_mutex_lock(&lock);
    pthread_mutex_unlock(&lock);
    EXPECT_EQ(before + 1, locks);
}
