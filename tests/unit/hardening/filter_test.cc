/** Each kind of thread does what it has to, and dies of anything else, with a line that says so. */
#include "hardened_child.h"

#include <fcntl.h>
#include <linux/bpf.h>
#include <linux/sockios.h>
#include <net/if.h>
#include <netinet/in.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/un.h>
#include <time.h>

#include <vector>

using test::begun;
using test::Ending;
using test::in_child;

namespace
{

const char *const kKinds[] = {"worker", "handshake", "events", "control"};

/** A call, and how it is named in the line. Descriptors are made before the filter is there. */
struct Call {
    std::string name;
    std::function<void(int socket, int file)> make;
};

int sockets[2], file;

void *nothing(void *)
{
    return nullptr;
}

int start_thread(void *(*body)(void *))
{
    pthread_t thread;
    int error = pthread_create(&thread, nullptr, body, nullptr);
    return error != 0 ? error : pthread_join(thread, nullptr);
}

// A process has made threads before: the first one sets up signals of glibc's.
void make_ready()
{
    start_thread(nothing);
    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, sockets) != 0)
        _exit(98);
    file = open("/dev/null", O_RDWR);
}

Ending ending_of(sl_thread_kind kind, const Call &call,
                 const sl_hardening_config &config = test::hardening_config())
{
    return in_child([&] {
        make_ready();
        sl_hardening *hardening = begun(config);
        if (sl_hardening_enter_thread(hardening, kind) != 0)
            return 97;
        call.make(sockets[0], file);
        return 0;
    });
}

void expect_refused(sl_thread_kind kind, const Call &call)
{
    Ending ending = ending_of(kind, call);
    EXPECT_EQ(ending.how, "signal " + std::to_string(SIGSYS))
        << kKinds[kind] << " may " << call.name;
    std::string expected = std::string("error seccomp: a thread of kind ") + kKinds[kind] +
                           " asked for system call " + call.name + " (";
    EXPECT_EQ(ending.said.substr(0, expected.size()), expected);
    EXPECT_EQ(ending.said.find('\n'), ending.said.size() - 1) << "one line: " << ending.said;
}

void expect_allowed(sl_thread_kind kind, const Call &call)
{
    Ending ending = ending_of(kind, call);
    EXPECT_EQ(ending.how, "exit 0")
        << kKinds[kind] << " may not " << call.name << ": " << ending.said;
}

const std::vector<Call> kNobody = {
    {"execve",
     [](int, int) {
         char program[] = "/bin/true", *argv[] = {program, nullptr};
         execve(program, argv, nullptr);
     }},
    {"mmap",
     [](int, int) {
         mmap(nullptr, 4096, PROT_READ | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
     }},
    {"mprotect",
     [](int, int) {
         void *at = mmap(nullptr, 4096, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
         mprotect(at, 4096, PROT_READ | PROT_EXEC);
     }},
    {"ptrace", [](int, int) { syscall(SYS_ptrace, 0, 0, 0, 0); }},
    {"process_vm_readv", [](int, int) { process_vm_readv(1, nullptr, 0, nullptr, 0, 0); }},
    {"setuid", [](int, int) { syscall(SYS_setuid, 0); }},
    {"kill", [](int, int) { kill(getpid(), 0); }},
    {"tgkill", [](int, int) { syscall(SYS_tgkill, 1, 1, 0); }},
    {"fork", [](int, int) { syscall(SYS_fork); }},
    {"seccomp", [](int, int) { syscall(SYS_seccomp, 0, 0, nullptr); }},
    {"prctl", [](int, int) { syscall(SYS_prctl, 4 /* PR_SET_DUMPABLE */, 1, 0, 0, 0); }},
    {"mount", [](int, int) { syscall(SYS_mount, "", "/", "tmpfs", 0, nullptr); }},
    {"open_by_handle_at", [](int, int) { syscall(SYS_open_by_handle_at, -1, nullptr, 0); }},
    {"io_uring_setup", [](int, int) { syscall(SYS_io_uring_setup, 1, nullptr); }},
};

const Call kOpen = {"openat", [](int, int) { (void)!open("/etc/passwd", O_RDONLY); }};
const Call kNoFile = {"be told that it may open no file", [](int, int) {
                          if (open("/etc/passwd", O_RDONLY) != -1 || errno != EACCES ||
                              syscall(SYS_open, "/etc/passwd", O_RDONLY) != -1 || errno != EACCES)
                              _exit(1);
                      }};
const Call kSocket = {"socket", [](int, int) { socket(AF_UNIX, SOCK_STREAM, 0); }};
const Call kUnlink = {"unlink", [](int, int) { unlink("/nonexistent/file"); }};
const Call kMemory = {"memfd_create", [](int, int) { memfd_create("m", MFD_CLOEXEC); }};
const Call kIoctl = {"ioctl", [](int s, int) {
                         int n = 0;
                         ioctl(s, FIONREAD, &n);
                     }};
const Call kClone = {"clone", [](int, int) {
                         syscall(SYS_clone, CLONE_THREAD | CLONE_SIGHAND | CLONE_VM, 0, 0, 0, 0);
                     }};

// What every thread may do: time, naps, memory, the log, and an end of its own.
const std::vector<Call> kEverybody = {
    {"write to the log", [](int, int f) { (void)!write(f, "x", 1); }},
    {"nap",
     [](int, int) {
         timespec nap{0, 1000};
         nanosleep(&nap, nullptr);
     }},
    {"ask the time without the vDSO",
     [](int, int) {
         timespec now;
         syscall(SYS_clock_gettime, CLOCK_MONOTONIC, &now);
         syscall(SYS_clock_gettime, CLOCK_THREAD_CPUTIME_ID, &now);
     }},
    {"allocate",
     [](int, int) {
         for (size_t len : {100u, 100000u, 10000000u}) {
             volatile char *at = (char *)malloc(len);
             at[len - 1] = 1;
             free((void *)at);
         }
     }},
    {"lock",
     [](int, int) {
         int word = 1;
         syscall(SYS_futex, &word, 0 /* wait */, 2, nullptr, nullptr, 0);
     }},
    {"yield", [](int, int) { sched_yield(); }},
};

struct HardeningFilter : testing::Test {
    void SetUp() override
    {
        if (test::has_sanitizer)
            GTEST_SKIP() << "a sanitizer's own calls are on no list";
    }
};

} // namespace

TEST_F(HardeningFilter, RefusesEveryThreadWhatNoneOfThemNeeds)
{
    for (unsigned kind = 0; kind < SL_THREAD_KINDS; kind++)
        for (const Call &call : kNobody)
            expect_refused((sl_thread_kind)kind, call);
}

TEST_F(HardeningFilter, AllowsEveryThreadWhatAllOfThemNeed)
{
    for (unsigned kind = 0; kind < SL_THREAD_KINDS; kind++)
        for (const Call &call : kEverybody)
            expect_allowed((sl_thread_kind)kind, call);
}

TEST_F(HardeningFilter, NoThreadButTheControlThreadOpensAFileAndAskingIsNotTheEnd)
{
    for (sl_thread_kind kind : {SL_THREAD_WORKER, SL_THREAD_HANDSHAKE, SL_THREAD_EVENTS})
        expect_allowed(kind, kNoFile);
}

// glibc then looks at vm.overcommit_memory: a thread whose handshakes all end at once.
TEST_F(HardeningFilter, AThreadMayGiveMuchMemoryBack)
{
    Ending ending = in_child([] {
        static sl_hardening *hardening = begun();
        return start_thread([](void *) -> void * {
            if (sl_hardening_enter_thread(hardening, SL_THREAD_HANDSHAKE) != 0)
                _exit(97);
            static void *blocks[200];
            for (void *&block : blocks)
                block = memset(malloc(60000), 1, 60000);
            for (size_t i = 200; i-- > 0;)
                free(blocks[i]);
            return nullptr;
        });
    });
    EXPECT_EQ(ending.how, "exit 0") << ending.said;
}

TEST_F(HardeningFilter, AWorkerUsesOpenDescriptorsAndMakesNone)
{
    for (const Call &call : {kSocket, kUnlink, kMemory, kIoctl, kClone})
        expect_refused(SL_THREAD_WORKER, call);
    expect_refused(SL_THREAD_WORKER,
                   {"getrandom", [](int, int) { (void)!getrandom(nullptr, 0, 0); }});
    expect_refused(SL_THREAD_WORKER, {"sendmsg", [](int s, int) { sendmsg(s, nullptr, 0); }});
    expect_allowed(SL_THREAD_WORKER, {"kick AF_XDP", [](int s, int) {
                                          sendto(s, nullptr, 0, MSG_DONTWAIT, nullptr, 0);
                                          recvfrom(s, nullptr, 0, MSG_DONTWAIT, nullptr, nullptr);
                                      }});
    expect_allowed(SL_THREAD_WORKER, {"wake a consumer", [](int s, int) {
                                          send(s, "", 1, MSG_DONTWAIT | MSG_NOSIGNAL);
                                      }});
    expect_allowed(SL_THREAD_WORKER, {"wait for room in AF_PACKET's ring", [](int s, int) {
                                          pollfd p = {s, POLLOUT, 0};
                                          poll(&p, 1, 0);
                                      }});
}

TEST_F(HardeningFilter, AHandshakeThreadHasRandomNumbersItsKeyLogAndItsLookups)
{
    for (const Call &call : {kSocket, kUnlink, kMemory, kIoctl, kClone})
        expect_refused(SL_THREAD_HANDSHAKE, call);
    expect_refused(SL_THREAD_HANDSHAKE,
                   {"sendto", [](int s, int) { sendto(s, "", 1, 0, nullptr, 0); }});
    expect_allowed(SL_THREAD_HANDSHAKE, {"read", [](int, int f) {
                                             char byte;
                                             (void)!read(f, &byte, 1);
                                         }});
    expect_allowed(SL_THREAD_HANDSHAKE, {"getrandom", [](int, int) {
                                             char bytes[16];
                                             (void)!getrandom(bytes, sizeof bytes, 0);
                                         }});
    expect_allowed(SL_THREAD_HANDSHAKE, {"write the key log", [](int, int f) {
                                             iovec parts[1] = {{(void *)"x", 1}};
                                             (void)!writev(f, parts, 1);
                                         }});
}

TEST_F(HardeningFilter, AThreadForEventsWaitsForThem)
{
    for (const Call &call : {kSocket, kUnlink, kMemory, kIoctl, kClone})
        expect_refused(SL_THREAD_EVENTS, call);
    expect_allowed(SL_THREAD_EVENTS, {"wait", [](int s, int) {
                                          int fd = epoll_create1(EPOLL_CLOEXEC);
                                          epoll_event event{};
                                          epoll_ctl(fd, EPOLL_CTL_ADD, s, &event);
                                          epoll_wait(fd, &event, 1, 0);
                                          close(fd);
                                      }});
}

TEST_F(HardeningFilter, TheControlThreadReadsFilesAndWritesNone)
{
    expect_allowed(SL_THREAD_CONTROL, kOpen);
    expect_allowed(SL_THREAD_CONTROL, kUnlink);
    expect_allowed(SL_THREAD_CONTROL, kMemory);
    for (int flags : {O_WRONLY, O_RDWR, O_RDONLY | O_CREAT, O_RDONLY | O_TRUNC})
        expect_refused(SL_THREAD_CONTROL, {"openat", [flags](int, int) {
                                               (void)!open("/nonexistent/file", flags, 0600);
                                           }});
    expect_allowed(SL_THREAD_CONTROL,
                   {"be told that a folder is there", [](int, int) {
                        if (syscall(SYS_mkdir, "/nonexistent", 0) != -1 || errno != EEXIST)
                            _exit(1);
                    }});
    for (const char *name : {"rename", "chmod", "symlink"})
        expect_refused(SL_THREAD_CONTROL, {name, [name](int, int) {
                                               switch (name[0]) {
                                               case 'r':
                                                   syscall(SYS_rename, "/nonexistent/x", "y");
                                                   break;
                                               case 'c':
                                                   syscall(SYS_chmod, "/nonexistent/x", 0);
                                                   break;
                                               default:
                                                   syscall(SYS_symlink, "x", "/nonexistent/x");
                                               }
                                           }});
}

TEST_F(HardeningFilter, TheControlThreadMakesThreadsAndNoProcesses)
{
    expect_allowed(SL_THREAD_CONTROL, {"start a thread", [](int, int) {
                                           if (start_thread(nothing) != 0)
                                               _exit(1);
                                       }});
    expect_allowed(SL_THREAD_CONTROL,
                   {"be told that clone3 is not there", [](int, int) {
                        if (syscall(SYS_clone3, nullptr, 0) != -1 || errno != ENOSYS)
                            _exit(1);
                    }});
    expect_refused(SL_THREAD_CONTROL,
                   {"clone", [](int, int) { syscall(SYS_clone, SIGCHLD, 0, 0, 0, 0); }});
    expect_refused(SL_THREAD_CONTROL, {"vfork", [](int, int) { syscall(SYS_vfork); }});
}

TEST_F(HardeningFilter, TheControlThreadConnectsNowhere)
{
    expect_refused(SL_THREAD_CONTROL, {"connect", [](int s, int) {
                                           sockaddr_un address{};
                                           connect(s, (sockaddr *)&address, sizeof address);
                                       }});
    for (int family : {AF_PACKET, AF_INET6, AF_UNIX, AF_ALG, AF_VSOCK})
        expect_refused(SL_THREAD_CONTROL,
                       {"socket", [family](int, int) { socket(family, SOCK_STREAM, 0); }});
    for (int type : {+SOCK_STREAM, SOCK_STREAM | SOCK_CLOEXEC, SOCK_RAW | SOCK_NONBLOCK})
        expect_refused(SL_THREAD_CONTROL,
                       {"socket", [type](int, int) { socket(AF_INET, type, 0); }});
    expect_refused(SL_THREAD_CONTROL, {"sendto", [](int s, int) {
                                           sockaddr_in address{};
                                           address.sin_family = AF_INET;
                                           sendto(s, "", 1, 0, (sockaddr *)&address,
                                                  sizeof address);
                                       }});
    expect_refused(SL_THREAD_CONTROL, {"ioctl", [](int s, int) {
                                           ifreq request{};
                                           ioctl(s, SIOCSIFADDR, &request);
                                       }});
    expect_refused(SL_THREAD_CONTROL, {"bpf", [](int, int) {
                                           bpf_attr attributes{};
                                           syscall(SYS_bpf, BPF_PROG_LOAD, &attributes,
                                                   sizeof attributes);
                                       }});
}

TEST_F(HardeningFilter, DriversThatNobodyTracedGetMoreButNoFiles)
{
    sl_hardening_config config = test::hardening_config();
    config.foreign_device = true;
    Call readv_call = {"readv", [](int, int f) {
                           char byte;
                           iovec parts[1] = {{&byte, 1}};
                           (void)!readv(f, parts, 1);
                       }};
    EXPECT_EQ(ending_of(SL_THREAD_WORKER, readv_call, config).how, "exit 0");
    EXPECT_EQ(ending_of(SL_THREAD_EVENTS, kSocket, config).how, "exit 0");
    EXPECT_EQ(ending_of(SL_THREAD_WORKER, kNoFile, config).how, "exit 0");
    expect_refused(SL_THREAD_WORKER, readv_call);
}

TEST_F(HardeningFilter, EachThreadOfAProcessHasItsOwn)
{
    Ending ending = in_child([] {
        static sl_hardening *hardening = begun();
        if (start_thread([](void *) -> void * {
                if (sl_hardening_enter_thread(hardening, SL_THREAD_WORKER) != 0)
                    _exit(97);
                return nullptr;
            }) != 0)
            return 96;
        if (sl_hardening_enter_thread(hardening, SL_THREAD_CONTROL) != 0)
            return 95;
        return open("/etc/passwd", O_RDONLY) >= 0 ? 0 : 94; // the worker's list is not ours
    });
    EXPECT_EQ(ending.how, "exit 0") << ending.said;
}

TEST_F(HardeningFilter, LogLetsTheCallRun)
{
    sl_hardening_config config = test::hardening_config();
    config.seccomp = SL_SECCOMP_LOG;
    EXPECT_EQ(ending_of(SL_THREAD_WORKER, kOpen, config).how, "exit 0");
}

TEST_F(HardeningFilter, OffPutsNoFilterOnAnything)
{
    sl_hardening_config config = test::hardening_config();
    config.seccomp = SL_SECCOMP_OFF;
    Ending ending = in_child([&] {
        sl_hardening *hardening = begun(config);
        if (sl_hardening_enter_thread(hardening, SL_THREAD_WORKER) != 0)
            return 97;
        return test::status_of_thread("Seccomp") == "0" ? 0 : 1;
    });
    EXPECT_EQ(ending.how, "exit 0") << ending.said;
}

TEST_F(HardeningFilter, AFailedAssertionStillSaysSo)
{
    for (unsigned kind = 0; kind < SL_THREAD_KINDS; kind++) {
        Ending ending = ending_of(
            (sl_thread_kind)kind,
            {"abort", [](int, int) { __assert_fail("a == b", "file.c", 7, "function"); }});
        EXPECT_EQ(ending.how, "signal " + std::to_string(SIGABRT)) << ending.said;
        EXPECT_NE(ending.said.find("a == b"), std::string::npos) << ending.said;
    }
}
