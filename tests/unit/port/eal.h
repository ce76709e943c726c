/** DPDK in the test process, on ordinary pages, without a device of the machine. */
#ifndef PORT_TEST_EAL_H
#define PORT_TEST_EAL_H

extern "C" {
#include "sl_port.h"
}

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include <rte_eal.h>

namespace test
{

/** Once in the process: EAL can't be started twice. */
inline void start_eal()
{
    static bool started = false;
    if (started)
        return;
    std::vector<std::string> words = {"unit_port",
                                      "--no-huge",
                                      "-m",
                                      "256",
                                      "--no-pci",
                                      "--no-shconf",
                                      "--no-telemetry",
                                      "--lcores=0@(0-1)",
                                      "--log-level=*:1"};
    static std::vector<std::string> kept = words;
    static std::vector<char *> arguments;
    for (std::string &word : kept)
        arguments.push_back(word.data());
    ASSERT_GE(rte_eal_init((int)arguments.size(), arguments.data()), 0);
    started = true;
}

/** A group over devices of DPDK, and what its creation said. */
class Group
{
  public:
    explicit Group(std::vector<const char *> devices, unsigned queues = 1) : devices_(devices)
    {
        start_eal();
        for (unsigned i = 0; i < 256; i++)
            owners_[i] = (uint8_t)(i % queues);
        config.driver = SL_PORT_DPDK;
        config.devices = devices_.data();
        config.device_count = (unsigned)devices_.size();
        config.queue_count = queues;
        config.frames_per_queue = 2047;
        config.rss_key = key_;
        config.shard_owner = owners_;
    }
    ~Group()
    {
        sl_port_destroy(port);
    }
    int create()
    {
        log().clear();
        return sl_port_create(
            &config, [](const char *line) { log().push_back(line); }, &port, reason);
    }
    static std::vector<std::string> &log()
    {
        static std::vector<std::string> lines;
        return lines;
    }

    sl_port_config config{};
    sl_port *port = nullptr;
    char reason[256] = "";

  private:
    std::vector<const char *> devices_;
    uint8_t key_[40] = {1};
    uint8_t owners_[256];
};

} // namespace test

#endif
