#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

#include "raw_consumer.h"
#include "test_gateway.h"

namespace
{

struct RegistryCreate : testing::Test {
    test::TempDir dir;
    std::string path = dir.file("consumers.sock");
    const char *services[1] = {"echo"};
    sl_registry_config config{};
    sl_registry *registry = nullptr;
    char reason[256] = "";

    RegistryCreate()
    {
        config.socket_path = path.c_str();
        config.socket_mode = 0640;
        config.services = services;
        config.service_count = 1;
        config.worker_count = 1;
        config.ring_size = 65536;
        config.generation = 7;
    }
    ~RegistryCreate() override
    {
        sl_registry_destroy(registry);
    }

    int create()
    {
        return sl_registry_create(&config, &registry, reason);
    }

    void leave_socket() // as a gateway that was killed
    {
        sockaddr_un address{};
        address.sun_family = AF_UNIX;
        strcpy(address.sun_path, path.c_str());
        int fd = socket(AF_UNIX, SOCK_SEQPACKET, 0);
        ASSERT_EQ(bind(fd, reinterpret_cast<sockaddr *>(&address), sizeof address), 0);
        close(fd);
    }

    void expect_refused(int error)
    {
        EXPECT_EQ(create(), error);
        EXPECT_EQ(registry, nullptr);
        EXPECT_STRNE(reason, "");
    }
};

TEST_F(RegistryCreate, ListensWithThePermissionsAskedFor)
{
    ASSERT_EQ(create(), 0) << reason;
    struct stat status;
    ASSERT_EQ(stat(path.c_str(), &status), 0);
    EXPECT_TRUE(S_ISSOCK(status.st_mode));
    EXPECT_EQ(status.st_mode & 0777, 0640u);
    EXPECT_GE(sl_registry_fd(registry), 0);
}

TEST_F(RegistryCreate, RemovesItsSocketAtTheEnd)
{
    ASSERT_EQ(create(), 0) << reason;
    sl_registry_destroy(registry);
    registry = nullptr;
    EXPECT_NE(access(path.c_str(), F_OK), 0);
}

TEST_F(RegistryCreate, ReplacesAStaleSocket)
{
    leave_socket();
    EXPECT_EQ(create(), 0) << reason;
}

TEST_F(RegistryCreate, SaysThatAStaleSocketIsNotItsOwn)
{
    const uid_t before = geteuid();
    leave_socket();
    for (mode_t mode : {0666, 0600}) { // it may be asked, and not removed; neither
        ASSERT_EQ(chmod(path.c_str(), mode), 0);
        ASSERT_EQ(chmod(dir.path.c_str(), 0555), 0);
        ASSERT_EQ(seteuid(before == 0 ? 65534 : before), 0);
        expect_refused(-EACCES);
        ASSERT_EQ(seteuid(before), 0);
        ASSERT_EQ(chmod(dir.path.c_str(), 0700), 0);
        EXPECT_NE(strstr(reason, "a socket is there that this user has no right to"), nullptr)
            << reason;
    }
}

TEST_F(RegistryCreate, LeavesTheSocketOfALivingGatewayAlone)
{
    ASSERT_EQ(create(), 0);
    sl_registry *second = nullptr;
    EXPECT_EQ(sl_registry_create(&config, &second, reason), -EADDRINUSE);
    EXPECT_EQ(second, nullptr);
    EXPECT_NE(strstr(reason, path.c_str()), nullptr) << reason;
    EXPECT_EQ(access(path.c_str(), F_OK), 0);
}

TEST_F(RegistryCreate, LeavesAFileThatIsNoSocketAlone)
{
    FILE *file = fopen(path.c_str(), "w");
    ASSERT_NE(file, nullptr);
    fclose(file);
    expect_refused(-EEXIST);
    EXPECT_EQ(access(path.c_str(), F_OK), 0);
}

TEST_F(RegistryCreate, MakesTheDirectoryOfItsSocket)
{
    std::string parent = dir.path + "/sluice", inside = parent + "/consumers.sock";
    config.socket_path = inside.c_str();
    EXPECT_EQ(create(), 0) << reason << ": /run/sluice is not there on a machine just started";
    sl_registry_destroy(registry);
    registry = nullptr;
    EXPECT_EQ(rmdir(parent.c_str()), 0);
}

TEST_F(RegistryCreate, SaysThatTheDirectoryIsMissing)
{
    std::string missing = dir.path + "/no/such/consumers.sock";
    config.socket_path = missing.c_str();
    expect_refused(-ENOENT);
    EXPECT_NE(strstr(reason, "directory"), nullptr) << reason;
}

TEST_F(RegistryCreate, RefusesAPathThatDoesNotFit)
{
    std::string longest(200, 'x');
    config.socket_path = longest.c_str();
    expect_refused(-ENAMETOOLONG);
}

TEST_F(RegistryCreate, RefusesRingsThatAreNoPowerOfTwo)
{
    config.ring_size = 65536 + 64;
    expect_refused(-EINVAL);
    config.ring_size = 2048;
    expect_refused(-EINVAL);
}

TEST_F(RegistryCreate, RefusesNumbersOutOfRange)
{
    config.worker_count = SL_WORKERS_MAX + 1;
    expect_refused(-EINVAL);
    config.worker_count = 1;
    config.generation = 0;
    expect_refused(-EINVAL);
    config.generation = 1;
    config.service_count = 0;
    expect_refused(-EINVAL);
}

TEST_F(RegistryCreate, RefusesAServiceNameThatNoHelloCanCarry)
{
    services[0] = "a-name-of-thirty-two-characters!";
    expect_refused(-EINVAL);
    services[0] = "";
    expect_refused(-EINVAL);
}

} // namespace
