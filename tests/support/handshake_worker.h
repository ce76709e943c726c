/**
 * Speaks for a worker in tests of the handshaker: asks for the cookie or begins as a client,
 * forwards records, numbers and seals what the handshaker wants sent. One object serves many peers
 * over one pair of rings.
 */
#ifndef SL_TEST_HANDSHAKE_WORKER_H
#define SL_TEST_HANDSHAKE_WORKER_H

#include <functional>
#include <map>
#include <memory>
#include <set>

#include "dtls_client.h"

extern "C" {
#include "sl_message.h"
#include "sl_record.h"
}

namespace sl_test
{

/** A record of a `send`, as the handshaker wrote it. */
struct Part {
    uint8_t type;
    uint8_t epoch;
    Bytes bytes;
};

struct EpochDeleter {
    void operator()(sl_epoch *epoch) const
    {
        free(epoch);
    }
};

struct Peer {
    unsigned id = 0;
    uint64_t handle = 0;
    bool has_handle = false;
    Bytes own_cid = Bytes(20);
    uint64_t next_number = 0; /* of epoch 0 */
    std::unique_ptr<sl_epoch, EpochDeleter> epoch;
    bool is_established = false;
    bool is_legacy = false; /* libssl keeps it */
    uint32_t forged = 0;    /* then: records, as the handshaker says */
    bool is_aborted = false;
    sl_message_abort abort = {}; /* as it said why */
    bool is_resumed = false, own_cid_in_use = false, peer_cid_in_use = false;
    sl_identity identity = {};
    uint64_t expires_ns = 0;               /* as established says */
    const sl_peer_chain *chain = nullptr;  /* as established says; until the handle is closed */
    std::vector<sl_message_kind> messages; /* from the handshaker, in order */
    std::vector<std::vector<Part>> sends;  /* one a datagram */
    std::vector<Bytes> output;             /* datagrams for the client */
    std::vector<Bytes> data;               /* application data that was delivered */
    unsigned early_data = 0;
    bool is_closed = false;                          /* by a close_notify that came early, too */
    std::set<std::pair<unsigned, uint64_t>> numbers; /* epoch, number: used on the wire */
};

/** What a client's worker asks for. */
struct ConnectOptions {
    std::optional<Bytes> cid; /* offers to receive it; an empty one says "send me none" */
    uint16_t client = 0;
    uint32_t timeout_ms = 0;
    uint32_t credential = 0;
    uint64_t resume = 0;
};

class HandshakeWorker
{
  public:
    HandshakeWorker(unsigned index, uint64_t ring_size);
    ~HandshakeWorker();
    HandshakeWorker(const HandshakeWorker &) = delete;
    HandshakeWorker &operator=(const HandshakeWorker &) = delete;

    sl_ring_consumer *to_handshaker_consumer()
    {
        return sl_ring_consumer_of(to_handshaker);
    }
    sl_ring_producer *from_handshaker_producer()
    {
        return sl_ring_producer_of(from_handshaker);
    }

    Peer &peer(unsigned id);
    /** Begins a handshake as a client, under a handle that is new. */
    void connect(unsigned id, const ConnectOptions &options = {});
    /** A datagram from a peer: the worker's part of it, messages to the handshaker included. */
    void receive(unsigned id, const Bytes &datagram);
    /** Takes the handshaker's messages, at most max. return how many. */
    unsigned poll(unsigned max = 1000000);
    /** Application data to the client. */
    void send_data(unsigned id, const Bytes &data);
    /** Asks for a close_notify of a session that libssl keeps. */
    void close_legacy(unsigned id);
    /** Gives the handle up. */
    void close(unsigned id);
    /** Any message, sound or not. */
    bool post(sl_message_kind kind, uint64_t handle, const Bytes &body);
    bool post_record(unsigned id, const Bytes &record);

    /** A record of epoch 1 of the worker's own, under the keys that it was given. */
    Bytes seal_for(unsigned id, uint8_t type, const Bytes &plain);

    /** Changes what the handshaker wants sealed, before it is. */
    std::function<void(unsigned id, uint8_t &type, Bytes &plain)> before_seal;
    bool gives_cids = true;
    unsigned cid_len = SL_OWN_CID_LEN;
    uint16_t path_payload_max = 1452;
    uint16_t service = 0; /* that clients come for */

  private:
    void give_handle(Peer &peer);
    void receive_record(Peer &peer, const sl_record_header &header, const Bytes &record);
    void receive_hello(Peer &peer, const sl_record_header &header, const Bytes &record);
    void receive_protected(Peer &peer, const Bytes &record);
    void take(const sl_message &message);
    void take_keys(Peer &peer, const sl_message &message);
    void take_send(Peer &peer, const sl_message &message);
    void post_data(Peer &peer, bool is_close, const Bytes &data);
    Bytes seal(Peer &peer, uint8_t type, const uint8_t *bytes, size_t len);

    unsigned index;
    sl_ring *to_handshaker;
    sl_ring *from_handshaker;
    sl_aead *aead;
    std::map<unsigned, Peer> peers;
    std::map<uint64_t, unsigned> ids;
    unsigned generation = 0;
};

} // namespace sl_test

#endif
