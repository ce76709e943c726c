#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include <pcap/pcap.h>

#include "capture.h"
#include "sl_preload.h"

#define SNAPSHOT_LEN 65535
#define SESSIONS_SUFFIX ".sessions"
#define PATH_LEN 4096

/** Of sockets, whose frames have no headers: what stands in their place. */
static const uint8_t client_mac[SL_ETHER_ADDR_LEN] = {2, 0, 0, 0, 0, 1};
static const uint8_t server_mac[SL_ETHER_ADDR_LEN] = {2, 0, 0, 0, 0, 2};

struct capture {
    enum value_capture what;
    pthread_mutex_t lock; /* the engines write in turn */
    pcap_t *format;
    pcap_dumper_t *packets;
    FILE *sessions;
    bool has_failed;
    struct tap *taps;
};

/** Between one engine and its port. */
struct tap {
    struct tap *next;
    struct capture *capture;
    struct sl_load_io io; /* the port's own */
    bool has_headers;
    uint8_t packet[SNAPSHOT_LEN]; /* one on its way to the file */
    uint32_t packet_len;
};

static bool open_files(struct capture *capture, const char *path, char *reason)
{
    char sessions[PATH_LEN];
    capture->format =
        pcap_open_dead_with_tstamp_precision(DLT_EN10MB, SNAPSHOT_LEN, PCAP_TSTAMP_PRECISION_NANO);
    if (capture->format == NULL) {
        snprintf(reason, SL_REASON_LEN, "no memory for a capture");
        return false;
    }
    capture->packets = pcap_dump_open(capture->format, path);
    if (capture->packets == NULL) {
        snprintf(reason, SL_REASON_LEN, "%s", pcap_geterr(capture->format));
        return false;
    }
    snprintf(sessions, sizeof sessions, "%s" SESSIONS_SUFFIX, path);
    capture->sessions = sl_preload_create(sessions);
    if (capture->sessions == NULL)
        snprintf(reason, SL_REASON_LEN, "%.150s can't be written: %s", sessions, strerror(errno));
    return capture->sessions != NULL;
}

struct capture *capture_create(const char *path, enum value_capture what, char *reason)
{
    struct capture *capture = calloc(1, sizeof *capture);
    if (capture == NULL) {
        snprintf(reason, SL_REASON_LEN, "no memory for a capture");
        return NULL;
    }
    capture->what = what;
    pthread_mutex_init(&capture->lock, NULL);
    if (open_files(capture, path, reason))
        return capture;
    (void)capture_close(capture);
    return NULL;
}

int capture_close(struct capture *capture)
{
    if (capture == NULL)
        return 0;
    bool has_failed = capture->has_failed;
    if (capture->packets != NULL) {
        has_failed |= pcap_dump_flush(capture->packets) != 0;
        has_failed |= ferror(pcap_dump_file(capture->packets)) != 0;
        pcap_dump_close(capture->packets);
    }
    if (capture->format != NULL)
        pcap_close(capture->format);
    if (capture->sessions != NULL)
        has_failed |= fclose(capture->sessions) != 0;
    while (capture->taps != NULL) {
        struct tap *tap = capture->taps;
        capture->taps = tap->next;
        free(tap);
    }
    pthread_mutex_destroy(&capture->lock);
    free(capture);
    return has_failed ? -EIO : 0;
}

/** The other side's view. */
static struct sl_tuple turned(const struct sl_tuple *tuple)
{
    return (struct sl_tuple){.remote_ip = tuple->local_ip,
                             .local_ip = tuple->remote_ip,
                             .remote_port = tuple->local_port,
                             .local_port = tuple->remote_port};
}

void capture_session(void *arg, const struct sl_load_session *session)
{
    struct capture *capture = arg;
    struct sl_preload_session line = {.tuple = turned(&session->tuple),
                                      .alg = session->alg,
                                      .cid_len = session->peer_cid_len,
                                      .peer_cid_len = session->own_cid_len};
    memcpy(line.cid, session->peer_cid, session->peer_cid_len);
    memcpy(line.peer_cid, session->own_cid, session->own_cid_len);
    memcpy(line.client_key, session->seal_key, sl_aead_key_len(session->alg));
    memcpy(line.client_iv, session->seal_iv, sl_aead_iv_len(session->alg));
    pthread_mutex_lock(&capture->lock);
    capture->has_failed |= sl_preload_write_session(capture->sessions, &line) != 0;
    pthread_mutex_unlock(&capture->lock);
    explicit_bzero(&line, sizeof line);
}

/** A payload gets the headers that it has on the wire, but for the addresses below IP. */
static void copy_payload(struct tap *tap, const struct sl_frame *frame, bool is_sent)
{
    struct sl_path path = {.tuple = frame->path.tuple, .hop = {.vlan_id = SL_VLAN_NONE}};
    if (!is_sent)
        path.tuple = turned(&frame->path.tuple);
    memcpy(path.hop.mac, is_sent ? server_mac : client_mac, sizeof path.hop.mac);
    const uint32_t headers_len = sl_wire_headers_len(&path);
    struct sl_frame full = {.data = tap->packet, .payload_len = frame->payload_len};
    memcpy(tap->packet + headers_len, frame->data + frame->payload_off, frame->payload_len);
    sl_wire_write_headers(&full, &path, is_sent ? client_mac : server_mac);
    tap->packet_len = full.len;
}

/** return whether it is one that the file is to have. */
static bool copy_packet(struct tap *tap, const struct sl_frame *frame, bool is_sent)
{
    const struct capture *capture = tap->capture;
    const bool is_wanted = capture->what == VALUE_CAPTURE_DATA
                               ? is_sent && (frame->flags & SL_FRAME_TX_MESSAGE)
                               : is_sent || (capture->what == VALUE_CAPTURE_ALL &&
                                             !(frame->flags & SL_FRAME_HANDED_OVER));
    const uint32_t longest =
        SNAPSHOT_LEN - SL_ETHER_HEADER_LEN - SL_IPV6_HEADER_LEN - SL_UDP_HEADER_LEN;
    if (!is_wanted || frame->len > longest)
        return false;
    if (tap->has_headers) {
        memcpy(tap->packet, frame->data, frame->len);
        tap->packet_len = frame->len;
    } else {
        copy_payload(tap, frame, is_sent);
    }
    return true;
}

static void write_packet(struct tap *tap)
{
    struct capture *capture = tap->capture;
    struct timespec now;
    pthread_mutex_lock(&capture->lock);
    clock_gettime(CLOCK_REALTIME, &now);
    const struct pcap_pkthdr header = {
        .ts = {.tv_sec = now.tv_sec, .tv_usec = now.tv_nsec}, /* nanoseconds: as it was opened */
        .caplen = tap->packet_len,
        .len = tap->packet_len,
    };
    pcap_dump((u_char *)capture->packets, &header, tap->packet);
    pthread_mutex_unlock(&capture->lock);
}

static unsigned receive(void *arg, struct sl_frame **frames, unsigned n)
{
    struct tap *tap = arg;
    const unsigned received = tap->io.receive(tap->io.arg, frames, n);
    for (unsigned i = 0; i < received; i++)
        if (copy_packet(tap, frames[i], false))
            write_packet(tap);
    return received;
}

/** One at a time: what the port has taken can't be looked at any more, and which it takes is its
 * business. */
static unsigned transmit(void *arg, struct sl_frame **frames, unsigned n)
{
    struct tap *tap = arg;
    unsigned sent = 0;
    for (; sent < n; sent++) {
        const bool is_wanted = copy_packet(tap, frames[sent], true);
        if (tap->io.transmit(tap->io.arg, &frames[sent], 1) == 0)
            break;
        if (is_wanted)
            write_packet(tap);
    }
    return sent;
}

static unsigned take(void *arg, struct sl_frame **frames, unsigned n)
{
    struct tap *tap = arg;
    return tap->io.take(tap->io.arg, frames, n);
}

static void give_back(void *arg, struct sl_frame **frames, unsigned n)
{
    struct tap *tap = arg;
    tap->io.free(tap->io.arg, frames, n);
}

static bool hand_over(void *arg, unsigned engine, struct sl_frame *frame)
{
    struct tap *tap = arg;
    frame->flags |= SL_FRAME_HANDED_OVER; /* it is in the file already */
    return tap->io.hand_over(tap->io.arg, engine, frame);
}

static int open_source(void *arg, uint32_t source, struct sl_tuple *tuple)
{
    struct tap *tap = arg;
    return tap->io.open_source(tap->io.arg, source, tuple);
}

static void close_source(void *arg, uint32_t source)
{
    struct tap *tap = arg;
    tap->io.close_source(tap->io.arg, source);
}

int capture_attach(struct capture *capture, struct port *port)
{
    struct tap *tap = calloc(1, sizeof *tap);
    if (tap == NULL)
        return -ENOMEM;
    tap->capture = capture;
    tap->io = port->io;
    tap->has_headers = port->link != NULL;
    tap->next = capture->taps;
    capture->taps = tap;
    port->io = (struct sl_load_io){
        .arg = tap,
        .receive = receive,
        .transmit = transmit,
        .take = take,
        .free = give_back,
        .hand_over = tap->io.hand_over != NULL ? hand_over : NULL,
        .open_source = tap->io.open_source != NULL ? open_source : NULL,
        .close_source = tap->io.close_source != NULL ? close_source : NULL,
    };
    return 0;
}
