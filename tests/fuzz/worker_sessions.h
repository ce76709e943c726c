/** A worker, or two, with sessions in every state, and what their peers have sealed. */
#ifndef WORKER_SESSIONS_H
#define WORKER_SESSIONS_H

#include <memory>

#include "fuzz.h"
#include "worker_bench.h"

namespace fuzz::sessions
{

using sluice::Consumer;
using sluice::Peer;
using sluice::WorkerBench;

constexpr uint8_t kRestart = 99; /* fills the random of a client that starts again */

enum { CID4, TUPLE4, CID6, KEYED, HALF_OPEN, LEGACY, PEERS }; /* libssl keeps the last one */

/** Cookies that are good: the stranger's; TUPLE4's client's of old, when it starts again, and when
 * it does once more; HALF_OPEN's when it gives up its first attempt. */
enum { STRANGER, DUPLICATE, RESTART, RESTART_AGAIN, SECOND_TRY, COOKIES };

/** A record that a peer sealed. Who has its bytes can make the gateway take it, once. */
struct Sealed {
    unsigned peer;
    uint8_t type;
    Bytes plain;
    Bytes record;
};

class Sessions
{
  public:
    explicit Sessions(uint8_t mode)
        : workers(mode & 1 ? 2 : 1), bench(options(0, mode)), consumer(0, 0, 0)
    {
        if (workers == 2)
            other = std::make_unique<WorkerBench>(options(1, mode));
        bench.Attach(consumer);
        const sl_path tuple4 = path_of(TUPLE4 + 1, false);
        cookies[DUPLICATE] = cookie_for(tuple4, TUPLE4 + 1); /* its session is not there yet */
        for (unsigned i = 0; i < PEERS; i++)
            connect(i);
        cookies[STRANGER] = cookie_for(stranger(), 1);
        cookies[RESTART] = cookie_for(tuple4, kRestart);
        cookies[RESTART_AGAIN] = cookie_for(tuple4, kRestart + 1);
        cookies[SECOND_TRY] = cookie_for(peers[HALF_OPEN].path, kRestart);
    }

    sl_path stranger() const
    {
        return path_of(99, false);
    }

    Bytes seal(unsigned peer, uint8_t type, const Bytes &plain)
    {
        Bytes record = bench.Seal(peers[peer], type, plain);
        fresh.push_back({peer, type, plain, record});
        if (!peers[peer].own_cid.empty())
            unpad(fresh.back());
        return record;
    }

    const unsigned workers;
    WorkerBench bench;
    std::unique_ptr<WorkerBench> other; /* the second worker, if there is one */
    Consumer consumer;
    Peer peers[PEERS];
    Bytes cookies[COOKIES];
    std::vector<Sealed> fresh, used; /* not delivered yet; delivered */

  private:
    WorkerBench::Options options(unsigned index, uint8_t mode) const
    {
        WorkerBench::Options options;
        options.index = index;
        options.worker_count = workers;
        options.peer_moves = (sl_peer_moves)(mode / 2 % 3);
        options.rx_checksum = mode & 0x40 ? SL_RX_CHECKSUM_REQUIRE : SL_RX_CHECKSUM_AUTO;
        options.handshaker_ring = 1 << 16;
        return options;
    }

    /** A client whose 5-tuple belongs to worker 0. */
    sl_path path_of(unsigned client, bool v6) const
    {
        sl_path path = WorkerBench::ClientPath(client, 40000, v6);
        while ((uint8_t)sl_wire_rss_hash(&path.tuple) % workers != 0)
            path.tuple.remote_port++;
        return path;
    }

    void connect(unsigned i)
    {
        const bool with_cid = i != TUPLE4;
        sl_path path = path_of(i + 1, i == CID6);
        if (i < KEYED) {
            peers[i] = bench.Connect(path, with_cid, (uint8_t)(i + 1));
        } else {
            peers[i].path = path;
            peers[i].handle = bench.BeginHandshake(path, (uint8_t)(i + 1));
        }
        if (i == KEYED)
            bench.GiveKeys(peers[i], false);
        if (i == LEGACY) {
            sl_message_established established{};
            established.is_legacy = true;
            bench.FromHandshaker(SL_MESSAGE_ESTABLISHED, peers[i].handle, &established,
                                 sizeof established);
            bench.Turn();
        }
        FUZZ_CHECK(peers[i].handle != 0);
        bench.ToHandshaker();
        consumer.Receive();
    }

    Bytes cookie_for(const sl_path &path, uint8_t random)
    {
        bench.Receive({WorkerBench::UdpFrame(path, WorkerBench::ClientHello({}, random))});
        std::vector<Bytes> answers = bench.SentPayloads();
        FUZZ_CHECK(answers.size() == 1);
        return WorkerBench::CookieOf(answers[0]);
    }

    /** Behind a connection ID a type of 0 is padding, and what stands before it the type. */
    static void unpad(Sealed &sealed)
    {
        for (; sealed.type == 0 && !sealed.plain.empty(); sealed.plain.pop_back())
            sealed.type = sealed.plain.back();
    }
};

} // namespace fuzz::sessions

#endif
