extern "C" {
#include "live.h"
}

#include <gtest/gtest.h>

#include <string>

namespace
{

std::string LineOf(const series_point &point, uint64_t errors, size_t len = 320)
{
    std::string out(len, 'x');
    live_format(&point, errors, out.data(), len);
    return out.c_str();
}

series_point Busy()
{
    series_point point = {};
    point.at_s = 12.34;
    point.span_s = 1;
    point.phase = PHASE_RUN;
    point.established = 1000;
    point.sent = 20000;
    point.sent_bytes = 20000 * 64;
    point.echoed = 19800;
    point.overdue = 200;
    point.latency_count = 19800;
    point.p50_ns = 81000;
    point.p99_ns = 2100000;
    return point;
}

} // namespace

TEST(Live, ALineHasWhatTheLastSecondBrought)
{
    EXPECT_EQ(LineOf(Busy(), 3),
              "  12.3 s run     1,000 sessions, 0 handshakes/s, 20,000 sent/s, 10.2 Mbit/s, "
              "19,800 echoed/s, loss 1.000 %, p50 81.0 us, p99 2.10 ms, 3 errors");
}

TEST(Live, WhatThereIsNotIsLeftOut)
{
    series_point point = {};
    point.at_s = point.span_s = 1;
    point.completed = 512;
    point.established = 512;
    EXPECT_EQ(LineOf(point, 0), "   1.0 s connect 512 sessions, 512 handshakes/s");
}

TEST(Live, ThatNothingComesBackShowsBeforeAnythingIsKnownToBeLost)
{
    series_point point = {};
    point.at_s = point.span_s = 1;
    point.phase = PHASE_RUN;
    point.sent = point.outstanding = 100;
    const std::string line = "   1.0 s run     0 sessions, 0 handshakes/s, 100 sent/s, 0.0 Mbit/s, "
                             "0 echoed/s, loss 0.000 %";
    EXPECT_EQ(LineOf(point, 0), line + ", no echoes");
    point.outstanding = 0;
    EXPECT_EQ(LineOf(point, 0), line) << "none are expected";
}

TEST(Live, WhatDoesNotFitIsCut)
{
    std::string whole = LineOf(Busy(), 3);
    for (size_t len = 1; len <= whole.size(); len++)
        ASSERT_EQ(LineOf(Busy(), 3, len), whole.substr(0, len - 1));
}

TEST(Live, IntoAFileEachSecondIsALine)
{
    char *text = nullptr;
    size_t len = 0;
    FILE *out = open_memstream(&text, &len);
    live live = {out, false, false};
    series_point point = Busy();
    live_show(&live, &point, 0);
    live_show(&live, &point, 0);
    live_end_line(&live);
    fclose(out);
    EXPECT_EQ(std::string(text, len), LineOf(point, 0) + "\n" + LineOf(point, 0) + "\n");
    free(text);
}
