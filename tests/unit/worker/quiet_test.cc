// The path of a packet makes no system call and takes no memory: both ways, all stages, whole
// bursts.
extern "C" {
#include "rig.h"
}

#include <gtest/gtest.h>

#include <errno.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
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
unsigned long allocations;
}

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
    unsigned long before = allocations;
    for (uint32_t len : {1, 64, 1400}) {
        rig_feed(rig, len);
        rig_run_in(rig, RIG_FEED_MAX);
        rig_send(rig, len);
        rig_run_out(rig, RIG_FEED_MAX);
    }
    _exit(allocations == before ? 0 : 3);
}

} // namespace

TEST(WorkerQuiet, NoSystemCallAndNoAllocationForAPacket)
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
