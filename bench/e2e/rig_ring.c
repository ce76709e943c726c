/* The rig's port as the gateway has one: lib/port over a DPDK port, and lib/runtime's loop. Behind
 * the DPDK port are two rings: what it receives comes from one, what it sends goes to the other. */
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>

#include <rte_cycles.h>
#include <rte_eal.h>
#include <rte_eth_ring.h>
#include <rte_mbuf.h>
#include <rte_ring.h>

#include "bench.h"
#include "rig_priv.h"
#include "runtime_priv.h"

#define RING_LEN (2 * RIG_FEED_MAX)
#define MEMORY_MB 128

struct rig_port {
    struct sl_port *port;
    struct rte_ring *rx, *tx;
    struct sl_runtime runtime; /* as much of it as the loop looks at */
    struct runtime_worker worker;
    uint64_t stopped_tsc;
};

static bool has_huge_pages(void)
{
    unsigned long free_pages = 0, page_kb = 0, number;
    char line[128];
    FILE *file = fopen("/proc/meminfo", "re");
    while (file != NULL && fgets(line, sizeof line, file) != NULL) {
        if (sscanf(line, "HugePages_Free: %lu", &number) == 1)
            free_pages = number;
        if (sscanf(line, "Hugepagesize: %lu", &number) == 1)
            page_kb = number;
    }
    if (file != NULL)
        fclose(file);
    return free_pages * page_kb >= MEMORY_MB << 10;
}

static void start_eal(void)
{
    static bool is_started;
    static char cores[32], memory[16];
    static char *words[] = {"bench", "--no-pci",    "--no-telemetry",      "-m", memory,
                            cores,   "--in-memory", "--log-level=*:error", NULL, NULL};
    if (is_started)
        return;
    bool is_huge = has_huge_pages();
    if (!is_huge) {
        words[6] = "--no-huge";
        words[8] = "--no-shconf"; /* several may run side by side, as they may in memory */
    }
    snprintf(cores, sizeof cores, "--lcores=0@%d", sched_getcpu()); /* where bench_begin put us */
    snprintf(memory, sizeof memory, "%d", MEMORY_MB);
    if (rte_eal_init(is_huge ? 8 : 9, words) < 0)
        rig_fail("DPDK can't start");
    bench_result(is_huge, "machine.packet_buffers_on_huge_pages");
    is_started = true;
}

static void log_line(const char *line)
{
    fprintf(stderr, "%s\n", line);
}

static struct rte_ring *create_ring(const char *name, const char *what, unsigned len,
                                    unsigned flags)
{
    char text[RTE_RING_NAMESIZE];
    snprintf(text, sizeof text, "%s_%s", name, what);
    struct rte_ring *ring = rte_ring_create(text, len, SOCKET_ID_ANY, flags | RING_F_SC_DEQ);
    if (ring == NULL)
        rig_fail("no ring");
    return ring;
}

struct rig_port *rig_port_open(void)
{
    static unsigned number; /* a DPDK port that was closed leaves its name in use */
    char name[16], device[32], reason[256];
    start_eal();
    struct rig_port *port = bench_alloc(sizeof *port);
    snprintf(name, sizeof name, "bench%u", number++);
    snprintf(device, sizeof device, "net_ring_%s", name);
    port->rx = create_ring(name, "rx", RING_LEN, RING_F_SP_ENQ);
    port->tx = create_ring(name, "tx", RING_LEN, RING_F_SP_ENQ);
    port->worker.handoff = create_ring(name, "handoff", HANDOFF_LEN, RING_F_MP_RTS_ENQ);
    if (rte_eth_from_rings(name, &port->rx, 1, &port->tx, 1, 0) < 0)
        rig_fail("no DPDK port of rings");
    const char *const devices[] = {device};
    struct sl_port_config config = {.driver = SL_PORT_DPDK,
                                    .devices = devices,
                                    .device_count = 1,
                                    .queue_count = 1,
                                    .frames_per_queue = RING_LEN - 1};
    if (sl_port_create(&config, log_line, &port->port, reason) != 0)
        rig_fail(reason);
    port->runtime.config.port_count = 1;
    port->runtime.ports[0] = port->port;
    port->worker.runtime = &port->runtime;
    clock_start(&port->worker.clock);
    return port;
}

void rig_port_close(struct rig_port *port)
{
    sl_port_destroy(port->port);
    rte_ring_free(port->rx);
    rte_ring_free(port->tx);
    rte_ring_free(port->worker.handoff);
    free(port);
}

static void free_frames(void *arg, struct sl_frame **frames, unsigned n)
{
    (void)arg;
    sl_port_free(frames, n);
}

static unsigned take_frames(void *arg, unsigned group, struct sl_frame **frames, unsigned n)
{
    struct rig_port *port = arg;
    (void)group;
    return sl_port_take(port->port, 0, frames, n);
}

static unsigned transmit(void *arg, unsigned group, struct sl_frame **frames, unsigned n)
{
    struct rig_port *port = arg;
    (void)group;
    return sl_port_transmit(port->port, 0, frames, n);
}

static unsigned hand_over(void *arg, unsigned worker, struct sl_frame **frames, unsigned n)
{
    (void)arg, (void)worker, (void)frames, (void)n;
    rig_fail("a frame for another worker");
    return 0;
}

struct sl_worker_io rig_port_io(struct rig_port *port)
{
    return (struct sl_worker_io){port, free_frames, take_frames, transmit, hand_over};
}

void rig_port_serve(struct rig_port *port, struct sl_worker *worker)
{
    port->worker.worker = worker;
}

void rig_port_take(struct rig_port *port, struct sl_frame **frames, unsigned n)
{
    if (sl_port_take(port->port, 0, frames, n) != n)
        rig_fail("no empty frame");
}

void rig_port_offer(struct rig_port *port, struct sl_frame **frames, unsigned n)
{
    struct rte_mbuf *buffers[SL_BURST];
    for (unsigned i = 0; i < n; i++) {
        buffers[i] = frames[i]->handle;
        buffers[i]->data_len = frames[i]->len;
        buffers[i]->pkt_len = frames[i]->len;
    }
    if (rte_ring_sp_enqueue_bulk(port->rx, (void **)buffers, n, NULL) != n)
        rig_fail("frames could not be offered");
}

void rig_port_stop_clock(struct rig_port *port)
{
    port->worker.clock.interval = UINT64_MAX; /* nor is it set right by the kernel's */
    port->stopped_tsc = rte_rdtsc();
}

void rig_port_start_clock(struct rig_port *port)
{
    port->worker.clock.tsc += rte_rdtsc() - port->stopped_tsc;
}

void rig_port_turn(struct rig_port *port)
{
    runtime_worker_poll(&port->worker);
}

unsigned rig_port_pass_in(struct rig_port *port)
{
    struct sl_frame *frames[SL_BURST];
    clock_now(&port->worker.clock);
    unsigned n = sl_port_receive(port->port, 0, frames, SL_BURST);
    sl_port_free(frames, n);
    return n;
}

void rig_port_pass_out(struct rig_port *port)
{
    struct sl_frame *frames[SL_BURST];
    clock_now(&port->worker.clock);
    rig_port_take(port, frames, SL_BURST);
    if (sl_port_transmit(port->port, 0, frames, SL_BURST) != SL_BURST)
        rig_fail("frames could not be transmitted");
}

/** What a network card does in its transmit call: buffers that were sent are free again. */
unsigned rig_port_drain(struct rig_port *port, rig_look *look, void *arg)
{
    struct rte_mbuf *buffers[SL_BURST];
    unsigned n, all = 0;
    while ((n = rte_ring_sc_dequeue_burst(port->tx, (void **)buffers, SL_BURST, NULL)) > 0) {
        for (unsigned i = 0; look != NULL && i < n; i++)
            look(arg, rte_pktmbuf_mtod(buffers[i], const uint8_t *), buffers[i]->data_len);
        rte_pktmbuf_free_bulk(buffers, n);
        all += n;
    }
    return all;
}
