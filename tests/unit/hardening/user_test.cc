/** Another user, his groups, no capabilities; and what he could do, asked before. Root's tests. */
#include "hardened_child.h"

#include <fcntl.h>
#include <grp.h>
#include <pthread.h>
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

TEST_F(HardeningUser, WhatItCanRemoveDependsOnTheFolder)
{
    EXPECT_EQ(sl_hardening_can_remove(&nobody, file.c_str()), -EACCES);
    ASSERT_EQ(chown(folder.c_str(), nobody.uid, (gid_t)-1), 0);
    EXPECT_EQ(sl_hardening_can_remove(&nobody, file.c_str()), 0);
    EXPECT_EQ(sl_hardening_can_remove(&nobody, "/nonexistent/folder/file"), -ENOENT);
    EXPECT_EQ(sl_hardening_can_remove(&nobody, "/file"), -EACCES);
}
