// An interface of the kernel's is one port's alone, over all processes.
#include "veth.h"

using namespace test;

// DPDK's driver, in giving AF_XDP up, would take the first one's XDP program away.
TEST(PortClaim, IsOnePortsAloneUntilThatOneHasEnded)
{
    for (sl_port_driver driver : {SL_PORT_AF_XDP, SL_PORT_AF_PACKET}) {
        Veth veth(1);
        On second(SL_PORT_AUTO, 1);
        second.config.group = 1;
        {
            On first(driver, 1);
            ASSERT_EQ(0, first.create()) << first.reason;
            ASSERT_TRUE(opens(veth, first.port, 1));
            ASSERT_EQ(-EBUSY, second.create());
            EXPECT_NE(std::string::npos, std::string(second.reason).find("interface va is in use"))
                << second.reason;
            EXPECT_TRUE(Group::log().empty()) << "it tried nothing";
            exchange(veth, first.port, 1, 100);
        }
        EXPECT_EQ(0, second.create()) << second.reason;
    }
}

TEST(PortClaim, IsFreeAgainWhenAPortCouldNotBeMade)
{
    Veth veth(1, 9000);
    On first(SL_PORT_AF_XDP, 1), second(SL_PORT_AF_PACKET, 1);
    ASSERT_EQ(-EMSGSIZE, first.create());
    EXPECT_EQ(0, second.create()) << second.reason;
}

TEST(PortClaim, OfTheSameNameAndNumberElsewhereIsAnotherOne)
{
    Veth veth(1);
    On first(SL_PORT_AF_XDP, 1), second(SL_PORT_AF_PACKET, 1);
    second.config.group = 1;
    ASSERT_EQ(0, first.create()) << first.reason;
    std::string number = std::to_string(if_nametoindex("va"));
    int home = ::open("/proc/thread-self/ns/net", O_RDONLY | O_CLOEXEC);
    ASSERT_LE(0, home);
    ASSERT_EQ(0, unshare(CLONE_NEWNET));
    run("ip link add va index " + number + " type veth peer name vb");
    EXPECT_EQ(0, second.create()) << second.reason;
    sl_port_destroy(second.port);
    second.port = nullptr;
    Veth::remove_claims();
    EXPECT_EQ(0, setns(home, CLONE_NEWNET));
    close(home);
}

TEST(PortClaim, LeavesOtherInterfacesToOthers)
{
    Veth veth(1);
    On first(SL_PORT_AF_XDP, 1), second(SL_PORT_AF_PACKET, 1);
    second.config.group = 1;
    second.config.interface = "vb";
    ASSERT_EQ(0, first.create()) << first.reason;
    EXPECT_EQ(0, second.create()) << second.reason;
}

TEST(PortClaim, GoesWithoutAClaimWhereNoneCanBeMade)
{
    Veth veth(1);
    On group(SL_PORT_AF_PACKET, 1);
    std::string file = "/run/sluice-interface-$(stat -Lc %i /proc/self/ns/net)-" +
                       std::to_string(if_nametoindex("va")) + ".lock";
    run("mkdir " + file); // for somebody who is not root, all of /run is as closed
    EXPECT_EQ(0, group.create()) << group.reason;
    run("rmdir " + file);
}
