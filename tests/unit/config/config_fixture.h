/** A configuration of a few lines, loaded from a file of its own. */
#ifndef CONFIG_FIXTURE_H
#define CONFIG_FIXTURE_H

extern "C" {
#include "sl_config.h"
}

#include <gtest/gtest.h>
#include <unistd.h>

#include <chrono>
#include <fstream>
#include <string>

inline const char kGood[] = "workers: 2\n"                  // 1
                            "ports:\n"                      // 2
                            "  - interface: va\n"           // 3
                            "    addresses: [198.18.0.1]\n" // 4
                            "listeners:\n"                  // 5
                            "  - port: 4433\n"              // 6
                            "    service: echo\n"           // 7
                            "certificates:\n"               // 8
                            "  - certificate: server.crt\n" // 9
                            "    key: server.key\n";        // 10

class Config : public ::testing::Test
{
  protected:
    Config() : path(::testing::TempDir() + "sluice-config-" + std::to_string(getpid()) + ".yaml") {}
    ~Config() override
    {
        sl_config_destroy(config);
        unlink(path.c_str());
    }
    bool Load(const std::string &text)
    {
        std::ofstream(path, std::ios::binary) << text;
        sl_config_destroy(config);
        config = sl_config_load(path.c_str(), error, sizeof error);
        return config != nullptr;
    }
    // The error without the file's name: "LINE: reason".
    std::string ErrorOf(const std::string &text)
    {
        if (Load(text))
            return "none";
        std::string whole = error;
        EXPECT_EQ(whole.compare(0, path.size() + 1, path + ":"), 0) << whole;
        return whole.substr(path.size() + 1);
    }
    static std::string Replace(std::string text, const std::string &from, const std::string &to)
    {
        text.replace(text.find(from), from.size(), to);
        return text;
    }
    std::string path;
    char error[512];
    sl_config *config = nullptr;
};

#endif
