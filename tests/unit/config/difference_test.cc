extern "C" {
#include "sl_config.h"
}

#include <gtest/gtest.h>
#include <unistd.h>

#include <fstream>
#include <memory>
#include <string>

namespace
{

const std::string kRest = "ports: [{interface: va, addresses: [198.18.0.1]}]\n"
                          "listeners: [{port: 4433, service: echo}]\n"
                          "certificates: [{certificate: a.crt, key: a.key}]\n";

using Config = std::unique_ptr<sl_config, void (*)(sl_config *)>;

Config Load(const std::string &text)
{
    const std::string path =
        ::testing::TempDir() + "sluice-difference-" + std::to_string(getpid()) + ".yaml";
    char error[512] = "";
    std::ofstream(path) << text;
    Config config(sl_config_load(path.c_str(), error, sizeof error), sl_config_destroy);
    unlink(path.c_str());
    EXPECT_NE(config, nullptr) << error;
    return config;
}

std::string Differences(const std::string &a, const std::string &b, unsigned max = 16)
{
    Config x = Load(a), y = Load(b);
    const char *keys[16];
    std::string all;
    unsigned count = sl_config_differences(x.get(), y.get(), keys, max);
    for (unsigned i = 0; i < count; i++)
        all += std::string(i > 0 ? " " : "") + keys[i];
    return all;
}

} // namespace

TEST(ConfigDifference, OfAFileAndItselfIsNone)
{
    EXPECT_EQ(Differences(kRest, kRest), "");
    EXPECT_EQ(Differences("workers: 2\nsessions: 7\n" + kRest,
                          kRest + "sessions: 7 # another place, and words\nworkers: 2\n"),
              "");
}

TEST(ConfigDifference, NamesKeysThatAreThereOnceOrSayOtherThings)
{
    EXPECT_EQ(Differences("workers: 2\n" + kRest, "workers: 3\n" + kRest), "workers");
    EXPECT_EQ(Differences("workers: 2\n" + kRest, "sessions: 7\n" + kRest), "workers sessions");
    EXPECT_EQ(Differences("workers: 2\n" + kRest, "sessions: 7\n" + kRest, 1), "workers");
}

TEST(ConfigDifference, LooksIntoListsAndMappings)
{
    const std::string lists = "admission: {deny: [192.0.2.1, 192.0.2.2], allow: []}\n" + kRest;
    EXPECT_EQ(Differences(lists, "admission: {allow: [], deny: [192.0.2.1, 192.0.2.2]}\n" + kRest),
              "");
    for (const char *other :
         {"{deny: [192.0.2.1, 192.0.2.3], allow: []}", "{deny: [192.0.2.1], allow: []}",
          "{deny: [192.0.2.1, 192.0.2.2]}", "{allow: [192.0.2.1, 192.0.2.2], deny: []}"})
        EXPECT_EQ(Differences(lists, std::string("admission: ") + other + "\n" + kRest),
                  "admission")
            << other;
    std::string other = kRest;
    other.replace(other.find("a.key"), 5, "b.key");
    EXPECT_EQ(Differences(kRest, other), "certificates");
}
