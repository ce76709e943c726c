/** A client of the simulation: libssl behind an address, and what it has sent and got back. */
#ifndef SL_SIM_CLIENT_H
#define SL_SIM_CLIENT_H

#include <map>
#include <memory>
#include <set>

#include "dtls_client.h"
#include "network.h"

extern "C" {
#include "sl_wire.h"
}

namespace sl_sim
{

/** A message says who sent it, in which of its sessions, and its place in their order. */
struct Message {
    unsigned client, generation;
    uint32_t counter;
};
Bytes encode(const Message &message, size_t len);
bool decode(const Bytes &payload, Message &out);

struct ClientSetup {
    bool with_cid = true;
    bool v6 = false;
    bool resumes = false; /* its session, when it restarts */
    sl_test::ClientOptions tls;
};

class Client
{
  public:
    Client(unsigned id, const ClientSetup &setup, uint16_t vlan_id);

    /** A new session from the present address, whatever became of the one before. */
    void restart();
    /** Takes another address; what was on its way to the old one is lost. */
    void move(unsigned place);
    void send(size_t len);
    /** A frame that has its present address as destination. */
    void receive(const Bytes &frame);
    /** What libssl has written, as frames. */
    std::vector<Bytes> take_frames();
    /** The same, all records in one datagram. */
    Bytes take_frame();
    Bytes frame_of(const Bytes &payload) const;
    /** The same from anywhere. */
    static Bytes frame_of(const sl_path &from, const Bytes &payload);
    bool owns(const sl_tuple &tuple) const;

    sl_test::DtlsClient &dtls()
    {
        return *session;
    }
    bool is_connected() const
    {
        return session->is_connected();
    }
    static constexpr unsigned cid_size = 5; /* of its own connection ID */

    const unsigned id;
    unsigned generation = 0;
    uint32_t sent = 0;            /* messages of this session */
    std::set<uint32_t> echoed;    /* counters that came back in this session */
    uint64_t due_ns = UINT64_MAX; /* of libssl's timer */
    bool is_started = false;
    bool was_restarted = false;
    bool has_closed = false; /* it says nothing more */
    sl_path path{};          /* its own view: local is the client */

  private:
    ClientSetup setup;
    std::unique_ptr<sl_test::DtlsClient> session;
};

} // namespace sl_sim

#endif
