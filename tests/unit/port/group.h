/** A port group to be tested, and what it says while it is made. */
#ifndef PORT_TEST_GROUP_H
#define PORT_TEST_GROUP_H

extern "C" {
#include "sl_port.h"
}

#include <string>
#include <vector>

#include "eal.h"

namespace test
{

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
