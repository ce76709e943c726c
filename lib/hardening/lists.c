/*
 * The system calls of each kind of thread, as seen in traces of all ports and all tests from start
 * to end (docs/decisions/privileges.md says how to make one). A worker's own are allowed whatever
 * their arguments are: the kernel then answers from a bitmap, without running the filter.
 */
#include <fcntl.h>
#include <linux/bpf.h>
#include <linux/sockios.h>
#include <sched.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>

#include "hardening_priv.h"

#define ANY(name)                                                                                  \
    {                                                                                              \
        .number = SCMP_SYS(name)                                                                   \
    }
#define WHEN(name, argument, how, a, b)                                                            \
    {                                                                                              \
        .number = SCMP_SYS(name), .comparison_count = 1,                                           \
        .comparisons = {{(argument), (how), (a), (b)}}                                             \
    }
#define EQUALS(name, argument, value) WHEN(name, argument, SCMP_CMP_EQ, (scmp_datum_t)(value), 0)
/** None of these bits. */
#define WITHOUT(name, argument, bits)                                                              \
    WHEN(name, argument, SCMP_CMP_MASKED_EQ, (scmp_datum_t)(bits), 0)
#define ALL_OF(name, argument, bits)                                                               \
    WHEN(name, argument, SCMP_CMP_MASKED_EQ, (scmp_datum_t)(bits), (scmp_datum_t)(bits))
/** A family's sockets of one type, with whatever flags. */
#define SOCKET(family, type)                                                                       \
    {                                                                                              \
        .number = SCMP_SYS(socket), .comparison_count = 2,                                         \
        .comparisons = {                                                                           \
            {0, SCMP_CMP_EQ, (family), 0},                                                         \
            {1, SCMP_CMP_MASKED_EQ, ~(scmp_datum_t)(SOCK_CLOEXEC | SOCK_NONBLOCK), (type)}}        \
    }
#define LIST(array)                                                                                \
    (struct hardening_list)                                                                        \
    {                                                                                              \
        (array), sizeof(array) / sizeof((array)[0])                                                \
    }

/* Time, memory that is not code, waiting, the log, and a thread's end. tgkill is added for the own
 * process alone: abort(3) needs it. */
static const struct hardening_rule common[] = {
    ANY(brk),
    ANY(clock_gettime),
    ANY(clock_nanosleep),
    ANY(exit),
    ANY(exit_group),
    ANY(futex),
    ANY(getcpu),
    ANY(getpid),
    ANY(gettid),
    ANY(gettimeofday),
    ANY(madvise),
    WITHOUT(mmap, 2, PROT_EXEC),
    WITHOUT(mprotect, 2, PROT_EXEC),
    ANY(mremap),
    ANY(munmap),
    ANY(nanosleep),
    ANY(restart_syscall),
    ANY(rt_sigprocmask),
    ANY(rt_sigreturn),
    ANY(sched_getaffinity),
    ANY(sched_yield),
    ANY(time),
    ANY(write),
    ANY(writev),
};

/* Descriptors that are open: AF_XDP's and AF_PACKET's rings are kicked, consumers woken, and EAL
 * speaks to its lcores through pipes. */
static const struct hardening_rule worker[] = {
    ANY(poll), ANY(ppoll), ANY(read), ANY(recvfrom), ANY(sendto),
};

/* Drivers that move each packet by a call: net_tap, net_pcap, and those nobody has tried. */
static const struct hardening_rule worker_foreign[] = {
    ANY(epoll_wait), ANY(ioctl),  ANY(pselect6), ANY(readv),   ANY(recvmmsg),
    ANY(recvmsg),    ANY(select), ANY(sendmmsg), ANY(sendmsg),
};

/* Answers of the lookup program come through a pipe that is open. */
static const struct hardening_rule handshake[] = {
    ANY(getrandom),
    ANY(read),
};

static const struct hardening_rule events[] = {
    ANY(close),     ANY(epoll_create),    ANY(epoll_create1),
    ANY(epoll_ctl), ANY(epoll_pwait),     ANY(epoll_wait),
    ANY(read),      ANY(timerfd_settime), ANY(timerfd_gettime),
};

static const struct hardening_rule control[] = {
    /* clients and consumers; clone3 is refused with ENOSYS, so that clone's flags can be seen */
    ANY(accept4),
    ANY(close),
    ALL_OF(clone, 0, CLONE_THREAD | CLONE_SIGHAND | CLONE_VM),
    ANY(epoll_ctl),
    ANY(epoll_pwait),
    ANY(epoll_wait),
    ANY(fcntl),
    ANY(ftruncate),
    ANY(getegid),
    ANY(geteuid),
    ANY(getgid),
    ANY(getrandom),
    ANY(getsockname),
    ANY(getsockopt),
    ANY(getuid),
    ANY(memfd_create),
    ANY(poll),
    ANY(ppoll),
    ANY(recvfrom),
    ANY(recvmsg),
    ANY(rseq),
    ANY(sched_getaffinity),
    ANY(sendmsg),
    EQUALS(sendto, 4, 0), /* no address: whom the socket is connected to */
    ANY(set_robust_list),
    ANY(setsockopt),
    ANY(shutdown),
    EQUALS(socketpair, 0, AF_UNIX),
    ANY(sysinfo),
    EQUALS(prctl, 0, PR_SET_NAME),
    /* files of a reload: to be read, never to be made or written */
    ANY(access),
    ANY(faccessat),
    ANY(faccessat2),
    ANY(fstat),
    ANY(getdents64),
    ANY(lseek),
    ANY(lstat),
    ANY(newfstatat),
    WITHOUT(open, 1, O_WRONLY | O_RDWR | O_CREAT | O_TRUNC),
    WITHOUT(openat, 2, O_WRONLY | O_RDWR | O_CREAT | O_TRUNC),
    ANY(pread64),
    ANY(read),
    ANY(readlink),
    ANY(stat),
    ANY(statx),
    /* the end: sockets removed; interfaces and their XDP programs as they were found */
    EQUALS(bpf, 0, BPF_MAP_DELETE_ELEM),
    EQUALS(bpf, 0, BPF_MAP_LOOKUP_ELEM),
    EQUALS(bpf, 0, BPF_MAP_UPDATE_ELEM),
    EQUALS(bpf, 0, BPF_MAP_GET_FD_BY_ID),
    EQUALS(bpf, 0, BPF_OBJ_GET_INFO_BY_FD),
    EQUALS(bpf, 0, BPF_PROG_GET_FD_BY_ID),
    EQUALS(bpf, 0, BPF_PROG_GET_NEXT_ID),
    ANY(bind),
    ANY(flock),
    EQUALS(ioctl, 1, SIOCETHTOOL),
    EQUALS(ioctl, 1, SIOCGIFFLAGS),
    EQUALS(ioctl, 1, SIOCSIFFLAGS),
    EQUALS(ioctl, 1, TCGETS),
    SOCKET(AF_INET, SOCK_DGRAM), /* for those ioctls */
    EQUALS(socket, 0, AF_NETLINK),
    ANY(uname),
    ANY(unlink),
    ANY(unlinkat),
    ANY(statfs), /* libxdp looks for a bpffs */
};

/* What drivers do when links come and go, peers of net_memif among them, and when they are closed.
 */
static const struct hardening_rule control_foreign[] = {
    ANY(accept),     ANY(accept4),     ANY(bind),           ANY(close),      ANY(connect),
    ANY(epoll_ctl),  ANY(eventfd2),    ANY(fcntl),          ANY(fstat),      ANY(ftruncate),
    ANY(getdents64), ANY(getpeername), ANY(getsockname),    ANY(getsockopt), ANY(ioctl),
    ANY(listen),     ANY(lseek),       ANY(memfd_create),   ANY(newfstatat), ANY(openat),
    ANY(pread64),    ANY(pwrite64),    ANY(read),           ANY(readlink),   ANY(recvfrom),
    ANY(recvmsg),    ANY(sendmsg),     ANY(sendto),         ANY(setsockopt), ANY(shutdown),
    ANY(socket),     ANY(socketpair),  ANY(timerfd_create), ANY(unlink),
};

unsigned hardening_lists(enum sl_thread_kind kind, bool foreign_device,
                         struct hardening_list *lists)
{
    static const struct hardening_list own[SL_THREAD_KINDS] = {
        [SL_THREAD_WORKER] = {worker, sizeof worker / sizeof worker[0]},
        [SL_THREAD_HANDSHAKE] = {handshake, sizeof handshake / sizeof handshake[0]},
        [SL_THREAD_EVENTS] = {events, sizeof events / sizeof events[0]},
        [SL_THREAD_CONTROL] = {control, sizeof control / sizeof control[0]},
    };
    unsigned count = 0;
    lists[count++] = LIST(common);
    lists[count++] = own[kind];
    if (foreign_device && kind == SL_THREAD_WORKER)
        lists[count++] = LIST(worker_foreign);
    if (foreign_device && (kind == SL_THREAD_EVENTS || kind == SL_THREAD_CONTROL))
        lists[count++] = LIST(control_foreign);
    return count;
}
