/**
 * Kernel UDP sockets as a port: bursts of frame descriptors in and out, for a program that plays
 * many clients and has no DPDK port. Each source is a socket of its own, bound to the client's
 * address and connected to the server.
 *
 * A frame here is a UDP payload alone, without headers: data[len]. Its source stands in tuple_hash.
 * All memory is allocated at creation; after that only sl_sockets_open asks the kernel for any.
 * Everything is for one thread, which may be another one than the creator's.
 */
#ifndef SL_SOCKETS_H
#define SL_SOCKETS_H

#include "sl_base.h"

struct sl_sockets;

/** Bytes free before the payload of a frame from here: room for headers of records. */
#define SL_SOCKETS_HEADROOM 128
/** The most that a UDP datagram can hold over IPv4. */
#define SL_SOCKETS_ROOM_MAX 65507
/** Descriptors that the process wants beside those of the sources: sl_sockets_raise_limit. */
#define SL_SOCKETS_OTHER_DESCRIPTORS 64

struct sl_sockets_config {
    unsigned sources_max;        /* 1..2^20 */
    unsigned frame_count;        /* frames of the pool */
    unsigned frame_room;         /* bytes of payload in a frame: 1..SL_SOCKETS_ROOM_MAX */
    unsigned receive_buffer_len; /* of each socket, in the kernel; 0: large for few sources, small
                                    for many */
    unsigned send_buffer_len;    /* likewise */
    bool is_unsegmented;         /* the kernel is not asked to cut (UDP_SEGMENT) or join (UDP_GRO)
                                    datagrams of equal length */
};

#define SL_SOCKET_COUNTER_LIST(X)                                                                  \
    X(RECEIVED, "datagrams received")                                                              \
    X(SENT, "datagrams sent")                                                                      \
    X(JOINED, "datagrams received that the kernel had joined with others")                         \
    X(CUT, "datagrams sent that the kernel was to cut out of a larger one")                        \
    X(OVERRUN, "datagrams lost because a socket's receive buffer was full")                        \
    X(RECEIVE_TOO_LARGE, "received datagrams too large for a frame")                               \
    X(POOL_EMPTY, "receives put off because no frame was free")                                    \
    X(REFUSED, "answers of the other side that it has no such port")                               \
    X(UNREACHABLE, "answers and failures of the network: no way to the other side")                \
    X(RECEIVE_ERROR, "other errors while receiving")                                               \
    X(SEND_ERROR, "errors while sending, of other kinds or not named")                             \
    X(SEND_FULL, "sends put off because a socket's or a device's queue was full")                  \
    X(SEND_TOO_LARGE, "datagrams lost that were too large for the path")                           \
    X(SEND_LOST, "datagrams lost to another error while sending")                                  \
    X(SEND_NO_SOURCE, "datagrams lost whose source has no socket")                                 \
    X(UNCUT, "times that the kernel refused to cut datagrams, which then went one by one")

enum sl_socket_counter {
#define X(name, text) SL_SOCKET_##name,
    SL_SOCKET_COUNTER_LIST(X)
#undef X
        SL_SOCKET_COUNTER_COUNT,
};
const char *sl_socket_counter_name(enum sl_socket_counter counter);
const char *sl_socket_counter_text(enum sl_socket_counter counter);

/**
 * Makes sure that the process may have so many sources (and SL_SOCKETS_OTHER_DESCRIPTORS more
 * descriptors), over all that it creates: raises RLIMIT_NOFILE where that is needed and allowed.
 * reason [256] on failure: one sentence that says what to do.
 */
int sl_sockets_raise_limit(unsigned sources, char *reason) SL_MUST_USE;

/**
 * return 0 and *out, or -errno and reason [256]: one sentence that says what to do.
 */
int sl_sockets_create(const struct sl_sockets_config *config, struct sl_sockets **out,
                      char *reason) SL_MUST_USE;
/** Closes all sockets. All frames are gone with it, wherever they are. NULL: nothing. */
void sl_sockets_destroy(struct sl_sockets *sockets);

/**
 * Opens the socket of a source (0..sources_max - 1) that has none: non-blocking, bound to the local
 * side (port 0: one of the kernel's choice; address of zeros: likewise), connected to the remote.
 *
 * tuple  both addresses of one family. sl_sockets_tuple says afterwards what it became.
 * return 0, or -errno: EMFILE, EADDRINUSE, EADDRNOTAVAIL, ENETUNREACH... of the kernel's; EINVAL:
 * no such source, or two families; EBUSY: it has a socket.
 */
int sl_sockets_open(struct sl_sockets *sockets, unsigned source,
                    const struct sl_tuple *tuple) SL_MUST_USE;
/** Closes it; what has come in and was not received is lost. Does nothing to one without socket. */
void sl_sockets_close(struct sl_sockets *sockets, unsigned source);
/** The addresses of an open source, the kernel's choices among them; NULL: it has no socket. */
const struct sl_tuple *sl_sockets_tuple(const struct sl_sockets *sockets, unsigned source);

/**
 * Receives up to n frames, whose are the caller's then. Sources take turns, each with a bounded
 * share. What a socket's error says is counted and ends nothing.
 *
 * frames  out: data[len] is the datagram's payload; payload_off 0, payload_len len, kind
 *         SL_PACKET_UDP, path.tuple the source's, tuple_hash the source.
 * return  how many. Never blocks; at most n + 1 system calls.
 */
unsigned sl_sockets_receive(struct sl_sockets *sockets, struct sl_frame **frames, unsigned n);

/**
 * Sends data[len] of each frame from the source in its tuple_hash. What one source sends stays in
 * order. Datagrams of equal length go to the kernel as one, where it can cut them.
 *
 * frames  [n] of this pool; the call may change the order of frames of different sources.
 * return  how many were taken: ownership of the first `return` frames passes, sent or, with a
 *         counted reason, lost. The others wait for room in a queue of the kernel's: try later.
 */
unsigned sl_sockets_transmit(struct sl_sockets *sockets, struct sl_frame **frames, unsigned n);

/** Empty frames from the pool: len 0, tailroom the room. return how many, fewer when it is empty.
 */
unsigned sl_sockets_take(struct sl_sockets *sockets, struct sl_frame **frames, unsigned n);
/** Gives frames back to the pool they came from. */
void sl_sockets_free(struct sl_sockets *sockets, struct sl_frame **frames, unsigned n);
/** Frames in the pool now. */
unsigned sl_sockets_free_count(const struct sl_sockets *sockets);

/**
 * Sleeps until there may be something to receive, at most timeout_ns; not at all while something
 * is known to wait. Room to send does not wake it.
 * return whether there may be something.
 */
bool sl_sockets_wait(struct sl_sockets *sockets, uint64_t timeout_ns);

uint64_t sl_sockets_counter(const struct sl_sockets *sockets, enum sl_socket_counter counter);
/** Brings OVERRUN up to date, which else counts a socket when it is closed. A system call for each
 * open source: for a pause, or the end. */
void sl_sockets_count_overruns(struct sl_sockets *sockets);

#endif
