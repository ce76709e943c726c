// What another thread hands to a worker while it works. For the thread sanitizer.
#include <gtest/gtest.h>

#include <atomic>
#include <memory>
#include <thread>

#include "let_others_run.h"
#include "worker_bench.h"

using namespace sluice;

namespace
{

constexpr unsigned kReplacements = 100;

sl_prefix PrefixOf(const sl_path &path)
{
    return sl_prefix_of(&path.tuple.remote_ip, 32, 128);
}

// Rules that deny one of two clients, in turn; and let the worker read a lot.
struct Rules {
    sl_admission_rules rules{};

    explicit Rules(const sl_path &denied)
    {
        std::vector<sl_access_rule> list{{PrefixOf(denied), false}};
        for (unsigned i = 0; i < 50; i++)
            list.push_back({PrefixOf(WorkerBench::ClientPath(100 + i)), false});
        unsigned conflict;
        EXPECT_EQ(sl_access_create(list.data(), (unsigned)list.size(), &rules.access, &conflict),
                  0);
    }
    ~Rules()
    {
        sl_access_destroy(rules.access);
    }
};

// Control's part: the old ones are freed when the worker says that it reads others.
void ReplaceRules(WorkerBench &bench, const sl_path *clients)
{
    std::unique_ptr<Rules> before;
    for (unsigned i = 0; i < kReplacements; i++) {
        auto next = std::make_unique<Rules>(clients[i % 2]);
        sl_message_admission body = {&next->rules};
        bench.PostFromControl(SL_MESSAGE_ADMISSION, &body, sizeof body);
        std::vector<WorkerBench::Message> said;
        while ((said = bench.ToControl()).empty())
            let_others_run();
        ASSERT_EQ(said.size(), 1u);
        ASSERT_EQ(said[0].kind, SL_MESSAGE_ADMISSION_TAKEN);
        memcpy(&body, said[0].body.data(), sizeof body);
        ASSERT_EQ(body.rules, &next->rules);
        before = std::move(next);
    }
    sl_message_admission none = {nullptr};
    bench.PostFromControl(SL_MESSAGE_ADMISSION, &none, sizeof none);
    while (bench.ToControl().empty())
        let_others_run();
}

} // namespace

TEST(WorkerThreads, RulesAreReplacedAndFreedByAnotherThreadWhileFramesCome)
{
    const sl_path clients[] = {WorkerBench::ClientPath(1), WorkerBench::ClientPath(2)};
    WorkerBench bench;
    std::atomic<bool> is_done{false};
    std::thread control([&] {
        ReplaceRules(bench, clients);
        is_done = true;
    });
    uint64_t sent = 0, answered = 0;
    while (!is_done) {
        for (const sl_path &client : clients)
            bench.Receive({WorkerBench::UdpFrame(client, WorkerBench::ClientHello({}))});
        sent += 2;
        answered += bench.Sent().size();
        let_others_run();
    }
    control.join();
    EXPECT_GT(bench.drops(SL_DROP_DENIED), 0u);
    EXPECT_EQ(bench.drops(SL_DROP_DENIED) + answered, sent);
    EXPECT_EQ(bench.CheckEquation(), "");
}
