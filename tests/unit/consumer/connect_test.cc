#include <fcntl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>

#include "consumer_fixture.h"

namespace
{

using SluiceConnect = test::ConsumerTest;

/** Something that listens where a gateway should, and answers what it is told to. */
class Impostor
{
  public:
    explicit Impostor(const std::string &path, int type = SOCK_SEQPACKET)
    {
        sockaddr_un address{};
        address.sun_family = AF_UNIX;
        strcpy(address.sun_path, path.c_str());
        fd_ = socket(AF_UNIX, type, 0);
        if (bind(fd_, reinterpret_cast<sockaddr *>(&address), sizeof address) != 0)
            abort();
        listen(fd_, 1);
    }
    ~Impostor()
    {
        if (thread_.joinable())
            thread_.join();
        close(fd_);
    }
    void answer(std::string bytes)
    {
        thread_ = std::thread([this, bytes] {
            char hello[256];
            int fd = accept(fd_, nullptr, nullptr);
            (void)!recv(fd, hello, sizeof hello, 0);
            if (!bytes.empty())
                (void)!send(fd, bytes.data(), bytes.size(), MSG_NOSIGNAL);
            close(fd);
        });
    }

  private:
    int fd_;
    std::thread thread_;
};

sl_ring_reply sound_reply()
{
    sl_ring_reply reply{};
    reply.magic = SL_RING_MAGIC;
    reply.abi_version = SL_RING_ABI_VERSION;
    reply.worker_count = 1;
    reply.ring_size = 65536;
    return reply;
}

std::string bytes_of(const sl_ring_reply &reply)
{
    return {reinterpret_cast<const char *>(&reply), sizeof reply};
}

TEST_F(SluiceConnect, RegistersAndLearnsTheLongestMessage)
{
    start_gateway(3);
    test::Sluice s = connect();
    ASSERT_NE(s, nullptr);
    EXPECT_EQ(sluice_payload_max(s.get()), 1400u);
    EXPECT_TRUE(gateway->has_attachments(3));
    s.reset();
    EXPECT_TRUE(gateway->has_attachments(0)) << "disconnect deregisters";
}

TEST_F(SluiceConnect, LimitsTheLongestMessageToAQuarterOfASmallRing)
{
    start_gateway(1, 4096);
    EXPECT_EQ(sluice_payload_max(connect().get()), 4096u / 4 - sizeof(sl_ring_entry));
}

TEST_F(SluiceConnect, SaysThatNoGatewayIsThere)
{
    sluice *s = nullptr;
    EXPECT_EQ(sluice_connect(path.c_str(), "echo", &s), -ENOENT);
    std::string longest(300, 'x');
    EXPECT_EQ(sluice_connect(longest.c_str(), "echo", &s), -ENOENT);
    EXPECT_EQ(s, nullptr);
}

TEST_F(SluiceConnect, SaysThatNobodyListensAnyMore)
{
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    strcpy(address.sun_path, path.c_str());
    int fd = socket(AF_UNIX, SOCK_SEQPACKET, 0);
    ASSERT_EQ(bind(fd, reinterpret_cast<sockaddr *>(&address), sizeof address), 0);
    close(fd);
    sluice *s = nullptr;
    EXPECT_EQ(sluice_connect(path.c_str(), "echo", &s), -ECONNREFUSED);
}

TEST_F(SluiceConnect, SaysThatTheServiceDoesNotExist)
{
    start_gateway(1);
    sluice *s = nullptr;
    EXPECT_EQ(sluice_connect(path.c_str(), "nothing", &s), -ENXIO);
    EXPECT_EQ(sluice_connect(path.c_str(), "", &s), -ENXIO);
    EXPECT_EQ(sluice_connect(path.c_str(), "a-name-that-is-longer-than-31-bytes", &s), -ENXIO);
    EXPECT_EQ(s, nullptr);
}

TEST_F(SluiceConnect, SaysThatPermissionIsMissing)
{
    start_gateway(1);
    ASSERT_EQ(chmod(path.c_str(), 0), 0);
    pid_t child = fork();
    ASSERT_GE(child, 0);
    if (child == 0) {
        sluice *s = nullptr;
        if (geteuid() == 0 && setuid(65534) != 0)
            _exit(99);
        _exit(-sluice_connect(path.c_str(), "echo", &s));
    }
    int status = 0;
    waitpid(child, &status, 0);
    EXPECT_TRUE(WIFEXITED(status));
    EXPECT_EQ(WEXITSTATUS(status), EACCES);
}

TEST_F(SluiceConnect, SaysThatThereAreTooManyConsumers)
{
    start_gateway(1, 4096);
    std::vector<test::Sluice> all;
    for (unsigned i = 0; i < SL_CONSUMERS_MAX; i++)
        all.push_back(connect());
    sluice *s = nullptr;
    EXPECT_EQ(sluice_connect(path.c_str(), "echo", &s), -EUSERS);
}

TEST_F(SluiceConnect, SaysThatTheGatewayHasAnotherVersion)
{
    Impostor impostor(path);
    sl_ring_reply reply = sound_reply();
    reply.abi_version = SL_RING_ABI_VERSION + 1;
    reply.status = SL_RING_STATUS_ABI;
    impostor.answer(bytes_of(reply));
    sluice *s = nullptr;
    EXPECT_EQ(sluice_connect(path.c_str(), "echo", &s), -EPROTO);
}

TEST_F(SluiceConnect, BelievesNoReplyThatCantBe)
{
    sl_ring_reply no_fds = sound_reply(), status = sound_reply(), magic = sound_reply();
    status.status = 77;
    magic.magic++;
    std::string longer = bytes_of(no_fds) + "x";
    for (const std::string &bytes :
         {bytes_of(no_fds), bytes_of(status), bytes_of(magic), longer, std::string("hello")}) {
        unlink(path.c_str());
        Impostor impostor(path);
        impostor.answer(bytes);
        sluice *s = nullptr;
        EXPECT_EQ(sluice_connect(path.c_str(), "echo", &s), -EPROTO);
        EXPECT_EQ(s, nullptr);
    }
}

TEST_F(SluiceConnect, SaysThatItWasClosedWithoutAnAnswer)
{
    Impostor impostor(path);
    impostor.answer("");
    sluice *s = nullptr;
    EXPECT_EQ(sluice_connect(path.c_str(), "echo", &s), -ECONNREFUSED);
}

TEST_F(SluiceConnect, RefusesASocketOfAnotherKind)
{
    Impostor impostor(path, SOCK_STREAM);
    sluice *s = nullptr;
    EXPECT_EQ(sluice_connect(path.c_str(), "echo", &s), -EPROTO);
}

TEST_F(SluiceConnect, GivesUpOnAGatewayThatDoesNotAnswer)
{
    Impostor impostor(path);
    sluice *s = nullptr;
    uint64_t start = test::now_ns();
    EXPECT_EQ(sluice_connect(path.c_str(), "echo", &s), -ETIMEDOUT);
    EXPECT_GT(test::now_ns() - start, 1000000000ULL);
}

TEST_F(SluiceConnect, SaysThatDescriptorsAreMissingAndKeepsNone)
{
    start_gateway(4);
    pid_t child = fork();
    ASSERT_GE(child, 0);
    if (child == 0) { /* room for its socket and three of the ten that come */
        sluice *s = nullptr;
        int next = open("/dev/null", O_RDONLY | O_CLOEXEC);
        rlimit few = {(rlim_t)next + 4, (rlim_t)next + 4};
        close(next);
        setrlimit(RLIMIT_NOFILE, &few);
        int result = sluice_connect(path.c_str(), "echo", &s);
        _exit(open("/dev/null", O_RDONLY) == next ? -result : 99);
    }
    int status = 0;
    waitpid(child, &status, 0);
    EXPECT_TRUE(WIFEXITED(status));
    EXPECT_EQ(WEXITSTATUS(status), EMFILE);
    EXPECT_TRUE(gateway->has_attachments(0));
}

TEST_F(SluiceConnect, AllowsToDisconnectNothing)
{
    sluice_disconnect(nullptr);
}

TEST_F(SluiceConnect, LeavesNoDescriptorsBehind)
{
    start_gateway(4);
    auto count = [] {
        unsigned open = 0;
        for (int fd = 0; fd < 512; fd++)
            open += fcntl(fd, F_GETFD) >= 0;
        return open;
    };
    connect().reset();
    ASSERT_TRUE(gateway->has_attachments(0));
    unsigned before = count();
    for (unsigned i = 0; i < 20; i++) {
        connect().reset();
        sluice *s = nullptr;
        EXPECT_EQ(sluice_connect(path.c_str(), "nothing", &s), -ENXIO);
    }
    ASSERT_TRUE(gateway->has_attachments(0));
    /* The gateway, in this process too, may not have closed all of the first one's when they were
     * counted; of 20 times what stays open there is more than that. */
    EXPECT_TRUE(test::eventually([&] { return count() <= before; }));
}

} // namespace
