/* Receiving: sources that may have something take turns; a turn is one call of recvmmsg. */
#include <errno.h>
#include <netinet/in.h>
#include <netinet/udp.h>
#include <sys/epoll.h>

#include "sockets_priv.h"

#define EVENTS_MAX 64

/** The source may have something: it gets a turn. */
static void push_ready(struct sl_sockets *sockets, unsigned number)
{
    struct sockets_source *source = &sockets->sources[number];
    if (source->is_ready)
        return;
    unsigned at = sockets->ready_first + sockets->ready_count++;
    at -= at >= sockets->config.sources_max ? sockets->config.sources_max : 0;
    sockets->ready[at] = number;
    source->is_ready = true;
}

static unsigned pop_ready(struct sl_sockets *sockets)
{
    unsigned number = sockets->ready[sockets->ready_first++];
    if (sockets->ready_first == sockets->config.sources_max)
        sockets->ready_first = 0;
    sockets->ready_count--;
    sockets->sources[number].is_ready = false;
    return number;
}

/** Level-triggered: the kernel tells of a source again, behind the others, as long as it has
 * something. Edges would be lost where an error of the socket's stands before datagrams. */
static void ask_kernel(struct sl_sockets *sockets)
{
    struct epoll_event events[EVENTS_MAX];
    int count = epoll_wait(sockets->epoll_fd, events, EVENTS_MAX, 0);
    for (int i = 0; i < count; i++)
        push_ready(sockets, events[i].data.u32);
}

static uint8_t *landing_of(const struct sockets_batch *batch, unsigned i)
{
    return batch->landing + (size_t)i * (SOCKETS_MESSAGE_MAX + 1);
}

/** A message begins in its frame; where joined ones may come, it goes on in its landing place. */
static void prepare(struct sl_sockets *sockets, unsigned count)
{
    struct sockets_batch *batch = &sockets->batch;
    const unsigned room = sockets->config.frame_room;
    for (unsigned i = 0; i < count; i++) {
        batch->frames[i] = sockets_take_frame(sockets);
        batch->parts[i][0] = (struct iovec){batch->frames[i]->data, room};
        struct msghdr *message = &batch->messages[i].msg_hdr;
        *message = (struct msghdr){.msg_iov = batch->parts[i], .msg_iovlen = 1};
        if (batch->landing == NULL)
            continue;
        batch->parts[i][1] =
            (struct iovec){landing_of(batch, i) + room, SOCKETS_MESSAGE_MAX + 1 - room};
        message->msg_iovlen = 2;
        message->msg_control = &batch->control[i];
        message->msg_controllen = sizeof batch->control[i];
    }
}

/** Length of the datagrams that the kernel joined to this message; 0: it is one. */
static unsigned joined_len(struct msghdr *message)
{
    struct cmsghdr *control = CMSG_FIRSTHDR(message);
    int len = 0;
    if (control != NULL && control->cmsg_level == IPPROTO_UDP && control->cmsg_type == UDP_GRO &&
        control->cmsg_len >= CMSG_LEN(sizeof len))
        memcpy(&len, CMSG_DATA(control), sizeof len);
    return len > 0 ? (unsigned)len : 0;
}

/** Finds out what the messages are, and puts joined ones together in their landing places: the
 * first datagram's frame is the caller's soon, with all its room. */
static void look_at(struct sl_sockets *sockets, unsigned count)
{
    struct sockets_batch *batch = &sockets->batch;
    const unsigned room = sockets->config.frame_room;
    for (unsigned i = 0; i < count; i++) {
        struct mmsghdr *message = &batch->messages[i];
        const unsigned len = message->msg_len;
        unsigned segment_len = joined_len(&message->msg_hdr);
        if (message->msg_hdr.msg_flags & MSG_TRUNC)
            segment_len = room + 1; /* as long as it was, it is too long */
        else if (segment_len == 0 || segment_len > len)
            segment_len = len;
        batch->segment_len[i] = segment_len;
        const unsigned in_frame = len < room ? len : room;
        if (segment_len < in_frame)
            memcpy(landing_of(batch, i) + segment_len, batch->frames[i]->data + segment_len,
                   in_frame - segment_len);
        if (segment_len < len)
            sockets_count(sockets, SL_SOCKET_JOINED, (len + segment_len - 1) / segment_len);
    }
}

/** Gives frames of messages back that nobody was given. */
static void free_unused(struct sl_sockets *sockets, unsigned from, unsigned to)
{
    for (unsigned i = from; i < to; i++)
        if (sockets->batch.frames[i] != NULL)
            sockets_free_frame(sockets, sockets->batch.frames[i]);
}

/** One turn of the source that is next. return whether there was one to have it. */
static bool receive_batch(struct sl_sockets *sockets, unsigned wanted)
{
    struct sockets_batch *batch = &sockets->batch;
    if (sockets->ready_count == 0)
        return false;
    wanted = wanted < SOCKETS_BATCH ? wanted : SOCKETS_BATCH;
    wanted = wanted < sockets->free_count ? wanted : sockets->free_count;
    if (wanted == 0) {
        sockets_count(sockets, SL_SOCKET_POOL_EMPTY, 1);
        return false;
    }
    const unsigned number = pop_ready(sockets);
    const int fd = sockets->sources[number].fd;
    if (fd < 0)
        return true; /* closed since */
    prepare(sockets, wanted);
    int result = recvmmsg(fd, batch->messages, wanted, MSG_DONTWAIT, NULL);
    if (result < 0 && errno != EAGAIN)
        sockets_count_error(sockets, errno, SL_SOCKET_RECEIVE_ERROR);
    const unsigned count = result > 0 ? (unsigned)result : 0;
    if (count == wanted) /* there may be more: no need to ask the kernel */
        push_ready(sockets, number);
    free_unused(sockets, count, wanted);
    batch->source = number;
    batch->count = count;
    batch->at = batch->off = 0;
    look_at(sockets, count);
    return true;
}

/** The next datagram of message `at` in a frame, or NULL: it is too large for one. */
static struct sl_frame *hand_out_one(struct sl_sockets *sockets, unsigned len)
{
    struct sockets_batch *batch = &sockets->batch;
    struct sl_frame *frame = batch->frames[batch->at];
    if (len > sockets->config.frame_room) {
        sockets_count(sockets, SL_SOCKET_RECEIVE_TOO_LARGE, 1);
        return NULL;
    }
    if (frame == NULL)
        frame = sockets_take_frame(sockets);
    if (batch->off > 0)
        memcpy(frame->data, landing_of(batch, batch->at) + batch->off, len);
    batch->frames[batch->at] = NULL;
    frame->len = frame->payload_len = (uint16_t)len;
    frame->tailroom = (uint16_t)(frame->tailroom - len);
    frame->flags = SL_FRAME_RX_IP_CHECKSUM_GOOD | SL_FRAME_RX_L4_CHECKSUM_GOOD;
    frame->kind = SL_PACKET_UDP;
    frame->path.tuple = sockets->sources[batch->source].tuple;
    frame->tuple_hash = batch->source;
    return frame;
}

static void next_message(struct sl_sockets *sockets)
{
    struct sockets_batch *batch = &sockets->batch;
    free_unused(sockets, batch->at, batch->at + 1); /* too large: its frame is left */
    batch->at++;
    batch->off = 0;
}

/** Frames of the batch, up to n, or while the pool has any. return how many. */
static unsigned hand_out(struct sl_sockets *sockets, struct sl_frame **frames, unsigned n)
{
    struct sockets_batch *batch = &sockets->batch;
    unsigned done = 0;
    while (done < n && batch->at < batch->count) {
        if (batch->frames[batch->at] == NULL && sockets->free_count == 0) {
            sockets_count(sockets, SL_SOCKET_POOL_EMPTY, 1);
            break;
        }
        const unsigned left = batch->messages[batch->at].msg_len - batch->off;
        const unsigned segment_len = batch->segment_len[batch->at];
        struct sl_frame *frame =
            hand_out_one(sockets, left < segment_len && batch->off > 0 ? left : segment_len);
        if (frame != NULL)
            frames[done++] = frame;
        batch->off += segment_len;
        if (left <= segment_len)
            next_message(sockets);
    }
    sockets_count(sockets, SL_SOCKET_RECEIVED, done);
    return done;
}

void sockets_forget_batch(struct sl_sockets *sockets, unsigned number)
{
    struct sockets_batch *batch = &sockets->batch;
    if (batch->source != number)
        return;
    free_unused(sockets, batch->at, batch->count);
    batch->at = batch->count = 0;
}

unsigned sl_sockets_receive(struct sl_sockets *sockets, struct sl_frame **frames, unsigned n)
{
    unsigned done = hand_out(sockets, frames, n);
    if (done == n)
        return done;
    ask_kernel(sockets); /* each time, so that those who always have something keep nobody out */
    for (unsigned turn = 0; turn < n && done < n; turn++) {
        if (!receive_batch(sockets, n - done))
            break;
        done += hand_out(sockets, frames + done, n - done);
    }
    return done;
}
