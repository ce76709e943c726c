// sluice_request, and what comes of it.
extern "C" {
#include "sl_identity.h"
}

#include "consumer_fixture.h"

struct SluiceRequest : test::ConsumerTest {
    test::Sluice s;
    uint32_t number = 0;
    sluice_event event{};

    void begin()
    {
        start_gateway(1);
        s = connect();
        ASSERT_TRUE(gateway->has_attachments(1));
    }
    bool receive()
    {
        return test::eventually([this] { return sluice_receive(s.get(), &event, 1) == 1; });
    }
};

TEST_F(SluiceRequest, IsAnsweredByAnOpenEventOrAFailureWithItsNumber)
{
    begin();
    uint32_t second = 0;
    ASSERT_EQ(sluice_request(s.get(), "upstream", &number), 0);
    ASSERT_EQ(sluice_request(s.get(), "upstream", &second), 0);
    EXPECT_NE(number, 0u);
    EXPECT_NE(number, second);
    gateway->stop_polling();
    EXPECT_EQ(gateway->requests.at(0).connection, "upstream");
    EXPECT_EQ(gateway->requests.at(1).number, second);
    sl_attachment *a = gateway->attachments().at(0);
    sl_opened opened{};
    opened.request = number;
    sl_ring_failed failed{};
    failed.request = second;
    strcpy(failed.reason, "no answer from the server in 10 s");
    test::put(a, SL_RING_OPEN, 5, &opened, sizeof opened);
    test::put(a, SL_RING_FAILED, 0, &failed, sizeof failed);
    test::show(a);
    ASSERT_TRUE(receive());
    EXPECT_EQ(event.kind, SLUICE_OPEN);
    EXPECT_EQ(event.peer->request, number);
    ASSERT_TRUE(receive());
    EXPECT_EQ(event.kind, SLUICE_FAILED);
    EXPECT_EQ(event.request, second);
    EXPECT_STREQ(event.text, "no answer from the server in 10 s");
}

TEST_F(SluiceRequest, ThatTheGatewayDoesNotTakeIsAnErrorAndTheNextOneMayBeTaken)
{
    begin();
    gateway->request_status = SL_RING_STATUS_SERVICE;
    EXPECT_EQ(sluice_request(s.get(), "nobody", &number), -ENOENT);
    gateway->request_status = SL_RING_STATUS_FULL;
    EXPECT_EQ(sluice_request(s.get(), "upstream", &number), -EBUSY);
    gateway->request_status = SL_RING_STATUS_OK;
    EXPECT_EQ(sluice_request(s.get(), "upstream", &number), 0);
    EXPECT_EQ(sluice_request(s.get(), "", &number), -ENOENT);
    EXPECT_EQ(sluice_request(s.get(), "a-name-of-thirty-two-characters-", &number), -ENOENT);
}

TEST_F(SluiceRequest, OfAGatewayThatHasEndedIsRefused)
{
    begin();
    gateway.reset();
    EXPECT_EQ(sluice_request(s.get(), "upstream", &number), -EPIPE);
    EXPECT_EQ(sluice_request(s.get(), "upstream", &number), -EPIPE);
}

TEST_F(SluiceRequest, AFailureThatIsNoneIsPassedOver)
{
    begin();
    gateway->stop_polling();
    sl_attachment *a = gateway->attachments().at(0);
    sl_ring_failed failed{};
    memset(failed.reason, 'x', sizeof failed.reason);
    test::put(a, SL_RING_FAILED, 0, &failed, sizeof failed);
    test::put(a, SL_RING_FAILED, 0, &failed, 8);
    test::put(a, SL_RING_DATA, 5, "x", 1);
    test::show(a);
    ASSERT_TRUE(receive());
    EXPECT_EQ(event.kind, SLUICE_DATA);
}
