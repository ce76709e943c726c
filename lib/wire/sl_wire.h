/**
 * The formats on the wire: Ethernet, VLAN, ARP, neighbour discovery, IPv4, IPv6, ICMP, UDP, and the
 * headers of DTLS records and ClientHellos. Parses and writes; keeps nothing.
 *
 * Everything parsed is borrowed from the frame. Any thread; never allocates, blocks or logs.
 */
#ifndef SL_WIRE_H
#define SL_WIRE_H

#include "sl_base.h"

/** What to do about received UDP and ICMP checksums (veth hands over unfinished ones). */
enum sl_rx_checksum {
    SL_RX_CHECKSUM_AUTO,    /* drop what the port marked bad, believe the rest */
    SL_RX_CHECKSUM_REQUIRE, /* verify in software what the port did not mark good */
    SL_RX_CHECKSUM_IGNORE,
};

/**
 * Parses a frame down to its UDP payload, ARP request, neighbour solicitation or echo request.
 * RFC 791, 8200, 768, 826, 4861, 792, 4443; one 802.1Q tag.
 *
 * frame  in: data, len, segs, flags, vlan_tci, group.
 *        out, on SL_DROP_NONE: kind, l3_off, payload_off, payload_len, path (the local side is the
 *        destination as written in the frame; the caller decides whether it is its own).
 *        payload_off + payload_len <= len always holds then. For ARP the path's IPs are the
 *        sender's and the target's; for a solicitation local_ip is the target asked for.
 */
enum sl_drop sl_wire_parse_frame(struct sl_frame *frame,
                                 enum sl_rx_checksum rx_checksum) SL_MUST_USE;

/**
 * What nearly every frame is: a UDP datagram over IPv4 to one of our own addresses, whole and
 * sound, without options or VLAN tag, its UDP checksum nobody's business. For port groups that
 * serve no VLAN and don't require that checksum.
 *
 * own_mac  sl_wire_mac_word() of the group's.
 * own_ips  [own_ip_count], at least one.
 * return   true: it is, and the frame says what sl_wire_parse_frame would have said. false: nothing
 *          has been written or decided; ask that one.
 */
static inline bool sl_wire_parse_plain(struct sl_frame *frame, uint64_t own_mac,
                                       const struct sl_ip *own_ips, unsigned own_ip_count);

/**
 * Turns a parsed ARP request, neighbour solicitation or echo request into its answer, in place, of
 * the same length or as long as the protocol asks, back to the frame's sender.
 * The caller has checked that the address asked for is its own. Software checksums.
 *
 * own_mac the MAC of the port group; frame->tailroom may be used for a missing link-layer option.
 * return  SL_DROP_NONE, or why there is no answer.
 */
enum sl_drop sl_wire_answer_frame(struct sl_frame *frame,
                                  const uint8_t own_mac[SL_ETHER_ADDR_LEN]) SL_MUST_USE;

/** The longest of these requests: a solicitation on a VLAN. */
#define SL_WIRE_NEIGHBOUR_REQUEST_MAX                                                              \
    (SL_ETHER_HEADER_LEN + SL_VLAN_TAG_LEN + SL_IPV6_HEADER_LEN + 32)

/** An address on a link, and who has it or asks for it. */
struct sl_neighbour {
    struct sl_ip ip;
    uint8_t mac[SL_ETHER_ADDR_LEN];
    uint16_t vlan_id; /* 0..4094, or SL_VLAN_NONE */
};

/**
 * Writes the question who on the link has `target`: an ARP request (RFC 826), or a neighbour
 * solicitation to the target's solicited-node address (RFC 4861 4.3). Software checksums.
 *
 * frame  in: data, len, tailroom; what it held is written over.
 *        out: len, tailroom, flags 0, l3_off, payload_off, payload_len.
 * asker  of the target's family.
 * return false, and nothing is written: no room for the request, or two families.
 */
bool sl_wire_write_neighbour_request(struct sl_frame *frame, const struct sl_neighbour *asker,
                                     const struct sl_ip *target) SL_MUST_USE;

/**
 * Is the frame an ARP reply, or a neighbour advertisement with a link-layer address, that may be
 * believed as far as one may believe such at all? RFC 826; RFC 4861 7.1.2, 7.2.5. Whom it was sent
 * to, and whether anybody asked, is the caller's to judge. sl_wire_parse_frame drops such frames.
 *
 * frame  in: data, len, segs, flags, vlan_tci. Not written.
 * out    who says that it has which address, and on which VLAN; written when true is returned.
 */
bool sl_wire_parse_neighbour_answer(const struct sl_frame *frame,
                                    struct sl_neighbour *out) SL_MUST_USE;

/** Bytes of Ethernet, VLAN, IP and UDP header before a payload that takes `path`. */
static inline uint16_t sl_wire_headers_len(const struct sl_path *path)
{
    unsigned ip_len = sl_ip_is_v4(&path->tuple.local_ip) ? SL_IPV4_HEADER_LEN : SL_IPV6_HEADER_LEN;
    unsigned vlan_len = path->hop.vlan_id != SL_VLAN_NONE ? SL_VLAN_TAG_LEN : 0;
    return (uint16_t)(SL_ETHER_HEADER_LEN + vlan_len + ip_len + SL_UDP_HEADER_LEN);
}

/**
 * Writes the headers before a payload that already stands at data + sl_wire_headers_len(path).
 *
 * frame  in: data, payload_len (of the UDP payload), flags (SL_FRAME_TX_*: checksums that the port
 *        will do; a pseudo-header sum is put in place for SL_FRAME_TX_UDP_CHECKSUM).
 *        out: len, l3_off, payload_off. The caller keeps headroom and tailroom right.
 * IPv4: DF set, ID 0 (RFC 6864), TTL 64. IPv6: hop limit 64. A computed UDP checksum of 0 is sent
 * as 0xffff. Otherwise the checksum is computed in software, over header and payload.
 */
void sl_wire_write_headers(struct sl_frame *frame, const struct sl_path *path,
                           const uint8_t own_mac[SL_ETHER_ADDR_LEN]);

/** A UDP checksum that is still to be computed: over header and payload, udp [udp_len], in which
 * it stands as 0; pseudo_sum is that of the pseudo-header, not folded. */
struct sl_wire_unsummed {
    uint8_t *udp;
    uint32_t udp_len;
    uint64_t pseudo_sum;
};

/**
 * The same in two steps, so that the sums of a burst are a pass of their own: headers before a
 * payload [payload_len] that stands somewhere in the frame; then the checksums of [n] of them.
 *
 * frame     in: flags. out: data, len, l3_off.
 * unsummed  out: the checksum to compute, but where SL_FRAME_TX_UDP_CHECKSUM leaves it to the port.
 */
static inline void sl_wire_put_headers(struct sl_frame *frame, uint8_t *payload,
                                       uint32_t payload_len, const struct sl_path *path,
                                       const uint8_t own_mac[SL_ETHER_ADDR_LEN],
                                       struct sl_wire_unsummed *unsummed);
void sl_wire_sum_udp_burst(const struct sl_wire_unsummed *unsummed, unsigned n);

/** The Internet checksum (RFC 1071) of `len` bytes added to `sum`, not folded to 16 bits. */
uint64_t sl_wire_checksum_add(uint64_t sum, const uint8_t *bytes, size_t len);
/**
 * Which loop sums from now on, in the whole process: "avx512", "avx2", "sse", "scalar"; NULL, and
 * without a call: the first that the processor can run. For tests and benches; any thread.
 *
 * return false, and nothing changes, when the processor can't run it or the name is none.
 */
bool sl_wire_checksum_use(const char *name);
/** Folded and inverted, in the byte order to store with memcpy. */
static inline uint16_t sl_wire_checksum_fold(uint64_t sum)
{
    /* The halves added, with the carry, stand in the upper one; and so again. */
    sum += sum << 32 | sum >> 32;
    uint32_t half = (uint32_t)(sum >> 32);
    half += half << 16 | half >> 16;
    return (uint16_t) ~(half >> 16);
}

/** The first byte of a UDP payload says DTLS: 20..63, RFC 7983. */
static inline bool sl_wire_is_dtls(uint8_t first)
{
    return first >= 20 && first <= 63;
}

/** One record's header, RFC 6347 4.1, RFC 9146 4. */
struct sl_record_header {
    uint8_t type;    /* enum sl_content_type, or another value that nobody knows */
    uint8_t cid_len; /* 0 unless type is SL_CONTENT_TLS12_CID */
    uint16_t version;
    uint16_t header_len; /* 13 + cid_len */
    uint16_t body_len;   /* of what follows the header */
    union {
        uint64_t epoch_seq; /* both, as additional data and nonces have them */
        struct {
            uint64_t seq : 48;
            uint64_t epoch : 16;
        };
    };
    const uint8_t *cid; /* [cid_len]; the header begins SL_RECORD_CID_OFF before it */
};

/**
 * Reads the header of the record at the reader, checks that its body is there whole, and moves the
 * reader behind it. `own_cid_len` (0..20) is the length of the connection IDs that we give out.
 *
 * Versions: fe fd; fe ff as well for a plaintext (epoch 0) record, as the first ClientHello may
 * have it. Length at most 2^14 + 2048 (RFC 6347 4.1.2 by way of RFC 5246 6.2.3).
 * return SL_DROP_NONE, or RECORD_HEADER, RECORD_VERSION, RECORD_TOO_LARGE: then the rest of the
 *        datagram can't be split either.
 */
static inline enum sl_drop SL_MUST_USE sl_wire_parse_record(struct sl_reader *datagram,
                                                            unsigned own_cid_len,
                                                            struct sl_record_header *out)
{
    const uint8_t *at = datagram->at;
    const size_t left = datagram->failed ? 0 : sl_reader_left(datagram);
    if (left < SL_RECORD_HEADER_LEN)
        return SL_DROP_RECORD_HEADER;
    const bool has_cid = at[0] == SL_CONTENT_TLS12_CID;
    const size_t header_len = SL_RECORD_HEADER_LEN + (has_cid ? own_cid_len : 0);
    const uint16_t version = sl_load_be16(at + 1);
    const uint64_t epoch_seq = sl_load_be64(at + 3);
    const bool is_epoch0 = epoch_seq <= SL_SEQ_MAX;
    if (left < header_len || (has_cid && (own_cid_len == 0 || is_epoch0)))
        return SL_DROP_RECORD_HEADER;
    if (version != SL_DTLS_VERSION_1_2 && !(version == SL_DTLS_VERSION_1_0 && is_epoch0))
        return SL_DROP_RECORD_VERSION;
    const uint16_t body_len = sl_load_be16(at + header_len - 2);
    if (body_len > (is_epoch0 ? SL_RECORD_PLAINTEXT_MAX : SL_RECORD_PROTECTED_MAX))
        return SL_DROP_RECORD_TOO_LARGE;
    if (left - header_len < body_len)
        return SL_DROP_RECORD_HEADER;
    datagram->at = at + header_len + body_len;
    *out = (struct sl_record_header){
        .type = at[0],
        .cid_len = (uint8_t)(header_len - SL_RECORD_HEADER_LEN),
        .version = version,
        .header_len = (uint16_t)header_len,
        .body_len = body_len,
        .epoch_seq = epoch_seq,
        .cid = at + SL_RECORD_CID_OFF,
    };
    return SL_DROP_NONE;
}

/** The first fragment of a ClientHello, or the whole, RFC 6347 4.2.1, 4.2.2. */
struct sl_client_hello {
    uint64_t record_seq;
    uint32_t msg_len; /* of the whole message, without its handshake header */
    uint32_t frag_off;
    uint32_t frag_len;
    uint16_t msg_seq;
    uint16_t client_version;
    bool whole; /* frag_off 0 and frag_len == msg_len: suites and extensions are read */
    uint8_t session_id_len;
    uint8_t cookie_len;
    uint16_t suites_len;   /* bytes; 0 unless whole */
    const uint8_t *random; /* [SL_RANDOM_LEN]; NULL in a later fragment */
    const uint8_t *session_id;
    const uint8_t *cookie;
    const uint8_t *suites;
};

/**
 * Parses a plaintext handshake record whose first (and, for a ClientHello, only) message is a
 * ClientHello fragment. A first fragment must hold everything up to the cookie's end. A whole one
 * is walked to its end, extensions included, and any inconsistent length is refused.
 *
 * return SL_DROP_NONE; CLIENT_HELLO when malformed; CONTENT_TYPE when it is another message.
 */
enum sl_drop sl_wire_parse_client_hello(const struct sl_record_header *record, const uint8_t *body,
                                        struct sl_client_hello *out) SL_MUST_USE;

/** The shortest first fragment, record header and all: up to an empty cookie. */
#define SL_CLIENT_HELLO_START_LEN                                                                  \
    (SL_RECORD_HEADER_LEN + SL_HANDSHAKE_HEADER_LEN + 2 + SL_RANDOM_LEN + 1 + 1)

/** Length of a HelloVerifyRequest datagram with this cookie. */
#define SL_HELLO_VERIFY_LEN(cookie_len)                                                            \
    (SL_RECORD_HEADER_LEN + SL_HANDSHAKE_HEADER_LEN + 3 + (cookie_len))

/**
 * Writes a HelloVerifyRequest, RFC 6347 4.2.1: record version and server_version DTLS 1.0, record
 * number that of the ClientHello. So is the message's: who keeps no state has no other way to count
 * on (4.2.2), and a client whose cookie was wrong waits for the number that follows the last
 * answer's. out [SL_HELLO_VERIFY_LEN(cookie_len)]
 */
void sl_wire_write_hello_verify(uint8_t *out, uint64_t record_seq, uint16_t msg_seq,
                                const uint8_t *cookie, uint8_t cookie_len);

/** Writes a 13-byte record header (epoch 0 or one without a connection ID) to out[13]. */
void sl_wire_write_record_header(uint8_t *out, uint8_t type, uint16_t epoch, uint64_t seq,
                                 uint16_t body_len);

/** Microsoft's Toeplitz hash of the tuple as RSS computes it for UDP, default 40-byte key. */
uint32_t sl_wire_rss_hash(const struct sl_tuple *tuple);
/** The key, to program NICs with. */
extern const uint8_t sl_wire_rss_key[40];

#include "headers_inline.h"
#include "plain_inline.h"

#endif
