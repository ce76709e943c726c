/* The rig's port without DPDK: an array of frames. What was transmitted is free again when
 * it is drained. */
#include <stdlib.h>

#include "bench.h"
#include "rig_priv.h"

#define FRAME_ROOM 2176 /* as an mbuf of the gateway's pool */
#define FRAME_HEADROOM 128
#define FRAME_COUNT (RIG_FEED_MAX + 512)
#define SENT_MAX 256

struct rig_port {
    struct sl_worker *worker;
    struct sl_frame *frames; /* [FRAME_COUNT] */
    uint8_t *buffers;
    struct sl_frame *empty[FRAME_COUNT];
    unsigned empty_count;
    struct sl_frame *offered[RIG_FEED_MAX];
    unsigned offered_count, received;
    struct sl_frame *sent[SENT_MAX]; /* and not drained yet */
    unsigned sent_count;
    uint64_t stopped_ns, stood_ns; /* when the clock was stopped last; and for how long in all */
};

static struct sl_frame *reset(struct rig_port *port, struct sl_frame *frame)
{
    *frame = (struct sl_frame){
        .data = port->buffers + (size_t)(frame - port->frames) * FRAME_ROOM + FRAME_HEADROOM,
        .headroom = FRAME_HEADROOM,
        .tailroom = FRAME_ROOM - FRAME_HEADROOM,
        .segs = 1,
    };
    return frame;
}

static void free_frames(void *arg, struct sl_frame **frames, unsigned n)
{
    struct rig_port *port = arg;
    for (unsigned i = 0; i < n; i++)
        port->empty[port->empty_count++] = frames[i];
}

static unsigned take_frames(void *arg, unsigned group, struct sl_frame **frames, unsigned n)
{
    struct rig_port *port = arg;
    unsigned taken = 0;
    (void)group;
    for (; taken < n && port->empty_count > 0; taken++)
        frames[taken] = reset(port, port->empty[--port->empty_count]);
    return taken;
}

/** They are kept until they are looked at, at most a few bursts. */
static unsigned transmit(void *arg, unsigned group, struct sl_frame **frames, unsigned n)
{
    struct rig_port *port = arg;
    unsigned room = SENT_MAX - port->sent_count;
    (void)group;
    if (n > room)
        n = room;
    memcpy(port->sent + port->sent_count, frames, n * sizeof *frames);
    port->sent_count += n;
    return n;
}

static unsigned hand_over(void *arg, unsigned worker, struct sl_frame **frames, unsigned n)
{
    (void)arg, (void)worker, (void)frames, (void)n;
    rig_fail("a frame for another worker");
    return 0;
}

struct rig_port *rig_port_open(void)
{
    struct rig_port *port = bench_alloc(sizeof *port);
    port->frames = bench_alloc(sizeof *port->frames * FRAME_COUNT);
    port->buffers = bench_alloc((size_t)FRAME_ROOM * FRAME_COUNT);
    for (unsigned i = FRAME_COUNT; i > 0; i--)
        port->empty[port->empty_count++] = &port->frames[i - 1];
    return port;
}

void rig_port_close(struct rig_port *port)
{
    free(port->buffers);
    free(port->frames);
    free(port);
}

struct sl_worker_io rig_port_io(struct rig_port *port)
{
    return (struct sl_worker_io){port, free_frames, take_frames, transmit, hand_over};
}

void rig_port_serve(struct rig_port *port, struct sl_worker *worker)
{
    port->worker = worker;
}

void rig_port_take(struct rig_port *port, struct sl_frame **frames, unsigned n)
{
    if (take_frames(port, 0, frames, n) != n)
        rig_fail("no empty frame");
}

void rig_port_offer(struct rig_port *port, struct sl_frame **frames, unsigned n)
{
    port->offered_count -= port->received;
    memmove(port->offered, port->offered + port->received,
            port->offered_count * sizeof *port->offered);
    port->received = 0;
    if (port->offered_count + n > RIG_FEED_MAX)
        rig_fail("too many frames offered");
    memcpy(port->offered + port->offered_count, frames, n * sizeof *frames);
    port->offered_count += n;
}

static unsigned receive(struct rig_port *port, struct sl_frame *frames[SL_BURST])
{
    unsigned left = port->offered_count - port->received;
    unsigned n = left < SL_BURST ? left : SL_BURST;
    memcpy(frames, port->offered + port->received, n * sizeof *frames);
    port->received += n;
    return n;
}

void rig_port_stop_clock(struct rig_port *port)
{
    port->stopped_ns = bench_now_ns();
}

void rig_port_start_clock(struct rig_port *port)
{
    port->stood_ns += bench_now_ns() - port->stopped_ns;
}

void rig_port_turn(struct rig_port *port)
{
    struct sl_frame *frames[SL_BURST];
    uint64_t now_ns = bench_now_ns() - port->stood_ns;
    unsigned n = receive(port, frames);
    if (n > 0)
        sl_worker_receive(port->worker, frames, n, now_ns);
    sl_worker_turn(port->worker, now_ns);
}

unsigned rig_port_pass_in(struct rig_port *port)
{
    struct sl_frame *frames[SL_BURST];
    unsigned n = receive(port, frames);
    free_frames(port, frames, n);
    return n;
}

void rig_port_pass_out(struct rig_port *port)
{
    struct sl_frame *frames[SL_BURST];
    rig_port_take(port, frames, SL_BURST);
    if (transmit(port, 0, frames, SL_BURST) != SL_BURST)
        rig_fail("frames could not be transmitted");
}

unsigned rig_port_drain(struct rig_port *port, rig_look *look, void *arg)
{
    unsigned n = port->sent_count;
    for (unsigned i = 0; look != NULL && i < n; i++)
        look(arg, port->sent[i]->data, port->sent[i]->len);
    free_frames(port, port->sent, n);
    port->sent_count = 0;
    return n;
}
