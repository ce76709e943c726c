/** What happens between two calls of the kernel's that the library makes. */
#include <dlfcn.h>
#include <sys/socket.h>
#include <sys/un.h>

#include <functional>

#include "consumer_fixture.h"

namespace
{

thread_local std::function<void()> before_send, before_recv; /* by the thread of the test */

void run_once(std::function<void()> &hook)
{
    std::function<void()> work;
    work.swap(hook);
    if (work)
        work();
}

} // namespace

/* The library's calls come here first. */
extern "C" __attribute__((visibility("default"))) ssize_t send(int fd, const void *bytes,
                                                               size_t len, int flags)
{
    static auto *real = reinterpret_cast<decltype(&send)>(dlsym(RTLD_NEXT, "send"));
    run_once(before_send);
    return real(fd, bytes, len, flags);
}

extern "C" __attribute__((visibility("default"))) ssize_t recv(int fd, void *bytes, size_t len,
                                                               int flags)
{
    static auto *real = reinterpret_cast<decltype(&recv)>(dlsym(RTLD_NEXT, "recv"));
    run_once(before_recv);
    return real(fd, bytes, len, flags);
}

namespace
{

using SluiceRace = test::ConsumerTest;

/** Between our looking into the rings and at the gateway it says its last word, and ends. */
TEST_F(SluiceRace, TheLastWordOfAGatewayIsHeard)
{
    for (bool sleeps : {false, true}) {
        start_gateway(1);
        test::Sluice s = connect();
        ASSERT_TRUE(gateway->has_attachments(1));
        gateway->stop_polling();
        sl_attachment *attachment = gateway->attachments()[0];
        if (sleeps) {
            ASSERT_EQ(sluice_prepare_wait(s.get()), 0);
        }
        before_recv = [&] {
            test::put(attachment, SL_RING_CLOSE, 7, nullptr, 0, SL_CLOSE_SHUTDOWN);
            sl_ring_publish(&attachment->receive);
            gateway.reset();
        };
        sluice_event event{};
        int result = 0;
        for (unsigned i = 0; i < 1000 && result == 0; i++)
            result = sluice_receive(s.get(), &event, 1);
        EXPECT_EQ(result, 1);
        EXPECT_EQ(event.kind, SLUICE_CLOSE);
        EXPECT_EQ(sluice_receive(s.get(), &event, 1), -EPIPE);
    }
}

TEST_F(SluiceRace, AGatewayThatEndsBeforeItHearsUsIsNotThere)
{
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    strcpy(address.sun_path, path.c_str());
    int listener = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
    ASSERT_EQ(bind(listener, reinterpret_cast<sockaddr *>(&address), sizeof address), 0);
    ASSERT_EQ(listen(listener, 1), 0);
    before_send = [&] { close(listener); };
    sluice *s = nullptr;
    EXPECT_EQ(sluice_connect(path.c_str(), "echo", &s), -ECONNREFUSED);
}

} // namespace
