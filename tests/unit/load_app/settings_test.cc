extern "C" {
#include "settings.h"
}

#include <gtest/gtest.h>

namespace
{

// The sources that so many clients use of those in `from`; "": the kernel's choice.
sl_load_sources Chosen(const char *from, uint32_t clients, double rebind = 0)
{
    char reason[VALUE_REASON_LEN];
    struct plan plan;
    memset(&plan, 0, sizeof plan);
    plan.clients = clients;
    plan.rebind = rebind;
    if (*from != '\0') {
        EXPECT_TRUE(value_read_sources(from, &plan.sources, reason)) << reason;
    }
    return settings_choose_sources(&plan);
}

} // namespace

TEST(Settings, WithoutAddressesTheKernelChoosesForEachClient)
{
    sl_load_sources sources = Chosen("", 1000);
    EXPECT_EQ(sources.ip_count, 1u);
    EXPECT_EQ(sources.first_port, 0);
    EXPECT_EQ(sources.port_count, 1000u);
}

TEST(Settings, ClientsAreSpreadOverAllAddresses)
{
    sl_load_sources sources = Chosen("198.18.0.2-198.18.0.9:1024-65535", 1000);
    EXPECT_EQ(sources.ip_count, 8u);
    EXPECT_EQ(sources.first_port, 1024);
    EXPECT_EQ(sources.port_count, 125u);
    sources = Chosen("198.18.0.2-198.18.0.9", 1001);
    EXPECT_EQ(sources.ip_count, 8u);
    EXPECT_EQ(sources.first_port, 0);
    EXPECT_EQ(sources.port_count, 126u);
}

TEST(Settings, NoMoreThanAreOfUse)
{
    sl_load_sources sources = Chosen("198.0.0.0/8:1-65535", 3);
    EXPECT_EQ(sources.ip_count, 3u);
    EXPECT_EQ(sources.port_count, 1u);
}

TEST(Settings, WhoRebindsNeedsSpareOnes)
{
    EXPECT_EQ(Chosen("", 1000, 0.01).port_count, 2000u);
    sl_load_sources sources = Chosen("198.18.0.2:1000-1009", 8, 0.01);
    EXPECT_EQ(sources.port_count, 10u) << "all there are";
}

TEST(Settings, WhoResumesKeepsASessionForEachClientOfAnEngine)
{
    char server[] = "127.0.0.1:4433", reason[SETTINGS_REASON_LEN];
    struct plan plan;
    memset(&plan, 0, sizeof plan);
    plan.server = server;
    plan.is_insecure = true;
    plan.clients = 101;
    plan.cores = 2;
    for (bool resumes : {false, true}) {
        struct settings settings;
        plan.resumes = resumes;
        ASSERT_TRUE(settings_make(&settings, &plan, reason)) << reason;
        EXPECT_EQ(settings.client.tickets, resumes);
        EXPECT_EQ(settings.client.sessions_max, resumes ? 51u : 0u);
        settings_wipe(&settings);
    }
}
