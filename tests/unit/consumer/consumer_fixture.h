/** A gateway without workers, and programs of the library's users at it. */
#ifndef CONSUMER_FIXTURE_H
#define CONSUMER_FIXTURE_H

#include <errno.h>

#include <memory>

#include "sluice.h"
#include "test_gateway.h"

namespace test
{

struct SluiceDeleter {
    void operator()(sluice *s) const
    {
        sluice_disconnect(s);
    }
};
using Sluice = std::unique_ptr<sluice, SluiceDeleter>;

/** Session handles as the gateway makes them: slot 20 bits, worker 8 bits, generation 36 bits. */
inline sluice_session handle_of(unsigned worker, uint64_t slot)
{
    return 1ULL << 28 | (uint64_t)worker << 20 | slot;
}

struct ConsumerTest : testing::Test {
    TempDir dir;
    std::string path = dir.file("consumers.sock");
    std::unique_ptr<Gateway> gateway;

    /** The test is done with its attachments before programs leave and they are freed. */
    void TearDown() override
    {
        if (gateway != nullptr)
            gateway->stop_polling();
    }

    void start_gateway(unsigned workers, uint64_t ring_size = 65536, uint64_t generation = 1)
    {
        gateway = std::make_unique<Gateway>(path, workers, ring_size, generation);
        gateway->start_polling();
    }

    /** A program that has registered; its attachments are the last ones of the gateway's. */
    Sluice connect(const char *service = "echo")
    {
        sluice *s = nullptr;
        EXPECT_EQ(sluice_connect(path.c_str(), service, &s), 0);
        return Sluice(s);
    }
};

} // namespace test

#endif
