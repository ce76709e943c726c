// A hostile program beside an honest one, both processes of their own, at one worker. Whatever the
// one does with all that it was given, the other's sessions do not notice.
#include <fcntl.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <functional>
#include <map>
#include <random>
#include <set>

#include "raw_consumer.h"
#include "test_gateway.h"
#include "worker_bench.h"

using namespace sluice;

namespace
{

constexpr unsigned kPeers = 8;
constexpr uint64_t kRing = 65536;
constexpr size_t kRegion = SL_RING_DATA_OFF + kRing;

// A child; killed at the end.
class Process
{
  public:
    explicit Process(const std::function<void()> &work) : pid_(fork())
    {
        if (pid_ == 0) {
            work();
            _exit(0);
        }
    }
    ~Process()
    {
        kill(pid_, SIGKILL);
        waitpid(pid_, nullptr, 0);
    }

  private:
    pid_t pid_;
};

// What the hostile program has in its hands: its rings, its end of the wake-up socket.
struct Loot {
    test::RawConsumer consumer;
    sl_ring_client_words *words = nullptr;
    uint8_t *bytes = nullptr;

    explicit Loot(const std::string &path) : consumer(path)
    {
        consumer.say_hello();
        while (consumer.hear() < 0)
            usleep(1000);
        void *at =
            mmap(nullptr, kRegion, PROT_READ | PROT_WRITE, MAP_SHARED, consumer.send_fd(), 0);
        if (at == MAP_FAILED)
            abort();
        bytes = static_cast<uint8_t *>(at);
        words = static_cast<sl_ring_client_words *>(at);
    }
};

class HostileProcess : public ::testing::Test
{
  protected:
    HostileProcess()
    {
        if (pipe2(go_, O_CLOEXEC) != 0)
            abort();
    }
    ~HostileProcess() override
    {
        close(go_[0]);
        close(go_[1]);
    }

    // The hostile program registers first, gets half of the sessions, and waits for its cue.
    void Begin(const std::function<void(Loot &)> &misbehave)
    {
        hostile_ = std::make_unique<Process>([&] {
            char byte;
            Loot loot(path_);
            (void)!read(go_[0], &byte, 1);
            misbehave(loot);
            for (;;)
                pause();
        });
        ASSERT_TRUE(StepUntil([&] { return attached_.size() == 1; }));
        honest_ = std::make_unique<Process>([&] { Echo(); });
        ASSERT_TRUE(StepUntil([&] { return attached_.size() == 2; }));
        for (uint32_t i = 0; i < kPeers; i++)
            peers_.push_back(bench_.Connect(WorkerBench::ClientPath(i), true));
        answered_.resize(kPeers);
        SendRound();
        ASSERT_TRUE(StepUntil([&] { return Answered() == kPeers / 2; }));
        honest_peers_ = answered_;
    }
    void Cue()
    {
        (void)!write(go_[1], "g", 1);
    }

    // Each peer sends, and those whom the honest program serves must get it back: nobody gets
    // anything else. Goes on until the condition holds.
    bool Exchange(const std::function<bool()> &condition)
    {
        std::fill(answered_.begin(), answered_.end(), false);
        for (uint64_t end = test::now_ns() + 20 * kSecond; test::now_ns() < end;) {
            SendRound();
            if (!StepUntil([&] { return HonestPeersHaveTheirAnswer(); }))
                return false;
            if (condition())
                return true;
        }
        return false;
    }

    bool StepUntil(const std::function<bool()> &condition)
    {
        for (uint64_t end = test::now_ns() + 10 * kSecond; test::now_ns() < end; usleep(20)) {
            Step();
            if (condition())
                return true;
        }
        return false;
    }

    bool IsEvicted()
    {
        return attached_.size() == 1;
    }
    bool AllPeersAreServed()
    {
        return Answered() == kPeers;
    }
    size_t Answered() const
    {
        return (size_t)std::count(answered_.begin(), answered_.end(), true);
    }

    WorkerBench bench_;

  private:
    void Echo()
    {
        dup2(open("/dev/null", O_WRONLY), STDERR_FILENO);
        execl(SLUICE_ECHO, "sluice-echo", "-s", path_.c_str(), "echo", nullptr);
        _exit(127);
    }

    void SendRound()
    {
        std::vector<Bytes> frames;
        round_++;
        for (Peer &peer : peers_) {
            Bytes plain(1 + (size_t)(random_() % 1000), (uint8_t)round_);
            last_[peer.handle] = plain;
            waits_[peer.handle] = true;
            frames.push_back(WorkerBench::UdpFrame(peer.path, bench_.Seal(peer, 23, plain)));
        }
        bench_.Receive(frames);
    }

    bool HonestPeersHaveTheirAnswer()
    {
        for (unsigned i = 0; i < kPeers; i++)
            if (honest_peers_[i] && waits_[peers_[i].handle])
                return false;
        return true;
    }

    void Hear(const Bytes &record)
    {
        for (unsigned i = 0; i < kPeers; i++) {
            auto opened = bench_.Open(peers_[i], record);
            if (!opened.ok)
                continue;
            ASSERT_EQ(opened.type, SL_CONTENT_APPLICATION_DATA);
            bool is_honest = !honest_peers_.empty() && honest_peers_[i];
            if (is_honest) {
                ASSERT_TRUE(waits_[peers_[i].handle]) << "twice";
                ASSERT_TRUE(opened.plain == last_[peers_[i].handle]) << "not what it sent";
            }
            waits_[peers_[i].handle] = false;
            answered_[i] = true;
            return;
        }
        FAIL() << "a record that no peer can open";
    }

    // One turn of control and worker; the messages between them.
    void Step()
    {
        gateway_.poll();
        for (sl_attachment *attachment : gateway_.attachments()) {
            if (std::find(attached_.begin(), attached_.end(), attachment) != attached_.end())
                continue;
            attached_.push_back(attachment);
            bench_.Attach(attachment);
        }
        for (sl_attachment *attachment : gateway_.detached()) {
            auto at = std::find(attached_.begin(), attached_.end(), attachment);
            if (at == attached_.end())
                continue;
            attached_.erase(at);
            bench_.Detach(attachment);
        }
        bench_.Turn();
        for (const auto &message : bench_.ToControl()) {
            auto *body = reinterpret_cast<const sl_message_consumer *>(message.body.data());
            if (message.kind == SL_MESSAGE_EVICT)
                gateway_.evict(body->consumer);
            else if (message.kind == SL_MESSAGE_DETACHED)
                gateway_.give_back_one();
        }
        for (const Bytes &record : bench_.SentPayloads())
            Hear(record);
    }

    test::TempDir dir_;
    std::string path_ = dir_.file("consumers.sock");
    test::Gateway gateway_{path_, 1, kRing, 1, false};
    std::vector<sl_attachment *> attached_;
    std::unique_ptr<Process> hostile_, honest_;
    int go_[2];
    std::vector<Peer> peers_;
    std::vector<bool> answered_, honest_peers_;
    std::map<uint64_t, Bytes> last_;
    std::map<uint64_t, bool> waits_;
    std::mt19937_64 random_{7};
    unsigned round_ = 0;
};

} // namespace

TEST_F(HostileProcess, ThatScribblesOnAllItMayWriteLosesItsRings)
{
    ASSERT_NO_FATAL_FAILURE(Begin([](Loot &loot) {
        for (std::mt19937_64 random(3);;)
            reinterpret_cast<uint64_t *>(loot.bytes)[random() % (kRegion / 8)] = random();
    }));
    Cue();
    EXPECT_TRUE(Exchange([&] { return IsEvicted(); }));
    EXPECT_TRUE(Exchange([&] { return AllPeersAreServed(); })) << "its sessions go to the other";
    EXPECT_EQ(bench_.sessions(), kPeers);
    EXPECT_EQ(bench_.events(SL_COUNTER_EVICTIONS), 1u);
}

TEST_F(HostileProcess, ThatScribblesOnItsIndicesLosesItsRings)
{
    ASSERT_NO_FATAL_FAILURE(Begin([](Loot &loot) {
        for (std::mt19937_64 random(5);;) { // most of them could be
            uint64_t value = random() % 8 == 0 ? random() : random() % 64 * SL_RING_ALIGN;
            __atomic_store_n(&loot.words->receive.tail, value, __ATOMIC_RELAXED);
            __atomic_store_n(&loot.words->send.head, value, __ATOMIC_RELAXED);
            __atomic_store_n(&loot.words->receive.sleeping, (uint32_t)random(), __ATOMIC_RELAXED);
        }
    }));
    Cue();
    EXPECT_TRUE(Exchange([&] { return IsEvicted(); }));
    EXPECT_TRUE(Exchange([&] { return AllPeersAreServed(); }));
    EXPECT_EQ(bench_.sessions(), kPeers);
}

TEST_F(HostileProcess, ThatPunchesHolesLosesItsRings)
{
    ASSERT_NO_FATAL_FAILURE(Begin([](Loot &loot) {
        sl_ring_entry entry{};
        entry.len = sizeof entry;
        entry.kind = SL_RING_CLOSE_SESSION;
        for (uint64_t head = 0;; head += SL_RING_ALIGN) { // sound, but for the holes
            memcpy(loot.bytes + SL_RING_DATA_OFF + head % kRing, &entry, sizeof entry);
            __atomic_store_n(&loot.words->send.head, head + SL_RING_ALIGN, __ATOMIC_RELEASE);
            fallocate(loot.consumer.send_fd(), FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, 0,
                      (off_t)kRegion);
        }
    }));
    Cue();
    EXPECT_TRUE(Exchange([&] { return IsEvicted(); }));
    EXPECT_TRUE(Exchange([&] { return AllPeersAreServed(); }));
    EXPECT_EQ(bench_.sessions(), kPeers);
}

TEST_F(HostileProcess, ThatFillsItsWakeUpSocketIsNotNoticed)
{
    ASSERT_NO_FATAL_FAILURE(Begin([](Loot &loot) { // asleep for ever, and its socket is never read
        fcntl(loot.consumer.wake_fd(), F_SETFL, 0);
        __atomic_store_n(&loot.words->receive.sleeping, 1, __ATOMIC_RELAXED);
        for (unsigned i = 0; i < 100000; i++)
            (void)!send(loot.consumer.wake_fd(), "x", 1, MSG_DONTWAIT | MSG_NOSIGNAL);
    }));
    Cue();
    EXPECT_TRUE(Exchange([&] { return bench_.drops(SL_DROP_RING_FULL) >= 2000; }));
    EXPECT_FALSE(IsEvicted()) << "it has done nothing that is forbidden";
    EXPECT_EQ(Answered(), kPeers / 2) << "those whom the honest program serves";
    EXPECT_EQ(bench_.sessions(), kPeers);
}

TEST_F(HostileProcess, ThatSendsOnHandlesOfOthersIsRefused)
{
    ASSERT_NO_FATAL_FAILURE(
        Begin([](Loot &loot) { // every handle but its own, of which it hears in its receive ring
            auto *theirs = static_cast<sl_ring_gateway_words *>(
                mmap(nullptr, kRegion, PROT_READ, MAP_SHARED, loot.consumer.receive_fd(), 0));
            sl_ring_consumer receive;
            sl_ring_producer send;
            sl_ring_consumer_init(&receive, &loot.words->receive, &theirs->receive,
                                  reinterpret_cast<uint8_t *>(theirs) + SL_RING_DATA_OFF, kRing);
            sl_ring_producer_init(&send, &loot.words->send, &theirs->send,
                                  loot.bytes + SL_RING_DATA_OFF, kRing);
            const uint32_t kLen = sizeof(sl_ring_moved); // what a confirmation carries
            std::set<uint64_t> own;
            uint64_t base = 0;
            for (std::mt19937_64 random(11);;) {
                while (const sl_ring_entry *entry = sl_ring_next(&receive)) {
                    if (entry->kind == SL_RING_OPEN)
                        own.insert(base = entry->session);
                }
                sl_ring_release(&receive);
                uint64_t handle = (base & ~0xfULL) | random() % 16;
                sl_ring_entry *entry =
                    own.count(handle) > 0 ? nullptr : sl_ring_reserve(&send, kLen);
                if (entry == nullptr) {
                    sl_ring_publish(&send);
                    continue;
                }
                entry->kind = (uint8_t)(SL_RING_SEND + random() % 3);
                entry->session = handle;
                memset(entry + 1, 0xee, kLen);
                sl_ring_commit(&send, entry, kLen);
            }
        }));
    Cue();
    EXPECT_TRUE(Exchange([&] { return bench_.drops(SL_DROP_SEND_HANDLE) >= 2000; }));
    EXPECT_FALSE(IsEvicted());
    EXPECT_EQ(Answered(), kPeers / 2) << "nothing reached the peers of the others";
    EXPECT_EQ(bench_.sessions(), kPeers);
}
