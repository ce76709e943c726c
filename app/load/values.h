/** Text to what is meant: what stands behind a flag, and behind a key of a scenario file. */
#ifndef LOAD_VALUES_H
#define LOAD_VALUES_H

#include "json.h"
#include "sl_load.h"

#define VALUE_REASON_LEN 256
#define VALUE_LIST_MAX 16

enum value_kind {
    VALUE_TEXT,       /* char *, owned */
    VALUE_FILE,       /* char *, owned: in a scenario file, relative to its folder */
    VALUE_LIST,       /* struct value_list: each time one more */
    VALUE_SWITCH,     /* bool */
    VALUE_SWITCH_OFF, /* bool; the flag means false, as in --no-echo */
    VALUE_COUNT,      /* uint32_t, at least 1 */
    VALUE_NUMBER,     /* uint64_t */
    VALUE_RATE,       /* double, a second, above 0 */
    VALUE_SHARE,      /* double, 0..1: "1%", "0.01" */
    VALUE_DURATION,   /* uint64_t, nanoseconds: "10s", "500ms", "2m" */
    VALUE_LENGTH,     /* uint64_t, nanoseconds; "forever" is VALUE_FOREVER */
    VALUE_SIZES,      /* struct sl_load_sizes */
    VALUE_SOURCES,    /* struct sl_load_sources */
    VALUE_CYCLE,      /* struct value_cycle: "5s/20s" */
    VALUE_CID,        /* int: 0..20, or -1 for "none" */
    VALUE_HOP,        /* struct value_hop: an IP or a MAC address */
    VALUE_DRIVER,     /* enum value_driver */
    VALUE_CAPTURE,    /* enum value_capture */
};

#define VALUE_FOREVER UINT64_MAX

struct value_list {
    char *items[VALUE_LIST_MAX]; /* owned */
    unsigned count;
};

/** All clients talk, then are silent, in turn. */
struct value_cycle {
    uint64_t active_ns, idle_ns;
};

/** The next hop: whom to ask, or what the answer is; neither: not given. */
struct value_hop {
    bool is_ip, is_mac;
    struct sl_ip ip;
    uint8_t mac[SL_ETHER_ADDR_LEN];
};

/** Of a network interface, when DPDK has it. */
enum value_driver { VALUE_DRIVER_AUTO, VALUE_DRIVER_AF_XDP, VALUE_DRIVER_AF_PACKET };

/** What a capture has. */
enum value_capture {
    VALUE_CAPTURE_ALL,  /* what is sent and what comes back */
    VALUE_CAPTURE_SENT, /* what clients send: handshakes, messages, alerts */
    VALUE_CAPTURE_DATA, /* messages alone */
};

/** Reads text into field. return whether it could; else reason [VALUE_REASON_LEN] says what is
 * wanted. A text or list that field holds already is freed, or added to. */
bool value_read(enum value_kind kind, const char *text, void *field, char *reason) SL_MUST_USE;
/** Frees what a field owns. */
void value_free(enum value_kind kind, void *field);
/** As JSON: durations in seconds, shares from 0 to 1; absent texts are left out. text: as given. */
void value_write_json(struct json *json, const char *key, enum value_kind kind, const void *field,
                      const char *text);

/* One kind each; reason as above. */
bool value_read_count(const char *text, uint32_t *count, char *reason) SL_MUST_USE;
bool value_read_number(const char *text, uint64_t *number, char *reason) SL_MUST_USE;
bool value_read_rate(const char *text, double *rate, char *reason) SL_MUST_USE;
bool value_read_share(const char *text, double *share, char *reason) SL_MUST_USE;
bool value_read_duration(const char *text, uint64_t *ns, char *reason) SL_MUST_USE;
bool value_read_cycle(const char *text, struct value_cycle *cycle, char *reason) SL_MUST_USE;
bool value_read_cid(const char *text, int *len, char *reason) SL_MUST_USE;
bool value_read_hop(const char *text, struct value_hop *hop, char *reason) SL_MUST_USE;

/** addresses.c: "ADDR[-ADDR|/PREFIXLEN][:PORT[-PORT]]", IPv6 in brackets where a port follows. */
bool value_read_sources(const char *text, struct sl_load_sources *sources,
                        char *reason) SL_MUST_USE;
/** "198.18.0.1", "2001:db8::1" and the like; nothing else. */
bool value_read_ip(const char *text, struct sl_ip *ip) SL_MUST_USE;
/** "HOST:PORT", "[IPv6]:PORT". host [host_len]. */
bool value_split_server(const char *text, char *host, size_t host_len, uint16_t *port,
                        char *reason) SL_MUST_USE;

#endif
