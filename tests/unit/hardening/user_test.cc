/** Another user, his groups, no capabilities; and what he could do, asked before. Root's tests. */
#include "hardened_child.h"

#include <fcntl.h>
#include <grp.h>
#include <pthread.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>

#include <fstream>

using test::begun;
using test::Ending;
using test::in_child;
using test::status_of_thread;

namespace
{

const char *const kNone = "0000000000000000";
const char *const kNetAdmin = "0000000000001000"; // bit 12, capability.h

struct HardeningUser : testing::Test {
    void SetUp() override
    {
        if (geteuid() != 0)
            GTEST_SKIP() << "only root can become somebody else";
        ASSERT_EQ(sl_hardening_find_user("nobody", &nobody), 0);
        char name[] = "/tmp/sluice-user-XXXXXX";
        folder = mkdtemp(name);
        ASSERT_EQ(chmod(folder.c_str(), 0755), 0);
        file = folder + "/key";
        std::ofstream(file) << "secret";
        ASSERT_EQ(chmod(file.c_str(), 0644), 0);
    }
    void TearDown() override
    {
        unlink(file.c_str());
        rmdir(folder.c_str());
    }
    sl_hardening_user nobody{};
    std::string folder, file;
};

std::string capabilities()
{
    return status_of_thread("CapEff") + " " + status_of_thread("CapPrm") + " " +
           status_of_thread("CapInh") + " " + status_of_thread("CapAmb");
}

std::string all_are(const std::string &set)
{
    return set + " " + set + " " + kNone + " " + kNone;
}

// What is not as it should be, or nothing.
std::string check_thread(const sl_hardening_user &user, const std::string &set)
{
    std::string uid = std::to_string(user.uid), gid = std::to_string(user.gid), tab = "\t";
    if (status_of_thread("Uid") != uid + tab + uid + tab + uid + tab + uid)
        return "Uid " + status_of_thread("Uid");
    if (status_of_thread("Gid") != gid + tab + gid + tab + gid + tab + gid)
        return "Gid " + status_of_thread("Gid");
    if (status_of_thread("Groups") != gid + " ")
        return "Groups '" + status_of_thread("Groups") + "'";
    if (capabilities() != all_are(set))
        return capabilities();
    if (status_of_thread("CapBnd") != kNone)
        return "CapBnd " + status_of_thread("CapBnd");
    return status_of_thread("NoNewPrivs") == "1" ? "" : "may gain privileges";
}

int say(const std::string &what)
{
    (void)!write(STDERR_FILENO, what.data(), what.size());
    return what.empty() ? 0 : 1;
}

} // namespace

TEST_F(HardeningUser, EveryThreadBecomesTheUserAndLosesAllCapabilities)
{
    Ending ending = in_child([&] {
        const gid_t groups[] = {0, 4, 27};
        if (setgroups(3, groups) != 0)
            return say("cannot set groups");
        sl_hardening_config config = test::hardening_config();
        config.seccomp = SL_SECCOMP_OFF; // files are to be read afterwards
        sl_hardening *hardening = begun(config);
        struct Other {
            sl_hardening_user user;
            pthread_barrier_t before, after;
            std::string wrong;
        } other{nobody, {}, {}, "not looked"};
        pthread_barrier_init(&other.before, nullptr, 2);
        pthread_barrier_init(&other.after, nullptr, 2);
        pthread_t thread; // as EAL's: it is there before the change
        pthread_create(
            &thread, nullptr,
            [](void *arg) -> void * {
                auto *o = static_cast<Other *>(arg);
                pthread_barrier_wait(&o->before);
                pthread_barrier_wait(&o->after);
                o->wrong = check_thread(o->user, kNone);
                return nullptr;
            },
            &other);
        pthread_barrier_wait(&other.before);
        char reason[SL_HARDENING_REASON_LEN];
        if (sl_hardening_change_user(hardening, &nobody, reason) != 0)
            return say(reason);
        pthread_barrier_wait(&other.after);
        pthread_join(thread, nullptr);
        return say(other.wrong + check_thread(nobody, kNone)) + (setuid(0) == 0 ? 2 : 0);
    });
    EXPECT_EQ(ending.how, "exit 0") << ending.said;
}

TEST_F(HardeningUser, TheControlThreadAloneKeepsWhatInterfacesNeed)
{
    Ending ending = in_child([&] {
        sl_hardening_config config = test::hardening_config();
        config.network_admin = true;
        static sl_hardening *hardening = begun(config);
        char reason[SL_HARDENING_REASON_LEN];
        if (sl_hardening_change_user(hardening, &nobody, reason) != 0)
            return say(reason);
        std::string wrong = check_thread(nobody, kNetAdmin);
        static std::string other = "not looked";
        pthread_t thread; // made after the change: it begins with what this one has
        pthread_create(
            &thread, nullptr,
            [](void *) -> void * {
                int status = open("/proc/thread-self/status", O_RDONLY);
                if (sl_hardening_enter_thread(hardening, SL_THREAD_WORKER) != 0)
                    return nullptr;
                static char text[8192];
                (void)!read(status, text, sizeof text - 1);
                other = strstr(text, "CapEff:\t0000000000000000") ? "" : text;
                return nullptr;
            },
            nullptr);
        pthread_join(thread, nullptr);
        if (sl_hardening_enter_thread(hardening, SL_THREAD_CONTROL) != 0)
            return say("cannot enter");
        return say(wrong + other + check_thread(nobody, kNetAdmin));
    });
    EXPECT_EQ(ending.how, "exit 0") << ending.said;
}

TEST_F(HardeningUser, WhoStaysRootLosesTheCapabilitiesAllTheSame)
{
    Ending ending = in_child([&] {
        sl_hardening *hardening = begun();
        if (sl_hardening_enter_thread(hardening, SL_THREAD_CONTROL) != 0)
            return say("cannot enter");
        return say(capabilities() == all_are(kNone) ? "" : capabilities());
    });
    EXPECT_EQ(ending.how, "exit 0") << ending.said;
}

TEST_F(HardeningUser, OnlyRootCanBecomeSomebodyElse)
{
    Ending ending = in_child([&] {
        if (setgid(1234) != 0 || setuid(1234) != 0)
            return 9;
        sl_hardening *hardening = begun();
        char reason[SL_HARDENING_REASON_LEN];
        int error = sl_hardening_change_user(hardening, &nobody, reason);
        say(reason);
        return error == 0 ? 1 : 0;
    });
    EXPECT_EQ(ending.how, "exit 0");
    EXPECT_EQ(ending.said.rfind("can't become user 'nobody': ", 0), 0u) << ending.said;
}

TEST_F(HardeningUser, AnUnknownUserIsNotFound)
{
    sl_hardening_user user{};
    EXPECT_EQ(sl_hardening_find_user("no-such-user-here", &user), -ENOENT);
}

TEST_F(HardeningUser, WhatItCanReadIsWhatTheKernelSays)
{
    EXPECT_EQ(sl_hardening_can_read(&nobody, file.c_str()), 0);
    EXPECT_EQ(sl_hardening_can_read(&nobody, (folder + "/none").c_str()), -ENOENT);
    ASSERT_EQ(chmod(file.c_str(), 0600), 0);
    EXPECT_EQ(sl_hardening_can_read(&nobody, file.c_str()), -EACCES);
    ASSERT_EQ(chown(file.c_str(), nobody.uid, (gid_t)-1), 0);
    EXPECT_EQ(sl_hardening_can_read(&nobody, file.c_str()), 0);
    ASSERT_EQ(chmod(folder.c_str(), 0700), 0);
    EXPECT_EQ(sl_hardening_can_read(&nobody, file.c_str()), -EACCES) << "the folder is closed";
    sl_hardening_user root{"root", 0, 0};
    EXPECT_EQ(sl_hardening_can_read(&root, file.c_str()), 0);
    EXPECT_EQ(geteuid(), 0u) << "this process has stayed what it was";
}

TEST_F(HardeningUser, WhatItCanRunIsWhatTheKernelSays)
{
    ASSERT_EQ(chmod(file.c_str(), 0744), 0);
    EXPECT_EQ(sl_hardening_can_run(&nobody, file.c_str()), -EACCES);
    ASSERT_EQ(chmod(file.c_str(), 0745), 0);
    EXPECT_EQ(sl_hardening_can_run(&nobody, file.c_str()), 0);
    ASSERT_EQ(chmod(folder.c_str(), 0700), 0);
    EXPECT_EQ(sl_hardening_can_run(&nobody, file.c_str()), -EACCES) << "the folder is closed";
    EXPECT_EQ(sl_hardening_can_run(&nobody, (folder + "/none").c_str()), -EACCES);
    ASSERT_EQ(chmod(folder.c_str(), 0755), 0);
    EXPECT_EQ(sl_hardening_can_run(&nobody, (folder + "/none").c_str()), -ENOENT);
}

// What stands of it in a program that the process starts: nothing there gives anything back.
static std::string status_of_program(const sl_hardening_user *user)
{
    Ending ending = in_child([&] {
        const gid_t groups[] = {0, 4, 27};
        const rlimit core{4096, 4096};
        char reason[SL_HARDENING_REASON_LEN];
        if (setrlimit(RLIMIT_CORE, &core) != 0 || setgroups(3, groups) != 0 ||
            sl_hardening_enter_helper(user, reason) != 0)
            return say("cannot enter: " + std::string(reason));
        dup2(STDERR_FILENO, STDOUT_FILENO);
        execl("/bin/sh", "sh", "-c",
              "sed -nE 's/^(Uid|Gid|Groups|NoNewPrivs|Cap...):[[:space:]]*//p' /proc/self/status | "
              "tr '\\n\\t' ' ,'; ulimit -c",
              (char *)nullptr);
        return 9;
    });
    return ending.how + ": " + ending.said;
}

TEST_F(HardeningUser, AProcessThatStartsProgramsHasNothingToGiveThem)
{
    const std::string none = std::string(kNone) + " ", caps = none + none + none + none + none;
    auto ids = [](const std::string &id) { return id + "," + id + "," + id + "," + id + " "; };
    const std::string uid = std::to_string(nobody.uid), gid = std::to_string(nobody.gid);
    EXPECT_EQ(status_of_program(&nobody),
              "exit 0: " + ids(uid) + ids(gid) + gid + "  " + caps + "1 0\n");
    EXPECT_EQ(status_of_program(nullptr),
              "exit 0: " + ids("0") + ids("0") + "0 4 27  " + caps + "1 0\n");
}

TEST_F(HardeningUser, NobodyAttachesToAProcessThatStartsPrograms)
{
    for (bool has_user : {true, false}) {
        const sl_hardening_user *user = has_user ? &nobody : nullptr;
        Ending ending = in_child([&] {
            char reason[SL_HARDENING_REASON_LEN];
            if (sl_hardening_enter_helper(user, reason) != 0)
                return say(reason);
            if (capabilities() != all_are(kNone))
                return say(capabilities());
            const std::string own = "/proc/" + std::to_string(getpid()) + "/";
            if (fork() == 0) { // as the same user
                bool is_open = open((own + "maps").c_str(), O_RDONLY) >= 0 ||
                               open((own + "fd/2").c_str(), O_WRONLY) >= 0;
                _exit(is_open && user != nullptr ? say("open") : 0); // root's files are root's
            }
            int status = 1;
            wait(&status);
            return WEXITSTATUS(status) * 2 + prctl(PR_GET_DUMPABLE);
        });
        EXPECT_EQ(ending.how, "exit 0") << ending.said;
    }
}

TEST_F(HardeningUser, WhatItCanRemoveDependsOnTheFolder)
{
    EXPECT_EQ(sl_hardening_can_remove(&nobody, file.c_str()), -EACCES);
    ASSERT_EQ(chown(folder.c_str(), nobody.uid, (gid_t)-1), 0);
    EXPECT_EQ(sl_hardening_can_remove(&nobody, file.c_str()), 0);
    EXPECT_EQ(sl_hardening_can_remove(&nobody, "/nonexistent/folder/file"), -ENOENT);
    EXPECT_EQ(sl_hardening_can_remove(&nobody, "/file"), -EACCES);
}
