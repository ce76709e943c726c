/**
 * The one list of reasons why a record, a frame without records, or a message to be sent was
 * dropped. Names, texts, counters and metrics all grow from it.
 *
 * RX reasons count what came from the network; together with the other ends of a record they make
 * the equation that the simulation checks:
 *
 *     received = delivered + answered + to handshakes + consumed + sum of RX drops
 *
 * The unit is the record; a frame without records counts as one. TX reasons count messages of
 * consumers and handshakes that were accepted but could not be sent.
 */
#ifndef SL_DROP_H
#define SL_DROP_H

#include <stdbool.h>

/* clang-format off */
#define SL_DROP_LIST(X)                                                                            \
    /* frames */                                                                                   \
    X(SEGMENTED,         RX, "frame in more than one segment")                                     \
    X(TRUNCATED,         RX, "header or length field passes the end of the frame")                 \
    X(ETHERTYPE,         RX, "neither IPv4, IPv6 nor ARP, or more than one VLAN tag")              \
    X(IP_HEADER,         RX, "malformed IP header or bad IPv4 header checksum")                    \
    X(IP_FRAGMENT,       RX, "IP fragment")                                                        \
    X(IP_PROTOCOL,       RX, "IP protocol or ICMP message that the gateway does not serve")        \
    X(NOT_OURS,          RX, "destination address, VLAN or MAC is not the gateway's")              \
    X(BAD_SOURCE,        RX, "source address or port that nobody can have")                        \
    X(UDP_LENGTH,        RX, "UDP length disagrees with the packet")                               \
    X(UDP_CHECKSUM,      RX, "bad UDP or ICMP checksum")                                           \
    X(NO_LISTENER,       RX, "UDP port that no listener has")                                      \
    X(NOT_DTLS,          RX, "first byte is not a DTLS record's (RFC 7983)")                       \
    /* records */                                                                                  \
    X(RECORD_HEADER,     RX, "malformed DTLS record header")                                       \
    X(RECORD_VERSION,    RX, "record version is not DTLS 1.2")                                     \
    X(RECORD_TOO_LARGE,  RX, "record longer than RFC 6347 allows")                                 \
    X(RECORD_TOO_SHORT,  RX, "protected record too short for nonce and tag")                       \
    X(RECORDS_TOO_MANY,  RX, "more records in one datagram than are looked at")                    \
    X(OTHER_OWNER,       RX, "record of another owner than the first of its datagram")             \
    X(HANDOFF_FULL,      RX, "ring to the owning worker was full")                                 \
    X(HANDOFF_TWICE,     RX, "handed over already, and still not owned here")                      \
    X(UNKNOWN_CID,       RX, "connection ID of no session")                                        \
    X(UNKNOWN_PEER,      RX, "address of no session")                                              \
    X(CID_EXPECTED,      RX, "protected record without the connection ID that was negotiated")     \
    X(EPOCH,             RX, "epoch that the session does not have")                               \
    X(AUTH,              RX, "tag did not verify")                                                 \
    X(REPLAY,            RX, "sequence number seen before")                                        \
    X(REPLAY_OLD,        RX, "sequence number older than the replay window")                       \
    X(INNER_TYPE,        RX, "inner plaintext without a content type (RFC 9146 3)")                \
    X(CONTENT_TYPE,      RX, "content type that has no place here")                                \
    X(EARLY_DATA,        RX, "application data before the peer's Finished was verified")           \
    X(PLAINTEXT_ALERT,   RX, "unauthenticated alert after keys exist")                             \
    X(RENEGOTIATION,     RX, "handshake message in an established session")                        \
    X(PEER_MOVE_REFUSED, RX, "authentic record from a new address, refused by policy")             \
    X(FORGERY_LIMIT,     RX, "session closed: too many forged records (RFC 9325 4.4)")             \
    X(CLOSING,           RX, "session is closing")                                                 \
    /* ClientHello and handshake */                                                                \
    X(DENIED,            RX, "source that the lists of prefixes keep out")                         \
    X(CLIENT_HELLO,      RX, "malformed ClientHello or one too long for its first fragment")       \
    X(HELLO_FRAGMENT,    RX, "ClientHello fragment without its handshake")                         \
    X(HELLO_DUPLICATE,   RX, "ClientHello of an established session again")                        \
    X(HELLO_BUDGET,      RX, "more ClientHellos than the worker has time for")            \
    X(HELLO_RATE,        RX, "more ClientHellos without a cookie than may be answered")            \
    X(HANDSHAKE_RATE,    RX, "source prefix begins too many handshakes a second")                  \
    X(HANDSHAKES_PER_PREFIX, RX, "too many handshakes of the source prefix in progress")           \
    X(HANDSHAKE_RECORDS, RX, "more records of one handshake than any client sends")                \
    X(HANDSHAKE_SHARE,   RX, "prefix has its share of the ring to the handshake thread")           \
    X(ANSWER_RATE,       RX, "more pings, ARP or neighbour discovery than may be answered")        \
    X(ANSWER_NO_BUFFER,  RX, "no room to send the answer to a stranger")                           \
    X(HALF_OPEN_LIMIT,   RX, "too many handshakes in progress")                                    \
    X(TABLE_FULL,        RX, "session table is full")                                              \
    X(HANDSHAKE_FULL,    RX, "ring to the handshake thread was full")                              \
    X(HANDSHAKE_TOO_BIG, RX, "datagram too large for a handshake message")                         \
    /* delivery */                                                                                 \
    X(NO_CONSUMER,       RX, "no consumer serves the session's service")                           \
    X(RING_FULL,         RX, "consumer's receive ring was full")                                   \
    X(SHUTDOWN,          RX, "gateway is stopping")                                                \
    /* sending */                                                                                  \
    X(SEND_MALFORMED,    TX, "malformed entry in a send ring")                                     \
    X(SEND_HANDLE,       TX, "send on a handle that is gone or not this consumer's")               \
    X(SEND_TOO_LARGE,    TX, "message too large for the path")                                     \
    X(SEND_CLOSING,      TX, "send on a session that is closing")                                  \
    X(SEND_SEQ_LIMIT,    TX, "no record numbers left in the epoch")                                \
    X(SEND_AMPLIFY,      TX, "three times the bytes from an unconfirmed address are spent")        \
    X(SEND_HOP,          TX, "preloaded session, and nothing has come from its address yet")       \
    X(SEND_NO_BUFFER,    TX, "no frame buffer left")                                               \
    X(SEND_STALE,        TX, "handshake message for a session that is gone")                       \
    X(SEND_PORT,         TX, "port did not take the frame")
/* clang-format on */

enum sl_drop {
    SL_DROP_NONE = 0,
#define X(name, direction, text) SL_DROP_##name,
    SL_DROP_LIST(X)
#undef X
        SL_DROP_COUNT,
};

enum sl_direction { SL_DIRECTION_RX, SL_DIRECTION_TX };

/** The name ("UNKNOWN_CID"), its sentence, and which side it counts. */
const char *sl_drop_name(enum sl_drop drop);
const char *sl_drop_text(enum sl_drop drop);
enum sl_direction sl_drop_direction(enum sl_drop drop);

#endif
