extern "C" {
#include "result.h"
}

#include <gtest/gtest.h>

#include <memory>
#include <string>

namespace
{

class Verdict : public ::testing::Test
{
  protected:
    Verdict() : result(new struct result())
    {
        plan_init(&plan);
        Set("server", "198.18.0.1:4433");
        Count(SL_LOAD_HANDSHAKES_BEGUN, 10);
        Count(SL_LOAD_HANDSHAKES_COMPLETED, 10);
        Messages(1000, 1000, 0, 0);
        result->run_s = result->measured_s = 10;
    }
    ~Verdict() override
    {
        plan_wipe(&plan);
    }

    void Set(const char *option, const char *text)
    {
        char reason[VALUE_REASON_LEN] = "";
        ASSERT_TRUE(plan_set(&plan, plan_option_named(option), text, 0, reason)) << reason;
    }
    void Count(sl_load_counter counter, uint64_t value)
    {
        result->total.counters[counter] = result->measured.counters[counter] = value;
    }
    void Messages(uint64_t sent, uint64_t echoed, uint64_t late, uint64_t lost)
    {
        Count(SL_LOAD_SENT, sent);
        Count(SL_LOAD_ECHOED, echoed);
        Count(SL_LOAD_LATE, late);
        Count(SL_LOAD_LOST, lost);
        result->spread.sum.sent = sent;
        result->spread.sum.late = late;
        result->spread.sum.lost = lost;
    }
    void Fail(const char *text, uint64_t count)
    {
        sl_load_failure failure = {};
        strcpy(failure.text, text);
        failure.count = count;
        result_add_failures(result.get(), &failure, 1);
    }
    // The exit status and all sentences.
    std::string Reached()
    {
        verdict_reach(&plan, result.get());
        std::string all = std::to_string(result->exit_status);
        for (unsigned i = 0; i < result->sentence_count; i++)
            all += std::string("|") + result->sentences[i];
        return all;
    }
    struct plan plan;
    std::unique_ptr<struct result> result;
};

} // namespace

TEST_F(Verdict, AGoodRunNeedsNoWords)
{
    EXPECT_EQ(Reached(), "0");
}

TEST_F(Verdict, LossIsNoFailureUnlessABoundWasGiven)
{
    Messages(1000, 980, 5, 15);
    EXPECT_EQ(Reached(), "0");
    Set("max-loss", "2%");
    EXPECT_EQ(Reached(), "0");
    Set("max-loss", "1%");
    EXPECT_EQ(Reached(), "1|2.000 % of the messages were lost or late; 1.000 % was allowed");
}

TEST_F(Verdict, WithoutASessionTheMostFrequentCauseIsNamed)
{
    Count(SL_LOAD_HANDSHAKES_COMPLETED, 0);
    Count(SL_LOAD_HANDSHAKES_FAILED, 10);
    Messages(0, 0, 0, 0);
    Fail("the server did not answer", 3);
    Fail("the server's certificate has expired", 7);
    result->end = END_NO_SESSION;
    EXPECT_EQ(Reached(), "1|no session came up; 10 of 10 handshakes failed: the server's "
                         "certificate has expired (7 times)");
}

TEST_F(Verdict, SomeFailedHandshakesFailTheRun)
{
    Count(SL_LOAD_HANDSHAKES_COMPLETED, 9);
    Count(SL_LOAD_HANDSHAKES_FAILED, 1);
    Fail("the server did not answer", 1);
    EXPECT_EQ(Reached(), "1|1 of 10 handshakes failed: the server did not answer");
}

TEST_F(Verdict, AServerThatStoppedAnsweringIsNamedWithItsTime)
{
    Messages(1000, 400, 0, 600);
    result->silent_since_s = 4.25;
    result->sent_in_silence = 600;
    EXPECT_EQ(Reached(), "1|the server stopped answering: nothing has come back since 4.2 s, and "
                         "600 messages have been sent meanwhile");
}

TEST_F(Verdict, AServerThatAnswersSomeClientsOnlyFailsTheRun)
{
    Messages(1000, 600, 0, 400);
    result->spread.clients = 10;
    result->spread.unanswered = 4;
    EXPECT_EQ(Reached(), "1|4 of 10 clients got no echo at all");
}

TEST_F(Verdict, AServerThatNeverEchoesMayBeMeantTo)
{
    Messages(1000, 0, 0, 1000);
    EXPECT_EQ(Reached(), "1|nothing of 1,000 messages was echoed; a server that does not echo "
                         "wants --no-echo");
    Set("no-echo", "false");
    Messages(1000, 0, 0, 0);
    EXPECT_EQ(Reached(), "0");
}

TEST_F(Verdict, SessionsThatTheServerClosedFailTheRun)
{
    Count(SL_LOAD_SESSIONS_CLOSED, 2);
    Fail("the server closed the session", 2);
    EXPECT_EQ(Reached(), "1|2 sessions were closed by the server, or could not go on: the server "
                         "closed the session (2 times)");
    Set("rate", "1000"); // not reached, and whose fault that is has been said
    EXPECT_EQ(Reached(), "1|2 sessions were closed by the server, or could not go on: the server "
                         "closed the session (2 times)");
}

TEST_F(Verdict, RefusedDatagramsAreToldWhereNothingElseShowsThem)
{
    Set("no-echo", "false");
    result->port_stats[0] = {"sockets", "REFUSED", "", 12};
    result->port_stat_count = 1;
    Messages(1000, 0, 0, 0);
    EXPECT_EQ(Reached(), "1|nobody listened on the server's port: 12 datagrams were refused there");
}

TEST_F(Verdict, SumsThatDoNotAddUpAreAnErrorOfOurs)
{
    Messages(1000, 900, 60, 41);
    EXPECT_EQ(Reached(), "1|the counters contradict each other (1,000 sent, 1,001 echoed, late or "
                         "lost): an error of this program");
    Messages(1000, 900, 50, 50);
    EXPECT_EQ(Reached(), "0");
    result->spread.sum.lost = 49;
    EXPECT_EQ(Reached().substr(0, 28), "1|the counters contradict ea");
}

TEST_F(Verdict, MessagesStillUnderWayAreTold)
{
    Messages(1000, 900, 0, 0);
    EXPECT_EQ(Reached(), "1|100 messages were still under way at the end");
}

TEST_F(Verdict, ARateThatWasNotReachedIsNotWhatWasAsked)
{
    Set("rate", "100");
    EXPECT_EQ(Reached(), "0");
    Set("rate", "200");
    EXPECT_EQ(Reached(), "1|200 messages a second were asked for, and 100 sent: this program was "
                         "the limit, or had too few sessions");
    Set("idle", "1s/1s");
    EXPECT_EQ(Reached(), "0") << "half of the time is silence";
}

TEST_F(Verdict, ChanceAndTheEndsOfTheTimeAreNoShortfall)
{
    Set("rate", "0.1");
    Messages(0, 0, 0, 0);
    EXPECT_EQ(Reached(), "0") << "the one is due just behind the end";
    Set("rate", "10");
    EXPECT_EQ(Reached().substr(0, 2), "1|") << "though nothing was sent at all";
    Messages(80, 80, 0, 0);
    EXPECT_EQ(Reached().substr(0, 2), "1|");
    Set("poisson", "true");
    EXPECT_EQ(Reached(), "0") << "of a hundred, ten more or less are no news";
    Messages(50, 50, 0, 0);
    EXPECT_EQ(Reached().substr(0, 2), "1|");
}

TEST_F(Verdict, AStormThatWasNotReachedIsNotWhatWasAsked)
{
    Messages(0, 0, 0, 0);
    Set("storm", "50");
    Count(SL_LOAD_HANDSHAKES_BEGUN, 499);
    EXPECT_EQ(Reached(), "0");
    Count(SL_LOAD_HANDSHAKES_BEGUN, 400);
    EXPECT_EQ(Reached(), "1|50 handshakes a second were asked for, and 40 begun: the server or "
                         "this program was the limit, or there were too few clients, or too few in "
                         "flight");
}

TEST_F(Verdict, AFloodThatWasNotReachedIsARemark)
{
    Set("flood-hello", "1000");
    result->measured.floods[SL_LOAD_FLOOD_HELLO] = 9990;
    EXPECT_EQ(Reached(), "0");
    result->measured.floods[SL_LOAD_FLOOD_HELLO] = 5000;
    EXPECT_EQ(Reached(), "0|1,000 packets a second of the flood 'hello' were asked for, and 500 "
                         "sent");
}

TEST_F(Verdict, ACaptureThatIsNotWholeFailsTheRun)
{
    Set("write-pcap", "run.pcap");
    result->is_capture_cut = true;
    EXPECT_EQ(Reached(), "1|not all of run.pcap and its sessions could be written");
}

TEST_F(Verdict, MessagesTooLargeToBeSentFailTheRun)
{
    result->total.drops[SL_DROP_SEND_TOO_LARGE] = 1200;
    EXPECT_EQ(Reached(), "1|1,200 messages were not sent: they are too large for a datagram on the "
                         "way to the server, or for a record");
}

TEST_F(Verdict, BadPacingIsARemark)
{
    for (int i = 0; i < 100; i++)
        sl_histogram_record(&result->measured.pacing, i < 97 ? 1000 : 20000000);
    EXPECT_EQ(
        Reached(),
        "0|one message in a hundred left 20.0 ms or more after its time: latency "
        "says something of this program or machine, too, or of sessions that had to be waited for");
}

TEST_F(Verdict, AnInterruptedRunWasCutShortUnlessItHadNoEnd)
{
    result->end = END_INTERRUPT;
    result->run_s = 3.5;
    EXPECT_EQ(Reached(), "130|interrupted after 3.5 of 10.0 s");
    Set("duration", "forever");
    EXPECT_EQ(Reached(), "0");
    Set("duration", "10s");
    Messages(1000, 0, 0, 1000);
    EXPECT_EQ(Reached().substr(0, 2), "1|") << "what failed decides the status";
}

TEST_F(Verdict, ASearchWithoutAResultFails)
{
    Set("find-max", "true");
    strcpy(result->search.sentence, "Not even 1,000 messages a second passed.");
    EXPECT_EQ(Reached(), "1|Not even 1,000 messages a second passed.");
    result->search.search.passed = 5000;
    EXPECT_EQ(Reached(), "0");
}

TEST_F(Verdict, FailuresOfSeveralEnginesAreOneListTheMostFrequentFirst)
{
    sl_load_failure engine[] = {{"a", 1}, {"b", 2}, {"c", 5}};
    result_add_failures(result.get(), engine, 3);
    sl_load_failure other[] = {{"b", 4}, {"d", 1}};
    result_add_failures(result.get(), other, 2);
    ASSERT_EQ(result->failure_count, 4u);
    EXPECT_STREQ(result->failures[0].text, "b");
    EXPECT_EQ(result->failures[0].count, 6u);
    EXPECT_STREQ(result->failures[1].text, "c");
}
