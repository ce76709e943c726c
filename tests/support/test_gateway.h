/**
 * A gateway without workers: a registry polled by a thread of its own. The test plays the workers:
 * it owns the attachments from attach until it gives them back.
 */
#ifndef TEST_GATEWAY_H
#define TEST_GATEWAY_H

extern "C" {
#include "sl_registry.h"
}

#include <gtest/gtest.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

namespace test
{

inline uint64_t now_ns()
{
    timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000000U + (uint64_t)now.tv_nsec;
}

/** Looks again and again, for ten seconds at most. */
template <typename Condition> bool eventually(Condition condition)
{
    for (uint64_t end = now_ns() + 10000000000ULL; now_ns() < end; usleep(500))
        if (condition())
            return true;
    return condition();
}

/** A folder of the test's own, removed with what is in it at the end. */
class TempDir
{
  public:
    TempDir()
    {
        char name[] = "/tmp/sluice-test-XXXXXX";
        if (mkdtemp(name) == nullptr)
            abort();
        path = name;
    }
    ~TempDir()
    {
        for (const std::string &file : files)
            unlink(file.c_str());
        rmdir(path.c_str());
    }
    std::string file(const std::string &name)
    {
        files.push_back(path + "/" + name);
        return files.back();
    }
    std::string path;

  private:
    std::vector<std::string> files;
};

class Gateway
{
  public:
    /** give_back: detached attachments return to the registry at once, as workers would do. */
    explicit Gateway(const std::string &path, unsigned workers = 1, uint64_t ring_size = 65536,
                     uint64_t generation = 1, bool give_back = true, unsigned per_user = 0)
        : path_(path), give_back_(give_back)
    {
        config_.socket_path = path_.c_str();
        config_.socket_mode = 0600;
        config_.services = services_;
        config_.service_count = 2;
        config_.worker_count = workers;
        config_.ring_size = ring_size;
        config_.generation = generation;
        config_.payload_max = 1400;
        config_.per_user = per_user;
        config_.arg = this;
        config_.attach = [](void *arg, sl_attachment *attachment) {
            static_cast<Gateway *>(arg)->attachments_.push_back(attachment);
        };
        config_.detach = [](void *arg, sl_attachment *attachment) {
            static_cast<Gateway *>(arg)->detach(attachment);
        };
        config_.request = [](void *arg, const sl_consumer_info *consumer, const char *connection,
                             uint32_t request) {
            static_cast<Gateway *>(arg)->requests.push_back(
                {consumer->consumer, consumer->service, connection, request});
            return (sl_ring_status) static_cast<Gateway *>(arg)->request_status;
        };
        char reason[256] = "";
        if (sl_registry_create(&config_, &registry, reason) != 0) {
            fprintf(stderr, "%s\n", reason);
            abort();
        }
    }

    ~Gateway()
    {
        stop_polling();
        while (!detached_.empty())
            give_back_one();
        sl_registry_destroy(registry);
    }

    struct Request {
        uint32_t consumer;
        uint16_t service;
        std::string connection;
        uint32_t number;
    };
    std::vector<Request> requests; /* read while it does not poll, or when they were answered */
    std::atomic<sl_ring_status> request_status{SL_RING_STATUS_OK};

    /** Polls from a thread of its own from now on. */
    void start_polling()
    {
        polling_ = true;
        poller_ = std::thread([this] {
            for (; polling_; usleep(200))
                poll();
        });
    }

    void stop_polling()
    {
        polling_ = false;
        if (poller_.joinable())
            poller_.join();
    }

    void poll(uint64_t now = now_ns())
    {
        std::lock_guard<std::mutex> lock(mutex_);
        sl_registry_poll(registry, now);
    }

    void evict(uint32_t consumer)
    {
        std::lock_guard<std::mutex> lock(mutex_);
        sl_registry_evict(registry, consumer);
    }

    std::vector<sl_consumer_info> list()
    {
        std::lock_guard<std::mutex> lock(mutex_);
        sl_consumer_info info[SL_CONSUMERS_MAX];
        unsigned count = sl_registry_list(registry, info);
        return {info, info + count};
    }

    /** What is attached now, in the order of attaching. */
    std::vector<sl_attachment *> attachments()
    {
        std::lock_guard<std::mutex> lock(mutex_);
        return attachments_;
    }

    bool has_attachments(size_t count)
    {
        return eventually([&] { return attachments().size() == count; });
    }

    size_t detached_count()
    {
        std::lock_guard<std::mutex> lock(mutex_);
        return detached_.size();
    }

    /** What the workers are asked to give back, in order. */
    std::vector<sl_attachment *> detached()
    {
        std::lock_guard<std::mutex> lock(mutex_);
        return detached_;
    }

    void give_back_one()
    {
        std::lock_guard<std::mutex> lock(mutex_);
        sl_attachment *attachment = detached_.front();
        detached_.erase(detached_.begin());
        sl_registry_detached(registry, attachment);
    }

    sl_registry *registry = nullptr;

  private:
    void detach(sl_attachment *attachment)
    {
        attachments_.erase(std::find(attachments_.begin(), attachments_.end(), attachment));
        if (give_back_)
            sl_registry_detached(registry, attachment);
        else
            detached_.push_back(attachment);
    }

    std::string path_;
    const bool give_back_;
    const char *const services_[2] = {"echo", "relay"};
    sl_registry_config config_{};
    std::mutex mutex_;
    std::atomic<bool> polling_{false};
    std::thread poller_;
    std::vector<sl_attachment *> attachments_;
    std::vector<sl_attachment *> detached_;
};

/**
 * What a worker does after it has written: publish, fence, look who sleeps; and again in later
 * turns when the wake-up was put off. return whether somebody was woken.
 */
inline bool show(sl_attachment *attachment)
{
    sl_ring_publish(&attachment->receive);
    __atomic_thread_fence(__ATOMIC_SEQ_CST);
    bool has_woken = sl_attachment_wake(attachment, now_ns());
    while (attachment->wake_due)
        has_woken = sl_attachment_wake(attachment, now_ns());
    return has_woken;
}

inline bool put(sl_attachment *attachment, uint8_t kind, uint64_t session, const void *payload,
                size_t len, uint16_t detail = 0)
{
    sl_ring_entry *entry = sl_ring_reserve(&attachment->receive, (uint32_t)len);
    if (entry == nullptr)
        return false;
    entry->kind = kind;
    entry->worker = (uint8_t)attachment->worker;
    entry->detail = detail;
    entry->session = session;
    entry->time_ns = 12345;
    if (len > 0)
        memcpy(entry + 1, payload, len);
    sl_ring_commit(&attachment->receive, entry, (uint32_t)len);
    return true;
}

} // namespace test

#endif
