// What a device is asked for, made by hand: no virtual device has a key of another length.
extern "C" {
#include "port_priv.h"
}

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <vector>

namespace
{

class PortRss : public testing::Test
{
  protected:
    PortRss()
    {
        for (size_t i = 0; i < key_.size(); i++)
            key_[i] = (uint8_t)(i + 1);
        port_.config.rss_key = key_.data();
        device_.rx_count = 2;
        dev_.flow_type_rss_offloads = RTE_ETH_RSS_NONFRAG_IPV4_UDP;
    }
    /** The key that a card with one of so many bytes is asked to use. */
    std::vector<uint8_t> asked(uint8_t key_len)
    {
        rte_eth_conf conf{};
        dev_.hash_key_size = key_len;
        port_rss_configure(&port_, &device_, &dev_, &conf);
        const rte_eth_rss_conf &rss = conf.rx_adv_conf.rss_conf;
        EXPECT_EQ(conf.rxmode.mq_mode, RTE_ETH_MQ_RX_RSS);
        if (rss.rss_key == nullptr)
            return {};
        return {rss.rss_key, rss.rss_key + rss.rss_key_len};
    }

    std::array<uint8_t, 40> key_;
    sl_port port_{};
    port_device device_{};
    rte_eth_dev_info dev_{};
};

TEST_F(PortRss, AsksForOurKey)
{
    EXPECT_EQ(asked(40), std::vector<uint8_t>(key_.begin(), key_.end()));
}

TEST_F(PortRss, FillsALongerKeyUpWithZeros)
{
    for (uint8_t len : {52, 64}) {
        std::vector<uint8_t> longer(len);
        std::copy(key_.begin(), key_.end(), longer.begin());
        EXPECT_EQ(asked(len), longer);
    }
}

TEST_F(PortRss, LeavesACardWithAnotherKeyItsOwn)
{
    for (uint8_t len : {0, 16, 39, 65, 255})
        EXPECT_TRUE(asked(len).empty()) << (int)len;
}

} // namespace
