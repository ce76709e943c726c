/**
 * Constants of the protocols on the wire, and the limits of this gateway that follow from them.
 * RFC 6347 (DTLS 1.2), RFC 9146 (connection IDs), RFC 5246 (TLS 1.2), RFC 5288, RFC 7905.
 */
#ifndef SL_PROTOCOL_H
#define SL_PROTOCOL_H

/** Frames, records or messages that one pass over a stage handles at most. */
#define SL_BURST 32

/** Record layer, RFC 6347 4.1. */
#define SL_DTLS_VERSION_1_0 0xfeff
#define SL_DTLS_VERSION_1_2 0xfefd
#define SL_RECORD_HEADER_LEN 13       /* without a connection ID */
#define SL_RECORD_CID_OFF 11          /* of the connection ID in a header; RFC 9146 4 */
#define SL_RECORD_PLAINTEXT_MAX 16384 /* 2^14 */
#define SL_RECORD_PROTECTED_MAX (SL_RECORD_PLAINTEXT_MAX + 2048) /* RFC 5246 6.2.3 */
#define SL_SEQ_MAX ((1ULL << 48) - 1) /* RFC 6347 4.1: sequence numbers never wrap */

enum sl_content_type {
    SL_CONTENT_CHANGE_CIPHER_SPEC = 20,
    SL_CONTENT_ALERT = 21,
    SL_CONTENT_HANDSHAKE = 22,
    SL_CONTENT_APPLICATION_DATA = 23,
    SL_CONTENT_TLS12_CID = 25, /* RFC 9146 */
};

/** Handshake messages, RFC 6347 4.2.2 and 4.3.2, RFC 5077 4. */
#define SL_HANDSHAKE_HEADER_LEN 12
#define SL_RANDOM_LEN 32
#define SL_SESSION_ID_MAX 32

enum sl_handshake_type {
    SL_HANDSHAKE_HELLO_REQUEST = 0,
    SL_HANDSHAKE_CLIENT_HELLO = 1,
    SL_HANDSHAKE_SERVER_HELLO = 2,
    SL_HANDSHAKE_HELLO_VERIFY_REQUEST = 3,
    SL_HANDSHAKE_NEW_SESSION_TICKET = 4,
    SL_HANDSHAKE_CERTIFICATE = 11,
    SL_HANDSHAKE_SERVER_KEY_EXCHANGE = 12,
    SL_HANDSHAKE_CERTIFICATE_REQUEST = 13,
    SL_HANDSHAKE_SERVER_HELLO_DONE = 14,
    SL_HANDSHAKE_CERTIFICATE_VERIFY = 15,
    SL_HANDSHAKE_CLIENT_KEY_EXCHANGE = 16,
    SL_HANDSHAKE_FINISHED = 20,
};

/** Alerts, RFC 5246 7.2. */
enum sl_alert_level { SL_ALERT_WARNING = 1, SL_ALERT_FATAL = 2 };
enum sl_alert { SL_ALERT_CLOSE_NOTIFY = 0, SL_ALERT_NO_RENEGOTIATION = 100 };

/** Connection IDs, RFC 9146. Extension 54; ours have 8 bytes (layout 0), a peer's up to 32. */
#define SL_EXTENSION_CONNECTION_ID 54
#define SL_OWN_CID_LEN 8
#define SL_PEER_CID_MAX 32
#define SL_CID_WIRE_MAX 255

/** AEAD records. */
#define SL_AEAD_TAG_LEN 16      /* the longest, and nearly always the one */
#define SL_AEAD_SHORT_TAG_LEN 8 /* RFC 6655 4 */
#define SL_AEAD_NONCE_LEN 12
#define SL_GCM_EXPLICIT_NONCE_LEN 8 /* RFC 5288 3; CCM's, too: RFC 6655 3 */

/** The most that protection adds to a payload: header, peer CID, explicit nonce, inner type, tag.
 */
#define SL_RECORD_OVERHEAD_MAX                                                                     \
    (SL_RECORD_HEADER_LEN + SL_PEER_CID_MAX + SL_GCM_EXPLICIT_NONCE_LEN + 1 + SL_AEAD_TAG_LEN)

/** Records that are looked at in one datagram; what follows them is dropped and counted. */
#define SL_RECORDS_PER_DATAGRAM_MAX 16

/** Layers below. */
#define SL_ETHER_ADDR_LEN 6
#define SL_ETHER_HEADER_LEN 14
#define SL_VLAN_TAG_LEN 4
#define SL_IPV4_HEADER_LEN 20
#define SL_IPV6_HEADER_LEN 40
#define SL_UDP_HEADER_LEN 8

#endif
