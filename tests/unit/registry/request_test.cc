// A consumer that is registered asks for a session.
#include "raw_consumer.h"
#include "test_gateway.h"

namespace
{

sl_ring_request request_for(const char *connection, uint32_t number)
{
    sl_ring_request request{};
    request.magic = SL_RING_REQUEST_MAGIC;
    request.request = number;
    strncpy(request.connection, connection, sizeof request.connection);
    return request;
}

struct RegistryRequest : testing::Test {
    test::TempDir dir;
    std::string path = dir.file("consumers.sock");
    test::Gateway gateway{path, 1};
    test::RawConsumer consumer{path};

    RegistryRequest()
    {
        consumer.say_hello("relay");
        gateway.poll();
        gateway.poll();
        EXPECT_EQ(consumer.hear(), (ssize_t)sizeof consumer.reply);
    }
    void say(const void *bytes, size_t len)
    {
        consumer.say(bytes, len);
        gateway.poll();
    }
    bool is_registered()
    {
        return gateway.list().size() == 1;
    }
    sl_ring_answer answer()
    {
        sl_ring_answer answer{};
        EXPECT_EQ((ssize_t)sizeof answer, recv(consumer.socket, &answer, sizeof answer, 0));
        return answer;
    }
};

} // namespace

TEST_F(RegistryRequest, IsPassedOnWithWhoAsksAndAnswered)
{
    for (sl_ring_status status : {SL_RING_STATUS_OK, SL_RING_STATUS_SERVICE, SL_RING_STATUS_FULL}) {
        gateway.request_status = status;
        const sl_ring_request request = request_for("upstream", 70U + status);
        say(&request, sizeof request);
        const sl_ring_answer answered = answer();
        EXPECT_EQ(answered.magic, SL_RING_REQUEST_MAGIC);
        EXPECT_EQ(answered.request, 70U + status);
        EXPECT_EQ(answered.status, (uint32_t)status);
        EXPECT_EQ(gateway.requests.back().connection, "upstream");
        EXPECT_EQ(gateway.requests.back().number, 70U + status);
        EXPECT_EQ(gateway.requests.back().service, 1);
        EXPECT_EQ(gateway.requests.back().consumer, consumer.reply.consumer);
    }
    EXPECT_TRUE(is_registered());
}

TEST_F(RegistryRequest, AnythingElseIsTheEnd)
{
    const sl_ring_request good = request_for("upstream", 7);
    sl_ring_request other_magic = good, no_number = good, no_end = good;
    other_magic.magic++;
    no_number.request = 0;
    memset(no_end.connection, 'x', sizeof no_end.connection);
    struct {
        const void *bytes;
        size_t len;
    } cases[] = {{&good, sizeof good - 1},
                 {&good, 0},
                 {&other_magic, sizeof good},
                 {&no_number, sizeof good},
                 {&no_end, sizeof good}};
    for (const auto &c : cases) {
        test::RawConsumer another(path);
        another.say_hello();
        gateway.poll();
        gateway.poll();
        EXPECT_EQ(gateway.list().size(), 2u);
        another.say(c.bytes, c.len);
        gateway.poll();
        EXPECT_TRUE(is_registered()) << "the other one is gone";
    }
    EXPECT_TRUE(gateway.requests.empty());
}

TEST_F(RegistryRequest, WhoDoesNotListenIsLetGo)
{
    const sl_ring_request request = request_for("upstream", 7);
    for (unsigned i = 0; i < 10000 && is_registered(); i++)
        say(&request, sizeof request);
    EXPECT_FALSE(is_registered()) << "its answers fill the socket";
}
