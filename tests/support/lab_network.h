/**
 * A network between the ends that a lab has: it loses, doubles and reorders, all in one thread and
 * in virtual time, the same in every run.
 */
#ifndef SL_TEST_LAB_NETWORK_H
#define SL_TEST_LAB_NETWORK_H

#include <functional>
#include <map>
#include <queue>
#include <random>

#include "dtls_peer.h"
#include "virtual_time.h"

namespace sl_test
{

/** What the network does to a datagram; the default is its chances. */
enum class Fate { By_chance, Deliver, Lose };

struct Chances {
    double loss = 0, duplication = 0, reordering = 0;
    uint64_t seed = 1;
};

class LabNetwork
{
  public:
    /** Runs until done, or until no more than `limit_ms` have passed. return done(). */
    bool run_until(const std::function<bool()> &done, uint64_t limit_ms = 120000);
    void run_for(uint64_t ms);
    void set_network(const Chances &chances);

    /** Looks at each datagram: to_server, id, the datagram. */
    std::function<Fate(bool, unsigned, const Bytes &)> judge;
    /** Changes a datagram that is on its way: to_server, id, the datagram. */
    std::function<void(bool, unsigned, Bytes &)> alter;
    /** Changes what a step does: called after each. */
    std::function<void()> after_step;

  protected:
    explicit LabNetwork(const Chances &chances) : chances(chances), random(chances.seed) {}
    virtual ~LabNetwork() = default;

    /** Lets everybody speak until they have nothing more to say at this instant. */
    void settle();
    void transmit(bool to_server, unsigned id, const Bytes &datagram);
    /** What is libssl's own has sent this, and wants to go on when its timer says so. */
    void collect_from(DtlsPeer &end, bool to_server, unsigned id);
    void forget(unsigned id);

    /** Handshakers and workers say what they have to say. return whether there was anything. */
    virtual bool poll() = 0;
    /** Gives transmit what has been sent meanwhile. */
    virtual void collect() = 0;
    virtual void deliver(bool to_server, unsigned id, const Bytes &datagram) = 0;
    /** The end of this number that is libssl's. */
    virtual DtlsPeer &end_of(unsigned id) = 0;
    /** When a handshaker is due. */
    virtual uint64_t next_timer_ns() = 0;

  private:
    struct Event {
        uint64_t at_ns;
        uint64_t order;
        bool to_server;
        unsigned id;
        Bytes datagram;
        bool operator<(const Event &other) const
        {
            return at_ns != other.at_ns ? at_ns > other.at_ns : order > other.order;
        }
    };
    bool chance(double probability);
    uint64_t next_event_ns();
    void step();

    Chances chances;
    std::map<unsigned, uint64_t> dues; /* of libssl's ends */
    std::priority_queue<Event> events;
    uint64_t order = 0;
    std::mt19937_64 random;
};

} // namespace sl_test

#endif
