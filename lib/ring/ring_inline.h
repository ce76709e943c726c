/**
 * The way of every message, inlined into those who deliver and receive. Included by sl_ring.h,
 * which says what the functions do; what happens seldom is theirs to call out of line.
 */
#ifndef RING_INLINE_H
#define RING_INLINE_H

/* How far before it writes, in bytes, a producer asks for lines that the consumer's core has. */
#define RING_AHEAD 2048

/** Room that an entry of header and payload takes. 64 bits: payload_len may be anything. */
static inline uint64_t ring_room_of(uint64_t len)
{
    return (len + SL_RING_ALIGN - 1) & ~(uint64_t)(SL_RING_ALIGN - 1);
}

/** From this index to the end of the data area. size is a power of two. */
static inline uint64_t ring_rest(uint64_t index, uint64_t size)
{
    return size - (index & (size - 1));
}

static inline struct sl_ring_entry *ring_entry_at(const struct sl_ring_producer *p, uint64_t index)
{
    return (struct sl_ring_entry *)(void *)(p->data + (index & (p->size - 1)));
}

/** sl_ring_reserve wherever it takes more than writing on: at the end of the data area, or in a
 * ring that is full, or looks so as its tail is an old one. The rest of the header is not zeroed.
 */
struct sl_ring_entry *ring_reserve_at_edge(struct sl_ring_producer *p, uint32_t payload_len);

static inline bool ring_is_at_edge(const struct sl_ring_producer *p, uint64_t room)
{
    return room > p->limit - p->head;
}

/** Where the next entry is written, away from the edge. */
static inline struct sl_ring_entry *ring_reserve_on(const struct sl_ring_producer *p)
{
    const uint8_t *ahead = (const uint8_t *)ring_entry_at(p, p->head + RING_AHEAD);
    __builtin_prefetch(ahead, 1);
    __builtin_prefetch(ahead + SL_RING_ALIGN, 1);
    return ring_entry_at(p, p->head);
}

/** Where an entry is written whose header and payload take `room`; NULL as sl_ring_reserve. */
static inline struct sl_ring_entry *ring_begin(struct sl_ring_producer *p, uint64_t room,
                                               uint32_t payload_len)
{
    return ring_is_at_edge(p, room) ? ring_reserve_at_edge(p, payload_len) : ring_reserve_on(p);
}

static inline struct sl_ring_entry *sl_ring_reserve(struct sl_ring_producer *p,
                                                    uint32_t payload_len)
{
    uint64_t len = sizeof(struct sl_ring_entry) + (uint64_t)payload_len;
    struct sl_ring_entry *entry = ring_begin(p, ring_room_of(len), payload_len);
    if (entry == NULL)
        return NULL;
    memset(entry, 0, sizeof *entry);
    entry->len = (uint32_t)len;
    return entry;
}

#define RING_HALF_LINE (SL_RING_ALIGN / 2)

/** A payload begins in the middle of a line. One of up to a line is copied by halves, as memcpy's
 * widest store would lie across two lines that are both on their way from the consumer's core. */
static inline void sl_ring_fill(struct sl_ring_entry *entry, const void *payload,
                                uint32_t payload_len)
{
    uint8_t *to = (uint8_t *)(entry + 1);
    const uint8_t *from = (const uint8_t *)payload;
    if (payload_len >= RING_HALF_LINE && payload_len <= SL_RING_ALIGN) {
        memcpy(to, from, RING_HALF_LINE);
        uint32_t last = payload_len - RING_HALF_LINE;
        memcpy(to + last, from + last, RING_HALF_LINE);
    } else if (payload_len > 0) {
        memcpy(to, from, payload_len);
    }
}

static inline void sl_ring_commit(struct sl_ring_producer *p, struct sl_ring_entry *entry,
                                  uint32_t payload_len)
{
    uint32_t len = (uint32_t)sizeof *entry + payload_len;
    assert(entry->len >= len);
    entry->len = len;
    p->head += ring_room_of(len);
}

/** The first of the header's words: all that says where an entry ends. */
struct ring_entry_start {
    uint32_t len;
    uint8_t kind;
    uint8_t worker;
    uint16_t detail;
};
static_assert(sizeof(struct ring_entry_start) == sizeof(uint64_t), "loaded and stored at once");
static_assert(offsetof(struct ring_entry_start, len) == offsetof(struct sl_ring_entry, len) &&
                  offsetof(struct ring_entry_start, kind) == offsetof(struct sl_ring_entry, kind),
              "the start of an entry");

static inline struct sl_ring_label sl_ring_label(uint8_t kind, uint8_t worker, uint16_t detail)
{
    struct ring_entry_start start = {0, kind, worker, detail};
    struct sl_ring_label label;
    memcpy(&label, &start, sizeof label);
    return label;
}

static inline bool SL_MUST_USE sl_ring_write(struct sl_ring_producer *p, struct sl_ring_label label,
                                             uint64_t session, uint64_t time_ns,
                                             const void *payload, uint32_t payload_len)
{
    uint64_t len = sizeof(struct sl_ring_entry) + (uint64_t)payload_len;
    struct sl_ring_entry *entry = ring_begin(p, ring_room_of(len), payload_len);
    if (entry == NULL)
        return false;
    entry->session = session;
    entry->time_ns = time_ns;
    entry->reserved = 0;
    sl_ring_fill(entry, payload, payload_len);
    label.word |= len; /* its first bytes, as the host's order has the least one first */
    memcpy(entry, &label, sizeof label);
    p->head += ring_room_of(len);
    return true;
}

static inline bool sl_ring_publish(struct sl_ring_producer *p)
{
    if (p->head == p->published || p->corrupt)
        return false;
    /* Pairs with the acquire in the consumer's load_head: entries are written before they show. */
    __atomic_store_n(&p->own->head, p->head, __ATOMIC_RELEASE);
    p->published = p->head;
    return true;
}

static inline const uint64_t *ring_words_at_tail(const struct sl_ring_consumer *c)
{
    return (const uint64_t *)(const void *)(c->data + (c->tail & (c->size - 1)));
}

/** One load that the compiler may not repeat: what is checked is what is used. */
static inline struct ring_entry_start ring_load_start(const struct sl_ring_consumer *c)
{
    uint64_t word = __atomic_load_n(ring_words_at_tail(c), __ATOMIC_RELAXED);
    struct ring_entry_start start;
    memcpy(&start, &word, sizeof start);
    return start;
}

/** Can a producer have written this entry here, before the limit? */
static inline bool ring_is_sound(const struct sl_ring_consumer *c, struct ring_entry_start start)
{
    /* One that is shorter than its header wraps around to the longest of all. */
    uint32_t payload_len = start.len - (uint32_t)sizeof(struct sl_ring_entry);
    return start.kind != SL_RING_PAD && payload_len <= c->payload_max &&
           ring_room_of(start.len) <= c->limit - c->tail;
}

/** sl_ring_is_ready wherever there may be something. */
bool ring_is_ready_at_edge(struct sl_ring_consumer *c);

static inline bool sl_ring_is_ready(struct sl_ring_consumer *c)
{
    /* Only compared: what may show entries is loaded once more, checked, and then used. */
    if (c->tail == c->head && __atomic_load_n(&c->peer->head, __ATOMIC_RELAXED) == c->tail)
        return false;
    return ring_is_ready_at_edge(c);
}

/** sl_ring_next wherever the producer's index must be loaded, a pad skipped, or an end told. */
const struct sl_ring_entry *ring_next_at_edge(struct sl_ring_consumer *c);

static inline const struct sl_ring_entry *sl_ring_next(struct sl_ring_consumer *c)
{
    if (c->tail == c->limit)
        return ring_next_at_edge(c);
    struct ring_entry_start start = ring_load_start(c);
    if (!ring_is_sound(c, start))
        return ring_next_at_edge(c);
    const uint64_t *entry = ring_words_at_tail(c);
    c->tail += ring_room_of(start.len);
    return (const struct sl_ring_entry *)(const void *)entry;
}

/** The next entry, whose start has been checked, is consumed. */
static inline void ring_take_sound(struct sl_ring_consumer *c, struct ring_entry_start start,
                                   struct sl_ring_taken *taken)
{
    const uint64_t *words = ring_words_at_tail(c);
    taken->session = __atomic_load_n(&words[1], __ATOMIC_RELAXED);
    taken->payload = (const uint8_t *)words + sizeof(struct sl_ring_entry);
    taken->payload_len = start.len - (uint32_t)sizeof(struct sl_ring_entry);
    taken->kind = start.kind;
    c->tail += ring_room_of(start.len);
}

/** sl_ring_take wherever the producer's index must be loaded, a pad skipped, or an end told. */
int ring_take_at_edge(struct sl_ring_consumer *c, struct sl_ring_taken *taken);

static inline int SL_MUST_USE sl_ring_take(struct sl_ring_consumer *c, struct sl_ring_taken *taken)
{
    if (c->tail == c->limit)
        return ring_take_at_edge(c, taken);
    struct ring_entry_start start = ring_load_start(c);
    if (!ring_is_sound(c, start))
        return ring_take_at_edge(c, taken);
    ring_take_sound(c, start, taken);
    return 1;
}

static inline void sl_ring_put_back(struct sl_ring_consumer *c, const struct sl_ring_taken *taken)
{
    c->tail -= ring_room_of(sizeof(struct sl_ring_entry) + (uint64_t)taken->payload_len);
    assert(c->tail - c->released <= c->size);
}

#endif
