extern "C" {
#include "outcome.h"
}

#include <gtest/gtest.h>
#include <unistd.h>

#include <cmath>
#include <fstream>
#include <memory>
#include <sstream>
#include <string>

namespace
{

// A run that has been made, and its files.
class Outcome : public ::testing::Test
{
  protected:
    Outcome()
        : result(new struct result()),
          path(::testing::TempDir() + "sluice-run-" + std::to_string(getpid()) + ".json")
    {
        plan_init(&plan);
        Set("server", "198.18.0.1:4433");
        Set("clients", "1k");
        Set("rate", "2k");
        Set("size", "64-1350");
        Set("fingerprint", "a\"b");
        strcpy(result->began, "2026-01-02T03:04:05Z");
        uint64_t *counters = result->total.counters;
        counters[SL_LOAD_HANDSHAKES_BEGUN] = counters[SL_LOAD_HANDSHAKES_COMPLETED] = 1000;
        counters[SL_LOAD_SENT] = 2000;
        counters[SL_LOAD_ECHOED] = 1990;
        counters[SL_LOAD_LATE] = 4;
        counters[SL_LOAD_LOST] = 6;
        result->total.drops[SL_DROP_AUTH] = 3;
        for (unsigned i = 0; i < 1994; i++)
            sl_histogram_record(&result->total.latency, 80000 + 100 * i);
        sl_histogram_record(&result->total.handshake, 2000000);
        result->measured = result->total;
        result->run_s = result->measured_s = 1;
        AddPoint(0.2, PHASE_CONNECT, 0);
        AddPoint(1.2, PHASE_RUN, 2000);
        sl_load_failure failure = {"the server said \"no\"\n", 2};
        result_add_failures(result.get(), &failure, 1);
    }
    ~Outcome() override
    {
        series_free(&result->series);
        outcome_wipe(&outcome);
        plan_wipe(&plan);
        unlink(path.c_str());
    }
    void Set(const char *option, const char *text)
    {
        char reason[VALUE_REASON_LEN] = "";
        ASSERT_TRUE(plan_set(&plan, plan_option_named(option), text, 0, reason)) << reason;
    }
    void AddPoint(double at_s, phase phase, uint64_t sent)
    {
        series_point point = {};
        point.at_s = at_s;
        point.span_s = 0.5;
        point.phase = phase;
        point.sent = sent;
        point.echoed = sent * 9 / 10;
        point.lost = point.overdue = sent / 10;
        point.latency_count = sent > 0;
        point.p50_ns = 80000;
        point.p99_ns = 250000;
        ASSERT_TRUE(series_add(&result->series, &point));
    }
    void Write()
    {
        FILE *out = fopen(path.c_str(), "w");
        ASSERT_NE(out, nullptr);
        result_write_json(&plan, result.get(), out);
        fclose(out);
    }
    bool Read()
    {
        outcome_wipe(&outcome);
        return outcome_read(path.c_str(), &outcome, error, sizeof error);
    }
    std::string Script(unsigned count, const struct outcome *outcomes, const char *file)
    {
        char *text = nullptr;
        size_t len = 0;
        FILE *out = open_memstream(&text, &len);
        plot_write_script(outcomes, count, file, out);
        fclose(out);
        std::string script(text, len);
        free(text);
        return script;
    }
    struct plan plan;
    std::unique_ptr<struct result> result;
    std::string path;
    struct outcome outcome = {};
    char error[640] = "";
};

} // namespace

TEST_F(Outcome, ARunsJsonIsReadAsTheRunItself)
{
    struct outcome made;
    ASSERT_TRUE(outcome_of_result(&plan, result.get(), &made));
    Write();
    ASSERT_TRUE(Read()) << error;
    EXPECT_STREQ(outcome.title, made.title);
    EXPECT_STREQ(outcome.title,
                 "198.18.0.1:4433: 1,000 clients, 2,000 messages a second of 64-1350 bytes");
    EXPECT_STREQ(outcome.about, made.about);
    EXPECT_TRUE(outcome.has_data);
    ASSERT_EQ(outcome.point_count, 2u);
    EXPECT_EQ(outcome.points[0].phase, 'c');
    EXPECT_TRUE(std::isnan(outcome.points[0].p50_us));
    EXPECT_EQ(outcome.points[1].phase, 'r');
    EXPECT_EQ(outcome.points[1].sent, 4000);
    EXPECT_EQ(outcome.points[1].loss, 0.1);
    EXPECT_EQ(outcome.points[1].p99_us, 250);
    ASSERT_EQ(outcome.step_count, made.step_count);
    ASSERT_GT(outcome.step_count, 10u);
    EXPECT_NEAR(outcome.steps[5].us, made.steps[5].us, 1e-4);
    EXPECT_EQ(outcome.steps[outcome.step_count - 1].share, 1);
    outcome_wipe(&made);
}

TEST_F(Outcome, ItsJsonHasTheScenarioAndEveryCounter)
{
    Write();
    ASSERT_TRUE(Read()) << error;
    EXPECT_EQ(outcome_number(&outcome, "scenario.data.rate"), 2000);
    EXPECT_EQ(outcome_number(&outcome, "scenario.data.duration"), 10);
    EXPECT_STREQ(outcome_text(&outcome, "scenario.data.echo"), "true");
    EXPECT_STREQ(outcome_text(&outcome, "scenario.server.fingerprints[0]"), "a\"b");
    EXPECT_EQ(outcome_number(&outcome, "messages.loss"), 0.005);
    EXPECT_EQ(outcome_number(&outcome, "drops.auth"), 3);
    EXPECT_STREQ(outcome_text(&outcome, "failures[0].text"), "the server said \"no\"\n");
    std::string name;
    for (unsigned i = 0; i < SL_LOAD_COUNTER_COUNT; i++) {
        name = std::string("counters.") + sl_load_counter_name((sl_load_counter)i);
        for (char &c : name)
            c = (char)tolower(c);
        EXPECT_EQ(outcome_number(&outcome, name.c_str()), (double)result->total.counters[i])
            << name;
    }
    EXPECT_TRUE(std::isnan(outcome_number(&outcome, "no.such")));
    EXPECT_EQ(outcome_text(&outcome, "messages"), nullptr);
}

TEST_F(Outcome, WhatIsNoRunIsRefused)
{
    std::ofstream(path) << "{\"a\": 1}\n";
    EXPECT_FALSE(Read());
    EXPECT_EQ(error, path + ":1: not what sluice-load --json writes");
    std::ofstream(path) << "{\"program\": \"sluice-load\", \"format\": 2}\n";
    EXPECT_FALSE(Read());
    EXPECT_EQ(error, path + ":1: written in a format that this version does not know");
    std::ofstream(path) << "{\"program\": \"sluice-load\",";
    EXPECT_FALSE(Read());
    std::ofstream(path) << "{\"program\": \"sluice-load\", \"format\": 1, \"series\": 7, "
                           "\"messages\": [1], \"scenario\": \"x\"}\n";
    ASSERT_TRUE(Read()) << error;
    EXPECT_EQ(outcome.point_count, 0u);
}

TEST_F(Outcome, TheScriptQuotesWhatItIsGiven)
{
    Set("server", "\"a\\`b:1");
    ASSERT_TRUE(outcome_of_result(&plan, result.get(), &outcome));
    std::string script = Script(1, &outcome, "/tmp/a\"b.svg");
    EXPECT_NE(script.find("set output \"/tmp/a\\\"b.svg\"\n"), std::string::npos);
    EXPECT_NE(script.find("set terminal svg "), std::string::npos);
    EXPECT_NE(script.find("\"\\\"a\\\\'b:1: 1,000 clients"), std::string::npos)
        << "no command in backquotes\n"
        << script.substr(0, 4000);
}

TEST_F(Outcome, SeveralRunsAreDrawnUnderTheirNames)
{
    struct outcome two[2];
    ASSERT_TRUE(outcome_of_result(&plan, result.get(), &two[0]));
    ASSERT_TRUE(outcome_of_result(&plan, result.get(), &two[1]));
    strcpy(two[0].name, "first");
    strcpy(two[1].name, "second");
    std::string script = Script(2, two, "x.png");
    for (const char *text : {"title \"first\"", "title \"second\"", "$run1 << EOD", "pngcairo"})
        EXPECT_NE(script.find(text), std::string::npos) << text;
    outcome_wipe(&two[0]);
    outcome_wipe(&two[1]);
}
