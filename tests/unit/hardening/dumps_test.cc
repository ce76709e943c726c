/** Nothing of the process's memory gets into a file, nor into a debugger of the same user. */
#include "hardened_child.h"

#include <openssl/crypto.h>
#include <openssl/ec.h>
#include <openssl/evp.h>
#include <openssl/rsa.h>
#include <sys/prctl.h>
#include <sys/resource.h>

using test::begun;
using test::Ending;
using test::in_child;

TEST(HardeningDumps, TheProcessCanNotBeDumped)
{
    Ending ending = in_child([] {
        begun();
        rlimit limit{};
        getrlimit(RLIMIT_CORE, &limit);
        return prctl(PR_GET_DUMPABLE) * 2 + (limit.rlim_cur != 0 || limit.rlim_max != 0);
    });
    EXPECT_EQ(ending.how, "exit 0") << ending.said;
}

TEST(HardeningDumps, NorAfterAChangeOfTheUser)
{
    if (geteuid() != 0)
        GTEST_SKIP() << "only root can become somebody else";
    for (bool core_dumps : {false, true}) {
        Ending ending = in_child([&] {
            sl_hardening_config config = test::hardening_config();
            config.core_dumps = core_dumps;
            sl_hardening *hardening = begun(config);
            sl_hardening_user nobody{};
            char reason[SL_HARDENING_REASON_LEN];
            if (sl_hardening_find_user("nobody", &nobody) != 0 ||
                sl_hardening_change_user(hardening, &nobody, reason) != 0)
                return 9;
            return prctl(PR_GET_DUMPABLE);
        });
        EXPECT_EQ(ending.how, core_dumps ? "exit 1" : "exit 0") << ending.said;
    }
}

TEST(HardeningDumps, UnlessItIsAskedFor)
{
    Ending ending = in_child([] {
        rlimit limit{4096, 4096};
        setrlimit(RLIMIT_CORE, &limit);
        sl_hardening_config config = test::hardening_config();
        config.core_dumps = true;
        begun(config);
        getrlimit(RLIMIT_CORE, &limit);
        return prctl(PR_GET_DUMPABLE) == 1 && limit.rlim_cur == 4096 ? 0 : 1;
    });
    EXPECT_EQ(ending.how, "exit 0") << ending.said;
}

// Whether the mapping that holds an address is marked as one that no dump has ("dd").
static bool is_left_out(const void *at)
{
    std::ifstream smaps("/proc/self/smaps");
    bool is_inside = false;
    for (std::string line; std::getline(smaps, line);) {
        unsigned long begin, end;
        if (sscanf(line.c_str(), "%lx-%lx ", &begin, &end) == 2)
            is_inside = (unsigned long)at >= begin && (unsigned long)at < end;
        else if (is_inside && line.rfind("VmFlags:", 0) == 0)
            return line.find(" dd ") != std::string::npos;
    }
    return false;
}

TEST(HardeningDumps, PrivateKeysHaveAHeapThatNoDumpHas)
{
    Ending ending = in_child([] {
        if (!sl_hardening_secure_heap(1 << 20) || CRYPTO_secure_used() != 0)
            return 1;
        EVP_PKEY *keys[] = {EVP_EC_gen("P-256"), EVP_RSA_gen(2048),
                            EVP_PKEY_Q_keygen(nullptr, nullptr, "ED25519")};
        size_t used = CRYPTO_secure_used();
        if (used == 0)
            return 2;
        void *probe = OPENSSL_secure_malloc(32);
        if (!CRYPTO_secure_allocated(probe) || !is_left_out(probe))
            return 3;
        OPENSSL_secure_free(probe);
        for (EVP_PKEY *key : keys) {
            size_t before = CRYPTO_secure_used();
            EVP_PKEY_free(key);
            if (CRYPTO_secure_used() >= before)
                return 4; // a kind of key that is kept elsewhere
        }
        return 0;
    });
    EXPECT_EQ(ending.how, "exit 0") << ending.said;
}
