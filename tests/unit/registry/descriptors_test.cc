/** Descriptors that a consumer sends: nobody wants them, and closing them may take for ever. */
#include <fcntl.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include "raw_consumer.h"
#include "test_gateway.h"

namespace
{

/** A TCP connection whose last close(2) waits for a minute, or until the other side is closed. */
class LingeringSocket
{
  public:
    LingeringSocket()
    {
        sockaddr_in address{};
        socklen_t len = sizeof address;
        int listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), small = 4096;
        address.sin_family = AF_INET;
        address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
        auto *any = reinterpret_cast<sockaddr *>(&address);
        setsockopt(listener, SOL_SOCKET, SO_RCVBUF, &small, sizeof small);
        own = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
        setsockopt(own, SOL_SOCKET, SO_SNDBUF, &small, sizeof small);
        if (bind(listener, any, len) != 0 || listen(listener, 1) != 0 ||
            getsockname(listener, any, &len) != 0 || connect(own, any, len) != 0)
            abort();
        other_ = accept4(listener, nullptr, nullptr, SOCK_CLOEXEC);
        close(listener);
        linger minute = {1, 60};
        setsockopt(own, SOL_SOCKET, SO_LINGER, &minute, sizeof minute);
        char bytes[4096] = {};
        while (send(own, bytes, sizeof bytes, MSG_DONTWAIT) > 0)
            continue;
    }
    ~LingeringSocket()
    {
        close(other_);
    }
    int own;

  private:
    int other_;
};

struct RegistryDescriptors : testing::Test {
    test::TempDir dir;
    std::string path = dir.file("consumers.sock");
    std::vector<std::unique_ptr<LingeringSocket>> slow;
    test::Gateway gateway{path, 1};
    const sl_ring_hello hello = test::hello_for("echo");

    void send_slow_one(test::RawConsumer &consumer)
    {
        slow.push_back(std::make_unique<LingeringSocket>());
        consumer.say_with(&hello, sizeof hello, slow.back()->own);
    }

    /** Does it come back from what it is asked to do, as long as nothing is released? */
    template <typename Work> void expect_no_wait(Work work)
    {
        std::atomic<bool> is_back{false};
        std::thread thread([&] {
            work();
            is_back = true;
        });
        EXPECT_TRUE(test::eventually([&] { return is_back.load(); }));
        slow.clear();
        thread.join();
    }

    void poll_twice()
    {
        gateway.poll();
        gateway.poll();
    }
};

TEST_F(RegistryDescriptors, AreClosedAndEndTheConnection)
{
    int ends[2];
    ASSERT_EQ(pipe2(ends, O_CLOEXEC | O_NONBLOCK), 0);
    test::RawConsumer consumer(path);
    consumer.say_with(&hello, sizeof hello, ends[1]);
    poll_twice();
    EXPECT_TRUE(gateway.attachments().empty());
    char byte;
    EXPECT_TRUE(test::eventually([&] { return read(ends[0], &byte, 1) == 0; }))
        << "somebody keeps the write end";
    EXPECT_LE(consumer.hear(), 0);
    close(ends[0]);
}

TEST_F(RegistryDescriptors, AreNotWaitedForWhenTheyComeWithTheHello)
{
    test::RawConsumer consumer(path);
    send_slow_one(consumer);
    expect_no_wait([&] { poll_twice(); });
}

TEST_F(RegistryDescriptors, AreNotWaitedForWhenTheyComeLater)
{
    test::RawConsumer consumer(path);
    consumer.say_hello();
    poll_twice();
    EXPECT_EQ(gateway.attachments().size(), 1u);
    send_slow_one(consumer);
    expect_no_wait([&] { poll_twice(); });
    EXPECT_TRUE(gateway.attachments().empty()) << "who talks after the hello is evicted";
}

TEST_F(RegistryDescriptors, AreNotWaitedForWhenTheSenderHasLeft)
{
    test::RawConsumer consumer(path);
    consumer.say_hello();
    poll_twice(); /* the answer stays unread */
    send_slow_one(consumer);
    consumer.leave();
    expect_no_wait([&] { poll_twice(); });
}

TEST_F(RegistryDescriptors, AreNotWaitedForAtTheEnd)
{
    auto own = std::make_unique<test::Gateway>(dir.file("other.sock"), 1);
    test::RawConsumer accepted(dir.path + "/other.sock");
    own->poll();
    test::RawConsumer waits(dir.path + "/other.sock");
    send_slow_one(accepted);
    send_slow_one(waits);
    expect_no_wait([&] { own.reset(); });
}

TEST_F(RegistryDescriptors, ThatAreStillBeingClosedKeepOthersOut)
{
    std::vector<std::unique_ptr<test::RawConsumer>> hostile;
    for (unsigned i = 0; i < 32; i++) {
        hostile.push_back(std::make_unique<test::RawConsumer>(path));
        send_slow_one(*hostile.back());
        poll_twice();
    }
    test::RawConsumer late(path);
    late.say_hello();
    poll_twice();
    EXPECT_EQ(late.hear(), -1) << "it would cost a descriptor more and more";
    slow.clear();
    EXPECT_TRUE(test::eventually([&] {
        gateway.poll();
        return late.hear() == (ssize_t)sizeof late.reply;
    }));
}

} // namespace
